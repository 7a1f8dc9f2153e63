/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for keys that stay: left out of core files (MADV_DONTDUMP), empty in every child of
 * fork(2) (MADV_WIPEONFORK), kept from swap (mlock(2)), each as far as the kernel and the
 * limits of the process let it.
 */
#ifndef HITHER_CRYPTO_SECRET_H
#define HITHER_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed; whole pages, so few and large. *ret_locked (unless NULL): it cannot reach swap. NULL
 * when memory is out. */
void *crypto_secret_new(size_t bytes, bool *ret_locked);
/* Wipes first. `bytes` as it was asked for; NULL is fine. */
void crypto_secret_free(void *p, size_t bytes);

#endif
