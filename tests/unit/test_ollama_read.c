/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of POST /api/chat and /api/generate. */
#include <stdio.h>

#include "tests/unit/dialect_rows.h"

#define ASK(rest)                                                                              \
	"{\"model\":\"x\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":"      \
	"\"hi\"}]" rest "}"
#define SAY(messages) "{\"model\":\"x\",\"stream\":false,\"messages\":[" messages "]}"
#define OUT(rest)                                                                              \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" rest "}"
#define OUT_SAY(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define GEN(rest)         "{\"model\":\"x\",\"stream\":false" rest "}"
#define CALL(args)        "{\"function\":{\"name\":\"f\",\"arguments\":" args "}}"
#define CALL_OUT(id, args)                                                                     \
	"{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":" \
	"\"" args "\"}}"

static const struct carried_row chats[] = {
	{ "the least", ASK(""), OUT("") },
	{ "a stream unless told otherwise",
	  "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
	  OUT(",\"stream\":true,\"stream_options\":{\"include_usage\":true}") },
	{ "options",
	  ASK(",\"options\":{\"temperature\":0.5,\"top_p\":1,\"frequency_penalty\":1,"
	      "\"presence_penalty\":-1,\"seed\":3,\"num_predict\":5,\"stop\":[\"a\"],\"num_"
	      "ctx\":"
	      "4096,\"num_thread\":2,\"mirostat\":0}"),
	  OUT(",\"temperature\":0.5,\"top_p\":1,\"frequency_penalty\":1,\"presence_penalty\":-"
	      "1,"
	      "\"seed\":3,\"stop\":[\"a\"],\"max_tokens\":5") },
	{ "as many tokens as there is room", ASK(",\"options\":{\"num_predict\":-1}"),
	  OUT("") },
	{ "JSON", ASK(",\"format\":\"json\""),
	  OUT(",\"response_format\":{\"type\":"
	      "\"json_object\"}") },
	{ "a schema", ASK(",\"format\":{\"type\":\"object\"}"),
	  OUT(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
	      "\"answer\",\"schema\":{\"type\":\"object\"}}}") },
	{ "an empty format is none", ASK(",\"format\":\"\""), OUT("") },
	{ "thinking", ASK(",\"think\":true"), OUT(",\"reasoning_effort\":\"medium\"") },
	{ "no thinking", ASK(",\"think\":false"), OUT(",\"reasoning_effort\":\"none\"") },
	{ "a level of thinking", ASK(",\"think\":\"high\""),
	  OUT(",\"reasoning_effort\":\"high\"") },
	{ "images",
	  SAY("{\"role\":\"user\",\"content\":\"t\",\"images\":[\"aGk=\",\"/9j/aGk=\"]}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{"
		  "\"type\":"
		  "\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}},{"
		  "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,/9j/"
		  "aGk=\"}}]}") },
	{ "calls get ids, results find them by the name and in order",
	  SAY("{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\",\"tool_calls\":"
	      "[" CALL("{\"x\":1}") "," CALL("{}") "]},{\"role\":\"tool\",\"tool_name\":\"f\","
						   "\"content\":\"r\"},{\"role\":\"tool\","
						   "\"content\":\"s\"}"),
	  OUT_SAY("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL_OUT(
		  "call_0", "{\\\"x\\\":1}") "," CALL_OUT("call_1",
							  "{}") "]},{\"role\":\"tool\","
								"\"content\":"
								"\"r\",\"tool_"
								"call_id\":"
								"\"call_0\"},"
								"{\"role\":"
								"\"tool\","
								"\"content\":"
								"\"s\",\"tool_"
								"call_id\":"
								"\"call_1\"}") },
	{ "tools",
	  ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
	      "\"type\":\"object\"}}}]"),
	  OUT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
	      "\"type\":\"object\"}}}]") },
	{ "what changes nothing is skipped",
	  ASK(",\"keep_alive\":\"5m\",\"truncate\":true,\"shift\":false,\"zzz\":1"), OUT("") },
};

static const struct carried_row prompts[] = {
	{ "a prompt", GEN(",\"prompt\":\"hi\""), OUT("") },
	{ "a prompt with a system text", GEN(",\"prompt\":\"hi\",\"system\":\"s\""),
	  OUT_SAY("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
		  "\"hi\"}") },
	{ "usual values are usual",
	  GEN(",\"prompt\":\"hi\",\"raw\":false,\"suffix\":\"\",\"template\":\"\",\"context\":["
	      "]"),
	  OUT("") },
	{ "an image", GEN(",\"prompt\":\"hi\",\"images\":[\"aGk=\"]"),
	  OUT_SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{"
		  "\"type\":"
		  "\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}]}") },
};

