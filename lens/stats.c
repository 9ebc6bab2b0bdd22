/*
 * The one-screen report of `--stats`: at most 24 lines of 80 columns. Every
 * number is a count of something that happened, none an estimate; sums are
 * written as sums, so that a reader can check them. doc/stats.md explains each.
 */
#include "lens/account.h"

#include <inttypes.h>

#define WIDTH 79

struct term {
	const char *label;
	uint64_t count;
};

static void number(struct text *out, uint64_t n, int width)
{
	char buf[COMMAS_SIZE];

	text_printf(out, "%*s", width, commas(buf, n));
}

/* `label   total = a 1 + b 2 + ...`, terms that are 0 left out, wrapped under the first. */
static void line_of_sum(struct text *out, const char *label, uint64_t total,
			const struct term *terms, unsigned nterms)
{
	char buf[COMMAS_SIZE];
	struct text t = {0};
	size_t column;
	bool first = true;

	text_printf(out, "%-12s ", label);
	number(out, total, 14);
	column = 27;
	for (unsigned i = 0; i < nterms; i++) {
		if (terms[i].count == 0)
			continue;
		t.len = 0;
		text_printf(&t, " %s %s %s", first ? "=" : "+", terms[i].label,
			    commas(buf, terms[i].count));
		if (column + t.len > WIDTH) {
			text_printf(out, "\n%27s", "");
			column = 27;
		}
		text_printf(out, "%s", text_string(&t));
		column += t.len;
		first = false;
	}
	text_printf(out, "\n");
	text_free(&t);
}

static void line_of_tlb(struct text *out, const char *label, const struct hart_counters *c,
			enum tlb_kind k)
{
	struct term terms[] = {{"hits", c->hits[k]}, {"misses", c->misses[k]}};

	line_of_sum(out, label, c->hits[k] + c->misses[k], terms, 2);
}

static void instructions(const struct lens *l, struct text *out)
{
	const struct hart_counters *c = &l->stats.total, *b = &l->stats.boot;
	char buf[COMMAS_SIZE];
	struct term terms[] = {
	    {"program", l->stats.user},
	    {"kernel", l->stats.kernel},
	    {"firmware", l->stats.firmware},
	};

	line_of_sum(out, "instructions", c->retired, terms, 3);
	if (l->stats.started)
		text_printf(out, "%29s%s of the kernel's before the program's first\n", "",
			    commas(buf, b->retired));
}

static void faults(const struct lens *l, struct text *out)
{
	static const char *const label[TK_MAX] = {
	    [TK_NONE] = "none",
	    [TK_ZERO] = "zero",
	    [TK_ZERO_READ] = "zero read",
	    [TK_FILE] = "file",
	    [TK_FILE_COPY] = "file copy",
	    [TK_COW] = "copy-on-write",
	    [TK_COW_REUSE] = "last owner",
	    [TK_STACK] = "stack",
	    [TK_SPURIOUS] = "spurious",
	    [TK_SHARED_WRITE] = "shared write",
	    [TK_SEGV_MAPERR] = "not mapped",
	    [TK_SEGV_ACCERR] = "not allowed",
	    [TK_SIGBUS] = "beyond file",
	    [TK_OOM] = "out of memory",
	    [TK_FIXUP] = "EFAULT",
	    [TK_REMAP] = "remap",
	    [TK_ZERO_SUPER] = "superpage",
	};
	struct term terms[TK_MAX];

	for (unsigned k = 0; k < TK_MAX; k++)
		terms[k] = (struct term){label[k], l->stats.faults[k]};
	line_of_sum(out, "page faults", l->stats.faults_begun, terms, TK_MAX);
}

