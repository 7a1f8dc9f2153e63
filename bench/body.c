/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body: what a request's body costs before anything is decided about it, and after: the strict
 * gate alone, gate and tree, gate and tree and the chat read from it, and the body written for
 * the engine. Microseconds, and the ratio to a reference measured in the same run: cJSON
 * parsing the same bytes to a tree and freeing it, which refuses next to nothing.
 *
 * Steps take turns in shuffled rounds, each right after its reference, so that what else the
 * machine does hits both: the ratio is the median of such pairs, the times are the quickest.
 * Bodies are one system and one user message; every 64th byte of the text is an escaped line
 * end, every 61st a quote, as code and mails have them.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/rounds.h"
#include "common/json.h"
#include "dialect/dialect.h"

#define ROUNDS      61
#define ROUND_BYTES ((size_t)400000) /* read in one round of one step */

static const size_t sizes[] = { 256, 2048, 16384, 102400 };

enum step { STEP_GATE, STEP_TREE, STEP_CHAT, STEP_WRITE, STEPS };
static const char *const step_names[] = { "gate", "gate and tree", "gate, tree, chat",
					  "body for the engine" };

#define WAYS (LEN(sizes) * STEPS)
static double ratio[WAYS][ROUNDS], least_us[WAYS], least_reference_us[WAYS];

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static void body_of(size_t prompt_bytes, struct buf *out)
{
	static const char words[] = "please explain how the table of a report is read ";

	buf_init(out, (size_t)1 << 20);
	buf_add_str(out,
		    "{\"model\":\"auto\",\"temperature\":0.7,\"stream\":true,\"messages\":["
		    "{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"
		    "{\"role\":\"user\",\"content\":\"");
	for (size_t i = 0; i < prompt_bytes; i++) {
		if (i % 64 == 63)
			buf_add_str(out, "\\n");
		else if (i % 61 == 60)
			buf_add_str(out, "\\\"");
		else
			buf_add(out, (struct span){ &words[i % (sizeof words - 1)], 1 });
	}
	buf_add_str(out, "\"}]}");
	must(!out->failed, "making a body");
}

static void run(enum step step, struct span body, const struct chat *chat, struct arena *a,
		struct buf *out)
{
	struct json_where where;
	struct chat_problem problem;
	const cJSON *tree;
	struct chat read;
	struct arena *nodes;

	switch (step) {
	case STEP_GATE:
		must(json_check(body, &json_limits_api, &where) == ERR_OK, "the gate");
		break;
	case STEP_TREE:
		nodes = arena_new("nodes", (size_t)16 << 20);
		must(json_parse_in(body, &json_limits_api, nodes, a, &tree, &where) == ERR_OK,
		     "the tree");
		arena_free(nodes);
		break;
	case STEP_CHAT:
		must(dialect_openai_chat.read(body, a, &read, &problem) == ERR_OK, "reading");
		break;
	default:
		must(upstream_llamacpp_chat.write(chat, "local", out) == ERR_OK, "writing");
		buf_clear(out);
	}
}

static void measure(size_t way, int round, struct span body)
{
	enum step step = (enum step)(way % STEPS);
	size_t times = ROUND_BYTES / body.len + 1;
	struct arena *kept = arena_new("chat", (size_t)16 << 20);
	struct chat_problem problem;
	struct chat chat;
	struct buf out;

	must(dialect_openai_chat.read(body, kept, &chat, &problem) == ERR_OK, "reading");
	buf_init(&out, (size_t)1 << 20);
	double began = rounds_now_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < times; i++) {
		cJSON *tree = cJSON_ParseWithLength(body.ptr, body.len);

		must(tree != NULL, "cJSON");
		cJSON_Delete(tree);
	}
	double between = rounds_now_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < times; i++) {
		struct arena *a = arena_new("body", (size_t)16 << 20);

		run(step, body, &chat, a, &out);
		arena_free(a);
	}
	double ended = rounds_now_us(CLOCK_MONOTONIC), ours = (ended - between) / (double)times,
	       reference = (between - began) / (double)times;

	ratio[way][round] = ours / reference;
	if (round == 0 || ours < least_us[way])
		least_us[way] = ours;
	if (round == 0 || reference < least_reference_us[way])
		least_reference_us[way] = reference;
	buf_free(&out);
	arena_free(kept);
}

int main(void)
{
	static struct buf bodies[LEN(sizes)];
	static size_t order[WAYS];

	for (size_t i = 0; i < LEN(sizes); i++)
		body_of(sizes[i], &bodies[i]);
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		rounds_shuffle(order, WAYS);
		for (size_t i = 0; i < WAYS; i++)
			measure(order[i], round, buf_span(&bodies[order[i] / STEPS]));
	}
	printf("prompt_bytes\tstep\tus\treference_us\tratio\n");
	for (size_t i = 0; i < WAYS; i++) {
		rounds_sort(ratio[i], ROUNDS);
		printf("%zu\t%s\t%.2f\t%.2f\t%.2f\n", sizes[i / STEPS], step_names[i % STEPS],
		       least_us[i], least_reference_us[i], ratio[i][ROUNDS / 2]);
	}
	for (size_t i = 0; i < LEN(sizes); i++)
		buf_free(&bodies[i]);
	return 0;
}
