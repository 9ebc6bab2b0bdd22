#include "kernel/fs/tty.h"
#include "kernel/fs/file.h"
static int none(struct file *f)
{
	(void)f;
	return -ENXIO;
}
const struct file_ops tty_own_ops = {.open = none}, tty_console_ops = {.open = none};
int32_t tty_foreground(void)
{
	return -1;
}
