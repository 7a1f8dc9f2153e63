/* SPDX-License-Identifier: Apache-2.0 */
/* Several files into one value: destinations, consent, budgets, routing, ledger, categories;
 * clashes; the bundle that carries all of it. */
#include "tests/unit/policy_help.h"

#define F(body) "{\"hither_policy\":1,\"id\":\"f\"," body "}"
#define DEST(name, more)                                                                       \
	"\"destinations\":{\"" name "\":{\"tier\":\"cloud\",\"api\":\"openai\"" more "}}"

/* ---------------------------------------------------------------- destinations */

static void destinations(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "u",
		  F("\"destinations\":{\"local\":{\"tier\":\"device\",\"api\":\"ollama\","
		    "\"base_url\":\"unix:/run/"
		    "o\",\"models\":[\"m\"]},\"x\":{\"tier\":\"cloud\","
		    "\"api\":\"anthropic\",\"operator\":\"O\",\"price\":{\"currency\":\"EUR\","
		    "\"input_per_mtok\":0.5,\"output_per_mtok\":2},\"trains\":true}}") });
	const struct policy_destination *d;
	size_t i;

	(void)state;
	assert_int_equal(policy_destinations(s), 2);
	d = policy_destination(s, 0);
	assert_string_equal(d->name, "local");
	assert_int_equal(d->api, POLICY_API_OLLAMA);
	assert_int_equal(d->n_models, 1);
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &i));
	assert_false(policy_destination_find(s, SPAN_LITERAL("y"), &i));
	d = policy_destination(s, i);
	assert_string_equal(policy_api_name(d->api), "anthropic");
	assert_true(d->price.known);
	assert_string_equal(d->price.currency, "EUR");
	assert_true(d->price.output_per_mtok == 2);
	assert_int_equal(d->trains, POLICY_TRUE);
	assert_true(d->retention_days == -1);
	assert_string_equal(policy_file_info(d->file).name, "u");
	policy_set_free(s);
}

static void local_is_always_there(void **state)
{
	struct policy_set *s = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(policy_set_build(NULL, 0, NULL, 0, &s, &e), ERR_OK);
	assert_int_equal(policy_destinations(s), 1);
	assert_string_equal(policy_destination(s, 0)->name, "local");
	assert_int_equal(policy_destination(s, 0)->tier, POLICY_TIER_DEVICE);
	assert_null(policy_destination(s, 0)->file);
	assert_int_equal(policy_set_n_rules(s), 0);
	size_t alive = arenas_alive();

	policy_set_free(policy_set_ref(s));
	assert_int_equal(arenas_alive(), alive);
	policy_set_free(s);
	policy_set_free(NULL);
}

static void higher_layer_owns_the_name(void **state)
{
	const struct source both[] = { { POLICY_USER, "low.json", F("\n" DEST("x", "")) },
				       { POLICY_MANDATORY, "high.json",
					 F(DEST("x", ",\"region\":\"eu\"")) } };
	struct policy_set *s = NULL;
	struct policy_file *files[2];
	struct policy_error e;

	(void)state;
	assert_int_equal(try_set(both, 2, &s, &e), ERR_EXISTS);
	assert_string_equal(e.file, "low.json");
	assert_int_equal(e.line, 2);
	assert_true(contains(e.problem, "high.json"));
	for (size_t i = 0; i < 2; i++)
		files[i] = file_of(both[i].layer, both[i].name, both[i].text);
	assert_int_equal(policy_set_build(files, 2, NULL, POLICY_INLINE, &s, &e), ERR_OK);
	assert_string_equal(policy_destination(s, 1)->region, "eu");
	policy_set_free(s);
	policy_file_free(files[0]);
	policy_file_free(files[1]);
}

