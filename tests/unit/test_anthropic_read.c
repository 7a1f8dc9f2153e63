/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of POST /v1/messages and its count_tokens. */
#include <stdio.h>

#include "dialect/lists.h"
#include "tests/unit/dialect_rows.h"

#define ASK(rest)                                                                              \
	"{\"model\":\"x\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":"      \
	"\"hi\"}]" rest "}"
#define SAY(messages) "{\"model\":\"x\",\"max_tokens\":9,\"messages\":[" messages "]}"
#define USER(blocks)  SAY("{\"role\":\"user\",\"content\":[" blocks "]}")
#define OUT(rest)                                                                              \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" rest          \
	",\"max_tokens\":9}"
#define OUT_SAY(messages) "{\"model\":\"m\",\"messages\":[" messages "],\"max_tokens\":9}"
#define SOURCE            "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"aGk=\"}"
#define IMAGE_OUT                                                                              \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}"
#define TOOL "{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}}"
#define TOOL_OUT                                                                               \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"     \
	"\"d\",\"parameters\":{\"type\":\"object\"}}}]"

static const struct carried_row carried[] = {
	{ "the least", ASK(""), OUT("") },
	{ "sampling and stops",
	  ASK(",\"temperature\":0.5,\"top_p\":0.9,\"top_k\":7,\"stop_sequences\":[\"a\"],"
	      "\"stream\":true"),
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
	  "\"temperature\":"
	  "0.5,\"top_p\":0.9,\"stop\":[\"a\"],\"max_tokens\":9,\"stream\":true,\"stream_"
	  "options\":"
	  "{\"include_usage\":true}}" },
	{ "a system text", ASK(",\"system\":\"s\""),
	  OUT_SAY("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
		  "\"hi\"}") },
	{ "system blocks, with marks of the cache",
	  ASK(",\"system\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
	      "\"ephemeral\"}},{\"type\":\"text\",\"text\":\"b\"}]"),
	  OUT_SAY("{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		  "{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"user\",\"content\":"
		  "\"hi\"}") },
	{ "a system message among the others",
	  SAY("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"b\"}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":"
		  "\"b\"}") },
	{ "an image",
	  USER("{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image\"," SOURCE "}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}"
		  "," IMAGE_OUT "]}") },
	{ "a document as text",
	  USER("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/"
	       "plain\","
	       "\"data\":\"t\"}}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":\"t\"}") },
	{ "a PDF with a title",
	  USER("{\"type\":\"document\",\"title\":\"x\",\"source\":{\"type\":\"base64\","
	       "\"media_type\":\"application/pdf\",\"data\":\"aGk=\"}}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":"
		  "\"data:application/pdf;base64,aGk=\",\"filename\":\"x\"}}]}") },
	{ "a document of blocks",
	  USER("{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":"
	       "\"text\",\"text\":\"t\"},{\"type\":\"image\"," SOURCE "}]}}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}"
		  "," IMAGE_OUT "]}") },
	{ "calls and their results, results first, pictures behind them",
	  SAY("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\","
	      "\"signature\":\"s\"},{\"type\":\"redacted_thinking\",\"data\":\"z\"},{\"type\":"
	      "\"text\",\"text\":\"t\"},{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\","
	      "\"input\":{\"x\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	      "\"text\":"
	      "\"now\"},{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"is_error\":true,"
	      "\"content\":[{\"type\":\"text\",\"text\":\"r\"},{\"type\":\"image\"," SOURCE
	      "}]}]}"),
	  OUT_SAY("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}],"
		  "\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":"
		  "\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"content\":"
		  "\"r\",\"tool_call_id\":\"1\"},{\"role\":\"user\",\"content\":[{\"type\":"
		  "\"text\",\"text\":\"now\"}," IMAGE_OUT "]}") },
	{ "a result without content", USER("{\"type\":\"tool_result\",\"tool_use_id\":\"1\"}"),
	  OUT_SAY("{\"role\":\"tool\",\"content\":\"\",\"tool_call_id\":\"1\"}") },
	{ "tools", ASK(",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"auto\"}"),
	  OUT(TOOL_OUT) },
	{ "any tool, one at a time",
	  ASK(",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"any\","
	      "\"disable_parallel_tool_use\":true}"),
	  OUT(TOOL_OUT ",\"tool_choice\":\"required\",\"parallel_tool_calls\":false") },
	{ "one tool by name",
	  ASK(",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"),
	  OUT(TOOL_OUT
	      ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}") },
	{ "no tool", ASK(",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"none\"}"),
	  OUT(TOOL_OUT ",\"tool_choice\":\"none\"") },
	{ "a budget of thought is an effort",
	  ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}"),
	  OUT(",\"reasoning_effort\":\"medium\"") },
	{ "thinking off is no effort", ASK(",\"thinking\":{\"type\":\"disabled\"}"),
	  OUT(",\"reasoning_effort\":\"none\"") },
	{ "an effort counts before a budget",
	  ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000},\"output_config\":{"
	      "\"effort\":\"max\"}"),
	  OUT(",\"reasoning_effort\":\"max\"") },
	{ "a schema",
	  ASK(",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
	      "\"object\"}}}"),
	  OUT(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
	      "\"answer\","
	      "\"schema\":{\"type\":\"object\"},\"strict\":true}}") },
	{ "what changes nothing is skipped",
	  ASK(",\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\",\"mcp_servers\":[],"
	      "\"cache_control\":{\"type\":\"ephemeral\"},\"zzz\":1"),
	  OUT("") },
};

