/*
 * memfd_create: files that nothing names, and seals on them.
 *
 * A seal forbids a kind of change to a file for ever, whoever asks:
 *
 *	SEAL          more seals
 *	SHRINK, GROW  another length, smaller or larger
 *	WRITE         writing; refused while a mapping could write, now or after mprotect
 *	FUTURE_WRITE  writing, but for mappings that there are
 *	EXEC          making it executable, or no longer so
 *
 * A file's seals are its inode's. Every file begins with SEAL alone; memfd_create
 * takes it away where sealing is allowed. Who changes a file asks inode.seals first:
 * write (fs/file.c), truncation (helpers.c), fallocate (space.c), chmod (names.c),
 * mmap (memory.c). The inode's tree lock is not needed: seals only ever appear, and
 * WRITE is set before mappings are counted, so that none slips in between.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/path.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "abi/files.h"

#define SEALS_ALL                                                                                  \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |          \
	 F_SEAL_EXEC)

static bool is_sealable(const struct file *f)
{
	return inode_is_regular(f->inode) && f->inode->fs && f->inode->fs->ops == &tmpfs_ops;
}

int64_t sys_get_seals(const struct file *f)
{
	return is_sealable(f) ? (int64_t)f->inode->seals : -EINVAL;
}

int64_t sys_add_seals(struct file *f, uint64_t seals)
{
	struct inode *i = f->inode;
	bool denies_write = (seals & F_SEAL_WRITE) && !(i->seals & F_SEAL_WRITE);

	if (seals > UINT32_MAX)
		return -EINVAL;
	if (!file_may_write(f))
		return -EPERM;
	if (seals & ~(uint64_t)SEALS_ALL)
		return -EINVAL;
	if (!is_sealable(f))
		return -EINVAL;
	if (i->seals & F_SEAL_SEAL)
		return -EPERM;
	if (denies_write) {
		__atomic_fetch_or(&i->seals, F_SEAL_WRITE, __ATOMIC_SEQ_CST);
		if (rmap_may_write(i->data)) {
			__atomic_fetch_and(&i->seals, ~(uint32_t)F_SEAL_WRITE, __ATOMIC_SEQ_CST);
			return -EBUSY;
		}
	}
	/* What may be executed must not change any more either. */
	if ((seals & F_SEAL_EXEC) && (i->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	__atomic_fetch_or(&i->seals, (uint32_t)seals, __ATOMIC_SEQ_CST);
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		i->data->is_sealed = true;
	return 0;
}

/* -- memfd_create -------------------------------------------------------------------------- */

#define MFD_CLOEXEC       1u
#define MFD_ALLOW_SEALING 2u
#define MFD_HUGETLB       4u
#define MFD_NOEXEC_SEAL   8u
#define MFD_EXEC          16u
#define MFD_ALL           (MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC)
#define MFD_HUGE          (0x3fu << 26) /* which size of superpages */

#define MFD_NAME_SIZE 250 /* with the NUL: with "memfd:" before it a file's name */

static struct fsys *memfd_fs; /* mounted nowhere */

/* What /proc shows as its path. => NULL: no memory. */
static char *label_create(const char *name)
{
	size_t size = sizeof "/memfd: (deleted)" + strlen(name);
	char *label = kmalloc(size);

	if (label)
		ksnprintf(label, size, "/memfd:%s (deleted)", name);
	return label;
}

static int check_flags(uint32_t flags)
{
	if (flags & ~(MFD_ALL | (flags & MFD_HUGETLB ? MFD_HUGE : 0)))
		return -EINVAL;
	if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	return 0;
}

static uint32_t first_seals(uint32_t flags)
{
	if (flags & MFD_NOEXEC_SEAL)
		return F_SEAL_EXEC;
	return flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
}

int64_t sys_memfd_create(const uint64_t *a)
{
	const struct proc *p = proc_current();
	uint32_t flags = (uint32_t)a[1];
	char name[MFD_NAME_SIZE];
	struct inode *i;
	struct file *f;
	ssize_t len;
	int error = check_flags(flags);

	if (error)
		return error;
	len = arch_strncpy_from_user(name, VADDR(a[0]), sizeof name);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	if (flags & MFD_HUGETLB)
		return -ENOSYS; /* as Linux without hugetlbfs */
	if (!memfd_fs)
		memfd_fs = tmpfs_create("tmpfs", "tmpfs", "rw", 0);
	if (!memfd_fs)
		return -ENOMEM;
	i = inode_create(memfd_fs, S_IFREG | (flags & MFD_NOEXEC_SEAL ? 0666 : 0777), p->cred.euid,
			 p->cred.egid);
	if (!i)
		return -ENOMEM;
	i->seals = first_seals(flags);
	i->data->label = label_create(name);
	error = i->data->label ? file_open(i, O_RDWR | O_LARGEFILE, &f) : -ENOMEM;
	inode_put(i);
	return error ? error : sys_fd_install(f, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}
