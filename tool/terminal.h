/*
 * The terminal that limpid was started from, for the verbs that let a guest use it. Theory:
 * terminal.c.
 */
#ifndef TOOL_TERMINAL_H
#define TOOL_TERMINAL_H

#include "machine/machine.h"

struct terminal {
	unsigned streams;  /* bit n: descriptor n is the terminal; 0: there is none */
	int in, out;       /* descriptors to read keys from, and to write to */
	struct machine *m; /* told to stop when the user leaves; NULL: none yet */
	bool keeps_lines;  /* a newline alone still ends a line on the screen, once it is taken */
	bool ended;        /* there will be no more keys */
	bool escape;       /* Ctrl-a was typed last */
	bool quit;         /* Ctrl-a x was typed */
	uint8_t keys[256]; /* typed, and not yet asked for */
	size_t keys_head, keys_count;
};

/* Looks for the terminal among the streams of the set `among`; touches nothing. */
void terminal_init(struct terminal *t, unsigned among);

/*
 * Keys belong to the guest from now on, until terminal_restore; also if limpid is killed or
 * stopped meanwhile. In the background, stops until limpid is brought to the foreground.
 */
void terminal_take(struct terminal *t);
bool terminal_is_taken(void);
void terminal_restore(void);
/* => limpid may use the terminal: it is in the foreground. */
bool terminal_is_ours(const struct terminal *t);
/* => somebody, as a shell, could continue limpid if it were stopped by a key. */
bool terminal_may_stop(void);
/* Stops limpid, and all of its pipeline, as the host's kernel does at Ctrl-Z; returns later. */
void terminal_stop(void);

/*
 * The guest follows what happens to the terminal: the size of its window and, as long as it is not
 * taken, its own signals SIGINT and SIGQUIT, as characters; a second one before the guest has taken
 * the first ends limpid.
 */
void terminal_follow(void);
/* => the characters of signals that came, one by one; 0: none. terminal_interrupted: would be. */
uint8_t terminal_signal(void);
bool terminal_interrupted(void);
/* A signal came while limpid could not go on: it ends of it. Otherwise returns. */
void terminal_obey_signal(void);

/* Reads what was typed, as far as there is room, waiting up to `ns` for it. */
void terminal_read(struct terminal *t, uint64_t ns);
/* => bytes of what was read before, at most len. */
size_t terminal_keys(struct terminal *t, void *buf, size_t len);

/*
 * Waits while the guest idles: until `ns` (UINT64_MAX: no end) have passed, with `input` a key or a
 * signal comes, or the user leaves.
 * => nanoseconds passed, at most ns.
 */
uint64_t terminal_idle(struct terminal *t, uint64_t ns, bool input);

/* The size of the window, if it is followed and may be new. Cheap. */
void terminal_size(const struct terminal *t, uint16_t *cols, uint16_t *rows);

/* => false: it is gone. */
bool terminal_write(struct terminal *t, const void *buf, size_t len);

/* How a line of limpid's own on standard error has to end, as things are. */
const char *terminal_newline(void);

#endif
