/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity numbers by pattern, check and context. In a pattern
 *
 *   9  a digit     A  a letter     *  a letter or digit     _  nothing, a space or a dash
 *
 * and any other character stands for itself (letters in either case). Patterns are anchored
 * at the first digit of the text's group, so letters in front are at known places.
 *
 * A row whose `context` is not 0 counts only when such a word stands near; with ALONE it
 * also counts when nothing but the number was sent. Rows whose check is weak, or whose shape
 * is common, ask for context; long ones with a date and a check digit do not.
 */
#include "scan/ids.h"

#include "scan/id_checks.h"

#define ID_MAX 40

/* A document's number, and how many letters stand before its first digit. */
#define DOCUMENT_MAX         20
#define DOCUMENT_LETTERS_MAX 6

#define ALONE                (1u << 31)

struct id_format {
	const char *pattern;
	id_check *check;
	uint16_t category, detector;
	uint8_t strength;
	uint32_t context;
};

#define NATIONAL       SCAN_PERSONAL_NATIONAL, DETECTOR_NATIONAL_ID
#define TAX            SCAN_FINANCIAL_TAX, DETECTOR_TAX_ID
#define PASSPORT       SCAN_PERSONAL_PASSPORT, DETECTOR_PASSPORT
#define HEALTH         SCAN_HEALTH_RECORD, DETECTOR_HEALTH_ID
#define LICENCE        SCAN_PERSONAL_NATIONAL, DETECTOR_LICENCE
#define VEHICLE        SCAN_PERSONAL_NATIONAL, DETECTOR_VEHICLE
#define ACCOUNT        SCAN_FINANCIAL_ACCOUNT, DETECTOR_ACCOUNT
#define POSTCODE       SCAN_PERSONAL_ADDRESS, DETECTOR_POSTCODE

#define C_ID           (CONTEXT_NATIONAL | CONTEXT_TAX)
#define C_ALONE(kinds) ((kinds) | ALONE)
#define SURE           (STRENGTH_CHECKED - 2)
#define LIKELY         (STRENGTH_LIKELY + 4)

