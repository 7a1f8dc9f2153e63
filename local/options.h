/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of llama-server, as far as the program at hand understands it. */
#ifndef HITHER_LOCAL_OPTIONS_H
#define HITHER_LOCAL_OPTIONS_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/span.h"
#include "local/starter.h"
#include "local/supervise.h"
#include "proc/config.h"

#define OPTIONS_ARGV_MAX 40

/* What `--help` of one program said; remembered until the file changes. */
struct options {
	char binary[PATH_MAX];
	struct timespec mtime;
	off_t size;
	ino_t inode;
	uint32_t known; /* bit i: entry i of the table in options.c */
};

/* Bits of the options that `help` mentions as whole words. Pure. */
uint32_t options_in(struct span help);

/*
 * Asks `binary --help` (confined like the engine itself, five seconds at most) unless *io
 * already knows this very file. ERR_UNSUPPORTED with what is missing in `detail`; ERR_SYSTEM.
 */
MUST_CHECK enum err options_learn(struct options *io, const char *binary,
				  struct starter *starter, char *detail, unsigned cap);

/*
 * How many threads to ask for: `configured`, or with 0 what is left beside the `busy` threads
 * that others keep running, when that is half of the processors or less; 0: the engine's own
 * choice.
 */
uint32_t options_threads(uint32_t configured, uint32_t processors, uint32_t busy);

/* NULL-terminated argv for execve; strings live in `text` or are literals or belong to the
 * arguments. */
struct options_argv {
	char *argv[OPTIONS_ARGV_MAX];
	char numbers[8][16];
};
void options_argv(const struct options *o, const struct config_engine *c,
		  const struct engine_model *m, uint32_t threads, const char *socket_path,
		  struct options_argv *ret);

#endif
