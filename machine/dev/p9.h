/*
 * A server of 9P2000.L: messages in, messages out, over a folder of the host.
 *
 *     virtio_9p.c     carries messages between the guest's buffers and p9_serve
 *     p9_serve.c      one message: which it is, its answer or its error; session and walking
 *     p9_file.c       open files and folders: read, write, list, attributes
 *     p9_name.c       names: make, link, rename, remove
 *     p9_tree.c       what the server remembers: names in use, fids, numbers of files
 *     p9_heap.c       memory for that, and hash tables
 *     p9_wire.h       fields of a message
 *
 * The guest says what it means by a *fid*, a number of its choice. A fid stands for a *node*, a
 * name in the folder; nodes form a tree, so that one rename moves every fid below it. What a
 * node's file is, the host is asked each time.
 *
 *     fid 7 ──> node "b" ──> node "a" ──> the folder        path: "a/b"
 *
 * What a guest sees of the host's files is the same on every host (*normalised*):
 *
 * N1. A file's number (qid.path) counts the files in the order in which they were first looked
 *     up; two names of one file have one number. A removed file's number is not used again.
 * N2. Folders are listed in the order of their names' bytes, after "." and "..".
 * N3. Everything belongs to one user and group; permissions are the host's lower nine bits.
 * N4. There is one time, mtime, which stands for the others too. What the guest changes bears the
 *     machine's time.
 * N5. Folders have size 4096 and one link; blocks follow from the size; device numbers are 0, and
 *     the file system's size is a fixed one.
 *
 * I1. No path handed to the host has a name that is empty, ".", "..", too long, or has a `/` or
 *     a NUL; so none leaves the folder. ".." in a walk is a step in the tree of nodes, whose top
 *     is its own parent. That links are not followed is the host's part (machine.h).
 * I2. A message is read only as far as its own length says, and an answer never grows beyond the
 *     room for it: both by p9_wire.h.
 * I3. A request fails as a whole or is done as a whole, but for a walk, which may end early.
 *
 * Source: 9P2000 (Plan 9 manual, section 5); 9P2000.L as Linux's client speaks it.
 */
#ifndef P9_H
#define P9_H

#include "machine/dev/p9_wire.h"
#include "machine/machine.h"

/* -- memory (p9_heap.c) ------------------------------------------------------------------- */

#define P9_HEAP_SIZE (128u << 20) /* reserved; touched as far as it was ever used */
#define P9_HEAP_MIN  5            /* blocks of 2^5 bytes and more */
#define P9_HEAP_BINS 22           /* up to 2^26 bytes */

struct p9_heap {
	uint8_t *mem;
	size_t used;
	void *free[P9_HEAP_BINS]; /* lists of blocks of 2^(i + P9_HEAP_MIN) bytes */
};

/* => zeroed; NULL: no memory. */
void *p9_alloc(struct p9_heap *heap, size_t size);
/* `size`: as it was asked for. */
void p9_free(struct p9_heap *heap, void *mem, size_t size);

/* A hash table of things that begin with a link. */
struct p9_link {
	struct p9_link *next;
	uint64_t key;
};
struct p9_table {
	struct p9_link **buckets;
	size_t nbuckets, count; /* nbuckets: 0 or a power of two */
};

/* => false: no memory. */
bool p9_table_add(struct p9_heap *heap, struct p9_table *t, struct p9_link *link, uint64_t key);
void p9_table_remove(struct p9_table *t, struct p9_link *link);
/* => the first link with the key, or the next one after `after`; NULL. */
struct p9_link *p9_table_find(const struct p9_table *t, uint64_t key, const struct p9_link *after);

/* -- what is remembered (p9_tree.c) ------------------------------------------------------- */

struct p9_node {
	struct p9_link link; /* in the server's `nodes`, unless gone or the top */
	struct p9_node *parent;
	unsigned refs; /* fids + nodes whose parent it is */
	bool gone;     /* its name was removed */
	uint8_t len;
	char *name;
};

struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

#define P9_QID_FOLDER 0x80
#define P9_QID_LINK   0x02

struct p9_fid {
	struct p9_link link; /* in `fids`, by number */
	uint32_t number;
	struct p9_node *node;
	struct p9_qid qid;
	unsigned how;      /* SHARE_READ, SHARE_WRITE; 0: not open */
	bool has_handle;   /* of an open regular file */
	int64_t handle;    /* the host's */
	char *names;       /* of an open folder that was listed: each NUL-terminated, in order */
	size_t names_size; /* allocated */
	uint32_t *order;   /* offset of each name, sorted */
	size_t norder, order_size;
};

/* Which number a file of the host has. */
struct p9_number {
	struct p9_link link; /* in `numbers` */
	uint64_t id[2];
	uint64_t number;
};

