/* /proc: of oneself, of a child, of nobody; links, texts and folders, as far as they are alike
 * everywhere. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "test/guest/place.h"

static char buf[65536], name[PATH_MAX];

/* The whole text of a file of /proc in buf. => bytes, -1 and errno. */
static ssize_t text(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, total = 0;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + total, sizeof(buf) - 1 - (size_t)total)) > 0)
		total += n;
	close(fd);
	buf[total] = 0;
	return n < 0 ? -1 : total;
}

/* => what follows KEY in buf, up to the line's end; "" if there is no such line. */
static const char *field(const char *key)
{
	static char value[256];
	const char *at = buf;
	size_t len = strlen(key);

	while (at && strncmp(at, key, len))
		at = (at = strchr(at, '\n')) ? at + 1 : NULL;
	if (!at)
		return "";
	at += len;
	while (*at == ' ' || *at == '\t')
		at++;
	len = strcspn(at, "\n");
	if (len >= sizeof(value))
		len = sizeof(value) - 1;
	memcpy(value, at, len);
	value[len] = 0;
	return value;
}

static void shape(const char *what)
{
	/* Digits become 0, so that the form is seen and not the numbers. */
	printf("%s: ", what);
	for (const char *p = buf; *p && *p != '\n'; p++)
		if (!isdigit((unsigned char)*p))
			putchar(*p);
		else if (!isdigit((unsigned char)p[1]))
			putchar('0');
	putchar('\n');
}

static void links(void)
{
	ssize_t n = readlink("/proc/self", name, sizeof(name) - 1);

	name[n] = 0;
	check("self is our number", atoi(name) == getpid());
	n = readlink("/proc/thread-self", name, sizeof(name) - 1);
	name[n] = 0;
	snprintf(buf, sizeof(buf), "%d/task/%d", getpid(), getpid());
	check("thread-self", strcmp(name, buf) == 0);
	n = readlink("/proc/self/cwd", name, sizeof(name) - 1);
	name[n] = 0;
	check("cwd", strcmp(name, place) == 0);
	n = readlink("/proc/self/root", name, sizeof(name) - 1);
	name[n] = 0;
	check("root", strcmp(name, "/") == 0);
	n = readlink("/proc/self/exe", name, sizeof(name) - 1);
	name[n] = 0;
	check("exe", name[0] == '/' && strcmp(strrchr(name, '/'), "/procfs") == 0);
	n = readlink("/proc/mounts", name, sizeof(name) - 1);
	name[n] = 0;
	printf("mounts -> %s\n", name);
	say("open exe", open("/proc/self/exe", O_RDONLY) < 0 ? -1 : 0);
	say("readlink of a text", readlink("/proc/self/stat", name, sizeof(name)));
	say("nobody", open("/proc/999999/stat", O_RDONLY));
	say("no such file", open("/proc/self/nothing", O_RDONLY));
	say("create", open("/proc/self/nothing", O_WRONLY | O_CREAT, 0600));
	say("mkdir", mkdir("/proc/new", 0700));
	say("remove", rmdir("/proc/nothing"));
	say("write a text", open("/proc/self/stat", O_WRONLY));
	say("truncate", truncate("/proc/self/status", 0));
}

