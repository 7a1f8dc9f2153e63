/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of the daemon (config/hitherd.json), after defaults and command line.
 * boot reads and checks the file once, writes the effective form, and hands it to each role
 * in a sealed memfd; every role parses it with the same function. Unknown keys are errors.
 * Units are in the names. Ranges are in the table in config.c, which also prints the
 * commented default file.
 */
#ifndef HITHER_PROC_CONFIG_H
#define HITHER_PROC_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"

struct config_limits {
	uint32_t request_line_bytes, headers, header_bytes, body_bytes;
	uint32_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, total_timeout_ms;
	uint32_t keepalive_ms;
	uint32_t connections, connections_per_uid, queue;
	uint32_t output_buffer_bytes;
};

struct config_listen {
	const char *tcp; /* "" = none; "127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT" */
	const char
		*token_sha256; /* hex, made by boot from STATE_DIR/tcp.token; not for people */
};

/* What config_listen.tcp says. */
struct config_tcp {
	bool v4, v6;   /* at 127.0.0.1, at [::1] */
	uint16_t port; /* host order; 0: the kernel chooses */
};

struct config_engine {
	const char *binary;   /* path; "" = look in data dir, then PATH */
	const char *endpoint; /* "unix:/path", "http://127.0.0.1:PORT": one that runs; "" =
				 start one */
	const char *model;    /* "" = the chosen one (`hither model use`) */
	uint32_t context_tokens;
	uint32_t parallel;    /* slots */
	uint32_t queue;       /* requests waiting beyond the slots */
	uint32_t idle_stop_s; /* 0 = never */
	uint32_t load_timeout_ms, first_token_timeout_ms, gap_timeout_ms;
	uint32_t restart_backoff_ms, restart_backoff_max_ms;
	const char *embeddings; /* "mean", "cls", "last", "model" or "off" */
	uint32_t threads;       /* 0 = engine's choice */
};

struct config_cloud {
	uint32_t connect_timeout_ms, first_byte_timeout_ms, gap_timeout_ms, total_timeout_ms;
	uint32_t concurrent, event_bytes, total_bytes, header_bytes;
	bool allow_loopback; /* destinations may resolve to loopback (tests, gateways) */
	const char *ca_file; /* "" = the system's bundle */
};

struct config_routing {
	uint16_t threshold_pm; /* score at or above which the device is not sufficient */
	uint16_t band_pm; /* how far past the threshold a conversation goes before it moves */
	const char *classifier; /* weights file; "" = the one that comes with the program */
};

struct config {
	const char *runtime_dir, *state_dir, *config_dir, *data_dir, *models_dir, *sys_dir;
	struct config_limits limits;
	struct config_listen listen;
	struct config_engine engine;
	struct config_cloud cloud;
	struct config_routing routing;
	uint8_t log_level; /* enum log_level */
	bool log_json;
	bool system_mode;
	uint32_t router_processes; /* boot puts a number in place of 0 */
	const char *const *apps;   /* ids that get a socket of their own besides those found in
				      config_dir/apps */
	uint32_t n_apps;
};

#define CONFIG_MAX_APPS  32u
#define CONFIG_GROUP     "hither" /* its members may use the API socket of a system daemon */
#define CONFIG_MAX_BYTES (256u << 10)

/* Letters, digits, '.', '_' and '-', 1 to 64 of them, not starting with '.': a file name. */
bool config_is_app_id(struct span id);

/* The three addresses above and no others: nothing beyond this machine is ever listened on. */
bool config_is_tcp(struct span text, struct config_tcp *ret);

/* Defaults; the directories are empty strings, boot fills them in. */
void config_defaults(struct config *ret);
/*
 * Overlays `text` (JSON with comments) on *io; an empty directory leaves the old one. Strings
 * are copied to `a`. ERR_SYNTAX, ERR_TOO_BIG or ERR_NO_MEMORY with *reterr: `problem` is a
 * phrase, `detail` the key with its range or the nearest known key. *io is untouched then.
 */
MUST_CHECK enum err config_parse(struct span text, struct arena *a, struct config *io,
				 struct json_where *reterr);
/* The effective configuration; config_parse of it gives an equal one. */
void config_write(const struct config *c,
		  struct buf *out); /* out->failed when it did not fit */
/* The commented default file, as shipped in config/hitherd.json. */
void config_print_default(struct buf *out);

#endif
