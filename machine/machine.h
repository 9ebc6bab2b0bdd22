/*
 * The machine: harts, MMU, RAM and devices of QEMU's `virt` board, as a library.
 *
 * What it is. One `struct machine` is a whole computer. Its state is a function
 * of its configuration, the images loaded into it and the answers of its host
 * (below), and of nothing else: it makes no OS call, reads no clock, keeps no
 * global state. Several machines can live in one process.
 *
 * The host. Whoever embeds the machine fills in `struct machine_host`: memory,
 * the standard streams, and listeners. The machine calls nothing else.
 *
 * Time. `clock` counts steps: an instruction that retires, or that traps, takes
 * one step, and a step is 1 ns. Waiting for an interrupt skips to the next
 * event. The guest's `time` is clock / BOARD_NS_PER_TICK.
 *
 * Addresses. A guest physical address is `paddr_t`, a guest virtual address
 * `vaddr_t`; neither is a host pointer.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t v;
} paddr_t;
typedef struct {
	uint64_t v;
} vaddr_t;

static inline paddr_t paddr(uint64_t v)
{
	return (paddr_t){v};
}

static inline vaddr_t vaddr(uint64_t v)
{
	return (vaddr_t){v};
}

struct machine;

/* -- the host's side ---------------------------------------------------------------------- */

/* Streams that the console's ports are named after. */
enum machine_stream {
	STREAM_STDIN,
	STREAM_STDOUT,
	STREAM_STDERR,
	STREAM_TTY, /* a terminal, both ways */
	STREAM_UART,
	STREAM_COUNT
};

/* What the guest wants of its terminal. */
enum tty_use {
	TTY_UNUSED,   /* nothing yet, but signals, as the characters that stand for them */
	TTY_WANTED,   /* what is typed */
	TTY_RELEASED, /* said once: its programs have stopped; they go on after this call */
};

struct stale_translation;

struct machine_host {
	void *ctx; /* handed back in every call */

	/* Zeroed memory, reserved lazily; NULL when there is none. `len` in bytes. */
	void *(*mem_alloc)(void *ctx, size_t len);
	void (*mem_free)(void *ctx, void *mem, size_t len);

	/*
	 * Reads up to `len` bytes, waiting until all of them or the end of input are there; of a
	 * terminal, one line.
	 * => number of bytes; 0 at the end of input; -1 on an error.
	 */
	long (*stream_read)(void *ctx, enum machine_stream s, void *buf, size_t len);

	/*
	 * Writes all of `len` bytes.
	 * => `len`, or -1 when the reader is gone or the write failed: the port is then closed.
	 */
	long (*stream_write)(void *ctx, enum machine_stream s, const void *buf, size_t len);

	/*
	 * Input for the serial port: asked for while the guest listens and has taken all that came
	 * before, once in UART_POLL_NS of virtual time (dev/uart.c). May be NULL.
	 * => bytes put into `buf`, up to `len`; 0: none now; -1: there will be no more.
	 */
	long (*uart_read)(void *ctx, void *buf, size_t len);

	/*
	 * What was typed at the terminal, and the size of its window: asked for once in TTY_POLL_NS
	 * of virtual time (dev/virtio_console.c), while the guest can take more. `wanted`: a
	 * program has asked for it; before, only signals matter, as the characters that stand for
	 * them. Each may be NULL.
	 * => bytes put into `buf`, up to `len`; 0: none now; -1: there will be no more.
	 */
	long (*tty_read)(void *ctx, void *buf, size_t len, enum tty_use use);
	void (*tty_size)(void *ctx, uint16_t *cols, uint16_t *rows);

	/*
	 * Every hart waits, and nothing will happen for `ns` nanoseconds (UINT64_MAX: ever) but,
	 * with `input`, by what uart_read or tty_read would give. May be NULL: the time is skipped.
	 * => how many of them have passed; fewer when input came first, or a stop was requested.
	 */
	uint64_t (*idle)(void *ctx, uint64_t ns, bool input);

	/* A trace event (abi/trace.h) on a hart; may be NULL. The machine may be inspected. */
	void (*on_trace)(void *ctx, struct machine *m, unsigned hart, unsigned event,
			 const uint64_t args[6]);

	/* The TLB sanitizer found a use of a stale translation; may be NULL. */
	void (*on_stale)(void *ctx, struct machine *m, unsigned hart,
			 const struct stale_translation *what);
};

/* -- configuration ------------------------------------------------------------------------ */

