/*
 * process_vm_readv and process_vm_writev: bytes from one process's memory to
 * another's, as by a debugger.
 *
 * The other side's pages are had one by one: served there as if its program touched
 * them, pinned, and copied to or from the caller's buffers. So a transfer ends at
 * the first page that cannot be had on either side, and what was moved until then
 * is the result.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/uio.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "abi/files.h"

/* => 0 and the space of a process, or of a thread's, with a reference; -ESRCH, -EPERM. */
static int space_of(uint32_t pid, struct aspace **out)
{
	struct thread *t;
	int error = 0;

	spin_lock(&proc_tree_lock);
	t = thread_find_locked(pid);
	if (!t || !t->proc->as) {
		error = -ESRCH;
	} else if (!sys_may_look(t->proc)) {
		error = -EPERM;
	} else {
		*out = t->proc->as;
		aspace_get(*out);
	}
	spin_unlock(&proc_tree_lock);
	return error;
}

/* Moves bytes between [at, at + len) of the other space and u. => 0; -EFAULT: not all. */
static int move_range(struct aspace *as, uint64_t at, uint64_t len, struct uio *u, bool write)
{
	while (len > 0 && u->left > 0) {
		uint64_t offset = at & PAGE_MASK, n = PAGE_SIZE - offset;
		struct frame *f;
		size_t moved;

		if (n > len)
			n = len;
		if (n > u->left)
			n = u->left;
		if (aspace_pin(as, VADDR(at), write, &f))
			return -EFAULT;
		uint8_t *bytes = (uint8_t *)frame_kva(f) + offset;
		moved = write ? uio_take(u, bytes, n) : uio_put(u, bytes, n);
		aspace_unpin(f);
		if (moved < n)
			return -EFAULT;
		at += n;
		len -= n;
	}
	return 0;
}

/* Copies the list of the other side's ranges, whose addresses may be anything. => 0 or -errno. */
static int ranges_get(uint64_t user, uint64_t count, struct linux_iovec **out)
{
	struct linux_iovec *r;

	if (count > IOV_MAX)
		return -EINVAL;
	r = kmalloc((count ? count : 1) * sizeof *r);
	if (!r)
		return -ENOMEM;
	if (arch_copy_from_user(r, VADDR(user), count * sizeof *r) != 0) {
		kfree(r);
		return -EFAULT;
	}
	for (uint64_t n = 0; n < count; n++) {
		if ((int64_t)r[n].len < 0) {
			kfree(r);
			return -EINVAL;
		}
	}
	*out = r;
	return 0;
}

/* => bytes moved, or -errno. `remote` is not empty. */
static int64_t move_all(uint32_t pid, struct uio *u, const struct linux_iovec *remote,
			uint64_t count, bool write)
{
	uint64_t wanted = u->left;
	struct aspace *as;
	int error = space_of(pid, &as);

	if (error)
		return error;
	for (uint64_t n = 0; n < count && u->left > 0 && !error; n++)
		error = move_range(as, remote[n].base, remote[n].len, u, write);
	aspace_put(as);
	return u->left < wanted ? (int64_t)(wanted - u->left) : error;
}

static int64_t transfer(const uint64_t *a, bool write)
{
	struct linux_iovec *local, *remote = NULL;
	uint64_t total, length = 0;
	int64_t result;

	if (a[5] != 0)
		return -EINVAL;
	result = sys_iov_get(a[1], a[2], &local, &total);
	if (result)
		return result;
	if (total > 0) {
		result = ranges_get(a[3], a[4], &remote);
		for (uint64_t n = 0; !result && n < a[4]; n++)
			length |= remote[n].len;
	}
	if (!result && length > 0) {
		struct uio u = {.iov = local, .niov = (unsigned)a[2], .left = total};

		result = move_all((uint32_t)a[0], &u, remote, a[4], write);
	}
	kfree(remote);
	kfree(local);
	return result;
}

int64_t sys_process_vm_readv(const uint64_t *a)
{
	return transfer(a, false);
}

int64_t sys_process_vm_writev(const uint64_t *a)
{
	return transfer(a, true);
}
