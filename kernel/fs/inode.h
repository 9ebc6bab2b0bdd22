/*
 * Files and folders, and the file systems they lie in. Theory and locks: inode.c.
 */
#ifndef KERNEL_INODE_H
#define KERNEL_INODE_H

#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"
#include "abi/linux.h"

struct cred;
struct dirent;
struct file;
struct file_locks;
struct file_ops;
struct fsys;
struct linux_statfs;
struct mobj;

struct inode {
	uint64_t ino;   /* unique in its file system; 0 is none */
	uint32_t refs;  /* entries that name it, open files, walks in progress, folders in it */
	uint32_t mode;  /* S_IFMT type and permission bits */
	uint32_t nlink; /* names; for a folder 2 + subfolders; 0: removed */
	uint32_t uid, gid;
	uint64_t rdev; /* device number, of S_IFCHR */
	struct linux_timespec atime, mtime, ctime, btime;

	struct fsys *fs;   /* where it lies; NULL: nowhere (a pipe) */
	struct mobj *data; /* S_IFREG: its contents */
	char *target;      /* S_IFLNK: where it points, unless the file system makes it */

	struct mutex
	    writing; /* held by a write, so that each is whole, and appends follow each other */
	/* Open files that may write; negative: programs that run from it. Atomic. */
	int32_t writers;
	uint32_t seals;       /* F_SEAL_*: kernel/sys/memfd.c; atomic */
	bool may_get_name;    /* O_TMPFILE: it has no name yet, and may get one */
	struct xattr *xattrs; /* xattr.c */

	/* S_IFDIR. Its entries in order of creation, nentries of them (tmpfs alone); the folder
	 * above, with a reference (a root's is itself, without one); its own name there, NULL: a
	 * root, or removed; and what is mounted on it. */
	struct dirent *first, **last;
	uint32_t nentries, nbuckets;
	struct dirent **buckets; /* by hash of the name; NULL: there are too few entries */
	struct inode *parent;
	struct dirent *entry;
	struct fsys *mounted;
	/* S_IFDIR: the folder of another file system that shows through a tmpfs's (tmpfs.c), with a
	 * reference; and the way back. is_merged: it was looked for. */
	struct inode *under, *upper;
	bool is_merged;

	const struct file_ops *ops; /* what an open file of it does; NULL: by its type */
	void *ctx;                  /* for ops, or for the file system */
	struct file_locks *locks;   /* NULL: none was ever set */
};

/* One name in a folder; holds a reference to its inode. */
struct dirent {
	struct dirent *next, **link; /* in the folder's list; link: what points here */
	struct dirent *same_hash;
	struct inode *inode;
	uint64_t cookie; /* position for getdents: grows along the list */
	uint8_t len;     /* of name, without NUL */
	char name[];
};

/* What a new inode is to be. */
struct inode_plan {
	uint32_t mode, uid, gid;
	uint64_t rdev;
	const char *target; /* S_IFLNK */
};

/* Entries of a folder on their way to a program. */
struct dir_sink {
	uint8_t *buf;
	size_t size, at;          /* bytes */
	const struct inode *hide; /* entries of this tmpfs folder are left out; or NULL */
	uint64_t base;            /* is added to cookies */
};

/* => false: no room for it. */
bool dir_emit(struct dir_sink *s, const char *name, size_t len, uint64_t ino, uint32_t mode,
	      uint64_t cookie);

#define COOKIE_DOTDOT 2 /* positions up to here belong to "." and "..", not to the file system */

/*
 * What a kind of file system does. The tree is locked; folders and inodes are of this file system;
 * permissions and names were checked. NULL: -EPERM, or what each says. => 0 or -errno.
 */
struct fsys_ops {
	/* => *out with a reference; -ENOENT. */
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out);
	/* Emits what has cookies above *pos, and advances it, until the sink is full. */
	int (*list)(struct inode *dir, uint64_t *pos, struct dir_sink *s);
	/* The name is new. => *out with a reference. */
	int (*create)(struct inode *dir, const char *name, size_t len,
		      const struct inode_plan *plan, struct inode **out);
	int (*link)(struct inode *dir, const char *name, size_t len, struct inode *i);
	/* i is what has that name; a folder is empty as far as tmpfs can tell. */
	int (*remove)(struct inode *dir, const char *name, size_t len, struct inode *i);
	/* Gives `i` the name `to`, taking it away from `old` (NULL: it is new). */
	int (*rename)(struct inode *dir, const char *name, size_t len, struct inode *i,
		      struct inode *to_dir, const char *to, size_t to_len, struct inode *old,
		      bool exchange);
	/* Of a link. => length without NUL, at most size. NULL: i->target. */
	ssize_t (*read_link)(struct inode *i, char *buf, size_t size);
	/* A link that leads to an inode, not to a path. => *out with a reference; -ENOENT: is not
	 * one. */
	int (*jump)(struct inode *i, struct inode **out);

	/* The rest without the tree's lock. */
	int (*refresh)(struct inode *i);                /* NULL: attributes are right as they are */
	int (*changed)(struct inode *i, unsigned what); /* mode or mtime were set: INODE_SET_* */
	int (*set_size)(struct inode *i, uint64_t size);              /* NULL: only the contents */
	int (*open)(struct inode *i, uint32_t flags, struct file *f); /* sets ops and data */
	/* Pages of i->data can be had from now on, and with `write` will be written back. NULL:
	 * they are all there is. */
	int (*prepare)(struct inode *i, bool write);
	int (*room)(struct inode *i, struct linux_statfs *s); /* fills in sizes; NULL: they are 0 */
	int (*sync)(struct inode *i); /* all is where it belongs; NULL: it always is */
	/* Gives back what is kept for later alone. => whether that was anything. */
	bool (*shrink)(struct fsys *fs);
	int (*sync_all)(struct fsys *fs); /* the same of all files */
	void (*free)(struct inode *i);    /* its ctx */
};
#define INODE_SET_MODE  1
#define INODE_SET_MTIME 2

