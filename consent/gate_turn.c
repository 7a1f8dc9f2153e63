/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases that need no question, many in one commit: a sync of the disk costs the same for one
 * grant as for thirty, and while it runs the next ones gather in the channel.
 *
 *   ASK -> decided, budget reserved, records made -> GRANTING            [turn_join]
 *   end of the turn -> one commit -> SEND and GRANTED for each, in order [gate_turn]
 *
 * Invariants
 *   1. Nothing of a release leaves before the commit that holds its `granted` record succeeded.
 *   2. Each has an intent and a grant of its own in the chain, in the order of the asks.
 *   3. A bound is reserved when it joins, so that two of one turn cannot both take what is left
 *      of a budget. Whoever does not go gives it back.
 *   4. A commit that fails refuses all of them. One record that cannot be appended (too
 *      long, no memory) concerns its own ask: then each goes in a commit of its own.
 *   5. The policy does not change while something is GRANTING, nor what is known of the
 *      device: records point into both. No refusal comes on record before a grant that was
 *      decided without it. Whatever changes those ends the turn first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "consent/gate_impl.h"

#define RECORDS_EACH 2 /* intent, granted */

static struct record *granted_of(const struct ask *a)
{
	return &a->records[RECORDS_EACH - 1];
}

/* Nothing of it left: the bound counts no more. */
static void give_back(struct gate *g, const struct ask *a)
{
	struct record r;

	record_init(&r, RECORD_CLOSED);
	memcpy(r.ref, granted_of(a)->id, sizeof r.ref);
	r.bytes_out = 0;
	(void)!budgets_note(g->budgets, &r); /* an end takes no memory */
}

static bool make_records(struct gate *g, struct ask *a, const char *basis,
			 const char *permission)
{
	struct record *intent = arena_alloc(a->arena, RECORDS_EACH * sizeof *a->records),
		      *granted;
	struct buf b;
	bool ok;

	if (intent == NULL)
		return false;
	granted = &intent[1];
	buf_init(&b, RECORD_MAX_BYTES * RECORDS_EACH);
	gate_fill_record(g, a, RECORD_INTENT, a->mode, &b, intent);
	gate_fill_record(g, a, RECORD_GRANTED, a->mode, &b, granted);
	ok = !b.failed;
	buf_free(&b);
	text_ulid(intent->id);
	text_ulid(granted->id);
	memcpy(granted->ref, intent->id, sizeof granted->ref);
	granted->basis = basis;
	if (permission != NULL) {
		granted->permission = arena_strdup(a->arena, span_of(permission));
		ok = ok && granted->permission != NULL;
	}
	intent->time_ms = granted->time_ms = clock_wall_ms();
	a->records = intent;
	return ok;
}

static void refuse(struct gate *g, struct ask *a, enum err why)
{
	if (why == ERR_PEER_GONE)
		ask_finish(g, a, ASK_UNREACHABLE, false,
			   "the cloud role is not running; hither status");
	else
		ask_finish(g, a, ASK_LEDGER, false,
			   "the ledger cannot be written, so nothing leaves; hither status");
}

void turn_join(struct gate *g, struct ask *a, enum policy_mode mode, const char *basis,
	       const char *permission)
{
	if (send_admit(g, a, false) != ERR_OK)
		return;
	a->mode = mode;
	if (!make_records(g, a, basis, permission) ||
	    !budgets_note(g->budgets, granted_of(a))) {
		refuse(g, a, ERR_SYSTEM);
		return;
	}
	a->replay = g->replays;
	a->next_granting = NULL;
	*g->last_granting = a;
	g->last_granting = &a->next_granting;
	g->n_sending++;
	ask_enter(a, ASK_STATE_GRANTING);
}

/* Out of the list already. */
static void drop(struct gate *g, struct ask *a)
{
	g->n_sending--;
	give_back(g, a);
}

void turn_leave(struct gate *g, struct ask *a)
{
	struct ask **at = &g->granting;

	while (*at != a)
		at = &(*at)->next_granting;
	*at = a->next_granting;
	if (*at == NULL)
		g->last_granting = at;
	drop(g, a);
	ask_leave(g, a, ASK_WITHDRAWN);
}

/* The records of `n` asks from `first` on, in one commit. Their texts before it and not when
 * they join: of who leaves until then nothing is kept. */
static enum err commit(struct gate *g, struct ask *first, unsigned n)
{
	struct record *all = calloc(n, RECORDS_EACH * sizeof *all);
	struct ask *a = first;
	enum err e = all != NULL ? ERR_OK : ERR_NO_MEMORY;

	for (unsigned i = 0; e == ERR_OK && i < n; i++, a = a->next_granting) {
		memcpy(&all[i * RECORDS_EACH], a->records, RECORDS_EACH * sizeof *all);
		e = send_keep_content(g, a, a->mode);
	}
	if (e == ERR_OK)
		e = book_write(g, all, n * RECORDS_EACH);
	a = first;
	for (unsigned i = 0; e == ERR_OK && i < n; i++, a = a->next_granting)
		memcpy(a->records, &all[i * RECORDS_EACH], RECORDS_EACH * sizeof *all);
	free(all);
	return e;
}

static void go(struct gate *g, struct ask *first, unsigned n, enum err e)
{
	struct ask *a = first;

	for (unsigned i = 0; i < n; i++) {
		struct ask *next = a->next_granting;

		if (e == ERR_OK) {
			(void)!send_depart(g, a, a->mode, granted_of(a)->basis, granted_of(a));
		} else {
			drop(g, a);
			refuse(g, a, e);
		}
		a = next;
	}
}

bool gate_turn(struct gate *g)
{
	struct ask *first = g->granting;
	enum err e = ERR_OK;
	unsigned n = 0;

	if (first == NULL)
		return false;
	g->granting = NULL;
	g->last_granting = &g->granting;
	for (struct ask *a = first; a != NULL; a = a->next_granting, n++)
		if (a->replay != g->replays) /* what is reserved was counted anew without it */
			e = ERR_SYSTEM;
	if (!g->io->cloud_up(g->ctx))
		e = ERR_PEER_GONE;
	if (e == ERR_OK)
		e = commit(g, first, n);
	if (n == 1 || (e != ERR_TOO_BIG && e != ERR_NO_MEMORY)) {
		go(g, first, n, e);
		return true;
	}
	for (struct ask *a = first, *next; a != NULL; a = next) {
		next = a->next_granting;
		go(g, a, 1, commit(g, a, 1));
	}
	return true;
}
