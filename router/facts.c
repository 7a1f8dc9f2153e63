/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about one request, no more than the decision needs. Who asks and how hard it
 * looks are cheap and always there. What sensitive data it holds is looked up only when the
 * request might leave, or when `local` itself is in doubt; until then `data` is unknown, and
 * unknown tightens.
 *
 * Interactive: a request of a person's own programs counts as interactive unless it says
 * `Hither-Interactive: no`. A background job that keeps silent can at most ask the person.
 */
#include "common/clock.h"
#include "crypto/crypto.h"
#include "router/impl.h"

#define TOKENS_PER_MESSAGE 6    /* role and separators of a chat template */
#define TOKENS_PER_IMAGE   1000 /* of the order vision encoders use */

/* ---------------------------------------------------------------- who */

/*
 * What is proven counts, whatever a header or a socket says. A service that was given a socket
 * of its own is who that socket says: the administrator has named it.
 */
static void take_proven(struct request *q, const struct attest_answer *a)
{
	struct span app = a != NULL ? span_of(a->app) : (struct span){ NULL, 0 };

	if (a == NULL || a->kind == ATTEST_NONE ||
	    (a->kind == ATTEST_SERVICE && q->who.identity == POLICY_IDENTITY_SOCKET))
		return;
	char *copy = arena_strdup(q->arena, app);
	if (copy == NULL)
		return;
	q->who.app = span_of(copy);
	q->who.identity = POLICY_IDENTITY_ATTESTED;
}

void facts_who(struct request *q, const struct http_request *r)
{
	struct span listener = span_of(r->peer->listener);
	struct span claimed = http_header(q->x, "Hither-App");

	q->who = (struct who){ .uid = r->peer->uid,
			       .pid = r->peer->pid,
			       .identity = POLICY_IDENTITY_ANONYMOUS,
			       .interactive = !span_is_nocase(
				       http_header(q->x, "Hither-Interactive"), "no") };
	q->who.tcp_port = r->peer->port;
	q->who.tcp_at = door_port(listener);
	if (span_starts(listener, "app:")) {
		q->who.app = (struct span){ listener.ptr + 4, listener.len - 4 };
		q->who.identity = POLICY_IDENTITY_SOCKET;
	} else if (claimed.len > 0 && claimed.len <= 128 && text_is_utf8(claimed)) {
		q->who.app = claimed;
		q->who.identity = POLICY_IDENTITY_CLAIMED;
	}
	take_proven(q, caller_of(q->x));
}

static bool restrict_to(struct who *w, struct span word)
{
	enum policy_tier tier;

	if (word.ptr == NULL)
		return true;
	if (!policy_tier_from(word, &tier))
		return false;
	if (!w->restricted || tier < w->max_tier)
		w->max_tier = tier;
	w->restricted = true;
	return true;
}

