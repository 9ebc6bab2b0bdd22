/* process_vm_readv and _writev, membarrier, faults in getrusage, and calls that Linux has not. */
#include "test/guest/vm.h"
#include <sys/uio.h>

#define TOP (1UL << 62)

static long reads(pid_t pid, struct iovec *l, long nl, struct iovec *r, long nr, long flags)
{
	return syscall(SYS_process_vm_readv, pid, l, nl, r, nr, flags);
}

static long writes(pid_t pid, struct iovec *l, long nl, struct iovec *r, long nr, long flags)
{
	return syscall(SYS_process_vm_writev, pid, l, nl, r, nr, flags);
}

#define V(at, len) (&(struct iovec){at, len})

static char buf[3 * 4096];

static void own(void)
{
	struct iovec l[3], r[3];
	pid_t me = getpid();

	map_at(0, 4, RW, ANON);
	strcpy(AT(0), "first");
	strcpy(AT(1) - 3, "across");
	T(reads(me, V(buf, 6), 1, V(AT(0), 6), 1, 0));
	printf("%s\n", buf);
	T(reads(me, V(buf, 7), 1, V(AT(1) - 3, 7), 1, 0));
	printf("%s\n", buf);
	T(writes(me, V("other", 6), 1, V(AT(2), 6), 1, 0));
	printf("%s\n", AT(2));
	l[0] = (struct iovec){buf, 2};
	l[1] = (struct iovec){buf + 10, 0};
	l[2] = (struct iovec){buf + 100, 4};
	r[0] = (struct iovec){AT(0), 1};
	r[1] = (struct iovec){AT(0) + 2, 4};
	r[2] = (struct iovec){AT(2), 100};
	T(reads(me, l, 3, r, 3, 0));
	printf("%.2s %.4s\n", buf, buf + 100);
	T(reads(me, l, 3, r, 1, 0));
	T(reads(me, l, 1, r, 3, 0));
	T(reads(me, V(buf, 0), 1, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), 1, V(AT(0), 0), 1, 0));
	T(reads(me, NULL, 0, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), 1, NULL, 0, 0));
	T(reads(999999, NULL, 0, NULL, 0, 0));
	T(reads(999999, V(buf, 1), 1, NULL, 0, 0));
	window_clear();
}

static void errors(void)
{
	pid_t me = getpid();
	int file = file_of(PAGE);

	map_at(0, 2, RW, ANON);
	map_at(4, 1, PROT_READ, ANON);
	map_at(5, 1, PROT_NONE, ANON);
	mmap(AT(6), 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	memset(AT(0), 'y', 2 * PAGE);
	T(reads(me, V(buf, 1), 1, V(AT(0), 1), 1, 1));
	T(reads(me, BAD, 1, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), 1, BAD, 1, 0));
	T(reads(me, V(buf, 1), 2000, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), -1, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), 1, V(AT(0), 1), 2000, 0));
	T(reads(me, V(buf, -1), 1, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), 1, V(AT(0), -1), 1, 0));
	T(reads(999999, V(buf, 1), 1, V(AT(0), 1), 1, 0));
	T(reads(-1, V(buf, 1), 1, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, 1), 1, V(BAD, 1), 1, 0));
	T(reads(me, V(buf, 1), 1, V((char *)TOP, 1), 1, 0));
	T(reads(me, V(buf, 1), 1, V((char *)~0UL, 1), 1, 0));
	T(reads(me, V(BAD, 1), 1, V(AT(0), 1), 1, 0));
	T(reads(me, V((char *)TOP, 1), 1, V(AT(0), 1), 1, 0));
	T(reads(me, V(buf, PAGE), 1, V(AT(1) + 100, PAGE), 1, 0));
	T(reads(me, V(buf, 3 * PAGE), 1, V(AT(0), 3 * PAGE), 1, 0));
	T(writes(me, V(buf, 10), 1, V(AT(4), 10), 1, 0));
	T(reads(me, V(buf, 10), 1, V(AT(5), 10), 1, 0));
	T(reads(me, V(buf, 10), 1, V(AT(4), 10), 1, 0));
	T(reads(me, V(buf, 2 * PAGE), 1, V(AT(6), 2 * PAGE), 1, 0));
	T(reads(me, V(buf, 10), 1, V(AT(7), 10), 1, 0));
	window_clear();
}

