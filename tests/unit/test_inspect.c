/* SPDX-License-Identifier: Apache-2.0 */
/* What consent reads out of a body by itself: facts of its dialect, and what lies in its words.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consent/inspect.h"

#define MAIL  "anna.schmidt@example.org"
#define TOKEN "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

static struct arena *arena;
static struct inspected in;

static struct inspector *looking(const char *categories)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error e;
	struct inspector *i;
	char text[1024];

	snprintf(text, sizeof text, "{\"hither_policy\":1,\"id\":\"t\",\"categories\":{%s}}",
		 categories);
	if (policy_file_parse(span_of(text), POLICY_USER, "t.json", NULL, 0, &f, &e) != ERR_OK)
		fail_msg("%s: %u:%u %s", text, e.line, e.column, e.problem);
	assert_int_equal(policy_set_build(&f, 1, NULL, 0, &s, &e), ERR_OK);
	policy_file_free(f);
	i = inspector_new(s);
	policy_set_free(s);
	return i;
}

static struct inspector *usual;

static int begin(void **state)
{
	(void)state;
	arena = arena_new("test", 1 << 20);
	usual = looking("");
	return arena == NULL || usual == NULL;
}

static int end(void **state)
{
	(void)state;
	inspector_free(usual);
	inspector_free(NULL);
	arena_free(arena);
	return 0;
}

static enum err inspected(enum policy_api api, const char *body)
{
	return inspect_body(usual, api, span_of(body), (struct span){ NULL, 0 }, "", arena,
			    &in);
}

static void read_as(enum policy_api api, const char *body)
{
	CHECK(inspected(api, body) == ERR_OK, body);
}

/* NULL: it was not found. */
static const struct inspect_found *found(const char *name)
{
	for (unsigned i = 0; i < in.n_found; i++)
		if (strcmp(in.found[i].name, name) == 0)
			return &in.found[i];
	return NULL;
}

/* --- what is found ------------------------------------------------------------------- */

static void every_string_is_looked_at(void **state)
{
	static const char *const rows[] = {
		"{\"messages\":[{\"role\":\"user\",\"content\":\"" MAIL "\"}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"" MAIL "\"}]}]}",
		"{\"model\":\"" MAIL "\"}",
		"{\"" MAIL "\":1}",
		"{\"a\":{\"b\":[[{\"" MAIL "\":null}]]}}",
		"{\"a\":\"anna.schmidt\\u0040example.org\"}",
		"{\"data\":\"" MAIL "\"}",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		read_as(POLICY_API_OPENAI, rows[i]);
		CHECK(found("personal.contact.email") != NULL, rows[i]);
		CHECK(found("personal.contact.email")->in_body == 1, rows[i]);
		CHECK(in.n_found == 1 && in.complete, rows[i]);
	}
	read_as(POLICY_API_OPENAI,
		"{\"a\":\"" MAIL " " MAIL "\",\"b\":\"" MAIL " " TOKEN "\"}");
	assert_int_equal(found("personal.contact.email")->in_body, 3);
	assert_int_equal(in.n_found, 2);
	read_as(POLICY_API_OPENAI, "{\"a\":\"nothing at all\",\"b\":\"\",\"c\":[1,true,null]}");
	assert_int_equal(in.n_found, 0);
	assert_true(in.complete);
	assert_int_equal(in.text_bytes, strlen("nothing at all"));
}

