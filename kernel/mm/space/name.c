/*
 * Names of anonymous VMAs (PR_SET_VMA_ANON_NAME), shown in /proc/PID/maps. A name
 * is shared by the VMAs that were split from one, and counted; VMAs of different
 * names do not join.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

struct vma_name {
	uint32_t refs; /* atomic: a fork shares names between spaces */
	char text[];
};

void vma_name_get(struct vma_name *n)
{
	if (n)
		__atomic_fetch_add(&n->refs, 1, __ATOMIC_RELAXED);
}

void vma_name_put(struct vma_name *n)
{
	if (n && __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(n);
}

bool vma_name_equal(const struct vma_name *a, const struct vma_name *b)
{
	return a && b && strcmp(a->text, b->text) == 0;
}

const char *vma_name_text(const struct vma_name *n)
{
	return n->text;
}

static struct vma_name *name_create(const char *text)
{
	size_t len = strlen(text);
	struct vma_name *n = kmalloc(sizeof *n + len + 1);

	if (n) {
		n->refs = 1;
		memcpy(n->text, text, len + 1);
	}
	return n;
}

/* Lock held. => 0; -EBADF: a file's pages; -EAGAIN: no memory, or VMAs; -ENOMEM: a hole. */
static int name_range(struct aspace *as, uint64_t start, uint64_t end, struct vma_name *n)
{
	struct vma *v = aspace_next(as, VADDR(start));
	bool hole = false;

	for (uint64_t at = start; at < end; v = vma_next(v)) {
		if (!v)
			return -ENOMEM;
		if (at < v->start.v) {
			hole = true;
			at = v->start.v;
			if (at >= end)
				break;
		}
		if (v->file && v->file->kind != MOBJ_ANON)
			return -EBADF;
		if (vma_change(as, v, at, v->end.v < end ? v->end.v : end, v->flags, n, &v))
			return -EAGAIN;
		at = v->end.v;
	}
	return hole ? -ENOMEM : 0;
}

int aspace_name(struct aspace *as, vaddr_t start, uint64_t len, const char *name)
{
	uint64_t end = start.v + ROUND_UP(len, PAGE_SIZE);
	struct vma_name *n = NULL;
	int err;

	if (start.v & PAGE_MASK || (len && !ROUND_UP(len, PAGE_SIZE)) || end < start.v)
		return -EINVAL;
	if (end == start.v)
		return 0;
	if (name && !(n = name_create(name)))
		return -ENOMEM;
	mutex_lock(&as->lock);
	err = name_range(as, start.v, end, n);
	mutex_unlock(&as->lock);
	vma_name_put(n);
	return err;
}
