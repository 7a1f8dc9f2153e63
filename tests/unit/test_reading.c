/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person is shown of a body is all of it, in whichever upstream's dialect; what hides is
 * written out; the masked and the original stand beside each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/check.h"

#include "cli/reading.h"
#include "cli/reading_print.h"
#include "common/json.h"
#include "dialect/dialect.h"

#define PICTURE                                                                                \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ" \
	"RU5ErkJggg=="

#define TALK                                                                                   \
	"{\"model\":\"m\",\"max_completion_tokens\":99,\"temperature\":0.25,\"messages\":["    \
	"{\"role\":\"system\",\"content\":\"Be brief, %s.\"},"                                 \
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Look at "               \
	"this,\\nplease\"},"                                                                   \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," PICTURE      \
	"\"}}]},"                                                                              \
	"{\"role\":\"assistant\",\"content\":\"I shall "                                       \
	"\\u202eask\",\"tool_calls\":[{\"id\":\"id7\","                                        \
	"\"type\":\"function\",\"function\":{\"name\":\"mail\",\"arguments\":"                 \
	"\"{\\\"to\\\":\\\"%s\\\"}\"}}]},"                                                     \
	"{\"role\":\"tool\",\"tool_call_id\":\"id7\",\"content\":\"sent at noon\"},"           \
	"{\"role\":\"user\",\"content\":\"thanks\"}],"                                         \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"mail\",\"description\":"   \
	"\"Mails somebody\",\"parameters\":{\"type\":\"object\",\"properties\":{\"to\":"       \
	"{\"type\":\"string\",\"enum\":[\"anyone\",\"noone\"]}}}}}]}"

static const struct upstream_dialect *const upstreams[] = {
	&upstream_openai_chat, &upstream_openai_responses, &upstream_anthropic,
	&upstream_ollama, &upstream_gemini
};

static void body_of(const struct upstream_dialect *up, const char *name, struct buf *out)
{
	struct arena *a = arena_new("test", 4 << 20);
	struct chat_problem p;
	struct chat c;
	char text[4096];

	snprintf(text, sizeof text, TALK, name, name);
	if (dialect_openai_chat.read(span_of(text), a, &c, &p) != ERR_OK)
		fail_msg("%s: %s", p.param, p.message);
	buf_init(out, 1 << 20);
	CHECK(up->write(&c, "the-model", out) == ERR_OK, up->name);
	arena_free(a);
}

static bool shown(const struct reading *r, struct span text)
{
	for (size_t i = 0; i < r->count; i++) {
		struct span t = r->lines[i].text;

		if (memmem(t.ptr, t.len, text.ptr, text.len) != NULL)
			return true;
	}
	return false;
}

/* Every string that leaves, but the words that became headings and the picture. */
static void all_is_shown(const struct reading *r, const cJSON *v, const char *up)
{
	const cJSON *child;
	bool heading = v->string != NULL &&
		       (strcmp(v->string, "role") == 0 || strcmp(v->string, "type") == 0);

	if (cJSON_IsString(v) && !heading && strstr(v->valuestring, "iVBOR") == NULL &&
	    !shown(r, span_of(v->valuestring)))
		fail_msg("%s: '%s' is not shown", up, v->valuestring);
	if (cJSON_IsNumber(v)) {
		char n[32];

		snprintf(n, sizeof n, "%g", v->valuedouble);
		if (!shown(r, span_of(n)))
			fail_msg("%s: %s is not shown", up, n);
	}
	cJSON_ArrayForEach (child, v)
		all_is_shown(r, child, up);
}

static void nothing_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(upstreams); i++) {
		struct arena *a = arena_new("test", 4 << 20);
		struct json_where where;
		struct reading r;
		struct buf body;
		cJSON *tree;

		body_of(upstreams[i], "Ann", &body);
		assert_int_equal(reading_of(buf_span(&body), a, &r), ERR_OK);
		assert_int_equal(json_parse(buf_span(&body), &json_limits_api, &tree, &where),
				 ERR_OK);
		all_is_shown(&r, tree, upstreams[i]->name);
		bool attached = false;
		for (size_t k = 0; k < r.count; k++)
			attached = attached || strcmp(r.lines[k].label, "attached") == 0;
		CHECK(attached, upstreams[i]->name);
		CHECK(!shown(&r, span_of("iVBOR")), "the picture's bytes are not read out");
		cJSON_Delete(tree);
		buf_free(&body);
		arena_free(a);
	}
}

