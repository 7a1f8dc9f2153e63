/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of OpenAI chat servers to events, and events to the replies that clients get.
 *
 * Events are written as a trace: S start, T"text", R"reasoning", X"refusal", C0 id name,
 * A0"arguments", U in/out/cached/reasoning, F finish, E end, !status code.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dialect/dialect.h"
#include "tests/unit/check.h"

#define D(json) "data: " json "\n\n"
#define CHUNK(choice)                                                                          \
	D("{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"        \
	  "\"m\",\"choices\":[" choice "]}")
#define DELTA(delta) CHUNK("{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}")
#define FINISH(word) CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}")
#define DONE         D("[DONE]")
#define CALLS(calls) DELTA("\"tool_calls\":[" calls "]")

static void trace_event(struct buf *t, const struct chat_event *ev)
{
	static const char *const words[] = { "none", "stop", "length", "tools", "filter" };
	static const char letters[] = "STRX";

	switch (ev->kind) {
	case CHAT_EV_TEXT:
	case CHAT_EV_REASONING:
	case CHAT_EV_REFUSAL:
		buf_printf(t, "%c\"%.*s\"", letters[ev->kind], (int)ev->text.len, ev->text.ptr);
		break;
	case CHAT_EV_TOOL:
		buf_printf(t, "C%u %.*s %.*s", ev->index, (int)ev->id.len, ev->id.ptr,
			   (int)ev->name.len, ev->name.ptr);
		break;
	case CHAT_EV_TOOL_ARGS:
		buf_printf(t, "A%u\"%.*s\"", ev->index, (int)ev->text.len, ev->text.ptr);
		break;
	case CHAT_EV_USAGE:
		buf_printf(t, "U%lld/%lld/%lld/%lld", (long long)ev->input_tokens,
			   (long long)ev->output_tokens, (long long)ev->cached_tokens,
			   (long long)ev->reasoning_tokens);
		break;
	case CHAT_EV_FINISH:
		buf_printf(t, "F%s", words[ev->finish]);
		break;
	case CHAT_EV_ERROR:
		buf_printf(t, "!%d %.*s", ev->status, (int)ev->name.len, ev->name.ptr);
		break;
	default:
		buf_add_char(t, ev->kind == CHAT_EV_START ? 'S' : 'E');
		break;
	}
	if (ev->has_logprob)
		buf_printf(t, "@%g", ev->logprob);
	buf_add_char(t, ' ');
}

static bool trace_sink(void *ctx, const struct chat_event *ev)
{
	trace_event(ctx, ev);
	return true;
}

static void read_reply(bool stream, int status, struct span reply, size_t step, struct buf *t)
{
	struct arena *a = arena_new("test", 1 << 20);
	const struct upstream_dialect *d = &upstream_openai_chat;
	struct upstream_reader *r = d->reader_new(a, stream, 1 << 16);
	enum err e = d->reader_status(r, status, trace_sink, t);

	while (reply.len > 0) {
		size_t n = reply.len < step ? reply.len : step;
		char *copy = malloc(n);

		memcpy(copy, reply.ptr, n);
		e = d->reader_bytes(r, (struct span){ copy, n }, trace_sink, t);
		free(copy);
		reply = (struct span){ reply.ptr + n, reply.len - n };
	}
	e = d->reader_end(r, trace_sink, t);
	assert_int_equal(e != ERR_OK, strchr(buf_cstr(t), '!') != NULL);
	d->reader_free(r);
	arena_free(a);
}

