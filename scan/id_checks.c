/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of identity numbers: weights and moduli as the issuing offices publish them. A format
 * without a published check digit is held to its ranges and dates.
 */
#include "scan/id_checks.h"

#include <stdint.h>

#include "scan/checks.h"

static unsigned digit(struct span s, size_t i)
{
	return (unsigned)(s.ptr[i] - '0');
}

static unsigned number(struct span s, size_t from, size_t n)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + digit(s, from + i);
	return v;
}

static bool digits_at(struct span s, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++) {
		if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	}
	return true;
}

/* Sum of digits times weights, given as a string of one weight each ('A' = 10). */
static unsigned weighted(struct span s, const char *weights)
{
	unsigned sum = 0;

	for (size_t i = 0; weights[i] != '\0' && i < s.len; i++) {
		unsigned w = weights[i] >= 'A' ? (unsigned)(weights[i] - 'A' + 10)
					       : (unsigned)(weights[i] - '0');

		sum += w * digit(s, i);
	}
	return sum;
}

static bool all_same(struct span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] != s.ptr[0])
			return false;
	}
	return true;
}

static bool day_month_at(struct span s, size_t day, size_t month)
{
	return check_day_month(number(s, day, 2), number(s, month, 2));
}

static struct span part(struct span s, size_t from, size_t n)
{
	return (struct span){ s.ptr + from, n };
}

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

/* ---- Europe ---- */

bool id_gb_nino(struct span s)
{
	static const char *const unused[] = { "BG", "GB", "KN", "NK", "NT", "TN", "ZZ" };

	for (size_t i = 0; i < LEN(unused); i++) {
		if (memcmp(s.ptr, unused[i], 2) == 0)
			return false;
	}
	return strchr("DFIQUV", s.ptr[0]) == NULL && strchr("DFIOQUV", s.ptr[1]) == NULL &&
	       s.ptr[8] >= 'A' && s.ptr[8] <= 'D';
}

bool id_gb_nhs(struct span s)
{
	unsigned r = 11 - weighted(s, "A98765432") % 11;

	return (r == 11 ? 0 : r) == digit(s, 9) && !all_same(s);
}

bool id_gb_licence(struct span s)
{
	unsigned month = number(s, 6, 2);

	return digits_at(s, 5, 6) &&
	       check_day_month(number(s, 8, 2), month > 50 ? month - 50 : month);
}

/* ISO 7064 mod 11,10. */
static bool mod_11_10(struct span s)
{
	unsigned product = 10;

	for (size_t i = 0; i + 1 < s.len; i++) {
		unsigned sum = (digit(s, i) + product) % 10;

		product = (sum == 0 ? 10 : sum) * 2 % 11;
	}
	return (11 - product) % 10 == digit(s, s.len - 1);
}

bool id_de_tax(struct span s)
{
	return s.ptr[0] != '0' && !all_same(s) && mod_11_10(s);
}

bool id_de_vat(struct span s)
{
	return mod_11_10(part(s, 2, 9));
}

/* 2 digits area, 6 digits date of birth, letter, 2 digits serial, check digit. */
bool id_de_social(struct span s)
{
	static const char weights[] = "212525121212";
	unsigned sum = 0, letter = (unsigned)(s.ptr[8] - 'A' + 1);
	char text[12];
	unsigned day = number(s, 2, 2);

	memcpy(text, s.ptr, 8);
	text[8] = (char)('0' + letter / 10);
	text[9] = (char)('0' + letter % 10);
	memcpy(text + 10, s.ptr + 9, 2);
	for (size_t i = 0; i < 12; i++) {
		unsigned p = (unsigned)(text[i] - '0') * (unsigned)(weights[i] - '0');

		sum += p / 10 + p % 10;
	}
	return check_day_month(day > 50 ? day - 50 : day, number(s, 4, 2)) &&
	       sum % 10 == digit(s, 11);
}

