/* SPDX-License-Identifier: Apache-2.0 */
/* Masking: nothing wanted is left. Restoring: every way to cut an answer gives the same text.
 */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "common/arena.h"
#include "common/fault.h"
#include "common/json.h"
#include "scan/map.h"
#include "scan/scan.h"

static struct scanner *scanner;
static struct scan_set everything;

static int build(void **state)
{
	struct scan_site_error bad;

	(void)state;
	if (scanner_new(NULL, 0, &scanner, &bad) != ERR_OK)
		return -1;
	scan_set_add_pattern(&everything, scanner, "*");
	return 0;
}

static int drop(void **state)
{
	(void)state;
	scanner_free(scanner);
	return 0;
}

static void masked_is(struct scan_map *m, const struct scan_set *want, const char *text,
		      const char *expected)
{
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(scan_mask(scanner, span_of(text), want, &scan_budget_default, m, &out),
			 ERR_OK);
	assert_string_equal(buf_cstr(&out), expected);
	buf_free(&out);
}

static void same_value_same_placeholder(void **state)
{
	struct scan_map *m = scan_map_new(100);

	(void)state;
	masked_is(m, &everything, "from ann@example.org to bob@example.org, cc ann@example.org",
		  "from [EMAIL-1] to [EMAIL-2], cc [EMAIL-1]");
	masked_is(m, &everything, "bob@example.org paid with 4111 1111 1111 1111",
		  "[EMAIL-2] paid with [CARD-1]");
	masked_is(m, &everything, "nothing to hide", "nothing to hide");
	masked_is(m, &everything, "", "");
	assert_int_equal(scan_map_count(m), 3);
	scan_map_free(m);
	scan_map_free(NULL);
}

static void only_what_is_wanted(void **state)
{
	struct scan_map *m = scan_map_new(100);
	struct scan_set want = { { 0 } };

	(void)state;
	scan_set_add_pattern(&want, scanner, "financial.*");
	masked_is(m, &want, "ann@example.org has 4111 1111 1111 1111",
		  "ann@example.org has [CARD-1]");
	scan_map_free(m);
}

static void a_placeholder_in_the_text_is_not_reused(void **state)
{
	struct scan_map *m = scan_map_new(100);
	struct scan_restore r;
	struct buf out;

	(void)state;
	masked_is(m, &everything, "[EMAIL-1] is not ann@example.org",
		  "[EMAIL-1] is not [EMAIL-2]");
	buf_init(&out, 1000);
	scan_restore_begin(&r, m);
	scan_restore_feed(&r, span_of("[EMAIL-1] and [EMAIL-2]"), &out);
	scan_restore_end(&r, &out);
	assert_string_equal(buf_cstr(&out), "[EMAIL-1] and ann@example.org");
	buf_free(&out);
	scan_map_free(m);
}

static void failures_leave_nothing(void **state)
{
	struct scan_map *m = scan_map_new(1);
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	buf_add_str(&out, "kept");
	assert_int_equal(scan_mask(scanner, span_of("a@example.org b@example.org"), &everything,
				   &scan_budget_default, m, &out),
			 ERR_TOO_BIG);
	assert_string_equal(buf_cstr(&out), "kept");
	struct scan_budget small = { 5, 10, 1000, 250 };
	assert_int_equal(
		scan_mask(scanner, span_of("longer than five"), &everything, &small, m, &out),
		ERR_TOO_BIG);
	assert_string_equal(buf_cstr(&out), "kept");
	buf_free(&out);
	scan_map_free(m);
}

static const char *const secrets[] = {
	"Ann Lee",
	"Mr. Wolkenstein",
	"ann@example.org",
	"4111 1111 1111 1111",
	"+49 171 1234567",
	"078-05-1125",
	"AKIAQYLPMN5HFIQR7XYZ",
	"password=k9$mPq2!zz",
	"http://u:pw12345@h.example/x",
	"GB82 WEST 1234 5698 7654 32",
	"385 Gemsbok Street, Pretoria",
	"I live in Denmark",
	"ghp_pzUXs5O3tmhQaKt0AvJtEvbVlS1THbYfCaCx",
	"Authorization: Bearer 8f3kd92ls0a7x5c4v1b6n2m9",
	"multiple sclerosis",
	"def f(x):\n    return x\n",
	"```c\nint x = 1;\n```\n",
	"born 5/10/1963",
	"bXkgY2FyZCBudW1iZXIgaXMgNDExMTExMTExMTExMTExMQ==",
	"bob%40example.org",
	"[NAME-1]",
	"[EMAIL-",
	"my passport number is T3569075",
	"P.O. Box 211",
	"curl -u ann:sekrit77 https://h",
	"12345",
	("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
	 "dozjgNryP4J3jVmNHl0w5N_X"),
	"-----BEGIN PRIVATE KEY-----\nMHcCAQEEIB1kGx0q1Pz4pJ1b8n1b2Y0m6vN8j1zQ0m3r5t7v9x1o\n",
};
static const char *const glue[] = { " ",  ", ",   "\n", " and ", ": ", "=",
				    "\"", " is ", "; ", "/",     "" };

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void make_text(struct buf *b, uint32_t *seed)
{
	size_t n = 1 + next_random(seed) % 9;

	buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		buf_add_str(b, secrets[next_random(seed) % LEN(secrets)]);
		buf_add_str(b, glue[next_random(seed) % LEN(glue)]);
	}
}

