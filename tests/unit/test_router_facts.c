/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, what is estimated, and that data is looked into only when that can matter. */
#include "tests/unit/check.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "router/facts.c"

static struct router router;
static struct service service;
static struct config config;
static uv_loop_t loop;
static struct request q;
static const char *header_app, *header_tier, *header_interactive, *header_consent;
static int scans;
#define STRANGER 4000000000u /* no user of this machine has it, one would hope */
static bool scan_finishes;
static char *own_name;
static struct category_count found[] = { { "personal.name", 1 } };

/* ---------------------------------------------------------------- stand-ins */

struct span http_header(const struct http_exchange *x, const char *name)
{
	(void)x;
	if (strcmp(name, "Hither-App") == 0)
		return span_of(header_app);
	if (strcmp(name, "Hither-Max-Tier") == 0)
		return span_of(header_tier);
	if (strcmp(name, "Hither-Interactive") == 0)
		return span_of(header_interactive);
	return span_of(header_consent);
}

static const struct attest_answer *proven;

const struct attest_answer *caller_of(const struct http_exchange *x)
{
	(void)x;
	return proven;
}

unsigned http_header_count(const struct http_exchange *x, const char *name)
{
	return http_header(x, name).ptr != NULL;
}

enum decide_fit fit_of(const struct request *r, uint32_t context_tokens, bool *ret_count)
{
	(void)context_tokens;
	*ret_count = false;
	return r->too_long ? DECIDE_FIT_NO : r->counted ? DECIDE_FIT_YES : DECIDE_FIT_ESTIMATE;
}

void data_scan(struct request *r)
{
	scans++;
	r->facts.scanned = true;
	r->facts.data_known = scan_finishes;
	r->facts.categories = found;
	r->facts.n_categories = scan_finishes;
}

void problem_set(struct chat_problem *p, int status, const char *code, const char *format, ...)
{
	(void)format;
	memset(p, 0, sizeof *p);
	p->status = status;
	snprintf(p->code, sizeof p->code, "%s", code);
}

/* ---------------------------------------------------------------- helpers */

static void ask(const char *prompt, const char *model)
{
	static struct chat_part part;
	static struct chat_message message;

	policy_set_free(q.set);
	arena_free(q.arena);
	memset(&q, 0, sizeof q);
	q.router = &router;
	q.arena = arena_new("test", 8 << 20);
	part = (struct chat_part){ .kind = CHAT_PART_TEXT, .text = span_of(prompt) };
	message = (struct chat_message){ .role = CHAT_USER, .parts = &part, .n_parts = 1 };
	q.chat = (struct chat){ .model = span_of(model),
				.messages = &message,
				.n_messages = 1,
				.text_bytes = part.text.len };
	header_app = header_tier = header_interactive = header_consent = NULL;
	scans = 0;
}

static void peer(const char *listener, uid_t uid)
{
	struct http_peer p = { .uid = uid, .pid = 7, .listener = listener };
	struct http_request r = { .peer = &p };

	facts_who(&q, &r);
}

static void use_policy(const char *text)
{
	struct policy_file *f = NULL;
	struct policy_error e;

	policy_set_free(router.set);
	router.set = NULL;
	if (policy_file_parse(span_of(text), POLICY_USER, "t.json", NULL, 0, &f, &e) != ERR_OK)
		fail_msg("%s: %u:%u %s", text, e.line, e.column, e.problem);
	assert_int_equal(policy_set_build(&f, 1, NULL, 0, &router.set, &e), ERR_OK);
	policy_file_free(f);
}

#define FAR                                                                                    \
	"\"destinations\":{\"far\":{\"tier\":\"cloud\",\"api\":\"openai\","                    \
	"\"base_url\":\"https://far.example/v1\",\"models\":[\"m\"]}},"                        \
	"\"default\":{\"cloud\":\"ask\"}"
#define EASY   "What is the capital of France?"
#define MIDDLE "Prove the sum of a series."
#define HARD                                                                                   \
	"Prove rigorously, by contradiction, that there are infinitely many primes; derive "   \
	"the lemma."

/* ---------------------------------------------------------------- tests */

