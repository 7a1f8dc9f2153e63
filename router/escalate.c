/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out: build the body in the destination's dialect from known fields, after masking
 * and stripping; seal it; ask consent; read the reply pipe that comes with a grant.
 *
 * The router cannot send anything. It hands over a sealed memfd and gets, at best, the read
 * end of a pipe with events. Closing that pipe is how it cancels.
 */
#include <ctype.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "router/impl.h"

#define GAP_GRACE_MS 2000 /* cloud keeps the time; this is in case it cannot */
#define BODY_BYTES   ((size_t)16 << 20)

struct reply_pipe {
	uv_pipe_t handle;
	struct request *q; /* NULL once closed */
	struct chat_event_reader reader;
};

/* ---------------------------------------------------------------- asking */

bool escalate_body(struct request *q, struct chat *ret_chat, struct buf *out, bool *ret_masked)
{
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);
	const struct policy_decision *v = &q->verdicts[q->plan.destination];
	const struct upstream_dialect *up = upstream_dialect_find(policy_api_name(d->api));
	char *model = arena_strdup(q->arena, q->plan.model);

	if (up == NULL || model == NULL || !data_mask(q, v, ret_chat, ret_masked))
		return false;
	ret_chat->include_usage = true;
	if (v->max_output_tokens < UINT32_MAX &&
	    (ret_chat->max_tokens == 0 || ret_chat->max_tokens > v->max_output_tokens))
		ret_chat->max_tokens = (uint32_t)v->max_output_tokens;
	if (up == &upstream_anthropic && ret_chat->max_tokens == 0)
		ret_chat->max_tokens = ANTHROPIC_DEFAULT_MAX_TOKENS; /* stated in the price */
	return up->write(ret_chat, model, out) == ERR_OK && !out->failed;
}

uint64_t escalate_id(const struct request *q)
{
	return q->id | (uint64_t)q->step << ESCALATE_STEP_SHIFT;
}

static uint16_t pm(float share)
{
	return (uint16_t)(share * 1000.0f + 0.5f);
}

static bool fill_ask(struct request *q, const struct chat *chat, struct msg_ASK *m)
{
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);

	*m = (struct msg_ASK){
		.request_id = escalate_id(q),
		.identity = (uint8_t)q->who.identity,
		.uid = (uint32_t)q->who.uid,
		.pid = (uint32_t)q->who.pid,
		.tcp_port = q->who.tcp_port,
		.tcp_at = q->who.tcp_at,
		.score_pm = pm(q->facts.judged.score),
		.confidence_pm = pm(q->facts.judged.confidence),
		.threshold_pm = q->threshold_pm,
		.input_tokens = q->facts.input_tokens,
		.max_output_tokens = chat->max_tokens,
		.modality = q->facts.modality,
		.messages = chat->n_messages,
		.attachments = chat->images + chat->audios + chat->files,
		.tools = chat->n_tools > 0,
		.interactive = q->who.interactive,
		.max_tier = (uint8_t)(q->who.restricted ? q->who.max_tier : POLICY_TIER_CLOUD),
		.streaming = q->chat.stream,
		.on_question = q->return_question,
		.local_possible = q->plan.local_possible,
	};
	memcpy(m->decision_id, q->decision_id, sizeof q->decision_id);
	facts_conversation(q, m->conversation);
	data_masked_list(q, &q->verdicts[q->plan.destination], m->masked, sizeof m->masked);
	snprintf(m->task, sizeof m->task, "%s", classify_task_name(q->facts.judged.task));
	snprintf(m->why, sizeof m->why, "%s", q->plan.reasons[0]);
	return span_copy(span_of(d->name), m->destination, sizeof m->destination) &&
	       span_copy(q->plan.model, m->model, sizeof m->model) &&
	       span_copy(q->who.app, m->app, sizeof m->app);
}

bool escalate_original(struct request *q, struct buf *out)
{
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);
	const struct upstream_dialect *up = upstream_dialect_find(policy_api_name(d->api));
	char *model = arena_strdup(q->arena, q->plan.model);

	return model != NULL && up->write(&q->chat, model, out) == ERR_OK && !out->failed;
}

