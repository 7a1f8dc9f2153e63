/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue, the index of a models folder, and the MODELS message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "models/models.h"

#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int arena_up(void **state)
{
	*state = arena_new("test", 8u << 20);
	return *state == NULL;
}

static int arena_down(void **state)
{
	arena_free(*state);
	return 0;
}

static void the_shipped_catalogue_is_sound(void **state)
{
	struct model_list l;
	struct json_where at;

	if (models_catalogue_parse(models_catalogue_shipped(), *state, &l, &at) != ERR_OK)
		fail_msg("line %u column %u: %s %s", at.line, at.column, at.problem, at.detail);
	assert_true(l.n >= 1);

	const struct model *m = models_find(&l, l.fallback);
	assert_non_null(m);
	assert_string_equal(m->name, "tinyllama-1.1b-chat");
	assert_int_equal(m->bytes, 322591712);
	assert_string_equal(m->sha256,
			    "9ee11adf737960ff06123d5c4fba24d12c5b05ba460a7afa88950fbf2b61add0");
	assert_int_equal(m->sources[0].kind, MODEL_SOURCE_NPM);
	assert_int_equal(m->sources[0].n_parts, 2);
	for (uint32_t i = 0; i < l.n; i++)
		if (l.models[i].sampling.repeat_penalty < 1.0)
			fail_msg("%s rewards repetition", l.models[i].name);
}

#define HEAD "{\"schema\":\"hither.models/1\",\"chosen\":\"\",\"models\":["
#define ENTRY                                                                                  \
	"\"name\":\"a\",\"bytes\":5,\"sha256\":\"" SHA                                         \
	"\",\"context_length\":2048,\"memory_bytes\":9,\"file\":\"a.gguf\""
#define INDEX(entries) HEAD entries "]}"

static const struct {
	const char *name, *text;
	enum err want;
} rows[] = {
	{ "an empty folder has no models", "", ERR_OK },
	{ "one entry", INDEX("{" ENTRY "}"), ERR_OK },
	{ "not JSON", "[", ERR_SYNTAX },
	{ "another schema", "{\"schema\":\"hither.models/2\",\"chosen\":\"\",\"models\":[]}",
	  ERR_SYNTAX },
	{ "no schema", "{\"chosen\":\"\",\"models\":[]}", ERR_SYNTAX },
	{ "an unknown key", INDEX("{" ENTRY ",\"colour\":1}"), ERR_SYNTAX },
	{ "an unknown key at the top",
	  "{\"schema\":\"hither.models/1\",\"chosen\":\"\",\"models\":[],\"x\":1}",
	  ERR_SYNTAX },
	{ "a catalogue's key", INDEX("{" ENTRY ",\"sources\":[]}"), ERR_SYNTAX },
	{ "two of one name", INDEX("{" ENTRY "},{" ENTRY "}"), ERR_SYNTAX },
	{ "a choice that is not there",
	  "{\"schema\":\"hither.models/1\",\"chosen\":\"b\",\"models\":[]}", ERR_SYNTAX },
	{ "a file elsewhere",
	  INDEX("{\"name\":\"a\",\"bytes\":5,\"sha256\":\"" SHA
		"\",\"context_length\":1,\"memory_bytes\":9,\"file\":\"../a\"}"),
	  ERR_SYNTAX },
	{ "a hidden file",
	  INDEX("{\"name\":\"a\",\"bytes\":5,\"sha256\":\"" SHA
		"\",\"context_length\":1,\"memory_bytes\":9,\"file\":\".a\"}"),
	  ERR_SYNTAX },
	{ "a name with a slash",
	  INDEX("{\"name\":\"a/b\",\"bytes\":5,\"sha256\":\"" SHA
		"\",\"context_length\":1,\"memory_bytes\":9,\"file\":\"a\"}"),
	  ERR_SYNTAX },
	{ "a short hash",
	  INDEX("{\"name\":\"a\",\"bytes\":5,\"sha256\":\"00\",\"context_length\":1,\"memory_"
		"bytes\":9,\"file\":\"a\"}"),
	  ERR_SYNTAX },
	{ "a negative size",
	  INDEX("{\"name\":\"a\",\"bytes\":-5,\"sha256\":\"" SHA
		"\",\"context_length\":1,\"memory_bytes\":9,\"file\":\"a\"}"),
	  ERR_SYNTAX },
	{ "half a byte",
	  INDEX("{\"name\":\"a\",\"bytes\":5.5,\"sha256\":\"" SHA
		"\",\"context_length\":1,\"memory_bytes\":9,\"file\":\"a\"}"),
	  ERR_SYNTAX },
	{ "a missing hash",
	  INDEX("{\"name\":\"a\",\"bytes\":5,\"context_length\":1,\"memory_bytes\":9,\"file\":"
		"\"a\"}"),
	  ERR_SYNTAX },
	{ "a temperature of 3", INDEX("{" ENTRY ",\"sampling\":{\"temperature\":3}}"),
	  ERR_SYNTAX },
	{ "an unknown sampling key", INDEX("{" ENTRY ",\"sampling\":{\"heat\":1}}"),
	  ERR_SYNTAX },
	{ "stop words that are numbers", INDEX("{" ENTRY ",\"stop\":[1]}"), ERR_SYNTAX },
	{ "an unknown recipe key",
	  INDEX("{" ENTRY ",\"recipes\":{\"chat\":{\"sistem\":\"x\"}}}"), ERR_SYNTAX },
	{ "a projector beside it",
	  INDEX("{" ENTRY ",\"projector\":{\"file\":\"p\",\"bytes\":3,\"sha256\":\"" SHA
		"\"}}"),
	  ERR_OK },
	{ "a projector elsewhere",
	  INDEX("{" ENTRY ",\"projector\":{\"file\":\"../p\",\"bytes\":3,\"sha256\":\"" SHA
		"\"}}"),
	  ERR_SYNTAX },
	{ "a projector without a hash",
	  INDEX("{" ENTRY ",\"projector\":{\"file\":\"p\",\"bytes\":3}}"), ERR_SYNTAX },
	{ "sight that nothing gives", INDEX("{" ENTRY ",\"vision\":true}"), ERR_SYNTAX },
	{ "models that are an object",
	  "{\"schema\":\"hither.models/1\",\"chosen\":\"\",\"models\":{}}", ERR_SYNTAX },
};