static void restored_is(const struct scan_map *m, struct span masked, struct span want,
			uint32_t *seed)
{
	struct scan_restore r;
	struct buf out;

	buf_init(&out, 100000);
	scan_restore_begin(&r, m);
	for (size_t at = 0; at < masked.len;) {
		size_t n = 1 + next_random(seed) % 7;

		n = n < masked.len - at ? n : masked.len - at;
		scan_restore_feed(&r, (struct span){ masked.ptr + at, n }, &out);
		CHECK(r.held_len <= SCAN_HOLD_BYTES, "little is held back");
		at += n;
	}
	scan_restore_end(&r, &out);
	CHECK(span_equal(buf_span(&out), want), "restoring gives the text back");
	buf_free(&out);
}

/*
 * Undoes masking from the outside in: values may hold placeholders of earlier rounds, which
 * is why restoring is repeated until nothing changes.
 */
static void unmask_fully(const struct scan_map *m, struct buf *text)
{
	for (int i = 0; i < 8; i++) {
		struct scan_restore r;
		struct buf out;

		buf_init(&out, 100000);
		scan_restore_begin(&r, m);
		scan_restore_feed(&r, buf_span(text), &out);
		scan_restore_end(&r, &out);
		bool same = span_equal(buf_span(&out), buf_span(text));
		buf_clear(text);
		buf_add(text, buf_span(&out));
		buf_free(&out);
		if (same)
			return;
	}
}

static void masked_text_scans_clean(void **state)
{
	struct buf text, out;
	uint32_t seed = 99;

	(void)state;
	buf_init(&text, 100000);
	buf_init(&out, 100000);
	for (int round = 0; round < 1500; round++) {
		struct scan_map *m = scan_map_new(1000);
		struct arena *a = arena_new("test", 1 << 24);
		struct scan_result r;

		make_text(&text, &seed);
		buf_clear(&out);
		enum err e = scan_mask(scanner, buf_span(&text), &everything,
				       &scan_budget_default, m, &out);
		if (e != ERR_OK)
			print_message("%s: %s\n", err_text(e), buf_cstr(&text));
		CHECK(e == ERR_OK, "masking succeeds");
		assert_int_equal(
			scan_text(scanner, buf_span(&out), &scan_budget_default, a, &r),
			ERR_OK);
		if (r.count > 0)
			print_message("%s\n  became\n%s\n", buf_cstr(&text), buf_cstr(&out));
		CHECK(r.count == 0, "a scan of masked text finds nothing");

		struct buf full;
		buf_init(&full, 100000);
		buf_add(&full, buf_span(&out));
		unmask_fully(m, &full);
		CHECK(span_equal(buf_span(&full), buf_span(&text)), "nothing is lost");
		buf_free(&full);

		struct scan_restore whole;
		struct buf once;
		buf_init(&once, 100000);
		scan_restore_begin(&whole, m);
		scan_restore_feed(&whole, buf_span(&out), &once);
		scan_restore_end(&whole, &once);
		restored_is(m, buf_span(&out), buf_span(&once), &seed);
		buf_free(&once);
		arena_free(a);
		scan_map_free(m);
	}
	buf_free(&text);
	buf_free(&out);
}

static void restores_split_placeholders(void **state)
{
	struct scan_map *m = scan_map_new(10);
	static const char answer[] = "[EMAIL-1][[EMAIL-1] [EMAIL-9] [EMAIL-1 [email-1] "
				     "[EMAIL-12345678] a[0] [A-1] [EMAIL-1]";
	static const char want[] =
		"ann@example.org[ann@example.org [EMAIL-9] [EMAIL-1 [email-1] "
		"[EMAIL-12345678] a[0] [A-1] ann@example.org";

	(void)state;
	masked_is(m, &everything, "ann@example.org", "[EMAIL-1]");
	for (size_t cut = 0; cut < sizeof answer - 1; cut++) {
		for (size_t second = cut; second < sizeof answer - 1; second += 5) {
			struct scan_restore r;
			struct buf out;

			buf_init(&out, 1000);
			scan_restore_begin(&r, m);
			scan_restore_feed(&r, (struct span){ answer, cut }, &out);
			scan_restore_feed(&r, (struct span){ answer + cut, second - cut },
					  &out);
			scan_restore_feed(&r, span_of(answer + second), &out);
			scan_restore_end(&r, &out);
			assert_string_equal(buf_cstr(&out), want);
			buf_free(&out);
		}
	}
	scan_map_free(m);
}

