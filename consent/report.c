/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the ledger. A `granted` record opens a row in each table, its `closed` record
 * says how much it was; both are joined by a list of what is open, which is short. Days are
 * local ones.
 */
#include "consent/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#define CURRENCIES 4
#define ROWS_MAX   2000 /* of one table; the rest is added up as "others" */

struct money {
	char currency[4];
	int64_t settled_nano, reserved_nano;
};

struct row {
	char name[160];
	uint64_t sends, bytes, unknown;
	struct money money[CURRENCIES];
};

struct table {
	struct row *rows;
	unsigned n;
};

enum { BY_DAY, BY_APP, BY_DESTINATION, BY_CATEGORY, TABLES };

/* A release whose end was not met yet. */
struct open_send {
	char id[TEXT_ULID_BYTES], day[16], app[129], destination[64];
	char currency[4];
	int64_t bound_nano;
	char *categories; /* names between commas */
	struct open_send *next;
};

struct report {
	int64_t since_ms, until_ms;
	struct table tables[TABLES];
	struct row total;
	uint64_t kept, refused;
	struct open_send *open;
	bool no_memory;
};

static struct row *row_of(struct report *p, unsigned table, const char *name)
{
	struct table *t = &p->tables[table];

	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].name, name) == 0)
			return &t->rows[i];
	if (t->n == ROWS_MAX)
		return &t->rows[ROWS_MAX - 1];
	if ((t->n & (t->n - 1)) == 0) {
		struct row *rows = realloc(t->rows, (t->n == 0 ? 1 : t->n * 2) * sizeof *rows);

		if (rows == NULL) {
			p->no_memory = true;
			return NULL;
		}
		t->rows = rows;
	}
	memset(&t->rows[t->n], 0, sizeof *t->rows);
	snprintf(t->rows[t->n].name, sizeof t->rows->name, "%s",
		 t->n == ROWS_MAX - 1 ? "others" : name);
	return &t->rows[t->n++];
}

static void add_money(struct row *r, const struct open_send *s, int64_t cost_nano)
{
	for (unsigned i = 0; !text_empty(s->currency) && i < CURRENCIES; i++) {
		struct money *m = &r->money[i];

		if (!text_empty(m->currency) && strcmp(m->currency, s->currency) != 0)
			continue;
		memcpy(m->currency, s->currency, sizeof m->currency);
		if (cost_nano != RECORD_ABSENT)
			m->settled_nano += cost_nano;
		else
			m->reserved_nano += s->bound_nano;
		return;
	}
}

static void add(struct row *r, const struct open_send *s, int64_t bytes, int64_t cost_nano)
{
	if (r == NULL)
		return;
	r->sends++;
	if (bytes != RECORD_ABSENT)
		r->bytes += (uint64_t)bytes;
	else
		r->unknown++;
	add_money(r, s, cost_nano);
}

static void add_everywhere(struct report *p, const struct open_send *s, int64_t bytes,
			   int64_t cost_nano)
{
	add(&p->total, s, bytes, cost_nano);
	add(row_of(p, BY_DAY, s->day), s, bytes, cost_nano);
	add(row_of(p, BY_APP, s->app), s, bytes, cost_nano);
	add(row_of(p, BY_DESTINATION, s->destination), s, bytes, cost_nano);
	for (const char *at = s->categories; *at != '\0';) {
		const char *comma = strchrnul(at, ',');
		char name[160];

		if (span_copy((struct span){ at, (size_t)(comma - at) }, name, sizeof name))
			add(row_of(p, BY_CATEGORY, name), s, bytes, cost_nano);
		at = *comma == ',' ? comma + 1 : comma;
	}
}

/* Categories that were not masked in what left. */
static char *unmasked(const char *json)
{
	struct json_where where;
	cJSON *root = NULL;
	const cJSON *item;
	struct buf b;
	char *copy;
	enum err e = ERR_OK;

	if (json != NULL)
		e = json_parse(span_of(json), &json_limits_api, &root, &where);
	if (e == ERR_NO_MEMORY)
		return NULL;
	buf_init(&b, 8192);
	cJSON_ArrayForEach (item, root) {
		bool masked = false;

		json_get_bool(item, "masked", &masked);
		if (masked || json_get_string(item, "name") == NULL)
			continue;
		if (b.len > 0)
			buf_add_char(&b, ',');
		buf_add_str(&b, json_get_string(item, "name"));
	}
	cJSON_Delete(root);
	copy = b.failed ? NULL : strndup(b.len > 0 ? b.ptr : "", b.len);
	buf_free(&b);
	return copy;
}

