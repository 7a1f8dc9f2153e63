/* SPDX-License-Identifier: Apache-2.0 */
/* Releases and their ends: what stands in the way at the last moment, who leaves, what it cost.
 */
#include "tests/unit/gate_help.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "consent/gate_impl.h"

#define MAIL "anna.schmidt@example.org"

/* --- at the last moment ------------------------------------------------------------------- */

#define BUDGETED(exceed)                                                                       \
	FAR("\"default\":{\"cloud\":\"ask\"},\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"]," \
	    "\"window\":\"day\",\"max_requests\":1,\"on_exceed\":\"" exceed "\"}]")

/* Two questions fit the budget while they wait; once one was sent the other does not. */
static void a_budget_is_looked_at_when_it_leaves(void **state)
{
	static const struct {
		const char *policy;
		const char *outcome;
		enum ask_outcome heard;
		unsigned sends, fallback;
	} rows[] = { { BUDGETED("local"), "over_budget", ASK_BUDGET, 1, 0 },
		     { BUDGETED("refuse"), "over_budget", ASK_BUDGET, 1, 1 },
		     { BUDGETED("ask"), "granted", ASK_GRANTED, 2, 0 } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world *w = world_new(rows[i].policy);
		struct msg_ASK a = world_ask(w), b = world_ask(w);
		struct gate_result r;

		strcpy(b.app, "org.example.Other");
		assert_int_equal(ask_outcome_of(w, &a, "one"), ASK_PENDING);
		assert_int_equal(ask_outcome_of(w, &b, "two"), ASK_PENDING);
		assert_int_equal(world_respond(w, last(w, &a)->question, true, NULL).status,
				 200);
		r = world_respond(w, last(w, &b)->question, true, NULL);
		assert_int_equal(r.status, 200);
		assert_string_equal(r.outcome, rows[i].outcome);
		assert_int_equal(last(w, &b)->outcome, rows[i].heard);
		assert_int_equal(last(w, &b)->fallback, rows[i].fallback);
		assert_int_equal(w->n_sends, rows[i].sends);
		world_free(w);
	}
}

/* The yes made a permission, and what is left of the budget is for one. */
static void the_same_yes_for_two_fits_once(void **state)
{
	struct world *w = world_new(BUDGETED("local"));
	struct msg_ASK a = world_ask(w), b = world_ask(w);
	struct gate_result r;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &a, "one"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &b, "one"), ASK_PENDING);
	r = world_respond(w, last(w, &a)->question, true, "session");
	assert_string_equal(r.outcome, "granted");
	assert_int_equal(w->n_sends, 1);
	assert_int_equal(last(w, &a)->outcome, ASK_GRANTED);
	assert_int_equal(last(w, &b)->outcome, ASK_BUDGET);
	world_free(w);
}

static void two_wait_for_a_rule(const char *before, const char *after, unsigned fallback)
{
	struct world *w = world_new(before);
	struct msg_ASK waits[2];
	unsigned granted = 0, over = 0;
	waits[0] = waits[1] = world_ask(w);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ask_outcome_of(w, &waits[i], "one"), ASK_PENDING);
	world_set_policy(w, after);
	for (unsigned i = 0; i < 2; i++) {
		granted += last(w, &waits[i])->outcome == ASK_GRANTED;
		over += last(w, &waits[i])->outcome == ASK_BUDGET;
		if (last(w, &waits[i])->outcome == ASK_BUDGET) {
			assert_int_equal(last(w, &waits[i])->fallback, fallback);
			assert_string_equal(
				last(w, &waits[i])->detail,
				"a budget would be exceeded; what was spent: hither "
				"ledger left");
		}
	}
	assert_int_equal(granted, 1);
	assert_int_equal(over, 1);
	world_free(w);
}

#define ALLOWED(exceed)                                                                        \
	FAR("\"default\":{\"cloud\":\"allow\"},\"budgets\":[{\"id\":\"b\",\"scope\":["         \
	    "\"user\"],\"window\":\"day\",\"max_requests\":1,\"on_exceed\":\"" exceed "\"}]")

