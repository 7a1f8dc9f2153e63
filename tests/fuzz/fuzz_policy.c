/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a policy file. What is accepted must build, survive the bundle and the layout
 * with the same answers, and never allow with everything unknown what it would not allow to
 * an ordinary request. The length chooses the layer. Bytes are tried as a bundle and as a
 * batch line as well.
 */
#include <stdlib.h>

#include "policy/policy.h"

#define MUST(condition)                                                                        \
	do {                                                                                   \
		if (!(condition))                                                              \
			abort();                                                               \
	} while (0)

static void verdicts(struct policy_set *s, const struct policy_request *q, int *ret)
{
	struct arena *a = arena_new("fuzz", (size_t)256 << 20);
	struct policy_decision *d = policy_decisions_new(s, policy_destinations(s), a);

	MUST(d != NULL);
	policy_decide_all(s, q, d);
	for (size_t i = 0; i < policy_destinations(s); i++)
		ret[i] = (int)d[i].verdict;
	arena_free(a);
}

static struct policy_set *through_bundle(struct policy_file *f)
{
	const struct policy_bundle b = { 1, POLICY_ACTIVE, "", &f, 1, NULL, 0 };
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf bytes;

	buf_init(&bytes, POLICY_BUNDLE_MAX_BYTES);
	policy_bundle_write(&b, &bytes);
	MUST(!bytes.failed);
	MUST(policy_bundle_read(buf_span(&bytes), &s, &e) == ERR_OK);
	buf_free(&bytes);
	return s;
}

static struct policy_set *through_layout(struct span text, enum policy_layer layer)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf out;

	buf_init(&out, 64u << 20);
	MUST(policy_format(text, "fuzz", &out, &e) == ERR_OK);
	if (out.len <= POLICY_FILE_MAX_BYTES) {
		MUST(policy_file_parse(buf_span(&out), layer, "fuzz", NULL, 0, &f, &e) ==
		     ERR_OK);
		MUST(policy_set_build(&f, 1, NULL, 0, &s, &e) == ERR_OK);
	}
	policy_file_free(f);
	buf_free(&out);
	return s;
}

static void try_file(struct span text, enum policy_layer layer)
{
	static int known[1024], unknown[1024], again[1024];
	const struct policy_request nothing = { .restricted = false };
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_request base;
	struct policy_error e;
	struct buf words;

	if (policy_file_parse(text, layer, "fuzz", NULL, 0, &f, &e) != ERR_OK) {
		MUST(e.problem[0] != '\0');
		return;
	}
	enum err built = policy_set_build(&f, 1, NULL, 0, &s, &e);
	MUST(built == ERR_OK || built == ERR_TOO_BIG);
	if (built == ERR_OK) {
		size_t n = policy_destinations(s);

		policy_request_base(&base);
		verdicts(s, &base, known);
		verdicts(s, &nothing, unknown);
		for (size_t i = 0; i < n; i++)
			MUST(unknown[i] >= known[i]);
		struct policy_set *others[2] = { through_bundle(f),
						 through_layout(text, layer) };
		for (int o = 0; o < 2; o++) {
			if (others[o] == NULL)
				continue;
			MUST(policy_destinations(others[o]) == n);
			verdicts(others[o], &base, again);
			for (size_t i = 0; i < n; i++)
				MUST(again[i] == known[i]);
			policy_set_free(others[o]);
		}
		policy_tests_run(s, NULL, NULL, NULL, NULL);
		policy_lints(s, NULL, NULL);
		buf_init(&words, 64u << 20);
		policy_explain(s, &base, 0, &words);
		policy_show(s, true, 0, &words);
		buf_free(&words);
	}
	policy_set_free(s);
	policy_file_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf out;

	if (size == 0)
		return 0;
	try_file(text, (enum policy_layer)(size % POLICY_LAYERS));
	if (policy_bundle_read(text, &s, &e) == ERR_OK)
		policy_set_free(s);
	buf_init(&out, 64u << 20);
	policy_eval_line(text, false, &out);
	buf_free(&out);
	return 0;
}
