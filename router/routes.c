/* SPDX-License-Identifier: Apache-2.0 */
/* Method and path to function, one table. Unknown paths are 404, known ones with another method
 * 405. */
#include <unistd.h>

#include "common/json.h"
#include "router/impl.h"

struct route {
	const char *method;
	const char *path;
	bool prefix; /* the path goes on with one non-empty segment */
	void (*serve)(struct router *r, struct http_exchange *x, const struct http_request *q,
		      struct span rest);
};

static void chat(struct router *r, struct http_exchange *x, const struct http_request *q,
		 struct span rest)
{
	(void)rest;
	chat_api_completions(r, x, q);
}

static void dry_run(struct router *r, struct http_exchange *x, const struct http_request *q,
		    struct span rest)
{
	(void)rest;
	chat_api_route(r, x, q);
}

static void count(struct router *r, struct http_exchange *x, const struct http_request *q,
		  struct span rest)
{
	(void)rest;
	chat_api_count(r, x, q);
}

static void embeddings(struct router *r, struct http_exchange *x, const struct http_request *q,
		       struct span rest)
{
	(void)rest;
	embed_api(r, x, q,
		  span_is(q->path, "/v1/embeddings") ? EMBED_OPENAI
		  : span_is(q->path, "/api/embed")   ? EMBED_OLLAMA
						     : EMBED_OLLAMA_OLD);
}

static void running(struct router *r, struct http_exchange *x, const struct http_request *q,
		    struct span rest)
{
	(void)r;
	(void)q;
	(void)rest;
	http_reply(x, 200, "text/plain; charset=utf-8", NULL, 0,
		   SPAN_LITERAL("Ollama is running"));
}

static void version(struct router *r, struct http_exchange *x, const struct http_request *q,
		    struct span rest)
{
	(void)q;
	(void)rest;
	models_api_ollama(r, x, OLLAMA_VERSION);
}

static void tags(struct router *r, struct http_exchange *x, const struct http_request *q,
		 struct span rest)
{
	(void)q;
	(void)rest;
	models_api_ollama(r, x, OLLAMA_TAGS);
}

static void ps(struct router *r, struct http_exchange *x, const struct http_request *q,
	       struct span rest)
{
	(void)q;
	(void)rest;
	models_api_ollama(r, x, OLLAMA_PS);
}

static void show(struct router *r, struct http_exchange *x, const struct http_request *q,
		 struct span rest)
{
	(void)rest;
	models_api_show(r, x, q->body);
}

static void refuse(struct router *r, struct http_exchange *x, const struct http_request *q,
		   struct span rest)
{
	(void)r;
	(void)q;
	(void)rest;
	models_api_refuse(x);
}

static void list(struct router *r, struct http_exchange *x, const struct http_request *q,
		 struct span rest)
{
	(void)q;
	(void)rest;
	models_api_list(r, x);
}

static void model(struct router *r, struct http_exchange *x, const struct http_request *q,
		  struct span rest)
{
	(void)q;
	models_api_get(r, x, rest);
}

static void decision(struct router *r, struct http_exchange *x, const struct http_request *q,
		     struct span rest)
{
	decision_get(r, x, rest, q->peer->uid);
}

static const struct route routes[] = {
	{ "POST", "/v1/chat/completions", false, chat },
	{ "POST", "/v1/completions", false, chat },
	{ "POST", "/v1/responses", false, chat },
	{ "POST", "/v1/messages", false, chat },
	{ "POST", "/v1/messages/count_tokens", false, count },
	{ "POST", "/api/chat", false, chat },
	{ "POST", "/api/generate", false, chat },
	{ "POST", "/v1/embeddings", false, embeddings },
	{ "POST", "/api/embed", false, embeddings },
	{ "POST", "/api/embeddings", false, embeddings },
	{ "GET", "/", false, running },
	{ "GET", "/api/version", false, version },
	{ "GET", "/api/tags", false, tags },
	{ "GET", "/api/ps", false, ps },
	{ "POST", "/api/show", false, show },
	{ "POST", "/api/pull", false, refuse },
	{ "POST", "/api/push", false, refuse },
	{ "POST", "/api/create", false, refuse },
	{ "POST", "/api/copy", false, refuse },
	{ "DELETE", "/api/delete", false, refuse },
	{ "HEAD", "/api/blobs/", true, refuse },
	{ "POST", "/api/blobs/", true, refuse },
	{ "GET", "/v1/models", false, list },
	{ "GET", "/v1/models/", true, model },
	{ "POST", "/hither/v1/route", false, dry_run },
	{ "GET", "/hither/v1/decisions/", true, decision },
};

