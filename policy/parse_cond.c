/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions (`when`, `unless`, and what `any`, `all`, `not` hold) into a tree of struct cond.
 *
 * One object becomes a COND_ALL whose kids are its keys; `data`, `device` and `time`, whose
 * own keys AND together as well, add one leaf per key to the same list. The JSON gate's limit
 * on depth bounds the recursion.
 */
#include <stdio.h>

#include "policy/policy_impl.h"

struct cond_target { /* what a key function appends to */
	struct cond **tail;
};

static struct cond *add(struct reader *r, struct cond_target *t, enum cond_kind kind)
{
	struct cond *c = arena_zalloc(r->arena, sizeof *c);

	if (c == NULL) {
		reader_no_memory(r);
		return NULL;
	}
	c->kind = kind;
	*t->tail = c;
	t->tail = &c->next;
	return c;
}

/* k->arg points at the kind of leaf to add. */
static enum cond_kind kind_of(const struct key *k)
{
	return *(const enum cond_kind *)k->arg;
}

#define KIND(k) (&(const enum cond_kind){ k })

static bool on_words(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && field_words(r, v, &c->words, k);
}

static bool on_flag(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && field_tri(r, v, &c->flag, k);
}

bool number_test_read(struct reader *r, const cJSON *node, struct number_test *ret)
{
	static const char *const ops[] = { "lt", "lte", "gt", "gte", "eq" };
	static const struct vocabulary vocab_op = { ops, LEN(ops) };
	static const char expected[] = "an object with lt, lte, gt, gte or eq";
	unsigned op;

	if (!cJSON_IsObject(node) || node->child == NULL)
		return reader_fail(r, node, expected, "wrong type");
	for (const cJSON *kid = node->child; kid != NULL; kid = kid->next) {
		if (!vocab_find(&vocab_op, kid->string, &op))
			return reader_fail(r, kid, "lt, lte, gt, gte or eq",
					   "unknown key \"%.60s\"", kid->string);
		if (!cJSON_IsNumber(kid))
			return reader_fail(r, kid, "a number", "wrong type");
		ret->has |= 1u << op;
		ret->bound[op] = kid->valuedouble;
	}
	return true;
}

static bool on_number(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && number_test_read(r, v, &c->number);
}

static bool on_identity(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));
	int level;

	if (c == NULL || !read_word(r, v, &vocab_condition_identity, &level))
		return false;
	c->mask = (unsigned)level + POLICY_IDENTITY_CLAIMED;
	return true;
}

static bool on_tier(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	const struct key tier = { .arg = &vocab_tier };
	struct cond *c = add(r, target, kind_of(k));
	int mask;

	if (c == NULL || !field_mask(r, v, &mask, &tier))
		return false;
	c->mask = (unsigned)mask;
	return true;
}

/* ---------------------------------------------------------------- data */

static const struct key data_keys[] = {
	{ "any", on_words, 0, KIND(COND_DATA_ANY) },
	{ "all", on_words, 0, KIND(COND_DATA_ALL) },
	{ "none", on_words, 0, KIND(COND_DATA_NONE) },
	{ "only", on_words, 0, KIND(COND_DATA_ONLY) },
};

static bool on_data(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	(void)k;
	if (!read_object(r, v, data_keys, LEN(data_keys), target))
		return false;
	if (!(v->child != NULL))
		return reader_fail(r, v, "any, all, none or only", "data says nothing");
	return true;
}

/* ---------------------------------------------------------------- device */

/* One word or a list of words; the first word of the vocabulary is "unknown" and no value. */
static bool device_words(struct reader *r, const cJSON *v, struct cond *c,
			 const struct vocabulary *all)
{
	const struct vocabulary known = { all->words + 1, all->n - 1 };
	const struct key list = { .arg = &known };
	int value;

	if (cJSON_IsArray(v)) {
		if (!field_mask(r, v, &value, &list))
			return false;
		c->mask = (unsigned)value << 1;
		return true;
	}
	if (!read_word(r, v, &known, &value))
		return false;
	c->mask = 2u << value;
	return true;
}

static bool on_power(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && device_words(r, v, c, &vocab_power);
}

static bool on_network(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && device_words(r, v, c, &vocab_network);
}

static bool on_thermal(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && device_words(r, v, c, &vocab_thermal);
}

static bool on_battery(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	if (c == NULL)
		return false;
	if (!cJSON_IsNumber(v))
		return number_test_read(r, v, &c->number);
	c->number.has = 1u << NUM_EQ;
	c->number.bound[NUM_EQ] = v->valuedouble;
	return true;
}

static const struct key device_keys[] = {
	{ "power", on_power, 0, KIND(COND_POWER) },
	{ "battery_pct", on_battery, 0, KIND(COND_BATTERY) },
	{ "network", on_network, 0, KIND(COND_NETWORK) },
	{ "thermal", on_thermal, 0, KIND(COND_THERMAL) },
	{ "locked", on_flag, 0, KIND(COND_LOCKED) },
	{ "vpn", on_flag, 0, KIND(COND_VPN) },
};