static const struct {
	const char *name, *stream, *want;
} streams[] = {
	{ "text",
	  DELTA("\"role\":\"assistant\",\"content\":\"\"") DELTA("\"content\":\"Hi\"")
		  DELTA("\"content\":\" you\"") FINISH("stop") DONE,
	  "S T\"Hi\" T\" you\" Fstop E " },
	{ "usage in a chunk of its own",
	  DELTA("\"content\":\"a\"") FINISH("stop")
		  D("{\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1,"
		    "\"total_tokens\":5,"
		    "\"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_"
		    "details\":"
		    "{\"reasoning_tokens\":0}}}") DONE,
	  "S T\"a\" U4/1/3/0 Fstop E " },
	{ "usage in every chunk, only changes count",
	  D("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":4,"
	    "\"completion_tokens\":1}}") D("{\"choices\":[{\"delta\":{\"content\":\"b\"}}],"
					   "\"usage\":{\"prompt_tokens\":4,"
					   "\"completion_tokens\":1}}") FINISH("length") DONE,
	  "S T\"a\" U4/1/-1/-1 T\"b\" Flength E " },
	{ "no finish_reason keys until the end",
	  CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"}}") FINISH("stop") DONE,
	  "S T\"a\" Fstop E " },
	{ "nulls anywhere",
	  D("{\"choices\":[{\"index\":null,\"delta\":{\"role\":null,\"content\":null,\"tool_"
	    "calls\":"
	    "null,\"refusal\":null},\"finish_reason\":null,\"logprobs\":null}],\"usage\":null,"
	    "\"error\":null,\"system_fingerprint\":null}") D("{\"choices\":null}")
		  D("{\"choices\":[{\"delta\":null}]}") DELTA("\"content\":\"a\"")
			  FINISH("stop") DONE,
	  "S T\"a\" Fstop E " },
	{ "an empty finish_reason is none",
	  CHUNK("{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}") FINISH("stop") DONE,
	  "S T\"a\" Fstop E " },
	{ "text with the finish, and the finish twice",
	  CHUNK("{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}") FINISH("stop")
		  DONE,
	  "S T\"a\" Fstop E " },
	{ "other choices than the one asked for",
	  CHUNK("{\"index\":1,\"delta\":{\"content\":\"no\"},\"finish_reason\":\"length\"},"
		"{\"index\":0,\"delta\":{\"content\":\"a\"}}") FINISH("stop") DONE,
	  "S T\"a\" Fstop E " },
	{ "comments, CRLF and a byte order mark",
	  "\xef\xbb\xbf"
	  ": ping\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
	  "\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n",
	  "S T\"a\" Fstop E " },
	{ "words of other vendors", DELTA("\"content\":\"a\"") FINISH("MAX_TOKENS") DONE,
	  "S T\"a\" Flength E " },
	{ "filtered", FINISH("content_filter") DONE, "S Ffilter E " },
	{ "escapes", DELTA("\"content\":\"\\u00e9\\n\\ud83d\\ude00\\\"\"") FINISH("stop") DONE,
	  "S T\"\xc3\xa9\n\xf0\x9f\x98\x80\"\" Fstop E " },
	{ "reasoning by one name",
	  DELTA("\"reasoning_content\":\"hm\"") DELTA("\"content\":\"a\"") FINISH("stop") DONE,
	  "S R\"hm\" T\"a\" Fstop E " },
	{ "reasoning by both names counts once",
	  DELTA("\"reasoning\":\"hm\",\"reasoning_content\":\"hm\"") FINISH("stop") DONE,
	  "S R\"hm\" Fstop E " },
	{ "content as parts",
	  DELTA("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"
		"\"hm\"}]},"
		"{\"type\":\"text\",\"text\":\"a\"}]") FINISH("stop") DONE,
	  "S R\"hm\" T\"a\" Fstop E " },
	{ "a refusal", DELTA("\"refusal\":\"no\"") FINISH("stop") DONE, "S X\"no\" Fstop E " },
	{ "token probabilities",
	  CHUNK("{\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\","
		"\"logprob\":"
		"-0.5,\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-1}]}]}}") FINISH("stop")
		  DONE,
	  "S T\"a\"@-0.5 Fstop E " },

	{ "a call in fragments",
	  CALLS("{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"\"}}")
		  CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\"\"}}")
			  CALLS("{\"index\":0,\"function\":{\"arguments\":\":1}\"}}")
				  FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{\"x\"\" A0\":1}\" Ftools E " },
	{ "calls at once, finished as stop",
	  CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
		"{\"index\":1,\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
		  FINISH("stop") DONE,
	  "S C0 c f A0\"{}\" C1 d g A1\"{}\" Ftools E " },
	{ "indexes from 1",
	  CALLS("{\"index\":1,\"id\":\"c\",\"function\":{\"name\":\"f\"}}")
		  CALLS("{\"index\":1,\"function\":{\"arguments\":\"{}\"}}")
			  FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{}\" Ftools E " },
	{ "no index: by id, else the last",
	  CALLS("{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
		  CALLS("{\"function\":{\"arguments\":\"}\"}}")
			  CALLS("{\"id\":\"d\",\"function\":{\"name\":\"g\"}}")
				  CALLS("{\"id\":\"c\",\"function\":{\"arguments\":\" \"}}")
					  FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{\" A0\"}\" C1 d g A0\" \" Ftools E " },
	{ "one index for different calls",
	  CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
		  CALLS("{\"index\":0,\"id\":\"d\",\"function\":{\"name\":\"f\",\"arguments\":"
			"\"{}\"}}") FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{}\" C1 d f A1\"{}\" Ftools E " },
	{ "the id repeated with each fragment",
	  CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
		  CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":"
			"\"}\"}}") FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{\" A0\"}\" Ftools E " },
	{ "no ids at all",
	  CALLS("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
		  CALLS("{\"index\":1,\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
			  FINISH("tool_calls") DONE,
	  "S C0 call_0 f A0\"{}\" C1 call_1 g A1\"{}\" Ftools E " },
	{ "the name after the id",
	  CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"arguments\":\"\"}}")
		  CALLS("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
			  FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{}\" Ftools E " },
	{ "no ids, one index, different functions",
	  CALLS("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
		  CALLS("{\"index\":0,\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
			  FINISH("tool_calls") DONE,
	  "S C0 call_0 f A0\"{}\" C1 call_1 g A1\"{}\" Ftools E " },
	{ "a later call named first",
	  CALLS("{\"index\":0,\"id\":\"c\"},{\"index\":1,\"id\":\"d\",\"function\":{\"name\":"
		"\"g\"}}")
		  CALLS("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
			  FINISH("tool_calls") DONE,
	  "S C0 d g C1 c f A1\"{}\" Ftools E " },
	{ "arguments as an object",
	  CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}"
		"}}") FINISH("tool_calls") DONE,
	  "S C0 c f A0\"{\"x\":1}\" Ftools E " },
	{ "the old way to call",
	  DELTA("\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}")
		  DELTA("\"function_call\":{\"arguments\":\"}\"}") FINISH("function_call") DONE,
	  "S C0 call_0 f A0\"{\" A0\"}\" Ftools E " },

	{ "no [DONE]", DELTA("\"content\":\"a\"") FINISH("stop"), "S T\"a\" !502 stream_cut " },
	{ "[DONE] without a finish", DELTA("\"content\":\"a\"") DONE,
	  "S T\"a\" !502 stream_cut " },
	{ "[DONE] as text is text", DELTA("\"content\":\"[DONE]\"") FINISH("stop"),
	  "S T\"[DONE]\" !502 stream_cut " },
	{ "an end nobody knows",
	  DELTA("\"content\":\"a\"") FINISH("insufficient_system_resource") DONE,
	  "S T\"a\" !502 stream_cut " },
	{ "nothing at all", "", "S !502 stream_cut " },
	{ "tool calls promised and not made", FINISH("tool_calls") DONE,
	  "S !502 upstream_malformed " },
	{ "a call without a name",
	  CALLS("{\"index\":0,\"id\":\"c\"}") FINISH("tool_calls") DONE,
	  "S !502 upstream_malformed " },
	{ "a chunk that is no JSON", DELTA("\"content\":\"a\"") D("{\"choices\":[") DONE,
	  "S T\"a\" !502 upstream_malformed " },
	{ "a chunk that is no object", D("[1]") DONE, "S !502 upstream_malformed " },
	{ "the same key twice", D("{\"choices\":[],\"choices\":[]}"),
	  "S !502 upstream_malformed " },
	{ "content that is a number", DELTA("\"content\":1"), "S !502 upstream_malformed " },
	{ "an error after text",
	  DELTA("\"content\":\"a\"") D("{\"error\":{\"message\":\"secret\",\"code\":500}}")
		  DELTA("\"content\":\"b\"") FINISH("stop") DONE,
	  "S T\"a\" !500 upstream_error " },
	{ "an error that is a text", D("{\"error\":\"overloaded\"}"),
	  "S !502 upstream_error " },
	{ "an error object without a wrapper",
	  D("{\"object\":\"error\",\"message\":\"x\",\"code\":429}"),
	  "S !429 upstream_rate_limited " },
	{ "an error event", "event: error\ndata: {\"message\":\"x\"}\n\n" FINISH("stop") DONE,
	  "S !502 upstream_error " },
	{ "the context is too short",
	  D("{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\",\"message\":\"x\"}"
	    "}"),
	  "S !400 context_length_exceeded " },
};

/* Whole, in single bytes and in pairs. */
static void reads_streams(void **state)
{
	static const size_t steps[] = { 1, 2, 7, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < LEN(streams); i++) {
		for (size_t k = 0; k < LEN(steps); k++) {
			struct buf t;

			buf_init(&t, 1 << 16);
			read_reply(true, 200, span_of(streams[i].stream), steps[k], &t);
			if (strcmp(buf_cstr(&t), streams[i].want) != 0)
				fail_msg("%s, in steps of %zu:\n  %s\nnot\n  %s",
					 streams[i].name, steps[k], buf_cstr(&t),
					 streams[i].want);
			buf_free(&t);
		}
	}
}

/* A stream cut anywhere is never whole. */
static void a_cut_is_never_an_end(void **state)
{
	size_t cuts = 0;

	(void)state;
	for (size_t i = 0; i < LEN(streams); i++) {
		size_t len = strlen(streams[i].stream);

		for (size_t cut = 0; cut < len; cut++) {
			struct buf t;

			if (span_trim((struct span){ streams[i].stream + cut, len - cut })
					    .len == 0 &&
			    streams[i].stream[cut - 1] == '\r')
				continue; /* CR LF CR has ended the event */
			buf_init(&t, 1 << 16);
			read_reply(true, 200, (struct span){ streams[i].stream, cut }, SIZE_MAX,
				   &t);
			if (strstr(buf_cstr(&t), "E ") != NULL ||
			    strchr(buf_cstr(&t), '!') == NULL)
				fail_msg("%s, cut at %zu: %s", streams[i].name, cut,
					 buf_cstr(&t));
			buf_free(&t);
			cuts++;
		}
	}
	assert_true(cuts > 3000);
}

#define BODY(rest)                                                                             \
	"{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"  \
	"{" rest

static const struct {
	const char *name;
	int status;
	const char *body, *want;
} bodies[] = {
	{ "text", 200,
	  BODY("\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],"
	       "\"usage\":"
	       "{\"prompt_tokens\":1,\"completion_tokens\":2}}"),
	  "S T\"Hi\" U1/2/-1/-1 Fstop E " },
	{ "calls", 200,
	  BODY("\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
	       "\"function\":{"
	       "\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}"),
	  "S C0 c f A0\"{}\" Ftools E " },
	{ "cut", 200, BODY("\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]"),
	  "S !502 upstream_malformed " },
	{ "no finish", 200, BODY("\"content\":\"Hi\"},\"finish_reason\":null}]}"),
	  "S T\"Hi\" !502 stream_cut " },
	{ "no choices", 200, "{\"choices\":[]}", "S !502 stream_cut " },
	{ "nothing", 200, "", "S !502 stream_cut " },
	{ "an error inside a 200", 200, "{\"error\":{\"message\":\"x\"}}",
	  "S !502 upstream_error " },
	{ "a bad key", 401,
	  "{\"error\":{\"message\":\"key sk-123 is bad\",\"code\":\"invalid_api_key\"}}",
	  "!401 upstream_auth " },
	{ "too many", 429, "", "!429 upstream_rate_limited " },
	{ "loading", 503,
	  "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":"
	  "\"unavailable_error\"}}",
	  "!503 upstream_busy " },
	{ "a page of HTML", 500, "<html>", "!500 upstream_error " },
	{ "moved", 302, "", "!502 upstream_redirect " },
	{ "too long", 400, "{\"error\":{\"code\":\"context_length_exceeded\"}}",
	  "!400 context_length_exceeded " },
	{ "no such model", 404, "{\"error\":\"x\"}", "!404 upstream_not_found " },
};

static void reads_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(bodies); i++) {
		for (size_t step = 1; step < 100; step += 90) {
			struct buf t;

			buf_init(&t, 1 << 16);
			read_reply(false, bodies[i].status, span_of(bodies[i].body), step, &t);
			if (strcmp(buf_cstr(&t), bodies[i].want) != 0)
				fail_msg("%s: %s", bodies[i].name, buf_cstr(&t));
			buf_free(&t);
		}
	}
}

static bool keep_text(void *ctx, const struct chat_event *ev)
{
	buf_add(ctx, ev->text);
	return true;
}

/* An upstream's own words stay out, but for a short plain code. */
static void errors_come_from_a_list(void **state)
{
	static const char *const replies[] = {
		"{\"error\":{\"message\":\"CANARY\",\"type\":\"CANARY "
		"x\",\"code\":\"CANARY\\n\"}}",
		"{\"error\":{\"code\":"
		"\"CANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARY\"}}",
		"CANARY",
	};

	(void)state;
	for (size_t i = 0; i < LEN(replies); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct upstream_reader *r = upstream_openai_chat.reader_new(a, true, 1000);
		struct buf t;

		buf_init(&t, 1000);
		(void)upstream_openai_chat.reader_status(r, 400, keep_text, &t);
		(void)upstream_openai_chat.reader_bytes(r, span_of(replies[i]), keep_text, &t);
		assert_int_equal(upstream_openai_chat.reader_end(r, keep_text, &t), ERR_DENIED);
		assert_true(t.len > 0 && strstr(buf_cstr(&t), "CANARY") == NULL);
		upstream_openai_chat.reader_free(r);
		arena_free(a);
		buf_free(&t);
	}
}

/* An event, a body or a list of calls without end stops at its cap. */
static void is_bounded(void **state)
{
	static const struct {
		const char *name, *first, *again;
		bool stream;
	} rows[] = {
		{ "an endless event", "data: ", "xxxxxxxxxxxxxxxx", true },
		{ "an endless body", "{\"a\":\"", "xxxxxxxxxxxxxxxx", false },
		{ "endless calls", "",
		  CALLS("{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"), true },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		const struct upstream_dialect *d = &upstream_openai_chat;
		struct upstream_reader *r = d->reader_new(a, rows[i].stream, 4096);
		struct buf t;
		enum err e;
		size_t fed = 0;

		buf_init(&t, 1 << 16);
		(void)d->reader_status(r, 200, trace_sink, &t);
		e = d->reader_bytes(r, span_of(rows[i].first), trace_sink, &t);
		while (e == ERR_OK && fed < (1 << 20)) {
			e = d->reader_bytes(r, span_of(rows[i].again), trace_sink, &t);
			fed += strlen(rows[i].again);
		}
		CHECK(e == ERR_TOO_BIG, rows[i].name);
		CHECK(strstr(buf_cstr(&t), "!502 upstream_too_big ") != NULL, rows[i].name);
		d->reader_free(r);
		arena_free(a);
		buf_free(&t);
	}
}

/* --- events to replies --------------------------------------------------------------- */

#define EV(...) EV_WITH(__VA_ARGS__, )
#define EV_WITH(k, ...)                                                                        \
	{                                                                                      \
		.kind = CHAT_EV_##k, __VA_ARGS__                                               \
	}
#define TXT(s) .text = { s, sizeof(s) - 1 }
#define TOKENS(i, o, c, r)                                                                     \
	.input_tokens = i, .output_tokens = o, .cached_tokens = c, .reasoning_tokens = r
#define HEAD                                                                                   \
	"data: "                                                                               \
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":" \
	"\"m\""
#define OUT(delta, finish)                                                                     \
	HEAD ",\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish      \
	     "}]}\n\n"
