/* Restartable sequences: registering, the number of the processor, and being disturbed. */
#include "test/guest/conf.h"
#include <sys/auxv.h>
#include <sys/rseq.h>

struct area {
	uint32_t cpu_id_start, cpu_id;
	uint64_t cs;
	uint32_t flags, node_id, mm_cid, pad;
} __attribute__((aligned(32)));

#ifndef RSEQ_SIG
#define RSEQ_SIG 0xf1401073
#endif

static struct area area, other, own;

static long reg(struct area *a, unsigned len, int flags, unsigned signature)
{
	return syscall(SYS_rseq, a, len, flags, signature);
}

/* => the area that is registered: by a C library that does so, or now. */
static struct area *registered(void)
{
	if (__rseq_size)
		return (struct area *)((char *)__builtin_thread_pointer() + __rseq_offset);
	reg(&own, 32, 0, RSEQ_SIG);
	return &own;
}

static void registering(void)
{
	struct area *libc = registered();

	IS(libc->cpu_id == libc->cpu_id_start && (int)libc->cpu_id >= 0);
	T(reg(&area, 32, 0, RSEQ_SIG)); /* the C library's is registered */
	T(reg(libc, 32, 0, RSEQ_SIG + 1));
	T(reg(libc, 32, 0, RSEQ_SIG));
	T(reg(libc, 32, 2, RSEQ_SIG));
	T(reg(libc, 32, 1, RSEQ_SIG + 1));
	T(reg(libc, 31, 1, RSEQ_SIG));
	T(reg(&area, 32, 1, RSEQ_SIG));
	T(reg(libc, 32, 1 | 2, RSEQ_SIG));
	T(reg(libc, 32, 1, RSEQ_SIG));
	printf("cpu_id %d, start %d\n", (int)libc->cpu_id, (int)libc->cpu_id_start);
	T(reg(libc, 32, 1, RSEQ_SIG));
	T(reg((struct area *)((char *)&area + 8), 32, 0, RSEQ_SIG));
	T(reg(&area, 16, 0, RSEQ_SIG));
	T(reg(&area, 0, 0, RSEQ_SIG));
	T(reg((struct area *)0x7fffffffffffffe0, 32, 0, RSEQ_SIG));
	T(reg(&area, 32, 0, RSEQ_SIG));
	IS((int)area.cpu_id >= 0 && area.cpu_id == area.cpu_id_start);
	unsigned cpu;
	syscall(SYS_getcpu, &cpu, NULL, NULL);
	IS(area.cpu_id == cpu);
	say_status("a child has it",
		   CHILD(T(reg(&area, 32, 0, RSEQ_SIG)); T(reg(&other, 32, 0, RSEQ_SIG))));
	T(reg(&area, 32, 1, RSEQ_SIG));
	IS(getauxval(28) >= 32 || getauxval(28) == 0); /* AT_RSEQ_ALIGN */
}

/* Waits in a sequence until it is disturbed. => 1: it was. */
static int sequence(struct area *a)
{
	int r = 0;

#ifdef __riscv
	__asm__ volatile(".pushsection .data.rseq, \"aw\"\n"
			 "	.balign 32\n"
			 "9:	.word 0, 0\n"
			 "	.dword 1f, 2f - 1f, 4f\n"
			 "	.popsection\n"
			 "	la t0, 9b\n"
			 "	sd t0, 8(%1)\n"
			 "1:	j 1b\n"
			 "2:	j 5f\n"
			 "	.word 0xf1401073\n"
			 "4:	li %0, 1\n"
			 "5:\n"
			 : "+r"(r)
			 : "r"(a)
			 : "t0", "memory");
#else
	__asm__ volatile(".pushsection .data.rseq, \"aw\"\n"
			 "	.balign 32\n"
			 "9:	.long 0, 0\n"
			 "	.quad 1f, 2f - 1f, 4f\n"
			 "	.popsection\n"
			 "	leaq 9b(%%rip), %%rax\n"
			 "	movq %%rax, 8(%1)\n"
			 "1:	jmp 1b\n"
			 "2:	jmp 5f\n"
			 "	.byte 0x0f, 0xb9, 0x3d\n"
			 "	.long 0x53053053\n"
			 "4:	movl $1, %0\n"
			 "5:\n"
			 : "+r"(r)
			 : "r"(a)
			 : "rax", "memory");
#endif
	return r;
}

static volatile int hits;

static void on(int signo)
{
	(void)signo;
	hits++;
}

static void disturbed(void)
{
	struct area *libc = registered();
	struct itimerval it = {.it_value = {0, 5000}};
	unsigned long one = 1;
	int status, n = 0;

	reg(libc, 32, 1, RSEQ_SIG);
	T(reg(&area, 32, 0, RSEQ_SIG));
	signal(SIGALRM, on);
	setitimer(ITIMER_REAL, &it, NULL);
	while (!hits)
		n = sequence(&area);
	printf("by a signal: %d\n", n);
	n = 0;
	IS(area.cs == 0);
	/* By another that wants the processor. */
	syscall(SYS_sched_setaffinity, 0, sizeof one, &one);
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			;
	for (int i = 0; i < 5; i++)
		n += sequence(&area);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("by another process: %d\n", n);
	IS(area.cpu_id == 0);
	/* A sequence that was left is forgotten. */
	static struct {
		uint32_t version, flags;
		uint64_t start, len, abort;
	} __attribute__((aligned(32))) s = {0, 0, 0x1000, 16, 0x2000};
	uint32_t *before =
	    mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	before[1023] = RSEQ_SIG;
	s.start = (uint64_t)(uintptr_t)before;
	s.abort = (uint64_t)(uintptr_t)(before + 1024);
	area.cs = (uint64_t)(uintptr_t)&s;
	raise(SIGALRM);
	IS(area.cs == 0);
	/* What is wrong kills. */
	before[1023] = 0;
	say_status("bad signature", CHILD(area.cs = (uint64_t)(uintptr_t)&s; raise(SIGALRM)));
	before[1023] = RSEQ_SIG;
	say_status("bad version",
		   CHILD(s.version = 1; area.cs = (uint64_t)(uintptr_t)&s; raise(SIGALRM)));
	say_status("abort inside",
		   CHILD(s.abort = s.start + 8; area.cs = (uint64_t)(uintptr_t)&s; raise(SIGALRM)));
	say_status("nowhere", CHILD(area.cs = 16; raise(SIGALRM)));
	T(reg(&area, 32, 1, RSEQ_SIG));
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {{"registering", registering}, {"disturbed", disturbed}};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
