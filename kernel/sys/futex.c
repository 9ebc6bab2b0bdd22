/*
 * System calls on futexes. What they do is kernel/proc/futex.c's matter.
 */
#include "kernel/sys/sys.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/futex.h"

/* => when a wait ends, of the time that the program gave; 0 or -errno. */
static int deadline_of(uint64_t user, bool absolute, bool realtime, uint64_t *deadline)
{
	uint64_t ns, now = arch_time_ns(), there = realtime ? clock_realtime_ns() : now;
	int error;

	*deadline = UINT64_MAX;
	if (!user)
		return 0;
	error = sys_timespec_get(user, &ns);
	if (error)
		return error;
	if (absolute)
		ns = ns > there ? ns - there : 0;
	*deadline = now + ns;
	return 0;
}

static int64_t wait_again(const uint64_t *a)
{
	int64_t result = futex_wait(a[0], a[1], (uint32_t)a[2], (uint32_t)a[3], a[4]);

	return result == -ERESTARTSYS ? -ERESTART_BLOCK : result;
}

static int64_t wait(const uint64_t *a, bool is_private, bool absolute, uint32_t bitset)
{
	struct thread *t = thread_current();
	uint64_t deadline;
	int error = deadline_of(a[3], absolute, a[1] & FUTEX_CLOCK_REALTIME, &deadline);

	if (error)
		return error;
	if (!bitset)
		return -EINVAL;
	error = futex_wait(a[0], is_private, (uint32_t)a[2], bitset, deadline);
	if (error != -ERESTARTSYS || !a[3])
		return error;
	/* The time that is left must not begin anew. */
	t->restart = wait_again;
	t->restart_args[0] = a[0];
	t->restart_args[1] = is_private;
	t->restart_args[2] = a[2];
	t->restart_args[3] = bitset;
	t->restart_args[4] = deadline;
	return -ERESTART_BLOCK;
}

int64_t sys_futex(const uint64_t *a)
{
	int op = (int)a[1] & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool is_private = a[1] & FUTEX_PRIVATE_FLAG;
	uint32_t expected = (uint32_t)a[5];

	if (a[1] & FUTEX_CLOCK_REALTIME && op != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (op) {
	case FUTEX_WAIT:
	case FUTEX_WAKE:
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_WAKE_OP:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAKE_BITSET: break;
	default: return -ENOSYS; /* priority inheritance among them */
	}
	if (a[0] & 3)
		return -EINVAL;
	switch (op) {
	case FUTEX_WAIT: return wait(a, is_private, false, FUTEX_BITSET_ANY);
	case FUTEX_WAIT_BITSET: return wait(a, is_private, true, (uint32_t)a[5]);
	case FUTEX_WAKE:
		return futex_wake_bitset(a[0], is_private, (uint32_t)a[2], FUTEX_BITSET_ANY);
	case FUTEX_WAKE_BITSET:
		return (uint32_t)a[5] == 0
			   ? -EINVAL
			   : futex_wake_bitset(a[0], is_private, (uint32_t)a[2], (uint32_t)a[5]);
	}
	if (a[4] & 3)
		return -EINVAL;
	if (op == FUTEX_WAKE_OP)
		return futex_wake_op(a[0], a[4], is_private, (uint32_t)a[2], (uint32_t)a[3],
				     (uint32_t)a[5]);
	if ((int32_t)a[2] < 0 || (int32_t)a[3] < 0)
		return -EINVAL;
	return futex_requeue(a[0], a[4], is_private, (uint32_t)a[2], (uint32_t)a[3],
			     op == FUTEX_CMP_REQUEUE ? &expected : NULL);
}
