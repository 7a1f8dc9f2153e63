/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of this device that is not the answer yet: drafts while a question is open, and
 * answers that are watched. What becomes of them, what is shown, and that no slot is lost.
 */
#include "tests/unit/router_stage.h"

/* ---------------------------------------------------------------- drafts */

static void says(enum chat_event_kind kind, const char *text)
{
	struct chat_event ev = { .kind = kind,
				 .text = span_of(text),
				 .finish = CHAT_FINISH_STOP,
				 .input_tokens = -1,
				 .output_tokens = -1,
				 .cached_tokens = -1,
				 .reasoning_tokens = -1 };

	(void)reply_sink(q, &ev);
}

/* A question is put, and the device begins with `said`. */
static void draft(const char *form, const char *said)
{
	begin(PLAN_ASK, true);
	did.draft = form;
	event(EV_BEGIN);
	CHECK(did.wants == 0, "no draft before there is a question");
	answer(ASK_PENDING, 0, -1);
	is(REQ_ASKING, "the question is open");
	CHECK(did.wants == 1 && q->draft.state == DRAFT_WANTED, "an engine is asked for");
	event(EV_GIVEN);
	is(REQ_ASKING, "the question stays open");
	CHECK(did.starts == 1 && q->draft.state == DRAFT_RUNNING, "and a draft begins");
	says(CHAT_EV_START, "");
	says(CHAT_EV_TEXT, said);
}

static void draft_is_the_answer(void **state)
{
	(void)state;
	draft("hold", "one");
	CHECK(did.text[0] == '\0', "nothing is shown");
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL, "after a no it goes on");
	CHECK(strcmp(did.text, "A Tone ") == 0 && did.wants == 1 && did.stops == 0,
	      "from where it was");
	says(CHAT_EV_TEXT, "two");
	CHECK(strcmp(did.text, "A Tone Ttwo ") == 0, "live");
	event(EV_ENDED);
	is(REQ_REPLYING, "to its end");
	CHECK(q->draft.became == DRAFT_ANSWER && did.ends == 1 && did.stops == 1,
	      "as the answer");
	over();

	draft("hold", "one");
	says(CHAT_EV_FINISH, "");
	says(CHAT_EV_END, "");
	event(EV_ENDED);
	is(REQ_ASKING, "a whole draft waits");
	CHECK(did.stops == 1 && q->draft.state == DRAFT_WHOLE, "without its engine");
	answer(ASK_TIMEOUT, 0, -1);
	is(REQ_REPLYING, "and is there at once");
	CHECK(did.wants == 1 && did.ends == 1 && did.errors == 0, "without waiting again");
	CHECK(strcmp(did.text, "A Tone F E ") == 0, "whole");
	over();

	draft("hold", "one");
	lost(ROLE_CONSENT);
	is(REQ_LOCAL, "a lost question is a no");
	event(EV_CLIENT_LEFT);
	CHECK(did.stops == 1, "who leaves leaves the engine");
	over();
}

static void draft_is_replaced(void **state)
{
	(void)state;
	draft("hold", "one");
	answer(ASK_GRANTED, 0, 99);
	is(REQ_CLOUD, "a yes");
	CHECK(did.stops == 1 && q->draft.state == DRAFT_NONE && did.text[0] == '\0',
	      "ends the draft");
	event(EV_FAILED);
	is(REQ_LOCAL_WAIT, "one that was not whole begins again");
	event(EV_CLIENT_LEFT);
	over();

	draft("hold", "one");
	says(CHAT_EV_FINISH, "");
	says(CHAT_EV_END, "");
	event(EV_ENDED);
	answer(ASK_GRANTED, 0, 99);
	event(EV_FAILED);
	is(REQ_REPLYING, "a whole one stands in");
	CHECK(did.wants == 1 && did.ends == 1 && q->draft.became == DRAFT_ANSWER,
	      "when the destination fails");
	over();

	draft("hold", "one");
	answer(ASK_REFUSED, 1, -1);
	is(REQ_REPLYING, "a policy that refuses");
	CHECK(did.errors == 1 && did.stops == 1 && did.text[0] == '\0', "shows no draft");
	over();
}

