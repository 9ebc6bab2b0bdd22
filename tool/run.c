/*
 * `limpid run`: one program, from its file to its exit status.
 *
 *      program.c    find, compile, read, check
 *      initramfs.c  program, arguments, environment -> archive
 *      machine      kernel + archive, until the guest ends it
 *      lens         listens; afterwards accounts, crash block, statistics
 *
 * The exit status is the program's. When the program died of a signal, limpid
 * dies of the same one, so that a shell or make(1) sees what it would have seen.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "abi/board.h"
#include "lens/lens.h"
#include "machine/machine.h"
#include "tool/gdb.h"
#include "tool/folders.h"
#include "tool/hints.h"
#include "tool/host.h"
#include "tool/initramfs.h"
#include "tool/json.h"
#include "tool/program.h"
#include "tool/setup.h"
#include "tool/tool.h"

extern char **environ;

/* Steps between two looks at the clock: a tenth of a second or so. */
#define SLICE 10000000

#define MAX_PROGRAMS 16 /* the kernel's, too */

/* The kernel's image and what it needs to begin with, 700 KiB of 4 MiB of RAM; where that is not
 * enough it says so itself. */
#define KERNEL_ROOM (1 << 20)

/* What the linear map of Sv39's upper half holds: kernel/arch/riscv/riscv.h. */
#define MEMORY_MAX (UINT64_C(253) << 30)

static const char help[] =
    "usage: limpid run [OPTIONS] [--] PROGRAM [ARG...] [: PROGRAM [ARG...]]...\n"
    "\n"
    "Runs riscv64 Linux programs, side by side with lone colons between them. Without\n"
    "a slash one is looked up in PATH; a C or C++ source is compiled, -O0 -g -static.\n"
    "A program sees the current folder and its own, but may not change them.\n"
    "  --stats, --json FILE  what its memory did: on standard error; as JSON\n"
    "  --memory SIZE         RAM of the machine, as 64M or 1G; default 128M\n"
    "  --harts N             processors of the machine; default 1\n"
    "  --share, --write DIR  one more folder is shown, to be read; to be changed\n"
    "  --root DIR            the root, with libraries; default /usr/riscv64-linux-gnu\n"
    "  --user root           the programs are the superuser's of their machine\n"
    "  --idle skip|wait      idle time; default: wait on a terminal, skip elsewhere\n"
    "  --seed N              another address-space layout and frame placement\n"
    "  --max-instructions N  stop after N, with exit status 124\n"
    "  --tlb SPEC            another TLB, as fetch=48,data=64:4:plru,l2=1536:12\n"
    "  --check-tlb           name every use of a stale translation (slow)\n"
    "  --gdb [ADDR:]PORT     wait for gdb there, at 127.0.0.1 unless told otherwise\n"
    "  --cc CC, --cflags F   riscv64-linux-gnu-gcc, and flags that win\n"
    "\n"
    "On a terminal, Ctrl-a x leaves, Ctrl-a z stops limpid, Ctrl-a h helps.\n"
    "The exit status is the program's, its death by a signal too; of several the\n"
    "first that is not 0. Otherwise: 124 stopped by --max-instructions, 125 limpid\n"
    "failed or was misused, 126 the program cannot be run, 127 it was not found.\n";

struct run {
	struct host host; /* first: the machine's streams get a pointer to it */
	struct machine_host iface;
	struct setup setup;
	struct machine *machine;
	struct lens *lens;
	struct initramfs_program programs[MAX_PROGRAMS]; /* side by side */
	unsigned nprograms;
	struct folders folders;
	struct hints hints;
	struct initramfs ramfs;

	const char *cc, *cflags;
	bool is_root; /* the programs' user is the superuser */
	enum host_idle idle;
	struct gdb_server *gdb; /* or NULL */
};

/* -- before ------------------------------------------------------------------------------- */

