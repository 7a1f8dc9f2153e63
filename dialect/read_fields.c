/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that several client dialects have, and lists that grow in the arena while a body is
 * read. A list doubles when its length is a power of two, so it needs no capacity beside it.
 */
#include "dialect/impl.h"

#define LEAST_ROOM ((size_t)4)

/* --- fields -------------------------------------------------------------------------- */

static bool is_usual(const cJSON *value, enum refused_unless unless)
{
	switch (unless) {
	case UNLESS_FALSE:
		return cJSON_IsFalse(value);
	case UNLESS_ZERO:
		return cJSON_IsNumber(value) && value->valuedouble == 0;
	case UNLESS_ONE:
		return cJSON_IsNumber(value) && value->valuedouble == 1;
	case UNLESS_EMPTY:
		return (cJSON_IsObject(value) || cJSON_IsArray(value)) && value->child == NULL;
	case UNLESS_NO_TEXT:
		return cJSON_IsString(value) && value->valuestring[0] == '\0';
	case UNLESS_MEDIUM:
		return span_is(span_of(cJSON_GetStringValue(value)), "medium");
	case UNLESS_DISABLED:
		return span_is(span_of(cJSON_GetStringValue(value)), "disabled");
	default:
		return false;
	}
}

bool reading_refuse(struct reading *r, const cJSON *obj, const char *within,
		    const struct refused_field *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const cJSON *value = reading_get(obj, table[i].name);
		char path[CHAT_PARAM_BYTES];

		if (value == NULL || is_usual(value, table[i].unless))
			continue;
		reading_path(path, within != NULL ? "%s.%s" : "%s%s",
			     within != NULL ? within : "", table[i].name);
		return reading_fail(r, "unsupported_parameter", path,
				    "'%s' is not supported with this value; leave it out.",
				    path);
	}
	return true;
}

bool reading_number(struct reading *r, const cJSON *obj, const char *key, double min,
		    double max, double *ret, bool *ret_has)
{
	const cJSON *value = reading_get(obj, key);

	if (value == NULL)
		return true;
	if (!cJSON_IsNumber(value))
		return reading_fail_type(r, key, "a number");
	if (!(value->valuedouble >= min && value->valuedouble <= max))
		return reading_fail(r, "invalid_value", key, "'%s' must be between %g and %g.",
				    key, min, max);
	*ret = value->valuedouble;
	*ret_has = true;
	return true;
}

bool reading_flag(struct reading *r, const cJSON *obj, const char *key, const char *param,
		  bool *ret)
{
	const cJSON *value = reading_get(obj, key);

	if (value == NULL)
		return true;
	if (!cJSON_IsBool(value))
		return reading_fail_type(r, param, "true or false");
	*ret = cJSON_IsTrue(value);
	return true;
}

bool reading_seed(struct reading *r, const cJSON *obj)
{
	if (reading_get(obj, "seed") == NULL)
		return true;
	if (!json_get_int(obj, "seed", -(INT64_C(1) << 53), INT64_C(1) << 53, &r->chat->seed))
		return reading_fail(r, "invalid_value", "seed",
				    "'seed' must be a whole number of at most 2^53.");
	r->chat->has_seed = true;
	return true;
}

bool reading_max_tokens(struct reading *r, const cJSON *obj, const char *key)
{
	int64_t n;

	if (reading_get(obj, key) == NULL)
		return true;
	if (!json_get_int(obj, key, 1, CHAT_MAX_TOKENS_LIMIT, &n))
		return reading_fail(r, "invalid_value", key,
				    "'%s' must be a whole number from 1 to %d.", key,
				    CHAT_MAX_TOKENS_LIMIT);
	r->chat->max_tokens = (uint32_t)n;
	return true;
}

