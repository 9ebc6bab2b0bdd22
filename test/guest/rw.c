/* Bytes in and out: read, write, pread, vectors, lseek, sendfile, copy_file_range, fallocate,
 * splice. */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "test/guest/place.h"

#define PAGE 4096L

static char buf[3 * 4096];
static char *bad = (char *)8, *far_away = (char *)-4096L;
static int minus_one = -1;

static void bytes(void)
{
	int fd = make_file("f", "0123456789"), w = open("f", O_WRONLY | O_APPEND);
	char *hole =
	    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(hole + PAGE, PAGE);
	memset(hole, 'h', PAGE);
	say("lseek", lseek(fd, 3, SEEK_SET));
	say("read of nothing", read(fd, buf, 0));
	say("read", read(fd, buf, 100));
	say("read at the end", read(fd, buf, 100));
	say("read, bad buffer", lseek(fd, 0, SEEK_SET) ? -1 : read(fd, bad, 5));
	say("read into half a hole", read(fd, hole + PAGE - 4, 10));
	say("now at", lseek(fd, 0, SEEK_CUR));
	say("write, bad buffer", write(fd, bad, 5));
	say("write from half a hole", write(fd, hole + PAGE - 4, 10));
	say("now at", lseek(fd, 0, SEEK_CUR));
	say("write of nothing, bad buffer", write(fd, bad, 0));
	say("read, kernel's address", read(fd, far_away, 5));
	say("append", write(w, "app", 3));
	say("append moves to", lseek(w, 0, SEEK_CUR));
	say("pwrite appends too", pwrite(w, "p", 1, 0));
	say("and leaves the position", lseek(w, 0, SEEK_CUR));
	say("pread", pread(fd, buf, 100, 2));
	buf[12] = 0;
	printf("%s\n", buf);
	say("pread past the end", pread(fd, buf, 100, 200));
	say("pread, negative", pread(fd, buf, 1, -1));
	say("pwrite, negative", pwrite(fd, buf, 1, -1));
	say("pwrite at the largest", pwrite(fd, buf, 1, INT64_MAX));
	say("read from 99", read(99, buf, 1));
	say("write to 99", write(99, buf, 1));
	close(w);
	w = open("f", O_WRONLY);
	say("pread of what is open to write", pread(w, buf, 1, 0));
	close(w);
	w = open("f", O_RDONLY);
	say("pwrite to what is open to read", pwrite(w, buf, 1, 0));
	close(w);
	close(fd);
	unlink("f");
}

static void vectors(void)
{
	struct iovec v[3] = {{buf, 3}, {NULL, 0}, {buf + 100, 50}},
		     big[2] = {{buf, SSIZE_MAX}, {buf, 1}};
	static struct iovec many[1025];
	int fd = make_file("f", "abcdefghij"), p[2];

	say("readv", lseek(fd, 0, SEEK_SET) ? -1 : readv(fd, v, 3));
	check("in order", memcmp(buf, "abc", 3) == 0 && memcmp(buf + 100, "defghij", 7) == 0);
	say("preadv", preadv(fd, v, 3, 5));
	say("writev", writev(fd, v, 1));
	say("pwritev", pwritev(fd, v, 3, 2));
	say("no vectors", writev(fd, v, 0));
	say("negative count", writev(fd, v, minus_one));
	say("1025 vectors", writev(fd, many, 1025));
	say("1024 vectors", writev(fd, many, 1024));
	say("bad vectors", readv(fd, (struct iovec *)bad, 1));
	say("negative length", readv(fd, &(struct iovec){buf, (size_t)-1}, 1));
	say("too much in all", readv(fd, big, 2));
	v[0].iov_base = bad;
	say("bad buffer", preadv(fd, v, 3, 0));
	v[0].iov_base = buf;
	v[1] = (struct iovec){bad, 5};
	say("bad second buffer", preadv(fd, v, 3, 0));
	v[1] = (struct iovec){NULL, 0};
	say("preadv, negative", preadv(fd, v, 1, -1));
	say("preadv2 at the position", preadv2(fd, v, 1, -1, 0));
	say("preadv2, RWF_HIPRI", preadv2(fd, v, 1, 0, RWF_HIPRI));
	say("pwritev2, RWF_SYNC", pwritev2(fd, v, 1, 0, RWF_SYNC));
	say("pwritev2, RWF_DSYNC", pwritev2(fd, v, 1, 0, RWF_DSYNC));
	say("pwritev2, RWF_APPEND", pwritev2(fd, v, 1, 0, RWF_APPEND));
	say("is at the end", lseek(fd, 0, SEEK_END));
	say("RWF_APPEND leaves the position", lseek(fd, 3, SEEK_SET));
	say("...", pwritev2(fd, v, 1, 0, RWF_APPEND));
	say("...", lseek(fd, 0, SEEK_CUR));
	say("RWF_APPEND at the position", pwritev2(fd, v, 1, -1, RWF_APPEND));
	say("moves it", lseek(fd, 0, SEEK_CUR));
	say("preadv2, unknown flag", preadv2(fd, v, 1, 0, 0x1000));
	pipe(p);
	say("preadv of a pipe", preadv(p[0], v, 1, 0));
	close(fd);
	unlink("f");
}

