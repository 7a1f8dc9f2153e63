/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions: opened, told to agents, joined by the same request, queued behind one like it,
 * answered by time.
 *
 * One question at a time is shown for the same app, destination, model, task and categories:
 * the others wait behind it. A permission that is given covers them; a refusal refuses them.
 * How many an app may put: gate_limits.c. Where nobody is there the program hears so at once,
 * and the question stays open until its time is over: a yes is then for the same request
 * when it comes again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "consent/gate_impl.h"

#define TOMB_MS     (10 * 60000u) /* how long a closed question can still say what happened */
#define TOMBS_MAX   256
#define APPROVED_MS 60000u /* least time for the same request to come again after a yes */

/* --- alike --------------------------------------------------------------------------- */

static bool same_found(const struct inspected *x, const struct inspected *y)
{
	if (x->n_found != y->n_found || x->complete != y->complete)
		return false;
	for (unsigned i = 0; i < x->n_found; i++) {
		unsigned k = 0;

		while (k < y->n_found && strcmp(x->found[i].name, y->found[k].name) != 0)
			k++;
		if (k == y->n_found)
			return false;
	}
	return true;
}

bool question_alike(const struct ask *a, const struct ask *b)
{
	return a->m.uid == b->m.uid && a->m.identity == b->m.identity &&
	       strcmp(a->m.app, b->m.app) == 0 &&
	       strcmp(a->m.destination, b->m.destination) == 0 &&
	       strcmp(a->m.model, b->m.model) == 0 && strcmp(a->m.task, b->m.task) == 0 &&
	       same_found(&a->in, &b->in);
}

/* The very same bytes (and original) for the same recipient: one answer fits both. */
static bool same_bytes(const struct ask *a, const struct ask *b)
{
	return question_alike(a, b) && strcmp(a->body.digest, b->body.digest) == 0 &&
	       strcmp(a->original.digest, b->original.digest) == 0;
}

struct question *question_find(struct gate *g, const char *id)
{
	struct question *q = g->questions;

	while (q != NULL && strcmp(q->id, id) != 0)
		q = q->next;
	return q;
}

struct ask *question_waiter(struct gate *g, const struct question *q)
{
	struct ask *a = g->asks, *oldest = NULL;

	for (; a != NULL; a = a->next) /* newest first in the list */
		if (a->question == q)
			oldest = a;
	return oldest;
}

unsigned question_waiters(const struct gate *g, const struct question *q)
{
	unsigned n = 0;

	for (const struct ask *a = g->asks; a != NULL; a = a->next)
		n += a->question == q;
	return n;
}

/* --- telling ------------------------------------------------------------------------- */

/* A locked screen is left alone: unlocking tells of everything (questions_tell). */
static void tell_request(struct gate *g, struct question *q)
{
	if (!g->locked && g->io->tell(g->ctx, GATE_REQUEST, q->uid, q->id) > 0)
		limits_count(g, q);
}

void questions_tell(struct gate *g)
{
	for (struct question *q = g->questions; q != NULL; q = q->next)
		if (q->state == QUESTION_OPEN)
			tell_request(g, q);
}

void gate_agents_changed(struct gate *g, uint32_t uid)
{
	for (struct question *q = g->questions; q != NULL; q = q->next)
		if (q->uid == uid && q->state == QUESTION_OPEN)
			tell_request(g, q);
}

/* --- opening ------------------------------------------------------------------------- */

static void forget_tombs(struct gate *g, uint64_t now)
{
	struct question **at = &g->questions;
	unsigned tombs = 0;

	for (struct question *q = g->questions; q != NULL; q = q->next)
		tombs += q->state == QUESTION_CLOSED;
	while (*at != NULL) {
		struct question *q = *at;

		if (q->state == QUESTION_CLOSED &&
		    (tombs > TOMBS_MAX || now >= q->expires_ms + TOMB_MS)) {
			*at = q->next;
			free(q);
			tombs--;
			continue;
		}
		at = &q->next;
	}
}

static struct question *question_new(struct gate *g, struct ask *a)
{
	const struct policy_consent *c = policy_consent(g->set);
	uint64_t life = c->on_timeout == POLICY_HOLD ? c->hold_max_ms : c->timeout_ms;
	struct question *q = calloc(1, sizeof *q), **end = &g->questions;
	uint8_t nonce[16];