static void tlb_and_walks(const struct lens *l, struct text *out)
{
	static const char *const level[] = {"level 0", "level 1", "level 2", "level 3", "level 4"};
	const struct hart_counters *c = &l->stats.total;
	struct term ends[] = {{"translated", c->walks - c->walks_faulted},
			      {"faulted", c->walks_faulted}};
	struct term reads[5];
	uint64_t sum = 0;
	char buf[COMMAS_SIZE];

	line_of_tlb(out, "TLB fetch", c, TLB_L1_FETCH);
	line_of_tlb(out, "TLB data", c, TLB_L1_DATA);
	line_of_tlb(out, "TLB level 2", c, TLB_L2);
	line_of_sum(out, "walks", c->walks, ends, 2);
	if (c->walks_dirty)
		text_printf(out, "%29s%s of them only to set D\n", "", commas(buf, c->walks_dirty));
	for (unsigned i = 0; i < 5; i++) {
		reads[i] = (struct term){level[4 - i], c->pte_reads[4 - i]};
		sum += c->pte_reads[4 - i];
	}
	line_of_sum(out, "PTE reads", sum, reads, 5);
}

static void frames(const struct lens *l, struct text *out)
{
	static const char *const label[TF_MAX] = {
	    [TF_FREE] = "free",
	    [TF_RESERVED] = "reserved",
	    [TF_KERNEL] = "kernel",
	    [TF_METADATA] = "frame table",
	    [TF_PAGETABLE] = "page tables",
	    [TF_SLAB] = "slab",
	    [TF_KALLOC] = "kernel data",
	    [TF_ANON] = "anonymous",
	    [TF_FILE] = "file",
	    [TF_ZERO] = "zero",
	};
	struct term terms[TF_MAX];

	for (unsigned s = 0; s < TF_MAX; s++)
		terms[s] = (struct term){label[s], l->stats.frames[s]};
	line_of_sum(out, "frames", l->stats.frames_total, terms, TF_MAX);
}

static void memory(const struct lens *l, struct text *out)
{
	const struct lens_stats *st = &l->stats;
	char buf[COMMAS_SIZE];

	text_printf(out, "%-12s", "reserved");
	number(out, st->reserved, 15);
	text_printf(out, " bytes in %s VMAs\n", commas(buf, st->nvmas));
	text_printf(out, "%-12s", "touched");
	number(out, st->resident << RV_PAGE_SHIFT, 15);
	text_printf(out, " bytes: %s pages resident", commas(buf, st->resident));
	text_printf(out, ", %s at the peak\n", commas(buf, st->resident_peak));
	text_printf(out, "%-12s", "page tables");
	number(out, st->tables << RV_PAGE_SHIFT, 15);
	text_printf(out, " bytes: %s frames\n", commas(buf, st->tables));
	text_printf(out, "%-12s", "never used");
	if (st->zero_known) {
		text_printf(out, "%15s", "at most");
		text_printf(out, " %s", commas(buf, st->zero_bytes));
		text_printf(out, " bytes of %s anonymous frames: still 0\n",
			    commas(buf, st->anon_frames));
		text_printf(out, "%28sfile pages: not known yet\n", "");
	} else {
		text_printf(out, "%28s\n", "not known yet");
	}
}

/* Only of a program that was not alone in one thread. */
static void processes(const struct lens *l, struct text *out)
{
	const struct lens_stats *st = &l->stats;
	char buf[COMMAS_SIZE];

	if (st->processes <= 1 && !st->threads && !st->signals)
		return;
	text_printf(out, "%-12s", "processes");
	number(out, st->processes, 15);
	text_printf(out, ", %s forks", commas(buf, st->forks));
	text_printf(out, ", %s programs", commas(buf, st->execs));
	text_printf(out, ", %s more threads\n", commas(buf, st->threads));
	text_printf(out, "%28s%s switches", "", commas(buf, st->switches));
	text_printf(out, ", %s signals handled\n", commas(buf, st->signals));
}

void lens_stats_print(const struct lens *l, struct text *out)
{
	const struct lens_stats *st = &l->stats;

	instructions(l, out);
	processes(l, out);
	faults(l, out);
	tlb_and_walks(l, out);
	text_printf(out, "memory, when the program ended\n");
	frames(l, out);
	memory(l, out);
	if (!st->agree)
		text_printf(out, "the accounts do not agree\n");
	else if (st->accounts_checked == LENS_ACCOUNTS)
		text_printf(out, "all %d accounts agree\n", LENS_ACCOUNTS);
	else
		text_printf(out, "%u of %d accounts could be checked; they agree\n",
			    st->accounts_checked, LENS_ACCOUNTS);
}
