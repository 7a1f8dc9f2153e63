/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/chat and /api/generate: body to struct chat (Ollama API documents of 2026).
 *
 * Streaming is the default here. Calls have no ids in this dialect: they get "call_0",
 * "call_1" … in order, and a result answers the first open call of its tool's name, or else
 * the first open one. A body without a question asks to load the model, or with keep_alive 0
 * to unload it; that becomes only_load or only_unload and no messages.
 *
 * A name without a tag means ":latest", so that tag is taken off. ":cloud" selects nothing
 * here: names go through the same decision as any.
 */
#include <stdio.h>

#include "dialect/ollama_impl.h"

#define FORMAT_NAME "answer"

static const struct refused_field unsupported[] = {
	{ "context", UNLESS_EMPTY },    { "logprobs", UNLESS_FALSE },
	{ "raw", UNLESS_FALSE },        { "suffix", UNLESS_NO_TEXT },
	{ "template", UNLESS_NO_TEXT }, { "top_logprobs", UNLESS_ZERO },
};

/* --- options ------------------------------------------------------------------------- */

/* Ways of sampling that no request of ours can express. */
static const struct refused_field sampling[] = {
	{ "mirostat", UNLESS_ZERO },
	{ "tfs_z", UNLESS_ONE },
	{ "typical_p", UNLESS_ONE },
};

/* -1 and -2 mean "as much as there is room". */
static bool read_num_predict(struct reading *r, const cJSON *options)
{
	int64_t n;

	if (reading_get(options, "num_predict") == NULL)
		return true;
	if (!json_get_int(options, "num_predict", -2, CHAT_MAX_TOKENS_LIMIT, &n))
		return reading_fail(r, "invalid_value", "num_predict",
				    "'num_predict' must be a whole number from -2 to %d.",
				    CHAT_MAX_TOKENS_LIMIT);
	r->chat->max_tokens = n > 0 ? (uint32_t)n : 0;
	return true;
}

static bool read_top_k(struct reading *r, const cJSON *options)
{
	int64_t n;

	if (reading_get(options, "top_k") == NULL)
		return true;
	if (!json_get_int(options, "top_k", 0, INT32_MAX, &n))
		return reading_fail(r, "invalid_value", "top_k",
				    "'top_k' must be a whole number of at least 0.");
	r->chat->top_k = (int32_t)n;
	r->chat->has_top_k = true;
	return true;
}

/* Options of the engine's memory and threads are the daemon's business and skipped. */
static bool read_options(struct reading *r, const cJSON *options)
{
	struct chat *c = r->chat;

	if (options == NULL)
		return true;
	if (!cJSON_IsObject(options))
		return reading_fail_type(r, "options", "an object");
	return reading_refuse(r, options, NULL, sampling, LEN(sampling)) &&
	       reading_number(r, options, "temperature", 0, 2, &c->temperature,
			      &c->has_temperature) &&
	       reading_number(r, options, "top_p", 0, 1, &c->top_p, &c->has_top_p) &&
	       reading_number(r, options, "min_p", 0, 1, &c->min_p, &c->has_min_p) &&
	       reading_number(r, options, "repeat_penalty", 0, 10, &c->repeat_penalty,
			      &c->has_repeat_penalty) &&
	       reading_number(r, options, "frequency_penalty", -2, 2, &c->frequency_penalty,
			      &c->has_frequency_penalty) &&
	       reading_number(r, options, "presence_penalty", -2, 2, &c->presence_penalty,
			      &c->has_presence_penalty) &&
	       reading_seed(r, options) && read_num_predict(r, options) &&
	       read_top_k(r, options) && reading_stop(r, options, "stop", CHAT_MANY_STOPS);
}

static bool read_format(struct reading *r, const cJSON *format)
{
	struct chat *c = r->chat;
	struct span word = span_of(cJSON_GetStringValue(format));

	if (format == NULL || (cJSON_IsString(format) && word.len == 0))
		return true;
	if (span_is(word, "json")) {
		c->format = CHAT_FORMAT_JSON;
		return true;
	}
	if (!cJSON_IsObject(format))
		return reading_fail(r, "invalid_value", "format",
				    "'format' must be 'json' or a schema.");
	c->format = CHAT_FORMAT_SCHEMA;
	c->format_name = SPAN_LITERAL(FORMAT_NAME);
	return reading_copy_tree(r, format, &c->format_schema);
}

