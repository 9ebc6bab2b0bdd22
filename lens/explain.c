/*
 * The crash block: why a program died of a fault, from the address in the
 * program down to the bit in the page table, and back up to what to look for.
 *
 *      what happened, in plain words
 *      pc        where, with the function's name
 *      virtual   the address, split as the hardware splits it; the TLB's part
 *        level   each PTE that was read, with an arrow at the guilty one
 *      VMA       what the operating system knows of the address, or of the
 *                nearest ones around it
 *      Check:    the usual mistakes that end like this
 *
 * Facts and guesses are kept apart: all but `Check:` is read from the machine
 * and from events, and `Check:` says "most likely" where it guesses.
 *
 * The walk is checked in the order of the specification (Privileged 1.12,
 * section 4.3.2): the address's upper bits; for each level valid and not
 * reserved; at the leaf alignment, U, the right of the access, then A and D.
 */
#include "lens/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rv/trap.h"

#define NULL_REACH  0x10000UL    /* the lowest address that programs may map: no object below */
#define STACK_REACH 0x10000000UL /* below the stack by less than this: its growth, most likely */
#define NEAR_REACH  0x100000UL   /* this close to a VMA, an index that ran past it is likely */

enum guilt { NO_GUILT, NOT_CANONICAL, AT_STEP };

struct crash {
	struct lens *l;
	const struct machine *m;
	uint64_t pid, signo, va, pc;
	enum access access;
	bool known;   /* the machine's record of this very fault was found */
	bool on_hit;  /* ... and a cached translation forbade it */
	bool illegal; /* SIGILL: the instruction itself, not an address */
	bool misaligned;
	unsigned hart;

	const struct space *space;
	const struct vma_record *vma, *below, *above, *removed;

	struct walk_view walk;
	enum guilt guilt;
	unsigned guilty;    /* index of the step */
	const char *reason; /* short, for the arrow */
};

/* -- facts -------------------------------------------------------------------------------- */

/* => what is wrong with a PTE for a program's access, or NULL. */
static const char *pte_fault(const struct walk_step *s, enum access access)
{
	uint64_t pte = s->pte;

	if (!(pte & PTE_V))
		return "not valid";
	if (!(pte & PTE_R) && (pte & PTE_W))
		return "W without R: reserved";
	if (pte & PTE_RESERVED)
		return "reserved bits are set";
	if (!pte_is_leaf(pte)) {
		if (pte & (PTE_A | PTE_D | PTE_U))
			return "A, D or U in a pointer: reserved";
		return s->level == 0 ? "points to a table, at the last level" : NULL;
	}
	if (s->level > 0 && (pte_pfn(pte) & ((1ULL << (RV_VPN_BITS * s->level)) - 1)))
		return "superpage is misaligned";
	if (!(pte & PTE_U))
		return "no U: the kernel's";
	if (access == ACCESS_FETCH && !(pte & PTE_X))
		return "no X";
	if (access == ACCESS_LOAD && !(pte & PTE_R))
		return "no R";
	if (access == ACCESS_STORE && !(pte & PTE_W))
		return "no W";
	if (!(pte & PTE_A))
		return "no A";
	if (access == ACCESS_STORE && !(pte & PTE_D))
		return "no D";
	return NULL;
}

static bool is_canonical(const struct crash *c)
{
	unsigned bits = RV_LEVEL_SHIFT(c->walk.levels);
	int64_t va = (int64_t)c->va;

	return c->walk.levels == 0 || va >> (bits - 1) == 0 || va >> (bits - 1) == -1;
}

static bool is_kernel_half(const struct crash *c)
{
	return is_canonical(c) && (c->va >> 63);
}

static void find_guilt(struct crash *c)
{
	if (!is_canonical(c)) {
		c->guilt = NOT_CANONICAL;
		return;
	}
	for (unsigned i = 0; i < c->walk.nsteps; i++) {
		c->reason = pte_fault(&c->walk.steps[i], c->access);
		if (c->reason) {
			c->guilt = AT_STEP;
			c->guilty = i;
			return;
		}
	}
}

static enum access access_of_cause(uint64_t scause)
{
	switch (scause) {
	case CAUSE_LOAD_MISALIGNED:
	case CAUSE_LOAD_ACCESS:
	case CAUSE_LOAD_PAGE: return ACCESS_LOAD;
	case CAUSE_STORE_MISALIGNED:
	case CAUSE_STORE_ACCESS:
	case CAUSE_STORE_PAGE: return ACCESS_STORE;
	default: return ACCESS_FETCH;
	}
}

