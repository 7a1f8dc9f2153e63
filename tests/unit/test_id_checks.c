/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity numbers that issuing offices and encyclopedias print as examples are taken; of those
 * with a check character, every other one in its place is refused, and what breaks a published
 * range is refused, too.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "scan/id_checks.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ANY     DIGITS LETTERS

struct example {
	const char *name;
	id_check *check;
	const char *good;  /* several, space between */
	const char *last;  /* what may stand last; NULL: it is no check character */
	const char *wrong; /* several, space between */
};

static const struct example examples[] = {
	{ "American bank routing", id_us_aba, "021000021 011401533 121000248", DIGITS,
	  "000000000 330000000 951000026" },
	{ "American Medicare", id_us_mbi, "1EG4TE5MK73", NULL, "0EG4TE5MK73 1SG4TE5MK73" },
	{ "American provider", id_us_npi, "1234567893", DIGITS, "1234567890" },
	{ "American taxpayer", id_us_itin, "912701234 900881234", NULL, "812701234 912891234" },
	{ "Canadian insurance", id_ca_sin, "130692544", DIGITS, "046454286 830692540" },
	{ "Brazilian person", id_br_cpf, "52998224725", DIGITS, "11111111111" },
	{ "Brazilian company", id_br_cnpj, "11222333000181", DIGITS, "11222333000191" },
	{ "Argentine taxpayer", id_ar_cuit, "20123456786", DIGITS, "27123456786" },
	{ "Chilean person", id_cl_rut, "123456785 111111111 10000013K", DIGITS "K",
	  "123456780" },
	{ "Mexican person", id_mx_curp, "BEML920313HMCLNS09", NULL,
	  "BEML921313HMCLNS09 BEML920313ZMCLNS09 BEML920332HMCLNS09" },

	{ "British driver", id_gb_licence, "MORGA657054SM9IJ", NULL,
	  "MORGA613054SM9IJ MORGA657324SM9IJ MORGAX57054SM9IJ" },
	{ "British patient", id_gb_nhs, "9434765919", DIGITS, "1111111111" },
	{ "German taxpayer", id_de_tax, "86095742719", DIGITS, "06095742719" },
	{ "German VAT", id_de_vat, "DE136695976", DIGITS, "DE136695970" },
	{ "German pension", id_de_social, "65170839J003 15070649C103", DIGITS, "65171339J003" },
	{ "German doctor", id_de_doctor, "123456601 838382202", NULL, "123457601 000000000" },
	{ "German patient", id_de_health, "A123456780", DIGITS, "B123456780" },
	{ "French person", id_fr_nir, "255081416802538", DIGITS, "255081416802530" },
	{ "Spanish person", id_es_nif, "12345678Z", LETTERS, "12345678A" },
	{ "Spanish foreigner", id_es_nie, "X1234567L Y1234567X Z1234567R", LETTERS,
	  "X1234567R" },
	{ "Dutch person", id_nl_bsn, "111222333", DIGITS, "111222330" },
	{ "Belgian person", id_be_national, "85073003328", DIGITS, "85133003328" },
	{ "Swiss insurance", id_ch_ahv, "7569217076985", DIGITS, "7559217076985" },
	{ "Polish person", id_pl_pesel, "44051401458", DIGITS, "44053201458" },
	{ "Danish person", id_dk_cpr, "0707614285", NULL, "3207614285 0713614285 1111111111" },
	{ "Finnish person", id_fi_hetu, "131052-308T", ANY, "131352-308T 131052-001T" },
	{ "Czech person", id_cz_birth, "7401040020", DIGITS, "7413320020" },
	{ "Romanian person", id_ro_cnp, "1800101221144", DIGITS,
	  "0800101221144 1801301221144" },
	{ "Bulgarian person", id_bg_egn, "7523169263", DIGITS, "7533169263" },
	{ "Croatian person", id_hr_oib, "69435151530", DIGITS, "11111111111" },
	{ "Portuguese taxpayer", id_pt_nif, "123456789", DIGITS, "423456789" },
	{ "Irish person", id_ie_pps, "1234567T 1234567FA", NULL, "1234567A 1234567TA" },
	{ "Turkish person", id_tr_national, "10000000146", DIGITS, "00000000146" },
	{ "Estonian person", id_ee_isikukood, "37605030299", DIGITS, "97605030299" },

	{ "Indian person", id_in_aadhaar, "234123412346", DIGITS, "134123412346" },
	{ "Indian taxpayer", id_in_pan, "ABCPE1234F", NULL, "ABCDE1234F" },
	{ "Indian company", id_in_gstin, "27AAPFU0939F1ZV 38AAPFU0939F1ZV 97AAPFU0939F1ZV",
	  NULL, "00AAPFU0939F1ZV 39AAPFU0939F1ZV 96AAPFU0939F1ZV 27AAPFU0939F1YV" },
	{ "Chinese resident", id_cn_resident, "11010519491231002X", DIGITS "X",
	  "11010519491331002X" },
	{ "Taiwanese person", id_tw_national, "A123456789", DIGITS, "A323456789" },
	{ "Hong Kong resident", id_hk_id, "A1234563 G123456A", DIGITS "A", "B1234563" },
	{ "Japanese person", id_jp_my_number, "123456789018", DIGITS, "123456789010" },
	{ "Korean resident", id_kr_resident, "9001011234567", NULL,
	  "9013011234567 9001015234567" },
	{ "Korean foreigner", id_kr_foreigner, "9001015234567", NULL, "9001011234567" },
	{ "Korean company", id_kr_company, "1208147521", DIGITS, "1208147520" },
	{ "Singaporean person", id_sg_nric, "S1234567D T1234567J F1234567N G1234567X M1234567K",
	  LETTERS, "A1234567D" },
	{ "Thai person", id_th_national, "1101700230708", DIGITS, "9101700230708" },
	{ "Israeli person", id_il_id, "123456782", DIGITS, "000000000" },
	{ "South African person", id_za_id, "8001015009087", DIGITS, "8013015009087" },
	{ "Australian taxpayer", id_au_tfn, "123456782", DIGITS, "123456780" },
	{ "Australian business", id_au_abn, "51824753556", DIGITS, "01824753556" },
	{ "Australian company", id_au_acn, "004085616", DIGITS, "000000000" },
	{ "New Zealand taxpayer", id_nz_ird, "49091850 35901981 49098576 136410132", DIGITS,
	  "136410133 49091851" },

	{ "a wallet", id_wallet, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", NULL,
	  "1A1zP1eP5QGefi2DMPTf" },
	{ "anything but one digit again and again", id_any, "12", NULL, "11" },
};

