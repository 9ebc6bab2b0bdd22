# Another kernel on the machine: our own stands for it, and a few instructions without firmware.
. test/tool/common.inc
L=$LIMPID

printf '#include <stdio.h>\nint main(void) { puts("booted"); return 3; }\n' > ok.c
"${CROSS}gcc" -static -o ok ok.c
"$L" kernel -o kernel
"$L" initramfs -o archive ./ok 2> /dev/null
append="init=$dir/ok seed=1"
run "$L" boot --initrd archive --append "$append" kernel < /dev/null
expect "boot, with a guest's status" 3
# Our kernel speaks through the virtio console, which boot leaves without ports: see what it counts.
"$L" boot --initrd archive --append "$append" --json 1.json kernel < /dev/null 2> /dev/null
"$L" boot --initrd archive --append "$append" --json 2.json kernel < /dev/null 2> /dev/null
is "the same numbers each time" cmp 1.json 2.json
is "... with their schema" grep -q '"schema": "limpid.boot/1"' 1.json
is "... and how it ended" grep -q '"end": "finished"' 1.json

firmware=/usr/lib/riscv64-linux-gnu/opensbi/generic
for bios in fw_dynamic.bin fw_dynamic.elf fw_jump.bin; do
	if [ -e $firmware/$bios ]; then
		run "$L" boot --bios $firmware/$bios --initrd archive --append "$append" kernel < /dev/null
		expect "--bios $bios" 3
		is "... shows itself" grep -q '^OpenSBI v' out
	else
		echo "skip --bios $bios: no opensbi"
	fi
done

# Firmware is a kernel that starts in M-mode; it goes on to S-mode at 0x80200000, where nothing is.
if [ -e $firmware/fw_jump.bin ]; then
	for kernel in fw_jump.bin fw_jump.elf; do
		run "$L" boot --bios none --harts 4 --max-instructions 60000000 $firmware/$kernel < /dev/null
		expect "a kernel that starts in M-mode: $kernel" 124
		is "... finds its board" grep -q '^Platform Name *: riscv-virtio' out
		is "... and its harts" grep -q '^Platform HART Count *: 4' out
	done
else
	skip "a kernel that starts in M-mode" "no opensbi"
fi

# A supervisor whose console is the firmware's: it says what it hears, up to a q.
cat > echo.S <<'S'
	.globl	_start
_start:	la	s0, buffer
1:	li	a7, 0x4442434e		# DBCN: read one byte
	li	a6, 1
	li	a0, 1
	mv	a1, s0
	li	a2, 0
	ecall
	beqz	a1, 1b
	lbu	s1, 0(s0)
	mv	a0, s1
	li	a6, 2			# write it
	ecall
	li	a7, 2			# legacy getchar, then putchar
2:	ecall
	bltz	a0, 2b
	mv	s1, a0
	li	a7, 1
	ecall
	li	t0, 'q'
	bne	s1, t0, 1b
	li	a7, 8			# shutdown
	ecall
buffer:	.zero	8
S
"${CROSS}gcc" -nostdlib -static -Wl,--build-id=none,-N,--no-warn-rwx-segments,-Ttext=0x80200000 -o echo echo.S
printf 'some input for it: q' > words
run "$L" boot echo < words
expect "input through the SBI's console" 0
expect_out "... is heard in order" "some input for it: q"

# lui a0, 0x100; lui a1, 5; addi a1, a1, 0x555; sw a1, 0(a0); j .
printf '\067\005\020\000\267\125\000\000\223\205\125\125\043\040\265\000\157\000\000\000' > bare
run "$L" boot --bios none --stats bare < /dev/null
expect "--bios none" 0 "instructions retired *4\$"
run "$L" boot bare --bios none --stats < /dev/null
expect "options behind the kernel" 0 "instructions retired *4\$"
run "$L" boot --bios none --max-instructions 3 bare < /dev/null
expect "--max-instructions" 124 '^limpid: stopped after 3 instructions'
printf '\163\000\120\020\157\360\337\377' > doze # wfi; j .-4
refuses "a guest that cannot wake" 125 'stopped: every hart waits' "$L" boot --bios none doze

head -c 1000 kernel > short
: > empty
head -c 1000 /dev/zero > odd
head -c 8192 /dev/zero > disk
mkdir -p folder
for option in "--ad fault" "--ad hardware" "--misaligned trap" "--quantum 7"; do
	# shellcheck disable=SC2086
	run "$L" boot kernel --initrd archive --append "$append" --harts 2 $option < /dev/null
	expect "boot $option" 3
done
refuses "a word that --ad does not know" 125 'boot: --ad maybe: hardware or fault' \
	"$L" boot --ad maybe kernel
refuses "a turn of nothing" 125 ".*a hart's turn is 1 to" "$L" boot --quantum 0 kernel
refuses "no kernel" 125 'boot: no kernel given' "$L" boot
refuses "a missing kernel" 125 'missing: No such file' "$L" boot missing
refuses "a folder as kernel" 125 'folder: Is a directory' "$L" boot folder
refuses "a truncated kernel" 126 'short: the kernel file is truncated' "$L" boot short
refuses "an empty kernel" 126 'empty: the kernel file is empty' "$L" boot empty
refuses "a kernel of the host" 126 '.*for another machine' "$L" boot "$(command -v cat)"
refuses "two kernels" 125 'boot: kernel: one kernel is enough' "$L" boot kernel kernel
refuses "too little memory" 126 'archive: the initial RAM disk (.*) does not fit' \
	"$L" boot --memory 256K --initrd archive --bios none bare
refuses "a missing RAM disk" 125 '--initrd missing: No such file' "$L" boot --initrd missing kernel
refuses "missing firmware" 125 '--bios missing: No such file' "$L" boot --bios missing kernel
refuses "firmware over the kernel" 126 '.*lie in the same memory' "$L" boot --bios kernel kernel
refuses "too many harts" 125 'boot: --harts 9' "$L" boot --harts 9 kernel
refuses "a missing disk" 125 '--disk missing: No such file' "$L" boot --disk missing kernel
refuses "a disk that ends in a sector" 125 '--disk odd: its size' "$L" boot --disk odd kernel
refuses "a folder as disk" 125 '--disk folder:ro: neither' "$L" boot --disk folder:ro kernel
refuses "a mode that is none" 125 'boot: --disk disk:rx' "$L" boot --disk disk:rx kernel
refuses "a disk written to twice" 125 '--disk disk: in use' "$L" boot --disk disk --disk disk kernel
refuses "a missing folder" 125 '--share missing: No such' "$L" boot --share missing kernel
refuses "a file as folder" 125 '--share disk:x: Not a directory' "$L" boot --share disk:x kernel
refuses "a tag twice" 125 'boot: --write folder:a: the tag a is taken' \
	"$L" boot --share folder:a --write folder:a kernel
refuses "a tag too long" 125 'boot: --share .*: a tag has 1 to 31' \
	"$L" boot --share folder:12345678901234567890123456789012 kernel
refuses "too many devices" 125 'boot: --disk disk:ro: the board has room for 7' \
	"$L" boot $(printf -- '--disk disk:ro %.0s' 1 2 3 4 5 6 7 8) kernel
run "$L" boot --initrd archive --append "$append" --disk disk:snapshot --disk disk:ro \
	--share folder --write folder kernel < /dev/null
expect "disks and folders" 3
