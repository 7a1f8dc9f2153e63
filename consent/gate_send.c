/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release, and what becomes of it.
 *
 *   budget fits -> records durable (approval, grant) -> pipe -> SEND -> GRANTED to router
 *
 * send_release() goes all of that way at once, for what a person said yes to; what needs no
 * question comes in at send_depart(), its records durable (gate_turn.c).
 *
 * Invariants
 *   1. The `granted` record is durable before SEND is queued, and there is one for each SEND.
 *   2. Nothing is sent twice: a release without SENT is closed as unknown, never repeated.
 *   3. Use that stays unknown keeps its reservation.
 *   4. A further attempt has a durable `retried` record of its own before it begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "consent/gate_impl.h"

#define SEND_DEADLINE_MS 600000
#define RECORDS_MAX      2 /* the yes, the grant */

static const char *const outcome_words[] = { "complete",  "failed",  "cut",
					     "cancelled", "aborted", "refused" };

/* --- release ------------------------------------------------------------------------- */

static bool fits(struct gate *g, struct ask *a, bool asked)
{
	struct budget_query q = { .uid = a->m.uid,
				  .app = a->m.app,
				  .destination = a->m.destination,
				  .bound = a->j.bound,
				  .now_ms = g->io->wall_ms(g->ctx) };
	enum budget_state s = budgets_check(g->budgets, g->set, &q, &a->j.budget_id);

	a->j.budget = s;
	return s == BUDGET_FITS || (s == BUDGET_ASK && asked);
}

static enum err give_up(struct gate *g, struct ask *a, enum ask_outcome outcome, bool refuse,
			const char *detail, enum err e)
{
	ask_finish(g, a, outcome, refuse, detail);
	return e;
}

/* What is said of a release after it was granted: which one, whose, where to. */
static void begin_record(const struct ask *a, enum record_kind kind, struct record *ret)
{
	record_init(ret, kind);
	memcpy(ret->ref, a->granted, sizeof ret->ref);
	ret->uid = a->m.uid;
	ret->app = a->m.app;
	ret->decision_id = a->m.decision_id;
	ret->destination = a->m.destination;
	ret->model = a->m.model;
}

/* The release is on record and did not happen: say so, with certainty that nothing left. */
static void close_unsent(struct gate *g, struct ask *a, const char *why)
{
	struct record r;

	begin_record(a, RECORD_CLOSED, &r);
	r.outcome = "refused";
	r.bytes_out = 0;
	r.detail = why;
	book_close(g, &r);
}

static enum err hand_over(struct gate *g, struct ask *a, uint64_t seq)
{
	const struct bytes *bytes = ask_bytes(a, a->mode);
	struct msg_SEND m = { .request_id = a->send_id,
			      .ledger_seq = seq,
			      .generation = g->generation,
			      .body_bytes = bytes->map.len,
			      .streaming = a->m.streaming,
			      .deadline_ms = SEND_DEADLINE_MS };
	int pipes[2];
	enum err e;

	snprintf(m.destination, sizeof m.destination, "%s", a->m.destination);
	snprintf(m.model, sizeof m.model, "%s", a->m.model);
	memcpy(m.body_sha256, bytes->sha256.bytes, sizeof m.body_sha256);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return ERR_SYSTEM;
	e = g->io->send(g->ctx, &m, bytes->fd, pipes[1]);
	close(pipes[1]);
	if (e == ERR_OK)
		ask_answer(g, a, ASK_GRANTED, false, "", pipes[0]);
	close(pipes[0]);
	return e;
}

enum err send_keep_content(struct gate *g, const struct ask *a, enum policy_mode mode)
{
	const struct bytes *bytes = ask_bytes(a, mode);

	if (a->j.content != POLICY_CONTENT_FULL || g->ledger == NULL)
		return ERR_OK;
	return ledger_keep_content(g->ledger, bytes->digest, bytes->map);
}

enum err send_admit(struct gate *g, struct ask *a, bool asked)
{
	if (!g->io->cloud_up(g->ctx))
		return give_up(g, a, ASK_UNREACHABLE, false,
			       "the cloud role is not running; hither status", ERR_PEER_GONE);
	if (g->n_sending >= GATE_SENDS_MAX)
		return give_up(g, a, ASK_LIMITED, false, "too many sends at once; try again",
			       ERR_BUSY);
	if (!fits(g, a, asked))
		return give_up(g, a, ASK_BUDGET, a->j.budget == BUDGET_REFUSE,
			       "a budget would be exceeded; what was spent: hither ledger left",
			       ERR_DENIED);
	return ERR_OK;
}

