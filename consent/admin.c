/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: is it alive, can it serve, what is going on, read the policy again.
 *
 * Ready means that requests can be answered: all roles run and a policy is in force. An engine
 * that is missing and a ledger that is refused are told as warnings, since the daemon then
 * still does what it promises (device only, or an error that says how to mend it).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "consent/role.h"
#include "proc/jail.h"

#define REPLY_MAX (4u << 20)

static const char *const engine_words[] = { "stopped", "starting", "loading",
					    "ready",   "failed",   "missing" };

/* --- health -------------------------------------------------------------------------- */

static void check(struct buf *b, const char *name, bool ok, bool required, const char *detail)
{
	if (b->ptr[b->len - 1] != '[')
		buf_add_char(b, ',');
	buf_add_char(b, '{');
	json_put_key_cstr(b, "name", name);
	json_put_key_bool(b, "ok", ok);
	json_put_key_bool(b, "required", required);
	json_put_key_cstr(b, "detail", detail);
	buf_add_char(b, '}');
}

/* A set that stayed in force because a newer one could not be read is a degraded one. */
static enum policy_state state_in_force(const struct consent *c)
{
	enum policy_state state = policy_set_state(gate_policy_set(c->gate));

	return state == POLICY_ACTIVE && c->policy_problem[0] != '\0' ? POLICY_DEGRADED : state;
}

static void get_ready(struct consent *c, struct http_exchange *x)
{
	struct gate_status s = gate_status(c->gate);
	enum policy_state state = state_in_force(c);
	bool engine_bad = c->engine_known && (c->engine.state == ENGINE_FAILED ||
					      c->engine.state == ENGINE_MISSING);
	struct buf b;

	buf_init(&b, REPLY_MAX);
	buf_add_char(&b, '{');
	json_put_key_bool(&b, "ready", consent_ready(c));
	json_put_key(&b, "checks");
	buf_add_char(&b, '[');
	for (unsigned i = ROLE_ROUTER; i < consent_seats(c); i++) {
		const struct role_health *h = &c->roles[i];

		check(&b, role_name((enum role)i), h->says.ready, true, h->says.detail);
	}
	check(&b, "policy", state == POLICY_ACTIVE, false,
	      state == POLICY_ACTIVE ? policy_state_name(state) : c->policy_problem);
	check(&b, "engine", !engine_bad, false,
	      c->engine_known ? c->engine.detail : "not known yet");
	check(&b, "ledger", s.ledger_ok, false, s.ledger_problem);
	buf_add_str(&b, "]}");
	role_reply_json(x, consent_ready(c) ? 200 : 503, &b);
}

static void get_health(struct http_exchange *x)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_add_str(&b, "{\"status\":\"ok\"}");
	role_reply_json(x, 200, &b);
}

/* --- status -------------------------------------------------------------------------- */

static void write_sandbox(uint32_t bits, struct buf *b)
{
	static const char *const names[] = { "no_new_privs", "not_dumpable",   "rlimits",
					     "clean_env",    "seccomp",        "landlock",
					     "no_network",   "no_capabilities" };
	bool first = true;

	json_put_key(b, "sandbox");
	buf_add_char(b, '[');
	for (size_t i = 0; i < LEN(names); i++) {
		if ((bits >> i & 1) == 0)
			continue;
		if (!first)
			buf_add_char(b, ',');
		first = false;
		json_put_string(b, span_of(names[i]));
	}
	buf_add_char(b, ']');
}

