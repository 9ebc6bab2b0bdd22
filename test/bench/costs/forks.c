/*
 * Costs of fork and exec.
 *
 * A fork that puts its work off pays at the first touches; so rows beside the plain ones count what
 * parent and child do with the memory afterwards, from before the fork.
 */
#define _GNU_SOURCE
#include "costs.h"
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a process of `len` resident bytes forks and ends. */
static void fork_exit_wait(const char *row, size_t len, int times)
{
	char *at = map(len);
	uint64_t t = 0;

	touch(at, len);
	for (int i = 0; i < 1 + times; i++) {
		pid_t child;

		if (i == 1)
			t = now();
		child = fork();
		die_if(child < 0, "fork");
		if (child == 0)
			_exit(0);
		die_if(waitpid(child, NULL, 0) != child, "waitpid");
	}
	report(row, now() - t, (uint64_t)times);
	unmap(at, len);
}

/* fork; the child lives; the parent writes one byte in each `step` of `len`. */
static void parent_writes(const char *row, size_t len, size_t step)
{
	char *at = map(len);
	uint64_t t = 0;

	touch(at, len);
	for (int i = 0; i < 2; i++) {
		pid_t child;

		t = now();
		child = fork();
		die_if(child < 0, "fork");
		if (child == 0)
			for (;;)
				pause();
		for (size_t n = 0; n < len; n += step)
			((volatile char *)at)[n] = 2;
		t = now() - t;
		kill(child, SIGKILL);
		die_if(waitpid(child, NULL, 0) != child, "waitpid");
	}
	report(row, t, len / step);
	unmap(at, len);
}

/* fork; the child reads all. */
static void child_reads(const char *row, size_t len)
{
	char *at = map(len);
	volatile uint64_t *end =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t t = 0;

	die_if(end == MAP_FAILED, "mmap");
	touch(at, len);
	for (int i = 0; i < 2; i++) {
		pid_t child;

		t = now();
		child = fork();
		die_if(child < 0, "fork");
		if (child == 0) {
			for (size_t n = 0; n < len; n += PAGE)
				(void)((volatile char *)at)[n];
			*end = now();
			_exit(0);
		}
		die_if(waitpid(child, NULL, 0) != child, "waitpid");
		t = *end - t;
	}
	report(row, t, len / PAGE);
	unmap(at, len);
	unmap((void *)end, PAGE);
}

/* The least program that there is: exit(0). */
static void tiny_write(const char *path)
{
	static const uint32_t code[] = {
	    0x00000513, /* li a0, 0 */
	    0x05d00893, /* li a7, 93 */
	    0x00000073, /* ecall */
	};
	const uint64_t base = 0x10000, head = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	const Elf64_Ehdr eh = {
	    .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
	    .e_type = ET_EXEC,
	    .e_machine = EM_RISCV,
	    .e_version = EV_CURRENT,
	    .e_entry = base + head,
	    .e_phoff = sizeof(Elf64_Ehdr),
	    .e_ehsize = sizeof(Elf64_Ehdr),
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_phnum = 1,
	};
	const Elf64_Phdr ph = {
	    .p_type = PT_LOAD,
	    .p_flags = PF_R | PF_X,
	    .p_vaddr = base,
	    .p_paddr = base,
	    .p_filesz = head + sizeof code,
	    .p_memsz = head + sizeof code,
	    .p_align = PAGE,
	};
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);

	die_if(fd < 0, path);
	die_if(write(fd, &eh, sizeof eh) != sizeof eh || write(fd, &ph, sizeof ph) != sizeof ph ||
		   write(fd, code, sizeof code) != sizeof code,
	       "write");
	close(fd);
}

static void exec_tiny(void)
{
	const int warm = 4, times = 100;
	char path[] = "/tmp/costs-tiny";
	char *argv[] = {path, NULL}, *envp[] = {NULL};
	volatile uint64_t t = 0;

	mkdir("/tmp", 0777);
	tiny_write(path);
	for (int i = 0; i < warm + times; i++) {
		pid_t child;
		int status;

		if (i == warm)
			t = now();
		child = vfork();
		die_if(child < 0, "vfork");
		if (child == 0) {
			execve(path, argv, envp);
			_exit(127);
		}
		die_if(waitpid(child, &status, 0) != child || status != 0, "the tiny program");
	}
	report("exec", now() - t, (uint64_t)times);
	unlink(path);
}

void measure_forks(void)
{
	exec_tiny();
	fork_exit_wait("fork-1M", MIB, 20);
	fork_exit_wait("fork-16M", 16 * MIB, 5);
	fork_exit_wait("fork-256M", 256 * MIB, 2);
	parent_writes("fork-parent-writes", 16 * MIB, PAGE);
	child_reads("fork-child-reads", 16 * MIB);
	parent_writes("fork-parent-sparse", 256 * MIB, 2 * MIB);
}
