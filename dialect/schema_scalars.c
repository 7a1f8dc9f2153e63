/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and numbers. A range of whole numbers is written as blocks of equal length, as a
 * person would name them: 7 to 123 is [7-9], [1-9][0-9], "1"[0-1][0-9], "12"[0-3]. A number
 * with bounds is a whole part of such a range with digits after it, few enough that reading
 * it as a double cannot carry it over a bound.
 */
#include <math.h>
#include <stdio.h>

#include "dialect/schema_impl.h"

#define WHOLE_MAX  999999999999999.0 /* 15 digits, as in the rule `integer` */
#define NUMBER_MAX 1000000000.0
#define FRACTION   "(\".\" [0-9]{1,5})?"
#define ZEROS      "(\".\" \"0\"{1,5})?"
#define NOT_ZERO   "\".\" [0-9]{0,4} [1-9]"

bool schema_times(struct schema_run *s, const cJSON *schema, const char *keyword,
		  uint32_t otherwise, uint32_t *ret)
{
	int64_t n;

	*ret = otherwise;
	if (json_get(schema, keyword) == NULL)
		return true;
	if (!json_get_int(schema, keyword, 0, SCHEMA_GRAMMAR_TIMES, &n))
		return schema_refuse(s, keyword, "It must be a whole number from 0 to 20000.");
	*ret = (uint32_t)n;
	return true;
}

/* ---------------------------------------------------------------- strings */

#define DATE                                                                                   \
	"[0-9]{4} \"-\" (\"0\" [13578] | \"1\" [02]) \"-\" (\"0\" [1-9] | [12] [0-9] | "       \
	"\"3\" [01]) | [0-9]{4} \"-\" (\"0\" [469] | \"11\") \"-\" (\"0\" [1-9] | [12] "       \
	"[0-9] | \"30\") | [0-9]{4} \"-02-\" (\"0\" [1-9] | \"1\" [0-9] | \"2\" [0-8])"
#define TIME                                                                                   \
	"([01] [0-9] | \"2\" [0-3]) \":\" [0-5] [0-9] \":\" [0-5] [0-9] (\".\" [0-9]{1,6})? "  \
	"(\"Z\" | [-+] ([01] [0-9] | \"2\" [0-3]) \":\" [0-5] [0-9])"
#define OCTET "(\"25\" [0-5] | \"2\" [0-4] [0-9] | \"1\" [0-9]{2} | [1-9] [0-9] | [0-9])"
#define LABEL "[a-zA-Z0-9] ([-a-zA-Z0-9]{0,30} [a-zA-Z0-9])?"

/* RFC 3339, RFC 9562, RFC 5321 without quoted names, RFC 2673; the 29th of February is left
 * out, since not every year has one. */
static const struct {
	const char *name, *rule;
} formats[] = {
	{ "date", DATE },
	{ "time", TIME },
	{ "date-time", "(" DATE ") \"T\" " TIME },
	{ "uuid", "hex{8} \"-\" hex{4} \"-\" hex{4} \"-\" hex{4} \"-\" hex{12}" },
	{ "email", "[a-zA-Z0-9_+-]{1,30} (\".\" [a-zA-Z0-9_+-]{1,30})? \"@\" " LABEL
		   " (\".\" " LABEL ")? \".\" [a-zA-Z]{2,20}" },
	{ "ipv4", OCTET " \".\" " OCTET " \".\" " OCTET " \".\" " OCTET },
};

static uint32_t by_format(struct schema_run *s, const cJSON *schema)
{
	const char *name = json_get_string(schema, "format");
	size_t i = 0;

	while (name != NULL && i < LEN(formats) && strcmp(formats[i].name, name) != 0)
		i++;
	if (name == NULL || i == LEN(formats)) {
		schema_refuse(s, "format",
			      "Only date, time, date-time, uuid, email and ipv4 can be held.");
		return RULE_NONE;
	}
	if (json_get(schema, "minLength") != NULL || json_get(schema, "maxLength") != NULL) {
		schema_refuse(s, "format", "It cannot stand beside a length.");
		return RULE_NONE;
	}
	uint32_t rule = schema_rule(s, NULL, false, 0);
	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_open_rule(s, rule);
	buf_add_str(&s->out, "\"\\\"\" (");
	buf_add_str(&s->out, formats[i].rule);
	buf_add_str(&s->out, ") \"\\\"\"\n");
	return rule;
}

