/*
 * Address spaces: *where*. A tree of VMAs, each a window on memory objects, and
 * the page table that caches their translations. Theory and locks: aspace.c;
 * the whole fault policy: fault.c.
 */
#ifndef KERNEL_ASPACE_H
#define KERNEL_ASPACE_H

#include "kernel/arch/arch.h"
#include "kernel/lib/avl.h"
#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/object/mobj.h"

/* Rights: Linux's numbers (abi/linux.h has the rest). */
#define VMA_READ  0x1
#define VMA_WRITE 0x2
#define VMA_EXEC  0x4
#define VMA_PROT  (VMA_READ | VMA_WRITE | VMA_EXEC)

/* What it is. */
#define VMA_SHARED    0x8
#define VMA_GROWSDOWN 0x10
#define VMA_NOWRITE   0x20  /* mprotect may not add WRITE: shared, of a file not open for writing */
#define VMA_FIXEDSIZE 0x40  /* the kernel's own page: it may move, but not grow or be locked */
#define VMA_OPAQUE    0x80  /* mincore may not tell which pages of the file are resident */
#define VMA_NORESERVE 0x100 /* MAP_NORESERVE: counts nowhere until touched */
#define VMA_ACCOUNT   0x200 /* its pages are promised: they count as committed. limit.c */

/* mlock: pages are there and stay; ONFAULT: once touched. */
#define VMA_LOCKED  0x400
#define VMA_ONFAULT 0x800
#define VMA_LOCK    (VMA_LOCKED | VMA_ONFAULT)

/* madvise. */
#define VMA_DONTFORK   0x1000 /* a child does not get it */
#define VMA_WIPEONFORK 0x2000 /* a child finds it empty */
#define VMA_DONTDUMP   0x4000
#define VMA_RANDOM     0x8000
#define VMA_SEQUENTIAL 0x10000
#define VMA_HUGEPAGE   0x20000
#define VMA_NOHUGEPAGE 0x40000
#define VMA_MERGEABLE  0x80000
#define VMA_DROPPABLE  0x100000 /* MAP_DROPPABLE */

/* Of an anonymous VMA, from prctl(PR_SET_VMA_ANON_NAME): name.c. */
struct frame;
struct vma_name;

struct vma {
	struct avl_node node; /* in aspace.vmas, by start; augmented with the largest gap */
	vaddr_t start, end;   /* page-aligned, start < end */
	unsigned flags;       /* VMA_* */
	unsigned kind : 31;   /* TV_* of abi/trace.h */
	unsigned touched : 1; /* a page of it may be mapped, or may have been once */
	struct aspace *as;    /* whose tree it is in */
	struct mobj *anon;    /* private pages; created at the first one. NULL: none yet */
	struct mobj *file;    /* NULL: anonymous */
	uint64_t anon_offset; /* page index in anon of start */
	uint64_t file_offset; /* page index in file of start */
	struct list_node anon_link, file_link; /* in anon->vmas, file->vmas; under their locks */
	uint64_t walk;                         /* rmap.c: the last walk that has picked it */
	struct vma_name *name;                 /* NULL: none */
	uint64_t gap, subtree_gap; /* bytes: free above it; the most of its subtree. aspace.c */
};

struct aspace {
	uint32_t id;
	uint32_t refs;
	struct mutex lock; /* guards all below and the tables */
	struct avl_tree vmas;
	struct vma *first; /* the lowest; NULL: there is none */
	unsigned nvmas;
	unsigned lock_flags; /* VMA_LOCK: what mlockall(MCL_FUTURE) gives new mappings */
	struct arch_pt pt;
	uint64_t brk_start, brk; /* to the byte */

	/* Limits, in bytes: RLIMIT_STACK, _DATA, _AS, _MEMLOCK. Privileged: the last does not hold,
	 * nor does the lowest address, and some memory is kept for it. */
	uint64_t stack_limit, data_limit, as_limit, lock_limit;
	bool is_privileged;

	/*
	 * Bytes in VMAs: all, the most that it has been, and by kind (vma_use): code is what may be
	 * executed and not written, data is private and writable, stack grows down.
	 */
	uint64_t mapped, mapped_peak, code, data, stack;
	uint64_t locked;    /* bytes in VMAs that are VMA_LOCKED */
	uint64_t committed; /* bytes in VMAs that are VMA_ACCOUNT */

	uint64_t resident_peak; /* of aspace_npages() */
	uint64_t minor_faults, major_faults;