static void each_index_gets_its_verdict(void **state)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		struct model_list l;
		struct json_where at = { .problem = "" };
		enum err e = models_index_parse(span_of(rows[i].text), *state, &l, &at);

		if (e != rows[i].want)
			fail_msg("%s: got \"%s\"", rows[i].name, err_text(e));
		if (e != ERR_OK && (at.line == 0 || at.problem == NULL))
			fail_msg("%s: does not say where", rows[i].name);
	}
}

#define CATALOGUE(sources)                                                                     \
	"{\"schema\":\"hither.catalogue/1\",\"default\":\"a\",\"models\":[{\"name\":\"a\","    \
	"\"title\":\"A\",\"family\":\"llama\",\"parameters\":\"1B\",\"quantisation\":\"Q8_"    \
	"0\","                                                                                 \
	"\"bytes\":5,\"sha256\":\"" SHA "\",\"licence\":{\"spdx\":\"MIT\",\"url\":\"u\"},"     \
	"\"context_length\":1,\"memory_bytes\":9,\"rank\":1,\"languages\":[\"en\"],"           \
	"\"sources\":" sources ",\"sampling\":{},\"stop\":[],\"recipes\":{}}]}"
#define PART(package, member)                                                                  \
	"[{\"kind\":\"npm\",\"parts\":[{\"package\":\"" package "\",\"version\":\"1.0.0\","    \
	"\"integrity\":\"sha512-EzdarfRUbsEhoVaG9G+RZ4R+yNY12LTSRPymcRBskoITKw7NKgwsCkD0/"     \
	"P5Deq37hjiGoPj+SZ8ewWll9jcdCQ==\",\"member\":\"" member "\"}]}]"

