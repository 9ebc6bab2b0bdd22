/*
 * The cross compiler, run as a child.
 *
 * The flags -O0 -g -fno-omit-frame-pointer come first and the user's last, so
 * that the user's win: what the lens shows should look like the source, unless
 * somebody wants to see what the optimiser makes of it.
 *
 * While the compiler runs, SIGINT, SIGTERM and SIGHUP are blocked here and not
 * in the child: a ^C ends the compiler, the folder is removed, and then the
 * signal is taken.
 */
#define _GNU_SOURCE
#include "tool/compile.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/tool.h"

extern char **environ;

#define MAX_WORDS 256 /* of a command line */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

static bool is_cplusplus(const char *name)
{
	return has_suffix(name, ".cc") || has_suffix(name, ".cpp") || has_suffix(name, ".cxx");
}

bool compile_is_source(const char *name)
{
	return has_suffix(name, ".c") || is_cplusplus(name);
}

/* Words between blanks, appended to a NULL-ended list. => false: too many. */
static bool add_words(char **list, unsigned *count, char *text)
{
	char *state;

	for (char *w = strtok_r(text, " \t\n", &state); w; w = strtok_r(NULL, " \t\n", &state)) {
		if (*count + 1 >= MAX_WORDS)
			return false;
		list[(*count)++] = w;
	}
	return true;
}

/* => wait status, or -1 with errno: the compiler could not be started. */
static int run_compiler(char **words)
{
	posix_spawnattr_t attr;
	sigset_t blocked, before, defaults;
	pid_t pid;
	int status, error;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &before);

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &before);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	error = posix_spawnp(&pid, words[0], NULL, &attr, words, environ);
	posix_spawnattr_destroy(&attr);
	if (error) {
		errno = error;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static void allow_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* => 0, or an exit status; a line was printed. */
static int judge(const char *source, const char *compiler, bool own, int status)
{
	if (status == -1 && errno == ENOENT) {
		if (own)
			complain("%s: cannot be compiled: %s is not installed; apt-get install %s",
				 source, compiler,
				 is_cplusplus(source) ? "g++-riscv64-linux-gnu"
						      : "gcc-riscv64-linux-gnu");
		else
			complain("%s: cannot be compiled: --cc %s: not found", source, compiler);
		return EXIT_CANNOT_RUN;
	}
	if (status == -1) {
		complain("%s: cannot be compiled: %s: %s", source, compiler, strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (WIFSIGNALED(status)) {
		complain("%s: not compiled: %s died of signal %d", source, compiler,
			 WTERMSIG(status));
		return EXIT_CANNOT_RUN;
	}
	if (WEXITSTATUS(status) != 0) {
		complain("%s: not run, since it does not compile; %s says why above", source,
			 compiler);
		return EXIT_CANNOT_RUN;
	}
	return 0;
}

/* => the folder's name, or NULL: a line was printed. */
static char *make_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *folder;

	if (!tmp || tmp[0] != '/')
		tmp = "/tmp";
	if (asprintf(&folder, "%s/limpid-XXXXXX", tmp) < 0) {
		complain_no_memory();
		return NULL;
	}
	if (!mkdtemp(folder)) {
		complain("%s: cannot make a temporary folder: %s", tmp, strerror(errno));
		free(folder);
		return NULL;
	}
	return folder;
}

int compile(const char *source, const char *cc, const char *cflags, char **folder, char **file)
{
	const char *name = cc                     ? cc
			   : is_cplusplus(source) ? "riscv64-linux-gnu-g++"
						  : "riscv64-linux-gnu-gcc";
	char *words[MAX_WORDS + 16], *out = NULL, *operand = NULL;
	char *command = strdup(name), *flags = strdup(cflags ? cflags : "");
	unsigned n = 0;
	int status = EXIT_TROUBLE;

	*folder = make_folder();
	*file = NULL;
	if (!*folder)
		goto out;
	/* A name that begins with a dash is no option of the compiler's. */
	if (!command || !flags || asprintf(&out, "%s/program", *folder) < 0 ||
	    asprintf(&operand, "%s%s", source[0] == '-' ? "./" : "", source) < 0) {
		complain_no_memory();
		goto out;
	}
	if (!add_words(words, &n, command) || n == 0) {
		complain("--cc '%s': not a command", name);
		goto out;
	}
	words[n++] = "-O0";
	words[n++] = "-g";
	words[n++] = "-fno-omit-frame-pointer";
	words[n++] = "-static";
	words[n++] = operand;
	if (!add_words(words, &n, flags)) {
		complain("--cflags: more than %d words", MAX_WORDS);
		goto out;
	}
	words[n++] = "-lm"; /* what a -static link does not need costs nothing */
	words[n++] = "-o";
	words[n++] = out;
	words[n] = NULL;

	status = judge(source, words[0], !cc, run_compiler(words));
	if (status == 0) {
		*file = out;
		out = NULL;
	}
out:
	/* here: what a failing compiler was killed by may be pending; the folder goes first */
	if (status != 0 && *folder) {
		compile_clean(*folder);
		*folder = NULL;
	}
	if (status != 0)
		allow_signals();
	free(out);
	free(operand);
	free(command);
	free(flags);
	return status;
}

void compile_clean(char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(folder);
	free(folder);
	allow_signals();
}
