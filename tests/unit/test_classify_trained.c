/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trained model as it ships: known prompts on the right side of the default threshold,
 * the same bits as when it was trained, little moved by another dress, and files that do not
 * fit refused.
 */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "router/classify/classify.h"
#include "router/classify/weights.h"

#define THRESHOLD 0.62f
#define CLEARLY   0.05f

static struct classifier *model;
static char model_path[CLASSIFIER_PATH_BYTES];

static struct classify_result judge_span(struct span text)
{
	struct classify_input in = { .last_user = text, .messages = 1 };
	struct classify_result r;

	classify(model, &in, &r);
	return r;
}

static struct classify_result judge(const char *prompt)
{
	return judge_span(span_of(prompt));
}

static const struct {
	const char *prompt;
	const char *task; /* NULL: not asserted */
} everyday[] = {
	{ "what's the weather in Lisbon on Sunday", "question" },
	{ "remind me to water the plants on Friday evening", "reminder" },
	{ "set an alarm for 5:30", "timer" },
	{ "turn off the bedroom lights", "device.control" },
	{ "Translate to French: Where is the nearest pharmacy?", "translate" },
	{ "Summarize this email: Hi Ruth, the plumber comes on Monday at ten and needs the "
	  "keys. "
	  "I am at work, so could you let him in? The bill goes to the landlord. Thanks, Piet",
	  "summarize" },
	{ "Reply that I will be ten minutes late: Where are you? We are about to order.",
	  "reply" },
	{ "correct the spelling: we recieved you're leter", "rewrite" },
	{ "who painted the night watch", "question" },
	{ "thank you so much", "chat" },
	{ "Stell den Wecker auf sieben Uhr", "timer" },
	{ "Quel temps fait-il à Nice ?", NULL },
	{ "pon la lavadora en la lista de tareas", NULL },
	{ "", NULL },
};

static const char *const hard[] = {
	"Prove that the square root of 3 is irrational and generalise the proof to every "
	"integer "
	"that is not a perfect square.",
	"Prove that every bounded sequence in a separable Hilbert space has a weakly "
	"convergent "
	"subsequence.",
	"Refactor these seven modules into a library with a stable interface, migrate all "
	"callers "
	"and write the tests that show that behaviour did not change.",
	"Design and implement a fault tolerant distributed message queue in Rust with "
	"replication, "
	"snapshots and a test suite, split over several modules.",
	"Write a systematic literature review on the effect of screen time on adolescent "
	"sleep, "
	"with search strategy, risk of bias, and a critical comparison of the methods.",
	"Beweise den Satz von Bolzano-Weierstraß und leite daraus den Satz vom Maximum her.",
};

static void everyday_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(everyday); i++) {
		struct classify_result r = judge(everyday[i].prompt);

		if (r.score > THRESHOLD - 2 * CLEARLY)
			fail_msg("%s: %.3f", everyday[i].prompt, (double)r.score);
		if (everyday[i].task != NULL &&
		    strcmp(classify_task_name(r.task), everyday[i].task) != 0)
			fail_msg("%s: task %s", everyday[i].prompt, classify_task_name(r.task));
	}
}

static void hard_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(hard); i++) {
		struct classify_result r = judge(hard[i]);

		if (r.score < THRESHOLD + CLEARLY)
			fail_msg("%s: %.3f", hard[i], (double)r.score);
		CHECK(r.n_reasons > 0 && r.n_reasons <= CLASSIFY_REASONS_MAX, hard[i]);
	}
}