static bool read_think(struct reading *r, const cJSON *think)
{
	if (!cJSON_IsBool(think))
		return reading_effort(r, think, "think");
	r->chat->reasoning_effort =
		cJSON_IsTrue(think) ? SPAN_LITERAL("medium") : SPAN_LITERAL("none");
	return true;
}

/* A number of seconds, or a duration as Go writes it: "5m", "1h30m", "-1". */
static bool read_keep_alive(struct reading *r, const cJSON *keep)
{
	const char *word = cJSON_GetStringValue(keep);

	if (keep == NULL || cJSON_IsNumber(keep) || (word != NULL && word[0] == '\0'))
		return true;
	if (word != NULL && word[word[0] == '-'] != '\0' &&
	    strspn(word + (word[0] == '-'), "0123456789.hmnsu") ==
		    strlen(word + (word[0] == '-')) &&
	    strchr("hmnsu", word[word[0] == '-']) == NULL)
		return true;
	return reading_fail(r, "invalid_value", "keep_alive",
			    "'keep_alive' must be a number of seconds or a duration like 5m.");
}

static bool unloads(const cJSON *body)
{
	const cJSON *keep = reading_get(body, "keep_alive");
	const char *word = cJSON_GetStringValue(keep);

	return (cJSON_IsNumber(keep) && keep->valuedouble == 0) ||
	       (word != NULL && strspn(word, "0") > 0 && strspn(word, "0hms") == strlen(word));
}

static bool read_common(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;

	c->stream = true;
	c->include_usage = true;
	if (!reading_model_name(r, body, "model", &c->model))
		return false;
	c->model = ollama_plain_name(c->model);
	return reading_refuse(r, body, NULL, unsupported, LEN(unsupported)) &&
	       reading_flag(r, body, "stream", "stream", &c->stream) &&
	       read_format(r, reading_get(body, "format")) &&
	       read_think(r, reading_get(body, "think")) &&
	       read_keep_alive(r, reading_get(body, "keep_alive")) &&
	       read_options(r, reading_get(body, "options")) && reading_extension(r, body);
}

static bool load_only(struct reading *r, const cJSON *body)
{
	r->chat->n_messages = 0;
	r->chat->only_unload = unloads(body);
	r->chat->only_load = !r->chat->only_unload;
	return true;
}

/* --- messages ------------------------------------------------------------------------ */

/* The kind of a picture by its first bytes, in base64: JPEG, GIF and WebP, else PNG. */
static struct span image_type(struct span base64)
{
	static const struct {
		const char *begins, *type;
	} kinds[] = {
		{ "/9j/", "image/jpeg" },
		{ "R0lGOD", "image/gif" },
		{ "UklGR", "image/webp" },
	};

	for (size_t i = 0; i < LEN(kinds); i++)
		if (span_starts(base64, kinds[i].begins))
			return span_of(kinds[i].type);
	return SPAN_LITERAL("image/png");
}

static bool read_images(struct reading *r, const cJSON *images, struct chat_message *m,
			const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *image;
	unsigned n = 0;

	if (images != NULL && !cJSON_IsArray(images))
		return reading_fail_type(r, path, "an array of base64 texts");
	cJSON_ArrayForEach (image, images) {
		struct span data = span_of(cJSON_GetStringValue(image));

		reading_path(param, "%s[%u]", path, n++);
		if (!reading_is_base64(data))
			return reading_fail(r, "invalid_value", param,
					    "'%s' must be a picture in base64; nothing is "
					    "fetched from elsewhere.",
					    param);
		struct chat_part *p = reading_add_part(r, m, CHAT_PART_IMAGE, path);
		if (p == NULL || !reading_copy(r, data, &p->text))
			return false;
		p->media_type = image_type(data);
	}
	return true;
}

/* Calls of the whole body, to give ids and to find the one that a result answers. */
struct open_call {
	struct span id, name;
};
struct call_list {
	struct open_call list[CHAT_MAX_CALLS];
	uint32_t n, made;
};

