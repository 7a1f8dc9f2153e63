/* SPDX-License-Identifier: Apache-2.0 */
/* One chat, said to each upstream; what cannot be said is refused, never left out in silence.
 */
#include <stdio.h>

#include "common/json.h"
#include "dialect/dialect.h"
#include "tests/unit/check.h"

#define ASK(rest)                                                                              \
	"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" rest "}"
#define SAY(messages) "{\"model\":\"x\",\"messages\":[" messages "]}"
#define HISTORY                                                                                \
	SAY("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q\"},"   \
	    "{\"role\":\"assistant\",\"content\":\"t\",\"tool_calls\":[{\"id\":\"c\","         \
	    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}" \
	    "\"}}]},{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\"},{\"role\":"   \
	    "\"user\",\"content\":\"and\"}")
#define TOOLS                                                                                  \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"     \
	"\"d\",\"parameters\":{\"type\":\"object\"},\"strict\":true}}]"
#define NAMED ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"
#define SCHEMA                                                                                 \
	",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","      \
	"\"schema\":{\"type\":\"object\"},\"strict\":true}}"
#define CONTROLS                                                                               \
	",\"temperature\":1.5,\"top_p\":0.5,\"seed\":3,\"max_completion_tokens\":9,"           \
	"\"stream\":true"
#define MEDIA                                                                                  \
	SAY("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"  \
	    "\"data:image/png;base64,aGk=\"}},{\"type\":\"file\",\"file\":{\"file_data\":"     \
	    "\"data:application/pdf;base64,aGk=\",\"filename\":\"x\"}}]}")
#define HI "{\"role\":\"user\",\"content\":\"hi\"}"
#define HI_A                                                                                   \
	"{\"model\":\"m\",\"max_tokens\":8192,\"messages\":[{\"role\":\"user\",\"content\":[{" \
	"\"type\":\"text\",\"text\":\"hi\"}]}]"
#define HI_R                                                                                   \
	"{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{"   \
	"\"type\":\"input_text\",\"text\":\"hi\"}]}]"
#define HI_O "{\"model\":\"m\",\"messages\":[" HI "]"
#define HI_G "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"

