/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets are bound to 127.0.0.1 and ::1 by number, never by a name that could be resolved to
 * something else, and ::1 with IPV6_V6ONLY, so that it takes no other address in.
 * SO_REUSEADDR: a restart must not wait for old connections in TIME_WAIT (tcp(7)); on Linux it
 * does not let two programs listen at one port.
 *
 * Only the token's digest goes on to the router, in the configuration.
 */
#include "boot/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

#define BACKLOG      1024
#define RANDOM_BYTES 32
/* A port that is free at one address may be taken at the other. */
#define SAME_PORT_TRIES 16

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The descriptor; -1 with errno set. */
static int bind_at(bool v6, uint16_t port, uint16_t *ret_port)
{
	union address a = { .any.sa_family = v6 ? AF_INET6 : AF_INET };
	socklen_t len = v6 ? sizeof a.v6 : sizeof a.v4;
	int on = 1;
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (v6) {
		a.v6.sin6_addr = in6addr_loopback;
		a.v6.sin6_port = htons(port);
	} else {
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a.v4.sin_port = htons(port);
	}
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (!v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    bind(fd, &a.any, len) == 0 && listen(fd, BACKLOG) == 0 &&
	    getsockname(fd, &a.any, &len) == 0) {
		*ret_port = ntohs(v6 ? a.v6.sin6_port : a.v4.sin_port);
		return fd;
	}
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static bool add(bool v6, uint16_t *io_port, struct tcp_socket *list, unsigned *io_n)
{
	struct tcp_socket *s = &list[*io_n];

	s->fd = bind_at(v6, *io_port, io_port);
	if (s->fd < 0)
		return false;
	snprintf(s->name, sizeof s->name, "tcp:%s:%u", v6 ? "[::1]" : "127.0.0.1", *io_port);
	++*io_n;
	return true;
}

enum err tcp_listen(const struct config_tcp *at, struct tcp_socket ret[TCP_ADDRESSES_MAX],
		    unsigned *ret_n)
{
	unsigned n = 0, tries = at->port == 0 ? SAME_PORT_TRIES : 1;
	uint16_t port = at->port;

	for (; tries > 0; tries--, port = at->port) {
		if ((!at->v4 || add(false, &port, ret, &n)) &&
		    (!at->v6 || add(true, &port, ret, &n))) {
			for (unsigned i = 0; i < n; i++)
				log_notice("boot.tcp", "address=%s", ret[i].name + 4);
			*ret_n = n;
			return ERR_OK;
		}
		int saved = errno;
		while (n > 0)
			close(ret[--n].fd);
		errno = saved;
	}
	fprintf(stderr, "hitherd: cannot listen at listen.tcp, port %u: %s%s\n", at->port,
		strerror(errno),
		errno == EADDRINUSE ? "; choose another port, or stop the program that has it"
				    : "");
	return errno == EADDRINUSE ? ERR_BUSY : ERR_SYSTEM;
}

/* --- the token -------------------------------------------------------------------------- */

static bool is_token(struct span t)
{
	if (t.len < TCP_TOKEN_MIN || t.len > TCP_TOKEN_MAX)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static enum err mint(const char *path, struct buf *out)
{
	char hex[2 * RANDOM_BYTES + 1];
	uint8_t random[RANDOM_BYTES];

	crypto_random(random, sizeof random);
	text_hex(random, sizeof random, hex);
	crypto_wipe(random, sizeof random);
	buf_printf(out, "%s\n", hex);
	crypto_wipe(hex, sizeof hex);
	return out->failed ? ERR_NO_MEMORY : file_write(path, buf_span(out), 0600);
}

enum err tcp_token(const char *state_dir, char ret_hex[CRYPTO_SHA256_HEX_BYTES])
{
	struct crypto_sha256 digest;
	char path[4096];
	struct buf text;

	buf_init(&text, TCP_TOKEN_MAX + 2);
	snprintf(path, sizeof path, "%s/" TCP_TOKEN_FILE, state_dir);
	enum err e = file_read_secret(path, TCP_TOKEN_MAX + 1, &text);
	if (e == ERR_NOT_FOUND)
		e = mint(path, &text);
	struct span token = buf_span(&text);
	if (token.len > 0 && token.ptr[token.len - 1] == '\n')
		token.len--;
	if (e == ERR_OK && !is_token(token))
		e = ERR_SYNTAX;
	if (e == ERR_OK) {
		crypto_sha256(token, &digest);
		crypto_sha256_hex(&digest, ret_hex);
	} else {
		fprintf(stderr,
			"hitherd: the token of listen.tcp, %s: %s; it must be yours, of mode "
			"0600, and one line of %d to %d letters, digits, - or _. Delete it for "
			"a new one\n",
			path, err_text(e), TCP_TOKEN_MIN, TCP_TOKEN_MAX);
	}
	if (text.ptr != NULL)
		crypto_wipe(text.ptr, text.cap);
	buf_free(&text);
	return e;
}
