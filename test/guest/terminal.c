/*
 * Terminals from a program's side: test/run-terminal runs each case on a pseudo-terminal, here and
 * on Linux, with the same keys, and both must show the same.
 *
 *	terminal CASE
 *
 * The program says `ready` before it waits for keys, so that none comes earlier.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "say.h"

static struct termios first;

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void show(const char *what, const char *bytes, ssize_t n)
{
	if (n < 0) {
		say(what, n);
		return;
	}
	printf("%s: %zd [", what, n);
	for (ssize_t i = 0; i < n; i++)
		if (isprint((unsigned char)bytes[i]))
			putchar(bytes[i]);
		else
			printf("\\%02x", (unsigned char)bytes[i]);
	puts("]");
}

/* => bytes read. */
static ssize_t get(size_t size)
{
	char buf[8192];
	ssize_t n = read(0, buf, size);

	show("read", buf, n);
	fflush(stdout);
	return n;
}

static struct termios set(tcflag_t iflag, tcflag_t oflag, tcflag_t lflag)
{
	struct termios t = first;

	t.c_iflag = iflag;
	t.c_oflag = oflag;
	t.c_lflag = lflag;
	if (tcsetattr(0, TCSADRAIN, &t))
		say("tcsetattr", -1);
	return t;
}

static void set_raw(int min, int time)
{
	struct termios t = first;

	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	tcsetattr(0, TCSADRAIN, &t);
}

static void reset(void)
{
	tcsetattr(0, TCSADRAIN, &first);
}

/* -- canonical input ----------------------------------------------------------------------- */

static void case_lines(void)
{
	ready();
	while (get(8192) > 0)
		;
	puts("again");
	ready();
	get(3); /* of a longer line */
	get(100);
	get(2); /* just up to the end of file behind it */
	get(100);
}

static void case_editing(void)
{
	const tcflag_t all = first.c_lflag;

	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, all & ~(tcflag_t)ECHOKE);
	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, all & ~(tcflag_t)ECHOE);
	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, all & ~(tcflag_t)ECHOCTL);
	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, all | ECHOPRT);
	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, (all & ~(tcflag_t)ECHO) | ECHONL);
	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, all & ~(tcflag_t)IEXTEN);
	ready();
	get(100);
	set(first.c_iflag & ~(tcflag_t)IUTF8, first.c_oflag, all);
	ready();
	get(100);
	reset();
	ready();
	get(100);
}

static void case_mapping(void)
{
	struct termios t = first;

	set(INLCR, first.c_oflag, ICANON);
	ready();
	get(100);
	set(IGNCR, first.c_oflag, ICANON);
	ready();
	get(100);
	set(ISTRIP | IUCLC | ICRNL, first.c_oflag, ICANON | ECHO | IEXTEN);
	ready();
	get(100);
	set(PARMRK, first.c_oflag, ICANON);
	ready();
	get(100);
	t.c_cc[VEOL] = ';';
	t.c_cc[VEOL2] = '.';
	t.c_cc[VERASE] = '#';
	t.c_cc[VKILL] = 0;
	t.c_cc[VEOF] = '!';
	tcsetattr(0, TCSADRAIN, &t);
	ready();
	get(100);
	get(100);
	get(100);
	get(100);
}

static void case_output(void)
{
	static const tcflag_t flags[] = {0,
					 OPOST,
					 OPOST | ONLCR,
					 OPOST | OCRNL,
					 OPOST | ONOCR,
					 OPOST | ONLRET,
					 OPOST | OLCUC | XTABS,
					 OPOST | ONLCR | ONLRET | XTABS,
					 OPOST | OCRNL | ONLRET,
					 OPOST | OCRNL | ONOCR | XTABS};
	static const char text[] = "a\tb\n\tcde\tf\r\r\tg\b\b\th\x01\xc3\xa9\ti\n\r\nx\ry\tz\r\n";

	for (size_t n = 0; n < sizeof flags / sizeof flags[0]; n++) {
		set(first.c_iflag, flags[n], first.c_lflag);
		if (write(1, text, sizeof text - 1) != sizeof text - 1)
			say("write", -1);
		if (write(1, "|\r\n", 3) != 3)
			say("write", -1);
	}
	reset();
}

/* -- other input --------------------------------------------------------------------------- */

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void timed(const char *what, size_t size, long long least, long long most)
{
	long long start = now_ms(), took;

	get(size);
	took = now_ms() - start;
	printf("%s: %s\n", what, took < least ? "too soon" : took > most ? "too late" : "in time");
	fflush(stdout);
}

