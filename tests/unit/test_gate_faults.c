/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks and memory that fail, ledgers that were changed, a router that lies.
 * HITHER_HOSTILE=1000000 sets how many random messages the hostile router sends (default
 * 20000).
 */
#include "tests/unit/gate_help.h"

#include "tests/unit/ledger_help.h"

static void a_disk_that_fails_for_a_while(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	fault_arm(1, true);
	gate_cloud_gone(w->gate); /* the send under way cannot be closed on record */
	world_pass(w, 100);
	fault_arm(0, false);
	assert_false(gate_status(w->gate).ledger_ok);
	world_pass(w, 2000);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_GRANTED);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 1);
	/* The ledger is opened anew while the second one is under way: it is closed once. */
	struct msg_DECIDED decided = { .tier = POLICY_TIER_DEVICE };
	gate_decided(w->gate, &decided);
	fault_arm(1, true);
	world_pass(w, 1000);
	fault_arm(0, false);
	world_pass(w, 2000);
	assert_true(gate_status(w->gate).ledger_ok);
	world_sent(w, 1, SEND_COMPLETE, 1, 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, "complete"), 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, NULL), 2);
	world_free(w);
}

struct seen {
	unsigned records, requests, tokens, named;
};

static bool see_request(void *ctx, const struct record *r)
{
	struct seen *s = ctx;
	char id[TEXT_ULID_BYTES];

	snprintf(id, sizeof id, "01J%023u", s->requests);
	s->named += strcmp(r->decision_id, id) == 0 && strcmp(r->outcome, "answered") == 0 &&
		    (r->tokens_out == 3) == (s->requests % 2 == 0);
	s->requests++;
	s->tokens += (unsigned)r->input_tokens;
	return true;
}

static bool see_record(void *ctx, const struct record *r, struct span body)
{
	struct seen *s = ctx;
	struct arena *a = arena_new("seen", 4u << 20);

	(void)body;
	if (r->kind == RECORD_DECIDED) {
		s->records++;
		assert_int_equal(record_each(r, a, see_request, s), ERR_OK);
	}
	arena_free(a);
	return true;
}

static void a_flood_of_answers_is_recorded_whole(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED m = { .tier = POLICY_TIER_DEVICE,
				 .destination = "local",
				 .outcome = "answered",
				 .categories = "email=2,iban=1" };
	struct seen seen = { 0 };
	unsigned tokens = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(m.decision_id, sizeof m.decision_id, "01J%023u", i);
		m.uid = i / 1500; /* a record never mixes people */
		m.score_pm = (uint16_t)(i % 1000);
		m.output_tokens = i % 2 == 0 ? 3 : 0;
		tokens += m.input_tokens = i;
		gate_decided(w->gate, &m);
	}
	world_pass(w, 1000);
	assert_int_equal(ledger_each(gate_ledger(w->gate), 1, 0, see_record, &seen), ERR_OK);
	assert_int_equal(seen.requests, 2000);
	assert_int_equal(seen.named, 2000);
	assert_int_equal(seen.tokens, tokens);
	assert_true(seen.records > 32 && seen.records < 60);
	world_free(w);
}

static void a_damaged_ledger_keeps_everything_here(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct ledger_report report;
	struct ledger_problem problem;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	gate_free(w->gate);
	sql_in(w->state_dir, "UPDATE records SET kind = 1||kind WHERE seq = 2");
	world_start(w, ALLOWS);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_LEDGER);
	assert_non_null(strstr(last(w, &m)->detail, "record 2"));
	assert_int_equal(w->n_sends, 1);
	assert_int_equal(ledger_acknowledge(w->state_dir, &report, &problem), ERR_OK);
	world_pass(w, 2000);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_GRANTED);
	assert_int_equal(w->n_sends, 2);
	world_free(w);
}