enum err send_depart(struct gate *g, struct ask *a, enum policy_mode mode, const char *basis,
		     const struct record *granted)
{
	memcpy(a->granted, granted->id, sizeof a->granted);
	snprintf(a->permission, sizeof a->permission, "%s",
		 granted->permission != NULL ? granted->permission : "");
	a->mode = mode;
	a->send_id = g->next_send_id++;
	a->sent_at_ms = gate_now(g);
	a->by_rule = strcmp(basis, "rule") == 0;
	a->notify = a->j.notify;
	a->reserved = a->j.bound;
	if (hand_over(g, a, granted->seq) != ERR_OK) {
		g->n_sending--;
		close_unsent(g, a, "the cloud role did not take it");
		return give_up(g, a, ASK_UNREACHABLE, false,
			       "the cloud role did not take it; hither status", ERR_PEER_GONE);
	}
	a->question = NULL;
	g->count.questions[ASK_GRANTED]++;
	ask_enter(a, ASK_STATE_SENDING);
	log_info("gate.granted",
		 "decision=%s destination=%s bytes=%" PRId64 " ledger=%" PRIu64 " basis=%s",
		 a->m.decision_id, a->m.destination, granted->bytes, granted->seq, basis);
	return ERR_OK;
}

enum err send_release(struct gate *g, struct ask *a, enum policy_mode mode, const char *basis,
		      const char *permission, const char *ref, struct record *before,
		      unsigned n)
{
	struct record all[RECORDS_MAX];
	struct buf b;
	unsigned at = 0;
	enum err e;

	if ((e = send_admit(g, a, strncmp(basis, "approval:", 9) == 0)) != ERR_OK)
		return e;
	buf_init(&b, RECORD_MAX_BYTES * RECORDS_MAX);
	for (unsigned i = 0; i < n; i++)
		all[at++] = before[i];
	gate_fill_record(g, a, RECORD_GRANTED, mode, &b, &all[at]);
	all[at].basis = basis;
	all[at].permission = permission;
	memcpy(all[at].ref, ref, sizeof all[at].ref);
	e = b.failed ? ERR_NO_MEMORY : send_keep_content(g, a, mode);
	if (e == ERR_OK)
		e = book_append(g, all, at + 1);
	for (unsigned i = 0; e == ERR_OK && i < n; i++)
		before[i] = all[i]; /* seq and id, for the caller */
	buf_free(&b);
	if (e != ERR_OK)
		return give_up(g, a, ASK_LEDGER, false,
			       "the ledger cannot be written, so nothing leaves; hither status",
			       ERR_SYSTEM);
	g->n_sending++;
	return send_depart(g, a, mode, basis, &all[at]);
}

/* --- the end of a release ------------------------------------------------------------- */

static void settle(struct gate *g, const struct ask *a, const struct msg_SENT *m,
		   struct record *r)
{
	const struct policy_destination *d;
	size_t at;

	if (m->input_tokens < 0 || m->output_tokens < 0 || !a->reserved.cost_known ||
	    !policy_destination_find(g->set, span_of(a->m.destination), &at))
		return; /* unknown: the reservation stays */
	d = policy_destination(g->set, at);
	if (!d->price.known || strcmp(d->price.currency, a->reserved.currency) != 0)
		return;
	r->currency = a->reserved.currency;
	int64_t cached = m->cached_tokens > 0 ? m->cached_tokens : 0;
	if (cached > m->input_tokens || d->price.cached_input_per_mtok < 0)
		cached = 0;
	r->cost_nano = policy_cost_nano(d->price.input_per_mtok, m->input_tokens - cached) +
		       policy_cost_nano(d->price.cached_input_per_mtok, cached) +
		       policy_cost_nano(d->price.output_per_mtok, m->output_tokens);
}

static void leave(struct gate *g, struct ask *a)
{
	g->n_sending--;
	if (a->notify)
		g->io->tell(g->ctx, GATE_SENT, a->m.uid, a->granted);
	ask_leave(g, a, ASK_GRANTED);
	g->count.questions[ASK_GRANTED]--; /* counted when it was granted */
}

