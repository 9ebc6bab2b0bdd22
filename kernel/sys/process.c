/*
 * System calls on processes, limits, and the machine as a whole.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/fs/random.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"

int64_t sys_exit(const uint64_t *a)
{
	/* here: the only thread, so the process ends with it */
	proc_exit((int)(a[0] & 0xff) << 8);
}

int64_t sys_exit_group(const uint64_t *a)
{
	proc_exit((int)(a[0] & 0xff) << 8);
}

#define WAIT_OPTIONS 0xe000000b /* WNOHANG, WUNTRACED, WCONTINUED, and Linux's own */

/* A process without children: there is nothing to wait for. */
int64_t sys_wait4(const uint64_t *a)
{
	return (uint32_t)a[2] & ~WAIT_OPTIONS ? -EINVAL : -ECHILD;
}

int64_t sys_set_tid_address(const uint64_t *a)
{
	struct thread *t = thread_current();

	t->clear_child_tid = a[0];
	return t->tid;
}

#define ROBUST_LIST_HEAD_LEN 24

int64_t sys_set_robust_list(const uint64_t *a)
{
	if (a[1] != ROBUST_LIST_HEAD_LEN)
		return -EINVAL;
	thread_current()->robust_list = a[0];
	return 0;
}

int64_t sys_getpid(const uint64_t *a)
{
	(void)a;
	return proc_current()->pid;
}

int64_t sys_getppid(const uint64_t *a)
{
	(void)a;
	return proc_current()->ppid;
}

int64_t sys_gettid(const uint64_t *a)
{
	(void)a;
	return thread_current()->tid;
}

int64_t sys_getuid(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.uid;
}

int64_t sys_geteuid(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.euid;
}

int64_t sys_getgid(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.gid;
}

int64_t sys_getegid(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.egid;
}

static int64_t put_ids(const uint64_t *a, const uint32_t ids[3])
{
	for (int n = 0; n < 3; n++)
		if (arch_copy_to_user(VADDR(a[n]), &ids[n], sizeof ids[n]) != 0)
			return -EFAULT;
	return 0;
}

int64_t sys_getresuid(const uint64_t *a)
{
	const struct cred *c = &proc_current()->cred;

	return put_ids(a, (const uint32_t[]){c->uid, c->euid, c->suid});
}

int64_t sys_getresgid(const uint64_t *a)
{
	const struct cred *c = &proc_current()->cred;

	return put_ids(a, (const uint32_t[]){c->gid, c->egid, c->sgid});
}

/* No supplementary groups. */
int64_t sys_getgroups(const uint64_t *a)
{
	return (int)a[0] < 0 ? -EINVAL : 0;
}

/* A process is its own group and session, with its own number. */
static int64_t own_group(uint64_t pid)
{
	const struct proc *p = proc_current();

	return pid == 0 || pid == p->pid ? (int64_t)p->pid : -ESRCH;
}

int64_t sys_getpgid(const uint64_t *a)
{
	return own_group((uint32_t)a[0]);
}

int64_t sys_getsid(const uint64_t *a)
{
	return own_group((uint32_t)a[0]);
}

int64_t sys_umask(const uint64_t *a)
{
	struct fs_context *fs = proc_current()->fs;

	return (int64_t)__atomic_exchange_n(&fs->umask, (uint32_t)a[0] & 0777, __ATOMIC_RELAXED);
}

static int64_t set_name(uint64_t user)
{
	char name[COMM_LEN];
	ssize_t n = arch_strncpy_from_user(name, VADDR(user), sizeof name);

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	name[COMM_LEN - 1] = 0;
	if (n == -ENAMETOOLONG && arch_copy_from_user(name, VADDR(user), COMM_LEN - 1) != 0)
		return -EFAULT;
	memset(thread_current()->comm, 0, COMM_LEN);
	memcpy(thread_current()->comm, name, strnlen(name, COMM_LEN - 1));
	return 0;
}

static int64_t put_bytes(uint64_t user, const void *from, size_t len)
{
	return arch_copy_to_user(VADDR(user), from, len) != 0 ? -EFAULT : 0;
}

