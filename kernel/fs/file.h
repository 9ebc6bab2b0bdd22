/*
 * Open files, and the table of a process that numbers them. Theory: file.c.
 */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include "kernel/fs/inode.h"
#include "kernel/fs/uio.h"
#include "kernel/lib/lock.h"

struct proc;
struct stream;

struct file {
	uint32_t refs;  /* table entries, and calls in progress */
	uint32_t flags; /* O_* as fcntl(F_GETFL) shows them */
	const struct file_ops *ops;
	struct inode *inode; /* holds a reference */
	struct mobj *data;   /* regular files: their contents, with a reference */
	void *ctx;           /* for ops */
	struct inode *dir;   /* where it was opened, with a reference; NULL: nowhere */
	char *last;          /* by what name there */
	struct mutex lock;   /* guards pos */
	uint64_t name[4];    /* the name it was opened by, at most 32 bytes: for events */
	uint64_t pos;        /* bytes; of a folder, the last cookie read */
	bool is_writer;      /* counted in inode.writers */
	uint8_t owner_type, owner_signal; /* F_SETOWN, F_SETSIG: as they were set */
	int32_t owner;
};

struct poll_wait;

/* => bytes moved, or -errno; *pos is advanced by them. NULL: the call is refused. */
struct file_ops {
	ssize_t (*read)(struct file *f, struct uio *u, uint64_t *pos);
	ssize_t (*write)(struct file *f, struct uio *u, uint64_t *pos);
	/* => POLL* bits that hold now; registers with pw (may be NULL). NULL: always ready */
	unsigned (*poll)(struct file *f, struct poll_wait *pw);
	int64_t (*ioctl)(struct file *f, uint32_t request, uint64_t arg); /* NULL: ENOTTY */
	int (*open)(struct file *f);     /* of a device or FIFO; may wait. NULL: nothing to do */
	void (*release)(struct file *f); /* the last reference has gone. NULL: nothing to do */
	bool is_seekable;
	bool maps_zero; /* mmap gives anonymous memory */
};

extern const struct file_ops regular_ops, dir_ops, null_ops, zero_ops, full_ops, random_ops,
    stream_ops_of_file, path_ops, pipe_ops;

/* Once, at boot. => 0 or -ENOMEM. */
int files_init(void);

/*
 * Opens an inode; `flags` are O_* and were checked against it. May wait: for a FIFO's other end.
 * => a file with one reference, which holds one to the inode; 0 or -errno.
 */
int file_open(struct inode *i, uint32_t flags, struct file **out);
uint64_t file_count(void); /* that exist */
void file_get(struct file *f);
void file_put(struct file *f);

/* At `*pos`, or at the file's own position when pos is NULL. => bytes or -errno. */
ssize_t file_read(struct file *f, struct uio *u, uint64_t *pos);
ssize_t file_write(struct file *f, struct uio *u, uint64_t *pos);
/* => the new position or -errno. */
int64_t file_seek(struct file *f, int64_t offset, int whence);
/* getdents64 into user memory. => bytes or -errno. */
ssize_t file_read_dir(struct file *f, vaddr_t to, size_t len);

/* => POLL* bits that hold now; with pw, a change of them wakes it. */
unsigned file_poll(struct file *f, struct poll_wait *pw);

static inline bool file_may_read(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}

/* => whether this write goes to the end of the file. */
static inline bool file_appends(const struct file *f, const struct uio *u)
{
	return u->at_end || ((f->flags & O_APPEND) && !u->not_at_end);
}

static inline bool file_may_write(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

/* Remembers the name that f was opened by. => 0 or -ENOMEM. */
int file_set_name(struct file *f, struct inode *dir, const char *name, size_t len);
/* What /proc/PID/fd shows. Tree locked. => length without NUL, at most size; -errno. */
ssize_t file_path(struct file *f, char *buf, size_t size);

/* Lets f->data know its path, for /proc/PID/maps: once, by the first that is mapped. */
void file_label_data(struct file *f);

/* => a file of no file system, with `ctx`; NULL: no memory. Nothing is opened. */
struct file *file_create(uint32_t mode, uint32_t flags, const struct file_ops *ops, void *ctx);

/* -- file descriptors: fdtable.c ----------------------------------------------------------- */

struct fdtable;

/* => an empty table with one reference; NULL: no memory. */
struct fdtable *fdtable_create(void);
/* => a table with the same open files, and the caller's reference; NULL: no memory. */
struct fdtable *fdtable_copy(struct fdtable *from);
void fdtable_get(struct fdtable *t);
void fdtable_put(struct fdtable *t); /* the last reference closes all */
bool fdtable_is_shared(const struct fdtable *t);
void fdtable_exec(struct fdtable *t); /* closes what is close-on-exec */

/* => the file with a reference, or NULL: no such descriptor. */
struct file *fd_get(struct fdtable *t, int fd);
/* The lowest free number from `min`; takes over the caller's reference on success.
 * => the number; -EMFILE (none below `limit`), -ENOMEM. */
int fd_install(struct fdtable *t, struct file *f, int min, uint64_t limit, bool cloexec);
/* => whether there is a number below `limit` that is free. */
bool fd_is_free(struct fdtable *t, uint64_t limit);
/* Makes `fd` name f (a new reference is taken), closing what it named. => fd, -EBADF, -ENOMEM. */
int fd_replace(struct fdtable *t, int fd, struct file *f, uint64_t limit, bool cloexec);
int fd_close(struct fdtable *t, int fd); /* => 0 or -EBADF */
/* => the lowest open number from fd on; -1: none. */
int fd_next(struct fdtable *t, int fd);
/* => FD_CLOEXEC or 0, or -EBADF. */
int fd_flags(struct fdtable *t, int fd);
int fd_set_flags(struct fdtable *t, int fd, bool cloexec);
int fdtable_end(const struct fdtable *t); /* one above the largest number that may be open */

/* -- the special ones ---------------------------------------------------------------------- */

#define PIPE_DEV 0xfff /* st_dev of what has no file system */

/* /dev and /proc: devices.c, procfs.c. => 0 or -ENOMEM. */
int devices_init(void);
int procfs_init(void);

/* One more device in /dev. => 0 or -ENOMEM. */
int device_add(const char *name, uint32_t mode, uint64_t rdev, const struct file_ops *ops,
	       uint32_t uid, uint32_t gid);

/* => an open file of a byte stream, as a pipe; NULL: no memory. streamfile.c */
struct file *stream_file_open(struct stream *s, uint32_t flags);

#endif
