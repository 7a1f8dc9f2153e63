/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talk about somebody who is not of age: an age below 18 beside a word for a young person or
 * "he is", "she's". "A 12-year-old whisky" and "a 5-year-old laptop" are not meant.
 */
#include "scan/prose.h"

#define ADULT_AGE 18

static bool is_one_of(const struct prose *p, size_t i, const char *const *words, size_t count)
{
	if (i >= p->count)
		return false;
	struct span w = { p->view->text.ptr + p->words[i].start,
			  p->words[i].end - p->words[i].start };

	for (size_t k = 0; k < count; k++) {
		if (span_is_nocase(w, words[k]))
			return true;
	}
	return false;
}

/* A child stands among the words [from, to). */
static bool child_near(const struct prose *p, size_t from, size_t to)
{
	static const char *const children[] = {
		"son",      "daughter",      "child",   "kid",          "boy",     "girl",
		"student",  "pupil",         "brother", "sister",       "nephew",  "niece",
		"he",       "she",           "he's",    "she's",        "toddler", "baby",
		"grandson", "granddaughter", "stepson", "stepdaughter", "patient", "teenager",
		"sohn",     "tochter",       "hijo",    "hija",         "fils",    "fille",
		"children", "kids",          "i'm",     "twins",        "cousin",
	};

	for (size_t i = from; i < to && i < p->count; i++) {
		if (is_one_of(p, i, children, LEN(children)))
			return true;
	}
	return false;
}

/* The digits that start word i, at most three; *ret_digits is how many. */
static unsigned age_of(const struct prose *p, size_t i, size_t *ret_digits)
{
	const char *text = p->view->text.ptr + p->words[i].start;
	size_t len = p->words[i].end - p->words[i].start, digits = 0;
	unsigned age = 0;

	while (digits < len && digits < 3 && is_digit(text[digits]))
		age = age * 10 + (unsigned)(text[digits++] - '0');
	if (ret_digits != NULL)
		*ret_digits = digits;
	return age;
}

/* The words at i say an age below 18: "12-year-old", "9 years old", "9 yo". How many words. */
static size_t young_age_at(const struct prose *p, size_t i)
{
	static const char *const old[] = { "years", "year", "yrs", "yr", "months", "month" };
	static const char *const brief[] = { "yo", "y/o", "anos", "jahre", "ans" };
	const char *text = p->view->text.ptr + p->words[i].start;
	size_t len = p->words[i].end - p->words[i].start, digits;
	unsigned age = age_of(p, i, &digits);

	if (digits == 0 || digits > 2 || age >= ADULT_AGE)
		return 0;
	if (digits < len)
		return len - digits >= 9 && (memmem(text + digits, len - digits, "-old", 4) !=
						     NULL ||
					     memmem(text + digits, len - digits, "-year-o",
						    7) != NULL)
			       ? 1
			       : 0;
	if (is_one_of(p, i + 1, old, LEN(old)) &&
	    is_one_of(p, i + 2, (const char *const[]){ "old" }, 1))
		return 3;
	return is_one_of(p, i + 1, brief, LEN(brief)) ? 2 : 0;
}

void minors_find(struct prose *p)
{
	static const char *const aged[] = { "aged", "age" };

	for (size_t i = 0; i < p->count; i++) {
		size_t n;

		if (!p->words[i].number)
			continue;
		n = young_age_at(p, i);
		if (n == 0 && i > 0 && is_one_of(p, i - 1, aged, LEN(aged)) &&
		    p->words[i].end - p->words[i].start <= 2 && age_of(p, i, NULL) < ADULT_AGE)
			n = 1;
		if (n > 0 && child_near(p, i > 6 ? i - 6 : 0, i + n + 3))
			prose_found(p, i, i + n, SCAN_MINOR, DETECTOR_MINOR, STRENGTH_WEAK);
	}
}
