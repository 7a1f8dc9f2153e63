/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a Unix socket, as far as the kernel and root can prove it:
 *
 *   Flatpak   /.flatpak-info in the root folder of the process (flatpak-metadata(5)), which is
 *             not our own root; nothing in the sandbox can change that file
 *   Snap      the AppArmor label of the process in enforce mode, snap.NAME.APP
 *   service   the unit whose control group the process is in, below system.slice, when its uid
 *             is neither a person's nor root
 *
 * The process is the one that called connect(2), held by a pidfd (SO_PEERPIDFD, Linux 6.5), so
 * a number that was used again is never taken for it. A connection that it hands on keeps its
 * name: who holds an open connection acts for whoever opened it. A program of the same user
 * outside of any sandbox can build a root folder of its own with such a file in it; on ordinary
 * Linux nothing tells that from Flatpak (docs/security.md).
 *
 * The roles have no files: a process of its own, the attester, looks for the router.
 */
#ifndef HITHER_PROC_ATTEST_H
#define HITHER_PROC_ATTEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/span.h"

#define ATTEST_APP_BYTES 129

enum attest_kind { ATTEST_NONE, ATTEST_FLATPAK, ATTEST_SNAP, ATTEST_SERVICE };

struct attest_answer {
	uint64_t id; /* of the question */
	enum attest_kind kind;
	char app[ATTEST_APP_BYTES]; /* "" with ATTEST_NONE */
};

/* --- pure: what the texts say ------------------------------------------------------------ */

/* The application's id in a .flatpak-info ([Application], name=). False: none, two, or one that
 * looks like a snap's or a service's. */
bool attest_flatpak_id(struct span info, char ret[ATTEST_APP_BYTES]);
/* "snap.NAME.APP (enforce)" to "snap.NAME". False: another label, or not enforced. */
bool attest_snap_id(struct span label, char ret[ATTEST_APP_BYTES]);
/*
 * "0::/system.slice/NAME.service…" (proc_pid_cgroup(5); or the line of systemd's own hierarchy)
 * to "NAME.service" when `uid` is a system user's: 1 to 999, or one of those that systemd hands
 * out by itself (61184 to 65519, systemd.exec(5), DynamicUser=). False: no unit below
 * system.slice, or uid is root's, a person's or nobody's.
 */
bool attest_service_id(struct span cgroup, uid_t uid, char ret[ATTEST_APP_BYTES]);

/* --- in the attester --------------------------------------------------------------------- */

/* Looks now, in this process. ATTEST_NONE: nothing is proven, or the process has ended. */
enum attest_kind attest_look(int pidfd, uid_t uid, char ret_app[ATTEST_APP_BYTES]);
/* The whole life of the attester: closes its jail, answers what comes over `wire`. */
__attribute__((noreturn)) void attest_serve(int wire);

/* --- in the router ----------------------------------------------------------------------- */

/* Asks; `pidfd` stays the caller's. ERR_AGAIN: it is busy; ERR_PEER_GONE. */
MUST_CHECK enum err attest_ask(int wire, uint64_t id, uid_t uid, int pidfd);
/* One answer that is there. ERR_AGAIN: none; ERR_PEER_GONE, ERR_PROTOCOL: close the wire. */
MUST_CHECK enum err attest_read(int wire, struct attest_answer *ret);

#endif
