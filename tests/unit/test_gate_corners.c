/* SPDX-License-Identifier: Apache-2.0 */
/* The gate where a number or a text is at its smallest, and what it leaves behind. */
#include "tests/unit/gate_help.h"

#include <fcntl.h>

#include "common/text.h"
#include "consent/gate_impl.h"

/* Puts the request with an original; `zero` says which of the two is descriptor 0. */
static void put_with_zero(struct world *w, struct msg_ASK *m, unsigned zero)
{
	static const char *const texts[] = { "to [EMAIL-1]", "to anna.schmidt@example.org" };
	int fds[2];

	m->has_original = 1;
	for (unsigned i = 0; i < 2; i++) {
		unsigned which = i == 0 ? zero : 1 - zero; /* the first one gets the lowest */
		struct buf b;

		world_body(texts[which], &b);
		fds[which] = file_sealed("body", buf_span(&b));
		buf_free(&b);
	}
	assert_int_equal(fds[zero], 0);
	assert_true(gate_ask(w->gate, m, fds, 2));
}

static void descriptor_zero_holds_a_text_too(void **state)
{
	(void)state;
	for (unsigned zero = 0; zero < 2; zero++) {
		struct world *w = world_new(ASKS);
		struct msg_ASK m = world_ask(w);
		int kept = fcntl(0, F_DUPFD_CLOEXEC, 100);
		cJSON *q;

		strcpy(m.masked, "personal.contact.email=1");
		close(0);
		put_with_zero(w, &m, zero);
		q = world_question(w, last(w, &m)->question);
		assert_non_null(strstr(json_get_string(q, "body"), "[EMAIL-1]"));
		assert_non_null(strstr(json_get_string(q, "original"), "anna.schmidt"));
		assert_non_null(json_get_string(q, "original_digest"));
		cJSON_Delete(q);
		assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status,
				 200);
		assert_true(fcntl(0, F_GETFD) < 0); /* given back */
		if (kept >= 0) {
			dup2(kept, 0);
			close(kept);
		}
		world_free(w);
	}
}

static void one_letter_is_a_reason(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"r\",\"effect\":"
		    "\"deny\",\"because\":\"x\"}]"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "text"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "policy says no (r: x)");
	world_free(w);
}

static void a_start_names_the_key_and_the_run(void **state)
{
	struct world *w = world_new(ASKS);
	struct newest f = newest_of(w, RECORD_START);

	(void)state;
	assert_string_equal(f.r.key_id, ledger_key_id(gate_ledger(w->gate)));
	assert_string_equal(f.r.session, "test");
	arena_free(f.arena);
	world_free(w);
}

/* Each record has a name of its own, and a release says whose it is. */
static void a_release_refers_to_what_was_wanted(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct newest intent, granted;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ask_outcome_of(w, &m, "text"), ASK_GRANTED);
		intent = newest_of(w, RECORD_INTENT);
		granted = newest_of(w, RECORD_GRANTED);
		assert_true(text_is_ulid(span_of(intent.r.id)));
		assert_string_equal(granted.r.ref, intent.r.id);
		assert_string_equal(granted.r.id, last(w, &m)->receipt);
		assert_string_not_equal(granted.r.id, intent.r.id);
		arena_free(intent.arena);
		arena_free(granted.arena);
	}
	world_free(w);
}

#define RETRIES                                                                                \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"base_url\":\"https://far.example/v1\",\"models\":[\"big-1\"],"   \
	"\"retry\":{\"attempts\":3}}},\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":"     \
	"\"r\","                                                                               \
	"\"effect\":\"allow\",\"when\":{\"task\":[\"sent\"]}}]}"

/* A yes that was not used and an attempt that was made again end nothing: the next start does.
 */
