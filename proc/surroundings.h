/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy asks about a request that does not come from the request: who its user is,
 * what time it is, how the machine fares. The router decides on it and consent decides again;
 * both fill it in here, so that they differ at most by what they were told when.
 */
#ifndef HITHER_PROC_SURROUNDINGS_H
#define HITHER_PROC_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "ipc/msg.h"
#include "policy/policy.h"

struct surroundings;

#define SURROUNDINGS_PEOPLE_MAX 4096u /* users whose names and groups are kept, at most */
#define SURROUNDINGS_GROUPS_MAX 64u   /* groups of one user; with more, they are unknown */

/*
 * Reads the time zone and the databases of users and groups; call it before the jail, since it
 * opens files. This process's user and root are looked up, and the members of `group`, those
 * who may use a daemon for many users (NULL: none). Everything is unknown of the machine until
 * surroundings_device(). NULL: memory is out.
 *
 * Names and groups are those of that moment: who is made a member later has an unknown name and
 * unknown groups until the process is started again.
 */
struct surroundings *surroundings_new(const char *group);
void surroundings_free(struct surroundings *s); /* NULL is fine */

/* What boot says of the machine from now on. */
void surroundings_device(struct surroundings *s, const struct msg_DEVICE_STATE *m);

/*
 * Sets user, groups, device and time of *io and nothing else; `wall_ms` is Unix time, which
 * becomes local time. Names and groups belong to `s`.
 */
void surroundings_fill(struct surroundings *s, uid_t uid, int64_t wall_ms,
		       struct policy_request *io);

#endif
