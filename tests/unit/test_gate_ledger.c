/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger as the gate keeps it: opened, witnessed, lost and found again, pruned. */
#include "tests/unit/gate_help.h"

#include "consent/gate_impl.h"
#include "tests/unit/ledger_help.h"

/* The next append and all after it fail, until the ledger is looked at again. */
static void lose_ledger(struct world *w)
{
	struct msg_DECIDED m = { .tier = POLICY_TIER_DEVICE };

	gate_decided(w->gate, &m);
	fault_arm(1, true);
	world_pass(w, 1000);
	fault_arm(0, false);
	assert_false(w->gate->ledger_ok);
}

static struct msg_HEAD_KNOWN seen(const struct ledger_head *head)
{
	struct msg_HEAD_KNOWN m = { .seq = head->seq };

	memcpy(m.hash, head->hash.bytes, sizeof m.hash);
	return m;
}

/* --- a ledger that cannot be opened ------------------------------------------------------ */

static void without_a_ledger_everything_stays_here(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct msg_DECIDED d = { .tier = POLICY_TIER_DEVICE };
	struct gate_result r;
	struct buf out;
	uint64_t removed = 7;

	(void)state;
	gate_free(w->gate);
	shell("rm -rf '%s' && : > '%s'", w->state_dir, w->state_dir);
	world_start(w, ALLOWS);
	assert_null(gate_ledger(w->gate));
	assert_false(gate_status(w->gate).ledger_ok);
	assert_int_equal(gate_status(w->gate).head.seq, 0);
	assert_true(gate_status(w->gate).ledger_problem[0] != '\0');
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_LEDGER);
	assert_string_equal(last(w, &m)->detail, w->gate->ledger_problem);
	strcpy(m.conversation,
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_LEDGER);
	gate_decided(w->gate, &d);
	assert_int_equal(gate_prune(w->gate, w->wall_ms, &removed), ERR_CORRUPT);
	assert_int_equal(removed, 0);
	buf_init(&out, 1 << 16);
	gate_revoke(w->gate, (uint32_t)getuid(), "g-1", &r, &out);
	assert_int_equal(r.status, 404);
	gate_write_grants(w->gate, (uint32_t)getuid(), &out);
	assert_string_equal(buf_cstr(&out), "{\"schema\":\"hither.grants/1\",\"grants\":[]}");
	buf_clear(&out);
	gate_write_budgets(w->gate, &out);
	assert_string_equal(buf_cstr(&out), "{\"schema\":\"hither.budgets/1\",\"budgets\":[]}");
	buf_clear(&out);
	gate_write_metrics(w->gate, &out);
	assert_non_null(strstr(buf_cstr(&out), "\nhither_ledger_head 0\n"));
	buf_free(&out);
	assert_int_equal(w->n_sends, 0);
	/* Once it can be opened all is well, at the next look: after a second, or at once. */
	shell("rm -f '%s' && mkdir -m 700 '%s'", w->state_dir, w->state_dir);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_LEDGER);
	world_pass(w, 1000);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	world_free(w);
}

static void somebody_may_say_that_it_is_time_to_look_again(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	lose_ledger(w);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_LEDGER);
	assert_non_null(strstr(last(w, &m)->detail, "check free space, owner and mode"));
	gate_ledger_retry(w->gate);
	assert_true(w->gate->ledger_ok);
	assert_string_equal(gate_status(w->gate).ledger_problem, "");
	assert_true(gate_status(w->gate).head.seq > 0);
	gate_ledger_retry(w->gate); /* one that is in use is not opened twice */
	assert_int_equal(world_records(w, RECORD_START, NULL), 2);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	world_free(w);
}

/* Somebody else who writes to it makes it another chain. */
static void who_else_writes_takes_it_out_of_use(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	sql_in(w->state_dir,
	       "UPDATE records SET seq = seq + 100 WHERE seq = (SELECT max(seq) FROM records)");
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_LEDGER);
	assert_int_equal(strncmp(w->gate->ledger_problem,
				 "the ledger cannot be written: somebody else wrote to it; ",
				 56),
			 0);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

/* --- what was open ----------------------------------------------------------------------- */

static void many_that_were_open_are_all_closed(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	for (unsigned i = 0; i < 150; i += 10)
		world_sent(w, i, SEND_COMPLETE, 1, 1);
	w->gate->n_sending = 0; /* the process dies: nothing is said of what runs */
	while (w->gate->asks != NULL) {
		struct ask *next = w->gate->asks->next;

		ask_unref(w->gate->asks);
		w->gate->asks = next;
	}
	world_restart(w, ALLOWS);
	assert_int_equal(world_records(w, RECORD_CLOSED, "complete"), 15);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 135);
	struct newest f = newest_of(w, RECORD_CLOSED);
	assert_string_equal(f.r.detail, "consent restarted before the end was recorded");
	arena_free(f.arena);
	world_restart(w, ALLOWS);
	assert_int_equal(world_records(w, RECORD_CLOSED, NULL), 150); /* once */
	world_free(w);
}

