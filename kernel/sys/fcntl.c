/*
 * fcntl: flags of descriptors and of open files, locks, sizes of pipes, and who is told of events.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/fs/pipe.h"
#include "abi/files.h"

#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

int64_t sys_fd_duplicate(uint64_t fd, int min, bool cloexec)
{
	struct proc *p = proc_current();
	struct file *f = sys_fd(fd);

	if (!f)
		return -EBADF;
	int n = fd_install(p->fds, f, min, sys_fd_limit(), cloexec);
	if (n < 0)
		file_put(f);
	return n;
}

/* => whether there is a thread, process or group of that number. */
static bool exists(int32_t type, int32_t id)
{
	bool found = false;

	spin_lock(&proc_tree_lock);
	if (type == F_OWNER_TID)
		found = thread_find_locked((uint32_t)id) != NULL;
	else if (type == F_OWNER_PID)
		found = proc_find_locked((uint32_t)id) != NULL;
	else
		list_for_each (it, &proc_all)
			found |= container_of(it, struct proc, all)->pgid == (uint32_t)id;
	spin_unlock(&proc_tree_lock);
	return found;
}

/* Whom SIGIO would be sent: no file here sends it, but who asks is told. id 0: nobody. */
static int64_t set_owner(struct file *f, int32_t type, int32_t id)
{
	if (id && !exists(type, id))
		return -ESRCH;
	f->owner_type = (uint8_t)type;
	f->owner = id;
	return 0;
}

static int64_t owner_ex(struct file *f, int cmd, uint64_t user)
{
	struct linux_f_owner_ex o = {.type = f->owner_type, .pid = f->owner};

	if (cmd == F_GETOWN_EX)
		return arch_copy_to_user(VADDR(user), &o, sizeof o) != 0 ? -EFAULT : 0;
	if (arch_copy_from_user(&o, VADDR(user), sizeof o) != 0)
		return -EFAULT;
	if (o.type < F_OWNER_TID || o.type > F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(f, o.type, o.pid);
}

static int64_t set_own(struct file *f, int32_t id)
{
	if (id == INT32_MIN)
		return -EINVAL;
	return id < 0 ? set_owner(f, F_OWNER_PGRP, -id) : set_owner(f, F_OWNER_PID, id);
}

/* Of what O_PATH opened little can be asked. */
static bool is_for_path(int cmd)
{
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD || cmd == F_SETFD ||
	       cmd == F_GETFL || cmd == F_DUPFD_QUERY;
}

static int64_t same_file(const struct file *f, uint64_t fd)
{
	struct file *other = sys_fd(fd);

	if (!other)
		return -EBADF;
	bool same = other == f;
	file_put(other);
	return same;
}

static int64_t set_flags(struct file *f, uint64_t flags)
{
	const struct cred *cred = &proc_current()->cred;

	if ((flags & O_NOATIME & ~(uint64_t)f->flags) && cred->euid != 0 &&
	    cred->euid != f->inode->uid)
		return -EPERM;
	f->flags = (f->flags & ~(uint32_t)SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS);
	return 0;
}

int64_t sys_fcntl(const uint64_t *a)
{
	struct fdtable *t = proc_current()->fds;
	struct file *f = sys_fd(a[0]);
	int cmd = (int)a[1];
	int64_t result = 0;

	if (!f)
		return -EBADF;
	if ((f->flags & O_PATH) && !is_for_path(cmd)) {
		file_put(f);
		return -EBADF;
	}
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result = (int)a[2] < 0 || (uint64_t)(int)a[2] >= sys_fd_limit()
			     ? -EINVAL
			     : sys_fd_duplicate(a[0], (int)a[2], cmd == F_DUPFD_CLOEXEC);
		break;
	case F_DUPFD_QUERY: result = same_file(f, a[2]); break;
	case F_GETFD: result = fd_flags(t, (int)a[0]); break;
	case F_SETFD: result = fd_set_flags(t, (int)a[0], (a[2] & FD_CLOEXEC) != 0); break;
	case F_GETFL: result = f->flags; break;
	case F_SETFL: result = set_flags(f, a[2]); break;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW: result = sys_record_lock(f, t, cmd, a[2]); break;
	case F_GETPIPE_SZ: result = file_is_pipe(f) ? (int64_t)pipe_capacity(f) : -EBADF; break;
	case F_SETPIPE_SZ:
		result = file_is_pipe(f) ? pipe_resize(f, (uint32_t)a[2]) : -EBADF;
		break;
	case F_SETOWN: result = set_own(f, (int32_t)a[2]); break;
	case F_GETOWN: result = f->owner_type == F_OWNER_PGRP ? -f->owner : f->owner; break;
	case F_SETOWN_EX:
	case F_GETOWN_EX: result = owner_ex(f, cmd, a[2]); break;
	case F_SETSIG:
		if (a[2] > SIGMAX)
			result = -EINVAL;
		else
			f->owner_signal = (uint8_t)a[2];
		break;
	case F_GETSIG: result = f->owner_signal; break;
	case F_ADD_SEALS: result = sys_add_seals(f, a[2]); break;
	case F_GET_SEALS: result = sys_get_seals(f); break;
	case F_GETLEASE: result = F_UNLCK; break; /* nobody can have one: F_SETLEASE is EINVAL */
	default: result = -EINVAL;
	}
	file_put(f);
	return result;
}
