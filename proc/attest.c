/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   pidfd --fdinfo--> number --open--> /proc/NUMBER --...--> evidence, then: does the pidfd's
 *   process still live? Only then was /proc/NUMBER its folder all the time, because a number is
 *   free for others only after its process was reaped (pidfd_open(2)).
 *
 * A root folder may lie in a file system that somebody else serves (FUSE) and that never
 * answers. Each look therefore has ALARM_S seconds; past them the process ends, boot starts a
 * new one, and whoever waited counts as not proven.
 */
#include "proc/attest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/text.h"
#include "proc/jail.h"
#include "proc/resident.h"

#define INFO_BYTES_MAX ((size_t)64 << 10)
#define TEXT_BYTES_MAX ((size_t)4 << 10)
#define ALARM_S        1
#define SYSTEM_UID_MAX 999u /* login.defs(5), SYS_UID_MAX */
#define DYNAMIC_FIRST  61184u
#define DYNAMIC_LAST   65519u

struct question {
	uint64_t id;
	uid_t uid;
};

/* --- texts ------------------------------------------------------------------------------- */

static bool is_word(struct span s, const char *also)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || (c != '\0' && strchr(also, c) != NULL)))
			return false;
	}
	return s.len > 0;
}

static bool ends(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.len > n && memcmp(s.ptr + s.len - n, with, n) == 0;
}

bool attest_flatpak_id(struct span info, char ret[ATTEST_APP_BYTES])
{
	struct span found = { NULL, 0 };
	bool inside = false;

	while (info.len > 0) {
		struct span line = span_trim(span_cut(&info, '\n'));

		if (line.len > 0 && line.ptr[0] == '[')
			inside = span_is(line, "[Application]");
		if (!inside || !span_starts(line, "name="))
			continue;
		if (found.ptr != NULL)
			return false;
		found = span_trim((struct span){ line.ptr + 5, line.len - 5 });
	}
	/* Ids have at least one dot (flatpak-metadata(5)). A person can make such a file, so
	 * none may pass for a snap's name or a service's, which persons cannot make. */
	return found.ptr != NULL && is_word(found, "._-") &&
	       memchr(found.ptr, '.', found.len) != NULL && !span_starts(found, "snap.") &&
	       !ends(found, ".service") && span_copy(found, ret, ATTEST_APP_BYTES);
}

bool attest_snap_id(struct span label, char ret[ATTEST_APP_BYTES])
{
	static const char enforced[] = " (enforce)";
	size_t tail = sizeof enforced - 1;

	label = span_trim(label);
	if (!span_starts(label, "snap.") || label.len <= tail ||
	    memcmp(label.ptr + label.len - tail, enforced, tail) != 0)
		return false;
	struct span name = { label.ptr + 5, label.len - tail - 5 };
	const char *dot = memchr(name.ptr, '.', name.len);
	if (dot == NULL || dot == name.ptr + name.len - 1)
		return false;
	name.len = (size_t)(dot - name.ptr);
	/* instances of one snap are NAME_KEY (snap-naming) */
	return is_word(name, "-_") &&
	       span_copy((struct span){ label.ptr, name.len + 5 }, ret, ATTEST_APP_BYTES);
}

/* Neither root nor a person nor nobody: 1 to 999, and those that systemd hands out by itself
 * (systemd.exec(5), DynamicUser=). */
static bool is_system_uid(uid_t uid)
{
	return (uid > 0 && uid <= SYSTEM_UID_MAX) ||
	       (uid >= DYNAMIC_FIRST && uid <= DYNAMIC_LAST);
}

/*
 * Of a line NUMBER:CONTROLLERS:/PATH the path, when it is of the hierarchy that systemd keeps;
 * else none. Only the first two colons count: a path may hold some, too.
 */
static struct span systemd_path(struct span line)
{
	struct span number = span_cut(&line, ':');
	struct span controllers = span_cut(&line, ':');
	bool named = span_is(controllers, "name=systemd");

	if (!named && !(controllers.len == 0 && span_is(number, "0")))
		return (struct span){ NULL, 0 };
	if (line.len < 2 || line.ptr[0] != '/')
		return (struct span){ NULL, 0 };
	return (struct span){ line.ptr + 1, line.len - 1 };
}

bool attest_service_id(struct span cgroup, uid_t uid, char ret[ATTEST_APP_BYTES])
{
	struct span path = { NULL, 0 };

	if (!is_system_uid(uid))
		return false;
	while (cgroup.len > 0 && path.ptr == NULL)
		path = systemd_path(span_cut(&cgroup, '\n'));
	if (path.ptr == NULL || !span_is(span_cut(&path, '/'), "system.slice"))
		return false;
	struct span part = span_cut(&path, '/');
	while (ends(part, ".slice"))
		part = span_cut(&path, '/');
	return ends(part, ".service") && is_word(part, "._-:@\\") &&
	       span_copy(part, ret, ATTEST_APP_BYTES);
}

