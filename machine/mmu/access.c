/*
 * One access, from virtual address to RAM or device; and the slots of the lookaside that it leaves
 * behind. The invariants that slots obey are in mmu.c.
 *
 *     mmu_load, mmu_store, mmu_atomic, mmu_cbo*       mmu_fetch_*
 *             └── data_place                          └── fetch_place
 *                   ├── mmu_lookup: the model, if the access is translated
 *                   ├── PMP, for the very bytes
 *                   └── RAM: the page's slot is filled, if the whole page may be accessed so
 *
 * An access that lies in two pages is two accesses, both translated before the first is made.
 */
#include "machine/hart/code.h"
#include "machine/hart/hart.h"
#include "machine/mmu/mmu.h"
#include "machine/mmu/pmp.h"
#include "machine/mmu/tlb.h"

#include <string.h>

/* -- data ------------------------------------------------------------------------------------- */

static bool page_allowed(const struct hart *h, uint64_t pa, enum access access, unsigned prv)
{
	return pmp_allows(h, PAGE_OF(pa), RV_PAGE_SIZE, access, prv);
}

/* Whether another hart has a reservation in the frame of pa. */
static bool is_reserved(const struct hart *h, uint64_t pa)
{
	const struct machine *m = h->m;

	for (unsigned n = 0; n < m->cfg.harts; n++) {
		const struct hart *other = &m->harts[n];
		if (other != h && other->reservation_valid &&
		    PAGE_OF(other->reservation_pa) == PAGE_OF(pa))
			return true;
	}
	return false;
}

/* Lets later accesses to the page of va take the slot; see I1, I3 and I4. */
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
		perm = mmu->tlb[TLB_L1_DATA]->entries[owner].perm;
		s->stamp = &mmu->tlb[TLB_L1_DATA]->stamp[owner];
	}
	s->load_tag =
	    (perm & PTE_R) && page_allowed(h, pa, ACCESS_LOAD, prv) ? PAGE_OF(va) : TAG_INVALID;
	s->store_tag = (perm & (PTE_W | PTE_D)) == (PTE_W | PTE_D) && !code_has(h->m, pa) &&
			       !is_reserved(h, pa) && page_allowed(h, pa, ACCESS_STORE, prv)
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

/* Of `len` bytes within one page. => false: the trap has been raised. */
static bool data_place(struct hart *h, enum access access, uint64_t va, unsigned len,
		       struct place *out)
{
	unsigned prv = data_prv(h), owner = TLB_NONE;

