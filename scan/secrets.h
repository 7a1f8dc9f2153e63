/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: the table of formats and the detectors that use it. For scan/ only. */
#ifndef HITHER_SCAN_SECRETS_H
#define HITHER_SCAN_SECRETS_H

#include "scan/scan_impl.h"

enum secret_kind { SECRET_TOKEN, SECRET_NEAR };

struct secret_format {
	const char *name;
	const char *literal; /* lower case */
	const char *regex;
	uint8_t category;
	uint8_t kind;
	uint8_t entropy_x10;
};

extern const struct secret_format secret_formats[];
extern const size_t secret_formats_count;

/* Shannon entropy in tenths of bits per byte. */
unsigned secret_entropy_x10(struct span s);

/* Text people put where a secret would stand: "xxxx", "changeme", "<token>", "$TOKEN", "%s". */
bool secret_is_placeholder(struct span value);

/* A literal of format `index` stands at [start, end) of the view. */
void secret_at_literal(struct scan_view *v, size_t index, size_t start, size_t end);

/* A lead ends at `end`: a credential may follow. */
void secret_after_lead(struct scan_view *v, enum scan_lead lead, size_t end);

/* Detectors without a literal of their own: called once for each view. */
void secret_scan(struct scan_view *v);

#endif
