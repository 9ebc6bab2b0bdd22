/*
 * What /proc says of memory, against what the program did with it: maps, smaps, smaps_rollup,
 * statm, status, pagemap; and of the machine: meminfo, vmstat, buddyinfo. Forms, values, seeking
 * and reading in parts.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE 4096L
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#define PM_PRESENT   (1UL << 63)
#define PM_FILE      (1UL << 61)
#define PM_EXCLUSIVE (1UL << 56)

static char text[1 << 18];

/* Reads all of a file into `text`, `step` bytes at a time. => its length. */
static size_t slurp_in(const char *path, size_t step)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len + step < sizeof text && (n = read(fd, text + len, step)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	return len;
}

static size_t slurp(const char *path)
{
	return slurp_in(path, 4096);
}

/* => the number behind `key` at the start of a line at or after `from`; -1: there is none. */
static long value(const char *from, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = from; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0)
			return atol(line + len);
	}
	return -1;
}

/* => where smaps begins to tell of the mapping at p. */
static const char *smaps_of(const void *p)
{
	char start[32];

	snprintf(start, sizeof start, "%08lx-", (unsigned long)p);
	slurp("/proc/self/smaps");
	return strstr(text, start);
}

/* => the sum of all lines with that key. */
static long total(const char *key)
{
	size_t len = strlen(key);
	long sum = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0)
			sum += atol(line + len);
	}
	return sum;
}

static uint64_t pagemap(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)p / PAGE * 8)) != sizeof entry)
		entry = 1;
	close(fd);
	return entry;
}

static void one_mapping(void)
{
	char *p = mmap(NULL, 64 * PAGE, RW, ANON, -1, 0), *end;
	const char *m;

	/* Nobody is its neighbour. */
	mprotect(p, PAGE, PROT_NONE);
	mprotect(p + 63 * PAGE, PAGE, PROT_NONE);
	p += PAGE;
	m = smaps_of(p);
	check("a mapping is in smaps", m != NULL);
	if (!m)
		return;
	check("its size", value(m, "Size:") == 62 * 4);
	check("nothing of it is resident", value(m, "Rss:") == 0 && value(m, "Pss:") == 0);
	for (long i = 0; i < 10; i++)
		p[i * PAGE] = 1;
	m = smaps_of(p);
	check("ten pages are resident", value(m, "Rss:") == 40 && value(m, "Pss:") == 40);
	check("... private, dirty, anonymous", value(m, "Private_Dirty:") == 40 &&
						   value(m, "Anonymous:") == 40 &&
						   value(m, "Shared_Dirty:") == 0);
	check("... referenced", value(m, "Referenced:") == 40);
	end = strstr(m, "VmFlags: ");
	check("its flags", end && strncmp(end, "VmFlags: rd wr mr mw me ac", 26) == 0);
	check("a page of it in pagemap",
	      (pagemap(p) & (PM_PRESENT | PM_FILE | PM_EXCLUSIVE)) == (PM_PRESENT | PM_EXCLUSIVE));
	check("one that was not touched", pagemap(p + 20 * PAGE) == 0);
	munmap(p, 5 * PAGE);
	m = smaps_of(p + 5 * PAGE);
	check("five are left", m && value(m, "Rss:") == 20);
}

