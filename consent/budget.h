/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was spent, as a fold over the ledger like perms.h: a GRANTED record reserves its upper
 * bound, its CLOSED record settles it. A send whose use stays unknown keeps its reservation:
 * unknown is never zero. Every budget of every layer applies.
 */
#ifndef HITHER_CONSENT_BUDGET_H
#define HITHER_CONSENT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "consent/record.h"
#include "policy/policy.h"

/* Cost in 10^-9 of the currency; tokens of input and output together. */
struct budget_amount {
	bool cost_known;
	char currency[4];
	int64_t cost_nano;
	int64_t tokens;
};

struct budget_query {
	uint32_t uid;
	const char *app, *destination;
	struct budget_amount bound; /* of the send that is being considered */
	int64_t now_ms;
};

enum budget_state { BUDGET_FITS, BUDGET_ASK, BUDGET_LOCAL, BUDGET_REFUSE, BUDGET_NO_PRICE };

struct budgets;
struct budgets *budgets_new(void); /* NULL when memory is out */
void budgets_free(struct budgets *b);
/* GRANTED and CLOSED count. False when memory is out: then nothing may leave. */
bool budgets_note(struct budgets *b, const struct record *r);
/* What was released before `before_ms` is not counted any more, and takes no memory: for what
 * the ledger has let go of, too. */
void budgets_forget(struct budgets *b, int64_t before_ms);

/*
 * Strictest answer of all budgets of `set`; *ret_id names the one that decides (NULL when it
 * fits). BUDGET_NO_PRICE: a cost budget applies and the price or its currency is unknown.
 */
enum budget_state budgets_check(const struct budgets *b, const struct policy_set *set,
				const struct budget_query *q, const char **ret_id);
/* The least that is left of the cost budgets that apply, before this send; false: there is
 * none. */
bool budgets_left(const struct budgets *b, const struct policy_set *set,
		  const struct budget_query *q, int64_t *ret_nano, const char **ret_currency);
/* [{"id","window","scope","on_exceed","requests","tokens","cost",…}]: what this host used in
 * the window that runs, all users, apps and destinations together; limits where they are
 * stated. */
void budgets_write(const struct budgets *b, const struct policy_set *set, int64_t now_ms,
		   struct buf *out);

/* Start of the window of `count` (at least 1) units that contains `now_ms`; calendar units in
 * local time. */
int64_t budget_window_start(enum policy_window unit, uint32_t count, int64_t now_ms);

#endif
