/*
 * One access, from virtual address to RAM or device; and the lookaside.
 *
 * The model (tlb.c) decides what is counted. The lookaside makes most accesses
 * cheap without changing a count. Terms: a *slot* stands for an entry of L1 and
 * holds what an access needs at once: the page's tag and where it lies in host
 * memory. Slots are direct-mapped by page number; there is a *bank* of them for
 * each way in which permissions can differ:
 *
 *     U-mode | S-mode | S-mode with SUM | bare | M-mode | none (MXR, MPRV, lookaside off)
 *
 *       va ──> slot of the current bank ── tag equal ──> host address, done
 *                     │ not equal
 *                     v
 *              L1 ── hit ──> permission ──> slot filled
 *                │ miss         │ no: page fault "on a hit"
 *                v              └ store to a clean page: walk that sets D
 *              L2 ── hit ──> L1 filled
 *                │ miss
 *                v
 *              walk ── fault
 *                └──> L2 and L1 filled
 *
 * I1. A slot of a translated bank has an owner: a valid entry of L1 that
 *     translates the slot's page for the present address space, and that
 *     permits what its tags promise (store_tag: also D is set).
 * I2. An entry's stamp is the clock of its last use. A hit of a slot writes it through
 *     slot.stamp. Only the page being executed lags: its stamp is written when it is left
 *     (mmu_leave_page), and always before something is looked up or replaced.
 * I3. A frame that has decoded code has no store_tag in any slot.
 *
 * Why counts are equal with and without lookaside: by I1, an access that hits a
 * slot would have hit the owner in L1, with permission and without a walk, and
 * its only effect there would be to renew the entry's stamp, which it does (I2).
 * Entries are replaced, flushed or changed only through l1_drop, which removes
 * their slots. So the sequences of L1 contents and stamps are the same in both
 * runs, and with them everything that follows from a miss. Test:
 * test/unit/machine_hart_test.c runs both and compares counters and state hash.
 */
#include "machine/mmu/pmp.h"
#include "machine/mmu/tlb.h"
#include "machine/mmu/walk.h"
#include "machine/hart/code.h"
#include "machine/hart/hart.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

#include <string.h>

#define PAGE_OF(va) ((va) & ~(uint64_t)(RV_PAGE_SIZE - 1))

/* -- slots ------------------------------------------------------------------------------------ */

static void data_slot_clear(struct mmu *mmu, unsigned bank, unsigned index)
{
	mmu->data_bank[bank][index] = (struct data_slot){
	    .load_tag = TAG_INVALID, .store_tag = TAG_INVALID, .stamp = &mmu->no_stamp};
	mmu->data_owner[bank][index] = TLB_NONE;
}

static void fetch_slot_clear(struct mmu *mmu, struct fetch_slot *s)
{
	*s = (struct fetch_slot){.tag = TAG_INVALID, .owner = TLB_NONE, .stamp = &mmu->no_stamp};
}

/*
 * Removes the slots that stand for an entry of L1. An entry of one 4 KiB page can own one slot a
 * bank, at a known index; a superpage's may be anywhere.
 */
static void l1_clear_slots(struct mmu *mmu, enum tlb_kind kind, unsigned index)
{
	const struct tlb_entry *e = &mmu->tlb[kind].entries[index];
	uint64_t va = e->vpn << RV_PAGE_SHIFT;

	if (kind == TLB_L1_DATA) {
		unsigned first = e->level ? 0 : data_index(va);
		unsigned last = e->level ? DATA_SLOTS : first + 1;
		for (unsigned b = 0; b < BANK_BARE; b++)
			for (unsigned i = first; i < last; i++)
				if (mmu->data_owner[b][i] == index)
					data_slot_clear(mmu, b, i);
	} else {
		unsigned first = e->level ? 0 : fetch_index(va);
		unsigned last = e->level ? FETCH_SLOTS : first + 1;
		for (unsigned b = 0; b < FETCH_BARE; b++)
			for (unsigned i = first; i < last; i++)
				if (mmu->fetch_bank[b][i].owner == index)
					fetch_slot_clear(mmu, &mmu->fetch_bank[b][i]);
	}
}

