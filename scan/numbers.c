/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made of digits: cards, telephone numbers, dates of birth, network addresses,
 * account numbers, codes. Identity numbers with letters or check digits are ids.c's matter.
 *
 * The text is cut into runs: digits in groups, with single separators between them. A run is
 * classified once, most certain kind first; context words decide what a number alone cannot.
 */
#include <stdlib.h>

#include "scan/checks.h"
#include "scan/ids.h"
#include "scan/scan_impl.h"

#define RUN_DIGITS 24
#define RUN_GROUPS 10

/* Digits in groups: "(415) 555-0132 x12" is 3, 3, 4 and 2 digits. */
struct run {
	size_t start, end; /* from the first digit, '+' or '(' to the last digit */
	char digits[RUN_DIGITS];
	size_t digit_count;
	size_t group_count;
	uint8_t group_len[RUN_GROUPS];
	char separator[RUN_GROUPS]; /* before the group; the first one: '+', '(' or NUL */
	bool extension;             /* the last group follows an 'x' */
};

static size_t skip_separator(struct span t, size_t at, char *ret)
{
	char c = byte_at(t, at);

	*ret = c;
	if (c == ')' || c == '(') {
		char next = byte_at(t, at + 1);

		return next == ' ' || next == '-' || next == '.' ? at + 2 : at + 1;
	}
	if (c == ' ' && (byte_at(t, at + 1) == '(' || byte_at(t, at + 1) == '-')) {
		*ret = byte_at(t, at + 1);
		return byte_at(t, at + 2) == ' ' ? at + 3 : at + 2;
	}
	if (c == ' ' || c == '-' || c == '.' || c == '/')
		return at + 1;
	return at;
}

/* Adds the group of digits at `at`. False when it does not fit any more. */
static bool add_group(struct span t, struct run *r, size_t *at, char separator)
{
	size_t n = 0;

	while (is_digit(byte_at(t, *at + n)))
		n++;
	if (r->group_count == RUN_GROUPS || r->digit_count + n > RUN_DIGITS)
		return false;
	memcpy(r->digits + r->digit_count, t.ptr + *at, n);
	r->digit_count += n;
	r->separator[r->group_count] = separator;
	r->group_len[r->group_count++] = (uint8_t)n;
	*at += n;
	r->end = *at;
	return true;
}

/* The run that begins with the digit at `at`. False: too long, or glued to letters. */
static bool read_run(struct span t, size_t at, struct run *r)
{
	char lead = '\0';

	*r = (struct run){ .start = at };
	if (byte_at(t, at - 1) == '(') {
		lead = '(';
		r->start = at - 1;
	}
	if (byte_at(t, r->start - 1) == '+') {
		lead = '+';
		r->start--;
	}
	if (!add_group(t, r, &at, lead))
		return false;
	for (;;) {
		char separator;
		size_t next = skip_separator(t, at, &separator);

		if (next == at && (to_lower(byte_at(t, at)) == 'x') &&
		    is_digit(byte_at(t, at + 1))) {
			next = at + 1;
			r->extension = true;
		}
		if (next == at || !is_digit(byte_at(t, next)))
			break;
		at = next;
		if (!add_group(t, r, &at, separator))
			return false;
		if (r->extension)
			break;
	}
	return true;
}

static struct span digits_of(const struct run *r)
{
	return (struct span){ r->digits, r->digit_count };
}

/* ---- cards ---- */

/* Groups of a card are split by spaces or dashes only, and evenly. */
static bool is_card(const struct scan_view *v, const struct run *r)
{
	for (size_t i = 1; i < r->group_count; i++) {
		if (r->separator[i] != ' ' && r->separator[i] != '-')
			return false;
		if (r->group_len[i] < 3 || r->group_len[i] > 7)
			return false;
	}
	return r->separator[0] == '\0' && !r->extension &&
	       (r->group_count == 1 || r->group_len[0] == 4) &&
	       (check_card(digits_of(r)) ||
		/* Of an issuer not in the table, but called a card. */
		(r->digit_count >= 12 && r->digit_count <= 19 && check_luhn(digits_of(r)) &&
		 (scan_context(v, r->start, r->end, 48, 24) & CONTEXT_CARD) != 0));
}

/* ---- dates ---- */

static unsigned group_value(const struct run *r, size_t group)
{
	unsigned v = 0;
	size_t at = 0;

	for (size_t i = 0; i < group; i++)
		at += r->group_len[i];
	for (size_t i = 0; i < r->group_len[group] && i < 6; i++)
		v = v * 10 + (unsigned)(r->digits[at + i] - '0');
	return v;
}

