/*
 * What gdb's `monitor` asks: the MMU's state in words.
 *
 * Text goes out in pieces as it is made (packets `O`), so an answer may be longer than a packet.
 *
 * `info mem` lists what the page tables map, as QEMU's command of this name does, so that what
 * reads QEMU's can read ours: a line for each range of pages that follow each other in virtual
 * and in physical memory and have the same attributes,
 *
 *     vaddr            paddr            size             attr
 *     ---------------- ---------------- ---------------- -------
 *     0000000000010000 0000000080412000 0000000000002000 r-xu-a-
 *
 * I1. Tables that lead back to themselves would make a list without an end: it is cut, and says
 *     so, after MAX_TABLES tables or MAX_RANGES lines.
 */
#include <string.h>

#include "machine/debug/gdb.h"
#include "machine/mmu/walk.h"
#include "rv/pte.h"

#define MAX_TABLES 262144 /* 512 GiB in pages of 4 KiB; a second's walk at most */
#define MAX_RANGES 65536  /* 4 MiB of text */

/* -- lines -------------------------------------------------------------------------------- */

static void flush(struct gdb *g)
{
	if (!g->line.len)
		return;
	gdb_put(&g->out, "O");
	gdb_put_dump(&g->out, g->line.buf, g->line.len);
	g->line.len = 0;
	g->line.full = false;
	gdb_send(g);
}
_Static_assert(2 * sizeof(((struct gdb *)0)->line_buf) < GDB_PACKET, "an O packet holds it");

/* Where the next line is to be put: there is room for it. */
static struct gdb_text *line(struct gdb *g)
{
	if (g->line.len > sizeof(g->line_buf) / 2)
		flush(g);
	return &g->line;
}

static void say(struct gdb *g, const char *text)
{
	gdb_put(line(g), text);
}

static const char *size_name(unsigned level)
{
	static const char *const names[] = {"4K", "2M", "1G", "512G", "256T"};

	return names[level < 5 ? level : 4];
}

/* Low bits of a PTE, as letters from the lowest one. */
static void put_bits(struct gdb_text *t, uint64_t pte)
{
	for (unsigned i = 0; i < 8; i++) {
		char letter[2] = {pte >> i & 1 ? "VRWXUGAD"[i] : '-'};
		gdb_put(t, letter);
	}
}

static const char *mode_name(uint64_t satp)
{
	switch (walk_levels(satp)) {
	case SV39_LEVELS: return "Sv39";
	case SV48_LEVELS: return "Sv48";
	case SV57_LEVELS: return "Sv57";
	default: return "bare";
	}
}

static void put_space(struct gdb_text *t, const struct hart *h)
{
	gdb_put(t, "hart ");
	gdb_put_dec(t, h->id, 0);
	gdb_put(t, ": ");
	gdb_put(t, mode_name(h->satp));
	if (walk_levels(h->satp)) {
		gdb_put(t, ", ASID ");
		gdb_put_dec(t, h->satp >> SATP_ASID_SHIFT & SATP_ASID_MASK, 0);
		gdb_put(t, ", root table at ");
		gdb_put_hex(t, (h->satp & SATP_PPN_MASK) << RV_PAGE_SHIFT, 16);
	}
	gdb_put(t, "\n");
}

/* -- info mem ----------------------------------------------------------------------------- */

struct listing {
	struct gdb *g;
	unsigned va_bits, tables, ranges;
	uint64_t va, pa, size; /* the range so far; size 0: none */
	unsigned attr;
};

static void list_range(struct listing *l)
{
	static const unsigned bits[] = {PTE_R, PTE_W, PTE_X, PTE_U, PTE_G, PTE_A, PTE_D};
	struct gdb_text *t = line(l->g);
	unsigned unused = 64 - l->va_bits;

	if (!l->size)
		return;
	gdb_put_hex(t, (uint64_t)((int64_t)(l->va << unused) >> unused), 16);
	gdb_put(t, " ");
	gdb_put_hex(t, l->pa, 16);
	gdb_put(t, " ");
	gdb_put_hex(t, l->size, 16);
	gdb_put(t, " ");
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		char letter[2] = {l->attr & bits[i] ? "rwxugad"[i] : '-'};
		gdb_put(t, letter);
	}
	gdb_put(t, "\n");
	l->size = 0;
	l->ranges++;
}

