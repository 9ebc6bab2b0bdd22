/*
 * The devices of /dev that need no hardware: null, zero, full, random, urandom.
 *
 * Random bytes follow from the seed (kernel/lib/rand.h), so both random devices
 * and getrandom() are repeatable; they never block.
 */
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/fs/random.h"

#define MEM_MAJOR   1 /* Linux's numbers, from its list of devices */
#define MKDEV(a, b) (((uint64_t)(a) << 8) | (b))

static struct spinlock random_lock = SPINLOCK_INIT;
static struct rng random_rng;
static bool random_is_ready;

void random_fill(void *buf, size_t len)
{
	spin_lock(&random_lock);
	if (!random_is_ready) {
		random_rng = rng_for("random");
		random_is_ready = true;
	}
	rng_fill(&random_rng, buf, len);
	spin_unlock(&random_lock);
}

ssize_t random_read(struct uio *u)
{
	uint8_t chunk[256];
	ssize_t total = 0;

	while (u->left > 0) {
		size_t n = u->left < sizeof chunk ? u->left : sizeof chunk;

		random_fill(chunk, n);
		size_t moved = uio_put(u, chunk, n);
		total += (ssize_t)moved;
		if (moved < n)
			return total > 0 ? total : -EFAULT;
	}
	return total;
}

static ssize_t random_file_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)pos;
	return random_read(u);
}

static ssize_t null_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return 0;
}

static ssize_t null_write(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)pos;
	return (ssize_t)u->left;
}

static ssize_t zero_read(struct file *f, struct uio *u, uint64_t *pos)
{
	uint64_t want = u->left;
	size_t n = uio_put_zeroes(u, want);

	(void)f, (void)pos;
	return n == 0 && want > 0 ? -EFAULT : (ssize_t)n;
}

static ssize_t full_write(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return -ENOSPC;
}

const struct file_ops null_ops = {.read = null_read, .write = null_write, .is_seekable = true};
const struct file_ops zero_ops = {
    .read = zero_read, .write = null_write, .is_seekable = true, .maps_zero = true};
const struct file_ops full_ops = {.read = zero_read, .write = full_write, .is_seekable = true};
const struct file_ops random_ops = {
    .read = random_file_read, .write = null_write, .is_seekable = true};

int devices_init(void)
{
	static const struct {
		const char *name;
		unsigned minor;
		const struct file_ops *ops;
	} devices[] = {{"null", 3, &null_ops},
		       {"zero", 5, &zero_ops},
		       {"full", 7, &full_ops},
		       {"random", 8, &random_ops},
		       {"urandom", 9, &random_ops}};
	struct inode *dir = tree_make_dirs("/dev");

	if (!dir)
		return -ENOMEM;
	for (size_t n = 0; n < ARRAY_SIZE(devices); n++) {
		size_t len = strlen(devices[n].name);

		if (dir_find(dir, devices[n].name, len))
			dir_remove(dir, devices[n].name, len);
		struct inode *i = inode_create(S_IFCHR | 0666, 0, 0);
		if (!i)
			return -ENOMEM;
		i->ops = devices[n].ops;
		i->rdev = MKDEV(MEM_MAJOR, devices[n].minor);
		int error = dir_add(dir, devices[n].name, len, i);
		inode_put(i);
		if (error)
			return error;
	}
	return 0;
}
