/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner that a policy wants: built-in detectors and its categories. boot refuses a file
 * whose categories make none, router and consent look with the same one.
 */
#ifndef HITHER_PROC_DETECTORS_H
#define HITHER_PROC_DETECTORS_H

#include "policy/policy.h"
#include "scan/scan.h"

struct detectors_error {
	size_t category; /* as policy_category() counts; SIZE_MAX: no one in particular */
	char problem[120];
};

/*
 * ERR_OK: *ret is the caller's. *ret_whole is false when a dictionary did not come with the
 * policy: then what the scanner does not find may be there all the same.
 * ERR_SYNTAX (a regex, word or name), ERR_TOO_BIG (too much of them), with *reterr;
 * ERR_NO_MEMORY.
 */
MUST_CHECK enum err detectors_new(const struct policy_set *set, struct scanner **ret,
				  bool *ret_whole, struct detectors_error *reterr);

#endif
