/*
 * Files of the host as disks of the machine.
 */
#ifndef TOOL_DISK_H
#define TOOL_DISK_H

#include "machine/machine.h"

struct disk {
	int fd;
};

/*
 * Opens a file or a block device. One that is written to may be open nowhere else as a disk.
 * => true: *out is ready for machine_attach_disk; *d must outlive the machine.
 *    false: *why says, in half a line, why not.
 */
bool disk_open(struct disk *d, const char *path, enum disk_mode mode, struct machine_disk *out,
	       const char **why);
void disk_close(struct disk *d);

#endif
