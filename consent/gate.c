/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the gate, messages of router and cloud, policy changes, time. The states and the
 * invariants stand in gate_impl.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "consent/gate_impl.h"
#include "consent/peer_tcp.h"

#define ASK_ARENA_BYTES (2u << 20)
#define SERIALS_BYTES   16384
#define FIRST_PRUNE_MS  60000u /* not while everything starts */

static const char *const state_names[] = { "new", "waiting", "granting", "sending", "done" };

uint64_t gate_now(struct gate *g)
{
	return g->io->now_ms(g->ctx);
}

const char *gate_news_name(enum gate_news n)
{
	static const char *const names[] = { "request", "superseded",     "withdrawn",
					     "expired", "policy_changed", "sent" };

	return names[n];
}

/* --- asks ---------------------------------------------------------------------------- */

void ask_enter(struct ask *a, enum ask_state next)
{
	log_debug("ask.state", "decision=%s from=%s to=%s", a->m.decision_id,
		  state_names[a->state], state_names[next]);
	a->state = next;
}

static void bytes_close(struct bytes *b)
{
	file_unmap(b->map);
	if (b->fd >= 0)
		close(b->fd);
}

bool ask_has_original(const struct ask *a)
{
	return a->original.fd >= 0;
}

const struct bytes *ask_bytes(const struct ask *a, enum policy_mode mode)
{
	return mode == POLICY_MODE_AS_IS && ask_has_original(a) ? &a->original : &a->body;
}

void ask_unref(struct ask *a)
{
	if (--a->refs > 0)
		return;
	bytes_close(&a->body);
	bytes_close(&a->original);
	arena_free(a->arena);
	free(a);
}

static void ask_drop(struct gate *g, struct ask *a)
{
	struct ask **at = &g->asks;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	a->over = true;
	g->n_asks--;
	ask_unref(a);
}

bool ask_otherwise(enum policy_otherwise o)
{
	return o == POLICY_REFUSE;
}

void ask_answer(struct gate *g, struct ask *a, enum ask_outcome outcome, bool refuse,
		const char *detail, int pipe_fd)
{
	struct msg_ANSWER m = { .request_id = a->m.request_id,
				.outcome = (uint8_t)outcome,
				.fallback = refuse };

	if (a->question != NULL)
		memcpy(m.question, a->question->id, sizeof m.question);
	memcpy(m.digest, a->body.sha256.bytes, sizeof m.digest);
	if (outcome == ASK_GRANTED) {
		memcpy(m.digest, ask_bytes(a, a->mode)->sha256.bytes, sizeof m.digest);
		memcpy(m.receipt, a->granted, sizeof m.receipt);
	}
	snprintf(m.rules, sizeof m.rules, "%s", a->j.rules);
	policy_price_text(a->j.bound.cost_known, a->j.bound.cost_nano, a->j.bound.currency,
			  m.price, sizeof m.price);
	snprintf(m.detail, sizeof m.detail, "%s", detail);
	enum err e = g->io->answer(g->ctx, &m, pipe_fd);
	if (e != ERR_OK)
		log_warning("gate.answer", "decision=%s outcome=%d problem=\"%s\"",
			    a->m.decision_id, outcome, err_text(e));
}

void ask_finish(struct gate *g, struct ask *a, enum ask_outcome outcome, bool refuse,
		const char *detail)
{
	ask_answer(g, a, outcome, refuse, detail, -1);
	ask_leave(g, a, outcome);
}

void ask_leave(struct gate *g, struct ask *a, enum ask_outcome outcome)
{
	g->count.questions[outcome]++;
	ask_enter(a, ASK_STATE_DONE);
	ask_drop(g, a);
}

static enum err bytes_open(struct bytes *b)
{
	char hex[CRYPTO_SHA256_HEX_BYTES];
	enum err e = file_map_sealed(b->fd, GATE_BODY_MAX, &b->map);

	if (e != ERR_OK)
		return e;
	crypto_sha256(b->map, &b->sha256);
	crypto_sha256_hex(&b->sha256, hex);
	snprintf(b->digest, sizeof b->digest, "sha256:%s", hex);
	return ERR_OK;
}

