# Standard streams, arguments, environment and exit status pass through.
. test/tool/common.inc
L=$LIMPID

cat > cat.c <<'C'
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	static char buf[65536];
	ssize_t n;
	while ((n = read(0, buf, sizeof buf)) > 0)
		for (ssize_t at = 0, w; at < n; at += w)
			if ((w = write(1, buf + at, n - at)) < 0)
				return errno;
	return n < 0 ? errno : 0;
}
C
cat > say.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]", argv[i]);
	printf("\n%s\n", getenv("SAY") ? getenv("SAY") : "unset");
	fflush(stdout);
	fprintf(stderr, "an error\n");
	return argc > 1 ? atoi(argv[1]) : 0;
}
C
for p in cat say; do "${CROSS}gcc" -O1 -static -o $p $p.c || exit 1; done

head -c 3000017 /dev/urandom > bytes
run "$L" run ./cat < bytes
is "binary data stays whole" cmp bytes out
run "$L" run ./cat < /dev/null
is "the end of input at once" [ "$status$(cat out)" = 0 ]
(printf a; sleep 0.2; printf b) | "$L" run ./cat > out 2> err
expect_out "a slow writer" "ab"
timeout 60 "$L" run ./cat < /dev/zero 2> err | head -c 1 > out
is "an early reader ends the program by SIGPIPE" [ "${PIPESTATUS[0]}" = 141 ]
is "... without a word" [ ! -s err ]

SAY="a b" run "$L" run ./say 3 "" "two words" --stats -h
expect_out "arguments and environment" "[./say][3][][two words][--stats][-h]
a b"
expect "exit status" 3 '^an error$'
is "standard error stays apart" [ "$(cat err)" = "an error" ]
run "$L" run -- ./say 255
expect "an exit status of 255" 255
run env -i "$L" run ./say
expect_out "an empty environment" "[./say]
unset"
args=$(seq 1 20000)
run "$L" run ./say 0 $args
is "20,000 arguments" [ "$(head -n 1 out | tr -cd '[' | wc -c)" = 20002 ]

quietly timeout 60 "$L" run ./cat <&- > out 2> err
expect "standard input closed: EBADF" 9
echo x | quietly timeout 60 "$L" run ./cat >&- 2> err
expect "standard output closed: EBADF" 9
: > out
run sh -c "exec \"$L\" run --json j ./say 2>&-"
expect "standard error closed" 0
run sh -c "exec \"$L\" run ./cat <&- >&- 2>&-"
expect "all three closed: EBADF" 9
is "... and no file of ours in its place" grep -q limpid.stats j
if [ -e /dev/full ]; then
	echo x > in
	quietly timeout 60 "$L" run ./cat < in > /dev/full 2> err
	expect "a full disk is not silent" 141 '^limpid: standard output: No space left'
fi

# Programs found in PATH, by links, in odd places.
mkdir -p bin "odd place"
cp say bin/mysay
run env PATH="$dir/bin" "$L" run mysay 4
expect "found in PATH" 4
expect_out "... and called as it was typed" "[mysay][4]
unset"
ln -sf ../say "odd place/link"
run "$L" run "odd place/link"
expect_out "a link, in a folder with a blank" "[odd place/link]
unset"
cp say "a program"
run "$L" run "./a program"
expect_out "a path with a blank" "[./a program]
unset"
mkdir gone
(cd gone && rmdir ../gone && quietly timeout 60 "$L" run "$dir/say" > "$dir/out" 2> "$dir/err")
expect_out "a current folder that is gone" "[$dir/say]
unset"
