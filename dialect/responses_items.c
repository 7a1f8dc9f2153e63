/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input items of a Responses body to messages. What one model turn made is several items
 * here (reasoning, text, calls) and one assistant message with us: each such item joins the
 * assistant message that is last.
 *
 * Attachments must be in the body: nothing is ever fetched, and no uploaded file is known.
 */
#include "dialect/responses_impl.h"

static struct chat_message *last_assistant(struct reading *r)
{
	struct chat *c = r->chat;

	if (c->n_messages > 0 && c->messages[c->n_messages - 1].role == CHAT_ASSISTANT)
		return &c->messages[c->n_messages - 1];
	return reading_add_message(r, CHAT_ASSISTANT, "input");
}

/* --- content ------------------------------------------------------------------------- */

static bool read_image(struct reading *r, const cJSON *part, struct chat_message *m,
		       const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const char *url = json_get_string(part, "image_url");
	struct span detail = span_of(json_get_string(part, "detail"));
	struct span type, data;

	reading_path(param, "%s.image_url", path);
	if (url == NULL || !reading_data_url(span_of(url), &type, &data) ||
	    !span_starts(type, "image/"))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must be a data: URL with a base64 image; nothing is "
				    "fetched from elsewhere.",
				    param);
	if (!span_is(detail, "low") && !span_is(detail, "high"))
		detail = (struct span){ NULL, 0 };
	struct chat_part *p = reading_add_part(r, m, CHAT_PART_IMAGE, path);
	return p != NULL && reading_copy(r, type, &p->media_type) &&
	       reading_copy(r, data, &p->text) && reading_copy(r, detail, &p->detail);
}

static bool read_file(struct reading *r, const cJSON *part, struct chat_message *m,
		      const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const char *url = json_get_string(part, "file_data");
	struct span type, data;

	reading_path(param, "%s.file_data", path);
	if (url == NULL || !reading_data_url(span_of(url), &type, &data))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must be a data: URL with base64; no uploaded files "
				    "are kept here and nothing is fetched.",
				    param);
	struct chat_part *p = reading_add_part(r, m, CHAT_PART_FILE, path);
	return p != NULL && reading_copy(r, type, &p->media_type) &&
	       reading_copy(r, data, &p->text) &&
	       reading_copy(r, span_of(json_get_string(part, "filename")), &p->name);
}

static bool read_text(struct reading *r, const cJSON *part, const char *key,
		      enum chat_part_kind kind, struct chat_message *m, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const char *text = json_get_string(part, key);

	reading_path(param, "%s.%s", path, key);
	if (text == NULL)
		return reading_fail_type(r, param, "a string");
	return reading_add_text(r, m, kind, span_of(text), path);
}

static bool read_part(struct reading *r, const cJSON *part, struct chat_message *m,
		      const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span type = span_of(json_get_string(part, "type"));
	bool own = m->role == CHAT_ASSISTANT;

	if (!cJSON_IsObject(part))
		return reading_fail_type(r, path, "an object");
	if (span_is(type, own ? "output_text" : "input_text"))
		return read_text(r, part, "text", CHAT_PART_TEXT, m, path);
	if (own && span_is(type, "refusal"))
		return read_text(r, part, "refusal", CHAT_PART_REFUSAL, m, path);
	if (m->role == CHAT_USER && span_is(type, "input_image"))
		return read_image(r, part, m, path);
	if (m->role == CHAT_USER && span_is(type, "input_file"))
		return read_file(r, part, m, path);
	reading_path(param, "%s.type", path);
	return reading_fail(r, "invalid_value", param,
			    "'%s' is not a kind of content that this role can have.", param);
}

static bool read_content(struct reading *r, const cJSON *content, struct chat_message *m,
			 const char *path)
{
	char inner[CHAT_PARAM_BYTES];
	const cJSON *part;
	unsigned n = 0;

	if (cJSON_IsString(content))
		return reading_add_text(r, m, CHAT_PART_TEXT, span_of(content->valuestring),
					path);
	if (!cJSON_IsArray(content))
		return reading_fail_type(r, path, "a string or an array of parts");
	cJSON_ArrayForEach (part, content) {
		reading_path(inner, "%s[%u]", path, n++);
		if (!read_part(r, part, m, inner))
			return false;
	}
	return m->n_parts > 0 || m->n_calls > 0 ||
	       reading_add_text(r, m, CHAT_PART_TEXT, SPAN_LITERAL(""), path);
}

/* --- items --------------------------------------------------------------------------- */

static bool read_message(struct reading *r, const cJSON *item, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span role = span_of(json_get_string(item, "role"));
	struct chat_message *m;

	if (span_is(role, "user")) {
		m = reading_add_message(r, CHAT_USER, "input");
	} else if (span_is(role, "system") || span_is(role, "developer")) {
		m = reading_add_message(r, CHAT_SYSTEM, "input");
	} else if (span_is(role, "assistant")) {
		m = last_assistant(r);
	} else {
		reading_path(param, "%s.role", path);
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 'user', 'assistant', 'system' or "
				    "'developer'.",
				    param);
	}
	reading_path(param, "%s.content", path);
	return m != NULL && read_content(r, reading_get(item, "content"), m, param);
}

