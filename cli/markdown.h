/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Markdown (CommonMark 0.31) for a terminal, as it arrives: every byte is shown as soon as what
 * it means is certain, which is after at most a few more. Headings, lists, quotes, rules,
 * fenced code, `code`, **strong** and *emphasis*; all else is text. Pure. Its input must be
 * safe for a terminal already (consent/visible.h): the only escape sequences in `out` are its
 * own.
 */
#ifndef HITHER_CLI_MARKDOWN_H
#define HITHER_CLI_MARKDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/span.h"

#define MARKDOWN_LEAD_BYTES 16

struct markdown {
	char lead[MARKDOWN_LEAD_BYTES]; /* of a line whose kind is not certain yet */
	uint8_t n_lead;
	bool in_line; /* its kind is certain */
	bool fenced, fence_line;
	char fence;  /* '`' or '~' */
	char held;   /* a marker that may be doubled; 0: none */
	char before; /* the byte before `held` */
	bool code, strong, emphasis, heading, escaped;
};

void markdown_init(struct markdown *m);
/* Appends what can be shown of `text`. */
void markdown_write(struct markdown *m, struct span text, struct buf *out);
/* The text is over: shows what was held back and switches every attribute off. */
void markdown_end(struct markdown *m, struct buf *out);

#endif
