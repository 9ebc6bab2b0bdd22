/*
 * The seam kernel/arch/arch.h for tests on the host.
 *
 * RAM is one block of the host's memory; the linear map is a fixed distance.
 * A page table is a list of *regions* of 512 pages, each with a frame of the
 * kernel's allocator behind it, as a leaf table has, so that a table can fail
 * for lack of memory and can be leaked. Address spaces may share one; a superpage
 * is one without a frame. One level is all that the contract can show. User memory is reached
 * through the current page table, and a page that is missing goes to kernel_page_fault() as in a
 * trap.
 *
 * A test program that uses neither user copies nor traps need not define
 * kernel_page_fault(): the weak one here refuses.
 */
#include <stdio.h>
#include <stdlib.h>
#include "kernel/arch/host/host.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "abi/linux.h"

#define REGION_PAGES 512
#define USER_END     0x4000000000UL

/* What stands for a leaf table, or for the leaf of a superpage. */
struct region {
	struct frame *table; /* refs: address spaces that use it; NULL: a superpage */
	unsigned used;
	struct {
		uint64_t pfn;
		unsigned rights; /* 0: nothing mapped */
		bool may_write;  /* arch_pt_protect() may give ARCH_W back */
	} page[REGION_PAGES];
};

struct place {
	struct place *next;
	uint64_t first; /* VPN */
	struct region *region;
};

struct root {
	struct place *places;
	struct frame *table;
};

static uint8_t *ram;
static size_t ram_len;
static struct arch_pt *current;
static void *hart_current;
static uint64_t time_ns;
static bool irq_enabled;
void (*host_on_shutdown)(unsigned status);

void host_ram(size_t len)
{
	free(ram);
	ram = aligned_alloc(PAGE_SIZE, len);
	if (!ram)
		abort();
	/* The kernel may assume nothing about RAM: let assumptions show. */
	memset(ram, 0x5a, len);
	ram_len = len;
	frame_init(PADDR(HOST_RAM_START), PADDR(HOST_RAM_START + len));
}

void host_init(size_t len, size_t reserved, uint64_t seed)
{
	host_ram(len);
	frame_seed(seed);
	frame_reserve(PADDR(HOST_RAM_START), PADDR(HOST_RAM_START + reserved), TF_KERNEL);
	frame_ready();
}

void *arch_kva(paddr_t pa)
{
	CHECK3(pa.v, >=, HOST_RAM_START);
	CHECK3(pa.v - HOST_RAM_START, <, ram_len);
	return ram + (pa.v - HOST_RAM_START);
}

paddr_t arch_pa(const void *kva)
{
	uint64_t offset = (uint64_t)((const uint8_t *)kva - ram);

	CHECK3(offset, <, ram_len);
	return PADDR(HOST_RAM_START + offset);
}

void *arch_map_device(paddr_t pa, size_t len)
{
	(void)pa, (void)len;
	return NULL;
}

/* There are none: the host's addresses are what they are. */
vaddr_t arch_buffer_start(void)
{
	return VADDR(0);
}

vaddr_t arch_buffer_end(void)
{
	return VADDR(0);
}

bool arch_buffer_map(vaddr_t va, pfn_t pfn)
{
	(void)va, (void)pfn;
	return false;
}

void arch_buffer_ready(vaddr_t va, size_t len)
{
	(void)va, (void)len;
}

void arch_buffer_unmap(vaddr_t va, size_t len, void (*gone)(pfn_t pfn))
{
	(void)va, (void)len, (void)gone;
}

void arch_page_clear(void *kva)
{
	memset(kva, 0, PAGE_SIZE);
}

void arch_page_copy(void *to, const void *from)
{
	memcpy(to, from, PAGE_SIZE);
}

vaddr_t arch_user_end(void)
{
	return VADDR(USER_END);
}

vaddr_t arch_kernel_start(void)
{
	return VADDR(-USER_END);
}

/* -- page tables --------------------------------------------------------------------------- */

static struct root *root_of(const struct arch_pt *pt)
{
	return (struct root *)(uintptr_t)pt->root.v;
}

static struct place *place_find(const struct arch_pt *pt, uint64_t vpn)
{
	struct place *p = root_of(pt)->places;

