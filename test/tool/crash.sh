# A program that dies of a fault: limpid dies of the same signal and explains the fault.
. test/tool/common.inc
L=$LIMPID

cat > die.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <signal.h>
static const char text[] = "constant";
static char data[8192] = {1};
static int recurse(int n)
{
	volatile char b[4000];
	b[0] = (char)n;
	return recurse(n + 1) + b[0];
}
int main(int argc, char **argv)
{
	char *how = argv[1], *p;
	printf("before\n");
	fflush(stdout);
	if (!strcmp(how, "null")) return *(volatile int *)8;
	if (!strcmp(how, "const")) *(volatile char *)text = 1;
	if (!strcmp(how, "data")) data[0]++, ((void (*)(void))data)();
	if (!strcmp(how, "jump")) ((void (*)(void))0)();
	if (!strcmp(how, "stack")) return recurse(0);
	if (!strcmp(how, "kernel")) return *(volatile int *)0xffffffff80200000;
	if (!strcmp(how, "wild")) return *(volatile int *)0x4141414141414141;
	if (!strcmp(how, "misaligned"))
		__asm__ volatile("amoadd.w x0, x0, (%0)" ::"r"(data + 1));
	if (!strcmp(how, "far")) ((void (*)(void))0x12345678)();
	if (!strcmp(how, "illegal")) __asm__ volatile(".word 0");
	if (!strcmp(how, "abort")) abort();
	if (!strcmp(how, "raise")) raise(SIGSEGV);
	if (!strcmp(how, "guard")) {
		p = mmap(0, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		p[0] = 1;
	}
	if (!strcmp(how, "unmapped")) {
		p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		p[0] = 1;
		munmap(p, 8192);
		p[0] = 2;
	}
	if (!strcmp(how, "memory"))
		for (;;)
			memset(malloc(1 << 20), 1, 1 << 20);
	return 0;
}
C
"${CROSS}gcc" -g -O0 -w -static -fno-stack-protector -o die die.c || exit 1

dies() { # HOW STATUS PATTERN...
	local how=$1 want=$2
	shift 2
	run "$L" run --memory 64M ./die "$how"
	expect "$how" "$want" "$@"
	is "$how: what it wrote before is there" [ "$(cat out)" = before ]
	is "$how: at most 24 lines of 80 columns" awk 'length > 80 { bad = 1 } END { exit bad || NR > 24 }' err
}
dies null 139 '^limpid: pid 1 (die) died of SIGSEGV' '^It loaded from 0x8, where nothing is mapped' \
	'main+0x' 'VPN 0 | 0 | 0, offset 0x008' '<-- not valid' 'Check: a null pointer'
dies const 139 '^It stored to .*, which may not be written' 'data     text' 'VR-XU-A-.*<-- no W\|VR--U-A-.*<-- no W' 'VMA .* r-x  die'
dies data 139 '^It jumped to .*, which may not be executed' '<-- no X' 'VMA .* rw-  die'
dies misaligned 135 '^It stored to .*1, which is not a multiple' 'data     data+0x1' 'Check: an atomic'
dies far 139 '^It jumped to 0x12345678, where nothing is mapped'
is "far: no name for an address outside the program" grep -q 'pc       0x12345678$' err
dies jump 139 '^It jumped to 0x0' 'null function pointer'
dies stack 139 'recurse' 'rw-  stack, ' 'Check: the stack is full'
dies kernel 139 'belongs to the kernel' 'VPN 510 | 1 | 0' "<-- no U"
dies wild 139 'not an address' 'bits 63 to 38'
dies illegal 132 'died of SIGILL' 'main+0x' 'instruction 0x0000'
dies guard 139 'reserved, with no access' '---  '
dies unmapped 139 'was .*unmapped since' 'use after munmap'
dies memory 137 '^limpid: killed: all 64 MiB of memory are in use; .*--memory 128M'
run "$L" run ./die abort
expect "abort() dies of SIGABRT" 134
is "... and needs no explanation" [ ! -s err ]
run "$L" run ./die raise
expect "a signal sent to itself" 139
is "... is no fault" [ ! -s err ]
sh -c "\"$L\" run ./die null; exit 0" > out 2>&1
is "no core file is left" [ -z "$(ls | grep '^core')" ]

"${CROSS}gcc" -g -O0 -w -static-pie -o pie die.c 2> /dev/null && {
	run "$L" run ./pie null
	expect "position-independent: the function is named" 139 'main+0x'
}
"${CROSS}strip" -o stripped die
run "$L" run ./stripped null
expect "without symbols" 139 'Check: a null pointer'

run "$L" run --max-instructions 30000000 ./die stack
expect "--max-instructions, enough" 139
echo 'int main(void) { for (;;) ; }' > loop.c
run "$L" run --max-instructions 50000000 loop.c
expect "--max-instructions stops a loop" 124 '^limpid: stopped after 50,000,000 instructions (--max-instructions)$'
