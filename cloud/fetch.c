/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl says which sockets and which timeout it waits for (multi_socket interface); libuv
 * watches them; what libcurl finds finished is told to its owner.
 *
 *   libcurl --on_curl_socket, on_curl_timeout--> libuv handles
 *   libuv   --on_socket, on_timeout--> curl_multi_socket_action --> reap()
 *
 * Invariants
 *   1. Handlers run inside libcurl except on_end, which runs from reap(); so only on_end may
 *      lead to removal of the easy handle.
 *   2. Bytes are counted from libcurl's trace, which reports what the socket took; its text
 *      is never looked at.
 */
#include "cloud/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "crypto/crypto.h"

#define POLICY_PINS_BYTES 512 /* of all, with what libcurl wants around them */

struct fetcher {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
};

struct watched {
	uv_poll_t poll;
	struct fetcher *fetcher;
	curl_socket_t socket;
};

struct fetch {
	struct fetcher *fetcher;
	CURL *easy;
	struct curl_slist *headers;
	const struct fetch_handler *handler;
	void *ctx;
	struct fetch_count count;
	struct address_rule addresses;
	bool unix_socket, address_refused, too_big, stopped, has_status;
	bool encoded;           /* the head being read names a coding */
	int64_t retry_after_ms; /* of that head; -1: not said */
	char *pem;              /* of the client, wiped at the end */
	size_t pem_bytes;
	uint64_t header_cap, body_cap, header_bytes, body_bytes;
};

/* --- libcurl on libuv ---------------------------------------------------------------- */

static enum fetch_end end_of(const struct fetch *x, CURLcode code)
{
	if (x->too_big)
		return FETCH_TOO_BIG;
	if (x->stopped)
		return FETCH_STOPPED;
	if (x->encoded && code == CURLE_WRITE_ERROR)
		return FETCH_ENCODED;
	switch (code) {
	case CURLE_OK:
		return FETCH_WHOLE;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return FETCH_NO_ADDRESS;
	case CURLE_COULDNT_CONNECT:
		return x->address_refused ? FETCH_ADDRESS_REFUSED : FETCH_NO_CONNECTION;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return FETCH_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_TIMEOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return FETCH_BROKEN;
	default:
		return FETCH_FAILED;
	}
}

static void release(struct fetch *x)
{
	curl_multi_remove_handle(x->fetcher->multi, x->easy);
	curl_easy_cleanup(x->easy);
	for (struct curl_slist *h = x->headers; h != NULL; h = h->next)
		crypto_wipe(h->data, strlen(h->data)); /* one of them is the key */
	curl_slist_free_all(x->headers);
	if (x->pem != NULL)
		crypto_wipe(x->pem, x->pem_bytes);
	free(x->pem);
	free(x);
}

static void reap(struct fetcher *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		struct fetch *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		x->handler->on_end(x->ctx, end_of(x, m->data.result));
		release(x);
	}
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct watched *w = poll->data;
	struct fetcher *f = w->fetcher;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(f->multi, w->socket, flags, &running);
	reap(f);
}

static void on_timeout(uv_timer_t *timer)
{
	struct fetcher *f = timer->data;
	int running;

	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(f);
}

static void on_watched_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void unwatch(struct watched *w)
{
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watched_closed);
}

static struct watched *watch(struct fetcher *f, curl_socket_t socket)
{
	struct watched *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	if (uv_poll_init_socket(f->loop, &w->poll, socket) != 0) {
		free(w);
		return NULL;
	}
	w->fetcher = f;
	w->socket = socket;
	w->poll.data = w;
	return w;
}

static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *assigned)
{
	struct fetcher *f = ctx;
	struct watched *w = assigned;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			unwatch(w);
		curl_multi_assign(f->multi, socket, NULL);
		return 0;
	}
	if (w == NULL) {
		w = watch(f, socket);
		if (w == NULL)
			return -1;
		curl_multi_assign(f->multi, socket, w);
	}
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_socket) == 0 ? 0 : -1;
}

static int on_curl_timeout(CURLM *multi, long timeout_ms, void *ctx)
{
	struct fetcher *f = ctx;

	(void)multi;
	if (timeout_ms < 0)
		return uv_timer_stop(&f->timer);
	return uv_timer_start(&f->timer, on_timeout, (uint64_t)timeout_ms, 0);
}

bool fetch_prepare(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	curl_easy_cleanup(curl_easy_init());
	return true;
}

struct fetcher *fetcher_new(uv_loop_t *loop)
{
	struct fetcher *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || /* counted: cheap now */
	    (f->multi = curl_multi_init()) == NULL) {
		free(f);
		return NULL;
	}
	f->loop = loop;
	f->timer.data = f;
	uv_timer_init(loop, &f->timer);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return f;
}

