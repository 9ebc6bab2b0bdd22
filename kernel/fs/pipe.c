/*
 * Pipes and FIFOs.
 *
 * A pipe is a ring of frames between open files that read and open files that
 * write. A FIFO is the same, found through a name: its inode leads to the pipe as
 * long as somebody has it open.
 *
 *     frames   [ 0 ][ 1 ][ 2 ] ... [15]     capacity: 16 pages, as on Linux
 *                 ^tail     ^head           head - tail = bytes in it
 *
 * head and tail only grow; a position's place in the ring is its remainder. A frame
 * is allocated when the first byte is written to it and freed when its last one has
 * been read; when the ring is empty both go back to 0, so that a pipe that is
 * emptied as fast as it is filled lives in one frame, which it keeps.
 *
 * Ends. A reader of an empty pipe sleeps while there are writers; without any it
 * gets 0, the end. A writer to a pipe without readers gets SIGPIPE and EPIPE. A
 * write of at most PIPE_BUF bytes waits until all of it fits.
 *
 * Invariants
 *   I1  tail <= head <= tail + capacity
 *   I2  frames exist for the places of [tail, head); others are NULL, or the one that is kept
 *   I3  nreaders, nwriters = open files with that right; at 0 and 0 the pipe is freed
 *
 * Locks. pipe.lock (a mutex, since user memory may have to be faulted in) is held
 * while bytes move; it is not held by anybody who sleeps for bytes or for room. What
 * sleepers look at - head, tail, ends - changes only under pipe.spin as well. fifo_lock
 * guards the way from an inode to its pipe.
 */
#include "kernel/fs/pipe.h"
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/wait.h"

#define DEFAULT_PAGES 16
#define MAX_PAGES     256 /* /proc/sys/fs/pipe-max-size of Linux: 1 MiB */

struct pipe {
	struct mutex lock;
	struct frame **frames;
	uint64_t npages; /* a power of two */

	struct spinlock spin;
	uint64_t head, tail;
	unsigned nreaders, nwriters;
	uint64_t reader_opens, writer_opens; /* ever: an opener waits for the next one */
	struct waitq readers, writers;
};

static struct mutex fifo_lock = MUTEX_INIT;

static struct pipe *pipe_create(void)
{
	struct pipe *p = kzalloc(sizeof *p);

	if (!p)
		return NULL;
	p->npages = DEFAULT_PAGES;
	p->frames = kzalloc(DEFAULT_PAGES * sizeof p->frames[0]);
	if (!p->frames) {
		kfree(p);
		return NULL;
	}
	mutex_init(&p->lock);
	spin_init(&p->spin);
	waitq_init(&p->readers);
	waitq_init(&p->writers);
	return p;
}

static void pipe_destroy(struct pipe *p)
{
	for (uint64_t n = 0; n < p->npages; n++)
		if (p->frames[n])
			frame_put(p->frames[n]);
	kfree(p->frames);
	kfree(p);
}

static uint64_t capacity(const struct pipe *p)
{
	return p->npages * PAGE_SIZE;
}

static struct frame **frame_at(struct pipe *p, uint64_t pos)
{
	return &p->frames[(pos >> PAGE_SHIFT) & (p->npages - 1)];
}

/* -- reading ------------------------------------------------------------------------------- */

/* Mutex held. Moves what is there. => bytes, or -EFAULT. */
static ssize_t take_locked(struct pipe *p, struct uio *u)
{
	ssize_t total = 0;
	uint64_t tail = p->tail;

	while (u->left > 0 && tail < p->head) {
		uint64_t offset = tail & PAGE_MASK, n = PAGE_SIZE - offset;
		struct frame **f = frame_at(p, tail);

		if (n > p->head - tail)
			n = p->head - tail;
		if (n > u->left)
			n = u->left;
		size_t moved = uio_put(u, (uint8_t *)frame_kva(*f) + offset, n);
		tail += moved;
		total += (ssize_t)moved;
		if ((tail & PAGE_MASK) == 0 && moved > 0 && tail < p->head) {
			frame_put(*f);
			*f = NULL;
		}
		if (moved < n) {
			total = total > 0 ? total : -EFAULT;
			break;
		}
	}
	spin_lock(&p->spin);
	p->tail = tail;
	if (tail == p->head) {
		/* here: at most one frame is left, that of the last byte; it becomes place 0's */
		struct frame **last = frame_at(p, tail - 1), *kept = tail > 0 ? *last : NULL;

		if (kept) {
			*last = NULL;
			if (p->frames[0]) /* here: a write that failed left it */
				frame_put(p->frames[0]);
			p->frames[0] = kept;
		}
		p->head = p->tail = 0;
	}
	spin_unlock(&p->spin);
	return total;
}

