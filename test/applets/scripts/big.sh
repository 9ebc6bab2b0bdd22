seq 1 20000 > $T/n; wc -l < $T/n | tr -d ' '; tail -n 1 $T/n
sort -rn $T/n | head -n 2; awk '{ s += $1 } END { print s }' $T/n
dd if=/dev/zero bs=4096 count=512 2> /dev/null | cat | cat | wc -c | tr -d ' '
cp $T/n $T/m; cmp $T/n $T/m && echo equal; rm $T/n $T/m
