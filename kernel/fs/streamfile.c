/*
 * Byte streams as files: what a program has as standard input and output.
 *
 * A program sees a pipe (S_IFIFO): it cannot seek, and ioctl says that it is no
 * terminal. Bytes pass through the stream's chunk of memory, which the device
 * reads and writes: at most one request to the device for each chunk.
 *
 * Input that the device delivered but user memory could not take (EFAULT half
 * way) stays in the chunk for the next read: nothing that came is lost.
 */
#include "kernel/dev/stream.h"
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"

/* Lock held. => the chunk is there: as large as memory allows. 0 or -ENOMEM. */
static int ensure_chunk(struct stream *s)
{
	for (size_t size = kbuffer_size(STREAM_CHUNK); !s->buf && size >= PAGE_SIZE; size /= 2) {
		s->buf = kmalloc(size);
		s->chunk = size;
	}
	return s->buf ? 0 : -ENOMEM;
}

static ssize_t deliver(struct stream *s, struct uio *u)
{
	size_t want = s->have < u->left ? s->have : u->left;
	size_t n = uio_put(u, s->buf + s->have_at, want);

	s->have_at += n;
	s->have -= n;
	return n == 0 && want > 0 ? -EFAULT : (ssize_t)n;
}

static ssize_t stream_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct stream *s = f->inode->ctx;
	ssize_t n = 0;

	(void)pos;
	if (u->left == 0)
		return 0;
	mutex_lock(&s->lock);
	if (s->have == 0 && !s->at_end) {
		n = ensure_chunk(s);
		if (n == 0)
			n = s->ops->read(s, s->buf, u->left < s->chunk ? u->left : s->chunk);
		if (n == 0)
			s->at_end = true;
		if (n > 0) {
			s->have_at = 0;
			s->have = (size_t)n;
		}
	}
	if (n >= 0)
		n = deliver(s, u);
	mutex_unlock(&s->lock);
	return n;
}

static ssize_t stream_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct stream *s = f->inode->ctx;
	ssize_t total = 0, n = 0;

	(void)pos;
	mutex_lock(&s->lock);
	if (u->left > 0)
		n = ensure_chunk(s);
	while (n >= 0 && u->left > 0) {
		size_t want = u->left < s->chunk ? u->left : s->chunk;
		size_t got = uio_take(u, s->buf, want);

		n = got > 0 ? s->ops->write(s, s->buf, got) : 0;
		if (n > 0)
			total += n;
		if (n >= 0 && got < want)
			n = -EFAULT;
	}
	mutex_unlock(&s->lock);
	if (n == -EPIPE)
		signal_send(thread_current(), SIGPIPE, SI_USER);
	return total > 0 ? total : n;
}

static unsigned stream_poll(struct file *f, struct poll_wait *pw)
{
	struct stream *s = f->inode->ctx;

	(void)pw; /* a stream never says "not yet": what is asked of it, it waits for */
	return s->have > 0 || s->at_end ? POLLIN | POLLRDNORM : s->ops->poll(s);
}

const struct file_ops stream_ops_of_file = {
    .read = stream_read, .write = stream_write, .poll = stream_poll};

struct file *stream_file_open(struct stream *s, uint32_t flags)
{
	struct file *f = file_create(S_IFIFO | 0600, flags, &stream_ops_of_file, s);

	if (f)
		f->inode->ctx = s;
	return f;
}
