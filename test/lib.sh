# shellcheck shell=bash disable=SC2034
# What the test runners share. Sourced by bash, from the root of the tree.
#
# A runner prints a line for each test, `ok NAME`, `not ok NAME` or `skip NAME: why`, and lines
# that start with `#` to explain a failure. It ends with status 0 whatever the tests said;
# test/run-all counts the lines.
set -u
BUILD=${BUILD:-build}
CROSS=${CROSS:-riscv64-linux-gnu-}
ROOT=$PWD
case $BUILD in /*) BUILD_ABS=$BUILD ;; *) BUILD_ABS=$ROOT/$BUILD ;; esac
LIMPID=${LIMPID:-$BUILD_ABS/limpid}
export LC_ALL=C
ulimit -c 0

ok() { # NAME
	echo "ok $1"
}

not_ok() { # NAME WHY...
	echo "not ok $1"
	shift
	for why; do
		printf '%s\n' "$why" | head -n 30 | sed 's/^/#   /'
	done
}

skip() { # NAME WHY
	echo "skip $1: $2"
}

# same NAME WANT GOT: the two files are equal.
same() {
	if cmp -s "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1" "$(diff -a -u --label expected --label got "$2" "$3" | head -n 20)"
	fi
}

# Runs a command with SIGNAL deaths as statuses and without the shell's words about them.
# => its status in $status.
quietly() {
	status=0
	{ "$@" 2>&3; } 3>&2 2> /dev/null || status=$?
}

# alone NAME: waits until no other process runs the suite in this build folder.
alone() {
	mkdir -p "$BUILD_ABS/test"
	exec 9> "$BUILD_ABS/test/$1.lock"
	flock 9
}

# The jobs that may run side by side.
cores() {
	nproc 2> /dev/null || echo 2
}

# boot_qemu FOLDER MEMORY ARCHIVE INIT STDIN [QEMU OPTION...]: our kernel under QEMU and OpenSBI.
# $APPEND: more words of the kernel's command line.
# => FOLDER/{out,err,serial}, what QEMU says in FOLDER/qemu, the status in $status (124: it hung).
boot_qemu() {
	local dir=$1 memory=$2 archive=$3 init=$4 input=$5
	shift 5
	: > "$dir/out"; : > "$dir/err"; : > "$dir/serial"
	# QEMU 7.2 can feed a port from its own standard input only.
	status=0
	timeout -k 5 "${QEMU_TIMEOUT:-60}" qemu-system-riscv64 -M virt -m "$memory" "$@" \
		-display none -monitor none -serial "file:$dir/serial" -no-reboot \
		-global virtio-mmio.force-legacy=false -device virtio-serial-device \
		-chardev "file,id=o,path=$dir/out" -device virtserialport,chardev=o,name=stdout \
		-chardev "file,id=e,path=$dir/err" -device virtserialport,chardev=e,name=stderr \
		-chardev stdio,id=i,signal=off -device virtserialport,chardev=i,name=stdin \
		-kernel "${KERNEL_ELF:-$BUILD_ABS/kernel.elf}" -initrd "$archive" -append "init=$init seed=1 ${APPEND-}" \
		< "$input" > "$dir/qemu" 2>&1 || status=$?
}
