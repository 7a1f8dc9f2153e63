/* SPDX-License-Identifier: Apache-2.0 */
/* What consent reads in the bodies of each dialect, further attempts, and what a cache costs.
 */
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/fault.h"
#include "tests/fake/gate_world.h"
#include "tests/unit/check.h"

#define FAR(api, more)                                                                         \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"" api "\",\"base_url\":\"https://far.example/v1\",\"models\":[\"big-1\"],"  \
	"\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,\"cached_input_per_mtok\":0.1,"  \
	"\"output_per_mtok\":2}" more "}},\"default\":{\"cloud\":\"allow\"},"                  \
	"\"rules\":[{\"id\":\"caps\",\"effect\":\"require\","                                  \
	"\"with\":{\"max_output_tokens\":50,\"strip\":[\"images\",\"system_prompt\"]}}]}"

#define CHAT   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define GEMINI "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"
#define M      "\"model\":\"big-1\","

static const struct {
	const char *name, *policy, *body;
	bool streaming, goes;
} rows[] = {
	{ "chat", FAR("openai", ""), "{" M CHAT ",\"max_completion_tokens\":50}", false, true },
	{ "chat, the older word", FAR("mistral", ""), "{" M CHAT ",\"max_tokens\":50}", false,
	  true },
	{ "chat over the cap", FAR("openai", ""), "{" M CHAT ",\"max_tokens\":51}", false,
	  false },
	{ "chat with a cap that chat does not have", FAR("azure-openai", ""),
	  "{" M CHAT ",\"max_output_tokens\":50}", false, false },
	{ "chat for another model", FAR("openrouter", ""),
	  "{\"model\":\"big-2\"," CHAT ",\"max_tokens\":50}", false, false },
	{ "responses", FAR("openai-responses", ""),
	  "{" M "\"input\":[],\"max_output_tokens\":50}", false, true },
	{ "responses with a cap of chat", FAR("openai-responses", ""),
	  "{" M "\"input\":[],\"max_tokens\":50}", false, false },
	{ "responses with instructions", FAR("openai-responses", ""),
	  "{" M "\"input\":[],\"instructions\":\"x\",\"max_output_tokens\":50}", false, false },
	{ "responses with an image", FAR("openai-responses", ""),
	  "{" M
	  "\"input\":[{\"content\":[{\"type\":\"input_image\"}]}],\"max_output_tokens\":50}",
	  false, false },
	{ "anthropic", FAR("anthropic", ""), "{" M CHAT ",\"max_tokens\":50}", false, true },
	{ "anthropic with a system prompt", FAR("anthropic", ""),
	  "{" M CHAT ",\"system\":\"x\",\"max_tokens\":50}", false, false },
	{ "gemini", FAR("gemini", ""),
	  "{" GEMINI ",\"generationConfig\":{\"maxOutputTokens\":50}}", false, true },
	{ "gemini, streamed: the address says so", FAR("gemini", ""),
	  "{" GEMINI ",\"generationConfig\":{\"maxOutputTokens\":50}}", true, true },
	{ "gemini over the cap", FAR("gemini", ""),
	  "{" GEMINI ",\"generationConfig\":{\"maxOutputTokens\":51}}", false, false },
	{ "gemini without a cap", FAR("gemini", ""), "{" GEMINI ",\"maxOutputTokens\":5}",
	  false, false },
	{ "gemini with a model in the body", FAR("gemini", ""),
	  "{" M GEMINI ",\"generationConfig\":{\"maxOutputTokens\":50}}", false, false },
	{ "gemini with a system prompt", FAR("gemini", ""),
	  "{" GEMINI ",\"systemInstruction\":{},\"generationConfig\":{\"maxOutputTokens\":50}}",
	  false, false },
	{ "gemini with an image", FAR("gemini", ""),
	  "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/"
	  "png\",\"data\":\"\"}}]}],"
	  "\"generationConfig\":{\"maxOutputTokens\":50}}",
	  false, false },
	{ "ollama", FAR("ollama", ""),
	  "{" M CHAT ",\"stream\":false,\"options\":{\"num_predict\":50}}", false, true },
	{ "ollama streams unless told otherwise", FAR("ollama", ""),
	  "{" M CHAT ",\"options\":{\"num_predict\":50}}", true, true },
	{ "ollama streams, and nobody asked for it", FAR("ollama", ""),
	  "{" M CHAT ",\"options\":{\"num_predict\":50}}", false, false },
	{ "ollama with an image", FAR("ollama", ""),
	  "{" M "\"messages\":[{\"role\":\"user\",\"content\":\"hi\",\"images\":[\"aaaa\"]}],"
	  "\"stream\":false,\"options\":{\"num_predict\":50}}",
	  false, false },
};

static void reads_each_dialect_by_its_own_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world *w = world_new(rows[i].policy);
		struct msg_ASK m = world_ask(w);

		m.streaming = rows[i].streaming;
		assert_true(
			world_put_raw(w, &m, span_of(rows[i].body), (struct span){ NULL, 0 }));
		CHECK(w->n_sends == rows[i].goes, rows[i].name);
		CHECK(world_last(w, m.request_id)->outcome ==
			      (rows[i].goes ? ASK_GRANTED : ASK_DENIED_POLICY),
		      rows[i].name);
		world_free(w);
	}
}

