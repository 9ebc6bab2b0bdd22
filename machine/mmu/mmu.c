/*
 * Translation: the model of TLBs asked for a page, and the lookaside in front of it. What is done
 * with a page once it is translated stands in access.c.
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
 * I3. A frame that has decoded code has no store_tag in any slot; nor, in a hart's slots, one of
 *     which another hart has a reservation (when the hart's turn begins, and as it goes on).
 * I4. A slot promises nothing for which a part of its page is refused by PMP (pmp.c): data
 *     then comes by the slow path, and of instructions each is looked up and checked on its own.
 *
 * Why counts are equal with and without lookaside: by I1, an access that hits a
 * slot would have hit the owner in L1, with permission and without a walk, and
 * its only effect there would be to renew the entry's stamp, which it does (I2).
 * Entries are replaced, flushed or changed only through l1_drop, which removes
 * their slots. So the sequences of L1 contents and stamps are the same in both
 * runs, and with them everything that follows from a miss. Test:
 * test/unit/machine_hart_test.c runs both and compares counters and state hash.
 */
#include "machine/mmu/miss.h"
#include "machine/mmu/mmu.h"
#include "machine/mmu/tlb.h"
#include "machine/mmu/walk.h"
#include "machine/mmu/walk_cache.h"
#include "machine/hart/hart.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

#include <string.h>

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
static void l1_clear_slots(struct hart *h, enum tlb_kind kind, unsigned index)
{
	struct mmu *mmu = &h->mmu;
	const struct tlb_entry *e = &mmu->tlb[kind]->entries[index];
	uint64_t va = e->vpn << RV_PAGE_SHIFT;

	if (kind == TLB_L1_DATA || h->m->cfg.tlb_unified) {
		unsigned first = e->level ? 0 : data_index(va);
		unsigned last = e->level ? DATA_SLOTS : first + 1;
		for (unsigned b = 0; b < BANK_BARE; b++)
			for (unsigned i = first; i < last; i++)
				if (mmu->data_owner[b][i] == index)
					data_slot_clear(mmu, b, i);
	}
	if (kind == TLB_L1_FETCH || h->m->cfg.tlb_unified) {
		unsigned first = e->level ? 0 : fetch_index(va);
		unsigned last = e->level ? FETCH_SLOTS : first + 1;
		for (unsigned b = 0; b < FETCH_BARE; b++)
			for (unsigned i = first; i < last; i++) {
				struct fetch_slot *s = &mmu->fetch_bank[b][i];
				if (s->owner != index)
					continue;
				if (s == mmu->cur) /* the next fetch must look up again */
					h->leave = true;
				fetch_slot_clear(mmu, s);
			}
		if (mmu->lone.owner == index)
			fetch_slot_clear(mmu, &mmu->lone);
	}
}

/* Removes an entry of L1 and every slot that stands for it. */
static void l1_drop(struct hart *h, enum tlb_kind kind, unsigned index, bool flushed)
{
	if (!h->mmu.tlb[kind]->entries[index].valid)
		return;
	l1_clear_slots(h, kind, index);
	tlb_drop(h->mmu.tlb[kind], index, flushed);
}

/* The part of a translation that an array holds: all, or the piece around vpn of a smaller size. */
static struct tlb_entry piece_for(const struct tlb *t, const struct tlb_entry *e, uint64_t vpn)
{
	struct tlb_entry piece = *e;

	while (!(t->sizes >> piece.level & 1))
		piece.level--;
	uint64_t low = (1ULL << (RV_VPN_BITS * piece.level)) - 1;
	piece.vpn = vpn & ~low;
	piece.ppn = e->ppn + (piece.vpn - e->vpn);
	return piece;
}

/* Puts the translation of vpn into L1, counting the cause of the miss. => its index. */
static unsigned l1_fill(struct hart *h, enum tlb_kind kind, const struct tlb_entry *whole,
			uint64_t vpn)
{
	struct tlb *t = h->mmu.tlb[kind];
	struct tlb_entry e = piece_for(t, whole, vpn);
	unsigned index;

	if (t->log)
		h->count.causes[kind][miss_classify(t->log, t, &e)]++;
	t->now = h->clock;
	index = tlb_victim(t, e.vpn, e.level);
	l1_drop(h, kind, index, false);
	tlb_put(t, index, &e, h->clock);
	return index;
}

