/*
 * What the files of the kernel's cost table share. Theory: main.c.
 */
#ifndef BENCH_COSTS_H
#define BENCH_COSTS_H

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL
#define MIB  (1UL << 20)

/* Instructions that the machine has executed until now: its clock, 1 ns each. */
uint64_t now(void);

/* Prints a row: `total` instructions for `count` operations. */
void report(const char *row, uint64_t total, uint64_t count);

/* A row that this kernel cannot have. */
void report_none(const char *row);

/* Says what went wrong and ends, if `bad`. */
void die_if(int bad, const char *what);

/* => len bytes of private anonymous memory in 4 KiB pages, whose first touch is to come. */
char *map(size_t len);
void unmap(void *at, size_t len);

/* Writes one byte of every page of [at, at + len). */
void touch(char *at, size_t len);

/* Subjects, each in its file; each calls report() for its rows. */
void measure_faults(void);
void measure_calls(void);
void measure_forks(void);
void measure_threads(void);

#endif
