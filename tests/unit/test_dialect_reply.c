/* SPDX-License-Identifier: Apache-2.0 */
/* Events to replies, byte by byte, in the dialects beside OpenAI chat. */
#include <stdio.h>

#include "tests/unit/dialect_trace.h"

#define E(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define A_START(usage)                                                                         \
	E("message_start",                                                                     \
	  ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","        \
	  "\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"        \
	  "\"usage\":{" usage "}}")
#define A_BEGIN(n, block)                                                                      \
	E("content_block_start", ",\"index\":" n ",\"content_block\":{" block "}")
#define A_DELTA(n, delta)                                                                      \
	E("content_block_delta", ",\"index\":" n ",\"delta\":{\"type\":" delta "}")
#define A_STOP(n) E("content_block_stop", ",\"index\":" n)
#define A_END(reason, usage)                                                                   \
	E("message_delta", ",\"delta\":{\"stop_reason\":\"" reason                             \
			   "\",\"stop_sequence\":null},\"usage\":{" usage "}")                 \
	E("message_stop", "")
#define NO_USAGE      "\"input_tokens\":0,\"output_tokens\":0"
#define A_TEXT        "\"type\":\"text\",\"text\":\"\""
#define A_THINK       "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\""
#define A_CALL(id, f) "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" f "\",\"input\":{}"
#define A_WHOLE(content, reason, usage)                                                        \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","       \
	"\"content\":[" content "],\"stop_reason\":\"" reason                                  \
	"\",\"stop_sequence\":null,\"usage\":{" usage "}}"

#define O_HEAD "{\"model\":\"m\",\"created_at\":\"1970-01-01T00:00:07Z\""
#define O_LINE(message)                                                                        \
	O_HEAD ",\"message\":{\"role\":\"assistant\"," message "},\"done\":false}\n"
#define O_TIMES(counts, evals)                                                                 \
	"\"total_duration\":0,\"load_duration\":0," counts "\"prompt_eval_duration\":0," evals \
	"\"eval_duration\":0}"
#define O_END(message, reason, counts, evals)                                                  \
	O_HEAD ",\"message\":{\"role\":\"assistant\"," message "},\"done\":true,"              \
	       "\"done_reason\":\"" reason "\"," O_TIMES(counts, evals)
#define G_END(text, reason)                                                                    \
	O_HEAD ",\"response\":\"" text "\",\"done\":true,\"done_reason\":\"" reason            \
	       "\",\"context\":[]," O_TIMES("\"prompt_eval_count\":0,", "\"eval_count\":0,")

#define C_HEAD                                                                                 \
	"{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":7,\"model\":\"m\","     \
	"\"choices\":["
#define C_CHOICE(text, finish)                                                                 \
	"{\"index\":0,\"text\":\"" text "\",\"logprobs\":null,\"finish_reason\":" finish "}"
#define C_CHUNK(text, finish) "data: " C_HEAD C_CHOICE(text, finish) "]}\n\n"

