# Everything that cannot be run gets one line that names it, says why and what to do, and the
# exit status that a shell would give.
. test/tool/common.inc
L=$LIMPID

echo 'int main(void) { return 0; }' > ok.c
"${CROSS}gcc" -static -o ok ok.c

refuses "a missing file" 127 './missing: no such file' "$L" run ./missing
refuses "a path through a file" 127 './ok/x: no such file' "$L" run ./ok/x
refuses "an empty name" 127 ".*not found in PATH" "$L" run ""
refuses "a name not in PATH" 127 'no-such-program: not found in PATH$' "$L" run no-such-program
refuses "a name not in PATH but here" 127 'ok: not found in PATH; .* write ./ok' env PATH=/nowhere "$L" run ok
refuses "a missing source" 127 'missing.c: no such file' "$L" run missing.c
refuses "a folder" 126 '/tmp: is a folder' "$L" run /tmp
refuses "a device" 126 '/dev/null: is not a regular file' "$L" run /dev/null
: > empty
refuses "an empty file" 126 './empty: is empty' "$L" run ./empty
echo hello > text
refuses "a text" 126 './text: is not a program' "$L" run ./text
printf '#!/usr/bin/env python3\n' > script
refuses "a script" 126 './script: is a script for /usr/bin/env;' "$L" run ./script
refuses "a program of the host" 126 '.*: is for .*, this machine is riscv64; compile its source' "$L" run "$(command -v cat)"
cp "$(command -v cat)" ./hostcat
refuses "a program found in PATH, with another one here" 126 '.*is for .*write ./hostcat' \
	env "PATH=$dir:$PATH" "$L" run hostcat
for n in 0 3 4 20 63 64 100 500 4096 100000; do
	head -c $n ok > short
	run "$L" run ./short
	case $(cat err) in
	"limpid: ./short: is "*) [ "$status" = 126 ] && continue ;;
	esac
	break
done
is "a truncated program, at any length" [ "$n" = 100000 ]
"${CROSS}gcc" -o dynamic ok.c
mkdir no-libraries
refuses "a program without its dynamic linker" 126 \
	'./dynamic: is dynamically linked, and .*/no-libraries has no /lib/ld-.*--root.*-static' \
	"$L" run --root no-libraries ./dynamic
refuses "a root that is not there" 125 'run: --root none: No such file' "$L" run --root none ./ok
refuses "a root that is no folder" 125 'run: --root ok: is not a folder' "$L" run --root ok ./ok
refuses "another user than root" 125 'run: --user me: must be root' "$L" run --user me ./ok
"${CROSS}gcc" -c -o object.o ok.c
refuses "an object file" 126 './object.o: is an object file' "$L" run ./object.o
"${CROSS}gcc" -shared -fPIC -o lib.so ok.c
refuses "a shared library" 126 './lib.so: is a shared library' "$L" run ./lib.so
truncate -s 200M large
cat ok large > big
rm large
refuses "a program larger than memory" 126 './big: its 200.* do not fit into 64 MiB of memory; .*--memory 512M' \
	"$L" run --memory 64M ./big
rm big
echo 'char big[1 << 30]; int main(void) { return big[0]; }' > bss.c
"${CROSS}gcc" -static -o bss bss.c
refuses "a program with data larger than memory" 126 './bss: its 1.0 GiB of data .* 128 MiB .*--memory 2G$' \
	"$L" run ./bss
run "$L" run --memory 2G ./bss
expect "... which runs where it is told to" 0
"${CROSS}gcc" -static -Wl,-Ttext-segment=0x1000 -o low ok.c
refuses "a program too low" 126 './low: wants to be at 0x1000, .*link it higher' "$L" run ./low
if [ "$(id -u)" != 0 ]; then
	cp ok secret
	chmod 0 secret
	refuses "an unreadable file" 126 './secret: cannot be read: Permission denied' "$L" run ./secret
fi

refuses "no program" 125 'run: no program given' "$L" run
refuses "an unknown verb" 125 'frobnicate: no such verb' "$L" frobnicate
refuses "a program in place of a verb" 125 './ok: no such verb; to run a program: limpid run ./ok' "$L" ./ok
refuses "an unknown option of limpid" 125 'unknown option --frob' "$L" --frob
refuses "an unknown option" 125 'run: unknown option --frob; see limpid run --help' "$L" run --frob ./ok
refuses "an option without its value" 125 'run: --memory needs a value' "$L" run --memory
refuses "a value for a flag" 125 'run: --stats takes no value' "$L" run --stats=1 ./ok
for size in 12Q M 1GG -1 0x10 '' 99999999999999999999 99999999999T; do
	refuses "--memory '$size'" 125 "run: --memory $size: not a size" "$L" run --memory "$size" ./ok
done
refuses "--memory 5000" 125 'run: --memory 5000: not a multiple' "$L" run --memory 5000 ./ok
refuses "--memory 0" 126 ".*do not fit into 0 bytes of memory" "$L" run --memory 0 ./ok
refuses "--memory 1T" 125 'run: --memory: 1 TiB is more than the 253 GiB' "$L" run --memory 1T ./ok
refuses "--seed x" 125 'run: --seed x: not a number' "$L" run --seed x ./ok
refuses "--max-instructions 0" 125 'run: --max-instructions 0' "$L" run --max-instructions 0 ./ok
refuses "--json into no folder" 125 'run: --json no/such: No such file' "$L" run --json no/such ./ok
if [ -e /dev/full ]; then
	refuses "--json onto a full disk" 125 'run: --json /dev/full: No space left' "$L" run --json /dev/full ./ok
	refuses "kernel onto a full disk" 125 'kernel: /dev/full: No space left' "$L" kernel -o /dev/full
	refuses "initramfs onto a full disk" 125 'initramfs: /dev/full: No space left' "$L" initramfs -o /dev/full ./ok
fi

# Help: true, short, on standard output.
for verb in "" run kernel initramfs; do
	run "$L" $verb --help
	is "limpid $verb --help fits a screen" awk 'length > 80 { bad = 1 } END { exit bad || NR > 24 || NR < 3 }' out
	expect "limpid $verb --help succeeds" 0
done
run "$L" --version
is "--version" grep -q '^limpid [0-9]' out
