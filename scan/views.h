/* SPDX-License-Identifier: Apache-2.0 */
/* Other readings of a text. For scan/ only. */
#ifndef HITHER_SCAN_VIEWS_H
#define HITHER_SCAN_VIEWS_H

#include "scan/scan_impl.h"

/* scan.c: every detector over one view. */
void scan_view_all(struct scan_view *v);

/*
 * Scans what `v` says when invisible characters are dropped and look-alikes folded (NFKC),
 * when %XX, \uXXXX, \/ and &#NN; are decoded, and inside base64 pieces; four levels deep.
 * A fifth level, or views that are too much together, make the run unknown.
 */
void scan_further_views(struct scan_view *v);

#endif
