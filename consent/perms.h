/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people have said before: permissions (g-SEQ) and remembered refusals (n-SEQ). A fold
 * over the ledger: perms_note() sees every record, at start while the chain is verified and
 * then each one as it is appended, so that memory and chain cannot disagree.
 *
 * A permission is bound to user, app, at least this identity, destination, model, task, a
 * superset of the categories, mode, the whole policy, the wording of the screen, and for
 * `session` to the run of the daemon and, where the app only claims its name, to the login
 * session or terminal that it asked from. Anything else asks again.
 */
#ifndef HITHER_CONSENT_PERMS_H
#define HITHER_CONSENT_PERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "consent/inspect.h"
#include "consent/record.h"

#define PERMS_SESSION_MS                                                                       \
	(12 * 3600000LL)          /* longest session, and life of a refusal of exact bytes */
#define PERMS_STREAK         3    /* refusals in a row after which we stop asking */
#define PERMS_MAX            4096 /* remembered at once; the oldest refusal goes first */
#define PERMS_NOTICE_VERSION "1"  /* of the wording agents show */

struct perm {
	char id[24];                  /* g-SEQ, n-SEQ */
	char record[TEXT_ULID_BYTES]; /* the record that made it */
	bool allow;
	uint32_t uid;
	char app[129], destination[64], model[129], task[33], conversation[65];
	char digest[80]; /* refusal of exact bytes */
	char identity[16];
	char categories[1024]; /* names, each between commas */
	char mode[12], scope[12];
	char session[160], policy_sha256[65], notice_version[16];
	unsigned from_tier; /* of a taint: enum policy_tier from which on it counts; 0: no taint
			     */
	int64_t created_ms, until_ms;
	uint64_t uses;
};

/* What is asked now. Strings borrowed. */
struct perm_query {
	uint32_t uid;
	const char *app, *destination, *model, *task, *conversation, *digest, *session,
		*policy_sha256;
	enum policy_identity identity;
	enum policy_tier tier; /* of the destination */
	const struct inspected *found;
	unsigned modes; /* enum policy_mode bits that are possible */
	int64_t now_ms;
};

struct perms;
struct perms *perms_new(void); /* NULL when memory is out */
void perms_free(struct perms *p);

/* APPROVED, REFUSED, TAINTED and REVOKED count; the others are ignored. False when memory is
 * out: then nothing may leave, because a refusal may be forgotten. */
bool perms_note(struct perms *p, const struct record *r);

/* The permission that covers this; NULL when there is none. Never when data is unknown. */
const struct perm *perms_allowing(struct perms *p, const struct perm_query *q);
/* The remembered refusal that stands against it; NULL when there is none. */
const struct perm *perms_refusing(struct perms *p, const struct perm_query *q);
/* By id, also expired ones; NULL. */
const struct perm *perms_find(struct perms *p, const char *id);
void perms_used(struct perms *p, const struct perm *perm);
/* Live ones of this user, oldest first. Return false from `fn` to stop. */
void perms_each(struct perms *p, uint32_t uid, int64_t now_ms,
		bool (*fn)(void *ctx, const struct perm *), void *ctx);
/*
 * What the gate makes of it in this run of the daemon under this policy: "active"; "ended" (its
 * session is over: it never counts again); "policy_changed" (given under another policy or
 * wording: counts again only under that one).
 */
const char *perm_state(const struct perm *perm, const char *daemon_session,
		       const char *policy_sha256);
/* The object that GET /hither/v1/grants lists. */
void perm_write(const struct perm *perm, const char *state, struct buf *out);

#endif
