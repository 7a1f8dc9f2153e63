/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system text and the messages of an Anthropic body. One of their messages can become
 * several of ours: results of tools are messages of their own here, and pictures inside a
 * result go into the user's message behind it, since no other dialect has a place for them.
 *
 * Attachments must be in the body: nothing is ever fetched for a client. What only has a
 * meaning on the vendor's servers (results of server tools) is refused.
 */
#include "dialect/anthropic_impl.h"

/* Where the blocks of one message go. */
struct blocks {
	enum chat_role role;
	bool open;        /* the last message takes more parts */
	const char *path; /* "messages[3].content" */
};

static struct chat_message *target(struct reading *r, struct blocks *b)
{
	if (b->open)
		return &r->chat->messages[r->chat->n_messages - 1];
	b->open = true;
	return reading_add_message(r, b->role, "messages");
}

static bool add_text(struct reading *r, struct blocks *b, enum chat_part_kind kind,
		     const cJSON *block, const char *key, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const char *text = json_get_string(block, key);

	reading_path(param, "%s.%s", path, key);
	if (text == NULL)
		return reading_fail_type(r, param, "a string");
	struct chat_message *m = target(r, b);
	return m != NULL && reading_add_text(r, m, kind, span_of(text), path);
}

/* --- attachments --------------------------------------------------------------------- */

static bool add_base64(struct reading *r, struct blocks *b, enum chat_part_kind kind,
		       const cJSON *block, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *source = json_get_object(block, "source");
	struct span type = span_of(json_get_string(source, "media_type"));
	struct span data = span_of(json_get_string(source, "data"));
	struct span name = span_of(json_get_string(block, "title"));
	const char *begins = kind == CHAT_PART_IMAGE ? "image/" : "application/pdf";

	reading_path(param, "%s.source.media_type", path);
	if (!span_starts(type, begins) || !reading_is_media_type(type))
		return reading_fail(r, "unsupported_value", param, "'%s' must be %s%s.", param,
				    begins, kind == CHAT_PART_IMAGE ? "…" : "");
	reading_path(param, "%s.source.data", path);
	if (!reading_is_base64(data))
		return reading_fail(r, "invalid_value", param, "'%s' must be base64.", param);
	struct chat_message *m = target(r, b);
	struct chat_part *p = m != NULL ? reading_add_part(r, m, kind, path) : NULL;
	return p != NULL && reading_copy(r, type, &p->media_type) &&
	       reading_copy(r, data, &p->text) &&
	       (kind == CHAT_PART_IMAGE || reading_copy(r, name, &p->name));
}

static bool fail_source(struct reading *r, const char *path)
{
	char param[CHAT_PARAM_BYTES];

	reading_path(param, "%s.source.type", path);
	return reading_fail(r, "unsupported_value", param,
			    "'%s' must be one that holds the data itself; nothing is fetched "
			    "from elsewhere.",
			    param);
}

static bool add_image(struct reading *r, struct blocks *b, const cJSON *block, const char *path)
{
	const cJSON *source = json_get_object(block, "source");

	if (!span_is(span_of(json_get_string(source, "type")), "base64"))
		return fail_source(r, path);
	return add_base64(r, b, CHAT_PART_IMAGE, block, path);
}

static bool add_document(struct reading *r, struct blocks *b, const cJSON *block,
			 const char *path)
{
	char inner[CHAT_PARAM_BYTES];
	const cJSON *source = json_get_object(block, "source");
	struct span type = span_of(json_get_string(source, "type"));
	const cJSON *content = reading_get(source, "content");
	const cJSON *i;
	unsigned n = 0;

	reading_path(inner, "%s.source", path);
	if (span_is(type, "base64"))
		return add_base64(r, b, CHAT_PART_FILE, block, path);
	if (span_is(type, "text"))
		return add_text(r, b, CHAT_PART_TEXT, source, "data", inner);
	if (!span_is(type, "content"))
		return fail_source(r, path);
	if (cJSON_IsString(content))
		return add_text(r, b, CHAT_PART_TEXT, source, "content", inner);
	cJSON_ArrayForEach (i, content) {
		reading_path(inner, "%s.source.content[%u]", path, n++);
		bool is_text = span_is(span_of(json_get_string(i, "type")), "text");
		if (!(is_text ? add_text(r, b, CHAT_PART_TEXT, i, "text", inner)
			      : add_image(r, b, i, inner)))
			return false;
	}
	return true;
}

/* --- tools --------------------------------------------------------------------------- */