enum tlb_kind { TLB_L1_FETCH, TLB_L1_DATA, TLB_L2, TLB_KINDS };

enum tlb_policy { TLB_LRU, TLB_PLRU, TLB_FIFO, TLB_RANDOM };

/* Geometry of one TLB array: sets = entries / ways, which need be no power of two. */
struct tlb_geometry {
	unsigned entries, ways; /* ways == entries: fully associative. L2: 0 entries, no L2 */
	enum tlb_policy policy; /* TLB_PLRU, a tree of bits, wants ways to be a power of two */
	unsigned sizes; /* bit l: pages of level l are held whole; else in pieces. Bit 0 set */
};
#define TLB_ALL_SIZES 0x1f

/* => NULL, or what is wrong with it. */
const char *tlb_geometry_check(const struct tlb_geometry *g, bool may_be_absent);

struct machine_config {
	uint64_t memory_size; /* bytes of RAM; a multiple of 4 KiB */
	unsigned harts;       /* 1 to BOARD_MAX_HARTS */
	uint64_t seed;        /* for the guest: /chosen rng-seed */
	struct tlb_geometry tlb[TLB_KINDS];
	bool tlb_unified;     /* one L1: fetches too use the array of TLB_L1_DATA */
	unsigned walk_cache;  /* entries of the cache of pointers to tables; 0: none */
	bool miss_causes;     /* count why lookups miss: costs time on every miss */
	bool check_tlb;       /* the TLB sanitizer: machine_host.on_stale */
	unsigned max_levels;  /* deepest paging mode: 3 Sv39, 4 Sv48, 5 Sv57 */
	bool no_svadu;        /* A and D are never set in hardware: Svade; menvcfg.ADUE is 0 */
	bool trap_misaligned; /* misaligned loads and stores trap, instead of being done */
	uint64_t turn;        /* steps that a hart executes before the next has its turn */
	bool has_stream[STREAM_COUNT]; /* which console ports exist */
	uint64_t epoch_ns;             /* real-time clock at reset */

	/* For tests: each must leave every count and the state hash unchanged. */
	bool no_lookaside;  /* every access takes the slow path */
	bool single_blocks; /* decoded blocks of one instruction */
};

/* Fills in the defaults: 128 MiB, one hart, the TLB that doc/machine.md describes. */
void machine_config_init(struct machine_config *cfg);

/* -- life --------------------------------------------------------------------------------- */

/* => NULL when the host has no memory, or the configuration is wrong: *why then says so. */
struct machine *machine_create(const struct machine_config *cfg, const struct machine_host *host,
			       const char **why);
void machine_destroy(struct machine *m);

/* -- what may be plugged in, before the machine is loaded ---------------------------------- */

/* A disk. The host's part; `ctx` is handed back in every call. */
enum disk_mode { DISK_READ_ONLY, DISK_READ_WRITE, DISK_SNAPSHOT };
struct machine_disk {
	void *ctx;
	uint64_t size; /* bytes; a multiple of 512 */
	/* Of a snapshot, writes are kept in the machine: `write` and `flush` are not called. */
	enum disk_mode mode;
	char id[20]; /* what the guest may ask for; NUL-padded */

	/* All of [at, at + len), which lies within `size`. => false: the host failed. */
	bool (*read)(void *ctx, uint64_t at, void *buf, size_t len);
	bool (*write)(void *ctx, uint64_t at, const void *buf, size_t len);
	/* => true: what was written is durable. */
	bool (*flush)(void *ctx);
};

/*
 * A folder of the host, served to the guest through 9P2000.L (dev/p9.h).
 *
 * Paths are relative to the folder, with `/` between names; "" is the folder itself. No name is
 * empty, ".", ".." or longer than 255 bytes, and none has a `/` or a NUL; a path is shorter than
 * SHARE_PATH_MAX. The host must not follow a symbolic link, whether it is the last name of a
 * path or another. Calls that do not return a count return 0 or an error number of Linux.
 * `now`: the time that what is changed is to bear, nanoseconds since 1970; the machine's time,
 * so that it is the same in every run.
 */
#define SHARE_PATH_MAX 4096
#define SHARE_NAME_MAX 255
#define SHARE_TAG_MAX  31

struct share_info {
	uint64_t id[2]; /* the same for two names of one file, else different */
	uint32_t mode;  /* type and permissions, as in Linux' struct stat */
	uint64_t links, size;
	int64_t mtime; /* seconds since 1970 */
	uint32_t mtime_ns;
};

