/* SPDX-License-Identifier: Apache-2.0 */
/* Where requests are planned to go, one fact after the other; and what people are told. */
#include "tests/unit/router_policy.h"

#include "dialect/dialect.h"

/* A request that the device would answer; the test changes what it is about. */
struct scene {
	struct policy_set *s;
	struct arena *a;
	struct policy_decision *v;
	struct want w;
	struct decide_input in;
	struct plan p;
};

static void scene_new(struct scene *c, const char *policy, const char *model, uint32_t tokens)
{
	struct policy_request q;

	c->s = set_of(policy);
	c->a = arena_new("test", 1 << 20);
	c->v = policy_decisions_new(c->s, policy_destinations(c->s), c->a);
	policy_request_base(&q);
	q.data = (struct policy_words){ .known = true };
	q.input_tokens = (struct policy_number){ true, tokens };
	policy_decide_all(c->s, &q, c->v);
	CHECK(decide_want(c->s, &list, span_of(model), &c->w), model);
	c->in = (struct decide_input){ .set = c->s,
				       .want = &c->w,
				       .verdicts = c->v,
				       .score = 0.1,
				       .threshold_pm = 620,
				       .input_tokens = tokens,
				       .context_tokens = 2048 };
}

static void scene_free(struct scene *c)
{
	arena_free(c->a);
	policy_set_free(c->s);
}

/* Plans it; `said` is the first reason. */
static void planned(struct scene *c, enum plan_kind kind, const char *said)
{
	decide_plan(&c->in, &c->p);
	CHECK(c->p.kind == kind, said);
	CHECK(strcmp(c->p.reasons[0], said) == 0, c->p.reasons[0]);
}

static void goes_to(struct scene *c, const char *destination)
{
	decide_plan(&c->in, &c->p);
	CHECK(c->p.kind == PLAN_ASK, destination);
	CHECK(strcmp(policy_destination(c->s, c->p.destination)->name, destination) == 0,
	      destination);
}

static void what_was_counted_decides_the_fit(void **state)
{
	struct scene c;

	(void)state;
	scene_new(&c, POLICY(FAR, ""), "auto", 2000);
	c.in.max_tokens = 48;
	CHECK(decide_is_local(&c.in, POLICY_ALLOW), "exactly full");
	c.in.max_tokens = 49;
	CHECK(!decide_is_local(&c.in, POLICY_ALLOW), "one too many");
	planned(&c, PLAN_ASK,
		"the prompt has about 2000 tokens and asks for a long answer, the model on "
		"this device has room for 2048 with the answer");
	c.in.input_tokens = 2048;
	c.in.max_tokens = 1;
	planned(&c, PLAN_ASK,
		"the prompt has about 2048 tokens and asks for a long answer, the model on "
		"this device has room for 2048 with the answer");
	c.in.input_tokens = 2000;
	c.in.max_tokens = 49;
	c.in.context_tokens = 0;
	CHECK(decide_is_local(&c.in, POLICY_ALLOW), "no size known");
	c.in.context_tokens = 2048;
	c.in.fit = DECIDE_FIT_YES;
	CHECK(decide_is_local(&c.in, POLICY_ALLOW), "counted: it fits");
	c.in.fit = DECIDE_FIT_NO;
	c.in.counted = true;
	c.in.max_tokens = 0;
	CHECK(!decide_is_local(&c.in, POLICY_ALLOW), "counted: it does not");
	planned(&c, PLAN_ASK,
		"the prompt has 2000 tokens, the model on this device has room for 2048 with "
		"the answer");
	/* Sizes are added without going round. */
	c.in.fit = DECIDE_FIT_ESTIMATE;
	c.in.input_tokens = UINT32_MAX;
	c.in.max_tokens = UINT32_MAX;
	CHECK(!decide_is_local(&c.in, POLICY_ALLOW), "far too long");
	scene_free(&c);
}