static struct world *sending(const char *policy, struct msg_ASK *m)
{
	struct world *w = world_new(policy);

	*m = world_ask(w);
	assert_true(world_put_raw(w, m, SPAN_LITERAL("{" M CHAT ",\"max_tokens\":50}"),
				  (struct span){ NULL, 0 }));
	assert_int_equal(w->n_sends, 1);
	return w;
}

static struct msg_AGAIN again(const struct world *w, uint32_t attempt)
{
	return (struct msg_AGAIN){ .request_id = w->sends[0].m.request_id,
				   .ledger_seq = w->sends[0].m.ledger_seq,
				   .attempt = attempt,
				   .http_status = 429,
				   .bytes_out = 300 };
}

static void each_attempt_is_on_record_before_it_begins(void **state)
{
	struct msg_ASK m;
	struct world *w = sending(FAR("openai", ",\"retry\":{\"attempts\":2}"), &m);

	(void)state;
	for (uint32_t n = 1; n <= 2; n++) {
		struct msg_AGAIN said = again(w, n);

		assert_true(gate_again(w->gate, &said));
		assert_int_equal(world_records(w, RECORD_RETRIED, NULL), n);
		assert_int_equal(w->n_agains, n);
		assert_int_equal(w->last_again.attempt, n);
	}
	struct msg_AGAIN third = again(w, 3);
	assert_true(gate_again(w->gate, &third));
	assert_int_equal(w->n_agains, 2); /* no more than the policy has */
	assert_true(w->sends[0].aborted);
	assert_int_equal(world_records(w, RECORD_RETRIED, NULL), 2);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 1);
	world_sent(w, 0, SEND_ABORTED, -1, -1);
	assert_int_equal(world_records(w, RECORD_CLOSED, NULL), 1);
	world_free(w);
}

static void attempts_out_of_turn_break_the_protocol(void **state)
{
	struct msg_ASK m;
	struct world *w = sending(FAR("openai", ",\"retry\":{\"attempts\":2}"), &m);
	struct msg_AGAIN second = again(w, 2), first = again(w, 1), unknown = again(w, 1);

	(void)state;
	unknown.request_id++;
	assert_false(gate_again(w->gate, &unknown));
	assert_false(gate_again(w->gate, &second));
	assert_true(gate_again(w->gate, &first));
	assert_false(gate_again(w->gate, &first));
	assert_int_equal(w->n_agains, 1);
	world_free(w);
}

static void without_a_record_there_is_no_further_attempt(void **state)
{
	struct msg_ASK m;
	struct world *w = sending(FAR("openai", ",\"retry\":{\"attempts\":2}"), &m);
	struct msg_AGAIN said = again(w, 1);

	(void)state;
	fault_arm(1, true);
	assert_true(gate_again(w->gate, &said));
	fault_arm(0, false);
	assert_int_equal(w->n_agains, 0);
	assert_true(w->sends[0].aborted);
	world_free(w);
}

/* A restart between an attempt and its end must not take the release for closed. */
static void a_retried_release_is_still_open(void **state)
{
	struct msg_ASK m;
	struct world *w = sending(FAR("openai", ",\"retry\":{\"attempts\":2}"), &m);
	struct msg_AGAIN said = again(w, 1);

	(void)state;
	assert_true(gate_again(w->gate, &said));
	world_restart(w, FAR("openai", ""));
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 1);
	world_free(w);
}

static bool see_cost(void *ctx, const struct record *row, struct span body)
{
	static const char key[] = "\"cost_nano\":";
	const char *at = memmem(body.ptr, body.len, key, sizeof key - 1);

	if (row->kind == RECORD_CLOSED && at != NULL)
		*(int64_t *)ctx = strtoll(at + sizeof key - 1, NULL, 10);
	return true;
}

static void tokens_of_the_cache_cost_what_they_cost(void **state)
{
	struct msg_ASK m;
	struct world *w = sending(FAR("openai", ""), &m);
	struct msg_SENT sent = { .request_id = w->sends[0].m.request_id,
				 .ledger_seq = w->sends[0].m.ledger_seq,
				 .outcome = SEND_COMPLETE,
				 .http_status = 200,
				 .bytes_out = 100,
				 .input_tokens = 1000,
				 .cached_tokens = 400,
				 .output_tokens = 10 };
	int64_t cost = -1;

	(void)state;
	assert_true(gate_sent(w->gate, &sent));
	assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	assert_int_equal(ledger_each(gate_ledger(w->gate), 0, 0, see_cost, &cost), ERR_OK);
	/* 600 at 1, 400 at 0.1 and 10 at 2 a million, in 10^-9 */
	assert_int_equal(cost, 600 * 1000 + 400 * 100 + 10 * 2000);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_dialect_by_its_own_words),
		cmocka_unit_test(each_attempt_is_on_record_before_it_begins),
		cmocka_unit_test(attempts_out_of_turn_break_the_protocol),
		cmocka_unit_test(without_a_record_there_is_no_further_attempt),
		cmocka_unit_test(a_retried_release_is_still_open),
		cmocka_unit_test(tokens_of_the_cache_cost_what_they_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
