/*
 * Terminals. Theory, invariants and locks: tty.c. Sessions and groups: tty_job.c; requests:
 * tty_ioctl.c.
 */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include "kernel/fs/ldisc.h"
#include "kernel/lib/lock.h"
#include "kernel/proc/wait.h"

struct file;
struct file_ops;
struct proc;
struct ttyport;

#define TTY_DEV ((uint32_t)229 << 8) /* Linux's name for the first virtio console is hvc0 */

struct tty {
	struct ttyport *port;

	struct spinlock lock; /* guards what follows */
	struct ldisc ldisc;
	struct linux_winsize size;
	bool is_reading, is_writing; /* a thread is in the middle of a read, a write */
	bool is_full;                /* the port holds input back */
	bool hung_up;                /* stays */
	bool exclusive;              /* TIOCEXCL */
	struct waitq readers, writers;

	/* Guarded by the tree's lock: whose terminal it is; 0: nobody's. */
	uint32_t session, group;
};

/* /dev/tty, the terminal of the process's session; /dev/console and /dev/hvc0, the machine's. */
extern const struct file_ops tty_own_ops, tty_console_ops, tty_ops;

/*
 * The machine's terminal, if it has one, gets its name in /dev. late: its line is told that
 * somebody wants what is typed when that is so, not now. => 0 or -ENOMEM.
 */
int tty_init(bool late);
/* When the group stops, so does who runs the machine, and both go on together. */
void tty_stops_outside(uint32_t group);
/* => the machine's terminal, or NULL. */
struct tty *tty_console(void);
/* Has process p's numbers of the set `fds` name the machine's terminal. => 0 or -errno. */
int tty_open_streams(struct proc *p, unsigned fds);

/* => the terminal of an open file of these ops. */
struct tty *tty_of(const struct file *f);

/* Hands what waits to the port. Locked. */
void tty_send_locked(struct tty *t);
/* Waits until all that was written has gone out. => 0 or -ERESTARTSYS. */
int tty_drain(struct tty *t);
/* There may be room for input that the port holds back. Not locked. */
void tty_resume(struct tty *t);
/* The window has another size: the foreground group is told. */
void tty_resize(struct tty *t, const struct linux_winsize *size);

/* ioctl, for file_ops. tty_ioctl.c */
int64_t tty_ioctl(struct file *f, uint32_t request, uint64_t arg);

/* -- tty_job.c ----------------------------------------------------------------------------- */

/*
 * The current process uses its terminal, in a way that only the foreground group may: signo is
 * SIGTTIN or SIGTTOU.
 * => 0; -ERESTARTSYS: its group was sent the signal; -EIO: it cannot be stopped.
 */
int tty_job_check(struct tty *t, int signo);

/* Sends a signal to the foreground group. */
void tty_signal(struct tty *t, int signo);

/* t becomes the terminal of the current process, a session's leader, if it may. => 0 or -EPERM. */
int tty_adopt(struct tty *t, bool steal);
/* The same for p, whose session and group are t's from now on. */
void tty_give(struct tty *t, struct proc *p);
/* The current process has no terminal any more; nor has its session, if it is the leader. */
void tty_disown(void);
/* p ends: its session, if it leads one, loses its terminal. */
void tty_leave(struct proc *p);

/* TIOCGPGRP, TIOCSPGRP, TIOCGSID. => the number or 0, or -errno */
int64_t tty_get_group(struct tty *t);
int64_t tty_set_group(struct tty *t, int32_t group);
int64_t tty_get_session(struct tty *t);

/* The other side has gone: the session is told, and all that are in it lose the terminal. */
void tty_hang_up_session(struct tty *t);

#endif
