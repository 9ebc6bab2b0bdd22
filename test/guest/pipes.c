/*
 * What pipes, FIFOs, locks, eventfd, poll and links promise, by several processes. Prints the
 * same on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/pipesXXXXXX";

static void say(const char *what, long result)
{
	printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
	fflush(stdout);
}

static void pipes(void)
{
	char buf[70000] = "";
	int p[2];

	say("pipe2 bad flags", pipe2(p, 0x12345));
	say("pipe2", pipe2(p, O_NONBLOCK));
	say("empty", read(p[0], buf, 10));
	say("read 0", read(p[0], buf, 0));
	say("wrong end", write(p[0], buf, 1));
	say("wrong end", read(p[1], buf, 1));
	say("seek", lseek(p[0], 0, SEEK_CUR));
	say("pread", pread(p[0], buf, 1, 0));
	say("size", fcntl(p[0], F_GETPIPE_SZ));
	say("fill", write(p[1], buf, sizeof buf));
	say("full", write(p[1], buf, 1));
	say("take", read(p[0], buf, 4095));
	say("small does not fit", write(p[1], buf, 4096));
	say("take", read(p[0], buf, 1));
	say("small fits", write(p[1], buf, 4096));
	say("resize busy", fcntl(p[1], F_SETPIPE_SZ, 4096));
	say("resize", fcntl(p[1], F_SETPIPE_SZ, 100000));
	say("more", write(p[1], buf, sizeof buf));
	close(p[1]);
	long total = 0, n;
	while ((n = read(p[0], buf, sizeof buf)) > 0)
		total += n;
	say("all", total);
	say("end", n);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	say("pipe", pipe(p));
	close(p[0]);
	say("no reader", write(p[1], "x", 1));
	close(p[1]);
}

static void fork_offsets(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0640), status;

	if (fork() == 0) {
		(void)!write(fd, "child ", 6);
		_exit(3);
	}
	wait(&status);
	say("status", WEXITSTATUS(status));
	(void)!write(fd, "parent", 6);
	say("shared offset", lseek(fd, 0, SEEK_CUR));
	int two = dup(fd), three = open("f", O_RDWR | O_APPEND);
	lseek(two, 2, SEEK_SET);
	say("dup's offset", lseek(fd, 0, SEEK_CUR));
	say("own offset", lseek(three, 0, SEEK_CUR));
	say("append", write(three, "!", 1));
	say("appended", lseek(three, 0, SEEK_CUR));
	say("dup3 same", dup3(fd, fd, 0));
	say("dup2 same", dup2(fd, fd) - fd);
	say("dupfd", fcntl(fd, F_DUPFD_CLOEXEC, 100));
	say("cloexec", fcntl(100, F_GETFD));
	close(two), close(three), close(100), close(fd);
}

static void polls(void)
{
	int p[2], e = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v = 7;

	(void)!pipe(p);
	struct pollfd fds[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {777, POLLIN, 0}};
	say("poll", poll(fds, 3, 0));
	printf("%x %x %x\n", fds[0].revents, fds[1].revents, fds[2].revents);
	say("poll nothing", poll(fds, 1, 20));
	if (fork() == 0) {
		usleep(20000);
		(void)!write(p[1], "hello", 5);
		_exit(0);
	}
	say("poll waits", poll(fds, 1, 5000));
	printf("%x\n", fds[0].revents);
	wait(NULL);
	fd_set in;
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	struct timeval t = {1, 0};
	say("select", select(p[0] + 1, &in, NULL, NULL, &t));
	close(p[1]);
	char c[10];
	(void)!read(p[0], c, 10);
	say("hung up", poll(fds, 1, 0));
	printf("%x\n", fds[0].revents);
	say("event", read(e, &v, 8));
	say("value", (long)v);
	say("add", write(e, &v, 8));
	say("short", read(e, &v, 4));
	for (int i = 0; i < 4; i++)
		say("down", read(e, &v, 8));
	close(e), close(p[0]);
}

static void locks(void)
{
	int a = open("l", O_RDWR | O_CREAT, 0600), b = open("l", O_RDWR), status;
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20};

	say("flock", flock(a, LOCK_EX));
	say("other", flock(b, LOCK_EX | LOCK_NB));
	say("unlock", flock(a, LOCK_UN));
	say("now", flock(b, LOCK_SH | LOCK_NB));
	say("both", flock(a, LOCK_SH | LOCK_NB));
	say("setlk", fcntl(a, F_SETLK, &l));
	if (fork() == 0) {
		struct flock q = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
		fcntl(b, F_GETLK, &q);
		printf("type %d start %ld len %ld mine %d\n", q.l_type, (long)q.l_start,
		       (long)q.l_len, q.l_pid == getppid());
		fflush(stdout);
		q = (struct flock){
		    .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 1};
		say("child setlk", fcntl(b, F_SETLK, &q));
		say("child waits", fcntl(b, F_SETLKW, &q));
		_exit(0);
	}
	usleep(50000);
	l = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 12, .l_len = 5};
	int split = fcntl(a, F_SETLK, &l);
	wait(&status); /* here: the child has said what it has to say */
	say("split", split);
	close(a), close(b);
}

