/*
 * System calls on the machine as a whole.
 */
#include "kernel/sys/sys.h"
#include "kernel/proc/uts.h"
#include "kernel/fs/random.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/proc/clock.h"

static int64_t put_bytes(uint64_t user, const void *from, size_t len)
{
	return arch_copy_to_user(VADDR(user), from, len) != 0 ? -EFAULT : 0;
}
/* -- the machine --------------------------------------------------------------------------- */

int64_t sys_uname(const uint64_t *a)
{
	struct linux_utsname name = {.sysname = UTS_SYSNAME,
				     .release = UTS_RELEASE,
				     .version = UTS_VERSION,
				     .machine = "riscv64"};
	struct uts names = uts_get();

	memcpy(name.nodename, names.node, sizeof names.node);
	memcpy(name.domainname, names.domain, sizeof names.domain);

	return put_bytes(a[0], &name, sizeof name);
}

int64_t sys_sysinfo(const uint64_t *a)
{
	struct linux_sysinfo info = {.procs = (uint16_t)thread_count(), .mem_unit = 1};
	struct frame_stats fs;

	frame_stats(&fs);
	info.uptime = (int64_t)(arch_time_ns() / NS_PER_SECOND);
	info.totalram = fs.usable * PAGE_SIZE;
	info.freeram = fs.free * PAGE_SIZE;
	return put_bytes(a[0], &info, sizeof info);
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
	*mask &= sched_harts();
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
		mask = sched_harts(); /* an empty set asks about all harts */
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