/* Puts the translation of vpn into L2, if there is one, counting the cause of the miss. */
static void l2_fill(struct hart *h, const struct tlb_entry *whole, uint64_t vpn)
{
	struct tlb *t = h->mmu.tlb[TLB_L2];
	struct tlb_entry e = piece_for(t, whole, vpn);

	if (t->log)
		h->count.causes[TLB_L2][miss_classify(t->log, t, &e)]++;
	if (t->sets)
		tlb_put(t, tlb_victim(t, e.vpn, e.level), &e, h->mmu.l2_seq);
}

/* -- set-up, modes, flushes ------------------------------------------------------------------- */

static bool array_init(struct hart *h, struct tlb *t, const struct tlb_geometry *g)
{
	size_t n = g->entries ? g->entries : 1;

	t->ways = g->ways;
	t->sets = g->ways ? g->entries / g->ways : 0;
	t->policy = g->policy;
	t->sizes = g->sizes | 1;
	t->entries = machine_zalloc(h->m, sizeof(*t->entries) * n);
	t->stamp = machine_zalloc(h->m, sizeof(*t->stamp) * n);
	t->filled = machine_zalloc(h->m, sizeof(*t->filled) * n);
	if (h->m->cfg.miss_causes)
		t->log = miss_log_create(h->m, g->entries);
	return t->entries && t->stamp && t->filled && (t->log || !h->m->cfg.miss_causes);
}

bool mmu_init(struct hart *h)
{
	const struct machine_config *cfg = &h->m->cfg;

	for (unsigned k = 0; k < TLB_KINDS; k++) {
		h->mmu.tlb[k] = &h->mmu.arrays[k];
		if (!array_init(h, &h->mmu.arrays[k], &cfg->tlb[k]))
			return false;
	}
	if (cfg->tlb_unified)
		h->mmu.tlb[TLB_L1_FETCH] = &h->mmu.arrays[TLB_L1_DATA];
	h->mmu.walk_cache =
	    machine_zalloc(h->m, sizeof(*h->mmu.walk_cache) * (cfg->walk_cache + 1));
	if (!h->mmu.walk_cache)
		return false;
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
	fetch_slot_clear(mmu, &mmu->lone);
	mmu->cur = &mmu->nowhere;
	mmu->no_stamp = 0;
}

void mmu_reset(struct hart *h)
{
	struct mmu *mmu = &h->mmu;

	slots_clear(mmu);
	for (unsigned k = 0; k < TLB_KINDS; k++) {
		struct tlb *t = &mmu->arrays[k];
		for (unsigned i = 0; i < t->sets * t->ways; i++)
			tlb_drop(t, i, true);
		if (t->log)
			miss_log_reset(t->log);
		t->fills = t->now = 0;
		t->random = h->m->cfg.seed * 8 + k * 2 + 1; /* not 0 */
	}
	memset(mmu->walk_cache, 0, sizeof(*mmu->walk_cache) * h->m->cfg.walk_cache);
	mmu->walk_cache_seq = 0;
	mmu->l2_seq = 0;
	mmu_mode_changed(h);
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
		for (unsigned i = 0; i < mmu->tlb[k]->sets * mmu->tlb[k]->ways; i++)
			if (mmu->tlb[k]->entries[i].valid)
				l1_clear_slots(h, (enum tlb_kind)k, i);
	mmu_mode_changed(h);
}

