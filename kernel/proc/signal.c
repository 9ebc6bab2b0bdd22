/*
 * Signals.
 *
 * A signal is first *pending*, in a thread's queue or in its process's, and *acts*
 * when a thread that has it not blocked leaves the kernel. Signals below 32 are
 * pending once at most; real-time ones queue, each with what was sent along.
 * What a signal does:
 *
 *     SIG_IGN, or SIG_DFL of CHLD CONT URG WINCH    nothing; it never gets pending,
 *                                                    unless it is blocked
 *     SIG_DFL of STOP TSTP TTIN TTOU                 stops the process
 *     SIG_DFL of all others                          ends the process
 *     a handler                                      the program goes on in it: sigframe.c
 *
 * Three kinds are special as soon as they are sent: KILL ends the process at
 * once; CONT lets a stopped one go on and drops pending stops; a stop drops a
 * pending CONT. Faults of the program itself (signal_force) can be neither
 * blocked nor ignored: the instruction cannot go on.
 *
 * Which thread. A signal for a process goes to any thread that has it not
 * blocked: the current one, else the leader, else the first that would take it.
 * If all block it, it waits in the process's queue for whoever unblocks it.
 *
 * How a thread learns of it. WORK_SIGNAL is set, and the thread is woken if it
 * sleeps; its call then ends with ERESTARTSYS or a relative, and signal_act()
 * decides what the program sees: the call again, or EINTR after a handler.
 *
 * Stopping. is_stopped is set for the process; every thread comes to rest in
 * signal_act(), and the last one tells the parent.
 *
 * Invariants (sighand locked)
 *   I1  if a signal is pending for a thread or its process and the thread has it
 *       not blocked, the thread or another that could take it has WORK_SIGNAL
 *   I2  an entry of a queue is of a signal in the queue's set
 *
 * Locks. The tree's lock, then sighand.lock, then a run queue's.
 */
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/rseq.h"

#define REG_A0 10
#define REG_A7 17

#define CAUSE_SYSTEM_CALL 8 /* in trapframe.cause */
#define ECALL_LEN         4

#define STOPS   (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define IGNORED (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
/* Act before all others: they belong to the instruction at which the program stands. */
#define FAULTS                                                                                     \
	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) |    \
	 SIGBIT(SIGSYS))

/* -- dispositions -------------------------------------------------------------------------- */

struct sighand *sighand_create(const struct sighand *from)
{
	struct sighand *h = from ? kmalloc(sizeof *h) : kzalloc(sizeof *h);

	if (!h)
		return NULL;
	if (from)
		memcpy(h->action, from->action, sizeof h->action);
	h->refs = 1;
	spin_init(&h->lock);
	return h;
}

