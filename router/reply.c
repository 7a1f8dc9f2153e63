/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client gets: events through its dialect's writer, and whole replies. Errors:
 * reply_error.c.
 *
 * The sink collects what one read of the source gave; reply_flush() then hands it on in one
 * piece. Nothing goes to the client before there is content, so until then a failed source
 * can be replaced or the error can have its own status.
 *
 * Invariants
 *   1. `answered` is set when the first byte of an answer goes to the client, and never again
 *      cleared: from then on the route is final.
 *   2. A stream ends in exactly one of http_end (terminal marker written) and http_abort
 *      (error event written, reply_error()).
 *   3. Header values come from fixed words, ids and numbers; the destination's name is checked
 *      by the policy. Nothing of an upstream's reply reaches a header.
 */
#include "common/clock.h"
#include "common/json.h"
#include "router/impl.h"

#define SPARE_BYTES ((size_t)64 << 10)

/* A remark is a comment of an event stream, with an object of JSON in it. */
#define REMARK_OPENS ": hither {"
#define REMARK_ENDS  "}\n\n"

/* ---------------------------------------------------------------- heads */

void reply_add_field(struct reply_fields *f, const char *name, const char *value)
{
	f->list[f->n++] = (struct http_field){ name, value };
}

const struct policy_destination *reply_destination(const struct request *q)
{
	return q->set != NULL ? policy_destination(q->set, q->plan.destination) : NULL;
}

static char digit(unsigned n)
{
	return (char)('0' + n % 10);
}

void reply_put_fields(const struct request *q, bool settled, struct reply_fields *f)
{
	const struct policy_destination *d = reply_destination(q);

	f->n = 0;
	reply_add_field(f, "x-request-id", q->decision_id);
	if (q->dialect->id_field != NULL)
		reply_add_field(f, q->dialect->id_field, q->decision_id);
	if (q->decided) {
		reply_add_field(f, "x-hither-decision", q->decision_id);
		unsigned pm = (unsigned)(q->facts.judged.score * 1000 + 0.5f) % 10000;
		const char score[] = { digit(pm / 1000), '.',       digit(pm / 100),
				       digit(pm / 10),   digit(pm), '\0' };

		memcpy(f->score, score, sizeof score);
		reply_add_field(f, "x-hither-score", f->score);
	}
	if (settled && q->decided && q->plan.kind != PLAN_REFUSE) {
		reply_add_field(f, "x-hither-tier", policy_tier_name(d->tier));
		reply_add_field(f, "x-hither-destination", d->name);
	}
	if (q->receipt[0] != '\0' && (settled || q->draft.shown))
		reply_add_field(f, "x-hither-receipt", q->receipt);
	if (q->draft.shown)
		reply_add_field(f, "x-hither-draft", policy_draft_name(q->draft.form));
	if (q->cascade.offer[0] != '\0')
		reply_add_field(f, "x-hither-offer", q->cascade.offer);
}

static void begin(struct request *q, bool settled)
{
	struct reply_fields f;

	reply_put_fields(q, settled, &f);
	reply_add_field(&f, "Cache-Control", "no-store");
	http_begin(q->x, 200, q->dialect->stream_type, f.list, f.n);
}

/* ---------------------------------------------------------------- the answer */

static bool begin_writer(struct request *q)
{
	q->head = (struct reply_head){ .id = q->chat_id,
				       .created_s = clock_wall_coarse_ms() / 1000,
				       .model = q->model_shown,
				       .stream = q->chat.stream,
				       .include_usage = q->chat.include_usage,
				       .chat = &q->chat };
	buf_clear(&q->out);
	q->writer = q->dialect->writer_new(q->arena, &q->head);
	return q->writer != NULL;
}

/* The answer of another place has its placeholders put back. */
static bool begin_restore(struct request *q)
{
	const struct policy_destination *d = reply_destination(q);

	q->restore = NULL;
	if (q->masks == NULL || q->plan.destination == DECIDE_LOCAL)
		return true;
	const struct upstream_dialect *up = upstream_dialect_find(policy_api_name(d->api));

	q->restore = restore_new(q->arena, q->masks, up != NULL && up->signs_reasoning);
	return q->restore != NULL;
}

