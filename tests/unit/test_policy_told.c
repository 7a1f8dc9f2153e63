/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told at the edges: the first and the last value, what comes before and behind
 * it; each problem of loading to the letter. */
#include "tests/unit/policy_help.h"

#define NOW_MS         INT64_C(1790000000000) /* September 2026 */
#define FILE(id, more) "{\"hither_policy\":1,\"id\":\"" id "\"" more "}"
#define X              ",\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"}}"

/* ---------------------------------------------------------------- explain and show */

static bool explained_says(const char *file, const char *request, int64_t now_ms,
			   const char *part)
{
	struct policy_set *s = SET({ POLICY_USER, "u", file });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_request q = request_of(a, request);
	struct buf out;

	buf_init(&out, 65536);
	policy_explain(s, &q, now_ms, &out);
	bool says = contains(buf_cstr(&out), part);
	buf_free(&out);
	arena_free(a);
	policy_set_free(s);
	return says;
}

static void explained_at_the_edges(void **state)
{
	static const struct {
		const char *file, *request;
		int64_t now_ms;
		const char *part;
	} rows[] = {
		{ FILE("f", ",\"routing\":{\"escalate_at\":0.5}"), "{\"score\":0.5}", 0,
		  "score 0.50 >= 0.50\n" },
		{ FILE("f", ",\"routing\":{\"escalate_at\":0.5}"), "{\"score\":0.499}", 0,
		  "score 0.50 < 0.50\n" },
		{ FILE("f", ",\"routing\":{\"escalate_at\":0}"), "{\"score\":0}", 0,
		  "routing               score 0.00 >= 0.00\n" },
		{ FILE("f", ",\"serial\":1"), "{}", 0,
		  "\npolicy                f serial 1 active\n" },
		{ FILE("f", ",\"not_after\":\"1970-01-02T00:00:00Z\""), "{}", 0,
		  "f active, expires in 1 days\n" },
		{ FILE("f", ",\"not_after\":\"1970-01-02T00:00:00Z\""), "{}", 86399999,
		  "f active, expires in 0 days\n" },
		{ FILE("f", ",\"not_after\":\"1970-01-02T00:00:00Z\""), "{}", 86400000,
		  "f active, EXPIRED\n" },
		{ FILE("f",
		       ",\"rules\":[{\"id\":\"r\",\"effect\":\"require\",\"with\":{\"strip\":["
		       "\"attachments\"]}}]"),
		  "{}", 0, "with: strip attachments\n" },
		{ FILE("f",
		       ",\"rules\":[{\"id\":\"r\",\"effect\":\"require\",\"with\":{\"strip\":["
		       "\"tools\",\"attachments\",\"metadata\"]}}]"),
		  "{}", 0, "with: strip attachments metadata tools\n" },
		{ FILE("f", ",\"rules\":[{\"id\":\"s\",\"effect\":\"deny\",\"when\":{"
			    "\"device\":{\"battery_pct\":9}}}]"),
		  "{\"device\":{\"battery_pct\":8}}", 0,
		  "near misses           s would DENY local if battery_pct = 9\n" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(explained_says(rows[i].file, rows[i].request, rows[i].now_ms,
				     rows[i].part),
		      rows[i].part);
}

static const struct {
	const char *file, *part;
	bool there;
} show_rows[] = {
	{ FILE("f", ",\"serial\":1"), "f serial 1  0 rules, 0 tests\n", true },
	{ FILE("f", ""), "f  0 rules, 0 tests\n", true },
	{ FILE("f", ""), "categories\n", false },
	{ FILE("f", ""), "budgets\n", false },
	{ FILE("f", ",\"categories\":{\"a.b\":{\"keywords\":[\"k\"]}}"),
	  "categories\n  a.b                    1 keywords check none  (user u)\n", true },
	{ FILE("f", ",\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"],\"window\":\"hour\",\"on_"
		    "exceed\":\"ask\",\"max_tokens\":0}]"),
	  "budgets\n  b                      user, per 1 hours: 0 tokens, then ask  (user u)\n",
	  true },
	{ FILE("f",
	       ",\"default\":{\"device\":\"ask\",\"trusted\":\"deny\",\"cloud\":\"allow\"}"),
	  "default\n"
	  "  device                 ask  (user u)\n"
	  "  trusted                deny  (user u)\n"
	  "  cloud                  allow  (user u)\n"
	  "  otherwise              device allow, trusted ask, cloud deny  (built in)\n",
	  true },
	{ FILE("f",
	       ",\"destinations\":{\"x\":{\"tier\":\"trusted\",\"api\":\"ollama\",\"retention_"
	       "days\":0,\"trains\":true}}"),
	  "  x                      trusted, ollama, operator unknown, keeps text 0 days, "
	  "trains "
	  "on it  (user u)\n",
	  true },
	{ FILE("f", ",\"ledger\":{\"retain\":\"1s\"}"),
	  "  retain                 1s  (user u)\n", true },
	{ FILE("f", ""), "  retain                 for good  (built in)\n", true },
	{ FILE("f", ",\"not_after\":\"2026-10-01T00:00:00Z\""), "  until 2026-10-01\n", true },
	{ FILE("f", ",\"not_after\":\"2026-01-01T00:00:00Z\""), "  EXPIRED 2026-01-01\n",
	  true },
};

static void shown_at_the_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(show_rows); i++) {
		struct policy_set *s = SET({ POLICY_USER, "u", show_rows[i].file });
		struct buf out;

		buf_init(&out, 65536);
		policy_show(s, true, NOW_MS, &out);
		CHECK(contains(buf_cstr(&out), show_rows[i].part) == show_rows[i].there,
		      show_rows[i].part);
		buf_free(&out);
		policy_set_free(s);
	}
}

