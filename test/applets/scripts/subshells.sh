x=1; (x=2; echo $x; cd /; pwd); echo $x
echo a | { read -r v; echo "got $v"; }
(echo one; (echo two; (echo three))) | cat -n | tr -s ' \t' ' '
umask 027; (umask 077; umask); umask
