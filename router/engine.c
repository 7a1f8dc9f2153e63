/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The on-device side of a request: ask local for a connected engine, send it the request in
 * llama-server's dialect, feed its reply to the sink.
 *
 *   device_want -> ENGINE_WANT ... ENGINE_GIVE -> device_start -> http_call
 *   device_stop -> the connection is closed (which stops the engine's work) and ENGINE_DONE
 *
 * What the client left open is filled from the model's entry in the catalogue: the recipe of
 * the task, then the model's own sampling. Small models need it; nothing the client said is
 * overridden.
 */
#include <math.h>
#include <unistd.h>

#include "common/log.h"
#include "dialect/schema_grammar.h"
#include "router/impl.h"

#define ENGINE_PATH         "/v1/chat/completions"
#define OLLAMA_PATH         "/api/chat"
#define EMBED_PATH          "/v1/embeddings"
#define ENGINE_HEADER_BYTES 32768
#define ENGINE_BODY_BYTES   ((size_t)32 << 20)
#define WANT_DEADLINE_MAX   600000
#define GRACE_MS            2000

/* ---------------------------------------------------------------- how it is spoken to */

static bool is_llama_server(const struct router *r)
{
	return r->engine_kind == ENGINE_KIND_UNKNOWN ||
	       r->engine_kind == ENGINE_KIND_LLAMA_SERVER;
}

static const struct upstream_dialect *wire_of(const struct router *r)
{
	if (r->engine_kind == ENGINE_KIND_OLLAMA)
		return &upstream_ollama;
	return is_llama_server(r) ? &upstream_llamacpp_chat : &upstream_openai_chat;
}

/* A tool of this name would be run away from this device, whatever the model's place. */
static bool tools_stay(struct request *q)
{
	for (uint32_t i = 0; i < q->chat.n_tools; i++) {
		if (!engine_tool_leaves(q->router->engine_kind, q->chat.tools[i].name))
			continue;
		problem_set(
			&q->problem, 400, "unsupported_value",
			"The engine on this device would run the tool %.*s on its operator's "
			"servers.",
			(int)q->chat.tools[i].name.len, q->chat.tools[i].name.ptr);
		snprintf(q->problem.param, sizeof q->problem.param, "tools");
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- the engine's share */

const struct model *device_model(const struct request *q)
{
	const struct model_list *l = &q->router->models;
	char name[MODELS_NAME_BYTES];

	if (q->want.model.len > 0 && q->want.kind == WANT_LOCAL)
		return span_copy(q->want.model, name, sizeof name) ? models_find(l, name)
								   : NULL;
	return models_chosen(l);
}

static bool has_system(const struct chat *c)
{
	for (uint32_t i = 0; i < c->n_messages; i++) {
		if (c->messages[i].role == CHAT_SYSTEM)
			return true;
	}
	return false;
}

static bool text_message(struct arena *a, enum chat_role role, const char *text,
			 struct chat_message *ret)
{
	struct chat_part *part = arena_zalloc(a, sizeof *part);

	if (part == NULL)
		return false;
	part->kind = CHAT_PART_TEXT;
	part->text = span_of(text);
	*ret = (struct chat_message){ .role = role, .parts = part, .n_parts = 1 };
	return true;
}

/* prefix and suffix around the last user text, when that turn is one text. */
static bool wrap_last_user(struct arena *a, const struct model_recipe *r, struct chat *io)
{
	struct chat_message *m = io->n_messages > 0 ? &io->messages[io->n_messages - 1] : NULL;

	if (m == NULL || m->role != CHAT_USER || m->n_parts != 1 ||
	    m->parts[0].kind != CHAT_PART_TEXT ||
	    (r->prefix[0] == '\0' && r->suffix[0] == '\0'))
		return true;
	struct span text = m->parts[0].text;
	size_t before = strlen(r->prefix), after = strlen(r->suffix);
	char *joined = arena_alloc(a, before + text.len + after);
	struct chat_part *part = arena_zalloc(a, sizeof *part);

	if (joined == NULL || part == NULL)
		return false;
	memcpy(joined, r->prefix, before);
	memcpy(joined + before, text.ptr, text.len);
	memcpy(joined + before + text.len, r->suffix, after);
	part->kind = CHAT_PART_TEXT;
	part->text = (struct span){ joined, before + text.len + after };
	m->parts = part;
	return true;
}

static bool apply_recipe(struct arena *a, const struct model_recipe *r, struct chat *io)
{
	bool add_system = r->system[0] != '\0' && !has_system(io);
	struct chat_message *messages =
		arena_array(a, (size_t)io->n_messages + 1, sizeof *messages);

	if (messages == NULL)
		return false;
	if (add_system && !text_message(a, CHAT_SYSTEM, r->system, &messages[0]))
		return false;
	if (io->n_messages > 0)
		memcpy(messages + add_system, io->messages, io->n_messages * sizeof *messages);
	io->messages = messages;
	io->n_messages += add_system;
	if (io->max_tokens == 0)
		io->max_tokens = r->max_tokens;
	return wrap_last_user(a, r, io);
}

static void apply_number(double value, double *io, bool *io_has)
{
	if (*io_has || isnan(value))
		return;
	*io = value;
	*io_has = true;
}

static void apply_sampling(const struct model_sampling *s, struct chat *io)
{
	apply_number(s->temperature, &io->temperature, &io->has_temperature);
	apply_number(s->top_p, &io->top_p, &io->has_top_p);
	apply_number(s->min_p, &io->min_p, &io->has_min_p);
	apply_number(s->repeat_penalty, &io->repeat_penalty, &io->has_repeat_penalty);
	if (!io->has_top_k && s->top_k >= 0) {
		io->top_k = s->top_k;
		io->has_top_k = true;
	}
}

/* The client's request with what the model needs and the client did not say. */
static bool localise(struct request *q, struct chat *ret)
{
	const struct model *m = device_model(q);

	*ret = q->chat;
	ret->seed += q->answer; /* the same seed gives the same answer */
	ret->include_usage = true;
	ret->stream = q->engine_streams;
	ret->logprobs = q->cascade.watching || q->chat.logprobs;
	ret->top_logprobs = q->chat.top_logprobs > 1 ? q->chat.top_logprobs : 1;
	if (q->router->engine_kind == ENGINE_KIND_OLLAMA)
		ret->engine_context_tokens = q->router->engine_context_tokens;
	if (m == NULL)
		return true;
	const struct model_recipe *r =
		model_recipe_for(m, classify_task_name(q->facts.judged.task));

	/* Tools and formats come with their own instructions. */
	bool plain = ret->n_tools == 0 && ret->format == CHAT_FORMAT_TEXT;
	if (r != NULL && plain && !apply_recipe(q->arena, r, ret))
		return false;
	if (r != NULL)
		apply_sampling(&r->sampling, ret);
	apply_sampling(&m->sampling, ret);
	if (ret->n_stop == 0 && m->n_stop > 0) {
		ret->stop = arena_array(q->arena, m->n_stop, sizeof *ret->stop);
		for (uint32_t i = 0; ret->stop != NULL && i < m->n_stop; i++)
			ret->stop[ret->n_stop++] = span_of(m->stop[i]);
	}
	return true;
}

/* ---------------------------------------------------------------- the engine's memory */

static struct siphash caller_digest(const struct request *q)
{
	char caller[FACTS_CALLER_BYTES];

	return siphash(&q->router->caller_key, facts_caller(q, caller));
}

static void leave_slot(struct request *q)
{
	if (q->has_cache_use)
		prompt_cache_done(q->router->prompt_cache, q->cache_use.slot);
	q->has_cache_use = false;
}

/* Of what the engine remembers only this caller's own is reused. */
static void take_slot(struct request *q, struct chat *io)
{
	struct router *r = q->router;

	leave_slot(q);
	if (r->prompt_cache == NULL)
		return;
	q->cache_use = prompt_cache_take(r->prompt_cache, caller_digest(q));
	q->has_cache_use = true;
	io->engine_slot = q->cache_use.slot;
	io->engine_cache = q->cache_use.reuse ? CHAT_CACHE_REUSE : CHAT_CACHE_FORGET;
}

/* ---------------------------------------------------------------- asking local */

/* The model as local is asked for it; "": the one in use. */
static bool wanted_model(const struct request *q, char *ret, size_t cap)
{
	ret[0] = '\0';
	return q->want.kind != WANT_LOCAL || span_copy(q->want.model, ret, cap);
}

bool device_want(struct request *q)
{
	struct router *r = q->router;
	uint32_t deadline_ms = r->service->config->limits.total_timeout_ms;
	struct msg_ENGINE_WANT m = { .request_id = q->id, .caller = caller_digest(q).half[0] };

	m.deadline_ms = deadline_ms < WANT_DEADLINE_MAX ? deadline_ms : WANT_DEADLINE_MAX;
	if (!wanted_model(q, m.model, sizeof m.model))
		return false;
	/* Another model runs only once nobody holds a slot of this one. */
	lease_give_back(r);
	q->slot_id = q->id;
	q->slot_kept = false;
	q->wants_engine = CHANNEL_SEND(service_channel(r->service, ROLE_LOCAL), ENGINE_WANT, &m,
				       NULL, 0) == ERR_OK;
	return q->wants_engine;
}

void device_stop(struct request *q, bool broken)
{
	leave_slot(q);
	http_call_cancel(q->call);
	q->call = NULL;
	if (q->reader != NULL)
		q->engine_wire->reader_free(q->reader);
	q->reader = NULL;
	if (!q->wants_engine)
		return;
	q->wants_engine = false;
	lease_done(q->router, q->slot_id, broken);
}

void device_none_problem(uint8_t reason, const char *detail, struct chat_problem *ret)
{
	static const char *const codes[] = {
		[ENGINE_NONE_NO_MODEL] = "model_missing",
		[ENGINE_NONE_NO_ENGINE] = "engine_missing",
		[ENGINE_NONE_FAILED] = "engine_unavailable",
		[ENGINE_NONE_QUEUE_FULL] = "engine_busy",
		[ENGINE_NONE_UNKNOWN_MODEL] = "model_not_found",
		[ENGINE_NONE_TIMEOUT] = "engine_unavailable",
		[ENGINE_NONE_BAD_MODEL] = "model_damaged",
	};

	problem_set(ret, reason == ENGINE_NONE_UNKNOWN_MODEL ? 404 : 503,
		    reason < LEN(codes) ? codes[reason] : "engine_unavailable", "%s",
		    detail[0] != '\0' ? detail
				      : "There is no on-device engine for this request.");
}

/* llama-server answers 500 to a picture when the model has no eyes. */
static bool cannot_read(const struct request *q, const struct chat_problem *p)
{
	const struct chat *c = &q->chat;

	return c->images + c->audios + c->files > 0 && !q->answered &&
	       strncmp(p->code, "upstream_", 9) == 0 && strcmp(p->code, "upstream_busy") != 0;
}

void device_problem(struct request *q)
{
	struct chat_problem *p = &q->problem;

	if (cannot_read(q, p)) {
		problem_set(
			p, 400, "unsupported_value",
			"The model on this device reads text only. Leave pictures, sound and "
			"files out, ask for a destination that reads them, or import a model "
			"with its projector.");
		snprintf(p->param, sizeof p->param, "messages");
	} else if (strcmp(p->code, "context_length_exceeded") == 0) {
		if (q->router->engine_context_tokens > 0)
			snprintf(p->message, sizeof p->message,
				 "The prompt is too long: the model on this device reads at "
				 "most %u tokens, prompt and answer together.",
				 q->router->engine_context_tokens);
	} else if (strcmp(p->code, "upstream_bad_request") == 0 &&
		   q->chat.format != CHAT_FORMAT_TEXT) {
		problem_set(p, 400, "unsupported_value",
			    "The model on this device cannot be held to this JSON format. "
			    "Describe it in the prompt, ask for json_object, or use another "
			    "model.");
		snprintf(p->param, sizeof p->param, "response_format");
	} else if (strcmp(p->code, "upstream_bad_request") == 0 &&
		   q->router->engine_kind == ENGINE_KIND_OLLAMA) {
		problem_set(p, p->status, "engine_refused",
			    "Ollama on this device refused the request. It reads at most %u "
			    "tokens, prompt and answer together, and cuts nothing in silence.",
			    q->router->engine_context_tokens);
	} else if (strcmp(p->code, "upstream_bad_request") == 0) {
		problem_set(p, p->status, "engine_refused",
			    "The on-device engine refused the request.");
	} else if (strcmp(p->code, "upstream_busy") == 0) {
		problem_set(p, 503, "engine_busy",
			    "The on-device engine is busy or still loading. Try again in a "
			    "moment.");
	} else if (strncmp(p->code, "upstream_", 9) == 0) {
		problem_set(p, p->status >= 500 ? p->status : 502, "engine_failed",
			    "The on-device engine failed. The answer is not complete.");
	}
}

/* ---------------------------------------------------------------- the exchange */

static void on_head(void *ctx, int status, struct span content_type)
{
	struct request *q = ctx;

	(void)content_type; /* the reader looks at what comes */
	q->engine_spoke = true;
	q->embed_status = status;
	if (q->embed == NULL &&
	    q->engine_wire->reader_status(q->reader, status, reply_sink, q) != ERR_OK)
		q->failed = true;
}

static void on_data(void *ctx, struct span bytes)
{
	struct request *q = ctx;

	if (q->embed != NULL)
		embed_data(q, bytes);
	else if (q->engine_wire->reader_bytes(q->reader, bytes, reply_sink, q) != ERR_OK)
		q->failed = true;
	if (q->embed == NULL) {
		cascade_turn(q);
		reply_flush(q);
	}
	if (q->failed)
		request_event(q, &(struct event){
					 .kind = EV_FAILED, .fd = -1, .problem = &q->problem });
	else if (q->full && q->call != NULL)
		http_call_pause(q->call, true);
}

/* A token does not wait for those of other streams that came in the same turn. */
static void on_read_end(void *ctx)
{
	struct request *q = ctx;

	if (q->answered)
		http_push(q->x);
}

/* The slot goes on to the next request, or stays ours until device_stop. */
static void keep_slot(struct request *q)
{
	char model[sizeof((struct lease *)0)->model];

	if (wanted_model(q, model, sizeof model) && lease_put(q, model))
		q->wants_engine = false;
}

static void on_end(void *ctx, enum err why, bool reusable)
{
	struct request *q = ctx;

	if (why == ERR_OK &&
	    (q->embed != NULL ? !embed_end(q)
			      : q->engine_wire->reader_end(q->reader, reply_sink, q) != ERR_OK))
		q->failed = true;
	leave_slot(q);
	if (reusable && !q->failed)
		keep_slot(q);
	q->call = NULL;
	if (why != ERR_OK && !q->failed) {
		q->failed = true;
		problem_set(&q->problem, 503, "engine_failed",
			    why == ERR_TIMEOUT ? "The on-device engine stopped answering."
					       : "The on-device engine broke off. The answer "
						 "is not complete.");
	}
	if (q->embed == NULL) {
		cascade_turn(q);
		reply_flush(q);
	}
	request_event(q, &(struct event){ .kind = q->failed ? EV_FAILED : EV_ENDED,
					  .fd = -1,
					  .problem = &q->problem });
}

static const struct http_call_handler call_handler = {
	.on_head = on_head,
	.on_data = on_data,
	.on_read_end = on_read_end,
	.on_end = on_end,
};

static uint32_t limits_total_ms(const struct request *q)
{
	return q->router->service->config->limits.total_timeout_ms;
}

static struct http_call_limits limits_of(const struct request *q)
{
	const struct config_engine *c = &q->router->service->config->engine;

	return (struct http_call_limits){ .header_bytes = ENGINE_HEADER_BYTES,
					  /* A plain reply comes when all of it is made; the
					   * request's own end (on_tick) comes before ours. */
					  .first_byte_timeout_ms =
						  q->engine_streams
							  ? c->first_token_timeout_ms
							  : limits_total_ms(q) + GRACE_MS,
					  .gap_timeout_ms = c->gap_timeout_ms,
					  .total_bytes = REQUEST_REPLY_BYTES };
}

/* False: its dialect has no words for this request, and q->problem says so. */
static bool write_chat(struct request *q, const struct chat *chat)
{
	const char *served = q->router->engine_served;
	enum err e =
		q->engine_wire->write(chat, served[0] != '\0' ? served : "local", &q->body);

	if (e == ERR_UNSUPPORTED)
		problem_set(
			&q->problem, 400, "unsupported_value",
			"%s on this device cannot be asked this: it has no word for something "
			"in the request (a required tool, audio or a file).",
			engine_kind_name(q->router->engine_kind));
	return e == ERR_OK;
}

/*
 * A schema goes to llama-server as a grammar of our own: its own translation fails with some
 * models' templates, and leaves out in silence what it does not know. False: q->problem says
 * which keyword.
 */
static bool hold_to_schema(struct request *q, struct chat *io)
{
	struct schema_refusal why;

	if (io->format != CHAT_FORMAT_SCHEMA || io->n_tools > 0 || !is_llama_server(q->router))
		return true;
	enum err e = schema_grammar(io->format_schema, q->arena, &io->format_grammar, &why);
	if (e == ERR_OK)
		return true;
	if (e == ERR_NO_MEMORY)
		return false;
	problem_set(&q->problem, 400, "unsupported_value",
		    "The model on this device cannot be held to this schema: '%s' at %s. %s",
		    why.keyword[0] != '\0' ? why.keyword : "schema", why.at, why.why);
	snprintf(q->problem.param, sizeof q->problem.param, "response_format");
	return false;
}

/* The others want the name of a model made for it, which nobody has told us. */
static bool can_embed(struct request *q)
{
	if (is_llama_server(q->router))
		return true;
	problem_set(&q->problem, 400, "unsupported_value",
		    "Embeddings are made by llama-server only; %s runs on this device.",
		    engine_kind_name(q->router->engine_kind));
	return false;
}

/* What the engine is sent, and who reads its answer. */
static bool prepare(struct request *q)
{
	struct chat chat;

	buf_clear(&q->body);
	q->body.max = ENGINE_BODY_BYTES;
	q->engine_spoke = false;
	q->problem.status = 0;
	if (q->embed != NULL)
		return can_embed(q) && embed_prepare(q);
	if (!q->to_count)
		cascade_begin(q);
	/* Token for token, so that doubt is noticed before the end. */
	q->engine_streams = q->chat.stream || q->cascade.watching;
	q->engine_wire = wire_of(q->router);
	q->reader =
		q->engine_wire->reader_new(q->arena, q->engine_streams, REQUEST_EVENT_BYTES);
	if (q->reader == NULL || !tools_stay(q) || !reply_begin_source(q) ||
	    !localise(q, &chat) || !hold_to_schema(q, &chat))
		return false;
	if (!q->to_count)
		take_slot(q, &chat);
	return write_chat(q, &chat);
}

/* The same body is counted and answered. */
static const char *path_of(const struct request *q)
{
	if (q->embed != NULL)
		return EMBED_PATH;
	if (q->to_count)
		return FIT_COUNT_PATH;
	return q->router->engine_kind == ENGINE_KIND_OLLAMA ? OLLAMA_PATH : ENGINE_PATH;
}

static const struct http_call_handler *handler_of(const struct request *q)
{
	return q->to_count ? &fit_count_handler : &call_handler;
}

bool device_start(struct request *q, int fd)
{
	struct http_call_limits limits;

	q->slot_epoch = q->router->lease_epoch;
	if (!prepare(q)) {
		close(fd);
		return false;
	}
	limits = limits_of(q);
	q->call = http_call_start(q->router->service->loop, fd, "POST", path_of(q),
				  buf_span(&q->body), &limits, handler_of(q), q);
	return q->call != NULL;
}

bool device_resume(struct request *q)
{
	struct http_call_limits limits;
	char model[sizeof((struct lease *)0)->model];
	struct lease *l;

	if (q->router->n_waiting > 0 || !wanted_model(q, model, sizeof model))
		return false;
	l = lease_take(q->router, model);
	if (l == NULL)
		return false;
	q->wants_engine = q->slot_kept = true;
	q->slot_id = l->slot_id;
	q->slot_epoch = q->router->lease_epoch;
	struct http_call *call = l->call;
	lease_free(l);
	bool ready = prepare(q);
	limits = limits_of(q);
	if (!ready) {
		http_call_cancel(call);
	} else if (http_call_next(call, "POST", path_of(q), buf_span(&q->body), &limits,
				  handler_of(q), q)) {
		q->call = call;
		return true;
	}
	device_stop(q, false);
	return false;
}
