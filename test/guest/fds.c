/* fcntl, dup, locks; pipes, FIFOs, eventfd; poll and select. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "test/guest/place.h"

static char buf[70000];

static void finish(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	printf("child: %d\n", WEXITSTATUS(status));
}

static void flags(void)
{
	struct f_owner_ex owner = {F_OWNER_PID, 0};
	int fd = make_file("f", "text"), e;

	printf("F_GETFL %o\n", fcntl(fd, F_GETFL));
	say("F_SETFL", fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY | O_CREAT));
	printf("F_GETFL %o\n", fcntl(fd, F_GETFL));
	e = open("f", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_SYNC | O_NOCTTY);
	printf("F_GETFL %o\n", fcntl(e, F_GETFL));
	printf("F_GETFD %d\n", fcntl(e, F_GETFD));
	say("F_SETFD", fcntl(e, F_SETFD, 2));
	printf("F_GETFD %d\n", fcntl(e, F_GETFD));
	say("F_DUPFD", fcntl(e, F_DUPFD, 100));
	say("F_DUPFD again", fcntl(e, F_DUPFD, 100));
	say("F_DUPFD_CLOEXEC", fcntl(e, F_DUPFD_CLOEXEC, 110));
	printf("F_GETFD %d %d\n", fcntl(100, F_GETFD), fcntl(110, F_GETFD));
	say("F_DUPFD, negative", fcntl(e, F_DUPFD, -1));
	say("F_DUPFD, too large", fcntl(e, F_DUPFD, 1 << 30));
	say("fcntl, unknown", fcntl(e, 9999, 0));
	say("fcntl of 99", fcntl(99, F_GETFD));
	say("F_GETOWN", fcntl(e, F_GETOWN));
	say("F_SETOWN", fcntl(e, F_SETOWN, getpid()));
	check("F_GETOWN", fcntl(e, F_GETOWN) == getpid());
	say("F_GETOWN_EX", fcntl(e, F_GETOWN_EX, &owner));
	check("is ours", owner.type == F_OWNER_PID && owner.pid == getpid());
	say("F_SETOWN, nobody", fcntl(e, F_SETOWN, 999999));
	say("F_SETSIG", fcntl(e, F_SETSIG, SIGUSR1));
	check("F_GETSIG", fcntl(e, F_GETSIG) == SIGUSR1);
	say("F_SETSIG, bad", fcntl(e, F_SETSIG, 1000));
	say("F_GETPIPE_SZ of a file", fcntl(e, F_GETPIPE_SZ));
	say("F_GETLEASE", fcntl(e, F_GETLEASE) == F_UNLCK ? 0 : -1);
	say("dup of 99", dup(99));
	say("dup2 to itself", dup2(e, e) == e ? 0 : -1);
	say("dup2 of 99 to itself", dup2(99, 99));
	say("dup2 to -1", dup2(e, -1));
	say("dup3, bad flags", dup3(e, 120, O_NONBLOCK));
	say("dup3 to itself", dup3(e, e, 0));
	say("dup3 too large", dup3(e, 1 << 30, 0));
	say("FIOCLEX", ioctl(fd, FIOCLEX));
	printf("F_GETFD %d\n", fcntl(fd, F_GETFD));
	say("FIONCLEX", ioctl(fd, FIONCLEX));
	printf("F_GETFD %d\n", fcntl(fd, F_GETFD));
	int n = -1;
	lseek(e, 1, SEEK_SET);
	say("FIONREAD", ioctl(e, FIONREAD, &n));
	printf("%d bytes\n", n);
	say("FIONREAD of a folder", ioctl(open(".", O_RDONLY), FIONREAD, &n));
	say("ioctl, unknown", ioctl(fd, 0x1234, 0));
	say("FIONBIO, bad pointer", ioctl(fd, FIONBIO, 8));
	struct rlimit r;
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = 130;
	setrlimit(RLIMIT_NOFILE, &r);
	say("F_DUPFD at the limit", fcntl(e, F_DUPFD, 130));
	say("F_DUPFD below it", fcntl(e, F_DUPFD, 129));
	say("F_DUPFD, all taken", fcntl(e, F_DUPFD, 129));
	close_range(3, ~0u, 0);
	say("clean", unlink("f"));
}

static struct flock range(int type, int whence, off_t start, off_t len)
{
	return (struct flock){
	    .l_type = (short)type, .l_whence = (short)whence, .l_start = start, .l_len = len};
}

static void show_lock(int fd, int cmd, off_t start, off_t len)
{
	struct flock l = range(F_WRLCK, SEEK_SET, start, len);

	say("getlk", fcntl(fd, cmd, &l));
	printf("type %d whence %d start %ld len %ld pid %s\n", l.l_type, l.l_whence,
	       (long)l.l_start, (long)l.l_len,
	       l.l_pid > 0    ? "of somebody"
	       : l.l_pid == 0 ? "0"
			      : "-1");
}

static void locks(void)
{
	int fd = make_file("f", "0123456789"), other = open("f", O_RDWR), r = open("f", O_RDONLY);
	struct flock l = range(F_WRLCK, SEEK_SET, 10, 10), k;
	pid_t pid;

	say("F_SETLK", fcntl(fd, F_SETLK, &l));
	show_lock(fd, F_GETLK, 0, 0);
	if ((pid = fork()) == 0) {
		show_lock(fd, F_GETLK, 0, 0);
		show_lock(fd, F_GETLK, 0, 10);
		say("a child's, in the way", fcntl(fd, F_SETLK, &l));
		k = range(F_RDLCK, SEEK_SET, 15, 1);
		say("a child's, to read", fcntl(fd, F_SETLK, &k));
		k = range(F_WRLCK, SEEK_SET, 20, 0);
		say("a child's, beside it", fcntl(fd, F_SETLK, &k));
		k = range(F_UNLCK, SEEK_SET, 0, 0);
		say("a child's unlock", fcntl(fd, F_SETLK, &k));
		show_lock(fd, F_GETLK, 12, 1);
		fflush(stdout);
		_exit(0);
	}
	finish(pid);
	k = range(F_UNLCK, SEEK_SET, 14, 2);
	say("unlock the middle", fcntl(fd, F_SETLK, &k));
	if ((pid = fork()) == 0) {
		show_lock(fd, F_GETLK, 0, 0);
		show_lock(fd, F_GETLK, 14, 100);
		show_lock(fd, F_GETLK, 14, 2);
		fflush(stdout);
		_exit(0);
	}
	finish(pid);
	k = range(F_RDLCK, SEEK_SET, 12, 6);
	say("changed to read", fcntl(fd, F_SETLK, &k));
	if ((pid = fork()) == 0) {
		show_lock(fd, F_GETLK, 0, 0);
		show_lock(fd, F_GETLK, 12, 1);
		fflush(stdout);
		_exit(0);
	}
	finish(pid);
	say("closing any descriptor", close(other));
	if ((pid = fork()) == 0) {
		show_lock(fd, F_GETLK, 0, 0);
		fflush(stdout);
		_exit(0);
	}
	finish(pid);
	lseek(fd, 5, SEEK_SET);
	k = range(F_WRLCK, SEEK_CUR, -5, 3);
	say("SEEK_CUR", fcntl(fd, F_SETLK, &k));
	k = range(F_WRLCK, SEEK_END, 0, -3);
	say("SEEK_END, backwards", fcntl(fd, F_SETLK, &k));
	if ((pid = fork()) == 0) {
		show_lock(fd, F_GETLK, 0, 5);
		show_lock(fd, F_GETLK, 5, 0);
		fflush(stdout);
		_exit(0);
	}
	finish(pid);
	k = range(F_WRLCK, SEEK_SET, -1, 3);
	say("before the start", fcntl(fd, F_SETLK, &k));
	k = range(F_WRLCK, SEEK_SET, 0, -1);
	say("to before the start", fcntl(fd, F_SETLK, &k));
	k = range(F_WRLCK, 9, 0, 1);
	say("bad whence", fcntl(fd, F_SETLK, &k));
	k = range(9, SEEK_SET, 0, 1);
	say("bad type", fcntl(fd, F_SETLK, &k));
	k = range(F_UNLCK, SEEK_SET, 0, 1);
	say("getlk of no lock", fcntl(fd, F_GETLK, &k));
	k = range(F_WRLCK, SEEK_SET, 0, 1);
	say("to write, open to read", fcntl(r, F_SETLK, &k));
	say("bad pointer", fcntl(fd, F_SETLK, (struct flock *)8));
	say("of 99", fcntl(99, F_SETLK, &k));
	k.l_pid = 1;
	say("OFD with a pid", fcntl(fd, F_OFD_SETLK, &k));
	close(r);
	close(fd);

	/* Open file descriptions own these. */
	fd = open("f", O_RDWR);
	other = open("f", O_RDWR);
	k = range(F_WRLCK, SEEK_SET, 0, 5);
	say("OFD", fcntl(fd, F_OFD_SETLK, &k));
	show_lock(other, F_OFD_GETLK, 0, 0);
	show_lock(other, F_GETLK, 0, 0);
	show_lock(fd, F_OFD_GETLK, 0, 0);
	k = range(F_RDLCK, SEEK_SET, 0, 5);
	say("OFD, another's", fcntl(other, F_OFD_SETLK, &k));
	k = range(F_RDLCK, SEEK_SET, 0, 5);
	say("OFD, and a process's", fcntl(fd, F_SETLK, &k));
	close(fd);
	k = range(F_RDLCK, SEEK_SET, 0, 5);
	say("OFD, closed", fcntl(other, F_OFD_SETLK, &k));
	close(other);

	/* flock */
	fd = open("f", O_RDONLY);
	other = open("f", O_RDONLY);
	say("flock shared", flock(fd, LOCK_SH));
	say("flock shared, other", flock(other, LOCK_SH));
	say("flock exclusive", flock(fd, LOCK_EX | LOCK_NB));
	say("flock unlock", flock(other, LOCK_UN));
	say("flock exclusive", flock(fd, LOCK_EX | LOCK_NB));
	say("flock other", flock(other, LOCK_SH | LOCK_NB));
	say("flock of a copy", flock(dup(fd), LOCK_UN));
	say("flock other", flock(other, LOCK_EX | LOCK_NB));
	say("flock nothing", flock(fd, 0));
	say("flock both", flock(fd, LOCK_SH | LOCK_EX));
	say("flock of 99", flock(99, LOCK_SH));
	close(other);
	say("flock after close", flock(fd, LOCK_EX | LOCK_NB));

	/* A wait that ends, and a circle. */
	other = open("f", O_RDWR);
	int p[2];
	pipe(p);
	k = range(F_WRLCK, SEEK_SET, 200, 1);
	fcntl(other, F_SETLK, &k);
	if ((pid = fork()) == 0) {
		k = range(F_WRLCK, SEEK_SET, 100, 1);
		fcntl(other, F_SETLK, &k);
		write(p[1], "x", 1);
		k = range(F_WRLCK, SEEK_SET, 200, 1);
		int result = fcntl(other, F_SETLKW, &k);
		_exit(result == 0 ? 1 : 2);
	}
	read(p[0], buf, 1);
	usleep(50000);
	k = range(F_WRLCK, SEEK_SET, 100, 1);
	say("a circle", fcntl(other, F_SETLKW, &k));
	k = range(F_UNLCK, SEEK_SET, 0, 0);
	fcntl(other, F_SETLK, &k);
	finish(pid);
	close_range(3, ~0u, 0);
	say("clean", unlink("f"));
}

