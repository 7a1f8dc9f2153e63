/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange: refused here, or sent on over a connection of its own.
 *
 *   on_request -> guard -> http_call_start_with
 *   the daemon's head   -> http_begin        body -> http_write, paused while it is full
 *   its end             -> http_end, or http_abort when it was cut: a cut stream stays cut
 *   the program left    -> http_call_cancel, which the daemon sees as a client that left
 *
 * Invariants
 *   1. Authorization, x-api-key, Host, Origin and Cookie never reach the daemon: only the
 *      fields of `passed` do, and those that say whose request it is.
 *   2. Hither-Max-Tier is never wider than the one this relay was given.
 *   3. A request is sent on at most once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/run.h"
#include "cli/web_guard.h"
#include "dialect/dialect.h"
#include "http/client.h"
#include "http/server.h"
#include "policy/policy.h"

#define REPLY_FIELDS     32
#define FIELD_BYTES_MAX  32768
#define ERROR_BYTES_MAX  4096
#define KNOWN_SOCKETS    64
#define BODY_BYTES_MAX   67108864u /* the most that limits.body_bytes can allow */
#define DAY_MS           86400000u /* a question may wait for its person */
#define OUTPUT_BYTES_MAX 262144u
#define CONNECTIONS_MAX  256u

struct run_relay {
	struct run_options o;
	uv_loop_t *loop;
	struct http_server *server;
	uint16_t port;
	/* Connections whose other end was found in the program's tree: the socket's number
	 * is not given to another one while it is open. */
	uint64_t known[KNOWN_SOCKETS];
	unsigned n_known;
};

struct call {
	struct run_relay *relay;
	struct http_exchange *x;
	struct http_call *call;
	const struct client_dialect *dialect;
	struct buf fields; /* name NUL value NUL … of the daemon's head */
	unsigned n_fields;
};

/* --- errors of our own ------------------------------------------------------------------ */

static void reply_error(struct http_exchange *x, const struct client_dialect *d, int status,
			const char *code, const char *why)
{
	struct chat_problem p = { .status = status };
	struct buf body;

	snprintf(p.code, sizeof p.code, "%s", code);
	snprintf(p.message, sizeof p.message, "%s", why);
	buf_init(&body, ERROR_BYTES_MAX);
	d->error_body(&p, &body);
	http_reply(x, status, "application/json", NULL, 0, buf_span(&body));
	buf_free(&body);
}

static const struct client_dialect *dialect_of(struct http_exchange *x, struct span path)
{
	const struct client_dialect *d =
		client_dialect_find(path, http_header(x, "anthropic-version").ptr != NULL);

	return d != NULL ? d : &dialect_openai_chat;
}

/* --- who asks ---------------------------------------------------------------------------- */

static bool twice(const struct http_exchange *x)
{
	static const char *const names[] = { "Host",          "Origin",    "Sec-Fetch-Site",
					     "Authorization", "x-api-key", "Hither-Max-Tier" };

	for (size_t i = 0; i < LEN(names); i++)
		if (http_header_count(x, names[i]) > 1)
			return true;
	return false;
}

static bool is_known(const struct run_relay *r, uint64_t inode)
{
	for (unsigned i = 0; i < KNOWN_SOCKETS; i++)
		if (r->known[i] == inode)
			return true;
	return false;
}

/* The program itself, as far as the kernel shows it. */
static bool from_below(struct run_relay *r, uint16_t peer_port)
{
	struct web_owner o;

	if (!web_owner_look(false, peer_port, r->port, &o) || o.uid != getuid() || o.inode == 0)
		return false;
	if (is_known(r, o.inode))
		return true;
	if (!run_socket_below(getpid(), o.inode))
		return false;
	r->known[r->n_known++ % KNOWN_SOCKETS] = o.inode;
	return true;
}

static bool may_pass(struct run_relay *r, const struct http_exchange *x,
		     const struct http_peer *peer, struct run_refusal *reterr)
{
	const struct run_origin o = { .host = http_header(x, "Host"),
				      .origin = http_header(x, "Origin"),
				      .site = http_header(x, "Sec-Fetch-Site"),
				      .authorization = http_header(x, "Authorization"),
				      .api_key = http_header(x, "x-api-key"),
				      .twice = twice(x) };

	if (!run_guard_allows(&o, r->port, r->o.token, reterr))
		return false;
	if (r->o.token != NULL ? web_owner_is(false, peer->port, r->port, getuid())
			       : from_below(r, peer->port))
		return true;
	*reterr = (struct run_refusal){ 403, "other_program",
					"This port serves the program that hither run started, "
					"and what that started." };
	return false;
}