	while (p && p->first != ROUND_DOWN(vpn, REGION_PAGES))
		p = p->next;
	return p;
}

static void place_add(struct arch_pt *pt, uint64_t vpn, struct region *r)
{
	struct place *p = calloc(1, sizeof *p);

	*p = (struct place){root_of(pt)->places, ROUND_DOWN(vpn, REGION_PAGES), r};
	root_of(pt)->places = p;
	pt->ntables += r->table != NULL;
}

/* => NULL: no memory. */
static struct region *region_create(void)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, FRAME_ZEROED);
	struct region *r;

	if (!f)
		return NULL;
	r = calloc(1, sizeof *r);
	r->table = f;
	return r;
}

static void region_free(struct region *r)
{
	if (r->table)
		frame_free(r->table, 0);
	free(r);
}

static bool is_shared(const struct region *r)
{
	return r->table && r->table->refs > 1;
}

static struct frame *page_frame(const struct region *r, unsigned i)
{
	return frame_in_use(PFN(r->page[i].pfn));
}

/* Counts what r maps as pages of pt, or no longer. */
static void region_count(struct arch_pt *pt, const struct region *r, int change)
{
	for (unsigned i = 0; i < REGION_PAGES; i++)
		if (r->page[i].rights)
			pt->npages[page_frame(r, i)->kind] += (uint64_t)change;
}

/* pt no longer uses the region at p, which goes. */
static void place_drop(struct arch_pt *pt, struct place *p)
{
	struct region *r = p->region;
	struct place **link = &root_of(pt)->places;

	region_count(pt, r, -1);
	pt->ntables -= r->table != NULL;
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	free(p);
	if (is_shared(r)) {
		r->table->refs--;
		return;
	}
	for (unsigned i = 0; i < REGION_PAGES; i++)
		if (r->page[i].rights)
			frame_put(page_frame(r, i));
	region_free(r);
}

/* Makes the region at p a table of pt's own. => false: no memory, nothing changed. */
static bool place_own(struct arch_pt *pt, struct place *p)
{
	struct region *old = p->region, *r;
	struct frame *f;

	if (old->table && !is_shared(old))
		return true;
	r = region_create();
	if (!r)
		return false;
	f = r->table;
	*r = *old;
	r->table = f;
	p->region = r;
	if (!old->table) {
		pt->ntables++;
		free(old);
		return true;
	}
	for (unsigned i = 0; i < REGION_PAGES; i++)
		if (r->page[i].rights)
			frame_get(page_frame(r, i));
	old->table->refs--;
	return true;
}

/* => pt's own table for the page, made if there is none; NULL: no memory. */
static struct region *region_obtain(struct arch_pt *pt, uint64_t vpn)
{
	struct place *p = place_find(pt, vpn);
	struct region *r;

	if (p)
		return place_own(pt, p) ? p->region : NULL;
	r = region_create();
	if (r)
		place_add(pt, vpn, r);
	return r;
}

int arch_pt_init(struct arch_pt *pt, uint32_t as)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, 0);
	struct root *root;

	if (!f)
		return -ENOMEM;
	root = calloc(1, sizeof *root);
	root->table = f;
	*pt = (struct arch_pt){.root = PADDR((uintptr_t)root), .as = as, .ntables = 1};
	return 0;
}

void arch_pt_fini(struct arch_pt *pt)
{
	CHECK(!root_of(pt)->places);
	CHECK3(pt->ntables, ==, 1);
	if (current == pt)
		current = NULL;
	frame_free(root_of(pt)->table, 0);
	free(root_of(pt));
}

int arch_pt_set(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights,
		struct arch_mapping *old)
{
	uint64_t vpn = va.v >> PAGE_SHIFT;
	unsigned i = vpn % REGION_PAGES;
	struct region *r;

	CHECK3(rights & (ARCH_R | ARCH_X), !=, 0);
	CHECK3(va.v, <, USER_END);
	*old = arch_pt_get(pt, va);
	r = region_obtain(pt, vpn);
	if (!r)
		return -ENOMEM;
	frame_get(frame_in_use(pfn));
	pt->npages[frame_in_use(pfn)->kind]++;
	if (old->present) {
		pt->npages[frame_in_use(old->pfn)->kind]--;
		frame_put(frame_in_use(old->pfn));
	} else {
		r->used++;
	}
	r->page[i].pfn = pfn.v;
	r->page[i].rights = rights;
	r->page[i].may_write = rights & ARCH_W;
	return 0;
}

