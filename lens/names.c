/*
 * Names of what abi/trace.h and Linux number: one place, so that the screen, the
 * JSON file and the crash block agree.
 */
#include "lens/account.h"

const char *lens_fault_key(unsigned kind)
{
	static const char *const key[TK_MAX] = {
	    [TK_NONE] = "none",
	    [TK_ZERO] = "zero",
	    [TK_ZERO_READ] = "zero_read",
	    [TK_FILE] = "file",
	    [TK_FILE_COPY] = "file_copy",
	    [TK_COW] = "copy_on_write",
	    [TK_COW_REUSE] = "copy_on_write_reuse",
	    [TK_STACK] = "stack",
	    [TK_SPURIOUS] = "spurious",
	    [TK_SHARED_WRITE] = "shared_write",
	    [TK_SEGV_MAPERR] = "not_mapped",
	    [TK_SEGV_ACCERR] = "not_allowed",
	    [TK_SIGBUS] = "beyond_file",
	    [TK_OOM] = "out_of_memory",
	    [TK_FIXUP] = "efault",
	    [TK_REMAP] = "remap",
	    [TK_ZERO_SUPER] = "zero_superpage",
	};
	return kind < TK_MAX && key[kind] ? key[kind] : "unknown";
}

const char *lens_frame_key(unsigned state)
{
	static const char *const key[TF_MAX] = {
	    [TF_FREE] = "free",         [TF_RESERVED] = "reserved",     [TF_KERNEL] = "kernel",
	    [TF_METADATA] = "metadata", [TF_PAGETABLE] = "page_tables", [TF_SLAB] = "slab",
	    [TF_KALLOC] = "kalloc",     [TF_ANON] = "anonymous",        [TF_FILE] = "file",
	    [TF_ZERO] = "zero",
	};
	return state < TF_MAX && key[state] ? key[state] : "unknown";
}

const char *signal_name(uint64_t signo)
{
	static const char *const name[] = {
	    "signal 0", "SIGHUP",  "SIGINT",  "SIGQUIT", "SIGILL",  "SIGTRAP", "SIGABRT", "SIGBUS",
	    "SIGFPE",   "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",
	};
	return signo < sizeof name / sizeof *name ? name[signo] : "a signal";
}
