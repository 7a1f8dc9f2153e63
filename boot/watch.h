/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when something in the folders of policies and keys has changed, half a second after the
 * last change.
 */
#ifndef HITHER_BOOT_WATCH_H
#define HITHER_BOOT_WATCH_H

#include <uv.h>

struct watch;

typedef void watch_fn(void *ctx);

/*
 * Watches `folders` (n of them, copied); those that do not exist are tried again by
 * watch_renew(). Where the system has no more watches to give, changes are seen on SIGHUP only,
 * which is logged. NULL: no memory.
 */
struct watch *watch_new(uv_loop_t *loop, const char *const *folders, unsigned n, watch_fn *fn,
			void *ctx);
/* Before reading the folders again: some may have appeared or been replaced since. */
void watch_renew(struct watch *w);
/* NULL is fine. Memory goes when the loop has run once more. */
void watch_free(struct watch *w);

#endif
