/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine answers, by what it says: one of each kind, and what each leaves out. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "dialect/engines.h"

#define OLLAMA_TAGS                                                                            \
	"{\"models\":[{\"name\":\"nomic-embed-text:latest\"},"                                 \
	"{\"name\":\"gpt-oss:120b-cloud\",\"remote_host\":\"https://ollama.com:443\"},"        \
	"{\"name\":\"kimi:cloud\"},{\"name\":\"alias\",\"remote_model\":\"kimi\"},"            \
	"{\"name\":\"llama3.2:latest\"},{\"name\":\"qwen3:4b\"}]}"

static const struct row {
	const char *name;
	const char *answers[ENGINE_ASK_COUNT]; /* bodies of a 200; "503" and "404" are those */
	enum engine_kind kind;
	uint32_t n_models;
	const char *chosen; /* NULL: none */
	uint32_t context_tokens;
	bool loading, chosen_loaded;
} rows[] = {
	{ "nobody", { NULL }, ENGINE_KIND_UNKNOWN, 0, NULL, 0, false, false },
	{ "a web server of some kind",
	  { [ENGINE_ASK_HEALTH] = "<html>", [ENGINE_ASK_MODELS] = "404" },
	  ENGINE_KIND_UNKNOWN,
	  0,
	  NULL,
	  0,
	  false,
	  false },
	{ "llama-server",
	  { [ENGINE_ASK_HEALTH] = "{\"status\":\"ok\"}",
	    [ENGINE_ASK_MODELS] =
		    "{\"object\":\"list\",\"data\":[{\"id\":\"tiny\",\"owned_by\":"
		    "\"llamacpp\",\"meta\":{\"n_ctx_train\":32768}}]}",
	    [ENGINE_ASK_PROPS] = "{\"default_generation_settings\":{\"n_ctx\":4096}}" },
	  ENGINE_KIND_LLAMA_SERVER,
	  1,
	  "tiny",
	  4096,
	  false,
	  true },
	{ "llama-server that loads",
	  { [ENGINE_ASK_HEALTH] = "503", [ENGINE_ASK_MODELS] = "503" },
	  ENGINE_KIND_LLAMA_SERVER,
	  0,
	  NULL,
	  0,
	  true,
	  false },
	{ "Ollama with a model loaded",
	  { [ENGINE_ASK_MODELS] = "{\"object\":\"list\",\"data\":[{\"id\":\"llama3.2:latest\","
				  "\"owned_by\":\"library\"}]}",
	    [ENGINE_ASK_OLLAMA_VERSION] = "{\"version\":\"0.12.6\"}",
	    [ENGINE_ASK_OLLAMA_STATUS] = "{\"cloud\":{\"disabled\":true,\"source\":\"env\"}}",
	    [ENGINE_ASK_OLLAMA_TAGS] = OLLAMA_TAGS,
	    [ENGINE_ASK_OLLAMA_PS] =
		    "{\"models\":[{\"name\":\"qwen3:4b\",\"context_length\":4096}]}" },
	  ENGINE_KIND_OLLAMA,
	  6,
	  "qwen3:4b",
	  4096,
	  false,
	  true },
	{ "Ollama with nothing loaded",
	  { [ENGINE_ASK_OLLAMA_VERSION] = "{\"version\":\"0.12.6\"}",
	    [ENGINE_ASK_OLLAMA_TAGS] = OLLAMA_TAGS },
	  ENGINE_KIND_OLLAMA,
	  6,
	  "llama3.2:latest",
	  0,
	  false,
	  false },
	{ "LM Studio",
	  { [ENGINE_ASK_MODELS] =
		    "{\"data\":[{\"id\":\"a\",\"owned_by\":\"organization_owner\"}]}",
	    [ENGINE_ASK_LM_STUDIO_V0] =
		    "{\"object\":\"list\",\"data\":[{\"id\":\"nomic\",\"type\":\"embeddings\","
		    "\"state\":\"loaded\",\"max_context_length\":2048},{\"id\":\"b\",\"type\":"
		    "\"llm\",\"state\":\"not-loaded\",\"max_context_length\":131072},{\"id\":"
		    "\"a\",\"type\":\"vlm\",\"state\":\"loaded\",\"max_context_length\":32768,"
		    "\"loaded_context_length\":4096}]}" },
	  ENGINE_KIND_LM_STUDIO,
	  3,
	  "a",
	  4096,
	  false,
	  true },
	{ "Lemonade, which answers Ollama's paths as well",
	  { [ENGINE_ASK_MODELS] =
		    "{\"data\":[{\"id\":\"openai.gpt-5\",\"owned_by\":\"lemonade\"},{\"id\":"
		    "\"Qwen3-GGUF\",\"owned_by\":\"lemonade\"}]}",
	    [ENGINE_ASK_OLLAMA_VERSION] = "{\"version\":\"0.9\"}",
	    [ENGINE_ASK_OLLAMA_TAGS] = "{\"models\":[{\"name\":\"x\"}]}",
	    [ENGINE_ASK_LEMONADE_HEALTH] =
		    "{\"status\":\"ok\",\"version\":\"9.1\",\"model_loaded\":"
		    "\"Qwen3-GGUF\"}" },
	  ENGINE_KIND_LEMONADE,
	  2,
	  "Qwen3-GGUF",
	  0,
	  false,
	  true },
	{ "vLLM",
	  { [ENGINE_ASK_HEALTH] = "",
	    [ENGINE_ASK_MODELS] = "{\"data\":[{\"id\":\"m/x\",\"owned_by\":\"vllm\","
				  "\"max_model_len\":8192}]}",
	    [ENGINE_ASK_VLLM_VERSION] = "{\"version\":\"0.11.0\"}" },
	  ENGINE_KIND_VLLM,
	  1,
	  "m/x",
	  8192,
	  false,
	  false },
	{ "MLC LLM",
	  { [ENGINE_ASK_MODELS] =
		    "{\"data\":[{\"id\":\"HF://mlc-ai/x\",\"owned_by\":\"MLC-LLM\"}]}" },
	  ENGINE_KIND_MLC,
	  1,
	  "HF://mlc-ai/x",
	  0,
	  false,
	  false },
	{ "LiteRT-LM",
	  { [ENGINE_ASK_MODELS] = "{\"data\":[{\"id\":\"gemma.litertlm,cpu,4096\"}]}" },
	  ENGINE_KIND_LITERT,
	  1,
	  "gemma.litertlm,cpu,4096",
	  0,
	  false,
	  false },
	{ "Foundry Local",
	  { [ENGINE_ASK_MODELS] = "{\"data\":[{\"id\":\"phi\",\"owned_by\":\"Microsoft\","
				  "\"maxInputTokens\":4096}]}",
	    [ENGINE_ASK_FOUNDRY_STATUS] = "{\"modelDirPath\":\"/x\"}" },
	  ENGINE_KIND_FOUNDRY,
	  1,
	  "phi",
	  4096,
	  false,
	  false },
	{ "any other",
	  { [ENGINE_ASK_MODELS] = "{\"data\":[{\"id\":\"text-embed\"},{\"id\":\"\"},{},7,"
				  "{\"id\":\"m\",\"context_length\":100}]}" },
	  ENGINE_KIND_OPENAI,
	  2,
	  "m",
	  100,
	  false,
	  false },
	{ "one with nothing but embeddings",
	  { [ENGINE_ASK_MODELS] = "{\"data\":[{\"id\":\"bge-small\"}]}" },
	  ENGINE_KIND_OPENAI,
	  1,
	  NULL,
	  0,
	  false,
	  false },
};

