/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate at its bounds: what one program may put before a person, how many bytes may wait,
 * what a permission is bound to and what taking it back cuts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "common/log.h"
#include "tests/fake/gate_world.h"

#define FAR(more)                                                                              \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"operator\":\"Far Inc\",\"region\":\"eu\",\"base_url\":"          \
	"\"https://far.example/"                                                               \
	"v1\",\"models\":[\"big-1\"]}},\"default\":{\"cloud\":\"ask\"}" more "}"
#define SIX  ",\"consent\":{\"max_prompts_per_hour\":6}"
#define MANY ",\"consent\":{\"max_prompts_per_hour\":100000}"

#define MIB  (1u << 20)

static const struct msg_ANSWER *last(struct world *w, const struct msg_ASK *m)
{
	const struct msg_ANSWER *a = world_last(w, m->request_id);

	assert_non_null(a);
	return a;
}

static uint64_t put(struct world *w, struct msg_ASK *m, const char *text)
{
	m->request_id = w->next_request++;
	assert_true(world_put(w, m, text));
	return last(w, m)->outcome;
}

/* One request whose body has exactly so many bytes, each time others. */
static uint64_t put_bytes(struct world *w, struct msg_ASK *m, size_t bytes)
{
	static unsigned turn;
	struct buf b;
	char name[32];
	size_t tail = strlen("\"}]}");

	buf_init(&b, GATE_BODY_MAX);
	buf_add_str(&b, "{\"model\":\"big-1\",\"messages\":[{\"role\":\"user\",\"content\":\"");
	snprintf(name, sizeof name, "%08u ", turn++);
	buf_add_str(&b, name);
	while (b.len + tail < bytes)
		buf_add_char(&b, b.len % 64 == 0 ? ' ' : 'a');
	buf_add_str(&b, "\"}]}");
	assert_int_equal(b.len, bytes);
	m->request_id = w->next_request++;
	assert_true(world_put_raw(w, m, buf_span(&b), (struct span){ NULL, 0 }));
	buf_free(&b);
	return last(w, m)->outcome;
}

static unsigned listed(struct world *w)
{
	struct json_where where;
	cJSON *root = NULL;
	struct buf b;
	int n;

	buf_init(&b, MIB);
	gate_write_questions(w->gate, (uint32_t)getuid(), &b);
	assert_int_equal(json_parse(buf_span(&b), &json_limits_file, &root, &where), ERR_OK);
	n = cJSON_GetArraySize(json_get_array(root, "consents"));
	cJSON_Delete(root);
	buf_free(&b);
	return (unsigned)n;
}

/* A word of the only grant that is listed. */
static void grant_word(struct world *w, const char *key, char out[64])
{
	struct json_where where;
	const cJSON *list;
	cJSON *root = NULL;
	struct buf b;

	buf_init(&b, MIB);
	gate_write_grants(w->gate, (uint32_t)getuid(), &b);
	assert_int_equal(json_parse(buf_span(&b), &json_limits_file, &root, &where), ERR_OK);
	list = json_get_array(root, "grants");
	assert_int_equal(cJSON_GetArraySize(list), 1);
	snprintf(out, 64, "%s", json_get_string(cJSON_GetArrayItem(list, 0), key));
	cJSON_Delete(root);
	buf_free(&b);
}

static struct gate_result take_back(struct world *w, const char *permission, struct buf *out)
{
	struct gate_result r;

	buf_init(out, MIB);
	gate_revoke(w->gate, (uint32_t)getuid(), permission, &r, out);
	return r;
}

/* --- taking back --------------------------------------------------------------------- */

