/*
 * `limpid boot`: another kernel on the machine.
 *
 *      files       kernel, firmware, initial RAM disk: read whole
 *      devices.c   disks and folders, in the order of the command line, then entropy
 *      console.c   the serial port on standard input and output
 *      machine     until the guest ends it, --max-instructions, or Ctrl-a x
 *
 * The machine runs in slices, between which keys are read; a slice's end changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/board.h"
#include "lens/text.h"
#include "machine/machine.h"
#include "tool/console.h"
#include "tool/counters.h"
#include "tool/devices.h"
#include "tool/gdb.h"
#include "tool/host.h"
#include "tool/setup.h"
#include "tool/tlb.h"
#include "tool/tool.h"

/* Steps between two looks at the keyboard: some 20 ms. */
#define SLICE 5000000

static const char help[] =
    "usage: limpid boot KERNEL [OPTIONS]\n"
    "\n"
    "Boots a riscv64 kernel (an ELF file or a raw image) on a board like QEMU's virt.\n"
    "Its serial port is standard input and output; Ctrl-a x leaves, Ctrl-a h helps.\n"
    "\n"
    "  --bios builtin|none|FILE     SBI made by limpid (default); no firmware: the\n"
    "                               kernel starts in M-mode; an image, as OpenSBI\n"
    "  --initrd FILE, --append STRING\n"
    "                               initial RAM disk, command line\n"
    "  --memory SIZE, --harts N     default 128M and 1\n"
    "  --disk FILE[:ro|:snapshot]   a disk; with :snapshot, writes are forgotten\n"
    "  --share DIR[:TAG]            a folder to read, for mount -t 9p; tag: share\n"
    "  --write DIR[:TAG]            the same, to read and write\n"
    "  --stats, --json FILE         what the machine counted, at the end\n"
    "  --max-instructions N         stop after N, with exit status 124\n"
    "  --seed N                     other random numbers for the guest\n"
    "  --paging sv39|sv48|sv57      the deepest paging mode\n"
    "  --ad hardware|fault          who sets a PTE's A and D bits: Svadu or Svade\n"
    "  --misaligned hardware|trap   what a misaligned load or store does\n"
    "  --quantum N                  instructions in a hart's turn; default 10000\n"
    "  --tlb SPEC, --check-tlb, --gdb [ADDR:]PORT\n"
    "                               as for limpid run\n"
    "\n"
    "The exit status is the guest's code, 0 after a shutdown. 125: limpid failed.\n";

struct file {
	uint8_t *data;
	size_t len;
};

struct boot {
	struct console console; /* first: the machine's host gets a pointer to it */
	struct machine_host host;
	struct host memory; /* the host that run has, of which only the memory is used */
	struct setup setup;
	struct machine *machine;
	struct devices devices;
	struct gdb_server *gdb; /* or NULL */
	const char *kernel_path, *bios_path, *initrd_path, *append;
	struct file kernel, bios, initrd;
	enum machine_firmware firmware;
};

/* -- the command line --------------------------------------------------------------------- */

static void parse_bios(struct boot *b, const char *value)
{
	if (!strcmp(value, "builtin"))
		b->firmware = FIRMWARE_BUILTIN;
	else if (!strcmp(value, "none"))
		b->firmware = FIRMWARE_NONE;
	else
		b->firmware = FIRMWARE_IMAGE;
	b->bios_path = value;
}

/* One of two words: *out says whether it is the first. => false: a line was printed. */
static bool either(const char *option, const char *value, const char *yes, const char *no,
		   bool *out)
{
	*out = strcmp(value, yes) == 0;
	if (*out || strcmp(value, no) == 0)
		return true;
	complain("boot: %s %s: %s or %s", option, value, no, yes);
	return false;
}

/* => -1: go on; else the exit status. */
static int parse(struct boot *b, int argc, char **argv)
{
	enum { BIOS, INITRD, APPEND, DISK, SHARE, WRITE, PAGING, AD, MISALIGNED, QUANTUM, HELP };
	static const struct option_spec specs[] = {
	    {"--bios", 0, true},    {"--initrd", 0, true},  {"--append", 0, true},
	    {"--disk", 0, true},    {"--share", 0, true},   {"--write", 0, true},
	    {"--paging", 0, true},  {"--ad", 0, true},      {"--misaligned", 0, true},
	    {"--quantum", 0, true}, {"--help", 'h', false}, {NULL, 0, false}};
	struct machine_config *config = &b->setup.config;
	struct options o = {.verb = "boot",
			    .specs = specs,
			    .more = setup_specs,
			    .argv = argv,
			    .argc = argc,
			    .at = 1};

	/* The kernel has no arguments of its own here, so options may stand behind it, too. */
	for (;;) {
		int i = options_next(&o);
		bool ok = true;

		if (i == OPTIONS_END && o.at == argc)
			break;
		if (i == OPTIONS_END && b->kernel_path) {
			complain("boot: %s: one kernel is enough; its command line is --append",
				 argv[o.at]);
			return EXIT_TROUBLE;
		}
		switch (i) {
		case OPTIONS_END: b->kernel_path = argv[o.at++]; break;
		case BIOS: parse_bios(b, o.value); break;
		case INITRD: b->initrd_path = o.value; break;
		case APPEND: b->append = o.value; break;
		case DISK: ok = devices_add_disk(&b->devices, &o); break;
		case SHARE: ok = devices_add_share(&b->devices, &o, false); break;
		case WRITE: ok = devices_add_share(&b->devices, &o, true); break;
		case PAGING: ok = paging_option("boot", o.value, config); break;
		case AD:
			ok = either("--ad", o.value, "fault", "hardware", &config->no_svadu);
			break;
		case MISALIGNED:
			ok = either("--misaligned", o.value, "trap", "hardware",
				    &config->trap_misaligned);
			break;
		case QUANTUM: ok = options_number(&o, &config->turn); break;
		case HELP: return options_help(help);
		default: ok = setup_option(&b->setup, &o, i); break;
		}
		if (!ok)
			return EXIT_TROUBLE;
	}
	if (!b->kernel_path) {
		complain("boot: no kernel given; see limpid boot --help");
		return EXIT_TROUBLE;
	}
	return -1;
}

