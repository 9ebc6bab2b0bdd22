for i in 3 2 1; do (sleep 0.$((3 * i)); echo "job $i") & done
wait
echo all done
sleep 5 & pid=$!
kill $pid
wait $pid
echo "status $?"
