/* SPDX-License-Identifier: Apache-2.0 */
/* Names, and where requests are planned to go, with the real policy library. */
#include "tests/unit/router_policy.h"

/* ---------------------------------------------------------------- names */

#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void names(void **state)
{
	static const struct {
		const char *name;
		bool known;
		enum want_kind kind;
		const char *model;
	} rows[] = {
		{ "auto", true, WANT_AUTO, "" },
		{ "local", true, WANT_LOCAL, "" },
		{ "local/tiny", true, WANT_LOCAL, "tiny" },
		{ "cloud", true, WANT_CLOUD, "" },
		{ "far", true, WANT_DESTINATION, "" },
		{ "far/big", true, WANT_DESTINATION, "big" },
		{ "bare/anything", true, WANT_DESTINATION, "anything" },
		{ "", false, WANT_AUTO, "" },
		{ "/", false, WANT_AUTO, "" },
		{ "auto/", false, WANT_AUTO, "" },
		{ "auto/x", false, WANT_AUTO, "" },
		{ "local/", false, WANT_AUTO, "" },
		{ "local/none", false, WANT_AUTO, "" },
		{ "local/tiny" LONG, false, WANT_AUTO, "" },
		{ "local/far", false, WANT_AUTO, "" },
		{ "cloud/big", false, WANT_AUTO, "" },
		{ "far/", false, WANT_AUTO, "" },
		{ "far/none", false, WANT_AUTO, "" },
		{ "far/big/x", false, WANT_AUTO, "" },
		{ "Far", false, WANT_AUTO, "" },
		{ "tiny", false, WANT_AUTO, "" },
		{ "big", false, WANT_AUTO, "" },
		{ "tiny:cloud", false, WANT_AUTO, "" },
		{ "gpt-4o", false, WANT_AUTO, "" },
	};
	struct policy_set *s = set_of(POLICY(FAR "," BARE, ""));

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct want w;
		bool known = decide_want(s, &list, span_of(rows[i].name), &w);

		CHECK(known == rows[i].known, rows[i].name);
		if (!known)
			continue;
		CHECK(w.kind == rows[i].kind, rows[i].name);
		CHECK(span_is(w.model, rows[i].model), rows[i].name);
	}
	policy_set_free(s);
}

/* ---------------------------------------------------------------- plans */

struct facts_row {
	const char *name;
	const char *policy;
	const char *model;
	double score;
	uint32_t tokens;
	bool images;
	enum plan_kind kind;
	const char *destination; /* of PLAN_ASK */
	const char *asked_model;
	bool local_possible;
};