	/* Addresses that exec chose, for /proc; of the program's file: its code, its data. */
	uint64_t auxv, auxv_end;          /* the auxiliary vector */
	uint64_t args, envs, strings_end; /* argv's strings [args, envs), then envp's */
	uint64_t stack_start;             /* where the first sp was */
	uint64_t code_start, code_end, data_start, data_end;
	vaddr_t mmap_top;   /* mappings are placed below, top down */
	uint64_t vdso;      /* where the kernel's page of code is; 0: nowhere */
	uint32_t barriers;  /* membarrier(2): commands registered */
	bool no_superpages; /* prctl(PR_SET_THP_DISABLE) */
};

/* What the machine's administrator may set: /proc/sys/vm. Read without a lock. */
struct space_policy {
	unsigned overcommit; /* 0: refuse what could never fit; 1: nothing; 2: keep to the limit */
	unsigned overcommit_ratio;                    /* of RAM, in percent: the limit, unless */
	uint64_t overcommit_kib;                      /* this is not 0 */
	unsigned max_vmas;                            /* of one space */
	unsigned superpages;                          /* SUPER_*: who gets them unasked */
	uint64_t min_address;                         /* below, only the superuser maps */
	uint64_t user_reserve_kib, admin_reserve_kib; /* left by mode 2; set at boot */
};
extern struct space_policy space_policy;

#define SUPER_NEVER   0
#define SUPER_MADVISE 1 /* who asks by madvise() */
#define SUPER_ALWAYS  2

/* Superpages, since boot. Read without a lock. */
extern struct super_counts {
	uint64_t made;      /* at a first touch */
	uint64_t fallback;  /* a first touch that found no frames in a row */
	uint64_t collapsed; /* of small pages */
} super_counts;

/* Pages promised, of all spaces; and how many may be in mode 2. limit.c */
uint64_t commit_total(void);
uint64_t commit_limit(void);

/* => pages mapped, those of the zero frame aside. */
static inline uint64_t aspace_npages(const struct aspace *as)
{
	const uint64_t *n = as->pt.npages;

	return n[FRAME_ANON] + n[FRAME_FILE] + n[FRAME_SHMEM];
}

/*
 * Locking: all calls take the lock themselves, but for aspace_find() and aspace_next(). The holder
 * must not touch user memory.
 */
struct aspace *aspace_create(void); /* NULL: no memory. Limits: none but RLIMIT_STACK, 8 MiB */
void aspace_get(struct aspace *as);
void aspace_put(struct aspace *as); /* the last reference frees all */
/*
 * A copy: private pages are shared until one of the two writes to them, shared mappings are the
 * same. => NULL: no memory. fork.c
 */
struct aspace *aspace_fork(struct aspace *from);
void aspace_switch(struct aspace *as); /* of this hart; NULL: the kernel's half alone */

struct map_request {
	vaddr_t hint;   /* page-aligned when fixed */
	uint64_t len;   /* bytes, > 0 */
	unsigned flags; /* VMA_* */
	unsigned kind;  /* TV_* */
	bool fixed;     /* exactly there, replacing what is there */
	bool noreplace; /* exactly there, or -EEXIST */
	bool populate;
	struct mobj *file; /* NULL: anonymous. A new reference is taken */
	uint64_t offset;   /* bytes, page-aligned */
	int error;         /* what is wrong besides: returned if the place is right. 0: nothing */
};

/*
 * mmap(2), with Linux's errors, in its order. SHARED without a file makes a shared anonymous
 * object; VMA_LOCKED asks for locking.
 * => 0 with *out, or -errno; nothing changed on failure. map.c
 */
int aspace_map(struct aspace *as, const struct map_request *req, vaddr_t *out);
int aspace_unmap(struct aspace *as, vaddr_t start, uint64_t len);
/* => the new break, or the old one when it cannot be moved. */
uint64_t aspace_brk(struct aspace *as, uint64_t brk);
/*
 * mprotect(2), PROT_GROWSDOWN with `grows`. => 0 or -errno: as on Linux, what lies before the
 * page that fails has changed then. change.c
 */
int aspace_protect(struct aspace *as, vaddr_t start, uint64_t len, unsigned prot);
int aspace_protect_stack(struct aspace *as, vaddr_t start, uint64_t len, unsigned prot);
/* => 0; -EINVAL, -ENOMEM: a range that mprotect would not begin with. */
int aspace_mapped(struct aspace *as, vaddr_t start, uint64_t len);
/* mremap(2); the new address is a hint without MREMAP_FIXED. => address or -errno. remap.c */
int64_t aspace_remap(struct aspace *as, vaddr_t old, uint64_t old_len, uint64_t new_len,
		     unsigned flags, vaddr_t new_addr);

