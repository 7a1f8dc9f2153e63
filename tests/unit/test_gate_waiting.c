/* SPDX-License-Identifier: Apache-2.0 */
/* Questions while they wait: who joins them, what time, policy and other answers do to them. */
#include "tests/unit/gate_help.h"

#include <fcntl.h>

#include "consent/gate_impl.h"

#define MAIL "anna.schmidt@example.org"

static struct world *patient(const char *policy, uint32_t patience_ms)
{
	struct world *w = world_new(policy);

	w->somebody = false;
	w->patience_ms = patience_ms;
	world_restart(w, policy);
	return w;
}

/* --- somebody may be on the way ----------------------------------------------------------- */

static void a_moment_is_waited_for_somebody(void **state)
{
	struct world *w = patient(ASKS, 2000);
	struct msg_ASK m = world_ask(w);

	(void)state;
	m.request_id = w->next_request++;
	assert_true(world_put(w, &m, "x"));
	assert_null(world_last(w, m.request_id)); /* nothing is said yet */
	assert_int_equal(gate_tick(w->gate), w->now_ms + 2000);
	world_pass(w, 500);
	assert_int_equal(gate_tick(w->gate), w->now_ms + 1500);
	world_pass(w, 1499);
	assert_null(world_last(w, m.request_id));
	w->somebody = true;
	gate_agents_changed(w->gate, (uint32_t)getuid());
	assert_int_equal(w->n_told, 1);
	world_pass(w, 1);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

/* The shortest moment is one, none is none. */
static void a_moment_may_be_short(void **state)
{
	(void)state;
	for (uint32_t ms = 0; ms < 2; ms++) {
		struct world *w = patient(ASKS, ms);
		struct msg_ASK m = world_ask(w);

		m.request_id = w->next_request++;
		assert_true(world_put(w, &m, "x"));
		assert_true((world_last(w, m.request_id) == NULL) == (ms == 1));
		world_pass(w, 1);
		assert_int_equal(last(w, &m)->outcome, ASK_NO_AGENT);
		world_free(w);
	}
}

/* A yes from the command line within that moment: what was waited for is over. */
static void a_yes_comes_while_it_waits_for_somebody(void **state)
{
	struct world *w = patient(ASKS, 2000);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "x"));
	assert_int_equal(world_respond(w, w->gate->questions->id, true, NULL).status, 200);
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	world_pass(w, 2000);
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_int_equal(gate_status(w->gate).sending, 1);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	world_free(w);
}

static void nobody_came(void **state)
{
	struct world *w = patient(ASKS, 2000);
	struct msg_ASK m = world_ask(w);

	(void)state;
	m.request_id = w->next_request++;
	assert_true(world_put(w, &m, "x"));
	world_pass(w, 2000);
	assert_int_equal(last(w, &m)->outcome, ASK_NO_AGENT);
	assert_int_equal(world_records(w, RECORD_NO_AGENT, NULL), 1);
	/* One request after the other: it is known that nobody is there. */
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_NO_AGENT);
	world_pass(w, 299);
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_NO_AGENT);
	world_pass(w, 300);
	m.request_id = w->next_request++;
	assert_true(world_put(w, &m, "later"));
	assert_null(world_last(w, m.request_id));
	world_free(w);
}

static void two_who_wait_for_somebody_hear_of_it_each(void **state)
{
	struct world *w = patient(ASKS, 2000);
	struct msg_ASK a = world_ask(w), b = world_ask(w);

	(void)state;
	strcpy(b.app, "org.example.Other");
	assert_true(world_put(w, &a, "x"));
	world_pass(w, 1000);
	assert_true(world_put(w, &b, "y"));
	world_pass(w, 1000);
	assert_int_equal(last(w, &a)->outcome, ASK_NO_AGENT);
	assert_null(world_last(w, b.request_id));
	/* Who leaves meanwhile hears nothing, and the question goes. */
	gate_cancel(w->gate, b.request_id);
	world_pass(w, 2000);
	assert_null(world_last(w, b.request_id));
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	world_free(w);
}

