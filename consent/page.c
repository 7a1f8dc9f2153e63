/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   LOCKED --POST /start with the token--> OPEN (cookie) --PAGE_COOKIE_S--> LOCKED for good
 *
 * Invariants
 *   1. No handler runs before page_refusal() said that the request comes from our own page.
 *   2. Nothing about a question is told without the cookie.
 *   3. The token is forgotten when it is redeemed; a wrong one three times ends it too.
 */
#include "consent/page.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "consent/page_view.h"
#include "crypto/crypto.h"
#include "http/server.h"

#define SECRET_HEX    33
#define PAGE_MAX      (64u << 20)
#define LOOK_EVERY_MS 2000
#define TRIES_MAX     3

struct page {
	const struct page_setup *setup;
	uv_loop_t loop;
	uv_signal_t interrupt, terminate;
	uv_timer_t look;
	struct http_server *server;
	int port;
	char token[SECRET_HEX];  /* empty once redeemed */
	char cookie[SECRET_HEX]; /* empty until then */
	unsigned tries;
	uint64_t cookie_until_ms, busy_ms;
};

/* --- replies ------------------------------------------------------------------------- */

static void reply(struct http_exchange *x, int status, const char *extra, const char *value,
		  struct buf *body)
{
	const struct http_field fields[] = {
		{ "Content-Security-Policy",
		  "default-src 'none'; style-src 'self'; form-action "
		  "'self'; frame-ancestors 'none'; base-uri 'none'" },
		{ "X-Frame-Options", "DENY" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cache-Control", "no-store" },
		{ extra, value },
	};

	http_reply(x, body->failed ? 500 : status, "text/html; charset=utf-8", fields,
		   extra != NULL ? LEN(fields) : LEN(fields) - 1, buf_span(body));
	buf_free(body);
}

static void note(struct http_exchange *x, int status, const char *title, const char *text,
		 const char *link, const char *link_text)
{
	struct buf b;

	buf_init(&b, PAGE_MAX);
	page_write_note(title, text, link, link_text, &b);
	reply(x, status, NULL, NULL, &b);
}

/* --- who may -------------------------------------------------------------------------- */

/* Our own address, in one of its three spellings. */
static bool own_host(const struct page *p, struct span host)
{
	static const char *const names[] = { "127.0.0.1", "[::1]", "localhost" };
	char want[64];

	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(want, sizeof want, "%s:%d", names[i], p->port);
		if (span_is(host, want))
			return true;
	}
	return false;
}

/* NULL when the request comes from our own page (or the address bar). */
static const char *page_refusal(const struct page *p, struct http_exchange *x,
				const struct http_request *r)
{
	struct span host = http_header(x, "Host"), origin = http_header(x, "Origin");
	struct span site = http_header(x, "Sec-Fetch-Site"),
		    type = http_header(x, "Content-Type");
	char want[96];

	if (!own_host(p, host))
		return "the address is not this page's own";
	if (span_is(r->method, "GET"))
		return NULL;
	snprintf(want, sizeof want, "http://%.*s", (int)host.len, host.ptr);
	if (!span_is(origin, want))
		return "the form was not sent from this page";
	if (site.ptr != NULL && !span_is(site, "same-origin") && !span_is(site, "none"))
		return "the form was sent from another site";
	if (!span_is(type, "application/x-www-form-urlencoded"))
		return "the form has another type";
	return NULL;
}

static bool same_secret(const char *ours, struct span theirs)
{
	struct crypto_sha256 a, b;

	if (ours[0] == '\0')
		return false;
	crypto_sha256(span_of(ours),
		      &a); /* digests, so that comparing tells no length either */
	crypto_sha256(theirs, &b);
	return crypto_sha256_equal(&a, &b);
}

