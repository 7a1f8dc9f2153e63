/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one call.
 *
 *   SENDING --status--> REPLYING --transfer over--> DRAINING --all written--> OVER
 *    | ^  |                |                           |
 *    v |  '--- failed, stopped, silent ----------------'     any --reader gone--> OVER
 *   RESTING
 *
 *   SENDING  -> REPLYING  the destination answered                    [on_status]
 *   SENDING  -> RESTING   it came to nothing and may be tried again   [on_end]
 *   RESTING  -> SENDING   consent has the next attempt on record      [call_again]
 *   any      -> DRAINING  transfer over, well or not                  [on_end]
 *                         withdrawn, silent, or too late              [call_stop, on_timer]
 *   DRAINING -> OVER      every event is in the pipe                  [flush]
 *   any      -> OVER      the router closed its end: no one listens   [reader_gone]
 *
 * Invariants
 *   1. Only call_event() assigns c->state.
 *   2. The account (SENT) goes out once, when the exchange ends, before any draining.
 *   3. The last event in the pipe is END or ERROR, unless the reader left or memory is out.
 *   4. While more than OUT_HIGH_BYTES wait for the pipe nothing is taken from libcurl, so
 *      memory is bounded by that, one read of libcurl and one event.
 *   5. An attempt is followed by another only before any event was written, when nobody
 *      acted upon its bytes (again.h), and after consent said so.
 *   6. A fetch is cancelled from the loop only, never from inside one of its handlers.
 */
#include "cloud/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cloud/again.h"
#include "cloud/ends.h"
#include "cloud/reply_pipe.h"
#include "common/file.h"
#include "common/log.h"

#define OUT_HIGH_BYTES ((size_t)64 * 1024)
#define ARENA_BYTES    ((size_t)512 * 1024)
#define SLACK_BYTES    ((size_t)1024 * 1024) /* events around the largest texts */

#define CALL_STATES(X)                                                                         \
	X(SENDING)  /* connecting, writing, waiting for the status */                          \
	X(RESTING)  /* between two attempts */                                                 \
	X(REPLYING) /* reading the reply */                                                    \
	X(DRAINING) /* the exchange is over, events wait for the pipe */                       \
	X(OVER)     /* handles are closing */

enum call_state {
#define X(name) CALL_##name,
	CALL_STATES(X)
#undef X
};

static const char *const state_names[] = {
#define X(name) #name,
	CALL_STATES(X)
#undef X
};

enum call_event_kind {
	EV_STATUS,
	EV_CAME_TO_NOTHING,
	EV_GO,
	EV_EXCHANGE_OVER,
	EV_DRAINED,
	EV_READER_GONE
};

struct call {
	enum call_state state;
	uv_loop_t *loop;
	struct call_plan plan;
	const struct call_handler *handler;
	void *ctx;
	struct arena *arena;
	struct fetcher *fetcher;
	struct fetch *fetch; /* NULL when over */
	struct upstream_reader *reader;
	struct reply_pipe pipe;
	uv_timer_t timer;
	unsigned open_handles;
	uint64_t began_ms, last_ms;
	bool paused, errored, ended, written_any;
	int status;
	struct chat_event usage;
	uint32_t attempts; /* begun */
	int64_t wait_ms;   /* before the next; AGAIN_NO: there is none */
	uint64_t again_at_ms;
	bool asked_again;
	struct msg_AGAIN again;
	struct fetch_count earlier; /* of attempts that came to nothing */
};

static void call_event(struct call *c, enum call_event_kind kind);

/* --- handles ------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct call *c = handle->data;

	if (--c->open_handles > 0)
		return;
	c->handler->on_over(c->ctx, c);
	if (c->reader != NULL)
		c->plan.dialect->reader_free(c->reader);
	reply_pipe_free(&c->pipe);
	arena_free(c->arena);
	free(c);
}

static void close_all(struct call *c)
{
	fetch_cancel(c->fetch);
	c->fetch = NULL;
	file_unmap(c->plan.body);
	c->plan.body = (struct span){ NULL, 0 };
	reply_pipe_close(&c->pipe, on_closed, c);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

/* --- the account --------------------------------------------------------------------- */

