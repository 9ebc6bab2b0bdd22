/*
 * Somebody at a terminal: runs a command on a pseudo-terminal and does what a script says.
 *
 *	pty [-o TRANSCRIPT] SCRIPT COMMAND [ARG...]
 *
 * A line of the script is a word and what belongs to it; text knows \n \r \t \e \\ and \xHH.
 *
 *	type TEXT       as from a keyboard
 *	expect TEXT     waits until that is shown, after what was expected last
 *	never TEXT      so far it was not shown
 *	window R C      the window gets that size
 *	flags NAME      `raw`, `cooked`: how the terminal has to be set now (canonical mode)
 *	signal NAME     INT, TERM, ... to the command, not to its group
 *	stop            the command has stopped itself; it is continued in the foreground
 *	hangup          the terminal goes away
 *	pause MS        for what has no visible beginning
 *	end STATUS      it ends, by itself: a number, or the name of a signal
 *	same            the terminal has the settings that it had at first
 *
 * The command is the leader of a session whose terminal this is. The window has 24 rows of 80
 * columns at first. All that is shown is kept in TRANSCRIPT. Nothing is waited for longer than
 * PTY_PATIENCE seconds (30).
 * => 0; or 1, with a line on standard error that says what did not happen, and what was shown last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int master, slave; /* the slave stays open, so that its settings can be read at the end */
static pid_t child;
static bool has_ended;
static int status;
static struct termios first;

static char *shown;
static size_t nshown, expected; /* bytes shown; up to where they were expected */
static FILE *transcript;
static unsigned line;
static double patience = 30;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what, const char *of)
{
	size_t from = nshown > 800 ? nshown - 800 : 0;

	fprintf(stderr, "line %u: %s%s; shown last:\n", line, what, of);
	for (size_t i = from; i < nshown; i++) {
		unsigned char c = (unsigned char)shown[i];

		if (c == '\n' || (c >= 32 && c < 127))
			putc(c, stderr);
		else
			fprintf(stderr, "\\x%02x", c);
	}
	putc('\n', stderr);
	if (!has_ended)
		kill(child, SIGKILL);
	exit(1);
}

/* Reads what is shown, for a moment. => false: there is nothing more to come. */
static bool look(int ms)
{
	struct pollfd p = {.fd = master, .events = POLLIN};
	char buf[4096];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return true;
	n = read(master, buf, sizeof buf);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	shown = realloc(shown, nshown + (size_t)n + 1);
	memcpy(shown + nshown, buf, (size_t)n);
	nshown += (size_t)n;
	shown[nshown] = 0;
	if (transcript && fwrite(buf, 1, (size_t)n, transcript) != (size_t)n)
		abort();
	return true;
}

static size_t unescape(char *s)
{
	char *to = s, *from = s;

	while (*from) {
		unsigned value;

		if (*from != '\\' || !from[1]) {
			*to++ = *from++;
			continue;
		}
		from++;
		switch (*from++) {
		case 'n': *to++ = '\n'; break;
		case 'r': *to++ = '\r'; break;
		case 't': *to++ = '\t'; break;
		case 'e': *to++ = 27; break;
		case 'x':
			if (sscanf(from, "%2x", &value) != 1)
				fail("not two digits behind \\x", "");
			*to++ = (char)value;
			from += 2;
			break;
		default: *to++ = from[-1];
		}
	}
	*to = 0;
	return (size_t)(to - s);
}

static void do_expect(const char *text, size_t len)
{
	double end = now() + patience;

	for (;;) {
		char *at = shown ? memmem(shown + expected, nshown - expected, text, len) : NULL;

		if (at) {
			expected = (size_t)(at - shown) + len;
			return;
		}
		if (now() > end)
			fail("never shown: ", text);
		look(50);
	}
}

/* The window's side of the line: what has been shown does not keep what is typed waiting. */
static void do_type(const char *text, size_t len)
{
	double end = now() + patience;

	while (len > 0) {
		struct pollfd p = {.fd = master, .events = POLLIN | POLLOUT};
		ssize_t n;

		if (now() > end)
			fail("nobody takes what is typed", "");
		poll(&p, 1, 100);
		if (p.revents & POLLIN)
			look(0);
		if (!(p.revents & POLLOUT))
			continue;
		n = write(master, text, len);
		if (n < 0 && errno == EAGAIN)
			n = 0;
		if (n < 0)
			fail("cannot type: ", strerror(errno));
		text += n;
		len -= (size_t)n;
	}
}

