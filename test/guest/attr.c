/* Attributes: stat, statx, chmod, chown, utimensat, access, truncate, statfs, xattr, umask. */
#define _GNU_SOURCE
#include <linux/magic.h>
#include <stdint.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>
#include "test/guest/place.h"

static void nap(void)
{
	usleep(20000); /* longer than a tick of Linux's clock for files */
}

static void stats(void)
{
	struct stat st, st2;
	struct statx sx;
	int fd = make_file("f", "12345");

	say("stat", stat("f", &st));
	printf("mode %o names %ld bytes %ld uid %d gid %d block %ld\n", st.st_mode,
	       (long)st.st_nlink, (long)st.st_size, st.st_uid, st.st_gid, (long)st.st_blksize);
	printf("%ld sectors\n", (long)st.st_blocks);
	say("fstat", fstat(fd, &st2));
	check("is the same", st.st_ino == st2.st_ino && st.st_dev == st2.st_dev);
	say("stat of nothing", stat("none", &st));
	say("stat of the empty path", stat("", &st));
	say("stat, bad buffer", syscall(SYS_newfstatat, AT_FDCWD, "f", 8, 0));
	say("fstatat, bad flags", fstatat(AT_FDCWD, "f", &st, 1));
	say("fstatat of a descriptor", fstatat(fd, "", &st2, AT_EMPTY_PATH));
	say("fstatat of the current folder", fstatat(AT_FDCWD, "", &st2, AT_EMPTY_PATH));
	check("is a folder", S_ISDIR(st2.st_mode));
	say("fstat of 99", fstat(99, &st));
	say("statx", statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &sx));
	check("has all of it", (sx.stx_mask & (STATX_BASIC_STATS | STATX_BTIME)) ==
				   (STATX_BASIC_STATS | STATX_BTIME));
	printf("mode %o names %u bytes %ld\n", sx.stx_mode, sx.stx_nlink, (long)sx.stx_size);
	check("birth is not after change", sx.stx_btime.tv_sec < sx.stx_ctime.tv_sec ||
					       (sx.stx_btime.tv_sec == sx.stx_ctime.tv_sec &&
						sx.stx_btime.tv_nsec <= sx.stx_ctime.tv_nsec));
	check("same device", makedev(sx.stx_dev_major, sx.stx_dev_minor) == st2.st_dev);
	say("statx, reserved mask", statx(AT_FDCWD, "f", 0, 0x80000000, &sx));
	say("statx, both kinds of sync", statx(AT_FDCWD, "f", AT_STATX_SYNC_TYPE, 0, &sx));
	say("statx, bad flags", statx(AT_FDCWD, "f", 1, 0, &sx));
	say("stat of /dev/null", stat("/dev/null", &st));
	printf("mode %o device %u:%u\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
	say("lseek past the end and write",
	    lseek(fd, 100000, SEEK_SET) < 0 ? -1 : write(fd, "x", 1));
	fstat(fd, &st);
	printf("%ld bytes, %ld sectors\n", (long)st.st_size, (long)st.st_blocks);
	close(fd);
	unlink("f");
}

