/*
 * Extended attributes: a list at the inode, newest last, guarded by one lock for all. Values are
 * replaced as a whole, so a reader sees the old one or the new one. Memory is taken and given back
 * outside the lock.
 *
 *	inode.xattrs --> "user.a" 5 bytes --> "user.b" 0 bytes --> NULL
 *
 * Limits are Linux's for tmpfs: 128 attributes, 128 KiB of names and values each inode.
 */
#include "kernel/fs/xattr.h"
#include "kernel/fs/inode.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/frame/slab.h"

#define MAX_COUNT 128
#define MAX_BYTES (128u << 10)

struct xattr {
	struct xattr *next;
	size_t len;
	char *name; /* behind the value, in the same memory */
	char value[];
};

static struct spinlock lock = SPINLOCK_INIT;

/* Lock held. => the place that points to the attribute, or to NULL at the end. */
static struct xattr **find_locked(struct inode *i, const char *name)
{
	struct xattr **link = &i->xattrs;

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

/* Lock held. => whether one more of `bytes` has room beside all but `old`. */
static bool has_room_locked(const struct inode *i, const struct xattr *old, size_t bytes)
{
	unsigned count = 1;

	for (const struct xattr *x = i->xattrs; x; x = x->next) {
		if (x == old)
			continue;
		count++;
		bytes += x->len + strlen(x->name);
	}
	return count <= MAX_COUNT && bytes <= MAX_BYTES;
}

int xattr_set(struct inode *i, const char *name, const void *value, size_t len, unsigned flags)
{
	size_t name_len = strlen(name);
	struct xattr *new = kmalloc(sizeof *new + len + name_len + 1), **link, *old;
	int error = 0;

	if (!new)
		return -ENOMEM;
	memcpy(new->value, value, len);
	new->len = len;
	new->name = new->value + len;
	memcpy(new->name, name, name_len + 1);
	spin_lock(&lock);
	link = find_locked(i, name);
	old = *link;
	if (old && (flags & XATTR_CREATE))
		error = -EEXIST;
	else if (!old && (flags & XATTR_REPLACE))
		error = -ENODATA;
	else if (!has_room_locked(i, old, len + name_len))
		error = -ENOSPC;
	if (!error) {
		new->next = old ? old->next : NULL;
		*link = new;
		new = old;
	}
	spin_unlock(&lock);
	kfree(new);
	return error;
}

int xattr_remove(struct inode *i, const char *name)
{
	spin_lock(&lock);
	struct xattr **link = find_locked(i, name), *x = *link;
	if (x)
		*link = x->next;
	spin_unlock(&lock);
	kfree(x);
	return x ? 0 : -ENODATA;
}

ssize_t xattr_get(struct inode *i, const char *name, void *value, size_t size)
{
	ssize_t n = -ENODATA;

	spin_lock(&lock);
	const struct xattr *x = *find_locked(i, name);
	if (x) {
		n = size && x->len > size ? -ERANGE : (ssize_t)x->len;
		if (size && n > 0)
			memcpy(value, x->value, x->len);
	}
	spin_unlock(&lock);
	return n;
}

ssize_t xattr_list(struct inode *i, bool privileged, char *names, size_t size)
{
	ssize_t total = 0;

	spin_lock(&lock);
	for (const struct xattr *x = i->xattrs; x && total >= 0; x = x->next) {
		size_t len = strlen(x->name) + 1;

		if (!privileged && strncmp(x->name, "trusted.", 8) == 0)
			continue;
		if (size && (size_t)total + len > size) {
			total = -ERANGE;
			break;
		}
		if (size)
			memcpy(names + total, x->name, len);
		total += (ssize_t)len;
	}
	spin_unlock(&lock);
	return total;
}

void xattrs_free(struct inode *i)
{
	while (i->xattrs) {
		struct xattr *x = i->xattrs;

		i->xattrs = x->next;
		kfree(x);
	}
}
