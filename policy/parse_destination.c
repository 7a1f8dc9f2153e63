/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block `destinations`: who runs a place, where it is, on what terms, and how it is
 * spoken to. Whatever ends up in a request's address or header fields is checked here, where
 * a person sees what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "policy/policy_impl.h"

#define TIME_LIMIT_MS UINT64_C(600000) /* of one exchange: ipc/messages.def, SEND */

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Nothing that names a user, a query or a fragment, or that two readers could take apart
 * differently: what cloud/endpoint.c refuses is refused here, where a person sees it. */
static bool is_plain_url(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || strchr("@?#\\\"<>^`{|}", *s) != NULL)
			return false;
	return true;
}

/* unix:PATH[:/PREFIX], the path absolute. */
static bool is_unix_address(const char *s)
{
	const char *colon = strchr(s, ':');

	return s[0] == '/' &&
	       (colon == NULL || (colon[1] == '/' && is_plain_url(colon)) || colon[1] == '\0');
}

/* https anywhere, http only to this machine, or a Unix socket. */
static bool on_base_url(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const char *const loopback[] = { "http://127.0.0.1", "http://[::1]",
						"http://localhost" };

	if (!field_text(r, v, field, k))
		return false;
	if (starts(v->valuestring, "unix:") && is_unix_address(v->valuestring + 5))
		return true;
	/* never shown: it may hold a password or a key */
	if (!is_plain_url(v->valuestring))
		return reader_fail(
			r, v, "SCHEME://HOST[:PORT][/PATH]; a key belongs in auth.secret",
			"a user name, password, query, fragment or odd character in an "
			"address");
	if (starts(v->valuestring, "https://") && v->valuestring[8] != '\0' &&
	    v->valuestring[8] != '/')
		return true;
	for (size_t i = 0; i < LEN(loopback); i++) {
		char after = '\0';

		if (starts(v->valuestring, loopback[i]))
			after = v->valuestring[strlen(loopback[i])];
		if (after == ':' || after == '/')
			return true;
	}
	return reader_fail(r, v,
			   "https://…, http:// to 127.0.0.1, [::1] or localhost, or unix:PATH",
			   "\"%.80s\" is not an address hither connects to", v->valuestring);
}

static bool on_proxy(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	if (!field_text(r, v, field, k))
		return false;
	const char *s = v->valuestring;
	bool url = (starts(s, "http://") && s[7] != '\0') ||
		   (starts(s, "https://") && s[8] != '\0');

	if (!(url || strcmp(s, "none") == 0 || strcmp(s, "env") == 0))
		return reader_fail(r, v, "none, env, http://… or https://…", "not a proxy");
	return true;
}

static const struct key price_keys[] = {
	{ "currency", field_currency, offsetof(struct policy_price, currency), NULL },
	{ "input_per_mtok", field_amount, offsetof(struct policy_price, input_per_mtok), NULL },
	{ "cached_input_per_mtok", field_amount,
	  offsetof(struct policy_price, cached_input_per_mtok), NULL },
	{ "output_per_mtok", field_amount, offsetof(struct policy_price, output_per_mtok),
	  NULL },
};

static bool on_price(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_price *price = field;

	(void)k;
	if (!read_object(r, v, price_keys, LEN(price_keys), price))
		return false;
	if (price->cached_input_per_mtok > price->input_per_mtok)
		return reader_fail(r, v, "at most input_per_mtok",
				   "tokens of the cache cost more than others");
	price->known = !text_empty(price->currency) && json_get(v, "input_per_mtok") != NULL &&
		       json_get(v, "output_per_mtok") != NULL;
	return true;
}

/* Base64 of 32 bytes: 43 letters and one '='. */
static bool is_pin(const char *s)
{
	return strlen(s) == 44 && s[43] == '=' &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
		       43;
}

/* One, or a list: the key in use and those that may follow it. */
static bool on_pins(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const char expected[] =
		"base64 of SHA-256 over the public key (44 characters), or up to 4 of them";
	struct policy_destination *d = field;
	struct words words = { NULL, 1 };

	if (cJSON_IsArray(v)) {
		if (!field_words(r, v, &words, k))
			return false;
	} else {
		words.items = arena_alloc(r->arena, sizeof *words.items);
		if (words.items == NULL)
			return reader_no_memory(r);
		if (!read_copy(r, v, WORD_MAX_BYTES, &words.items[0]))
			return false;
	}
	if (words.n == 0 || words.n > POLICY_PINS_MAX)
		return reader_fail(r, v, expected, "not a pin");
	for (size_t i = 0; i < words.n; i++) {
		if (!is_pin(words.items[i]))
			return reader_fail(r, v, expected, "\"%.50s\" is not a pin",
					   words.items[i]);
	}
	d->pins_sha256 = words.items;
	d->n_pins_sha256 = words.n;
	return true;
}

static const struct key pin_keys[] = {
	{ "ca_file", field_text, offsetof(struct policy_destination, pin_ca_file), NULL },
	WHOLE("sha256", on_pins),
};

static bool on_pin(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, pin_keys, LEN(pin_keys), field);
}

static const struct key auth_keys[] = {
	{ "secret", field_text, offsetof(struct policy_destination, auth_secret), NULL },
	{ "mtls", field_text, offsetof(struct policy_destination, auth_mtls), NULL },
};

static bool on_auth(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, auth_keys, LEN(auth_keys), field);
}

