/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placeholders of an answer back to what they stood for.
 *
 * What is held back of one text is let go when another begins to be said, a call begins, or the
 * answer ends; tokens counted in between change nothing. What is held back of a call's
 * arguments waits for the end: other calls may come in between, and nothing is held of
 * arguments that are whole.
 */
#include "router/mask.h"

#define CALLS_MAX 128

enum said { SAID_TEXT, SAID_REASONING, SAID_REFUSAL, SAID };

static const enum chat_event_kind kinds[SAID] = { CHAT_EV_TEXT, CHAT_EV_REASONING,
						  CHAT_EV_REFUSAL };

struct restore {
	struct arena *arena;
	const struct scan_map *map;
	bool signed_reasoning;
	struct scan_restore said[SAID];
	struct scan_restore *calls[CALLS_MAX]; /* NULL until the call began */
};

struct out {
	struct buf *scratch;
	chat_sink *sink;
	void *ctx;
	bool full;
};

struct restore *restore_new(struct arena *a, const struct scan_map *map, bool signed_reasoning)
{
	struct restore *r = arena_zalloc(a, sizeof *r);

	if (r == NULL)
		return NULL;
	r->arena = a;
	r->map = map;
	r->signed_reasoning = signed_reasoning;
	for (unsigned i = 0; i < SAID; i++)
		scan_restore_begin(&r->said[i], map);
	return r;
}

/* What came together in the scratch, as an event like `like`. */
static bool put(struct out *o, const struct chat_event *like)
{
	struct chat_event ev = *like;

	ev.text = buf_span(o->scratch);
	o->full = o->full || o->scratch->failed;
	if (o->full)
		return false;
	return ev.text.len == 0 || o->sink(o->ctx, &ev);
}

static bool feed(struct scan_restore *s, const struct chat_event *ev, struct out *o)
{
	buf_clear(o->scratch);
	scan_restore_feed(s, ev->text, o->scratch);
	return put(o, ev);
}

static bool let_go(struct scan_restore *s, const struct chat_event *like, struct out *o)
{
	if (s == NULL || s->held_len == 0)
		return true;
	buf_clear(o->scratch);
	scan_restore_end(s, o->scratch);
	return put(o, like);
}

static bool let_go_of_texts(struct restore *r, enum chat_event_kind but, struct out *o)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < SAID; i++)
		if (kinds[i] != but)
			ok = let_go(&r->said[i], &(struct chat_event){ .kind = kinds[i] }, o);
	return ok;
}

static bool let_go_of_calls(struct restore *r, struct out *o)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < CALLS_MAX; i++)
		ok = let_go(r->calls[i],
			    &(struct chat_event){ .kind = CHAT_EV_TOOL_ARGS, .index = i }, o);
	return ok;
}

static bool on_said(struct restore *r, enum said what, const struct chat_event *ev,
		    struct out *o)
{
	struct scan_restore *s = &r->said[what];

	if (!let_go_of_texts(r, ev->kind, o))
		return false;
	if (what == SAID_REASONING && ev->text.len == 0 && ev->id.len > 0)
		return let_go(s, &(struct chat_event){ .kind = ev->kind }, o) &&
		       (s->changed || o->sink(o->ctx, ev));
	if (what == SAID_REASONING && r->signed_reasoning)
		return o->sink(o->ctx, ev);
	return feed(s, ev, o);
}

static bool on_tool(struct restore *r, const struct chat_event *ev, struct out *o)
{
	if (ev->index < CALLS_MAX && r->calls[ev->index] == NULL) {
		struct scan_restore *s = arena_alloc(r->arena, sizeof *s);

		o->full = s == NULL;
		if (s == NULL)
			return false;
		scan_restore_begin_json(s, r->map);
		r->calls[ev->index] = s;
	}
	return let_go_of_texts(r, CHAT_EV_TOOL, o) && o->sink(o->ctx, ev);
}

static bool on_event(struct restore *r, const struct chat_event *ev, struct out *o)
{
	switch (ev->kind) {
	case CHAT_EV_TEXT:
		return on_said(r, SAID_TEXT, ev, o);
	case CHAT_EV_REASONING:
		return on_said(r, SAID_REASONING, ev, o);
	case CHAT_EV_REFUSAL:
		return on_said(r, SAID_REFUSAL, ev, o);
	case CHAT_EV_TOOL:
		return on_tool(r, ev, o);
	case CHAT_EV_TOOL_ARGS:
		if (ev->index >= CALLS_MAX || r->calls[ev->index] == NULL)
			return o->sink(o->ctx, ev); /* a call that never began: refused there */
		return feed(r->calls[ev->index], ev, o);
	case CHAT_EV_START:
	case CHAT_EV_USAGE:
		return o->sink(o->ctx, ev);
	case CHAT_EV_FINISH:
	case CHAT_EV_END:
	case CHAT_EV_ERROR:
	case CHAT_EV_BREAK:
	case CHAT_EV_NEXT:
		break;
	}
	return let_go_of_texts(r, ev->kind, o) && let_go_of_calls(r, o) && o->sink(o->ctx, ev);
}

bool restore_event(struct restore *r, const struct chat_event *ev, struct buf *scratch,
		   chat_sink *sink, void *ctx, bool *ret_full)
{
	struct out o = { .scratch = scratch, .sink = sink, .ctx = ctx };
	bool ok = on_event(r, ev, &o);

	*ret_full = o.full;
	return ok;
}
