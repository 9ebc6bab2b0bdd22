/*
 * A client of 9P2000.L: one call for each message that this kernel sends. Theory: p9_client.c.
 */
#ifndef KERNEL_P9_CLIENT_H
#define KERNEL_P9_CLIENT_H

#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"

struct p9_device;

#define P9_NO_FID   0xffffffffu
#define P9_QID_DIR  0x80
#define P9_QID_LINK 0x02

struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

struct p9_attr {
	struct p9_qid qid;
	uint32_t mode, uid, gid;
	uint64_t nlink, size;
	int64_t mtime;
	uint32_t mtime_ns;
};

/* How large the server's file system is: blocks of bsize bytes. */
struct p9_fs {
	uint32_t bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
};

#define P9_SET_MODE  0x1
#define P9_SET_SIZE  0x8
#define P9_SET_MTIME 0x120 /* to the value given */

struct p9_set {
	uint32_t what, mode;
	uint64_t size;
	int64_t mtime;
	uint32_t mtime_ns;
};

struct p9_client;

/* => a session with the server, and the fid of its root; 0, -EIO, -EPROTO or -ENOMEM. */
int p9_client_create(struct p9_device *d, struct p9_client **out, uint32_t *root);

/* All: => 0 or the server's error as -errno. Names have a length; fids are the client's. */
/* A new fid for `name` below fid; name NULL: for fid itself. */
int p9_walk(struct p9_client *c, uint32_t fid, const char *name, size_t len, uint32_t *new_fid,
	    struct p9_qid *qid);
void p9_clunk(struct p9_client *c, uint32_t fid);
int p9_get_attr(struct p9_client *c, uint32_t fid, struct p9_attr *out);
int p9_set_attr(struct p9_client *c, uint32_t fid, const struct p9_set *set);
/* flags: O_* of Linux. */
int p9_open(struct p9_client *c, uint32_t fid, uint32_t flags);
/* fid, a folder's, becomes the new file's, open. */
int p9_create(struct p9_client *c, uint32_t fid, const char *name, size_t len, uint32_t flags,
	      uint32_t mode, uint32_t gid);
int p9_mkdir(struct p9_client *c, uint32_t fid, const char *name, size_t len, uint32_t mode,
	     uint32_t gid);
int p9_symlink(struct p9_client *c, uint32_t fid, const char *name, size_t len, const char *target,
	       uint32_t gid);
int p9_link(struct p9_client *c, uint32_t dir, const char *name, size_t len, uint32_t fid);
int p9_unlink(struct p9_client *c, uint32_t dir, const char *name, size_t len, bool is_dir);
int p9_rename(struct p9_client *c, uint32_t dir, const char *name, size_t len, uint32_t to_dir,
	      const char *to, size_t to_len);
/* => length without NUL, at most size. */
ssize_t p9_read_link(struct p9_client *c, uint32_t fid, char *buf, size_t size);
/* Kernel memory. => bytes, at most what one message carries. */
ssize_t p9_read(struct p9_client *c, uint32_t fid, uint64_t at, void *buf, size_t len);
ssize_t p9_write(struct p9_client *c, uint32_t fid, uint64_t at, const void *buf, size_t len);
int p9_stat_fs(struct p9_client *c, uint32_t fid, struct p9_fs *out);
int p9_sync(struct p9_client *c, uint32_t fid);
/* => bytes one message can carry. */
size_t p9_chunk(const struct p9_client *c);

/* An entry of a folder; name is not NUL-terminated. */
struct p9_entry {
	struct p9_qid qid;
	uint64_t next; /* where to go on after it */
	uint8_t type;  /* DT_* */
	const char *name;
	size_t len;
};
/*
 * Calls each() for entries from `offset`, until it returns false or the answer ends, with nothing
 * else sent meanwhile. => number of entries that the answer had; -errno.
 */
ssize_t p9_list(struct p9_client *c, uint32_t fid, uint64_t offset,
		bool (*each)(void *ctx, const struct p9_entry *e), void *ctx);

#endif
