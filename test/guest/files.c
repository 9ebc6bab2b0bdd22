/* Files and descriptors, as much as a single program needs: results and errno, a line each. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "test/guest/say.h"

int main(void)
{
	char path[] = "/tmp/limpid-files-XXXXXX", buffer[64], name[PATH_MAX];
	struct stat st;

	check("a folder of our own", mkdtemp(path) != NULL);
	say("chdir", chdir(path));
	check("getcwd", getcwd(name, sizeof(name)) && strcmp(name, path) == 0);
	say("getcwd, too small", syscall(SYS_getcwd, name, 2));
	say("open what is not there", open("none", O_RDONLY));
	say("open below a file that is not there", open("none/below", O_RDONLY));
	say("open the empty name", open("", O_RDONLY));
	memset(name, 'n', 300);
	name[300] = 0;
	say("open a name of 300 characters", open(name, O_RDONLY));
	int fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0640);
	check("create", fd >= 0);
	say("create again, exclusive", open("file", O_RDWR | O_CREAT | O_EXCL, 0640));
	say("open a file as a folder", open("file", O_RDONLY | O_DIRECTORY));
	say("open below a file", open("file/below", O_RDONLY));
	say("open a folder to write", open(".", O_WRONLY));
	say("open a folder to empty it", open(".", O_RDONLY | O_TRUNC));
	say("symlink", symlink("file", "link"));
	say("open a link itself", open("link", O_RDONLY | O_NOFOLLOW));
	int link = open("link", O_PATH | O_NOFOLLOW);
	say("fstat of a link", fstat(link, &st));
	check("it is one", S_ISLNK(st.st_mode));
	say("read of a link", read(link, buffer, 1));
	say("lseek of a link", lseek(link, 0, SEEK_SET));
	say("fsync of a link", fsync(link));
	say("ftruncate of a link", ftruncate(link, 0));
	say("rename of nothing below a file", rename("none", "file/none"));
	close(link);
	say("unlink the link", unlink("link"));
	say("write", write(fd, "hello, world", 12));
	say("lseek to 7", lseek(fd, 7, SEEK_SET));
	say("read", read(fd, buffer, sizeof(buffer)));
	check("what was written", memcmp(buffer, "world", 5) == 0);
	say("read at the end", read(fd, buffer, sizeof(buffer)));
	say("lseek to the end", lseek(fd, 0, SEEK_END));
	say("lseek before the start", lseek(fd, -100, SEEK_CUR));
	say("lseek, bad whence", lseek(fd, 0, 77));
	say("pread at 3", pread(fd, buffer, 4, 3));
	say("pwrite at 20000", pwrite(fd, "far", 3, 20000));
	say("fstat", fstat(fd, &st));
	printf("size %ld mode %o\n", (long)st.st_size, st.st_mode);
	check("the hole is zeroes",
	      pread(fd, buffer, 8, 10000) == 8 && !memcmp(buffer, "\0\0\0\0", 4));
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memcpy(map, "HELLO", 5);
	say("pread sees a write through a shared mapping", pread(fd, buffer, 5, 0));
	check("it does", memcmp(buffer, "HELLO", 5) == 0);
	say("pwrite", pwrite(fd, "J", 1, 0));
	check("the mapping sees pwrite", map[0] == 'J');
	munmap(map, 4096);
	say("ftruncate to 5", ftruncate(fd, 5));
	say("lseek to the end", lseek(fd, 0, SEEK_END));
	struct iovec iov[3] = {{"a", 1}, {NULL, 0}, {"bcd", 3}};
	say("writev", writev(fd, iov, 3));
	int other = dup(fd);
	check("dup shares the offset", lseek(other, 0, SEEK_CUR) == 9);
	check("dup gives the lowest", other == fd + 1);
	check("dup3 to 50", dup3(fd, 50, O_CLOEXEC) == 50);
	say("dup3 to itself", dup3(fd, fd, 0));
	say("F_GETFD of 50", fcntl(50, F_GETFD));
	say("F_GETFD of the first", fcntl(fd, F_GETFD));
	check("F_GETFL has O_RDWR", (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	say("close", close(other));
	say("close again", close(other));
	say("write after close", write(other, "x", 1));
	int reader = open("file", O_RDONLY);
	say("write to what was opened to read", write(reader, "x", 1));
	int writer = open("file", O_WRONLY | O_APPEND);
	say("read of what was opened to write", read(writer, buffer, 1));
	say("append", write(writer, "!", 1));
	say("stat", stat("file", &st));
	printf("size %ld\n", (long)st.st_size);
	say("ioctl TCGETS of a file", ioctl(fd, 0x5401, buffer));
	check("not a terminal", !isatty(fd));
	say("mkdir", mkdir("folder", 0755));
	say("mkdir again", mkdir("folder", 0755));
	say("read of a folder", read(open("folder", O_RDONLY), buffer, 1));
	say("rename a file over the folder it is in", rename("folder/../file", "../."));
	say("rename a link in the folder", rename("file", "folder/file"));
	say("... over the folder", rename("folder/file", "folder"));
	say("... and back", rename("folder/file", "file"));
	say("rmdir of a file", rmdir("file"));
	say("unlink of a folder", unlink("folder"));
	int entries = 0;
	DIR *dir = opendir(".");
	while (dir && readdir(dir))
		entries++;
	printf("%d entries\n", entries);
	say("access, there", access("folder/../file", R_OK));
	say("access, not there", access("folder/file", R_OK));
	say("rmdir", rmdir("folder"));
	say("unlink", unlink("file"));
	say("an unlinked file still reads", pread(fd, buffer, 5, 0));
	say("stat of it", stat("file", &st));
	say("/dev/null takes all", write(open("/dev/null", O_WRONLY), buffer, 64));
	say("/dev/null gives none", read(open("/dev/null", O_RDONLY), buffer, 64));
	int zero = open("/dev/zero", O_RDONLY);
	say("/dev/zero gives zeroes", read(zero, buffer, 64));
	check("zeroes", buffer[0] == 0 && buffer[63] == 0);
	say("/dev/full", write(open("/dev/full", O_WRONLY), buffer, 64));
	check("chdir to /", chdir("/") == 0);
	say("rmdir of our folder", rmdir(path));
	ssize_t n = readlink("/proc/self/exe", name, sizeof(name));
	check("/proc/self/exe is absolute", n > 0 && name[0] == '/');
	say("lseek of a pipe", lseek(0, 0, SEEK_CUR));
	return 0;
}
