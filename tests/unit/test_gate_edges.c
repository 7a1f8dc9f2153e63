/* SPDX-License-Identifier: Apache-2.0 */
/* The gate at the exact edge of what it knows, counts and has room for. */
#include "tests/unit/gate_help.h"

#include "consent/gate_impl.h"

#define ONE_OR_ASK                                                                             \
	FAR("\"default\":{\"cloud\":\"ask\"},\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"]," \
	    "\"window\":\"day\",\"max_requests\":1,\"on_exceed\":\"ask\"}]")

/* A permission is not asked for, so it goes no further than the budget does. */
static void a_permission_that_two_wait_for_ends_at_the_budget(void **state)
{
	struct world *w = world_new(ONE_OR_ASK);
	struct msg_ASK a = world_ask(w), b = a;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &a, "the same"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &b, "the same"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &a)->question, true, "session").status, 200);
	assert_int_equal(last(w, &a)->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &b)->outcome, ASK_BUDGET);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

/* What the new policy does not name is not asked about any more. */
static void a_model_that_goes_takes_its_question_along(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	world_set_policy(w, "{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{"
			    "\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":"
			    "\"https://far.example/v1\",\"models\":[\"big-2\"]}},"
			    "\"default\":{\"cloud\":\"ask\"}}");
	assert_int_equal(last(w, &m)->outcome, ASK_WITHDRAWN);
	assert_string_equal(last(w, &m)->detail,
			    "big-1 is not a model that policy names for far");
	/* A place that nobody named. */
	world_set_policy(w, "{\"hither_policy\":1,\"id\":\"t\"}");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "there is no destination far");
	world_free(w);
}

/* Whatever the reason, and with no policy at all. */
static void what_is_denied_early_is_not_told_by_its_digest(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"ledger\":{\"content\":\"none\"}"));
	struct gate_setup setup = {
		.state_dir = w->state_dir, .session = "test", .io = &world_io, .ctx = w
	};
	struct msg_ASK m = world_ask(w);
	struct newest f;

	(void)state;
	strcpy(m.destination, "nowhere");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	f = newest_of(w, RECORD_DENIED);
	assert_int_equal(strncmp(f.r.digest, "hmac-sha256:", 12), 0);
	arena_free(f.arena);
	gate_free(w->gate);
	w->gate = gate_new(&setup);
	assert_true(gate_tick(w->gate) == UINT64_MAX); /* nothing is due */
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	f = newest_of(w, RECORD_DENIED);
	assert_int_equal(f.n, 2);
	assert_int_equal(strncmp(f.r.digest, "hmac-sha256:", 12), 0);
	arena_free(f.arena);
	world_free(w);
}

/* Eight names of 58 bytes and seven commas are 471; with a comma, the longest that fits has 26.
 */
static void the_last_rule_named_fits_exactly(void **state)
{
	(void)state;
	for (int longest = 26; longest <= 27; longest++) {
		struct buf policy;
		struct world *w;
		struct msg_ASK m;

		buf_init(&policy, 1 << 16);
		buf_add_str(&policy,
			    "{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{"
			    "\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":\"https://"
			    "far.example/v1\"}},\"rules\":[");
		for (int i = 0; i < 9; i++)
			buf_printf(&policy, "%s{\"id\":\"%0*d\",\"effect\":\"deny\"}",
				   i > 0 ? "," : "", i < 8 ? 58 : longest, i);
		buf_add_str(&policy, "]}");
		w = world_new(buf_cstr(&policy));
		m = world_ask(w);
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
		assert_int_equal(strlen(last(w, &m)->rules),
				 longest == 26 ? 471 + 1 + 26 : 471);
		buf_free(&policy);
		world_free(w);
	}
}

