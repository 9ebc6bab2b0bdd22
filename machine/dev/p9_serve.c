/*
 * One message of 9P2000.L: which request it is, and its answer; the session, and walking.
 *
 *     request   u32 size, u8 type, u16 tag, fields        answer   the same, type + 1
 *                                                         error    type 7, u32 error number
 *
 * Requests are served one after the other, each at once, so there is never one to be flushed.
 *
 * Source: see p9.h.
 */
#include <string.h>

#include "machine/dev/p9.h"
#include "machine/machine_state.h"
#include "abi/linux.h"

#define HEADER_SIZE    7
#define ERROR_SIZE     (HEADER_SIZE + 4)
#define VERSION        "9P2000.L"
#define UNKNOWN        "unknown"
#define WALK_MAX       16 /* names of one walk, by the protocol */
#define STATFS_TYPE    0x01021997
#define STATFS_BLOCKS  (1ull << 28) /* of 4 KiB: 1 TiB, of which half is free */
#define STATFS_FILES   (1ull << 20)
#define LOCK_SUCCESS   0
#define LOCK_TYPE_NONE 2

enum {
	T_STATFS = 8,
	T_LOPEN = 12,
	T_LCREATE = 14,
	T_SYMLINK = 16,
	T_MKNOD = 18,
	T_RENAME = 20,
	T_READLINK = 22,
	T_GETATTR = 24,
	T_SETATTR = 26,
	T_XATTRWALK = 30,
	T_XATTRCREATE = 32,
	T_READDIR = 40,
	T_FSYNC = 50,
	T_LOCK = 52,
	T_GETLOCK = 54,
	T_LINK = 70,
	T_MKDIR = 72,
	T_RENAMEAT = 74,
	T_UNLINKAT = 76,
	T_VERSION = 100,
	T_AUTH = 102,
	T_ATTACH = 104,
	T_FLUSH = 108,
	T_WALK = 110,
	T_READ = 116,
	T_WRITE = 118,
	T_CLUNK = 120,
	T_REMOVE = 122,
	R_ERROR = 7,
};

/* -- what handlers share ------------------------------------------------------------------ */

uint64_t p9_now(const struct p9_server *s)
{
	return s->m->cfg.epoch_ns + machine_now(s->m);
}

void p9_put_qid(struct p9_out *out, const struct p9_qid *qid)
{
	p9_put1(out, qid->type);
	p9_put4(out, qid->version);
	p9_put8(out, qid->path);
}

int p9_check_name(const char *name, size_t len)
{
	if (len > SHARE_NAME_MAX)
		return ENAMETOOLONG;
	if (len == 0 || memchr(name, 0, len) || memchr(name, '/', len) ||
	    (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return EINVAL;
	return 0;
}

int p9_take_place(struct p9_server *s, struct p9_in *in, struct p9_fid **dir,
		  struct p9_string *name)
{
	*dir = p9_fid_find(s, p9_take4(in));
	*name = p9_take_string(in);
	if (in->bad)
		return EINVAL;
	if (!*dir)
		return EBADF;
	if (!((*dir)->qid.type & P9_QID_FOLDER))
		return ENOTDIR;
	return p9_check_name(name->text, name->len);
}

int p9_look(struct p9_server *s, const char *path, struct share_info *info, struct p9_qid *qid)
{
	int error = s->share.ops->info(s->share.ctx, path, info);

	if (error)
		return error;
	return p9_qid_of(s, info, qid) ? 0 : ENOMEM;
}

/* -- session ------------------------------------------------------------------------------ */

static int version(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	uint32_t msize = p9_take4(in);
	struct p9_string name = p9_take_string(in);

	if (!p9_taken(in) || msize < P9_MSIZE_MIN)
		return EINVAL;
	if (msize > P9_MSIZE_MAX)
		msize = P9_MSIZE_MAX;
	p9_end_session(s);
	p9_put4(out, msize);
	if (name.len == strlen(VERSION) && !memcmp(name.text, VERSION, name.len)) {
		s->msize = msize;
		p9_put_string(out, VERSION, strlen(VERSION));
	} else {
		p9_put_string(out, UNKNOWN, strlen(UNKNOWN));
	}
	return 0;
}

/* Who may see the folder was decided on the host: nobody has to prove anything. */
static int auth(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	return EOPNOTSUPP;
}

static int attach(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	uint32_t number = p9_take4(in), auth_fid = p9_take4(in);
	struct p9_string folder;
	struct share_info info;
	struct p9_qid qid;
	int error;

	p9_take_string(in); /* the user's name */
	folder = p9_take_string(in);
	p9_take4(in); /* the user's number */
	if (!p9_taken(in) || auth_fid != P9_NO_FID || number == P9_NO_FID)
		return EINVAL;
	if (folder.len > 1 || (folder.len == 1 && folder.text[0] != '/'))
		return ENOENT;
	if (p9_fid_find(s, number))
		return EBADF;
	error = p9_look(s, "", &info, &qid);
	if (error)
		return error;
	s->top.refs++;
	if (!p9_fid_add(s, number, &s->top, &qid))
		return ENOMEM;
	p9_put_qid(out, &qid);
	return 0;
}

static int flush(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	p9_take2(in);
	return p9_taken(in) ? 0 : EINVAL;
}

static int clunk(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));

	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	p9_fid_remove(s, f);
	return 0;
}

