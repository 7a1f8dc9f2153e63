/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every decision explains itself: the JSON of `hither.decision/1`, the last 256 of them, and
 * the record consent keeps of requests that asked for nothing.
 *
 * What is kept is facts and ids, never text. The verdicts of all destinations are evaluated
 * again when somebody looks, on the same facts and the same policy.
 */
#include "common/json.h"
#include "common/log.h"
#include "router/impl.h"

#define VERDICT_ARENA_BYTES ((size_t)4 << 20)

/* ---------------------------------------------------------------- filling */

void decision_data(const struct request *q, struct decision *ret)
{
	size_t used = 0;
	size_t n = 0;

	ret->scanned = q->facts.scanned;
	for (uint32_t i = 0; i < q->facts.n_categories && n < DECISION_CATEGORIES; i++) {
		const char *name = q->facts.categories[i].name;
		size_t len = strlen(name);

		if (used + len > sizeof ret->names)
			break;
		memcpy(ret->names + used, name, len);
		ret->categories[n] = (struct span){ ret->names + used, len };
		ret->counts[n++] = q->facts.categories[i].count;
		used += len;
	}
	ret->q.data = (struct policy_words){ q->facts.data_known, ret->categories, n };
}

void decision_fill(const struct request *q, struct decision *ret)
{
	const struct router *r = q->router;

	memset(ret, 0, offsetof(struct decision, app));
	ret->app[0] = ret->model[0] = ret->offer[0] = '\0';
	memcpy(ret->id, q->decision_id, sizeof ret->id);
	ret->uid = q->who.uid;
	ret->set = policy_set_ref(q->set);
	facts_policy_request(q, &ret->q);
	/* What lives in the request's memory is copied, the rest belongs to the router. */
	if (!span_copy(q->who.app, ret->app, sizeof ret->app))
		ret->app[0] = '\0';
	if (ret->q.app.ptr != NULL)
		ret->q.app = span_of(ret->app);
	if (q->facts.modality != 1)
		ret->q.modality = (struct policy_words){ 0 };
	decision_data(q, ret);
	ret->score = q->facts.judged.score;
	ret->confidence = q->facts.judged.confidence;
	ret->task = q->facts.judged.task;
	ret->threshold_pm = q->threshold_pm;
	ret->kind = q->plan.kind;
	ret->destination = q->plan.destination;
	for (size_t i = 0; i < PLAN_REASONS; i++)
		text_append(ret->reasons[i], PLAN_REASON_BYTES, 0, q->plan.reasons[i]);
	if (ret->destination != DECIDE_LOCAL)
		snprintf(ret->model, sizeof ret->model, "%.*s", (int)q->plan.model.len,
			 q->plan.model.ptr);
	else if (q->want.kind == WANT_LOCAL && q->want.model.len > 0)
		snprintf(ret->model, sizeof ret->model, "%.*s", (int)q->want.model.len,
			 q->want.model.ptr);
	else if (r->models.chosen != NULL)
		text_append(ret->model, sizeof ret->model, 0, r->models.chosen);
	text_append(ret->outcome, sizeof ret->outcome, 0, q->outcome != NULL ? q->outcome : "");
	memcpy(ret->receipt, q->receipt, sizeof ret->receipt);
	ret->draft_form = q->draft.form;
	ret->draft_became = q->draft.became;
	if (!confidence_lowest(&q->cascade.running, &ret->certainty))
		ret->certainty = -1;
	text_append(ret->offer, sizeof ret->offer, 0, q->cascade.offer);
	ret->finish = q->finish;
	ret->input_tokens = q->input_tokens;
	ret->output_tokens = q->output_tokens;
	ret->elapsed_ms = uv_now(r->service->loop) - q->started_ms;
}

void decision_clear(struct decision *d)
{
	policy_set_free(d->set);
	d->set = NULL;
	d->id[0] = '\0';
}

/* ---------------------------------------------------------------- printing */

static const char *route_word(const struct decision *d)
{
	bool refused = d->kind == PLAN_REFUSE || strcmp(d->outcome, "refused") == 0;

	return refused ? "refused"
		       : policy_tier_name(policy_destination(d->set, d->destination)->tier);
}

