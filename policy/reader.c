/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parse_*.c files share: one error with a place, objects read by a table of keys,
 * and readers for the small types.
 *
 * The strict gate has already refused duplicate keys and broken text, so a cJSON tree is
 * walked as it is. A position is only worked out when something is wrong: the JSON Pointer
 * of the offending node is found by searching the tree, and looked up in the text.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/text.h"
#include "policy/policy_impl.h"

/* ---------------------------------------------------------------- place and error */

static void pointer_segment(struct buf *out, const cJSON *node, unsigned index)
{
	if (node->string == NULL) {
		buf_printf(out, "/%u", index);
		return;
	}
	buf_add_char(out, '/');
	for (const char *p = node->string; *p != '\0'; p++) {
		if (*p == '~')
			buf_add_str(out, "~0");
		else if (*p == '/')
			buf_add_str(out, "~1");
		else
			buf_add_char(out, *p);
	}
}

/* Leaves the JSON Pointer of `want` in `path` when it lies at or below `node`. */
static bool pointer_to(const cJSON *node, const cJSON *want, struct buf *path)
{
	unsigned index = 0;

	if (node == want)
		return true;
	for (const cJSON *kid = node->child; kid != NULL; kid = kid->next, index++) {
		size_t length = path->len;

		pointer_segment(path, kid, index);
		if (pointer_to(kid, want, path))
			return true;
		path->len = length;
	}
	return false;
}

static void position(const struct reader *r, const cJSON *at, bool key, uint32_t *line,
		     uint32_t *column)
{
	struct buf path;

	*line = *column = 0;
	buf_init(&path, POLICY_FILE_MAX_BYTES);
	pointer_to(r->root, at, &path);
	if (key)
		buf_add_char(&path, '#');
	const char *pointer = buf_cstr(&path);
	size_t offset = pointer != NULL ? json_offset_of(r->text, pointer) : SIZE_MAX;

	if (offset != SIZE_MAX)
		json_line_column(r->text, offset, line, column);
	buf_free(&path);
}

void reader_report(struct reader *r, const cJSON *at, const char *expected, const char *format,
		   ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->error->problem, sizeof r->error->problem, format, args);
	va_end(args);
	snprintf(r->error->expected, sizeof r->error->expected, "%s", expected);
	position(r, at, false, &r->error->line, &r->error->column);
	r->e = ERR_SYNTAX;
}

bool reader_no_memory(struct reader *r)
{
	snprintf(r->error->problem, sizeof r->error->problem, "memory is out");
	r->e = ERR_NO_MEMORY;
	return false;
}

void policy_error_print(const struct policy_error *e, struct buf *out)
{
	if (!text_empty(e->file)) {
		buf_add_str(out, e->file);
		if (e->line > 0)
			buf_printf(out, ":%u:%u", e->line, e->column);
		buf_add_str(out, ": ");
	}
	buf_add_str(out, e->problem);
	if (!text_empty(e->expected))
		buf_printf(out, "; expected %s", e->expected);
	if (!text_empty(e->nearest))
		buf_printf(out, "; did you mean \"%s\"?", e->nearest);
}

/* ---------------------------------------------------------------- objects and lists */

bool read_is_object(struct reader *r, const cJSON *node)
{
	if (!(cJSON_IsObject(node)))
		return reader_fail(r, node, "an object { … }", "wrong type");
	return true;
}

bool read_is_array(struct reader *r, const cJSON *node, size_t max_items, size_t *ret_n)
{
	char limit[64];

	if (!cJSON_IsArray(node))
		return reader_fail(r, node, "a list [ … ]", "wrong type");
	*ret_n = (size_t)cJSON_GetArraySize(node);
	if (*ret_n <= max_items)
		return true;
	snprintf(limit, sizeof limit, "at most %zu", max_items);
	reader_report(r, node, limit, "%zu items are too many", *ret_n);
	r->e = ERR_TOO_BIG;
	return false;
}

