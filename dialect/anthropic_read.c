/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/messages and /v1/messages/count_tokens: body to struct chat (Anthropic Messages,
 * versions 2023-06-01 and 2026-10-21). Messages and their blocks: anthropic_blocks.c.
 *
 * How thinking maps to effort: a budget is a number of tokens, an effort is a word. Up to
 * 2,048 tokens are "low", up to 8,192 "medium", more are "high"; an effort that is stated
 * counts before a budget.
 */
#include "dialect/anthropic_impl.h"

#define LOW_BUDGET_TOKENS    2048
#define MEDIUM_BUDGET_TOKENS 8192
#define TOOL_NAME_BYTES      128 /* twice what OpenAI allows */

static const struct refused_field unsupported[] = {
	{ "container", ANY_VALUE },
	{ "inference_geo", ANY_VALUE },
	{ "mcp_servers", UNLESS_EMPTY },
};

static bool read_tool(struct reading *r, const cJSON *tool, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *type = reading_get(tool, "type");
	const cJSON *schema = reading_get(tool, "input_schema");
	struct span name = span_of(json_get_string(tool, "name"));

	reading_path(param, "%s.type", path);
	if (type != NULL && !span_is(span_of(cJSON_GetStringValue(type)), "custom"))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must be 'custom'; tools that run on a server are not "
				    "supported.",
				    param);
	reading_path(param, "%s.name", path);
	if (!anthropic_is_tool_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 1 to %d letters, digits, '_' or '-'.", param,
				    TOOL_NAME_BYTES);
	reading_path(param, "%s.input_schema", path);
	if (!cJSON_IsObject(schema))
		return reading_fail_type(r, param, "an object");
	return reading_keep_tool(r, tool, path, name, schema);
}

/* In two halves: one name may have 64 bytes. */
bool anthropic_is_tool_name(struct span name)
{
	size_t half = name.len / 2;

	if (name.len < 2)
		return reading_is_name(name);
	return name.len <= TOOL_NAME_BYTES &&
	       reading_is_name((struct span){ name.ptr, half }) &&
	       reading_is_name((struct span){ name.ptr + half, name.len - half });
}

static bool read_tool_choice(struct reading *r, const cJSON *choice)
{
	struct chat *c = r->chat;
	struct span type = span_of(json_get_string(choice, "type"));
	bool one = false;

	if (choice == NULL)
		return true;
	if (!reading_flag(r, choice, "disable_parallel_tool_use",
			  "tool_choice.disable_parallel_tool_use", &one))
		return false;
	if (reading_get(choice, "disable_parallel_tool_use") != NULL) {
		c->has_parallel_tools = true;
		c->parallel_tools = !one;
	}
	if (span_is(type, "tool"))
		return reading_choose_tool(r, span_of(json_get_string(choice, "name")),
					   "tool_choice.name");
	if (span_is(type, "auto"))
		c->tool_choice = CHAT_TOOLS_AUTO;
	else if (span_is(type, "none"))
		c->tool_choice = CHAT_TOOLS_NONE;
	else if (span_is(type, "any"))
		c->tool_choice = CHAT_TOOLS_REQUIRED;
	else
		return reading_fail(r, "invalid_value", "tool_choice.type",
				    "'tool_choice.type' must be 'auto', 'any', 'tool' or "
				    "'none'.");
	return reading_check_required(r);
}

static bool read_thinking(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *thinking = reading_get(body, "thinking");
	struct span type = span_of(json_get_string(thinking, "type"));
	int64_t budget;

	if (thinking == NULL || span_is(type, "adaptive"))
		return true;
	if (span_is(type, "disabled")) {
		c->reasoning_effort = SPAN_LITERAL("none");
		return true;
	}
	if (!span_is(type, "enabled"))
		return reading_fail(r, "invalid_value", "thinking.type",
				    "'thinking.type' must be 'enabled', 'disabled' or "
				    "'adaptive'.");
	if (!json_get_int(thinking, "budget_tokens", 1, CHAT_MAX_TOKENS_LIMIT, &budget))
		return reading_fail(r, "invalid_value", "thinking.budget_tokens",
				    "'thinking.budget_tokens' must be a whole number above 0.");
	c->reasoning_effort = budget <= LOW_BUDGET_TOKENS      ? SPAN_LITERAL("low")
			      : budget <= MEDIUM_BUDGET_TOKENS ? SPAN_LITERAL("medium")
							       : SPAN_LITERAL("high");
	return true;
}

static bool read_format(struct reading *r, const cJSON *format, const char *param)
{
	struct chat *c = r->chat;
	const cJSON *schema = reading_get(format, "schema");

	if (format == NULL)
		return true;
	if (!span_is(span_of(json_get_string(format, "type")), "json_schema") ||
	    !cJSON_IsObject(schema))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must have the type 'json_schema' and a 'schema'.",
				    param);
	c->format = CHAT_FORMAT_SCHEMA;
	c->format_name = SPAN_LITERAL("answer");
	c->format_strict = true;
	return reading_copy_tree(r, schema, &c->format_schema);
}

static bool read_output(struct reading *r, const cJSON *body)
{
	const cJSON *config = reading_get(body, "output_config");

	if (config != NULL && !cJSON_IsObject(config))
		return reading_fail_type(r, "output_config", "an object");
	return read_thinking(r, body) &&
	       reading_effort(r, reading_get(config, "effort"), "output_config.effort") &&
	       read_format(r, reading_get(body, "output_format"), "output_format") &&
	       read_format(r, reading_get(config, "format"), "output_config.format");
}

static bool read_top_k(struct reading *r, const cJSON *body)
{
	int64_t n;

	if (reading_get(body, "top_k") == NULL)
		return true;
	if (!json_get_int(body, "top_k", 0, INT32_MAX, &n))
		return reading_fail(r, "invalid_value", "top_k",
				    "'top_k' must be a whole number of at least 0.");
	r->chat->top_k = (int32_t)n;
	r->chat->has_top_k = true;
	return true;
}

/* What both paths have. */
static bool read_common(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;

	return reading_refuse(r, body, NULL, unsupported, LEN(unsupported)) &&
	       reading_model_name(r, body, "model", &c->model) &&
	       anthropic_read_messages(r, body) &&
	       reading_tools(r, reading_get(body, "tools"), read_tool) &&
	       read_tool_choice(r, reading_get(body, "tool_choice")) && read_output(r, body) &&
	       reading_extension(r, body);
}

static bool read_body(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;

	if (reading_get(body, "max_tokens") == NULL)
		return reading_fail(r, "missing_required_parameter", "max_tokens",
				    "'max_tokens' must be a whole number from 1.");
	return read_common(r, body) && reading_max_tokens(r, body, "max_tokens") &&
	       reading_flag(r, body, "stream", "stream", &c->stream) &&
	       reading_stop(r, body, "stop_sequences", CHAT_MANY_STOPS) &&
	       reading_number(r, body, "temperature", 0, 2, &c->temperature,
			      &c->has_temperature) &&
	       reading_number(r, body, "top_p", 0, 1, &c->top_p, &c->has_top_p) &&
	       read_top_k(r, body);
}

enum err anthropic_read(struct span body, struct arena *a, struct chat *ret,
			struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_body);
}

enum err anthropic_read_count(struct span body, struct arena *a, struct chat *ret,
			      struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_common);
}
