/*
 * Fields of 9P messages: integers of 1, 2, 4 and 8 bytes, little-endian, and strings of a 2-byte
 * length and as many bytes.
 *
 * Taking what is not there gives zeros, and sets `bad`; putting what does not fit puts nothing,
 * and sets `full`. So a message is taken or put as a whole, and looked at once, at the end.
 */
#ifndef P9_WIRE_H
#define P9_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct p9_in {
	const uint8_t *at, *end;
	bool bad;
};

struct p9_out {
	uint8_t *at, *end;
	bool full;
};

struct p9_string {
	const char *text; /* in the message; without NUL */
	size_t len;
};

static inline uint64_t p9_take(struct p9_in *in, size_t size)
{
	uint64_t value = 0;

	if ((size_t)(in->end - in->at) < size) {
		in->bad = true;
		in->at = in->end;
		return 0;
	}
	memcpy(&value, in->at, size);
	in->at += size;
	return value;
}

static inline uint8_t p9_take1(struct p9_in *in)
{
	return (uint8_t)p9_take(in, 1);
}

static inline uint16_t p9_take2(struct p9_in *in)
{
	return (uint16_t)p9_take(in, 2);
}

static inline uint32_t p9_take4(struct p9_in *in)
{
	return (uint32_t)p9_take(in, 4);
}

static inline uint64_t p9_take8(struct p9_in *in)
{
	return p9_take(in, 8);
}

static inline struct p9_string p9_take_string(struct p9_in *in)
{
	struct p9_string s = {(const char *)in->at + 2, p9_take2(in)};

	if (in->bad || (size_t)(in->end - in->at) < s.len) {
		in->bad = true;
		return (struct p9_string){"", 0};
	}
	in->at += s.len;
	return s;
}

/* => all fields were there, and nothing more. */
static inline bool p9_taken(const struct p9_in *in)
{
	return !in->bad && in->at == in->end;
}

static inline void p9_put_bytes(struct p9_out *out, const void *bytes, size_t len)
{
	if (out->full || (size_t)(out->end - out->at) < len) {
		out->full = true;
		return;
	}
	if (len)
		memcpy(out->at, bytes, len);
	out->at += len;
}

static inline void p9_put1(struct p9_out *out, uint8_t value)
{
	p9_put_bytes(out, &value, 1);
}

static inline void p9_put2(struct p9_out *out, uint16_t value)
{
	p9_put_bytes(out, &value, 2);
}

static inline void p9_put4(struct p9_out *out, uint32_t value)
{
	p9_put_bytes(out, &value, 4);
}

static inline void p9_put8(struct p9_out *out, uint64_t value)
{
	p9_put_bytes(out, &value, 8);
}

static inline void p9_put_string(struct p9_out *out, const char *text, size_t len)
{
	p9_put2(out, (uint16_t)len);
	p9_put_bytes(out, text, len);
}

#endif