static struct ask *find_send(struct gate *g, uint64_t send_id)
{
	struct ask *a = g->asks;

	while (a != NULL && (a->state != ASK_STATE_SENDING || a->send_id != send_id))
		a = a->next;
	return a;
}

static uint32_t retries_of(const struct gate *g, const struct ask *a)
{
	size_t at;

	if (!policy_destination_find(g->set, span_of(a->m.destination), &at))
		return 0;
	return policy_destination(g->set, at)->retries;
}

static enum err record_attempt(struct gate *g, const struct ask *a, const struct msg_AGAIN *m)
{
	struct record r;

	begin_record(a, RECORD_RETRIED, &r);
	r.outcome = "not_acted_upon";
	if (m->http_status != 0)
		r.http_status = m->http_status;
	r.bytes_out = (int64_t)m->bytes_out;
	r.bytes_in = (int64_t)m->bytes_in;
	r.count = m->attempt;
	r.detail = m->detail;
	return book_append(g, &r, 1);
}

bool gate_again(struct gate *g, const struct msg_AGAIN *m)
{
	struct ask *a = find_send(g, m->request_id);
	struct msg_AGAIN_GRANTED go = { .request_id = m->request_id, .attempt = m->attempt };

	if (a == NULL || m->attempt != a->attempts + 1)
		return false;
	a->attempts++;
	if (a->aborted)
		return true; /* ABORT is on its way */
	if (m->attempt > retries_of(g, a)) {
		send_abort(g, a, "no further attempt is permitted");
		return true;
	}
	if (record_attempt(g, a, m) != ERR_OK) {
		send_abort(g, a, "the ledger cannot be written");
		return true;
	}
	g->count.sent_bytes += m->bytes_out;
	log_info("gate.again", "decision=%s attempt=%" PRIu32 " status=%u", a->m.decision_id,
		 m->attempt, m->http_status);
	if (g->io->again(g->ctx, &go) != ERR_OK)
		log_warning("gate.again", "decision=%s problem=\"cloud cannot be told\"",
			    a->m.decision_id);
	return true;
}

bool gate_sent(struct gate *g, const struct msg_SENT *m)
{
	struct record r;
	struct ask *a = find_send(g, m->request_id);

	if (a == NULL)
		return false;
	begin_record(a, RECORD_CLOSED, &r);
	r.outcome = m->outcome < LEN(outcome_words) ? outcome_words[m->outcome] : "unknown";
	if (m->http_status != 0)
		r.http_status = m->http_status;
	r.bytes_out = (int64_t)m->bytes_out;
	r.bytes_in = (int64_t)m->bytes_in;
	if (m->input_tokens >= 0)
		r.tokens_in = m->input_tokens;
	if (m->output_tokens >= 0)
		r.tokens_out = m->output_tokens;
	if (m->cached_tokens >= 0)
		r.tokens_cached = m->cached_tokens;
	r.elapsed_ms = (int64_t)(gate_now(g) - a->sent_at_ms);
	r.reason = a->abort_why;
	r.detail = m->detail;
	settle(g, a, m, &r);
	book_close(g, &r);
	if (m->outcome < LEN(g->count.sends))
		g->count.sends[m->outcome]++;
	g->count.sent_bytes += m->bytes_out;
	log_info("gate.closed", "decision=%s outcome=%s bytes_out=%" PRIu64 " status=%u",
		 a->m.decision_id, r.outcome, m->bytes_out, m->http_status);
	leave(g, a);
	return true;
}

void send_unknown(struct gate *g, struct ask *a, const char *why)
{
	struct record r;

	begin_record(a, RECORD_CLOSED, &r);
	r.outcome = "unknown";
	r.detail = why;
	book_close(g, &r);
	g->count.unknown_sends++;
	leave(g, a);
}

void send_abort(struct gate *g, struct ask *a, const char *why)
{
	a->aborted = true;
	a->abort_why = why;
	if (g->io->abort(g->ctx, a->send_id) != ERR_OK)
		log_warning("gate.abort", "decision=%s problem=\"cloud cannot be told\"",
			    a->m.decision_id);
}
