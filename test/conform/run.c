/*
 * Runs a bare image on Limpid's machine: run IMAGE [STEPS] [plain|slow|single|sliced].
 *
 * The image is raw, is loaded at the start of RAM and entered there in M-mode. What
 * it writes to the UART goes to standard output; the state hash at the end goes to
 * standard error. Exit status 0 if the image ended with PASS within STEPS steps.
 *
 * The ways to run, which must change neither: `slow` turns the lookaside off, `single`
 * makes blocks of one instruction, `sliced` stops and goes on after every few steps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/board.h"
#include "machine/machine.h"

static void *mem_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return calloc(1, len);
}

static void mem_free(void *ctx, void *mem, size_t len)
{
	(void)ctx, (void)len;
	free(mem);
}

static long stream_read(void *ctx, enum machine_stream s, void *buf, size_t len)
{
	(void)ctx, (void)s, (void)buf, (void)len;
	return 0;
}

static long stream_write(void *ctx, enum machine_stream s, const void *buf, size_t len)
{
	(void)ctx, (void)s;
	return fwrite(buf, 1, len, stdout) == len ? (long)len : -1;
}

/* Slices of 1 to 64 steps: stops fall before, within and behind every kind of run. */
static enum machine_stop run_sliced(struct machine *m, uint64_t steps)
{
	enum machine_stop stop = STOP_LIMIT;
	uint32_t random = 1;

	for (uint64_t limit = 0; stop == STOP_LIMIT && limit < steps;) {
		random = random * 1664525 + 1013904223;
		limit += 1 + (random >> 26);
		stop = machine_run(m, limit < steps ? limit : steps);
	}
	return stop;
}

int main(int argc, char **argv)
{
	const struct machine_host host = {.mem_alloc = mem_alloc,
					  .mem_free = mem_free,
					  .stream_read = stream_read,
					  .stream_write = stream_write};
	static unsigned char image[16 << 20];
	struct machine_config cfg;
	struct machine *m;
	const char *why = "";
	const char *mode = argc > 3 ? argv[3] : "plain";
	uint64_t steps = argc > 2 ? strtoull(argv[2], NULL, 0) : UINT64_MAX;
	enum machine_stop stop;
	bool passed;
	size_t len;
	FILE *f;

	if (argc < 2) {
		fprintf(stderr, "usage: run IMAGE [STEPS] [plain|slow|single|sliced]\n");
		return 2;
	}
	f = fopen(argv[1], "rb");
	if (!f) {
		perror(argv[1]);
		return 2;
	}
	len = fread(image, 1, sizeof(image), f);
	fclose(f);

	machine_config_init(&cfg);
	cfg.memory_size = 64 << 20;
	cfg.harts = 2;
	cfg.has_stream[STREAM_UART] = true;
	cfg.no_lookaside = strcmp(mode, "slow") == 0;
	cfg.single_blocks = strcmp(mode, "single") == 0;
	m = machine_create(&cfg, &host, &why);
	if (!m) {
		fprintf(stderr, "run: %s\n", why);
		return 2;
	}
	if (!machine_ram_write(m, paddr(BOARD_RAM_BASE), image, len)) {
		fprintf(stderr, "run: %s does not fit into RAM\n", argv[1]);
		return 2;
	}
	machine_start_bare(m, paddr(BOARD_RAM_BASE));
	stop = strcmp(mode, "sliced") == 0 ? run_sliced(m, steps) : machine_run(m, steps);
	passed = stop == STOP_FINISHED && machine_finish_code(m) == 0;
	if (!passed) {
		struct hart_regs r;

		machine_regs(m, 0, &r);
		fprintf(stderr, "run: not passed: stop %d, code %u, pc %#llx\n", (int)stop,
			machine_finish_code(m), (unsigned long long)r.pc);
	}
	fprintf(stderr, "state %016llx after %llu steps\n",
		(unsigned long long)machine_state_hash(m), (unsigned long long)machine_clock(m, 0));
	machine_destroy(m);
	return passed ? 0 : 1;
}
