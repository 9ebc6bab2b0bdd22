/*
 * Loading a program: from a file to an address space that is ready to run.
 *
 *     0        64K                                                   user end
 *     |         | ET_EXEC  [heap ->             PIE [heap ->    <- mmap]   <- stack] |
 *
 * Where things are put, all but ET_EXEC's own addresses with an offset drawn from
 * the seed:
 *
 *     PIE      two thirds up the user's half (Linux's ELF_ET_DYN_BASE), + up to 1 GiB
 *     heap     at the end of the last segment, + up to 1 GiB
 *     stack    from the top of the user's half down, - up to 1 GiB
 *     mmap     below the room that the stack may grow to and its guard, - up to 1 GiB
 *
 * A segment becomes at most two VMAs: file pages, mapped privately and loaded on
 * demand, and anonymous pages for what memsz has beyond them. The rest of the
 * last file page belongs to the bss and is cleared here, which is the one page
 * of a program that is touched before it runs.
 *
 * A program that names an interpreter, its dynamic linker, is mapped as any other; the
 * interpreter is mapped as well, where mmap would put it, and runs first: the auxiliary
 * vector tells it where both are.
 *
 * Everything that the file can be wrong about was checked before (elf.c), so what
 * fails here fails for want of memory, or of the interpreter.
 */
#include "kernel/proc/exec.h"
#include "kernel/proc/proc.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/vdso.h"

/* 2^18 pages: what Linux's Sv39 uses for all of these (mmap_rnd_bits, STACK_RND_MASK). */
#define RANDOM_PAGES  (1UL << 18)
#define RANDOM_BYTES  (RANDOM_PAGES * PAGE_SIZE)
#define STACK_GUARD   (256 * PAGE_SIZE) /* Linux's stack_guard_gap */
#define STACK_GAP_MIN (128UL << 20)     /* Linux: room for the stack even if its limit is small */

int string_table_init(struct string_table *t, struct mobj *o)
{
	char *chunk = kmalloc(PAGE_SIZE);
	char last = 0;
	size_t n;

	*t = (struct string_table){.strings = o};
	if (!chunk)
		return -ENOMEM;
	while ((n = mobj_read(o, t->len, chunk, PAGE_SIZE)) > 0) {
		for (size_t i = 0; i < n; i++)
			t->count += chunk[i] == 0;
		last = chunk[n - 1];
		t->len += n;
	}
	kfree(chunk);
	if (last != 0) {
		if (mobj_write(o, t->len, "", 1) != 1)
			return -ENOMEM;
		t->len++;
		t->count++;
	}
	return 0;
}

/*
 * A vfork child leaves its parent's space: its tid is cleared there, as at exit. (A program that
 * asks for this with CLONE_VM shares the space; one that has its own is about to lose it.)
 */
static void exec_clear_tid(struct thread *t, struct aspace *old)
{
	struct aspace *as = t->exec_as;
	const uint32_t zero = 0;

	t->exec_as = NULL;
	aspace_switch(old);
	if (arch_copy_to_user(VADDR(t->clear_child_tid), &zero, sizeof zero) == 0)
		futex_wake(t->clear_child_tid, 1);
	t->exec_as = as;
	aspace_switch(as);
}

/* Text travels in registers: the first 32 bytes of a name as four words. */
static void name_words(const char *name, uint64_t words[4])
{
	memset(words, 0, 4 * sizeof words[0]);
	memcpy(words, name, strnlen(name, 4 * sizeof words[0]));
}

static void trace_vma_name(const struct aspace *as, uint64_t start, const char *name)
{
	uint64_t w[4];

	name_words(name, w);
	TRACE(TRACE_VMA_NAME, as->id, start, w[0], w[1], w[2], w[3]);
}

static unsigned segment_rights(const struct linux_elf64_phdr *p)
{
	return (p->flags & PF_R ? VMA_READ : 0) | (p->flags & PF_W ? VMA_WRITE : 0) |
	       (p->flags & PF_X ? VMA_EXEC : 0);
}

/*
 * => the segment is mapped and its bss cleared; 0 or -errno.
 */
static int map_segment(struct aspace *as, struct mobj *file, const char *name,
		       const struct linux_elf64_phdr *p, uint64_t bias)
{
	uint64_t vaddr = p->vaddr + bias;
	uint64_t start = ROUND_DOWN(vaddr, PAGE_SIZE);
	uint64_t file_end = vaddr + p->filesz, file_pages_end = ROUND_UP(file_end, PAGE_SIZE);
	uint64_t end = ROUND_UP(vaddr + p->memsz, PAGE_SIZE);
	struct map_request m = {.flags = segment_rights(p), .fixed = true};
	vaddr_t at;
	int error;

	if (p->filesz > 0) {
		m.hint = VADDR(start);
		m.len = file_pages_end - start;
		m.kind = TV_FILE;
		m.file = file;
		m.offset = ROUND_DOWN(p->offset, PAGE_SIZE);
		error = aspace_map(as, &m, &at);
		if (error)
			return error;
		trace_vma_name(as, start, name);
		if (p->memsz > p->filesz && (p->flags & PF_W) && file_end < file_pages_end &&
		    arch_clear_user(VADDR(file_end), file_pages_end - file_end) != 0)
			return -ENOMEM;
		start = file_pages_end;
	}
	if (end > start) {
		m.hint = VADDR(start);
		m.len = end - start;
		m.kind = TV_ANON;
		m.file = NULL;
		m.offset = 0;
		error = aspace_map(as, &m, &at);
		if (error)
			return error;
		trace_vma_name(as, start, name);
	}
	return 0;
}

