/* SPDX-License-Identifier: Apache-2.0 */
/* What consent thinks of one request by itself, and what it says when the answer is no. */
#include "tests/unit/gate_help.h"

#include "consent/gate_impl.h"

#define TOKEN                  "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
#define MAIL                   "anna.schmidt@example.org"
#define RULE(id, effect, more) "{\"id\":\"" id "\",\"effect\":\"" effect "\"" more "}"
#define X50                    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* --- facts --------------------------------------------------------------------------- */

/* What router says counts where nobody else can know; what it does not say is unknown. */
static void facts_of_the_router_reach_the_policy(void **state)
{
	static const struct {
		const char *when;
		bool goes;
	} rows[] = { { "\"confidence\":{\"gte\":0.9}", true },
		     { "\"confidence\":{\"gte\":0.91}", false },
		     { "\"tools\":false", true },
		     { "\"tools\":true", false },
		     { "\"interactive\":true", true },
		     { "\"interactive\":false", false },
		     { "\"task\":[\"chat\"]", true },
		     { "\"task\":[\"code\"]", false },
		     { "\"app\":[\"org.example.App\"]", true },
		     { "\"modality\":[\"text\"]", true },
		     { "\"modality\":[\"image\"]", false } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char policy[1024];

		snprintf(policy, sizeof policy,
			 FAR("\"default\":{\"cloud\":\"deny\"},\"rules\":[{\"id\":\"r\","
			     "\"effect\":\"allow\",\"when\":{%s}}]"),
			 rows[i].when);
		struct world *w = world_new(policy);
		struct msg_ASK m = world_ask(w);

		assert_int_equal(ask_outcome_of(w, &m, "x"),
				 rows[i].goes ? ASK_GRANTED : ASK_DENIED_POLICY);
		world_free(w);
	}
}

static void what_the_router_does_not_know_is_unknown(void **state)
{
	static const char *const whens[] = {
		"\"confidence\":{\"gte\":0}",    "\"score\":{\"gte\":0}",
		"\"interactive\":true",          "\"task\":[\"chat\",\"code\"]",
		"\"app\":[\"org.example.App\"]", "\"modality\":[\"text\"]"
	};

	(void)state;
	for (size_t i = 0; i < LEN(whens); i++) {
		char policy[1024];

		snprintf(policy, sizeof policy,
			 FAR("\"default\":{\"cloud\":\"deny\"},\"rules\":[{\"id\":\"r\","
			     "\"effect\":\"allow\",\"when\":{%s}}]"),
			 whens[i]);
		struct world *w = world_new(policy);
		struct msg_ASK m = world_ask(w);

		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
		m.confidence_pm = m.score_pm = 65535;
		m.interactive = 2;
		m.task[0] = m.app[0] = '\0';
		m.modality = 0;
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
		/* And so the records say. */
		struct newest f = newest_of(w, RECORD_DENIED);
		assert_int_equal(f.r.input_tokens, 20);
		assert_true(f.r.score_pm == RECORD_ABSENT);
		assert_true(f.r.confidence_pm == RECORD_ABSENT);
		arena_free(f.arena);
		world_free(w);
	}
}

/* A body with tools has tools, whatever router says of it; and the other way round. */
static void tools_are_seen_on_both_sides(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"no-tools\","
		    "\"effect\":\"deny\",\"when\":{\"tools\":true}}]"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	m.tools = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	m.tools = 0;
	m.request_id = w->next_request++;
	assert_true(world_put_raw(
		w, &m, SPAN_LITERAL("{\"model\":\"big-1\",\"messages\":[],\"tools\":[{}]}"),
		(struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	world_free(w);
}

/* --- what is said of a no -------------------------------------------------------------- */

static void the_rules_are_named_as_far_as_there_is_room(void **state)
{
	struct buf policy;
	struct world *w;
	struct msg_ASK m;

	(void)state;
	buf_init(&policy, 1 << 16);
	buf_add_str(&policy, FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
				     "first", "deny",
				     "") "," RULE("second", "deny",
						  ",\"when\":{\"user\":[\"nobody\"]}") "]"));
	w = world_new(buf_cstr(&policy));
	m = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->rules, "first");
	world_set_policy(w, FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
				    "first", "deny", "") "," RULE("second", "deny", "") "]"));
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->rules, "first,second");
	buf_clear(&policy);
	buf_add_str(&policy,
		    "{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		    "\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\","
		    "\"models\":[\"big-1\"]}},\"rules\":[");
	for (unsigned i = 0; i < 20; i++)
		buf_printf(&policy, "%s{\"id\":\"rule-%02u-" X50 "\",\"effect\":\"deny\"}",
			   i > 0 ? "," : "", i);
	buf_add_str(&policy, "]}");
	world_set_policy(w, buf_cstr(&policy));
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	const char *rules = last(w, &m)->rules;
	/* 58 bytes and a comma each: eight of them, whole. */
	assert_int_equal(strlen(rules), 8 * 58 + 7);
	assert_int_equal(strncmp(rules + 7 * 59, "rule-07-", 8), 0);
	buf_free(&policy);
	world_free(w);
}