	if (q == NULL)
		return NULL;
	forget_tombs(g, gate_now(g));
	text_ulid(q->id);
	crypto_random(nonce, sizeof nonce);
	text_hex(nonce, sizeof nonce, q->nonce);
	q->subject = a;
	a->refs++;
	q->uid = a->m.uid;
	q->proven = limits_proven(a);
	q->opened_ms = gate_now(g);
	q->expires_ms = q->opened_ms + life;
	q->created_wall_ms = g->io->wall_ms(g->ctx);
	q->expires_wall_ms = q->created_wall_ms + (int64_t)life;
	memcpy(q->app, a->m.app, sizeof q->app);
	memcpy(q->destination, a->m.destination, sizeof q->destination);
	memcpy(q->model, a->m.model, sizeof q->model);
	while (*end != NULL)
		end = &(*end)->next;
	*end = q;
	return q;
}

static bool shown_now(struct gate *g, const struct ask *a, const struct question *but)
{
	for (struct question *q = g->questions; q != NULL; q = q->next)
		if (q != but && q->state == QUESTION_OPEN && question_alike(q->subject, a))
			return true;
	return false;
}

static enum err record_intent(struct gate *g, struct ask *a, struct question *q)
{
	struct record r;
	struct buf b;
	enum err e;

	buf_init(&b, RECORD_MAX_BYTES);
	gate_fill_record(g, a, RECORD_INTENT, POLICY_MODE_REDACTED, &b, &r);
	r.question = q->id;
	e = b.failed ? ERR_NO_MEMORY : book_append(g, &r, 1);
	if (e == ERR_OK)
		memcpy(q->intent, r.id, sizeof q->intent);
	buf_free(&b);
	return e;
}

static void question_open(struct gate *g, struct question *q)
{
	q->state = QUESTION_OPEN;
	tell_request(g, q);
}

static void join(struct gate *g, struct ask *a, struct question *q)
{
	char detail[160];

	a->question = q;
	snprintf(detail, sizeof detail, "answer with: hither consent approve %s, or deny",
		 q->id);
	ask_answer(g, a, ASK_PENDING, false, detail, -1);
	if (!a->m.on_question) {
		ask_enter(a, ASK_STATE_WAITING);
		return;
	}
	q->kept = true;
	ask_leave(g, a, ASK_PENDING); /* reported; router does not wait for more */
}

/* Nobody who could be asked, and policy does not want to wait for somebody. */
static bool nobody_there(struct gate *g, const struct ask *a)
{
	return !a->m.on_question && policy_consent(g->set)->no_agent != POLICY_HOLD &&
	       (g->locked || !g->io->anyone(g->ctx, a->m.uid));
}

static const char *nobody_words(const struct gate *g)
{
	return g->locked ? "the screen is locked, so you were not asked"
			 : "nobody was there to be asked; to be asked: hither consent watch";
}

/* Says so at once. `q`: stays open without it; NULL: there is none. */
static void no_agent(struct gate *g, struct ask *a, struct question *q)
{
	const char *words = nobody_words(g), *detail = words;
	char how[240];
	struct record r;
	struct buf b;

	g->alone_ms = gate_now(g);
	a->question = q;
	if (q != NULL) {
		q->kept = true;
		detail = how;
		snprintf(how, sizeof how,
			 "%s; or hither consent approve %s, and send the same request again",
			 words, q->id);
	}
	buf_init(&b, RECORD_MAX_BYTES);
	gate_fill_record(g, a, RECORD_NO_AGENT, POLICY_MODE_REDACTED, &b, &r);
	if (g->locked)
		r.reason = "the screen is locked";
	if (!b.failed)
		book_queue(g, &r);
	buf_free(&b);
	ask_finish(g, a, ASK_NO_AGENT, ask_otherwise(policy_consent(g->set)->no_agent), detail);
}

/*
 * Somebody may be on the way: who lists the questions a moment after a program asked is there
 * in time, and the request needs not be sent twice.
 */
#define FLOOD_MS 300u /* one request after the other without anybody there: no patience */

static bool is_patient(struct gate *g)
{
	return g->patience_ms > 0 && !g->locked && gate_now(g) - g->alone_ms >= FLOOD_MS;
}

static void wait_alone(struct gate *g, struct ask *a, struct question *q)
{
	a->question = q;
	a->alone_until_ms = gate_now(g) + g->patience_ms;
	ask_enter(a, ASK_STATE_WAITING);
}

static void alone_tick(struct gate *g, uint64_t now, uint64_t *io_next)
{
	struct ask *next;

	for (struct ask *a = g->asks; a != NULL; a = next) {
		next = a->next;
		if (a->alone_until_ms == 0 || a->state != ASK_STATE_WAITING)
			continue;
		if (now < a->alone_until_ms) {
			if (a->alone_until_ms < *io_next)
				*io_next = a->alone_until_ms;
			continue;
		}
		a->alone_until_ms = 0;
		if (nobody_there(g, a))
			no_agent(g, a, a->question);
		else
			join(g, a, a->question);
	}
}

