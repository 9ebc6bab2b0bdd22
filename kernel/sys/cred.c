/*
 * System calls on credentials. All threads of a process have the same ones; a
 * user who is not root may only choose among its own three.
 */
#include "kernel/mm/frame/slab.h"
#include "kernel/sys/sys.h"

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

/* -- supplementary groups: shared by the processes that have inherited them ----------------- */

#define NGROUPS_MAX 65536

int64_t sys_getgroups(const uint64_t *a)
{
	const struct cred_groups *g = proc_current()->cred.groups;
	int32_t n = g ? (int32_t)g->n : 0;

	if ((int32_t)a[0] < 0 || ((int32_t)a[0] > 0 && (int32_t)a[0] < n))
		return -EINVAL;
	if ((int32_t)a[0] > 0 && n > 0 &&
	    arch_copy_to_user(VADDR(a[1]), g->gid, (size_t)n * sizeof g->gid[0]) != 0)
		return -EFAULT;
	return n;
}

int64_t sys_setgroups(const uint64_t *a)
{
	struct proc *p = proc_current();
	struct cred_groups *g = NULL, *old;
	uint32_t n = (uint32_t)a[0];

	if (p->cred.euid != 0)
		return -EPERM;
	if (n > NGROUPS_MAX)
		return -EINVAL;
	if (n > 0) {
		g = kmalloc(sizeof *g + n * sizeof g->gid[0]);
		if (!g)
			return -ENOMEM;
		g->refs = 1;
		g->n = n;
		if (arch_copy_from_user(g->gid, VADDR(a[1]), n * sizeof g->gid[0]) != 0) {
			kfree(g);
			return -EFAULT;
		}
	}
	spin_lock(&proc_tree_lock); /* others may look at this process's */
	old = p->cred.groups;
	p->cred.groups = g;
	spin_unlock(&proc_tree_lock);
	cred_groups_put(old);
	return 0;
}

#define KEEP 0xffffffffu /* -1: as it is */

/* A user's or a group's three numbers. */
struct triple {
	uint32_t *real, *effective, *saved;
};

static struct triple users(struct cred *c)
{
	return (struct triple){&c->uid, &c->euid, &c->suid};
}

static struct triple groups(struct cred *c)
{
	return (struct triple){&c->gid, &c->egid, &c->sgid};
}

static bool is_own(const struct triple *t, uint32_t id)
{
	return id == KEEP || id == *t->real || id == *t->effective || id == *t->saved;
}

static int64_t set_res(struct triple t, uint32_t real, uint32_t effective, uint32_t saved)
{
	bool root = proc_current()->cred.euid == 0;

	if (!root && (!is_own(&t, real) || !is_own(&t, effective) || !is_own(&t, saved)))
		return -EPERM;
	if (real != KEEP)
		*t.real = real;
	if (effective != KEEP)
		*t.effective = effective;
	if (saved != KEEP)
		*t.saved = saved;
	return 0;
}

static int64_t set_re(struct triple t, uint32_t real, uint32_t effective)
{
	bool root = proc_current()->cred.euid == 0;
	uint32_t old_real = *t.real;

	if (!root && real != KEEP && real != *t.real && real != *t.effective)
		return -EPERM;
	if (!root && !is_own(&t, effective))
		return -EPERM;
	if (real != KEEP)
		*t.real = real;
	if (effective != KEEP)
		*t.effective = effective;
	if (real != KEEP || (effective != KEEP && effective != old_real))
		*t.saved = *t.effective;
	return 0;
}

static int64_t set_one(struct triple t, uint32_t id)
{
	if (id == KEEP)
		return -EINVAL;
	if (proc_current()->cred.euid == 0) {
		*t.real = *t.effective = *t.saved = id;
		return 0;
	}
	if (id != *t.real && id != *t.saved)
		return -EPERM;
	*t.effective = id;
	return 0;
}

/* Who becomes another keeps what it read as the one it was, so it is not to be looked into. */
static int64_t changed(int64_t error, const struct cred *before)
{
	struct proc *p = proc_current();

	if (!error && (p->cred.euid != before->euid || p->cred.egid != before->egid)) {
		p->dumpable = false;
		p->pdeath_signal = 0;
	}
	return error;
}

int64_t sys_setuid(const uint64_t *a)
{
	struct cred *c = &proc_current()->cred, before = *c;

	return changed(set_one(users(c), (uint32_t)a[0]), &before);
}