static void who(void **state)
{
	(void)state;
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(q.who.identity == POLICY_IDENTITY_ANONYMOUS && q.who.interactive,
	      "nobody in particular");
	header_app = "org.example.App";
	peer("api", 1000);
	CHECK(q.who.identity == POLICY_IDENTITY_CLAIMED &&
		      span_is(q.who.app, "org.example.App"),
	      "a header is a claim");
	peer("app:org.example.Own", 1000);
	CHECK(q.who.identity == POLICY_IDENTITY_SOCKET && span_is(q.who.app, "org.example.Own"),
	      "its own socket is worth more, and a header does not change it");
	header_app = "\xff";
	peer("api", 1000);
	CHECK(q.who.identity == POLICY_IDENTITY_ANONYMOUS, "a name must be text");
	header_app = NULL;
	q.chat.app = span_of("from.body");
	header_interactive = "no";
	header_consent = "return";
	peer("api", 1000);
	CHECK(facts_restrict(&q) && span_is(q.who.app, "from.body"),
	      "the body may claim as well");
	CHECK(!q.who.interactive && q.return_question,
	      "background, and drives the question itself");
}

static void tiers(void **state)
{
	(void)state;
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_restrict(&q) && !q.who.restricted, "nothing said");
	header_tier = "trusted";
	CHECK(facts_restrict(&q) && q.who.restricted && q.who.max_tier == POLICY_TIER_TRUSTED,
	      "said");
	q.chat.max_tier = span_of("cloud");
	CHECK(facts_restrict(&q) && q.who.max_tier == POLICY_TIER_TRUSTED,
	      "the lower one counts");
	q.chat.max_tier = span_of("device");
	CHECK(facts_restrict(&q) && q.who.max_tier == POLICY_TIER_DEVICE, "whichever it is");
	header_tier = "moon";
	CHECK(!facts_restrict(&q) && q.problem.status == 400, "not a tier");
	header_tier = NULL;
	q.chat.max_tier = (struct span){ NULL, 0 };
	header_consent = "moon";
	CHECK(!facts_restrict(&q) && q.problem.status == 400, "not a way to be asked");
	header_consent = "hold";
	CHECK(facts_restrict(&q) && !q.return_question, "waits");
}

static void estimates(void **state)
{
	struct policy_request pq;

	(void)state;
	ask(EASY, "auto");
	peer("api", getuid());
	facts_judge(&q);
	CHECK(q.facts.input_tokens >= 7 && q.facts.input_tokens < 30, "a handful of tokens");
	CHECK(q.facts.modality == 1, "text only");
	q.chat.images = 1;
	facts_judge(&q);
	CHECK(q.facts.input_tokens > 1000 && q.facts.modality == 3, "an image is many");
	facts_policy_request(&q, &pq);
	CHECK(pq.modality.known && pq.modality.n == 2 && span_is(pq.modality.items[1], "image"),
	      "named");
	CHECK(!pq.data.known && pq.score.known && pq.time.known,
	      "data is unknown, the rest is not");
	CHECK(own_name == NULL ? pq.user.ptr == NULL : span_is(pq.user, own_name),
	      "our own user has a name");
	CHECK(pq.groups.known == (own_name != NULL), "and groups");
	q.who.uid = STRANGER;
	facts_policy_request(&q, &pq);
	CHECK(pq.user.ptr == NULL && !pq.groups.known, "others are unknown");
	CHECK(pq.device.network == POLICY_NETWORK_UNKNOWN &&
		      pq.device.locked == POLICY_UNKNOWN && !pq.device.battery_pct.known,
	      "nobody has looked at the device");
	surroundings_device(router.around,
			    &(struct msg_DEVICE_STATE){ .battery_pct = 7,
							.network = POLICY_NETWORK_OFFLINE,
							.locked = POLICY_TRUE });
	facts_policy_request(&q, &pq);
	CHECK(pq.device.network == POLICY_NETWORK_OFFLINE && pq.device.locked == POLICY_TRUE,
	      "what boot says of the device counts");
	CHECK(pq.device.battery_pct.known && pq.device.battery_pct.value < 7.5,
	      "in numbers, too");
	surroundings_device(router.around, &(struct msg_DEVICE_STATE){ .battery_pct = 255 });
}

