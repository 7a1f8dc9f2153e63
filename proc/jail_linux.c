/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement on Linux.
 *
 * A role's filter is a table: a default action and rules. Today the default is ALLOW and the
 * rules refuse; an allow-list is another default and other rows, nothing else changes here.
 * Refused calls fail with EPERM, so that a library's fallback runs instead of the process
 * dying; io_uring answers ENOSYS, because a filter does not see what a ring does and libuv
 * falls back to epoll on that answer.
 *
 * Why recvmsg is bound to descriptor numbers: it is the only call with which a program could
 * hand the router an open network socket. read(2) drops descriptors that ride along. The wires
 * lie at fixed numbers (ipc/role.h), and service.c keeps a number occupied while its wire is
 * down, so that no client connection can come to lie there.
 *
 * Non-dumpable makes /proc/self belong to root: a role of a normal user can no longer open
 * /proc/self/{fd,maps,exe}; stat and statm stay readable, and libuv needs no others.
 */
#include "proc/jail.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/span.h"
#include "proc/environment.h"

#define REFUSE SCMP_ACT_ERRNO(EPERM)
#define ABSENT SCMP_ACT_ERRNO(ENOSYS)

/* When a row's action applies, by the call's first argument. */
enum when {
	ALWAYS,
	UNLESS_UNIX,  /* socket domains other than AF_UNIX */
	UNLESS_CLOUD, /* domains other than Unix, IPv4, IPv6 and netlink (address selection) */
	UNLESS_WIRE,  /* descriptors that are not one of the role's wires */
};

struct row {
	int call;
	uint32_t action;
	enum when when;
};

/* Ways around a filter, into other processes, or into the kernel: nobody needs them. */
static const struct row for_all[] = {
	{ SCMP_SYS(io_uring_setup), ABSENT, ALWAYS },
	{ SCMP_SYS(io_uring_enter), ABSENT, ALWAYS },
	{ SCMP_SYS(io_uring_register), ABSENT, ALWAYS },
	{ SCMP_SYS(ptrace), REFUSE, ALWAYS },
	{ SCMP_SYS(process_vm_readv), REFUSE, ALWAYS },
	{ SCMP_SYS(process_vm_writev), REFUSE, ALWAYS },
	{ SCMP_SYS(pidfd_getfd), REFUSE, ALWAYS },
	{ SCMP_SYS(kcmp), REFUSE, ALWAYS },
	{ SCMP_SYS(bpf), REFUSE, ALWAYS },
	{ SCMP_SYS(userfaultfd), REFUSE, ALWAYS },
	{ SCMP_SYS(perf_event_open), REFUSE, ALWAYS },
	{ SCMP_SYS(keyctl), REFUSE, ALWAYS },
	{ SCMP_SYS(add_key), REFUSE, ALWAYS },
	{ SCMP_SYS(request_key), REFUSE, ALWAYS },
	{ SCMP_SYS(mount), REFUSE, ALWAYS },
	{ SCMP_SYS(umount2), REFUSE, ALWAYS },
	{ SCMP_SYS(pivot_root), REFUSE, ALWAYS },
	{ SCMP_SYS(chroot), REFUSE, ALWAYS },
	{ SCMP_SYS(unshare), REFUSE, ALWAYS },
	{ SCMP_SYS(setns), REFUSE, ALWAYS },
	{ SCMP_SYS(open_by_handle_at), REFUSE, ALWAYS },
	{ SCMP_SYS(kexec_load), REFUSE, ALWAYS },
	{ SCMP_SYS(init_module), REFUSE, ALWAYS },
	{ SCMP_SYS(finit_module), REFUSE, ALWAYS },
	{ SCMP_SYS(delete_module), REFUSE, ALWAYS },
};

static const struct row for_router[] = {
	{ SCMP_SYS(socket), REFUSE, ALWAYS },       { SCMP_SYS(socketpair), REFUSE, ALWAYS },
	{ SCMP_SYS(connect), REFUSE, ALWAYS },      { SCMP_SYS(bind), REFUSE, ALWAYS },
	{ SCMP_SYS(execve), REFUSE, ALWAYS },       { SCMP_SYS(execveat), REFUSE, ALWAYS },
	{ SCMP_SYS(recvmsg), REFUSE, UNLESS_WIRE }, { SCMP_SYS(recvmmsg), REFUSE, ALWAYS },
};

/* Also binds the engine, which inherits it. */
static const struct row for_local[] = {
	{ SCMP_SYS(socket), REFUSE, UNLESS_UNIX },
};

static const struct row for_consent[] = {
	{ SCMP_SYS(socket), REFUSE, UNLESS_UNIX },
	{ SCMP_SYS(execve), REFUSE, ALWAYS },
	{ SCMP_SYS(execveat), REFUSE, ALWAYS },
};