static void what_was_masked_is_told_from_what_was_not(void **state)
{
	static const char body[] = "{\"a\":\"write to [EMAIL-1]\",\"b\":\"" TOKEN "\"}";
	static const char original[] =
		"{\"a\":\"write to " MAIL "\",\"b\":\"" TOKEN "\",\"tools\":[1],\"images\":[1],"
		"\"metadata\":{},\"model\":\"another\",\"role\":\"system\"}";
	static const char *const mail[] = { "personal.contact.*" }, *const all[] = {
		"a", "secret.*"
	};

	(void)state;
	CHECK(inspect_body(usual, POLICY_API_OPENAI, span_of(body), span_of(original),
			   "personal.contact.email=2,company.codename=3", arena, &in) == ERR_OK,
	      body);
	const struct inspect_found *m = found("personal.contact.email"),
				   *t = found("secret.token"), *c = found("company.codename");
	t = t != NULL ? t : &in.found[0];
	assert_int_equal(m->in_body, 0);
	assert_int_equal(m->in_original, 1);
	assert_int_equal(m->claimed, 2);
	assert_true(inspect_is_masked(m));
	assert_int_equal(inspect_count(m), 2);
	assert_true(t->in_body > 0 && t->in_original > 0);
	assert_false(inspect_is_masked(t));
	assert_int_equal(inspect_count(t), 1);
	assert_true(inspect_is_masked(c)); /* as router says */
	assert_int_equal(inspect_count(c), 3);
	assert_null(inspect_unmasked(&in, mail, 1));
	assert_string_equal(inspect_unmasked(&in, all, 2), t->name);
	assert_null(inspect_unmasked(&in, all, 1));
	assert_null(inspect_unmasked(&in, all, 0));
	/* Nothing of the original is a fact of what leaves. */
	assert_false(in.tools || in.images || in.metadata || in.system_prompt);
	assert_null(in.model);
	assert_int_equal(in.text_bytes, strlen("write to [EMAIL-1]" TOKEN));
	struct inspect_found none = { .name = "x" };
	assert_false(inspect_is_masked(&none));
	none.in_original = 1;
	assert_true(inspect_is_masked(&none));
	assert_int_equal(inspect_count(&none), 1);
	none.in_body = 5;
	none.in_original = 4;
	none.claimed = 5;
	assert_int_equal(inspect_count(&none), 5);
	assert_false(inspect_is_masked(&none));
}

static void a_claim_is_a_list_of_categories(void **state)
{
	static const struct {
		const char *claim;
		enum err e;
		unsigned n;
		uint32_t first;
	} rows[] = {
		{ "", ERR_OK, 0, 0 },
		{ "a=1", ERR_OK, 1, 1 },
		{ "a=1,b=2", ERR_OK, 2, 1 },
		{ "a=7,a=8", ERR_OK, 1, 8 },
		{ "a=0", ERR_OK, 1, 1 }, /* whoever says so masked something */
		{ "a=-4", ERR_OK, 1, 1 },
		{ "a=", ERR_OK, 1, 1 },
		{ "a=999999", ERR_OK, 1, 999999 },
		{ "a=1000000", ERR_OK, 1, 1 },
		{ "a=2,", ERR_OK, 1, 2 },
		{ "a", ERR_SYNTAX, 0, 0 },
		{ "=1", ERR_SYNTAX, 0, 0 },
		{ "a=1,,b=1", ERR_SYNTAX, 0, 0 },
		{ "a,b=1", ERR_SYNTAX, 0, 0 },
	};
	struct buf many;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		enum err e = inspect_body(usual, POLICY_API_OPENAI, SPAN_LITERAL("{}"),
					  (struct span){ NULL, 0 }, rows[i].claim, arena, &in);

		CHECK(e == rows[i].e, rows[i].claim);
		if (e != ERR_OK)
			continue;
		CHECK(in.n_found == rows[i].n, rows[i].claim);
		CHECK(in.n_found == 0 || in.found[0].claimed == rows[i].first, rows[i].claim);
	}
	buf_init(&many, 1 << 16);
	for (unsigned i = 0; i < INSPECT_FOUND_MAX; i++)
		buf_printf(&many, "%sc%u=1", i > 0 ? "," : "", i);
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI, SPAN_LITERAL("{}"),
				      (struct span){ NULL, 0 }, buf_cstr(&many), arena, &in),
			 ERR_OK);
	assert_int_equal(in.n_found, INSPECT_FOUND_MAX);
	assert_null(inspect_unmasked(&in, (const char *const[]){ "c*" }, 1));
	buf_add_str(&many, ",one_more=1");
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI, SPAN_LITERAL("{}"),
				      (struct span){ NULL, 0 }, buf_cstr(&many), arena, &in),
			 ERR_TOO_BIG);
	buf_free(&many);
}