static void says_why(void **state)
{
	struct classify_result r = judge(hard[0]);
	char whole[400], cut[24], none[8] = "x";

	(void)state;
	classify_explain(&r, whole, sizeof whole);
	CHECK(strstr(whole, r.reasons[0]) == whole, "what it is comes first");
	CHECK(strstr(whole, "; harder because it ") != NULL, "then what makes it hard");
	classify_explain(&r, cut, sizeof cut);
	CHECK(strlen(cut) == sizeof cut - 1 && strncmp(cut, whole, sizeof cut - 1) == 0,
	      "cut to fit");
	r = (struct classify_result){ .reasons = { "is long", "has attachments", "is plain" },
				      .lean = { 1, 1, -1 },
				      .n_reasons = 3 };
	classify_explain(&r, whole, sizeof whole);
	assert_string_equal(whole, "is harder because it is long and has attachments; "
				   "easier because it is plain");
	r.n_reasons = 0;
	classify_explain(&r, none, sizeof none);
	assert_string_equal(none, "");
}

/* ---------------------------------------------------------------- the same bits */

/* Written down when models/classifier.bin was trained (training/golden.py). */
static const struct {
	const char *prompt;
	uint32_t score_bits, confidence_bits;
	const char *task, *language;
} golden[] = {
#include "tests/unit/classify_golden.inc"
};

static uint32_t bits_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static void same_bits_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(golden); i++) {
		struct classify_result r = judge(golden[i].prompt);

		if (bits_of(r.score) != golden[i].score_bits ||
		    bits_of(r.confidence) != golden[i].confidence_bits ||
		    strcmp(classify_task_name(r.task), golden[i].task) != 0 ||
		    strcmp(r.language, golden[i].language) != 0)
			fail_msg("%s: score %08x confidence %08x task %s language %s",
				 golden[i].prompt, bits_of(r.score), bits_of(r.confidence),
				 classify_task_name(r.task), r.language);
	}
}

/* ---------------------------------------------------------------- other dress */

static bool same_features(const char *a, const char *b)
{
	struct features x, y;

	features_read(span_of(a), &x);
	features_read(span_of(b), &y);
	return x.n == y.n && memcmp(x.piece, y.piece, x.n * sizeof x.piece[0]) == 0;
}

static void folding(void **state)
{
	(void)state;
	CHECK(same_features("prove this", "PROVE   this"), "case and spacing");
	CHECK(same_features("prove this", "pr\u043eve th\u0456s"), "Cyrillic look-alikes");
	CHECK(same_features("prove this", "p\u200brove\u00a0th\u00adis"),
	      "what cannot be seen");
	CHECK(same_features("prove this", "\uff30\uff32\uff2f\uff36\uff25 this"), "full width");
	CHECK(same_features("42 apples", "17 apples"), "one digit is like another");
	CHECK(!same_features("prove this", "improve this"), "other words are others");
}

static void padding_moves_little(void **state)
{
	static const char tail[] = " Thank you very much, and have a nice day!";
	char text[4096];

	(void)state;
	for (size_t i = 0; i < LEN(hard); i++) {
		snprintf(text, sizeof text, "%s%s", hard[i], tail);
		CHECK(judge(text).score > THRESHOLD, text);
	}
	for (size_t i = 0; i + 1 < LEN(everyday); i++) {
		snprintf(text, sizeof text, "%s%s", everyday[i].prompt, tail);
		CHECK(judge(text).score < THRESHOLD, text);
	}
}

static void additions_keep_it_hard(void **state)
{
	static const char *const forms[] = {
		"Hi there! Hope you are well. Quick one for you: %s",
		"%s\n\nHow are you today? I hope all is well.",
		"please %s please",
		"%s Vielen Dank im Voraus!",
		"My sister baked an apple cake for the kids. %s",
		"%s Cheers mate, you are a star!",
		"%s Grüße aus dem verregneten Hamburg!",
		"%s Big hugs, ur the best \xf0\x9f\xa4\x97",
		"Ahoy, captain of clever machines! %s",
		"Yo superstar \xf0\x9f\x8c\x9f %s",
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < LEN(hard); i++) {
		for (size_t k = 0; k < LEN(forms); k++) {
			snprintf(text, sizeof text, forms[k], hard[i]);
			CHECK(judge(text).score > THRESHOLD, text);
		}
	}
}

