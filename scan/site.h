/* SPDX-License-Identifier: Apache-2.0 */
/* The site's own categories: regexes and word lists from the policy. For scan/ only. */
#ifndef HITHER_SCAN_SITE_H
#define HITHER_SCAN_SITE_H

#include "scan/scan_impl.h"

enum err site_new(const struct scan_site_category *in, size_t count, struct site **ret,
		  struct scan_site_error *reterr);
void site_free(struct site *s); /* NULL is fine */

/* Only names that are not built in make a category; s may be NULL. */
size_t site_categories(const struct site *s);
const char *site_category_name(const struct site *s, size_t index); /* NULL: no such */
const char *site_placeholder(const struct site *s, size_t index);

#endif