static void case_raw(void)
{
	char buf[10];
	int n;

	set_raw(1, 0);
	ready();
	get(100);
	ready();
	get(2); /* of more */
	get(100);
	set_raw(4, 0);
	ready();
	get(100); /* waits for all four, typed two by two */
	get(2);   /* no more than asked for */
	set_raw(0, 0);
	timed("nothing", 100, 0, 200);
	set_raw(0, 3);
	timed("three tenths", 100, 280, 3000);
	ready();
	timed("soon", 100, 0, 3000);
	set_raw(5, 4);
	ready();
	timed("between", 100, 380, 8000); /* two come, and then no more */
	set_raw(2, 0);
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	say("nonblocking", read(0, buf, 10));
	ready();
	usleep(300000);
	say("nonblocking, one", read(0, buf, 10));
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_NONBLOCK);
	reset();
	ready();
	poll(&(struct pollfd){0, POLLIN, 0}, 1, 5000);
	say("FIONREAD", ioctl(0, FIONREAD, &n));
	printf("waiting %d\n", n);
	set_raw(1, 0);
	ioctl(0, FIONREAD, &n);
	printf("waiting %d\n", n);
	get(100);
	ready();
	usleep(300000);
	reset(); /* what came without lines is one */
	get(100);
	ready();
	get(100);
}

static void polled(const char *what, int fd, short events, int ms)
{
	struct pollfd p = {fd, events, 0};
	int n = poll(&p, 1, ms);

	printf("%s: %d, %#x\n", what, n, (unsigned)p.revents);
	fflush(stdout);
}

static void case_poll(void)
{
	struct timeval zero = {0, 0}, soon = {5, 0};
	fd_set set_r, set_w;

	polled("nothing", 0, POLLIN | POLLOUT, 0);
	polled("time over", 0, POLLIN, 100);
	ready();
	polled("half a line", 0, POLLIN, 400);
	ready();
	polled("a line", 0, POLLIN, 5000);
	get(100);
	FD_ZERO(&set_r);
	FD_SET(0, &set_r);
	FD_ZERO(&set_w);
	FD_SET(1, &set_w);
	say("select", select(2, &set_r, &set_w, NULL, &zero));
	FD_SET(0, &set_r);
	ready();
	say("select", select(1, &set_r, NULL, NULL, &soon));
	get(100);
	set_raw(3, 0);
	ready();
	polled("two of three", 0, POLLIN, 400);
	ready();
	polled("three of three", 0, POLLIN, 5000);
	get(100);
	set_raw(3, 1);
	ready();
	polled("one, with a time", 0, POLLIN, 5000);
	get(100);
	reset();
}

/* -- flow ---------------------------------------------------------------------------------- */

static void case_flow(void)
{
	char buf[10];
	int n;

	ready();
	get(100); /* Ctrl-S and Ctrl-Q are not in it */
	/* Stopped by a key: who writes waits until another comes. */
	ready();
	usleep(300000);
	struct pollfd out = {1, POLLOUT, 0};
	poll(&out, 1, 0);
	fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
	n = (int)write(1, "x\n", 2);
	int error = errno;
	fcntl(1, F_SETFL, fcntl(1, F_GETFL) & ~O_NONBLOCK);
	tcflow(1, TCOON); /* does not undo what a key did */
	puts("gone on");
	fflush(stdout);
	printf("may write while stopped: %#x\n", (unsigned)out.revents);
	errno = error;
	say("write while stopped", n);
	fflush(stdout);
	pid_t other = fork();
	if (other == 0) {
		usleep(300000);
		tcflow(1, TCOON);
		_exit(0);
	}
	n = tcflow(1, TCOOFF);
	say("TCOOFF", n);
	puts("and on");
	fflush(stdout);
	waitpid(other, NULL, 0);
	say("tcflow", tcflow(1, 17));
	say("tcflush", tcflush(0, 17));
	set_raw(1, 0);
	ready();
	usleep(300000);
	say("flush", tcflush(0, TCIFLUSH));
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	say("after it", read(0, buf, 10));
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_NONBLOCK);
	ready();
	usleep(300000);
	struct termios t = first;
	say("TCSAFLUSH", tcsetattr(0, TCSAFLUSH, &t));
	ready();
	get(100);
	say("tcdrain", tcdrain(1));
	say("tcsendbreak", tcsendbreak(1, 0));
	say("TIOCOUTQ", ioctl(1, TIOCOUTQ, &n));
}

/* -- settings ------------------------------------------------------------------------------ */

