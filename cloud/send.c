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

#define BODY_MAX_BYTES   ((size_t)64 << 20)
#define HEADERS_MAX      8u
#define HEADER_MAX_BYTES 2200u
#define USER_AGENT       "User-Agent: hither/" HITHER_VERSION
#define TOO_MANY         "too many sends are under way"
#define UNKNOWN_POLICY   "the policy has changed since this was asked"
#define UNKNOWN_DEST     "the policy has no such destination above the device"

static bool grant_is_fresh(struct cloud *c, uint64_t ledger_seq)
{
	for (unsigned i = 0; i < GRANTS_KEPT; i++)
		if (c->grants[i] == ledger_seq)
			return false;
	c->grants[c->next_grant++ % GRANTS_KEPT] = ledger_seq;
	return true;
}

static const struct policy_destination *find(struct cloud *c, const char *name)
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

static const char *plan_fetch(const struct cloud *c, const struct policy_destination *d,
			      const struct call_plan *plan, struct fetch_plan *ret)
{
	const struct config_cloud *limits = &c->service->config->cloud;
	bool trusted = d->tier == POLICY_TIER_TRUSTED;

	if (endpoint_parse(d->base_url, plan->dialect->path, &ret->at) != ERR_OK)
		return "the destination's base_url is not one that can be used";
	if (d->auth_mtls != NULL)
		return "client certificates are not supported yet";
	if (d->auth_secret != NULL && keys_find(c->keys, d->auth_secret).len == 0)
		return "the destination's key is missing: put it into secrets.d, mode 0600, "
		       "and "
		       "reload";
	choose_proxy(c, d, ret);
	/* A proxy that the policy or the person names may lie anywhere but in odd ranges. */
	/* What the policy names as this machine may be it; a name that only resolves to it may
	 * not. */
	ret->addresses.loopback =
		trusted || ret->at.loopback || limits->allow_loopback || ret->proxy[0] != '\0';
	ret->addresses.local = trusted || ret->proxy[0] != '\0';
	ret->ca_file = d->pin_ca_file != NULL ? d->pin_ca_file : limits->ca_file;
	ret->pin_sha256 = d->pin_sha256;
	ret->connect_timeout_ms = limits->connect_timeout_ms;
	ret->total_timeout_ms = plan->send.deadline_ms < limits->total_timeout_ms
					? plan->send.deadline_ms
					: limits->total_timeout_ms;
	ret->header_bytes = limits->header_bytes;
	ret->body_bytes = limits->total_bytes;
	return NULL;
}

const char *send_check(struct cloud *c, const struct msg_SEND *m, int body_fd,
		       struct call_plan *ret)
{
	struct call_plan plan = { .send = *m, .limits = &c->service->config->cloud };
	const struct policy_destination *d = find(c, m->destination);
	const char *no;

	if (m->ledger_seq == 0 || !grant_is_fresh(c, m->ledger_seq))
		return "the ledger entry was used before";
	if (c->rolled_back)
		return "the ledger has lost records that were witnessed";
	if (c->stopping || c->n_calls >= c->service->config->cloud.concurrent ||
	    c->n_calls >= CALLS_MAX)
		return TOO_MANY;
	if (m->generation != c->service->policy_generation)
		return UNKNOWN_POLICY;
	if (d == NULL)
		return UNKNOWN_DEST;
	if (m->deadline_ms == 0)
		return "no time is left";
	plan.dialect = upstream_dialect_find(policy_api_name(d->api));
	if (plan.dialect == NULL || plan.dialect->path_for != NULL)
		return "the destination's dialect is not supported yet";
	no = plan_fetch(c, d, &plan, &plan.fetch);
	if (no == NULL)
		no = check_body(m, body_fd, &plan.body);
	if (no != NULL)
		return no;
	plan.fetch.body = plan.body;
	*ret = plan;
	return NULL;
}

struct call *send_start(struct cloud *c, struct call_plan *plan,
			const struct call_handler *handler)
{
	char authorization[HEADER_MAX_BYTES];
	const char *headers[HEADERS_MAX] = {
		"Content-Type: application/json",
		plan->send.streaming ? "Accept: text/event-stream" : "Accept: application/json",
		USER_AGENT, "Expect:", /* libcurl's own 100-continue stays off */
	};
	const struct policy_destination *d = find(c, plan->send.destination);

	plan->fetch.headers = headers;
	plan->fetch.n_headers = 4;
	for (const char *const *h = plan->dialect->headers;
	     h != NULL && *h != NULL && plan->fetch.n_headers < HEADERS_MAX - 1; h++)
		headers[plan->fetch.n_headers++] = *h;
	if (d->auth_secret != NULL) {
		struct span key = keys_find(c->keys, d->auth_secret);
		const char *field = plan->dialect->key_header;

		snprintf(authorization, sizeof authorization, "%s%.*s%.*s",
			 field != NULL ? field : "Authorization: Bearer ",
			 field != NULL ? 2 : 0, ": ", (int)key.len, key.ptr);
		headers[plan->fetch.n_headers++] = authorization;
	}
	struct call *call = call_start(c->service->loop, c->fetcher, plan, handler, c);
	crypto_wipe(authorization, sizeof authorization);
	return call;
}