static const struct {
	const char *name;
	const struct upstream_dialect *d;
	const char *in, *out; /* NULL: refused */
} rows[] = {
	{ "Anthropic: the least", &upstream_anthropic, ASK(""), HI_A "}" },
	{ "Anthropic: a history", &upstream_anthropic, HISTORY,
	  "{\"model\":\"m\",\"max_tokens\":8192,\"system\":[{\"type\":\"text\",\"text\":\"s\"}]"
	  ","
	  "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{"
	  "\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":"
	  "\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{\"x\":1}}]},{\"role\":\"user\","
	  "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":[{\"type\":"
	  "\"text\",\"text\":\"r\"}]},{\"type\":\"text\",\"text\":\"and\"}]}]}" },
	{ "Anthropic: controls, no hotter than it goes", &upstream_anthropic, ASK(CONTROLS),
	  "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{"
	  "\"type\":\"text\",\"text\":\"hi\"}]}],\"temperature\":1,\"top_p\":0.5,\"stream\":"
	  "true}" },
	{ "Anthropic: an effort leaves sampling to the model", &upstream_anthropic,
	  ASK(",\"temperature\":0.1,\"stop\":\"a\",\"reasoning_effort\":\"minimal\""),
	  HI_A ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"},"
	       "\"stop_sequences\":[\"a\"]}" },
	{ "Anthropic: no effort", &upstream_anthropic,
	  ASK(",\"temperature\":0.1,\"reasoning_effort\":\"none\""),
	  HI_A ",\"thinking\":{\"type\":\"disabled\"},\"temperature\":0.1}" },
	{ "Anthropic: tools and a schema", &upstream_anthropic,
	  ASK(TOOLS NAMED ",\"parallel_tool_calls\":false" SCHEMA),
	  HI_A
	  ",\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":"
	  "\"object\"},\"strict\":true}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\","
	  "\"disable_parallel_tool_use\":true},\"output_config\":{\"format\":{\"type\":"
	  "\"json_schema\",\"schema\":{\"type\":\"object\"}}}}" },
	{ "Anthropic: pictures and documents", &upstream_anthropic, MEDIA,
	  "{\"model\":\"m\",\"max_tokens\":8192,\"messages\":[{\"role\":\"user\",\"content\":[{"
	  "\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
	  "\"data\":\"aGk=\"}},{\"type\":\"document\",\"source\":{\"type\":\"base64\","
	  "\"media_type\":\"application/pdf\",\"data\":\"aGk=\"},\"title\":\"x\"}]}]}" },
	{ "Anthropic: an empty text is no block", &upstream_anthropic,
	  SAY("{\"role\":\"system\",\"content\":\"\"},{\"role\":\"assistant\",\"content\":\" "
	      "\"},"
	      "{\"role\":\"user\",\"content\":\"hi\"}"),
	  HI_A "}" },
	{ "Anthropic: JSON without a schema", &upstream_anthropic,
	  ASK(",\"response_format\":{\"type\":\"json_object\"}"), NULL },
	{ "Anthropic: penalties", &upstream_anthropic, ASK(",\"presence_penalty\":1"), NULL },
	{ "Anthropic: penalties of nothing", &upstream_anthropic,
	  ASK(",\"presence_penalty\":0"), HI_A "}" },
	{ "Anthropic: audio", &upstream_anthropic,
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{"
	      "\"data\":\"aGk=\",\"format\":\"wav\"}}]}"),
	  NULL },

	{ "Ollama: the least", &upstream_ollama, ASK(""),
	  HI_O ",\"options\":{},\"stream\":false}" },
	{ "Ollama: a history", &upstream_ollama, HISTORY,
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":"
	  "\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"t\",\"tool_"
	  "calls\":["
	  "{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]},{\"role\":\"tool\","
	  "\"content\":\"r\",\"tool_name\":\"f\"},{\"role\":\"user\",\"content\":\"and\"}],"
	  "\"options\":{},\"stream\":false}" },
	{ "Ollama: controls", &upstream_ollama, ASK(CONTROLS ",\"reasoning_effort\":\"high\""),
	  HI_O ",\"think\":\"high\",\"options\":{\"temperature\":1.5,\"top_p\":0.5,\"seed\":3,"
	       "\"num_predict\":9},\"stream\":true}" },
	{ "Ollama: tools and a schema", &upstream_ollama, ASK(TOOLS SCHEMA),
	  HI_O
	  ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"
	  "\"d\",\"parameters\":{\"type\":\"object\"}}}],\"format\":{\"type\":\"object\"},"
	  "\"options\":{},\"stream\":false}" },
	{ "Ollama: no tools", &upstream_ollama, ASK(TOOLS ",\"tool_choice\":\"none\""),
	  HI_O ",\"options\":{},\"stream\":false}" },
	{ "Ollama: a tool by name", &upstream_ollama, ASK(TOOLS NAMED), NULL },
	{ "Ollama: a document", &upstream_ollama, MEDIA, NULL },

	{ "Responses: the least", &upstream_openai_responses, ASK(""),
	  HI_R ",\"store\":false}" },
	{ "Responses: a history", &upstream_openai_responses, HISTORY,
	  "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":[{"
	  "\"type\":\"input_text\",\"text\":\"s\"}]},{\"type\":\"message\",\"role\":\"user\","
	  "\"content\":[{\"type\":\"input_text\",\"text\":\"q\"}]},{\"type\":\"message\","
	  "\"role\":"
	  "\"assistant\",\"content\":\"t\"},{\"type\":\"function_call\",\"call_id\":\"c\","
	  "\"name\":"
	  "\"f\",\"arguments\":\"{\\\"x\\\":1}\"},{\"type\":\"function_call_output\",\"call_"
	  "id\":"
	  "\"c\",\"output\":[{\"type\":\"input_text\",\"text\":\"r\"}]},{\"type\":\"message\","
	  "\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"and\"}]}],"
	  "\"store\":"
	  "false}" },
	{ "Responses: controls", &upstream_openai_responses,
	  ASK(",\"temperature\":1.5,\"top_p\":0.5,\"seed\":3,\"max_tokens\":16,\"stream\":true"
	      ",\"reasoning_effort\":\"high\""),
	  HI_R ",\"reasoning\":{\"effort\":\"high\"},\"temperature\":1.5,\"top_p\":0.5,"
	       "\"max_output_tokens\":16,\"store\":false,\"stream\":true}" },
	{ "Responses: fewer tokens than it gives", &upstream_openai_responses,
	  ASK(",\"max_tokens\":15"), NULL },
	{ "Responses: tools and a schema", &upstream_openai_responses, ASK(TOOLS NAMED SCHEMA),
	  HI_R
	  ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\","
	  "\"parameters\":{\"type\":\"object\"},\"strict\":true}],\"tool_choice\":{\"type\":"
	  "\"function\",\"name\":\"f\"},\"text\":{\"format\":{\"type\":\"json_schema\","
	  "\"name\":\"n\",\"schema\":{\"type\":\"object\"},\"strict\":true}},\"store\":"
	  "false}" },
	{ "Responses: pictures and documents", &upstream_openai_responses, MEDIA,
	  "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
	  "\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,aGk=\",\"detail\":"
	  "\"auto\"},{\"type\":\"input_file\",\"filename\":\"x\",\"file_data\":"
	  "\"data:application/pdf;base64,aGk=\"}]}],\"store\":false}" },
	{ "Responses: stop texts", &upstream_openai_responses, ASK(",\"stop\":\"a\""), NULL },
	{ "Responses: penalties", &upstream_openai_responses, ASK(",\"frequency_penalty\":1"),
	  NULL },

	{ "Gemini: the least", &upstream_gemini, ASK(""),
	  HI_G ",\"generationConfig\":{\"candidateCount\":1}}" },
	{ "Gemini: a history", &upstream_gemini, HISTORY,
	  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]},{\"role\":\"model\","
	  "\"parts\":[{\"text\":\"t\"},{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}},"
	  "\"thoughtSignature\":\"skip_thought_signature_validator\"}]},{\"role\":\"user\","
	  "\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"result\":\"r\"}}},{"
	  "\"text\":\"and\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
	  "\"generationConfig\":{\"candidateCount\":1}}" },
	{ "Gemini: a result that is an object", &upstream_gemini,
	  SAY("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\" {\\\"y\\\":2}\"}"),
	  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"\","
	  "\"response\":{\"y\":2}}}]}],\"generationConfig\":{\"candidateCount\":1}}" },
	{ "Gemini: controls", &upstream_gemini,
	  ASK(CONTROLS ",\"stop\":\"a\",\"presence_penalty\":1,\"reasoning_effort\":\"max\""),
	  HI_G
	  ",\"generationConfig\":{\"candidateCount\":1,\"temperature\":1.5,\"topP\":0.5,"
	  "\"presencePenalty\":1,\"seed\":3,\"maxOutputTokens\":9,\"stopSequences\":[\"a\"],"
	  "\"thinkingConfig\":{\"thinkingLevel\":\"high\"}}}" },
	{ "Gemini: tools and a schema", &upstream_gemini, ASK(TOOLS NAMED SCHEMA),
	  HI_G ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\","
	       "\"parametersJsonSchema\":{\"type\":\"object\"}}]}],\"toolConfig\":{"
	       "\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]}},"
	       "\"generationConfig\":{\"candidateCount\":1,\"responseMimeType\":"
	       "\"application/json\",\"responseJsonSchema\":{\"type\":\"object\"}}}" },
	{ "Gemini: pictures and documents", &upstream_gemini, MEDIA,
	  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":"
	  "\"image/png\",\"data\":\"aGk=\"}},{\"inlineData\":{\"mimeType\":\"application/pdf\","
	  "\"data\":\"aGk=\"}}]}],\"generationConfig\":{\"candidateCount\":1}}" },
	{ "Gemini: one call at a time", &upstream_gemini,
	  ASK(TOOLS ",\"parallel_tool_calls\":false"), NULL },

	{ "Mistral: its own names", &upstream_mistral, ASK(CONTROLS),
	  HI_O ",\"temperature\":1.5,\"top_p\":0.5,\"random_seed\":3,\"max_tokens\":9,"
	       "\"stream\":true}" },
	{ "Mistral: no names of people, short ids", &upstream_mistral,
	  SAY("{\"role\":\"user\",\"name\":\"n\",\"content\":\"q\"},{\"role\":\"assistant\","
	      "\"content\":null,\"tool_calls\":[{\"id\":\"abc123XYZ\",\"function\":{\"name\":"
	      "\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"content\":\"r\","
	      "\"tool_call_id\":\"abc123XYZ\"}"),
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
	  "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"abc123XYZ\",\"type\":"
	  "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":"
	  "\"tool\","
	  "\"content\":\"r\",\"tool_call_id\":\"abc123XYZ\"}]}" },
	{ "OpenRouter: effort in an object", &upstream_openrouter,
	  ASK(",\"reasoning_effort\":\"low\",\"max_completion_tokens\":9"),
	  HI_O ",\"reasoning\":{\"effort\":\"low\"},\"max_tokens\":9}" },
	{ "Azure: as OpenAI", &upstream_azure_openai, ASK(",\"max_completion_tokens\":9"),
	  HI_O ",\"max_completion_tokens\":9}" },
};

static void says_the_same_to_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct chat c;
		struct chat_problem p = { .status = 0 };
		struct json_where where;
		struct buf out;

		buf_init(&out, 1 << 20);
		if (dialect_openai_chat.read(span_of(rows[i].in), a, &c, &p) != ERR_OK)
			fail_msg("%s: %s", rows[i].name, p.message);
		enum err e = rows[i].d->write(&c, "m", &out);
		CHECK(e == (rows[i].out != NULL ? ERR_OK : ERR_UNSUPPORTED), rows[i].name);
		CHECK((upstream_unsaid(rows[i].d, &c, "m") == NULL) == (e == ERR_OK),
		      rows[i].name);
		if (rows[i].out != NULL && strcmp(buf_cstr(&out), rows[i].out) != 0)
			fail_msg("%s:\n  %s\nnot\n  %s", rows[i].name, buf_cstr(&out),
				 rows[i].out);
		if (rows[i].out != NULL)
			CHECK(json_check(buf_span(&out), &json_limits_api, &where) == ERR_OK,
			      rows[i].name);
		buf_free(&out);
		/* A buffer that is too small is an error, never half a body. */
		for (size_t room = 0; rows[i].out != NULL && room < strlen(rows[i].out);
		     room++) {
			buf_init(&out, room);
			CHECK(rows[i].d->write(&c, "m", &out) != ERR_OK, rows[i].name);
			buf_free(&out);
		}
		arena_free(a);
	}
}

/* Different ids stay different, and a result still finds its call. */
static void short_ids_stay_apart(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct chat_tool_call calls[100];
	struct chat_message m = { .role = CHAT_ASSISTANT, .calls = calls, .n_calls = 100 };
	struct chat c = { .messages = &m, .n_messages = 1 };
	struct buf out;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		calls[i] = (struct chat_tool_call){
			.id = span_of(arena_printf(a, "call_%u", i)),
			.name = SPAN_LITERAL("f"),
			.arguments = SPAN_LITERAL("{}"),
		};
	buf_init(&out, 1 << 20);
	assert_int_equal(upstream_mistral.write(&c, "m", &out), ERR_OK);
	const char *text = buf_cstr(&out);
	unsigned n = 0;
	for (const char *p = text; (p = strstr(p, "\"id\":\"")) != NULL; p += 6, n++) {
		char id[17];

		snprintf(id, sizeof id, "%.16s", p);
		CHECK(id[15] == '"', id);
		CHECK(strstr(p + 6, id) == NULL, id);
	}
	assert_int_equal(n, 100);
	buf_free(&out);
	arena_free(a);
}

/* What is in the way is named, one thing after another. */
static void what_cannot_be_said(void **state)
{
	static const struct {
		const struct upstream_dialect *d;
		const char *in, *field;
	} asked[] = {
		{ &upstream_openai_responses, ASK(",\"stop\":\"a\""), "stop" },
		{ &upstream_openai_responses, ASK(",\"max_tokens\":15"), "max_tokens" },
		{ &upstream_anthropic,
		  ASK(",\"presence_penalty\":1,\"frequency_penalty\":1,\"stop\":\"a\""),
		  "presence_penalty" },
		{ &upstream_anthropic, ASK(",\"frequency_penalty\":1"), "frequency_penalty" },
		{ &upstream_anthropic, ASK(",\"response_format\":{\"type\":\"json_object\"}"),
		  "response_format" },
		{ &upstream_ollama, ASK(TOOLS NAMED), "tool_choice" },
		{ &upstream_gemini, ASK(TOOLS ",\"parallel_tool_calls\":false"),
		  "parallel_tool_calls" },
		{ &upstream_ollama, MEDIA, "messages" },
		{ &upstream_ollama, ASK(",\"stop\":\"a\""), NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(asked); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct chat_problem p;
		struct chat c;

		CHECK(dialect_openai_chat.read(span_of(asked[i].in), a, &c, &p) == ERR_OK,
		      asked[i].in);
		const char *field = upstream_unsaid(asked[i].d, &c, "m");
		CHECK((field == NULL) == (asked[i].field == NULL), asked[i].in);
		CHECK(field == NULL || strcmp(field, asked[i].field) == 0, field);
		arena_free(a);
	}
}

/* More stop texts than the dialect takes are not cut to what it takes. */
static void too_many_stops(void **state)
{
	struct span stops[5] = { { "a", 1 }, { "b", 1 }, { "c", 1 }, { "d", 1 }, { "e", 1 } };
	struct chat c = { .stop = stops, .n_stop = 5 };
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(upstream_openai_chat.write(&c, "m", &out), ERR_UNSUPPORTED);
	assert_int_equal(upstream_llamacpp_chat.write(&c, "m", &out), ERR_OK);
	buf_free(&out);
}

/* Only Gemini's path has the model; nothing but a plain name gets into it. */
static void paths(void **state)
{
	static const struct {
		const char *model, *want;
		bool stream;
	} names[] = {
		{ "gemini-3.8-flash", "/models/gemini-3.8-flash:generateContent", false },
		{ "gemini-3.8-flash", "/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
		  true },
		{ "", NULL, false },
		{ "a/b", NULL, false },
		{ "..", NULL, false },
		{ "a?b", NULL, false },
		{ "a#b", NULL, false },
		{ "a%2f", NULL, false },
		{ "a:b", NULL, true },
		{ "a b", NULL, false },
		{ "\xc3\xa9", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(names); i++) {
		struct buf out;

		buf_init(&out, 1024);
		bool ok = upstream_gemini.path_for(names[i].model, NULL, names[i].stream, &out);
		CHECK(ok == (names[i].want != NULL), names[i].model);
		CHECK(!ok || strcmp(buf_cstr(&out), names[i].want) == 0, names[i].model);
		buf_free(&out);
	}
}

static void azure_names_the_deployment(void **state)
{
	static const struct {
		const char *model, *version, *want; /* NULL: refused */
	} names[] = {
		{ "gpt-x", NULL, "/chat/completions" },
		{ "a/b", NULL, "/chat/completions" },
		{ "gpt-x", "2024-10-21",
		  "/deployments/gpt-x/chat/completions?api-version=2024-10-21" },
		{ "a/b", "2024-10-21", NULL },
		{ "..", "2024-10-21", NULL },
		{ "", "2024-10-21", NULL },
		{ "a?b=c", "2024-10-21", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(names); i++) {
		struct buf out;

		buf_init(&out, 1024);
		bool ok = upstream_azure_openai.path_for(names[i].model, names[i].version, true,
							 &out);
		CHECK(ok == (names[i].want != NULL), names[i].model);
		CHECK(!ok || strcmp(buf_cstr(&out), names[i].want) == 0, names[i].model);
		buf_free(&out);
	}
}

static void finds(void **state)
{
	static const char *const apis[] = { "openai",       "llamacpp", "anthropic",
					    "ollama",       "gemini",   "openai-responses",
					    "azure-openai", "mistral",  "openrouter" };

	(void)state;
	for (size_t i = 0; i < LEN(apis); i++) {
		const struct upstream_dialect *d = upstream_dialect_find(apis[i]);

		CHECK(d != NULL && strcmp(d->name, apis[i]) == 0, apis[i]);
		CHECK(d->path[0] == '/' && d->write != NULL && d->reader_new != NULL, apis[i]);
	}
	assert_null(upstream_dialect_find("OpenAI"));
	assert_null(upstream_dialect_find(""));
	assert_string_equal(upstream_anthropic.key_header, "x-api-key");
	assert_string_equal(upstream_anthropic.version_header, "anthropic-version");
	assert_string_equal(upstream_anthropic.version, "2023-06-01");
	assert_null(upstream_openai_chat.key_header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_the_same_to_all),
		cmocka_unit_test(short_ids_stay_apart),
		cmocka_unit_test(what_cannot_be_said),
		cmocka_unit_test(too_many_stops),
		cmocka_unit_test(paths),
		cmocka_unit_test(azure_names_the_deployment),
		cmocka_unit_test(finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
