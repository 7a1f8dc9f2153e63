/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of `hither doctor` write into. */
#ifndef HITHER_CLI_DOCTOR_H
#define HITHER_CLI_DOCTOR_H

#include "cli/cli.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	struct cli *cli;
	struct buf json; /* the array of checks while --json */
	unsigned count[3];
};

/* One finding. `fix` is the command that mends it, or NULL. */
void doctor_say(struct doctor *d, enum doctor_level level, const char *check, const char *fix,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