/* Table 2.5, "clock earlier than the newest ledger entry by > 24 h": device only. */
static void a_clock_that_went_back_keeps_everything_here(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct msg_DECIDED decided = { .tier = POLICY_TIER_DEVICE };
	struct ledger_report report;
	struct ledger_problem problem;
	struct ledger *l = NULL;
	struct record r;

	(void)state;
	gate_free(w->gate);
	assert_int_equal(ledger_open(w->state_dir, LEDGER_WRITE, &l, &problem), ERR_OK);
	record_init(&r, RECORD_START);
	r.time_ms = clock_wall_ms() + LEDGER_CLOCK_BACK_MS + 60000;
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	ledger_close(l);
	world_start(w, ALLOWS);
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_LEDGER);
	assert_non_null(strstr(last(w, &m)->detail, "more than a day behind"));
	assert_non_null(strstr(last(w, &m)->detail, "set the clock"));
	assert_int_equal(w->n_sends, 0);
	gate_decided(w->gate, &decided); /* no record with the wrong time hides it */
	world_pass(w, 2000);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_LEDGER);
	assert_int_equal(ledger_acknowledge(w->state_dir, &report, &problem), ERR_OK);
	world_pass(w, 2000);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_GRANTED);
	world_free(w);
}

/* Table 2.5, "any exception in evaluation", "ledger not writable": each allocation, read and
 * write fails in turn while a question is asked, approved and sent. */
static void whatever_fails_nothing_leaves_unrecorded(void **state)
{
	struct world *w = world_new(ASKS);
	unsigned sent = 0, runs = 0;

	(void)state;
	for (unsigned n = 1; n < 2000; n++) {
		struct msg_ASK m = world_ask(w);
		struct msg_ANSWER pending = { 0 };
		struct gate_result r = { 0 };
		char text[32];
		bool fired;

		w->n_answers = 0;
		snprintf(text, sizeof text, "question %u", n);
		snprintf(m.app, sizeof m.app, "app %u", n);
		struct buf b;
		world_body(text, &b);
		int fd = file_sealed("body", buf_span(&b));
		buf_free(&b);
		fault_arm(n, n % 2 == 0); /* one failure, or everything from there on */
		(void)!gate_ask(w->gate, &m, &fd, 1);
		(void)gate_turn(w->gate);
		if (w->n_answers > 0)
			pending = w->answers[0];
		fault_arm(0, false);
		fired = fault_fired();
		if (pending.outcome == ASK_PENDING && pending.question[0] != '\0') {
			fault_arm(n, n % 2 == 0);
			r = world_respond_armed(w, pending.question);
			fired = fault_fired() || fired;
			fault_arm(0, false);
		}
		world_pass(w, 1500); /* a refused ledger is looked at again */
		for (; sent < w->n_sends; sent++)
			world_sent(w, sent, SEND_COMPLETE, 1, 1);
		world_pass(w, 600000); /* and what is still open times out */
		assert_true(gate_status(w->gate).ledger_ok);
		assert_int_equal(world_records(w, RECORD_GRANTED, NULL), w->n_sends);
		runs++;
		if (!fired && r.status == 200)
			break;
	}
	assert_true(runs > 20 && runs < 1999);
	struct ledger_report report;
	assert_int_equal(
		ledger_verify(gate_ledger(w->gate), 0, 0, NULL, 0, &report, NULL, NULL),
		ERR_OK);
	assert_true(report.ok);
	world_free(w);
}

/* --- a router that lies --------------------------------------------------------------- */

static uint64_t dice;

static uint32_t roll(uint32_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 16) % n;
}

static void roll_text(char *out, size_t bytes, const char *often)
{
	if (roll(3) > 0) {
		snprintf(out, bytes, "%s", often);
		return;
	}
	size_t n = roll((uint32_t)bytes);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)('!' + roll(90));
	out[n] = '\0';
}

