/*
 * prctl: odds and ends that a program sets for itself. What this machine has not
 * (performance events, machine checks, speculation) answers as a Linux that has none.
 */
#include "kernel/proc/proc.h"
#include "kernel/sys/sys.h"
#include "kernel/mm/space/aspace.h"

#define TIMER_SLACK_NS 50000 /* Linux's default; here no timer is ever late on purpose */

static int64_t put_bytes(uint64_t user, const void *from, size_t len)
{
	return arch_copy_to_user(VADDR(user), from, len) != 0 ? -EFAULT : 0;
}

static int64_t put_int(uint64_t user, int32_t value)
{
	return put_bytes(user, &value, sizeof value);
}

static int64_t set_name(uint64_t user)
{
	char name[COMM_LEN];
	ssize_t n = arch_strncpy_from_user(name, VADDR(user), sizeof name);

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	name[COMM_LEN - 1] = 0;
	if (n == -ENAMETOOLONG && arch_copy_from_user(name, VADDR(user), COMM_LEN - 1) != 0)
		return -EFAULT;
	memset(thread_current()->comm, 0, COMM_LEN);
	memcpy(thread_current()->comm, name, strnlen(name, COMM_LEN - 1));
	return 0;
}

/* => whether arguments from the n-th on are all 0. */
static bool are_zero(const uint64_t *a, int n)
{
	uint64_t any = 0;

	for (; n < 5; n++)
		any |= a[n];
	return any == 0;
}

/* Nobody but root has capabilities, and none are ambient. */
static int64_t ambient(const uint64_t *a)
{
	if (a[1] == PR_CAP_AMBIENT_CLEAR_ALL)
		return are_zero(a, 2) ? 0 : -EINVAL;
	if (!are_zero(a, 3) || a[2] > CAP_LAST_CAP)
		return -EINVAL;
	switch (a[1]) {
	case PR_CAP_AMBIENT_IS_SET:
	case PR_CAP_AMBIENT_LOWER: return 0;
	case PR_CAP_AMBIENT_RAISE: return -EPERM; /* it is not inheritable */
	default: return -EINVAL;
	}
}

static int64_t bounds_drop(struct proc *p, uint64_t cap)
{
	if (p->cred.euid != 0)
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	p->cap_dropped |= 1UL << cap;
	return 0;
}

static int64_t timer_slack(struct thread *t, uint64_t ns)
{
	t->timer_slack_ns = ns == 0 || ns > INT64_MAX ? TIMER_SLACK_NS : ns;
	return 0;
}

int64_t sys_prctl(const uint64_t *a)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	bool root = p->cred.euid == 0;

	switch ((int)a[0]) {
	case PR_SET_NAME: return set_name(a[1]);
	case PR_GET_NAME: return put_bytes(a[1], t->comm, COMM_LEN);
	case PR_GET_DUMPABLE: return p->dumpable;
	case PR_SET_DUMPABLE:
		if (a[1] > 1)
			return -EINVAL;
		p->dumpable = a[1] != 0;
		return 0;
	case PR_SET_PDEATHSIG:
		if (a[1] > SIGMAX)
			return -EINVAL;
		p->pdeath_signal = (int32_t)a[1];
		return 0;
	case PR_GET_PDEATHSIG: return put_int(a[1], p->pdeath_signal);
	case PR_SET_CHILD_SUBREAPER: p->is_subreaper = a[1] != 0; return 0;
	case PR_GET_CHILD_SUBREAPER: return put_int(a[1], p->is_subreaper);
	case PR_SET_KEEPCAPS:
		if (a[1] > 1)
			return -EINVAL;
		p->keep_caps = a[1] != 0;
		return 0;
	case PR_GET_KEEPCAPS: return p->keep_caps;
	case PR_SET_TIMING: return a[1] == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TIMING: return PR_TIMING_STATISTICAL;
	case PR_GET_SECCOMP: return 0;
	case PR_GET_SECUREBITS: return 0;
	case PR_SET_SECUREBITS: return root && a[1] == 0 ? 0 : -EPERM;
	case PR_CAPBSET_READ: return a[1] > CAP_LAST_CAP ? -EINVAL : !(p->cap_dropped >> a[1] & 1);
	case PR_CAPBSET_DROP: return bounds_drop(p, a[1]);
	case PR_CAP_AMBIENT: return ambient(a);
	case PR_SET_TIMERSLACK: return timer_slack(t, a[1]);
	case PR_GET_TIMERSLACK:
		return (int64_t)(t->timer_slack_ns ? t->timer_slack_ns : TIMER_SLACK_NS);
	case PR_MCE_KILL_GET: return are_zero(a, 1) ? PR_MCE_KILL_DEFAULT : -EINVAL;
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE: return 0;
	case PR_SET_IO_FLUSHER:
	case PR_GET_IO_FLUSHER: return !root ? -EPERM : -EINVAL;
	case PR_SET_NO_NEW_PRIVS:
		if (a[1] != 1 || !are_zero(a, 2))
			return -EINVAL;
		p->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS: return are_zero(a, 1) ? (int64_t)p->no_new_privs : -EINVAL;
	case PR_GET_TID_ADDRESS: return put_bytes(a[1], &t->clear_child_tid, sizeof(uint64_t));
	case PR_SET_VMA:
		return a[1] == PR_SET_VMA_ANON_NAME ? sys_set_vma_name(a[2], a[3], a[4]) : -EINVAL;
	case PR_SET_THP_DISABLE:
		if (!are_zero(a, 2))
			return -EINVAL;
		p->thp_disabled = a[1] != 0;
		aspace_forbid_superpages(p->as, a[1] != 0);
		return 0;
	case PR_GET_THP_DISABLE: return are_zero(a, 1) ? (int64_t)p->thp_disabled : -EINVAL;
	default: return -EINVAL;
	}
}