static void revoking_cuts_the_send_that_it_was_given_with(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w), n = world_ask(w), o = world_ask(w);
	struct gate_result r;
	char permission[24];
	struct buf b;

	(void)state;
	assert_int_equal(put(w, &o, "only this once"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &o)->question, true, "once").status, 200);
	assert_int_equal(put(w, &m, "one"), ASK_PENDING);
	assert_int_equal(put(w, &n, "one"), ASK_PENDING); /* served by the same yes */
	r = world_respond(w, last(w, &m)->question, true, "session");
	memcpy(permission, r.permission, sizeof permission);
	assert_int_equal(w->n_sends, 3);
	r = take_back(w, permission, &b);
	assert_int_equal(r.status, 200);
	assert_false(w->sends[0].aborted); /* that yes was not taken back */
	assert_true(w->sends[1].aborted);
	assert_true(w->sends[2].aborted);
	assert_non_null(strstr(buf_cstr(&b), last(w, &m)->receipt));
	assert_non_null(strstr(buf_cstr(&b), last(w, &n)->receipt));
	assert_non_null(strstr(buf_cstr(&b), "\"sent_before\":2"));
	buf_free(&b);
	world_sent(w, 1, SEND_ABORTED, -1, -1);
	assert_int_equal(world_records(w, RECORD_CLOSED, "aborted"), 1);
	world_free(w);
}

/* --- what a permission is bound to ------------------------------------------------------ */

static void a_session_is_over_after_a_restart(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	char word[64];

	(void)state;
	assert_int_equal(put(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, "session").status, 200);
	grant_word(w, "state", word);
	assert_string_equal(word, "active");
	grant_word(w, "effect", word);
	assert_string_equal(word, "allow");
	world_set_policy(w, FAR(MANY));
	grant_word(w, "state", word);
	assert_string_equal(word, "policy_changed");
	assert_int_equal(put(w, &m, "two"), ASK_PENDING);
	world_set_policy(w, FAR(""));
	assert_int_equal(last(w, &m)->outcome, ASK_GRANTED);
	w->session = "the next one";
	world_restart(w, FAR(""));
	grant_word(w, "state", word);
	assert_string_equal(word, "ended");
	assert_int_equal(put(w, &m, "three"), ASK_PENDING);
	world_free(w);
}

