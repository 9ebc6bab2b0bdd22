/* execve and execveat: errors, scripts, arguments, what survives and what does not. */
#include "test/guest/conf.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>

/* Not known to the compiler, which would warn of what is wrong on purpose. */
static int (*volatile k_execve)(const char *, char *const *, char *const *) = execve;

static volatile int *shared;
static char self[4096], dir[] = "/tmp/execXXXXXX", path[8192];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const void *text, size_t len, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (write(fd, text, len) != (ssize_t)len)
		exit(98);
	fchmod(fd, mode);
	close(fd);
}

static void put_text(const char *name, const char *text, mode_t mode)
{
	put(name, text, strlen(text), mode);
}

static void copy_self(const char *name)
{
	int fd = open(self, O_RDONLY), out = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0700);
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			exit(98);
	close(fd);
	close(out);
}

/* This program again, in a child: what it prints of itself. */
static void run(const char *what, const char *file, char *const argv[], char *const envp[])
{
	int status = CHILD(say(what, k_execve(file, argv, envp)));

	say_status(what, status);
}

static char *show[] = {"shown", "+args", "one", "", "two words", NULL};
static char *env[] = {"A=1", "B=", NULL};

static void errors(void)
{
	char *argv[] = {"x", NULL};
	char *long_arg = malloc(140000);
	char **many = malloc(400000 * sizeof *many);
	char buf[5000];

	T(k_execve(NULL, argv, env));
	T(k_execve(BAD, argv, env));
	T(k_execve("", argv, env));
	T(k_execve("/nowhere", argv, env));
	T(k_execve("/tmp", argv, env));
	T(k_execve("/dev/null", argv, env));
	T(k_execve("/tmp/", argv, env));
	T(k_execve(self, BAD, env));
	T(k_execve(self, argv, BAD));
	memset(buf, 'a', sizeof buf);
	buf[4999] = 0;
	T(k_execve(buf, argv, env));
	buf[300] = 0;
	T(k_execve(buf, argv, env));
	put_text("plain", "hello\n", 0600);
	T(k_execve(in_dir("plain"), argv, env));
	put_text("plain", "hello\n", 0700);
	T(k_execve(in_dir("plain"), argv, env));
	T(k_execve(in_dir("plain/x"), argv, env));
	put_text("empty", "", 0700);
	T(k_execve(in_dir("empty"), argv, env));
	put("elf", "\177ELF\2\1\1", 7, 0700);
	T(k_execve(in_dir("elf"), argv, env));
	symlink("loop", in_dir("loop"));
	T(k_execve(in_dir("loop"), argv, env));
	symlink("nothing", in_dir("dangling"));
	T(k_execve(in_dir("dangling"), argv, env));
	int fd = open(in_dir("open"), O_WRONLY | O_CREAT, 0700);
	T(k_execve(in_dir("open"), argv, env));
	close(fd);
	T(k_execve(in_dir("open"), argv, env));

	memset(long_arg, 'b', 139999);
	long_arg[131072] = 0;
	T(k_execve(self, (char *[]){"x", long_arg, NULL}, env));
	long_arg[131071] = 0;
	for (int i = 0; i < 100; i++)
		many[i] = long_arg;
	many[100] = NULL;
	T(k_execve(self, many, env));
	for (int i = 0; i < 399999; i++)
		many[i] = "cccccccccccc";
	many[399999] = NULL;
	T(k_execve(self, many, env));
	T(k_execve(self, argv, many));
	many[1000] = NULL;
	many[1] = "+count";
	run("1000 arguments", self, many, env);
	free(many);
	free(long_arg);

	T(syscall(SYS_execveat, AT_FDCWD, "/nowhere", argv, env, 0));
	T(syscall(SYS_execveat, 999, "x", argv, env, 0));
	T(syscall(SYS_execveat, 0, "x", argv, env, 0));
	T(syscall(SYS_execveat, AT_FDCWD, self, argv, env, 0x4000));
	T(syscall(SYS_execveat, AT_FDCWD, "", argv, env, 0));
	T(syscall(SYS_execveat, AT_FDCWD, "", argv, env, AT_EMPTY_PATH));
	T(syscall(SYS_execveat, 999, "", argv, env, AT_EMPTY_PATH));
	symlink(self, in_dir("link"));
	T(syscall(SYS_execveat, AT_FDCWD, in_dir("link"), argv, env, AT_SYMLINK_NOFOLLOW));
}