int64_t sys_prctl(const uint64_t *a)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;

	switch ((int)a[0]) {
	case PR_SET_NAME: return set_name(a[1]);
	case PR_GET_NAME: return put_bytes(a[1], t->comm, COMM_LEN);
	case PR_GET_DUMPABLE: return p->dumpable;
	case PR_SET_DUMPABLE:
		if (a[1] > 1)
			return -EINVAL;
		p->dumpable = a[1] != 0;
		return 0;
	case PR_SET_PDEATHSIG:
		if (a[1] > SIGMAX)
			return -EINVAL;
		p->pdeath_signal = (int32_t)a[1];
		return 0;
	case PR_GET_PDEATHSIG: return put_bytes(a[1], &p->pdeath_signal, sizeof p->pdeath_signal);
	case PR_CAPBSET_READ: return a[1] > CAP_LAST_CAP ? -EINVAL : 1;
	case PR_SET_NO_NEW_PRIVS:
		if (a[1] != 1 || a[2] || a[3] || a[4])
			return -EINVAL;
		p->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a[1] || a[2] || a[3] || a[4] ? -EINVAL : (int64_t)p->no_new_privs;
	case PR_GET_TID_ADDRESS: return put_bytes(a[1], &t->clear_child_tid, sizeof(uint64_t));
	case PR_SET_THP_DISABLE: return a[2] || a[3] || a[4] ? -EINVAL : 0;
	case PR_GET_THP_DISABLE: return a[1] || a[2] || a[3] || a[4] ? -EINVAL : 1;
	default: return -EINVAL;
	}
}

/* -- limits -------------------------------------------------------------------------------- */

#define NOFILE_MAX (1UL << 20) /* Linux's fs.nr_open */

static int set_limit(struct proc *p, unsigned resource, const struct linux_rlimit *new)
{
	struct linux_rlimit *l = &p->rlimits[resource];
	int error = 0;

	if (new->cur > new->max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && new->max > NOFILE_MAX)
		return -EPERM;
	spin_lock(&p->lock);
	if (new->max > l->max && p->cred.euid != 0)
		error = -EPERM;
	else
		*l = *new;
	spin_unlock(&p->lock);
	if (error)
		return error;
	mutex_lock(&p->as->lock);
	p->as->stack_limit = p->rlimits[RLIMIT_STACK].cur;
	p->as->data_limit = p->rlimits[RLIMIT_DATA].cur;
	p->as->as_limit = p->rlimits[RLIMIT_AS].cur;
	mutex_unlock(&p->as->lock);
	return 0;
}

static int64_t limits(uint32_t pid, uint32_t resource, uint64_t new_at, uint64_t old_at)
{
	struct proc *p = proc_current();
	struct linux_rlimit new, old;
	int error;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new_at && arch_copy_from_user(&new, VADDR(new_at), sizeof new) != 0)
		return -EFAULT;
	if (pid != 0 && pid != p->pid)
		return -ESRCH;
	old = p->rlimits[resource];
	error = new_at ? set_limit(p, resource, &new) : 0;
	if (!error && old_at && arch_copy_to_user(VADDR(old_at), &old, sizeof old) != 0)
		error = -EFAULT;
	return error;
}

int64_t sys_prlimit64(const uint64_t *a)
{
	return limits((uint32_t)a[0], (uint32_t)a[1], a[2], a[3]);
}

int64_t sys_getrlimit(const uint64_t *a)
{
	const struct linux_rlimit *l = proc_current()->rlimits;

	return (uint32_t)a[0] >= RLIM_NLIMITS ? -EINVAL
					      : put_bytes(a[1], &l[(uint32_t)a[0]], sizeof *l);
}

int64_t sys_setrlimit(const uint64_t *a)
{
	struct linux_rlimit new;

	if (arch_copy_from_user(&new, VADDR(a[1]), sizeof new) != 0)
		return -EFAULT;
	return (uint32_t)a[0] >= RLIM_NLIMITS ? -EINVAL
					      : set_limit(proc_current(), (uint32_t)a[0], &new);
}