static bool parse_idle(const char *value, enum host_idle *idle)
{
	*idle = strcmp(value, "skip") == 0   ? IDLE_SKIP
		: strcmp(value, "wait") == 0 ? IDLE_WAIT
					     : IDLE_USUAL;
	if (*idle == IDLE_USUAL)
		complain("run: --idle %s: must be skip or wait", value);
	return *idle != IDLE_USUAL;
}

/* => -1: go on; else the exit status. *operand: index of PROGRAM. */
static int parse(struct run *r, int argc, char **argv, int *operand)
{
	enum { SHARE, WRITE, ROOT, USER, CC, CFLAGS, IDLE, HELP };
	static const struct option_spec specs[] = {
	    {"--share", 0, true}, {"--write", 0, true},   {"--root", 0, true},
	    {"--user", 0, true},  {"--cc", 0, true},      {"--cflags", 0, true},
	    {"--idle", 0, true},  {"--help", 'h', false}, {NULL, 0, false}};
	char size[COMMAS_SIZE];
	struct options o = {.verb = "run",
			    .specs = specs,
			    .more = setup_specs,
			    .argv = argv,
			    .argc = argc,
			    .at = 1};

	for (int i; (i = options_next(&o)) != OPTIONS_END;) {
		bool ok = true;

		switch (i) {
		case SHARE:
		case WRITE: ok = folders_add(&r->folders, o.value, i == WRITE, true) == 0; break;
		case ROOT: ok = folders_root(&r->folders, o.value) == 0; break;
		case USER:
			ok = strcmp(o.value, "root") == 0;
			r->is_root = true;
			if (!ok)
				complain("run: --user %s: must be root; without the option it is "
					 "an ordinary user",
					 o.value);
			break;
		case CC: r->cc = o.value; break;
		case CFLAGS: r->cflags = o.value; break;
		case IDLE: ok = parse_idle(o.value, &r->idle); break;
		case HELP: return options_help(help);
		default: ok = setup_option(&r->setup, &o, i); break;
		}
		if (!ok)
			return EXIT_TROUBLE;
	}
	if (r->setup.config.memory_size > MEMORY_MAX) {
		complain("run: --memory: %s is more than the 253 GiB that the kernel can map",
			 bytes_human(size, r->setup.config.memory_size));
		return EXIT_TROUBLE;
	}
	if (o.at == argc) {
		complain("run: no program given; see limpid run --help");
		return EXIT_TROUBLE;
	}
	*operand = o.at;
	return -1;
}

/* Opens the programs, which lone colons separate. => 0 or an exit status. */
static int open_programs(struct run *r, char **argv)
{
	int status = 0;

	while (status == 0 && argv && *argv) {
		char **end = argv + 1;
		struct initramfs_program *p = &r->programs[r->nprograms];

		while (*end && strcmp(*end, ":") != 0)
			end++;
		bool more = *end != NULL;
		if (r->nprograms == MAX_PROGRAMS || strcmp(*argv, ":") == 0 || (more && !end[1])) {
			complain(r->nprograms == MAX_PROGRAMS
				     ? "run: more than %d programs side by side"
				     : "run: a program is missing beside a colon",
				 MAX_PROGRAMS);
			return EXIT_TROUBLE;
		}
		*end = NULL;
		r->nprograms++;
		p->args = argv + 1;
		status = program_open(&p->program, *argv, r->cc, r->cflags);
		if (status == 0)
			status = folders_add_usual(&r->folders, p->program.path);
		argv = more ? end + 1 : NULL;
	}
	return status;
}

/* => 0: every program has its dynamic linker, if it names one; or an exit status. */
static int check_interpreters(const struct run *r)
{
	for (unsigned n = 0; n < r->nprograms; n++) {
		const struct program *p = &r->programs[n].program;
		const char *path = program_interpreter(p->image, p->len);

		if (!path || folders_have(&r->folders, path))
			continue;
		complain("%s: is dynamically linked, and %s has no %s; name a folder that has it "
			 "with --root, or link it with -static",
			 p->shown, r->folders.root.path ? r->folders.root.path : "the guest", path);
		return EXIT_CANNOT_RUN;
	}
	return 0;
}

