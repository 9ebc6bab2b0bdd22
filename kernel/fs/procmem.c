/*
 * The texts of /proc about the machine's memory, in the forms of Linux 6.12
 * (proc(5)): meminfo, vmstat, buddyinfo, zoneinfo, slabinfo; and the fragmentation
 * index of /sys/kernel/debug/extfrag.
 *
 * All of RAM is one zone of one node. What this kernel has not (swap, reclaim,
 * huge pages of hugetlbfs, pages on their way to a disk) is shown as 0 where a
 * program would look for it. `Mapped` counts a page of a file for each space that
 * maps it, as long as that makes no more than there are.
 */
#include "kernel/fs/proctext.h"
#include "kernel/fs/procview.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "abi/trace.h"

#define ZONE "Node 0, zone   Normal"

static uint64_t kib(uint64_t frames)
{
	return frames * (PAGE_SIZE >> 10);
}

static uint64_t available(const struct frame_stats *s)
{
	return s->free > s->reserve ? s->free - s->reserve : 0;
}

void text_meminfo(struct text *t, const struct text_request *r)
{
	struct proc_totals totals;
	struct frame_stats s;

	(void)r;
	frame_stats(&s);
	proc_totals(&totals);
	const struct {
		const char *name;
		uint64_t kib;
	} rows[] = {
	    {"MemTotal:", kib(s.usable)},
	    {"MemFree:", kib(s.free)},
	    {"MemAvailable:", kib(available(&s))},
	    {"Buffers:", 0},
	    {"Cached:", kib(s.by_state[TF_FILE])},
	    {"SwapCached:", 0},
	    {"Active:", kib(s.by_state[TF_ANON] + s.by_state[TF_FILE])},
	    {"Inactive:", 0},
	    {"Active(anon):", kib(s.by_state[TF_ANON])},
	    {"Inactive(anon):", 0},
	    {"Active(file):", kib(s.by_state[TF_FILE])},
	    {"Inactive(file):", 0},
	    {"Unevictable:", 0},
	    {"Mlocked:", 0},
	    {"SwapTotal:", 0},
	    {"SwapFree:", 0},
	    {"Dirty:", 0},
	    {"Writeback:", 0},
	    {"AnonPages:", kib(s.by_state[TF_ANON])},
	    {"Mapped:", kib(totals.mapped_files < s.by_state[TF_FILE] ? totals.mapped_files
								      : s.by_state[TF_FILE])},
	    {"Shmem:", kib(totals.mapped_shared)},
	    {"KReclaimable:", 0},
	    {"Slab:", kib(s.by_state[TF_SLAB])},
	    {"SReclaimable:", 0},
	    {"SUnreclaim:", kib(s.by_state[TF_SLAB])},
	    {"KernelStack:", totals.threads * (uint64_t)(THREAD_STACK_LEN >> 10)},
	    {"PageTables:", kib(s.by_state[TF_PAGETABLE])},
	    {"SecPageTables:", 0},
	    {"NFS_Unstable:", 0},
	    {"Bounce:", 0},
	    {"WritebackTmp:", 0},
	    {"CommitLimit:", kib(commit_limit())},
	    {"Committed_AS:", kib(commit_total())},
	    {"VmallocTotal:", 0},
	    {"VmallocUsed:", 0},
	    {"VmallocChunk:", 0},
	    {"Percpu:", 0}};

	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		text_put(t, "%-15s %8lu kB\n", rows[n].name, rows[n].kib);
}

