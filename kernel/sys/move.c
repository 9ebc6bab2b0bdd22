/*
 * System calls that move bytes from file to file: sendfile, copy_file_range, splice, tee, vmsplice.
 *
 * All go through a chunk of kernel memory, a page at a time; pages are not handed over. What was
 * read and could not be written is given back by moving the position. That cannot be done with a
 * pipe, so from a pipe only as much is taken as has room where it goes.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "abi/files.h"

/*
 * Moves at most `count` bytes from `in`, at *pos or its position, to `out`, at *to or its position.
 */
static int64_t copy_between(struct file *in, struct file *out, uint64_t *pos, uint64_t *to,
			    uint64_t count)
{
	uint8_t *chunk = kmalloc(PAGE_SIZE);
	int64_t total = 0, error = 0;

	if (!chunk)
		return -ENOMEM;
	while ((uint64_t)total < count && !error) {
		uint64_t want = count - (uint64_t)total;
		struct linux_iovec iov;
		struct uio u;
		ssize_t got, put;

		uio_init_kernel(&u, &iov, chunk, want < PAGE_SIZE ? want : PAGE_SIZE);
		got = file_read(in, &u, pos);
		if (got <= 0) {
			error = got;
			break;
		}
		uio_init_kernel(&u, &iov, chunk, (uint64_t)got);
		put = file_write(out, &u, to);
		if (put < 0) {
			error = put;
			put = 0;
		}
		total += put;
		if (put == got)
			continue;
		if (pos)
			*pos -= (uint64_t)(got - put);
		else if (in->ops->is_seekable)
			file_seek(in, put - got, SEEK_CUR);
		break;
	}
	kfree(chunk);
	return total > 0 ? total : error;
}

static void put_both(struct file *in, struct file *out)
{
	if (in)
		file_put(in);
	if (out)
		file_put(out);
}

/* => whether splice and sendfile can read from it. */
static bool is_source(const struct file *f)
{
	return f->data || f->ops == &zero_ops || f->ops == &full_ops || f->ops == &random_ops;
}

int64_t sys_sendfile(const uint64_t *a)
{
	struct file *out = sys_fd(a[0]), *in = sys_fd(a[1]);
	uint64_t pos, count = a[3] < MAX_RW_COUNT ? a[3] : MAX_RW_COUNT;
	int64_t n;

	if (a[2] && arch_copy_from_user(&pos, VADDR(a[2]), sizeof pos) != 0)
		n = -EFAULT;
	else if (!in || !out || !file_may_read(in))
		n = -EBADF;
	else if (a[2] && !in->ops->is_seekable)
		n = -ESPIPE;
	else if (a[2] && (int64_t)pos < 0)
		n = -EINVAL;
	else if (!file_may_write(out))
		n = -EBADF;
	else if (!is_source(in) || (out->flags & O_APPEND))
		n = -EINVAL;
	else
		n = copy_between(in, out, a[2] ? &pos : NULL, NULL, count);
	if (n >= 0 && a[2] && arch_copy_to_user(VADDR(a[2]), &pos, sizeof pos) != 0)
		n = -EFAULT;
	put_both(in, out);
	return n;
}

/* -- copy_file_range ----------------------------------------------------------------------- */

static int copy_check(const struct file *in, const struct file *out)
{
	if (inode_is_dir(in->inode) || inode_is_dir(out->inode))
		return -EISDIR;
	if (!in->data || !out->data)
		return -EINVAL;
	if (!file_may_read(in) || !file_may_write(out) || (out->flags & O_APPEND))
		return -EBADF;
	return in->inode->fs == out->inode->fs ? 0 : -EXDEV;
}

/* Reads an offset, or takes the file's position. => 0, -EFAULT or -EINVAL. */
static int offset_get(const struct file *f, uint64_t user, uint64_t *out)
{
	*out = f->pos;
	if (user && arch_copy_from_user(out, VADDR(user), sizeof *out) != 0)
		return -EFAULT;
	return (int64_t)*out < 0 ? -EINVAL : 0;
}

/* Stores where the next copy would go on. */
static int offset_put(struct file *f, uint64_t user, uint64_t offset)
{
	if (!user)
		f->pos = offset;
	else if (arch_copy_to_user(VADDR(user), &offset, sizeof offset) != 0)
		return -EFAULT;
	return 0;
}

int64_t sys_copy_file_range(const uint64_t *a)
{
	struct file *in = sys_fd(a[0]), *out = sys_fd(a[2]);
	uint64_t from = 0, to = 0, len = a[4] < MAX_RW_COUNT ? a[4] : MAX_RW_COUNT;
	int64_t n = 0;

	if (!in || !out)
		n = -EBADF;
	if (n == 0)
		n = offset_get(in, a[1], &from);
	if (n == 0)
		n = offset_get(out, a[3], &to);
	if (n == 0 && (uint32_t)a[5] != 0)
		n = -EINVAL;
	if (n == 0)
		n = copy_check(in, out);
	if (n == 0 && in->inode == out->inode) {
		uint64_t size = in->data->size, most = from < size ? size - from : 0;

		len = len < most ? len : most;
		if (from < to + len && to < from + len)
			n = -EINVAL;
	}
	if (n == 0)
		n = copy_between(in, out, &from, &to, len);
	if (n > 0 && (offset_put(in, a[1], from) || offset_put(out, a[3], to)))
		n = -EFAULT;
	put_both(in, out);
	return n;
}

