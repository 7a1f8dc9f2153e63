/* SPDX-License-Identifier: Apache-2.0 */
/* What is bounded for all programs together: requests, sends, questions, prompts of an hour. */
#include "tests/unit/gate_help.h"

#include "consent/gate_impl.h"

#define MANY                                                                                   \
	FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"max_prompts_per_hour\":1000000,"   \
	    "\"no_agent\":\"hold\"}")

static void so_many_may_be_under_way(void **state)
{
	struct world *w = world_new(MANY);
	struct msg_ASK m = world_ask(w), waits = m;
	struct gate_result r;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &waits, "a question"), ASK_PENDING);
	world_set_policy(
		w, FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\","
		       "\"effect\":\"allow\",\"when\":{\"app\":[\"org.example.Rule\"]}}]"));
	strcpy(m.app, "org.example.Rule");
	m.identity = POLICY_IDENTITY_SOCKET;
	for (unsigned i = 0; i < GATE_SENDS_MAX; i++)
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_LIMITED);
	assert_string_equal(last(w, &m)->detail,
			    "too many requests want to leave at once; try again");
	/* Nor with a yes. */
	r = world_respond(w, last(w, &waits)->question, true, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.outcome, "unreachable");
	assert_int_equal(last(w, &waits)->outcome, ASK_LIMITED);
	assert_string_equal(last(w, &waits)->detail, "too many sends at once; try again");
	assert_int_equal(w->n_sends, GATE_SENDS_MAX);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	world_free(w);
}

static void so_many_may_wait(void **state)
{
	struct world *w = world_new(MANY);
	struct msg_ASK m = world_ask(w);

	(void)state;
	for (unsigned i = 0; i < GATE_ASKS_MAX; i++)
		assert_int_equal(ask_outcome_of(w, &m, "the same"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &m, "the same"), ASK_LIMITED);
	assert_string_equal(last(w, &m)->detail,
			    "too many requests want to leave at once; try again");
	assert_int_equal(gate_pending(w->gate), 1);
	gate_router_gone(w->gate, ROLE_ROUTER);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(w->gate->n_asks, 0);
	world_free(w);
}

static void so_many_questions_may_be_open(void **state)
{
	struct world *w = world_new(MANY);
	struct msg_ASK m = world_ask(w);
	char text[16];

	(void)state;
	m.identity = POLICY_IDENTITY_SOCKET;
	for (unsigned i = 0; i < GATE_QUESTIONS_MAX; i++) {
		snprintf(m.app, sizeof m.app, "app%u", i / GATE_APP_QUESTIONS_MAX);
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
	}
	assert_int_equal(ask_outcome_of(w, &m, "of the last app"), ASK_LIMITED);
	strcpy(m.app, "of nobody yet");
	assert_int_equal(ask_outcome_of(w, &m, "one more"), ASK_LIMITED);
	assert_string_equal(last(w, &m)->detail,
			    "too many questions are open; answer some: hither consent list");
	world_free(w);
}

static void each_app_may_have_so_many_open(void **state)
{
	struct world *w = world_new(MANY);
	struct msg_ASK m = world_ask(w);
	char text[16];

	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		m.identity = known ? POLICY_IDENTITY_SOCKET : POLICY_IDENTITY_CLAIMED;
		for (unsigned i = 0; i < GATE_APP_QUESTIONS_MAX; i++) {
			snprintf(text, sizeof text, "%u", i);
			assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
		}
		assert_int_equal(ask_outcome_of(w, &m, "one more"), ASK_LIMITED);
		assert_string_equal(last(w, &m)->detail,
				    known ? "this app has too many open questions (32); answer "
					    "some: hither consent list"
					  : "apps that were not identified have too many open "
					    "questions together (32); answer some: hither "
					    "consent list");
	}
	world_free(w);
}

/* As many prompts as are remembered: what came after could not be counted, so nothing does. */
static void more_prompts_than_are_remembered_are_too_many(void **state)
{
	struct world *w = world_new(MANY);
	struct gate *g = w->gate;
	struct msg_ASK m = world_ask(w), silent = m;

	(void)state;
	m.identity = silent.identity = POLICY_IDENTITY_SOCKET;
	for (g->n_prompts = 0; g->n_prompts < GATE_PROMPTS_MAX - 1; g->n_prompts++)
		g->prompts[g->n_prompts] = (struct prompt){
			.uid = 7, .proven = true, .app = "other", .at_ms = w->now_ms
		};
	w->somebody = false;
	strcpy(silent.app, "org.example.Silent");
	assert_int_equal(ask_outcome_of(w, &silent, "x"), ASK_PENDING); /* nobody was told */
	w->somebody = true;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(g->n_prompts, GATE_PROMPTS_MAX);
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_LIMITED);
	assert_string_equal(last(w, &m)->detail,
			    "this app has asked as often as policy lets it in an hour "
			    "(max_prompts_per_hour)");
	gate_agents_changed(g, (uint32_t)getuid()); /* the silent one is told of: not counted */
	assert_int_equal(g->n_prompts, GATE_PROMPTS_MAX);
	world_pass(w, 3600000); /* an hour later they are forgotten */
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_PENDING);
	assert_int_equal(g->n_prompts, 1);
	world_free(w);
}

/* Prompts of an hour ago and more go, the younger ones stay in their order. */
static void an_hour_is_an_hour(void **state)
{
	static const char two[] =
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"max_prompts_per_hour\":2,"
		    "\"timeout\":\"1m\"}");
	struct world *w = world_new(two);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	world_pass(w, 1800000);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_PENDING);
	world_pass(w, 1799999);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_LIMITED);
	assert_string_equal(last(w, &m)->detail,
			    "apps that were not identified have asked as often as policy lets "
			    "them together in an hour (max_prompts_per_hour)");
	m.identity = POLICY_IDENTITY_SOCKET; /* who is identified has a limit of its own */
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	m.identity = POLICY_IDENTITY_CLAIMED;
	world_pass(w, 1);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	assert_int_equal(w->gate->n_prompts, 3);
	m.uid++; /* as has another user */
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_may_be_under_way),
		cmocka_unit_test(so_many_may_wait),
		cmocka_unit_test(so_many_questions_may_be_open),
		cmocka_unit_test(each_app_may_have_so_many_open),
		cmocka_unit_test(more_prompts_than_are_remembered_are_too_many),
		cmocka_unit_test(an_hour_is_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