bool reply_begin_source(struct request *q)
{
	const struct policy_destination *d = reply_destination(q);

	q->over = q->failed = q->called = false;
	q->finish = CHAT_FINISH_NONE;
	q->usage = (struct chat_event){ .input_tokens = -1,
					.output_tokens = -1,
					.cached_tokens = -1,
					.reasoning_tokens = -1 };
	if (q->answer > 0) /* of several, each a source of its own, to one writer */
		return true;
	q->input_tokens = q->output_tokens = -1;
	if (q->draft.shown)
		return begin_restore(q);
	if (q->plan.destination == DECIDE_LOCAL)
		memcpy(q->model_shown, "local", sizeof "local");
	else
		snprintf(q->model_shown, sizeof q->model_shown, "%s/%.*s", d->name,
			 (int)q->plan.model.len, q->plan.model.ptr);
	return begin_restore(q) && begin_writer(q);
}

/* Whose answer it will be is not known yet: the model is what the client asked for. */
bool reply_begin_draft(struct request *q)
{
	struct chat_event start = { .kind = CHAT_EV_START };

	if (!span_copy(q->chat.model, q->model_shown, sizeof q->model_shown))
		snprintf(q->model_shown, sizeof q->model_shown, "auto");
	return begin_writer(q) && q->dialect->writer_event(q->writer, &start, &q->out);
}

/* Cloud's words for an exchange that ended before a byte of the request was on its way. */
static bool unsent(const char *code)
{
	static const char *const codes[] = { "send_refused", "upstream_address", "upstream_tls",
					     "upstream_unreachable" };

	for (size_t i = 0; i < LEN(codes); i++) {
		if (strcmp(code, codes[i]) == 0)
			return true;
	}
	return false;
}

/* A program that must have a call cannot do anything with words. */
static bool lacks_call(const struct request *q)
{
	enum chat_tool_choice choice = q->chat.tool_choice;

	return q->pipe == NULL && q->chat.n_tools > 0 && !q->called &&
	       (choice == CHAT_TOOLS_REQUIRED || choice == CHAT_TOOLS_NAMED);
}

static void note(struct request *q, const struct chat_event *ev)
{
	q->called = q->called || ev->kind == CHAT_EV_TOOL;
	if (ev->kind == CHAT_EV_FINISH && ev->finish == CHAT_FINISH_STOP && lacks_call(q)) {
		problem_set(
			&q->problem, 400, "unsupported_value",
			"The model on this device did not call a tool, and it cannot be made "
			"to. Leave tool_choice open, or use another model.");
		memcpy(q->problem.param, "tool_choice", sizeof "tool_choice");
		q->failed = true;
		return;
	}
	if (ev->kind == CHAT_EV_FINISH)
		q->finish = ev->finish;
	if (ev->kind == CHAT_EV_END)
		q->head.total_ns =
			(int64_t)(uv_now(q->router->service->loop) - q->started_ms) * 1000000;
	if (ev->kind == CHAT_EV_USAGE) {
		q->input_tokens = ev->input_tokens;
		q->output_tokens = ev->output_tokens;
	}
	if (ev->kind == CHAT_EV_ERROR) {
		problem_set(&q->problem, ev->status > 0 ? ev->status : 502, "upstream_error",
			    "%.*s", (int)(ev->text.len < 250 ? ev->text.len : 250),
			    ev->text.ptr);
		if (ev->name.len > 0 &&
		    !span_copy(ev->name, q->problem.code, sizeof q->problem.code))
			snprintf(q->problem.code, sizeof q->problem.code, "upstream_error");
		if (q->pipe == NULL)
			device_problem(q);
		else if (unsent(q->problem.code))
			q->receipt[0] = '\0';
		q->failed = true;
	}
}