/* The first three groups are a date; what follows may be a time. */
static bool is_date(const struct run *r)
{
	char sep;

	if (r->group_count < 3 || r->separator[0] != '\0')
		return false;
	sep = r->separator[1];
	if ((sep != '-' && sep != '/' && sep != '.') || r->separator[2] != sep)
		return false;
	unsigned a = group_value(r, 0), b = group_value(r, 1), c = group_value(r, 2);
	if (r->group_len[0] == 4 && r->group_len[1] <= 2 && r->group_len[2] <= 2)
		return check_day_month(c, b) && a >= 1800 && a <= 2200;
	if (r->group_len[0] <= 2 && r->group_len[1] <= 2 &&
	    (r->group_len[2] == 4 || r->group_len[2] == 2))
		return check_day_month(a, b) || check_day_month(b, a);
	return false;
}

static size_t date_end(struct span t, const struct run *r)
{
	size_t at = r->start;

	for (unsigned group = 0; group < 3; group++) {
		while (is_digit(byte_at(t, at)))
			at++;
		at += group < 2;
	}
	return at;
}

/* ---- network addresses ---- */

static bool is_ipv4(const struct run *r)
{
	if (r->group_count != 4 || r->separator[0] != '\0')
		return false;
	for (size_t i = 0; i < 4; i++) {
		if ((i > 0 && r->separator[i] != '.') || r->group_len[i] > 3 ||
		    group_value(r, i) > 255)
			return false;
	}
	/* This host, every host: nobody's place. */
	return group_value(r, 0) != 127 && group_value(r, 0) != 0 && group_value(r, 0) != 255;
}

/* ---- telephone numbers ---- */

/* "1 234 567" and "1.234.567": one number with its thousands marked. */
static bool is_grouped_thousands(const struct run *r)
{
	if (r->group_len[0] > 3 || r->digits[0] == '0' || r->separator[0] != '\0')
		return false;
	for (size_t i = 1; i < r->group_count; i++) {
		if (r->group_len[i] != 3 || (r->separator[i] != ' ' && r->separator[i] != '.'))
			return false;
	}
	return r->group_count > 1;
}

static bool is_north_american(const struct run *r)
{
	bool country = (r->group_len[0] == 1 && r->digits[0] == '1') ||
		       (r->group_len[0] == 3 && memcmp(r->digits, "001", 3) == 0);
	size_t first = r->group_count > 3 && country ? 1 : 0;
	size_t groups = r->group_count - first - (r->extension ? 1 : 0);

	return groups == 3 && r->group_len[first] == 3 && r->group_len[first + 1] == 3 &&
	       r->group_len[first + 2] == 4 && r->separator[first + 1] != '/';
}

/* 0: no; otherwise how sure. */
static unsigned phone_strength(const struct run *r, uint32_t context)
{
	bool near = (context & CONTEXT_PHONE) != 0;
	size_t n = r->digit_count, small = 0;

	if (r->separator[0] == '+' && n >= 7 && n <= 15 + 4)
		return STRENGTH_SURE;
	if (n < 6 || n > 20 || is_date(r))
		return 0;
	if (is_north_american(r))
		return STRENGTH_SURE;
	if (n > 15)
		return 0;
	/* The shape of a social security number, valid or not. */
	if (r->group_count == 3 && r->group_len[0] == 3 && r->group_len[1] == 2 &&
	    r->group_len[2] == 4)
		return 0;
	for (size_t i = 1; i < r->group_count; i++)
		small += r->group_len[i] == 1;
	if (small > 1)
		return 0;
	if (near && n >= 7 && !(r->group_count == 2 && r->separator[1] == '.') &&
	    (context & (CONTEXT_CARD | CONTEXT_ACCOUNT)) == 0)
		return STRENGTH_LIKELY;
	if (near && r->group_count > 1)
		return STRENGTH_LIKELY;
	if (r->separator[0] == '(' && r->group_count > 1 && r->group_len[0] <= 5 &&
	    r->separator[1] == ')' && n >= 8)
		return STRENGTH_LIKELY;
	if (r->group_count < 2 || n < 8 || is_grouped_thousands(r) ||
	    (r->group_count == 2 && r->separator[1] == '.'))
		return 0;
	/* National numbers abroad: a zero first, groups of two to four. */
	for (size_t i = 0; i < r->group_count; i++) {
		if (r->group_len[i] < 2 || r->group_len[i] > 6 || r->separator[i] == '/')
			return 0;
	}
	if (r->digits[0] == '0' && n >= 9 && n <= 12)
		return STRENGTH_LIKELY;
	return r->group_count >= 3 && n >= 9 && n <= 11 ? STRENGTH_WEAK : 0;
}

