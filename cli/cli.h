/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `hither` command. One tree of commands (table.c) drives parsing, --help, completion and
 * the man page. Conventions: the answer, and only the answer, on stdout; progress, provenance,
 * questions and errors on stderr; questions to the person are read from /dev/tty, never stdin.
 */
#ifndef HITHER_CLI_CLI_H
#define HITHER_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"

/* `hither help exit-codes`; the first column of spec tables, stable. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NO_DAEMON = 3,
	CLI_AUTH = 4,
	CLI_POLICY_DENIED = 5,
	CLI_CONSENT_DENIED = 6,
	CLI_CONSENT_OPEN = 7, /* nobody answered in time, or a question is open */
	CLI_POLICY_INVALID = 8,
	CLI_BUDGET = 9,
	CLI_WARNINGS = 10,
	CLI_TEMPORARY = 75,
	CLI_INTERRUPTED = 130,
};

struct cli_option {
	char letter;          /* 0: none */
	const char *name;     /* long name without dashes; NULL ends the list */
	const char *argument; /* "FILE", or NULL for a switch; "[X]" optional (--json=pretty) */
	const char *help;     /* one line */
};

struct cli;

struct cli_command {
	const char *name;      /* NULL ends the list */
	const char *arguments; /* "[PROMPT|-]" for the usage line; "" none */
	const char *summary;   /* one line, no full stop */
	const char *details;   /* paragraphs for --help and the man page; may be NULL */
	const struct cli_option *options;      /* may be NULL */
	const struct cli_command *subcommands; /* may be NULL; then `run` is not used */
	/* argv holds the positional arguments only (argv[0] is the first). Returns enum
	 * cli_exit. */
	int (*run)(struct cli *cli, int argc, char **argv);
};

/* Options every command understands: --json[=pretty|short], --jsonl is each command's own,
 * -q/--quiet, --plain, --color=WHEN, --host ADDRESS, --help. */
struct cli {
	const struct cli_command *command; /* the leaf that runs */
	char path[64];                     /* "consent approve" */
	bool json, json_pretty, quiet, plain, color;
	const char *host;      /* unix:PATH of the API socket, resolved */
	char runtime_dir[512]; /* the folder of the three sockets */
	struct {
		const struct cli_option *option;
		const char *value;
	} given[64];
	unsigned n_given;
};

/* Value of an option given on the command line: NULL when not given, "" for a switch. The last
 * one wins. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);
/* The i-th use of an option that may be repeated; NULL past the end. */
const char *cli_option_nth(const struct cli *cli, const char *name, unsigned i);

/*
 * Prints the error and returns `exit_code`. Human: "hither: MESSAGE" and "try: NEXT" on stderr;
 * with --json the envelope hither.error/1 on stderr. `next` may be NULL.
 */
