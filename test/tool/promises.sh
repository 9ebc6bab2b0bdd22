# What root may set of memory: overcommit, the number of mappings, the lowest address.
. test/tool/common.inc
L=$LIMPID

cat > promises.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void set(const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/sys/vm/%s", name);
	int fd = open(path, O_WRONLY);
	long n = fd < 0 ? -1 : write(fd, text, strlen(text));
	printf("%s %.3s: %s\n", name, text, n < 0 ? strerrorname_np(errno) : "set");
	close(fd);
}

static void map(const char *what, long mib, int prot, int flags)
{
	void *at = mmap(NULL, mib << 20, prot, MAP_ANONYMOUS | flags, -1, 0);
	printf("%s: %s\n", what, at == MAP_FAILED ? strerrorname_np(errno) : "yes");
	if (at != MAP_FAILED)
		munmap(at, mib << 20);
}

static void maps(void)
{
	map("64", 64, 3, MAP_PRIVATE);
	map("300", 300, 3, MAP_PRIVATE);
	map("300 read-only", 300, 1, MAP_PRIVATE);
	map("300 unreserved", 300, 3, MAP_PRIVATE | MAP_NORESERVE);
	map("300 shared", 300, 3, MAP_SHARED);
	map("1000", 1000, 3, MAP_PRIVATE);
}

int main(void)
{
	int n;
	setvbuf(stdout, NULL, _IOLBF, 0);
	maps();
	set("overcommit_memory", "1\n");
	map("1000", 1000, 3, MAP_PRIVATE);
	set("overcommit_memory", "3");
	set("overcommit_memory", "1x");
	set("overcommit_memory", " 2\n");
	maps();
	set("overcommit_ratio", "90");
	map("300", 300, 3, MAP_PRIVATE);
	char *held = mmap(NULL, 200 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map("300 more", 300, 3, MAP_PRIVATE);
	mprotect(held, 200 << 20, PROT_READ);
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	printf("fork: %s\n", pid < 0 ? strerrorname_np(errno) : "yes");
	while (pid > 0 && wait(NULL) != pid)
		;
	munmap(held, 200 << 20);
	set("overcommit_memory", "0");
	set("max_map_count", "30");
	for (n = 0; n < 100; n++)
		if (mmap(NULL, 4096, n & 1 ? 1 : 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			break;
	printf("many: %s\n", n == 100 ? "yes" : strerrorname_np(errno));
	set("max_map_count", "65530");
	map("one more", 1, 3, MAP_PRIVATE);
	printf("at 0: %s\n", mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ?
				 strerrorname_np(errno) : "yes");
	return 0;
}
C
"${CROSS}gcc" -O1 -static -o promises promises.c || exit 1

run "$L" run --memory 512M --user root ./promises
expect_out "root sets overcommit and limits" "64: yes
300: yes
300 read-only: yes
300 unreserved: yes
300 shared: yes
1000: ENOMEM
overcommit_memory 1
: set
1000: yes
overcommit_memory 3: EINVAL
overcommit_memory 1x: EINVAL
overcommit_memory  2
: set
64: yes
300: ENOMEM
300 read-only: yes
300 unreserved: ENOMEM
300 shared: ENOMEM
1000: ENOMEM
overcommit_ratio 90: set
300: yes
300 more: ENOMEM
fork: yes
overcommit_memory 0: set
max_map_count 30: set
many: ENOMEM
max_map_count 655: set
one more: yes
at 0: yes"

run "$L" run --memory 512M ./promises
is "others may not" [ "$(grep -c ': EACCES' out) $(tail -n 1 out)" = "8 at 0: EPERM" ]
