/* Faults of a program: which signal, which code, which address. Riscv's own, so conf-fault.out
 * says. */
#include "test/guest/conf.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf out;
static volatile int signo, code;
static volatile uintptr_t at, pc;

static void on(int n, siginfo_t *info, void *context)
{
#ifdef __riscv
	pc = ((ucontext_t *)context)->uc_mcontext.__gregs[0];
#else
	(void)context;
#endif
	signo = n;
	code = info->si_code;
	at = (uintptr_t)info->si_addr;
	siglongjmp(out, 1);
}

/* Does `what`; says what came, the address relative to `base`, or the program counter. */
#define FAULTS(name, base, what)                                                                   \
	do {                                                                                       \
		signo = 0;                                                                         \
		if (sigsetjmp(out, 1) == 0) {                                                      \
			what;                                                                      \
		}                                                                                  \
		if (!signo)                                                                        \
			printf("%s: nothing\n", name);                                             \
		else if (at == pc)                                                                 \
			printf("%s: signal %d code %d at the instruction\n", name, signo, code);   \
		else                                                                               \
			printf("%s: signal %d code %d at %+ld\n", name, signo, code,               \
			       (long)(at - (uintptr_t)(base)));                                    \
	} while (0)

static void memory(void)
{
	char name[] = "/tmp/faultXXXXXX";
	int fd = mkstemp(name);
	char *hole =
	    mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *text = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *file, *shared;

	unlink(name);
	if (ftruncate(fd, 100))
		return;
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	munmap(hole + 4096, 4096);
	FAULTS("load from nowhere", hole, *(volatile char *)(hole + 4096 + 5));
	FAULTS("store to nowhere", hole, *(volatile int *)(hole + 4096 + 8) = 1);
	FAULTS("null", 0, *(volatile int *)0);
	FAULTS("near null", 0, *(volatile int *)64 = 1);
	FAULTS("load that is forbidden", none, *(volatile char *)(none + 7));
	FAULTS("store that is forbidden", text, *(volatile char *)(text + 9) = 1);
	FAULTS("store into the program", (uintptr_t)memory & ~1ul,
	       *(volatile short *)((uintptr_t)memory & ~1ul) = 1);
	FAULTS("beyond a file, private", file, *(volatile char *)(file + 4096 + 3));
	FAULTS("beyond a file, shared", shared, *(volatile char *)(shared + 4096 + 3) = 1);
	FAULTS("the file's last page", file, *(volatile char *)(file + 200));
	FAULTS("the kernel's half", 0xffffffff80200000ul, *(volatile char *)0xffffffff80200000ul);
	FAULTS("no address at all", 0x4000000000000000ul, *(volatile char *)0x4000000000000000ul);
	if (ftruncate(fd, 0))
		return;
	FAULTS("a file that shrank", shared, *(volatile char *)(shared + 3));
	close(fd);
}

#ifdef __riscv
static void instructions(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int zero = 0, minus = -1;

	FAULTS("jump to null", 0, ((void (*)(void))0)());
	FAULTS("jump to data", data, ((void (*)(void))data)());
	FAULTS("an instruction of zeros", page, ((void (*)(void))page)());
	FAULTS("no instruction", 0, __asm__ volatile(".word 0xffffffff"));
	FAULTS("unimp", 0, __asm__ volatile("unimp"));
	FAULTS("breakpoint", 0, __asm__ volatile("ebreak"));
	FAULTS("short breakpoint", 0, __asm__ volatile("c.ebreak"));
	FAULTS("the supervisor's register", 0, __asm__ volatile("csrr t0, sstatus" ::: "t0"));
	FAULTS("the supervisor's return", 0, __asm__ volatile("sret"));
	FAULTS("a register that is only read", 0, __asm__ volatile("csrw cycle, t0"));
	FAULTS("division by zero", 0, printf("%d %d\n", 7 / zero, 7 % zero));
	FAULTS("division that overflows", 0, printf("%d\n", INT32_MIN / minus == INT32_MIN));
	FAULTS("atomic, misaligned", page,
	       __asm__ volatile("amoadd.w t0, zero, (%0)" ::"r"(page + 2)
				: "t0", "memory"));
	FAULTS("reserved, misaligned", page,
	       __asm__ volatile("lr.d t0, (%0)" ::"r"(page + 4)
				: "t0", "memory"));
	uint64_t value = 0;
	memcpy(page + 8, "\1\2\3\4\5\6\7\10\11", 9);
	FAULTS("load, misaligned", page,
	       __asm__ volatile("ld %0, 9(%1)"
				: "=r"(value)
				: "r"(page)));
	printf("%llx\n", (unsigned long long)value);
}
#else
static void instructions(void)
{
}
#endif

/* A handler may mend what was wrong, and the instruction is done again. */
static char *guarded;
static volatile int mended;

static void mend(int n, siginfo_t *info, void *context)
{
	(void)n, (void)context;
	if ((uintptr_t)info->si_addr - (uintptr_t)guarded >= 4096)
		_exit(9);
	mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
	mended++;
}

static void mending(void)
{
	struct sigaction a = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};

	guarded = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &a, NULL);
	for (int i = 0; i < 3; i++) {
		mprotect(guarded, 4096, i == 1 ? PROT_NONE : PROT_READ);
		((volatile char *)guarded)[100 + i] = (char)('a' + i);
	}
	printf("mended %d times, %s\n", mended, guarded + 100);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"memory", memory}, {"instructions", instructions}, {"mending", mending}};
	struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_NODEFER};

	for (int i = 0; i < 5; i++)
		sigaction((int[]){SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE}[i], &a, NULL);
	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
