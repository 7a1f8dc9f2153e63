/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdict, reasons and obligations for one request at one destination.
 *
 *   leaf values (Kleene, worked out once per request, when first asked for)
 *     -> hits of each layer's live rules
 *       -> ceiling:    the strictest of vendor_mandatory and mandatory
 *          preference: the nearest of user, recommended, vendor with a certain hit; else the
 *                      nearest stated default; else, when no ceiling spoke, the built-in one
 *         -> the stricter of the two, then the app's own limit
 *
 * Invariants
 *   1. Nothing here allocates, and every request gets a verdict at every destination.
 *   2. A certain hit decides; an uncertain one (something was unknown) may only tighten, and
 *      never keeps a layer further away from being heard.
 *   3. A denial carries no obligations.
 */
#include "policy/policy_impl.h"

/* ---------------------------------------------------------------- leaves */

static int from_bool(bool b)
{
	return b ? KL_TRUE : KL_FALSE;
}

static int tri_value(enum policy_tri have, enum policy_tri want)
{
	return have == POLICY_UNKNOWN ? KL_UNKNOWN : from_bool(have == want);
}

static int number_value(const struct number_test *t, bool known, double v)
{
	if (!known)
		return KL_UNKNOWN;
	if ((t->has & 1u << NUM_LT) && !(v < t->bound[NUM_LT]))
		return KL_FALSE;
	if ((t->has & 1u << NUM_LTE) && !(v <= t->bound[NUM_LTE]))
		return KL_FALSE;
	if ((t->has & 1u << NUM_GT) && !(v > t->bound[NUM_GT]))
		return KL_FALSE;
	if ((t->has & 1u << NUM_GTE) && !(v >= t->bound[NUM_GTE]))
		return KL_FALSE;
	return from_bool((t->has & 1u << NUM_EQ) == 0 || v == t->bound[NUM_EQ]);
}

static int globs_value(const struct leaf *l, struct span v)
{
	if (v.ptr == NULL)
		return KL_UNKNOWN;
	for (uint32_t i = 0; i < l->n; i++) {
		if (glob_match(&l->globs[i], v))
			return KL_TRUE;
	}
	return KL_FALSE;
}

static int member_value(const struct words *list, const struct policy_words *have)
{
	if (!have->known)
		return KL_UNKNOWN;
	for (size_t i = 0; i < have->n; i++) {
		for (size_t w = 0; w < list->n; w++) {
			if (span_is(have->items[i], list->items[w]))
				return KL_TRUE;
		}
	}
	return KL_FALSE;
}

/* `have` is an enum whose 0 is unknown, `mask` the values that are wanted. */
static int mask_value(unsigned mask, unsigned have)
{
	return have == 0 ? KL_UNKNOWN : from_bool(mask >> have & 1);
}

static bool within_hours(const struct cond *c, int minute)
{
	if (c->from < c->to)
		return c->from <= minute && minute < c->to;
	return minute >= c->from || minute < c->to;
}

static int time_value(const struct cond *c, const struct policy_request *q)
{
	if (!q->time.known)
		return KL_UNKNOWN;
	if (c->kind == COND_DAYS)
		return from_bool(c->mask >> q->time.weekday & 1);
	return from_bool(within_hours(c, q->time.minute));
}

static int identity_value(const struct cond *c, const struct policy_request *q)
{
	if (q->identity == POLICY_IDENTITY_UNKNOWN)
		return KL_UNKNOWN;
	return from_bool((unsigned)q->identity >= c->mask);
}

int leaf_value(struct policy_set *s, const struct policy_request *q, const struct leaf *l)
{
	const struct cond *c = l->cond;

	switch (c->kind) {
	case COND_APP:
		return globs_value(l, q->app);
	case COND_USER:
		return globs_value(l, q->user);
	case COND_TASK:
		return globs_value(l, q->task);
	case COND_GROUP:
		return member_value(&c->words, &q->groups);
	case COND_MODALITY:
		return member_value(&c->words, &q->modality);
	case COND_IDENTITY:
		return identity_value(c, q);
	case COND_INTERACTIVE:
		return tri_value(q->interactive, c->flag);
	case COND_TOOLS:
		return tri_value(q->tools, c->flag);
	case COND_SCORE:
		return number_value(&c->number, q->score.known, q->score.value);
	case COND_CONFIDENCE:
		return number_value(&c->number, q->confidence.known, q->confidence.value);
	case COND_INPUT_TOKENS:
		return number_value(&c->number, q->input_tokens.known, q->input_tokens.value);
	case COND_BATTERY:
		return number_value(&c->number, q->device.battery_pct.known,
				    q->device.battery_pct.value);
	case COND_POWER:
		return mask_value(c->mask, q->device.power);
	case COND_NETWORK:
		return mask_value(c->mask, q->device.network);
	case COND_THERMAL:
		return mask_value(c->mask, q->device.thermal);
	case COND_LOCKED:
		return tri_value(q->device.locked, c->flag);
	case COND_VPN:
		return tri_value(q->device.vpn, c->flag);
	case COND_DAYS:
	case COND_HOURS:
		return time_value(c, q);
	default:
		return data_value(s, q, l);
	}
}