static void facts_at_their_edges(void **state)
{
	static const struct {
		const char *when;
		bool goes;
	} rows[] = {
		{ "\"confidence\":{\"gte\":1}", true },
		{ "\"score\":{\"gte\":1}", true },
		{ "\"interactive\":false", true },
		{ "\"interactive\":true", false },
		{ "\"input_tokens\":{\"gte\":20}", true },
		{ "\"input_tokens\":{\"gte\":21}", false },
		{ "\"modality\":[\"file\"]", true },
		{ "\"identity\":\"claimed\"", true },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char policy[1024];

		snprintf(policy, sizeof policy,
			 FAR("\"default\":{\"cloud\":\"deny\"},\"rules\":[{\"id\":\"r\","
			     "\"effect\":\"allow\",\"when\":{%s}}]"),
			 rows[i].when);
		struct world *w = world_new(policy);
		struct msg_ASK m = world_ask(w);

		m.confidence_pm = m.score_pm = 1000;
		m.interactive = 0;
		m.modality = UINT32_MAX; /* more than there are names for */
		assert_int_equal(ask_outcome_of(w, &m, "x"),
				 rows[i].goes ? ASK_GRANTED : ASK_DENIED_POLICY);
		m.confidence_pm = m.score_pm = 1001; /* none */
		assert_int_equal(ask_outcome_of(w, &m, "x"),
				 rows[i].goes && i > 1 ? ASK_GRANTED : ASK_DENIED_POLICY);
		world_free(w);
	}
}

/* Nobody waits for an answer to it, and yet the device around it changes. */
static void a_reported_question_is_judged_again(void **state)
{
	struct msg_DEVICE_STATE d = { .battery_pct = 255, .locked = POLICY_FALSE };
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"locked\",\"effect\":"
		    "\"deny\",\"when\":{\"device\":{\"locked\":true}}}]"));
	struct msg_ASK m = world_ask(w), held;

	(void)state;
	gate_device(w->gate, &d);
	m.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	/* Another program waits for the same and leaves: it stays. */
	held = m;
	held.on_question = 0;
	assert_int_equal(ask_outcome_of(w, &held, "x"), ASK_PENDING);
	gate_cancel(w->gate, held.request_id);
	question_is(w, last(w, &m)->question, "open");
	d.locked = POLICY_TRUE;
	gate_device(w->gate, &d);
	question_is(w, last(w, &m)->question, "withdrawn");
	/* The same of one that nobody was there for. */
	d.locked = POLICY_FALSE;
	gate_device(w->gate, &d);
	m.on_question = 0;
	w->somebody = false;
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_NO_AGENT);
	w->somebody = true;
	assert_int_equal(ask_outcome_of(w, &held, "y"), ASK_PENDING);
	gate_cancel(w->gate, held.request_id);
	question_is(w, last(w, &m)->question, "open");
	world_free(w);
}

static void who_leaves_is_the_one_who_said_so(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK a = world_ask(w), b = a, other = a;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &a, "1"), ASK_PENDING);
	strcpy(b.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &b, "2"), ASK_PENDING);
	gate_cancel(w->gate, a.request_id);
	question_is(w, last(w, &a)->question, "withdrawn");
	question_is(w, last(w, &b)->question, "open");
	/* Of two routers one ends. */
	strcpy(other.app, "org.example.Third");
	other.request_id = 77;
	assert_true(role_stamp(role_router(1), &other.request_id));
	assert_true(world_put(w, &other, "3"));
	gate_router_gone(w->gate, role_router(1));
	question_is(w, last(w, &other)->question, "withdrawn");
	question_is(w, last(w, &b)->question, "open");
	world_free(w);
}

static void what_was_approved_is_kept_where_policy_says_so(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"ledger\":{\"content\":\"full\"},"
		    "\"consent\":{\"prefer\":\"as_is\"}"));
	struct msg_ASK m = world_ask(w);
	char digest[80] = "sha256:";
	struct gate_result r;
	struct buf b;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	/* A no has a scope, too. */
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){ .word = GATE_DENY, .scope = "for ever" });
	assert_int_equal(r.status, 422);
	assert_string_equal(r.code, "bad_scope");
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){ .word = GATE_DENY,
					     .scope = "until",
					     .until = "2026-11-18T11:06:40Z" }); /* is now */
	assert_int_equal(r.status, 422);
	assert_string_equal(r.code, "bad_until");
	question_is(w, last(w, &m)->question, "open");
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){ .word = GATE_APPROVE, .mode = "redacted" });
	assert_int_equal(r.status, 200);
	assert_int_equal(w->n_sends, 1);
	text_hex(w->sends[0].m.body_sha256, 32, digest + 7);
	buf_init(&b, 1 << 20);
	assert_int_equal(ledger_content(gate_ledger(w->gate), digest, &b), ERR_OK);
	assert_int_equal(b.len, w->sends[0].body_len);
	buf_free(&b);
	world_free(w);
}

