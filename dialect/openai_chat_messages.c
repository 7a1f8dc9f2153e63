/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages and tools of an OpenAI chat body (OpenAPI document 2.3.0, schemas
 * ChatCompletionRequest*Message, ChatCompletionTool, ChatCompletionToolChoiceOption).
 *
 * Attachments must be in the body: nothing is ever fetched for a client, so an address of an
 * image or the id of an uploaded file is refused.
 */
#include "dialect/impl.h"

enum { PART_TEXT = 1, PART_REFUSAL = 2, PART_MEDIA = 4 };

static bool add_bytes(struct reading *r, struct span text)
{
	r->chat->text_bytes += text.len;
	return true;
}

static bool read_text(struct reading *r, const cJSON *obj, const char *key, const char *path,
		      struct chat_part *ret)
{
	char param[CHAT_PARAM_BYTES];
	const char *text = json_get_string(obj, key);

	if (text == NULL) {
		reading_path(param, "%s.%s", path, key);
		return reading_fail_type(r, param, "a string");
	}
	ret->text = reading_keep(text);
	return add_bytes(r, ret->text);
}

static bool read_image(struct reading *r, const cJSON *part, const char *path,
		       struct chat_part *ret)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *image = json_get_object(part, "image_url");
	const char *url = json_get_string(image, "url");
	const cJSON *detail = reading_get(image, "detail");
	struct span type, data;

	reading_path(param, "%s.image_url.url", path);
	if (url == NULL)
		return reading_fail_type(r, param, "a string");
	if (!reading_data_url(span_of(url), &type, &data) || !span_starts(type, "image/"))
		return reading_fail(r, "unsupported_value", param,
				    "'%s' must be a data: URL with a base64 image; nothing is "
				    "fetched from elsewhere.",
				    param);
	ret->kind = CHAT_PART_IMAGE;
	r->chat->images++;
	if (detail != NULL) {
		struct span d = span_of(cJSON_GetStringValue(detail));

		if (!span_is(d, "auto") && !span_is(d, "low") && !span_is(d, "high")) {
			reading_path(param, "%s.image_url.detail", path);
			return reading_fail(r, "invalid_value", param,
					    "'%s' must be 'auto', 'low' or 'high'.", param);
		}
		if (!span_is(d, "auto") && !reading_copy(r, d, &ret->detail))
			return false;
	}
	return reading_copy(r, type, &ret->media_type) && reading_copy(r, data, &ret->text);
}

static bool read_audio(struct reading *r, const cJSON *part, const char *path,
		       struct chat_part *ret)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *audio = json_get_object(part, "input_audio");
	struct span format = span_of(json_get_string(audio, "format"));
	const char *text = json_get_string(audio, "data");

	ret->kind = CHAT_PART_AUDIO;
	r->chat->audios++;
	if (span_is(format, "wav")) {
		ret->media_type = SPAN_LITERAL("audio/wav");
	} else if (span_is(format, "mp3")) {
		ret->media_type = SPAN_LITERAL("audio/mpeg");
	} else {
		reading_path(param, "%s.input_audio.format", path);
		return reading_fail(r, "invalid_value", param, "'%s' must be 'wav' or 'mp3'.",
				    param);
	}
	reading_path(param, "%s.input_audio.data", path);
	if (text == NULL)
		return reading_fail_type(r, param, "a string");
	if (!reading_is_base64(span_of(text)))
		return reading_fail(r, "invalid_value", param, "'%s' must be base64.", param);
	return reading_copy(r, span_of(text), &ret->text);
}

static bool read_file(struct reading *r, const cJSON *part, const char *path,
		      struct chat_part *ret)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *file = json_get_object(part, "file");
	const char *url = json_get_string(file, "file_data");
	struct span type, data;

	ret->kind = CHAT_PART_FILE;
	r->chat->files++;
	if (reading_get(file, "file_id") != NULL) {
		reading_path(param, "%s.file.file_id", path);
		return reading_fail(r, "unsupported_parameter", param,
				    "'%s' is not supported: no uploaded files are kept here. "
				    "Put the file into 'file_data'.",
				    param);
	}
	reading_path(param, "%s.file.file_data", path);
	if (url == NULL)
		return reading_fail_type(r, param, "a string");
	if (!reading_data_url(span_of(url), &type, &data))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be a data: URL with base64.", param);
	return reading_copy(r, type, &ret->media_type) && reading_copy(r, data, &ret->text) &&
	       reading_copy(r, span_of(json_get_string(file, "filename")), &ret->name);
}

static bool read_part(struct reading *r, const cJSON *part, unsigned allowed, const char *path,
		      struct chat_part *ret)
{
	char param[CHAT_PARAM_BYTES];
	struct span type = span_of(json_get_string(part, "type"));

