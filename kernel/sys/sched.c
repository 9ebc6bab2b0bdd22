/*
 * System calls on scheduling: who runs where, and how often.
 */
#include "kernel/sys/sys.h"
#include "kernel/proc/clock.h"

#define NICE_MIN    -20
#define NICE_MAX    19
#define RT_MAX      99
#define RR_SLICE_NS 100000000 /* as Linux says; here all slices are alike */

int64_t sys_sched_yield(const uint64_t *a)
{
	(void)a;
	sched_yield_now();
	return 0;
}

/* Tree locked. => the thread of that number, 0 being the caller; NULL. */
static struct thread *target_locked(uint32_t tid)
{
	return tid ? thread_find_locked(tid) : thread_current();
}

static bool may_change(const struct thread *t)
{
	const struct cred *c = &proc_current()->cred;

	return c->euid == 0 || c->euid == t->proc->cred.euid || c->euid == t->proc->cred.uid;
}

int64_t sys_sched_getaffinity(const uint64_t *a)
{
	uint32_t len = (uint32_t)a[1];
	struct thread *t;
	uint64_t mask = 0;

	if (len < sizeof mask || len % sizeof mask != 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	if (t)
		mask = t->sched.affinity & sched_harts();
	spin_unlock(&proc_tree_lock);
	if (!t)
		return -ESRCH;
	return arch_copy_to_user(VADDR(a[2]), &mask, sizeof mask) != 0 ? -EFAULT
								       : (int64_t)sizeof mask;
}

int64_t sys_sched_setaffinity(const uint64_t *a)
{
	uint64_t mask = 0, len = (uint32_t)a[1];
	struct thread *t;
	int64_t error = 0;

	if (arch_copy_from_user(&mask, VADDR(a[2]), len < sizeof mask ? len : sizeof mask) != 0)
		return -EFAULT;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	if (!t)
		error = -ESRCH;
	else if (!may_change(t))
		error = -EPERM;
	else
		error = sched_set_affinity(t, mask);
	spin_unlock(&proc_tree_lock);
	return error;
}

int64_t sys_getcpu(const uint64_t *a)
{
	const uint32_t hart = arch_hart(), node = 0;

	if (a[0] && arch_copy_to_user(VADDR(a[0]), &hart, sizeof hart) != 0)
		return -EFAULT;
	return a[1] && arch_copy_to_user(VADDR(a[1]), &node, sizeof node) != 0 ? -EFAULT : 0;
}

/* -- policies ------------------------------------------------------------------------------ */

#define SCHED_DEADLINE 6 /* known by name, refused */
#define SCHED_EXT      7

static bool is_policy(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_FIFO || policy == SCHED_RR ||
	       policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static bool is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* => whether t's limit lets it have that nice without privilege. */
static bool may_have_nice(const struct thread *t, int nice)
{
	return (uint64_t)(20 - nice) <= t->proc->rlimits[RLIMIT_NICE].cur;
}

/* What an unprivileged caller may make of t; the rest is EPERM. */
static bool may_set(const struct thread *t, const struct sched_choice *c)
{
	const struct sched_entity *e = &t->sched;
	uint64_t limit = t->proc->rlimits[RLIMIT_RTPRIO].cur;

	if (proc_current()->cred.euid == 0)
		return true;
	if (!is_rt(c->policy) && c->nice < e->nice && !may_have_nice(t, c->nice))
		return false;
	if (is_rt(c->policy) &&
	    ((c->policy != e->policy && limit == 0) ||
	     (c->rt_priority > e->rt_priority && (uint64_t)c->rt_priority > limit)))
		return false;
	/* Idle is as good as a nice of 20. */
	if (e->policy == SCHED_IDLE && c->policy != SCHED_IDLE && !may_have_nice(t, e->nice))
		return false;
	return may_change(t) && (c->reset_on_fork || !e->reset_on_fork);
}

/* Tree locked. */
static int64_t set_locked(struct thread *t, const struct sched_choice *c)
{
	if (!is_policy(c->policy))
		return -EINVAL;
	if (is_rt(c->policy) ? c->rt_priority < 1 || c->rt_priority > RT_MAX : c->rt_priority != 0)
		return -EINVAL;
	if (!may_set(t, c))
		return -EPERM;
	sched_set(t, c);
	return 0;
}

/* policy < 0: as it is. */
static int64_t set_policy(int32_t tid, int policy, uint64_t param)
{
	struct sched_choice c;
	struct thread *t;
	int32_t priority;
	int64_t error = -ESRCH;

	if (!param || tid < 0)
		return -EINVAL;
	if (arch_copy_from_user(&priority, VADDR(param), sizeof priority) != 0)
		return -EFAULT;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)tid);
	if (t) {
		c = sched_get(t);
		c.rt_priority = priority;
		if (policy >= 0) {
			c.policy = policy & ~SCHED_RESET_ON_FORK;
			c.reset_on_fork = policy & SCHED_RESET_ON_FORK;
		}
		error = set_locked(t, &c);
	}
	spin_unlock(&proc_tree_lock);
	return error;
}

