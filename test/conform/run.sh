#!/bin/bash
# Runs random bare-metal programs on Limpid's machine and on QEMU and compares what they print:
#
#	test/conform/run.sh SEED COUNT [BLOCK [PROGRAMS]]
#	test/conform/run.sh --mmu SEED COUNT [PROGRAMS]
#
# QEMU=10 in the environment compares with QEMU 10 (fetch-qemu, in QEMU10) and adds Zicond.
#
# COUNT instructions in blocks of BLOCK (32), or COUNT accesses through page tables (gen.c and
# gen_mmu.c); PROGRAMS (1) programs with the seeds SEED, SEED + 1, and so on. On our machine each runs four times: as it is, without lookaside, with blocks of one
# instruction, and in slices of a few steps. Exit status 0 if all outputs are equal to the byte,
# and our four runs ended in the same state.
set -eu
cd "$(dirname "$0")/../.."

generator=gen
if [ "${1-}" = --mmu ]; then
	generator=gen_mmu
	shift
fi
if [ $# -lt 2 ]; then
	sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
seed=$1 count=$2
if [ $generator = gen ]; then
	block=${3:-32} programs=${4:-1}
else
	block='' programs=${3:-1}
fi
BUILD=${BUILD:-build} CROSS=${CROSS:-riscv64-linux-gnu-}
dir=$BUILD/conform
cpu=rv64,zba=true,zbb=true,zbs=true,h=false qemu=qemu-system-riscv64 zicond=''
if [ "${QEMU-7}" = 10 ]; then
	qemu=${QEMU10:-$BUILD/qemu10/qemu-system-riscv64}
	cpu=$cpu,zicond=true zicond=zicond
fi
[ -n "${QEMU-}" ] || make -s -f Makefile -f test/conform/conform.mk conform

# Shows the first line in which two outputs differ, and the instructions of its block.
show_difference() {
	local line
	line=$(cmp "$1" "$2" 2>&1 | sed -n 's/.*line \([0-9]*\).*/\1/p')
	line=${line:-1}
	echo "  first difference in block $((line - 1)): $(sed -n "${line}p" "$1") / $(sed -n "${line}p" "$2")"
	sed -n "/^block_$((line - 1)):/,/^block_$line:/p" "$3" | head -60
}

status=0
for ((n = seed; n < seed + programs; n++)); do
	name=$dir/$generator-$n-$count${block:+-$block}-${QEMU-7}
	"$dir/$generator" "$n" "$count" $block ${block:+$zicond} > "$name.S"
	"${CROSS}gcc" -march=rv64imafdc_zicsr_zifencei_zba_zbb_zbs -mabi=lp64d -nostdlib -static -I. \
	    -Wl,--build-id=none,-N,--no-warn-rwx-segments,-Ttext=0x80000000 "$name.S" -o "$name.elf"
	"${CROSS}objcopy" -O binary "$name.elf" "$name.bin"

	timeout 60 "$qemu" -M virt -cpu "$cpu" -m 64 -smp 2 -accel tcg,thread=multi -bios none \
	    -display none -monitor none -serial "file:$name.qemu" -kernel "$name.elf" \
	    2> "$name.err" || echo "conform: $generator, seed $n: QEMU: $(tail -n 1 "$name.err")"
	ok=1
	for mode in plain slow single sliced; do
		timeout 60 "$dir/run" "$name.bin" $((count * 10000 + 10000000)) $mode \
		    > "$name.$mode" 2> "$name.$mode.state" || ok=0
		if ! cmp -s "$name.$mode" "$name.qemu"; then
			ok=0
			echo "conform: $generator, seed $n, $mode: output differs from QEMU's"
			show_difference "$name.$mode" "$name.qemu" "$name.S"
		elif ! cmp -s "$name.$mode.state" "$name.plain.state"; then
			ok=0
			echo "conform: $generator, seed $n: plain ends in $(cat "$name.plain.state")"
			echo "conform: $generator, seed $n: $mode ends in $(cat "$name.$mode.state")"
		fi
		[ $ok = 1 ] || break
	done
	if [ $ok = 1 ]; then
		echo "conform: $generator, seed $n: $(wc -l < "$name.qemu") blocks, same output as QEMU"
		rm -f "$name".*
	else
		status=1
	fi
done
exit $status
