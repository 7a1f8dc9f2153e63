/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site adds. A regex is searched over the whole view under a step limit; words lie in
 * one hash table of phrases, folded, with single spaces, so a dictionary of 100,000 words
 * costs one lookup for each word of the text and of each phrase length in use.
 */
#include "scan/site.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/text.h"
#include "scan/checks.h"
#include "scan/placeholder.h"

#define REGEX_MAX_BYTES  1024
#define REGEX_WINDOW     256 /* places where a match may begin, between looks at the clock */
#define REGEX_AHEAD      2048
#define WORDS_MAX        200000
#define WORD_MAX_BYTES   128
#define PHRASE_MAX_WORDS 6

struct category {
	char name[64];
	char placeholder[PLACEHOLDER_NAME_MAX + 1];
};

struct rule {
	uint16_t category;
	enum scan_check check;
	pcre2_code *regex; /* NULL: words only */
};

struct phrase {
	uint64_t hash; /* 0: free slot */
	uint32_t rule;
};

struct site {
	struct category categories[SCAN_CATEGORIES_MAX];
	size_t category_count;
	struct rule *rules;
	size_t rule_count;
	struct phrase *phrases;
	size_t slots; /* a power of two, 0 without words */
	bool lengths[PHRASE_MAX_WORDS + 1];
};

size_t site_categories(const struct site *s)
{
	return s != NULL ? s->category_count : 0;
}

const char *site_category_name(const struct site *s, size_t index)
{
	return s != NULL && index < s->category_count ? s->categories[index].name : NULL;
}

const char *site_placeholder(const struct site *s, size_t index)
{
	return s != NULL && index < s->category_count ? s->categories[index].placeholder
						      : "SITE";
}

/* ---- names ---- */

static bool valid_name(const char *name)
{
	size_t n = name != NULL ? strlen(name) : 0;

	if (n == 0 || n >= sizeof((struct category *)0)->name || name[0] == '.' ||
	    name[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_lower(name[i]) && !is_digit(name[i]) && name[i] != '_' &&
		    name[i] != '.' && name[i] != '-')
			return false;
		if (name[i] == '.' && name[i + 1] == '.')
			return false;
	}
	return true;
}

static void set_placeholder(struct category *c)
{
	const char *last = strrchr(c->name, '.');
	size_t n = 0;

	for (const char *p = last != NULL ? last + 1 : c->name;
	     *p != '\0' && n < PLACEHOLDER_NAME_MAX; p++)
		c->placeholder[n++] = *p == '-' ? '_' : is_lower(*p) ? (char)(*p - 32) : *p;
	if (n < 2)
		memcpy(c->placeholder, "SITE", 5);
}

static enum err find_category(struct site *s, const char *name, uint16_t *ret)
{
	static const char *const builtin[] = {
#define X(id, text, placeholder) text,
		SCAN_CATEGORY_MAP(X)
#undef X
	};

	if (!valid_name(name))
		return ERR_SYNTAX;
	for (size_t i = 0; i < LEN(builtin); i++) {
		if (strcmp(builtin[i], name) == 0) {
			*ret = (uint16_t)i;
			return ERR_OK;
		}
	}
	for (size_t i = 0; i < s->category_count; i++) {
		if (strcmp(s->categories[i].name, name) == 0) {
			*ret = (uint16_t)(SCAN_BUILTIN_CATEGORIES + i);
			return ERR_OK;
		}
	}
	if (SCAN_BUILTIN_CATEGORIES + s->category_count == SCAN_CATEGORIES_MAX)
		return ERR_TOO_BIG;
	struct category *c = &s->categories[s->category_count];
	memcpy(c->name, name, strlen(name) + 1);
	set_placeholder(c);
	*ret = (uint16_t)(SCAN_BUILTIN_CATEGORIES + s->category_count++);
	return ERR_OK;
}

/* ---- words ---- */

#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash_word(uint64_t h, struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		h = (h ^ (unsigned char)to_lower(word.ptr[i])) * UINT64_C(0x100000001b3);
	return (h ^ ' ') * UINT64_C(0x100000001b3);
}

