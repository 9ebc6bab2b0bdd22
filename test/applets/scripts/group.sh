{ echo b; echo a; } | sort
true && echo yes || echo no
false && echo yes || echo no
{ false; true; } && echo last
[ 1 = 1 ] && [ a != b ] && echo both