static void of_another(void)
{
	int go[2], done[2];
	pid_t pid;
	char byte;

	pipe(go);
	pipe(done);
	map_at(0, 4, RW, ANON);
	strcpy(AT(0), "parent's");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		strcpy(AT(1), "child's");
		write(done[1], "x", 1);
		read(go[0], &byte, 1);
		printf("child has %s, %s\n", AT(0), AT(2));
		fflush(stdout);
		_exit(0);
	}
	read(done[0], &byte, 1);
	T(reads(pid, V(buf, 9), 1, V(AT(0), 9), 1, 0));
	printf("%s\n", buf);
	T(reads(pid, V(buf, 9), 1, V(AT(1), 9), 1, 0));
	printf("%s\n", buf);
	T(writes(pid, V("changed", 8), 1, V(AT(0), 8), 1, 0));
	T(writes(pid, V("new", 4), 1, V(AT(2), 4), 1, 0));
	printf("parent has %s, %s\n", AT(0), AT(2));
	write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
	T(reads(pid, V(buf, 9), 1, V(AT(0), 9), 1, 0));
	pid = fork();
	if (pid == 0)
		_exit(0);
	sleep_ms(50);
	T(reads(pid, V(buf, 9), 1, V(AT(0), 9), 1, 0));
	waitpid(pid, NULL, 0);
	/* Who hides from debuggers cannot be read. */
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		write(done[1], "x", 1);
		read(go[0], &byte, 1);
		_exit(0);
	}
	read(done[0], &byte, 1);
	T(reads(pid, V(buf, 9), 1, V(AT(0), 9), 1, 0));
	write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
	window_clear();
}

static long barrier(int cmd, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier, cmd, flags, cpu);
}

static void barriers(void)
{
	IS((barrier(0, 0, 0) & 0x19f) == 0x19f);
	T(barrier(0, 1, 0));
	T(barrier(3, 0, 0));
	T(barrier(1 << 12, 0, 0));
	T(barrier(-1, 0, 0));
	T(barrier(1, 0, 0));
	T(barrier(1, 1, 0));
	T(barrier(2, 0, 0));
	T(barrier(8, 0, 0));
	T(barrier(128, 0, 0));
	T(barrier(16, 0, 0));
	T(barrier(8, 0, 0));
	T(barrier(8, 1, 0));
	T(barrier(128, 0, 0));
	T(barrier(256, 0, 0));
	T(barrier(128, 0, 0));
	T(barrier(128, 1, 0));
	T(barrier(128, 1, 100000));
	T(barrier(128, 2, 0));
	T(barrier(4, 0, 0));
	T(barrier(512, 0, 0));
	say_status("child", CHILD(T(barrier(512, 0, 0))));
}

static long minor(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return r.ru_minflt;
}

static void faults(void)
{
	long before;
	int file = file_of(16 * PAGE);

	map_at(0, 32, RW, ANON);
	mprotect(AT(8), 8 * PAGE, PROT_READ);
	minor(RUSAGE_SELF);
	before = minor(RUSAGE_THREAD);
	for (int i = 0; i < 8; i++)
		*AT(i) = 1;
	IS(minor(RUSAGE_THREAD) - before == 8);
	for (int i = 0; i < 8; i++)
		*AT(i) = 1;
	IS(minor(RUSAGE_THREAD) - before == 8);
	before = minor(RUSAGE_SELF);
	for (int i = 8; i < 16; i++)
		(void)*(volatile char *)AT(i);
	IS(minor(RUSAGE_SELF) - before == 8);
	madvise(AT(0), 4 * PAGE, MADV_DONTNEED);
	before = minor(RUSAGE_SELF);
	for (int i = 0; i < 4; i++)
		*AT(i) = 1;
	IS(minor(RUSAGE_SELF) - before == 4);
	mmap(AT(40), 16 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	before = minor(RUSAGE_SELF);
	for (int i = 40; i < 56; i++)
		*AT(i) = 1;
	IS(minor(RUSAGE_SELF) - before == 16);
	window_clear();
}

static void missing(void)
{
	map_at(0, 2, RW, SHARED);
	T(syscall(SYS_remap_file_pages, AT(0) + 1, 0, 0, 0, 0) == -1);
	T(syscall(1000));
	window_clear();
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"own", own},           {"errors", errors}, {"of-another", of_another},
	    {"barriers", barriers}, {"faults", faults}, {"missing", missing},
	};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
