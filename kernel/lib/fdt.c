/*
 * The flattened device tree: a board's description in one block of memory.
 *
 *	header | memory reservations | structure: tokens | strings: property names
 *
 *	FDT_BEGIN_NODE name...\0        nodes nest; a node's properties come
 *	  FDT_PROP len nameoff value    before its children
 *	  FDT_BEGIN_NODE ...
 *	FDT_END_NODE ... FDT_END        every token starts at a multiple of 4
 *
 * All numbers are big-endian and lie at multiples of 4 in the blob, which need
 * not be so aligned itself.
 *
 * dt_open() walks the whole tree once. After it these hold, and no other
 * function has to doubt the blob again:
 *   I1  the blocks lie inside the blob, and the blob inside the memory given
 *   I2  the structure block is a well-formed tree of one root that ends in
 *       FDT_END, at most DT_MAX_DEPTH deep
 *   I3  each property's value lies in the structure block, and its name, with
 *       its NUL, in the strings block; each node's name ends in a NUL too
 *   I4  the reservation block ends in a pair of zeroes inside the blob
 * The blob is never written and must not change.
 */
#include "kernel/lib/fdt.h"
#include "kernel/lib/lib.h"
#include "abi/linux.h"

#define DT_MAGIC       0xd00dfeed
#define DT_HEADER_SIZE 40
#define DT_VERSION     17 /* the layout read here; writers say with which it is compatible */

enum { DT_BEGIN_NODE = 1, DT_END_NODE = 2, DT_PROP = 3, DT_NOP = 4, DT_END = 9 };

/* Cells of `reg` when the parent says nothing (Devicetree Specification 2.3.5). */
#define DT_DEFAULT_ADDRESS_CELLS 2
#define DT_DEFAULT_SIZE_CELLS    1

static uint32_t be32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint64_t be64(const void *p)
{
	return (uint64_t)be32(p) << 32 | be32((const uint8_t *)p + 4);
}

static const uint8_t *struct_at(const struct dt *dt, uint32_t off)
{
	return dt->blob + dt->struct_off + off;
}

static uint32_t align4(uint32_t x)
{
	return (x + 3) & ~3u;
}

/* One token, and where the next one is. */
struct token {
	uint32_t kind, next;
	const char *name; /* of a node or property */
	const uint8_t *value;
	uint32_t len;
};

/* Reads the token at off. => I2 and I3 make it safe. */
static void token_read(const struct dt *dt, uint32_t off, struct token *t)
{
	const uint8_t *p = struct_at(dt, off);

	t->kind = be32(p);
	t->next = off + 4;
	if (t->kind == DT_BEGIN_NODE) {
		t->name = (const char *)p + 4;
		t->next = align4(off + 4 + (uint32_t)strlen(t->name) + 1);
	} else if (t->kind == DT_PROP) {
		t->len = be32(p + 4);
		t->name = (const char *)dt->blob + dt->strings_off + be32(p + 8);
		t->value = p + 12;
		t->next = align4(off + 12 + t->len);
	}
}

/* => whether a NUL lies in [off, end) of the blob. */
static bool has_nul(const struct dt *dt, uint32_t off, uint32_t end)
{
	while (off < end)
		if (!dt->blob[off++])
			return true;
	return false;
}

/* I2 and I3. */
static bool struct_is_sound(const struct dt *dt)
{
	uint32_t off = 0, depth = 0, kind, len, name;
	bool had_root = false, had_child = false; /* had_child: no property may follow */

	while (off + 4 <= dt->struct_size) {
		uint32_t left = dt->struct_size - off - 4;
		struct token t;

		kind = be32(struct_at(dt, off));
		switch (kind) {
		case DT_BEGIN_NODE:
			if (depth == DT_MAX_DEPTH || (depth == 0 && had_root) ||
			    !has_nul(dt, dt->struct_off + off + 4,
				     dt->struct_off + dt->struct_size))
				return false;
			had_root = true;
			had_child = false;
			depth++;
			break;
		case DT_PROP:
			if (left < 8 || depth == 0 || had_child)
				return false;
			len = be32(struct_at(dt, off + 4));
			name = be32(struct_at(dt, off + 8));
			if (len > left - 8 || name >= dt->strings_size ||
			    !has_nul(dt, dt->strings_off + name,
				     dt->strings_off + dt->strings_size))
				return false;
			break;
		case DT_END_NODE:
			if (depth == 0)
				return false;
			had_child = true;
			depth--;
			break;
		case DT_NOP: break;
		case DT_END: return had_root && depth == 0;
		default: return false;
		}
		token_read(dt, off, &t);
		off = t.next;
	}
	return false;
}

