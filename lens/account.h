/* The inside of `struct lens`; for files under lens/ only. */
#ifndef LENS_ACCOUNT_H
#define LENS_ACCOUNT_H

#include "lens/lens.h"
#include "lens/space.h"
#include "lens/symbols.h"
#include "abi/board.h"
#include "rv/csr.h"

#define LENS_NAME_SIZE 33

/* One frame of RAM, as events tell. */
struct frame_account {
	uint32_t ptes; /* user leaf PTEs that map it */
	int32_t pins;  /* references that are no PTE */
	uint8_t state; /* TF_* */
};

struct process {
	struct process *next;
	uint64_t pid, ppid;
	uint32_t as;
	char name[LENS_NAME_SIZE];
};

struct lens {
	struct lens_options options;
	struct symbols symbols;
	bool has_symbols;

	/* Frames of RAM, from BOARD_RAM_BASE on. */
	struct frame_account *frames;
	uint64_t nframes;
	uint64_t by_state[TF_MAX];

	bool greeted;         /* TRACE_HELLO came */
	uint64_t told_frames; /* what the kernel takes for RAM */
	uint64_t kernel_root; /* PFN of the table that was active then */
	unsigned levels;
	uint64_t faults_before; /* page faults raised before it: the boot's own */

	struct shadow_index tables; /* of all spaces */
	struct space *spaces;       /* live ones */
	uint64_t resident;          /* pages of all of them */
	struct process *processes;
	uint64_t first_pid; /* the program's; 0: none yet */
	bool ended;         /* the snapshot of the program's end was taken */

	unsigned last_fault_kind; /* TK_* of the most recent FAULT_END */
	uint64_t faults_ended;

	struct lens_stats stats;
	struct text crash, violation;
	bool tables_checked;
};

/* Remembers the first violation. `account`: 1 to 12, or 0 for the events themselves. */
void lens_disagree(struct lens *l, unsigned account, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* => the account of a frame, or NULL when it is not RAM. */
static inline struct frame_account *lens_frame(struct lens *l, uint64_t pfn)
{
	uint64_t i = pfn - (BOARD_RAM_BASE >> RV_PAGE_SHIFT);

	return i < l->nframes ? &l->frames[i] : NULL;
}

struct process *lens_process(struct lens *l, uint64_t pid);

/* Sum over all harts. */
void lens_counters(const struct machine *m, struct hart_counters *out);

/* check.c: accounts 9 to 11, that look at tables in RAM; and all the others. */
void check_tables(struct lens *l, struct machine *m);
void check_space(struct lens *l, struct machine *m, uint32_t as); /* account 9 of one space */
void check_counts(struct lens *l, struct machine *m, bool ended);

/* explain.c: a process dies of a fault; args are those of TRACE_PROC_SIGNAL. */
void explain_crash(struct lens *l, struct machine *m, unsigned hart, const uint64_t args[6]);

/* => name of a signal (Linux riscv64), as "SIGSEGV". */
const char *signal_name(uint64_t signo);

#endif
