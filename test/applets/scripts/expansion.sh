path=/usr/lib/page.tar.gz
echo ${path##*/} ${path%/*} ${path%%.*} ${path#*.} ${#path}
echo ${none:-default} ${none:=set} $none ${path:+there}
echo "$((0x10 + 010 * 2)) $((7 % 3)) $((1 << 10)) $((5 > 3 ? 1 : 2))"
IFS=:; set -- $(sed -n 2p table.txt); echo "$1|$2|$3"