static const struct row for_cloud[] = {
	{ SCMP_SYS(socket), REFUSE, UNLESS_CLOUD }, { SCMP_SYS(listen), REFUSE, ALWAYS },
	{ SCMP_SYS(accept), REFUSE, ALWAYS },       { SCMP_SYS(accept4), REFUSE, ALWAYS },
	{ SCMP_SYS(execve), REFUSE, ALWAYS },       { SCMP_SYS(execveat), REFUSE, ALWAYS },
};

static const struct profile {
	uint32_t otherwise; /* what happens to a call that no row names */
	const struct row *rows;
	size_t n_rows;
	rlim_t descriptors;
	bool no_network; /* own, empty network namespace where we may have one */
} profiles[ROLE_COUNT] = {
	[ROLE_ROUTER] = { SCMP_ACT_ALLOW, for_router, LEN(for_router), 65536, true },
	[ROLE_LOCAL] = { SCMP_ACT_ALLOW, for_local, LEN(for_local), 1024, false },
	[ROLE_CONSENT] = { SCMP_ACT_ALLOW, for_consent, LEN(for_consent), 1024, true },
	[ROLE_CLOUD] = { SCMP_ACT_ALLOW, for_cloud, LEN(for_cloud), 1024, false },
};

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

enum err jail_process(enum role r, uint32_t *ret_bits)
{
	uint32_t bits = 0;

	if (r <= ROLE_BOOT || r >= ROLE_COUNT)
		return ERR_UNSUPPORTED;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		bits |= JAIL_NO_NEW_PRIVS;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		bits |= JAIL_NOT_DUMPABLE;
	if (limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, profiles[r].descriptors))
		bits |= JAIL_RLIMITS;
	if (clean_environment(r))
		bits |= JAIL_CLEAN_ENV;
	*ret_bits = bits;
	return ERR_OK;
}

/* --- system call filter ------------------------------------------------------------------ */

struct numbers {
	unsigned n, at[8]; /* ascending */
};

static struct numbers numbers_of(enum when when, enum role r)
{
	struct numbers out = { 0 };

	if (when == UNLESS_UNIX)
		return (struct numbers){ 1, { AF_UNIX } };
	if (when == UNLESS_CLOUD)
		return (struct numbers){ 4, { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK } };
	for (unsigned fd = ROLE_FD_CONTROL; fd <= ROLE_FD_CLOUD; fd++)
		for (unsigned peer = 0; peer < ROLE_COUNT; peer++)
			if (role_channel_fd(r, (enum role)peer) == (int)fd)
				out.at[out.n++] = fd;
	return out;
}

/*
 * Everything outside the numbers, as rows that each compare the argument once (libseccomp
 * takes one comparison per argument and row): below the first, in the gaps, above the last.
 */
static int add_outside(scmp_filter_ctx ctx, const struct row *row, struct numbers in)
{
	int rc = seccomp_rule_add(ctx, row->action, row->call, 1,
				  SCMP_A0(SCMP_CMP_LT, in.at[0]));

	for (unsigned i = 0; rc == 0 && i + 1 < in.n; i++)
		for (unsigned x = in.at[i] + 1; rc == 0 && x < in.at[i + 1]; x++)
			rc = seccomp_rule_add(ctx, row->action, row->call, 1,
					      SCMP_A0(SCMP_CMP_EQ, x));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, row->action, row->call, 1,
				      SCMP_A0(SCMP_CMP_GT, in.at[in.n - 1]));
	return rc;
}

static int add_rows(scmp_filter_ctx ctx, enum role r, const struct row *rows, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (rows[i].when == ALWAYS)
			rc = seccomp_rule_add(ctx, rows[i].action, rows[i].call, 0);
		else
			rc = add_outside(ctx, &rows[i], numbers_of(rows[i].when, r));
	}
	return rc;
}

static int load_filter(enum role r)
{
	const struct profile *p = &profiles[r];
	scmp_filter_ctx ctx = seccomp_init(p->otherwise);

	if (ctx == NULL)
		return -ENOMEM;
	int rc = add_rows(ctx, r, for_all, LEN(for_all));
	if (rc == 0)
		rc = add_rows(ctx, r, p->rows, p->n_rows);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

enum err jail_enter(enum role r, uint32_t *io_bits, char *detail, unsigned detail_bytes)
{
	if (r <= ROLE_BOOT || r >= ROLE_COUNT)
		return ERR_UNSUPPORTED;
	if (detail_bytes > 0)
		detail[0] = '\0';
	/* Needs CAP_SYS_ADMIN; without it the filter alone keeps the network away. */
	if (profiles[r].no_network && unshare(CLONE_NEWNET) == 0)
		*io_bits |= JAIL_NO_NETWORK;

	int rc = load_filter(r);
	if (rc == 0)
		*io_bits |= JAIL_SECCOMP;
	else
		snprintf(detail, detail_bytes, "no system call filter: %s", strerror(-rc));
	return ERR_OK;
}
