/* SPDX-License-Identifier: Apache-2.0 */
/* Check digits. All take the bare digits or letters, upper case, without separators. */
#ifndef HITHER_SCAN_CHECKS_H
#define HITHER_SCAN_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/span.h"

bool check_luhn(struct span digits);     /* ISO/IEC 7812-1 annex B */
bool check_mod97(struct span iban);      /* ISO 7064 mod 97-10 as ISO 13616 uses it */
bool check_verhoeff(struct span digits); /* J. Verhoeff, 1969 */
bool check_card(struct span digits);     /* length, issuer prefix and Luhn */
bool check_iban(struct span iban);       /* country, its length, and mod 97 */

/* Day and month exist; year of two or four digits is not looked at. */
bool check_day_month(unsigned day, unsigned month);

#endif
