/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of the page. IPv4 and IPv6 share one port, so that the link works whichever way
 * `localhost` resolves; a port that is taken on the second address is given up for another.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/web.h"

#define PORT_TRIES 16
#define BACKLOG    16

static const struct http_limits limits = { .request_line_bytes = 1024,
					   .headers = 64,
					   .header_bytes = 16384,
					   .body_bytes = 16384,
					   .header_timeout_ms = 10000,
					   .body_timeout_ms = 10000,
					   .idle_timeout_ms = 60000,
					   .connections = 64,
					   .connections_per_uid = 64,
					   .output_buffer_bytes = 1 << 20 };

/* A listening socket or -1 with errno set. */
static int listen_at(const struct sockaddr *a, socklen_t len)
{
	int on = 1;
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if ((a->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
	    bind(fd, a, len) != 0 || listen(fd, BACKLOG) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int listen_v4(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = listen_at((struct sockaddr *)&a, sizeof a);

	if (fd >= 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		*ret_port = ntohs(a.sin_port);
	return fd;
}

static int listen_v6(uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				  .sin6_port = htons(port) };

	return listen_at((struct sockaddr *)&a, sizeof a);
}

/* Both sockets at one port; fds[1] is -1 on a machine without IPv6. */
static bool listen_both(int fds[2], uint16_t *ret_port)
{
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		fds[0] = listen_v4(ret_port);
		if (fds[0] < 0)
			return false;
		fds[1] = listen_v6(*ret_port);
		if (fds[1] >= 0 || errno != EADDRINUSE)
			return true;
		close(fds[0]);
	}
	errno = EADDRINUSE;
	return false;
}

struct web_page *web_page_open(struct web *w)
{
	struct web_page *p = calloc(1, sizeof *p);
	int fds[2];

	if (p == NULL || !listen_both(fds, &p->port)) {
		free(p);
		return NULL;
	}
	p->web = w;
	p->server = http_server_new(&w->loop, &limits, &web_handler, p);
	if (p->server == NULL) {
		close(fds[0]);
		if (fds[1] >= 0)
			close(fds[1]);
		free(p);
		errno = ENOMEM;
		return NULL;
	}
	p->next = w->pages;
	w->pages = p;
	if (http_listen(p->server, fds[0], "127.0.0.1") != ERR_OK ||
	    (fds[1] >= 0 && http_listen(p->server, fds[1], "::1") != ERR_OK)) {
		web_page_close(p);
		errno = ENOMEM;
		return NULL;
	}
	return p;
}

static void on_closed(void *ctx)
{
	struct web_page *p = ctx;

	p->closed = true;
}

void web_page_close(struct web_page *p)
{
	http_server_stop(p->server, on_closed);
}

void web_pages_free(struct web *w)
{
	while (w->pages != NULL) {
		struct web_page *p = w->pages;

		w->pages = p->next;
		http_server_free(p->server);
		free(p);
	}
}