static void read_row(const struct row *row, struct engine_facts *ret)
{
	struct engine_answer answers[ENGINE_ASK_COUNT] = { 0 };

	for (unsigned a = 0; a < ENGINE_ASK_COUNT; a++) {
		const char *body = row->answers[a];
		bool bare =
			body != NULL && (strcmp(body, "503") == 0 || strcmp(body, "404") == 0);

		if (body == NULL)
			continue;
		answers[a].status = !bare ? 200 : body[0] == '5' ? 503 : 404;
		answers[a].body =
			bare ? SPAN_LITERAL("{\"error\":{\"code\":0}}") : span_of(body);
	}
	engine_read(answers, ret);
}

static void recognises(void **state)
{
	static struct engine_facts f;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct row *row = &rows[i];
		const struct engine_model_facts *m;

		read_row(row, &f);
		CHECK(f.kind == row->kind, row->name);
		CHECK(f.n_models == row->n_models, row->name);
		CHECK(f.loading == row->loading, row->name);
		m = engine_choose(&f, "");
		CHECK((m == NULL) == (row->chosen == NULL), row->name);
		if (m == NULL)
			continue;
		CHECK(strcmp(m->name, row->chosen) == 0, row->name);
		CHECK(m->context_tokens == row->context_tokens, row->name);
		CHECK(m->loaded == row->chosen_loaded, row->name);
	}
}