static void behind_a_lock_there_is_nobody_to_wait_for(void **state)
{
	struct world *w = patient(ASKS, 2000);
	struct msg_ASK m = world_ask(w);
	struct msg_DEVICE_STATE locked = { .battery_pct = 255, .locked = POLICY_TRUE };

	(void)state;
	gate_device(w->gate, &locked);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_NO_AGENT);
	assert_non_null(strstr(last(w, &m)->detail, "the screen is locked"));
	w->somebody = true;
	gate_device(w->gate, &locked); /* it still is */
	assert_int_equal(w->n_told, 0);
	locked.locked = POLICY_FALSE;
	gate_device(w->gate, &locked);
	assert_int_equal(w->n_told, 1);
	world_free(w);
}

/* Where no more questions may be put and nobody is there, the second is what it hears. */
static void nobody_is_there_for_one_too_many(void **state)
{
	struct world *w = world_new(FAR(
		"\"default\":{\"cloud\":\"ask\"},\"consent\":{\"max_prompts_per_hour\":1}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	w->somebody = false;
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_NO_AGENT);
	assert_int_equal(strlen(last(w, &m)->question), 0);
	w->somebody = true;
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_LIMITED);
	/* The open one can be joined all the same, by who finds nobody there as well. */
	w->somebody = false;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_NO_AGENT);
	assert_int_equal(strlen(last(w, &m)->question), TEXT_ULID_BYTES - 1);
	world_free(w);
}

/* --- alike -------------------------------------------------------------------------------- */

/* Which of two requests is shown beside the other, and which waits behind it. */
static void only_what_is_alike_waits_behind(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		const char *value;
	} rows[] = { { "app", offsetof(struct msg_ASK, app), "org.example.Other" },
		     { "destination", offsetof(struct msg_ASK, destination), "near" },
		     { "model", offsetof(struct msg_ASK, model), "big-2" },
		     { "task", offsetof(struct msg_ASK, task), "code" } };
	static const char two[] =
		"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		"\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\","
		"\"models\":[\"big-1\",\"big-2\"]},\"near\":{\"tier\":\"cloud\",\"api\":"
		"\"openai\",\"base_url\":\"https://near.example/v1\",\"models\":[\"big-1\"]}},"
		"\"default\":{\"cloud\":\"ask\"}}";

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world *w = world_new(two);
		struct msg_ASK m = world_ask(w);
		char body[200];

		assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
		assert_int_equal(w->n_told, 1);
		m.request_id = w->next_request++;
		strcpy((char *)&m + rows[i].at, rows[i].value);
		snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[]}", m.model);
		assert_true(world_put_raw(w, &m, span_of(body), (struct span){ NULL, 0 }));
		assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
		assert_int_equal(w->n_told, 2); /* shown beside it */
		world_free(w);
	}
	struct world *w = world_new(two);
	struct msg_ASK m = world_ask(w);

	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_PENDING);
	assert_int_equal(w->n_told, 1); /* behind it */
	m.identity = POLICY_IDENTITY_SOCKET;
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	assert_int_equal(w->n_told, 2);
	world_free(w);
}