static void arguments(void)
{
	run("plain", self, show, env);
	run("no environment", self, show, NULL);
	say_status("no arguments",
		   CHILD(k_execve(self, NULL, (char *[]){"CONF_EXEC_BARE=1", NULL})));
	run("an empty vector", self, (char *[]){NULL}, (char *[]){"CONF_EXEC_BARE=1", NULL});
	int fd = open(self, O_RDONLY | O_CLOEXEC);
	int folder = open(dir, O_RDONLY | O_DIRECTORY);
	copy_self("copy");
	say_status("execveat by descriptor",
		   CHILD(T(syscall(SYS_execveat, fd, "", show, env, AT_EMPTY_PATH))));
	say_status("execveat below a folder",
		   CHILD(T(syscall(SYS_execveat, folder, "copy", show, env, 0))));
	say_status("fexecve", CHILD(T(fexecve(fd, show, env))));
	close(folder);
	/* Opened for writing while it runs: refused. */
	say_status("running", CHILD({
			   k_execve(in_dir("copy"), (char *[]){"copy", "+busy", path, NULL}, env);
		   }));
}

static void scripts(void)
{
	char line[5000];

	snprintf(line, sizeof line, "#!%s +args\nignored\n", self);
	put_text("script", line, 0700);
	run("script", in_dir("script"), (char *[]){"zero", "one", "two", NULL}, env);
	snprintf(line, sizeof line, "#! \t %s \t+args with  spaces \t \nignored\n", self);
	put_text("spaces", line, 0700);
	run("one argument, trimmed", in_dir("spaces"), (char *[]){"zero", "one", NULL}, env);
	snprintf(line, sizeof line, "#!%s", self);
	put_text("noline", line, 0700);
	run("no end of line", in_dir("noline"), (char *[]){"zero", "+args", NULL}, env);
	/* Interpreters of interpreters. */
	for (int depth = 0; depth < 6; depth++) {
		char name[16], prev[64];

		snprintf(name, sizeof name, "level%d", depth);
		snprintf(prev, sizeof prev, "%s/level%d", dir, depth - 1);
		snprintf(line, sizeof line, "#!%s%s\n", depth ? prev : self,
			 depth ? "" : " +count");
		put_text(name, line, 0700);
		run(name, in_dir(name), (char *[]){"zero", NULL}, env);
	}
	put_text("nowhere", "#!/nowhere/at/all\n", 0700);
	run("no interpreter", in_dir("nowhere"), show, env);
	put_text("blank", "#!\n", 0700);
	run("blank", in_dir("blank"), show, env);
	put_text("blank2", "#! \t \n", 0700);
	run("blanks", in_dir("blank2"), show, env);
	put_text("folder", "#!/tmp\n", 0700);
	run("a folder", in_dir("folder"), show, env);
	put_text("noexec", "#!/dev/null\n", 0700);
	run("no program", in_dir("noexec"), show, env);
	snprintf(line, sizeof line, "#!%s +count\n", self);
	put_text("unreadable", line, 0100);
	run("a script that cannot be read", in_dir("unreadable"), (char *[]){"z", NULL}, env);
	put_text("data", "#!/bin/sh\n", 0600);
	run("not executable", in_dir("data"), show, env);
	memset(line, 'a', 600);
	line[600] = 0;
	memcpy(line, "#!/", 3);
	put_text("long", line, 0700);
	run("a name that is cut", in_dir("long"), show, env);
	/* A script by descriptor is named by /dev/fd; if that closes, it is not there. */
	int fd = open(in_dir("script"), O_RDONLY | O_CLOEXEC);
	say_status("close-on-exec script",
		   CHILD(T(syscall(SYS_execveat, fd, "", show, env, AT_EMPTY_PATH))));
	close(fd);
}

static void nothing(int signo)
{
	(void)signo;
}

static void *other_thread(void *arg)
{
	while (arg || !arg)
		pause();
	return NULL;
}

static void *thread_execs(void *arg)
{
	k_execve(self, arg, env);
	return NULL;
}

