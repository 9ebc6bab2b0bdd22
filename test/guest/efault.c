/*
 * Wild pointers given to system calls: EFAULT, whatever the pointer, and never
 * anything worse. Raw system calls, so that libc does not touch them first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "test/guest/say.h"

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int file;

static void wild(const char *name, unsigned long p)
{
	printf("-- %s\n", name);
	say("read", syscall(SYS_read, file, p, 16));
	say("pread64", syscall(SYS_pread64, file, p, 16, 0));
	say("write", syscall(SYS_write, 1, p, 16));
	say("writev, vector", syscall(SYS_writev, 1, p, 2));
	struct iovec iov = {(void *)p, 16};
	say("writev, base", syscall(SYS_writev, 1, &iov, 1));
	say("readv, base", syscall(SYS_readv, file, &iov, 1));
	say("openat", syscall(SYS_openat, AT_FDCWD, p, O_RDONLY));
	say("readlinkat, path", syscall(SYS_readlinkat, AT_FDCWD, p, &iov, 16));
	say("readlinkat, buffer", syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", p, 16));
	say("newfstatat, path", syscall(SYS_newfstatat, AT_FDCWD, p, &iov, 0));
	say("newfstatat, buffer", syscall(SYS_newfstatat, AT_FDCWD, "/", p, 0));
	say("fstat", syscall(SYS_fstat, file, p));
	say("uname", syscall(SYS_uname, p));
	say("getcwd", syscall(SYS_getcwd, p, 4096));
	say("clock_gettime", syscall(SYS_clock_gettime, 1, p));
	say("getrandom", syscall(SYS_getrandom, p, 16, 0));
	say("prlimit64, old", syscall(SYS_prlimit64, 0, 3, 0, p));
	say("prlimit64, new", syscall(SYS_prlimit64, 0, 3, p, 0));
	say("rt_sigprocmask", syscall(SYS_rt_sigprocmask, 0, p, 0, 8));
	say("rt_sigaction", syscall(SYS_rt_sigaction, 10, p, 0, 8));
	say("nanosleep", syscall(SYS_nanosleep, p, 0));
}

int main(int argc, char **argv)
{
	(void)argc;
	file = open(argv[0], O_RDONLY);
	setvbuf(stdout, NULL, _IONBF, 0);

	char *p = mmap(NULL, 3 * 4096, RW, ANON, -1, 0);
	memset(p, 'x', 3 * 4096);
	munmap(p + 4096, 4096);
	wild("unmapped", (unsigned long)p + 4096);
	wild("one", 1);
	wild("the last page below the kernel's half", 0x7ffffffffffff000);
	wild("the kernel's image", 0xffffffff80200000);
	wild("the linear map", 0xffffffc000000000);
	wild("the last bytes", 0xfffffffffffffff8);

	printf("-- partly mapped\n");
	say("write 8 bytes before the hole: all 8", syscall(SYS_write, 2, p + 4088, 0));
	lseek(file, 0, SEEK_SET);
	say("openat, a string that runs into the hole",
	    syscall(SYS_openat, AT_FDCWD, p + 4090, O_RDONLY));
	char *r = mmap(NULL, 4096, PROT_READ, ANON, -1, 0);
	say("read into a read-only page", syscall(SYS_read, file, r, 16));
	say("fstat into a read-only page", syscall(SYS_fstat, file, r));
	say("read of 0 bytes to nowhere", syscall(SYS_read, file, 1, 0));
	say("write of 0 bytes from nowhere", syscall(SYS_write, 2, 1, 0));
	printf("-- lengths\n");
	say("read, length wraps", syscall(SYS_read, file, p, ~0UL));
	say("readv, 2000 vectors", syscall(SYS_readv, file, p, 2000));
	struct iovec much[2] = {{p, 1UL << 63}, {p, 16}};
	say("readv, lengths too large", syscall(SYS_readv, file, much, 2));
	say("bad file", syscall(SYS_read, 99, p, 1));
	say("bad file, negative", syscall(SYS_write, -1, p, 1));
	say("no such call", syscall(5000));
	return 0;
}