#define OUTU(delta, finish)                                                                    \
	HEAD ",\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish      \
	     "}],\"usage\":null}\n\n"
#define WHOLE(message, finish, usage)                                                          \
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":7,\"model\":\"m\"," \
	"\"choices\":[{"                                                                       \
	"\"index\":0,\"message\":{\"role\":\"assistant\"," message "},\"logprobs\":null,"      \
	"\"finish_reason\":\"" finish "\"}]" usage "}"

static const struct {
	const char *name;
	bool stream, include_usage;
	const char *want;
	struct chat_event events[8];
	size_t n;
} replies[] = {
	{ "a stream",
	  true,
	  false,
	  OUT("\"role\":\"assistant\",\"content\":\"\"", "null")
		  OUT("\"content\":\"Hi\\n\"", "null") OUT("", "\"stop\"") "data: [DONE]\n\n",
	  { EV(START), EV(TEXT, TXT("Hi\n")), EV(FINISH, .finish = CHAT_FINISH_STOP),
	    EV(USAGE, TOKENS(4, 1, -1, -1)), EV(END) },
	  5 },
	{ "a stream with usage",
	  true,
	  true,
	  OUTU("\"role\":\"assistant\",\"content\":\"\"", "null")
		  OUTU("\"content\":\"Hi\"", "null") OUTU("", "\"length\"") HEAD
	  ",\"choices\":[],\"usage\":{\"prompt_tokens\":4,"
	  "\"completion_tokens\":1,\"total_tokens\":5,\"prompt_tokens_details\":{\"cached_"
	  "tokens\":3},"
	  "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n"
	  "data: [DONE]\n\n",
	  { EV(START), EV(TEXT, TXT("Hi")), EV(FINISH, .finish = CHAT_FINISH_LENGTH),
	    EV(USAGE, TOKENS(4, 1, 3, 0)), EV(END) },
	  5 },
	{ "usage that nobody knows is not invented",
	  true,
	  true,
	  OUTU("\"role\":\"assistant\",\"content\":\"\"", "null")
		  OUTU("", "\"content_filter\"") "data: [DONE]\n\n",
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_FILTER),
	    EV(USAGE, TOKENS(4, -1, -1, -1)), EV(END) },
	  4 },
	{ "calls",
	  true,
	  false,
	  OUT("\"role\":\"assistant\",\"content\":null", "null") OUT(
		  "\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\","
		  "\"function\":{\"name\":\"f\","
		  "\"arguments\":\"\"}}]",
		  "null") OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{"
			      "\\\"x\\\"\"}}]",
			      "null") OUT("\"tool_calls\":[{\"index\":1,\"id\":\"d\",\"type\":"
					  "\"function\",\"function\":{\"name\":\"g\","
					  "\"arguments\":\"\"}}]",
					  "null")
		  OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]",
		      "null") OUT("\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{"
				  "}\"}}]",
				  "null") OUT("", "\"tool_calls\"") "data: [DONE]\n\n",
	  { EV(START), EV(TOOL, .index = 0, .id = { "c", 1 }, .name = { "f", 1 }),
	    EV(TOOL_ARGS, .index = 0, TXT("{\"x\"")),
	    EV(TOOL, .index = 1, .id = { "d", 1 }, .name = { "g", 1 }),
	    EV(TOOL_ARGS, .index = 0, TXT(":1}")), EV(FINISH, .finish = CHAT_FINISH_TOOLS),
	    EV(END) },
	  7 },
	{ "an error in the stream",
	  true,
	  false,
	  OUT("\"role\":\"assistant\",\"content\":\"\"", "null")
		  OUT("\"content\":\"Hi\"",
		      "null") "data: {\"error\":{\"message\":\"It "
			      "broke.\",\"type\":\"server_error\",\"param\":null,\"code\":"
			      "\"stream_cut\"}}\n\n",
	  { EV(START), EV(TEXT, TXT("Hi")),
	    EV(ERROR, .status = 502, .name = { "stream_cut", 10 }, TXT("It broke.")) },
	  3 },
	{ "what failed after it was sent is no fault of the request",
	  true,
	  false,
	  OUT("\"role\":\"assistant\",\"content\":\"\"", "null")
		  OUT("\"content\":\"Hi\"",
		      "null") "data: {\"error\":{\"message\":\"It "
			      "broke.\",\"type\":\"server_error\",\"param\":null,\"code\":"
			      "\"upstream_busy\"}}\n\n",
	  { EV(START), EV(TEXT, TXT("Hi")),
	    EV(ERROR, .status = 424, .name = { "upstream_busy", 13 }, TXT("It broke.")) },
	  3 },
	{ "reasoning and a refusal",
	  true,
	  false,
	  OUT("\"role\":\"assistant\",\"content\":\"\"", "null")
		  OUT("\"reasoning_content\":\"hm\"", "null") OUT("\"refusal\":\"no\"", "null")
			  OUT("", "\"stop\"") "data: [DONE]\n\n",
	  { EV(START), EV(REASONING, TXT("hm")), EV(REFUSAL, TXT("no")),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  5 },

	{ "a whole reply",
	  false,
	  false,
	  WHOLE("\"content\":\"Hi you\",\"refusal\":null", "stop",
		",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1,\"total_tokens\":5}"),
	  { EV(START), EV(TEXT, TXT("Hi")), EV(TEXT, TXT(" you")),
	    EV(USAGE, TOKENS(4, 1, -1, -1)), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  6 },
	{ "whole, with calls",
	  false,
	  false,
	  WHOLE("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":"
		"\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},{\"id\":\"d\","
		"\"type\":"
		"\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]",
		"tool_calls", ""),
	  { EV(START), EV(TOOL, .index = 0, .id = { "c", 1 }, .name = { "f", 1 }),
	    EV(TOOL_ARGS, .index = 0, TXT("{\"x\"")),
	    EV(TOOL, .index = 1, .id = { "d", 1 }, .name = { "g", 1 }),
	    EV(TOOL_ARGS, .index = 0, TXT(":1}")), EV(FINISH, .finish = CHAT_FINISH_TOOLS),
	    EV(END) },
	  7 },
	{ "whole, with nothing",
	  false,
	  false,
	  WHOLE("\"content\":\"\",\"refusal\":null", "length", ""),
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  3 },
	{ "whole, failed",
	  false,
	  false,
	  "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":null,"
	  "\"code\":null}}",
	  { EV(START), EV(TEXT, TXT("Hi")), EV(ERROR, .status = 400, TXT("m")) },
	  3 },
};

static bool write_reply(bool stream, bool include_usage, const struct chat_event *events,
			size_t n, struct buf *out)
{
	const struct reply_head head = { .id = "chatcmpl-1",
					 .created_s = 7,
					 .model = "m",
					 .stream = stream,
					 .include_usage = include_usage };
	struct arena *a = arena_new("test", 1 << 20);
	struct reply_writer *w = dialect_openai_chat.writer_new(a, &head);
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = ok && dialect_openai_chat.writer_event(w, &events[i], out);
	arena_free(a);
	return ok;
}

static void writes_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(replies); i++) {
		struct buf out;

		buf_init(&out, 1 << 16);
		CHECK(write_reply(replies[i].stream, replies[i].include_usage,
				  replies[i].events, replies[i].n, &out),
		      replies[i].name);
		if (strcmp(buf_cstr(&out), replies[i].want) != 0)
			fail_msg("%s:\n%s\nnot\n%s", replies[i].name, buf_cstr(&out),
				 replies[i].want);
		buf_free(&out);
	}
}

