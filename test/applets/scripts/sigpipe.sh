yes | head -n 3
(yes; echo "never $?") 2> /dev/null | head -n 1
seq 100000 | sed 3q