bool reading_n(struct reading *r, const cJSON *obj)
{
	int64_t n;

	if (reading_get(obj, "n") == NULL)
		return true;
	if (!json_get_int(obj, "n", 1, CHAT_MAX_ANSWERS, &n))
		return reading_fail(r, "invalid_value", "n",
				    "'n' must be a whole number from 1 to %d.",
				    CHAT_MAX_ANSWERS);
	r->chat->n_answers = (uint32_t)n;
	return true;
}

bool reading_stop(struct reading *r, const cJSON *obj, const char *key, int max)
{
	struct chat *c = r->chat;
	const cJSON *stop = reading_get(obj, key);
	const cJSON *one = stop;
	int n = 1;

	if (stop == NULL)
		return true;
	if (cJSON_IsArray(stop)) {
		n = cJSON_GetArraySize(stop);
		one = stop->child;
	}
	if (n > max)
		return reading_fail(r, "invalid_value", key, "'%s' may have at most %d texts.",
				    key, max);
	c->stop = arena_array(r->arena, (size_t)n, sizeof *c->stop);
	if (c->stop == NULL)
		return reading_fail_memory(r);
	for (; one != NULL && n > 0; one = one->next, n--) {
		struct span text = span_of(cJSON_GetStringValue(one));

		if (text.len == 0)
			return reading_fail_type(r, key,
						 "a text that is not empty, or an array of "
						 "such");
		if (!reading_copy(r, text, &c->stop[c->n_stop++]))
			return false;
	}
	return true;
}

bool reading_effort(struct reading *r, const cJSON *effort, const char *param)
{
	static const char *const words[] = { "none", "minimal", "low", "medium",
					     "high", "xhigh",   "max" };

	if (effort == NULL)
		return true;
	for (size_t i = 0; i < LEN(words); i++) {
		if (span_is(span_of(cJSON_GetStringValue(effort)), words[i])) {
			r->chat->reasoning_effort = span_of(words[i]);
			return true;
		}
	}
	return reading_fail(r, "invalid_value", param,
			    "'%s' must be none, minimal, low, medium, high, xhigh or max.",
			    param);
}

bool reading_service_tier(struct reading *r, const cJSON *body)
{
	static const char *const words[] = { "auto", "default", "flex", "scale", "priority" };
	const cJSON *tier = reading_get(body, "service_tier");

	if (tier == NULL)
		return true;
	for (size_t i = 0; i < LEN(words); i++)
		if (span_is(span_of(cJSON_GetStringValue(tier)), words[i]))
			return true; /* not passed on: what a provider charges is the policy's
				      */
	return reading_fail(r, "invalid_value", "service_tier",
			    "'service_tier' must be auto, default, flex, scale or priority.");
}

/* {"hither":{"max_tier":"device|trusted|cloud","app":ID}}: ours, so unknown keys are errors. */
bool reading_extension(struct reading *r, const cJSON *body)
{
	const cJSON *ours = reading_get(body, "hither");
	const cJSON *i;

	if (ours == NULL)
		return true;
	if (!cJSON_IsObject(ours))
		return reading_fail_type(r, "hither", "an object");
	cJSON_ArrayForEach (i, ours) {
		struct span key = span_of(i->string);
		struct span value = span_of(cJSON_GetStringValue(i));

		if (span_is(key, "app") && value.len > 0 && value.len <= 128) {
			if (!reading_copy(r, value, &r->chat->app))
				return false;
		} else if (span_is(key, "max_tier") &&
			   (span_is(value, "device") || span_is(value, "trusted") ||
			    span_is(value, "cloud"))) {
			if (!reading_copy(r, value, &r->chat->max_tier))
				return false;
		} else {
			return reading_fail(r, "invalid_value", "hither",
					    "'hither' may hold 'max_tier' (device, trusted or "
					    "cloud) and 'app' (1 to 128 bytes) only.");
		}
	}
	return true;
}

