/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials.
 *
 *   formats      rows of secrets_table.c, tried where their literal stands
 *   assignments  password, secret, token, key = value; entropy and placeholder rules decide
 *   headers      Authorization: Bearer …, Basic …; curl -u user:password
 *   shapes       JSON web tokens, bot tokens in three dotted parts, client secrets with "Q~"
 *   blocks       -----BEGIN … PRIVATE KEY-----
 *
 * The regexes of the table are compiled once, without UTF mode, and matched anchored: they
 * never search, so their cost is that of the literal's occurrences.
 */
#include "scan/secrets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/fault.h"
#include "scan/secret_regexes.h"

#define FORMAT_MATCH_LIMIT 20000 /* a row needs some hundred */

/* ---- what is not worth calling a secret ---- */

unsigned secret_entropy_x10(struct span s)
{
	unsigned counts[256] = { 0 };
	double bits = 0;

	if (s.len == 0)
		return 0;
	for (size_t i = 0; i < s.len; i++)
		counts[(unsigned char)s.ptr[i]]++;
	for (int c = 0; c < 256; c++) {
		if (counts[c] > 0) {
			double p = (double)counts[c] / (double)s.len;

			bits -= p * log2(p);
		}
	}
	return (unsigned)(bits * 10 + 0.5);
}