static void modes(void)
{
	struct stat st;
	int fd = make_file("f", "x");

	for (int mode = 0; mode <= 07777; mode = mode * 2 + 1) {
		say("chmod", chmod("f", (mode_t)mode));
		fstat(fd, &st);
		printf("mode %o\n", st.st_mode);
	}
	say("fchmod", fchmod(fd, 0640));
	say("chmod of nothing", chmod("none", 0600));
	say("chmod of another's", chmod("/dev/null", 0666));
	say("fchmod of 99", fchmod(99, 0));
	say("fchmodat2, bad flags", syscall(452, AT_FDCWD, "f", 0600, 1));
	say("fchmodat2, the descriptor", syscall(452, fd, "", 0600, AT_EMPTY_PATH));
	say("chown to ourselves", chown("f", geteuid(), getegid()));
	say("chown, nothing changes", chown("f", (uid_t)-1, (gid_t)-1));
	say("chown to root", chown("f", 0, (gid_t)-1));
	say("chgrp to root", chown("f", (uid_t)-1, 0));
	say("chown of another's", chown("/dev/null", (uid_t)-1, (gid_t)-1));
	say("chown of another's to us", chown("/dev/null", geteuid(), (gid_t)-1));
	say("chown of nothing", chown("none", 1, 1));
	chmod("f", 06711);
	say("chown", fchown(fd, geteuid(), (gid_t)-1));
	fstat(fd, &st);
	printf("... leaves mode %o\n", st.st_mode);
	chmod("f", 06600);
	say("chown", fchown(fd, geteuid(), (gid_t)-1));
	fstat(fd, &st);
	printf("... leaves mode %o\n", st.st_mode);
	chmod("f", 06711);
	say("ftruncate", ftruncate(fd, 100));
	fstat(fd, &st);
	printf("... leaves mode %o\n", st.st_mode);
	say("fchownat, bad flags", fchownat(AT_FDCWD, "f", 1, 1, 1));
	say("fchownat, the descriptor", fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH));
	printf("umask %o\n", umask(0123));
	printf("umask %o\n", umask(07777));
	printf("umask %o\n", umask(022));
	close(fd);
	unlink("f");
}

