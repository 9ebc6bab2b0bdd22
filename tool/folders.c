/*
 * Which folders of the host a program sees.
 *
 * The current folder and the program's own are shown under their own paths, to be read
 * only; --share shows more, --write opens one for writing. A folder inside one that is
 * shown is there already, unless it is to be written and the outer one is not: then it
 * is mounted over it, so outer ones come first.
 *
 * Not shown without being asked for: the root, /tmp (the guest has its own), and what
 * would hide the guest's own folders or those of its root, where libraries are. With
 * --share or --write these are errors.
 *
 * The guest's root is a folder of the host, too (--root): it shows wherever none of the
 * others does, and nothing in it can be changed.
 */
#define _GNU_SOURCE
#include "tool/folders.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/tool.h"

/* Where Debian's cross compiler has what is / for its programs; `qemu-riscv64 -L` is given it. */
#define CROSS_ROOT "/usr/riscv64-linux-gnu"

/* => whether `path` is `folder` or lies below it. */
static bool is_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == 0 || path[len] == '/');
}

/* => whether showing it would cover what the guest's kernel has put there. */
static bool hides_own(const char *path)
{
	static const char *const own[] = {"/dev", "/proc", "/sys", "/tmp", "/.limpid"};
	static const char *const root[] = {"/bin",     "/etc",       "/lib",
					   "/lib64",   "/sbin",      "/usr/bin",
					   "/usr/lib", "/usr/lib64", "/usr/sbin"};

	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < sizeof root / sizeof root[0]; i++)
		if (is_within(root[i], path))
			return true;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (is_within(own[i], path) ||
		    (strcmp(own[i], "/tmp") != 0 && is_within(path, own[i])))
			return true;
	return false;
}

/* Outer folders first; of one length, any order. */
static void insert(struct folders *f, char *path, bool writable)
{
	unsigned at = f->count++;

	for (; at > 0 && strlen(f->list[at - 1].path) > strlen(path); at--)
		f->list[at] = f->list[at - 1];
	f->list[at] = (struct folder){.path = path, .writable = writable};
}

int folders_add(struct folders *f, const char *path, bool writable, bool asked)
{
	const char *option = writable ? "--write" : "--share";
	char *real = realpath(path, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		if (asked)
			complain("run: %s %s: %s", option, path,
				 real ? "is not a folder" : strerror(errno));
		free(real);
		return asked ? EXIT_TROUBLE : 0;
	}
	if (hides_own(real)) {
		complain(asked ? "run: %s %s: would hide the program's own %s; name a folder in it"
			       : "run: the current folder %s%s is not shown to the program%s; "
				 "start limpid in another one",
			 asked ? option : "", asked ? path : real, asked ? real : "");
		free(real);
		return asked ? EXIT_TROUBLE : 0;
	}
	for (unsigned i = 0; i < f->count; i++) {
		struct folder *have = &f->list[i];

		if (is_within(real, have->path) && (have->writable || !writable)) {
			free(real);
			return 0;
		}
		if (strcmp(real, have->path) == 0) {
			have->writable = true;
			free(real);
			return 0;
		}
	}
	if (f->count == FOLDERS_MAX) {
		complain("run: %s: more than %d folders cannot be shown; name one that has them",
			 path, FOLDERS_MAX);
		free(real);
		return EXIT_TROUBLE;
	}
	insert(f, real, writable);
	return 0;
}

int folders_root(struct folders *f, const char *path)
{
	struct stat st;
	char *real = realpath(path ? path : CROSS_ROOT, NULL);

	if (!real || stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		if (path)
			complain("run: --root %s: %s", path,
				 real ? "is not a folder" : strerror(errno));
		free(real);
		return path ? EXIT_TROUBLE : 0;
	}
	free(f->root.path);
	f->root = (struct folder){.path = real};
	return 0;
}

int folders_add_usual(struct folders *f, const char *program_path)
{
	char *cwd = getcwd(NULL, 0), *folder = strdup(program_path);
	int status = 0;

	if (!folder) {
		free(cwd);
		return complain_no_memory();
	}
	if (cwd && cwd[0] == '/')
		status = folders_add(f, cwd, false, false);
	*strrchr(folder, '/') = 0;
	/* What is not shown is copied: the program is there in any case. */
	if (status == 0 && *folder && !hides_own(folder))
		status = folders_add(f, folder, false, false);
	free(cwd);
	free(folder);
	return status;
}

bool folders_show(const struct folders *f, const char *path)
{
	for (unsigned i = 0; i < f->count; i++)
		if (is_within(path, f->list[i].path))
			return true;
	return false;
}

bool folders_have(const struct folders *f, const char *path)
{
	char *in_root;
	bool have;

	if (folders_show(f, path))
		return access(path, F_OK) == 0;
	if (!f->root.path || asprintf(&in_root, "%s%s", f->root.path, path) < 0)
		return false;
	have = access(in_root, F_OK) == 0;
	free(in_root);
	return have;
}

static int attach(struct folder *d, struct machine *m)
{
	const char *why = NULL;

	d->is_open = share_open(&d->share, d->path, d->tag, d->writable, &d->attached, &why);
	if (d->is_open) {
		d->attached.uid = d->attached.gid = 1000;
		why = machine_attach_share(m, &d->attached);
	}
	if (!why)
		return 0;
	complain("run: folder %s: %s", d->path, why);
	return EXIT_TROUBLE;
}

int folders_attach(struct folders *f, struct machine *m)
{
	int status = 0;

	snprintf(f->root.tag, sizeof f->root.tag, "root");
	if (f->root.path)
		status = attach(&f->root, m);
	for (unsigned i = 0; i < f->count && status == 0; i++) {
		snprintf(f->list[i].tag, sizeof f->list[i].tag, "f%u", i);
		status = attach(&f->list[i], m);
	}
	return status;
}

char *folders_words(const struct folders *f)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (f->root.path)
		fputs(" root=root", out);
	for (unsigned i = 0; i < f->count; i++) {
		fprintf(out, " 9p=f%u,", i);
		for (const char *p = f->list[i].path; *p; p++) {
			if (isalnum((unsigned char)*p) || strchr("/._-+", *p))
				fputc(*p, out);
			else
				fprintf(out, "%%%02x", (unsigned char)*p);
		}
		if (f->list[i].writable)
			fputs(",rw", out);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void close_folder(struct folder *d)
{
	if (d->is_open)
		share_close(&d->share);
	free(d->path);
}

void folders_close(struct folders *f)
{
	for (unsigned i = 0; i < f->count; i++)
		close_folder(&f->list[i]);
	close_folder(&f->root);
	*f = (struct folders){0};
}
