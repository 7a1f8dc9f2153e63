/* SPDX-License-Identifier: Apache-2.0 */
/* Short words for tests of the policy library: files and sets out of literals. */
#ifndef HITHER_TESTS_UNIT_POLICY_HELP_H
#define HITHER_TESTS_UNIT_POLICY_HELP_H

#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/fault.h"
#include "policy/policy.h"

#define HEAD "{\"hither_policy\":1,\"id\":\"t\","

/* One file of a stack; an empty name ends the list. */
struct source {
	enum policy_layer layer;
	const char *name;
	const char *text;
};

static inline struct policy_file *file_of(enum policy_layer layer, const char *name,
					  const char *text)
{
	struct policy_error error;
	struct policy_file *f = NULL;

	if (policy_file_parse(span_of(text), layer, name, NULL, 0, &f, &error) != ERR_OK)
		fail_msg("%s:%u:%u: %s; expected %s", name, error.line, error.column,
			 error.problem, error.expected);
	return f;
}

static inline enum err try_set(const struct source *sources, size_t n, struct policy_set **ret,
			       struct policy_error *error)
{
	struct policy_file *files[16] = { NULL };

	for (size_t i = 0; i < n; i++)
		files[i] = file_of(sources[i].layer, sources[i].name, sources[i].text);
	enum err e = policy_set_build(files, n, NULL, 0, ret, error);
	for (size_t i = 0; i < n; i++)
		policy_file_free(files[i]);
	return e;
}

static inline struct policy_set *set_of(const struct source *sources, size_t n)
{
	struct policy_set *s = NULL;
	struct policy_error error;

	if (try_set(sources, n, &s, &error) != ERR_OK)
		fail_msg("%s:%u: %s", error.file, error.line, error.problem);
	return s;
}

#define SET(...)                                                                               \
	set_of((const struct source[]){ __VA_ARGS__ },                                         \
	       LEN(((const struct source[]){ __VA_ARGS__ })))

/* Lays `json` over the benign base. */
static inline struct policy_request request_of(struct arena *a, const char *json)
{
	struct policy_error error;
	struct policy_request q;
	struct json_where where;
	cJSON *tree = NULL;

	policy_request_base(&q);
	assert_int_equal(json_parse(span_of(json), &json_limits_api, &tree, &where), ERR_OK);
	if (policy_request_apply(&q, tree, a, &error) != ERR_OK)
		fail_msg("%s: %s", json, error.problem);
	cJSON_Delete(tree);
	return q;
}

/* What people are shown of all of it, for buf_free(). */
static inline struct buf shown(struct policy_set *s)
{
	struct buf out;

	buf_init(&out, 1u << 16);
	policy_show(s, true, 0, &out);
	return out;
}

/* What people are told of the benign base, for buf_free(). */
static inline struct buf explained_base(struct policy_set *s)
{
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_request q = request_of(a, "{}");
	struct buf out;

	buf_init(&out, 1u << 16);
	policy_explain(s, &q, 0, &out);
	arena_free(a);
	return out;
}

static inline void assert_laid_out(const char *in, const char *wanted)
{
	struct policy_error e;
	struct buf out;
	/* No longer than it is: address sanitizer sees who reads on. */
	char *text = malloc(strlen(in) + (in[0] == '\0'));

	assert_non_null(text);
	memcpy(text, in, strlen(in));
	buf_init(&out, 4096);
	assert_int_equal(policy_format((struct span){ text, strlen(in) }, "t", &out, &e),
			 ERR_OK);
	assert_string_equal(buf_cstr(&out), wanted);
	assert_int_equal(e.line, 0);
	buf_free(&out);
	free(text);
}

/* {"verdict",…} of one destination, into a static buffer. */
static inline const char *answer(struct policy_set *s, const char *request, const char *name)
{
	static char text[2000];
	struct arena *a = arena_new("test", 1u << 24);
	struct policy_decision *d = policy_decisions_new(s, 1, a);
	struct policy_request q = request_of(a, request);
	struct buf out;
	size_t i;

	assert_true(policy_destination_find(s, span_of(name), &i));
	policy_decide(s, &q, i, d);
	buf_init(&out, sizeof text - 1);
	policy_decision_write(s, d, &out);
	snprintf(text, sizeof text, "%s", buf_cstr(&out));
	buf_free(&out);
	arena_free(a);
	return text;
}

static inline bool contains(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#endif
