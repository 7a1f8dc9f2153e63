/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/responses: body to struct chat (OpenAPI document 2.3.0, CreateResponse). Items of
 * the input: responses_items.c.
 *
 * Nothing is kept between requests. So whatever points at something kept (an earlier response,
 * a conversation, a stored prompt) is refused, `store` is skipped and answered with false,
 * and so is `background`, which promises an answer to be fetched later.
 */
#include "dialect/responses_impl.h"

static const struct refused_field unsupported[] = {
	{ "background", UNLESS_FALSE },        { "context_management", UNLESS_EMPTY },
	{ "conversation", ANY_VALUE },         { "max_tool_calls", ANY_VALUE },
	{ "previous_response_id", ANY_VALUE }, { "prompt", ANY_VALUE },
	{ "top_logprobs", UNLESS_ZERO },       { "truncation", UNLESS_DISABLED },
};

static const struct refused_field unsupported_text[] = {
	{ "verbosity", UNLESS_MEDIUM },
};

static bool read_tool(struct reading *r, const cJSON *tool, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span name = span_of(json_get_string(tool, "name"));
	const cJSON *parameters = reading_get(tool, "parameters");

	reading_path(param, "%s.type", path);
	if (!span_is(span_of(json_get_string(tool, "type")), "function"))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must be 'function'; tools that run on a server and "
				    "free-form tools are not supported.",
				    param);
	reading_path(param, "%s.name", path);
	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 1 to 64 letters, digits, '_' or '-'.", param);
	reading_path(param, "%s.parameters", path);
	if (parameters != NULL && !cJSON_IsObject(parameters))
		return reading_fail_type(r, param, "an object");
	return reading_keep_tool(r, tool, path, name, parameters);
}

static bool read_tool_choice(struct reading *r, const cJSON *choice)
{
	struct chat *c = r->chat;
	struct span word = span_of(cJSON_GetStringValue(choice));

	if (choice == NULL)
		return true;
	if (cJSON_IsObject(choice)) {
		if (!span_is(span_of(json_get_string(choice, "type")), "function"))
			return reading_fail(r, "unsupported_value", "tool_choice.type",
					    "'tool_choice.type' must be 'function'.");
		return reading_choose_tool(r, span_of(json_get_string(choice, "name")),
					   "tool_choice.name");
	}
	if (span_is(word, "auto"))
		c->tool_choice = CHAT_TOOLS_AUTO;
	else if (span_is(word, "none"))
		c->tool_choice = CHAT_TOOLS_NONE;
	else if (span_is(word, "required"))
		c->tool_choice = CHAT_TOOLS_REQUIRED;
	else
		return reading_fail(r, "invalid_value", "tool_choice",
				    "'tool_choice' must be 'none', 'auto', 'required' or a "
				    "function.");
	return reading_check_required(r);
}

static bool read_format(struct reading *r, const cJSON *text)
{
	struct chat *c = r->chat;
	const cJSON *format = reading_get(text, "format");
	struct span type = span_of(json_get_string(format, "type"));
	struct span name = span_of(json_get_string(format, "name"));
	const cJSON *schema = reading_get(format, "schema");

	if (format == NULL || span_is(type, "text"))
		return true;
	if (span_is(type, "json_object")) {
		c->format = CHAT_FORMAT_JSON;
		return true;
	}
	if (!span_is(type, "json_schema"))
		return reading_fail(r, "unsupported_value", "text.format.type",
				    "'text.format.type' must be 'text', 'json_object' or "
				    "'json_schema'.");
	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", "text.format.name",
				    "'text.format.name' must be 1 to 64 letters, digits, '_' "
				    "or '-'.");
	if (!cJSON_IsObject(schema))
		return reading_fail_type(r, "text.format.schema", "an object");
	c->format = CHAT_FORMAT_SCHEMA;
	return reading_flag(r, format, "strict", "text.format.strict", &c->format_strict) &&
	       reading_copy(r, name, &c->format_name) &&
	       reading_copy(r, span_of(json_get_string(format, "description")),
			    &c->format_description) &&
	       reading_copy_tree(r, schema, &c->format_schema);
}

/* What may be wished for beside the answer: only what changes nothing about it is skipped. */
static bool read_include(struct reading *r, const cJSON *include)
{
	const cJSON *i;

	cJSON_ArrayForEach (i, include) {
		struct span what = span_of(cJSON_GetStringValue(i));

		if (!span_is(what, "reasoning.encrypted_content"))
			return reading_fail(r, "unsupported_value", "include",
					    "'include' can only have "
					    "'reasoning.encrypted_content'.");
	}
	return true;
}

static bool read_controls(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *reasoning = reading_get(body, "reasoning");
	const cJSON *text = reading_get(body, "text");

	if (reasoning != NULL && !cJSON_IsObject(reasoning))
		return reading_fail_type(r, "reasoning", "an object");
	if (text != NULL && !cJSON_IsObject(text))
		return reading_fail_type(r, "text", "an object");
	if (reading_get(body, "parallel_tool_calls") != NULL) {
		c->has_parallel_tools = true;
		if (!reading_flag(r, body, "parallel_tool_calls", "parallel_tool_calls",
				  &c->parallel_tools))
			return false;
	}
	c->max_tokens_new_name = true;
	return reading_effort(r, reading_get(reasoning, "effort"), "reasoning.effort") &&
	       reading_refuse(r, text, "text", unsupported_text, LEN(unsupported_text)) &&
	       read_format(r, text) && read_include(r, reading_get(body, "include")) &&
	       reading_flag(r, body, "stream", "stream", &c->stream) &&
	       reading_max_tokens(r, body, "max_output_tokens") &&
	       reading_number(r, body, "temperature", 0, 2, &c->temperature,
			      &c->has_temperature) &&
	       reading_number(r, body, "top_p", 0, 1, &c->top_p, &c->has_top_p);
}

static bool read_body(struct reading *r, const cJSON *body)
{
	r->chat->include_usage = true;
	return reading_refuse(r, body, NULL, unsupported, LEN(unsupported)) &&
	       reading_service_tier(r, body) &&
	       reading_model_name(r, body, "model", &r->chat->model) &&
	       responses_read_input(r, body) &&
	       reading_tools(r, reading_get(body, "tools"), read_tool) &&
	       read_tool_choice(r, reading_get(body, "tool_choice")) &&
	       read_controls(r, body) && reading_extension(r, body);
}

enum err responses_read(struct span body, struct arena *a, struct chat *ret,
			struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_body);
}