int arch_pt_set_super(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights)
{
	struct region *r;

	CHECK3((va.v | pfn.v << PAGE_SHIFT) & (ARCH_REGION_SIZE - 1), ==, 0);
	CHECK(!place_find(pt, va.v >> PAGE_SHIFT));
	r = calloc(1, sizeof *r);
	r->used = REGION_PAGES;
	for (unsigned i = 0; i < REGION_PAGES; i++) {
		r->page[i].pfn = pfn.v + i;
		r->page[i].rights = rights;
		r->page[i].may_write = rights & ARCH_W;
		frame_get(page_frame(r, i));
	}
	place_add(pt, va.v >> PAGE_SHIFT, r);
	region_count(pt, r, 1);
	return 0;
}

void arch_pt_split(struct arch_pt *pt, vaddr_t at)
{
	struct place *p = place_find(pt, at.v >> PAGE_SHIFT);

	if (p && !p->region->table && at.v % ARCH_REGION_SIZE && !place_own(pt, p))
		place_drop(pt, p);
}

void arch_pt_fill(struct arch_pt *pt, vaddr_t va, struct frame *const *f, unsigned n,
		  unsigned rights)
{
	struct place *p = place_find(pt, va.v >> PAGE_SHIFT);
	struct arch_mapping old;

	for (unsigned i = 0; p && !is_shared(p->region) && p->region->table && i < n; i++)
		if (f[i] && !arch_pt_get(pt, VADDR(va.v + i * PAGE_SIZE)).present)
			arch_pt_set(pt, VADDR(va.v + i * PAGE_SIZE), frame_pfn(f[i]), rights, &old);
}

bool arch_pt_allow_write(struct arch_pt *pt, vaddr_t va, pfn_t pfn)
{
	struct place *p = place_find(pt, va.v >> PAGE_SHIFT);
	unsigned i = (unsigned)(va.v >> PAGE_SHIFT) % REGION_PAGES;

	if (!p || is_shared(p->region) || !p->region->table || !p->region->page[i].rights ||
	    p->region->page[i].rights & ARCH_W || p->region->page[i].pfn != pfn.v)
		return false;
	p->region->page[i].rights |= ARCH_R | ARCH_W;
	p->region->page[i].may_write = true;
	return true;
}

struct arch_mapping arch_pt_get(const struct arch_pt *pt, vaddr_t va)
{
	uint64_t vpn = va.v >> PAGE_SHIFT;
	struct place *p = place_find(pt, vpn);
	struct region *r = p ? p->region : NULL;

	if (!r || !r->page[vpn % REGION_PAGES].rights)
		return (struct arch_mapping){.present = false};
	return (struct arch_mapping){
	    .present = true,
	    .pfn = PFN(r->page[vpn % REGION_PAGES].pfn),
	    .rights = r->page[vpn % REGION_PAGES].rights,
	    .accessed = true,
	    .level = !r->table,
	};
}

uint64_t arch_pt_next(const struct arch_pt *pt, uint64_t va, uint64_t end)
{
	for (; va < end; va = ROUND_DOWN(va, ARCH_REGION_SIZE) + ARCH_REGION_SIZE)
		if (place_find(pt, va >> PAGE_SHIFT))
			return va;
	return end;
}

void arch_pt_clear(struct arch_pt *pt, vaddr_t start, vaddr_t end)
{
	struct place *p = root_of(pt)->places, *next;

	for (; p; p = next) {
		uint64_t first = p->first << PAGE_SHIFT;
		bool is_whole = start.v <= first && first + ARCH_REGION_SIZE <= end.v;
		struct region *r;

		next = p->next;
		if (end.v <= first || first + ARCH_REGION_SIZE <= start.v)
			continue;
		if (is_whole || !place_own(pt, p)) {
			place_drop(pt, p);
			continue;
		}
		r = p->region;
		for (unsigned i = 0; i < REGION_PAGES; i++) {
			uint64_t va = first + i * PAGE_SIZE;

			if (va < start.v || va >= end.v || !r->page[i].rights)
				continue;
			pt->npages[page_frame(r, i)->kind]--;
			frame_put(page_frame(r, i));
			r->page[i].rights = 0;
			r->used--;
		}
		if (!r->used)
			place_drop(pt, p);
	}
}