/* The author's words are cut where they are too long, and never inside a character. */
static void the_authors_words_are_cut_between_characters(void **state)
{
	static const char long_words[] =
		FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
			"r", "deny", ",\"because\":\"" X50 X50 X50 "tail\"") "]");
	static const char accents[] = FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
		"r", "deny",
		",\"because\":\"" X50 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"\xE2\x82\xAC\"") "]");
	struct world *w = world_new(long_words);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "policy says no (r: " X50 X50 X50 ")");
	world_set_policy(w, accents); /* 149 letters, then three bytes of one character */
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "policy says no (r: " X50 X50
			    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)");
	world_set_policy(w, DENIES);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "policy says no (user:default)");
	world_free(w);
}

static void each_obstacle_has_its_words(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	strcpy(m.destination, "elsewhere");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "there is no destination elsewhere");
	strcpy(m.destination, "local");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "local is on this device and needs no consent");
	m = world_ask(w);
	strcpy(m.model, "huge");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "huge is not a model that policy names for far");
	strcpy(m.model, "big-2");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "the body names another model than the request");
	m = world_ask(w);
	m.streaming = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "the body disagrees with the request about streaming");
	m = world_ask(w);
	m.request_id = w->next_request++;
	assert_true(world_put_raw(w, &m, SPAN_LITERAL("{}"), (struct span){ NULL, 0 }));
	assert_string_equal(last(w, &m)->detail,
			    "the body names another model than the request");
	m.request_id = w->next_request++;
	assert_true(world_put_raw(w, &m, SPAN_LITERAL("["), (struct span){ NULL, 0 }));
	assert_int_equal(strncmp(last(w, &m)->detail, "the outgoing body cannot be read: ", 34),
			 0);
	assert_int_equal(w->n_sends, 0);
	world_free(w);
}

static void obligations_that_are_not_met_keep_it_here(void **state)
{
	struct world *w = world_new(
		FAR("\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"with\":{\"strip\":"
		    "[\"tools\"],\"redact\":[\"secret.*\"],\"log\":\"full\"}}]"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	m.request_id = w->next_request++;
	assert_true(world_put_raw(
		w, &m, SPAN_LITERAL("{\"model\":\"big-1\",\"messages\":[],\"tools\":[{}]}"),
		(struct span){ NULL, 0 }));
	assert_string_equal(last(w, &m)->detail,
			    "the request does not meet an obligation: tools must be stripped");
	assert_int_equal(ask_outcome_of(w, &m, "a token " TOKEN), ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &m)->detail, "must be masked and is still in the text"));
	assert_int_equal(ask_outcome_of(w, &m, "nothing"), ASK_GRANTED);
	world_free(w);
}

/* --- forms ----------------------------------------------------------------------------- */

static void without_a_form_nothing_leaves(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_true(world_put_policy(
		w,
		world_policies(FAR("\"default\":{\"cloud\":\"allow\"},\"consent\":{\"modes\":["
				   "\"as_is\"]}"),
			       "{\"hither_policy\":1,\"id\":\"m\",\"consent\":{\"modes\":["
			       "\"redacted\"]}}")));
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "policy allows no form in which this text could be sent");
	world_free(w);
}

/* Nothing was masked: the text is what it is, whichever word policy has for it. */
static void what_needs_no_mask_goes_in_the_form_there_is(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"allow\"},\"consent\":{\"modes\":[\"as_is\"]}"));
	struct msg_ASK m = world_ask(w);
	struct newest f;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	f = newest_of(w, RECORD_GRANTED);
	assert_string_equal(f.r.mode, "as_is");
	arena_free(f.arena);
	/* What was masked goes so without a question, or not at all. */
	strcpy(m.masked, "personal.contact.email=1");
	assert_int_equal(ask_masked(w, &m, "write to [EMAIL-1]", "write to " MAIL),
			 ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail,
			    "without a question only the masked text may be sent, and policy "
			    "excludes that");
	world_set_policy(w, ALLOWS);
	assert_int_equal(ask_masked(w, &m, "write to [EMAIL-1]", "write to " MAIL),
			 ASK_GRANTED);
	assert_null(strstr(w->sends[w->n_sends - 1].body, MAIL));
	world_free(w);
}

