/*
 * Contents of a file behind 9P, as pages of a memory object. Theory: p9data.c.
 */
#ifndef KERNEL_P9DATA_H
#define KERNEL_P9DATA_H

#include "kernel/lib/types.h"

struct file;
struct mobj;
struct p9_client;
struct uio;

/* Makes a new, empty object one whose pages come from the server. => 0 or -ENOMEM. */
int p9_data_attach(struct mobj *o, struct p9_client *c);

/*
 * `fid` stands for the file. => pages can be read, and with `write` written back, as long as the
 * object lives, whatever becomes of fid and of the file's name; 0 or the server's error.
 */
int p9_data_open(struct mobj *o, uint32_t fid, bool write);

/* Reads at *pos, from pages that are here or from the server. => bytes or -errno. */
ssize_t p9_data_read(struct file *f, struct uio *u, uint64_t *pos);
/* Bytes that were written to the server at `at`: pages that are here get them as well. */
void p9_data_written(struct mobj *o, uint64_t at, const uint8_t *bytes, size_t len);

/* Dirty pages go to the server, and are made durable there. => 0, or what the first failed with. */
int p9_data_sync(struct mobj *o);

/* We change the file: when the server tells another time of change, it is ours. */
void p9_data_own_change(struct mobj *o);
/* => whether we have since the last call. */
bool p9_data_was_ours(struct mobj *o);
/* Others changed the file, which has `size` bytes now: what is here and not dirty goes. */
void p9_data_renew(struct mobj *o, uint64_t size);

#endif
