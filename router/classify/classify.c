/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linear model: score = logistic(bias + sum of weight x signal), signals capped so that no
 * repeated word decides alone. Weights were set by hand so that everyday requests (questions of
 * fact, reminders, mail, translating a sentence, device control) lie well below 0.5, and
 * proofs, work over several modules, research and long analyses above 0.7;
 * tests/unit/test_classify.c holds the examples. Confidence is the distance from the middle,
 * lowered when few signals speak.
 */
#include "router/classify/classify.h"

#include <math.h>
#include <stdlib.h>

#include "router/classify/words.h"

struct classifier {
	const char *name;
};

static const char *const task_names[] = {
#define X(id, name) [CLASSIFY_##id] = name,
	CLASSIFY_TASKS(X)
#undef X
};

const char *classify_task_name(enum classify_task t)
{
	return t < CLASSIFY_TASK_COUNT ? task_names[t] : "chat";
}

enum err classifier_open(const char *path, struct classifier **ret)
{
	static struct classifier linear = { .name = "linear-1" };

	*ret = &linear;
	return path == NULL ? ERR_OK : ERR_NOT_FOUND;
}

void classifier_free(struct classifier *c)
{
	(void)c; /* the linear model owns nothing */
}

const char *classifier_name(const struct classifier *c)
{
	return c->name;
}

struct weight {
	enum signal signal;
	float weight, cap;
	const char *reason;
};

static const struct weight weights[] = {
	{ SIGNAL_PROOF, 1.9f, 2, "it asks for a proof or a derivation" },
	{ SIGNAL_RESEARCH, 1.3f, 2, "it asks for research with sources" },
	{ SIGNAL_DESIGN, 1.0f, 3, "it asks for the design of a system" },
	{ SIGNAL_CODE, 0.75f, 4, "it is about writing code" },
	{ SIGNAL_FIX, 0.5f, 2, "it is about finding a fault" },
	{ SIGNAL_MATH, 0.8f, 3, "it is mathematics" },
	{ SIGNAL_ANALYSIS, 0.75f, 3, "it asks to analyse or compare" },
	{ SIGNAL_EXPERT, 0.7f, 2, "it needs expert knowledge" },
	{ SIGNAL_STEPS, 0.5f, 3, "it has several steps or constraints" },
	{ SIGNAL_LENGTH, 0.8f, 2, "it asks for a long, detailed text" },
	{ SIGNAL_CREATIVE, 0.3f, 1, NULL },
	{ SIGNAL_EXPLAIN, 0.3f, 2, NULL },
	{ SIGNAL_REMINDER, -1.0f, 1, NULL },
	{ SIGNAL_DEVICE, -0.7f, 1, NULL },
	{ SIGNAL_TRANSLATE, -0.6f, 1, NULL },
	{ SIGNAL_SUMMARIZE, -0.4f, 1, NULL },
	{ SIGNAL_REPLY, -0.3f, 1, NULL },
	{ SIGNAL_REWRITE, -0.3f, 1, NULL },
};

#define BIAS           (-2.4f)
#define PER_LOG2_BYTES 0.13f /* above 64 bytes */
#define HARD_BYTES     12000 /* a small model loses the thread of texts this long */

static void add_reason(struct classify_result *r, const char *reason)
{
	if (reason != NULL && r->n_reasons < CLASSIFY_REASONS_MAX)
		r->reasons[r->n_reasons++] = reason;
}

static float capped(uint32_t n, float cap)
{
	return (float)n < cap ? (float)n : cap;
}

/* How much of the text is code or formulas, from their marks. */
static float marks_share(uint32_t marks, uint64_t bytes)
{
	float share = bytes == 0 ? 0.0f : 20.0f * (float)marks / (float)bytes;

	return share < 1.0f ? share : 1.0f;
}

static float linear(const struct classify_input *in, const struct signals *s,
		    struct classify_result *r)
{
	float z = BIAS;
	uint64_t all = s->bytes + in->history_bytes;
	float code = marks_share(s->code_marks, s->bytes);

	for (size_t i = 0; i < LEN(weights); i++) {
		float part =
			weights[i].weight * capped(s->count[weights[i].signal], weights[i].cap);

		z += part;
		if (part >= 0.7f)
			add_reason(r, weights[i].reason);
	}
	if (s->bytes > 64)
		z += PER_LOG2_BYTES * log2f((float)s->bytes / 64.0f);
	if (s->words > 8 && (s->fences > 0 || code > 0.5f)) {
		z += 0.9f;
		add_reason(r, "it contains code");
	}
	if (s->words > 4)
		z += 0.8f * marks_share(s->math_marks, s->bytes);
	if (s->questions > 2)
		z += 0.4f;
	if (in->tools > 0)
		z += 0.4f;
	if (all > HARD_BYTES) {
		z += 1.0f + 0.5f * log2f((float)all / HARD_BYTES);
		add_reason(r, "it is long");
	}
	return z;
}