static bool on_device(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	(void)k;
	return read_object(r, v, device_keys, LEN(device_keys), target);
}

/* ---------------------------------------------------------------- time */

static bool on_days(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	const struct key days = { .arg = &vocab_day };
	struct cond *c = add(r, target, kind_of(k));
	int mask;

	if (c == NULL || !field_mask(r, v, &mask, &days))
		return false;
	c->mask = (unsigned)mask;
	return true;
}

/* "HH:MM" at p, up to 24:00, into minutes; UNSTATED when it is anything else. */
static int minutes_at(const char *p)
{
	for (int i = 0; i < 5; i++) {
		bool digit = p[i] >= '0' && p[i] <= '9';

		if (i == 2 ? p[i] != ':' : !digit)
			return UNSTATED;
	}
	int hour = (p[0] - '0') * 10 + (p[1] - '0');
	int minute = (p[3] - '0') * 10 + (p[4] - '0');

	return minute > 59 || hour * 60 + minute > 24 * 60 ? UNSTATED : hour * 60 + minute;
}

static bool on_hours(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));
	int from = UNSTATED, to = UNSTATED;

	if (c == NULL)
		return false;
	if (cJSON_IsString(v) && strlen(v->valuestring) == 11 && v->valuestring[5] == '-') {
		from = minutes_at(v->valuestring);
		to = minutes_at(v->valuestring + 6);
	}
	if (from < 0 || to < 0)
		return reader_fail(r, v,
				   "hours such as \"08:00-18:30\", which may wrap midnight",
				   "not a span of hours");
	c->from = (int16_t)from;
	c->to = (int16_t)to;
	return true;
}

static const struct key time_keys[] = {
	{ "days", on_days, 0, KIND(COND_DAYS) },
	{ "hours", on_hours, 0, KIND(COND_HOURS) },
};

/* A `time` without keys holds at any time, but only when the time is known. */
static bool on_time(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	(void)k;
	if (cJSON_IsObject(v) && v->child == NULL) {
		struct cond *any_day = add(r, target, COND_DAYS);

		if (any_day == NULL)
			return false;
		any_day->mask = (1u << vocab_day.n) - 1;
	}
	return read_object(r, v, time_keys, LEN(time_keys), target);
}

/* ---------------------------------------------------------------- composition */

static bool on_not(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));

	return c != NULL && cond_read(r, v, &c->kids);
}

static bool on_list(struct reader *r, const cJSON *v, void *target, const struct key *k)
{
	struct cond *c = add(r, target, kind_of(k));
	size_t n;

	if (c == NULL || !read_is_array(r, v, LIST_MAX_ITEMS, &n))
		return false;
	struct cond **tail = &c->kids;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		if (!cond_read(r, kid, tail))
			return false;
		tail = &(*tail)->next;
	}
	return true;
}

static const struct key cond_keys[] = {
	{ "app", on_words, 0, KIND(COND_APP) },
	{ "identity", on_identity, 0, KIND(COND_IDENTITY) },
	{ "user", on_words, 0, KIND(COND_USER) },
	{ "group", on_words, 0, KIND(COND_GROUP) },
	{ "interactive", on_flag, 0, KIND(COND_INTERACTIVE) },
	{ "task", on_words, 0, KIND(COND_TASK) },
	WHOLE("data", on_data),
	{ "score", on_number, 0, KIND(COND_SCORE) },
	{ "confidence", on_number, 0, KIND(COND_CONFIDENCE) },
	{ "input_tokens", on_number, 0, KIND(COND_INPUT_TOKENS) },
	{ "modality", on_words, 0, KIND(COND_MODALITY) },
	{ "tools", on_flag, 0, KIND(COND_TOOLS) },
	{ "tier", on_tier, 0, KIND(COND_TIER) },
	{ "destination", on_words, 0, KIND(COND_DESTINATION) },
	{ "region", on_words, 0, KIND(COND_REGION) },
	{ "retention_days", on_number, 0, KIND(COND_RETENTION) },
	{ "trains", on_flag, 0, KIND(COND_TRAINS) },
	WHOLE("device", on_device),
	WHOLE("time", on_time),
	{ "any", on_list, 0, KIND(COND_ANY) },
	{ "all", on_list, 0, KIND(COND_ALL) },
	{ "not", on_not, 0, KIND(COND_NOT) },
};

bool cond_read(struct reader *r, const cJSON *node, struct cond **ret)
{
	struct cond *all = arena_zalloc(r->arena, sizeof *all); /* COND_ALL is 0 */
	struct cond_target target;

	if (all == NULL)
		return reader_no_memory(r);
	target.tail = &all->kids;
	*ret = all;
	return read_object(r, node, cond_keys, LEN(cond_keys), &target);
}
