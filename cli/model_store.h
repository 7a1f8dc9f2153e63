/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models folder of this user: model files and index.json, which the daemon reads. Files get
 * their names only once they are whole and checked; every change of the index is made under a
 * lock and in one rename.
 */
#ifndef HITHER_CLI_MODEL_STORE_H
#define HITHER_CLI_MODEL_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "models/models.h"

struct model_store {
	const struct cli *cli;
	struct arena *arena;
	struct model_list catalogue, installed;
	int lock; /* -1: not held */
};

/*
 * Reads catalogue (HITHER_CATALOGUE names another file than the one built in) and index. Not
 * CLI_OK: the error was printed. Release with model_store_close() in any case.
 */
int model_store_open(struct model_store *s, const struct cli *cli);
void model_store_close(struct model_store *s);

/* models_dir/NAME.SUFFIX; false when too long. */
bool model_store_path(const char *name, const char *suffix, char out[PATH_MAX]);
const struct model *model_store_known(const struct model_store *s,
				      const char *name); /* catalogue */
const struct model *model_store_installed(const struct model_store *s, const char *name);

/*
 * Each takes the lock, reads the index again, changes it, writes it, and asks a running daemon
 * to look. Not CLI_OK: the error was printed.
 */
int model_store_add(struct model_store *s, const struct model *m, bool choose);
/* Removes a projector's file, unless an installed model still names it. NULL is fine. */
void model_store_drop_projector(const struct model_store *s, const char *file);
int model_store_choose(struct model_store *s, const char *name);
int model_store_remove(struct model_store *s, const char *name);
/* Both 1..1000: the difficulty at which this model is no longer enough, 0: the configured one
 * again; the confidence below which its answers are mostly wrong, 0: none. */
int model_store_calibrate(struct model_store *s, const char *name, uint32_t threshold_pm,
			  uint32_t floor_pm);

/* An exclusive lock on work for this model; -1 when somebody else has it. Close it to release.
 */
int model_store_lock(const char *name);

/* SHA-256 of a file in hex, with progress. ERR_SYSTEM. */
MUST_CHECK enum err model_store_hash(const struct cli *cli, const char *path, char ret[65]);

/* Nearest known name within a few typing slips, or NULL. */
const char *model_store_nearest(const struct model_store *s, const char *name);

int model_pull(struct model_store *s, const struct model *m, bool choose);
int cmd_model_pull(struct cli *cli, int argc, char **argv);
int cmd_model_import(struct cli *cli, int argc, char **argv);

#endif