static void pipe_calls(void)
{
	int p[2], n;
	long size, total = 0;

	say("pipe2, bad flags", pipe2(p, 1));
	say("pipe, bad pointer", syscall(SYS_pipe2, 8, 0));
	say("pipe2", pipe2(p, O_CLOEXEC | O_NONBLOCK));
	printf("%d %o %o\n", fcntl(p[0], F_GETFD), fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL));
	say("read of an empty one", read(p[0], buf, 1));
	say("read of nothing", read(p[0], buf, 0));
	say("write of nothing", write(p[1], buf, 0));
	size = fcntl(p[1], F_GETPIPE_SZ);
	printf("size %ld\n", size);
	while ((n = (int)write(p[1], buf, 4096)) > 0)
		total += n;
	say("write of a full one", n);
	printf("%ld bytes\n", total);
	ioctl(p[0], FIONREAD, &n);
	printf("FIONREAD %d\n", n);
	say("F_SETPIPE_SZ too small for what is there", fcntl(p[1], F_SETPIPE_SZ, 4096));
	while (read(p[0], buf, sizeof(buf)) > 0)
		;
	say("F_SETPIPE_SZ", fcntl(p[1], F_SETPIPE_SZ, 5000));
	say("F_SETPIPE_SZ 0", fcntl(p[1], F_SETPIPE_SZ, 0));
	say("F_SETPIPE_SZ, beyond what is allowed", fcntl(p[1], F_SETPIPE_SZ, 8 << 20));
	say("F_SETPIPE_SZ, far too large", fcntl(p[1], F_SETPIPE_SZ, -1));
	say("write larger than it", write(p[1], buf, 6000));
	say("write of up to PIPE_BUF that does not fit", write(p[1], buf, 4096));
	say("read", read(p[0], buf, 70000));
	say("lseek", lseek(p[0], 0, SEEK_SET));
	say("pread", pread(p[0], buf, 1, 0));
	say("write to the reading end", write(p[0], buf, 1));
	say("read of the writing end", read(p[1], buf, 1));
	say("ftruncate", ftruncate(p[1], 0));
	struct stat st;
	fstat(p[0], &st);
	printf("mode %o %ld\n", st.st_mode, (long)st.st_size);
	write(p[1], "last", 4);
	close(p[1]);
	say("read what is left", read(p[0], buf, 100));
	say("read at the end", read(p[0], buf, 100));
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	pipe(p);
	close(p[0]);
	say("write without readers", write(p[1], buf, 1));
	close(p[1]);
}