static void vocab_list(const struct vocabulary *v, char *out, size_t bytes)
{
	size_t used = 0;

	for (unsigned i = 0; i < v->n && used < bytes; i++)
		used += (size_t)snprintf(out + used, bytes - used, "%s%s",
					 i > 0 ? ", " : "one of ", v->words[i]);
}

bool reader_unknown_key(struct reader *r, const cJSON *node, const struct vocabulary *v)
{
	const char *near = vocab_nearest(v, node->string);
	char list[160];

	vocab_list(v, list, sizeof list);
	reader_report(r, node, near != NULL ? "" : list, "unknown key \"%.60s\"", node->string);
	if (near != NULL)
		snprintf(r->error->nearest, sizeof r->error->nearest, "%s", near);
	position(r, node, true, &r->error->line, &r->error->column);
	return false;
}

/* No table has more keys than this. */
#define KEYS_MAX 32

static bool unknown_key(struct reader *r, const cJSON *node, const struct key *keys, size_t n)
{
	const char *names[KEYS_MAX];
	const struct vocabulary v = { names, (unsigned)n };

	for (size_t i = 0; i < n; i++)
		names[i] = keys[i].name;
	return reader_unknown_key(r, node, &v);
}

bool read_object(struct reader *r, const cJSON *node, const struct key *keys, size_t n,
		 void *out)
{
	if (!read_is_object(r, node))
		return false;
	for (const cJSON *kid = node->child; kid != NULL; kid = kid->next) {
		const struct key *k = NULL;

		for (size_t i = 0; i < n && k == NULL; i++) {
			if (strcmp(keys[i].name, kid->string) == 0)
				k = &keys[i];
		}
		if (k == NULL)
			return unknown_key(r, kid, keys, n);
		if (!k->read(r, kid, (char *)out + k->offset, k))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------- words */

bool read_copy(struct reader *r, const cJSON *node, size_t max_bytes, const char **ret)
{
	char limit[64];

	if (!cJSON_IsString(node))
		return reader_fail(r, node, "a text in quotes", "wrong type");
	size_t length = strlen(node->valuestring);
	if (length > max_bytes) {
		snprintf(limit, sizeof limit, "at most %zu bytes", max_bytes);
		reader_report(r, node, limit, "a text of %zu bytes is too long", length);
		r->e = ERR_TOO_BIG;
		return false;
	}
	char *copy = arena_strdup(r->arena, (struct span){ node->valuestring, length });
	if (copy == NULL)
		return reader_no_memory(r);
	*ret = copy;
	return true;
}

bool read_word(struct reader *r, const cJSON *node, const struct vocabulary *v, int *ret)
{
	char list[160];
	unsigned value;

	vocab_list(v, list, sizeof list);
	if (!cJSON_IsString(node))
		return reader_fail(r, node, list, "wrong type");
	if (vocab_find(v, node->valuestring, &value)) {
		*ret = (int)value;
		return true;
	}
	const char *near = vocab_nearest(v, node->valuestring);
	reader_report(r, node, list, "unknown word \"%.60s\"", node->valuestring);
	if (near != NULL)
		snprintf(r->error->nearest, sizeof r->error->nearest, "%s", near);
	return false;
}

/* A letter or digit, then up to 62 of letters, digits, dot, underscore, hyphen. */
bool name_is_id(const char *s)
{
	static const char first[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	static const char rest[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	if (text_empty(s) || strchr(first, s[0]) == NULL)
		return false;
	return strspn(s, rest) == strlen(s) && strlen(s) <= 63;
}

bool field_text(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_copy(r, v, TEXT_MAX_BYTES, field);
}

bool field_id(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	if (!read_copy(r, v, TEXT_MAX_BYTES, field))
		return false;
	if (!(name_is_id(v->valuestring)))
		return reader_fail(
			r, v,
			"1 to 63 letters, digits, '.', '_' or '-', a letter or digit first",
			"\"%.60s\" is no name", v->valuestring);
	return true;
}

bool field_words(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct words *out = field;
	size_t n, i = 0;

	(void)k;
	if (!read_is_array(r, v, LIST_MAX_ITEMS, &n))
		return false;
	out->items = arena_array(r->arena, n, sizeof *out->items);
	if (out->items == NULL)
		return reader_no_memory(r);
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		if (!read_copy(r, kid, WORD_MAX_BYTES, &out->items[i++]))
			return false;
	}
	out->n = n;
	return true;
}

bool field_word(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	return read_word(r, v, k->arg, field);
}

bool field_mask(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	int mask = 0, bit;
	size_t n;

	if (!read_is_array(r, v, LIST_MAX_ITEMS, &n))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		if (!read_word(r, kid, k->arg, &bit))
			return false;
		mask |= 1 << bit;
	}
	*(int *)field = mask;
	return true;
}

/* ---------------------------------------------------------------- numbers and the rest */

bool field_bool(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	if (!cJSON_IsBool(v))
		return reader_fail(r, v, "true or false", "wrong type");
	*(bool *)field = cJSON_IsTrue(v);
	return true;
}

bool field_flag(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	bool b;

	if (!field_bool(r, v, &b, k))
		return false;
	*(int *)field = b;
	return true;
}

bool field_tri(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	bool b;

	if (!field_bool(r, v, &b, k))
		return false;
	*(enum policy_tri *)field = b ? POLICY_TRUE : POLICY_FALSE;
	return true;
}

/* k->arg: the smallest that is allowed (int64_t), 0 when NULL; at most 2^53 - 1. */
bool field_count(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	const int64_t *min = k->arg;
	double low = min != NULL ? (double)*min : 0, d;

	if (!cJSON_IsNumber(v))
		return reader_fail(r, v, "a whole number", "wrong type");
	d = v->valuedouble;
	if (d != floor(d) || d < low || d > 9007199254740991.0)
		return reader_fail(r, v,
				   low > 0 ? "a whole number from 1 to 9007199254740991"
					   : "a whole number, 0 or more",
				   "number out of range");
	*(int64_t *)field = (int64_t)d;
	return true;
}

bool field_amount(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	if (!cJSON_IsNumber(v))
		return reader_fail(r, v, "a number", "wrong type");
	if (v->valuedouble < 0)
		return reader_fail(r, v, "0 or more", "number out of range");
	*(double *)field = v->valuedouble;
	return true;
}

bool field_fraction(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	double d;

	if (!field_amount(r, v, &d, k))
		return false;
	if (d > 1)
		return reader_fail(r, v, "a number from 0 to 1", "number out of range");
	*(double *)field = d;
	return true;
}

bool field_duration(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	if (!cJSON_IsString(v) || text_duration_ms(v->valuestring, field) != ERR_OK)
		return reader_fail(
			r, v,
			"a duration such as \"30s\", \"5m\", \"12h\" or \"7d\", up to 10 years",
			"not a duration");
	return true;
}

bool field_currency(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	if (!cJSON_IsString(v) || strlen(v->valuestring) != 3 ||
	    strspn(v->valuestring, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		return reader_fail(r, v, "three capital letters such as \"EUR\"",
				   "not a currency");
	memcpy(field, v->valuestring, sizeof "EUR");
	return true;
}

bool field_ignored(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)r, (void)v, (void)field, (void)k;
	return true;
}

/* Room for one element per key of an object. */
bool reader_room(struct reader *r, const cJSON *v, size_t each_bytes, void *ret)
{
	void *p;

	if (!read_is_object(r, v))
		return false;
	p = arena_array(r->arena, (size_t)cJSON_GetArraySize(v), each_bytes);
	if (p == NULL)
		return reader_no_memory(r);
	*(void **)ret = p;
	return true;
}

bool reader_key_copy(struct reader *r, const cJSON *v, const char **ret)
{
	*ret = arena_strdup(r->arena, span_of(v->string));
	if (!(*ret != NULL))
		return reader_no_memory(r);
	return true;
}
