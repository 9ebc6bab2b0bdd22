cat words.txt | sort | uniq -c | sed 's/^ *//' | sort -k2
cut -d: -f2 table.txt | sort | uniq | while read -r kind; do echo "<$kind>"; done
seq 1 1000 | grep 7 | wc -l | tr -d ' '