static void show_settings(const char *what)
{
	struct termios t;

	if (tcgetattr(0, &t)) {
		say(what, -1);
		return;
	}
	printf("%s: %x %x %x %x line %d, speeds %u %u\n", what, t.c_iflag, t.c_oflag, t.c_cflag,
	       t.c_lflag, t.c_line, cfgetispeed(&t), cfgetospeed(&t));
	for (int n = 0; n < 17; n++)
		printf(" %d", t.c_cc[n]);
	putchar('\n');
}

struct termios2_of_linux {
	unsigned flags[4];
	unsigned char line, cc[19];
	unsigned ispeed, ospeed;
};
#define GETS2 0x802c542aU
#define SETS2 0x402c542bU

static void case_settings(void)
{
	struct termios2_of_linux t2;
	struct termios t;
	struct winsize w;
	struct stat st;
	unsigned short old[9];
	int n = -1;

	show_settings("first");
	t = first;
	cfsetospeed(&t, B9600);
	cfsetispeed(&t, B9600);
	t.c_cc[VINTR] = 1;
	t.c_lflag |= TOSTOP;
	say("set", tcsetattr(0, TCSANOW, &t));
	show_settings("changed");
	say("TCGETS2", ioctl(0, GETS2, &t2));
	printf("speeds %u %u\n", t2.ispeed, t2.ospeed);
	t2.flags[2] = (t2.flags[2] & ~0x100fU) | 0x1000; /* BOTHER */
	t2.ospeed = t2.ispeed = 12345;
	say("TCSETS2", ioctl(0, SETS2, &t2));
	ioctl(0, GETS2, &t2);
	printf("speeds %u %u\n", t2.ispeed, t2.ospeed);
	say("TCGETA", ioctl(0, TCGETA, old));
	printf("%x %x %x\n", old[0], old[1], old[3]);
	old[3] &= (unsigned short)~TOSTOP;
	say("TCSETA", ioctl(0, TCSETA, old));
	reset();
	show_settings("last");
	say("no memory", ioctl(0, TCGETS, (void *)8));
	say("no memory", ioctl(0, TCSETS, (void *)8));
	say("no memory", ioctl(0, TIOCGWINSZ, (void *)8));
	say("no memory", ioctl(0, TIOCSPGRP, (void *)8));
	say("no such request", ioctl(0, 0x54ff, &n));
	say("discipline", ioctl(0, TIOCGETD, &n));
	printf("%d\n", n);
	say("the same discipline", ioctl(0, TIOCSETD, &n));
	say("window", ioctl(0, TIOCGWINSZ, &w));
	printf("%d rows, %d columns\n", w.ws_row, w.ws_col);
	fstat(0, &st);
	printf("kind %o, links to itself: %s\n", st.st_mode & S_IFMT,
	       ttyname(0) && stat(ttyname(0), &st) == 0 ? "yes" : "no");
	printf("may be read and written: %d\n", (fcntl(0, F_GETFL) & O_ACCMODE) == O_RDWR);
	say("lseek", lseek(0, 0, SEEK_CUR));
	say("pread", pread(0, &w, 1, 0));
	say("ftruncate", ftruncate(0, 0));
	say("fsync", fsync(0));
	say("exclusive", ioctl(0, TIOCEXCL));
	say("is it", ioctl(0, 0x80045440, &n));
	printf("%d\n", n);
	say("not exclusive", ioctl(0, TIOCNXCL));
	n = open("/dev/tty", O_RDWR);
	printf("/dev/tty: %s\n", n >= 0 ? "open" : strerrorname_np(errno));
	say("isatty", isatty(n));
	fstat(n, &st);
	printf("device %x\n", (unsigned)st.st_rdev);
	n = open("/dev/null", O_RDWR);
	say("null", ioctl(n, TCGETS, &t));
}

/* -- signals ------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
	caught = signo;
}

static void catch (int signo, int flags)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};

	sigaction(signo, &a, NULL);
}

static void case_signals(void)
{
	struct winsize w;

	catch (SIGINT, 0);
	catch (SIGQUIT, 0);
	catch (SIGTSTP, 0);
	catch (SIGWINCH, 0);
	for (int n = 0; n < 4; n++) {
		ready();
		get(100);
		printf("caught %s\n", caught ? sigabbrev_np(caught) : "nothing");
		caught = 0;
	}
	ioctl(0, TIOCGWINSZ, &w);
	printf("%d rows, %d columns\n", w.ws_row, w.ws_col);
	w.ws_row = 5;
	say("TIOCSWINSZ", ioctl(0, TIOCSWINSZ, &w));
	printf("caught %s\n", caught ? sigabbrev_np(caught) : "nothing");
	caught = 0;
	say("the same", ioctl(0, TIOCSWINSZ, &w));
	printf("caught %s\n", caught ? sigabbrev_np(caught) : "nothing");
	catch (SIGINT, SA_RESTART);
	ready();
	get(100);
	printf("caught %s\n", caught ? sigabbrev_np(caught) : "nothing");
	set(first.c_iflag, first.c_oflag, first.c_lflag | NOFLSH);
	ready();
	get(100);
	set(first.c_iflag, first.c_oflag, first.c_lflag & ~(tcflag_t)ISIG);
	caught = 0;
	ready();
	get(100);
	printf("caught %s\n", caught ? sigabbrev_np(caught) : "nothing");
	reset();
}

static void case_die(void)
{
	ready();
	for (;;)
		get(100);
}

/* -- jobs ---------------------------------------------------------------------------------- */