static bool read_call(struct reading *r, const cJSON *call, struct chat_message *m,
		      struct call_list *calls, const char *path)
{
	char param[CHAT_PARAM_BYTES], made_up[24];
	const cJSON *function = json_get_object(call, "function");
	struct span name = span_of(json_get_string(function, "name"));
	const cJSON *arguments = reading_get(function, "arguments");
	struct buf text;

	reading_path(param, "%s.function.name", path);
	if (!reading_is_name(name))
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be 1 to 64 letters, digits, '_' or '-'.", param);
	reading_path(param, "%s.function.arguments", path);
	if (arguments != NULL && !cJSON_IsObject(arguments))
		return reading_fail_type(r, param, "an object");
	if (calls->n == CHAT_MAX_CALLS)
		return reading_fail(r, "invalid_value", param,
				    "'%s': more than %d calls without a result.", param,
				    CHAT_MAX_CALLS);
	struct span id = span_of(json_get_string(call, "id"));
	snprintf(made_up, sizeof made_up, "call_%u", calls->made++);
	buf_init(&text, SIZE_MAX);
	if (arguments != NULL)
		json_put_tree(&text, arguments);
	else
		buf_add_str(&text, "{}");
	bool ok = text.failed ? reading_fail_memory(r)
			      : reading_add_call(r, m, id.len > 0 ? id : span_of(made_up), name,
						 buf_span(&text), path);
	buf_free(&text);
	if (ok) {
		const struct chat_tool_call *c = &m->calls[m->n_calls - 1];
		calls->list[calls->n++] = (struct open_call){ c->id, c->name };
	}
	return ok;
}

static bool read_calls(struct reading *r, const cJSON *message, struct chat_message *m,
		       struct call_list *calls, const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *list = reading_get(message, "tool_calls");
	const cJSON *call;

	reading_path(param, "%s.tool_calls", path);
	if (list != NULL && !cJSON_IsArray(list))
		return reading_fail_type(r, param, "an array");
	cJSON_ArrayForEach (call, list) {
		reading_path(param, "%s.tool_calls[%u]", path, m->n_calls);
		if (!read_call(r, call, m, calls, param))
			return false;
	}
	return true;
}

/* The call that a result answers leaves the list. */
static bool answer_call(struct reading *r, const cJSON *message, struct chat_message *m,
			struct call_list *calls, const char *path)
{
	struct span id = span_of(json_get_string(message, "tool_call_id"));
	struct span name = span_of(json_get_string(message, "tool_name"));
	uint32_t found = 0;

	if (name.len == 0)
		name = span_of(json_get_string(message, "name"));
	if (calls->n == 0)
		return reading_fail(r, "invalid_value", path,
				    "'%s' has the role 'tool' but there is no call that it "
				    "answers.",
				    path);
	for (uint32_t i = calls->n; i-- > 0;)
		if (id.len > 0 ? span_equal(calls->list[i].id, id)
			       : span_equal(calls->list[i].name, name))
			found = i;
	m->tool_call_id = calls->list[found].id;
	calls->n--;
	memmove(&calls->list[found], &calls->list[found + 1],
		(calls->n - found) * sizeof calls->list[0]);
	return true;
}

static bool read_texts(struct reading *r, const cJSON *message, struct chat_message *m,
		       const char *path)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *thinking = reading_get(message, "thinking");
	const cJSON *content = reading_get(message, "content");

	reading_path(param, "%s.thinking", path);
	if (thinking != NULL && !cJSON_IsString(thinking))
		return reading_fail_type(r, param, "a string");
	if (thinking != NULL && thinking->valuestring[0] != '\0' &&
	    !reading_add_text(r, m, CHAT_PART_REASONING, span_of(thinking->valuestring), param))
		return false;
	reading_path(param, "%s.content", path);
	if (content != NULL && !cJSON_IsString(content))
		return reading_fail_type(r, param, "a string");
	if (content == NULL || (content->valuestring[0] == '\0' && m->role == CHAT_ASSISTANT))
		return true;
	return reading_add_text(r, m, CHAT_PART_TEXT, span_of(content->valuestring), param);
}

