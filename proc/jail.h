/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement a role puts on itself, irrevocably, before it reads its first untrusted byte and
 * before its event loop exists. What the kernel does not offer is left out and reported, never
 * silently.
 */
#ifndef HITHER_PROC_JAIL_H
#define HITHER_PROC_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "ipc/role.h"
#include "proc/landlock.h"

enum jail_bit {
	JAIL_NO_NEW_PRIVS = 1 << 0,
	JAIL_NOT_DUMPABLE = 1 << 1,
	JAIL_RLIMITS =
		1 << 2, /* no core, bounded descriptors; no processes for router, consent */
	JAIL_CLEAN_ENV = 1 << 3,
	JAIL_SECCOMP = 1 << 4, /* the list of jail_rows.h, whole */
	JAIL_LANDLOCK = 1 << 5,
	JAIL_NO_NETWORK = 1 << 6, /* empty network namespace (proc/network.h) */
	JAIL_NO_CAPS = 1 << 7,    /* no capability, also when it runs as root */
};

#define JAIL_FILTER_BYTES 24
#define JAIL_DETAIL_BYTES 201

struct jail_report {
	uint32_t bits;
	uint32_t landlock_abi;          /* 0: not in force */
	char filter[JAIL_FILTER_BYTES]; /* role and the first digits of the program's SHA-256 */
	char detail[JAIL_DETAIL_BYTES]; /* what could not be had, for people; "" nothing */
};

/* Process attributes: no-new-privs, dumpable 0, rlimits, environment. Right at the start. */
MUST_CHECK enum err jail_process(enum role r, struct jail_report *ret);
/*
 * Router and consent, unless io->bits says that it was born in one: an empty network namespace,
 * where the system has one for them; before anything of the role's own is read, after what must
 * stay outside has been started. May start a namer (proc/namer.h); true when it did.
 */
bool jail_network(enum role r, struct jail_report *io);
/* Gives up every capability of this thread; async-signal-safe. */
bool jail_drop_capabilities(void);

/* Processes that do one thing which the jail of whoever asks for it forbids. */
enum jail_helper {
	JAIL_LOOKER, /* looks into other processes (consent/peer_tcp.c): opens files to read */
	JAIL_DIALER, /* connects to one loopback port (local/dialer.c) */
	JAIL_ATTESTER, /* says who a process is (proc/attest.h): opens files to read */
	JAIL_NAMER,    /* says which user is at the other end of a socket (proc/namer.h) */
};

/*
 * Their confinement, in the process itself. Looker and attester keep what of their capabilities
 * lets them look into others, and are under no Landlock, which would forbid that; the others
 * reach no file, and the dialer `port`. ERR_SYSTEM, ERR_UNSUPPORTED: go no further.
 */
MUST_CHECK enum err jail_helper(enum jail_helper kind, uint16_t port);
/*
 * In a child that was forked to be one of them: named, ended with `parent`, its end `wire` of a
 * pair at JAIL_HELPER_WIRE and no other descriptor above standard error, confined as above.
 * Ends the process (1) where one of these cannot be had.
 */
#define JAIL_HELPER_WIRE 3
void jail_helper_begin(enum jail_helper kind, int wire, pid_t parent, uint16_t port);
/* Appends what is in force on a helper that lives, for people: "looker: system calls …". */
void jail_helper_words(enum jail_helper kind, char *io, size_t bytes);

/* Another user and group, no supplementary groups; async-signal-safe. False with errno. */
bool jail_change_user(uid_t uid, gid_t gid);
/*
 * In a fresh process that is to be this helper: not dumpable; the user and group when `set`; of
 * the capabilities those that the helper keeps, as far as it has them. ERR_SYSTEM with errno.
 */
MUST_CHECK enum err jail_become(enum jail_helper kind, bool set, uid_t uid, gid_t gid);
/* The spawner's, in itself (proc/spawner.c). `without` gets what could not be had; "" nothing.
 */
void jail_spawner(char *without, size_t bytes);
/*
 * The supervisor's, in itself, after everything that it opens at its start and before its loop:
 * its list of system calls, and no capability but, with `others`, that to end processes of
 * other users. What could not be had is in *ret.
 */
void jail_supervisor(bool others, struct jail_report *ret);
/* Adds to ret->detail. */
void jail_without(struct jail_report *ret, const char *what);

/*
 * No capability, Landlock with these grants, then the filter. Before uv_loop_init.
 * ERR_UNSUPPORTED: no such role.
 */
MUST_CHECK enum err jail_enter(enum role r, const struct landlock_grants *grants,
			       struct jail_report *io);

#endif
