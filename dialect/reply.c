/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of events, checked once for all writers of replies.
 *
 *   NEW --START--> STARTED --FINISH--> FINISHED --END--> OVER        any --ERROR--> OVER
 *    '-------------------------NEXT-------'
 *
 * Invariants
 *   1. START writes nothing: the first byte goes out with the first content, so a caller
 *      that waits for bytes before it sends a head has not promised anything yet.
 *   2. FINISH comes once; END only after it. So no terminal marker without a reason.
 *   3. An event that is refused leaves the state as it was: an ERROR can still follow.
 *   4. A call whose arguments are not one JSON object is never passed on by a dialect that
 *      shows them as an object. Where a limit cut them it is left out, and the end says so;
 *      anywhere else FINISH is refused.
 */
#include "dialect/reply_impl.h"

#define PIECE_FIRST_BYTES ((size_t)2048)
#define PIECE_LIMIT_BYTES ((size_t)64 * 1024)

/* --- text ---------------------------------------------------------------------------- */

struct piece {
	struct piece *next;
	size_t len, cap;
	char bytes[];
};

bool rope_add(struct arena *a, struct rope *r, struct span text)
{
	while (text.len > 0) {
		struct piece *p = r->last;

		if (p == NULL || p->len == p->cap) {
			size_t cap = p == NULL ? PIECE_FIRST_BYTES : p->cap * 2;
			if (cap > PIECE_LIMIT_BYTES)
				cap = PIECE_LIMIT_BYTES;
			p = arena_alloc(a, sizeof *p + cap);
			if (p == NULL)
				return false;
			*p = (struct piece){ .cap = cap };
			if (r->last != NULL)
				r->last->next = p;
			else
				r->first = p;
			r->last = p;
		}
		size_t n = text.len < p->cap - p->len ? text.len : p->cap - p->len;
		memcpy(p->bytes + p->len, text.ptr, n);
		p->len += n;
		text = (struct span){ text.ptr + n, text.len - n };
	}
	return true;
}

void rope_join(const struct rope *r, struct buf *out)
{
	for (const struct piece *p = r->first; p != NULL; p = p->next)
		buf_add(out, (struct span){ p->bytes, p->len });
}

/* Characters cut by a piece's end must meet again before they are escaped. */
void rope_put(struct buf *out, const struct rope *r)
{
	struct buf joined;

	buf_init(&joined, SIZE_MAX);
	rope_join(r, &joined);
	if (joined.failed)
		out->failed = true;
	else
		json_put_string(out, buf_span(&joined));
	buf_free(&joined);
}

/* --- arguments ----------------------------------------------------------------------- */

void object_end_feed(struct object_end *o, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';

		if (o->in_string) {
			if (o->escaped)
				o->escaped = false;
			else if (c == '\\')
				o->escaped = true;
			else if (c == '"')
				o->in_string = false;
		} else if (space) {
			continue;
		} else if (o->done || (o->depth == 0 && c != '{')) {
			o->broken = true;
		} else if (c == '"') {
			o->in_string = true;
		} else if (c == '{' || c == '[') {
			o->depth++;
		} else if (c == '}' || c == ']') {
			o->depth--;
			o->done = o->depth == 0;
		}
	}
}

static bool is_object(const struct reply_call *c)
{
	struct buf text;
	struct json_where where;

	if (!c->has_arguments)
		return true;
	if (!c->end.done || c->end.broken)
		return false;
	buf_init(&text, SIZE_MAX);
	rope_join(&c->arguments, &text);
	bool ok = !text.failed &&
		  json_check(buf_span(&text), &json_limits_reply, &where) == ERR_OK;
	buf_free(&text);
	return ok;
}

void reply_put_object(const struct reply_call *c, struct buf *out)
{
	if (c->has_arguments)
		rope_join(&c->arguments, out);
	else
		buf_add_str(out, "{}");
}

