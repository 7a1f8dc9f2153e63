/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was not asked for is refused, and nothing of it stays open. MSG_CTRUNC alone does not
 * say that there were too many: the kernel aligns what it writes into a control buffer
 * (cmsg(3)), so one with room for one descriptor may be given two.
 */
#include "common/fds.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int) * FDS_MAX)];
};

bool fds_send(int socket, const void *message, size_t bytes, const int *fds, unsigned n,
	      int flags)
{
	struct iovec iov = { (void *)(uintptr_t)message, bytes };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (n > 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		memset(&control, 0, h.msg_controllen);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * n);
	}
	return sendmsg(socket, &h, MSG_NOSIGNAL | flags) == (ssize_t)bytes;
}

/* Those of one header, after `n` that are there; how many came by now. Beyond `max` they are
 * closed. */
static size_t take(struct cmsghdr *c, int *ret_fds, size_t n, size_t max)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++, n++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (n < max)
			ret_fds[n] = fd;
		else
			close(fd);
	}
	return n;
}

ssize_t fds_receive(int socket, void *ret, size_t bytes, int *ret_fds, unsigned *io_n,
		    int flags)
{
	union control control;
	struct iovec iov = { ret, bytes };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(sizeof(int) * *io_n) };
	ssize_t got = recvmsg(socket, &h, MSG_CMSG_CLOEXEC | flags);
	size_t max = *io_n, n = 0;

	*io_n = 0;
	if (got < 0)
		return got;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			n = take(c, ret_fds, n, max);
	/* of no bytes with descriptors beside it: as the end it would leave them open */
	bool odd = n > max || (got == 0 && n > 0);

	if (!odd && (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
		*io_n = (unsigned)n;
		return got;
	}
	for (size_t i = 0; i < n && i < max; i++)
		close(ret_fds[i]);
	errno = EBADMSG;
	return -1;
}

bool fds_take_none(int socket)
{
	int no = 0;

	return setsockopt(socket, SOL_SOCKET, FDS_SO_PASSRIGHTS, &no, sizeof no) == 0;
}
