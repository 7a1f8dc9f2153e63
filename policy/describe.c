/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, requests and obligations in words, for explain, lint and diff. */
#include <stdio.h>

#include "policy/policy_impl.h"

static void put_list(struct buf *out, const struct words *w, const char *between)
{
	for (size_t i = 0; i < w->n; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : between, w->items[i]);
	if (w->n == 0)
		buf_add_str(out, "(nothing)");
}

void describe_mask(const struct vocabulary *v, unsigned mask, const char *between,
		   const char *none, struct buf *out)
{
	for (unsigned left = mask; left != 0; left &= left - 1)
		buf_printf(out, "%s%s", left == mask ? "" : between,
			   v->words[__builtin_ctz(left)]);
	if (mask == 0)
		buf_add_str(out, none);
}

static void put_number(struct buf *out, const char *name, const struct number_test *t)
{
	static const char *const signs[] = { "<", "<=", ">", ">=", "=" };

	for (unsigned left = t->has; left != 0; left &= left - 1) {
		int op = __builtin_ctz(left);

		buf_printf(out, "%s%s %s %g", left == t->has ? "" : " and ", name, signs[op],
			   t->bound[op]);
	}
}

static const char *truth(enum policy_tri t)
{
	return t == POLICY_TRUE ? "true" : "false";
}

static void describe_request_leaf(const struct cond *c, struct buf *out)
{
	switch (c->kind) {
	case COND_SCORE:
		put_number(out, "score", &c->number);
		break;
	case COND_CONFIDENCE:
		put_number(out, "confidence", &c->number);
		break;
	case COND_INPUT_TOKENS:
		put_number(out, "input_tokens", &c->number);
		break;
	case COND_BATTERY:
		put_number(out, "battery_pct", &c->number);
		break;
	case COND_INTERACTIVE:
		buf_printf(out, "interactive is %s", truth(c->flag));
		break;
	case COND_TOOLS:
		buf_printf(out, "tools is %s", truth(c->flag));
		break;
	case COND_LOCKED:
		buf_printf(out, "locked is %s", truth(c->flag));
		break;
	case COND_VPN:
		buf_printf(out, "vpn is %s", truth(c->flag));
		break;
	case COND_IDENTITY:
		buf_printf(out, "identity is at least %s", vocab_identity.words[c->mask]);
		break;
	default: /* hours */
		buf_printf(out, "time is within %02d:%02d-%02d:%02d", c->from / 60,
			   c->from % 60, c->to / 60, c->to % 60);
		break;
	}
}

struct phrase { /* "BEFORE a, b" for leaves that hold words or a mask */
	enum cond_kind kind;
	const char *before;
	const char *between; /* NULL: a mask of `vocabulary` */
	const struct vocabulary *vocabulary;
};
static const struct phrase phrases[] = {
	{ COND_APP, "app is ", " or ", NULL },
	{ COND_USER, "user is ", " or ", NULL },
	{ COND_TASK, "task is ", " or ", NULL },
	{ COND_GROUP, "group is ", " or ", NULL },
	{ COND_MODALITY, "modality has ", " or ", NULL },
	{ COND_DATA_ANY, "data has ", " or ", NULL },
	{ COND_DATA_ALL, "data has all of ", ", ", NULL },
	{ COND_DATA_NONE, "data has none of ", ", ", NULL },
	{ COND_DATA_ONLY, "data has only ", ", ", NULL },
	{ COND_DESTINATION, "destination is ", " or ", NULL },
	{ COND_REGION, "region is ", " or ", NULL },
	{ COND_POWER, "power is ", NULL, &vocab_power },
	{ COND_NETWORK, "network is ", NULL, &vocab_network },
	{ COND_THERMAL, "thermal is ", NULL, &vocab_thermal },
	{ COND_DAYS, "the day is ", NULL, &vocab_day },
	{ COND_TIER, "tier is ", NULL, &vocab_tier },
};

/* What an empty list of conditions means: all of none hold always, one of none never does. */
static const char *of_none(bool is_any)
{
	return is_any ? "never" : "always";
}

static void describe_kids(const struct cond *kids, const char *between, struct buf *out)
{
	for (const struct cond *k = kids; k != NULL; k = k->next) {
		if (k != kids)
			buf_add_str(out, between);
		describe_cond(k, out);
	}
}

