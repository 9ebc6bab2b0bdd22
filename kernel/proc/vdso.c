/*
 * The vDSO: a page of code that the kernel maps into every program, an ELF shared
 * object that C libraries find by AT_SYSINFO_EHDR. On this architecture a handler
 * returns through it, because sigaction has no restorer.
 */
#include "kernel/proc/vdso.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "abi/linux.h"

static struct mobj *image;
static uint64_t sigreturn;

int vdso_map(struct aspace *as)
{
	struct map_request m = {.len = PAGE_SIZE, .flags = VMA_READ | VMA_EXEC, .kind = TV_VDSO};
	const void *code;
	size_t len;
	vaddr_t at;
	int error;

	if (!image) {
		code = arch_vdso(&len, &sigreturn);
		image = mobj_create(MOBJ_FILE, 0);
		if (!image || mobj_write(image, 0, code, len) != len)
			return -ENOMEM;
		mobj_truncate(image, PAGE_SIZE);
	}
	m.file = image;
	error = aspace_map(as, &m, &at);
	if (!error)
		as->vdso = at.v;
	return error;
}

uint64_t vdso_sigreturn(const struct aspace *as)
{
	return as->vdso + sigreturn;
}
