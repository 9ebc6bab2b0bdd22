/*
 * The texts of /proc about one address space, in the forms of Linux 6.12 (proc(5)):
 * maps, smaps, smaps_rollup.
 *
 * A page that is mapped belongs to smaps' sums by what its frame is (anonymous, a
 * file's, shared memory), whether others map it as well, and by the A and D bits of
 * its entry. How many map it is told by the frame's references, less those that
 * objects have, and by the users of a leaf table that a fork has left shared.
 *
 * Locks: the address space's, while one of its VMAs is written.
 */
#include "kernel/fs/inode.h"
#include "kernel/fs/procspace.h"
#include "kernel/fs/proctext.h"
#include "kernel/fs/procview.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "abi/trace.h"

#define NAME_COLUMN 73 /* where Linux puts names, with 64-bit addresses */
#define PSS_SHIFT   12 /* of shares of pages, before they are summed: as Linux */

uint64_t mapping_users(const struct aspace *as, uint64_t va, const struct frame *f)
{
	uint64_t leaves = frame_leaves(f);

	return (leaves ? leaves : 1) + arch_pt_users(&as->pt, VADDR(va)) - 1;
}

/* => the name at the end of a line of maps, perhaps in `buf`. Address space locked. */
static const char *vma_label(const struct proc_handle *p, const struct aspace *as,
			     const struct vma *v, char *buf, size_t size)
{
	if (v->kind == TV_VDSO)
		return "[vdso]";
	if (v->file && v->file->kind != MOBJ_ANON)
		return p->exe && v->file == p->exe->data ? p->exe_path : mobj_label(v->file);
	if (v->name) {
		ksnprintf(buf, size, v->file ? "[anon_shmem:%s]" : "[anon:%s]",
			  vma_name_text(v->name));
		return buf;
	}
	if (v->file)
		return "/dev/zero (deleted)"; /* Linux's name of shared anonymous memory */
	if (v->start.v < as->brk && v->end.v > as->brk_start)
		return "[heap]";
	if (v->start.v <= as->stack_start && v->end.v > as->stack_start)
		return "[stack]";
	return "";
}

/* The line of maps that starts at t->len, which has come to the name. */
static void put_name(struct text *t, size_t start, const char *label)
{
	while (*label && t->len - start < NAME_COLUMN && !t->failed)
		text_put(t, " ");
	text_put_bytes(t, label, strlen(label));
	text_put(t, "\n");
}

static void put_line(struct text *t, const struct proc_handle *p, const struct vma *v)
{
	char buf[VMA_NAME_SIZE + sizeof "[anon_shmem:]"];
	size_t start = t->len;

	text_put(t, "%08lx-%08lx %c%c%c%c %08lx 00:%02lx %lu ", v->start.v, v->end.v,
		 v->flags & VMA_READ ? 'r' : '-', v->flags & VMA_WRITE ? 'w' : '-',
		 v->flags & VMA_EXEC ? 'x' : '-', v->flags & VMA_SHARED ? 's' : 'p',
		 v->file ? v->file_offset << PAGE_SHIFT : 0, v->file ? v->file->dev : 0,
		 v->file ? v->file->ino : 0);
	put_name(t, start, vma_label(p, v->as, v, buf, sizeof buf));
}

void text_maps(struct text *t, const struct text_request *r)
{
	struct aspace *as = r->proc->as;

	if (!as)
		return;
	mutex_lock(&as->lock);
	for (struct vma *v = aspace_next(as, VADDR(0)); v; v = aspace_next(as, v->end))
		put_line(t, r->proc, v);
	mutex_unlock(&as->lock);
}

/* -- smaps --------------------------------------------------------------------------------- */

/* Bytes; shares are shifted. */
struct sums {
	uint64_t rss, referenced, anonymous, lazy_free, huge, locked_pss;
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t pss, pss_dirty, pss_kind[FRAME_KINDS];
};

static void sums_add_page(struct sums *s, const struct vma *v, uint64_t va, struct arch_mapping m)
{
	const struct frame *f = frame_in_use(m.pfn);
	uint64_t users, share;
	bool dirty;

	if (f->kind == FRAME_ZERO)
		return;
	users = mapping_users(v->as, va, f);
	share = (PAGE_SIZE << PSS_SHIFT) / users;
	/* An anonymous page has nowhere to be but here. */
	dirty = m.dirty || f->kind == FRAME_ANON;
	s->rss += PAGE_SIZE;
	s->referenced += m.accessed ? PAGE_SIZE : 0;
	s->anonymous += f->kind == FRAME_ANON ? PAGE_SIZE : 0;
	s->huge += m.level > 0 ? PAGE_SIZE : 0;
	s->pss += share;
	s->pss_dirty += dirty ? share : 0;
	s->pss_kind[f->kind] += share;
	s->locked_pss += v->flags & VMA_LOCKED ? share : 0;
	if (users > 1)
		*(dirty ? &s->shared_dirty : &s->shared_clean) += PAGE_SIZE;
	else
		*(dirty ? &s->private_dirty : &s->private_clean) += PAGE_SIZE;
}