static bool has_cookie(const struct page *p, struct http_exchange *x)
{
	struct span all = http_header(x, "Cookie");

	while (p->cookie_until_ms > clock_boot_ms() && all.len > 0) {
		const char *end = memchr(all.ptr, ';', all.len);
		struct span one = { all.ptr, end != NULL ? (size_t)(end - all.ptr) : all.len };

		all.ptr += one.len + (end != NULL);
		all.len -= one.len + (end != NULL);
		one = span_trim(one);
		if (span_starts(one, "hither=") &&
		    same_secret(p->cookie, (struct span){ one.ptr + 7, one.len - 7 }))
			return true;
	}
	return false;
}

/* --- pages ---------------------------------------------------------------------------- */

static cJSON *fetch(struct page *p, const char *path, int *status)
{
	struct json_limits limits = json_limits_api;
	struct json_where where;
	struct buf b;
	cJSON *root = NULL;

	limits.max_string_bytes = PAGE_MAX;
	buf_init(&b, PAGE_MAX);
	if (p->setup->call(p->setup->ctx, "GET", path, (struct span){ NULL, 0 }, status, &b) !=
		    ERR_OK ||
	    *status != 200 || json_parse(buf_span(&b), &limits, &root, &where) != ERR_OK)
		root = NULL;
	buf_free(&b);
	return root;
}

static void get_list(struct page *p, struct http_exchange *x)
{
	int status = 0;
	cJSON *list = fetch(p, "/hither/v1/consents", &status);
	struct buf b;

	if (list == NULL) {
		note(x, 503, "hither is not there", "The daemon does not answer: hither status",
		     "/", "Try again");
		return;
	}
	buf_init(&b, PAGE_MAX);
	page_write_list(list, &b);
	cJSON_Delete(list);
	reply(x, 200, NULL, NULL, &b);
}

static bool question_path(struct span path, char *out, size_t out_bytes)
{
	struct span id = { path.ptr + 3, path.len - 3 };

	return text_is_ulid(id) && (size_t)snprintf(out, out_bytes, "/hither/v1/consents/%.*s",
						    (int)id.len, id.ptr) < out_bytes;
}

static void get_question(struct page *p, struct http_exchange *x, struct span path)
{
	char api[96];
	int status = 0;
	cJSON *q = question_path(path, api, sizeof api) ? fetch(p, api, &status) : NULL;
	struct buf b;

	if (q == NULL || json_get_string(q, "nonce") == NULL) {
		cJSON_Delete(q);
		note(x, 404, "This question is over",
		     "It was answered, withdrawn, or its time is up.", "/",
		     "All open questions");
		return;
	}
	buf_init(&b, PAGE_MAX);
	page_write_question(q, &b);
	cJSON_Delete(q);
	reply(x, 200, NULL, NULL, &b);
}

static const struct choice {
	const char *word, *decision, *scope, *mode;
} choices[] = {
	{ "keep", "deny", "once", NULL },
	{ "once", "approve", "once", "redacted" },
	{ "session", "approve", "session", "redacted" },
	{ "as_is", "approve", "once", "as_is" },
	{ "later", "dismiss", NULL, NULL },
	{ "more_time", "extend", NULL, NULL },
};

static void write_answer(const struct choice *c, const char *nonce, const char *digest,
			 struct buf *b)
{
	buf_add_char(b, '{');
	json_put_key_cstr(b, "nonce", nonce);
	json_put_key_cstr(b, "digest", digest);
	json_put_key_cstr(b, "decision", c->decision);
	if (c->scope != NULL)
		json_put_key_cstr(b, "scope", c->scope);
	if (c->mode != NULL)
		json_put_key_cstr(b, "mode", c->mode);
	buf_add_char(b, '}');
}

