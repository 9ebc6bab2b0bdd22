/*
 * A folder of the host, and nothing but it: the host's side of `struct share_ops`.
 *
 * A path from the guest is resolved by the kernel, in one call of openat2(2), which refuses to
 * leave the folder whatever happens to it meanwhile:
 *
 *   RESOLVE_BENEATH         no "..", no absolute path, above the folder's top
 *   RESOLVE_NO_SYMLINKS     no symbolic link, first or last or between, is followed
 *   RESOLVE_NO_MAGICLINKS   nor are the links of /proc that lead to open files
 *
 * So there is no time between a look and a use. What changes a name is done in two steps: the
 * folder that has it is opened so, and then the call takes that folder and the one name, which
 * has no `/` and is not followed (mkdirat, unlinkat, renameat2, linkat without AT_SYMLINK_FOLLOW).
 *
 * I1. Every file descriptor that a guest's path led to came from `beneath`.
 * I2. Only regular files are opened for data. The kind is asked of a descriptor that opens
 *     nothing (O_PATH), which is then opened itself by way of /proc/self/fd: a device or a pipe
 *     in the folder is never touched, even if it takes a file's place at the wrong moment.
 * I3. Permissions are the lower nine bits: no guest makes a file that runs as its owner.
 * I4. If the share is not writable, nothing is opened for writing, and nothing is changed. The
 *     machine does not ask for it; this file refuses it once more.
 *
 * What the guest changes bears the machine's time; when that cannot be set, it does not matter.
 */
#define _GNU_SOURCE
#include "tool/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PERMISSIONS 0777u

_Static_assert(sizeof(off_t) == 8, "offsets of files");

/* -- paths -------------------------------------------------------------------------------- */

/* => a descriptor, or -1 and errno. */
static int beneath(const struct share *s, const char *path, int flags)
{
	struct open_how how = {
	    .flags = (uint64_t)flags | O_NOFOLLOW | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = (int)syscall(SYS_openat2, s->root, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd;
}

/* The folder that has the path's last name. */
struct place {
	int dir;
	const char *name; /* "." for the folder at the top */
};

/* => 0, and the caller closes place->dir; or an error number. */
static int place_open(const struct share *s, const char *path, struct place *place)
{
	const char *slash = strrchr(path, '/');
	char parent[SHARE_PATH_MAX];
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(parent))
		return ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = 0;
	place->name = slash ? slash + 1 : *path ? path : ".";
	place->dir = beneath(s, parent, O_PATH | O_DIRECTORY);
	return place->dir < 0 ? errno : 0;
}

/* As place_open, for a change: not of the top itself. */
static int place_change(const struct share *s, const char *path, struct place *place)
{
	if (!s->writable)
		return EROFS;
	if (!*path)
		return EBUSY;
	return place_open(s, path, place);
}

static struct timespec time_of(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

/* Sets the mtime of a name, and leaves its atime. */
static void touch(int dir, const char *name, struct timespec mtime)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, mtime};

	(void)!utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

static void touch_file(int fd, struct timespec mtime)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, mtime};

	(void)!futimens(fd, times);
}

/* The end of a change: its folder bears the time, and is closed. => the error of `result`. */
static int place_done(struct place *place, int result, uint64_t now)
{
	int error = result < 0 ? errno : 0;

	if (!error)
		touch(place->dir, ".", time_of(now));
	close(place->dir);
	return error;
}

/* -- looking ------------------------------------------------------------------------------ */

static int info_of(int fd, struct share_info *out)
{
	struct stat st;

	if (fstat(fd, &st))
		return errno;
	*out = (struct share_info){
	    .id = {st.st_dev, st.st_ino},
	    .mode = st.st_mode,
	    .links = st.st_nlink,
	    .size = (uint64_t)st.st_size,
	    .mtime = st.st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
	};
	return 0;
}

static int share_info(void *ctx, const char *path, struct share_info *out)
{
	int fd = beneath(ctx, path, O_PATH), error;

	if (fd < 0)
		return errno;
	error = info_of(fd, out);
	close(fd);
	return error;
}