bool facts_restrict(struct request *q)
{
	if (q->who.identity == POLICY_IDENTITY_ANONYMOUS && q->chat.app.len > 0) {
		q->who.app = q->chat.app;
		q->who.identity = POLICY_IDENTITY_CLAIMED;
	}
	struct span consent = http_header(q->x, "Hither-Consent");
	q->return_question = span_is_nocase(consent, "return");
	if (consent.len > 0 && !q->return_question && !span_is_nocase(consent, "hold")) {
		problem_set(&q->problem, 400, "invalid_value",
			    "Hither-Consent must be return or hold.");
		return false;
	}
	/* Said twice it may have been added on the way: neither is taken for the one that
	 * counts. */
	if (http_header_count(q->x, "Hither-Max-Tier") > 1 ||
	    !restrict_to(&q->who, http_header(q->x, "Hither-Max-Tier")) ||
	    !restrict_to(&q->who, q->chat.max_tier)) {
		problem_set(&q->problem, 400, "invalid_value",
			    "Hither-Max-Tier must be device, trusted or cloud, and said once.");
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- the prompt */

static const struct chat_message *last_message(const struct chat *c, enum chat_role role)
{
	for (uint32_t i = c->n_messages; i > 0; i--) {
		if (c->messages[i - 1].role == role)
			return &c->messages[i - 1];
	}
	return NULL;
}

/* The longest text part: what is asked stands with it or in it. */
static struct span main_text(const struct chat_message *m)
{
	struct span best = { "", 0 };

	for (uint32_t i = 0; m != NULL && i < m->n_parts; i++) {
		if (m->parts[i].kind == CHAT_PART_TEXT && m->parts[i].text.len > best.len)
			best = m->parts[i].text;
	}
	return best;
}

struct span facts_last_user(const struct chat *c)
{
	return main_text(last_message(c, CHAT_USER));
}

static uint32_t estimate_tokens(const struct chat *c)
{
	uint64_t schema_bytes = 0;

	for (uint32_t i = 0; i < c->n_tools; i++)
		schema_bytes += c->tools[i].name.len + c->tools[i].description.len +
				c->tools[i].schema.len;
	uint64_t n = (c->text_bytes + schema_bytes + 3) / 4 +
		     (uint64_t)c->n_messages * TOKENS_PER_MESSAGE +
		     (uint64_t)c->images * TOKENS_PER_IMAGE;
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

void facts_judge(struct request *q)
{
	const struct chat *c = &q->chat;
	struct span user = facts_last_user(c);
	struct classify_input in = { .last_user = user,
				     .system = main_text(last_message(c, CHAT_SYSTEM)),
				     .history_bytes = c->text_bytes - user.len,
				     .messages = c->n_messages,
				     .tools = c->n_tools,
				     .attachments = c->images + c->audios + c->files };

	in.tool_results = c->n_messages > 0 && c->messages[c->n_messages - 1].role == CHAT_TOOL;
	if (in.system.len <= in.history_bytes)
		in.history_bytes -= in.system.len; /* instructions are no history */
	classify(q->router->classifier, &in, &q->facts.judged);
	q->facts.input_tokens = estimate_tokens(c);
	q->facts.modality = 1u | (c->images > 0 ? 2u : 0) | (c->audios > 0 ? 4u : 0) |
			    (c->files > 0 ? 8u : 0);
}

void facts_conversation(const struct request *q, char out[65])
{
	struct crypto_hasher *h = crypto_hasher_begin();
	struct crypto_sha256 digest;
	uint32_t uid = (uint32_t)q->who.uid;

	out[0] = '\0';
	if (h == NULL)
		return;
	crypto_hasher_add(h, (struct span){ (const char *)&uid, sizeof uid });
	crypto_hasher_add(h, q->who.app);
	for (uint32_t i = 0; i < q->chat.n_messages; i++) {
		const struct chat_message *m = &q->chat.messages[i];

		crypto_hasher_add(h, main_text(m));
		if (m->role == CHAT_USER)
			break;
	}
	crypto_hasher_end(h, &digest);
	crypto_sha256_hex(&digest, out);
}

/* ---------------------------------------------------------------- facts for the policy */

static void modality_words(const struct request *q, struct policy_words *ret)
{
	static const struct span names[] = {
		{ "text", 4 }, { "image", 5 }, { "audio", 5 }, { "file", 4 }
	};

	if (q->facts.modality == 1) { /* nearly all requests */
		*ret = (struct policy_words){ true, names, 1 };
		return;
	}
	struct span *items = arena_array(q->arena, LEN(names), sizeof *items);
	if (items == NULL)
		return; /* unknown */
	*ret = (struct policy_words){ true, items, 0 };
	for (size_t i = 0; i < LEN(names); i++) {
		if ((q->facts.modality >> i & 1) != 0)
			items[ret->n++] = names[i];
	}
}

/* As consent hears it and the decision shows it: a rule's limit then means the same to all. */
static struct policy_number per_mille(float share)
{
	return (struct policy_number){ true, (int)(share * 1000.0f + 0.5f) / 1000.0 };
}

void facts_policy_request(const struct request *q, struct policy_request *ret)
{
	const struct facts *f = &q->facts;

	memset(ret, 0, sizeof *ret);
	if (q->who.app.len > 0)
		ret->app = q->who.app;
	ret->identity = q->who.identity;
	surroundings_fill(q->router->around, q->who.uid, clock_wall_coarse_ms(), ret);
	ret->interactive = q->who.interactive ? POLICY_TRUE : POLICY_FALSE;
	ret->task = span_of(classify_task_name(f->judged.task));
	ret->score = per_mille(f->judged.score);
	ret->confidence = per_mille(f->judged.confidence);
	ret->input_tokens = (struct policy_number){ true, f->input_tokens };
	modality_words(q, &ret->modality);
	ret->tools = q->chat.n_tools > 0 ? POLICY_TRUE : POLICY_FALSE;
	ret->restricted = q->who.restricted;
	ret->max_tier = q->who.max_tier;
	if (!f->data_known)
		return;
	struct span *names = arena_array(q->arena, f->n_categories, sizeof *names);
	if (names == NULL)
		return; /* stays unknown */
	for (uint32_t i = 0; i < f->n_categories; i++)
		names[i] = span_of(f->categories[i].name);
	ret->data = (struct policy_words){ true, names, f->n_categories };
}

/* ---------------------------------------------------------------- the turn before */

struct span facts_caller(const struct request *q, char ret[FACTS_CALLER_BYTES])
{
	uint32_t head[2] = { (uint32_t)q->who.uid, (uint32_t)q->who.identity };
	size_t app_bytes = q->who.app.len < 128 ? q->who.app.len : 128;

	memcpy(ret, head, sizeof head);
	if (app_bytes > 0)
		memcpy(ret + sizeof head, q->who.app.ptr, app_bytes);
	return (struct span){ ret, sizeof head + app_bytes };
}

static void recall(struct request *q)
{
	char caller[FACTS_CALLER_BYTES];

	turns_find(q->router->turns, facts_caller(q, caller), &q->chat,
		   uv_now(q->router->service->loop), q->arena, &q->turn);
}

/* A conversation stays where it is answered until a turn is past the limit by the band. */
static uint16_t sticky_pm(struct request *q, uint16_t limit_pm)
{
	uint16_t band_pm = q->router->service->config->routing.band_pm;
	size_t place;

	if (q->want.kind != WANT_AUTO || limit_pm == 0 || limit_pm >= 1000 ||
	    !policy_destination_find(q->set, span_of(q->turn.place), &place))
		return limit_pm;
	if (place != DECIDE_LOCAL)
		return limit_pm > band_pm ? (uint16_t)(limit_pm - band_pm) : 1;
	return limit_pm + band_pm < 1000 ? (uint16_t)(limit_pm + band_pm) : 1000;
}

/*
 * Results of tools, and what a program adds to them, continue what was begun. When that was
 * on this device and a person spoke as well, what they said may be too hard for it.
 */
static void go_on(const struct request *q, struct decide_input *in)
{
	in->goes_on = q->want.kind == WANT_AUTO && q->turn.goes_on &&
		      policy_destination_find(q->set, span_of(q->turn.place), &in->began) &&
		      !(q->turn.spoke && in->began == DECIDE_LOCAL);
}

void facts_answered(struct request *q)
{
	if (q->turn_kept || !q->decided || !q->answered || q->dry || q->want.kind != WANT_AUTO)
		return;
	q->turn_kept = true;
	turns_keep(q->router->turns, &q->turn,
		   policy_destination(q->set, q->plan.destination)->name,
		   uv_now(q->router->service->loop));
}

/* ---------------------------------------------------------------- the decision */

static uint32_t context_tokens(const struct request *q)
{
	const struct router *r = q->router;

	if (r->engine_context_tokens > 0)
		return r->engine_context_tokens;
	const struct model *m = models_chosen(&r->models);
	uint32_t own = m != NULL ? m->context_tokens : 0,
		 set = r->service->config->engine.context_tokens;
	if (own == 0 || set == 0)
		return own > set ? own : set;
	return own < set ? own : set;
}

static void decide_input_of(struct request *q, struct decide_input *in)
{
	*in = (struct decide_input){ .set = q->set,
				     .want = &q->want,
				     .verdicts = q->verdicts,
				     .score = (double)q->facts.judged.score,
				     .threshold_pm = q->threshold_pm,
				     .input_tokens = q->facts.input_tokens,
				     .max_tokens = q->chat.max_tokens,
				     .context_tokens = context_tokens(q),
				     .counted = q->counted,
				     .beyond_text = (q->facts.modality & ~1u) != 0 };
	go_on(q, in);
	in->fit = fit_of(q, in->context_tokens, &q->to_count);
}

bool facts_verdicts(struct request *q)
{
	struct policy_request pq;

	if (!q->facts.scanned)
		data_scan(q);
	q->verdicts = policy_decisions_new(q->set, policy_destinations(q->set), q->arena);
	if (q->verdicts == NULL)
		return false;
	facts_policy_request(q, &pq);
	policy_decide_all(q->set, &pq, q->verdicts);
	return true;
}

bool facts_possible(struct request *q, size_t destination)
{
	struct decide_input in;
	bool to_count = q->to_count;

	decide_input_of(q, &in);
	q->to_count = to_count;
	return decide_possible(&in, destination);
}

bool facts_no_such_model(struct request *q)
{
	problem_set(
		&q->problem, 404, "model_not_found",
		"There is no model '%.*s'. Use auto, local, local/NAME, cloud, DESTINATION or "
		"DESTINATION/MODEL; GET /v1/models lists them.",
		q->chat.model.len < 100 ? (int)q->chat.model.len : 100, q->chat.model.ptr);
	memcpy(q->problem.param, "model", sizeof "model");
	return false;
}

/* The policy's word, else what was measured for the model in use, else the configured one. */
static uint16_t threshold_pm(const struct router *r, const struct policy_routing *routing)
{
	const struct model *m = models_chosen(&r->models);

	if (routing->has_escalate_at)
		return (uint16_t)(routing->escalate_at * 1000 + 0.5);
	return m != NULL && m->threshold_pm > 0 ? (uint16_t)m->threshold_pm
						: r->service->config->routing.threshold_pm;
}

/* A limit that is not the usual one needs a word. */
static void say_the_band(struct request *q, uint16_t usual_pm)
{
	if (q->threshold_pm != usual_pm && !q->turn.goes_on)
		plan_reason(
			&q->plan,
			"the conversation is answered %s so far: limit %.2f instead of %.2f",
			q->threshold_pm > usual_pm ? "on this device" : "elsewhere",
			q->threshold_pm / 1000.0, usual_pm / 1000.0);
}

/* What drove the score, in words; only where the score had a say. */
static void say_what_it_is(struct request *q)
{
	const struct classify_result *j = &q->facts.judged;
	char *out = q->want.kind == WANT_AUTO ? plan_reason_place(&q->plan) : NULL;
	size_t cap = PLAN_REASON_BYTES, n;

	if (out == NULL || j->n_reasons == 0)
		return;
	n = text_append(out, cap, 0, "score ");
	n = text_append_hundredths(out, cap, n, (uint64_t)((double)j->score * 100 + 0.5));
	n = text_append(out, cap, n, ": the prompt ");
	classify_explain(j, out + n, cap - n);
}

bool facts_reconsider(struct request *q, struct plan *ret)
{
	struct decide_input in;

	if (q->verdicts == NULL && !facts_verdicts(q))
		return false;
	decide_input_of(q, &in);
	q->to_count = false; /* an answer has begun: it fits */
	in.unsure = true;
	in.floor = q->cascade.floor_pm / 1000.0;
	(void)confidence_lowest(&q->cascade.running, &in.certainty);
	decide_plan(&in, ret);
	return true;
}

static bool decided(struct request *q, const struct decide_input *in)
{
	decide_plan(in, &q->plan);
	say_what_it_is(q);
	say_the_band(q, threshold_pm(q->router, policy_routing(q->set)));
	q->decided = true;
	return true;
}

static bool plan(struct request *q)
{
	struct decide_input in;
	struct policy_request pq;

	decide_input_of(q, &in);
	if (!q->dry) {
		struct policy_decision *local = policy_decisions_new(q->set, 1, q->arena);

		facts_policy_request(q, &pq);
		if (local != NULL) {
			policy_decide(q->set, &pq, DECIDE_LOCAL, local);
			in.verdicts = local;
			/* What it holds makes no difference where there is nowhere to go. */
			if (decide_is_local(&in, local->verdict) ||
			    (policy_destinations(q->set) == 1 &&
			     local->verdict == POLICY_ALLOW && q->want.kind == WANT_AUTO)) {
				return decided(q, &in);
			}
		}
	}
	if (!facts_verdicts(q)) {
		problem_set(&q->problem, 413, "too_large",
			    "There is no memory for this request.");
		return false;
	}
	in.verdicts = q->verdicts;
	return decided(q, &in);
}

bool facts_decide_again(struct request *q, uint32_t tokens)
{
	q->counted = tokens > 0;
	q->too_long = tokens == 0;
	if (tokens > 0)
		q->facts.input_tokens = tokens;
	return plan(q);
}

bool facts_decide(struct request *q)
{
	struct router *r = q->router;

	q->set = policy_set_ref(r->set);
	if (!decide_want(q->set, &r->models, q->chat.model, &q->want))
		return facts_no_such_model(q);
	recall(q);
	q->threshold_pm = sticky_pm(q, threshold_pm(r, policy_routing(q->set)));
	facts_judge(q);
	return plan(q);
}
