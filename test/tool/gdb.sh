# The debugger's stub, with the real gdb on the other side: `limpid run --gdb`.
. test/tool/common.inc
L=$LIMPID

echo 'int main(void) { return 0; }' > nothing.c
refuses "no port" 125 'run: --gdb : not \[ADDRESS:\]PORT' "$L" run --gdb "" nothing.c
for where in x 65536 1.2.3.4:x :: ::1:80 '[]:80'; do
	refuses "--gdb $where" 125 "run: --gdb .*: not \[ADDRESS:\]PORT; write 1234 or 127" \
		"$L" run --gdb "$where" nothing.c
done
refuses "an address of another machine" 125 'run: --gdb 192.0.2.1:0: ' "$L" run --gdb 192.0.2.1:0 nothing.c

cat > prog.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int counter;
long table[4] = {10, 20, 30, 40};
static int twice(int n)
{
	int r = n * 2;
	return r;
}
int main(void)
{
	int sum = 0;
	printf("start\n");
	for (int i = 0; i < 4; i++) {
		sum += twice((int)table[i]);
		counter = sum;
	}
	char *p = malloc(100000);
	p[50000] = 7;
	double d = sum * 1.5;
	printf("sum %d %d %g\n", sum, p[50000], d);
	return 3;
}
C
cat > loop.c <<'C'
#include <stdio.h>
volatile long spins, stop;
int main(void)
{
	while (!stop)
		spins++;
	printf("stopped\n");
	return 0;
}
C
echo 'int main(void) { return *(volatile int *)8; }' > die.c
for name in prog loop die; do
	"${CROSS}gcc" -g -O0 -w -static -fno-omit-frame-pointer -o $name $name.c || exit 1
done

# listen [OPTION...] PROGRAM: limpid in the background, waiting for gdb. => $port, $limpid.
listen() {
	: > err
	"$L" run --gdb 0 "$@" > out 2> err < /dev/null &
	limpid=$!
	port=
	while [ -z "$port" ] && kill -0 $limpid 2> is.log; do
		port=$(sed -n 's/^limpid: waiting for gdb: target remote 127.0.0.1:\([0-9]*\)$/\1/p' err)
	done
}
# done_with: waits for it. => $status.
done_with() {
	quietly wait $limpid
}

# Without gdb: a peer that is gone, or talks nonsense.
listen ./prog
exec 3<> /dev/tcp/127.0.0.1/$port
printf '$?#3f' >&3
IFS= read -r -d '#' -t 10 answer <&3
exec 3>&-
done_with
is "it stands until gdb has come" [ "${answer:0:6}" = '+$T052' ]
expect "a lost connection: the program goes on" 3
expect_out "... and its output is whole" "$(printf 'start\nsum 200 7 300')"
listen ./prog
exec 3<> /dev/tcp/127.0.0.1/$port
{ head -c 300000 "$L"; printf '$m0,$Z0,#00$vCont;s;s;x#99$k'; } >&3 2> is.log
exec 3>&-
done_with
expect "nonsense: the program goes on" 3

if ! command -v gdb-multiarch > is.log; then
	skip "with gdb" "gdb-multiarch is not installed"
	exit 0
fi

# debug PROGRAM, commands on standard input. => gdb's words in gdb.out, the program's in out, err.
debug() {
	{
		printf 'set pagination off\nset confirm off\nset width 0\nset print address off\n'
		printf 'set style enabled off\ntarget remote :%s\n' "$port"
		cat
	} > commands
	HOME=$dir quietly timeout 60 gdb-multiarch -nx -q -batch -x commands "$1" > gdb.out 2>&1
}
# said NAME PATTERN...: gdb wrote each.
said() {
	local what=$1 pattern
	shift
	for pattern; do
		if ! grep -aqe "$pattern" gdb.out; then
			not_ok "$what" "gdb did not say '$pattern':" "$(tail -n 40 gdb.out)"
			return
		fi
	done
	ok "$what"
}

listen ./prog
debug prog <<'G'
echo --- threads\n
info threads
echo --- main\n
break main
continue
print table
print $priv
next
next
step
step
bt
finish
echo --- watch\n
delete
watch counter
continue
continue
echo --- registers\n
print $zero
print $mhartid
print (unsigned long)$satp >> 60
set var $a0 = 77
print $a0
print $ft0.double = 1.5
print $ft0
echo --- write\n
set var table[3] = 41
print table
echo --- page\n
delete
tbreak 18
continue
next
next
next
print p[50000]
print d
echo --- end\n
continue
G
done_with
# Less what gdb says before: of addresses in which it looks for libraries, and nothing is yet.
sed -n '/^--- threads/,$p' gdb.out | sed 's/ 0x[0-9a-f]* in ?? ()/ ?? ()/' > got
cat > want <<'W'
--- threads
  Id   Target Id                          Frame 
* 1    Thread 1 (hart 0, running, S-mode) ?? ()
--- main
Breakpoint 1: file prog.c, line 12.

