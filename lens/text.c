/*
 * A growable buffer of text. Nothing here fails loudly: when memory runs out the
 * text is cut short and says so in `failed`, because what is being written is
 * often itself the report of an error.
 */
#include "lens/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_WIDTH 79

/* => room for `more` bytes and a NUL behind them. */
static bool text_grow(struct text *t, size_t more)
{
	if (t->failed)
		return false;
	if (t->len + more + 1 <= t->size)
		return true;

	size_t size = t->size ? t->size : 256;
	while (size < t->len + more + 1)
		size *= 2;
	char *data = realloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !text_grow(t, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(t->data + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

void text_wrap(struct text *t, unsigned indent, const char *words)
{
	size_t start = t->len;

	while (start > 0 && t->data[start - 1] != '\n')
		start--;
	size_t column = t->len - start;

	for (bool first = true; *words; first = false) {
		size_t n = strcspn(words, " ");

		if (!first && column + 1 + n > TEXT_WIDTH) {
			text_printf(t, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			text_printf(t, " ");
			column++;
		}
		text_printf(t, "%.*s", (int)n, words);
		column += n;
		words += n;
		words += *words == ' ';
	}
}

const char *text_string(const struct text *t)
{
	return t->data ? t->data : "";
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

const char *commas(char buf[COMMAS_SIZE], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	int out = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = 0;
	return buf;
}

const char *bytes_human(char buf[COMMAS_SIZE], uint64_t n)
{
	static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned u = 0, shift = 0;

	while (u < 6 && n >> shift >= 1024) {
		u++;
		shift += 10;
	}
	if (u == 0 || (n & ((1ULL << shift) - 1)) == 0)
		snprintf(buf, COMMAS_SIZE, "%" PRIu64 " %s", n >> shift, unit[u]);
	else /* one decimal, cut off: never rounded up to the next unit */
		snprintf(buf, COMMAS_SIZE, "%" PRIu64 ".%u %s", n >> shift,
			 (unsigned)(((n >> (shift - 10)) & 1023) * 10 / 1024), unit[u]);
	return buf;
}
