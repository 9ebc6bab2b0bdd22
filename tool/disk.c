/*
 * A disk of the machine is a file of the host: byte n of the one is byte n of the other. The lock
 * (flock) is advice among limpids: any number may read, or one may write.
 */
#define _GNU_SOURCE
#include "tool/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

static bool disk_read(void *ctx, uint64_t at, void *buf, size_t len)
{
	struct disk *d = ctx;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(d->fd, (char *)buf + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false; /* 0: someone made the file shorter */
		done += (size_t)n;
	}
	return true;
}

static bool disk_write(void *ctx, uint64_t at, const void *buf, size_t len)
{
	struct disk *d = ctx;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(d->fd, (const char *)buf + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool disk_flush(void *ctx)
{
	struct disk *d = ctx;

	return fdatasync(d->fd) == 0;
}

/* => NULL, or why the open file cannot be a disk. */
static const char *prepare(int fd, const char *path, enum disk_mode mode, struct machine_disk *out)
{
	const char *name = strrchr(path, '/');
	struct stat st;
	off_t size;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return "neither a regular file nor a block device";
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return strerror(errno);
	if (size % SECTOR)
		return "its size is no multiple of 512 bytes; truncate -s %512 FILE makes it one";
	if (flock(fd, (mode == DISK_READ_WRITE ? LOCK_EX : LOCK_SH) | LOCK_NB) &&
	    errno == EWOULDBLOCK)
		return "in use as a disk elsewhere; :snapshot and :ro can be shared";
	*out = (struct machine_disk){
	    .size = (uint64_t)size,
	    .mode = mode,
	    .read = disk_read,
	    .write = disk_write,
	    .flush = disk_flush,
	};
	name = name ? name + 1 : path;
	memcpy(out->id, name, strnlen(name, sizeof(out->id)));
	return NULL;
}

bool disk_open(struct disk *d, const char *path, enum disk_mode mode, struct machine_disk *out,
	       const char **why)
{
	/* O_NONBLOCK: a pipe must not keep us waiting for its other end. */
	d->fd = open(path, (mode == DISK_READ_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (d->fd < 0) {
		*why = strerror(errno);
		return false;
	}
	*why = prepare(d->fd, path, mode, out);
	if (*why) {
		disk_close(d);
		return false;
	}
	out->ctx = d;
	return true;
}

void disk_close(struct disk *d)
{
	close(d->fd);
	d->fd = -1;
}