static ssize_t pipe_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct pipe *p = f->ctx;
	ssize_t n = 0;

	(void)pos;
	if (u->left == 0)
		return 0;
	for (;;) {
		/* Looked at without a lock: an empty pipe is looked at again before sleeping. */
		if (__atomic_load_n(&p->head, __ATOMIC_RELAXED) !=
		    __atomic_load_n(&p->tail, __ATOMIC_RELAXED)) {
			mutex_lock(&p->lock);
			if (p->head != p->tail)
				n = take_locked(p, u);
			mutex_unlock(&p->lock);
		}
		if (n != 0) {
			if (!waitq_is_empty(&p->writers))
				waitq_wake_all(&p->writers);
			return n;
		}
		spin_lock(&p->spin);
		while (p->head == p->tail && p->nwriters > 0 && n == 0)
			n = f->flags & O_NONBLOCK
				? -EAGAIN
				: waitq_sleep(&p->readers, &p->spin, UINT64_MAX, true);
		bool at_end = p->head == p->tail && p->nwriters == 0;
		spin_unlock(&p->spin);
		if (n < 0 || at_end)
			return n;
	}
}

/* -- writing ------------------------------------------------------------------------------- */

/* Mutex held. Moves as much as fits. => bytes; -EFAULT, -ENOMEM. */
static ssize_t put_locked(struct pipe *p, struct uio *u)
{
	uint64_t head = p->head, end = p->tail + capacity(p);
	ssize_t total = 0, error = 0;

	while (u->left > 0 && head < end && !error) {
		uint64_t offset = head & PAGE_MASK, n = PAGE_SIZE - offset;
		struct frame **f = frame_at(p, head);

		if (!*f)
			*f = frame_alloc(0, TF_KALLOC, 0);
		if (!*f) {
			error = -ENOMEM;
			break;
		}
		if (n > end - head)
			n = end - head;
		if (n > u->left)
			n = u->left;
		size_t moved = uio_take(u, (uint8_t *)frame_kva(*f) + offset, n);
		head += moved;
		total += (ssize_t)moved;
		if (moved < n)
			error = -EFAULT;
	}
	spin_lock(&p->spin);
	p->head = head;
	spin_unlock(&p->spin);
	return total > 0 ? total : error;
}

/* => whether a write of `left` bytes may begin, or go on. */
static bool has_room(const struct pipe *p, uint64_t left)
{
	uint64_t room = capacity(p) - (p->head - p->tail);

	return left <= PIPE_BUF ? room >= left : room > 0;
}

static ssize_t pipe_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct pipe *p = f->ctx;
	ssize_t total = 0, n = 0;
	/* A small write is done at once or not at all; of a large one any part may be. */
	uint64_t whole = u->left <= PIPE_BUF ? u->left : 1;

	(void)pos;
	while (u->left > 0 && n >= 0) {
		mutex_lock(&p->lock);
		if (p->nreaders == 0)
			n = -EPIPE;
		else if (has_room(p, whole))
			n = put_locked(p, u);
		else
			n = 0;
		mutex_unlock(&p->lock);
		if (n > 0) {
			total += n;
			if (!waitq_is_empty(&p->readers))
				waitq_wake_all(&p->readers);
			continue;
		}
		spin_lock(&p->spin);
		while (n == 0 && !has_room(p, whole) && p->nreaders > 0)
			n = f->flags & O_NONBLOCK
				? -EAGAIN
				: waitq_sleep(&p->writers, &p->spin, UINT64_MAX, true);
		spin_unlock(&p->spin);
	}
	if (n == -EPIPE)
		signal_send(thread_current(), SIGPIPE, SI_USER);
	return total > 0 ? total : n;
}