Breakpoint 1, main () at prog.c:12
12		int sum = 0;
$1 = {10, 20, 30, 40}
$2 = 0
13		printf("start\n");
14		for (int i = 0; i < 4; i++) {
15			sum += twice((int)table[i]);
twice (n=10) at prog.c:7
7		int r = n * 2;
#0  twice (n=10) at prog.c:7
#1  main () at prog.c:15
main () at prog.c:15
15			sum += twice((int)table[i]);
Value returned is $3 = 20
--- watch
Hardware watchpoint 2: counter

Hardware watchpoint 2: counter

Old value = 0
New value = 20
main () at prog.c:14
14		for (int i = 0; i < 4; i++) {

Hardware watchpoint 2: counter

Old value = 20
New value = 60
main () at prog.c:14
14		for (int i = 0; i < 4; i++) {
--- registers
$4 = 0
$5 = 0
$6 = 8
$7 = 77
$8 = 1.5
$9 = {float = 0, double = 1.5}
--- write
$10 = {10, 20, 30, 41}
--- page
Temporary breakpoint 3: file prog.c, line 18.

Temporary breakpoint 3, main () at prog.c:18
18		char *p = malloc(100000);
19		p[50000] = 7;
20		double d = sum * 1.5;
21		printf("sum %d %d %g\n", sum, p[50000], d);
$11 = 7 '\a'
$12 = 303
--- end
[Inferior 1 (Remote target) exited with code 03]
W
same "a session: breakpoint, step, watchpoint, registers, memory" want got
expect "... ends with the program's status" 3
expect_out "... and the value that gdb wrote was used" "$(printf 'start\nsum 202 7 303')"

# What monitor says, each piece against another: the walk of &counter against info mem.
listen ./prog
debug prog <<'G'
echo === early\n
monitor info mem
break 18
continue
info registers
echo === help\n
monitor help
echo === mem\n
monitor info mem
echo === tlb\n
monitor info tlb
echo === walk\n
eval "monitor walk %p", &counter
echo === bytes\n
output/x *(unsigned long *)&counter
echo \n=== physical\n
maintenance packet qqemu.PhyMemMode
maintenance packet Qqemu.PhyMemMode:1
maintenance packet m0,1
maintenance packet Qqemu.PhyMemMode:0
monitor nonsense
kill
G
done_with
expect "kill ends the program as SIGKILL would" 137
said "info registers" '^pc .*main+' '^sp ' '^a0 ' '^t6 '
said "before there are page tables" '^No translation or protection$'
said "monitor help" '^walk ADDRESS'
said "an unknown monitor command" '^no such command; monitor help lists them$'
said "physical memory mode" '^received: "0"$' '^received: "OK"$' '^received: "E0e"$'
part() {
	sed -n "/^=== $1/,/^===/{/^===/d;p}" gdb.out
}
part mem > mem
is "info mem in QEMU's layout" awk '
	NR == 1 { ok = $0 == "vaddr            paddr            size             attr" }
	NR == 2 && $0 != "---------------- ---------------- ---------------- -------" { ok = 0 }
	NR > 2 && !/^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ [r-][w-][x-][u-][g-][a-][d-]$/ { ok = 0 }
	NR > 2 && length != 58 { ok = 0 }
	END { exit !(ok && NR > 10) }' mem
part walk > walk
is "monitor walk shows three levels" awk '
	NR == 1 { ok = /^hart 0: Sv39, ASID [0-9]+, root table at / }
	NR >= 2 && NR <= 4 && $1 " " $2 != "level " (4 - NR) { ok = 0 }
	NR == 4 && $9 != "VRW-U-AD" { ok = 0 }
	NR == 5 && !/^0x[0-9a-f]+ -> 0x[0-9a-f]+, page of 4K$/ { ok = 0 }
	END { exit !(ok && NR == 5) }' walk
read -r va _ pa _ < <(tail -n 1 walk)
va=$((va)) pa=$((${pa%,}))
agrees() { # whether the range of info mem that has va maps it to pa
	local v p n attr
	while read -r v p n attr; do
		case $v in vaddr | ---*) continue ;; esac
		if ((va - 0x$v >= 0 && va - 0x$v < 0x$n)); then
			((pa == 0x$p + va - 0x$v)) && [ "$attr" = rw-u-ad ]
			return
		fi
	done < mem
	return 1
}
is "... and info mem agrees with it" agrees
part tlb > tlb
is "monitor info tlb has that page's entry" grep -Eq "$(printf '^data .* %013x +%011x +4K .* VRW-U-AD' $((va >> 12)) $((pa >> 12)))" tlb

# Looking, stepping and stopping leave every count as it was.
quietly "$L" run --stats ./prog > out.alone 2> err.alone
listen --stats ./prog
debug prog <<'G'
break twice
watch counter
continue
continue
monitor info mem
monitor info tlb
info all-registers
stepi 200
next
next
print table
continue
delete
continue
G
done_with
is "the run was stopped on its way" grep -aq 'Hardware watchpoint' gdb.out
grep -v "^limpid: waiting for gdb" err > err.gdb
same "a run under gdb has the same counts" err.alone err.gdb
same "... and the same output" out.alone out

listen ./loop
debug loop <<'G'
break main
continue
delete
shell (sleep 0.5; kill -INT $PPID) &
continue
bt
print spins > 1000
stepi
detach
G
said "Ctrl-C stops it" 'received signal SIGINT' '^#0  main () at loop.c' '^\$1 = 1$' 'detached'
is "detached, the program goes on" kill -0 $limpid
debug loop <<'G'
print spins > 1000
set var stop = 1
continue
G
done_with
said "another gdb finds it where it is" '^\$1 = 1$' 'exited normally'
expect "... and can end it" 0
expect_out "... by a variable" stopped

listen ./die
debug die <<'G'
continue
G
done_with
said "death by a signal" 'Program terminated with signal SIGSEGV'
expect "... is limpid's too" 139 '^limpid: pid 1 (die) died of SIGSEGV'

listen --max-instructions 1000000 ./loop
debug loop <<'G'
continue
G
done_with
said "the end by --max-instructions is an exit" 'exited with code 0174'
expect "... with its status" 124 '^limpid: stopped after 1,000,000 instructions'