/* madvise(2) but for the advice to populate. => 0 or -errno. advise.c */
int aspace_advise(struct aspace *as, vaddr_t start, uint64_t len, int advice);
/* MADV_DONTNEED: drops private pages of the range. => 0, -EINVAL, -ENOMEM (a hole; still done) */
/* MADV_COLLAPSE. => 0, -EINVAL, -ENOMEM, -EAGAIN. super.c */
int aspace_collapse(struct aspace *as, vaddr_t start, uint64_t len);
void aspace_forbid_superpages(struct aspace *as, bool forbidden); /* new ones */
int aspace_discard(struct aspace *as, vaddr_t start, uint64_t len);
/* MADV_POPULATE_READ and _WRITE. => 0; -EINVAL, -EFAULT, -ENOMEM as there. lock.c */
int aspace_populate(struct aspace *as, vaddr_t start, uint64_t len, bool write);
/* PR_SET_VMA_ANON_NAME; NULL: takes the name away. => 0 or -errno. name.c */
int aspace_name(struct aspace *as, vaddr_t start, uint64_t len, const char *name);
#define VMA_NAME_SIZE 80 /* Linux's ANON_VMA_NAME_MAX_LEN: with the NUL */
const char *vma_name_text(const struct vma_name *n);

/*
 * mlock(2) and its kin; `lock` is VMA_LOCKED, with VMA_ONFAULT, or 0 to unlock. All: `current` what
 * is mapped, `future` what will be. => 0 or -errno. lock.c
 */
int aspace_lock(struct aspace *as, vaddr_t start, uint64_t len, unsigned lock);
int aspace_lock_all(struct aspace *as, unsigned now, unsigned future);
/* msync(2) as far as ranges go: MS_* flags. => 0, -ENOMEM, -EBUSY */
int aspace_sync(struct aspace *as, vaddr_t start, uint64_t len, unsigned flags);
/* mincore(2) of at most `npages`, within one VMA. => pages answered, -ENOMEM: start is in none. */
int64_t aspace_mincore(struct aspace *as, vaddr_t start, uint64_t npages, uint8_t *out);

/*
 * Another space's page, for a kernel that has not switched to it: served as if the program there
 * touched it. => 0 and *out, with a reference that is told to the lens; -EFAULT. reach.c
 */
int aspace_pin(struct aspace *as, vaddr_t va, bool write, struct frame **out);
void aspace_unpin(struct frame *f);

/* => whether some mapping of file is shared and could be written through, now or after mprotect. */
bool rmap_may_write(struct mobj *file);

/*
 * Drops what any space shows of pages [first, last) of a file; `copies`: private copies too. The
 * caller holds no space's lock, and has seen to it that the pages cannot be mapped again. rmap.c
 */
void rmap_forget(struct mobj *file, uint64_t first, uint64_t last, bool copies);

/*
 * Calls `each` for every page that f, TF_ANON or TF_FILE and held by the caller, is mapped at, with
 * the space's lock held. What changes meanwhile may be missed.
 */
typedef void rmap_visitor(void *ctx, struct aspace *as, vaddr_t va, struct arch_mapping m);
void rmap_walk(struct frame *f, rmap_visitor *each, void *ctx);

struct fault_result {
	unsigned kind; /* TK_* of abi/trace.h */
	int signo;     /* 0: served. SIGSEGV, SIGBUS or SIGKILL */
	int code;      /* si_code */
	bool is_major; /* a page had to be read */
};

/* Serves a page fault at va: the whole policy on one screen. `access`: one of VMA_READ/WRITE/EXEC.
 */
struct fault_result aspace_fault(struct aspace *as, vaddr_t va, unsigned access);

/*
 * The same for a trap, bracketed by TRACE_FAULT_BEGIN and _END: what kernel_page_fault() is to
 * call. scause, pc and pid are for the events; from_user false: a user copy, whose failure is
 * TK_FIXUP.
 * => 0: served; 1: served, and a page had to be read for it; -1: not served, see *refused.
 */
int aspace_fault_trap(struct aspace *as, vaddr_t va, uint64_t scause, uint64_t pc, uint32_t pid,
		      unsigned access, bool from_user, struct fault_result *refused);

/* Lock held. => the VMA that contains va, or NULL. */
struct vma *aspace_find(struct aspace *as, vaddr_t va);
/* Lock held. => the first VMA that ends above va, or NULL: for walking in order. */
struct vma *aspace_next(struct aspace *as, vaddr_t va);

void aspace_check(struct aspace *as);

#endif