static void a_start_ends_what_no_record_ended(void **state)
{
	struct world *w = world_new(RETRIES);
	struct msg_ASK kept = world_ask(w), sent = kept;
	struct newest f;

	(void)state;
	kept.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &kept, "kept"), ASK_PENDING);
	assert_string_equal(world_respond(w, last(w, &kept)->question, true, NULL).outcome,
			    "approved");
	strcpy(sent.task, "sent");
	sent.identity = POLICY_IDENTITY_SOCKET;
	assert_int_equal(ask_outcome_of(w, &sent, "sent"), ASK_GRANTED);
	struct msg_AGAIN again = { .request_id = w->sends[0].m.request_id, .attempt = 1 };
	assert_true(gate_again(w->gate, &again));
	assert_int_equal(w->n_agains, 1);
	struct ask *running = w->gate->asks;
	w->gate->asks = NULL; /* the process dies: nothing is said of what runs */
	w->gate->n_sending = 0;
	world_restart(w, RETRIES);
	while (running != NULL) {
		struct ask *next = running->next;

		ask_unref(running);
		running = next;
	}
	assert_int_equal(world_records(w, RECORD_RETRIED, NULL), 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, "unknown"), 1);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, "withdrawn"), 1);
	f = newest_of(w, RECORD_WITHDRAWN);
	assert_string_equal(f.r.detail, "consent restarted before the end was recorded");
	arena_free(f.arena);
	world_free(w);
}

static void one_token_is_a_limit(void **state)
{
	static const char body[] = "{\"model\":\"big-1\",\"max_tokens\":1,\"messages\":[{"
				   "\"role\":\"user\",\"content\":\"x\"}]}";
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct newest f;

	(void)state;
	assert_true(world_put_raw(w, &m, span_of(body), (struct span){ NULL, 0 }));
	f = newest_of(w, RECORD_GRANTED);
	assert_int_equal(f.r.max_output_tokens, 1);
	arena_free(f.arena);
	world_free(w);
}

/* Neither what was open nor what is under way is answered to a router that is gone. */
static void who_is_gone_hears_nothing(void **state)
{
	struct world *w =
		world_new(FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\","
			      "\"effect\":\"allow\",\"when\":{\"task\":[\"sent\"]}}]"));
	struct msg_ASK open = world_ask(w), sent = open;
	unsigned answers;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &open, "open"), ASK_PENDING);
	strcpy(sent.task, "sent");
	sent.identity = POLICY_IDENTITY_SOCKET;
	assert_int_equal(ask_outcome_of(w, &sent, "sent"), ASK_GRANTED);
	answers = w->n_answers;
	gate_router_gone(w->gate, ROLE_ROUTER);
	assert_true(w->sends[0].aborted);
	world_sent(w, 0, SEND_ABORTED, 1, 1);
	assert_int_equal(w->n_answers, answers);
	assert_int_equal(w->gate->n_asks, 0);
	world_free(w);
}

/* Who leaves a question takes it along only when nobody else waits and nobody may come back. */
static void a_question_outlives_who_leaves_it(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK a = world_ask(w), b = a, kept = a;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &a, "the same"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &b, "the same"), ASK_PENDING);
	assert_string_equal(last(w, &a)->question, last(w, &b)->question);
	gate_cancel(w->gate, a.request_id);
	assert_int_equal(gate_pending(w->gate), 1);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 0);
	gate_cancel(w->gate, b.request_id);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	strcpy(kept.app, "org.example.Other");
	kept.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &kept, "kept"), ASK_PENDING);
	gate_cancel(w->gate, kept.request_id);
	gate_router_gone(w->gate, ROLE_ROUTER);
	assert_int_equal(gate_pending(w->gate), 1);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	world_free(w);
}

/* A question's record names it and whose it is. */
static void what_is_asked_for_is_recorded_whole(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char whose[CRYPTO_SHA256_HEX_BYTES];
	struct newest f;

	(void)state;
	m.uid = 77;
	m.modality = 3;
	assert_int_equal(ask_outcome_of(w, &m, "text"), ASK_PENDING);
	f = newest_of(w, RECORD_INTENT);
	ledger_subject(gate_ledger(w->gate), 77, whose);
	assert_string_equal(f.r.question, last(w, &m)->question);
	assert_int_equal(f.r.uid, 77);
	assert_int_equal(f.r.modality, 3);
	assert_string_equal(f.r.subject, whose);
	arena_free(f.arena);
	world_free(w);
}

