/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate says to router, cloud, agents, people and the ledger, whole, step by step. */
#include "tests/unit/gate_stories.h"
#include "tests/unit/gate_story.h"

static void a_yes_once(void **state)
{
	struct story s;
	struct msg_ASK m;

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"ask\"}}");
	m = whole_ask(s.w);
	story_step(&s, "start");
	story_ask(&s, &m, "x");
	story_step(&s, "asked");
	story_pass(&s, 2500);
	story_answer(&s, &m,
		     (struct gate_response){ .word = GATE_APPROVE,
					     .reason = "it is fine",
					     .agent = "desktop" });
	story_step(&s, "approved");
	story_pass(&s, 1234);
	struct msg_SENT sent = ended(&s, SEND_COMPLETE);
	gate_sent(s.w->gate, &sent);
	story_pass(&s, 0);
	story_pass(&s, 20);
	story_step(&s, "sent");
	story_is(&s, a_yes_once_text);
}

/* What is on its way: further attempts, cut by the policy, lost with cloud. */
static void sends_under_a_rule(void **state)
{
	struct story s;
	struct msg_ASK m;
	struct msg_AGAIN again = { .attempt = 1,
				   .http_status = 503,
				   .bytes_out = 300,
				   .bytes_in = 40,
				   .detail = "busy" };

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"allow\"}}");
	m = whole_ask(s.w);
	m.streaming = 0;
	story_ask(&s, &m, "x");
	story_step(&s, "released by a rule");
	again.request_id = s.w->sends[0].m.request_id;
	gate_again(s.w->gate, &again);
	story_step(&s, "once more");
	again.attempt = 2;
	again.http_status = 0;
	gate_again(s.w->gate, &again);
	story_step(&s, "and once more");
	again.attempt = 3;
	gate_again(s.w->gate, &again);
	struct msg_SENT sent = ended(&s, SEND_ABORTED);
	sent.input_tokens = sent.output_tokens = sent.cached_tokens = -1;
	sent.http_status = 0;
	gate_sent(s.w->gate, &sent);
	story_step(&s, "too often");
	story_ask(&s, &m, "y");
	world_set_policy(s.w, RICH ",\"default\":{\"cloud\":\"ask\"}}");
	story_step(&s, "the rule is gone");
	gate_cloud_gone(s.w->gate);
	story_step(&s, "cloud is gone");
	story_is(&s, sends_under_a_rule_text);
}

/* Each no, and each other end of a question. */
static void a_no(void **state)
{
	struct story s;
	struct msg_ASK m;

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"ask\"}" OFTEN "}");
	m = whole_ask(s.w);
	story_ask(&s, &m, "x");
	story_step(&s, "asked");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_DENY, .reason = "no" });
	story_step(&s, "refused");
	story_ask(&s, &m, "x");
	story_step(&s, "the same again");
	story_ask(&s, &m, "y");
	story_step(&s, "the same conversation");
	strcpy(m.conversation, "c2");
	story_ask(&s, &m, "y");
	story_answer(
		&s, &m,
		(struct gate_response){
			.word = GATE_DENY, .scope = "until", .until = "2h", .agent = "web" });
	story_step(&s, "refused for a time");
	strcpy(m.conversation, "c3");
	story_ask(&s, &m, "z");
	story_step(&s, "the app at this place");
	strcpy(m.app, "org.example.Other");
	for (unsigned i = 0; i < 3; i++) {
		m.conversation[1]++;
		story_ask(&s, &m, i == 0 ? "1" : i == 1 ? "2" : "3");
		story_answer(&s, &m, (struct gate_response){ .word = GATE_DENY });
	}
	story_step(&s, "three times");
	m.conversation[1]++;
	story_ask(&s, &m, "4");
	story_step(&s, "that kind of request");
	story_is(&s, a_no_text);
}

static void other_ends(void **state)
{
	struct story s;
	struct msg_ASK m;

	(void)state;
	story_begin(&s, RICH ",\"default\":{\"cloud\":\"ask\"}" OFTEN "}");
	m = whole_ask(s.w);
	story_ask(&s, &m, "x");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_EXTEND });
	story_pass(&s, 1);
	story_answer(&s, &m, (struct gate_response){ .word = GATE_DISMISS });
	story_step(&s, "dismissed");
	story_ask(&s, &m, "x");
	story_pass(&s, 59999);
	story_step(&s, "nearly too late");
	story_pass(&s, 1);
	story_step(&s, "too late");
	story_ask(&s, &m, "x");
	gate_cancel(s.w->gate, m.request_id);
	story_step(&s, "the client left");
	story_ask(&s, &m, "x");
	world_set_policy(s.w, RICH ",\"default\":{\"cloud\":\"deny\"}" OFTEN "}");
	story_step(&s, "policy forbids it");
	story_ask(&s, &m, "x");
	story_step(&s, "denied");
	world_set_policy(s.w, RICH ",\"default\":{\"cloud\":\"ask\"}" OFTEN "}");
	s.w->somebody = false;
	story_ask(&s, &m, "x");
	story_step(&s, "nobody there");
	s.w->somebody = true;
	m.on_question = 1;
	story_ask(&s, &m, "reported");
	story_step(&s, "reported");
	story_answer(&s, &m, (struct gate_response){ .word = GATE_APPROVE });
	story_step(&s, "a yes that waits");
	story_ask(&s, &m, "reported");
	story_step(&s, "redeemed");
	gate_stop(s.w->gate);
	story_step(&s, "stopped");
	story_is(&s, other_ends_text);
}

