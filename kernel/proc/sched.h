/*
 * Which thread runs where, and when. Theory: sched.c.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "kernel/lib/avl.h"
#include "kernel/lib/lock.h"
#include "kernel/proc/timer.h"

#define SCHED_MAX_HARTS 64

struct proc;
struct thread;

/* What a thread does. Guarded by the lock of its hart's run queue; set to asleep by itself. */
enum thread_state {
	THREAD_RUNNABLE = 0,  /* runs, or waits for a hart */
	THREAD_ASLEEP = 1,    /* until woken, or a signal comes */
	THREAD_WAITING = 2,   /* until woken; signals wait too */
	THREAD_STOPPED = 4,   /* by a job-control signal */
	THREAD_DEAD = 8,      /* gives up its hart for the last time */
	THREAD_KILLABLE = 16, /* until woken, or its process ends */
};

#define SCHED_SLICE_NS 3000000UL /* Linux's base slice, 3 ms on a few harts */

/* What programs choose of a thread's scheduling. */
struct sched_choice {
	int nice;   /* -20 .. 19 */
	int policy; /* SCHED_* */
	int rt_priority;
	bool reset_on_fork;
};

/* A thread's part in scheduling. */
struct sched_entity {
	struct avl_node node; /* in the run queue, by vruntime; while is_queued */
	uint32_t state;       /* enum thread_state */
	bool is_queued;
	unsigned hart;                /* whose run queue is its own */
	uint64_t affinity;            /* set of harts */
	uint64_t vruntime;            /* ns, weighted: see sched.c */
	uint64_t since_ns;            /* when it got its hart, or was last charged */
	uint64_t ran_ns;              /* sum of what it was charged */
	uint64_t nvoluntary, nforced; /* times it gave the hart up, or lost it */
	int nice;                     /* -20 .. 19 */
	int policy, rt_priority;      /* SCHED_*, as told; real-time ones run before all others */
	bool reset_on_fork;           /* children do not inherit what is better than usual */
	uint32_t weight;              /* follows from nice and policy */
	struct timer timer;           /* of thread_sleep() */
	bool timed_out;
};

/* => boot's own flow of control is the idle thread of this hart. */
void sched_init_hart(void);
/* Runs threads on this hart for ever. */
_Noreturn void sched_idle(void);

/* A new thread's first time in a run queue. */
void sched_start(struct thread *t);
void sched_entity_init(struct sched_entity *e, const struct sched_entity *parent);
/* The first thing that a new thread does. */
void sched_begin(void);

/* What ends a sleep, besides being woken: nothing; a signal to be acted on; the process's end. */
enum sleep_how { SLEEP_DEAF = 0, SLEEP_SIGNALS = 1, SLEEP_KILLABLE = 2 };

/* Makes t runnable if it is asleep (or waits). Any context, under any lock but a run queue's. */
void thread_wake(struct thread *t);
/* The same, if its state is one of those named. => whether it was. If t runs on another hart, and
 * has work, it is sent there. */
bool thread_wake_from(struct thread *t, unsigned states);

/*
 * Sleeping in two steps, between which the condition is looked at once more: after begin a
 * wake-up is not lost. => as waitq_sleep().
 */
void thread_sleep_begin(int how);
int thread_sleep(uint64_t deadline_ns, int how);
void thread_sleep_cancel(void);

/* Gives the hart to others that wait for it: sched_yield, and the end of a slice. */
void sched_yield_now(void);
void sched_resched(void);
/* Stops until woken from THREAD_STOPPED, unless no longer `*stopped`. */
void sched_stop(const bool *stopped);
_Noreturn void sched_die(void);

void sched_tick(void);                /* the hart's timer struck */
void sched_ipi(void);                 /* another hart has something for this one */
void sched_clock_update(void);        /* the hart's first timer has changed */
void sched_cpu_watch(struct proc *p); /* p->cpu_left has changed, wherever its threads run */
struct sched_choice sched_get(const struct thread *t);
void sched_set(struct thread *t, const struct sched_choice *c);
int sched_set_affinity(struct thread *t, uint64_t harts); /* 0; -EINVAL: no such hart runs */
uint64_t sched_harts(void);                               /* set of harts that run threads */
uint64_t sched_ran_ns(const struct thread *t);
unsigned sched_nrunnable(void);
/* What a hart has done: times that it went from one thread to another, and ns that it was busy. */
void sched_counts(unsigned hart, uint64_t *switches, uint64_t *busy_ns);
void wait_init(void);  /* wait.c */
void futex_init(void); /* futex.c */

#endif