/* Until there is content nothing is written, so a failure can still be a plain status. */
static void start_promises_nothing(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_true(write_reply(true, true,
				(struct chat_event[]){ EV(START), EV(TEXT, TXT("")),
						       EV(USAGE, TOKENS(1, 1, 1, 1)) },
				3, &out));
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static const struct {
	const char *name;
	struct chat_event events[5];
	size_t n;
} disorder[] = {
	{ "text before the start", { EV(TEXT, TXT("a")) }, 1 },
	{ "two starts", { EV(START), EV(START) }, 2 },
	{ "an end without a finish", { EV(START), EV(END) }, 2 },
	{ "an end at once", { EV(END) }, 1 },
	{ "a finish without a reason", { EV(START), EV(FINISH) }, 2 },
	{ "two finishes",
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_STOP),
	    EV(FINISH, .finish = CHAT_FINISH_STOP) },
	  3 },
	{ "text after the finish",
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(TEXT, TXT("a")) },
	  3 },
	{ "anything after the end",
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END), EV(USAGE) },
	  4 },
	{ "anything after an error", { EV(START), EV(ERROR, .status = 500), EV(END) }, 3 },
	{ "a call out of turn",
	  { EV(START), EV(TOOL, .index = 1, .id = { "a", 1 }, .name = { "b", 1 }) },
	  2 },
	{ "a call without an id", { EV(START), EV(TOOL, .name = { "b", 1 }) }, 2 },
	{ "arguments for no call", { EV(START), EV(TOOL_ARGS, TXT("a")) }, 2 },
};

