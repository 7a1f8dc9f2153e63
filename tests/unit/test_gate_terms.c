/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terms of a yes: how long it holds, whether it says why; what a body must not have when
 * policy strips it; and records that policy lets go after a while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "consent/inspect.h"
#include "tests/fake/gate_world.h"

#define FAR(more)                                                                              \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"operator\":\"Far Inc\",\"region\":\"eu\",\"base_url\":"          \
	"\"https://far.example/"                                                               \
	"v1\",\"models\":[\"big-1\"]}},\"default\":{\"cloud\":\"ask\"}" more "}"
#define LONG FAR(",\"consent\":{\"scopes\":[\"once\",\"until\"],\"max_until\":\"4h\"}")

static const int64_t hour_ms = 3600000;

/* The id of the question that an ASK of `app` opens. */
static const char *question(struct world *w, const char *app)
{
	struct msg_ASK m = world_ask(w);

	snprintf(m.app, sizeof m.app, "%s", app);
	assert_true(world_put(w, &m, "text"));
	const struct msg_ANSWER *a = world_last(w, m.request_id);
	assert_non_null(a);
	assert_int_equal(a->outcome, ASK_PENDING);
	return a->question;
}

static struct gate_result say_yes(struct world *w, const char *id, const char *scope,
				  const char *until, const char *reason)
{
	cJSON *q = world_question(w, id);
	const struct gate_response r = { .id = id,
					 .nonce = json_get_string(q, "nonce"),
					 .digest = json_get_string(q, "digest"),
					 .word = GATE_APPROVE,
					 .scope = scope,
					 .until = until,
					 .reason = reason,
					 .uid = (uint32_t)getuid(),
					 .pid = getpid() };
	struct gate_result result;

	gate_respond(w->gate, &r, &result);
	cJSON_Delete(q);
	return result;
}

/* Is the same app's next request answered by the permission? */
static bool still_holds(struct world *w, const char *app)
{
	struct msg_ASK m = world_ask(w);

	snprintf(m.app, sizeof m.app, "%s", app);
	assert_true(world_put(w, &m, "more text"));
	bool granted = world_last(w, m.request_id)->outcome == ASK_GRANTED;

	if (granted)
		world_sent(w, w->n_sends - 1, SEND_COMPLETE, 1, 1);
	return granted;
}

