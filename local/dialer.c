/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One byte asks for a connection; one byte answers, with the descriptor beside it when there is
 * one (SCM_RIGHTS, unix(7)). The asker waits: a loopback connection is made or refused at once,
 * and CONNECT_MS bounds a listener whose backlog is full.
 */
#include "local/dialer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fds.h"
#include "dialect/engines.h"
#include "proc/jail.h"

#define CONNECT_MS 500
/* It holds three; but a descriptor cannot be passed on while all processes of this user
 * together have more than this on their way (ETOOMANYREFS, unix(7)). */
#define DESCRIPTORS 8192

enum answer { ANSWER_CONNECTED, ANSWER_REFUSED, ANSWER_BUSY };

struct address {
	bool v6;
	uint16_t port;
};

static int asker = -1; /* our end of the pair */

/* --- the other process ----------------------------------------------------------------------
 */

/* A descriptor, or -1 with *ret_why set. */
static int dial(const struct address *to, enum answer *ret_why)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any.sa_family = to->v6 ? AF_INET6 : AF_INET };
	int on = 1, why = 0;
	socklen_t len = sizeof why;
	struct pollfd p = { .events = POLLOUT };

	if (to->v6)
		a.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT,
					      .sin6_port = htons(to->port) };
	else
		a.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					     .sin_port = htons(to->port) };
	*ret_why = ANSWER_BUSY;
	p.fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p.fd < 0)
		return -1;
	(void)setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* speed only */
	if (connect(p.fd, &a.any, to->v6 ? sizeof a.v6 : sizeof a.v4) == 0)
		return p.fd;
	if (errno == EINPROGRESS && poll(&p, 1, CONNECT_MS) == 1 &&
	    getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &why, &len) == 0 && why == 0)
		return p.fd;
	if (errno == ECONNREFUSED || why == ECONNREFUSED)
		*ret_why = ANSWER_REFUSED;
	close(p.fd);
	return -1;
}

static bool reply(int pair, enum answer answer, int fd)
{
	char byte = (char)answer;

	return fds_send(pair, &byte, 1, &fd, fd >= 0, 0);
}

static void serve(int pair, pid_t local, const struct address *to)
{
	struct rlimit files = { DESCRIPTORS, DESCRIPTORS }, none = { 0, 0 };
	char byte;

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &none);
	setrlimit(RLIMIT_NPROC, &none);
	jail_helper_begin(JAIL_DIALER, pair, local, to->port);
	while (read(JAIL_HELPER_WIRE, &byte, 1) == 1) {
		enum answer why = ANSWER_CONNECTED;
		int fd = dial(to, &why);
		bool told = reply(JAIL_HELPER_WIRE, fd >= 0 ? ANSWER_CONNECTED : why, fd);

		if (!told && errno == ETOOMANYREFS)
			told = reply(JAIL_HELPER_WIRE, ANSWER_BUSY, -1);
		if (fd >= 0)
			close(fd);
		if (!told)
			break;
	}
	_exit(0);
}

/* --- this side
 * --------------------------------------------------------------------------------- */

enum err dialer_start(const char *url)
{
	struct address to;
	int pair[2];
	pid_t local = getpid(), pid;
	enum err e = engine_address(url, &to.v6, &to.port);

	if (e != ERR_OK)
		return e;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_SYSTEM;
	pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return ERR_SYSTEM;
	}
	if (pid == 0)
		serve(pair[1], local, &to);
	close(pair[1]);
	asker = pair[0];
	return ERR_OK;
}

enum err dialer_connect(int *ret_fd)
{
	char byte = 0;
	int fd;
	unsigned n = 1;

	if (asker < 0 || send(asker, &byte, 1, MSG_NOSIGNAL) != 1 ||
	    fds_receive(asker, &byte, 1, &fd, &n, 0) != 1)
		return ERR_SYSTEM;
	if (byte == ANSWER_CONNECTED && n == 1) {
		*ret_fd = fd;
		return ERR_OK;
	}
	if (n == 1)
		close(fd);
	if (byte == ANSWER_CONNECTED)
		return ERR_SYSTEM;
	return byte == ANSWER_REFUSED ? ERR_PEER_GONE : ERR_AGAIN;
}
