set -u; (echo ${unset_one}) 2> /dev/null; echo "u: $?"; set +u
(set -e; false; echo never); echo "e: $?"
set -f; echo *.txt; set +f; echo p*.txt
set -- -a x -b; while getopts ab: o; do echo "opt $o ${OPTARG-}"; done 2> /dev/null
