/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter is compiled to BPF in the parent and loaded by the child with prctl(2) alone. It
 * refuses with an errno instead of killing, because engines try things (a resolver, a ring)
 * that they can do without; an unknown architecture or the x32 table is killed.
 */
#include "proc/child_jail.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS   1024
#define PROGRAM_STEPS 4096 /* BPF_MAXINSNS: the kernel takes no more */

struct child_jail {
	struct sock_fprog program;
	struct sock_filter steps[PROGRAM_STEPS];
};

/* Refused whatever the arguments. A name that the machine's table does not know is skipped. */
static const struct {
	int syscall, as;
} refused[] = {
	{ SCMP_SYS(io_uring_setup), ENOSYS },
	{ SCMP_SYS(io_uring_enter), ENOSYS },
	{ SCMP_SYS(io_uring_register), ENOSYS },
	{ SCMP_SYS(connect), EACCES },
	{ SCMP_SYS(recvmsg), EPERM },
	{ SCMP_SYS(recvmmsg), EPERM },
	{ SCMP_SYS(sendmsg), EPERM },
	{ SCMP_SYS(sendmmsg), EPERM },
	{ SCMP_SYS(pidfd_getfd), EPERM },
	{ SCMP_SYS(ptrace), EPERM },
	{ SCMP_SYS(process_vm_readv), EPERM },
	{ SCMP_SYS(process_vm_writev), EPERM },
	{ SCMP_SYS(process_madvise), EPERM },
	{ SCMP_SYS(bpf), EPERM },
	{ SCMP_SYS(perf_event_open), EPERM },
	{ SCMP_SYS(userfaultfd), EPERM },
	{ SCMP_SYS(keyctl), EPERM },
	{ SCMP_SYS(add_key), EPERM },
	{ SCMP_SYS(request_key), EPERM },
	{ SCMP_SYS(unshare), EPERM },
	{ SCMP_SYS(setns), EPERM },
	{ SCMP_SYS(mount), EPERM },
	{ SCMP_SYS(umount2), EPERM },
	{ SCMP_SYS(pivot_root), EPERM },
	{ SCMP_SYS(chroot), EPERM },
	{ SCMP_SYS(move_mount), EPERM },
	{ SCMP_SYS(fsopen), EPERM },
	{ SCMP_SYS(open_tree), EPERM },
	{ SCMP_SYS(socketcall), EPERM },
};

static int add_rules(scmp_filter_ctx filter)
{
	int e = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; e == 0 && i < sizeof refused / sizeof refused[0]; i++) {
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)refused[i].as),
				     refused[i].syscall, 0);
		if (e == -EDOM || e == -EINVAL)
			e = 0; /* not on this architecture */
	}
	if (e == 0)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	if (e == 0)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair),
				     1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	/* A datagram socket needs no connect(2) to send: refuse any explicit address. */
	if (e == 0)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(sendto), 1,
				     SCMP_A4(SCMP_CMP_NE, 0));
	return e;
}

/* libseccomp of this age exports to a descriptor only. */
static int export_program(scmp_filter_ctx filter, struct child_jail *j)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	if (seccomp_export_bpf(filter, fd) == 0)
		n = pread(fd, j->steps, sizeof j->steps, 0);
	close(fd);
	if (n <= 0 || (size_t)n % sizeof j->steps[0] != 0 || (size_t)n == sizeof j->steps)
		return -1;
	j->program.len = (unsigned short)((size_t)n / sizeof j->steps[0]);
	j->program.filter = j->steps;
	return 0;
}

struct child_jail *child_jail_new(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct child_jail *j = calloc(1, sizeof *j);
	int e = filter == NULL || j == NULL ? -ENOMEM : add_rules(filter);

	if (e == 0 && export_program(filter, j) != 0)
		e = -EIO;
	if (filter != NULL)
		seccomp_release(filter);
	if (e != 0) {
		free(j);
		errno = -e;
		return NULL;
	}
	return j;
}

void child_jail_free(struct child_jail *j)
{
	free(j);
}

static int limit(int what, rlim_t most)
{
	struct rlimit r;

	if (getrlimit(what, &r) != 0)
		return -1;
	r.rlim_max = r.rlim_max < most ? r.rlim_max : most;
	r.rlim_cur = r.rlim_max;
	return setrlimit(what, &r);
}

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL); /* fails for SIGKILL, SIGSTOP and those of libc: fine */
	/* A write past RLIMIT_FSIZE is then an error and not the end of the helper. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int child_jail_enter(const struct child_jail *j, pid_t parent)
{
	if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return -1;
	if (getppid() != parent) { /* it died before the line above */
		errno = ESRCH;
		return -1;
	}
	umask(0177);
	default_signals();
	if (limit(RLIMIT_CORE, 0) != 0 || limit(RLIMIT_FSIZE, 0) != 0 ||
	    limit(RLIMIT_NOFILE, DESCRIPTORS) != 0)
		return -1;
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &j->program, 0, 0);
}