static void tells_where_prompts_go(void **state)
{
	static struct engine_facts f;
	static const struct {
		const char *model;
		enum engine_locality want;
	} ollama[] = { { "llama3.2", ENGINE_PROVEN },
		       { "qwen3:4b", ENGINE_PROVEN },
		       { "gpt-oss:120b-cloud", ENGINE_ELSEWHERE },
		       { "kimi:cloud", ENGINE_ELSEWHERE },
		       { "alias", ENGINE_ELSEWHERE } };

	(void)state;
	read_row(&rows[4], &f);
	CHECK(f.cloud_known && f.cloud_off, "its cloud is off");
	CHECK(strcmp(f.version, "0.12.6") == 0, "its version");
	for (size_t i = 0; i < LEN(ollama); i++) {
		const struct engine_model_facts *m = engine_choose(&f, ollama[i].model);

		CHECK(m != NULL && engine_locality(&f, m) == ollama[i].want, ollama[i].model);
	}
	CHECK(engine_choose(&f, "llama") == NULL, "a part of a name is no name");
	read_row(&rows[5], &f);
	CHECK(!f.cloud_known, "an older one does not say");
	read_row(&rows[7], &f);
	CHECK(engine_locality(&f, engine_choose(&f, "openai.gpt-5")) == ENGINE_ELSEWHERE,
	      "Lemonade passes this one on");
	CHECK(engine_locality(&f, engine_choose(&f, "")) == ENGINE_CLAIMED,
	      "the rest is a claim");
	CHECK(engine_tool_leaves(ENGINE_KIND_OLLAMA, SPAN_LITERAL("web_search")) &&
		      engine_tool_leaves(ENGINE_KIND_OLLAMA, SPAN_LITERAL("web_fetch_page")) &&
		      !engine_tool_leaves(ENGINE_KIND_OLLAMA, SPAN_LITERAL("search")) &&
		      !engine_tool_leaves(ENGINE_KIND_VLLM, SPAN_LITERAL("web_search")),
	      "tools that leave");
}

static void addresses(void **state)
{
	static const struct {
		const char *url;
		bool fine, v6;
		uint16_t port;
	} urls[] = { { "http://127.0.0.1:11434", true, false, 11434 },
		     { "http://localhost:1/", true, false, 1 },
		     { "http://[::1]:65535", true, true, 65535 },
		     { "http://127.0.0.1", false, false, 0 },
		     { "http://127.0.0.1:0", false, false, 0 },
		     { "http://127.0.0.1:65536", false, false, 0 },
		     { "http://127.0.0.1:80/v1", false, false, 0 },
		     { "http://127.0.0.1:80@evil.example", false, false, 0 },
		     { "http://127.0.0.1.evil.example:80", false, false, 0 },
		     { "http://0.0.0.0:80", false, false, 0 },
		     { "https://127.0.0.1:80", false, false, 0 },
		     { "http://localhost.evil:80", false, false, 0 },
		     { "http://10.0.0.1:80", false, false, 0 },
		     { "", false, false, 0 } };
	bool v6;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < LEN(urls); i++) {
		v6 = false;
		port = 0;
		CHECK((engine_address(urls[i].url, &v6, &port) == ERR_OK) == urls[i].fine,
		      urls[i].url);
		CHECK(v6 == urls[i].v6 && port == urls[i].port, urls[i].url);
	}
}

static void many_models(void **state)
{
	static char body[20000];
	static struct engine_facts f;
	struct engine_answer answers[ENGINE_ASK_COUNT] = { 0 };
	size_t n = (size_t)snprintf(body, sizeof body, "{\"data\":[");

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "%s{\"id\":\"m%u\"}",
				      i > 0 ? "," : "", i);
	snprintf(body + n, sizeof body - n, "]}");
	answers[ENGINE_ASK_MODELS] = (struct engine_answer){ 200, span_of(body) };
	engine_read(answers, &f);
	CHECK(f.n_models == ENGINE_MODELS_MAX && f.models_left == 200 - ENGINE_MODELS_MAX,
	      "bounded, and told");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(recognises),
					    cmocka_unit_test(tells_where_prompts_go),
					    cmocka_unit_test(addresses),
					    cmocka_unit_test(many_models) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
