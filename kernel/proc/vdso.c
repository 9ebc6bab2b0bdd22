/*
 * The vDSO: a page of code that the kernel maps into every program, an ELF shared
 * object that C libraries find by AT_SYSINFO_EHDR. On this architecture a handler
 * returns through it, because sigaction has no restorer. It tells the time without
 * the kernel, from the data at its end, which the kernel keeps true.
 *
 * All programs map the same frame. The first that runs makes it; whoever sets the
 * clock writes the data anew.
 */
#include "kernel/proc/vdso.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"
#include "abi/linux.h"

static struct mobj *image;
static uint64_t sigreturn, data_offset;

/* => 0 or -ENOMEM; never -ENOMEM once the page is there. */
static int data_write(struct mobj *page)
{
	struct arch_vdso_data data;

	arch_vdso_data(&data);
	data.epoch_ns = clock_epoch_ns();
	return mobj_write(page, data_offset, &data, sizeof data) == sizeof data ? 0 : -ENOMEM;
}

void vdso_time_changed(void)
{
	if (image)
		data_write(image);
}

static int image_create(void)
{
	const struct arch_vdso vdso = arch_vdso();
	struct mobj *page = mobj_create(MOBJ_FILE, 0);

	sigreturn = vdso.sigreturn;
	data_offset = vdso.data;
	if (!page || mobj_write(page, 0, vdso.code, vdso.len) != vdso.len || data_write(page))
		return -ENOMEM; /* here: no program can start, and none will */
	mobj_truncate(page, PAGE_SIZE);
	image = page;
	return 0;
}

int vdso_map(struct aspace *as)
{
	struct map_request m = {
	    .len = PAGE_SIZE, .flags = VMA_READ | VMA_EXEC | VMA_FIXEDSIZE, .kind = TV_VDSO};
	vaddr_t at;
	int error = image ? 0 : image_create();

	if (error)
		return error;
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