static void told(const char *what, pid_t child, int options)
{
	int status = 0;
	pid_t got = waitpid(child, &status, options);

	if (got < 0)
		say(what, got);
	else if (got == 0)
		printf("%s: nothing\n", what);
	else if (WIFSTOPPED(status))
		printf("%s: stopped by %s\n", what, sigabbrev_np(WSTOPSIG(status)));
	else if (WIFCONTINUED(status))
		printf("%s: continued\n", what);
	else if (WIFSIGNALED(status))
		printf("%s: killed by %s\n", what, sigabbrev_np(WTERMSIG(status)));
	else
		printf("%s: exited %d\n", what, WEXITSTATUS(status));
	fflush(stdout);
}

/* A child in a group of its own, in the background; it runs what. */
static pid_t background(void (*what)(void))
{
	pid_t child = fork();

	if (child == 0) {
		setpgid(0, 0);
		what();
		fflush(stdout);
		_exit(7);
	}
	setpgid(child, child);
	return child;
}

static void reads(void)
{
	get(100);
}

static void writes(void)
{
	puts("in the background");
	fflush(stdout);
}

static void sets(void)
{
	struct termios t = first;

	say("set from there", tcsetattr(0, TCSANOW, &t));
}

static void sets_blocked(void)
{
	signal(SIGTTOU, SIG_IGN);
	sets();
}

static void reads_blocked(void)
{
	signal(SIGTTIN, SIG_IGN);
	get(100);
}

static void takes(void)
{
	say("tcsetpgrp from there", tcsetpgrp(0, getpgrp()));
}

static void pauses(void)
{
	for (;;)
		pause();
}

static void reads_with_handler(void)
{
	catch (SIGTTIN, 0);
	get(100);
}

static void foreground(pid_t group)
{
	signal(SIGTTOU, SIG_IGN);
	say("tcsetpgrp", tcsetpgrp(0, group));
	signal(SIGTTOU, SIG_DFL);
}

/* Ends child, whatever it does. */
static void end(pid_t child)
{
	kill(child, SIGKILL);
	told("ended", child, 0);
}

/* What /proc tells of the terminal: its device, and the group in the foreground. */
static void show_stat(void)
{
	FILE *f = fopen("/proc/self/stat", "r");
	int group, session, device, foreground;
	struct stat st;

	fstat(0, &st);
	if (f &&
	    fscanf(f, "%*d %*s %*c %*d %d %d %d %d", &group, &session, &device, &foreground) == 4)
		printf("stat: group %d, session %d, terminal %d, foreground %d\n",
		       group == getpgrp(), session == getsid(0), device == (int)st.st_rdev,
		       foreground == tcgetpgrp(0));
	fclose(f);
}

static void case_jobs(void)
{
	pid_t child, me = getpgrp();

	show_stat();
	check("in the foreground", tcgetpgrp(0) == me);
	check("leader", getsid(0) == getpid() && tcgetsid(0) == getpid());
	child = background(reads);
	told("reader", child, WUNTRACED);
	foreground(child);
	check("its turn", tcgetpgrp(0) == child);
	kill(-child, SIGCONT);
	told("reader", child, WCONTINUED);
	ready();
	told("reader", child, WUNTRACED);
	foreground(me);

	child = background(writes);
	told("writer", child, WUNTRACED);
	set(first.c_iflag, first.c_oflag, first.c_lflag | TOSTOP);
	child = background(writes);
	told("writer", child, WUNTRACED);
	kill(child, SIGCONT);
	told("writer", child, WUNTRACED); /* again */
	reset();
	kill(child, SIGCONT);
	told("writer", child, WUNTRACED);

	child = background(sets);
	told("setter", child, WUNTRACED);
	foreground(child);
	kill(child, SIGCONT);
	told("setter", child, WUNTRACED);
	foreground(me);
	child = background(sets_blocked);
	told("setter", child, WUNTRACED);
	child = background(reads_blocked);
	told("reader", child, WUNTRACED);
	child = background(takes);
	told("taker", child, WUNTRACED);
	end(child);
	child = background(reads_with_handler);
	told("reader with handler", child, WUNTRACED);

	say("no such group", tcsetpgrp(0, 99999));
	say("negative", tcsetpgrp(0, -3));
	errno = 0;
	say("not a terminal", tcgetpgrp(open("/dev/null", O_RDONLY)));
}

