/*
 * System calls that wait for files: poll, select.
 *
 * Each file is asked for what holds now, and the first time around tells the
 * queues that a change would wake (kernel/proc/wait.h). If nothing holds, the
 * thread sleeps until a queue wakes it, its time is over, or a signal comes, and
 * asks again. The mask of signals that a call brings holds while it sleeps and
 * until the signal has been acted on.
 */
#include "kernel/sys/sys.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/wait.h"

#define SIGSET_LEN 8

/* => when a wait with that timeout ends; UINT64_MAX: never. Or -errno. */
static int deadline_get(uint64_t user, uint64_t *deadline)
{
	uint64_t ns;

	*deadline = UINT64_MAX;
	if (!user)
		return 0;
	int error = sys_timespec_get(user, &ns);
	if (!error)
		*deadline = arch_time_ns() + ns;
	return error;
}

/* What is left of the time, as Linux tells it, whatever the result. */
static void deadline_put(uint64_t user, uint64_t deadline)
{
	uint64_t now = arch_time_ns();
	struct linux_timespec t = clock_timespec(deadline > now ? deadline - now : 0);

	/* Where it cannot be written the call is not undone: Linux does the same. */
	if (user)
		(void)!arch_copy_to_user(VADDR(user), &t, sizeof t);
}

/* -- poll ---------------------------------------------------------------------------------- */

static int poll_fd(struct linux_pollfd *p, struct poll_wait *pw)
{
	struct file *f;

	p->revents = 0;
	if (p->fd < 0)
		return 0;
	f = sys_fd((uint64_t)p->fd);
	if (!f) {
		p->revents = POLLNVAL;
		return 1;
	}
	p->revents =
	    (int16_t)(file_poll(f, pw) & ((unsigned)p->events | POLLERR | POLLHUP | POLLNVAL));
	file_put(f);
	return p->revents != 0;
}

/* => number of entries that are ready, 0 when the time is over, or -errno. */
static int64_t poll_all(struct linux_pollfd *fds, uint64_t count, uint64_t deadline)
{
	struct poll_wait pw, *add = &pw;
	int64_t ready = 0;
	int error = 0;

	poll_wait_init(&pw);
	for (;;) {
		for (uint64_t n = 0; n < count; n++)
			ready += poll_fd(&fds[n], ready ? NULL : add);
		if (ready > 0 || error || deadline <= arch_time_ns())
			break;
		if (pw.failed) {
			error = -ENOMEM;
			break;
		}
		add = NULL;
		error = poll_wait_sleep(&pw, deadline, true);
	}
	poll_wait_fini(&pw);
	if (ready > 0 || error == -ETIMEDOUT)
		return ready;
	return error == -ERESTARTSYS ? -ERESTARTNOHAND : error;
}

int64_t sys_ppoll(const uint64_t *a)
{
	uint64_t count = a[1], deadline, mask;
	struct linux_pollfd *fds;
	int64_t ready;

	int error = deadline_get(a[2], &deadline);
	if (error)
		return error;
	if (a[3] && a[4] != SIGSET_LEN)
		return -EINVAL;
	if (a[3] && arch_copy_from_user(&mask, VADDR(a[3]), sizeof mask) != 0)
		return -EFAULT;
	if (count > proc_current()->rlimits[RLIMIT_NOFILE].cur)
		return -EINVAL;
	fds = kmalloc((count ? count : 1) * sizeof *fds);
	if (!fds)
		return -ENOMEM;
	if (arch_copy_from_user(fds, VADDR(a[0]), count * sizeof *fds) != 0) {
		kfree(fds);
		return -EFAULT;
	}
	if (a[3])
		signal_set_temporary_mask(mask);
	ready = poll_all(fds, count, deadline);
	if (ready >= 0 && arch_copy_to_user(VADDR(a[0]), fds, count * sizeof *fds) != 0)
		ready = -EFAULT;
	kfree(fds);
	if (a[3] && ready != -ERESTARTNOHAND)
		signal_restore_mask();
	deadline_put(a[2], deadline);
	return ready;
}

