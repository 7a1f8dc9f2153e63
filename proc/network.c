/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without privilege a network namespace is to be had in a user namespace only, and that one
 * changes how others are seen: one user has a name in it, all the others appear as the overflow
 * user
 * (/proc/sys/kernel/overflowuid). A role that goes by such numbers has them told by a process
 * that stayed outside (namer.h). So it is tried first, and not done when
 *
 *   - the kernel makes the namespace but lets nobody name its user (as AppArmor does on some
 *     systems): all users would be one,
 *   - the user is the overflow user: others could not be told from it,
 *   - /proc shows a process nothing of others (hidepid), and it must see them.
 *
 * Why the role does it, and not the spawner for it: see network.h. Its program was executed
 * outside, so its memory stays closed to others of its user as long as it is not dumpable.
 *
 * The files of a process in /proc belong to it only while it is dumpable.
 */
#include "proc/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/namer.h"

bool network_leave(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Itself and nobody else: more would take privilege outside. */
static void keep_names(uid_t uid, gid_t gid)
{
	char text[40];

	snprintf(text, sizeof text, "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	if (write_file("/proc/self/setgroups", "deny"))
		(void)write_file("/proc/self/gid_map", text);
	snprintf(text, sizeof text, "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	(void)write_file("/proc/self/uid_map", text);
}

static bool leave_by(int namespaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	bool left = unshare(namespaces) == 0;
	int saved = errno;
	if (left)
		keep_names(uid, gid);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	errno = saved;
	return left;
}

bool network_leave_with_user(void)
{
	return leave_by(CLONE_NEWUSER | CLONE_NEWNET);
}

/* --- would it work ------------------------------------------------------------------------ */

enum trial { TRIAL_WORKS, TRIAL_FORBIDDEN, TRIAL_FULL, TRIAL_NAMELESS, TRIAL_BLIND, TRIALS };

static enum trial try(bool looks)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!leave_by(CLONE_NEWUSER))
		return errno == ENOSPC || errno == EUSERS ? TRIAL_FULL : TRIAL_FORBIDDEN;
	if (geteuid() != uid || getegid() != gid)
		return TRIAL_NAMELESS;
	/* any process that is not in there */
	if (looks && access("/proc/1/stat", R_OK) != 0)
		return TRIAL_BLIND;
	return TRIAL_WORKS;
}

const char *network_against_leaving(bool looks)
{
	static const char *const words[TRIALS] = {
		[TRIAL_WORKS] = NULL,
		[TRIAL_FORBIDDEN] = "user namespaces are forbidden to users here",
		[TRIAL_FULL] = "no more user namespaces (user.max_user_namespaces)",
		[TRIAL_NAMELESS] = "a user namespace cannot name its user here",
		[TRIAL_BLIND] = "it could not see who answers (/proc has hidepid)",
	};
	int status = 0;

	if (geteuid() == namer_nobody())
		return "others could not be told from this user (nobody)";
	pid_t pid = fork();
	if (pid == 0)
		_exit((int)try(looks));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) >= TRIALS)
		return "it could not be tried";
	return words[WEXITSTATUS(status)];
}
