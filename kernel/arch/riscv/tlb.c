/*
 * What harts remember of page tables: ASIDs, switching, flushing.
 *
 * An address space has an *ASID* from its first day to its last, so that a hart
 * may keep its translations while others run. ASIDs are given out in ascending
 * order, over those that are in use; when the last is reached, a new *generation*
 * begins at 1. Within a generation none is given out twice. A hart that comes to
 * its first switch in a generation flushes all it has, and so never sees what a
 * dead address space left under a number that is used again. When all are in use
 * an address space gets ASID 0, and is flushed whenever a hart turns to it.
 *
 * Three sets of harts belong to an address space:
 *
 *	harts     may have translations of it: have run it since it has its ASID
 *	running   run it now; a part of harts
 *	stale     must flush it before they run it again; a part of harts
 *
 * A change flushes here at once, and on the harts that run the address space by a
 * call of the firmware. The others only become stale:
 *
 *	changing hart                      hart that turns to the address space
 *	  change the entry                   enter `running`
 *	  stale |= harts                     if in `stale`: leave it, flush
 *	  flush `running`, stale &= ~those   walk
 *
 * Either the second hart is seen to be running, or it sees that it is stale: each
 * writes its own set before it reads the other's.
 *
 * Invariants:
 *   I1  no two live address spaces have the same ASID, but 0
 *   I2  a hart outside `harts` has no translation of the address space; one inside
 *       has none older than the last flush, or is in `stale`
 *
 * Locks: asid_lock guards the numbers. An address space's lock is held by whoever
 * flushes it, so that there is one at a time; switching takes none.
 */
#include "kernel/arch/riscv/pt.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"

/* Enough for every process that fits in a few GiB; hardware may have fewer, at most 2^16. */
#define ASID_MAX 4096

/* From this many pages on, one flush of all is taken to cost less than one for each. */
#define FLUSH_PAGES 16

static struct spinlock asid_lock;
static uint64_t asid_used[ASID_MAX / 64]; /* a bit for each */
static unsigned asid_end;                 /* of what the hardware has; 0: not asked yet */
static unsigned asid_next;                /* the next to be tried */
static uint64_t asid_generation = 1;

static void flush_all(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

static void flush_asid(uint32_t asid)
{
	__asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)asid) : "memory");
}

static void flush_page(uint64_t va, uint32_t asid)
{
	__asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"((uint64_t)asid) : "memory");
}

/* -- numbers ------------------------------------------------------------------------------- */

/* => how many ASIDs the hart has: those bits of satp can be set. */
static unsigned asid_probe(void)
{
	uint64_t satp = csr_read(CSR_SATP), mask = SATP_ASID_MASK;
	unsigned n;

	csr_write(CSR_SATP, satp | mask << SATP_ASID_SHIFT);
	n = (unsigned)(csr_read(CSR_SATP) >> SATP_ASID_SHIFT & mask) + 1;
	csr_write(CSR_SATP, satp);
	flush_all(); /* here: what was fetched meanwhile was cached under another number */
	return n < ASID_MAX ? n : ASID_MAX;
}

void asid_get(struct arch_pt *pt)
{
	pt->asid = 0;
	spin_lock(&asid_lock);
	if (asid_end == 0) {
		asid_end = asid_probe();
		asid_next = 1;
	}
	/* here: two rounds at most, as the second begins where all are allowed */
	for (unsigned tried = 0; tried < asid_end && !pt->asid; tried++) {
		uint64_t bit;

		if (asid_next >= asid_end) {
			asid_next = 1;
			__atomic_fetch_add(&asid_generation, 1, __ATOMIC_SEQ_CST);
		}
		if (asid_next >= asid_end)
			break; /* the hardware has none but 0 */
		bit = 1UL << (asid_next % 64);
		if (!(asid_used[asid_next / 64] & bit)) {
			asid_used[asid_next / 64] |= bit;
			pt->asid = asid_next;
		}
		asid_next++;
	}
	spin_unlock(&asid_lock);
}

void asid_put(struct arch_pt *pt)
{
	spin_lock(&asid_lock);
	asid_used[pt->asid / 64] &= ~(1UL << (pt->asid % 64));
	spin_unlock(&asid_lock);
}

/* -- switching ----------------------------------------------------------------------------- */

void arch_pt_switch(struct arch_pt *pt)
{
	struct percpu *p = percpu();
	struct arch_pt *old = p->pt;
	uint64_t bit = 1UL << p->index, generation;
	bool stale = false;

	if (pt == old)
		return;
	p->pt = pt;
	if (!pt) {
		csr_write(CSR_SATP, pt_satp(pt_kernel_root));
	} else {
		__atomic_fetch_or(&pt->running, bit, __ATOMIC_SEQ_CST);
		__atomic_fetch_or(&pt->harts, bit, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&pt->stale, __ATOMIC_SEQ_CST) & bit) {
			__atomic_fetch_and(&pt->stale, ~bit, __ATOMIC_SEQ_CST);
			stale = true;
		}
		csr_write(CSR_SATP, pt_satp(pt->root.v) | (uint64_t)pt->asid << SATP_ASID_SHIFT);
		generation = __atomic_load_n(&asid_generation, __ATOMIC_SEQ_CST);
		if (p->asid_generation != generation) {
			p->asid_generation = generation;
			flush_all();
		} else if (stale || !pt->asid) {
			flush_asid(pt->asid);
		}
	}
	if (old)
		__atomic_fetch_and(&old->running, ~bit, __ATOMIC_SEQ_CST);
}

/* -- flushing ------------------------------------------------------------------------------ */

/* The part of a flush that concerns others. => the caller's changes come before, for all harts. */
static __attribute__((noinline)) void flush_others(struct arch_pt *pt, uint64_t others, uint64_t va,
						   uint64_t len)
{
	uint64_t running;

	__atomic_fetch_or(&pt->stale, others, __ATOMIC_SEQ_CST);
	running = __atomic_load_n(&pt->running, __ATOMIC_SEQ_CST) & others;
	if (!running)
		return;
	sbi_flush(running, va, len, pt->asid);
	__atomic_fetch_and(&pt->stale, ~running, __ATOMIC_SEQ_CST);
}

/* => the other harts that may have translations of pt from before the caller's changes. */
static uint64_t others_of(const struct arch_pt *pt)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&pt->harts, __ATOMIC_RELAXED) & ~(1UL << percpu()->index);
}

void tlb_flush_page(struct arch_pt *pt, uint64_t va)
{
	uint64_t others = others_of(pt);

	flush_page(va, pt->asid);
	if (others)
		flush_others(pt, others, va, PAGE_SIZE);
}

void tlb_flush_range(struct arch_pt *pt, uint64_t start, uint64_t end)
{
	uint64_t others = others_of(pt);

	if (end - start > FLUSH_PAGES * PAGE_SIZE) {
		arch_pt_flush(pt);
		return;
	}
	for (uint64_t va = start; va < end; va += PAGE_SIZE)
		flush_page(va, pt->asid);
	if (others)
		flush_others(pt, others, start, end - start);
}

void arch_pt_flush(struct arch_pt *pt)
{
	uint64_t others = others_of(pt);

	flush_asid(pt->asid);
	if (others)
		flush_others(pt, others, 0, UINT64_MAX);
}