/* -- splice -------------------------------------------------------------------------------- */

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

static bool waits(const struct file *f, uint64_t flags)
{
	return !(flags & SPLICE_F_NONBLOCK) && !(f->flags & O_NONBLOCK);
}

/* From a pipe to a pipe or file. */
static int64_t splice_from_pipe(struct file *in, struct file *out, uint64_t *to, uint64_t len,
				uint64_t flags)
{
	int64_t n = pipe_wait_data(in, waits(in, flags));

	if (n > 0 && file_is_pipe(out)) {
		int64_t room = pipe_wait_room(out, waits(out, flags));

		if (room <= 0)
			return room;
		len = len < (uint64_t)room ? len : (uint64_t)room;
	}
	if (n <= 0)
		return n;
	return copy_between(in, out, NULL, to, len < (uint64_t)n ? len : (uint64_t)n);
}

static int64_t splice_to_pipe(struct file *in, struct file *out, uint64_t *pos, uint64_t len,
			      uint64_t flags)
{
	int64_t room = pipe_wait_room(out, waits(out, flags));

	if (room <= 0)
		return room;
	return copy_between(in, out, pos, NULL, len < (uint64_t)room ? len : (uint64_t)room);
}

/* => an offset that was given, in *at; NULL if none was. *error: -ESPIPE, -EFAULT, -EINVAL. */
static uint64_t *splice_offset(const struct file *f, uint64_t user, uint64_t *at, int64_t *error)
{
	if (!user)
		return NULL;
	if (file_is_pipe(f))
		*error = -ESPIPE;
	else if (!f->ops->is_seekable)
		*error = -EINVAL;
	else if (arch_copy_from_user(at, VADDR(user), sizeof *at) != 0)
		*error = -EFAULT;
	else if ((int64_t)*at < 0)
		*error = -EINVAL;
	return at;
}

static int64_t splice_check(const struct file *in, const struct file *out)
{
	if (!file_may_read(in) || !file_may_write(out))
		return -EBADF;
	if (!file_is_pipe(in) && !file_is_pipe(out))
		return -EINVAL;
	return in->inode == out->inode ? -EINVAL : 0;
}

int64_t sys_splice(const uint64_t *a)
{
	struct file *in, *out;
	uint64_t in_at = 0, out_at = 0, *from, *to, len = a[4] < MAX_RW_COUNT ? a[4] : MAX_RW_COUNT;
	int64_t n = 0;

	if (len == 0)
		return 0;
	if (a[5] & ~(uint64_t)SPLICE_FLAGS)
		return -EINVAL;
	in = sys_fd(a[0]);
	out = sys_fd(a[2]);
	if (!in || !out) {
		put_both(in, out);
		return -EBADF;
	}
	from = splice_offset(in, a[1], &in_at, &n);
	to = n ? NULL : splice_offset(out, a[3], &out_at, &n);
	if (n == 0)
		n = splice_check(in, out);
	if (n == 0 && file_is_pipe(in))
		n = !file_is_pipe(out) && (out->flags & O_APPEND)
			? -EINVAL
			: splice_from_pipe(in, out, to, len, a[5]);
	else if (n == 0)
		n = is_source(in) ? splice_to_pipe(in, out, from, len, a[5]) : -EINVAL;
	if (n > 0 && ((from && arch_copy_to_user(VADDR(a[1]), from, sizeof *from) != 0) ||
		      (to && arch_copy_to_user(VADDR(a[3]), to, sizeof *to) != 0)))
		n = -EFAULT;
	put_both(in, out);
	return n;
}

/* Copies what a pipe has to another one, and leaves it there. */
static int64_t tee(struct file *in, struct file *out, uint64_t len, uint64_t flags)
{
	int64_t n = pipe_wait_data(in, waits(in, flags)), room;
	struct linux_iovec iov;
	uint8_t *chunk;
	struct uio u;

	if (n <= 0)
		return n;
	room = pipe_wait_room(out, waits(out, flags));
	if (room <= 0)
		return room;
	len = len < (uint64_t)room ? len : (uint64_t)room;
	len = len < (uint64_t)n ? len : (uint64_t)n;
	chunk = kmalloc(len);
	if (!chunk)
		return -ENOMEM;
	n = pipe_peek(in, chunk, len);
	if (n > 0) {
		uio_init_kernel(&u, &iov, chunk, (uint64_t)n);
		n = file_write(out, &u, NULL);
	}
	kfree(chunk);
	return n;
}

int64_t sys_tee(const uint64_t *a)
{
	struct file *in, *out;
	int64_t n = 0;

	if (a[3] & ~(uint64_t)SPLICE_FLAGS)
		return -EINVAL;
	if (a[2] == 0)
		return 0;
	in = sys_fd(a[0]);
	out = sys_fd(a[1]);
	if (!in || !out || !file_may_read(in) || !file_may_write(out))
		n = -EBADF;
	else if (!file_is_pipe(in) || !file_is_pipe(out) || in->inode == out->inode)
		n = -EINVAL;
	else
		n = tee(in, out, a[2], a[3]);
	put_both(in, out);
	return n;
}

int64_t sys_vmsplice(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t n;

	if (a[3] & ~(uint64_t)SPLICE_FLAGS)
		n = -EINVAL;
	else if (!f || !file_is_pipe(f))
		n = -EBADF;
	else if (file_may_write(f))
		n = sys_writev(a);
	else
		n = sys_readv(a);
	if (f)
		file_put(f);
	return n;
}