static void what_was_found_makes_it_another_question(void **state)
{
	static const struct {
		const char *text;
		unsigned told; /* so far */
	} rows[] = {
		{ "write to " MAIL, 1 },
		{ "again to " MAIL, 1 },        /* the same */
		{ "host 192.168.7.41", 2 },     /* as many, others */
		{ MAIL " at 192.168.7.41", 3 }, /* more */
		{ "10.20.30.40 to " MAIL, 3 },  /* the same in another order */
		{ "nothing", 4 },
	};
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		assert_int_equal(ask_outcome_of(w, &m, rows[i].text), ASK_PENDING);
		assert_int_equal(w->n_told, rows[i].told);
	}
	/* Nothing found in what was looked through, and in what was not, are two things. */
	m.request_id = w->next_request++;
	assert_true(world_put_raw(w, &m,
				  SPAN_LITERAL("{\"model\":\"big-1\",\"messages\":[{\"type\":"
					       "\"image\"}]}"),
				  (struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(w->n_told, 5);
	world_free(w);
}

/* --- time --------------------------------------------------------------------------------- */

static void who_holds_waits_longer(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"on_timeout\":\"hold\","
		    "\"timeout\":\"10s\",\"hold_max\":\"5m\"}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	world_pass(w, 299999);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	world_pass(w, 1);
	assert_int_equal(last(w, &m)->outcome, ASK_TIMEOUT);
	world_free(w);
}

static void a_yes_that_nobody_comes_for_is_over(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];

	(void)state;
	m.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	id_of(w, &m, id);
	world_pass(w, 30000);
	assert_string_equal(world_respond(w, id, true, NULL).outcome, "approved");
	world_pass(w, 59999); /* a minute from the yes, though the question had half of one */
	question_is(w, id, "approved");
	world_pass(w, 1);
	question_is(w, id, "expired");
	assert_int_equal(world_records(w, RECORD_TIMED_OUT, NULL), 0); /* it was answered */
	m.on_question = 0;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

/* What is over is remembered for ten minutes, then its place is free. */
static void what_is_over_is_forgotten_in_time(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	id_of(w, &m, id);
	world_pass(w, 60000);
	world_pass(w, 10 * 60000 - 1);
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_PENDING); /* which looks around */
	assert_non_null(question_find(w->gate, id));
	world_pass(w, 1);
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_PENDING);
	assert_null(question_find(w->gate, id));
	world_free(w);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* However a request ends, its bytes and its descriptors are given back at once. */
static void nothing_stays_of_what_is_over(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "first"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);

	size_t arenas = arenas_alive();
	unsigned open = descriptors();

	assert_int_equal(ask_outcome_of(w, &m, "too late"), ASK_PENDING);
	assert_true(arenas_alive() > arenas);
	assert_true(descriptors() > open);
	world_pass(w, 60000);
	assert_int_equal(last(w, &m)->outcome, ASK_TIMEOUT);
	assert_true(arenas_alive() == arenas);
	assert_int_equal(descriptors(), open);
	assert_int_equal(ask_outcome_of(w, &m, "leaves"), ASK_PENDING);
	gate_cancel(w->gate, m.request_id);
	assert_true(arenas_alive() == arenas);
	assert_int_equal(descriptors(), open);
	assert_int_equal(ask_outcome_of(w, &m, "no"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_true(arenas_alive() == arenas);
	strcpy(m.app, "org.example.Sends");
	assert_int_equal(ask_outcome_of(w, &m, "yes"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	close(w->last_pipe);
	w->last_pipe = -1;
	assert_true(arenas_alive() == arenas);
	assert_int_equal(descriptors(), open);
	world_free(w);
}

/* Of many that are over the newest 256 are remembered. */
static void not_all_that_is_over_is_remembered(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"max_prompts_per_hour\":"
		    "100000}"));
	struct msg_ASK m = world_ask(w);
	char first[TEXT_ULID_BYTES], second[TEXT_ULID_BYTES], text[16];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 257; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
		if (i < 2)
			id_of(w, &m, i == 0 ? first : second);
		gate_cancel(w->gate, m.request_id);
	}
	assert_non_null(question_find(w->gate, first));
	assert_int_equal(ask_outcome_of(w, &m, "one more"), ASK_PENDING);
	assert_null(question_find(w->gate, first));
	assert_non_null(question_find(w->gate, second));
	for (struct question *q = w->gate->questions; q != NULL; q = q->next)
		n++;
	assert_int_equal(n, 257); /* and the open one */
	world_free(w);
}

/* --- other answers, other policies -----------------------------------------------------------
 */

static void a_no_ends_the_other_questions_of_its_conversation(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"on_deny\":\"refuse\"}"));
	struct msg_ASK m = world_ask(w), other = m, aside = m;

	(void)state;
	memset(m.conversation, 'a', 64);
	other = m;
	strcpy(other.task, "code");
	strcpy(aside.task, "mail");
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &other, "two"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &aside, "three"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_int_equal(last(w, &other)->outcome, ASK_REFUSED);
	assert_int_equal(last(w, &other)->fallback, 1);
	assert_string_equal(last(w, &other)->detail, "you said no to a request like it");
	assert_int_equal(last(w, &aside)->outcome, ASK_PENDING);
	world_free(w);
}

