fact() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }
fact 8
outer() { local x=inner; echo $x; return 5; }
x=global; outer; echo "$? $x"
set -- a 'b c' d; for i; do echo "[$i]"; done; echo $#; shift 2; echo "$1"
