/*
 * Terminals: a line to somebody who types and looks (kernel/dev/ttyport.h), a line
 * discipline that makes lines, echo and signals of it (ldisc.c), and files that
 * programs read and write.
 *
 *	interrupt                                        program
 *	  port --input--> [ ldisc ] <--take-- tty_read
 *	  port <--send--- [       ] <--put--- tty_write
 *	                      |
 *	                   signals --> foreground group (tty_job.c)
 *
 * Names. The machine's terminal is /dev/hvc0, and /dev/console is another name for
 * it; /dev/tty is the terminal of whoever opens it. Only the opening of /dev/hvc0 can
 * make it somebody's controlling terminal, as on Linux.
 *
 * Reading and writing. One thread reads at a time, and one writes, from the first
 * byte to the last, so that lines and messages do not mix; they may sleep meanwhile,
 * so this is no lock but a flag to be waited for. Bytes pass through a small buffer of
 * the kernel's, since user memory must not be touched under the lock.
 *
 * How long a read waits (termios(3)): in canonical mode for a line; else
 *
 *	            VTIME 0                        VTIME t
 *	VMIN 0      not at all                     t tenths of a second for the first byte
 *	VMIN n      for n bytes                    for n bytes, but t after each at most
 *
 * Output that VSTOP has stopped waits, and so does who writes more.
 *
 * Hanging up. When the other side has gone, reads give the end of input, all else
 * EIO, for ever; the session was told with SIGHUP.
 *
 * Locks. tty.lock, a spinlock, is also taken by the port's interrupts; the queues' and
 * run queues' locks are taken inside it, and the port's own for output. It is never
 * held when signals are sent: the tree's lock is not inside it, nor it inside that.
 */
#include "kernel/fs/tty.h"
#include "kernel/dev/console.h"
#include "kernel/dev/ttyport.h"
#include "kernel/fs/file.h"
#include "kernel/fs/path.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"

#define CHUNK       256        /* bytes on their way to or from user memory */
#define DECISECOND  100000000L /* ns: VTIME's unit */
#define WRITE_ROOM  256        /* POLLOUT: as much may be written; Linux's WAKEUP_CHARS */
#define CONSOLE_DEV (5 << 8 | 1)
#define NAME        "hvc0"
#define TTY_GID     5 /* Debian's */

static struct tty *console_tty; /* the machine's; NULL: it has none */

struct tty *tty_console(void)
{
	return console_tty;
}

struct tty *tty_of(const struct file *f)
{
	return f->ctx;
}

/* -- the port's side ----------------------------------------------------------------------- */

void tty_send_locked(struct tty *t)
{
	const uint8_t *p;
	size_t n, sent;

	while ((n = ldisc_output(&t->ldisc, &p)) > 0) {
		sent = t->port->ops->send(t->port, p, n);
		ldisc_output_done(&t->ldisc, sent);
		if (sent < n)
			break;
	}
}

static size_t port_input(void *tty, const uint8_t *bytes, size_t n)
{
	struct tty *t = tty;
	size_t done = 0;
	int signo;

	do {
		spin_lock(&t->lock);
		done += ldisc_receive(&t->ldisc, bytes + done, n - done, &signo);
		t->is_full = done < n && !signo;
		tty_send_locked(t);
		if (ldisc_has_input(&t->ldisc, false))
			waitq_wake_all(&t->readers);
		if (!t->ldisc.stopped)
			waitq_wake_all(&t->writers);
		spin_unlock(&t->lock);
		if (signo)
			tty_signal(t, signo);
	} while (signo && done < n);
	return done;
}

static void port_ready(void *tty)
{
	struct tty *t = tty;

	spin_lock(&t->lock);
	tty_send_locked(t);
	waitq_wake_all(&t->writers);
	spin_unlock(&t->lock);
}

static void port_resize(void *tty, unsigned rows, unsigned cols)
{
	const struct linux_winsize size = {(uint16_t)rows, (uint16_t)cols, 0, 0};

	tty_resize(tty, &size);
}

static void port_hangup(void *tty)
{
	struct tty *t = tty;

	spin_lock(&t->lock);
	t->hung_up = true;
	waitq_wake_all(&t->readers);
	waitq_wake_all(&t->writers);
	spin_unlock(&t->lock);
	tty_hang_up_session(t);
}

static void port_goes_on(void *tty)
{
	(void)tty;
	signal_group(proc_outer_group, SIGCONT);
}

static const struct ttyport_calls port_calls = {.input = port_input,
						.ready = port_ready,
						.resize = port_resize,
						.goes_on = port_goes_on,
						.hangup = port_hangup};

static void step_back(void)
{
	console_tty->port->ops->release(console_tty->port);
}

void tty_stops_outside(uint32_t group)
{
	proc_outer_group = group;
	proc_outer_stopped = step_back;
}

void tty_resume(struct tty *t)
{
	if (__atomic_load_n(&t->is_full, __ATOMIC_RELAXED))
		t->port->ops->resume(t->port);
}

