/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors in the words of the client's dialect, and consent's question where a program puts it.
 *
 * Every error says whether a library may repeat the request by itself: 503 has Retry-After, all
 * else x-should-retry: false. What was sent and failed is 424, because libraries repeat 408,
 * 409, 425, 429 and 5xx whatever a field says, and it may have cost money; so is what took all
 * of a request's time on the device, which would take it again.
 */
#include <stdarg.h>

#include "common/json.h"
#include "router/impl.h"

void problem_set(struct chat_problem *p, int status, const char *code, const char *format, ...)
{
	va_list args;

	memset(p, 0, sizeof *p);
	p->status = status;
	snprintf(p->code, sizeof p->code, "%s", code);
	va_start(args, format);
	vsnprintf(p->message, sizeof p->message, format, args);
	va_end(args);
}

/* ---------------------------------------------------------------- errors */

static void put_context(const struct request *q, struct buf *b)
{
	json_put_key_cstr(b, "decision_id", q->decided ? q->decision_id : NULL);
	json_put_key(b, "rules");
	buf_add_char(b, '[');
	const struct policy_decision *v =
		q->verdicts != NULL ? &q->verdicts[q->plan.destination] : NULL;
	for (size_t i = 0; v != NULL && i < v->n_by; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_put_string(b, span_of(policy_decision_reason(q->set, v, i).id));
	}
	buf_add_char(b, ']');
	if (v != NULL && v->verdict == POLICY_DENY)
		buf_add_str(b, ",\"next\":\"hither route\"");
}

void reply_error_body(const struct request *q, const struct chat_problem *p, struct buf *b)
{
	struct chat_problem whole = *p;

	memcpy(whole.request, q->decision_id, sizeof q->decision_id);
	q->dialect->error_body(&whole, b);
}

/*
 * An error's body without its closing brace. OpenAI's object has room for what explains the
 * decision; the other dialects have their own shape, and x-hither-decision to ask further.
 */
static void open_error(const struct request *q, const struct chat_problem *p, struct buf *b)
{
	bool roomy = span_starts(span_of(q->dialect->name), "openai.");

	reply_error_body(q, p, b);
	if (b->failed)
		return;
	b->len--;
	if (roomy) {
		b->len--;
		put_context(q, b);
		buf_add_char(b, '}');
	}
}

/* Nobody may repeat by itself what may have cost money (or will be answered the same way). */
static bool may_retry(const struct request *q, const struct chat_problem *p)
{
	return p->status == 503 && q->receipt[0] == '\0';
}

void reply_error(struct request *q, const struct chat_problem *p)
{
	struct chat_problem shown = *p;
	struct reply_fields f;
	struct buf b;

	if (q->receipt[0] != '\0' &&
	    (shown.status >= 500 || shown.status == 429 || shown.status == 409 ||
	     shown.status == 408 || shown.status == 425))
		shown.status =
			424; /* clients repeat the others; this was sent and may be billed */
	if (http_begun(q->x)) {
		struct chat_event ev = { .kind = CHAT_EV_ERROR,
					 .status = shown.status,
					 .name = span_of(shown.code),
					 .text = span_of(shown.message) };

		if (!q->answered)
			buf_clear(&q->out); /* what was not shown yet is not shown now */
		if (q->writer == NULL && !reply_begin_source(q))
			q->writer = NULL;
		if (q->writer != NULL && q->dialect->writer_event(q->writer, &ev, &q->out))
			http_write(q->x, buf_span(&q->out));
		http_abort(q->x);
		return;
	}
	reply_put_fields(q, true, &f);
	if (may_retry(q, &shown))
		reply_add_field(&f, "Retry-After", "1");
	else
		reply_add_field(&f, "x-should-retry", "false");
	buf_init(&b, 8192);
	open_error(q, &shown, &b);
	buf_add_char(&b, '}');
	http_reply(q->x, shown.status, "application/json", f.list, f.n, buf_span(&b));
	buf_free(&b);
}

void reply_question(struct request *q, const struct msg_ANSWER *a)
{
	const struct policy_destination *d = reply_destination(q);
	struct chat_problem p;
	struct reply_fields f;
	struct buf b;
	char digest[65];

	escalate_problem(q, a, &p);
	if (http_begun(q->x)) {
		reply_error(q, &p);
		return;
	}
	reply_put_fields(q, true, &f);
	reply_add_field(&f, "x-should-retry", "false");
	text_hex(a->digest, sizeof a->digest, digest);
	buf_init(&b, 8192);
	open_error(q, &p, &b);
	buf_add_str(&b, ",\"consent\":{");
	json_put_key_cstr(&b, "id", a->question);
	json_put_key(&b, "digest");
	buf_printf(&b, "\"sha256:%s\"", digest);
	json_put_key_cstr(&b, "destination", d->name);
	json_put_key_cstr(&b, "operator", d->operator_name);
	json_put_key_cstr(&b, "region", d->region);
	json_put_key_string(&b, "model", q->plan.model);
	json_put_key_cstr(&b, "reason", q->plan.reasons[0]);
	json_put_key_cstr(&b, "price", a->price[0] != '\0' ? a->price : NULL);
	buf_add_str(&b, "}}");
	http_reply(q->x, p.status, "application/json", f.list, f.n, buf_span(&b));
	buf_free(&b);
}

/* ---------------------------------------------------------------- outside of a request */

void reply_json(struct http_exchange *x, int status, struct span body)
{
	http_reply(x, status, "application/json", NULL, 0, body);
}

void reply_problem_in(struct http_exchange *x, const struct client_dialect *d,
		      const struct chat_problem *p, const struct http_field *more)
{
	bool later = p->status == 503;
	struct http_field fields[2] = { { later ? "Retry-After" : "x-should-retry",
					  later ? "1" : "false" } };
	struct buf b;

	if (more != NULL)
		fields[1] = *more;
	buf_init(&b, 4096);
	d->error_body(p, &b);
	http_reply(x, p->status, "application/json", fields, more != NULL ? 2 : 1,
		   buf_span(&b));
	buf_free(&b);
}

void reply_problem(struct http_exchange *x, int status, const char *code, const char *message)
{
	struct chat_problem p;

	problem_set(&p, status, code, "%s", message);
	reply_problem_in(x, &dialect_openai_chat, &p, NULL);
}

const struct client_dialect *reply_dialect_of(struct span path, bool has_anthropic_version)
{
	const struct client_dialect *d = client_dialect_find(path, has_anthropic_version);

	if (d == NULL)
		d = has_anthropic_version ? &dialect_anthropic_messages : &dialect_openai_chat;
	return d;
}

void reply_path_problem(struct http_exchange *x, struct span path, int status, const char *code,
			const char *message, const char *allow)
{
	struct http_field allowed = { "Allow", allow };
	struct chat_problem p;

	problem_set(&p, status, code, "%s", message);
	reply_problem_in(x,
			 reply_dialect_of(path, http_header_count(x, "anthropic-version") > 0),
			 &p, allow != NULL ? &allowed : NULL);
}
