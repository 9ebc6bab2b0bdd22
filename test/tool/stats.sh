# Statistics: on one screen, the same digits every time, equations that hold, JSON that agrees.
. test/tool/common.inc
L=$LIMPID

cat > work.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{
	unsigned long sum = 0;
	for (int i = 1; i < 200; i++) {
		char *p = malloc((size_t)i * 1000);
		memset(p, i, (size_t)i * 1000);
		sum += p[i];
		if (i % 3)
			free(p);
	}
	printf("%lu\n", sum);
	return 0;
}
C
"${CROSS}gcc" -O1 -static -o work work.c || exit 1

run "$L" run --stats --json 1.json ./work
expect "--stats" 0 'all 12 accounts agree'
cp err 1.err
is "one screen: 24 lines of 80 columns" awk 'length > 80 { bad = 1 } END { exit bad || NR > 24 }' err
run "$L" run --stats --json 2.json ./work
is "two runs print the same digits" cmp err 1.err
is "two runs write the same JSON" cmp 1.json 2.json
run "$L" run --json=3.json ./work
is "JSON needs no --stats" cmp 1.json 3.json
is "... and --json alone prints nothing" [ ! -s err ]
cp out seed1
run "$L" run --stats --json 4.json --seed 2 ./work
is "another seed, the same result" cmp out seed1
is "... and other numbers may differ, but all agree" grep -q 'all 12 accounts agree' err
run "$L" run --stats --json 5.json --memory 1G ./work
expect "1 GiB of memory" 0 'frames  *262,144 = '
state() { # KEY FILE: frames in that state
	sed -n "/\"by_state\"/,/}/s/.*\"$1\": \([0-9]*\).*/\1/p" "$2"
}
own=0
for key in reserved kernel metadata page_tables slab kalloc; do
	own=$((own + $(state $key 5.json)))
done
is "the kernel has at most 1.2 % of it" [ $((own * 1000)) -le $((262144 * 12)) ]

n() { # KEY FILE: the first number with that key
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$2" | head -n 1
}
is "schema" grep -q '"schema": "limpid.stats/1"' 1.json
is "user + kernel + firmware = retired" [ $(($(n user 1.json) + $(n kernel 1.json) + $(n firmware 1.json))) = "$(n retired 1.json)" ]
is "translated + faulted = walks" [ $(($(n translated 1.json) + $(n faulted 1.json))) = "$(sed -n '/"walks": {/,/}/s/.*"total": \([0-9]*\).*/\1/p' 1.json | head -n 1)" ]
kinds=$(sed -n '/"by_kind"/,/}/s/.*: \([0-9][0-9]*\).*/\1/p' 1.json | paste -sd+)
is "kinds of page faults sum" [ $((kinds)) = "$(n served 1.json)" ]
frames=$(sed -n '/"by_state"/,/}/s/.*: \([0-9][0-9]*\).*/\1/p' 1.json | paste -sd+)
is "states of frames sum to RAM" [ $((frames)) = 32768 ]
is "the memory of the program was seen" [ "$(n resident_pages 1.json)" -gt 20 ]
if command -v python3 > /dev/null; then
	is "JSON is valid" python3 -m json.tool 1.json
fi
run "$L" run --json limit.json --max-instructions 100000 ./work
expect "JSON of a run that was stopped" 124
is "... says so" grep -q '"how": "limit"' limit.json
