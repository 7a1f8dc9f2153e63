/* SPDX-License-Identifier: Apache-2.0 */
/* Check digits and the lengths that go with them. */
#include "scan/checks.h"

#include <stdint.h>

static bool all_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	}
	return s.len > 0;
}

bool check_luhn(struct span digits)
{
	unsigned sum = 0;

	if (!all_digits(digits))
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned d = (unsigned)(digits.ptr[digits.len - 1 - i] - '0');

		if (i % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

bool check_mod97(struct span s)
{
	unsigned rest = 0;

	if (s.len < 5)
		return false;
	/* The first four characters go to the end; letters count from A = 10. */
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[(i + 4) % s.len];

		if (c >= '0' && c <= '9')
			rest = (rest * 10 + (unsigned)(c - '0')) % 97;
		else if (c >= 'A' && c <= 'Z')
			rest = (rest * 100 + (unsigned)(c - 'A' + 10)) % 97;
		else
			return false;
	}
	return rest == 1;
}

bool check_verhoeff(struct span digits)
{
	/* Multiplication in the dihedral group D5: 0..4 rotations, 5..9 reflections. */
	static const uint8_t permutation[8][10] = {
		{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 },
		{ 5, 8, 0, 3, 7, 9, 6, 1, 4, 2 }, { 8, 9, 1, 6, 0, 4, 3, 5, 2, 7 },
		{ 9, 4, 5, 3, 1, 2, 6, 8, 7, 0 }, { 4, 2, 8, 6, 5, 7, 3, 9, 0, 1 },
		{ 2, 7, 9, 3, 8, 0, 6, 4, 1, 5 }, { 7, 0, 4, 6, 9, 1, 3, 2, 5, 8 },
	};
	unsigned c = 0;

	if (!all_digits(digits))
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned p = permutation[i % 8][digits.ptr[digits.len - 1 - i] - '0'];

		if (c < 5)
			c = p < 5 ? (c + p) % 5 : 5 + (c + p - 5) % 5;
		else
			c = p < 5 ? 5 + (c - 5 + 5 - p) % 5 : (c - 5 + 5 - (p - 5)) % 5;
	}
	return c == 0;
}

/* Issuer ranges of the large networks: prefix low..high, lengths allowed as a bit set. */
static const struct {
	uint32_t low, high;
	uint8_t digits;
	uint32_t lengths;
} issuers[] = {
#define L(n) (1u << (n))
	{ 4, 4, 1, L(13) | L(16) | L(19) },                           /* Visa */
	{ 51, 55, 2, L(16) },                                         /* Mastercard */
	{ 2221, 2720, 4, L(16) },                                     /* Mastercard */
	{ 34, 34, 2, L(15) },                                         /* American Express */
	{ 37, 37, 2, L(15) },                                         /* American Express */
	{ 300, 305, 3, L(14) | L(16) },                               /* Diners Club */
	{ 36, 36, 2, L(14) | L(16) },                                 /* Diners Club */
	{ 38, 39, 2, L(14) | L(16) },                                 /* Diners Club */
	{ 6011, 6011, 4, L(16) | L(19) },                             /* Discover */
	{ 644, 659, 3, L(16) | L(19) },                               /* Discover */
	{ 3528, 3589, 4, L(16) | L(19) },                             /* JCB */
	{ 1800, 1800, 4, L(15) },                                     /* JCB, old */
	{ 2131, 2131, 4, L(15) },                                     /* JCB, old */
	{ 62, 62, 2, L(16) | L(17) | L(18) | L(19) },                 /* UnionPay */
	{ 2200, 2204, 4, L(16) | L(19) },                             /* Mir */
	{ 50, 50, 2, L(12) | L(13) | L(14) | L(15) | L(16) | L(19) }, /* Maestro */
	{ 56, 69, 2, L(12) | L(13) | L(14) | L(15) | L(16) | L(19) }, /* Maestro, RuPay */
	{ 9792, 9792, 4, L(16) },                                     /* Troy */
#undef L
};

bool check_card(struct span digits)
{
	if (digits.len < 12 || digits.len > 19 || !check_luhn(digits))
		return false;
	for (size_t i = 0; i < LEN(issuers); i++) {
		uint32_t prefix = 0;

		for (uint8_t k = 0; k < issuers[i].digits; k++)
			prefix = prefix * 10 + (uint32_t)(digits.ptr[k] - '0');
		if (prefix >= issuers[i].low && prefix <= issuers[i].high &&
		    (issuers[i].lengths >> digits.len & 1) != 0)
			return true;
	}
	return false;
}

bool check_iban(struct span iban)
{
	/* Country and length, from the IBAN registry of ISO 13616. */
	static const char lengths[] =
		"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18"
		"DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23"
		"IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27"
		"MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19"
		"SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

	for (size_t i = 0; i + 3 < sizeof lengths - 1; i += 4) {
		size_t want =
			(size_t)(lengths[i + 2] - '0') * 10 + (size_t)(lengths[i + 3] - '0');

		if (iban.len == want && memcmp(iban.ptr, lengths + i, 2) == 0)
			return check_mod97(iban);
	}
	return false;
}

bool check_day_month(unsigned day, unsigned month)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}