void arch_pt_clear_shared(struct arch_pt *pt, vaddr_t start, vaddr_t end)
{
	struct place *p = root_of(pt)->places, *next;

	for (; p; p = next) {
		uint64_t first = p->first * PAGE_SIZE;

		next = p->next;
		if (is_shared(p->region) && first < end.v && first + ARCH_REGION_SIZE > start.v)
			place_drop(pt, p);
	}
}

/* The rights of [start, end) lose `clear` and get `set`; W comes back where it may. */
static void rights_change(struct region *r, uint64_t first, uint64_t start, uint64_t end,
			  unsigned clear, unsigned set, bool for_fork)
{
	for (unsigned i = 0; i < REGION_PAGES; i++) {
		uint64_t va = first + i * PAGE_SIZE;
		unsigned *had = &r->page[i].rights;

		if (va < start || va >= end || !*had)
			continue;
		if (for_fork)
			r->page[i].may_write = false;
		*had = (*had & ~clear) | (set & ~(unsigned)ARCH_W);
		if (set & ARCH_W && r->page[i].may_write)
			*had |= ARCH_W;
	}
}

void arch_pt_protect(struct arch_pt *pt, vaddr_t start, vaddr_t end, unsigned rights)
{
	struct place *p = root_of(pt)->places, *next;

	CHECK3(rights & (ARCH_R | ARCH_X), !=, 0);
	for (; p; p = next) {
		uint64_t first = p->first << PAGE_SHIFT;
		bool is_whole = start.v <= first && first + ARCH_REGION_SIZE <= end.v;

		next = p->next;
		if (end.v <= first || first + ARCH_REGION_SIZE <= start.v)
			continue;
		if (!(is_whole && !p->region->table) && !place_own(pt, p))
			place_drop(pt, p);
		else
			rights_change(p->region, first, start.v, end.v, ARCH_R | ARCH_W | ARCH_X,
				      rights, false);
	}
}

void arch_pt_unwrite(struct arch_pt *from, vaddr_t start, vaddr_t end)
{
	for (struct place *p = root_of(from)->places; p; p = p->next)
		if (!is_shared(p->region))
			rights_change(p->region, p->first << PAGE_SHIFT, start.v, end.v, ARCH_W, 0,
				      true);
}

int arch_pt_copy(struct arch_pt *from, struct arch_pt *to, vaddr_t start, vaddr_t end)
{
	for (struct place *p = root_of(from)->places; p; p = p->next) {
		struct region *r = p->region;
		struct arch_mapping old;

		for (unsigned i = 0; i < REGION_PAGES; i++) {
			vaddr_t va = VADDR((p->first + i) << PAGE_SHIFT);

			if (va.v < start.v || va.v >= end.v || !r->page[i].rights)
				continue;
			CHECK(!(r->page[i].rights & ARCH_W));
			if (!r->table) {
				if (arch_pt_set_super(to, va, PFN(r->page[i].pfn),
						      r->page[i].rights))
					return -ENOMEM;
				break;
			}
			if (arch_pt_set(to, va, PFN(r->page[i].pfn), r->page[i].rights, &old))
				return -ENOMEM;
		}
	}
	return 0;
}

int arch_pt_share(struct arch_pt *from, struct arch_pt *to, vaddr_t va)
{
	struct region *r = place_find(from, va.v >> PAGE_SHIFT)->region;

	CHECK(r->table);
	CHECK(!place_find(to, va.v >> PAGE_SHIFT));
	r->table->refs++;
	place_add(to, va.v >> PAGE_SHIFT, r);
	region_count(to, r, 1);
	return 0;
}

unsigned arch_pt_used(const struct arch_pt *from, vaddr_t va)
{
	const struct place *p = place_find(from, va.v >> PAGE_SHIFT);

	return p && p->region->table ? p->region->used : 0;
}

unsigned arch_pt_users(const struct arch_pt *pt, vaddr_t va)
{
	const struct place *p = place_find(pt, va.v >> PAGE_SHIFT);

	return p && p->region->table ? p->region->table->refs : 1;
}