/* clang-format off */
static const struct id_format formats[] = {
	/* ---- America ---- */
	{ "999-99-9999",        id_us_ssn,       NATIONAL, SURE,   0 },
	{ "999.99.9999",        id_us_ssn,       NATIONAL, LIKELY, C_ALONE(C_ID) },
	{ "99999-9999",         id_us_ssn,       NATIONAL, LIKELY, CONTEXT_NATIONAL },
	{ "999 99 9999",        id_us_ssn,       NATIONAL, LIKELY, C_ALONE(C_ID) },
	{ "999999999",          id_us_ssn,       NATIONAL, LIKELY, CONTEXT_NATIONAL },
	{ "999_99_9999",        id_us_itin,      TAX,      SURE,   0 },
	{ "999999999",          id_us_aba,       ACCOUNT,  LIKELY, C_ALONE(CONTEXT_ACCOUNT) },
	{ "9999_999_999",       id_us_npi,       HEALTH,   LIKELY, C_ALONE(CONTEXT_HEALTH) },
	{ "9A*9_A*9_AA99",      id_us_mbi,       HEALTH,   SURE,   0 },
	{ "999 999 999",        id_ca_sin,       NATIONAL, LIKELY, C_ALONE(C_ID) },
	{ "999-999-999",        id_ca_sin,       NATIONAL, LIKELY, C_ALONE(C_ID) },
	{ "999999999",          id_ca_sin,       NATIONAL, LIKELY, C_ALONE(C_ID) },
	{ "999.999.999-99",     id_br_cpf,       NATIONAL, SURE,   0 },
	{ "99999999999",        id_br_cpf,       NATIONAL, LIKELY, C_ID },
	{ "99.999.999/9999-99", id_br_cnpj,      TAX,      SURE,   0 },
	{ "99-99999999-9",      id_ar_cuit,      TAX,      SURE,   0 },
	{ "99.999.999-*",       id_cl_rut,       NATIONAL, SURE,   0 },
	{ "9.999.999-*",        id_cl_rut,       NATIONAL, SURE,   0 },
	{ "AAAA999999AAAAAA*9", id_mx_curp,      NATIONAL, SURE,   0 },

	/* ---- Europe ---- */
	{ "AA_99_99_99_A",      id_gb_nino,      NATIONAL, SURE,   0 },
	{ "999 999 9999",       id_gb_nhs,       HEALTH,   SURE,   CONTEXT_HEALTH },
	{ "999-999-9999",       id_gb_nhs,       HEALTH,   SURE,   C_ALONE(CONTEXT_HEALTH) },
	{ "9999999999",         id_gb_nhs,       HEALTH,   LIKELY, C_ALONE(CONTEXT_HEALTH) },
	{ "AAAAA999999AA9AA",   id_gb_licence,   LICENCE,  SURE,   0 },
	{ "AAAAA999999A99AA",   id_gb_licence,   LICENCE,  SURE,   0 },
	{ "AA999999999A9AA9AA", id_any,          LICENCE,  LIKELY, CONTEXT_LICENCE },
	{ "AA999999999AA9AA",   id_any,          LICENCE,  LIKELY, C_ALONE(CONTEXT_LICENCE) },
	{ "99_999_999_999",     id_de_tax,       TAX,      LIKELY, C_ALONE(C_ID) },
	{ "99999999A999",       id_de_social,    NATIONAL, SURE,   0 },
	{ "99 999999 A 999",    id_de_social,    NATIONAL, SURE,   0 },
	{ "A99A99A99",          id_de_document,  PASSPORT, LIKELY, C_ALONE(CONTEXT_PASSPORT | CONTEXT_NATIONAL) },
	{ "A99999999",          id_de_document,  PASSPORT, LIKELY, C_ALONE(CONTEXT_PASSPORT | CONTEXT_NATIONAL) },
	{ "DE_999_999_999",     id_de_vat,       TAX,      LIKELY, 0 },
	{ "999999999",          id_de_doctor,    HEALTH,   LIKELY, C_ALONE(CONTEXT_HEALTH) },
	{ "A999999999",         id_de_health,    HEALTH,   LIKELY, C_ALONE(CONTEXT_HEALTH) },
	{ "9_99_99_99_999_999_99", id_fr_nir,    NATIONAL, SURE,   0 },
	{ "99999999_A",         id_es_nif,       NATIONAL, SURE,   0 },
	{ "9999999_A",          id_es_nif,       NATIONAL, LIKELY, C_ALONE(C_ID) },
	{ "X9999999_A",         id_es_nie,       NATIONAL, SURE,   0 },
	{ "Y9999999_A",         id_es_nie,       NATIONAL, SURE,   0 },
	{ "Z9999999_A",         id_es_nie,       NATIONAL, SURE,   0 },
	{ "AAA999999",          id_any,          PASSPORT, LIKELY, CONTEXT_PASSPORT },
	{ "99999999999",        id_it_vat,       TAX,      LIKELY, C_ALONE(C_ID) },
	{ "AAAAAA99A99A999A",   id_it_fiscal,    NATIONAL, SURE,   0 },
	{ "AA9999999A",         id_any,          LICENCE,  LIKELY, C_ALONE(CONTEXT_LICENCE) },
	{ "AA9999999",          id_any,          PASSPORT, LIKELY, C_ALONE(CONTEXT_PASSPORT) },
	{ "9999_99_999",        id_nl_bsn,       NATIONAL, LIKELY, C_ID },
	{ "99.99.99-999.99",    id_be_national,  NATIONAL, SURE,   0 },
	{ "99999999999",        id_be_national,  NATIONAL, SURE,   C_ID },
	{ "999.9999.9999.99",   id_ch_ahv,       NATIONAL, SURE,   0 },
	{ "9999999999999",      id_ch_ahv,       NATIONAL, SURE,   0 },
	{ "9999 999999",        id_at_social,    NATIONAL, LIKELY, C_ID },
	{ "9999999999",         id_at_social,    NATIONAL, LIKELY, C_ID },
	{ "99999999999",        id_pl_pesel,     NATIONAL, SURE,   0 },
	{ "999999_9999",        id_se_person,    NATIONAL, SURE,   C_ALONE(C_ID) },
	{ "99999999_9999",      id_se_person,    NATIONAL, SURE,   0 },
	{ "999999-9999",        id_se_company,   TAX,      LIKELY, 0 },
	{ "999999-9999",        id_se_person,    NATIONAL, SURE,   0 },
	{ "9999999999",         id_se_company,   TAX,      LIKELY, C_ALONE(CONTEXT_TAX) },
	{ "999999 99999",       id_no_birth,     NATIONAL, SURE,   0 },
	{ "99999999999",        id_no_birth,     NATIONAL, SURE,   0 },
	{ "999999-9999",        id_dk_cpr,       NATIONAL, LIKELY, C_ID },
	{ "999999-999*",        id_fi_hetu,      NATIONAL, SURE,   0 },
	{ "999999+999*",        id_fi_hetu,      NATIONAL, SURE,   0 },
	{ "999999A999*",        id_fi_hetu,      NATIONAL, SURE,   0 },
	{ "999999/9999",        id_cz_birth,     NATIONAL, SURE,   0 },
	{ "9999999999999",      id_ro_cnp,       NATIONAL, SURE,   0 },
	{ "9999999999",         id_bg_egn,       NATIONAL, SURE,   C_ID },
	{ "99999999999",        id_hr_oib,       NATIONAL, LIKELY, C_ID },
	{ "999999999",          id_pt_nif,       TAX,      LIKELY, C_ID },
	{ "9999999A",           id_ie_pps,       NATIONAL, SURE,   C_ALONE(C_ID) },
	{ "9999999AA",          id_ie_pps,       NATIONAL, SURE,   0 },
	{ "99999999999",        id_gr_amka,      NATIONAL, SURE,   0 },
	{ "99999999999",        id_tr_national,  NATIONAL, SURE,   0 },
	{ "99999999999",        id_ee_isikukood, NATIONAL, SURE,   0 },

	/* ---- Asia, Africa, Oceania ---- */
	{ "9999_9999_9999",     id_in_aadhaar,   NATIONAL, SURE,   0 },
	{ "9999:9999:9999",     id_any,          NATIONAL, LIKELY, 0 },
	{ "9999-9999-9999",     id_any,          NATIONAL, LIKELY, 0 },
	{ "999999999999",       id_any,          NATIONAL, LIKELY, CONTEXT_NATIONAL },
	{ "AAAAA9999A",         id_in_pan,       TAX,      SURE,   0 },
	{ "99AAAAA9999A*Z*",    id_in_gstin,     TAX,      SURE,   0 },
	{ "AAA9999999",         id_any,          NATIONAL, LIKELY, C_ALONE(CONTEXT_NATIONAL) },
	{ "A9999999",           id_any,          PASSPORT, LIKELY, CONTEXT_PASSPORT },
	{ "999999999999999999", id_cn_resident,  NATIONAL, SURE,   0 },
	{ "99999999999999999X", id_cn_resident,  NATIONAL, SURE,   0 },
	{ "A999999999",         id_tw_national,  NATIONAL, SURE,   0 },
	{ "A999999(*)",         id_hk_id,        NATIONAL, SURE,   0 },
	{ "9999_9999_9999",     id_jp_my_number, NATIONAL, LIKELY, C_ID },
	{ "999999_9999999",     id_kr_resident,  NATIONAL, SURE,   0 },
	{ "999999_9999999",     id_kr_foreigner, NATIONAL, SURE,   0 },
	{ "999-99-99999",       id_kr_company,   TAX,      SURE,   0 },
	{ "9999999999",         id_kr_company,   TAX,      LIKELY, C_ALONE(CONTEXT_TAX) },
	{ "99-99-999999-99",    id_any,          LICENCE,  SURE,   0 },
	{ "99 99 999999 99",    id_any,          LICENCE,  LIKELY, 0 },
	{ "999999999999",       id_any,          LICENCE,  LIKELY, CONTEXT_LICENCE },
	{ "A999A9999",          id_any,          PASSPORT, LIKELY, C_ALONE(CONTEXT_PASSPORT) },
	{ "A9999999A",          id_sg_nric,      NATIONAL, SURE,   0 },
	{ "99999999A",          id_sg_uen,       TAX,      LIKELY, CONTEXT_TAX },
	{ "999999999A",         id_sg_uen,       TAX,      LIKELY, C_ALONE(CONTEXT_TAX) },
	{ "A99AA9999A",         id_sg_uen,       TAX,      LIKELY, C_ALONE(CONTEXT_TAX) },
	{ "9999999999999",      id_th_national,  NATIONAL, SURE,   C_ALONE(C_ID) },
	{ "9-9999-99999-99-9",  id_th_national,  NATIONAL, SURE,   0 },
	{ "999999999",          id_il_id,        NATIONAL, LIKELY, C_ID },
	{ "9999999999999",      id_za_id,        NATIONAL, SURE,   0 },
	{ "999-999-999-999",    id_any,          TAX,      LIKELY, 0 },
	{ "999999999999",       id_any,          TAX,      LIKELY, CONTEXT_TAX },
	{ "999_999_999",        id_au_tfn,       TAX,      LIKELY, C_ALONE(C_ID) },
	{ "99_999_999_999",     id_au_abn,       TAX,      LIKELY, C_ALONE(C_ID) },
	{ "999_999_999",        id_au_acn,       TAX,      LIKELY, C_ALONE(C_ID) },
	{ "9999_99999_9",       id_au_medicare,  HEALTH,   LIKELY, C_ALONE(CONTEXT_HEALTH) },
	{ "99_999_999",         id_nz_ird,       TAX,      LIKELY, CONTEXT_TAX },
	{ "999_999_999",        id_nz_ird,       TAX,      LIKELY, CONTEXT_TAX },

	/* ---- postcodes with letters, number plates ---- */
	{ "A9 9AA",             id_any,          POSTCODE, LIKELY, 0 },
	{ "A99 9AA",            id_any,          POSTCODE, LIKELY, 0 },
	{ "AA9 9AA",            id_any,          POSTCODE, LIKELY, 0 },
	{ "AA99 9AA",           id_any,          POSTCODE, LIKELY, 0 },
	{ "AA9A 9AA",           id_any,          POSTCODE, LIKELY, 0 },
	{ "A9A 9AA",            id_any,          POSTCODE, LIKELY, 0 },
	{ "A9A 9A9",            id_any,          POSTCODE, LIKELY, 0 },
	{ "AA99 AAA",           id_any,          VEHICLE,  LIKELY, C_ALONE(CONTEXT_VEHICLE) },
	{ "AA99AAA",            id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "A999 AAA",           id_any,          VEHICLE,  LIKELY, C_ALONE(CONTEXT_VEHICLE) },
	{ "99 AAA 9999",        id_any,          VEHICLE,  LIKELY, C_ALONE(CONTEXT_VEHICLE) },
	{ "99 A 999",           id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AAA_999AA",          id_any,          VEHICLE,  LIKELY, C_ALONE(CONTEXT_VEHICLE) },
	{ "A9 AAA",             id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "A99 AAA",            id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AAA_9A",             id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AAA_99A",            id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AAA_999",            id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AAA_9999",           id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AAA_999A",           id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "9999 AAA",           id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AA_AA_999",          id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AA_AA_9999",         id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "99 A 99",            id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "99 A 9999",          id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "99 AA 999",          id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "99 AA 9999",         id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "99 AAA 99",          id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "99 AAA 999",         id_any,          VEHICLE,  LIKELY, CONTEXT_VEHICLE },
	{ "AA99AA9999",         id_any,          VEHICLE,  LIKELY, C_ALONE(CONTEXT_VEHICLE) },
};
/* clang-format on */

static char upper(char c)
{
	return is_lower(c) ? (char)(c - 32) : c;
}

/* How many bytes stand before the first digit of a pattern. */
static size_t letters_before_digit(const char *pattern)
{
	size_t n = 0;

	while (pattern[n] != '9' && pattern[n] != '\0' && pattern[n] != '_')
		n++;
	return n;
}

/*
 * Matches at `at`; bare characters go to `out`. Returns the end, 0 when it does not match.
 * Separators of one number are alike: all given, or none.
 */
static size_t match(struct span t, size_t at, const char *pattern, char *out, size_t *ret_len)
{
	size_t n = 0;
	char separator = '\1'; /* not seen yet */

	for (; *pattern != '\0'; pattern++) {
		char c = byte_at(t, at);

		if (*pattern == '_') {
			char here = c == ' ' || c == '-' ? c : '\0';

			if (separator == '\1')
				separator = here;
			/* "PR 123612C": a first space without later ones is common. */
			if (here != '\0' && here != separator)
				return 0;
			at += here != '\0';
			continue;
		}
		if (*pattern == '9'   ? !is_digit(c)
		    : *pattern == 'A' ? !is_alpha(c)
		    : *pattern == '*' ? !is_alnum(c)
				      : upper(c) != *pattern)
			return 0;
		if (is_alnum(c) && n < ID_MAX)
			out[n++] = upper(c);
		at++;
	}
	*ret_len = n;
	return at;
}

/* Whether the text is little more than this number: someone sent only that. */
static bool is_alone(const struct scan_view *v, size_t start, size_t end)
{
	return v->trimmed_bytes <= end - start + 2;
}

static bool context_fits(const struct scan_view *v, const struct id_format *f, size_t start,
			 size_t end)
{
	if (f->context == 0)
		return true;
	if ((f->context & ALONE) != 0 && is_alone(v, start, end))
		return true;
	return (scan_context(v, start, end, 60, 40) & f->context & ~ALONE) != 0;
}

static bool boundary(struct span t, size_t start, size_t end)
{
	char before = byte_at(t, start - 1), after = byte_at(t, end);

	if (word_before(t, start) || word_at(t, end))
		return false;
	if ((before == '-' || before == '.') && is_alnum(byte_at(t, start - 2)))
		return false;
	return !((after == '-' || after == '.' || after == '/') &&
		 is_digit(byte_at(t, end + 1)));
}

/* A quick look at the first digits; most formats are ruled out here. */
static bool may_match(const char *pattern, bool letter_before, size_t digits)
{
	size_t want = 0;

	if (pattern[0] != '9')
		return pattern[0] == '*' || letter_before || strchr(pattern, '_') != NULL;
	while (pattern[want] == '9')
		want++;
	if (letter_before)
		return false;
	return digits == want ||
	       (digits > want && (pattern[want] == '_' || pattern[want] == '*'));
}

static void try_format(struct scan_view *v, const struct id_format *f, size_t at)
{
	char bare[ID_MAX];
	size_t len, lead = letters_before_digit(f->pattern), end;

	/* An optional separator between the letters and the digits. */
	if (f->pattern[lead] == '_' && lead > 0 && at > 0 && !is_alnum(v->text.ptr[at - 1]))
		lead++;
	if (lead > at)
		return;
	end = match(v->text, at - lead, f->pattern, bare, &len);
	if (end == 0 || !boundary(v->text, at - lead, end))
		return;
	if (f->check((struct span){ bare, len }) && context_fits(v, f, at - lead, end))
		scan_found(v, at - lead, end, f->category, f->detector, f->strength);
}

/* ---- IBAN: two letters, two digits, groups of four ---- */

static void try_iban(struct scan_view *v, size_t at)
{
	struct span t = v->text;
	char bare[ID_MAX];
	size_t n = 0, i;

	if (at < 2 || !is_alpha(t.ptr[at - 1]) || !is_alpha(t.ptr[at - 2]) ||
	    word_before(t, at - 2) || !is_digit(byte_at(t, at + 1)))
		return;
	for (i = at - 2; i < t.len && n < 34; i++) {
		if (is_alnum(t.ptr[i]))
			bare[n++] = upper(t.ptr[i]);
		else if ((t.ptr[i] != ' ' && t.ptr[i] != '-') || !is_alnum(byte_at(t, i + 1)))
			break;
		if (n >= 15 && !is_alnum(byte_at(t, i + 1)) &&
		    id_iban((struct span){ bare, n })) {
			scan_found(v, at - 2, i + 1, SCAN_FINANCIAL_IBAN, DETECTOR_IBAN,
				   STRENGTH_CHECKED + 2);
			return;
		}
	}
}

/* ---- numbers of documents, named by the words before them ---- */

/* Letters and digits, five to DOCUMENT_MAX, four digits at least. */
static void try_document(struct scan_view *v, size_t at)
{
	struct span t = v->text;
	size_t start = at, end = at, digits = 0;
	uint32_t context;

	/* No further than a document's number goes: a text may be one word of a megabyte. */
	while (start > 0 && at - start <= DOCUMENT_LETTERS_MAX && is_alnum(t.ptr[start - 1]))
		start--;
	if (at - start > DOCUMENT_LETTERS_MAX)
		return;
	for (; end < t.len && end - start <= DOCUMENT_MAX &&
	       (is_alnum(t.ptr[end]) || (t.ptr[end] == '-' && is_alnum(byte_at(t, end + 1))));
	     end++)
		digits += is_digit(t.ptr[end]);
	if (end - start < 5 || end - start > DOCUMENT_MAX || digits < 4 ||
	    !boundary(t, start, end))
		return;
	context = scan_context(v, start, end, 40, 0);
	if ((context & CONTEXT_LICENCE) != 0)
		scan_found(v, start, end, LICENCE, STRENGTH_LIKELY);
	else if ((context & CONTEXT_PASSPORT) != 0)
		scan_found(v, start, end, PASSPORT, STRENGTH_LIKELY);
	else if ((context & CONTEXT_NATIONAL) != 0)
		scan_found(v, start, end, NATIONAL, STRENGTH_WEAK);
	else if ((context & CONTEXT_TAX) != 0)
		scan_found(v, start, end, TAX, STRENGTH_WEAK);
	else if ((context & CONTEXT_HEALTH) != 0)
		scan_found(v, start, end, HEALTH, STRENGTH_WEAK);
	else if ((context & CONTEXT_VEHICLE) != 0)
		scan_found(v, start, end, VEHICLE, STRENGTH_WEAK);
}

void id_at_digit(struct scan_view *v, size_t at)
{
	struct span t = v->text;

	/* Only the first digit of letters-and-digits starts a pattern. */
	if (is_digit(byte_at(t, at - 1)))
		return;
	bool letter_before = is_alpha(byte_at(t, at - 1));
	size_t digits = 0;
	while (digits < 20 && is_digit(byte_at(t, at + digits)))
		digits++;

	try_iban(v, at);
	for (size_t i = 0; i < LEN(formats); i++) {
		if (may_match(formats[i].pattern, letter_before, digits))
			try_format(v, &formats[i], at);
	}
	try_document(v, at);
}