static void a_yes_lasts_until_then(void **state)
{
	char time[40];
	static const struct {
		const char *app, *scope, *until;
		int64_t holds_ms; /* 0: refused */
	} rows[] = {
		{ "a.duration", "until", "2h", 2 * 3600000 },
		{ "a.duration.alone", NULL, "30m", 1800000 },
		{ "longer.than.policy", "until", "9h", 4 * 3600000 },
		{ "a.time", "until", "", 2 * 3600000 },
		{ "no.time", "until", NULL, 0 },
		{ "the.past", "until", "2020-01-01T00:00:00Z", 0 },
		{ "no.word", "until", "later", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world *w = world_new(LONG);
		const char *until = rows[i].until;

		if (until != NULL && until[0] == '\0') {
			clock_rfc3339(w->wall_ms + rows[i].holds_ms, time);
			until = time;
		}
		const char *id = question(w, rows[i].app);
		struct gate_result r = say_yes(w, id, rows[i].scope, until, NULL);
		if (rows[i].holds_ms == 0) {
			assert_int_equal(r.status, 422);
			assert_string_equal(r.code, "bad_until");
			assert_int_equal(w->n_sends, 0);
			assert_int_equal(say_yes(w, id, "once", NULL, NULL).status, 200);
		} else {
			assert_int_equal(r.status, 200);
			world_sent(w, 0, SEND_COMPLETE, 1, 1);
			world_pass(w, (uint64_t)rows[i].holds_ms - 1000);
			assert_true(still_holds(w, rows[i].app));
			world_pass(w, 2000);
			assert_false(still_holds(w, rows[i].app));
		}
		world_free(w);
	}
}

static void policy_may_want_a_reason(void **state)
{
	struct world *w = world_new(FAR(",\"consent\":{\"require_reason\":true}"));
	const char *id = question(w, "org.example.App");
	static const char *const none[] = { NULL, "" };

	(void)state;
	for (size_t i = 0; i < LEN(none); i++) {
		struct gate_result r = say_yes(w, id, "once", NULL, none[i]);

		assert_int_equal(r.status, 422);
		assert_string_equal(r.code, "reason_required");
	}
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(say_yes(w, id, "once", NULL, "a customer waits").status, 200);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

static void a_scope_is_one_of_four_and_one_of_the_policys(void **state)
{
	struct world *w = world_new(LONG);
	const char *id = question(w, "org.example.App");

	(void)state;
	static const char *const wrong[] = { "always", "session", "forever", "" };
	for (size_t i = 0; i < LEN(wrong); i++) {
		struct gate_result r = say_yes(w, id, wrong[i], NULL, NULL);

		assert_int_equal(r.status, 422);
		assert_string_equal(r.code, "bad_scope");
	}
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void records_go_when_policy_says_so(void **state)
{
	struct world *w = world_new(FAR(",\"ledger\":{\"retain\":\"30d\"}"));
	struct ledger_report report;

	(void)state;
	w->wall_ms =
		clock_wall_ms() - 60 * 24 * hour_ms; /* nothing of the last days ever goes */
	assert_int_equal(say_yes(w, question(w, "one"), "once", NULL, NULL).status, 200);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	for (unsigned i = 0; i < 2500;
	     i++) { /* it goes up to a seal, and there is one now and then */
		struct record r;

		record_init(&r, RECORD_DECIDED);
		r.time_ms = w->wall_ms;
		ledger_queue(gate_ledger(w->gate), &r);
		if (i % 250 == 249)
			assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	}
	for (int day = 0; day < 29; day++)
		world_pass(w, 24 * (uint64_t)hour_ms);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 1);
	assert_int_equal(world_records(w, RECORD_PRUNED, NULL), 0);
	/* It wants to be woken for that, with nothing else to do. */
	assert_true(gate_tick(w->gate) <= w->now_ms + 24 * (uint64_t)hour_ms);
	for (int day = 0; day < 30; day++)
		world_pass(w, 24 * (uint64_t)hour_ms);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 0);
	assert_true(world_records(w, RECORD_PRUNED, NULL) >= 1);
	assert_int_equal(
		ledger_verify(gate_ledger(w->gate), 0, 0, NULL, 0, &report, NULL, NULL),
		ERR_OK);
	assert_true(report.ok);
	world_free(w);
}

/* Each thing that policy strips or caps, on a body that has just that. */
static void what_is_to_be_stripped_is_seen(void **state)
{
	static struct inspected all = { .tools = true,
					.images = true,
					.files = true,
					.system_prompt = true,
					.metadata = true,
					.max_output_tokens = 100,
					.text_bytes = 800 };
	struct policy_decision d = { .max_input_tokens = INT64_MAX,
				     .max_output_tokens = INT64_MAX };
	static const struct {
		unsigned strip;
		const char *said;
	} rows[] = {
		{ POLICY_STRIP_TOOLS, "tools must be stripped" },
		{ POLICY_STRIP_ATTACHMENTS, "attachments must be stripped" },
		{ POLICY_STRIP_IMAGES, "images must be stripped" },
		{ POLICY_STRIP_SYSTEM_PROMPT, "the system prompt must be stripped" },
		{ POLICY_STRIP_METADATA, "metadata must be stripped" },
	};
	static const struct inspected none = { .max_output_tokens = 100, .text_bytes = 800 };

	(void)state;
	assert_null(inspect_unmet(&all, &d));
	for (size_t i = 0; i < LEN(rows); i++) {
		d.strip = rows[i].strip;
		assert_string_equal(inspect_unmet(&all, &d), rows[i].said);
		assert_null(inspect_unmet(&none, &d));
	}
	/* Either kind of attachment is one. */
	d.strip = POLICY_STRIP_ATTACHMENTS;
	all.images = false;
	assert_non_null(inspect_unmet(&all, &d));
	all.images = true;
	all.files = false;
	assert_non_null(inspect_unmet(&all, &d));
	d.strip = 0;
	d.max_output_tokens = 100;
	assert_null(inspect_unmet(&all, &d));
	d.max_output_tokens = 99;
	assert_non_null(inspect_unmet(&all, &d));
	d.max_output_tokens = 100;
	all.max_output_tokens = 0; /* less than is allowed */
	assert_null(inspect_unmet(&all, &d));
	all.max_output_tokens = -1; /* none stated */
	assert_non_null(inspect_unmet(&all, &d));
	all.max_output_tokens = 1;
	d.max_input_tokens = 100;
	assert_null(inspect_unmet(&all, &d));
	d.max_input_tokens = 99;
	assert_non_null(inspect_unmet(&all, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_lasts_until_then),
		cmocka_unit_test(policy_may_want_a_reason),
		cmocka_unit_test(a_scope_is_one_of_four_and_one_of_the_policys),
		cmocka_unit_test(records_go_when_policy_says_so),
		cmocka_unit_test(what_is_to_be_stripped_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