/* --- evidence ---------------------------------------------------------------------------- */

static bool lives(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* At most `max` bytes; past it nothing. */
static bool read_whole(int fd, char *out, size_t max, struct span *ret)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, out + used, max - used)) > 0)
		used += (size_t)n;
	*ret = (struct span){ out, used };
	return n == 0 && used < max;
}

static bool read_at(int folder, const char *name, char *out, size_t max, struct span *ret)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && read_whole(fd, out, max, ret);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* /proc/NUMBER of the process behind the pidfd; -1: it has ended. */
static int folder_of(int pidfd)
{
	char path[64], text[TEXT_BYTES_MAX], *at;
	struct span info;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	if (!read_at(AT_FDCWD, path, text, sizeof text - 1, &info))
		return -1;
	text[info.len] = '\0';
	at = strstr(text, "\nPid:\t");
	long pid = at != NULL ? strtol(at + 6, NULL, 10) : -1;
	if (pid <= 0)
		return -1;
	snprintf(path, sizeof path, "/proc/%ld", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The file in its root, when that is another root than ours. */
static int open_info(int folder, uid_t uid)
{
	struct stat ours, theirs, st;
	int root = openat(folder, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -1;

	if (root >= 0 && fstat(root, &theirs) == 0 && stat("/", &ours) == 0 &&
	    (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino))
		fd = openat(root, ".flatpak-info",
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (root >= 0)
		close(root);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
			(st.st_uid != uid && st.st_uid != 0))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_flatpak(int folder, uid_t uid, char ret[ATTEST_APP_BYTES])
{
	static char text[INFO_BYTES_MAX];
	struct span info;
	int fd = open_info(folder, uid);
	bool ok = fd >= 0 && read_whole(fd, text, sizeof text, &info) &&
		  attest_flatpak_id(info, ret);

	if (fd >= 0)
		close(fd);
	return ok;
}

enum attest_kind attest_look(int pidfd, uid_t uid, char ret_app[ATTEST_APP_BYTES])
{
	char text[TEXT_BYTES_MAX];
	struct span label, cgroup;
	enum attest_kind kind = ATTEST_NONE;
	int folder = folder_of(pidfd);

	if (folder >= 0) {
		if (is_flatpak(folder, uid, ret_app))
			kind = ATTEST_FLATPAK;
		else if (read_at(folder, "attr/apparmor/current", text, sizeof text, &label) &&
			 attest_snap_id(label, ret_app))
			kind = ATTEST_SNAP;
		else if (read_at(folder, "cgroup", text, sizeof text, &cgroup) &&
			 attest_service_id(cgroup, uid, ret_app))
			kind = ATTEST_SERVICE;
		close(folder);
	}
	if (kind != ATTEST_NONE && lives(pidfd))
		return kind;
	ret_app[0] = '\0';
	return ATTEST_NONE;
}

/* --- the wire ---------------------------------------------------------------------------- */

/* False: the router is gone. */
static bool take_question(int wire)
{
	struct question q;
	struct attest_answer a;
	int pidfd;
	unsigned n = 1;
	ssize_t got = fds_receive(wire, &q, sizeof q, &pidfd, &n, 0);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	memset(&a, 0, sizeof a);
	a.id = q.id;
	alarm(ALARM_S);
	if (got == sizeof q && n == 1)
		a.kind = attest_look(pidfd, q.uid, a.app);
	alarm(0);
	if (n == 1)
		close(pidfd);
	return write(wire, &a, sizeof a) == sizeof a;
}

void attest_serve(int wire)
{
	signal(SIGALRM, SIG_DFL);
	if (jail_helper(JAIL_ATTESTER, 0) != ERR_OK)
		_exit(1);
	do
		resident_give_back();
	while (take_question(wire));
	_exit(0);
}

enum err attest_ask(int wire, uint64_t id, uid_t uid, int pidfd)
{
	struct question q;

	memset(&q, 0, sizeof q);
	q.id = id;
	q.uid = uid;
	if (fds_send(wire, &q, sizeof q, &pidfd, 1, MSG_DONTWAIT))
		return ERR_OK;
	return errno == EAGAIN ? ERR_AGAIN : ERR_PEER_GONE;
}

enum err attest_read(int wire, struct attest_answer *ret)
{
	struct attest_answer a;
	ssize_t n = read(wire, &a, sizeof a);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_AGAIN;
	if (n <= 0)
		return ERR_PEER_GONE;
	if (n != sizeof a || memchr(a.app, '\0', sizeof a.app) == NULL ||
	    a.kind < ATTEST_NONE || a.kind > ATTEST_SERVICE || !text_is_utf8(span_of(a.app)))
		return ERR_PROTOCOL;
	*ret = a;
	return ERR_OK;
}
