/*
 * The seam between the kernel and the hardware: two implementations, riscv/
 * and host/ (for tests), and one contract. Nothing else under kernel/ knows a
 * PTE bit, a CSR or an SBI call.
 *
 * Page tables (arch_pt_*) are driven from above. They hold no truth of their
 * own: what is mapped follows from VMAs and memory objects, and a table may be
 * dropped at any time and built again by faults.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include "kernel/lib/types.h"

/* The least of these calls are inline where they are worth no call (riscv/inline.h). */
#ifdef __riscv
#define ARCH_INLINE static inline
#else
#define ARCH_INLINE
#endif

/* -- page tables ------------------------------------------------------------------------- */

/* Rights of a mapping. USER is set for every mapping below the kernel's half. */
#define ARCH_R      0x1
#define ARCH_W      0x2
#define ARCH_X      0x4
#define ARCH_USER   0x8
#define ARCH_GLOBAL 0x10

/*
 * What one leaf table translates. Two address spaces may share a leaf table, as a fork leaves it;
 * whoever has to change it takes a copy first. No call below changes another address space's
 * mappings.
 */
#define ARCH_REGION_SIZE (512 * PAGE_SIZE)

#define ARCH_PT_KINDS 4

struct frame;

struct arch_pt {
	paddr_t root;
	uint32_t as;      /* the address space's number, for trace events */
	uint32_t asid;    /* 0: it has none of its own */
	uint64_t ntables; /* table frames that it uses, the root and shared ones included */
	/* pages mapped, by the kind of their frames: FRAME_ANON .. of frame.h */
	uint64_t npages[ARCH_PT_KINDS];
	/* bit n, for hart n, atomic: may have its translations; runs it; must flush before it does
	 */
	uint64_t harts, running, stale;
};

/* A translation as the tables have it now. */
struct arch_mapping {
	pfn_t pfn;       /* of the page asked for, also within a superpage */
	uint32_t rights; /* ARCH_* */
	bool present, accessed, dirty;
	uint8_t level;
};
_Static_assert(sizeof(struct arch_mapping) <= 16, "travels in registers");

/*
 * A mapping holds a reference to its frame: a leaf in a table, shared or not, one; a superpage's
 * leaf, one to each of its frames. In all calls the caller holds the address space's lock. What is
 * unmapped or loses rights is flushed when the call returns, and only then is its frame let go.
 */

/*
 * => 0 or -ENOMEM. The root shares the kernel's upper half.
 */
int arch_pt_init(struct arch_pt *pt, uint32_t as);

/* Frees the root. => no hart runs pt; nothing is mapped in it. */
void arch_pt_fini(struct arch_pt *pt);

/*
 * Maps the page of `va` to `pfn`, replacing what was there, and flushes the stale translation
 * where one may be cached.
 * => 0, and *old is what was mapped before (its frame may be free by now); or -ENOMEM (nothing
 *    changed). Mapped already with these rights: flushed only.
 */
int arch_pt_set(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights,
		struct arch_mapping *old);

/*
 * Maps the region of `va`, where nothing is mapped, to the frames from `pfn` on, as one superpage.
 * => 0 or -ENOMEM (nothing changed).
 */
int arch_pt_set_super(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights);

/* No superpage lies on both sides of `at`. For want of memory one is unmapped, as in _protect(). */
void arch_pt_split(struct arch_pt *pt, vaddr_t at);

/*
 * Maps f[i], where it is not NULL, at the i-th of n pages from va on, where nothing is mapped: as
 * far as that takes no table. All n pages are of one region.
 */
void arch_pt_fill(struct arch_pt *pt, vaddr_t va, struct frame *const *f, unsigned n,
		  unsigned rights);

/*
 * If the page of va is mapped to pfn, not to be written, in a table that is pt's alone, then it may
 * be written from now on. => whether it is so.
 */
bool arch_pt_allow_write(struct arch_pt *pt, vaddr_t va, pfn_t pfn);

/* => superpages that have been split since boot. */
uint64_t arch_pt_splits(void);

/* => what is mapped at va. */
struct arch_mapping arch_pt_get(const struct arch_pt *pt, vaddr_t va);

/*
 * => the first address at or after va whose region has mappings, `end` if that is before.
 */
uint64_t arch_pt_next(const struct arch_pt *pt, uint64_t va, uint64_t end);

/* Removes all mappings in [start, end), and frees tables that became empty. */
void arch_pt_clear(struct arch_pt *pt, vaddr_t start, vaddr_t end);

/*
 * Removes what lies in tables that others use too, of all regions that meet [start, end), at little
 * cost: for an end.
 */
void arch_pt_clear_shared(struct arch_pt *pt, vaddr_t start, vaddr_t end);

/*
 * Gives all present mappings in [start, end) the given rights, at least ARCH_R or ARCH_X.
 * ARCH_W comes only to what has been mapped with it and has not been shared by a fork since:
 * whether another frame may be written is a fault's decision. Where there is no memory for a table,
 * mappings of its region are removed instead: faults bring them back.
 */