/* Opened anew while a question is open and a send under way: both go on. */
static void what_runs_while_it_is_opened_anew_is_not_over(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), sent = m, over = m;
	struct gate_result r;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &over, "zero"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &over)->question, false, NULL).status, 200);
	strcpy(sent.app, "org.example.Other");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ask_outcome_of(w, &sent, i == 0 ? "one" : "or two"),
				 ASK_PENDING);
		assert_int_equal(world_respond(w, last(w, &sent)->question, true, NULL).status,
				 200);
	}
	strcpy(over.app, "org.example.Third");
	assert_int_equal(ask_outcome_of(w, &over, "waits"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_PENDING);
	lose_ledger(w);
	world_pass(w, 1000);
	assert_true(gate_status(w->gate).ledger_ok);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 0);
	assert_int_equal(world_records(w, RECORD_CLOSED, NULL), 0);
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_string_equal(r.outcome, "granted");
	for (unsigned i = 0; i < 3; i++)
		world_sent(w, i, SEND_COMPLETE, 1, 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, "complete"), 3);
	assert_int_equal(last(w, &over)->outcome, ASK_PENDING);
	world_free(w);
}

/* What nobody carries out any more ends then, whatever else is under way. */
static void what_nobody_carries_out_is_over(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), waits = m;
	struct record left[2];

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	strcpy(waits.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &waits, "two"), ASK_PENDING);
	record_init(&left[0], RECORD_GRANTED);
	record_init(&left[1], RECORD_INTENT);
	assert_int_equal(ledger_append(gate_ledger(w->gate), left, 2), ERR_OK);
	lose_ledger(w);
	world_pass(w, 1000);
	assert_true(gate_status(w->gate).ledger_ok);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, NULL), 1);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	assert_int_equal(gate_status(w->gate).sending, 1);
	assert_int_equal(last(w, &waits)->outcome, ASK_PENDING);
	world_free(w);
}

/* What was taken back stays so, and ends nothing that is open. */
static void what_was_taken_back_stays_so(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r, back;
	struct buf out;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, false, NULL);
	buf_init(&out, 4096);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	gate_revoke(w->gate, (uint32_t)getuid(), r.permission, &back, &out);
	assert_int_equal(back.status, 200);
	lose_ledger(w);
	world_pass(w, 1000);
	assert_true(gate_status(w->gate).ledger_ok);
	assert_null(perms_find(w->gate->perms, r.permission));
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, NULL), 1);
	buf_free(&out);
	world_free(w);
}

/* A ledger that was there and cannot be found any more. */
static void a_ledger_that_is_gone_lets_nothing_out(void **state)
{
	static const char full[] =
		FAR("\"default\":{\"cloud\":\"ask\"},\"ledger\":{\"content\":\"full\"}");
	static const char none[] =
		FAR("\"default\":{\"cloud\":\"deny\"},\"ledger\":{\"content\":\"none\"}");
	struct world *w = world_new(full);
	struct msg_ASK m = world_ask(w), denied = m;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	lose_ledger(w);
	shell("mv '%s' '%s.away' && : > '%s'", w->state_dir, w->state_dir, w->state_dir);
	world_pass(w, 1000);
	assert_false(gate_status(w->gate).ledger_ok);
	assert_null(gate_ledger(w->gate));
	struct gate_result r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.status, 503);
	assert_int_equal(last(w, &m)->outcome, ASK_LEDGER);
	world_set_policy(w, none);
	assert_int_equal(ask_outcome_of(w, &denied, "y"), ASK_DENIED_POLICY);
	assert_int_equal(w->n_sends, 0);
	shell("rm -f '%s' && mv '%s.away' '%s'", w->state_dir, w->state_dir, w->state_dir);
	world_pass(w, 1000);
	assert_true(gate_status(w->gate).ledger_ok);
	world_free(w);
}

/* --- the witness ------------------------------------------------------------------------- */

