/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of identity numbers: weights and moduli as the issuing offices publish them. A format
 * without a published check digit is held to its ranges and dates.
 */
#include "scan/id_checks.h"

#include "scan/checks.h"
#include "scan/id_parts.h"

bool id_any(struct span s)
{
	return !all_same(s);
}

bool id_iban(struct span s)
{
	return check_iban(s);
}

/* Base 58 has no 0, O, I and l; the pattern has seen to the first character. */
bool id_wallet(struct span s)
{
	return s.len >= 26;
}

/* ---- America ---- */

bool id_us_ssn(struct span s)
{
	unsigned area = number(s, 0, 3);

	return area != 0 && area != 666 && area < 900 && number(s, 3, 2) != 0 &&
	       number(s, 5, 4) != 0 && !span_is(s, "078051120") && !span_is(s, "123456789") &&
	       !all_same(s);
}

bool id_us_itin(struct span s)
{
	unsigned group = number(s, 3, 2);

	return s.ptr[0] == '9' &&
	       ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
		(group >= 90 && group <= 92) || (group >= 94 && group <= 99));
}

bool id_us_aba(struct span s)
{
	unsigned first = number(s, 0, 2);

	return weighted(s, "371371371") % 10 == 0 && !all_same(s) &&
	       (first <= 12 || (first >= 21 && first <= 32) || (first >= 61 && first <= 72) ||
		first == 80);
}

bool id_us_npi(struct span s)
{
	char text[15] = "80840";

	memcpy(text + 5, s.ptr, 10);
	return (s.ptr[0] == '1' || s.ptr[0] == '2') && check_luhn((struct span){ text, 15 });
}

bool id_us_mbi(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (strchr("SLOIBZ", s.ptr[i]) != NULL)
			return false;
	}
	return s.ptr[0] >= '1' && s.ptr[0] <= '9';
}

bool id_ca_sin(struct span s)
{
	return s.ptr[0] != '0' && s.ptr[0] != '8' && !all_same(s) && check_luhn(s);
}

static bool brazilian(struct span s, const char *first, const char *second)
{
	unsigned a = weighted(s, first) % 11, b = weighted(s, second) % 11;

	a = a < 2 ? 0 : 11 - a;
	b = b < 2 ? 0 : 11 - b;
	return a == digit(s, s.len - 2) && b == digit(s, s.len - 1) && !all_same(s);
}

bool id_br_cpf(struct span s)
{
	return brazilian(s, "A98765432", "BA98765432");
}

bool id_br_cnpj(struct span s)
{
	return brazilian(s, "543298765432", "6543298765432");
}

bool id_ar_cuit(struct span s)
{
	unsigned r = 11 - weighted(s, "5432765432") % 11;

	return (r == 11 ? 0 : r) == digit(s, 10);
}

bool id_cl_rut(struct span s)
{
	unsigned sum = 0, weight = 2;

	for (size_t i = s.len - 1; i-- > 0;) {
		sum += digit(s, i) * weight;
		weight = weight == 7 ? 2 : weight + 1;
	}
	unsigned r = 11 - sum % 11;
	char want = r == 11 ? '0' : r == 10 ? 'K' : (char)('0' + r);
	return s.ptr[s.len - 1] == want;
}

bool id_mx_curp(struct span s)
{
	return day_month_at(s, 8, 6) &&
	       (s.ptr[10] == 'H' || s.ptr[10] == 'M' || s.ptr[10] == 'X');
}

/* ---- Asia, Africa, Oceania ---- */

bool id_in_aadhaar(struct span s)
{
	return s.ptr[0] >= '2' && !all_same(s) && check_verhoeff(s);
}

bool id_in_pan(struct span s)
{
	return strchr("ABCFGHJLPT", s.ptr[3]) != NULL;
}

bool id_in_gstin(struct span s)
{
	unsigned state = number(s, 0, 2);

	/* 38 is Ladakh, 97 any other territory */
	return ((state >= 1 && state <= 38) || state == 97) && s.ptr[13] == 'Z';
}

bool id_cn_resident(struct span s)
{
	static const uint8_t weights[] = {
		7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2
	};
	unsigned sum = 0;

	for (size_t i = 0; i < 17; i++)
		sum += digit(s, i) * weights[i];
	return day_month_at(s, 12, 10) && s.ptr[17] == "10X98765432"[sum % 11];
}

