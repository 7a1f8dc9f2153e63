/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the machine every few seconds, on a thread of its own, and tells changes. */
#ifndef HITHER_LOCAL_DEVICE_WATCH_H
#define HITHER_LOCAL_DEVICE_WATCH_H

#include <uv.h>

#include "local/device_state.h"

#define DEVICE_WATCH_MS 3000u

struct device_watch;

/* On the loop: soon after the start, then whenever something differs from what was told. */
typedef void device_watch_on_change(void *ctx, const struct device_state *state);

/*
 * Starts at once. `root` as for device_files_read, copied; `everybody` as for device_bus_new.
 * Lives as long as the process. NULL: no memory; nothing is told then, and all stays unknown.
 */
struct device_watch *device_watch_new(uv_loop_t *loop, const char *root, bool everybody,
				      device_watch_on_change *on_change, void *ctx);
/* No more looks. One that is under way ends unheard. */
void device_watch_stop(struct device_watch *w); /* NULL is fine */

#endif