static const struct {
	const char *name;
	const struct client_dialect *d;
	bool stream;
	const char *want;
	struct chat_event events[10];
	size_t n;
} replies[] = {
	{ "a stream of messages",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_TEXT)
		  A_DELTA("0", "\"text_delta\",\"text\":\"Hi\\n\"") A_STOP("0")
			  A_END("end_turn", "\"input_tokens\":4,\"output_tokens\":1"),
	  { EV(START), EV(TEXT, TXT("Hi\n")), EV(FINISH, .finish = CHAT_FINISH_STOP),
	    EV(USAGE, TOKENS(4, 1, -1, -1)), EV(END) },
	  5 },
	{ "another part is another block",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_TEXT) A_DELTA("0", "\"text_delta\",\"text\":\"a\"")
		  A_STOP("0") A_BEGIN("1", A_TEXT) A_DELTA("1", "\"text_delta\",\"text\":\"b\"")
			  A_STOP("1") A_END("end_turn", NO_USAGE),
	  { EV(START), EV(BREAK), EV(TEXT, TXT("a")), EV(BREAK), EV(TEXT, TXT("b")), EV(BREAK),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  8 },
	{ "where there are no parts the text goes on",
	  &dialect_openai_completions,
	  true,
	  C_CHUNK("a", "null") C_CHUNK("b", "null") C_CHUNK("", "\"stop\"") "data: [DONE]\n\n",
	  { EV(START), EV(TEXT, TXT("a")), EV(BREAK), EV(TEXT, TXT("b")),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  6 },
	{ "what came from the cache is counted apart",
	  &dialect_anthropic_messages,
	  true,
	  A_START("\"input_tokens\":1,\"cache_read_input_tokens\":3,\"output_tokens\":0")
		  A_BEGIN("0", A_TEXT) A_DELTA("0", "\"text_delta\",\"text\":\"a\"") A_STOP("0")
			  A_END("max_tokens",
				"\"input_tokens\":1,\"cache_read_input_tokens\":3,"
				"\"output_tokens\":9"),
	  { EV(START), EV(USAGE, TOKENS(4, 0, 3, -1)), EV(TEXT, TXT("a")),
	    EV(USAGE, TOKENS(4, 9, 3, -1)), EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  6 },
	{ "thoughts are signed before their block stops",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_THINK)
		  A_DELTA("0", "\"thinking_delta\",\"thinking\":\"hm\"") A_DELTA(
			  "0", "\"signature_delta\",\"signature\":\"sig\"") A_STOP("0")
			  A_BEGIN("1", A_TEXT) A_DELTA("1", "\"text_delta\",\"text\":\"a\"")
				  A_STOP("1") A_END("end_turn", NO_USAGE),
	  { EV(START), EV(REASONING, TXT("hm")), EV(REASONING, .id = { "sig", 3 }),
	    EV(TEXT, TXT("a")), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  6 },
	{ "thoughts of a model that signs nothing",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_THINK)
		  A_DELTA("0", "\"thinking_delta\",\"thinking\":\"hm\"")
			  A_DELTA("0", "\"signature_delta\",\"signature\":\"\"") A_STOP("0")
				  A_END("end_turn", NO_USAGE),
	  { EV(START), EV(REASONING, TXT("hm")), EV(FINISH, .finish = CHAT_FINISH_STOP),
	    EV(END) },
	  4 },
	{ "a call after a text",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_TEXT) A_DELTA("0", "\"text_delta\",\"text\":\"a\"")
		  A_STOP("0") A_BEGIN("1", A_CALL("c", "f"))
			  A_DELTA("1", "\"input_json_delta\",\"partial_json\":\"{\\\"x\\\"\"")
				  A_DELTA("1", "\"input_json_delta\",\"partial_json\":\":1}\"")
					  A_STOP("1") A_END("tool_use", NO_USAGE),
	  { EV(START), EV(TEXT, TXT("a")), CALL(0, "c", "f"), ARGS(0, "{\"x\""), ARGS(0, ":1}"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  7 },
	{ "mixed calls come one after the other",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_CALL("c", "f"))
		  A_DELTA("0", "\"input_json_delta\",\"partial_json\":\"{\"")
			  A_DELTA("0", "\"input_json_delta\",\"partial_json\":\"}\"")
				  A_STOP("0") A_BEGIN("1", A_CALL("d", "g"))
					  A_DELTA("1", "\"input_json_delta\",\"partial_json\":"
						       "\"{}\"") A_STOP("1")
						  A_END("tool_use", NO_USAGE),
	  { EV(START), CALL(0, "c", "f"), CALL(1, "d", "g"), ARGS(0, "{"), ARGS(1, "{}"),
	    ARGS(0, "}"), EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  8 },
	{ "a text behind a call that is not over waits",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_BEGIN("0", A_CALL("c", "f")) A_STOP("0") A_BEGIN("1", A_TEXT)
		  A_DELTA("1", "\"text_delta\",\"text\":\"ab\"") A_STOP("1")
			  A_END("tool_use", NO_USAGE),
	  { EV(START), CALL(0, "c", "f"), EV(TEXT, TXT("a")), EV(TEXT, TXT("b")),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  6 },
	{ "a message of nothing",
	  &dialect_anthropic_messages,
	  true,
	  A_START(NO_USAGE) A_END("end_turn", NO_USAGE),
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  3 },
	{ "a refusal is a text and a reason",
	  &dialect_anthropic_messages,
	  false,
	  A_WHOLE("{\"type\":\"text\",\"text\":\"no\"}", "refusal", NO_USAGE),
	  { EV(START), EV(REFUSAL, TXT("no")), EV(FINISH, .finish = CHAT_FINISH_STOP),
	    EV(END) },
	  4 },
	{ "a whole message",
	  &dialect_anthropic_messages,
	  false,
	  A_WHOLE("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"sig\"},{\"type\":"
		  "\"text\",\"text\":\"ab\"},{\"type\":\"tool_use\",\"id\":\"c\",\"name\":"
		  "\"f\","
		  "\"input\":{\"x\":1}}",
		  "tool_use", "\"input_tokens\":4,\"output_tokens\":2"),
	  { EV(START), EV(REASONING, TXT("hm")), EV(REASONING, .id = { "sig", 3 }),
	    EV(TEXT, TXT("a")), EV(TEXT, TXT("b")), CALL(0, "c", "f"), ARGS(0, "{\"x\":1}"),
	    EV(USAGE, TOKENS(4, 2, -1, -1)), EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  10 },
	{ "a call cut by a limit is left out",
	  &dialect_anthropic_messages,
	  false,
	  A_WHOLE("", "max_tokens", NO_USAGE),
	  { EV(START), CALL(0, "c", "f"), ARGS(0, "{\"cmd\":\"rm -r"),
	    EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  5 },
	{ "a failed message",
	  &dialect_anthropic_messages,
	  false,
	  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"},"
	  "\"request_id\":null}",
	  { EV(START), EV(TEXT, TXT("a")), EV(ERROR, .status = 429, TXT("m")) },
	  3 },

	{ "lines",
	  &dialect_ollama_chat,
	  true,
	  O_LINE("\"content\":\"\",\"thinking\":\"hm\"") O_LINE("\"content\":\"Hi\\n\"")
		  O_END("\"content\":\"\"", "stop", "\"prompt_eval_count\":4,",
			"\"eval_count\":1,") "\n",
	  { EV(START), EV(REASONING, TXT("hm")), EV(TEXT, TXT("Hi\n")),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(USAGE, TOKENS(4, 1, -1, -1)), EV(END) },
	  6 },
	{ "calls come whole",
	  &dialect_ollama_chat,
	  true,
	  O_LINE("\"content\":\"\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
		 "\"arguments\":{\"x\":1}}},{\"id\":\"d\",\"function\":{\"name\":\"g\","
		 "\"arguments\":{}}}]")
		  O_END("\"content\":\"\"", "stop", "\"prompt_eval_count\":0,",
			"\"eval_count\":0,") "\n",
	  { EV(START), CALL(0, "c", "f"), ARGS(0, "{\"x\""), CALL(1, "d", "g"), ARGS(0, ":1}"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  7 },
	{ "one object",
	  &dialect_ollama_chat,
	  false,
	  O_END("\"content\":\"ab\",\"thinking\":\"hm\",\"tool_calls\":[{\"id\":\"c\","
		"\"function\":{\"name\":\"f\",\"arguments\":{}}}]",
		"stop", "\"prompt_eval_count\":0,", "\"eval_count\":0,"),
	  { EV(START), EV(REASONING, TXT("hm")), EV(TEXT, TXT("a")), EV(TEXT, TXT("b")),
	    CALL(0, "c", "f"), EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  7 },
	{ "a length is a length",
	  &dialect_ollama_chat,
	  false,
	  O_END("\"content\":\"\"", "length", "\"prompt_eval_count\":0,", "\"eval_count\":0,"),
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  3 },
	{ "lines of a prompt",
	  &dialect_ollama_generate,
	  true,
	  O_HEAD ",\"response\":\"a\",\"done\":false}\n" G_END("", "stop") "\n",
	  { EV(START), EV(TEXT, TXT("a")), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  4 },
	{ "a prompt in one object",
	  &dialect_ollama_generate,
	  false,
	  G_END("a", "length"),
	  { EV(START), EV(TEXT, TXT("a")), EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  4 },
	{ "a failed line",
	  &dialect_ollama_chat,
	  true,
	  O_LINE("\"content\":\"a\"") "{\"error\":\"m\"}\n",
	  { EV(START), EV(TEXT, TXT("a")), EV(ERROR, .status = 502, TXT("m")) },
	  3 },

	{ "a stream of completions",
	  &dialect_openai_completions,
	  true,
	  C_CHUNK("a", "null") C_CHUNK("", "\"length\"") "data: [DONE]\n\n",
	  { EV(START), EV(REASONING, TXT("hm")), EV(TEXT, TXT("a")),
	    EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  5 },
	{ "a whole completion",
	  &dialect_openai_completions,
	  false,
	  C_HEAD C_CHOICE("ab", "\"stop\"") "],\"usage\":{\"prompt_tokens\":4,"
					    "\"completion_tokens\":2,\"total_tokens\":6}}",
	  { EV(START), EV(TEXT, TXT("a")), EV(TEXT, TXT("b")), EV(USAGE, TOKENS(4, 2, -1, -1)),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  6 },
};

static void writes_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(replies); i++) {
		struct buf out;

		buf_init(&out, 1 << 16);
		CHECK(write_events(replies[i].d, replies[i].stream, false, replies[i].events,
				   replies[i].n, &out),
		      replies[i].name);
		if (strcmp(buf_cstr(&out), replies[i].want) != 0)
			fail_msg("%s:\n%s\nnot\n%s", replies[i].name, buf_cstr(&out),
				 replies[i].want);
		buf_free(&out);
	}
}

/* --- Responses: names and numbers of the events, and what closes them ----------------- */

static const struct {
	const char *name, *events, *last;
	struct chat_event in[8];
	size_t n;
} responses[] = {
	{ "text",
	  "created in_progress output_item.added content_part.added output_text.delta "
	  "output_text.delta output_text.done content_part.done output_item.done completed ",
	  "\"status\":\"completed\"",
	  { EV(START), EV(TEXT, TXT("a")), EV(TEXT, TXT("b")),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  5 },
	{ "another part is another message",
	  "created in_progress output_item.added content_part.added output_text.delta "
	  "output_text.done content_part.done output_item.done output_item.added "
	  "content_part.added output_text.delta output_text.done content_part.done "
	  "output_item.done completed ",
	  "\"status\":\"completed\"",
	  { EV(START), EV(TEXT, TXT("a")), EV(BREAK), EV(TEXT, TXT("b")),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  6 },
	{ "thoughts, then text",
	  "created in_progress output_item.added content_part.added reasoning_text.delta "
	  "reasoning_text.done content_part.done output_item.done output_item.added "
	  "content_part.added output_text.delta output_text.done content_part.done "
	  "output_item.done completed ",
	  "\"status\":\"completed\"",
	  { EV(START), EV(REASONING, TXT("a")), EV(TEXT, TXT("b")),
	    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END) },
	  5 },
	{ "mixed calls",
	  "created in_progress output_item.added output_item.added "
	  "function_call_arguments.delta function_call_arguments.delta "
	  "function_call_arguments.done output_item.done function_call_arguments.done "
	  "output_item.done completed ",
	  "\"status\":\"completed\"",
	  { EV(START), CALL(0, "c", "f"), CALL(1, "d", "g"), ARGS(1, "{}"), ARGS(0, "{}"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS), EV(END) },
	  7 },
	{ "a refusal",
	  "created in_progress output_item.added content_part.added refusal.delta refusal.done "
	  "content_part.done output_item.done completed ",
	  "\"status\":\"completed\"",
	  { EV(START), EV(REFUSAL, TXT("no")), EV(FINISH, .finish = CHAT_FINISH_STOP),
	    EV(END) },
	  4 },
	{ "a length is incomplete",
	  "created in_progress output_item.added content_part.added output_text.delta "
	  "output_text.done content_part.done output_item.done incomplete ",
	  "\"status\":\"incomplete\",\"error\":null,\"incomplete_details\":{\"reason\":"
	  "\"max_output_tokens\"}",
	  { EV(START), EV(TEXT, TXT("a")), EV(FINISH, .finish = CHAT_FINISH_LENGTH), EV(END) },
	  4 },
	{ "a filter is incomplete",
	  "created in_progress incomplete ",
	  "\"incomplete_details\":{\"reason\":\"content_filter\"}",
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_FILTER), EV(END) },
	  3 },
	{ "a failure in both forms",
	  "created in_progress output_item.added content_part.added output_text.delta error "
	  "failed ",
	  "\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"m\"}",
	  { EV(START), EV(TEXT, TXT("a")),
	    EV(ERROR, .status = 502, .name = { "stream_cut", 10 }, TXT("m")) },
	  3 },
};

static void list_events(const char *wire, struct buf *names, const char *row)
{
	unsigned expected = 0;

	for (const char *p = wire; (p = strstr(p, "event: ")) != NULL;) {
		char type[64], from_data[64];
		unsigned number;

		if (sscanf(p,
			   "event: %63[^\n]\ndata: "
			   "{\"type\":\"%63[^\"]\",\"sequence_number\":%u",
			   type, from_data, &number) != 3)
			fail_msg("%s: %s", row, p);
		CHECK(strcmp(type, from_data) == 0 && number == expected++, row);
		buf_printf(names, "%s ", strncmp(type, "response.", 9) == 0 ? type + 9 : type);
		p += 7;
	}
}

static void responses_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(responses); i++) {
		struct buf out, names;

		buf_init(&out, 1 << 16);
		buf_init(&names, 4096);
		CHECK(write_events(&dialect_openai_responses, true, false, responses[i].in,
				   responses[i].n, &out),
		      responses[i].name);
		list_events(buf_cstr(&out), &names, responses[i].name);
		if (strcmp(buf_cstr(&names), responses[i].events) != 0)
			fail_msg("%s: %s", responses[i].name, buf_cstr(&names));
		CHECK(strstr(buf_cstr(&out), responses[i].last) != NULL, buf_cstr(&out));
		bool failed = responses[i].in[responses[i].n - 1].kind == CHAT_EV_ERROR;
		CHECK((strstr(buf_cstr(&out), "data: [DONE]\n\n") == NULL) == failed,
		      responses[i].name);
		CHECK(!failed ||
			      strstr(buf_cstr(&out),
				     "\"code\":\"stream_cut\",\"message\":\"m\",\"param\":null,"
				     "\"error\":{\"message\":\"m\",\"type\":\"server_error\","
				     "\"param\":null,\"code\":\"stream_cut\"}") != NULL,
		      buf_cstr(&out));
		buf_free(&out);
		buf_free(&names);
	}
}

/* The request is said again, and nothing is ever stored. */
static void a_response_repeats_the_request(void **state)
{
	const char *body =
		"{\"model\":\"x\",\"input\":\"a\",\"store\":true,\"temperature\":0.5,"
		"\"max_output_tokens\":7,\"parallel_tool_calls\":false,\"tools\":[{"
		"\"type\":\"function\",\"name\":\"f\",\"parameters\":{}}],"
		"\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}}";
	static const char *const said[] = {
		"\"temperature\":0.5,\"top_p\":null",
		"\"max_output_tokens\":7",
		"\"parallel_tool_calls\":false",
		"\"store\":false",
		("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{},"
		 "\"strict\":"
		 "false}]"),
		"\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}",
		"\"previous_response_id\":null",
		"\"id\":\"resp_1\""
	};
	const struct chat_event ev[] = { EV(START), EV(FINISH, .finish = CHAT_FINISH_STOP),
					 EV(END) };
	struct arena *a = arena_new("test", 1 << 20);
	struct chat c;
	struct chat_problem p;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(dialect_openai_responses.read(span_of(body), a, &c, &p), ERR_OK);
	const struct reply_head head = { .id = "chatcmpl-1", .model = "m", .chat = &c };
	struct reply_writer *w = dialect_openai_responses.writer_new(a, &head);
	for (size_t i = 0; i < LEN(ev); i++)
		assert_true(dialect_openai_responses.writer_event(w, &ev[i], &out));
	for (size_t i = 0; i < LEN(said); i++)
		CHECK(strstr(buf_cstr(&out), said[i]) != NULL, said[i]);
	buf_free(&out);
	arena_free(a);
}

/* --- what cannot be said ------------------------------------------------------------- */

static const struct {
	const char *name;
	struct chat_event events[5];
	size_t n;
} unsayable[] = {
	{ "arguments that are no JSON",
	  { EV(START), CALL(0, "c", "f"), ARGS(0, "{\"x\":"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS) },
	  4 },
	{ "arguments that are a list",
	  { EV(START), CALL(0, "c", "f"), ARGS(0, "[1]"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS) },
	  4 },
	{ "two objects for one call",
	  { EV(START), CALL(0, "c", "f"), ARGS(0, "{}{}"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS) },
	  4 },
	{ "a key twice",
	  { EV(START), CALL(0, "c", "f"), ARGS(0, "{\"x\":1,\"x\":2}"),
	    EV(FINISH, .finish = CHAT_FINISH_TOOLS) },
	  4 },
};

/* Where a client gets an object, what is none becomes an error, never a made-up object. */
static void broken_arguments_are_an_error(void **state)
{
	static const struct client_dialect *const dialects[] = { &dialect_anthropic_messages,
								 &dialect_ollama_chat };

	(void)state;
	for (size_t i = 0; i < LEN(unsayable) * 4; i++) {
		const struct client_dialect *d = dialects[i & 1];
		bool stream = i & 2;
		size_t row = i / 4;
		struct arena *a = arena_new("test", 1 << 20);
		const struct reply_head head = { .id = "x", .model = "m", .stream = stream };
		struct reply_writer *w = d->writer_new(a, &head);
		const struct chat_event error = EV(ERROR, .status = 502, TXT("m"));
		struct buf out;
		bool ok = true;

		buf_init(&out, 1 << 16);
		for (size_t k = 0; k < unsayable[row].n; k++)
			ok = ok && d->writer_event(w, &unsayable[row].events[k], &out);
		CHECK(!ok, unsayable[row].name);
		CHECK(d->writer_event(w, &error, &out), unsayable[row].name);
		CHECK(strstr(buf_cstr(&out), "message_stop") == NULL &&
			      strstr(buf_cstr(&out), "\"done\":true") == NULL,
		      buf_cstr(&out));
		buf_free(&out);
		arena_free(a);
	}
}

/* The next of several answers begins after a whole one, where the dialect has a word for it. */
static void several_answers(void **state)
{
	const struct chat_event ev[] = { EV(START),
					 EV(TEXT, TXT("a")),
					 EV(FINISH, .finish = CHAT_FINISH_STOP),
					 EV(NEXT),
					 EV(START),
					 EV(TEXT, TXT("b")),
					 EV(USAGE, TOKENS(4, 2, -1, -1)),
					 EV(FINISH, .finish = CHAT_FINISH_LENGTH),
					 EV(END) };
	const struct chat_event early[] = { EV(START), EV(TEXT, TXT("a")), EV(NEXT) };
	static const struct client_dialect *const single[] = { &dialect_openai_responses,
							       &dialect_anthropic_messages,
							       &dialect_ollama_chat,
							       &dialect_ollama_generate };
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_true(write_events(&dialect_openai_chat, false, false, ev, LEN(ev), &out));
	assert_non_null(strstr(buf_cstr(&out),
			       "\"index\":0,\"message\":{\"role\":\"assistant\","
			       "\"content\":\"a\""));
	assert_non_null(strstr(buf_cstr(&out), "\"finish_reason\":\"stop\"},{\"index\":1,"));
	assert_non_null(strstr(buf_cstr(&out), "\"finish_reason\":\"length\"}],\"usage\":"));
	buf_clear(&out);
	assert_true(write_events(&dialect_openai_completions, false, false, ev, LEN(ev), &out));
	assert_non_null(strstr(buf_cstr(&out), "\"finish_reason\":\"stop\"},{\"index\":1,"
					       "\"text\":\"b\""));
	for (int stream = 0; stream < 2; stream++) {
		buf_clear(&out);
		assert_false(write_events(&dialect_openai_chat, stream, false, early, 3, &out));
		for (size_t i = 0; i < LEN(single); i++)
			assert_false(write_events(single[i], stream, false, ev, 4, &out));
	}
	buf_free(&out);
}

/* Dialects without calls refuse one instead of hiding it. */
static void no_calls_where_there_are_none(void **state)
{
	const struct chat_event ev[] = { EV(START), CALL(0, "c", "f") };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_false(write_events(&dialect_ollama_generate, true, false, ev, 2, &out));
	assert_false(write_events(&dialect_openai_completions, false, false, ev, 2, &out));
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void a_full_arena_is_no_reply(void **state)
{
	static const struct client_dialect *const dialects[] = { &dialect_anthropic_messages,
								 &dialect_ollama_chat,
								 &dialect_openai_responses,
								 &dialect_openai_completions };
	const struct chat_event start = EV(START), text = EV(TEXT, TXT("0123456789012345"));

	(void)state;
	for (size_t i = 0; i < LEN(dialects); i++) {
		const struct reply_head head = { .id = "x", .model = "m" };
		struct arena *a = arena_new("test", 20000);
		struct reply_writer *w = dialects[i]->writer_new(a, &head);
		struct buf out;
		unsigned n = 0;

		buf_init(&out, 1 << 16);
		assert_true(dialects[i]->writer_event(w, &start, &out));
		while (n < 10000 && dialects[i]->writer_event(w, &text, &out))
			n++;
		CHECK(n > 10 && n < 2000 && out.len == 0, dialects[i]->name);
		arena_free(a);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_replies),
		cmocka_unit_test(responses_in_order),
		cmocka_unit_test(a_response_repeats_the_request),
		cmocka_unit_test(broken_arguments_are_an_error),
		cmocka_unit_test(several_answers),
		cmocka_unit_test(no_calls_where_there_are_none),
		cmocka_unit_test(a_full_arena_is_no_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