int dest_leaf_value(const struct leaf *l, const struct policy_destination *d)
{
	const struct cond *c = l->cond;

	switch (c->kind) {
	case COND_TIER:
		return from_bool(c->mask >> d->tier & 1);
	case COND_DESTINATION:
		return globs_value(l, span_of(d->name));
	case COND_REGION:
		return globs_value(l, span_of(d->region));
	case COND_RETENTION:
		return number_value(&c->number, d->retention_days >= 0,
				    (double)d->retention_days);
	default: /* trains */
		return tri_value(d->trains, c->flag);
	}
}

/* ---------------------------------------------------------------- terms */

static int expr_value(struct policy_set *s, const struct policy_request *q, const uint8_t *dest,
		      const struct expr *x)
{
	int winner = x->is_any ? KL_TRUE : KL_FALSE;
	int v = KL_TRUE - winner;

	for (uint32_t i = 0; i < x->n; i++) {
		int kid = term_value(s, q, dest, s->terms[x->first + i]);

		if (kid == winner)
			return winner;
		if (kid == KL_UNKNOWN)
			v = KL_UNKNOWN;
	}
	return v;
}

int term_value(struct policy_set *s, const struct policy_request *q, const uint8_t *dest,
	       term t)
{
	size_t i = TERM_INDEX(t);
	int v;

	if (TERM_KIND(t) == TERM_REQUEST) {
		v = s->scratch.values[i];
		if (v == KL_UNSET) {
			v = leaf_value(s, q, &s->req_leaves[i]);
			s->scratch.values[i] = (uint8_t)v;
		}
	} else if (TERM_KIND(t) == TERM_DEST) {
		v = dest[i];
	} else {
		v = expr_value(s, q, dest, &s->exprs[i]);
	}
	return TERM_NEGATED(t) ? KL_TRUE - v : v;
}

/* The value of a request leaf that has been asked for before, without a call; KL_UNSET for
 * everything else. */
static inline int known_value(const struct policy_set *s, term t)
{
	int v = TERM_KIND(t) == TERM_REQUEST ? s->scratch.values[TERM_INDEX(t)] : KL_UNSET;

	return v != KL_UNSET && TERM_NEGATED(t) ? KL_TRUE - v : v;
}

/* ---------------------------------------------------------------- one layer */

static int stricter(int a, int b)
{
	return a > b ? a : b;
}

struct opinion {
	int explicit;  /* strictest certain hit, or UNSTATED */
	int uncertain; /* strictest uncertain hit, or UNSTATED */
	int stated;    /* the default, or UNSTATED */
	struct hit *hits;
	size_t n;
};

static struct opinion layer_opinion(struct policy_set *s, const struct policy_request *q,
				    size_t d, enum policy_layer layer)
{
	const struct live_list *list = &s->live[d * POLICY_LAYERS + layer];
	const uint8_t *dest = s->dest_values + d * s->n_dest_leaves;
	struct opinion o = { UNSTATED, UNSTATED,
			     s->defaults[layer][s->destinations[d].tier].verdict,
			     s->scratch.hits, 0 };

	for (uint32_t i = 0; i < list->n; i++) {
		const struct live *r = &list->items[i];
		const term *t = list->terms + r->first_term;
		int v = r->start;

		for (uint32_t k = 0; k < r->n_terms && v != KL_FALSE; k++) {
			int x = known_value(s, t[k]);

			if (x == KL_UNSET)
				x = term_value(s, q, dest, t[k]);
			v = x < v ? x : v;
		}
		if (v == KL_FALSE || (v == KL_UNKNOWN && r->effect == POLICY_ALLOW))
			continue;
		o.hits[o.n++] = (struct hit){ r->rule, r->effect, v == KL_UNKNOWN };
		if (v == KL_TRUE)
			o.explicit = stricter(o.explicit, r->effect);
		else
			o.uncertain = stricter(o.uncertain, r->effect);
	}
	for (size_t i = 0; s->scratch.cover && i < o.n; i++)
		s->scratch.covered[o.hits[i].rule] = true;
	return o;
}

