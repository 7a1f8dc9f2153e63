/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs are shown: questions, permissions, budgets, figures. */
#include "tests/unit/gate_help.h"

#include "consent/gate_impl.h"

#define MAIL "anna.schmidt@example.org"

static cJSON *parsed(const struct buf *b)
{
	struct json_where where;
	cJSON *root = NULL;

	assert_int_equal(json_parse(buf_span(b), &json_limits_file, &root, &where), ERR_OK);
	return root;
}

static bool null_in(const cJSON *o, const char *key)
{
	return cJSON_IsNull(json_get(o, key));
}

/* A word of the question; "" when it is null. */
static const char *word(const cJSON *q, const char *key)
{
	return json_get_string(q, key) != NULL ? json_get_string(q, key) : "";
}

static void a_question_says_everything_there_is(void **state)
{
	struct world *w = world_new(FAR("\"default\":{\"cloud\":\"ask\"}"));
	struct msg_ASK m = world_ask(w);
	struct buf b;
	cJSON *q;

	(void)state;
	strcpy(m.masked, "personal.contact.email=1,secret.token=2");
	m.attachments = 1;
	assert_int_equal(ask_masked(w, &m, "to [EMAIL-1] [TOKEN-1]", "to " MAIL), ASK_PENDING);
	buf_init(&b, 1 << 20);
	assert_true(
		gate_write_question(w->gate, (uint32_t)getuid(), last(w, &m)->question, &b));
	q = parsed(&b);
	assert_string_equal(word(q, "schema"), "hither.consent/1");
	assert_string_equal(word(q, "id"), last(w, &m)->question);
	assert_string_equal(word(q, "state"), "open");
	assert_string_equal(word(q, "app"), "org.example.App");
	assert_string_equal(word(q, "identity"), "claimed");
	assert_string_equal(word(q, "identity_words"),
			    "says it is this program; that was not checked");
	assert_string_equal(word(q, "destination"), "far");
	assert_string_equal(word(q, "tier"), "cloud");
	assert_string_equal(word(q, "operator"), "Far Inc");
	assert_string_equal(word(q, "region"), "eu");
	assert_string_equal(word(q, "model"), "big-1");
	assert_string_equal(word(q, "why"), "too hard for the model on this device");
	assert_string_equal(word(q, "task"), "chat");
	assert_string_equal(word(q, "rules"), "user:default");
	assert_non_null(strstr(buf_cstr(&b), "\"retention_days\":30,\"trains\":false,"));
	assert_non_null(strstr(buf_cstr(&b), "\"score\":0.800,\"threshold\":0.500,"));
	assert_non_null(strstr(buf_cstr(&b), "\"messages\":1,\"attachments\":1,"
					     "\"input_tokens\":20,"));
	assert_non_null(strstr(buf_cstr(&b),
			       "\"masked\":[{\"name\":\"personal.contact.email\",\"count\":1},"
			       "{\"name\":\"secret.token\",\"count\":2}]"));
	assert_non_null(strstr(buf_cstr(&b), "\"scopes\":[\"once\",\"session\"],\"modes\":["
					     "\"redacted\"],\"reason_required\":false,"
					     "\"strong_auth\":false,"));
	assert_non_null(strstr(buf_cstr(&b), "\"age_ms\":0,\"expires_in_ms\":60000,"));
	assert_true(null_in(q, "proxy") && null_in(q, "privacy_url"));
	assert_true(null_in(q, "budget_left") && null_in(q, "over_budget"));
	assert_non_null(strstr(word(q, "original"), MAIL));
	assert_int_equal(strlen(word(q, "original_digest")), strlen("sha256:") + 64);
	/* 22 and 100 of the mask's and at most as many bytes: the upper bound is the longer's.
	 */
	const cJSON *price = json_get_object(q, "price");
	assert_string_equal(json_get_string(price, "currency"), "EUR");
	assert_true(json_get(price, "estimate")->valuedouble > 0.000219 &&
		    json_get(price, "estimate")->valuedouble < 0.000221);
	double most = ((double)strlen(word(q, "original")) + 200) / 1e6;
	assert_true(json_get(price, "upper_bound")->valuedouble > most - 1e-9 &&
		    json_get(price, "upper_bound")->valuedouble < most + 1e-9);
	cJSON_Delete(q);
	buf_free(&b);
	world_free(w);
}

