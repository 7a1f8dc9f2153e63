/* SPDX-License-Identifier: Apache-2.0 */
/* proc/policy_facts.h: one digest of the files in force, one price. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proc/policy_facts.h"

static void digest_of(const char *text, char hex[CRYPTO_SHA256_HEX_BYTES])
{
	struct policy_file *f = NULL;
	struct policy_set *set = NULL;
	struct policy_error e;

	assert_int_equal(
		policy_file_parse(span_of(text), POLICY_USER, "t.json", NULL, 0, &f, &e),
		ERR_OK);
	assert_int_equal(policy_set_build(&f, 1, NULL, 0, &set, &e), ERR_OK);
	policy_facts_sha256(set, hex);
	policy_set_free(set);
	policy_file_free(f);
}

static void the_text_makes_the_digest(void **state)
{
	char a[CRYPTO_SHA256_HEX_BYTES], b[CRYPTO_SHA256_HEX_BYTES], c[CRYPTO_SHA256_HEX_BYTES];

	(void)state;
	digest_of("{\"hither_policy\":1,\"id\":\"a\"}", a);
	digest_of("{\"hither_policy\":1,\"id\":\"a\"}", b);
	digest_of("{\"hither_policy\":1,\"id\":\"b\"}", c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strlen(a), 64);
}

static void cost_is_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(policy_cost_nano(0.10, 1000000), 100000000);
	assert_int_equal(policy_cost_nano(0.10, 1), 100);
	assert_int_equal(policy_cost_nano(0, 1000000), 0);
}

static void bounds(void **state)
{
	struct policy_destination d = {
		.price = { .known = true, .input_per_mtok = 1, .output_per_mtok = 10 }
	};
	struct policy_decision v = { .max_output_tokens = INT64_MAX };
	char text[32];

	(void)state;
	struct policy_bound b = policy_bound(&d, &v, 1000, 100);
	assert_int_equal(b.tokens, 1100);
	assert_int_equal(b.cost_nano, 2000000);
	policy_price_text(b.cost_known, b.cost_nano, "EUR", text, sizeof text);
	assert_string_equal(text, "0.002000 EUR");
	v.max_output_tokens = 50;
	assert_int_equal(policy_bound(&d, &v, 1000, 0).output_tokens, 50);
	v.max_output_tokens = INT64_MAX;
	assert_int_equal(policy_bound(&d, &v, 1000, -1).output_tokens,
			 POLICY_OUTPUT_BOUND_TOKENS);
	d.price.known = false;
	b = policy_bound(&d, &v, 1000, 100);
	policy_price_text(b.cost_known, b.cost_nano, "EUR", text, sizeof text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_text_makes_the_digest),
					    cmocka_unit_test(cost_is_rounded_up),
					    cmocka_unit_test(bounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
