/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding of text for the classifier: bytes to code points (Unicode 15, UTF-8 as in RFC 3629),
 * look-alikes to the Latin letters they imitate, and what sort of sign each is.
 */
#ifndef HITHER_ROUTER_CLASSIFY_FOLD_H
#define HITHER_ROUTER_CLASSIFY_FOLD_H

#include <stddef.h>
#include <stdint.h>

enum fold_kind { FOLD_SKIP, FOLD_SPACE, FOLD_LETTER, FOLD_DIGIT, FOLD_MARK };

/*
 * Reads the sign at `p`, of which `n` > 0 bytes are there; *ret is its folded code point, at
 * least 0x80 unless it imitates an ASCII sign. An invalid byte is taken alone and is a letter.
 * For lead bytes of 0x80 and above; the caller folds ASCII itself, which is faster.
 */
size_t fold_wide(const uint8_t *p, size_t n, uint32_t *ret, enum fold_kind *ret_kind);

#endif
