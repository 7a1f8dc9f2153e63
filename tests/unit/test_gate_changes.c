/* SPDX-License-Identifier: Apache-2.0 */
/* What changes while requests wait or are under way: policy, device, peers, budgets. */
#include "tests/unit/gate_help.h"

#include "tests/unit/shell.h"

static void a_new_policy_takes_questions_and_sends_back(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK a = world_ask(w), b = world_ask(w), c = world_ask(w), d = world_ask(w);
	struct gate_result r;

	(void)state;
	assert_true(world_put(w, &a, "one"));
	assert_int_equal(w->n_sends, 1);
	world_set_policy(w, ALLOWS);
	assert_false(w->sends[0].aborted);
	world_set_policy(w, ASKS);
	assert_true(w->sends[0].aborted); /* the rule that let it go is gone */
	assert_true(world_put(w, &c, "three"));
	assert_int_equal(last(w, &c)->outcome, ASK_PENDING);
	r = world_respond(w, last(w, &c)->question, true, "once");
	assert_int_equal(r.status, 200);
	assert_int_equal(w->n_sends, 2);
	world_set_policy(w, ASKS);
	assert_false(w->sends[1].aborted); /* a person said yes to it */
	assert_true(world_put(w, &b, "two"));
	assert_int_equal(last(w, &b)->outcome, ASK_PENDING);
	d.interactive = 0; /* the same text, from a job in the background */
	assert_true(world_put(w, &d, "two"));
	assert_int_equal(last(w, &d)->outcome, ASK_PENDING);
	assert_string_equal(last(w, &d)->question, last(w, &b)->question);
	world_set_policy(w,
			 FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\","
			     "\"effect\":\"local_only\",\"when\":{\"interactive\":false}}]"));
	assert_int_equal(last(w, &b)->outcome, ASK_PENDING);
	assert_int_equal(last(w, &d)->outcome, ASK_WITHDRAWN);
	assert_false(w->sends[1].aborted);
	world_set_policy(w, DENIES);
	assert_int_equal(last(w, &b)->outcome, ASK_WITHDRAWN);
	assert_true(w->sends[1].aborted);
	world_free(w);
}

#define LOCKED_RULE                                                                            \
	FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"locked\",\"effect\":"        \
	    "\"deny\","                                                                        \
	    "\"when\":{\"device\":{\"locked\":true}},\"because\":\"Nobody is looking.\"}]")
#define NOON_RULE                                                                              \
	FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"noon\",\"effect\":\"deny\"," \
	    "\"when\":{\"time\":{\"hours\":\"11:07-12:00\"}}}]")

static void what_changes_around_a_question_ends_it(void **state)
{
	struct msg_DEVICE_STATE open = { .battery_pct = 255, .locked = POLICY_FALSE },
				locked = { .battery_pct = 255, .locked = POLICY_TRUE };
	struct world *w = world_new(LOCKED_RULE);
	struct msg_ASK a = world_ask(w), b = world_ask(w), c = world_ask(w);
	char question[27];

	(void)state;
	assert_int_equal(ask_outcome_of(w, &a, "nobody has said"), ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &a)->detail, "locked?: Nobody is looking."));
	gate_device(w->gate, &open);
	assert_int_equal(ask_outcome_of(w, &b, "not locked"), ASK_PENDING);
	memcpy(question, last(w, &b)->question, sizeof question);
	gate_device(w->gate, &open);
	assert_int_equal(last(w, &b)->outcome, ASK_PENDING);
	gate_device(w->gate, &locked);
	assert_int_equal(last(w, &b)->outcome, ASK_WITHDRAWN);
	assert_non_null(strstr(last(w, &b)->detail, "locked: Nobody is looking."));
	assert_int_equal(world_respond(w, question, true, NULL).status, 409);
	assert_int_equal(ask_outcome_of(w, &c, "locked"), ASK_DENIED_POLICY);
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	world_free(w);
}

static void what_is_on_its_way_stays_there_when_the_screen_is_locked(void **state)
{
	struct msg_DEVICE_STATE open = { .battery_pct = 255, .locked = POLICY_FALSE },
				locked = { .battery_pct = 255, .locked = POLICY_TRUE };
	struct world *w = world_new(LOCKED_RULE);
	struct msg_ASK m = world_ask(w);

	(void)state;
	gate_device(w->gate, &open);
	assert_true(world_put(w, &m, "one"));
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_int_equal(w->n_sends, 1);
	gate_device(w->gate, &locked);
	assert_false(w->sends[0].aborted);
	world_free(w);
}

static void a_yes_counts_by_the_clock_of_the_yes(void **state)
{
	struct world *w;
	struct msg_ASK m;

	(void)state;
	setenv("TZ", "UTC0", 1);
	w = world_new(NOON_RULE); /* it is 11:06:40 */
	m = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &m, "before the hour"), ASK_PENDING);
	world_pass(w, 30000);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 409);
	assert_int_equal(last(w, &m)->outcome, ASK_WITHDRAWN);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
	unsetenv("TZ");
}