void describe_cond(const struct cond *c, struct buf *out)
{
	for (size_t i = 0; i < LEN(phrases); i++) {
		if (phrases[i].kind != c->kind)
			continue;
		buf_add_str(out, phrases[i].before);
		if (phrases[i].between != NULL)
			put_list(out, &c->words, phrases[i].between);
		else
			describe_mask(phrases[i].vocabulary, c->mask, " or ", "(nothing)", out);
		return;
	}
	if ((c->kind == COND_ALL || c->kind == COND_ANY) && c->kids == NULL) {
		buf_add_str(out, of_none(c->kind == COND_ANY));
	} else if (c->kind == COND_ALL) {
		describe_kids(c->kids, " and ", out);
	} else if (c->kind == COND_ANY) {
		buf_add_char(out, '(');
		describe_kids(c->kids, " or ", out);
		buf_add_char(out, ')');
	} else if (c->kind == COND_NOT) {
		buf_add_str(out, "not (");
		describe_cond(c->kids, out);
		buf_add_char(out, ')');
	} else if (c->kind == COND_RETENTION) {
		put_number(out, "retention_days", &c->number);
	} else if (c->kind == COND_TRAINS) {
		buf_printf(out, "trains is %s", truth(c->flag));
	} else {
		describe_request_leaf(c, out);
	}
}

void describe_term(const struct policy_set *s, term t, struct buf *out)
{
	size_t i = TERM_INDEX(t);

	if (TERM_NEGATED(t))
		buf_add_str(out, "not (");
	if (TERM_KIND(t) == TERM_REQUEST) {
		describe_cond(s->req_leaves[i].cond, out);
	} else if (TERM_KIND(t) == TERM_DEST) {
		describe_cond(s->dest_leaves[i].cond, out);
	} else {
		const struct expr *x = &s->exprs[i];

		if (x->n == 0)
			buf_add_str(out, of_none(x->is_any));
		for (uint32_t k = 0; k < x->n; k++) {
			buf_add_str(out, k == 0 ? "" : x->is_any ? " or " : " and ");
			describe_term(s, s->terms[x->first + k], out);
		}
	}
	if (TERM_NEGATED(t))
		buf_add_char(out, ')');
}

/* ---------------------------------------------------------------- requests */

static void put_words(struct buf *out, const char *name, const struct policy_words *w)
{
	buf_printf(out, "  %s ", name);
	if (!w->known)
		buf_add_str(out, "unknown");
	else if (w->n == 0)
		buf_add_str(out, "none");
	for (size_t i = 0; i < w->n; i++) {
		buf_add_str(out, i == 0 ? "" : ",");
		buf_add(out, w->items[i]);
	}
}

static void put_text(struct buf *out, struct span s)
{
	buf_add(out, s.ptr != NULL ? s : SPAN_LITERAL("unknown"));
}

static void put_value(struct buf *out, const char *name, const char *format,
		      const struct policy_number *n)
{
	buf_printf(out, "  %s ", name);
	if (n->known)
		buf_printf(out, format, n->value);
	else
		buf_add_str(out, "unknown");
}

void describe_request(const struct policy_request *q, struct buf *out)
{
	buf_add_str(out, "app ");
	put_text(out, q->app);
	buf_printf(out, " (%s)  task ", policy_identity_name(q->identity));
	put_text(out, q->task);
	put_value(out, "score", "%.2f", &q->score);
	put_words(out, "data", &q->data);
	put_value(out, "tokens", "%.0f", &q->input_tokens);
	if (q->time.known)
		buf_printf(out, "  %02d:%02d %s", q->time.minute / 60, q->time.minute % 60,
			   vocab_day.words[q->time.weekday]);
	if (q->restricted)
		buf_printf(out, "  app allows %s at most", policy_tier_name(q->max_tier));
}

void describe_obligations(const struct policy_decision *d, struct buf *out)
{
	size_t start = out->len;

#define NEXT (out->len == start ? "" : "; ")
	if (d->n_redact > 0)
		buf_add_str(out, "redact");
	for (size_t i = 0; i < d->n_redact; i++)
		buf_printf(out, " %s", d->redact[i]);
	if (d->strip != 0)
		buf_printf(out, "%sstrip", NEXT);
	for (unsigned left = d->strip; left != 0; left &= left - 1)
		buf_printf(out, " %s", vocab_strip.words[__builtin_ctz(left)]);
	if (d->max_input_tokens != INT64_MAX)
		buf_printf(out, "%smax %lld input tokens", NEXT,
			   (long long)d->max_input_tokens);
	if (d->max_output_tokens != INT64_MAX)
		buf_printf(out, "%smax %lld output tokens", NEXT,
			   (long long)d->max_output_tokens);
	if (d->log != POLICY_LOG_UNSET)
		buf_printf(out, "%slog %s", NEXT, vocab_log.words[d->log - 1]);
	if (d->notify == POLICY_NOTIFY_AFTER)
		buf_printf(out, "%stell the person afterwards", NEXT);
#undef NEXT
}
