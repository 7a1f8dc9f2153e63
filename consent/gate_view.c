/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that agents and the admin socket are given. The order of a question's fields is the
 * order in which they are to be shown: who, where to, why not here, what, found, cost, how
 * long. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "consent/gate_impl.h"

static const char *state_word(const struct question *q)
{
	static const char *const words[] = { [QUESTION_QUEUED] = "queued",
					     [QUESTION_OPEN] = "open",
					     [QUESTION_APPROVED] = "approved" };

	return q->state == QUESTION_CLOSED ? q->ending : words[q->state];
}

static const char *identity_words(enum policy_identity i)
{
	switch (i) {
	case POLICY_IDENTITY_ATTESTED:
		return "identified by the system";
	case POLICY_IDENTITY_SOCKET:
		return "identified by its own socket";
	case POLICY_IDENTITY_CLAIMED:
		return "says it is this program; that was not checked";
	default:
		return "did not say who it is";
	}
}

static void put_time(struct buf *out, const char *key, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_BYTES];

	clock_rfc3339(wall_ms, text);
	json_put_key_cstr(out, key, text);
}

static int64_t left_ms(struct gate *g, const struct question *q)
{
	int64_t left = (int64_t)(q->expires_ms - gate_now(g)); /* closed: since it was */

	return left > 0 ? left : 0;
}

/* Since it was asked; never below zero, whatever the clock did. */
static int64_t age_ms(struct gate *g, const struct question *q)
{
	int64_t age = g->io->wall_ms(g->ctx) - q->created_wall_ms;

	return age > 0 ? age : 0;
}

static void write_common(struct gate *g, const struct question *q, struct buf *out)
{
	json_put_key_cstr(out, "id", q->id);
	json_put_key_cstr(out, "state", state_word(q));
	json_put_key_cstr(out, "app", text_or_null(q->app));
	json_put_key_cstr(out, "destination", q->destination);
	json_put_key_cstr(out, "model", q->model);
	json_put_key_i64(out, "bytes",
			 q->subject != NULL ? (int64_t)q->subject->body.map.len : 0);
	json_put_key_i64(out, "waiting", question_waiters(g, q));
	put_time(out, "created", q->created_wall_ms);
	put_time(out, "expires", q->expires_wall_ms);
	json_put_key_i64(out, "age_ms", age_ms(g, q));
	json_put_key_i64(out, "expires_in_ms", left_ms(g, q));
}

void gate_write_questions(struct gate *g, uint32_t uid, struct buf *out)
{
	bool first = true;

	buf_add_char(out, '{');
	json_put_key_cstr(out, "schema", "hither.consents/1");
	json_put_key(out, "consents");
	buf_add_char(out, '[');
	for (struct question *q = g->questions; q != NULL; q = q->next) {
		if (q->uid != uid || (q->state != QUESTION_OPEN && q->state != QUESTION_QUEUED))
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		buf_add_char(out, '{');
		write_common(g, q, out);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "]}");
}

/* --- one question -------------------------------------------------------------------- */

static void write_where_to(struct gate *g, const struct ask *a, struct buf *out)
{
	/* Who has a question has one. */
	const struct policy_destination *d = policy_destination(g->set, a->j.destination);

	json_put_key_cstr(out, "destination", a->m.destination);
	json_put_key_cstr(out, "tier", policy_tier_name(d->tier));
	json_put_key_cstr(out, "operator", d->operator_name);
	json_put_key_cstr(out, "region", d->region);
	json_put_key_cstr(out, "model", a->m.model);
	json_put_key(out, "retention_days");
	if (d->retention_days >= 0)
		buf_add_i64(out, d->retention_days);
	else
		buf_add_str(out, "null");
	json_put_key(out, "trains");
	buf_add_str(out, d->trains == POLICY_TRUE    ? "true"
			 : d->trains == POLICY_FALSE ? "false"
						     : "null");
	json_put_key_cstr(out, "proxy",
			  d->proxy != NULL && strcmp(d->proxy, "none") != 0 ? d->proxy : NULL);
	json_put_key_cstr(out, "privacy_url", d->privacy_url);
}

static void write_why(const struct ask *a, struct buf *out)
{
	json_put_key_cstr(out, "why", a->m.why);
	json_put_key(out, "score");
	if (a->m.score_pm <= 1000)
		buf_printf(out, "%.3f", a->m.score_pm / 1000.0);
	else
		buf_add_str(out, "null");
	json_put_key(out, "threshold");
	buf_printf(out, "%.3f", a->m.threshold_pm / 1000.0);
	json_put_key_cstr(out, "task", text_or_null(a->m.task));
	json_put_key_cstr(out, "rules", a->j.rules);
}

