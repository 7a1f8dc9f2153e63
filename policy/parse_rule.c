/* SPDX-License-Identifier: Apache-2.0 */
/* `rules` and `tests`: the parts of a file that come as long lists of objects. */
#include <assert.h>
#include <stdio.h>

#include "policy/policy_impl.h"

/* ---------------------------------------------------------------- places of list elements */

/* Past white space, commas and comments, from `at`. The text has passed the gate and `at` lies
 * inside a list, so that its closing bracket stops every loop. */
static size_t skip_blank(struct span t, size_t at)
{
	while (strchr(" \t\r\n,/", t.ptr[at]) != NULL) {
		bool comment = t.ptr[at] == '/', line = t.ptr[at + 1] == '/';

		at += comment ? 2 : 1;
		while (comment &&
		       (line ? t.ptr[at] != '\n' : t.ptr[at] != '*' || t.ptr[at + 1] != '/'))
			at++;
		at += comment ? (line ? 1 : 2) : 0;
	}
	return at;
}

static size_t skip_string(struct span t, size_t at)
{
	for (at++; t.ptr[at] != '"'; at++)
		at += t.ptr[at] == '\\';
	return at + 1;
}

/* Past one value that starts at `at`. */
static size_t skip_value(struct span t, size_t at)
{
	unsigned depth = 0;

	do {
		char c = t.ptr[at];

		if (c == '"') {
			at = skip_string(t, at);
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			at++;
		}
		at = skip_blank(t, at);
	} while (depth > 0);
	return at;
}

struct cursor { /* walks a list in the text, counting lines as it goes */
	size_t at;
	size_t counted;
	uint32_t line;
	size_t line_start;
};

/* The list is in the tree, so it is in the text. */
static struct cursor cursor_enter(const struct reader *r, const char *pointer)
{
	size_t at = json_offset_of(r->text, pointer);

	assert(at < r->text.len);
	return (struct cursor){ .at = at + 1, .line = 1 };
}

/* The place of the next element; the cursor moves behind it. */
static void cursor_next(const struct reader *r, struct cursor *c, uint32_t *line,
			uint32_t *column)
{
	size_t at = skip_blank(r->text, c->at);

	for (; c->counted < at; c->counted++) {
		if (r->text.ptr[c->counted] == '\n') {
			c->line++;
			c->line_start = c->counted + 1;
		}
	}
	*line = c->line;
	*column = (uint32_t)(at - c->line_start) + 1;
	c->at = skip_value(r->text, at);
}

/* ---------------------------------------------------------------- rules */

static bool on_cond(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return cond_read(r, v, field);
}

static bool on_because(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	size_t chars = 0;

	if (!field_text(r, v, field, k))
		return false;
	for (const char *p = v->valuestring; *p != '\0'; p++)
		chars += (*p & 0xc0) != 0x80;
	if (!(chars <= BECAUSE_MAX_CHARS))
		return reader_fail(r, v, "at most 400 characters",
				   "%zu characters are too many", chars);
	return true;
}

static const struct key with_keys[] = {
	{ "redact", field_words, offsetof(struct rule, redact), NULL },
	{ "strip", field_mask, offsetof(struct rule, strip), &vocab_strip },
	{ "max_input_tokens", field_count, offsetof(struct rule, max_input_tokens), NULL },
	{ "max_output_tokens", field_count, offsetof(struct rule, max_output_tokens), NULL },
	{ "log", field_word, offsetof(struct rule, log), &vocab_log },
	{ "notify", field_word, offsetof(struct rule, notify), &vocab_notify },
};

static bool on_with(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct rule *rule = field;

	(void)k;
	rule->has_with = true;
	return read_object(r, v, with_keys, LEN(with_keys), rule);
}

static const struct key rule_keys[] = {
	{ "id", field_id, offsetof(struct rule, id), NULL },
	{ "effect", field_word, offsetof(struct rule, effect), &vocab_effect },
	{ "max_tier", field_word, offsetof(struct rule, max_tier), &vocab_low_tier },
	{ "when", on_cond, offsetof(struct rule, when), NULL },
	{ "unless", on_cond, offsetof(struct rule, unless), NULL },
	WHOLE("with", on_with),
	{ "because", on_because, offsetof(struct rule, because), NULL },
};