static struct fetch_count count_of(const struct call *c)
{
	return c->fetch != NULL ? fetch_count(c->fetch) : (struct fetch_count){ 0, 0 };
}

/* Did the destination work? Refusals of what was asked say that it does. */
static enum lane_news news_of(const struct call *c, enum send_outcome outcome)
{
	if (outcome == SEND_COMPLETE)
		return LANE_WORKED;
	if (outcome != SEND_FAILED && outcome != SEND_CUT)
		return LANE_UNKNOWN;
	return c->status >= 300 && c->status <= 499 && c->status != 408 && c->status != 429
		       ? LANE_WORKED
		       : LANE_FAILED;
}

static void account(struct call *c, enum send_outcome outcome, const char *detail)
{
	struct fetch_count count = count_of(c);
	struct msg_SENT m = {
		.request_id = c->plan.send.request_id,
		.ledger_seq = c->plan.send.ledger_seq,
		.outcome = (uint8_t)outcome,
		.http_status = (uint16_t)(c->status > 0 && c->status <= 999 ? c->status : 0),
		.bytes_out = c->earlier.bytes_out + count.bytes_out,
		.bytes_in = c->earlier.bytes_in + count.bytes_in,
		.input_tokens = c->usage.input_tokens,
		.output_tokens = c->usage.output_tokens,
		.cached_tokens = c->usage.cached_tokens,
	};

	snprintf(m.detail, sizeof m.detail, "%s", detail);
	log_info("cloud.sent",
		 "id=%" PRIu64 " ledger=%" PRIu64 " destination=%s outcome=%u status=%d "
		 "bytes_out=%" PRIu64 " bytes_in=%" PRIu64,
		 m.request_id, m.ledger_seq, c->plan.send.destination, outcome, c->status,
		 m.bytes_out, m.bytes_in);
	if (c->state != CALL_RESTING)
		c->handler->on_attempt(c->ctx, c, news_of(c, outcome));
	c->handler->on_sent(c->ctx, &m);
}

/* --- the pipe ------------------------------------------------------------------------ */

static bool sink(void *ctx, const struct chat_event *ev)
{
	struct call *c = ctx;

	if (ev->kind == CHAT_EV_USAGE)
		c->usage = *ev;
	c->errored = c->errored || ev->kind == CHAT_EV_ERROR;
	c->ended = c->ended || ev->kind == CHAT_EV_END;
	reply_pipe_add(&c->pipe, ev);
	return true;
}

static void say_error(struct call *c, int status, const char *code, const char *text)
{
	if (c->errored || c->ended)
		return;
	sink(c, &(struct chat_event){ .kind = CHAT_EV_ERROR,
				      .status = status,
				      .name = span_of(code),
				      .text = span_of(text) });
}

static void resume_if_paused(struct call *c)
{
	if (!c->paused || reply_pipe_waiting_bytes(&c->pipe) > OUT_HIGH_BYTES / 2)
		return;
	c->paused = false;
	c->last_ms = uv_now(c->loop);
	fetch_resume(c->fetch);
}

static void on_pipe(void *ctx)
{
	struct call *c = ctx;

	if (c->pipe.reader_gone)
		call_event(c, EV_READER_GONE);
	else if (c->state == CALL_DRAINING && reply_pipe_waiting_bytes(&c->pipe) == 0)
		call_event(c, EV_DRAINED);
	else if (c->state == CALL_REPLYING)
		resume_if_paused(c);
}

/* --- the exchange -------------------------------------------------------------------- */

