/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one program may put before a person, and how many bytes may wait for an answer.
 *
 * A question counts against max_prompts_per_hour once it interrupted somebody: an agent was
 * told of it, or it was opened. One that nobody was told of interrupts nobody; how many of
 * those lie open is bounded, and a newer one takes the place of the oldest that nobody saw
 * and no request waits for: a night without anybody there does not use up the morning's
 * questions, and a program that floods only floods itself.
 */
#include <stdio.h>
#include <string.h>

#include "consent/gate_impl.h"

#define HOUR_MS 3600000u

/*
 * Whose limit is it? An identified app's own. Names that are only claimed cost nothing, so all
 * of a user's share one limit: a program that says it is another one each time gains nothing.
 */
bool limits_proven(const struct ask *a)
{
	return a->m.identity >= POLICY_IDENTITY_SOCKET;
}

static bool same_limit(uint32_t uid, bool proven, const char *app, const struct ask *a)
{
	return uid == a->m.uid && proven == limits_proven(a) &&
	       (!proven || strcmp(app, a->m.app) == 0);
}

/* --- how often ----------------------------------------------------------------------- */

static unsigned prompts_last_hour(struct gate *g, const struct ask *a)
{
	uint64_t now = gate_now(g);
	unsigned n = 0, kept = 0;

	for (unsigned i = 0; i < g->n_prompts; i++) {
		if (now - g->prompts[i].at_ms >= HOUR_MS)
			continue;
		n += same_limit(g->prompts[i].uid, g->prompts[i].proven, g->prompts[i].app, a);
		g->prompts[kept++] = g->prompts[i];
	}
	g->n_prompts = kept;
	return n;
}

void limits_count(struct gate *g, struct question *q)
{
	struct prompt *p;

	if (q->counted)
		return;
	q->counted = true;
	if (g->n_prompts == GATE_PROMPTS_MAX)
		return;
	p = &g->prompts[g->n_prompts++];
	p->uid = q->uid;
	p->proven = q->proven;
	p->at_ms = gate_now(g);
	snprintf(p->app, sizeof p->app, "%s", q->app);
}

/* --- how much ------------------------------------------------------------------------ */

static size_t bytes_of(const struct ask *a)
{
	return a->body.map.len + a->original.map.len;
}

struct held {
	size_t all, user;
};

static void add(struct held *h, const struct ask *a, uint32_t uid)
{
	h->all += bytes_of(a);
	h->user += a->m.uid == uid ? bytes_of(a) : 0;
}

const char *limits_bytes(const struct gate *g, const struct ask *a)
{
	struct held h = { 0, 0 };

	add(&h, a, a->m.uid);
	for (const struct ask *b = g->asks; b != NULL; b = b->next)
		if (b->state == ASK_STATE_WAITING)
			add(&h, b, a->m.uid);
	for (const struct question *q = g->questions; q != NULL; q = q->next)
		if (q->subject != NULL && q->subject->over) /* others are in the list above */
			add(&h, q->subject, a->m.uid);
	if (h.user > GATE_HELD_USER_BYTES_MAX)
		return "your open questions hold as many bytes as may wait (32 MiB); answer "
		       "some: hither consent list";
	if (h.all > GATE_HELD_BYTES_MAX)
		return "the open questions of all users hold as many bytes as may wait "
		       "(64 MiB); answer some: hither consent list";
	return NULL;
}

static bool awaited(const struct gate *g, const struct question *q)
{
	for (const struct ask *a = g->asks; a != NULL; a = a->next)
		if (a->question == q)
			return true;
	return false;
}

struct open_questions {
	unsigned all; /* of every app and user */
	unsigned n;
	unsigned to_tell;        /* somebody waits for them and will be told of them */
	struct question *oldest; /* that can make room; NULL: none */
};

static struct open_questions open_of_app(const struct gate *g, const struct ask *a)
{
	struct open_questions open = { 0 };

	for (struct question *q = g->questions; q != NULL; q = q->next) { /* oldest first */
		if (q->state == QUESTION_CLOSED)
			continue;
		open.all++;
		if (!same_limit(q->uid, q->proven, q->app, a))
			continue;
		open.n++;
		if (q->counted) /* as is each that was looked at, and so each that was answered
				 */
			continue;
		if (awaited(g, q))
			open.to_tell++;
		else if (open.oldest == NULL)
			open.oldest = q;
	}
	return open;
}

const char *limits_question(struct gate *g, const struct ask *a)
{
	int64_t max = policy_consent(g->set)->max_prompts_per_hour;
	struct open_questions open = open_of_app(g, a);

	if (open.n >= GATE_APP_QUESTIONS_MAX && open.oldest != NULL) {
		question_over(g, open.oldest, "withdrawn");
		open.n--;
		open.all--;
	}
	if (open.all >= GATE_QUESTIONS_MAX)
		return "too many questions are open; answer some: hither consent list";
	if (open.n >= GATE_APP_QUESTIONS_MAX)
		return limits_proven(a)
			       ? "this app has too many open questions (32); answer some: "
				 "hither "
				 "consent list"
			       : "apps that were not identified have too many open questions "
				 "together (32); answer some: hither consent list";
	if ((int64_t)prompts_last_hour(g, a) + open.to_tell >= max ||
	    g->n_prompts == GATE_PROMPTS_MAX)
		return limits_proven(a)
			       ? "this app has asked as often as policy lets it in an hour "
				 "(max_prompts_per_hour)"
			       : "apps that were not identified have asked as often as policy "
				 "lets them together in an hour (max_prompts_per_hour)";
	return limits_bytes(g, a);
}