/* -- walking ------------------------------------------------------------------------------ */

/* One step from *node, which has a reference of ours and the type of *qid. => both changed. */
static int step(struct p9_server *s, struct p9_node **node, const struct p9_string *name,
		struct p9_qid *qid)
{
	char path[SHARE_PATH_MAX];
	struct share_info info;
	struct p9_node *next;
	struct p9_qid found;
	int error;

	if (!(qid->type & P9_QID_FOLDER))
		return ENOTDIR;
	if (name->len == 2 && !memcmp(name->text, "..", 2)) {
		next = (*node)->parent ? (*node)->parent : *node;
		next->refs++;
	} else {
		error = p9_check_name(name->text, name->len);
		if (error)
			return error;
		next = p9_node_get(s, *node, name->text, name->len);
		if (!next)
			return ENOMEM;
	}
	error = p9_path(next, NULL, 0, path);
	if (!error)
		error = p9_look(s, path, &info, &found);
	if (error) {
		p9_node_put(s, next);
		return error;
	}
	p9_node_put(s, *node);
	*node = next;
	*qid = found;
	return 0;
}

static int walk(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	uint32_t number = p9_take4(in), new_number = p9_take4(in);
	unsigned n = p9_take2(in), done = 0;
	struct p9_string names[WALK_MAX];
	struct p9_qid qids[WALK_MAX], qid;
	struct p9_node *node;
	struct p9_fid *f = p9_fid_find(s, number);

	if (n > WALK_MAX)
		return EINVAL;
	for (unsigned i = 0; i < n; i++)
		names[i] = p9_take_string(in);
	if (!p9_taken(in) || new_number == P9_NO_FID)
		return EINVAL;
	if (!f || (new_number != number && p9_fid_find(s, new_number)))
		return EBADF;
	if (f->how && (n || new_number == number))
		return EBADF; /* an open fid stays where it is */
	node = f->node;
	node->refs++;
	qid = f->qid;
	for (; done < n; done++) {
		int error = step(s, &node, &names[done], &qid);

		if (error && done == 0) {
			p9_node_put(s, node);
			return error;
		}
		if (error)
			break;
		qids[done] = qid;
	}
	if (done < n) {
		p9_node_put(s, node);
	} else if (new_number == number) {
		p9_node_put(s, f->node);
		f->node = node;
		f->qid = qid;
	} else if (!p9_fid_add(s, new_number, node, &qid)) {
		return ENOMEM;
	}
	p9_put2(out, (uint16_t)done);
	for (unsigned i = 0; i < done; i++)
		p9_put_qid(out, &qids[i]);
	return 0;
}

/* -- the file system ---------------------------------------------------------------------- */

static int statfs(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));

	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	p9_put4(out, STATFS_TYPE);
	p9_put4(out, 4096);
	p9_put8(out, STATFS_BLOCKS);
	p9_put8(out, STATFS_BLOCKS / 2);
	p9_put8(out, STATFS_BLOCKS / 2);
	p9_put8(out, STATFS_FILES);
	p9_put8(out, STATFS_FILES / 2);
	p9_put8(out, 0); /* its identity */
	p9_put4(out, SHARE_NAME_MAX);
	return 0;
}