/* ---- numbers that only their context names ---- */

static void by_context(struct scan_view *v, const struct run *r, uint32_t context)
{
	size_t n = r->digit_count;

	if ((context & CONTEXT_CODE) != 0 && r->group_count == 1 && n >= 3 && n <= 8)
		scan_found(v, r->start, r->end, SCAN_SECRET_PASSWORD, DETECTOR_CODE_NUMBER,
			   STRENGTH_WEAK);
	else if ((context & CONTEXT_ACCOUNT) != 0 && n >= 6 && n <= 20)
		scan_found(v, r->start, r->end, SCAN_FINANCIAL_ACCOUNT, DETECTOR_ACCOUNT,
			   STRENGTH_WEAK);
	else if ((context & CONTEXT_POSTCODE) != 0 && n >= 3 && n <= 9 && r->group_count <= 2)
		scan_found(v, r->start, r->end, SCAN_PERSONAL_ADDRESS, DETECTOR_POSTCODE,
			   STRENGTH_LIKELY);
}

/* "…-fax", "…-Office": the name of the line, not more of the number. */
static bool is_line_name(struct span t, size_t at)
{
	static const char *const names[] = {
		"fax", "office", "home", "mobile", "work", "cell"
	};
	struct span rest = { t.ptr + at, t.len - at };

	for (size_t i = 0; i < LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (rest.len >= n && !word_at(rest, n) &&
		    span_is_nocase((struct span){ rest.ptr, n }, names[i]))
			return true;
	}
	return false;
}

static void classify(struct scan_view *v, const struct run *r)
{
	struct span t = v->text;
	bool glued = word_before(t, r->start) || word_at(t, r->end) ||
		     (byte_at(t, r->end) == '-' && is_alnum(byte_at(t, r->end + 1)) &&
		      !is_upper(byte_at(t, r->end + 1)) && !is_line_name(t, r->end + 1));
	uint32_t context;
	unsigned strength;

	if (glued)
		return;
	if (is_card(v, r)) {
		scan_found(v, r->start, r->end, SCAN_FINANCIAL_CARD, DETECTOR_CARD,
			   STRENGTH_CHECKED);
		return;
	}
	context = scan_context(v, r->start, r->end, 48, 24);
	if (is_ipv4(r)) {
		scan_found(v, r->start, r->end, SCAN_PERSONAL_LOCATION, DETECTOR_IP_ADDRESS,
			   STRENGTH_LIKELY);
		return;
	}
	if (is_date(r)) {
		if ((context & CONTEXT_BIRTH) != 0)
			scan_found(v, r->start, date_end(t, r), SCAN_PERSONAL_BIRTHDATE,
				   DETECTOR_BIRTHDATE, STRENGTH_SURE);
		return;
	}
	strength = phone_strength(r, context);
	if (strength > 0)
		scan_found(v, r->start, r->end, SCAN_PERSONAL_PHONE, DETECTOR_PHONE, strength);
	else
		by_context(v, r, context);
}

/* Position of the next digit at or after `at`; t.len when there is none. */
static size_t next_digit(struct span t, size_t at)
{
	while (t.len - at >= 8 && at < t.len) {
		uint64_t w, low, nine, zero;

		/* High bit of a byte: the byte is at least '0', at most '9'. */
		memcpy(&w, t.ptr + at, sizeof w);
		low = w & UINT64_C(0x7f7f7f7f7f7f7f7f);
		zero = low + UINT64_C(0x5050505050505050);
		nine = low + UINT64_C(0x4646464646464646);
		if ((zero & ~nine & ~w & UINT64_C(0x8080808080808080)) != 0)
			break;
		at += 8;
	}
	while (at < t.len && !is_digit(t.ptr[at]))
		at++;
	return at;
}

void scan_numbers(struct scan_view *v)
{
	struct span t = v->text;
	size_t at = next_digit(t, 0);

	while (at < t.len) {
		struct run r;
		size_t next = at;

		id_at_digit(v, at);
		contact_at_digit(v, at);
		while (next < t.len && is_digit(t.ptr[next]))
			next++;
		if (!word_before(t, at) && read_run(t, at, &r)) {
			classify(v, &r);
			for (next = at; next < r.end && is_digit(t.ptr[next]); next++)
				;
			/* Later groups of the run may begin an identity number of their own. */
			for (size_t i = next; i < r.end; i++) {
				if (is_digit(t.ptr[i]) && !is_digit(t.ptr[i - 1]))
					id_at_digit(v, i);
			}
			next = r.end;
		}
		at = next_digit(t, next);
	}
}
