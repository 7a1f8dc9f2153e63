/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every transition of the request machine, with stand-ins for the device, consent and the
 * client: what each event leads to, and that leaving a state stops its sources.
 */
#include "tests/unit/router_stage.h"

/* ---------------------------------------------------------------- the device */

static void to_local(void)
{
	begin(PLAN_LOCAL, false);
	event(EV_BEGIN);
	is(REQ_LOCAL_WAIT, "asks local");
	event(EV_WAIT);
	is(REQ_LOCAL_WAIT, "waits in the queue");
	event(EV_GIVEN);
	is(REQ_LOCAL, "has an engine");
}

static void device(void **state)
{
	(void)state;
	to_local();
	event(EV_ENDED);
	is(REQ_REPLYING, "answered");
	CHECK(did.ends == 1 && did.stops == 1 && !did.broken && did.errors == 0, "ended well");
	over();
	CHECK(did.records == 1 && did.told == 1, "remembered and told");

	to_local();
	q->engine_spoke = true;
	event(EV_FAILED);
	is(REQ_REPLYING, "an engine that breaks off is an error");
	CHECK(did.errors == 1 && did.broken && did.ends == 0 &&
		      strcmp(did.code, "stream_cut") == 0,
	      "told as broken, never ended clean");
	over();

	to_local();
	event(EV_FAILED);
	is(REQ_LOCAL_WAIT, "an engine that never spoke is asked for again");
	event(EV_GIVEN);
	event(EV_FAILED);
	is(REQ_REPLYING, "once");
	CHECK(did.wants == 2 && did.stops == 2 && did.errors == 1,
	      "two slots taken, two given back");
	over();

	begin(PLAN_LOCAL, false);
	event(EV_BEGIN);
	event(EV_NONE);
	is(REQ_REPLYING, "no engine");
	CHECK(strcmp(did.code, "engine_missing") == 0 && did.stops == 0,
	      "nothing to give back");
	over();

	begin(PLAN_LOCAL, false);
	did.start_fails = true;
	event(EV_BEGIN);
	event(EV_GIVEN);
	is(REQ_REPLYING, "an engine that cannot be used");
	CHECK(did.stops == 1 && did.errors == 1, "is given back");
	over();
}

static void counted(uint32_t tokens, int fd)
{
	request_event(q, &(struct event){ .kind = EV_COUNTED, .fd = fd, .tokens = tokens });
}

static void refused_as_too_long(void)
{
	struct chat_problem p = { .status = 400, .code = "context_length_exceeded" };

	q->engine_spoke = true;
	request_event(q, &(struct event){ .kind = EV_FAILED, .fd = -1, .problem = &p });
}

static void the_engine_counts(void **state)
{
	(void)state;
	to_local();
	q->to_count = true;
	counted(100, 7);
	is(REQ_LOCAL, "what fits is answered on the same connection");
	CHECK(did.starts == 2 && did.stops == 0 && did.tokens == 100 && !q->to_count,
	      "without giving the slot back");
	event(EV_ENDED);
	over();

	to_local();
	q->to_count = true;
	did.plan_again = PLAN_ASK;
	counted(5000, open("/dev/null", O_RDONLY));
	is(REQ_ASKING, "what does not fit goes where it may");
	CHECK(did.starts == 1 && did.stops == 1 && !did.broken && did.asks == 1,
	      "the slot goes back, nothing was answered");
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL_WAIT, "the device does what it can when the person says no");
	event(EV_GIVEN);
	refused_as_too_long();
	is(REQ_REPLYING, "and says its limit");
	CHECK(strcmp(did.code, "context_length_exceeded") == 0 && did.decided_again == 1,
	      "without asking a second time");
	over();

	to_local();
	q->to_count = true;
	counted(0, -1);
	is(REQ_LOCAL_WAIT, "an engine that cannot count is asked to answer");
	CHECK(did.decided_again == 0 && !q->to_count && did.stops == 1, "all the same");
	event(EV_GIVEN);
	event(EV_ENDED);
	over();

	to_local();
	did.plan_again = PLAN_ASK;
	refused_as_too_long();
	is(REQ_ASKING, "its refusal tells the same as a count");
	CHECK(did.tokens == 0 && did.decided_again == 1 && did.errors == 0, "nobody is told");
	lost(ROLE_CONSENT);
	is(REQ_LOCAL_WAIT, "and back");
	event(EV_GIVEN);
	event(EV_ENDED);
	over();

	to_local();
	refused_as_too_long();
	is(REQ_REPLYING, "nowhere to go: the limit is told");
	CHECK(strcmp(did.code, "context_length_exceeded") == 0 && !did.broken, "as it is");
	over();

	to_local();
	q->want.kind = WANT_LOCAL;
	did.plan_again = PLAN_ASK;
	refused_as_too_long();
	is(REQ_REPLYING, "who asked for this device gets no other");
	CHECK(did.decided_again == 0 && did.asks == 0, "and nobody is asked");
	over();
}