/* Each layer's default, and each value of the ledger with the file that says it. */
static void each_source_is_its_own(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_VENDOR_MANDATORY, "a",
		  FILE("a", ",\"default\":{\"device\":\"ask\"}") },
		{ POLICY_MANDATORY, "b",
		  FILE("b", ",\"default\":{\"device\":\"allow\"},\"ledger\":{\"content\":"
			    "\"none\"}") },
		{ POLICY_VENDOR, "c",
		  FILE("c",
		       ",\"default\":{\"device\":\"deny\"},\"ledger\":{\"retain\":\"2d\"}") },
		{ POLICY_RECOMMENDED, "d",
		  FILE("d", ",\"default\":{\"device\":\"ask\"},\"ledger\":{\"export\":{}}") },
		{ POLICY_USER, "e", FILE("e", ",\"default\":{\"device\":\"allow\"}") });
	struct buf out = shown(s);

	(void)state;
	assert_true(contains(buf_cstr(&out),
			     "default\n"
			     "  device                 ask  (vendor_mandatory a)\n"
			     "  device                 allow  (mandatory b)\n"
			     "  device                 deny  (vendor c)\n"
			     "  device                 ask  (recommended d)\n"
			     "  device                 allow  (user e)\n"
			     "  otherwise "));
	assert_true(contains(
		buf_cstr(&out),
		"  content                none  (mandatory b)\n"
		"  retain                 2d  (vendor c)\n"
		"  export                 {}, which hitherd does not do: hither ledger "
		"export  (recommended d)\n"));
	buf_free(&out);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- problems of loading */

static struct policy_found found(enum policy_layer layer, const char *name, const char *text)
{
	return (struct policy_found){
		.layer = layer, .name = name, .path = name, .text = span_of(text)
	};
}

static void tell(const struct policy_loaded *l, struct buf *out)
{
	buf_printf(out, "%s%s%s", policy_state_name(l->state), l->reason[0] != '\0' ? " " : "",
		   l->reason);
	buf_printf(out, "%s%s%s%s\n", l->changed ? ", changed" : "",
		   l->from_last_good ? ", last good" : "", l->persist ? ", persist" : "",
		   l->remember ? ", remember" : "");
	for (size_t i = 0; i < l->n_problems; i++) {
		buf_printf(out, "%d %s: ", (int)l->problems[i].kind,
			   policy_layer_name(l->problems[i].layer));
		policy_error_print(&l->problems[i].error, out);
		buf_add_char(out, '\n');
	}
}

