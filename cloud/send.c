/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SEND is carried out only as consent stated it: the policy it was decided under, a
 * destination of that policy above the device, exactly the hashed bytes, a ledger entry that
 * was not used before, and a ledger that has not lost records. Everything that could make
 * the request differ from what was shown (address, key, proxy, certificates) comes from the
 * policy and this machine's configuration.
 */
#include <stdio.h>

#include "cloud/cloud_impl.h"
#include "common/file.h"
#include "crypto/crypto.h"

#define BODY_MAX_BYTES  ((size_t)64 << 20)
#define HEADERS_MAX     8u
#define KEY_FIELD_BYTES 2200u
#define PATH_MAX_BYTES  512u
#define USER_AGENT      "User-Agent: hither/" HITHER_VERSION
#define TOO_MANY        "too many sends are under way"
#define NO_KEY          "the destination's key is missing: put it into secrets.d, mode 0600, and reload"
#define NO_CERTIFICATE                                                                         \
	"the destination's client certificate is missing: put it with its key into "           \
	"secrets.d, mode 0600, and reload"
#define UNKNOWN_POLICY "the policy has changed since this was asked"
#define UNKNOWN_DEST   "the policy has no such destination above the device"

static bool grant_is_fresh(struct cloud *c, uint64_t ledger_seq)
{
	uint64_t *oldest = &c->grants[c->next_grant % GRANTS_KEPT];

	if (ledger_seq <= c->grant_floor)
		return false;
	for (unsigned i = 0; i < GRANTS_KEPT; i++)
		if (c->grants[i] == ledger_seq)
			return false;
	if (*oldest > c->grant_floor)
		c->grant_floor = *oldest;
	*oldest = ledger_seq;
	c->next_grant++;
	return true;
}

void send_forget_grants(struct cloud *c)
{
	memset(c->grants, 0, sizeof c->grants);
	c->grant_floor = 0;
}

const struct policy_destination *send_destination(struct cloud *c, const char *name)
{
	size_t i;

	if (!policy_destination_find(c->policy, span_of(name), &i))
		return NULL;
	const struct policy_destination *d = policy_destination(c->policy, i);
	return d->tier == POLICY_TIER_DEVICE || d->base_url == NULL ? NULL : d;
}

static const char *check_body(const struct msg_SEND *m, int body_fd, struct span *ret)
{
	struct crypto_sha256 digest, want;
	struct span body;

	if (file_map_sealed(body_fd, BODY_MAX_BYTES, &body) != ERR_OK)
		return "the body is not sealed or too large";
	crypto_sha256(body, &digest);
	memcpy(want.bytes, m->body_sha256, sizeof want.bytes);
	if (body.len != m->body_bytes || body.len == 0 ||
	    !crypto_sha256_equal(&digest, &want)) {
		file_unmap(body);
		return "the body is not the one that was released";
	}
	*ret = body;
	return NULL;
}

/* Proxies are for TCP to other machines; "none" and absence are the same. */
static void choose_proxy(const struct cloud *c, const struct policy_destination *d,
			 struct fetch_plan *plan)
{
	plan->proxy = "";
	plan->no_proxy = "";
	if (d->proxy == NULL || strcmp(d->proxy, "none") == 0 || plan->at.plain_http)
		return;
	if (strcmp(d->proxy, "env") != 0) {
		plan->proxy = d->proxy;
		return;
	}
	plan->proxy = c->proxy != NULL ? c->proxy : "";
	plan->no_proxy = c->no_proxy != NULL ? c->no_proxy : "";
}

static uint32_t either(uint32_t stated, uint32_t otherwise)
{
	return stated != 0 ? stated : otherwise;
}

static const char *plan_address(const struct policy_destination *d, const struct msg_SEND *m,
				const struct upstream_dialect *dialect, struct endpoint *ret)
{
	const char *path = dialect->path;
	enum err e = ERR_OK;
	struct buf made;

	buf_init(&made, PATH_MAX_BYTES);
	if (dialect->path_for != NULL) {
		if (dialect->path_for(m->model, d->api_version, m->streaming != 0, &made))
			path = buf_cstr(&made);
		else
			e = ERR_UNSUPPORTED;
	}
	bool named = e == ERR_OK;
	if (named)
		e = endpoint_parse(d->base_url, path, ret);
	buf_free(&made);
	return !named        ? "the model's name cannot stand in an address"
	       : e != ERR_OK ? "the destination's base_url is not one that can be used"
			     : NULL;
}

static const char *plan_fetch(const struct cloud *c, const struct policy_destination *d,
			      const struct msg_SEND *m, const struct upstream_dialect *dialect,
			      struct fetch_plan *ret)
{
	const struct config_cloud *limits = &c->service->config->cloud;
	bool trusted = d->tier == POLICY_TIER_TRUSTED;
	uint32_t total_ms = either(d->timeouts.total_ms, limits->total_timeout_ms);
	const char *no = plan_address(d, m, dialect, &ret->at);

	if (no != NULL)
		return no;
	if (d->auth_secret != NULL && keys_find(c->keys, d->auth_secret).len == 0)
		return NO_KEY;
	if (d->auth_mtls != NULL)
		ret->client_pem = keys_find_pem(c->keys, d->auth_mtls);
	if (d->auth_mtls != NULL && ret->client_pem.len == 0)
		return NO_CERTIFICATE;
	choose_proxy(c, d, ret);
	/* A proxy that the policy or the person names may lie anywhere but in odd ranges. */
	/* What the policy names as this machine may be it; a name that only resolves to it may
	 * not. */
	ret->addresses.loopback =
		trusted || ret->at.loopback || limits->allow_loopback || ret->proxy[0] != '\0';
	ret->addresses.local = trusted || ret->proxy[0] != '\0';
	ret->ca_file = d->pin_ca_file != NULL ? d->pin_ca_file : limits->ca_file;
	ret->pins_sha256 = d->pins_sha256;
	ret->n_pins = d->n_pins_sha256;
	ret->connect_timeout_ms = either(d->timeouts.connect_ms, limits->connect_timeout_ms);
	ret->total_timeout_ms = m->deadline_ms < total_ms ? m->deadline_ms : total_ms;
	ret->header_bytes = limits->header_bytes;
	ret->body_bytes = limits->total_bytes;
	return NULL;
}