/* ---------------------------------------------------------------- reasons */

enum reason_kind {
	REASON_RULE,
	REASON_DEFAULT, /* index: layer * TIERS + tier */
	REASON_BUILTIN_DEFAULT,
	REASON_OFFLINE,
	REASON_LOCKDOWN,
	REASON_APP,
};
#define REASON(kind, uncertain, index)                                                         \
	((uint32_t)(kind) << 28 | (uint32_t)(uncertain) << 27 | (uint32_t)(index))
/* Of the other kinds nothing is uncertain. */
#define REASON_CERTAIN(kind, index) REASON(kind, 0, index)
#define REASON_BUILTIN(kind)        REASON_CERTAIN(kind, 0)
#define REASON_KIND(r)              ((r) >> 28)
#define REASON_UNCERTAIN(r)         ((r) >> 27 & 1)
#define REASON_INDEX(r)             ((r)&0x7ffffffu)

static void because_hits(struct policy_decision *ret, const struct opinion *o, int verdict)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->hits[i].effect == verdict)
			ret->by[ret->n_by++] =
				REASON(REASON_RULE, o->hits[i].uncertain, o->hits[i].rule);
	}
}

static void because_default(const struct policy_set *s, struct policy_decision *ret,
			    enum policy_layer layer, size_t d)
{
	ret->by[ret->n_by++] =
		REASON_CERTAIN(REASON_DEFAULT, layer * TIERS + s->destinations[d].tier);
}

static bool same_name(const struct policy_set *s, uint32_t a, uint32_t b)
{
	if (REASON_KIND(a) != REASON_RULE || REASON_KIND(b) != REASON_RULE)
		return a == b;
	return REASON_UNCERTAIN(a) == REASON_UNCERTAIN(b) &&
	       strcmp(s->rules[REASON_INDEX(a)].rule->id, s->rules[REASON_INDEX(b)].rule->id) ==
		       0;
}

/* Moves the reasons behind the first `n` in front when `alone`, else keeps those whose name
 * is not among the first n yet. */
static void join_reasons(const struct policy_set *s, struct policy_decision *ret, size_t n,
			 bool alone)
{
	size_t kept = alone ? 0 : n;

	for (size_t i = n; i < ret->n_by; i++) {
		bool known = false;

		for (size_t k = 0; k < n && !alone && !known; k++)
			known = same_name(s, ret->by[k], ret->by[i]);
		if (!known)
			ret->by[kept++] = ret->by[i];
	}
	ret->n_by = kept;
}

/* ---------------------------------------------------------------- obligations */

/* Of a prohibition it does not matter: the verdict is to deny then, which carries none. */
static void oblige(struct policy_set *s, struct policy_decision *ret, const struct hit *h)
{
	const struct crule *c = &s->rules[h->rule];
	const struct rule *r = c->rule;

	for (uint32_t i = 0; i < c->n_redact; i++)
		s->scratch.redact[c->redact[i] / 64] |= UINT64_C(1) << (c->redact[i] % 64);
	if (r->strip != UNSTATED)
		ret->strip |= (unsigned)r->strip;
	if (r->max_input_tokens < ret->max_input_tokens)
		ret->max_input_tokens = r->max_input_tokens;
	if (r->max_output_tokens < ret->max_output_tokens)
		ret->max_output_tokens = r->max_output_tokens;
	ret->log = (enum policy_log)stricter((int)ret->log, r->log + 1);
	ret->notify = (enum policy_notify)stricter((int)ret->notify, r->notify + 1);
}

static void obligations_clear(struct policy_set *s, struct policy_decision *ret)
{
	memset(s->scratch.redact, 0, bit_words(s->n_redacts) * sizeof *s->scratch.redact);
	ret->n_redact = 0;
	ret->strip = 0;
	ret->max_input_tokens = ret->max_output_tokens = INT64_MAX;
	ret->log = POLICY_LOG_UNSET;
	ret->notify = POLICY_NOTIFY_UNSET;
}

static void redacts_list(const struct policy_set *s, struct policy_decision *ret)
{
	for (size_t w = 0; w < bit_words(s->n_redacts); w++) {
		for (uint64_t bits = s->scratch.redact[w]; bits != 0; bits &= bits - 1)
			ret->redact[ret->n_redact++] =
				s->redacts[w * 64 + (size_t)__builtin_ctzll(bits)];
	}
}