/* A no is for those like it that can still be answered; a yes that waits for its request is not
 * taken back by it. */
static void a_no_takes_no_yes_back(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), kept = m, behind = m, other = m;
	char id[TEXT_ULID_BYTES];

	(void)state;
	kept.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &kept, "kept"), ASK_PENDING);
	id_of(w, &kept, id);
	assert_string_equal(world_respond(w, id, true, NULL).outcome, "approved");
	strcpy(other.task, "code");
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &behind, "two"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &other, "three"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_int_equal(last(w, &behind)->outcome, ASK_REFUSED);
	assert_string_equal(last(w, &behind)->detail,
			    "the person said no to a request like it");
	assert_int_equal(last(w, &other)->outcome, ASK_PENDING);
	kept.on_question = 0;
	assert_int_equal(ask_outcome_of(w, &kept, "kept"), ASK_GRANTED);
	world_free(w);
}

/* A yes for a form that policy does not offer any more is none. */
static void a_yes_for_another_form_is_over(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	strcpy(m.masked, "personal.contact.email=1");
	m.on_question = 1;
	assert_int_equal(ask_masked(w, &m, "to [EMAIL-1]", "to " MAIL), ASK_PENDING);
	assert_string_equal(
		answered(w, last(w, &m)->question,
			 (struct gate_response){ .word = GATE_APPROVE, .mode = "as_is" })
			.outcome,
		"approved");
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"modes\":["
				"\"redacted\"]}"));
	m.on_question = 0;
	assert_int_equal(ask_masked(w, &m, "to [EMAIL-1]", "to " MAIL), ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	/* And so is one for a form that it does: once. */
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_int_equal(w->n_sends, 1);
	assert_null(strstr(w->sends[0].body, MAIL));
	world_free(w);
}

/* A rule that comes into force covers who waits under it; who asks in another situation for the
 * same bytes has to ask anew. */
static void a_rule_serves_who_it_covers(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK hard = world_ask(w), easy = world_ask(w);

	(void)state;
	easy.score_pm = 600;
	assert_int_equal(ask_outcome_of(w, &hard, "x"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &easy, "x"), ASK_PENDING);
	assert_string_equal(last(w, &hard)->question, last(w, &easy)->question);
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"hard\","
				"\"effect\":\"allow\",\"when\":{\"score\":{\"gte\":0.7}}}]"));
	assert_int_equal(last(w, &hard)->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &easy)->outcome, ASK_WITHDRAWN);
	assert_string_equal(last(w, &easy)->detail, "the policy changed meanwhile; ask again");
	struct newest f = newest_of(w, RECORD_GRANTED);
	assert_string_equal(f.r.basis, "rule");
	assert_null(f.r.permission);
	arena_free(f.arena);
	world_free(w);
}

/* A permission that another question made serves who waits, in its form, and counts its uses.
 */
static void a_permission_serves_who_waits(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), behind[2];
	struct gate_result r;
	struct newest f;

	(void)state;
	strcpy(m.masked, "personal.contact.email=1");
	behind[0] = behind[1] = m;
	assert_int_equal(ask_masked(w, &m, "one [EMAIL-1]", "one " MAIL), ASK_PENDING);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ask_masked(w, &behind[i], "two [EMAIL-1]", "two " MAIL),
				 ASK_PENDING);
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){
			     .word = GATE_APPROVE, .mode = "as_is", .scope = "session" });
	assert_int_equal(r.status, 200);
	assert_int_equal(w->n_sends, 3);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(last(w, &behind[i])->outcome, ASK_GRANTED);
		assert_non_null(strstr(w->sends[1 + i].body, "two " MAIL));
	}
	assert_int_equal(perms_find(w->gate->perms, r.permission)->uses, 3);
	f = newest_of(w, RECORD_GRANTED);
	assert_string_equal(f.r.basis, "permission");
	assert_string_equal(f.r.permission, r.permission);
	assert_string_equal(f.r.mode, "as_is");
	arena_free(f.arena);
	world_free(w);
}

