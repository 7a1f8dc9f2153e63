/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each ABI adds rights; a right that the kernel does not know makes it refuse the whole set, so
 * what is asked for is cut to the ABI at hand. Numbers and layouts:
 * include/uapi/linux/landlock.h of Linux 6.12; fields that a kernel does not know are left off
 * by the size that is passed.
 */
#include "proc/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/span.h"

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH      1
#define RULE_NET_PORT          2

#define FS_EXECUTE             (1ull << 0)
#define FS_WRITE_FILE          (1ull << 1)
#define FS_READ_FILE           (1ull << 2)
#define FS_READ_DIR            (1ull << 3)
#define FS_REMOVE_DIR          (1ull << 4)
#define FS_REMOVE_FILE         (1ull << 5)
#define FS_MAKE_DIR            (1ull << 7)
#define FS_MAKE_REG            (1ull << 8)
#define FS_MAKE_SOCK           (1ull << 9)
#define FS_ALL_1               ((1ull << 13) - 1)
#define FS_REFER               (1ull << 13) /* ABI 2 */
#define FS_TRUNCATE            (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV           (1ull << 15) /* ABI 5 */
#define NET_BIND               (1ull << 0)  /* ABI 4 */
#define NET_CONNECT            (1ull << 1)
#define SCOPE_ABSTRACT         (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL           (1ull << 1)

#define FOR_READ               (FS_READ_FILE | FS_READ_DIR)
#define FOR_WRITE                                                                              \
	(FOR_READ | FS_WRITE_FILE | FS_REMOVE_FILE | FS_REMOVE_DIR | FS_MAKE_REG |             \
	 FS_MAKE_DIR | FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE)
/* what may be said of a file that is no folder */
#define FOR_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port_attr {
	uint64_t allowed, port;
};

unsigned landlock_abi(void)
{
	static long known = -2; /* asked once: boot's list has no such call later */

	if (known == -2)
		known = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	return known > 0 ? (unsigned)known : 0;
}

/* --- grants --------------------------------------------------------------------------------
 */

void landlock_grant(struct landlock_grants *g, const char *path, enum landlock_access access)
{
	char *copy = g->n_paths < LANDLOCK_PATHS_MAX ? strdup(path) : NULL;

	if (copy == NULL) {
		g->full = true;
		return;
	}
	g->paths[g->n_paths++] = (struct landlock_path){ copy, access };
}

bool landlock_port_granted(const struct landlock_grants *g, uint16_t port)
{
	for (unsigned i = 0; i < g->n_ports; i++)
		if (g->ports[i] == port)
			return true;
	return false;
}

void landlock_grant_port(struct landlock_grants *g, uint16_t port)
{
	if (landlock_port_granted(g, port))
		return;
	if (g->n_ports == LANDLOCK_PORTS_MAX)
		g->full = true;
	else
		g->ports[g->n_ports++] = port;
}

void landlock_grants_free(struct landlock_grants *g)
{
	for (unsigned i = 0; i < g->n_paths; i++)
		free(g->paths[i].path);
	*g = (struct landlock_grants){ .n_paths = 0 };
}

/* --- rules ---------------------------------------------------------------------------------
 */

static struct ruleset_attr handled(unsigned abi)
{
	struct ruleset_attr a = { .handled_fs = FS_ALL_1 };

	if (abi >= 2)
		a.handled_fs |= FS_REFER;
	if (abi >= 3)
		a.handled_fs |= FS_TRUNCATE;
	if (abi >= 4)
		a.handled_net = NET_BIND | NET_CONNECT;
	if (abi >= 5)
		a.handled_fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		a.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return a;
}

static size_t attr_bytes(unsigned abi)
{
	return abi >= 6   ? sizeof(struct ruleset_attr)
	       : abi >= 4 ? offsetof(struct ruleset_attr, scoped)
			  : offsetof(struct ruleset_attr, handled_net);
}

static uint64_t rights(enum landlock_access access)
{
	static const uint64_t of[] = {
		[LANDLOCK_READ] = FOR_READ,
		[LANDLOCK_WRITE] = FOR_WRITE,
		[LANDLOCK_RUN] = FOR_READ | FS_EXECUTE,
		[LANDLOCK_USE] = FOR_READ | FS_WRITE_FILE | FS_IOCTL_DEV,
	};

	return of[access];
}

static bool add_path(int ruleset, const struct landlock_path *p, uint64_t known)
{
	int fd = open(p->path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return true; /* what is not there is not allowed */
	struct path_beneath_attr a = { rights(p->access) & known, fd };
	bool ok = fstat(fd, &st) == 0;

	if (ok && !S_ISDIR(st.st_mode))
		a.allowed &= FOR_FILE;
	ok = ok && syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &a, 0) == 0;
	close(fd);
	return ok;
}

static bool add_all(int ruleset, const struct landlock_grants *g, const struct ruleset_attr *a)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < g->n_paths; i++)
		ok = add_path(ruleset, &g->paths[i], a->handled_fs);
	for (unsigned i = 0; ok && i < g->n_ports && (a->handled_net & NET_CONNECT) != 0; i++) {
		struct net_port_attr port = { NET_CONNECT, g->ports[i] };

		ok = syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &port, 0) == 0;
	}
	return ok;
}

enum err landlock_prepare(const struct landlock_grants *g, int *ret_fd, unsigned *ret_abi)
{
	unsigned abi = landlock_abi();
	struct ruleset_attr a = handled(abi);

	if (abi == 0)
		return ERR_UNSUPPORTED;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &a, attr_bytes(abi), 0);
	if (fd < 0)
		return ERR_SYSTEM;
	if (!add_all(fd, g, &a)) {
		int saved = errno;

		close(fd);
		errno = saved;
		return ERR_SYSTEM;
	}
	*ret_fd = fd;
	*ret_abi = abi;
	return ERR_OK;
}

enum err landlock_enforce(int fd)
{
	return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? ERR_OK : ERR_SYSTEM;
}
