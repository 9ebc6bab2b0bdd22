/*
 * What a run of test/model/memory chooses from, what it knows of its mappings, and
 * how it looks at them. The theory is in memory.c.
 */
#ifndef TEST_MODEL_LOOK_H
#define TEST_MODEL_LOOK_H

#include <fcntl.h>
#include <sys/mman.h>
#include "test/model/world.h"

static bool common;    /* only what Linux's versions and processors agree on */
static unsigned focus; /* the page that most steps are near to */

/* -- choices ---------------------------------------------------------------------------------- */

struct range {
	unsigned first, n;
	uintptr_t at;
	size_t len;
};

static struct range range_make(unsigned first, unsigned n, unsigned end)
{
	if (n > end - first)
		n = end - first;
	return (struct range){first, n, page_at(first), n * PAGE};
}

static unsigned long pages_of(size_t len)
{
	return (len + PAGE - 1) / PAGE;
}

/* Mostly a few pages near the focus; sometimes of the heap, or many. */
static struct range range_choose(void)
{
	unsigned n = 1 + below(once_in(4) ? 40 : 8), first = focus + below(96);

	if (once_in(24))
		return range_make(HEAP + below(HEAP_PAGES), n, HEAP + HEAP_PAGES);
	if (once_in(6))
		first = below(WINDOW_PAGES);
	if (once_in(24))
		n = 1 + below(WINDOW_PAGES);
	return range_make(first, n, WINDOW_PAGES);
}

/* An odd length or address now and then: most calls have a rule for them. */
static struct range range_choose_odd(void)
{
	struct range r = range_choose();

	if (once_in(16))
		r.len -= below(PAGE);
	if (once_in(64))
		r.at += 1 + below(PAGE - 1);
	if (once_in(128))
		r.len = 0;
	if (once_in(256))
		r.len = -PAGE * below(3);
	if (once_in(256))
		r.at = -PAGE * (1 + below(3));
	return r;
}

static int prot_choose(void)
{
	static const int prots[] = {PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_READ,
				    PROT_NONE,
				    PROT_WRITE,
				    PROT_READ | PROT_EXEC,
				    PROT_EXEC,
				    PROT_READ | PROT_WRITE | PROT_EXEC};

	int prot = prots[below(sizeof prots / sizeof *prots)];

	return common && prot ? prot | PROT_READ : prot;
}

/* -- what is surely one mapping --------------------------------------------------------------- */

/*
 * mremap() wants a range that lies in one mapping, and whether neighbours have become one is up to
 * the kernel. So each page has the number of the call that mapped it, and each boundary that a
 * later call may have cut along is marked. 0: not mapped by a call, or not known.
 */
static unsigned born[WINDOW_PAGES + 1], births;
static bool cut_before[WINDOW_PAGES + 1];

static void pages_born(uintptr_t at, size_t len, unsigned number)
{
	for (uintptr_t p = at; p - at < len && p - WINDOW < WINDOW_PAGES * PAGE; p += PAGE) {
		born[(p - WINDOW) / PAGE] = number;
		cut_before[(p - WINDOW) / PAGE] = false;
	}
}

static void pages_cut(uintptr_t at, size_t len)
{
	uintptr_t first = at - WINDOW, last = at + pages_of(len) * PAGE - WINDOW;

	if (first <= WINDOW_PAGES * PAGE)
		cut_before[first / PAGE] = true;
	if (last <= WINDOW_PAGES * PAGE)
		cut_before[last / PAGE] = true;
}

/* => whether all kernels agree that the first n pages from `at` on are one mapping, or are not. */
static bool is_surely_one_or_not(uintptr_t at, size_t n)
{
	static unsigned char vec[WINDOW_PAGES];
	size_t first = (at - WINDOW) / PAGE;

	if (at % PAGE || at - WINDOW >= WINDOW_PAGES * PAGE || n > WINDOW_PAGES - first)
		return false;
	if (mincore((void *)at, n * PAGE, vec))
		return true; /* a hole */
	for (size_t i = first; i < first + n; i++)
		if (!born[i] || born[i] != born[first] || (i > first && cut_before[i]))
			return false;
	return true;
}

