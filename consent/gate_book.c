/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger as the gate keeps it: opened, verified and replayed at start; every later record
 * is folded into memory (permissions, budgets) by the same functions, and what widens only
 * after it is durable: a reservation counts before (gate_turn.c), and so does the end of a
 * release.
 *
 *   UNUSABLE --open, verify, replay--> USABLE --write fails, verify fails--> UNUSABLE
 *
 * While UNUSABLE nothing leaves the device; book_usable() looks again at most once a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "consent/gate_impl.h"

#define RETRY_MS       1000
#define FLUSH_MS       500
#define FLUSH_AT       64
#define CLOSE_MS       20 /* in steady use the next grant's commit comes before that */
#define PRUNE_EVERY_MS (24u * 3600000u)
#define ROW_ARENA      (256 * 1024)

/* --- replay -------------------------------------------------------------------------- */

/* An intent or a release that has not come to its end. */
struct open_item {
	char id[TEXT_ULID_BYTES];
	bool sent;
};

struct replay {
	struct perms *perms;
	struct budgets *budgets;
	struct arena *row;
	struct open_item *open;
	unsigned n, cap;
	bool failed;
};

static void opened(struct replay *p, const struct record *r)
{
	if (p->n == p->cap) {
		unsigned cap = p->cap == 0 ? 64 : p->cap * 2;
		struct open_item *open = realloc(p->open, cap * sizeof *open);

		if (open == NULL) {
			p->failed = true;
			return;
		}
		p->open = open;
		p->cap = cap;
	}
	p->open[p->n].sent = r->kind == RECORD_GRANTED;
	memcpy(p->open[p->n++].id, r->id, sizeof r->id);
}

static void ended(struct replay *p, const char *ref)
{
	for (unsigned i = p->n; i > 0; i--) {
		if (strcmp(p->open[i - 1].id, ref) == 0) {
			memmove(&p->open[i - 1], &p->open[i], (p->n - i) * sizeof *p->open);
			p->n--;
			return;
		}
	}
}

static bool matters(enum record_kind k)
{
	return k == RECORD_APPROVED || k == RECORD_REFUSED || k == RECORD_REVOKED ||
	       k == RECORD_TAINTED || k == RECORD_GRANTED || k == RECORD_CLOSED;
}

/* Rows come with their columns only; those that are folded are decoded here. */
static bool replay_row(void *ctx, const struct record *row, struct span body)
{
	struct replay *p = ctx;
	struct record r;

	if (row->kind == RECORD_INTENT || row->kind == RECORD_GRANTED)
		opened(p, row);
	if (row->kind != RECORD_INTENT && row->kind != RECORD_APPROVED &&
	    row->kind != RECORD_RETRIED && !text_empty(row->ref))
		ended(p, row->ref);
	if (!matters(row->kind))
		return !p->failed;
	arena_reset(p->row);
	if (record_read(body, p->row, &r) != ERR_OK || !perms_note(p->perms, &r) ||
	    !budgets_note(p->budgets, &r))
		p->failed = true;
	return !p->failed;
}

static void unusable(struct gate *g, const char *what, const char *next)
{
	if (g->ledger_ok || text_empty(g->ledger_problem))
		log_error("ledger.unusable", "problem=\"%s\" next=\"%s\"", what, next);
	g->ledger_ok = false;
	snprintf(g->ledger_problem, sizeof g->ledger_problem, "%s; %s", what, next);
	g->ledger_retry_ms = gate_now(g) + RETRY_MS;
}

static const char *remedy(const struct gate *g)
{
	return ledger_clock_behind(g->ledger)
		       ? "set the clock, or say that it is right: hither ledger acknowledge"
		       : "check free space, owner and mode of the state folder";
}

#define CLOSE_AT_ONCE 64

/* The ledger may be opened anew while this process lives: what runs here is not over. */
static bool runs_here(const struct gate *g, const struct open_item *item)
{
	for (const struct ask *a = g->asks; item->sent && a != NULL; a = a->next)
		if (a->state == ASK_STATE_SENDING && strcmp(a->granted, item->id) == 0)
			return true;
	for (const struct question *q = g->questions; !item->sent && q != NULL; q = q->next)
		if (q->state != QUESTION_CLOSED && strcmp(q->intent, item->id) == 0)
			return true;
	return false;
}

/* What the last process left open ends here: nothing of it is sent again. */
static enum err close_open(struct gate *g, const struct replay *p)
{
	struct record r[CLOSE_AT_ONCE];
	enum err e = ERR_OK;

