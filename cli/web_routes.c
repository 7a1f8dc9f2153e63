/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request to the page gets.
 *
 *   GET  /l/SECRET   a page with one button                     anyone of this user
 *   POST /open       trades the secret for a session, once      anyone of this user
 *   GET  /q/ID       the question                               session
 *   POST /q/ID       the answer                                 session
 *   GET  /           the oldest open question                   session
 *   GET  /style.css  how it looks                               anyone of this user
 *   GET  /time/N.css when to say that time runs out, N seconds  anyone of this user
 *
 * Opening the link does not use it up, so that a preview or a virus scanner cannot; pressing
 * its button does. The secret is no use to another user of the machine: the kernel says whose
 * the other end of a connection is.
 *
 * Referrer-Policy is same-origin because a browser posts forms of a no-referrer page with
 * "Origin: null" (Fetch, section "Append a request Origin header"); nothing goes to other
 * origins either way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/web.h"
#include "cli/web_page.h"
#include "common/clock.h"

#define PAGE_BYTES_MAX (256u << 20)
#define REASON_BYTES   1001

struct call {
	struct web *w;
	struct web_page *page;
	struct http_exchange *x;
	const struct http_request *r;
	struct span rest; /* of the path, after the route's part */
};

static void reply(struct call *k, int status, const char *type, const struct http_field *more,
		  struct span body)
{
	struct http_field fields[] = {
		{ "Content-Security-Policy",
		  "default-src 'none'; style-src 'self'; form-action 'self'; "
		  "frame-ancestors 'none'; base-uri 'none'" },
		{ "X-Frame-Options", "DENY" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Referrer-Policy", "same-origin" },
		{ "Cache-Control", "no-store" },
		{ NULL, NULL },
		{ NULL, NULL },
	};
	unsigned n = LEN(fields) - 2;