/* Removes an entry of L1 and every slot that stands for it. */
static void l1_drop(struct mmu *mmu, enum tlb_kind kind, unsigned index)
{
	if (!mmu->tlb[kind].entries[index].valid)
		return;
	l1_clear_slots(mmu, kind, index);
	tlb_drop(&mmu->tlb[kind], index);
}

/* Puts a translation into L1. => its index. */
static unsigned l1_fill(struct hart *h, enum tlb_kind kind, const struct tlb_entry *e)
{
	struct tlb *t = &h->mmu.tlb[kind];
	unsigned index = tlb_victim(t, e->vpn, e->level);

	l1_drop(&h->mmu, kind, index);
	tlb_put(t, index, e, h->clock);
	return index;
}

/* -- set-up, modes, flushes ------------------------------------------------------------------- */

bool mmu_init(struct hart *h)
{
	for (unsigned k = 0; k < TLB_KINDS; k++) {
		struct tlb *t = &h->mmu.tlb[k];
		t->sets = h->m->cfg.tlb[k].sets;
		t->ways = h->m->cfg.tlb[k].ways;
		t->entries = machine_zalloc(h->m, sizeof(*t->entries) * t->sets * t->ways);
		t->stamp = machine_zalloc(h->m, sizeof(*t->stamp) * t->sets * t->ways);
		if (!t->entries || !t->stamp)
			return false;
	}
	mmu_reset(h);
	return true;
}

static void slots_clear(struct mmu *mmu)
{
	for (unsigned b = 0; b < DATA_BANKS; b++)
		for (unsigned i = 0; i < DATA_SLOTS; i++)
			data_slot_clear(mmu, b, i);
	for (unsigned b = 0; b < FETCH_BANKS; b++)
		for (unsigned i = 0; i < FETCH_SLOTS; i++)
			fetch_slot_clear(mmu, &mmu->fetch_bank[b][i]);
	fetch_slot_clear(mmu, &mmu->nowhere);
	mmu->cur = &mmu->nowhere;
	mmu->no_stamp = 0;
}

void mmu_reset(struct hart *h)
{
	struct mmu *mmu = &h->mmu;

	slots_clear(mmu);
	for (unsigned k = 0; k < TLB_KINDS; k++)
		for (unsigned i = 0; i < mmu->tlb[k].sets * mmu->tlb[k].ways; i++)
			tlb_drop(&mmu->tlb[k], i);
	mmu->l2_seq = 0;
	mmu_mode_changed(h);
}