void text_vmstat(struct text *t, const struct text_request *r)
{
	struct proc_totals totals;
	struct frame_stats s;

	(void)r;
	frame_stats(&s);
	proc_totals(&totals);
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {{"nr_free_pages", s.free},
		    {"nr_zone_inactive_anon", 0},
		    {"nr_zone_active_anon", s.by_state[TF_ANON]},
		    {"nr_zone_inactive_file", 0},
		    {"nr_zone_active_file", s.by_state[TF_FILE]},
		    {"nr_zone_unevictable", 0},
		    {"nr_zone_write_pending", 0},
		    {"nr_mlock", 0},
		    {"nr_inactive_anon", 0},
		    {"nr_active_anon", s.by_state[TF_ANON]},
		    {"nr_inactive_file", 0},
		    {"nr_active_file", s.by_state[TF_FILE]},
		    {"nr_unevictable", 0},
		    {"nr_slab_reclaimable", 0},
		    {"nr_slab_unreclaimable", s.by_state[TF_SLAB]},
		    {"nr_isolated_anon", 0},
		    {"nr_isolated_file", 0},
		    {"nr_anon_pages", s.by_state[TF_ANON]},
		    {"nr_mapped", totals.mapped_files < s.by_state[TF_FILE] ? totals.mapped_files
									    : s.by_state[TF_FILE]},
		    {"nr_file_pages", s.by_state[TF_FILE]},
		    {"nr_dirty", 0},
		    {"nr_writeback", 0},
		    {"nr_shmem", totals.mapped_shared},
		    {"nr_kernel_stack", totals.threads * (uint64_t)(THREAD_STACK_LEN >> 10)},
		    {"nr_page_table_pages", s.by_state[TF_PAGETABLE]},
		    {"pgpgin", 0},
		    {"pgpgout", 0},
		    {"pswpin", 0},
		    {"pswpout", 0},
		    {"pgfault", totals.minor_faults + totals.major_faults},
		    {"pgmajfault", totals.major_faults},
		    {"thp_fault_alloc", super_counts.made},
		    {"thp_fault_fallback", super_counts.fallback},
		    {"thp_collapse_alloc", super_counts.collapsed},
		    {"thp_split_pmd", arch_pt_splits()}};

	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		text_put(t, "%s %lu\n", rows[n].name, rows[n].n);
}

void text_buddyinfo(struct text *t, const struct text_request *r)
{
	struct frame_stats s;

	(void)r;
	frame_stats(&s);
	text_put(t, ZONE " ");
	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++)
		text_put(t, "%6lu ", s.blocks[k]);
	text_put(t, "\n");
}

/* For each order, the part of free memory that is of no use to a request of that order. */
void text_unusable(struct text *t, const struct text_request *r)
{
	struct frame_stats s;

	(void)r;
	frame_stats(&s);
	text_put(t, ZONE " ");
	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++) {
		unsigned n = frame_unusable(&s, k);

		text_put(t, "%u.%03u ", n / 1000, n % 1000);
	}
	text_put(t, "\n");
}

void text_zoneinfo(struct text *t, const struct text_request *r)
{
	struct frame_stats s;
	unsigned n;

	(void)r;
	frame_stats(&s);
	text_put(t, ZONE "\n  pages free     %lu\n", s.free);
	text_put(t, "        boost    0\n        min      %lu\n        low      %lu\n", s.reserve,
		 s.reserve + s.reserve / 4);
	text_put(t, "        high     %lu\n        spanned  %lu\n        present  %lu\n",
		 s.reserve + s.reserve / 2, s.total, s.total);
	text_put(t, "        managed  %lu\n      nr_free_pages %lu\n  pagesets\n", s.usable,
		 s.free);
	for (unsigned h = 0; h < arch_harts(); h++) {
		unsigned most, batch;

		n = frame_listed(h, &most, &batch);
		text_put(t, "    cpu: %u\n              count:    %u\n", h, n);
		text_put(t, "              high:     %u\n              batch:    %u\n", most,
			 batch);
	}
	text_put(t, "  start_pfn:           %lu\n", frame_first);
}

void text_slabinfo(struct text *t, const struct text_request *r)
{
	struct cache_info c;

	(void)r;
	text_put(t, "slabinfo - version: 2.1\n"
		    "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		    "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		    "<active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned i = 0; cache_info(i, &c); i++) {
		if (!c.name)
			continue;
		text_put(t, "%-17s %6lu %6lu %6u %4u %4d : tunables %4u %4u %4u", c.name, c.used,
			 c.nslabs * c.capacity, c.stride, c.capacity, 1, 0, 0, 0);
		text_put(t, " : slabdata %6lu %6lu %6u\n", c.nactive, c.nslabs, 0);
	}
}
