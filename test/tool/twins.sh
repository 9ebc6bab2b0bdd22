# One address, two values: user/twins.c by fork, and side by side.
. test/tool/common.inc
twins=$BUILD_ABS/user/twins

# two FIRST SECOND: standard output is one line of each, with the same pointer and values 1 and 2.
two() {
	awk -v first="$1" -v second="$2" '
		{ name = $0; sub(/ +&x.*/, "", name); of[name] = $0 }
		{ match($0, /&x = 0x[0-9a-f]+/); at[name] = substr($0, RSTART, RLENGTH) }
		{ match($0, /x = [0-9]+$/); x[name] = substr($0, RSTART + 4) }
		END { exit !(NR == 2 && at[first] != "" && at[first] == at[second] &&
			x[first] == 1 && x[second] == 2) }' out || { cat out err; return 1; }
}

for harts in 1 4; do
	run "$LIMPID" run --harts $harts "$twins" < /dev/null
	expect "twins by fork, $harts harts" 0
	is "... have one pointer and two values" two parent child
	run "$LIMPID" run --harts $harts "$twins" 1 : "$twins" 2 < /dev/null
	expect "twins side by side, $harts harts" 0
	is "... have one pointer and two values" two "twin 1" "twin 2"
done
run "$LIMPID" run "$ROOT/user/twins.c" < /dev/null
expect "twins from their source" 0
is "... have one pointer and two values" two parent child
