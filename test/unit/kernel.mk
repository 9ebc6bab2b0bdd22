# What a unit test of kernel code, test/unit/kernel_*_test.c, is linked with: the kernel's
# memory system and library as they are, on the seam for the host.
KERNEL_HOST_SRC := \
	kernel/arch/host/host.c \
	kernel/fs/cpio.c \
	kernel/fs/ldisc.c \
	kernel/lib/avl.c \
	kernel/lib/fdt.c \
	kernel/lib/lock.c \
	kernel/lib/panic.c \
	kernel/lib/printf.c \
	kernel/lib/rand.c \
	kernel/mm/frame/buddy.c \
	kernel/mm/frame/frame.c \
	kernel/mm/frame/kmalloc.c \
	kernel/mm/frame/slab.c \
	kernel/mm/frame/vmap.c \
	kernel/mm/object/mobj.c \
	kernel/mm/object/tree.c \
	kernel/mm/space/advise.c \
	kernel/mm/space/aspace.c \
	kernel/mm/space/change.c \
	kernel/mm/space/fault.c \
	kernel/mm/space/fork.c \
	kernel/mm/space/limit.c \
	kernel/mm/space/lock.c \
	kernel/mm/space/map.c \
	kernel/mm/space/name.c \
	kernel/mm/space/reach.c \
	kernel/mm/space/remap.c \
	kernel/mm/space/rmap.c \
	kernel/mm/space/super.c \
	kernel/proc/elf.c