/* A size to try: the next power of two that has room for `bytes`. */
static const char *suggest(char *buf, size_t size, uint64_t bytes)
{
	uint64_t mib = 16;

	while (mib << 20 < bytes)
		mib *= 2;
	if (mib < 1024)
		snprintf(buf, size, "%" PRIu64 "M", mib);
	else
		snprintf(buf, size, "%" PRIu64 "G", mib / 1024);
	return buf;
}

/* => 0, or an exit status; a line was printed. */
static int check_room(const struct run *r)
{
	uint64_t need = r->ramfs.archive.len + KERNEL_ROOM;
	uint64_t data = program_data_size(r->programs[0].program.image);
	char bytes[COMMAS_SIZE], memory[COMMAS_SIZE], size[32];

	/* Read through a folder, a program is in memory too. */
	if (r->programs[0].program.len > r->ramfs.archive.len)
		need += r->programs[0].program.len;
	bytes_human(memory, r->setup.config.memory_size);
	if (need > r->setup.config.memory_size)
		complain("%s: its %s and the kernel do not fit into %s of memory; give it more: "
			 "--memory %s",
			 r->programs[0].program.shown,
			 bytes_human(bytes, r->programs[0].program.len), memory,
			 suggest(size, sizeof size, 2 * need));
	else if (data > r->setup.config.memory_size)
		complain("%s: its %s of data can never fit into %s of memory; give it more: "
			 "--memory %s",
			 r->programs[0].program.shown, bytes_human(bytes, data), memory,
			 suggest(size, sizeof size, data + need));
	else
		return 0;
	return EXIT_CANNOT_RUN;
}

static void on_trace(void *ctx, struct machine *m, unsigned hart, unsigned event,
		     const uint64_t args[6])
{
	struct run *r = ctx;

	lens_trace(r->lens, m, hart, event, args);
	hints_trace(&r->hints, event, args);
}

static void on_stale(void *ctx, struct machine *m, unsigned hart,
		     const struct stale_translation *what)
{
	struct run *r = ctx;

	setup_stale(&r->setup, what);
}

/* => 0, or an exit status; a line was printed. The machine is loaded. */
static int build(struct run *r)
{
	struct lens_options options = {.count_zero_bytes = r->setup.stats || r->setup.json_path};
	const char *why = NULL;
	char memory[COMMAS_SIZE];

	host_init(&r->host, &r->iface);
	r->iface.ctx = r;
	r->iface.on_trace = on_trace;
	r->iface.on_stale = on_stale;
	host_find_terminal(&r->host, &r->iface, r->idle);
	for (int s = 0; s < STREAM_COUNT; s++)
		r->setup.config.has_stream[s] = host_has_stream(s);
	for (int fd = 0; fd < 3; fd++)
		if (r->host.terminal.streams >> fd & 1)
			r->setup.config.has_stream[STREAM_STDIN + fd] = false;
	r->setup.config.has_stream[STREAM_TTY] = r->host.terminal.streams != 0;
	if (r->host.terminal.streams) {
		unsigned fds = r->host.terminal.streams;
		char word[24];

		snprintf(word, sizeof word, "tty=%s%s%s,late%s", fds & 1 ? "0" : "",
			 fds & 2 ? "1" : "", fds & 4 ? "2" : "",
			 terminal_may_stop() ? ",stops" : "");
		if (!initramfs_word(&r->ramfs, word))
			return complain_no_memory();
	}

	r->lens = lens_create(&options);
	if (!r->lens ||
	    !lens_program(r->lens, r->programs[0].program.image, r->programs[0].program.len))
		return complain_no_memory();
	r->machine = machine_create(&r->setup.config, &r->iface, &why);
	if (!r->machine) {
		complain("--memory %s: %s", bytes_human(memory, r->setup.config.memory_size),
			 why ? why : "the machine cannot be made");
		return EXIT_TROUBLE;
	}
	int status = folders_attach(&r->folders, r->machine);
	if (status)
		return status;
	why = machine_load(r->machine, kernel_image, (size_t)(kernel_image_end - kernel_image),
			   r->ramfs.archive.data, r->ramfs.archive.len, r->ramfs.append);
	if (why) {
		complain("%s: %s", r->programs[0].program.shown, why);
		return EXIT_CANNOT_RUN;
	}
	/* here: the guest has its copy */
	cpio_free(&r->ramfs.archive);
	return 0;
}

