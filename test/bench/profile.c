/*
 * Where the kernel's instructions go: counts each function's, exactly, by stepping.
 *
 *     profile KERNEL.elf INITRD "COMMAND LINE" [COUNT [MEMORY-MIB]]
 *
 * boots the kernel, as `limpid boot` does, and from the first program's first instruction on counts
 * the instructions executed at each address of the kernel. It prints them by function, most first,
 * divided by COUNT (1): of a program that does one thing COUNT times that is where one of them
 * goes. Functions that the compiler has inlined count as part of their callers. With SYMBOL in the
 * environment it prints the counts of that function's instructions by address instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/trace.h"
#include "lens/symbols.h"
#include "machine/machine.h"
#include "tool/host.h"

#define KERNEL_START 0xffffffff80000000
#define KERNEL_LEN   0x400000

static uint64_t counts[KERNEL_LEN / 2], user;
static int started;

static uint8_t *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;

	if (!f || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	*len = (size_t)ftell(f);
	rewind(f);
	data = malloc(*len + 1);
	if (!data || fread(data, 1, *len, f) != *len) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return data;
}

static void on_trace(void *ctx, struct machine *m, unsigned hart, unsigned event,
		     const uint64_t args[6])
{
	(void)ctx, (void)m, (void)hart, (void)args;
	started |= event == TRACE_USER_ENTER;
}

static long stream_write(void *ctx, enum machine_stream s, const void *buf, size_t len)
{
	(void)ctx, (void)s;
	return (long)fwrite(buf, 1, len, stderr);
}

struct line {
	const char *name;
	uint64_t count;
};

static int by_count(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void print_functions(const struct symbols *s, double per)
{
	struct line *lines = calloc(s->count + 1, sizeof *lines);
	uint64_t all = 0;
	size_t n = 0;

	for (size_t i = 0; i < KERNEL_LEN / 2; i++) {
		const struct symbol *f;

		if (!counts[i])
			continue;
		f = symbols_find(s, KERNEL_START + 2 * i);
		all += counts[i];
		for (n = 0; lines[n].name && f && strcmp(lines[n].name, f->name) != 0;)
			n++;
		lines[n].name = f ? f->name : "?";
		lines[n].count += counts[i];
	}
	for (n = 0; lines[n].name;)
		n++;
	qsort(lines, n, sizeof *lines, by_count);
	printf("%12.1f program\n%12.1f kernel\n", (double)user / per, (double)all / per);
	for (size_t i = 0; i < n && (double)lines[i].count / per >= 0.05; i++)
		printf("%12.1f %s\n", (double)lines[i].count / per, lines[i].name);
	free(lines);
}

static void print_addresses(const struct symbols *s, const char *name, double per)
{
	for (size_t i = 0; i < KERNEL_LEN / 2; i++) {
		const struct symbol *f = counts[i] ? symbols_find(s, KERNEL_START + 2 * i) : NULL;

		if (f && strcmp(f->name, name) == 0)
			printf("%lx %12.2f\n", KERNEL_START + 2 * i, (double)counts[i] / per);
	}
}

int main(int argc, char **argv)
{
	struct machine_config config;
	struct machine_host machine_host = {0};
	struct host host;
	struct machine *m;
	struct symbols symbols;
	struct hart_regs regs;
	const char *why = NULL;
	size_t kernel_len, initrd_len;

	if (argc < 4) {
		fprintf(stderr, "usage: profile KERNEL INITRD COMMAND-LINE [COUNT [MEMORY-MIB]]\n");
		return 2;
	}
	uint8_t *kernel = read_file(argv[1], &kernel_len),
		*initrd = read_file(argv[2], &initrd_len);
	double per = argc > 4 ? atof(argv[4]) : 1;

	host_init(&host, &machine_host);
	machine_host.on_trace = on_trace;
	machine_host.stream_write = stream_write;
	machine_config_init(&config);
	config.memory_size = (uint64_t)(argc > 5 ? atoi(argv[5]) : 512) << 20;
	memset(config.has_stream, 0, sizeof config.has_stream);
	m = machine_create(&config, &machine_host, &why);
	if (m)
		why = machine_load(m, kernel, kernel_len, initrd, initrd_len, argv[3]);
	if (!m || why || !symbols_init(&symbols, kernel, kernel_len)) {
		fprintf(stderr, "profile: %s\n", why ? why : "no memory");
		return 1;
	}
	while (machine_run(m, machine_clock(m, 0) + (started ? 1 : 1000)) == STOP_LIMIT) {
		if (!started)
			continue;
		machine_regs(m, 0, &regs);
		if (regs.pc - KERNEL_START < KERNEL_LEN)
			counts[(regs.pc - KERNEL_START) / 2]++;
		else
			user++;
	}
	if (getenv("SYMBOL"))
		print_addresses(&symbols, getenv("SYMBOL"), per);
	else
		print_functions(&symbols, per);
	symbols_fini(&symbols);
	machine_destroy(m);
	return 0;
}