static void device_kept(void **state)
{
	(void)state;
	begin(PLAN_LOCAL, false);
	did.kept = true;
	event(EV_BEGIN);
	is(REQ_LOCAL, "a connection at hand is used at once");
	event(EV_ENDED);
	is(REQ_REPLYING, "and answers");
	CHECK(did.wants == 0 && did.resumes == 1 && did.ends == 1, "without a word to local");
	over();

	begin(PLAN_LOCAL, false);
	did.kept = true;
	event(EV_BEGIN);
	event(EV_FAILED);
	is(REQ_LOCAL_WAIT, "one that was closed meanwhile is replaced");
	CHECK(did.wants == 1 && did.stops == 1 && !did.broken && did.given_back == 1,
	      "the slot goes back, whole, with all that are like it");
	event(EV_GIVEN);
	event(EV_FAILED);
	is(REQ_LOCAL_WAIT, "what follows is judged as ever");
	event(EV_GIVEN);
	event(EV_FAILED);
	is(REQ_REPLYING, "and not repeated without end");
	CHECK(did.wants == 2 && did.errors == 1, "one error");
	over();

	begin(PLAN_LOCAL, false);
	did.kept = true;
	event(EV_BEGIN);
	q->engine_spoke = true;
	event(EV_FAILED);
	is(REQ_REPLYING, "an answer that began is never begun again");
	over();
}

static void device_lost(void **state)
{
	(void)state;
	begin(PLAN_LOCAL, false);
	event(EV_BEGIN);
	lost(ROLE_LOCAL);
	is(REQ_LOCAL_WAIT, "waits for local to come back");
	request_peer_changed(&router, ROLE_LOCAL, true);
	CHECK(did.wants == 2, "and asks it again");
	event(EV_GIVEN);
	lost(ROLE_CONSENT);
	lost(ROLE_LOCAL);
	is(REQ_LOCAL, "a stream goes on until it breaks");
	event(EV_ENDED);
	CHECK(did.stops == 0, "a dead local is told nothing");
	over();

	begin(PLAN_LOCAL, false);
	did.want_fails = true;
	event(EV_BEGIN);
	is(REQ_LOCAL_WAIT, "local is away from the start");
	did.want_fails = false;
	request_peer_changed(&router, ROLE_LOCAL, true);
	event(EV_GIVEN);
	is(REQ_LOCAL, "and comes");
	event(EV_DEADLINE);
	is(REQ_REPLYING, "too long is an error");
	CHECK(did.stops == 1, "and the slot is free");
	over();

	begin(PLAN_LOCAL, false);
	event(EV_BEGIN);
	event(EV_DEADLINE);
	is(REQ_REPLYING, "no engine in time");
	CHECK(did.stops == 1, "the wait is called off");
	over();
}

/* ---------------------------------------------------------------- consent */

static void granted(void **state)
{
	(void)state;
	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	is(REQ_ASKING, "asks");
	answer(ASK_PENDING, 0, -1);
	is(REQ_ASKING, "holds");
	answer(ASK_GRANTED, 0, 99);
	is(REQ_CLOUD, "reads");
	lost(ROLE_CONSENT);
	is(REQ_CLOUD, "the pipe is ours");
	event(EV_ENDED);
	is(REQ_REPLYING, "answered");
	CHECK(did.ends == 1 && did.cancels == 0 && did.wants == did.stops,
	      "nothing to cancel, no slot lost");
	over();
}