static void *reader(void *path)
{
	int fd = open(path, O_RDONLY);

	return (void *)read(fd, buf, 100);
}

static void fifos(void)
{
	pthread_t t;
	void *result;
	int fd, r;

	say("mkfifo", mkfifo("p", 0600));
	pthread_create(&t, NULL, reader, "p");
	fd = open("p", O_WRONLY);
	say("write", write(fd, "hello", 5));
	pthread_join(t, &result);
	printf("read %ld\n", (long)result);
	close(fd);
	fd = open("p", O_RDWR);
	say("both ways: write", write(fd, "x", 1));
	say("both ways: read", read(fd, buf, 1));
	r = open("p", O_RDONLY | O_NONBLOCK);
	say("nothing there", read(r, buf, 1));
	close(fd);
	say("no writer", read(r, buf, 1));
	struct pollfd pf = {r, POLLIN, 0};
	poll(&pf, 1, 0);
	printf("poll %x\n", pf.revents);
	fd = open("p", O_WRONLY | O_NONBLOCK);
	poll(&pf, 1, 0);
	printf("poll %x\n", pf.revents);
	close(fd);
	close(r);
	say("clean", unlink("p"));
}

static void events(void)
{
	uint64_t v = 5;
	int fd = eventfd(3, EFD_NONBLOCK),
	    s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};

	say("eventfd, bad flags", eventfd(0, 2));
	say("write", write(fd, &v, 8));
	say("read", read(fd, &v, 8));
	printf("%ld\n", (long)v);
	say("read of 0", read(fd, &v, 8));
	say("too short", read(fd, &v, 7));
	say("write, too short", write(fd, &v, 7));
	v = UINT64_MAX;
	say("write of -1", write(fd, &v, 8));
	v--;
	say("write of the largest", write(fd, &v, 8));
	v = 1;
	say("one more", write(fd, &v, 8));
	poll(&p, 1, 0);
	printf("poll %x\n", p.revents);
	read(fd, &v, 8);
	poll(&p, 1, 0);
	printf("poll %x\n", p.revents);
	say("semaphore", read(s, &v, 8));
	printf("%ld\n", (long)v);
	say("semaphore", read(s, &v, 8));
	say("semaphore", read(s, &v, 8));
	say("pread", pread(fd, &v, 8, 0));
	close(fd);
	close(s);
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void waits(void)
{
	struct timespec zero = {0, 0}, soon = {0, 20000000}, bad = {0, 1000000000};
	struct pollfd pf[4];
	sigset_t mask;
	fd_set in, out;
	int p[2], fd = make_file("f", "x");

	pipe(p);
	pf[0] = (struct pollfd){p[0], POLLIN, 0};
	pf[1] = (struct pollfd){p[1], POLLOUT, 0};
	pf[2] = (struct pollfd){99, POLLIN, 0};
	pf[3] = (struct pollfd){-1, POLLIN, 99};
	say("poll", poll(pf, 4, 0));
	printf("%x %x %x %x\n", pf[0].revents, pf[1].revents, pf[2].revents, pf[3].revents);
	say("poll, time over", poll(pf, 1, 20));
	say("poll of nothing", poll(NULL, 0, 10));
	write(p[1], "x", 1);
	pf[0].events = POLLIN | POLLRDNORM | POLLPRI;
	say("poll", poll(pf, 1, -1));
	printf("%x\n", pf[0].revents);
	pf[0].events = 0;
	say("no events asked", poll(pf, 1, 0));
	pf[0] = (struct pollfd){fd, POLLIN | POLLOUT, 0};
	say("a file", poll(pf, 1, -1));
	printf("%x\n", pf[0].revents);
	say("ppoll, bad time", ppoll(pf, 1, &bad, NULL));
	say("poll, bad pointer", syscall(SYS_ppoll, 8, 1, &zero, NULL, 8));
	say("poll, too many", syscall(SYS_ppoll, pf, 1 << 30, &zero, NULL, 8));
	say("ppoll, bad mask size", syscall(SYS_ppoll, pf, 1, &zero, &mask, 4));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	say("select", select(p[1] + 1, &in, &out, NULL, NULL));
	check("both", FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out));
	read(p[0], buf, 1);
	say("select, time over", select(p[0] + 1, &in, NULL, NULL, &(struct timeval){0, 20000}));
	check("none", !FD_ISSET(p[0], &in));
	FD_SET(99, &in);
	say("select, bad descriptor", select(100, &in, NULL, NULL, &(struct timeval){0, 0}));
	say("select, negative", select(-1, NULL, NULL, NULL, &(struct timeval){0, 0}));
	say("pselect, bad time", pselect(0, NULL, NULL, NULL, &bad, NULL));
	say("select of nothing", select(0, NULL, NULL, NULL, &(struct timeval){0, 1000}));
	signal(SIGALRM, on_alarm);
	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	raise(SIGALRM);
	sigemptyset(&mask);
	pf[0] = (struct pollfd){p[0], POLLIN, 0};
	say("ppoll, a signal let in", ppoll(pf, 1, NULL, &mask));
	raise(SIGALRM);
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	say("pselect, a signal let in", pselect(p[0] + 1, &in, NULL, NULL, &soon, &mask));
	close(p[1]);
	pf[0] = (struct pollfd){p[0], POLLIN, 0};
	say("hung up", poll(pf, 1, -1));
	printf("%x\n", pf[0].revents);
	close(p[0]);
	pipe(p);
	close(p[0]);
	pf[0] = (struct pollfd){p[1], POLLOUT, 0};
	say("no reader", poll(pf, 1, -1));
	printf("%x\n", pf[0].revents);
	close_range(3, ~0u, 0);
	say("clean", unlink("f"));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	place_enter();
	flags();
	locks();
	pipe_calls();
	fifos();
	events();
	waits();
	place_leave();
	return 0;
}