/* So many wait to be written: then they are, soon. */
static void a_full_queue_is_due_at_once(void **state)
{
	struct world *w = world_new(DENIES);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	for (unsigned i = 0; i < 63; i++)
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_int_equal(gate_tick(w->gate), w->now_ms + 500);
	assert_int_equal(ledger_queued(gate_ledger(w->gate)), 63);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_true(gate_tick(w->gate) == UINT64_MAX);
	assert_int_equal(ledger_queued(gate_ledger(w->gate)), 0);
	world_free(w);
}

/* An end waits no longer than what waits already. */
static void the_earlier_of_two_times_stays(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_false(gate_turn(w->gate));
	w->same_turn = true;
	m.request_id = w->next_request++;
	assert_true(world_put(w, &m, "x"));
	assert_true(gate_turn(w->gate));
	w->same_turn = false;
	strcpy(m.destination, "nowhere");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	w->now_ms += 490;
	world_sent(w, 0, (enum send_outcome)6, 1, 1); /* nobody knows that one */
	assert_int_equal(gate_tick(w->gate), w->now_ms + 10);
	assert_int_equal(w->gate->count.sent_bytes, w->sends[0].body_len);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 1);
	world_free(w);
}

/* As many kinds of data as there can be, and each of them is looked at. */
static void every_kind_of_data_at_once(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"strong_auth_for\":["
		    "\"secret.*\"]}"));
	struct msg_ASK m = world_ask(w);
	char *at = m.masked;

	(void)state;
	for (unsigned i = 0; i < INSPECT_FOUND_MAX; i++)
		at += sprintf(at, "%sc%x=1", i > 0 ? "," : "", i);
	assert_int_equal(ask_masked(w, &m, "x", "y"), ASK_PENDING);
	cJSON *q = world_question(w, last(w, &m)->question);
	assert_int_equal(cJSON_GetArraySize(json_get_array(q, "masked")), INSPECT_FOUND_MAX);
	assert_int_equal(cJSON_GetArraySize(json_get_array(q, "categories")),
			 INSPECT_FOUND_MAX);
	cJSON_Delete(q);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, "session").status, 200);
	assert_int_equal(ask_masked(w, &m, "z", "y"), ASK_GRANTED);
	strcpy(at, ",more=1");
	assert_int_equal(ask_masked(w, &m, "x", "y"), ASK_DENIED_POLICY);
	world_free(w);
}

/* Users who take turns, and facts that are held together. */
static void what_is_held_together_says_whose_it_is(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_DECIDED m = { .uid = 77,
				 .identity = POLICY_IDENTITY_SOCKET,
				 .decision_id = "01J00000000000000000000001",
				 .app = "org.example.App",
				 .categories = "a=1",
				 .outcome = "answered" };
	char subject[CRYPTO_SHA256_HEX_BYTES];
	struct newest f;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		m.uid = 77 + i % 2;
		gate_decided(w->gate, &m);
		if (i != 1)
			continue;
		f = newest_of(w, RECORD_DECIDED);
		ledger_subject(gate_ledger(w->gate), 78, subject);
		assert_string_equal(f.r.subject, subject);
		arena_free(f.arena);
	}
	for (unsigned i = 0; i < 40; i++)
		gate_decided(w->gate, &m);
	world_pass(w, 500);
	f = newest_of(w, RECORD_DECIDED);
	assert_int_equal(f.r.count, 41);
	assert_int_equal(f.r.uid, 78);
	assert_string_equal(f.r.subject, subject);
	assert_string_equal(f.r.categories, "[{\"name\":\"a\",\"count\":1,\"masked\":false}]");
	assert_null(strstr(f.r.decisions, "\"time_ms\":0"));
	assert_null(strstr(f.r.decisions, "subject"));
	arena_free(f.arena);
	world_free(w);
}

