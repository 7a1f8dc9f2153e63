/* SPDX-License-Identifier: Apache-2.0 */
/* The linear model: everyday prompts stay clearly below the default threshold, hard ones come
 * out above it. */
#include "tests/unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/classify/classify.h"

#define THRESHOLD 0.62f
#define CLEARLY   0.10f

static struct classifier *model;

static struct classify_result judge(const char *prompt)
{
	struct classify_input in = { .last_user = span_of(prompt), .messages = 1 };
	struct classify_result r;

	classify(model, &in, &r);
	return r;
}

static const struct {
	const char *prompt;
	const char *task;
} everyday[] = {
	{ "What is the capital of France?", "question" },
	{ "Remind me to buy milk tomorrow at 8", "reminder" },
	{ "Set a timer for ten minutes", "timer" },
	{ "Reply to this mail and say that I will come on Friday: Hi, are you coming to the "
	  "dinner?",
	  "reply" },
	{ "Translate into German: The train leaves at nine.", "translate" },
	{ "Summarise this: The city council met on Monday and decided to plant two hundred "
	  "trees along "
	  "the river. Work starts in March. The trees are paid for by a donation of the local "
	  "bank, "
	  "which also wants to build benches. Residents were asked for their opinion and "
	  "agreed.",
	  "summarize" },
	{ "who wrote war and peace", "question" },
	{ "Correct the grammar: he go to school", "rewrite" },
	{ "hello", "chat" },
	{ "how many cups are in a litre", "question" },
	{ "play some jazz", "device.control" },
	{ "Extract the phone numbers from this note: call Ann on 555 0100", "extract" },
	{ "Tell me a joke about cats", "chat" },
	{ "", "chat" },
};

static const char *const hard[] = {
	"Prove that there are infinitely many primes of the form 4k+3.",
	"Prove by induction that the sum of the first n odd numbers is n^2, and derive a "
	"closed form for "
	"the sum of their cubes.",
	"Refactor this codebase: split the storage module into three files, migrate the tests "
	"and keep the "
	"public API stable.",
	"Research the literature on sparse attention since 2020 and write a survey with "
	"citations, "
	"comparing the methodology of the most important studies.",
	"Design a distributed rate limiter, analyse its failure scenarios, compare the "
	"trade-offs of three "
	"consistency models and implement the most scalable one in Rust with tests.",
};

static void everyday_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(everyday); i++) {
		struct classify_result r = judge(everyday[i].prompt);

		if (r.score > THRESHOLD - CLEARLY)
			fail_msg("%s: %.3f", everyday[i].prompt, (double)r.score);
		if (strcmp(classify_task_name(r.task), everyday[i].task) != 0)
			fail_msg("%s: task %s", everyday[i].prompt, classify_task_name(r.task));
	}
}

static void hard_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(hard); i++) {
		struct classify_result r = judge(hard[i]);

		if (r.score < THRESHOLD + CLEARLY / 2)
			fail_msg("%s: %.3f", hard[i], (double)r.score);
		CHECK(r.n_reasons > 0 && r.n_reasons <= CLASSIFY_REASONS_MAX, hard[i]);
	}
}

static void bounded(void **state)
{
	size_t n = 3u << 20;
	char *big = malloc(n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 2654435761u >> 13);
	struct classify_input in = { .last_user = { big, n },
				     .history_bytes = UINT64_MAX,
				     .tools = 128,
				     .attachments = 9,
				     .tool_results = true };
	struct classify_result r;
	classify(model, &in, &r);
	CHECK(isfinite(r.score) && r.score >= 0 && r.score <= 1, "the score is in its range");
	CHECK(r.confidence >= 0 && r.confidence <= 1, "so is the confidence");
	CHECK(r.task == CLASSIFY_TOOL, "a tool's result is a tool turn");
	memset(big, 'a', n);
	classify(model, &in, &r);
	CHECK(isfinite(r.score), "one endless word is fine");
	free(big);
}

static void more_of_it_is_harder(void **state)
{
	(void)state;
	struct classify_input in = { .last_user = span_of(
					     "Write down what you think of this plan") };
	struct classify_result alone, with_tools, with_history;

	classify(model, &in, &alone);
	in.tools = 3;
	classify(model, &in, &with_tools);
	in.tools = 0;
	in.history_bytes = 100000;
	classify(model, &in, &with_history);
	CHECK(with_tools.score > alone.score, "tools make it harder");
	CHECK(with_history.score > alone.score, "a long history makes it harder");
}

/* The lookup is a binary search: each word that decides something must be found. */
static void words_are_found(void **state)
{
	(void)state;
	CHECK(judge("alarm").task == CLASSIFY_TIMER, "the first word of the table");
	CHECK(judge("weather please now").task == CLASSIFY_QUESTION, "a word near its end");
	CHECK(judge("THEOREM").task == CLASSIFY_MATH, "case does not matter");
	CHECK(judge("theorems").task == CLASSIFY_CHAT, "whole words only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyday_stays),  cmocka_unit_test(hard_leaves),
		cmocka_unit_test(bounded),         cmocka_unit_test(more_of_it_is_harder),
		cmocka_unit_test(words_are_found),
	};

	if (classifier_open(NULL, &model) != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
