/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement on Linux: the network namespace (network.c), files and ports (landlock.c), then
 * the system calls (jail_rows.c says which, jail_filter.c makes the program). In that order,
 * because each step needs calls that the next one takes away.
 *
 * Why recvmsg is bound to descriptor numbers in the router: it is the only call with which a
 * program could hand it an open network socket. read(2) drops descriptors that ride along. The
 * wires lie at fixed numbers (ipc/role.h), and service.c keeps a number occupied while its wire
 * is down, so that no client connection can come to lie there.
 *
 * Non-dumpable makes /proc/self belong to root: a role of a normal user can no longer open
 * /proc/self/{fd,maps,exe}; stat and statm stay readable, and libuv needs no others.
 *
 * A build with sanitizers or coverage (HITHER_OPEN_JAIL) makes calls of its own, among them
 * some that no role may have: it has no filter and says so.
 */
#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/span.h"
#include "crypto/crypto.h"
#include "proc/environment.h"
#include "proc/jail_filter.h"
#include "proc/jail_rows.h"
#include "proc/namer.h"
#include "proc/network.h"

static const struct profile {
	rlim_t descriptors;
	enum network_use network; /* empty where we may have one */
	bool alone;               /* makes no thread and no process */
} profiles[ROLE_COUNT] = {
	[ROLE_ROUTER] = { 65536, NETWORK_PEERS, true },
	[ROLE_LOCAL] = { 1024, NETWORK_KEPT, false },
	/* What waits for an answer holds its sealed bodies: two for each of 2,048 requests. */
	[ROLE_CONSENT] = { 8192, NETWORK_LOOKS, true },
	[ROLE_CLOUD] = { 1024, NETWORK_KEPT, false },
};

__attribute__((format(printf, 2, 3))) static void without(struct jail_report *r,
							  const char *format, ...)
{
	size_t used = strlen(r->detail);
	va_list ap;

	if (used > 0 && used + 2 < sizeof r->detail) {
		memcpy(r->detail + used, "; ", 3);
		used += 2;
	}
	va_start(ap, format);
	vsnprintf(r->detail + used, sizeof r->detail - used, format, ap);
	va_end(ap);
}

void jail_without(struct jail_report *ret, const char *what)
{
	if (what[0] != '\0')
		without(ret, "%s", what);
}

/* --- process attributes ---------------------------------------------------------------- */

static bool limit(int resource, rlim_t to)
{
	struct rlimit l;

	if (getrlimit(resource, &l) != 0)
		return false;
	if (l.rlim_max != RLIM_INFINITY && l.rlim_max < to)
		to = l.rlim_max; /* never up: that would need privilege */
	l.rlim_cur = l.rlim_max = to;
	return setrlimit(resource, &l) == 0;
}

static bool clean_environment(enum role r)
{
	char **env = environment_for(r, environ, NULL, 0);

	if (env == NULL)
		return false;
	environ = env;
	return true;
}

enum err jail_process(enum role r, struct jail_report *ret)
{
	uint32_t bits = 0;

	if (r <= ROLE_BOOT || r >= ROLE_COUNT)
		return ERR_UNSUPPORTED;
	*ret = (struct jail_report){ .bits = 0 };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		bits |= JAIL_NO_NEW_PRIVS;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		bits |= JAIL_NOT_DUMPABLE;
	if (limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, profiles[r].descriptors))
		bits |= JAIL_RLIMITS;
	if (clean_environment(r))
		bits |= JAIL_CLEAN_ENV;
	ret->bits = bits;
	return ERR_OK;
}

/* --- files, ports, network -----------------------------------------------------------------
 */

static void close_files(const struct landlock_grants *grants, struct jail_report *io)
{
	int fd;
	unsigned abi = 0;
	enum err e = landlock_prepare(grants, &fd, &abi);

	if (e == ERR_OK) {
		e = landlock_enforce(fd);
		close(fd);
	}
	if (e == ERR_OK) {
		io->bits |= JAIL_LANDLOCK;
		io->landlock_abi = abi;
		if (abi < 4)
			without(io, "Landlock %u of this kernel knows files, not ports", abi);
	} else if (e == ERR_UNSUPPORTED) {
		without(io, "no Landlock in this kernel");
	} else {
		without(io, "no Landlock: %s", strerror(errno));
	}
	if (grants->full)
		without(io, "more paths or ports than can be granted");
}

