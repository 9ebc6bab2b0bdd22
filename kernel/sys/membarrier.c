/*
 * membarrier: memory barriers on all harts that run a process, paid for by the one
 * thread that asks, instead of by all of them all the time.
 *
 * A process says first which kind it will use (REGISTER_...); the expedited kinds
 * are refused without that, but for the global one, whose receivers register. Here
 * each kind is the same: every hart takes an interrupt of the firmware's before
 * the call returns (arch_icache_flush), which orders its memory accesses, makes it
 * fetch anew, and ends a restartable sequence no more than any other interrupt
 * does. So the registrations are only remembered.
 *
 * They belong to the address space: a fork copies them, exec starts without.
 */
#include "kernel/sys/sys.h"
#include "kernel/mm/space/aspace.h"

#define CMD_QUERY              0
#define CMD_GLOBAL             (1u << 0)
#define CMD_GLOBAL_EXPEDITED   (1u << 1)
#define CMD_REGISTER_GLOBAL    (1u << 2)
#define CMD_PRIVATE_EXPEDITED  (1u << 3)
#define CMD_REGISTER_PRIVATE   (1u << 4)
#define CMD_PRIVATE_SYNC_CORE  (1u << 5)
#define CMD_REGISTER_SYNC_CORE (1u << 6)
#define CMD_PRIVATE_RSEQ       (1u << 7)
#define CMD_REGISTER_RSEQ      (1u << 8)
#define CMD_GET_REGISTRATIONS  (1u << 9)
#define CMD_ALL                0x3ffu
#define FLAG_CPU               1u
#define IMPLIED_BY_PRIVATE     (CMD_REGISTER_SYNC_CORE | CMD_REGISTER_RSEQ)

static int64_t barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	arch_icache_flush();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}

/* => the barrier's result, or -EPERM if the process did not register for it. */
static int64_t barrier_if(struct aspace *as, uint32_t registration)
{
	return __atomic_load_n(&as->barriers, __ATOMIC_RELAXED) & registration ? barrier() : -EPERM;
}

static int64_t registrations(struct aspace *as)
{
	uint32_t all = __atomic_load_n(&as->barriers, __ATOMIC_RELAXED);

	/* As on Linux, the special private kinds show as the plain one too. */
	return all & IMPLIED_BY_PRIVATE ? all | CMD_REGISTER_PRIVATE : all;
}

int64_t sys_membarrier(const uint64_t *a)
{
	struct aspace *as = proc_current()->as;
	uint32_t cmd = (uint32_t)a[0], flags = (uint32_t)a[1];

	if (flags && (cmd != CMD_PRIVATE_RSEQ || flags != FLAG_CPU))
		return -EINVAL;
	switch (cmd) {
	case CMD_QUERY: return CMD_ALL;
	case CMD_GLOBAL:
	case CMD_GLOBAL_EXPEDITED: return barrier();
	case CMD_PRIVATE_EXPEDITED: return barrier_if(as, CMD_REGISTER_PRIVATE);
	case CMD_PRIVATE_SYNC_CORE: return barrier_if(as, CMD_REGISTER_SYNC_CORE);
	case CMD_PRIVATE_RSEQ: return barrier_if(as, CMD_REGISTER_RSEQ);
	case CMD_REGISTER_GLOBAL:
	case CMD_REGISTER_PRIVATE:
	case CMD_REGISTER_SYNC_CORE:
	case CMD_REGISTER_RSEQ:
		__atomic_fetch_or(&as->barriers, cmd, __ATOMIC_SEQ_CST);
		return barrier();
	case CMD_GET_REGISTRATIONS: return registrations(as);
	default: return -EINVAL;
	}
}