static void what_is_not_known_is_null(void **state)
{
	static const char bare[] =
		"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":"
		"\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/v1\"}},"
		"\"default\":{\"cloud\":\"ask\"}}";
	struct world *w = world_new(bare);
	struct msg_ASK m = world_ask(w);
	cJSON *q;

	(void)state;
	m.app[0] = m.task[0] = '\0';
	m.score_pm = 1001;
	m.identity = POLICY_IDENTITY_ANONYMOUS;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_true(null_in(q, "app") && null_in(q, "task") && null_in(q, "score"));
	assert_true(null_in(q, "operator") && null_in(q, "region"));
	assert_true(null_in(q, "retention_days") && null_in(q, "trains"));
	assert_true(null_in(q, "price") && null_in(q, "original"));
	assert_true(null_in(q, "original_digest"));
	assert_string_equal(word(q, "identity_words"), "did not say who it is");
	cJSON_Delete(q);
	world_free(w);
}

static void each_identity_has_its_words(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	cJSON *q;

	(void)state;
	m.identity = POLICY_IDENTITY_ATTESTED;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_string_equal(word(q, "identity_words"), "identified by the system");
	cJSON_Delete(q);
	m.identity = POLICY_IDENTITY_SOCKET;
	m.score_pm = 1000;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_string_equal(word(q, "identity_words"), "identified by its own socket");
	assert_true(json_get(q, "score")->valuedouble > 0.999);
	cJSON_Delete(q);
	world_free(w);
}

#define PLACED(more)                                                                           \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"base_url\":\"https://far.example/v1\"" more "}},"                \
	"\"default\":{\"cloud\":\"ask\"}}"

static void what_the_place_does_is_said(void **state)
{
	struct world *w = world_new(PLACED(",\"trains\":true,\"proxy\":\"none\","
					   "\"privacy_url\":\"https://far.example/privacy\""));
	struct msg_ASK m = world_ask(w);
	cJSON *q;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_true(cJSON_IsTrue(json_get(q, "trains")));
	assert_true(null_in(q, "proxy"));
	assert_string_equal(word(q, "privacy_url"), "https://far.example/privacy");
	cJSON_Delete(q);
	struct newest f = newest_of(w, RECORD_INTENT);
	assert_string_equal(f.r.trains, "yes");
	assert_true(f.r.retention_days == RECORD_ABSENT);
	arena_free(f.arena);
	world_set_policy(w, PLACED(",\"trains\":false,\"retention_days\":0,\"proxy\":"
				   "\"http://proxy.example:8080\""));
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_true(cJSON_IsFalse(json_get(q, "trains")));
	assert_string_equal(word(q, "proxy"), "http://proxy.example:8080");
	assert_true(cJSON_IsNumber(json_get(q, "retention_days")));
	cJSON_Delete(q);
	f = newest_of(w, RECORD_INTENT);
	assert_string_equal(f.r.trains, "no");
	assert_int_equal(f.r.retention_days, 0);
	arena_free(f.arena);
	world_set_policy(w, PLACED(""));
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_PENDING);
	f = newest_of(w, RECORD_INTENT);
	assert_string_equal(f.r.trains, "unknown");
	arena_free(f.arena);
	world_free(w);
}

static void what_is_left_of_a_budget_is_said(void **state)
{
	struct world *w = world_new(
		FAR("\"default\":{\"cloud\":\"ask\"},\"budgets\":[{\"id\":\"b\",\"scope\":["
		    "\"user\"],\"window\":\"day\",\"max_cost\":{\"amount\":2.5,\"currency\":"
		    "\"EUR\"},\"on_exceed\":\"ask\"}]"));
	struct msg_ASK m = world_ask(w);
	const cJSON *left;
	struct buf b;
	cJSON *q;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	left = json_get_object(q, "budget_left");
	assert_string_equal(json_get_string(left, "currency"), "EUR");
	assert_true(json_get(left, "amount")->valuedouble > 2.499 &&
		    json_get(left, "amount")->valuedouble < 2.501);
	cJSON_Delete(q);
	buf_init(&b, 1 << 16);
	gate_write_budgets(w->gate, &b);
	q = parsed(&b);
	assert_string_equal(json_get_string(q, "schema"), "hither.budgets/1");
	assert_int_equal(cJSON_GetArraySize(json_get_array(q, "budgets")), 1);
	cJSON_Delete(q);
	buf_free(&b);
	world_free(w);
}