static void cloud_bears_witness_of_the_head(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct msg_HEAD_KNOWN known = seen(&w->head), none = { 0 };
	struct ledger_head before;

	(void)state;
	gate_head_known(w->gate, &none); /* a cloud that begins has seen nothing */
	assert_int_equal(w->gate->witness.seq, 0);
	memset(&w->head, 0, sizeof w->head);
	gate_head_known(w->gate, &known); /* the very head */
	assert_int_equal(w->head.seq, 0); /* nothing to tell it */
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	before = w->head;
	memset(&w->head, 0, sizeof w->head);
	gate_head_known(w->gate,
			&known); /* an older one of this chain: it is told the newest */
	assert_int_equal(w->head.seq, before.seq);
	assert_true(w->gate->ledger_ok);
	known.hash[0] ^= 1;
	known.seq = before.seq;
	gate_head_known(w->gate, &known); /* another one of the same number */
	assert_false(w->gate->ledger_ok);
	assert_int_equal(w->gate->count.verify_failures, 1);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_LEDGER);
	assert_non_null(strstr(last(w, &m)->detail, "the cloud role"));
	assert_non_null(strstr(last(w, &m)->detail, "hither ledger acknowledge"));
	gate_head_known(w->gate, &known); /* it is out of use: nothing to compare with */
	assert_int_equal(w->gate->count.verify_failures, 1);
	/* Opened anew it is held against what cloud has seen. */
	world_pass(w, 2000);
	assert_false(gate_status(w->gate).ledger_ok);
	assert_int_equal(w->gate->count.verify_failures, 2);
	known = seen(&before);
	gate_head_known(w->gate, &known);
	world_pass(w, 2000);
	assert_true(gate_status(w->gate).ledger_ok);
	world_free(w);
}

/* A chain that is shorter than what was seen was cut. */
static void a_ledger_that_lost_its_end_is_noticed(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_HEAD_KNOWN known = seen(&w->head);

	(void)state;
	known.seq += 5;
	gate_head_known(w->gate, &known);
	assert_false(w->gate->ledger_ok);
	world_free(w);
}

/* What cannot be read now is looked at again later. */
static void a_witness_that_cannot_be_asked_is_asked_again(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct msg_HEAD_KNOWN known = seen(&w->head);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	fault_arm(1, true);
	gate_head_known(w->gate, &known);
	fault_arm(0, false);
	assert_int_equal(w->gate->witness.seq, known.seq);
	world_pass(w, 2000);
	assert_true(gate_status(w->gate).ledger_ok);
	world_free(w);
}

/* A ledger that was damaged, which a person has seen: cloud's head from before is no news. */
static void what_somebody_saw_is_no_news(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct ledger_report report;
	struct ledger_problem problem;
	struct msg_HEAD_KNOWN known;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	known = seen(&w->head);
	gate_free(w->gate);
	sql_in(w->state_dir, "UPDATE records SET kind = 1||kind WHERE seq = 2");
	assert_int_equal(ledger_acknowledge(w->state_dir, &report, &problem), ERR_OK);
	world_start(w, ALLOWS);
	assert_true(gate_status(w->gate).ledger_ok);
	memset(&w->head, 0, sizeof w->head);
	gate_head_known(w->gate, &known);
	assert_true(w->gate->ledger_ok);
	assert_int_equal(w->gate->count.verify_failures, 0);
	assert_true(w->head.seq > known.seq); /* it is told of the newest */
	world_free(w);
}

/* --- letting records go --------------------------------------------------------------------
 */

static void nothing_is_due_while_policy_keeps_everything(void **state)
{
	struct world *w = world_new(FAR("\"ledger\":{\"retain\":\"30d\"}"));

	(void)state;
	assert_int_equal(w->gate->prune_ms, w->now_ms + 60000);
	world_pass(w, 60000);
	assert_int_equal(w->gate->prune_ms, w->now_ms + 24 * 3600000);
	world_set_policy(w, ALLOWS);
	assert_true(w->gate->prune_ms == GATE_NEVER);
	world_pass(w, 48 * 3600000);
	assert_true(w->gate->prune_ms == GATE_NEVER);
	assert_true(gate_tick(w->gate) == GATE_NEVER);
	world_free(w);
}

static void pruning_that_fails_says_so(void **state)
{
	struct world *w = world_new(ALLOWS);
	uint64_t removed = 7;

	(void)state;
	for (unsigned i = 0; i < 2500; i++) {
		struct record r;

		record_init(&r, RECORD_DECIDED);
		r.time_ms = w->wall_ms - 90 * 24 * INT64_C(3600000);
		ledger_queue(gate_ledger(w->gate), &r);
		if (i % 250 == 249)
			assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	}
	fault_arm(1, true);
	enum err e = gate_prune(w->gate, w->wall_ms, &removed);
	fault_arm(0, false);
	assert_int_not_equal(e, ERR_OK);
	assert_int_equal(removed, 0);
	memset(&w->head, 0, sizeof w->head);
	assert_int_equal(gate_prune(w->gate, w->wall_ms, &removed), ERR_OK);
	assert_true(removed > 1000);
	assert_true(w->head.seq > 2500); /* cloud is told of the head */
	world_free(w);
}

