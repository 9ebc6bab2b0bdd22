/*
 * Files of /proc that are no text: numbers of eight bytes, made when they are
 * read, from the place that is read.
 *
 *     kpagecount    at 8 n: how often the frame n is mapped by programs
 *     kpageflags    at 8 n: what it is, as bits (Linux's admin-guide/mm/pagemap)
 *     PID/pagemap   at 8 n: what is mapped at virtual page n. The frame's number only for the
 *                   superuser who opened it
 *
 * And, in a kernel built with LIMPID_DEBUG, as Linux has it with fault injection:
 *
 *     PID/fail-nth  written N: the N-th allocation from now of the thread that writes fails.
 *                   Read: how many are left until then; 0, if it has been
 */
#include "kernel/fs/file.h"
#include "kernel/fs/procspace.h"
#include "kernel/fs/proctext.h"
#include "kernel/fs/procview.h"
#include "kernel/fs/uio.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/proc.h"
#include "abi/trace.h"

#define ENTRY   sizeof(uint64_t)
#define AT_ONCE 64

/* Bits of pagemap, above the frame's number. */
#define PM_PFN_MASK  ((1UL << 55) - 1)
#define PM_EXCLUSIVE (1UL << 56)
#define PM_FILE      (1UL << 61) /* or shared memory */
#define PM_PRESENT   (1UL << 63)

/* Bits of kpageflags. */
#define KPF_REFERENCED 2
#define KPF_UPTODATE   3
#define KPF_LRU        5
#define KPF_SLAB       7
#define KPF_BUDDY      10
#define KPF_MMAP       11
#define KPF_ANON       12
#define KPF_SWAPBACKED 14
#define KPF_NOPAGE     20
#define KPF_ZERO_PAGE  24
#define KPF_PGTABLE    26

/*
 * Reads whole numbers, of which there are `end`. `make` fills in those of [first, first + n).
 * => bytes or -errno.
 */
static ssize_t read_numbers(struct uio *u, uint64_t *pos, uint64_t end,
			    void (*make)(void *ctx, uint64_t first, unsigned n, uint64_t *out),
			    void *ctx)
{
	uint64_t numbers[AT_ONCE];
	ssize_t done = 0;

	if (*pos % ENTRY || u->left % ENTRY)
		return -EINVAL;
	while (u->left > 0 && *pos / ENTRY < end) {
		uint64_t first = *pos / ENTRY, n = u->left / ENTRY;
		size_t moved;

		n = n > end - first ? end - first : n;
		n = n > AT_ONCE ? AT_ONCE : n;
		make(ctx, first, (unsigned)n, numbers);
		moved = uio_put(u, numbers, n * ENTRY);
		*pos += moved;
		done += (ssize_t)moved;
		if (moved < n * ENTRY)
			return done ? done : -EFAULT;
	}
	return done;
}

/* -- frames -------------------------------------------------------------------------------- */

static uint64_t frames_end(void)
{
	return frame_first + frame_total();
}

static uint64_t mapped_count(const struct frame *f)
{
	return f->state == TF_ANON || f->state == TF_FILE ? frame_leaves(f) : 0;
}

static void make_counts(void *ctx, uint64_t first, unsigned n, uint64_t *out)
{
	(void)ctx;
	for (unsigned i = 0; i < n; i++) {
		const struct frame *f = frame_of(PFN(first + i));

		out[i] = f ? mapped_count(f) : 0;
	}
}

static uint64_t flags_of(const struct frame *f)
{
	uint64_t mapped, content = 1UL << KPF_UPTODATE | 1UL << KPF_LRU | 1UL << KPF_REFERENCED;

	if (!f)
		return 1UL << KPF_NOPAGE;
	mapped = mapped_count(f) ? 1UL << KPF_MMAP : 0;
	switch (f->state) {
	case TF_FREE: return 1UL << KPF_BUDDY;
	case TF_PAGETABLE: return 1UL << KPF_PGTABLE;
	case TF_SLAB: return 1UL << KPF_SLAB;
	case TF_ZERO: return 1UL << KPF_ZERO_PAGE;
	case TF_ANON: return content | mapped | 1UL << KPF_ANON | 1UL << KPF_SWAPBACKED;
	case TF_FILE: return content | mapped;
	default: return 0;
	}
}

static void make_flags(void *ctx, uint64_t first, unsigned n, uint64_t *out)
{
	(void)ctx;
	for (unsigned i = 0; i < n; i++)
		out[i] = flags_of(frame_of(PFN(first + i)));
}

static ssize_t kpagecount_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f;
	return read_numbers(u, pos, frames_end(), make_counts, NULL);
}