enum { SHARE_READ = 1, SHARE_WRITE = 2, SHARE_TRUNCATE = 4, SHARE_EXCLUSIVE = 8 };
enum { SHARE_SET_MODE = 1, SHARE_SET_SIZE = 2, SHARE_SET_MTIME = 4 };

struct share_ops {
	int (*info)(void *ctx, const char *path, struct share_info *out);
	/* Calls each() for every name but "." and "..", in any order, until it returns false. */
	int (*list)(void *ctx, const char *path, bool (*each)(void *arg, const char *name),
		    void *arg);
	/* The target of a symbolic link, without NUL. => *len <= size. */
	int (*read_link)(void *ctx, const char *path, char *buf, size_t size, size_t *len);

	/* Open files: regular ones only. *handle: any number of the host's. */
	int (*open)(void *ctx, const char *path, unsigned how, uint64_t now, int64_t *handle);
	int (*create)(void *ctx, const char *path, unsigned how, uint32_t mode, uint64_t now,
		      int64_t *handle);
	int (*handle_info)(void *ctx, int64_t handle, struct share_info *out);
	/* => bytes, fewer than `len` only at the end of the file; or the negative of an error. */
	int64_t (*read)(void *ctx, int64_t handle, uint64_t at, void *buf, size_t len);
	int64_t (*write)(void *ctx, int64_t handle, uint64_t at, const void *buf, size_t len,
			 uint64_t now);
	int (*sync)(void *ctx, int64_t handle);
	void (*close)(void *ctx, int64_t handle);

	/* Only called when the share is writable. */
	int (*set)(void *ctx, const char *path, unsigned what, const struct share_info *to,
		   uint64_t now);
	int (*handle_set)(void *ctx, int64_t handle, unsigned what, const struct share_info *to,
			  uint64_t now);
	int (*make_folder)(void *ctx, const char *path, uint32_t mode, uint64_t now);
	int (*make_link)(void *ctx, const char *path, const char *target, uint64_t now);
	int (*add_name)(void *ctx, const char *path, const char *new_path, uint64_t now);
	int (*rename)(void *ctx, const char *path, const char *new_path, uint64_t now);
	int (*remove)(void *ctx, const char *path, bool folder, uint64_t now);
};

struct machine_share {
	void *ctx;
	const char *tag; /* the guest's name for it; 1 to SHARE_TAG_MAX bytes */
	bool writable;
	uint32_t uid, gid; /* whose everything is */
	const struct share_ops *ops;
};

/*
 * Each takes the first free virtio slot; slot 0 has the console. What `disk` and `share` point to
 * must outlive the machine; they themselves are copied.
 * => NULL, or one line that says why not.
 */
const char *machine_attach_disk(struct machine *m, const struct machine_disk *disk);
const char *machine_attach_share(struct machine *m, const struct machine_share *share);
const char *machine_attach_entropy(struct machine *m); /* from cfg.seed */

/* Copies into RAM. => false if the range is not all RAM. */
bool machine_ram_write(struct machine *m, paddr_t pa, const void *buf, size_t len);
bool machine_ram_read(const struct machine *m, paddr_t pa, void *buf, size_t len);

/* Host pointer to guest RAM, or NULL; valid while the machine lives. Writing is for loaders. */
void *machine_ram_at(struct machine *m, paddr_t pa, size_t len);
uint64_t machine_ram_size(const struct machine *m);

/*
 * Loads a supervisor kernel (ELF64 for RISC-V, or a raw image) with an optional initial RAM disk
 * and a command line, builds the device tree, and resets all harts: hart 0 enters the image in
 * S-mode with a0 = hart id and a1 = device tree, as after any SBI firmware.
 * => NULL on success, else one line that says what is wrong.
 */
const char *machine_load(struct machine *m, const void *kernel, size_t kernel_len,
			 const void *initrd, size_t initrd_len, const char *append);

/*
 * What a machine starts with, and in which way:
 *
 *   FIRMWARE_BUILTIN   as machine_load
 *   FIRMWARE_NONE      a raw kernel lies at RAM's start; all harts enter RAM's start in M-mode with
 *                      a0 = hart id and a1 = device tree
 *   FIRMWARE_IMAGE     `bios` lies at RAM's start (or where its ELF file says), and all harts enter
 *                      it so; a2 = what OpenSBI's fw_dynamic wants to know of the kernel
 */
