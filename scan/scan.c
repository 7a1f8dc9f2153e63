/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scan: views, detectors, then one sorted list without overlaps.
 *
 *   text -> view -> literals -> contexts, formats, terms
 *                -> numbers, contacts, people, places, code, site detectors
 *        -> further views (views.c), each the same way
 *   findings -> strongest first, overlaps dropped -> spans
 *
 * Invariants
 *   1. Offsets in findings are of the text, whatever view they were found in.
 *   2. A run that could not look at everything says so (unknown); it never just stops.
 */
#include "scan/scan_impl.h"

#include <stdlib.h>

#include "common/fault.h"
#include "scan/placeholder.h"
#include "scan/secrets.h"
#include "scan/views.h"

const struct scan_budget scan_budget_default = { 8 * 1024 * 1024, 20000, 100000, 250 };

/* Offsets of this view in the text. */
static void translate(const struct scan_view *v, size_t *start, size_t *end)
{
	for (; v->parent != NULL; v = v->parent) {
		if (v->origin != NULL) {
			*start = v->origin[*start];
			*end = v->origin[*end];
		} else {
			*start = v->whole_start;
			*end = v->whole_end;
		}
	}
}

/* Large findings that other findings may lie in: they get what the others leave. */
static bool is_backdrop(unsigned category)
{
	return category == SCAN_SOURCE_CODE;
}

void scan_found(struct scan_view *v, size_t start, size_t end, enum scan_category category,
		unsigned detector, unsigned strength)
{
	struct scan_run *r = v->run;

	if (start >= end || end > v->text.len)
		return;
	if (!is_backdrop(category) && placeholder_touches(v->text, start, end))
		return; /* masked already */
	if (r->count == r->budget->max_spans) {
		r->unknown = "too many findings";
		return;
	}
	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 64 : r->cap * 2;
		struct finding *grown =
			fault_here() ? NULL : realloc(r->findings, cap * sizeof *grown);

		if (grown == NULL) {
			r->out_of_memory = true;
			return;
		}
		r->findings = grown;
		r->cap = cap;
	}
	translate(v, &start, &end);
	if (end <= start) { /* inside one character that was folded to several */
		end = start + 1;
		while (end < r->text.len && ((unsigned char)r->text.ptr[end] & 0xc0) == 0x80)
			end++;
	}
	r->findings[r->count++] = (struct finding){ start, end, (uint16_t)category,
						    (uint16_t)detector, (uint8_t)strength };
}

uint32_t scan_context(const struct scan_view *v, size_t start, size_t end, size_t before,
		      size_t after)
{
	size_t from = start > before ? start - before : 0, low = 0, high = v->context_count;
	uint32_t kinds = 0;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (v->contexts[mid].start < from)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < v->context_count && v->contexts[low].start < end + after; low++) {
		if (v->contexts[low].end <= start || v->contexts[low].start >= end)
			kinds |= v->contexts[low].kinds;
	}
	return kinds;
}

void scan_view_all(struct scan_view *v)
{
	for (size_t i = 0; i < v->text.len; i++)
		v->present[(unsigned char)v->text.ptr[i]] = true;
	v->trimmed_bytes = span_trim(v->text).len;
	scan_literals(v);
	secret_scan(v);
	scan_numbers(v);
	scan_birthdays(v);
	scan_contacts(v);
	scan_prose(v);
	if (v->parent == NULL)
		scan_code(v);
	if (v->run->scanner->site != NULL)
		scan_site(v, v->run->scanner->site);
	free(v->contexts);
	v->contexts = NULL;
	v->context_count = v->context_cap = 0;
}

/* ---- overlaps ---- */

static int by_strength(const void *left, const void *right)
{
	const struct finding *a = left, *b = right;

	if (a->strength != b->strength)
		return a->strength > b->strength ? -1 : 1;
	if (a->end - a->start != b->end - b->start)
		return a->end - a->start > b->end - b->start ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->category != b->category)
		return a->category < b->category ? -1 : 1;
	return a->detector < b->detector ? -1 : a->detector > b->detector;
}

static int by_start(const void *left, const void *right)
{
	const struct scan_span *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* One bit for each byte of the text: it belongs to a span already. */
static bool is_taken(const uint64_t *taken, size_t i)
{
	return (taken[i / 64] >> (i % 64) & 1) != 0;
}

/* Keeps a finding unless a kept one overlaps it, even if that lies inside. */
static bool take(uint64_t *taken, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		if (is_taken(taken, i))
			return false;
	}
	for (size_t i = start; i < end; i++)
		taken[i / 64] |= UINT64_C(1) << (i % 64);
	return true;
}

static void add_span(struct scan_result *ret, const struct finding *f, size_t start, size_t end)
{
	ret->spans[ret->count++] = (struct scan_span){ start, end, f->category, f->detector };
}

static void take_gaps(struct scan_result *ret, size_t room, uint64_t *taken, struct span text,
		      const struct finding *f)
{
	for (size_t i = f->start; i < f->end && ret->count < room;) {
		size_t start = i;
		bool said; /* more than spaces and punctuation */

		for (said = false; i < f->end && !is_taken(taken, i); i++)
			said = said || is_word(text.ptr[i]);
		if (said) {
			take(taken, start, i);
			add_span(ret, f, start, i);
		}
		while (i < f->end && is_taken(taken, i))
			i++;
	}
}

