/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of POST /v1/chat/completions: what is carried on, what is skipped, what is refused
 * and by which name. What was understood is checked through the body that would be sent.
 */
#include <stdio.h>

#include "common/json.h"
#include "dialect/dialect.h"
#include "tests/unit/check.h"

#define ASK(rest)                                                                              \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" rest "}"
#define SAY(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define PIXEL         "data:image/png;base64,aGk="

static enum err read_body(const char *body, struct arena *a, struct chat *c,
			  struct chat_problem *p)
{
	return dialect_openai_chat.read(span_of(body), a, c, p);
}

/* Body in, body out; NULL: the same. */
static const struct {
	const char *name, *in, *out;
} carried[] = {
	{ "the least", ASK(""), NULL },
	{ "sampling",
	  ASK(",\"temperature\":0.25,\"top_p\":1,\"frequency_penalty\":-2,"
	      "\"presence_penalty\":1.5,\"seed\":-7,\"stop\":[\"a\",\"b\"],"
	      "\"reasoning_effort\":\"low\",\"max_tokens\":9"),
	  NULL },
	{ "the new name of max_tokens", ASK(",\"max_completion_tokens\":9"), NULL },
	{ "the new name counts when both are there",
	  ASK(",\"max_tokens\":8,\"max_completion_tokens\":9"),
	  ASK(",\"max_completion_tokens\":9") },
	{ "one stop text", ASK(",\"stop\":\"x\""), ASK(",\"stop\":[\"x\"]") },
	{ "nulls are absent",
	  ASK(",\"stop\":null,\"n\":null,\"temperature\":null,\"tools\":null,"
	      "\"response_format\":null,\"stream\":null,\"seed\":null,"
	      "\"max_tokens\":null,\"logprobs\":null,\"audio\":null"),
	  ASK("") },
	{ "usual values are usual",
	  ASK(",\"n\":1,\"logprobs\":false,\"logit_bias\":{},"
	      "\"modalities\":[\"text\"],\"top_logprobs\":0,"
	      "\"verbosity\":\"medium\""),
	  ASK("") },
	{ "unknown fields are skipped",
	  ASK(",\"user\":\"u\",\"store\":true,\"metadata\":{\"a\":"
	      "\"b\"},\"zzz\":[1],\"service_tier\":\"flex\""),
	  ASK("") },
	{ "a stream asks for usage", ASK(",\"stream\":true"),
	  ASK(",\"stream\":true,\"stream_options\":{\"include_usage\":true}") },
	{ "JSON mode", ASK(",\"response_format\":{\"type\":\"json_object\"}"), NULL },
	{ "a schema",
	  ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
	      "\"s\",\"description\":\"d\",\"schema\":{\"type\":\"object\"},\"strict\":"
	      "true}}"),
	  NULL },
	{ "tools",
	  ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	      "\"description\":\"d\",\"parameters\":{\"type\":\"object\"},\"strict\":true}}],"
	      "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
	      "\"parallel_tool_calls\":false"),
	  NULL },
	{ "a schema's own words may be any",
	  ASK(",\"tools\":[{\"type\":\"function\",\"function\":{"
	      "\"name\":\"f\",\"parameters\":{\"properties\":{\"organization\":{},\"api_key\":"
	      "{\"properties\":{\"headers\":true}}}}}}]"),
	  NULL },
	{ "roles",
	  SAY("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\","
	      "\"name\":\"n\"},{\"role\":\"assistant\",\"content\":\"c\"}"),
	  NULL },
	{ "a developer is a system", SAY("{\"role\":\"developer\",\"content\":\"a\"}"),
	  SAY("{\"role\":\"system\",\"content\":\"a\"}") },
	{ "calls and their results",
	  SAY("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
	      "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]},"
	      "{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"1\"}"),
	  NULL },
	{ "empty arguments are an empty object",
	  SAY("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
	      "\"f\","
	      "\"arguments\":\"\"}}]}"),
	  SAY("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
	      "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}") },
	{ "parts",
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
	      "\"image_url\",\"image_url\":{\"url\":\"" PIXEL "\",\"detail\":\"low\"}},"
	      "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"aGk=\",\"format\":"
	      "\"mp3\"}},{\"type\":\"file\",\"file\":{\"file_data\":"
	      "\"data:application/pdf;base64,aGk=\",\"filename\":\"x.pdf\"}}]}"),
	  NULL },
	{ "one text part is a text",
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	      "\"a\"}]}"),
	  SAY("{\"role\":\"user\",\"content\":\"a\"}") },
	{ "a refusal", SAY("{\"role\":\"assistant\",\"refusal\":\"no\"}"),
	  SAY("{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]"
	      "}") },
	{ "escapes", SAY("{\"role\":\"user\",\"content\":\"\\u00e9\\n\\\"\\ud83d\\ude00\"}"),
	  SAY("{\"role\":\"user\",\"content\":\"\xc3\xa9\\n\\\"\xf0\x9f\x98\x80\"}") },
};