static void write_roles(struct consent *c, struct buf *b)
{
	json_put_key(b, "roles");
	buf_add_char(b, '{');
	for (unsigned i = ROLE_BOOT; i < consent_seats(c); i++) {
		const struct role_health *h = &c->roles[i];

		json_put_key(b, role_name((enum role)i));
		buf_add_char(b, '{');
		json_put_key_i64(b, "pid", h->says.pid);
		json_put_key_bool(b, "sandboxed", (h->says.sandbox & JAIL_SECCOMP) != 0);
		json_put_key_bool(b, "ready", h->says.ready);
		json_put_key_i64(b, "restarts", h->says.restarts);
		write_sandbox(h->says.sandbox, b);
		json_put_key_cstr(b, "filter",
				  h->says.filter[0] != '\0' ? h->says.filter : NULL);
		json_put_key_i64(b, "landlock_abi", h->says.landlock);
		json_put_key_cstr(b, "detail", h->says.detail);
		json_put_key_cstr(b, "helpers",
				  h->says.helpers[0] != '\0' ? h->says.helpers : NULL);
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
}

static void write_engine(struct consent *c, struct buf *b)
{
	json_put_key(b, "engine");
	buf_add_char(b, '{');
	json_put_key_cstr(b, "state",
			  c->engine_known && c->engine.state < LEN(engine_words)
				  ? engine_words[c->engine.state]
				  : "unknown");
	json_put_key_cstr(b, "model", c->engine.model[0] != '\0' ? c->engine.model : NULL);
	json_put_key_i64(b, "pid", c->engine.pid);
	json_put_key_i64(b, "context_tokens", c->engine.context_tokens);
	json_put_key_i64(b, "queued", c->engine.queued);
	json_put_key_i64(b, "restarts", c->engine.restarts);
	json_put_key_cstr(b, "detail", c->engine.detail);
	buf_add_char(b, '}');
}

static void write_policy(struct consent *c, struct buf *b)
{
	struct policy_set *set = gate_policy_set(c->gate);
	const struct policy_file *top = policy_set_top(set);
	struct policy_file_info f = { 0 };

	if (top != NULL)
		f = policy_file_info(top);
	json_put_key(b, "policy");
	buf_add_char(b, '{');
	json_put_key_cstr(b, "id", f.id);
	json_put_key(b, "serial");
	if (f.serial > 0)
		buf_add_i64(b, f.serial);
	else
		buf_add_str(b, "null");
	json_put_key_cstr(b, "sha256", gate_policy_sha256(c->gate));
	json_put_key_cstr(b, "state", policy_state_name(state_in_force(c)));
	json_put_key_cstr(b, "problem",
			  c->policy_problem[0] != '\0' ? c->policy_problem : NULL);
	json_put_key_i64(b, "files", (int64_t)policy_set_n_files(set));
	json_put_key(b, "not_done"); /* what it asks for and nothing here does */
	buf_add_str(b, policy_ledger(set)->export_json != NULL ? "[\"ledger.export\"]" : "[]");
	json_put_key_i64(b, "generation", (int64_t)c->service->policy_generation);
	buf_add_char(b, '}');
}

/* What judges how hard prompts are; unknown until the router has said so. */
static void write_classifier(struct consent *c, struct buf *b)
{
	json_put_key(b, "classifier");
	buf_add_char(b, '{');
	json_put_key_cstr(b, "name", c->judge[0] != '\0' ? c->judge : NULL);
	json_put_key_cstr(b, "problem", c->judge_problem[0] != '\0' ? c->judge_problem : NULL);
	buf_add_char(b, '}');
}

static void write_strong_auth(struct consent *c, struct buf *b)
{
	json_put_key(b, "strong_auth");
	buf_add_char(b, '{');
	json_put_key_bool(b, "wanted",
			  policy_consent(gate_policy_set(c->gate))->n_strong_auth_for > 0);
	json_put_key_bool(b, "possible", gate_strong_auth(c->gate));
	buf_add_char(b, '}');
}

static void get_status(struct consent *c, struct http_exchange *x)
{
	struct gate_status s = gate_status(c->gate);
	char hex[CRYPTO_SHA256_HEX_BYTES];
	struct buf b;

	crypto_sha256_hex(&s.head.hash, hex);
	buf_init(&b, REPLY_MAX);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "schema", "hither.status/1");
	json_put_key_cstr(&b, "version", HITHER_VERSION);
	json_put_key_bool(&b, "ready", consent_ready(c));
	write_roles(c, &b);
	write_engine(c, &b);
	write_policy(c, &b);
	write_classifier(c, &b);
	json_put_key(&b, "device");
	gate_write_device(c->gate, &b);
	write_strong_auth(c, &b);
	json_put_key_i64(&b, "pending_consents", s.pending);
	json_put_key_i64(&b, "sending", s.sending);
	json_put_key(&b, "ledger");
	buf_add_char(&b, '{');
	json_put_key_bool(&b, "ok", s.ledger_ok);
	json_put_key_cstr(&b, "problem", s.ledger_ok ? NULL : s.ledger_problem);
	json_put_key_i64(&b, "records", (int64_t)s.head.seq);
	json_put_key_cstr(&b, "head", s.ledger_ok ? hex : NULL);
	buf_add_str(&b, "}}");
	role_reply_json(x, 200, &b);
}

