/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of Europe; see id_checks.c. */
#include "scan/id_checks.h"

#include "scan/checks.h"
#include "scan/id_parts.h"

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
	static const char weights[] = "212571212121";
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