static void carries(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(carried); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct chat c;
		struct chat_problem p = { .status = 0 };
		struct buf out;
		const char *want = carried[i].out != NULL ? carried[i].out : carried[i].in;

		buf_init(&out, 1 << 20);
		if (read_body(carried[i].in, a, &c, &p) != ERR_OK)
			fail_msg("%s: refused: %s", carried[i].name, p.message);
		assert_int_equal(upstream_openai_chat.write(&c, "m", &out), ERR_OK);
		if (strcmp(buf_cstr(&out), want) != 0)
			fail_msg("%s:\n  %s\nnot\n  %s", carried[i].name, buf_cstr(&out), want);
		buf_free(&out);
		arena_free(a);
	}
	assert_int_equal(arenas_alive(), 0);
}

static const struct {
	const char *name, *body, *param, *code;
} refused[] = {
	{ "no JSON", "{\"model\":", "", "invalid_json" },
	{ "twice the same key", "{\"model\":\"a\",\"model\":\"b\"}", "", "invalid_json" },
	{ "no object", "[]", "", "invalid_type" },
	{ "no model", "{\"messages\":[]}", "model", "missing_required_parameter" },
	{ "a model with a space", "{\"model\":\"a b\"}", "model", "invalid_value" },
	{ "no messages", "{\"model\":\"m\"}", "messages", "missing_required_parameter" },
	{ "empty messages", SAY(""), "messages", "invalid_value" },
	{ "an unknown tier of service",
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
	  "\"service_tier\":\"x\"}",
	  "service_tier", "invalid_value" },
	{ "a message that is none", SAY("1"), "messages[0]", "invalid_type" },
	{ "an unknown role", SAY("{\"role\":\"root\",\"content\":\"x\"}"), "messages[0].role",
	  "invalid_value" },
	{ "no content", SAY("{\"role\":\"user\"}"), "messages[0].content", "invalid_type" },
	{ "an assistant without anything", SAY("{\"role\":\"assistant\"}"),
	  "messages[0].content", "missing_required_parameter" },
	{ "a result without a call", SAY("{\"role\":\"tool\",\"content\":\"x\"}"),
	  "messages[0].tool_call_id", "missing_required_parameter" },
	{ "an unknown part", SAY("{\"role\":\"user\",\"content\":[{\"type\":\"x\"}]}"),
	  "messages[0].content[0].type", "invalid_value" },
	{ "an image in a system message",
	  SAY("{\"role\":\"system\",\"content\":[{\"type\":\"image_url\",\"image_url\":{"
	      "\"url\":\"" PIXEL "\"}}]}"),
	  "messages[0].content[0].type", "invalid_value" },
	{ "an image elsewhere",
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
	      "\"https://example.com/a.png\"}}]}"),
	  "messages[0].content[0].image_url.url", "unsupported_value" },
	{ "an image that is text",
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
	      "\"data:text/html;base64,aGk=\"}}]}"),
	  "messages[0].content[0].image_url.url", "unsupported_value" },
	{ "bad base64",
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
	      "\"data:image/png;base64,a=k=\"}}]}"),
	  "messages[0].content[0].image_url.url", "unsupported_value" },
	{ "an uploaded file",
	  SAY("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}"
	      "]}"),
	  "messages[0].content[0].file.file_id", "unsupported_parameter" },
	{ "arguments that are no object",
	  SAY("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
	      "\"f\","
	      "\"arguments\":\"{x\"}}]}"),
	  "messages[0].tool_calls[0].function.arguments", "invalid_value" },
	{ "nine answers", ASK(",\"n\":9"), "n", "invalid_value" },
	{ "no answer", ASK(",\"n\":0"), "n", "invalid_value" },
	{ "probabilities of a number", ASK(",\"logprobs\":5"), "logprobs", "invalid_type" },
	{ "alternatives to nothing", ASK(",\"top_logprobs\":2"), "top_logprobs",
	  "invalid_value" },
	{ "too many alternatives", ASK(",\"logprobs\":true,\"top_logprobs\":21"),
	  "top_logprobs", "invalid_value" },
	{ "probabilities of a call",
	  ASK(",\"logprobs\":true,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	      "\"f\"}}]"),
	  "logprobs", "unsupported_parameter" },
	{ "biased tokens", ASK(",\"logit_bias\":{\"1\":100}"), "logit_bias",
	  "unsupported_parameter" },
	{ "spoken answers", ASK(",\"modalities\":[\"text\",\"audio\"]"), "modalities",
	  "unsupported_value" },
	{ "web search", ASK(",\"web_search_options\":{}"), "web_search_options",
	  "unsupported_parameter" },
	{ "a grammar of another dialect", ASK(",\"guided_json\":{}"), "guided_json",
	  "unsupported_parameter" },
	{ "a stream that is no flag", ASK(",\"stream\":\"yes\""), "stream", "invalid_type" },
	{ "too hot", ASK(",\"temperature\":2.01"), "temperature", "invalid_value" },
	{ "a text for a number", ASK(",\"top_p\":\"1\""), "top_p", "invalid_type" },
	{ "negative tokens", ASK(",\"max_tokens\":-1"), "max_tokens", "invalid_value" },
	{ "half a token", ASK(",\"max_tokens\":1.5"), "max_tokens", "invalid_value" },
	{ "half a seed", ASK(",\"seed\":0.5"), "seed", "invalid_value" },
	{ "five stops", ASK(",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]"), "stop",
	  "invalid_value" },
	{ "a stop that is no text", ASK(",\"stop\":[[\"a\"]]"), "stop", "invalid_type" },
	{ "an unknown effort", ASK(",\"reasoning_effort\":\"huge\""), "reasoning_effort",
	  "invalid_value" },
	{ "an unknown format", ASK(",\"response_format\":{\"type\":\"xml\"}"),
	  "response_format.type", "unsupported_value" },
	{ "a format without schema",
	  ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"}"
	      "}"),
	  "response_format.json_schema.schema", "invalid_type" },
	{ "another kind of tool", ASK(",\"tools\":[{\"type\":\"mcp\"}]"), "tools[0].type",
	  "unsupported_value" },
	{ "a tool with a strange name",
	  ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]"),
	  "tools[0].function.name", "invalid_value" },
	{ "a choice among no tools", ASK(",\"tool_choice\":\"required\""), "tool_choice",
	  "invalid_value" },
	{ "a choice that is not there",
	  ASK(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
	  "tool_choice.function.name", "invalid_value" },
	{ "an unknown tier", ASK(",\"hither\":{\"max_tier\":\"moon\"}"), "hither",
	  "invalid_value" },
	{ "an unknown word of ours", ASK(",\"hither\":{\"x\":1}"), "hither", "invalid_value" },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(refused); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct chat c;
		struct chat_problem p = { .status = 0 };

		CHECK(read_body(refused[i].body, a, &c, &p) == ERR_SYNTAX, refused[i].name);
		if (p.status != 400 || strcmp(p.param, refused[i].param) != 0 ||
		    strcmp(p.code, refused[i].code) != 0 || p.message[0] == '\0')
			fail_msg("%s: %d %s at '%s': %s", refused[i].name, p.status, p.code,
				 p.param, p.message);
		arena_free(a);
	}
}

