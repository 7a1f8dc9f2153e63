/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports alone could be ambiguous (the same pair between two loopback addresses), and a socket
 * can be shared after fork(2). Two rows are no answer; of several holders the eldest is taken,
 * because what descends from the asker counts as the asker. The tables are boot's: this process
 * may have a network of its own, with nothing in it.
 */
#include "consent/peer_tcp.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "consent/peer.h"
#include "proc/jail.h"

#define TABLE_BYTES_MAX ((size_t)8 << 20)
#define ESTABLISHED     "01"

/* Addresses in the tables are words in the machine's byte order, in hex. */
static bool is_loopback(const char *hex, bool v6)
{
	char one[33];
	uint8_t v4[4] = { 127, 0, 0, 0 }, last[4] = { 0, 0, 0, 1 };
	uint32_t word, seen;

	if (!v6) {
		memcpy(&word, v4, sizeof word);
		v4[0] = 255;
		memcpy(&seen, v4, sizeof seen);
		return strlen(hex) == 8 && (strtoul(hex, NULL, 16) & seen) == word;
	}
	memcpy(&word, last, sizeof word);
	snprintf(one, sizeof one, "000000000000000000000000%08" PRIX32, word);
	return strcmp(hex, one) == 0;
}

static uint64_t inode_in(const char *line, bool v6, uint16_t port, uint16_t at_port, uid_t uid)
{
	char local[33], remote[33], state[3];
	unsigned local_port, remote_port, owner;
	uint64_t inode;

	if (sscanf(line,
		   " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %2s %*x:%*x %*x:%*x %*x %u %*u "
		   "%" SCNu64,
		   local, &local_port, remote, &remote_port, state, &owner, &inode) != 7)
		return 0;
	if (local_port != port || remote_port != at_port || owner != uid ||
	    strcmp(state, ESTABLISHED) != 0 || !is_loopback(local, v6) ||
	    !is_loopback(remote, v6))
		return 0;
	return inode;
}

uint64_t peer_tcp_inode(struct span table, bool v6, uint16_t port, uint16_t at_port, uid_t uid)
{
	uint64_t found = 0;

	while (table.len > 0) {
		const char *end = memchr(table.ptr, '\n', table.len);
		size_t n = end != NULL ? (size_t)(end - table.ptr) : table.len;
		char line[256];

		if (span_copy((struct span){ table.ptr, n }, line, sizeof line)) {
			uint64_t inode = inode_in(line, v6, port, at_port, uid);

			if (inode != 0 && found != 0)
				return 0;
			found = inode != 0 ? inode : found;
		}
		table.ptr += n + (end != NULL);
		table.len -= n + (end != NULL);
	}
	return found;
}

static pid_t daemon_pid; /* whose connections are looked at; 0: the parent's */
static int helper = -1;  /* the wire to it */

static uint64_t find_inode(uint16_t port, uint16_t at_port)
{
	static const char *const tables[] = { "tcp", "tcp6" };
	uint64_t found = 0;

	for (size_t i = 0; i < LEN(tables) && found == 0; i++) {
		struct buf table;
		char path[40];

		snprintf(path, sizeof path, "/proc/%d/net/%s",
			 (int)(daemon_pid != 0 ? daemon_pid : getppid()), tables[i]);
		buf_init(&table, TABLE_BYTES_MAX);
		if (file_read(path, TABLE_BYTES_MAX, &table) == ERR_OK)
			found = peer_tcp_inode(buf_span(&table), i == 1, port, at_port,
					       geteuid());
		buf_free(&table);
	}
	return found;
}

static bool holds(const char *pid, const char *link)
{
	char folder[32], path[300], target[64];
	const struct dirent *d;
	bool yes = false;

	snprintf(folder, sizeof folder, "/proc/%.10s/fd", pid);
	DIR *dir = opendir(folder);
	while (dir != NULL && !yes && (d = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
		ssize_t n = readlink(path, target, sizeof target - 1);
		if (n > 0) {
			target[n] = '\0';
			yes = strcmp(target, link) == 0;
		}
	}
	if (dir != NULL)
		closedir(dir);
	return yes;
}

static pid_t look(uint16_t port, uint16_t at_port)
{
	uint64_t inode = find_inode(port, at_port);
	struct peer eldest = { .pid = 0 };
	const struct dirent *d;
	char link[48];

	if (inode == 0)
		return 0;
	snprintf(link, sizeof link, "socket:[%" PRIu64 "]", inode);
	DIR *dir = opendir("/proc");
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (strspn(d->d_name, "0123456789") != strlen(d->d_name) ||
		    !holds(d->d_name, link))
			continue;
		struct peer p = peer_of((pid_t)strtol(d->d_name, NULL, 10));
		if (p.start != 0 && (eldest.pid == 0 || p.start < eldest.start))
			eldest = p;
	}
	if (dir != NULL)
		closedir(dir);
	return eldest.pid;
}

/* --- the helper -----------------------------------------------------------------------------
 */

struct wanted {
	uint16_t port, at_port;
};

__attribute__((noreturn)) static void help(void)
{
	struct wanted w;

	while (read(JAIL_HELPER_WIRE, &w, sizeof w) == sizeof w) {
		pid_t pid = look(w.port, w.at_port);

		if (write(JAIL_HELPER_WIRE, &pid, sizeof pid) != sizeof pid)
			break;
	}
	_exit(0);
}

enum err peer_tcp_helper(void)
{
	int pair[2];
	pid_t consent = getpid();

	daemon_pid = getppid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_SYSTEM;
	pid_t pid = fork();
	if (pid == 0) {
		jail_helper_begin(JAIL_LOOKER, pair[1], consent, 0);
		help();
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return ERR_SYSTEM;
	}
	helper = pair[0];
	return ERR_OK;
}

pid_t peer_tcp_pid(uint16_t port, uint16_t at_port)
{
	struct wanted w = { port, at_port };
	pid_t pid = 0;

	if (helper < 0)
		return look(port, at_port);
	if (write(helper, &w, sizeof w) != sizeof w ||
	    read(helper, &pid, sizeof pid) != sizeof pid)
		return 0;
	return pid;
}