static void assert_loaded(struct policy_load in, const char *wanted)
{
	struct policy_loaded l;
	struct buf out;

	if (in.now_ms == 0)
		in.now_ms = NOW_MS;
	if (in.newest_record_ms == 0)
		in.newest_record_ms = INT64_MIN;
	assert_int_equal(policy_load(&in, &l), ERR_OK);
	buf_init(&out, 65536);
	tell(&l, &out);
	assert_string_equal(buf_cstr(&out), wanted);
	buf_free(&out);
	policy_loaded_free(&l);
}

static void each_file_that_is_wrong_is_told_whole(void **state)
{
	static const struct {
		const char *file, *wanted;
	} rows[] = {
		{ FILE("t", ""), "active, changed, persist, remember\n" },
		{ "", "active, changed, persist, remember\n" },
		{ " \n", "active, changed, persist, remember\n" },
		{ FILE("t", ",\n \"rule\":1"),
		  "degraded t: unknown key \"rule\", changed, remember\n"
		  "0 user: t:2:2: unknown key \"rule\"; did you mean \"rules\"?\n" },
		{ FILE("t",
		       ",\"tests\":[\n\n {\"name\":\"n\",\"request\":{},\"expect\":{\"local\":"
		       "{\"verdict\":\"deny\",\"by\":[\"q\"],\"redact\":[\"r\"]}}}]"),
		  "degraded t: its test \"n\" fails at local: allow by builtin:default, "
		  "changed, "
		  "remember\n"
		  "1 user: t:3:1: its test \"n\" fails at local: allow by builtin:default; "
		  "expected deny by q; redact r\n" },
		{ FILE("t", ",\"not_before\":\"2027-01-01T00:00:00Z\""),
		  "degraded t: its not_before lies in the future, changed, remember\n"
		  "0 user: t: its not_before lies in the future\n" },
		{ FILE("t", ",\"not_after\":\"2026-01-01T00:00:00Z\""),
		  "lockdown t: it was valid until 2026-01-01T00:00:00.000Z, changed\n"
		  "2 user: t: it was valid until 2026-01-01T00:00:00.000Z; expected a renewed "
		  "file\n" },
		{ FILE("t", ",\"categories\":{\"a.b\":{\"dictionary\":\"/none\"}}"),
		  "degraded t: the dictionary of a.b, /none, could not be read, changed, "
		  "remember\n"
		  "0 user: t: the dictionary of a.b, /none, could not be read; expected a file "
		  "that can be read\n" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_found f = found(POLICY_USER, "t", rows[i].file);

		assert_loaded((struct policy_load){ .found = &f, .n_found = 1 },
			      rows[i].wanted);
	}
}

static void what_is_wrong_around_the_files_is_told_whole(void **state)
{
	struct policy_found f[] = { found(POLICY_MANDATORY, "m", FILE("m", ",\"serial\":4")),
				    found(POLICY_VENDOR_MANDATORY, "m", FILE("v", "")),
				    found(POLICY_VENDOR, "n", FILE("n", "")) };
	static const struct policy_serial serials[] = { { "m", 5 }, { "m", 3 }, { "v", 9 } };
	static const struct policy_mandatory mandatory[] = { { POLICY_MANDATORY, "gone" },
							     { POLICY_MANDATORY, "m" } };

	(void)state;
	assert_loaded(
		(struct policy_load){
			.found = f, .n_found = 1, .serials = serials, .n_serials = 3 },
		"lockdown m: serial 4 of \"m\" is lower than 5, which this machine has seen, "
		"changed\n"
		"0 mandatory: m: serial 4 of \"m\" is lower than 5, which this machine has "
		"seen; expected the file that was last in force, or a newer one\n"
		"6 mandatory: there is no last good policy\n");
	assert_loaded(
		(struct policy_load){
			.found = f, .n_found = 1, .serials = serials + 1, .n_serials = 2 },
		"active, changed, persist, remember\n");
	assert_loaded((struct policy_load){ .found = f, .n_found = 3 },
		      "active, changed, persist, remember\n"
		      "5 vendor_mandatory: m: masked by the file of the same name in /etc\n");
	assert_loaded(
		(struct policy_load){
			.found = f, .n_found = 1, .mandatory = mandatory, .n_mandatory = 2 },
		"lockdown gone: this mandatory file is gone, changed\n"
		"4 mandatory: gone: this mandatory file is gone; expected the file, or "
		"`hither policy accept-removal` by root\n");
	assert_loaded((struct policy_load){ .found = f,
					    .n_found = 1,
					    .now_ms = NOW_MS,
					    .newest_record_ms = NOW_MS + 86400000 },
		      "active, changed, persist, remember\n");
	assert_loaded(
		(struct policy_load){ .found = f,
				      .n_found = 1,
				      .now_ms = NOW_MS,
				      .newest_record_ms = NOW_MS + 86400001 },
		"lockdown the clock is more than a day behind the newest record, changed\n"
		"3 mandatory: the clock is more than a day behind the newest record; "
		"expected the right time\n");
	assert_loaded((struct policy_load){ .found = f,
					    .n_found = 1,
					    .trust_unreadable = "no anchors" },
		      "lockdown m: no anchors, changed\n"
		      "0 mandatory: m: no anchors; expected trust anchors that can be read\n"
		      "6 mandatory: there is no last good policy\n");
	f[0].unreadable = "it is locked";
	assert_loaded((struct policy_load){ .found = f, .n_found = 1 },
		      "lockdown m: it is locked, changed\n"
		      "0 mandatory: m: it is locked; expected a file that can be read\n"
		      "6 mandatory: there is no last good policy\n");
}

/* What was good the last time comes back degraded, and is neither kept nor remembered anew. */
static void the_last_good_is_told_whole(void **state)
{
	struct policy_found good[] = { found(
		POLICY_MANDATORY, "m", FILE("m", ",\"not_after\":\"2026-12-01T00:00:00Z\"")) };
	struct policy_found bad[] = { found(POLICY_MANDATORY, "m", "{") };
	struct policy_load in = {
		.found = good, .n_found = 1, .now_ms = NOW_MS, .newest_record_ms = INT64_MIN
	};
	struct policy_loaded l;
	char byte = 0;

	(void)state;
	assert_int_equal(policy_load(&in, &l), ERR_OK);
	in = (struct policy_load){ .found = bad,
				   .n_found = 1,
				   .last_good = buf_span(&l.bundle) };
	assert_loaded(
		in, "degraded m: the text ends inside an array or object, changed, last good\n"
		    "0 mandatory: m:1:2: the text ends inside an array or object\n");
	in.now_ms = INT64_C(1800000000000); /* 2027 */
	assert_loaded(in,
		      "lockdown m: the text ends inside an array or object, changed\n"
		      "0 mandatory: m:1:2: the text ends inside an array or object\n"
		      "6 mandatory: m: the last good policy has expired; expected a renewed "
		      "file\n");
	in.now_ms = 0;
	in.last_good = (struct span){ &byte, 1 };
	assert_loaded(in, "lockdown m: the text ends inside an array or object, changed\n"
			  "0 mandatory: m:1:2: the text ends inside an array or object\n"
			  "6 mandatory: the policy bundle is damaged\n");
	policy_loaded_free(&l);
}

static void too_many_files_are_told(void **state)
{
	static struct policy_found f[257];
	static char names[257][8];
	struct policy_load in = {
		.found = f, .n_found = 256, .now_ms = NOW_MS, .newest_record_ms = INT64_MIN
	};

	(void)state;
	for (size_t i = 0; i < LEN(f); i++) {
		snprintf(names[i], sizeof names[i], "f%03zu", i);
		f[i] = found(POLICY_USER, names[i], FILE("t", ""));
	}
	assert_loaded(in, "active, changed, persist, remember\n");
	in.n_found = 257;
	assert_loaded(in, "degraded f256: too many policy files, changed, remember\n"
			  "0 user: f256: too many policy files; expected at most 256\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explained_at_the_edges),
		cmocka_unit_test(shown_at_the_edges),
		cmocka_unit_test(each_source_is_its_own),
		cmocka_unit_test(each_file_that_is_wrong_is_told_whole),
		cmocka_unit_test(what_is_wrong_around_the_files_is_told_whole),
		cmocka_unit_test(the_last_good_is_told_whole),
		cmocka_unit_test(too_many_files_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