/* -- the run ------------------------------------------------------------------------------ */

static uint64_t steps_made(const struct machine *m)
{
	uint64_t sum = 0;

	for (unsigned hart = 0; hart < machine_harts(m); hart++) {
		struct hart_counters c;

		machine_counters(m, hart, &c);
		sum += c.steps;
	}
	return sum;
}

/* The clock of the hart that is ahead: a waiting one's stays behind until it wakes. */
static uint64_t clock_of(const struct machine *m)
{
	uint64_t latest = 0;

	for (unsigned hart = 0; hart < machine_harts(m); hart++)
		if (machine_clock(m, hart) > latest)
			latest = machine_clock(m, hart);
	return latest;
}

/* Runs in slices, to show progress, to notice the user, and to count instructions, not time. */
static enum machine_stop run_machine(struct run *r)
{
	bool progress = host_progress_wanted() && !r->gdb;
	bool sliced = progress || r->host.terminal.streams || r->iface.idle;
	enum machine_stop stop = STOP_LIMIT;
	uint64_t done = 0;

	if (progress)
		host_progress_start();
	host_start(&r->host, r->machine, !r->gdb);
	while (stop == STOP_LIMIT && host_pump(&r->host) &&
	       (r->setup.max == 0 || done < r->setup.max)) {
		uint64_t slice = sliced ? SLICE : UINT64_MAX / 4;

		if (r->setup.max && r->setup.max - done < slice)
			slice = r->setup.max - done;
		uint64_t limit = clock_of(r->machine) + slice;
		stop =
		    r->gdb ? gdb_serve(r->gdb, r->machine, limit) : machine_run(r->machine, limit);
		/* A guest that gdb has stopped takes no signal: it is limpid's. */
		if (r->gdb && steps_made(r->machine) == done)
			terminal_obey_signal();
		done = steps_made(r->machine);
		if (progress && stop == STOP_LIMIT)
			host_progress(done);
	}
	return stop;
}

/* -- after -------------------------------------------------------------------------------- */

/* Dies of the signal as the program did, without a core file of limpid's own. */
static int die_of(int signo)
{
	struct rlimit none = {0, 0};
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	/* here: a signal whose default is to be ignored; say what a shell would have said */
	return EXIT_SIGNAL_BASE + signo;
}

/* => the exit status if nothing else goes wrong; *signo: the signal to die of, or 0. */
static unsigned judge(struct run *r, enum machine_stop stop, struct run_facts *facts, int *signo)
{
	unsigned code = machine_finish_code(r->machine);
	char commas_buf[COMMAS_SIZE];

	*signo = 0;
	switch (stop) {
	case STOP_FINISHED:
		facts->end = "exited";
		facts->status = code & 0xff;
		if (code & FINISHER_SIGNALED) {
			facts->end = "signalled";
			*signo = (int)(code & 0xff) - EXIT_SIGNAL_BASE;
			if (*signo <= 0 || *signo > 64)
				*signo = 0;
		}
		break;
	case STOP_LIMIT:
		if (r->host.terminal.quit) {
			facts->end = "left";
			facts->status =
			    EXIT_SIGNAL_BASE + SIGHUP; /* as if the window were closed */
			break;
		}
		facts->end = "limit";
		facts->status = EXIT_STOPPED;
		complain("stopped after %s instructions (--max-instructions)",
			 commas(commas_buf, r->setup.max));
		break;
	case STOP_STUCK:
		facts->end = "stuck";
		facts->status = EXIT_TROUBLE;
		complain("stopped: the program waits for something that cannot happen any more");
		break;
	case STOP_RESET:
		facts->end = "reset";
		facts->status = EXIT_TROUBLE;
		complain("stopped: the kernel asked for a reset of the machine");
		break;
	case STOP_BREAK: break; /* the debugger's, which goes on from it */
	}
	return facts->status;
}