static void texts(void)
{
	char state;
	int pid, ppid, pgrp, session;
	unsigned long value;

	say("comm", prctl(PR_SET_NAME, "a (name) of it") ? -1 : text("/proc/self/comm"));
	printf("%s", buf);
	say("stat", text("/proc/self/stat") > 0 ? 0 : -1);
	check("its name", strstr(buf, "(a (name) of it)") != NULL);
	check("its numbers", sscanf(buf, "%d (a (name) of it) %c %d %d %d", &pid, &state, &ppid,
				    &pgrp, &session) == 5 &&
				 pid == getpid() && state == 'R' && ppid == getppid() &&
				 pgrp == getpgrp() && session == getsid(0));
	int words = 0;
	for (char *p = strrchr(buf, ')'); *p; p++)
		words += *p == ' ';
	printf("%d fields\n", words + 2);
	say("status", text("/proc/self/status") > 0 ? 0 : -1);
	printf("Name %s\n", field("Name:"));
	printf("Umask %s\n", field("Umask:"));
	printf("State %s\n", field("State:"));
	check("Tgid", atoi(field("Tgid:")) == getpid());
	check("Pid", atoi(field("Pid:")) == getpid());
	check("PPid", atoi(field("PPid:")) == getppid());
	printf("TracerPid %s\n", field("TracerPid:"));
	printf("Uid %s\n", field("Uid:"));
	printf("Gid %s\n", field("Gid:"));
	printf("Threads %s\n", field("Threads:"));
	printf("SigPnd %s\n", field("SigPnd:"));
	printf("SigBlk %s\n", field("SigBlk:"));
	printf("SigIgn %s\n", field("SigIgn:"));
	printf("SigCgt %s\n", field("SigCgt:"));
	printf("NoNewPrivs %s\n", field("NoNewPrivs:"));
	check("VmSize", sscanf(field("VmSize:"), "%lu kB", &value) == 1 && value > 0);
	check("VmRSS", sscanf(field("VmRSS:"), "%lu kB", &value) == 1 && value > 0);
	check("VmData", sscanf(field("VmData:"), "%lu kB", &value) == 1);
	check("VmStk", sscanf(field("VmStk:"), "%lu kB", &value) == 1);
	check("VmHWM", sscanf(field("VmHWM:"), "%lu kB", &value) == 1);
	check("VmPTE", sscanf(field("VmPTE:"), "%lu kB", &value) == 1);
	check("voluntary_ctxt_switches",
	      isdigit((unsigned char)*field("voluntary_ctxt_switches:")));
	say("statm", text("/proc/self/statm") > 0 ? 0 : -1);
	shape("its form");
	ssize_t n = text("/proc/self/cmdline");
	check("cmdline ends with a NUL", n > 0 && buf[n - 1] == 0);
	printf("cmdline %s\n", strrchr(buf, '/') ? strrchr(buf, '/') : buf);
	n = text("/proc/self/environ");
	check("environ", n >= 0 && (n == 0 || memmem(buf, (size_t)n, "PATH=", 5)));
	say("limits", text("/proc/self/limits") > 0 ? 0 : -1);
	printf("%.*s\n", (int)strcspn(buf, "\n"), buf);
	for (const char *const *l = (const char *const[]){"Max cpu time", "Max open files",
							  "Max realtime timeout", NULL};
	     *l; l++)
		check(*l, strstr(buf, *l) != NULL);
	say("io", text("/proc/self/io") > 0 ? 0 : -1);
	for (const char *const *l =
		 (const char *const[]){"rchar:", "wchar:", "syscr:", "syscw:", "read_bytes:",
				       "write_bytes:", "cancelled_write_bytes:", NULL};
	     *l; l++)
		check(*l, isdigit((unsigned char)*field(*l)));
	check("auxv", text("/proc/self/auxv") > 100 && ((unsigned long *)buf)[0] != 0);
	say("oom_score_adj", text("/proc/self/oom_score_adj"));
	say("coredump_filter", text("/proc/self/coredump_filter") > 0 ? 0 : -1);
	say("wchan", text("/proc/self/wchan"));
	say("personality", text("/proc/self/personality") > 0 ? 0 : -1);
	say("sessionid", text("/proc/self/oom_score") > 0 ? 0 : -1);
}

static void maps(void)
{
	int fd = make_file("mapped", "text");
	unsigned long start, end, offset, ino;
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), perms[8], *line;
	unsigned major, minor;
	int found = 0, heap = 0, stack = 0, vdso = 0;
	struct stat st;

	free(malloc(10));
	fstat(fd, &st);
	text("/proc/self/maps");
	for (line = strtok(buf, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu", &start, &end, perms, &offset, &major,
			   &minor, &ino) != 7)
			printf("bad line: %s\n", line);
		heap |= strstr(line, "[heap]") != NULL;
		stack |= strstr(line, "[stack]") != NULL;
		vdso |= strstr(line, "[vdso]") != NULL;
		if (start == (unsigned long)at) {
			found = 1;
			printf("%lu bytes %s offset %lx\n", end - start, perms, offset);
			check("its inode", ino == st.st_ino);
			check("its path", strstr(line, "/mapped") != NULL);
		}
	}
	check("heap, stack, vdso", heap && stack && vdso);
	check("our mapping", found);
	snprintf(name, sizeof(name), "/proc/self/map_files/%lx-%lx", (unsigned long)at,
		 (unsigned long)at + 8192);
	munmap(at, 8192);
	close(fd);
	unlink("mapped");
}

