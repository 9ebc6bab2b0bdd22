/*
 * System calls on limits, and on what has been used of what they limit.
 */
#include "kernel/sys/sys.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/itimer.h"

static int64_t put_bytes(uint64_t user, const void *from, size_t len)
{
	return arch_copy_to_user(VADDR(user), from, len) != 0 ? -EFAULT : 0;
}

#define NOFILE_MAX (1UL << 20) /* Linux's fs.nr_open */

static int set_limit(struct proc *p, unsigned resource, const struct linux_rlimit *new)
{
	struct linux_rlimit *l = &p->rlimits[resource];
	int error = 0;

	if (new->cur > new->max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && new->max > NOFILE_MAX)
		return -EPERM;
	spin_lock(&p->lock);
	if (new->max > l->max && p->cred.euid != 0)
		error = -EPERM;
	else
		*l = *new;
	if (!error && resource == RLIMIT_CPU) {
		p->cpu_left = 0;
		p->cpu_armed = true;
	}
	spin_unlock(&p->lock);
	return error;
}

/* The address space knows its own limits. */
static void set_space_limit(struct aspace *as, unsigned resource, uint64_t limit)
{
	mutex_lock(&as->lock);
	switch (resource) {
	case RLIMIT_STACK: as->stack_limit = limit; break;
	case RLIMIT_DATA: as->data_limit = limit; break;
	case RLIMIT_AS: as->as_limit = limit; break;
	case RLIMIT_MEMLOCK: as->lock_limit = limit; break;
	default: break;
	}
	mutex_unlock(&as->lock);
}

static int64_t limits(uint32_t pid, uint32_t resource, uint64_t new_at, uint64_t old_at)
{
	struct proc *p = proc_current(), *self = p;
	struct linux_rlimit new, old;
	struct aspace *as = NULL;
	int error = 0;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new_at && arch_copy_from_user(&new, VADDR(new_at), sizeof new) != 0)
		return -EFAULT;
	spin_lock(&proc_tree_lock);
	if (pid != 0 && pid != p->pid) {
		struct thread *t = thread_find_locked(pid);

		p = t ? t->proc : NULL;
		if (!p)
			error = -ESRCH;
		else if (self->cred.uid != 0 &&
			 (self->cred.uid != p->cred.uid || self->cred.uid != p->cred.suid ||
			  self->cred.uid != p->cred.euid))
			error = -EPERM;
	}
	if (!error) {
		old = p->rlimits[resource];
		error = new_at ? set_limit(p, resource, &new) : 0;
		if (!error && new_at && p->as) {
			as = p->as;
			aspace_get(as);
		}
	}
	spin_unlock(&proc_tree_lock);
	if (!error && new_at && p == self && resource == RLIMIT_CPU)
		itimers_check_cpu(); /* another process finds out as soon as it is switched to */
	if (as) {
		set_space_limit(as, resource, new.cur);
		aspace_put(as);
	}
	if (!error && old_at && arch_copy_to_user(VADDR(old_at), &old, sizeof old) != 0)
		error = -EFAULT;
	return error;
}

int64_t sys_prlimit64(const uint64_t *a)
{
	return limits((uint32_t)a[0], (uint32_t)a[1], a[2], a[3]);
}

int64_t sys_getrlimit(const uint64_t *a)
{
	const struct linux_rlimit *l = proc_current()->rlimits;

	return (uint32_t)a[0] >= RLIM_NLIMITS ? -EINVAL
					      : put_bytes(a[1], &l[(uint32_t)a[0]], sizeof *l);
}

int64_t sys_setrlimit(const uint64_t *a)
{
	return limits(0, (uint32_t)a[0], a[1] ? a[1] : 1, 0); /* 1: no address, EFAULT */
}

static void put_time(struct linux_timeval *tv, uint64_t ns)
{
	tv->sec = (int64_t)(ns / NS_PER_SECOND);
	tv->usec = (int64_t)(ns % NS_PER_SECOND / 1000);
}

int64_t sys_getrusage(const uint64_t *a)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	struct linux_rusage r = {0};

	spin_lock(&proc_tree_lock);
	switch ((int)a[0]) {
	case RUSAGE_CHILDREN:
		put_time(&r.utime, p->child_user_ns);
		r.minflt = (int64_t)p->child_minflt;
		r.majflt = (int64_t)p->child_majflt;
		r.maxrss = (int64_t)(p->child_maxrss * (PAGE_SIZE / 1024));
		break;
	case RUSAGE_THREAD:
		put_time(&r.utime, sched_ran_ns(t));
		r.minflt = (int64_t)t->minor_faults;
		r.majflt = (int64_t)t->major_faults;
		r.maxrss = (int64_t)(p->as->resident_peak * (PAGE_SIZE / 1024));
		r.nvcsw = (int64_t)t->sched.nvoluntary;
		r.nivcsw = (int64_t)t->sched.nforced;
		break;
	case RUSAGE_SELF:
		put_time(&r.utime, proc_ran_ns_locked(p));
		r.minflt = (int64_t)p->dead_minflt;
		r.majflt = (int64_t)p->dead_majflt;
		r.nvcsw = (int64_t)p->nvoluntary;
		r.nivcsw = (int64_t)p->nforced;
		list_for_each (it, &p->threads) {
			const struct thread *each = container_of(it, struct thread, link);

			if (each->is_exiting)
				continue;
			r.minflt += (int64_t)each->minor_faults;
			r.majflt += (int64_t)each->major_faults;
			r.nvcsw += (int64_t)each->sched.nvoluntary;
			r.nivcsw += (int64_t)each->sched.nforced;
		}
		r.maxrss = (int64_t)(p->as->resident_peak * (PAGE_SIZE / 1024));
		break;
	default: spin_unlock(&proc_tree_lock); return -EINVAL;
	}
	spin_unlock(&proc_tree_lock);
	return put_bytes(a[1], &r, sizeof r);
}
