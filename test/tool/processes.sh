# What --stats and the JSON say of processes: a program whose every fork, exec, thread, switch and
# signal is known.
. test/tool/common.inc
L=$LIMPID

cat > known.c <<'C'
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void on(int signo)
{
	(void)signo;
}

static void *body(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1)
		return 0;
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			_exit(0);
	if (fork() == 0)
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	if (vfork() == 0)
		_exit(0);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < 7; i++) {
		pthread_create(&t, NULL, body, NULL);
		pthread_join(t, NULL);
	}
	signal(SIGUSR1, on);
	for (int i = 0; i < 11; i++)
		raise(SIGUSR1);
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR2);
	return 0;
}
C
"${CROSS}gcc" -O1 -static -o known known.c || exit 1

run "$L" run --stats --json 1.json ./known
expect "--stats of many processes" 0 'processes  *6, 5 forks, 2 programs, 7 more threads$'
is "... its switches and signals" grep -q 'switches, 11 signals handled$' err
is "... all accounts agree" grep -q 'all 12 accounts agree' err
n() { # KEY
	sed -n '/"processes"/,/}/s/.*"'"$1"'": \([0-9]*\).*/\1/p' 1.json
}
for pair in started:6 forks:5 programs:2 more_threads:7 signals_handled:11; do
	is "JSON: ${pair%:*} is ${pair#*:}" [ "$(n "${pair%:*}")" = "${pair#*:}" ]
done
# Each process and thread came to a hart at least once.
is "JSON: switches" [ "$(n switches)" -ge $((5 + 7)) ]
run "$L" run --stats --json 4.json --harts 4 ./known
expect "the same on four harts" 0 'processes  *6, 5 forks, 2 programs, 7 more threads$'
run "$L" run --stats ./known again
is "one process in one thread needs no such line" [ "$(grep -c '^processes' err)" = 0 ]
