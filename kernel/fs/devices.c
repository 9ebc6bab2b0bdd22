/*
 * /dev: a tmpfs with the devices that need no hardware (null, zero, full, random,
 * urandom), the terminal's (tty.c), links to open files, and /dev/shm.
 *
 * Random bytes follow from the seed (kernel/lib/rand.h), so both random devices
 * and getrandom() are repeatable; they never block.
 */
#include "kernel/fs/file.h"
#include "kernel/fs/tty.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/fs/random.h"

#define MEM_MAJOR   1 /* Linux's numbers, from its list of devices */
#define TTY_MAJOR   5
#define MKDEV(a, b) (((uint64_t)(a) << 8) | (b))

static struct spinlock random_lock = SPINLOCK_INIT;
static struct rng random_rng;
static bool random_is_ready;
static struct inode *dev_dir; /* /dev itself */

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

/* => a device under a name of /dev. Tree locked. 0 or -ENOMEM. */
static int add_device(struct inode *dir, const char *name, uint32_t mode, uint64_t rdev,
		      const struct file_ops *ops)
{
	struct inode *i = inode_create(dir->fs, S_IFCHR | mode, 0, 0);

	if (!i)
		return -ENOMEM;
	i->ops = ops;
	i->rdev = rdev;
	int error = dir_add(dir, name, strlen(name), i);
	inode_put(i);
	return error;
}

static int add_link(struct inode *dir, const char *name, const char *target)
{
	const struct inode_plan plan = {.mode = S_IFLNK | 0777, .target = target};
	struct inode *i;
	int error = tmpfs_ops.create(dir, name, strlen(name), &plan, &i);

	if (!error)
		inode_put(i);
	return error;
}

/* => a folder of /dev with a tmpfs of its own on it. */
static int add_shm(struct inode *dir)
{
	const struct inode_plan plan = {.mode = S_IFDIR | 01777};
	struct fsys *fs = tmpfs_create("tmpfs", "tmpfs", "rw,nosuid,nodev", 01777);
	struct inode *i;

	if (!fs)
		return -ENOMEM;
	int error = tmpfs_ops.create(dir, "shm", 3, &plan, &i);
	if (error)
		return error;
	error = fsys_mount(fs, i);
	inode_put(i);
	return error;
}

int device_add(const char *name, uint32_t mode, uint64_t rdev, const struct file_ops *ops,
	       uint32_t uid, uint32_t gid)
{
	tree_lock();
	int error = add_device(dev_dir, name, mode, rdev, ops);
	if (!error) {
		struct inode *i = dir_find(dev_dir, name, strlen(name));

		i->uid = uid;
		i->gid = gid;
	}
	tree_unlock();
	return error;
}

int devices_init(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
		uint32_t mode;
		const struct file_ops *ops;
	} devices[] = {{"null", MEM_MAJOR, 3, 0666, &null_ops},
		       {"zero", MEM_MAJOR, 5, 0666, &zero_ops},
		       {"full", MEM_MAJOR, 7, 0666, &full_ops},
		       {"random", MEM_MAJOR, 8, 0666, &random_ops},
		       {"urandom", MEM_MAJOR, 9, 0666, &random_ops},
		       {"tty", TTY_MAJOR, 0, 0666, &tty_own_ops},
		       {"console", TTY_MAJOR, 1, 0600, &tty_console_ops}};
	static const char *const links[][2] = {{"fd", "/proc/self/fd"},
					       {"stdin", "/proc/self/fd/0"},
					       {"stdout", "/proc/self/fd/1"},
					       {"stderr", "/proc/self/fd/2"}};
	struct inode *on = tree_make_dirs("/dev");
	struct fsys *fs = tmpfs_create("devtmpfs", "devtmpfs", "rw,nosuid", 0755);
	int error = on && fs ? fsys_mount(fs, on) : -ENOMEM;

	if (!error)
		dev_dir = fs->root;
	for (size_t n = 0; n < ARRAY_SIZE(devices) && !error; n++)
		error = add_device(fs->root, devices[n].name, devices[n].mode,
				   MKDEV(devices[n].major, devices[n].minor), devices[n].ops);
	for (size_t n = 0; n < ARRAY_SIZE(links) && !error; n++)
		error = add_link(fs->root, links[n][0], links[n][1]);
	return error ? error : add_shm(fs->root);
}