int64_t sys_getrusage(const uint64_t *a)
{
	const struct proc *p = proc_current();
	struct linux_rusage r = {0};

	if ((int)a[0] != RUSAGE_SELF && (int)a[0] != RUSAGE_CHILDREN && (int)a[0] != RUSAGE_THREAD)
		return -EINVAL;
	if ((int)a[0] != RUSAGE_CHILDREN) {
		uint64_t ns = arch_time_ns() - p->start_ns;

		r.utime.sec = (int64_t)(ns / NS_PER_SECOND);
		r.utime.usec = (int64_t)(ns % NS_PER_SECOND / 1000);
		r.maxrss = (int64_t)(p->as->resident_peak * (PAGE_SIZE / 1024));
		r.minflt = (int64_t)p->as->minor_faults;
		r.majflt = (int64_t)p->as->major_faults;
	}
	return put_bytes(a[1], &r, sizeof r);
}

/* -- the machine --------------------------------------------------------------------------- */

int64_t sys_uname(const uint64_t *a)
{
	static const struct linux_utsname name = {.sysname = "Linux",
						  .nodename = "limpid",
						  .release = "6.12.0-limpid",
						  .version = "#1 Limpid",
						  .machine = "riscv64",
						  .domainname = "(none)"};

	return put_bytes(a[0], &name, sizeof name);
}

int64_t sys_sysinfo(const uint64_t *a)
{
	struct linux_sysinfo info = {.procs = 1, .mem_unit = 1};
	struct frame_stats fs;

	frame_stats(&fs);
	info.uptime = (int64_t)(arch_time_ns() / NS_PER_SECOND);
	info.totalram = fs.total * PAGE_SIZE;
	info.freeram = fs.free * PAGE_SIZE;
	return put_bytes(a[0], &info, sizeof info);
}

int64_t sys_sched_yield(const uint64_t *a)
{
	(void)a;
	return 0;
}

#define HART_MASK 1UL /* programs run on one hart, shown as CPU 0 */

int64_t sys_sched_getaffinity(const uint64_t *a)
{
	const uint64_t mask = HART_MASK;
	uint32_t len = (uint32_t)a[1];

	if (len < sizeof mask || len % sizeof mask != 0)
		return -EINVAL;
	if ((uint32_t)a[0] != 0 && (uint32_t)a[0] != thread_current()->tid)
		return -ESRCH;
	int64_t error = put_bytes(a[2], &mask, sizeof mask);
	return error ? error : (int64_t)sizeof mask;
}

int64_t sys_getcpu(const uint64_t *a)
{
	const uint32_t zero = 0;

	if (a[0] && put_bytes(a[0], &zero, sizeof zero) != 0)
		return -EFAULT;
	return a[1] ? put_bytes(a[1], &zero, sizeof zero) : 0;
}

