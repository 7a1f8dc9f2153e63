/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of POST /v1/responses and POST /v1/completions. */
#include <stdio.h>

#include "tests/unit/dialect_rows.h"

#define ASK(rest)    "{\"model\":\"x\",\"input\":\"hi\"" rest "}"
#define ITEMS(items) "{\"model\":\"x\",\"input\":[" items "]}"
#define OUT(rest)                                                                              \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" rest "}"
#define OUT_SAY(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define TOOL                                                                                   \
	"{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\",\"parameters\":{"         \
	"\"type\":\"object\"},\"strict\":true}"
#define TOOL_OUT                                                                               \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"     \
	"\"d\",\"parameters\":{\"type\":\"object\"},\"strict\":true}}]"
#define OLD(rest) "{\"model\":\"x\",\"prompt\":\"hi\"" rest "}"

static const struct carried_row carried[] = {
	{ "the least", ASK(""), OUT("") },
	{ "instructions", ASK(",\"instructions\":\"s\""),
	  OUT_SAY("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
		  "\"hi\"}") },
	{ "controls",
	  ASK(",\"temperature\":0.5,\"top_p\":1,\"max_output_tokens\":9,\"reasoning\":{"
	      "\"effort\":"
	      "\"low\",\"summary\":\"auto\"},\"stream\":true"),
	  OUT(",\"temperature\":0.5,\"top_p\":1,\"reasoning_effort\":\"low\","
	      "\"max_completion_tokens\":9,\"stream\":true,\"stream_options\":{\"include_"
	      "usage\":"
	      "true}") },
	{ "messages with and without a type",
	  ITEMS("{\"role\":\"developer\",\"content\":\"s\"},{\"type\":\"message\",\"role\":"
		"\"user\","
		"\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"input_"
		"image\","
		"\"image_url\":\"data:image/png;base64,aGk=\",\"detail\":\"low\"},{\"type\":"
		"\"input_file\",\"filename\":\"x\",\"file_data\":"
		"\"data:application/pdf;base64,aGk=\"}]}"),
	  OUT_SAY("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":[{"
		  "\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{"
		  "\"url\":\"data:image/"
		  "png;base64,aGk=\",\"detail\":\"low\"}},{\"type\":\"file\","
		  "\"file\":{\"file_data\":\"data:application/pdf;base64,aGk=\",\"filename\":"
		  "\"x\"}}]}") },
	{ "one turn of the model is one message",
	  ITEMS("{\"role\":\"user\",\"content\":\"q\"},{\"type\":\"reasoning\",\"id\":\"r\","
		"\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}],\"encrypted_"
		"content\":"
		"\"z\"},{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
		"\"output_text\",\"text\":\"t\",\"annotations\":[]}]},{\"type\":"
		"\"function_call\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"},{"
		"\"type\":\"function_call\",\"call_id\":\"2\",\"name\":\"f\",\"arguments\":"
		"\"\"},{"
		"\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"r\"},{"
		"\"type\":"
		"\"function_call_output\",\"call_id\":\"2\",\"output\":[{\"type\":\"input_"
		"text\","
		"\"text\":\"s\"}]}"),
	  OUT_SAY("{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":[{"
		  "\"type\":\"text\",\"text\":\"t\"}],\"tool_calls\":[{\"id\":\"1\",\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":"
		  "\"2\","
		  "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
		  "{"
		  "\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"1\"},{\"role\":"
		  "\"tool\","
		  "\"content\":\"s\",\"tool_call_id\":\"2\"}") },
	{ "a refusal of before",
	  ITEMS("{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}"
		"]}"),
	  OUT_SAY("{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":"
		  "\"no\"}]}") },
	{ "tools", ASK(",\"tools\":[" TOOL "],\"parallel_tool_calls\":false"),
	  OUT(TOOL_OUT ",\"parallel_tool_calls\":false") },
	{ "one tool by name",
	  ASK(",\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}"),
	  OUT(TOOL_OUT
	      ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}") },
	{ "a schema",
	  ASK(",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"description\":"
	      "\"d\",\"schema\":{\"type\":\"object\"},\"strict\":true},\"verbosity\":"
	      "\"medium\"}"),
	  OUT(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
	      "\"description\":\"d\",\"schema\":{\"type\":\"object\"},\"strict\":true}}") },
	{ "JSON", ASK(",\"text\":{\"format\":{\"type\":\"json_object\"}}"),
	  OUT(",\"response_format\":{\"type\":\"json_object\"}") },
	{ "what changes nothing is skipped",
	  ASK(",\"store\":true,\"metadata\":{\"a\":\"b\"},\"include\":["
	      "\"reasoning.encrypted_content\"],\"prompt_cache_key\":\"k\",\"user\":\"u\","
	      "\"background\":false,\"truncation\":\"disabled\",\"conversation\":null,"
	      "\"service_tier\":\"auto\",\"safety_identifier\":\"s\",\"top_logprobs\":0"),
	  OUT("") },
};

static const struct refused_row refused[] = {
	{ "no input", "{\"model\":\"x\"}", "input", "missing_required_parameter" },
	{ "an empty input", ITEMS(""), "input", "invalid_value" },
	{ "an earlier response", ASK(",\"previous_response_id\":\"resp_1\""),
	  "previous_response_id", "unsupported_parameter" },
	{ "a conversation", ASK(",\"conversation\":\"conv_1\""), "conversation",
	  "unsupported_parameter" },
	{ "in the background", ASK(",\"background\":true"), "background",
	  "unsupported_parameter" },
	{ "a stored prompt", ASK(",\"prompt\":{\"id\":\"p\"}"), "prompt",
	  "unsupported_parameter" },
	{ "silent truncation", ASK(",\"truncation\":\"auto\""), "truncation",
	  "unsupported_parameter" },
	{ "token probabilities", ASK(",\"top_logprobs\":2"), "top_logprobs",
	  "unsupported_parameter" },
	{ "token probabilities by another door",
	  ASK(",\"include\":[\"message.output_text.logprobs\"]"), "include",
	  "unsupported_value" },
	{ "few words", ASK(",\"text\":{\"verbosity\":\"low\"}"), "text.verbosity",
	  "unsupported_parameter" },
	{ "an item that was kept", ITEMS("{\"type\":\"item_reference\",\"id\":\"i\"}"),
	  "input[0].type", "unsupported_value" },
	{ "an item of a server's tool", ITEMS("{\"type\":\"web_search_call\",\"id\":\"i\"}"),
	  "input[0].type", "unsupported_value" },
	{ "an image elsewhere",
	  ITEMS("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":"
		"\"https://example.com\"}]}"),
	  "input[0].content[0].image_url", "unsupported_value" },
	{ "an uploaded file",
	  ITEMS("{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]"
		"}"),
	  "input[0].content[0].file_data", "unsupported_value" },
	{ "an output by the user",
	  ITEMS("{\"role\":\"user\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]}"),
	  "input[0].content[0].type", "invalid_value" },
	{ "an unknown role", ITEMS("{\"role\":\"x\",\"content\":\"a\"}"), "input[0].role",
	  "invalid_value" },
	{ "arguments that are no object",
	  ITEMS("{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{"
		"\"}"),
	  "input[0].arguments", "invalid_value" },
	{ "an output for no call",
	  ITEMS("{\"type\":\"function_call_output\",\"output\":\"x\"}"), "input[0].call_id",
	  "missing_required_parameter" },
	{ "a tool that runs on a server", ASK(",\"tools\":[{\"type\":\"web_search\"}]"),
	  "tools[0].type", "unsupported_value" },
	{ "a free-form tool", ASK(",\"tools\":[{\"type\":\"custom\",\"name\":\"f\"}]"),
	  "tools[0].type", "unsupported_value" },
	{ "an unknown choice", ASK(",\"tool_choice\":\"x\""), "tool_choice", "invalid_value" },
	{ "an unknown format", ASK(",\"text\":{\"format\":{\"type\":\"grammar\"}}"),
	  "text.format.type", "unsupported_value" },
	{ "an unknown effort", ASK(",\"reasoning\":{\"effort\":\"x\"}"), "reasoning.effort",
	  "invalid_value" },
};

static const struct carried_row carried_old[] = {
	{ "the least", OLD(""), OUT("") },
	{ "an array of one", "{\"model\":\"x\",\"prompt\":[\"hi\"]}", OUT("") },
	{ "controls",
	  OLD(",\"temperature\":0.5,\"max_tokens\":9,\"stop\":\"a\",\"seed\":1,\"n\":1,\"best_"
	      "of\":"
	      "1,\"echo\":false,\"suffix\":null,\"user\":\"u\""),
	  OUT(",\"temperature\":0.5,\"seed\":1,\"stop\":[\"a\"],\"max_tokens\":9") },
};

static const struct refused_row refused_old[] = {
	{ "no prompt", "{\"model\":\"x\"}", "prompt", "missing_required_parameter" },
	{ "two prompts", "{\"model\":\"x\",\"prompt\":[\"a\",\"b\"]}", "prompt",
	  "unsupported_value" },
	{ "tokens", "{\"model\":\"x\",\"prompt\":[1,2]}", "prompt", "unsupported_value" },
	{ "a suffix", OLD(",\"suffix\":\"b\""), "suffix", "unsupported_parameter" },
	{ "an echo", OLD(",\"echo\":true"), "echo", "unsupported_parameter" },
	{ "token probabilities", OLD(",\"logprobs\":0"), "logprobs", "unsupported_parameter" },
	{ "nine answers", OLD(",\"n\":9"), "n", "invalid_value" },
};

static void carries(void **state)
{
	(void)state;
	check_carried(dialect_openai_responses.read, carried, LEN(carried));
	check_carried(dialect_openai_completions.read, carried_old, LEN(carried_old));
}

static void refuses(void **state)
{
	(void)state;
	check_refused(dialect_openai_responses.read, refused, LEN(refused));
	check_refused(dialect_openai_completions.read, refused_old, LEN(refused_old));
}

static void nothing_is_smuggled(void **state)
{
	(void)state;
	check_smuggling(dialect_openai_responses.read, "{\"model\":\"x\",\"input\":\"a\"", "}");
	check_smuggling(dialect_openai_completions.read, "{\"model\":\"x\",\"prompt\":\"a\"",
			"}");
}

static void cuts(void **state)
{
	(void)state;
	check_cuts(dialect_openai_responses.read, carried, LEN(carried));
	check_cuts(dialect_openai_completions.read, carried_old, LEN(carried_old));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries),
		cmocka_unit_test(refuses),
		cmocka_unit_test(nothing_is_smuggled),
		cmocka_unit_test(cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
