/*
 * What programs ask of a terminal by ioctl(2): its settings, its window, what waits in
 * it, and whose it is. The requests and their errors: ioctl_tty(2).
 *
 * Settings come in three sizes: System V's struct termio (16 bits of flags, 8 control
 * characters), struct termios, and termios2 with the speeds as numbers. All are
 * changed at once, or after what was written has gone out (W), or also with what was
 * typed and not read thrown away (F).
 *
 * Who is not in the foreground may ask, but gets SIGTTOU when it changes something.
 */
#include "kernel/dev/ttyport.h"
#include "kernel/fs/file.h"
#include "kernel/fs/tty.h"
#include "kernel/lib/lib.h"
#include "kernel/proc/proc.h"

#define BOTHER       0x1000 /* the speed is not one of the table: as a number */
#define CBAUDEX      0x1000
#define CIBAUD_SHIFT 16

static int64_t put(uint64_t user, const void *from, size_t len)
{
	return arch_copy_to_user(VADDR(user), from, len) != 0 ? -EFAULT : 0;
}

static int64_t put_int(uint64_t user, int64_t value)
{
	int32_t n = (int32_t)value;

	return value < 0 ? value : put(user, &n, sizeof n);
}

/* -- settings ------------------------------------------------------------------------------ */

/* => the speed that flags name; 0: none (B0, or a number of no meaning). */
static uint32_t speed_of(uint32_t cbaud, uint32_t number)
{
	static const uint32_t speeds[] = {
	    0,       50,      75,      110,     134,     150,     200,    300,
	    600,     1200,    1800,    2400,    4800,    9600,    19200,  38400,
	    57600,   115200,  230400,  460800,  500000,  576000,  921600, 1000000,
	    1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
	uint32_t n = cbaud & 0xf;

	if (cbaud == BOTHER)
		return number;
	if (cbaud & CBAUDEX)
		n += 15;
	return n < ARRAY_SIZE(speeds) ? speeds[n] : 0;
}

/* The speeds follow from the flags. */
static void settle_speeds(struct linux_termios2 *set)
{
	uint32_t in = set->cflag >> CIBAUD_SHIFT & CBAUD;

	set->ospeed = speed_of(set->cflag & CBAUD, set->ospeed);
	set->ispeed = in == 0 ? set->ospeed : speed_of(in, set->ispeed);
}

static struct linux_termios2 settings(struct tty *t)
{
	spin_lock(&t->lock);
	struct linux_termios2 set = t->ldisc.set;
	spin_unlock(&t->lock);
	return set;
}

static int64_t get_termio(struct tty *t, uint64_t user)
{
	const struct linux_termios2 set = settings(t);
	struct linux_termio old = {(uint16_t)set.iflag,
				   (uint16_t)set.oflag,
				   (uint16_t)set.cflag,
				   (uint16_t)set.lflag,
				   set.line,
				   {0},
				   0};

	memcpy(old.cc, set.cc, NCC);
	return put(user, &old, sizeof old);
}

/* Reads new settings in the form of a request. => 0 or -EFAULT. */
static int64_t read_settings(struct linux_termios2 *set, uint64_t user, size_t size)
{
	struct linux_termio old;

	if (size != sizeof old) {
		if (arch_copy_from_user(set, VADDR(user), size) != 0)
			return -EFAULT;
	} else {
		if (arch_copy_from_user(&old, VADDR(user), size) != 0)
			return -EFAULT;
		set->iflag = (set->iflag & 0xffff0000) | old.iflag;
		set->oflag = (set->oflag & 0xffff0000) | old.oflag;
		set->cflag = (set->cflag & 0xffff0000) | old.cflag;
		set->lflag = (set->lflag & 0xffff0000) | old.lflag;
		set->line = old.line;
		memcpy(set->cc, old.cc, NCC);
	}
	settle_speeds(set);
	return 0;
}

static int64_t set_settings(struct tty *t, uint64_t user, size_t size, bool drain, bool flush)
{
	struct linux_termios2 set;
	int64_t error = tty_job_check(t, SIGTTOU);

	if (error)
		return error;
	set = settings(t);
	error = read_settings(&set, user, size);
	if (error)
		return error;
	if (flush) {
		spin_lock(&t->lock);
		ldisc_flush_input(&t->ldisc);
		spin_unlock(&t->lock);
		tty_resume(t);
	}
	if (drain)
		error = tty_drain(t);
	if (error)
		return error;
	t->port->ops->want(t->port);
	spin_lock(&t->lock);
	ldisc_set(&t->ldisc, &set);
	tty_send_locked(t);
	waitq_wake_all(&t->readers);
	waitq_wake_all(&t->writers);
	spin_unlock(&t->lock);
	tty_resume(t);
	return 0;
}

/* -- flow ---------------------------------------------------------------------------------- */

static int64_t flush(struct tty *t, uint64_t what)
{
	int64_t error = tty_job_check(t, SIGTTOU);

	if (error)
		return error;
	if (what != TCIFLUSH && what != TCOFLUSH && what != TCIOFLUSH)
		return -EINVAL;
	spin_lock(&t->lock);
	if (what != TCOFLUSH)
		ldisc_flush_input(&t->ldisc);
	if (what != TCIFLUSH) {
		ldisc_flush_output(&t->ldisc);
		waitq_wake_all(&t->writers);
	}
	spin_unlock(&t->lock);
	tty_resume(t);
	return 0;
}

static void put_control(struct tty *t, unsigned index)
{
	uint8_t c = t->ldisc.set.cc[index];

	if (c)
		ldisc_put_raw(&t->ldisc, c);
}

static int64_t flow(struct tty *t, uint64_t what)
{
	int64_t error = tty_job_check(t, SIGTTOU);

	if (error)
		return error;
	spin_lock(&t->lock);
	switch (what) {
	case TCOOFF: ldisc_stop(&t->ldisc); break;
	case TCOON: ldisc_start(&t->ldisc); break;
	case TCIOFF: put_control(t, VSTOP); break;
	case TCION: put_control(t, VSTART); break;
	default: error = -EINVAL; break;
	}
	tty_send_locked(t);
	if (!t->ldisc.stopped)
		waitq_wake_all(&t->writers);
	spin_unlock(&t->lock);
	return error;
}

/* A break is nothing that this line could carry, so what remains of it is the waiting before. */
static int64_t send_break(struct tty *t)
{
	int64_t error = tty_job_check(t, SIGTTOU);

	return error ? error : tty_drain(t);
}

/* -- the rest ------------------------------------------------------------------------------ */

static int64_t set_window(struct tty *t, uint64_t user)
{
	struct linux_winsize size;

	if (arch_copy_from_user(&size, VADDR(user), sizeof size) != 0)
		return -EFAULT;
	tty_resize(t, &size);
	return 0;
}

static int64_t set_group(struct tty *t, uint64_t user)
{
	int32_t group;

	/* Linux looks at the caller first: with no right to ask, it does not read the number. */
	if (arch_copy_from_user(&group, VADDR(user), sizeof group) != 0) {
		int64_t error = tty_get_group(t);

		return error < 0 ? error : -EFAULT;
	}
	return tty_set_group(t, group);
}

static int64_t adopt(struct tty *t, const struct file *f, bool steal)
{
	const struct proc *p = proc_current();

	if (p->sid == p->pid && p->tty == t)
		return 0;
	if (!file_may_read(f) && p->cred.euid != 0)
		return -EPERM;
	return tty_adopt(t, steal);
}

static int64_t disown(struct tty *t)
{
	if (proc_current()->tty != t)
		return -ENOTTY;
	tty_disown();
	return 0;
}

static int64_t set_discipline(struct tty *t, uint64_t user)
{
	int64_t error = tty_job_check(t, SIGTTOU);
	int32_t n;

	if (error)
		return error;
	if (arch_copy_from_user(&n, VADDR(user), sizeof n) != 0)
		return -EFAULT;
	return n == N_TTY ? 0 : -EINVAL;
}

static int64_t length(struct tty *t, size_t (*of)(const struct ldisc *), uint64_t user)
{
	spin_lock(&t->lock);
	size_t n = of(&t->ldisc);
	spin_unlock(&t->lock);
	return put_int(user, (int64_t)n);
}

int64_t tty_ioctl(struct file *f, uint32_t request, uint64_t arg)
{
	const size_t size = LINUX_TERMIOS_SIZE, size2 = sizeof(struct linux_termios2);
	const size_t old = sizeof(struct linux_termio);
	struct tty *t = tty_of(f);
	struct linux_termios2 set;

	if (t->hung_up)
		return request == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (request) {
	case TCGETS: set = settings(t); return put(arg, &set, size);
	case TCGETS2: set = settings(t); return put(arg, &set, size2);
	case TCGETA: return get_termio(t, arg);
	case TCSETS: return set_settings(t, arg, size, false, false);
	case TCSETSW: return set_settings(t, arg, size, true, false);
	case TCSETSF: return set_settings(t, arg, size, true, true);
	case TCSETS2: return set_settings(t, arg, size2, false, false);
	case TCSETSW2: return set_settings(t, arg, size2, true, false);
	case TCSETSF2: return set_settings(t, arg, size2, true, true);
	case TCSETA: return set_settings(t, arg, old, false, false);
	case TCSETAW: return set_settings(t, arg, old, true, false);
	case TCSETAF: return set_settings(t, arg, old, true, true);
	case TCFLSH: return flush(t, arg);
	case TCXONC: return flow(t, arg);
	case TCSBRK:
	case TCSBRKP:
	case TIOCSBRK: return send_break(t);
	case TIOCCBRK: return tty_job_check(t, SIGTTOU);
	case FIONREAD: return length(t, ldisc_input_len, arg);
	case TIOCOUTQ: return length(t, ldisc_output_len, arg);
	case TIOCGWINSZ: return put(arg, &t->size, sizeof t->size);
	case TIOCSWINSZ: return set_window(t, arg);
	case TIOCGPGRP: return put_int(arg, tty_get_group(t));
	case TIOCSPGRP: return set_group(t, arg);
	case TIOCGSID: return put_int(arg, tty_get_session(t));
	case TIOCSCTTY: return adopt(t, f, arg == 1);
	case TIOCNOTTY: return disown(t);
	case TIOCGETD: return put_int(arg, N_TTY);
	case TIOCSETD: return set_discipline(t, arg);
	case TIOCGDEV: return put_int(arg, TTY_DEV);
	case TIOCEXCL: t->exclusive = true; return 0;
	case TIOCNXCL: t->exclusive = false; return 0;
	case TIOCGEXCL: return put_int(arg, t->exclusive);
	/* Typing for others is what Linux refuses by default, too (dev.tty.legacy_tiocsti). */
	case TIOCSTI: return -EIO;
	default: return -ENOTTY;
	}
}