/* What no dialect of ours writes is shown too. */
static void unknown_members_are_shown(void **state)
{
	static const char body[] =
		"{\"model\":\"m\",\"secret_field\":{\"deep\":[\"hid\\u200bden\",7]},"
		"\"messages\":[{"
		"\"role\":\"user\",\"content\":[{\"type\":\"new\",\"novel\":\"stuff\"},5,null],"
		"\"extra\":{\"a\":\"b\"}}, \"bare\", 9]}";
	static const char *const words[] = { "hid\342\200\213den", "stuff", "bare", "9", "5" };
	struct arena *a = arena_new("test", 1 << 20);
	struct reading r;

	(void)state;
	assert_int_equal(reading_of(span_of(body), a, &r), ERR_OK);
	for (size_t i = 0; i < LEN(words); i++)
		CHECK(shown(&r, span_of(words[i])), words[i]);
	assert_int_equal(reading_of(span_of("[1]"), a, &r), ERR_SYNTAX);
	assert_int_equal(reading_of(span_of("{"), a, &r), ERR_SYNTAX);
	arena_free(a);
}

static char *printed(const char *sent, const char *original, unsigned columns, bool plain)
{
	size_t bytes = 1 << 20;
	char *text = calloc(1, bytes);
	FILE *out = fmemopen(text, bytes - 1, "w");

	reading_print(out, sent, original, columns, plain);
	fclose(out);
	return text;
}

static void beside_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(upstreams); i++) {
		struct buf sent, original;

		body_of(upstreams[i], "[NAME-1]", &sent);
		body_of(upstreams[i], "Ann", &original);
		char *wide = printed(buf_cstr(&sent), buf_cstr(&original), 100, false);
		char *narrow = printed(buf_cstr(&sent), buf_cstr(&original), 60, false);
		char *plain = printed(buf_cstr(&sent), buf_cstr(&original), 100, true);
		CHECK(strstr(wide, "Be brief, [NAME-1].") != NULL, upstreams[i]->name);
		CHECK(strstr(wide, "| Be brief, Ann.") != NULL, upstreams[i]->name);
		CHECK(strstr(wide, "would be sent") < strstr(wide, "stays here (the original)"),
		      "two columns");
		CHECK(strstr(narrow,
			     "would be sent:\n    | Be brief, [NAME-1].\n    the original, "
			     "which stays here:\n    | Be brief, Ann.\n") != NULL,
		      narrow);
		CHECK(strstr(plain, "would be sent:\n    | Be brief, [NAME-1].\n") != NULL,
		      plain);
		CHECK(strstr(wide, "<U+202E RIGHT-TO-LEFT OVERRIDE>") != NULL, "hidden ones");
		CHECK(strstr(wide, "\xe2\x80\xae") == NULL, "and not as they are");
		for (const char *l = wide; (l = strchr(l, '\n')) != NULL; l++)
			CHECK(l[1] == '\0' || strncmp(l + 1, "  ", 2) == 0,
			      "every line is indented");
		free(wide);
		free(narrow);
		free(plain);
		buf_free(&sent);
		buf_free(&original);
	}
}

/* A text that imitates the lines around it stays behind its bar, however the window is wide. */
static void a_text_cannot_pose_as_ours(void **state)
{
	static const char body[] =
		"{\"messages\":[{\"role\":\"user\",\"content\":\"x\\n  2. Settings\\n> k\\n"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaa"
		"\"}]}";

	(void)state;
	for (unsigned columns = 1; columns < 130; columns += 3) {
		char *text = printed(body, NULL, columns, false), *save = NULL;
		unsigned turns = 0;

		for (char *l = strtok_r(text, "\n", &save); l != NULL;
		     l = strtok_r(NULL, "\n", &save)) {
			turns += strncmp(l, "    | ", 6) != 0;
			CHECK(strlen(l) <= (columns < 40 ? 40 : columns), l);
		}
		assert_int_equal(turns, 2); /* the message, and "Settings" */
		free(text);
	}
}

static void what_is_stripped_is_said(void **state)
{
	static const char sent[] =
		"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"n\":1}";
	static const char whole[] = "{\"messages\":[{\"role\":\"system\",\"content\":\"s3\"},{"
				    "\"role\":\"user\",\"content\":\"hi\"}],\"n\":1,\"p\":2}";
	char *text = printed(sent, whole, 100, false);

	(void)state;
	CHECK(strstr(text,
		     "Left out: Instructions (system)\n    left out:\n    | s3\n  1. You") !=
		      NULL,
	      text);
	CHECK(strstr(text, "left out:\n    | p: 2\n") != NULL, text);
	free(text);
	text = printed("no json", NULL, 100, false);
	CHECK(strstr(text, "| no json") != NULL, text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left_out),
		cmocka_unit_test(unknown_members_are_shown),
		cmocka_unit_test(beside_each_other),
		cmocka_unit_test(a_text_cannot_pose_as_ours),
		cmocka_unit_test(what_is_stripped_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
