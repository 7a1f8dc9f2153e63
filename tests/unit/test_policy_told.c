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

/* As long as it is and no longer, so that address sanitizer sees who reads on. */
static void *copy_of(const void *p, size_t n_bytes)
{
	void *copy = malloc(n_bytes + (n_bytes == 0));

	assert_non_null(copy);
	if (n_bytes > 0)
		memcpy(copy, p, n_bytes);
	return copy;
}

static void assert_loaded(struct policy_load in, const char *wanted)
{
	struct policy_loaded l;
	struct buf out;
	void *found = copy_of(in.found, in.n_found * sizeof *in.found);
	void *serials = copy_of(in.serials, in.n_serials * sizeof *in.serials);
	void *mandatory = copy_of(in.mandatory, in.n_mandatory * sizeof *in.mandatory);

	in.found = found;
	in.serials = serials;
	in.mandatory = mandatory;
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
	free(found);
	free(serials);
	free(mandatory);
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
	assert_null(policy_file_info(policy_set_file(l.set, 0)).signature.ptr);
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

/* A date is the first moment at which it is so. */
static void dates_are_to_the_millisecond(void **state)
{
	struct policy_found f = found(POLICY_USER, "t",
				      FILE("t", ",\"not_before\":\"1970-01-01T00:00:01Z\","
						"\"not_after\":\"1970-01-01T00:00:02Z\""));
	struct policy_load in = { .found = &f, .n_found = 1 };

	(void)state;
	in.now_ms = 999;
	assert_loaded(in, "degraded t: its not_before lies in the future, changed, remember\n"
			  "0 user: t: its not_before lies in the future\n");
	in.now_ms = 1000;
	assert_loaded(in, "active, changed, persist, remember\n");
	in.now_ms = 1999;
	assert_loaded(in, "active, changed, persist, remember\n");
	in.now_ms = 2000;
	assert_loaded(in, "lockdown t: it was valid until 1970-01-01T00:00:02.000Z, changed\n"
			  "2 user: t: it was valid until 1970-01-01T00:00:02.000Z; expected a "
			  "renewed file\n");
}

/* As many problems as there may be of each kind have room. */
static void all_problems_are_told(void **state)
{
	static struct policy_mandatory gone[40];
	static char names[40][8];
	struct policy_load in = { .mandatory = gone,
				  .n_mandatory = 40,
				  .now_ms = NOW_MS,
				  .newest_record_ms = NOW_MS + 86400001 };
	struct policy_file *files[40];
	struct policy_error error;
	struct policy_loaded l;

	(void)state;
	for (size_t i = 0; i < LEN(gone); i++) {
		snprintf(names[i], sizeof names[i], "f%02zu", i);
		gone[i] = (struct policy_mandatory){ POLICY_MANDATORY, names[i] };
		files[i] = file_of(POLICY_USER, names[i],
				   FILE("t", ",\"not_after\":\"2026-01-01T00:00:00Z\""));
	}
	assert_int_equal(policy_load(&in, &l), ERR_OK);
	assert_int_equal(l.n_problems, 41);
	policy_loaded_free(&l);
	/* Those in force have expired, and what is to follow them is wrong. */
	struct policy_found bad = found(POLICY_USER, "f00", "{");
	in = (struct policy_load){
		.found = &bad, .n_found = 1, .now_ms = NOW_MS, .newest_record_ms = INT64_MIN
	};
	assert_int_equal(policy_set_build(files, 40, NULL, 0, &in.in_force, &error), ERR_OK);
	assert_int_equal(policy_load(&in, &l), ERR_OK);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_int_equal(l.n_problems, 41);
	policy_loaded_free(&l);
	policy_set_free(in.in_force);
	for (size_t i = 0; i < LEN(files); i++)
		policy_file_free(files[i]);
}

/* Of two files that have too many destinations together, the one of less authority goes. */
static void too_many_destinations_are_told(void **state)
{
	struct policy_found f[2];
	struct buf text[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&text[i], 65536);
		buf_printf(&text[i], "{\"hither_policy\":1,\"id\":\"t%zu\",\"destinations\":{",
			   i);
		for (size_t d = 0; d < (i == 0 ? 200 : 56); d++)
			buf_printf(&text[i],
				   "%s\"d%zu_%zu\":{\"tier\":\"cloud\",\"api\":\"openai\"}",
				   d > 0 ? "," : "", i, d);
		buf_add_str(&text[i], "}}");
		f[i] = found(i == 0 ? POLICY_MANDATORY : POLICY_USER, i == 0 ? "m" : "u",
			     buf_cstr(&text[i]));
	}
	struct policy_load in = {
		.found = f, .n_found = 2, .now_ms = NOW_MS, .newest_record_ms = INT64_MIN
	};
	struct policy_loaded l;

	assert_loaded(in, "degraded u: more than 255 destinations, changed, remember\n"
			  "0 user: u: more than 255 destinations\n");
	assert_int_equal(policy_load(&in, &l), ERR_OK);
	assert_int_equal(policy_destinations(l.set), 201);
	policy_loaded_free(&l);
	buf_free(&text[0]);
	buf_free(&text[1]);
}

