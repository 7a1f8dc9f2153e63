/* SPDX-License-Identifier: Apache-2.0 */
#include "consent/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/process.h"

#define ANCESTORS_MAX 64

static bool read_proc(pid_t pid, const char *name, char *out, size_t bytes)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, out, bytes - 1);
	close(fd);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

struct peer peer_of(pid_t pid)
{
	struct peer p = { .pid = pid };
	struct process found;

	if (process_look(pid, &found)) {
		p.session = found.session;
		p.start = found.start;
	}
	return p;
}

static bool still_is(const struct peer *p)
{
	struct peer now = peer_of(p->pid);

	return p->start == 0 || now.start == p->start;
}

static bool descends(pid_t pid, const struct peer *from)
{
	struct process found;

	for (unsigned i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		if (pid == from->pid)
			return true;
		if (!process_look(pid, &found))
			return false;
		pid = found.parent;
	}
	return false;
}

bool peer_cgroup_is_app(const char *path)
{
	const char *leaf = strrchr(path, '/');
	size_t len;

	leaf = leaf != NULL ? leaf + 1 : path;
	len = strlen(leaf);
	if (strncmp(leaf, "app-", 4) == 0 || strncmp(leaf, "snap.", 5) == 0)
		return true;
	return len > 8 && strcmp(leaf + len - 8, ".service") == 0 &&
	       strncmp(leaf, "user@", 5) != 0;
}

static bool same_app_cgroup(pid_t a, pid_t b)
{
	char x[1024], y[1024];
	char *line;

	if (!read_proc(a, "cgroup", x, sizeof x) || !read_proc(b, "cgroup", y, sizeof y))
		return false;
	line = strstr(x, "0::");
	if (line == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strstr(y, line) != NULL && peer_cgroup_is_app(line + 3);
}

bool peer_is_same_program(const struct peer *asking, pid_t answering, bool isolated)
{
	struct peer who;

	if (asking->pid <= 0)
		return false;
	if (answering == asking->pid)
		return still_is(asking);
	if (!still_is(asking))
		return false; /* gone, its number is somebody else's */
	if (descends(answering, asking))
		return true;
	who = peer_of(answering);
	if (asking->session == asking->pid && who.session == asking->session)
		return true;
	return isolated && same_app_cgroup(asking->pid, answering);
}
