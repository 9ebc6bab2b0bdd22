trap 'echo got usr1' USR1
trap 'echo leaving with $?' EXIT
kill -USR1 $$
(trap 'echo child term; exit 9' TERM; kill -TERM $(sh -c 'echo $PPID'); sleep 1; echo never)
echo "child said $?"
trap '' USR2
kill -USR2 $$ && echo ignored
trap - USR1
exit 4