static struct ask *ask_new(const struct msg_ASK *m)
{
	struct ask *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->m = *m;
	a->refs = 1;
	a->body.fd = a->original.fd = -1;
	a->arena = arena_new("ask", ASK_ARENA_BYTES);
	if (a->arena == NULL) {
		ask_unref(a);
		return NULL;
	}
	if (m->tcp_at != 0)
		a->m.pid = (uint32_t)peer_tcp_pid(m->tcp_port, m->tcp_at);
	a->asker = peer_of((pid_t)a->m.pid);
	return a;
}

/* A name that is only claimed is worth no more than the login session or terminal that it was
 * claimed in: permissions of scope session bind to that as well (perms.h). */
static void session_of(const struct gate *g, struct ask *a)
{
	struct peer leader = peer_of(a->asker.session);

	snprintf(a->session, sizeof a->session, "%s#%d/%" PRIu64, g->session,
		 (int)a->asker.session, leader.start);
}

static bool known_request(const struct gate *g, uint64_t request_id)
{
	for (const struct ask *a = g->asks; a != NULL; a = a->next)
		if (a->m.request_id == request_id && a->state != ASK_STATE_SENDING)
			return true;
	return false;
}

/* Router did nothing wrong: the channel and its other requests stay. */
static void no_memory(struct gate *g, const struct msg_ASK *m)
{
	struct msg_ANSWER answer = { .request_id = m->request_id,
				     .outcome = ASK_LIMITED,
				     .detail = "memory is out, so nothing leaves; try again" };
	enum err e = g->io->answer(g->ctx, &answer, -1);

	g->count.questions[ASK_LIMITED]++;
	log_warning("gate.ask", "decision=%s problem=\"memory is out\" answer=\"%s\"",
		    m->decision_id, err_text(e));
}

bool gate_ask(struct gate *g, const struct msg_ASK *m, const int *fds, unsigned n)
{
	unsigned want = m->has_original ? 2 : 1;
	bool fits = n == want && !known_request(g, m->request_id);
	struct ask *a = fits ? ask_new(m) : NULL;
	enum err e;

	if (a == NULL) {
		for (unsigned i = 0; i < n; i++)
			close(fds[i]);
		if (fits)
			no_memory(g, m);
		return fits;
	}
	a->body.fd = fds[0];
	if (want == 2)
		a->original.fd = fds[1];
	e = bytes_open(&a->body);
	if (e == ERR_OK && want == 2)
		e = bytes_open(&a->original);
	if (e != ERR_OK) {
		ask_unref(a);
		if (e == ERR_SYSTEM)
			no_memory(g, m);
		else
			log_error("gate.ask", "problem=\"body is not a sealed memory file "
					      "within its limit\"");
		return e == ERR_SYSTEM;
	}
	session_of(g, a);
	if (g->ledger != NULL)
		ledger_key_name(g->ledger, a->m.conversation);
	a->next = g->asks;
	g->asks = a;
	g->n_asks++;
	(void)book_usable(g); /* looks again when it was not */
	gate_judge(g, a);
	gate_ask_decide(g, a);
	return true;
}

void gate_cancel(struct gate *g, uint64_t request_id)
{
	for (struct ask *a = g->asks; a != NULL; a = a->next) {
		struct question *q = a->question;

		if (a->m.request_id != request_id)
			continue;
		if (a->state == ASK_STATE_SENDING) {
			if (!a->aborted)
				send_abort(g, a, "the client left");
			return; /* SENT closes it */
		}
		if (a->state == ASK_STATE_GRANTING) {
			turn_leave(g, a);
			return;
		}
		ask_leave(g, a, ASK_WITHDRAWN);
		question_left(g, q);
		return;
	}
}

/* --- policy -------------------------------------------------------------------------- */

