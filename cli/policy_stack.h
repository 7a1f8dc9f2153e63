/* SPDX-License-Identifier: Apache-2.0 */
/* What the `hither policy` commands share: a stack of files out of arguments or out of the
 * folders of this machine, and a request out of options. */
#ifndef HITHER_CLI_POLICY_STACK_H
#define HITHER_CLI_POLICY_STACK_H

#include "cli/cli.h"
#include "policy/policy.h"

struct policy_stack {
	struct policy_file *files[POLICY_SET_MAX_FILES];
	size_t n;
	struct policy_set *set;
	struct policy_loaded loaded; /* of policy_stack_installed() */
	bool installed;
};

/* Options that say where the folders are; end a command's own options with these. */
#define POLICY_FOLDER_OPTIONS                                                                  \
	{ 0, "layer", "LAYER",                                                                 \
	  "layer of the files that do not say it themselves (default user)" },                 \
		{ 0, "config-dir", "DIR", "your own folder (default ~/.config/hither)" },      \
		{ 0, "etc-dir", "DIR", "the administrator's folder (default /etc/hither)" },   \
		{ 0, "lib-dir", "DIR", "the system's folder (default /usr/lib/hither)" },      \
	{                                                                                      \
		0, NULL, NULL, NULL                                                            \
	}

/*
 * Parse and build FILE…. A file's layer is what stands before '=' (mandatory=FILE), else the
 * folder it lies in (mandatory.d, recommended.d, policy.d), else the last part of a name like
 * NAME.mandatory.json, else --layer, else mandatory when it says only_destinations, else user.
 * Every error is printed. CLI_OK, or the exit code; release in any case.
 */
int policy_stack_files(struct cli *cli, int argc, char **argv, struct policy_stack *ret);

/* What a daemon would load from the folders at its start, without its memory of earlier runs;
 * with `instead` (may be NULL) in the place of the file of its layer and name. Problems are
 * printed as warnings. CLI_OK also when degraded: look at ret->loaded. */
int policy_stack_installed(struct cli *cli, const struct policy_found *instead,
			   struct policy_stack *ret);

/* FILE… when there are any, else what is installed. */
int policy_stack_open(struct cli *cli, int argc, char **argv, struct policy_stack *ret);

void policy_stack_free(struct policy_stack *s);

/* Prints FILE:LINE:COL: … and counts as CLI_POLICY_INVALID. */
int policy_stack_refused(struct cli *cli, const struct policy_error *e);

/* The layer of a file by the same rules; *path moves past LAYER=. CLI_OK or the exit code. */
int policy_stack_layer(struct cli *cli, char **path, enum policy_layer *ret);

/* The folder of a layer, into `out`. */
void policy_stack_folder(const struct cli *cli, enum policy_layer layer, char *out,
			 size_t out_bytes);

/* Reads FILE with limits and an error message; CLI_OK or the exit code. `out` is the caller's.
 */
int policy_read_file(struct cli *cli, const char *path, struct buf *out);

/* ETC/trust.d: *ret NULL when there are no anchors. */
int policy_trust_installed(struct cli *cli, struct policy_trust **ret);

/* The request that the options describe, over the benign base; strings live in `arena`. */
extern const struct cli_option policy_request_options[];
int policy_request_given(struct cli *cli, struct arena *arena, struct policy_request *ret);

/* The request of a decision in the ledger (replay says what it holds), by its id. */
int policy_request_recorded(struct cli *cli, const char *id, struct arena *arena,
			    struct policy_request *ret);

/* Remarks on the regexes of site-defined categories; how many the scanner does not take. */
size_t policy_regexes(const struct policy_set *set, policy_lint_fn *fn, void *ctx);

/* The commands. */
int cmd_policy_sign(struct cli *cli, int argc, char **argv);
int cmd_policy_verify(struct cli *cli, int argc, char **argv);
int cmd_policy_install(struct cli *cli, int argc, char **argv);
int cmd_policy_edit(struct cli *cli, int argc, char **argv);
int cmd_policy_reload(struct cli *cli, int argc, char **argv);
int cmd_policy_accept_removal(struct cli *cli, int argc, char **argv);
int cmd_policy_replay(struct cli *cli, int argc, char **argv);
int cmd_policy_diff(struct cli *cli, int argc, char **argv);

#endif
