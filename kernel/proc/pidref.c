/*
 * References to threads that outlive them.
 *
 * A number is given again after its thread was reaped; a struct pidref is not. It
 * is made when somebody first wants one, and hangs on the thread until that is
 * unlinked from the tree:
 *
 *	thread <--> pidref <-- files (pidfds)        while it is, a zombie included
 *	            pidref <-- files                 afterwards: thread is NULL
 *
 * A reference to a process is one to its leader. A thread that takes the leader's
 * place (exec) takes its reference along, and the old leader is nobody then.
 *
 * Invariants (tree locked)
 *   I1  r->thread->pidref == r, or r->thread is NULL
 *   I2  a thread that has a pidref holds one of its references
 */
#include "kernel/proc/pidref.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"

struct pidref *pidref_of_locked(struct thread *t)
{
	struct pidref *r = t->pidref;

	if (!r) {
		r = kmalloc(sizeof *r);
		if (!r)
			return NULL;
		r->refs = 1;
		r->thread = t;
		waitq_init(&r->wait);
		t->pidref = r;
	}
	__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
	return r;
}

void pidref_put(struct pidref *r)
{
	if (__atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(r);
}

void pidref_end_locked(struct thread *t)
{
	if (t->pidref)
		waitq_wake_all(&t->pidref->wait);
}

void pidref_gone_locked(struct thread *t)
{
	struct pidref *r = t->pidref;

	if (!r)
		return;
	t->pidref = NULL;
	r->thread = NULL;
	waitq_wake_all(&r->wait);
	pidref_put(r);
}

void pidref_move_locked(struct thread *t, struct thread *to)
{
	struct pidref *r = t->pidref;

	pidref_gone_locked(to);
	t->pidref = NULL;
	to->pidref = r;
	if (r)
		r->thread = to;
}

bool pidref_has_ended(struct pidref *r, bool only_thread, bool *gone)
{
	bool ended;

	spin_lock(&proc_tree_lock);
	*gone = !r->thread;
	ended = *gone || (only_thread ? r->thread->is_exiting : r->thread->proc->is_zombie);
	spin_unlock(&proc_tree_lock);
	return ended;
}