static void a_model_that_is_unsure_is_not_sufficient(void **state)
{
	struct scene c;

	(void)state;
	scene_new(&c, POLICY(FAR, ""), "auto", 10);
	c.in.unsure = true;
	c.in.certainty = 0.25;
	c.in.floor = 0.5;
	CHECK(!decide_is_local(&c.in, POLICY_ALLOW), "unsure");
	planned(&c, PLAN_ASK,
		"the model on this device is unsure of its answer (0.25, floor 0.50)");
	CHECK(c.p.local_possible, "but there");
	/* A run of tool calls that began here goes elsewhere all the same. */
	c.in.goes_on = true;
	c.in.began = DECIDE_LOCAL;
	planned(&c, PLAN_ASK,
		"the model on this device is unsure of its answer (0.25, floor 0.50)");
	scene_free(&c);
}

static void the_first_reason_says_why(void **state)
{
	struct scene c;

	(void)state;
	scene_new(&c, POLICY(FAR, ""), "far", 10);
	c.in.beyond_text = true;
	planned(&c, PLAN_ASK, "the program asked for it by name");
	scene_free(&c);
	scene_new(&c, POLICY(FAR, ""), "cloud", 10);
	planned(&c, PLAN_ASK, "the program asked for it by name");
	CHECK(!c.p.local_possible, "it did not ask for the device");
	scene_free(&c);
	scene_new(&c, POLICY(FAR, ""), "auto", 10);
	c.in.beyond_text = true;
	planned(&c, PLAN_ASK, "it has attachments that the on-device model does not read");
	c.in.beyond_text = false;
	c.in.goes_on = true;
	c.in.began = 1;
	planned(&c, PLAN_ASK, "these tool calls began there");
	c.in.began = DECIDE_LOCAL;
	planned(&c, PLAN_LOCAL, "these tool calls began on this device");
	c.in.goes_on = false;
	c.in.score = 0.8;
	planned(&c, PLAN_ASK, "too hard for the model on this device (0.80, limit 0.62)");
	scene_free(&c);
	scene_new(&c, POLICY(FAR, ""), "local/tiny", 10);
	planned(&c, PLAN_LOCAL, "the program asked for this device");
	CHECK(c.p.reasons[1][0] == '\0', "nothing more to say");
	CHECK(span_is(c.p.model, "tiny"), "the model that was named");
	scene_free(&c);
}

/* A refusal names the rule, how sure it is of it, and the words of who wrote it. */
static void a_refusal_says_by_what(void **state)
{
	struct scene c;

	(void)state;
	scene_new(&c,
		  POLICY(FAR, ",\"rules\":[{\"id\":\"stay\",\"effect\":\"local_only\","
			      "\"because\":\"our customers' words\"}]"),
		  "far", 10);
	planned(&c, PLAN_REFUSE, "far is denied by stay: our customers' words");
	scene_free(&c);
	scene_new(&c,
		  POLICY(FAR, ",\"rules\":[{\"id\":\"stay\",\"effect\":\"local_only\","
			      "\"when\":{\"app\":[\"org.example.Mail\"]}}]"),
		  "far", 10);
	planned(&c, PLAN_REFUSE, "far is denied by stay?"); /* which app it is nobody knows */
	scene_free(&c);
	scene_new(&c,
		  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"ask\","
			      "\"with\":{\"max_input_tokens\":10}}]"),
		  "far", 11);
	planned(&c, PLAN_REFUSE, "far cannot take this request (limit or model)");
	scene_free(&c);
	scene_new(&c,
		  POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"ask\","
			      "\"with\":{\"max_input_tokens\":10}}]"),
		  "far", 10);
	goes_to(&c, "far"); /* exactly as many as it may have */
	scene_free(&c);
	scene_new(&c, "{\"hither_policy\":1,\"id\":\"t\"}", "cloud", 10);
	planned(&c, PLAN_REFUSE, "no destination but this device is set up");
	CHECK(c.p.destination == DECIDE_LOCAL, "nowhere");
	scene_free(&c);
	scene_new(&c, POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"),
		  "cloud", 10);
	planned(&c, PLAN_REFUSE, "far is denied by r");
	CHECK(c.p.destination == 1, "the only one");
	scene_free(&c);
	/* The one that is named last stands for all of them. */
	scene_new(
		&c,
		POLICY(CHEAP "," FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"),
		"cloud", 10);
	planned(&c, PLAN_REFUSE, "far is denied by r");
	CHECK(c.p.destination == 2, "the last");
	scene_free(&c);
}

