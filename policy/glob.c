/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell-style patterns as the language defines them: '*' any run, '?' one character, '[set]'
 * and '[!set]' with ranges, no escapes, case counts, and '/' is a character like any other.
 * A '[' that is never closed stands for itself; a range whose end lies before its start is
 * empty. Characters are Unicode code points; a byte that is not UTF-8 counts as one.
 *
 * Most patterns are a word, or a word with one '*' at an end: they are told apart once and
 * matched with memcmp. The rest backtrack over the last '*' only, so that time is bounded by
 * the product of the two lengths.
 */
#include "policy/policy_impl.h"

void glob_compile(const char *pattern, struct glob *ret)
{
	size_t n = strlen(pattern), meta = strcspn(pattern, "*?[");

	*ret = (struct glob){ GLOB_GENERAL, { pattern, n } };
	if (meta == n)
		ret->kind = GLOB_EXACT;
	else if (meta == n - 1 && pattern[meta] == '*')
		*ret = (struct glob){ GLOB_PREFIX, { pattern, n - 1 } };
	else if (pattern[0] == '*' && strcspn(pattern + 1, "*?[") == n - 1)
		*ret = (struct glob){ GLOB_SUFFIX, { pattern + 1, n - 1 } };
}

/* Number of bytes of the character at `at`; its code point in *ret. */
static size_t character(struct span s, size_t at, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;
	size_t left = s.len - at, n = 1;

	if (p[0] >= 0xf0)
		n = 4;
	else if (p[0] >= 0xe0)
		n = 3;
	else if (p[0] >= 0xc0)
		n = 2;
	*ret = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (i >= left || (p[i] & 0xc0) != 0x80) {
			*ret = p[0];
			return 1;
		}
		*ret = *ret << 6 | (p[i] & 0x3f);
	}
	return n;
}

/* Where the set that opens at `at` closes; 0 when it does not. A pattern ends in NUL. */
static size_t set_end(struct span p, size_t at)
{
	size_t i = at + 1;

	i += p.ptr[i] == '!';
	i += p.ptr[i] == ']';
	i += strcspn(p.ptr + i, "]");
	return i < p.len ? i : 0;
}

/* `set` lies between the brackets. */
static bool set_holds(struct span set, uint32_t c)
{
	bool negated = set.ptr[0] == '!'; /* set_end() leaves no empty set */
	bool found = false;

	for (size_t i = negated; i < set.len;) {
		uint32_t low, high;

		i += character(set, i, &low);
		high = low;
		if (i + 1 < set.len && set.ptr[i] == '-')
			i += 1 + character(set, i + 1, &high);
		found |= low <= c && c <= high;
	}
	return found != negated;
}

/* Whether the pattern element at *at takes character c; moves *at past it when it does. */
static bool element_takes(struct span p, size_t *at, uint32_t c)
{
	size_t end, n;
	uint32_t want;

	if (p.ptr[*at] == '?') {
		*at += 1;
		return true;
	}
	end = p.ptr[*at] == '[' ? set_end(p, *at) : 0;
	if (end != 0) {
		if (!set_holds((struct span){ p.ptr + *at + 1, end - *at - 1 }, c))
			return false;
		*at = end + 1;
		return true;
	}
	n = character(p, *at, &want);
	if (want != c)
		return false;
	*at += n;
	return true;
}

static bool general(struct span p, struct span v)
{
	size_t at = 0, pos = 0, star = SIZE_MAX, retry = 0;

	while (pos < v.len) {
		uint32_t c;
		size_t n = character(v, pos, &c);

		if (p.ptr[at] == '*') {
			star = ++at;
			retry = pos;
		} else if (at < p.len && element_takes(p, &at, c)) {
			pos += n;
		} else if (star != SIZE_MAX) {
			at = star;
			retry += character(v, retry, &c);
			pos = retry;
		} else {
			return false;
		}
	}
	while (p.ptr[at] == '*')
		at++;
	return at == p.len;
}

bool glob_match(const struct glob *g, struct span v)
{
	switch (g->kind) {
	case GLOB_EXACT:
		return span_equal(g->text, v);
	case GLOB_PREFIX:
		return v.len >= g->text.len && memcmp(v.ptr, g->text.ptr, g->text.len) == 0;
	case GLOB_SUFFIX:
		return v.len >= g->text.len &&
		       memcmp(v.ptr + v.len - g->text.len, g->text.ptr, g->text.len) == 0;
	default:
		return general(g->text, v);
	}
}
