/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of this device before anybody may have it: while a question about the same request
 * is open (a draft), or while the model's certainty is being watched (cascade.c).
 *
 *   NONE --a question is put--> WANTED --local gave an engine--> RUNNING --its end--> WHOLE
 *
 *   WANTED  -> NONE  the engine has others to serve first       [draft_withdraw]
 *   RUNNING -> NONE  it is the answer from here on, live        [draft_release]
 *   WHOLE   -> NONE  it is the answer, at once                  [draft_release]
 *   RUNNING -> NONE  it broke off, or another needs the engine  [draft_lose]
 *   RUNNING -> NONE  there was a yes                            [draft_granted]
 *   WHOLE   -> WHOLE there was a yes: in case nothing comes of it
 *
 * Its events are kept as they came, in their form on a pipe. What is shown of it meanwhile (if
 * the policy or the program wants that) goes through the writer of the one reply: as thoughts,
 * which no client takes for the answer, or as text, which cannot be taken back, so that
 * whatever follows but its own end stands after a divider. A call is never shown before the
 * draft is the answer; from the first one on nothing more is.
 *
 * Invariants
 *   1. No end, no finish and no usage of a draft is written before it is the answer.
 *   2. A draft that was shown as thoughts is said again as the answer, whole; one that was
 *      shown as text goes on where it was, or is followed by a whole answer.
 *   3. Only one source speaks at a time: a draft's engine is stopped before the reply pipe is
 *      read.
 */
#include <unistd.h>

#include "router/impl.h"

/* ---------------------------------------------------------------- what is wanted */

bool draft_read_header(struct request *q)
{
	struct span word = http_header(q->x, "Hither-Draft");

	q->draft.asked_for = word.len > 0;
	if (word.len == 0 || policy_draft_from(word, &q->draft.wanted))
		return true;
	problem_set(&q->problem, 400, "invalid_value",
		    "Hither-Draft must be wait, hold, thinking or text.");
	return false;
}

/* What is shown must not be taken away by a no. */
static bool refusal_is_local(const struct request *q)
{
	const struct policy_consent *c = policy_consent(q->set);

	return c->on_deny != POLICY_REFUSE && c->on_timeout != POLICY_REFUSE &&
	       c->no_agent != POLICY_REFUSE;
}

static enum policy_draft form_of(const struct request *q)
{
	enum policy_draft form =
		q->draft.asked_for ? q->draft.wanted : policy_routing(q->set)->while_asking;

	if (form <= POLICY_DRAFT_HOLD)
		return form;
	if (!q->chat.stream || !refusal_is_local(q))
		return POLICY_DRAFT_HOLD;
	/* Two answers in a row are not the JSON that was asked for. */
	if (form == POLICY_DRAFT_TEXT && q->chat.format != CHAT_FORMAT_TEXT)
		return POLICY_DRAFT_HOLD;
	/* The one dialect that has no place for thoughts. */
	if (form == POLICY_DRAFT_THINKING && q->dialect == &dialect_openai_completions)
		return POLICY_DRAFT_HOLD;
	return form;
}

/* ---------------------------------------------------------------- showing */

static bool shows(const struct request *q)
{
	return q->draft.form >= POLICY_DRAFT_THINKING;
}

static bool put_text(struct request *q, struct span text)
{
	struct chat_event ev = { .kind = q->draft.form == POLICY_DRAFT_THINKING
						 ? CHAT_EV_REASONING
						 : CHAT_EV_TEXT,
				 .text = text };

	return reply_write(q, &ev);
}

static bool show_begin(struct request *q)
{
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);
	char mark[160];

	if (q->draft.shown)
		return true;
	if (!reply_begin_draft(q))
		return false;
	q->draft.shown = true;
	reply_remark(q, "draft", policy_draft_name(q->draft.form), "question", q->question);
	snprintf(mark, sizeof mark,
		 "Draft from this device. A better answer follows if %s may be used.\n\n",
		 d->name);
	return put_text(q, span_of(mark));
}

/* False: the reply cannot be written any more. */
static bool show(struct request *q, const struct chat_event *ev)
{
	struct draft *d = &q->draft;

	if (d->withheld)
		return true;
	switch (ev->kind) {
	case CHAT_EV_START:
		break;
	case CHAT_EV_TEXT:
		if (!show_begin(q) || !put_text(q, ev->text))
			return false;
		break;
	case CHAT_EV_REASONING:
		if (!show_begin(q) || !reply_write(q, ev))
			return false;
		break;
	default:
		d->withheld = true;
		return true;
	}
	d->events_shown++;
	return true;
}

static bool show_event(void *ctx, const struct chat_event *ev)
{
	return show(ctx, ev);
}