static void a_rule_that_two_wait_for_fits_once(void **state)
{
	(void)state;
	two_wait_for_a_rule(BUDGETED("refuse"), ALLOWED("refuse"), 1);
	two_wait_for_a_rule(BUDGETED("ask"), ALLOWED("ask"), 0); /* nobody was asked */
}

static void without_cloud_nothing_is_put_on_record(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	w->cloud_up = false;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_UNREACHABLE);
	assert_int_equal(world_records(w, RECORD_GRANTED, NULL), 0);
	w->cloud_up = true;
	w->send_fails = true;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_UNREACHABLE);
	assert_int_equal(world_records(w, RECORD_CLOSED, "refused"), 1);
	struct newest f = newest_of(w, RECORD_CLOSED);
	assert_int_equal(f.r.bytes_out, 0);
	arena_free(f.arena);
	assert_int_equal(gate_status(w->gate).sending, 0);
	world_free(w);
}

static void without_a_pipe_nothing_is_sent(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct rlimit was, few;
	struct buf b;

	(void)state;
	world_body("x", &b);
	int fd = file_sealed("body", buf_span(&b));
	buf_free(&b);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = (rlim_t)fd + 1; /* and not one more */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	bool ok = gate_ask(w->gate, &m, &fd, 1) && gate_turn(w->gate);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(ok);
	assert_int_equal(last(w, &m)->outcome, ASK_UNREACHABLE);
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(world_records(w, RECORD_CLOSED, "refused"), 1);
	world_free(w);
}

/* --- a yes that cannot be carried out -------------------------------------------------------
 */

static void a_yes_in_vain_is_on_record(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	w->cloud_up = false;
	r = world_respond(w, last(w, &m)->question, true, "session");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.outcome, "unreachable");
	assert_int_equal(last(w, &m)->outcome, ASK_UNREACHABLE);
	assert_int_equal(world_records(w, RECORD_APPROVED, "unreachable"), 1);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	assert_int_not_equal(r.permission[0], '\0'); /* the permission holds all the same */
	w->cloud_up = true;
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_GRANTED);
	/* Cloud goes in the very moment: the yes is on record with the release that failed. */
	strcpy(m.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	w->send_fails = true;
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_string_equal(r.outcome, "unreachable");
	assert_int_equal(world_records(w, RECORD_APPROVED, NULL), 2);
	assert_int_equal(world_records(w, RECORD_WITHDRAWN, NULL), 1);
	assert_int_equal(world_records(w, RECORD_CLOSED, "refused"), 1);
	world_free(w);
}

/* The disk is full from here on until the gate looks again. */
static struct gate_result respond_without_disk(struct world *w, const char *id,
					       struct gate_response r)
{
	cJSON *q = world_question(w, id);
	struct gate_result result;

	r.id = id;
	r.nonce = json_get_string(q, "nonce");
	r.digest = json_get_string(q, "digest");
	r.uid = (uint32_t)getuid();
	r.pid = getpid();
	w->gate->ledger_ok = false; /* as after a write that failed */
	w->gate->ledger_retry_ms = GATE_NEVER;
	gate_respond(w->gate, &r, &result);
	cJSON_Delete(q);
	gate_ledger_retry(w->gate);
	return result;
}