/* --- metrics ------------------------------------------------------------------------- */

static void label(struct buf *b, const char *text)
{
	struct buf plain;

	/* OpenMetrics escapes as JSON does, for the characters that can occur here. */
	buf_init(&plain, 1024);
	json_put_string(&plain, span_of(text));
	buf_add(b, buf_span(&plain));
	buf_free(&plain);
}

static void get_metrics(struct consent *c, struct http_exchange *x)
{
	static const struct http_field fields[] = { { "Cache-Control", "no-store" } };
	struct policy_set *set = gate_policy_set(c->gate);
	const struct policy_file *top = policy_set_top(set);
	struct policy_file_info f = { .id = "" };
	struct buf b;

	if (top != NULL)
		f = policy_file_info(top);
	buf_init(&b, REPLY_MAX);
	buf_add_str(&b, "# TYPE hither_build info\n# HELP hither_build Version of the daemon.\n"
			"hither_build_info{version=\"" HITHER_VERSION "\"} 1\n");
	buf_add_str(&b, "# TYPE hither_policy info\n# HELP hither_policy Policy in "
			"force.\nhither_policy_info{id=");
	label(&b, f.id);
	buf_printf(&b, ",serial=\"%" PRId64 "\",sha256=\"%s\",state=\"%s\"} 1\n", f.serial,
		   gate_policy_sha256(c->gate), policy_state_name(state_in_force(c)));
	buf_printf(&b,
		   "# TYPE hither_policy_reloads counter\n# HELP hither_policy_reloads "
		   "Reloads, by result.\n"
		   "hither_policy_reloads_total{result=\"ok\"} %" PRIu64 "\n"
		   "hither_policy_reloads_total{result=\"failed\"} %" PRIu64 "\n",
		   c->reloads_ok, c->reloads_failed);
	buf_printf(&b,
		   "# TYPE hither_policy_last_reload_success_timestamp_seconds gauge\n"
		   "# HELP hither_policy_last_reload_success_timestamp_seconds When the policy "
		   "came into force.\n"
		   "hither_policy_last_reload_success_timestamp_seconds %" PRId64 ".%03d\n",
		   c->policy_since_ms / 1000, (int)(c->policy_since_ms % 1000));
	buf_printf(&b,
		   "# TYPE hither_engine_up gauge\n# HELP hither_engine_up The on-device "
		   "engine can answer.\n"
		   "hither_engine_up{engine=\"llama-server\"} %d\n",
		   c->engine_known && c->engine.state == ENGINE_READY);
	buf_printf(&b,
		   "# TYPE hither_engine_restarts counter\n# HELP hither_engine_restarts "
		   "Restarts of the engine.\n"
		   "hither_engine_restarts_total{engine=\"llama-server\"} %u\n",
		   c->engine.restarts);
	gate_write_metrics(c->gate, &b);
	buf_add_str(&b, "# EOF\n");
	http_reply(x, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", fields,
		   LEN(fields), buf_span(&b));
	buf_free(&b);
}

/* --- reload -------------------------------------------------------------------------- */

