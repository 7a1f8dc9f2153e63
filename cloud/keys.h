/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provider keys: for each secret that a destination names, the content of
 * $CREDENTIALS_DIRECTORY/NAME (systemd credentials, systemd.exec(5)) or else
 * CONFIG_DIR/secrets.d/NAME, which must be ours or root's, closed to others (0600) and no
 * symbolic link. A key for a header field is one line; one newline at its end is dropped. A
 * client certificate (`auth.mtls`) is one PEM file with certificate, chain and private key.
 * Kept in pages that are locked where
 * possible and left out of core files; wiped before they are replaced.
 */
#ifndef HITHER_CLOUD_KEYS_H
#define HITHER_CLOUD_KEYS_H

#include "common/err.h"
#include "common/span.h"
#include "policy/policy.h"

struct keys;

/* NULL when memory is out. `config_dir` is copied; `credentials_dir` too, and may be NULL. */
struct keys *keys_new(const char *config_dir, const char *credentials_dir);
void keys_free(struct keys *k); /* wipes; NULL is fine */

/*
 * Forgets all and reads again what the destinations of `policy` name. A secret that is
 * missing or unusable is logged by name with the reason and is then absent.
 */
void keys_read(struct keys *k, const struct policy_set *policy);

/* Of a client certificate: PEM text with certificate, chain and key. Empty when absent. Valid
 * until the next keys_read(). */
struct span keys_find_pem(const struct keys *k, const char *name);
/* Empty when absent. Valid until the next keys_read(). */
struct span keys_find(const struct keys *k, const char *name);

#endif
