/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for engines on this machine, when the person asks for it: loopback, GETs only. */
#ifndef HITHER_CLI_ENGINES_H
#define HITHER_CLI_ENGINES_H

#include "cli/cli.h"
#include "cli/doctor.h"
#include "dialect/engines.h"

struct engine_found {
	char url[64]; /* http://127.0.0.1:PORT */
	bool exposed; /* it listens on more than loopback */
	struct engine_facts facts;
};

/*
 * Asks whoever answers at `url` (engine_address). ERR_SYNTAX: not a loopback address;
 * ERR_NOT_FOUND: nobody listens; ERR_TIMEOUT: it says nothing; ERR_OK also when it is no engine
 * (kind UNKNOWN).
 */
MUST_CHECK enum err engines_probe(const char *url, struct engine_found *ret);

/*
 * The i-th address at which an engine is looked for: the customary ports, and what OLLAMA_HOST
 * and LM_STUDIO_BASE_URL name if that is loopback. False past the end.
 */
bool engines_candidate(unsigned i, char url[64]);

/* Is a socket of `table` (/proc/net/tcp or tcp6) listening at `port` beyond loopback? Pure. */
bool engines_exposed(struct span table, uint16_t port);

/* What `hither doctor` says of each engine found. */
void engines_doctor(struct doctor *d);

#endif