void arch_pt_protect(struct arch_pt *pt, vaddr_t start, vaddr_t end, unsigned rights);

/*
 * For fork. Flushes nothing: arch_pt_flush(from) must follow.
 *
 * unwrite: takes ARCH_W away in [start, end), also for later arch_pt_protect().
 * copy: `to`, which has nothing there, gets what `from` has in [start, end), which is unwritten.
 *       => 0 or -ENOMEM (part is mapped).
 * share: `to`, which has nothing there, uses from's table for the region of va as well. What is
 *        private in it is unwritten. => 0 or -ENOMEM (nothing changed).
 * used: => entries in from's table for the region of va, 0 if there is none or a superpage.
 */
void arch_pt_unwrite(struct arch_pt *from, vaddr_t start, vaddr_t end);
int arch_pt_copy(struct arch_pt *from, struct arch_pt *to, vaddr_t start, vaddr_t end);
int arch_pt_share(struct arch_pt *from, struct arch_pt *to, vaddr_t va);
unsigned arch_pt_used(const struct arch_pt *from, vaddr_t va);

/* => how many address spaces use the leaf table of va, this one with them. */
unsigned arch_pt_users(const struct arch_pt *pt, vaddr_t va);

/*
 * Moves what is mapped in [from, from + len) to `to`, where nothing is mapped; the ranges do not
 * overlap. For want of memory part of it may get lost: faults bring it back.
 */
void arch_pt_move(struct arch_pt *pt, vaddr_t from, vaddr_t to, uint64_t len);

/* No hart has a translation of pt any more that was changed before. */
void arch_pt_flush(struct arch_pt *pt);

/* Makes pt the current hart's address space; NULL: the kernel's half alone. */
void arch_pt_switch(struct arch_pt *pt);

/* First address that a program cannot have, and the kernel's first: from the paging mode. */
ARCH_INLINE vaddr_t arch_user_end(void);
vaddr_t arch_kernel_start(void);

/* The linear map: all of RAM, at a fixed distance. */
ARCH_INLINE void *arch_kva(paddr_t pa);
ARCH_INLINE paddr_t arch_pa(const void *kva);

/*
 * Maps a device's registers for the kernel, for ever; asking again gives another mapping.
 * => the address that stands for pa; NULL: no memory, or no room left for devices.
 */
void *arch_map_device(paddr_t pa, size_t len);

/*
 * Pages of the kernel's half for its large buffers, in [start, end); equal: there are none.
 * map: va, where nothing is, shows a frame. => false: no memory. ready: after that, all harts see
 * it. unmap: `gone` is called for each frame when no hart can reach it.
 */
vaddr_t arch_buffer_start(void);
vaddr_t arch_buffer_end(void);
bool arch_buffer_map(vaddr_t va, pfn_t pfn);
void arch_buffer_ready(vaddr_t va, size_t len);
void arch_buffer_unmap(vaddr_t va, size_t len, void (*gone)(pfn_t pfn));

/* One whole page in the linear map, as fast as the hardware can. */
void arch_page_clear(void *kva);
void arch_page_copy(void *to, const void *from);

/* -- user memory ------------------------------------------------------------------------- */

/*
 * Copies between kernel and user memory; faults are served, and what cannot be served ends the
 * copy. => bytes NOT copied (0: all). Any user address may be given, the kernel's too: refused.
 */
size_t arch_copy_from_user(void *to, vaddr_t from, size_t len);
size_t arch_copy_to_user(vaddr_t to, const void *from, size_t len);
size_t arch_clear_user(vaddr_t to, size_t len);
/* => length without the NUL; -EFAULT; -ENAMETOOLONG if no NUL within `size` bytes. */
ssize_t arch_strncpy_from_user(char *to, vaddr_t from, size_t size);

/*
 * Stores `new` at the aligned user address if it holds `old`, in one step; *seen is what it held.
 * => 0; -1: it cannot be written.
 */
int arch_user_exchange32(vaddr_t at, uint32_t old, uint32_t new, uint32_t *seen);

/* -- harts, interrupts, time ------------------------------------------------------------- */

/* => whether interrupts were enabled. */
bool arch_irq_disable(void);
void arch_irq_restore(bool enabled);
bool arch_irq_enabled(void);

/* Waits for an interrupt that is enabled in the hart; interrupts are off before and after. */
void arch_wait(void);

/* Instructions that were stored are seen by all harts when they fetch them from now on. */
void arch_icache_flush(void);

/*
 * What runs on this hart: begins with its struct arch_thread, and then a uint32_t, `work`; NULL at
 * boot. While work is not 0 its program does not go on: kernel_user_work() is called first.
 */
ARCH_INLINE void *arch_current(void);
ARCH_INLINE void arch_current_set(void *current);

ARCH_INLINE unsigned arch_hart(void); /* 0 .. arch_harts() - 1 */
unsigned arch_harts(void);            /* in the device tree, parked ones too */

