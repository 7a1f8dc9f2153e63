/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the spawner (spawner.c) does for one role. A role that becomes another user does so
 * before exec, so that nothing of it ever runs with boot's rights, and before PDEATHSIG is set,
 * which a change of user clears (prctl(2)).
 *
 * Between fork and exec only calls that are safe there are made; everything that allocates
 * happens before. Descriptors move in two steps: every source first goes to a number above all
 * targets, then from there to its target, so no source is overwritten before it is moved.
 * Numbers below ROLE_FD_LISTEN without a descriptor get /dev/null: nothing else can come to
 * lie at the number of a wire.
 */
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/span.h"
#include "proc/environment.h"
#include "proc/jail.h"
#include "proc/network.h"

#define ABOVE_ALL  128 /* > ROLE_FD_LISTEN_MAX */
#define EXIT_SPAWN 126

static int exe = -1;           /* this program */
static int beside[ROLE_COUNT]; /* after spawn_prepare: a role's own program, or -1 */
static int nothing_fd = -1;    /* /dev/null, or an empty file where that is missing */

/* Out of the way of every target. */
static int raise_above_all(int fd)
{
	if (fd < 0 || fd >= ABOVE_ALL)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_ALL);

	close(fd);
	return high;
}

/* hitherd-ROLE in the folder of this program. */
static int open_beside(enum role r)
{
	char path[PATH_MAX], name[32];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);

	if (n <= 0 || (size_t)n == sizeof path)
		n = snprintf(path, sizeof path, "%s", (const char *)getauxval(AT_EXECFN));
	const char *slash =
		n > 0 && (size_t)n < sizeof path ? memrchr(path, '/', (size_t)n) : NULL;
	snprintf(name, sizeof name, "hitherd-%s", role_name(r));
	size_t folder = slash != NULL ? (size_t)(slash - path) + 1 : 0;
	if (folder + strlen(name) >= sizeof path)
		return -1;
	strcpy(path + folder, name);
	return open(path, O_PATH | O_CLOEXEC);
}

enum err spawn_prepare(void)
{
	if (exe < 0)
		exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (exe < 0)
		exe = open((const char *)getauxval(AT_EXECFN), O_PATH | O_CLOEXEC);
	exe = raise_above_all(exe);
	if (exe < 0)
		return ERR_SYSTEM;
	for (unsigned r = ROLE_BOOT; r < ROLE_COUNT; r++)
		beside[r] = r == ROLE_BOOT ? -1 : raise_above_all(open_beside((enum role)r));
	if (nothing_fd < 0)
		nothing_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nothing_fd < 0)
		nothing_fd = memfd_create("null", MFD_CLOEXEC);
	nothing_fd = raise_above_all(nothing_fd);
	return nothing_fd < 0 ? ERR_SYSTEM : ERR_OK;
}

bool spawn_elsewhere(enum role r)
{
	return beside[r] >= 0;
}

/* source[t] is what comes to lie at number t, for t < n. */
struct plan {
	int source[ROLE_FD_LISTEN_MAX];
	unsigned n;
};

static struct plan plan_of(const struct spawn_order *o)
{
	struct plan p = { .n = ROLE_FD_LISTEN + o->n_listen };

	for (unsigned t = 0; t < ROLE_FD_LISTEN; t++)
		p.source[t] = nothing_fd;
	p.source[STDERR_FILENO] = STDERR_FILENO;
	p.source[ROLE_FD_CONTROL] = o->control;
	p.source[ROLE_FD_CONFIG] = o->config;
	p.source[ROLE_FD_POLICY] = o->policy;
	if (o->board >= 0)
		p.source[ROLE_FD_BOARD] = o->board;
	for (unsigned peer = ROLE_ROUTER; peer < ROLE_SEATS; peer++) {
		int t = role_channel_fd(o->role, (enum role)peer);

		if (t >= 0 && o->channel[peer] >= 0)
			p.source[t] = o->channel[peer];
	}
	for (unsigned i = 0; i < o->n_listen; i++)
		p.source[ROLE_FD_LISTEN + i] = o->listen[i];
	return p;
}

/* --- in the child ------------------------------------------------------------------------ */

static void give_up(const char *what)
{
	ssize_t ignored = write(STDERR_FILENO, what, strlen(what));

	(void)ignored;
	_exit(EXIT_SPAWN);
}

