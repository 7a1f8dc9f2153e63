/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: `hour` and `36h` roll; `day`, `week` (from Monday) and `month` follow the local
 * calendar, `10d` is today and the nine days before.
 */
#include "consent/budget.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"

#define HOUR_MS      3600000LL
#define NANO_PER_ONE 1e9

/* Each release that the ledger has: 72 bytes. */
struct spent {
	int64_t time_ms, cost_nano, tokens;
	uint32_t uid, spender;
	char id[TEXT_ULID_BYTES]; /* of the GRANTED record */
	char currency[4];
	bool cost_known;
	bool nothing_left; /* certain that not one byte was sent */
};

/* Who sends where: few, while releases are many. */
struct spender {
	char *app, *destination;
};

struct budgets {
	struct spent *items;
	size_t n, cap;
	struct spender *spenders;
	uint32_t n_spenders;
};

struct budgets *budgets_new(void)
{
	return calloc(1, sizeof(struct budgets));
}

void budgets_free(struct budgets *b)
{
	if (b == NULL)
		return;
	for (uint32_t i = 0; i < b->n_spenders; i++) {
		free(b->spenders[i].app);
		free(b->spenders[i].destination);
	}
	free(b->spenders);
	free(b->items);
	free(b);
}

static bool grow(struct budgets *b)
{
	size_t cap = b->cap == 0 ? 64 : b->cap * 2;
	struct spent *items;

	if (b->n < b->cap)
		return true;
	items = realloc(b->items, cap * sizeof *items);
	if (items == NULL)
		return false;
	b->items = items;
	b->cap = cap;
	return true;
}

static bool find_spender(struct budgets *b, const struct record *r, uint32_t *ret)
{
	const char *app = r->app != NULL ? r->app : "";
	const char *destination = r->destination != NULL ? r->destination : "";
	struct spender *s;

	for (*ret = 0; *ret < b->n_spenders; (*ret)++) {
		s = &b->spenders[*ret];
		if (strcmp(s->app, app) == 0 && strcmp(s->destination, destination) == 0)
			return true;
	}
	s = realloc(b->spenders, (b->n_spenders + 1) * sizeof *s);
	if (s == NULL)
		return false;
	b->spenders = s;
	s += b->n_spenders;
	*s = (struct spender){ strdup(app), strdup(destination) };
	if (s->app == NULL || s->destination == NULL) {
		free(s->app);
		free(s->destination);
		return false;
	}
	b->n_spenders++;
	return true;
}

static bool note_granted(struct budgets *b, const struct record *r)
{
	struct spent *s;
	uint32_t spender;

	if (!grow(b) || !find_spender(b, r, &spender))
		return false;
	s = &b->items[b->n];
	memset(s, 0, sizeof *s);
	memcpy(s->id, r->id, sizeof s->id);
	s->time_ms = r->time_ms;
	s->uid = (uint32_t)r->uid;
	s->cost_known = r->cost_bound_nano != RECORD_ABSENT && r->currency != NULL &&
			span_copy(span_of(r->currency), s->currency, sizeof s->currency);
	s->cost_nano = r->cost_bound_nano; /* where it is known */
	s->tokens = r->tokens_bound != RECORD_ABSENT ? r->tokens_bound : 0;
	s->spender = spender;
	b->n++;
	return true;
}

static void note_closed(struct budgets *b, const struct record *r)
{
	for (size_t i = b->n; i > 0; i--) {
		struct spent *s = &b->items[i - 1];

		if (strcmp(s->id, r->ref) != 0)
			continue;
		if (r->bytes_out == 0) {
			s->nothing_left = true;
			return;
		}
		if (r->cost_nano != RECORD_ABSENT)
			s->cost_nano = r->cost_nano;
		if (r->tokens_in != RECORD_ABSENT && r->tokens_out != RECORD_ABSENT)
			s->tokens = r->tokens_in + r->tokens_out;
		return;
	}
}

bool budgets_note(struct budgets *b, const struct record *r)
{
	if (r->kind == RECORD_CLOSED)
		note_closed(b, r);
	return r->kind != RECORD_GRANTED || note_granted(b, r);
}

void budgets_forget(struct budgets *b, int64_t before_ms)
{
	struct spent *fewer;
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].time_ms >= before_ms)
			b->items[kept++] = b->items[i];
	b->n = kept;
	fewer = kept > 0 ? realloc(b->items, kept * sizeof *fewer) : NULL;
	if (fewer != NULL) {
		b->items = fewer;
		b->cap = kept;
	}
}

/* --- windows ------------------------------------------------------------------------- */

int64_t budget_window_start(enum policy_window unit, uint32_t count, int64_t now_ms)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm t;
	int back = (int)count - 1;

	if (unit == POLICY_WINDOW_HOURS)
		return now_ms - (int64_t)count * HOUR_MS;
	(void)localtime_r(&now, &t); /* what milliseconds can count to has a year */
	t.tm_hour = t.tm_min = t.tm_sec = 0;
	t.tm_isdst = -1;
	if (unit == POLICY_WINDOW_DAYS)
		t.tm_mday -= back;
	else if (unit == POLICY_WINDOW_WEEKS)
		t.tm_mday -= (t.tm_wday + 6) % 7 + 7 * back;
	else
		t.tm_mday = 1, t.tm_mon -= back;
	return (int64_t)mktime(&t) * 1000;
}

/* --- checks -------------------------------------------------------------------------- */

struct sum {
	int64_t cost_nano, tokens, requests;
};

static bool concerns(const struct budgets *b, const struct policy_budget *p,
		     const struct spent *s, const struct budget_query *q)
{
	const struct spender *who = &b->spenders[s->spender];

	return ((p->scope & POLICY_BUDGET_USER) == 0 || s->uid == q->uid) &&
	       ((p->scope & POLICY_BUDGET_APP) == 0 || strcmp(who->app, q->app) == 0) &&
	       ((p->scope & POLICY_BUDGET_DESTINATION) == 0 ||
		strcmp(who->destination, q->destination) == 0);
}

