/*
 * C and C++ sources given in place of a program.
 */
#ifndef TOOL_COMPILE_H
#define TOOL_COMPILE_H

#include <stdbool.h>
#include <stddef.h>

/* => whether the name is one of a C or C++ source. */
bool compile_is_source(const char *name);

/*
 * Compiles into a private temporary folder.
 * => 0 with *folder and *file (to be freed), else an exit status, one line having been printed.
 *    compile_clean() is due in either case, if *folder is not NULL.
 */
int compile(const char *source, const char *cc, const char *cflags, char **folder, char **file);

/* Removes the folder with all in it, and frees the name. */
void compile_clean(char *folder);

#endif
