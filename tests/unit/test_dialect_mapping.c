/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one dialect calls an end, another calls it too: every upstream's reply through every
 * client's writer. Length stays length, a filter stays a filter, a cut is never an end.
 */
#include <stdio.h>

#include "tests/unit/dialect_trace.h"

enum meaning { STOP, LENGTH, TOOLS, FILTER, CUT, MEANINGS };

static const char *const names[MEANINGS] = { "natural end", "length", "tool call", "filter",
					     "cut" };

#define O_TEXT                                                                                 \
	"data: "                                                                               \
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}"   \
	"\n\n"
#define O_CALL                                                                                 \
	"data: "                                                                               \
	"{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\","     \
	"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]}}]}\n\n"
#define O_END(word)                                                                            \
	"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" word              \
	"\"}]}\n\ndata: [DONE]\n\n"
#define A_TEXT                                                                                 \
	"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"     \
	"\"text\",\"text\":\"a\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define A_CALL                                                                                 \
	"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"     \
	"\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}}\n\ndata: {\"type\":"          \
	"\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","        \
	"\"partial_json\":\"{\\\"x\\\":1}\"}}\n\ndata: {\"type\":\"content_block_stop\","      \
	"\"index\":0}\n\n"
#define A_END(word)                                                                            \
	"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" word                 \
	"\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n"
#define L_TEXT "{\"message\":{\"content\":\"a\"},\"done\":false}\n"
#define L_CALL                                                                                 \
	"{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","            \
	"\"arguments\":{\"x\":1}}}]},\"done\":false}\n"
#define L_END(word) "{\"message\":{},\"done\":true,\"done_reason\":\"" word "\"}\n"
#define R_TEXT      "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"
#define R_CALL                                                                                 \
	"data: "                                                                               \
	"{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":"       \
	"\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}" \
	"\n\n"
#define R_END(s, d)                                                                            \
	"data: {\"type\":\"response." s "\",\"response\":{\"status\":\"" s                     \
	"\",\"incomplete_details\":" d "}}\n\n"
#define M(parts, rest)                                                                         \
	"data: {\"candidates\":[{\"content\":{\"parts\":[" parts "]}" rest "}]}\n\n"
#define M_CALL "{\"functionCall\":{\"id\":\"c\",\"name\":\"f\",\"args\":{\"x\":1}}}"

static const struct {
	const struct upstream_dialect *d;
	const char *replies[MEANINGS];
} upstreams[] = {
	{ &upstream_openai_chat,
	  { O_TEXT O_END("stop"), O_TEXT O_END("length"), O_CALL O_END("tool_calls"),
	    O_TEXT O_END("content_filter"), O_TEXT } },
	{ &upstream_anthropic,
	  { A_TEXT A_END("end_turn"), A_TEXT A_END("max_tokens"), A_CALL A_END("tool_use"),
	    A_TEXT A_END("refusal"), A_TEXT } },
	/* This one has no word for a filter. */
	{ &upstream_ollama,
	  { L_TEXT L_END("stop"), L_TEXT L_END("length"), L_CALL L_END("stop"), NULL,
	    L_TEXT } },
	{ &upstream_openai_responses,
	  { R_TEXT R_END("completed", "null"),
	    R_TEXT R_END("incomplete", "{\"reason\":\"max_output_tokens\"}"),
	    R_CALL R_END("completed", "null"),
	    R_TEXT R_END("incomplete", "{\"reason\":\"content_filter\"}"), R_TEXT } },
	{ &upstream_gemini,
	  { M("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\""),
	    M("{\"text\":\"a\"}", ",\"finishReason\":\"MAX_TOKENS\""),
	    M(M_CALL, ",\"finishReason\":\"STOP\""),
	    M("{\"text\":\"a\"}", ",\"finishReason\":\"SAFETY\""),
	    M("{\"text\":\"a\"}", "") } },
};

