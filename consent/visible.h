/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a person's eyes: what hides, moves, joins or drives a terminal is written out, so
 * that nobody approves a text that looks other than it is. For every agent; pure.
 *
 * Written out as <U+XXXX NAME>: C0 and C1 controls but line feed and tab, bidirectional
 * controls (Unicode TR 9), zero-width and other default-ignorable characters
 * (DerivedCoreProperties, Unicode 15), variation selectors, tags, blanks that are not a space,
 * private use and noncharacters, line and paragraph separators; bytes that are not UTF-8 as
 * <0xXX>.
 */
#ifndef HITHER_CONSENT_VISIBLE_H
#define HITHER_CONSENT_VISIBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/span.h"

/* Appends `text` with everything hidden written out. Returns how many were. */
size_t visible_write(struct span text, struct buf *out);

#endif
