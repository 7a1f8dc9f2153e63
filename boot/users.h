/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the processes of a system daemon are, and what belongs to them. Each role has a user of
 * its own (config/units/hitherd.sysusers.conf makes them); one person's daemon has none of
 * this.
 */
#ifndef HITHER_BOOT_USERS_H
#define HITHER_BOOT_USERS_H

#include "common/err.h"
#include "ipc/role.h"
#include "proc/config.h"
#include "proc/spawn.h"

#define USERS_PERSONS_MAX 96u /* who get a socket for their questions */

struct users {
	struct spawn_as role[ROLE_COUNT]; /* ROLE_BOOT: nobody's */
	struct spawn_as attester;
};

/*
 * The users _hither (the attester's), _hither-router, _hither-local, _hither-consent and
 * _hither-cloud, by name, each with its primary group. ERR_NOT_FOUND: one is missing, or is
 * root's or another one's number; stderr says what to do.
 */
MUST_CHECK enum err users_find(struct users *ret);

/*
 * Makes the folders that roles cannot make by themselves and gives each what is its own: to
 * consent the ledger, to cloud the keys (secrets.d) and the witnessed head, to local its state
 * and the sockets of engines; models and engines stay root's and local may read them. What lies
 * in there already is taken along, but no link, and no file with a second name. As root.
 * ERR_SYSTEM, told on stderr.
 */
MUST_CHECK enum err users_own(const struct users *u, const struct config *c);

/* The members of the group CONFIG_GROUP, and root; how many, at most `max`. */
unsigned users_persons(uid_t *ret, unsigned max);

#endif