static void without_a_disk_no_answer_is_lost_and_nothing_leaves(void **state)
{
	static const struct {
		enum gate_word word;
		bool reported;
		int status;
		const char *outcome, *code;
		enum ask_outcome heard;
	} rows[] = {
		{ GATE_APPROVE, false, 503, "ledger", "ledger", ASK_LEDGER },
		{ GATE_APPROVE, true, 503, "", "ledger", ASK_PENDING },
		{ GATE_DENY, false, 200, "refused", NULL, ASK_REFUSED },
		{ GATE_DISMISS, false, 200, "dismissed", NULL, ASK_DISMISSED },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world *w = world_new(ASKS);
		struct msg_ASK m = world_ask(w);
		struct gate_result r;

		m.on_question = rows[i].reported;
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
		r = respond_without_disk(w, last(w, &m)->question,
					 (struct gate_response){ .word = rows[i].word,
								 .scope = "session",
								 .agent = "terminal" });
		assert_int_equal(r.status, rows[i].status);
		assert_string_equal(r.outcome, rows[i].outcome);
		assert_string_equal(r.receipt, "");
		assert_string_equal(r.permission, "");
		if (rows[i].code != NULL)
			assert_string_equal(r.code, rows[i].code);
		assert_int_equal(last(w, &m)->outcome, rows[i].heard);
		assert_int_equal(w->n_sends, 0);
		assert_int_equal(gate_pending(w->gate), 0);
		world_free(w);
	}
}

static void what_cannot_be_written_is_not_taken_back(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r, back;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, "session");
	gate_revoke(w->gate, (uint32_t)getuid() + 1, r.permission, &back, &out);
	assert_int_equal(back.status, 404); /* somebody else's */
	gate_revoke(w->gate, (uint32_t)getuid(), "g-77", &back, &out);
	assert_int_equal(back.status, 404);
	w->gate->ledger_ok = false;
	gate_revoke(w->gate, (uint32_t)getuid(), r.permission, &back, &out);
	assert_int_equal(back.status, 503);
	assert_int_equal(out.len, 0);
	w->gate->ledger_ok = true;
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_GRANTED);
	/* Of what is under way only what goes under it is cut, and once. */
	strcpy(m.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "waits"), ASK_PENDING);
	send_abort(w->gate, w->gate->asks->next->next, "another reason");
	gate_revoke(w->gate, (uint32_t)getuid(), r.permission, &back, &out);
	assert_int_equal(back.status, 200);
	assert_int_equal(w->sends[0].aborted + w->sends[1].aborted, 2);
	assert_false(w->sends[2].aborted);
	assert_non_null(strstr(buf_cstr(&out), "\"sent_before\":2,"));
	buf_free(&out);
	world_free(w);
}

/* Each that is cut is named, with its receipt and where it went. */
static void what_is_cut_is_listed(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r, back;
	struct json_where at;
	struct buf out;
	cJSON *tree = NULL;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, "session");
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_GRANTED);
	gate_revoke(w->gate, (uint32_t)getuid(), r.permission, &back, &out);
	assert_int_equal(back.status, 200);
	assert_string_equal(back.outcome, "revoked");
	assert_int_equal(json_parse(buf_span(&out), &json_limits_api, &tree, &at), ERR_OK);
	assert_string_equal(json_get_string(tree, "outcome"), "revoked");
	assert_string_equal(json_get_string(tree, "grant"), r.permission);
	assert_int_equal(strlen(json_get_string(tree, "receipt")), TEXT_ULID_BYTES - 1);
	const cJSON *cut = json_get(tree, "aborted");
	const struct ask *a = w->gate->asks;

	assert_int_equal(cJSON_GetArraySize(cut), 3);
	for (const cJSON *one = cut->child; one != NULL; one = one->next, a = a->next) {
		assert_string_equal(json_get_string(one, "receipt"), a->granted);
		assert_string_equal(json_get_string(one, "destination"), "far");
	}
	assert_non_null(strstr(json_get_string(tree, "note"), "nothing more leaves under it"));
	cJSON_Delete(tree);
	buf_free(&out);
	world_free(w);
}

/* --- who may answer ------------------------------------------------------------------------
 */