/* A file system, mounted once and for ever. */
struct fsys {
	const struct fsys_ops *ops;
	const char *type, *source, *options; /* as /proc/mounts shows them */
	uint64_t dev;                        /* st_dev */
	uint32_t magic;                      /* of statfs */
	bool read_only;
	struct inode *root, *covered; /* covered: what it is mounted on; NULL: the first one */
	void *ctx;
	struct fsys *next;
};

static inline bool inode_is_dir(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFDIR;
}

static inline bool inode_is_link(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFLNK;
}

static inline bool inode_is_regular(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFREG;
}

static inline bool inode_is_fifo(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFIFO;
}

/* Tells the lens a text: a path that was missing, the source of what is only shown. */
void fs_trace_text(unsigned event, bool made, const char *text);

/* The tree's lock: guards names, links and parents of all folders. */
void tree_lock(void);
void tree_unlock(void);

/* Creates the first file system and its root. => 0 or -ENOMEM. */
int tree_init(void);
struct inode *tree_root(void); /* borrowed; the root of what is mounted over all */

/* => a number for a file system that is yet to be mounted. */
uint64_t fsys_next_dev(void);
/* Mounts fs, whose root is set, on a folder; fs is kept for ever. => 0, -ENOTDIR. */
int fsys_mount(struct fsys *fs, struct inode *on);
/* Lets fs, whose root is set, show through an empty place in the tmpfs that is the tree's root. */
void fsys_put_under(struct fsys *fs);
struct fsys *fsys_first(void);
/* Memory is short: gives back what is kept for later alone. => whether that was anything. */
bool fsys_shrink(void);
/* What was written is where it belongs, in all of them. */
void fsys_sync_all(void);

/* => a new inode with one reference, the caller's, and no name; NULL: no memory. */
struct inode *inode_create(struct fsys *fs, uint32_t mode, uint32_t uid, uint32_t gid);
static inline void inode_get(struct inode *i)
{
	__atomic_fetch_add(&i->refs, 1, __ATOMIC_RELAXED);
}
void inode_put(struct inode *i); /* NULL is allowed */

/*
 * => whether `cred` may do all of want (R_OK, W_OK, X_OK bits): 0, -EACCES or -EROFS. Of the first,
 *    what is only shown is told to the lens when it is to be written.
 */
int inode_access(const struct inode *i, const struct cred *cred, unsigned want);
int inode_permits(const struct inode *i, const struct cred *cred, unsigned want);

/*
 * What is written is not run, and the other way around: both -ETXTBSY. A run holds a reference to
 * the inode, too; NULL may be put.
 */
int inode_write_get(struct inode *i);
void inode_write_put(struct inode *i);
int inode_run_get(struct inode *i);
void inode_run_put(struct inode *i);

/* It is written, or changes hands: set-id bits go, unless the superuser does it. */
void inode_drop_setid(struct inode *i);
/* It was read: atime, as often as Linux's relatime says. */
void inode_accessed(struct inode *i);

/* Attributes of now. => 0 or -errno. */
int inode_stat(struct inode *i, struct linux_stat *st);
void inode_touch(struct inode *i); /* contents changed: mtime and ctime are now */
void inode_touch_ctime(struct inode *i);
/* i->data can be mapped and read. => 0, -EACCES (no regular file), -errno. */
int inode_prepare(struct inode *i, bool write);
/* What was written is where it belongs. => 0 or -errno. */
int inode_sync(struct inode *i);

/* => dir, or what is mounted on it or shows it from above, and so on. Borrowed. */
struct inode *inode_over(struct inode *dir);
/* => the folder above, across mounts. Tree locked; borrowed. */
struct inode *inode_above(struct inode *dir);

/* Absolute path of a folder, tree locked. => length with its NUL, -ERANGE, -ENOENT (removed). */
ssize_t tree_path(struct inode *dir, char *buf, size_t size);

/* -- tmpfs: tmpfs.c; tree locked, all of them, and dir is a folder of a tmpfs ---------------- */

extern const struct fsys_ops tmpfs_ops;

/* => a tmpfs that is not yet mounted; NULL: no memory. The words are kept, not copied. */
struct fsys *tmpfs_create(const char *type, const char *source, const char *options, uint32_t mode);

/* => the inode of that name, borrowed, or NULL. */
struct inode *dir_find(const struct inode *dir, const char *name, size_t len);
/* => 0 or -ENOMEM; takes a reference. The name is new in dir; 0 < len <= NAME_MAX. */
int dir_add(struct inode *dir, const char *name, size_t len, struct inode *i);
/* => the name exists. Gives up the entry's reference. */
void dir_remove(struct inode *dir, const char *name, size_t len);

/* => an entry that is in no list, as the name of a folder; NULL: no memory. */
struct dirent *dirent_create(const char *name, size_t len);

/*
 * Finds or creates folders along an absolute path, for the kernel's own use; what shows through a
 * tmpfs does not count as found. NULL: no memory.
 */
struct inode *tree_make_dirs(const char *path);

#endif