static unsigned mapped(void)
{
	char line[1024];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, "/memfd:body") != NULL ||
		     strstr(line, "/memfd:original") != NULL;
	fclose(f);
	return n;
}

/* Of what a program wanted to send nothing stays in memory. */
static void no_text_stays_mapped(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(mapped(), 0);
	assert_int_equal(ask_masked(w, &m, "x", "y"), ASK_PENDING);
	assert_int_equal(mapped(), 2);
	gate_cancel(w->gate, m.request_id);
	assert_int_equal(mapped(), 0);
	world_free(w);
}

/* Only what came over TCP is looked for by its port. */
static void who_asks_is_known_by_the_socket(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	cJSON *q;
	int64_t pid;

	(void)state;
	m.pid = (uint32_t)getpid();
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_true(json_get_int(q, "pid", 0, INT32_MAX, &pid));
	assert_int_equal(pid, getpid());
	cJSON_Delete(q);
	world_free(w);
}

/* What nobody can write is not due again and again. */
static void without_a_ledger_nothing_is_due(void **state)
{
	struct world *w = world_new(DENIES);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	w->gate->ledger_ok = false; /* as after a write that failed */
	w->gate->ledger_retry_ms = GATE_NEVER;
	w->now_ms += 500;
	assert_true(gate_tick(w->gate) == UINT64_MAX);
	gate_ledger_retry(w->gate);
	world_free(w);
}

/* Somebody else had the queue written meanwhile: what was held together is still due. */
static void what_is_held_is_due_by_itself(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_DECIDED m = { .app = "org.example.App", .outcome = "answered" };

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		gate_decided(w->gate, &m);
	assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	world_pass(w, 500);
	struct newest f = newest_of(w, RECORD_DECIDED);
	assert_true(f.r.count > 1);
	arena_free(f.arena);
	world_free(w);
}

/* A ledger that is not believed is not written to, whatever is open in it. */
static void a_ledger_that_is_not_believed_stays_as_it_is(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_HEAD_KNOWN seen = { .seq = 999 };
	struct ledger_head head;
	struct record r;

	(void)state;
	record_init(&r, RECORD_GRANTED);
	assert_int_equal(ledger_append(gate_ledger(w->gate), &r, 1), ERR_OK);
	head = ledger_head(gate_ledger(w->gate));
	gate_head_known(w->gate, &seen);
	assert_false(w->gate->ledger_ok);
	gate_ledger_retry(w->gate);
	assert_false(w->gate->ledger_ok);
	assert_int_equal(ledger_head(gate_ledger(w->gate)).seq, head.seq);
	world_free(w);
}

static void what_is_over_has_no_time_left(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	int64_t left;
	cJSON *q;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	q = world_question(w, last(w, &m)->question);
	assert_true(json_get_int(q, "expires_in_ms", 0, INT32_MAX, &left));
	assert_int_equal(left, 0);
	cJSON_Delete(q);
	world_free(w);
}

/* What usually comes is no more than 500 tokens, however many may. */
static void an_estimate_is_of_what_is_usual(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	const cJSON *price;
	int64_t left;
	cJSON *q;

	(void)state;
	m.request_id = w->next_request++;
	assert_true(world_put_raw(w, &m,
				  SPAN_LITERAL("{\"model\":\"big-1\",\"messages\":[{\"role\":"
					       "\"user\",\"content\":\"x\"}],\"max_tokens\":"
					       "1000}"),
				  (struct span){ NULL, 0 }));
	world_pass(w, 59999);
	q = world_question(w, last(w, &m)->question);
	price = json_get_object(q, "price");
	assert_true(json_get(price, "estimate")->valuedouble > 0.001019 &&
		    json_get(price, "estimate")->valuedouble < 0.001021);
	assert_true(json_get(price, "upper_bound")->valuedouble > 0.002);
	assert_true(json_get_int(q, "expires_in_ms", 0, INT32_MAX, &left));
	assert_int_equal(left, 1);
	cJSON_Delete(q);
	world_free(w);
}