static void accesses(void)
{
	close(make_file("f", "x"));
	chmod("f", 0);
	say("F_OK", access("f", F_OK));
	say("R_OK", access("f", R_OK));
	chmod("f", 0500);
	say("R_OK | X_OK", access("f", R_OK | X_OK));
	say("W_OK", access("f", W_OK));
	say("bad mode", access("f", 8));
	say("nothing", access("none", F_OK));
	say("below a file", access("f/x", F_OK));
	say("faccessat2, bad flags", syscall(439, AT_FDCWD, "f", 0, 1));
	say("faccessat2, effective", faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
	symlink("none", "l");
	say("of a dangling link", access("l", F_OK));
	say("of the link itself", faccessat(AT_FDCWD, "l", W_OK, AT_SYMLINK_NOFOLLOW));
	say("clean", unlink("f") | unlink("l"));
}

static void show_times(const char *what, int fd, const struct stat *before)
{
	struct stat st;

	fstat(fd, &st);
	printf("%s:%s%s%s\n", what,
	       memcmp(&st.st_atim, &before->st_atim, sizeof(st.st_atim)) ? " atime" : "",
	       memcmp(&st.st_mtim, &before->st_mtim, sizeof(st.st_mtim)) ? " mtime" : "",
	       memcmp(&st.st_ctim, &before->st_ctim, sizeof(st.st_ctim)) ? " ctime" : "");
}

static void times(void)
{
	struct timespec ts[2] = {{1000, 1}, {2000, 999999999}};
	struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	struct stat st, old;
	char byte;
	int fd = make_file("f", "text"), dir = open(".", O_RDONLY), r;

	say("utimensat", utimensat(AT_FDCWD, "f", ts, 0));
	fstat(fd, &st);
	printf("%ld.%09ld %ld.%09ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec,
	       st.st_mtim.tv_nsec);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = 3000;
	say("atime omitted", futimens(fd, ts));
	fstat(fd, &st);
	printf("%ld %ld\n", st.st_atim.tv_sec, st.st_mtim.tv_sec);
	ts[1].tv_nsec = UTIME_NOW;
	say("mtime now", futimens(fd, ts));
	fstat(fd, &st);
	check("is now", st.st_mtim.tv_sec > 1000000000);
	ts[0].tv_nsec = 1000000000;
	say("bad nanoseconds", futimens(fd, ts));
	say("both omitted, of nothing", utimensat(AT_FDCWD, "none", omit, 0));
	say("of nothing", utimensat(AT_FDCWD, "none", NULL, 0));
	say("of another's, now", utimensat(AT_FDCWD, "/", NULL, 0));
	ts[0].tv_nsec = 0;
	say("of another's", utimensat(AT_FDCWD, "/dev/null", ts, 0));
	say("bad flags", utimensat(AT_FDCWD, "f", NULL, 1));
	say("of 99", futimens(99, NULL));
	say("negative seconds",
	    utimensat(AT_FDCWD, "f", (struct timespec[2]){{-5, 0}, {-6, 0}}, 0));
	fstat(fd, &st);
	printf("%ld %ld\n", st.st_atim.tv_sec, st.st_mtim.tv_sec);

	futimens(fd, NULL);
	nap();
	fstat(fd, &old);
	say("write", pwrite(fd, "x", 1, 0));
	show_times("after a write", fd, &old);
	nap();
	fstat(fd, &old);
	say("read", pread(fd, &byte, 1, 0));
	show_times("after a first read", fd, &old);
	nap();
	fstat(fd, &old);
	say("read", pread(fd, &byte, 1, 0));
	show_times("after another read", fd, &old);
	nap();
	fstat(fd, &old);
	fchmod(fd, 0600);
	show_times("after chmod", fd, &old);
	nap();
	fstat(fd, &old);
	link("f", "g");
	show_times("after link", fd, &old);
	nap();
	fstat(fd, &old);
	rename("g", "h");
	show_times("after rename", fd, &old);
	nap();
	fstat(fd, &old);
	unlink("h");
	show_times("after unlink of one name", fd, &old);
	nap();
	fstat(fd, &old);
	say("ftruncate", ftruncate(fd, 1));
	show_times("after ftruncate", fd, &old);
	nap();
	fstat(fd, &old);
	say("ftruncate to the same", ftruncate(fd, 1));
	show_times("after ftruncate to the same", fd, &old);
	nap();
	fstat(fd, &old);
	say("write of nothing", write(fd, "", 0));
	show_times("after a write of nothing", fd, &old);
	nap();
	fstat(fd, &old);
	close(open("f", O_RDWR | O_TRUNC));
	show_times("after O_TRUNC", fd, &old);

	nap();
	fstat(dir, &old);
	close(make_file("g", ""));
	show_times("a folder after create", dir, &old);
	nap();
	fstat(dir, &old);
	close(make_file("g", ""));
	show_times("a folder after open", dir, &old);
	nap();
	fstat(dir, &old);
	chmod("g", 0600);
	show_times("a folder after chmod in it", dir, &old);
	nap();
	fstat(dir, &old);
	rename("g", "i");
	show_times("a folder after rename", dir, &old);
	nap();
	fstat(dir, &old);
	unlink("i");
	show_times("a folder after unlink", dir, &old);
	r = open("f", O_RDONLY | O_NOATIME);
	pwrite(fd, "xyz", 3, 0);
	nap();
	fstat(fd, &old);
	say("read, O_NOATIME", read(r, &byte, 1));
	show_times("after it", fd, &old);
	close(r);
	close(dir);
	close(fd);
	unlink("f");
}

static void sizes(void)
{
	struct stat st;
	char buf[16];
	int fd = make_file("f", "0123456789"), r = open("f", O_RDONLY), p[2];

	say("truncate", truncate("f", 4));
	say("ftruncate, larger", ftruncate(fd, 8));
	say("pread", pread(fd, buf, 16, 0));
	check("zeroes follow", memcmp(buf, "0123\0\0\0\0", 8) == 0);
	say("truncate, negative", truncate("f", -1));
	say("truncate of nothing", truncate("none", 0));
	say("truncate of a folder", truncate(".", 0));
	say("ftruncate of a folder", ftruncate(open(".", O_RDONLY), 0));
	say("ftruncate of what is open to read", ftruncate(r, 0));
	say("ftruncate of 99", ftruncate(99, 0));
	say("ftruncate of a pipe", pipe(p) ? -1 : ftruncate(p[1], 0));
	chmod("f", 0400);
	say("truncate of what may not be written", truncate("f", 0));
	say("ftruncate of what is open to write", ftruncate(fd, 0));
	say("truncate of /dev/null", truncate("/dev/null", 0));
	say("large", ftruncate(fd, 1L << 40));
	fstat(fd, &st);
	printf("%ld bytes, %ld sectors\n", (long)st.st_size, (long)st.st_blocks);
	say("too large", ftruncate(fd, INT64_MAX));
	say("clean", unlink("f"));
}

static void systems(void)
{
	struct statfs s;
	int fd = open(".", O_RDONLY), p[2];

	say("statfs", statfs(".", &s));
	check("a tmpfs", s.f_type == TMPFS_MAGIC && s.f_bsize == 4096 && s.f_namelen == 255);
	check("has room", s.f_bfree > 0 && s.f_bfree <= s.f_blocks);
	say("fstatfs", fstatfs(fd, &s));
	say("statfs of nothing", statfs("none", &s));
	say("fstatfs of 99", fstatfs(99, &s));
	say("statfs, bad buffer", syscall(SYS_statfs, ".", 8));
	say("statfs of /proc", statfs("/proc", &s));
	check("is proc", s.f_type == PROC_SUPER_MAGIC);
	say("fstatfs of a pipe", pipe(p) ? -1 : fstatfs(p[0], &s));
	check("is a pipe", s.f_type == PIPEFS_MAGIC);
	say("sync", (sync(), 0));
	say("fsync", fsync(fd));
	say("fdatasync", fdatasync(fd));
	say("syncfs", syncfs(fd));
	say("fsync of a pipe", fsync(p[0]));
	say("fsync of 99", fsync(99));
	say("syncfs of 99", syncfs(99));
}

static void xattrs(void)
{
	static char large[65540];
	char buf[64];
	int fd = make_file("f", "x");

	say("listxattr", listxattr("f", buf, sizeof(buf)));
	say("getxattr, none", getxattr("f", "user.none", buf, sizeof(buf)));
	say("setxattr", setxattr("f", "user.one", "value", 5, 0));
	say("getxattr", getxattr("f", "user.one", buf, sizeof(buf)));
	check("its value", memcmp(buf, "value", 5) == 0);
	say("size asked", getxattr("f", "user.one", NULL, 0));
	say("too small", getxattr("f", "user.one", buf, 2));
	say("XATTR_CREATE", setxattr("f", "user.one", "x", 1, XATTR_CREATE));
	say("XATTR_REPLACE", setxattr("f", "user.two", "x", 1, XATTR_REPLACE));
	say("bad flags", setxattr("f", "user.two", "x", 1, 4));
	say("an empty value", fsetxattr(fd, "user.two", "", 0, 0));
	say("listxattr", flistxattr(fd, buf, sizeof(buf)));
	say("listxattr, size asked", flistxattr(fd, NULL, 0));
	say("listxattr, too small", flistxattr(fd, buf, 3));
	say("removexattr", removexattr("f", "user.one"));
	say("removexattr again", removexattr("f", "user.one"));
	say("unknown kind", setxattr("f", "other.x", "x", 1, 0));
	say("no kind", setxattr("f", "x", "x", 1, 0));
	say("trusted", setxattr("f", "trusted.x", "x", 1, 0));
	say("get trusted", getxattr("f", "trusted.x", buf, 10));
	say("user. alone", setxattr("f", "user.", "x", 1, 0));
	say("empty name", setxattr("f", "", "x", 1, 0));
	say("too large", setxattr("f", "user.big", large, 65537, 0));
	say("of nothing", getxattr("none", "user.x", buf, 10));
	symlink("f", "l");
	say("of a link itself", lsetxattr("l", "user.x", "x", 1, 0));
	say("get of a link itself", lgetxattr("l", "user.x", buf, 1));
	chmod("f", 0200);
	say("get without the right to read", getxattr("f", "user.two", buf, 10));
	chmod("f", 0400);
	say("set without the right to write", setxattr("f", "user.two", "x", 1, 0));
	say("of 99", fgetxattr(99, "user.x", buf, 10));
	close(fd);
	say("clean", unlink("f") | unlink("l"));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	place_enter();
	stats();
	modes();
	accesses();
	times();
	sizes();
	systems();
	xattrs();
	place_leave();
	return 0;
}