static void hostile_ask(struct world *w)
{
	static const char *const bodies[] = {
		"{\"model\":\"big-1\",\"messages\":[]}",
		"{}",
		"[]",
		"",
		"{\"model\":1}",
		"{\"model\":\"big-1\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
	};
	struct msg_ASK m = world_ask(w);
	uint8_t frame[MSG_BYTES_MAX];
	struct msg_ASK back;
	size_t n;

	m.request_id = roll(50);
	roll_text(m.destination, sizeof m.destination, "far");
	roll_text(m.model, sizeof m.model, "big-1");
	roll_text(m.app, sizeof m.app, "app");
	roll_text(m.task, sizeof m.task, "chat");
	roll_text(m.masked, 60, "");
	roll_text(m.conversation, sizeof m.conversation, "");
	m.identity = (uint8_t)roll(5);
	m.uid = roll(4) == 0 ? roll(70000) : (uint32_t)getuid();
	m.score_pm = (uint16_t)roll(65536);
	m.has_original = (uint8_t)roll(2);
	m.on_question = (uint8_t)roll(2);
	m.max_tier = (uint8_t)roll(3);
	m.interactive = (uint8_t)roll(3);
	m.streaming = (uint8_t)roll(2);
	n = msg_ASK_encode(&m, frame, sizeof frame);
	if (n > 0 && roll(4) == 0)
		frame[roll((uint32_t)n)] ^= (uint8_t)(1u << roll(8));
	if (n == 0 || msg_ASK_decode((struct span){ (const char *)frame, n }, &back) != ERR_OK)
		return;
	int fds[2];
	unsigned k = 0, want = roll(10) == 0 ? roll(3) : back.has_original ? 2 : 1;
	for (; k < want; k++)
		fds[k] = roll(20) == 0 ? dup(0)
				       : file_sealed("b", span_of(bodies[roll(LEN(bodies))]));
	(void)!gate_ask(w->gate, &back, fds, k);
	if (roll(3) == 0) /* else it meets what comes next in the same turn */
		(void)gate_turn(w->gate);
}

static void a_hostile_router_gets_nothing_out(void **state)
{
	const char *wish = getenv("HITHER_HOSTILE");
	unsigned long times = wish != NULL ? strtoul(wish, NULL, 10) : 20000;
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"no_agent\":\"hold\","
		    "\"max_prompts_per_hour\":1000000}"));

	(void)state;
	w->somebody = false;
	dice = 0x9E3779B97F4A7C15u;
	for (unsigned long i = 0; i < times; i++) {
		switch (roll(8)) {
		case 0:
			gate_cancel(w->gate, roll(50));
			break;
		case 1: {
			struct msg_DECIDED d = { .uid = roll(100), .tier = (uint8_t)roll(3) };
			roll_text(d.categories, 40, "a=1,b=2");
			gate_decided(w->gate, &d);
			break;
		}
		case 2:
			world_pass(w, roll(2000));
			break;
		default:
			hostile_ask(w);
		}
		w->n_answers %= WORLD_MAX;
		if (w->n_answers > WORLD_MAX - 2)
			w->n_answers = 0;
		if (w->n_told > WORLD_MAX - 2)
			w->n_told = 0;
	}
	assert_int_equal(w->n_sends, 0);
	gate_router_gone(w->gate, ROLE_ROUTER);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 0);
	assert_true(world_records(w, RECORD_INTENT, NULL) >
		    (times < 20000 ? times / 200 : 100)); /* it did get as far as questions */
	world_free(w);
}

int main(void)
{
	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT); /* refusals by the thousand */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_that_fails_for_a_while),
		cmocka_unit_test(a_flood_of_answers_is_recorded_whole),
		cmocka_unit_test(a_damaged_ledger_keeps_everything_here),
		cmocka_unit_test(a_clock_that_went_back_keeps_everything_here),
		cmocka_unit_test(whatever_fails_nothing_leaves_unrecorded),
		cmocka_unit_test(a_hostile_router_gets_nothing_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