/* The next word of `*io` into `out`; false: there is none. */
static bool word(const char **io, char out[64])
{
	size_t n = strcspn(*io, " ");

	if (n == 0 || n >= 64)
		return false;
	memcpy(out, *io, n);
	out[n] = '\0';
	*io += n + ((*io)[n] == ' ');
	return true;
}

static void say(unsigned *io_wrong, const char *name, const char *text, const char *what)
{
	print_error("%s: %s is %s\n", name, text, what);
	++*io_wrong;
}

static void takes_examples(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < LEN(examples); i++) {
		const char *rest = examples[i].good;
		char text[64];

		while (word(&rest, text))
			if (!examples[i].check(span_of(text)))
				say(&wrong, examples[i].name, text, "refused");
	}
	assert_int_equal(wrong, 0);
}

static void refuses_what_is_none(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < LEN(examples); i++) {
		const char *rest = examples[i].wrong;
		char text[64];

		while (word(&rest, text))
			if (examples[i].check(span_of(text)))
				say(&wrong, examples[i].name, text, "taken");
	}
	assert_int_equal(wrong, 0);
}

static void one_check_character_of_all(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < LEN(examples); i++) {
		const char *rest = examples[i].good;
		char text[64];

		while (examples[i].last != NULL && word(&rest, text)) {
			char *last = text + strlen(text) - 1, right = *last;

			for (const char *c = examples[i].last; *c != '\0'; c++) {
				*last = *c;
				if (examples[i].check(span_of(text)) != (*c == right))
					say(&wrong, examples[i].name, text,
					    *c == right ? "refused" : "taken");
			}
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_examples),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(one_check_character_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
