/*
 * What the machine asks of its host: memory, and the standard streams.
 */
#ifndef TOOL_HOST_H
#define TOOL_HOST_H

#include "machine/machine.h"
#include "tool/terminal.h"

struct host {
	char uart[200]; /* the kernel's console: a line under construction */
	size_t uart_len;
	int failed[STREAM_COUNT]; /* errno of the first write that failed, but for EPIPE */
	struct terminal terminal; /* what STREAM_TTY is; without one, there is none */
	bool skips;               /* idle time is skipped although there is a terminal */
};

enum host_idle { IDLE_USUAL, IDLE_SKIP, IDLE_WAIT }; /* usual: wait if there is a terminal */

/*
 * Makes sure that descriptors 0 to 2 are taken, so that no file that limpid opens becomes a
 * standard stream of the program, and ignores SIGPIPE: a write that fails is told to the program.
 * => call first.
 */
void host_claim_streams(void);

/* => whether the stream was open when limpid started. Not of STREAM_TTY. */
bool host_has_stream(enum machine_stream s);

/* Fills in memory and streams of *out; ctx is h. on_trace is left to the caller. */
void host_init(struct host *h, struct machine_host *out);

/* Looks for a terminal among the standard streams, which then is STREAM_TTY. After host_init. */
void host_find_terminal(struct host *h, struct machine_host *out, enum host_idle idle);

/*
 * The machine is about to run: where both keys and output are the terminal's, and nobody else can
 * be meant, its keys belong to the guest; if not at_once, only when it wants them.
 */
void host_start(struct host *h, struct machine *m, bool at_once);
/* Notices what the user wants of limpid itself; to be called often. => false: to leave. */
bool host_pump(struct host *h);

/*
 * Prints what remains of the kernel's last line, and which stream could not be written: the
 * program only learns that its reader is gone.
 */
void host_fini(struct host *h);

/*
 * The progress line, on a terminal only: shown when 3 s have passed since the start and 1 s since
 * the program last wrote. Any other output takes it away first.
 */
void host_progress_start(void);
bool host_progress_wanted(void); /* standard error is a terminal */
void host_progress(uint64_t instructions);
void host_progress_clear(void);

#endif
