/* SPDX-License-Identifier: Apache-2.0 */
/* Chats in every client dialect, and POST /hither/v1/route, which says what would happen and
 * sends nothing. */
#include "common/clock.h"
#include "common/json.h"
#include "dialect/lists.h"
#include "proc/policy_facts.h"
#include "router/impl.h"

struct request *chat_api_admit(struct router *r, struct http_exchange *x,
			       const struct http_request *h)
{
	struct request *q = NULL;
	enum overload why = tell_is_full(r)        ? OVERLOAD_LEDGER
			    : others_leave_room(r) ? OVERLOAD_MEMORY
						   : OVERLOAD_QUEUE;

	if (why == OVERLOAD_MEMORY) /* if any */
		q = request_new(r, x);
	if (q == NULL) {
		overload_add(r, why);
		others_count(r);
		reply_path_problem(
			x, h->path, 503, "overloaded",
			why == OVERLOAD_LEDGER
				? "The ledger is behind with the records of earlier "
				  "requests. Try again in a moment."
				: "Too many requests at once. Try again in a moment.",
			NULL);
		return NULL;
	}
	q->dialect = client_dialect_find(h->path, false);
	if (q->dialect == NULL)
		q->dialect = &dialect_openai_chat; /* our own paths */
	http_set_user(x, q);
	facts_who(q, h);
	return q;
}

void chat_api_unreadable(struct request *q, const struct chat_problem *p)
{
	struct reply_fields f;
	struct buf b;

	q->outcome = "refused";
	buf_init(&b, 8192);
	reply_error_body(q, p, &b);
	reply_put_fields(q, false, &f);
	reply_add_field(&f, "x-should-retry", "false");
	http_reply(q->x, p->status, "application/json", f.list, f.n, buf_span(&b));
	buf_free(&b);
}

bool chat_api_stay_here(struct request *q, const char *param, const char *message)
{
	struct want want;

	if (decide_want(q->router->set, &q->router->models, q->chat.model, &want) &&
	    (want.kind == WANT_CLOUD ||
	     (want.kind == WANT_DESTINATION && want.destination != DECIDE_LOCAL))) {
		problem_set(&q->problem, 400, "unsupported_parameter", "%s", message);
		snprintf(q->problem.param, sizeof q->problem.param, "%s", param);
		return false;
	}
	q->who.restricted = true;
	q->who.max_tier = POLICY_TIER_DEVICE;
	return true;
}

/* Ollama's way to have a model ready; the daemon loads and unloads by itself. */
static void answer_load(struct request *q)
{
	char *model = arena_strdup(q->arena, q->chat.model);
	const struct reply_head head = { .model = model != NULL ? model : "",
					 .created_s = clock_wall_ms() / 1000 };
	struct buf b;

	q->outcome = "answered";
	buf_init(&b, 4096);
	ollama_put_loaded(&head, q->dialect == &dialect_ollama_generate, q->chat.only_unload,
			  &b);
	reply_json(q->x, 200, buf_span(&b));
	buf_free(&b);
}

void chat_api_completions(struct router *r, struct http_exchange *x,
			  const struct http_request *h)
{
	struct request *q = chat_api_admit(r, x, h);
	struct chat_problem p;

	if (q == NULL)
		return;
	memset(&p, 0, sizeof p);
	if (q->dialect->read(h->body, q->arena, &q->chat, &p) != ERR_OK) {
		chat_api_unreadable(q, &p);
		return;
	}
	if (q->chat.only_load || q->chat.only_unload) {
		struct want want;

		if (decide_want(r->set, &r->models, q->chat.model, &want))
			answer_load(q);
		else if (!facts_no_such_model(q))
			chat_api_unreadable(q, &q->problem);
		return;
	}
	if (q->chat.logprobs &&
	    !chat_api_stay_here(q, "logprobs",
				"Token probabilities are given of answers made on this device "
				"only: ask for local, or leave logprobs out.")) {
		chat_api_unreadable(q, &q->problem);
		return;
	}
	if (q->chat.n_answers > 1 &&
	    !chat_api_stay_here(
		    q, "n",
		    "Several answers are made on this device only: ask for local, or "
		    "leave n out.")) {
		chat_api_unreadable(q, &q->problem);
		return;
	}
	q->parsed = true;
	request_event(q, &(struct event){ .kind = EV_BEGIN, .fd = -1 });
}

void chat_api_counted(struct request *q, uint32_t tokens)
{
	struct buf b;

	q->outcome = "answered";
	buf_init(&b, 256);
	anthropic_put_count(tokens > 0 ? tokens : q->facts.input_tokens, &b);
	reply_json(q->x, 200, buf_span(&b));
	buf_free(&b);
}

void chat_api_count(struct router *r, struct http_exchange *x, const struct http_request *h)
{
	struct request *q = chat_api_admit(r, x, h);
	struct chat_problem p;

	if (q == NULL)
		return;
	memset(&p, 0, sizeof p);
	if (anthropic_read_count(h->body, q->arena, &q->chat, &p) != ERR_OK) {
		chat_api_unreadable(q, &p);
		return;
	}
	facts_judge(q);
	if (r->engine_context_tokens == 0 || r->engine_cannot_count ||
	    !chat_api_stay_here(q, "model", "")) {
		chat_api_counted(q, 0);
		return;
	}
	if (span_is(q->chat.model, "auto"))
		q->chat.model = SPAN_LITERAL("local");
	q->only_count = true;
	request_event(q, &(struct event){ .kind = EV_BEGIN, .fd = -1 });
}

/* ---------------------------------------------------------------- the dry run */

