/*
 * Names of a program's functions and variables, from its ELF symbol table.
 */
#ifndef LENS_SYMBOLS_H
#define LENS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t start, size; /* link-time address; size may be 0 (assembly labels) */
	const char *name;     /* inside the file image */
	bool is_function;
};

struct symbols {
	struct symbol *list; /* sorted by start, then by preference */
	size_t count;
	bool position_independent; /* ET_DYN: addresses are relative to the load address */
	uint64_t first_vaddr;      /* of the first PT_LOAD, rounded down to a page */
	uint64_t end_vaddr;        /* of the last; UINT64_MAX: there is none */
};

/*
 * Reads the symbol table of an ELF64 image; a stripped or damaged one gives an empty list.
 * => `image` must live as long as the symbols. false: no memory.
 */
bool symbols_init(struct symbols *s, const void *image, size_t len);
void symbols_fini(struct symbols *s);

/* => the symbol that covers the link-time address, or NULL. */
const struct symbol *symbols_find(const struct symbols *s, uint64_t addr);

#endif
