(exit 7) & a=$!
(exit 0) & b=$!
wait $a; echo $?
wait $b; echo $?
wait 99999 2> /dev/null; echo $?
sh -c 'kill -9 $$'; echo $?
sh -c 'kill -TERM $$'; echo $?
false | true; echo $?
! true; echo $?
