/*
 * `limpid initramfs` and `limpid kernel`: the two files that another machine, as
 * QEMU's `virt`, needs to run the same program under the same kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool/initramfs.h"
#include "tool/options.h"
#include "tool/tool.h"

extern char **environ;

static const char initramfs_help[] =
    "usage: limpid initramfs [-o FILE] [OPTIONS] [--] PROGRAM [ARG...]\n"
    "\n"
    "Writes the archive (cpio, newc) from which Limpid's kernel starts PROGRAM with\n"
    "these arguments, this environment and this current folder. The kernel's command\n"
    "line is printed on standard error.\n"
    "\n"
    "  -o, --output FILE   where to; otherwise standard output\n"
    "      --seed N        the number in the command line; default 1\n"
    "      --cc CC, --cflags FLAGS   as for limpid run\n"
    "\n"
    "  limpid kernel -o kernel.elf\n"
    "  limpid initramfs -o prog.cpio ./prog\n"
    "  qemu-system-riscv64 -M virt -nographic -kernel kernel.elf -initrd prog.cpio \\\n"
    "      -append \"init=/path/to/prog seed=1\"\n";

static const char kernel_help[] =
    "usage: limpid kernel [-o FILE]\n"
    "\n"
    "Writes the kernel that is inside this command, an ELF file for riscv64 in\n"
    "S-mode, to FILE or to standard output. It takes the archive of limpid initramfs.\n";

/* => 0 or EXIT_TROUBLE. `file` NULL: standard output. */
static int write_file(const char *verb, const char *file, const void *data, size_t len)
{
	FILE *f = stdout;
	bool ok;

	if (!file && isatty(STDOUT_FILENO)) {
		complain("%s: this would write binary data to the terminal; use -o FILE", verb);
		return EXIT_TROUBLE;
	}
	if (file)
		f = fopen(file, "wb");
	ok = f && fwrite(data, 1, len, f) == len;
	if (f && (f == stdout ? fflush(f) : fclose(f)) != 0)
		ok = false;
	if (ok)
		return 0;
	complain("%s: %s: %s", verb, file ? file : "standard output", strerror(errno));
	return EXIT_TROUBLE;
}

int verb_kernel(int argc, char **argv)
{
	static const struct option_spec specs[] = {
	    {"--output", 'o', true}, {"--help", 'h', false}, {NULL, 0, false}};
	struct options o = {.verb = "kernel", .specs = specs, .argv = argv, .argc = argc, .at = 1};
	const char *file = NULL;

	for (int i; (i = options_next(&o)) != OPTIONS_END;) {
		if (i == OPTIONS_ERROR)
			return EXIT_TROUBLE;
		if (i == 1)
			return options_help(kernel_help);
		file = o.value;
	}
	if (o.at < argc) {
		complain("kernel: %s: takes no operand; -o names the file", argv[o.at]);
		return EXIT_TROUBLE;
	}
	return write_file("kernel", file, kernel_image, (size_t)(kernel_image_end - kernel_image));
}

int verb_initramfs(int argc, char **argv)
{
	enum { OUTPUT, SEED, CC, CFLAGS, HELP };
	static const struct option_spec specs[] = {{"--output", 'o', true}, {"--seed", 0, true},
						   {"--cc", 0, true},       {"--cflags", 0, true},
						   {"--help", 'h', false},  {NULL, 0, false}};
	struct options o = {
	    .verb = "initramfs", .specs = specs, .argv = argv, .argc = argc, .at = 1};
	const char *file = NULL, *cc = NULL, *cflags = NULL;
	struct initramfs ramfs = {0};
	struct initramfs_program program = {0};
	uint64_t seed = 1;
	int status;

	for (int i; (i = options_next(&o)) != OPTIONS_END;) {
		switch (i) {
		case OUTPUT: file = o.value; break;
		case SEED:
			if (!options_number(&o, &seed))
				return EXIT_TROUBLE;
			break;
		case CC: cc = o.value; break;
		case CFLAGS: cflags = o.value; break;
		case HELP: return options_help(initramfs_help);
		default: return EXIT_TROUBLE;
		}
	}
	if (o.at == argc) {
		complain("initramfs: no program given; see limpid initramfs --help");
		return EXIT_TROUBLE;
	}
	program.args = argv + o.at + 1;
	status = program_open(&program.program, argv[o.at], cc, cflags);
	if (status == 0)
		status = initramfs_build(&ramfs, &program, 1, environ, seed, NULL);
	if (status == 0)
		status = write_file("initramfs", file, ramfs.archive.data, ramfs.archive.len);
	if (status == 0)
		complain("kernel command line: %s", ramfs.append);
	initramfs_free(&ramfs);
	program_close(&program.program);
	return status;
}