static void post_question(struct page *p, struct http_exchange *x, const struct http_request *r)
{
	char api[96], nonce[64], digest[96], word[16],
		text[300] = "The daemon does not answer.";
	const struct choice *c = NULL;
	struct json_where where;
	struct buf body, out;
	cJSON *root = NULL;
	int status = 0;

	if (page_form_value(r->body, "choice", word, sizeof word))
		for (size_t i = 0; i < LEN(choices); i++)
			c = strcmp(word, choices[i].word) == 0 ? &choices[i] : c;
	if (c == NULL || !question_path(r->path, api, sizeof api) ||
	    !page_form_value(r->body, "nonce", nonce, sizeof nonce) ||
	    !page_form_value(r->body, "digest", digest, sizeof digest)) {
		note(x, 400, "That was no answer", "The form is not complete.", "/",
		     "All open questions");
		return;
	}
	buf_init(&body, 4096);
	buf_init(&out, 1 << 20);
	write_answer(c, nonce, digest, &body);
	if (p->setup->call(p->setup->ctx, "POST", api, buf_span(&body), &status, &out) ==
		    ERR_OK &&
	    json_parse(buf_span(&out), &json_limits_api, &root, &where) == ERR_OK) {
		const char *said = json_get_string(
			status == 200 ? root : json_get_object(root, "error"), "message");

		snprintf(text, sizeof text, "%s", said != NULL ? said : "done");
	}
	cJSON_Delete(root);
	buf_free(&body);
	buf_free(&out);
	note(x,
	     status == 200 ? 200
	     : status == 0 ? 503
			   : 409,
	     status == 200 ? "Done" : "Nothing was changed", text, "/", "All open questions");
}

static void post_start(struct page *p, struct http_exchange *x, const struct http_request *r)
{
	char token[64], cookie[160];
	uint8_t secret[16];
	struct buf b;

	if (!page_form_value(r->body, "t", token, sizeof token) ||
	    !same_secret(p->token, span_of(token))) {
		if (++p->tries >= TRIES_MAX)
			p->token[0] = '\0';
		note(x, 403, "This link is used up", "Ask for a new one: hither consent page",
		     "", "");
		return;
	}
	p->token[0] = '\0';
	crypto_random(secret, sizeof secret);
	text_hex(secret, sizeof secret, p->cookie);
	p->cookie_until_ms = clock_boot_ms() + PAGE_COOKIE_S * 1000;
	snprintf(cookie, sizeof cookie,
		 "hither=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict", p->cookie,
		 PAGE_COOKIE_S);
	buf_init(&b, PAGE_MAX);
	page_write_note("Questions", "The questions are on the next page.", "/", "Show them",
			&b);
	reply(x, 200, "Set-Cookie", cookie, &b);
}

static void get_start(struct http_exchange *x, const struct http_request *r)
{
	char token[64];
	struct buf b;

	if (!page_form_value(r->query, "t", token, sizeof token)) {
		note(x, 403, "This link is not complete",
		     "Ask for a new one: hither consent page", "", "");
		return;
	}
	buf_init(&b, PAGE_MAX);
	page_write_start(token, &b);
	reply(x, 200, NULL, NULL, &b);
}

static void serve(struct page *p, struct http_exchange *x, const struct http_request *r)
{
	bool get = span_is(r->method, "GET");

	if (get && span_is(r->path, "/style.css")) {
		static const struct http_field fields[] = {
			{ "Cache-Control", "no-store" }, { "X-Content-Type-Options", "nosniff" }
		};

		http_reply(x, 200, "text/css; charset=utf-8", fields, LEN(fields),
			   span_of(page_style));
		return;
	}
	p->busy_ms = clock_boot_ms();
	if (span_is(r->path, "/start")) {
		if (get)
			get_start(x, r);
		else
			post_start(p, x, r);
	} else if (!has_cookie(p, x)) {
		note(x, 403, "This page needs its link",
		     "Ask for a new one: hither consent page", "", "");
	} else if (get && span_is(r->path, "/")) {
		get_list(p, x);
	} else if (span_starts(r->path, "/q/") && get) {
		get_question(p, x, r->path);
	} else if (span_starts(r->path, "/q/")) {
		post_question(p, x, r);
	} else {
		note(x, 404, "There is no such page", "", "/", "All open questions");
	}
}

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct page *p = ctx;
	const char *refusal;

	if (!span_is(r->method, "GET") && !span_is(r->method, "POST")) {
		note(x, 405, "Not here", "This page takes GET and POST.", "", "");
		return;
	}
	refusal = page_refusal(p, x, r);
	if (refusal != NULL)
		note(x, 403, "Refused", refusal, "", "");
	else
		serve(p, x, r);
}

