/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a long step has come, on stderr: one line rewritten in place on a terminal, else a
 * plain line every 10 % or 10 s; nothing with --quiet.
 */
#ifndef HITHER_CLI_PROGRESS_H
#define HITHER_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"

struct progress {
	const char *label; /* a literal, or outlives it */
	uint64_t total, start_bytes, bytes;
	uint64_t start_ms, shown_ms;
	unsigned shown_tenth;
	bool off, terminal, open;
};

/* `already`: bytes that an earlier run brought. `total` 0: unknown. */
void progress_begin(struct progress *p, const struct cli *cli, const char *label,
		    uint64_t total, uint64_t already);
void progress_at(struct progress *p, uint64_t bytes);
/* Leaves the last state standing and goes to a new line. Once more is fine. */
void progress_end(struct progress *p);

#define PROGRESS_LINE_BYTES 160

/* The line for a state, without line end. Pure: `elapsed_ms` since the start. */
void progress_line(const struct progress *p, uint64_t elapsed_ms,
		   char out[PROGRESS_LINE_BYTES]);

#endif
