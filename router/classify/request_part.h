/* SPDX-License-Identifier: Apache-2.0 */
/* What of a text makes the request, and what merely stands behind it. */
#ifndef HITHER_ROUTER_CLASSIFY_REQUEST_PART_H
#define HITHER_ROUTER_CLASSIFY_REQUEST_PART_H

#include "common/span.h"

/* More plain prose than this behind a request is left where it is. */
#define REQUEST_TAIL_BYTES 8192

/*
 * The text without the paragraphs at its end that only tell something, when a paragraph before
 * them does more than that; else the text as it is, less blanks at its end. The start of
 * `text`. Time bounded by REQUEST_TAIL_BYTES.
 */
struct span request_part(struct span text);

/*
 * The text without short sentences at both ends that end in "!" or an emoji and ask nothing;
 * `text` when nothing else is there. Within the text; bounded time.
 */
struct span request_without_cheers(struct span text);

/*
 * The same, and without the sentences that only tell something; `text` when nothing
 * else is there. Within the text; bounded time.
 */
struct span request_core(struct span text);

#endif