int64_t sys_sched_setscheduler(const uint64_t *a)
{
	return (int)a[1] < 0 ? -EINVAL : set_policy((int32_t)a[0], (int)a[1], a[2]);
}

int64_t sys_sched_setparam(const uint64_t *a)
{
	return set_policy((int32_t)a[0], -1, a[1]);
}

int64_t sys_sched_getscheduler(const uint64_t *a)
{
	struct thread *t;
	int64_t result = -ESRCH;

	if ((int32_t)a[0] < 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	if (t)
		result = t->sched.policy | (t->sched.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	spin_unlock(&proc_tree_lock);
	return result;
}

/* Reads a struct of any version's size; a size that is not understood is told in its place.
 * => 0, -EFAULT, -E2BIG. */
static int64_t attr_get(uint64_t user, struct linux_sched_attr *attr)
{
	const uint32_t own = sizeof *attr;
	uint32_t size;
	bool known;

	*attr = (struct linux_sched_attr){0};
	if (arch_copy_from_user(&size, VADDR(user), sizeof size) != 0)
		return -EFAULT;
	size = size ? size : SCHED_ATTR_SIZE_VER0;
	known = size >= SCHED_ATTR_SIZE_VER0 && size <= PAGE_SIZE;
	if (known && arch_copy_from_user(attr, VADDR(user), size < own ? size : own) != 0)
		return -EFAULT;
	for (uint64_t at = own; known && at < size; at++) {
		uint8_t byte;

		if (arch_copy_from_user(&byte, VADDR(user + at), 1) != 0)
			return -EFAULT;
		known = byte == 0;
	}
	if (known)
		return 0;
	return arch_copy_to_user(VADDR(user), &own, sizeof own) != 0 ? -EFAULT : -E2BIG;
}

int64_t sys_sched_setattr(const uint64_t *a)
{
	struct linux_sched_attr attr;
	struct sched_choice c;
	struct thread *t;
	int64_t error;

	if (!a[1] || (int32_t)a[0] < 0 || (uint32_t)a[2])
		return -EINVAL;
	error = attr_get(a[1], &attr);
	if (error)
		return error;
	if ((int32_t)attr.policy < 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	if (!t)
		error = -ESRCH;
	else if (attr.flags & ~(uint64_t)SCHED_FLAG_ALL)
		error = -EINVAL;
	else if (attr.flags & SCHED_FLAG_UTIL_CLAMP)
		error = -EOPNOTSUPP;
	else {
		c = sched_get(t);
		if (!(attr.flags & SCHED_FLAG_KEEP_POLICY)) {
			c.policy = (int)attr.policy;
			c.reset_on_fork = attr.flags & SCHED_FLAG_RESET_ON_FORK;
		}
		if (!(attr.flags & SCHED_FLAG_KEEP_PARAMS)) {
			c.rt_priority = attr.priority > INT32_MAX ? -1 : (int)attr.priority;
			if (!is_rt(c.policy))
				c.nice = attr.nice < NICE_MIN   ? NICE_MIN
					 : attr.nice > NICE_MAX ? NICE_MAX
								: attr.nice;
		}
		error = set_locked(t, &c);
	}
	spin_unlock(&proc_tree_lock);
	return error;
}

int64_t sys_sched_getattr(const uint64_t *a)
{
	struct linux_sched_attr attr = {0};
	uint32_t size = (uint32_t)a[2];
	struct sched_choice c;
	struct thread *t;

	if (!a[1] || (int32_t)a[0] < 0 || (uint32_t)a[3] || size < SCHED_ATTR_SIZE_VER0 ||
	    size > PAGE_SIZE)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	if (t)
		c = sched_get(t);
	spin_unlock(&proc_tree_lock);
	if (!t)
		return -ESRCH;
	attr.size = size < sizeof attr ? size : sizeof attr;
	attr.policy = (uint32_t)c.policy;
	attr.flags = c.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (is_rt(c.policy)) {
		attr.priority = (uint32_t)c.rt_priority;
	} else {
		attr.nice = c.nice;
		attr.runtime = SCHED_SLICE_NS;
	}
	attr.util_max = 1024; /* all of a hart */
	return arch_copy_to_user(VADDR(a[1]), &attr, attr.size) != 0 ? -EFAULT : 0;
}

int64_t sys_sched_getparam(const uint64_t *a)
{
	struct thread *t;
	int32_t priority = 0;

	if ((int32_t)a[0] < 0 || !a[1])
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	if (t)
		priority = t->sched.rt_priority;
	spin_unlock(&proc_tree_lock);
	if (!t)
		return -ESRCH;
	return arch_copy_to_user(VADDR(a[1]), &priority, sizeof priority) != 0 ? -EFAULT : 0;
}

/* => whether it is a policy that this version of Linux knows, be it refused here. */
static bool has_priorities(int policy)
{
	return is_policy(policy) || policy == SCHED_DEADLINE || policy == SCHED_EXT;
}

int64_t sys_sched_get_priority_max(const uint64_t *a)
{
	return !has_priorities((int)a[0]) ? -EINVAL : is_rt((int)a[0]) ? RT_MAX : 0;
}

int64_t sys_sched_get_priority_min(const uint64_t *a)
{
	return !has_priorities((int)a[0]) ? -EINVAL : is_rt((int)a[0]);
}

int64_t sys_sched_rr_get_interval(const uint64_t *a)
{
	struct linux_timespec ts = clock_timespec(RR_SLICE_NS);
	struct thread *t;

	if ((int32_t)a[0] < 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	spin_unlock(&proc_tree_lock);
	if (!t)
		return -ESRCH;
	return arch_copy_to_user(VADDR(a[1]), &ts, sizeof ts) != 0 ? -EFAULT : 0;
}

/* -- nice ---------------------------------------------------------------------------------- */

/* => whether the priority calls mean p. */
static bool is_meant(const struct proc *p, int which, uint32_t who)
{
	const struct proc *self = proc_current();

	switch (which) {
	case PRIO_PROCESS: return who ? false : p == self;
	case PRIO_PGRP: return p->pgid == (who ? who : self->pgid);
	default: return p->cred.uid == (who ? who : self->cred.uid);
	}
}

static int64_t set_nice(struct thread *t, int nice)
{
	struct sched_choice c = sched_get(t);

	if (!may_change(t))
		return -EPERM;
	if (nice < c.nice && proc_current()->cred.euid != 0 && !may_have_nice(t, nice))
		return -EACCES;
	c.nice = nice;
	sched_set(t, &c);
	return 0;
}

int64_t sys_setpriority(const uint64_t *a)
{
	int which = (int)a[0], nice = (int)a[2];
	int64_t error = -ESRCH, e;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
	spin_lock(&proc_tree_lock);
	if (which == PRIO_PROCESS) {
		struct thread *t = target_locked((uint32_t)a[1]);

		error = t ? set_nice(t, nice) : -ESRCH;
	} else {
		list_for_each (it, &proc_all) {
			struct proc *p = container_of(it, struct proc, all);

			if (p->is_zombie || !is_meant(p, which, (uint32_t)a[1]))
				continue;
			list_for_each (at, &p->threads) {
				e = set_nice(container_of(at, struct thread, link), nice);
				error = error == -ESRCH || e ? e : error;
			}
		}
	}
	spin_unlock(&proc_tree_lock);
	return error;
}

/* => 20 - nice, as the system call has it: 1 to 40. */
int64_t sys_getpriority(const uint64_t *a)
{
	int which = (int)a[0];
	int64_t best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	if (which == PRIO_PROCESS) {
		struct thread *t = target_locked((uint32_t)a[1]);

		best = t ? 20 - t->sched.nice : -ESRCH;
	} else {
		list_for_each (it, &proc_all) {
			struct proc *p = container_of(it, struct proc, all);

			if (p->is_zombie || !is_meant(p, which, (uint32_t)a[1]))
				continue;
			list_for_each (at, &p->threads) {
				int64_t n = 20 - container_of(at, struct thread, link)->sched.nice;

				best = n > best ? n : best;
			}
		}
	}
	spin_unlock(&proc_tree_lock);
	return best;
}