/* => whether all kernels agree on where the mapping begins that page `first` is in, if any. */
static bool is_start_sure(size_t first)
{
	unsigned char vec;
	size_t i = first;

	if (first >= WINDOW_PAGES || mincore((void *)page_at((unsigned)first), PAGE, &vec))
		return first < WINDOW_PAGES;
	while (i > 0 && born[first] && born[i - 1] == born[first] && !cut_before[i])
		i--;
	return born[first] && i > 0 && mincore((void *)page_at((unsigned)i - 1), PAGE, &vec);
}

/* -- looking ---------------------------------------------------------------------------------- */

static void look_page(unsigned page, bool whole)
{
	static const unsigned offsets[] = {0, CODE_OFFSET, 1024, PAGE - 8};
	uint64_t value[4];

	if (whole && access_page(page_at(page))) {
		note("page %u %lx", page, log_hash);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		if (!access_word(page_at(page) + offsets[i], false, &value[i])) {
			note("page %u %s", page, fault_name());
			return;
		}
	if (value[1] == RETURN)
		value[1] = 1;
	note("page %u %lx %lx %lx %lx", page, value[0], value[1], value[2], value[3]);
}

/* What a line of /proc/self/maps says, its numbers being pages of the window. */
struct line {
	unsigned long start, end, offset;
	char rights[8], file;
};

static void line_note(const struct line *l)
{
	if (l->start < l->end)
		note("maps %lu-%lu %s %c %lx", l->start, l->end, l->rights, l->file, l->offset);
}

/* => whether the line is of the window. */
static bool line_parse(const char *text, struct line *l)
{
	unsigned long start, end;

	if (sscanf(text, "%lx-%lx %4s %lx", &start, &end, l->rights, &l->offset) != 4)
		give_up("/proc/self/maps");
	if (end <= WINDOW || start >= WINDOW + WINDOW_PAGES * PAGE)
		return false;
	l->start = (start - WINDOW) / PAGE;
	l->end = (end - WINDOW) / PAGE;
	l->file = strstr(text, "/dev/zero") ? 'z' : strchr(text, '/') ? 'f' : '-';
	return true;
}

/* Neighbours that continue each other are shown as one, since kernels differ in when they join. */
static void look_maps(void)
{
	static char text[1 << 18];
	struct line now, all = {.start = 0};
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		give_up("/proc/self/maps");
	while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	for (char *s = text, *end; (end = strchr(s, '\n')); s = end + 1) {
		*end = '\0';
		if (!line_parse(s, &now))
			continue;
		if (now.start == all.end && !strcmp(now.rights, all.rights) &&
		    now.file == all.file &&
		    (now.file == '-' ||
		     now.offset == all.offset + (now.start - all.start) * PAGE)) {
			all.end = now.end;
			continue;
		}
		line_note(&all);
		all = now;
	}
	line_note(&all);
}

/* What has just been read is resident; of other pages it may depend on what the kernel keeps. */
static void look_resident(struct range r)
{
	static unsigned char vec[WINDOW_PAGES];
	bool readable[WINDOW_PAGES];
	char bits[WINDOW_PAGES + 1] = "";
	uint64_t value;
	long result;

	for (unsigned i = 0; i < r.n; i++)
		readable[i] = access_word(page_at(r.first + i), false, &value);
	result = mincore((void *)r.at, r.len, vec);
	note("mincore %s %zu: %s", place(r.at), r.len, result_name(result));
	if (result)
		return;
	for (unsigned i = 0; i < pages_of(r.len); i++)
		bits[i] = readable[i] ? "01"[vec[i] & 1] : '-';
	for (unsigned i = 0; i < pages_of(r.len); i += 64)
		note("resident %.64s", bits + i);
}

#endif