/* A permission: given, used, taken back under way; the figures of it all. */
static void a_permission(void **state)
{
	struct story s;
	struct msg_ASK m;
	struct gate_result r;

	(void)state;
	story_begin(&s, RICH
		    ",\"default\":{\"cloud\":\"ask\"},\"consent\":{\"scopes\":[\"once\","
		    "\"session\",\"until\",\"always\"],\"modes\":[\"redacted\",\"as_is\"]}}");
	m = whole_ask(s.w);
	strcpy(m.masked, "personal.contact.email=1");
	m.uid = STORY_UID;
	(void)ask_masked(s.w, &m, "to [EMAIL-1]", "to anna.schmidt@example.org");
	story_answer(&s, &m,
		     (struct gate_response){ .word = GATE_APPROVE,
					     .scope = "always",
					     .mode = "as_is",
					     .agent = "terminal" });
	story_step(&s, "for always, as it is");
	(void)ask_masked(s.w, &m, "or [EMAIL-1]", "or anna.schmidt@example.org");
	story_step(&s, "used");
	gate_write_grants(s.w->gate, STORY_UID, &s.out);
	buf_add_char(&s.out, '\n');
	gate_revoke(s.w->gate, STORY_UID, "g-4", &r, &s.out);
	buf_printf(&s.out, "\nRESULT %d %s %s\n", r.status, r.message, r.outcome);
	story_step(&s, "taken back");
	gate_router_gone(s.w->gate, ROLE_ROUTER);
	story_step(&s, "router is gone");
	gate_write_metrics(s.w->gate, &s.out);
	story_is(&s, a_permission_text);
}

#define SPEND(max, exceed)                                                                     \
	RICH ",\"default\":{\"cloud\":\"allow\"},\"budgets\":[{\"id\":\"b\",\"scope\":["       \
	     "\"user\"],\"window\":\"36h\",\"max_" max ",\"on_exceed\":\"" exceed "\"}]}"

static void over_budget(void **state)
{
	struct story s;
	struct msg_ASK m;

	(void)state;
	story_begin(&s, SPEND("requests\":1", "local"));
	m = whole_ask(s.w);
	story_ask(&s, &m, "x");
	story_ask(&s, &m, "y");
	story_step(&s, "kept here");
	world_set_policy(s.w, SPEND("tokens\":100", "refuse"));
	story_ask(&s, &m, "y");
	story_step(&s, "refused");
	world_set_policy(s.w, SPEND("cost\":{\"amount\":0.0005,\"currency\":\"EUR\"}", "ask"));
	story_ask(&s, &m, "y");
	story_step(&s, "asked");
	gate_write_budgets(s.w->gate, &s.out);
	buf_add_char(&s.out, '\n');
	story_answer(&s, &m, (struct gate_response){ .word = GATE_APPROVE });
	struct msg_SENT sent = ended(&s, SEND_CUT);
	gate_sent(s.w->gate, &sent);
	story_step(&s, "sent all the same");
	gate_write_budgets(s.w->gate, &s.out);
	buf_add_char(&s.out, '\n');
	story_is(&s, over_budget_text);
}

/* Data that policy keeps here taints its conversation. */
static void taints(void **state)
{
	static const char keeps[] =
		RICH ",\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"mail\","
		     "\"effect\":\"deny\",\"because\":\"mail stays\",\"when\":{\"tier\":["
		     "\"cloud\"],\"data\":{\"any\":[\"personal.*\"]}}}],\"ledger\":{"
		     "\"content\":\"none\"}}";
	struct msg_DECIDED d = { .uid = 77,
				 .identity = POLICY_IDENTITY_SOCKET,
				 .decision_id = "01J00000000000000000000001",
				 .destination = "far",
				 .tier = POLICY_TIER_TRUSTED,
				 .kept = POLICY_TIER_CLOUD,
				 .conversation = "c5",
				 .app = "org.example.App",
				 .task = "chat",
				 .score_pm = 1000,
				 .confidence_pm = 999,
				 .input_tokens = 21,
				 .output_tokens = 1,
				 .modality = 3,
				 .tools = 1,
				 .interactive = 1,
				 .categories = "a=1,b=12",
				 .reason = "because",
				 .outcome = "answered" };
	struct story s;
	struct msg_ASK m;

	(void)state;
	story_begin(&s, keeps);
	m = whole_ask(s.w);
	story_ask(&s, &m, "to anna.schmidt@example.org");
	story_step(&s, "data that stays");
	story_ask(&s, &m, "harmless");
	story_step(&s, "a later turn");
	gate_decided(s.w->gate, &d);
	story_step(&s, "decided without a question");
	d.uid = STORY_UID;
	d.kept = POLICY_TIER_TRUSTED;
	strcpy(d.conversation, "c7");
	gate_decided(s.w->gate, &d);
	strcpy(m.conversation, "c7");
	story_ask(&s, &m, "harmless");
	strcpy(m.destination, "nowhere");
	strcpy(m.conversation, "c6");
	story_ask(&s, &m, "harmless");
	strcpy(m.destination, "far");
	story_step(&s, "kept from a nearer tier, and another place");
	gate_device(s.w->gate, &(struct msg_DEVICE_STATE){ .power = 1,
							   .battery_pct = 50,
							   .network = 2,
							   .thermal = 1,
							   .locked = POLICY_FALSE,
							   .vpn = POLICY_TRUE });
	strcpy(m.conversation, "c6");
	story_ask(&s, &m, "harmless");
	story_step(&s, "on another device");
	story_is(&s, taints_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_once),   cmocka_unit_test(sends_under_a_rule),
		cmocka_unit_test(a_no),         cmocka_unit_test(other_ends),
		cmocka_unit_test(a_permission), cmocka_unit_test(over_budget),
		cmocka_unit_test(taints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