static void lazy(void **state)
{
	(void)state;
	scan_finishes = true;
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR "}");
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_LOCAL && scans == 0,
	      "an easy one is not scanned");
	ask(HARD, "local");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_LOCAL && scans == 0,
	      "nor one that stays anyway");
	ask(HARD, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_ASK && scans == 1,
	      "one that may leave is, once");
	CHECK(facts_verdicts(&q) && scans == 1, "however often it is asked");
	ask(EASY, "auto");
	q.dry = true;
	peer("api", 1000);
	CHECK(facts_decide(&q) && scans == 1, "a dry run shows everything");

	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR
		   ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\","
		   "\"when\":{\"tier\":[\"device\"],\"data\":{\"any\":[\"secret.*\"]}}}]}");
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_LOCAL && scans == 1,
	      "the device itself in doubt: looked into, and allowed");
	scan_finishes = false;
	ask(EASY, "local");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_REFUSE,
	      "a scan that fails leaves it in doubt");
}

static void unknown_data_stays(void **state)
{
	(void)state;
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR ",\"rules\":[{\"id\":\"r\","
		   "\"effect\":\"local_only\",\"when\":{\"data\":{\"any\":[\"secret.*\"]}}}]}");
	scan_finishes = false;
	ask(HARD, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_LOCAL, "what could not be scanned stays");
	scan_finishes = true;
	ask(HARD, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_ASK, "what was, may be asked about");
	ask(HARD, "gpt-4o");
	peer("api", 1000);
	CHECK(!facts_decide(&q) && q.problem.status == 404, "unknown names are 404");
	CHECK(strcmp(q.problem.param, "model") == 0, "and say which field");
}

static void thresholds(void **state)
{
	(void)state;
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR
		   ",\"routing\":{\"escalate_at\":0.05}}");
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_ASK && q.threshold_pm == 50,
	      "the policy's limit comes before the configuration's");
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR "}");
	router.engine_context_tokens = 8;
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_ASK, "too long for the engine asks");
	router.engine_context_tokens = 0;
}

/* What a conversation is, to the table: a first turn, then more of it. */
static void turn(const char *first, const char *next)
{
	static struct chat_message messages[3];
	static struct chat_part parts[3];
	const char *texts[] = { first, "Gladly.", next };
	static const enum chat_role roles[] = { CHAT_USER, CHAT_ASSISTANT, CHAT_USER };

	ask(first, "auto");
	for (int i = 0; i < 3; i++) {
		parts[i] =
			(struct chat_part){ .kind = CHAT_PART_TEXT, .text = span_of(texts[i]) };
		messages[i] = (struct chat_message){ .role = roles[i],
						     .parts = &parts[i],
						     .n_parts = 1 };
	}
	if (next != NULL) {
		q.chat.messages = messages;
		q.chat.n_messages = 3;
	}
	peer("api", 1000);
	assert_true(facts_decide(&q));
}

static void answered_by(size_t destination)
{
	q.plan.destination = destination;
	q.answered = true;
	facts_answered(&q);
}

static void turns_stay(void **state)
{
	float middle;

	(void)state;
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR "}");
	router.turns = turns_new(NULL);
	turn(MIDDLE, NULL);
	middle = q.facts.judged.score;
	config.routing.threshold_pm = (uint16_t)(middle * 1000 - 20);
	turn(EASY, NULL);
	CHECK(q.plan.kind == PLAN_LOCAL, "an easy start");
	turn(EASY, MIDDLE);
	CHECK(q.plan.kind == PLAN_ASK, "nothing was answered yet: the limit is what it is");
	turn(EASY, NULL);
	answered_by(DECIDE_LOCAL);
	answered_by(1); /* a request is answered once */
	turn(EASY, MIDDLE);
	CHECK(q.plan.kind == PLAN_LOCAL && q.threshold_pm == config.routing.threshold_pm + 80,
	      "a little past the limit stays on the device");
	CHECK(strstr(q.plan.reasons[2], "so far") != NULL, "and says why");
	turn(EASY, HARD);
	CHECK(q.plan.kind == PLAN_ASK, "a hard one escalates all the same");
	config.routing.threshold_pm = (uint16_t)(middle * 1000 + 20);
	turn(HARD, NULL);
	answered_by(1);
	turn(HARD, MIDDLE);
	CHECK(q.plan.kind == PLAN_ASK && q.threshold_pm == config.routing.threshold_pm - 80,
	      "a little below the limit stays where the conversation is");
	turn(HARD, EASY);
	CHECK(q.plan.kind == PLAN_LOCAL, "an easy one comes back");
	config.routing.band_pm = 0;
	turn(HARD, MIDDLE);
	CHECK(q.plan.kind == PLAN_LOCAL, "without a band each turn is judged alone");
	config.routing.band_pm = 80;
	q.who.uid = 1001;
	policy_set_free(q.set);
	CHECK(facts_decide(&q) && q.threshold_pm == config.routing.threshold_pm,
	      "another user's conversation is another one");
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR
		   ",\"rules\":[{\"id\":\"r\",\"effect\":\"local_only\"}]}");
	turn(HARD, MIDDLE);
	CHECK(q.plan.kind == PLAN_LOCAL, "the policy comes before all habits");
	config.routing.threshold_pm = 620;
	turns_free(router.turns);
	router.turns = NULL;
}

