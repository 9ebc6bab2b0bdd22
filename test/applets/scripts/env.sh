export A=1; B=2; sh -c 'echo "$A-${B-unset}"'
C=3 sh -c 'echo $C'; echo ${C-gone}
env -i D=4 sh -c 'echo $D' 2> /dev/null || echo none
readonly R=1; (R=2) 2> /dev/null; echo $?
cd $T; cd - > /dev/null; cd /; pwd; echo "$OLDPWD" | wc -l | tr -d ' '
