/* SPDX-License-Identifier: Apache-2.0 */
/* Releases of one turn: one commit for all, a record for each, nothing out before it. */
#include "tests/unit/gate_help.h"

#include "common/text.h"
#include "consent/gate_impl.h"

#define SOME 6

#define BUDGET(limit)                                                                          \
	FAR("\"default\":{\"cloud\":\"allow\"},\"budgets\":[{\"id\":\"b\",\"scope\":["         \
	    "\"user\"],\"window\":\"day\"," limit ",\"on_exceed\":\"local\"}]")

static struct world *turn_of(const char *policy, struct msg_ASK m[], unsigned n)
{
	struct world *w = world_new(policy);

	w->same_turn = true;
	for (unsigned i = 0; i < n; i++) {
		char text[16];

		m[i] = world_ask(w);
		snprintf(text, sizeof text, "text %u", i);
		assert_true(world_put(w, &m[i], text));
	}
	return w;
}

struct chain {
	char id[2 * SOME + 1][TEXT_ULID_BYTES], ref[2 * SOME + 1][TEXT_ULID_BYTES];
	enum record_kind kind[2 * SOME + 1];
	uint64_t seq[2 * SOME + 1];
	unsigned n;
};

static bool see(void *ctx, const struct record *r, struct span body)
{
	struct chain *c = ctx;

	(void)body;
	if (r->kind != RECORD_INTENT && r->kind != RECORD_GRANTED && r->kind != RECORD_CLOSED)
		return true;
	assert_true(c->n < LEN(c->id));
	memcpy(c->id[c->n], r->id, sizeof c->id[0]);
	memcpy(c->ref[c->n], r->ref, sizeof c->ref[0]);
	c->kind[c->n] = r->kind;
	c->seq[c->n++] = r->seq;
	return true;
}

static struct chain chain_of(struct world *w)
{
	struct chain c = { .n = 0 };

	assert_int_equal(ledger_each(gate_ledger(w->gate), 0, 0, see, &c), ERR_OK);
	return c;
}

static void whole(struct world *w)
{
	struct ledger_report report;

	assert_int_equal(
		ledger_verify(gate_ledger(w->gate), 0, 0, NULL, 0, &report, NULL, NULL),
		ERR_OK);
	assert_true(report.ok);
}

static void one_commit_and_a_record_for_each(void **state)
{
	struct msg_ASK m[SOME];
	struct world *w = turn_of(ALLOWS, m, SOME);
	unsigned before = w->n_heads;
	struct chain c;

	(void)state;
	assert_int_equal(w->n_sends + w->n_answers, 0); /* nothing leaves, nobody is told */
	assert_int_equal(chain_of(w).n, 0);
	assert_int_equal(gate_status(w->gate).sending, SOME);
	assert_true(gate_turn(w->gate));
	assert_int_equal(w->n_heads, before + 1);
	c = chain_of(w);
	assert_int_equal(c.n, 2 * SOME);
	assert_int_equal(w->n_sends, SOME);
	assert_int_equal(w->n_answers, SOME);
	for (unsigned i = 0; i < SOME; i++) {
		char text[16];

		assert_int_equal(c.kind[2 * i], RECORD_INTENT);
		assert_int_equal(c.kind[2 * i + 1], RECORD_GRANTED);
		assert_string_equal(c.ref[2 * i + 1], c.id[2 * i]);
		assert_int_equal(w->sends[i].m.ledger_seq, c.seq[2 * i + 1]);
		snprintf(text, sizeof text, "text %u\"", i);
		assert_non_null(strstr(w->sends[i].body, text));
		assert_int_equal(w->answers[i].request_id, m[i].request_id);
		assert_int_equal(w->answers[i].outcome, ASK_GRANTED);
		assert_string_equal(w->answers[i].receipt, c.id[2 * i + 1]);
	}
	assert_false(gate_turn(w->gate)); /* once */
	assert_int_equal(w->n_sends, SOME);
	whole(w);
	world_free(w);
}

static void a_budget_refuses_in_the_middle(void **state)
{
	struct world *w = world_new(BUDGET("\"max_tokens\":500"));
	struct msg_ASK small = world_ask(w), large = world_ask(w), other = world_ask(w);
	char text[1000];

	(void)state;
	w->same_turn = true;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_true(world_put(w, &small, "one"));
	assert_true(world_put(w, &large, text));
	assert_true(world_put(w, &other, "two"));
	assert_int_equal(last(w, &large)->outcome, ASK_BUDGET); /* at once */
	assert_true(gate_turn(w->gate));
	assert_int_equal(last(w, &small)->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &other)->outcome, ASK_GRANTED);
	assert_int_equal(w->n_sends, 2);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 2);
	whole(w);
	world_free(w);
}