enum machine_firmware { FIRMWARE_BUILTIN, FIRMWARE_NONE, FIRMWARE_IMAGE };
struct machine_images {
	enum machine_firmware firmware;
	const void *bios, *kernel, *initrd; /* initrd: NULL if there is none */
	size_t bios_len, kernel_len, initrd_len;
	const char *append; /* the kernel's command line, or NULL */
};

/* => NULL on success, else one line that says what is wrong. */
const char *machine_load_images(struct machine *m, const struct machine_images *images);

/* Resets all harts and starts them in M-mode at `entry`, a0 = hart id: a machine without firmware.
 */
void machine_start_bare(struct machine *m, paddr_t entry);

/* -- running ------------------------------------------------------------------------------ */

enum machine_stop {
	STOP_LIMIT,    /* the step limit was reached */
	STOP_FINISHED, /* the guest wrote to the finisher, or asked SBI to shut down */
	STOP_RESET,    /* the guest asked for a reset */
	STOP_STUCK,    /* every hart waits for an interrupt that cannot come */
	STOP_BREAK,    /* a breakpoint or watchpoint was met: machine_break_hit */
};

/*
 * Runs until `limit` steps have been made in all on hart 0's clock, or the guest ends it.
 * => why it stopped. May be called again after STOP_LIMIT with a larger limit.
 */
enum machine_stop machine_run(struct machine *m, uint64_t limit);

/* Ends machine_run before the next step; for listeners. */
void machine_request_stop(struct machine *m);

/*
 * Breakpoints stop before the instruction at a virtual address, watchpoints after the access to
 * one of `len` bytes, on any hart. They change no count and no state: execution is only slower.
 */
enum machine_break { BREAK_EXEC, BREAK_LOAD, BREAK_STORE, BREAK_ACCESS };

/* => false: the table is full (set), or there is none such (cleared). */
bool machine_break_set(struct machine *m, enum machine_break kind, vaddr_t va, uint64_t len);
bool machine_break_clear(struct machine *m, enum machine_break kind, vaddr_t va, uint64_t len);

/* After STOP_BREAK: which one, and where. Going on executes the instruction of a BREAK_EXEC. */
struct break_hit {
	unsigned hart;
	enum machine_break kind;
	uint64_t va; /* BREAK_EXEC: pc; else the address accessed */
};
void machine_break_hit(const struct machine *m, struct break_hit *out);

/*
 * gdb's remote protocol as a function of bytes (debug/gdb.c): whoever has a connection feeds what
 * comes in, and `send` is called with what is to go out. The machine starts out stopped, as QEMU's
 * with -S; gdb decides when it runs. Several may follow each other on one machine.
 */
struct gdb;
enum gdb_state {
	GDB_STOPPED,  /* gdb_run does nothing until gdb says so */
	GDB_RUNNING,  /* gdb waits for a stop */
	GDB_DETACHED, /* gdb took its leave: the machine goes on without it */
	GDB_KILLED,   /* gdb wants the machine to end */
	GDB_ENDED,    /* gdb was told that the machine has ended */
};

/* => NULL: the host has no memory. */
struct gdb *gdb_create(struct machine *m, void (*send)(void *ctx, const void *buf, size_t len),
		       void *ctx);
/* Takes gdb's breakpoints away. Before machine_destroy. */
void gdb_destroy(struct gdb *g);
void gdb_feed(struct gdb *g, const void *buf, size_t len);
enum gdb_state gdb_state(const struct gdb *g);

/*
 * machine_run as gdb wants it.
 * => as machine_run; STOP_LIMIT also when the machine is stopped, or was stopped now and gdb has
 *    been told; never STOP_BREAK. After STOP_FINISHED gdb has been told the exit status.
 */
enum machine_stop gdb_run(struct gdb *g, uint64_t limit);

/* The machine will not go on, for another reason: gdb, if it waits, is told this exit status. */
void gdb_exited(struct gdb *g, unsigned status);

/* The 16-bit code that the guest gave the finisher; 0 for PASS or an SBI shutdown. */
unsigned machine_finish_code(const struct machine *m);

/* -- looking ------------------------------------------------------------------------------ */

enum access { ACCESS_FETCH, ACCESS_LOAD, ACCESS_STORE, ACCESS_KINDS };

/* Why a lookup missed; mmu/miss.c defines them. */
enum miss_cause {
	MISS_COLD,
	MISS_CAPACITY,
	MISS_CONFLICT,
	MISS_FLUSHED,
	MISS_OTHER_SPACE,
	MISS_UNMAPPED, /* the walk found no translation */
	MISS_CAUSES
};