/* -- parts of the block ------------------------------------------------------------------- */

static const char *vma_what(const struct vma_record *v)
{
	static const char *const kind[] = {
	    [TV_ANON] = "anonymous memory", [TV_FILE] = "a file", [TV_HEAP] = "heap",
	    [TV_STACK] = "stack",           [TV_VDSO] = "vdso",
	};

	if (v->name[0])
		return v->name;
	return v->kind < sizeof kind / sizeof *kind ? kind[v->kind] : "memory";
}

/* One line; a long name is cut in front, so that `behind` fits on the line too. */
static void print_vma(struct text *t, const char *label, const struct vma_record *v,
		      const char *behind)
{
	const char *what = vma_what(v);
	size_t start = t->len;

	text_printf(t, "  %-8s 0x%" PRIx64 "-0x%" PRIx64 "  %c%c%c  ", label, v->start, v->end,
		    v->prot & 1 ? 'r' : '-', v->prot & 2 ? 'w' : '-', v->prot & 4 ? 'x' : '-');

	size_t used = t->len - start + strlen(behind), len = strlen(what);
	size_t room = used < 70 ? 79 - used : 9;
	if (len > room)
		text_printf(t, "...%s%s\n", what + len - (room - 3), behind);
	else
		text_printf(t, "%s%s\n", what, behind);
}

/* ` name+0x12`, for an address of the program's image. */
static void print_symbol(struct text *t, const struct crash *c, uint64_t addr)
{
	const struct symbols *syms = &c->l->symbols;
	uint64_t bias = 0;

	if (!c->l->has_symbols || c->pid != c->l->first_pid)
		return;
	if (syms->position_independent) {
		const struct vma_record *v = NULL;

		for (size_t i = 0; c->space && i < c->space->nvmas && !v; i++)
			if (c->space->vma[i].kind == TV_FILE)
				v = &c->space->vma[i];
		if (!v || addr < v->start)
			return;
		bias = v->start - syms->first_vaddr;
	}
	const struct symbol *s = symbols_find(syms, addr - bias);
	if (!s)
		return;
	text_printf(t, "  %.40s", s->name);
	if (addr - bias != s->start)
		text_printf(t, "+0x%" PRIx64, addr - bias - s->start);
}

/* The instruction at pc, by the tables; it may straddle two pages. */
static void print_instruction(struct text *t, const struct crash *c)
{
	uint16_t half[2] = {0};
	struct hart_regs regs;

	machine_regs(c->m, c->hart, &regs);
	for (unsigned i = 0; i < 2; i++) {
		struct walk_view w;

		machine_walk_view(c->m, regs.satp, vaddr(c->pc + 2 * i), &w);
		if (!w.leaf || !machine_ram_read(c->m, paddr(w.pa), &half[i], 2))
			return;
		if (i == 0 && (half[0] & 3) != 3) {
			text_printf(t, ", instruction 0x%04x", half[0]);
			return;
		}
	}
	text_printf(t, ", instruction 0x%04x%04x", half[1], half[0]);
}

static void print_walk(struct text *t, const struct crash *c)
{
	static const char letters[] = "VRWXUGAD";
	size_t start = t->len;

	text_printf(t, "  virtual  0x%" PRIx64 " = VPN ", c->va);
	for (unsigned level = c->walk.levels; level-- > 0;)
		text_printf(t, "%u%s", (unsigned)RV_VPN(c->va, level), level ? " | " : "");
	text_printf(t, ", offset 0x%03x", (unsigned)(c->va & (RV_PAGE_SIZE - 1)));
	if (c->guilt == NOT_CANONICAL) {
		text_printf(
		    t, "\n           bits 63 to %u are not all equal: no address, so no walk\n",
		    RV_LEVEL_SHIFT(c->walk.levels) - 1);
		return;
	}
	if (c->known) {
		const char *tlb = c->on_hit ? "TLB: hit" : "TLB: miss";

		if (t->len - start > 66)
			text_printf(t, "\n        ");
		text_printf(t, "   %s", tlb);
	}
	text_printf(t, "\n");
	for (unsigned i = 0; i < c->walk.nsteps; i++) {
		const struct walk_step *s = &c->walk.steps[i];
		char bits[sizeof letters];

		for (unsigned b = 0; b < 8; b++)
			bits[b] = s->pte >> b & 1 ? letters[b] : '-';
		bits[8] = 0;
		text_printf(t, "    level %u [%3u] 0x%-12" PRIx64 " %s", s->level, s->index, s->pte,
			    bits);
		if (pte_is_leaf(s->pte))
			text_printf(t, "  frame 0x%" PRIx64, pte_pfn(s->pte));
		else if (s->pte & PTE_V)
			text_printf(t, "  table in frame 0x%" PRIx64, pte_pfn(s->pte));
		if (c->guilt == AT_STEP && c->guilty == i) {
			text_printf(t, "  <-- %s", c->reason);
			text_printf(t, "\n");
			break;
		}
		text_printf(t, "\n");
	}
}