/* A site's category lies over a built-in one: both are there, one of them without its place. */
static void what_a_site_finds_hides_nothing(void **state)
{
	struct inspector *i =
		looking("\"company.staff\":{\"regex\":\"[a-z.]+@example[.]org\"}");

	(void)state;
	assert_non_null(i);
	assert_int_equal(inspect_body(i, POLICY_API_OPENAI,
				      SPAN_LITERAL("{\"a\":\"" MAIL " and " MAIL "\"}"),
				      (struct span){ NULL, 0 }, "", arena, &in),
			 ERR_OK);
	assert_int_equal(found("company.staff")->in_body, 2);
	assert_non_null(found("personal.contact.email"));
	assert_int_equal(found("personal.contact.email")->in_body,
			 1); /* how often is not known */
	inspector_free(i);
	/* A detector that cannot be built makes no inspector. */
	assert_null(looking("\"company.staff\":{\"regex\":\"(unclosed\"}"));
}

/* --- what nobody can look into ------------------------------------------------------- */

#define BASE64_64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void attachments_are_not_text(void **state)
{
	static const struct {
		const char *body;
		bool files, images, complete;
		uint64_t text_bytes;
	} rows[] = {
		{ "{\"url\":\"data:image/png;base64,AAAA\"}", true, false, false, 0 },
		{ "{\"url\":\"data:text/plain,hello\"}", false, false, true, 21 },
		{ "{\"data\":\"" BASE64_64 "=\"}", true, false, false, 0 },
		{ "{\"file_data\":\"" BASE64_64 "=\"}", true, false, false, 0 },
		{ "{\"images\":[\"" BASE64_64 "=\"]}", true, true, false, 0 },
		{ "{\"text\":\"" BASE64_64 "=\"}", false, false, true, 65 },
		{ "{\"data\":\"" BASE64_64 "\"}", false, false, true,
		  64 }, /* short enough to read */
		{ "{\"data\":\"" BASE64_64 " words\"}", false, false, true, 70 },
		{ "{\"images\":[]}", false, false, true, 0 },
		{ "{\"c\":[{\"type\":\"image_url\"}]}", false, true, false, 9 },
		{ "{\"c\":[{\"type\":\"image\"}]}", false, true, false, 5 },
		{ "{\"c\":[{\"type\":\"input_image\"}]}", false, true, false, 11 },
		{ "{\"c\":[{\"type\":\"text\"}]}", false, false, true, 4 },
		{ "{\"c\":[{\"mimeType\":\"image/png\"}]}", false, true, false, 9 },
		{ "{\"c\":[{\"mimeType\":\"audio/wav\"}]}", false, false, true, 9 },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		read_as(POLICY_API_OPENAI, rows[i].body);
		CHECK(in.files == rows[i].files, rows[i].body);
		CHECK(in.images == rows[i].images, rows[i].body);
		CHECK(in.complete == rows[i].complete, rows[i].body);
		CHECK(in.text_bytes == rows[i].text_bytes, rows[i].body);
	}
}

/* The marker of a data URL stands at its beginning; further behind it is text. */
static void a_long_word_is_no_data_url(void **state)
{
	static const char body[] = "{\"url\":\"data:";
	struct buf b;

	(void)state;
	for (unsigned spare = 0; spare < 2; spare++) {
		buf_init(&b, 4096);
		buf_add_str(&b, body);
		/* "data:" and ";base64," are 13 of the first 200 bytes. */
		for (unsigned i = 0; i < 187 + spare; i++)
			buf_add_char(&b, 'x');
		buf_add_str(&b, ";base64,AAAA\"}");
		read_as(POLICY_API_OPENAI, buf_cstr(&b));
		assert_int_equal(in.files, spare == 0);
		buf_free(&b);
	}
}

