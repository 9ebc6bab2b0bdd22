/*
 * `limpid boot`: another kernel on the machine.
 *
 *      files       kernel, firmware, initial RAM disk: read whole
 *      disk.c      disks, share.c: folders, in the order of the command line, then entropy
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
#include "tool/disk.h"
#include "tool/host.h"
#include "tool/options.h"
#include "tool/share.h"
#include "tool/tool.h"

/* Steps between two looks at the keyboard: some 20 ms. */
#define SLICE 5000000

#define MAX_DEVICES (BOARD_VIRTIO_SLOTS - 1) /* the console has slot 0 */

static const char help[] =
    "usage: limpid boot [OPTIONS] KERNEL\n"
    "\n"
    "Boots a riscv64 kernel (an ELF file or a raw image) on a board like QEMU's virt.\n"
    "Its serial console is standard input and output; Ctrl-a x leaves, Ctrl-a h helps.\n"
    "\n"
    "  --bios builtin|none|FILE  what starts the kernel: SBI made by limpid (default),\n"
    "                            nothing (it starts in M-mode), or firmware as OpenSBI\n"
    "  --initrd FILE, --append STRING     initial RAM disk, command line\n"
    "  --memory SIZE, --harts N           default 128M and 1\n"
    "  --disk FILE[:ro|:snapshot]         a disk; with :snapshot, writes are forgotten\n"
    "  --share DIR[:TAG]                  a folder, to read, for mount -t 9p; tag: share\n"
    "  --write DIR[:TAG]                  the same, to read and write\n"
    "  --stats, --json FILE               what the machine counted, at the end\n"
    "  --max-instructions N               stop after N, with exit status 124\n"
    "  --seed N                           other random numbers for the guest\n"
    "\n"
    "The exit status is the guest's code, 0 after a shutdown. 125: limpid failed.\n";

/* Something to plug in, as the command line says it. */
struct device {
	enum { DEVICE_DISK, DEVICE_SHARE } kind;
	const char *option, *text; /* "--disk", "FILE:ro" */
	char *path;
	enum disk_mode mode;
	bool writable;
	char tag[SHARE_TAG_MAX + 1];
	struct disk disk;
	struct share share;
	bool is_open;
};

struct file {
	uint8_t *data;
	size_t len;
};

struct boot {
	struct console console; /* first: the machine's host gets a pointer to it */
	struct machine_host host;
	struct host memory; /* the host that run has, of which only the memory is used */
	struct machine_config config;
	struct machine *machine;
	struct device devices[MAX_DEVICES];
	unsigned ndevices;
	const char *kernel_path, *bios_path, *initrd_path, *append, *json_path;
	struct file kernel, bios, initrd;
	enum machine_firmware firmware;
	bool stats;
	FILE *json;
	uint64_t max; /* instructions */
};

/* -- the command line --------------------------------------------------------------------- */

/* => the device, of which kind, option and text are set; NULL: a line was printed. */
static struct device *add_device(struct boot *b, const struct options *o, bool is_disk)
{
	struct device *d = &b->devices[b->ndevices];

	if (b->ndevices == MAX_DEVICES) {
		complain("boot: %s %s: the board has room for %d disks and folders", o->name,
			 o->value, MAX_DEVICES);
		return NULL;
	}
	d->path = strdup(o->value);
	if (!d->path) {
		complain_no_memory();
		return NULL;
	}
	b->ndevices++;
	d->kind = is_disk ? DEVICE_DISK : DEVICE_SHARE;
	d->option = o->name;
	d->text = o->value;
	return d;
}

static bool parse_disk(struct boot *b, const struct options *o)
{
	struct device *d = add_device(b, o, true);
	char *colon = d ? strrchr(d->path, ':') : NULL;

	if (!d)
		return false;
	d->mode = DISK_READ_WRITE;
	if (!colon || strchr(colon, '/'))
		return true;
	if (!strcmp(colon, ":ro"))
		d->mode = DISK_READ_ONLY;
	else if (!strcmp(colon, ":snapshot"))
		d->mode = DISK_SNAPSHOT;
	else if (access(d->path, F_OK) == 0)
		return true; /* a colon in the file's name */
	else {
		complain("boot: %s %s: %s is no mode of a disk; :ro and :snapshot are", o->name,
			 o->value, colon);
		return false;
	}
	*colon = 0;
	return true;
}

static bool tag_taken(const struct boot *b, const struct device *d)
{
	for (const struct device *other = b->devices; other < d; other++)
		if (other->kind == DEVICE_SHARE && !strcmp(other->tag, d->tag))
			return true;
	return false;
}