static void names(void)
{
	struct stat st;
	char buf[100];
	int fd;

	umask(027);
	say("mkdir", mkdir("d", 0777));
	stat("d", &st);
	printf("%o %ld\n", st.st_mode, (long)st.st_nlink);
	say("open dir to write", open("d", O_WRONLY));
	say("not a dir", open("f/x", O_RDONLY));
	say("excl", open("f", O_CREAT | O_EXCL | O_WRONLY, 0600));
	say("directory", open("f", O_RDONLY | O_DIRECTORY));
	say("symlink", symlink("f", "s"));
	say("nofollow", open("s", O_RDONLY | O_NOFOLLOW));
	say("loop", symlink("loop", "loop"));
	say("loop", open("loop", O_RDONLY));
	fd = open("s", O_PATH | O_NOFOLLOW);
	say("read O_PATH", read(fd, buf, 1));
	fstat(fd, &st);
	printf("link %d\n", S_ISLNK(st.st_mode));
	close(fd);
	say("link", link("f", "g"));
	stat("g", &st);
	printf("links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
	say("noreplace", renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_NOREPLACE));
	say("same file", rename("f", "g"));
	say("exchange", renameat2(AT_FDCWD, "f", AT_FDCWD, "d", RENAME_EXCHANGE));
	stat("f", &st);
	printf("f is a folder: %d\n", S_ISDIR(st.st_mode));
	say("into itself", rename("f", "f/x"));
	say("dir over file", rename("f", "g"));
	say("file over dir", rename("g", "f"));
	say("back", renameat2(AT_FDCWD, "f", AT_FDCWD, "d", RENAME_EXCHANGE));
	say("rmdir .", rmdir("d/."));
	say("rmdir ..", rmdir("d/.."));
	say("unlink dir", unlink("d"));
	say("rmdir file", rmdir("f"));
	say("rmdir", rmdir("d"));
	fd = open("gone", O_RDWR | O_CREAT, 0600);
	(void)!write(fd, "still", 5);
	unlink("gone");
	say("open after unlink", pread(fd, buf, 10, 0));
	fstat(fd, &st);
	say("links", (long)st.st_nlink);
	say("truncate", ftruncate(fd, 3));
	say("size", lseek(fd, 0, SEEK_END));
	close(fd);
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	say("tmpfile", fd < 0 ? -1 : 0);
	(void)!write(fd, "tmp", 3);
	snprintf(buf, sizeof buf, "/proc/self/fd/%d", fd);
	say("linkat", linkat(AT_FDCWD, buf, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	stat("named", &st);
	printf("%ld %ld\n", (long)st.st_nlink, (long)st.st_size);
	close(fd);
	say("mkfifo", mkfifo("p", 0600));
	say("fifo writer alone", open("p", O_WRONLY | O_NONBLOCK));
	fd = open("p", O_RDONLY | O_NONBLOCK);
	say("fifo empty", read(fd, buf, 1));
	close(fd);
	const char *all[] = {"f", "g", "s", "loop", "named", "p", "l"};
	for (int i = 0; i < 7; i++)
		unlink(all[i]);
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	pipes();
	fork_offsets();
	polls();
	locks();
	names();
	chdir("/");
	say("clean", rmdir(dir));
	return 0;
}