static bool add_call(struct reading *r, struct blocks *b, const cJSON *block, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span id = span_of(json_get_string(block, "id"));
	struct span name = span_of(json_get_string(block, "name"));
	const cJSON *input = reading_get(block, "input");
	struct buf text;

	reading_path(param, "%s.id", path);
	if (id.len == 0)
		return reading_fail_type(r, param, "a string that is not empty");
	reading_path(param, "%s.name", path);
	if (!anthropic_is_tool_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be the name of a tool.", param);
	reading_path(param, "%s.input", path);
	if (!cJSON_IsObject(input))
		return reading_fail_type(r, param, "an object");
	struct chat_message *m = target(r, b);
	if (m == NULL)
		return false;
	buf_init(&text, SIZE_MAX);
	json_put_tree(&text, input);
	bool ok = text.failed ? reading_fail_memory(r)
			      : reading_add_call(r, m, id, name, buf_span(&text), path);
	buf_free(&text);
	return ok;
}

static bool add_result_text(struct reading *r, const cJSON *content, const char *path)
{
	char inner[CHAT_PARAM_BYTES];
	struct blocks b = { .role = CHAT_TOOL, .open = true, .path = path };
	const cJSON *i;
	unsigned n = 0;

	if (content != NULL && cJSON_IsString(content)) {
		struct chat_message *m = target(r, &b);
		return reading_add_text(r, m, CHAT_PART_TEXT, span_of(content->valuestring),
					path);
	}
	cJSON_ArrayForEach (i, content) {
		struct span type = span_of(json_get_string(i, "type"));

		reading_path(inner, "%s[%u]", path, n++);
		if (span_is(type, "text")) {
			if (!add_text(r, &b, CHAT_PART_TEXT, i, "text", inner))
				return false;
		} else if (!span_is(type, "image") && !span_is(type, "document")) {
			return reading_fail(r, "unsupported_value", inner,
					    "'%s' must be a text, an image or a document.",
					    inner);
		}
	}
	return true;
}

static bool add_result(struct reading *r, struct blocks *b, const cJSON *block,
		       const char *path)
{
	char param[CHAT_PARAM_BYTES];
	struct span id = span_of(json_get_string(block, "tool_use_id"));
	const cJSON *content = reading_get(block, "content");

	reading_path(param, "%s.tool_use_id", path);
	if (id.len == 0)
		return reading_fail(r, "missing_required_parameter", param,
				    "'%s' must name the call that this block answers.", param);
	reading_path(param, "%s.content", path);
	if (content != NULL && !cJSON_IsString(content) && !cJSON_IsArray(content))
		return reading_fail_type(r, param, "a string or an array of blocks");
	b->open = false;
	struct chat_message *m = reading_add_message(r, CHAT_TOOL, "messages");
	if (m == NULL || !reading_copy(r, id, &m->tool_call_id))
		return false;
	reading_path(param, "%s.is_error", path);
	if (!reading_flag(r, block, "is_error", param, &m->tool_error))
		return false;
	reading_path(param, "%s.content", path);
	if (!add_result_text(r, content, param))
		return false;
	m = &r->chat->messages[r->chat->n_messages - 1];
	return m->n_parts > 0 ||
	       reading_add_text(r, m, CHAT_PART_TEXT, SPAN_LITERAL(""), param);
}

/* Pictures and documents of results, behind all results of the message. */
static bool add_result_media(struct reading *r, struct blocks *b, const cJSON *block,
			     const char *path)
{
	char inner[CHAT_PARAM_BYTES];
	const cJSON *i;
	unsigned n = 0;

	cJSON_ArrayForEach (i, json_get_array(block, "content")) {
		struct span type = span_of(json_get_string(i, "type"));

		reading_path(inner, "%s.content[%u]", path, n++);
		if (span_is(type, "image") && !add_image(r, b, i, inner))
			return false;
		if (span_is(type, "document") && !add_document(r, b, i, inner))
			return false;
	}
	return true;
}

/* --- one message --------------------------------------------------------------------- */

static bool fail_block(struct reading *r, const char *path)
{
	char param[CHAT_PARAM_BYTES];

	reading_path(param, "%s.type", path);
	return reading_fail(r, "invalid_value", param,
			    "'%s' is not a kind of content that this role can have.", param);
}

static bool add_user_block(struct reading *r, struct blocks *b, const cJSON *block,
			   const char *path)
{
	struct span type = span_of(json_get_string(block, "type"));

	if (span_is(type, "text"))
		return add_text(r, b, CHAT_PART_TEXT, block, "text", path);
	if (span_is(type, "image"))
		return add_image(r, b, block, path);
	if (span_is(type, "document"))
		return add_document(r, b, block, path);
	if (span_is(type, "tool_result"))
		return add_result_media(r, b, block, path);
	return fail_block(r, path);
}

static bool add_assistant_block(struct reading *r, struct blocks *b, const cJSON *block,
				const char *path)
{
	struct span type = span_of(json_get_string(block, "type"));

	if (span_is(type, "text"))
		return add_text(r, b, CHAT_PART_TEXT, block, "text", path);
	if (span_is(type, "tool_use"))
		return add_call(r, b, block, path);
	if (span_is(type, "redacted_thinking"))
		return true; /* nobody but its author can read it */
	if (!span_is(type, "thinking"))
		return fail_block(r, path);
	if (!add_text(r, b, CHAT_PART_REASONING, block, "thinking", path))
		return false;
	struct chat_message *m = target(r, b);
	return reading_copy(r, span_of(json_get_string(block, "signature")),
			    &m->parts[m->n_parts - 1].signature);
}

/* Results first, since each must follow its call; then what the person added. */
static bool add_results(struct reading *r, struct blocks *b, const cJSON *content)
{
	char path[CHAT_PARAM_BYTES];
	const cJSON *block;
	unsigned n = 0;

	cJSON_ArrayForEach (block, content) {
		reading_path(path, "%s[%u]", b->path, n++);
		if (span_is(span_of(json_get_string(block, "type")), "tool_result") &&
		    !add_result(r, b, block, path))
			return false;
	}
	return true;
}

static bool add_blocks(struct reading *r, struct blocks *b, const cJSON *content)
{
	char path[CHAT_PARAM_BYTES];
	const cJSON *block;
	unsigned n = 0;

	if (b->role == CHAT_USER && !add_results(r, b, content))
		return false;
	cJSON_ArrayForEach (block, content) {
		reading_path(path, "%s[%u]", b->path, n++);
		if (!cJSON_IsObject(block))
			return reading_fail_type(r, path, "an object");
		bool ok = b->role == CHAT_USER        ? add_user_block(r, b, block, path)
			  : b->role == CHAT_ASSISTANT ? add_assistant_block(r, b, block, path)
			  : span_is(span_of(json_get_string(block, "type")), "text")
				  ? add_text(r, b, CHAT_PART_TEXT, block, "text", path)
				  : fail_block(r, path);
		if (!ok)
			return false;
	}
	return true;
}

static bool add_content(struct reading *r, enum chat_role role, const cJSON *content,
			const char *path)
{
	struct blocks b = { .role = role, .path = path };

	if (cJSON_IsArray(content))
		return add_blocks(r, &b, content);
	if (!cJSON_IsString(content))
		return reading_fail_type(r, path, "a string or an array of blocks");
	struct chat_message *m = target(r, &b);
	return m != NULL &&
	       reading_add_text(r, m, CHAT_PART_TEXT, span_of(content->valuestring), path);
}

static bool read_message(struct reading *r, const cJSON *message, unsigned n)
{
	char path[CHAT_PARAM_BYTES];
	struct span role = span_of(json_get_string(message, "role"));
	const cJSON *content = reading_get(message, "content");

	reading_path(path, "messages[%u]", n);
	if (!cJSON_IsObject(message))
		return reading_fail_type(r, path, "an object");
	reading_path(path, "messages[%u].content", n);
	if (span_is(role, "user"))
		return add_content(r, CHAT_USER, content, path);
	if (span_is(role, "assistant"))
		return add_content(r, CHAT_ASSISTANT, content, path);
	if (span_is(role, "system"))
		return add_content(r, CHAT_SYSTEM, content, path);
	reading_path(path, "messages[%u].role", n);
	return reading_fail(r, "invalid_value", path,
			    "'%s' must be 'user', 'assistant' or 'system'.", path);
}

bool anthropic_read_messages(struct reading *r, const cJSON *body)
{
	const cJSON *system = reading_get(body, "system");
	const cJSON *messages = json_get(body, "messages");
	const cJSON *message;
	unsigned n = 0;

	if (system != NULL && !add_content(r, CHAT_SYSTEM, system, "system"))
		return false;
	if (!cJSON_IsArray(messages))
		return reading_fail(r, "missing_required_parameter", "messages",
				    "'messages' must be an array of messages.");
	if (messages->child == NULL)
		return reading_fail(r, "invalid_value", "messages",
				    "'messages' must have at least one entry.");
	uint32_t before = r->chat->n_messages;
	cJSON_ArrayForEach (message, messages)
		if (!read_message(r, message, n++))
			return false;
	return r->chat->n_messages > before ||
	       reading_fail(r, "invalid_value", "messages", "'messages' has no content.");
}
