/* memfd_create and seals. */
#include "test/guest/vm.h"
#include <sys/stat.h>

#define ADD(fd, seals) fcntl(fd, F_ADD_SEALS, seals)
#define GET(fd)        fcntl(fd, F_GET_SEALS)

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC        16U
#endif

static int sealable(void)
{
	return memfd_create("sealed", MFD_ALLOW_SEALING);
}

static void mode_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	printf("mode %o size %ld links %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
}

static void creating(void)
{
	char name[300], link[64], path[300];
	ssize_t n;
	int fd;

	T(memfd_create(NULL, 0));
	T(memfd_create(BAD, 0));
	T(memfd_create("x", 0x20));
	T(memfd_create("x", 0x40000000));
	T(memfd_create("x", MFD_EXEC | MFD_NOEXEC_SEAL));
	T(memfd_create(BAD, 0x20));
	memset(name, 'n', sizeof name);
	name[250] = 0;
	T(memfd_create(name, 0));
	name[249] = 0;
	T(memfd_create(name, 0) >= 0);
	T(memfd_create("", 0) >= 0);
	fd = memfd_create("a/b", MFD_CLOEXEC);
	IS(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	IS((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	mode_of(fd);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	printf("%s\n", path);
	mode_of(memfd_create("x", MFD_EXEC));
	mode_of(memfd_create("x", MFD_NOEXEC_SEAL));
	T(GET(memfd_create("x", 0)));
	T(GET(memfd_create("x", MFD_EXEC)));
	T(GET(memfd_create("x", MFD_NOEXEC_SEAL)));
	T(GET(memfd_create("x", MFD_ALLOW_SEALING)));
	T(write(fd, "hello", 5));
	T(lseek(fd, 0, SEEK_END));
	mode_of(fd);
	T(ftruncate(fd, 10000));
	mode_of(fd);
}

static void rules(void)
{
	int fd = sealable(), ro, pipes[2];
	char link[64];

	pipe(pipes);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ro = open(link, O_RDONLY);
	T(ADD(fd, 0x40));
	T(ADD(fd, -1));
	T(ADD(ro, F_SEAL_GROW));
	T(ADD(ro, 0x40));
	T(ADD(pipes[1], F_SEAL_GROW));
	T(GET(pipes[0]));
	T(ADD(memfd_create("x", 0), F_SEAL_GROW));
	T(ADD(memfd_create("x", 0), 0));
	T(ADD(fd, 0));
	T(GET(fd));
	T(ADD(fd, F_SEAL_GROW));
	T(ADD(fd, F_SEAL_GROW));
	T(GET(fd));
	T(GET(ro));
	T(ADD(fd, F_SEAL_SEAL));
	T(ADD(fd, F_SEAL_WRITE));
	T(ADD(fd, 0));
	T(GET(fd));
}

static void lengths(void)
{
	int fd = sealable();
	char bytes[5000];

	memset(bytes, 'x', sizeof bytes);
	T(ftruncate(fd, 6000));
	T(ADD(fd, F_SEAL_SHRINK));
	T(ftruncate(fd, 5999));
	T(ftruncate(fd, 6000));
	T(ftruncate(fd, 7000));
	T(pwrite(fd, bytes, 10, 100));
	fd = sealable();
	T(ftruncate(fd, 6000));
	T(ADD(fd, F_SEAL_GROW));
	T(ftruncate(fd, 6001));
	T(ftruncate(fd, 5000));
	T(pwrite(fd, bytes, 100, 4000));
	T(pwrite(fd, bytes, 100, 4950));
	T(pwrite(fd, bytes, 100, 5000));
	T(pwrite(fd, bytes, 5000, 0));
	T(pwrite(fd, bytes, 0, 6000));
	T(fallocate(fd, 0, 0, 6000));
	T(fallocate(fd, 0, 0, 4000));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	mode_of(fd);
}

static void writing(void)
{
	int fd = sealable();
	char *p, byte = 0, link[64];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	T(ftruncate(fd, 2 * PAGE));
	p = mmap(AT(0), 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	*p = 1;
	T(ADD(fd, F_SEAL_WRITE));
	T(ADD(fd, F_SEAL_WRITE | F_SEAL_GROW));
	T(GET(fd));
	T(mprotect(p, 2 * PAGE, PROT_READ));
	T(ADD(fd, F_SEAL_WRITE));
	T(munmap(p, PAGE));
	T(ADD(fd, F_SEAL_WRITE));
	T(munmap(p + PAGE, PAGE));
	T(mmap(AT(0), PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0) == AT(0));
	T(mmap(AT(4), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, open(link, O_RDONLY), 0) == AT(4));
	T(ADD(fd, F_SEAL_WRITE));
	T(GET(fd));
	T(write(fd, "x", 1));
	T(pwrite(fd, "", 0, 0));
	T((long)mmap(AT(8), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	T(mmap(AT(8), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == AT(8));
	T(mprotect(AT(8), PAGE, RW));
	T(mmap(AT(9), PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0) == AT(9));
	*AT(9) = 5;
	IS(pread(fd, &byte, 1, 0) == 1 && byte == 1);
	T(ftruncate(fd, PAGE));
	T(ftruncate(fd, 4 * PAGE));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	T(open(link, O_RDWR | O_TRUNC) >= 0);
	mode_of(fd);
	window_clear();
}

static void writing_later(void)
{
	int fd = sealable();
	char byte = 0;

	T(ftruncate(fd, PAGE));
	mmap(AT(0), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	T(ADD(fd, F_SEAL_FUTURE_WRITE));
	*AT(0) = 3;
	IS(pread(fd, &byte, 1, 0) == 1 && byte == 3);
	T(write(fd, "x", 1));
	T((long)mmap(AT(4), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	T(mmap(AT(4), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == AT(4));
	T(mprotect(AT(4), PAGE, RW));
	T(mmap(AT(5), PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0) == AT(5));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	T(ADD(fd, F_SEAL_WRITE));
	T(munmap(AT(0), PAGE));
	T(ADD(fd, F_SEAL_WRITE));
	T(GET(fd));
	window_clear();
}

static void executing(void)
{
	int fd = memfd_create("x", MFD_NOEXEC_SEAL);

	T(fchmod(fd, 0777));
	T(fchmod(fd, 0600));
	mode_of(fd);
	T(ADD(fd, F_SEAL_GROW));
	T(GET(fd));
	fd = memfd_create("x", MFD_ALLOW_SEALING | MFD_EXEC);
	T(fchmod(fd, 0755));
	T(ADD(fd, F_SEAL_EXEC));
	T(GET(fd));
	T(fchmod(fd, 0655));
	T(fchmod(fd, 0711));
	T(fchmod(fd, 0777));
	T(write(fd, "x", 1));
	fd = memfd_create("x", MFD_ALLOW_SEALING | MFD_EXEC);
	T(fchmod(fd, 0644));
	T(ADD(fd, F_SEAL_EXEC));
	T(GET(fd));
	T(fchmod(fd, 0744));
	T(write(fd, "x", 1));
}

/* A mapping of another process counts as much. */
static void others(void)
{
	int fd = sealable(), go[2], done[2];
	char byte = 0;
	pid_t pid;

	pipe(go);
	pipe(done);
	ftruncate(fd, PAGE);
	mmap(AT(0), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		read(go[0], &byte, 1);
		munmap(AT(0), PAGE);
		write(done[1], "x", 1);
		read(go[0], &byte, 1);
		_exit(0);
	}
	munmap(AT(0), PAGE);
	T(ADD(fd, F_SEAL_WRITE));
	write(go[1], "x", 1);
	read(done[0], &byte, 1);
	T(ADD(fd, F_SEAL_WRITE));
	write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"creating", creating},
	    {"rules", rules},
	    {"lengths", lengths},
	    {"writing", writing},
	    {"writing-later", writing_later},
	    {"executing", executing},
	    {"others", others},
	};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
