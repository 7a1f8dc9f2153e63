/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of the other policy tests leave: edges of sizes, rare forms of a file, the
 * second of two reasons, and each allocation failing where a signature, a difference or a test
 * is read. */
#include "tests/unit/policy_help.h"

#include "crypto/crypto.h"

#define NOW_MS       INT64_C(1790000000000)
#define F(more)      "{\"hither_policy\":1,\"id\":\"f\"," more "}"
#define ID(id, more) "{\"hither_policy\":1,\"id\":\"" id "\"" more "}"
#define DEST(name, tier)                                                                       \
	"\"" name "\":{\"tier\":\"" tier "\",\"api\":\"openai\",\"base_url\":\"https://" name  \
	".example/v1\",\"retention_days\":0}"
#define BOTH "\"destinations\":{" DEST("x", "cloud") "," DEST("y", "trusted") "}"

/* Runs `what` with each allocation failing alone, until none is left to fail. `ok` says whether
 * it succeeded; it must not when something failed, and must when nothing did. */
static void each_allocation(bool (*what)(void *), void *ctx)
{
	size_t before = arenas_alive();

	for (unsigned n = 1;; n++) {
		fault_arm(n, false);
		bool ok = what(ctx);
		bool fired = fault_fired();

		fault_arm(0, false);
		assert_true(arenas_alive() == before);
		if (ok == fired)
			fail_msg("allocation %u fails: %s", n, ok ? "success" : "no success");
		if (!fired)
			break;
	}
}

/* ---------------------------------------------------------------- bundles */

static enum err bundle_of(size_t n_files, size_t n_attachments, unsigned layer)
{
	struct policy_file *files[POLICY_SET_MAX_FILES + 1];
	struct policy_attachment words[65];
	const struct policy_bundle b = { 1,       POLICY_ACTIVE, "",           files,
					 n_files, words,         n_attachments };
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf bytes;

	for (size_t i = 0; i < n_files; i++) {
		char text[80];

		snprintf(text, sizeof text, "{\"hither_policy\":1,\"id\":\"f%zu\"}", i);
		files[i] = file_of(POLICY_USER, "f", text);
	}
	for (size_t i = 0; i < n_attachments; i++)
		words[i] = (struct policy_attachment){ "/w", SPAN_LITERAL("w\n") };
	buf_init(&bytes, 1u << 20);
	policy_bundle_write(&b, &bytes);
	assert_false(bytes.failed);
	if (n_files > 0)
		bytes.ptr[8 + 8 + 1 + 4 + 4] = (char)layer;
	enum err got = policy_bundle_read(buf_span(&bytes), &s, &e);
	for (size_t i = 0; i < n_files; i++)
		policy_file_free(files[i]);
	policy_set_free(s);
	buf_free(&bytes);
	return got;
}

static void bundles_have_their_sizes(void **state)
{
	(void)state;
	assert_int_equal(bundle_of(1, 0, POLICY_USER), ERR_OK);
	assert_int_equal(bundle_of(1, 0, POLICY_LAYERS), ERR_CORRUPT);
	assert_int_equal(bundle_of(POLICY_SET_MAX_FILES, 0, POLICY_USER), ERR_OK);
	assert_int_equal(bundle_of(POLICY_SET_MAX_FILES + 1, 0, POLICY_USER), ERR_CORRUPT);
	assert_int_equal(bundle_of(0, 64, 0), ERR_OK);
	assert_int_equal(bundle_of(0, 65, 0), ERR_CORRUPT);
}

/* ---------------------------------------------------------------- loading */

static struct policy_found found(enum policy_layer layer, const char *name, const char *text)
{
	return (struct policy_found){
		.layer = layer, .name = name, .path = name, .text = span_of(text)
	};
}

static struct policy_loaded load(const struct policy_load *in)
{
	struct policy_loaded l;

	assert_int_equal(policy_load(in, &l), ERR_OK);
	return l;
}

static struct policy_load load_of(const struct policy_found *f, size_t n)
{
	return (struct policy_load){ .found = f,
				     .n_found = n,
				     .now_ms = NOW_MS,
				     .newest_record_ms = INT64_MIN,
				     .generation = 1 };
}

