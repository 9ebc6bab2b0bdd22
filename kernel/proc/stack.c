/*
 * The first contents of a program's stack, as Linux lays them out:
 *
 *     top    eight zero bytes
 *            execfn string
 *            envp strings
 *            argv strings              argv[0] lowest
 *            (up to 8 KiB drawn from the seed, to a multiple of 16)
 *            16 random bytes           AT_RANDOM
 *            auxiliary vector          pairs of words, ends with AT_NULL
 *            envp[0] .. envp[n-1], NULL
 *            argv[0] .. argv[argc-1], NULL
 *     sp     argc                      sp is a multiple of 16
 *
 * Strings come from memory objects, a chunk at a time, so that megabytes of
 * arguments need no contiguous kernel memory. Their total, with a pointer for
 * each, may be a quarter of the stack's limit (within Linux's bounds).
 */
#include "kernel/proc/exec.h"
#include "kernel/proc/proc.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"

#define ARGS_MIN     (128UL << 10) /* Linux: ARG_MAX is granted under any limit */
#define ARGS_MAX     (6UL << 20)   /* Linux: three quarters of the default stack limit */
#define STRING_MAX   (128UL << 10) /* Linux: MAX_ARG_STRLEN, one string with its NUL */
#define STACK_ROOM   (128UL << 10) /* Linux: mapped below the strings from the start */
#define SP_JITTER    8192
#define RANDOM_LEN   16
#define AUXV_WORDS   (2 * 24) /* more than are written below */
#define VECTOR_BATCH 64

/* Words on their way to user memory, in batches. */
struct word_writer {
	uint64_t at; /* user address of words[0] */
	unsigned n;
	bool failed;
	uint64_t words[VECTOR_BATCH];
};

static void words_flush(struct word_writer *w)
{
	size_t len = w->n * sizeof w->words[0];

	if (arch_copy_to_user(VADDR(w->at), w->words, len) != 0)
		w->failed = true;
	w->at += len;
	w->n = 0;
}

static void word_put(struct word_writer *w, uint64_t v)
{
	if (w->n == VECTOR_BATCH)
		words_flush(w);
	w->words[w->n++] = v;
}

static uint64_t args_limit(const struct proc *p)
{
	uint64_t limit = p->rlimits[RLIMIT_STACK].cur / 4;

	return limit > ARGS_MAX ? ARGS_MAX : limit < ARGS_MIN ? ARGS_MIN : limit;
}

/* Copies a table's strings to `to`. => 0 or -ENOMEM. */
static int copy_strings(const struct string_table *t, uint64_t to, char *chunk)
{
	for (uint64_t done = 0; done < t->len;) {
		size_t n = mobj_read(t->strings, done, chunk, PAGE_SIZE);

		if (n > t->len - done)
			n = t->len - done;
		if (arch_copy_to_user(VADDR(to + done), chunk, n) != 0)
			return -ENOMEM;
		done += n;
	}
	return 0;
}

/*
 * Writes a pointer to each string of a table copied to `base`, and NULL.
 * => 0, or -E2BIG if one of them is too long.
 */
static int put_pointers(struct word_writer *w, const struct string_table *t, uint64_t base,
			char *chunk)
{
	uint64_t start = 0; /* of the string that pos is in */
	size_t n;

	for (uint64_t pos = 0; pos < t->len; pos += n) {
		n = mobj_read(t->strings, pos, chunk, PAGE_SIZE);
		for (size_t i = 0; i < n; i++) {
			if (chunk[i] != 0)
				continue;
			if (pos + i + 1 - start > STRING_MAX)
				return -E2BIG;
			word_put(w, base + start);
			start = pos + i + 1;
		}
	}
	word_put(w, 0);
	return 0;
}