/* ---------------------------------------------------------------- the whole */

/* The ceilings' verdict so far in *final; true when one of them stated a verdict. They are
 * heard whatever layers take part. */
static bool ceilings(struct policy_set *s, const struct policy_request *q, size_t d,
		     struct policy_decision *ret, int *final)
{
	bool spoke = false;

	for (int layer = POLICY_VENDOR_MANDATORY; layer <= POLICY_MANDATORY; layer++) {
		struct opinion o = layer_opinion(s, q, d, (enum policy_layer)layer);
		int base = o.explicit >= 0 ? o.explicit : o.stated;
		int v = stricter(base, o.uncertain);
		size_t before = ret->n_by;

		for (size_t i = 0; i < o.n; i++)
			oblige(s, ret, &o.hits[i]);
		spoke |= base >= 0;
		if (v < *final) /* also when it says nothing */
			continue;
		because_hits(ret, &o, v);
		if (ret->n_by == before)
			because_default(s, ret, (enum policy_layer)layer, d);
		if (v > *final)
			join_reasons(s, ret, before, true);
		*final = v;
	}
	return spoke;
}

static const enum policy_layer nearest[] = { POLICY_USER, POLICY_RECOMMENDED, POLICY_VENDOR };

/* The nearest default, else the built-in one unless a ceiling spoke. */
static int preference_default(const struct policy_set *s, size_t d, unsigned layers,
			      bool ceiling_spoke, struct policy_decision *ret)
{
	static const int builtin[TIERS] = { POLICY_ALLOW, POLICY_ASK, POLICY_DENY };
	enum policy_tier tier = s->destinations[d].tier;

	for (size_t i = 0; i < LEN(nearest); i++) {
		int v = s->defaults[nearest[i]][tier].verdict;

		if ((layers >> nearest[i] & 1) && v != UNSTATED) {
			because_default(s, ret, nearest[i], d);
			return v;
		}
	}
	if (ceiling_spoke)
		return POLICY_ALLOW;
	ret->by[ret->n_by++] = REASON_BUILTIN(REASON_BUILTIN_DEFAULT);
	return builtin[tier];
}

/* Reasons are appended to what the ceilings left in ret->by. A layer passed on the way has no
 * certain grant, so what it obliges to comes from requirements and uncertain questions. */
static int preference(struct policy_set *s, const struct policy_request *q, size_t d,
		      unsigned layers, bool ceiling_spoke, struct policy_decision *ret)
{
	size_t start = ret->n_by;
	int tight = UNSTATED, v = UNSTATED;

	for (size_t i = 0; i < LEN(nearest) && v < 0; i++) {
		if ((layers >> nearest[i] & 1) == 0)
			continue;
		struct opinion o = layer_opinion(s, q, d, nearest[i]);

		if (o.uncertain > tight) {
			tight = o.uncertain;
			ret->n_by = start;
			because_hits(ret, &o, tight);
		}
		for (size_t h = 0; h < o.n; h++)
			oblige(s, ret, &o.hits[h]);
		if (o.explicit >= 0) {
			v = o.explicit;
			if (v >= tight) {
				ret->n_by = start;
				because_hits(ret, &o, v);
			}
		}
	}
	if (v < 0) {
		size_t mark = ret->n_by;

		v = preference_default(s, d, layers, ceiling_spoke, ret);
		if (v < tight) {
			ret->n_by = mark;
		} else {
			ret->by[start] = ret->by[mark]; /* there is one at most */
			ret->n_by -= mark - start;
		}
	}
	return stricter(v, tight);
}

static void deny_because(struct policy_decision *ret, enum reason_kind kind)
{
	ret->verdict = POLICY_DENY;
	ret->by[0] = REASON_BUILTIN(kind);
	ret->n_by = 1;
}

void decide_begin(struct policy_set *s, const struct policy_request *q)
{
	memset(s->scratch.values, KL_UNSET, s->n_req_leaves);
	data_begin(s, q);
}

void decide_one(struct policy_set *s, const struct policy_request *q, size_t d, unsigned layers,
		struct policy_decision *ret)
{
	enum policy_tier tier = s->destinations[d].tier;
	int final = POLICY_ALLOW;

