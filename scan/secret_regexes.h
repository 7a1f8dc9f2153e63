/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled rows of secret_formats. For scan/ only. */
#ifndef HITHER_SCAN_SECRET_REGEXES_H
#define HITHER_SCAN_SECRET_REGEXES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct secret_regexes {
	pcre2_code **codes; /* one for each row */
	pcre2_match_context *limits;
};

struct secret_regexes *secret_regexes_new(void); /* NULL: out of memory */
void secret_regexes_free(struct secret_regexes *x);

#endif
