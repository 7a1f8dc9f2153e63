/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds up the `granted` records and their `closed` counterparts by day, app, destination or
 * category. A send whose usage is unknown is counted as unknown, never as zero.
 */
#include "cli/ledger_left.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"
#include "consent/ledger.h"

#define GROUPS_MAX 4096

struct group {
	char name[160];
	uint64_t sends, bytes_out, tokens, unknown_tokens, open;
	int64_t cost_nano;
	char currency[8];
};

/* A granted record that waits for its closed one: which group it went to. */
struct pending {
	char id[TEXT_ULID_BYTES];
	uint64_t bytes;
	unsigned groups[16], n;
};

struct left {
	const char *by;
	struct group *groups;
	struct pending *pending;
	unsigned n, n_pending, pending_capacity;
	bool full;
};

static unsigned group_of(struct left *l, const char *name)
{
	if (name == NULL || name[0] == '\0')
		name = "(unknown)";
	for (unsigned i = 0; i < l->n; i++)
		if (strncmp(l->groups[i].name, name, sizeof l->groups[i].name - 1) == 0)
			return i;
	if (l->n == GROUPS_MAX) {
		l->full = true;
		return GROUPS_MAX - 1;
	}
	snprintf(l->groups[l->n].name, sizeof l->groups[l->n].name, "%s", name);
	return l->n++;
}

static void add_granted(struct left *l, struct pending *p, unsigned group)
{
	struct group *g = &l->groups[group];

	g->sends++;
	g->open++;
	g->bytes_out += p->bytes;
	if (p->n < LEN(p->groups))
		p->groups[p->n++] = group;
}

static void on_granted(struct left *l, const struct record *r)
{
	char day[CLOCK_RFC3339_BYTES];
	struct json_where where;
	cJSON *categories = NULL;
	const cJSON *c;
	struct pending *p;

	if (l->n_pending == l->pending_capacity) {
		l->pending_capacity = l->pending_capacity * 2 + 64;
		l->pending = realloc(l->pending, l->pending_capacity * sizeof *l->pending);
		if (l->pending == NULL)
			abort();
	}
	p = &l->pending[l->n_pending++];
	memset(p, 0, sizeof *p);
	memcpy(p->id, r->id, sizeof p->id);
	p->bytes = r->bytes != RECORD_ABSENT ? (uint64_t)r->bytes : 0;
	if (strcmp(l->by, "day") == 0) {
		clock_rfc3339(r->time_ms, day);
		day[10] = '\0';
		add_granted(l, p, group_of(l, day));
	} else if (strcmp(l->by, "app") == 0) {
		add_granted(l, p, group_of(l, r->app));
	} else if (strcmp(l->by, "destination") == 0) {
		add_granted(l, p, group_of(l, r->destination));
	} else if (r->categories == NULL ||
		   json_parse(span_of(r->categories), &json_limits_api, &categories, &where) !=
			   ERR_OK ||
		   cJSON_GetArraySize(categories) == 0) {
		add_granted(l, p, group_of(l, "(nothing sensitive)"));
	} else {
		cJSON_ArrayForEach (c, categories)
			add_granted(l, p, group_of(l, json_get_string(c, "name")));
	}
	cJSON_Delete(categories);
}

static void on_closed(struct left *l, const struct record *r)
{
	for (unsigned i = l->n_pending; i > 0; i--) {
		struct pending *p = &l->pending[i - 1];

		if (strcmp(p->id, r->ref) != 0)
			continue;
		for (unsigned k = 0; k < p->n; k++) {
			struct group *g = &l->groups[p->groups[k]];

			g->open--;
			if (r->bytes_out == 0) { /* certain: not one byte left */
				g->sends--;
				g->bytes_out -= p->bytes;
				continue;
			}
			if (r->tokens_in == RECORD_ABSENT && r->tokens_out == RECORD_ABSENT)
				g->unknown_tokens++;
			if (r->tokens_in != RECORD_ABSENT)
				g->tokens += (uint64_t)r->tokens_in;
			if (r->tokens_out != RECORD_ABSENT)
				g->tokens += (uint64_t)r->tokens_out;
			if (r->cost_nano != RECORD_ABSENT)
				g->cost_nano += r->cost_nano;
			if (r->currency != NULL)
				snprintf(g->currency, sizeof g->currency, "%.7s", r->currency);
		}
		*p = l->pending[--l->n_pending];
		return;
	}
}

