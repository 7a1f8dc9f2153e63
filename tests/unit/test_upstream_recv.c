/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of Anthropic, Ollama, Responses and Gemini servers to events. */
#include <stdio.h>

#include "tests/unit/dialect_trace.h"

#define D(json) "data: " json "\n\n"
#define A_START                                                                                \
	D("{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":4,\"cache_"    \
	  "read_input_tokens\":3,\"cache_creation_input_tokens\":2,\"output_tokens\":1}}}")
#define A_BEGIN(b) D("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{" b "}}")
#define A_DELTA(d) D("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{" d "}}")
#define A_STOP     D("{\"type\":\"content_block_stop\",\"index\":0}")
#define A_TEXT(t)                                                                              \
	A_BEGIN("\"type\":\"text\",\"text\":\"\"")                                             \
	A_DELTA("\"type\":\"text_delta\",\"text\":\"" t "\"") A_STOP
#define A_END(r)                                                                               \
	D("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" r                        \
	  "\"},\"usage\":{\"output_tokens\":5}}")                                              \
	D("{\"type\":\"message_stop\"}")
#define L(message, rest)                                                                       \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\"," message "}" rest "}\n"
#define L_END(reason)                                                                          \
	L("\"content\":\"\"", ",\"done\":true,\"done_reason\":\"" reason                       \
			      "\",\"prompt_eval_count\":4,\"eval_count\":1")
#define R_TEXT(t)                                                                              \
	D("{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"" t "\"}")
#define R_END(status, rest)                                                                    \
	D("{\"type\":\"response." status "\",\"response\":{\"status\":\"" status "\"" rest "}" \
	  "}")
#define R_USAGE                                                                                \
	",\"usage\":{\"input_tokens\":4,\"input_tokens_details\":{\"cached_tokens\":3},"       \
	"\"output_tokens\":2,\"output_tokens_details\":{\"reasoning_tokens\":1}}"
#define R_CALL(place, id, args)                                                                \
	D("{\"type\":\"response.output_item.added\",\"output_index\":" place                   \
	  ",\"item\":{\"type\":\"function_call\",\"call_id\":\"" id                            \
	  "\",\"name\":\"f\",\"arguments\":\"" args "\"}}")
#define R_ARGS(place, args)                                                                    \
	D("{\"type\":\"response.function_call_arguments.delta\",\"output_index\":" place       \
	  ",\"delta\":\"" args "\"}")
#define R_DONE(place, args)                                                                    \
	D("{\"type\":\"response.function_call_arguments.done\",\"output_index\":" place        \
	  ",\"arguments\":\"" args "\"}")
#define M(parts, rest)                                                                         \
	D("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]}" rest "}]" \
	  "}")
#define M_STOP(word) ",\"finishReason\":\"" word "\""