static void policy_record(struct gate *g)
{
	const struct policy_file *top = policy_set_top(g->set);
	struct record r;
	struct buf serials;

	record_init(&r, RECORD_POLICY);
	r.policy_sha256 = g->policy_sha256;
	r.detail = policy_state_name(policy_set_state(g->set));
	buf_init(&serials, SERIALS_BYTES);
	buf_add_char(&serials, '{');
	for (size_t i = 0; i < policy_set_n_files(g->set); i++) {
		struct policy_file_info f = policy_file_info(policy_set_file(g->set, i));

		if (f.serial > 0)
			json_put_key_i64(&serials, f.id, f.serial);
	}
	buf_add_char(&serials, '}');
	r.serials = buf_cstr(&serials);
	if (top != NULL) {
		struct policy_file_info f = policy_file_info(top);

		r.policy_id = f.id;
		if (f.serial > 0)
			r.policy_serial = f.serial;
	}
	book_queue(g, &r);
	buf_free(&serials);
}

/* Sends that the new policy forbids are cut, and those that went without a question under a
 * rule when it would ask now. What a person said yes to goes on while asking is allowed. */
static void recheck_sends(struct gate *g)
{
	for (struct ask *a = g->asks; a != NULL; a = a->next) {
		if (a->state != ASK_STATE_SENDING || a->aborted)
			continue;
		gate_judge(g, a);
		if (!a->j.possible)
			send_abort(g, a, "the policy that came into force forbids it");
		else if (a->by_rule && a->j.verdict == POLICY_ASK)
			send_abort(g, a, "the rule that allowed it is no longer in force");
	}
}

bool gate_policy(struct gate *g, struct policy_set *set, uint64_t generation)
{
	/* What the old one let go is on record as such, and is looked at again. */
	(void)gate_turn(g);
	policy_set_free(g->set);
	inspector_free(g->inspector);
	g->set = policy_set_ref(set);
	g->generation = generation;
	/* With no destination but this device there is nothing to inspect: a start is quicker.
	 */
	bool needed = policy_destinations(set) > 1;
	g->inspector = needed ? inspector_new(set) : NULL;
	policy_facts_sha256(set, g->policy_sha256);
	g->prune_ms =
		policy_ledger(set)->retain_ms == 0 ? GATE_NEVER : gate_now(g) + FIRST_PRUNE_MS;
	policy_record(g);
	recheck_sends(g);
	questions_recheck(g, true);
	return !needed || g->inspector != NULL;
}

/* --- the device -------------------------------------------------------------------------- */

void gate_look_again(struct gate *g)
{
	for (struct ask *a = g->asks; a != NULL; a = a->next)
		if (a->state == ASK_STATE_WAITING)
			gate_judge_again(g, a);
	for (struct question *q = g->questions; q != NULL; q = q->next)
		if (q->state != QUESTION_CLOSED && q->subject->state != ASK_STATE_WAITING)
			gate_judge_again(g, q->subject);
	questions_recheck(g, false);
}

/* Kept as text: each record says on what the decision rested. */
static void note_device(struct gate *g)
{
	struct buf b;

	buf_init(&b, sizeof g->device - 1);
	gate_write_device(g, &b);
	snprintf(g->device, sizeof g->device, "%s", b.failed ? "" : buf_cstr(&b));
	buf_free(&b);
}

void gate_device(struct gate *g, const struct msg_DEVICE_STATE *m)
{
	bool was_locked = g->locked;

	(void)gate_turn(g); /* its records say on what it was decided */
	surroundings_device(g->around, m);
	g->locked = m->locked == POLICY_TRUE;
	g->strong = m->strong == POLICY_TRUE;
	note_device(g);
	gate_look_again(g);
	if (was_locked && !g->locked)
		questions_tell(g);
}

bool gate_strong_auth(const struct gate *g)
{
	return g->strong;
}

void gate_write_device(const struct gate *g, struct buf *out)
{
	struct policy_request q = { 0 };

	surroundings_fill(g->around, 0, g->io->wall_ms(g->ctx), &q);
	policy_device_write(&q, out);
}

/* --- peers --------------------------------------------------------------------------- */

