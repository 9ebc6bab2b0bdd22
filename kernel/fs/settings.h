/*
 * Settings of /proc/sys that can be written: settings.c.
 */
#ifndef KERNEL_SETTINGS_H
#define KERNEL_SETTINGS_H

#include "kernel/fs/proctext.h"
#include "kernel/fs/uio.h"

/* The row's constant is the setting's name. */
text_fn text_setting;

/* => bytes taken, or -errno. */
ssize_t setting_write(const char *name, struct uio *u);

#endif