/* --- one exchange -------------------------------------------------------------------- */

/*
 * A field that says that the body is something else than its bytes (RFC 9110, 8.4; RFC 9112,
 * 7). No coding was offered, so such a reply is either one that cannot be read or a lie.
 */
static bool names_coding(struct span line)
{
	static const struct {
		const char *field, *harmless;
	} rows[] = { { "content-encoding:", "identity" }, { "transfer-encoding:", "chunked" } };

	for (size_t i = 0; i < LEN(rows); i++) {
		size_t n = strlen(rows[i].field);

		if (line.len < n ||
		    !span_is_nocase((struct span){ line.ptr, n }, rows[i].field))
			continue;
		struct span value = span_trim((struct span){ line.ptr + n, line.len - n });
		return value.len > 0 && !span_is_nocase(value, rows[i].harmless);
	}
	return false;
}

/* Retry-After (RFC 9110, 10.2.3): seconds or a date. *io stays when the line says nothing. */
static void read_retry_after(struct span line, int64_t *io)
{
	static const char field[] = "retry-after:";
	struct span name = { line.ptr, sizeof field - 1 };
	char value[64];
	int64_t seconds = -1;

	if (line.len < name.len || !span_is_nocase(name, field) ||
	    !span_copy(span_trim((struct span){ line.ptr + name.len, line.len - name.len }),
		       value, sizeof value))
		return;
	if (value[0] != '\0' && value[strspn(value, "0123456789")] == '\0' && strlen(value) < 7)
		seconds = strtol(value, NULL, 10);
	else if (value[strspn(value, "0123456789")] != '\0' && curl_getdate(value, NULL) >= 0)
		seconds = (int64_t)(curl_getdate(value, NULL) - time(NULL));
	else
		return;
	*io = seconds > 0 ? seconds * 1000 : 0;
}

static size_t on_header(char *line, size_t one, size_t bytes, void *ctx)
{
	struct fetch *x = ctx;
	long status = 0;

	(void)one;
	x->header_bytes += bytes;
	if (x->header_bytes > x->header_cap) {
		x->too_big = true;
		return 0;
	}
	struct span field = { line, bytes };
	if (span_starts(field, "HTTP/")) { /* another head, after a 1xx */
		x->encoded = false;
		x->retry_after_ms = -1;
	}
	read_retry_after(field, &x->retry_after_ms);
	if (names_coding(field))
		x->encoded = true;
	if (bytes > 2 || line[0] != '\r') /* the empty line ends a head */
		return bytes;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && !x->has_status) {
		x->has_status = true;
		x->handler->on_status(x->ctx, (int)status, x->retry_after_ms);
	}
	if (x->encoded && status >= 200 && status <= 299)
		return 0;
	return bytes;
}

static size_t on_body(char *text, size_t one, size_t bytes, void *ctx)
{
	struct fetch *x = ctx;

	(void)one;
	if (x->body_bytes + bytes > x->body_cap) {
		x->too_big = true;
		return CURL_WRITEFUNC_ERROR;
	}
	switch (x->handler->on_bytes(x->ctx, (struct span){ text, bytes })) {
	case FETCH_TAKEN:
		x->body_bytes += bytes;
		return bytes;
	case FETCH_WAIT:
		return CURL_WRITEFUNC_PAUSE;
	default:
		x->stopped = true;
		return CURL_WRITEFUNC_ERROR;
	}
}

