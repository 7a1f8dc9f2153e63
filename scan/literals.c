/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the starts of words and asks the trie what begins there. Context words are
 * collected, terms are reported, credential formats are handed to secrets.c.
 *
 * A word starts where a letter, digit or '_' follows something else, after '_', and at the
 * hump of camelCase ("myAdafruitKey"). The 'n' of an escape "\n" ends before what follows.
 */
#include <stdlib.h>

#include "common/fault.h"
#include "scan/scan_impl.h"
#include "scan/secrets.h"

static void add_context(struct scan_view *v, size_t start, size_t end, uint32_t kinds)
{
	if (v->context_count == v->context_cap) {
		size_t cap = v->context_cap == 0 ? 32 : v->context_cap * 2;
		struct context_hit *grown =
			fault_here() ? NULL : realloc(v->contexts, cap * sizeof *grown);

		if (grown == NULL) {
			v->run->out_of_memory = true;
			return;
		}
		v->contexts = grown;
		v->context_cap = cap;
	}
	v->contexts[v->context_count++] =
		(struct context_hit){ (uint32_t)start, (uint32_t)end, kinds };
}

/* A plural 's' may follow; no other letter or digit. */
static bool whole_word(const struct scan_view *v, size_t start, size_t *end)
{
	char next = byte_at(v->text, *end);

	if (word_before(v->text, start) && v->text.ptr[start - 1] != '_')
		return false;
	if (to_lower(next) == 's' && !word_at(v->text, *end + 1)) {
		(*end)++;
		return true;
	}
	return !word_at(v->text, *end) || next == '_';
}

static void at_start(struct scan_view *v, size_t at)
{
	struct trie_match m[TRIE_MATCHES];
	size_t n = trie_match(v->run->scanner->trie, v->text, at, m);

	for (size_t i = n; i-- > 0;) {
		uint32_t index = m[i].value & 0xffffff;
		size_t end = m[i].end;

		switch ((enum literal_kind)(m[i].value >> 24)) {
		case LITERAL_FORMAT:
			secret_at_literal(v, index, at, end);
			break;
		case LITERAL_CONTEXT:
			if (whole_word(v, at, &end))
				add_context(v, at, end, scan_contexts[index].kinds);
			break;
		case LITERAL_LEAD:
			secret_after_lead(v, (enum scan_lead)index, end);
			break;
		case LITERAL_TERM:
			if (whole_word(v, at, &end))
				scan_found(v, at, end, scan_terms[index].category,
					   scan_terms[index].detector,
					   scan_terms[index].strength);
			break;
		}
	}
}

enum { OTHER, LOWER, UPPER, DIGIT, UNDERSCORE };

/* By byte; the upper half is OTHER. */
static const uint8_t class_of[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0,
	0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 4,
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
	/* clang-format on */
};

static bool after_escape(struct span t, size_t at)
{
	return at >= 2 && t.ptr[at - 2] == '\\' &&
	       (t.ptr[at - 1] == 'n' || t.ptr[at - 1] == 't' || t.ptr[at - 1] == 'r');
}

static uint32_t four_bytes(const unsigned char *p, size_t n)
{
	uint32_t bytes = p[0];

	if (n >= 4)
		return bytes | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		       (uint32_t)p[3] << 24;
	for (size_t i = 1; i < n; i++)
		bytes |= (uint32_t)p[i] << (8 * i);
	return bytes;
}

void scan_literals(struct scan_view *v)
{
	/* By the class before: one bit for each class that starts a word behind it. */
	static const uint8_t starts_behind[] = {
		[OTHER] = 1 << LOWER | 1 << UPPER | 1 << DIGIT | 1 << UNDERSCORE,
		[LOWER] = 1 << UPPER,
		[UPPER] = 0,
		[DIGIT] = 1 << UPPER,
		[UNDERSCORE] = 1 << LOWER | 1 << UPPER | 1 << DIGIT | 1 << UNDERSCORE,
	};
	const struct trie_starts *starts = trie_starts(v->run->scanner->trie);
	const unsigned char *p = (const unsigned char *)v->text.ptr;
	size_t n = v->text.len;
	bool escapes = v->present['\\'];
	unsigned before = OTHER;

	for (size_t i = 0; i + 1 < n; i++) {
		unsigned c = class_of[p[i]];
		bool start = (starts_behind[before] >> c & 1) != 0 ||
			     (escapes && c != OTHER && after_escape(v->text, i));

		before = c;
		if (start && trie_may_start(starts, four_bytes(p + i, n - i)))
			at_start(v, i);
		/* Between lower-case letters a word starts only behind an escape. */
		while (c == LOWER && !escapes && i + 2 < n && class_of[p[i + 1]] == LOWER)
			i++;
	}
}
