/*
 * Text for packets, and packets' text taken apart. machine/ has no printf, and a packet no
 * terminator: both sides carry their end with them.
 */
#include "machine/debug/gdb.h"

#include <string.h>

const char gdb_digits[] = "0123456789abcdef";

void gdb_put_bytes(struct gdb_text *t, const void *bytes, size_t len)
{
	size_t room = t->size - t->len;

	if (len > room) {
		t->full = true;
		len = room;
	}
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
}

void gdb_put(struct gdb_text *t, const char *s)
{
	gdb_put_bytes(t, s, strlen(s));
}

void gdb_put_hex(struct gdb_text *t, uint64_t v, unsigned ndigits)
{
	char buf[16];

	if (!ndigits)
		for (ndigits = 1; ndigits < 16 && v >> (4 * ndigits); ndigits++)
			;
	for (unsigned i = 0; i < ndigits; i++)
		buf[i] = gdb_digits[v >> (4 * (ndigits - 1 - i)) & 15];
	gdb_put_bytes(t, buf, ndigits);
}

void gdb_put_dec(struct gdb_text *t, uint64_t v, unsigned width)
{
	char buf[20];
	unsigned n = 0;

	do {
		buf[sizeof(buf) - ++n] = gdb_digits[v % 10];
		v /= 10;
	} while (v);
	for (unsigned i = n; i < width; i++)
		gdb_put(t, " ");
	gdb_put_bytes(t, buf + sizeof(buf) - n, n);
}

void gdb_put_dump(struct gdb_text *t, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		gdb_put_hex(t, p[i], 2);
}

/* -- arguments ---------------------------------------------------------------------------- */

bool gdb_take(struct gdb_args *a, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(a->end - a->p) < len || memcmp(a->p, literal, len) != 0)
		return false;
	a->p += len;
	return true;
}

int gdb_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool gdb_take_hex(struct gdb_args *a, uint64_t *out)
{
	const char *start = a->p;

	*out = 0;
	while (a->p < a->end && gdb_digit(*a->p) >= 0) {
		if (*out >> 60)
			return false;
		*out = *out << 4 | (unsigned)gdb_digit(*a->p++);
	}
	return a->p > start;
}

bool gdb_take_dump(struct gdb_args *a, void *out, size_t len)
{
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++) {
		if (a->end - a->p < 2 || gdb_digit(a->p[0]) < 0 || gdb_digit(a->p[1]) < 0)
			return false;
		to[i] = (uint8_t)(gdb_digit(a->p[0]) << 4 | gdb_digit(a->p[1]));
		a->p += 2;
	}
	return true;
}

bool gdb_take_range(struct gdb_args *a, uint64_t *at, uint64_t *n)
{
	return gdb_take_hex(a, at) && gdb_take(a, ",") && gdb_take_hex(a, n);
}
