/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger is told of one ASK. Each fill_*() knows one part of a record: the recipient
 * as policy describes it, the bytes and what was found in them, money, the policy in force.
 *
 * A field that is not known keeps what record_init() gave it: a record states nothing that
 * nobody knows. Where policy wants no content kept, the digest is keyed, so that whoever reads
 * the ledger cannot try texts against it.
 */
#include "common/text.h"
#include "consent/gate_impl.h"

#define UNKNOWN_PM 65535 /* of a score or a confidence in ASK */

static const char *trains_word(enum policy_tri t)
{
	return t == POLICY_TRUE ? "yes" : t == POLICY_FALSE ? "no" : "unknown";
}

/* What was written since `from`, kept as long as the ask; b->failed tells the caller. */
static const char *keep(struct ask *a, struct buf *b, size_t from)
{
	const char *copy = NULL;

	if (!b->failed)
		copy = arena_strdup(a->arena, (struct span){ b->ptr + from, b->len - from });
	if (copy == NULL)
		b->failed = true;
	return copy;
}

static void fill_recipient(struct gate *g, const struct ask *a, struct record *r)
{
	const struct policy_destination *d;
	size_t at;

	r->destination = a->m.destination;
	r->model = a->m.model;
	if (g->set == NULL || !policy_destination_find(g->set, span_of(a->m.destination), &at))
		return;
	d = policy_destination(g->set, at);
	r->tier = policy_tier_name(d->tier);
	r->operator_name = d->operator_name;
	r->region = d->region;
	r->address = d->base_url;
	if (d->retention_days >= 0)
		r->retention_days = d->retention_days;
	r->trains = trains_word(d->trains);
	r->privacy_url = d->privacy_url;
}

static void fill_content(struct gate *g, struct ask *a, enum policy_mode mode, struct buf *b,
			 struct record *r)
{
	const struct bytes *bytes = ask_bytes(a, mode);
	size_t at = b->len;

	r->digest = bytes->digest;
	if (a->j.content == POLICY_CONTENT_NONE && g->ledger != NULL) {
		ledger_keyed_digest(g->ledger, &bytes->sha256, b);
		r->digest = keep(a, b, at);
		at = b->len;
	}
	inspect_write(&a->in, b);
	r->categories = keep(a, b, at);
	r->categories_known = a->in.complete;
	r->bytes = (int64_t)bytes->map.len;
	r->mode = mode == POLICY_MODE_AS_IS ? "as_is" : "redacted";
}

static void fill_money(const struct ask *a, struct record *r)
{
	r->tokens_bound = a->j.bound.tokens;
	if (!a->j.bound.cost_known)
		return;
	r->currency = a->j.bound.currency;
	r->cost_estimate_nano = a->j.estimate_nano;
	r->cost_bound_nano = a->j.bound.cost_nano;
}

static void fill_policy(struct gate *g, struct record *r)
{
	const struct policy_file *top = g->set != NULL ? policy_set_top(g->set) : NULL;

	r->policy_sha256 = g->policy_sha256;
	if (top == NULL)
		return;
	struct policy_file_info f = policy_file_info(top);
	r->policy_id = f.id;
	if (f.serial > 0)
		r->policy_serial = f.serial;
}

void gate_fill_record(struct gate *g, struct ask *a, enum record_kind kind,
		      enum policy_mode mode, struct buf *b, struct record *r)
{
	const struct msg_ASK *m = &a->m;
	size_t at = b->len;
	char subject[CRYPTO_SHA256_HEX_BYTES] = "";

	record_init(r, kind);
	if (g->ledger != NULL)
		ledger_subject(g->ledger, m->uid, subject);
	buf_add_str(b, subject);
	r->subject = keep(a, b, at);
	r->uid = m->uid;
	r->session = a->session;
	r->app = m->app;
	r->identity = policy_identity_name((enum policy_identity)m->identity);
	r->decision_id = m->decision_id;
	r->conversation = m->conversation;
	r->task = m->task;
	if (m->score_pm != UNKNOWN_PM)
		r->score_pm = m->score_pm;
	if (m->confidence_pm != UNKNOWN_PM)
		r->confidence_pm = m->confidence_pm;
	r->threshold_pm = m->threshold_pm;
	r->input_tokens = m->input_tokens;
	if (a->in.max_output_tokens > 0)
		r->max_output_tokens = a->in.max_output_tokens;
	r->modality = m->modality;
	r->tools = m->tools;
	r->interactive = m->interactive;
	r->max_tier = m->max_tier;
	r->device = text_or_null(g->device);
	r->messages = a->in.messages;
	r->attachments = m->attachments;
	r->rules = a->j.rules;
	if (a->question != NULL)
		r->question = a->question->id;
	fill_recipient(g, a, r);
	fill_content(g, a, mode, b, r);
	fill_money(a, r);
	fill_policy(g, r);
}

void gate_record_no(struct gate *g, struct ask *a, enum record_kind kind, const char *reason)
{
	struct record r;
	struct buf b;

	buf_init(&b, RECORD_MAX_BYTES);
	gate_fill_record(g, a, kind, POLICY_MODE_REDACTED, &b, &r);
	r.reason = reason;
	if (!b.failed)
		book_queue(g, &r);
	buf_free(&b);
}
