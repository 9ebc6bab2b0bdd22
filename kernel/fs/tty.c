/*
 * /dev/tty and /dev/console of a machine without a terminal: they are there, and
 * cannot be opened (ENXIO), as on Linux for a process without a controlling terminal.
 */
#include "kernel/fs/tty.h"
#include "kernel/fs/file.h"

static int no_terminal(struct file *f)
{
	(void)f;
	return -ENXIO;
}

const struct file_ops tty_own_ops = {.open = no_terminal};
const struct file_ops tty_console_ops = {.open = no_terminal};

int32_t tty_foreground(void)
{
	return -1;
}
