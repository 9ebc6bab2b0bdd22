/*
 * From an operand to a program in memory.
 *
 *      operand      where it is looked for      what the program sees
 *      dir/prog     there                       argv[0] as typed
 *      prog         in PATH, as env(1) does     argv[0] as typed
 *      [dir/]x.c    there, and compiled         argv[0] = dir/x, or ./x
 *
 * The path in the guest is the real one, without symbolic links; of a source it
 * is that of the source without its suffix, where a compiler would have left it.
 */
#define _GNU_SOURCE
#include "tool/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/compile.h"
#include "tool/tool.h"

#define WHY_SIZE 400

static bool is_program_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* => the file to open (to be freed), or NULL: not found. */
static char *find_in_path(const char *name)
{
	const char *path = getenv("PATH");

	if (!path)
		path = "/usr/local/bin:/bin:/usr/bin";
	while (1) {
		size_t n = strcspn(path, ":");
		char *file;

		/* An empty part is the current folder, as execvp(3) has it. */
		if (asprintf(&file, "%.*s%s%s", (int)n, path, n ? "/" : "./", name) < 0)
			return NULL;
		if (is_program_file(file))
			return file;
		free(file);
		if (!path[n])
			return NULL;
		path += n + 1;
	}
}

/* => 0, or an exit status; a line was printed. `file` is what to open. */
static int read_file(struct program *p, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int status = EXIT_CANNOT_RUN;

	if (fd < 0) {
		bool missing = errno == ENOENT || errno == ENOTDIR;

		if (missing)
			complain("%s: no such file", p->shown);
		else
			complain("%s: cannot be read: %s", p->shown, strerror(errno));
		return missing ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	if (fstat(fd, &st) < 0) {
		complain("%s: %s", p->shown, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		complain("%s: is a folder, not a program; name a file in it", p->shown);
	} else if (!S_ISREG(st.st_mode)) {
		complain("%s: is not a regular file; copy the program to one", p->shown);
	} else {
		size_t size = (size_t)st.st_size;

		status = 0;
		p->image = malloc(size ? size : 1);
		if (!p->image)
			status = complain_no_memory();
		while (status == 0 && p->len < size) {
			ssize_t n = read(fd, p->image + p->len, size - p->len);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0) {
				complain("%s: cannot be read: %s", p->shown, strerror(errno));
				status = EXIT_CANNOT_RUN;
			}
			if (n <= 0)
				break;
			p->len += (size_t)n;
		}
	}
	close(fd);
	return status;
}

/* Compiles a source and reads the result. => 0 or an exit status. */
static int open_source(struct program *p, const char *source, const char *cc, const char *cflags)
{
	char *folder, *file, *stem, *real;
	int status;

	if (access(source, F_OK) < 0) {
		complain("%s: %s", source, errno == ENOENT ? "no such file" : strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	status = compile(source, cc, cflags, &folder, &file);
	if (status != 0)
		return status;
	status = read_file(p, file);
	free(file);
	compile_clean(folder);
	if (status != 0)
		return status;

	stem = strdup(source);
	real = realpath(source, NULL);
	if (!stem || !real) {
		free(stem);
		free(real);
		return complain_no_memory();
	}
	*strrchr(stem, '.') = 0;
	if (strrchr(real, '.') > strrchr(real, '/') + 1)
		*strrchr(real, '.') = 0;
	p->path = real;
	p->is_compiled = true;
	if (strchr(stem, '/')) {
		p->argv0 = stem;
	} else {
		if (asprintf(&p->argv0, "./%s", stem) < 0)
			p->argv0 = NULL;
		free(stem);
	}
	return p->argv0 ? 0 : complain_no_memory();
}

static int open_program(struct program *p, const char *operand)
{
	char *file = strchr(operand, '/') ? strdup(operand) : find_in_path(operand);
	int status;

	if (!file) {
		struct stat st;

		if (operand[0] && stat(operand, &st) == 0)
			complain("%s: not found in PATH; for the file in this folder write ./%s",
				 operand, operand);
		else
			complain("%s: not found in PATH", operand[0] ? operand : "''");
		return EXIT_NOT_FOUND;
	}
	status = read_file(p, file);
	if (status == 0) {
		p->path = realpath(file, NULL);
		p->argv0 = strdup(operand);
		if (!p->path || !p->argv0)
			status = complain_no_memory();
	}
	free(file);
	return status;
}

int program_open(struct program *p, const char *operand, const char *cc, const char *cflags)
{
	char buf[WHY_SIZE];
	const char *why;
	struct stat st;
	int status;

	*p = (struct program){.shown = operand};
	if (compile_is_source(operand) && !(stat(operand, &st) == 0 && S_ISDIR(st.st_mode)))
		status = open_source(p, operand, cc, cflags);
	else
		status = open_program(p, operand);
	if (status != 0)
		return status;

	why = program_check(p->image, p->len, buf, sizeof buf);
	if (!why)
		return 0;
	if (strchr(operand, '/') || compile_is_source(operand))
		complain("%s: %s", operand, why);
	else if (stat(operand, &st) == 0 && S_ISREG(st.st_mode))
		complain("%s: %s (for the file in this folder write ./%s)", p->path, why, operand);
	else
		complain("%s: %s", p->path, why);
	return EXIT_CANNOT_RUN;
}

void program_close(struct program *p)
{
	free(p->argv0);
	free(p->path);
	free(p->image);
	*p = (struct program){0};
}