/* Remembers where the program's own code and data are: Linux's mm.start_code and its kin. */
static void note_segment(struct aspace *as, const struct linux_elf64_phdr *p, uint64_t bias)
{
	uint64_t start = p->vaddr + bias, end = start + p->filesz;

	if (p->flags & PF_X) {
		if (!as->code_start || start < as->code_start)
			as->code_start = start;
		if (end > as->code_end)
			as->code_end = end;
	}
	if (start > as->data_start)
		as->data_start = start;
	if (end > as->data_end)
		as->data_end = end;
}

static int read_headers(struct mobj *file, struct linux_elf64_ehdr *eh,
			struct linux_elf64_phdr **phdrs, struct elf_image *out, const char **why)
{
	size_t n = mobj_read(file, 0, eh, sizeof *eh);
	int error = elf_check_header(eh, n, file->size, why);

	if (error)
		return error;

	size_t size = eh->phnum * sizeof **phdrs;
	*phdrs = kmalloc(size);
	if (!*phdrs)
		return -ENOMEM;
	mobj_read(file, eh->phoff, *phdrs, size);
	error = elf_check_segments(eh, *phdrs, file->size, arch_user_end().v, out, why);
	if (error) {
		kfree(*phdrs);
		*phdrs = NULL;
	}
	return error;
}

uint64_t exec_draw(const struct proc *p, struct rng *rng, uint64_t n)
{
	uint64_t drawn = rng_below(rng, n);

	return p->personality & ADDR_NO_RANDOMIZE ? 0 : drawn;
}

/* => what to add to the file's addresses. Room above the base is ensured by elf_check_segments
 *    for the file's own addresses only, so the map call may still refuse. */
static uint64_t choose_bias(const struct proc *p, const struct elf_image *elf, struct rng *rng)
{
	uint64_t base = arch_user_end().v / 3 * 2 + exec_draw(p, rng, RANDOM_PAGES) * PAGE_SIZE;

	return elf->is_pie ? ROUND_DOWN(base, elf->align) - ROUND_DOWN(elf->start, elf->align) : 0;
}

static uint64_t choose_mmap_top(const struct proc *p, struct rng *rng)
{
	uint64_t user_end = arch_user_end().v, max = user_end / 6 * 5;
	uint64_t gap = p->rlimits[RLIMIT_STACK].cur;

	if (gap < max)
		gap += RANDOM_BYTES + STACK_GUARD;
	gap = gap < STACK_GAP_MIN ? STACK_GAP_MIN : gap > max ? max : gap;
	return ROUND_DOWN(user_end - gap - exec_draw(p, rng, RANDOM_PAGES) * PAGE_SIZE, PAGE_SIZE);
}

/* Maps all segments of a file. => 0 or -errno. */
static int map_image(struct aspace *as, struct mobj *file, const char *name,
		     const struct linux_elf64_phdr *ph, unsigned count, uint64_t bias)
{
	int error = 0;

	for (unsigned i = 0; i < count && !error; i++)
		if (ph[i].type == PT_LOAD && ph[i].memsz > 0)
			error = map_segment(as, file, name, &ph[i], bias);
	return error;
}

/* => a place for `len` bytes, where mmap puts things by itself; 0: there is none. */
static uint64_t find_room(struct aspace *as, uint64_t len)
{
	const struct map_request m = {.len = len, .kind = TV_ANON};
	vaddr_t at;

	if (aspace_map(as, &m, &at) != 0)
		return 0;
	aspace_unmap(as, at, len);
	return at.v;
}

/* Maps an interpreter, a dynamic linker. => 0 with where it begins to run; -errno. */
static int map_interpreter(struct aspace *as, struct mobj *file, const char *name,
			   struct exec_image *im, uint64_t *pc)
{
	struct linux_elf64_ehdr eh;
	struct linux_elf64_phdr *ph = NULL;
	struct elf_image elf;
	const char *why;
	int error = read_headers(file, &eh, &ph, &elf, &why);

	if (!error && elf.is_pie) {
		uint64_t room = find_room(as, elf.end - elf.start + elf.align);

		im->interp_bias = ROUND_UP(room, elf.align) - ROUND_DOWN(elf.start, elf.align);
		error = room ? 0 : -ENOMEM;
	}
	if (!error)
		error = map_image(as, file, name, ph, eh.phnum, im->interp_bias);
	kfree(ph);
	*pc = elf.entry + im->interp_bias;
	return error == -ENOEXEC ? -ELIBBAD : error;
}

