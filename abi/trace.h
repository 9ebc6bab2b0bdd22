/*
 * What the kernel tells the lens: trace events, version 1.
 *
 * An event is the HINT `slti x0, x0, EVENT` with up to six arguments in a0 to
 * a5. On other hardware and on QEMU it does nothing. It is always executed and
 * counts as one retired instruction, in every configuration.
 *
 * Conventions. `as` is the number of an address space (1, 2, ...; 0 is the
 * kernel's half). `pid` is the process; addresses are virtual unless named
 * `pfn`, which counts 4 KiB frames from physical address 0. Text travels in
 * registers, NUL-padded, eight bytes each, first byte lowest.
 *
 * FILE_MISSING tells an absolute path that led nowhere in the tree's root, in as
 * many events as its text needs, the last of which has a NUL; made: it was to be
 * made. FILE_REFUSED names the file system that is only shown, by its source.
 *
 * A page fault is bracketed by FAULT_BEGIN and FAULT_END on the same hart, and
 * what the kernel does for it lies between. Frames: every frame of RAM is
 * TF_FREE until an event says otherwise; FRAME_SET gives a run of frames a
 * new state and is the only way that a state changes.
 */
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#define TRACE_VERSION 1

/*                               a0      a1       a2       a3      a4      a5            */
#define TRACE_HELLO       1  /* version ram_pfn  nframes  -       -       -             */
#define TRACE_PROC_START  2  /* pid     ppid     as       forker  -       -             */
#define TRACE_PROC_EXEC   3  /* pid     as       name[0]  name[1] name[2] name[3]       */
#define TRACE_PROC_EXIT   4  /* pid     status   as       -       -       - wait status */
#define TRACE_PROC_SIGNAL 5  /* pid     signo    si_code  addr    pc      as (fatal)    */
#define TRACE_AS_CREATE   6  /* as      root_pfn from     -       -       - copy of, or 0 */
#define TRACE_AS_DESTROY  7  /* as      -        -        -       -       -             */
#define TRACE_VMA_ADD     8  /* as      start    end      prot    kind    offset        */
#define TRACE_VMA_REMOVE  9  /* as      start    end      -       -       -             */
#define TRACE_VMA_NAME    10 /* as      start    name[0]  name[1] name[2] name[3]       */
#define TRACE_FRAME_SET   11 /* pfn     count    state    -       -       -             */
#define TRACE_PTE_SET     12 /* as      va       level    new     old     table_pfn     */
#define TRACE_FAULT_BEGIN 13 /* as      va       scause   pc      pid     -             */
#define TRACE_FAULT_END   14 /* as      va       kind     -       -       -             */
#define TRACE_USER_ENTER  15 /* pid     pc       sp       -       -       - first entry */
#define TRACE_FRAME_PIN                                                                            \
	16 /* pfn     +1 / -1  -        -       -       - reference that is no PTE */
#define TRACE_SWITCH       17 /* tid     was      as      state   -       - runs now; 0: idle */
#define TRACE_THREAD_START 18 /* tid     pid      -       -       -       -             */
#define TRACE_THREAD_EXIT  19 /* tid     pid      status  -       -       -             */
#define TRACE_SIGNAL       20 /* tid     signo    si_code handler -       - handler runs */
#define TRACE_HART_START   21 /* hart    -        -        -       -       - paging is on there */
#define TRACE_FILE_MISSING 22 /* pid     made    text[0] ...      text[3] - a file not found */
#define TRACE_FILE_REFUSED 23 /* pid     0       text[0] ...      text[3] - not to be changed */
#define TRACE_PTE_RANGE                                                                            \
	24 /* as      va       n<<8|level  clear set|own<<32  table_pfn   see below  */
#define TRACE_TABLE_COPY 25 /* as      va       new_pfn  from_pfn -      -       see below  */
#define TRACE_PTE_MOVE   26 /* as      va       to_va    n        table_pfn to_pfn see below  */
#define TRACE_MAX        27

/*
 * PTE_RANGE: of n entries of one table, from va's on, every valid one loses the bits `clear` and
 * gets `set`, and `own` (bits 32 on) as well where it has bit 9, which is software's.
 * PTE_MOVE: of n entries of one table of level 0, from va's on, every valid one is now that of
 * to_va and on, in another table or the same, and no longer here.
 * TABLE_COPY: the frame new_pfn is a table with the entries of the table in from_pfn; from_pfn 0:
 * of level 0, with the 512 leaves that mean what the leaf of level 1 at va means. A PTE_SET that
 * leads to it follows. A table that several address spaces lead to is one table.
 */

/* How a page fault ended. */
#define TK_NONE         0
#define TK_ZERO         1  /* demand zero: anonymous page, first touch, a cleared frame */
#define TK_ZERO_READ    2  /* anonymous page, first read: the shared zero frame */
#define TK_FILE         3  /* demand load: frame of a file mapped (minor) */
#define TK_FILE_COPY    4  /* private file page written: copied */
#define TK_COW          5  /* copy-on-write: copied */
#define TK_COW_REUSE    6  /* copy-on-write: the last owner keeps the frame */
#define TK_STACK        7  /* demand zero that grew the stack */
#define TK_SPURIOUS     8  /* the table was right already (a race, or A/D update) */
#define TK_SHARED_WRITE 9  /* first write to a shared file page */
#define TK_SEGV_MAPERR  10 /* no VMA: SIGSEGV */
#define TK_SEGV_ACCERR  11 /* the VMA forbids it: SIGSEGV */
#define TK_SIGBUS       12 /* beyond the end of the file: SIGBUS */
#define TK_OOM          13 /* no frame left: SIGKILL */
#define TK_FIXUP        14 /* in a checked user copy: EFAULT */
#define TK_REMAP        15 /* the frame was resident; only its PTE was missing */
#define TK_ZERO_SUPER   16 /* demand zero: a superpage, 512 cleared frames */
#define TK_MAX          17

/* What a frame is used for: exactly one state at a time. */
#define TF_FREE      0
#define TF_RESERVED  1 /* firmware's, or the device tree's */
#define TF_KERNEL    2 /* the kernel's image */
#define TF_METADATA  3 /* the frame table */
#define TF_PAGETABLE 4
#define TF_SLAB      5
#define TF_KALLOC    6 /* other kernel memory: stacks, buffers */
#define TF_ANON      7 /* anonymous memory of programs */
#define TF_FILE      8 /* contents of files */
#define TF_ZERO      9 /* the shared zero frame */
#define TF_MAX       10

/* What a VMA maps (argument `kind` of TRACE_VMA_ADD). */
#define TV_ANON  0
#define TV_FILE  1
#define TV_HEAP  2 /* brk */
#define TV_STACK 3
#define TV_VDSO  4

/* `prot` of TRACE_VMA_ADD: PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4, and: */
#define TP_SHARED 8

#endif
