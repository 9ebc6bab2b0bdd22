/*
 * System calls of administrators, and small ones about several processes: the
 * machine's names, personality, priorities of input and output, kcmp.
 */
#include "kernel/fs/context.h"
#include "kernel/proc/uts.h"
#include "kernel/sys/sys.h"

/* -- what only root may do ----------------------------------------------------------------- */

/* Calls that exist for root alone, and that this machine has no use for. */
int64_t sys_privileged(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.euid == 0 ? -ENOSYS : -EPERM;
}

#define SYSLOG_READ_ALL    3
#define SYSLOG_SIZE_UNREAD 9
#define SYSLOG_SIZE_BUFFER 10

/* The kernel's words go to the console and are not kept: the log is empty. */
int64_t sys_syslog(const uint64_t *a)
{
	int type = (int)a[0];

	if (proc_current()->cred.euid != 0)
		return -EPERM;
	if (type < 0 || type > SYSLOG_SIZE_BUFFER)
		return -EINVAL;
	if (type == SYSLOG_READ_ALL && (!a[1] || (int)a[2] < 0))
		return -EINVAL;
	return 0;
}

static struct uts uts_names = {UTS_NODENAME, "(none)"};
static struct spinlock uts_lock;

struct uts uts_get(void)
{
	struct uts names;

	spin_lock(&uts_lock);
	names = uts_names;
	spin_unlock(&uts_lock);
	return names;
}

static int64_t set_uts(char *name, uint64_t user, int32_t len)
{
	char text[UTS_LEN] = {0};

	if (proc_current()->cred.euid != 0)
		return -EPERM;
	if (len < 0 || len >= UTS_LEN)
		return -EINVAL;
	if (arch_copy_from_user(text, VADDR(user), (size_t)len) != 0)
		return -EFAULT;
	spin_lock(&uts_lock);
	memcpy(name, text, UTS_LEN);
	spin_unlock(&uts_lock);
	return 0;
}

int64_t sys_sethostname(const uint64_t *a)
{
	return set_uts(uts_names.node, a[0], (int32_t)a[1]);
}

int64_t sys_setdomainname(const uint64_t *a)
{
	return set_uts(uts_names.domain, a[0], (int32_t)a[1]);
}

#define PERSONALITY_QUERY 0xffffffffu

int64_t sys_personality(const uint64_t *a)
{
	struct proc *p = proc_current();
	uint32_t old = p->personality;

	if ((uint32_t)a[0] != PERSONALITY_QUERY)
		p->personality = (uint32_t)a[0];
	return old;
}

/* -- priorities of input and output: kept, and of no consequence ---------------------------- */

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_WHO_PGRP    2
#define IOPRIO_WHO_USER    3
#define IOPRIO_CLASS(p)    ((p) >> 13 & 7)
#define IOPRIO_LEVEL(p)    ((p)&7)
#define CLASS_NONE         0
#define CLASS_RT           1
#define CLASS_BEST_EFFORT  2
#define CLASS_IDLE         3

/* => whether the request is about p. */
static bool is_meant(const struct proc *p, int which, int32_t who)
{
	const struct proc *self = proc_current();

	return which == IOPRIO_WHO_PGRP ? p->pgid == (who ? (uint32_t)who : self->pgid)
					: p->cred.uid == (who ? (uint32_t)who : self->cred.uid);
}

static int64_t ioprio_set_one(struct thread *t, uint16_t priority)
{
	const struct cred *c = &proc_current()->cred, *to = &t->proc->cred;

	if (c->euid != 0 && to->uid != c->euid && to->uid != c->uid)
		return -EPERM;
	t->ioprio = priority;
	return 0;
}

/* Lower classes and levels are more, but for the class that says nothing. */
static uint16_t ioprio_best(uint16_t a, uint16_t b)
{
	if (IOPRIO_CLASS(a) == CLASS_NONE || IOPRIO_CLASS(b) == CLASS_NONE)
		return IOPRIO_CLASS(a) == CLASS_NONE ? b : a;
	return a < b ? a : b;
}