/* A secret goes masked or stays; it is not offered as it is. */
static void a_secret_is_never_offered_as_it_is(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	strcpy(m.masked, "secret.token=1");
	assert_int_equal(ask_masked(w, &m, "a token [TOKEN-1]", "a token " TOKEN), ASK_PENDING);
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){ .word = GATE_APPROVE, .mode = "as_is" });
	assert_int_equal(r.status, 422);
	assert_string_equal(r.message,
			    "this text cannot be sent in that form; the question offers: "
			    "redacted");
	strcpy(m.masked, "personal.contact.email=1");
	assert_int_equal(ask_masked(w, &m, "write to [EMAIL-1]", "write to " MAIL),
			 ASK_PENDING);
	r = answered(w, last(w, &m)->question,
		     (struct gate_response){ .word = GATE_APPROVE, .mode = "sideways" });
	assert_string_equal(r.message,
			    "this text cannot be sent in that form; the question offers: "
			    "redacted, as_is");
	world_free(w);
}

static void proof_is_wanted_for_what_policy_names(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"strong_auth_for\":["
		    "\"secret.*\",\"personal.contact.email\"]}"));
	struct msg_ASK m = world_ask(w);
	struct msg_DEVICE_STATE able = { .battery_pct = 255, .strong = POLICY_TRUE };

	(void)state;
	assert_false(gate_strong_auth(w->gate));
	assert_int_equal(ask_outcome_of(w, &m, "at 192.168.7.41 and " MAIL), ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &m)->detail, "strong_auth_for"));
	assert_int_equal(ask_outcome_of(w, &m, "nothing of the kind"), ASK_PENDING);
	gate_device(w->gate, &able);
	assert_true(gate_strong_auth(w->gate));
	assert_int_equal(ask_outcome_of(w, &m, "at 192.168.7.41 and " MAIL), ASK_PENDING);
	world_free(w);
}

/* Who is to be told afterwards must be there, unless they are asked anyway. */
static void who_is_asked_needs_not_be_told(void **state)
{
	struct world *w = world_new(
		FAR("\"rules\":[{\"id\":\"r\",\"effect\":\"ask\",\"with\":{\"notify\":"
		    "\"after\"}}],\"consent\":{\"no_agent\":\"hold\"}"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	w->somebody = false;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	world_set_policy(w, FAR("\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"with\":{"
				"\"notify\":\"after\"}}]"));
	m = world_ask(w);
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_DENIED_POLICY);
	assert_non_null(strstr(last(w, &m)->detail, "nobody is there to tell"));
	world_free(w);
}

/* --- budgets --------------------------------------------------------------------------- */

#define BUDGETED(default_, limit, exceed)                                                      \
	FAR("\"default\":{\"cloud\":\"" default_ "\"},\"budgets\":[{\"id\":\"b\",\"scope\":["  \
	    "\"user\"],\"window\":\"day\"," limit ",\"on_exceed\":\"" exceed "\"}]")

static void over_a_budget_it_is_asked_refused_or_kept(void **state)
{
	struct world *w = world_new(BUDGETED("allow", "\"max_requests\":1", "refuse"));
	struct msg_ASK m = world_ask(w);
	cJSON *q;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_BUDGET);
	assert_int_equal(last(w, &m)->fallback, 1);
	assert_string_equal(last(w, &m)->detail,
			    "budget b would be exceeded; what was spent: hither ledger left");
	world_set_policy(w, BUDGETED("allow", "\"max_requests\":1", "local"));
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_BUDGET);
	assert_int_equal(last(w, &m)->fallback, 0);
	world_set_policy(w, BUDGETED("allow", "\"max_requests\":1", "ask"));
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_string_equal(json_get_string(q, "over_budget"), "b");
	cJSON_Delete(q);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, NULL).status, 200);
	assert_int_equal(w->n_sends, 2);
	assert_int_equal(world_records(w, RECORD_OVER_BUDGET, NULL), 2);
	world_free(w);
}