/* Lets the other harts into kernel_hart_main(), one after another. => how many run, this one too.
 */
unsigned arch_harts_start(void);
void arch_ipi(unsigned hart); /* interrupts that hart, which calls kernel_ipi() */

uint64_t arch_time_ns(void); /* since boot */

/* Asks for kernel_timer_irq() on this hart at that time, once; UINT64_MAX: never. */
void arch_timer_set(uint64_t time_ns);

/* Ends the run; `status` is FINISHER's 16-bit code. */
_Noreturn void arch_shutdown(unsigned status);

/* One character to the firmware's console: for panics and the boot's first lines. */
void arch_putc(char c);

/* -- threads: their stacks and registers ---------------------------------------------------- */

struct trapframe;

/* Floating-point registers, as Linux has them in signal frames. */
struct arch_fp {
	uint64_t f[32];
	uint32_t fcsr, pad;
};

struct arch_thread {
	uint64_t sp, stack_top;
	struct trapframe *user; /* registers of the program; NULL: there is none */
	struct arch_fp fp;
	unsigned fp_hart;
};

/* => whether its program waits in a system call, not at an instruction of its own. */
bool arch_in_syscall(const struct arch_thread *a);

/* A thread that begins in `entry`, with interrupts off, on the stack [stack, stack + len). */
void arch_thread_init(struct arch_thread *a, void *stack, size_t len, void (*entry)(void));
/* What runs now on the hart's first stack becomes a thread without a program. */
void arch_thread_adopt(struct arch_thread *a);
/* => returns when somebody switches to prev again, perhaps on another hart. */
void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next);

/* The program's registers: first ones; a copy of those of the current thread; going there. */
void arch_user_init(struct arch_thread *a, uint64_t pc, uint64_t sp);
void arch_thread_copy_user(struct arch_thread *to, struct arch_thread *current);
_Noreturn void arch_user_enter(struct arch_thread *current);

/* A system call has written all registers of the program to its trapframe: a bit of `work`. */
#define ARCH_WORK_REGISTERS 4

/* sys_clone() and sys_clone3(), with s0 to s11 in the trapframe too: the child gets them. */
int64_t arch_clone(const uint64_t *args);
int64_t arch_clone3(const uint64_t *args);

/* What the page of code for programs needs to tell the time. */
struct arch_vdso_data {
	uint64_t boot_ticks;  /* of the hart's counter at arch_time_ns() = 0 */
	uint64_t ns_per_tick; /* 0: no whole number; programs ask the kernel then */
	uint64_t epoch_ns;    /* real time at arch_time_ns() = 0; filled in above */
};

/*
 * The page of code for programs. => its bytes, at most a page; where in it handlers return to, and
 * where the page has its data.
 */
struct arch_vdso {
	const void *code;
	size_t len;
	uint64_t sigreturn, data;
};
struct arch_vdso arch_vdso(void);
void arch_vdso_data(struct arch_vdso_data *out); /* all but epoch_ns */

/* The program's floating-point registers, to be read; to be changed. */
const struct arch_fp *arch_fp_get(struct arch_thread *current);
struct arch_fp *arch_fp_edit(struct arch_thread *current);

/* -- what the architecture calls: implemented above it ------------------------------------ */

/*
 * Boot hart, paging on, interrupts off; `fdt` is the device tree, well-formed, in the linear map.
 * The frame allocator works; slab_init() has not been called. A RAM disk's frames are TF_FILE.
 */
_Noreturn void kernel_main(const void *fdt);

/*
 * A program's ECALL: its number, and six arguments in a row. pc is past the ECALL; in the trapframe
 * are all registers but s0 to s11. => the result.
 */
int64_t kernel_syscall(const uint64_t *args, uint64_t number);

/* The clone(2) and clone3(2) of above, which arch_clone() and arch_clone3() enter. */
int64_t sys_clone(const uint64_t *args);
int64_t sys_clone3(const uint64_t *args);

/*
 * A page fault at va from user mode, or from one of the user-copy routines (from_user false).
 * access: VMA_READ, VMA_WRITE or VMA_EXEC (1, 2, 4).
 * => true: go on. false, only when not from user: the copy ends there.
 */
bool kernel_page_fault(struct trapframe *tf, vaddr_t va, unsigned access, bool from_user);

/* Any other exception of a program, as the signal that it means. */
void kernel_exception(struct trapframe *tf, int signo, int code, uint64_t addr);

void kernel_external_irq(void);
void kernel_timer_irq(void);
void kernel_ipi(void);

/*
 * The last thing before a program goes on, when its thread's `work` is not 0. All registers are in
 * the trapframe, and are loaded from there. => work is 0.
 */
void kernel_user_work(void);

/* A hart that arch_harts_start() woke, on its first stack. */
_Noreturn void kernel_hart_main(void);

#ifdef __riscv
#include "kernel/arch/riscv/inline.h"
#endif

#endif