static void limited(struct gate *g, struct ask *a, const char *detail)
{
	gate_record_no(g, a, RECORD_LIMITED, detail);
	ask_finish(g, a, ASK_LIMITED, false, detail);
}

/* The very same request is open already. */
static void join_open(struct gate *g, struct ask *a, struct question *q, bool nobody)
{
	const char *full = a->m.on_question ? NULL : limits_bytes(g, a);

	if (nobody)
		no_agent(g, a, q);
	else if (full != NULL)
		limited(g, a, full);
	else
		join(g, a, q);
}

static void put_question(struct gate *g, struct ask *a, bool nobody)
{
	struct question *q = question_new(g, a);

	if (q == NULL) {
		limited(g, a, "memory is out");
		return;
	}
	if (record_intent(g, a, q) != ERR_OK) {
		question_over(g, q, "withdrawn");
		ask_finish(g, a, ASK_LEDGER, false,
			   "the ledger cannot be written, so nothing leaves; hither status");
		return;
	}
	if (nobody && is_patient(g))
		wait_alone(g, a, q);
	else if (nobody)
		no_agent(g, a, q);
	else
		join(g, a, q);
	if (!shown_now(g, q->subject, q))
		question_open(g, q);
	log_info("gate.question", "id=%s app=\"%s\" destination=%s bytes=%zu", q->id, q->app,
		 q->destination, q->subject->body.map.len);
}

void question_ask(struct gate *g, struct ask *a)
{
	bool nobody = nobody_there(g, a);
	struct question *q = g->questions;
	const char *why;

	while (q != NULL && !((q->state == QUESTION_OPEN || q->state == QUESTION_QUEUED) &&
			      same_bytes(q->subject, a)))
		q = q->next;
	if (q != NULL)
		join_open(g, a, q, nobody);
	else if ((why = limits_question(g, a)) == NULL)
		put_question(g, a, nobody);
	else if (nobody)
		no_agent(g, a, NULL);
	else
		limited(g, a, why);
}

/* --- closing ------------------------------------------------------------------------- */

static void question_end(struct gate *g, struct question *q, enum gate_news news,
			 const char *ending)
{
	struct ask *like = q->subject;
	bool was_open = q->state == QUESTION_OPEN;

	q->state = QUESTION_CLOSED;
	q->ending = ending;
	q->subject = NULL;
	q->expires_ms = gate_now(g);
	if (was_open) {
		g->io->tell(g->ctx, news, q->uid, q->id);
		question_next(g, like);
	}
	ask_unref(like);
}

void question_over(struct gate *g, struct question *q, const char *ending)
{
	question_end(g, q, GATE_WITHDRAWN, ending);
}

void question_close(struct gate *g, struct question *q, enum ask_outcome outcome, bool refuse,
		    const char *ending, const char *detail)
{
	struct ask *a;

	while ((a = question_waiter(g, q)) != NULL)
		ask_finish(g, a, outcome, refuse, detail);
	question_end(g, q, outcome == ASK_TIMEOUT ? GATE_EXPIRED : GATE_WITHDRAWN, ending);
}

void question_next(struct gate *g, const struct ask *like)
{
	for (struct question *q = g->questions; q != NULL; q = q->next) {
		if (q->state == QUESTION_QUEUED && question_alike(q->subject, like) &&
		    !shown_now(g, q->subject, q)) {
			question_open(g, q);
			return;
		}
	}
}

static void record_ending(struct gate *g, struct question *q, enum record_kind kind,
			  const char *reason)
{
	struct record r;
	struct buf b;

	buf_init(&b, RECORD_MAX_BYTES);
	gate_fill_record(g, q->subject, kind, POLICY_MODE_REDACTED, &b, &r);
	memcpy(r.ref, q->intent, sizeof r.ref);
	r.question = q->id;
	r.reason = reason;
	if (!b.failed)
		(void)!book_append(g, &r, 1); /* nothing left: losing it widens nothing */
	buf_free(&b);
}

void question_left(struct gate *g, struct question *q)
{
	if (q->kept || question_waiter(g, q) != NULL)
		return;
	record_ending(g, q, RECORD_WITHDRAWN, "the client left");
	question_over(g, q, "withdrawn");
}

/* --- a yes that waits for its request -------------------------------------------------- */