static void dry_runs_leave_no_trace(void **state)
{
	(void)state;
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR "}");
	router.turns = turns_new(NULL);
	turn(HARD, NULL);
	q.dry = true;
	answered_by(1);
	turn(HARD, EASY);
	CHECK(q.threshold_pm == 620, "asking what would happen changes nothing");
	turns_free(router.turns);
	router.turns = NULL;
}

static void counted_sizes(void **state)
{
	(void)state;
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR "}");
	router.engine_context_tokens = 2048;
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_LOCAL && scans == 0, "it seems to fit");
	CHECK(facts_decide_again(&q, 1234) && q.plan.kind == PLAN_LOCAL, "it does");
	CHECK(q.facts.input_tokens == 1234, "the count replaces the estimate");
	CHECK(facts_decide_again(&q, 0) && q.plan.kind == PLAN_ASK && q.plan.local_possible,
	      "the engine found it too long");
	CHECK(scans == 1, "what may leave is looked into");
	use_policy("{\"hither_policy\":1,\"id\":\"t\"," FAR
		   ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{"
		   "\"tier\":[\"device\"],\"input_tokens\":{\"gt\":1000}}}]}");
	ask(EASY, "auto");
	peer("api", 1000);
	CHECK(facts_decide(&q) && q.plan.kind == PLAN_LOCAL, "short as it seems");
	CHECK(facts_decide_again(&q, 1234) && q.plan.kind == PLAN_ASK,
	      "the policy's limits hold for what was counted");
	router.engine_context_tokens = 0;
}

static void conversations(void **state)
{
	char a[65], b[65], c[65];

	(void)state;
	ask(EASY, "auto");
	peer("api", 1000);
	facts_conversation(&q, a);
	facts_conversation(&q, b);
	CHECK(strlen(a) == 64 && strcmp(a, b) == 0, "the same start, the same conversation");
	q.who.uid = 1001;
	facts_conversation(&q, b);
	CHECK(strcmp(a, b) != 0, "another user, another conversation");
	ask(HARD, "auto");
	peer("api", 1000);
	facts_conversation(&q, c);
	CHECK(strcmp(a, c) != 0, "another prompt, another conversation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who),
		cmocka_unit_test(tiers),
		cmocka_unit_test(estimates),
		cmocka_unit_test(lazy),
		cmocka_unit_test(unknown_data_stays),
		cmocka_unit_test(thresholds),
		cmocka_unit_test(counted_sizes),
		cmocka_unit_test(turns_stay),
		cmocka_unit_test(dry_runs_leave_no_trace),
		cmocka_unit_test(conversations),
	};

	uv_loop_init(&loop);
	config.routing.threshold_pm = 620;
	config.routing.band_pm = 80;
	service.loop = &loop;
	service.config = &config;
	router.service = &service;
	router.around = surroundings_new(NULL);
	own_name = getpwuid(getuid()) != NULL ? strdup(getpwuid(getuid())->pw_name) : NULL;
	if (crypto_init() != ERR_OK || classifier_open(NULL, &router.classifier) != ERR_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	policy_set_free(q.set);
	policy_set_free(router.set);
	arena_free(q.arena);
	surroundings_free(router.around);
	return failed != 0 || arenas_alive() != 0;
}