void reply_put_arguments(const struct reply_call *c, struct buf *out)
{
	if (c->has_arguments)
		rope_put(out, &c->arguments);
	else
		buf_add_str(out, "\"{}\"");
}

/* Invariant 4. */
static bool judge_calls(struct reply_writer *w, enum chat_finish finish)
{
	bool cut = finish == CHAT_FINISH_LENGTH || finish == CHAT_FINISH_FILTER;

	for (uint32_t i = 0; w->kind->needs_objects && i < w->n_calls; i++) {
		if (is_object(w->calls[i]))
			continue;
		if (!cut)
			return false;
		w->calls[i]->dropped = true;
	}
	return true;
}

/* --- events -------------------------------------------------------------------------- */

struct reply_writer *reply_new(struct arena *a, const struct reply_head *head,
			       const struct reply_kind *kind, size_t own_bytes)
{
	struct reply_writer *w = arena_zalloc(a, sizeof *w);

	if (w == NULL)
		return NULL;
	w->kind = kind;
	w->arena = a;
	w->head = head;
	w->own = arena_zalloc(a, own_bytes);
	w->usage = (struct chat_event){ .input_tokens = -1,
					.output_tokens = -1,
					.cached_tokens = -1,
					.reasoning_tokens = -1 };
	return w->own != NULL ? w : NULL;
}

void reply_put_id(const struct reply_writer *w, const char *prefix, struct buf *out)
{
	const char *id = w->head->id;
	const char *cut = strpbrk(id, "-_");

	buf_add_str(out, prefix);
	json_put_escaped(out, span_of(cut != NULL ? cut + 1 : id));
}

bool reply_keep_choice(struct reply_writer *w,
		       void (*put)(struct reply_writer *w, struct buf *out))
{
	struct buf choice;

	buf_init(&choice, SIZE_MAX);
	put(w, &choice);
	buf_add_char(&choice, ',');
	bool ok = !choice.failed && rope_add(w->arena, &w->done, buf_span(&choice));
	buf_free(&choice);
	return ok;
}

static bool live(const struct reply_writer *w)
{
	return w->head->stream || w->kind->always;
}

/* Probabilities that were asked for come with every piece of the answer, or it is none. */
static bool take_tokens(struct reply_writer *w, const struct chat_event *ev)
{
	const struct chat *c = w->head->chat;
	struct buf entries;
	bool ok;

	w->tokens = (struct span){ NULL, 0 };
	if (!w->kind->logprobs || c == NULL || !c->logprobs)
		return true;
	if (live(w)) {
		w->tokens = ev->name;
		return ev->name.len > 0;
	}
	buf_init(&entries, (size_t)32 << 20);
	if (w->logprobs.first != NULL)
		buf_add_char(&entries, ',');
	ok = logprobs_put(ev->name, c->top_logprobs, &entries) &&
	     rope_add(w->arena, &w->logprobs, buf_span(&entries));
	buf_free(&entries);
	return ok;
}

static bool on_text(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	struct rope *rope = ev->kind == CHAT_EV_TEXT      ? &w->text
			    : ev->kind == CHAT_EV_REFUSAL ? &w->refusal
							  : &w->reasoning;

	if (ev->kind == CHAT_EV_REASONING && ev->text.len == 0 && ev->id.len > 0) {
		w->signature = arena_span(w->arena, ev->id);
		if (w->kind->signature != NULL && live(w))
			w->kind->signature(w, ev->id, out);
		return w->signature.ptr != NULL;
	}
	if (ev->kind == CHAT_EV_TEXT && !take_tokens(w, ev))
		return false;
	if (ev->text.len == 0 && w->tokens.len == 0)
		return true;
	if (!(live(w) ? w->kind->text(w, ev->kind, ev->text, out)
		      : rope_add(w->arena, rope, ev->text)))
		return false;
	w->has_text = w->has_text || ev->kind == CHAT_EV_TEXT;
	w->has_refusal = w->has_refusal || ev->kind == CHAT_EV_REFUSAL;
	return true;
}