/* Status shows the first reason for a lockdown, and what is merely masked is no reason. */
static void the_first_reason_stays(void **state)
{
	const struct policy_found old[] = {
		found(POLICY_USER, "u.json",
		      ID("u", ",\"not_after\":\"2020-01-01T00:00:00Z\"")),
	};
	const struct policy_found masked[] = {
		found(POLICY_MANDATORY, "m.json", ID("m", "")),
		found(POLICY_VENDOR_MANDATORY, "m.json", ID("v", "")),
		found(POLICY_USER, "bad.json", "{"),
		found(POLICY_USER, "worse.json", "]"),
	};
	struct policy_load in = load_of(old, 1);
	struct policy_loaded l;

	(void)state;
	in.newest_record_ms = NOW_MS + INT64_C(3) * 86400000;
	l = load(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_int_equal(l.n_problems, 2);
	assert_true(contains(l.reason, "it was valid until"));
	assert_false(contains(l.reason, "clock"));
	policy_loaded_free(&l);
	in = load_of(masked, LEN(masked));
	l = load(&in);
	assert_int_equal(l.state, POLICY_DEGRADED);
	assert_int_equal(l.n_problems, 3);
	assert_int_equal(l.problems[0].kind, POLICY_PROBLEM_MASKED);
	assert_int_equal(strncmp(l.reason, "bad.json: ", 10), 0);
	policy_loaded_free(&l);
}

/* A file that must be there and cannot be read is refused, not gone; nor is it empty. */
static void unreadable_is_not_gone(void **state)
{
	struct policy_found f = found(POLICY_MANDATORY, "m.json", "");
	const struct policy_mandatory m = { .layer = POLICY_MANDATORY, .name = "m.json" };
	struct policy_load in = load_of(&f, 1);
	struct policy_loaded l;

	(void)state;
	in.mandatory = &m;
	in.n_mandatory = 1;
	f.unreadable = "permission denied";
	l = load(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_int_equal(l.problems[0].kind, POLICY_PROBLEM_FILE);
	assert_true(contains(l.reason, "permission denied"));
	policy_loaded_free(&l);
	f.unreadable = NULL;
	l = load(&in);
	assert_int_equal(l.problems[0].kind, POLICY_PROBLEM_REMOVED);
	policy_loaded_free(&l);
	policy_load_dictionaries(&(struct policy_found){ .unreadable = "no", .name = "x" }, 1,
				 NULL, NULL);
}

/* The highest serial of a name counts, wherever it stands in the list. */
static void the_highest_serial_counts(void **state)
{
	const struct policy_found f =
		found(POLICY_MANDATORY, "m.json", ID("m", ",\"serial\":5"));
	struct policy_serial serials[] = { { "m", 6 }, { "m", 3 }, { "n", 9 } };
	struct policy_load in = load_of(&f, 1);
	struct policy_loaded l;

	(void)state;
	in.serials = serials;
	in.n_serials = LEN(serials);
	l = load(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(contains(l.reason, "serial 5 of \"m\" is lower than 6"));
	policy_loaded_free(&l);
	serials[0].serial = 5;
	l = load(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	policy_loaded_free(&l);
}

#define FAILS(name) "{\"name\":\"" name "\",\"request\":{},\"expect\":{\"local\":\"deny\"}}"

/* Of a file whose tests fail, the first that does is named. */
static void the_first_failing_test_is_named(void **state)
{
	const struct policy_found f = found(
		POLICY_USER, "u.json",
		ID("u", ",\"tests\":[{\"name\":\"good\",\"request\":{},\"expect\":{\"local\":"
			"\"allow\"}},\n" FAILS("one") ",\n" FAILS("two") "]"));
	struct policy_load in = load_of(&f, 1);
	struct policy_loaded l = load(&in);

	(void)state;
	assert_int_equal(l.n_problems, 1);
	assert_int_equal(l.problems[0].kind, POLICY_PROBLEM_TEST);
	assert_int_equal(l.problems[0].error.line, 2);
	assert_true(contains(l.problems[0].error.problem, "its test \"one\" fails at local"));
	policy_loaded_free(&l);
}

static bool last_good_loads(void *ctx)
{
	const struct policy_load *in = ctx;
	struct policy_loaded l;
	enum err e = policy_load(in, &l);

	if (e != ERR_OK) {
		assert_int_equal(e, ERR_NO_MEMORY);
		return false;
	}
	bool whole = l.from_last_good;

	policy_loaded_free(&l);
	return whole;
}

/* The last good one counts up to its last millisecond. */
static void the_last_good_ends_in_time(void **state)
{
	const int64_t end_ms = INT64_C(1795132800000);
	const struct policy_found good = found(
		POLICY_MANDATORY, "m.json", ID("m", ",\"not_after\":\"2026-11-20T00:00:00Z\""));
	const struct policy_found bad = found(POLICY_MANDATORY, "m.json", "{");
	struct policy_load in = load_of(&good, 1), later = load_of(&bad, 1);
	struct policy_loaded l = load(&in), again;

	(void)state;
	later.last_good = buf_span(&l.bundle);
	for (int ms = -1; ms < 2; ms++) {
		later.now_ms = end_ms + ms;
		again = load(&later);
		assert_int_equal(again.state, ms < 0 ? POLICY_DEGRADED : POLICY_LOCKDOWN);
		assert_true(again.from_last_good == (ms < 0));
		policy_loaded_free(&again);
	}
	policy_loaded_free(&l);
}

static void the_last_good_needs_room(void **state)
{
	const struct policy_found good =
		found(POLICY_MANDATORY, "m.json",
		      ID("m", ",\"categories\":{\"company.a\":{\"dictionary\":\"/w\"}}"));
	const struct policy_found bad = found(POLICY_MANDATORY, "m.json", "{");
	const struct policy_attachment words = { "/w", SPAN_LITERAL("alpha\n") };
	struct policy_load in = load_of(&good, 1);
	struct policy_loaded l;

	(void)state;
	in.attachments = &words;
	in.n_attachments = 1;
	l = load(&in);
	in = load_of(&bad, 1);
	in.last_good = buf_span(&l.bundle);
	each_allocation(last_good_loads, &in);
	policy_loaded_free(&l);
}

/* ---------------------------------------------------------------- merging */

static void nearest_words_and_names(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "a",
		  ID("a", ",\"routing\":{\"while_asking\":\"text\",\"fallback\":[\"one\"]}") },
		{ POLICY_USER, "b",
		  ID("b", ",\"routing\":{\"while_asking\":\"hold\",\"fallback\":[\"two\"]}") },
		{ POLICY_USER, "c", ID("c", ",\"routing\":{\"while_asking\":\"text\"}") },
		{ POLICY_VENDOR, "v", ID("v", ",\"routing\":{\"while_asking\":\"wait\"}") });
	enum policy_draft text, hold;

	(void)state;
	assert_true(policy_draft_from(span_of("text"), &text));
	assert_true(policy_draft_from(span_of("hold"), &hold));
	/* The one that does least of the nearest layer, whatever a farther one says. */
	assert_int_equal(policy_routing(s)->while_asking, text < hold ? text : hold);
	assert_int_equal(policy_routing(s)->n_fallback, 1);
	assert_string_equal(policy_routing(s)->fallback[0], "one");
	policy_set_free(s);
}

static enum policy_content content_of(const struct source *sources, size_t n)
{
	struct policy_set *s = set_of(sources, n);
	enum policy_content content = policy_ledger(s)->content;

	policy_set_free(s);
	return content;
}

static void the_content_of_the_ledger(void **state)
{
	const struct source a[] = {
		{ POLICY_USER, "u", ID("u", ",\"ledger\":{\"content\":\"full\"}") },
		{ POLICY_VENDOR, "v", ID("v", ",\"ledger\":{\"content\":\"none\"}") },
	};
	const struct source b[] = {
		{ POLICY_MANDATORY, "m", ID("m", ",\"ledger\":{\"content\":\"none\"}") },
		{ POLICY_USER, "u", ID("u", ",\"ledger\":{\"content\":\"full\"}") },
	};

	(void)state;
	assert_int_equal(content_of(a, 2), POLICY_CONTENT_FULL);
	assert_int_equal(content_of(b, 2), POLICY_CONTENT_NONE);
}

/* ---------------------------------------------------------------- reading */

static const char *problem_of(const char *text)
{
	static struct policy_error error;
	struct policy_file *f = NULL;

	if (policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, &error) != ERR_OK)
		return error.problem;
	policy_file_free(f);
	return "";
}

static void fallbacks_are_up_to_sixteen_names(void **state)
{
	static const char names[] =
		"\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\","
		"\"k\",\"l\",\"m\",\"n\",\"o\",\"p\"";
	char text[400];

	(void)state;
	snprintf(text, sizeof text, F("\"routing\":{\"fallback\":[%s]}"), names);
	assert_string_equal(problem_of(text), "");
	snprintf(text, sizeof text, F("\"routing\":{\"fallback\":[%s,\"q\"]}"), names);
	assert_string_equal(problem_of(text), "too many names");
	assert_true(contains(problem_of(F("\"routing\":{\"fallback\":7}")), "wrong type"));
	assert_true(contains(problem_of(F("\"routing\":{\"fallback\":[7]}")), "wrong type"));
}

static bool parses(void *ctx)
{
	struct policy_file *f = NULL;
	struct policy_error e;
	enum err got =
		policy_file_parse(buf_span(ctx), POLICY_USER, "f", NULL, POLICY_INLINE, &f, &e);

	policy_file_free(got == ERR_OK ? f : NULL);
	if (got != ERR_OK) {
		assert_int_equal(got, ERR_NO_MEMORY);
		assert_true(contains(e.problem, "memory"));
	}
	return got == ERR_OK;
}

/* A file so long that each kind of its parts is what finds no room, some time. */
static void long_files_need_room(void **state)
{
	static const char *const parts[][2] = {
		{ "{\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"any\":[",
		  "{\"tools\":true}" },
		{ "{\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"any\":[",
		  "{\"app\":[\"a.*\",\"b\"]}" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(parts); i++) {
		struct buf text;

		buf_init(&text, 1u << 20);
		buf_add_str(&text, parts[i][0]);
		for (int n = 0; n < 256; n++)
			buf_printf(&text, "%s%s", n > 0 ? "," : "", parts[i][1]);
		buf_add_str(&text, "]}}]}");
		assert_false(text.failed);
		each_allocation(parses, &text);
		buf_free(&text);
	}
}

/* ---------------------------------------------------------------- texts */

static void explained(struct policy_set *s, const char *request, struct buf *out)
{
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_request q = request_of(a, request);

	buf_init(out, 1u << 20);
	policy_explain(s, &q, NOW_MS, out);
	arena_free(a);
}

/* Each obligation may be the first one. */
static void obligations_stand_alone(void **state)
{
	static const struct {
		const char *with, *want;
	} rows[] = {
		{ "{\"strip\":[\"images\"]}", "with: strip images\n" },
		{ "{\"max_input_tokens\":7}", "with: max 7 input tokens\n" },
		{ "{\"max_output_tokens\":8}", "with: max 8 output tokens\n" },
		{ "{\"log\":\"full\"}", "with: log full\n" },
		{ "{\"notify\":\"after\"}", "with: tell the person afterwards\n" },
		{ "{\"redact\":[\"personal.*\",\"minor\"],\"log\":\"full\"}",
		  "with: redact minor personal.*; log full\n" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[600];
		struct buf out;

		snprintf(text, sizeof text,
			 F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"ask\",\"when\":{"
				"\"tier\":[\"cloud\"]},\"with\":%s}]"),
			 rows[i].with);
		struct policy_set *s = SET({ POLICY_USER, "u", text });

		explained(s, "{}", &out);
		if (!contains(buf_cstr(&out), rows[i].want))
			fail_msg("\"%s\" is not in\n%s", rows[i].want, buf_cstr(&out));
		buf_free(&out);
		policy_set_free(s);
	}
}

/* A local_only rule says nothing up to its tier, and denies above it. */
static void local_only_up_to_a_tier(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "u",
		      F(BOTH
			",\"default\":{\"trusted\":\"allow\",\"cloud\":\"allow\"},\"rules\":[{"
			"\"id\":\"r\",\"effect\":\"local_only\",\"max_tier\":\"trusted\"}]") });

	(void)state;
	assert_true(contains(answer(s, "{}", "y"), "\"allow\""));
	assert_true(contains(answer(s, "{}", "x"), "\"deny\""));
	policy_set_free(s);
	s = SET({ POLICY_USER, "u",
		  F(BOTH ",\"default\":{\"trusted\":\"allow\"},\"rules\":[{\"id\":\"r\","
			 "\"effect\":\"local_only\"}]") });
	assert_true(contains(answer(s, "{}", "y"), "\"deny\""));
	assert_true(contains(answer(s, "{}", "local"), "\"allow\""));
	policy_set_free(s);
}