/* The table of this level at `base`, which translates from `va` on. => false: cut (I1). */
static bool list_table(struct listing *l, uint64_t base, uint64_t va, unsigned level)
{
	uint64_t size = 1ull << RV_LEVEL_SHIFT(level), ptes[RV_PTE_PER_PAGE];

	if (++l->tables > MAX_TABLES)
		return false;
	if (!machine_ram_read(l->g->m, paddr(base), ptes, sizeof(ptes)))
		return true; /* a table outside RAM maps nothing */
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++, va += size) {
		uint64_t pa = (ptes[i] & PTE_PPN_MASK) >> PTE_PPN_SHIFT << RV_PAGE_SHIFT;
		unsigned attr = (unsigned)ptes[i] & 0xff;

		if (!(attr & PTE_V))
			continue;
		if (!(attr & (PTE_R | PTE_W | PTE_X))) {
			if (level && !list_table(l, pa, va, level - 1))
				return false;
			continue;
		}
		if (l->size && l->attr == attr && l->va + l->size == va && l->pa + l->size == pa) {
			l->size += size;
			continue;
		}
		list_range(l);
		if (l->ranges == MAX_RANGES)
			return false;
		l->va = va;
		l->pa = pa;
		l->size = size;
		l->attr = attr;
	}
	return true;
}

static void info_mem(struct gdb *g)
{
	const struct hart *h = &g->m->harts[g->hart];
	unsigned levels = walk_levels(h->satp);
	struct listing l = {.g = g, .va_bits = RV_LEVEL_SHIFT(levels)};

	if (!levels) {
		say(g, "No translation or protection\n");
		return;
	}
	say(g, "vaddr            paddr            size             attr\n");
	say(g, "---------------- ---------------- ---------------- -------\n");
	bool whole = list_table(&l, (h->satp & SATP_PPN_MASK) << RV_PAGE_SHIFT, 0, levels - 1);
	list_range(&l);
	if (!whole)
		say(g, "... cut: there is no end to it; do tables lead back to themselves?\n");
}

/* -- info tlb ----------------------------------------------------------------------------- */

static void put_entry(struct gdb_text *t, const char *name, const struct tlb *tlb, unsigned i)
{
	const struct tlb_entry *e = &tlb->entries[i];
	size_t start = t->len;

	gdb_put(t, name);
	while (t->len - start < 5)
		gdb_put(t, " ");
	gdb_put_dec(t, i / tlb->ways, 5);
	gdb_put_dec(t, i % tlb->ways, 5);
	gdb_put(t, "  ");
	gdb_put_hex(t, e->vpn, 13);
	gdb_put(t, "  ");
	gdb_put_hex(t, e->ppn, 11);
	gdb_put(t, "  ");
	gdb_put(t, size_name(e->level));
	for (size_t n = strlen(size_name(e->level)); n < 4; n++)
		gdb_put(t, " ");
	gdb_put_dec(t, e->asid, 6);
	gdb_put(t, "  ");
	put_bits(t, e->perm);
	gdb_put_dec(t, tlb->stamp[i], 14);
	gdb_put(t, "\n");
}

static void info_tlb(struct gdb *g)
{
	static const char *const names[TLB_KINDS] = {"fetch", "data", "L2"};
	const struct hart *h = &g->m->harts[g->hart];
	bool unified = h->mmu.tlb[TLB_L1_FETCH] == h->mmu.tlb[TLB_L1_DATA];

	put_space(line(g), h);
	say(g, "Last use: the clock, for L1 (fetch, data); for L2, the number of its access.\n"
	       "array  set  way  vpn            ppn          size  asid  bits          "
	       "last use\n");
	for (unsigned k = unified ? TLB_L1_DATA : TLB_L1_FETCH; k < TLB_KINDS; k++) {
		const struct tlb *tlb = h->mmu.tlb[k];
		const char *name = unified && k == TLB_L1_DATA ? "L1" : names[k];

		for (unsigned i = 0; i < tlb->sets * tlb->ways; i++)
			if (tlb->entries[i].valid)
				put_entry(line(g), name, tlb, i);
	}
}

/* -- walk --------------------------------------------------------------------------------- */

/* What the walk makes of a PTE; the specification's step 3 and 4. */
static const char *meaning(const struct walk_step *s)
{
	if (!(s->pte & PTE_V))
		return "not valid";
	if ((s->pte & (PTE_R | PTE_W)) == PTE_W)
		return "reserved: W without R";
	if (s->pte & PTE_RESERVED)
		return "reserved bits";
	if (s->pte & (PTE_R | PTE_X))
		return "leaf";
	return s->level ? "table" : "a table at level 0";
}