void reply_remark(struct request *q, const char *key, const char *value, const char *key2,
		  const char *value2)
{
	if (!q->chat.stream || q->dialect->keepalive == NULL)
		return;
	buf_add_str(&q->out, REMARK_OPENS);
	json_put_key_cstr(&q->out, key, value);
	if (key2 != NULL)
		json_put_key_cstr(&q->out, key2, value2);
	buf_add_str(&q->out, REMARK_ENDS);
}

static void broken(struct request *q)
{
	problem_set(&q->problem, 502, "stream_broken",
		    "The answer could not be passed on. It is not complete.");
	q->failed = true;
}

/*
 * What was written goes to the client at the end of the same turn, so one buffer serves all:
 * the one that is still in the processor's cache.
 */
static void borrow_out(struct request *q)
{
	struct buf *spare = &q->router->spare_out;

	if (q->out.ptr != NULL || spare->ptr == NULL)
		return;
	q->out.ptr = spare->ptr;
	q->out.cap = spare->cap;
	*spare = (struct buf){ .max = spare->max };
}

static void return_out(struct request *q)
{
	struct buf *spare = &q->router->spare_out;

	buf_clear(&q->out);
	if (q->out.ptr == NULL || q->out.cap > SPARE_BYTES)
		return;
	buf_free(spare);
	*spare = q->out;
	q->out = (struct buf){ .max = q->out.max };
}

static bool write_event(struct request *q, const struct chat_event *ev)
{
	borrow_out(q);
	if (q->dialect->writer_event(q->writer, ev, &q->out) && !q->out.failed)
		return true;
	broken(q);
	if (q->chat.logprobs && ev->kind == CHAT_EV_TEXT && ev->name.len == 0) {
		problem_set(&q->problem, 400, "unsupported_parameter",
			    "The engine on this device gives no token probabilities: leave "
			    "logprobs out.");
		memcpy(q->problem.param, "logprobs", sizeof "logprobs");
	}
	return false;
}

/*
 * What follows a draft that was shown: said in a remark, and in the text when the draft stands
 * there and cannot go on.
 */
static bool settle(struct request *q)
{
	const struct policy_destination *d = reply_destination(q);
	struct chat_event part = { .kind = CHAT_EV_BREAK };
	struct chat_event divider = { .kind = CHAT_EV_TEXT };
	char text[200];

	q->draft.settled = true;
	reply_remark(q, "answer", policy_tier_name(d->tier), "destination", d->name);
	if (q->draft.form != POLICY_DRAFT_TEXT ||
	    (q->draft.became == DRAFT_ANSWER && !q->draft.another))
		return true;
	if (q->pipe != NULL)
		snprintf(text, sizeof text, "\n\n---\n\nBetter answer from %s (%.*s):\n\n",
			 d->name, q->plan.model.len < 100 ? (int)q->plan.model.len : 100,
			 q->plan.model.ptr);
	else
		snprintf(text, sizeof text,
			 "\n\n---\n\nAnswer from this device, from its beginning:\n\n");
	divider.text = span_of(text);
	return write_event(q, &part) && write_event(q, &divider);
}

bool reply_write(struct request *q, const struct chat_event *ev)
{
	bool follows = q->draft.shown && !draft_keeps(q);

	if (follows && ev->kind == CHAT_EV_START)
		return true; /* of the same reply */
	if (follows && !q->draft.settled && ev->kind != CHAT_EV_USAGE && !settle(q))
		return false;
	return write_event(q, ev);
}

static bool sink_restored(void *ctx, const struct chat_event *ev)
{
	return reply_write(ctx, ev);
}

/* Placeholders back to what they stood for. */
static bool write_restored(struct request *q, const struct chat_event *ev)
{
	bool full = false;

	if (restore_event(q->restore, ev, &q->restored, sink_restored, q, &full))
		return true;
	if (full)
		broken(q);
	return false;
}

static int64_t sum(int64_t a, int64_t b)
{
	return a >= 0 && b >= 0 ? a + b : -1;
}

