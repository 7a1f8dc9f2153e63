/* SPDX-License-Identifier: Apache-2.0 */
/* Identity numbers of states, tax offices, health systems and banks. For scan/ only. */
#ifndef HITHER_SCAN_IDS_H
#define HITHER_SCAN_IDS_H

#include "scan/scan_impl.h"

/*
 * A digit stands at `at`, the first of its group. Tries the formats whose first digit that
 * is, those with letters in front included.
 */
void id_at_digit(struct scan_view *v, size_t at);

/* contacts.c: wallets, which have a digit at or near the start. */
void contact_at_digit(struct scan_view *v, size_t at);

#endif
