/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4-128 against vectors of its reference implementation (CC0): key 00 01 … 0f,
 * input 00 01 … of each length. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "common/siphash.h"

static void as_the_reference(void **state)
{
	static const struct {
		size_t len;
		uint8_t want[16];
	} rows[] = {
		{ 0,
		  { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14,
		    0xc7, 0x55, 0x02, 0x93 } },
		{ 1,
		  { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11,
		    0x9b, 0x22, 0xfc, 0x45 } },
	};
	struct siphash_key key;
	char input[64];

	(void)state;
	for (size_t i = 0; i < sizeof key.bytes; i++)
		key.bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof input; i++)
		input[i] = (char)i;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct siphash h = siphash(&key, (struct span){ input, rows[i].len });

		for (size_t b = 0; b < 16; b++)
			assert_int_equal(h.half[b / 8] >> (8 * (b % 8)) & 0xff,
					 rows[i].want[b]);
	}
}

static void hangs_on_every_bit(void **state)
{
	struct siphash_key key = { { 1 } };
	char input[40] = "";

	(void)state;
	for (size_t len = 0; len <= sizeof input; len++) {
		struct siphash whole = siphash(&key, (struct span){ input, len });

		for (size_t bit = 0; bit < 8 * len; bit++) {
			input[bit / 8] ^= (char)(1 << bit % 8);
			struct siphash other = siphash(&key, (struct span){ input, len });

			input[bit / 8] ^= (char)(1 << bit % 8);
			CHECK(other.half[0] != whole.half[0] && other.half[1] != whole.half[1],
			      "one bit changes both halves");
		}
	}
	struct siphash_key changed = key;

	changed.bytes[15] ^= 0x80;
	CHECK(siphash(&changed, SPAN_LITERAL("a")).half[0] !=
		      siphash(&key, SPAN_LITERAL("a")).half[0],
	      "another key, another digest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_reference),
		cmocka_unit_test(hangs_on_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