static int signal_number(const char *name)
{
	for (int n = 1; n < 32; n++)
		if (sigabbrev_np(n) && strcmp(sigabbrev_np(n), name) == 0)
			return n;
	fail("no such signal: ", name);
}

static void do_end(const char *want)
{
	double end = now() + patience;
	char got[32];

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (now() > end)
			fail("it does not end", "");
		look(20);
	}
	has_ended = true;
	while (master >= 0) {
		size_t before = nshown;

		if (!look(50) || nshown == before)
			break;
	}
	if (WIFSIGNALED(status))
		snprintf(got, sizeof got, "%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(got, sizeof got, "%d", WEXITSTATUS(status));
	if (strcmp(got, want) != 0)
		fail("it ended with ", got);
}

static void do_stop(void)
{
	double end = now() + patience;

	while (waitpid(child, &status, WNOHANG | WUNTRACED) == 0) {
		if (now() > end)
			fail("it does not stop", "");
		look(20);
	}
	if (!WIFSTOPPED(status))
		fail("it ended instead of stopping", "");
	kill(-child, SIGCONT);
}

static void do_same(void)
{
	struct termios t;

	if (tcgetattr(slave, &t) != 0 || t.c_iflag != first.c_iflag || t.c_oflag != first.c_oflag ||
	    t.c_cflag != first.c_cflag || t.c_lflag != first.c_lflag ||
	    memcmp(t.c_cc, first.c_cc, sizeof t.c_cc) != 0)
		fail("the terminal has other settings than before", "");
}

/* The terminal may be about to change. */
static void do_flags(const char *want)
{
	double end = now() + patience;
	struct termios t;

	for (;;) {
		if (tcgetattr(slave, &t) == 0 &&
		    !(t.c_lflag & ICANON) == (strcmp(want, "raw") == 0))
			return;
		if (now() > end)
			fail("the terminal is not ", want);
		look(20);
	}
}

static void command(char *text)
{
	char *word = strsep(&text, " ");
	struct winsize w = {0};
	size_t len;

	if (!text)
		text = word + strlen(word);
	if (strcmp(word, "window") == 0 && sscanf(text, "%hu %hu", &w.ws_row, &w.ws_col) == 2) {
		ioctl(master, TIOCSWINSZ, &w);
		return;
	}
	len = unescape(text);
	if (strcmp(word, "type") == 0)
		do_type(text, len);
	else if (strcmp(word, "expect") == 0)
		do_expect(text, len);
	else if (strcmp(word, "never") == 0 && shown && memmem(shown, nshown, text, len))
		fail("was shown: ", text);
	else if (strcmp(word, "never") == 0)
		;
	else if (strcmp(word, "flags") == 0)
		do_flags(text);
	else if (strcmp(word, "signal") == 0)
		kill(child, signal_number(text));
	else if (strcmp(word, "stop") == 0)
		do_stop();
	else if (strcmp(word, "hangup") == 0) {
		close(slave);
		close(master);
		master = -1;
	} else if (strcmp(word, "pause") == 0)
		for (double end = now() + atof(text) / 1000; now() < end;)
			look(10);
	else if (strcmp(word, "end") == 0)
		do_end(text);
	else if (strcmp(word, "same") == 0)
		do_same();
	else
		fail("what is this: ", word);
}

static void start(char **argv)
{
	const struct winsize window = {24, 80, 0, 0};
	char *name;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0 || grantpt(master) || unlockpt(master) || !(name = ptsname(master)) ||
	    (slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		perror("pty");
		exit(2);
	}
	tcgetattr(slave, &first);
	first.c_iflag |= IUTF8;
	tcsetattr(slave, TCSANOW, &first);
	ioctl(master, TIOCSWINSZ, &window);
	child = fork();
	if (child == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
}

int main(int argc, char **argv)
{
	const char *limit = getenv("PTY_PATIENCE");
	char *text = NULL;
	size_t size = 0;
	FILE *script;

	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		transcript = fopen(argv[2], "w");
		argv += 2;
		argc -= 2;
	}
	if (argc < 3) {
		fputs("usage: pty [-o TRANSCRIPT] SCRIPT COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (limit)
		patience = atof(limit);
	script = fopen(argv[1], "r");
	if (!script) {
		perror(argv[1]);
		return 2;
	}
	start(argv + 2);
	while (getline(&text, &size, script) > 0) {
		char *at = text + strspn(text, " \t");

		line++;
		at[strcspn(at, "\n")] = 0;
		if (*at && *at != '#')
			command(at);
	}
	if (!has_ended)
		fail("the script is over, and the command is not", "");
	return transcript && fclose(transcript) != 0 ? 2 : 0;
}