/* One rule may miss by another condition at each destination: the first is told. */
static void near_misses_differ(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "u",
		  F(BOTH ",\"default\":{\"trusted\":\"allow\",\"cloud\":\"allow\"},\"rules\":[{"
			 "\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"any\":[{\"tier\":["
			 "\"cloud\"]},{\"tools\":true}]},\"unless\":{\"tier\":[\"cloud\"],"
			 "\"interactive\":true}}]") });
	struct buf out;

	(void)state;
	explained(s, "{\"tools\":false,\"interactive\":true}", &out);
	if (!contains(buf_cstr(&out),
		      "near misses           r would DENY local, y if tier is cloud or "
		      "tools is true\npolicy"))
		fail_msg("%s", buf_cstr(&out));
	buf_free(&out);
	policy_set_free(s);
}

/* Twelve near misses are told, not one more. */
static void near_misses_end(void **state)
{
	struct buf text, out;

	(void)state;
	buf_init(&text, 65536);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\",\"rules\":[");
	for (int i = 0; i < 13; i++)
		buf_printf(
			&text,
			"%s{\"id\":\"r%d\",\"effect\":\"deny\",\"when\":{\"task\":[\"t%d\"]}}",
			i > 0 ? "," : "", i, i);
	buf_add_str(&text, "]}");
	struct policy_set *s = SET({ POLICY_USER, "u", buf_cstr(&text) });

	explained(s, "{\"task\":\"x\"}", &out);
	assert_true(contains(buf_cstr(&out), "r11 would DENY local if task is t11\n"));
	assert_false(contains(buf_cstr(&out), "r12"));
	buf_free(&out);
	buf_free(&text);
	policy_set_free(s);
}

