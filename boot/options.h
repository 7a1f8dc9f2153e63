/* SPDX-License-Identifier: Apache-2.0 */
/* Command line, environment and configuration file become one `struct config`. */
#ifndef HITHER_BOOT_OPTIONS_H
#define HITHER_BOOT_OPTIONS_H

#include "common/arena.h"
#include "common/err.h"
#include "proc/config.h"

struct options {
	struct arena *arena; /* owns every string here; release with options_free() */
	struct config config;
	const char *config_file; /* the one that was read; "" when there is none */
	const char *lib_dir;     /* the system's own policies: /usr/lib/hither */
	const char *etc_dir;     /* the administrator's: /etc/hither */
	bool check;
	bool runtime_fallback; /* no XDG_RUNTIME_DIR: the folder lies in /tmp */
};

enum options_outcome {
	OPTIONS_GO,
	OPTIONS_DONE,  /* --help or --version were printed */
	OPTIONS_USAGE, /* a wrong command line; told on stderr */
	OPTIONS_BAD    /* a wrong configuration file or environment; told on stderr */
};

/* Reads environment variables, the password database for the home folder, and the file. */
enum options_outcome options_read(int argc, char **argv, struct options *ret);
void options_free(struct options *o);

#endif
