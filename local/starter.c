/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two socket pairs. Over the first local gives orders and waits for each answer; over the
 * second the starter says by itself what ended. Both sides are this very program, so structs
 * travel as they are.
 *
 *   local --START words, output / KILL pid--> starter --fork, child_jail_enter, execve-->
 * engine
 *         <--pid or errno-------------------
 *         <--ENDED pid, status--------------  (second pair)
 */
#include "local/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/span.h"
#include "proc/child_jail.h"
#include "proc/jail.h"
#include "proc/jail_filter.h"
#include "proc/landlock.h"
#include "proc/network.h"

#define WORDS_MAX 64
#define AT_ONCE   4 /* an engine, and one that is asked for its options */
#define FD_ORDERS 3
#define FD_EVENTS 4
#define EXIT_NO   127

enum order_kind { START, KILL };

struct order {
	enum order_kind kind;
	pid_t pid;
	int signal;
	unsigned bytes; /* of words, each with its NUL */
	char words[STARTER_WORDS_BYTES];
};

struct answer {
	pid_t pid; /* -1: error */
	int error;
};

struct ended {
	pid_t pid;
	int status;
};

struct starter {
	pid_t pid;
	int orders, events;
	struct order order;
};

/* --- in the starter: confinement ------------------------------------------------------------
 */

static void grant_folder_of(struct landlock_grants *g, const char *path,
			    enum landlock_access access)
{
	char real[PATH_MAX], *slash;

	if (path[0] == '/' && realpath(path, real) != NULL &&
	    (slash = strrchr(real, '/')) != NULL && slash != real) {
		*slash = '\0';
		landlock_grant(g, real, access);
	}
}

/* Looked up at each start: a program or a model may have come since. */
static void grant_all(const struct config *c, const char *program, struct landlock_grants *g)
{
	static const char *const run[] = { "/usr", "/lib", "/lib64", "/bin", "/opt" };
	static const char *const read[] = { "/etc", "/proc", "/sys" };
	static const char *const use[] = {
		"/dev/null",       "/dev/zero",           "/dev/full",
		"/dev/random",     "/dev/urandom",        "/dev/dri",
		"/dev/kfd",        "/dev/nvidiactl",      "/dev/nvidia0",
		"/dev/nvidia1",    "/dev/nvidia2",        "/dev/nvidia3",
		"/dev/nvidia-uvm", "/dev/nvidia-modeset", "/dev/nvidia-uvm-tools"
	};
	char sockets[PATH_MAX];

	for (size_t i = 0; i < LEN(run); i++)
		landlock_grant(g, run[i], LANDLOCK_RUN);
	for (size_t i = 0; i < LEN(read); i++)
		landlock_grant(g, read[i], LANDLOCK_READ);
	for (size_t i = 0; i < LEN(use); i++)
		landlock_grant(g, use[i], LANDLOCK_USE);
	landlock_grant(g, c->data_dir, LANDLOCK_RUN);
	landlock_grant(g, c->models_dir, LANDLOCK_READ);
	grant_folder_of(g, program, LANDLOCK_RUN);
	grant_folder_of(g, c->engine.model, LANDLOCK_READ);
	snprintf(sockets, sizeof sockets, "%s/engine", c->runtime_dir);
	landlock_grant(g, sockets, LANDLOCK_WRITE);
}

/* A ruleset for one program; -1: none to be had. */
static int files_for(const struct config *c, const char *program)
{
	static struct landlock_grants g;
	unsigned abi;
	int fd = -1;

	grant_all(c, program, &g);
	if (landlock_prepare(&g, &fd, &abi) != ERR_OK)
		fd = -1;
	landlock_grants_free(&g);
	return fd;
}

static bool close_calls(void)
{
	static struct jail_filter f;
	struct jail_list lists[JAIL_LISTS_MAX];
	unsigned n = jail_program_lists(JAIL_PROGRAM_STARTER, lists);

	return jail_filter_enter(lists, n, SECCOMP_RET_KILL_PROCESS, &f) == ERR_OK;
}

/* The folder that a name stands in, whether or not the file is there yet. */
static void grant_place_of(struct landlock_grants *g, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (path[0] != '/' || slash == path || (size_t)(slash - path) >= sizeof folder)
		return;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	landlock_grant(g, folder, LANDLOCK_RUN);
}

/* Where engines may be found on PATH: each folder, and what a name in there stands for. */
static void grant_path(struct landlock_grants *g)
{
	const char *path = getenv("PATH");

	while (path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");
		char folder[PATH_MAX], program[PATH_MAX];

		if (n > 0 && n < sizeof folder && path[0] == '/') {
			snprintf(folder, sizeof folder, "%.*s", (int)n, path);
			snprintf(program, sizeof program, "%.4000s/llama-server", folder);
			grant_place_of(g, program);
			grant_folder_of(g, program, LANDLOCK_RUN);
		}
		path += n + (path[n] == ':');
	}
}