void sighand_put(struct sighand *h)
{
	if (__atomic_sub_fetch(&h->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(h);
}

static bool is_ignored(const struct sighand *h, int signo)
{
	uint64_t handler = h->action[signo].handler;

	return handler == SIG_IGN || (handler == SIG_DFL && (IGNORED & SIGBIT(signo)) != 0);
}

bool signal_is_blocked_or_ignored(int signo)
{
	struct thread *t = thread_current();

	return t->sigmask & SIGBIT(signo) || t->proc->sighand->action[signo].handler == SIG_IGN;
}

/* -- queues, sighand locked ---------------------------------------------------------------- */

/* Under a limit of this or more, a queue's first entry is had without counting all others. */
#define LIMIT_COUNTED 1024

/* => whether the user of p, whose queue q is, has as many signals queued as it may. Tree locked. */
static bool is_at_limit(const struct proc *p, const struct sigqueue *q)
{
	uint64_t limit = p->rlimits[RLIMIT_SIGPENDING].cur, n = 0;

	if (q->n == 0 && limit >= LIMIT_COUNTED)
		return false;
	list_for_each (it, &proc_all) {
		const struct proc *each = container_of(it, struct proc, all);

		if (each->cred.uid != p->cred.uid)
			continue;
		n += each->pending.n;
		list_for_each (at, &each->threads)
			n += container_of(at, struct thread, link)->pending.n;
	}
	return n >= limit;
}

/* => an entry that is on no queue; NULL: no memory. */
static struct sigentry *entry_alloc(struct sigqueue *q)
{
	struct sigentry *e = q->own.info.signo ? kmalloc(sizeof *e) : &q->own;

	if (e) {
		e->timer = NULL;
		q->n++;
	}
	return e;
}

/* => how often a timer's expiry was one too many. */
static int32_t entry_free(struct sigqueue *q, struct sigentry *e)
{
	if (e->timer)
		return itimer_entry_done(e->timer);
	q->n--;
	if (e == &q->own)
		e->info.signo = 0;
	else
		kfree(e);
	return 0;
}

/* Takes the signals of `set` out of the queue. */
static void queue_drop(struct sigqueue *q, uint64_t set)
{
	struct sigentry **at = &q->first, *e;

	if (!(q->set & set))
		return;
	q->set &= ~set;
	while ((e = *at)) {
		if (!(SIGBIT(e->info.signo) & set)) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		entry_free(q, e);
	}
}

void signal_queue_flush(struct sigqueue *q)
{
	queue_drop(q, UINT64_MAX);
}

static void queue_put(struct sigqueue *q, struct sigentry *e)
{
	struct sigentry **at = &q->first;

	while (*at)
		at = &(*at)->next;
	e->next = NULL;
	*at = e;
}

/* Takes the first entry of signo. => whether more of the same are left. */
static void queue_take(struct sigqueue *q, int signo, struct linux_siginfo *info)
{
	struct sigentry **at = &q->first, *e = NULL;
	bool more = false, from_timer;
	int32_t overrun;

	for (; *at; at = &(*at)->next) {
		if ((*at)->info.signo != signo)
			continue;
		if (e) {
			more = true;
			break;
		}
		e = *at;
		*at = e->next;
		if (!*at)
			break;
		if ((*at)->info.signo == signo) {
			more = true;
			break;
		}
	}
	if (!more)
		q->set &= ~SIGBIT(signo);
	if (!e) {
		memset(info, 0, sizeof *info);
		info->signo = signo;
		return;
	}
	*info = e->info;
	from_timer = e->timer && info->code == SI_TIMER;
	overrun = entry_free(q, e);
	if (from_timer)
		info->overrun = overrun;
}

/* -- sending ------------------------------------------------------------------------------- */

static bool wants(const struct thread *t, int signo)
{
	return !t->is_exiting && (!(t->sigmask & SIGBIT(signo)) || t->sigwait & SIGBIT(signo));
}

/* Has t look: it is about to leave the kernel with this, or sleeps and is woken. */
static void notify(struct thread *t, int signo)
{
	thread_work(t, WORK_SIGNAL);
	if (t != thread_current())
		thread_wake_from(t, THREAD_ASLEEP | (signo == SIGKILL ? THREAD_STOPPED : 0));
}

/* Tree and sighand locked. */
static void notify_any(struct proc *p, int signo)
{
	struct thread *current = thread_current();

	if (current && current->proc == p && wants(current, signo)) {
		notify(current, signo);
		return;
	}
	list_for_each (it, &p->threads) {
		struct thread *t = container_of(it, struct thread, link);

		if (wants(t, signo)) {
			notify(t, signo);
			return;
		}
	}
}

static void drop_everywhere(struct proc *p, uint64_t set)
{
	queue_drop(&p->pending, set);
	list_for_each (it, &p->threads)
		queue_drop(&container_of(it, struct thread, link)->pending, set);
}

/* SIGCONT, whatever its disposition. Tree and sighand locked. => the process was stopped. */
static bool let_go_on(struct proc *p)
{
	bool was = p->is_stopped;

	drop_everywhere(p, STOPS);
	p->is_stopped = false;
	list_for_each (it, &p->threads)
		thread_wake_from(container_of(it, struct thread, link), THREAD_STOPPED);
	return was;
}

/* t NULL: for the process. own: the entry of a timer, which is queued or given back. */
static int send(struct proc *p, struct thread *t, const struct linux_siginfo *info,
		struct itimer *timer, struct sigentry *own)
{
	int signo = info->signo, error = 0;
	struct sigqueue *q = t ? &t->pending : &p->pending;
	const struct thread *target = t ? t : p->leader;
	struct sigentry *e;
	bool goes_on = false;

	if (p->is_zombie || p->nlive == 0) {
		if (own)
			entry_free(q, own);
		return 0;
	}
	spin_lock(&p->sighand->lock);
	if (signo == SIGKILL) {
		proc_end_locked(p, SIGKILL);
		goto out;
	}
	if (signo == SIGCONT)
		goes_on = let_go_on(p);
	else if (STOPS & SIGBIT(signo))
		drop_everywhere(p, SIGBIT(SIGCONT));
	if (is_ignored(p->sighand, signo) && !((target->sigmask | target->sigwait) & SIGBIT(signo)))
		goto out;
	/* Each of timer_create's timers has its own signal, even if it is of the same number. */
	if (signo < SIGRTMIN && q->set & SIGBIT(signo) && !(own && info->code == SI_TIMER))
		goto out;
	if (own)
		e = own;
	else if (!(signo < SIGRTMIN && info->code >= 0) && is_at_limit(p, q))
		e = NULL; /* not of the kernel's or kill()'s ordinary ones */
	else
		e = entry_alloc(q);
	own = NULL;
	if (e) {
		e->info = *info;
		e->timer = timer;
		queue_put(q, e);
	} else if (signo >= SIGRTMIN && info->code != SI_USER) {
		error = -EAGAIN;
		goto out;
	}
	q->set |= SIGBIT(signo);
	if (!t)
		notify_any(p, signo);
	else if (wants(t, signo))
		notify(t, signo);
out:
	if (own)
		entry_free(q, own); /* it was not queued */
	spin_unlock(&p->sighand->lock);
	if (goes_on)
		proc_tell_stop_locked(p, CLD_CONTINUED, 0xffff);
	return error;
}

int signal_send_thread(struct thread *t, const struct linux_siginfo *info)
{
	return send(t->proc, t, info, NULL, NULL);
}

int signal_send_proc(struct proc *p, const struct linux_siginfo *info)
{
	return send(p, NULL, info, NULL, NULL);
}

void signal_send_timer(struct proc *p, struct thread *t, struct sigentry *e, struct itimer *timer)
{
	struct linux_siginfo info = e->info;

	send(p, t, &info, timer, e);
}

void signal_send(struct thread *t, int signo, int code)
{
	struct linux_siginfo info = {.signo = signo, .code = code};

	info.pid = code == SI_USER ? (int32_t)t->proc->pid : 0;
	info.uid = code == SI_USER ? t->proc->cred.uid : 0;
	spin_lock(&proc_tree_lock);
	signal_send_thread(t, &info);
	spin_unlock(&proc_tree_lock);
}

void signal_kernel(struct proc *p, int signo)
{
	const struct linux_siginfo info = {.signo = signo, .code = SI_KERNEL};

	signal_send_proc(p, &info);
}

unsigned signal_send_group_locked(uint32_t pgid, const struct linux_siginfo *info)
{
	unsigned n = 0;

	list_for_each (it, &proc_all) {
		struct proc *p = container_of(it, struct proc, all);

		if (p->pgid != pgid || p->is_zombie)
			continue;
		signal_send_proc(p, info);
		n++;
	}
	return n;
}

void signal_group(uint32_t pgid, int signo)
{
	spin_lock(&proc_tree_lock);
	signal_send_group_locked(pgid, &(struct linux_siginfo){.signo = signo, .code = SI_KERNEL});
	spin_unlock(&proc_tree_lock);
}

void signal_force(int signo, int code, uint64_t addr)
{
	struct thread *t = thread_current();
	struct sighand *h = t->proc->sighand;
	struct sigentry *e;

	spin_lock(&h->lock);
	if (t->sigmask & SIGBIT(signo) || h->action[signo].handler == SIG_IGN) {
		h->action[signo].handler = SIG_DFL;
		t->sigmask &= ~SIGBIT(signo);
	}
	queue_drop(&t->pending, SIGBIT(signo));
	t->pending.set |= SIGBIT(signo);
	e = entry_alloc(&t->pending);
	if (e) {
		e->info = (struct linux_siginfo){.signo = signo, .code = code, .addr = addr};
		queue_put(&t->pending, e);
	}
	thread_work(t, WORK_SIGNAL);
	spin_unlock(&h->lock);
}

/* -- who has something to do --------------------------------------------------------------- */

bool signal_is_due(const struct thread *t)
{
	const struct proc *p = t->proc;

	if (!(t->work & WORK_SIGNAL))
		return false;
	return ((t->pending.set | p->pending.set) & ~t->sigmask) || p->is_ending || p->is_stopped ||
	       (p->execing && p->execing != t);
}

bool signal_is_deadly(const struct thread *t)
{
	const struct proc *p = t->proc;

	return t->work & WORK_SIGNAL && (p->is_ending || (p->execing && p->execing != t));
}

void signal_recalculate_locked(struct thread *t)
{
	if ((t->pending.set | t->proc->pending.set) & ~t->sigmask)
		thread_work(t, WORK_SIGNAL);
}

/* Tree locked as well. */
void signal_retarget_locked(struct thread *t)
{
	uint64_t set = t->proc->pending.set;

	for (; set; set &= set - 1)
		notify_any(t->proc, (int)lowest_bit(set) + 1);
}

void signal_set_mask(uint64_t mask)
{
	struct thread *t = thread_current();
	struct sighand *h = t->proc->sighand;

	spin_lock(&h->lock);
	t->sigmask = mask & ~SIG_UNBLOCKABLE;
	signal_recalculate_locked(t);
	spin_unlock(&h->lock);
	/* A signal that this thread was to take may now be another's: I1. */
	if (t->proc->pending.set & t->sigmask && t->proc->nthreads > 1) {
		spin_lock(&proc_tree_lock);
		spin_lock(&h->lock);
		for (uint64_t set = t->proc->pending.set & t->sigmask; set; set &= set - 1)
			notify_any(t->proc, (int)lowest_bit(set) + 1);
		spin_unlock(&h->lock);
		spin_unlock(&proc_tree_lock);
	}
}

void signal_set_temporary_mask(uint64_t mask)
{
	struct thread *t = thread_current();

	t->saved_mask = t->sigmask;
	t->has_saved_mask = true;
	signal_set_mask(mask);
}

void signal_restore_mask(void)
{
	struct thread *t = thread_current();

	if (!t->has_saved_mask)
		return;
	t->has_saved_mask = false;
	signal_set_mask(t->saved_mask);
}

struct linux_sigaction signal_set_action(int signo, const struct linux_sigaction *action)
{
	struct proc *p = proc_current();
	struct linux_sigaction old;

	if (!action) {
		spin_lock(&p->sighand->lock);
		old = p->sighand->action[signo];
		spin_unlock(&p->sighand->lock);
		return old;
	}
	spin_lock(&proc_tree_lock);
	spin_lock(&p->sighand->lock);
	old = p->sighand->action[signo];
	p->sighand->action[signo] = *action;
	p->sighand->action[signo].mask &= ~SIG_UNBLOCKABLE;
	p->sighand->action[signo].flags &= SA_KNOWN;
	if (is_ignored(p->sighand, signo))
		drop_everywhere(p, SIGBIT(signo));
	spin_unlock(&p->sighand->lock);
	spin_unlock(&proc_tree_lock);
	return old;
}

int signal_exec(void)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	struct sighand *h = p->sighand;

	if (h->refs > 1) {
		h = sighand_create(h);
		if (!h)
			return -ENOMEM;
		spin_lock(&proc_tree_lock);
		sighand_put(p->sighand);
		p->sighand = h;
		spin_unlock(&proc_tree_lock);
	}
	spin_lock(&h->lock);
	for (int signo = 1; signo <= SIGMAX; signo++) {
		struct linux_sigaction *a = &h->action[signo];

		*a = (struct linux_sigaction){.handler = a->handler == SIG_IGN ? SIG_IGN : SIG_DFL};
	}
	t->altstack = (struct linux_sigaltstack){.flags = SS_DISABLE};
	spin_unlock(&h->lock);
	return 0;
}

/* -- taking and acting --------------------------------------------------------------------- */

/* Sighand locked. => the signal that is next of those in `set`; 0: none. */
static int take_locked(struct thread *t, uint64_t set, struct linux_siginfo *info)
{
	struct sigqueue *q = &t->pending;
	uint64_t due = q->set & set;
	int signo;

	if (!due) {
		q = &t->proc->pending;
		due = q->set & set;
	}
	if (!due)
		return 0;
	if (due & FAULTS)
		due &= FAULTS;
	signo = (int)lowest_bit(due) + 1;
	queue_take(q, signo, info);
	return signo;
}

int signal_take(uint64_t set, struct linux_siginfo *info)
{
	struct thread *t = thread_current();
	int signo;

	spin_lock(&t->proc->sighand->lock);
	signo = take_locked(t, set, info);
	spin_unlock(&t->proc->sighand->lock);
	return signo;
}

/* How a system call that a signal ended goes on. action NULL: no handler runs. */
static void call_restart(struct thread *t, const struct linux_sigaction *action)
{
	struct trapframe *tf = t->arch.user;
	int64_t result = (int64_t)tf->x[REG_A0];
	bool again = !action;

	if (tf->cause != CAUSE_SYSTEM_CALL)
		return;
	tf->cause = 0; /* once is enough */
	switch (-result) {
	case ERESTARTSYS: again |= action && action->flags & SA_RESTART; break;
	case ERESTARTNOINTR: again = true; break;
	case ERESTARTNOHAND: break;
	case ERESTART_BLOCK:
		if (again)
			tf->x[REG_A7] = SYS_restart_syscall;
		break;
	default: return;
	}
	tf->x[REG_A0] = again ? tf->tval : (uint64_t)-EINTR;
	if (again)
		tf->pc -= ECALL_LEN;
}

/* The process stops: sighand is not locked. */
static void stop_begin(struct proc *p, int signo)
{
	spin_lock(&proc_tree_lock);
	spin_lock(&p->sighand->lock);
	/* A CONT that came meanwhile has won; a group without a shell above does not stop. */
	if (!(p->pending.set & SIGBIT(SIGCONT)) && !p->is_ending &&
	    (signo == SIGSTOP || !proc_group_is_orphaned_locked(p->pgid, NULL))) {
		p->is_stopped = true;
		p->stop_signal = signo;
		list_for_each (it, &p->threads) {
			struct thread *t = container_of(it, struct thread, link);

			thread_work(t, WORK_SIGNAL);
			if (t != thread_current())
				thread_wake_from(t, THREAD_ASLEEP);
		}
	}
	spin_unlock(&p->sighand->lock);
	spin_unlock(&proc_tree_lock);
}

/* The current thread rests while its process is stopped. */
static void stop_rest(struct proc *p)
{
	spin_lock(&proc_tree_lock);
	if (p->is_stopped) {
		p->nstopped++;
		if (p->nstopped == p->nlive)
			proc_tell_stop_locked(p, CLD_STOPPED, p->stop_signal << 8 | 0x7f);
	}
	spin_unlock(&proc_tree_lock);
	while (__atomic_load_n(&p->is_stopped, __ATOMIC_SEQ_CST))
		sched_stop(&p->is_stopped);
	spin_lock(&proc_tree_lock);
	if (p->nstopped > 0)
		p->nstopped--;
	spin_unlock(&proc_tree_lock);
}

static _Noreturn void die(struct thread *t, const struct linux_siginfo *info)
{
	TRACE(TRACE_PROC_SIGNAL, t->proc->pid, info->signo, info->code,
	      info->code > 0 ? info->addr : 0, t->arch.user->pc, t->proc->as->id);
	proc_exit(info->signo);
}

void signal_act(void)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	struct sighand *h = p->sighand;
	bool pushed = false;

	for (;;) {
		struct linux_sigaction action;
		struct linux_siginfo info;
		uint64_t old_mask;
		int signo;

		spin_lock(&h->lock);
		__atomic_fetch_and(&t->work, ~(uint32_t)WORK_SIGNAL, __ATOMIC_SEQ_CST);
		if (p->is_ending || (p->execing && p->execing != t)) {
			spin_unlock(&h->lock);
			thread_exit(p->is_ending ? p->end_status : 0);
		}
		if (p->is_stopped) {
			spin_unlock(&h->lock);
			stop_rest(p);
			continue;
		}
		signo = take_locked(t, ~t->sigmask, &info);
		if (!signo) {
			spin_unlock(&h->lock);
			break;
		}
		action = h->action[signo];
		if (action.handler != SIG_DFL && action.handler != SIG_IGN) {
			if (action.flags & SA_RESETHAND)
				h->action[signo].handler = SIG_DFL;
			old_mask = t->has_saved_mask ? t->saved_mask : t->sigmask;
			t->has_saved_mask = false;
			t->sigmask |= action.mask;
			if (!(action.flags & SA_NODEFER))
				t->sigmask |= SIGBIT(signo);
			spin_unlock(&h->lock);
			TRACE(TRACE_SIGNAL, t->tid, signo, info.code, action.handler, 0, 0);
			call_restart(t, &action);
			pushed = true;
			if (t->rseq)
				rseq_abort(t);
			if (!sigframe_push(&action, &info, old_mask)) {
				/* Its own handler could not run either. */
				if (signo == SIGSEGV)
					signal_set_action(SIGSEGV, &(struct linux_sigaction){0});
				signal_force(SIGSEGV, SI_KERNEL, 0);
			}
			/* here: what comes from now on sets WORK_SIGNAL again */
			if (!((t->pending.set | p->pending.set) & ~t->sigmask))
				break;
			continue;
		}
		spin_unlock(&h->lock);
		if (action.handler == SIG_IGN || IGNORED & SIGBIT(signo))
			continue;
		if (STOPS & SIGBIT(signo)) {
			stop_begin(p, signo);
			continue;
		}
		die(t, &info);
	}
	if (pushed)
		return;
	call_restart(t, NULL);
	signal_restore_mask();
}

void thread_do_work(void)
{
	struct thread *t = thread_current();
	uint32_t work = __atomic_and_fetch(&t->work, ~(uint32_t)WORK_REGISTERS, __ATOMIC_SEQ_CST);

	for (; work; work = __atomic_load_n(&t->work, __ATOMIC_SEQ_CST)) {
		if (work & WORK_RESCHED) {
			__atomic_fetch_and(&t->work, ~(uint32_t)WORK_RESCHED, __ATOMIC_SEQ_CST);
			sched_resched();
		}
		if (work & WORK_CPU_TIME) {
			__atomic_fetch_and(&t->work, ~(uint32_t)WORK_CPU_TIME, __ATOMIC_SEQ_CST);
			itimers_check_cpu();
		}
		if (work & WORK_SIGNAL)
			signal_act();
		if (work & WORK_RSEQ) {
			__atomic_fetch_and(&t->work, ~(uint32_t)WORK_RSEQ, __ATOMIC_SEQ_CST);
			rseq_resume();
		}
	}
}
