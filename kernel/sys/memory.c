/*
 * System calls on memory: what is asked for, translated for the address space.
 */
#include "kernel/sys/sys.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "abi/files.h"

_Static_assert(VMA_READ == PROT_READ && VMA_WRITE == PROT_WRITE && VMA_EXEC == PROT_EXEC,
	       "rights of a VMA are the numbers that programs use");

#define PROT_RIGHTS (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PROT_SEM    0x8 /* no meaning on this architecture, but allowed */

/* => the program's space, which knows what its owner may do now. */
static struct aspace *space(void)
{
	struct proc *p = proc_current();

	p->as->is_privileged = p->cred.euid == 0;
	return p->as;
}

int64_t sys_brk(const uint64_t *a)
{
	return (int64_t)aspace_brk(space(), a[0]);
}

/* -- mmap ---------------------------------------------------------------------------------- */

/* What MAP_SHARED_VALIDATE knows: the flags that are older than itself. */
#define KNOWN_FLAGS                                                                                \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |   \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |      \
	 MAP_UNINITIALIZED)

/* The part of the flags that asks for superpages of 2^n bytes; 0: of the usual size. */
#define MAP_HUGE_SHIFT  26
#define MAP_HUGE_MASK   0x3f
#define SUPERPAGE_SHIFT 21

/* Beyond this no file has pages: Linux's MAX_LFS_FILESIZE. */
#define FILE_END INT64_MAX

/* => 0 or -errno, in the order of Linux's checks: a file's rights, before it is known to map. */
static int check_file(struct map_request *m, const struct file *f, uint64_t flags)
{
	unsigned mode = f->flags & O_ACCMODE;
	uint64_t type = flags & MAP_TYPE, end;

	if (__builtin_add_overflow(m->offset, ROUND_UP(m->len, PAGE_SIZE), &end) || end > FILE_END)
		return -EOVERFLOW;
	switch (type) {
	case MAP_SHARED_VALIDATE:
		if (flags & ~(uint64_t)KNOWN_FLAGS)
			return -EOPNOTSUPP;
		/* fall through */
	case MAP_SHARED:
		if (m->flags & VMA_WRITE && mode != O_RDWR)
			return -EACCES;
		break;
	case MAP_PRIVATE: break;
	default: return -EINVAL;
	}
	if (mode == O_WRONLY)
		return -EACCES;
	if (!f->data && !f->ops->maps_zero)
		return -ENODEV;
	return m->flags & VMA_GROWSDOWN ? -EINVAL : 0;
}

/* => whether the current program may know which pages of the file are resident: mincore(2). */
static bool may_look(const struct file *f)
{
	const struct cred *cred = &proc_current()->cred;

	return (f->flags & O_ACCMODE) != O_RDONLY || cred->euid == 0 ||
	       cred->euid == f->inode->uid || inode_access(f->inode, cred, W_OK) == 0;
}

/* Puts a file's part into the request. => 0 or -errno. */
static int request_file(struct map_request *m, struct file *f, uint64_t flags)
{
	bool is_shared = m->flags & VMA_SHARED;
	int error = check_file(m, f, flags);

	if (error || f->ops->maps_zero)
		return error;
	if (f->data == f->inode->data) {
		error = inode_prepare(f->inode, is_shared && (f->flags & O_ACCMODE) == O_RDWR);
		if (error)
			return error;
	}
	if (is_shared && f->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		if (m->flags & VMA_WRITE)
			return -EPERM;
		m->flags |= VMA_NOWRITE;
	}
	m->file = f->data;
	m->kind = TV_FILE;
	if (is_shared && (f->flags & O_ACCMODE) != O_RDWR)
		m->flags |= VMA_NOWRITE;
	if (!may_look(f))
		m->flags |= VMA_OPAQUE;
	return 0;
}

/* The same without a file. */
static int request_anonymous(struct map_request *m, uint64_t flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED: return m->flags & VMA_GROWSDOWN ? -EINVAL : 0;
	case MAP_DROPPABLE:
		if (flags & (MAP_LOCKED | MAP_HUGETLB) || m->flags & VMA_GROWSDOWN)
			return -EINVAL;
		m->flags |= VMA_DROPPABLE | VMA_NORESERVE | VMA_WIPEONFORK | VMA_DONTDUMP;
		return 0;
	case MAP_PRIVATE: return 0;
	default: return -EINVAL;
	}
}