/* -- before ------------------------------------------------------------------------------- */

/* => 0, or an exit status; a line that names the file was printed. */
static int read_file(const char *what, const char *path, struct file *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	size_t done = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		error = errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	else if (!S_ISREG(st.st_mode))
		error = EINVAL;
	if (!error) {
		f->len = (size_t)st.st_size;
		f->data = malloc(f->len ? f->len : 1);
		if (!f->data)
			error = ENOMEM;
	}
	while (!error && done < f->len) {
		ssize_t n = read(fd, f->data + done, f->len - done);

		if (n < 0 && errno != EINTR)
			error = errno;
		else if (n == 0)
			f->len = done; /* shorter than it was a moment ago */
		else if (n > 0)
			done += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (!error)
		return 0;
	complain("%s%s: %s", what, path, error == EINVAL ? "not a regular file" : strerror(error));
	return EXIT_TROUBLE;
}

static int read_files(struct boot *b)
{
	int status = read_file("", b->kernel_path, &b->kernel);

	if (!status && b->firmware == FIRMWARE_IMAGE)
		status = read_file("--bios ", b->bios_path, &b->bios);
	if (!status && b->initrd_path)
		status = read_file("--initrd ", b->initrd_path, &b->initrd);
	return status;
}

static void on_stale(void *ctx, struct machine *m, unsigned hart,
		     const struct stale_translation *what)
{
	struct boot *b = ctx;

	setup_stale(&b->setup, what);
}

static long stream_write(void *ctx, enum machine_stream s, const void *buf, size_t len)
{
	return s == STREAM_UART ? console_write(ctx, buf, len) : -1;
}

/* The console's ports are not there, so nobody asks. */
static long stream_read(void *ctx, enum machine_stream s, void *buf, size_t len)
{
	return 0;
}

/* Of which file the line speaks that machine_load_images gave. */
static const char *blamed(const struct boot *b, const char *why)
{
	if (!strncmp(why, "the firmware ", 13))
		return b->bios_path;
	if (!strncmp(why, "the initial RAM disk ", 21))
		return b->initrd_path;
	return b->kernel_path;
}

static void forget_files(struct boot *b)
{
	struct file *const files[] = {&b->kernel, &b->bios, &b->initrd};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		free(files[i]->data);
		*files[i] = (struct file){0};
	}
}

/* => 0, or an exit status; a line was printed. */
static int build(struct boot *b)
{
	struct machine_images images = {.firmware = b->firmware};
	const char *why = NULL;

	host_init(&b->memory, &b->host);
	b->host.ctx = b;
	b->host.stream_read = stream_read;
	b->host.stream_write = stream_write;
	b->host.on_stale = on_stale;
	for (int s = 0; s < STREAM_COUNT; s++)
		b->setup.config.has_stream[s] = s == STREAM_UART;
	console_init(&b->console, &b->host);
	b->machine = machine_create(&b->setup.config, &b->host, &why);
	if (!b->machine) {
		complain("boot: %s", why ? why : "the machine cannot be made");
		return EXIT_TROUBLE;
	}
	b->console.terminal.m = b->machine;
	if (!devices_attach(&b->devices, b->machine))
		return EXIT_TROUBLE;
	images.kernel = b->kernel.data;
	images.kernel_len = b->kernel.len;
	images.bios = b->bios.data;
	images.bios_len = b->bios.len;
	images.initrd = b->initrd.data;
	images.initrd_len = b->initrd.len;
	images.append = b->append;
	why = machine_load_images(b->machine, &images);
	if (why) {
		complain("%s: %s", blamed(b, why), why);
		return EXIT_CANNOT_RUN;
	}
	forget_files(b); /* here: the guest has its copy */
	return 0;
}

/* -- the run ------------------------------------------------------------------------------ */

/* The clock of the hart that is ahead: a waiting one's stays behind until it wakes. */
static uint64_t clock_of(const struct machine *m)
{
	uint64_t latest = 0;

	for (unsigned hart = 0; hart < machine_harts(m); hart++)
		if (machine_clock(m, hart) > latest)
			latest = machine_clock(m, hart);
	return latest;
}