static void what_is_left_of_a_budget_is_taken_once(void **state)
{
	struct world *w = world_new(BUDGET("\"max_requests\":17"));
	struct msg_ASK m;

	(void)state;
	w->same_turn = true;
	for (unsigned i = 0; i < 64; i++) {
		m = world_ask(w);
		assert_true(world_put(w, &m, "x"));
	}
	assert_int_equal(w->n_answers, 64 - 17);
	assert_true(gate_turn(w->gate));
	assert_int_equal(w->n_sends, 17);
	world_free(w);
}

/* A call of the commit fails once, then all from it on: all go, or none. Memory that failed
 * once stops nobody: each is tried by itself. */
static void a_commit_that_fails_refuses_all(void **state)
{
	unsigned refused = 0, went_by_itself = 0;
	bool fired = true;

	(void)state;
	for (unsigned n = 1; fired; n += 1 + n / 10) { /* there are hundreds */
		for (unsigned on = 0; on < 2; on++) {
			struct msg_ASK m[SOME], after;
			struct world *w = turn_of(BUDGET("\"max_requests\":6"), m, SOME);

			fault_arm(n, on == 1);
			assert_true(gate_turn(w->gate));
			fired = fault_fired();
			fault_arm(0, false);
			assert_true(w->n_sends == 0 || w->n_sends == SOME);
			for (unsigned i = 0; i < SOME; i++)
				assert_int_equal(last(w, &m[i])->outcome,
						 w->n_sends > 0 ? ASK_GRANTED : ASK_LEDGER);
			refused += w->n_sends == 0;
			went_by_itself += fired && w->n_sends == SOME;
			/* Whoever did not go left room, and the ledger holds who did. */
			world_pass(w, 2000);
			assert_int_equal(world_records(w, RECORD_GRANTED, NULL), w->n_sends);
			w->same_turn = false;
			bool went = w->n_sends > 0;
			after = world_ask(w);
			assert_int_equal(ask_outcome_of(w, &after, "after"),
					 went ? ASK_BUDGET : ASK_GRANTED);
			whole(w);
			world_free(w);
		}
	}
	assert_true(refused > 10);
	assert_true(went_by_itself > 10);
}

static void who_leaves_before_the_commit_takes_nothing_along(void **state)
{
	struct msg_ASK m[3], other;
	struct world *w = turn_of(BUDGET("\"max_requests\":3"), m, 3);

	(void)state;
	gate_cancel(w->gate, m[2].request_id); /* the last, then the middle: the list holds */
	gate_cancel(w->gate, m[1].request_id);
	other = world_ask(w);
	assert_true(world_put(w, &other, "in their place"));
	assert_true(gate_turn(w->gate));
	assert_int_equal(w->n_sends, 2);
	assert_int_equal(w->n_answers, 2);
	assert_int_equal(last(w, &m[0])->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &other)->outcome, ASK_GRANTED);
	assert_int_equal(world_records(w, RECORD_INTENT, NULL), 2);
	world_free(w);
	w = turn_of(ALLOWS, m, 3);
	gate_router_gone(w->gate, ROLE_ROUTER);
	assert_false(gate_turn(w->gate));
	assert_int_equal(w->n_sends + w->n_answers, 0);
	assert_int_equal(gate_status(w->gate).sending, 0);
	assert_int_equal(world_records(w, RECORD_INTENT, NULL), 0);
	world_free(w);
}

static void cloud_that_goes_meanwhile(void **state)
{
	struct msg_ASK m[3];
	struct world *w = turn_of(ALLOWS, m, 3);

	(void)state;
	w->cloud_up = false;
	gate_cloud_gone(w->gate);
	assert_true(gate_turn(w->gate));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(last(w, &m[i])->outcome, ASK_UNREACHABLE);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 0);
	world_free(w);
	/* After the commit: each is closed as not sent. */
	w = turn_of(ALLOWS, m, 3);
	w->send_fails = true;
	assert_true(gate_turn(w->gate));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(last(w, &m[i])->outcome, ASK_UNREACHABLE);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 3);
	assert_int_equal(world_records(w, RECORD_CLOSED, "refused"), 3);
	assert_int_equal(gate_status(w->gate).sending, 0);
	world_free(w);
}