void arch_pt_move(struct arch_pt *pt, vaddr_t from, vaddr_t to, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += PAGE_SIZE) {
		struct arch_mapping m = arch_pt_get(pt, VADDR(from.v + at)), old;

		if (m.present)
			arch_pt_set(pt, VADDR(to.v + at), m.pfn, m.rights, &old);
	}
	arch_pt_clear(pt, from, VADDR(from.v + len));
}

void arch_pt_flush(struct arch_pt *pt)
{
	(void)pt;
}

void arch_pt_switch(struct arch_pt *pt)
{
	current = pt;
}

/* -- user memory --------------------------------------------------------------------------- */

bool host_access(const struct arch_pt *pt, vaddr_t va, unsigned right, void **kva)
{
	struct arch_mapping m = arch_pt_get(pt, va);

	if (!m.present || !(m.rights & right))
		return false;
	*kva = (char *)arch_kva(pfn_paddr(m.pfn)) + (va.v & PAGE_MASK);
	return true;
}

__attribute__((weak)) bool kernel_page_fault(struct trapframe *tf, vaddr_t va, unsigned access,
					     bool from_user)
{
	(void)tf, (void)va, (void)access, (void)from_user;
	return false;
}

/* => the byte at va, its page being made present; NULL: it cannot be. */
static char *user_byte(uint64_t va, unsigned right)
{
	void *kva;

	while (!host_access(current, VADDR(va), right, &kva))
		if (!kernel_page_fault(NULL, VADDR(va), right == ARCH_W ? 2 : 1, false))
			return NULL;
	return kva;
}

static bool is_user_range(vaddr_t va, size_t len)
{
	return current && va.v <= USER_END && len <= USER_END - va.v;
}

size_t arch_copy_from_user(void *to, vaddr_t from, size_t len)
{
	char *p;

	for (size_t i = 0; i < len && is_user_range(from, len); i++) {
		if (!(p = user_byte(from.v + i, ARCH_R)))
			return len - i;
		((char *)to)[i] = *p;
	}
	return is_user_range(from, len) ? 0 : len;
}

size_t arch_copy_to_user(vaddr_t to, const void *from, size_t len)
{
	char *p;

	for (size_t i = 0; i < len && is_user_range(to, len); i++) {
		if (!(p = user_byte(to.v + i, ARCH_W)))
			return len - i;
		*p = ((const char *)from)[i];
	}
	return is_user_range(to, len) ? 0 : len;
}

size_t arch_clear_user(vaddr_t to, size_t len)
{
	char *p;

	for (size_t i = 0; i < len && is_user_range(to, len); i++) {
		if (!(p = user_byte(to.v + i, ARCH_W)))
			return len - i;
		*p = 0;
	}
	return is_user_range(to, len) ? 0 : len;
}

ssize_t arch_strncpy_from_user(char *to, vaddr_t from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char *p = is_user_range(from, i + 1) ? user_byte(from.v + i, ARCH_R) : NULL;

		if (!p)
			return -EFAULT;
		to[i] = *p;
		if (!*p)
			return (ssize_t)i;
	}
	return -ENAMETOOLONG;
}

/* -- one hart that never waits ------------------------------------------------------------- */

bool arch_irq_disable(void)
{
	bool was = irq_enabled;

	irq_enabled = false;
	return was;
}

void arch_irq_restore(bool enabled)
{
	irq_enabled = enabled;
}

bool arch_irq_enabled(void)
{
	return irq_enabled;
}

void arch_wait(void)
{
	time_ns += 1000;
}

void *arch_current(void)
{
	return hart_current;
}

void arch_current_set(void *p)
{
	hart_current = p;
}

void arch_icache_flush(void)
{
}

unsigned arch_hart(void)
{
	return 0;
}

unsigned arch_harts(void)
{
	return 1;
}

uint64_t arch_time_ns(void)
{
	return time_ns;
}

void arch_timer_set(uint64_t at_ns)
{
	if (at_ns != UINT64_MAX && at_ns > time_ns)
		time_ns = at_ns;
}

_Noreturn void arch_shutdown(unsigned status)
{
	if (host_on_shutdown)
		host_on_shutdown(status);
	fflush(stderr);
	abort();
}

void arch_putc(char c)
{
	fputc(c, stderr);
}
