/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large file over HTTPS, which can be resumed. What was fetched stays in `path` when it fails
 * or is interrupted, and the next call goes on from there. The content is not checked here.
 */
#ifndef HITHER_CLI_DOWNLOAD_H
#define HITHER_CLI_DOWNLOAD_H

#include <stdint.h>

#include "cli/cli.h"
#include "common/err.h"

#define DOWNLOAD_WHY_BYTES 256

/*
 * Makes `path` exactly `bytes` long with what `url` gives. Redirects to https only,
 * certificates checked (SSL_CERT_FILE names another bundle). Errors, with `why` for people:
 * ERR_NOT_FOUND the server has no such file; ERR_MISMATCH it has another size; ERR_DENIED
 * certificate or permission; ERR_TIMEOUT, ERR_PEER_GONE network; ERR_SYSTEM the file cannot be
 * written.
 */
MUST_CHECK enum err download(const struct cli *cli, const char *label, const char *url,
			     const char *path, uint64_t bytes, char why[DOWNLOAD_WHY_BYTES]);

#endif
