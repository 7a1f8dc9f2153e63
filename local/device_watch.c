/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   RESTING --timer--> LOOKING (a thread reads files and bus) --> RESTING, timer set anew
 *
 * At most one look is under way, so files and bus are touched by one thread at a time, and a
 * sensor or a bus that hangs delays the next look and nothing else.
 */
#include "local/device_watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "local/device_bus.h"
#include "local/device_files.h"

struct device_watch {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_work_t work;
	char *root;
	struct device_bus *bus; /* the thread's while it looks */
	struct device_state seen, told;
	bool told_once, stopped;
	device_watch_on_change *on_change;
	void *ctx;
};

static void on_work(uv_work_t *work)
{
	struct device_watch *w = work->data;
	struct device_files files;
	struct device_services services;

	device_files_read(w->root, &files);
	device_bus_read(w->bus, &services);
	w->seen = device_state_of(&files, &services);
}

static bool same(const struct device_state *a, const struct device_state *b)
{
	return a->power == b->power && a->battery_pct == b->battery_pct &&
	       a->network == b->network && a->thermal == b->thermal && a->locked == b->locked &&
	       a->vpn == b->vpn && a->strong == b->strong;
}

static void on_timer(uv_timer_t *t);

static void on_after(uv_work_t *work, int status)
{
	struct device_watch *w = work->data;

	if (w->stopped)
		return;
	if (status == 0 && (!w->told_once || !same(&w->seen, &w->told))) {
		w->told = w->seen;
		w->told_once = true;
		w->on_change(w->ctx, &w->told);
	}
	uv_timer_start(&w->timer, on_timer, DEVICE_WATCH_MS, 0);
}

static void look(struct device_watch *w)
{
	if (uv_queue_work(w->loop, &w->work, on_work, on_after) != 0)
		log_error("local.device",
			  "problem=\"no thread: the machine's state is unknown\"");
}

static void on_timer(uv_timer_t *t)
{
	look(t->data);
}

struct device_watch *device_watch_new(uv_loop_t *loop, const char *root, bool everybody,
				      device_watch_on_change *on_change, void *ctx)
{
	struct device_watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->loop = loop;
	w->root = strdup(root);
	w->bus = device_bus_new(root, everybody);
	w->on_change = on_change;
	w->ctx = ctx;
	w->timer.data = w->work.data = w;
	if (w->root == NULL || w->bus == NULL || uv_timer_init(loop, &w->timer) != 0) {
		device_bus_free(w->bus);
		free(w->root);
		free(w);
		return NULL;
	}
	look(w);
	return w;
}

void device_watch_stop(struct device_watch *w)
{
	if (w == NULL)
		return;
	w->stopped = true;
	uv_timer_stop(&w->timer);
}