	if (!cJSON_IsObject(part))
		return reading_fail_type(r, path, "an object");
	if ((allowed & PART_TEXT) && span_is(type, "text"))
		return read_text(r, part, "text", path, ret);
	if ((allowed & PART_REFUSAL) && span_is(type, "refusal")) {
		ret->kind = CHAT_PART_REFUSAL;
		return read_text(r, part, "refusal", path, ret);
	}
	if ((allowed & PART_MEDIA) && span_is(type, "image_url"))
		return read_image(r, part, path, ret);
	if ((allowed & PART_MEDIA) && span_is(type, "input_audio"))
		return read_audio(r, part, path, ret);
	if ((allowed & PART_MEDIA) && span_is(type, "file"))
		return read_file(r, part, path, ret);
	reading_path(param, "%s.type", path);
	return reading_fail(r, "invalid_value", param,
			    "'%s' is not a kind of content that this role can have.", param);
}

/* Room for `n` more parts than are there already. */
static bool grow_parts(struct reading *r, struct chat_message *m, size_t n)
{
	struct chat_part *parts = arena_array(r->arena, m->n_parts + n, sizeof *parts);

	if (parts == NULL)
		return reading_fail_memory(r);
	if (m->n_parts > 0)
		memcpy(parts, m->parts, m->n_parts * sizeof *parts);
	m->parts = parts;
	return true;
}

static bool read_content_parts(struct reading *r, const cJSON *content, unsigned allowed,
			       const char *path, struct chat_message *m)
{
	char part_path[CHAT_PARAM_BYTES];
	int n = cJSON_GetArraySize(content);
	const cJSON *part;

	if (n == 0 || n > CHAT_MAX_PARTS)
		return reading_fail(r, "invalid_value", path, "'%s' must have 1 to %d parts.",
				    path, CHAT_MAX_PARTS);
	if (!grow_parts(r, m, (size_t)n))
		return false;
	cJSON_ArrayForEach (part, content) {
		reading_item(part_path, path, m->n_parts);
		if (!read_part(r, part, allowed, part_path, &m->parts[m->n_parts]))
			return false;
		m->n_parts++;
	}
	return true;
}

/* A string or parts. `needed` false: null and absence are fine. */
static bool read_content(struct reading *r, const cJSON *message, unsigned allowed, bool needed,
			 const char *path, struct chat_message *m)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *content = reading_get(message, "content");

	if (content == NULL && !needed)
		return true;
	if (content == NULL || !cJSON_IsString(content)) {
		reading_path(param, "%s.content", path);
		return cJSON_IsArray(content)
			       ? read_content_parts(r, content, allowed, param, m)
			       : reading_fail_type(r, param, "a string or an array of parts");
	}
	if (!grow_parts(r, m, 1))
		return false;
	m->n_parts = 1;
	m->parts[0].text = reading_keep(content->valuestring);
	return add_bytes(r, m->parts[0].text);
}

/* --- tool calls of an assistant message ---------------------------------------------- */

static bool read_call(struct reading *r, const cJSON *call, const char *path,
		      struct chat_tool_call *ret)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *function = json_get_object(call, "function");
	const cJSON *type = reading_get(call, "type");
	const char *id = json_get_string(call, "id");
	struct span name = span_of(json_get_string(function, "name"));
	const char *arguments = json_get_string(function, "arguments");

	reading_path(param, "%s.type", path);
	if (type != NULL && !span_is(span_of(cJSON_GetStringValue(type)), "function"))
		return reading_fail(r, "unsupported_value", param, "'%s' must be 'function'.",
				    param);
	reading_path(param, "%s.id", path);
	if (id == NULL || id[0] == '\0')
		return reading_fail_type(r, param, "a string that is not empty");
	reading_path(param, "%s.function.name", path);
	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 1 to 64 letters, digits, '_' or '-'.", param);
	reading_path(param, "%s.function.arguments", path);
	if (arguments == NULL)
		return reading_fail_type(r, param, "a string");
	struct span text = arguments[0] != '\0' ? span_of(arguments) : SPAN_LITERAL("{}");
	return reading_check_arguments(r, text, param) &&
	       reading_copy(r, span_of(id), &ret->id) && reading_copy(r, name, &ret->name) &&
	       reading_copy(r, text, &ret->arguments) && add_bytes(r, text);
}

static bool read_calls(struct reading *r, const cJSON *message, const char *path,
		       struct chat_message *m)
{
	char param[CHAT_PARAM_BYTES], call_path[CHAT_PARAM_BYTES];
	const cJSON *calls = reading_get(message, "tool_calls");
	const cJSON *call;

