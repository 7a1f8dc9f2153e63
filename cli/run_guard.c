/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check is a comparison with one exact text. The tree of processes is read afresh: first
 * who is whose child, from /proc/PID/stat, then the descriptors of those below the root.
 * A process that is gone or hidden in between is not below it.
 */
#include "cli/run_guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "crypto/crypto.h"
#include "http/loopback.h"

#define PROCESSES_MAX 65536
#define ANCESTORS_MAX 256

void run_token_new(char token[RUN_TOKEN_BYTES])
{
	uint8_t random[32];

	crypto_random(random, sizeof random);
	text_hex(random, sizeof random, token);
}

/* --- the request ----------------------------------------------------------------------- */

static bool carries_token(const struct run_origin *o, const char *token)
{
	const struct span ours = { token, RUN_TOKEN_BYTES - 1 };
	bool bearer = o->authorization.len > 0, key = o->api_key.len > 0;

	if (bearer && !crypto_equal(http_bearer(o->authorization), ours))
		return false;
	if (key && !crypto_equal(o->api_key, ours))
		return false;
	return bearer || key;
}

static bool refuse(struct run_refusal *reterr, int status, const char *code, const char *why)
{
	*reterr = (struct run_refusal){ status, code, why };
	return false;
}

bool run_guard_allows(const struct run_origin *o, uint16_t port, const char *token,
		      struct run_refusal *reterr)
{
	if (o->twice)
		return refuse(reterr, 400, "invalid_request",
			      "A header that says who you are stands there twice.");
	/* Nobody listens on [::1] here. */
	if (!http_host_is_loopback(o->host, port) || span_starts(o->host, "["))
		return refuse(reterr, 403, "wrong_host",
			      "This port answers under its own address only.");
	if (o->origin.ptr != NULL || o->site.ptr != NULL)
		return refuse(reterr, 403, "browser",
			      "This port serves one program, not web pages.");
	if (token != NULL && !carries_token(o, token))
		return refuse(reterr, 401, "authentication_required",
			      "This port needs the key that hither run gave its program.");
	return true;
}

/* --- the processes --------------------------------------------------------------------- */

struct process {
	pid_t pid, parent;
};

static pid_t parent_of(pid_t pid)
{
	char path[40], text[512];
	const char *at;
	int parent = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The name in parentheses may hold anything; state and parent follow it. */
	at = strrchr(text, ')');
	return at != NULL && sscanf(at + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

/* Everything that runs; free() it. */
static struct process *read_processes(size_t *ret_n)
{
	struct process *list = NULL;
	size_t n = 0, cap = 0;
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	while (dir != NULL && n < PROCESSES_MAX && (entry = readdir(dir)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		if (n == cap) {
			struct process *more = realloc(list, (cap * 2 + 256) * sizeof *list);

			if (more == NULL)
				break;
			list = more;
			cap = cap * 2 + 256;
		}
		list[n++] =
			(struct process){ .pid = (pid_t)pid, .parent = parent_of((pid_t)pid) };
	}
	if (dir != NULL)
		closedir(dir);
	*ret_n = n;
	return list;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* `list` is sorted by pid. */
static bool is_below(const struct process *list, size_t n, pid_t pid, pid_t root)
{
	for (unsigned i = 0; i < ANCESTORS_MAX; i++) {
		const struct process key = { .pid = pid };
		const struct process *p = bsearch(&key, list, n, sizeof *list, by_pid);

		if (p == NULL || p->parent <= 0)
			return false;
		if (p->parent == root)
			return true;
		pid = p->parent;
	}
	return false;
}

static bool holds(pid_t pid, const char *socket)
{
	char path[40], to[64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, to, sizeof to - 1);

		to[n > 0 ? n : 0] = '\0';
		found = strcmp(to, socket) == 0;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

bool run_socket_below(pid_t root, uint64_t inode)
{
	struct process *list;
	char socket[40];
	bool found = false;
	size_t n;

	if (inode == 0)
		return false;
	snprintf(socket, sizeof socket, "socket:[%" PRIu64 "]", inode);
	list = read_processes(&n);
	if (list == NULL)
		return false;
	qsort(list, n, sizeof *list, by_pid);
	for (size_t i = 0; i < n && !found; i++)
		found = is_below(list, n, list[i].pid, root) && holds(list[i].pid, socket);
	free(list);
	return found;
}