/* Drops the entries that match: by page if `by_va`, by address space if `by_asid`. */
static void flush(struct hart *h, bool by_va, uint64_t va, bool by_asid, unsigned asid)
{
	struct mmu *mmu = &h->mmu;
	uint64_t vpn = va >> RV_PAGE_SHIFT;

	h->count.flushes++;
	for (unsigned k = 0; k < TLB_KINDS; k++)
		mmu->arrays[k].now = k == TLB_L2 ? mmu->l2_seq : h->clock;
	for (unsigned k = 0; k < TLB_KINDS; k++)
		for (unsigned i = 0; i < mmu->arrays[k].sets * mmu->arrays[k].ways; i++) {
			const struct tlb_entry *e = &mmu->arrays[k].entries[i];
			if (!e->valid)
				continue;
			if (by_va && ((e->vpn ^ vpn) >> (RV_VPN_BITS * e->level)) != 0)
				continue;
			if (by_asid && (e->asid != asid || (e->perm & PTE_G)))
				continue;
			if (k == TLB_L2)
				tlb_drop(mmu->tlb[k], i, true);
			else
				l1_drop(h, (enum tlb_kind)k, i, true);
		}
	walk_cache_flush(h, by_va, vpn, by_asid, asid);
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
	walk_cache_look(h, &rq);
	enum walk_end end = walk(h, &rq, out);

	h->count.walks++;
	h->count.walks_by[access]++;
	h->count.sets_accessed += (out->set & PTE_A) != 0;
	h->count.sets_dirty += (out->set & PTE_D) != 0;
	for (unsigned i = 0; i < 5; i++)
		h->count.pte_reads[i] += out->reads[i];
	if (end == WALK_OK) {
		walk_cache_keep(h, &rq, out);
		return true;
	}
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
 * The TLB sanitizer: would the page tables, as they are now, answer this access as the cached
 * translation does? A and D have no part in it, and rights that were only added do not harm.
 */
static void stale_check(struct hart *h, enum tlb_kind where, const struct tlb_entry *e,
			enum access access, unsigned prv, uint64_t va)
{
	bool sum = h->mstatus & MSTATUS_SUM, mxr = h->mstatus & MSTATUS_MXR;
	struct walk_view now;

	if (!h->m->cfg.check_tlb || !walk_permits(e->perm, access, prv, sum, mxr))
		return;
	machine_walk_view(h->m, h->satp, vaddr(va), &now);
	const struct walk_step *last = &now.steps[now.nsteps ? now.nsteps - 1 : 0];
	if (now.leaf && now.pa == entry_pa(e, va) &&
	    walk_permits((unsigned)last->pte, access, prv, sum, mxr))
		return;
	h->count.stale_uses++;
	if (h->m->host.on_stale) {
		struct stale_translation what = {
		    .pc = h->pc,
		    .va = va,
		    .access = access,
		    .where = where,
		    .cached_ppn = entry_pa(e, va) >> RV_PAGE_SHIFT,
		    .cached_perm = e->perm,
		    .level = last->level,
		    .pte = last->pte,
		};
		h->m->host.on_stale(h->m->host.ctx, h->m, h->id, &what);
	}
}

/* Gives an entry what a walk has found now. => false: the page's size has changed meanwhile. */
static bool entry_renew(struct tlb *t, unsigned index, const struct tlb_entry *now, uint64_t vpn)
{
	struct tlb_entry *e = &t->entries[index], new = piece_for(t, now, vpn);

	if (new.vpn != e->vpn || new.level != e->level)
		return false;
	*e = new;
	return true;
}

/*
 * A store met a translation whose D was clear when it was cached: the walk is made again, as for
 * a store, and what is cached is brought up to date.
 */
static bool set_dirty(struct hart *h, enum tlb_kind l1, unsigned *index, unsigned prv, uint64_t va)
{
	struct tlb *t = h->mmu.tlb[l1], *l2 = h->mmu.tlb[TLB_L2];
	uint64_t vpn = va >> RV_PAGE_SHIFT;
	struct walk_result w;

	h->count.walks_dirty++;
	if (!do_walk(h, ACCESS_STORE, prv, va, &w))
		return false;
	struct tlb_entry now = entry_of(h, va, &w);
	unsigned in_l2 = tlb_find(l2, vpn, now.asid);
	if (in_l2 != TLB_NONE && !entry_renew(l2, in_l2, &now, vpn))
		tlb_drop(l2, in_l2, true);
	l1_clear_slots(h, l1, *index);
	if (!entry_renew(t, *index, &now, vpn)) {
		/* here: no miss, so what follows must not count one */
		struct tlb_entry piece = piece_for(t, &now, vpn);
		t->now = h->clock;
		l1_drop(h, l1, *index, true);
		if (t->log)
			miss_classify(t->log, t, &piece);
		*index = tlb_victim(t, piece.vpn, piece.level);
		l1_drop(h, l1, *index, false);
		tlb_put(t, *index, &piece, h->clock);
	}
	return true;
}

/* A miss: L2, or a walk. => the index of the new entry of L1, or TLB_NONE: trap raised. */
static unsigned miss(struct hart *h, enum tlb_kind l1, enum access access, unsigned prv,
		     uint64_t va)
{
	struct tlb *l2 = h->mmu.tlb[TLB_L2];
	uint64_t vpn = va >> RV_PAGE_SHIFT;
	unsigned in_l2 = tlb_find(l2, vpn, (unsigned)(h->satp >> SATP_ASID_SHIFT) & SATP_ASID_MASK);

	h->count.misses[l1]++;
	h->count.misses_by[access]++;
	h->count.misses_user[l1] += prv == PRV_U;
	h->mmu.l2_seq++;
	if (in_l2 != TLB_NONE) {
		struct tlb_entry e = l2->entries[in_l2];
		h->count.hits[TLB_L2]++;
		l2->stamp[in_l2] = h->mmu.l2_seq;
		stale_check(h, TLB_L2, &e, access, prv, va);
		return l1_fill(h, l1, &e, vpn);
	}
	struct walk_result w;
	h->count.misses[TLB_L2]++;
	h->count.misses_user[TLB_L2] += prv == PRV_U;
	if (!do_walk(h, access, prv, va, &w)) {
		h->count.causes[l1][MISS_UNMAPPED] += h->m->cfg.miss_causes;
		h->count.causes[TLB_L2][MISS_UNMAPPED] += h->m->cfg.miss_causes;
		return TLB_NONE;
	}
	struct tlb_entry e = entry_of(h, va, &w);
	l2_fill(h, &e, vpn);
	return l1_fill(h, l1, &e, vpn);
}

bool mmu_lookup(struct hart *h, enum access access, unsigned prv, uint64_t va, unsigned *out)
{
	enum tlb_kind l1 = access == ACCESS_FETCH ? TLB_L1_FETCH : TLB_L1_DATA;
	struct tlb *t = h->mmu.tlb[l1];
	unsigned index = tlb_find(t, va >> RV_PAGE_SHIFT,
				  (unsigned)(h->satp >> SATP_ASID_SHIFT) & SATP_ASID_MASK);

	if (access != ACCESS_FETCH && h->m->cfg.tlb_unified)
		*h->mmu.cur->stamp = h->clock; /* I2: the instruction's own page was used, too */
	h->count.lookups[access]++;
	h->count.lookups_user[access] += prv == PRV_U;
	if (index != TLB_NONE) {
		h->count.hits[l1]++;
		t->stamp[index] = h->clock;
		stale_check(h, l1, &t->entries[index], access, prv, va);
	} else {
		index = miss(h, l1, access, prv, va);
		if (index == TLB_NONE)
			return false;
	}

	unsigned perm = t->entries[index].perm;
	if (!walk_permits(perm, access, prv, h->mstatus & MSTATUS_SUM, h->mstatus & MSTATUS_MXR)) {
		page_fault(h, access, prv, va, true);
		return false;
	}
	if (access == ACCESS_STORE && !(perm & PTE_D) && !set_dirty(h, l1, &index, prv, va))
		return false;
	*out = index;
	return true;
}

void mmu_hash(const struct hart *h, uint64_t *hash)
{
	const struct mmu *mmu = &h->mmu;

	for (unsigned k = 0; k < TLB_KINDS; k++) {
		const struct tlb *t = &mmu->arrays[k];
		for (unsigned i = 0; i < t->sets * t->ways; i++) {
			const struct tlb_entry *e = &t->entries[i];
			uint64_t fields[6] = {
			    e->vpn,      e->ppn,
			    t->stamp[i], t->filled[i],
			    e->asid,     (uint64_t)e->level << 16 | e->perm << 8 | e->valid};
			machine_hash_bytes(hash, fields, sizeof(fields));
		}
		machine_hash_bytes(hash, &t->random, sizeof(t->random));
	}
	for (unsigned i = 0; i < h->m->cfg.walk_cache; i++) {
		const struct walk_cache_entry *w = &mmu->walk_cache[i];
		uint64_t fields[4] = {w->prefix, w->table, w->used, w->asid};
		machine_hash_bytes(hash, fields, sizeof(fields));
	}
	machine_hash_bytes(hash, &mmu->l2_seq, sizeof(mmu->l2_seq));
}