/* Finds and maps what the program names as its interpreter. */
static int load_interpreter(struct aspace *as, const struct exec_request *req,
			    struct exec_image *im, uint64_t *pc, const char **why)
{
	char *path = kmalloc(im->elf.interp_len + 1);
	struct mobj *file = NULL;
	int error = path ? 0 : -ENOMEM;

	if (!error) {
		mobj_read(req->file, im->elf.interp_at, path, im->elf.interp_len);
		path[im->elf.interp_len] = 0;
		*why = "its dynamic linker is not there or cannot be run";
		error = req->find_interpreter(path, &file);
	}
	if (!error) {
		const char *slash = strrchr(path, '/');

		*why = "its dynamic linker cannot be loaded";
		error = map_interpreter(as, file, slash ? slash + 1 : path, im, pc);
	}
	if (file)
		mobj_put(file);
	kfree(path);
	return error;
}

int exec_load(struct proc *p, struct aspace *as, const struct exec_request *req, uint64_t *pc,
	      uint64_t *sp, const char **why)
{
	static const char no_memory[] = "there is not enough memory for it";
	struct linux_elf64_ehdr eh;
	struct linux_elf64_phdr *ph = NULL;
	struct exec_image im = {0};
	struct rng rng = rng_for("layout");

	*why = no_memory;
	int error = read_headers(req->file, &eh, &ph, &im.elf, why);
	if (error)
		return error;

	/* Drawn in a fixed order, so that each is the same for every kind of program. */
	im.bias = choose_bias(p, &im.elf, &rng);
	as->mmap_top = VADDR(choose_mmap_top(p, &rng));
	uint64_t stack_top = arch_user_end().v - exec_draw(p, &rng, RANDOM_PAGES) * PAGE_SIZE;
	uint64_t brk_gap = exec_draw(p, &rng, RANDOM_PAGES) * PAGE_SIZE;

	error = map_image(as, req->file, req->name, ph, eh.phnum, im.bias);
	for (unsigned i = 0; i < eh.phnum; i++)
		if (ph[i].type == PT_LOAD && ph[i].memsz > 0)
			note_segment(as, &ph[i], im.bias);
	kfree(ph);
	if (error == -EPERM)
		*why = "a segment lies so low that nothing may be mapped there";
	if (error)
		return error;
	*pc = im.elf.entry + im.bias;
	if (im.elf.interp_len)
		error = load_interpreter(as, req, &im, pc, why);
	if (!error) {
		*why = no_memory;
		error = vdso_map(as);
	}
	if (error)
		return error;
	as->brk_start = as->brk = im.elf.end + im.bias + brk_gap;

	error = exec_stack_build(p, as, req, &im, stack_top, &rng, sp);
	if (error == -E2BIG)
		*why = "its arguments and environment are too large";
	return error;
}

struct aspace *exec_space_create(const struct proc *p)
{
	struct aspace *as = aspace_create();

	if (!as)
		return NULL;
	as->stack_limit = p->rlimits[RLIMIT_STACK].cur;
	as->data_limit = p->rlimits[RLIMIT_DATA].cur;
	as->as_limit = p->rlimits[RLIMIT_AS].cur;
	as->lock_limit = p->rlimits[RLIMIT_MEMLOCK].cur;
	as->is_privileged = p->cred.euid == 0;
	return as;
}

void exec_begin(struct aspace *as)
{
	thread_current()->exec_as = as;
	aspace_switch(as);
}

void exec_cancel(void)
{
	struct thread *t = thread_current();
	struct aspace *as = t->exec_as;

	t->exec_as = NULL;
	aspace_switch(t->proc->as);
	aspace_put(as);
}

int exec_commit(const struct exec_request *req, uint64_t pc, uint64_t sp)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	struct aspace *old = p->as;
	uint64_t name[4];
	int error = proc_become_single();

	if (!error)
		error = signal_exec();
	if (error)
		return error;
	itimers_end(p, true);
	futex_exit(t);
	if (t->clear_child_tid && old->refs > 1)
		exec_clear_tid(t, old);
	t->clear_child_tid = 0;
	t->rseq = 0;

	name_words(req->name, name);
	TRACE(TRACE_PROC_EXEC, p->pid, t->exec_as->id, name[0], name[1], name[2], name[3]);
	spin_lock(&proc_tree_lock);
	p->as = t->exec_as;
	t->exec_as = NULL;
	p->did_exec = true;
	p->keep_caps = false;
	p->exit_signal = p->exit_signal ? SIGCHLD : 0;
	spin_unlock(&proc_tree_lock);
	vfork_done(t);
	aspace_put(old);
	memset(t->comm, 0, COMM_LEN);
	ksnprintf(t->comm, COMM_LEN, "%s", req->name);
	arch_user_init(&t->arch, pc, sp);
	thread_work(t, WORK_REGISTERS);
	TRACE(TRACE_USER_ENTER, p->pid, pc, sp, 0, 0, 0);
	return 0;
}