static void refuses_disorder(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(disorder); i++) {
		for (int stream = 0; stream < 2; stream++) {
			struct buf out;

			buf_init(&out, 1 << 16);
			CHECK(!write_reply(stream, false, disorder[i].events, disorder[i].n,
					   &out),
			      disorder[i].name);
			CHECK(write_reply(stream, false, disorder[i].events, disorder[i].n - 1,
					  &out),
			      disorder[i].name);
			buf_free(&out);
		}
	}
}

static void a_full_arena_is_no_reply(void **state)
{
	const struct reply_head head = { .id = "x", .model = "m" };
	struct arena *a = arena_new("test", 10000);
	struct reply_writer *w = dialect_openai_chat.writer_new(a, &head);
	struct chat_event start = EV(START), text = EV(TEXT, TXT("0123456789012345"));
	struct buf out;
	unsigned n = 0;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_true(dialect_openai_chat.writer_event(w, &start, &out));
	while (n < 10000 && dialect_openai_chat.writer_event(w, &text, &out))
		n++;
	assert_true(n > 10 && n < 1000);
	assert_int_equal(out.len, 0);
	arena_free(a);
	buf_free(&out);
}

/* --- there and back ------------------------------------------------------------------ */

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t dice(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static struct span some_text(void)
{
	static const char *const texts[] = { "a",
					     "Hello ",
					     "\xc3\xa9",
					     "\"\\\n\t\x01",
					     "data: [DONE]\n\n",
					     "\xf0\x9f\x98\x80",
					     "{\"error\":1}",
					     "\xe2\x80\xa8" };

	return span_of(texts[dice(LEN(texts))]);
}

/* A random answer in the order a reader gives it. */
static size_t some_events(struct chat_event *ev, bool stream)
{
	static const char *const ids[] = { "id0", "id1", "id2", "id3" };
	size_t n = 0;
	uint32_t calls = 0;

	ev[n++] = (struct chat_event)EV(START);
	for (uint32_t i = dice(6); i > 0; i--) {
		enum chat_event_kind kind = (enum chat_event_kind)(CHAT_EV_TEXT + dice(3));

		ev[n++] = (struct chat_event){ .kind = kind, .text = some_text() };
	}
	for (uint32_t i = dice(5); i > 0; i--, calls++) {
		ev[n++] = (struct chat_event)EV(
			TOOL, .index = calls, .id = { ids[calls % 4], 3 }, .name = { "f", 1 });
		ev[n++] = (struct chat_event)EV(TOOL_ARGS, .index = calls, .text = some_text());
		if (stream && dice(2))
			ev[n++] = (struct chat_event)EV(TOOL_ARGS, .index = dice(calls + 1),
							.text = some_text());
	}
	if (dice(2))
		ev[n++] = (struct chat_event)EV(
			USAGE, TOKENS(dice(9), dice(9), (int)dice(9) - 1, (int)dice(9) - 1));
	enum chat_finish plain[] = { CHAT_FINISH_STOP, CHAT_FINISH_LENGTH, CHAT_FINISH_FILTER };
	ev[n++] = (struct chat_event)EV(FINISH, .finish = calls > 0 ? CHAT_FINISH_TOOLS
								    : plain[dice(3)]);
	ev[n++] = (struct chat_event)EV(END);
	return n;
}

static void stream_round_trip(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct chat_event ev[40];
		size_t n = some_events(ev, true);
		struct buf wire, want, got;

		buf_init(&wire, 1 << 16);
		buf_init(&want, 1 << 16);
		buf_init(&got, 1 << 16);
		for (size_t i = 0; i < n; i++)
			trace_event(&want, &ev[i]);
		CHECK(write_reply(true, true, ev, n, &wire), buf_cstr(&want));
		read_reply(true, 200, buf_span(&wire), 1 + dice(100), &got);
		if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
			fail_msg("round %u:\n%s\nnot\n%s", round, buf_cstr(&got),
				 buf_cstr(&want));
		buf_free(&wire);
		buf_free(&want);
		buf_free(&got);
	}
}

