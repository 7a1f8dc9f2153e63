/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement a role puts on itself, irrevocably, before it reads its first untrusted byte.
 * What the kernel does not offer is left out and reported, never silently.
 */
#ifndef HITHER_PROC_JAIL_H
#define HITHER_PROC_JAIL_H

#include <stdint.h>

#include "common/err.h"
#include "ipc/role.h"

enum jail_bit {
	JAIL_NO_NEW_PRIVS = 1 << 0,
	JAIL_NOT_DUMPABLE = 1 << 1,
	JAIL_RLIMITS = 1 << 2, /* no core, bounded descriptors */
	JAIL_CLEAN_ENV = 1 << 3,
	JAIL_SECCOMP = 1 << 4,
	JAIL_LANDLOCK = 1 << 5,
	JAIL_NO_NETWORK = 1 << 6, /* empty network namespace */
};

/* Process attributes: no-new-privs, dumpable 0, rlimits, environment. Right at the start. */
MUST_CHECK enum err jail_process(enum role r, uint32_t *ret_bits);
/* System call filter of the role (and Landlock later). Before uv_loop_init. */
MUST_CHECK enum err jail_enter(enum role r, uint32_t *io_bits, char *detail,
			       unsigned detail_bytes);

#endif