/* --- over, and other people's ------------------------------------------------------------- */

static void a_question_that_is_over_says_how_it_ended(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];
	struct buf b;
	cJSON *q;

	(void)state;
	buf_init(&b, 1 << 16);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	id_of(w, &m, id);
	assert_false(gate_write_question(w->gate, (uint32_t)getuid() + 1, id, &b));
	assert_false(gate_write_question(w->gate, (uint32_t)getuid(), "no such", &b));
	assert_int_equal(b.len, 0);
	world_pass(w, 5000);
	q = world_question(w, id);
	assert_int_equal(json_get(q, "age_ms")->valueint, 5000);
	assert_int_equal(json_get(q, "expires_in_ms")->valueint, 55000);
	cJSON_Delete(q);
	w->wall_ms -= 60000; /* the clock is set back: never younger than new */
	q = world_question(w, id);
	assert_int_equal(json_get(q, "age_ms")->valueint, 0);
	cJSON_Delete(q);
	w->wall_ms += 60000;
	world_pass(w, 55000);
	q = world_question(w, id);
	assert_string_equal(word(q, "state"), "expired");
	assert_string_equal(word(q, "app"), "org.example.App");
	assert_string_equal(word(q, "destination"), "far");
	assert_string_equal(word(q, "model"), "big-1");
	assert_null(json_get(q, "body"));
	assert_int_equal(json_get(q, "bytes")->valueint, 0);
	assert_int_equal(json_get(q, "expires_in_ms")->valueint, 0);
	assert_int_equal(json_get(q, "waiting")->valueint, 0);
	cJSON_Delete(q);
	m.app[0] = '\0';
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_PENDING);
	id_of(w, &m, id);
	assert_int_equal(world_respond(w, id, false, NULL).status, 200);
	q = world_question(w, id);
	assert_string_equal(word(q, "state"), "denied");
	assert_true(null_in(q, "app"));
	cJSON_Delete(q);
	buf_free(&b);
	world_free(w);
}

static void a_yes_that_waits_says_so(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	char id[TEXT_ULID_BYTES];

	(void)state;
	m.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	id_of(w, &m, id);
	assert_string_equal(world_respond(w, id, true, NULL).outcome, "approved");
	question_is(w, id, "approved");
	/* A second answer comes too late, whatever it says. */
	struct gate_result r = world_respond(w, id, false, NULL);
	assert_int_equal(r.status, 409);
	assert_string_equal(r.code, "already_decided");
	assert_non_null(strstr(r.message, "is over: approved"));
	world_free(w);
}

static void the_list_has_what_can_be_answered(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w), behind = m, other = m, over = m;
	struct buf b;
	cJSON *root;

	(void)state;
	strcpy(over.app, "org.example.Over");
	assert_int_equal(ask_outcome_of(w, &over, "x"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &over)->question, false, NULL).status, 200);
	strcpy(over.app, "org.example.Kept");
	over.on_question = 1;
	assert_int_equal(ask_outcome_of(w, &over, "x"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &over)->question, true, NULL).status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "one"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &behind, "two"), ASK_PENDING);
	other.uid++;
	assert_int_equal(ask_outcome_of(w, &other, "three"), ASK_PENDING);
	buf_init(&b, 1 << 16);
	gate_write_questions(w->gate, (uint32_t)getuid(), &b);
	root = parsed(&b);
	assert_string_equal(json_get_string(root, "schema"), "hither.consents/1");
	const cJSON *list = json_get_array(root, "consents");
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_string_equal(json_get_string(cJSON_GetArrayItem(list, 0), "state"), "open");
	assert_string_equal(json_get_string(cJSON_GetArrayItem(list, 1), "state"), "queued");
	assert_int_equal(json_get(cJSON_GetArrayItem(list, 0), "waiting")->valueint, 1);
	assert_true(json_get(cJSON_GetArrayItem(list, 0), "bytes")->valueint > 10);
	assert_int_equal(gate_pending(w->gate), 3);
	assert_int_equal(gate_status(w->gate).pending, 3);
	cJSON_Delete(root);
	buf_free(&b);
	world_free(w);
}

