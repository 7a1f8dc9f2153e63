/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An editor writes a file in several steps and package tools replace whole folders, so changes
 * are gathered until WAIT_MS have passed without another one. A folder that is renamed away
 * takes its watch with it: watch_renew() watches what lies at the path now.
 */
#include "boot/watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"

#define WAIT_MS     500
#define FOLDERS_MAX 16

struct watch {
	uv_loop_t *loop;
	watch_fn *fn;
	void *ctx;
	unsigned n, open_handles;
	char *folders[FOLDERS_MAX];
	uv_fs_event_t events[FOLDERS_MAX];
	ino_t inodes[FOLDERS_MAX]; /* of the folder being watched; 0: none */
	dev_t devices[FOLDERS_MAX];
	uv_timer_t wait;
	bool told;
};

static void on_wait(uv_timer_t *t)
{
	struct watch *w = t->data;

	w->fn(w->ctx);
}

static void on_event(uv_fs_event_t *e, const char *name, int events, int status)
{
	struct watch *w = e->data;

	(void)name;
	(void)events;
	(void)status;
	uv_timer_start(&w->wait, on_wait, WAIT_MS, 0);
}

/* Another folder than the one being watched, or one where there was none. */
static bool is_new(struct watch *w, unsigned i)
{
	struct stat st;

	if (stat(w->folders[i], &st) != 0)
		st = (struct stat){ 0 };
	bool same = st.st_ino == w->inodes[i] && st.st_dev == w->devices[i];
	w->inodes[i] = st.st_ino;
	w->devices[i] = st.st_dev;
	return !same;
}

void watch_renew(struct watch *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (!is_new(w, i))
			continue; /* a stop and start would lose what has just happened */
		uv_fs_event_stop(&w->events[i]);
		if (w->inodes[i] == 0)
			continue;
		int rc = uv_fs_event_start(&w->events[i], on_event, w->folders[i], 0);
		if (rc != 0 && !w->told) {
			w->told = true;
			log_warning("boot.watch",
				    "folder=%s %s: changes are seen on SIGHUP only",
				    w->folders[i], uv_strerror(rc));
		}
	}
}

struct watch *watch_new(uv_loop_t *loop, const char *const *folders, unsigned n, watch_fn *fn,
			void *ctx)
{
	struct watch *w = calloc(1, sizeof *w);

	if (w == NULL || n > FOLDERS_MAX) {
		free(w);
		return NULL;
	}
	w->loop = loop;
	w->fn = fn;
	w->ctx = ctx;
	uv_timer_init(loop, &w->wait);
	w->wait.data = w;
	w->open_handles = 1;
	for (; w->n < n; w->n++) {
		w->folders[w->n] = strdup(folders[w->n]);
		if (w->folders[w->n] == NULL)
			break;
		uv_fs_event_init(loop, &w->events[w->n]);
		w->events[w->n].data = w;
		w->open_handles++;
	}
	watch_renew(w);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	if (--w->open_handles > 0)
		return;
	for (unsigned i = 0; i < w->n; i++)
		free(w->folders[i]);
	free(w);
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->n; i++)
		uv_close((uv_handle_t *)&w->events[i], on_closed);
	uv_close((uv_handle_t *)&w->wait, on_closed);
}
