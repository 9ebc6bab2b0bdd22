/*
 * Limits: how much a space may map, lock and be promised.
 *
 * A *promise*. A private page that may be written to may need a frame of its own
 * at any time, and so may a page of shared anonymous memory. Whoever maps such
 * pages is promised frames; the sum of all promises is what is *committed*
 * (Committed_AS). It is kept where the pages are: in VMAs that carry VMA_ACCOUNT,
 * and in the objects of shared anonymous memory. A VMA that becomes read-only
 * keeps its promise, since pages that were written are still there.
 *
 * What may be promised depends on space_policy.overcommit, as on Linux
 * (proc_sys_vm(5), overcommit-accounting):
 *
 *   0  a request larger than all RAM is refused, everything else granted
 *   1  everything is granted
 *   2  the sum stays below a limit: a share of RAM (overcommit_ratio), or a number
 *      (overcommit_kbytes); a little is kept back for the superuser, and from each
 *      space a thirty-second of what it maps
 *
 * Invariants:
 *   I1  commit_bytes = the sum of `committed` over all spaces
 *   I2  mobj_promised = the sum of `promised` over all objects
 *
 * Locks: the sums are atomic. A request is first asked for and then counted, so two
 * harts may together pass the limit by one request; within a space its lock is held.
 */
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"

uint64_t commit_bytes;

/* Linux's values at boot. The reserves: mm/util.c's upper bounds, 128 MiB and 8 MiB. */
struct space_policy space_policy = {
    .overcommit_ratio = 50,
    .max_vmas = 65530,
    .superpages = SUPER_MADVISE,
    .min_address = 0x10000,
    .user_reserve_kib = 128UL << 10,
    .admin_reserve_kib = 8UL << 10,
};

static uint64_t read_sum(const uint64_t *sum)
{
	return __atomic_load_n(sum, __ATOMIC_RELAXED);
}

uint64_t commit_total(void)
{
	return (read_sum(&commit_bytes) + read_sum(&mobj_promised)) >> PAGE_SHIFT;
}

uint64_t commit_limit(void)
{
	if (space_policy.overcommit_kib)
		return space_policy.overcommit_kib >> (PAGE_SHIFT - 10);
	return frame_total() * space_policy.overcommit_ratio / 100;
}

/* => a reserve of at most `kib`, and of a thirty-second of RAM: three percent, as on Linux. */
static uint64_t reserve(uint64_t kib)
{
	uint64_t pages = kib >> (PAGE_SHIFT - 10), share = frame_total() / 32;

	return pages < share ? pages : share;
}

bool space_may_commit(const struct aspace *as, uint64_t len)
{
	uint64_t kept, own = as->mapped / 32 >> PAGE_SHIFT;

	kept = reserve(space_policy.user_reserve_kib);
	if (own < kept)
		kept = own;
	if (!as->is_privileged)
		kept += reserve(space_policy.admin_reserve_kib);
	return commit_total() + (len >> PAGE_SHIFT) + kept < commit_limit();
}

bool space_may_map(const struct aspace *as, unsigned flags, uint64_t len)
{
	/* here: len is below the end of user addresses, so the sums cannot wrap */
	if (as->mapped + len > as->as_limit)
		return false;
	return vma_use(flags) != USE_DATA || as->data + len <= as->data_limit;
}

bool space_may_lock(const struct aspace *as, uint64_t len)
{
	return as->is_privileged || as->locked + len <= as->lock_limit;
}