/* Privilege at which data is accessed: MPRV lends M-mode another's. */
static unsigned data_prv(const struct hart *h)
{
	if (h->mstatus & MSTATUS_MPRV)
		return (unsigned)(h->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;
	return h->prv;
}

static bool is_translated(const struct hart *h, unsigned prv)
{
	return prv != PRV_M && walk_levels(h->satp) != 0;
}

void mmu_mode_changed(struct hart *h)
{
	struct mmu *mmu = &h->mmu;

	mmu->paged_fetch = is_translated(h, h->prv);
	if (!mmu->paged_fetch)
		mmu->fetch_bank_no = h->prv == PRV_M ? FETCH_BARE_M : FETCH_BARE;
	else
		mmu->fetch_bank_no = h->prv == PRV_U ? FETCH_USER : FETCH_SUPER;

	if (h->m->cfg.no_lookaside || (h->mstatus & (MSTATUS_MPRV | MSTATUS_MXR)) ||
	    h->m->breaks.n > h->m->breaks.nexec)
		mmu->data_bank_no = BANK_NONE;
	else if (!mmu->paged_fetch)
		mmu->data_bank_no = h->prv == PRV_M ? BANK_BARE_M : BANK_BARE;
	else if (h->prv == PRV_U)
		mmu->data_bank_no = BANK_USER;
	else
		mmu->data_bank_no = h->mstatus & MSTATUS_SUM ? BANK_SUPER_SUM : BANK_SUPER;

	mmu->fetch = mmu->fetch_bank[mmu->fetch_bank_no];
	mmu->data = mmu->data_bank[mmu->data_bank_no];
}

void mmu_slots_drop(struct hart *h)
{
	/* The page being executed has been left, or its stamp written: csr_instruction's caller. */
	slots_clear(&h->mmu);
}

void mmu_satp_changed(struct hart *h)
{
	struct mmu *mmu = &h->mmu;

	/* Slots do not know their address space: all that have an owner go (I1). */
	for (unsigned k = TLB_L1_FETCH; k <= TLB_L1_DATA; k++)
		for (unsigned i = 0; i < mmu->tlb[k].sets * mmu->tlb[k].ways; i++)
			if (mmu->tlb[k].entries[i].valid)
				l1_clear_slots(mmu, (enum tlb_kind)k, i);
	mmu_mode_changed(h);
}

/* Drops the entries that match: by page if `by_va`, by address space if `by_asid`. */
static void flush(struct hart *h, bool by_va, uint64_t va, bool by_asid, unsigned asid)
{
	struct mmu *mmu = &h->mmu;
	uint64_t vpn = va >> RV_PAGE_SHIFT;

	h->count.flushes++;
	for (unsigned k = 0; k < TLB_KINDS; k++)
		for (unsigned i = 0; i < mmu->tlb[k].sets * mmu->tlb[k].ways; i++) {
			const struct tlb_entry *e = &mmu->tlb[k].entries[i];
			if (!e->valid)
				continue;
			if (by_va && ((e->vpn ^ vpn) >> (RV_VPN_BITS * e->level)) != 0)
				continue;
			if (by_asid && (e->asid != asid || (e->perm & PTE_G)))
				continue;
			if (k == TLB_L2)
				tlb_drop(&mmu->tlb[k], i);
			else
				l1_drop(mmu, (enum tlb_kind)k, i);
		}
}

void mmu_flush_all(struct hart *h)
{
	flush(h, false, 0, false, 0);
}

void mmu_flush_page(struct hart *h, uint64_t va)
{
	flush(h, true, va, false, 0);
}

void mmu_flush_asid(struct hart *h, unsigned asid)
{
	flush(h, false, 0, true, asid);
}

void mmu_flush_page_asid(struct hart *h, uint64_t va, unsigned asid)
{
	flush(h, true, va, true, asid);
}

/* -- translation ------------------------------------------------------------------------------ */

static uint64_t page_fault_cause(enum access access)
{
	return access == ACCESS_FETCH  ? CAUSE_FETCH_PAGE
	       : access == ACCESS_LOAD ? CAUSE_LOAD_PAGE
				       : CAUSE_STORE_PAGE;
}

static uint64_t access_fault_cause(enum access access)
{
	return access == ACCESS_FETCH  ? CAUSE_FETCH_ACCESS
	       : access == ACCESS_LOAD ? CAUSE_LOAD_ACCESS
				       : CAUSE_STORE_ACCESS;
}

static void page_fault(struct hart *h, enum access access, unsigned prv, uint64_t va, bool on_hit)
{
	h->count.page_faults++;
	if (on_hit)
		h->count.hit_faults++;
	else
		h->count.walks_faulted++;
	h->last_fault = (struct fault_record){
	    .valid = true,
	    .on_hit = on_hit,
	    .access = access,
	    .prv = prv,
	    .va = va,
	    .pc = h->pc,
	    .satp = h->satp,
	    .clock = h->clock,
	};
	trap_raise(h, page_fault_cause(h->mmu.fault_as_store ? ACCESS_STORE : access), va);
}

/* => true with *out; false: the trap has been raised. */
static bool do_walk(struct hart *h, enum access access, unsigned prv, uint64_t va,
		    struct walk_result *out)
{
	struct walk_request rq = {
	    .va = va,
	    .satp = h->satp,
	    .access = access,
	    .prv = prv,
	    .sum = h->mstatus & MSTATUS_SUM,
	    .mxr = h->mstatus & MSTATUS_MXR,
	    .update_ad = h->menvcfg & MENVCFG_ADUE,
	};
	enum walk_end end = walk(h, &rq, out);

	h->count.walks++;
	for (unsigned i = 0; i < 5; i++)
		h->count.pte_reads[i] += out->reads[i];
	if (end == WALK_OK)
		return true;
	if (end == WALK_PAGE_FAULT) {
		page_fault(h, access, prv, va, false);
	} else {
		h->count.walks_no_access++;
		trap_raise(h, access_fault_cause(h->mmu.fault_as_store ? ACCESS_STORE : access),
			   va);
	}
	return false;
}

static struct tlb_entry entry_of(const struct hart *h, uint64_t va, const struct walk_result *w)
{
	uint64_t low = (1ULL << (RV_VPN_BITS * w->level)) - 1;

	return (struct tlb_entry){
	    .vpn = (va >> RV_PAGE_SHIFT) & ~low,
	    .ppn = w->ppn & ~low,
	    .asid = (uint16_t)(h->satp >> SATP_ASID_SHIFT),
	    .level = (uint8_t)w->level,
	    .perm = (uint8_t)w->pte,
	    .valid = true,
	};
}

/*
 * A store met a translation whose D was clear when it was cached: the walk is made again, as for
 * a store, and what is cached is brought up to date.
 */
static bool set_dirty(struct hart *h, enum tlb_kind l1, unsigned *index, unsigned prv, uint64_t va)
{
	struct mmu *mmu = &h->mmu;
	struct walk_result w;

	h->count.walks_dirty++;
	if (!do_walk(h, ACCESS_STORE, prv, va, &w))
		return false;
	struct tlb_entry e = entry_of(h, va, &w);
	unsigned in_l2 = tlb_find(&mmu->tlb[TLB_L2], va >> RV_PAGE_SHIFT, e.asid);
	if (in_l2 != TLB_NONE && mmu->tlb[TLB_L2].entries[in_l2].level == e.level)
		tlb_put(&mmu->tlb[TLB_L2], in_l2, &e, mmu->tlb[TLB_L2].stamp[in_l2]);
	l1_drop(mmu, l1, *index);
	*index = l1_fill(h, l1, &e);
	return true;
}

/*
 * Looks a page up in the model, as one access of privilege prv.
 * => true with the entry's index in L1, which permits the access; false: trap raised.
 */
static bool lookup(struct hart *h, enum access access, unsigned prv, uint64_t va, unsigned *out)
{
	struct mmu *mmu = &h->mmu;
	enum tlb_kind l1 = access == ACCESS_FETCH ? TLB_L1_FETCH : TLB_L1_DATA;
	uint64_t vpn = va >> RV_PAGE_SHIFT;
	unsigned asid = (unsigned)(h->satp >> SATP_ASID_SHIFT) & SATP_ASID_MASK;

	h->count.lookups[access]++;
	unsigned index = tlb_find(&mmu->tlb[l1], vpn, asid);
	if (index != TLB_NONE) {
		h->count.hits[l1]++;
		mmu->tlb[l1].stamp[index] = h->clock;
	} else {
		h->count.misses[l1]++;
		struct tlb *l2 = &mmu->tlb[TLB_L2];
		unsigned in_l2 = tlb_find(l2, vpn, asid);
		mmu->l2_seq++;
		if (in_l2 == TLB_NONE) {
			struct walk_result w;
			h->count.misses[TLB_L2]++;
			if (!do_walk(h, access, prv, va, &w))
				return false;
			struct tlb_entry e = entry_of(h, va, &w);
			in_l2 = tlb_victim(l2, e.vpn, e.level);
			tlb_put(l2, in_l2, &e, mmu->l2_seq);
		} else {
			h->count.hits[TLB_L2]++;
			l2->stamp[in_l2] = mmu->l2_seq;
		}
		index = l1_fill(h, l1, &l2->entries[in_l2]);
	}

	unsigned perm = mmu->tlb[l1].entries[index].perm;
	if (!walk_permits(perm, access, prv, h->mstatus & MSTATUS_SUM, h->mstatus & MSTATUS_MXR)) {
		page_fault(h, access, prv, va, true);
		return false;
	}
	if (access == ACCESS_STORE && !(perm & PTE_D) && !set_dirty(h, l1, &index, prv, va))
		return false;
	*out = index;
	return true;
}

/* The physical address of va under an entry of L1. */
static uint64_t entry_pa(const struct tlb_entry *e, uint64_t va)
{
	uint64_t in_page = (1ULL << RV_LEVEL_SHIFT(e->level)) - 1;

	return ((e->ppn << RV_PAGE_SHIFT) & ~in_page) | (va & in_page);
}

/* -- data ------------------------------------------------------------------------------------- */

/* Lets later accesses to the page of va take the slot; see I1 and I3. */
static void data_slot_fill(struct hart *h, uint64_t va, uint64_t pa, unsigned owner, unsigned prv)
{
	struct mmu *mmu = &h->mmu;
	unsigned bank = mmu->data_bank_no, i = data_index(va);
	struct data_slot *s = &mmu->data_bank[bank][i];
	unsigned perm = PTE_R | PTE_W | PTE_D;

	if (bank == BANK_NONE)
		return;
	s->stamp = &mmu->no_stamp;
	if (owner != TLB_NONE) {
		perm = mmu->tlb[TLB_L1_DATA].entries[owner].perm;
		s->stamp = &mmu->tlb[TLB_L1_DATA].stamp[owner];
	}
	s->load_tag =
	    (perm & PTE_R) && pmp_allows(h, pa, ACCESS_LOAD, prv) ? PAGE_OF(va) : TAG_INVALID;
	s->store_tag = (perm & (PTE_W | PTE_D)) == (PTE_W | PTE_D) && !code_has(h->m, pa) &&
			       pmp_allows(h, pa, ACCESS_STORE, prv)
			   ? PAGE_OF(va)
			   : TAG_INVALID;
	s->addend = (uint64_t)(uintptr_t)(h->m->ram + (PAGE_OF(pa) - BOARD_RAM_BASE)) - PAGE_OF(va);
	mmu->data_owner[bank][i] = (uint16_t)owner;
}

/* Where an access of one page lies: RAM (host != NULL) or elsewhere. */
struct place {
	uint64_t pa;
	uint8_t *host;
};

static bool data_place(struct hart *h, enum access access, uint64_t va, struct place *out)
{
	unsigned prv = data_prv(h), owner = TLB_NONE;

	out->pa = va;
	if (is_translated(h, prv)) {
		if (!lookup(h, access, prv, va, &owner))
			return false;
		out->pa = entry_pa(&h->mmu.tlb[TLB_L1_DATA].entries[owner], va);
	}
	if (!pmp_allows(h, out->pa, access, prv)) {
		trap_raise(h, access_fault_cause(h->mmu.fault_as_store ? ACCESS_STORE : access),
			   va);
		return false;
	}
	out->host = NULL;
	if (out->pa - BOARD_RAM_BASE < h->m->ram_size) {
		out->host = h->m->ram + (out->pa - BOARD_RAM_BASE);
		data_slot_fill(h, va, out->pa, owner, prv);
	}
	return true;
}

/* `size` bytes at any alignment. The sizes of whole accesses need no call. */
static uint64_t read_host(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	switch (size) {
	case 1: return *p;
	case 2: memcpy(&v, p, 2); return v;
	case 4: memcpy(&v, p, 4); return v;
	case 8: memcpy(&v, p, 8); return v;
	default: memcpy(&v, p, size); return v;
	}
}

static void write_host(uint8_t *p, unsigned size, uint64_t v)
{
	switch (size) {
	case 1: *p = (uint8_t)v; return;
	case 2: memcpy(p, &v, 2); return;
	case 4: memcpy(p, &v, 4); return;
	case 8: memcpy(p, &v, 8); return;
	default: memcpy(p, &v, size); return;
	}
}

/* An access that lies within one page. */
static bool load_one(struct hart *h, uint64_t va, unsigned size, uint64_t *out)
{
	struct place at;

	if (!data_place(h, ACCESS_LOAD, va, &at))
		return false;
	if (at.host) {
		*out = read_host(at.host, size);
		return true;
	}
	struct bus_device *d = (at.pa & (size - 1)) ? NULL : bus_find(h->m, at.pa, size);
	if (d && d->load(d->self, at.pa - d->base, size, out))
		return true;
	trap_raise(h, CAUSE_LOAD_ACCESS, va);
	return false;
}

static bool store_at(struct hart *h, uint64_t va, const struct place *at, unsigned size,
		     uint64_t value)
{
	if (at->host) {
		if (code_has(h->m, at->pa))
			code_invalidate(h->m, at->pa, size);
		write_host(at->host, size, value);
		return true;
	}
	struct bus_device *d = (at->pa & (size - 1)) ? NULL : bus_find(h->m, at->pa, size);
	if (d && d->store(d->self, at->pa - d->base, size, value))
		return true;
	trap_raise(h, CAUSE_STORE_ACCESS, va);
	return false;
}

static unsigned bytes_in_first_page(uint64_t va, unsigned size)
{
	uint64_t room = RV_PAGE_SIZE - (va & (RV_PAGE_SIZE - 1));

	return room < size ? (unsigned)room : size;
}

bool mmu_load(struct hart *h, uint64_t va, unsigned size, uint64_t *out)
{
	unsigned first = bytes_in_first_page(va, size);

	break_access(h, ACCESS_LOAD, va, size);
	if (first == size)
		return load_one(h, va, size, out);

	/* Two pages, two lookups; only RAM can be read across their border. */
	struct place lo, hi;
	if (!data_place(h, ACCESS_LOAD, va, &lo) || !data_place(h, ACCESS_LOAD, va + first, &hi))
		return false;
	if (!lo.host || !hi.host) {
		trap_raise(h, CAUSE_LOAD_ACCESS, lo.host ? va + first : va);
		return false;
	}
	*out = read_host(lo.host, first) | read_host(hi.host, size - first) << (8 * first);
	return true;
}

bool mmu_store(struct hart *h, uint64_t va, unsigned size, uint64_t value)
{
	unsigned first = bytes_in_first_page(va, size);
	struct place lo, hi;

	break_access(h, ACCESS_STORE, va, size);
	if (!data_place(h, ACCESS_STORE, va, &lo))
		return false;
	if (first == size)
		return store_at(h, va, &lo, size, value);
	if (!data_place(h, ACCESS_STORE, va + first, &hi))
		return false;
	if (!lo.host || !hi.host) {
		trap_raise(h, CAUSE_STORE_ACCESS, lo.host ? va + first : va);
		return false;
	}
	store_at(h, va, &lo, first, value);
	store_at(h, va + first, &hi, size - first, value >> (8 * first));
	return true;
}

void *mmu_atomic(struct hart *h, uint64_t va, unsigned size, enum access access, uint64_t *pa)
{
	struct place at;

	break_access(h, access, va, size);
	if (va & (size - 1)) {
		trap_raise(
		    h, access == ACCESS_LOAD ? CAUSE_LOAD_MISALIGNED : CAUSE_STORE_MISALIGNED, va);
		return NULL;
	}
	if (!data_place(h, access, va, &at))
		return NULL;
	if (!at.host) {
		trap_raise(h, access_fault_cause(access), va);
		return NULL;
	}
	if (access == ACCESS_STORE && code_has(h->m, at.pa))
		code_invalidate(h->m, at.pa, size);
	*pa = at.pa;
	return at.host;
}

bool mmu_cbo(struct hart *h, uint64_t va)
{
	struct place at;
	bool ok;

	h->mmu.fault_as_store = true;
	ok = data_place(h, ACCESS_LOAD, va, &at);
	h->mmu.fault_as_store = false;
	if (ok && !at.host) {
		trap_raise(h, CAUSE_STORE_ACCESS, va);
		ok = false;
	}
	return ok;
}

bool mmu_cbo_zero(struct hart *h, uint64_t va)
{
	struct place at;

	break_access(h, ACCESS_STORE, va & ~(uint64_t)(CBO_BLOCK - 1), CBO_BLOCK);
	if (!data_place(h, ACCESS_STORE, va, &at))
		return false;
	if (!at.host) {
		trap_raise(h, CAUSE_STORE_ACCESS, va);
		return false;
	}
	if (code_has(h->m, at.pa))
		code_invalidate(h->m, at.pa & ~(uint64_t)(CBO_BLOCK - 1), CBO_BLOCK);
	memset(at.host - (va & (CBO_BLOCK - 1)), 0, CBO_BLOCK);
	return true;
}

/* -- instructions ----------------------------------------------------------------------------- */

/* => physical address of va for a fetch, with the L1 entry that translated it; or a trap. */
static bool fetch_place(struct hart *h, uint64_t va, uint64_t *pa, unsigned *owner)
{
	*pa = va;
	*owner = TLB_NONE;
	if (h->mmu.paged_fetch) {
		if (!lookup(h, ACCESS_FETCH, h->prv, va, owner))
			return false;
		*pa = entry_pa(&h->mmu.tlb[TLB_L1_FETCH].entries[*owner], va);
	}
	if (*pa - BOARD_RAM_BASE < h->m->ram_size && pmp_allows(h, *pa, ACCESS_FETCH, h->prv))
		return true;
	trap_raise(h, CAUSE_FETCH_ACCESS, va);
	return false;
}

struct code_page *mmu_fetch_page(struct hart *h, uint64_t va)
{
	struct mmu *mmu = &h->mmu;
	struct fetch_slot *s = &mmu->fetch[fetch_index(va)];
	uint64_t pa;
	unsigned owner;

	if (!fetch_place(h, va, &pa, &owner))
		return NULL;
	struct code_page *page = code_get(h->m, PAGE_OF(pa));
	s->tag = PAGE_OF(va);
	s->page = page;
	s->owner = owner;
	s->stamp = owner == TLB_NONE ? &mmu->no_stamp : &mmu->tlb[TLB_L1_FETCH].stamp[owner];
	mmu->cur = s;
	return page;
}

bool mmu_fetch_again(struct hart *h, uint64_t va)
{
	uint64_t pa;
	unsigned owner;

	return fetch_place(h, va, &pa, &owner);
}

bool mmu_fetch_half(struct hart *h, uint64_t va, uint16_t *out)
{
	uint64_t pa;
	unsigned owner;

	if (!fetch_place(h, va, &pa, &owner))
		return false;
	memcpy(out, h->m->ram + (pa - BOARD_RAM_BASE), sizeof(*out));
	return true;
}

void mmu_protect_code(struct machine *m, uint64_t pa)
{
	uint64_t host = (uint64_t)(uintptr_t)(m->ram + (pa - BOARD_RAM_BASE));

	for (unsigned n = 0; n < m->cfg.harts; n++)
		for (unsigned b = 0; b < BANK_NONE; b++)
			for (unsigned i = 0; i < DATA_SLOTS; i++) {
				struct data_slot *s = &m->harts[n].mmu.data_bank[b][i];
				if (s->store_tag != TAG_INVALID && s->store_tag + s->addend == host)
					s->store_tag = TAG_INVALID;
			}
}

void mmu_forget_code(struct machine *m, const struct code_page *page)
{
	for (unsigned n = 0; n < m->cfg.harts; n++) {
		struct hart *h = &m->harts[n];
		for (unsigned b = 0; b < FETCH_BANKS; b++)
			for (unsigned i = 0; i < FETCH_SLOTS; i++) {
				struct fetch_slot *s = &h->mmu.fetch_bank[b][i];
				/* The slot may be the current one: its owner and stamp stay. */
				if (s->page == page) {
					s->tag = TAG_INVALID;
					s->page = NULL;
				}
			}
		if (h->code == page)
			h->leave = true;
	}
}

void mmu_hash(const struct hart *h, uint64_t *hash)
{
	const struct mmu *mmu = &h->mmu;

	for (unsigned k = 0; k < TLB_KINDS; k++)
		for (unsigned i = 0; i < mmu->tlb[k].sets * mmu->tlb[k].ways; i++) {
			const struct tlb_entry *e = &mmu->tlb[k].entries[i];
			uint64_t fields[5] = {e->vpn, e->ppn, mmu->tlb[k].stamp[i], e->asid,
					      (uint64_t)e->level << 16 | e->perm << 8 | e->valid};
			machine_hash_bytes(hash, fields, sizeof(fields));
		}
	machine_hash_bytes(hash, &mmu->l2_seq, sizeof(mmu->l2_seq));
}