static bool parse_share(struct boot *b, const struct options *o, bool writable)
{
	struct device *d = add_device(b, o, false);
	char *colon = d ? strrchr(d->path, ':') : NULL;

	if (!d)
		return false;
	d->writable = writable;
	if (colon && !strchr(colon, '/')) {
		size_t len = strlen(colon + 1);

		if (len < 1 || len > SHARE_TAG_MAX) {
			complain("boot: %s %s: a tag has 1 to %d bytes", o->name, o->value,
				 SHARE_TAG_MAX);
			return false;
		}
		memcpy(d->tag, colon + 1, len + 1);
		*colon = 0;
		if (tag_taken(b, d)) {
			complain("boot: %s %s: the tag %s is taken", o->name, o->value, d->tag);
			return false;
		}
		return true;
	}
	strcpy(d->tag, "share");
	for (unsigned n = 2; tag_taken(b, d); n++)
		snprintf(d->tag, sizeof(d->tag), "share%u", n);
	return true;
}

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

static bool parse_harts(struct boot *b, const struct options *o)
{
	uint64_t n;

	if (!options_number(o, &n))
		return false;
	if (n < 1 || n > BOARD_MAX_HARTS) {
		complain("boot: --harts %s: must be 1 to %d", o->value, BOARD_MAX_HARTS);
		return false;
	}
	b->config.harts = (unsigned)n;
	return true;
}

