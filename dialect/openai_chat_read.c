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

#define TOP_LOGPROBS_MAX 20

/* Refused unless they have the one value that means "as usual". */
static const struct refused_field unsupported[] = {
	{ "audio", ANY_VALUE },          { "echo", UNLESS_FALSE },
	{ "function_call", ANY_VALUE },  { "functions", UNLESS_EMPTY },
	{ "grammar", ANY_VALUE },        { "guided_choice", ANY_VALUE },
	{ "guided_grammar", ANY_VALUE }, { "guided_json", ANY_VALUE },
	{ "guided_regex", ANY_VALUE },   { "json_schema", ANY_VALUE },
	{ "logit_bias", UNLESS_EMPTY },  { "moderation", ANY_VALUE },
	{ "verbosity", UNLESS_MEDIUM },  { "web_search_options", ANY_VALUE },
};

static bool refuse_unsupported(struct reading *r, const cJSON *body)
{
	const cJSON *modality;

	if (!reading_refuse(r, body, NULL, unsupported, LEN(unsupported)))
		return false;
	cJSON_ArrayForEach (modality, json_get(body, "modalities")) {
		if (!span_is(span_of(cJSON_GetStringValue(modality)), "text"))
			return reading_fail(r, "unsupported_value", "modalities",
					    "'modalities' can only be [\"text\"].");
	}
	return true;
}

static bool read_sampling(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;

	return reading_seed(r, body) &&
	       reading_number(r, body, "temperature", 0, 2, &c->temperature,
			      &c->has_temperature) &&
	       reading_number(r, body, "top_p", 0, 1, &c->top_p, &c->has_top_p) &&
	       reading_number(r, body, "frequency_penalty", -2, 2, &c->frequency_penalty,
			      &c->has_frequency_penalty) &&
	       reading_number(r, body, "presence_penalty", -2, 2, &c->presence_penalty,
			      &c->has_presence_penalty);
}

static bool read_logprobs(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	int64_t top = 0;

	if (!reading_flag(r, body, "logprobs", "logprobs", &c->logprobs))
		return false;
	if (reading_get(body, "top_logprobs") != NULL &&
	    !json_get_int(body, "top_logprobs", 0, TOP_LOGPROBS_MAX, &top))
		return reading_fail(r, "invalid_value", "top_logprobs",
				    "'top_logprobs' must be a whole number from 0 to %d.",
				    TOP_LOGPROBS_MAX);
	if (top > 0 && !c->logprobs)
		return reading_fail(r, "invalid_value", "top_logprobs",
				    "'top_logprobs' needs 'logprobs' to be true.");
	if (c->logprobs && c->n_tools > 0)
		return reading_fail(r, "unsupported_parameter", "logprobs",
				    "'logprobs' cannot be had together with tools.");
	c->top_logprobs = (uint32_t)top;
	return true;
}

/* The new name counts when both are there. */
static bool read_max_tokens(struct reading *r, const cJSON *body)
{
	if (!reading_max_tokens(r, body, "max_tokens") ||
	    !reading_max_tokens(r, body, "max_completion_tokens"))
		return false;
	r->chat->max_tokens_new_name = reading_get(body, "max_completion_tokens") != NULL;
	return true;
}

static bool read_body(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *options = reading_get(body, "stream_options");

	if (options != NULL && !cJSON_IsObject(options))
		return reading_fail_type(r, "stream_options", "an object");
	return refuse_unsupported(r, body) && reading_model_name(r, body, "model", &c->model) &&
	       reading_flag(r, body, "stream", "stream", &c->stream) &&
	       reading_flag(r, options, "include_usage", "stream_options.include_usage",
			    &c->include_usage) &&
	       openai_read_messages(r, json_get(body, "messages")) &&
	       openai_read_tools(r, body) && read_logprobs(r, body) &&
	       openai_read_format(r, body) && read_sampling(r, body) &&
	       read_max_tokens(r, body) && reading_n(r, body) &&
	       reading_stop(r, body, "stop", CHAT_MAX_STOPS) &&
	       reading_effort(r, reading_get(body, "reasoning_effort"), "reasoning_effort") &&
	       reading_service_tier(r, body) && reading_extension(r, body);
}

enum err openai_chat_read(struct span body, struct arena *a, struct chat *ret,
			  struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_body);
}