/* What is under way and what waits for somebody to come back ends with the daemon. */
static void a_stop_leaves_nothing_open(void **state)
{
	struct world *w =
		world_new(FAR("\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\","
			      "\"effect\":\"allow\",\"when\":{\"task\":[\"sent\"]}}]"));
	struct msg_ASK kept = world_ask(w), sent = kept;
	struct newest f;
	char id[TEXT_ULID_BYTES];

	(void)state;
	kept.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &kept, "kept"), ASK_PENDING);
	id_of(w, &kept, id);
	strcpy(sent.task, "sent");
	sent.identity = POLICY_IDENTITY_SOCKET;
	assert_int_equal(ask_outcome_of(w, &sent, "sent"), ASK_GRANTED);
	gate_stop(w->gate);
	assert_int_equal(w->gate->n_asks, 0);
	assert_int_equal(w->gate->n_sending, 0);
	assert_int_equal(gate_pending(w->gate), 0);
	assert_int_equal(w->told[w->n_told - 1].news, GATE_WITHDRAWN);
	assert_string_equal(w->told[w->n_told - 1].question, id);
	f = newest_of(w, RECORD_CLOSED);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.r.outcome, "unknown");
	arena_free(f.arena);
	world_free(w);
}

static void a_stop_with_nothing_to_write_writes_nothing(void **state)
{
	struct world *w = world_new(ALLOWS);
	unsigned heads;

	(void)state;
	world_pass(w, 60000);
	world_pass(w, 60000);
	assert_int_equal(ledger_queued(gate_ledger(w->gate)), 0);
	heads = w->n_heads;
	gate_stop(w->gate);
	assert_int_equal(w->n_heads, heads);
	world_free(w);
}

/* What is written of a request without memory for all of it is not written. */
static bool is_whole(void *ctx, const struct record *row, struct span body)
{
	struct arena *a = ctx;
	struct record r;

	arena_reset(a);
	assert_int_equal(record_read(body, a, &r), ERR_OK);
	if (row->kind == RECORD_INTENT || row->kind == RECORD_GRANTED ||
	    row->kind == RECORD_APPROVED || row->kind == RECORD_DENIED) {
		assert_non_null(r.subject);
		assert_non_null(r.digest);
		assert_non_null(r.categories);
	}
	return true;
}

static void records_are_whole(struct world *w)
{
	struct arena *a = arena_new("whole", 1 << 20);

	assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	assert_int_equal(ledger_each(gate_ledger(w->gate), 0, 0, is_whole, a), ERR_OK);
	arena_free(a);
}

/* Under a permission, each allocation of the way to its release failing alone. */
static void a_release_needs_memory_for_its_records(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	bool fired = true;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, "session").status, 200);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	for (unsigned n = 1; fired; n++) {
		unsigned sends = w->n_sends;
		struct buf b;
		int fd;

		world_body("x", &b);
		fd = file_sealed("body", buf_span(&b));
		buf_free(&b);
		m.request_id = w->next_request++;
		fault_arm(n, false);
		assert_true(gate_ask(w->gate, &m, &fd, 1)); /* router broke nothing */
		(void)gate_turn(w->gate);
		fired = fault_fired();
		fault_arm(0, false);
		const struct msg_ANSWER *a = world_last(w, m.request_id);
		assert_non_null(a);
		bool granted = a->outcome == ASK_GRANTED;
		assert_int_equal(w->n_sends - sends, granted ? 1 : 0);
		assert_true(granted || fired);
		if (granted)
			world_sent(w, sends, SEND_COMPLETE, 1, 1);
		gate_router_gone(w->gate, ROLE_ROUTER);
		world_pass(w, 2000);
		assert_true(gate_status(w->gate).ledger_ok);
		assert_int_equal(w->gate->n_asks, 0);
		assert_int_equal(w->gate->n_sending, 0);
	}
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), w->n_sends);
	records_are_whole(w);
	world_free(w);
}

/* Which of the texts cannot be mapped is the same: that request is refused, the next one not.
 */
static void a_text_that_cannot_be_mapped_is_refused(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	m.has_original = 1;
	for (unsigned which = 1; which <= 2; which++) {
		int fds[2] = { file_sealed("body", span_of("{}")),
			       file_sealed("original", span_of("{}")) };

		m.request_id = w->next_request++;
		fault_arm(which, false);
		assert_true(gate_ask(w->gate, &m, fds, 2));
		assert_true(fault_fired());
		fault_arm(0, false);
		assert_int_equal(last(w, &m)->outcome, ASK_LIMITED);
		assert_string_equal(last(w, &m)->detail,
				    "memory is out, so nothing leaves; try again");
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(fcntl(fds[i], F_GETFD), -1);
	}
	assert_int_equal(w->gate->count.questions[ASK_LIMITED], 2);
	assert_int_equal(w->n_sends, 0);
	m.has_original = 0;
	assert_int_equal(ask_outcome_of(w, &m, "text"), ASK_GRANTED);
	world_free(w);
}

