/*
 * What the command line plugs into the board: `--disk`, `--share`, `--write`.
 */
#ifndef TOOL_DEVICES_H
#define TOOL_DEVICES_H

#include "abi/board.h"
#include "machine/machine.h"
#include "tool/disk.h"
#include "tool/options.h"
#include "tool/share.h"

#define MAX_DEVICES (BOARD_VIRTIO_SLOTS - 1) /* the console has slot 0 */

/* Something to plug in, as the command line says it. */
struct device {
	enum { DEVICE_DISK, DEVICE_SHARE } kind;
	const char *option, *text; /* "--disk", "FILE:ro" */
	char *path;
	enum disk_mode mode;
	bool writable;
	char tag[SHARE_TAG_MAX + 1];
	struct disk disk;
	struct share share;
	bool is_open;
};

/* {0} is none. Must outlive the machine that they are attached to. */
struct devices {
	struct device list[MAX_DEVICES];
	unsigned count;
};

/*
 * The option at hand: FILE[:ro|:snapshot], or DIR[:TAG].
 * => false: a line was printed that names option and value.
 */
bool devices_add_disk(struct devices *all, const struct options *o);
bool devices_add_share(struct devices *all, const struct options *o, bool writable);

/*
 * Opens and attaches them in their order, and after them, if a slot is left, a source of entropy.
 * => false: a line was printed.
 */
bool devices_attach(struct devices *all, struct machine *m);
void devices_close(struct devices *all);

#endif