static void only_destinations(void **state)
{
	const struct source both[] = { { POLICY_USER, "u", F(DEST("mine", "")) },
				       { POLICY_MANDATORY, "m",
					 F(DEST("ours", "") ",\"only_destinations\":true") } };
	struct policy_set *s = set_of(both, 2);
	struct policy_file *files[2];
	struct policy_error e;
	size_t i;

	(void)state;
	assert_true(policy_set_only_destinations(s));
	assert_true(policy_destination_find(s, SPAN_LITERAL("ours"), &i));
	assert_false(policy_destination_find(s, SPAN_LITERAL("mine"), &i));
	policy_set_free(s);
	s = SET({ POLICY_USER, "u", F(DEST("mine", "") ",\"only_destinations\":true") });
	assert_false(policy_set_only_destinations(s));
	policy_set_free(s);
	for (i = 0; i < 2; i++)
		files[i] = file_of(both[i].layer, both[i].name, both[i].text);
	assert_int_equal(policy_set_build(files, 2, NULL, POLICY_INLINE, &s, &e), ERR_OK);
	assert_true(policy_destination_find(s, SPAN_LITERAL("mine"), &i));
	policy_set_free(s);
	policy_file_free(files[0]);
	policy_file_free(files[1]);
}

static struct policy_file *many_destinations(enum policy_layer layer, const char *prefix, int n)
{
	struct policy_file *f;
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\",\"destinations\":{");
	for (int i = 0; i < n; i++)
		buf_printf(&text, "%s\"%s%d\":{\"tier\":\"cloud\",\"api\":\"openai\"}",
			   i > 0 ? "," : "", prefix, i);
	buf_add_str(&text, "}}");
	f = file_of(layer, prefix, buf_cstr(&text));
	buf_free(&text);
	return f;
}

static void too_much(void **state)
{
	struct policy_file *files[POLICY_SET_MAX_FILES + 1];
	struct policy_error e;
	struct policy_set *s;
	struct buf text;

	(void)state;
	files[0] = many_destinations(POLICY_USER, "a", 200);
	files[1] = many_destinations(POLICY_USER, "b", 55);
	assert_int_equal(policy_set_build(files, 2, NULL, 0, &s, &e), ERR_OK);
	assert_int_equal(policy_destinations(s), 256);
	policy_set_free(s);
	policy_file_free(files[1]);
	files[1] = many_destinations(POLICY_USER, "b", 56);
	assert_int_equal(policy_set_build(files, 2, NULL, 0, &s, &e), ERR_TOO_BIG);
	assert_string_equal(e.file, "b");
	assert_string_equal(e.problem, "more than 255 destinations");
	policy_file_free(files[0]);
	policy_file_free(files[1]);

	buf_init(&text, 1u << 20);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\",\"rules\":[");
	for (int i = 0; i < 512; i++)
		buf_printf(&text, "%s{\"id\":\"r%d\",\"effect\":\"deny\"}", i > 0 ? "," : "",
			   i);
	buf_add_str(&text, "]}");
	for (size_t i = 0; i < LEN(files); i++)
		files[i] = policy_file_ref(i == 0 ? file_of(POLICY_USER, "f", buf_cstr(&text))
						  : files[0]);
	assert_int_equal(policy_set_build(files, 16, NULL, POLICY_INLINE, &s, &e), ERR_OK);
	assert_int_equal(policy_set_n_rules(s), 8192);
	policy_set_free(s);
	assert_int_equal(policy_set_build(files, 17, NULL, POLICY_INLINE, &s, &e), ERR_TOO_BIG);
	assert_true(contains(e.problem, "rules in all"));
	assert_int_equal(policy_set_build(files, LEN(files), NULL, 0, &s, &e), ERR_TOO_BIG);
	assert_true(contains(e.problem, "policy files"));
	for (size_t i = 0; i <= LEN(files); i++)
		policy_file_free(files[0]);
	buf_free(&text);
}

