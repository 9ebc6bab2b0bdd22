/*
 * Timers as files: timerfd. Theory: timerfd.c.
 */
#ifndef KERNEL_TIMERFD_H
#define KERNEL_TIMERFD_H

#include "kernel/lib/types.h"

struct file;

/* => an open file with one reference; NULL: no memory. */
struct file *timerfd_open(int clock, uint32_t flags);
bool is_timerfd(const struct file *f);

/* value_ns: of its clock if `absolute`, else from now; 0: not set. What was left goes to *old_*. */
void timerfd_set(struct file *f, bool absolute, uint64_t value_ns, uint64_t interval_ns,
		 uint64_t *old_value, uint64_t *old_interval);
void timerfd_get(struct file *f, uint64_t *value_ns, uint64_t *interval_ns);

#endif