/* All but the punctuation, spaces and signs of U+0080..U+00BF, U+2000..U+2BFF, U+3000..U+303F.
 */
static bool is_word_char(struct span t, size_t at)
{
	unsigned char c = (unsigned char)t.ptr[at], next = (unsigned char)byte_at(t, at + 1);

	return is_word(t.ptr[at]) && c != 0xc2 && !(c == 0xe2 && next < 0xb0) &&
	       !(c == 0xe3 && next == 0x80);
}

/* The next run of word characters at or after *at; empty at the end. */
static struct span next_word(struct span t, size_t *at)
{
	while (*at < t.len && !is_word_char(t, *at))
		*at = next_char(t, *at);
	size_t start = *at;
	while (*at < t.len && is_word_char(t, *at))
		*at = next_char(t, *at);
	return (struct span){ t.ptr + start, *at - start };
}

static bool add_phrase(struct site *s, struct span t, uint32_t rule)
{
	uint64_t h = HASH_START;
	size_t at = 0, words = 0;

	for (struct span w = next_word(t, &at); w.len > 0; w = next_word(t, &at)) {
		h = hash_word(h, w);
		words++;
	}
	if (words == 0 || words > PHRASE_MAX_WORDS || t.len > WORD_MAX_BYTES)
		return false;
	s->lengths[words] = true;
	h += h == 0;
	for (size_t i = h & (s->slots - 1);; i = (i + 1) & (s->slots - 1)) {
		if (s->phrases[i].hash == h && s->phrases[i].rule == rule)
			return true; /* twice in one list */
		if (s->phrases[i].hash == 0) {
			s->phrases[i] = (struct phrase){ h, rule };
			return true;
		}
	}
}

/* The next line that holds anything; false at the end. */
static bool next_line(struct span *io, struct span *ret)
{
	while (io->len > 0) {
		const char *end = memchr(io->ptr, '\n', io->len);
		size_t len = end != NULL ? (size_t)(end - io->ptr) : io->len;

		*ret = span_trim((struct span){ io->ptr, len });
		len += end != NULL;
		io->ptr += len;
		io->len -= len;
		if (ret->len > 0)
			return true;
	}
	return false;
}

static size_t count_lines(struct span list)
{
	struct span line;
	size_t n = 0;

	while (next_line(&list, &line))
		n++;
	return n;
}

/* ---- checks ---- */

static bool passes(enum scan_check check, struct span found)
{
	char bare[64];
	size_t n = 0;

	if (check == SCAN_CHECK_NONE)
		return true;
	for (size_t i = 0; i < found.len; i++) {
		char c = found.ptr[i];

		if (!is_alnum(c) || (check == SCAN_CHECK_LUHN && !is_digit(c)))
			continue;
		if (n == sizeof bare)
			return false;
		bare[n++] = is_lower(c) ? (char)(c - 32) : c;
	}
	return check == SCAN_CHECK_LUHN ? check_luhn((struct span){ bare, n })
					: check_mod97((struct span){ bare, n });
}

/* ---- building ---- */

static enum err compile(const char *regex, struct rule *r, struct scan_site_error *reterr)
{
	int code = PCRE2_ERROR_NOMEMORY;
	PCRE2_SIZE offset = 0;

	if (strlen(regex) > REGEX_MAX_BYTES)
		return ERR_TOO_BIG;
	r->regex = fault_here()
			   ? NULL
			   : pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
					   PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C |
						   PCRE2_USE_OFFSET_LIMIT,
					   &code, &offset, NULL);
	if (r->regex != NULL)
		return ERR_OK;
	reterr->offset = offset;
	pcre2_get_error_message(code, (PCRE2_UCHAR *)reterr->problem, sizeof reterr->problem);
	return ERR_SYNTAX;
}

static bool add_words(struct site *s, const struct scan_site_category *in)
{
	uint32_t rule = (uint32_t)(s->rule_count - 1);
	struct span rest = in->list, line;

	for (size_t i = 0; i < in->word_count; i++) {
		if (!add_phrase(s, span_of(in->words[i]), rule))
			return false;
	}
	while (next_line(&rest, &line)) {
		if (!add_phrase(s, line, rule))
			return false;
	}
	return true;
}