/* Who signed a file, and why a policy is not active, stand in what people read. */
static void signer_and_reason_are_shown(void **state)
{
	struct policy_file *f = file_of(POLICY_MANDATORY, "m.json", ID("m", ""));
	const struct policy_bundle b = { 3, POLICY_DEGRADED, "why: not", &f, 1, NULL, 0 };
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf bytes, out;

	(void)state;
	assert_int_equal(policy_file_set_signer(f, "0123456789abcdef", SPAN_LITERAL("s")),
			 ERR_OK);
	buf_init(&bytes, 65536);
	policy_bundle_write(&b, &bytes);
	policy_file_free(f);
	assert_int_equal(policy_bundle_read(buf_span(&bytes), &s, &e), ERR_OK);
	explained(s, "{}", &out);
	assert_true(contains(buf_cstr(&out), "m degraded (why: not), verified ES256 key "
					     "0123456789abcdef\n"));
	buf_clear(&out);
	policy_show(s, false, NOW_MS, &out);
	assert_true(contains(buf_cstr(&out), "  signed by 0123456789abcdef\n"));
	buf_free(&out);
	buf_free(&bytes);
	policy_set_free(s);
}

static void durations_are_short(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = { { "0s", "0ms" }, { "1s", "1s" },  { "90s", "90s" },
		     { "60s", "1m" }, { "60m", "1h" }, { "48h", "2d" } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[200], want[80];
		struct buf out;

		snprintf(text, sizeof text, F("\"consent\":{\"hold_max\":\"%s\"}"), rows[i].in);
		struct policy_set *s = SET({ POLICY_USER, "u", text });

		buf_init(&out, 65536);
		policy_show(s, true, 0, &out);
		snprintf(want, sizeof want, "%-22s %s ", "hold_max", rows[i].out);
		if (!contains(buf_cstr(&out), want))
			fail_msg("\"%s\" is not in\n%s", want, buf_cstr(&out));
		buf_free(&out);
		policy_set_free(s);
	}
}

