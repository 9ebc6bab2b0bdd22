# Folders of the host: what is written is there, what is mapped is the file, what changes is seen.
. test/tool/common.inc
make -s -C "$ROOT" BUILD="$BUILD" "$BUILD/test/guest/shared" "$BUILD/test/native/shared" \
	"$BUILD/test/guest/spent" > make.log 2>&1 ||
	{ not_ok "the programs are built" "$(cat make.log)"; exit 0; }
guest=$BUILD_ABS/test/guest/shared native=$BUILD_ABS/test/native/shared
mkdir native guest

# both NAME ARGUMENT...: the same words natively and in a folder that may be written.
both() {
	(cd native && "$native" "$@" > "../native.$1" 2>&1)
	(cd guest && run "$LIMPID" run --write . -- "$guest" "$@")
	(cd guest && cat out err) > "guest.$1"
	rm -f guest/out guest/err
	same "shared $1" "native.$1" "guest.$1"
}
both pages
both store
same "what was stored is in the file" native/stored guest/stored

run "$LIMPID" run --write guest -- "$BUILD_ABS/test/guest/spent" guest
same "files of the host leave nothing behind" "$ROOT/test/guest/spent.out" out

# A file nine times as large as memory.
awk 'BEGIN { for (i = 0; i < 600000; i++) printf "%c%c%c line %d of a file that is larger than all of memory\n", i % 94 + 33, i * i % 94 + 33, i * 7 % 94 + 33, i * i }' > large
while [ "$(wc -c < large)" -lt 150000000 ]; do
	cat large large large > larger
	mv larger large
done
(cd native && "$native" large ../large > ../native.large)
(cd guest && "$LIMPID" run --memory 16M --share .. -- "$guest" large ../large > ../guest.large 2>&1)
same "a file larger than memory" native.large guest.large
rm -f large

# changed NAME COMMAND...: runs it, and does in its folder what it asks for.
changed() {
	local name=$1 line in to
	shift
	rm -rf "$name/c"
	printf hello > "$name/c"
	coproc SIDE { cd "$name" && "$@" 2>&1; }
	in=${SIDE[0]} to=${SIDE[1]}
	while IFS= read -r -t 30 line <&"$in"; do
		echo "$line"
		case $line in
		"! "*) (cd "$name" && eval "${line#! }"); echo go >&"$to" ;;
		esac
	done > "$name.changed"
	wait
}
changed native "$native" changed
changed guest timeout 60 "$LIMPID" run --write . -- "$guest" changed
is "changes were asked for" [ "$(grep -c '^!' native.changed)" -ge 8 ]
same "what others change meanwhile" native.changed guest.changed

# Programs that need libraries: the root of the cross compiler, or another one.
cat > dynamic.c << 'END'
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *e;

		while (dir && (e = readdir(dir)))
			puts(e->d_name);
		if (dir)
			closedir(dir);
		else
			perror(argv[i]);
	}
	printf("uid %d\n", geteuid());
	return 7;
}
END
"${CROSS}gcc" -o dynamic dynamic.c
run "$LIMPID" run ./dynamic
expect "a dynamically linked program" 7
expect_out "... runs as an ordinary user" "uid 1000"
run "$LIMPID" run --user root ./dynamic
expect_out "--user root" "uid 0"

root=$dir/root
mkdir -p "$root"/{lib,etc,usr/share/outer,home/other,tmp,dev}
libraries=$(dirname "$("${CROSS}gcc" -print-file-name=libc.so.6)")
cp -L "$libraries"/{libc.so.6,ld-linux-riscv64-lp64d.so.1} "$root/lib/"
ln -s lib "$root/lib64"
echo hello > "$root/etc/greeting"
echo hidden > "$root/tmp/hidden"
run "$LIMPID" run --root "$root" --share /usr/share/doc ./dynamic /etc /lib64/ /usr/share /tmp "$dir"
sort out > sorted
is "another root: its files" grep -qx greeting sorted
is "... through a link" grep -qx libc.so.6 sorted
is "... beside a folder that is shown" grep -qx outer sorted
is "... which is there whole" grep -qx dynamic.c sorted
is "... but /tmp is the guest's own" [ "$(grep -c hidden sorted)" = 0 ]
run "$LIMPID" run --root "$root" ./dynamic / /home
for entry in etc lib lib64 tmp dev proc home other; do
	[ "$(grep -cx $entry out)" = 1 ] || break
done
is "each entry of the root is there once" [ $entry = other ]
[ "$entry" = other ] && [ "$(grep -cx other out)" = 1 ] || not_ok "root entries" "$(cat out)"

# The hint at the end.
cat > ask.c << 'END'
#include <stdio.h>
int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2)
		puts(fopen(argv[i], argv[i + 1]) ? "ok" : "no");
	return 0;
}
END
"${CROSS}gcc" -static -o ask ask.c
refuses_hint() { # NAME PATTERN COMMAND...
	local what=$1 pattern=$2
	shift 2
	run "$@"
	if [ "$(grep -c hint: err)" = 1 ]; then
		expect "$what" 0 "$pattern"
	else
		not_ok "$what" "not one hint:" "$(cat err)"
	fi
}
refuses_hint "a refused write is named" "hint: $dir is shown to be read only; --write $dir " \
	"$LIMPID" run ./ask new w new2 w ask.c r+
run "$LIMPID" run --write . ./ask new w /etc/passwd r /tmp/other w /tmp/none r none r
expect "... and nothing without need" 0
is "... no hint" [ ! -s err ]
if host=$(mktemp -d /srv/limpid-XXXXXX 2> /dev/null); then
	echo text > "$host/file"
	refuses_hint "a file that is not shown is named" "hint: $host/file is not shown .*--share $host " \
		"$LIMPID" run ./ask "$host/none" r "$host/file" r
	refuses_hint "a file that was to be made" "hint: $host/new is not shown .*--write $host " \
		"$LIMPID" run ./ask "$host/new" w
	run "$LIMPID" run --share "$host" ./ask "$host/file" r "$host/none" r
	expect_out "... and with --share it is there" "ok
no"
	is "... no hint" [ ! -s err ]
	rm -r "$host"
else
	skip "a file that is not shown is named" "/srv cannot be written"
fi