static bool replay(struct request *q, chat_sink *sink, void *ctx)
{
	struct chat_event_reader r;

	chat_event_reader_init(&r, REQUEST_REPLY_BYTES);
	bool ok = chat_event_read(&r, buf_span(&q->draft.log), sink, ctx) == ERR_OK;
	chat_event_reader_free(&r);
	return ok;
}

/* ---------------------------------------------------------------- events */

bool draft_keeps(const struct request *q)
{
	return q->pipe == NULL && q->draft.state >= DRAFT_RUNNING;
}

bool draft_take(struct request *q, const struct chat_event *ev)
{
	struct draft *d = &q->draft;

	chat_event_encode(ev, &d->log);
	if (d->log.failed) {
		problem_set(&q->problem, 502, "too_large", "The answer is too long.");
		q->failed = true;
		return false;
	}
	return !shows(q) || show(q, ev);
}

void draft_open(struct request *q)
{
	struct draft *d = &q->draft;
	enum policy_draft form = form_of(q);

	if (d->state != DRAFT_NONE) { /* an answer that was watched, or one that stayed */
		if (d->shown)
			return;
		d->form = form > POLICY_DRAFT_HOLD ? form : POLICY_DRAFT_HOLD;
		if (shows(q) && (!replay(q, show_event, q) || q->failed))
			d->withheld = true;
		reply_flush(q);
		return;
	}
	if (d->shown) { /* and lost: another one is not shown, it would be two */
		d->another = d->withheld = true;
		d->events_shown = 0;
	} else {
		d->form = form;
	}
	if (form == POLICY_DRAFT_WAIT || !q->plan.local_possible || q->answered)
		return;
	d->state = DRAFT_RUNNING;
	if (device_resume(q))
		return;
	d->state = device_want(q) ? DRAFT_WANTED : DRAFT_NONE;
}

void draft_given(struct request *q, const struct event *ev)
{
	if (q->draft.state != DRAFT_WANTED) { /* withdrawn while it was on its way */
		close(ev->fd);
		return;
	}
	q->router->engine_context_tokens = ev->context_tokens;
	q->draft.state = DRAFT_RUNNING;
	if (!device_start(q, ev->fd))
		draft_lose(q, false);
}

void draft_withdraw(struct request *q)
{
	if (q->draft.state != DRAFT_WANTED)
		return;
	device_stop(q, false);
	q->draft.state = DRAFT_NONE;
}

void draft_forget(struct request *q)
{
	struct draft *d = &q->draft;

	if (q->asked && (d->state >= DRAFT_RUNNING || d->shown))
		d->became = DRAFT_LOST;
	d->state = DRAFT_NONE;
	buf_clear(&d->log);
}

void draft_lose(struct request *q, bool broken)
{
	device_stop(q, broken);
	draft_forget(q);
}

void draft_ended(struct request *q)
{
	device_stop(q, false);
	if (q->draft.state != DRAFT_RUNNING)
		return;
	q->draft.state = DRAFT_WHOLE;
	if (q->draft.shown && !q->draft.another) {
		reply_remark(q, "draft", "whole", NULL, NULL);
		reply_flush(q);
	}
}

void draft_yield(struct router *r)
{
	for (struct request *q = r->all; q != NULL; q = q->all_next) {
		if (q->state != REQ_ASKING || q->draft.state != DRAFT_RUNNING ||
		    q->draft.shown || q->cascade.watching)
			continue;
		draft_lose(q, false);
		return;
	}
}

void draft_granted(struct request *q)
{
	struct draft *d = &q->draft;

	if (d->state >= DRAFT_RUNNING || d->shown)
		d->became = DRAFT_REPLACED;
	if (d->state == DRAFT_WHOLE)
		return;
	device_stop(q, false);
	d->state = DRAFT_NONE;
	buf_clear(&d->log);
}

/* ---------------------------------------------------------------- it is the answer */

struct again {
	struct request *q;
	uint32_t next;
};

/* Thoughts are said again as text; what was shown as text is not. */
static bool again_event(void *ctx, const struct chat_event *ev)
{
	struct again *a = ctx;
	const struct draft *d = &a->q->draft;
	bool seen = d->shown && a->next++ < d->events_shown;

	if (seen && (d->form == POLICY_DRAFT_TEXT || ev->kind != CHAT_EV_TEXT))
		return true;
	return reply_sink(a->q, ev);
}

void draft_release(struct request *q)
{
	struct again a = { .q = q };

	q->draft.state = DRAFT_NONE;
	if (q->asked)
		q->draft.became = DRAFT_ANSWER;
	if (!reply_begin_source(q) || (!replay(q, again_event, &a) && !q->failed)) {
		problem_set(&q->problem, 502, "stream_broken",
			    "The answer could not be passed on. It is not complete.");
		q->failed = true;
	}
	buf_clear(&q->draft.log);
	reply_flush(q);
	if (q->full && q->call != NULL)
		http_call_pause(q->call, true);
}