bool reading_model_name(struct reading *r, const cJSON *body, const char *key, struct span *ret)
{
	struct span model = span_of(json_get_string(body, key));

	if (model.len == 0)
		return reading_fail(r, "missing_required_parameter", key,
				    "'%s' must be a name; 'auto' lets hither choose.", key);
	if (model.len > CHAT_MAX_MODEL_BYTES)
		return reading_fail(r, "invalid_value", key, "'%s' may have at most %d bytes.",
				    key, CHAT_MAX_MODEL_BYTES);
	for (size_t i = 0; i < model.len; i++)
		if ((unsigned char)model.ptr[i] <= ' ' || model.ptr[i] == 0x7f)
			return reading_fail(r, "invalid_value", key,
					    "'%s' may not have spaces or control characters.",
					    key);
	*ret = model;
	return true;
}

/* --- lists --------------------------------------------------------------------------- */

/* Room for one more; NULL with the problem filled. */
static void *grow(struct reading *r, void *list, size_t n, size_t each_bytes)
{
	if (n > 0 && (n < LEAST_ROOM || (n & (n - 1)) != 0))
		return list;
	void *wider = arena_array(r->arena, n < LEAST_ROOM ? LEAST_ROOM : n * 2, each_bytes);
	if (wider == NULL) {
		reading_fail_memory(r);
		return NULL;
	}
	if (n > 0)
		memcpy(wider, list, n * each_bytes);
	return wider;
}

struct chat_message *reading_add_message(struct reading *r, enum chat_role role,
					 const char *param)
{
	struct chat *c = r->chat;

	if (c->n_messages == CHAT_MAX_MESSAGES) {
		reading_fail(r, "invalid_value", param, "'%s' is more than %d messages.", param,
			     CHAT_MAX_MESSAGES);
		return NULL;
	}
	struct chat_message *list = grow(r, c->messages, c->n_messages, sizeof *c->messages);
	if (list == NULL)
		return NULL;
	c->messages = list;
	struct chat_message *m = &list[c->n_messages++];
	*m = (struct chat_message){ .role = role };
	return m;
}

struct chat_part *reading_add_part(struct reading *r, struct chat_message *m,
				   enum chat_part_kind kind, const char *param)
{
	if (m->n_parts == CHAT_MAX_PARTS) {
		reading_fail(r, "invalid_value", param, "'%s' has more than %d parts.", param,
			     CHAT_MAX_PARTS);
		return NULL;
	}
	struct chat_part *list = grow(r, m->parts, m->n_parts, sizeof *m->parts);
	if (list == NULL)
		return NULL;
	m->parts = list;
	struct chat_part *p = &list[m->n_parts++];
	*p = (struct chat_part){ .kind = kind };
	r->chat->images += kind == CHAT_PART_IMAGE;
	r->chat->audios += kind == CHAT_PART_AUDIO;
	r->chat->files += kind == CHAT_PART_FILE;
	return p;
}

bool reading_add_text(struct reading *r, struct chat_message *m, enum chat_part_kind kind,
		      struct span text, const char *param)
{
	struct chat_part *p = reading_add_part(r, m, kind, param);

	r->chat->text_bytes += text.len;
	return p != NULL && reading_copy(r, text, &p->text);
}

bool reading_add_call(struct reading *r, struct chat_message *m, struct span id,
		      struct span name, struct span arguments, const char *param)
{
	if (m->n_calls == CHAT_MAX_CALLS)
		return reading_fail(r, "invalid_value", param,
				    "'%s' has more than %d tool calls.", param, CHAT_MAX_CALLS);
	struct chat_tool_call *list = grow(r, m->calls, m->n_calls, sizeof *m->calls);
	if (list == NULL)
		return false;
	m->calls = list;
	struct chat_tool_call *c = &list[m->n_calls++];
	*c = (struct chat_tool_call){ .id = { NULL, 0 } };
	r->chat->text_bytes += arguments.len;
	return reading_copy(r, id, &c->id) && reading_copy(r, name, &c->name) &&
	       reading_copy(r, arguments, &c->arguments);
}