/* => VMA_* of mmap's arguments. */
static unsigned vma_flags(uint64_t prot, uint64_t flags)
{
	uint64_t type = flags & MAP_TYPE;
	unsigned v = (unsigned)(prot & PROT_RIGHTS);

	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		v |= VMA_SHARED;
	if (!(flags & (MAP_GROWSDOWN | MAP_LOCKED | MAP_STACK | MAP_NORESERVE)))
		return v;
	if (flags & MAP_GROWSDOWN)
		v |= VMA_GROWSDOWN;
	if (flags & MAP_LOCKED)
		v |= VMA_LOCKED;
	if (flags & MAP_STACK)
		v |= VMA_NOHUGEPAGE;
	if (flags & MAP_NORESERVE && space_policy.overcommit != 2)
		v |= VMA_NORESERVE;
	return v;
}

/* No superpage is ever set aside for MAP_HUGETLB. => why there is none. */
static int refuse_hugetlb(uint64_t flags)
{
	unsigned shift = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	return flags & MAP_ANONYMOUS && (!shift || shift == SUPERPAGE_SHIFT) ? -ENOMEM : -EINVAL;
}

int64_t sys_mmap(const uint64_t *a)
{
	uint64_t flags = a[3];
	struct aspace *as = space();
	struct map_request m = {.hint = VADDR(a[0]),
				.len = a[1],
				.flags = vma_flags(a[2], flags),
				.kind = TV_ANON,
				.fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0,
				.noreplace = (flags & MAP_FIXED_NOREPLACE) != 0,
				.populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE,
				.offset = a[5]};
	struct file *f = NULL;
	vaddr_t at = {0};
	int error;

	if (m.offset & PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = sys_fd(a[4]);
		if (!f || f->flags & O_PATH) {
			if (f)
				file_put(f);
			return -EBADF;
		}
	}
	if (flags & MAP_HUGETLB) {
		error = refuse_hugetlb(flags);
	} else {
		m.error = f ? request_file(&m, f, flags) : request_anonymous(&m, flags);
		if (!m.file)
			m.offset = 0;
		error = aspace_map(as, &m, &at);
	}
	if (!error && m.file) {
		file_label_data(f);
		TRACE(TRACE_VMA_NAME, as->id, at.v, f->name[0], f->name[1], f->name[2], f->name[3]);
	}
	if (f)
		file_put(f);
	return error ? error : (int64_t)at.v;
}

int64_t sys_munmap(const uint64_t *a)
{
	return aspace_unmap(proc_current()->as, VADDR(a[0]), a[1]);
}

/* -- ranges -------------------------------------------------------------------------------- */

int64_t sys_mprotect(const uint64_t *a)
{
	uint64_t prot = a[2], grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	unsigned rights;
	int error;

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	prot &= ~(uint64_t)(PROT_GROWSDOWN | PROT_GROWSUP | PROT_SEM);
	rights = prot & ~(uint64_t)PROT_RIGHTS ? ~0u : (unsigned)prot;
	if (grows == PROT_GROWSDOWN)
		return aspace_protect_stack(space(), VADDR(a[0]), a[1], rights);
	if (grows == PROT_GROWSUP && rights != ~0u) {
		/* No mapping grows up here: what is otherwise right is EINVAL. */
		error = aspace_mapped(proc_current()->as, VADDR(a[0]), a[1]);
		return error ? error : a[1] ? -EINVAL : 0;
	}
	return aspace_protect(space(), VADDR(a[0]), a[1], rights);
}

int64_t sys_mremap(const uint64_t *a)
{
	unsigned flags = a[3] >> 32 ? ~0u : (unsigned)a[3];

	return aspace_remap(space(), VADDR(a[0]), a[1], a[2], flags, VADDR(a[4]));
}