/* A permission is not for more than the budget: then the person is asked again. */
static void a_permission_ends_where_the_budget_does(void **state)
{
	struct world *w = world_new(BUDGETED("ask", "\"max_requests\":2", "ask"));
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, true, "session").status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_GRANTED);
	assert_int_equal(ask_outcome_of(w, &m, "three"), ASK_PENDING);
	world_free(w);
}

/* --- permissions and refusals ------------------------------------------------------------ */

static void a_permission_for_the_text_as_it_is_sends_that(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	strcpy(m.masked, "personal.contact.email=1");
	assert_int_equal(ask_masked(w, &m, "write to [EMAIL-1]", "write to " MAIL),
			 ASK_PENDING);
	assert_int_equal(answered(w, last(w, &m)->question,
				  (struct gate_response){ .word = GATE_APPROVE,
							  .mode = "as_is",
							  .scope = "session" })
				 .status,
			 200);
	assert_int_equal(ask_masked(w, &m, "once more [EMAIL-1]", "once more " MAIL),
			 ASK_GRANTED);
	assert_non_null(strstr(w->sends[w->n_sends - 1].body, "once more " MAIL));
	world_free(w);
}

static void a_no_says_how_to_lift_it(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, false, "session");
	assert_int_equal(r.status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "two"), ASK_REFUSED);
	assert_non_null(strstr(last(w, &m)->detail, "you said no to this app at "));
	assert_non_null(strstr(last(w, &m)->detail, r.permission));
	/* Each kind of no by its own words. */
	strcpy(m.app, "org.example.Texts");
	assert_int_equal(ask_outcome_of(w, &m, "this"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "this"), ASK_REFUSED);
	assert_non_null(strstr(last(w, &m)->detail, "you said no to exactly this text at "));
	strcpy(m.app, "org.example.Talks");
	strcpy(m.conversation, "c");
	assert_int_equal(ask_outcome_of(w, &m, "that"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "and more"), ASK_REFUSED);
	assert_non_null(strstr(last(w, &m)->detail, "you said no in this conversation at "));
	strcpy(m.app, "org.example.Asks");
	m.conversation[0] = '\0';
	for (char text[] = "1"; text[0] < '4'; text[0]++) {
		assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
		assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status,
				 200);
	}
	assert_int_equal(ask_outcome_of(w, &m, "a fourth"), ASK_REFUSED);
	assert_non_null(
		strstr(last(w, &m)->detail, "you said no three times to this kind of "));
	world_free(w);
}

/* --- taint ----------------------------------------------------------------------------- */

#define STAYS                                                                                  \
	FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"mail-stays\",\"effect\":"  \
	    "\"local_only\",\"when\":{\"data\":{\"any\":[\"personal.contact.email\"]}}},{"     \
	    "\"id\":\"never\",\"effect\":\"deny\",\"when\":{\"task\":[\"code\"]}}]")
#define CONVERSATION "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static unsigned taints(struct world *w)
{
	return world_records(w, RECORD_TAINTED, NULL);
}

static void only_data_taints_a_conversation(void **state)
{
	struct world *w = world_new(STAYS);
	struct msg_ASK m = world_ask(w);

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 0); /* no conversation */
	strcpy(m.conversation, CONVERSATION);
	strcpy(m.task, "code");
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 0); /* denied with or without */
	assert_int_equal(ask_outcome_of(w, &m, "nothing"), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 0); /* and nothing was found */
	strcpy(m.task, "chat");
	m.request_id = w->next_request++;
	assert_true(world_put_raw(w, &m, SPAN_LITERAL("[]"), (struct span){ NULL, 0 }));
	assert_int_equal(taints(w), 0); /* nor could it be read */
	m.request_id = w->next_request++;
	assert_true(world_put_raw(w, &m,
				  SPAN_LITERAL("{\"model\":\"big-1\",\"messages\":[{\"type\":"
					       "\"image\",\"text\":\"" MAIL "\"}]}"),
				  (struct span){ NULL, 0 }));
	assert_int_equal(last(w, &m)->outcome, ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 0); /* nobody knows what is in it */
	assert_int_equal(ask_outcome_of(w, &m, "nothing"), ASK_GRANTED);
	/* An obligation that is not met is no word of policy against the data. */
	world_set_policy(w, FAR("\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"with\":{"
				"\"redact\":[\"personal.*\"]}}]"));
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 0);
	world_set_policy(w, STAYS);
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 1);
	assert_int_equal(ask_outcome_of(w, &m, "nothing"), ASK_DENIED_POLICY);
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 1); /* it is known */
	world_free(w);
}