	for (unsigned i = 0; e == ERR_OK && i < p->n;) {
		unsigned n = 0;

		for (; n < CLOSE_AT_ONCE && i < p->n; i++) {
			if (runs_here(g, &p->open[i]))
				continue;
			record_init(&r[n], p->open[i].sent ? RECORD_CLOSED : RECORD_WITHDRAWN);
			memcpy(r[n].ref, p->open[i].id, sizeof r[n].ref);
			r[n].outcome = p->open[i].sent ? "unknown" : "withdrawn";
			r[n].detail = "consent restarted before the end was recorded";
			n++;
		}
		e = ledger_append(g->ledger, r, n); /* perhaps none */
	}
	return e;
}

static enum err start_record(struct gate *g)
{
	struct record r;

	record_init(&r, RECORD_START);
	r.key_id = ledger_key_id(g->ledger);
	r.session = g->session;
	r.policy_sha256 = g->policy_sha256;
	return ledger_append(g->ledger, &r, 1);
}

/* Fresh folds, in place of the old ones once all records went through them. A witness that saw
 * nothing yet says nothing. */
static enum err verify_and_replay(struct gate *g, struct ledger_report *report)
{
	struct ledger_witness w = { .who = "the cloud role", .head = g->witness };
	struct replay p = { .perms = perms_new(),
			    .budgets = budgets_new(),
			    .row = arena_new("replay", ROW_ARENA) };
	enum err e = ERR_NO_MEMORY;

	if (p.row != NULL && p.perms != NULL && p.budgets != NULL)
		e = ledger_verify(g->ledger, 0, 0, &w, 1, report, replay_row, &p);
	if (e == ERR_OK && p.failed)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK && (report->ok || report->acknowledged))
		e = close_open(g, &p);
	if (e == ERR_OK) {
		perms_free(g->perms);
		budgets_free(g->budgets);
		g->perms = p.perms;
		g->budgets = p.budgets;
		g->replays++;
	} else {
		perms_free(p.perms);
		budgets_free(p.budgets);
	}
	arena_free(p.row);
	free(p.open);
	return e;
}

void book_open(struct gate *g)
{
	struct ledger_problem problem;
	struct ledger_report report;
	enum err e = ERR_OK;

	ledger_close(g->ledger);
	g->ledger = NULL;
	e = ledger_open(g->state_dir, LEDGER_WRITE, &g->ledger, &problem);
	if (e != ERR_OK) {
		unusable(g, problem.text, problem.next);
		return;
	}
	e = verify_and_replay(g, &report);
	if (e == ERR_OK && !report.ok && !report.acknowledged) {
		g->count.verify_failures++;
		unusable(g, report.problem,
			 "look with: hither ledger verify; go on with: hither ledger "
			 "acknowledge");
		return;
	}
	if (e == ERR_OK)
		e = start_record(g);
	if (e != ERR_OK) {
		const char *why = ledger_why(g->ledger);

		snprintf(problem.text, sizeof problem.text,
			 "the ledger cannot be written: %.200s",
			 !text_empty(why) ? why : err_text(e));
		unusable(g, problem.text, remedy(g));
		return;
	}
	g->ledger_ok = true;
	struct ledger_head head = ledger_head(g->ledger);
	log_info("ledger.ready", "records=%" PRIu64 " head=%" PRIu64 " acknowledged=%d",
		 report.records, head.seq, report.acknowledged);
	g->io->head(g->ctx, &head);
}

bool book_usable(struct gate *g)
{
	if (!g->ledger_ok && gate_now(g) >= g->ledger_retry_ms)
		book_open(g);
	return g->ledger_ok;
}

void gate_ledger_retry(struct gate *g)
{
	if (!g->ledger_ok)
		book_open(g);
}

/* --- writing ------------------------------------------------------------------------- */

enum err book_write(struct gate *g, struct record *records, unsigned n)
{
	struct ledger_head head;
	enum err e;

	if (!g->ledger_ok)
		return ERR_SYSTEM;
	decided_close(g); /* the time of the next commit is taken back below */
	e = ledger_append(g->ledger, records, n);
	if (e == ERR_TOO_BIG || e == ERR_NO_MEMORY)
		return e; /* this record, not the ledger */
	if (e != ERR_OK) {
		char problem[240];

		snprintf(problem, sizeof problem, "the ledger cannot be written: %s",
			 e == ERR_CORRUPT ? "somebody else wrote to it"
					  : ledger_why(g->ledger));
		unusable(g, problem, remedy(g));
		return ERR_SYSTEM;
	}
	g->flush_ms = GATE_NEVER;
	for (unsigned i = 0; i < n; i++)
		g->count.records[records[i].kind]++;
	head = ledger_head(g->ledger);
	g->io->head(g->ctx, &head);
	return ERR_OK;
}

enum err book_append(struct gate *g, struct record *records, unsigned n)
{
	enum err e = book_write(g, records, n);