void tty_resize(struct tty *t, const struct linux_winsize *size)
{
	spin_lock(&t->lock);
	bool is_new = memcmp(&t->size, size, sizeof *size) != 0;
	t->size = *size;
	spin_unlock(&t->lock);
	if (is_new)
		tty_signal(t, SIGWINCH);
}

/* -- one at a time ------------------------------------------------------------------------- */

/* Locked. Waits until nobody else reads (or writes), and takes the turn. => 0 or -errno. */
static int turn_begin(struct tty *t, bool *taken, struct waitq *q, const struct file *f)
{
	int error = 0;

	while (*taken && !error)
		error =
		    f->flags & O_NONBLOCK ? -EAGAIN : waitq_sleep(q, &t->lock, UINT64_MAX, true);
	if (!error)
		*taken = true;
	return error;
}

static void turn_end(struct tty *t, bool *taken, struct waitq *q)
{
	*taken = false;
	waitq_wake_all(q);
}

/* -- reading ------------------------------------------------------------------------------- */

/* How long a read waits, as above. */
struct patience {
	size_t least;         /* bytes that make it complete */
	uint64_t deadline_ns; /* UINT64_MAX: never */
	uint64_t between_ns;  /* after each byte; 0: forever */
};

static struct patience patience_of(const struct tty *t)
{
	const struct linux_termios2 *set = &t->ldisc.set;
	uint64_t time_ns = set->cc[VTIME] * DECISECOND;
	struct patience p = {1, UINT64_MAX, 0};

	if (set->lflag & ICANON)
		return p;
	if (set->cc[VMIN] > 0) {
		p.least = set->cc[VMIN];
		p.between_ns = time_ns;
	} else {
		p.deadline_ns = arch_time_ns() + time_ns;
	}
	return p;
}

/* Locked. Waits until there is input. => 1: there is; 0: the read is over; -errno. */
static int await_input(struct tty *t, const struct file *f, const struct patience *p)
{
	while (!ldisc_has_input(&t->ldisc, false)) {
		if (t->hung_up || p->deadline_ns <= arch_time_ns())
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		int error = waitq_sleep(&t->readers, &t->lock, p->deadline_ns, true);
		if (error == -ETIMEDOUT)
			return ldisc_has_input(&t->ldisc, false);
		if (error)
			return error;
	}
	return 1;
}

/* Locked; unlocked while bytes are copied. => bytes moved, or -errno. */
static ssize_t read_turn(struct tty *t, struct file *f, struct uio *u)
{
	struct patience p = patience_of(t);
	uint8_t chunk[CHUNK];
	size_t total = 0;
	bool more = false;

	for (;;) {
		int ready = more ? 1 : await_input(t, f, &p);

		if (ready <= 0)
			return total > 0 ? (ssize_t)total : ready;
		bool is_line = t->ldisc.set.lflag & ICANON;
		size_t want = u->left < CHUNK ? u->left : CHUNK;
		size_t n = ldisc_take(&t->ldisc, chunk, want, &more);
		spin_unlock(&t->lock);
		size_t moved = uio_put(u, chunk, n);
		spin_lock(&t->lock);
		total += moved;
		if (moved < n)
			return total > 0 ? (ssize_t)total : -EFAULT;
		if (u->left == 0) {
			/* here: the mark of an end of line that the program's buffer just held */
			if (is_line && more)
				ldisc_take(&t->ldisc, chunk, 0, &more);
			return (ssize_t)total;
		}
		if (is_line ? !more : !more && total >= p.least)
			return (ssize_t)total;
		if (p.between_ns)
			p.deadline_ns = arch_time_ns() + p.between_ns;
	}
}

static ssize_t tty_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct tty *t = tty_of(f);
	ssize_t n;

	(void)pos;
	if (t->hung_up)
		return 0;
	n = tty_job_check(t, SIGTTIN);
	if (n < 0 || u->left == 0)
		return n;
	t->port->ops->want(t->port);
	spin_lock(&t->lock);
	n = turn_begin(t, &t->is_reading, &t->readers, f);
	if (n == 0) {
		n = read_turn(t, f, u);
		turn_end(t, &t->is_reading, &t->readers);
	}
	spin_unlock(&t->lock);
	tty_resume(t);
	return n;
}

/* -- writing ------------------------------------------------------------------------------- */

/* Locked. Puts out all n bytes. => 0 or -errno; *done of them went. */
static int put_all(struct tty *t, const struct file *f, const uint8_t *bytes, size_t n,
		   size_t *done)
{
	int error = 0;

	for (*done = 0; !error;) {
		if (t->hung_up)
			return -EIO;
		if (!t->ldisc.stopped) {
			*done += ldisc_put(&t->ldisc, bytes + *done, n - *done);
			tty_send_locked(t);
			if (*done == n)
				return 0;
			if (ldisc_output_room(&t->ldisc) >= WRITE_ROOM)
				continue;
		}
		error = f->flags & O_NONBLOCK
			    ? -EAGAIN
			    : waitq_sleep(&t->writers, &t->lock, UINT64_MAX, true);
	}
	return error;
}

