/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process is at the other end of a loopback TCP connection. The kernel does not say so
 * with the connection as it does on a Unix socket; its tables do: /proc/net/tcp and tcp6 name
 * the socket's inode and owner (proc_net_tcp), /proc/PID/fd who holds it.
 */
#ifndef HITHER_CONSENT_PEER_TCP_H
#define HITHER_CONSENT_PEER_TCP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/span.h"

/*
 * The inode of the one connected socket of `uid` in a table that goes from `port` to `at_port`,
 * both on loopback addresses. 0: none, more than one, or another user's. Pure.
 */
uint64_t peer_tcp_inode(struct span table, bool v6, uint16_t port, uint16_t at_port, uid_t uid);

/*
 * Forks a process that looks for this one, before its jail closes: whoever is under Landlock
 * may not look into other processes. It reads /proc and nothing else can be asked of it; it
 * ends with this process. ERR_SYSTEM with errno.
 */
MUST_CHECK enum err peer_tcp_helper(void);

/* A process of our user that holds that socket; 0 when it cannot be told. The helper's answer
 * where there is one. */
pid_t peer_tcp_pid(uint16_t port, uint16_t at_port);

#endif