/* Memory that fails while what is queued is written loses none of it: the next time it is. */
static void what_is_queued_outlives_a_lack_of_memory(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED m = { .tier = POLICY_TIER_DEVICE, .outcome = "answered" };
	unsigned kept_waiting = 0;
	bool fired = true;
	int64_t decided = 0;

	(void)state;
	for (unsigned n = 1; fired; n++) {
		gate_decided(w->gate, &m);
		decided++;
		w->now_ms += 60000;
		w->wall_ms += 60000;
		fault_arm(n, false);
		(void)gate_tick(w->gate);
		fired = fault_fired();
		fault_arm(0, false);
		kept_waiting += w->gate->ledger_ok && ledger_queued(gate_ledger(w->gate)) > 0;
		world_pass(w, 60000);
		world_pass(w, 60000);
		assert_true(gate_status(w->gate).ledger_ok);
		assert_int_equal(ledger_queued(gate_ledger(w->gate)), 0);
	}
	assert_true(kept_waiting > 0);
	struct newest f = newest_of(w, RECORD_DECIDED);
	assert_true(f.n > 0 && f.n <= decided);
	arena_free(f.arena);
	world_free(w);
}

static void what_was_decided_here_is_recorded_whole(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_DECIDED m = { .uid = 77,
				 .identity = POLICY_IDENTITY_SOCKET,
				 .decision_id = "01J00000000000000000000001",
				 .destination = "far",
				 .tier = POLICY_TIER_TRUSTED,
				 .app = "org.example.App",
				 .task = "chat",
				 .score_pm = 1000,
				 .confidence_pm = 999,
				 .input_tokens = 21,
				 .output_tokens = 1,
				 .modality = 3,
				 .tools = 1,
				 .interactive = 1,
				 .categories = "a=1,b=2",
				 .reason = "because",
				 .outcome = "answered" };
	struct newest f;

	(void)state;
	gate_decided(w->gate, &m);
	world_pass(w, 60000);
	world_pass(w, 60000);
	f = newest_of(w, RECORD_DECIDED);
	assert_int_equal(f.r.uid, 77);
	assert_string_equal(f.r.identity, "socket");
	assert_string_equal(f.r.decision_id, m.decision_id);
	assert_string_equal(f.r.destination, "far");
	assert_string_equal(f.r.tier, "trusted");
	assert_string_equal(f.r.app, "org.example.App");
	assert_string_equal(f.r.task, "chat");
	assert_int_equal(f.r.score_pm, 1000);
	assert_int_equal(f.r.confidence_pm, 999);
	assert_int_equal(f.r.input_tokens, 21);
	assert_int_equal(f.r.tokens_out, 1);
	assert_int_equal(f.r.modality, 3);
	assert_int_equal(f.r.tools, 1);
	assert_int_equal(f.r.interactive, 1);
	assert_int_equal(f.r.categories_known, 1);
	assert_string_equal(f.r.categories, "[{\"name\":\"a\",\"count\":1,\"masked\":false},"
					    "{\"name\":\"b\",\"count\":2,\"masked\":false}]");
	assert_string_equal(f.r.reason, "because");
	assert_string_equal(f.r.outcome, "answered");
	assert_non_null(f.r.subject);
	arena_free(f.arena);
	world_free(w);
}

static void what_is_taken_back_refers_to_its_yes(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	char permission[sizeof r.permission];
	struct newest yes, granted, back;
	char basis[9 + TEXT_ULID_BYTES] = "approval:";
	struct buf b;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, "session");
	memcpy(permission, r.permission, sizeof permission);
	buf_init(&b, 10000);
	gate_revoke(w->gate, (uint32_t)getuid(), permission, &r, &b);
	assert_int_equal(r.status, 200);
	yes = newest_of(w, RECORD_APPROVED);
	back = newest_of(w, RECORD_REVOKED);
	granted = newest_of(w, RECORD_GRANTED);
	assert_string_equal(granted.r.basis, strcat(basis, yes.r.id));
	assert_string_equal(back.r.ref, yes.r.id);
	assert_string_equal(back.r.permission, permission);
	assert_int_equal(back.r.uid, getuid());
	assert_string_equal(back.r.app, "org.example.App");
	assert_string_equal(back.r.identity, "claimed");
	assert_string_equal(back.r.destination, "far");
	assert_string_equal(back.r.model, "big-1");
	assert_string_equal(back.r.task, "chat");
	arena_free(yes.arena);
	arena_free(granted.arena);
	arena_free(back.arena);
	buf_free(&b);
	world_free(w);
}