static void descriptors(void)
{
	int fd = make_file("f", "0123456789"), p[2], other, count = 0;
	struct dirent *e;
	struct stat st, st2;
	ssize_t n;
	DIR *dir;

	lseek(fd, 4, SEEK_SET);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, buf, sizeof(buf) - 1);
	buf[n] = 0;
	check("fd leads to the file", n > 0 && strcmp(strrchr(buf, '/'), "/f") == 0);
	say("lstat", lstat(name, &st));
	printf("mode %o\n", st.st_mode);
	stat(name, &st);
	fstat(fd, &st2);
	check("stat is the file's", st.st_ino == st2.st_ino);
	other = open(name, O_RDONLY);
	say("another open begins at", lseek(other, 0, SEEK_CUR));
	close(other);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	say("fdinfo", text(name) > 0 ? 0 : -1);
	printf("pos %s\n", field("pos:"));
	printf("flags %s\n", field("flags:"));
	check("mnt_id", isdigit((unsigned char)*field("mnt_id:")));
	check("ino", strtoul(field("ino:"), NULL, 10) == st2.st_ino);
	pipe(p);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[0]);
	n = readlink(name, buf, sizeof(buf) - 1);
	buf[n] = 0;
	check("a pipe", strncmp(buf, "pipe:[", 6) == 0);
	lstat(name, &st);
	printf("mode %o\n", st.st_mode);
	write(p[1], "x", 1);
	other = open(name, O_RDONLY);
	say("open a pipe through it", other < 0 ? -1 : read(other, buf, 10));
	close(other);
	say("a descriptor that is not open", readlink("/proc/self/fd/99", buf, 10));
	say("and not a number", readlink("/proc/self/fd/x", buf, 10));
	unlink("f");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, buf, sizeof(buf) - 1);
	buf[n] = 0;
	check("removed", strstr(buf, "/f (deleted)") != NULL);
	say("open of what was removed",
	    (other = open(name, O_RDONLY)) < 0 ? -1 : read(other, buf, 20));
	close(other);
	close_range(3, ~0u, 0);
	dir = opendir("/proc/self/fd");
	while ((e = readdir(dir)))
		count += e->d_type == DT_LNK;
	printf("%d descriptors\n", count);
	closedir(dir);
	fd = open(".", O_RDONLY);
	snprintf(name, sizeof(name), "/proc/self/fd/%d/..", fd);
	say("through a folder's", stat(name, &st));
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	say("/dev/fd", stat(name, &st));
	check("is a folder", S_ISDIR(st.st_mode));
	close(fd);
}

static void *thread(void *arg)
{
	prctl(PR_SET_NAME, "second");
	pause();
	return arg;
}

static void processes(void)
{
	pthread_t t;
	struct dirent *e;
	int count = 0, status;
	pid_t pid;
	DIR *dir;

	pthread_create(&t, NULL, thread, NULL);
	usleep(20000);
	dir = opendir("/proc/self/task");
	while ((e = readdir(dir))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		count++;
		snprintf(name, sizeof(name), "/proc/self/task/%s/comm", e->d_name);
		if (atoi(e->d_name) != getpid())
			printf("%ld %s", (long)text(name), buf);
	}
	closedir(dir);
	printf("%d threads\n", count);
	text("/proc/self/status");
	printf("Threads %s\n", field("Threads:"));
	pthread_cancel(t);
	pthread_join(t, NULL);
	if ((pid = fork()) == 0) {
		prctl(PR_SET_NAME, "child");
		raise(SIGSTOP);
		_exit(3);
	}
	waitpid(pid, &status, WUNTRACED);
	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	text(name);
	printf("%s\n", field("Name:"));
	printf("%s\n", field("State:"));
	check("its parent", atoi(field("PPid:")) == getpid());
	kill(pid, SIGCONT);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	text(name);
	printf("%s\n", field("Name:"));
	printf("%s\n", field("State:"));
	snprintf(name, sizeof(name), "/proc/%d/cmdline", pid);
	say("a zombie's cmdline", text(name));
	snprintf(name, sizeof(name), "/proc/%d/exe", pid);
	say("a zombie's exe", readlink(name, buf, 10));
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	int fd = open(name, O_RDONLY);
	waitpid(pid, &status, 0);
	say("opened before it went", read(fd, buf, 10) < 0 ? -1 : 0);
	close(fd);
	say("when it has gone", open(name, O_RDONLY));
	snprintf(name, sizeof(name), "/proc/%d", getpid());
	struct stat st;
	stat(name, &st);
	printf("our folder: mode %o\n", st.st_mode);
}