static void end_whole(struct call *c)
{
	enum err e = c->plan.dialect->reader_end(c->reader, sink, c);

	if (e == ERR_OK)
		account(c, SEND_COMPLETE, "");
	else if (e == ERR_TRUNCATED)
		account(c, SEND_CUT, "the reply broke off before its end was stated");
	else if (e == ERR_DENIED)
		account(c, SEND_FAILED, "the destination reported an error");
	else
		account(c, SEND_FAILED, "the reply was not usable");
}

/* The exchange is over; `end` says how. */
static void conclude(struct call *c, enum fetch_end end)
{
	const struct ending *how = ending_of(end);
	enum send_outcome outcome = how->outcome;

	if (c->pipe.reader_gone) {
		account(c, SEND_CANCELLED, "nobody reads the reply any more");
		return;
	}
	if (end == FETCH_WHOLE) {
		end_whole(c);
		return;
	}
	if (c->state == CALL_REPLYING && c->status >= 200 && c->status <= 299 &&
	    end != FETCH_STOPPED && end != FETCH_TOO_BIG && end != FETCH_ENCODED)
		outcome = SEND_CUT;
	say_error(c, how->status, outcome == SEND_CUT ? "stream_cut" : how->code, how->text);
	account(c, outcome, how->text);
}

static void on_written(void *ctx)
{
	struct call *c = ctx;

	c->last_ms = uv_now(c->loop);
	c->written_any = true;
}

static uint64_t left_ms(const struct call *c)
{
	uint64_t spent_ms = uv_now(c->loop) - c->began_ms;

	return spent_ms < c->plan.send.deadline_ms ? c->plan.send.deadline_ms - spent_ms : 0;
}

static int64_t next_wait_ms(const struct call *c, enum fetch_end end, int64_t retry_after_ms)
{
	struct again_facts f = {
		.end = end,
		.status = c->status,
		.retry_after_ms = retry_after_ms,
		.bytes_out = count_of(c).bytes_out,
		.attempts = c->attempts,
		.retries = c->plan.retries,
		.wait_max_ms = c->plan.retry_wait_ms,
		.left_ms = left_ms(c),
	};

	return again_wait_ms(&f);
}

static void on_status(void *ctx, int status, int64_t retry_after_ms)
{
	struct call *c = ctx;

	c->status = status;
	c->last_ms = uv_now(c->loop);
	c->wait_ms = next_wait_ms(c, FETCH_WHOLE, retry_after_ms);
	if (c->wait_ms >= 0)
		return; /* what else it says is not looked at */
	if (c->plan.dialect->reader_status(c->reader, status, sink, c) == ERR_OK)
		call_event(c, EV_STATUS);
}

static enum fetch_flow on_bytes(void *ctx, struct span bytes)
{
	struct call *c = ctx;

	if (c->pipe.reader_gone || c->wait_ms >= 0)
		return FETCH_STOP;
	if (reply_pipe_waiting_bytes(&c->pipe) > OUT_HIGH_BYTES) {
		c->paused = true;
		return FETCH_WAIT;
	}
	c->last_ms = uv_now(c->loop);
	enum err e = c->plan.dialect->reader_bytes(c->reader, bytes, sink, c);
	reply_pipe_flush(&c->pipe);
	if (e != ERR_OK || c->pipe.reader_gone || c->pipe.lost)
		return FETCH_STOP;
	return FETCH_TAKEN;
}

static void came_to_nothing(struct call *c, enum fetch_end end)
{
	struct fetch_count count = count_of(c);

	c->again = (struct msg_AGAIN){
		.request_id = c->plan.send.request_id,
		.ledger_seq = c->plan.send.ledger_seq,
		.attempt = c->attempts,
		.http_status = (uint16_t)c->status,
		.bytes_out = count.bytes_out,
		.bytes_in = count.bytes_in,
	};
	snprintf(c->again.detail, sizeof c->again.detail, "%s",
		 c->status != 0 ? "the destination asked to be tried again later"
				: ending_of(end)->text);
	c->earlier.bytes_out += count.bytes_out;
	c->earlier.bytes_in += count.bytes_in;
	c->handler->on_attempt(c->ctx, c, LANE_FAILED);
	c->fetch = NULL;
	c->asked_again = false;
	c->again_at_ms = uv_now(c->loop) + (uint64_t)c->wait_ms;
	call_event(c, EV_CAME_TO_NOTHING);
}