/*
 * The starter's own: together what any engine may get, which each gets less of. What is
 * installed later elsewhere needs a restart.
 */
static bool close_files(const struct config *c)
{
	static struct landlock_grants g;
	unsigned abi;
	int fd;

	char installed[PATH_MAX];

	snprintf(installed, sizeof installed, "%.4000s/engine/llama-server", c->data_dir);
	grant_all(c, c->engine.binary, &g);
	grant_place_of(&g, c->engine.binary);
	grant_folder_of(&g, installed, LANDLOCK_RUN);
	grant_path(&g);
	bool ok = landlock_prepare(&g, &fd, &abi) == ERR_OK;
	landlock_grants_free(&g);
	if (!ok)
		return false;
	ok = landlock_enforce(fd) == ERR_OK;
	close(fd);
	return ok;
}

static bool leave_network(void)
{
	struct network_room room;

	return network_leave() ||
	       (network_room_make(NETWORK_EMPTY, &room) == NULL && network_room_enter(&room));
}

/* What could not be had, in words. */
static void confine(const struct config *c, char *without, unsigned cap)
{
	bool network = leave_network();
	bool plain = jail_drop_capabilities();
	bool files = close_files(c);
	bool calls = close_calls();

	snprintf(without, cap, "%s%s%s%s%s",
		 network && plain && files && calls ? "" : "engine:",
		 network ? "" : " no empty network namespace", plain ? "" : " capabilities",
		 files ? "" : " no Landlock", calls ? "" : " no filter of its starter");
}

/* --- in the starter: work -------------------------------------------------------------------
 */

struct work {
	const struct config *config;
	struct child_jail *jail;
	pid_t children[AT_ONCE];
	pid_t self;
	struct order order;
};

__attribute__((noreturn)) static void become(struct work *w, char *const argv[], int output,
					     int files)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", lang[] = "LANG=C.UTF-8";
	char *const envp[] = { path, lang, NULL };

	if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    (files < 0 || landlock_enforce(files) == ERR_OK) &&
	    child_jail_enter(w->jail, w->self) == 0)
		execve(argv[0], argv, envp);
	_exit(EXIT_NO);
}

static struct answer start(struct work *w, int output)
{
	char *argv[WORDS_MAX + 1] = { NULL }, *at = w->order.words;
	char *end = at + w->order.bytes;
	unsigned slot = 0, n = 0;

	while (slot < AT_ONCE && w->children[slot] != 0)
		slot++;
	while (n < WORDS_MAX && at < end) {
		argv[n++] = at;
		at += strnlen(at, (size_t)(end - at)) + 1;
	}
	if (slot == AT_ONCE || n == 0 || at != end || output < 0)
		return (struct answer){ -1, EINVAL };
	int files = files_for(w->config, argv[0]);
	if (files < 0 && landlock_abi() > 0)
		return (struct answer){ -1, errno };
	pid_t pid = fork();
	if (pid == 0)
		become(w, argv, output, files);
	struct answer a = { pid, pid < 0 ? errno : 0 };
	if (files >= 0)
		close(files);
	if (pid > 0)
		w->children[slot] = pid;
	return a;
}

/* To its group; before it has one, to the process. Only to what was started here. */
static void end_child(const struct work *w, pid_t pid, int signal)
{
	for (unsigned i = 0; i < AT_ONCE; i++)
		if (pid > 0 && w->children[i] == pid && kill(-pid, signal) != 0)
			kill(pid, signal);
}

/* False when local is gone. */
static bool take_order(struct work *w)
{
	struct answer a = { -1, EINVAL };
	int fd;
	unsigned n_fds = 1;
	ssize_t n = fds_receive(FD_ORDERS, &w->order, sizeof w->order, &fd, &n_fds, 0);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	int output = n_fds == 1 ? fd : -1;
	bool whole = (size_t)n >= offsetof(struct order, words) &&
		     w->order.bytes == (size_t)n - offsetof(struct order, words);
	if (whole && w->order.kind == START)
		a = start(w, output);
	else if (whole)
		end_child(w, w->order.pid, w->order.signal);
	if (output >= 0)
		close(output);
	if (w->order.kind == START)
		return write(FD_ORDERS, &a, sizeof a) == sizeof a;
	return true;
}

/* What it may have left behind of its own must not stay, either. */
static void reap(struct work *w)
{
	struct ended e;

	while ((e.pid = waitpid(-1, &e.status, WNOHANG)) > 0) {
		kill(-e.pid, SIGKILL);
		for (unsigned i = 0; i < AT_ONCE; i++)
			if (w->children[i] == e.pid)
				w->children[i] = 0;
		if (write(FD_EVENTS, &e, sizeof e) != sizeof e)
			return; /* local is gone */
	}
}