static unsigned pipe_poll(struct file *f, struct poll_wait *pw)
{
	struct pipe *p = f->ctx;
	unsigned mask = 0;

	if (file_may_read(f))
		poll_wait_add(pw, &p->readers);
	if (file_may_write(f))
		poll_wait_add(pw, &p->writers);
	spin_lock(&p->spin);
	if (file_may_read(f)) {
		if (p->head != p->tail)
			mask |= POLLIN | POLLRDNORM;
		if (p->nwriters == 0 && p->writer_opens > 0)
			mask |= POLLHUP;
	}
	if (file_may_write(f)) {
		if (has_room(p, PIPE_BUF))
			mask |= POLLOUT | POLLWRNORM;
		if (p->nreaders == 0)
			mask |= POLLERR;
	}
	spin_unlock(&p->spin);
	return mask;
}

/* -- ends ---------------------------------------------------------------------------------- */

static void add_end(struct pipe *p, const struct file *f)
{
	spin_lock(&p->spin);
	if (file_may_read(f)) {
		p->nreaders++;
		p->reader_opens++;
	}
	if (file_may_write(f)) {
		p->nwriters++;
		p->writer_opens++;
	}
	spin_unlock(&p->spin);
	waitq_wake_all(&p->readers);
	waitq_wake_all(&p->writers);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->ctx;

	mutex_lock(&fifo_lock);
	spin_lock(&p->spin);
	if (file_may_read(f))
		p->nreaders--;
	if (file_may_write(f))
		p->nwriters--;
	bool is_last = p->nreaders == 0 && p->nwriters == 0;
	spin_unlock(&p->spin);
	if (is_last) {
		f->inode->ctx = NULL;
		pipe_destroy(p);
	} else {
		waitq_wake_all(&p->readers);
		waitq_wake_all(&p->writers);
	}
	mutex_unlock(&fifo_lock);
}

/* Waits until the other side has been opened once more, or is open. => 0 or -ERESTARTSYS. */
static int wait_for_other(struct pipe *p, const unsigned *count, const uint64_t *opens,
			  struct waitq *q)
{
	uint64_t before = *opens;
	int error = 0;

	spin_lock(&p->spin);
	while (*count == 0 && *opens == before && !error)
		error = waitq_sleep(q, &p->spin, UINT64_MAX, true);
	spin_unlock(&p->spin);
	return error;
}

/* A FIFO, or a pipe through /proc/PID/fd. */
static int fifo_open(struct file *f)
{
	struct inode *i = f->inode;
	struct pipe *p;
	int error = 0;

	mutex_lock(&fifo_lock);
	if (!i->ctx)
		i->ctx = pipe_create();
	p = i->ctx;
	if (!p) {
		mutex_unlock(&fifo_lock);
		return -ENOMEM;
	}
	f->ctx = p;
	bool nonblock = f->flags & O_NONBLOCK;
	bool alone = (f->flags & O_ACCMODE) == O_WRONLY && nonblock && p->nreaders == 0;
	if (alone && p->nwriters == 0) {
		i->ctx = NULL;
		pipe_destroy(p);
	}
	if (!alone)
		add_end(p, f);
	mutex_unlock(&fifo_lock);
	if (alone)
		return -ENXIO;
	if (!nonblock && (f->flags & O_ACCMODE) == O_RDONLY)
		error = wait_for_other(p, &p->nwriters, &p->writer_opens, &p->readers);
	else if (!nonblock && (f->flags & O_ACCMODE) == O_WRONLY)
		error = wait_for_other(p, &p->nreaders, &p->reader_opens, &p->writers);
	if (error)
		pipe_release(f);
	return error;
}

const struct file_ops pipe_ops = {.read = pipe_read,
				  .write = pipe_write,
				  .poll = pipe_poll,
				  .open = fifo_open,
				  .release = pipe_release};

int pipe_open(uint32_t flags, struct file **reader, struct file **writer)
{
	struct pipe *p = pipe_create();
	struct inode *i;

	if (!p)
		return -ENOMEM;
	*reader = file_create(S_IFIFO | 0600, O_RDONLY | flags, &pipe_ops, p);
	if (!*reader) {
		pipe_destroy(p);
		return -ENOMEM;
	}
	add_end(p, *reader);
	i = (*reader)->inode;
	i->nlink = 1;
	/* here: with O_RDWR the second one cannot wait for an other side */
	if (file_open(i, O_RDWR | flags, writer) != 0) {
		file_put(*reader);
		return -ENOMEM;
	}
	(*writer)->flags = O_WRONLY | flags;
	p->nreaders = 1;
	return 0;
}