static void a_taint_needs_a_ledger_and_a_refusal_is_none(void **state)
{
	struct world *w = world_new(STAYS);
	struct msg_ASK m = world_ask(w);
	struct msg_DECIDED none = { .uid = (uint32_t)getuid(), .kept = POLICY_TIER_CLOUD };

	(void)state;
	gate_decided(w->gate, &none); /* a conversation without a name is none */
	none.kept = POLICY_TIER_DEVICE;
	strcpy(none.conversation, CONVERSATION);
	gate_decided(w->gate, &none); /* kept from nowhere */
	assert_int_equal(taints(w), 0);
	strcpy(m.conversation, CONVERSATION);
	assert_int_equal(ask_outcome_of(w, &m, "nothing"), ASK_GRANTED);
	fault_arm(1, true);
	gate_cloud_gone(w->gate);
	world_pass(w, 100); /* its end is to be written */
	fault_arm(0, false);
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	world_pass(w, 2000);
	assert_true(gate_status(w->gate).ledger_ok);
	assert_int_equal(taints(w), 0);
	/* Three refusals in a row stand against the app; the conversation is tainted all the
	 * same. */
	world_set_policy(w, ASKS);
	m.conversation[0] = '\0';
	for (unsigned i = 0; i < 3; i++) {
		char text[16];

		snprintf(text, sizeof text, "no %u", i);
		assert_int_equal(ask_outcome_of(w, &m, text), ASK_PENDING);
		assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status,
				 200);
	}
	assert_int_equal(ask_outcome_of(w, &m, "again"), ASK_REFUSED);
	world_set_policy(w, STAYS);
	strcpy(m.conversation, CONVERSATION);
	assert_int_equal(ask_outcome_of(w, &m, "write to " MAIL), ASK_DENIED_POLICY);
	assert_int_equal(taints(w), 1);
	world_free(w);
}

/* --- before there is a policy, or a ledger ------------------------------------------------ */

static void without_a_policy_nothing_leaves(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct gate_setup setup = {
		.state_dir = w->state_dir, .session = "test", .io = &world_io, .ctx = w
	};
	struct msg_ASK m = world_ask(w);
	struct policy_set *blind;

	(void)state;
	gate_free(w->gate);
	w->gate = gate_new(&setup);
	assert_non_null(w->gate);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "no policy is in force");
	assert_null(gate_policy_set(w->gate));
	struct buf out;
	buf_init(&out, 1024);
	gate_write_budgets(w->gate, &out);
	assert_string_equal(buf_cstr(&out), "{\"schema\":\"hither.budgets/1\",\"budgets\":[]}");
	buf_free(&out);
	/* Nor with one whose detectors cannot be built. */
	blind = world_policies(FAR("\"default\":{\"cloud\":\"allow\"},\"categories\":{"
				   "\"company.staff\":{\"regex\":\"(unclosed\"}}"),
			       NULL);
	assert_false(world_put_policy(w, blind));
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_DENIED_POLICY);
	assert_string_equal(last(w, &m)->detail, "no policy is in force");
	assert_int_equal(w->n_sends, 0);
	world_set_policy(w, ALLOWS);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_the_router_reach_the_policy),
		cmocka_unit_test(what_the_router_does_not_know_is_unknown),
		cmocka_unit_test(tools_are_seen_on_both_sides),
		cmocka_unit_test(the_rules_are_named_as_far_as_there_is_room),
		cmocka_unit_test(the_authors_words_are_cut_between_characters),
		cmocka_unit_test(each_obstacle_has_its_words),
		cmocka_unit_test(obligations_that_are_not_met_keep_it_here),
		cmocka_unit_test(without_a_form_nothing_leaves),
		cmocka_unit_test(what_needs_no_mask_goes_in_the_form_there_is),
		cmocka_unit_test(a_secret_is_never_offered_as_it_is),
		cmocka_unit_test(proof_is_wanted_for_what_policy_names),
		cmocka_unit_test(who_is_asked_needs_not_be_told),
		cmocka_unit_test(over_a_budget_it_is_asked_refused_or_kept),
		cmocka_unit_test(a_permission_ends_where_the_budget_does),
		cmocka_unit_test(a_permission_for_the_text_as_it_is_sends_that),
		cmocka_unit_test(a_no_says_how_to_lift_it),
		cmocka_unit_test(only_data_taints_a_conversation),
		cmocka_unit_test(a_taint_needs_a_ledger_and_a_refusal_is_none),
		cmocka_unit_test(without_a_policy_nothing_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
