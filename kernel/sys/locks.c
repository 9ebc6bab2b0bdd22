/*
 * System calls on advisory locks: flock, and fcntl's record locks.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/lock.h"
#include "kernel/mm/object/mobj.h"

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

int64_t sys_flock(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	unsigned op = (uint32_t)a[1] & ~(uint32_t)LOCK_NB;
	int64_t result;

	if (!f)
		return -EBADF;
	struct file_lock l = {.kind = LOCK_FLOCK,
			      .exclusive = op == LOCK_EX,
			      .owner = f,
			      .end = UINT64_MAX,
			      .pid = proc_current()->pid};
	if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN)
		result = -EINVAL;
	else if (f->flags & O_PATH)
		result = -EBADF;
	else if (op == LOCK_UN)
		result = file_lock_clear(f->inode, &l);
	else
		result = file_lock_set(f->inode, &l, !(a[1] & LOCK_NB));
	file_put(f);
	return result;
}

/* => the range in bytes from the file's start; 0, -EINVAL, -EOVERFLOW. */
static int range_of(const struct file *f, const struct linux_flock *l, uint64_t *start,
		    uint64_t *end)
{
	int64_t base, from, to;

	switch (l->whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = (int64_t)f->pos; break;
	case SEEK_END: base = f->data ? (int64_t)f->data->size : 0; break;
	default: return -EINVAL;
	}
	if (__builtin_add_overflow(base, l->start, &from))
		return -EOVERFLOW;
	if (from < 0)
		return -EINVAL;
	if (l->len == 0) {
		*start = (uint64_t)from;
		*end = UINT64_MAX;
		return 0;
	}
	if (__builtin_add_overflow(from, l->len, &to))
		return -EOVERFLOW;
	if (l->len < 0) {
		int64_t swap = from;

		from = to;
		to = swap;
	}
	if (from < 0)
		return -EINVAL;
	*start = (uint64_t)from;
	*end = (uint64_t)to;
	return 0;
}

static int64_t lock_get(struct file *f, struct file_lock *l, struct linux_flock *user, bool is_ofd)
{
	if (!file_lock_test(f->inode, l)) {
		user->type = F_UNLCK;
		return 0;
	}
	user->type = l->exclusive ? F_WRLCK : F_RDLCK;
	user->whence = SEEK_SET;
	user->start = (int64_t)l->start;
	user->len = l->end == UINT64_MAX ? 0 : (int64_t)(l->end - l->start);
	user->pid = is_ofd && l->pid == 0 ? -1 : l->pid ? (int32_t)l->pid : -1;
	return 0;
}

int64_t sys_record_lock(struct file *f, struct fdtable *t, int cmd, uint64_t user)
{
	bool is_ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	struct file_lock l = {.kind = LOCK_RECORD};
	struct linux_flock u;
	int64_t error;

	if (arch_copy_from_user(&u, VADDR(user), sizeof u) != 0)
		return -EFAULT;
	if (u.type != F_RDLCK && u.type != F_WRLCK && u.type != F_UNLCK)
		return -EINVAL;
	if (is_ofd && u.pid != 0)
		return -EINVAL;
	error = range_of(f, &u, &l.start, &l.end);
	if (error)
		return error;
	l.exclusive = u.type == F_WRLCK;
	l.owner = is_ofd ? (const void *)f : t;
	l.pid = is_ofd ? 0 : proc_current()->pid;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK) {
		if (u.type == F_UNLCK)
			return -EINVAL;
		error = lock_get(f, &l, &u, is_ofd);
		return error                                               ? error
		       : arch_copy_to_user(VADDR(user), &u, sizeof u) != 0 ? -EFAULT
									   : 0;
	}
	if (u.type == F_UNLCK)
		return file_lock_clear(f->inode, &l);
	if (u.type == F_RDLCK ? !file_may_read(f) : !file_may_write(f))
		return -EBADF;
	return file_lock_set(f->inode, &l, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
}