static void an_answer_is_about_what_was_shown(void **state)
{
	static const char other[] =
		"sha256:0000000000000000000000000000000000000000000000000000000000000000";
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	char id[TEXT_ULID_BYTES], original[80];
	cJSON *q;

	(void)state;
	strcpy(m.masked, "personal.contact.email=1");
	assert_int_equal(ask_masked(w, &m, "to [EMAIL-1]", "to " MAIL), ASK_PENDING);
	id_of(w, &m, id);
	q = world_question(w, id);
	snprintf(original, sizeof original, "%s", json_get_string(q, "original_digest"));
	cJSON_Delete(q);
	r = answered(w, id, (struct gate_response){ .word = GATE_APPROVE, .digest = other });
	assert_string_equal(r.code, "digest_mismatch");
	assert_int_equal(w->n_sends, 0);
	r = answered(w, id, (struct gate_response){ .word = GATE_APPROVE, .digest = original });
	assert_int_equal(r.status, 200); /* either of the two texts names both */
	assert_int_equal(w->n_sends, 1);
	assert_null(strstr(w->sends[0].body, MAIL)); /* policy prefers the masked one */
	world_free(w);
}

/* Who asks over TCP and cannot be told may be anybody, the one who answers as well. */
static void who_asks_over_tcp_must_be_known(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	m.tcp_at = 1; /* a connection that is not there */
	m.tcp_port = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.status, 403);
	assert_string_equal(r.code, "unknown_program");
	assert_string_equal(r.next, "have it ask over hither.sock");
	assert_int_equal(w->n_sends, 0);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	w->gate->asks->asker = peer_of(getppid()); /* once it is known, what it started is it */
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.status, 403);
	assert_string_equal(r.code, "same_program");
	world_free(w);
}

static void policy_says_which_form_is_usual(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"prefer\":\"as_is\"}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	strcpy(m.masked, "personal.contact.email=1");
	assert_int_equal(ask_masked(w, &m, "to [EMAIL-1]", "to " MAIL), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_non_null(strstr(w->sends[0].body, MAIL));
	/* Where it is not offered, the other one is. */
	strcpy(m.masked, "secret.token=1");
	assert_int_equal(
		ask_masked(w, &m, "a [TOKEN-1]", "a ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
		ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_null(strstr(w->sends[1].body, "ghp_"));
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"modes\":["
				"\"as_is\"]}"));
	m = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &m, "nothing"), ASK_PENDING);
	struct gate_result r =
		answered(w, last(w, &m)->question,
			 (struct gate_response){ .word = GATE_APPROVE, .mode = "redacted" });
	assert_int_equal(r.status, 422);
	assert_non_null(strstr(r.message, "the question offers: as_is"));
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	struct newest f = newest_of(w, RECORD_GRANTED);
	assert_string_equal(f.r.mode, "as_is");
	arena_free(f.arena);
	world_free(w);
}

static void a_kept_yes_may_be_a_permission(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	m.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){ .word = GATE_APPROVE,
					     .scope = "session",
					     .agent = "terminal",
					     .reason = "because" });
	assert_string_equal(r.outcome, "approved");
	assert_int_equal(strncmp(r.permission, "g-", 2), 0);
	struct newest f = newest_of(w, RECORD_APPROVED);
	assert_string_equal(f.r.agent, "terminal");
	assert_string_equal(f.r.reason, "because");
	assert_string_equal(f.r.scope, "session");
	assert_string_equal(f.r.id, r.receipt);
	assert_int_equal(f.r.agent_pid, getpid());
	arena_free(f.arena);
	m.on_question = 0;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_GRANTED);
	assert_int_equal(gate_pending(w->gate), 0);
	world_free(w);
}

/* What it covers cannot be written into a permission: it goes this once. */
static void a_permission_that_cannot_say_what_it_covers_is_none(void **state)
{
	struct buf policy, text;
	struct world *w;
	struct msg_ASK m;

	(void)state;
	buf_init(&policy, 1 << 14);
	buf_init(&text, 1024);
	buf_add_str(
		&policy,
		"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		"\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\","
		"\"models\":[\"big-1\"]}},\"default\":{\"cloud\":\"ask\"},\"categories\":{");
	for (unsigned i = 0; i < 25; i++) {
		buf_printf(&policy,
			   "%s\"company.a_name_that_takes_a_lot_of_room.%c\":{\"keywords\":["
			   "\"bluebird%c\"]}",
			   i > 0 ? "," : "", 'a' + i, 'a' + i);
		buf_printf(&text, "bluebird%c ", 'a' + i);
	}
	buf_add_str(&policy, "}}");
	w = world_new(buf_cstr(&policy));
	m = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &m, buf_cstr(&text)), ASK_PENDING);
	assert_string_equal(world_respond(w, last(w, &m)->question, true, "session").outcome,
			    "granted");
	assert_int_equal(w->n_sends, 1);
	assert_int_equal(ask_outcome_of(w, &m, "bluebirda"), ASK_PENDING);
	buf_free(&policy);
	buf_free(&text);
	world_free(w);
}