void gate_router_gone(struct gate *g, enum role router)
{
	struct ask *next;

	for (struct ask *a = g->asks; a != NULL; a = next) {
		struct question *q = a->question;

		next = a->next;
		if (role_stamped(a->m.request_id) != router)
			continue;
		if (a->state == ASK_STATE_SENDING && !a->aborted) {
			send_abort(g, a, "the router ended");
		} else if (a->state == ASK_STATE_GRANTING) {
			turn_leave(g, a);
		} else if (a->state == ASK_STATE_WAITING) {
			ask_leave(g, a, ASK_WITHDRAWN);
			question_left(g, q);
		}
	}
}

void gate_cloud_gone(struct gate *g)
{
	struct ask *next;

	for (struct ask *a = g->asks; a != NULL; a = next) {
		next = a->next;
		if (a->state == ASK_STATE_SENDING)
			send_unknown(g, a, "the cloud role ended");
	}
}

/* --- time ---------------------------------------------------------------------------- */

uint64_t gate_tick(struct gate *g)
{
	uint64_t now = gate_now(g), next = GATE_NEVER;

	if (g->flush_ms <= now && g->granting == NULL) /* else gate_turn() takes it along */
		book_flush(g);
	if (g->prune_ms <= now)
		book_prune(g);
	questions_tick(g, now, &next);
	if (g->prune_ms < next)
		next = g->prune_ms;
	return g->flush_ms < next ? g->flush_ms : next;
}

void gate_stop(struct gate *g)
{
	for (unsigned n = 0; n < ROLE_ROUTERS_MAX; n++)
		gate_router_gone(g, role_router(n));
	gate_cloud_gone(g);
	for (struct question *q = g->questions; q != NULL; q = q->next)
		if (q->state != QUESTION_CLOSED)
			question_over(g, q, "withdrawn");
	book_flush(g);
}

/* --- life ---------------------------------------------------------------------------- */

struct gate *gate_new(const struct gate_setup *setup)
{
	struct gate *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->io = setup->io;
	g->ctx = setup->ctx;
	g->patience_ms = setup->patience_ms;
	g->around = surroundings_new(setup->group);
	g->flush_ms = g->prune_ms = GATE_NEVER;
	g->last_granting = &g->granting;
	g->next_send_id = 1;
	memset(g->policy_sha256, '0', sizeof g->policy_sha256 - 1);
	if (g->around == NULL ||
	    !span_copy(span_of(setup->state_dir), g->state_dir, sizeof g->state_dir) ||
	    !span_copy(span_of(setup->session), g->session, sizeof g->session)) {
		surroundings_free(g->around);
		free(g);
		return NULL;
	}
	note_device(g);
	book_open(g);
	return g;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	gate_stop(g); /* no ask is left, nor a question that shows one */
	while (g->questions != NULL) {
		struct question *next = g->questions->next;

		free(g->questions);
		g->questions = next;
	}
	decided_free(g);
	ledger_close(g->ledger);
	perms_free(g->perms);
	budgets_free(g->budgets);
	inspector_free(g->inspector);
	policy_set_free(g->set);
	surroundings_free(g->around);
	free(g);
}

struct gate_status gate_status(struct gate *g)
{
	return (struct gate_status){ .ledger_ok = book_usable(g),
				     .ledger_problem = g->ledger_ok ? "" : g->ledger_problem,
				     .head = g->ledger_ok ? ledger_head(g->ledger)
							  : (struct ledger_head){ 0 },
				     .pending = gate_pending(g),
				     .sending = g->n_sending };
}

struct ledger *gate_ledger(struct gate *g)
{
	return g->ledger;
}

struct policy_set *gate_policy_set(struct gate *g)
{
	return g->set;
}

const char *gate_policy_sha256(struct gate *g)
{
	return g->policy_sha256;
}

unsigned gate_pending(const struct gate *g)
{
	unsigned n = 0;

	for (const struct question *q = g->questions; q != NULL; q = q->next)
		n += q->state == QUESTION_OPEN || q->state == QUESTION_QUEUED;
	return n;
}