static void print_vmas(struct text *t, const struct crash *c)
{
	char buf[COMMAS_SIZE], behind[COMMAS_SIZE + 16];

	if (!is_canonical(c) || is_kernel_half(c))
		return; /* no program's: the nearest VMA would say nothing */
	if (c->vma) {
		print_vma(t, "VMA", c->vma, "");
		return;
	}
	if (c->removed)
		print_vma(t, "was", c->removed, ", unmapped since");
	if (c->above) {
		snprintf(behind, sizeof behind, ", %s away",
			 bytes_human(buf, c->above->start - c->va));
		print_vma(t, "above", c->above, behind);
	}
	text_printf(t, "  here     nothing is mapped\n");
	if (c->below) {
		if (c->va == c->below->end)
			snprintf(behind, sizeof behind, ", ended just before");
		else
			snprintf(behind, sizeof behind, ", ended %s before",
				 bytes_human(buf, c->va - c->below->end));
		print_vma(t, "below", c->below, behind);
	}
}

/* -- words -------------------------------------------------------------------------------- */

/* Half a sentence after the address: the state of the address as a fact. */
static const char *what_is_there(const struct crash *c)
{
	if (c->guilt == NOT_CANONICAL)
		return "which is not an address in this paging mode";
	if (is_kernel_half(c))
		return "which belongs to the kernel";
	if (c->misaligned)
		return "which is not a multiple of the access's size";
	if (c->signo == 7)
		return c->vma && c->vma->kind == TV_FILE ? "beyond the end of the mapped file"
							 : "which cannot be accessed like that";
	if (!c->vma)
		return "where nothing is mapped";
	if (!(c->vma->prot & 7))
		return "which is reserved, with no access allowed";
	switch (c->access) {
	case ACCESS_FETCH: return "which may not be executed";
	case ACCESS_STORE: return "which may not be written";
	default: return "which may not be read";
	}
}

static const char *what_to_check_mapped(const struct crash *c)
{
	if (!(c->vma->prot & 7))
		return "memory kept free on purpose: a guard page below a stack, or a reservation "
		       "that mprotect has not opened yet.";
	if (c->signo == 7)
		return "the mapping is longer than its file: was the file cut after mmap?";
	if (c->access == ACCESS_STORE && (c->vma->prot & 4))
		return "a store into program code: a wild pointer, or a string literal written to.";
	if (c->access == ACCESS_STORE)
		return "a store to read-only data: a const object or a string literal, or memory "
		       "that mprotect made read-only.";
	if (c->access == ACCESS_FETCH)
		return "data is not code: a wrong function pointer, a return address that was "
		       "overwritten, or generated code without PROT_EXEC.";
	return "the protection given to mmap or mprotect.";
}