static void what_nobody_prefers_is_shown(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", F("\"title\":\"t\"") });
	struct buf out = shown(s);

	(void)state;
	assert_true(contains(buf_cstr(&out), "(the nearest that suffices)"));
	buf_free(&out);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- layout */

static void layout_of_rare_forms(void **state)
{
	(void)state;
	assert_laid_out("7", "7\n");
	assert_laid_out("[]", "[\n]\n");
	assert_laid_out("// a\n\n{\"b\": 1}", "// a\n\n{\n  \"b\": 1\n}\n");
	assert_laid_out("{\"a\": 1}\n\n// b", "{\n  \"a\": 1\n}\n\n// b\n");
	assert_laid_out("true", "true\n");
	assert_laid_out("\n\n\n{}", "{\n}\n");
	assert_laid_out("{\"a\": [1] /* p/q */}", "{\n  \"a\": [1]  /* p/q */\n}\n");
	assert_laid_out("{\"a\": [1] /*/ x */}", "{\n  \"a\": [1]  /*/ x */\n}\n");
	assert_laid_out("{\"a\": [1] /**/}", "{\n  \"a\": [1]  /**/\n}\n");
}

/* A group stays on its line up to the width, one byte more and it is opened. */
static void layout_at_the_width(void **state)
{
	unsigned width = 0;

	(void)state;
	for (unsigned n = 1; n < 200; n++) {
		char in[300], flat[300], word[201];
		struct policy_error e;
		struct buf out;

		memset(word, 'w', n);
		word[n] = '\0';
		snprintf(in, sizeof in, "{\"a\":[\"%s\",{\"b\":1}]}", word);
		snprintf(flat, sizeof flat, "{\n  \"a\": [\"%s\", { \"b\": 1 }]\n}\n", word);
		buf_init(&out, 4096);
		assert_int_equal(policy_format(span_of(in), "t", &out, &e), ERR_OK);
		bool one_line = strcmp(buf_cstr(&out), flat) == 0;

		assert_true(one_line || contains(buf_cstr(&out), "\"a\": [\n    \"w"));
		assert_true(!one_line || width == n - 1); /* from some n on never */
		if (one_line)
			width = n;
		buf_free(&out);
	}
	assert_int_equal(width, 74);
}

/* ---------------------------------------------------------------- remarks */

static void note_code(void *ctx, const struct policy_lint *l)
{
	char *codes = ctx;

	snprintf(codes + strlen(codes), 2000 - strlen(codes), "%s ", l->code);
}