static int on_trace(CURL *easy, curl_infotype type, char *text, size_t bytes, void *ctx)
{
	struct fetch *x = ctx;

	(void)easy;
	(void)text;
	if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT) {
		x->count.bytes_out += bytes;
		x->handler->on_written(x->ctx);
	} else if (type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN) {
		x->count.bytes_in += bytes;
	}
	return 0;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *x = ctx;

	(void)purpose;
	if (!x->unix_socket && !address_allowed(&address->addr, &x->addresses)) {
		x->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

struct option {
	CURLoption option;
	long value;
};

static bool set_numbers(CURL *e, const struct fetch_plan *p)
{
	const struct option options[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_POST, 1 },
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
		{ CURLOPT_FRESH_CONNECT, 1 },
		{ CURLOPT_FORBID_REUSE, 1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_MAXREDIRS, 0 },
		{ CURLOPT_AUTOREFERER, 0 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_HTTPAUTH, CURLAUTH_NONE },
		{ CURLOPT_DISALLOW_USERNAME_IN_URL, 1 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_SSL_ENABLE_ALPN, 0 },
		{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
		{ CURLOPT_VERBOSE, 1 }, /* the trace counts bytes */
		{ CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_timeout_ms },
		{ CURLOPT_TIMEOUT_MS, (long)p->total_timeout_ms },
	};

	for (size_t i = 0; i < LEN(options); i++)
		if (curl_easy_setopt(e, options[i].option, options[i].value) != CURLE_OK)
			return false;
	return true;
}

#define SET(option, value) (curl_easy_setopt(x->easy, (option), (value)) == CURLE_OK)

static bool set_callbacks(struct fetch *x)
{
	return SET(CURLOPT_PRIVATE, x) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
	       SET(CURLOPT_HEADERDATA, x) && SET(CURLOPT_WRITEFUNCTION, on_body) &&
	       SET(CURLOPT_WRITEDATA, x) && SET(CURLOPT_DEBUGFUNCTION, on_trace) &&
	       SET(CURLOPT_DEBUGDATA, x) && SET(CURLOPT_OPENSOCKETFUNCTION, on_open) &&
	       SET(CURLOPT_OPENSOCKETDATA, x);
}

/* One text holds certificate and key; libcurl reads from it and keeps no copy. */
static bool set_client(struct fetch *x, struct span pem)
{
	x->pem = malloc(pem.len);
	if (x->pem == NULL)
		return false;
	memcpy(x->pem, pem.ptr, pem.len);
	x->pem_bytes = pem.len;
	struct curl_blob blob = { x->pem, pem.len, CURL_BLOB_NOCOPY };
	return SET(CURLOPT_SSLCERTTYPE, "PEM") && SET(CURLOPT_SSLKEYTYPE, "PEM") &&
	       SET(CURLOPT_SSLCERT_BLOB, &blob) && SET(CURLOPT_SSLKEY_BLOB, &blob);
}

static bool set_trust(struct fetch *x, const struct fetch_plan *p)
{
	char pins[POLICY_PINS_BYTES] = "";
	size_t at = 0;

	if (p->ca_file[0] != '\0' &&
	    !(SET(CURLOPT_CAINFO, p->ca_file) && SET(CURLOPT_CAPATH, NULL)))
		return false;
	if (p->client_pem.len > 0 && !set_client(x, p->client_pem))
		return false;
	for (size_t i = 0; i < p->n_pins; i++) {
		int n = snprintf(pins + at, sizeof pins - at, "%ssha256//%s", i > 0 ? ";" : "",
				 p->pins_sha256[i]);

		if (n < 0 || (size_t)n >= sizeof pins - at)
			return false;
		at += (size_t)n;
	}
	return at == 0 || SET(CURLOPT_PINNEDPUBLICKEY, pins);
}

static bool set_request(struct fetch *x, const struct fetch_plan *p)
{
	for (unsigned i = 0; i < p->n_headers; i++) {
		struct curl_slist *longer = curl_slist_append(x->headers, p->headers[i]);

		if (longer == NULL)
			return false;
		x->headers = longer;
	}
	if (p->at.unix_path[0] != '\0' && !SET(CURLOPT_UNIX_SOCKET_PATH, p->at.unix_path))
		return false;
	return SET(CURLOPT_URL, p->at.url) &&
	       SET(CURLOPT_PROTOCOLS_STR, p->at.plain_http ? "http" : "https") &&
	       SET(CURLOPT_PROXY, p->proxy) && SET(CURLOPT_NOPROXY, p->no_proxy) &&
	       SET(CURLOPT_HTTPHEADER, x->headers) &&
	       SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body.len) &&
	       SET(CURLOPT_POSTFIELDS, p->body.ptr);
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_plan *plan,
			  const struct fetch_handler *handler, void *ctx)
{
	struct fetch *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->fetcher = f;
	x->handler = handler;
	x->ctx = ctx;
	x->addresses = plan->addresses;
	x->unix_socket = plan->at.unix_path[0] != '\0';
	x->header_cap = plan->header_bytes;
	x->body_cap = plan->body_bytes;
	x->easy = curl_easy_init();
	if (x->easy == NULL) {
		free(x);
		return NULL;
	}
	if (!set_numbers(x->easy, plan) || !set_callbacks(x) || !set_trust(x, plan) ||
	    !set_request(x, plan) || curl_multi_add_handle(f->multi, x->easy) != CURLM_OK) {
		release(x);
		return NULL;
	}
	return x;
}

struct fetch_count fetch_count(const struct fetch *x)
{
	return x->count;
}

void fetch_resume(struct fetch *x)
{
	curl_easy_pause(x->easy, CURLPAUSE_CONT);
}

void fetch_cancel(struct fetch *x)
{
	if (x != NULL)
		release(x);
}