static void rule_ids(void **state)
{
#define ONE_RULE "\"rules\":[{\"id\":\"r\",\"effect\":\"deny\"}]"
	const struct source same[] = { { POLICY_USER, "b.json", F("\n" ONE_RULE) },
				       { POLICY_USER, "a.json", F(ONE_RULE) } };
	const struct source other[] = { { POLICY_USER, "a", F(ONE_RULE) },
					{ POLICY_VENDOR, "b", F(ONE_RULE) } };
	struct policy_set *s;
	struct policy_error e;

	(void)state;
	assert_int_equal(try_set(same, 2, &s, &e), ERR_EXISTS);
	assert_string_equal(e.file, "b.json");
	assert_int_equal(e.line, 2);
	s = set_of(other, 2);
	assert_string_equal(policy_file_info(policy_set_file(s, 0)).name, "b");
	assert_int_equal(policy_set_n_files(s), 2);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- consent */

static void consent_defaults(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", F("\"title\":\"x\"") });
	const struct policy_consent *c = policy_consent(s);

	(void)state;
	assert_int_equal(c->scopes, POLICY_SCOPE_ONCE | POLICY_SCOPE_SESSION);
	assert_int_equal(c->modes, POLICY_MODE_REDACTED | POLICY_MODE_AS_IS);
	assert_int_equal(c->prefer, POLICY_MODE_REDACTED);
	assert_true(c->timeout_ms == 60000);
	assert_int_equal(c->on_timeout, POLICY_LOCAL);
	assert_int_equal(c->on_deny, POLICY_LOCAL);
	assert_int_equal(c->no_agent, POLICY_LOCAL);
	assert_int_equal(c->n_strong_auth_for, 0);
	assert_false(c->require_reason);
	assert_int_equal(c->max_prompts_per_hour, 360);
	assert_int_equal(c->n_ask_via, 4);
	policy_set_free(s);
}

static void consent_merges(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m",
		  F("\"consent\":{\"scopes\":[\"once\",\"session\",\"until\"],\"timeout\":"
		    "\"2m\","
		    "\"no_agent\":\"refuse\",\"strong_auth_for\":[\"health.*\"],\"max_prompts_"
		    "per_hour\":8,"
		    "\"ask_via\":[\"terminal\"]}") },
		{ POLICY_MANDATORY, "n",
		  F("\"consent\":{\"no_agent\":\"local\",\"modes\":[\"redacted\",\"as_is\"],"
		    "\"require_reason\":false}") },
		{ POLICY_USER, "u",
		  F("\"consent\":{\"scopes\":[\"session\",\"always\",\"until\"],\"timeout\":"
		    "\"90s\","
		    "\"modes\":[\"as_is\"],\"prefer\":\"redacted\",\"no_agent\":\"hold\",\"on_"
		    "timeout\":\"hold\","
		    "\"strong_auth_for\":[\"health.*\",\"financial.*\"],\"require_reason\":"
		    "true,"
		    "\"max_prompts_per_hour\":3,\"ask_via\":[\"web\"],\"hold_max\":\"1h\"}") },
		{ POLICY_VENDOR, "v",
		  F("\"consent\":{\"on_timeout\":\"refuse\",\"on_deny\":\"refuse\",\"timeout\":"
		    "\"5m\","
		    "\"require_reason\":true,\"max_prompts_per_hour\":4,\"scopes\":["
		    "\"session\",\"until\"]}") });
	const struct policy_consent *c = policy_consent(s);

	(void)state;
	assert_int_equal(c->scopes, POLICY_SCOPE_SESSION | POLICY_SCOPE_UNTIL);
	assert_int_equal(c->modes, POLICY_MODE_AS_IS);
	assert_int_equal(c->prefer, POLICY_MODE_AS_IS); /* the only one left */
	assert_true(c->timeout_ms == 90000);
	assert_true(c->hold_max_ms == 3600000);
	assert_int_equal(c->no_agent, POLICY_REFUSE); /* the stricter of two mandatory files */
	assert_int_equal(c->on_timeout, POLICY_HOLD); /* nearest preference */
	assert_int_equal(c->on_deny, POLICY_REFUSE);
	assert_int_equal(c->n_strong_auth_for, 2);
	assert_true(c->require_reason);
	assert_int_equal(c->max_prompts_per_hour, 3);
	assert_int_equal(c->n_ask_via, 1);
	assert_int_equal(c->ask_via[0], POLICY_VIA_TERMINAL);
	policy_set_free(s);
}