/* --- proof ---------------------------------------------------------------------------------
 */

static void there_is_as_much_time_to_prove_as_the_question_has(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"strong_auth_for\":["
		    "\"personal.*\"],\"timeout\":\"10m\"}"));
	struct msg_ASK m = world_ask(w);
	struct msg_DEVICE_STATE able = { .battery_pct = 255, .strong = POLICY_TRUE };

	(void)state;
	gate_device(w->gate, &able);
	assert_int_equal(ask_outcome_of(w, &m, "to " MAIL), ASK_PENDING);
	struct gate_result r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.prove_ms, 120000); /* two minutes at most */
	world_pass(w, 570000);
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.prove_ms, 30000);
	w->now_ms += 30000; /* its time is over, and nobody said so yet */
	r = world_respond(w, last(w, &m)->question, true, NULL);
	assert_int_equal(r.prove_ms, 1);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

/* --- how a release ends ----------------------------------------------------------------------
 */

static struct msg_SENT sent(const struct world *w, unsigned i)
{
	return (struct msg_SENT){ .request_id = w->sends[i].m.request_id,
				  .ledger_seq = w->sends[i].m.ledger_seq,
				  .outcome = SEND_COMPLETE,
				  .bytes_out = 80,
				  .bytes_in = 20,
				  .input_tokens = 1000000,
				  .output_tokens = 1000000,
				  .cached_tokens = -1 };
}

#define CACHED                                                                                 \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"base_url\":\"https://far.example/v1\",\"models\":[\"big-1\"],"   \
	"\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,\"cached_input_per_mtok\":0.1,"  \
	"\"output_per_mtok\":2}}},\"default\":{\"cloud\":\"allow\"}}"
#define FREE                                                                                   \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"base_url\":\"https://far.example/v1\",\"models\":[\"big-1\"],"   \
	"\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,\"cached_input_per_mtok\":0,"    \
	"\"output_per_mtok\":2}}},\"default\":{\"cloud\":\"allow\"}}"

static void an_end_says_what_it_cost(void **state)
{
	static const struct {
		const char *policy; /* in force when it ends */
		int64_t in, out, cached, nano;
	} rows[] = {
		{ ALLOWS, 1000000, 1000000, -1, 3000000000 },
		{ ALLOWS, 1000000, 0, -1, 1000000000 },
		{ ALLOWS, 0, 1000000, -1, 2000000000 },
		{ ALLOWS, -1, 1000000, -1, RECORD_ABSENT },
		{ ALLOWS, 1000000, -1, -1, RECORD_ABSENT },
		{ ALLOWS, 1000000, 0, 500000, 1000000000 }, /* no price of its own */
		{ CACHED, 1000000, 0, 500000, 550000000 },
		{ CACHED, 1000000, 0, 1000000, 100000000 },
		{ CACHED, 1000000, 0, 1000001, 1000000000 }, /* more than there were: none */
		{ CACHED, 1000000, 0, 0, 1000000000 },
		{ CACHED, 1000000, 0, 1, 999999100 },
		{ FREE, 1000000, 0, 500000, 500000000 },
		/* The place is gone, has no price any more, or one in another currency. */
		{ "{\"hither_policy\":1,\"id\":\"t\"}", 1000000, 0, -1, RECORD_ABSENT },
		{ "{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		  "\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\"}}}",
		  1000000, 0, -1, RECORD_ABSENT },
		{ "{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		  "\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\","
		  "\"price\":{\"currency\":\"USD\",\"input_per_mtok\":1,\"output_per_mtok\":2}}"
		  "}}",
		  1000000, 0, -1, RECORD_ABSENT },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world *w = world_new(ALLOWS);
		struct msg_ASK m = world_ask(w);
		struct newest f;

		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
		struct msg_SENT s = sent(w, 0);

		world_set_policy(w, rows[i].policy);
		s.input_tokens = rows[i].in;
		s.output_tokens = rows[i].out;
		s.cached_tokens = rows[i].cached;
		assert_true(gate_sent(w->gate, &s));
		f = newest_of(w, RECORD_CLOSED);
		assert_true(f.r.cost_nano == rows[i].nano);
		assert_true(f.r.tokens_in == (rows[i].in >= 0 ? rows[i].in : RECORD_ABSENT));
		assert_true(f.r.tokens_out == (rows[i].out >= 0 ? rows[i].out : RECORD_ABSENT));
		assert_true(f.r.tokens_cached ==
			    (rows[i].cached >= 0 ? rows[i].cached : RECORD_ABSENT));
		assert_true(f.r.http_status == RECORD_ABSENT); /* 0: none came */
		arena_free(f.arena);
		world_free(w);
	}
}