static void a_device_that_may_not_answer_refuses(void **state)
{
	struct scene c;

	(void)state;
	scene_new(&c, POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\"}]"), "local",
		  10);
	planned(&c, PLAN_REFUSE, "the program asked for this device");
	CHECK(strcmp(c.p.reasons[1], "local is denied by r") == 0, c.p.reasons[1]);
	CHECK(!decide_is_local(&c.in, POLICY_DENY), "nor at once");
	scene_free(&c);
	scene_new(&c, POLICY(FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\"}]"), "auto",
		  10);
	planned(&c, PLAN_REFUSE, "far is denied by r");
	CHECK(strcmp(c.p.reasons[1], "local is denied by r") == 0, c.p.reasons[1]);
	scene_free(&c);
}

/* Too hard, and nowhere to go: each place says why, then the device does what it can. */
static void what_settles_for_the_device_says_why(void **state)
{
	struct scene c;

	(void)state;
	scene_new(
		&c,
		POLICY(CHEAP "," FAR, ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]"),
		"auto", 10);
	c.in.score = 0.9;
	planned(&c, PLAN_LOCAL, "too hard for the model on this device (0.90, limit 0.62)");
	CHECK(strcmp(c.p.reasons[1], "cheap is denied by r") == 0, c.p.reasons[1]);
	CHECK(strcmp(c.p.reasons[2], "far is denied by r") == 0, c.p.reasons[2]);
	CHECK(c.p.reasons[3][0] == '\0', "no more");
	CHECK(c.p.destination == DECIDE_LOCAL && c.p.model.len == 0, "the usual model here");
	scene_free(&c);
	scene_new(&c, "{\"hither_policy\":1,\"id\":\"t\"}", "auto", 10);
	c.in.score = 0.9;
	planned(&c, PLAN_LOCAL, "too hard for the model on this device (0.90, limit 0.62)");
	CHECK(strcmp(c.p.reasons[1], "no destination but this device is set up") == 0,
	      c.p.reasons[1]);
	scene_free(&c);
}

#define PRICED(name, in, out)                                                                  \
	"\"" name "\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":"                    \
	"\"https://" name ".example/v1\",\"models\":[\"m\"],\"price\":{\"currency\":"          \
	"\"EUR\",\"input_per_mtok\":" in ",\"output_per_mtok\":" out "}}"
#define UNPRICED(name)                                                                         \
	"\"" name "\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":"                    \
	"\"https://" name ".example/v1\",\"models\":[\"m\"]}"

