# The kernel and the archive for other machines.
. test/tool/common.inc
L=$LIMPID

echo 'int main(void) { return 0; }' > ok.c
"${CROSS}gcc" -static -o ok ok.c
run "$L" kernel -o kernel.elf
expect "kernel -o" 0
is "an ELF file for RISC-V" sh -c 'od -An -tx1 -j18 -N2 kernel.elf | grep -q "f3 00"'
"$L" kernel > kernel2.elf
is "to standard output too" cmp kernel.elf kernel2.elf
run "$L" initramfs -o ok.cpio ./ok "an argument" b
expect "initramfs -o" 0 "^limpid: kernel command line: init=$dir/ok seed=1\$"
refuses "initramfs without a program" 125 'initramfs: no program given' "$L" initramfs
refuses "initramfs of a program of the host" 126 '.*is for' "$L" initramfs -o x "$(command -v cat)"
if command -v cpio > /dev/null; then
	mkdir tree
	(cd tree && cpio -id --quiet < ../ok.cpio 2> /dev/null)
	is "cpio unpacks the program" cmp ok "tree$dir/ok"
	is "... executable" [ -x "tree$dir/ok" ]
	is "... /tmp for all" [ "$(stat -c %a tree/tmp)" = 1777 ]
	is "... arguments" sh -c 'printf "./ok\0an argument\0b\0" | cmp - tree/.limpid/argv'
	is "... environment" sh -c "grep -azq ^PATH= tree/.limpid/envp"
	is "... the current folder" [ "$(tr -d '\0' < tree/.limpid/cwd)" = "$dir" ]
else
	echo "skip unpacking: no cpio"
fi
env -i A=B "$L" initramfs -o 1.cpio ./ok x 2> /dev/null
env -i A=B "$L" initramfs ./ok x > 2.cpio 2> /dev/null
is "the same bytes each time" cmp 1.cpio 2.cpio
