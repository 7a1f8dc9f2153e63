/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without privilege a network namespace is to be had in a user namespace only, and that one
 * changes how others are seen: one user has a name in it, all the others appear as the overflow
 * user (/proc/sys/kernel/overflowuid). A role that goes by such numbers has them told by a
 * process that stayed outside (namer.h).
 *
 * A child makes both and hands them out, because to name a user in a user namespace a process
 * must be dumpable, and for so long any program of the same user may look into it: the child
 * has no descriptor of the role's, and what it has of its memory is from before the first key
 * and the first byte of a client. The role itself is dumpable at no time. Who goes by the
 * numbers of users does not go there when
 *
 *   - the kernel makes the namespaces but lets nobody name their user (as AppArmor does on some
 *     systems): all users would be one,
 *   - /proc shows a process nothing of others (hidepid), and it must see them.
 *
 * Why the role goes, and not the spawner for it: see network.h. Its program was executed
 * outside, so its memory stays closed to others of its user.
 */
#include "proc/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/log.h"

#define WIRE 3

bool network_leave(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

/* --- in the child ------------------------------------------------------------------------- */

enum trial {
	TRIAL_WORKS,
	TRIAL_FORBIDDEN,
	TRIAL_FULL,
	TRIAL_NAMELESS,
	TRIAL_BLIND,
	TRIAL_LOST,
	TRIALS
};

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Itself and nobody else: more would take privilege outside. */
static bool keep_names(uid_t uid, gid_t gid)
{
	char text[40];

	snprintf(text, sizeof text, "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	if (!write_file("/proc/self/setgroups", "deny") ||
	    !write_file("/proc/self/gid_map", text))
		return false;
	snprintf(text, sizeof text, "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	return write_file("/proc/self/uid_map", text) && geteuid() == uid && getegid() == gid;
}

static enum trial make(int wire, enum network_use use)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int fds[2];

	if ((wire != WIRE && dup3(wire, WIRE, O_CLOEXEC) < 0) ||
	    close_range(WIRE + 1, ~0u, 0) != 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
		return TRIAL_LOST;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return errno == ENOSPC || errno == EUSERS ? TRIAL_FULL : TRIAL_FORBIDDEN;
	char named = keep_names(uid, gid);
	if (!named && use >= NETWORK_PEERS)
		return TRIAL_NAMELESS;
	/* any process that is not in there */
	if (use >= NETWORK_LOOKS && access("/proc/1/stat", R_OK) != 0)
		return TRIAL_BLIND;
	fds[0] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return fds[0] >= 0 && fds[1] >= 0 && fds_send(WIRE, &named, 1, fds, 2, 0) ? TRIAL_WORKS
										  : TRIAL_LOST;
}

/* --- outside ------------------------------------------------------------------------------ */

const char *network_room_make(enum network_use use, struct network_room *ret)
{
	static const char *const words[TRIALS] = {
		[TRIAL_WORKS] = NULL,
		[TRIAL_FORBIDDEN] = "user namespaces are forbidden to users here",
		[TRIAL_FULL] = "no more (user.max_user_namespaces, user.max_net_namespaces)",
		[TRIAL_NAMELESS] = "a user namespace cannot name its user here",
		[TRIAL_BLIND] = "it could not see who answers (/proc has hidepid)",
		[TRIAL_LOST] = "it could not be made",
	};
	int pair[2], fds[2], status = 0;
	unsigned n = 2;
	char named;

	*ret = (struct network_room){ -1, -1, false };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return words[TRIAL_LOST];
	pid_t pid = fork();
	if (pid == 0)
		_exit((int)make(pair[1], use));
	close(pair[1]);
	if (pid < 0 || fds_receive(pair[0], &named, 1, fds, &n, 0) != 1)
		n = 0;
	close(pair[0]);
	if (n == 2)
		*ret = (struct network_room){ fds[0], fds[1], named != 0 };
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) >= TRIALS || (WEXITSTATUS(status) == TRIAL_WORKS && n != 2))
		status = TRIAL_LOST << 8;
	if (WEXITSTATUS(status) != TRIAL_WORKS)
		network_room_close(ret);
	return words[WEXITSTATUS(status)];
}

static ino_t network_now(void)
{
	struct stat s;

	return stat("/proc/self/ns/net", &s) == 0 ? s.st_ino : 0;
}

bool network_room_enter(struct network_room *io)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	ino_t before = network_now();
	bool there = setns(io->user_fd, CLONE_NEWUSER) == 0;

	/* The child could be looked into: what it handed out is looked at, too. */
	if (there && (setns(io->net_fd, CLONE_NEWNET) != 0 || network_now() == before ||
		      (io->named && (geteuid() != uid || getegid() != gid)))) {
		log_error("network.half", "in a user namespace without a network of its own: "
					  "ending");
		_exit(1);
	}
	int saved = errno;
	network_room_close(io);
	errno = saved;
	return there;
}

void network_room_close(struct network_room *io)
{
	if (io->user_fd >= 0)
		close(io->user_fd);
	if (io->net_fd >= 0)
		close(io->net_fd);
	*io = (struct network_room){ -1, -1, false };
}
