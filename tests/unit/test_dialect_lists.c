/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of models, bodies about models, embeddings, errors, and which path speaks what. */
#include <stdio.h>

#include "dialect/embed.h"
#include "dialect/lists.h"
#include "tests/unit/check.h"

static const struct model_card cards[] = {
	{ .id = "local", .owner = "local", .created_s = 7 },
	{ .id = "local/tiny:q4",
	  .owner = "local",
	  .created_s = 8,
	  .size_bytes = 9,
	  .digest = "ab",
	  .family = "llama",
	  .parameters = "1.1B",
	  .quantization = "Q4_K_M",
	  .context_tokens = 2048,
	  .tools = true,
	  .vision = true,
	  .loaded = true },
};

#define DETAILS_NONE                                                                           \
	"\"details\":{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"\",\"families\":" \
	"[],\"parameter_size\":\"\",\"quantization_level\":\"\"}"
#define DETAILS                                                                                \
	"\"details\":{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"llama\","         \
	"\"families\":[\"llama\"],\"parameter_size\":\"1.1B\",\"quantization_level\":"         \
	"\"Q4_K_M\"}"

static void expect(struct buf *out, const char *want)
{
	if (strcmp(buf_cstr(out), want) != 0)
		fail_msg("%s\nnot\n%s", buf_cstr(out), want);
	buf_clear(out);
}

static void lists_models(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	openai_put_models(cards, 2, &out);
	expect(&out,
	       "{\"object\":\"list\",\"data\":[{\"id\":\"local\",\"object\":\"model\","
	       "\"created\":7,\"owned_by\":\"local\"},{\"id\":\"local/tiny:q4\",\"object\":"
	       "\"model\",\"created\":8,\"owned_by\":\"local\"}]}");
	anthropic_put_models(cards, 1, &out);
	expect(&out,
	       "{\"data\":[{\"type\":\"model\",\"id\":\"local\",\"display_name\":\"local\","
	       "\"created_at\":\"1970-01-01T00:00:07Z\"}],\"has_more\":false,\"first_id\":"
	       "\"local\",\"last_id\":\"local\"}");
	anthropic_put_models(cards, 0, &out);
	expect(&out, "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
	ollama_put_tags(cards, 2, &out);
	expect(&out,
	       "{\"models\":[{\"name\":\"local:latest\",\"model\":\"local:latest\","
	       "\"modified_at\":\"1970-01-01T00:00:07Z\",\"size\":0,\"digest\":"
	       "\"\"," DETAILS_NONE
	       "},{\"name\":\"local/tiny:q4\",\"model\":\"local/tiny:q4\",\"modified_at\":"
	       "\"1970-01-01T00:00:08Z\",\"size\":9,\"digest\":\"ab\"," DETAILS "}]}");
	ollama_put_ps(cards, 2, &out);
	expect(&out, "{\"models\":[{\"name\":\"local/tiny:q4\",\"model\":\"local/tiny:q4\","
		     "\"size\":9,\"digest\":\"ab\"," DETAILS
		     ",\"expires_at\":\"0001-01-01T00:00:00Z\",\"size_vram\":0,"
		     "\"context_length\":2048}]}");
	ollama_put_show(&cards[1], &out);
	expect(&out,
	       "{\"modelfile\":\"\",\"parameters\":\"\",\"template\":\"\"," DETAILS
	       ",\"model_info\":{\"general.architecture\":\"llama\","
	       "\"llama.context_length\":2048},\"capabilities\":[\"completion\",\"tools\","
	       "\"vision\"],\"modified_at\":\"1970-01-01T00:00:08Z\"}");
	ollama_put_version("0.1.0", &out);
	expect(&out, "{\"version\":\"0.1.0\"}");
	ollama_put_loaded(&(struct reply_head){ .model = "m", .created_s = 7 }, false, true,
			  &out);
	expect(&out, "{\"model\":\"m\",\"created_at\":\"1970-01-01T00:00:07Z\",\"message\":{"
		     "\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":"
		     "\"unload\"}");
	ollama_put_loaded(&(struct reply_head){ .model = "m", .created_s = 7 }, true, false,
			  &out);
	expect(&out,
	       "{\"model\":\"m\",\"created_at\":\"1970-01-01T00:00:07Z\",\"response\":\"\","
	       "\"done\":true,\"done_reason\":\"load\"}");
	buf_free(&out);
}

static void shows_by_name(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "{\"model\":\"local:latest\"}", "local" },
		{ "{\"name\":\"a:q4\"}", "a:q4" },
		{ "{\"model\":\":latest\"}", ":latest" },
		{ "{}", NULL },
		{ "{\"model\":\"a\",\"base_url\":\"x\"}", NULL },
		{ "[", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new("test", 1 << 16);
		struct span name;
		struct chat_problem p = { .status = 0 };
		enum err e = ollama_read_show(span_of(rows[i].body), a, &name, &p);

		CHECK((e == ERR_OK) == (rows[i].want != NULL), rows[i].body);
		CHECK(e == ERR_OK ? span_is(name, rows[i].want) : p.status == 400,
		      rows[i].body);
		arena_free(a);
	}
}

