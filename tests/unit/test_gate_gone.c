/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate says while somebody is gone or is not there yet, whole, step by step. */
#include "tests/unit/gate_gone.h"
#include "tests/unit/gate_story.h"

/* What is said when a yes cannot be carried out, and of neighbours that are gone. */
static void in_vain(void **state)
{
	struct story s;
	struct msg_ASK m;
	struct msg_AGAIN again = { .attempt = 1, .bytes_out = 1 };

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"ask\"}" OFTEN "}");
	m = whole_ask(s.w);
	story_ask(&s, &m, "x");
	s.w->cloud_up = false;
	story_answer(&s, &m,
		     (struct gate_response){ .word = GATE_APPROVE, .scope = "session" });
	story_step(&s, "no cloud");
	strcpy(m.app, "org.example.Other");
	s.w->cloud_up = true;
	s.w->send_fails = true;
	story_ask(&s, &m, "y");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_APPROVE });
	story_step(&s, "cloud that goes");
	world_set_policy(s.w, RICH ",\"default\":{\"cloud\":\"allow\"}" OFTEN "}");
	story_ask(&s, &m, "z");
	story_step(&s, "under a rule, too");
	s.w->send_fails = false;
	s.w->answer_fails = s.w->abort_fails = s.w->again_fails = true;
	story_ask(&s, &m, "1");
	again.request_id = s.w->sends[0].m.request_id;
	gate_again(s.w->gate, &again);
	gate_cancel(s.w->gate, m.request_id);
	gate_cancel(s.w->gate, m.request_id);
	story_step(&s, "nobody hears it");
	s.w->answer_fails = s.w->abort_fails = s.w->again_fails = false;
	story_ask(&s, &m, "2");
	gate_router_gone(s.w->gate, ROLE_ROUTER);
	story_step(&s, "the router ends");
	struct msg_SENT sent = ended(&s, SEND_ABORTED);
	gate_sent(s.w->gate, &sent);
	story_step(&s, "and so does the send");
	story_is(&s, in_vain_text);
}

/* Questions that are alike wait for one another; so many an hour are put. */
static void one_after_the_other(void **state)
{
	struct story s;
	struct msg_ASK m, n, other;
	uint64_t gone;

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"ask\"},\"consent\":{"
			     "\"max_prompts_per_hour\":2}}");
	m = n = other = whole_ask(s.w);
	m.on_question = 1;
	story_ask(&s, &m, "x");
	story_ask(&s, &n, "y");
	story_step(&s, "one is shown");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_APPROVE });
	story_step(&s, "a yes that waits shows the other");
	gate_cancel(s.w->gate, n.request_id);
	story_step(&s, "nobody looked at it");
	story_ask(&s, &other, "z");
	story_step(&s, "two were told");
	story_pass(&s, 3600000);
	story_ask(&s, &other, "z");
	story_ask(&s, &m, "w");
	gate_router_gone(s.w->gate, ROLE_ROUTER);
	story_step(&s, "an hour later, and the router ends");
	strcpy(other.app, "org.example.Other");
	strcpy(other.conversation, "c2");
	story_ask(&s, &other, "v");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_DENY });
	story_step(&s, "a no is for what is like it");
	strcpy(n.app, "org.example.Third");
	strcpy(n.conversation, "c3");
	story_ask(&s, &n, "u");
	story_answer(&s, &n, (struct gate_response){ .word = GATE_APPROVE });
	story_step(&s, "so is a yes");
	struct msg_SENT sent = ended(&s, SEND_COMPLETE);
	gate_sent(s.w->gate, &sent);
	story_step(&s, "sent");
	(void)!gate_prune(s.w->gate, INT64_MAX, &gone);
	buf_printf(&s.out, "%" PRIu64 " go\n", gone);
	story_step(&s, "what is old goes");
	story_is(&s, one_after_the_other_text);
}

/* A flood of the same, without anybody there; then somebody comes. */
static void alone(void **state)
{
	struct story s;
	struct msg_ASK m, n, other;

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"ask\"},\"consent\":{\"no_agent\":"
			     "\"refuse\",\"on_deny\":\"refuse\",\"on_timeout\":\"refuse\"}}");
	s.w->patience_ms = 1500;
	world_restart(s.w,
		      RICH ",\"default\":{\"cloud\":\"ask\"},\"consent\":{\"no_agent\":"
			   "\"refuse\",\"on_deny\":\"refuse\",\"on_timeout\":\"refuse\"}}");
	m = n = other = whole_ask(s.w);
	s.w->somebody = false;
	story_ask(&s, &m, "x");
	strcpy(other.app, "org.example.Other");
	strcpy(other.conversation, "c3");
	story_ask(&s, &other, "w");
	story_pass(&s, 1499);
	story_step(&s, "a moment");
	story_pass(&s, 1);
	story_step(&s, "nobody came");
	strcpy(n.conversation, "c2");
	story_ask(&s, &n, "y");
	story_step(&s, "no patience twice");
	s.w->somebody = true;
	gate_agents_changed(s.w->gate, STORY_UID + 1);
	story_step(&s, "somebody else");
	gate_agents_changed(s.w->gate, STORY_UID);
	story_step(&s, "somebody");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_DISMISS });
	story_step(&s, "not now");
	story_pass(&s, 60000);
	story_step(&s, "silence");
	gate_device(s.w->gate,
		    &(struct msg_DEVICE_STATE){ .battery_pct = 255, .locked = POLICY_TRUE });
	strcpy(n.app, "org.example.Third");
	story_ask(&s, &n, "z");
	story_step(&s, "locked");
	gate_device(s.w->gate,
		    &(struct msg_DEVICE_STATE){ .battery_pct = 255, .locked = POLICY_FALSE });
	story_step(&s, "unlocked");
	gate_device(s.w->gate,
		    &(struct msg_DEVICE_STATE){ .battery_pct = 50, .locked = POLICY_FALSE });
	story_step(&s, "still unlocked");
	story_is(&s, alone_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_vain),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