static void refused(void **state)
{
	static const enum ask_outcome outcomes[] = {
		ASK_DENIED_POLICY, ASK_REFUSED, ASK_TIMEOUT, ASK_NO_AGENT, ASK_WITHDRAWN,
		ASK_DISMISSED,     ASK_BUDGET,  ASK_LEDGER,  ASK_LIMITED,  ASK_UNREACHABLE
	};

	(void)state;
	for (size_t i = 0; i < LEN(outcomes); i++) {
		begin(PLAN_ASK, true);
		event(EV_BEGIN);
		answer(outcomes[i], 0, -1);
		is(REQ_LOCAL_WAIT, "the device answers instead");
		CHECK(did.wants == 1 && did.errors == 0 && q->plan.destination == DECIDE_LOCAL,
		      "and says so");
		CHECK(q->plan.reasons[0][0] != '\0', "with the reason");
		event(EV_CLIENT_LEFT);
		over();

		begin(PLAN_ASK, true);
		event(EV_BEGIN);
		answer(outcomes[i], 1, -1);
		is(REQ_REPLYING, "unless the policy wants a refusal");
		CHECK(did.errors == 1 && did.wants == 0, "which is one");
		over();

		begin(PLAN_ASK, false);
		event(EV_BEGIN);
		answer(outcomes[i], 0, -1);
		is(REQ_REPLYING, "or the device cannot");
		CHECK(did.errors == 1 && did.cancels == 0, "consent has ended it already");
		over();
	}
}

static void question_returned(void **state)
{
	(void)state;
	begin(PLAN_ASK, true);
	q->return_question = true;
	event(EV_BEGIN);
	answer(ASK_PENDING, 0, -1);
	is(REQ_REPLYING, "the program puts the question itself");
	CHECK(did.questions == 1 && did.cancels == 0 && did.wants == 0,
	      "and the question stays open");
	answer(ASK_TIMEOUT, 0, -1);
	is(REQ_REPLYING, "a late answer changes nothing");
	over();
}

static void cloud_fails(void **state)
{
	(void)state;
	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	event(EV_FAILED);
	is(REQ_LOCAL_WAIT, "nothing was shown: the device answers");
	CHECK(did.errors == 0, "without an error");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	q->answered = true;
	event(EV_FAILED);
	is(REQ_REPLYING, "something was shown: the route is final");
	CHECK(did.errors == 1 && did.wants == 0 && did.ends == 0,
	      "an error, never a clean end");
	over();

	begin(PLAN_ASK, true);
	did.others = 2;
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	event(EV_FAILED);
	is(REQ_ASKING, "the next destination is asked about");
	answer(ASK_GRANTED, 0, 99);
	event(EV_DEADLINE);
	is(REQ_ASKING, "and the one after it");
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL_WAIT, "a no ends it: the device answers");
	CHECK(did.asks == 3 && did.errors == 0, "each was a question of its own");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, true);
	did.others = 1;
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	q->answered = true;
	event(EV_FAILED);
	is(REQ_REPLYING, "something was shown: no other destination");
	CHECK(did.asks == 1 && did.errors == 1, "continues it");
	over();

	begin(PLAN_ASK, false);
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	event(EV_DEADLINE);
	is(REQ_REPLYING, "silence");
	CHECK(did.errors == 1 && did.cancels == 1, "is cancelled");
	over();

	begin(PLAN_ASK, false);
	did.read_fails = true;
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	is(REQ_REPLYING, "a pipe that cannot be read");
	over();
}

/* Whatever is waited for, a client that streams hears something now and then. */
static void silence_is_filled(void **state)
{
	static const enum request_state waiting[] = { REQ_LOCAL_WAIT, REQ_LOCAL, REQ_ASKING,
						      REQ_CLOUD };

	(void)state;
	for (size_t i = 0; i < LEN(waiting); i++) {
		begin(waiting[i] < REQ_ASKING ? PLAN_LOCAL : PLAN_ASK, false);
		event(EV_BEGIN);
		if (waiting[i] == REQ_LOCAL)
			event(EV_GIVEN);
		if (waiting[i] == REQ_CLOUD)
			answer(ASK_GRANTED, 0, 99);
		is(waiting[i], "waits");
		q->spoke_ms = uv_now(&loop);
		uv_run(&loop, UV_RUN_ONCE);
		CHECK(did.keepalives == 0, "not yet");
		config.limits.keepalive_ms = 1;
		uv_run(&loop, UV_RUN_ONCE);
		config.limits.keepalive_ms = 10000;
		CHECK(did.keepalives == 1, "a comment");
		event(EV_CLIENT_LEFT);
		over();
	}
}

