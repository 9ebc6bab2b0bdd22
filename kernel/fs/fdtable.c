/*
 * File descriptors: small numbers for open files.
 *
 * The table is an array that doubles when a number beyond its end is asked for.
 *
 * Invariants
 *   I1  each slot that is not empty holds one reference to its file
 *   I2  cloexec is false in an empty slot
 *   I3  no slot below `low` is empty
 *   I4  refs = processes that use the table; the last one to go closes what is open
 *
 * Locks. fdtable.lock guards the array; files are put back (which may free
 * much) after it is released.
 */
#include "kernel/fs/file.h"
#include "kernel/fs/lock.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"

#define FIRST_SIZE 16

struct fd_slot {
	struct file *file; /* NULL: empty */
	bool cloexec;
};

struct fdtable {
	uint32_t refs; /* processes that use it */
	struct spinlock lock;
	struct fd_slot *slots;
	int size;
	int low; /* all slots below are taken */
};

struct fdtable *fdtable_create(void)
{
	struct fdtable *t = kzalloc(sizeof *t);

	if (!t)
		return NULL;
	t->refs = 1;
	spin_init(&t->lock);
	t->slots = kvzalloc(FIRST_SIZE * sizeof t->slots[0]);
	if (!t->slots) {
		kfree(t);
		return NULL;
	}
	t->size = FIRST_SIZE;
	return t;
}

/* A number of this table goes: with it go all record locks that the table's owners hold. */
static void release(const struct fdtable *t, struct file *f)
{
	if (f->inode->locks)
		file_locks_drop(f->inode->locks, t);
	file_put(f);
}

struct fdtable *fdtable_copy(struct fdtable *from)
{
	struct fdtable *t = fdtable_create();
	int size = FIRST_SIZE;

	if (!t)
		return NULL;
	for (;;) {
		spin_lock(&from->lock);
		if (from->size <= t->size)
			break;
		size = from->size;
		spin_unlock(&from->lock);
		kvfree(t->slots);
		t->slots = kvzalloc((size_t)size * sizeof t->slots[0]);
		if (!t->slots) {
			kfree(t);
			return NULL;
		}
		t->size = size;
	}
	t->low = from->low;
	for (int fd = 0; fd < from->size; fd++) {
		t->slots[fd] = from->slots[fd];
		if (t->slots[fd].file)
			file_get(t->slots[fd].file);
	}
	spin_unlock(&from->lock);
	return t;
}

void fdtable_get(struct fdtable *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void fdtable_put(struct fdtable *t)
{
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (int fd = 0; fd < t->size; fd++)
		if (t->slots[fd].file)
			release(t, t->slots[fd].file);
	kvfree(t->slots);
	kfree(t);
}

bool fdtable_is_shared(const struct fdtable *t)
{
	return __atomic_load_n(&t->refs, __ATOMIC_RELAXED) > 1;
}

void fdtable_exec(struct fdtable *t)
{
	for (int fd = 0; fd < fdtable_end(t); fd++)
		if (fd_flags(t, fd) > 0)
			fd_close(t, fd);
}

/* Lock held. => slots for fd exist; 0 or -ENOMEM. */
static int grow_locked(struct fdtable *t, int fd)
{
	int size = t->size;

	if (fd < size)
		return 0;
	while (size <= fd)
		size *= 2;

	struct fd_slot *slots = kvzalloc((size_t)size * sizeof *slots);
	if (!slots)
		return -ENOMEM;
	memcpy(slots, t->slots, (size_t)t->size * sizeof *slots);
	kvfree(t->slots);
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

/* Lock held. => the lowest free number from `min`; it may lie beyond the array. */
static int lowest_locked(struct fdtable *t, int min)
{
	int fd = min > t->low ? min : t->low;

	while (fd < t->size && t->slots[fd].file)
		fd++;
	if (min <= t->low)
		t->low = fd;
	return fd;
}

int fd_install(struct fdtable *t, struct file *f, int min, uint64_t limit, bool cloexec)
{
	spin_lock(&t->lock);
	int fd = lowest_locked(t, min);
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

bool fd_is_free(struct fdtable *t, uint64_t limit)
{
	spin_lock(&t->lock);
	int fd = lowest_locked(t, 0);
	spin_unlock(&t->lock);
	return (uint64_t)fd < limit;
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
		release(t, old);
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
		if (fd < t->low)
			t->low = fd;
	}
	spin_unlock(&t->lock);
	if (!f)
		return -EBADF;
	release(t, f);
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

int fd_next(struct fdtable *t, int fd)
{
	spin_lock(&t->lock);
	while (fd < t->size && !t->slots[fd].file)
		fd++;
	if (fd >= t->size)
		fd = -1;
	spin_unlock(&t->lock);
	return fd;
}