static void a_proof_is_on_record(void **state)
{
	struct world *w = world_new(FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{"
					"\"strong_auth_for\":[\"personal.*\"]}"));
	struct msg_DEVICE_STATE d = { .battery_pct = 255, .strong = POLICY_TRUE };
	struct msg_ASK m = world_ask(w);
	struct newest f;

	(void)state;
	gate_device(w->gate, &d);
	assert_int_equal(ask_outcome_of(w, &m, "to anna.schmidt@example.org"), ASK_PENDING);
	assert_int_equal(
		answered(w, last(w, &m)->question,
			 (struct gate_response){ .word = GATE_APPROVE, .proved = true })
			.status,
		200);
	f = newest_of(w, RECORD_APPROVED);
	assert_string_equal(f.r.basis, "strong_auth");
	arena_free(f.arena);
	world_free(w);
}

/* However many records there are, a start takes no more memory for them. */
static void a_long_ledger_is_folded(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	w->same_turn = true;
	for (unsigned i = 0; i < 400; i++) {
		m.request_id = w->next_request++;
		assert_true(world_put(w, &m, "x"));
		if (i % 100 < 99)
			continue;
		assert_true(gate_turn(w->gate));
		for (unsigned k = i - 99; k <= i; k++)
			world_sent(w, k, SEND_COMPLETE, 1, 1);
	}
	world_restart(w, ALLOWS);
	assert_true(w->gate->ledger_ok);
	world_free(w);
}

/* What a question waits for is not over, and what nobody waits for is. */
static void only_what_runs_here_stays_open(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char foreign[TEXT_ULID_BYTES];
	struct newest f;
	struct record r;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	f = newest_of(w, RECORD_INTENT);
	assert_true(f.r.policy_serial == RECORD_ABSENT); /* the policy has none */
	arena_free(f.arena);
	record_init(&r, RECORD_INTENT);
	assert_int_equal(ledger_append(gate_ledger(w->gate), &r, 1), ERR_OK);
	memcpy(foreign, r.id, sizeof foreign);
	w->gate->ledger_ok = false; /* as after a write that failed */
	gate_ledger_retry(w->gate);
	assert_true(w->gate->ledger_ok);
	f = newest_of(w, RECORD_WITHDRAWN);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.r.ref, foreign);
	arena_free(f.arena);
	world_free(w);
}

/* Where nothing can leave nothing is looked at, and so nothing is wrong with detectors. */
static void without_a_place_no_detector_is_needed(void **state)
{
	struct world *w = world_new(ASKS);

	(void)state;
	assert_true(world_put_policy(
		w, world_policies("{\"hither_policy\":1,\"id\":\"t\",\"categories\":{"
				  "\"company.staff\":{\"regex\":\"(unclosed\"}}}",
				  NULL)));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_permission_that_two_wait_for_ends_at_the_budget),
		cmocka_unit_test(a_model_that_goes_takes_its_question_along),
		cmocka_unit_test(what_is_denied_early_is_not_told_by_its_digest),
		cmocka_unit_test(the_last_rule_named_fits_exactly),
		cmocka_unit_test(facts_at_their_edges),
		cmocka_unit_test(a_reported_question_is_judged_again),
		cmocka_unit_test(who_leaves_is_the_one_who_said_so),
		cmocka_unit_test(what_was_approved_is_kept_where_policy_says_so),
		cmocka_unit_test(a_full_queue_is_due_at_once),
		cmocka_unit_test(the_earlier_of_two_times_stays),
		cmocka_unit_test(every_kind_of_data_at_once),
		cmocka_unit_test(what_is_held_together_says_whose_it_is),
		cmocka_unit_test(no_text_stays_mapped),
		cmocka_unit_test(who_asks_is_known_by_the_socket),
		cmocka_unit_test(without_a_ledger_nothing_is_due),
		cmocka_unit_test(what_is_held_is_due_by_itself),
		cmocka_unit_test(a_ledger_that_is_not_believed_stays_as_it_is),
		cmocka_unit_test(what_is_over_has_no_time_left),
		cmocka_unit_test(an_estimate_is_of_what_is_usual),
		cmocka_unit_test(a_proof_is_on_record),
		cmocka_unit_test(a_long_ledger_is_folded),
		cmocka_unit_test(only_what_runs_here_stays_open),
		cmocka_unit_test(without_a_place_no_detector_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
