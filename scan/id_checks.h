/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of identity numbers. Each takes the bare characters, letters upper case. For scan/
 * only. */
#ifndef HITHER_SCAN_ID_CHECKS_H
#define HITHER_SCAN_ID_CHECKS_H

#include <stdbool.h>

#include "common/span.h"

typedef bool id_check(struct span s);

/* America */
id_check id_us_ssn, id_us_itin, id_us_aba, id_us_npi, id_us_mbi, id_ca_sin, id_br_cpf,
	id_br_cnpj, id_ar_cuit, id_cl_rut, id_mx_curp;
/* Europe */
id_check id_gb_nino, id_gb_nhs, id_gb_licence, id_de_tax, id_de_social, id_de_document,
	id_de_vat, id_de_doctor, id_de_health, id_fr_nir, id_es_nif, id_es_nie, id_it_vat,
	id_it_fiscal, id_nl_bsn, id_be_national, id_ch_ahv, id_at_social, id_pl_pesel,
	id_se_person, id_se_company, id_no_birth, id_dk_cpr, id_fi_hetu, id_cz_birth, id_ro_cnp,
	id_bg_egn, id_hr_oib, id_pt_nif, id_ie_pps, id_gr_amka, id_tr_national, id_ee_isikukood;
/* Asia, Africa, Oceania */
id_check id_in_aadhaar, id_in_pan, id_in_gstin, id_cn_resident, id_tw_national, id_hk_id,
	id_jp_my_number, id_kr_resident, id_kr_foreigner, id_kr_company, id_sg_nric, id_sg_uen,
	id_th_national, id_il_id, id_za_id, id_au_tfn, id_au_abn, id_au_acn, id_au_medicare,
	id_nz_ird;
/* Anywhere */
id_check id_iban, id_any, id_wallet;

#endif