/* Every request is answered at once: there is no work to stop. */
static void on_over(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	(void)x;
}

/* --- life ------------------------------------------------------------------------------ */

static int listen_on(int family, int port)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)port),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int on = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = fd >= 0;

	if (ok && family == AF_INET6)
		ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0 &&
		     bind(fd, (struct sockaddr *)&six, sizeof six) == 0;
	else if (ok)
		ok = bind(fd, (struct sockaddr *)&four, sizeof four) == 0;
	if (ok && listen(fd, 16) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static enum err open_port(struct page *p)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;
	int four = listen_on(AF_INET, 0), six;
	enum err e;

	if (four < 0 || getsockname(four, (struct sockaddr *)&at, &len) != 0) {
		if (four >= 0)
			close(four);
		return ERR_SYSTEM;
	}
	p->port = ntohs(at.sin_port);
	six = listen_on(AF_INET6, p->port);
	e = http_listen(p->server, four, "page");
	if (e == ERR_OK && six >= 0)
		e = http_listen(p->server, six, "page");
	return e;
}

static void on_signal(uv_signal_t *s, int number)
{
	(void)number;
	uv_stop(s->loop);
}

static void on_look(uv_timer_t *t)
{
	struct page *p = t->data;
	int status = 0;
	cJSON *list = fetch(p, "/hither/v1/consents", &status);

	if (cJSON_GetArraySize(json_get_array(list, "consents")) > 0)
		p->busy_ms = clock_boot_ms();
	cJSON_Delete(list);
	if (clock_boot_ms() - p->busy_ms >= p->setup->idle_exit_ms)
		uv_stop(&p->loop);
}

static void start_watching(struct page *p)
{
	uv_signal_init(&p->loop, &p->interrupt);
	uv_signal_init(&p->loop, &p->terminate);
	uv_timer_init(&p->loop, &p->look);
	uv_signal_start(&p->interrupt, on_signal, SIGINT);
	uv_signal_start(&p->terminate, on_signal, SIGTERM);
	p->look.data = p;
	p->busy_ms = clock_boot_ms();
	if (p->setup->idle_exit_ms > 0)
		uv_timer_start(&p->look, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
}

static enum err start(struct page *p)
{
	static const struct http_handler handler = { .on_request = on_request,
						     .on_gone = on_over,
						     .on_drain = on_over,
						     .on_done = on_over };
	static const struct http_limits limits = { .request_line_bytes = 2048,
						   .headers = 50,
						   .header_bytes = 16384,
						   .body_bytes = 8192,
						   .header_timeout_ms = 5000,
						   .body_timeout_ms = 5000,
						   .idle_timeout_ms = 30000,
						   .connections = 16,
						   .connections_per_uid = 16,
						   .output_buffer_bytes = 1u << 20 };
	char url[160];
	uint8_t secret[16];
	enum err e;

	p->server = http_server_new(&p->loop, &limits, &handler, p);
	if (p->server == NULL)
		return ERR_NO_MEMORY;
	e = open_port(p);
	if (e != ERR_OK)
		return e;
	crypto_random(secret, sizeof secret);
	text_hex(secret, sizeof secret, p->token);
	start_watching(p);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/start?t=%s", p->port, p->token);
	p->setup->ready(p->setup->ctx, url);
	return ERR_OK;
}

enum err page_run(const struct page_setup *setup)
{
	struct page *p = calloc(1, sizeof *p);
	enum err e;

	if (p == NULL)
		return ERR_NO_MEMORY;
	p->setup = setup;
	if (uv_loop_init(&p->loop) != 0) {
		free(p);
		return ERR_SYSTEM;
	}
	e = start(p);
	if (e == ERR_OK)
		uv_run(&p->loop, UV_RUN_DEFAULT);
	crypto_wipe(p->token, sizeof p->token);
	crypto_wipe(p->cookie, sizeof p->cookie);
	return e; /* the process ends with it: what the loop holds goes with the process */
}