int cli_error(const struct cli *cli, int exit_code, const char *code, const char *next,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same for an error that the daemon sent: `reply` is its error object, with decision_id and
 * rules. */
int cli_error_of(const struct cli *cli, int exit_code, const char *code, const char *next,
		 const char *message, const cJSON *reply);
/* For a command line that is wrong: message, usage line, exit 2. */
int cli_usage(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes one JSON document (text that passed through the json_put_* writers) to stdout, pretty
 * on a terminal or with --json=pretty, with a newline. */
void cli_print_json(const struct cli *cli, struct span json);

/* Directories as the daemon resolves them: XDG variables, then the defaults, then what its own
 * file says ($HITHER_CONFIG, or hitherd.json in the configuration folder). Static storage. */
const char *cli_config_dir(void); /* …/hither */
const char *cli_data_dir(void);
const char *cli_state_dir(void);
const char *cli_runtime_dir(void);
const char *cli_models_dir(void);
/* routing.classifier of that file: the weights the daemon judges with; "": those of this build.
 */
const char *cli_weights(void);

struct classifier;
/* The weights in `path`, NULL: those in use. Without any that fit the documented linear rules,
 * and says so on stderr. For classifier_free(). */
struct classifier *cli_classifier(const char *path);

/* --- talking to the daemon ------------------------------------------------------------- */

enum cli_socket { CLI_SOCKET_API, CLI_SOCKET_CONSENT, CLI_SOCKET_ADMIN };

struct cli_reply {
	int status;         /* HTTP */
	struct buf body;    /* whole body (not filled while streaming to on_data) */
	struct buf headers; /* raw field lines */
};

struct cli_request {
	enum cli_socket socket;
	const char *method, *path;
	struct span body;          /* JSON; empty for none */
	const char *const *fields; /* "Name: value", NULL-terminated; may be NULL */
	/* For streams: bytes of a 2xx body as they come. Return false to stop. */
	bool (*on_data)(void *ctx, struct span bytes);
	void *ctx;
	long timeout_ms; /* 0: none */
};

/* Where that socket lies: beside the API's; for questions, when a system daemon has made one
 * for this person, that one (consent/UID.sock). */
void cli_socket_path(const struct cli *cli, enum cli_socket s, char *ret, size_t bytes);

/* timeout_ms of an answer to a question: polkit may have to ask the person first. */
#define CLI_ANSWER_MS 150000

/*
 * ERR_NOT_FOUND: no daemon there (socket missing or nobody listening); ERR_PEER_GONE: the reply
 * broke off; ERR_TIMEOUT; ERR_SYSTEM. `ret` must be released with cli_reply_free() in any case.
 */
MUST_CHECK enum err cli_call(const struct cli *cli, const struct cli_request *request,
			     struct cli_reply *ret);
void cli_reply_free(struct cli_reply *r);
/* Value of a reply header, copied to out; false when absent. */
bool cli_reply_header(struct cli_reply *r, const char *name, char *out, size_t out_bytes);
/* Prints what went wrong for an `enum err` of cli_call or an error body of the daemon; returns
 * the exit code. */
int cli_call_failed(const struct cli *cli, enum err e);
int cli_reply_failed(const struct cli *cli, struct cli_reply *r);
/*
 * The call, and what went wrong with it said. CLI_OK: the daemon answered 2xx; its body was
 * printed on stdout when `print`, else *ret is the body's tree for cJSON_Delete(). Any other
 * exit code: an error was printed. *ret is NULL but in that one case; `ret` may be NULL.
 */
int cli_call_tree(const struct cli *cli, const struct cli_request *request, bool print,
		  cJSON **ret);
/* What GET gives, for cJSON_Delete(); NULL when it is not to be had, and nothing is said of it.
 */
cJSON *cli_fetch(const struct cli *cli, enum cli_socket socket, const char *path,
		 long timeout_ms);
/* The same for what the daemon remembers of the request with this x-hither-decision. */
cJSON *cli_fetch_decision(const struct cli *cli, const char *id, long timeout_ms);

/* --- tables and text on a terminal ------------------------------------------------------- */

/* Left-aligned columns, width of the longest cell; tab-separated without headings when stdout
 * is no terminal. */
struct cli_table;
struct cli_table *cli_table_new(const struct cli *cli, const char *const *headings,
				unsigned columns);
void cli_table_cell(struct cli_table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void cli_table_print(struct cli_table *t); /* and frees it */

/* Text from outside, safe for a terminal: control and direction-changing characters made
 * visible. */
void cli_print_safe(FILE *out, struct span text);

/* Bold on/off when colour is on, else nothing. */
const char *cli_bold(const struct cli *cli);
const char *cli_normal(const struct cli *cli);

/* --- the commands ------------------------------------------------------------------------ */

extern const struct cli_command cli_commands[]; /* table.c */

int cmd_ask(struct cli *cli, int argc, char **argv);
int cmd_route(struct cli *cli, int argc, char **argv);
int cmd_chat(struct cli *cli, int argc, char **argv);
int cmd_setup(struct cli *cli, int argc, char **argv);
int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);
int cmd_help(struct cli *cli, int argc, char **argv);
int cmd_completion(struct cli *cli, int argc, char **argv);

extern const struct cli_command cmd_consent_commands[]; /* cmd_consent.c */
extern const struct cli_command cmd_budget_commands[];  /* cmd_budget.c */
extern const struct cli_command cmd_engine_commands[];  /* cmd_engine.c */
extern const struct cli_command cmd_ledger_commands[];  /* cmd_ledger.c */
extern const struct cli_command cmd_model_commands[];   /* cmd_model.c */
extern const struct cli_command cmd_policy_commands[];  /* cmd_policy.c */

#endif