static void seeks(void)
{
	int fd = make_file("f", "0123456789"), p[2];

	say("SEEK_END", lseek(fd, -4, SEEK_END));
	say("SEEK_CUR", lseek(fd, 2, SEEK_CUR));
	say("past the end", lseek(fd, 1000, SEEK_SET));
	say("read there", read(fd, buf, 1));
	say("before the start", lseek(fd, -1, SEEK_SET));
	say("too far", lseek(fd, INT64_MAX, SEEK_CUR));
	say("bad whence", lseek(fd, 0, 9));
	say("of a pipe", pipe(p) ? -1 : lseek(p[0], 0, SEEK_CUR));
	say("of 99", lseek(99, 0, SEEK_SET));
	ftruncate(fd, 10 * PAGE);
	pwrite(fd, "x", 1, 5 * PAGE + 7);
	say("SEEK_DATA from 0", lseek(fd, 0, SEEK_DATA));
	say("SEEK_HOLE from 0", lseek(fd, 0, SEEK_HOLE));
	say("SEEK_DATA from a hole", lseek(fd, PAGE, SEEK_DATA));
	say("SEEK_HOLE from data", lseek(fd, 5 * PAGE + 100, SEEK_HOLE));
	say("SEEK_DATA, none follows", lseek(fd, 6 * PAGE, SEEK_DATA));
	say("SEEK_HOLE at the end", lseek(fd, 10 * PAGE, SEEK_HOLE));
	say("SEEK_HOLE in a hole", lseek(fd, 2 * PAGE + 5, SEEK_HOLE));
	say("SEEK_DATA, negative", lseek(fd, -1, SEEK_DATA));
	close(fd);
	unlink("f");
}

static int from_pipe(int fd, const char *want)
{
	ssize_t n = read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(want) && memcmp(buf, want, (size_t)n) == 0;
}

