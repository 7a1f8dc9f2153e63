/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check is a comparison with one exact text; nothing is normalised first. No reply here
 * or later carries a CORS field, and OPTIONS is refused, so a browser never learns an answer.
 *
 * Order: what stands twice, Host, Origin and Sec-Fetch-Site, OPTIONS, token, content type. Who
 * does not come from the right place is not told whether the token was right.
 */
#include "router/door.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "dialect/dialect.h"
#include "http/loopback.h"
#include "router/reply.h"

#define PATH_TOKEN "/t/"

void door_key_read(const char *hex, struct door_key *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->known =
		text_unhex(span_of(hex), ret->digest.bytes, sizeof ret->digest.bytes) == ERR_OK;
}

static bool refuse(struct door_refusal *reterr, int status, const char *code,
		   const char *message)
{
	*reterr = (struct door_refusal){ status, code, message };
	return false;
}

/* "null", another port, https and every other site: all are somebody else's page. */
static bool origin_is_host(struct span origin, struct span host)
{
	static const char scheme[] = "http://";
	size_t n = sizeof scheme - 1;

	return span_starts(origin, scheme) &&
	       span_equal((struct span){ origin.ptr + n, origin.len - n }, host);
}

static bool from_here(const struct door_visit *v, uint16_t port, struct door_refusal *reterr)
{
	if (v->twice)
		return refuse(reterr, 400, "invalid_request", "A header field stands twice.");
	if (!http_host_is_loopback(v->host, port))
		return refuse(reterr, 403, "host_not_allowed",
			      "Host must be 127.0.0.1, [::1] or localhost, with this port.");
	if (v->origin.ptr != NULL && !origin_is_host(v->origin, v->host))
		return refuse(reterr, 403, "origin_not_allowed",
			      "Web pages of other origins are not served.");
	if (v->fetch_site.ptr != NULL && !span_is(v->fetch_site, "same-origin") &&
	    !span_is(v->fetch_site, "none"))
		return refuse(reterr, 403, "origin_not_allowed",
			      "Web pages of other sites are not served.");
	if (span_is(v->method, "OPTIONS"))
		return refuse(reterr, 405, "method_not_allowed", "OPTIONS is not served.");
	return true;
}

/* --- the token -------------------------------------------------------------------------- */

/* "/t/TOKEN/rest" to TOKEN and "/rest"; false: the path has another shape. */
static bool path_token(struct span path, struct span *ret_token, struct span *ret_rest)
{
	size_t n = sizeof PATH_TOKEN - 1;

	if (!span_starts(path, PATH_TOKEN))
		return false;
	struct span rest = { path.ptr + n, path.len - n };
	const char *end = memchr(rest.ptr, '/', rest.len);
	size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;

	*ret_token = (struct span){ rest.ptr, len };
	*ret_rest = end != NULL ? (struct span){ end, rest.len - len } : SPAN_LITERAL("/");
	return true;
}

static struct span token_of(const struct door_visit *v, struct span *ret_path)
{
	struct span token;

	*ret_path = v->path;
	if (path_token(v->path, &token, ret_path))
		return token;
	token = http_bearer(v->authorization);
	return token.len > 0 ? token : v->api_key;
}

static bool is_key(struct span token, const struct door_key *key)
{
	struct crypto_sha256 digest;

	if (token.len == 0 || !key->known)
		return false;
	crypto_sha256(token, &digest);
	return crypto_sha256_equal(&digest, &key->digest);
}

/* What a form can send without asking is not JSON, whatever is in it. */
static bool is_json(struct span type)
{
	const char *end = type.len > 0 ? memchr(type.ptr, ';', type.len) : NULL;

	if (end != NULL)
		type.len = (size_t)(end - type.ptr);
	return span_is_nocase(span_trim(type), "application/json");
}

bool door_check(const struct door_visit *v, uint16_t port, const struct door_key *key,
		struct span *ret_path, struct door_refusal *reterr)
{
	struct span path;

	if (!from_here(v, port, reterr))
		return false;
	if (!is_key(token_of(v, &path), key))
		return refuse(reterr, 401, "invalid_api_key",
			      "Over TCP every request needs the token in the file tcp.token of "
			      "hither's state folder, as the client's API key.");
	if (v->body && !is_json(v->content_type))
		return refuse(reterr, 415, "unsupported_media_type",
			      "Over TCP a body must be sent with Content-Type: "
			      "application/json.");
	*ret_path = path;
	return true;
}

/* --- one request ------------------------------------------------------------------------ */

static struct span once(struct http_exchange *x, const char *name, struct door_visit *v)
{
	v->twice = v->twice || http_header_count(x, name) > 1;
	return http_header(x, name);
}

static void answer(struct http_exchange *x, const struct door_refusal *why, struct span path)
{
	const struct client_dialect *d =
		client_dialect_find(path, http_header_count(x, "anthropic-version") > 0);
	static const struct http_field bearer = { "WWW-Authenticate", "Bearer" },
				       methods = { "Allow", "GET, HEAD, POST" };
	struct chat_problem p;

	problem_set(&p, why->status, why->code, "%s", why->message);
	reply_problem_in(x, d != NULL ? d : &dialect_openai_chat, &p,
			 why->status == 401   ? &bearer
			 : why->status == 405 ? &methods
					      : NULL);
}

bool door_admits(struct http_exchange *x, const struct http_request *q,
		 const struct door_key *key, struct span *io_path)
{
	uint16_t port = door_port(span_of(q->peer->listener));
	struct door_visit v = { .method = q->method, .path = q->path, .body = q->body.len > 0 };
	struct door_refusal why;
	struct span token, rest;

	if (port == 0)
		return true;
	v.host = once(x, "Host", &v);
	v.origin = once(x, "Origin", &v);
	v.fetch_site = once(x, "Sec-Fetch-Site", &v);
	v.content_type = once(x, "Content-Type", &v);
	v.authorization = once(x, "Authorization", &v);
	v.api_key = once(x, "x-api-key", &v);
	if (door_check(&v, port, key, io_path, &why))
		return true;
	answer(x, &why, path_token(q->path, &token, &rest) ? rest : q->path);
	return false;
}