/* --- the request on its way --------------------------------------------------------------- */

static int tier_rank(struct span word)
{
	enum policy_tier t;

	return policy_tier_from(word, &t) ? (int)t : -1;
}

static void put_field(struct buf *b, const char *name, struct span value)
{
	if (value.ptr == NULL)
		return;
	buf_add_str(b, name);
	buf_add_str(b, ": ");
	buf_add(b, value);
	buf_add_str(b, "\r\n");
}

/* The narrower of the two; a word that is none goes on, for the daemon to refuse. */
static struct span narrower(const struct run_relay *r, struct span asked)
{
	struct span ours = span_of(r->o.max_tier);

	if (ours.ptr == NULL)
		return asked;
	if (asked.ptr == NULL || tier_rank(asked) > tier_rank(ours))
		return ours;
	return asked;
}

static void put_fields(const struct run_relay *r, const struct http_exchange *x, struct buf *b)
{
	static const char *const passed[] = { "Content-Type",     "Accept",
					      "Hither-Consent",   "Hither-Interactive",
					      "Hither-Draft",     "Hither-Cascade",
					      "anthropic-version" };

	for (size_t i = 0; i < LEN(passed); i++)
		put_field(b, passed[i], http_header(x, passed[i]));
	put_field(b, "Hither-App", span_of(r->o.app));
	put_field(b, "Hither-Max-Tier", narrower(r, http_header(x, "Hither-Max-Tier")));
}

int run_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* --- the reply on its way back -------------------------------------------------------------
 */