static void consent_from_many(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "a",
				     F("\"consent\":{\"max_prompts_per_hour\":2,\"strong_auth_"
				       "for\":[\"a\",\"b\"],\"require_reason\":true}") },
				   { POLICY_USER, "b",
				     F("\"consent\":{\"max_prompts_per_hour\":9,\"strong_auth_"
				       "for\":[\"c\",\"a\"],\"require_reason\":true}") });

	(void)state;
	assert_int_equal(policy_consent(s)->max_prompts_per_hour, 2);
	assert_int_equal(policy_consent(s)->n_strong_auth_for, 3);
	assert_string_equal(policy_consent(s)->strong_auth_for[2], "c");
	policy_set_free(s);
}

/* A name written with an escape has no place in the text; the error still names the file. */
static void redefined_in_other_letters(void **state)
{
	const struct source both[] = { { POLICY_MANDATORY, "high", F(DEST("x", "")) },
				       { POLICY_USER, "low", F(DEST("\\u0078", "")) } };
	struct policy_set *s = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(try_set(both, 2, &s, &e), ERR_EXISTS);
	assert_string_equal(e.file, "low");
}

static void consent_can_run_out(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "a", F("\"consent\":{\"modes\":[\"as_is\"],\"scopes\":[]}") },
		{ POLICY_USER, "b",
		  F("\"consent\":{\"modes\":[\"redacted\"],\"prefer\":\"as_is\"}") },
		{ POLICY_USER, "c", F("\"consent\":{\"prefer\":\"redacted\"}") });

	(void)state;
	assert_int_equal(policy_consent(s)->modes, 0);
	assert_int_equal(policy_consent(s)->scopes, 0);
	assert_int_equal(policy_consent(s)->prefer, POLICY_MODE_REDACTED);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- the other blocks */

#define BUDGET(id, more)                                                                       \
	"{\"id\":\"" id "\",\"scope\":[\"user\",\"app\"],\"on_exceed\":\"local\"," more "}"

static void budgets_add_up(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m",
		  F("\"budgets\":[" BUDGET(
			  "a", "\"window\":\"month\",\"max_cost\":{\"amount\":5,\"currency\":"
			       "\"EUR\"}") "," BUDGET("b", "\"window\":\"10d\"") "]") },
		{ POLICY_USER, "u",
		  F("\"budgets\":[" BUDGET("c", "\"window\":\"36h\",\"max_tokens\":9") "]") });

	(void)state;
	assert_int_equal(policy_budgets(s), 3);
	assert_string_equal(policy_budget(s, 0)->id, "a");
	assert_int_equal(policy_budget(s, 0)->window_unit, POLICY_WINDOW_MONTHS);
	assert_true(policy_budget(s, 0)->has_cost && policy_budget(s, 0)->max_cost == 5);
	assert_int_equal(policy_budget(s, 1)->window_unit, POLICY_WINDOW_DAYS);
	assert_int_equal(policy_budget(s, 1)->window_count, 10);
	assert_int_equal(policy_budget(s, 2)->window_unit, POLICY_WINDOW_HOURS);
	assert_int_equal(policy_budget(s, 2)->window_count, 36);
	assert_int_equal(policy_budget(s, 2)->max_tokens, 9);
	assert_true(policy_budget(s, 2)->max_requests == INT64_MAX);
	assert_int_equal(policy_budget(s, 2)->scope, POLICY_BUDGET_USER | POLICY_BUDGET_APP);
	assert_int_equal(policy_budget(s, 2)->on_exceed, POLICY_EXCEED_LOCAL);
	policy_set_free(s);
}