uint32_t schema_string(struct schema_run *s, const cJSON *schema)
{
	uint32_t min, max;

	if (json_get(schema, "format") != NULL)
		return by_format(s, schema);
	if (!schema_times(s, schema, "minLength", 0, &min) ||
	    !schema_times(s, schema, "maxLength", UINT32_MAX, &max))
		return RULE_NONE;
	if (min > max) {
		schema_refuse(s, "maxLength", "It is less than minLength.");
		return RULE_NONE;
	}
	if (min == 0 && max == UINT32_MAX)
		return RULE_STRING;
	uint32_t chars = schema_repeat(s, RULE_CHAR, min, max);
	uint32_t rule = schema_rule(s, NULL, false, 0);
	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_open_rule(s, rule);
	buf_add_str(&s->out, "\"\\\"\" ");
	schema_put_rule(&s->out, chars);
	buf_add_str(&s->out, " \"\\\"\"\n");
	return rule;
}

/* ---------------------------------------------------------------- ranges */

static void put_alternative(struct buf *b, bool *first)
{
	if (!*first)
		buf_add_str(b, " | ");
	*first = false;
}

static void put_range(struct buf *b, uint64_t low, uint64_t high, bool *first)
{
	while (low <= high) {
		uint64_t block = 1;
		unsigned free_digits = 0;

		while (low != 0 && low % (block * 10) == 0 && low + block * 10 - 1 <= high) {
			block *= 10;
			free_digits++;
		}
		uint64_t digit = low / block % 10, last = digit;
		while (last < 9 && low + (last - digit + 2) * block - 1 <= high)
			last++;
		put_alternative(b, first);
		if (low / block / 10 > 0)
			buf_printf(b, "\"%llu\" ", (unsigned long long)(low / block / 10));
		buf_printf(b, "[%u-%u]", (unsigned)digit, (unsigned)last);
		if (free_digits > 0)
			buf_printf(b, " [0-9]{%u}", free_digits);
		low += (last - digit + 1) * block;
	}
}

struct bounds {
	double low, high;
	bool above, below; /* the bound itself is not in it */
};

static bool read_bound(struct schema_run *s, const cJSON *schema, const char *keyword,
		       double *io, bool *io_has)
{
	if (json_get(schema, keyword) == NULL)
		return true;
	*io_has = json_get_number(schema, keyword, io);
	return *io_has || schema_refuse(s, keyword, "It must be a number.");
}

/* The tighter of each pair counts. `limit`: where nothing is said. */
static bool read_bounds(struct schema_run *s, const cJSON *schema, double limit,
			struct bounds *ret, bool *ret_any)
{
	double min = -limit, max = limit, over = -limit, under = limit;
	bool has_min = false, has_max = false, has_over = false, has_under = false;

	if (!read_bound(s, schema, "minimum", &min, &has_min) ||
	    !read_bound(s, schema, "maximum", &max, &has_max) ||
	    !read_bound(s, schema, "exclusiveMinimum", &over, &has_over) ||
	    !read_bound(s, schema, "exclusiveMaximum", &under, &has_under))
		return false;
	ret->above = has_over && over >= min;
	ret->below = has_under && under <= max;
	ret->low = ret->above ? over : min;
	ret->high = ret->below ? under : max;
	if (ret->low < -limit) {
		ret->low = -limit;
		ret->above = false;
	}
	if (ret->high > limit) {
		ret->high = limit;
		ret->below = false;
	}
	*ret_any = has_min || has_max || has_over || has_under;
	return true;
}

