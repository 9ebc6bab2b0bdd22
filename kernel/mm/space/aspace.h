/*
 * Address spaces: *where*. A tree of VMAs, each a window on memory objects, and
 * the page table that caches their translations. Theory and locks: aspace.c;
 * the whole fault policy: fault.c.
 */
#ifndef KERNEL_ASPACE_H
#define KERNEL_ASPACE_H

#include "kernel/arch/arch.h"
#include "kernel/lib/avl.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/object/mobj.h"

/* Linux's numbers (abi/linux.h has the rest). */
#define VMA_READ       0x1
#define VMA_WRITE      0x2
#define VMA_EXEC       0x4
#define VMA_SHARED     0x8
#define VMA_GROWSDOWN  0x10
#define VMA_DONTFORK   0x40 /* madvise: a child does not get it */
#define VMA_WIPEONFORK 0x80 /* madvise: a child finds it empty */
#define VMA_NOWRITE    0x20 /* mprotect may not add WRITE: shared, of a file not open for writing */
#define VMA_PROT       (VMA_READ | VMA_WRITE | VMA_EXEC)

struct vma {
	struct avl_node node; /* in aspace.vmas, by start; augmented with the largest gap */
	vaddr_t start, end;   /* page-aligned, start < end */
	unsigned flags;       /* VMA_* */
	unsigned kind;        /* TV_* of abi/trace.h */
	struct mobj *anon;    /* private pages, by VPN; created at the first one. NULL: none yet */
	struct mobj *file;    /* NULL: anonymous */
	uint64_t file_offset; /* page index in file of start */
	uint64_t subtree_gap, subtree_first, subtree_last; /* augmentation: aspace.c */
};

struct aspace {
	uint32_t id;
	uint32_t refs;
	struct mutex lock; /* guards all below and the tables */
	struct avl_tree vmas;
	unsigned nvmas;
	struct arch_pt pt;
	uint64_t brk_start, brk;          /* to the byte */
	uint64_t stack_limit;             /* bytes the stack may grow to: RLIMIT_STACK */
	uint64_t data_limit;              /* RLIMIT_DATA */
	uint64_t as_limit;                /* RLIMIT_AS */
	uint64_t mapped;                  /* bytes in VMAs */
	uint64_t resident, resident_peak; /* pages mapped */
	uint64_t minor_faults, major_faults;
	uint64_t args, envs, strings_end; /* addresses: argv's strings [args, envs), then envp's */
	uint64_t stack_start;             /* where the first sp was */
	vaddr_t mmap_top;                 /* mappings are placed below, top down */
	uint64_t vdso;                    /* where the kernel's page of code is; 0: nowhere */
};

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
	bool noreserve;    /* MAP_NORESERVE: may be larger than RAM */
	struct mobj *file; /* NULL: anonymous. A new reference is taken */
	uint64_t offset;   /* bytes, page-aligned */
};

/*
 * mmap(2), with Linux's errors. SHARED without a file makes a shared anonymous object.
 * => 0 with *out, or -ENOMEM, -EINVAL, -EEXIST, -EPERM (below 64 KiB), -EOVERFLOW; nothing changed
 *    on failure.
 */
int aspace_map(struct aspace *as, const struct map_request *req, vaddr_t *out);
/* => what aspace_map() would say of the place that is asked for: 0 or -errno. Nothing is mapped. */
int aspace_place_check(struct aspace *as, const struct map_request *req);
int aspace_unmap(struct aspace *as, vaddr_t start, uint64_t len);
/*
 * => 0; -EINVAL; -EACCES (VMA_NOWRITE); -ENOMEM if part of the range is not mapped: as on Linux,
 *    what lies before the first hole has changed then.
 */
int aspace_protect(struct aspace *as, vaddr_t start, uint64_t len, unsigned prot);
/* => the new break, or the old one when it cannot be moved. */
uint64_t aspace_brk(struct aspace *as, uint64_t brk);
/* mremap(2) without MREMAP_DONTUNMAP and copies of shared mappings. => address or -errno. */
int64_t aspace_remap(struct aspace *as, vaddr_t old, uint64_t old_len, uint64_t new_len,
		     unsigned flags, vaddr_t new_addr);
/* MADV_DONTNEED: drops private pages of the range. => 0, -EINVAL, -ENOMEM (a hole; still done) */
int aspace_discard(struct aspace *as, vaddr_t start, uint64_t len);

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
 */
struct fault_result aspace_fault_trap(struct aspace *as, vaddr_t va, uint64_t scause, uint64_t pc,
				      uint32_t pid, unsigned access, bool from_user);

/* Lock held. => the VMA that contains va, or NULL. */
struct vma *aspace_find(struct aspace *as, vaddr_t va);
/* Lock held. => the first VMA that ends above va, or NULL: for walking in order. */
struct vma *aspace_next(struct aspace *as, vaddr_t va);

void aspace_check(struct aspace *as);

#endif