static void say_out_of_memory(const struct run *r)
{
	char memory[COMMAS_SIZE], size[32];

	if (lens_stats(r->lens)->faults[TK_OOM] == 0)
		return;
	complain("killed: all %s of memory are in use; give it more: --memory %s",
		 bytes_human(memory, r->setup.config.memory_size),
		 suggest(size, sizeof size, r->setup.config.memory_size + 1));
}

/* Prints what the lens has to say. => 0, or EXIT_TROUBLE. */
static unsigned report(struct run *r, const struct run_facts *facts)
{
	const char *violation = lens_violation(r->lens);
	struct text t = {0};
	unsigned status;

	hints_print(&r->hints, &r->folders);
	fputs(lens_crash(r->lens), stderr);
	if (facts->status == EXIT_SIGNAL_BASE + SIGKILL)
		say_out_of_memory(r);
	if (r->setup.stats) {
		lens_stats_print(r->lens, &t);
		fputs(text_string(&t), stderr);
		text_free(&t);
	}
	status = (unsigned)setup_stale_status(&r->setup);
	if (violation) {
		complain("the accounts do not agree: %s", violation);
		status = EXIT_TROUBLE;
	}
	if (r->setup.json) {
		int error = json_write(r->setup.json, facts, r->lens, r->machine);

		if (setup_close_json(&r->setup, error))
			status = EXIT_TROUBLE;
	}
	return status;
}

static void clean(struct run *r)
{
	if (r->setup.json)
		fclose(r->setup.json);
	if (r->machine)
		machine_destroy(r->machine);
	lens_destroy(r->lens);
	folders_close(&r->folders);
	hints_free(&r->hints);
	initramfs_free(&r->ramfs);
	for (unsigned n = 0; n < r->nprograms; n++)
		program_close(&r->programs[n].program);
}

int verb_run(int argc, char **argv)
{
	struct run r = {0};
	struct run_facts facts = {0};
	int operand = 0, signo = 0;
	int status;

	setup_init(&r.setup, "run");
	status = parse(&r, argc, argv, &operand);
	if (status >= 0)
		return status;
	status = setup_open_json(&r.setup);
	if (status)
		return status;
	status = r.folders.root.path ? 0 : folders_root(&r.folders, NULL);
	if (status == 0)
		status = open_programs(&r, argv + operand);
	if (status == 0)
		status = check_interpreters(&r);
	if (status == 0)
		status = initramfs_build(&r.ramfs, r.programs, r.nprograms, environ,
					 r.setup.config.seed, &r.folders);
	bool all_closed = !host_has_stream(STREAM_STDIN) && !host_has_stream(STREAM_STDOUT) &&
			  !host_has_stream(STREAM_STDERR);
	if (status == 0 && all_closed && !initramfs_word(&r.ramfs, "streams=closed"))
		status = complain_no_memory();
	if (status == 0 && r.is_root && !initramfs_word(&r.ramfs, "user=0"))
		status = complain_no_memory();
	if (status == 0)
		status = check_room(&r);
	if (status == 0)
		status = build(&r);
	if (status == 0 && r.setup.gdb_at) {
		r.gdb = gdb_open("run", r.setup.gdb_at);
		status = r.gdb ? 0 : EXIT_TROUBLE;
	}
	if (status == 0) {
		facts.program = argv[operand];
		facts.memory = r.setup.config.memory_size;
		facts.seed = r.setup.config.seed;

		enum machine_stop stop = run_machine(&r);
		host_fini(&r.host);
		lens_finish(r.lens, r.machine, stop == STOP_FINISHED && !gdb_killed(r.gdb));
		status = (int)judge(&r, stop, &facts, &signo);
		gdb_close(r.gdb, (unsigned)status);
		unsigned trouble = report(&r, &facts);
		if (trouble) {
			status = (int)trouble;
			signo = 0;
		}
	}
	clean(&r);
	return signo ? die_of(signo) : status;
}
