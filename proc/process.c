/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool process_look(pid_t pid, struct process *ret)
{
	struct process found;
	char path[64], text[1024], *at;
	struct stat st;
	int parent, session;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return false;
	n = fstat(fd, &st) == 0 ? read(fd, text, sizeof text - 1) : -1;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* After the command, whose name may hold blanks and parentheses. */
	at = strrchr(text, ')');
	/* state, ppid, pgrp, session are fields 3 to 6; starttime is field 22. */
	if (at == NULL ||
	    sscanf(at + 1,
		   " %*c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d"
		   " %" SCNu64,
		   &parent, &session, &found.start) != 3)
		return false;
	found.parent = parent;
	found.session = session;
	found.uid = st.st_uid;
	*ret = found;
	return true;
}
