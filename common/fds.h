/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message over a Unix socket with descriptors beside it (SCM_RIGHTS, unix(7)): what
 * channels (ipc/channel.h) and the wires between a process and its helpers are made of.
 */
#ifndef HITHER_COMMON_FDS_H
#define HITHER_COMMON_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FDS_MAX 253u /* SCM_MAX_FD of the kernel */
/* SO_PASSRIGHTS (include/uapi/asm-generic/socket.h, Linux 6.16); older headers lack it. */
#define FDS_SO_PASSRIGHTS 83

/*
 * Sends it whole; the descriptors stay the caller's, `n` of them at most FDS_MAX. `flags` as
 * sendmsg(2) has them, MSG_NOSIGNAL is added. False with errno.
 */
bool fds_send(int socket, const void *message, size_t bytes, const int *fds, unsigned n,
	      int flags);

/*
 * Takes one: bytes, 0 at the other side's end, -1 with errno. `flags` as recvmsg(2) has them.
 * *io_n: how many descriptors there is room for, then how many came; they are close-on-exec and
 * the caller's. A message that is longer than `bytes` or has more descriptors beside it is
 * none: all of them are closed, and errno is EBADMSG.
 */
ssize_t fds_receive(int socket, void *ret, size_t bytes, int *ret_fds, unsigned *io_n,
		    int flags);

/*
 * From here on nobody can hand in a descriptor over this Unix socket, nor over a connection
 * that is made to it when it listens: the sender gets EPERM. False with errno: ENOPROTOOPT
 * before Linux 6.16, EOPNOTSUPP when it is no Unix socket.
 */
bool fds_take_none(int socket);

#endif