static void routing_is_the_nearest_wish(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m",
		  F("\"routing\":{\"escalate_at\":0.1,\"prefer\":[\"cloud\"],\"cascade\":"
		    "\"on\",\"fallback\":[\"a\",\"b\"]}") },
		{ POLICY_VENDOR, "v",
		  F("\"routing\":{\"escalate_at\":0.3,\"prefer\":[\"device\",\"cloud\"]}") },
		{ POLICY_VENDOR, "w",
		  F("\"routing\":{\"escalate_at\":0.5,\"prefer\":[\"trusted\"],"
		    "\"while_asking\":\"text\"}") },
		{ POLICY_VENDOR, "x",
		  F("\"routing\":{\"escalate_at\":0.4,\"while_asking\":\"wait\"}") });
	struct policy_set *none = SET({ POLICY_USER, "u", F("\"rules\":[]") });

	(void)state;
	assert_true(policy_routing(s)->has_escalate_at);
	assert_true(policy_routing(s)->escalate_at == 0.5);
	assert_int_equal(policy_routing(s)->n_prefer, 2);
	assert_int_equal(policy_routing(s)->prefer[1], POLICY_TIER_CLOUD);
	assert_int_equal(policy_routing(s)->while_asking, POLICY_DRAFT_WAIT);
	assert_int_equal(policy_routing(s)->cascade, POLICY_CASCADE_ON);
	assert_int_equal(policy_routing(none)->while_asking, POLICY_DRAFT_HOLD);
	assert_int_equal(policy_routing(none)->cascade, POLICY_CASCADE_OFFER);
	policy_set_free(none);
	assert_int_equal(policy_routing(s)->n_fallback, 2);
	assert_string_equal(policy_routing(s)->fallback[1], "b");
	policy_set_free(s);
}

static void ledger_obeys_the_ceiling(void **state)
{
	struct policy_set *s =
		SET({ POLICY_MANDATORY, "m",
		      F("\"ledger\":{\"retain\":\"30d\",\"content\":\"full\"}") },
		    { POLICY_MANDATORY, "n",
		      F("\"ledger\":{\"retain\":\"20d\",\"content\":\"digest\"}") },
		    { POLICY_MANDATORY, "o", F("\"ledger\":{\"retain\":\"40d\"}") },
		    { POLICY_USER, "u",
		      F("\"ledger\":{\"content\":\"none\",\"retain\":\"1d\",\"export\":{"
			"\"otlp\":\"https://o\",\"n\":1}}") },
		    { POLICY_VENDOR, "v", F("\"ledger\":{\"export\":{}}") });

	(void)state;
	assert_int_equal(policy_ledger(s)->content, POLICY_CONTENT_DIGEST);
	assert_true(policy_ledger(s)->retain_ms == UINT64_C(20) * 86400000);
	assert_string_equal(policy_ledger(s)->export_otlp, "https://o");
	assert_string_equal(policy_ledger(s)->export_json, "{\"otlp\":\"https://o\",\"n\":1}");
	policy_set_free(s);
	s = SET({ POLICY_USER, "u", F("\"title\":\"x\"") });
	assert_int_equal(policy_ledger(s)->content, POLICY_CONTENT_DIGEST);
	assert_null(policy_ledger(s)->export_json);
	policy_set_free(s);
}

static void the_top_file(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", F("\"serial\":3") },
				   { POLICY_VENDOR, "v", F("\"title\":\"x\"") });

	(void)state;
	assert_string_equal(policy_file_info(policy_set_top(s)).name, "u");
	policy_set_free(s);
	s = SET({ POLICY_USER, "u", F("\"title\":\"y\"") },
		{ POLICY_VENDOR, "v", F("\"title\":\"x\"") });
	assert_string_equal(policy_file_info(policy_set_top(s)).name, "v");
	policy_set_free(s);
	s = SET({ POLICY_USER, "u", F("\"serial\":1") },
		{ POLICY_VENDOR, "v", F("\"title\":\"x\"") });
	assert_string_equal(policy_file_info(policy_set_top(s)).name, "u");
	policy_set_free(s);
	s = SET({ POLICY_USER, "u", F("\"serial\":1") },
		{ POLICY_VENDOR, "v", F("\"serial\":1") });
	assert_string_equal(policy_file_info(policy_set_top(s)).name, "v");
	policy_set_free(s);
}