int64_t sys_getrandom(const uint64_t *a)
{
	struct linux_iovec iov;
	struct uio u;

	if ((a[2] & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
	    (a[2] & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	uio_init(&u, &iov, VADDR(a[0]), a[1] < MAX_RW_COUNT ? a[1] : MAX_RW_COUNT);
	return random_read(&u);
}

/* -- futexes: with one thread, nobody waits and nobody wakes ------------------------------- */

static int64_t futex_wait(const uint64_t *a, int op)
{
	uint64_t deadline = UINT64_MAX, ns;
	uint32_t value;
	int error;

	if (op == FUTEX_WAIT_BITSET && (uint32_t)a[5] == 0)
		return -EINVAL;
	if (a[3]) {
		error = sys_timespec_get(a[3], &ns);
		if (error)
			return error;
		uint64_t now = a[1] & FUTEX_CLOCK_REALTIME ? clock_realtime_ns() : arch_time_ns();
		/* FUTEX_WAIT_BITSET gives a point in time, FUTEX_WAIT a length. */
		if (op == FUTEX_WAIT_BITSET)
			ns = ns > now ? ns - now : 0;
		deadline = arch_time_ns() + ns;
	}
	if (arch_copy_from_user(&value, VADDR(a[0]), sizeof value) != 0)
		return -EFAULT;
	if (value != (uint32_t)a[2])
		return -EAGAIN;
	clock_sleep_until(deadline);
	return -ETIMEDOUT;
}

int64_t sys_futex(const uint64_t *a)
{
	int op = (int)a[1] & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

	if (a[0] & 3)
		return -EINVAL;
	switch (op) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET: return futex_wait(a, op);
	case FUTEX_WAKE: return 0;
	case FUTEX_WAKE_BITSET: return (uint32_t)a[5] == 0 ? -EINVAL : 0;
	default: return -ENOSYS;
	}
}

/* -- what the hardware can do -------------------------------------------------------------- */

static void hwprobe_fill(struct linux_riscv_hwprobe *pair)
{
	pair->value = 0;
	switch (pair->key) {
	case RISCV_HWPROBE_KEY_MVENDORID:
	case RISCV_HWPROBE_KEY_MARCHID:
	case RISCV_HWPROBE_KEY_MIMPID:
	case RISCV_HWPROBE_KEY_ZICBOZ_BLOCK_SIZE: break; /* 0: none */
	case RISCV_HWPROBE_KEY_CPUPERF_0:
	case RISCV_HWPROBE_KEY_MISALIGNED_SCALAR_PERF: break; /* 0: unknown */
	case RISCV_HWPROBE_KEY_BASE_BEHAVIOR: pair->value = RISCV_HWPROBE_BASE_BEHAVIOR_IMA; break;
	case RISCV_HWPROBE_KEY_IMA_EXT_0:
		pair->value = RISCV_HWPROBE_IMA_FD | RISCV_HWPROBE_IMA_C;
		break;
	case RISCV_HWPROBE_KEY_HIGHEST_VIRT_ADDRESS: pair->value = arch_user_end().v - 1; break;
	default: pair->key = -1; /* a key that this kernel does not know */
	}
}

/* => the harts that the call is about, of those that exist; 0 or -errno. */
static int hwprobe_harts(uint64_t size, uint64_t user, uint64_t *mask)
{
	*mask = 0;
	if (size > sizeof *mask)
		size = sizeof *mask;
	if (user && arch_copy_from_user(mask, VADDR(user), size) != 0)
		return -EFAULT;
	*mask &= HART_MASK;
	return 0;
}

int64_t sys_riscv_hwprobe(const uint64_t *a)
{
	uint64_t pairs = a[0], count = a[1], flags = (uint32_t)a[4], mask;
	bool which = flags & RISCV_HWPROBE_WHICH_CPUS, all_equal = true;
	int error;

	if (flags & ~(uint64_t)RISCV_HWPROBE_WHICH_CPUS)
		return -EINVAL;
	if (which ? !a[2] || !a[3] : !a[2] != !a[3])
		return -EINVAL;
	error = hwprobe_harts(a[2], a[3], &mask);
	if (error)
		return error;
	if (which && mask == 0)
		mask = HART_MASK; /* an empty set asks about all harts */
	if (!which && a[3] && mask == 0)
		return -EINVAL;
	for (uint64_t n = 0; n < count; n++, pairs += sizeof(struct linux_riscv_hwprobe)) {
		struct linux_riscv_hwprobe pair, asked;

		if (arch_copy_from_user(&pair, VADDR(pairs), sizeof pair) != 0)
			return -EFAULT;
		asked = pair;
		hwprobe_fill(&pair);
		/* Extensions and performance bits: having at least those asked for is enough. */
		if (pair.key == -1)
			all_equal = false;
		else if (pair.key == RISCV_HWPROBE_KEY_BASE_BEHAVIOR ||
			 pair.key == RISCV_HWPROBE_KEY_IMA_EXT_0)
			all_equal &= (pair.value & asked.value) == asked.value;
		else
			all_equal &= pair.value == asked.value;
		if (which && pair.key != -1)
			continue;
		if (arch_copy_to_user(VADDR(pairs), &pair, sizeof pair) != 0)
			return -EFAULT;
	}
	if (!which)
		return 0;
	if (!all_equal)
		mask = 0;
	uint64_t len = a[2] < sizeof mask ? a[2] : sizeof mask;
	return put_bytes(a[3], &mask, len);
}

int64_t sys_riscv_flush_icache(const uint64_t *a)
{
	if (a[2] & ~1UL)
		return -EINVAL;
	arch_icache_flush();
	return 0;
}
