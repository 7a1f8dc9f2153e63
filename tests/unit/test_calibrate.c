/* SPDX-License-Identifier: Apache-2.0 */
/* When an answer counts as right, and which threshold follows from right and wrong ones. */
#include "tests/unit/check.h"

#include "cli/calibrate.h"

static bool right(const char *said, const char *answer)
{
	return calibrate_is_right(span_of(said), span_of(answer));
}

static void numbers(void **state)
{
	(void)state;
	CHECK(right("It costs 3 + 4 = 7 euros.", "7"), "the last number");
	CHECK(!right("7 is not it, 8 is.", "7"), "not an earlier one");
	CHECK(right("about 1,830", "1830"), "digits in groups");
	CHECK(right("x = -4.", "-4") && !right("x = 4", "-4"), "the sign counts");
	CHECK(!right("3-4", "-4"), "a minus between numbers is no sign");
	CHECK(right("2.50", "2.5"), "as a value");
	CHECK(!right("seven", "7"), "no number at all");
	CHECK(!right("", "7"), "nothing said");
}

static void letters(void **state)
{
	(void)state;
	CHECK(right("B", "B") && right("The answer is (C).", "C"),
	      "the letter that stands alone");
	CHECK(right("A letter to the point: D", "D"), "a word of one letter is passed over");
	CHECK(!right("Because", "B"), "not the first letter of a word");
	CHECK(!right("A, or perhaps B", "B"), "the first counts");
}

static void words(void **state)
{
	(void)state;
	CHECK(right("It is oslo, of course.", "Oslo"), "whatever the case");
	CHECK(!right("Osloer", "Oslo"), "whole words");
	CHECK(right("It is the Atlantic", "Atlantic"), "at the end");
}

static void threshold(void **state)
{
	struct calibrate_point p[40];

	(void)state;
	/* Right up to 0.5, wrong above. */
	for (int i = 0; i < 40; i++)
		p[39 - i] = (struct calibrate_point){ (float)i / 40.0f, i < 20, -1 };
	uint32_t at = calibrate_threshold_pm(p, 40, CALIBRATE_QUALITY, 0.9);

	CHECK(at >= 475 && at <= 540, "where the failures begin");
	CHECK(calibrate_threshold_pm(p, 40, CALIBRATE_QUALITY, 0.6) > at,
	      "less quality, more stays");
	at = calibrate_threshold_pm(p, 40, CALIBRATE_SHARE, 0.75);
	CHECK(at > 725 && at < 750, "three quarters stay");
	for (int i = 0; i < 40; i++)
		p[i].right = false;
	CHECK(calibrate_threshold_pm(p, 40, CALIBRATE_QUALITY, 0.8) == CALIBRATE_LEAST_PM,
	      "everyday requests stay even so");
	for (int i = 0; i < 40; i++)
		p[i].right = true;
	CHECK(calibrate_threshold_pm(p, 40, CALIBRATE_QUALITY, 0.8) == CALIBRATE_MOST_PM,
	      "nothing but the hardest goes");
}

static void a_floor(void **state)
{
	struct calibrate_point p[40];

	(void)state;
	/* Wrong below 0.5, right above. */
	for (int i = 0; i < 40; i++)
		p[39 - i] = (struct calibrate_point){ 0, i >= 20, (double)i / 40.0 };
	uint32_t at = calibrate_floor_pm(p, 40);
	CHECK(at > 475 && at < 500, "between the wrong and the right");
	for (int i = 0; i < 40; i++)
		p[i].right = i % 2 == 0;
	CHECK(calibrate_floor_pm(p, 40) == 0, "none where certainty tells nothing");
	for (int i = 0; i < 40; i++)
		p[i].right = p[i].certainty < 0.5;
	CHECK(calibrate_floor_pm(p, 40) == 0, "nor where it tells the opposite");
	for (int i = 0; i < 40; i++)
		p[i].right = p[i].certainty > 0.09;
	CHECK(calibrate_floor_pm(p, 40) == 0, "nor from a few wrong ones");
	for (int i = 0; i < 40; i++)
		p[i] = (struct calibrate_point){ 0, i >= 20, -1 };
	CHECK(calibrate_floor_pm(p, 40) == 0, "nor from answers that were not measured");
	for (int i = 0; i < 40; i++)
		p[i] = (struct calibrate_point){ 0, i >= 20, i < 20 ? 0.4 : 0.8 };
	at = calibrate_floor_pm(p, 40);
	CHECK(at == 600, "equal ones are not torn apart");
	CHECK(calibrate_floor_pm(p, 0) == 0, "nothing at all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),   cmocka_unit_test(letters), cmocka_unit_test(words),
		cmocka_unit_test(threshold), cmocka_unit_test(a_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