static void put_step(struct gdb_text *t, const struct walk_step *s)
{
	gdb_put(t, "level ");
	gdb_put_dec(t, s->level, 0);
	gdb_put(t, "  index ");
	gdb_put_dec(t, s->index, 3);
	gdb_put(t, "  PTE at ");
	gdb_put_hex(t, s->pte_pa, 0);
	gdb_put(t, ": ");
	gdb_put_hex(t, s->pte, 16);
	gdb_put(t, "  ");
	put_bits(t, s->pte);
	gdb_put(t, "  ");
	gdb_put(t, meaning(s));
	gdb_put(t, "\n");
}

static void put_arrow(struct gdb_text *t, uint64_t va, uint64_t pa)
{
	gdb_put(t, "0x");
	gdb_put_hex(t, va, 0);
	gdb_put(t, " -> 0x");
	gdb_put_hex(t, pa, 0);
}

static void walk_command(struct gdb *g, struct gdb_args *a)
{
	const struct hart *h = &g->m->harts[g->hart];
	struct walk_view view;
	uint64_t va;

	gdb_take(a, "0x");
	if (!gdb_take_hex(a, &va) || a->p != a->end) {
		say(g, "walk: an address in hexadecimal is wanted\n");
		return;
	}
	put_space(line(g), h);
	machine_walk_view(g->m, h->satp, vaddr(va), &view);
	for (unsigned i = 0; i < view.nsteps; i++)
		put_step(line(g), &view.steps[i]);

	struct gdb_text *t = line(g);
	if (!view.levels) {
		put_arrow(t, va, va);
		gdb_put(t, ": no translation\n");
	} else if (view.leaf) {
		put_arrow(t, va, view.pa);
		gdb_put(t, ", page of ");
		gdb_put(t, size_name((view.page_shift - RV_PAGE_SHIFT) / RV_VPN_BITS));
		gdb_put(t, h->prv == PRV_M ? "; in M-mode, as the hart is now, not translated\n"
					   : "\n");
	} else {
		gdb_put(t, "0x");
		gdb_put_hex(t, va, 0);
		gdb_put(t, " is not mapped");
		if (!view.nsteps)
			gdb_put(t, ": no address of this mode, or the root is not in RAM");
		else if (view.steps[view.nsteps - 1].pte & PTE_V)
			gdb_put(t, ": the next table is not in RAM");
		gdb_put(t, "\n");
	}
}

/* -- the command -------------------------------------------------------------------------- */

static const char help[] =
    "info mem       what the page tables map, in QEMU's layout\n"
    "info tlb       every entry of the TLB\n"
    "walk ADDRESS   the walk of one address, table by table\n"
    "step user      a step from U-mode does what traps on the way: the default\n"
    "step traps     a step from U-mode that traps ends in the handler\n"
    "help           this\n"
    "All are about the hart of gdb's thread, and look only: no count and no bit changes.\n";

static void step_command(struct gdb *g, struct gdb_args *a)
{
	bool traps = gdb_take(a, " traps"), user = !traps && gdb_take(a, " user");

	if (a->p != a->end) {
		say(g, "step: traps or user is wanted\n");
		return;
	}
	if (traps || user)
		g->traps = traps;
	say(g, g->traps ? "A step from U-mode ends in the handler, if it traps.\n"
			: "A step from U-mode ends in U-mode, traps being handled on the way.\n");
}

void gdb_monitor(struct gdb *g, const char *command)
{
	struct gdb_args a = {command, command + strlen(command)};

	while (a.end > a.p && a.end[-1] == ' ')
		a.end--;
	while (gdb_take(&a, " "))
		;
	if (gdb_take(&a, "walk ")) {
		walk_command(g, &a);
	} else if (gdb_take(&a, "step")) {
		step_command(g, &a);
	} else {
		bool mem = gdb_take(&a, "info mem"), tlb = !mem && gdb_take(&a, "info tlb");
		bool helps = gdb_take(&a, "help");

		if (a.p != a.end || mem + tlb + helps != 1)
			say(g, "no such command; monitor help lists them\n");
		else if (mem)
			info_mem(g);
		else if (tlb)
			info_tlb(g);
		else
			say(g, help);
	}
	flush(g);
}
