/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of reading a reply.
 *
 *   NEW --2xx--> OPEN --terminal marker--> MARKED --end of body--> OVER
 *    '--other status--> REFUSED --end of body--> OVER
 *
 * Whole means: the marker of the dialect was seen, with an end that is known. Anything else
 * ends in ERROR. FINISH is held back until the body ended.
 *
 * Every object passes the JSON gate before a dialect sees it.
 */
#include <stdio.h>

#include "dialect/recv_impl.h"

#define REFUSAL_BODY_BYTES ((size_t)16 * 1024) /* as much of an error body as is looked at */

/* --- for the dialects ---------------------------------------------------------------- */

void recv_text(struct upstream_reader *r, enum chat_event_kind kind, struct span raw)
{
	struct chat_event ev = { .kind = kind };

	if (raw.len == 0)
		return;
	if (!walk_string(raw, &r->text, &ev.text))
		upstream_malformed(&r->out);
	else if (ev.text.len > 0)
		upstream_emit(&r->out, &ev);
}

void recv_signature(struct upstream_reader *r, struct span raw)
{
	struct chat_event ev = { .kind = CHAT_EV_REASONING };

	if (raw.len > 0 && walk_string(raw, &r->text, &ev.id) && ev.id.len > 0)
		upstream_emit(&r->out, &ev);
}

uint32_t recv_call(struct upstream_reader *r, struct span raw_id, struct span raw_name)
{
	char made_up[16];
	struct span id = { NULL, 0 }, name;

	if (!walk_string(raw_name, &r->name_text, &name) || name.len == 0 ||
	    (raw_id.len > 0 && !walk_string(raw_id, &r->id_text, &id))) {
		upstream_malformed(&r->out);
		return RECV_NO_CALL;
	}
	if (r->n_calls == CHAT_MAX_CALLS || id.len > RECV_NAME_BYTES ||
	    name.len > RECV_NAME_BYTES) {
		upstream_too_big(&r->out);
		return RECV_NO_CALL;
	}
	if (id.len == 0) {
		snprintf(made_up, sizeof made_up, "call_%u", r->n_calls);
		id = span_of(made_up);
	}
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_TOOL,
						     .index = r->n_calls,
						     .id = id,
						     .name = name });
	return r->n_calls++;
}

void recv_args(struct upstream_reader *r, uint32_t call, struct span raw)
{
	struct span text = raw;

	if (raw.len == 0)
		return;
	if (call >= r->n_calls || (!walk_is_object(raw) && !walk_string(raw, &r->text, &text)))
		upstream_malformed(&r->out);
	else if (text.len > 0)
		upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_TOOL_ARGS,
							     .index = call,
							     .text = text });
}

static bool take_count(struct span raw, int64_t *io)
{
	int64_t n;

	if (!walk_count(raw, &n) || n == *io)
		return false;
	*io = n;
	return true;
}

void recv_usage(struct upstream_reader *r, const struct recv_usage *raw)
{
	struct chat_event *u = &r->usage;
	bool changed = take_count(raw->input, &u->input_tokens);

	changed = take_count(raw->output, &u->output_tokens) || changed;
	changed = take_count(raw->cached, &u->cached_tokens) || changed;
	changed = take_count(raw->reasoning, &u->reasoning_tokens) || changed;
	if (changed)
		upstream_emit(&r->out, u);
}

void recv_finish(struct upstream_reader *r, struct span raw)
{
	struct span word;

	if (raw.len == 0)
		return;
	if (!walk_string(raw, &r->text, &word))
		upstream_malformed(&r->out);
	else
		r->finish = upstream_finish(word);
}

void recv_error(struct upstream_reader *r, struct span error)
{
	struct span code = { NULL, 0 }, type = { NULL, 0 }, name = { NULL, 0 }, word;
	int64_t number;
	int status = r->state == RECV_REFUSED ? r->status : 0;

	walk_members(error,
		     (struct walk_wanted[]){
			     { "code", &code }, { "type", &type }, { "status", &name } },
		     3);
	if (walk_count(code, &number)) {
		if (status == 0 && number >= 400 && number <= 599)
			status = (int)number;
		code = type;
	}
	if (!walk_string(code, &r->text, &word) && !walk_string(name, &r->text, &word) &&
	    !walk_string(type, &r->text, &word))
		word = (struct span){ NULL, 0 };
	upstream_reported(&r->out, status, word);
}

/* --- objects ------------------------------------------------------------------------- */

/* The gate; an object comes out trimmed. */
static bool pass(struct upstream_reader *r, struct span *io)
{
	struct json_where where;
	enum err e = json_check(*io, &json_limits_reply, &where);

	*io = span_trim(*io);
	if (e == ERR_TOO_BIG || e == ERR_NO_MEMORY)
		upstream_too_big(&r->out);
	else if (e != ERR_OK || !walk_is_object(*io))
		upstream_malformed(&r->out);
	return r->out.failed == ERR_OK;
}

static bool take_object(struct upstream_reader *r, struct span event, struct span json)
{
	if (r->state != RECV_MARKED && span_trim(json).len > 0 && pass(r, &json))
		r->kind->object(r, event, json);
	return r->out.failed == ERR_OK && !r->out.stopped;
}

/* Servers of other dialects end the stream with OpenAI's marker too; there it says nothing. */
static bool on_sse(void *ctx, struct span event, struct span data)
{
	struct upstream_reader *r = ctx;

	if (!span_is(span_trim(data), "[DONE]"))
		return take_object(r, event, data);
	if (r->kind->ends_with_done)
		r->state = RECV_MARKED;
	return true;
}