/* In a whole reply texts of one kind have joined and stand in the reader's order. */
static void whole_round_trip(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		struct chat_event ev[40];
		size_t n = some_events(ev, false);
		struct buf first, want, got;

		buf_init(&first, 1 << 16);
		buf_init(&want, 1 << 16);
		buf_init(&got, 1 << 16);
		assert_true(write_reply(false, false, ev, n, &first));
		read_reply(false, 200, buf_span(&first), 1 + dice(1000), &got);
		CHECK(strstr(buf_cstr(&got), "E ") != NULL, buf_cstr(&got));
		for (size_t i = 0; i < n; i++)
			if (ev[i].kind == CHAT_EV_TOOL || ev[i].kind == CHAT_EV_TOOL_ARGS ||
			    ev[i].kind == CHAT_EV_FINISH) {
				buf_clear(&want);
				trace_event(&want, &ev[i]);
				CHECK(strstr(buf_cstr(&got), buf_cstr(&want)) != NULL,
				      buf_cstr(&want));
			}
		buf_free(&first);
		buf_free(&want);
		buf_free(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_streams),
		cmocka_unit_test(a_cut_is_never_an_end),
		cmocka_unit_test(reads_bodies),
		cmocka_unit_test(errors_come_from_a_list),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(writes_replies),
		cmocka_unit_test(start_promises_nothing),
		cmocka_unit_test(refuses_disorder),
		cmocka_unit_test(a_full_arena_is_no_reply),
		cmocka_unit_test(stream_round_trip),
		cmocka_unit_test(whole_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
