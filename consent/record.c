/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to canonical JSON and back. One table (RECORD_FIELDS) makes the struct, the writer
 * and the reader, so that a field cannot be in one and not in the other.
 */
#include "consent/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"

enum field_type { TYPE_TEXT, TYPE_NUMBER, TYPE_JSON };

static const struct {
	const char *name;
	enum field_type type;
	size_t offset;
} fields[] = {
#define X(type, name, text) { #name, TYPE_##type, offsetof(struct record, name) },
	RECORD_FIELDS(X)
#undef X
};

static const char *const kinds[] = {
#define X(name, text, meaning) text,
	RECORD_KINDS(X)
#undef X
};

void record_init(struct record *r, enum record_kind kind)
{
	memset(r, 0, sizeof *r);
	r->kind = kind;
	for (size_t i = 0; i < LEN(fields); i++)
		if (fields[i].type == TYPE_NUMBER)
			*(int64_t *)(void *)((char *)r + fields[i].offset) = RECORD_ABSENT;
}

const char *record_kind_name(enum record_kind k)
{
	return k < RECORD_KIND_COUNT ? kinds[k] : "unknown";
}

bool record_kind_from(struct span name, enum record_kind *ret)
{
	for (unsigned i = 0; i < RECORD_KIND_COUNT; i++) {
		if (span_is(name, kinds[i])) {
			*ret = (enum record_kind)i;
			return true;
		}
	}
	return false;
}

void record_write_head(const struct record *r, struct buf *out)
{
	buf_printf(out,
		   "{\"v\":%d,\"seq\":%" PRIu64 ",\"time_ms\":%" PRId64 ",\"boot_ms\":%" PRIu64
		   ",\"kind\":\"%s\",\"id\":\"%s\",\"ref\":\"%s\"",
		   RECORD_VERSION, r->seq, r->time_ms, r->boot_ms, record_kind_name(r->kind),
		   r->id, r->ref);
}

/* The comma is ours to write: what stands before may be in another buffer. */
static void put_key(struct buf *out, const char *name)
{
	buf_add_str(out, ",\"");
	buf_add_str(out, name);
	buf_add_str(out, "\":");
}

static const void *field_of(const struct record *r, size_t i)
{
	return (const char *)r + fields[i].offset;
}

static bool has_field(const struct record *r, size_t i)
{
	return fields[i].type == TYPE_NUMBER ? *(const int64_t *)field_of(r, i) != RECORD_ABSENT
					     : *(const char *const *)field_of(r, i) != NULL;
}

static void put_field(const struct record *r, size_t i, struct buf *out)
{
	put_key(out, fields[i].name);
	if (!has_field(r, i))
		buf_add_str(out, "null");
	else if (fields[i].type == TYPE_NUMBER)
		buf_add_i64(out, *(const int64_t *)field_of(r, i));
	else if (fields[i].type == TYPE_TEXT)
		json_put_string(out, span_of(*(const char *const *)field_of(r, i)));
	else
		buf_add_str(out, *(const char *const *)field_of(r, i));
}

void record_write_fields(const struct record *r, struct buf *out)
{
	for (size_t i = 0; i < LEN(fields); i++) {
		if (has_field(r, i))
			put_field(r, i, out);
	}
	buf_add_char(out, '}');
}

