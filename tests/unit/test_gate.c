/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in a made-up world: what leaves, what does not, and what is written down.
 * HITHER_HOSTILE=1000000 sets how many random messages the hostile router sends (default
 * 20000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "tests/fake/gate_world.h"

#define FAR(more)                                                                              \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"operator\":\"Far Inc\",\"region\":\"eu\",\"retention_days\":30," \
	"\"trains\":false,\"base_url\":\"https://far.example/"                                 \
	"v1\",\"models\":[\"big-1\",\"big-2\"],"                                               \
	"\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,\"output_per_mtok\":2}}}," more  \
	"}"

static const char asks[] = FAR("\"default\":{\"cloud\":\"ask\"}");
static const char allows[] = FAR("\"default\":{\"cloud\":\"allow\"}");
static const char denies[] = FAR("\"default\":{\"cloud\":\"deny\"}");

static const struct msg_ANSWER *last(struct world *w, const struct msg_ASK *m)
{
	const struct msg_ANSWER *a = world_last(w, m->request_id);

	assert_non_null(a);
	return a;
}

/* --- rules --------------------------------------------------------------------------- */

static void policy_denies_on_its_own_evaluation(void **state)
{
	struct world *w = world_new(denies);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "a hard question"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(world_records(w, RECORD_DENIED, NULL), 1);
	world_free(w);
}

static void a_standing_rule_releases_exactly_these_bytes(void **state)
{
	struct world *w = world_new(allows);
	struct msg_ASK m = world_ask(w);
	struct buf b;

	(void)state;
	world_body("a hard question", &b);
	assert_true(world_put_raw(w, &m, buf_span(&b), (struct span){ NULL, 0 }));
	assert_int_equal(w->n_sends, 1);
	assert_int_equal(w->sends[0].body_len, b.len);
	assert_memory_equal(w->sends[0].body, b.ptr, b.len);
	assert_int_not_equal(w->sends[0].m.ledger_seq, 0);
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_true(text_is_ulid(span_of(last(w, &m)->receipt)));
	assert_int_not_equal(w->last_pipe, -1);
	assert_int_equal(world_records(w, RECORD_INTENT, NULL), 1);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 1);
	world_sent(w, 0, SEND_COMPLETE, 5, 7);
	assert_int_equal(world_records(w, RECORD_CLOSED, "complete"), 1);
	buf_free(&b);
	world_free(w);
}

