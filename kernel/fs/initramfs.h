/*
 * The first file tree, from the archive that the boot loader left in memory. Theory: initramfs.c.
 */
#ifndef KERNEL_INITRAMFS_H
#define KERNEL_INITRAMFS_H

#include "kernel/lib/types.h"

/*
 * Unpacks the archive in frames [start, end) of RAM into the tree, and frees the frames that no
 * file adopted.
 * => 0; -EINVAL (broken archive) or -ENOMEM: the tree holds what came before the error.
 */
int initramfs_unpack(paddr_t start, paddr_t end);

#endif