static void what_is_taken_back_in_the_same_turn(void **state)
{
	struct msg_ASK m[2], asked;
	struct world *w = turn_of(ALLOWS, m, 2);
	struct gate_result r, back;
	struct buf out;

	(void)state;
	world_set_policy(w, DENIES); /* it lets them go as the old one said, and cuts them */
	assert_int_equal(w->n_sends, 2);
	assert_true(w->sends[0].aborted && w->sends[1].aborted);
	assert_false(gate_turn(w->gate));
	world_set_policy(w, ASKS);
	w->same_turn = false;
	asked = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &asked, "x"), ASK_PENDING);
	r = world_respond(w, last(w, &asked)->question, true, "session");
	w->same_turn = true;
	asked.request_id = w->next_request++;
	assert_true(world_put(w, &asked, "y"));
	assert_int_equal(w->n_sends, 3);
	buf_init(&out, 1 << 20);
	gate_revoke(w->gate, (uint32_t)getuid(), r.permission, &back, &out);
	buf_free(&out);
	assert_int_equal(back.status, 200);
	assert_int_equal(w->n_sends, 4);
	assert_true(w->sends[3].aborted);
	world_free(w);
}

/* What was reserved before the folds were made anew is not in them: it may not count on it. */
static void a_ledger_opened_anew_refuses_them(void **state)
{
	struct msg_ASK m[2];
	struct world *w = turn_of(ALLOWS, m, 2);

	(void)state;
	w->gate->ledger_ok = false;
	gate_ledger_retry(w->gate);
	assert_true(gate_status(w->gate).ledger_ok);
	assert_true(gate_turn(w->gate));
	assert_int_equal(last(w, &m[0])->outcome, ASK_LEDGER);
	assert_int_equal(last(w, &m[1])->outcome, ASK_LEDGER);
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 0);
	world_free(w);
}

static void an_end_goes_with_the_next_grant(void **state)
{
	struct msg_ASK m[2];
	struct world *w = turn_of(ALLOWS, m, 1);
	unsigned before;
	struct chain c;

	(void)state;
	assert_true(gate_turn(w->gate));
	before = w->n_heads;
	world_sent(w, 0, SEND_COMPLETE, 5, 5);
	assert_int_equal(chain_of(w).n, 2);
	m[1] = world_ask(w);
	assert_true(world_put(w, &m[1], "next"));
	world_pass(w, 1000); /* it is due, and the turn's commit takes it along */
	assert_int_equal(w->n_heads, before);
	assert_true(gate_turn(w->gate));
	assert_int_equal(w->n_heads, before + 1);
	c = chain_of(w);
	assert_int_equal(c.n, 5);
	assert_int_equal(c.kind[2], RECORD_CLOSED);
	assert_string_equal(c.ref[2], c.id[1]);
	/* Alone it waits for a moment only. */
	world_sent(w, 1, SEND_COMPLETE, 5, 5);
	assert_true(gate_tick(w->gate) <= w->now_ms + 20);
	world_pass(w, 20);
	assert_int_equal(chain_of(w).n, 6);
	whole(w);
	world_free(w);
}

/* --- what comes between a decision and its commit -------------------------------------------
 */

static uint64_t newest_seq(struct world *w, enum record_kind kind)
{
	struct newest f = newest_of(w, kind);
	uint64_t seq = f.r.seq;

	arena_free(f.arena);
	return seq;
}

#define CONVERSATION "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A no that a person was told of, or that policy said, comes before no release. */
static void a_no_in_the_same_turn_is_behind_what_it_did_not_stop(void **state)
{
	struct world *w =
		world_new(FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"auto\","
			      "\"effect\":\"allow\",\"when\":{\"task\":[\"code\"]}}]"));
	struct msg_DECIDED kept = { .uid = (uint32_t)getuid(), .kept = POLICY_TIER_CLOUD };
	struct msg_ASK asked = world_ask(w), first = world_ask(w), after = world_ask(w);

	(void)state;
	strcpy(first.task, "code");
	after = first;
	assert_int_equal(ask_outcome_of(w, &asked, "may I?"), ASK_PENDING);
	w->same_turn = true;
	first.request_id = w->next_request++;
	assert_true(world_put(w, &first, "one"));
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(world_respond(w, last(w, &asked)->question, false, "session").status,
			 200);
	assert_int_equal(w->n_sends, 1);
	assert_true(newest_seq(w, RECORD_GRANTED) < newest_seq(w, RECORD_REFUSED));
	assert_int_equal(ask_outcome_of(w, &after, "two"), ASK_REFUSED);
	world_free(w);

	w = world_new(ALLOWS);
	first = world_ask(w);
	strcpy(first.conversation, CONVERSATION);
	strcpy(kept.conversation, CONVERSATION);
	strcpy(kept.app, first.app);
	w->same_turn = true;
	assert_true(world_put(w, &first, "one"));
	gate_decided(w->gate, &kept);
	assert_int_equal(w->n_sends, 1);
	assert_true(newest_seq(w, RECORD_GRANTED) < newest_seq(w, RECORD_TAINTED));
	assert_int_equal(ask_outcome_of(w, &first, "two"), ASK_DENIED_POLICY);
	assert_false(gate_turn(w->gate));
	world_free(w);
}