/* => -1: go on; else the exit status. */
static int parse(struct boot *b, int argc, char **argv)
{
	enum {
		BIOS,
		INITRD,
		APPEND,
		MEMORY,
		HARTS,
		DISK,
		SHARE,
		WRITE,
		STATS,
		JSON,
		MAX,
		SEED,
		HELP
	};
	static const struct option_spec specs[] = {{"--bios", 0, true},
						   {"--initrd", 0, true},
						   {"--append", 0, true},
						   {"--memory", 0, true},
						   {"--harts", 0, true},
						   {"--disk", 0, true},
						   {"--share", 0, true},
						   {"--write", 0, true},
						   {"--stats", 0, false},
						   {"--json", 0, true},
						   {"--max-instructions", 0, true},
						   {"--seed", 0, true},
						   {"--help", 'h', false},
						   {NULL, 0, false}};
	struct options o = {.verb = "boot", .specs = specs, .argv = argv, .argc = argc, .at = 1};

	for (int i; (i = options_next(&o)) != OPTIONS_END;) {
		bool ok = true;

		switch (i) {
		case BIOS: parse_bios(b, o.value); break;
		case INITRD: b->initrd_path = o.value; break;
		case APPEND: b->append = o.value; break;
		case MEMORY: ok = options_size(&o, &b->config.memory_size); break;
		case HARTS: ok = parse_harts(b, &o); break;
		case DISK: ok = parse_disk(b, &o); break;
		case SHARE: ok = parse_share(b, &o, false); break;
		case WRITE: ok = parse_share(b, &o, true); break;
		case STATS: b->stats = true; break;
		case JSON: b->json_path = o.value; break;
		case MAX: ok = options_number(&o, &b->max); break;
		case SEED: ok = options_number(&o, &b->config.seed); break;
		case HELP:
			if (fputs(help, stdout) >= 0 && fflush(stdout) == 0)
				return 0;
			complain("standard output: %s", strerror(errno));
			return EXIT_TROUBLE;
		default: ok = false; break;
		}
		if (!ok)
			return EXIT_TROUBLE;
		if (i == MAX && b->max == 0) {
			complain("boot: --max-instructions 0: must be 1 or more");
			return EXIT_TROUBLE;
		}
		if (i == MEMORY && b->config.memory_size % 4096) {
			complain("boot: --memory %s: not a multiple of 4 KiB; write 64M or 1G",
				 o.value);
			return EXIT_TROUBLE;
		}
	}
	if (o.at == argc) {
		complain("boot: no kernel given; see limpid boot --help");
		return EXIT_TROUBLE;
	}
	if (o.at + 1 < argc) {
		complain(argv[o.at + 1][0] == '-'
			     ? "boot: %s: options come before the kernel"
			     : "boot: %s: one kernel is enough; its command line is --append",
			 argv[o.at + 1]);
		return EXIT_TROUBLE;
	}
	b->kernel_path = argv[o.at];
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

static const char *attach(struct boot *b, struct device *d)
{
	struct machine_share share;
	struct machine_disk disk;
	const char *why;

	if (d->kind == DEVICE_DISK) {
		if (!disk_open(&d->disk, d->path, d->mode, &disk, &why))
			return why;
		d->is_open = true;
		return machine_attach_disk(b->machine, &disk);
	}
	if (!share_open(&d->share, d->path, d->tag, d->writable, &share, &why))
		return why;
	d->is_open = true;
	return machine_attach_share(b->machine, &share);
}

static int attach_all(struct boot *b)
{
	for (unsigned i = 0; i < b->ndevices; i++) {
		const char *why = attach(b, &b->devices[i]);

		if (why) {
			complain("%s %s: %s", b->devices[i].option, b->devices[i].text, why);
			return EXIT_TROUBLE;
		}
	}
	if (b->ndevices < MAX_DEVICES && machine_attach_entropy(b->machine))
		return complain_no_memory();
	return 0;
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

/* => 0, or an exit status; a line was printed. */
static int build(struct boot *b)
{
	struct machine_images images = {.firmware = b->firmware};
	char memory[COMMAS_SIZE];
	const char *why = NULL;
	int status;

	host_init(&b->memory, &b->host);
	b->host.ctx = b;
	b->host.stream_read = stream_read;
	b->host.stream_write = stream_write;
	for (int s = 0; s < STREAM_COUNT; s++)
		b->config.has_stream[s] = s == STREAM_UART;
	console_init(&b->console, &b->host);
	b->machine = machine_create(&b->config, &b->host, &why);
	if (!b->machine) {
		complain("--memory %s: %s", bytes_human(memory, b->config.memory_size),
			 why ? why : "the machine cannot be made");
		return EXIT_TROUBLE;
	}
	b->console.m = b->machine;
	status = attach_all(b);
	if (status)
		return status;
	images.kernel = b->kernel.data;
	images.kernel_len = b->kernel.len;
	images.bios = b->bios.data;
	images.bios_len = b->bios.len;
	images.initrd = b->initrd.data;
	images.initrd_len = b->initrd.len;
	images.append = b->append;
	why = machine_load_images(b->machine, &images);
	if (why) {
		complain("%s: %s", b->kernel_path, why);
		return EXIT_CANNOT_RUN;
	}
	return 0;
}

/* -- the run ------------------------------------------------------------------------------ */

/* All harts' counters, added up. */
static void count(const struct machine *m, struct hart_counters *sum)
{
	uint64_t *to = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (unsigned hart = 0; hart < machine_harts(m); hart++) {
		struct hart_counters one;
		const uint64_t *from = (const uint64_t *)&one;

		machine_counters(m, hart, &one);
		for (size_t i = 0; i < sizeof(one) / sizeof(*from); i++)
			to[i] += from[i];
	}
}
_Static_assert(sizeof(struct hart_counters) % sizeof(uint64_t) == 0, "numbers, and only these");

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

	while (stop == STOP_LIMIT && !b->console.quit && (!b->max || done < b->max)) {
		uint64_t slice = b->max && b->max - done < SLICE ? b->max - done : SLICE;
		struct hart_counters c;

		stop = machine_run(b->machine, clock_of(b->machine) + slice);
		console_pump(&b->console);
		count(b->machine, &c);
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
	default: return b->console.quit ? "left" : "limit";
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
		if (b->console.quit)
			return 0;
		complain("stopped after %s instructions (--max-instructions)",
			 commas(number, b->max));
		return EXIT_STOPPED;
	}
}

static void print_line(const char *name, uint64_t value)
{
	char number[COMMAS_SIZE];

	fprintf(stderr, "  %-28s %20s\n", name, commas(number, value));
}

static void print_stats(const struct hart_counters *c)
{
	fputs("limpid: what the machine counted\n", stderr);
	print_line("instructions retired", c->retired);
	print_line("  in U-mode", c->retired_by_prv[0]);
	print_line("  in S-mode", c->retired_by_prv[1]);
	print_line("  in M-mode", c->retired_by_prv[3]);
	print_line("exceptions", c->exceptions);
	print_line("interrupts", c->interrupts);
	print_line("TLB lookups, fetch", c->lookups[ACCESS_FETCH]);
	print_line("TLB lookups, load", c->lookups[ACCESS_LOAD]);
	print_line("TLB lookups, store", c->lookups[ACCESS_STORE]);
	print_line("TLB misses, first level", c->misses[TLB_L1_FETCH] + c->misses[TLB_L1_DATA]);
	print_line("TLB misses, second level", c->misses[TLB_L2]);
	print_line("page-table walks", c->walks);
	print_line("page faults", c->page_faults);
	print_line("TLB flushes", c->flushes);
	print_line("writes of satp", c->satp_writes);
}

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Schema limpid.boot/1: keys are never renamed or removed; new ones may appear. */
static int write_json(const struct boot *b, const struct hart_counters *c, const char *end,
		      int status)
{
	static const struct {
		const char *key;
		size_t offset;
	} numbers[] = {
#define NUMBER(key, field) {key, offsetof(struct hart_counters, field)}
	    NUMBER("steps", steps),
	    NUMBER("retired", retired),
	    NUMBER("retired_user", retired_by_prv[0]),
	    NUMBER("retired_supervisor", retired_by_prv[1]),
	    NUMBER("retired_machine", retired_by_prv[3]),
	    NUMBER("exceptions", exceptions),
	    NUMBER("interrupts", interrupts),
	    NUMBER("lookups_fetch", lookups[ACCESS_FETCH]),
	    NUMBER("lookups_load", lookups[ACCESS_LOAD]),
	    NUMBER("lookups_store", lookups[ACCESS_STORE]),
	    NUMBER("misses_fetch", misses[TLB_L1_FETCH]),
	    NUMBER("misses_data", misses[TLB_L1_DATA]),
	    NUMBER("misses_level2", misses[TLB_L2]),
	    NUMBER("walks", walks),
	    NUMBER("page_faults", page_faults),
	    NUMBER("flushes", flushes),
	    NUMBER("satp_writes", satp_writes),
#undef NUMBER
	};
	json_t *o = json_object(), *counters = json_object();
	int error;

	json_object_set_new(o, "schema", json_string("limpid.boot/1"));
	json_object_set_new(o, "limpid", json_string(LIMPID_VERSION));
	json_object_set_new(o, "memory_bytes", integer(b->config.memory_size));
	json_object_set_new(o, "harts", integer(b->config.harts));
	json_object_set_new(o, "seed", integer(b->config.seed));
	json_object_set_new(o, "end", json_string(end));
	json_object_set_new(o, "status", integer((uint64_t)status));
	json_object_set_new(o, "clock_ns", integer(clock_of(b->machine)));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t value;

		memcpy(&value, (const char *)c + numbers[i].offset, sizeof(value));
		json_object_set_new(counters, numbers[i].key, integer(value));
	}
	json_object_set_new(o, "counters", counters);
	errno = 0;
	error = json_dumpf(o, b->json, JSON_INDENT(2)) < 0 || fputc('\n', b->json) == EOF ||
		fflush(b->json) != 0;
	json_decref(o);
	return error ? (errno ? errno : EIO) : 0;
}

