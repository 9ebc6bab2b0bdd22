/*
 * The first word after `limpid` chooses a verb. What is said here is true of
 * this version: a verb that does not work yet is not shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool/host.h"
#include "tool/terminal.h"
#include "tool/options.h"
#include "tool/tool.h"

static const char help[] =
    "usage: limpid VERB [OPTIONS] PROGRAM [ARG...]\n"
    "\n"
    "Limpid is virtual memory that you can run, see and measure: a RISC-V machine, a\n"
    "Linux-compatible kernel on it, and a lens that shows what became of every page.\n"
    "\n"
    "  run        run a program in Limpid's virtual memory\n"
    "  boot       boot another riscv64 kernel on the machine\n"
    "\n"
    "  limpid run hello.c             C is compiled for you\n"
    "  limpid run --stats ./prog 42   what its memory did, in exact counts\n"
    "\n"
    "PROGRAM is a riscv64 Linux program, linked with -static, or a C or C++ source.\n"
    "Its input, output, arguments, environment and exit status are its own; Limpid's\n"
    "words go to standard error. When it dies of a fault, they explain the fault.\n"
    "\n"
    "To boot the same kernel elsewhere, as in QEMU:\n"
    "  kernel     write the kernel that is inside this command to a file\n"
    "  initramfs  write the archive from which that kernel starts a program\n"
    "\n"
    "limpid VERB --help says more. limpid --version. Manual page: limpid(1).\n";

void complain(const char *fmt, ...)
{
	va_list ap;

	host_progress_clear();
	fputs("limpid: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(terminal_newline(), stderr);
}

int complain_no_memory(void)
{
	complain("the host has no memory left");
	return EXIT_TROUBLE;
}

int limpid_command(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {
	    {"run", verb_run},
	    {"boot", verb_boot},
	    {"initramfs", verb_initramfs},
	    {"kernel", verb_kernel},
	};
	const char *verb = argc > 1 ? argv[1] : NULL;

	host_claim_streams();
	if (!verb) {
		fputs(help, stderr);
		return EXIT_TROUBLE;
	}
	if (!strcmp(verb, "--help") || !strcmp(verb, "-h") || !strcmp(verb, "help"))
		return options_help(help);
	if (!strcmp(verb, "--version") || !strcmp(verb, "version"))
		return options_help("limpid " LIMPID_VERSION "\n");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(verb, verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);

	if (verb[0] == '-')
		complain("unknown option %s; see limpid --help", verb);
	else if (strchr(verb, '/') || strchr(verb, '.'))
		complain("%s: no such verb; to run a program: limpid run %s", verb, verb);
	else
		complain("%s: no such verb; see limpid --help", verb);
	return EXIT_TROUBLE;
}
