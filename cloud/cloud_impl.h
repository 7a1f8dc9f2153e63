/* SPDX-License-Identifier: Apache-2.0 */
/* What main.c and send.c share. */
#ifndef HITHER_CLOUD_IMPL_H
#define HITHER_CLOUD_IMPL_H

#include "cloud/call.h"
#include "cloud/fetch.h"
#include "cloud/keys.h"
#include "cloud/witness.h"
#include "policy/policy.h"
#include "proc/service.h"

#define CALLS_MAX   64u   /* the configuration's limit lies below or at this */
#define GRANTS_KEPT 4096u /* ledger entries remembered, so that none is used twice */

struct cloud {
	struct service *service;
	struct policy_set *policy;
	struct keys *keys;
	struct witness *witness;
	struct fetcher *fetcher;
	struct call *calls[CALLS_MAX];
	unsigned n_calls;
	uint64_t grants[GRANTS_KEPT];
	unsigned next_grant;
	char *proxy, *no_proxy; /* of the environment, for destinations with proxy "env" */
	bool rolled_back;       /* the ledger stands before a head that was witnessed */
	bool stopping;
};

/*
 * Whether these bytes may go where `m` says, and how. NULL when they may: *ret is then ready
 * but for the pipe, and owns the mapped body. Else the reason, from a fixed list.
 */
const char *send_check(struct cloud *c, const struct msg_SEND *m, int body_fd,
		       struct call_plan *ret);
/* call_start() with the header fields of this destination; false when it could not start. */
struct call *send_start(struct cloud *c, struct call_plan *plan,
			const struct call_handler *handler);

#endif
