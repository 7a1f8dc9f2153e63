/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves under a rule, what does not, and what nobody believes the router. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "tests/unit/gate_help.h"

#include <fcntl.h>

static void policy_denies_on_its_own_evaluation(void **state)
{
	struct world *w = world_new(DENIES);
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
	struct world *w = world_new(ALLOWS);
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
	struct world *w = world_new(ALLOWS);
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

/* What came along with a message that is none is closed, each of it. */
static void descriptors_of_a_broken_message_are_closed(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	int fds[2] = { dup(0), dup(0) };

	(void)state;
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	assert_false(gate_ask(w->gate, &m, fds, 2)); /* one is wanted */
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	assert_int_equal(w->n_answers, 0);
	world_free(w);
}

static void an_unsealed_body_breaks_the_protocol(void **state)
{
	struct world *w = world_new(ALLOWS);
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

/* What is cut stays on its way until cloud says that it ended, whatever else ends meanwhile. */
static void a_send_ends_when_cloud_says_so(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\",\"effect\":"
		    "\"allow\",\"when\":{\"app\":[\"org.example.Rule\"]}}]"));
	struct msg_ASK asks = world_ask(w), goes = asks;

	(void)state;
	strcpy(goes.app, "org.example.Rule");
	goes.identity = POLICY_IDENTITY_SOCKET;
	assert_int_equal(ask_outcome_of(w, &goes, "x"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &asks, "y"), ASK_PENDING);
	world_set_policy(w, DENIES);
	assert_int_equal(last(w, &asks)->outcome, ASK_WITHDRAWN);
	assert_true(w->sends[0].aborted);
	assert_int_equal(gate_status(w->gate).sending, 1);
	world_sent(w, 0, SEND_ABORTED, -1, -1);
	assert_int_equal(gate_status(w->gate).sending, 0);
	world_free(w);
}

/* The app's own ceiling. */
static void no_further_than_the_app_lets_it(void **state)
{
	struct world *w = world_new(
		"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		"\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\"},"
		"\"near\":{\"tier\":\"trusted\",\"api\":\"openai\",\"base_url\":"
		"\"https://near.example/v1\"}},\"default\":{\"cloud\":\"allow\","
		"\"trusted\":\"allow\"}}");
	struct msg_ASK m = world_ask(w);

	(void)state;
	m.max_tier = POLICY_TIER_TRUSTED;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	strcpy(m.destination, "near");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	m.max_tier = POLICY_TIER_DEVICE;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	world_free(w);
}

/* Over TCP the program is whoever holds the other end. */
static void who_asks_over_tcp_is_looked_for(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	int64_t pid = 0;
	cJSON *q;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	m.tcp_at = ntohs(at.sin_port);
	assert_int_equal(connect(client, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(client, (struct sockaddr *)&at, &len), 0);
	m.tcp_port = ntohs(at.sin_port);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_true(json_get_int(q, "pid", 0, INT32_MAX, &pid));
	assert_int_equal(pid, getpid());
	cJSON_Delete(q);
	close(client);
	close(listener);
	world_free(w);
}

/* A minute more, and no longer than policy holds a question. */
static void more_time_has_an_end(void **state)
{
	struct world *w = world_new(FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{"
					"\"timeout\":\"60s\",\"hold_max\":\"150s\"}"));
	struct msg_ASK m = world_ask(w);
	static const int64_t left_ms[] = { 120000, 150000, 150000 };

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	for (size_t i = 0; i < LEN(left_ms); i++) {
		int64_t left;
		cJSON *q;

		assert_int_equal(answered(w, last(w, &m)->question,
					  (struct gate_response){ .word = GATE_EXTEND })
					 .status,
				 200);
		q = world_question(w, last(w, &m)->question);
		assert_true(json_get_int(q, "expires_in_ms", 0, INT32_MAX, &left));
		assert_int_equal(left, left_ms[i]);
		cJSON_Delete(q);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_denies_on_its_own_evaluation),
		cmocka_unit_test(a_standing_rule_releases_exactly_these_bytes),
		cmocka_unit_test(what_router_says_is_not_believed),
		cmocka_unit_test(a_rule_may_want_the_person_told),
		cmocka_unit_test(no_score_is_an_unknown_score),
		cmocka_unit_test(descriptors_of_a_broken_message_are_closed),
		cmocka_unit_test(an_unsealed_body_breaks_the_protocol),
		cmocka_unit_test(its_own_scan_finds_what_router_hid),
		cmocka_unit_test(what_must_be_masked_and_is_not_stays),
		cmocka_unit_test(what_cannot_be_looked_into_is_unknown),
		cmocka_unit_test(a_send_ends_when_cloud_says_so),
		cmocka_unit_test(no_further_than_the_app_lets_it),
		cmocka_unit_test(who_asks_over_tcp_is_looked_for),
		cmocka_unit_test(more_time_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
