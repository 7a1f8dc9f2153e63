/* SPDX-License-Identifier: Apache-2.0 */
/* The two protocols are stable and a few lines each, so no library is needed for them. */
#include "boot/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/span.h"

#define FIRST_PASSED 3 /* SD_LISTEN_FDS_START */

void notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (path == NULL || !span_copy(span_of(path), a.sun_path, sizeof a.sun_path))
		return;
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0'; /* abstract */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&a, n);
	close(fd);
}

unsigned notify_activated(struct activated *out, unsigned max)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	unsigned n = 0;

	if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	unsigned long passed = strtoul(count, NULL, 10);
	for (; n < passed && n < max; n++) {
		size_t len = names != NULL ? strcspn(names, ":") : 0;

		out[n].fd = FIRST_PASSED + (int)n;
		fcntl(out[n].fd, F_SETFD, FD_CLOEXEC);
		if (!span_copy((struct span){ names, len }, out[n].name, sizeof out[n].name))
			out[n].name[0] = '\0';
		if (names != NULL)
			names += len + (names[len] == ':');
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return n;
}