static void an_end_is_of_a_release(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	struct msg_SENT s;
	struct newest f;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_GRANTED);
	world_set_policy(w, ASKS);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	s = sent(w, 0);
	s.request_id = 77;
	assert_false(gate_sent(w->gate, &s));
	s.request_id = 0; /* what waits has no release yet */
	assert_false(gate_sent(w->gate, &s));
	s = sent(w, 0);
	s.outcome = 99; /* of a later version */
	s.http_status = 418;
	w->now_ms += 1234;
	assert_true(gate_sent(w->gate, &s));
	f = newest_of(w, RECORD_CLOSED);
	assert_string_equal(f.r.outcome, "unknown");
	assert_int_equal(f.r.http_status, 418);
	assert_int_equal(f.r.elapsed_ms, 1234);
	assert_int_equal(f.r.bytes_out, 80);
	assert_int_equal(f.r.bytes_in, 20);
	arena_free(f.arena);
	assert_false(gate_sent(w->gate, &s)); /* once */
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(w->gate->count.sends[i], 0);
	assert_int_equal(w->gate->count.sent_bytes, 80);
	/* Whoever waits is none of cloud's. */
	gate_cloud_gone(w->gate);
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_int_equal(w->gate->count.unknown_sends, 1);
	world_free(w);
}

static void attempts_after_the_end(void **state)
{
	static const char again[] =
		"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		"\"cloud\","
		"\"api\":\"openai\",\"base_url\":\"https://far.example/"
		"v1\",\"models\":[\"big-1\"],"
		"\"retry\":{\"attempts\":3}}},\"default\":{\"cloud\":\"allow\"}}";
	struct world *w = world_new(again);
	struct msg_ASK m = world_ask(w);
	struct msg_AGAIN a = { .attempt = 1, .bytes_out = 10 };

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	a.request_id = w->sends[0].m.request_id;
	w->again_fails = true; /* cloud is gone in that moment: it will be told as well */
	assert_true(gate_again(w->gate, &a));
	assert_int_equal(w->n_agains, 1);
	struct newest f = newest_of(w, RECORD_RETRIED);
	assert_true(f.r.http_status == RECORD_ABSENT);
	assert_int_equal(f.r.count, 1);
	arena_free(f.arena);
	w->again_fails = false;
	w->abort_fails = true;
	gate_cancel(w->gate, m.request_id);
	assert_true(w->sends[0].aborted);
	w->sends[0].aborted = false;
	gate_cancel(w->gate, m.request_id); /* once is enough */
	assert_false(w->sends[0].aborted);
	a.attempt = 2;
	assert_true(gate_again(w->gate, &a)); /* it did not know yet */
	assert_int_equal(w->n_agains, 1);
	assert_int_equal(world_records(w, RECORD_RETRIED, NULL), 1);
	/* A place that is gone from the policy has no further attempts. */
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_GRANTED);
	a = (struct msg_AGAIN){ .request_id = w->sends[1].m.request_id, .attempt = 1 };
	for (struct ask *x = w->gate->asks; x != NULL; x = x->next)
		x->aborted = true; /* so that the policy does not */
	world_set_policy(w, "{\"hither_policy\":1,\"id\":\"t\"}");
	for (struct ask *x = w->gate->asks; x != NULL; x = x->next)
		x->aborted = false;
	assert_true(gate_again(w->gate, &a));
	assert_int_equal(w->n_agains, 1);
	assert_true(w->sends[1].aborted);
	world_free(w);
}