static void remarks(const struct source *sources, size_t n, const char *want)
{
	struct policy_set *s = set_of(sources, n);
	char codes[2000] = "";

	policy_lints(s, note_code, codes);
	assert_string_equal(codes, want);
	policy_set_free(s);
}
#define REMARKS(want, ...)                                                                     \
	remarks((const struct source[]){ __VA_ARGS__ },                                        \
		LEN(((const struct source[]){ __VA_ARGS__ })), want)
#define FIFTY  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TESTED ",\"tests\":[{\"name\":\"n\",\"request\":{},\"expect\":{\"local\":\"allow\"}}]"

static void rare_remarks(void **state)
{
	(void)state;
	/* A score above 0.2 that equals 0.5 can be. */
	REMARKS("",
		{ POLICY_USER, "u",
		  F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"score\":{"
			 "\"gt\":0.2,\"eq\":0.5}}}]" TESTED) });
	REMARKS("never-matches ",
		{ POLICY_USER, "u",
		  F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"time\":{"
			 "\"days\":[]}}}]" TESTED) });
	REMARKS("",
		{ POLICY_USER, "u",
		  F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"device\":{"
			 "\"locked\":true}}}]" TESTED) });
	/* With nothing but this device, a grant for others is no remark. */
	REMARKS("", { POLICY_USER, "u",
		      F("\"rules\":[{\"id\":\"r\",\"effect\":\"ask\",\"when\":{\"tier\":["
			"\"trusted\"]}}]" TESTED) });
	REMARKS("",
		{ POLICY_USER, "u",
		  F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"when\":{\"tier\":["
			 "\"cloud\"],\"data\":{\"any\":[\"minor\"]}}}]" TESTED) });
	REMARKS("unknown-category unknown-category unknown-category ",
		{ POLICY_USER, "u",
		  F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"data\":{"
			 "\"all\":[\"no.a\"],\"none\":[\"no.b\",\"minor\"],\"only\":[\"no.c\"]}"
			 "}}]" TESTED) });
	/* A name too long to be looked for has no line. */
	REMARKS("regex-unanchored ",
		{ POLICY_USER, "u",
		  F("\"categories\":{\"company." FIFTY FIFTY "\":{\"regex\":\"x\"}}") });
	/* A group belongs to its layer. */
	REMARKS("unknown-group ",
		{ POLICY_USER, "u",
		  F(BOTH ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"app\":["
			 "\"@g\"]}}]" TESTED) },
		{ POLICY_VENDOR, "v", ID("v", ",\"groups\":{\"g\":[\"a\"]}") });
	/* A device keeps nothing that it should have to say. */
	REMARKS("", { POLICY_USER, "u",
		      F("\"destinations\":{\"d\":{\"tier\":\"device\",\"api\":\"openai\","
			"\"base_url\":\"http://127.0.0.1:1/v1\"}}") });
}

/* ---------------------------------------------------------------- differences */

struct pair {
	struct policy_set *before, *after;
};

static bool differ(void *ctx)
{
	struct pair *p = ctx;
	struct buf out;

	buf_init(&out, 65536);
	policy_diff(p->before, p->after, &out);
	bool ok = !out.failed;

	buf_free(&out);
	return ok;
}

static void differences_of_neighbours(void **state)
{
	/* Two files of a layer; a destination that goes; a budget and an order that change. */
	struct pair p = {
		SET({ POLICY_USER, "a",
		      ID("a", "," BOTH ",\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"],"
			      "\"window\":\"day\",\"on_exceed\":\"refuse\",\"max_requests\":9}"
			      "]" TESTED) },
		    { POLICY_USER, "b", ID("b", ",\"title\":\"one\"") }),
		SET({ POLICY_USER, "b", ID("b", ",\"title\":\"two\"") },
		    { POLICY_USER, "a",
		      ID("a", ",\"destinations\":{" DEST(
				      "y", "trusted") "},\"budgets\":[{"
						      "\"id\":\"b\",\"scope\":[\"user\"],"
						      "\"window\":\"day\","
						      "\"on_exceed\":\"refuse\",\"max_"
						      "requests\":8}]" TESTED) }),
	};
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(policy_diff(p.before, p.after, &out), 3);
	assert_string_equal(buf_cstr(&out),
			    "- user              a                    destination x\n"
			    "~ user              a                    budget b\n"
			    "~ user              b                    title\n");
	buf_free(&out);
	each_allocation(differ, &p);
	policy_set_free(p.before);
	policy_set_free(p.after);
}

/* ---------------------------------------------------------------- tests inside files */

static void keep_result(void *ctx, const struct policy_test_result *r)
{
	snprintf(ctx, 400, "%s, wanted %s", r->got, r->wanted);
}

static void note_rule(void *ctx, const struct policy_file *f, const char *id, uint32_t line)
{
	snprintf(ctx, 400, "%s %s %u", policy_file_info(f).name, id, line);
}

