/* Random numbers, hash and output of the bare programs (bare.h). */
#include "test/conform/bare.h"

#define LINE 64 /* cases between two printed hashes */
#define UART ((volatile uint8_t *)0x10000000)

static uint64_t random_state, hash = 1;
static bool printed;

/* The compiler clears structures with it. */
void *memset(void *to, int c, size_t len);

void *memset(void *to, int c, size_t len)
{
	volatile uint64_t *p = to;

	for (; len; len -= sizeof(*p)) /* here: c is 0, and len counts words */
		*p++ = (uint64_t)c;
	return to;
}

/* -- output -------------------------------------------------------------------------------- */

static void put_char(char c)
{
	while (!(UART[5] & 0x20))
		;
	UART[0] = (uint8_t)c;
}

static void put_hex(uint64_t v, unsigned digits)
{
	for (unsigned i = digits; i-- > 0;)
		put_char("0123456789abcdef"[v >> (4 * i) & 15]);
}

static void put_named(const char *name, uint64_t v)
{
	put_char(' ');
	while (*name)
		put_char(*name++);
	put_char('=');
	put_hex(v, 16);
}

/* -- cases --------------------------------------------------------------------------------- */

void case_begin(uint64_t number)
{
	random_state = params.seed * 0xd1342543de82ef95 + number * 0x9e3779b97f4a7c15;
	printed = number >= params.first && number < params.last;
	if (printed) {
		put_char('#');
		put_hex(number, 6);
	}
}

void case_end(void)
{
	if (printed)
		put_char('\n');
}

void fold(const char *name, uint64_t v)
{
	hash = (hash ^ v) * 0x9e3779b97f4a7c15;
	hash ^= hash >> 29;
	if (printed)
		put_named(name, v);
}

void note(const char *name, uint64_t v)
{
	if (printed)
		put_named(name, v);
}

/* -- random numbers ------------------------------------------------------------------------ */

/* SplitMix64 */
uint64_t bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned below(unsigned n)
{
	return (unsigned)(bits() >> 33) % n;
}

uint64_t value(void)
{
	switch (below(6)) {
	case 0: return UINT64_MAX;
	case 1: return (uint64_t)1 << below(64);
	case 2: return ~((uint64_t)1 << below(64));
	case 3: return bits() >> below(64);
	case 4: return bits() & bits();
	default: return bits();
	}
}

bool in_qemu10(void)
{
	return params.qemu >= 10;
}

/* Other harts wait, unless the program has something for them to do. */
__attribute__((weak)) void secondary(void)
{
	for (;;)
		__asm__ volatile("wfi");
}

/* -- the program --------------------------------------------------------------------------- */

void bare_main(void);

void bare_main(void)
{
	run_setup();
	for (uint64_t n = 0; n < params.count; n++) {
		case_begin(n);
		run_case(n);
		case_end();
		if (n % LINE == LINE - 1 || n == params.count - 1) {
			put_hex(n / LINE, 5);
			put_char(' ');
			put_hex(hash, 16);
			put_char('\n');
		}
	}
}
