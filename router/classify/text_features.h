/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trained model sees of a text: which hashed pieces of words it holds, and a few
 * counts. Pure; the same on every machine and build. Training reads texts through this code.
 *
 * The text is folded on the way: ASCII case, white space, zero-width and direction
 * marks and accents dropped, full-width forms and the Cyrillic and Greek look-alikes of Latin
 * letters mapped to them, every digit to one. Greetings, thanks and "please" are left out
 * (courtesy.h), and prose behind a request (request_part.h). A piece counts once however often
 * it stands there.
 * So spacing, case, look-alikes and repetition change little.
 */
#ifndef HITHER_ROUTER_CLASSIFY_TEXT_FEATURES_H
#define HITHER_ROUTER_CLASSIFY_TEXT_FEATURES_H

#include <stdint.h>

#include "common/span.h"

#define FEATURES_BITS       15
#define FEATURES_MAX        8200
#define FEATURES_COUNTS     24

#define COUNT_LINES         2  /* training gives it no say in the difficulty */
#define COUNT_OTHER_SCRIPTS 16 /* share of letters beyond Latin */

/* Longer texts are read at both ends: the start tells what they are, the end what is asked. */
#define FEATURES_TEXT_BYTES 4096

/* Changes whenever the same text may give other features: a weights file states its own. */
#define FEATURES_VERSION 4

struct features {
	uint32_t n;                   /* distinct pieces */
	uint16_t piece[FEATURES_MAX]; /* each below 2^FEATURES_BITS, in order of appearance */
	float count[FEATURES_COUNTS]; /* scaled to about 0..1 */
};

/* Any bytes, any length; bounded time. An invalid UTF-8 byte counts as an unknown letter. */
void features_read(struct span text, struct features *ret);

#endif