static bool path_matches(const struct route *t, struct span path, struct span *ret_rest)
{
	size_t n = strlen(t->path);

	*ret_rest = (struct span){ path.ptr + path.len, 0 };
	if (!t->prefix)
		return span_is(path, t->path);
	if (!span_starts(path, t->path) || path.len == n)
		return false;
	*ret_rest = (struct span){ path.ptr + n, path.len - n };
	return true;
}

void routes_serve(struct router *r, struct http_exchange *x, const struct http_request *q)
{
	struct span rest;
	const struct route *known = NULL;
	bool head = span_is(q->method, "HEAD");

	for (size_t i = 0; i < LEN(routes); i++) {
		const struct route *t = &routes[i];

		if (!path_matches(t, q->path, &rest))
			continue;
		known = t;
		if (span_is(q->method, t->method) || (head && strcmp(t->method, "GET") == 0)) {
			t->serve(r, x, q, rest);
			return;
		}
	}
	if (known != NULL)
		reply_path_problem(x, q->path, 405, "method_not_allowed",
				   "This method is not served here.",
				   strcmp(known->method, "GET") == 0 ? "GET, HEAD"
								     : known->method);
	else
		reply_path_problem(x, q->path, 404, "not_found",
				   "There is nothing at this path.", NULL);
}

/* Who shows the token over TCP could read this daemon's files: it counts as its user. */
static void on_request(void *ctx, struct http_exchange *x, const struct http_request *q)
{
	struct http_request admitted = *q;
	struct http_peer peer = *q->peer;
	struct router *r = ctx;

	if (!door_admits(x, q, &r->key, &admitted.path))
		return;
	if (door_port(span_of(peer.listener)) != 0)
		peer.uid = getuid();
	admitted.peer = &peer;
	if (!span_is(admitted.method, "POST") || !caller_ask(r, x, &admitted))
		routes_serve(r, x, &admitted);
}

static void on_gone(void *ctx, struct http_exchange *x)
{
	struct request *q = http_user(x);

	if (q != NULL) {
		request_event(q, &(struct event){ .kind = EV_CLIENT_LEFT, .fd = -1 });
		return;
	}
	others_gone(ctx, x);
	caller_gone(ctx, x);
}

static void on_drain(void *ctx, struct http_exchange *x)
{
	struct request *q = http_user(x);

	(void)ctx;
	if (q == NULL)
		return;
	q->full = false;
	if (q->call != NULL)
		http_call_pause(q->call, false);
	escalate_resume(q);
}

static void on_done(void *ctx, struct http_exchange *x)
{
	struct request *q = http_user(x);

	(void)ctx;
	if (q == NULL)
		return;
	http_set_user(x, NULL);
	request_event(q, &(struct event){ .kind = EV_REPLY_DONE, .fd = -1 });
}

static void error_body(void *ctx, struct span path, int status, const char *problem,
		       struct buf *body)
{
	struct chat_problem p;

	(void)ctx;
	problem_set(&p, status, status == 503 ? "overloaded" : "invalid_request", "%s.",
		    problem);
	reply_dialect_of(path, false)->error_body(&p, body);
}

const struct http_handler routes_handler = { .on_request = on_request,
					     .on_gone = on_gone,
					     .on_drain = on_drain,
					     .on_done = on_done,
					     .error_body = error_body };