/* -- select -------------------------------------------------------------------------------- */

#define FD_SETSIZE 1024
#define SET_WORDS  (FD_SETSIZE / 64)

typedef uint64_t fd_sets[3][SET_WORDS]; /* to read, to write, exceptions */

/* Asks all files of `want`; what is ready is in `got`. => how many, or -EBADF. */
static int64_t select_once(fd_sets want, fd_sets got, int64_t nfds, struct poll_wait *pw)
{
	static const unsigned means[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};
	int64_t ready = 0;

	memset(got, 0, sizeof(fd_sets));
	for (int64_t fd = 0; fd < nfds; fd++) {
		uint64_t bit = 1UL << fd % 64, word = (uint64_t)fd / 64;

		if (!((want[0][word] | want[1][word] | want[2][word]) & bit))
			continue;
		struct file *f = sys_fd((uint64_t)fd);
		if (!f)
			return -EBADF;
		unsigned mask = file_poll(f, ready ? NULL : pw);
		file_put(f);
		for (int s = 0; s < 3; s++) {
			if ((want[s][word] & bit) && (mask & means[s])) {
				got[s][word] |= bit;
				ready++;
			}
		}
	}
	return ready;
}

static int64_t select_all(fd_sets want, fd_sets got, int64_t nfds, uint64_t deadline)
{
	struct poll_wait pw, *add = &pw;
	int64_t ready;
	int error = 0;

	poll_wait_init(&pw);
	for (;;) {
		ready = select_once(want, got, nfds, add);
		if (ready != 0 || error || deadline <= arch_time_ns())
			break;
		if (pw.failed) {
			error = -ENOMEM;
			break;
		}
		add = NULL;
		error = poll_wait_sleep(&pw, deadline, true);
	}
	poll_wait_fini(&pw);
	if (ready != 0 || error == -ETIMEDOUT)
		return ready;
	return error == -ERESTARTSYS ? -ERESTARTNOHAND : error;
}

/* The sixth argument: a mask, and its length. */
static int mask_get(uint64_t user, bool *has_mask, uint64_t *mask)
{
	uint64_t pair[2];

	*has_mask = false;
	if (!user)
		return 0;
	if (arch_copy_from_user(pair, VADDR(user), sizeof pair) != 0)
		return -EFAULT;
	if (!pair[0])
		return 0;
	if (pair[1] != SIGSET_LEN)
		return -EINVAL;
	*has_mask = true;
	return arch_copy_from_user(mask, VADDR(pair[0]), sizeof *mask) != 0 ? -EFAULT : 0;
}

int64_t sys_pselect6(const uint64_t *a)
{
	int64_t nfds = (int)a[0], ready = 0;
	uint64_t deadline, mask;
	bool has_mask;
	fd_sets *sets;
	int error = deadline_get(a[4], &deadline);

	if (!error)
		error = mask_get(a[5], &has_mask, &mask);
	if (error)
		return error;
	if (nfds < 0)
		return -EINVAL;
	if (nfds > FD_SETSIZE)
		nfds = FD_SETSIZE;
	sets = kzalloc(2 * sizeof *sets);
	if (!sets)
		return -ENOMEM;
	size_t len = (size_t)(nfds + 63) / 64 * 8;
	for (int s = 0; s < 3; s++)
		if (a[1 + s] && arch_copy_from_user(sets[0][s], VADDR(a[1 + s]), len) != 0)
			ready = -EFAULT;
	if (ready == 0) {
		if (has_mask)
			signal_set_temporary_mask(mask);
		ready = select_all(sets[0], sets[1], nfds, deadline);
		if (has_mask && ready != -ERESTARTNOHAND)
			signal_restore_mask();
		deadline_put(a[4], deadline);
	}
	for (int s = 0; s < 3 && ready >= 0; s++)
		if (a[1 + s] && arch_copy_to_user(VADDR(a[1 + s]), sets[1][s], len) != 0)
			ready = -EFAULT;
	kfree(sets);
	return ready;
}