static void draft_is_shown(void **state)
{
	(void)state;
	draft("thinking", "one");
	CHECK(strcmp(did.text, "RDraft Rone ") == 0 && did.remarks == 1, "as thoughts, marked");
	says(CHAT_EV_TOOL, "");
	says(CHAT_EV_TEXT, "two");
	CHECK(strcmp(did.text, "RDraft Rone ") == 0, "until there is a call");
	answer(ASK_DISMISSED, 0, -1);
	is(REQ_LOCAL, "goes on");
	CHECK(strcmp(did.text, "RDraft Rone Tone C Ttwo ") == 0,
	      "and is said again, as the answer");
	CHECK(did.writers == 1, "in the same reply");
	event(EV_CLIENT_LEFT);
	over();

	draft("text", "one");
	CHECK(strcmp(did.text, "TDraft Tone ") == 0, "as text, marked");
	says(CHAT_EV_FINISH, "");
	says(CHAT_EV_END, "");
	CHECK(strcmp(did.text, "TDraft Tone ") == 0, "without an end");
	event(EV_ENDED);
	answer(ASK_REFUSED, 0, -1);
	is(REQ_REPLYING, "ends");
	CHECK(strcmp(did.text, "TDraft Tone F E ") == 0, "and is not said again");
	over();
}

static void draft_comes_to_nothing(void **state)
{
	(void)state;
	begin(PLAN_ASK, true);
	did.draft = "wait";
	event(EV_BEGIN);
	answer(ASK_PENDING, 0, -1);
	CHECK(did.wants == 0, "nobody wants one");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, false);
	event(EV_BEGIN);
	answer(ASK_PENDING, 0, -1);
	CHECK(did.wants == 0, "the device may not answer");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	answer(ASK_PENDING, 0, -1);
	request_event(q, &(struct event){ .kind = EV_WAIT, .fd = -1, .busy = true });
	is(REQ_ASKING, "others have the engine");
	CHECK(did.stops == 1 && q->draft.state == DRAFT_NONE, "so it does not queue");
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL_WAIT, "before it is needed");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	answer(ASK_PENDING, 0, -1);
	event(EV_WAIT);
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL_WAIT, "an engine that is loading");
	CHECK(did.wants == 1 && did.stops == 0, "is not asked for twice");
	event(EV_GIVEN);
	is(REQ_LOCAL, "and answers");
	event(EV_CLIENT_LEFT);
	over();

	draft("hold", "one");
	q->engine_spoke = true;
	event(EV_FAILED);
	is(REQ_ASKING, "an engine that dies under a draft");
	CHECK(did.stops == 1 && did.broken && did.errors == 0, "costs the draft");
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL_WAIT, "not the answer");
	CHECK(did.wants == 2 && q->draft.became == DRAFT_LOST, "which begins anew");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_ASK, true);
	event(EV_BEGIN);
	answer(ASK_PENDING, 0, -1);
	event(EV_NONE);
	is(REQ_ASKING, "no engine, no draft");
	answer(ASK_GRANTED, 0, 99);
	is(REQ_CLOUD, "the question is another matter");
	CHECK(did.errors == 0 && did.stops == 0, "nothing to give back");
	event(EV_CLIENT_LEFT);
	over();
}

static void draft_makes_room(void **state)
{
	struct request *drafting, *waiting;

	(void)state;
	draft("hold", "one");
	drafting = q;
	q = waiting = request_new(&router, (struct http_exchange *)&did);
	q->chat.model = span_of("auto");
	did.plan = PLAN_LOCAL;
	event(EV_BEGIN);
	event(EV_WAIT);
	CHECK(drafting->draft.state == DRAFT_RUNNING, "an engine that loads is waited for");
	request_event(q, &(struct event){ .kind = EV_WAIT, .fd = -1, .busy = true });
	CHECK(drafting->draft.state == DRAFT_NONE && did.stops == 1,
	      "who waits for an answer goes before a draft");
	event(EV_REPLY_DONE);
	q = drafting;
	event(EV_REPLY_DONE);
}

/* ---------------------------------------------------------------- the cascade */

static void watched(const char *header, uint32_t floor_pm, bool nowhere)
{
	begin(PLAN_LOCAL, true);
	did.cascade = header;
	did.model.floor_pm = floor_pm;
	did.nowhere = nowhere;
	event(EV_BEGIN);
	event(EV_GIVEN);
	is(REQ_LOCAL, "answers");
}

static void tokens(int n, double logprob)
{
	struct chat_event ev = { .kind = CHAT_EV_TEXT,
				 .text = span_of("t"),
				 .has_logprob = true,
				 .logprob = logprob,
				 .input_tokens = -1,
				 .output_tokens = -1,
				 .cached_tokens = -1,
				 .reasoning_tokens = -1 };

	for (int i = 0; i < n; i++)
		(void)reply_sink(q, &ev);
	cascade_turn(q);
}

