# Other TLBs: the program notices nothing, the accounts agree, and what is impossible is refused.
. test/tool/common.inc
L=$LIMPID
TOUR=$BUILD_ABS/user/tour

run "$L" run "$TOUR"
cp out plain
for spec in fetch=1,data=1,l2=none l1=16 data=21:7:fifo,l2=60:12:random \
	data=64:4:plru:4k,l2=128:8:4k+2m,walk=8 fetch=8:2:random,data=9:3:lru:all,walk=1; do
	run "$L" run --stats --tlb $spec "$TOUR"
	expect "--tlb $spec" 0 'all 12 accounts agree'
	is "... the same output" cmp out plain
done

# misses TLB: the number in the last run's statistics.
misses() {
	sed -n "s/^TLB $1 .* misses \([0-9,]*\)$/\1/p" err | tr -d ,
}
run "$L" run --stats "$TOUR"
default=$(misses data)
run "$L" run --stats --tlb data=4 "$TOUR"
is "a smaller TLB misses more" [ "$(misses data)" -gt "$default" ]
run "$L" run --json d.json "$TOUR"
is "the causes of misses are in the JSON" grep -q '"capacity": [1-9]' d.json

run "$L" run --check-tlb "$TOUR"
expect "--check-tlb finds nothing in a sound kernel" 0
is "... and says nothing" [ ! -s err ]
is "... the same output" cmp out plain

refuses "no such item" 125 'run: --tlb huge=4: the names are' "$L" run --tlb huge=4 x
refuses "no shape" 125 'run: --tlb data: not of the form' "$L" run --tlb data x
refuses "no entries" 125 'run: --tlb data=0: a shape begins' "$L" run --tlb data=0 x
refuses "too many" 125 'run: --tlb l2=8192: a TLB has' "$L" run --tlb l2=8192 x
refuses "not a multiple" 125 'run: --tlb data=5:2: a TLB' "$L" run --tlb fetch=4,data=5:2 x
refuses "a tree of three" 125 'run: --tlb data=3:3:plru: a TLB with tree' \
	"$L" run --tlb data=3:3:plru x
refuses "an unknown word" 125 'run: --tlb data=4:mru: neither' "$L" run --tlb data=4:mru x
refuses "an empty item" 125 'run: --tlb : not of the form' "$L" run --tlb data=4, x