static const struct {
	const char *name, *text;
	enum err want;
} sources[] = {
	{ "https", CATALOGUE("[{\"kind\":\"https\",\"url\":\"https://x/y\"}]"), ERR_OK },
	{ "a package", CATALOGUE(PART("@a/b", "package/x")), ERR_OK },
	{ "plain http", CATALOGUE("[{\"kind\":\"https\",\"url\":\"http://x/y\"}]"),
	  ERR_SYNTAX },
	{ "no sources", CATALOGUE("[]"), ERR_SYNTAX },
	{ "another kind", CATALOGUE("[{\"kind\":\"ftp\",\"url\":\"https://x\"}]"), ERR_SYNTAX },
	{ "a package that reads as an option", CATALOGUE(PART("--registry", "package/x")),
	  ERR_SYNTAX },
	{ "a package that is an address", CATALOGUE(PART("https://evil/x.tgz", "package/x")),
	  ERR_SYNTAX },
	{ "a package that is a path", CATALOGUE(PART("../x", "package/x")), ERR_SYNTAX },
	{ "a member outside", CATALOGUE(PART("a", "../../etc/passwd")), ERR_SYNTAX },
	{ "a member that reads as an option", CATALOGUE(PART("a", "--to-command=sh")),
	  ERR_SYNTAX },
};

static void each_source_gets_its_verdict(void **state)
{
	for (size_t i = 0; i < LEN(sources); i++) {
		struct model_list l;
		struct json_where at;
		enum err e = models_catalogue_parse(span_of(sources[i].text), *state, &l, &at);

		if (e != sources[i].want)
			fail_msg("%s: got \"%s\"", sources[i].name, err_text(e));
	}
}

static void a_problem_names_its_line(void **state)
{
	struct model_list l;
	struct json_where at;
	const char *text =
		"{\"schema\":\"hither.models/1\",\n\"chosen\":\"\",\n\"models\":[\n{" ENTRY
		",\n\"rank\": 2000}]}";

	assert_int_equal(models_index_parse(span_of(text), *state, &l, &at), ERR_SYNTAX);
	assert_int_equal(at.line, 5);
	assert_string_equal(at.detail, "/models/0/rank");
}

#define FULL                                                                                   \
	"{\"schema\":\"hither.models/1\",\"chosen\":\"a\",\"models\":[{" ENTRY                 \
	",\"imported\":true,\"projector\":{\"file\":\"p\",\"bytes\":3,\"sha256\":\"" SHA       \
	"\"},\"sampling\":{\"temperature\":0.3,\"top_k\":0}"                                   \
	","                                                                                    \
	"\"stop\":[\"</"                                                                       \
	"s>\",\"\\n\"],\"recipes\":{\"any\":{\"system\":\"s\\\"q\",\"top_p\":0.5},"            \
	"\"reply\":{\"prefix\":\"p\",\"max_tokens\":9}}}]}"

static void the_index_survives_writing(void **state)
{
	struct model_list l, again;
	struct json_where at;
	struct buf one, two;

	buf_init(&one, 65536);
	buf_init(&two, 65536);
	assert_int_equal(models_index_parse(span_of(FULL), *state, &l, &at), ERR_OK);
	models_index_write(&l, &one);
	assert_int_equal(models_index_parse(buf_span(&one), *state, &again, &at), ERR_OK);
	models_index_write(&again, &two);
	assert_string_equal(buf_cstr(&one), buf_cstr(&two));
	assert_true(again.models[0].imported);
	assert_string_equal(again.chosen, "a");
	assert_string_equal(again.models[0].sha256, SHA);
	assert_string_equal(again.models[0].projector.file, "p");
	assert_true(again.models[0].vision);
	buf_free(&one);
	buf_free(&two);
}

static void the_message_carries_what_the_router_needs(void **state)
{
	struct model_list l, seen;
	struct json_where at;
	struct buf b;

	buf_init(&b, 65536);
	assert_int_equal(models_index_parse(span_of(FULL), *state, &l, &at), ERR_OK);
	models_message_write(&l, &b);
	assert_int_equal(models_message_parse(buf_span(&b), *state, &seen), ERR_OK);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.chosen, "a");
	assert_int_equal(seen.models[0].context_tokens, 2048);
	assert_true(seen.models[0].vision);
	assert_null(seen.models[0].projector.file);
	assert_int_equal(seen.models[0].sampling.top_k, 0);
	assert_true(isnan(seen.models[0].sampling.top_p));
	assert_string_equal(seen.models[0].stop[1], "\n");
	assert_string_equal(model_recipe_for(&seen.models[0], "chat")->system, "s\"q");
	assert_int_equal(models_message_parse(span_of("{}"), *state, &seen), ERR_SYNTAX);
	assert_int_equal(models_message_parse(span_of("[{\"name\":\"a\"}]"), *state, &seen),
			 ERR_SYNTAX);
	buf_free(&b);
}