static const struct facts_row plans[] = {
	{ "an easy prompt stays", POLICY(FAR, ""), "auto", 0.2, 10, false, PLAN_LOCAL, 0, 0,
	  0 },
	{ "a score at the limit asks", POLICY(FAR, ""), "auto", 0.62, 10, false, PLAN_ASK,
	  "far", "big", true },
	{ "a score just below stays", POLICY(FAR, ""), "auto", 0.6199, 10, false, PLAN_LOCAL, 0,
	  0, 0 },
	{ "trusted comes before cloud", POLICY(FAR "," HOME, ""), "auto", 0.9, 10, false,
	  PLAN_ASK, "home", "h1", true },
	{ "unless the policy prefers cloud",
	  POLICY(FAR "," HOME, ",\"routing\":{\"prefer\":[\"cloud\",\"trusted\"]}"), "auto",
	  0.9, 10, false, PLAN_ASK, "far", "big", true },
	{ "the cheaper of one tier", POLICY(FAR "," CHEAP, ""), "auto", 0.9, 10, false,
	  PLAN_ASK, "cheap", "c1", true },
	{ "a denied one is passed over",
	  POLICY(FAR "," CHEAP, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\","
				"\"when\":{\"destination\":[\"cheap\"]}}]"),
	  "auto", 0.9, 10, false, PLAN_ASK, "far", "big", true },
	{ "one over its token limit is passed over",
	  POLICY(FAR "," CHEAP,
		 ",\"rules\":[{\"id\":\"r\",\"effect\":\"ask\","
		 "\"when\":{\"destination\":[\"cheap\"]},\"with\":{\"max_input_tokens\":5}}]"),
	  "auto", 0.9, 10, false, PLAN_ASK, "far", "big", true },
	{ "nothing permitted: the device does what it can",
	  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"), "auto", 0.9, 10,
	  false, PLAN_LOCAL, 0, 0, 0 },
	{ "too long for the device asks", POLICY(FAR, ""), "auto", 0.1, 4000, false, PLAN_ASK,
	  "far", "big", true },
	{ "images ask, and the device cannot step in", POLICY(FAR, ""), "auto", 0.1, 10, true,
	  PLAN_ASK, "far", "big", false },
	{ "local is local however hard", POLICY(FAR, ""), "local", 0.99, 10, false, PLAN_LOCAL,
	  0, 0, 0 },
	{ "a named one gets no other", POLICY(FAR, ""), "far/small", 0.1, 10, false, PLAN_ASK,
	  "far", "small", false },
	{ "a named one that is denied is refused",
	  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"), "far", 0.1, 10,
	  false, PLAN_REFUSE, 0, 0, 0 },
	{ "cloud, all denied",
	  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"), "cloud", 0.1,
	  10, false, PLAN_REFUSE, 0, 0, 0 },
	{ "one without models cannot be chosen by itself", POLICY(BARE, ""), "auto", 0.9, 10,
	  false, PLAN_LOCAL, 0, 0, 0 },
	{ "but with a model's name", POLICY(BARE, ""), "bare/m", 0.1, 10, false, PLAN_ASK,
	  "bare", "m", false },
	{ "no destination at all", "{\"hither_policy\":1,\"id\":\"t\"}", "auto", 0.9, 10, false,
	  PLAN_LOCAL, 0, 0, 0 },
	{ "cloud, when there is none", "{\"hither_policy\":1,\"id\":\"t\"}", "cloud", 0.9, 10,
	  false, PLAN_REFUSE, 0, 0, 0 },
	{ "the device denied and nothing else",
	  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\"}]"), "auto", 0.1, 10,
	  false, PLAN_REFUSE, 0, 0, 0 },
	{ "the device denied and nothing else, too hard for it anyway",
	  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\"}]"), "auto", 0.9, 10,
	  false, PLAN_REFUSE, 0, 0, 0 },
	{ "the device denied, far asked",
	  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"tier\":["
		      "\"device\"]}}]"),
	  "auto", 0.1, 10, false, PLAN_ASK, "far", "big", false },
};

static const struct {
	const char *began; /* where the tool calls began that it goes on with */
	struct facts_row row;
} runs[] = {
	{ "far",
	  { "tool calls stay elsewhere however easy", POLICY(FAR "," CHEAP, ""), "auto", 0.1,
	    10, false, PLAN_ASK, "far", "big", true } },
	{ "local",
	  { "tool calls stay here however hard", POLICY(FAR, ""), "auto", 0.99, 10, false,
	    PLAN_LOCAL, 0, 0, 0 } },
	{ "local",
	  { "unless they are too long by now", POLICY(FAR, ""), "auto", 0.1, 4000, false,
	    PLAN_ASK, "far", "big", true } },
	{ "local",
	  { "or come with a picture", POLICY(FAR, ""), "auto", 0.1, 10, true, PLAN_ASK, "far",
	    "big", false } },
	{ "far",
	  { "or the policy has changed its mind",
	    POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"), "auto", 0.1,
	    10, false, PLAN_LOCAL, 0, 0, 0 } },
	{ "far",
	  { "then the score counts again",
	    POLICY(FAR "," CHEAP, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\","
				  "\"when\":{\"destination\":[\"far\"]}}]"),
	    "auto", 0.9, 10, false, PLAN_ASK, "cheap", "c1", true } },
};