static enum err add_rule(struct site *s, const struct scan_site_category *in,
			 struct scan_site_error *reterr)
{
	struct rule *r = &s->rules[s->rule_count];
	enum err e = find_category(s, in->name, &r->category);

	if (e != ERR_OK) {
		snprintf(reterr->problem, sizeof reterr->problem, "%s",
			 e == ERR_SYNTAX ? "a category name is letters, digits, '_' and '.'"
					 : "there are too many categories");
		return e;
	}
	r->check = in->check;
	s->rule_count++;
	if (in->regex != NULL)
		e = compile(in->regex, r, reterr);
	if (e == ERR_OK && !add_words(s, in)) {
		snprintf(reterr->problem, sizeof reterr->problem,
			 "a word is empty or longer than %d words or %d bytes",
			 PHRASE_MAX_WORDS, WORD_MAX_BYTES);
		e = ERR_SYNTAX;
	}
	if (e == ERR_OK && in->regex == NULL && in->word_count == 0 && in->list.len == 0) {
		snprintf(reterr->problem, sizeof reterr->problem,
			 "a regex or words are needed");
		e = ERR_SYNTAX;
	}
	return e;
}

enum err site_new(const struct scan_site_category *in, size_t count, struct site **ret,
		  struct scan_site_error *reterr)
{
	struct site *s = fault_here() ? NULL : calloc(1, sizeof *s);
	size_t words = 0;
	enum err e = ERR_OK;

	if (s == NULL)
		return ERR_NO_MEMORY;
	*reterr = (struct scan_site_error){ 0 };
	for (size_t i = 0; i < count; i++)
		words += in[i].word_count + count_lines(in[i].list);
	if (words > WORDS_MAX) {
		site_free(s);
		return ERR_TOO_BIG;
	}
	for (s->slots = words > 0 ? 16 : 0; s->slots < 2 * words; s->slots *= 2)
		;
	s->rules = calloc(count > 0 ? count : 1, sizeof *s->rules);
	s->phrases = calloc(s->slots > 0 ? s->slots : 1, sizeof *s->phrases);
	if (s->rules == NULL || s->phrases == NULL)
		e = ERR_NO_MEMORY;
	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		reterr->index = i;
		e = add_rule(s, &in[i], reterr);
	}
	if (e != ERR_OK) {
		site_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void site_free(struct site *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->rule_count; i++)
		pcre2_code_free(s->rules[i].regex);
	free(s->rules);
	free(s->phrases);
	free(s);
}

/* ---- scanning ---- */

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Where a character begins, at `at` or after it. */
static size_t character_from(struct span t, size_t at)
{
	while (at < t.len && is_continuation(t.ptr[at]))
		at++;
	return at;
}

/*
 * The steps are counted anew at each place where a match may begin, so between windows of such
 * places the clock is looked at. What PCRE2 does to the whole rest of a text is kept out of
 * that: the check of its UTF-8 (`text` is known to be, and *at to begin a character), and the
 * search for the first byte of a match (a window sees REGEX_AHEAD bytes more; only a match
 * that would like to see further gets the rest).
 */
static bool scan_window(struct scan_view *v, struct span text, const struct rule *r, size_t *at,
			size_t last, pcre2_match_context *limits, pcre2_match_data *data)
{
	size_t near = character_from(text, last + REGEX_AHEAD);
	uint32_t options = PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK;
	int n = PCRE2_ERROR_PARTIAL;

	pcre2_set_offset_limit(limits, last);
	if (near < text.len)
		n = pcre2_match(r->regex, (PCRE2_SPTR)text.ptr, near, *at,
				options | PCRE2_PARTIAL_HARD, data, limits);
	if (n == PCRE2_ERROR_PARTIAL)
		n = pcre2_match(r->regex, (PCRE2_SPTR)text.ptr, text.len, *at, options, data,
				limits);
	if (n == PCRE2_ERROR_NOMATCH) {
		*at = character_from(text, last + 1);
		return true;
	}
	if (n < 0) {
		v->run->unknown = "a site regex ran over its limit";
		return false;
	}
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(data);
	struct span found = { v->text.ptr + o[0], o[1] > o[0] ? o[1] - o[0] : 0 };
	if (passes(r->check, found))
		scan_found(v, o[0], o[1], r->category, DETECTOR_SITE, STRENGTH_CHECKED + 5);
	*at = character_from(text, o[1] > *at ? o[1] : *at + 1);
	return true;
}