static void post_reload(struct consent *c, struct http_exchange *x)
{
	struct reload *slot = NULL;

	for (unsigned i = 0; i < RELOADS_MAX && slot == NULL; i++)
		if (c->reloads[i].x == NULL)
			slot = &c->reloads[i];
	if (slot == NULL) {
		role_reply_error(x, 503, "busy", "too many reloads are under way");
		return;
	}
	struct msg_RELOAD m = { .tag = ++c->next_tag };
	if (CHANNEL_SEND(service_channel(c->service, ROLE_BOOT), RELOAD, &m, NULL, 0) !=
	    ERR_OK) {
		role_reply_error(x, 503, "internal_error", "the supervisor cannot be reached");
		return;
	}
	slot->tag = m.tag;
	slot->x = x;
	gate_ledger_retry(c->gate);
}

/* --- prune ---------------------------------------------------------------------------- */

static void post_prune(struct consent *c, struct http_exchange *x, struct span body)
{
	struct json_where where;
	cJSON *root = NULL;
	double before_ms = 0;
	uint64_t removed;
	struct buf b;
	enum err e;

	if (json_parse(body, &json_limits_api, &root, &where) != ERR_OK ||
	    !json_get_number(root, "before_ms", &before_ms) || before_ms < 0 ||
	    before_ms > (double)clock_wall_ms()) {
		role_reply_error(x, 400, "invalid_request",
				 "before_ms is a time that has passed, in milliseconds");
		cJSON_Delete(root);
		return;
	}
	cJSON_Delete(root);
	e = gate_prune(c->gate, (int64_t)before_ms, &removed);
	if (e != ERR_OK) {
		role_reply_error(x, 503, "ledger_unavailable",
				 "nothing was removed; look with: hither ledger verify");
		return;
	}
	buf_init(&b, 256);
	buf_add_str(&b, "{\"schema\":\"hither.pruned/1\"");
	json_put_key_i64(&b, "removed", (int64_t)removed);
	buf_add_char(&b, '}');
	role_reply_json(x, 200, &b);
}

static void reply_reloaded(struct http_exchange *x, const struct msg_RELOADED *m)
{
	struct buf b;

	if (!m->ok) {
		role_reply_error(x, 422, "policy_invalid", m->detail);
		return;
	}
	buf_init(&b, 4096);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "status", "reloaded");
	json_put_key_cstr(&b, "detail", m->detail);
	buf_add_char(&b, '}');
	role_reply_json(x, 200, &b);
}

void admin_reloaded(struct consent *c, const struct msg_RELOADED *m)
{
	if (m->ok)
		c->reloads_ok++;
	else
		c->reloads_failed++;
	snprintf(c->policy_problem, sizeof c->policy_problem, "%.*s",
		 (int)sizeof c->policy_problem - 1,
		 m->ok ? policy_set_reason(gate_policy_set(c->gate)) : m->detail);
	for (unsigned i = 0; i < RELOADS_MAX; i++) {
		struct http_exchange *x = c->reloads[i].x;

		if (x == NULL || c->reloads[i].tag != m->tag)
			continue;
		c->reloads[i].x = NULL;
		reply_reloaded(x, m);
	}
}

void admin_gone(struct consent *c, struct http_exchange *x)
{
	for (unsigned i = 0; i < RELOADS_MAX; i++)
		if (c->reloads[i].x == x)
			c->reloads[i].x = NULL;
}

void admin_request(struct consent *c, struct http_exchange *x, const struct http_request *r)
{
	bool get = span_is(r->method, "GET");

	if (get && span_is(r->path, "/healthz"))
		get_health(x);
	else if (get && span_is(r->path, "/readyz"))
		get_ready(c, x);
	else if (get && span_is(r->path, "/metrics"))
		get_metrics(c, x);
	else if (get && span_is(r->path, "/hither/v1/status"))
		get_status(c, x);
	else if (span_is(r->method, "POST") && span_is(r->path, "/hither/v1/reload"))
		post_reload(c, x);
	else if (span_is(r->method, "POST") && span_is(r->path, "/hither/v1/ledger/prune"))
		post_prune(c, x, r->body);
	else
		role_reply_error(x, 404, "not_found",
				 "there is no such path on the admin socket");
}