static ssize_t kpageflags_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f;
	return read_numbers(u, pos, frames_end(), make_flags, NULL);
}

const struct file_ops proc_kpagecount_ops = {.read = kpagecount_read, .is_seekable = true};
const struct file_ops proc_kpageflags_ops = {.read = kpageflags_read, .is_seekable = true};

/* -- pages of a process -------------------------------------------------------------------- */

/* Of an open pagemap. No process is held: it is found again, and may have ended. */
struct pagemap {
	uint32_t pid;
	bool show_frames;
	uint64_t start_ns; /* of the process, whose number may be another's some day */
};

static void make_pages(void *ctx, uint64_t first, unsigned n, uint64_t *out)
{
	const struct aspace *as = ((const struct proc_handle *)ctx)->as;

	for (unsigned i = 0; i < n; i++) {
		uint64_t va = (first + i) << PAGE_SHIFT;
		struct arch_mapping m = arch_pt_get(&as->pt, VADDR(va));
		const struct frame *f = m.present ? frame_in_use(m.pfn) : NULL;

		out[i] = 0;
		if (!f)
			continue;
		out[i] = PM_PRESENT | (m.pfn.v & PM_PFN_MASK);
		if (f->kind == FRAME_FILE || f->kind == FRAME_SHMEM)
			out[i] |= PM_FILE;
		if (f->kind != FRAME_ZERO && mapping_users(as, va, f) == 1)
			out[i] |= PM_EXCLUSIVE;
	}
}

static void make_pages_locked(void *ctx, uint64_t first, unsigned n, uint64_t *out)
{
	struct proc_handle *p = ctx;

	mutex_lock(&p->as->lock);
	make_pages(ctx, first, n, out);
	mutex_unlock(&p->as->lock);
}

static void make_pages_hidden(void *ctx, uint64_t first, unsigned n, uint64_t *out)
{
	make_pages_locked(ctx, first, n, out);
	for (unsigned i = 0; i < n; i++)
		out[i] &= ~PM_PFN_MASK;
}

static ssize_t pagemap_read(struct file *f, struct uio *u, uint64_t *pos)
{
	const struct pagemap *map = f->ctx;
	struct proc_handle *p;
	ssize_t n = 0;
	int error = proc_find(map->pid, &p);

	if (error)
		return error == -ESRCH ? 0 : error;
	if (p->as && p->start_ns == map->start_ns)
		n = read_numbers(u, pos, arch_user_end().v >> PAGE_SHIFT,
				 map->show_frames ? make_pages_locked : make_pages_hidden, p);
	proc_put(p);
	return n;
}

static void pagemap_release(struct file *f)
{
	kfree(f->ctx);
}

static const struct file_ops pagemap_ops = {
    .read = pagemap_read, .release = pagemap_release, .is_seekable = true};

int pagemap_open(struct file *f, uint32_t pid)
{
	struct pagemap *map = kmalloc(sizeof *map);
	struct proc_handle *p;
	int error = map ? proc_find(pid, &p) : -ENOMEM;

	if (error) {
		kfree(map);
		return error;
	}
	*map = (struct pagemap){
	    .pid = pid, .show_frames = proc_current()->cred.euid == 0, .start_ns = p->start_ns};
	proc_put(p);
	f->ctx = map;
	f->ops = &pagemap_ops;
	return 0;
}

/* -- allocations that fail ----------------------------------------------------------------- */

#if FRAME_DEBUG
static ssize_t fail_nth_read(struct file *f, struct uio *u, uint64_t *pos)
{
	char text[24];
	size_t len = (size_t)ksnprintf(text, sizeof text, "%lu\n", frame_fail_left()), n;

	(void)f;
	if (*pos >= len)
		return 0;
	n = uio_put(u, text + *pos, len - *pos);
	*pos += n;
	return n ? (ssize_t)n : -EFAULT;
}

static ssize_t fail_nth_write(struct file *f, struct uio *u, uint64_t *pos)
{
	char text[24];
	uint64_t nth = 0;
	size_t len = u->left;

	(void)f;
	(void)pos;
	if (len == 0 || len >= sizeof text)
		return -EINVAL;
	if (uio_take(u, text, len) != len)
		return -EFAULT;
	for (size_t i = 0; i < len && text[i] != '\n'; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		nth = nth * 10 + (uint64_t)(text[i] - '0');
	}
	frame_fail_for(thread_current(), nth);
	return (ssize_t)len;
}

const struct file_ops proc_fail_nth_ops = {
    .read = fail_nth_read, .write = fail_nth_write, .is_seekable = true};
#endif