/* Behind a lock nobody hears of another policy; unlocking tells of what is open. */
static void a_new_policy_is_told_to_who_is_there(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), behind = m;
	struct msg_DEVICE_STATE device = { .battery_pct = 255, .locked = POLICY_TRUE };

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &behind, "y"), ASK_PENDING);
	world_set_policy(w, FAR("\"title\":\"2\",\"default\":{\"cloud\":\"ask\"}"));
	assert_int_equal(w->n_told, 2); /* of the open one; of the one behind it nobody knows */
	assert_int_equal(w->told[1].news, GATE_POLICY_CHANGED);
	assert_string_equal(w->told[1].question, last(w, &m)->question);
	gate_device(w->gate, &device);
	world_set_policy(w, FAR("\"title\":\"3\",\"default\":{\"cloud\":\"ask\"}"));
	assert_int_equal(w->n_told, 2);
	device.locked = POLICY_FALSE;
	gate_device(w->gate, &device);
	assert_int_equal(w->n_told, 3);
	assert_int_equal(w->told[2].news, GATE_REQUEST);
	world_free(w);
}

static void an_agent_hears_of_its_own_questions(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), behind = m;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &behind, "y"), ASK_PENDING);
	assert_int_equal(w->n_told, 1);
	gate_agents_changed(w->gate, (uint32_t)getuid() + 1);
	assert_int_equal(w->n_told, 1);
	gate_agents_changed(w->gate, (uint32_t)getuid());
	assert_int_equal(w->n_told, 2); /* the one behind waits its turn */
	world_free(w);
}

/* The bytes may be the same and the program not: who loses what it may, leaves alone. */
static void who_joined_is_judged_alone(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), low = m;

	(void)state;
	low.max_tier = POLICY_TIER_CLOUD;
	low.interactive = 0;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &low, "x"), ASK_PENDING);
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\","
				"\"effect\":\"deny\",\"when\":{\"interactive\":false}}]"));
	assert_int_equal(last(w, &low)->outcome, ASK_WITHDRAWN);
	assert_non_null(strstr(last(w, &low)->detail, "policy says no"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	/* The other way round the question goes with whose bytes it shows. */
	world_set_policy(w, ASKS);
	low.on_question = 0;
	assert_int_equal(ask_outcome_of(w, &low, "x"), ASK_PENDING);
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\","
				"\"effect\":\"deny\",\"when\":{\"interactive\":true}}]"));
	assert_int_equal(last(w, &m)->outcome, ASK_WITHDRAWN);
	assert_int_equal(last(w, &low)->outcome, ASK_WITHDRAWN);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1); /* one question */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moment_is_waited_for_somebody),
		cmocka_unit_test(a_moment_may_be_short),
		cmocka_unit_test(a_yes_comes_while_it_waits_for_somebody),
		cmocka_unit_test(nobody_came),
		cmocka_unit_test(two_who_wait_for_somebody_hear_of_it_each),
		cmocka_unit_test(behind_a_lock_there_is_nobody_to_wait_for),
		cmocka_unit_test(nobody_is_there_for_one_too_many),
		cmocka_unit_test(only_what_is_alike_waits_behind),
		cmocka_unit_test(what_was_found_makes_it_another_question),
		cmocka_unit_test(who_holds_waits_longer),
		cmocka_unit_test(a_yes_that_nobody_comes_for_is_over),
		cmocka_unit_test(what_is_over_is_forgotten_in_time),
		cmocka_unit_test(nothing_stays_of_what_is_over),
		cmocka_unit_test(not_all_that_is_over_is_remembered),
		cmocka_unit_test(a_no_ends_the_other_questions_of_its_conversation),
		cmocka_unit_test(a_no_takes_no_yes_back),
		cmocka_unit_test(a_yes_for_another_form_is_over),
		cmocka_unit_test(a_rule_serves_who_it_covers),
		cmocka_unit_test(a_permission_serves_who_waits),
		cmocka_unit_test(a_new_policy_is_told_to_who_is_there),
		cmocka_unit_test(an_agent_hears_of_its_own_questions),
		cmocka_unit_test(who_joined_is_judged_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