/* ---- JSON ---- */

/* Strings with and without needless escapes, numbers, keys that say what a value is. */
static void make_json(struct buf *b, uint32_t *seed)
{
	static const char *const keys[] = { "to", "password", "card", "text", "api_key", "n" };
	struct buf text;
	unsigned members = 1 + next_random(seed) % 4;

	buf_init(&text, 100000);
	buf_clear(b);
	buf_add_char(b, '{');
	for (unsigned i = 0; i < members; i++) {
		buf_printf(b, "%s\"%s%u\": ", i > 0 ? ", " : "",
			   keys[next_random(seed) % LEN(keys)], i);
		uint32_t kind = next_random(seed) % 4;

		make_text(&text, seed);
		if (kind == 0)
			buf_add_str(b, next_random(seed) % 2 ? "4111111111111111" : "-12.5e3");
		else if (kind == 1)
			buf_add_str(b, "[true,null,[\"ann\\u0040example.org\",{}]]");
		else
			json_put_string(b, buf_span(&text));
	}
	buf_add_char(b, '}');
	buf_free(&text);
}

static void scans_clean(struct span text, struct arena *a, const char *what)
{
	struct scan_result r;

	assert_int_equal(scan_text(scanner, text, &scan_budget_default, a, &r), ERR_OK);
	if (r.count > 0)
		fail_msg("%s: %s is left in %.*s", what,
			 scanner_category_name(scanner, r.spans[0].category), (int)text.len,
			 text.ptr);
}

static void each_string_scans_clean(const cJSON *v, struct arena *a)
{
	const cJSON *child;

	if (v->string != NULL)
		scans_clean(span_of(v->string), a, "a key");
	if (cJSON_IsString(v))
		scans_clean(span_of(v->valuestring), a, "a string");
	cJSON_ArrayForEach (child, v)
		each_string_scans_clean(child, a);
}

static void masked_json_is_json_and_scans_clean(void **state)
{
	struct buf text, out, back;
	uint32_t seed = 7;

	(void)state;
	buf_init(&text, 100000);
	buf_init(&out, 400000);
	buf_init(&back, 400000);
	for (int round = 0; round < 700; round++) {
		struct scan_map *m = scan_map_new(1000);
		struct arena *a = arena_new("test", 1 << 24);
		struct json_where where;
		cJSON *tree = NULL;

		make_json(&text, &seed);
		buf_clear(&out);
		enum err e = scan_mask_json(scanner, buf_span(&text), &everything,
					    &scan_budget_default, m, &out);
		if (e != ERR_OK)
			fail_msg("%s: %s", err_text(e), buf_cstr(&text));
		if (json_parse(buf_span(&out), &json_limits_api, &tree, &where) != ERR_OK)
			fail_msg("%s: %s became %s", where.problem, buf_cstr(&text),
				 buf_cstr(&out));
		scans_clean(buf_span(&out), a, "the text");
		each_string_scans_clean(tree, a);
		cJSON_Delete(tree);
		/* Restored in pieces it is JSON still. */
		struct scan_restore r;

		buf_clear(&back);
		scan_restore_begin_json(&r, m);
		for (size_t at = 0; at < out.len; at++)
			scan_restore_feed(&r, (struct span){ out.ptr + at, 1 }, &back);
		scan_restore_end(&r, &back);
		if (json_check(buf_span(&back), &json_limits_api, &where) != ERR_OK)
			fail_msg("%s: %s came back as %s", where.problem, buf_cstr(&out),
				 buf_cstr(&back));
		arena_free(a);
		scan_map_free(m);
	}
	buf_free(&text);
	buf_free(&out);
	buf_free(&back);
}

static void json_is(const char *text, const char *masked, const char *restored)
{
	struct scan_map *m = scan_map_new(100);
	struct scan_restore r;
	struct buf out, back;

	buf_init(&out, 10000);
	buf_init(&back, 10000);
	assert_int_equal(scan_mask_json(scanner, span_of(text), &everything,
					&scan_budget_default, m, &out),
			 ERR_OK);
	assert_string_equal(buf_cstr(&out), masked);
	scan_restore_begin_json(&r, m);
	scan_restore_feed(&r, buf_span(&out), &back);
	scan_restore_end(&r, &back);
	assert_string_equal(buf_cstr(&back), restored);
	buf_free(&out);
	buf_free(&back);
	scan_map_free(m);
}