static bool read_role(struct reading *r, const cJSON *message, const char *path,
		      enum chat_role *ret)
{
	static const char *const words[] = { [CHAT_SYSTEM] = "system",
					     [CHAT_USER] = "user",
					     [CHAT_ASSISTANT] = "assistant",
					     [CHAT_TOOL] = "tool" };
	char param[CHAT_PARAM_BYTES];
	struct span role = span_of(json_get_string(message, "role"));

	for (size_t i = 0; i < LEN(words); i++) {
		if (span_is(role, words[i])) {
			*ret = (enum chat_role)i;
			return true;
		}
	}
	reading_path(param, "%s.role", path);
	return reading_fail(r, "invalid_value", param,
			    "'%s' must be 'system', 'user', 'assistant' or 'tool'.", param);
}

static bool read_message(struct reading *r, const cJSON *message, struct call_list *calls,
			 const char *path)
{
	char param[CHAT_PARAM_BYTES];
	enum chat_role role = CHAT_USER;

	if (!cJSON_IsObject(message))
		return reading_fail_type(r, path, "an object");
	if (!read_role(r, message, path, &role))
		return false;
	struct chat_message *m = reading_add_message(r, role, "messages");
	if (m == NULL || !read_texts(r, message, m, path))
		return false;
	reading_path(param, "%s.images", path);
	if (role == CHAT_USER && !read_images(r, reading_get(message, "images"), m, param))
		return false;
	if (role == CHAT_ASSISTANT && !read_calls(r, message, m, calls, path))
		return false;
	if (role == CHAT_TOOL && !answer_call(r, message, m, calls, path))
		return false;
	reading_path(param, "%s.content", path);
	if (m->n_parts == 0 && m->n_calls == 0)
		return reading_add_text(r, m, CHAT_PART_TEXT, SPAN_LITERAL(""), param);
	return true;
}

static bool read_messages(struct reading *r, const cJSON *messages)
{
	char path[CHAT_PARAM_BYTES];
	const cJSON *message;
	struct call_list *calls = arena_zalloc(r->arena, sizeof *calls);

	if (calls == NULL)
		return reading_fail_memory(r);
	cJSON_ArrayForEach (message, messages) {
		reading_path(path, "messages[%u]", r->chat->n_messages);
		if (!read_message(r, message, calls, path))
			return false;
	}
	return true;
}

/* Their tools have the shape of OpenAI's. */
static bool read_chat(struct reading *r, const cJSON *body)
{
	const cJSON *messages = reading_get(body, "messages");

	if (!read_common(r, body))
		return false;
	if (messages != NULL && !cJSON_IsArray(messages))
		return reading_fail_type(r, "messages", "an array of messages");
	if (messages == NULL || messages->child == NULL)
		return load_only(r, body);
	return read_messages(r, messages) &&
	       openai_read_tool_list(r, reading_get(body, "tools"));
}

static bool read_generate(struct reading *r, const cJSON *body)
{
	const cJSON *prompt = reading_get(body, "prompt");
	const cJSON *system = reading_get(body, "system");
	struct chat_message *m;

	if (!read_common(r, body))
		return false;
	if (prompt != NULL && !cJSON_IsString(prompt))
		return reading_fail_type(r, "prompt", "a string");
	if (system != NULL && !cJSON_IsString(system))
		return reading_fail_type(r, "system", "a string");
	if (prompt == NULL || prompt->valuestring[0] == '\0')
		return load_only(r, body);
	if (system != NULL && system->valuestring[0] != '\0') {
		m = reading_add_message(r, CHAT_SYSTEM, "system");
		if (m == NULL || !reading_add_text(r, m, CHAT_PART_TEXT,
						   span_of(system->valuestring), "system"))
			return false;
	}
	m = reading_add_message(r, CHAT_USER, "prompt");
	return m != NULL &&
	       reading_add_text(r, m, CHAT_PART_TEXT, span_of(prompt->valuestring), "prompt") &&
	       read_images(r, reading_get(body, "images"), m, "images");
}

enum err ollama_read_chat(struct span body, struct arena *a, struct chat *ret,
			  struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_chat);
}

enum err ollama_read_generate(struct span body, struct arena *a, struct chat *ret,
			      struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_generate);
}
