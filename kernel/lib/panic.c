/*
 * The end of a kernel that found itself broken: one line, and the machine stops.
 */
#include "kernel/lib/lib.h"
#include "kernel/arch/arch.h"

#define PANIC_STATUS 125 /* what a shell sees; env and nohup use it for failures of their own */

_Noreturn void panic(const char *fmt, ...)
{
	static int depth;
	char text[256];
	va_list ap;

	arch_irq_disable();
	/* here: a second panic, inside the first: text is not to be trusted any more */
	if (__atomic_fetch_add(&depth, 1, __ATOMIC_RELAXED) > 0)
		arch_shutdown(PANIC_STATUS);
	va_start(ap, fmt);
	kvsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	kprintf("panic on hart %u: %s\n", arch_hart(), text);
	arch_shutdown(PANIC_STATUS);
}