static bool is_framing(struct span name)
{
	static const char *const names[] = { "Connection",        "Keep-Alive",
					     "Transfer-Encoding", "Trailer",
					     "Content-Length",    "Content-Type",
					     "Upgrade",           "Date" };

	for (size_t i = 0; i < LEN(names); i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return false;
}

static void on_field(void *ctx, struct span name, struct span value)
{
	struct call *k = ctx;

	if (is_framing(name) || k->n_fields == REPLY_FIELDS)
		return;
	buf_add(&k->fields, name);
	buf_add_char(&k->fields, '\0');
	buf_add(&k->fields, value);
	buf_add_char(&k->fields, '\0');
	k->n_fields++;
}

static void on_head(void *ctx, int status, struct span content_type)
{
	struct http_field fields[REPLY_FIELDS];
	struct call *k = ctx;
	const char *at = k->fields.ptr;
	char type[128];

	for (unsigned i = 0; i < k->n_fields && !k->fields.failed; i++) {
		fields[i].name = at;
		fields[i].value = at + strlen(at) + 1;
		at = fields[i].value + strlen(fields[i].value) + 1;
	}
	(void)span_copy(content_type, type, sizeof type);
	http_begin(k->x, status, type[0] != '\0' ? type : NULL, fields,
		   k->fields.failed ? 0 : k->n_fields);
}

static void on_data(void *ctx, struct span bytes)
{
	struct call *k = ctx;

	if (!http_write(k->x, bytes))
		http_call_pause(k->call, true);
}

static void on_end(void *ctx, enum err why, bool reusable)
{
	struct call *k = ctx;

	(void)reusable;
	k->call = NULL;
	if (why == ERR_OK)
		http_end(k->x);
	else if (http_begun(k->x))
		http_abort(k->x);
	else
		reply_error(k->x, k->dialect, 502, "daemon_gone",
			    "hither's daemon gave no answer; see: hither status");
}

static const struct http_call_handler call_handler = { .on_head = on_head,
						       .on_data = on_data,
						       .on_end = on_end };

/* --- the server's side ----------------------------------------------------------------------
 */

static enum err send_on(struct call *k, const struct http_request *r)
{
	static const struct http_call_limits limits = { .header_bytes = FIELD_BYTES_MAX,
							.first_byte_timeout_ms = DAY_MS,
							.gap_timeout_ms = DAY_MS,
							.total_bytes = UINT64_MAX };
	bool head = span_is(r->method, "HEAD"); /* its reply has no body to wait for */
	char method[16];
	struct buf target, fields;
	int fd = run_connect(k->relay->o.socket);

	if (fd < 0)
		return ERR_PEER_GONE;
	buf_init(&target, FIELD_BYTES_MAX);
	buf_init(&fields, FIELD_BYTES_MAX);
	buf_add(&target, r->path);
	if (r->query.len > 0) {
		buf_add_char(&target, '?');
		buf_add(&target, r->query);
	}
	put_fields(k->relay, k->x, &fields);
	if (target.failed || fields.failed || !span_copy(r->method, method, sizeof method))
		close(fd);
	else
		k->call = http_call_start_with(
			k->relay->loop, fd,
			&(struct http_call_request){ .method = head ? "GET" : method,
						     .target = buf_span(&target),
						     .fields = buf_span(&fields),
						     .body = r->body,
						     .on_field = on_field },
			&limits, &call_handler, k);
	buf_free(&target);
	buf_free(&fields);
	return k->call != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct run_relay *relay = ctx;
	const struct client_dialect *d = dialect_of(x, r->path);
	struct run_refusal no;
	struct call *k;

	if (!may_pass(relay, x, r->peer, &no)) {
		reply_error(x, d, no.status, no.code, no.why);
		return;
	}
	k = calloc(1, sizeof *k);
	if (k == NULL) {
		reply_error(x, d, 503, "no_memory", "There is no memory for this request.");
		return;
	}
	k->relay = relay;
	k->x = x;
	k->dialect = d;
	buf_init(&k->fields, FIELD_BYTES_MAX);
	http_set_user(x, k);
	switch (send_on(k, r)) {
	case ERR_OK:
		break;
	case ERR_PEER_GONE:
		reply_error(x, d, 503, "daemon_not_running",
			    "hither's daemon does not answer; see: hither status");
		break;
	default:
		reply_error(x, d, 503, "no_memory", "There is no room for this request.");
	}
}

static void on_gone(void *ctx, struct http_exchange *x)
{
	struct call *k = http_user(x);

	(void)ctx;
	if (k == NULL)
		return;
	http_call_cancel(k->call);
	k->call = NULL;
}

static void on_drain(void *ctx, struct http_exchange *x)
{
	struct call *k = http_user(x);

	(void)ctx;
	if (k != NULL && k->call != NULL)
		http_call_pause(k->call, false);
}

static void on_done(void *ctx, struct http_exchange *x)
{
	struct call *k = http_user(x);

	(void)ctx;
	if (k == NULL)
		return;
	http_call_cancel(k->call);
	buf_free(&k->fields);
	free(k);
}

static const struct http_handler server_handler = {
	.on_request = on_request, .on_gone = on_gone, .on_drain = on_drain, .on_done = on_done
};

static int listen_loopback(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	*ret_port = ntohs(a.sin_port);
	return fd;
}

struct run_relay *run_relay_open(uv_loop_t *loop, const struct run_options *o,
				 uint16_t *ret_port)
{
	static const struct http_limits limits = { .request_line_bytes = 8192,
						   .headers = 100,
						   .header_bytes = 32768,
						   .body_bytes = BODY_BYTES_MAX,
						   .header_timeout_ms = 10000,
						   .body_timeout_ms = 60000,
						   .idle_timeout_ms = 120000,
						   .connections = CONNECTIONS_MAX,
						   .connections_per_uid = CONNECTIONS_MAX,
						   .output_buffer_bytes = OUTPUT_BYTES_MAX };
	struct run_relay *r = calloc(1, sizeof *r);
	int fd = r != NULL ? listen_loopback(&r->port) : -1;

	if (fd < 0) {
		free(r);
		return NULL;
	}
	r->o = *o;
	r->loop = loop;
	r->server = http_server_new(loop, &limits, &server_handler, r);
	if (r->server == NULL)
		close(fd);
	if (r->server == NULL || http_listen(r->server, fd, "127.0.0.1") != ERR_OK) {
		errno = ENOMEM; /* and the process ends: nothing to give back */
		return NULL;
	}
	*ret_port = r->port;
	return r;
}