static bool starts_with(const struct signals *s, enum signal signal)
{
	return (s->first_words_bits >> signal & 1) != 0;
}

static enum classify_task code_task(const struct signals *s)
{
	if (s->count[SIGNAL_FIX] > 0)
		return CLASSIFY_CODE_FIX;
	return starts_with(s, SIGNAL_EXPLAIN) || starts_with(s, SIGNAL_QUESTION)
		       ? CLASSIFY_CODE_EXPLAIN
		       : CLASSIFY_CODE;
}

/* What the first words ask for decides before what the rest is about. */
static enum classify_task task_of(const struct classify_input *in, const struct signals *s)
{
	static const struct {
		enum signal signal;
		enum classify_task task;
	} first[] = {
		{ SIGNAL_TRANSLATE, CLASSIFY_TRANSLATE },
		{ SIGNAL_SUMMARIZE, CLASSIFY_SUMMARIZE },
		{ SIGNAL_REMINDER, CLASSIFY_REMINDER },
		{ SIGNAL_PROOF, CLASSIFY_REASONING },
		{ SIGNAL_EXTRACT, CLASSIFY_EXTRACT },
		{ SIGNAL_REWRITE, CLASSIFY_REWRITE },
		{ SIGNAL_RESEARCH, CLASSIFY_RESEARCH },
		{ SIGNAL_DEVICE, CLASSIFY_DEVICE },
		{ SIGNAL_REPLY, CLASSIFY_REPLY },
		{ SIGNAL_CREATIVE, CLASSIFY_CREATIVE },
	};

	if (in->tool_results)
		return CLASSIFY_TOOL;
	for (size_t i = 0; i < LEN(first); i++)
		if (starts_with(s, first[i].signal) &&
		    (first[i].signal != SIGNAL_DEVICE || s->words <= 16))
			return first[i].task;
	if (s->fences > 0 || s->count[SIGNAL_CODE] > s->count[SIGNAL_MATH])
		return code_task(s);
	if (s->count[SIGNAL_PROOF] > 0)
		return CLASSIFY_REASONING;
	if (s->count[SIGNAL_MATH] > 0 ||
	    marks_share(s->math_marks + s->digits, s->bytes) > 0.8f)
		return CLASSIFY_MATH;
	if (marks_share(s->code_marks, s->bytes) > 0.6f)
		return code_task(s);
	if (s->count[SIGNAL_RESEARCH] > 1)
		return CLASSIFY_RESEARCH;
	if (starts_with(s, SIGNAL_QUESTION) || s->questions > 0)
		return CLASSIFY_QUESTION;
	return CLASSIFY_CHAT;
}

static uint32_t output_tokens_of(enum classify_task task, const struct signals *s)
{
	uint32_t from_text = (uint32_t)(s->bytes / 4 < 4000 ? s->bytes / 4 : 4000);

	switch (task) {
	case CLASSIFY_REMINDER:
	case CLASSIFY_DEVICE:
	case CLASSIFY_QUESTION:
		return 80;
	case CLASSIFY_TRANSLATE:
	case CLASSIFY_REWRITE:
		return 40 + from_text;
	case CLASSIFY_SUMMARIZE:
	case CLASSIFY_EXTRACT:
		return 60 + from_text / 4;
	case CLASSIFY_REPLY:
		return 150;
	case CLASSIFY_RESEARCH:
		return 1500;
	default:
		return s->count[SIGNAL_LENGTH] > 0 ? 1000 : 400;
	}
}

void classify(const struct classifier *c, const struct classify_input *in,
	      struct classify_result *ret)
{
	struct signals s;
	float z, strength;

	(void)c;
	*ret = (struct classify_result){ 0 };
	signals_read(in->last_user, &s);
	z = linear(in, &s, ret);
	ret->score = 1.0f / (1.0f + expf(-z));
	strength = fabsf(z) / 2.5f;
	ret->confidence = 0.5f + 0.5f * (strength < 1.0f ? strength : 1.0f);
	ret->task = task_of(in, &s);
	ret->output_tokens = output_tokens_of(ret->task, &s);
	ret->fresh = s.count[SIGNAL_FRESH] > 0 && s.words < 40;
	if (ret->n_reasons == 0)
		add_reason(ret, ret->score < 0.5f ? "it looks like an everyday request"
						  : "several small signs add up");
}