int64_t sys_setgid(const uint64_t *a)
{
	struct cred *c = &proc_current()->cred, before = *c;

	return changed(set_one(groups(c), (uint32_t)a[0]), &before);
}

int64_t sys_setreuid(const uint64_t *a)
{
	struct cred *c = &proc_current()->cred, before = *c;

	return changed(set_re(users(c), (uint32_t)a[0], (uint32_t)a[1]), &before);
}

int64_t sys_setregid(const uint64_t *a)
{
	struct cred *c = &proc_current()->cred, before = *c;

	return changed(set_re(groups(c), (uint32_t)a[0], (uint32_t)a[1]), &before);
}

int64_t sys_setresuid(const uint64_t *a)
{
	struct cred *c = &proc_current()->cred, before = *c;

	return changed(set_res(users(c), (uint32_t)a[0], (uint32_t)a[1], (uint32_t)a[2]), &before);
}

int64_t sys_setresgid(const uint64_t *a)
{
	struct cred *c = &proc_current()->cred, before = *c;

	return changed(set_res(groups(c), (uint32_t)a[0], (uint32_t)a[1], (uint32_t)a[2]), &before);
}

/* The number for file access is the effective one always; so the answer is it. */
int64_t sys_setfsuid(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.euid;
}

int64_t sys_setfsgid(const uint64_t *a)
{
	(void)a;
	return proc_current()->cred.egid;
}

/* -- capabilities: root has all, others none ----------------------------------------------- */

#define CAP_VERSION_1 0x19980330
#define CAP_VERSION_2 0x20071026
#define CAP_VERSION_3 0x20080522
#define CAP_ALL       ((1UL << (CAP_LAST_CAP + 1)) - 1)

/* Reads the header. => 0 with the process's number; -EINVAL (version, which is corrected), -EFAULT.
 */
static int64_t cap_header(uint64_t user, int32_t *pid, size_t *len)
{
	uint32_t head[2];
	const uint32_t version = CAP_VERSION_3;

	if (arch_copy_from_user(head, VADDR(user), sizeof head) != 0)
		return -EFAULT;
	*pid = (int32_t)head[1];
	*len = (head[0] == CAP_VERSION_1 ? 3 : 6) * sizeof(uint32_t);
	if (head[0] == CAP_VERSION_1 || head[0] == CAP_VERSION_2 || head[0] == CAP_VERSION_3)
		return 0;
	return arch_copy_to_user(VADDR(user), &version, sizeof version) != 0 ? -EFAULT : -EINVAL;
}

int64_t sys_capget(const uint64_t *a)
{
	uint64_t caps = 0;
	uint32_t data[6] = {0};
	struct thread *t = thread_current();
	size_t len;
	int32_t pid;
	int64_t error = cap_header(a[0], &pid, &len);

	if (error)
		return error == -EINVAL && !a[1] ? 0 : error;
	if (pid < 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	if (pid)
		t = thread_find_locked((uint32_t)pid);
	if (t && t->proc->cred.euid == 0)
		caps = CAP_ALL & ~t->proc->cap_dropped;
	spin_unlock(&proc_tree_lock);
	if (!t)
		return -ESRCH;
	data[0] = data[1] = (uint32_t)caps;
	data[3] = data[4] = (uint32_t)(caps >> 32);
	return a[1] && arch_copy_to_user(VADDR(a[1]), data, len) != 0 ? -EFAULT : 0;
}

/* Capabilities come and go with the user's number, so none can be given up by itself. */
int64_t sys_capset(const uint64_t *a)
{
	const struct proc *p = proc_current();
	uint64_t caps = p->cred.euid == 0 ? CAP_ALL & ~p->cap_dropped : 0;
	uint32_t data[6] = {0};
	size_t len;
	int32_t pid;
	int64_t error = cap_header(a[0], &pid, &len);

	if (error)
		return error;
	if (pid != 0 && (uint32_t)pid != thread_current()->tid)
		return -EPERM;
	if (arch_copy_from_user(data, VADDR(a[1]), len) != 0)
		return -EFAULT;
	return (data[0] | data[1] | data[2]) & ~(uint32_t)caps ||
		       (data[3] | data[4] | data[5]) & ~(uint32_t)(caps >> 32)
		   ? -EPERM
		   : 0;
}
