/*
 * Moving bytes to and from lists of buffers: one loop, three ways of moving.
 */
#include "kernel/fs/uio.h"
#include "kernel/arch/arch.h"
#include "kernel/lib/lib.h"

enum way { PUT, TAKE, ZERO };

void uio_init(struct uio *u, struct linux_iovec *iov, vaddr_t base, uint64_t len)
{
	*iov = (struct linux_iovec){base.v, len};
	*u = (struct uio){.iov = iov, .niov = 1, .left = len};
}

void uio_init_kernel(struct uio *u, struct linux_iovec *iov, void *buf, uint64_t len)
{
	uio_init(u, iov, VADDR((uintptr_t)buf), len);
	u->is_kernel = true;
}

/* => bytes not moved. */
static size_t move(bool is_kernel, vaddr_t at, void *buf, size_t len, enum way way)
{
	void *kernel = (void *)(uintptr_t)at.v;

	switch (way) {
	case PUT:
		if (!is_kernel)
			return arch_copy_to_user(at, buf, len);
		memcpy(kernel, buf, len);
		return 0;
	case TAKE:
		if (!is_kernel)
			return arch_copy_from_user(buf, at, len);
		memcpy(buf, kernel, len);
		return 0;
	default:
		if (!is_kernel)
			return arch_clear_user(at, len);
		memset(kernel, 0, len);
		return 0;
	}
}

static size_t transfer(struct uio *u, void *buf, size_t len, enum way way)
{
	size_t total = 0;

	while (total < len && u->left > 0) {
		uint64_t n = u->iov->len - u->done;

		if (n == 0) {
			u->iov++;
			u->niov--;
			u->done = 0;
			continue;
		}
		if (n > len - total)
			n = len - total;
		size_t missed = move(u->is_kernel, VADDR(u->iov->base + u->done),
				     (uint8_t *)buf + (way == ZERO ? 0 : total), n, way);
		u->done += n - missed;
		u->left -= n - missed;
		total += n - missed;
		if (missed > 0)
			break;
	}
	return total;
}

/* Most transfers are all within one buffer of the program's. */
static bool is_simple(const struct uio *u, size_t len)
{
	return !u->is_kernel && len <= u->iov->len - u->done && len <= u->left;
}

static size_t moved(struct uio *u, size_t n)
{
	u->done += n;
	u->left -= n;
	return n;
}

size_t uio_put(struct uio *u, const void *from, size_t len)
{
	if (is_simple(u, len))
		return moved(u, len - arch_copy_to_user(VADDR(u->iov->base + u->done), from, len));
	return transfer(u, (void *)from, len, PUT);
}

size_t uio_take(struct uio *u, void *to, size_t len)
{
	if (is_simple(u, len))
		return moved(u, len - arch_copy_from_user(to, VADDR(u->iov->base + u->done), len));
	return transfer(u, to, len, TAKE);
}

size_t uio_put_zeroes(struct uio *u, size_t len)
{
	return transfer(u, NULL, len, ZERO);
}
