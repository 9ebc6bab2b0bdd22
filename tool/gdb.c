/*
 * The debugger's connection. What the bytes mean is the machine's business (machine/debug/gdb.c);
 * here they are fetched and brought.
 *
 *      listening ── a gdb connects ──> attached ── it detaches, or is gone ──> listening
 *      (the machine stands still       (runs and stands      (the machine runs)
 *       until the first has come)       as gdb says)
 *
 * The machine runs in slices; between two of them the connection is looked at, so Ctrl-C waits
 * for the end of a slice. A slice has no part in what the machine does: a limit never has.
 */
#define _GNU_SOURCE
#include "tool/gdb.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/tool.h"

/* Steps between two looks at the connection: a tenth of a second with breakpoints set. */
#define SLICE 1000000

#define PATIENCE    100   /* ms to wait for gdb while the machine stands still */
#define FAREWELL    1000  /* ms for gdb to take in the last packet */
#define SEND_WITHIN 10000 /* ms after which a gdb that takes nothing in is gone */

struct gdb_server {
	int listener, conn; /* conn: -1 if there is none */
	struct gdb *gdb;    /* NULL if conn is -1 */
	bool begun;         /* a gdb has come */
	bool lost;          /* conn failed */
	bool killed;
};

/* -- the socket --------------------------------------------------------------------------- */

/* A line of where it listens: ADDR:PORT. */
static void say_where(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&at, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	bool v6 = at.ss_family == AF_INET6;
	complain("waiting for gdb: target remote %s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
		 port);
}

/* Splits [ADDR:]PORT. => false: it is not of this form. */
static bool split(const char *where, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(where, ':'), *start = where, *end = colon;

	*port = colon ? colon + 1 : where;
	if ((*port)[0] == 0 || strspn(*port, "0123456789") != strlen(*port) || strlen(*port) > 5 ||
	    atoi(*port) > 65535)
		return false;
	snprintf(host, size, "127.0.0.1");
	if (!colon || colon == where)
		return true;
	if (*start == '[') {
		start++;
		if (*--end != ']')
			return false;
	} else if (memchr(start, ':', (size_t)(end - start))) {
		return false; /* an IPv6 address wants brackets */
	}
	if (end <= start || (size_t)(end - start) >= size)
		return false;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = 0;
	return true;
}

/* => a listening socket, or -1 with errno. */
static int listen_at(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 1) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

struct gdb_server *gdb_open(const char *verb, const char *where)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	struct gdb_server *s;
	char host[256];
	const char *port;
	int error;

	if (!split(where, host, sizeof host, &port)) {
		complain("%s: --gdb %s: not [ADDRESS:]PORT; write 1234 or 127.0.0.1:1234", verb,
			 where);
		return NULL;
	}
	error = getaddrinfo(host, port, &hints, &list);
	if (error) {
		complain("%s: --gdb %s: %s", verb, where, gai_strerror(error));
		return NULL;
	}
	s = calloc(1, sizeof *s);
	if (!s) {
		freeaddrinfo(list);
		complain_no_memory();
		return NULL;
	}
	s->conn = -1;
	s->listener = listen_at(list);
	error = errno;
	freeaddrinfo(list);
	if (s->listener < 0) {
		complain("%s: --gdb %s: %s", verb, where, strerror(error));
		free(s);
		return NULL;
	}
	say_where(s->listener);
	return s;
}

/* -- the connection ----------------------------------------------------------------------- */

static void send_all(void *ctx, const void *buf, size_t len)
{
	struct gdb_server *s = ctx;
	size_t done = 0;

	while (done < len && !s->lost) {
		ssize_t n = send(s->conn, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR) /* with EAGAIN, SEND_WITHIN has passed */
			s->lost = true;
	}
}

static void hang_up(struct gdb_server *s)
{
	gdb_destroy(s->gdb);
	s->gdb = NULL;
	close(s->conn);
	s->conn = -1;
	s->lost = false;
}

static void take_call(struct gdb_server *s, struct machine *m)
{
	struct timeval within = {.tv_sec = SEND_WITHIN / 1000};
	int one = 1;

	s->conn = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	if (s->conn < 0)
		return; /* the caller has gone */
	setsockopt(s->conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(s->conn, SOL_SOCKET, SO_SNDTIMEO, &within, sizeof within);
	s->gdb = gdb_create(m, send_all, s);
	if (!s->gdb) {
		complain("gdb: the host has no memory left for the debugger");
		close(s->conn);
		s->conn = -1;
		return;
	}
	s->begun = true;
}

/* Takes in what gdb sends, waiting up to `ms` for something. */
static void listen_to(struct gdb_server *s, struct machine *m, int ms)
{
	struct pollfd p = {.fd = s->gdb ? s->conn : s->listener, .events = POLLIN};
	char buf[4096];

	if (poll(&p, 1, ms) <= 0)
		return;
	if (!s->gdb) {
		take_call(s, m);
		return;
	}
	ssize_t n = recv(s->conn, buf, sizeof buf, MSG_DONTWAIT);
	if (n > 0)
		gdb_feed(s->gdb, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		s->lost = true;
}

/* -- the run ------------------------------------------------------------------------------ */

/* The end of the next slice: all harts have something to do in it. */
static uint64_t slice_end(const struct machine *m, uint64_t limit)
{
	uint64_t latest = 0;

	for (unsigned i = 0; i < machine_harts(m); i++)
		if (machine_clock(m, i) > latest)
			latest = machine_clock(m, i);
	return limit - latest > SLICE && limit > latest ? latest + SLICE : limit;
}

enum machine_stop gdb_serve(struct gdb_server *s, struct machine *m, uint64_t limit)
{
	bool stands = s->gdb ? gdb_state(s->gdb) == GDB_STOPPED : !s->begun;

	listen_to(s, m, stands ? PATIENCE : 0);
	/* A detached gdb hangs up by itself, but the machine need not wait for it. */
	if (s->gdb && (s->lost || gdb_state(s->gdb) == GDB_DETACHED))
		hang_up(s);
	if (!s->gdb)
		return s->begun ? machine_run(m, slice_end(m, limit)) : STOP_LIMIT;
	if (gdb_state(s->gdb) == GDB_KILLED)
		s->killed = true;
	return gdb_run(s->gdb, slice_end(m, limit));
}

bool gdb_killed(const struct gdb_server *s)
{
	return s && s->killed;
}

void gdb_close(struct gdb_server *s, unsigned status)
{
	if (!s)
		return;
	if (s->gdb) {
		struct pollfd p = {.fd = s->conn, .events = POLLIN};
		char buf[256];

		gdb_exited(s->gdb, status);
		/* What gdb still says is taken in, lest its last packet be lost with it. */
		shutdown(s->conn, SHUT_WR);
		while (poll(&p, 1, FAREWELL) > 0 && recv(s->conn, buf, sizeof buf, 0) > 0)
			;
		hang_up(s);
	}
	close(s->listener);
	free(s);
}
