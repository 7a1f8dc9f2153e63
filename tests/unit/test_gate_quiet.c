/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When people are left alone, and when a yes is not enough: the locked screen, programs that
 * call themselves something else each time, data for which people prove who they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "consent/perms.h"
#include "tests/fake/gate_world.h"

#define FAR(more)                                                                              \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"operator\":\"Far Inc\",\"region\":\"eu\",\"base_url\":"          \
	"\"https://far.example/"                                                               \
	"v1\",\"models\":[\"big-1\"]}},\"default\":{\"cloud\":\"ask\"}" more "}"

static const struct msg_ANSWER *last(struct world *w, const struct msg_ASK *m)
{
	const struct msg_ANSWER *a = world_last(w, m->request_id);

	assert_non_null(a);
	return a;
}

/* What the request heard last; PENDING as well while it only waits. */
static uint64_t put(struct world *w, struct msg_ASK *m, const char *text)
{
	m->request_id = w->next_request++;
	assert_true(world_put(w, m, text));
	return last(w, m)->outcome;
}

static void device(struct world *w, enum policy_tri locked, enum policy_tri strong)
{
	struct msg_DEVICE_STATE m = { .battery_pct = 255,
				      .locked = (uint8_t)locked,
				      .strong = (uint8_t)strong };

	gate_device(w->gate, &m);
}

static unsigned told(const struct world *w, enum gate_news news)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_told; i++)
		n += w->told[i].news == news;
	return n;
}

/* --- the locked screen ------------------------------------------------------------------- */

static void a_locked_screen_is_left_alone(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	char id[TEXT_ULID_BYTES];

	(void)state;
	device(w, POLICY_TRUE, POLICY_UNKNOWN);
	assert_int_equal(put(w, &m, "a hard question"), ASK_NO_AGENT);
	assert_non_null(strstr(last(w, &m)->detail, "the screen is locked"));
	assert_int_equal(last(w, &m)->fallback, 0);
	memcpy(id, last(w, &m)->question, sizeof id);
	assert_non_null(strstr(last(w, &m)->detail, id));
	gate_agents_changed(w->gate, (uint32_t)getuid());
	world_set_policy(w, FAR(",\"title\":\"another\""));
	assert_int_equal(w->n_told, 0);
	assert_int_equal(world_records(w, RECORD_NO_AGENT, NULL), 1);
	device(w, POLICY_FALSE, POLICY_UNKNOWN);
	assert_int_equal(told(w, GATE_REQUEST), 1);
	assert_string_equal(w->told[0].question, id);
	r = world_respond(w, id, true, NULL);
	assert_string_equal(r.outcome, "approved");
	assert_int_equal(put(w, &m, "a hard question"), ASK_GRANTED);
	world_free(w);
}