__attribute__((noreturn)) static void live(const struct config *c, struct child_jail *jail)
{
	static struct work w;
	char without[100];
	sigset_t chld;

	w.config = c;
	w.jail = jail;
	w.self = getpid();
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	int signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	confine(c, without, sizeof without);
	if (signals < 0 || write(FD_EVENTS, without, sizeof without) != sizeof without)
		_exit(EXIT_NO);
	for (;;) {
		struct pollfd p[] = { { FD_ORDERS, POLLIN, 0 }, { signals, POLLIN, 0 } };
		struct signalfd_siginfo ignored;

		if (poll(p, LEN(p), -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0 && read(signals, &ignored, sizeof ignored) > 0)
			reap(&w);
		if (p[0].revents != 0 && !take_order(&w))
			break;
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		end_child(&w, w.children[i], SIGKILL);
	_exit(0);
}

/* Nothing of local's comes along but the two sockets, /dev/null and standard error. */
static void keep_only(int orders, int events)
{
	int a = fcntl(orders, F_DUPFD_CLOEXEC, FD_EVENTS + 1);
	int b = fcntl(events, F_DUPFD_CLOEXEC, FD_EVENTS + 1);

	if (a < 0 || b < 0 || dup3(a, FD_ORDERS, O_CLOEXEC) < 0 ||
	    dup3(b, FD_EVENTS, O_CLOEXEC) < 0 || close_range(FD_EVENTS + 1, ~0u, 0) != 0)
		_exit(EXIT_NO);
}

/* --- in local -------------------------------------------------------------------------------
 */

static bool pair(int fds[2], int type)
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0;
}

struct starter *starter_new(const struct config *config, char *without, unsigned cap)
{
	struct starter *s = calloc(1, sizeof *s);
	struct child_jail *jail = child_jail_new();
	char sockets[PATH_MAX], said[100] = "";
	int orders[2], events[2];
	pid_t local = getpid();

	snprintf(sockets, sizeof sockets, "%s/engine", config->runtime_dir);
	if (mkdir(sockets, 0700) != 0 && errno != EEXIST)
		goto failed;
	if (s == NULL || jail == NULL || !pair(orders, SOCK_SEQPACKET))
		goto failed;
	if (!pair(events, SOCK_SEQPACKET)) {
		close(orders[0]);
		close(orders[1]);
		goto failed;
	}
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_NAME, "hither-starter");
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != local)
			_exit(EXIT_NO);
		keep_only(orders[1], events[1]);
		live(config, jail);
	}
	close(orders[1]);
	close(events[1]);
	child_jail_free(jail);
	s->orders = orders[0];
	s->events = events[0];
	if (s->pid < 0 || read(s->events, said, sizeof said) != sizeof said) {
		starter_free(s);
		errno = ECHILD;
		return NULL;
	}
	fcntl(s->events, F_SETFL, O_NONBLOCK);
	snprintf(without, cap, "%s", said);
	return s;
failed:
	child_jail_free(jail);
	free(s);
	return NULL;
}

/* It sees the end of its orders and ends what it started. */
void starter_free(struct starter *s)
{
	if (s == NULL)
		return;
	close(s->orders);
	close(s->events);
	free(s);
}

static bool put_words(struct order *o, char *const argv[])
{
	o->bytes = 0;
	for (unsigned i = 0; argv[i] != NULL; i++) {
		size_t n = strlen(argv[i]) + 1;

		if (i == WORDS_MAX || n > sizeof o->words - o->bytes)
			return false;
		memcpy(o->words + o->bytes, argv[i], n);
		o->bytes += (unsigned)n;
	}
	return true;
}

static bool send_order(struct starter *s, int fd)
{
	return fds_send(s->orders, &s->order, offsetof(struct order, words) + s->order.bytes,
			&fd, fd >= 0, 0);
}

pid_t starter_start(struct starter *s, char *const argv[], int output)
{
	struct answer a = { -1, ECHILD };

	s->order.kind = START;
	if (!put_words(&s->order, argv)) {
		errno = E2BIG;
		return -1;
	}
	if (!send_order(s, output) || read(s->orders, &a, sizeof a) != sizeof a)
		a = (struct answer){ -1, ECHILD };
	errno = a.error;
	return a.pid;
}

void starter_kill(struct starter *s, pid_t pid, int signal)
{
	s->order.kind = KILL;
	s->order.pid = pid;
	s->order.signal = signal;
	s->order.bytes = 0;
	(void)send_order(s, -1); /* a starter that is gone has ended it already */
}

int starter_fd(const struct starter *s)
{
	return s->events;
}

bool starter_ended(struct starter *s, pid_t *ret_pid, int *ret_status)
{
	struct ended e;
	ssize_t n = read(s->events, &e, sizeof e);

	*ret_pid = n == 0 ? -1 : 0;
	if (n != sizeof e)
		return false;
	*ret_pid = e.pid;
	*ret_status = e.status;
	return true;
}
