/*
 * File descriptors: small numbers for open files.
 *
 * The table is an array that doubles when a number beyond its end is asked for.
 *
 * Invariants
 *   I1  each slot that is not empty holds one reference to its file
 *   I2  cloexec is false in an empty slot
 *
 * Locks. fdtable.lock guards the array; files are put back (which may free
 * much) after it is released.
 */
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"

#define FIRST_SIZE 16

struct fd_slot {
	struct file *file; /* NULL: empty */
	bool cloexec;
};

struct fdtable {
	struct spinlock lock;
	struct fd_slot *slots;
	int size;
};

struct fdtable *fdtable_create(void)
{
	struct fdtable *t = kzalloc(sizeof *t);

	if (!t)
		return NULL;
	spin_init(&t->lock);
	t->slots = kzalloc(FIRST_SIZE * sizeof t->slots[0]);
	if (!t->slots) {
		kfree(t);
		return NULL;
	}
	t->size = FIRST_SIZE;
	return t;
}

void fdtable_destroy(struct fdtable *t)
{
	for (int fd = 0; fd < t->size; fd++)
		if (t->slots[fd].file)
			file_put(t->slots[fd].file);
	kfree(t->slots);
	kfree(t);
}

/* Lock held. => slots for fd exist; 0 or -ENOMEM. */
static int grow_locked(struct fdtable *t, int fd)
{
	int size = t->size;

	if (fd < size)
		return 0;
	while (size <= fd)
		size *= 2;

	struct fd_slot *slots = kzalloc((size_t)size * sizeof *slots);
	if (!slots)
		return -ENOMEM;
	memcpy(slots, t->slots, (size_t)t->size * sizeof *slots);
	kfree(t->slots);
	t->slots = slots;
	t->size = size;
	return 0;
}

static struct fd_slot *slot_locked(struct fdtable *t, int fd)
{
	return fd >= 0 && fd < t->size && t->slots[fd].file ? &t->slots[fd] : NULL;
}

struct file *fd_get(struct fdtable *t, int fd)
{
	spin_lock(&t->lock);
	struct fd_slot *s = slot_locked(t, fd);
	struct file *f = s ? s->file : NULL;
	if (f)
		file_get(f);
	spin_unlock(&t->lock);
	return f;
}

int fd_install(struct fdtable *t, struct file *f, int min, uint64_t limit, bool cloexec)
{
	int fd = min;

	spin_lock(&t->lock);
	while (fd < t->size && t->slots[fd].file)
		fd++;
	if ((uint64_t)fd >= limit) {
		fd = -EMFILE;
	} else if (grow_locked(t, fd) != 0) {
		fd = -ENOMEM;
	} else {
		t->slots[fd] = (struct fd_slot){f, cloexec};
	}
	spin_unlock(&t->lock);
	return fd;
}

int fd_replace(struct fdtable *t, int fd, struct file *f, uint64_t limit, bool cloexec)
{
	struct file *old = NULL;
	int result = fd;

	if (fd < 0 || (uint64_t)fd >= limit)
		return -EBADF;
	spin_lock(&t->lock);
	if (grow_locked(t, fd) != 0) {
		result = -ENOMEM;
	} else {
		old = t->slots[fd].file;
		file_get(f);
		t->slots[fd] = (struct fd_slot){f, cloexec};
	}
	spin_unlock(&t->lock);
	if (old)
		file_put(old);
	return result;
}

int fd_close(struct fdtable *t, int fd)
{
	struct file *f = NULL;

	spin_lock(&t->lock);
	struct fd_slot *s = slot_locked(t, fd);
	if (s) {
		f = s->file;
		*s = (struct fd_slot){NULL, false};
	}
	spin_unlock(&t->lock);
	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

int fd_flags(struct fdtable *t, int fd)
{
	spin_lock(&t->lock);
	struct fd_slot *s = slot_locked(t, fd);
	int flags = !s ? -EBADF : s->cloexec ? FD_CLOEXEC : 0;
	spin_unlock(&t->lock);
	return flags;
}

int fd_set_flags(struct fdtable *t, int fd, bool cloexec)
{
	spin_lock(&t->lock);
	struct fd_slot *s = slot_locked(t, fd);
	if (s)
		s->cloexec = cloexec;
	spin_unlock(&t->lock);
	return s ? 0 : -EBADF;
}

int fdtable_end(const struct fdtable *t)
{
	return t->size;
}

static void release_files(struct proc *p)
{
	fdtable_destroy(p->fds);
	inode_put(p->cwd);
	inode_put(p->exe);
	kfree(p->exe_path);
	p->fds = NULL;
	p->cwd = p->exe = NULL;
	p->exe_path = NULL;
}

int fs_attach(struct proc *p, struct inode *cwd, struct inode *exe, const char *exe_path)
{
	size_t len = strlen(exe_path) + 1;

	p->fds = fdtable_create();
	p->exe_path = kmalloc(len);
	if (!p->fds || !p->exe_path) {
		if (p->fds)
			fdtable_destroy(p->fds);
		kfree(p->exe_path);
		p->fds = NULL;
		p->exe_path = NULL;
		return -ENOMEM;
	}
	memcpy(p->exe_path, exe_path, len);
	inode_get(cwd);
	inode_get(exe);
	p->cwd = cwd;
	p->exe = exe;
	p->release_files = release_files;
	return 0;
}
