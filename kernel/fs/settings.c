/*
 * /proc/sys/vm: what the administrator may set of memory, as decimal numbers.
 *
 * A write takes one number, with blanks around it. It counts as a whole or not at
 * all; what is no number, or out of its range, is EINVAL. The last of
 * overcommit_ratio and overcommit_kbytes that was written holds, and makes the
 * other 0.
 *
 * /sys/kernel/mm/transparent_hugepage/enabled takes one of three words instead, and
 * shows all of them, the one that holds in brackets.
 */
#include "kernel/fs/settings.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/space/aspace.h"

#define NUMBER_LEN 24 /* longer than any that fits */

/* One of the two is where it is kept. */
static const struct setting {
	const char *name;
	unsigned *small;
	uint64_t *large;
	uint64_t max;
	const char *words; /* what it says instead of numbers, one for each from max down to 0 */
} settings[] = {
    {"admin_reserve_kbytes", NULL, &space_policy.admin_reserve_kib, UINT64_MAX, NULL},
    {"enabled", &space_policy.superpages, NULL, SUPER_ALWAYS, "always madvise never"},
    {"max_map_count", &space_policy.max_vmas, NULL, INT32_MAX, NULL},
    {"mmap_min_addr", NULL, &space_policy.min_address, UINT64_MAX, NULL},
    {"overcommit_kbytes", NULL, &space_policy.overcommit_kib, UINT64_MAX, NULL},
    {"overcommit_memory", &space_policy.overcommit, NULL, 2, NULL},
    {"overcommit_ratio", &space_policy.overcommit_ratio, NULL, INT32_MAX, NULL},
    {"user_reserve_kbytes", NULL, &space_policy.user_reserve_kib, UINT64_MAX, NULL},
};

static const struct setting *setting_find(const char *name)
{
	const struct setting *s = settings;

	while (strcmp(s->name, name) != 0)
		s++; /* here: every row of /proc/sys/vm that can be set is in the table */
	return s;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* => whether the text is one number, at most max. */
static bool parse(const char *s, uint64_t max, uint64_t *out)
{
	const char *digits;

	while (is_blank(*s))
		s++;
	*out = 0;
	for (digits = s; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*s - '0'), out))
			return false;
	if (s == digits || *out > max)
		return false;
	while (is_blank(*s))
		s++;
	return *s == 0;
}

/* => the length of the word that words begins with. */
static size_t word_len(const char *words)
{
	size_t len = 0;

	while (words[len] && !is_blank(words[len]))
		len++;
	return len;
}

/* => whether the text is one of the words, alone. */
static bool parse_word(const char *s, const struct setting *set, uint64_t *out)
{
	const char *w = set->words;
	size_t len = word_len(s);
	bool alone = true;

	for (const char *rest = s + len; *rest; rest++)
		alone &= is_blank(*rest);
	for (*out = set->max;; --*out) {
		if (alone && word_len(w) == len && strncmp(w, s, len) == 0)
			return true;
		w += word_len(w);
		if (!*w)
			return false;
		w++;
	}
}

static void put_words(struct text *t, const struct setting *s)
{
	const char *w = s->words;

	for (uint64_t n = s->max + 1; n-- > 0; w += word_len(w) + (n > 0)) {
		char word[NUMBER_LEN + 1] = "";

		memcpy(word, w, word_len(w));
		text_put(t, *s->small == n ? "[%s]%s" : "%s%s", word, n > 0 ? " " : "\n");
	}
}

void text_setting(struct text *t, const struct text_request *r)
{
	const struct setting *s = setting_find(r->constant);

	if (s->words) {
		put_words(t, s);
		return;
	}
	text_put(t, "%lu\n", s->small ? *s->small : *s->large);
}

ssize_t setting_write(const char *name, struct uio *u)
{
	const struct setting *s = setting_find(name);
	char text[NUMBER_LEN + 1] = "";
	size_t len = u->left;
	uint64_t value;

	if (len == 0)
		return 0;
	if (len > NUMBER_LEN)
		return -EINVAL;
	if (uio_take(u, text, len) != len)
		return -EFAULT;
	if (s->words ? !parse_word(text, s, &value) : !parse(text, s->max, &value))
		return -EINVAL;
	if (s->small)
		*s->small = (unsigned)value;
	else
		*s->large = value;
	if (s->small == &space_policy.overcommit_ratio)
		space_policy.overcommit_kib = 0;
	else if (s->large == &space_policy.overcommit_kib)
		space_policy.overcommit_ratio = 0;
	return (ssize_t)len;
}