static bool contains(struct span s, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= s.len; i++) {
		size_t k = 0;

		while (k < n && to_lower(s.ptr[i + k]) == word[k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

/* Five of one character in a row, or 1234567, abcdef: typed, not drawn at random. */
static bool has_run(struct span s)
{
	size_t same = 1, up = 1;

	for (size_t i = 1; i < s.len; i++) {
		same = s.ptr[i] == s.ptr[i - 1] ? same + 1 : 1;
		up = s.ptr[i] == s.ptr[i - 1] + 1 ? up + 1 : 1;
		if ((same >= 5 && s.ptr[i] != 'A') || up >= 7)
			return true;
	}
	return false;
}

bool secret_is_placeholder(struct span v)
{
	static const char *const words[] = {
		"example",     "xxxxx",       "your",     "changeme", "change_me",
		"placeholder", "insert",      "redacted", "dummy",    "sample",
		"<",           "${",          "{{",       "$(",       "%s",
		"%(",          "process.env", "getenv",   "environ",  "secrets.",
		"vault:",      "*****",       "....",     "####",     "not_long"
	};

	for (size_t i = 0; i < LEN(words); i++) {
		if (contains(v, words[i]))
			return true;
	}
	return v.len > 0 && v.ptr[0] == '$';
}

/* ---- the table ---- */

/* Matches row `index` anchored at `at`; the credential is [*ret_start, *ret_end). */
static bool match_format(struct scan_view *v, size_t index, size_t at, size_t *ret_start,
			 size_t *ret_end)
{
	const struct secret_regexes *x = v->run->scanner->secrets;
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);

	if (data == NULL) {
		v->run->out_of_memory = true;
		return false;
	}
	int n = pcre2_match(x->codes[index], (PCRE2_SPTR)v->text.ptr, v->text.len, at,
			    PCRE2_ANCHORED, data, x->limits);
	if (n >= 0) {
		const PCRE2_SIZE *o = pcre2_get_ovector_pointer(data);

		*ret_start = o[0];
		*ret_end = o[1];
	} else if (n != PCRE2_ERROR_NOMATCH) {
		v->run->unknown = "a credential format ran over its limit";
	}
	pcre2_match_data_free(data);
	return n >= 0;
}

static void token_at(struct scan_view *v, size_t index, size_t at)
{
	const struct secret_format *f = &secret_formats[index];
	size_t start, end;

	if (at > 0 && is_alnum(v->text.ptr[at - 1]) && !(at > 1 && v->text.ptr[at - 2] == '\\'))
		return;
	if (!match_format(v, index, at, &start, &end))
		return;
	/* A format of fixed length that goes on is something else. */
	if (word_at(v->text, end) && is_word(v->text.ptr[end - 1]))
		return;
	struct span value = { v->text.ptr + start, end - start };
	if (f->entropy_x10 > 0 && (secret_entropy_x10(value) < f->entropy_x10 ||
				   has_run(value) || contains(value, "example")))
		return;
	if (contains(value, "xxxxx") || contains(value, "example"))
		return;
	if (strcmp(f->literal, "atlasv1") == 0 || strcmp(f->name, "terraform-token") == 0) {
		while (start > 0 &&
		       (is_alnum(v->text.ptr[start - 1]) || v->text.ptr[start - 1] == '.'))
			start--;
	}
	scan_found(v, start, end, f->category, (unsigned)(DETECTOR_FORMATS + index),
		   STRENGTH_CHECKED + (f->entropy_x10 > 0));
}

/*
 * From the end of a name to the start of what is assigned to it:
 *   up to 20 of [\w .-], up to 3 quotes or spaces, an operator, up to 5 quotes, spaces or '='.
 * 0 when there is no assignment.
 */
static size_t value_of(struct span t, size_t at)
{
	static const char *const operators[] = { ":::=", "::=", "||", ":=", "=>",
						 "?=",   "=",   ">",  ":",  "," };
	size_t limit = at + 20;

	while (at < t.len && at < limit &&
	       (is_word(t.ptr[at]) || t.ptr[at] == ' ' || t.ptr[at] == '\t' ||
		t.ptr[at] == '.' || t.ptr[at] == '-'))
		at++;
	limit = at + 3;
	while (at < t.len && at < limit &&
	       (is_space(t.ptr[at]) || t.ptr[at] == '\'' || t.ptr[at] == '"' ||
		t.ptr[at] == ']'))
		at++;
	for (size_t i = 0; i < LEN(operators); i++) {
		if (!span_starts((struct span){ t.ptr + at, t.len - at }, operators[i]))
			continue;
		at += strlen(operators[i]);
		limit = at + 5;
		while (at < t.len && at < limit &&
		       (is_space(t.ptr[at]) || t.ptr[at] == '\'' || t.ptr[at] == '"' ||
			t.ptr[at] == '`' || t.ptr[at] == '='))
			at++;
		return at;
	}
	return 0;
}

/* After a value: a quote, space, separator, the end, or an escaped line end or quote. */
#define VALUE_END "(?=[`'\"\\s;,)}\\]<&]|\\\\[nr\"]|$)"

static void near_at(struct scan_view *v, size_t index, size_t name_end)
{
	const struct secret_format *f = &secret_formats[index];
	size_t at = value_of(v->text, name_end), start, end;

	if (at == 0 || at >= v->text.len || !match_format(v, index, at, &start, &end))
		return;
	struct span value = { v->text.ptr + start, end - start };
	if (secret_entropy_x10(value) < f->entropy_x10 || has_run(value) ||
	    secret_is_placeholder(value))
		return;
	/* Plain words and plain numbers need not be random to have the length. */
	bool digit = false;
	for (size_t i = 0; i < value.len; i++)
		digit = digit || is_digit(value.ptr[i]);
	if (!digit)
		return;
	scan_found(v, start, end, f->category, (unsigned)(DETECTOR_FORMATS + index),
		   STRENGTH_SURE);
}

void secret_at_literal(struct scan_view *v, size_t index, size_t start, size_t end)
{
	if (secret_formats[index].kind == SECRET_TOKEN)
		token_at(v, index, start);
	else
		near_at(v, index, end);
}

/* ---- compiling ---- */

static bool compile_all(struct secret_regexes *x)
{
	for (size_t i = 0; i < secret_formats_count; i++) {
		char regex[512];
		int code, n;
		PCRE2_SIZE offset;
		uint32_t options =
			PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;

		if (secret_formats[i].kind == SECRET_NEAR)
			options |= PCRE2_CASELESS;
		/* The end of the value picks among alternatives of different length. */
		n = snprintf(regex, sizeof regex,
			     secret_formats[i].kind == SECRET_NEAR ? "(?:%s)" VALUE_END : "%s",
			     secret_formats[i].regex);
		if (n < 0 || (size_t)n >= sizeof regex || fault_here())
			return false;
		x->codes[i] = pcre2_compile((PCRE2_SPTR)regex, (PCRE2_SIZE)n, options, &code,
					    &offset, NULL);
		if (x->codes[i] == NULL)
			return false;
	}
	return true;
}

struct secret_regexes *secret_regexes_new(void)
{
	struct secret_regexes *x = fault_here() ? NULL : calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->codes = calloc(secret_formats_count, sizeof(pcre2_code *));
	x->limits = pcre2_match_context_create(NULL);
	if (x->codes == NULL || x->limits == NULL || !compile_all(x)) {
		secret_regexes_free(x);
		return NULL;
	}
	pcre2_set_match_limit(x->limits, FORMAT_MATCH_LIMIT);
	return x;
}

void secret_regexes_free(struct secret_regexes *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; x->codes != NULL && i < secret_formats_count; i++)
		pcre2_code_free(x->codes[i]);
	free(x->codes);
	pcre2_match_context_free(x->limits);
	free(x);
}
