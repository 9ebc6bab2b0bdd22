for v in a b c; do eval "$v=\$((1 + \${#v}))"; done; echo $a $b $c
cmd='echo "quoted  blanks"'; eval "$cmd"
echo 'echo sourced $1; x=5' > $T/lib; set -- arg; . $T/lib; echo $x
printf 'echo script $0 $#\n' > $T/s; sh $T/s 1 2 3 | sed 's,.*/t/,script ,;s,script script,script,'
printf '#!/bin/sh\necho never\n' > $T/nox; $T/nox 2> /dev/null; echo $?
/nothing/there 2> /dev/null; echo $?
