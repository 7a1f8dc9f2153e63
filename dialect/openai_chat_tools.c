/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools, the choice among them and the response format of an OpenAI chat body. Schemas are
 * carried as JSON text; whoever answers applies them or refuses, never answers without.
 */
#include "dialect/impl.h"

static bool read_tool(struct reading *r, const cJSON *tool, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *function = json_get_object(tool, "function");
	struct span name = span_of(json_get_string(function, "name"));
	const cJSON *parameters = reading_get(function, "parameters");

	reading_path(param, "%s.type", path);
	if (!span_is(span_of(json_get_string(tool, "type")), "function"))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must be 'function'; other kinds are not supported.",
				    param);
	reading_path(param, "%s.function.name", path);
	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 1 to 64 letters, digits, '_' or '-'.", param);
	reading_path(param, "%s.function.parameters", path);
	if (parameters != NULL && !cJSON_IsObject(parameters))
		return reading_fail_type(r, param, "an object");
	reading_path(param, "%s.function", path);
	return reading_keep_tool(r, function, param, name, parameters);
}

bool openai_read_tool_list(struct reading *r, const cJSON *tools)
{
	return reading_tools(r, tools, read_tool);
}

static bool read_named_choice(struct reading *r, const cJSON *choice)
{
	struct span name =
		span_of(json_get_string(json_get_object(choice, "function"), "name"));

	if (!span_is(span_of(json_get_string(choice, "type")), "function"))
		return reading_fail(r, "unsupported_value", "tool_choice.type",
				    "'tool_choice.type' must be 'function'.");
	return reading_choose_tool(r, name, "tool_choice.function.name");
}

static bool read_tool_choice(struct reading *r, const cJSON *choice)
{
	struct chat *c = r->chat;
	struct span word = span_of(cJSON_GetStringValue(choice));

	if (choice == NULL)
		return true;
	if (cJSON_IsObject(choice))
		return read_named_choice(r, choice);
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

bool openai_read_tools(struct reading *r, const cJSON *body)
{
	const cJSON *parallel = reading_get(body, "parallel_tool_calls");

	if (!openai_read_tool_list(r, reading_get(body, "tools")) ||
	    !read_tool_choice(r, reading_get(body, "tool_choice")))
		return false;
	if (parallel == NULL)
		return true;
	if (!cJSON_IsBool(parallel))
		return reading_fail_type(r, "parallel_tool_calls", "true or false");
	r->chat->has_parallel_tools = true;
	r->chat->parallel_tools = cJSON_IsTrue(parallel);
	return true;
}

static bool read_schema(struct reading *r, const cJSON *format)
{
	struct chat *c = r->chat;
	const cJSON *spec = json_get_object(format, "json_schema");
	const cJSON *schema = reading_get(spec, "schema");
	const cJSON *strict = reading_get(spec, "strict");
	const cJSON *description = reading_get(spec, "description");
	struct span name = span_of(json_get_string(spec, "name"));

	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", "response_format.json_schema.name",
				    "'response_format.json_schema.name' must be 1 to 64 "
				    "letters, digits, '_' or '-'.");
	if (!cJSON_IsObject(schema))
		return reading_fail_type(r, "response_format.json_schema.schema", "an object");
	if (strict != NULL && !cJSON_IsBool(strict))
		return reading_fail_type(r, "response_format.json_schema.strict",
					 "true or false");
	if (description != NULL && !cJSON_IsString(description))
		return reading_fail_type(r, "response_format.json_schema.description",
					 "a string");
	c->format = CHAT_FORMAT_SCHEMA;
	c->format_strict = cJSON_IsTrue(strict);
	return reading_copy(r, name, &c->format_name) &&
	       reading_copy(r, span_of(cJSON_GetStringValue(description)),
			    &c->format_description) &&
	       reading_copy_tree(r, schema, &c->format_schema);
}

bool openai_read_format(struct reading *r, const cJSON *body)
{
	const cJSON *format = reading_get(body, "response_format");
	struct span type = span_of(json_get_string(format, "type"));

	if (format == NULL || span_is(type, "text"))
		return true;
	if (span_is(type, "json_object")) {
		r->chat->format = CHAT_FORMAT_JSON;
		return true;
	}
	if (span_is(type, "json_schema"))
		return read_schema(r, format);
	return reading_fail(r, "unsupported_value", "response_format.type",
			    "'response_format.type' must be 'text', 'json_object' or "
			    "'json_schema'.");
}
