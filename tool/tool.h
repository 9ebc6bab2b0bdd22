/*
 * What the files of the command share. Each subcommand is one file with one
 * function verb_NAME; a function that prints its own error returns the exit
 * status.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMPID_VERSION "0.1"

/* Exit statuses of limpid's own, as env(1), timeout(1) and shells use them. */
#define EXIT_STOPPED     124 /* --max-instructions was reached */
#define EXIT_TROUBLE     125 /* limpid itself failed, or was misused */
#define EXIT_CANNOT_RUN  126 /* the program is there and cannot be run */
#define EXIT_NOT_FOUND   127
#define EXIT_SIGNAL_BASE 128

/* One line on standard error, `limpid: ` before and a newline behind it. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Says that memory ran out. => EXIT_TROUBLE. */
int complain_no_memory(void);

/* The whole command: argv as main() got it. => exit status. */
int limpid_command(int argc, char **argv);

int verb_run(int argc, char **argv);
int verb_boot(int argc, char **argv);
int verb_initramfs(int argc, char **argv);
int verb_kernel(int argc, char **argv);

/* The kernel, an ELF file inside the command: kernel_image.S. */
extern const unsigned char kernel_image[], kernel_image_end[];

#endif