static void a_measured_limit_reaches_the_router(void **state)
{
	struct model_list l, seen;
	struct json_where at;
	struct buf index, message;

	buf_init(&index, 65536);
	buf_init(&message, 65536);
	assert_int_equal(models_index_parse(span_of(FULL), *state, &l, &at), ERR_OK);
	assert_int_equal(l.models[0].threshold_pm, 0);
	l.models[0].threshold_pm = 470;
	l.models[0].floor_pm = 610;
	models_index_write(&l, &index);
	assert_int_equal(models_index_parse(buf_span(&index), *state, &seen, &at), ERR_OK);
	assert_int_equal(seen.models[0].threshold_pm, 470);
	assert_int_equal(seen.models[0].floor_pm, 610);
	models_message_write(&seen, &message);
	assert_int_equal(models_message_parse(buf_span(&message), *state, &seen), ERR_OK);
	assert_int_equal(seen.models[0].threshold_pm, 470);
	assert_int_equal(seen.models[0].floor_pm, 610);
	buf_free(&index);
	buf_free(&message);
}

static void a_task_falls_back(void **state)
{
	struct model_list l;
	struct json_where at;

	assert_int_equal(models_index_parse(span_of(FULL), *state, &l, &at), ERR_OK);
	assert_string_equal(model_recipe_for(&l.models[0], "reply")->task, "reply");
	assert_string_equal(model_recipe_for(&l.models[0], "reply.email")->task, "reply");
	assert_string_equal(model_recipe_for(&l.models[0], "translate")->task, "");
	l.models[0].n_recipes = 0;
	assert_null(model_recipe_for(&l.models[0], "reply"));
}

static void the_catalogue_of_today_counts(void **state)
{
	struct arena *a = arena_new("test", 8u << 20);
	struct model_list shipped, installed;
	struct json_where at;

	(void)state;
	assert_non_null(a);
	assert_int_equal(models_catalogue_parse(models_catalogue_shipped(), a, &shipped, &at),
			 ERR_OK);
	assert_true(shipped.n >= 2 && shipped.models[0].n_recipes > 0);
	struct model two[2] = { { .name = "mine" }, { .name = "other" } };

	memcpy(two[0].sha256, shipped.models[0].sha256, sizeof two[0].sha256);
	installed = (struct model_list){ .models = two, .n = 2, .chosen = "mine" };
	models_refresh(&installed, &shipped);
	assert_int_equal(two[0].n_recipes, shipped.models[0].n_recipes);
	assert_string_equal(two[0].name, "mine");
	assert_int_equal(two[1].n_recipes, 0);
	arena_free(a);
}

static void names(void **state)
{
	(void)state;
	assert_true(models_name_valid("qwen3-1.7b"));
	assert_false(models_name_valid(""));
	assert_false(models_name_valid(".x"));
	assert_false(models_name_valid("A"));
	assert_false(models_name_valid("a/b"));
	assert_false(models_name_valid(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

/* Out of memory at any point is an error, never a half-filled list. */
static void a_small_budget_is_an_error(void **state)
{
	(void)state;
	for (size_t budget = 64;; budget += 64) {
		struct arena *a = arena_new("small", budget);
		struct model_list l;
		struct json_where at;
		enum err e = models_index_parse(span_of(FULL), a, &l, &at);

		arena_free(a);
		if (e == ERR_OK)
			break;
		assert_int_equal(e, ERR_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_catalogue_is_sound),
		cmocka_unit_test(each_index_gets_its_verdict),
		cmocka_unit_test(each_source_gets_its_verdict),
		cmocka_unit_test(a_problem_names_its_line),
		cmocka_unit_test(the_index_survives_writing),
		cmocka_unit_test(the_message_carries_what_the_router_needs),
		cmocka_unit_test(a_measured_limit_reaches_the_router),
		cmocka_unit_test(a_task_falls_back),
		cmocka_unit_test(the_catalogue_of_today_counts),
		cmocka_unit_test(names),
		cmocka_unit_test(a_small_budget_is_an_error),
	};

	return cmocka_run_group_tests_name("models", tests, arena_up, arena_down);
}