/* What was shown is pinned: an answer without room to write it all pins nothing new. */
static void what_was_shown_is_pinned_whole(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct question *q;
	char before[CRYPTO_SHA256_HEX_BYTES];
	struct crypto_sha256 shown;
	struct buf b;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	q = question_find(w->gate, last(w, &m)->question);
	assert_string_equal(q->notice_sha256, "");
	cJSON_Delete(world_question(w, q->id));
	assert_int_equal(strlen(q->notice_sha256), 64);
	memcpy(before, q->notice_sha256, sizeof before);
	world_pass(w, 1000);
	buf_init(&b, 100);
	assert_true(gate_write_question(w->gate, (uint32_t)getuid(), q->id, &b));
	assert_true(b.failed);
	assert_string_equal(q->notice_sha256, before);
	buf_free(&b);
	cJSON_Delete(world_question(w, q->id));
	assert_string_not_equal(q->notice_sha256, before); /* there is less time now */
	/* It is the digest of the question, without what the buffer had before it. */
	buf_init(&b, 1 << 20);
	buf_add_str(&b, "before ");
	assert_true(gate_write_question(w->gate, (uint32_t)getuid(), q->id, &b));
	crypto_sha256(span_of(buf_cstr(&b) + strlen("before ")), &shown);
	crypto_sha256_hex(&shown, before);
	assert_string_equal(q->notice_sha256, before);
	buf_free(&b);
	world_free(w);
}

static void permissions_are_listed_with_commas(void **state)
{
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	struct buf b;
	cJSON *root;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(m.app, sizeof m.app, "app%u", i);
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
		assert_int_equal(
			world_respond(w, last(w, &m)->question, true, "session").status, 200);
	}
	buf_init(&b, 1 << 16);
	gate_write_grants(w->gate, (uint32_t)getuid(), &b);
	root = parsed(&b);
	assert_int_equal(cJSON_GetArraySize(json_get_array(root, "grants")), 2);
	assert_int_equal(json_get(cJSON_GetArrayItem(json_get_array(root, "grants"), 0), "uses")
				 ->valueint,
			 1);
	cJSON_Delete(root);
	buf_free(&b);
	world_free(w);
}

/* --- figures ------------------------------------------------------------------------------ */

static void line(const char *page, const char *name, uint64_t value)
{
	char text[200];

	snprintf(text, sizeof text, "\n%s %" PRIu64 "\n", name, value);
	if (strstr(page, text) == NULL)
		fail_msg("no %s %" PRIu64, name, value);
}

static unsigned samples(const char *page, const char *family)
{
	unsigned n = 0;

	for (const char *at = page; (at = strstr(at, family)) != NULL; at++)
		n += at[-1] == '\n';
	return n;
}