static void open_one(struct report *p, const struct record *r)
{
	struct open_send *s = calloc(1, sizeof *s);
	time_t at = (time_t)(r->time_ms / 1000);
	struct tm t = { 0 };

	if (s == NULL || (s->categories = unmasked(r->categories)) == NULL) {
		free(s);
		p->no_memory = true;
		return;
	}
	memcpy(s->id, r->id, sizeof s->id);
	localtime_r(&at, &t); /* a record's time is within 2^53 ms, which every zone can tell */
	strftime(s->day, sizeof s->day, "%Y-%m-%d", &t);
	snprintf(s->app, sizeof s->app, "%s",
		 r->app != NULL && !text_empty(r->app) ? r->app : "(unnamed)");
	snprintf(s->destination, sizeof s->destination, "%s",
		 r->destination != NULL ? r->destination : "");
	if (r->cost_bound_nano != RECORD_ABSENT &&
	    span_copy(span_of(r->currency), s->currency, sizeof s->currency))
		s->bound_nano = r->cost_bound_nano;
	s->next = p->open;
	p->open = s;
}

static void close_one(struct report *p, const struct record *r)
{
	struct open_send **at = &p->open;

	while (*at != NULL && strcmp((*at)->id, r->ref) != 0)
		at = &(*at)->next;
	if (*at == NULL)
		return; /* released before the time asked about */
	struct open_send *s = *at;

	*at = s->next;
	if (r->bytes_out != 0) /* 0: certain that nothing left */
		add_everywhere(p, s, r->bytes_out, r->cost_nano);
	free(s->categories);
	free(s);
}

static bool see(void *ctx, const struct record *r, struct span body)
{
	struct report *p = ctx;

	(void)body;
	if (r->kind == RECORD_CLOSED)
		close_one(p, r);
	if (r->time_ms < p->since_ms || r->time_ms >= p->until_ms)
		return !p->no_memory;
	if (r->kind == RECORD_GRANTED)
		open_one(p, r);
	else if (r->kind == RECORD_DECIDED && r->tier != NULL && strcmp(r->tier, "device") == 0)
		p->kept += r->count > 0 ? (uint64_t)r->count : 1;
	else if (r->kind == RECORD_REFUSED)
		p->refused++;
	return !p->no_memory;
}

/* --- output -------------------------------------------------------------------------- */

static void write_row(const struct row *r, struct buf *out)
{
	json_put_key_i64(out, "sends", (int64_t)r->sends);
	json_put_key_i64(out, "bytes", (int64_t)r->bytes);
	json_put_key_i64(out, "unknown", (int64_t)r->unknown);
	json_put_key(out, "cost");
	buf_add_char(out, '[');
	for (unsigned i = 0; i < CURRENCIES && !text_empty(r->money[i].currency); i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_cstr(out, "currency", r->money[i].currency);
		json_put_key_number(out, "amount", (double)r->money[i].settled_nano / 1e9);
		json_put_key_number(out, "reserved", (double)r->money[i].reserved_nano / 1e9);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void write_table(const struct table *t, const char *key, struct buf *out)
{
	json_put_key(out, key);
	buf_add_char(out, '[');
	for (unsigned i = 0; i < t->n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_cstr(out, "name", t->rows[i].name);
		write_row(&t->rows[i], out);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void write_all(const struct report *p, struct buf *out)
{
	char since[CLOCK_RFC3339_BYTES], until[CLOCK_RFC3339_BYTES];

	clock_rfc3339(p->since_ms, since);
	clock_rfc3339(p->until_ms, until);
	buf_add_char(out, '{');
	json_put_key_cstr(out, "schema", "hither.report/1");
	json_put_key_cstr(out, "since", since);
	json_put_key_cstr(out, "until", until);
	json_put_key(out, "totals");
	buf_add_char(out, '{');
	json_put_key_i64(out, "kept", (int64_t)p->kept);
	json_put_key_i64(out, "refused", (int64_t)p->refused);
	write_row(&p->total, out);
	buf_add_char(out, '}');
	write_table(&p->tables[BY_DAY], "days", out);
	write_table(&p->tables[BY_APP], "apps", out);
	write_table(&p->tables[BY_DESTINATION], "destinations", out);
	write_table(&p->tables[BY_CATEGORY], "categories", out);
	buf_add_char(out, '}');
}

enum err report_write(struct ledger *l, int64_t since_ms, int64_t until_ms, struct buf *out)
{
	struct report p = { .since_ms = since_ms,
			    .until_ms = until_ms != 0 ? until_ms : clock_wall_ms() };
	enum err e = ledger_since(l, since_ms, see, &p);

	while (p.open != NULL) { /* still under way: what it is will be seen */
		struct open_send *s = p.open;

		p.open = s->next;
		add_everywhere(&p, s, RECORD_ABSENT, RECORD_ABSENT);
		free(s->categories);
		free(s);
	}
	if (e == ERR_OK && p.no_memory)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK)
		write_all(&p, out);
	for (unsigned i = 0; i < TABLES; i++)
		free(p.tables[i].rows);
	return e;
}