	if (calls == NULL)
		return true;
	reading_path(param, "%s.tool_calls", path);
	int n = cJSON_GetArraySize(calls);
	if (!cJSON_IsArray(calls) || n > CHAT_MAX_CALLS)
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be an array of at most %d calls.", param,
				    CHAT_MAX_CALLS);
	m->calls = arena_array(r->arena, (size_t)n, sizeof *m->calls);
	if (m->calls == NULL)
		return reading_fail_memory(r);
	cJSON_ArrayForEach (call, calls) {
		reading_item(call_path, param, m->n_calls);
		if (!read_call(r, call, call_path, &m->calls[m->n_calls]))
			return false;
		m->n_calls++;
	}
	return true;
}

/* --- one message --------------------------------------------------------------------- */

static bool read_assistant(struct reading *r, const cJSON *message, const char *path,
			   struct chat_message *m)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *refusal = reading_get(message, "refusal");

	if (reading_get(message, "function_call") != NULL ||
	    reading_get(message, "audio") != NULL) {
		reading_path(param, "%s.%s", path,
			     reading_get(message, "audio") != NULL ? "audio" : "function_call");
		return reading_fail(r, "unsupported_parameter", param, "'%s' is not supported.",
				    param);
	}
	if (!read_content(r, message, PART_TEXT | PART_REFUSAL, false, path, m) ||
	    !read_calls(r, message, path, m))
		return false;
	if (refusal != NULL) {
		if (!grow_parts(r, m, 1))
			return false;
		struct chat_part *p = &m->parts[m->n_parts++];
		p->kind = CHAT_PART_REFUSAL;
		if (!read_text(r, message, "refusal", path, p))
			return false;
	}
	if (m->n_parts == 0 && m->n_calls == 0) {
		reading_path(param, "%s.content", path);
		return reading_fail(r, "missing_required_parameter", param,
				    "'%s' is needed where there are no tool calls.", param);
	}
	return true;
}

static bool read_tool_message(struct reading *r, const cJSON *message, const char *path,
			      struct chat_message *m)
{
	char param[CHAT_PARAM_BYTES];
	const char *id = json_get_string(message, "tool_call_id");

	reading_path(param, "%s.tool_call_id", path);
	if (id == NULL || id[0] == '\0')
		return reading_fail(r, "missing_required_parameter", param,
				    "'%s' must name the call that this message answers.",
				    param);
	return reading_copy(r, span_of(id), &m->tool_call_id) &&
	       read_content(r, message, PART_TEXT, true, path, m);
}

static bool read_message(struct reading *r, const cJSON *message, const char *path,
			 struct chat_message *m)
{
	char param[CHAT_PARAM_BYTES];
	struct span role = span_of(json_get_string(message, "role"));
	const cJSON *name = reading_get(message, "name");

	if (!cJSON_IsObject(message))
		return reading_fail_type(r, path, "an object");
	if (name != NULL && !cJSON_IsString(name)) {
		reading_path(param, "%s.name", path);
		return reading_fail_type(r, param, "a string");
	}
	if (name != NULL)
		m->name = reading_keep(name->valuestring);
	if (span_is(role, "system") || span_is(role, "developer")) {
		m->role = CHAT_SYSTEM;
		return read_content(r, message, PART_TEXT, true, path, m);
	}
	if (span_is(role, "user")) {
		m->role = CHAT_USER;
		return read_content(r, message, PART_TEXT | PART_MEDIA, true, path, m);
	}
	if (span_is(role, "assistant")) {
		m->role = CHAT_ASSISTANT;
		return read_assistant(r, message, path, m);
	}
	if (span_is(role, "tool")) {
		m->role = CHAT_TOOL;
		return read_tool_message(r, message, path, m);
	}
	reading_path(param, "%s.role", path);
	return reading_fail(r, "invalid_value", param,
			    "'%s' must be 'developer', 'system', 'user', 'assistant' or "
			    "'tool'.",
			    param);
}

bool openai_read_messages(struct reading *r, const cJSON *messages)
{
	char path[CHAT_PARAM_BYTES];
	struct chat *c = r->chat;
	const cJSON *message;

	if (!cJSON_IsArray(messages))
		return reading_fail(r, "missing_required_parameter", "messages",
				    "'messages' must be an array of messages.");
	int n = cJSON_GetArraySize(messages);
	if (n == 0 || n > CHAT_MAX_MESSAGES)
		return reading_fail(r, "invalid_value", "messages",
				    "'messages' must have 1 to %d entries.", CHAT_MAX_MESSAGES);
	c->messages = arena_array(r->arena, (size_t)n, sizeof *c->messages);
	if (c->messages == NULL)
		return reading_fail_memory(r);
	cJSON_ArrayForEach (message, messages) {
		reading_item(path, "messages", c->n_messages);
		if (!read_message(r, message, path, &c->messages[c->n_messages]))
			return false;
		c->n_messages++;
	}
	return true;
}
