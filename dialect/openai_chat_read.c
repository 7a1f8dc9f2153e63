/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/chat/completions: body to struct chat (OpenAPI document 2.3.0, schema
 * CreateChatCompletionRequest).
 *
 * Three kinds of fields: known ones are read, checked and carried on; those that change what
 * the answer means and that cannot be honoured are a 400 naming them (table `unsupported`);
 * all others are skipped. null counts as absent.
 */
#include "dialect/impl.h"

#define MAX_TOKENS_LIMIT 100000000

/* Refused unless they have the one value that means "as usual". */
static const struct {
	const char *key;
	enum {
		ANY_VALUE,
		UNLESS_FALSE,
		UNLESS_ZERO,
		UNLESS_ONE,
		UNLESS_EMPTY,
		UNLESS_MEDIUM
	} unless;
} unsupported[] = {
	{ "audio", ANY_VALUE },
	{ "echo", UNLESS_FALSE },
	{ "function_call", ANY_VALUE },
	{ "functions", UNLESS_EMPTY },
	{ "grammar", ANY_VALUE },
	{ "guided_choice", ANY_VALUE },
	{ "guided_grammar", ANY_VALUE },
	{ "guided_json", ANY_VALUE },
	{ "guided_regex", ANY_VALUE },
	{ "json_schema", ANY_VALUE },
	{ "logit_bias", UNLESS_EMPTY },
	{ "logprobs", UNLESS_FALSE },
	{ "moderation", ANY_VALUE },
	{ "n", UNLESS_ONE },
	{ "top_logprobs", UNLESS_ZERO },
	{ "verbosity", UNLESS_MEDIUM },
	{ "web_search_options", ANY_VALUE },
};

static bool is_usual(const cJSON *value, unsigned unless)
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
	case UNLESS_MEDIUM:
		return span_is(span_of(cJSON_GetStringValue(value)), "medium");
	default:
		return false;
	}
}

static bool refuse_unsupported(struct reading *r, const cJSON *body)
{
	for (size_t i = 0; i < LEN(unsupported); i++) {
		const char *key = unsupported[i].key;
		const cJSON *value = reading_get(body, key);

		if (value != NULL && !is_usual(value, unsupported[i].unless))
			return reading_fail(r, "unsupported_parameter", key,
					    "'%s' is not supported with this value; leave it "
					    "out.",
					    key);
	}
	const cJSON *modality;
	cJSON_ArrayForEach (modality, json_get(body, "modalities")) {
		if (!span_is(span_of(cJSON_GetStringValue(modality)), "text"))
			return reading_fail(r, "unsupported_value", "modalities",
					    "'modalities' can only be [\"text\"].");
	}
	return true;
}