/*
 * An access used a cached translation that the page tables no longer give: a flush is missing.
 * The access went through as the cached one says, as it may in hardware.
 */
struct stale_translation {
	uint64_t pc, va;
	enum access access;
	enum tlb_kind where;
	uint64_t cached_ppn;  /* of the 4 KiB page at va */
	unsigned cached_perm; /* low byte of the PTE, as cached */
	unsigned level;       /* at which the present walk ended */
	uint64_t pte;         /* what it found there */
};

/* Counts of one hart, exact. All are of lookups and walks in S-mode and U-mode under paging. */
struct hart_counters {
	uint64_t steps;             /* instructions retired or trapped */
	uint64_t retired;           /* instructions retired */
	uint64_t retired_by_prv[4]; /* of these, in U, S and M (PRV_*) */
	uint64_t lookups[ACCESS_KINDS];
	uint64_t hits[TLB_KINDS], misses[TLB_KINDS];
	uint64_t causes[TLB_KINDS][MISS_CAUSES]; /* of misses, under cfg.miss_causes */
	uint64_t lookups_user[ACCESS_KINDS];     /* in U-mode; the rest in S-mode */
	uint64_t misses_user[TLB_KINDS];
	uint64_t misses_by[ACCESS_KINDS]; /* of the first level */
	uint64_t walk_cache_hits;         /* walks that did not start at the root */
	uint64_t stale_uses;              /* counted under check_tlb only */
	uint64_t walks;                   /* table walks, those that only set D included */
	uint64_t walks_dirty;             /* walks made only to set D for a cached translation */
	uint64_t walks_faulted;           /* ended in a page fault */
	uint64_t walks_no_access;         /* ended in an access fault: a table outside RAM */
	uint64_t walks_by[ACCESS_KINDS];
	uint64_t pte_reads[5];  /* PTEs read, by level */
	uint64_t sets_accessed; /* walks that set A */
	uint64_t sets_dirty;    /* walks that set D */
	uint64_t hit_faults;    /* page faults found on a hit, without a walk */
	uint64_t page_faults;   /* page-fault exceptions raised */
	uint64_t paged_steps;   /* steps whose instruction was fetched under paging */
	uint64_t straddles;     /* of these, instructions that lie in two pages */
	uint64_t flushes;       /* sfence.vma executed or asked for through SBI */
	uint64_t satp_writes;
	uint64_t interrupts;
	uint64_t exceptions;
};

unsigned machine_harts(const struct machine *m);
void machine_counters(const struct machine *m, unsigned hart, struct hart_counters *out);
uint64_t machine_clock(const struct machine *m, unsigned hart);

/*
 * The same counts by address space, that is by value of satp (0: bare), over all harts; they sum
 * to the harts'. => number of spaces known; index 0 to n - 1, in order of appearance.
 */
unsigned machine_spaces(struct machine *m);
void machine_space(const struct machine *m, unsigned i, uint64_t *satp, struct hart_counters *out);

/* Architectural registers, for showing and for tests. */
struct hart_regs {
	uint64_t x[32], f[32], pc;
	uint64_t fcsr, mstatus, satp, scause, sepc, stval, stvec, sscratch;
	unsigned prv;
};
void machine_regs(const struct machine *m, unsigned hart, struct hart_regs *out);

/* The most recent page fault that a hart raised. */
struct fault_record {
	bool valid, on_hit; /* on_hit: a cached translation forbade it; no walk */
	enum access access;
	unsigned prv;
	uint64_t va, pc, satp, clock;
};
void machine_last_fault(const struct machine *m, unsigned hart, struct fault_record *out);

/*
 * A walk for looking only: reads PTEs, changes nothing, checks no permission.
 * steps[0] is the root. `level` is the level of that step's PTE.
 */
struct walk_step {
	unsigned level, index;
	uint64_t pte_pa, pte;
};
struct walk_view {
	unsigned nsteps, levels; /* levels: 3 for Sv39; 0 when translation is off */
	struct walk_step steps[5];
	bool leaf;   /* the last step is a valid leaf */
	uint64_t pa; /* physical address, if leaf */
	unsigned page_shift;
};
void machine_walk_view(const struct machine *m, uint64_t satp, vaddr_t va, struct walk_view *out);

/*
 * Hash of the whole architectural and TLB-model state: registers, CSRs, RAM, devices, counters.
 * Equal hashes mean equal machines; the host's addresses and caches have no part in it.
 */
uint64_t machine_state_hash(const struct machine *m);

#endif