static void machine(void)
{
	double a, b, c;
	int running, all, last;

	text("/proc/uptime");
	check("uptime", sscanf(buf, "%lf %lf", &a, &b) == 2);
	text("/proc/loadavg");
	check("loadavg",
	      sscanf(buf, "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &all, &last) == 6);
	text("/proc/meminfo");
	for (const char *const *l =
		 (const char *const[]){
		     "MemTotal:", "MemFree:", "MemAvailable:", "Buffers:", "Cached:", "SwapTotal:",
		     "SwapFree:", "Dirty:", "AnonPages:", "Mapped:", "Shmem:", "Slab:",
		     "PageTables:", "CommitLimit:", "Committed_AS:", NULL};
	     *l; l++)
		check(*l, strstr(field(*l), " kB") != NULL);
	text("/proc/stat");
	check("cpu", isdigit((unsigned char)*field("cpu ")));
	check("btime", isdigit((unsigned char)*field("btime")));
	check("ctxt", isdigit((unsigned char)*field("ctxt")));
	check("processes", isdigit((unsigned char)*field("processes")));
	text("/proc/version");
	check("version", strncmp(buf, "Linux version ", 14) == 0);
	text("/proc/filesystems");
	check("filesystems", strstr(buf, "nodev\ttmpfs\n") && strstr(buf, "nodev\tproc\n"));
	text("/proc/mounts");
	check("mounts", strstr(buf, " /proc proc ") && strstr(buf, " /dev/shm tmpfs "));
	text("/proc/self/mountinfo");
	check("mountinfo", strstr(buf, " /dev/shm ") && strstr(buf, " - tmpfs "));
	text("/proc/cpuinfo");
	check("cpuinfo", strncmp(buf, "processor\t: 0", 13) == 0);
	text("/proc/sys/kernel/ostype");
	printf("ostype %s", buf);
	for (const char *const *l = (const char *const[]){"kernel/hostname",
							  "kernel/osrelease",
							  "kernel/version",
							  "kernel/pid_max",
							  "kernel/threads-max",
							  "kernel/ngroups_max",
							  "kernel/cap_last_cap",
							  "kernel/random/boot_id",
							  "kernel/random/uuid",
							  "kernel/random/entropy_avail",
							  "kernel/shmall",
							  "kernel/shmmax",
							  "kernel/shmmni",
							  "kernel/randomize_va_space",
							  "kernel/core_pattern",
							  "kernel/overflowuid",
							  "vm/overcommit_memory",
							  "vm/overcommit_ratio",
							  "vm/max_map_count",
							  "vm/mmap_min_addr",
							  "vm/swappiness",
							  "fs/file-max",
							  "fs/nr_open",
							  "fs/pipe-max-size",
							  "fs/file-nr",
							  "net/core/somaxconn",
							  NULL};
	     *l; l++) {
		snprintf(name, sizeof(name), "/proc/sys/%s", *l);
		say(*l, text(name) > 0 ? 0 : -1);
	}
	for (const char *const *l = (const char *const[]){"online", "possible", "present", NULL};
	     *l; l++) {
		snprintf(name, sizeof(name), "/sys/devices/system/cpu/%s", *l);
		say(*l, text(name) > 0 ? 0 : -1);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Whoever started the test may have left the C library's own two ignored. */
	for (int signo = 32; signo <= 33; signo++)
		syscall(SYS_rt_sigaction, signo, &(const char[64]){0}, NULL, 8);
	place_enter();
	prctl(PR_SET_DUMPABLE, 1); /* taken away with root's rights, natively */
	links();
	texts();
	maps();
	descriptors();
	processes();
	machine();
	place_leave();
	return 0;
}
