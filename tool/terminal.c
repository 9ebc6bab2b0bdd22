/*
 * The terminal that limpid was started from.
 *
 * Until a guest wants what is typed, the terminal stays as it is: the host's kernel makes lines,
 * echo and signals, other programs of a pipeline may use it, and Ctrl-Z stops limpid as any
 * program. Signals that it makes of keys are caught, so that the guest gets them.
 *
 * Once *taken*, it is raw: every key goes to the guest, whose own kernel makes lines, echo and
 * signals, and what the guest writes is shown as it is. Ctrl-a is ours then: Ctrl-a x leaves,
 * Ctrl-a z stops limpid, Ctrl-a h helps, Ctrl-a twice is one for the guest.
 *
 * When the guest's programs have stopped (Ctrl-Z, as any program on a terminal), limpid stops
 * itself, and what stopped goes on with it.
 *
 * However limpid ends, the terminal gets its settings back: at exit, and when a signal kills it
 * (but SIGKILL). When it is stopped it gives them back too, as far as it is asked (SIGTSTP, not
 * SIGSTOP), and takes the terminal again when it goes on.
 *
 * Newlines. Of a guest's two characters CR LF the host's kernel makes three, where it adds a CR to
 * each LF: as long as the terminal is not taken, and afterwards if others of a pipeline show
 * something there (keeps_lines). So the CR is left out then: what the guest's own kernel did for a
 * terminal is undone, byte for byte. Likewise its echo of a signal that the host has echoed.
 *
 * The terminal's settings are the process's, and so is what restores them: it is static.
 */
#define _GNU_SOURCE
#include "tool/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tool/tool.h"

#define ESCAPE 1 /* Ctrl-a */

/* A signal that comes just before a wait does not end it; so no wait is longer than this. */
#define WAIT_MAX_NS UINT64_C(50000000)

static int taken_fd = -1; /* -1: not taken */
static struct termios saved, raw;
static bool follows;                                /* terminal_follow() was called */
static volatile sig_atomic_t is_taken, has_resized; /* has_resized: if follows */
static volatile sig_atomic_t pending[2]; /* SIGINT, SIGQUIT: came, and not yet given on */
static uint8_t given;                    /* character of one that was given on just now; 0 */

/* -- settings ----------------------------------------------------------------------------- */

void terminal_restore(void)
{
	if (is_taken)
		tcsetattr(taken_fd, TCSADRAIN, &saved);
	is_taken = 0;
}

static void on_deadly(int signo)
{
	terminal_restore();
	signal(signo, SIG_DFL);
	raise(signo);
}

/* Goes on: in the foreground the terminal is taken again; else when a key is next wanted. */
static void take_again(void)
{
	pid_t foreground;

	if (!is_taken)
		return;
	foreground = tcgetpgrp(taken_fd);
	/* A terminal that has hung up continues those whom it leaves, too; then there is none. */
	if (foreground == getpgrp() || foreground < 0)
		tcsetattr(taken_fd, TCSADRAIN, &raw);
	else
		is_taken = 0;
}

/* The handler of SIGCONT takes it again. */
static void on_stop(int signo)
{
	int was_errno = errno;

	if (is_taken)
		tcsetattr(taken_fd, TCSADRAIN, &saved);
	raise(SIGSTOP);
	errno = was_errno;
}

static void on_continue(int signo)
{
	int was_errno = errno;

	take_again();
	has_resized = follows;
	errno = was_errno;
}

static void on_resize(int signo)
{
	has_resized = 1;
}

