n=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	n=$((n + $(echo $i | cat)))
done
echo $n
for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3; do true | true; done; exit $i) & pids="${pids-} $!"; done
for p in $pids; do wait $p; echo $?; done
