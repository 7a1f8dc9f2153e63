/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that left nothing to ask: facts for the ledger.
 *
 * The first SINGLY of them between two commits get a record each. A flood would cost more than
 * the answers themselves, so what comes beyond is held together: one record carries the facts
 * of the first and, in `decisions`, what each request has differently (record_each takes it
 * apart again). No request is left out and none is only counted; at most FLUSH_MS of them are
 * in memory alone.
 *
 * Requests of one record have user, application, identity and tier in common.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "consent/gate_impl.h"

#define SINGLY   32
#define TOGETHER 256
#define TOGETHER_BYTES                                                                         \
	((size_t)24 << 10) /* room for the first one's facts: RECORD_MAX_BYTES                 \
			    */
#define CATEGORIES_MAX ((size_t)8 << 10)

/* The facts of one request, and what the record made of them borrows. */
struct facts {
	struct msg_DECIDED m;
	char subject[CRYPTO_SHA256_HEX_BYTES];
	char device[GATE_DEVICE_BYTES];
	struct buf categories;
	struct record r;
};

struct decided {
	struct facts first, now;               /* first: of what is held together */
	unsigned n;                            /* held together */
	struct buf items;                      /* `[{…},{…}`, not closed */
	uint32_t subject_uid;                  /* whose digest is in `subject` */
	char subject[CRYPTO_SHA256_HEX_BYTES]; /* empty: nobody's */
};

/* "category=count,…" becomes the array of the other records; "?" and nothing an empty one. */
static const char *categories_json(const char *at, struct buf *b)
{
	buf_clear(b);
	buf_add_char(b, '[');
	while (*at != '\0') {
		const char *comma = strchrnul(at, ','),
			   *equals = memchr(at, '=', (size_t)(comma - at));

		if (equals != NULL) {
			buf_add_str(b, b->len == 1 ? "{\"name\":" : ",{\"name\":");
			json_put_string(b, (struct span){ at, (size_t)(equals - at) });
			buf_printf(b, ",\"count\":%ld,\"masked\":false}",
				   strtol(equals + 1, NULL, 10));
		}
		at = *comma == ',' ? comma + 1 : comma;
	}
	buf_add_char(b, ']');
	return buf_cstr(b);
}

/* f->m and f->subject are there; the record is made of them. */
static void make_record(struct facts *f)
{
	const struct msg_DECIDED *m = &f->m;
	struct record *r = &f->r;

	record_init(r, RECORD_DECIDED);
	r->time_ms = clock_wall_ms();
	r->subject = f->subject;
	r->uid = m->uid;
	r->app = m->app;
	r->identity = policy_identity_name((enum policy_identity)m->identity);
	r->decision_id = m->decision_id;
	r->destination = m->destination;
	r->tier = m->tier <= POLICY_TIER_CLOUD ? policy_tier_name((enum policy_tier)m->tier)
					       : NULL;
	r->task = m->task;
	if (m->score_pm <= 1000)
		r->score_pm = m->score_pm;
	if (m->confidence_pm <= 1000)
		r->confidence_pm = m->confidence_pm;
	r->input_tokens = m->input_tokens;
	if (m->output_tokens > 0)
		r->tokens_out = m->output_tokens;
	r->modality = m->modality;
	r->tools = m->tools;
	r->interactive = m->interactive;
	r->device = text_or_null(f->device);
	r->categories_known = m->categories[0] != '?';
	r->categories = categories_json(m->categories, &f->categories);
	r->reason = m->reason;
	r->outcome = m->outcome;
}

static struct decided *decided_of(struct gate *g)
{
	if (g->decided == NULL && (g->decided = calloc(1, sizeof *g->decided)) != NULL) {
		buf_init(&g->decided->first.categories, CATEGORIES_MAX);
		buf_init(&g->decided->now.categories, CATEGORIES_MAX);
		buf_init(&g->decided->items, RECORD_MAX_BYTES);
	}
	return g->decided;
}

static void take(struct gate *g, struct decided *d, const struct msg_DECIDED *m)
{
	if (text_empty(d->subject) || d->subject_uid != m->uid) {
		ledger_subject(g->ledger, m->uid, d->subject);
		d->subject_uid = m->uid;
	}
	d->now.m = *m;
	memcpy(d->now.subject, d->subject, sizeof d->subject);
	memcpy(d->now.device, g->device, sizeof g->device);
	make_record(&d->now);
}

static bool belong_together(const struct msg_DECIDED *a, const struct msg_DECIDED *b)
{
	return a->uid == b->uid && a->identity == b->identity && a->tier == b->tier &&
	       strcmp(a->app, b->app) == 0;
}

/* What is queued is to be flushed soon, and takes this along (book_flush). */
static void hold(struct gate *g, struct decided *d)
{
	if (d->n == TOGETHER || d->items.len > TOGETHER_BYTES ||
	    !belong_together(&d->first.m, &d->now.m))
		decided_close(g);
	if (d->n == 0) {
		int64_t time_ms = d->now.r.time_ms;

		d->first.m = d->now.m;
		memcpy(d->first.subject, d->now.subject, sizeof d->first.subject);
		memcpy(d->first.device, d->now.device, sizeof d->first.device);
		make_record(&d->first);
		d->first.r.time_ms = time_ms;
		buf_clear(&d->items);
	}
	buf_add_char(&d->items, d->n == 0 ? '[' : ',');
	record_write_difference(&d->first.r, &d->now.r, &d->items);
	d->n++;
}

void decided_close(struct gate *g)
{
	struct decided *d = g->decided;

	if (d == NULL)
		return;
	d->subject[0] = '\0'; /* the next ledger may have another secret */
	if (d->n == 0)
		return;
	buf_add_char(&d->items, ']');
	if (d->n > 1) {
		d->first.r.count = d->n;
		d->first.r.decisions = buf_cstr(&d->items);
	}
	d->n = 0;
	book_queue(g, &d->first.r);
}

void decided_free(struct gate *g)
{
	if (g->decided == NULL)
		return;
	buf_free(&g->decided->first.categories);
	buf_free(&g->decided->now.categories);
	buf_free(&g->decided->items);
	free(g->decided);
}

void gate_overload(struct gate *g, const struct msg_OVERLOAD *m)
{
	g->count.overload.queue += m->queue;
	g->count.overload.ledger += m->ledger;
	g->count.overload.memory += m->memory;
}

void gate_decided(struct gate *g, const struct msg_DECIDED *m)
{
	struct decided *d = decided_of(g);

	if (m->tier < LEN(g->count.decided))
		g->count.decided[m->tier]++;
	if (!g->ledger_ok || d == NULL)
		return;
	if (m->kept != POLICY_TIER_DEVICE && !text_empty(m->conversation)) {
		struct msg_DECIDED keyed = *m;

		ledger_key_name(g->ledger, keyed.conversation);
		gate_taint(g, &keyed);
	}
	take(g, d, m);
	if (d->n == 0 && ledger_queued(g->ledger) < SINGLY)
		book_queue(g, &d->now.r);
	else
		hold(g, d);
}