	for (unsigned i = 0; e == ERR_OK && i < n; i++) {
		if (!perms_note(g->perms, &records[i]) ||
		    !budgets_note(g->budgets, &records[i])) {
			unusable(g, "memory is out", "restart the daemon");
			return ERR_NO_MEMORY;
		}
	}
	return e;
}

void book_close(struct gate *g, const struct record *r)
{
	uint64_t due_ms = gate_now(g) + CLOSE_MS;

	/* The queue drops what it has no room for: not this. */
	if (g->ledger_ok && ledger_queued(g->ledger) >= FLUSH_AT)
		(void)!book_append(g, NULL, 0);
	book_queue(g, r);
	if (g->ledger_ok)
		(void)!budgets_note(g->budgets, r); /* an end takes no memory */
	if (g->ledger_ok && due_ms < g->flush_ms)
		g->flush_ms = due_ms;
}

void gate_settle(struct gate *g)
{
	if (g->flush_ms <= gate_now(g) + CLOSE_MS)
		book_flush(g);
}

void book_flush_later(struct gate *g)
{
	if (g->flush_ms == GATE_NEVER)
		g->flush_ms = gate_now(g) + FLUSH_MS;
}

void book_queue(struct gate *g, const struct record *r)
{
	if (!g->ledger_ok)
		return;
	ledger_queue(g->ledger, r);
	g->count.records[r->kind]++;
	book_flush_later(g);
	if (ledger_queued(g->ledger) == FLUSH_AT)
		g->flush_ms = gate_now(g); /* soon, not now: a burst shares one commit */
}

void book_flush(struct gate *g)
{
	decided_close(g);
	g->flush_ms = GATE_NEVER;
	if (g->ledger_ok && ledger_queued(g->ledger) > 0 && book_append(g, NULL, 0) != ERR_OK &&
	    g->ledger_ok)
		book_flush_later(g); /* only memory is out */
}

/* What a budget still counts must stay: without it more could be spent after a restart. */
static int64_t budgets_begin(const struct gate *g, int64_t before_ms)
{
	for (size_t i = 0; i < policy_budgets(g->set); i++) {
		const struct policy_budget *b = policy_budget(g->set, i);
		int64_t start_ms = budget_window_start(b->window_unit, b->window_count,
						       g->io->wall_ms(g->ctx));

		if (start_ms < before_ms)
			before_ms = start_ms;
	}
	return before_ms;
}

enum err gate_prune(struct gate *g, int64_t before_ms, uint64_t *retremoved)
{
	struct ledger_head head;
	enum err e;

	*retremoved = 0;
	if (!g->ledger_ok)
		return ERR_CORRUPT;
	before_ms = budgets_begin(g, before_ms);
	e = ledger_prune(g->ledger, before_ms, retremoved);
	/* As if this process began again: without that it would hold every release since then.
	 */
	if (e == ERR_OK)
		budgets_forget(g->budgets, before_ms);
	if (e != ERR_OK)
		log_warning("ledger.prune", "problem=\"%s\"", err_text(e));
	else if (*retremoved > 0)
		log_notice("ledger.pruned", "records=%" PRIu64, *retremoved);
	head = ledger_head(g->ledger);
	g->io->head(g->ctx, &head);
	return e;
}

void book_prune(struct gate *g)
{
	int64_t retain_ms =
		(int64_t)policy_ledger(g->set)->retain_ms; /* else it is never due */
	uint64_t removed;

	g->prune_ms = gate_now(g) + PRUNE_EVERY_MS;
	(void)!gate_prune(g, g->io->wall_ms(g->ctx) - retain_ms, &removed);
}

void gate_head_known(struct gate *g, const struct msg_HEAD_KNOWN *m)
{
	struct ledger_witness w = { .who = "the cloud role", .head = { .seq = m->seq } };
	struct ledger_report report;

	memcpy(w.head.hash.bytes, m->hash, sizeof w.head.hash.bytes);
	g->witness = w.head;
	if (!g->ledger_ok || m->seq == 0)
		return;
	/* Cheap: only the records around the head that was seen. */
	struct ledger_head ours = ledger_head(g->ledger);
	if (ours.seq == m->seq && crypto_sha256_equal(&ours.hash, &w.head.hash))
		return;
	if (ledger_verify(g->ledger, 0, 0, &w, 1, &report, NULL, NULL) == ERR_OK &&
	    !report.ok && !report.acknowledged) {
		g->count.verify_failures++;
		unusable(g, report.problem,
			 "look with: hither ledger verify; go on with: hither ledger "
			 "acknowledge");
		return;
	}
	g->io->head(g->ctx, &ours);
}