static const struct refused_row refused_chats[] = {
	{ "no model", "{\"messages\":[]}", "model", "missing_required_parameter" },
	{ "messages of another kind", GEN(",\"messages\":1"), "messages", "invalid_type" },
	{ "an unknown role", SAY("{\"role\":\"developer\",\"content\":\"x\"}"),
	  "messages[0].role", "invalid_value" },
	{ "a result for no call", SAY("{\"role\":\"tool\",\"content\":\"x\"}"), "messages[0]",
	  "invalid_value" },
	{ "content as parts", SAY("{\"role\":\"user\",\"content\":[]}"), "messages[0].content",
	  "invalid_type" },
	{ "an image elsewhere",
	  SAY("{\"role\":\"user\",\"content\":\"t\",\"images\":[\"https://example.com/"
	      "a.png\"]}"),
	  "messages[0].images[0]", "invalid_value" },
	{ "arguments as a text",
	  SAY("{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" CALL("\"{}\"") "]}"),
	  "messages[0].tool_calls[0].function.arguments", "invalid_type" },
	{ "a time that is none", ASK(",\"keep_alive\":\"soon\""), "keep_alive",
	  "invalid_value" },
	{ "a time without its number", ASK(",\"keep_alive\":\"m\""), "keep_alive",
	  "invalid_value" },
	{ "an unknown format", ASK(",\"format\":\"xml\""), "format", "invalid_value" },
	{ "an unknown level", ASK(",\"think\":\"hugely\""), "think", "invalid_value" },
	{ "options of another kind", ASK(",\"options\":[]"), "options", "invalid_type" },
	{ "too hot", ASK(",\"options\":{\"temperature\":9}"), "temperature", "invalid_value" },
	{ "another way of sampling", ASK(",\"options\":{\"mirostat\":2}"), "mirostat",
	  "unsupported_parameter" },
	{ "a part of the likely", ASK(",\"options\":{\"typical_p\":0.5}"), "typical_p",
	  "unsupported_parameter" },
	{ "a tail cut off", ASK(",\"options\":{\"tfs_z\":0.5}"), "tfs_z",
	  "unsupported_parameter" },
	{ "token probabilities", ASK(",\"logprobs\":true"), "logprobs",
	  "unsupported_parameter" },
};

static const struct refused_row refused_prompts[] = {
	{ "a prompt of another kind", GEN(",\"prompt\":[1]"), "prompt", "invalid_type" },
	{ "a raw prompt", GEN(",\"prompt\":\"a\",\"raw\":true"), "raw",
	  "unsupported_parameter" },
	{ "a suffix", GEN(",\"prompt\":\"a\",\"suffix\":\"b\""), "suffix",
	  "unsupported_parameter" },
	{ "a template", GEN(",\"prompt\":\"a\",\"template\":\"b\""), "template",
	  "unsupported_parameter" },
	{ "a context", GEN(",\"prompt\":\"a\",\"context\":[1,2]"), "context",
	  "unsupported_parameter" },
};

static void carries(void **state)
{
	(void)state;
	check_carried(dialect_ollama_chat.read, chats, LEN(chats));
	check_carried(dialect_ollama_generate.read, prompts, LEN(prompts));
}

static void refuses(void **state)
{
	(void)state;
	check_refused(dialect_ollama_chat.read, refused_chats, LEN(refused_chats));
	check_refused(dialect_ollama_generate.read, refused_prompts, LEN(refused_prompts));
}

static void nothing_is_smuggled(void **state)
{
	(void)state;
	check_smuggling(dialect_ollama_chat.read,
			"{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]",
			"}");
	check_smuggling(dialect_ollama_generate.read, "{\"model\":\"x\",\"prompt\":\"a\"", "}");
}

static void cuts(void **state)
{
	(void)state;
	check_cuts(dialect_ollama_chat.read, chats, LEN(chats));
	check_cuts(dialect_ollama_generate.read, prompts, LEN(prompts));
}

static const struct {
	const char *name, *body;
	bool load, unload;
} loads[] = {
	{ "no question loads", "{\"model\":\"x\"}", true, false },
	{ "empty ones load", "{\"model\":\"x\",\"prompt\":\"\",\"messages\":[]}", true, false },
	{ "keep_alive 0 unloads", "{\"model\":\"x\",\"keep_alive\":0}", false, true },
	{ "keep_alive 0s unloads", "{\"model\":\"x\",\"keep_alive\":\"0s\"}", false, true },
	{ "keep_alive 10s does not", "{\"model\":\"x\",\"keep_alive\":\"10s\"}", true, false },
	{ "an empty one does not", "{\"model\":\"x\",\"keep_alive\":\"\"}", true, false },
	{ "for ever does not", "{\"model\":\"x\",\"keep_alive\":-1}", true, false },
};

static void loads_and_unloads(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(loads) * 2; i++) {
		const struct client_dialect *d =
			i & 1 ? &dialect_ollama_chat : &dialect_ollama_generate;
		struct arena *a = arena_new("test", 1 << 20);
		struct chat c;
		struct chat_problem p;

		CHECK(d->read(span_of(loads[i / 2].body), a, &c, &p) == ERR_OK,
		      loads[i / 2].name);
		CHECK(c.only_load == loads[i / 2].load &&
			      c.only_unload == loads[i / 2].unload && c.n_messages == 0,
		      loads[i / 2].name);
		arena_free(a);
	}
}

static void latest_is_no_name(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct chat c;
	struct chat_problem p;

	(void)state;
	assert_int_equal(
		dialect_ollama_chat.read(span_of("{\"model\":\"local:latest\"}"), a, &c, &p),
		ERR_OK);
	assert_true(span_is(c.model, "local"));
	assert_int_equal(
		dialect_ollama_chat.read(span_of("{\"model\":\"gpt:cloud\"}"), a, &c, &p),
		ERR_OK);
	assert_true(span_is(c.model, "gpt:cloud"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries),
		cmocka_unit_test(refuses),
		cmocka_unit_test(nothing_is_smuggled),
		cmocka_unit_test(cuts),
		cmocka_unit_test(loads_and_unloads),
		cmocka_unit_test(latest_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