/* Weights 7, 3, 1 of ICAO Doc 9303 over letters and digits. */
bool id_de_document(struct span s)
{
	unsigned sum = 0;

	for (size_t i = 0; i + 1 < s.len; i++) {
		char c = s.ptr[i];
		unsigned v = c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);

		sum += v * (i % 3 == 0 ? 7 : i % 3 == 1 ? 3 : 1);
	}
	return strchr("CFGHJKLMNPRTVWXYZ", s.ptr[0]) != NULL && sum % 10 == digit(s, s.len - 1);
}

bool id_de_doctor(struct span s)
{
	unsigned sum = weighted(s, "494949");

	return (10 - sum % 10) % 10 == digit(s, 6) && !all_same(s);
}

bool id_de_health(struct span s)
{
	char text[11];
	unsigned letter = (unsigned)(s.ptr[0] - 'A' + 1), sum = 0;

	text[0] = (char)('0' + letter / 10);
	text[1] = (char)('0' + letter % 10);
	memcpy(text + 2, s.ptr + 1, 9);
	for (size_t i = 0; i < 10; i++) {
		unsigned p = (unsigned)(text[i] - '0') * (i % 2 == 0 ? 1 : 2);

		sum += p / 10 + p % 10;
	}
	return sum % 10 == (unsigned)(text[10] - '0');
}

bool id_fr_nir(struct span s)
{
	unsigned long long v = 0;

	for (size_t i = 0; i < 13; i++)
		v = v * 10 + digit(s, i);
	return (s.ptr[0] == '1' || s.ptr[0] == '2') && number(s, 3, 2) >= 1 &&
	       number(s, 3, 2) <= 42 && 97 - v % 97 == number(s, 13, 2);
}

static const char spanish[] = "TRWAGMYFPDXBNJZSQVHLCKE";

bool id_es_nif(struct span s)
{
	return s.ptr[s.len - 1] == spanish[number(s, 0, s.len - 1) % 23];
}

bool id_es_nie(struct span s)
{
	return s.ptr[8] ==
	       spanish[((unsigned)(s.ptr[0] - 'X') * 10000000 + number(s, 1, 7)) % 23];
}

bool id_it_vat(struct span s)
{
	return check_luhn(s) && !all_same(s);
}

