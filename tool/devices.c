/*
 * Disks and folders of the command line, from option to virtio slot.
 */
#include "tool/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

/* => the device, of which kind, option and text are set; NULL: a line was printed. */
static struct device *add_device(struct devices *all, const struct options *o, bool is_disk)
{
	struct device *d = &all->list[all->count];

	if (all->count == MAX_DEVICES) {
		complain("%s: %s %s: the board has room for %d disks and folders", o->verb, o->name,
			 o->value, MAX_DEVICES);
		return NULL;
	}
	d->path = strdup(o->value);
	if (!d->path) {
		complain_no_memory();
		return NULL;
	}
	all->count++;
	d->kind = is_disk ? DEVICE_DISK : DEVICE_SHARE;
	d->option = o->name;
	d->text = o->value;
	return d;
}

bool devices_add_disk(struct devices *all, const struct options *o)
{
	struct device *d = add_device(all, o, true);
	char *colon = d ? strrchr(d->path, ':') : NULL;

	if (!d)
		return false;
	d->mode = DISK_READ_WRITE;
	if (!colon || strchr(colon, '/'))
		return true;
	if (!strcmp(colon, ":ro"))
		d->mode = DISK_READ_ONLY;
	else if (!strcmp(colon, ":snapshot"))
		d->mode = DISK_SNAPSHOT;
	else if (access(d->path, F_OK) == 0)
		return true; /* a colon in the file's name */
	else {
		complain("%s: %s %s: %s is no mode of a disk; :ro and :snapshot are", o->verb,
			 o->name, o->value, colon);
		return false;
	}
	*colon = 0;
	return true;
}

static bool tag_taken(const struct devices *all, const struct device *d)
{
	for (const struct device *other = all->list; other < d; other++)
		if (other->kind == DEVICE_SHARE && !strcmp(other->tag, d->tag))
			return true;
	return false;
}

bool devices_add_share(struct devices *all, const struct options *o, bool writable)
{
	struct device *d = add_device(all, o, false);
	char *colon = d ? strrchr(d->path, ':') : NULL;

	if (!d)
		return false;
	d->writable = writable;
	if (colon && !strchr(colon, '/')) {
		size_t len = strlen(colon + 1);

		if (len < 1 || len > SHARE_TAG_MAX) {
			complain("%s: %s %s: a tag has 1 to %d bytes", o->verb, o->name, o->value,
				 SHARE_TAG_MAX);
			return false;
		}
		memcpy(d->tag, colon + 1, len + 1);
		*colon = 0;
		if (tag_taken(all, d)) {
			complain("%s: %s %s: the tag %s is taken", o->verb, o->name, o->value,
				 d->tag);
			return false;
		}
		return true;
	}
	strcpy(d->tag, "share");
	for (unsigned n = 2; tag_taken(all, d); n++)
		snprintf(d->tag, sizeof(d->tag), "share%u", n);
	return true;
}

static const char *attach(struct device *d, struct machine *m)
{
	struct machine_share share;
	struct machine_disk disk;
	const char *why;

	if (d->kind == DEVICE_DISK) {
		d->is_open = disk_open(&d->disk, d->path, d->mode, &disk, &why);
		return d->is_open ? machine_attach_disk(m, &disk) : why;
	}
	d->is_open = share_open(&d->share, d->path, d->tag, d->writable, &share, &why);
	return d->is_open ? machine_attach_share(m, &share) : why;
}

bool devices_attach(struct devices *all, struct machine *m)
{
	for (struct device *d = all->list; d < all->list + all->count; d++) {
		const char *why = attach(d, m);

		if (why) {
			complain("%s %s: %s", d->option, d->text, why);
			return false;
		}
	}
	if (all->count < MAX_DEVICES && machine_attach_entropy(m)) {
		complain_no_memory();
		return false;
	}
	return true;
}

void devices_close(struct devices *all)
{
	for (struct device *d = all->list; d < all->list + all->count; d++) {
		if (d->is_open && d->kind == DEVICE_DISK)
			disk_close(&d->disk);
		else if (d->is_open)
			share_close(&d->share);
		free(d->path);
	}
	all->count = 0;
}