static const struct row {
	const char *name;
	const struct upstream_dialect *d;
	const char *stream, *want;
} streams[] = {
	{ "Anthropic: text, usage with the cache", &upstream_anthropic,
	  A_START A_TEXT("Hi") D("{\"type\":\"ping\"}") A_END("end_turn"),
	  "S U9/1/3/-1 T\"Hi\" U9/5/3/-1 Fstop E " },
	{ "Anthropic: thoughts with a signature", &upstream_anthropic,
	  A_START A_BEGIN("\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
		  A_DELTA("\"type\":\"thinking_delta\",\"thinking\":\"hm\"")
			  A_DELTA("\"type\":\"signature_delta\",\"signature\":\"s\"")
				  A_STOP A_TEXT("a") A_END("end_turn"),
	  "S U9/1/3/-1 R\"hm\" G\"s\" T\"a\" U9/5/3/-1 Fstop E " },
	{ "Anthropic: a call in fragments", &upstream_anthropic,
	  A_START A_BEGIN("\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}")
		  A_DELTA("\"type\":\"input_json_delta\",\"partial_json\":\"\"") A_DELTA(
			  "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\"\"")
			  A_DELTA("\"type\":\"input_json_delta\",\"partial_json\":\":1}\"")
				  A_STOP A_END("tool_use"),
	  "S U9/1/3/-1 C0 c f A0\"{\"x\"\" A0\":1}\" U9/5/3/-1 Ftools E " },
	{ "Anthropic: a call all at once", &upstream_anthropic,
	  A_START A_BEGIN(
		  "\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{\"x\":1}")
		  A_STOP A_END("tool_use"),
	  "S U9/1/3/-1 C0 c f A0\"{\"x\":1}\" U9/5/3/-1 Ftools E " },
	{ "Anthropic: blocks of server tools are nothing here", &upstream_anthropic,
	  A_START A_BEGIN("\"type\":\"server_tool_use\",\"id\":\"c\",\"name\":\"f\"")
		  A_DELTA("\"type\":\"input_json_delta\",\"partial_json\":\"{}\"")
			  A_STOP A_TEXT("a") A_END("end_turn"),
	  "S U9/1/3/-1 T\"a\" U9/5/3/-1 Fstop E " },
	{ "Anthropic: an error after text", &upstream_anthropic,
	  A_START A_TEXT("a") D("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
				"\"message\":\"x\"}}"),
	  "S U9/1/3/-1 T\"a\" !502 upstream_error " },
	{ "Anthropic: a stop without a reason", &upstream_anthropic,
	  A_START A_TEXT("a") D("{\"type\":\"message_stop\"}"),
	  "S U9/1/3/-1 T\"a\" !502 stream_cut " },
	{ "Anthropic: a reason nobody knows", &upstream_anthropic,
	  A_START A_TEXT("a") A_END("pause_turn"),
	  "S U9/1/3/-1 T\"a\" U9/5/3/-1 !502 stream_cut " },
	{ "Anthropic: a stop inside a block", &upstream_anthropic,
	  A_START A_BEGIN("\"type\":\"text\",\"text\":\"a\"") A_END("end_turn"),
	  "S U9/1/3/-1 T\"a\" U9/5/3/-1 !502 upstream_malformed " },
	{ "Anthropic: two blocks at once", &upstream_anthropic,
	  A_START A_BEGIN("\"type\":\"text\",\"text\":\"a\"")
		  A_BEGIN("\"type\":\"text\",\"text\":\"b\""),
	  "S U9/1/3/-1 T\"a\" !502 upstream_malformed " },
	{ "Anthropic: a delta of no block", &upstream_anthropic,
	  A_START A_DELTA("\"type\":\"text_delta\",\"text\":\"a\""),
	  "S U9/1/3/-1 !502 upstream_malformed " },

	{ "Ollama: text and thoughts", &upstream_ollama,
	  L("\"content\":\"\",\"thinking\":\"hm\"", ",\"done\":false")
		  L("\"content\":\"Hi\"", ",\"done\":false") L_END("stop"),
	  "S R\"hm\" T\"Hi\" U4/1/-1/-1 Fstop E " },
	{ "Ollama: calls whole, finished as stop", &upstream_ollama,
	  L("\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{"
	    "\"x\":1}}},"
	    "{\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]",
	    ",\"done\":false") L_END("stop"),
	  "S C0 call_0 f A0\"{\"x\":1}\" C1 d g A1\"{}\" U4/1/-1/-1 Ftools E " },
	{ "Ollama: integers of 64 bits, in a call as they came", &upstream_ollama,
	  L("\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{"
	    "\"x\":18446744073709551615}}}]",
	    ",\"seed\":10959611092163926001,\"done\":false") L_END("stop"),
	  "S C0 call_0 f A0\"{\"x\":18446744073709551615}\" U4/1/-1/-1 Ftools E " },
	{ "Ollama: older servers give no reason", &upstream_ollama,
	  L("\"content\":\"a\"", ",\"done\":true"), "S T\"a\" Fstop E " },
	{ "Ollama: loading is no answer", &upstream_ollama, L_END("load"),
	  "S U4/1/-1/-1 !502 stream_cut " },
	{ "Ollama: an error line", &upstream_ollama,
	  L("\"content\":\"a\"",
	    ",\"done\":false") "{\"error\":\"an error was encountered\"}\n",
	  "S T\"a\" !502 upstream_error " },
	{ "Ollama: no last line end", &upstream_ollama,
	  "{\"message\":{\"content\":\"a\"},\"done\":true,\"done_reason\":\"stop\"}",
	  "S !502 stream_cut " },
	{ "Ollama: a line that is no JSON", &upstream_ollama, "data: {}\n",
	  "S !502 upstream_malformed " },

	{ "Responses: text and usage", &upstream_openai_responses,
	  D("{\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\"}}")
		  R_TEXT("Hi") R_END("completed", R_USAGE) D("[DONE]"),
	  "S T\"Hi\" U4/2/3/1 Fstop E " },
	{ "Responses: thoughts by both names, and a refusal", &upstream_openai_responses,
	  D("{\"type\":\"response.reasoning_text.delta\",\"delta\":\"h\"}")
		  D("{\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"m\"}")
			  D("{\"type\":\"response.refusal.delta\",\"delta\":\"no\"}")
				  R_END("completed", ""),
	  "S R\"h\" R\"m\" X\"no\" Fstop E " },
	{ "Responses: calls mixed", &upstream_openai_responses,
	  R_CALL("1", "c", "") R_CALL("2", "d", "") R_ARGS("2", "{}") R_ARGS("1", "{")
		  R_ARGS("1", "}") R_DONE("1", "{}") R_DONE("2", "{}") R_END("completed", ""),
	  "S C0 c f C1 d f A1\"{}\" A0\"{\" A0\"}\" Ftools E " },
	{ "Responses: arguments only at the end", &upstream_openai_responses,
	  R_CALL("0", "c", "") R_DONE("0", "{}") R_END("completed", ""),
	  "S C0 c f A0\"{}\" Ftools E " },
	{ "Responses: a call only when it is done", &upstream_openai_responses,
	  D("{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":"
	    "\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}}")
		  R_END("completed", ""),
	  "S C0 c f A0\"{}\" Ftools E " },
	{ "Responses: incomplete without a known reason", &upstream_openai_responses,
	  R_TEXT("a") R_END("incomplete", ",\"incomplete_details\":{\"reason\":\"x\"}"),
	  "S T\"a\" !502 stream_cut " },
	{ "Responses: incomplete by a reason that is none", &upstream_openai_responses,
	  R_TEXT("a") R_END("incomplete", ",\"incomplete_details\":{\"reason\":\"stop\"}"),
	  "S T\"a\" !502 stream_cut " },
	{ "Responses: completed in name only", &upstream_openai_responses,
	  R_TEXT("a") D("{\"type\":\"response.completed\",\"response\":{\"status\":\"in_"
			"progress\"}}"),
	  "S T\"a\" !502 stream_cut " },
	{ "Responses: failed", &upstream_openai_responses,
	  R_TEXT("a") R_END("failed", ",\"error\":{\"code\":\"rate_limit_exceeded\"}"),
	  "S T\"a\" !502 upstream_error " },
	{ "Responses: a flat error", &upstream_openai_responses,
	  D("{\"type\":\"error\",\"code\":\"context_length_exceeded\",\"message\":\"x\"}"),
	  "S !400 context_length_exceeded " },
	{ "Responses: a nested error", &upstream_openai_responses,
	  D("{\"type\":\"error\",\"error\":{\"code\":\"context_length_exceeded\"}}"),
	  "S !400 context_length_exceeded " },
	{ "Responses: arguments of no call", &upstream_openai_responses, R_ARGS("7", "{}"),
	  "S !502 upstream_malformed " },

	{ "Gemini: text, thoughts and usage", &upstream_gemini,
	  M("{\"text\":\"hm\",\"thought\":true},{\"text\":\"Hi\"}", "")
		  D("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" "
		    "you\"}]},\"finishReason\":"
		    "\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,"
		    "\"candidatesTokenCount\":2,"
		    "\"thoughtsTokenCount\":3,\"cachedContentTokenCount\":1}}"),
	  "S R\"hm\" T\"Hi\" T\" you\" U4/5/1/3 Fstop E " },
	{ "Gemini: a call", &upstream_gemini,
	  M("{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}},\"thoughtSignature\":\"z\"}",
	    M_STOP("STOP")),
	  "S C0 call_0 f A0\"{\"x\":1}\" Ftools E " },
	{ "Gemini: no reason", &upstream_gemini, M("{\"text\":\"a\"}", ""),
	  "S T\"a\" !502 stream_cut " },
	{ "Gemini: a reason that says nothing", &upstream_gemini,
	  M("{\"text\":\"a\"}", M_STOP("FINISH_REASON_UNSPECIFIED")),
	  "S T\"a\" !502 stream_cut " },
	{ "Gemini: a broken call", &upstream_gemini, M("", M_STOP("MALFORMED_FUNCTION_CALL")),
	  "S !502 stream_cut " },
	{ "Gemini: a prompt that was blocked", &upstream_gemini,
	  D("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{"
	    "\"promptTokenCount\":4}}"),
	  "S U4/-1/-1/-1 Ffilter E " },
	{ "Gemini: other candidates", &upstream_gemini,
	  D("{\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":\"no\"}]},"
	    "\"finishReason\":\"STOP\"}]}"),
	  "S !502 stream_cut " },
	{ "Gemini: an error inside a 200", &upstream_gemini,
	  D("{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"x\"}}"),
	  "S !429 upstream_rate_limited " },
};

static void reads_streams(void **state)
{
	static const size_t steps[] = { 1, 2, 7, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < LEN(streams); i++) {
		for (size_t k = 0; k < LEN(steps); k++) {
			struct buf t;

			buf_init(&t, 1 << 16);
			trace_reply(streams[i].d, true, 200, span_of(streams[i].stream),
				    steps[k], &t);
			if (strcmp(buf_cstr(&t), streams[i].want) != 0)
				fail_msg("%s, in steps of %zu:\n  %s\nnot\n  %s",
					 streams[i].name, steps[k], buf_cstr(&t),
					 streams[i].want);
			buf_free(&t);
		}
	}
}

/* [DONE] says nothing in these dialects: what stands before it is already the end. */
static void a_cut_is_never_an_end(void **state)
{
	size_t cuts = 0;

	(void)state;
	for (size_t i = 0; i < LEN(streams); i++) {
		const char *done = strstr(streams[i].stream, "data: [DONE]");
		size_t len = done != NULL ? (size_t)(done - streams[i].stream)
					  : strlen(streams[i].stream);

		for (size_t cut = 0; cut < len; cut++, cuts++) {
			struct buf t;

			buf_init(&t, 1 << 16);
			trace_reply(streams[i].d, true, 200,
				    (struct span){ streams[i].stream, cut }, SIZE_MAX, &t);
			if (strstr(buf_cstr(&t), "E ") != NULL ||
			    strchr(buf_cstr(&t), '!') == NULL)
				fail_msg("%s, cut at %zu: %s", streams[i].name, cut,
					 buf_cstr(&t));
			buf_free(&t);
		}
	}
	assert_true(cuts > 5000);
}

static const struct {
	const char *name;
	const struct upstream_dialect *d;
	int status;
	const char *body, *want;
} bodies[] = {
	{ "Anthropic: whole", &upstream_anthropic, 200,
	  "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},{"
	  "\"type\":"
	  "\"text\",\"text\":\"a\"},{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\","
	  "\"input\":{}}"
	  "],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
	  "S R\"hm\" G\"s\" T\"a\" C0 c f A0\"{}\" U1/2/-1/-1 Ftools E " },
	{ "Anthropic: no reason", &upstream_anthropic, 200,
	  "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":null}",
	  "S T\"a\" !502 stream_cut " },
	{ "Anthropic: overloaded", &upstream_anthropic, 529,
	  "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}",
	  "!529 upstream_busy " },
	{ "Ollama: whole", &upstream_ollama, 200,
	  "{\"message\":{\"content\":\"a\",\"thinking\":\"hm\"},\"done\":true,\"done_reason\":"
	  "\"length\",\"prompt_eval_count\":1,\"eval_count\":2}",
	  "S R\"hm\" T\"a\" U1/2/-1/-1 Flength E " },
	{ "Ollama: not done", &upstream_ollama, 200,
	  "{\"message\":{\"content\":\"a\"},\"done\":false}", "S T\"a\" !502 stream_cut " },
	{ "Ollama: no such model", &upstream_ollama, 404, "{\"error\":\"model 'x' not found\"}",
	  "!404 upstream_not_found " },
	{ "Responses: whole", &upstream_openai_responses, 200,
	  "{\"status\":\"completed\",\"error\":null,\"output\":[{\"type\":\"reasoning\","
	  "\"summary\":"
	  "[{\"type\":\"summary_text\",\"text\":\"hm\"}]},{\"type\":\"message\",\"content\":[{"
	  "\"type\":\"output_text\",\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":\"no\"}]}"
	  ",{"
	  "\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}"
	  "]" R_USAGE "}",
	  "S R\"hm\" T\"a\" X\"no\" C0 c f A0\"{}\" U4/2/3/1 Ftools E " },
	{ "Responses: in progress", &upstream_openai_responses, 200,
	  "{\"status\":\"in_progress\",\"output\":[]}", "S !502 stream_cut " },
	{ "Responses: failed", &upstream_openai_responses, 200,
	  "{\"status\":\"failed\",\"error\":{\"code\":\"server_error\"},\"output\":[]}",
	  "S !502 upstream_error " },
	{ "Gemini: whole", &upstream_gemini, 200,
	  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":"
	  "\"MAX_TOKENS\"}]}",
	  "S T\"a\" Flength E " },
	{ "Gemini: a bad key, in an array", &upstream_gemini, 400,
	  "[{\"error\":{\"code\":400,\"message\":\"key AIza is bad\",\"status\":"
	  "\"INVALID_ARGUMENT\"}}]",
	  "!400 upstream_bad_request " },
	{ "nothing", &upstream_gemini, 200, "", "S !502 stream_cut " },
	{ "a page of HTML", &upstream_ollama, 500, "<html>", "!500 upstream_error " },
	{ "moved", &upstream_anthropic, 302, "", "!502 upstream_redirect " },
	{ "a body that is cut", &upstream_openai_responses, 200, "{\"status\":\"completed\"",
	  "S !502 upstream_malformed " },
};

