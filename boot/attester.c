/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attester lives as long as the router that it answers, or until a look takes too long
 * (proc/attest.c); then the router gets the wire to a new one. Each router has its own, and a
 * router that starts again a new one.
 *
 *   none --router starts--> running --ended--> waiting --back-off--> running
 *
 * A router that is gone ends it by itself: its wire has then no other side.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/supervise_impl.h"
#include "common/clock.h"
#include "common/log.h"
#include "proc/spawn.h"

#define QUIET_MS 10000

static const uint32_t backoff_ms[] = { 20, 100, 1000, 5000 };

static void try_later(struct slot *router);

static void start(struct slot *router)
{
	static const struct spawn_as nobody = { .set = false };
	struct supervisor *s = router->s;
	const struct spawn_as *as = s->users != NULL ? &s->users->attester : &nobody;
	struct attester *a = &router->attester;
	int pair[2];

	if (!alive(router) || s->stopping)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		try_later(router);
		return;
	}
	a->started_ms = clock_mono_ms();
	if (spawn_attester(pair[1], as, &a->pid) == ERR_OK) {
		struct msg_ATTESTER m = { ++a->starts };

		TELL(router, ATTESTER, &m, &pair[0], 1);
	} else {
		log_error("boot.attester", "cannot be started: %s", strerror(errno));
		try_later(router);
	}
	close(pair[0]);
	close(pair[1]);
}

static void on_due(uv_timer_t *t)
{
	start(t->data);
}

static void try_later(struct slot *router)
{
	struct attester *a = &router->attester;
	unsigned step = a->deaths < LEN(backoff_ms) ? a->deaths : LEN(backoff_ms) - 1;

	a->deaths++;
	uv_timer_start(&a->due, on_due, backoff_ms[step], 0);
}

void attester_init(struct slot *router)
{
	uv_timer_init(router->s->loop, &router->attester.due);
	router->attester.due.data = router;
}

void attester_start(struct slot *router)
{
	if (router->attester.pid > 0) /* the last router's */
		kill(router->attester.pid, SIGKILL);
	else
		start(router);
}

void attester_check(struct slot *router)
{
	struct attester *a = &router->attester;

	if (a->pid <= 0 || waitpid(a->pid, NULL, WNOHANG) <= 0)
		return;
	a->pid = 0;
	if (router->s->stopping || !alive(router))
		return;
	if (clock_mono_ms() - a->started_ms > QUIET_MS)
		a->deaths = 0;
	log_info("boot.attester", "of=%s has ended; starting another", role_name(router->role));
	try_later(router);
}

void attester_stop(struct slot *router)
{
	uv_timer_stop(&router->attester.due);
	if (router->attester.pid > 0)
		kill(router->attester.pid, SIGKILL);
}
