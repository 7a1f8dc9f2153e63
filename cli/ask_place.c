/* SPDX-License-Identifier: Apache-2.0 */
/* The place in the queue for the engine of this device, which the daemon says in comments of
 * the event stream (docs/clients.md). */
#include <stdlib.h>

#include "cli/ask.h"

static void take_line(struct ask_place *p)
{
	static const char begins[] = ": waiting, number ";
	struct span line = { p->line, p->n };

	if (!span_starts(line, begins))
		return;
	p->line[p->n] = '\0';
	unsigned long place = strtoul(p->line + sizeof begins - 1, NULL, 10);

	if (place == p->told || place == 0)
		return;
	p->told = place;
	fprintf(stderr, "waiting, number %lu in the queue\n", place);
}

void ask_place_watch(const struct cli *cli, struct ask_place *io, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && !cli->quiet; i++) {
		if (bytes.ptr[i] == '\n') {
			take_line(io);
			io->n = 0;
		} else if (io->n < sizeof io->line - 1) {
			io->line[io->n++] = bytes.ptr[i];
		}
	}
}
