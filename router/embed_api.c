/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts to vectors: POST /v1/embeddings, /api/embed, /api/embeddings.
 *
 * A text is as private as a prompt and usually a whole archive of them, so it is never sent
 * anywhere: the request carries the ceiling `device`, and the name of another place is refused.
 * For the rest it is a request like any other, with the texts as its messages: the policy has
 * its say, the engine's slots are shared, the decision is kept and the ledger told.
 */
#include "router/impl.h"

#define ENGINE_REPLY_BYTES ((size_t)48 << 20)

static bool fail(struct request *q, int status, const char *code, const char *param,
		 const char *message)
{
	problem_set(&q->problem, status, code, "%s", message);
	snprintf(q->problem.param, sizeof q->problem.param, "%s", param);
	return false;
}

/* The texts where everything that judges a request looks for them. */
static bool as_chat(struct request *q)
{
	const struct embed_request *e = q->embed;
	struct chat_message *messages = arena_array(q->arena, e->n_inputs, sizeof *messages);
	struct chat_part *parts = arena_array(q->arena, e->n_inputs, sizeof *parts);

	if (messages == NULL || parts == NULL)
		return fail(q, 503, "overloaded", "", "There is no memory for this.");
	for (uint32_t i = 0; i < e->n_inputs; i++) {
		parts[i] = (struct chat_part){ .kind = CHAT_PART_TEXT, .text = e->inputs[i] };
		messages[i] = (struct chat_message){ .role = CHAT_USER,
						     .parts = &parts[i],
						     .n_parts = 1 };
	}
	q->chat = (struct chat){ .model = span_is(e->model, "auto") ? SPAN_LITERAL("local")
								    : e->model,
				 .messages = messages,
				 .n_messages = e->n_inputs,
				 .text_bytes = e->text_bytes };
	return true;
}

void embed_api(struct router *r, struct http_exchange *x, const struct http_request *h,
	       enum embed_shape shape)
{
	struct request *q = chat_api_admit(r, x, h);
	struct chat_problem p;

	if (q == NULL)
		return;
	problem_set(&p, 503, "overloaded", "There is no memory for this.");
	q->embed = arena_zalloc(q->arena, sizeof *q->embed);
	if (q->embed == NULL || embed_read(shape, h->body, q->arena, q->embed, &p) != ERR_OK) {
		chat_api_unreadable(q, &p);
		return;
	}
	if (!as_chat(q) || !chat_api_stay_here(q, "model",
					       "Embeddings are made on this device only: "
					       "ask for local or local/NAME.")) {
		chat_api_unreadable(q, &q->problem);
		return;
	}
	q->parsed = true;
	request_event(q, &(struct event){ .kind = EV_BEGIN, .fd = -1 });
}

bool embed_prepare(struct request *q)
{
	snprintf(q->model_shown, sizeof q->model_shown, "%.*s", (int)q->chat.model.len,
		 q->chat.model.ptr);
	q->embed_status = 0;
	q->failed = false;
	buf_clear(&q->out);
	embed_send(q->embed, &q->body);
	return !q->body.failed;
}

void embed_data(struct request *q, struct span bytes)
{
	if (q->out.len + bytes.len > ENGINE_REPLY_BYTES)
		q->out.failed = true;
	buf_add(&q->out, bytes);
	if (q->out.failed && !q->failed) {
		q->failed = true;
		fail(q, 400, "request_too_large", "input",
		     "These are too many vectors for one reply. Send fewer texts at once.");
	}
}

bool embed_end(struct request *q)
{
	struct embed_vector *vectors;
	struct buf reply;
	bool ok;

	if (q->failed || embed_recv(q->embed_status, buf_span(&q->out), q->embed, q->arena,
				    &vectors, &q->input_tokens, &q->problem) != ERR_OK)
		return false;
	buf_init(&reply, REQUEST_ARENA_BYTES);
	embed_put(q->embed, q->model_shown, vectors, q->input_tokens, &reply);
	ok = !reply.failed;
	if (ok) {
		q->output_tokens = 0;
		q->finish = CHAT_FINISH_STOP;
		reply_whole(q, buf_span(&reply));
	} else {
		fail(q, 400, "request_too_large", "input",
		     "These are too many vectors for one reply. Send fewer texts at once.");
	}
	buf_free(&reply);
	return ok;
}