/* Address space locked. */
static void sums_add(struct sums *s, const struct vma *v)
{
	const struct arch_pt *pt = &v->as->pt;
	uint64_t end = v->end.v, va = arch_pt_next(pt, v->start.v, end);

	while (va < end) {
		uint64_t stop = ROUND_DOWN(va, ARCH_REGION_SIZE) + ARCH_REGION_SIZE;

		for (; va < stop && va < end; va += PAGE_SIZE) {
			struct arch_mapping m = arch_pt_get(pt, VADDR(va));

			if (m.present)
				sums_add_page(s, v, va, m);
		}
		va = arch_pt_next(pt, va, end);
	}
}

static void put_kib(struct text *t, const char *name, uint64_t bytes)
{
	text_put(t, "%-15s %8lu kB\n", name, bytes >> 10);
}

static void put_sums(struct text *t, const struct sums *s, bool rollup)
{
	put_kib(t, "Rss:", s->rss);
	put_kib(t, "Pss:", s->pss >> PSS_SHIFT);
	put_kib(t, "Pss_Dirty:", s->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		put_kib(t, "Pss_Anon:", s->pss_kind[FRAME_ANON] >> PSS_SHIFT);
		put_kib(t, "Pss_File:", s->pss_kind[FRAME_FILE] >> PSS_SHIFT);
		put_kib(t, "Pss_Shmem:", s->pss_kind[FRAME_SHMEM] >> PSS_SHIFT);
	}
	put_kib(t, "Shared_Clean:", s->shared_clean);
	put_kib(t, "Shared_Dirty:", s->shared_dirty);
	put_kib(t, "Private_Clean:", s->private_clean);
	put_kib(t, "Private_Dirty:", s->private_dirty);
	put_kib(t, "Referenced:", s->referenced);
	put_kib(t, "Anonymous:", s->anonymous);
	put_kib(t, "KSM:", 0);
	put_kib(t, "LazyFree:", s->lazy_free);
	put_kib(t, "AnonHugePages:", s->huge);
	put_kib(t, "ShmemPmdMapped:", 0);
	put_kib(t, "FilePmdMapped:", 0);
	put_kib(t, "Shared_Hugetlb:", 0);
	text_put(t, "Private_Hugetlb: %7u kB\n", 0);
	put_kib(t, "Swap:", 0);
	put_kib(t, "SwapPss:", 0);
	put_kib(t, "Locked:", s->locked_pss >> PSS_SHIFT);
}

/* Linux's two letters for each property. */
static void put_flags(struct text *t, const struct vma *v)
{
	const struct {
		char name[3];
		bool is_set;
	} flags[] = {{"rd", v->flags & VMA_READ},
		     {"wr", v->flags & VMA_WRITE},
		     {"ex", v->flags & VMA_EXEC},
		     {"sh", v->flags & VMA_SHARED},
		     {"mr", true},
		     {"mw", !(v->flags & VMA_NOWRITE)},
		     {"me", true},
		     {"ms", v->flags & VMA_SHARED && !(v->flags & VMA_NOWRITE)},
		     {"gd", v->flags & VMA_GROWSDOWN},
		     {"lo", v->flags & VMA_LOCKED},
		     {"sr", v->flags & VMA_SEQUENTIAL},
		     {"rr", v->flags & VMA_RANDOM},
		     {"dc", v->flags & VMA_DONTFORK},
		     {"de", v->flags & VMA_FIXEDSIZE},
		     {"ac", v->flags & VMA_ACCOUNT},
		     {"nr", v->flags & VMA_NORESERVE},
		     {"wf", v->flags & VMA_WIPEONFORK},
		     {"dd", v->flags & VMA_DONTDUMP},
		     {"hg", v->flags & VMA_HUGEPAGE},
		     {"nh", v->flags & VMA_NOHUGEPAGE},
		     {"mg", v->flags & VMA_MERGEABLE},
		     {"dp", v->flags & VMA_DROPPABLE}};

	text_put(t, "VmFlags: ");
	for (size_t n = 0; n < ARRAY_SIZE(flags); n++)
		if (flags[n].is_set)
			text_put(t, "%s ", flags[n].name);
	text_put(t, "\n");
}

void text_smaps(struct text *t, const struct text_request *r)
{
	struct aspace *as = r->proc->as;

	if (!as)
		return;
	mutex_lock(&as->lock);
	for (struct vma *v = aspace_next(as, VADDR(0)); v; v = aspace_next(as, v->end)) {
		struct sums s = {0};

		sums_add(&s, v);
		put_line(t, r->proc, v);
		put_kib(t, "Size:", v->end.v - v->start.v);
		put_kib(t, "KernelPageSize:", PAGE_SIZE);
		put_kib(t, "MMUPageSize:", PAGE_SIZE);
		put_sums(t, &s, false);
		text_put(t, "THPeligible:    %8u\n", 0);
		put_flags(t, v);
	}
	mutex_unlock(&as->lock);
}

void text_smaps_rollup(struct text *t, const struct text_request *r)
{
	struct aspace *as = r->proc->as;
	uint64_t start = 0, end = 0;
	struct sums s = {0};
	size_t at = t->len;

	if (!as)
		return;
	mutex_lock(&as->lock);
	for (struct vma *v = aspace_next(as, VADDR(0)); v; v = aspace_next(as, v->end)) {
		start = end ? start : v->start.v;
		end = v->end.v;
		sums_add(&s, v);
	}
	mutex_unlock(&as->lock);
	text_put(t, "%08lx-%08lx ---p 00000000 00:00 0 ", start, end);
	put_name(t, at, "[rollup]");
	put_sums(t, &s, true);
}
