i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i = 2 ] && continue; [ $i = 5 ] && break; echo $i; done
until [ $i = 0 ]; do i=$((i - 1)); done; echo $i
for f in *.txt; do case $f in p*) echo "p: $f" ;; w* | t*) echo "w or t: $f" ;; *) echo other ;; esac; done