static void copies(void)
{
	int f = make_file("f", "0123456789"), g = make_file("g", ""), p[2], q[2];
	int zero = open("/dev/zero", O_RDONLY), r = open("f", O_RDONLY),
	    a = open("g", O_WRONLY | O_APPEND);
	off_t at = 2, to = 0;

	pipe(p);
	pipe(q);
	say("sendfile", sendfile(g, f, &at, 5));
	printf("offset %ld\n", (long)at);
	say("... leaves the position", lseek(f, 0, SEEK_CUR));
	lseek(f, 4, SEEK_SET);
	say("sendfile from the position", sendfile(g, f, NULL, 100));
	say("... moves it", lseek(f, 0, SEEK_CUR));
	say("size", lseek(g, 0, SEEK_END));
	say("sendfile to a pipe", sendfile(p[1], f, &(off_t){0}, 4));
	check("is there", from_pipe(p[0], "0123"));
	say("sendfile from a pipe", write(p[1], "zz", 2) == 2 ? sendfile(g, p[0], NULL, 2) : 0);
	read(p[0], buf, 2);
	say("sendfile from a pipe at an offset", sendfile(g, p[0], &at, 2));
	say("sendfile from /dev/zero", sendfile(p[1], zero, NULL, 3));
	read(p[0], buf, 3);
	say("sendfile to append", sendfile(a, f, &(off_t){0}, 2));
	say("sendfile from a folder", sendfile(g, open(".", O_RDONLY), NULL, 2));
	say("sendfile to what is open to read", sendfile(r, f, NULL, 2));
	say("sendfile from what is open to write", sendfile(g, a, NULL, 2));
	say("sendfile, negative", sendfile(g, f, &(off_t){-1}, 2));
	say("sendfile, bad offset", sendfile(g, f, (off_t *)8, 2));
	say("sendfile from 99", sendfile(g, 99, NULL, 2));

	at = 0;
	to = 20;
	say("copy_file_range", copy_file_range(f, &at, g, &to, 100, 0));
	printf("%ld %ld\n", (long)at, (long)to);
	say("at the end", copy_file_range(f, &at, g, &to, 100, 0));
	say("flags", copy_file_range(f, &at, g, &to, 100, 1));
	at = 0, to = 5;
	say("overlapping", copy_file_range(f, &at, f, &to, 8, 0));
	to = 100;
	say("in one file", copy_file_range(f, &at, f, &to, 8, 0));
	say("to append", copy_file_range(f, NULL, a, NULL, 8, 0));
	say("to a folder", copy_file_range(f, NULL, open(".", O_RDONLY), NULL, 8, 0));
	say("from a pipe", copy_file_range(p[0], NULL, g, NULL, 8, 0));
	say("from 99", copy_file_range(99, NULL, g, NULL, 8, 0));
	say("from what is open to write", copy_file_range(a, NULL, g, NULL, 8, 0));
	say("to another file system",
	    copy_file_range(f, &at, open("/tmp", O_TMPFILE | O_RDWR, 0600), NULL, 2, 0));

	at = 1;
	say("splice file to pipe", splice(f, &at, p[1], NULL, 5, 0));
	printf("offset %ld\n", (long)at);
	say("tee", tee(p[0], q[1], 3, 0));
	check("is in the second", from_pipe(q[0], "123"));
	say("splice pipe to pipe", splice(p[0], NULL, q[1], NULL, 2, 0));
	check("is in the second", from_pipe(q[0], "12"));
	to = 50;
	say("splice pipe to file", splice(p[0], NULL, g, &to, 100, 0));
	printf("offset %ld\n", (long)to);
	say("splice of an empty pipe", splice(p[0], NULL, g, NULL, 5, SPLICE_F_NONBLOCK));
	say("tee of an empty pipe", tee(p[0], q[1], 5, SPLICE_F_NONBLOCK));
	say("splice without a pipe", splice(f, NULL, g, NULL, 5, 0));
	say("splice with an offset of a pipe", splice(p[0], &at, g, NULL, 5, 0));
	say("splice, bad flags", splice(p[0], NULL, g, NULL, 5, 64));
	say("splice of nothing", splice(p[0], NULL, g, NULL, 0, 0));
	say("splice of a pipe to itself", splice(p[0], NULL, p[1], NULL, 5, 0));
	say("splice to append", write(p[1], "q", 1) == 1 ? splice(p[0], NULL, a, NULL, 1, 0) : 0);
	say("tee of a file", tee(f, p[1], 5, 0));
	say("vmsplice", vmsplice(q[1], &(struct iovec){"vmsplice", 8}, 1, 0));
	check("is there", from_pipe(q[0], "vmsplice"));
	say("vmsplice to a file", vmsplice(f, &(struct iovec){buf, 8}, 1, 0));
	say("clean", unlink("f") | unlink("g"));
}