static void every_figure_has_its_line(void **state)
{
	struct world *w = world_new(ALLOWS);
	struct msg_ASK m = world_ask(w), waiting = m;
	struct msg_DECIDED d = { .tier = POLICY_TIER_TRUSTED };
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_GRANTED);
	world_sent(w, 0, SEND_COMPLETE, 1, 1);
	world_sent(w, 1, SEND_CUT, 1, 1);
	assert_int_equal(gate_status(w->gate).sending, 2);
	gate_cloud_gone(w->gate);
	assert_int_equal(gate_status(w->gate).sending, 0);
	gate_decided(w->gate, &d);
	gate_overload(w->gate, &(struct msg_OVERLOAD){ .queue = 5 });
	gate_overload(w->gate, &(struct msg_OVERLOAD){ .ledger = 2, .memory = 7 });
	world_set_policy(w, ASKS);
	assert_int_equal(ask_outcome_of(w, &waiting, "y"), ASK_PENDING);
	assert_int_equal(ask_outcome_of(w, &m, "z"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	world_pass(w, 1000);
	buf_init(&b, 1 << 16);
	gate_write_metrics(w->gate, &b);
	const char *page = buf_cstr(&b);
	line(page, "hither_consent_requests_total{outcome=\"granted\"}", 4);
	line(page, "hither_consent_requests_total{outcome=\"refused\"}", 2);
	line(page, "hither_consent_requests_total{outcome=\"unreachable\"}", 0);
	line(page, "hither_consent_pending", 0);
	line(page, "hither_sends_total{outcome=\"complete\"}", 1);
	line(page, "hither_sends_total{outcome=\"cut\"}", 1);
	line(page, "hither_sends_total{outcome=\"refused\"}", 0);
	line(page, "hither_sends_total{outcome=\"unknown\"}", 2);
	line(page, "hither_offdevice_sent_bytes_total",
	     w->sends[0].body_len + w->sends[1].body_len);
	line(page, "hither_requests_total{tier=\"device\"}", 0);
	line(page, "hither_requests_total{tier=\"trusted\"}", 1);
	line(page, "hither_requests_total{tier=\"cloud\"}", 0);
	line(page, "hither_overload_total{cause=\"queue\"}", 5);
	line(page, "hither_overload_total{cause=\"ledger\"}", 2);
	line(page, "hither_overload_total{cause=\"memory\"}", 7);
	line(page, "hither_ledger_records_total{kind=\"granted\"}", 4);
	line(page, "hither_ledger_records_total{kind=\"closed\"}", 4);
	line(page, "hither_ledger_records_total{kind=\"refused\"}", 1);
	line(page, "hither_ledger_records_total{kind=\"tainted\"}", 0);
	line(page, "hither_ledger_verify_failures_total", 0);
	line(page, "hither_ledger_head", w->head.seq);
	assert_int_equal(samples(page, "hither_consent_requests_total{"), ASK_UNREACHABLE + 1);
	assert_int_equal(samples(page, "hither_sends_total{"), 7);
	assert_int_equal(samples(page, "hither_requests_total{"), 3);
	assert_int_equal(samples(page, "hither_overload_total{"), 3);
	assert_int_equal(samples(page, "hither_ledger_records_total{"), RECORD_KIND_COUNT);
	assert_non_null(strstr(page, "# TYPE hither_sends counter\n# HELP hither_sends "
				     "Releases to the cloud role, by how they ended.\n"));
	buf_free(&b);
	world_free(w);
}

static void each_piece_of_news_has_a_name(void **state)
{
	static const char *const names[] = { "request", "superseded",     "withdrawn",
					     "expired", "policy_changed", "sent" };

	(void)state;
	for (unsigned n = GATE_REQUEST; n <= GATE_SENT; n++)
		assert_string_equal(gate_news_name((enum gate_news)n), names[n]);
}

/* What leaves as it stands is no category that was masked. */
static void what_is_not_masked_is_not_said_to_be(void **state)
{
	struct world *w = world_new(FAR("\"default\":{\"cloud\":\"ask\"}"));
	struct msg_ASK m = world_ask(w);
	cJSON *q;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "to " MAIL), ASK_PENDING);
	q = world_question(w, last(w, &m)->question);
	assert_non_null(strstr(json_get_string(q, "body"), MAIL));
	assert_int_equal(cJSON_GetArraySize(json_get(q, "masked")), 0);
	cJSON_Delete(q);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_says_everything_there_is),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(what_is_not_masked_is_not_said_to_be),
		cmocka_unit_test(each_identity_has_its_words),
		cmocka_unit_test(what_the_place_does_is_said),
		cmocka_unit_test(what_is_left_of_a_budget_is_said),
		cmocka_unit_test(a_question_that_is_over_says_how_it_ended),
		cmocka_unit_test(a_yes_that_waits_says_so),
		cmocka_unit_test(the_list_has_what_can_be_answered),
		cmocka_unit_test(what_was_shown_is_pinned_whole),
		cmocka_unit_test(permissions_are_listed_with_commas),
		cmocka_unit_test(every_figure_has_its_line),
		cmocka_unit_test(each_piece_of_news_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