bool reading_tools(struct reading *r, const cJSON *tools, reading_tool *read_tool)
{
	char path[CHAT_PARAM_BYTES];
	const cJSON *tool;

	if (tools == NULL)
		return true;
	if (!cJSON_IsArray(tools) || cJSON_GetArraySize(tools) > CHAT_MAX_TOOLS)
		return reading_fail(r, "invalid_value", "tools",
				    "'tools' must be an array of at most %d tools.",
				    CHAT_MAX_TOOLS);
	cJSON_ArrayForEach (tool, tools) {
		reading_path(path, "tools[%u]", r->chat->n_tools);
		if (!read_tool(r, tool, path))
			return false;
	}
	return true;
}

static struct chat_tool *add_tool(struct reading *r)
{
	struct chat *c = r->chat;

	struct chat_tool *list = grow(r, c->tools, c->n_tools, sizeof *c->tools);
	if (list == NULL)
		return NULL;
	c->tools = list;
	struct chat_tool *t = &list[c->n_tools++];
	*t = (struct chat_tool){ .strict = false };
	return t;
}

bool reading_keep_tool(struct reading *r, const cJSON *tool, const char *path, struct span name,
		       const cJSON *schema)
{
	char param[CHAT_PARAM_BYTES];
	const cJSON *description = reading_get(tool, "description");

	reading_path(param, "%s.description", path);
	if (description != NULL && !cJSON_IsString(description))
		return reading_fail_type(r, param, "a string");
	struct chat_tool *t = add_tool(r);
	reading_path(param, "%s.strict", path);
	return t != NULL && reading_flag(r, tool, "strict", param, &t->strict) &&
	       reading_copy(r, name, &t->name) &&
	       reading_copy(r, span_of(cJSON_GetStringValue(description)), &t->description) &&
	       (schema == NULL || reading_copy_tree(r, schema, &t->schema));
}

bool reading_choose_tool(struct reading *r, struct span name, const char *param)
{
	struct chat *c = r->chat;

	for (uint32_t i = 0; i < c->n_tools; i++) {
		if (span_equal(c->tools[i].name, name)) {
			c->tool_choice = CHAT_TOOLS_NAMED;
			c->tool_choice_name = c->tools[i].name;
			return true;
		}
	}
	return reading_fail(r, "invalid_value", param,
			    "'%s' must be the name of one of 'tools'.", param);
}

bool reading_check_required(struct reading *r)
{
	if (r->chat->tool_choice != CHAT_TOOLS_REQUIRED || r->chat->n_tools > 0)
		return true;
	return reading_fail(r, "invalid_value", "tool_choice",
			    "'tool_choice' requires a call but there are no 'tools'.");
}

/* Models do write arguments that are no JSON; engines fail on them, so say it here. */
bool reading_check_arguments(struct reading *r, struct span text, const char *param)
{
	struct json_where where;
	enum err e = json_check(text, &json_limits_api, &where);

	if (e == ERR_NO_MEMORY)
		return reading_fail_memory(r);
	if (e != ERR_OK || span_trim(text).ptr[0] != '{')
		return reading_fail(r, "invalid_value", param,
				    "'%s' must be a string that holds one JSON object.", param);
	return true;
}

/* --- the whole ----------------------------------------------------------------------- */

enum err reading_run(struct span body, struct arena *a, struct chat *ret,
		     struct chat_problem *reterr,
		     bool (*read_body)(struct reading *r, const cJSON *body))
{
	struct chat chat = { .stream = false };
	struct chat_problem problem = { .status = 0 };
	struct reading r = { .arena = a, .chat = &chat, .problem = &problem };
	const cJSON *tree = reading_parse(&r, body);
	bool ok = tree != NULL && read_body(&r, tree);

	reading_done(&r);
	if (!ok) {
		*reterr = problem;
		return r.no_memory ? ERR_NO_MEMORY : ERR_SYNTAX;
	}
	*ret = chat;
	return ERR_OK;
}
