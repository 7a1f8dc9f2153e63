/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What its list does not name
 * answers EPERM instead of ending the process, because engines try things (a resolver, a ring)
 * that they can do without; what nobody honest tries ends it (proc/jail_rows.c).
 */
#include "proc/child_jail.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/jail_filter.h"

#define DESCRIPTORS 1024

struct child_jail {
	struct jail_filter filter;
};

/* For the process that calls: it may end itself and nobody else. Allocates nothing. */
static enum err make_filter(struct child_jail *j)
{
	struct jail_list lists[JAIL_LISTS_MAX];
	unsigned n = jail_program_lists(JAIL_PROGRAM_ENGINE, lists);

	return jail_filter_make(lists, n, SECCOMP_RET_ERRNO | EPERM, (uint32_t)getpid(),
				&j->filter);
}

struct child_jail *child_jail_new(void)
{
	struct child_jail *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	if (make_filter(j) != ERR_OK) { /* here, where it can still be told */
		free(j);
		errno = ENOSYS;
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

int child_jail_enter(struct child_jail *j, pid_t parent)
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
	if (make_filter(j) != ERR_OK)
		return -1;
	return jail_filter_load(&j->filter) == ERR_OK ? 0 : -1;
}
