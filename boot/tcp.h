/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optional TCP listener on loopback: its sockets and the token that programs must show.
 * A Unix socket's folder keeps others out; a loopback port is open to every user of the machine
 * and to every page in a browser, so it is off unless configured, and router/door.h asks for
 * the token on each request. Everything is told on stderr in words when it fails.
 */
#ifndef HITHER_BOOT_TCP_H
#define HITHER_BOOT_TCP_H

#include "common/buf.h"
#include "crypto/crypto.h"
#include "proc/config.h"

#define TCP_TOKEN_FILE    "tcp.token" /* in the state folder */
#define TCP_TOKEN_MIN     32
#define TCP_TOKEN_MAX     128
#define TCP_ADDRESSES_MAX 2
#define TCP_NAME_BYTES    72

struct tcp_socket {
	int fd;                    /* listening, close-on-exec, non-blocking */
	char name[TCP_NAME_BYTES]; /* "tcp:127.0.0.1:11435", with the port it has got */
};

/*
 * Listens at what config_is_tcp() read; with port 0 both addresses get the same port.
 * *ret_n are made. ERR_BUSY: another program has the port. ERR_SYSTEM.
 */
MUST_CHECK enum err tcp_listen(const struct config_tcp *at,
			       struct tcp_socket ret[TCP_ADDRESSES_MAX], unsigned *ret_n);

/*
 * The SHA-256, in hex, of the token in STATE_DIR/tcp.token, which is made (0600, 256 random
 * bits) when there is none. It stays from start to start, because programs keep it in their
 * settings; delete the file for a new one. ERR_DENIED: others may read the file, or it is not
 * ours. ERR_SYNTAX: not 32 to 128 letters, digits, '-' or '_'. ERR_SYSTEM.
 */
MUST_CHECK enum err tcp_token(const char *state_dir, char ret_hex[CRYPTO_SHA256_HEX_BYTES]);

#endif