static const struct source groups_in[] = {
	{ POLICY_MANDATORY, "m",
	  F("\"groups\":{\"g\":[\"m-app\"]},\"rules\":[{\"id\":\"r\",\"effect\":\"deny\","
	    "\"when\":{\"app\":[\"@g\"]}}]") },
	{ POLICY_USER, "u",
	  F(DEST("x", "") ",\"groups\":{\"g\":[\"u-app\"],\"h\":[]},\"default\":{\"cloud\":"
			  "\"allow\"},"
			  "\"rules\":[{\"id\":\"r\",\"effect\":\"ask\",\"when\":{\"app\":[\"@"
			  "g\"]}}]") },
	{ POLICY_USER, "w",
	  F("\"groups\":{\"g\":[\"w-app\"]},\"rules\":[{\"id\":\"d\",\"effect\":\"require\","
	    "\"when\":"
	    "{\"data\":{\"any\":[\"a.*\",\"b\"]}},\"with\":{\"redact\":[\"a.*\"]}}]") },
};

static void groups_belong_to_their_layer(void **state)
{
	struct policy_set *s = set_of(groups_in, LEN(groups_in));

	(void)state;
	assert_true(contains(answer(s, "{\"app\":\"m-app\"}", "x"), "deny"));
	assert_true(contains(answer(s, "{\"app\":\"w-app\"}", "x"), "ask"));
	assert_true(
		contains(answer(s, "{\"app\":\"u-app\"}", "x"), "allow")); /* w replaced it */
	policy_set_free(s);
}

/* ---------------------------------------------------------------- bundle */

#define CATEGORIES                                                                             \
	"\"categories\":{\"company.a\":{\"dictionary\":\"/"                                    \
	"words\"},\"company.b\":{\"regex\":\"x\","                                             \
	"\"check\":\"luhn\"},\"company.c\":{\"keywords\":[\"k\",\"l\"]}}"

static void write_bundle(struct buf *out, enum policy_state state)
{
	struct policy_file *files[2] = { file_of(POLICY_MANDATORY, "m.json", F(CATEGORIES)),
					 file_of(POLICY_USER, "u.json", F(DEST("x", ""))) };
	const struct policy_attachment words[] = {
		{ "/other", SPAN_LITERAL("no") }, { "/words", SPAN_LITERAL("alpha\nbeta\n") }
	};
	const struct policy_bundle b = { 42, state, "because", files, 2, words, 2 };

	assert_int_equal(policy_file_set_signer(files[0], "abcd", SPAN_LITERAL("{sig}")),
			 ERR_OK);
	buf_init(out, 1u << 20);
	policy_bundle_write(&b, out);
	assert_false(out->failed);
	policy_file_free(files[0]);
	policy_file_free(files[1]);
}

static void bundle_round_trip(void **state)
{
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf bytes, again;

	(void)state;
	write_bundle(&bytes, POLICY_DEGRADED);
	write_bundle(&again, POLICY_DEGRADED);
	assert_true(span_equal(buf_span(&bytes), buf_span(&again)));
	assert_int_equal(policy_bundle_read(buf_span(&bytes), &s, &e), ERR_OK);
	buf_free(&bytes);
	buf_free(&again);
	assert_true(policy_set_generation(s) == 42);
	assert_int_equal(policy_set_state(s), POLICY_DEGRADED);
	assert_string_equal(policy_state_name(policy_set_state(s)), "degraded");
	assert_string_equal(policy_set_reason(s), "because");
	assert_string_equal(policy_file_info(policy_set_file(s, 0)).signer, "abcd");
	assert_true(span_is(policy_file_info(policy_set_file(s, 0)).signature, "{sig}"));
	assert_int_equal(policy_categories(s), 3);
	assert_true(span_is(policy_category(s, 0)->words, "alpha\nbeta\n"));
	assert_string_equal(policy_category(s, 1)->regex, "x");
	assert_int_equal(policy_category(s, 1)->check, POLICY_CHECK_LUHN);
	assert_int_equal(policy_category(s, 2)->n_keywords, 2);
	assert_int_equal(policy_destinations(s), 2);
	policy_set_free(s);
}