static unsigned fill_auxv(uint64_t *v, const struct proc *p, const struct aspace *as,
			  const struct exec_image *im, uint64_t random, uint64_t execfn)
{
	const struct elf_image *elf = &im->elf;
	const uint64_t pairs[][2] = {
	    {AT_HWCAP, HWCAP_IMAFDC},
	    {AT_PAGESZ, PAGE_SIZE},
	    {AT_CLKTCK, CLOCKS_PER_SECOND},
	    {AT_PHDR, elf->phdr_va ? elf->phdr_va + im->bias : 0},
	    {AT_PHENT, sizeof(struct linux_elf64_phdr)},
	    {AT_PHNUM, elf->nphdrs},
	    {AT_BASE, im->interp_bias},
	    {AT_FLAGS, 0},
	    {AT_ENTRY, elf->entry + im->bias},
	    {AT_UID, p->cred.uid},
	    {AT_EUID, p->cred.euid},
	    {AT_GID, p->cred.gid},
	    {AT_EGID, p->cred.egid},
	    {AT_SECURE, 0},
	    {AT_RANDOM, random},
	    {AT_EXECFN, execfn},
	    {AT_RSEQ_FEATURE_SIZE, 28},
	    {AT_RSEQ_ALIGN, 32},
	    {AT_MINSIGSTKSZ, MINSIGSTKSZ},
	    {AT_SYSINFO_EHDR, as->vdso},
	    {AT_NULL, 0},
	};
	_Static_assert(sizeof pairs <= AUXV_WORDS * sizeof(uint64_t), "room for all pairs");

	memcpy(v, pairs, sizeof pairs);
	return 2 * ARRAY_SIZE(pairs);
}

static int map_stack(struct aspace *as, uint64_t low, uint64_t top)
{
	uint64_t start = ROUND_DOWN(low, PAGE_SIZE) - STACK_ROOM;
	struct map_request m = {.hint = VADDR(start),
				.len = top - start,
				.flags = VMA_READ | VMA_WRITE | VMA_GROWSDOWN,
				.kind = TV_STACK,
				.fixed = true,
				.noreplace = true};
	vaddr_t at;

	return aspace_map(as, &m, &at);
}

int exec_stack_build(struct proc *p, struct aspace *as, const struct exec_request *req,
		     const struct exec_image *im, uint64_t top, struct rng *rng, uint64_t *sp)
{
	const struct string_table *argv = &req->argv, *envp = &req->envp;
	uint64_t execfn_len = strlen(req->execfn) + 1;
	uint64_t nvectors = argv->count + envp->count;
	uint64_t strings = argv->len + envp->len + execfn_len;
	uint64_t auxv[AUXV_WORDS];
	uint8_t random[RANDOM_LEN];
	struct rng random_rng = rng_for("auxv");

	if (strings + nvectors * sizeof(uint64_t) > args_limit(p))
		return -E2BIG;

	uint64_t execfn_at = top - sizeof(uint64_t) - execfn_len;
	uint64_t envp_at = execfn_at - envp->len, argv_at = envp_at - argv->len;
	uint64_t random_at = ROUND_DOWN(argv_at - exec_draw(p, rng, SP_JITTER), 16) - RANDOM_LEN;
	unsigned nauxv = fill_auxv(auxv, p, as, im, random_at, execfn_at);
	*sp = ROUND_DOWN(random_at - (1 + nvectors + 2 + nauxv) * sizeof(uint64_t), 16);

	as->args = argv_at;
	as->envs = envp_at;
	as->strings_end = execfn_at;
	as->auxv = *sp + (1 + nvectors + 2) * sizeof(uint64_t);
	as->auxv_end = as->auxv + nauxv * sizeof(uint64_t);
	as->stack_start = *sp;
	int error = map_stack(as, *sp, top);
	if (error)
		return error;

	char *chunk = kmalloc(PAGE_SIZE);
	struct word_writer *w = kzalloc(sizeof *w);
	error = -ENOMEM;
	if (!chunk || !w)
		goto out;
	rng_fill(&random_rng, random, sizeof random);
	if (arch_copy_to_user(VADDR(execfn_at), req->execfn, execfn_len) != 0 ||
	    arch_copy_to_user(VADDR(random_at), random, sizeof random) != 0 ||
	    copy_strings(envp, envp_at, chunk) != 0 || copy_strings(argv, argv_at, chunk) != 0)
		goto out;

	w->at = *sp;
	word_put(w, argv->count);
	error = put_pointers(w, argv, argv_at, chunk);
	if (!error)
		error = put_pointers(w, envp, envp_at, chunk);
	for (unsigned i = 0; i < nauxv; i++)
		word_put(w, auxv[i]);
	words_flush(w);
	if (!error && w->failed)
		error = -ENOMEM;
out:
	kfree(w);
	kfree(chunk);
	return error;
}