static void more_than_can_be_scanned_is_unknown(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4u << 20);
	buf_add_str(&b, "{\"a\":\"");
	for (unsigned i = 0; i < 20001; i++) /* more findings than a scan keeps */
		buf_printf(&b, "n%u@example.org ", i);
	buf_add_str(&b, "\",\"b\":\"" MAIL "\"}");
	assert_false(b.failed);
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI, buf_span(&b),
				      (struct span){ NULL, 0 }, "", arena, &in),
			 ERR_OK);
	assert_false(in.complete);
	assert_int_equal(found("personal.contact.email")->in_body, 1); /* of what follows */
	buf_free(&b);
}

static void without_room_there_is_no_result(void **state)
{
	struct arena *small = arena_new("small", 64);

	(void)state;
	assert_non_null(small);
	while (arena_alloc(small, 1) != NULL)
		continue;
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI,
				      SPAN_LITERAL("{\"a\":\"" MAIL "\",\"b\":[\"" TOKEN
						   "\",{\"c\":\"x\"}]}"),
				      (struct span){ NULL, 0 }, "", small, &in),
			 ERR_TOO_BIG);
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI, SPAN_LITERAL("{\"a\":1}"),
				      SPAN_LITERAL("{\"a\":\"" MAIL "\"}"), "", small, &in),
			 ERR_TOO_BIG);
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI, SPAN_LITERAL("{}"),
				      (struct span){ NULL, 0 }, "a=1", small, &in),
			 ERR_TOO_BIG);
	arena_free(small);
}

static void only_an_object_is_a_body(void **state)
{
	(void)state;
	assert_int_equal(inspected(POLICY_API_OPENAI, "[]"), ERR_SYNTAX);
	assert_int_equal(inspected(POLICY_API_OPENAI, "\"" MAIL "\""), ERR_SYNTAX);
	assert_int_not_equal(inspected(POLICY_API_OPENAI, "{"), ERR_OK);
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI, SPAN_LITERAL("{}"),
				      SPAN_LITERAL("[]"), "", arena, &in),
			 ERR_SYNTAX);
}

/* --- facts --------------------------------------------------------------------------- */

