/* SPDX-License-Identifier: Apache-2.0 */
/* What a street looks like, in words. For scan/addresses.c only. */
#ifndef HITHER_SCAN_STREETS_H
#define HITHER_SCAN_STREETS_H

#include "scan/prose.h"

/* The words of a street that begins at i; 0: none. Its shape only: ask street_plausible(). */
size_t street_at(struct prose *p, size_t i);

/* Whether the words [from, to), which have the shape of a street, are one. */
bool street_plausible(struct prose *p, size_t from, size_t to);

/* "Apt. 258", "P.O. Box 211": the words of a unit at i; `inside` an address more is one. */
size_t street_unit_at(struct prose *p, size_t i, bool inside);

/* How many words of a street's name start at i; numbers count, but not as the first. */
size_t street_name_words(struct prose *p, size_t i, bool numbers);

bool street_is_number(const struct prose *p, size_t i); /* of a house */
bool street_is_word(struct prose *p, size_t i);         /* Street, Rue, … */
bool street_is_lead(const struct prose *p,
		    size_t i); /* goes before names and is no other word */

#endif
