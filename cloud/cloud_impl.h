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

/* A SEND that waits until its destination takes it. */
struct waiting {
	struct msg_SEND m;
	int body_fd, pipe;
	uint64_t since_ms;
};

struct cloud {
	struct service *service;
	struct policy_set *policy;
	struct keys *keys;
	struct witness *witness;
	struct fetcher *fetcher;
	struct call *calls[CALLS_MAX];
	unsigned n_calls;
	struct lanes lanes;
	struct waiting queue[POLICY_DEST_QUEUE_MAX]; /* oldest first */
	unsigned n_queue;
	uint64_t grants[GRANTS_KEPT];
	unsigned next_grant;
	uint64_t grant_floor;   /* the newest that was forgotten: nothing up to it is new */
	char *proxy, *no_proxy; /* of the environment, for destinations with proxy "env" */
	bool rolled_back;       /* the ledger stands before a head that was witnessed */
	bool stopping;
};

/*
 * Once for each SEND, when it comes: NULL when it may be carried out for all that does not
 * change while it waits, else the reason.
 */
const char *send_admit(struct cloud *c, const struct msg_SEND *m);
/* Another ledger was begun: its numbers count from 1 again. */
void send_forget_grants(struct cloud *c);
/* The destination above the device of this name; NULL: the policy has none. */
const struct policy_destination *send_destination(struct cloud *c, const char *name);
/*
 * Whether these bytes may go where `m` says, and how. NULL when they may: *ret is then ready
 * but for the pipe, and owns the mapped body. Else the reason, from a fixed list.
 */
const char *send_check(struct cloud *c, const struct msg_SEND *m, int body_fd,
		       struct call_plan *ret);
/* call_start() with the header fields of this destination; false when it could not start. */
struct call *send_start(struct cloud *c, struct call_plan *plan,
			const struct call_handler *handler);
/* The next attempt of a call, as the policy of now says; the same bytes. */
void send_again(struct cloud *c, struct call *call);

/* grants.c: what the jail leaves open, by the policy that is in force at the start. */
void cloud_grants(struct service *s, struct landlock_grants *ret);

#endif