/* No SA_RESTART: a call that waits is to notice. */
static void handle(int signo, void (*handler)(int))
{
	struct sigaction a = {.sa_handler = handler}, old;

	/* What limpid was started with ignored, as by nohup, stays ignored. */
	if (sigaction(signo, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(signo, &a, NULL);
}

static void on_key_signal(int signo);

void terminal_take(struct terminal *t)
{
	static const int deadly[] = {SIGHUP, SIGTERM, SIGABRT, SIGSEGV,
				     SIGBUS, SIGILL,  SIGFPE,  SIGXCPU};
	static bool is_registered;

	if (is_taken)
		return;
	if (tcgetattr(t->in, &saved)) {
		t->ended = true;
		return;
	}
	raw = saved;
	cfmakeraw(&raw);
	if (t->keeps_lines)
		raw.c_oflag |= OPOST;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		handle(deadly[i], on_deadly);
	handle(SIGINT, follows ? on_key_signal : on_deadly);
	handle(SIGQUIT, follows ? on_key_signal : on_deadly);
	handle(SIGTSTP, on_stop);
	handle(SIGCONT, on_continue);
	if (!is_registered)
		atexit(terminal_restore);
	is_registered = true;
	taken_fd = t->in;
	is_taken = 1;
	while (tcsetattr(t->in, TCSADRAIN, &raw) && errno == EINTR)
		;
}

bool terminal_is_taken(void)
{
	return is_taken;
}

bool terminal_is_ours(const struct terminal *t)
{
	return tcgetpgrp(t->in) == getpgrp();
}

const char *terminal_newline(void)
{
	return is_taken && !(raw.c_oflag & OPOST) ? "\r\n" : "\n";
}

/* -- finding it --------------------------------------------------------------------------- */

void terminal_init(struct terminal *t, unsigned among)
{
	struct stat st, own, tty;
	int first = -1;

	memset(t, 0, sizeof(*t));
	t->in = t->out = -1;
	for (int fd = 0; fd < 3; fd++) {
		if (!(among >> fd & 1) || !isatty(fd) || fstat(fd, &st))
			continue;
		if (first < 0) {
			first = fd;
			own = st;
		}
		if (st.st_rdev == own.st_rdev)
			t->streams |= 1u << fd;
	}
	if (first < 0)
		return;
	t->in = t->streams & 1 ? STDIN_FILENO : first;
	t->out = t->streams & 2 ? STDOUT_FILENO : t->streams & 4 ? STDERR_FILENO : first;
	/* Standard output may have been opened for writing alone. */
	if ((fcntl(t->in, F_GETFL) & O_ACCMODE) == O_WRONLY ||
	    (fcntl(t->out, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		char *name = ttyname(first);
		int fd = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;

		if (fd >= 0 && !fstat(fd, &tty) && tty.st_rdev == own.st_rdev) {
			if ((fcntl(t->in, F_GETFL) & O_ACCMODE) == O_WRONLY)
				t->in = fd;
			if ((fcntl(t->out, F_GETFL) & O_ACCMODE) == O_RDONLY)
				t->out = fd;
		}
	}
}

/* -- signals before it is taken ----------------------------------------------------------- */

static void on_key_signal(int signo)
{
	volatile sig_atomic_t *p = &pending[signo == SIGQUIT];

	if (*p || is_taken)
		on_deadly(signo);
	*p = 1;
}

void terminal_follow(void)
{
	handle(SIGINT, on_key_signal);
	handle(SIGQUIT, on_key_signal);
	handle(SIGWINCH, on_resize);
	follows = true;
	has_resized = 1;
}

bool terminal_interrupted(void)
{
	return pending[0] || pending[1];
}

uint8_t terminal_signal(void)
{
	static const uint8_t characters[2] = {003, 034}; /* of the guest's first settings */

	for (int i = 0; i < 2; i++) {
		if (!pending[i])
			continue;
		pending[i] = 0;
		given = characters[i];
		return given;
	}
	return 0;
}

void terminal_obey_signal(void)
{
	if (pending[0])
		on_deadly(SIGINT);
	if (pending[1])
		on_deadly(SIGQUIT);
}

/* -- keys --------------------------------------------------------------------------------- */

void terminal_stop(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, old;

	if (is_taken)
		tcsetattr(taken_fd, TCSADRAIN, &saved);
	sigaction(SIGTSTP, &dfl, &old);
	kill(0, SIGTSTP);
	/* here: it goes on, or nobody was there who could have continued it */
	sigaction(SIGTSTP, &old, NULL);
	take_again();
}

bool terminal_may_stop(void)
{
	return getsid(getppid()) == getsid(0) && getpgid(getppid()) != getpgrp();
}

static void key(struct terminal *t, uint8_t byte)
{
	bool escape = t->escape;

	t->escape = false;
	if (!escape && byte == ESCAPE) {
		t->escape = true;
	} else if (escape && byte == 'x') {
		t->quit = true;
		if (t->m)
			machine_request_stop(t->m);
	} else if (escape && byte == 'z') {
		terminal_stop();
	} else if (escape && byte != ESCAPE) {
		complain(
		    "Ctrl-a x leaves, Ctrl-a z stops limpid, Ctrl-a h shows this, Ctrl-a Ctrl-a "
		    "is Ctrl-a for the guest");
	} else {
		t->keys[(t->keys_head + t->keys_count++) % sizeof(t->keys)] = byte;
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void terminal_read(struct terminal *t, uint64_t ns)
{
	size_t room = sizeof(t->keys) - t->keys_count;
	bool listens = is_taken && !t->ended && room > 0;
	struct pollfd p = {.fd = listens ? t->in : -1, .events = POLLIN};
	uint64_t wait = ns < WAIT_MAX_NS ? ns : WAIT_MAX_NS;
	struct timespec time = {0, (long)wait};
	uint8_t bytes[64];
	ssize_t n;

	if (!listens && ns == 0)
		return;
	if (ppoll(&p, 1, &time, NULL) <= 0 || !p.revents)
		return;
	n = read(t->in, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		t->ended = true;
	for (ssize_t i = 0; i < n; i++)
		key(t, bytes[i]);
}

size_t terminal_keys(struct terminal *t, void *buf, size_t len)
{
	uint8_t *to = buf;
	size_t n = 0;

	while (n < len && t->keys_count) {
		to[n++] = t->keys[t->keys_head];
		t->keys_head = (t->keys_head + 1) % sizeof(t->keys);
		t->keys_count--;
	}
	return n;
}

uint64_t terminal_idle(struct terminal *t, uint64_t ns, bool input)
{
	uint64_t start = now_ns(), passed = 0;

	while (passed < ns && !t->quit) {
		if (input && (t->keys_count || t->ended || has_resized || terminal_interrupted()))
			break; /* the machine is to know */
		terminal_read(t, ns - passed);
		passed = now_ns() - start;
		if (ns == UINT64_MAX && passed > 2 * WAIT_MAX_NS)
			break; /* the caller has more to do than this */
	}
	return passed < ns ? passed : ns;
}

void terminal_size(const struct terminal *t, uint16_t *cols, uint16_t *rows)
{
	struct winsize size;

	if (!has_resized)
		return;
	has_resized = 0;
	if (ioctl(t->out, TIOCGWINSZ, &size))
		return;
	*cols = size.ws_col;
	*rows = size.ws_row;
}

/* -- what the guest shows ----------------------------------------------------------------- */

static bool write_all(int fd, const char *from, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, from, len);
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			from += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* => whether the host's kernel adds a CR to each LF. */
static bool adds_returns(int fd)
{
	struct termios now = raw;

	return (is_taken || tcgetattr(fd, &now) == 0) &&
	       (now.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR);
}

/* => whether this is the guest's echo of a signal, which the host's kernel has echoed, too. */
static bool is_second_echo(const char *from, size_t len)
{
	bool is = given && !is_taken && len == 2 && from[0] == '^' && from[1] == (given ^ 0100);

	given = 0;
	return is;
}

bool terminal_write(struct terminal *t, const void *buf, size_t len)
{
	const char *from = buf;
	size_t start = 0;

	if (is_second_echo(from, len))
		return true;
	if (!adds_returns(t->out))
		return write_all(t->out, from, len);
	for (size_t i = 0; i + 1 < len; i++) {
		if (from[i] != '\r' || from[i + 1] != '\n')
			continue;
		if (!write_all(t->out, from + start, i - start))
			return false;
		start = i + 1;
	}
	return write_all(t->out, from + start, len - start);
}