static void write_masked(const struct ask *a, struct buf *out)
{
	bool first = true;

	json_put_key(out, "masked");
	buf_add_char(out, '[');
	for (unsigned i = 0; i < a->in.n_found; i++) {
		if (!inspect_is_masked(&a->in.found[i]))
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		buf_add_char(out, '{');
		json_put_key_cstr(out, "name", a->in.found[i].name);
		json_put_key_i64(out, "count", inspect_count(&a->in.found[i]));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void write_what(const struct ask *a, struct buf *out)
{
	json_put_key_i64(out, "bytes", (int64_t)a->body.map.len);
	json_put_key_i64(out, "messages", a->in.messages);
	json_put_key_i64(out, "attachments", a->m.attachments);
	json_put_key_i64(out, "input_tokens", a->m.input_tokens);
	json_put_key_string(out, "body", a->body.map);
	json_put_key(out, "original");
	if (ask_has_original(a))
		json_put_string(out, a->original.map);
	else
		buf_add_str(out, "null");
	json_put_key(out, "categories");
	inspect_write(&a->in, out);
	json_put_key_bool(out, "scan_complete", a->in.complete);
	write_masked(a, out);
}

static void write_cost(struct gate *g, const struct ask *a, struct buf *out)
{
	struct budget_query q = { .uid = a->m.uid,
				  .app = a->m.app,
				  .destination = a->m.destination,
				  .now_ms = g->io->wall_ms(g->ctx) };
	const char *currency;
	int64_t left;

	json_put_key(out, "price");
	if (a->j.bound.cost_known) {
		buf_add_char(out, '{');
		json_put_key_cstr(out, "currency", a->j.bound.currency);
		json_put_key_number(out, "estimate", (double)a->j.estimate_nano / 1e9);
		json_put_key_number(out, "upper_bound", (double)a->j.bound.cost_nano / 1e9);
		buf_add_char(out, '}');
	} else {
		buf_add_str(out, "null");
	}
	json_put_key(out, "budget_left");
	if (budgets_left(g->budgets, g->set, &q, &left, &currency)) {
		buf_add_char(out, '{');
		json_put_key_cstr(out, "currency", currency);
		json_put_key_number(out, "amount", (double)left / 1e9);
		buf_add_char(out, '}');
	} else {
		buf_add_str(out, "null");
	}
	json_put_key_cstr(out, "over_budget",
			  a->j.budget == BUDGET_ASK ? a->j.budget_id : NULL);
}

static void write_words(struct buf *out, const char *key, unsigned bits,
			const char *const *words, unsigned n)
{
	bool first = true;

	json_put_key(out, key);
	buf_add_char(out, '[');
	for (unsigned i = 0; i < n; i++) {
		if ((bits >> i & 1) == 0)
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		json_put_string(out, span_of(words[i]));
	}
	buf_add_char(out, ']');
}

static void write_how_long(struct gate *g, const struct question *q, const struct ask *a,
			   struct buf *out)
{
	static const char *const scopes[] = { "once", "session", "until", "always" };
	static const char *const modes[] = { "redacted", "as_is" };

	write_words(out, "scopes", a->j.scopes, scopes, LEN(scopes));
	write_words(out, "modes", a->j.modes, modes, LEN(modes));
	json_put_key_bool(out, "reason_required", policy_consent(g->set)->require_reason);
	json_put_key_bool(out, "strong_auth", a->j.strong_auth);
	put_time(out, "created", q->created_wall_ms);
	put_time(out, "expires", q->expires_wall_ms);
	json_put_key_i64(out, "age_ms", age_ms(g, q));
	json_put_key_i64(out, "expires_in_ms", left_ms(g, q));
	json_put_key_cstr(out, "revoke_hint",
			  "take a permission back with: hither consent grants, hither consent "
			  "revoke GRANT");
}

bool gate_write_question(struct gate *g, uint32_t uid, const char *id, struct buf *out)
{
	struct question *q = question_find(g, id);
	struct ask *a;
	size_t from = out->len;

	if (q == NULL || q->uid != uid)
		return false;
	a = q->subject;
	buf_add_char(out, '{');
	json_put_key_cstr(out, "schema", "hither.consent/1");
	if (a == NULL) { /* over: what it said is gone, what became of it stays a while */
		write_common(g, q, out);
		buf_add_char(out, '}');
		return true;
	}
	limits_count(g, q);
	json_put_key_cstr(out, "id", q->id);
	json_put_key_cstr(out, "nonce", q->nonce);
	json_put_key_cstr(out, "digest", a->body.digest);
	json_put_key_cstr(out, "original_digest",
			  ask_has_original(a) ? a->original.digest : NULL);
	json_put_key_cstr(out, "state", state_word(q));
	json_put_key_cstr(out, "app", text_or_null(q->app));
	json_put_key_cstr(out, "identity",
			  policy_identity_name((enum policy_identity)a->m.identity));
	json_put_key_cstr(out, "identity_words",
			  identity_words((enum policy_identity)a->m.identity));
	json_put_key_i64(out, "uid", a->m.uid);
	json_put_key_i64(out, "pid", a->m.pid);
	json_put_key_i64(out, "waiting", question_waiters(g, q));
	write_where_to(g, a, out);
	write_why(a, out);
	write_what(a, out);
	write_cost(g, a, out);
	write_how_long(g, q, a, out);
	buf_add_char(out, '}');
	if (!out->failed) {
		struct crypto_sha256 shown;

		crypto_sha256((struct span){ out->ptr + from, out->len - from }, &shown);
		crypto_sha256_hex(&shown, q->notice_sha256);
	}
	return true;
}

/* --- permissions --------------------------------------------------------------------- */

struct list {
	const struct gate *g;
	struct buf *out;
	bool any;
};

static bool write_grant(void *ctx, const struct perm *p)
{
	struct list *l = ctx;

	if (l->any)
		buf_add_char(l->out, ',');
	l->any = true;
	perm_write(p, perm_state(p, l->g->session, l->g->policy_sha256), l->out);
	return true;
}

void gate_write_grants(struct gate *g, uint32_t uid, struct buf *out)
{
	struct list l = { .g = g, .out = out };

	buf_add_str(out, "{\"schema\":\"hither.grants/1\",\"grants\":[");
	if (g->perms != NULL)
		perms_each(g->perms, uid, g->io->wall_ms(g->ctx), write_grant, &l);
	buf_add_str(out, "]}");
}

void gate_write_budgets(struct gate *g, struct buf *out)
{
	buf_add_str(out, "{\"schema\":\"hither.budgets/1\",\"budgets\":");
	if (g->budgets != NULL && g->set != NULL)
		budgets_write(g->budgets, g->set, g->io->wall_ms(g->ctx), out);
	else
		buf_add_str(out, "[]");
	buf_add_char(out, '}');
}

/* --- metrics ------------------------------------------------------------------------- */

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

void gate_write_metrics(struct gate *g, struct buf *out)
{
	static const char *const outcomes[] = { "reported",  "granted",   "denied_by_policy",
						"refused",   "timeout",   "no_agent",
						"withdrawn", "dismissed", "budget",
						"ledger",    "limited",   "unreachable" };
	static const char *const sends[] = { "complete",  "failed",  "cut",
					     "cancelled", "aborted", "refused" };
	struct ledger_head head =
		g->ledger_ok ? ledger_head(g->ledger) : (struct ledger_head){ 0 };

	family(out, "hither_consent_requests", "counter",
	       "Requests to leave the device, by how they ended.");
	for (size_t i = 0; i < LEN(outcomes); i++)
		buf_printf(out, "hither_consent_requests_total{outcome=\"%s\"} %" PRIu64 "\n",
			   outcomes[i], g->count.questions[i]);
	family(out, "hither_consent_pending", "gauge", "Open questions.");
	buf_printf(out, "hither_consent_pending %u\n", gate_pending(g));
	family(out, "hither_sends", "counter",
	       "Releases to the cloud role, by how they ended.");
	for (size_t i = 0; i < LEN(sends); i++)
		buf_printf(out, "hither_sends_total{outcome=\"%s\"} %" PRIu64 "\n", sends[i],
			   g->count.sends[i]);
	buf_printf(out, "hither_sends_total{outcome=\"unknown\"} %" PRIu64 "\n",
		   g->count.unknown_sends);
	family(out, "hither_offdevice_sent_bytes", "counter",
	       "Request bytes that left the device.");
	buf_printf(out, "hither_offdevice_sent_bytes_total %" PRIu64 "\n", g->count.sent_bytes);
	family(out, "hither_requests", "counter",
	       "Requests that ended without consent being asked.");
	for (size_t i = 0; i < LEN(g->count.decided); i++)
		buf_printf(out, "hither_requests_total{tier=\"%s\"} %" PRIu64 "\n",
			   policy_tier_name((enum policy_tier)i), g->count.decided[i]);
	family(out, "hither_overload", "counter",
	       "Requests answered 503 at once, by what there was no room in.");
	buf_printf(out,
		   "hither_overload_total{cause=\"queue\"} %" PRIu64
		   "\nhither_overload_total{cause=\"ledger\"} %" PRIu64
		   "\nhither_overload_total{cause=\"memory\"} %" PRIu64 "\n",
		   g->count.overload.queue, g->count.overload.ledger, g->count.overload.memory);
	family(out, "hither_ledger_records", "counter", "Records written since start.");
	for (unsigned k = 0; k < RECORD_KIND_COUNT; k++)
		buf_printf(out, "hither_ledger_records_total{kind=\"%s\"} %" PRIu64 "\n",
			   record_kind_name((enum record_kind)k), g->count.records[k]);
	family(out, "hither_ledger_verify_failures", "counter",
	       "Verifications that found damage.");
	buf_printf(out, "hither_ledger_verify_failures_total %" PRIu64 "\n",
		   g->count.verify_failures);
	family(out, "hither_ledger_head", "gauge", "Number of the newest record.");
	buf_printf(out, "hither_ledger_head %" PRIu64 "\n", head.seq);
}
