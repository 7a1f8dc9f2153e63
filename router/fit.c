/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request and its answer fit the context of the model on this device.
 *
 *   at most    one token for a byte, and what a chat template adds
 *   at least   one token for a word: tokenisers do not join words
 *
 * Most requests are decided by these bounds and pay nothing. In between the engine counts, with
 * its own tokeniser and template, before it is asked to answer (fit_count_handler); when it
 * cannot count, its own refusal of a prompt that is too long tells the same. What does not fit
 * goes where the policy lets it go, or is refused with the limit: nothing is cut.
 */
#include "common/json.h"
#include "router/impl.h"

/* What templates add: marks around each message; instructions of their own; a page on tools. */
#define MESSAGE_TOKENS  32
#define TEMPLATE_TOKENS 256
#define TOOLS_TOKENS    512

/* ---------------------------------------------------------------- bounds */

static uint64_t most_tokens(const struct chat *c)
{
	uint64_t n = c->text_bytes + TEMPLATE_TOKENS + (c->n_tools > 0 ? TOOLS_TOKENS : 0) +
		     (uint64_t)c->n_messages * MESSAGE_TOKENS;

	for (uint32_t i = 0; i < c->n_tools; i++)
		n += c->tools[i].name.len + c->tools[i].description.len +
		     c->tools[i].schema.len;
	for (uint32_t i = 0; i < c->n_messages; i++) {
		const struct chat_message *m = &c->messages[i];

		for (uint32_t k = 0; k < m->n_calls; k++)
			n += m->calls[k].name.len + m->calls[k].arguments.len;
	}
	return n;
}

/* Words of a text, as far as `enough`. */
static uint64_t words(struct span text, uint64_t enough)
{
	uint64_t n = 0;
	bool inside = false;

	for (size_t i = 0; i < text.len && n < enough; i++) {
		bool letter = (unsigned char)text.ptr[i] > ' ';

		n += letter && !inside;
		inside = letter;
	}
	return n;
}

static uint64_t least_tokens(const struct chat *c, uint64_t enough)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < c->n_messages && n < enough; i++) {
		const struct chat_message *m = &c->messages[i];

		for (uint32_t k = 0; k < m->n_parts && n < enough; k++)
			n += words(m->parts[k].text, enough - n);
	}
	return n;
}

/* Room for the answer: what the program asked for, else what such answers usually take. */
static uint64_t room_tokens(const struct request *q, uint32_t context_tokens)
{
	uint32_t usual = q->facts.judged.output_tokens;

	if (q->chat.max_tokens > 0)
		return q->chat.max_tokens;
	return usual < context_tokens / 4 ? usual : context_tokens / 4;
}

enum decide_fit fit_of(const struct request *q, uint32_t context_tokens, bool *ret_count)
{
	uint64_t room = room_tokens(q, context_tokens);

	*ret_count = false;
	if (q->embed != NULL)
		return DECIDE_FIT_YES; /* each text on its own; the engine says which does not
					*/
	if (q->too_long)
		return DECIDE_FIT_NO;
	if (context_tokens == 0)
		return DECIDE_FIT_ESTIMATE;
	if (q->counted)
		return q->facts.input_tokens + room <= context_tokens ? DECIDE_FIT_YES
								      : DECIDE_FIT_NO;
	if (most_tokens(&q->chat) + room <= context_tokens)
		return DECIDE_FIT_YES;
	if (least_tokens(&q->chat, (uint64_t)context_tokens + 1) + room > context_tokens)
		return DECIDE_FIT_NO;
	/* Counting is for a choice: not where there is nowhere else, or only one place named.
	 */
	if (q->dry || q->router->engine_cannot_count ||
	    q->router->engine_kind > ENGINE_KIND_LLAMA_SERVER || q->want.kind != WANT_AUTO ||
	    policy_destinations(q->set) == 1)
		return DECIDE_FIT_ESTIMATE;
	*ret_count = true;
	return DECIDE_FIT_YES; /* until it has been counted */
}

/* ---------------------------------------------------------------- the engine counts */

static void on_head(void *ctx, int status, struct span content_type)
{
	struct request *q = ctx;

	(void)content_type;
	q->engine_spoke = true;
	q->count_status = status;
	buf_clear(&q->restored); /* unused until there is an answer from elsewhere */
}

static void on_data(void *ctx, struct span bytes)
{
	struct request *q = ctx;

	if (q->restored.len + bytes.len <= FIT_REPLY_BYTES)
		buf_add(&q->restored, bytes);
}

/* {"input_tokens":N}; 0: something else. */
static uint32_t read_count(struct span body)
{
	struct json_where where;
	cJSON *tree = NULL;
	int64_t n = 0;

	if (json_parse(body, &json_limits_api, &tree, &where) != ERR_OK)
		return 0;
	if (!json_get_int(tree, "input_tokens", 1, UINT32_MAX, &n))
		n = 0;
	cJSON_Delete(tree);
	return (uint32_t)n;
}

static void on_end(void *ctx, enum err why, bool reusable)
{
	struct request *q = ctx;
	struct event ev = { .kind = EV_COUNTED, .fd = -1 };

	if (why == ERR_OK && q->count_status == 200)
		ev.tokens = read_count(buf_span(&q->restored));
	/* Other engines have no such route: not asked again until the model changes. */
	if (why == ERR_OK && ev.tokens == 0)
		q->router->engine_cannot_count = true;
	if (reusable)
		ev.fd = http_call_take_fd(q->call);
	q->call = NULL;
	buf_clear(&q->restored);
	request_event(q, &ev);
}

const struct http_call_handler fit_count_handler = { .on_head = on_head,
						     .on_data = on_data,
						     .on_end = on_end };