static void reads_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(bodies); i++) {
		for (size_t step = 1; step < 100; step += 90) {
			struct buf t;

			buf_init(&t, 1 << 16);
			trace_reply(bodies[i].d, false, bodies[i].status,
				    span_of(bodies[i].body), step, &t);
			if (strcmp(buf_cstr(&t), bodies[i].want) != 0)
				fail_msg("%s:\n  %s\nnot\n  %s", bodies[i].name, buf_cstr(&t),
					 bodies[i].want);
			buf_free(&t);
		}
	}
}

static bool no_secret(void *ctx, const struct chat_event *ev)
{
	(void)ctx;
	assert_null(ev->text.len > 0 ? memmem(ev->text.ptr, ev->text.len, "sk-secret", 9)
				     : NULL);
	return true;
}

/* Of an upstream's own words only names of errors pass that are known here. */
static void errors_come_from_a_list(void **state)
{
	static const struct upstream_dialect *const dialects[] = { &upstream_anthropic,
								   &upstream_ollama,
								   &upstream_openai_responses,
								   &upstream_gemini };
	static const char *const texts[] = {
		"{\"error\":{\"message\":\"sk-secret\",\"type\":\"sk-secret is bad\"}}",
		"{\"error\":\"sk-secret\"}",
		"{\"type\":\"error\",\"message\":\"sk-secret\",\"code\":\"a sk-secret\"}",
		"{\"error\":{\"code\":\"sk-secret\",\"type\":\"sk-secret\"}}",
	};

	(void)state;
	for (size_t i = 0; i < LEN(dialects) * LEN(texts); i++) {
		const struct upstream_dialect *d = dialects[i / LEN(texts)];
		struct arena *a = arena_new("test", 1 << 20);
		struct upstream_reader *r = d->reader_new(a, false, 4096);

		assert_int_equal(d->reader_status(r, 401, no_secret, NULL), ERR_OK);
		assert_int_equal(
			d->reader_bytes(r, span_of(texts[i % LEN(texts)]), no_secret, NULL),
			ERR_OK);
		assert_int_equal(d->reader_end(r, no_secret, NULL), ERR_DENIED);
		d->reader_free(r);
		arena_free(a);
	}
}