static void json_by_example(void **state)
{
	(void)state;
	json_is("{\"to\":\"ann@example.org\",\"cc\":\"ann\\u0040example.org\"}",
		"{\"to\":\"[EMAIL-1]\",\"cc\":\"[EMAIL-1]\"}",
		"{\"to\":\"ann@example.org\",\"cc\":\"ann@example.org\"}");
	json_is("{\"password\":\"k9$mPq2!zz\",\"x\":\"a\\nb\"}",
		"{\"password\":\"[PASSWORD-1]\",\"x\":\"a\\nb\"}",
		"{\"password\":\"k9$mPq2!zz\",\"x\":\"a\\nb\"}");
	json_is("{\"n\":4111111111111111,\"m\":1}", "{\"n\":\"[CARD-1]\",\"m\":1}",
		"{\"n\":\"4111111111111111\",\"m\":1}");
	json_is("{\"plain\":[1,\"x\\u00e9\",{}]}", "{\"plain\":[1,\"x\\u00e9\",{}]}",
		"{\"plain\":[1,\"x\\u00e9\",{}]}");
}

/* Outside of strings, behind an escape, where a string ends: nothing is restored by mistake. */
static void json_keeps_its_shape(void **state)
{
	static const char text[] = "{\"a\":[EMAIL-1],\"b\":\"\\[EMAIL-1]\",\"[EMAIL-1\":\"]\"}";
	struct scan_map *m = scan_map_new(10);

	(void)state;
	masked_is(m, &everything, "ann@example.org", "[EMAIL-1]");
	for (size_t cut = 0; cut < sizeof text; cut++) {
		struct scan_restore r;
		struct buf out;

		buf_init(&out, 1000);
		scan_restore_begin_json(&r, m);
		scan_restore_feed(&r, (struct span){ text, cut }, &out);
		scan_restore_feed(&r, (struct span){ text + cut, sizeof text - 1 - cut }, &out);
		scan_restore_end(&r, &out);
		assert_string_equal(buf_cstr(&out), text);
		buf_free(&out);
	}
	scan_map_free(m);
}

static void what_is_known_is_masked_as_a_word(void **state)
{
	static const char *const rows[][2] = {
		{ "Will Smith, Will Smithson and goodWill Smith: Will Smith",
		  "[NAME-1], Will Smithson and goodWill Smith: [NAME-1]" },
		{ "“Will Smith” – Will Smith…", "“[NAME-1]” – [NAME-1]…" },
		{ "[NAME-1] is a placeholder, NAME is not",
		  "[NAME-1] is a placeholder, [X-1] is not" },
		{ "", "" },
		{ "Will Smith", "[NAME-1]" },
		{ "ab ab", "ab ab" },
	};
	struct scan_map *m = scan_map_new(10);
	struct span none = { "", 0 };

	(void)state;
	scan_map_placeholder(m, "NAME", span_of("Will Smith"), none);
	scan_map_placeholder(m, "OTHER", span_of("Will Smith"), none);
	scan_map_placeholder(m, "X", span_of("NAME"), none);
	scan_map_placeholder(m, "X", span_of("ab"), none);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		scan_mask_known(m, span_of(rows[i][0]), &out);
		assert_string_equal(buf_cstr(&out), rows[i][1]);
		buf_free(&out);
	}
	scan_map_free(m);
}

static void memory_failure_is_an_error(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct buf out;

		buf_init(&out, 1000);
		fault_arm(n, false);
		struct scan_map *m = scan_map_new(10);
		enum err e = m == NULL ? ERR_NO_MEMORY
				       : scan_mask(scanner, span_of("ann@example.org"),
						   &everything, &scan_budget_default, m, &out);
		bool fired = fault_fired();
		fault_arm(0, false);
		CHECK((e == ERR_OK) == !fired, "each failed allocation is reported");
		CHECK(e == ERR_OK || out.len == 0 || out.failed,
		      "and nothing half-masked comes out");
		buf_free(&out);
		scan_map_free(m);
		if (!fired)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_value_same_placeholder),
		cmocka_unit_test(only_what_is_wanted),
		cmocka_unit_test(a_placeholder_in_the_text_is_not_reused),
		cmocka_unit_test(failures_leave_nothing),
		cmocka_unit_test(masked_text_scans_clean),
		cmocka_unit_test(restores_split_placeholders),
		cmocka_unit_test(masked_json_is_json_and_scans_clean),
		cmocka_unit_test(json_by_example),
		cmocka_unit_test(json_keeps_its_shape),
		cmocka_unit_test(what_is_known_is_masked_as_a_word),
		cmocka_unit_test(memory_failure_is_an_error),
	};

	return cmocka_run_group_tests(tests, build, drop);
}
