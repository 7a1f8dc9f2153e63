/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agents' socket: register and listen, look at questions, answer them, see and take back
 * permissions, read receipts. Everything is for the user at the other end (SO_PEERCRED).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "consent/receipt.h"
#include "consent/report.h"
#include "consent/role.h"

#define REPLY_MAX    (64u << 20)
#define RECEIPTS_MAX 1000

struct call {
	struct consent *c;
	struct http_exchange *x;
	const struct http_request *r;
	char id[TEXT_ULID_BYTES + 8]; /* from the path; empty when it has none */
};

void role_reply_json(struct http_exchange *x, int status, struct buf *body)
{
	static const struct http_field fields[] = { { "Cache-Control", "no-store" } };

	if (body->failed)
		role_reply_error(x, 500, "internal_error",
				 "the reply is larger than its limit");
	else
		http_reply(x, status, "application/json", fields, LEN(fields), buf_span(body));
	buf_free(body);
}

void role_reply_error(struct http_exchange *x, int status, const char *code,
		      const char *message)
{
	role_reply_error_next(x, status, code, message, NULL);
}

void role_reply_error_next(struct http_exchange *x, int status, const char *code,
			   const char *message, const char *next)
{
	static const struct http_field fields[] = { { "Cache-Control", "no-store" } };
	struct buf b;

	buf_init(&b, 8192);
	buf_add_str(&b, "{\"error\":{");
	json_put_key_cstr(&b, "message", message);
	json_put_key_cstr(&b, "type", status >= 500 ? "server_error" : "invalid_request_error");
	json_put_key_cstr(&b, "param", NULL);
	json_put_key_cstr(&b, "code", code);
	if (next != NULL)
		json_put_key_cstr(&b, "next", next);
	buf_add_str(&b, "}}");
	http_reply(x, status, "application/json", fields, LEN(fields), buf_span(&b));
	buf_free(&b);
}

/* The request's body as an object; NULL after 400 was sent. */
static cJSON *body_object(struct call *k)
{
	struct json_where where = { .problem = "not an object", .line = 1, .column = 1 };
	cJSON *root = NULL;
	char message[200];

	if (json_parse(k->r->body, &json_limits_api, &root, &where) == ERR_OK &&
	    cJSON_IsObject(root))
		return root;
	cJSON_Delete(root);
	snprintf(message, sizeof message,
		 "the body is not a JSON object: %s at line %u, column %u", where.problem,
		 where.line, where.column);
	role_reply_error(k->x, 400, "invalid_request", message);
	return NULL;
}

/* --- agents -------------------------------------------------------------------------- */

/* A key that nobody knows is a mistake of the writer's: it is named, not passed over. `known`
 * ends with NULL. */
static bool only_known_keys(struct call *k, const cJSON *root, const char *const *known)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, root) {
		struct buf message;
		size_t i = 0;

		while (known[i] != NULL && strcmp(item->string, known[i]) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		buf_init(&message, 1024);
		buf_printf(&message, "there is no key \"%.64s\" here; known are", item->string);
		for (i = 0; known[i] != NULL; i++)
			buf_printf(&message, "%s %s", i > 0 ? "," : "", known[i]);
		role_reply_error(k->x, 400, "invalid_request", buf_cstr(&message));
		buf_free(&message);
		return false;
	}
	return true;
}

static void post_agents(struct call *k)
{
	static const char *const known[] = {
		"kind", "name", "fallback", "locale", "caps", NULL
	};
	cJSON *root = body_object(k);
	const char *word;
	unsigned kind = 0;
	bool fallback = false;
	struct agent *a;
	struct buf b;

	if (root == NULL)
		return;
	if (!only_known_keys(k, root, known)) {
		cJSON_Delete(root);
		return;
	}
	word = json_get_string(root, "kind");
	while (kind < AGENT_KINDS && (word == NULL || strcmp(word, agent_kind_name(kind)) != 0))
		kind++;
	json_get_bool(root, "fallback", &fallback);
	if (kind == AGENT_KINDS) {
		role_reply_error(k->x, 400, "invalid_request",
				 "kind is one of desktop, terminal, notification, web");
		cJSON_Delete(root);
		return;
	}
	a = agents_add(k->c, k->r->peer->uid, k->r->peer->pid, kind,
		       json_get_string(root, "name"), fallback);
	cJSON_Delete(root);
	if (a == NULL) {
		role_reply_error(k->x, 503, "too_many_agents", "there are too many agents");
		return;
	}
	buf_init(&b, 1024);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "agent", a->id);
	buf_add_char(&b, '}');
	role_reply_json(k->x, 201, &b);
}