static ssize_t tty_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct tty *t = tty_of(f);
	uint8_t chunk[CHUNK];
	ssize_t total = 0;
	int error = 0;

	(void)pos;
	if (t->hung_up)
		return -EIO;
	if (t->ldisc.set.lflag & TOSTOP)
		error = tty_job_check(t, SIGTTOU);
	if (error)
		return error;
	spin_lock(&t->lock);
	error = turn_begin(t, &t->is_writing, &t->writers, f);
	if (error) {
		spin_unlock(&t->lock);
		return error;
	}
	while (u->left > 0 && !error) {
		size_t want = u->left < CHUNK ? u->left : CHUNK, done;

		spin_unlock(&t->lock);
		size_t got = uio_take(u, chunk, want);
		spin_lock(&t->lock);
		error = put_all(t, f, chunk, got, &done);
		total += (ssize_t)done;
		if (got < want && !error)
			error = -EFAULT;
	}
	turn_end(t, &t->is_writing, &t->writers);
	spin_unlock(&t->lock);
	return total > 0 ? total : error;
}

int tty_drain(struct tty *t)
{
	int error = 0;

	spin_lock(&t->lock);
	while (ldisc_output_len(&t->ldisc) > 0 && !t->hung_up && !error) {
		tty_send_locked(t);
		if (ldisc_output_len(&t->ldisc) > 0)
			error = waitq_sleep(&t->writers, &t->lock, UINT64_MAX, true);
	}
	spin_unlock(&t->lock);
	return error;
}

/* -- polling ------------------------------------------------------------------------------- */

static unsigned tty_poll(struct file *f, struct poll_wait *pw)
{
	struct tty *t = tty_of(f);
	unsigned mask = 0;

	if (file_may_read(f))
		t->port->ops->want(t->port);
	poll_wait_add(pw, &t->readers);
	poll_wait_add(pw, &t->writers);
	spin_lock(&t->lock);
	if (t->hung_up)
		mask |= POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	if (ldisc_has_input(&t->ldisc, true))
		mask |= POLLIN | POLLRDNORM;
	if (!t->ldisc.stopped && !t->is_writing && ldisc_output_room(&t->ldisc) >= WRITE_ROOM)
		mask |= POLLOUT | POLLWRNORM;
	spin_unlock(&t->lock);
	return mask;
}

/* -- opening ------------------------------------------------------------------------------- */

static int open_tty(struct file *f, struct tty *t)
{
	if (!t || t->hung_up)
		return -ENXIO;
	if (t->exclusive && proc_current()->cred.euid != 0)
		return -EBUSY;
	f->ctx = t;
	return 0;
}

static int own_open(struct file *f)
{
	spin_lock(&proc_tree_lock);
	struct tty *t = proc_current()->tty;
	spin_unlock(&proc_tree_lock);
	return open_tty(f, t);
}

static int console_open(struct file *f)
{
	return open_tty(f, console_tty);
}

/* The terminal by its own name becomes that of a session without one, whose leader opens it. */
static int tty_open(struct file *f)
{
	int error = open_tty(f, console_tty);

	if (!error && !(f->flags & O_NOCTTY) && file_may_read(f))
		tty_adopt(tty_of(f), false);
	return error;
}

const struct file_ops tty_ops = {
    .read = tty_read, .write = tty_write, .poll = tty_poll, .ioctl = tty_ioctl, .open = tty_open};
const struct file_ops tty_console_ops = {.read = tty_read,
					 .write = tty_write,
					 .poll = tty_poll,
					 .ioctl = tty_ioctl,
					 .open = console_open};
const struct file_ops tty_own_ops = {
    .read = tty_read, .write = tty_write, .poll = tty_poll, .ioctl = tty_ioctl, .open = own_open};

/* -- the machine's ------------------------------------------------------------------------- */

int tty_init(bool late)
{
	struct ttyport *port = console_tty_port();
	struct tty *t;

	if (!port)
		return 0;
	t = kzalloc(sizeof *t);
	if (!t)
		return -ENOMEM;
	t->port = port;
	spin_init(&t->lock);
	ldisc_init(&t->ldisc);
	t->ldisc.set.iflag |= IUTF8; /* as every terminal of today */
	waitq_init(&t->readers);
	waitq_init(&t->writers);
	int error = device_add(NAME, 0620, TTY_DEV, &tty_ops, FIRST_UID, TTY_GID);
	if (error)
		return error;
	console_tty = t;
	port->tty = t;
	port->calls = &port_calls;
	port->ops->attach(port);
	if (!late)
		port->ops->want(port);
	return 0;
}

int tty_open_streams(struct proc *p, unsigned fds)
{
	struct path path;
	struct file *f;
	int error = path_walk(tree_root(), "/dev/" NAME, 0, &path);

	if (error)
		return error;
	error = file_open(path.inode, O_RDWR | O_NOCTTY | O_LARGEFILE, &f);
	if (!error) {
		error = file_set_name(f, path.dir, path.name, path.len);
		for (int fd = 0; fd < 3 && !error; fd++)
			if (fds >> fd & 1 && fd_replace(p->fds, fd, f, RLIM_INFINITY, false) < 0)
				error = -ENOMEM;
		file_put(f);
	}
	path_put(&path);
	return error;
}
