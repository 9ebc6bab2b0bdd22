/*
 * Text under construction: the lens writes into memory, whoever calls it prints.
 */
#ifndef LENS_TEXT_H
#define LENS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is an empty text. data is NUL-terminated once something was added. */
struct text {
	char *data;
	size_t len, size;
	bool failed; /* memory ran out: the text ends early */
};

void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds words, in lines of at most 79 columns; those after the first begin with `indent` blanks. */
void text_wrap(struct text *t, unsigned indent, const char *words);

/* => what was added so far, never NULL. */
const char *text_string(const struct text *t);

void text_free(struct text *t);

/* A number with commas between thousands. => buf. */
#define COMMAS_SIZE 32
const char *commas(char buf[COMMAS_SIZE], uint64_t n);

/* A number of bytes in the largest unit that leaves at least 1, as `12.5 MiB`. => buf. */
const char *bytes_human(char buf[COMMAS_SIZE], uint64_t n);

#endif
