/* SPDX-License-Identifier: Apache-2.0 */
/* The running confidence of an answer: windows, short answers, missing and mad numbers. */
#include "tests/unit/check.h"

#include <math.h>

#include "router/confidence.h"

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-6;
}

static void add(struct confidence *c, double logprob, int times)
{
	for (int i = 0; i < times; i++)
		confidence_add(c, logprob);
}

static void windows(void **state)
{
	struct confidence c = { 0 };
	double lowest = 7;

	(void)state;
	CHECK(!confidence_lowest(&c, &lowest) && near(lowest, 7), "nothing seen says nothing");
	add(&c, log(0.9), CONFIDENCE_WINDOW - 1);
	CHECK(!confidence_lowest(&c, &lowest), "nor does a window that is not full");
	add(&c, log(0.9), 1);
	CHECK(confidence_lowest(&c, &lowest) && near(lowest, 0.9), "a full one does");
	add(&c, log(0.3), 1);
	confidence_lowest(&c, &lowest);
	CHECK(near(lowest, 0.9 * pow(0.3 / 0.9, 1.0 / CONFIDENCE_WINDOW)), "a geometric mean");
	add(&c, log(0.3), CONFIDENCE_WINDOW - 1);
	confidence_lowest(&c, &lowest);
	CHECK(near(lowest, 0.3), "of the last window only");
	add(&c, 0, CONFIDENCE_WINDOW);
	confidence_lowest(&c, &lowest);
	CHECK(near(lowest, 0.3), "the lowest stays");
	CHECK(!c.settled, "and more is looked at");
}

static void one_rare_word_is_no_verdict(void **state)
{
	struct confidence c = { 0 };
	double lowest;

	(void)state;
	add(&c, log(0.95), 10);
	add(&c, log(0.02), 1);
	add(&c, log(0.95), 20);
	CHECK(confidence_lowest(&c, &lowest) && lowest > 0.65, "one token among sure ones");
}

static void short_answers(void **state)
{
	struct confidence c = { 0 }, none = { 0 };
	double lowest;

	(void)state;
	add(&c, log(0.8), 1);
	add(&c, log(0.2), 1);
	confidence_end(&c);
	CHECK(c.settled && confidence_lowest(&c, &lowest) && near(lowest, 0.4),
	      "judged by what there is");
	confidence_end(&none);
	CHECK(none.settled && !confidence_lowest(&none, &lowest), "by nothing: unknown");
}

static void it_settles(void **state)
{
	struct confidence c = { 0 };
	double before, after;
	int n = 0;

	(void)state;
	while (confidence_add(&c, log(0.9)))
		n++;
	CHECK(n == CONFIDENCE_TOKENS - 1 && c.settled, "after so many tokens");
	confidence_lowest(&c, &before);
	CHECK(!confidence_add(&c, log(0.001)), "what comes later");
	confidence_end(&c);
	CHECK(confidence_lowest(&c, &after) && near(before, after), "changes nothing");
}

static void mad_numbers(void **state)
{
	static const double mad[] = { NAN, INFINITY, 1, 1e300 };
	struct confidence c = { 0 };
	double lowest;

	(void)state;
	for (int i = 0; i < CONFIDENCE_TOKENS; i++)
		confidence_add(&c, mad[i % 4]);
	CHECK(c.settled && !confidence_lowest(&c, &lowest),
	      "pieces without a probability settle it, unknown");
	c = (struct confidence){ 0 };
	add(&c, -INFINITY, CONFIDENCE_WINDOW);
	CHECK(confidence_lowest(&c, &lowest) && lowest >= 0 && lowest < 1e-40,
	      "impossible tokens");
	c = (struct confidence){ 0 };
	add(&c, -0.0, CONFIDENCE_WINDOW);
	CHECK(confidence_lowest(&c, &lowest) && near(lowest, 1), "certain ones");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),       cmocka_unit_test(one_rare_word_is_no_verdict),
		cmocka_unit_test(short_answers), cmocka_unit_test(it_settles),
		cmocka_unit_test(mad_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