static void get_events(struct call *k)
{
	struct agent *a = agents_find(k->c, k->id);

	if (a == NULL || a->uid != k->r->peer->uid)
		role_reply_error(
			k->x, 404, "not_found",
			"there is no such agent; register with POST /hither/v1/agents");
	else if (a->stream != NULL)
		role_reply_error(k->x, 409, "already_listening",
				 "this agent has an event stream already");
	else
		agents_listen(k->c, a, k->x);
}

/* --- questions ----------------------------------------------------------------------- */

static void get_consents(struct call *k)
{
	struct buf b;

	agents_saw_reader(k->c, k->r->peer->uid);
	buf_init(&b, REPLY_MAX);
	gate_write_questions(k->c->gate, k->r->peer->uid, &b);
	role_reply_json(k->x, 200, &b);
}

static void get_consent(struct call *k)
{
	struct buf b;

	agents_saw_reader(k->c, k->r->peer->uid);
	buf_init(&b, REPLY_MAX);
	if (gate_write_question(k->c->gate, k->r->peer->uid, k->id, &b)) {
		role_reply_json(k->x, 200, &b);
		return;
	}
	buf_free(&b);
	role_reply_error(k->x, 404, "not_found",
			 "there is no such question; see: hither consent list");
}

void routes_result(struct http_exchange *x, const struct gate_result *g)
{
	struct buf b;

	if (g->status != 200) {
		role_reply_error_next(x, g->status, g->code, g->message, g->next);
		return;
	}
	buf_init(&b, 4096);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "outcome", g->outcome);
	json_put_key_cstr(&b, "message", g->message);
	json_put_key_cstr(&b, "grant", g->permission[0] != '\0' ? g->permission : NULL);
	json_put_key_cstr(&b, "receipt", g->receipt[0] != '\0' ? g->receipt : NULL);
	buf_add_char(&b, '}');
	role_reply_json(x, 200, &b);
}

static bool read_word(const char *text, enum gate_word *ret)
{
	static const char *const words[] = { "deny", "approve", "dismiss", "extend" };

	for (unsigned i = 0; text != NULL && i < LEN(words); i++)
		if (strcmp(text, words[i]) == 0) {
			*ret = (enum gate_word)i;
			return true;
		}
	return false;
}

static void post_consent(struct call *k)
{
	static const char *const known[] = { "nonce", "digest", "decision", "scope",
					     "until", "mode",   "reason",   NULL };
	cJSON *root = body_object(k);
	struct agent *a;
	struct gate_response r;
	struct gate_result g;

	if (root == NULL)
		return;
	if (!only_known_keys(k, root, known)) {
		cJSON_Delete(root);
		return;
	}
	a = agents_of(k->c, k->r->peer->uid, k->r->peer->pid);
	r = (struct gate_response){ .id = k->id,
				    .nonce = json_get_string(root, "nonce"),
				    .digest = json_get_string(root, "digest"),
				    .scope = json_get_string(root, "scope"),
				    .until = json_get_string(root, "until"),
				    .mode = json_get_string(root, "mode"),
				    .reason = json_get_string(root, "reason"),
				    .agent = a != NULL ? agent_kind_name(a->kind) : NULL,
				    .uid = k->r->peer->uid,
				    .pid = k->r->peer->pid };
	if (r.nonce == NULL || r.digest == NULL ||
	    !read_word(json_get_string(root, "decision"), &r.word) ||
	    (r.reason != NULL && strlen(r.reason) > 1000)) {
		role_reply_error(k->x, 400, "invalid_request",
				 "nonce, digest and decision (approve, deny, dismiss, extend) "
				 "are needed; "
				 "reason has at most 1000 bytes");
	} else {
		gate_respond(k->c->gate, &r, &g);
		if (g.prove_ms > 0)
			proofs_ask(k->c, k->x, &r, g.prove_ms);
		else
			routes_result(k->x, &g);
		consent_pump(k->c);
	}
	cJSON_Delete(root);
}