static enum machine_stop run_machine(struct boot *b)
{
	enum machine_stop stop = STOP_LIMIT;
	uint64_t done = 0;

	while (stop == STOP_LIMIT && !b->console.terminal.quit &&
	       (!b->setup.max || done < b->setup.max)) {
		/* With several harts, the last slice may be some turns too long. */
		uint64_t left =
		    (b->setup.max - done + b->setup.config.harts - 1) / b->setup.config.harts;
		uint64_t slice = b->setup.max && left < SLICE ? left : SLICE;
		struct hart_counters c;
		uint64_t limit;

		limit = clock_of(b->machine) + slice;
		stop =
		    b->gdb ? gdb_serve(b->gdb, b->machine, limit) : machine_run(b->machine, limit);
		console_pump(&b->console);
		counters_sum(b->machine, &c);
		done = c.steps;
	}
	return stop;
}

/* -- after -------------------------------------------------------------------------------- */

static const char *end_name(const struct boot *b, enum machine_stop stop)
{
	switch (stop) {
	case STOP_FINISHED: return "finished";
	case STOP_RESET: return "reset";
	case STOP_STUCK: return "stuck";
	default: return b->console.terminal.quit ? "left" : "limit";
	}
}

/* => the exit status if nothing else goes wrong. */
static int judge(const struct boot *b, enum machine_stop stop)
{
	char number[COMMAS_SIZE];
	unsigned code;

	switch (stop) {
	case STOP_FINISHED:
		code = machine_finish_code(b->machine);
		return code > 0xff ? 0xff : (int)code;
	case STOP_RESET: complain("the guest asked for a reset; limpid ends instead"); return 0;
	case STOP_STUCK:
		complain("stopped: every hart waits, and nothing can wake it any more");
		return EXIT_TROUBLE;
	default:
		if (b->console.terminal.quit)
			return 0;
		complain("stopped after %s instructions (--max-instructions)",
			 commas(number, b->setup.max));
		return EXIT_STOPPED;
	}
}

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Schema limpid.boot/1: keys are never renamed or removed; new ones may appear. */
static int write_json(const struct boot *b, const struct hart_counters *c, const char *end,
		      int status)
{
	json_t *o = json_object();
	FILE *json = b->setup.json;
	int error;

	json_object_set_new(o, "schema", json_string("limpid.boot/1"));
	json_object_set_new(o, "limpid", json_string(LIMPID_VERSION));
	json_object_set_new(o, "memory_bytes", integer(b->setup.config.memory_size));
	json_object_set_new(o, "harts", integer(b->setup.config.harts));
	json_object_set_new(o, "seed", integer(b->setup.config.seed));
	json_object_set_new(o, "end", json_string(end));
	json_object_set_new(o, "status", integer((uint64_t)status));
	json_object_set_new(o, "clock_ns", integer(clock_of(b->machine)));
	json_object_set_new(o, "counters", counters_json(c));
	json_object_set_new(o, "tlb", counters_tlb_json(c));
	json_object_set_new(o, "walks", counters_walks_json(c));
	json_object_set_new(o, "address_spaces", counters_spaces_json(b->machine));
	errno = 0;
	error = json_dumpf(o, json, JSON_INDENT(2)) < 0 || fputc('\n', json) == EOF ||
		fflush(json) != 0;
	json_decref(o);
	return error ? (errno ? errno : EIO) : 0;
}

/* => the exit status. */
static int report(struct boot *b, enum machine_stop stop, int status)
{
	struct hart_counters c;
	int trouble;

	counters_sum(b->machine, &c);
	if (b->setup.stats)
		counters_print(&c);
	trouble = setup_stale_status(&b->setup);
	if (trouble)
		status = trouble;
	if (!b->setup.json)
		return status;
	trouble = setup_close_json(&b->setup, write_json(b, &c, end_name(b, stop), status));
	return trouble ? trouble : status;
}

static void clean(struct boot *b)
{
	console_fini(&b->console);
	if (b->setup.json)
		fclose(b->setup.json);
	machine_destroy(b->machine);
	devices_close(&b->devices);
	forget_files(b);
	free(b);
}

int verb_boot(int argc, char **argv)
{
	struct boot *b = calloc(1, sizeof(*b));
	enum machine_stop stop;
	int status;

	if (!b)
		return complain_no_memory();
	setup_init(&b->setup, "boot");
	status = parse(b, argc, argv);
	if (status < 0) {
		status = setup_open_json(&b->setup);
		if (status == 0)
			status = read_files(b);
		if (status == 0)
			status = build(b);
		if (status == 0 && b->setup.gdb_at) {
			b->gdb = gdb_open("boot", b->setup.gdb_at);
			status = b->gdb ? 0 : EXIT_TROUBLE;
		}
		if (status == 0) {
			stop = run_machine(b);
			console_fini(&b->console);
			status = judge(b, stop);
			gdb_close(b->gdb, (unsigned)status);
			status = report(b, stop, status);
		}
	}
	clean(b);
	return status;
}
