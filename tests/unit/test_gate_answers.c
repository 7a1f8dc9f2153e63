/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, what people answer to them, and what a permission covers. */
#include "tests/unit/gate_help.h"

static void a_yes_sends_what_was_shown(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	cJSON *q;
	char id[TEXT_ULID_BYTES], shown[512];

	(void)state;
	assert_true(world_put(w, &m, "a hard \"question\" \xC3\xA9"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].news, GATE_REQUEST);
	id_of(w, &m, id);
	q = world_question(w, id);
	snprintf(shown, sizeof shown, "%s", json_get_string(q, "body"));
	assert_string_equal(json_get_string(q, "operator"), "Far Inc");
	assert_non_null(json_get_object(q, "price"));
	cJSON_Delete(q);
	r = world_respond(w, id, true, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.outcome, "granted");
	assert_int_equal(w->n_sends, 1);
	assert_string_equal(w->sends[0].body, shown);
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_string_equal(last(w, &m)->receipt, r.receipt);
	assert_int_equal(world_records(w, RECORD_INTENT, NULL), 1);
	assert_int_equal(world_records(w, RECORD_APPROVED, NULL), 1);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 1);
	/* Once is once. */
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard \"question\" \xC3\xA9"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

static void a_no_keeps_it_here_and_is_remembered(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	char permission[24];

	(void)state;
	assert_true(world_put(w, &m, "a hard question"));
	r = world_respond(w, last(w, &m)->question, false, NULL);
	assert_int_equal(r.status, 200);
	assert_int_equal(last(w, &m)->outcome, ASK_REFUSED);
	assert_int_equal(last(w, &m)->fallback, 0);
	memcpy(permission, r.permission, sizeof permission);
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome,
			 ASK_REFUSED); /* never twice for the same bytes */
	m = world_ask(w);
	assert_true(world_put(w, &m, "another question"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	/* It also holds after a restart, until it is lifted. */
	world_restart(w, ASKS);
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_REFUSED);
	struct buf b;
	buf_init(&b, 1 << 20);
	gate_revoke(w->gate, (uint32_t)getuid(), permission, &r, &b);
	buf_free(&b);
	assert_int_equal(r.status, 200);
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void silence_stays_on_the_device(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];

	(void)state;
	assert_true(world_put(w, &m, "a hard question"));
	id_of(w, &m, id);
	world_pass(w, 59000);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	world_pass(w, 1001);
	assert_int_equal(last(w, &m)->outcome, ASK_TIMEOUT);
	assert_int_equal(world_records(w, RECORD_TIMED_OUT, NULL), 1);
	struct gate_result r = world_respond(w, id, true, NULL);
	assert_int_equal(r.status, 409);
	assert_string_equal(r.code, "expired");
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void nobody_there_is_its_own_answer(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	w->somebody = false;
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_NO_AGENT);
	world_set_policy(
		w,
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"no_agent\":\"refuse\"}"));
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_NO_AGENT);
	assert_int_equal(last(w, &m)->fallback, 1);
	world_set_policy(
		w, FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"no_agent\":\"hold\"}"));
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	world_free(w);
}

/* Who did not read a question cannot answer it. */
static void no_nonce_comes_twice(void **state)
{
	char nonces[8][40];

	(void)state;
	for (size_t i = 0; i < LEN(nonces); i++) {
		struct world *w = world_new(ASKS);
		struct msg_ASK m = world_ask(w);
		char id[TEXT_ULID_BYTES];

		m.pid = (uint32_t)getppid();
		assert_true(world_put(w, &m, "a hard question"));
		id_of(w, &m, id);
		cJSON *q = world_question(w, id);
		assert_true(span_copy(span_of(json_get_string(q, "nonce")), nonces[i],
				      sizeof nonces[i]));
		assert_int_equal(strlen(nonces[i]), 32);
		for (size_t before = 0; before < i; before++)
			assert_string_not_equal(nonces[i], nonces[before]);
		cJSON_Delete(q);
		world_free(w);
	}
}

static void wrong_answers_change_nothing(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_response r;
	struct gate_result result;
	char id[TEXT_ULID_BYTES];
	cJSON *q;

	(void)state;
	m.pid = (uint32_t)getppid();
	assert_true(world_put(w, &m, "a hard question"));
	id_of(w, &m, id);
	q = world_question(w, id);
	r = (struct gate_response){ .id = id,
				    .nonce = json_get_string(q, "nonce"),
				    .digest = json_get_string(q, "digest"),
				    .word = GATE_APPROVE,
				    .uid = (uint32_t)getuid(),
				    .pid = 1 };
	struct gate_response bad = r;
	bad.nonce = "00000000000000000000000000000000";
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 409);
	assert_string_equal(result.code, "stale_nonce");
	bad = r;
	bad.digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 409);
	assert_string_equal(result.code, "digest_mismatch");
	bad = r;
	bad.uid = (uint32_t)getuid() + 1;
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 404);
	bad = r;
	bad.id = "01JD0000000000000000000000";
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 404);
	bad = r;
	bad.scope = "always"; /* built-in policy offers once and session */
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 422);
	bad = r;
	bad.scope = "for ever";
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 422);
	bad = r;
	bad.mode = "backwards";
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 422);
	bad = r;
	bad.pid = getppid(); /* the asking program */
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 403);
	bad.pid = getpid(); /* and what it started */
	gate_respond(w->gate, &bad, &result);
	assert_int_equal(result.status, 403);
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 200);
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 409);
	assert_string_equal(result.code, "already_decided");
	assert_int_equal(w->n_sends, 1);
	cJSON_Delete(q);
	world_free(w);
}