static struct sum add_up(const struct budgets *b, const struct policy_budget *p,
			 const struct budget_query *q)
{
	int64_t start_ms = budget_window_start(p->window_unit, p->window_count, q->now_ms);
	struct sum sum = { 0 };

	for (size_t i = b->n; i > 0; i--) {
		const struct spent *s = &b->items[i - 1];

		if (s->time_ms < start_ms || s->nothing_left || !concerns(b, p, s, q))
			continue;
		sum.requests++;
		sum.tokens += s->tokens;
		if (s->cost_known && strcmp(s->currency, p->currency) == 0)
			sum.cost_nano += s->cost_nano;
	}
	return sum;
}

static int64_t cost_limit(const struct policy_budget *p)
{
	double share = (p->scope & POLICY_BUDGET_FLEET) != 0 ? p->share_of_host : 1;

	return (int64_t)floor(p->max_cost * share * NANO_PER_ONE);
}

static int64_t count_limit(const struct policy_budget *p, int64_t limit)
{
	if ((p->scope & POLICY_BUDGET_FLEET) == 0)
		return limit;
	return (int64_t)floor((double)limit * p->share_of_host);
}

static enum budget_state check_one(const struct budgets *b, const struct policy_budget *p,
				   const struct budget_query *q)
{
	struct sum sum = add_up(b, p, q);
	bool over = false;

	if (p->has_cost &&
	    (!q->bound.cost_known || strcmp(q->bound.currency, p->currency) != 0))
		return BUDGET_NO_PRICE;
	if (p->has_cost)
		over |= sum.cost_nano + q->bound.cost_nano > cost_limit(p);
	if (p->max_tokens != INT64_MAX)
		over |= sum.tokens + q->bound.tokens > count_limit(p, p->max_tokens);
	if (p->max_requests != INT64_MAX)
		over |= sum.requests + 1 > count_limit(p, p->max_requests);
	if (!over)
		return BUDGET_FITS;
	return p->on_exceed == POLICY_EXCEED_ASK     ? BUDGET_ASK
	       : p->on_exceed == POLICY_EXCEED_LOCAL ? BUDGET_LOCAL
						     : BUDGET_REFUSE;
}

enum budget_state budgets_check(const struct budgets *b, const struct policy_set *set,
				const struct budget_query *q, const char **ret_id)
{
	enum budget_state worst = BUDGET_FITS;

	*ret_id = NULL;
	for (size_t i = 0; i < policy_budgets(set); i++) {
		const struct policy_budget *p = policy_budget(set, i);
		enum budget_state s = check_one(b, p, q);

		if (s > worst) {
			worst = s;
			*ret_id = p->id;
		}
	}
	return worst;
}

bool budgets_left(const struct budgets *b, const struct policy_set *set,
		  const struct budget_query *q, int64_t *ret_nano, const char **ret_currency)
{
	bool found = false;

	for (size_t i = 0; i < policy_budgets(set); i++) {
		const struct policy_budget *p = policy_budget(set, i);
		int64_t left;

		if (!p->has_cost)
			continue;
		left = cost_limit(p) - add_up(b, p, q).cost_nano;
		if (!found || left < *ret_nano) {
			*ret_nano = left > 0 ? left : 0;
			*ret_currency = p->currency;
			found = true;
		}
	}
	return found;
}

static void write_window(const struct policy_budget *p, int64_t now_ms, struct buf *out)
{
	static const char *const units[] = { "hour", "day", "week", "month" };
	static const char *const exceed[] = { "ask", "local", "refuse" };
	static const char *const scopes[] = { "user", "app", "destination", "host", "fleet" };
	char since[CLOCK_RFC3339_BYTES];
	bool first = true;

	clock_rfc3339(budget_window_start(p->window_unit, p->window_count, now_ms), since);
	json_put_key(out, "window");
	buf_printf(out, "{\"count\":%u,\"unit\":\"%s\",\"since\":\"%s\"}", p->window_count,
		   units[p->window_unit], since);
	json_put_key(out, "scope");
	buf_add_char(out, '[');
	for (unsigned i = 0; p->scope >> i != 0; i++) {
		if ((p->scope >> i & 1) == 0)
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		json_put_string(out, span_of(scopes[i]));
	}
	buf_add_char(out, ']');
	json_put_key_cstr(out, "on_exceed", exceed[p->on_exceed]);
}

void budgets_write(const struct budgets *b, const struct policy_set *set, int64_t now_ms,
		   struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < policy_budgets(set); i++) {
		/* The host's whole use: no user, app or destination left out. */
		struct policy_budget p = *policy_budget(set, i);
		struct budget_query q = { .app = "", .destination = "", .now_ms = now_ms };
		struct sum sum;

		p.scope &= POLICY_BUDGET_FLEET;
		sum = add_up(b, &p, &q);
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_cstr(out, "id", p.id);
		write_window(policy_budget(set, i), now_ms, out);
		json_put_key_i64(out, "requests", sum.requests);
		json_put_key_i64(out, "tokens", sum.tokens);
		if (p.has_cost) {
			json_put_key_cstr(out, "currency", p.currency);
			json_put_key_number(out, "cost", (double)sum.cost_nano / NANO_PER_ONE);
			json_put_key_number(out, "max_cost", p.max_cost);
		}
		if (p.max_tokens != INT64_MAX)
			json_put_key_i64(out, "max_tokens", p.max_tokens);
		if (p.max_requests != INT64_MAX)
			json_put_key_i64(out, "max_requests", p.max_requests);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}