static void a_name_that_is_taken_is_told(void **state)
{
	struct policy_found f[] = {
		found(POLICY_MANDATORY, "m", FILE("m", X)),
		found(POLICY_USER, "u",
		      FILE("u", ",\n  "
				"\"destinations\":{\"x\":{\"tier\":\"trusted\",\"api\":"
				"\"openai\"}}")),
	};

	(void)state;
	assert_loaded(
		(struct policy_load){ .found = f, .n_found = 2 },
		"degraded u: destination \"x\" is already defined by m, of layer mandatory, "
		"changed, remember\n"
		"0 user: u:2:19: destination \"x\" is already defined by m, of layer "
		"mandatory; expected another name\n");
}

static void note_path(void *ctx, const char *path)
{
	buf_printf(ctx, "%s\n", path);
}

/* Only a file that could take effect names a dictionary. */
static void only_whole_files_name_dictionaries(void **state)
{
#define LIST                                                                                   \
	"\"categories\":{\"a.b\":{\"dictionary\":\"/"                                          \
	"d\"},\"a.c\":{\"keywords\":[\"k\"]},\"a.d\":{\"dictionary\":\"/e\"}}"
	struct policy_found f[] = {
		found(POLICY_USER, "a", "{" LIST "}"),
		found(POLICY_USER, "b", FILE("b", "," LIST)),
		found(POLICY_USER, "c", FILE("c", "," LIST)),
	};
	struct buf out;

	(void)state;
	f[2].unreadable = "it is locked";
	struct policy_found *copy = copy_of(f, sizeof f);
	buf_init(&out, 1000);
	policy_load_dictionaries(copy, LEN(f), note_path, &out);
	assert_string_equal(buf_cstr(&out), "/d\n/e\n");
	buf_free(&out);
	free(copy);
}

/* Files of one name stay in the order given; others go by name, those inline do not. */
static void files_have_an_order(void **state)
{
	struct policy_file *files[] = { file_of(POLICY_USER, "b", FILE("first", "")),
					file_of(POLICY_USER, "b", FILE("second", "")),
					file_of(POLICY_USER, "a", FILE("third", "")),
					file_of(POLICY_MANDATORY, "z", FILE("fourth", "")) };
	static const char *const orders[2][4] = { { "fourth", "third", "first", "second" },
						  { "fourth", "first", "second", "third" } };

	(void)state;
	for (unsigned flags = 0; flags <= POLICY_INLINE; flags++) {
		struct policy_error error;
		struct policy_set *s = NULL;

		assert_int_equal(policy_set_build(files, LEN(files), NULL, flags, &s, &error),
				 ERR_OK);
		assert_int_equal(error.line, 0);
		assert_string_equal(error.problem, "");
		for (size_t i = 0; i < LEN(files); i++)
			assert_string_equal(policy_file_info(policy_set_file(s, i)).id,
					    orders[flags][i]);
		policy_set_free(s);
	}
	for (size_t i = 0; i < LEN(files); i++)
		policy_file_free(files[i]);
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
		cmocka_unit_test(dates_are_to_the_millisecond),
		cmocka_unit_test(all_problems_are_told),
		cmocka_unit_test(too_many_destinations_are_told),
		cmocka_unit_test(a_name_that_is_taken_is_told),
		cmocka_unit_test(only_whole_files_name_dictionaries),
		cmocka_unit_test(files_have_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