static void case_stops(void)
{
	pid_t child = background(pauses), me = getpgrp();

	foreground(child);
	ready();
	told("pauser", child, WUNTRACED);
	told("pauser", child, WUNTRACED | WNOHANG);
	foreground(me);
	kill(child, SIGCONT);
	told("pauser", child, WUNTRACED | WCONTINUED);
	foreground(child);
	ready();
	told("pauser", child, WUNTRACED);
	foreground(me);
	/* This group's own, whose parent is not in the session: it does not stop. */
	ready();
	get(100);
	puts("not stopped");
	child = background(reads);
	told("reader", child, WUNTRACED);
	foreground(child);
	kill(child, SIGCONT);
	ready();
	told("reader", child, WUNTRACED);
	foreground(me);
}

/* In a group whose parent has gone: nobody could continue it. */
static void orphan(void)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		_exit(0);
	setpgid(0, 0);
	while (getppid() == parent)
		usleep(1000);
	usleep(200000); /* until that is told */
	get(100);
	sets();
	raise(SIGTSTP);
	puts("not stopped");
	fflush(stdout);
	_exit(0);
}

static void case_orphans(void)
{
	int pipe_of[2];
	char c;
	pid_t child;

	if (pipe(pipe_of))
		exit(1);
	child = fork();
	if (child == 0) {
		close(pipe_of[0]);
		orphan();
	}
	close(pipe_of[1]);
	told("parent", child, 0);
	say("all gone", read(pipe_of[0], &c, 1)); /* the orphan has the other end */
}

static void case_sessions(void)
{
	pid_t child;
	int fd;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		say("not the leader", ioctl(0, TIOCSCTTY, 0));
		say("give up", ioctl(0, TIOCNOTTY));
		say("again", ioctl(0, TIOCNOTTY));
		say("/dev/tty", open("/dev/tty", O_RDWR));
		say("group", tcgetpgrp(0));
		say("session", tcgetsid(0));
		check("settings can be read", tcgetattr(0, &first) == 0);
		fflush(stdout);
		_exit(0);
	}
	told("child", child, 0);
	child = fork();
	if (child == 0) {
		check("new session", setsid() == getpid());
		say("/dev/tty", open("/dev/tty", O_RDWR));
		say("taken by another", ioctl(0, TIOCSCTTY, 0));
		fd = open(ttyname(0), O_RDWR);
		check("open", fd >= 0);
		say("group", tcgetpgrp(fd));
		say("tcsetpgrp", tcsetpgrp(fd, getpid()));
		puts("written without it");
		fflush(stdout);
		_exit(0);
	}
	told("child", child, 0);
	say("mine already", ioctl(0, TIOCSCTTY, 0));
	say("setsid", setsid());
	/* The leader gives it up, and is told as all others. */
	catch (SIGHUP, 0);
	catch (SIGCONT, 0);
	say("give up", ioctl(0, TIOCNOTTY));
	printf("caught %s\n", caught ? sigabbrev_np(caught) : "nothing");
	say("/dev/tty", open("/dev/tty", O_RDWR));
	fd = open(ttyname(0), O_RDWR | O_NOCTTY);
	say("not by that", tcgetpgrp(fd));
	fd = open(ttyname(0), O_RDWR);
	check("taken by opening", tcgetpgrp(fd) == getpid());
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {{"lines", case_lines},     {"editing", case_editing},   {"mapping", case_mapping},
	     {"output", case_output},   {"raw", case_raw},           {"poll", case_poll},
	     {"flow", case_flow},       {"settings", case_settings}, {"signals", case_signals},
	     {"die", case_die},         {"jobs", case_jobs},         {"stops", case_stops},
	     {"orphans", case_orphans}, {"sessions", case_sessions}};

int main(int argc, char **argv)
{
	tcgetattr(0, &first);
	for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
		if (argc == 2 && strcmp(argv[1], cases[n].name) == 0) {
			cases[n].run();
			return 0;
		}
	return 2;
}