bool id_it_fiscal(struct span s)
{
	/* Values of characters in odd places, for 0..9 and A..Z alike. */
	static const uint8_t odd[] = { 1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
				       20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
	unsigned sum = 0;

	for (size_t i = 0; i < 15; i++) {
		unsigned v = (unsigned)(s.ptr[i] <= '9' ? s.ptr[i] - '0' : s.ptr[i] - 'A');

		sum += i % 2 == 0 ? odd[v] : v;
	}
	return s.ptr[15] == (char)('A' + sum % 26);
}

bool id_nl_bsn(struct span s)
{
	unsigned sum = weighted(s, "98765432");

	return !all_same(s) && sum % 11 == digit(s, 8);
}

bool id_be_national(struct span s)
{
	unsigned long long v = number(s, 0, 9);
	unsigned check = number(s, 9, 2);

	return number(s, 2, 2) <= 12 &&
	       (97 - v % 97 == check || 97 - (2000000000ULL + v) % 97 == check);
}

/* EAN-13. */
bool id_ch_ahv(struct span s)
{
	return memcmp(s.ptr, "756", 3) == 0 && weighted(s, "1313131313131") % 10 == 0;
}

bool id_at_social(struct span s)
{
	unsigned sum = digit(s, 0) * 3 + digit(s, 1) * 7 + digit(s, 2) * 9 +
		       weighted(part(s, 4, 6), "584216");

	return day_month_at(s, 4, 6) && sum % 11 == digit(s, 3);
}

bool id_pl_pesel(struct span s)
{
	unsigned month = number(s, 2, 2) % 20;

	return check_day_month(number(s, 4, 2), month) &&
	       (10 - weighted(s, "1379137913") % 10) % 10 == digit(s, 10);
}

bool id_se_person(struct span s)
{
	struct span ten = part(s, s.len - 10, 10);
	unsigned day = number(ten, 4, 2);

	return check_day_month(day > 60 ? day - 60 : day, number(ten, 2, 2)) && check_luhn(ten);
}

bool id_se_company(struct span s)
{
	return number(s, 2, 2) >= 20 && check_luhn(s);
}

bool id_no_birth(struct span s)
{
	unsigned day = number(s, 0, 2);

	return check_day_month(day > 40 ? day - 40 : day, number(s, 2, 2)) &&
	       weighted(s, "3761894521") % 11 == 0 && weighted(s, "54327654321") % 11 == 0;
}

bool id_dk_cpr(struct span s)
{
	return day_month_at(s, 0, 2) && !all_same(s);
}

bool id_fi_hetu(struct span s)
{
	static const char letters[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
	unsigned n = number(s, 0, 6) * 1000 + number(s, s.len - 4, 3);

	return day_month_at(s, 0, 2) && number(s, s.len - 4, 3) >= 2 &&
	       s.ptr[s.len - 1] == letters[n % 31];
}

bool id_cz_birth(struct span s)
{
	unsigned long long v = 0;
	unsigned month = number(s, 2, 2) % 50 % 20;

	for (size_t i = 0; i < s.len; i++)
		v = v * 10 + digit(s, i);
	return v % 11 == 0 && check_day_month(number(s, 4, 2), month);
}

bool id_ro_cnp(struct span s)
{
	unsigned r = weighted(s, "279146358279") % 11;

	return digit(s, 0) != 0 && day_month_at(s, 5, 3) && (r == 10 ? 1 : r) == digit(s, 12);
}

bool id_bg_egn(struct span s)
{
	unsigned sum = weighted(s, "248"
				   "5") +
		       digit(s, 4) * 10 + digit(s, 5) * 9 + digit(s, 6) * 7 + digit(s, 7) * 3 +
		       digit(s, 8) * 6;

	return check_day_month(number(s, 4, 2), number(s, 2, 2) % 20) &&
	       sum % 11 % 10 == digit(s, 9);
}

bool id_hr_oib(struct span s)
{
	return !all_same(s) && mod_11_10(s);
}

bool id_pt_nif(struct span s)
{
	unsigned r = 11 - weighted(s, "98765432") % 11;

	return strchr("1235689", s.ptr[0]) != NULL && (r >= 10 ? 0 : r) == digit(s, 8);
}

bool id_ie_pps(struct span s)
{
	unsigned sum = weighted(s, "8765432");

	if (s.len == 9 && s.ptr[8] >= 'A')
		sum += (unsigned)(s.ptr[8] - 'A' + 1) * 9;
	return s.ptr[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23];
}

bool id_gr_amka(struct span s)
{
	return day_month_at(s, 0, 2) && check_luhn(s);
}

bool id_tr_national(struct span s)
{
	unsigned odd = 0, even = 0, sum = 0;

	for (size_t i = 0; i < 9; i++) {
		if (i % 2 == 0)
			odd += digit(s, i);
		else
			even += digit(s, i);
	}
	for (size_t i = 0; i < 10; i++)
		sum += digit(s, i);
	return s.ptr[0] != '0' && (odd * 7 + 100 - even) % 10 == digit(s, 9) &&
	       sum % 10 == digit(s, 10);
}

bool id_ee_isikukood(struct span s)
{
	unsigned r = weighted(s, "1234567891") % 11;

	if (r == 10)
		r = weighted(s, "3456789123") % 11 % 10;
	return digit(s, 0) >= 1 && digit(s, 0) <= 8 && day_month_at(s, 5, 3) &&
	       r == digit(s, 10);
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

	return state >= 1 && (state <= 38 || state == 97) && state != 38 + 1 &&
	       s.ptr[13] == 'Z' && state != 38;
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

bool id_nz_ird(struct span s)
{
	unsigned r = weighted(s, s.len == 9 ? "32765432" : "2765432") % 11;

	if (r != 0)
		r = 11 - r;
	return r < 10 && r == digit(s, s.len - 1);
}