/* A budget of a short window keeps no more than its window. */
static void what_no_budget_counts_goes(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"allow\"},\"budgets\":[{\"id\":\"b\",\"scope\":["
		    "\"user\"],\"window\":\"1h\",\"max_requests\":9,\"on_exceed\":\"ask\"}]"));
	uint64_t removed = 0;

	(void)state;
	for (unsigned i = 0; i < 2500; i++) {
		struct record r;

		record_init(&r, RECORD_DECIDED);
		r.time_ms = w->wall_ms - 90 * 24 * INT64_C(3600000);
		ledger_queue(gate_ledger(w->gate), &r);
		if (i % 250 == 249)
			assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	}
	assert_int_equal(gate_prune(w->gate, w->wall_ms - 24 * INT64_C(3600000), &removed),
			 ERR_OK);
	assert_true(removed > 1000);
	world_free(w);
}

/* --- what was decided without asking --------------------------------------------------------
 */

static void facts_that_nobody_knows_are_left_out(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED m = { .uid = 5,
				 .tier = 9,
				 .score_pm = 1001,
				 .confidence_pm = 1001,
				 .categories = "?",
				 .outcome = "answered" };
	struct newest f;

	(void)state;
	gate_decided(w->gate, &m);
	f = newest_of(w, RECORD_DECIDED);
	assert_null(f.r.tier);
	assert_true(f.r.score_pm == RECORD_ABSENT && f.r.confidence_pm == RECORD_ABSENT);
	assert_true(f.r.tokens_out == RECORD_ABSENT);
	assert_int_equal(f.r.categories_known, 0);
	assert_string_equal(f.r.categories, "[]");
	arena_free(f.arena);
	m.tier = POLICY_TIER_CLOUD;
	m.score_pm = m.confidence_pm = 1000;
	m.output_tokens = 1;
	strcpy(m.categories, "a=1,nothing,b=2,");
	gate_decided(w->gate, &m);
	f = newest_of(w, RECORD_DECIDED);
	assert_string_equal(f.r.tier, "cloud");
	assert_int_equal(f.r.score_pm, 1000);
	assert_int_equal(f.r.confidence_pm, 1000);
	assert_int_equal(f.r.tokens_out, 1);
	assert_int_equal(f.r.categories_known, 1);
	assert_string_equal(f.r.categories, "[{\"name\":\"a\",\"count\":1,\"masked\":false},"
					    "{\"name\":\"b\",\"count\":2,\"masked\":false}]");
	arena_free(f.arena);
	assert_int_equal(w->gate->count.decided[POLICY_TIER_CLOUD], 1);
	world_free(w);
}

/* Who differs in one of these is in a record of their own. */
/* Whose request it was stands in each record as a name that only this ledger can tell, also of
 * the user with number 0. */
static void each_user_has_a_name_of_this_ledger(void **state)
{
	static const uint32_t uids[] = { 0, 1000, 0, 0, 1000 };
	struct world *w = world_new(ALLOWS);
	char names[LEN(uids)][80];

	(void)state;
	for (size_t i = 0; i < LEN(uids); i++) {
		struct msg_DECIDED m = { .uid = uids[i] };

		strcpy(m.outcome, "answered");
		gate_decided(w->gate, &m);
		world_pass(w, 60000);
		struct newest f = newest_of(w, RECORD_DECIDED);

		snprintf(names[i], sizeof names[i], "%s",
			 f.r.subject != NULL ? f.r.subject : "");
		arena_free(f.arena);
	}
	assert_true(strlen(names[0]) > 8);
	assert_true(strlen(names[1]) > 8);
	assert_string_not_equal(names[0], names[1]);
	assert_string_equal(names[0], names[2]);
	assert_string_equal(names[0], names[3]);
	assert_string_equal(names[1], names[4]);
	world_free(w);
}