/* One that waits elsewhere (it is told the question) joins what is open like any other. */
static void who_does_not_wait_joins_too(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK a = world_ask(w), b = a;

	(void)state;
	a.on_question = b.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &a, "the same"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &b, "the same"), ASK_PENDING);
	assert_string_equal(last(w, &a)->question, last(w, &b)->question);
	assert_int_equal(gate_pending(w->gate), 1);
	world_free(w);
}

/* Policies come one after the other: the first that forbids a send is why it was cut. */
static void the_first_reason_to_cut_a_send_stays(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct newest f;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	world_set_policy(w, ASKS);
	assert_true(w->sends[0].aborted);
	world_set_policy(w, DENIES);
	world_sent(w, 0, SEND_ABORTED, 1, 1);
	f = newest_of(w, RECORD_CLOSED);
	assert_string_equal(f.r.reason, "the rule that allowed it is no longer in force");
	arena_free(f.arena);
	world_free(w);
}

static void more_time_is_said_to_be_there(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	cJSON *before, *after;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	before = world_question(w, last(w, &m)->question);
	r = answered(w, last(w, &m)->question, (struct gate_response){ .word = GATE_EXTEND });
	after = world_question(w, last(w, &m)->question);
	assert_string_not_equal(json_get_string(after, "expires"),
				json_get_string(before, "expires"));
	cJSON_Delete(before);
	cJSON_Delete(after);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.outcome, "extended");
	assert_string_equal(r.message, "there is more time now");
	assert_string_equal(r.receipt, "");
	world_free(w);
}

/* What an answer comes to is said whole, whatever stood there before. */
static void what_is_not_said_of_an_answer_is_empty(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	struct buf b;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "text"), ASK_PENDING);
	r = answered(w, last(w, &m)->question, (struct gate_response){ .word = GATE_DISMISS });
	assert_int_equal(r.status, 200);
	assert_string_equal(r.permission, "");
	assert_true(text_is_ulid(span_of(r.receipt)));
	assert_null(r.code);
	assert_null(r.next);
	memset(&r, 'x', sizeof r);
	buf_init(&b, 1000);
	gate_revoke(w->gate, (uint32_t)getuid(), "g-1", &r, &b);
	assert_int_equal(r.status, 404);
	assert_string_equal(r.outcome, "");
	assert_string_equal(r.permission, "");
	assert_string_equal(r.receipt, "");
	assert_null(r.next);
	buf_free(&b);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptor_zero_holds_a_text_too),
		cmocka_unit_test(one_letter_is_a_reason),
		cmocka_unit_test(a_start_names_the_key_and_the_run),
		cmocka_unit_test(a_release_refers_to_what_was_wanted),
		cmocka_unit_test(a_start_ends_what_no_record_ended),
		cmocka_unit_test(one_token_is_a_limit),
		cmocka_unit_test(who_is_gone_hears_nothing),
		cmocka_unit_test(a_question_outlives_who_leaves_it),
		cmocka_unit_test(what_is_asked_for_is_recorded_whole),
		cmocka_unit_test(a_stop_leaves_nothing_open),
		cmocka_unit_test(a_stop_with_nothing_to_write_writes_nothing),
		cmocka_unit_test(a_release_needs_memory_for_its_records),
		cmocka_unit_test(a_text_that_cannot_be_mapped_is_refused),
		cmocka_unit_test(what_is_queued_outlives_a_lack_of_memory),
		cmocka_unit_test(what_was_decided_here_is_recorded_whole),
		cmocka_unit_test(what_is_taken_back_refers_to_its_yes),
		cmocka_unit_test(who_does_not_wait_joins_too),
		cmocka_unit_test(the_first_reason_to_cut_a_send_stays),
		cmocka_unit_test(more_time_is_said_to_be_there),
		cmocka_unit_test(what_is_not_said_of_an_answer_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