static void what_router_says_is_not_believed(void **state)
{
	struct world *w = world_new(allows);
	struct msg_ASK m;

	(void)state;
	m = world_ask(w);
	strcpy(m.destination, "elsewhere");
	assert_true(world_put(w, &m, "x"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	strcpy(m.destination, "local");
	assert_true(world_put(w, &m, "x"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	strcpy(m.model, "big-2"); /* allowed, but the body says big-1 */
	assert_true(world_put(w, &m, "x"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	strcpy(m.model, "huge");
	assert_true(world_put_raw(w, &m, SPAN_LITERAL("{\"model\":\"huge\",\"messages\":[]}"),
				  (struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	m.streaming = 1;
	assert_true(world_put(w, &m, "x"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	assert_true(world_put_raw(w, &m, SPAN_LITERAL("not json"), (struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	assert_true(world_put_raw(w, &m,
				  SPAN_LITERAL("{\"model\":\"big-1\",\"model\":\"big-1\"}"),
				  (struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	m = world_ask(w);
	m.max_tier = POLICY_TIER_TRUSTED;
	assert_true(world_put(w, &m, "x"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void an_unsealed_body_breaks_the_protocol(void **state)
{
	struct world *w = world_new(allows);
	struct msg_ASK m = world_ask(w);
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_false(gate_ask(w->gate, &m, pipes, 1));
	close(pipes[1]);
	assert_false(gate_ask(w->gate, &m, NULL, 0));
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(w->n_answers, 0);
	world_free(w);
}

static void its_own_scan_finds_what_router_hid(void **state)
{
	struct world *w = world_new(FAR(
		"\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"secrets-stay\","
		"\"effect\":\"local_only\",\"when\":{\"data\":{\"any\":[\"secret.*\"]}}}]"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m,
			      "my key is AKIAIOSFODNN7EXAMPLQ and token "
			      "ghp_16C7e42F292c6912E7710c838347Ae178B4a"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &m)->rules, "secrets-stay"));
	/* Escapes hide nothing: the text is looked at after unescaping. */
	m = world_ask(w);
	assert_true(world_put_raw(
		w, &m,
		SPAN_LITERAL(
			"{\"model\":\"big-1\",\"messages\":[{\"role\":\"user\",\"content\":"
			"\"token \\u0067hp_16C7e42F292c6912E7710c838347Ae178B4a\"}]}"),
		(struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	/* What it says it masked counts as found. */
	m = world_ask(w);
	strcpy(m.masked, "secret.api_key=1");
	assert_true(world_put(w, &m, "my key is [API_KEY-1]"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void what_must_be_masked_and_is_not_stays(void **state)
{
	struct world *w = world_new(FAR(
		"\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"when\":{\"tier\":[\"cloud\"]},"
		"\"with\":{\"redact\":[\"personal.contact.email\"]}}]"));
	struct msg_ASK m = world_ask(w);
	struct buf masked, plain;

	(void)state;
	assert_true(world_put(w, &m, "write to anna.schmidt@example.org please"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_int_equal(w->n_sends, 0);
	m = world_ask(w);
	m.has_original = 1;
	strcpy(m.masked, "personal.contact.email=1");
	world_body("write to [EMAIL-1] please", &masked);
	world_body("write to anna.schmidt@example.org please", &plain);
	assert_true(world_put_raw(w, &m, buf_span(&masked), buf_span(&plain)));
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_int_equal(w->n_sends, 1);
	assert_null(strstr(w->sends[0].body, "anna"));
	buf_free(&masked);
	buf_free(&plain);
	world_free(w);
}

#define CODENAMES_STAY                                                                         \
	"\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"names-stay\",\"effect\":"      \
	"\"local_only\","                                                                      \
	"\"when\":{\"data\":{\"any\":[\"company.codename\"]}}}],\"categories\":{\"company."    \
	"codename\":"

static void what_cannot_be_looked_into_is_unknown(void **state)
{
	struct world *w = world_new(FAR(CODENAMES_STAY "{\"keywords\":[\"bluebird\"]}}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "tell me about birds"));
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	m = world_ask(w);
	assert_true(world_put(w, &m, "tell me about Bluebird"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->rules, "names-stay");
	/* A picture may show anything. */
	m = world_ask(w);
	assert_true(world_put_raw(
		w, &m,
		SPAN_LITERAL(
			"{\"model\":\"big-1\",\"messages\":[{\"role\":\"user\",\"content\":"
			"[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a.example/"
			"b\"}}]}]}"),
		(struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->rules, "names-stay?");
	/* A dictionary that is not there finds nothing, which is not the same as nothing being
	 * there. */
	world_set_policy(w, FAR(CODENAMES_STAY "{\"dictionary\":\"/no/such/file\"}}"));
	m = world_ask(w);
	assert_true(world_put(w, &m, "tell me about birds"));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->rules, "names-stay?");
	world_free(w);
}

/* --- questions ----------------------------------------------------------------------- */

static void a_yes_sends_what_was_shown(void **state)
{
	struct world *w = world_new(asks);
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
	memcpy(id, last(w, &m)->question, sizeof id);
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
	struct world *w = world_new(asks);
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
	world_restart(w, asks);
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
	struct world *w = world_new(asks);
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];

	(void)state;
	assert_true(world_put(w, &m, "a hard question"));
	memcpy(id, last(w, &m)->question, sizeof id);
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
	struct world *w = world_new(asks);
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

static void wrong_answers_change_nothing(void **state)
{
	struct world *w = world_new(asks);
	struct msg_ASK m = world_ask(w);
	struct gate_response r;
	struct gate_result result;
	char id[TEXT_ULID_BYTES];
	cJSON *q;

	(void)state;
	m.pid = (uint32_t)getppid();
	assert_true(world_put(w, &m, "a hard question"));
	memcpy(id, last(w, &m)->question, sizeof id);
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
	struct world *w = world_new(asks);
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

/* --- permissions --------------------------------------------------------------------- */

static uint64_t ask_outcome_of(struct world *w, struct msg_ASK *m, const char *text)
{
	m->request_id = w->next_request++;
	assert_true(world_put(w, m, text));
	return last(w, m)->outcome;
}

static void a_permission_covers_what_it_was_given_for(void **state)
{
	struct world *w = world_new(asks);
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
	world_restart(w, asks);
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "e"), ASK_GRANTED);
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"title\":\"another\""));
	n = m;
	assert_int_equal(ask_outcome_of(w, &n, "f"), ASK_PENDING);
	world_set_policy(w, asks);
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
	struct world *w = world_new(asks);
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
	struct world *w = world_new(asks);
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
	struct world *w = world_new(asks);
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
	struct world *w = world_new(asks);
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
	struct world *w = world_new(asks);
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

static void a_rule_may_want_the_person_told(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"go\",\"effect\":"
		    "\"allow\","
		    "\"when\":{\"tier\":[\"cloud\"]},\"with\":{\"notify\":\"after\"}}]"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "one"));
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	assert_int_equal(w->n_told, 0);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].news, GATE_SENT);
	assert_string_equal(w->told[0].question, last(w, &m)->receipt);
	w->somebody = false; /* an obligation that cannot be carried out */
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &m)->detail, "nobody is there to tell"));
	assert_int_equal(w->n_sends, 1);
	world_free(w);
}

/* Table 2.5, "classifier failed / no score": the score is unknown, and unknown tightens. */
static void no_score_is_an_unknown_score(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"hard-stays\","
		    "\"effect\":\"deny\",\"when\":{\"score\":{\"gte\":0.99}}}]"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "a question"), ASK_GRANTED);
	m.score_pm = UINT16_MAX;
	assert_int_equal(ask_outcome_of(w, &m, "another question"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->rules, "hard-stays?");
	assert_int_equal(w->n_sends, 1);
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

static void a_new_policy_takes_questions_and_sends_back(void **state)
{
	struct world *w = world_new(allows);
	struct msg_ASK a = world_ask(w), b = world_ask(w), c = world_ask(w), d = world_ask(w);
	struct gate_result r;

	(void)state;
	assert_true(world_put(w, &a, "one"));
	assert_int_equal(w->n_sends, 1);
	world_set_policy(w, allows);
	assert_false(w->sends[0].aborted);
	world_set_policy(w, asks);
	assert_true(w->sends[0].aborted); /* the rule that let it go is gone */
	assert_true(world_put(w, &c, "three"));
	assert_int_equal(last(w, &c)->outcome, ASK_PENDING);
	r = world_respond(w, last(w, &c)->question, true, "once");
	assert_int_equal(r.status, 200);
	assert_int_equal(w->n_sends, 2);
	world_set_policy(w, asks);
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
	world_set_policy(w, denies);
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

/* --- peers, budgets, ledger ----------------------------------------------------------- */

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
	struct world *w = world_new(asks);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put(w, &m, "one"));
	gate_cancel(w->gate, m.request_id);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 409);
	assert_int_equal(w->n_sends, 0);
	world_set_policy(w, allows);
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
	struct world *w = world_new(allows);
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
	struct world *w = world_new(allows);
	struct msg_ASK m = world_ask(w);
	char line[1024];

	(void)state;
	assert_true(world_put(w, &m, "one"));
	/* The files as kill -9 leaves them, taken while the first process still runs. */
	snprintf(line, sizeof line, "cp -a '%s' '%s.killed' && rm '%s.killed/ledger/lock'",
		 w->state_dir, w->state_dir, w->state_dir);
	assert_int_equal(system(line), 0);
	struct world *v = world_new(allows);
	gate_free(v->gate);
	snprintf(v->state_dir, sizeof v->state_dir, "%.200s.killed", w->state_dir);
	world_start(v, allows);
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

static void a_disk_that_fails_for_a_while(void **state)
{
	struct world *w = world_new(allows);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	fault_arm(1, true);
	gate_cloud_gone(w->gate); /* the send under way cannot be closed on record */
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
	struct world *w = world_new(allows);
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
	struct world *w = world_new(allows);
	struct msg_ASK m = world_ask(w);
	struct ledger_report report;
	struct ledger_problem problem;
	char line[1024];

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	gate_free(w->gate);
	snprintf(line, sizeof line,
		 "python3 -c \"import sqlite3;c=sqlite3.connect('%s/ledger/ledger.db');"
		 "c.execute('update records set kind=1||kind where seq=2');c.commit()\"",
		 w->state_dir);
	assert_int_equal(system(line), 0);
	world_start(w, allows);
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
	struct world *w = world_new(allows);
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
	world_start(w, allows);
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
	struct world *w = world_new(asks);
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
	gate_router_gone(w->gate);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 0);
	assert_true(world_records(w, RECORD_INTENT, NULL) >
		    100); /* it did get as far as questions */
	world_free(w);
}

int main(void)
{
	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT); /* refusals by the thousand */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_denies_on_its_own_evaluation),
		cmocka_unit_test(a_standing_rule_releases_exactly_these_bytes),
		cmocka_unit_test(what_router_says_is_not_believed),
		cmocka_unit_test(a_rule_may_want_the_person_told),
		cmocka_unit_test(no_score_is_an_unknown_score),
		cmocka_unit_test(an_unsealed_body_breaks_the_protocol),
		cmocka_unit_test(its_own_scan_finds_what_router_hid),
		cmocka_unit_test(what_must_be_masked_and_is_not_stays),
		cmocka_unit_test(what_cannot_be_looked_into_is_unknown),
		cmocka_unit_test(a_yes_sends_what_was_shown),
		cmocka_unit_test(a_no_keeps_it_here_and_is_remembered),
		cmocka_unit_test(silence_stays_on_the_device),
		cmocka_unit_test(nobody_there_is_its_own_answer),
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
		cmocka_unit_test(a_disk_that_fails_for_a_while),
		cmocka_unit_test(a_flood_of_answers_is_recorded_whole),
		cmocka_unit_test(a_damaged_ledger_keeps_everything_here),
		cmocka_unit_test(a_clock_that_went_back_keeps_everything_here),
		cmocka_unit_test(whatever_fails_nothing_leaves_unrecorded),
		cmocka_unit_test(a_hostile_router_gets_nothing_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