/* => the exit status. */
static int report(struct boot *b, enum machine_stop stop, int status)
{
	struct hart_counters c;
	int error;

	count(b->machine, &c);
	if (b->stats)
		print_stats(&c);
	if (!b->json)
		return status;
	error = write_json(b, &c, end_name(b, stop), status);
	if (fclose(b->json) != 0 && !error)
		error = errno;
	b->json = NULL;
	if (!error)
		return status;
	complain("boot: --json %s: %s", b->json_path, strerror(error));
	return EXIT_TROUBLE;
}

static void clean(struct boot *b)
{
	console_fini(&b->console);
	if (b->json)
		fclose(b->json);
	machine_destroy(b->machine);
	for (unsigned i = 0; i < b->ndevices; i++) {
		struct device *d = &b->devices[i];

		if (d->is_open && d->kind == DEVICE_DISK)
			disk_close(&d->disk);
		else if (d->is_open)
			share_close(&d->share);
		free(d->path);
	}
	free(b->kernel.data);
	free(b->bios.data);
	free(b->initrd.data);
	free(b);
}

int verb_boot(int argc, char **argv)
{
	struct boot *b = calloc(1, sizeof(*b));
	enum machine_stop stop;
	int status;

	if (!b)
		return complain_no_memory();
	machine_config_init(&b->config);
	b->config.seed = 1;
	status = parse(b, argc, argv);
	if (status < 0 && b->json_path) {
		b->json = fopen(b->json_path, "we");
		if (!b->json) {
			complain("boot: --json %s: %s", b->json_path, strerror(errno));
			status = EXIT_TROUBLE;
		}
	}
	if (status < 0) {
		status = read_files(b);
		if (status == 0)
			status = build(b);
		if (status == 0) {
			stop = run_machine(b);
			console_fini(&b->console);
			status = report(b, stop, judge(b, stop));
		}
	}
	clean(b);
	return status;
}