static int share_list(void *ctx, const char *path, bool (*each)(void *arg, const char *name),
		      void *arg)
{
	int fd = beneath(ctx, path, O_RDONLY | O_DIRECTORY), error;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (errno = 0, (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    !each(arg, entry->d_name))
			break;
	error = entry ? 0 : errno;
	closedir(dir);
	return error;
}

static int share_read_link(void *ctx, const char *path, char *buf, size_t size, size_t *len)
{
	int fd = beneath(ctx, path, O_PATH);
	ssize_t n;

	if (fd < 0)
		return errno;
	n = readlinkat(fd, "", buf, size);
	if (n < 0 && errno == ENOENT)
		errno = EINVAL; /* not a link */
	close(fd);
	if (n < 0)
		return errno;
	*len = (size_t)n;
	return 0;
}

/* -- files -------------------------------------------------------------------------------- */

static int access_flags(unsigned how)
{
	if (!(how & SHARE_WRITE))
		return O_RDONLY;
	return how & SHARE_READ ? O_RDWR : O_WRONLY;
}

/* Opens what the O_PATH descriptor stands for. => a descriptor, or -1 and errno. */
static int reopen(int fd, int flags)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* => a descriptor, or -1 and errno. */
static int open_file(struct share *s, const char *path, int flags)
{
	struct stat st;
	int fd = -1, place = beneath(s, path, O_PATH), error;

	if (place < 0)
		return -1;
	if (fstat(place, &st) == 0) {
		if (S_ISREG(st.st_mode))
			fd = reopen(place, flags);
		else
			errno = S_ISDIR(st.st_mode) ? EISDIR : S_ISLNK(st.st_mode) ? ELOOP : ENXIO;
	}
	error = errno;
	close(place);
	errno = error;
	return fd;
}

static int share_open_file(void *ctx, const char *path, unsigned how, uint64_t now, int64_t *handle)
{
	struct share *s = ctx;
	bool truncate = how & SHARE_TRUNCATE;
	int fd;

	if ((how & (SHARE_WRITE | SHARE_TRUNCATE)) && !s->writable)
		return EROFS;
	fd = open_file(s, path, access_flags(how) | (truncate ? O_TRUNC : 0));
	if (fd < 0)
		return errno;
	if (truncate)
		touch_file(fd, time_of(now));
	*handle = fd;
	return 0;
}

static int share_create(void *ctx, const char *path, unsigned how, uint32_t mode, uint64_t now,
			int64_t *handle)
{
	struct share *s = ctx;
	struct place place;
	int fd, error = place_change(s, path, &place);

	if (error)
		return error;
	fd = openat(place.dir, place.name,
		    access_flags(how) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	error = place_done(&place, fd, now);
	if (error == EEXIST && !(how & SHARE_EXCLUSIVE))
		return share_open_file(s, path, how, now, handle);
	if (error)
		return error;
	if (fchmod(fd, mode & PERMISSIONS)) {
		error = errno;
		close(fd);
		return error;
	}
	touch_file(fd, time_of(now));
	*handle = fd;
	return 0;
}

static int share_handle_info(void *ctx, int64_t handle, struct share_info *out)
{
	return info_of((int)handle, out);
}

static int64_t share_read(void *ctx, int64_t handle, uint64_t at, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread((int)handle, (char *)buf + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}

static int64_t share_write(void *ctx, int64_t handle, uint64_t at, const void *buf, size_t len,
			   uint64_t now)
{
	struct share *s = ctx;
	size_t done = 0;

	if (!s->writable)
		return -EROFS;
	while (done < len) {
		ssize_t n =
		    pwrite((int)handle, (const char *)buf + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	touch_file((int)handle, time_of(now));
	return (int64_t)done;
}

static int share_sync(void *ctx, int64_t handle)
{
	return fsync((int)handle) ? errno : 0;
}

static void share_close_file(void *ctx, int64_t handle)
{
	close((int)handle);
}

/* -- changes ------------------------------------------------------------------------------ */

static struct timespec wanted_time(unsigned what, const struct share_info *to, uint64_t now)
{
	if (what & SHARE_SET_MTIME)
		return (struct timespec){to->mtime, to->mtime_ns};
	return time_of(now);
}

static int share_handle_set(void *ctx, int64_t handle, unsigned what, const struct share_info *to,
			    uint64_t now)
{
	struct share *s = ctx;
	int fd = (int)handle;

	if (!s->writable)
		return EROFS;
	if ((what & SHARE_SET_SIZE) && ftruncate(fd, (off_t)to->size))
		return errno;
	if ((what & SHARE_SET_MODE) && fchmod(fd, to->mode & PERMISSIONS))
		return errno;
	if (what & (SHARE_SET_SIZE | SHARE_SET_MTIME))
		touch_file(fd, wanted_time(what, to, now));
	return 0;
}

static int share_set(void *ctx, const char *path, unsigned what, const struct share_info *to,
		     uint64_t now)
{
	struct share *s = ctx;
	struct place place;
	int fd, error = 0;

	if (!s->writable)
		return EROFS;
	if (what & SHARE_SET_SIZE) {
		fd = open_file(s, path, O_WRONLY);
		if (fd < 0)
			return errno;
		error = share_handle_set(s, fd, SHARE_SET_SIZE, to, now);
		close(fd);
	}
	if (!error)
		error = place_open(s, path, &place);
	if (error)
		return error;
	if ((what & SHARE_SET_MODE) &&
	    fchmodat(place.dir, place.name, to->mode & PERMISSIONS, AT_SYMLINK_NOFOLLOW))
		error = errno;
	if (!error && (what & SHARE_SET_MTIME))
		touch(place.dir, place.name, wanted_time(what, to, now));
	close(place.dir);
	return error;
}

static int share_make_folder(void *ctx, const char *path, uint32_t mode, uint64_t now)
{
	struct place place;
	int result, error = place_change(ctx, path, &place);

	if (error)
		return error;
	result = mkdirat(place.dir, place.name, 0700);
	if (result == 0) {
		result = fchmodat(place.dir, place.name, mode & PERMISSIONS, AT_SYMLINK_NOFOLLOW);
		touch(place.dir, place.name, time_of(now));
	}
	return place_done(&place, result, now);
}

static int share_make_link(void *ctx, const char *path, const char *target, uint64_t now)
{
	struct place place;
	int result, error = place_change(ctx, path, &place);

	if (error)
		return error;
	result = symlinkat(target, place.dir, place.name);
	if (result == 0)
		touch(place.dir, place.name, time_of(now));
	return place_done(&place, result, now);
}

/* Of a change that has two names: `act` does it. `both`: it changes the first one's folder too. */
static int change_two(struct share *s, const char *path, const char *new_path, uint64_t now,
		      int (*act)(const struct place *from, const struct place *to), bool both)
{
	struct place from, to;
	int error = place_change(s, path, &from);

	if (error)
		return error;
	error = place_change(s, new_path, &to);
	if (!error) {
		error = place_done(&to, act(&from, &to), now);
		if (!error && both)
			touch(from.dir, ".", time_of(now));
	}
	close(from.dir);
	return error;
}

static int act_link(const struct place *from, const struct place *to)
{
	return linkat(from->dir, from->name, to->dir, to->name, 0);
}

static int act_rename(const struct place *from, const struct place *to)
{
	return renameat(from->dir, from->name, to->dir, to->name);
}

static int share_add_name(void *ctx, const char *path, const char *new_path, uint64_t now)
{
	return change_two(ctx, path, new_path, now, act_link, false);
}

static int share_rename(void *ctx, const char *path, const char *new_path, uint64_t now)
{
	return change_two(ctx, path, new_path, now, act_rename, true);
}

static int share_remove(void *ctx, const char *path, bool folder, uint64_t now)
{
	struct place place;
	int error = place_change(ctx, path, &place);

	if (error)
		return error;
	return place_done(&place, unlinkat(place.dir, place.name, folder ? AT_REMOVEDIR : 0), now);
}

/* -- the folder --------------------------------------------------------------------------- */

/* A guest may have many files open; and a file that grows too large is an error, no death. */
static void process_prepare(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGXFSZ, SIG_IGN);
}

bool share_open(struct share *s, const char *path, const char *tag, bool writable,
		struct machine_share *out, const char **why)
{
	static const struct share_ops ops = {
	    .info = share_info,
	    .list = share_list,
	    .read_link = share_read_link,
	    .open = share_open_file,
	    .create = share_create,
	    .handle_info = share_handle_info,
	    .read = share_read,
	    .write = share_write,
	    .sync = share_sync,
	    .close = share_close_file,
	    .set = share_set,
	    .handle_set = share_handle_set,
	    .make_folder = share_make_folder,
	    .make_link = share_make_link,
	    .add_name = share_add_name,
	    .rename = share_rename,
	    .remove = share_remove,
	};
	struct share_info info;
	int error;

	s->writable = writable;
	s->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0) {
		*why = strerror(errno);
		return false;
	}
	error = share_info(s, "", &info);
	if (error) {
		*why = error == ENOSYS ? "this host's kernel cannot confine a folder (openat2, "
					 "Linux 5.6)"
				       : strerror(error);
		share_close(s);
		return false;
	}
	process_prepare();
	*out = (struct machine_share){.ctx = s, .tag = tag, .writable = writable, .ops = &ops};
	return true;
}

void share_close(struct share *s)
{
	close(s->root);
	s->root = -1;
}
