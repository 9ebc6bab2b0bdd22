/*
 * Formatted text: %d %i %u %x %X %o %p %s %c %%, with the flags `-` `0` `+` and
 * space, a width and a precision (numbers or `*`), and the lengths hh h l ll z.
 *
 * One loop writes characters into a buffer of known size and goes on counting
 * when it is full, so that the length that would have been needed is known.
 */
#include "kernel/lib/lib.h"

void arch_putc(char c); /* of the seam kernel/arch/arch.h, which lies above this folder */

struct out {
	char *buf;
	size_t size, len; /* len: characters so far, also those that did not fit */
};

struct spec {
	bool left, zero, upper;
	char sign;            /* '+', ' ' or 0: shown before a number that is not negative */
	int width, precision; /* precision -1: none given */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_repeated(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text, int len)
{
	if (!s->left)
		put_repeated(o, ' ', s->width - len);
	for (int i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		put_repeated(o, ' ', s->width - len);
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned base,
		       const char *prefix)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char rev[24];
	int n = 0, zeroes, plen = (int)strlen(prefix);

	while (v != 0) {
		rev[n++] = digits[v % base];
		v /= base;
	}
	zeroes = (s->precision < 0 ? 1 : s->precision) - n;
	if (s->zero && !s->left && s->precision < 0 && s->width - plen - n > zeroes)
		zeroes = s->width - plen - n;
	if (zeroes < 0)
		zeroes = 0;

	int pad = s->width - plen - zeroes - n;
	if (!s->left)
		put_repeated(o, ' ', pad);
	while (*prefix)
		put(o, *prefix++);
	put_repeated(o, '0', zeroes);
	while (n > 0)
		put(o, rev[--n]);
	if (s->left)
		put_repeated(o, ' ', pad);
}

static void put_signed(struct out *o, const struct spec *s, int64_t v)
{
	char prefix[2] = {s->sign, 0};

	if (v < 0)
		prefix[0] = '-';
	put_number(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, prefix);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(o, s, text,
		 (int)(s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision)));
}

static const char *parse_flags(const char *f, struct spec *s)
{
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '+' || (*f == ' ' && !s->sign))
			s->sign = *f;
		else if (*f != '#')
			return f;
	}
}

static int parse_digits(const char **f)
{
	int n = 0;

	while (**f >= '0' && **f <= '9')
		n = n * 10 + (*(*f)++ - '0');
	return n;
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {buf, size, 0};

	for (const char *f = fmt; *f; f++) {
		struct spec s = {.precision = -1};
		int longs = 0;

		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_flags(f + 1, &s);
		if (*f == '*') {
			s.width = va_arg(ap, int);
			f++;
		} else {
			s.width = parse_digits(&f);
		}
		if (s.width < 0) {
			s.left = true;
			s.width = -s.width;
		}
		if (*f == '.') {
			f++;
			if (*f == '*') {
				s.precision = va_arg(ap, int);
				f++;
			} else {
				s.precision = parse_digits(&f);
			}
		}
		for (; *f == 'l' || *f == 'z' || *f == 'h' || *f == 'j'; f++)
			longs += *f == 'h' ? 0 : 1;
		switch (*f) {
		case 'd':
		case 'i': put_signed(&o, &s, longs ? va_arg(ap, long) : va_arg(ap, int)); break;
		case 'X': s.upper = true; /* fallthrough */
		case 'u':
		case 'x':
		case 'o': {
			uint64_t v = longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int);

			put_number(&o, &s, v, *f == 'u' ? 10 : *f == 'o' ? 8 : 16, "");
			break;
		}
		case 'p': put_number(&o, &s, (uintptr_t)va_arg(ap, void *), 16, "0x"); break;
		case 's': put_string(&o, &s, va_arg(ap, const char *)); break;
		case 'c': {
			char c = (char)va_arg(ap, int);

			put_text(&o, &s, &c, 1);
			break;
		}
		case '%': put(&o, '%'); break;
		case 0: f--; break;
		default: put(&o, '%'); put(&o, *f);
		}
	}
	if (size > 0)
		buf[o.len < size ? o.len : size - 1] = 0;
	return (int)o.len;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void kprintf(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	kvsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	for (const char *p = line; *p; p++)
		arch_putc(*p);
}