static void the_cheapest_comes_first(void **state)
{
	static const struct {
		const char *policy;
		uint32_t tokens, max_tokens;
		const char *first;
	} rows[] = {
		/* A price that nobody knows is the highest, none at all the lowest. */
		{ POLICY(UNPRICED("a") "," PRICED("b", "9", "9"), ""), 10, 0, "b" },
		{ POLICY(PRICED("a", "9", "9") "," UNPRICED("b"), ""), 10, 0, "a" },
		{ POLICY(PRICED("a", "1", "1") "," PRICED("b", "0", "0"), ""), 10, 0, "b" },
		{ POLICY(PRICED("a", "0", "0") "," UNPRICED("b"), ""), 10, 0, "a" },
		{ POLICY(UNPRICED("a") "," PRICED("b", "0", "0"), ""), 10, 0, "b" },
		/* Equal: by name, whatever the order of the file. */
		{ POLICY(PRICED("b", "1", "1") "," PRICED("a", "1", "1"), ""), 10, 0, "a" },
		{ POLICY(UNPRICED("b") "," UNPRICED("a"), ""), 10, 0, "a" },
		{ POLICY(UNPRICED("a") "," UNPRICED("b"), ""), 10, 0, "a" },
		/* Cheap words or cheap answers: it depends on how much is asked for. Without a
		 * cap 500 tokens of answer are reckoned with. */
		{ POLICY(PRICED("a", "1", "10") "," PRICED("b", "10", "1"), ""), 499, 0, "b" },
		{ POLICY(PRICED("a", "1", "10") "," PRICED("b", "10", "1"), ""), 501, 0, "a" },
		{ POLICY(PRICED("a", "1", "10") "," PRICED("b", "10", "1"), ""), 499, 1, "a" },
		{ POLICY(PRICED("a", "1", "10") "," PRICED("b", "10", "1"), ""), 501, 900,
		  "b" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct scene c;

		scene_new(&c, rows[i].policy, "auto", rows[i].tokens);
		c.in.score = 0.9;
		c.in.max_tokens = rows[i].max_tokens;
		goes_to(&c, rows[i].first);
		scene_free(&c);
	}
}

/* Another program on this device is asked by its name alone: the daemon has its own model. */
static void a_place_on_this_device_is_no_candidate(void **state)
{
	static const char near[] =
		POLICY("\"near\":{\"tier\":\"device\",\"api\":\"openai\",\"base_url\":"
		       "\"http://127.0.0.1:9/v1\",\"models\":[\"n\"]}",
		       "");
	struct scene c;

	(void)state;
	scene_new(&c, near, "near", 10);
	goes_to(&c, "near");
	scene_free(&c);
	scene_new(&c, near, "auto", 10);
	c.in.score = 0.9;
	planned(&c, PLAN_LOCAL, "too hard for the model on this device (0.90, limit 0.62)");
	CHECK(c.p.reasons[1][0] == '\0', "no word of it");
	scene_free(&c);
}

/* Tiers that the policy does not prefer come after those that it does, in their own order. */
static void the_preferred_tier_comes_before_the_price(void **state)
{
	struct scene c;

	(void)state;
	scene_new(&c, POLICY(FAR "," HOME, ",\"routing\":{\"prefer\":[\"device\",\"cloud\"]}"),
		  "cloud", 10);
	goes_to(&c, "far");
	scene_free(&c);
	scene_new(&c, POLICY(FAR "," HOME, ",\"routing\":{\"prefer\":[\"device\"]}"), "cloud",
		  10);
	goes_to(&c, "home");
	scene_free(&c);
}

/* decide_possible() relies on it: whatever a policy can name, router can write to. */
static void every_api_of_a_policy_has_a_dialect(void **state)
{
	(void)state;
	for (unsigned a = POLICY_API_OPENAI; a <= POLICY_API_OPENROUTER; a++) {
		const char *name = policy_api_name((enum policy_api)a);

		CHECK(upstream_dialect_find(name) != NULL, name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_counted_decides_the_fit),
		cmocka_unit_test(a_model_that_is_unsure_is_not_sufficient),
		cmocka_unit_test(the_first_reason_says_why),
		cmocka_unit_test(a_refusal_says_by_what),
		cmocka_unit_test(a_device_that_may_not_answer_refuses),
		cmocka_unit_test(what_settles_for_the_device_says_why),
		cmocka_unit_test(the_cheapest_comes_first),
		cmocka_unit_test(a_place_on_this_device_is_no_candidate),
		cmocka_unit_test(the_preferred_tier_comes_before_the_price),
		cmocka_unit_test(every_api_of_a_policy_has_a_dialect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
