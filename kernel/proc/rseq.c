/*
 * Restartable sequences: code that does something to data of one hart and is not
 * disturbed, or is begun again (M. Desnoyers, P. Turner; Linux's rseq(2)).
 *
 * A thread registers an area of its own memory. There it says which sequence it is
 * in, and there the kernel says on which hart it runs:
 *
 *	area --rseq_cs--> start, length, address to go on at when disturbed
 *
 *	cpu_id is read ... start [ .... one store that commits ] end
 *	                         ^ lost the hart here, or a handler runs: go on at `abort`
 *
 * In front of the abort address lies the signature that the thread registered, so
 * that nobody can be led to any other place. Whatever is wrong with what the area
 * says is a SIGSEGV, as on Linux.
 *
 * A sequence must not make system calls, so a thread that gave its hart up in one
 * has not been disturbed, and only a new hart is told to it.
 *
 * The identity of a hart within the address space, mm_cid, is the hart's number.
 */
#include "kernel/proc/rseq.h"
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/lib/lib.h"
#include "kernel/proc/proc.h"

#define FLAG_UNREGISTER   1
#define AREA_LEN_FIRST    32 /* of Linux's first version, which needs to be aligned so */
#define AREA_LEN_KNOWN    28 /* what is in use of it now */
#define AREA_ALIGN        32
#define CPU_UNINITIALIZED 0xffffffffu

/* What the area holds. */
struct area {
	uint32_t cpu_id_start, cpu_id;
	uint64_t cs;
	uint32_t flags, node_id, mm_cid;
};
_Static_assert(offsetof(struct area, mm_cid) + sizeof(uint32_t) == AREA_LEN_KNOWN, "struct rseq");

/* What a sequence is. */
struct sequence {
	uint32_t version, flags;
	uint64_t start, len, abort;
};

/* Writes what the kernel says in the area. => 0 or -EFAULT. */
static int area_write(const struct thread *t, uint32_t start, uint32_t id, uint32_t cid)
{
	const uint32_t ids[2] = {start, id}, place[2] = {0, cid};

	return arch_copy_to_user(VADDR(t->rseq), ids, sizeof ids) != 0 ||
		       arch_copy_to_user(VADDR(t->rseq + offsetof(struct area, node_id)), place,
					 sizeof place) != 0
		   ? -EFAULT
		   : 0;
}

int64_t rseq_register(uint64_t area, uint32_t len, uint32_t flags, uint32_t signature)
{
	struct thread *t = thread_current();
	bool same = t->rseq == area && t->rseq_len == len;

	if (flags & FLAG_UNREGISTER) {
		if (flags & ~FLAG_UNREGISTER || !t->rseq || !same)
			return -EINVAL;
		if (t->rseq_signature != signature)
			return -EPERM;
		if (area_write(t, 0, CPU_UNINITIALIZED, 0) != 0)
			return -EFAULT;
		t->rseq = 0;
		return 0;
	}
	if (flags)
		return -EINVAL;
	if (t->rseq)
		return !same ? -EINVAL : t->rseq_signature != signature ? -EPERM : -EBUSY;
	if (len < AREA_LEN_FIRST || area % AREA_ALIGN != 0)
		return -EINVAL;
	if (area + len < area || area + len > arch_user_end().v)
		return -EFAULT;
	t->rseq = area;
	t->rseq_len = len;
	t->rseq_signature = signature;
	t->rseq_hart = RSEQ_NO_HART;
	thread_work(t, WORK_RSEQ);
	return 0;
}

/* => 0 with *s; -EFAULT, -EINVAL: it is none, or a bad one. */
static int sequence_read(const struct thread *t, uint64_t at, struct sequence *s)
{
	uint64_t end = arch_user_end().v;
	uint32_t signature;

	if (at >= end || arch_copy_from_user(s, VADDR(at), sizeof *s) != 0)
		return -EFAULT;
	if (s->start >= end || s->start + s->len < s->start || s->start + s->len >= end ||
	    s->abort >= end || s->version > 0 || s->flags || s->abort - s->start < s->len)
		return -EINVAL;
	if (arch_copy_from_user(&signature, VADDR(s->abort - sizeof signature), sizeof signature))
		return -EFAULT;
	return signature == t->rseq_signature ? 0 : -EINVAL;
}

/* => 0; -EFAULT, -EINVAL: the area is not as it should be. */
static int fix_up(struct thread *t)
{
	struct trapframe *tf = t->arch.user;
	const uint64_t none = 0;
	struct sequence s;
	uint32_t flags;
	uint64_t at;
	int error;

	if (arch_copy_from_user(&at, VADDR(t->rseq + offsetof(struct area, cs)), sizeof at) != 0)
		return -EFAULT;
	if (!at)
		return 0;
	error = sequence_read(t, at, &s);
	if (error)
		return error;
	if (arch_copy_from_user(&flags, VADDR(t->rseq + offsetof(struct area, flags)),
				sizeof flags) != 0)
		return -EFAULT;
	if (tf->pc - s.start < s.len) {
		if (flags)
			return -EINVAL;
		tf->pc = s.abort;
	}
	/* In it no longer, or left long ago. */
	return arch_copy_to_user(VADDR(t->rseq + offsetof(struct area, cs)), &none, sizeof none) !=
		       0
		   ? -EFAULT
		   : 0;
}

void rseq_abort(struct thread *t)
{
	if (fix_up(t) != 0)
		signal_force(SIGSEGV, SI_KERNEL, 0);
}

void rseq_resume(void)
{
	struct thread *t = thread_current();
	uint32_t hart = arch_hart();
	int error;

	if (!t->rseq)
		return;
	error = fix_up(t);
	/* Writing may sleep; whoever comes to another hart by that is sent here again. */
	if (!error && t->rseq_hart != hart) {
		t->rseq_hart = hart;
		error = area_write(t, hart, hart, hart);
	}
	if (error) {
		t->rseq = 0;
		signal_force(SIGSEGV, SI_KERNEL, 0);
	}
}