static void shared_by_fork(void)
{
	char *p = mmap(NULL, 32 * PAGE, RW, ANON, -1, 0);
	int there[2], back[2];
	char byte = 0;
	pid_t pid;

	mprotect(p, PAGE, PROT_NONE);
	mprotect(p + 31 * PAGE, PAGE, PROT_NONE);
	p += PAGE;
	for (long i = 0; i < 20; i++)
		p[i * PAGE] = 1;
	if (pipe(there) || pipe(back))
		exit(1);
	pid = fork();
	if (pid == 0) {
		for (long i = 0; i < 5; i++) /* these become its own */
			p[i * PAGE] = 2;
		if (write(there[1], "x", 1) != 1 || read(back[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	if (read(there[0], &byte, 1) != 1)
		exit(1);
	const char *m = smaps_of(p);
	check("after a fork all is resident still", m && value(m, "Rss:") == 80);
	check("... fifteen pages are shared", value(m, "Shared_Dirty:") == 60);
	check("... and count half", value(m, "Pss:") == 20 + 30);
	check("a shared page is not exclusive", (pagemap(p + 10 * PAGE) & PM_EXCLUSIVE) == 0);
	if (write(back[1], "x", 1) != 1)
		exit(1);
	waitpid(pid, NULL, 0);
	m = smaps_of(p);
	check("after the child's end all is private",
	      value(m, "Private_Dirty:") == 80 && value(m, "Pss:") == 80);
	munmap(p, 30 * PAGE);
}

static void files(void)
{
	int fd = open("/tmp/procmem", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p, name[64];
	const char *m;

	if (ftruncate(fd, 8 * PAGE))
		exit(1);
	p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0);
	for (long i = 0; i < 4; i++)
		p[i * PAGE] = 1;
	m = smaps_of(p);
	check("four pages of a file", m && value(m, "Rss:") == 16 && value(m, "Anonymous:") == 0);
	check("... written", value(m, "Private_Dirty:") + value(m, "Shared_Dirty:") == 16);
	check("... in pagemap", (pagemap(p) & (PM_PRESENT | PM_FILE)) == (PM_PRESENT | PM_FILE));
	check("... not one that was not touched", (pagemap(p + 6 * PAGE) & PM_PRESENT) == 0);
	slurp("/proc/self/maps");
	snprintf(name, sizeof name, "%08lx-%08lx rw-s 00000000 ", (unsigned long)p,
		 (unsigned long)p + 8 * PAGE);
	m = strstr(text, name);
	check("its line in maps", m != NULL);
	const char *end = m ? strchr(m, '\n') : NULL;
	check("... with its name where names are",
	      end && end - m > 73 && strncmp(m + 73, "/tmp/procmem\n", 13) == 0);
	munmap(p, 8 * PAGE);
	close(fd);
	unlink("/tmp/procmem");
}

static void sums(void)
{
	long rss, pss, size, statm[7];
	static char whole[sizeof text];
	size_t len;

	slurp("/proc/self/smaps");
	rss = total("Rss:");
	pss = total("Pss:");
	size = total("Size:");
	slurp("/proc/self/smaps_rollup");
	check("smaps_rollup is the sum of smaps", labs(value(text, "Rss:") - rss) <= 8);
	check("... shares too", labs(value(text, "Pss:") - pss) <= 64);
	check("... and its parts make it up",
	      labs(value(text, "Pss_Anon:") + value(text, "Pss_File:") + value(text, "Pss_Shmem:") -
		   value(text, "Pss:")) <= 2);
	check("its first line",
	      strstr(text, " ---p 00000000 00:00 0 ") && strstr(text, "[rollup]\n"));
	slurp("/proc/self/statm");
	for (int i = 0; i < 7; i++)
		statm[i] = -1;
	sscanf(text, "%ld %ld %ld %ld %ld %ld %ld", &statm[0], &statm[1], &statm[2], &statm[3],
	       &statm[4], &statm[5], &statm[6]);
	check("statm's size", labs(statm[0] * 4 - size) <= 16);
	check("statm's resident pages", labs(statm[1] * 4 - rss) <= 256);
	check("statm's order", statm[1] >= statm[2] && statm[4] == 0 && statm[6] == 0);
	slurp("/proc/self/status");
	check("VmSize", labs(value(text, "VmSize:") - size) <= 16);
	check("VmRSS is the sum of its kinds",
	      value(text, "VmRSS:") ==
		  value(text, "RssAnon:") + value(text, "RssFile:") + value(text, "RssShmem:"));
	check("VmHWM and VmPeak are not below",
	      value(text, "VmHWM:") >= value(text, "VmRSS:") &&
		  value(text, "VmPeak:") >= value(text, "VmSize:"));
	check("Threads", value(text, "Threads:") == 1);

	len = slurp("/proc/self/limits");
	memcpy(whole, text, len + 1);
	check("a text in parts of seven bytes is the same",
	      slurp_in("/proc/self/limits", 7) == len && memcmp(whole, text, len) == 0);
	int fd = open("/proc/self/limits", O_RDONLY);
	check("... and from the middle", lseek(fd, 100, SEEK_SET) == 100 &&
					     read(fd, text, 50) == 50 &&
					     !memcmp(text, whole + 100, 50));
	close(fd);
}

static void entries(void)
{
	static char pages[8 * 4096] __attribute__((aligned(4096)));
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t e[8], one;
	off_t at = (off_t)((uintptr_t)pages / PAGE * 8);

	for (int i = 0; i < 8; i++)
		pages[i * PAGE] = 1;
	check("eight entries", pread(fd, e, sizeof e, at) == sizeof e);
	check("... are of what was touched", (e[0] & PM_PRESENT) && (e[7] & PM_PRESENT));
	check("... one by one the same", lseek(fd, at + 3 * 8, SEEK_SET) == at + 3 * 8 &&
					     read(fd, &one, 8) == 8 && one == e[3]);
	say("pagemap, half an entry", pread(fd, e, 4, at));
	say("pagemap, between entries", pread(fd, e, 8, at + 4));
	say("pagemap, an odd length", pread(fd, e, 12, at));
	say("pagemap, beyond all addresses", pread(fd, e, 8, 1L << 61));
	close(fd);
}

static void machine(void)
{
	struct sysinfo info;
	long before, after, sum = 0, n, orders = 0;
	const char *at;
	char *p;

	slurp("/proc/meminfo");
	sysinfo(&info);
	check("MemTotal is sysinfo's",
	      value(text, "MemTotal:") == (long)(info.totalram * info.mem_unit / 1024));
	check("MemFree is less",
	      value(text, "MemFree:") < value(text, "MemTotal:") && value(text, "MemFree:") > 0);
	check("Slab is the sum of its parts",
	      value(text, "Slab:") == value(text, "SReclaimable:") + value(text, "SUnreclaim:"));
	check("there are page tables and stacks",
	      value(text, "PageTables:") > 0 && value(text, "KernelStack:") > 0);
	slurp("/proc/vmstat");
	before = value(text, "pgfault ");
	p = mmap(NULL, 100 * PAGE, RW, ANON, -1, 0);
	madvise(p, 100 * PAGE, MADV_NOHUGEPAGE);
	for (long i = 0; i < 100; i++)
		p[i * PAGE] = 1;
	slurp("/proc/vmstat");
	after = value(text, "pgfault ");
	check("a hundred page faults are counted", after - before >= 100);
	check("vmstat's free frames", value(text, "nr_free_pages ") > 0);
	slurp("/proc/buddyinfo");
	check("buddyinfo begins so", strncmp(text, "Node 0, zone ", 13) == 0);
	at = strchr(text + 13, ' ');
	for (at = text + 13; *at == ' '; at++)
		;
	at = strchr(at, ' ');
	for (int used; at && sscanf(at, "%ld%n", &n, &used) == 1; at += used) {
		sum += n << orders;
		orders++;
	}
	check("... with eleven orders", orders >= 10 && sum > 0);
	slurp("/proc/zoneinfo");
	check("zoneinfo", strncmp(text, "Node 0, zone ", 13) == 0 && strstr(text, "  pages free"));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	one_mapping();
	shared_by_fork();
	files();
	sums();
	entries();
	machine();
	return 0;
}
