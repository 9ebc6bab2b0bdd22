cd $T; mkfifo p q
(while read -r line; do echo "echo: $line"; done < p > q) &
exec 5> p 6< q
echo first >&5; read -r a <&6; echo "$a"
echo second >&5; read -r a <&6; echo "$a"
exec 5>&-; wait; rm p q; ls