static void consent_lost(void **state)
{
	(void)state;
	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	lost(ROLE_LOCAL);
	is(REQ_ASKING, "local does not matter here");
	lost(ROLE_CONSENT);
	is(REQ_LOCAL_WAIT, "consent is gone: the device answers");
	CHECK(did.cancels == 0, "a dead consent is told nothing");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, false);
	did.ask_fails = true;
	event(EV_BEGIN);
	is(REQ_REPLYING, "nobody can be asked");
	CHECK(strcmp(did.code, "consent_unavailable") == 0, "so nothing leaves");
	over();

	begin(PLAN_ASK, false);
	event(EV_BEGIN);
	event(EV_DEADLINE);
	is(REQ_REPLYING, "an answer that never comes");
	CHECK(did.cancels == 1, "is not waited for");
	over();
}

/* ---------------------------------------------------------------- both ends */

static void the_client_leaves(void **state)
{
	(void)state;
	begin(PLAN_LOCAL, false);
	event(EV_BEGIN);
	event(EV_CLIENT_LEFT);
	is(REQ_DONE, "in the queue");
	CHECK(did.stops == 1 && did.errors == 0, "the wait is called off");
	event(EV_GIVEN);
	event(EV_NONE);
	is(REQ_DONE, "what comes late is dropped");
	over();
	to_local();
	event(EV_CLIENT_LEFT);
	CHECK(did.stops == 1 && !did.broken, "in the stream: the engine is not at fault");
	over();
	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	event(EV_CLIENT_LEFT);
	CHECK(did.cancels == 1 && did.wants == 0, "while asking: consent is told");
	over();
	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	answer(ASK_GRANTED, 0, 99);
	event(EV_CLIENT_LEFT);
	CHECK(did.cancels == 1, "while cloud sends: the pipe is closed");
	over();
}

static void refused_at_once(void **state)
{
	(void)state;
	begin(PLAN_REFUSE, false);
	event(EV_BEGIN);
	is(REQ_REPLYING, "the policy says no");
	CHECK(strcmp(did.code, "policy_denied") == 0 && did.asks == 0, "without asking");
	over();
	begin(PLAN_LOCAL, false);
	did.decide_fails = true;
	event(EV_BEGIN);
	CHECK(strcmp(did.code, "model_not_found") == 0 && did.wants == 0, "an unknown model");
	over();
	begin(PLAN_LOCAL, false);
	did.restrict_fails = true;
	event(EV_BEGIN);
	CHECK(strcmp(did.code, "invalid_value") == 0, "a tier that is not one");
	over();
}

/* A descriptor that comes at the wrong time is closed. */
static void late_descriptors(void **state)
{
	int ends[2];
	char c;

	(void)state;
	to_local();
	event(EV_ENDED);
	assert_int_equal(pipe(ends), 0);
	request_event(q, &(struct event){ .kind = EV_GIVEN, .fd = ends[1] });
	CHECK(read(ends[0], &c, 1) == 0, "closed");
	close(ends[0]);
	over();
}

static void table(void **state)
{
	struct request *many[600];

	(void)state;
	memset(&did, 0, sizeof did);
	for (size_t i = 0; i < LEN(many); i++)
		many[i] = request_new(&router, (struct http_exchange *)&did);
	for (size_t i = 0; i < LEN(many); i++)
		CHECK(request_find(&router, many[i]->id) == many[i],
		      "each is found by its number");
	CHECK(request_find(&router, many[0]->id - 1) == NULL, "no other is");
	for (size_t i = 0; i < LEN(many); i += 2) {
		q = many[i];
		event(EV_REPLY_DONE);
	}
	for (size_t i = 1; i < LEN(many); i += 2)
		CHECK(request_find(&router, many[i]->id) == many[i], "the others stay");
	for (size_t i = 1; i < LEN(many); i += 2) {
		q = many[i];
		event(EV_REPLY_DONE);
	}
	CHECK(router.n_requests == 0 && router.n_pool <= REQUEST_POOL, "the pool is bounded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device),
		cmocka_unit_test(the_engine_counts),
		cmocka_unit_test(device_kept),
		cmocka_unit_test(device_lost),
		cmocka_unit_test(granted),
		cmocka_unit_test(refused),
		cmocka_unit_test(question_returned),
		cmocka_unit_test(cloud_fails),
		cmocka_unit_test(silence_is_filled),
		cmocka_unit_test(consent_lost),
		cmocka_unit_test(the_client_leaves),
		cmocka_unit_test(refused_at_once),
		cmocka_unit_test(late_descriptors),
		cmocka_unit_test(table),
	};

	return run_all(tests, LEN(tests));
}