/* Called by the fetch, which is gone afterwards. */
static void on_end(void *ctx, enum fetch_end end)
{
	struct call *c = ctx;

	if (c->status == 0)
		c->wait_ms = next_wait_ms(c, end, AGAIN_NO);
	if (c->wait_ms >= 0 && !c->pipe.reader_gone) {
		came_to_nothing(c, end);
		return;
	}
	if (c->pipe.lost)
		end = FETCH_TOO_BIG;
	conclude(c, end);
	c->fetch = NULL;
	call_event(c, EV_EXCHANGE_OVER);
}

static const struct fetch_handler exchange = { on_written, on_status, on_bytes, on_end };

/* --- silence ------------------------------------------------------------------------- */

/* How long this state may go without progress; 0: for ever (libcurl's limits still hold). */
static uint32_t patience_ms(const struct call *c)
{
	if (c->state == CALL_SENDING)
		return c->written_any ? c->plan.first_byte_ms : 0;
	if (c->state == CALL_REPLYING && !c->paused)
		return c->plan.gap_ms;
	return 0;
}

static void give_up(struct call *c, enum send_outcome outcome, int status, const char *code,
		    const char *text)
{
	if (c->state == CALL_SENDING || c->state == CALL_RESTING || c->state == CALL_REPLYING) {
		say_error(c, status, code, text);
		account(c, outcome, text);
		call_event(c, EV_EXCHANGE_OVER);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct call *c = timer->data;
	uint64_t now = uv_now(c->loop);
	uint32_t patience = patience_ms(c);

	if (c->state == CALL_DRAINING && now - c->began_ms >= c->plan.send.deadline_ms) {
		call_event(c, EV_READER_GONE);
		return;
	}
	if (c->state == CALL_RESTING && now >= c->again_at_ms && !c->asked_again) {
		c->asked_again = true;
		c->handler->on_again(c->ctx, &c->again);
	} else if (c->state == CALL_RESTING && now - c->began_ms >= c->plan.send.deadline_ms) {
		give_up(c, SEND_FAILED, 504, "upstream_timeout",
			"no time was left to try again");
	}
	if (patience > 0 && now - c->last_ms >= patience)
		give_up(c, c->state == CALL_REPLYING ? SEND_CUT : SEND_FAILED, 504,
			"upstream_timeout", "the destination fell silent");
}

/* Often enough for the limit that is shortest, seldom enough to cost nothing. */
static uint64_t tick_ms(const struct call *c)
{
	uint32_t shortest =
		c->plan.gap_ms < c->plan.first_byte_ms ? c->plan.gap_ms : c->plan.first_byte_ms;

	return shortest / 8 < 20 ? 20 : shortest / 8 > 1000 ? 1000 : shortest / 8;
}

/* --- the transition function --------------------------------------------------------- */

static enum call_state next_state(struct call *c, enum call_event_kind kind)
{
	switch (kind) {
	case EV_STATUS:
		return c->state == CALL_SENDING ? CALL_REPLYING : c->state;
	case EV_CAME_TO_NOTHING:
		return CALL_RESTING;
	case EV_GO:
		return CALL_SENDING;
	case EV_EXCHANGE_OVER:
		reply_pipe_flush(&c->pipe);
		return c->pipe.reader_gone || reply_pipe_waiting_bytes(&c->pipe) == 0
			       ? CALL_OVER
			       : CALL_DRAINING;
	case EV_READER_GONE:
		if (c->state == CALL_SENDING || c->state == CALL_RESTING ||
		    c->state == CALL_REPLYING)
			account(c, SEND_CANCELLED, "nobody reads the reply any more");
		return CALL_OVER;
	default:
		return CALL_OVER;
	}
}

static void call_event(struct call *c, enum call_event_kind kind)
{
	if (c->state == CALL_OVER)
		return;
	enum call_state next = next_state(c, kind);
	if (next == c->state)
		return;
	log_debug("cloud.call", "id=%" PRIu64 " from=%s to=%s", c->plan.send.request_id,
		  state_names[c->state], state_names[next]);
	c->state = next;
	if (next == CALL_RESTING)
		uv_timer_start(&c->timer, on_timer, (uint64_t)c->wait_ms, tick_ms(c));
	if (next == CALL_DRAINING) {
		fetch_cancel(c->fetch);
		c->fetch = NULL;
	} else if (next == CALL_OVER) {
		close_all(c);
	}
}

/* --- the interface ------------------------------------------------------------------- */

const struct msg_SEND *call_send(const struct call *c)
{
	return &c->plan.send;
}

void call_again(struct call *c, const struct fetch_plan *plan, const char *why)
{
	if (c->state != CALL_RESTING)
		return;
	if (plan != NULL) {
		c->plan.fetch = *plan;
		c->plan.fetch.body = c->plan.body;
		if (left_ms(c) < c->plan.fetch.total_timeout_ms)
			c->plan.fetch.total_timeout_ms = (uint32_t)left_ms(c) + 1;
		c->fetch = fetch_start(c->fetcher, &c->plan.fetch, &exchange, c);
		why = "the exchange could not be set up";
	}
	if (c->fetch == NULL) {
		give_up(c, SEND_FAILED, 503, "send_refused", why);
		return;
	}
	c->attempts++;
	c->status = 0;
	c->written_any = false;
	c->wait_ms = AGAIN_NO;
	c->last_ms = uv_now(c->loop);
	call_event(c, EV_GO);
}

void call_stop(struct call *c, enum call_stop why)
{
	if (why == CALL_WITHDRAWN)
		give_up(c, SEND_ABORTED, 403, "withdrawn", "the permission was withdrawn");
	else if (why == CALL_CONSENT_GONE)
		give_up(c, SEND_ABORTED, 502, "consent_gone",
			"The answer broke off: the part of the daemon that keeps the "
			"permission "
			"ended. It is not complete.");
	else
		give_up(c, SEND_ABORTED, 503, "stopping", "the daemon is stopping");
}

static void free_unstarted(struct call *c)
{
	fetch_cancel(c->fetch);
	if (c->reader != NULL)
		c->plan.dialect->reader_free(c->reader);
	arena_free(c->arena);
	free(c);
}

struct call *call_start(uv_loop_t *loop, struct fetcher *f, const struct call_plan *plan,
			const struct call_handler *handler, void *ctx)
{
	struct call *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->plan = *plan;
	c->handler = handler;
	c->ctx = ctx;
	c->usage = (struct chat_event){ .input_tokens = -1,
					.output_tokens = -1,
					.cached_tokens = -1 };
	c->began_ms = c->last_ms = uv_now(loop);
	c->fetcher = f;
	c->attempts = 1;
	c->wait_ms = AGAIN_NO;
	c->arena = arena_new("call", ARENA_BYTES);
	if (c->arena != NULL)
		c->reader = plan->dialect->reader_new(c->arena, plan->send.streaming != 0,
						      plan->limits->event_bytes);
	if (c->reader != NULL &&
	    reply_pipe_init(&c->pipe, plan->pipe, plan->limits->event_bytes + SLACK_BYTES))
		c->fetch = fetch_start(f, &plan->fetch, &exchange, c);
	if (c->fetch == NULL || !reply_pipe_open(&c->pipe, loop, on_pipe, c)) {
		free_unstarted(c);
		return NULL;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->open_handles = 2;
	uv_timer_start(&c->timer, on_timer, tick_ms(c), tick_ms(c));
	return c;
}