static void cheers_keep_it_easy(void **state)
{
	static const char *const forms[] = {
		"%s Cheers mate, you are a star!",
		"%s Big hugs, ur the best \xf0\x9f\xa4\x97",
		"Ahoy, captain of clever machines! %s",
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i + 1 < LEN(everyday); i++) {
		for (size_t k = 0; k < LEN(forms); k++) {
			snprintf(text, sizeof text, forms[k], everyday[i].prompt);
			CHECK(judge(text).score < THRESHOLD, text);
		}
	}
}

static void line_breaks_move_nothing(void **state)
{
	char text[4096];

	(void)state;
	for (size_t i = 0; i < LEN(hard); i++) {
		if (strstr(hard[i], "\n") != NULL || strstr(hard[i], "  ") != NULL)
			continue;
		snprintf(text, sizeof text, "%s", hard[i]);
		for (char *c = text; *c != '\0'; c++)
			if (*c == ' ')
				*c = '\n';
		CHECK(judge(text).score == judge(hard[i]).score, text);
	}
}

/* ---------------------------------------------------------------- the request */

static void more_of_it_is_harder(void **state)
{
	struct classify_input in = { .last_user = span_of("What do you think of this plan?") };
	struct classify_result alone, tools, history;

	(void)state;
	classify(model, &in, &alone);
	in.tools = 3;
	classify(model, &in, &tools);
	in.tools = 0;
	in.history_bytes = 100000;
	classify(model, &in, &history);
	CHECK(tools.score > alone.score, "tools make it harder");
	CHECK(history.score > alone.score, "a long history makes it harder");
	in.tool_results = true;
	classify(model, &in, &alone);
	CHECK(alone.task == CLASSIFY_TOOL, "a tool's result is a tool turn");
}

static void long_documents_leave(void **state)
{
	static const char line[] = "The parties agree on the terms set out in this section. ";
	size_t n = 120000;
	char *text = malloc(n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = line[i % (sizeof line - 1)];
	CHECK(judge_span((struct span){ text, n }).score > THRESHOLD, "a document of 120 kB");
	/* A mail stays, a book of plain prose leaves; what is asked is the same. */
	static const char mail[] = "Summarize this:\n\n",
			  plain[] = "The village lies by the river and people walk along it. ";
	for (size_t i = 0; i < n; i++)
		text[i] = i < sizeof mail - 1 ? mail[i] : plain[i % (sizeof plain - 1)];
	CHECK(judge_span((struct span){ text, 8 << 10 }).score < THRESHOLD, "8 KiB of prose");
	CHECK(judge_span((struct span){ text, 33 << 10 }).score > THRESHOLD, "33 KiB of prose");
	free(text);
}

static void any_bytes(void **state)
{
	size_t n = 8u << 20;
	uint8_t *text = malloc(n);
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = (uint8_t)(x >> 24);
	}
	for (size_t at = 0; at + 5000 < 400000; at += 4999) {
		struct classify_result r =
			judge_span((struct span){ (const char *)text + at, at % 5000 });

		CHECK(isfinite(r.score) && r.score >= 0 && r.score <= 1, "score in its range");
		CHECK(r.confidence >= 0 && r.confidence <= 1, "confidence in its range");
	}
	CHECK(isfinite(judge_span((struct span){ (const char *)text, n }).score),
	      "8 MB of noise");
	memset(text, 'a', n);
	CHECK(isfinite(judge_span((struct span){ (const char *)text, n }).score),
	      "one word of 8 MB");
	memset(text, 0xff, n);
	CHECK(isfinite(judge_span((struct span){ (const char *)text, n }).score),
	      "no UTF-8 at all");
	free(text);
}

/* ---------------------------------------------------------------- files */

static char scratch[] = "/tmp/test_classify_XXXXXX";