static bool on_record(void *ctx, const struct record *r, struct span body)
{
	struct left *l = ctx;

	(void)body;
	if (r->kind == RECORD_GRANTED)
		on_granted(l, r);
	else if (r->kind == RECORD_CLOSED)
		on_closed(l, r);
	return true;
}

static void print_json(struct cli *cli, const struct left *l)
{
	struct buf b;

	buf_init(&b, 8u << 20);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "schema", "hither.left/1");
	json_put_key_cstr(&b, "by", l->by);
	json_put_key(&b, "groups");
	buf_add_char(&b, '[');
	for (unsigned i = 0; i < l->n; i++) {
		const struct group *g = &l->groups[i];

		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_char(&b, '{');
		json_put_key_cstr(&b, "name", g->name);
		json_put_key_i64(&b, "sends", (int64_t)g->sends);
		json_put_key_i64(&b, "bytes", (int64_t)g->bytes_out);
		json_put_key_i64(&b, "tokens", (int64_t)g->tokens);
		json_put_key_i64(&b, "sends_with_unknown_tokens",
				 (int64_t)(g->unknown_tokens + g->open));
		json_put_key_number(&b, "cost", (double)g->cost_nano / 1e9);
		json_put_key_cstr(&b, "currency", g->currency[0] != '\0' ? g->currency : NULL);
		buf_add_char(&b, '}');
	}
	buf_add_str(&b, "]}");
	cli_print_json(cli, buf_span(&b));
	buf_free(&b);
}

static void print_table(struct cli *cli, const struct left *l)
{
	static const char *const headings[] = { "WHAT",   "SENDS",   "BYTES",
						"TOKENS", "UNKNOWN", "COST" };
	struct cli_table *t = cli_table_new(cli, headings, 6);

	for (unsigned i = 0; i < l->n; i++) {
		const struct group *g = &l->groups[i];

		if (g->sends == 0)
			continue;
		cli_table_cell(t, "%s", g->name);
		cli_table_cell(t, "%llu", (unsigned long long)g->sends);
		cli_table_cell(t, "%llu", (unsigned long long)g->bytes_out);
		cli_table_cell(t, "%llu", (unsigned long long)g->tokens);
		cli_table_cell(t, "%llu", (unsigned long long)(g->unknown_tokens + g->open));
		cli_table_cell(t, "%s %.6f", g->currency, (double)g->cost_nano / 1e9);
	}
	cli_table_print(t);
}

int cmd_left(struct cli *cli, int argc, char **argv)
{
	const char *by = cli_option(cli, "by");
	const char *since = cli_option(cli, "since");
	struct left l = { .by = by != NULL ? by : "destination" };
	uint64_t back_ms = 30ull * 24 * 3600 * 1000, from;
	struct ledger *ledger;
	enum err e = ERR_OK;
	int code;

	(void)argv;
	if (argc > 0 || (since != NULL && text_duration_ms(since, &back_ms) != ERR_OK))
		return cli_usage(cli, "--since takes a duration such as 12h or 30d");
	if (strcmp(l.by, "day") != 0 && strcmp(l.by, "app") != 0 &&
	    strcmp(l.by, "destination") != 0 && strcmp(l.by, "category") != 0)
		return cli_usage(cli, "--by takes day, app, destination or category");
	code = cli_open_ledger(cli, false, &ledger);
	if (code != CLI_OK)
		return code;
	l.groups = calloc(GROUPS_MAX, sizeof *l.groups);
	if (l.groups == NULL)
		abort();
	from = ledger_seq_at(ledger, clock_wall_ms() - (int64_t)back_ms);
	if (from != 0)
		e = ledger_each(ledger, from, 0, on_record, &l);
	ledger_close(ledger);
	if (e != ERR_OK)
		code = cli_error(cli, CLI_FAILED, "ledger", "hither ledger verify",
				 "the ledger could not be read: %s", err_text(e));
	else if (cli->json)
		print_json(cli, &l);
	else if (l.n == 0)
		puts("nothing left this device");
	else
		print_table(cli, &l);
	if (l.full && !cli->quiet)
		fputs("more than 4096 groups: the last line holds the rest\n", stderr);
	free(l.groups);
	free(l.pending);
	return code;
}