static bool read_number(struct reading *r, const cJSON *body, const char *key, double min,
			double max, double *ret, bool *ret_has)
{
	const cJSON *value = reading_get(body, key);

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

static bool read_flag(struct reading *r, const cJSON *obj, const char *key, const char *param,
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

static bool read_sampling(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *seed = reading_get(body, "seed");

	if (seed != NULL) {
		if (!json_get_int(body, "seed", -(INT64_C(1) << 53), INT64_C(1) << 53,
				  &c->seed))
			return reading_fail(r, "invalid_value", "seed",
					    "'seed' must be a whole number of at most 2^53.");
		c->has_seed = true;
	}
	return read_number(r, body, "temperature", 0, 2, &c->temperature,
			   &c->has_temperature) &&
	       read_number(r, body, "top_p", 0, 1, &c->top_p, &c->has_top_p) &&
	       read_number(r, body, "frequency_penalty", -2, 2, &c->frequency_penalty,
			   &c->has_frequency_penalty) &&
	       read_number(r, body, "presence_penalty", -2, 2, &c->presence_penalty,
			   &c->has_presence_penalty);
}

static bool read_max_tokens(struct reading *r, const cJSON *body)
{
	static const char *const names[] = { "max_completion_tokens", "max_tokens" };
	struct chat *c = r->chat;

	for (size_t i = 0; i < LEN(names); i++) {
		int64_t n;

		if (reading_get(body, names[i]) == NULL)
			continue;
		if (!json_get_int(body, names[i], 1, MAX_TOKENS_LIMIT, &n))
			return reading_fail(r, "invalid_value", names[i],
					    "'%s' must be a whole number from 1 to %d.",
					    names[i], MAX_TOKENS_LIMIT);
		if (c->max_tokens == 0) { /* the new name counts when both are there */
			c->max_tokens = (uint32_t)n;
			c->max_tokens_new_name = i == 0;
		}
	}
	return true;
}

static bool read_stop(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *stop = reading_get(body, "stop");
	const cJSON *one = stop;
	int n = 1;

	if (stop == NULL)
		return true;
	if (cJSON_IsArray(stop)) {
		n = cJSON_GetArraySize(stop);
		one = stop->child;
	}
	if (n > CHAT_MAX_STOPS)
		return reading_fail(r, "invalid_value", "stop",
				    "'stop' may have at most %d texts.", CHAT_MAX_STOPS);
	c->stop = arena_array(r->arena, (size_t)n, sizeof *c->stop);
	if (c->stop == NULL)
		return reading_fail_memory(r);
	for (; one != NULL && n > 0; one = one->next, n--) {
		struct span text = span_of(cJSON_GetStringValue(one));

		if (text.len == 0)
			return reading_fail_type(r, "stop",
						 "a text that is not empty, or an array of "
						 "such");
		if (!reading_copy(r, text, &c->stop[c->n_stop++]))
			return false;
	}
	return true;
}

static bool read_effort(struct reading *r, const cJSON *body)
{
	static const char *const words[] = { "none", "minimal", "low", "medium",
					     "high", "xhigh",   "max" };
	const cJSON *effort = reading_get(body, "reasoning_effort");

	if (effort == NULL)
		return true;
	for (size_t i = 0; i < LEN(words); i++) {
		if (span_is(span_of(cJSON_GetStringValue(effort)), words[i])) {
			r->chat->reasoning_effort = span_of(words[i]);
			return true;
		}
	}
	return reading_fail(
		r, "invalid_value", "reasoning_effort",
		"'reasoning_effort' must be none, minimal, low, medium, high, xhigh "
		"or max.");
}

/* {"hither":{"max_tier":"device|trusted|cloud","app":ID}}: ours, so unknown keys are errors. */
static bool read_extension(struct reading *r, const cJSON *body)
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

static bool read_model(struct reading *r, const cJSON *body)
{
	struct span model = span_of(json_get_string(body, "model"));

	if (model.len == 0)
		return reading_fail(r, "missing_required_parameter", "model",
				    "'model' must be a name; 'auto' lets hither choose.");
	if (model.len > CHAT_MAX_MODEL_BYTES)
		return reading_fail(r, "invalid_value", "model",
				    "'model' may have at most %d bytes.", CHAT_MAX_MODEL_BYTES);
	for (size_t i = 0; i < model.len; i++)
		if ((unsigned char)model.ptr[i] <= ' ' || model.ptr[i] == 0x7f)
			return reading_fail(r, "invalid_value", "model",
					    "'model' may not have spaces or control "
					    "characters.");
	return reading_copy(r, model, &r->chat->model);
}

static bool read_body(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *options = reading_get(body, "stream_options");

	if (options != NULL && !cJSON_IsObject(options))
		return reading_fail_type(r, "stream_options", "an object");
	return refuse_unsupported(r, body) && read_model(r, body) &&
	       read_flag(r, body, "stream", "stream", &c->stream) &&
	       read_flag(r, options, "include_usage", "stream_options.include_usage",
			 &c->include_usage) &&
	       openai_read_messages(r, json_get(body, "messages")) &&
	       openai_read_tools(r, body) && openai_read_format(r, body) &&
	       read_sampling(r, body) && read_max_tokens(r, body) && read_stop(r, body) &&
	       read_effort(r, body) && read_extension(r, body);
}

enum err openai_chat_read(struct span body, struct arena *a, struct chat *ret,
			  struct chat_problem *reterr)
{
	struct chat chat = { .stream = false };
	struct chat_problem problem = { .status = 0 };
	struct reading r = { .arena = a, .chat = &chat, .problem = &problem };
	cJSON *tree = reading_parse(&r, body);
	bool ok = tree != NULL && read_body(&r, tree);

	cJSON_Delete(tree);
	if (!ok) {
		*reterr = problem;
		return r.no_memory ? ERR_NO_MEMORY : ERR_SYNTAX;
	}
	*ret = chat;
	return ERR_OK;
}
