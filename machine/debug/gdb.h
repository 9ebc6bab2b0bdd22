/*
 * The inside of the debugger's stub; for files of machine/debug/ only.
 *
 * gdb.c          packets: framing, and what each asks for
 * gdb_run.c      breakpoints, stops, steps
 * gdb_regs.c     registers by number, and the description of them that gdb reads
 * gdb_memory.c   memory by virtual or physical address
 * gdb_monitor.c  `monitor` commands: words in, lines of text out
 * gdb_text.c     text, put together and taken apart
 */
#ifndef DEBUG_GDB_H
#define DEBUG_GDB_H

#include "machine/machine_state.h"

#define GDB_PACKET 0x4000 /* bytes between $ and #, in either direction */

/* Errors are numbers that gdb only shows: those of Linux. */
#define GDB_E_FAULT   14 /* no such memory */
#define GDB_E_INVALID 22
#define GDB_E_NOSPACE 28

/* gdb's numbers of signals: those of Linux where they are small. */
#define GDB_SIGNAL_TRAP 5

/* Text under construction. What does not fit is left out, and `full` says so. */
struct gdb_text {
	char *buf;
	size_t size, len;
	bool full;
};

void gdb_put(struct gdb_text *t, const char *s);
void gdb_put_bytes(struct gdb_text *t, const void *bytes, size_t len);
void gdb_put_hex(struct gdb_text *t, uint64_t v, unsigned digits); /* 0: as many as it takes */
void gdb_put_dec(struct gdb_text *t, uint64_t v, unsigned width);  /* padded with blanks */
/* The bytes of a number or of memory as pairs of hexadecimal digits, in memory order. */
void gdb_put_dump(struct gdb_text *t, const void *bytes, size_t len);

/* What is left of a packet to read. Binary data may follow, so it has an end and no terminator. */
struct gdb_args {
	const char *p, *end;
};

extern const char gdb_digits[]; /* hexadecimal */
int gdb_digit(char c);          /* => 0 to 15, or -1 */

/* Each takes what it names from the front. => false: that is not what is there. */
bool gdb_take(struct gdb_args *a, const char *literal);
bool gdb_take_hex(struct gdb_args *a, uint64_t *out);               /* 1 to 16 digits */
bool gdb_take_dump(struct gdb_args *a, void *out, size_t len);      /* as gdb_put_dump */
bool gdb_take_range(struct gdb_args *a, uint64_t *at, uint64_t *n); /* AT,N */

static inline bool gdb_at_end(const struct gdb_args *a)
{
	return a->p == a->end;
}

/* A breakpoint or watchpoint of gdb's: the packet's type, and what the machine has for it. */
struct gdb_point {
	unsigned type;
	enum machine_break kind;
	uint64_t va, len;
};

struct gdb {
	struct machine *m;
	void (*send)(void *ctx, const void *buf, size_t len);
	void *ctx;
	enum gdb_state state;
	bool no_ack;
	bool physical;        /* addresses of m, M and X are physical */
	unsigned hart;        /* of the next question */
	unsigned resume_hart; /* of the next c or s (Hc), or BOARD_MAX_HARTS: all */

	/* The run, while state is GDB_RUNNING. */
	bool interrupt; /* gdb wants a stop */
	bool step;      /* until stepper has made a step; else until something happens */
	bool alone;     /* the other harts stand still */
	bool traps;     /* a step from U-mode ends in the trap's handler, if it traps */
	bool in_trap;   /* the step trapped; it is complete when the handler returns */
	unsigned stepper;
	uint64_t step_pc, step_satp; /* where it began */
	unsigned step_prv;

	/* The latest stop, for gdb to be told again. */
	struct {
		unsigned signal;
		const char *watch; /* "watch", ... or NULL */
		uint64_t va;
	} stop;

	/* Receiver. */
	enum { IN_IDLE, IN_DATA, IN_SUM_HIGH, IN_SUM_LOW } in_state;
	bool in_escape, in_full, in_wrong; /* wrong: the checksum is no number */
	uint8_t in_sum, in_want;
	size_t in_len;
	char in[GDB_PACKET];

	/* Sender. frame: the latest packet with all that is around it, to be sent again. */
	struct gdb_text out;
	char out_buf[GDB_PACKET];
	char frame[GDB_PACKET + 4];
	size_t frame_len;

	/* monitor: text that was not yet sent */
	struct gdb_text line;
	char line_buf[1024];

	struct gdb_point points[BREAKS_MAX];
	unsigned npoints;

	struct gdb_text xml; /* target description; empty until it is asked for */
	char xml_buf[32768];
};

/* Sends `out` as a packet, and empties it. */
void gdb_send(struct gdb *g);
void gdb_error(struct gdb *g, unsigned number);

#define GDB_ANY_HART (BOARD_MAX_HARTS + 1)

/* A thread's number. => false, or a hart, BOARD_MAX_HARTS for all of them, GDB_ANY_HART. */
bool gdb_take_thread(const struct gdb *g, struct gdb_args *a, unsigned *hart);

/* -- gdb_run.c ------------------------------------------------------------------------------- */

enum gdb_action { GDB_STAND, GDB_CONTINUE, GDB_STEP };

/* Z and z: TYPE,ADDRESS,LENGTH. What is set twice is set once. */
void gdb_on_point(struct gdb *g, struct gdb_args *a, bool set);
void gdb_points_clear(struct gdb *g);

/* vCont after its name; and c, s [ADDRESS], C, S SIGNAL[;ADDRESS]. => whether to answer now. */
bool gdb_on_resume_v(struct gdb *g, struct gdb_args *a);
bool gdb_on_resume(struct gdb *g, struct gdb_args *a, enum gdb_action what, bool has_signal);

/* The answer to what resumed the machine; and again, to `?`. */
void gdb_put_stop(struct gdb *g);

/* -- gdb_regs.c: the hart is g->hart -------------------------------------------------------- */

#define GDB_REG_PC   32
#define GDB_REG_F0   33
#define GDB_REG_CSR0 65 /* + the CSR's number: gdb's own numbering of RISC-V */
#define GDB_REG_PRV  4161
#define GDB_REGS_G   65 /* registers 0 to 64 are in g and G */

/* => false: no such register, or (write) it cannot take this. All are of 64 bits. */
bool gdb_reg_read(struct gdb *g, uint64_t number, uint64_t *out);
bool gdb_reg_write(struct gdb *g, uint64_t number, uint64_t value);

/* The target description, or NULL (a bug: it does not fit). */
const struct gdb_text *gdb_target_xml(struct gdb *g);

/* -- gdb_memory.c ---------------------------------------------------------------------------- */

/* => bytes read or written, from the front; fewer than n: what follows is not mapped, or no RAM. */
size_t gdb_memory_read(struct gdb *g, uint64_t at, void *buf, size_t n);
size_t gdb_memory_write(struct gdb *g, uint64_t at, const void *buf, size_t n);

extern const char gdb_memory_map[];

/* -- gdb_monitor.c --------------------------------------------------------------------------- */

/* Answers a command, all of the answer being sent but the last packet, OK. */
void gdb_monitor(struct gdb *g, const char *command);

#endif
