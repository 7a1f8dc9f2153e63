/* SPDX-License-Identifier: Apache-2.0 */
/* Only a translation: what a category means is policy's, how it is found is scan's. */
#include "proc/detectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scan_site_category site_of(const struct policy_category *c)
{
	static const enum scan_check checks[] = { [POLICY_CHECK_NONE] = SCAN_CHECK_NONE,
						  [POLICY_CHECK_LUHN] = SCAN_CHECK_LUHN,
						  [POLICY_CHECK_MOD97] = SCAN_CHECK_MOD97 };

	return (struct scan_site_category){ .name = c->name,
					    .regex = c->regex,
					    .words = c->keywords,
					    .word_count = c->n_keywords,
					    .check = checks[c->check],
					    .list = c->words };
}

enum err detectors_new(const struct policy_set *set, struct scanner **ret, bool *ret_whole,
		       struct detectors_error *reterr)
{
	size_t n = policy_categories(set), used = 0;
	struct scan_site_category *site = calloc(n + 1, sizeof *site);
	size_t *from = calloc(n + 1, sizeof *from);
	struct scan_site_error at = { .index = SIZE_MAX };
	enum err e = site != NULL && from != NULL ? ERR_OK : ERR_NO_MEMORY;

	*ret_whole = true;
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		const struct policy_category *c = policy_category(set, i);

		if (c->dictionary != NULL && c->words.ptr == NULL)
			*ret_whole = false;
		if (c->regex == NULL && c->n_keywords == 0 && span_trim(c->words).len == 0)
			continue; /* an empty dictionary finds nothing */
		from[used] = i;
		site[used++] = site_of(c);
	}
	if (e == ERR_OK)
		e = scanner_new(site, used, ret, &at);
	if (e != ERR_OK) {
		reterr->category = at.index < used ? from[at.index] : SIZE_MAX;
		snprintf(reterr->problem, sizeof reterr->problem, "%s",
			 at.problem[0] != '\0' ? at.problem : err_text(e));
	}
	free(site);
	free(from);
	return e;
}
