/*
 * The seam kernel/arch/arch.h for tests on the host.
 *
 * RAM is one block of the host's memory; the linear map is a fixed distance.
 * A page table is a list of *regions* of 512 pages, each with a frame of the
 * kernel's allocator behind it, as a leaf table has, so that a table can fail
 * for lack of memory and can be leaked. One level is all that the contract can
 * show. User memory is reached through the current page table, and a page that
 * is missing goes to kernel_page_fault() as in a trap.
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

struct region {
	struct region *next;
	uint64_t first; /* VPN */
	unsigned used;
	struct frame *table;
	struct {
		uint64_t pfn;
		unsigned rights; /* 0: nothing mapped */
	} page[REGION_PAGES];
};

struct root {
	struct region *regions;
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

static struct region *region_find(const struct arch_pt *pt, uint64_t vpn)
{
	struct region *r = root_of(pt)->regions;

	while (r && r->first != ROUND_DOWN(vpn, REGION_PAGES))
		r = r->next;
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
	CHECK(!root_of(pt)->regions);
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
	struct region *r = region_find(pt, vpn);

	CHECK3(rights & (ARCH_R | ARCH_X), !=, 0);
	CHECK3(va.v, <, USER_END);
	*old = arch_pt_get(pt, va);
	if (!r) {
		struct frame *f = frame_alloc(0, TF_PAGETABLE, FRAME_ZEROED);

		if (!f)
			return -ENOMEM;
		r = calloc(1, sizeof *r);
		r->first = ROUND_DOWN(vpn, REGION_PAGES);
		r->table = f;
		r->next = root_of(pt)->regions;
		root_of(pt)->regions = r;
		pt->ntables++;
	}
	r->used += !r->page[vpn % REGION_PAGES].rights;
	r->page[vpn % REGION_PAGES].pfn = pfn.v;
	r->page[vpn % REGION_PAGES].rights = rights;
	return 0;
}

struct arch_mapping arch_pt_get(const struct arch_pt *pt, vaddr_t va)
{
	uint64_t vpn = va.v >> PAGE_SHIFT;
	struct region *r = region_find(pt, vpn);

	if (!r || !r->page[vpn % REGION_PAGES].rights)
		return (struct arch_mapping){.present = false};
	return (struct arch_mapping){
	    .present = true,
	    .pfn = PFN(r->page[vpn % REGION_PAGES].pfn),
	    .rights = r->page[vpn % REGION_PAGES].rights,
	    .accessed = true,
	};
}

void arch_pt_clear(struct arch_pt *pt, vaddr_t start, vaddr_t end,
		   void (*gone)(void *ctx, vaddr_t va, struct arch_mapping old), void *ctx)
{
	struct region **link = &root_of(pt)->regions, *r;

	while ((r = *link)) {
		for (unsigned i = 0; i < REGION_PAGES; i++) {
			vaddr_t va = VADDR((r->first + i) << PAGE_SHIFT);
			struct arch_mapping old;

			if (va.v < start.v || va.v >= end.v || !r->page[i].rights)
				continue;
			old = arch_pt_get(pt, va);
			r->page[i].rights = 0;
			r->used--;
			gone(ctx, va, old);
		}
		if (r->used) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		frame_free(r->table, 0);
		free(r);
		pt->ntables--;
	}
}

void arch_pt_protect(struct arch_pt *pt, vaddr_t start, vaddr_t end, unsigned rights)
{
	CHECK3(rights & (ARCH_R | ARCH_X), !=, 0);
	for (struct region *r = root_of(pt)->regions; r; r = r->next) {
		for (unsigned i = 0; i < REGION_PAGES; i++) {
			uint64_t va = (r->first + i) << PAGE_SHIFT;
			unsigned *had = &r->page[i].rights;

			if (va >= start.v && va < end.v && *had)
				*had = (rights & ~(unsigned)ARCH_W) | (rights & *had & ARCH_W);
		}
	}
}

int arch_pt_share(struct arch_pt *from, struct arch_pt *to, vaddr_t start, vaddr_t end,
		  void (*shared)(void *ctx, pfn_t pfn), void *ctx)
{
	for (struct region *r = root_of(from)->regions; r; r = r->next) {
		for (unsigned i = 0; i < REGION_PAGES; i++) {
			uint64_t va = (r->first + i) << PAGE_SHIFT;
			struct arch_mapping old;

			if (va < start.v || va >= end.v || !r->page[i].rights)
				continue;
			r->page[i].rights &= ~(unsigned)ARCH_W;
			if (arch_pt_set(to, VADDR(va), PFN(r->page[i].pfn), r->page[i].rights,
					&old))
				return -ENOMEM;
			shared(ctx, PFN(r->page[i].pfn));
		}
	}
	return 0;
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
