/*
 * Interval timers: setitimer, alarm, timer_create. Theory: itimer.c.
 */
#ifndef KERNEL_ITIMER_H
#define KERNEL_ITIMER_H

#include "kernel/proc/signal.h"

struct itimer;
struct proc;

/* The signal of this timer's expiry has been taken, or dropped. Sighand locked. => overruns. */
int32_t itimer_entry_done(struct itimer *t);
/* Sends it: signal.c. Tree locked. */
void signal_send_timer(struct proc *p, struct thread *t, struct sigentry *e, struct itimer *timer);

/* which: ITIMER_*. => 0 or -ENOMEM. */
int64_t itimer_set_interval(int which, uint64_t value_ns, uint64_t interval_ns, uint64_t *old_value,
			    uint64_t *old_interval);
void itimer_get_interval(int which, uint64_t *value_ns, uint64_t *interval_ns);

/* ev NULL: SIGALRM. => its number or -errno. */
int64_t itimer_create(int clock, const struct linux_sigevent *ev);
/* value_ns: of the timer's clock if `absolute`, else from now; 0: disarm. => 0 or -EINVAL */
int64_t itimer_set(int id, bool absolute, uint64_t value_ns, uint64_t interval_ns,
		   uint64_t *old_value, uint64_t *old_interval);
int64_t itimer_get(int id, uint64_t *value_ns, uint64_t *interval_ns);
int64_t itimer_overrun(int id);
int64_t itimer_delete(int id);

/* Sleeps until a clock of processor time shows at_ns. => 0; -EINVAL, -ENOMEM, -ERESTARTSYS. */
int itimer_sleep_cpu(int clock, uint64_t at_ns);

/* proc.cpu_left is used up, or RLIMIT_CPU has changed: the current process's timers. */
void itimers_check_cpu(void);

#endif