/* Where there is none the filter alone keeps the network away. */
bool jail_network(enum role r, struct jail_report *io)
{
	if (profiles[r].network == NETWORK_KEPT || (io->bits & JAIL_NO_NETWORK) != 0)
		return false;
	if (network_leave()) {
		io->bits |= JAIL_NO_NETWORK;
		return false;
	}
	struct network_room room = { -1, -1, false };
	const char *against = geteuid() == namer_nobody()
				      ? "others could not be told from this user (nobody)"
				      : network_room_make(profiles[r].network, &room);
	if (against == NULL && namer_start() == ERR_OK) {
		if (network_room_enter(&room)) {
			io->bits |= JAIL_NO_NETWORK;
			return true;
		}
		namer_stop();
	}
	network_room_close(&room);
	without(io, "no network namespace of its own: %s",
		against != NULL ? against : "it could not be entered");
	return false;
}

static bool keep_capabilities(uint32_t mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (mask != 0 && syscall(SYS_capget, &head, data) != 0)
		return false;
	uint32_t kept = data[0].permitted & mask;
	memset(data, 0, sizeof data);
	data[0].permitted = data[0].effective = kept;
	return syscall(SYS_capset, &head, data) == 0;
}

bool jail_drop_capabilities(void)
{
	return keep_capabilities(0);
}

/* --- system calls ---------------------------------------------------------------------------
 */

#ifdef HITHER_OPEN_JAIL
#define FILTERS false
#else
#define FILTERS true
#endif

#ifdef HITHER_JAIL_TRAP
#define OTHERWISE SECCOMP_RET_TRAP

/* Only in builds made to find out what a list lacks: says the number, then ends. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
	char text[64];
	int n = snprintf(text, sizeof text, "hitherd: system call %d is on no list\n",
			 info->si_syscall);

	(void)signal;
	(void)context;
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(127);
	_exit(126);
}

static void catch_trap(void)
{
	struct sigaction a = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &a, NULL);
}
#else
#define OTHERWISE SECCOMP_RET_KILL_PROCESS

static void catch_trap(void)
{
}
#endif

static struct jail_filter filter; /* of this process, while it is made */

/* The same list has the same name in every process: its own number is left out of it. */
static void name_filter(enum role r, struct jail_filter *f, const struct jail_list *lists,
			unsigned n, char ret[JAIL_FILTER_BYTES])
{
	struct crypto_sha256 digest;
	char hex[65];

	if (jail_filter_make(lists, n, OTHERWISE, 0, f) != ERR_OK)
		return;
	crypto_sha256(
		(struct span){ (const char *)f->steps, f->program.len * sizeof f->steps[0] },
		&digest);
	crypto_sha256_hex(&digest, hex);
	snprintf(ret, JAIL_FILTER_BYTES, "%s-%.8s", role_name(r), hex);
}

static void close_calls(enum role r, struct jail_report *io)
{
	struct jail_list lists[JAIL_LISTS_MAX];
	unsigned n = jail_lists(r, lists);

	if (!FILTERS) {
		without(io,
			"no system call filter: this is a build with sanitizers or coverage");
		return;
	}
	catch_trap();
	name_filter(r, &filter, lists, n, io->filter);
	enum err e = jail_filter_enter(lists, n, OTHERWISE, &filter);
	if (e == ERR_OK) {
		io->bits |= JAIL_SECCOMP;
		return;
	}
	io->filter[0] = '\0';
	without(io, "no system call filter: %s",
		e == ERR_SYSTEM ? strerror(errno) : err_text(e));
}

/* --- helpers --------------------------------------------------------------------------------
 */

static const struct helper {
	const char *name;
	uint32_t capabilities;
	enum jail_program program;
	bool landlock;
} helpers[] = {
	[JAIL_LOOKER] = { "looker", 1u << CAP_SYS_PTRACE, JAIL_PROGRAM_LOOKER, false },
	[JAIL_DIALER] = { "dialer", 0, JAIL_PROGRAM_DIALER, true },
	[JAIL_ATTESTER] = { "attester", 1u << CAP_SYS_PTRACE | 1u << CAP_DAC_READ_SEARCH,
			    JAIL_PROGRAM_ATTESTER, false },
	[JAIL_NAMER] = { "namer", 0, JAIL_PROGRAM_NAMER, true },
};

enum err jail_helper(enum jail_helper kind, uint16_t port)
{
	struct jail_report got = { .bits = 0 };
	struct landlock_grants grants = { .n_paths = 0 };
	const struct helper *h = &helpers[kind];
	struct jail_list lists[JAIL_LISTS_MAX];