static const struct refused_row refused[] = {
	{ "no max_tokens", "{\"model\":\"x\",\"messages\":[]}", "max_tokens",
	  "missing_required_parameter" },
	{ "max_tokens of none",
	  "{\"model\":\"x\",\"max_tokens\":0,\"messages\":[{\"role\":\"user\","
	  "\"content\":\"a\"}]}",
	  "max_tokens", "invalid_value" },
	{ "no messages", "{\"model\":\"x\",\"max_tokens\":1}", "messages",
	  "missing_required_parameter" },
	{ "empty messages", SAY(""), "messages", "invalid_value" },
	{ "a message of nothing", SAY("{\"role\":\"user\",\"content\":[]}"), "messages",
	  "invalid_value" },
	{ "an unknown role", SAY("{\"role\":\"tool\",\"content\":\"x\"}"), "messages[0].role",
	  "invalid_value" },
	{ "content of another kind", SAY("{\"role\":\"user\",\"content\":1}"),
	  "messages[0].content", "invalid_type" },
	{ "an unknown block", USER("{\"type\":\"x\"}"), "messages[0].content[0].type",
	  "invalid_value" },
	{ "a call by the user",
	  USER("{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{}}"),
	  "messages[0].content[0].type", "invalid_value" },
	{ "an image elsewhere",
	  USER("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://"
	       "example.com\"}}"),
	  "messages[0].content[0].source.type", "unsupported_value" },
	{ "an uploaded document",
	  USER("{\"type\":\"document\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
	  "messages[0].content[0].source.type", "unsupported_value" },
	{ "an image that is text",
	  USER("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"text/"
	       "html\","
	       "\"data\":\"aGk=\"}}"),
	  "messages[0].content[0].source.media_type", "unsupported_value" },
	{ "a result for nothing", USER("{\"type\":\"tool_result\",\"content\":\"x\"}"),
	  "messages[0].content[0].tool_use_id", "missing_required_parameter" },
	{ "a call whose input is a text",
	  SAY("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\","
	      "\"name\":"
	      "\"f\",\"input\":\"{}\"}]}"),
	  "messages[0].content[0].input", "invalid_type" },
	{ "a tool that runs on a server",
	  ASK(",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"),
	  "tools[0].type", "unsupported_value" },
	{ "a tool without a schema", ASK(",\"tools\":[{\"name\":\"f\"}]"),
	  "tools[0].input_schema", "invalid_type" },
	{ "a choice that is not there",
	  ASK(",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"tool\",\"name\":\"g\"}"),
	  "tool_choice.name", "invalid_value" },
	{ "a choice among none", ASK(",\"tool_choice\":{\"type\":\"any\"}"), "tool_choice",
	  "invalid_value" },
	{ "an unknown choice", ASK(",\"tool_choice\":{\"type\":\"x\"}"), "tool_choice.type",
	  "invalid_value" },
	{ "an unknown way to think", ASK(",\"thinking\":{\"type\":\"x\"}"), "thinking.type",
	  "invalid_value" },
	{ "thinking without a budget", ASK(",\"thinking\":{\"type\":\"enabled\"}"),
	  "thinking.budget_tokens", "invalid_value" },
	{ "an unknown effort", ASK(",\"output_config\":{\"effort\":\"x\"}"),
	  "output_config.effort", "invalid_value" },
	{ "servers of tools", ASK(",\"mcp_servers\":[{\"type\":\"url\"}]"), "mcp_servers",
	  "unsupported_parameter" },
	{ "a place on earth", ASK(",\"inference_geo\":\"us\""), "inference_geo",
	  "unsupported_parameter" },
	{ "a container", ASK(",\"container\":\"c\""), "container", "unsupported_parameter" },
	{ "too hot", ASK(",\"temperature\":3"), "temperature", "invalid_value" },
	{ "a negative top_k", ASK(",\"top_k\":-1"), "top_k", "invalid_value" },
	{ "a stream that is no flag", ASK(",\"stream\":1"), "stream", "invalid_type" },
};

static void carries(void **state)
{
	(void)state;
	check_carried(dialect_anthropic_messages.read, carried, LEN(carried));
}

static void refuses(void **state)
{
	(void)state;
	check_refused(dialect_anthropic_messages.read, refused, LEN(refused));
}

static void nothing_is_smuggled(void **state)
{
	(void)state;
	check_smuggling(dialect_anthropic_messages.read,
			"{\"model\":\"x\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
			"\"content\":\"hi\"}]",
			"}");
}

static void cuts(void **state)
{
	(void)state;
	check_cuts(dialect_anthropic_messages.read, carried, LEN(carried));
}

/* Counting needs no max_tokens; all else is the same. */
static void counts(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct chat c;
	struct chat_problem p = { .status = 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(
		anthropic_read_count(span_of("{\"model\":\"x\",\"messages\":[{\"role\":"
					     "\"user\",\"content\":\"hi\"}]}"),
				     a, &c, &p),
		ERR_OK);
	assert_int_equal(c.text_bytes, 2);
	assert_int_equal(anthropic_read_count(span_of("{\"model\":\"x\"}"), a, &c, &p),
			 ERR_SYNTAX);
	anthropic_put_count(42, &out);
	assert_string_equal(buf_cstr(&out), "{\"input_tokens\":42}");
	buf_free(&out);
	arena_free(a);
}

/* A thought comes back to its author as it was, and to nobody else. */
static void signatures_go_back(void **state)
{
	const char *body = SAY("{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\","
			       "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\","
			       "\"signature\":\"sig\"},{\"type\":\"text\",\"text\":\"t\"}]}");
	struct arena *a = arena_new("test", 1 << 20);
	struct chat c;
	struct chat_problem p;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(dialect_anthropic_messages.read(span_of(body), a, &c, &p), ERR_OK);
	assert_int_equal(upstream_anthropic.write(&c, "m", &out), ERR_OK);
	assert_non_null(strstr(buf_cstr(&out), "{\"type\":\"thinking\",\"thinking\":\"hm\","
					       "\"signature\":\"sig\"}"));
	c.max_tokens = 0; /* one of the others answers no shorter than 16 */
	const struct upstream_dialect *others[] = { &upstream_openai_chat, &upstream_gemini,
						    &upstream_openai_responses,
						    &upstream_ollama };
	for (size_t i = 0; i < LEN(others); i++) {
		buf_clear(&out);
		assert_int_equal(others[i]->write(&c, "m", &out), ERR_OK);
		assert_null(strstr(buf_cstr(&out), "\"sig\""));
	}
	buf_free(&out);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries),
		cmocka_unit_test(refuses),
		cmocka_unit_test(nothing_is_smuggled),
		cmocka_unit_test(cuts),
		cmocka_unit_test(counts),
		cmocka_unit_test(signatures_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