static void take_lines(struct upstream_reader *r, struct span bytes)
{
	while (bytes.len > 0 && r->out.failed == ERR_OK && !r->out.stopped) {
		const char *lf = memchr(bytes.ptr, '\n', bytes.len);
		size_t n = lf != NULL ? (size_t)(lf - bytes.ptr) : bytes.len;

		buf_add(&r->line, (struct span){ bytes.ptr, n });
		if (r->line.failed) {
			upstream_too_big(&r->out);
			return;
		}
		if (lf == NULL)
			return;
		take_object(r, (struct span){ NULL, 0 }, buf_span(&r->line));
		buf_clear(&r->line);
		bytes = (struct span){ lf + 1, bytes.len - n - 1 };
	}
}

/* --- the interface ------------------------------------------------------------------- */

struct upstream_reader *recv_new(struct arena *a, bool stream, size_t max_event_bytes,
				 const struct recv_kind *kind)
{
	struct upstream_reader *r = arena_zalloc(a, sizeof *r);

	if (r == NULL)
		return NULL;
	r->own = arena_zalloc(a, kind->own_bytes);
	if (r->own == NULL)
		return NULL;
	r->kind = kind;
	r->arena = a;
	r->stream = stream;
	r->usage = (struct chat_event){ .kind = CHAT_EV_USAGE,
					.input_tokens = -1,
					.output_tokens = -1,
					.cached_tokens = -1,
					.reasoning_tokens = -1 };
	sse_reader_init(&r->sse, max_event_bytes);
	buf_init(&r->line, max_event_bytes);
	buf_init(&r->body, max_event_bytes);
	buf_init(&r->text, max_event_bytes);
	buf_init(&r->id_text, RECV_NAME_BYTES * 6);
	buf_init(&r->name_text, RECV_NAME_BYTES * 6);
	return r;
}

void recv_free(struct upstream_reader *r)
{
	if (r == NULL)
		return;
	sse_reader_free(&r->sse);
	buf_free(&r->line);
	buf_free(&r->body);
	buf_free(&r->text);
	buf_free(&r->id_text);
	buf_free(&r->name_text);
}

static void enter(struct upstream_reader *r, chat_sink *sink, void *ctx)
{
	r->out.sink = sink;
	r->out.ctx = ctx;
}

enum err recv_status(struct upstream_reader *r, int status, chat_sink *sink, void *ctx)
{
	enter(r, sink, ctx);
	r->status = status;
	if (status < 200 || status > 299) {
		r->state = RECV_REFUSED;
		buf_free(&r->body);
		buf_init(&r->body, REFUSAL_BODY_BYTES);
		return ERR_OK;
	}
	r->state = RECV_OPEN;
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_START });
	return ERR_OK;
}

enum err recv_bytes(struct upstream_reader *r, struct span bytes, chat_sink *sink, void *ctx)
{
	enter(r, sink, ctx);
	if (r->out.failed != ERR_OK || r->out.stopped)
		return r->out.failed;
	if (r->state == RECV_REFUSED) {
		buf_add(&r->body, bytes); /* what does not fit is not looked at */
	} else if (r->stream && r->kind->framing == RECV_LINES) {
		take_lines(r, bytes);
	} else if (r->stream) {
		if (sse_read(&r->sse, bytes, on_sse, r) != ERR_OK)
			upstream_too_big(&r->out);
	} else {
		buf_add(&r->body, bytes);
		if (r->body.failed)
			upstream_too_big(&r->out);
	}
	return r->out.failed;
}

/* {"error":{…}}; Gemini puts it into an array. */
static void end_refused(struct upstream_reader *r)
{
	struct json_where where;
	struct span error = { NULL, 0 };
	struct span body = span_trim(buf_span(&r->body));

	if (!r->body.failed && json_check(body, &json_limits_reply, &where) == ERR_OK) {
		struct walk w = walk_of(body);

		if (walk_kind(&w) == WALK_ARRAY && walk_element(&w))
			body = walk_value(&w);
		walk_members(body, (struct walk_wanted[]){ { "error", &error } }, 1);
	}
	recv_error(r, walk_is_object(error) ? error : (struct span){ NULL, 0 });
}

static void end_open(struct upstream_reader *r)
{
	struct span body = buf_span(&r->body);

	if (!r->stream && span_trim(body).len > 0 && pass(r, &body)) {
		r->kind->whole(r, body);
		if (r->finish != CHAT_FINISH_NONE)
			r->state = RECV_MARKED;
	}
	if (r->stream && r->kind->ends_with_body && r->finish != CHAT_FINISH_NONE)
		r->state = RECV_MARKED;
	if (r->state != RECV_MARKED || r->finish == CHAT_FINISH_NONE) {
		upstream_cut(&r->out);
		return;
	}
	if (r->n_calls > 0 && r->finish == CHAT_FINISH_STOP)
		r->finish = CHAT_FINISH_TOOLS;
	bool sound = r->kind->sound == NULL || r->kind->sound(r);
	if (!sound || (r->finish == CHAT_FINISH_TOOLS && r->n_calls == 0)) {
		upstream_malformed(&r->out);
		return;
	}
	upstream_emit(&r->out,
		      &(struct chat_event){ .kind = CHAT_EV_FINISH, .finish = r->finish });
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_END });
}

enum err recv_end(struct upstream_reader *r, chat_sink *sink, void *ctx)
{
	enter(r, sink, ctx);
	if (r->out.failed != ERR_OK || r->out.stopped)
		return r->out.failed;
	if (r->state == RECV_REFUSED)
		end_refused(r);
	else if (r->state == RECV_NEW)
		upstream_cut(&r->out);
	else
		end_open(r);
	return r->out.failed;
}