static void a_reported_question_can_be_approved_and_the_same_request_resumes(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	w->somebody = false;
	m.on_question = 1;
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.outcome, "approved");
	assert_int_equal(w->n_sends, 0);
	m = world_ask(w); /* other bytes do not profit */
	m.on_question = 1;
	assert_true(world_put(w, &m, "a hard question!"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	m = world_ask(w); /* nor another app */
	m.on_question = 1;
	strcpy(m.app, "org.example.Other");
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	m = world_ask(w);
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_int_equal(w->n_sends, 1);
	m = world_ask(w); /* and it was for one use */
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_not_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

static void a_permission_covers_what_it_was_given_for(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), n;
	struct gate_result r;

	(void)state;
	assert_true(world_put(w, &m, "a hard question"));
	r = world_respond(w, last(w, &m)->question, true, "session");
	assert_int_equal(r.status, 200);
	assert_true(r.permission[0] == 'g');
	assert_int_equal(ask_outcome_of(w, &m, "another question"), ASK_GRANTED);
	n = m;
	strcpy(n.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &n, "a"), ASK_PENDING);
	n = m;
	strcpy(n.task, "code.fix");
	assert_int_equal(ask_outcome_of(w, &n, "b"), ASK_PENDING);
	n = m;
	n.identity = POLICY_IDENTITY_ANONYMOUS;
	assert_int_equal(ask_outcome_of(w, &n, "c"), ASK_PENDING);
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "mail anna.schmidt@example.org about it"),
			 ASK_PENDING);
	n = m;
	n.identity = POLICY_IDENTITY_SOCKET; /* known better than it was */
	assert_int_equal(ask_outcome_of(w, &n, "d"), ASK_GRANTED);
	unsigned before = w->n_sends;
	/* It survives a restart of consent, not a change of policy. */
	world_restart(w, ASKS);
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "e"), ASK_GRANTED);
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"title\":\"another\""));
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "f"), ASK_PENDING);
	world_set_policy(w, ASKS);
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "g"), ASK_GRANTED);
	world_pass(w, 13 * 3600000); /* a session ends */
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "h"), ASK_PENDING);
	assert_int_equal(w->n_sends, before + 3); /* e; f, when its policy came back; g */
	world_free(w);
}

static void revoking_cuts_what_is_under_way(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	char permission[24];
	struct buf b;

	(void)state;
	assert_true(world_put(w, &m, "one"));
	r = world_respond(w, last(w, &m)->question, true, "session");
	memcpy(permission, r.permission, sizeof permission);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_GRANTED);
	assert_int_equal(w->n_sends, 2);
	buf_init(&b, 1 << 20);
	gate_revoke(w->gate, (uint32_t)getuid(), permission, &r, &b);
	assert_int_equal(r.status, 200);
	assert_true(w->sends[1].aborted);
	assert_non_null(strstr(buf_cstr(&b), "already sent"));
	buf_free(&b);
	world_sent(w, 1, SEND_ABORTED, -1, -1);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	assert_int_equal(w->n_sends, 2);
	world_free(w);
}

static void one_question_at_a_time_for_the_same_purpose(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK a = world_ask(w), b = world_ask(w), c = world_ask(w);

	(void)state;
	assert_true(world_put(w, &a, "one"));
	assert_true(world_put(w, &b, "two"));
	assert_true(world_put(w, &c, "one")); /* the very same bytes share a question */
	assert_int_equal(gate_pending(w->gate), 2);
	assert_int_equal(w->n_told, 1);
	assert_string_equal(last(w, &a)->question, last(w, &c)->question);
	/* A yes, once, is for one request; the same bytes again and the next one ask anew. */
	assert_int_equal(world_respond(w, last(w, &a)->question, true, "once").status, 200);
	assert_int_equal(last(w, &a)->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &b)->outcome, ASK_PENDING);
	assert_int_equal(last(w, &c)->outcome, ASK_PENDING);
	assert_string_not_equal(last(w, &a)->question, last(w, &c)->question);
	assert_int_equal(w->n_sends, 1);
	/* A yes for the session covers those that wait. */
	assert_int_equal(world_respond(w, last(w, &b)->question, true, "session").status, 200);
	assert_int_equal(last(w, &b)->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &c)->outcome, ASK_GRANTED);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(w->n_sends, 3);
	world_free(w);
}