static bool same_field(const struct record *a, const struct record *b, size_t i)
{
	if (fields[i].type == TYPE_NUMBER)
		return *(const int64_t *)field_of(a, i) == *(const int64_t *)field_of(b, i);
	const char *one = *(const char *const *)field_of(a, i),
		   *other = *(const char *const *)field_of(b, i);

	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

void record_write_difference(const struct record *base, const struct record *r, struct buf *out)
{
	buf_add_str(out, "{\"time_ms\":");
	buf_add_i64(out, r->time_ms);
	for (size_t i = 0; i < LEN(fields); i++) {
		if (!same_field(base, r, i))
			put_field(r, i, out);
	}
	buf_add_char(out, '}');
}

void record_write(const struct record *r, struct buf *out)
{
	record_write_head(r, out);
	record_write_fields(r, out);
}

static enum err read_json(const cJSON *value, struct arena *a, const char **ret)
{
	struct buf b;
	enum err e = ERR_NO_MEMORY;

	buf_init(&b, RECORD_MAX_BYTES);
	json_put_tree(&b, value);
	if (!b.failed && (*ret = arena_strdup(a, buf_span(&b))) != NULL)
		e = ERR_OK;
	buf_free(&b);
	return e;
}

static enum err read_field(const cJSON *root, size_t i, struct arena *a, struct record *r)
{
	void *at = (char *)r + fields[i].offset;
	const cJSON *value = json_get(root, fields[i].name);
	const char *text;

	if (value == NULL)
		return ERR_OK;
	if (fields[i].type == TYPE_NUMBER)
		return json_get_int(root, fields[i].name, -(1LL << 53), 1LL << 53, at)
			       ? ERR_OK
			       : ERR_SYNTAX;
	if (fields[i].type == TYPE_JSON)
		return read_json(value, a, at);
	text = json_get_string(root, fields[i].name);
	if (text == NULL)
		return ERR_SYNTAX;
	*(const char **)at = arena_strdup(a, span_of(text));
	return *(const char **)at != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err read_head(const cJSON *root, struct record *r)
{
	int64_t version, seq, boot_ms;
	const char *kind = json_get_string(root, "kind");

	if (!json_get_int(root, "v", 1, 1 << 30, &version))
		return ERR_SYNTAX;
	if (version != RECORD_VERSION)
		return ERR_UNSUPPORTED;
	if (!json_get_int(root, "seq", 1, 1LL << 53, &seq) ||
	    !json_get_int(root, "time_ms", 0, 1LL << 53, &r->time_ms) ||
	    !json_get_int(root, "boot_ms", 0, 1LL << 53, &boot_ms) || kind == NULL ||
	    !record_kind_from(span_of(kind), &r->kind) ||
	    !span_copy(span_of(json_get_string(root, "id")), r->id, sizeof r->id) ||
	    !span_copy(span_of(json_get_string(root, "ref")), r->ref, sizeof r->ref))
		return ERR_SYNTAX;
	r->seq = (uint64_t)seq;
	r->boot_ms = (uint64_t)boot_ms;
	return ERR_OK;
}

enum err record_read(struct span body, struct arena *a, struct record *ret)
{
	struct json_where where;
	struct record r;
	cJSON *root = NULL;
	enum err e = json_parse(body, &json_limits_api, &root, &where);

	if (e != ERR_OK)
		return e == ERR_NO_MEMORY ? e : ERR_SYNTAX;
	record_init(&r, RECORD_START);
	e = read_head(root, &r);
	for (size_t i = 0; e == ERR_OK && i < LEN(fields); i++)
		e = read_field(root, i, a, &r);
	cJSON_Delete(root);
	if (e == ERR_OK)
		*ret = r;
	return e;
}

/* null takes a value away. */
static enum err overlay(const cJSON *item, struct arena *a, struct record *io)
{
	if (!json_get_int(item, "time_ms", 0, 1LL << 53, &io->time_ms))
		return ERR_SYNTAX;
	for (size_t i = 0; i < LEN(fields); i++) {
		const cJSON *value = json_get(item, fields[i].name);
		void *at = (char *)io + fields[i].offset;

		if (cJSON_IsNull(value) && fields[i].type == TYPE_NUMBER)
			*(int64_t *)at = RECORD_ABSENT;
		else if (cJSON_IsNull(value))
			*(const char **)at = NULL;
		else if (value != NULL) {
			enum err e = read_field(item, i, a, io);

			if (e != ERR_OK)
				return e;
		}
	}
	return ERR_OK;
}

enum err record_each(const struct record *r, struct arena *a, record_fn *each, void *ctx)
{
	struct json_where where;
	cJSON *list = NULL;
	const cJSON *item;

	if (r->decisions == NULL) {
		(void)each(ctx, r);
		return ERR_OK;
	}
	enum err e = json_parse(span_of(r->decisions), &json_limits_api, &list, &where);
	if (e == ERR_OK && !cJSON_IsArray(list))
		e = ERR_SYNTAX;
	if (e == ERR_OK) {
		for (item = list->child; item != NULL; item = item->next) {
			struct record one = *r;

			one.count = RECORD_ABSENT;
			one.decisions = NULL;
			e = overlay(item, a, &one);
			if (e != ERR_OK || !each(ctx, &one))
				break;
		}
	}
	cJSON_Delete(list);
	return e == ERR_TOO_BIG ? ERR_SYNTAX : e;
}