bool file_is_pipe(const struct file *f)
{
	return f->ops == &pipe_ops;
}

uint64_t pipe_capacity(struct file *f)
{
	return capacity(f->ctx);
}

uint64_t pipe_level(struct file *f)
{
	struct pipe *p = f->ctx;

	spin_lock(&p->spin);
	uint64_t n = p->head - p->tail;
	spin_unlock(&p->spin);
	return n;
}

int64_t pipe_resize(struct file *f, uint64_t size)
{
	struct pipe *p = f->ctx;
	uint64_t npages = 1;
	int64_t result;

	if (size > UINT32_MAX / 2)
		return -EINVAL;
	while (npages * PAGE_SIZE < size)
		npages *= 2;
	if (npages > MAX_PAGES && proc_current()->cred.euid != 0)
		return -EPERM;
	struct frame **frames = kzalloc(npages * sizeof frames[0]);
	if (!frames)
		return -ENOMEM;
	mutex_lock(&p->lock);
	uint64_t first = p->tail >> PAGE_SHIFT, last = (p->head + PAGE_MASK) >> PAGE_SHIFT;
	uint64_t used = p->head == p->tail ? 0 : last - first;
	if (used > npages) {
		result = -EBUSY;
	} else {
		spin_lock(&p->spin);
		for (uint64_t n = first; n < first + used; n++) {
			struct frame **from = &p->frames[n & (p->npages - 1)];

			frames[n - first] = *from;
			*from = NULL;
		}
		p->tail -= first << PAGE_SHIFT;
		p->head -= first << PAGE_SHIFT;
		for (uint64_t n = 0; n < p->npages; n++)
			if (p->frames[n])
				frame_put(p->frames[n]);
		struct frame **old = p->frames;
		p->frames = frames;
		frames = old;
		p->npages = npages;
		spin_unlock(&p->spin);
		result = (int64_t)(npages * PAGE_SIZE);
	}
	mutex_unlock(&p->lock);
	kfree(frames);
	if (result > 0)
		waitq_wake_all(&p->writers);
	return result;
}

/* -- splice -------------------------------------------------------------------------------- */

int64_t pipe_wait_data(struct file *f, bool wait)
{
	struct pipe *p = f->ctx;
	int64_t n = 0;

	spin_lock(&p->spin);
	while (p->head == p->tail && p->nwriters > 0 && n == 0)
		n = wait ? waitq_sleep(&p->readers, &p->spin, UINT64_MAX, true) : -EAGAIN;
	if (n == 0)
		n = (int64_t)(p->head - p->tail);
	spin_unlock(&p->spin);
	return n;
}

int64_t pipe_wait_room(struct file *f, bool wait)
{
	struct pipe *p = f->ctx;
	int64_t n = 0;

	spin_lock(&p->spin);
	while (p->nreaders > 0 && !has_room(p, PIPE_BUF) && n == 0)
		n = wait ? waitq_sleep(&p->writers, &p->spin, UINT64_MAX, true) : -EAGAIN;
	if (p->nreaders == 0)
		n = -EPIPE;
	else if (n == 0)
		n = (int64_t)(capacity(p) - (p->head - p->tail));
	spin_unlock(&p->spin);
	if (n == -EPIPE)
		signal_send(thread_current(), SIGPIPE, SI_USER);
	return n;
}

ssize_t pipe_peek(struct file *f, void *buf, size_t len)
{
	struct pipe *p = f->ctx;
	size_t done = 0;

	mutex_lock(&p->lock);
	for (uint64_t at = p->tail; done < len && at < p->head;) {
		uint64_t offset = at & PAGE_MASK, n = PAGE_SIZE - offset;

		if (n > p->head - at)
			n = p->head - at;
		if (n > len - done)
			n = len - done;
		memcpy((uint8_t *)buf + done, (uint8_t *)frame_kva(*frame_at(p, at)) + offset, n);
		done += n;
		at += n;
	}
	mutex_unlock(&p->lock);
	return (ssize_t)done;
}
