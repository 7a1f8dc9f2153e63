/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay of `hither run`: HTTP from one program on loopback to the daemon's Unix socket.
 * Each request is read whole, checked (run_guard.h), and sent on with known fields only; the
 * reply is handed back as it comes, at the pace of its reader.
 */
#ifndef HITHER_CLI_RUN_H
#define HITHER_CLI_RUN_H

#include <uv.h>

#include "cli/cli.h"
#include "cli/run_guard.h"
#include "common/err.h"

struct run_relay;

struct run_options {
	const char *socket;   /* of the daemon: absolute path */
	const char *app;      /* sent as Hither-App */
	const char *max_tier; /* "device", "trusted", "cloud"; NULL: none */
	const char *token;    /* asked of every request; NULL: see below */
};

/*
 * Opens a port on 127.0.0.1. With a token every request must carry it and come from this user;
 * without one it must come from a process below this one (run_socket_below). `loop` and what
 * `o` points to outlive it. NULL with errno when it cannot be opened. It lives as long as the
 * process.
 */
struct run_relay *run_relay_open(uv_loop_t *loop, const struct run_options *o,
				 uint16_t *ret_port);

/* A connected socket to the daemon, or -1 with errno. */
int run_connect(const char *path);

#endif
