cd $T; mkdir -p a/b; echo text > a/b/f; ln a/b/f a/hard; ln -s b/f a/soft; cat a/soft
[ a/b/f -ef a/hard ] && echo same; [ -h a/soft ] && echo link; [ -s a/b/f ] && echo full
chmod 600 a/b/f; ls -l a/b/f | cut -c1-10; mv a/b/f a/moved; cat a/soft 2> /dev/null || echo dangling
rm -r a; ls
touch -d '2020-01-01 00:00:00' t; [ t -ot $T ] && echo older