/* The prompt is the same and counts once; what was made of it counts each time. */
static void add_up(const struct request *q, struct chat_event *usage)
{
	if (q->answer == 0)
		return;
	usage->input_tokens = q->done.input_tokens;
	usage->cached_tokens = q->done.cached_tokens;
	usage->output_tokens = sum(q->done.output_tokens, usage->output_tokens);
	usage->reasoning_tokens = sum(q->done.reasoning_tokens, usage->reasoning_tokens);
}

/* One of several answers: its usage on top of the others', its end the next one's beginning. */
static struct chat_event one_of_several(struct request *q, const struct chat_event *ev)
{
	struct chat_event out = *ev;

	if (ev->kind == CHAT_EV_USAGE) {
		add_up(q, &out);
		q->usage = out;
	} else if (ev->kind == CHAT_EV_END && q->answer + 1 < q->chat.n_answers) {
		out.kind = CHAT_EV_NEXT;
	}
	return out;
}

bool reply_sink(void *ctx, const struct chat_event *ev)
{
	struct request *q = ctx;
	struct chat_event several;

	if (q->chat.n_answers > 1) {
		several = one_of_several(q, ev);
		ev = &several;
	}
	note(q, ev);
	if (q->failed || q->over)
		return false;
	if (q->pipe == NULL)
		cascade_see(q, ev);
	if (draft_keeps(q))
		return draft_take(q, ev);
	bool ok = q->restore != NULL ? write_restored(q, ev) : reply_write(q, ev);
	q->over = ok && ev->kind == CHAT_EV_END;
	if (ok && ev->kind == CHAT_EV_NEXT) {
		q->done = q->usage;
		q->answer++;
	}
	return ok;
}

void reply_whole(struct request *q, struct span body)
{
	struct reply_fields f;

	reply_put_fields(q, true, &f);
	q->answered = true;
	facts_answered(q); /* before the client can send its next turn, to whichever router */
	http_reply(q->x, 200, "application/json", f.list, f.n, body);
}

/* The head went out with the first comment, before it was known where the answer comes from. */
static void say_where(struct request *q)
{
	const struct policy_destination *d = reply_destination(q);
	struct buf b;

	buf_init(&b, 256);
	buf_add_str(&b, REMARK_OPENS);
	json_put_key_cstr(&b, "answer", policy_tier_name(d->tier));
	json_put_key_cstr(&b, "destination", d->name);
	if (q->receipt[0] != '\0')
		json_put_key_cstr(&b, "receipt", q->receipt);
	buf_add_str(&b, REMARK_ENDS);
	if (!b.failed)
		http_write(q->x, buf_span(&b));
	buf_free(&b);
}

void reply_flush(struct request *q)
{
	if (q->out.len == 0 || q->failed)
		return;
	if (q->chat.stream) {
		if (!http_begun(q->x))
			begin(q, !q->draft.shown);
		else if (!q->answered && !q->draft.shown && q->dialect->keepalive != NULL)
			say_where(q);
		q->answered = q->answered || !draft_keeps(q);
		if (q->over)
			facts_answered(q);
		q->full = !http_write(q->x, buf_span(&q->out));
		return_out(q);
	} else if (q->over) {
		reply_whole(q, buf_span(&q->out));
		return_out(q);
	}
}

/* A comment, so that nobody along the way takes the silence for a hang. */
void reply_keepalive(struct request *q)
{
	if (!q->chat.stream || q->answered || q->dialect->keepalive == NULL)
		return;
	if (!http_begun(q->x))
		begin(q, false);
	if (q->state != REQ_LOCAL_WAIT || q->place <= 1) {
		http_write(q->x, span_of(q->dialect->keepalive));
		return;
	}
	/* All of them are comments of an event stream: a line that starts with a colon. */
	char text[64];
	int n = snprintf(text, sizeof text, ": waiting, number %" PRIu32 " in the queue\n\n",
			 q->place);
	http_write(q->x, (struct span){ text, (size_t)n });
}