	for (; more != NULL && more->name != NULL && n < LEN(fields); more++)
		fields[n++] = *more;
	http_reply(k->x, status, type, fields, n, body);
}

static void reply_page(struct call *k, int status, struct buf *html)
{
	static const struct http_field allow[] = { { "Allow", "GET, HEAD, POST" },
						   { NULL, NULL } };

	if (html->failed)
		reply(k, 500, "text/plain; charset=utf-8", NULL,
		      SPAN_LITERAL("The page is larger than its limit; see: hither consent "
				   "show\n"));
	else
		reply(k, status, "text/html; charset=utf-8", status == 405 ? allow : NULL,
		      buf_span(html));
	buf_free(html);
}

static void reply_message(struct call *k, int status, const char *title, const char *message,
			  const char *next)
{
	struct buf html;

	buf_init(&html, PAGE_BYTES_MAX);
	web_page_message(&html, title, message, next);
	reply_page(k, status, &html);
}

static void redirect(struct call *k, const char *id, const char *cookie)
{
	char location[64];
	struct http_field fields[3] = { { "Location", location },
					{ cookie != NULL ? "Set-Cookie" : NULL, cookie },
					{ NULL, NULL } };

	snprintf(location, sizeof location, "/q/%s", id);
	reply(k, 303, "text/plain; charset=utf-8", fields, SPAN_LITERAL("See the question.\n"));
}

/* --- sessions ------------------------------------------------------------------------ */

/* Cookies know no ports (RFC 6265 section 8.5): the name keeps two pages apart. */
static void cookie_name(const struct web_page *p, char out[32])
{
	snprintf(out, 32, "hither-%u", p->port);
}

static bool in_session(struct call *k)
{
	struct span given;
	char name[32];

	cookie_name(k->page, name);
	if (!web_cookie(http_header(k->x, "Cookie"), name, &given))
		return false;
	for (unsigned i = 0; i < WEB_SESSIONS_MAX; i++)
		if (web_secret_is(&k->w->sessions[i], given, clock_boot_ms()))
			return true;
	return false;
}

static bool need_session(struct call *k)
{
	if (in_session(k))
		return true;
	reply_message(k, 403, "This page needs its link",
		      "Open the link that was shown for the question. A link works once, and "
		      "for 5 minutes; hither consent list shows what is open.",
		      NULL);
	return false;
}

static struct web_question *by_link(struct web *w, struct span secret)
{
	for (unsigned i = 0; i < w->n_questions; i++)
		if (web_secret_is(&w->questions[i].link, secret, clock_boot_ms()))
			return &w->questions[i];
	return NULL;
}

static void used_link(struct call *k)
{
	reply_message(k, 403, "This link does not work any more",
		      "It was used, it is older than 5 minutes, or the question is over. "
		      "Nothing was decided here.",
		      NULL);
}

static void get_link(struct call *k)
{
	struct web_question *q = by_link(k->w, k->rest);
	struct buf html;

	if (q == NULL) {
		used_link(k);
		return;
	}
	buf_init(&html, PAGE_BYTES_MAX);
	web_page_link(&html, q->link.text);
	reply_page(k, 200, &html);
}

/* A session of five minutes from now, and on to the question. */
static void enter(struct call *k, const char *id)
{
	struct web_secret *s = &k->w->sessions[k->w->next_session++ % WEB_SESSIONS_MAX];
	char name[32], cookie[160];

	web_secret_new(s, clock_boot_ms());
	cookie_name(k->page, name);
	snprintf(cookie, sizeof cookie, "%s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Strict",
		 name, s->text, WEB_SECRET_LIFE_MS / 1000);
	redirect(k, id, cookie);
}

static void post_open(struct call *k)
{
	char secret[WEB_SECRET_BYTES];
	struct web_question *q = NULL;

	if (web_form_value(k->r->body, "link", secret, sizeof secret))
		q = by_link(k->w, span_of(secret));
	if (q == NULL) {
		used_link(k);
		return;
	}
	web_secret_forget(&q->link);
	enter(k, q->id);
}

/* --- the question -------------------------------------------------------------------- */

static void gone(struct call *k)
{
	reply_message(k, 404, "No such question",
		      "It is over or never was. Nothing was decided here.",
		      k->w->n_questions > 0 ? k->w->questions[0].id : NULL);
}

static void get_question(struct call *k)
{
	struct web_question *known;
	struct buf html;
	cJSON *q;

	if (!need_session(k))
		return;
	known = web_question_find(k->w, k->rest);
	q = known != NULL ? web_fetch(k->w, known->id) : NULL;
	if (json_get_string(q, "nonce") == NULL) {
		gone(k);
	} else {
		buf_init(&html, PAGE_BYTES_MAX);
		web_page_question(&html, q, clock_wall_ms());
		reply_page(k, 200, &html);
	}
	cJSON_Delete(q);
}

static void get_first(struct call *k)
{
	if (!need_session(k))
		return;
	if (k->w->n_questions > 0)
		redirect(k, k->w->questions[0].id, NULL);
	else
		gone(k);
}

/* The answer's three words; false when there are not three. */
static bool split_answer(char *text, struct web_words *words)
{
	char *save = NULL;

	words->decision = strtok_r(text, " ", &save);
	words->scope = strtok_r(NULL, " ", &save);
	words->mode = strtok_r(NULL, " ", &save);
	if (words->mode == NULL)
		return false;
	if (strcmp(words->mode, "-") == 0)
		words->mode = NULL;
	return true;
}

static void reply_outcome(struct call *k, const struct web_reply *g, bool approve)
{
	const char *next = k->w->n_questions > 0 ? k->w->questions[0].id : NULL;
	char message[400];

	if (g->status != 200) {
		snprintf(message, sizeof message, "%s. This answer changed nothing.",
			 g->message[0] != '\0' ? g->message
					       : "The daemon refused without saying why");
		reply_message(k, g->status == 0 ? 502 : g->status, "Nothing was decided here",
			      message, next);
		return;
	}
	if (!approve)
		reply_message(k, 200, "Kept on this device", "Nothing was sent.", next);
	else if (strcmp(g->outcome, "granted") != 0 && strcmp(g->outcome, "approved") != 0)
		reply_message(k, 200, "Not sent", g->outcome, next);
	else if (g->permission[0] != '\0') {
		snprintf(message, sizeof message,
			 "This permission lasts; take it back with: hither consent revoke %s",
			 g->permission);
		reply_message(k, 200, "Sent", message, next);
	} else {
		reply_message(k, 200, "Sent, once",
			      "There is a receipt: hither consent receipts", next);
	}
}

static void post_question(struct call *k)
{
	char id[TEXT_ULID_BYTES], nonce[128], digest[128], answer[64], until[32],
		reason[REASON_BYTES];
	struct web_words words = { .nonce = nonce, .digest = digest };
	struct web_question *known;
	struct web_reply g;

	if (!need_session(k))
		return;
	known = web_question_find(k->w, k->rest);
	if (known == NULL) {
		gone(k);
		return;
	}
	if (!web_form_value(k->r->body, "nonce", nonce, sizeof nonce) ||
	    !web_form_value(k->r->body, "digest", digest, sizeof digest) ||
	    !web_form_value(k->r->body, "answer", answer, sizeof answer) ||
	    !split_answer(answer, &words)) {
		reply_message(k, 400, "Nothing was decided here",
			      "The form was not complete. Look at the question again.",
			      known->id);
		return;
	}
	if (web_form_value(k->r->body, "until", until, sizeof until) &&
	    strcmp(words.scope, "until") == 0)
		words.until = until;
	if (web_form_value(k->r->body, "reason", reason, sizeof reason))
		words.reason = reason;
	memcpy(id, known->id, sizeof id);
	web_answer(k->w, id, &words, &g);
	if (g.status == 200 && strcmp(words.decision, "extend") == 0) {
		enter(k, id); /* more time to answer is more time for the page */
		return;
	}
	if (g.status == 200 || g.status == 404) /* other ends are told by events */
		web_question_over(k->w, id);
	reply_outcome(k, &g, strcmp(words.decision, "approve") == 0);
}

static void get_style(struct call *k)
{
	reply(k, 200, "text/css; charset=utf-8", NULL, span_of(web_style));
}

/* "N.css", N whole seconds. */
static void get_time(struct call *k)
{
	char digits[8];
	struct buf css;
	size_t n = 0;

	while (n < k->rest.len && k->rest.ptr[n] >= '0' && k->rest.ptr[n] <= '9')
		n++;
	if (n == 0 || !span_copy((struct span){ k->rest.ptr, n }, digits, sizeof digits) ||
	    !span_is((struct span){ k->rest.ptr + n, k->rest.len - n }, ".css")) {
		reply_message(k, 404, "No such page", "There is nothing here.", NULL);
		return;
	}
	buf_init(&css, 1024);
	web_time_style(&css, (unsigned)strtoul(digits, NULL, 10));
	reply(k, 200, "text/css; charset=utf-8", NULL, buf_span(&css));
	buf_free(&css);
}

/* --- which one ----------------------------------------------------------------------- */

static const struct {
	const char *method, *path;
	bool prefix; /* the rest of the path is an argument */
	void (*handle)(struct call *k);
} table[] = {
	{ "GET", "/l/", true, get_link },     { "POST", "/open", false, post_open },
	{ "GET", "/q/", true, get_question }, { "POST", "/q/", true, post_question },
	{ "GET", "/", false, get_first },     { "GET", "/style.css", false, get_style },
	{ "GET", "/time/", true, get_time },
};

static void dispatch(struct call *k)
{
	bool read = !span_is(k->r->method, "POST");

	for (size_t i = 0; i < LEN(table); i++) {
		size_t n = strlen(table[i].path);

		if ((strcmp(table[i].method, "GET") == 0) != read)
			continue;
		if (!table[i].prefix && !span_is(k->r->path, table[i].path))
			continue;
		if (table[i].prefix && !span_starts(k->r->path, table[i].path))
			continue;
		k->rest = (struct span){ k->r->path.ptr + n, k->r->path.len - n };
		table[i].handle(k);
		return;
	}
	reply_message(k, 404, "No such page", "Open the link that was shown for the question.",
		      NULL);
}

static bool stands_twice(const struct http_exchange *x)
{
	static const char *const names[] = { "Host", "Origin", "Sec-Fetch-Site",
					     "Content-Type" };

	for (size_t i = 0; i < LEN(names); i++)
		if (http_header_count(x, names[i]) > 1)
			return true;
	return false;
}

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct web_page *page = ctx;
	struct call k = { .w = page->web, .page = page, .x = x, .r = r };
	struct web_origin o = { .method = r->method,
				.host = http_header(x, "Host"),
				.origin = http_header(x, "Origin"),
				.site = http_header(x, "Sec-Fetch-Site"),
				.content_type = http_header(x, "Content-Type"),
				.twice = stands_twice(x) };
	struct web_refusal no;

	if (!web_guard_allows(&o, page->port, &no))
		reply_message(&k, no.status, "Not accepted", no.why, NULL);
	else if (!web_owner_is(strcmp(r->peer->listener, "::1") == 0, r->peer->port, page->port,
			       getuid()))
		reply_message(&k, 403, "Not accepted", "This page is another user's.", NULL);
	else
		dispatch(&k);
}

static void nothing(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	(void)x;
}

const struct http_handler web_handler = {
	.on_request = on_request, .on_gone = nothing, .on_drain = nothing, .on_done = nothing
};