/* => whether [off, off + len) lies in the blob and off is a multiple of `align`. */
static bool block_fits(const struct dt *dt, uint32_t off, uint32_t len, uint32_t align)
{
	return off <= dt->size && len <= dt->size - off && off % align == 0;
}

int dt_open(struct dt *dt, const void *blob, size_t max_size)
{
	const uint8_t *h = blob;

	if (max_size < DT_HEADER_SIZE || be32(h) != DT_MAGIC)
		return -EINVAL;
	dt->blob = blob;
	dt->size = be32(h + 4);
	dt->struct_off = be32(h + 8);
	dt->strings_off = be32(h + 12);
	dt->reserve_off = be32(h + 16);
	dt->reserve_count = 0;
	dt->strings_size = be32(h + 32);
	dt->struct_size = be32(h + 36);
	if (dt->size > max_size || be32(h + 20) < DT_VERSION || be32(h + 24) > DT_VERSION)
		return -EINVAL;
	if (!block_fits(dt, dt->struct_off, dt->struct_size, 4) ||
	    !block_fits(dt, dt->strings_off, dt->strings_size, 1) ||
	    !block_fits(dt, dt->reserve_off, 16, 8))
		return -EINVAL;
	for (uint32_t off = dt->reserve_off;; off += 16) { /* I4 */
		if (!block_fits(dt, off, 16, 8))
			return -EINVAL;
		if (!be64(dt->blob + off) && !be64(dt->blob + off + 8))
			break;
		dt->reserve_count++;
	}
	return struct_is_sound(dt) ? 0 : -EINVAL;
}

bool dt_reserved(const struct dt *dt, unsigned index, uint64_t *base, uint64_t *size)
{
	const uint8_t *p = dt->blob + dt->reserve_off + 16 * index;

	if (index >= dt->reserve_count)
		return false;
	*base = be64(p);
	*size = be64(p + 8);
	return true;
}

/* A cell count as the node's property says, within what a byte and dt_reg() can hold. */
static void walk_note_cells(struct dt_walk *w, const struct token *t)
{
	uint32_t cells;

	if (t->len != 4 || t->name[0] != '#')
		return;
	cells = be32(t->value);
	if (cells > UINT8_MAX)
		cells = UINT8_MAX;
	if (strcmp(t->name, "#address-cells") == 0)
		w->address_cells[w->depth] = (uint8_t)cells;
	else if (strcmp(t->name, "#size-cells") == 0)
		w->size_cells[w->depth] = (uint8_t)cells;
}

void dt_walk_init(struct dt_walk *w, const struct dt *dt, const struct dt_node *top)
{
	struct token t;

	w->dt = dt;
	w->off = 0;
	w->depth = 0;
	w->floor = 0;
	w->address_cells[0] = DT_DEFAULT_ADDRESS_CELLS;
	w->size_cells[0] = DT_DEFAULT_SIZE_CELLS;
	if (top) {
		token_read(dt, top->off, &t);
		w->off = t.next;
		w->depth = w->floor = top->depth + 1;
		w->address_cells[w->depth] = DT_DEFAULT_ADDRESS_CELLS;
		w->size_cells[w->depth] = DT_DEFAULT_SIZE_CELLS;
	}
}

bool dt_walk_next(struct dt_walk *w, struct dt_node *out)
{
	struct token t;

	for (;;) {
		uint32_t off = w->off;

		token_read(w->dt, off, &t);
		if (t.kind == DT_END || (t.kind == DT_END_NODE && w->depth == w->floor))
			return false;
		w->off = t.next;
		if (t.kind == DT_PROP) {
			walk_note_cells(w, &t);
		} else if (t.kind == DT_END_NODE) {
			w->depth--;
		} else if (t.kind == DT_BEGIN_NODE) {
			*out = (struct dt_node){
			    .off = off,
			    .depth = w->depth,
			    .address_cells = w->address_cells[w->depth],
			    .size_cells = w->size_cells[w->depth],
			};
			w->depth++;
			w->address_cells[w->depth] = DT_DEFAULT_ADDRESS_CELLS;
			w->size_cells[w->depth] = DT_DEFAULT_SIZE_CELLS;
			return true;
		}
	}
}