/* --- embeddings ---------------------------------------------------------------------- */

static const float numbers[] = { 1.0f, -0.5f, 1e-7f };
static const struct embed_vector vectors[] = { { numbers, 2 }, { numbers + 1, 2 } };

static const struct {
	const char *name;
	enum embed_shape shape;
	const char *body, *reply; /* reply, or the field at fault */
	bool ok;
} embeds[] = {
	{ "floats", EMBED_OPENAI, "{\"model\":\"x\",\"input\":\"a\"}",
	  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":["
	  "1,"
	  "-0.5]}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}",
	  true },
	{ "little-endian base64, two texts", EMBED_OPENAI,
	  "{\"model\":\"x\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\","
	  "\"dimensions\":2,\"user\":\"u\"}",
	  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":"
	  "\"AACAPwAAAL8=\"},{\"object\":\"embedding\",\"index\":1,\"embedding\":"
	  "\"AAAAv5W/"
	  "1jM=\"}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}",
	  true },
	{ "Ollama", EMBED_OLLAMA,
	  "{\"model\":\"x\",\"input\":[\"a\",\"b\"],\"truncate\":false,\"keep_alive\":0}",
	  "{\"model\":\"m\",\"embeddings\":[[1,-0.5],[-0.5,1.00000001e-07]],"
	  "\"prompt_eval_count\":5}",
	  true },
	{ "Ollama as it was", EMBED_OLLAMA_OLD, "{\"model\":\"x\",\"prompt\":\"a\"}",
	  "{\"embedding\":[1,-0.5]}", true },
	{ "tokens", EMBED_OPENAI, "{\"model\":\"x\",\"input\":[1,2]}", "input", false },
	{ "an empty text", EMBED_OPENAI, "{\"model\":\"x\",\"input\":\"\"}", "input", false },
	{ "no text", EMBED_OPENAI, "{\"model\":\"x\",\"input\":[]}", "input", false },
	{ "nothing", EMBED_OLLAMA, "{\"model\":\"x\"}", "input", false },
	{ "no model", EMBED_OLLAMA_OLD, "{\"prompt\":\"a\"}", "model", false },
	{ "an unknown encoding", EMBED_OPENAI,
	  "{\"model\":\"x\",\"input\":\"a\",\"encoding_format\":\"int8\"}", "encoding_format",
	  false },
	{ "no dimensions", EMBED_OPENAI, "{\"model\":\"x\",\"input\":\"a\",\"dimensions\":0}",
	  "dimensions", false },
	{ "a key", EMBED_OPENAI, "{\"model\":\"x\",\"input\":\"a\",\"z\":{\"api_key\":1}}",
	  "api_key", false },
};

static void embeds_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(embeds); i++) {
		struct arena *a = arena_new("test", 1 << 16);
		struct embed_request q;
		struct chat_problem p = { .status = 0 };
		struct buf out;
		enum err e = embed_read(embeds[i].shape, span_of(embeds[i].body), a, &q, &p);

		buf_init(&out, 1 << 16);
		CHECK((e == ERR_OK) == embeds[i].ok, embeds[i].name);
		if (e == ERR_OK) {
			embed_put(&q, "m", vectors, 5, &out);
			if (strcmp(buf_cstr(&out), embeds[i].reply) != 0)
				fail_msg("%s: %s", embeds[i].name, buf_cstr(&out));
		} else {
			CHECK(p.status == 400 && strcmp(p.param, embeds[i].reply) == 0,
			      embeds[i].name);
		}
		buf_free(&out);
		arena_free(a);
	}
}

