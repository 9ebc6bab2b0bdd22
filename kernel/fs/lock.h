/*
 * Advisory locks on files: flock, and record locks of fcntl. Theory: lock.c.
 */
#ifndef KERNEL_FILE_LOCK_H
#define KERNEL_FILE_LOCK_H

#include "kernel/lib/types.h"

struct file_locks;
struct inode;

enum lock_kind { LOCK_FLOCK, LOCK_RECORD };

struct file_lock {
	enum lock_kind kind;
	bool exclusive;
	const void *owner;   /* flock: the open file; record: the table, or the open file (OFD) */
	uint64_t start, end; /* bytes [start, end); end UINT64_MAX: all that follows */
	uint32_t pid;        /* to be shown */
};

/*
 * Sets a lock, replacing what its owner holds of that range; with `wait`, when others let it.
 * => 0; -EAGAIN, -ENOMEM, -EDEADLK, -ERESTARTSYS.
 */
int file_lock_set(struct inode *i, const struct file_lock *l, bool wait);
/* Gives up what the owner holds of l's range. => 0 or -ENOMEM (a lock had to be split). */
int file_lock_clear(struct inode *i, const struct file_lock *l);
/* => whether somebody else's lock stands in the way, and *l is it. */
bool file_lock_test(struct inode *i, struct file_lock *l);

/* All locks of the owner go. */
void file_locks_drop(struct file_locks *locks, const void *owner);
void file_locks_free(struct file_locks *locks); /* NULL is allowed; none is held */

#endif
