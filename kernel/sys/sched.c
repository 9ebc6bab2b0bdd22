/*
 * System calls on scheduling: who runs where, and how often.
 */
#include "kernel/sys/sys.h"
#include "kernel/proc/clock.h"

#define NICE_MIN -20
#define NICE_MAX 19
#define RT_MAX   99
#define SLICE_MS 100 /* of SCHED_RR, as Linux says; here all slices are alike */

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

static bool is_policy(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_FIFO || policy == SCHED_RR ||
	       policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static bool is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* policy < 0: as it is. */
static int64_t set_policy(int32_t tid, int policy, uint64_t param)
{
	struct thread *t;
	int32_t priority;
	int64_t error = 0;

	if (!param || tid < 0)
		return -EINVAL;
	if (arch_copy_from_user(&priority, VADDR(param), sizeof priority) != 0)
		return -EFAULT;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)tid);
	if (t && policy < 0)
		policy = t->sched.policy;
	if (!t)
		error = -ESRCH;
	else if (!is_policy(policy & ~SCHED_RESET_ON_FORK))
		error = -EINVAL;
	else if (is_rt(policy & ~SCHED_RESET_ON_FORK) ? priority < 1 || priority > RT_MAX
						      : priority != 0)
		error = -EINVAL;
	else if (!may_change(t) ||
		 (is_rt(policy & ~SCHED_RESET_ON_FORK) && proc_current()->cred.euid != 0 &&
		  (uint64_t)priority > t->proc->rlimits[RLIMIT_RTPRIO].cur))
		error = -EPERM;
	else
		sched_set(t, t->sched.nice, policy & ~SCHED_RESET_ON_FORK, priority);
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
	int64_t result;

	if ((int32_t)a[0] < 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = target_locked((uint32_t)a[0]);
	result = t ? t->sched.policy : -ESRCH;
	spin_unlock(&proc_tree_lock);
	return result;
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

int64_t sys_sched_get_priority_max(const uint64_t *a)
{
	return !is_policy((int)a[0]) ? -EINVAL : is_rt((int)a[0]) ? RT_MAX : 0;
}

int64_t sys_sched_get_priority_min(const uint64_t *a)
{
	return !is_policy((int)a[0]) ? -EINVAL : is_rt((int)a[0]);
}

int64_t sys_sched_rr_get_interval(const uint64_t *a)
{
	struct linux_timespec ts = clock_timespec(SLICE_MS * (NS_PER_SECOND / 1000));
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
	uint64_t limit = t->proc->rlimits[RLIMIT_NICE].cur;

	if (!may_change(t))
		return -EPERM;
	if (nice < t->sched.nice && proc_current()->cred.euid != 0 && (uint64_t)(20 - nice) > limit)
		return -EACCES;
	sched_set(t, nice, t->sched.policy, t->sched.rt_priority);
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