int64_t sys_madvise(const uint64_t *a)
{
	int advice = (int)a[2];

	switch (advice) {
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return aspace_populate(space(), VADDR(a[0]), a[1], advice == MADV_POPULATE_WRITE);
	case MADV_COLLAPSE: return aspace_collapse(space(), VADDR(a[0]), a[1]);
	default: return aspace_advise(space(), VADDR(a[0]), a[1], advice);
	}
}

int64_t sys_mincore(const uint64_t *a)
{
	struct aspace *as = space();
	uint64_t at = a[0], to = a[2], npages = (a[1] >> PAGE_SHIFT) + ((a[1] & PAGE_MASK) != 0);
	uint8_t answers[256];

	if (at & PAGE_MASK)
		return -EINVAL;
	if (a[1] > INT64_MAX || at > INT64_MAX - a[1])
		return -ENOMEM;
	if (to > INT64_MAX - npages)
		return -EFAULT;
	while (npages > 0) {
		uint64_t some = npages < sizeof answers ? npages : sizeof answers;
		int64_t n = aspace_mincore(as, VADDR(at), some, answers);

		if (n < 0)
			return n;
		if (arch_copy_to_user(VADDR(to), answers, (size_t)n) != 0)
			return -EFAULT;
		npages -= (uint64_t)n;
		at += (uint64_t)n << PAGE_SHIFT;
		to += (uint64_t)n;
	}
	return 0;
}

int64_t sys_msync(const uint64_t *a)
{
	uint64_t flags = (uint32_t)a[2];

	if (flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || a[0] & PAGE_MASK ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	return aspace_sync(space(), VADDR(a[0]), a[1], (unsigned)flags);
}

/*
 * Sets a file's length. Pages that mappings show beyond it, private copies too, are gone from them:
 * touching them is SIGBUS from now on.
 */
void sys_set_length(struct mobj *o, uint64_t size)
{
	bool shrinks = size < o->size;

	mobj_resize(o, size);
	if (!shrinks)
		return;
	rmap_forget(o, ROUND_UP(size, PAGE_SIZE) >> PAGE_SHIFT, UINT64_MAX, true);
	mobj_trim(o);
}

void sys_discard_pages(struct mobj *o, uint64_t first, uint64_t last)
{
	mobj_discard(o, first, last - first);
	/* here: who touches them now finds zeroes; who has them mapped must not go on with the old
	 */
	rmap_forget(o, first, last, false);
}

/* -- locking ------------------------------------------------------------------------------- */

int64_t sys_mlock(const uint64_t *a)
{
	return aspace_lock(space(), VADDR(a[0]), a[1], VMA_LOCKED);
}

int64_t sys_mlock2(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[2];

	if (flags & ~(uint32_t)MLOCK_ONFAULT)
		return -EINVAL;
	return aspace_lock(space(), VADDR(a[0]), a[1],
			   VMA_LOCKED | (flags & MLOCK_ONFAULT ? VMA_ONFAULT : 0));
}

int64_t sys_munlock(const uint64_t *a)
{
	return aspace_lock(space(), VADDR(a[0]), a[1], 0);
}

int64_t sys_mlockall(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[0];
	unsigned lock = VMA_LOCKED | (flags & MCL_ONFAULT ? VMA_ONFAULT : 0);

	if (flags == 0 || flags == MCL_ONFAULT ||
	    (flags & ~(uint32_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	return aspace_lock_all(space(), flags & MCL_CURRENT ? lock : 0,
			       flags & MCL_FUTURE ? lock : 0);
}

int64_t sys_munlockall(const uint64_t *a)
{
	(void)a;
	return aspace_lock_all(space(), 0, 0);
}

/* -- names --------------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~' || strchr("\\`$[]", *s))
			return false;
	return true;
}

int64_t sys_set_vma_name(uint64_t start, uint64_t len, uint64_t user)
{
	char name[VMA_NAME_SIZE];
	ssize_t n;

	if (!user)
		return aspace_name(space(), VADDR(start), len, NULL);
	n = arch_strncpy_from_user(name, VADDR(user), sizeof name);
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	return is_name(name) ? aspace_name(space(), VADDR(start), len, name) : -EINVAL;
}