	out->pa = va;
	if (is_translated(h, prv)) {
		if (!mmu_lookup(h, access, prv, va, &owner))
			return false;
		out->pa = entry_pa(&h->mmu.tlb[TLB_L1_DATA]->entries[owner], va);
	}
	if (!pmp_allows(h, out->pa, len, access, prv)) {
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

	if (!data_place(h, ACCESS_LOAD, va, size, &at))
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
		hart_stored(h, at->pa, size);
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

	if ((va & (size - 1)) && h->m->cfg.trap_misaligned) {
		trap_raise(h, CAUSE_LOAD_MISALIGNED, va);
		return false;
	}
	break_access(h, ACCESS_LOAD, va, size);
	if (first == size)
		return load_one(h, va, size, out);

	/* Two pages, two lookups; only RAM can be read across their border. */
	struct place lo, hi;
	if (!data_place(h, ACCESS_LOAD, va, first, &lo) ||
	    !data_place(h, ACCESS_LOAD, va + first, size - first, &hi))
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

	if ((va & (size - 1)) && h->m->cfg.trap_misaligned) {
		trap_raise(h, CAUSE_STORE_MISALIGNED, va);
		return false;
	}
	break_access(h, ACCESS_STORE, va, size);
	if (!data_place(h, ACCESS_STORE, va, first, &lo))
		return false;
	if (first == size)
		return store_at(h, va, &lo, size, value);
	if (!data_place(h, ACCESS_STORE, va + first, size - first, &hi))
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
	if (!data_place(h, access, va, size, &at))
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

/* The place of the first byte of the block that holds va. => false: the trap has been raised. */
static bool block_place(struct hart *h, enum access access, uint64_t va, struct place *out)
{
	uint64_t before = va & (CBO_BLOCK - 1);
	bool ok;

	h->mmu.fault_as_store = true;
	ok = data_place(h, access, va, 1, out);
	h->mmu.fault_as_store = false;
	if (!ok)
		return false;
	out->pa -= before;
	if (!out->host || !pmp_allows(h, out->pa, CBO_BLOCK, access, data_prv(h))) {
		trap_raise(h, CAUSE_STORE_ACCESS, va);
		return false;
	}
	out->host -= before;
	return true;
}

bool mmu_cbo(struct hart *h, uint64_t va)
{
	struct place at;

	return block_place(h, ACCESS_LOAD, va, &at);
}

bool mmu_cbo_zero(struct hart *h, uint64_t va)
{
	struct place at;

	break_access(h, ACCESS_STORE, va & ~(uint64_t)(CBO_BLOCK - 1), CBO_BLOCK);
	if (!block_place(h, ACCESS_STORE, va, &at))
		return false;
	if (code_has(h->m, at.pa))
		code_invalidate(h->m, at.pa, CBO_BLOCK);
	memset(at.host, 0, CBO_BLOCK);
	hart_stored(h, at.pa, CBO_BLOCK);
	return true;
}

/* -- instructions ----------------------------------------------------------------------------- */

/*
 * => physical address of va for a fetch of two bytes, with the L1 entry that translated it; or a
 * trap. An instruction of four bytes is two such fetches.
 */
static bool fetch_place(struct hart *h, uint64_t va, uint64_t *pa, unsigned *owner)
{
	*pa = va;
	*owner = TLB_NONE;
	if (h->mmu.paged_fetch) {
		if (!mmu_lookup(h, ACCESS_FETCH, h->prv, va, owner))
			return false;
		*pa = entry_pa(&h->mmu.tlb[TLB_L1_FETCH]->entries[*owner], va);
	}
	if (*pa - BOARD_RAM_BASE < h->m->ram_size && pmp_allows(h, *pa, 2, ACCESS_FETCH, h->prv))
		return true;
	trap_raise(h, CAUSE_FETCH_ACCESS, va);
	return false;
}

/* The other half of the instruction at pa, in a page of which PMP refuses a part. */
static bool second_half_allowed(struct hart *h, uint64_t va, uint64_t pa)
{
	bool wide = (h->m->ram[pa - BOARD_RAM_BASE] & 3) == 3;

	if (!wide || PAGE_OF(pa) != PAGE_OF(pa + 2) ||
	    pmp_allows(h, pa + 2, 2, ACCESS_FETCH, h->prv))
		return true;
	trap_raise(h, CAUSE_FETCH_ACCESS, va + 2);
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
	mmu->fetch_once = !page_allowed(h, pa, ACCESS_FETCH, h->prv); /* I4 */
	if (mmu->fetch_once) {
		if (!second_half_allowed(h, va, pa))
			return NULL;
		s = &mmu->lone;
	}
	struct code_page *page = code_get(h->m, PAGE_OF(pa));
	s->tag = mmu->fetch_once ? TAG_INVALID : PAGE_OF(va);
	s->page = page;
	s->owner = owner;
	s->stamp = owner == TLB_NONE ? &mmu->no_stamp : &mmu->tlb[TLB_L1_FETCH]->stamp[owner];
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

/* Stores of h to the frame of pa take the slow path from now on. */
static void stores_watched(struct hart *h, uint64_t pa)
{
	uint64_t host = (uint64_t)(uintptr_t)(h->m->ram + (PAGE_OF(pa) - BOARD_RAM_BASE));

	for (unsigned b = 0; b < BANK_NONE; b++)
		for (unsigned i = 0; i < DATA_SLOTS; i++) {
			struct data_slot *s = &h->mmu.data_bank[b][i];
			if (s->store_tag != TAG_INVALID && s->store_tag + s->addend == host)
				s->store_tag = TAG_INVALID;
		}
}

void mmu_protect_code(struct machine *m, uint64_t pa)
{
	for (unsigned n = 0; n < m->cfg.harts; n++)
		stores_watched(&m->harts[n], pa);
}

void mmu_watch_reservations(struct hart *h)
{
	for (unsigned n = 0; n < h->m->cfg.harts; n++) {
		struct hart *other = &h->m->harts[n];

		if (other == h || !other->reservation_valid ||
		    (other->reservation_watched >> h->id & 1))
			continue;
		stores_watched(h, other->reservation_pa);
		other->reservation_watched |= 1u << h->id;
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
		if (h->mmu.lone.page == page)
			h->mmu.lone.page = NULL;
		if (h->code == page)
			h->leave = true;
	}
}