static bool keep_body(void *ctx, const struct record *r, struct span body)
{
	(void)r;
	buf_add(ctx, body);
	return true;
}

static void the_text_is_kept_only_where_policy_says_so(void **state)
{
	static const char *const policies[] = {
		FAR("\"default\":{\"cloud\":\"allow\"}"),
		FAR("\"default\":{\"cloud\":\"allow\"},\"ledger\":{\"content\":\"full\"}"),
	};
	static const char *const keyed[] = {
		FAR("\"default\":{\"cloud\":\"allow\"},\"ledger\":{\"content\":\"none\"}"),
		/* a rule's `log` may only be more private */
		FAR("\"default\":{\"cloud\":\"allow\"},\"ledger\":{\"content\":\"full\"},"
		    "\"rules\":[{\"id\":\"r\",\"effect\":\"require\","
		    "\"with\":{\"log\":\"metadata\"}}]"),
	};

	(void)state;
	for (unsigned full = 0; full < 2; full++) {
		struct world *w = world_new(policies[full]);
		struct msg_ASK m = world_ask(w);
		char digest[80] = "sha256:";
		struct buf b;

		assert_int_equal(ask_outcome_of(w, &m, "a hard question"), ASK_GRANTED);
		text_hex(w->sends[0].m.body_sha256, 32, digest + 7);
		buf_init(&b, 1 << 20);
		assert_int_equal(ledger_content(gate_ledger(w->gate), digest, &b),
				 full ? ERR_OK : ERR_NOT_FOUND);
		assert_int_equal(b.len, full ? w->sends[0].body_len : 0);
		buf_free(&b);
		world_free(w);
	}
	for (unsigned i = 0; i < LEN(keyed); i++) {
		struct world *w = world_new(keyed[i]);
		struct msg_ASK m = world_ask(w);
		struct span all;
		struct buf b;

		assert_int_equal(ask_outcome_of(w, &m, "a hard question"), ASK_GRANTED);
		buf_init(&b, 1 << 16);
		assert_int_equal(ledger_each(gate_ledger(w->gate), 1, 0, keep_body, &b),
				 ERR_OK);
		all = buf_span(&b);
		assert_non_null(memmem(all.ptr, all.len, "\"digest\":\"hmac-sha256:", 22));
		assert_null(memmem(all.ptr, all.len, "\"sha256:", 8));
		buf_free(&b);
		world_free(w);
	}
}

static void the_client_left(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "one"));
	gate_cancel(w->gate, m.request_id);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 409);
	assert_int_equal(w->n_sends, 0);
	world_set_policy(w, ALLOWS);
	m = world_ask(w);
	assert_true(world_put(w, &m, "two"));
	gate_cancel(w->gate, m.request_id);
	assert_true(w->sends[0].aborted);
	world_sent(w, 0, SEND_ABORTED, -1, -1);
	assert_int_equal(world_records(w, RECORD_CLOSED, "aborted"), 1);
	world_free(w);
}

static void cloud_dies_and_nothing_is_sent_twice(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "one"));
	w->cloud_up = false;
	gate_cloud_gone(w->gate);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 1);
	m = world_ask(w);
	assert_true(world_put(w, &m, "two"));
	assert_int_equal(last(w, &m)->outcome, ASK_UNREACHABLE);
	w->cloud_up = true;
	w->send_fails = true;
	m = world_ask(w);
	assert_true(world_put(w, &m, "three"));
	assert_int_equal(last(w, &m)->outcome, ASK_UNREACHABLE);
	assert_int_equal(world_records(w, RECORD_CLOSED, "refused"), 1);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

static void a_restart_closes_what_was_open(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "one"));
	/* The files as kill -9 leaves them, taken while the first process still runs. */
	shell("cp -a '%s' '%s.killed' && rm '%s.killed/ledger/lock'", w->state_dir,
	      w->state_dir, w->state_dir);
	struct world *v = world_new(ALLOWS);
	gate_free(v->gate);
	snprintf(v->state_dir, sizeof v->state_dir, "%.200s.killed", w->state_dir);
	world_start(v, ALLOWS);
	assert_int_equal(world_records(v, RECORD_CLOSED, "unknown"), 1);
	assert_int_equal(world_records(v, RECORD_GRANTED, NULL), 1);
	assert_int_equal(v->n_sends, 0);
	world_free(v);
	world_free(w);
}

#define BUDGET(limit)                                                                          \
	FAR("\"default\":{\"cloud\":\"allow\"},\"budgets\":[{\"id\":\"b\",\"scope\":["         \
	    "\"user\"],"                                                                       \
	    "\"window\":\"day\"," limit ",\"on_exceed\":\"local\"}]")

static unsigned granted_of(struct world *w, unsigned times, struct msg_ASK *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < times; i++)
		n += ask_outcome_of(w, m, "a question") == ASK_GRANTED;
	return n;
}