/* One event without an end, or calls without number, never grow memory without bound. */
static void is_bounded(void **state)
{
	static const struct {
		const struct upstream_dialect *d;
		bool stream;
		const char *again;
	} rows[] = {
		{ &upstream_anthropic, true, "data: xxxxxxxxxxxxxxxxxxxxxx" },
		{ &upstream_ollama, true, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
		{ &upstream_gemini, false, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
		{ &upstream_gemini, true, M("{\"functionCall\":{\"name\":\"f\"}}", "") },
		{ &upstream_ollama, true,
		  L("\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]", ",\"done\":false") },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct upstream_reader *r = rows[i].d->reader_new(a, rows[i].stream, 4096);
		struct buf t;
		size_t fed = 0;

		buf_init(&t, 1 << 16);
		enum err e = rows[i].d->reader_status(r, 200, trace_sink, &t);
		while (e == ERR_OK && fed < (1 << 20)) {
			e = rows[i].d->reader_bytes(r, span_of(rows[i].again), trace_sink, &t);
			fed += strlen(rows[i].again);
		}
		CHECK(e == ERR_TOO_BIG, rows[i].again);
		CHECK(strstr(buf_cstr(&t), "!502 upstream_too_big ") != NULL, rows[i].again);
		rows[i].d->reader_free(r);
		arena_free(a);
		buf_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_streams), cmocka_unit_test(a_cut_is_never_an_end),
		cmocka_unit_test(reads_bodies),  cmocka_unit_test(errors_come_from_a_list),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