/* What must be in the reply, streamed and whole; `never` must not. */
static const struct {
	const struct client_dialect *d;
	bool no_calls;
	const char *streamed[MEANINGS], *whole[MEANINGS], *never_when_cut;
} clients[] = {
	{ &dialect_openai_chat,
	  false,
	  { "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
	    "\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n",
	    "\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
	    "\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n",
	    "data: {\"error\":{" },
	  { "\"finish_reason\":\"stop\"", "\"finish_reason\":\"length\"",
	    "\"finish_reason\":\"tool_calls\"", "\"finish_reason\":\"content_filter\"",
	    "{\"error\":{" },
	  "[DONE]" },
	{ &dialect_openai_completions,
	  true,
	  { "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
	    "\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n", NULL,
	    "\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n",
	    "data: {\"error\":{" },
	  { "\"finish_reason\":\"stop\"", "\"finish_reason\":\"length\"", NULL,
	    "\"finish_reason\":\"content_filter\"", "{\"error\":{" },
	  "[DONE]" },
	{ &dialect_anthropic_messages,
	  false,
	  { "\"stop_reason\":\"end_turn\"", "\"stop_reason\":\"max_tokens\"",
	    "\"stop_reason\":\"tool_use\"", "\"stop_reason\":\"refusal\"", "event: error\n" },
	  { "\"stop_reason\":\"end_turn\"", "\"stop_reason\":\"max_tokens\"",
	    "\"stop_reason\":\"tool_use\"", "\"stop_reason\":\"refusal\"",
	    "{\"type\":\"error\"" },
	  "message_stop" },
	{ &dialect_openai_responses,
	  false,
	  { "event: response.completed\n", "event: response.incomplete\n",
	    "event: response.completed\n", "event: response.incomplete\n",
	    "event: response.failed\n" },
	  { "\"status\":\"completed\"",
	    "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}",
	    "\"type\":\"function_call\",\"status\":\"completed\"",
	    "\"incomplete_details\":{\"reason\":\"content_filter\"}", "{\"error\":{" },
	  "response.completed" },
	{ &dialect_ollama_chat,
	  false,
	  { "\"done\":true,\"done_reason\":\"stop\"",
	    "\"done\":true,\"done_reason\":\"length\"",
	    "\"done\":true,\"done_reason\":\"stop\"", "\"done\":true,\"done_reason\":\"stop\"",
	    "{\"error\":\"" },
	  { "\"done_reason\":\"stop\"", "\"done_reason\":\"length\"", "\"tool_calls\":[{",
	    "\"done_reason\":\"stop\"", "{\"error\":\"" },
	  "\"done\":true" },
	{ &dialect_ollama_generate,
	  true,
	  { "\"done\":true,\"done_reason\":\"stop\"",
	    "\"done\":true,\"done_reason\":\"length\"", NULL,
	    "\"done\":true,\"done_reason\":\"stop\"", "{\"error\":\"" },
	  { "\"done_reason\":\"stop\"", "\"done_reason\":\"length\"", NULL,
	    "\"done_reason\":\"stop\"", "{\"error\":\"" },
	  "\"done\":true" },
};

struct passing {
	const struct client_dialect *d;
	struct reply_writer *w;
	struct buf *out;
};

static bool pass_on(void *ctx, const struct chat_event *ev)
{
	struct passing *p = ctx;

	return p->d->writer_event(p->w, ev, p->out);
}

static void pass(const struct upstream_dialect *up, const char *reply,
		 const struct client_dialect *down, bool stream, struct buf *out)
{
	struct arena *a = arena_new("test", 1 << 20);
	const struct reply_head head = { .id = "x-1", .model = "m", .stream = stream };
	struct passing p = { down, down->writer_new(a, &head), out };
	struct upstream_reader *r = up->reader_new(a, true, 1 << 16);
	enum err e = up->reader_status(r, 200, pass_on, &p);

	if (e == ERR_OK)
		e = up->reader_bytes(r, span_of(reply), pass_on, &p);
	if (e == ERR_OK)
		e = up->reader_end(r, pass_on, &p);
	up->reader_free(r);
	arena_free(a);
}

static void every_end_in_every_dialect(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (size_t u = 0; u < LEN(upstreams); u++) {
		for (size_t c = 0; c < LEN(clients) * 2; c++) {
			bool stream = c & 1;

			for (size_t m = 0; m < MEANINGS; m++) {
				const char *want = stream ? clients[c / 2].streamed[m]
							  : clients[c / 2].whole[m];
				struct buf out;

				if (want == NULL || upstreams[u].replies[m] == NULL)
					continue;
				buf_init(&out, 1 << 16);
				pass(upstreams[u].d, upstreams[u].replies[m], clients[c / 2].d,
				     stream, &out);
				if (out.len == 0 || strstr(buf_cstr(&out), want) == NULL ||
				    (m == CUT && strstr(buf_cstr(&out),
							clients[c / 2].never_when_cut) != NULL))
					fail_msg("%s of %s for %s, stream %d: %s", names[m],
						 upstreams[u].d->name, clients[c / 2].d->name,
						 stream,
						 out.len > 0 ? buf_cstr(&out) : "nothing");
				buf_free(&out);
				checked++;
			}
		}
	}
	assert_int_equal(checked, 5 * 6 * 2 * 5 - 5 * 2 * 2 - 6 * 2);
}

