/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/classify/classify.h"

#define THRESHOLD 0.62f

static struct classify_result of(const char *text)
{
	struct classifier *c;
	struct classify_result r;

	assert_int_equal(classifier_open(NULL, &c), ERR_OK);
	classify(c, &(struct classify_input){ .last_user = span_of(text), .messages = 1 }, &r);
	classifier_free(c);
	return r;
}

static void everyday_prompts_stay_here(void **state)
{
	static const char *const prompts[] = {
		"What is the capital of France?",
		"Remind me to call mom at 5pm",
		"Translate 'good morning, how are you?' into Spanish",
		"Turn off the lights in the kitchen",
		"Write a short reply to this mail saying that I will come on Friday",
		"Summarize this mail: Hi all, the meeting moves from Tuesday to Thursday at "
		"10. Please bring "
		"the figures of last month. The room is the same. Best, Anna",
		"hi",
		"thanks!",
		"set a timer for ten minutes",
		"Who wrote Faust?",
		"Make this sentence friendlier: Send me the file.",
		"What's the weather like today?",
		"",
	};

	(void)state;
	for (size_t i = 0; i < LEN(prompts); i++) {
		struct classify_result r = of(prompts[i]);

		if (r.score >= THRESHOLD)
			fail_msg("\"%s\" scores %.2f", prompts[i], (double)r.score);
	}
}

static void hard_prompts_escalate(void **state)
{
	static const char *const prompts[] = {
		"Prove that there are infinitely many primes congruent to 3 modulo 4, "
		"rigorously.",
		"Design a scalable distributed scheduler and implement it in Rust with modules "
		"for the API, "
		"the database layer and concurrency control; explain the complexity.",
		"Write a comprehensive research report on the literature about monetary policy "
		"since 1990, "
		"compare the schools, and cite sources.",
		"Derive the eigenvalues of this matrix, prove convergence of the iteration and "
		"state every lemma.",
		"Refactor this codebase so that the parser, compiler and scheduler are "
		"separate modules, fix the "
		"deadlock and write tests for every function.",
	};

	(void)state;
	for (size_t i = 0; i < LEN(prompts); i++) {
		struct classify_result r = of(prompts[i]);

		if (r.score < THRESHOLD)
			fail_msg("\"%s\" scores %.2f", prompts[i], (double)r.score);
		assert_true(r.n_reasons > 0);
	}
}

static void tasks_are_told_apart(void **state)
{
	static const struct {
		const char *prompt, *task;
	} rows[] = {
		{ "Translate this into German: I am late.", "translate" },
		{ "Summarize the following text: once upon a time", "summarize" },
		{ "Remind me to buy milk", "reminder" },
		{ "play some jazz", "device.control" },
		{ "Write a python function that reverses a list", "code.write" },
		{ "Why does this crash? ```c\nint *p = 0; *p = 1;\n```", "code.fix" },
		{ "Solve the equation x^2 - 4 = 0", "math" },
		{ "Prove the theorem of Pythagoras", "reasoning" },
		{ "Reply to this email: can you come?", "reply" },
		{ "What is the tallest mountain?", "question" },
		{ "good evening", "chat" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const char *got = classify_task_name(of(rows[i].prompt).task);

		if (strcmp(got, rows[i].task) != 0)
			fail_msg("\"%s\" is %s, not %s", rows[i].prompt, got, rows[i].task);
	}
}

static void any_bytes_get_a_score(void **state)
{
	size_t n = 8u << 20;
	char *text = malloc(n);
	struct classify_result r;
	struct classifier *c;

	(void)state;
	assert_non_null(text);
	assert_int_equal(classifier_open(NULL, &c), ERR_OK);
	srand(7);
	for (int round = 0; round < 50; round++) {
		size_t length = round == 0 ? n : (size_t)rand() % 5000;

		for (size_t i = 0; i < length; i++)
			text[i] = (char)rand();
		classify(c, &(struct classify_input){ .last_user = { text, length } }, &r);
		assert_true(r.score >= 0.0f && r.score <= 1.0f);
		assert_true(r.confidence >= 0.0f && r.confidence <= 1.0f);
	}
	free(text);
}

static void a_missing_weights_file_leaves_the_linear_model(void **state)
{
	struct classifier *c = NULL;

	(void)state;
	assert_int_equal(classifier_open("/nonexistent", &c), ERR_NOT_FOUND);
	assert_string_equal(classifier_name(c), "linear-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyday_prompts_stay_here),
		cmocka_unit_test(hard_prompts_escalate),
		cmocka_unit_test(tasks_are_told_apart),
		cmocka_unit_test(any_bytes_get_a_score),
		cmocka_unit_test(a_missing_weights_file_leaves_the_linear_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