/* --- permissions --------------------------------------------------------------------- */

static void get_grants(struct call *k)
{
	struct buf b;

	buf_init(&b, REPLY_MAX);
	gate_write_grants(k->c->gate, k->r->peer->uid, &b);
	role_reply_json(k->x, 200, &b);
}

static void get_budgets(struct call *k)
{
	struct buf b;

	buf_init(&b, REPLY_MAX);
	gate_write_budgets(k->c->gate, &b);
	role_reply_json(k->x, 200, &b);
}

static void delete_grant(struct call *k)
{
	struct gate_result g;
	struct buf b;

	buf_init(&b, REPLY_MAX);
	gate_revoke(k->c->gate, k->r->peer->uid, k->id, &g, &b);
	if (g.status == 200) {
		role_reply_json(k->x, 200, &b);
	} else {
		buf_free(&b);
		role_reply_error(k->x, g.status, g.code, g.message);
	}
	consent_pump(k->c);
}

/* --- receipts ------------------------------------------------------------------------ */

static bool query_value(struct span query, const char *name, char *out, size_t bytes)
{
	size_t n = strlen(name);

	while (query.len > 0) {
		const char *amp = memchr(query.ptr, '&', query.len);
		struct span one = { query.ptr,
				    amp != NULL ? (size_t)(amp - query.ptr) : query.len };

		if (span_starts(one, name) && one.len > n && one.ptr[n] == '=')
			return span_copy((struct span){ one.ptr + n + 1, one.len - n - 1 }, out,
					 bytes);
		query.ptr += one.len + (amp != NULL);
		query.len -= one.len + (amp != NULL);
	}
	return false;
}

struct listing {
	struct buf *out;
	uint32_t uid;
	unsigned n;
};

static bool list_receipt(void *ctx, const struct record *r, struct span body)
{
	struct listing *l = ctx;

	(void)body;
	if (!receipt_is_event(r->kind) || r->uid != (int64_t)l->uid)
		return true;
	if (l->n++ > 0)
		buf_add_char(l->out, ',');
	receipt_write_line(r, l->out);
	return l->n < RECEIPTS_MAX && !l->out->failed;
}

static bool ledger_there(struct call *k)
{
	gate_settle(k->c->gate);
	if (gate_ledger(k->c->gate) != NULL)
		return true;
	role_reply_error(k->x, 503, "ledger", gate_status(k->c->gate).ledger_problem);
	return false;
}

static void get_receipts(struct call *k)
{
	struct listing l = { .uid = k->r->peer->uid };
	char since[40] = "0";
	struct buf b;

	if (!ledger_there(k))
		return;
	query_value(k->r->query, "since", since, sizeof since);
	buf_init(&b, REPLY_MAX);
	l.out = &b;
	buf_add_str(&b, "{\"schema\":\"hither.receipts/1\",\"receipts\":[");
	if (ledger_since(gate_ledger(k->c->gate), strtoll(since, NULL, 10), list_receipt, &l) !=
	    ERR_OK)
		b.failed = true;
	buf_add_str(&b, "]}");
	role_reply_json(k->x, 200, &b);
}

struct whole {
	struct call *k;
	enum receipt_format format;
	struct buf *out;
	bool found;
	const struct record *record;
	const char *hash; /* hex; NULL when it cannot be had */
};

static bool write_with_end(void *ctx, const struct record *closed, struct span body)
{
	struct whole *w = ctx;

	(void)body;
	if (closed->kind != RECORD_CLOSED)
		return true;
	w->found = true;
	receipt_write(w->record, closed, w->hash, w->format, w->out);
	return false;
}