static void bundle_of_a_lockdown(void **state)
{
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf bytes;

	(void)state;
	write_bundle(&bytes, POLICY_LOCKDOWN);
	assert_int_equal(policy_bundle_read(buf_span(&bytes), &s, &e), ERR_OK);
	assert_true(contains(answer(s, "{}", "x"), "builtin:lockdown"));
	policy_set_free(s);
	buf_free(&bytes);
}

/* Cut anywhere, or with a byte more: refused. */
static void bundle_cut(void **state)
{
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf bytes;

	(void)state;
	write_bundle(&bytes, POLICY_ACTIVE);
	for (size_t n = 0; n < bytes.len; n++) {
		char *cut = malloc(n + (n == 0)); /* no longer, for address sanitizer */

		assert_non_null(cut);
		memcpy(cut, bytes.ptr, n);
		assert_int_not_equal(policy_bundle_read((struct span){ cut, n }, &s, &e),
				     ERR_OK);
		free(cut);
	}
	buf_add_char(&bytes, 'x');
	assert_int_equal(policy_bundle_read(buf_span(&bytes), &s, &e), ERR_CORRUPT);
	bytes.len--;
	bytes.ptr[0] ^= 1;
	assert_int_equal(policy_bundle_read(buf_span(&bytes), &s, &e), ERR_CORRUPT);
	bytes.ptr[0] ^= 1;
	bytes.ptr[16] = 9; /* state */
	assert_int_equal(policy_bundle_read(buf_span(&bytes), &s, &e), ERR_CORRUPT);
	buf_free(&bytes);
}

/* ---------------------------------------------------------------- lack of memory */

static void survives_lack_of_memory(void **state)
{
	struct policy_file *files[LEN(groups_in)];
	struct policy_error e;
	struct buf bytes;

	(void)state;
	write_bundle(&bytes, POLICY_ACTIVE);
	for (size_t i = 0; i < LEN(files); i++)
		files[i] = file_of(groups_in[i].layer, groups_in[i].name, groups_in[i].text);
	for (int what = 0; what < 2; what++) {
		size_t before = arenas_alive();

		for (unsigned n = 1;; n++) {
			struct policy_set *s = NULL;

			fault_arm(n, false);
			enum err got =
				what == 0 ? policy_set_build(files, LEN(files), NULL, 0, &s, &e)
					  : policy_bundle_read(buf_span(&bytes), &s, &e);
			bool fired = fault_fired();

			fault_arm(0, false);
			policy_set_free(s);
			assert_true(arenas_alive() == before);
			if (!fired) {
				assert_int_equal(got, ERR_OK);
				break;
			}
			assert_int_equal(got, ERR_NO_MEMORY);
		}
	}
	fault_arm(1, false);
	assert_null(policy_set_lockdown("x"));
	fault_arm(0, false);
	for (size_t i = 0; i < LEN(files); i++)
		policy_file_free(files[i]);
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations),
		cmocka_unit_test(local_is_always_there),
		cmocka_unit_test(higher_layer_owns_the_name),
		cmocka_unit_test(only_destinations),
		cmocka_unit_test(too_much),
		cmocka_unit_test(rule_ids),
		cmocka_unit_test(consent_defaults),
		cmocka_unit_test(consent_merges),
		cmocka_unit_test(consent_can_run_out),
		cmocka_unit_test(consent_from_many),
		cmocka_unit_test(redefined_in_other_letters),
		cmocka_unit_test(budgets_add_up),
		cmocka_unit_test(routing_is_the_nearest_wish),
		cmocka_unit_test(ledger_obeys_the_ceiling),
		cmocka_unit_test(the_top_file),
		cmocka_unit_test(groups_belong_to_their_layer),
		cmocka_unit_test(bundle_round_trip),
		cmocka_unit_test(bundle_of_a_lockdown),
		cmocka_unit_test(bundle_cut),
		cmocka_unit_test(survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