static void a_refusal_says_that_it_is_one(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	char word[64];

	(void)state;
	assert_int_equal(put(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	w->session = "the next one";
	world_restart(w, FAR(""));
	grant_word(w, "effect", word);
	assert_string_equal(word, "refuse");
	grant_word(w, "state", word);
	assert_string_equal(word, "active"); /* and that is what the gate does */
	assert_int_equal(put(w, &m, "one"), ASK_REFUSED);
	world_free(w);
}

/* A process that leads a session of its own. */
static pid_t elsewhere(void)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setsid() < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_claimed_name_is_bound_to_its_session(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	pid_t one = elsewhere(), other = elsewhere();
	char word[64];

	(void)state;
	m.pid = (uint32_t)one;
	assert_int_equal(put(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, "session").status, 200);
	assert_int_equal(put(w, &m, "two"), ASK_GRANTED);
	m.pid = (uint32_t)other; /* says that it is the same app */
	assert_int_equal(put(w, &m, "three"), ASK_PENDING);
	gate_cancel(w->gate, m.request_id);
	m.pid = (uint32_t)one;
	assert_int_equal(put(w, &m, "four"), ASK_GRANTED);
	grant_word(w, "state", word);
	assert_string_equal(word, "active");
	end(one);
	grant_word(w, "state", word);
	assert_string_equal(word, "ended");
	end(other);
	world_free(w);
}

static void a_known_app_has_one_session(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	pid_t one = elsewhere(), other = elsewhere();

	(void)state;
	m.identity = POLICY_IDENTITY_SOCKET;
	m.pid = (uint32_t)one;
	assert_int_equal(put(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, "session").status, 200);
	m.pid = (uint32_t)other;
	assert_int_equal(put(w, &m, "two"), ASK_GRANTED);
	end(one);
	end(other);
	world_free(w);
}

/* --- bytes that wait ------------------------------------------------------------------- */

static void bytes_that_wait_are_bounded(void **state)
{
	struct world *w = world_new(FAR(MANY));
	struct msg_ASK m = world_ask(w);
	unsigned open;

	(void)state;
	m.on_question = 1;
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(put_bytes(w, &m, 4 * MIB), ASK_PENDING);
	assert_int_equal(put_bytes(w, &m, 4 * MIB + 1), ASK_LIMITED);
	assert_non_null(strstr(last(w, &m)->detail, "32 MiB"));
	assert_int_equal(put_bytes(w, &m, 4 * MIB), ASK_PENDING); /* exactly full */
	assert_int_equal(put_bytes(w, &m, 100), ASK_LIMITED);
	m.on_question = 0; /* held ones wait as well */
	assert_int_equal(put_bytes(w, &m, 100), ASK_LIMITED);
	open = gate_pending(w->gate);
	assert_int_equal(open, 8);
	m.uid++; /* somebody else's share */
	m.on_question = 1;
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(put_bytes(w, &m, 4 * MIB), ASK_PENDING);
	m.uid++; /* nothing is left of the whole */
	assert_int_equal(put_bytes(w, &m, 100), ASK_LIMITED);
	assert_non_null(strstr(last(w, &m)->detail, "64 MiB"));
	world_pass(w, 61000); /* silence makes room */
	assert_int_equal(put_bytes(w, &m, 100), ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void the_same_bytes_waiting_often_are_bounded_too(void **state)
{
	struct world *w = world_new(FAR(MANY));
	struct msg_ASK m = world_ask(w);
	struct buf b;

	(void)state;
	buf_init(&b, GATE_BODY_MAX);
	buf_add_str(&b, "{\"model\":\"big-1\",\"messages\":[{\"role\":\"user\",\"content\":\"");
	while (b.len < 4 * MIB - 4)
		buf_add_char(&b, 'a');
	buf_add_str(&b, "\"}]}");
	for (unsigned i = 0; i < 9; i++) {
		m.request_id = w->next_request++;
		assert_true(world_put_raw(w, &m, buf_span(&b), (struct span){ NULL, 0 }));
		assert_int_equal(last(w, &m)->outcome, i < 8 ? ASK_PENDING : ASK_LIMITED);
	}
	assert_int_equal(gate_pending(w->gate), 1);
	buf_free(&b);
	world_free(w);
}

/* --- how often ------------------------------------------------------------------------- */

static void a_flood_that_nobody_is_told_of_takes_its_own_place(void **state)
{
	struct world *w = world_new(FAR(SIX));
	struct msg_ASK m = world_ask(w);
	char first[TEXT_ULID_BYTES] = "", text[16];

	(void)state;
	w->somebody = false;
	m.on_question = 1; /* nobody is told of them: they interrupt nobody */
	for (unsigned i = 0; i < GATE_APP_QUESTIONS_MAX + 28; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(put(w, &m, text), ASK_PENDING);
		if (i == 0)
			memcpy(first, last(w, &m)->question, sizeof first);
	}
	assert_int_equal(listed(w), GATE_APP_QUESTIONS_MAX);
	assert_int_not_equal(world_respond(w, first, true, NULL).status,
			     200); /* the oldest went */
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	strcpy(m.app, "org.example.Other");
	assert_int_equal(put(w, &m, "other"), ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void those_behind_another_count(void **state)
{
	struct world *w = world_new(FAR(SIX));
	struct msg_ASK m = world_ask(w);
	unsigned put_n = 0;
	char text[16];

	(void)state;
	for (unsigned i = 0; i < 20; i++) { /* one is shown, the others wait behind it */
		snprintf(text, sizeof text, "%u", i);
		put_n += put(w, &m, text) == ASK_PENDING;
	}
	assert_int_equal(put_n, 6);
	assert_int_equal(w->n_told, 1);
	world_free(w);
}

static void open_questions_of_an_app_are_bounded(void **state)
{
	struct world *w = world_new(FAR(MANY));
	struct msg_ASK m = world_ask(w);
	unsigned put_n = 0;
	char text[16];

	(void)state;
	for (unsigned i = 0; i < GATE_APP_QUESTIONS_MAX + 8; i++) {
		snprintf(text, sizeof text, "%u", i);
		put_n += put(w, &m, text) == ASK_PENDING;
	}
	assert_int_equal(put_n, GATE_APP_QUESTIONS_MAX);
	assert_non_null(strstr(last(w, &m)->detail, "consent list"));
	strcpy(m.app, "org.example.Other"); /* says so */
	assert_int_equal(put(w, &m, "other"), ASK_LIMITED);
	m.identity = POLICY_IDENTITY_SOCKET; /* is it */
	assert_int_equal(put(w, &m, "other"), ASK_PENDING);
	world_free(w);
}

/* --- nobody there ---------------------------------------------------------------------- */

static void what_nobody_saw_can_still_be_approved(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];
	struct gate_result r;

	(void)state;
	w->somebody = false;
	assert_int_equal(put(w, &m, "a hard question"), ASK_NO_AGENT);
	memcpy(id, last(w, &m)->question, sizeof id);
	assert_non_null(strstr(last(w, &m)->detail, id));
	assert_int_equal(listed(w), 1);
	assert_int_equal(put(w, &m, "a hard question"), ASK_NO_AGENT); /* it does not hang */
	assert_string_equal(last(w, &m)->question, id);
	assert_int_equal(listed(w), 1);
	r = world_respond(w, id, true, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.outcome, "approved");
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(put(w, &m, "another question"), ASK_NO_AGENT);
	assert_int_equal(put(w, &m, "a hard question"), ASK_GRANTED);
	assert_int_equal(put(w, &m, "a hard question"), ASK_NO_AGENT); /* once is once */
	assert_int_equal(w->n_sends, 1);
	assert_int_equal(world_records(w, RECORD_NO_AGENT, NULL), 4);
	world_free(w);
}

static void what_nobody_saw_ends_with_its_time(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	char text[16];

	(void)state;
	w->somebody = false;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(put(w, &m, text), ASK_NO_AGENT);
	}
	assert_int_equal(gate_pending(w->gate), 20);
	world_pass(w, 61000);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 409);
	w->somebody = true; /* what nobody saw did not use up the hour */
	assert_int_equal(put(w, &m, "now"), ASK_PENDING);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

/* --- answers that do not fit -------------------------------------------------------------- */

static void a_form_that_was_not_offered_is_refused(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	struct gate_response r;
	struct gate_result result;
	cJSON *q;

	(void)state;
	assert_int_equal(put(w, &m, "nothing to mask"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_int_equal(cJSON_GetArraySize(json_get_array(q, "modes")), 1);
	r = (struct gate_response){ .id = json_get_string(q, "id"),
				    .nonce = json_get_string(q, "nonce"),
				    .digest = json_get_string(q, "digest"),
				    .word = GATE_APPROVE,
				    .mode = "as_is",
				    .uid = (uint32_t)getuid(),
				    .pid = getpid() };
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 422);
	assert_string_equal(result.code, "bad_mode");
	assert_non_null(strstr(result.message, "redacted"));
	assert_int_equal(w->n_sends, 0);
	r.mode = "redacted";
	gate_respond(w->gate, &r, &result);
	assert_int_equal(result.status, 200);
	assert_int_equal(w->n_sends, 1);
	cJSON_Delete(q);
	world_free(w);
}

static void the_asking_program_hears_what_to_do(void **state)
{
	struct world *w = world_new(FAR(""));
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	m.pid = (uint32_t)getpid();
	assert_int_equal(put(w, &m, "a hard question"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.status, 403);
	assert_string_equal(r.code, "same_program");
	assert_non_null(r.next);
	assert_non_null(strstr(r.next, "hither consent watch"));
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

int main(void)
{
	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revoking_cuts_the_send_that_it_was_given_with),
		cmocka_unit_test(a_session_is_over_after_a_restart),
		cmocka_unit_test(a_refusal_says_that_it_is_one),
		cmocka_unit_test(a_claimed_name_is_bound_to_its_session),
		cmocka_unit_test(a_known_app_has_one_session),
		cmocka_unit_test(bytes_that_wait_are_bounded),
		cmocka_unit_test(the_same_bytes_waiting_often_are_bounded_too),
		cmocka_unit_test(a_flood_that_nobody_is_told_of_takes_its_own_place),
		cmocka_unit_test(those_behind_another_count),
		cmocka_unit_test(open_questions_of_an_app_are_bounded),
		cmocka_unit_test(what_nobody_saw_can_still_be_approved),
		cmocka_unit_test(what_nobody_saw_ends_with_its_time),
		cmocka_unit_test(a_form_that_was_not_offered_is_refused),
		cmocka_unit_test(the_asking_program_hears_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