/* {"prompt":TEXT}: a chat of one turn. False: it is something else. */
static bool read_prompt(struct request *q, struct span body)
{
	struct json_where where;
	cJSON *tree = NULL;
	bool is_prompt = false;

	if (json_parse(body, &json_limits_api, &tree, &where) != ERR_OK)
		return false;
	const char *prompt = json_get_string(tree, "prompt");
	if (prompt != NULL && json_get(tree, "messages") == NULL) {
		struct chat_message *m = arena_zalloc(q->arena, sizeof *m);
		struct chat_part *part = arena_zalloc(q->arena, sizeof *part);
		const char *model = json_get_string(tree, "model");
		char *name = arena_strdup(q->arena, span_of(model != NULL ? model : "auto"));
		char *text = arena_strdup(q->arena, span_of(prompt));

		is_prompt = m != NULL && part != NULL && name != NULL && text != NULL;
		if (is_prompt) {
			*part = (struct chat_part){ .kind = CHAT_PART_TEXT,
						    .text = span_of(text) };
			*m = (struct chat_message){ .role = CHAT_USER,
						    .parts = part,
						    .n_parts = 1 };
			q->chat = (struct chat){ .model = span_of(name),
						 .messages = m,
						 .n_messages = 1,
						 .text_bytes = part->text.len };
		}
	}
	cJSON_Delete(tree);
	return is_prompt;
}

/* What the question would state: for the longer of what is sent and what it was made of. */
static void put_price(struct request *q, const struct chat *chat, size_t bytes, bool masked,
		      struct buf *out)
{
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);
	struct buf original;
	char price[64];

	buf_init(&original, (size_t)16 << 20);
	if (masked && escalate_original(q, &original) && original.len > bytes)
		bytes = original.len;
	buf_free(&original);
	struct policy_bound most =
		policy_bound(d, &q->verdicts[q->plan.destination], bytes, chat->max_tokens);
	policy_price_text(most.cost_known, most.cost_nano, d->price.currency, price,
			  sizeof price);
	json_put_key_cstr(out, "price", price[0] != '\0' ? price : NULL);
}

static void put_question(struct request *q, struct buf *out)
{
	struct buf body;
	struct chat chat;
	bool masked;
	char list[1000];

	json_put_key(out, "question");
	buf_init(&body, (size_t)16 << 20);
	if (q->plan.kind != PLAN_ASK || !escalate_body(q, &chat, &body, &masked)) {
		buf_add_str(out, "null");
		buf_free(&body);
		return;
	}
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);

	data_masked_list(q, &q->verdicts[q->plan.destination], list, sizeof list);
	buf_add_char(out, '{');
	json_put_key_cstr(out, "destination", d->name);
	json_put_key_cstr(out, "operator", d->operator_name);
	json_put_key_cstr(out, "region", d->region);
	json_put_key_string(out, "model", q->plan.model);
	json_put_key_i64(out, "bytes", (int64_t)body.len);
	json_put_key(out, "masked");
	buf_add_char(out, '[');
	for (const char *p = list; *p != '\0';) {
		size_t n = strcspn(p, ",");

		json_put_string(out, (struct span){ p, n });
		p += n + (p[n] == ',');
		if (*p != '\0')
			buf_add_char(out, ',');
	}
	buf_add_char(out, ']');
	put_price(q, &chat, body.len, masked, out);
	json_put_key_cstr(out, "verdict",
			  policy_verdict_name(q->verdicts[q->plan.destination].verdict));
	buf_add_char(out, '}');
	buf_free(&body);
}

static void put_policy(const struct request *q, struct buf *out)
{
	const struct policy_file *top = policy_set_top(q->set);

	json_put_key(out, "policy");
	buf_add_char(out, '{');
	json_put_key_cstr(out, "id", top != NULL ? policy_file_info(top).id : NULL);
	json_put_key(out, "serial");
	if (top != NULL && policy_file_info(top).serial > 0)
		buf_add_i64(out, policy_file_info(top).serial);
	else
		buf_add_str(out, "null");
	json_put_key_cstr(out, "sha256", q->router->policy_sha256);
	json_put_key_cstr(out, "state", policy_state_name(policy_set_state(q->set)));
	buf_add_char(out, '}');
}

static void answer_dry(struct request *q)
{
	struct decision d;
	struct buf out;

	buf_init(&out, (size_t)4 << 20);
	decision_fill(q, &d);
	decision_print(&d, &out);
	put_policy(q, &out);
	put_question(q, &out);
	buf_add_char(&out, '}');
	decision_clear(&d);
	q->outcome = "answered";
	if (out.failed)
		reply_problem(q->x, 500, "internal_error",
			      "The decision could not be written.");
	else
		reply_json(q->x, 200, buf_span(&out));
	buf_free(&out);
}

void chat_api_route(struct router *r, struct http_exchange *x, const struct http_request *h)
{
	struct request *q = chat_api_admit(r, x, h);
	struct chat_problem p;

	if (q == NULL)
		return;
	q->dry = true;
	memset(&p, 0, sizeof p);
	if (!read_prompt(q, h->body) &&
	    q->dialect->read(h->body, q->arena, &q->chat, &p) != ERR_OK) {
		chat_api_unreadable(q, &p);
		return;
	}
	if (!facts_restrict(q) || !draft_read_header(q) || !cascade_read_header(q)) {
		chat_api_unreadable(q, &q->problem);
		return;
	}
	if (!facts_decide(q)) {
		chat_api_unreadable(q, &q->problem);
		return;
	}
	answer_dry(q);
}
