/* SPDX-License-Identifier: Apache-2.0 */
/* How much a word that no list knows looks like the name of a person. For scan/ only. */
#ifndef HITHER_SCAN_NAMES_H
#define HITHER_SCAN_NAMES_H

#include <stdint.h>

#include "common/span.h"

#define NAMES_BUCKETS 8192

/*
 * By the runs of letters in the word; above 0 it is likelier a name than not, if both were
 * equally frequent. Of held out words, from 0 on there are 70 % of names and 9 % of others,
 * from NAMES_STRONG on 46 % and 3 %. Words of less than four letters have no score: -1000.
 */
int names_like(struct span word);
#define NAMES_STRONG 60

/* names_model.c */
extern const int names_bias;
extern const int8_t names_weights[NAMES_BUCKETS];

#endif
