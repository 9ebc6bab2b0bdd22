/*
 * ELF64 symbol tables (System V ABI, chapter 4), read without trusting a byte:
 * every offset is checked against the length of the image, a name must end
 * inside its string table, and what fails these checks is left out.
 *
 * Several symbols may share an address. The order is: a symbol with a size
 * before one without, a global before a local one, then by name, so that the
 * answer does not depend on the linker's order.
 */
#include "lens/symbols.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* => [offset, offset + len) of the image, or NULL. */
static const void *part(const uint8_t *image, size_t image_len, uint64_t offset, uint64_t len)
{
	if (offset > image_len || len > image_len - offset)
		return NULL;
	return image + offset;
}

static int symbol_order(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (!x->size != !y->size)
		return x->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool read_table(struct symbols *s, const uint8_t *image, size_t len, const Elf64_Shdr *sym,
		       const Elf64_Shdr *str)
{
	const char *names = part(image, len, str->sh_offset, str->sh_size);
	size_t count = sym->sh_size / sizeof(Elf64_Sym);

	if (!part(image, len, sym->sh_offset, sym->sh_size) || !names || str->sh_size == 0 ||
	    names[str->sh_size - 1] != 0)
		return true;
	s->list = calloc(count ? count : 1, sizeof *s->list);
	if (!s->list)
		return false;

	for (size_t i = 0; i < count; i++) {
		Elf64_Sym e;

		memcpy(&e, image + sym->sh_offset + i * sizeof e, sizeof e);
		unsigned type = ELF64_ST_TYPE(e.st_info);
		if ((type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE &&
		     type != STT_GNU_IFUNC) ||
		    e.st_shndx == SHN_UNDEF || e.st_shndx >= SHN_LORESERVE ||
		    e.st_name >= str->sh_size)
			continue;
		const char *name = names + e.st_name;
		/* here: names like $x and .L mark code for linkers, not for people */
		if (name[0] == 0 || name[0] == '$' || name[0] == '.')
			continue;
		s->list[s->count++] = (struct symbol){
		    .start = e.st_value,
		    .size = e.st_size,
		    .name = name,
		    .is_function = type == STT_FUNC || type == STT_GNU_IFUNC,
		};
	}
	qsort(s->list, s->count, sizeof *s->list, symbol_order);
	return true;
}

bool symbols_init(struct symbols *s, const void *image, size_t len)
{
	Elf64_Ehdr h;

	*s = (struct symbols){0};
	if (len < sizeof h)
		return true;
	memcpy(&h, image, sizeof h);
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64)
		return true;
	s->position_independent = h.e_type == ET_DYN;

	s->first_vaddr = UINT64_MAX;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		Elf64_Phdr ph;
		const void *p = part(image, len, h.e_phoff + i * sizeof ph, sizeof ph);

		if (!p)
			break;
		memcpy(&ph, p, sizeof ph);
		if (ph.p_type == PT_LOAD && (ph.p_vaddr & ~0xfffULL) < s->first_vaddr)
			s->first_vaddr = ph.p_vaddr & ~0xfffULL;
		if (ph.p_type == PT_LOAD && ph.p_vaddr + ph.p_memsz > s->end_vaddr)
			s->end_vaddr = ph.p_vaddr + ph.p_memsz;
	}
	if (s->end_vaddr == 0)
		s->end_vaddr = UINT64_MAX;

	if (h.e_shentsize != sizeof(Elf64_Shdr))
		return true;
	for (unsigned i = 0; i < h.e_shnum; i++) {
		Elf64_Shdr sym, str;
		const void *p = part(image, len, h.e_shoff + i * sizeof sym, sizeof sym);

		if (!p)
			break;
		memcpy(&sym, p, sizeof sym);
		if (sym.sh_type != SHT_SYMTAB)
			continue;
		p = part(image, len, h.e_shoff + (uint64_t)sym.sh_link * sizeof str, sizeof str);
		if (!p || sym.sh_link >= h.e_shnum)
			break;
		memcpy(&str, p, sizeof str);
		return read_table(s, image, len, &sym, &str);
	}
	return true;
}

void symbols_fini(struct symbols *s)
{
	free(s->list);
	*s = (struct symbols){0};
}

const struct symbol *symbols_find(const struct symbols *s, uint64_t addr)
{
	size_t low = 0, high = s->count;

	/* list[low - 1].start <= addr < list[high].start */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->list[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	/*
	 * Backwards to the nearest symbol that covers addr. 16 steps: more labels than that at one
	 * place are not seen in practice.
	 */
	for (size_t i = low; i > 0 && low - i < 16; i--)
		if (addr - s->list[i - 1].start < s->list[i - 1].size)
			return &s->list[i - 1];
	/* here: no symbol claims addr; one without a size reaches to the next one, or the end */
	if (low > 0 && addr < s->end_vaddr && s->list[low - 1].size == 0)
		return &s->list[low - 1];
	return NULL;
}