/* The unmasked body, so that the person can compare. -1: none. */
static int seal_original(struct request *q)
{
	struct buf out;
	int fd = -1;

	buf_init(&out, BODY_BYTES);
	if (escalate_original(q, &out))
		fd = file_sealed("original", buf_span(&out));
	buf_free(&out);
	return fd;
}

bool escalate_ask(struct request *q)
{
	struct chat chat;
	struct msg_ASK m;
	bool masked = false, ok = false;
	int fds[2] = { -1, -1 };

	buf_clear(&q->body);
	q->body.max = BODY_BYTES;
	if (!escalate_body(q, &chat, &q->body, &masked) || !fill_ask(q, &chat, &m))
		return false;
	fds[0] = file_sealed("body", buf_span(&q->body));
	if (fds[0] >= 0 && masked)
		fds[1] = seal_original(q);
	m.has_original = fds[1] >= 0;
	if (fds[0] >= 0)
		ok = CHANNEL_SEND(service_channel(q->router->service, ROLE_CONSENT), ASK, &m,
				  fds, m.has_original ? 2 : 1) == ERR_OK;
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	q->asked = q->asked || ok;
	q->held = ok; /* consent has something to be told when the client leaves */
	return ok;
}

/* ---------------------------------------------------------------- what consent said */

void escalate_problem(const struct request *q, const struct msg_ANSWER *a,
		      struct chat_problem *ret)
{
	/* `own`: consent's detail is the sentence itself, where there is one. */
	static const struct {
		uint16_t status;
		bool own;
		const char *code, *text, *next;
	} table[] = {
		[ASK_PENDING] = { 403, false, "consent_required", "This needs your consent",
				  "" },
		[ASK_GRANTED] = { 500, false, "internal_error", "The grant could not be used",
				  "" },
		[ASK_DENIED_POLICY] = { 403, false, "policy_denied",
					"The policy does not permit this", "" },
		[ASK_REFUSED] = { 403, true, "consent_denied", "The person said no", "" },
		[ASK_TIMEOUT] = { 403, true, "consent_timeout",
				  "Nobody answered the question in time", "" },
		[ASK_NO_AGENT] = { 403, true, "consent_required", "Nobody is there to ask",
				   " Run `hither consent watch` and try again." },
		[ASK_WITHDRAWN] = { 403, false, "consent_denied",
				    "The permission was taken back", "" },
		[ASK_DISMISSED] = { 403, true, "consent_required",
				    "The question was put aside for now", "" },
		[ASK_BUDGET] = { 403, true, "budget_exceeded", "The budget does not allow this",
				 "" },
		[ASK_LEDGER] = { 403, true, "ledger_unavailable",
				 "The ledger cannot be written, so nothing leaves",
				 " Run `hither doctor`." },
		[ASK_LIMITED] = { 403, true, "consent_limited",
				  "Too many questions or sends at once", "" },
		[ASK_UNREACHABLE] = { 503, false, "upstream_unavailable",
				      "The destination cannot be reached",
				      " Nothing was sent." },
	};
	size_t i = a->outcome < LEN(table) ? a->outcome : ASK_DENIED_POLICY;
	size_t len = strlen(a->detail);
	const char *stop = len > 0 && a->detail[len - 1] == '.' ? "" : ".";

	(void)q;
	if (table[i].own && len > 0)
		problem_set(ret, table[i].status, table[i].code, "%c%s%s",
			    toupper((unsigned char)a->detail[0]), a->detail + 1, stop);
	else
		problem_set(ret, table[i].status, table[i].code, "%s%s%s%s%s", table[i].text,
			    len > 0 ? ": " : "", a->detail, stop, table[i].next);
}

/* ---------------------------------------------------------------- the reply pipe */

static void on_pipe_closed(uv_handle_t *h)
{
	struct reply_pipe *p = h->data;

	chat_event_reader_free(&p->reader);
	free(p);
}