static bool rule_read(struct reader *r, const cJSON *v, struct rule *rule)
{
	static struct cond always = { .kind = COND_ALL };

	*rule = (struct rule){ .effect = UNSTATED,
			       .max_tier = UNSTATED,
			       .strip = UNSTATED,
			       .log = UNSTATED,
			       .notify = UNSTATED,
			       .when = &always,
			       .max_input_tokens = INT64_MAX,
			       .max_output_tokens = INT64_MAX };
	if (!read_object(r, v, rule_keys, LEN(rule_keys), rule))
		return false;
	if (rule->id == NULL)
		return reader_fail(r, v, "\"id\"", "a rule without a name");
	if (!(rule->effect != UNSTATED))
		return reader_fail(r, v, "\"effect\": allow, ask, local_only, deny or require",
				   "rule \"%s\" has no effect", rule->id);
	return true;
}

static bool id_repeats(const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rules[i].id, rules[n].id) == 0)
			return true;
	}
	return false;
}

bool rules_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;
	size_t n;

	(void)k;
	if (!read_is_array(r, v, POLICY_FILE_MAX_RULES, &n))
		return false;
	f->rules = arena_array(r->arena, n, sizeof *f->rules);
	if (f->rules == NULL)
		return reader_no_memory(r);
	struct cursor cursor = cursor_enter(r, "/rules");
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct rule *rule = &f->rules[f->n_rules];

		if (!rule_read(r, kid, rule))
			return false;
		if (id_repeats(f->rules, f->n_rules))
			return reader_fail(r, kid, "names that are used once",
					   "rule \"%s\" appears twice", rule->id);
		cursor_next(r, &cursor, &rule->line, &rule->column);
		f->n_rules++;
	}
	return true;
}

/* ---------------------------------------------------------------- tests */

static const struct key expect_keys[] = {
	{ "verdict", field_word, offsetof(struct expectation, verdict), &vocab_verdict },
	{ "by", field_words, offsetof(struct expectation, by), NULL },
	{ "redact", field_words, offsetof(struct expectation, redact), NULL },
};

static bool expectation_read(struct reader *r, const cJSON *v, struct expectation *out)
{
	*out = (struct expectation){ .verdict = UNSTATED };
	out->destination = arena_strdup(r->arena, span_of(v->string));
	if (out->destination == NULL)
		return reader_no_memory(r);
	if (cJSON_IsString(v))
		return read_word(r, v, &vocab_verdict, &out->verdict);
	if (!read_object(r, v, expect_keys, LEN(expect_keys), out))
		return false;
	if (!(out->verdict != UNSTATED))
		return reader_fail(r, v, "\"verdict\": allow, ask or deny",
				   "nothing is expected");
	return true;
}

static bool on_expect(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct test *t = field;

	(void)k;
	if (!read_is_object(r, v))
		return false;
	if (v->child == NULL)
		return reader_fail(r, v, "a destination and its verdict",
				   "nothing is expected");
	t->expect = arena_array(r->arena, (size_t)cJSON_GetArraySize(v), sizeof *t->expect);
	if (t->expect == NULL)
		return reader_no_memory(r);
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		if (!expectation_read(r, kid, &t->expect[t->n_expect++]))
			return false;
	}
	return true;
}

/* test_base lies below the test's own request, whatever the order of keys in the file. */
static bool on_request(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct test *t = field;

	(void)k;
	policy_request_base(&t->request);
	if (r->test_base != NULL && !request_read(r, r->test_base, &t->request))
		return false;
	return request_read(r, v, &t->request);
}

static const struct key test_keys[] = {
	{ "name", field_text, offsetof(struct test, name), NULL },
	WHOLE("request", on_request),
	WHOLE("expect", on_expect),
};

bool tests_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;
	uint32_t column;
	size_t n;

	(void)k;
	if (!read_is_array(r, v, 4096, &n))
		return false;
	f->tests = arena_array(r->arena, n, sizeof *f->tests);
	if (f->tests == NULL)
		return reader_no_memory(r);
	struct cursor cursor = cursor_enter(r, "/tests");
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct test *t = &f->tests[f->n_tests];

		if (!read_object(r, kid, test_keys, LEN(test_keys), t))
			return false;
		if (t->name == NULL || t->expect == NULL || json_get(kid, "request") == NULL)
			return reader_fail(r, kid, "\"name\", \"request\" and \"expect\"",
					   "a test lacks something");
		cursor_next(r, &cursor, &t->line, &column);
		f->n_tests++;
	}
	return true;
}
