/*
 * Reading a flattened device tree (Devicetree Specification 0.4, chapter 5).
 * Format and checks: fdt.c. Names start with `dt_`.
 *
 * One pass over the tree finds everything:
 *
 *	struct dt_walk w;
 *	struct dt_node n;
 *	dt_walk_init(&w, dt, NULL);
 *	while (dt_walk_next(&w, &n))
 *		if (dt_is_compatible(dt, &n, "virtio,mmio") && dt_reg(dt, &n, 0, &base, &size))
 *			...
 */
#ifndef KERNEL_FDT_H
#define KERNEL_FDT_H

#include "kernel/lib/types.h"

#define DT_MAX_DEPTH 16

struct dt {
	const uint8_t *blob;
	uint32_t size;                       /* bytes of the whole blob */
	uint32_t struct_off, struct_size;    /* within the blob */
	uint32_t strings_off, strings_size;  /* within the blob */
	uint32_t reserve_off, reserve_count; /* entries of the memory reservation block */
};

struct dt_node {
	uint32_t off;           /* of its FDT_BEGIN_NODE token in the structure block */
	uint32_t depth;         /* the root's is 0 */
	uint32_t address_cells; /* of the parent: how this node's `reg` is to be read */
	uint32_t size_cells;
};

/* A walk over all nodes below one, parents before children. */
struct dt_walk {
	const struct dt *dt;
	uint32_t off;   /* next token */
	uint32_t depth; /* number of nodes open at off */
	uint32_t floor; /* the walk ends when depth would fall below */
	uint8_t address_cells[DT_MAX_DEPTH + 1], size_cells[DT_MAX_DEPTH + 1]; /* by depth */
};

/*
 * => 0: the blob is wholly inside max_size bytes and well-formed, so that no call below can leave
 *    it. -EINVAL: it is not.
 */
int dt_open(struct dt *dt, const void *blob, size_t max_size);

/* All nodes under `top`, without it; NULL: the whole tree with the root. */
void dt_walk_init(struct dt_walk *w, const struct dt *dt, const struct dt_node *top);
bool dt_walk_next(struct dt_walk *w, struct dt_node *out);

/* By full path, as "/chosen"; a component without `@...` matches any unit address. */
bool dt_find(const struct dt *dt, const char *path, struct dt_node *out);
/* The first node with that string in its `compatible` list. */
bool dt_find_compatible(const struct dt *dt, const char *compatible, struct dt_node *out);

const char *dt_name(const struct dt *dt, const struct dt_node *n);

/* => the property's value and *len, in the blob, big-endian; NULL if the node has none. */
const void *dt_prop(const struct dt *dt, const struct dt_node *n, const char *name, uint32_t *len);
/* => NULL unless the value is text that ends in NUL. */
const char *dt_prop_string(const struct dt *dt, const struct dt_node *n, const char *name);
/* A number of one or two cells. => false: absent, or of another size. */
bool dt_prop_number(const struct dt *dt, const struct dt_node *n, const char *name, uint64_t *out);
bool dt_is_compatible(const struct dt *dt, const struct dt_node *n, const char *compatible);

/* The index-th address and size of `reg`, read with the parent's cell counts. */
bool dt_reg(const struct dt *dt, const struct dt_node *n, unsigned index, uint64_t *base,
	    uint64_t *size);

/* The index-th range of the memory reservation block. */
bool dt_reserved(const struct dt *dt, unsigned index, uint64_t *base, uint64_t *size);

#endif