static void one_plan(const struct facts_row *row, const char *began)
{
	struct policy_set *s = set_of(row->policy);
	struct arena *a = arena_new("test", 1 << 20);
	struct policy_decision *v = policy_decisions_new(s, policy_destinations(s), a);
	struct policy_request q;
	struct want w;
	struct plan p;

	policy_request_base(&q);
	q.data = (struct policy_words){ .known = true };
	q.score = (struct policy_number){ true, row->score };
	q.input_tokens = (struct policy_number){ true, row->tokens };
	policy_decide_all(s, &q, v);
	CHECK(decide_want(s, &list, span_of(row->model), &w), row->name);
	struct decide_input in = { .set = s,
				   .want = &w,
				   .verdicts = v,
				   .score = row->score,
				   .threshold_pm = 620,
				   .input_tokens = row->tokens,
				   .context_tokens = 2048,
				   .beyond_text = row->images };
	if (began != NULL)
		in.goes_on = policy_destination_find(s, span_of(began), &in.began);
	decide_plan(&in, &p);
	CHECK(p.kind == row->kind, row->name);
	CHECK(p.reasons[0][0] != '\0', row->name);
	/* The first reason of a refusal is what the program is told. */
	CHECK(p.kind != PLAN_REFUSE || strstr(p.reasons[0], "denied") != NULL ||
		      strstr(p.reasons[0], "no destination") != NULL,
	      p.reasons[0]);
	if (p.kind == PLAN_ASK) {
		CHECK(strcmp(policy_destination(s, p.destination)->name, row->destination) == 0,
		      row->name);
		CHECK(span_is(p.model, row->asked_model), row->name);
		CHECK(p.local_possible == row->local_possible, row->name);
	}
	/* The short way to the device may only say what the long way says. */
	if (decide_is_local(&in, v[DECIDE_LOCAL].verdict))
		CHECK(p.kind == PLAN_LOCAL, row->name);
	arena_free(a);
	policy_set_free(s);
}

static void plan_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(plans); i++)
		one_plan(&plans[i], NULL);
	for (size_t i = 0; i < LEN(runs); i++)
		one_plan(&runs[i].row, runs[i].began);
}

/* The score and the limit that it was held against, with two digits each. */
static void the_reason_has_both_numbers(void **state)
{
	static const struct {
		double score;
		uint16_t threshold_pm;
		const char *said;
	} rows[] = {
		{ 0.3, 620, "(0.30, limit 0.62)" },
		{ 0, 620, "(0.00, limit 0.62)" },
		{ 0.99, 1000, "(0.99, limit 1.00)" },
		{ 0.999, 1000, "(1.00, limit 1.00)" }, /* as near as two digits say */
		{ 0.05, 70, "(0.05, limit 0.07)" },
	};
	struct policy_set *s = set_of(POLICY(FAR, ""));

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct policy_decision *v = policy_decisions_new(s, policy_destinations(s), a);
		struct policy_request q;
		struct want w;
		struct plan p;

		policy_request_base(&q);
		policy_decide_all(s, &q, v);
		CHECK(decide_want(s, &list, span_of("auto"), &w), rows[i].said);
		const struct decide_input in = { .set = s,
						 .want = &w,
						 .verdicts = v,
						 .score = rows[i].score,
						 .threshold_pm = rows[i].threshold_pm,
						 .input_tokens = 10,
						 .context_tokens = 2048 };
		decide_plan(&in, &p);
		CHECK(p.kind == PLAN_LOCAL, rows[i].said);
		CHECK(strstr(p.reasons[0], rows[i].said) != NULL, p.reasons[0]);
		arena_free(a);
	}
	policy_set_free(s);
}

static void reasons_are_bounded(void **state)
{
	struct plan p = { 0 };

	(void)state;
	plan_reason(&p, "x");
	plan_reason(&p, "y");
	CHECK(strcmp(p.reasons[0], "x") == 0 && strcmp(p.reasons[1], "y") == 0, "in turn");
	p = (struct plan){ 0 };
	for (int i = 0; i < 10; i++)
		plan_reason(&p, "%0400d", i);
	for (size_t i = 0; i < PLAN_REASONS; i++)
		CHECK(strlen(p.reasons[i]) == PLAN_REASON_BYTES - 1, "cut, not overrun");
}

static void costs(void **state)
{
	struct policy_set *s = set_of(POLICY(FAR "," HOME, ""));
	size_t far, home;

	(void)state;
	CHECK(policy_destination_find(s, span_of("far"), &far), "far");
	CHECK(policy_destination_find(s, span_of("home"), &home), "home");
	double c = decide_cost(policy_destination(s, far), 1000000, 500000);
	CHECK(c > 4.999 && c < 5.001, "two for the input, three for the output");
	double unknown = decide_cost(policy_destination(s, home), 1, 1);
	CHECK(unknown > -1.001 && unknown < -0.999, "unknown is not free");
	policy_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(plan_rows),
		cmocka_unit_test(the_reason_has_both_numbers),
		cmocka_unit_test(reasons_are_bounded),
		cmocka_unit_test(costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