static void a_no_covers_those_that_wait(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK a = world_ask(w), b = world_ask(w);

	(void)state;
	assert_true(world_put(w, &a, "one"));
	assert_true(world_put(w, &b, "two"));
	assert_int_equal(world_respond(w, last(w, &a)->question, false, NULL).status, 200);
	assert_int_equal(last(w, &b)->outcome, ASK_REFUSED);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static const char six_an_hour[] =
	FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"max_prompts_per_hour\":6}");

static void people_are_not_worn_down(void **state)
{
	struct world *w = world_new(six_an_hour);
	struct msg_ASK m = world_ask(w);
	char text[16];

	(void)state;
	for (unsigned i = 0; i < 3; i++) { /* three times no: stop asking */
		snprintf(text, sizeof text, "try %u", i);
		assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
		assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status,
				 200);
	}
	assert_int_equal(ask_outcome_of(w, &m, "try again"), ASK_REFUSED);
	assert_non_null(strstr(last(w, &m)->detail, "rule"));
	strcpy(m.app, "org.example.Other"); /* six questions an hour, for each that is known */
	m.identity = POLICY_IDENTITY_SOCKET;
	for (unsigned i = 0; i < 6; i++) {
		snprintf(text, sizeof text, "other %u", i);
		assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
		assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status,
				 200);
	}
	assert_int_equal(ask_outcome_of(w, &m, "other"), ASK_LIMITED);
	world_pass(w, 3600001);
	assert_int_equal(ask_outcome_of(w, &m, "other"), ASK_PENDING);
	world_free(w);
}

static void not_now_is_no_refusal(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_response r;
	struct gate_result result;
	cJSON *q;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	r = (struct gate_response){ .id = json_get_string(q, "id"),
				    .nonce = json_get_string(q, "nonce"),
				    .digest = json_get_string(q, "digest"),
				    .word = GATE_EXTEND,
				    .uid = (uint32_t)getuid(),
				    .pid = getpid() };
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 200);
	world_pass(w, 90000);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	r.word = GATE_DISMISS;
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 200);
	assert_int_equal(last(w, &m)->outcome, ASK_DISMISSED);
	cJSON_Delete(q);
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	world_free(w);
}

static void a_refused_conversation_stays_here(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	strcpy(m.conversation, "c0ffee");
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	strcpy(m.task, "summarize");
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_REFUSED);
	strcpy(m.conversation, "beef");
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	world_free(w);
}

static void masked_or_as_it_is(void **state)
{
	struct world *w = world_new(FAR(
		"\"rules\":[{\"id\":\"r\",\"effect\":\"ask\",\"when\":{\"tier\":[\"cloud\"]},"
		"\"with\":{\"redact\":[\"personal.contact.email\"]}}]"));
	struct msg_ASK m = world_ask(w);
	struct buf masked, plain;
	struct gate_response r;
	struct gate_result result;
	cJSON *q;

	(void)state;
	m.has_original = 1;
	strcpy(m.masked, "personal.contact.email=1");
	world_body("write to [EMAIL-1] please", &masked);
	world_body("write to anna.schmidt@example.org please", &plain);
	for (int as_is = 0; as_is < 2; as_is++) {
		m.request_id = w->next_request++;
		assert_true(world_put_raw(w, &m, buf_span(&masked), buf_span(&plain)));
		q = world_question(w, last(w, &m)->question);
		assert_non_null(q);
		assert_non_null(strstr(json_get_string(q, "original"), "anna"));
		assert_int_equal(cJSON_GetArraySize(json_get_array(q, "modes")), 2);
		r = (struct gate_response){ .id = json_get_string(q, "id"),
					    .nonce = json_get_string(q, "nonce"),
					    .digest = json_get_string(
						    q, as_is ? "original_digest" : "digest"),
					    .word = GATE_APPROVE,
					    .mode = as_is ? "as_is" : NULL,
					    .uid = (uint32_t)getuid(),
					    .pid = getpid() };
		gate_respond(w->gate, &r, &result);
		assert_int_equal(result.status, 200);
		assert_int_equal(w->n_sends, as_is + 1);
		assert_int_equal(strstr(w->sends[as_is].body, "anna") != NULL, as_is);
		cJSON_Delete(q);
	}
	buf_free(&masked);
	buf_free(&plain);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_sends_what_was_shown),
		cmocka_unit_test(a_no_keeps_it_here_and_is_remembered),
		cmocka_unit_test(silence_stays_on_the_device),
		cmocka_unit_test(nobody_there_is_its_own_answer),
		cmocka_unit_test(no_nonce_comes_twice),
		cmocka_unit_test(wrong_answers_change_nothing),
		cmocka_unit_test(
			a_reported_question_can_be_approved_and_the_same_request_resumes),
		cmocka_unit_test(a_permission_covers_what_it_was_given_for),
		cmocka_unit_test(revoking_cuts_what_is_under_way),
		cmocka_unit_test(one_question_at_a_time_for_the_same_purpose),
		cmocka_unit_test(a_no_covers_those_that_wait),
		cmocka_unit_test(people_are_not_worn_down),
		cmocka_unit_test(not_now_is_no_refusal),
		cmocka_unit_test(a_refused_conversation_stays_here),
		cmocka_unit_test(masked_or_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
