# No way leads out of a folder of the host: a program tries more than thirty, as an ordinary user and
# as the superuser, while the host swaps links under its feet; and what lies outside stays as it is.
. test/tool/common.inc
make -s -C "$ROOT" BUILD="$BUILD" "$BUILD/test/guest/escape" > make.log 2>&1 ||
	{ not_ok "the program is built" "$(cat make.log)"; exit 0; }
mkdir -p outer/inside/sub outer/outside
cd outer/inside || exit 2
echo "SECRET of the host" > ../secret
chmod 644 ../secret
ln -s ../secret relative
ln -s "$PWD/../secret" absolute
ln -s .. up
ln -s "$(cd .. && pwd)" above
ln -s chain2 chain
ln -s up/secret chain2
mkfifo fifo
mknod device c 1 5 2> /dev/null
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")' 2> /dev/null

# What lies outside: names, kinds, modes, contents.
outside() {
	(cd .. && find . -path ./inside -prune -o -print | sort | while read -r f; do
		echo "$f $(stat -c '%F %a %s' "$f")"
		[ -f "$f" ] && cat "$f"
	done)
}
outside > ../../before

# Links and folders that change places on the host's side, as fast as it can.
(while :; do
	ln -s .. swapped
	rm -f swapped
	mkdir -p swapped
	rmdir swapped
done) 2> /dev/null &
swapper=$!
trap 'kill $swapper 2> /dev/null' EXIT

run "$LIMPID" run --write . -- "$BUILD_ABS/test/guest/escape" "$PWD"
mv out err ../..
outside > ../../after
(
	cd ../..
	is "an ordinary user: the program ends" [ "$status" = 0 ]
	is "... tried more than 60 ways" [ "$(grep -c '^ *[0-9]' out)" -gt 60 ]
	is "... each was refused" [ "$(grep '^ *[0-9]' out | grep -vc ': refused$')" = 0 ]
	grep '^ *[0-9]' out | grep -v ': refused$' | sed 's/^/# /'
	same "... and outside nothing has changed" before after
)
for link in relative absolute up above chain chain2; do
	[ -L $link ] || break
done
is "... the baits are still there" [ -L chain2 -a "$link" = chain2 ]

run "$LIMPID" run --user root --write . -- "$BUILD_ABS/test/guest/escape" "$PWD"
mv out err ../..
outside > ../../after
(
	cd ../..
	is "the superuser: the program ends" [ "$status" = 0 ]
	is "... has not read the secret" [ "$(grep -c REACHED out)" = 0 ]
	same "... and outside nothing has changed" before after
)
