/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What consent finds out by itself about the exact bytes that would leave: it believes
 * nothing that router says about them. Pure but for the scanner it holds.
 */
#ifndef HITHER_CONSENT_INSPECT_H
#define HITHER_CONSENT_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"
#include "policy/policy.h"

#define INSPECT_FOUND_MAX 128 /* categories; the scanner has no more */

struct inspect_found {
	const char *name;
	uint32_t in_body;     /* findings in the bytes that would leave */
	uint32_t in_original; /* findings in the unmasked bytes, when there are any */
	uint32_t claimed;     /* masked, as router says */
};

/* Everything lives in the arena given to inspect_body(). */
struct inspected {
	struct inspect_found found[INSPECT_FOUND_MAX];
	unsigned n_found;
	bool complete;     /* the scan ended; otherwise `data` is unknown */
	const char *model; /* NULL when the body names none */
	bool stream;
	bool in_path; /* this dialect says model and streaming in the address, not here */
	int64_t max_output_tokens; /* -1: the body states none */
	uint64_t text_bytes;       /* of all strings but attachments */
	uint32_t messages;
	bool tools, images, files, system_prompt, metadata;
};

struct inspector;

/* Built-in detectors and those of the policy. NULL when memory is out or a detector is refused.
 */
struct inspector *inspector_new(const struct policy_set *set);
void inspector_free(struct inspector *i); /* NULL is fine */

/*
 * `api`: the dialect of the destination that the body is for. `original` may be empty. `masked`
 * is router's claim, "category=count,category=count". ERR_SYNTAX: the body is not one JSON
 * object as our writers make it; ERR_TOO_BIG (too many categories), ERR_NO_MEMORY. Nothing may
 * be sent then.
 */
MUST_CHECK enum err inspect_body(struct inspector *i, enum policy_api api, struct span body,
				 struct span original, const char *masked, struct arena *a,
				 struct inspected *ret);

/* A category is masked when it was found in the original and is not in the body. */
bool inspect_is_masked(const struct inspect_found *f);
uint32_t inspect_count(const struct inspect_found *f); /* the largest of the three */
/* First category found in the body that one of the patterns covers; NULL when it is clean. */
const char *inspect_unmasked(const struct inspected *in, const char *const *patterns, size_t n);
/* First obligation of the decision that the body does not meet, in words; NULL when all are
 * met. */
const char *inspect_unmet(const struct inspected *in, const struct policy_decision *d);
/* [{"name","count","masked"}] */
void inspect_write(const struct inspected *in, struct buf *out);

#endif