bool id_tw_national(struct span s)
{
	/* The letter stands for two digits, by the registry's own order. */
	static const char order[] = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
	const char *at = strchr(order, s.ptr[0]);
	unsigned letter = at != NULL ? (unsigned)(at - order) + 10 : 0;
	unsigned sum = letter / 10 + letter % 10 * 9 + weighted(part(s, 1, 9), "876543211");

	return at != NULL && (s.ptr[1] == '1' || s.ptr[1] == '2') && sum % 10 == 0;
}

bool id_hk_id(struct span s)
{
	unsigned sum = 36 * 9 + (unsigned)(s.ptr[0] - 'A' + 10) * 8 +
		       weighted(part(s, 1, 6), "765432");
	unsigned r = sum % 11;
	char want = r == 0 ? '0' : r == 1 ? 'A' : (char)('0' + 11 - r);

	return s.ptr[7] == want;
}

bool id_jp_my_number(struct span s)
{
	unsigned r = weighted(s, "65432765432") % 11;

	return (r <= 1 ? 0 : 11 - r) == digit(s, 11) && !all_same(s);
}

static bool korean(struct span s, char low, char high)
{
	return day_month_at(s, 4, 2) && s.ptr[6] >= low && s.ptr[6] <= high;
}

bool id_kr_resident(struct span s)
{
	return korean(s, '1', '4');
}

bool id_kr_foreigner(struct span s)
{
	return korean(s, '5', '8');
}

bool id_kr_company(struct span s)
{
	unsigned last = digit(s, 8) * 5, sum = weighted(s, "13713713") + last / 10 + last % 10;

	return (10 - sum % 10) % 10 == digit(s, 9);
}

bool id_sg_nric(struct span s)
{
	unsigned sum = weighted(part(s, 1, 7), "2765432");

	switch (s.ptr[0]) {
	case 'S':
		return s.ptr[8] == "JZIHGFEDCBA"[sum % 11];
	case 'T':
		return s.ptr[8] == "JZIHGFEDCBA"[(sum + 4) % 11];
	case 'F':
		return s.ptr[8] == "XWUTRQPNMLK"[sum % 11];
	case 'G':
		return s.ptr[8] == "XWUTRQPNMLK"[(sum + 4) % 11];
	case 'M':
		return s.ptr[8] == "KLJNPQRTUWX"[10 - (sum + 3) % 11];
	default:
		return false;
	}
}

bool id_sg_uen(struct span s)
{
	return !all_same(s);
}

bool id_th_national(struct span s)
{
	unsigned sum = weighted(s, "DCBA98765432");

	return s.ptr[0] >= '1' && s.ptr[0] <= '8' && (11 - sum % 11) % 10 == digit(s, 12);
}

bool id_il_id(struct span s)
{
	return check_luhn(s) && !all_same(s);
}

bool id_za_id(struct span s)
{
	return day_month_at(s, 4, 2) && s.ptr[10] <= '2' && check_luhn(s);
}

bool id_au_tfn(struct span s)
{
	return (weighted(s, "14375869") + digit(s, 8) * 10) % 11 == 0;
}

bool id_au_abn(struct span s)
{
	static const uint8_t weights[] = { 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 };
	unsigned sum = 0;

	for (size_t i = 0; i < 11; i++)
		sum += (digit(s, i) - (i == 0 ? 1 : 0)) * weights[i];
	return s.ptr[0] != '0' && sum % 89 == 0;
}

bool id_au_acn(struct span s)
{
	return (10 - weighted(s, "87654321") % 10) % 10 == digit(s, 8) && !all_same(s);
}

bool id_au_medicare(struct span s)
{
	return s.ptr[0] >= '2' && s.ptr[0] <= '6' &&
	       weighted(s, "13791379") % 10 == digit(s, 8);
}

/* A remainder of 10 is settled by a second row of weights. */
bool id_nz_ird(struct span s)
{
	static const char *const weights[] = { "32765432", "74325276" };
	size_t skip = s.len == 9 ? 0 : 1; /* an old number has eight digits: its first is 0 */

	for (unsigned i = 0; i < LEN(weights); i++) {
		unsigned r = weighted(s, weights[i] + skip) % 11;

		if (r != 1)
			return (r == 0 ? 0 : 11 - r) == digit(s, s.len - 1);
	}
	return false;
}