static void print_categories(const struct decision *d, struct buf *out)
{
	json_put_key(out, "categories");
	buf_add_char(out, '[');
	for (size_t i = 0; i < d->q.data.n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_string(out, "name", d->categories[i]);
		json_put_key_i64(out, "count", d->counts[i]);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	json_put_key_bool(out, "data_known", d->q.data.known);
}

static void print_reasons(const struct decision *d, struct buf *out)
{
	json_put_key(out, "reasons");
	buf_add_char(out, '[');
	for (size_t i = 0; i < PLAN_REASONS && d->reasons[i][0] != '\0'; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_put_string(out, span_of(d->reasons[i]));
	}
	buf_add_char(out, ']');
}

static void print_verdict(const struct decision *d, size_t i, const struct policy_decision *v,
			  struct buf *out)
{
	const struct policy_destination *dest = policy_destination(d->set, i);
	struct buf verdict;

	json_put_key(out, dest->name);
	buf_add_char(out, '{');
	json_put_key_cstr(out, "tier", policy_tier_name(dest->tier));
	if (!d->scanned && i != DECIDE_LOCAL) { /* nobody asked what it holds: no verdict */
		buf_add_str(out, ",\"verdict\":\"unevaluated\",\"by\":[],\"redact\":[],"
				 "\"strip\":[]}");
		return;
	}
	buf_init(&verdict, 1 << 20);
	policy_decision_write(d->set, v, &verdict);
	if (verdict.failed || verdict.len < 2) {
		out->failed = true;
	} else { /* the members of its object join ours */
		buf_add_char(out, ',');
		buf_add(out, (struct span){ verdict.ptr + 1, verdict.len - 1 });
	}
	buf_free(&verdict);
}

static void print_destinations(const struct decision *d, struct buf *out)
{
	struct arena *a = arena_new("verdicts", VERDICT_ARENA_BYTES);
	struct policy_decision *v =
		a != NULL ? policy_decisions_new(d->set, policy_destinations(d->set), a) : NULL;

	if (v == NULL) {
		out->failed = true;
		arena_free(a);
		return;
	}
	policy_decide_all(d->set, &d->q, v);
	json_put_key(out, "destinations");
	buf_add_char(out, '{');
	for (size_t i = 0; i < policy_destinations(d->set); i++)
		print_verdict(d, i, &v[i], out);
	buf_add_char(out, '}');
	arena_free(a);
}

void decision_print(const struct decision *d, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_cstr(out, "schema", "hither.decision/1");
	json_put_key_cstr(out, "id", d->id);
	json_put_key_number(out, "score", (double)(int)(d->score * 1000.0f + 0.5f) / 1000.0);
	json_put_key_number(out, "confidence",
			    (double)(int)(d->confidence * 1000.0f + 0.5f) / 1000.0);
	json_put_key_cstr(out, "task", classify_task_name(d->task));
	print_categories(d, out);
	json_put_key_cstr(out, "route", route_word(d));
	json_put_key_cstr(out, "destination",
			  d->kind == PLAN_REFUSE
				  ? NULL
				  : policy_destination(d->set, d->destination)->name);
	json_put_key_cstr(out, "model", d->model[0] != '\0' ? d->model : NULL);
	print_reasons(d, out);
	print_destinations(d, out);
	json_put_key_number(out, "threshold", d->threshold_pm / 1000.0);
}

/* ---------------------------------------------------------------- keeping */

/*
 * The lowest tier that what was found keeps the request from; POLICY_TIER_DEVICE: none. A turn
 * that nobody could read may hold anything: policy answers that as it does for unknown data.
 */
static enum policy_tier kept_from(const struct decision *d)
{
	size_t n = policy_destinations(d->set);
	bool asked = d->unread || (d->q.data.known && d->q.data.n > 0);
	struct arena *a = asked ? arena_new("kept", VERDICT_ARENA_BYTES) : NULL;
	struct policy_decision *with = a != NULL ? policy_decisions_new(d->set, n, a) : NULL,
			       *clean = a != NULL ? policy_decisions_new(d->set, n, a) : NULL;
	enum policy_tier lowest = POLICY_TIER_DEVICE;
	struct policy_request nothing = d->q;

	nothing.data = (struct policy_words){ .known = true };
	if (with != NULL && clean != NULL) {
		policy_decide_all(d->set, &d->q, with);
		policy_decide_all(d->set, &nothing, clean);
		for (size_t i = 0; i < n; i++) {
			enum policy_tier tier = policy_destination(d->set, i)->tier;

			if (tier != POLICY_TIER_DEVICE && with[i].verdict == POLICY_DENY &&
			    clean[i].verdict != POLICY_DENY &&
			    (lowest == POLICY_TIER_DEVICE || tier < lowest))
				lowest = tier;
		}
	}
	arena_free(a);
	return lowest;
}

void decision_tell(const struct request *q, const struct decision *d)
{
	struct msg_DECIDED m = { .identity = (uint8_t)q->who.identity,
				 .uid = (uint32_t)q->who.uid,
				 .score_pm = (uint16_t)(d->score * 1000.0f + 0.5f),
				 .confidence_pm = (uint16_t)(d->confidence * 1000.0f + 0.5f),
				 .input_tokens = q->facts.input_tokens,
				 .modality = q->facts.modality,
				 .tools = q->chat.n_tools > 0,
				 .interactive = q->who.interactive };
	const struct policy_destination *dest = policy_destination(q->set, d->destination);

	memcpy(m.decision_id, d->id, sizeof d->id);
	text_append(m.app, sizeof m.app, 0, d->app);
	m.output_tokens = d->output_tokens > 0 ? (uint32_t)d->output_tokens : 0;
	text_append(m.task, sizeof m.task, 0, classify_task_name(d->task));
	text_append(m.outcome, sizeof m.outcome, 0, d->outcome);
	text_append(m.reason, sizeof m.reason, 0, d->reasons[0]);
	if (d->kind != PLAN_REFUSE) {
		text_append(m.destination, sizeof m.destination, 0, dest->name);
		m.tier = (uint8_t)dest->tier;
	}
	size_t len = 0;
	for (size_t i = 0; i < d->q.data.n && len < sizeof m.categories - 64; i++)
		len += (size_t)snprintf(m.categories + len, sizeof m.categories - len,
					"%s%.*s=%u", len > 0 ? "," : "",
					(int)d->categories[i].len, d->categories[i].ptr,
					d->counts[i]);
	if (!d->q.data.known)
		memcpy(m.categories, "?", 2);
	m.kept = (uint8_t)kept_from(d);
	if (m.kept != POLICY_TIER_DEVICE)
		facts_conversation(q, m.conversation);
	tell_add(q->router, &m);
	/* The next turn may be on its way already: consent must hear of it before that asks. */
	if (m.kept != POLICY_TIER_DEVICE)
		tell_flush(q->router);
}

struct decision *decision_record(const struct request *q)
{
	struct router *r = q->router;
	struct decision *d = &r->ring[r->ring_next];
	r->ring_next = (r->ring_next + 1) % DECISION_RING;
	decision_clear(d);
	decision_fill(q, d);
	return d;
}

static const char *finish_word(enum chat_finish f)
{
	static const char *const words[] = { [CHAT_FINISH_NONE] = NULL,
					     [CHAT_FINISH_STOP] = "stop",
					     [CHAT_FINISH_LENGTH] = "length",
					     [CHAT_FINISH_TOOLS] = "tool_calls",
					     [CHAT_FINISH_FILTER] = "content_filter" };

	return words[f];
}

static void put_count(struct buf *out, const char *key, int64_t n)
{
	json_put_key(out, key);
	if (n >= 0)
		buf_add_i64(out, n);
	else
		buf_add_str(out, "null");
}

/* What the device did beside the decision: a draft, and how sure its model was. */
static void put_beside(const struct decision *d, struct buf *out)
{
	static const char *const became[] = {
		[DRAFT_ANSWER] = "answer", [DRAFT_REPLACED] = "replaced", [DRAFT_LOST] = "lost"
	};

	json_put_key(out, "draft");
	if (d->draft_became != DRAFT_NOTHING) {
		buf_add_char(out, '{');
		json_put_key_cstr(out, "form", policy_draft_name(d->draft_form));
		json_put_key_cstr(out, "became", became[d->draft_became]);
		buf_add_char(out, '}');
	} else {
		buf_add_str(out, "null");
	}
	json_put_key(out, "certainty");
	if (d->certainty >= 0)
		buf_printf(out, "%.3f", d->certainty);
	else
		buf_add_str(out, "null");
	json_put_key_cstr(out, "offer", d->offer[0] != '\0' ? d->offer : NULL);
}

bool decision_json(struct router *r, struct span id, uid_t uid, struct buf *ret)
{
	const struct decision *d = NULL;

	later_look(r, id);
	for (size_t i = 0; i < DECISION_RING && text_is_ulid(id); i++) {
		if (span_is(id, r->ring[i].id) && r->ring[i].uid == uid)
			d = &r->ring[i];
	}
	if (d == NULL)
		return false;
	decision_print(d, ret);
	json_put_key(ret, "usage");
	buf_add_char(ret, '{');
	put_count(ret, "input_tokens", d->input_tokens);
	put_count(ret, "output_tokens", d->output_tokens);
	buf_add_char(ret, '}');
	json_put_key_cstr(ret, "outcome", d->outcome);
	json_put_key_cstr(ret, "receipt", d->receipt[0] != '\0' ? d->receipt : NULL);
	json_put_key_cstr(ret, "finish_reason", finish_word(d->finish));
	json_put_key_i64(ret, "elapsed_ms", (int64_t)d->elapsed_ms);
	put_beside(d, ret);
	buf_add_char(ret, '}');
	return true;
}

void decision_none(struct http_exchange *x)
{
	reply_problem(x, 404, "not_found", "No such decision among your last requests.");
}

void decision_get(struct router *r, struct http_exchange *x, struct span id, uid_t uid)
{
	struct buf out;

	buf_init(&out, DECISION_BYTES);
	bool here = decision_json(r, id, uid, &out);
	if (!here && others_look(r, x, id, uid)) {
		buf_free(&out);
		return;
	}
	if (!here)
		decision_none(x);
	else if (out.failed)
		reply_problem(x, 500, "internal_error", "The decision could not be written.");
	else
		reply_json(x, 200, buf_span(&out));
	buf_free(&out);
}