/* Every spelling, at every place where a value may stand. */
static void refuses_to_be_told_where(void **state)
{
	static const char *const names[] = { "api_base",      "API_BASE",    "apiBase",
					     "base_url",      "Base-Url",    "BASEURL",
					     "api_key",       "ApiKey",      "extra_headers",
					     "Extra-Headers", "api_version", "organization",
					     "Organization",  "headers",     "proxy",
					     "litellm_params" };
	static const char *const places[] = {
		ASK(",\"%s\":\"http://127.0.0.1:1\""),
		ASK(",\"%s\":null"),
		ASK(",\"metadata\":{\"%s\":\"x\"}"),
		ASK(",\"x\":[[{\"y\":{\"%s\":1}}]]"),
		ASK(",\"hither\":{\"%s\":\"x\"}"),
		ASK(",\"stream_options\":{\"%s\":\"x\"}"),
		ASK(",\"tools\":[{\"%s\":\"x\"}]"),
		ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"%s\":{}}"
		    "}]"),
		ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		    "\"parameters\":"
		    "{\"%s\":{}}}}]"),
		ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		    "\"parameters\":"
		    "{\"properties\":{\"%s\":\"http://127.0.0.1:1\"}}}}]"),
		ASK(",\"properties\":{\"%s\":{}}"),
		SAY("{\"role\":\"user\",\"content\":\"a\",\"%s\":\"x\"}"),
		SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"%s\":{"
		    "}}]}"),
	};
	struct arena *a = arena_new("test", 1 << 20);

	(void)state;
	for (size_t n = 0; n < LEN(names); n++) {
		for (size_t i = 0; i < LEN(places); i++) {
			char body[400];
			struct chat c;
			struct chat_problem p = { .status = 0 };

			snprintf(body, sizeof body, places[i], names[n]);
			CHECK(read_body(body, a, &c, &p) == ERR_SYNTAX, body);
			CHECK(strcmp(p.code, "refused_parameter") == 0, body);
			CHECK(strcmp(p.param, names[n]) == 0, body);
		}
	}
	arena_free(a);
}

