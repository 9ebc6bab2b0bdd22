# C and C++ operands.
. test/tool/common.inc
L=$LIMPID
export TMPDIR=$dir/tmp
mkdir -p "$TMPDIR" sub

cat > sub/show.c <<'C'
#include <stdio.h>
#ifndef N
#define N 1
#endif
int main(int argc, char **argv)
{
	printf("%s %d %d", argv[0], argc, N);
#ifdef __OPTIMIZE__
	printf(" optimized");
#endif
	printf("\n");
	return 5;
}
C
run "$L" run sub/show.c a b
expect "a C source" 5
expect_out "its name is that of the source" "sub/show 3 1"
run "$L" run --cflags "-DN=7 -O2" sub/show.c
expect_out "--cflags win" "sub/show 1 7 optimized"
cp sub/show.c .
run "$L" run show.c
expect_out "a source in the current folder" "./show 1 1"
cp show.c ./-dash.c
run "$L" run -- -dash.c
expect_out "a source whose name begins with a dash" "./-dash 1 1"
cp show.c "two words.c"
run "$L" run "two words.c"
expect_out "a source with a blank in its name" "./two words 1 1"

cat > m.c <<'C'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	printf("%.6f\n", sin(atof(argv[1])));
	return 0;
}
C
run "$L" run m.c 0.5
expect_out "the library of mathematics without being asked" "0.479426"
echo 'int f(void) { return 5; }' > f.c
"${CROSS}gcc" -c f.c && ar rcs libf.a f.o
echo 'int f(void); int main(void) { return f(); }' > g.c
run "$L" run --cflags "-L. -lf" g.c
expect "libraries in --cflags" 5

echo 'int main(void) { return 3' > bad.c
run "$L" run bad.c
expect "a source that does not compile" 126 'bad.c:1:.*error' '^limpid: bad.c: not run, since it does not compile'
refuses "a compiler that is not there" 126 'show.c: cannot be compiled: --cc no-such-cc: not found' "$L" run --cc no-such-cc show.c
refuses "the default compiler missing" 126 'show.c: .*riscv64-linux-gnu-gcc is not installed; apt-get install gcc-riscv64-linux-gnu' env PATH=/nowhere "$L" run show.c
refuses "a compiler for the host" 126 'show.c: is for ' "$L" run --cc gcc show.c
run "$L" run --cc "${CROSS}gcc -DN=9" show.c
expect_out "--cc with words" "./show 1 9"

if command -v riscv64-linux-gnu-g++ > /dev/null; then
	echo '#include <cstdio>
	int main() { struct S { ~S() { std::puts("gone"); } } s; return 0; }' > x.cc
	run "$L" run x.cc
	expect_out "a C++ source" "gone"
else
	echo "skip a C++ source: no riscv64-linux-gnu-g++"
fi

# A compiler that never ends is ended by SIGTERM to it and to limpid, as a terminal's ^C does.
printf '#!/bin/sh\nkill -TERM $PPID\nexit 1\n' > kill-parent
chmod +x kill-parent
run "$L" run --cc ./kill-parent show.c
is "a signal while compiling is obeyed" [ "$status" = 143 ]
is "no temporary file is left" [ -z "$(ls -A "$TMPDIR")" ]
TMPDIR=$dir/none run "$L" run show.c
expect "no temporary folder" 125 'none: cannot make a temporary folder: No such file'