static const char reasons_file[] = F(
	"\"rules\":[{\"id\":\"one\",\"effect\":\"ask\",\"with\":{\"redact\":[\"minor\","
	"\"personal.*\"]}},{\"id\":\"two\",\"effect\":\"ask\"},\n{\"id\":\"other\",\"effect\":"
	"\"deny\",\"when\":{\"task\":[\"t\"]}}],\"tests\":[{\"name\":\"n\",\"request\":{"
	"\"task\":\"x\"},"
	"\"expect\":{\"local\":\"deny\"}}]");

static void results_list_all_reasons(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", reasons_file });
	char text[400] = "";

	(void)state;
	assert_int_equal(policy_tests_run(s, NULL, keep_result, text, NULL), 1);
	assert_string_equal(text, "ask by one, two; redact minor, personal.*, wanted deny");
	assert_int_equal(policy_coverage(s, note_rule, text), 1);
	assert_string_equal(text, "u other 2");
	for (unsigned n = 1; n < 40; n++) { /* without memory no test is said to hold */
		fault_arm(n, false);
		assert_int_equal(policy_tests_run(s, NULL, keep_result, text, NULL), 1);
		fault_arm(0, false);
	}
	policy_set_free(s);
}

/* ---------------------------------------------------------------- one line of a batch */

static void a_batch_line_has_up_to_256_files(void **state)
{
	struct buf line, out;

	(void)state;
	for (unsigned n = 256; n <= 257; n++) {
		buf_init(&line, 65536);
		buf_init(&out, 65536);
		buf_add_str(&line, "{\"id\":1,\"layers\":{\"user\":[");
		for (unsigned i = 0; i < n; i++)
			buf_printf(&line, "%s{\"title\":\"t\"}", i > 0 ? "," : "");
		buf_add_str(&line, "]},\"request\":{}}");
		bool ok = policy_eval_line(buf_span(&line), false, &out);

		assert_true(ok == (n == 256));
		assert_true(ok || contains(buf_cstr(&out), "too many files"));
		buf_free(&line);
		buf_free(&out);
	}
}

/* ---------------------------------------------------------------- signatures */

#define TEXT SPAN_LITERAL("what is signed")

struct keys {
	struct buf private_pem, public_pem, signature;
	struct policy_trust *trust;
};

static struct span key_pem(struct buf *private_pem)
{
	static struct buf pem;
	struct crypto_key *k;

	buf_init(&pem, 4096);
	assert_int_equal(crypto_key_generate(&k), ERR_OK);
	assert_int_equal(crypto_key_to_pem(k, false, &pem), ERR_OK);
	if (private_pem != NULL)
		assert_int_equal(crypto_key_to_pem(k, true, private_pem), ERR_OK);
	crypto_key_free(k);
	return buf_span(&pem);
}

static void up_to_32_keys_are_trusted(void **state)
{
	struct span pems[33];
	struct policy_trust *t = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(crypto_init(), ERR_OK);
	for (size_t i = 0; i < LEN(pems); i++)
		pems[i] = key_pem(NULL);
	assert_int_equal(policy_trust_new(pems, 33, 1, &t, &e), ERR_TOO_BIG);
	assert_string_equal(e.problem, "too many trusted keys");
	assert_int_equal(policy_trust_new(pems, 32, 32, &t, &e), ERR_OK);
	policy_trust_free(t);
	assert_int_equal(policy_trust_new(pems, 32, 33, &t, &e), ERR_SYNTAX);
	/* Nothing behind a key that is none counts. */
	struct span first = pems[0];
	pems[0] = SPAN_LITERAL("none");
	assert_int_equal(policy_trust_new(pems, 2, 1, &t, &e), ERR_SYNTAX);
	assert_string_equal(e.problem, "a trusted key cannot be read");
	pems[0] = first;
	for (size_t i = 0; i < LEN(pems); i++)
		free((void *)(uintptr_t)pems[i].ptr);
}

static bool trusts(void *ctx)
{
	struct keys *k = ctx;
	struct span pem = buf_span(&k->public_pem);
	struct policy_trust *t = NULL;
	struct policy_error e = { 0 };
	enum err got = policy_trust_new(&pem, 1, 1, &t, &e);

	policy_trust_free(t);
	if (got != ERR_OK) {
		assert_int_equal(got, ERR_NO_MEMORY);
		assert_string_equal(e.problem, "memory is out");
	}
	return got == ERR_OK;
}

static bool verifies(void *ctx)
{
	struct keys *k = ctx;
	char id[CRYPTO_KEY_ID_BYTES];
	struct policy_error e = { 0 };
	enum err got = policy_verify(k->trust, TEXT, buf_span(&k->signature), id, &e);

	if (got != ERR_OK)
		assert_int_equal(got, ERR_NO_MEMORY);
	return got == ERR_OK;
}