struct p9_server {
	struct machine *m;
	struct machine_share share;
	uint32_t msize; /* 0: no version was agreed on */
	struct p9_heap heap;
	struct p9_node top;
	struct p9_table nodes, fids, numbers;
	uint64_t last_number;
};

/* => false: no memory. */
bool p9_init(struct p9_server *s, struct machine *m, const struct machine_share *share);

/* The session ends: no fid, no message size. File numbers stay. */
void p9_end_session(struct p9_server *s);

/* Folds all that is remembered into a hash, whatever the order of the tables. */
void p9_hash(const struct p9_server *s, uint64_t *h);

/*
 * => whether what is remembered makes sense: each node's refs are its fids and children; no node
 *    that is not gone has a sister of its name; every parent is in the tree. For tests.
 */
bool p9_check(const struct p9_server *s);

/* The node of a name below `parent`, with a reference more. => NULL: no memory. */
struct p9_node *p9_node_get(struct p9_server *s, struct p9_node *parent, const char *name,
			    size_t len);
/* => the same, but NULL, and no reference, if nobody has it. */
struct p9_node *p9_node_find(struct p9_server *s, const struct p9_node *parent, const char *name,
			     size_t len);
void p9_node_put(struct p9_server *s, struct p9_node *node);

/* The name was removed: fids below it have no path any more. */
void p9_node_gone(struct p9_server *s, struct p9_node *node);

/* Gives the node, which is not gone, another place; `name` was p9_alloc'd, and is taken over. */
void p9_node_move(struct p9_server *s, struct p9_node *node, struct p9_node *parent, char *name,
		  size_t len);

/*
 * The path of a node, or of a name below it (`name` NULL: of the node).
 * => 0, ENOENT: it is gone, or ENAMETOOLONG.
 */
int p9_path(const struct p9_node *node, const char *name, size_t len, char out[SHARE_PATH_MAX]);

/* => NULL: there is none. */
struct p9_fid *p9_fid_find(struct p9_server *s, uint32_t number);

/* A new fid, taking over the reference to `node`. => NULL: no memory; the reference is gone. */
struct p9_fid *p9_fid_add(struct p9_server *s, uint32_t number, struct p9_node *node,
			  const struct p9_qid *qid);
void p9_fid_close(struct p9_server *s, struct p9_fid *f); /* not open any more */
void p9_fid_remove(struct p9_server *s, struct p9_fid *f);

/* The qid of a file. => false: no memory. */
bool p9_qid_of(struct p9_server *s, const struct share_info *info, struct p9_qid *out);
/* The file's last name was removed: what the host calls so next is another file. */
void p9_forget(struct p9_server *s, const struct share_info *info);

/* -- messages (p9_serve.c) ---------------------------------------------------------------- */

#define P9_MSIZE_MAX (512u << 10) /* what the largest chain of 4 KiB pieces can carry */
#define P9_MSIZE_MIN 256u
#define P9_NO_TAG    0xffff
#define P9_NO_FID    0xffffffff
#define P9_IO_HEADER 24 /* of a read's or write's size, what is not data, and some more */

/*
 * Serves one message of `len` bytes; the answer goes to `out`, which has room for `room`.
 * => the answer's length; 0: not even an error fits.
 */
uint32_t p9_serve(struct p9_server *s, const uint8_t *in, uint32_t len, uint8_t *out,
		  uint32_t room);

/*
 * A request's handler: takes its fields, does it, and puts the answer's fields.
 * => 0, or an error number; then nothing that was put counts.
 */
typedef int p9_handler(struct p9_server *s, struct p9_in *in, struct p9_out *out);
p9_handler p9_open, p9_create, p9_read, p9_write, p9_list, p9_sync, p9_get_attributes,
    p9_set_attributes, p9_read_link;
p9_handler p9_make_folder, p9_make_symlink, p9_make_device, p9_link_file, p9_rename, p9_rename_at,
    p9_remove, p9_unlink_at;

/* What handlers share. */
uint64_t p9_now(const struct p9_server *s); /* ns since 1970, for what is changed */
void p9_put_qid(struct p9_out *out, const struct p9_qid *qid);
/* => 0; EINVAL, ENAMETOOLONG: not a name for something new or to be looked up. */
int p9_check_name(const char *name, size_t len);
/* Takes fid and name of a file below it. => 0: the fid is a folder's. */
int p9_take_place(struct p9_server *s, struct p9_in *in, struct p9_fid **dir,
		  struct p9_string *name);
/* What is at the path. */
int p9_look(struct p9_server *s, const char *path, struct share_info *info, struct p9_qid *qid);

#endif