bool question_redeem(struct gate *g, struct ask *a)
{
	for (struct question *q = g->questions; q != NULL; q = q->next) {
		if (q->state != QUESTION_APPROVED || !same_bytes(q->subject, a))
			continue;
		/* Single use: closed before it is released. */
		char intent[TEXT_ULID_BYTES], basis[48];

		memcpy(intent, q->intent, sizeof intent);
		snprintf(basis, sizeof basis, "approval:%s", q->approval);
		enum policy_mode mode = q->mode;
		question_over(g, q, "used");
		if ((a->j.modes & (unsigned)mode) == 0)
			return false;
		(void)!send_release(g, a, mode, basis, NULL, intent, NULL, 0);
		return true;
	}
	return false;
}

/* --- policy and time ------------------------------------------------------------------ */

/* A permission or a rule covers the question now: who waits is served, the question is over. */
static void release_waiters(struct gate *g, struct question *q, const struct perm *perm)
{
	enum policy_mode mode = POLICY_MODE_REDACTED;
	char id[24] = "", intent[TEXT_ULID_BYTES];
	struct ask *a;

	memcpy(intent, q->intent, sizeof intent);
	if (perm != NULL) {
		memcpy(id, perm->id, sizeof id);
		mode = strcmp(perm->mode, "as_is") == 0 ? POLICY_MODE_AS_IS
							: POLICY_MODE_REDACTED;
	}
	while ((a = question_waiter(g, q)) != NULL) {
		if (text_empty(id) && a->j.must_ask) {
			ask_finish(g, a, ASK_WITHDRAWN, false,
				   "the policy changed meanwhile; ask again");
			continue;
		}
		if (perm != NULL)
			perms_used(g->perms, perm); /* releasing changes none of them */
		(void)!send_release(g, a, mode, !text_empty(id) ? "permission" : "rule",
				    text_or_null(id), intent, NULL, 0);
	}
	question_over(g, q, "approved");
}

/* The same bytes may have been asked for by a program in another situation: each is judged. */
static void recheck_waiters(struct gate *g, struct question *q, bool policy_changed)
{
	struct ask *a = g->asks;

	while (a != NULL) {
		struct ask *next = a->next;

		if (a->question == q && a != q->subject) {
			if (policy_changed)
				gate_judge(g, a);
			if (!a->j.possible)
				ask_finish(g, a, ASK_WITHDRAWN, false, a->j.problem);
		}
		a = next;
	}
}

/* Everything that waits is looked at again: new permissions, new refusals, new policy. */
void questions_recheck(struct gate *g, bool policy_changed)
{
	for (struct question *q = g->questions; q != NULL; q = q->next) {
		struct ask *a = q->subject;
		const struct perm *perm;
		struct perm_query pq;

		if (q->state == QUESTION_CLOSED)
			continue;
		if (policy_changed)
			gate_judge(g, a);
		recheck_waiters(g, q, policy_changed);
		if (!a->j.possible) {
			record_ending(g, q, RECORD_WITHDRAWN, a->j.problem);
			question_close(g, q, ASK_WITHDRAWN, false, "withdrawn", a->j.problem);
			continue;
		}
		gate_perm_query(g, a, &pq);
		perm = a->j.must_ask ? perms_allowing(g->perms, &pq) : NULL;
		if (perms_refusing(g->perms, &pq) != NULL) {
			question_close(g, q, ASK_REFUSED,
				       ask_otherwise(policy_consent(g->set)->on_deny), "denied",
				       "you said no to a request like it");
		} else if (perm != NULL || !a->j.must_ask) {
			release_waiters(g, q, perm);
		} else if (policy_changed && q->state == QUESTION_OPEN && !g->locked) {
			g->io->tell(g->ctx, GATE_POLICY_CHANGED, q->uid, q->id);
		}
	}
}

static void expire(struct gate *g, struct question *q)
{
	const struct policy_consent *c = policy_consent(g->set);

	if (q->state == QUESTION_APPROVED) {
		question_over(g, q, "expired");
		return;
	}
	record_ending(g, q, RECORD_TIMED_OUT, NULL);
	question_close(g, q, ASK_TIMEOUT, ask_otherwise(c->on_timeout), "expired",
		       "nobody answered in time");
}

void questions_tick(struct gate *g, uint64_t now, uint64_t *io_next)
{
	alone_tick(g, now, io_next);
	for (struct question *q = g->questions; q != NULL; q = q->next) {
		if (q->state == QUESTION_CLOSED)
			continue;
		if (q->expires_ms <= now) {
			expire(g, q);
			continue;
		}
		if (q->expires_ms < *io_next)
			*io_next = q->expires_ms;
	}
}