static void write_copy(const struct weights *w, size_t bytes, long turn_bit_of)
{
	int fd = open(scratch, O_WRONLY | O_TRUNC);

	CHECK(fd >= 0 && write(fd, w, bytes) == (ssize_t)bytes, "the copy is written");
	if (turn_bit_of >= 0) {
		uint8_t b = (uint8_t)(((const uint8_t *)w)[turn_bit_of] ^ 1);

		CHECK(pwrite(fd, &b, 1, turn_bit_of) == 1, "a bit is turned");
	}
	close(fd);
}

/* Whole and with the right digest, but one number is `scale`. */
static void write_with_scale(const struct weights *w, float scale)
{
	struct weights *copy = malloc(sizeof *copy);
	struct crypto_sha256 digest;

	memcpy(copy, w, sizeof *copy);
	copy->head.scale[COLUMN_BASE] = scale;
	crypto_sha256((struct span){ (const char *)copy, offsetof(struct weights, sha256) },
		      &digest);
	memcpy(copy->sha256, digest.bytes, sizeof copy->sha256);
	write_copy(copy, sizeof *copy, -1);
	free(copy);
}

static void refused(enum err want, const char *why)
{
	struct classifier *c = NULL;

	CHECK(classifier_open(scratch, &c) == want, why);
	CHECK(c != NULL && strcmp(classifier_name(c), "linear-1") == 0,
	      "the linear model instead");
	classifier_free(c);
}

static void files_that_do_not_fit(void **state)
{
	const struct weights *w = NULL;
	struct classifier *c = NULL;
	int fd = mkstemp(scratch);

	(void)state;
	CHECK(fd >= 0 && weights_map(model_path, &w) == ERR_OK, "the shipped file is mapped");
	close(fd);
	refused(ERR_SYNTAX, "an empty file");
	write_copy(w, sizeof *w - 1, -1);
	refused(ERR_SYNTAX, "cut short by a byte");
	write_copy(w, 100, -1);
	refused(ERR_SYNTAX, "cut short to a hundred bytes");
	write_copy(w, sizeof *w, 0);
	refused(ERR_SYNTAX, "another magic");
	write_copy(w, sizeof *w, offsetof(struct weights_head, version));
	refused(ERR_SYNTAX, "another version");
	write_copy(w, sizeof *w, offsetof(struct weights_head, features_version));
	refused(ERR_SYNTAX, "made for other features");
	write_copy(w, sizeof *w, (long)sizeof(struct weights_head) + 777777);
	refused(ERR_MISMATCH, "one bit of a row turned");
	write_copy(w, sizeof *w, (long)sizeof *w - 1);
	refused(ERR_MISMATCH, "one bit of the digest turned");
	write_with_scale(w, NAN);
	refused(ERR_SYNTAX, "a weight that is no number");
	write_with_scale(w, INFINITY);
	refused(ERR_SYNTAX, "a weight without bounds");
	write_copy(w, sizeof *w, -1);
	CHECK(classifier_open(scratch, &c) == ERR_OK, "a true copy is taken");
	classifier_free(c);
	unlink(scratch);
	refused(ERR_NOT_FOUND, "no file");
	weights_unmap(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyday_stays),
		cmocka_unit_test(hard_leaves),
		cmocka_unit_test(says_why),
		cmocka_unit_test(same_bits_everywhere),
		cmocka_unit_test(folding),
		cmocka_unit_test(padding_moves_little),
		cmocka_unit_test(additions_keep_it_hard),
		cmocka_unit_test(cheers_keep_it_easy),
		cmocka_unit_test(line_breaks_move_nothing),
		cmocka_unit_test(more_of_it_is_harder),
		cmocka_unit_test(long_documents_leave),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(files_that_do_not_fit),
	};

	if (classifier_open_default(&model, model_path) != ERR_OK) {
		fprintf(stderr, "%s does not fit this build\n", model_path);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