static void only_what_belongs_together_is_held_together(void **state)
{
	static const struct msg_DECIDED rows[] = {
		{ .uid = 1, .identity = 2, .tier = 0, .app = "a" },
		{ .uid = 2, .identity = 2, .tier = 0, .app = "a" },
		{ .uid = 2, .identity = 3, .tier = 0, .app = "a" },
		{ .uid = 2, .identity = 3, .tier = 1, .app = "a" },
		{ .uid = 2, .identity = 3, .tier = 1, .app = "b" },
		{ .uid = 2, .identity = 3, .tier = 1, .app = "b" },
	};
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED m = { .uid = 9 };

	(void)state;
	assert_int_equal(world_records(w, RECORD_DECIDED, NULL), 0); /* and nothing waits */
	for (unsigned i = 0; i < 64; i++) /* 32 get a record each, the others one */
		gate_decided(w->gate, &m);
	for (size_t i = 0; i < LEN(rows); i++)
		gate_decided(w->gate, &rows[i]);
	world_pass(w, 1000);
	assert_int_equal(world_records(w, RECORD_DECIDED, NULL), 32 + 1 + 5);
	struct newest f = newest_of(w, RECORD_DECIDED);
	assert_int_equal(f.r.count, 2);
	assert_int_equal(f.r.uid, 2);
	assert_string_equal(f.r.app, "b");
	arena_free(f.arena);
	world_free(w);
}

static void so_many_are_held_together(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED m = { .uid = 9 };

	(void)state;
	assert_int_equal(world_records(w, RECORD_DECIDED, NULL), 0);
	for (unsigned i = 0; i < 32 + 256 + 1; i++)
		gate_decided(w->gate, &m);
	world_pass(w, 1000);
	assert_int_equal(world_records(w, RECORD_DECIDED, NULL), 32 + 2);
	struct newest f = newest_of(w, RECORD_DECIDED);
	assert_true(f.r.count == RECORD_ABSENT); /* the last stands for itself */
	arena_free(f.arena);
	world_free(w);
}

/* --- policies --------------------------------------------------------------------------- */

static void each_policy_is_on_record_with_its_serials(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct policy_set *lockdown = policy_set_lockdown("nothing could be read");
	struct newest f = newest_of(w, RECORD_POLICY);

	(void)state;
	assert_string_equal(f.r.policy_id, "t");
	assert_true(f.r.policy_serial == RECORD_ABSENT);
	assert_string_equal(f.r.serials, "{}");
	assert_string_equal(f.r.detail, "active");
	assert_string_equal(f.r.policy_sha256, gate_policy_sha256(w->gate));
	arena_free(f.arena);
	world_set_policy(w, FAR("\"serial\":12,\"default\":{\"cloud\":\"allow\"}"));
	f = newest_of(w, RECORD_POLICY);
	assert_int_equal(f.r.policy_serial, 12);
	assert_string_equal(f.r.serials, "{\"t\":12}");
	arena_free(f.arena);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	f = newest_of(w, RECORD_GRANTED);
	assert_int_equal(f.r.policy_serial, 12);
	assert_string_equal(f.r.policy_id, "t");
	arena_free(f.arena);
	assert_non_null(lockdown);
	assert_true(world_put_policy(w, lockdown));
	f = newest_of(w, RECORD_POLICY);
	assert_null(f.r.policy_id);
	assert_string_equal(f.r.detail, "lockdown");
	arena_free(f.arena);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	f = newest_of(w, RECORD_DENIED);
	assert_null(f.r.policy_id);
	arena_free(f.arena);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_ledger_everything_stays_here),
		cmocka_unit_test(somebody_may_say_that_it_is_time_to_look_again),
		cmocka_unit_test(who_else_writes_takes_it_out_of_use),
		cmocka_unit_test(many_that_were_open_are_all_closed),
		cmocka_unit_test(what_runs_while_it_is_opened_anew_is_not_over),
		cmocka_unit_test(what_nobody_carries_out_is_over),
		cmocka_unit_test(what_was_taken_back_stays_so),
		cmocka_unit_test(a_ledger_that_is_gone_lets_nothing_out),
		cmocka_unit_test(cloud_bears_witness_of_the_head),
		cmocka_unit_test(what_somebody_saw_is_no_news),
		cmocka_unit_test(so_many_are_held_together),
		cmocka_unit_test(a_ledger_that_lost_its_end_is_noticed),
		cmocka_unit_test(a_witness_that_cannot_be_asked_is_asked_again),
		cmocka_unit_test(nothing_is_due_while_policy_keeps_everything),
		cmocka_unit_test(pruning_that_fails_says_so),
		cmocka_unit_test(what_no_budget_counts_goes),
		cmocka_unit_test(facts_that_nobody_knows_are_left_out),
		cmocka_unit_test(each_user_has_a_name_of_this_ledger),
		cmocka_unit_test(only_what_belongs_together_is_held_together),
		cmocka_unit_test(each_policy_is_on_record_with_its_serials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