	if (!keep_capabilities(h->capabilities))
		return ERR_SYSTEM;
	if (h->landlock) {
		if (port != 0)
			landlock_grant_port(&grants, port);
		close_files(&grants, &got);
		if (landlock_abi() > 0 && (got.bits & JAIL_LANDLOCK) == 0)
			return ERR_SYSTEM;
	}
	if (!FILTERS)
		return ERR_OK;
	unsigned n = jail_program_lists(h->program, lists);
	return jail_filter_enter(lists, n, OTHERWISE, &filter);
}

void jail_helper_begin(enum jail_helper kind, int wire, pid_t parent, uint16_t port)
{
	char name[16];

	snprintf(name, sizeof name, "hither-%s", helpers[kind].name);
	prctl(PR_SET_NAME, name);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
	    (wire != JAIL_HELPER_WIRE && dup3(wire, JAIL_HELPER_WIRE, O_CLOEXEC) < 0) ||
	    close_range(JAIL_HELPER_WIRE + 1, ~0u, 0) != 0 || jail_helper(kind, port) != ERR_OK)
		_exit(1);
}

void jail_helper_words(enum jail_helper kind, char *io, size_t bytes)
{
	const struct helper *h = &helpers[kind];
	unsigned abi = h->landlock ? landlock_abi() : 0;
	size_t used = strlen(io);
	char files[80];

	if (abi > 0)
		snprintf(files, sizeof files, "Landlock %u (no file%s)", abi,
			 abi >= 4 && kind == JAIL_DIALER ? ", one port" : "");
	else
		snprintf(files, sizeof files, "no Landlock %s",
			 h->landlock ? "in this kernel" : "(it would forbid to look)");
	snprintf(io + used, bytes - used, "%s%s: %s, %s", used > 0 ? "; " : "", h->name,
		 FILTERS ? "own system call list" : "no system call filter in this build",
		 files);
}

/* setgroups(2) first: it needs what the other two give away. */
bool jail_change_user(uid_t uid, gid_t gid)
{
	return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	       setresuid(uid, uid, uid) == 0;
}

enum err jail_become(enum jail_helper kind, bool set, uid_t uid, gid_t gid)
{
	if (set && (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || !jail_change_user(uid, gid)))
		return ERR_SYSTEM;
	if (!keep_capabilities(helpers[kind].capabilities))
		return ERR_SYSTEM;
	/* last: a change of user sets it back (prctl(2)) */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* --- boot and its spawner -------------------------------------------------------------------
 */

void jail_spawner(char *without, size_t bytes)
{
	const uint32_t kept = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_SYS_ADMIN |
			      helpers[JAIL_ATTESTER].capabilities;
	struct jail_list lists[JAIL_LISTS_MAX];
	unsigned n = jail_program_lists(JAIL_PROGRAM_SPAWNER, lists);
	bool plain = keep_capabilities(kept);
	bool calls =
		FILTERS && jail_filter_enter(lists, n, SECCOMP_RET_ALLOW, &filter) == ERR_OK;

	snprintf(without, bytes, "%s%s%s", plain ? "" : "capabilities stay",
		 plain || calls ? "" : ", ", calls ? "" : "no system call filter");
}

void jail_supervisor(bool others, struct jail_report *ret)
{
	(void)landlock_abi(); /* what it says is wanted again when a policy changes */
	*ret = (struct jail_report){ .bits = JAIL_NO_NEW_PRIVS | JAIL_NOT_DUMPABLE |
					     JAIL_RLIMITS };
	if (keep_capabilities(others ? 1u << CAP_KILL : 0))
		ret->bits |= JAIL_NO_CAPS;
	else
		without(ret, "capabilities stay: %s", strerror(errno));
	if (others)
		without(ret, "it keeps the capability to end processes of other users");
	close_calls(ROLE_BOOT, ret);
}

enum err jail_enter(enum role r, const struct landlock_grants *grants, struct jail_report *io)
{
	if (r <= ROLE_BOOT || r >= ROLE_COUNT)
		return ERR_UNSUPPORTED;
	if (profiles[r].alone && !limit(RLIMIT_NPROC, 0))
		io->bits &= ~(uint32_t)JAIL_RLIMITS;
	if (jail_drop_capabilities())
		io->bits |= JAIL_NO_CAPS;
	else
		without(io, "capabilities stay: %s", strerror(errno));
	close_files(grants, io);
	close_calls(r, io);
	return ERR_OK;
}