static void each_dialect_has_its_own_words(void **state)
{
	static const struct {
		enum policy_api api;
		const char *body;
		int64_t cap;
		uint32_t messages;
		bool stream, in_path, system_prompt;
	} rows[] = {
		{ POLICY_API_OPENAI, "{}", -1, 0, false, false, false },
		{ POLICY_API_OPENAI, "{\"messages\":[{},{}],\"max_tokens\":5,\"stream\":true}",
		  5, 2, true, false, false },
		{ POLICY_API_OPENAI, "{\"max_tokens\":5,\"max_completion_tokens\":6}", 6, 0,
		  false, false, false },
		{ POLICY_API_MISTRAL, "{\"max_tokens\":5,\"system\":\"x\",\"stream\":false}", 5,
		  0, false, false, false },
		{ POLICY_API_OPENROUTER, "{\"max_output_tokens\":5,\"instructions\":\"x\"}", -1,
		  0, false, false, false },
		{ POLICY_API_LLAMACPP, "{\"max_tokens\":0}", -1, 0, false, false, false },
		{ POLICY_API_AZURE_OPENAI, "{\"max_tokens\":\"5\"}", -1, 0, false, false,
		  false },
		{ POLICY_API_OPENAI_RESPONSES,
		  "{\"input\":[{}],\"instructions\":\"x\",\"max_output_tokens\":7}", 7, 1,
		  false, false, true },
		{ POLICY_API_OPENAI_RESPONSES, "{\"messages\":[{}],\"max_tokens\":7}", -1, 0,
		  false, false, false },
		{ POLICY_API_ANTHROPIC, "{\"messages\":[{}],\"system\":\"x\",\"max_tokens\":8}",
		  8, 1, false, false, true },
		{ POLICY_API_ANTHROPIC, "{\"max_completion_tokens\":8}", -1, 0, false, false,
		  false },
		{ POLICY_API_OLLAMA, "{\"messages\":[{}],\"options\":{\"num_predict\":9}}", 9,
		  1, true, false, false },
		{ POLICY_API_OLLAMA, "{\"stream\":false,\"num_predict\":9}", -1, 0, false,
		  false, false },
		{ POLICY_API_GEMINI,
		  "{\"contents\":[{},{},{}],\"systemInstruction\":{},\"generationConfig\":{"
		  "\"maxOutputTokens\":10}}",
		  10, 3, false, true, true },
		{ POLICY_API_OPENAI, "{\"max_tokens\":1073741824}", 1073741824, 0, false, false,
		  false },
		{ POLICY_API_OPENAI, "{\"max_tokens\":1073741825}", -1, 0, false, false,
		  false },
		{ POLICY_API_OPENAI, "{\"max_tokens\":1}", 1, 0, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		read_as(rows[i].api, rows[i].body);
		CHECK(in.max_output_tokens == rows[i].cap, rows[i].body);
		CHECK(in.messages == rows[i].messages, rows[i].body);
		CHECK(in.stream == rows[i].stream, rows[i].body);
		CHECK(in.in_path == rows[i].in_path, rows[i].body);
		CHECK(in.system_prompt == rows[i].system_prompt, rows[i].body);
	}
	read_as(POLICY_API_OPENAI, "{\"model\":\"big\"}");
	assert_string_equal(in.model, "big");
	read_as(POLICY_API_OPENAI, "{\"model\":5}");
	assert_null(in.model);
}

static void what_may_be_to_strip_is_seen(void **state)
{
	static const struct {
		const char *body;
		bool tools, metadata, system_prompt;
	} rows[] = {
		{ "{\"tools\":[{}]}", true, false, false },
		{ "{\"tools\":[]}", false, false, false },
		{ "{\"metadata\":{}}", false, true, false },
		{ "{\"user\":\"u\"}", false, true, false },
		{ "{\"safety_identifier\":\"s\"}", false, true, false },
		{ "{\"messages\":[{\"role\":\"system\"}]}", false, false, true },
		{ "{\"messages\":[{\"role\":\"developer\"}]}", false, false, true },
		{ "{\"messages\":[{\"role\":\"user\"}]}", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		read_as(POLICY_API_OPENAI, rows[i].body);
		CHECK(in.tools == rows[i].tools, rows[i].body);
		CHECK(in.metadata == rows[i].metadata, rows[i].body);
		CHECK(in.system_prompt == rows[i].system_prompt, rows[i].body);
	}
}

static void findings_are_written_as_a_list(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1024);
	read_as(POLICY_API_OPENAI, "{}");
	inspect_write(&in, &out);
	assert_string_equal(buf_cstr(&out), "[]");
	buf_clear(&out);
	assert_int_equal(inspect_body(usual, POLICY_API_OPENAI,
				      SPAN_LITERAL("{\"a\":\"" MAIL "\"}"),
				      (struct span){ NULL, 0 }, "a.b=2", arena, &in),
			 ERR_OK);
	inspect_write(&in, &out);
	assert_string_equal(
		buf_cstr(&out),
		"[{\"name\":\"personal.contact.email\",\"count\":1,\"masked\":false},"
		"{\"name\":\"a.b\",\"count\":2,\"masked\":true}]");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_string_is_looked_at),
		cmocka_unit_test(what_was_masked_is_told_from_what_was_not),
		cmocka_unit_test(a_claim_is_a_list_of_categories),
		cmocka_unit_test(what_a_site_finds_hides_nothing),
		cmocka_unit_test(attachments_are_not_text),
		cmocka_unit_test(a_long_word_is_no_data_url),
		cmocka_unit_test(more_than_can_be_scanned_is_unknown),
		cmocka_unit_test(without_room_there_is_no_result),
		cmocka_unit_test(only_an_object_is_a_body),
		cmocka_unit_test(each_dialect_has_its_own_words),
		cmocka_unit_test(what_may_be_to_strip_is_seen),
		cmocka_unit_test(findings_are_written_as_a_list),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