/* --- errors and paths ---------------------------------------------------------------- */

static const struct {
	const struct client_dialect *d;
	int status;
	const char *want;
} errors[] = {
	{ &dialect_openai_chat, 403,
	  "{\"error\":{\"message\":\"m\",\"type\":\"permission_error\",\"param\":\"p\","
	  "\"code\":"
	  "\"c\"}}" },
	{ &dialect_openai_completions, 429,
	  "{\"error\":{\"message\":\"m\",\"type\":\"rate_limit_error\",\"param\":\"p\","
	  "\"code\":"
	  "\"c\"}}" },
	{ &dialect_openai_responses, 500,
	  "{\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"param\":\"p\",\"code\":"
	  "\"c\"}}" },
#define A(status, type)                                                                        \
	{                                                                                      \
		&dialect_anthropic_messages, status,                                           \
			"{\"type\":\"error\",\"error\":{\"type\":\"" type                      \
			"\",\"message\":\"m\"},\"request_id\":null}"                           \
	}
	A(400, "invalid_request_error"),
	A(401, "authentication_error"),
	A(402, "billing_error"),
	A(403, "permission_error"),
	A(404, "not_found_error"),
	A(413, "request_too_large"),
	A(422, "invalid_request_error"),
	A(424, "api_error"),
	A(429, "rate_limit_error"),
	A(500, "api_error"),
	A(502, "api_error"),
	A(504, "timeout_error"),
	A(529, "overloaded_error"),
#undef A
	{ &dialect_ollama_chat, 404, "{\"error\":\"m\"}" },
	{ &dialect_ollama_generate, 500, "{\"error\":\"m\"}" },
};

static void errors_have_the_dialects_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(errors); i++) {
		const struct chat_problem p = {
			.status = errors[i].status, .code = "c", .param = "p", .message = "m"
		};
		struct buf out;

		buf_init(&out, 1024);
		errors[i].d->error_body(&p, &out);
		if (strcmp(buf_cstr(&out), errors[i].want) != 0)
			fail_msg("%d: %s", errors[i].status, buf_cstr(&out));
		buf_free(&out);
	}
}

static const struct {
	const char *path;
	bool anthropic_version;
	const struct client_dialect *want;
} paths[] = {
	{ "/v1/chat/completions", false, &dialect_openai_chat },
	{ "/v1/chat/completions", true, &dialect_openai_chat },
	{ "/v1/completions", false, &dialect_openai_completions },
	{ "/v1/responses", false, &dialect_openai_responses },
	{ "/v1/responses/resp_1", false, &dialect_openai_responses },
	{ "/v1/embeddings", false, &dialect_openai_chat },
	{ "/v1/models", false, &dialect_openai_chat },
	{ "/v1/models", true, &dialect_anthropic_messages },
	{ "/v1/models/local", true, &dialect_anthropic_messages },
	{ "/v1/messages", false, &dialect_anthropic_messages },
	{ "/v1/messages/count_tokens", true, &dialect_anthropic_messages },
	{ "/api/chat", false, &dialect_ollama_chat },
	{ "/api/generate", true, &dialect_ollama_generate },
	{ "/api/tags", false, &dialect_ollama_chat },
	{ "/", false, &dialect_ollama_chat },
	{ "/v1/modelsx", false, NULL },
	{ "/v1/chat", false, NULL },
	{ "/hither/v1/route", false, NULL },
	{ "", false, NULL },
};

static void the_path_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(paths); i++)
		CHECK(client_dialect_find(span_of(paths[i].path), paths[i].anthropic_version) ==
			      paths[i].want,
		      paths[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_models),
		cmocka_unit_test(shows_by_name),
		cmocka_unit_test(embeds_texts),
		cmocka_unit_test(errors_have_the_dialects_shape),
		cmocka_unit_test(the_path_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