static bool write_receipt(void *ctx, const struct record *r, struct span body)
{
	struct whole *w = ctx;
	struct crypto_sha256 hash;
	char hex[CRYPTO_SHA256_HEX_BYTES];

	(void)body;
	if (!receipt_is_event(r->kind) || r->uid != (int64_t)w->k->r->peer->uid)
		return true;
	w->record = r;
	if (ledger_hash_of(gate_ledger(w->k->c->gate), r->seq, &hash)) {
		crypto_sha256_hex(&hash, hex);
		w->hash = hex;
	}
	if (ledger_refs(gate_ledger(w->k->c->gate), r->id, write_with_end, w) == ERR_OK &&
	    !w->found) {
		w->found = true;
		receipt_write(r, NULL, w->hash, w->format, w->out);
	}
	return false;
}

static void get_receipt(struct call *k)
{
	struct whole w = { .k = k };
	char format[16] = "";
	struct buf b;

	if (!ledger_there(k))
		return;
	query_value(k->r->query, "format", format, sizeof format);
	if (!receipt_format_from(format, &w.format)) {
		role_reply_error(k->x, 400, "invalid_request", "format is 27560 or kantara");
		return;
	}
	buf_init(&b, REPLY_MAX);
	w.out = &b;
	enum err e = ledger_find(gate_ledger(k->c->gate), k->id, write_receipt, &w);
	if (e == ERR_OK && w.found) {
		role_reply_json(k->x, 200, &b);
		return;
	}
	buf_free(&b);
	role_reply_error(k->x, 404, "not_found",
			 "there is no such receipt; see: hither consent receipts");
}

static void get_report(struct call *k)
{
	char since[40] = "0", until[40] = "0";
	struct buf b;

	if (!ledger_there(k))
		return;
	query_value(k->r->query, "since", since, sizeof since);
	query_value(k->r->query, "until", until, sizeof until);
	buf_init(&b, REPLY_MAX);
	if (report_write(gate_ledger(k->c->gate), strtoll(since, NULL, 10),
			 strtoll(until, NULL, 10), &b) != ERR_OK)
		b.failed = true;
	role_reply_json(k->x, 200, &b);
}

/* --- which one ----------------------------------------------------------------------- */

/* A pattern's ID stands for one path segment. */
static const struct {
	const char *method, *before, *after;
	bool has_id;
	void (*handle)(struct call *k);
} table[] = {
	{ "POST", "/hither/v1/agents", "", false, post_agents },
	{ "GET", "/hither/v1/agents/", "/events", true, get_events },
	{ "GET", "/hither/v1/consents", "", false, get_consents },
	{ "GET", "/hither/v1/consents/", "", true, get_consent },
	{ "POST", "/hither/v1/consents/", "", true, post_consent },
	{ "GET", "/hither/v1/grants", "", false, get_grants },
	{ "DELETE", "/hither/v1/grants/", "", true, delete_grant },
	{ "GET", "/hither/v1/budgets", "", false, get_budgets },
	{ "GET", "/hither/v1/report", "", false, get_report },
	{ "GET", "/hither/v1/receipts", "", false, get_receipts },
	{ "GET", "/hither/v1/receipts/", "", true, get_receipt },
};

static bool path_matches(struct span path, size_t i, char *id, size_t id_bytes)
{
	size_t before = strlen(table[i].before), after = strlen(table[i].after);
	struct span middle;

	if (!table[i].has_id)
		return span_is(path, table[i].before);
	if (!span_starts(path, table[i].before) || path.len <= before + after ||
	    memcmp(path.ptr + path.len - after, table[i].after, after) != 0)
		return false;
	middle = (struct span){ path.ptr + before, path.len - before - after };
	return memchr(middle.ptr, '/', middle.len) == NULL && span_copy(middle, id, id_bytes);
}

void routes_request(struct consent *c, struct http_exchange *x, const struct http_request *r)
{
	struct call k = { .c = c, .x = x, .r = r };
	bool path_known = false;

	for (size_t i = 0; i < LEN(table); i++) {
		if (!path_matches(r->path, i, k.id, sizeof k.id))
			continue;
		path_known = true;
		if (span_is(r->method, table[i].method)) {
			table[i].handle(&k);
			return;
		}
	}
	if (path_known)
		role_reply_error(x, 405, "method_not_allowed",
				 "this path takes another method");
	else
		role_reply_error(x, 404, "not_found",
				 "there is no such path on the agents' socket");
}