static void space(void)
{
	struct stat st;
	int fd = make_file("f", "0123456789"), r = open("f", O_RDONLY), p[2];

	pipe(p);
	say("fallocate", fallocate(fd, 0, 0, 100));
	fstat(fd, &st);
	printf("%ld bytes %ld sectors\n", (long)st.st_size, (long)st.st_blocks);
	say("KEEP_SIZE", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 3 * PAGE));
	fstat(fd, &st);
	printf("%ld bytes\n", (long)st.st_size);
	ftruncate(fd, 3 * PAGE);
	memset(buf, 'b', sizeof(buf));
	pwrite(fd, buf, sizeof(buf), 0);
	say("PUNCH_HOLE", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 2 * PAGE));
	fstat(fd, &st);
	printf("%ld bytes %ld sectors\n", (long)st.st_size, (long)st.st_blocks);
	pread(fd, buf, sizeof(buf), 0);
	check("zeroes in it", buf[99] == 'b' && buf[100] == 0 && buf[PAGE] == 0 &&
				  buf[2 * PAGE + 99] == 0 && buf[2 * PAGE + 100] == 'b');
	say("PUNCH_HOLE alone", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 100));
	say("COLLAPSE_RANGE", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
	say("ZERO_RANGE", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE));
	say("unknown mode", fallocate(fd, 0x1000, 0, PAGE));
	say("no length", fallocate(fd, 0, 0, 0));
	say("negative", fallocate(fd, 0, -1, 5));
	say("too large", fallocate(fd, 0, INT64_MAX - 5, 10));
	say("to read", fallocate(r, 0, 0, 5));
	say("a pipe", fallocate(p[1], 0, 0, 5));
	say("a folder", fallocate(open(".", O_RDONLY), 0, 0, 5));
	say("99", fallocate(99, 0, 0, 5));
	say("posix_fadvise", posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	say("posix_fadvise, bad advice", posix_fadvise(fd, 0, 0, 77) == EINVAL ? 0 : -1);
	say("posix_fadvise of a pipe", posix_fadvise(p[0], 0, 0, 0) == ESPIPE ? 0 : -1);
	say("readahead", readahead(fd, 0, 4096));
	say("readahead of a pipe", readahead(p[0], 0, 4096));
	say("sync_file_range", sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	say("sync_file_range, bad flags", sync_file_range(fd, 0, 0, 8));
	say("sync_file_range of a pipe", sync_file_range(p[0], 0, 0, 1));
	say("clean", unlink("f"));
}

/* Standard output may be a file as well, so nothing is printed while the limit holds. */
static void limits(void)
{
	static const char *const what[] = {
	    "write over the limit", "at the limit",      "pwrite past it",  "pwrite across it",
	    "ftruncate past it",    "fallocate past it", "truncate to less"};
	struct rlimit r, low;
	int fd = make_file("f", ""), error[7];
	long result[7];

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &r);
	low = r;
	low.rlim_cur = 100;
	setrlimit(RLIMIT_FSIZE, &low);
	for (int n = 0; n < 7; n++) {
		switch (n) {
		case 0: result[n] = write(fd, buf, 200); break;
		case 1: result[n] = write(fd, buf, 1); break;
		case 2: result[n] = pwrite(fd, buf, 1, 200); break;
		case 3: result[n] = pwrite(fd, buf, 20, 90); break;
		case 4: result[n] = ftruncate(fd, 101); break;
		case 5: result[n] = fallocate(fd, 0, 0, 200); break;
		default: result[n] = truncate("f", 10);
		}
		error[n] = errno;
	}
	setrlimit(RLIMIT_FSIZE, &r);
	for (int n = 0; n < 7; n++) {
		errno = error[n];
		say(what[n], result[n]);
	}
	unlink("f");
}

/* Children append at the same time: no record is lost or torn. */
static void appends(void)
{
	int fd = make_file("f", ""), records = 0, torn = 0;
	char record[100];

	for (int child = 0; child < 4; child++) {
		if (fork() > 0)
			continue;
		int own = open("f", O_WRONLY | O_APPEND);
		memset(record, 'a' + child, sizeof(record));
		for (int n = 0; n < 50; n++)
			if (write(own, record, sizeof(record)) != sizeof(record))
				_exit(1);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	while (read(fd, record, sizeof(record)) == sizeof(record)) {
		records++;
		for (size_t i = 1; i < sizeof(record); i++)
			torn += record[i] != record[0];
	}
	printf("%d records, %d torn\n", records, torn);
	unlink("f");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	place_enter();
	bytes();
	vectors();
	seeks();
	copies();
	space();
	limits();
	appends();
	place_leave();
	return 0;
}