/* What was masked before belongs to nobody any more. */
static void take_placeholders(uint64_t *taken, struct span text)
{
	for (size_t at = 0; at < text.len;) {
		const char *p = memchr(text.ptr + at, '[', text.len - at);

		if (p == NULL)
			return;
		at = (size_t)(p - text.ptr);
		size_t n = placeholder_at(text, at);
		if (n > 0)
			take(taken, at, at + n);
		at += n > 0 ? n : 1;
	}
}

static size_t count_brackets(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '[' && placeholder_at(text, i) > 0;
	return n;
}

/* The findings that stand, of all or of the built-in detectors alone. */
static void pick(const struct scan_run *r, bool with_site, uint64_t *taken, size_t room,
		 struct scan_result *ret)
{
	memset(taken, 0, (r->text.len / 64 + 1) * sizeof *taken);
	ret->count = 0;
	take_placeholders(taken, r->text);
	for (size_t i = 0; i < r->count; i++) {
		const struct finding *f = &r->findings[i];

		if ((with_site || f->detector != DETECTOR_SITE) && !is_backdrop(f->category) &&
		    take(taken, f->start, f->end))
			add_span(ret, f, f->start, f->end);
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct finding *f = &r->findings[i];

		if ((with_site || f->detector != DETECTOR_SITE) && is_backdrop(f->category))
			take_gaps(ret, room, taken, r->text, f);
	}
	qsort(ret->spans, ret->count, sizeof *ret->spans, by_start);
}

/*
 * For masking: the built-in spans of `want` and every finding of the site's in `want`, as one
 * span where they overlap. What one of them leaves over could be half of a key.
 */
static void unite(const struct scan_run *r, const struct scan_set *want,
		  struct scan_result *ret)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < ret->count; i++)
		if (scan_set_has(want, ret->spans[i].category))
			ret->spans[n++] = ret->spans[i];
	ret->count = n;
	for (size_t i = 0; i < r->count; i++) {
		const struct finding *f = &r->findings[i];

		if (f->detector == DETECTOR_SITE && scan_set_has(want, f->category) &&
		    !placeholder_touches(r->text, f->start, f->end))
			add_span(ret, f, f->start, f->end);
	}
	qsort(ret->spans, ret->count, sizeof *ret->spans, by_start);
	for (size_t i = 0; i < ret->count; i++) {
		struct scan_span *last = kept > 0 ? &ret->spans[kept - 1] : NULL;

		if (last == NULL || ret->spans[i].start >= last->end)
			ret->spans[kept++] = ret->spans[i];
		else if (ret->spans[i].end > last->end)
			last->end = ret->spans[i].end;
	}
	ret->count = kept;
}

/*
 * A site's detectors only add: nothing they find takes a built-in finding, or one of another of
 * them, out of `found`. Spans do not overlap, and there the site's come first.
 */
static void settle(const struct scan_run *r, const struct scan_set *want, uint64_t *taken,
		   size_t room, struct scan_result *ret)
{
	bool site = false;

	pick(r, false, taken, room, ret);
	for (size_t i = 0; i < ret->count; i++)
		scan_set_add(&ret->found, ret->spans[i].category);
	for (size_t i = 0; i < r->count; i++) {
		if (r->findings[i].detector != DETECTOR_SITE)
			continue;
		site = true;
		scan_set_add(&ret->found, r->findings[i].category);
	}
	if (want != NULL)
		unite(r, want, ret);
	else if (site)
		pick(r, true, taken, room, ret);
}

static enum err resolve(struct scan_run *r, const struct scan_set *want, struct arena *a,
			struct scan_result *ret)
{
	/* Findings and placeholders open gaps in the backdrops: one more each. With `want`,
	 * the site's findings come once more. */
	size_t room = 3 * r->count + 1 + (r->count > 0 ? count_brackets(r->text) : 0);
	uint64_t *taken = NULL;

	ret->spans = arena_array(a, room, sizeof *ret->spans);
	if (ret->spans == NULL)
		return ERR_NO_MEMORY;
	if (r->count == 0)
		return ERR_OK;
	taken = fault_here() ? NULL : calloc(r->text.len / 64 + 1, sizeof *taken);
	if (taken == NULL)
		return ERR_NO_MEMORY;
	qsort(r->findings, r->count, sizeof *r->findings, by_strength);
	settle(r, want, taken, room - r->count, ret);
	free(taken);
	return ERR_OK;
}

enum err scan_wanted(const struct scanner *s, struct span text, const struct scan_set *want,
		     const struct scan_budget *budget, struct arena *a, struct scan_result *ret)
{
	struct scan_run run = { .scanner = s, .budget = budget, .text = text };
	struct scan_result result = { .status = SCAN_COMPLETE, .why = "" };
	struct scan_view view = { .run = &run, .text = text };
	enum err e;

	if (text.ptr == NULL)
		view.text.ptr = run.text.ptr = "";
	if (text.len > budget->max_bytes || text.len > UINT32_MAX / 2) {
		run.unknown = "the text is too long";
	} else {
		scan_view_all(&view);
		scan_further_views(&view);
	}
	e = run.out_of_memory ? ERR_NO_MEMORY : resolve(&run, want, a, &result);
	free(run.findings);
	if (e != ERR_OK)
		return e;
	if (run.unknown != NULL) {
		result.status = SCAN_UNKNOWN;
		result.why = run.unknown;
	}
	*ret = result;
	return ERR_OK;
}

enum err scan_text(const struct scanner *s, struct span text, const struct scan_budget *budget,
		   struct arena *a, struct scan_result *ret)
{
	return scan_wanted(s, text, NULL, budget, a, ret);
}
