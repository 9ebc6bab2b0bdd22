/*
 * The lens: what became of every page, from the machine's counters, the kernel's
 * trace events and the page tables in guest RAM. It listens, it never changes
 * the machine, and it makes no OS call: text goes to buffers of the caller.
 *
 *      machine --on_trace--> lens_trace --> accounts, address spaces (account.c, space.c)
 *                                |
 *            the program ends ---+--> the tables are compared with RAM (check.c)
 *                                +--> died of a fault: the crash block (explain.c)
 *      lens_finish ----------------> the other accounts (check.c), lens_stats (stats.c)
 */
#ifndef LENS_H
#define LENS_H

#include "lens/text.h"
#include "machine/machine.h"
#include "abi/trace.h"

struct lens;

struct lens_options {
	/* Count the bytes that are zero in anonymous frames when the program ends. */
	bool count_zero_bytes;
};

/* => NULL: no memory. */
struct lens *lens_create(const struct lens_options *options);
void lens_destroy(struct lens *l);

/*
 * Symbols for the crash block. `image` is the program's ELF file.
 * => `image` must live as long as the lens. false: no memory.
 */
bool lens_program(struct lens *l, const void *image, size_t len);

/* One trace event; for machine_host.on_trace. */
void lens_trace(struct lens *l, struct machine *m, unsigned hart, unsigned event,
		const uint64_t args[6]);

/*
 * The run is over. `ended`: the guest ended it (not a limit), so that nothing is in flight.
 * => the accounts have been checked; lens_stats and lens_violation are final.
 */
void lens_finish(struct lens *l, struct machine *m, bool ended);

#define LENS_ACCOUNTS 12

/*
 * => NULL when the accounts agree; otherwise one line that names the first that does not, with
 *    both values.
 */
const char *lens_violation(const struct lens *l);

/*
 * => the crash block: plain words, the walk, the VMAs around; "" unless a process died of a
 *    fault. It ends with a newline.
 */
const char *lens_crash(const struct lens *l);

/* Everything that `--stats` prints and `--json` writes. All is exact; see doc/stats.md. */
struct lens_stats {
	struct hart_counters total; /* sum of all harts */
	struct hart_counters boot;  /* of these, before the first program's first instruction */
	bool started;               /* a program was entered: boot is known */
	uint64_t user, kernel, firmware; /* of total.retired, in U-, S- and M-mode */

	uint64_t faults_begun;   /* page faults that the kernel saw */
	uint64_t faults[TK_MAX]; /* by kind */

	uint64_t frames_total;
	uint64_t frames[TF_MAX]; /* by state, when the program ended */

	/* Memory of programs when the first one ended. */
	uint64_t nvmas, reserved;         /* bytes in VMAs */
	uint64_t resident, resident_peak; /* pages mapped */
	uint64_t tables;                  /* page-table frames of the user halves and their roots */
	bool zero_known;
	uint64_t anon_frames; /* anonymous frames mapped */
	uint64_t zero_bytes;  /* of these, bytes that are zero */

	uint64_t processes, threads, threads_ended; /* threads: beyond the first of each process */
	uint64_t forks, execs;                      /* processes made by others; programs begun */
	uint64_t switches, signals;                 /* signals: handlers that ran */

	unsigned accounts_checked; /* of LENS_ACCOUNTS */
	bool agree;
};

const struct lens_stats *lens_stats(const struct lens *l);

/* The one-screen report: at most 24 lines of 80 columns. */
void lens_stats_print(const struct lens *l, struct text *out);

/* Names of TK_* and TF_*, as JSON keys: lower case, with underscores. */
const char *lens_fault_key(unsigned kind);
const char *lens_frame_key(unsigned state);

#endif