const char *dt_name(const struct dt *dt, const struct dt_node *n)
{
	return (const char *)struct_at(dt, n->off + 4);
}

/* => whether the path component [c, c + len) names the node. */
static bool name_matches(const char *name, const char *c, size_t len)
{
	const char *unit = strchr(c, '@');
	bool has_unit = unit && unit < c + len;

	if (strncmp(name, c, len) != 0)
		return false;
	return name[len] == '\0' || (name[len] == '@' && !has_unit);
}

bool dt_find(const struct dt *dt, const char *path, struct dt_node *out)
{
	struct dt_walk w;
	struct dt_node n;

	dt_walk_init(&w, dt, NULL);
	if (!dt_walk_next(&w, &n))
		return false;
	/* here: n is the node of the path so far, and the walk stands at its first token */
	for (;;) {
		const char *end;
		uint32_t depth = n.depth;
		bool found = false;

		while (*path == '/')
			path++;
		if (!*path) {
			*out = n;
			return true;
		}
		for (end = path; *end && *end != '/'; end++)
			;
		w.floor = depth + 1;
		while (!found && dt_walk_next(&w, &n))
			found = n.depth == depth + 1 &&
				name_matches(dt_name(dt, &n), path, (size_t)(end - path));
		if (!found)
			return false;
		path = end;
	}
}

const void *dt_prop(const struct dt *dt, const struct dt_node *n, const char *name, uint32_t *len)
{
	struct token t;

	token_read(dt, n->off, &t);
	for (;;) {
		token_read(dt, t.next, &t);
		if (t.kind == DT_PROP) {
			if (strcmp(t.name, name) != 0)
				continue;
			*len = t.len;
			return t.value;
		}
		if (t.kind != DT_NOP)
			return NULL; /* I2: properties come before children */
	}
}

const char *dt_prop_string(const struct dt *dt, const struct dt_node *n, const char *name)
{
	uint32_t len;
	const char *s = dt_prop(dt, n, name, &len);

	return s && len && !s[len - 1] ? s : NULL;
}

bool dt_prop_number(const struct dt *dt, const struct dt_node *n, const char *name, uint64_t *out)
{
	uint32_t len;
	const void *p = dt_prop(dt, n, name, &len);

	if (!p || (len != 4 && len != 8))
		return false;
	*out = len == 4 ? be32(p) : be64(p);
	return true;
}

bool dt_is_compatible(const struct dt *dt, const struct dt_node *n, const char *compatible)
{
	uint32_t len;
	const char *s = dt_prop(dt, n, "compatible", &len);
	size_t want = strlen(compatible);

	if (!s || !len || s[len - 1])
		return false;
	for (const char *end = s + len; s < end;) {
		size_t have = strlen(s);

		if (have == want && memcmp(s, compatible, want) == 0)
			return true;
		s += have + 1;
	}
	return false;
}

bool dt_find_compatible(const struct dt *dt, const char *compatible, struct dt_node *out)
{
	struct dt_walk w;

	dt_walk_init(&w, dt, NULL);
	while (dt_walk_next(&w, out))
		if (dt_is_compatible(dt, out, compatible))
			return true;
	return false;
}

/* A number of 0, 1 or 2 cells. => false: more, which no address of ours needs. */
static bool cells_read(const uint8_t *p, uint32_t cells, uint64_t *out)
{
	*out = cells == 0 ? 0 : cells == 1 ? be32(p) : be64(p);
	return cells <= 2;
}

bool dt_reg(const struct dt *dt, const struct dt_node *n, unsigned index, uint64_t *base,
	    uint64_t *size)
{
	uint32_t len, entry = 4 * (n->address_cells + n->size_cells);
	const uint8_t *p = dt_prop(dt, n, "reg", &len);

	if (!p || !entry || index >= len / entry)
		return false;
	p += index * entry;
	return n->address_cells <= 2 && cells_read(p, n->address_cells, base) &&
	       cells_read(p + 4 * n->address_cells, n->size_cells, size);
}
