/*
 * What is in the archive:
 *
 *      /tmp (1777)  /dev  /proc      where the kernel puts its own
 *      the current folder, and all above it
 *      the program at its own path, and all folders above it
 *      /.limpid/argv, envp           strings, each with its NUL, one after another
 *      /.limpid/cwd, execfn          one string: the current folder; the program as typed
 *
 * A program that lies in a folder that is shown to the guest (folders.h) is not copied: the
 * guest reads it there. What was compiled just now lies nowhere, and is put in /.limpid.
 *
 * The kernel's command line separates words by blanks, so a program whose path
 * has a blank in it is put at /.limpid/program instead.
 */
#define _GNU_SOURCE
#include "tool/initramfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lens/text.h"
#include "tool/tool.h"

#define OWN_FOLDER         "/.limpid"
#define PLACE_OF_ODD_PATHS OWN_FOLDER "/program"

struct path_list {
	char **list;
	size_t count;
};

/* Adds a folder once. => false: no memory. */
static bool paths_add(struct path_list *f, const char *path, size_t len)
{
	for (size_t i = 0; i < f->count; i++)
		if (strlen(f->list[i]) == len && memcmp(f->list[i], path, len) == 0)
			return true;
	char **list = realloc(f->list, (f->count + 1) * sizeof *list);
	if (!list)
		return false;
	f->list = list;
	list[f->count] = strndup(path, len);
	return list[f->count++] != NULL;
}

/* Adds all folders on the way to `path`, outermost first. */
static bool paths_above(struct path_list *f, const char *path)
{
	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/'))
		if (!paths_add(f, path, (size_t)(p - path)))
			return false;
	return true;
}

static bool add_folders(struct cpio *c, const char *cwd, const char *program)
{
	struct path_list f = {0};
	bool ok = paths_add(&f, "/tmp", 4) && paths_add(&f, "/dev", 4) &&
		  paths_add(&f, "/proc", 5) && paths_add(&f, "/.limpid", 8) &&
		  paths_above(&f, cwd) && paths_add(&f, cwd, strlen(cwd)) &&
		  paths_above(&f, program);

	for (size_t i = 0; i < f.count && ok; i++)
		cpio_add_folder(c, f.list[i], strcmp(f.list[i], "/tmp") == 0 ? 01777 : 0755);
	for (size_t i = 0; i < f.count; i++)
		free(f.list[i]);
	free(f.list);
	return ok;
}

/* A file of strings, each with its NUL. `first` may be NULL. */
static void add_strings(struct cpio *c, const char *path, const char *first, char *const *strings)
{
	size_t len = first ? strlen(first) + 1 : 0, at = 0;

	for (char *const *s = strings; *s; s++)
		len += strlen(*s) + 1;
	char *data = malloc(len ? len : 1);
	if (!data) {
		c->failed = true;
		return;
	}
	if (first) {
		at = strlen(first) + 1;
		memcpy(data, first, at);
	}
	for (char *const *s = strings; *s; s++) {
		memcpy(data + at, *s, strlen(*s) + 1);
		at += strlen(*s) + 1;
	}
	cpio_add_file(c, path, 0644, data, len);
	free(data);
}

static bool has_blank(const char *s)
{
	return s[strcspn(s, " \t\n\"'\\")] != 0;
}

/* => the path of a file of /.limpid that says something of program n. */
static const char *own_path(char *buf, size_t size, const char *name, unsigned n)
{
	if (n == 0)
		snprintf(buf, size, OWN_FOLDER "/%s", name);
	else
		snprintf(buf, size, OWN_FOLDER "/%s.%u", name, n + 1);
	return buf;
}

/* Adds program n, and the word that names it to *append. => false: no memory. */
static bool add_program(struct initramfs *r, const struct initramfs_program *ip, unsigned n,
			const char *cwd, char *const *env, const struct folders *folders)
{
	const struct program *p = &ip->program;
	bool is_shown = folders && folders_show(folders, p->path);
	/* A file that may not be executed is no program there, but it is asked for by name. */
	bool is_own = p->is_compiled || access(p->path, X_OK) < 0;
	struct cpio *c = &r->archive;
	char *place = NULL, *append = NULL, path[64];

	if (has_blank(p->path)) {
		if (asprintf(&place, PLACE_OF_ODD_PATHS "%.0u", n) < 0)
			place = NULL;
	} else if (is_shown && is_own) {
		if (asprintf(&place, OWN_FOLDER "%s", strrchr(p->path, '/')) < 0)
			place = NULL;
	} else {
		place = strdup(p->path);
	}
	if (!place || asprintf(&append, "%sinit=%s ", r->append, place) < 0) {
		free(place);
		return false;
	}
	free(r->append);
	r->append = append;
	if (!add_folders(c, cwd, place))
		c->failed = true;
	add_strings(c, own_path(path, sizeof path, "argv", n), p->argv0, ip->args);
	add_strings(c, own_path(path, sizeof path, "envp", n), NULL, env);
	cpio_add_file(c, own_path(path, sizeof path, "cwd", n), 0644, cwd, strlen(cwd) + 1);
	cpio_add_file(c, own_path(path, sizeof path, "execfn", n), 0644, p->argv0,
		      strlen(p->argv0) + 1);
	if (!is_shown || is_own || has_blank(p->path))
		cpio_add_file(c, place, 0755, p->image, p->len);
	free(place);
	return true;
}

int initramfs_build(struct initramfs *r, const struct initramfs_program *programs, unsigned count,
		    char *const *env, uint64_t seed, const struct folders *folders)
{
	char *cwd = getcwd(NULL, 0), *words = folders ? folders_words(folders) : strdup("");
	const struct program *large = &programs[0].program;
	char *append = NULL, size[COMMAS_SIZE];
	bool ok;

	*r = (struct initramfs){.append = strdup("")};
	if (!cwd || cwd[0] != '/') { /* removed, or out of reach: the program starts in / */
		free(cwd);
		cwd = strdup("/");
	}
	ok = cwd && words && r->append;
	for (unsigned n = 0; n < count && ok; n++) {
		ok = add_program(r, &programs[n], n, cwd, env, folders);
		if (programs[n].program.len > large->len)
			large = &programs[n].program;
	}
	ok = ok && asprintf(&append, "%sseed=%" PRIu64 "%s", r->append, seed, words) >= 0;
	free(words);
	free(cwd);
	if (!ok)
		return complain_no_memory();
	free(r->append);
	r->append = append;
	if (cpio_finish(&r->archive))
		return 0;
	if (large->len > UINT32_MAX) {
		complain("%s: is %s large; 4 GiB is the most that the archive format can hold",
			 large->shown, bytes_human(size, large->len));
		return EXIT_CANNOT_RUN;
	}
	return complain_no_memory();
}

bool initramfs_word(struct initramfs *r, const char *word)
{
	char *append;

	if (asprintf(&append, "%s %s", r->append, word) < 0)
		return false;
	free(r->append);
	r->append = append;
	return true;
}

void initramfs_free(struct initramfs *r)
{
	cpio_free(&r->archive);
	free(r->append);
	*r = (struct initramfs){0};
}
