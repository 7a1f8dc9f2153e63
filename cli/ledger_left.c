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

/* A granted record that waits for its closed one: which group it went to. */
struct pending {
	char id[TEXT_ULID_BYTES];
	uint64_t bytes;
	unsigned groups[16], n;
};

struct adding {
	struct left_table *t;
	struct pending *pending;
	unsigned n_pending, capacity;
};

struct left {
	struct adding tables[LEFT_TABLES];
	unsigned n;
	struct left_report *report;
};

static unsigned group_of(struct left_table *l, const char *name)
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

static void add_granted(struct left_table *l, struct pending *p, unsigned group)
{
	struct left_group *g = &l->groups[group];

	g->sends++;
	g->open++;
	g->bytes += p->bytes;
	if (p->n < LEN(p->groups))
		p->groups[p->n++] = group;
}

static void on_granted(struct adding *a, const struct record *r)
{
	struct left_table *l = a->t;
	char day[16];
	struct json_where where;
	cJSON *categories = NULL;
	const cJSON *c;
	struct pending *p;

	if (a->n_pending == a->capacity) {
		a->capacity = a->capacity * 2 + 64;
		a->pending = realloc(a->pending, a->capacity * sizeof *a->pending);
		if (a->pending == NULL)
			abort();
	}
	p = &a->pending[a->n_pending++];
	memset(p, 0, sizeof *p);
	memcpy(p->id, r->id, sizeof p->id);
	p->bytes = r->bytes != RECORD_ABSENT ? (uint64_t)r->bytes : 0;
	if (strcmp(l->by, "day") == 0) {
		left_day(r->time_ms, day);
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
		cJSON_ArrayForEach (c, categories) {
			add_granted(l, p, group_of(l, json_get_string(c, "name")));
		}
	}
	cJSON_Delete(categories);
}

/* Every currency by itself; more than there is room for are left out of the sum and counted. */
static void add_cost(struct left_group *g, const struct record *r)
{
	if (r->cost_nano == RECORD_ABSENT || r->currency == NULL)
		return;
	for (unsigned i = 0; i < LEFT_CURRENCIES; i++) {
		struct left_money *m = &g->money[i];

		if (m->currency[0] != '\0' && strcmp(m->currency, r->currency) != 0)
			continue;
		snprintf(m->currency, sizeof m->currency, "%.7s", r->currency);
		m->nano += r->cost_nano;
		g->priced++;
		return;
	}
}

static void close_one(struct left_group *g, const struct pending *p, const struct record *r)
{
	g->open--;
	if (r->bytes_out == 0) { /* certain: not one byte left */
		g->sends--;
		g->bytes -= p->bytes;
		return;
	}
	if (r->tokens_in == RECORD_ABSENT && r->tokens_out == RECORD_ABSENT)
		g->unknown++;
	if (r->tokens_in != RECORD_ABSENT)
		g->tokens += (uint64_t)r->tokens_in;
	if (r->tokens_out != RECORD_ABSENT)
		g->tokens += (uint64_t)r->tokens_out;
	add_cost(g, r);
}

static void on_closed(struct adding *a, const struct record *r)
{
	for (unsigned i = a->n_pending; i > 0; i--) {
		struct pending *p = &a->pending[i - 1];

		if (strcmp(p->id, r->ref) != 0)
			continue;
		for (unsigned k = 0; k < p->n; k++)
			close_one(&a->t->groups[p->groups[k]], p, r);
		*p = a->pending[--a->n_pending];
		return;
	}
}

static bool on_record(void *ctx, const struct record *r, struct span body)
{
	struct left *l = ctx;

	(void)body;
	for (unsigned i = 0; i < l->n; i++) {
		if (r->kind == RECORD_GRANTED)
			on_granted(&l->tables[i], r);
		else if (r->kind == RECORD_CLOSED)
			on_closed(&l->tables[i], r);
	}
	if (r->kind == RECORD_DECIDED)
		l->report->kept += r->count > 0 ? (uint64_t)r->count : 1;
	return true;
}

/* ---- the command ---- */

static bool choose(const char *by, struct left_report *r)
{
	static const char *const all[LEFT_TABLES] = { "day", "app", "destination", "category" };

	r->n = 0;
	for (unsigned i = 0; i < LEFT_TABLES; i++)
		if (by == NULL || strcmp(by, all[i]) == 0)
			r->tables[r->n++].by = all[i];
	return r->n > 0;
}

static enum err add_up(struct ledger *ledger, struct left_report *r)
{
	struct left l = { .n = r->n, .report = r };
	enum err e;

	for (unsigned i = 0; i < r->n; i++) {
		r->tables[i].groups = calloc(GROUPS_MAX, sizeof *r->tables[i].groups);
		if (r->tables[i].groups == NULL)
			abort();
		l.tables[i].t = &r->tables[i];
	}
	e = ledger_since(ledger, r->since_ms, on_record, &l);
	for (unsigned i = 0; i < r->n; i++)
		free(l.tables[i].pending);
	return e;
}

static int show(struct cli *cli, const struct left_report *r)
{
	const char *file = cli_option(cli, "html");

	if (file != NULL)
		return left_write_page(cli, r, file);
	if (cli->json)
		left_print_json(cli, &r->tables[0]);
	else
		left_print(cli, r);
	return CLI_OK;
}

int cmd_left(struct cli *cli, int argc, char **argv)
{
	const char *by = cli_option(cli, "by"), *since = cli_option(cli, "since");
	struct left_report report = { .until_ms = clock_wall_ms() };
	uint64_t back_ms = 30ull * 24 * 3600 * 1000;
	struct ledger *ledger;
	int code;

	(void)argv;
	if (argc > 0 || (since != NULL && text_duration_ms(since, &back_ms) != ERR_OK))
		return cli_usage(cli, "--since takes a duration such as 12h or 30d");
	/* One object of --json has one table, as it always had. */
	if (!choose(by == NULL && cli->json && cli_option(cli, "html") == NULL ? "destination"
									       : by,
		    &report))
		return cli_usage(cli, "--by takes day, app, destination or category");
	report.since_ms = report.until_ms - (int64_t)back_ms;
	code = cli_open_ledger(cli, &ledger);
	if (code != CLI_OK)
		return code;
	enum err e = add_up(ledger, &report);
	ledger_close(ledger);
	code = e == ERR_OK ? show(cli, &report)
			   : cli_error(cli, CLI_FAILED, "ledger", "hither ledger verify",
				       "the ledger could not be read: %s", err_text(e));
	for (unsigned i = 0; i < report.n; i++) {
		if (report.tables[i].full && !cli->quiet)
			fprintf(stderr,
				"by %s: more than %d groups: the last line holds the rest\n",
				report.tables[i].by, GROUPS_MAX);
		free(report.tables[i].groups);
	}
	return code;
}