static void a_sure_answer_goes_out(void **state)
{
	(void)state;
	watched(NULL, 500, false);
	tokens(CONFIDENCE_TOKENS - 1, -0.1);
	CHECK(did.text[0] == '\0', "kept while it is watched");
	tokens(1, -0.1);
	CHECK(did.text[0] != '\0' && did.asks == 0, "then it streams");
	tokens(20, -9);
	is(REQ_LOCAL, "what comes later changes nothing");
	event(EV_ENDED);
	CHECK(did.asks == 0 && q->draft.became == DRAFT_NOTHING, "no draft was made");
	over();

	watched(NULL, 500, false);
	tokens(2, -0.1);
	says(CHAT_EV_FINISH, "");
	says(CHAT_EV_END, "");
	cascade_turn(q);
	CHECK(strcmp(did.text, "Tt Tt F E ") == 0, "a short one at its end");
	event(EV_ENDED);
	is(REQ_REPLYING, "whole");
	over();
}

static void an_unsure_answer_asks(void **state)
{
	(void)state;
	watched(NULL, 500, false);
	tokens(CONFIDENCE_WINDOW, -2);
	is(REQ_ASKING, "below the floor");
	CHECK(did.asks == 1 && did.stops == 0 && did.text[0] == '\0', "it goes on, kept");
	answer(ASK_PENDING, 0, -1);
	CHECK(did.wants == 1, "as the draft that is there already");
	tokens(1, -2);
	answer(ASK_REFUSED, 0, -1);
	is(REQ_LOCAL, "a no");
	CHECK(strlen(did.text) == 3 * (CONFIDENCE_WINDOW + 1), "loses nothing of it");
	event(EV_ENDED);
	over();

	watched(NULL, 500, false);
	tokens(CONFIDENCE_WINDOW, -2);
	answer(ASK_GRANTED, 0, 99);
	is(REQ_CLOUD, "a yes");
	CHECK(did.stops == 1 && did.text[0] == '\0', "ends it");
	event(EV_CLIENT_LEFT);
	over();

	watched(NULL, 500, true);
	tokens(CONFIDENCE_WINDOW, -2);
	is(REQ_LOCAL, "nowhere to go");
	CHECK(did.asks == 0 && strlen(did.text) == 3 * CONFIDENCE_WINDOW, "so it streams");
	event(EV_ENDED);
	over();

	watched(NULL, 500, false);
	q->engine_spoke = true;
	tokens(3, -2);
	event(EV_FAILED);
	is(REQ_REPLYING, "an engine that dies while it is watched");
	CHECK(did.errors == 1 && did.text[0] == '\0', "is an error");
	over();
}

static void other_modes(void **state)
{
	(void)state;
	watched("off", 500, false);
	tokens(CONFIDENCE_WINDOW, -2);
	CHECK(did.asks == 0 && did.text[0] != '\0' && !q->cascade.watching, "off");
	event(EV_CLIENT_LEFT);
	over();

	watched("offer", 500, false);
	tokens(CONFIDENCE_WINDOW, -2);
	is(REQ_LOCAL, "an offer asks nobody");
	CHECK(did.asks == 0 && did.text[0] != '\0' && strcmp(q->cascade.offer, "far/m") == 0,
	      "it streams and says who could do better");
	event(EV_CLIENT_LEFT);
	over();

	watched(NULL, 0, false);
	CHECK(!q->cascade.watching, "what nobody calibrated is not watched");
	event(EV_CLIENT_LEFT);
	over();

	watched("measure", 0, false);
	CHECK(q->cascade.watching && q->draft.state == DRAFT_NONE, "unless somebody measures");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_LOCAL, true);
	did.model.floor_pm = 500;
	struct chat_tool tool = { 0 };
	q->chat.tools = &tool;
	q->chat.n_tools = 1;
	event(EV_BEGIN);
	event(EV_GIVEN);
	CHECK(!q->cascade.watching, "nor what has tools");
	event(EV_CLIENT_LEFT);
	over();

	begin(PLAN_LOCAL, true);
	did.cascade = "maybe";
	event(EV_BEGIN);
	CHECK(strcmp(did.code, "invalid_value") == 0, "a word that is none");
	over();
	begin(PLAN_LOCAL, true);
	did.draft = "loud";
	event(EV_BEGIN);
	CHECK(strcmp(did.code, "invalid_value") == 0, "nor that");
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draft_is_the_answer),
		cmocka_unit_test(draft_is_replaced),
		cmocka_unit_test(draft_is_shown),
		cmocka_unit_test(draft_comes_to_nothing),
		cmocka_unit_test(draft_makes_room),
		cmocka_unit_test(a_sure_answer_goes_out),
		cmocka_unit_test(an_unsure_answer_asks),
		cmocka_unit_test(other_modes),
	};

	return run_all(tests, LEN(tests));
}