static bool on_models(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_destination *d = field;
	struct words words;

	if (!field_words(r, v, &words, k))
		return false;
	d->models = words.items;
	d->n_models = words.n;
	return true;
}

/* Becomes part of an address or a header field. */
static bool on_api_version(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	if (!field_text(r, v, field, k))
		return false;
	size_t n = strspn(v->valuestring, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789.-_");
	if (n == 0 || n > 40 || v->valuestring[n] != '\0')
		return reader_fail(r, v, "up to 40 letters, digits, '.', '-' and '_'",
				   "not a version");
	return true;
}

/* ---------------------------------------------------------------- limits */

/* k->arg: the largest value. */
static bool on_number(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	const uint32_t *max = k->arg;
	int64_t n;

	if (!field_count(r, v, &n, &(struct key){ .name = k->name }))
		return false;
	if (n > *max)
		return reader_fail(r, v, "a smaller number", "more than %u", *max);
	*(uint32_t *)field = (uint32_t)n;
	return true;
}

static bool on_time(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	uint64_t ms;

	if (!field_duration(r, v, &ms, k))
		return false;
	if (ms == 0 || ms > TIME_LIMIT_MS)
		return reader_fail(r, v, "\"1s\" to \"10m\"", "time out of range");
	*(uint32_t *)field = (uint32_t)ms;
	return true;
}

#define DEST(field) offsetof(struct policy_destination, field)
static const struct key timeout_keys[] = {
	{ "connect", on_time, DEST(timeouts.connect_ms), NULL },
	{ "first_byte", on_time, DEST(timeouts.first_byte_ms), NULL },
	{ "gap", on_time, DEST(timeouts.gap_ms), NULL },
	{ "total", on_time, DEST(timeouts.total_ms), NULL },
};

static bool on_timeouts(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, timeout_keys, LEN(timeout_keys), field);
}

static const uint32_t retry_max = POLICY_RETRY_MAX, breaker_most = POLICY_BREAKER_MOST,
		      concurrent_max = POLICY_CONCURRENT_MAX, queue_max = POLICY_DEST_QUEUE_MAX;

static const struct key retry_keys[] = {
	{ "attempts", on_number, DEST(retries), &retry_max },
	{ "max_wait", on_time, DEST(retry_wait_ms), NULL },
};

static bool on_retry(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, retry_keys, LEN(retry_keys), field);
}

static const struct key breaker_keys[] = {
	{ "failures", on_number, DEST(breaker_failures), &breaker_most },
	{ "rest", on_time, DEST(breaker_open_ms), NULL },
};

static bool on_breaker(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, breaker_keys, LEN(breaker_keys), field);
}

/* ---------------------------------------------------------------- one destination */

static const struct key destination_keys[] = {
	{ "tier", field_word, DEST(tier), &vocab_tier },
	{ "api", field_word, DEST(api), &vocab_api },
	{ "operator", field_text, DEST(operator_name), NULL },
	{ "region", field_text, DEST(region), NULL },
	{ "base_url", on_base_url, DEST(base_url), NULL },
	WHOLE("models", on_models),
	{ "retention_days", field_count, DEST(retention_days), NULL },
	{ "trains", field_tri, DEST(trains), NULL },
	{ "price", on_price, DEST(price), NULL },
	WHOLE("pin", on_pin),
	{ "proxy", on_proxy, DEST(proxy), NULL },
	WHOLE("auth", on_auth),
	{ "privacy_url", field_text, DEST(privacy_url), NULL },
	{ "api_version", on_api_version, DEST(api_version), NULL },
	WHOLE("timeouts", on_timeouts),
	{ "concurrent", on_number, DEST(concurrent), &concurrent_max },
	{ "queue", on_number, DEST(queue), &queue_max },
	WHOLE("retry", on_retry),
	WHOLE("breaker", on_breaker),
};

static bool destination_read(struct reader *r, const cJSON *v, struct policy_destination *d)
{
	*d = (struct policy_destination){ .retention_days = UNSTATED,
					  .price = { .cached_input_per_mtok = UNSTATED },
					  .queue = POLICY_QUEUE_USUAL,
					  .retry_wait_ms = POLICY_RETRY_WAIT_MS,
					  .breaker_open_ms = POLICY_BREAKER_OPEN_MS,
					  .file = r->file };
	if (!reader_key_copy(r, v, &d->name))
		return false;
	if (!name_is_id(d->name))
		return reader_fail(r, v, "1 to 63 letters, digits, '.', '_' or '-'",
				   "\"%.60s\" is no name for a destination", d->name);
	if (!read_object(r, v, destination_keys, LEN(destination_keys), d))
		return false;
	if (json_get(v, "tier") == NULL)
		return reader_fail(r, v, "\"tier\": device, trusted or cloud",
				   "destination \"%s\" has no tier", d->name);
	if (json_get(v, "api") == NULL && (r->flags & POLICY_INLINE) == 0)
		return reader_fail(r, v, "\"api\": the dialect it speaks, openai when in doubt",
				   "destination \"%s\" has no api", d->name);
	if (!(strcmp(d->name, "local") != 0 || d->tier == POLICY_TIER_DEVICE))
		return reader_fail(r, v, "\"tier\": \"device\"",
				   "\"local\" always means this device");
	return true;
}

bool destinations_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;

	(void)k;
	if (!reader_room(r, v, sizeof *f->destinations, &f->destinations))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		if (!destination_read(r, kid, &f->destinations[f->n_destinations++]))
			return false;
	}
	return true;
}
