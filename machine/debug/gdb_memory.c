/*
 * Memory for the debugger: RAM by virtual or physical address.
 *
 * A virtual address means what it means to the hart that gdb has chosen: under the page tables of
 * its satp in S-mode and U-mode, itself in M-mode and without translation. The walk is one for
 * looking (machine_walk_view): it reads the tables as they are now, asks for no permission, sets
 * neither A nor D, counts nothing, and takes no part of the TLB. So gdb sees a page of the kernel
 * from U-mode, and sees what the tables say where a stale TLB entry says otherwise.
 *
 * Devices are left alone: looking at a register of a device changes it. What is no RAM is not
 * there, and a page that the guest's kernel would bring in at the first access is not there yet.
 */
#include "machine/debug/gdb.h"
#include "machine/mmu/walk.h"
#include "rv/pte.h"

/*
 * The map is of virtual addresses, because gdb asks no other: all are memory that can be written.
 * A length of 2^64 cannot be said, so there are two halves.
 */
const char gdb_memory_map[] =
    "<?xml version=\"1.0\"?>\n"
    "<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\"\n"
    " \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n"
    "<memory-map>\n"
    "<memory type=\"ram\" start=\"0x0\" length=\"0x8000000000000000\"/>\n"
    "<memory type=\"ram\" start=\"0x8000000000000000\" length=\"0x8000000000000000\"/>\n"
    "</memory-map>\n";

/* => false: not mapped. */
static bool translate(const struct gdb *g, uint64_t at, uint64_t *pa)
{
	const struct hart *h = &g->m->harts[g->hart];
	struct walk_view view;

	*pa = at;
	if (g->physical || h->prv == PRV_M || !walk_levels(h->satp))
		return true;
	machine_walk_view(g->m, h->satp, vaddr(at), &view);
	*pa = view.pa;
	return view.leaf;
}

/* The bytes of [at, at + n) that lie in one page. */
static size_t piece_of(uint64_t at, size_t n)
{
	size_t room = RV_PAGE_SIZE - (at & (RV_PAGE_SIZE - 1));

	return n < room ? n : room;
}

size_t gdb_memory_read(struct gdb *g, uint64_t at, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t piece = piece_of(at + done, n - done);
		uint64_t pa;

		if (!translate(g, at + done, &pa) ||
		    !machine_ram_read(g->m, paddr(pa), (char *)buf + done, piece))
			break;
		done += piece;
	}
	return done;
}

size_t gdb_memory_write(struct gdb *g, uint64_t at, const void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t piece = piece_of(at + done, n - done);
		uint64_t pa;

		if (!translate(g, at + done, &pa) ||
		    !machine_ram_write(g->m, paddr(pa), (const char *)buf + done, piece))
			break;
		done += piece;
	}
	return done;
}
