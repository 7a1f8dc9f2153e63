/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of birth with the month in letters: "born on 3 March 1984", "DOB: March 3rd, 1984",
 * "geboren am 3. März 1984". Only the bytes around words of birth are looked at, so that text
 * without such words pays nothing. Dates of digits alone are numbers.c's matter.
 *
 *   DAY [of] MONTH [of] [YEAR]      MONTH DAY [YEAR]
 */
#include "scan/checks.h"
#include "scan/scan_impl.h"

#define BYTES_BEFORE 24 /* "March 3, 1984 is her birthday" */
#define BYTES_AFTER  48

struct reader {
	struct span t;
	size_t at;
};

static const char *const months[12][14] = {
	{ "january", "jan", "januar", "jänner", "janvier", "enero", "gennaio" },
	{ "february", "feb", "februar", "février", "fevrier", "febrero", "febbraio" },
	{ "march", "mar", "märz", "maerz", "mars", "marzo" },
	{ "april", "apr", "avril", "abril", "aprile" },
	{ "may", "mai", "mayo", "maggio" },
	{ "june", "jun", "juni", "juin", "junio", "giugno" },
	{ "july", "jul", "juli", "juillet", "julio", "luglio" },
	{ "august", "aug", "août", "aout", "agosto" },
	{ "september", "sept", "sep", "septembre", "septiembre", "settembre" },
	{ "october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre" },
	{ "november", "nov", "novembre", "noviembre" },
	{ "december", "dec", "dezember", "dez", "décembre", "decembre", "diciembre",
	  "dicembre" },
};

/* One of ", . - / of de di" and the spaces around it; nothing is fine, too. */
static void skip_joint(struct reader *r)
{
	static const char *const words[] = { "of ", "de ", "di ", "del " };

	while (r->at < r->t.len && strchr(" ,.-/", r->t.ptr[r->at]) != NULL &&
	       r->t.ptr[r->at] != '\0')
		r->at++;
	for (size_t i = 0; i < LEN(words); i++) {
		size_t n = strlen(words[i]);

		if (r->t.len - r->at >= n &&
		    span_is_nocase((struct span){ r->t.ptr + r->at, n }, words[i])) {
			r->at += n;
			return;
		}
	}
}

/* A number of at most `most` digits; 0: none here. */
static unsigned read_number(struct reader *r, size_t most)
{
	size_t n = 0;
	unsigned v = 0;

	while (is_digit(byte_at(r->t, r->at + n)))
		n++;
	if (n == 0 || n > most)
		return 0;
	for (; n > 0; n--)
		v = v * 10 + (unsigned)(r->t.ptr[r->at++] - '0');
	return v;
}

/* 3, 3rd, 3., 1er, 1º */
static unsigned read_day(struct reader *r)
{
	static const char *const endings[] = { "st", "nd", "rd", "th", "er", "º" };
	unsigned day = read_number(r, 2);

	for (size_t i = 0; day != 0 && i < LEN(endings); i++) {
		size_t n = strlen(endings[i]);

		if (r->t.len - r->at >= n && !is_alnum(byte_at(r->t, r->at + n)) &&
		    span_is_nocase((struct span){ r->t.ptr + r->at, n }, endings[i])) {
			r->at += n;
			break;
		}
	}
	return is_alpha(byte_at(r->t, r->at)) ? 0 : day;
}

static unsigned read_month(struct reader *r)
{
	size_t n = 0;

	while (is_alpha(byte_at(r->t, r->at + n)) ||
	       (unsigned char)byte_at(r->t, r->at + n) >= 0x80)
		n++;
	for (size_t i = 0; n >= 3 && i < LEN(months); i++) {
		for (size_t k = 0; months[i][k] != NULL; k++) {
			if (!span_is_nocase((struct span){ r->t.ptr + r->at, n }, months[i][k]))
				continue;
			r->at += n;
			return (unsigned)i + 1;
		}
	}
	return 0;
}

/* Takes a year with it, if one follows. */
static void read_year(struct reader *r)
{
	struct reader ahead = *r;
	size_t from;

	skip_joint(&ahead);
	if (byte_at(ahead.t, ahead.at) == '\'')
		ahead.at++;
	from = ahead.at;
	read_number(&ahead, 4);
	if ((ahead.at - from == 2 || ahead.at - from == 4) && !word_at(ahead.t, ahead.at))
		r->at = ahead.at;
}

/* The end of the date that begins at `at`; 0: none does. */
static size_t date_at(struct span t, size_t at)
{
	struct reader r = { t, at };
	unsigned day, month;

	if (is_digit(t.ptr[at])) {
		day = read_day(&r);
		skip_joint(&r);
		month = day == 0 ? 0 : read_month(&r);
	} else {
		month = read_month(&r);
		skip_joint(&r);
		day = month == 0 ? 0 : read_day(&r);
	}
	if (month == 0 || !check_day_month(day, month) || word_at(t, r.at))
		return 0;
	read_year(&r);
	return r.at;
}

void scan_birthdays(struct scan_view *v)
{
	struct span t = v->text;
	size_t at = 0;

	for (size_t i = 0; i < v->context_count; i++) {
		const struct context_hit *c = &v->contexts[i];
		size_t from = c->start > BYTES_BEFORE ? c->start - BYTES_BEFORE : 0;

		if ((c->kinds & CONTEXT_BIRTH) == 0)
			continue;
		for (at = at > from ? at : from; at < t.len && at < c->end + BYTES_AFTER;
		     at++) {
			size_t end;

			if (!is_alnum(t.ptr[at]) || word_before(t, at))
				continue;
			end = date_at(t, at);
			if (end == 0)
				continue;
			scan_found(v, at, end, SCAN_PERSONAL_BIRTHDATE, DETECTOR_BIRTHDATE,
				   STRENGTH_SURE);
			at = end - 1;
		}
	}
}
