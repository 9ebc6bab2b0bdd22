/*
 * The store of decoded code: see code.h for what a code page is.
 *
 * Code pages come from a pool of fixed size. When all are in use, the next one
 * in turn is taken from its frame (never one that a hart is executing): a cache
 * without order of use is enough, because a page is decoded again quickly.
 * Nothing here can be seen by the guest or changes a count.
 *
 * I1, I2 of code.h; and
 * I3. by_frame[f] is n + 1 exactly if pool[n] is used and describes frame f.
 */
#include "machine/hart/code.h"
#include "machine/hart/ops.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

#include <string.h>

#define POOL_PAGES 1024 /* 32 MiB of slots at most, reserved lazily: 4 MiB of guest code */

struct code_cache {
	uint32_t *by_frame;
	struct code_page *pool;
	unsigned nused, hand;
};

static uint64_t frame_index(uint64_t pa)
{
	return (pa - BOARD_RAM_BASE) >> RV_PAGE_SHIFT;
}

bool code_init(struct machine *m)
{
	struct code_cache *c = machine_zalloc(m, sizeof(*c));

	hart_labels_init();
	if (!c)
		return false;
	c->by_frame = machine_zalloc(m, (m->ram_size >> RV_PAGE_SHIFT) * sizeof(*c->by_frame));
	c->pool = machine_zalloc(m, POOL_PAGES * sizeof(*c->pool));
	m->code = c;
	return c->by_frame && c->pool;
}

bool code_has(const struct machine *m, uint64_t pa)
{
	return m->code->by_frame[frame_index(pa)] != 0;
}

static void code_drop(struct machine *m, struct code_page *page)
{
	m->code->by_frame[frame_index(page->pa)] = 0;
	page->used = false;
	mmu_forget_code(m, page);
}

static bool is_executing(const struct machine *m, const struct code_page *page)
{
	for (unsigned n = 0; n < m->cfg.harts; n++)
		if (m->harts[n].code == page)
			return true;
	return false;
}

static struct code_page *pool_take(struct machine *m)
{
	struct code_cache *c = m->code;

	if (c->nused < POOL_PAGES)
		return &c->pool[c->nused++];
	for (;;) {
		struct code_page *page = &c->pool[c->hand++ % POOL_PAGES];
		if (is_executing(m, page))
			continue;
		if (page->used)
			code_drop(m, page);
		return page;
	}
}

struct code_page *code_get(struct machine *m, uint64_t pa)
{
	struct code_cache *c = m->code;
	uint32_t n = c->by_frame[frame_index(pa)];

	if (n)
		return &c->pool[n - 1];

	struct code_page *page = pool_take(m);
	struct insn fresh = {.op = hart_labels[OP_decode]};
	for (unsigned i = 0; i < CODE_SLOTS; i++)
		page->slots[i] = fresh;
	page->slots[CODE_SLOTS] = page->slots[CODE_SLOTS + 1] =
	    (struct insn){.op = hart_labels[OP_page_end]};
	page->pa = pa;
	page->bytes = m->ram + (pa - BOARD_RAM_BASE);
	page->used = true;
	c->by_frame[frame_index(pa)] = (uint32_t)(page - c->pool) + 1;
	mmu_protect_code(m, pa);
	return page;
}

/* Decodes one slot, but for its run. => the operation; *len: bytes. */
static enum op decode_slot(struct code_page *page, unsigned index, unsigned *len)
{
	uint16_t half[2];
	unsigned offset = index * 2;

	memcpy(half, page->bytes + offset, 2);
	*len = (half[0] & 3) == 3 ? 4 : 2;
	if (*len == 4 && offset == RV_PAGE_SIZE - 2)
		return OP_straddle;
	half[1] = 0;
	if (*len == 4)
		memcpy(half, page->bytes + offset, 4);
	return decode((uint32_t)half[1] << 16 | half[0], offset, &page->slots[index]);
}

void code_decode(struct code_page *page, unsigned index, bool single)
{
	unsigned i = index, len, count = 0;

	if (single) {
		enum op op = decode_slot(page, index, &len);
		page->slots[index].op = hart_labels[op];
		page->slots[index].run = 1;
		return;
	}

	/* Forward to the end of the run, or to where it joins one that is known ... */
	for (;;) {
		enum op op = decode_slot(page, i, &len);
		page->slots[i].op = hart_labels[op];
		count++;
		i += len / 2;
		if (op_ends_run(op) || i >= CODE_SLOTS)
			break;
		if (page->slots[i].run) {
			count += page->slots[i].run;
			break;
		}
	}
	/* ... and once more to number what was decoded. */
	for (i = index; count > 0 && i < CODE_SLOTS && !page->slots[i].run; count--) {
		page->slots[i].run = (uint16_t)count;
		i += (page->bytes[i * 2] & 3) == 3 ? 2 : 1;
	}
}

void code_invalidate(struct machine *m, uint64_t pa, uint64_t len)
{
	if (!len)
		return;
	for (uint64_t f = frame_index(pa); f <= frame_index(pa + len - 1); f++) {
		uint32_t n = m->code->by_frame[f];
		if (n)
			code_drop(m, &m->code->pool[n - 1]);
	}
}

void code_flush(struct machine *m)
{
	(void)m;
}
