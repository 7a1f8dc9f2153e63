/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drove a score, in words. The logit is a sum, so each part of it is compared with what
 * is usual in the training texts: groups of counts, the words as a whole, the kind of text,
 * the rest of the request. Parts that moved it by less than LEAST are not worth a word. The
 * task comes first where it names an errand or a piece of work, because people think in those.
 */
#include "router/classify/trained.h"

#define LEAST 0.25f

struct part {
	float moved;
	int8_t lean;
	const char *text;
};

#define GROUPS 5

static const struct {
	uint32_t counts; /* bit set of text_features.c's counts */
	const char *more, *less;
} groups[GROUPS] = {
	{ 1u << 0 | 1u << 1 | 1u << 4 | 1u << 20 | 1u << 21 | 1u << 22, "is long", "is short" },
	{ 1u << 6 | 1u << 14, "holds program code", NULL },
	{ 1u << 7 | 1u << 15 | 1u << 3 | 1u << 12 | 1u << 18, "holds numbers and formulas",
	  NULL },
	{ 1u << 8 | 1u << 23, "offers answers to choose from", NULL },
	{ 1u << 9 | 1u << 17 | 1u << 19, "uses long words", "uses short words" },
};

static const char *task_text(enum classify_task t)
{
	static const char *const texts[CLASSIFY_TASK_COUNT] = {
		[CLASSIFY_CHAT] = "is small talk",
		[CLASSIFY_QUESTION] = "is a short question",
		[CLASSIFY_OPEN] = "asks for a longer answer",
		[CLASSIFY_CHOICE] = "is an exam question",
		[CLASSIFY_READING] = "asks about a text that is given",
		[CLASSIFY_SUMMARIZE] = "asks for a summary",
		[CLASSIFY_TRANSLATE] = "asks for a translation",
		[CLASSIFY_REPLY] = "asks for a message to somebody",
		[CLASSIFY_REWRITE] = "asks for a text to be improved",
		[CLASSIFY_EXTRACT] = "asks to find things in a text",
		[CLASSIFY_REMINDER] = "is about a calendar or list",
		[CLASSIFY_TIMER] = "is about a timer or alarm",
		[CLASSIFY_DEVICE] = "is an errand for this device",
		[CLASSIFY_CODE] = "asks for a program",
		[CLASSIFY_CODE_EXPLAIN] = "asks about program code",
		[CLASSIFY_CODE_FIX] = "asks for a program to be changed",
		[CLASSIFY_MATH] = "is a piece of mathematics",
		[CLASSIFY_REASONING] = "needs several steps of thought",
		[CLASSIFY_CREATIVE] = "asks for creative writing",
		[CLASSIFY_RESEARCH] = "asks for research",
		[CLASSIFY_TOOL] = "is the result of a tool",
	};

	return texts[t];
}

static float group_moved(const struct weights_head *h, const struct reading *r, uint32_t counts)
{
	float moved = 0;

	for (int k = 0; k < FEATURES_COUNTS; k++)
		if ((counts >> k & 1) != 0)
			moved += h->count[k][COLUMN_BASE] * (r->f.count[k] - h->count_mean[k]);
	return moved * h->slope;
}

static void add(struct part *parts, uint32_t *n, float moved, const char *more,
		const char *less)
{
	const char *text = moved > 0 ? more : less;

	if (text != NULL && (moved > LEAST || moved < -LEAST))
		parts[(*n)++] =
			(struct part){ moved > 0 ? moved : -moved, moved > 0 ? 1 : -1, text };
}

static uint32_t find_parts(const struct weights_head *h, const struct reading *r,
			   const struct classify_input *in, enum classify_task task,
			   struct part *parts)
{
	uint32_t n = 0;

	/* What "small talk" and "a short question" say already is not said twice. */
	bool told = task <= CLASSIFY_QUESTION;

	for (int g = 0; g < GROUPS; g++)
		add(parts, &n, group_moved(h, r, groups[g].counts), groups[g].more,
		    g == 0 && told ? NULL : groups[g].less);
	add(parts, &n, (r->words - h->words_mean) * h->slope,
	    "uses words that hard requests use", "uses words that easy requests use");
	add(parts, &n, r->lifted, "is a long document", NULL);
	add(parts, &n, in->tools > 0 ? 0.60f : 0, "may call tools", NULL);
	add(parts, &n, in->attachments > 0 ? 0.60f : 0, "has attachments", NULL);
	add(parts, &n, in->history_bytes > 8192 ? r->request : 0,
	    "belongs to a long conversation", NULL);
	return n;
}

void reasons_find(const struct weights_head *h, const struct reading *r,
		  const struct classify_input *in, struct classify_result *ret)
{
	struct part parts[GROUPS + 5];
	uint32_t n = find_parts(h, r, in, ret->task, parts);

	ret->reasons[ret->n_reasons++] = task_text(ret->task);
	while (ret->n_reasons < CLASSIFY_REASONS_MAX) {
		struct part *best = NULL;

		for (uint32_t i = 0; i < n; i++)
			if (parts[i].moved > 0 &&
			    (best == NULL || parts[i].moved > best->moved))
				best = &parts[i];
		if (best == NULL)
			return;
		ret->lean[ret->n_reasons] = best->lean;
		ret->reasons[ret->n_reasons++] = best->text;
		best->moved = 0;
	}
}