static bool signs(void *ctx)
{
	struct keys *k = ctx;
	struct policy_error e = { 0 };
	struct buf out;

	buf_init(&out, 65536);
	enum err got =
		policy_sign(buf_span(&k->private_pem), TEXT, buf_span(&k->signature), &out, &e);
	buf_free(&out);
	if (got != ERR_OK)
		assert_int_equal(got, ERR_NO_MEMORY);
	return got == ERR_OK;
}

static void signatures_need_room(void **state)
{
	struct keys k;
	struct policy_error e;
	struct span pem;

	(void)state;
	assert_int_equal(crypto_init(), ERR_OK);
	buf_init(&k.private_pem, 4096);
	buf_init(&k.public_pem, 4096);
	buf_init(&k.signature, 65536);
	pem = key_pem(&k.private_pem);
	buf_add(&k.public_pem, pem);
	free((void *)(uintptr_t)pem.ptr);
	pem = buf_span(&k.public_pem);
	assert_int_equal(policy_trust_new(&pem, 1, 1, &k.trust, &e), ERR_OK);
	assert_int_equal(policy_sign(buf_span(&k.private_pem), TEXT, (struct span){ "", 0 },
				     &k.signature, &e),
			 ERR_OK);
	each_allocation(trusts, &k);
	each_allocation(verifies, &k);
	each_allocation(signs, &k);
	policy_trust_free(k.trust);
	buf_free(&k.private_pem);
	buf_free(&k.public_pem);
	buf_free(&k.signature);
}

/* What stands in FILE.sig already is looked at whole, and nothing follows what is wrong. */
static void signing_beside_what_is_wrong(void **state)
{
	static const char *const existing[] = {
		"[{\"alg\":\"ES256\",\"key_id\":\"0\",\"sig\":1},{\"alg\":\"ES256\"}]",
		"[{\"alg\":\"RS256\",\"key_id\":\"0\",\"sig\":\"\"},{\"alg\":\"ES256\",\"key_"
		"id\":"
		"\"0\",\"sig\":\"\"}]",
	};
	struct buf private_pem, out;
	struct policy_error e;
	struct span pem;

	(void)state;
	assert_int_equal(crypto_init(), ERR_OK);
	buf_init(&private_pem, 4096);
	pem = key_pem(&private_pem);
	free((void *)(uintptr_t)pem.ptr);
	for (size_t i = 0; i < LEN(existing); i++) {
		buf_init(&out, 65536);
		assert_int_equal(policy_sign(buf_span(&private_pem), TEXT, span_of(existing[i]),
					     &out, &e),
				 ERR_SYNTAX);
		assert_string_equal(e.problem, i == 0 ? "the signature file is malformed"
						      : "unknown signature algorithm");
		buf_free(&out);
	}
	buf_init(&out, 4); /* no room for what is written */
	assert_int_equal(
		policy_sign(buf_span(&private_pem), TEXT, (struct span){ "", 0 }, &out, &e),
		ERR_NO_MEMORY);
	assert_string_equal(e.problem, "the signature could not be made");
	buf_free(&out);
	buf_free(&private_pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bundles_have_their_sizes),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(unreadable_is_not_gone),
		cmocka_unit_test(the_highest_serial_counts),
		cmocka_unit_test(the_first_failing_test_is_named),
		cmocka_unit_test(the_last_good_ends_in_time),
		cmocka_unit_test(the_last_good_needs_room),
		cmocka_unit_test(nearest_words_and_names),
		cmocka_unit_test(the_content_of_the_ledger),
		cmocka_unit_test(fallbacks_are_up_to_sixteen_names),
		cmocka_unit_test(long_files_need_room),
		cmocka_unit_test(obligations_stand_alone),
		cmocka_unit_test(local_only_up_to_a_tier),
		cmocka_unit_test(near_misses_differ),
		cmocka_unit_test(near_misses_end),
		cmocka_unit_test(signer_and_reason_are_shown),
		cmocka_unit_test(durations_are_short),
		cmocka_unit_test(what_nobody_prefers_is_shown),
		cmocka_unit_test(layout_of_rare_forms),
		cmocka_unit_test(layout_at_the_width),
		cmocka_unit_test(rare_remarks),
		cmocka_unit_test(differences_of_neighbours),
		cmocka_unit_test(results_list_all_reasons),
		cmocka_unit_test(a_batch_line_has_up_to_256_files),
		cmocka_unit_test(up_to_32_keys_are_trusted),
		cmocka_unit_test(signatures_need_room),
		cmocka_unit_test(signing_beside_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