/* --- requests
 * --------------------------------------------------------------------------------- */

static void a_router_that_is_gone_hears_nothing(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	w->answer_fails = true;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_int_equal(w->n_sends, 1); /* the person's answer counts */
	w->answer_fails = false;
	/* The number of a request that has its last answer may come again. */
	m.on_question = 0;
	assert_true(world_put(w, &m, "y"));
	assert_int_equal(last(w, &m)->outcome, ASK_PENDING);
	assert_false(world_put(w, &m, "z")); /* and not while it waits */
	world_free(w);
}

static void bytes_are_sealed_and_both_there(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);
	int fds[2], pipes[2];

	(void)state;
	m.has_original = 1;
	for (unsigned which = 0; which < 2; which++) {
		assert_int_equal(pipe(pipes), 0);
		close(pipes[1]);
		fds[which] = pipes[0];
		fds[1 - which] = file_sealed(
			"body", SPAN_LITERAL("{\"model\":\"big-1\",\"messages\":[]}"));
		assert_false(gate_ask(w->gate, &m, fds, 2));
		assert_int_equal(fcntl(fds[0], F_GETFD), -1); /* they were the gate's */
		assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	}
	assert_int_equal(w->n_answers, 0);
	world_free(w);
}

static void names_that_are_too_long_make_no_gate(void **state)
{
	struct world *w = world_new(ALLOWS);
	char longest[4100];
	struct gate_setup setup = {
		.state_dir = longest, .session = "test", .io = &world_io, .ctx = w
	};

	(void)state;
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_null(gate_new(&setup));
	setup.state_dir = w->state_dir;
	setup.session = longest;
	assert_null(gate_new(&setup));
	gate_free(NULL);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_is_looked_at_when_it_leaves),
		cmocka_unit_test(the_same_yes_for_two_fits_once),
		cmocka_unit_test(a_rule_that_two_wait_for_fits_once),
		cmocka_unit_test(without_cloud_nothing_is_put_on_record),
		cmocka_unit_test(without_a_pipe_nothing_is_sent),
		cmocka_unit_test(a_yes_in_vain_is_on_record),
		cmocka_unit_test(without_a_disk_no_answer_is_lost_and_nothing_leaves),
		cmocka_unit_test(what_cannot_be_written_is_not_taken_back),
		cmocka_unit_test(what_is_cut_is_listed),
		cmocka_unit_test(an_answer_is_about_what_was_shown),
		cmocka_unit_test(who_asks_over_tcp_must_be_known),
		cmocka_unit_test(policy_says_which_form_is_usual),
		cmocka_unit_test(a_kept_yes_may_be_a_permission),
		cmocka_unit_test(a_permission_that_cannot_say_what_it_covers_is_none),
		cmocka_unit_test(there_is_as_much_time_to_prove_as_the_question_has),
		cmocka_unit_test(an_end_says_what_it_cost),
		cmocka_unit_test(an_end_is_of_a_release),
		cmocka_unit_test(attempts_after_the_end),
		cmocka_unit_test(a_router_that_is_gone_hears_nothing),
		cmocka_unit_test(bytes_are_sealed_and_both_there),
		cmocka_unit_test(names_that_are_too_long_make_no_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