/* The usual mistakes; `Check:` is printed before it. */
static const char *what_to_check(const struct crash *c)
{
	if (c->illegal)
		return "code compiled for another RISC-V variant (vectors, bit manipulation?), "
		       "or a jump into data; __builtin_trap() also ends so.";
	if (c->misaligned)
		return "an atomic instruction needs an aligned address: a packed structure, or a "
		       "pointer cast from bytes.";
	if (c->guilt == NOT_CANONICAL)
		return "a pointer that was overwritten, or never set: its upper bits are no "
		       "address.";
	if (is_kernel_half(c))
		return "the upper half of every address space is the kernel's, and closed to "
		       "programs. Most likely a negative number used as a pointer, or "
		       "a pointer overwritten.";
	if (c->vma)
		return what_to_check_mapped(c);
	if (c->va < NULL_REACH && c->access == ACCESS_FETCH)
		return "a null function pointer, or a return address overwritten with zero.";
	if (c->va < NULL_REACH)
		return "a null pointer, most likely: the address is its offset in a structure or "
		       "array.";
	if (c->removed)
		return "use after munmap or free: this address was mapped earlier.";
	if (c->above && c->above->kind == TV_STACK && c->above->start - c->va < STACK_REACH)
		return "the stack is full, most likely (8 MiB by default): recursion without end, "
		       "or a large local array.";
	if (c->below && c->below->kind == TV_HEAP && c->va - c->below->end < NEAR_REACH)
		return "past the end of the heap: an array index out of range, or memory that was "
		       "freed.";
	if (c->below && c->va - c->below->end < NEAR_REACH)
		return "just past mapped memory: an index out of range, most likely.";
	if (c->access == ACCESS_FETCH)
		return "a wrong function pointer, or a return address that was overwritten.";
	return "a pointer that was never set, was overwritten, or points to freed memory.";
}

static void print_block(const struct crash *c)
{
	static const char *const verb[ACCESS_KINDS] = {"jumped to", "loaded from", "stored to"};
	const struct process *p = lens_process(c->l, c->pid);
	struct text *t = &c->l->crash;

	text_printf(t, "limpid: pid %" PRIu64 "%s%s%s died of %s.\n", c->pid,
		    p && p->name[0] ? " (" : "", p ? p->name : "", p && p->name[0] ? ")" : "",
		    signal_name(c->signo));
	if (c->illegal)
		text_printf(t,
			    "It came to 0x%" PRIx64 ", where no instruction is that it may run.\n",
			    c->pc);
	else
		text_printf(t, "It %s 0x%" PRIx64 ", %s.\n",
			    c->access == ACCESS_FETCH && c->va != c->pc ? "ran on to"
									: verb[c->access],
			    c->va, what_is_there(c));
	text_printf(t, "\n  pc       0x%" PRIx64, c->pc);
	print_symbol(t, c, c->pc);
	if (c->access != ACCESS_FETCH || c->illegal)
		print_instruction(t, c);
	text_printf(t, "\n");
	if (c->va != c->pc && c->vma) {
		size_t before = t->len;

		text_printf(t, "  data   ");
		size_t label = t->len;
		print_symbol(t, c, c->va);
		if (t->len == label)
			t->len = before;
		else
			text_printf(t, "\n");
	}
	print_walk(t, c);
	print_vmas(t, c);
	text_printf(t, "\n  Check: ");
	text_wrap(t, 9, what_to_check(c));
	text_printf(t, "\n");
}

void explain_crash(struct lens *l, struct machine *m, unsigned hart, const uint64_t a[6])
{
	struct crash c = {.l = l,
			  .m = m,
			  .hart = hart,
			  .pid = a[0],
			  .signo = a[1],
			  .va = a[3],
			  .pc = a[4],
			  .illegal = a[1] == 4};
	struct fault_record rec;
	struct hart_regs regs;

	if (l->crash.len) /* the first one is shown */
		return;
	machine_regs(m, hart, &regs);
	machine_last_fault(m, hart, &rec);
	c.misaligned =
	    regs.scause == CAUSE_LOAD_MISALIGNED || regs.scause == CAUSE_STORE_MISALIGNED;
	if (c.misaligned) /* the signal's address is then that of the instruction, as on Linux */
		c.va = regs.stval;
	c.known = rec.valid && rec.prv == PRV_U && rec.pc == c.pc && rec.va == c.va && !c.illegal;
	c.on_hit = c.known && rec.on_hit;
	c.access = c.illegal ? ACCESS_FETCH : c.known ? rec.access : access_of_cause(regs.scause);

	c.space = space_find(l->spaces, (uint32_t)a[5]);
	if (c.space) {
		c.vma = space_vma_find(c.space, c.va, &c.below, &c.above);
		c.removed = space_removed_find(c.space, c.va);
	}
	machine_walk_view(m, regs.satp, vaddr(c.va), &c.walk);
	if (!c.misaligned)
		find_guilt(&c);
	print_block(&c);
}