/* One range of each sign: of the negative one the size is written after a minus. */
struct halves {
	bool negative, positive;
	uint64_t low[2], high[2]; /* [1]: of the negative one */
};

static struct halves halves_of(int64_t low, int64_t high)
{
	struct halves h = { .negative = low < 0, .positive = high >= 0 };

	h.low[0] = low > 0 ? (uint64_t)low : 0;
	h.high[0] = high > 0 ? (uint64_t)high : 0;
	h.low[1] = high < 0 ? (uint64_t)-high : 1;
	h.high[1] = low < 0 ? (uint64_t)-low : 1;
	return h;
}

static void put_whole(struct buf *b, int64_t low, int64_t high)
{
	struct halves h = halves_of(low, high);
	bool first = true;

	if (h.negative) {
		bool inner = true;

		put_alternative(b, &first);
		buf_add_str(b, "\"-\" (");
		put_range(b, h.low[1], h.high[1], &inner);
		buf_add_char(b, ')');
	}
	if (h.positive)
		put_range(b, h.low[0], h.high[0], &first);
}

/* From `low` to `high`, both whole and not negative. */
static void put_real(struct buf *b, uint64_t low, uint64_t high, bool above, bool below)
{
	bool first = true;

	if (above && low < high) {
		buf_printf(b, "\"%llu\" " NOT_ZERO, (unsigned long long)low);
		first = false;
		low++;
	}
	if (low < high) {
		bool inner = true;

		put_alternative(b, &first);
		buf_add_char(b, '(');
		put_range(b, low, high - 1, &inner);
		buf_add_str(b, ") " FRACTION);
	}
	if (!below) {
		put_alternative(b, &first);
		buf_printf(b, "\"%llu\" " ZEROS, (unsigned long long)high);
	}
}

static void put_fractions(struct buf *b, const struct bounds *r)
{
	int64_t low = (int64_t)r->low, high = (int64_t)r->high;

	if (low < 0) { /* "-0" is left to the other half */
		buf_add_str(b, "\"-\" (");
		put_real(b, high < 0 ? (uint64_t)-high : 0, (uint64_t)-low,
			 high >= 0 || r->below, r->above);
		buf_add_char(b, ')');
	}
	if (high > 0 || (high == 0 && !r->below)) {
		if (low < 0)
			buf_add_str(b, " | ");
		put_real(b, low > 0 ? (uint64_t)low : 0, (uint64_t)high, low >= 0 && r->above,
			 r->below);
	}
}

static bool is_empty(const struct bounds *r)
{
	return r->low > r->high || (r->low == r->high && (r->above || r->below));
}

static bool whole_bounds(struct bounds *r)
{
	r->low = r->above ? floor(r->low) + 1 : ceil(r->low);
	r->high = r->below ? ceil(r->high) - 1 : floor(r->high);
	r->above = r->below = false;
	return !is_empty(r);
}

uint32_t schema_number(struct schema_run *s, const cJSON *schema, bool whole)
{
	struct bounds r;
	bool any;

	if (!read_bounds(s, schema, whole ? WHOLE_MAX : NUMBER_MAX, &r, &any))
		return RULE_NONE;
	if (!any)
		return whole ? RULE_INTEGER : RULE_NUMBER;
	if (whole ? !whole_bounds(&r) : is_empty(&r)) {
		schema_refuse(s, "minimum",
			      "No number of at most 15 digits is within the bounds.");
		return RULE_NONE;
	}
	if (!whole && (floor(r.low) != r.low || floor(r.high) != r.high)) {
		schema_refuse(s, "minimum", "Of numbers only whole bounds can be held.");
		return RULE_NONE;
	}
	if (whole && r.low == -WHOLE_MAX && r.high == WHOLE_MAX)
		return RULE_INTEGER;
	uint32_t rule = schema_rule(s, NULL, false, 0);
	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_open_rule(s, rule);
	if (whole)
		put_whole(&s->out, (int64_t)r.low, (int64_t)r.high);
	else
		put_fractions(&s->out, &r);
	buf_add_char(&s->out, '\n');
	return rule;
}