	ret->n_by = 0;
	obligations_clear(s, ret);
	if (tier != POLICY_TIER_DEVICE && s->lockdown) {
		deny_because(ret, REASON_LOCKDOWN);
		return;
	}
	if (tier != POLICY_TIER_DEVICE && q->device.network == POLICY_NETWORK_OFFLINE) {
		deny_because(ret, REASON_OFFLINE);
		return;
	}
	bool spoke = ceilings(s, q, d, ret, &final);
	size_t n = ret->n_by;
	int wish = preference(s, q, d, layers, spoke, ret);

	if (wish < final)
		ret->n_by = n;
	else
		join_reasons(s, ret, n, wish > final);
	final = stricter(final, wish);
	ret->verdict = (enum policy_verdict) final;
	if (q->restricted && tier > q->max_tier)
		deny_because(ret, REASON_APP);
	if (ret->verdict == POLICY_DENY)
		obligations_clear(s, ret);
	redacts_list(s, ret);
}

void policy_decide(struct policy_set *s, const struct policy_request *q, size_t destination,
		   struct policy_decision *ret)
{
	decide_begin(s, q);
	decide_one(s, q, destination, s->layers, ret);
}

void policy_decide_all(struct policy_set *s, const struct policy_request *q,
		       struct policy_decision *ret)
{
	decide_begin(s, q);
	for (size_t d = 0; d < s->n_destinations; d++)
		decide_one(s, q, d, s->layers, &ret[d]);
}

/* ---------------------------------------------------------------- the result */

struct policy_decision *policy_decisions_new(const struct policy_set *s, size_t n,
					     struct arena *arena)
{
	struct policy_decision *d = arena_array(arena, n, sizeof *d);

	for (size_t i = 0; d != NULL && i < n; i++) {
		/* Each rule once, and a default for each layer, or the built-in one. */
		d[i].by = arena_array(arena, s->n_rules + POLICY_LAYERS, sizeof *d[i].by);
		d[i].redact = arena_array(arena, s->n_redacts, sizeof *d[i].redact);
		if (d[i].by == NULL || d[i].redact == NULL)
			return NULL;
	}
	return d;
}

struct policy_reason policy_decision_reason(const struct policy_set *s,
					    const struct policy_decision *d, size_t i)
{
	static const char *const defaults[POLICY_LAYERS] = {
		"vendor_mandatory:default", "mandatory:default", "vendor:default",
		"recommended:default", "user:default"
	};
	static const char *const builtin[] = {
		[REASON_BUILTIN_DEFAULT] = "builtin:default",
		[REASON_OFFLINE] = "builtin:offline",
		[REASON_LOCKDOWN] = "builtin:lockdown",
		[REASON_APP] = "app:max_tier",
	};
	uint32_t r = d->by[i], index = REASON_INDEX(r);

	if (REASON_KIND(r) == REASON_OFFLINE)
		return (struct policy_reason){ .id = builtin[REASON_OFFLINE],
					       .because = "this machine is offline" };
	if (REASON_KIND(r) == REASON_RULE) {
		const struct crule *c = &s->rules[index];

		return (struct policy_reason){ c->rule->id, REASON_UNCERTAIN(r),
					       c->file->info.name, c->rule->because,
					       c->rule->line };
	}
	if (REASON_KIND(r) == REASON_DEFAULT) {
		const struct set_default *x = &s->defaults[index / TIERS][index % TIERS];

		return (struct policy_reason){ .id = defaults[index / TIERS],
					       .file = s->files[x->file]->info.name };
	}
	return (struct policy_reason){ .id = builtin[REASON_KIND(r)],
				       .because = REASON_KIND(r) == REASON_LOCKDOWN ? s->reason
										    : NULL };
}

void policy_decision_write(const struct policy_set *s, const struct policy_decision *d,
			   struct buf *out)
{
	buf_printf(out, "{\"verdict\":\"%s\",\"by\":[", policy_verdict_name(d->verdict));
	for (size_t i = 0; i < d->n_by; i++) {
		struct policy_reason r = policy_decision_reason(s, d, i);

		buf_printf(out, "%s\"%s%s\"", i > 0 ? "," : "", r.id, r.uncertain ? "?" : "");
	}
	buf_add_str(out, "],\"redact\":[");
	for (size_t i = 0; i < d->n_redact; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_put_string(out, span_of(d->redact[i]));
	}
	buf_add_str(out, "],\"strip\":[");
	for (unsigned left = d->strip; left != 0; left &= left - 1)
		buf_printf(out, "%s\"%s\"", left == d->strip ? "" : ",",
			   vocab_strip.words[__builtin_ctz(left)]);
	buf_add_str(out, "]}");
}
