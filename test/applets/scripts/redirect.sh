cd $T
echo one > f; echo two >> f; cat < f
{ echo out; echo err >&2; } > both 2>&1; cat both
{ echo out; echo err >&2; } 2> /dev/null
exec 3> third; echo to three >&3; exec 3>&-; cat third
exec 4< f; read -r a <&4; read -r b <&4; echo "$b $a"; exec 4<&-
cat nothing 2> /dev/null || echo "no such: $?"
: > empty; wc -c < empty | tr -d ' '
set -C; echo x > f 2> /dev/null || echo refused; echo y >| f; cat f