static void move_descriptors(const struct plan *p)
{
	int raised[ROLE_FD_LISTEN_MAX];

	for (unsigned t = 0; t < p->n; t++) {
		raised[t] = fcntl(p->source[t], F_DUPFD_CLOEXEC, ABOVE_ALL);
		if (raised[t] < 0)
			give_up("hitherd: cannot hand over a descriptor\n");
	}
	for (unsigned t = 0; t < p->n; t++)
		if (dup2(raised[t], (int)t) < 0)
			give_up("hitherd: cannot place a descriptor\n");
	if (close_range(p->n, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;

	struct rlimit l = { .rlim_cur = 4096 };
	getrlimit(RLIMIT_NOFILE, &l);
	for (int fd = (int)p->n; (rlim_t)fd < l.rlim_cur && fd < 1 << 20; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC); /* kernels before 5.11 */
}

static void default_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * By privilege alone, which a role under its own user has no more: it gets its namespace here.
 * What takes a user namespace the role does by itself, after exec: network.h says why. The last
 * variable says so and is dropped when there is none.
 */
static void leave_network(enum role r, char **env)
{
	char **last = env;

	while (last[1] != NULL)
		last++;
	if ((r != ROLE_ROUTER && r != ROLE_CONSENT) || !network_leave())
		*last = NULL;
}

struct birth {
	const struct spawn_order *order;
	const struct plan *plan;
	pid_t boot;
	char *const *argv;
	char **env;
};

__attribute__((noreturn)) static void become(const struct birth *b)
{
	const struct plan *p = b->plan;
	enum role r = role_kind(b->order->role);

	leave_network(r, b->env);
	if (b->order->as.set && !jail_change_user(b->order->as.uid, b->order->as.gid))
		give_up("hitherd: cannot become the user of a role\n");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != b->boot)
		give_up("hitherd: the starting process is gone\n");
	move_descriptors(p);
	default_signals();
	execveat(spawn_elsewhere(r) ? beside[r] : exe, "", b->argv, b->env, AT_EMPTY_PATH);
	give_up("hitherd: cannot start a role: the program cannot be executed\n");
	_exit(EXIT_SPAWN);
}

/* --- in the spawner ----------------------------------------------------------------------
 */

/* "HITHER_LISTEN=api,app:x" in malloc'ed memory. */
static char *listen_variable(const struct spawn_order *o)
{
	size_t bytes = sizeof ENVIRONMENT_LISTEN + 2;

	for (unsigned i = 0; i < o->n_listen; i++)
		bytes += strlen(o->listen_names[i]) + 1;
	char *text = malloc(bytes);
	if (text == NULL)
		return NULL;
	char *end = stpcpy(text, ENVIRONMENT_LISTEN "=");
	for (unsigned i = 0; i < o->n_listen; i++) {
		if (i > 0)
			*end++ = ',';
		end = stpcpy(end, o->listen_names[i]);
	}
	return text;
}

enum err spawn_keep_only(int wire)
{
	if (dup3(wire, STDERR_FILENO + 1, O_CLOEXEC) < 0 ||
	    dup2(nothing_fd, STDIN_FILENO) < 0 || dup2(nothing_fd, STDOUT_FILENO) < 0)
		return ERR_SYSTEM;
	return close_range(STDERR_FILENO + 2, ABOVE_ALL - 1, 0) == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err spawn_here(const struct spawn_order *o, pid_t boot, pid_t *ret_pid)
{
	enum role kind = role_kind(o->role);
	char generation[64], seat[64];
	/* the last one may be dropped: leave_network() */
	const char *extra[4] = { listen_variable(o), generation, seat, ENVIRONMENT_ALONE "=1" };
	char *const argv[] = { (char[]){ "hitherd" }, (char[]){ "--role" },
			       (char *)(uintptr_t)role_name(kind), NULL };
	struct plan p = plan_of(o);

	if (extra[0] == NULL)
		return ERR_NO_MEMORY;
	snprintf(generation, sizeof generation, ENVIRONMENT_GENERATION "=%" PRIu64,
		 o->policy_generation);
	snprintf(seat, sizeof seat, ENVIRONMENT_SEAT "=%s", role_name(o->role));
	char **env = environment_for(kind, environ, extra, LEN(extra));
	free((char *)(uintptr_t)extra[0]);
	if (env == NULL)
		return ERR_NO_MEMORY;

	struct birth b = { o, &p, boot, argv, env };
	/* no handlers of fork(3) are wanted; the parent is boot */
	long pid = syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), NULL, NULL, NULL,
			   NULL);
	if (pid == 0)
		become(&b);
	int saved = errno;
	environment_free(env);
	errno = saved;
	if (pid < 0)
		return ERR_SYSTEM;
	*ret_pid = (pid_t)pid;
	return ERR_OK;
}