static void pipe_close(struct request *q)
{
	struct reply_pipe *p = q->pipe;

	q->pipe = NULL;
	if (p == NULL)
		return;
	p->q = NULL;
	uv_close((uv_handle_t *)&p->handle, on_pipe_closed);
}

void escalate_stop(struct request *q)
{
	struct msg_CANCEL m = { .request_id = escalate_id(q) };

	pipe_close(q);
	if (!q->held)
		return;
	q->held = false;
	enum err e = CHANNEL_SEND(service_channel(q->router->service, ROLE_CONSENT), CANCEL, &m,
				  NULL, 0);
	if (e != ERR_OK)
		log_debug("router.cancel", "consent is gone: %s", err_text(e));
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	static char shared[65536]; /* consumed within the read callback */

	(void)h;
	(void)suggested;
	*ret = uv_buf_init(shared, sizeof shared);
}

static void cut(struct request *q, const char *text)
{
	if (!q->failed)
		problem_set(&q->problem, 502, "stream_cut", "%s", text);
	q->failed = true;
}

void escalate_obstacle(const struct request *q, struct chat_problem *ret)
{
	const struct policy_destination *d = policy_destination(q->set, q->plan.destination);
	const struct upstream_dialect *up = upstream_dialect_find(policy_api_name(d->api));
	char *model = arena_strdup(q->arena, q->plan.model);
	const char *field =
		up != NULL && model != NULL ? upstream_unsaid(up, &q->chat, model) : NULL;

	problem_set(ret, 503, "consent_unavailable",
		    "Nobody can be asked right now, so nothing leaves. Try again in a moment.");
	if (field == NULL)
		return;
	problem_set(ret, 400, "unsupported_parameter",
		    "'%s' has something that the API of %.63s cannot be told: leave it out, or "
		    "ask for another destination.",
		    field, d->name);
	snprintf(ret->param, sizeof ret->param, "%s", field);
}

static uint32_t gap_ms(const struct request *q)
{
	uint32_t own_ms = policy_destination(q->set, q->plan.destination)->timeouts.gap_ms;

	return own_ms != 0 ? own_ms : q->router->service->config->cloud.gap_timeout_ms;
}

static void on_pipe(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct reply_pipe *p = stream->data;
	struct request *q = p->q;

	if (q == NULL || n == 0)
		return;
	if (n > 0) {
		if (chat_event_read(&p->reader, (struct span){ b->base, (size_t)n }, reply_sink,
				    q) != ERR_OK)
			cut(q, "The reply could not be read. It is not complete.");
		q->deadline_ms = uv_now(stream->loop) + gap_ms(q) + GAP_GRACE_MS;
	} else if (!q->over) {
		cut(q, "The answer broke off before its end was stated. It is not complete.");
	}
	reply_flush(q);
	if (q->failed || q->over)
		request_event(q, &(struct event){ .kind = q->failed ? EV_FAILED : EV_ENDED,
						  .fd = -1,
						  .problem = &q->problem });
	else if (q->full)
		uv_read_stop(stream);
}

void escalate_resume(struct request *q)
{
	if (q->pipe != NULL)
		uv_read_start((uv_stream_t *)&q->pipe->handle, on_alloc, on_pipe);
}

bool escalate_read(struct request *q, int fd)
{
	struct reply_pipe *p = calloc(1, sizeof *p);

	if (p == NULL || !reply_begin_source(q)) {
		free(p);
		close(fd);
		return false;
	}
	chat_event_reader_init(&p->reader, REQUEST_EVENT_BYTES);
	p->q = q;
	p->handle.data = p;
	uv_pipe_init(q->router->service->loop, &p->handle, 0);
	q->pipe = p;
	if (uv_pipe_open(&p->handle, fd) != 0) {
		close(fd);
		pipe_close(q);
		return false;
	}
	return uv_read_start((uv_stream_t *)&p->handle, on_alloc, on_pipe) == 0;
}