/* Tree locked. Sets the priority of all that are meant (set), or asks. */
static int64_t ioprio(int which, int32_t who, bool set, uint16_t priority)
{
	struct thread *t = thread_current();
	int64_t result = -ESRCH;

	if (which == IOPRIO_WHO_PROCESS) {
		if (who)
			t = thread_find_locked((uint32_t)who);
		return !t ? -ESRCH : set ? ioprio_set_one(t, priority) : t->ioprio;
	}
	list_for_each (it, &proc_all) {
		struct proc *p = container_of(it, struct proc, all);

		if (p->is_zombie || !is_meant(p, which, who))
			continue;
		list_for_each (at, &p->threads) {
			t = container_of(at, struct thread, link);
			if (set)
				result = ioprio_set_one(t, priority);
			else
				result = result < 0 ? t->ioprio
						    : ioprio_best((uint16_t)result, t->ioprio);
			if (set && result)
				return result;
		}
	}
	return result;
}

int64_t sys_ioprio_set(const uint64_t *a)
{
	uint32_t priority = (uint32_t)a[2];
	int64_t result;

	switch (IOPRIO_CLASS(priority)) {
	case CLASS_RT:
		if (proc_current()->cred.euid != 0)
			return -EPERM;
		break;
	case CLASS_BEST_EFFORT:
	case CLASS_IDLE: break;
	case CLASS_NONE:
		if (IOPRIO_LEVEL(priority))
			return -EINVAL;
		break;
	default: return -EINVAL;
	}
	if ((int)a[0] < IOPRIO_WHO_PROCESS || (int)a[0] > IOPRIO_WHO_USER)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	result = ioprio((int)a[0], (int32_t)a[1], true, (uint16_t)priority);
	spin_unlock(&proc_tree_lock);
	return result;
}

int64_t sys_ioprio_get(const uint64_t *a)
{
	int64_t result;

	if ((int)a[0] < IOPRIO_WHO_PROCESS || (int)a[0] > IOPRIO_WHO_USER)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	result = ioprio((int)a[0], (int32_t)a[1], false, 0);
	spin_unlock(&proc_tree_lock);
	return result;
}

/* -- kcmp: do two processes share something? ------------------------------------------------ */

#define KCMP_FILE    0
#define KCMP_VM      1
#define KCMP_FILES   2
#define KCMP_FS      3
#define KCMP_SIGHAND 4
#define KCMP_IO      5
#define KCMP_SYSVSEM 6

/* Tree and p.lock held. => the object; NULL: there is none. File: without its reference. */
static const void *kcmp_object(struct proc *p, int type, int fd)
{
	struct file *f;

	switch (type) {
	case KCMP_FILE:
		f = p->fds ? fd_get(p->fds, fd) : NULL;
		if (f)
			file_put(f); /* here: only its address is compared */
		return f;
	case KCMP_VM: return p->as;
	case KCMP_FILES: return p->fds;
	case KCMP_FS: return p->fs;
	case KCMP_SIGHAND: return p->sighand;
	default: return NULL;
	}
}

int64_t sys_kcmp(const uint64_t *a)
{
	const void *objects[2] = {NULL, NULL};
	int type = (int)a[2];
	int64_t error = 0;

	spin_lock(&proc_tree_lock);
	for (int n = 0; n < 2 && !error; n++) {
		struct thread *t = thread_find_locked((uint32_t)a[n]);

		if (!t)
			error = -ESRCH;
		else if (!sys_may_look(t->proc))
			error = -EPERM;
	}
	if (!error && (type < KCMP_FILE || type > KCMP_SYSVSEM))
		error = -EINVAL;
	for (int n = 0; n < 2 && !error; n++) {
		struct proc *p = thread_find_locked((uint32_t)a[n])->proc;

		spin_lock(&p->lock);
		objects[n] = kcmp_object(p, type, (int)a[3 + n]);
		spin_unlock(&p->lock);
		if (type == KCMP_FILE && !objects[n])
			error = -EBADF;
	}
	spin_unlock(&proc_tree_lock);
	if (error)
		return error;
	return objects[0] == objects[1] ? 0 : (uintptr_t)objects[0] < (uintptr_t)objects[1] ? 1 : 2;
}