static void counts(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct chat c;
	struct chat_problem p;

	(void)state;
	assert_int_equal(
		read_body("{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":[{"
			  "\"type\":"
			  "\"text\",\"text\":\"12345\"},{\"type\":\"image_url\",\"image_url\":{"
			  "\"url\":"
			  "\"" PIXEL
			  "\"}}]},{\"role\":\"assistant\",\"content\":\"678\"}],\"hither\":"
			  "{\"max_tier\":\"trusted\",\"app\":\"mail\"},\"stream\":true,"
			  "\"stream_options\":{\"include_usage\":true}}",
			  a, &c, &p),
		ERR_OK);
	assert_int_equal(c.text_bytes, 8);
	assert_int_equal(c.images, 1);
	assert_int_equal(c.n_messages, 2);
	assert_true(c.stream && c.include_usage);
	assert_true(span_is(c.max_tier, "trusted") && span_is(c.app, "mail"));
	assert_true(span_is(c.messages[0].parts[1].media_type, "image/png"));
	assert_true(span_is(c.messages[0].parts[1].text, "aGk="));
	arena_free(a);
}

static void limits(void **state)
{
	struct arena *a = arena_new("test", 32 << 20);
	struct chat c;
	struct chat_problem p;
	struct buf body;

	(void)state;
	buf_init(&body, 8 << 20);
	for (int over = 0; over < 2; over++) {
		buf_clear(&body);
		buf_add_str(&body,
			    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
			    "\"x\"}],\"tools\":[");
		for (int i = 0; i < 128 + over; i++)
			buf_printf(&body,
				   "%s{\"type\":\"function\",\"function\":{\"name\":\"f%d\"}}",
				   i > 0 ? "," : "", i);
		buf_add_str(&body, "]}");
		p = (struct chat_problem){ .status = 0 };
		assert_int_equal(dialect_openai_chat.read(buf_span(&body), a, &c, &p),
				 over ? ERR_SYNTAX : ERR_OK);
		assert_string_equal(p.param, over ? "tools" : "");
	}
	buf_clear(&body);
	buf_add_str(&body, "{\"model\":\"m\",\"messages\":[");
	for (int i = 0; i < 2049; i++)
		buf_add_str(&body, i > 0 ? ",{\"role\":\"user\",\"content\":\"x\"}"
					 : "{\"role\":\"user\",\"content\":\"x\"}");
	buf_add_str(&body, "]}");
	assert_int_equal(dialect_openai_chat.read(buf_span(&body), a, &c, &p), ERR_SYNTAX);
	assert_string_equal(p.param, "messages");
	buf_free(&body);
	arena_free(a);
}

/* A request larger than its memory is a 413, whatever it runs out at. */
static void runs_out_of_memory(void **state)
{
	static const char body[] = ASK(",\"tools\":[{\"type\":\"function\",\"function\":{"
				       "\"name\":\"f\",\"parameters\":{}}"
				       "}],\"stop\":[\"a\"]");
	size_t refusals = 0;

	(void)state;
	for (size_t budget = 0; budget < 4096; budget += 16) {
		struct arena *a = arena_new("test", budget);
		struct chat c;
		struct chat_problem p = { .status = 0 };
		enum err e = read_body(body, a, &c, &p);

		assert_true(e == ERR_OK || e == ERR_NO_MEMORY);
		assert_int_equal(p.status, e == ERR_OK ? 0 : 413);
		refusals += e != ERR_OK;
		arena_free(a);
	}
	assert_true(refusals > 5 && refusals < 256);
}

static void llamacpp_body(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct chat c;
	struct chat_problem p;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(read_body(ASK(",\"max_completion_tokens\":5"), a, &c, &p), ERR_OK);
	c.logprobs = true;
	assert_int_equal(upstream_dialect_find("llamacpp")->write(&c, "m", &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), ASK(",\"max_tokens\":5,\"logprobs\":true"));
	buf_clear(&out);
	assert_int_equal(upstream_openai_chat.write(&c, "m", &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), ASK(",\"max_completion_tokens\":5"));
	assert_null(upstream_dialect_find("telepathy"));
	/* Any object: as a grammar to the engine, by its name to everybody else and with tools.
	 */
	c.format = CHAT_FORMAT_JSON;
	buf_clear(&out);
	assert_int_equal(upstream_dialect_find("llamacpp")->write(&c, "m", &out), ERR_OK);
	assert_non_null(strstr(buf_cstr(&out), ",\"grammar\":\"root ::= object\\n"));
	assert_null(strstr(buf_cstr(&out), "response_format"));
	struct chat_tool tool = { .name = { "f", 1 } };
	c.tools = &tool;
	c.n_tools = 1;
	buf_clear(&out);
	assert_int_equal(upstream_dialect_find("llamacpp")->write(&c, "m", &out), ERR_OK);
	assert_null(strstr(buf_cstr(&out), "grammar"));
	assert_non_null(strstr(buf_cstr(&out), "\"json_object\""));
	buf_free(&out);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_to_be_told_where),
		cmocka_unit_test(counts),
		cmocka_unit_test(limits),
		cmocka_unit_test(runs_out_of_memory),
		cmocka_unit_test(llamacpp_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