static void budgets_let_exactly_n_pass(void **state)
{
	struct world *w = world_new(BUDGET("\"max_requests\":17"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(granted_of(w, 64, &m), 17); /* all under way at once */
	assert_int_equal(last(w, &m)->outcome, ASK_BUDGET);
	/* Certain that nothing left: its place is free again. Unknown use: it is not. */
	w->sends[0].body_len = 0;
	world_sent(w, 0, SEND_REFUSED, -1, -1);
	world_sent(w, 1, SEND_FAILED, -1, -1);
	assert_int_equal(granted_of(w, 5, &m), 1);
	world_restart(w, BUDGET("\"max_requests\":17")); /* and after a restart all the same */
	assert_int_equal(granted_of(w, 5, &m), 0);
	world_free(w);
}

static void budgets_settle_to_what_was_used(void **state)
{
	struct world *w = world_new(BUDGET("\"max_tokens\":1000"));
	struct msg_ASK m = world_ask(w);
	unsigned first;

	(void)state;
	first = granted_of(w, 64, &m); /* each reserves its bytes and 100 tokens of answer */
	assert_true(first >= 3 && first <= 6);
	for (unsigned i = 0; i < first; i++)
		world_sent(w, i, SEND_COMPLETE, 5, 5);
	assert_true(granted_of(w, 64, &m) >= first - 1);
	world_free(w);
	/* A price that is unknown cannot be counted: nothing leaves. */
	w = world_new("{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		      "\"cloud\",\"api\":\"openai\","
		      "\"base_url\":\"https://far.example/"
		      "v1\",\"models\":[\"big-1\"]}},\"default\":{\"cloud\":\"allow\"},"
		      "\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"],\"window\":\"month\","
		      "\"max_cost\":{\"amount\":5,"
		      "\"currency\":\"EUR\"},\"on_exceed\":\"local\"}]}");
	m = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	world_free(w);
}

/* Permissions, what was refused or taken back, taints and what was spent, as they are shown.
 * How often one was used is of this run alone. */
static void write_what_counts(struct world *w, struct buf *out)
{
	gate_write_grants(w->gate, (uint32_t)getuid(), out);
	gate_write_budgets(w->gate, out);
	for (char *at = strstr(buf_cstr(out), "\"uses\":"); at != NULL;
	     at = strstr(at, "\"uses\":"))
		for (at += 7; *at >= '0' && *at <= '9'; at++)
			*at = '#';
}

static void what_counts_outlives_a_restart(void **state)
{
	static const char policy[] =
		FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"mail\",\"effect\":"
		    "\"deny\",\"when\":{\"tier\":[\"cloud\"],\"data\":{\"any\":["
		    "\"personal.*\"]}}}],\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"],"
		    "\"window\":\"day\",\"max_cost\":{\"amount\":5,\"currency\":\"EUR\"},"
		    "\"on_exceed\":\"ask\"}]");
	static const char *const apps[] = { "org.example.A", "org.example.B", "org.example.C" };
	struct world *w = world_new(policy);
	struct msg_ASK m = world_ask(w);
	char back[sizeof((struct gate_result *)NULL)->permission] = "";
	struct gate_result r;
	struct buf before, after;

	(void)state;
	buf_init(&before, 1 << 20);
	buf_init(&after, 1 << 20);
	for (size_t i = 0; i < LEN(apps); i++) {
		strcpy(m.app, apps[i]);
		snprintf(m.conversation, sizeof m.conversation, "c%zu", i);
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
		r = world_respond(w, last(w, &m)->question, i != 1, "session");
		assert_int_equal(r.status, 200);
		memcpy(back, r.permission, sizeof back);
	}
	gate_revoke(w->gate, (uint32_t)getuid(), back, &r, &after);
	assert_int_equal(r.status, 200);
	buf_clear(&after);
	world_sent(w, 0, SEND_COMPLETE, 31, 17); /* the other stays at its bound */
	world_sent(w, 1, SEND_ABORTED, -1, -1);
	strcpy(m.conversation, "c9");
	assert_int_equal(ask_outcome_of(w, &m, "to anna.schmidt@example.org"),
			 ASK_DENIED_POLICY);
	write_what_counts(w, &before);
	world_restart(w, policy);
	write_what_counts(w, &after);
	assert_string_equal(buf_cstr(&after), buf_cstr(&before));
	assert_non_null(strstr(buf_cstr(&after), "\"keeps_from_tier\":\"cloud\""));
	assert_non_null(strstr(buf_cstr(&after), "\"requests\":2"));
	buf_free(&before);
	buf_free(&after);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_policy_takes_questions_and_sends_back),
		cmocka_unit_test(what_changes_around_a_question_ends_it),
		cmocka_unit_test(what_is_on_its_way_stays_there_when_the_screen_is_locked),
		cmocka_unit_test(a_yes_counts_by_the_clock_of_the_yes),
		cmocka_unit_test(the_text_is_kept_only_where_policy_says_so),
		cmocka_unit_test(the_client_left),
		cmocka_unit_test(cloud_dies_and_nothing_is_sent_twice),
		cmocka_unit_test(a_restart_closes_what_was_open),
		cmocka_unit_test(budgets_let_exactly_n_pass),
		cmocka_unit_test(budgets_settle_to_what_was_used),
		cmocka_unit_test(what_counts_outlives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