static void records_say_on_which_device_it_was_decided(void **state)
{
	struct msg_DEVICE_STATE then = { .battery_pct = 41 }, now = { .battery_pct = 7 };
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct newest f;

	(void)state;
	gate_device(w->gate, &then);
	w->same_turn = true;
	assert_true(world_put(w, &m, "x"));
	gate_device(w->gate, &now);
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	f = newest_of(w, RECORD_GRANTED);
	assert_non_null(strstr(f.r.device, "41"));
	arena_free(f.arena);
	world_free(w);
}

/* Its text is not kept either. */
static void of_who_leaves_before_the_commit_nothing_is_kept(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"allow\"},\"ledger\":{\"content\":\"full\"}"));
	struct msg_ASK leaves = world_ask(w), stays = world_ask(w);
	char left[80] = "sha256:", sent[80] = "sha256:";
	struct crypto_sha256 sha256;
	struct buf b;

	(void)state;
	w->same_turn = true;
	assert_true(world_put(w, &leaves, "leaves"));
	assert_true(world_put(w, &stays, "stays"));
	gate_cancel(w->gate, leaves.request_id);
	assert_true(gate_turn(w->gate));
	assert_int_equal(w->n_sends, 1);
	world_body("leaves", &b);
	crypto_sha256(buf_span(&b), &sha256);
	buf_free(&b);
	crypto_sha256_hex(&sha256, left + 7);
	text_hex(w->sends[0].m.body_sha256, 32, sent + 7);
	buf_init(&b, 1 << 20);
	assert_int_equal(ledger_content(gate_ledger(w->gate), left, &b), ERR_NOT_FOUND);
	assert_int_equal(ledger_content(gate_ledger(w->gate), sent, &b), ERR_OK);
	buf_free(&b);
	world_free(w);
}

/* --- the end of a release -------------------------------------------------------------------
 */

/* The ledger's queue has room for 256, and something is in it already. */
static void no_end_is_dropped_when_cloud_goes_with_all(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED d = { .uid = (uint32_t)getuid(),
				 .categories = "?",
				 .destination = "local",
				 .outcome = "answered" };

	(void)state;
	w->same_turn = true;
	for (unsigned i = 0; i < GATE_SENDS_MAX; i++) {
		struct msg_ASK m = world_ask(w);

		assert_true(world_put(w, &m, "x"));
	}
	assert_true(gate_turn(w->gate));
	assert_int_equal(w->n_sends, GATE_SENDS_MAX);
	for (unsigned i = 0; i < 5; i++)
		gate_decided(w->gate, &d);
	gate_cloud_gone(w->gate);
	assert_int_equal(gate_status(w->gate).sending, 0);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), GATE_SENDS_MAX);
	assert_int_equal(world_records(w, RECORD_LIMITED, NULL), 0);
	whole(w);
	world_free(w);
}

static void who_is_told_of_an_end_reads_it(void **state)
{
	struct msg_ASK m[1];
	struct world *w = turn_of(ALLOWS, m, 1);
	unsigned before;

	(void)state;
	assert_true(gate_turn(w->gate));
	world_sent(w, 0, SEND_COMPLETE, 5, 5);
	assert_int_equal(chain_of(w).n, 2);
	gate_settle(w->gate);
	assert_int_equal(chain_of(w).n, 3);
	before = w->n_heads;
	gate_settle(w->gate); /* reading is no reason to write */
	assert_int_equal(w->n_heads, before);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_commit_and_a_record_for_each),
		cmocka_unit_test(a_budget_refuses_in_the_middle),
		cmocka_unit_test(what_is_left_of_a_budget_is_taken_once),
		cmocka_unit_test(a_commit_that_fails_refuses_all),
		cmocka_unit_test(who_leaves_before_the_commit_takes_nothing_along),
		cmocka_unit_test(cloud_that_goes_meanwhile),
		cmocka_unit_test(what_is_taken_back_in_the_same_turn),
		cmocka_unit_test(a_ledger_opened_anew_refuses_them),
		cmocka_unit_test(an_end_goes_with_the_next_grant),
		cmocka_unit_test(a_no_in_the_same_turn_is_behind_what_it_did_not_stop),
		cmocka_unit_test(records_say_on_which_device_it_was_decided),
		cmocka_unit_test(of_who_leaves_before_the_commit_nothing_is_kept),
		cmocka_unit_test(no_end_is_dropped_when_cloud_goes_with_all),
		cmocka_unit_test(who_is_told_of_an_end_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