const char *send_admit(struct cloud *c, const struct msg_SEND *m)
{
	if (m->ledger_seq == 0 || !grant_is_fresh(c, m->ledger_seq))
		return "the ledger entry was used before";
	if (c->rolled_back)
		return "the ledger has lost records that were witnessed";
	if (c->stopping)
		return TOO_MANY;
	if (m->generation != c->service->policy_generation)
		return UNKNOWN_POLICY;
	return send_destination(c, m->destination) == NULL ? UNKNOWN_DEST : NULL;
}

static bool model_listed(const struct policy_destination *d, const char *model)
{
	for (size_t i = 0; i < d->n_models; i++)
		if (strcmp(d->models[i], model) == 0)
			return true;
	return d->n_models == 0;
}

/* What may have changed since it was admitted: it waited, or it is a further attempt. */
static const char *check_still(struct cloud *c, const struct msg_SEND *m)
{
	const struct policy_destination *d = send_destination(c, m->destination);

	if (c->rolled_back)
		return "the ledger has lost records that were witnessed";
	if (m->generation != c->service->policy_generation)
		return UNKNOWN_POLICY;
	if (d == NULL)
		return UNKNOWN_DEST;
	if (!model_listed(d, m->model))
		return "the policy names no such model there";
	if (m->deadline_ms == 0)
		return "no time is left";
	return NULL;
}

const char *send_check(struct cloud *c, const struct msg_SEND *m, int body_fd,
		       struct call_plan *ret)
{
	const struct config_cloud *limits = &c->service->config->cloud;
	struct call_plan plan = { .send = *m, .limits = limits };
	const char *no = check_still(c, m);

	if (no != NULL)
		return no;
	if (c->stopping || c->n_calls >= limits->concurrent || c->n_calls >= CALLS_MAX)
		return TOO_MANY;
	const struct policy_destination *d = send_destination(c, m->destination);
	plan.dialect = upstream_dialect_find(policy_api_name(d->api));
	if (plan.dialect == NULL)
		return "the destination's dialect is not supported";
	plan.first_byte_ms = either(d->timeouts.first_byte_ms, limits->first_byte_timeout_ms);
	plan.gap_ms = either(d->timeouts.gap_ms, limits->gap_timeout_ms);
	plan.retries = d->retries;
	plan.retry_wait_ms = d->retry_wait_ms;
	no = plan_fetch(c, d, m, plan.dialect, &plan.fetch);
	if (no == NULL)
		no = check_body(m, body_fd, &plan.body);
	if (no != NULL)
		return no;
	plan.fetch.body = plan.body;
	*ret = plan;
	return NULL;
}

/* The whole list of header fields, in room of the caller's; one of them is the key. */
struct fields {
	const char *all[HEADERS_MAX];
	char version[100], key[KEY_FIELD_BYTES];
};

static void put_fields(struct cloud *c, const struct msg_SEND *m,
		       const struct upstream_dialect *dialect, struct fields *f,
		       struct fetch_plan *plan)
{
	const struct policy_destination *d = send_destination(c, m->destination);
	unsigned n = 0;

	f->all[n++] = "Content-Type: application/json";
	f->all[n++] = m->streaming ? "Accept: text/event-stream" : "Accept: application/json";
	f->all[n++] = USER_AGENT;
	f->all[n++] = "Expect:"; /* libcurl's own 100-continue stays off */
	if (dialect->version_header != NULL) {
		snprintf(f->version, sizeof f->version, "%s: %s", dialect->version_header,
			 d->api_version != NULL ? d->api_version : dialect->version);
		f->all[n++] = f->version;
	}
	if (d->auth_secret != NULL) {
		struct span key = keys_find(c->keys, d->auth_secret);
		const char *field = dialect->key_header;

		snprintf(f->key, sizeof f->key, "%s%.*s%.*s",
			 field != NULL ? field : "Authorization: Bearer ",
			 field != NULL ? 2 : 0, ": ", (int)key.len, key.ptr);
		f->all[n++] = f->key;
	}
	plan->headers = f->all;
	plan->n_headers = n;
}

struct call *send_start(struct cloud *c, struct call_plan *plan,
			const struct call_handler *handler)
{
	struct fields fields;

	put_fields(c, &plan->send, plan->dialect, &fields, &plan->fetch);
	struct call *call = call_start(c->service->loop, c->fetcher, plan, handler, c);
	crypto_wipe(fields.key, sizeof fields.key);
	return call;
}

void send_again(struct cloud *c, struct call *call)
{
	const struct msg_SEND *m = call_send(call);
	struct fetch_plan plan = { .body = { NULL, 0 } };
	struct fields fields;
	const char *no = check_still(c, m);

	if (no != NULL) {
		call_again(call, NULL, no);
		return;
	}
	const struct policy_destination *d = send_destination(c, m->destination);
	const struct upstream_dialect *dialect = upstream_dialect_find(policy_api_name(d->api));
	no = plan_fetch(c, d, m, dialect, &plan);
	if (no != NULL) {
		call_again(call, NULL, no);
		return;
	}
	put_fields(c, m, dialect, &fields, &plan);
	call_again(call, &plan, "");
	crypto_wipe(fields.key, sizeof fields.key);
}