static void scan_regex(struct scan_view *v, struct span text, const struct rule *r)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	uint64_t until_ms = clock_mono_ms() + v->run->budget->regex_ms;

	if (data == NULL || limits == NULL) {
		v->run->out_of_memory = true;
		goto out;
	}
	pcre2_set_match_limit(limits, v->run->budget->match_steps);
	for (size_t at = 0; at <= text.len;) {
		if (!scan_window(v, text, r, &at, at + REGEX_WINDOW, limits, data))
			break;
		if (clock_mono_ms() > until_ms) {
			v->run->unknown = "a site regex took too long";
			break;
		}
	}
out:
	pcre2_match_context_free(limits);
	pcre2_match_data_free(data);
}

/* Everybody whose phrase this is: the same one may be in several lists. */
static void found_phrase(struct scan_view *v, const struct site *s, uint64_t h, size_t start,
			 size_t end)
{
	struct span found = { v->text.ptr + start, end - start };

	h += h == 0;
	for (size_t i = h & (s->slots - 1); s->phrases[i].hash != 0;
	     i = (i + 1) & (s->slots - 1)) {
		const struct rule *r = &s->rules[s->phrases[i].rule];

		if (s->phrases[i].hash == h && passes(r->check, found))
			scan_found(v, start, end, r->category, DETECTOR_SITE,
				   STRENGTH_CHECKED + 5);
	}
}

static void scan_phrases(struct scan_view *v, const struct site *s)
{
	size_t at = 0;

	for (;;) {
		uint64_t h = HASH_START;
		struct span first = next_word(v->text, &at);
		size_t start = (size_t)(first.ptr - v->text.ptr), next = at;

		if (first.len == 0)
			break;
		struct span w = first;
		for (unsigned words = 1; words <= PHRASE_MAX_WORDS && w.len > 0; words++) {
			h = hash_word(h, w);
			size_t end = next;
			if (s->lengths[words])
				found_phrase(v, s, h, start, end);
			w = next_word(v->text, &next);
		}
	}
}

/* A copy of the same length in which U+001A stands for each byte that is no UTF-8. */
static char *well_formed(struct span t)
{
	char *copy = fault_here() ? NULL : malloc(t.len);

	for (size_t i = 0; copy != NULL && i < t.len;) {
		size_t n = text_utf8_first((struct span){ t.ptr + i, t.len - i });

		if (n == 0)
			copy[i] = 0x1a;
		else
			memcpy(copy + i, t.ptr + i, n);
		i += n > 0 ? n : 1;
	}
	return copy;
}

/* What ran over its limit once makes the text unknown: no other view need be looked at. */
static void scan_regexes(struct scan_view *v, const struct site *s)
{
	struct span text = v->text;
	uint64_t from_us = clock_mono_us();
	char *copy = NULL;

	if (!text_is_utf8(text)) {
		text.ptr = copy = well_formed(text);
		if (copy == NULL) {
			v->run->out_of_memory = true;
			return;
		}
	}
	for (size_t i = 0; i < s->rule_count && v->run->unknown == NULL; i++)
		if (s->rules[i].regex != NULL)
			scan_regex(v, text, &s->rules[i]);
	v->run->regex_us += clock_mono_us() - from_us;
	if (v->run->unknown == NULL &&
	    v->run->regex_us > UINT64_C(1000) * v->run->budget->regex_ms * s->rule_count)
		v->run->unknown = "a site regex took too long";
	free(copy);
}

void scan_site(struct scan_view *v, const struct site *s)
{
	scan_regexes(v, s);
	if (s->slots > 0)
		scan_phrases(v, s);
}