static void policy_may_refuse_or_hold_while_it_is_locked(void **state)
{
	struct world *w = world_new(FAR(",\"consent\":{\"no_agent\":\"refuse\"}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	device(w, POLICY_TRUE, POLICY_UNKNOWN);
	assert_int_equal(put(w, &m, "one"), ASK_NO_AGENT);
	assert_int_equal(last(w, &m)->fallback, 1);
	world_set_policy(w, FAR(",\"consent\":{\"no_agent\":\"hold\"}"));
	assert_int_equal(put(w, &m, "two"), ASK_PENDING); /* waits, and nobody hears of it */
	assert_int_equal(w->n_told, 0);
	world_pass(w, 30000);
	device(w, POLICY_FALSE, POLICY_UNKNOWN);
	assert_true(told(w, GATE_REQUEST) >= 1);
	assert_string_equal(world_respond(w, last(w, &m)->question, true, NULL).outcome,
			    "granted");
	device(w, POLICY_TRUE, POLICY_UNKNOWN);
	assert_int_equal(put(w, &m, "three"), ASK_PENDING);
	world_pass(w, 61000); /* the time runs while it is locked */
	assert_int_equal(last(w, &m)->outcome, ASK_TIMEOUT);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

static void a_night_behind_a_lock_uses_nothing_up(void **state)
{
	struct world *w = world_new(FAR(",\"consent\":{\"max_prompts_per_hour\":2}"));
	struct msg_ASK m = world_ask(w);
	char text[16];

	(void)state;
	device(w, POLICY_TRUE, POLICY_UNKNOWN);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(put(w, &m, text), ASK_NO_AGENT);
	}
	world_pass(w, 61000);
	device(w, POLICY_FALSE, POLICY_UNKNOWN);
	assert_int_equal(told(w, GATE_REQUEST), 0);
	assert_int_equal(put(w, &m, "morning"), ASK_PENDING);
	world_free(w);
}

/* --- what it rested on ------------------------------------------------------------------- */

static bool keep_device(void *ctx, const struct record *r, struct span body)
{
	char *out = ctx;

	(void)body;
	if (r->kind == RECORD_INTENT || r->kind == RECORD_DECIDED || r->kind == RECORD_DENIED)
		snprintf(out, 256, "%s", r->device != NULL ? r->device : "none");
	return true;
}

static const char *recorded_device(struct world *w)
{
	static char text[256];

	(void)!ledger_flush(gate_ledger(w->gate));
	text[0] = '\0';
	assert_int_equal(ledger_each(gate_ledger(w->gate), 1, 0, keep_device, text), ERR_OK);
	return text;
}

static void a_record_says_how_the_machine_was(void **state)
{
	static const char unknown[] = "{\"power\":null,\"battery_pct\":null,\"network\":null,"
				      "\"thermal\":null,\"locked\":null,\"vpn\":null}";
	static const char known[] = "{\"power\":\"battery\",\"battery_pct\":7,\"network\":"
				    "\"metered\",\"thermal\":\"fair\",\"locked\":false,"
				    "\"vpn\":true}";
	struct msg_DEVICE_STATE m = { .power = POLICY_POWER_BATTERY,
				      .battery_pct = 7,
				      .network = POLICY_NETWORK_METERED,
				      .thermal = POLICY_THERMAL_FAIR,
				      .locked = POLICY_FALSE,
				      .vpn = POLICY_TRUE };
	struct world *w = world_new(FAR(""));
	struct msg_DECIDED here = { .uid = (uint32_t)getuid(), .categories = "?" };
	struct msg_ASK a = world_ask(w);

	(void)state;
	text_ulid(here.decision_id);
	assert_int_equal(put(w, &a, "one"), ASK_PENDING);
	assert_string_equal(recorded_device(w), unknown);
	gate_device(w->gate, &m);
	assert_int_equal(put(w, &a, "two"), ASK_PENDING);
	assert_string_equal(recorded_device(w), known);
	m.battery_pct = 255;
	m.locked = POLICY_TRUE;
	gate_device(w->gate, &m);
	gate_decided(w->gate, &here);
	assert_non_null(strstr(recorded_device(w), "\"battery_pct\":null"));
	assert_non_null(strstr(recorded_device(w), "\"locked\":true"));
	world_free(w);
}

/* --- names ------------------------------------------------------------------------------- */

static unsigned asked_under_names(struct world *w, enum policy_identity identity,
				  unsigned names)
{
	struct msg_ASK m = world_ask(w);
	unsigned n = 0;

	m.identity = (uint8_t)identity;
	for (unsigned i = 0; i < names; i++) {
		char text[16];

		snprintf(m.app, sizeof m.app, "org.example.App%u", i);
		snprintf(text, sizeof text, "%u", i);
		n += put(w, &m, text) == ASK_PENDING;
	}
	return n;
}

static void a_hundred_names_are_worth_no_more_than_one(void **state)
{
	struct world *w = world_new(FAR(",\"consent\":{\"max_prompts_per_hour\":6}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(asked_under_names(w, POLICY_IDENTITY_CLAIMED, 100), 6);
	m.identity = POLICY_IDENTITY_ANONYMOUS; /* no name at all is no way around it */
	strcpy(m.app, "");
	assert_int_equal(put(w, &m, "anonymous"), ASK_LIMITED);
	assert_non_null(strstr(last(w, &m)->detail, "not identified"));
	assert_int_equal(told(w, GATE_REQUEST), 6);
	/* Who is identified cannot be kept from asking by who is not. */
	assert_int_equal(asked_under_names(w, POLICY_IDENTITY_SOCKET, 10), 10);
	world_pass(w, 3600001);
	assert_int_equal(asked_under_names(w, POLICY_IDENTITY_CLAIMED, 100), 6);
	world_free(w);
}

static void a_hundred_names_leave_no_more_open_than_one(void **state)
{
	struct world *w = world_new(FAR(",\"consent\":{\"max_prompts_per_hour\":100000}"));

	(void)state;
	assert_int_equal(asked_under_names(w, POLICY_IDENTITY_CLAIMED, 100),
			 GATE_APP_QUESTIONS_MAX);
	world_free(w);
}

/* --- conversations that held what stays here --------------------------------------------- */

#define KEEPS(title)                                                                           \
	"{\"hither_policy\":1,\"id\":\"t\",\"title\":\"" title                                 \
	"\",\"destinations\":{\"far\":{\"tier\":\"cloud\",\"api\":\"openai\",\"operator\":"    \
	"\"Far Inc\",\"region\":\"eu\",\"base_url\":\"https://far.example/v1\",\"models\":["   \
	"\"big-1\"]},\"near\":{\"tier\":\"trusted\",\"api\":\"openai\",\"operator\":\"Us\","   \
	"\"region\":\"eu\",\"base_url\":\"https://near.example/v1\",\"models\":[\"big-1\"]}}," \
	"\"default\":{\"cloud\":\"allow\",\"trusted\":\"allow\"},\"rules\":[{\"id\":\"mail-"   \
	"stays"                                                                                \
	"\",\"effect\":\"deny\",\"when\":{\"tier\":[\"cloud\"],\"data\":{\"any\":["            \
	"\"personal.*\"]}}}]}"

static void a_denied_turn_keeps_the_later_ones_here(void **state)
{
	struct world *w = world_new(KEEPS("one"));
	struct msg_ASK m = world_ask(w);
	struct gate_result gone;
	struct buf out;
	char *id;

	(void)state;
	strcpy(m.conversation, "c1");
	assert_int_equal(put(w, &m, "the first turn"), ASK_GRANTED);
	assert_int_equal(put(w, &m, "mail anna.example@example.com"), ASK_DENIED_POLICY);
	assert_int_equal(put(w, &m, "and now quoted in other words"), ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &m)->detail, "an earlier turn held data"));
	assert_int_equal(put(w, &m, "mail anna.example@example.com again"), ASK_DENIED_POLICY);
	assert_int_equal(world_records(w, RECORD_TAINTED, NULL), 1);
	strcpy(m.destination, "near"); /* where that data may go, the conversation may */
	assert_int_equal(put(w, &m, "trusted"), ASK_GRANTED);
	strcpy(m.destination, "far");
	strcpy(m.conversation, "c2"); /* others are free */
	assert_int_equal(put(w, &m, "another conversation"), ASK_GRANTED);
	strcpy(m.conversation, "");
	assert_int_equal(put(w, &m, "none"), ASK_GRANTED);
	strcpy(m.conversation, "c1");
	world_restart(w, KEEPS("one"));
	assert_int_equal(put(w, &m, "after a restart"), ASK_DENIED_POLICY);
	id = strstr(last(w, &m)->detail, "n-");
	assert_non_null(id);
	buf_init(&out, 1 << 16);
	gate_revoke(w->gate, (uint32_t)getuid(), id, &gone, &out);
	buf_free(&out);
	assert_int_equal(gone.status, 200);
	assert_int_equal(put(w, &m, "lifted"), ASK_GRANTED);
	world_free(w);
}

static void what_the_router_kept_keeps_the_later_turns_too(void **state)
{
	struct world *w = world_new(KEEPS("one"));
	struct msg_DECIDED here = { .uid = (uint32_t)getuid(),
				    .kept = POLICY_TIER_CLOUD,
				    .categories = "personal.contact.email=1" };
	struct msg_ASK m = world_ask(w);

	(void)state;
	text_ulid(here.decision_id);
	strcpy(here.conversation, "c1"); /* a tool's result, say */
	gate_decided(w->gate, &here);
	gate_decided(w->gate, &here);
	assert_int_equal(world_records(w, RECORD_TAINTED, NULL), 1);
	strcpy(m.conversation, "c1");
	assert_int_equal(put(w, &m, "later"), ASK_DENIED_POLICY);
	world_set_policy(w, KEEPS("another")); /* it is another policy's word */
	assert_int_equal(put(w, &m, "later"), ASK_GRANTED);
	world_set_policy(w, KEEPS("one"));
	assert_int_equal(put(w, &m, "later still"), ASK_DENIED_POLICY);
	w->wall_ms = clock_wall_ms() + PERMS_SESSION_MS + 1000; /* records have the real time */
	assert_int_equal(put(w, &m, "tomorrow"), ASK_GRANTED);
	world_free(w);
}

/* --- old records ------------------------------------------------------------------------- */

#define DAY_MS 86400000LL

static uint64_t prune_after_60_days(const char *policy)
{
	struct world *w = world_new(policy);
	struct ledger *l = gate_ledger(w->gate);
	struct record r;
	uint64_t removed = 0;

	for (unsigned i = 0; i < 2500; i++) { /* a seal is kept now and then */
		record_init(&r, RECORD_DECIDED);
		r.time_ms = clock_wall_ms() - 60 * DAY_MS;
		ledger_queue(l, &r);
		if (i % 250 == 249)
			assert_int_equal(ledger_flush(l), ERR_OK);
	}
	assert_int_equal(gate_prune(w->gate, clock_wall_ms() - 50 * DAY_MS, &removed), ERR_OK);
	world_free(w);
	return removed;
}

static void what_a_budget_counts_is_not_pruned(void **state)
{
	(void)state;
	assert_true(prune_after_60_days(FAR("")) > 0);
	assert_int_equal(prune_after_60_days(FAR(",\"budgets\":[{\"id\":\"b\",\"scope\":["
						 "\"host\"],\"window\":\"90d\","
						 "\"max_requests\":9,\"on_exceed\":"
						 "\"refuse\"}]")),
			 0);
}

/* --- who waits --------------------------------------------------------------------------- */

static void a_question_says_how_many_wait_for_it(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	int64_t waiting = -1;
	cJSON *q;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put(w, &m, "the same"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_true(json_get_int(q, "waiting", 0, 100, &waiting));
	assert_int_equal(waiting, 3);
	cJSON_Delete(q);
	assert_int_equal(gate_pending(w->gate), 1);
	world_free(w);
}

/* --- who you are ------------------------------------------------------------------------- */

#define STRONG FAR(",\"consent\":{\"strong_auth_for\":[\"personal.*\"]}")
#define MAIL   "write to anna.example@example.com"

static struct gate_result approve(struct world *w, const struct msg_ASK *m, bool proved,
				  const char *id)
{
	cJSON *q = world_question(w, last(w, m)->question);
	bool strong = false;
	struct gate_response r = { .id = id != NULL ? id : json_get_string(q, "id"),
				   .nonce = json_get_string(q, "nonce"),
				   .digest = json_get_string(q, "digest"),
				   .word = GATE_APPROVE,
				   .uid = (uint32_t)getuid(),
				   .pid = getpid(),
				   .proved = proved };
	struct gate_result result;

	gate_respond(w->gate, &r, &result);
	(void)json_get_bool(q, "strong_auth", &strong);
	assert_true(strong || result.status == 409);
	cJSON_Delete(q);
	return result;
}

static void without_polkit_it_stays_here(void **state)
{
	struct world *w = world_new(STRONG);
	struct msg_ASK m = world_ask(w);

	(void)state;
	for (enum policy_tri strong = POLICY_UNKNOWN; strong <= POLICY_FALSE; strong++) {
		device(w, POLICY_FALSE, strong);
		assert_int_equal(put(w, &m, MAIL), ASK_DENIED_POLICY);
		assert_non_null(strstr(last(w, &m)->detail, "hither doctor"));
	}
	assert_int_equal(put(w, &m, "nothing of that kind"), ASK_PENDING);
	world_free(w);
}

static void a_yes_without_proof_is_none(void **state)
{
	struct world *w = world_new(STRONG);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	device(w, POLICY_FALSE, POLICY_TRUE);
	assert_int_equal(put(w, &m, MAIL), ASK_PENDING);
	world_pass(w, 10000);
	r = approve(w, &m, false, NULL);
	assert_int_equal(r.prove_ms, 50000); /* what is left of the question's minute */
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(world_records(w, RECORD_APPROVED, NULL), 0);
	r = approve(w, &m, true, NULL);
	assert_int_equal(r.prove_ms, 0);
	assert_string_equal(r.outcome, "granted");
	assert_int_equal(w->n_sends, 1);
	assert_int_equal(world_records(w, RECORD_APPROVED, NULL), 1);
	world_free(w);
}

static void a_proof_comes_too_late_for_what_is_over(void **state)
{
	struct world *w = world_new(STRONG);
	struct msg_ASK m = world_ask(w);
	struct gate_response r;
	struct gate_result result;
	cJSON *q;

	(void)state;
	device(w, POLICY_FALSE, POLICY_TRUE);
	assert_int_equal(put(w, &m, MAIL), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	r = (struct gate_response){ .id = json_get_string(q, "id"),
				    .nonce = json_get_string(q, "nonce"),
				    .digest = json_get_string(q, "digest"),
				    .word = GATE_APPROVE,
				    .uid = (uint32_t)getuid(),
				    .pid = getpid(),
				    .proved = true };
	device(w, POLICY_FALSE, POLICY_FALSE); /* nobody can tell any more: taken back */
	assert_int_equal(last(w, &m)->outcome, ASK_WITHDRAWN);
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 409);
	cJSON_Delete(q);
	device(w, POLICY_FALSE, POLICY_TRUE);
	assert_int_equal(put(w, &m, MAIL), ASK_PENDING);
	world_pass(w, 61000);
	assert_int_equal(last(w, &m)->outcome, ASK_TIMEOUT);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void a_no_needs_no_proof(void **state)
{
	struct world *w = world_new(STRONG);
	struct msg_ASK m = world_ask(w);

	(void)state;
	device(w, POLICY_FALSE, POLICY_TRUE);
	assert_int_equal(put(w, &m, MAIL), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_int_equal(last(w, &m)->outcome, ASK_REFUSED);
	world_free(w);
}

int main(void)
{
	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_locked_screen_is_left_alone),
		cmocka_unit_test(policy_may_refuse_or_hold_while_it_is_locked),
		cmocka_unit_test(a_night_behind_a_lock_uses_nothing_up),
		cmocka_unit_test(a_record_says_how_the_machine_was),
		cmocka_unit_test(a_hundred_names_are_worth_no_more_than_one),
		cmocka_unit_test(a_hundred_names_leave_no_more_open_than_one),
		cmocka_unit_test(a_denied_turn_keeps_the_later_ones_here),
		cmocka_unit_test(what_the_router_kept_keeps_the_later_turns_too),
		cmocka_unit_test(what_a_budget_counts_is_not_pruned),
		cmocka_unit_test(a_question_says_how_many_wait_for_it),
		cmocka_unit_test(without_polkit_it_stays_here),
		cmocka_unit_test(a_yes_without_proof_is_none),
		cmocka_unit_test(a_proof_comes_too_late_for_what_is_over),
		cmocka_unit_test(a_no_needs_no_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
