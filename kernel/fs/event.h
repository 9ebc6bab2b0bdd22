/*
 * Counters as files: eventfd. Theory: event.c.
 */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include "kernel/lib/types.h"

struct file;

/* => an open file with one reference; NULL: no memory. */
struct file *event_open(uint64_t count, bool is_semaphore, uint32_t flags);

#endif