/* There is one client, and it keeps its own locks: nobody else holds one. */
static int lock(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));

	p9_take1(in);       /* type */
	p9_take4(in);       /* flags */
	p9_take8(in);       /* start */
	p9_take8(in);       /* length */
	p9_take4(in);       /* process */
	p9_take_string(in); /* client */
	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	p9_put1(out, LOCK_SUCCESS);
	return 0;
}

static int get_lock(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	uint64_t start, len;
	uint32_t process;
	struct p9_string client;

	p9_take1(in); /* type */
	start = p9_take8(in);
	len = p9_take8(in);
	process = p9_take4(in);
	client = p9_take_string(in);
	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	p9_put1(out, LOCK_TYPE_NONE);
	p9_put8(out, start);
	p9_put8(out, len);
	p9_put4(out, process);
	p9_put_string(out, client.text, client.len);
	return 0;
}

static int no_attributes(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	return EOPNOTSUPP; /* extended ones */
}

/* -- dispatch ----------------------------------------------------------------------------- */

static const struct {
	uint8_t type;
	bool changes; /* something of the host's: a share that is not writable refuses it */
	p9_handler *handle;
} requests[] = {
    {T_STATFS, false, statfs},
    {T_LOPEN, false, p9_open},
    {T_LCREATE, true, p9_create},
    {T_SYMLINK, true, p9_make_symlink},
    {T_MKNOD, true, p9_make_device},
    {T_RENAME, true, p9_rename},
    {T_READLINK, false, p9_read_link},
    {T_GETATTR, false, p9_get_attributes},
    {T_SETATTR, true, p9_set_attributes},
    {T_XATTRWALK, false, no_attributes},
    {T_XATTRCREATE, false, no_attributes},
    {T_READDIR, false, p9_list},
    {T_FSYNC, false, p9_sync},
    {T_LOCK, false, lock},
    {T_GETLOCK, false, get_lock},
    {T_LINK, true, p9_link_file},
    {T_MKDIR, true, p9_make_folder},
    {T_RENAMEAT, true, p9_rename_at},
    {T_UNLINKAT, true, p9_unlink_at},
    {T_VERSION, false, version},
    {T_AUTH, false, auth},
    {T_ATTACH, false, attach},
    {T_FLUSH, false, flush},
    {T_WALK, false, walk},
    {T_READ, false, p9_read},
    {T_WRITE, false, p9_write}, /* a fid open for writing is the permission */
    {T_CLUNK, false, clunk},
    {T_REMOVE, false, p9_remove}, /* the fid goes even if the file does not */
};

static int dispatch(struct p9_server *s, unsigned type, struct p9_in *in, struct p9_out *out)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].type != type)
			continue;
		if (requests[i].changes && !s->share.writable)
			return EROFS;
		return requests[i].handle(s, in, out);
	}
	return EOPNOTSUPP;
}

static uint32_t finish(uint8_t *out, uint32_t len, unsigned type, uint16_t tag)
{
	uint8_t byte = (uint8_t)type;

	memcpy(out, &len, 4);
	memcpy(out + 4, &byte, 1);
	memcpy(out + 5, &tag, 2);
	return len;
}

uint32_t p9_serve(struct p9_server *s, const uint8_t *in, uint32_t len, uint8_t *out, uint32_t room)
{
	struct p9_in fields = {in, in + len, false};
	uint32_t size = p9_take4(&fields), code;
	uint8_t type = p9_take1(&fields);
	uint16_t tag = p9_take2(&fields);
	uint32_t most = s->msize ? s->msize : P9_MSIZE_MAX;
	struct p9_out answer;
	int error = EINVAL;

	if (room < ERROR_SIZE)
		return 0;
	room = room < most ? room : most;
	answer = (struct p9_out){out + HEADER_SIZE, out + room, false};
	if (fields.bad) {
		tag = P9_NO_TAG;
	} else if (size >= HEADER_SIZE && size <= len && size <= most) {
		fields.end = in + size;
		if (type == T_VERSION || s->msize)
			error = dispatch(s, type, &fields, &answer);
	}
	if (!error && !answer.full)
		return finish(out, (uint32_t)(answer.at - out), type + 1u, tag);
	code = (uint32_t)(error ? error : EOVERFLOW);
	memcpy(out + HEADER_SIZE, &code, 4);
	return finish(out, ERROR_SIZE, R_ERROR, tag);
}
