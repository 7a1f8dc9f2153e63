/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pair of sockets: a descriptor goes there, a user's number comes back, one at a time; the
 * role waits, because the other side opens nothing and looks at nothing else. One that has
 * ended, or was stopped and does not answer within PATIENCE_S, is made anew together with its
 * role: the role cannot start another from in there, and would turn away everybody but its own
 * user.
 */
#include "proc/namer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/log.h"
#include "proc/jail.h"

#define NOBODY     65534 /* DEFAULT_OVERFLOWUID, include/linux/highuid.h */
#define UNKNOWN    ((uid_t)-1)
#define PATIENCE_S 5 /* it takes microseconds; a machine may be busy */

static int wire = -1;
static pid_t helper = -1;
static uid_t nobody = NOBODY;

uid_t namer_nobody(void)
{
	char text[16];
	unsigned value;
	int fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%u", &value) == 1 ? value : NOBODY;
}

/* --- the other process ------------------------------------------------------------------- */

static uid_t peer_of(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof cred;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 ? cred.uid : UNKNOWN;
}

__attribute__((noreturn)) static void serve(void)
{
	for (;;) {
		unsigned n = 1;
		char byte;
		int fd;

		if (fds_receive(JAIL_HELPER_WIRE, &byte, 1, &fd, &n, 0) != 1 || n != 1)
			_exit(0);
		uid_t uid = peer_of(fd);
		close(fd);
		if (write(JAIL_HELPER_WIRE, &uid, sizeof uid) != sizeof uid)
			_exit(0);
	}
}

/* --- the role ----------------------------------------------------------------------------- */

enum err namer_start(void)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	pid_t role = getpid();
	int pair[2];

	nobody = namer_nobody();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_SYSTEM;
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	helper = fork();
	if (helper == 0) {
		jail_helper_begin(JAIL_NAMER, pair[1], role, 0);
		serve();
	}
	int saved = errno;
	close(pair[1]);
	wire = pair[0];
	if (helper > 0)
		return ERR_OK;
	namer_stop();
	errno = saved;
	return ERR_SYSTEM;
}

void namer_stop(void)
{
	if (wire >= 0)
		close(wire);
	if (helper > 0 && kill(helper, SIGKILL) == 0)
		(void)waitpid(helper, NULL, 0);
	wire = helper = -1;
}

uid_t namer_uid(int fd, uid_t seen)
{
	uid_t uid;

	if (wire < 0 || seen != nobody)
		return seen;
	errno = 0; /* the end of the other side sets none */
	if (!fds_send(wire, "", 1, &fd, 1, 0) || read(wire, &uid, sizeof uid) != sizeof uid) {
		log_error("namer.gone", "it %s: starting over with another",
			  errno == EAGAIN ? "does not answer" : "has ended");
		_exit(1);
	}
	return uid != UNKNOWN ? uid : seen;
}
