/*
 * What a freestanding kernel needs of a C library: its own.
 */
#ifndef KERNEL_LIB_H
#define KERNEL_LIB_H

#include "kernel/lib/types.h"

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/*
 * => the number of the lowest bit set; v is not 0. (The hardware has no instruction for it.) The
 * six highest bits of a de Bruijn sequence differ for each of its 64 shifts, so they tell which it
 * was.
 */
static inline unsigned lowest_bit(uint64_t v)
{
	static const uint8_t number[64] = {
	    /* by those six bits */
	    0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,  62, 55, 59, 36, 53, 51,
	    43, 22, 45, 39, 33, 30, 24, 18, 12, 5,  63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	    44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6,
	};

	return number[(v & -v) * 0x3f79d71b4cb0a89 >> 58];
}

/* %d %u %x %lx %ld %lu %p %s %c %%, with width, 0 and - flags. => length, as snprintf. */
int ksnprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A law of the program: stops at once and prints both values. */
#define CHECK3(a, op, b)                                                                           \
	do {                                                                                       \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);                                   \
		if (!(a_ op b_))                                                                   \
			panic("%s:%d: %s: %lx, %lx", __FILE__, __LINE__, #a " " #op " " #b, a_,    \
			      b_);                                                                 \
	} while (0)
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x))                                                                          \
			panic("%s:%d: %s", __FILE__, __LINE__, #x);                                \
	} while (0)

#endif
