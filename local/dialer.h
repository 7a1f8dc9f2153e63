/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to the one loopback port at which somebody else's engine listens. This role may
 * make no socket but Unix ones; so a process of its own, forked before the jail closes, makes
 * them: it knows that address alone, takes no input but the wish for one more, and ends with
 * this role.
 */
#ifndef HITHER_LOCAL_DIALER_H
#define HITHER_LOCAL_DIALER_H

#include "common/err.h"

/*
 * Before the jail. `url`: http://127.0.0.1:PORT, http://localhost:PORT or http://[::1]:PORT
 * (dialect/engines.h). Once per process. ERR_SYNTAX, ERR_SYSTEM with errno.
 */
MUST_CHECK enum err dialer_start(const char *url);

/*
 * A connected stream socket, close-on-exec, non-blocking. ERR_PEER_GONE: nobody listens there;
 * ERR_AGAIN: it does not take the connection now; ERR_SYSTEM: there is no dialer.
 */
MUST_CHECK enum err dialer_connect(int *ret_fd);

#endif
