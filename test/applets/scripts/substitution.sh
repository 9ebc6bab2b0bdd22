echo "$(echo "$(echo "$(echo deep)")")"
echo `echo back \`echo tick\``
lines=$(cat poem.txt | wc -l); echo $((lines + 0))
printf '%s\n' "$(printf 'trailing\n\n\n')" end