static bool on_tool(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (w->kind->no_calls || ev->index != w->n_calls || w->n_calls == CHAT_MAX_CALLS ||
	    ev->id.len == 0 || ev->name.len == 0)
		return false;
	struct reply_call *c = arena_zalloc(w->arena, sizeof *c);
	if (c == NULL)
		return false;
	c->id = arena_span(w->arena, ev->id);
	c->name = arena_span(w->arena, ev->name);
	if (c->id.ptr == NULL || c->name.ptr == NULL)
		return false;
	w->calls[w->n_calls++] = c;
	return !live(w) || w->kind->tool(w, ev->index, out);
}

static bool on_args(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (ev->index >= w->n_calls)
		return false;
	if (ev->text.len == 0)
		return true;
	struct reply_call *c = w->calls[ev->index];
	if ((!w->head->stream || w->kind->keeps_arguments) &&
	    !rope_add(w->arena, &c->arguments, ev->text))
		return false;
	c->has_arguments = true;
	object_end_feed(&c->end, ev->text);
	return !live(w) || w->kind->args(w, ev->index, ev->text, out);
}

static bool on_finish(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (ev->finish == CHAT_FINISH_NONE || ev->finish > CHAT_FINISH_FILTER ||
	    !judge_calls(w, ev->finish))
		return false;
	w->finish = ev->finish;
	if (live(w) && !w->kind->finish(w, out))
		return false;
	w->state = WRITER_FINISHED;
	return true;
}

static bool on_end(struct reply_writer *w, struct buf *out)
{
	if (w->state != WRITER_FINISHED)
		return false;
	w->state = WRITER_OVER;
	if (w->head->stream)
		w->kind->end(w, out);
	else
		w->kind->whole(w, out);
	return true;
}

/* What belongs to one answer begins afresh; usage is that of all. */
static bool on_next(struct reply_writer *w)
{
	if (w->state != WRITER_FINISHED || w->kind->next == NULL || !w->kind->next(w))
		return false;
	w->state = WRITER_NEW;
	w->has_text = w->has_refusal = false;
	w->text = w->reasoning = w->refusal = w->logprobs = (struct rope){ NULL, NULL };
	w->signature = w->tokens = (struct span){ NULL, 0 };
	w->n_calls = 0;
	w->finish = CHAT_FINISH_NONE;
	w->answer++;
	return true;
}

static bool on_usage(struct reply_writer *w, const struct chat_event *ev)
{
	w->usage = *ev;
	w->has_usage = ev->input_tokens >= 0 && ev->output_tokens >= 0;
	return true;
}

static bool on_start(struct reply_writer *w)
{
	bool first = w->state == WRITER_NEW;

	w->state = first ? WRITER_STARTED : w->state;
	return first;
}

bool reply_event(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (w->state == WRITER_OVER)
		return false;
	if (ev->kind == CHAT_EV_ERROR) {
		w->state = WRITER_OVER;
		w->kind->error(w, ev, out);
		return true;
	}
	if (ev->kind == CHAT_EV_START)
		return on_start(w);
	if (ev->kind == CHAT_EV_END)
		return on_end(w, out);
	if (ev->kind == CHAT_EV_NEXT)
		return on_next(w);
	if (ev->kind == CHAT_EV_USAGE && w->state != WRITER_NEW)
		return on_usage(w, ev);
	if (w->state != WRITER_STARTED)
		return false;
	switch (ev->kind) {
	case CHAT_EV_TEXT:
	case CHAT_EV_REASONING:
	case CHAT_EV_REFUSAL:
		return on_text(w, ev, out);
	case CHAT_EV_BREAK:
		if (w->kind->part != NULL && live(w))
			w->kind->part(w, out);
		return true;
	case CHAT_EV_TOOL:
		return on_tool(w, ev, out);
	case CHAT_EV_TOOL_ARGS:
		return on_args(w, ev, out);
	case CHAT_EV_FINISH:
		return on_finish(w, ev, out);
	default:
		return false;
	}
}