/* Arguments are a text or an object, as the client's dialect has it. */
static void arguments_are_converted(void **state)
{
	static const struct {
		const struct client_dialect *d;
		const char *whole;
	} forms[] = {
		{ &dialect_openai_chat, "\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"" },
		{ &dialect_openai_responses, "\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"" },
		{ &dialect_anthropic_messages, "\"name\":\"f\",\"input\":{\"x\":1}" },
		{ &dialect_ollama_chat, "\"name\":\"f\",\"arguments\":{\"x\":1}" },
	};

	(void)state;
	for (size_t u = 0; u < LEN(upstreams); u++) {
		for (size_t f = 0; f < LEN(forms); f++) {
			struct buf out;

			buf_init(&out, 1 << 16);
			pass(upstreams[u].d, upstreams[u].replies[TOOLS], forms[f].d, false,
			     &out);
			if (strstr(buf_cstr(&out), forms[f].whole) == NULL)
				fail_msg("%s for %s: %s", upstreams[u].d->name,
					 forms[f].d->name, buf_cstr(&out));
			CHECK(strstr(buf_cstr(&out), "\"c\"") != NULL, forms[f].d->name);
			buf_free(&out);
		}
	}
}

/* Thoughts stay thoughts: never part of the answer's text. */
static void thoughts_stay_thoughts(void **state)
{
	static const struct {
		const struct upstream_dialect *d;
		const char *reply;
	} thinkers[] = {
		{ &upstream_openai_chat,
		  "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n" O_TEXT
			  O_END("stop") },
		{ &upstream_anthropic,
		  "data: "
		  "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
		  "\"thinking\",\"thinking\":\"hm\"}}\n\ndata: "
		  "{\"type\":\"content_block_stop\","
		  "\"index\":0}\n\n" A_TEXT A_END("end_turn") },
		{ &upstream_ollama,
		  "{\"message\":{\"thinking\":\"hm\"},\"done\":false}\n" L_TEXT L_END("stop") },
		{ &upstream_openai_responses,
		  "data: "
		  "{\"type\":\"response.reasoning_text.delta\",\"delta\":\"hm\"}\n\n" R_TEXT
			  R_END("completed", "null") },
		{ &upstream_gemini, M("{\"text\":\"hm\",\"thought\":true},{\"text\":\"a\"}",
				      ",\"finishReason\":\"STOP\"") },
	};
	static const struct {
		const struct client_dialect *d;
		const char *thought, *text;
	} forms[] = {
		{ &dialect_openai_chat, "\"reasoning_content\":\"hm\"", "\"content\":\"a\"" },
		{ &dialect_openai_responses, "\"type\":\"reasoning_text\",\"text\":\"hm\"",
		  "\"type\":\"output_text\",\"text\":\"a\"" },
		{ &dialect_anthropic_messages, "\"thinking\":\"hm\"", "\"text\":\"a\"" },
		{ &dialect_ollama_chat, "\"thinking\":\"hm\"", "\"content\":\"a\"" },
		{ &dialect_ollama_generate, "\"thinking\":\"hm\"", "\"response\":\"a\"" },
		{ &dialect_openai_completions, "", "\"text\":\"a\"" },
	};

	(void)state;
	for (size_t u = 0; u < LEN(thinkers); u++) {
		for (size_t f = 0; f < LEN(forms); f++) {
			struct buf out;

			buf_init(&out, 1 << 16);
			pass(thinkers[u].d, thinkers[u].reply, forms[f].d, false, &out);
			if (strstr(buf_cstr(&out), forms[f].thought) == NULL ||
			    strstr(buf_cstr(&out), forms[f].text) == NULL)
				fail_msg("%s for %s: %s", thinkers[u].d->name, forms[f].d->name,
					 buf_cstr(&out));
			buf_free(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_in_every_dialect),
		cmocka_unit_test(arguments_are_converted),
		cmocka_unit_test(thoughts_stay_thoughts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