static bool read_call(struct reading *r, const cJSON *item, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span id = span_of(json_get_string(item, "call_id"));
	struct span name = span_of(json_get_string(item, "name"));
	struct span arguments = span_of(json_get_string(item, "arguments"));

	reading_path(param, "%s.call_id", path);
	if (id.len == 0)
		return reading_fail_type(r, param, "a string that is not empty");
	reading_path(param, "%s.name", path);
	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 1 to 64 letters, digits, '_' or '-'.", param);
	reading_path(param, "%s.arguments", path);
	if (json_get_string(item, "arguments") == NULL)
		return reading_fail_type(r, param, "a string");
	if (arguments.len == 0)
		arguments = SPAN_LITERAL("{}");
	if (!reading_check_arguments(r, arguments, param))
		return false;
	struct chat_message *m = last_assistant(r);
	return m != NULL && reading_add_call(r, m, id, name, arguments, path);
}

static bool read_output(struct reading *r, const cJSON *item, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span id = span_of(json_get_string(item, "call_id"));
	const cJSON *output = reading_get(item, "output");
	const cJSON *part;
	unsigned n = 0;

	reading_path(param, "%s.call_id", path);
	if (id.len == 0)
		return reading_fail(r, "missing_required_parameter", param,
				    "'%s' must name the call that this item answers.", param);
	reading_path(param, "%s.output", path);
	if (!cJSON_IsString(output) && !cJSON_IsArray(output))
		return reading_fail_type(r, param, "a string or an array of parts");
	struct chat_message *m = reading_add_message(r, CHAT_TOOL, "input");
	if (m == NULL || !reading_copy(r, id, &m->tool_call_id))
		return false;
	if (cJSON_IsString(output))
		return reading_add_text(r, m, CHAT_PART_TEXT, span_of(output->valuestring),
					param);
	cJSON_ArrayForEach (part, output) {
		reading_path(param, "%s.output[%u]", path, n++);
		if (!span_is(span_of(json_get_string(part, "type")), "input_text"))
			return reading_fail(r, "unsupported_value", param,
					    "'%s' must be an 'input_text'.", param);
		if (!read_text(r, part, "text", CHAT_PART_TEXT, m, param))
			return false;
	}
	return m->n_parts > 0 ||
	       reading_add_text(r, m, CHAT_PART_TEXT, SPAN_LITERAL(""), param);
}

/* Its text, where the client has it; the encrypted form only its author can read. */
static bool read_reasoning(struct reading *r, const cJSON *item, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *list = json_get_array(item, "content");
	const cJSON *part;
	unsigned n = 0;

	if (list == NULL || list->child == NULL)
		list = json_get_array(item, "summary");
	cJSON_ArrayForEach (part, list) {
		struct chat_message *m = last_assistant(r);

		reading_path(param, "%s.content[%u]", path, n++);
		if (m == NULL || !read_text(r, part, "text", CHAT_PART_REASONING, m, param))
			return false;
	}
	return true;
}

static bool read_item(struct reading *r, const cJSON *item, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *kind = reading_get(item, "type");
	struct span type = span_of(cJSON_GetStringValue(kind));

	if (!cJSON_IsObject(item))
		return reading_fail_type(r, path, "an object");
	if (kind == NULL || span_is(type, "message"))
		return read_message(r, item, path);
	if (span_is(type, "function_call"))
		return read_call(r, item, path);
	if (span_is(type, "function_call_output"))
		return read_output(r, item, path);
	if (span_is(type, "reasoning"))
		return read_reasoning(r, item, path);
	reading_path(param, "%s.type", path);
	return reading_fail(r, "unsupported_value", param,
			    "'%s' must be 'message', 'function_call', 'function_call_output' "
			    "or 'reasoning'; nothing is kept between requests.",
			    param);
}

bool responses_read_input(struct reading *r, const cJSON *body)
{
	char path[CHAT_PARAM_BYTES];
	const cJSON *instructions = reading_get(body, "instructions");
	const cJSON *input = reading_get(body, "input");
	const cJSON *item;
	unsigned n = 0;

	if (instructions != NULL) {
		struct chat_message *m = reading_add_message(r, CHAT_SYSTEM, "instructions");

		if (m == NULL || !cJSON_IsString(instructions))
			return reading_fail_type(r, "instructions", "a string");
		if (!reading_add_text(r, m, CHAT_PART_TEXT, span_of(instructions->valuestring),
				      "instructions"))
			return false;
	}
	uint32_t before = r->chat->n_messages;
	if (cJSON_IsString(input)) {
		struct chat_message *m = reading_add_message(r, CHAT_USER, "input");

		return m != NULL && reading_add_text(r, m, CHAT_PART_TEXT,
						     span_of(input->valuestring), "input");
	}
	if (!cJSON_IsArray(input))
		return reading_fail(r, "missing_required_parameter", "input",
				    "'input' must be a string or an array of items.");
	cJSON_ArrayForEach (item, input) {
		reading_path(path, "input[%u]", n++);
		if (!read_item(r, item, path))
			return false;
	}
	return r->chat->n_messages > before ||
	       reading_fail(r, "invalid_value", "input", "'input' has no content.");
}