static void survival(void)
{
	sigset_t set;
	pthread_t t;

	say_status("state", CHILD({
			   int keep = open("/dev/null", O_RDONLY);
			   int lose = open("/dev/null", O_RDONLY | O_CLOEXEC);
			   char a[16], b[16];
			   stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};

			   snprintf(a, sizeof a, "%d", keep);
			   snprintf(b, sizeof b, "%d", lose);
			   signal(SIGUSR1, nothing);
			   signal(SIGUSR2, SIG_IGN);
			   sigemptyset(&set);
			   sigaddset(&set, SIGTERM);
			   sigprocmask(SIG_BLOCK, &set, NULL);
			   raise(SIGTERM);
			   sigaltstack(&alt, NULL);
			   alarm(1000);
			   prctl(PR_SET_NAME, "renamed");
			   prctl(PR_SET_KEEPCAPS, 1);
			   prctl(PR_SET_PDEATHSIG, SIGUSR2);
			   umask(027);
			   nice(3);
			   chdir(dir);
			   k_execve(self, (char *[]){"shown", "+state", a, b, NULL}, env);
		   }));
	/* The process keeps its number whichever thread execs; the others are gone. */
	for (int which = 0; which < 2; which++)
		say_status(which ? "another thread execs" : "the first thread execs", CHILD({
				   char pid[16];
				   char *argv[] = {"shown", "+pid", pid, NULL};

				   snprintf(pid, sizeof pid, "%d", getpid());
				   for (int i = 0; i < 3; i++)
					   pthread_create(&t, NULL, other_thread, NULL);
				   usleep(1000);
				   if (!which)
					   k_execve(self, argv, env);
				   pthread_create(&t, NULL, thread_execs, argv);
				   for (;;)
					   pause();
			   }));
	/* A failing exec leaves all as it was. */
	say_status("failure", CHILD({
			   pthread_create(&t, NULL, other_thread, NULL);
			   T(k_execve("/nowhere", show, env));
			   T(pthread_kill(t, 0));
			   signal(SIGUSR1, nothing);
			   T(k_execve(in_dir("plain"), show, env));
			   IS(signal(SIGUSR1, SIG_DFL) == nothing);
		   }));
	/* The parent of a vfork goes on when its child has a program. */
	shared[0] = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		k_execve(self, (char *[]){"shown", "+sleep", NULL}, env);
		_exit(1);
	}
	int status;
	T(waitpid(pid, &status, WNOHANG));
	waitpid(pid, &status, 0);
	say_status("vfork and exec", status);
}

static void remove_all(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

/* What the program says of itself when it was exec'ed. */
static int shown(int argc, char **argv)
{
	struct sigaction a;
	sigset_t set;
	stack_t alt;
	char buf[128] = {0};
	int value = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1 || !strcmp(argv[1], "+args") || !strncmp(argv[1], "+args ", 6)) {
		printf("argc %d\n", argc);
		for (int i = argc > 0 ? 0 : 1; i < argc; i++) {
			const char *s = argv[i];

			/* Names are not the same everywhere. */
			if (strcmp(s, self) == 0)
				s = "SELF";
			else if (strncmp(s, "/tmp/exec", 9) == 0)
				s = strrchr(s, '/');
			printf("argv %d '%s'\n", i, s);
		}
		for (char **e = environ; *e; e++)
			printf("env '%s'\n", *e);
		return 7;
	}
	if (!strcmp(argv[1], "+count")) {
		printf("argc %d\n", argc);
		return 8;
	}
	if (!strcmp(argv[1], "+busy")) {
		T(open(argv[2], O_WRONLY));
		T(truncate(argv[2], 0));
		T(open(argv[2], O_RDONLY) > 0 ? 0 : -1);
		return 9;
	}
	if (!strcmp(argv[1], "+pid")) {
		IS(getpid() == atoi(argv[2]) && gettid() == getpid());
		return 10;
	}
	if (!strcmp(argv[1], "+sleep")) {
		sleep_ms(20);
		return 11;
	}
	T(fcntl(atoi(argv[2]), F_GETFD));
	T(fcntl(atoi(argv[3]), F_GETFD));
	sigaction(SIGUSR1, NULL, &a);
	IS(a.sa_handler == SIG_DFL);
	sigaction(SIGUSR2, NULL, &a);
	IS(a.sa_handler == SIG_IGN);
	sigprocmask(SIG_BLOCK, NULL, &set);
	IS(sigismember(&set, SIGTERM));
	sigpending(&set);
	IS(sigismember(&set, SIGTERM));
	sigaltstack(NULL, &alt);
	printf("alternate stack: %d\n", alt.ss_flags);
	IS(alarm(0) > 990);
	prctl(PR_GET_NAME, buf);
	IS(strcmp(buf, "renamed") != 0);
	T(prctl(PR_GET_KEEPCAPS));
	T(prctl(PR_GET_PDEATHSIG, &value));
	printf("pdeathsig %d\n", value);
	printf("umask %o\n", umask(0));
	T(getpriority(PRIO_PROCESS, 0));
	IS(getcwd(buf, sizeof buf) && strncmp(buf, "/tmp/exec", 9) == 0);
	return 12;
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {{"errors", errors},
					    {"arguments", arguments},
					    {"scripts", scripts},
					    {"survival", survival}};
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0)
		self[n] = 0;
	if (getenv("CONF_EXEC_BARE")) {
		printf("bare: argc %d, argv[0] '%s'\n", argc, argv[0] ? argv[0] : "(null)");
		return 6;
	}
	if (argc > 1 && argv[1][0] == '+')
		return shown(argc, argv);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unprivileged();
	/* A program that others may run. */
	if (!mkdtemp(dir))
		return 97;
	copy_self("self");
	snprintf(self, sizeof self, "%s/self", dir);
	int status = run_parts(argc, argv, parts, ARRAY_LEN(parts));
	remove_all();
	return status;
}
