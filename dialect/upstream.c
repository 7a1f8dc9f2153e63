/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The errors an upstream can cause, as the client will see them: code, status and text come
 * from the tables below. An upstream's own words never pass: what it calls the error is shown
 * only where it is one of the names in known_words.
 */
#include <stdio.h>
#include <strings.h>

#include "dialect/upstream_impl.h"

void upstream_emit(struct upstream_out *o, const struct chat_event *ev)
{
	if (o->stopped || o->failed != ERR_OK)
		return;
	if (!o->sink(o->ctx, ev))
		o->stopped = true;
}

static void fail(struct upstream_out *o, enum err why, int status, const char *code,
		 const char *text)
{
	upstream_emit(o, &(struct chat_event){ .kind = CHAT_EV_ERROR,
					       .status = status,
					       .name = span_of(code),
					       .text = span_of(text) });
	if (o->failed == ERR_OK)
		o->failed = why;
}

void upstream_cut(struct upstream_out *o)
{
	fail(o, ERR_TRUNCATED, 502, "stream_cut",
	     "The answer broke off before its end was stated. It is not complete.");
}

void upstream_malformed(struct upstream_out *o)
{
	fail(o, ERR_SYNTAX, 502, "upstream_malformed",
	     "The reply is not what its dialect says. It was stopped.");
}

void upstream_too_big(struct upstream_out *o)
{
	fail(o, ERR_TOO_BIG, 502, "upstream_too_big",
	     "The reply exceeds a limit of this daemon. It was stopped.");
}

static const struct reported {
	int min, max; /* HTTP status */
	const char *code, *text;
} by_status[] = {
	{ 300, 399, "upstream_redirect",
	  "The destination answered with a redirect, and redirects are never followed" },
	{ 401, 401, "upstream_auth", "The destination did not accept the key stored for it" },
	{ 403, 403, "upstream_auth",
	  "The destination did not permit this with the key stored for it" },
	{ 404, 404, "upstream_not_found", "The destination knows no such model or address" },
	{ 408, 408, "upstream_timeout", "The destination gave up waiting" },
	{ 413, 413, "upstream_too_large", "The destination says the request is too large" },
	{ 429, 429, "upstream_rate_limited",
	  "The destination takes no more requests from this key for now" },
	{ 503, 503, "upstream_busy", "The destination is overloaded or still loading" },
	{ 529, 529, "upstream_busy", "The destination is overloaded" },
	{ 400, 499, "upstream_bad_request", "The destination refused the request" },
	{ 0, 999, "upstream_error", "The destination failed" },
};

static const struct {
	const char *word, *code, *text;
} by_code[] = {
	{ "context_length_exceeded", "context_length_exceeded",
	  "The prompt is longer than the model's context." },
	{ "exceed_context_size_error", "context_length_exceeded",
	  "The prompt is longer than the model's context." },
	{ "content_filter", "content_filter",
	  "The destination's content filter refused the request." },
	{ "content_policy_violation", "content_filter",
	  "The destination's content filter refused the request." },
};

/* Names of errors in the documentation of the APIs spoken here: OpenAI, Anthropic, Gemini
 * (google.rpc.Code), Mistral, llama-server. They tell a person where to look. */
static const char *const known_words[] = {
	"INTERNAL",
	"INVALID_ARGUMENT",
	"NOT_FOUND",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"UNAUTHENTICATED",
	"UNAVAILABLE",
	"api_error",
	"authentication_error",
	"billing_error",
	"insufficient_quota",
	"internal_server_error",
	"invalid_api_key",
	"invalid_model",
	"invalid_request_error",
	"model_not_found",
	"not_found_error",
	"not_supported_error",
	"overloaded_error",
	"permission_error",
	"rate_limit_error",
	"rate_limit_exceeded",
	"request_too_large",
	"server_error",
	"timeout_error",
	"unavailable_error",
	"unsupported_parameter",
	"unsupported_value",
};

static const char *known_word(struct span code)
{
	for (size_t i = 0; i < LEN(known_words); i++) {
		if (span_is(code, known_words[i]))
			return known_words[i];
	}
	return NULL;
}

void upstream_reported(struct upstream_out *o, int status, struct span code)
{
	char text[200];
	const char *word = known_word(code);
	const struct reported *row = by_status;

	for (size_t i = 0; i < LEN(by_code); i++) {
		if (span_is(code, by_code[i].word)) {
			fail(o, ERR_DENIED, 400, by_code[i].code, by_code[i].text);
			return;
		}
	}
	while (status < row->min || status > row->max)
		row++;
	snprintf(text, sizeof text, word != NULL ? "%s (%s)." : "%s.", row->text, word);
	/* Only what says "error" is handed on as a status. */
	fail(o, ERR_DENIED, status >= 400 && status <= 599 ? status : 502, row->code, text);
}

enum chat_finish upstream_finish(struct span word)
{
	static const struct {
		const char *word;
		enum chat_finish finish;
	} words[] = {
		{ "stop", CHAT_FINISH_STOP },
		{ "eos", CHAT_FINISH_STOP },
		{ "end_turn", CHAT_FINISH_STOP },
		{ "stop_sequence", CHAT_FINISH_STOP },
		{ "length", CHAT_FINISH_LENGTH },
		{ "max_tokens", CHAT_FINISH_LENGTH },
		{ "max_output_tokens", CHAT_FINISH_LENGTH },
		{ "model_length", CHAT_FINISH_LENGTH },
		{ "model_context_window_exceeded", CHAT_FINISH_LENGTH },
		{ "tool_calls", CHAT_FINISH_TOOLS },
		{ "tool_use", CHAT_FINISH_TOOLS },
		{ "function_call", CHAT_FINISH_TOOLS },
		{ "content_filter", CHAT_FINISH_FILTER },
		{ "content-filter", CHAT_FINISH_FILTER },
		{ "refusal", CHAT_FINISH_FILTER },
		{ "safety", CHAT_FINISH_FILTER },
		{ "recitation", CHAT_FINISH_FILTER },
		{ "blocklist", CHAT_FINISH_FILTER },
		{ "prohibited_content", CHAT_FINISH_FILTER },
		{ "spii", CHAT_FINISH_FILTER },
		{ "image_safety", CHAT_FINISH_FILTER },
		{ "model_armor", CHAT_FINISH_FILTER },
	};

	for (size_t i = 0; i < LEN(words); i++)
		if (span_is_nocase(word, words[i].word))
			return words[i].finish;
	return CHAT_FINISH_NONE;
}
