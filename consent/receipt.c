/* SPDX-License-Identifier: Apache-2.0 */
#include "consent/receipt.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

bool receipt_format_from(const char *word, enum receipt_format *ret)
{
	if (word == NULL || text_empty(word))
		*ret = RECEIPT_OWN;
	else if (strcmp(word, "27560") == 0)
		*ret = RECEIPT_27560;
	else if (strcmp(word, "kantara") == 0)
		*ret = RECEIPT_KANTARA;
	else
		return false;
	return true;
}

const char *receipt_decision(enum record_kind k)
{
	switch (k) {
	case RECORD_APPROVED:
		return "given";
	case RECORD_GRANTED:
		return "released";
	case RECORD_REVOKED:
	case RECORD_WITHDRAWN:
		return "withdrawn";
	case RECORD_REFUSED:
	case RECORD_TIMED_OUT:
	case RECORD_NO_AGENT:
	case RECORD_DISMISSED:
	case RECORD_DENIED:
	case RECORD_LIMITED:
	case RECORD_TAINTED:
	case RECORD_OVER_BUDGET:
		return record_kind_name(k);
	default:
		return NULL;
	}
}

bool receipt_is_event(enum record_kind k)
{
	return receipt_decision(k) != NULL;
}

static void put_time(struct buf *out, const char *key, int64_t ms)
{
	char text[CLOCK_RFC3339_BYTES];

	if (ms == RECORD_ABSENT) {
		json_put_key_cstr(out, key, NULL);
		return;
	}
	clock_rfc3339(ms, text);
	json_put_key_cstr(out, key, text);
}

static void put_number(struct buf *out, const char *key, int64_t n)
{
	json_put_key(out, key);
	if (n == RECORD_ABSENT)
		buf_add_str(out, "null");
	else
		buf_add_i64(out, n);
}

static void put_money(struct buf *out, const char *key, int64_t nano)
{
	json_put_key(out, key);
	if (nano == RECORD_ABSENT)
		buf_add_str(out, "null");
	else
		buf_printf(out, "%.9f", (double)nano / 1e9);
}

static void begin(struct buf *out, const char *key)
{
	if (key != NULL)
		json_put_key(out, key);
	buf_add_char(out, '{');
}

static void put_categories(struct buf *out, const char *key, const struct record *r)
{
	json_put_key(out, key);
	buf_add_str(out, r->categories != NULL ? r->categories : "[]");
}

void receipt_write_line(const struct record *r, struct buf *out)
{
	begin(out, NULL);
	json_put_key_cstr(out, "id", r->id);
	put_time(out, "time", r->time_ms);
	json_put_key_cstr(out, "decision", receipt_decision(r->kind));
	json_put_key_cstr(out, "app", r->app);
	json_put_key_cstr(out, "destination", r->destination);
	json_put_key_cstr(out, "model", r->model);
	json_put_key_cstr(out, "scope", r->scope);
	put_number(out, "bytes", r->bytes);
	json_put_key_cstr(out, "digest", r->digest);
	json_put_key_i64(out, "record", (int64_t)r->seq);
	buf_add_char(out, '}');
}

/* --- our own ------------------------------------------------------------------------- */

static void own_destination(const struct record *r, struct buf *out)
{
	begin(out, "destination");
	json_put_key_cstr(out, "name", r->destination);
	json_put_key_cstr(out, "operator", r->operator_name);
	json_put_key_cstr(out, "region", r->region);
	json_put_key_cstr(out, "model", r->model);
	put_number(out, "retention_days", r->retention_days);
	json_put_key_cstr(out, "trains", r->trains);
	json_put_key_cstr(out, "privacy_url", r->privacy_url);
	buf_add_char(out, '}');
}

static void own_content(const struct record *r, struct buf *out)
{
	begin(out, "content");
	json_put_key_cstr(out, "digest", r->digest);
	put_number(out, "bytes", r->bytes);
	put_number(out, "input_tokens", r->input_tokens);
	put_number(out, "messages", r->messages);
	put_number(out, "attachments", r->attachments);
	buf_add_char(out, '}');
}

static void own_outcome(const struct record *c, struct buf *out)
{
	if (c == NULL) {
		json_put_key_cstr(out, "outcome", NULL);
		return;
	}
	begin(out, "outcome");
	put_time(out, "time", c->time_ms);
	json_put_key_cstr(out, "result", c->outcome);
	put_number(out, "http_status", c->http_status);
	put_number(out, "bytes_out", c->bytes_out);
	put_number(out, "bytes_in", c->bytes_in);
	put_number(out, "input_tokens", c->tokens_in);
	put_number(out, "output_tokens", c->tokens_out);
	json_put_key_cstr(out, "detail", c->detail);
	buf_add_char(out, '}');
}

static void own(const struct record *r, const struct record *c, const char *hash,
		struct buf *out)
{
	begin(out, NULL);
	json_put_key_cstr(out, "schema", "hither.receipt/1");
	json_put_key_cstr(out, "id", r->id);
	json_put_key_cstr(out, "subject", r->subject);
	put_time(out, "time", r->time_ms);
	json_put_key_cstr(out, "decision", receipt_decision(r->kind));
	json_put_key_cstr(out, "scope", r->scope);
	put_time(out, "until", r->until_ms);
	json_put_key_cstr(out, "basis", r->basis);
	json_put_key_cstr(out, "permission", r->permission);
	json_put_key_cstr(out, "mode", r->mode);
	json_put_key_cstr(out, "purpose", r->task);
	put_categories(out, "categories", r);
	own_destination(r, out);
	own_content(r, out);
	begin(out, "app");
	json_put_key_cstr(out, "id", r->app);
	json_put_key_cstr(out, "identity", r->identity);
	buf_add_char(out, '}');
	begin(out, "agent");
	json_put_key_cstr(out, "kind", r->agent);
	json_put_key_cstr(out, "session", r->session);
	buf_add_char(out, '}');
	begin(out, "notice");
	json_put_key_cstr(out, "version", r->notice_version);
	json_put_key_cstr(out, "sha256", r->notice_sha256);
	buf_add_char(out, '}');
	begin(out, "policy");
	json_put_key_cstr(out, "id", r->policy_id);
	put_number(out, "serial", r->policy_serial);
	json_put_key_cstr(out, "sha256", r->policy_sha256);
	json_put_key_cstr(out, "rules", r->rules);
	buf_add_char(out, '}');
	begin(out, "cost");
	json_put_key_cstr(out, "currency", r->currency);
	put_money(out, "estimate", r->cost_estimate_nano);
	put_money(out, "upper_bound", r->cost_bound_nano);
	put_money(out, "actual", c != NULL ? c->cost_nano : RECORD_ABSENT);
	buf_add_char(out, '}');
	own_outcome(c, out);
	json_put_key_cstr(out, "decision_id", r->decision_id);
	json_put_key_cstr(out, "question", r->question);
	json_put_key_cstr(out, "reason", r->reason);
	begin(out, "ledger");
	json_put_key_i64(out, "record", (int64_t)r->seq);
	json_put_key_cstr(out, "refers_to", text_or_null(r->ref));
	json_put_key_cstr(out, "hash", hash);
	buf_add_char(out, '}');
	json_put_key_cstr(out, "revoke", "hither consent grants; hither consent revoke GRANT");
	buf_add_char(out, '}');
}

/* --- ISO/IEC TS 27560 ---------------------------------------------------------------- */

/* pii_information[] out of [{name,count,masked}]. */
static void pii_information(const struct record *r, struct buf *out)
{
	struct json_where where;
	cJSON *root = NULL;
	const cJSON *item;
	bool first = true;

	json_put_key(out, "pii_information");
	buf_add_char(out, '[');
	if (r->categories != NULL &&
	    json_parse(span_of(r->categories), &json_limits_api, &root, &where) != ERR_OK)
		root = NULL;
	cJSON_ArrayForEach (item, root) {
		const char *name = json_get_string(item, "name");
		bool masked = false;

		json_get_bool(item, "masked", &masked);
		if (!first)
			buf_add_char(out, ',');
		first = false;
		begin(out, NULL);
		json_put_key_cstr(out, "pii_type", name);
		json_put_key_cstr(out, "pii_attribute_id", name);
		json_put_key_bool(out, "pii_optional", false);
		json_put_key_bool(out, "sensitive_pii_category",
				  name != NULL && strncmp(name, "secret.", 7) == 0);
		json_put_key_bool(out, "special_pii_category",
				  name != NULL && strncmp(name, "health.", 7) == 0);
		json_put_key_bool(out, "masked", masked);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	cJSON_Delete(root);
}

/* Released because the policy says so, without a question and without an earlier yes. */
static bool by_standing_rule(const struct record *r)
{
	return r->kind == RECORD_GRANTED && r->basis != NULL && strcmp(r->basis, "rule") == 0;
}

static void iso_processing(const struct record *r, struct buf *out)
{
	json_put_key(out, "purposes");
	buf_add_char(out, '[');
	begin(out, NULL);
	json_put_key_cstr(out, "purpose",
			  r->task != NULL && !text_empty(r->task) ? r->task
								  : "answering a prompt");
	json_put_key_cstr(out, "purpose_type", "inference by a language model");
	json_put_key_cstr(out, "lawful_basis",
			  by_standing_rule(r) ? "standing rule of the policy" : "consent");
	pii_information(r, out);
	json_put_key_cstr(out, "pii_controllers", r->operator_name);
	json_put_key_cstr(out, "collection_method",
			  "typed into or read by the program named under parties");
	json_put_key_cstr(out, "processing_method", r->model);
	json_put_key_cstr(out, "storage_locations", r->region);
	put_number(out, "retention_period", r->retention_days);
	json_put_key_cstr(out, "processing_locations", r->region);
	json_put_key_cstr(out, "geographic_restrictions", NULL);
	json_put_key_cstr(out, "jurisdiction", NULL);
	json_put_key_cstr(out, "recipient_third_parties", r->operator_name);
	json_put_key_cstr(out, "withdrawal_method", "hither consent revoke");
	json_put_key_cstr(out, "privacy_rights", r->privacy_url);
	buf_add_str(out, "}]");
}

static void iso_party(struct buf *out, const char *id, const char *name, const char *role)
{
	begin(out, NULL);
	json_put_key_cstr(out, "party_id", id);
	json_put_key_cstr(out, "party_name", name);
	json_put_key_cstr(out, "party_role", role);
	buf_add_char(out, '}');
}

static void iso(const struct record *r, const char *hash, struct buf *out)
{
	begin(out, NULL);
	json_put_key_cstr(out, "schema_version", "ISO/IEC TS 27560:2023, modelled on");
	json_put_key_cstr(out, "record_id", r->id);
	json_put_key_cstr(out, "pii_principal_id", r->subject);
	begin(out, "privacy_notice");
	json_put_key_cstr(out, "version", r->notice_version);
	json_put_key_cstr(out, "sha256", r->notice_sha256);
	buf_add_char(out, '}');
	json_put_key_cstr(out, "language", "en");
	iso_processing(r, out);
	json_put_key(out, "party_identification");
	buf_add_char(out, '[');
	iso_party(out, r->destination, r->operator_name, "pii_controller");
	buf_add_char(out, ',');
	iso_party(out, r->app, r->app, "requesting_program");
	buf_add_char(out, ']');
	json_put_key(out, "events");
	buf_add_char(out, '[');
	begin(out, NULL);
	put_time(out, "event_time", r->time_ms);
	json_put_key_cstr(out, "event_type",
			  by_standing_rule(r) ? "standing rule"
			  : r->mode != NULL   ? "explicit"
					      : "system");
	json_put_key_cstr(out, "event_state", receipt_decision(r->kind));
	json_put_key_cstr(out, "entity_id", r->subject);
	put_time(out, "validity_duration", r->until_ms);
	buf_add_str(out, "}]");
	begin(out, "receipt_metadata");
	json_put_key_cstr(out, "receipt_id", r->id);
	json_put_key_cstr(out, "content_digest", r->digest);
	json_put_key_cstr(out, "basis", r->basis);
	json_put_key_cstr(out, "permission", r->permission);
	json_put_key_cstr(out, "rules", r->rules);
	json_put_key_cstr(out, "policy_sha256", r->policy_sha256);
	json_put_key_i64(out, "ledger_record", (int64_t)r->seq);
	json_put_key_cstr(out, "ledger_hash", hash);
	buf_add_str(out, "}}");
}

/* --- Kantara ------------------------------------------------------------------------- */

/* Its categories are words. */
static void category_names(struct buf *out, const char *key, const struct record *r)
{
	struct json_where where;
	cJSON *root = NULL;
	const cJSON *item;

	if (r->categories != NULL &&
	    json_parse(span_of(r->categories), &json_limits_api, &root, &where) != ERR_OK)
		root = NULL;
	json_put_key(out, key);
	buf_add_char(out, '[');
	cJSON_ArrayForEach (item, root) {
		const char *name = json_get_string(item, "name");

		if (item != root->child)
			buf_add_char(out, ',');
		json_put_string(out, span_of(name != NULL ? name : "unknown"));
	}
	buf_add_char(out, ']');
	cJSON_Delete(root);
}

static void kantara(const struct record *r, struct buf *out)
{
	bool special = r->categories != NULL && strstr(r->categories, "\"health.") != NULL;

	begin(out, NULL);
	json_put_key_cstr(out, "version", "KI-CR-v1.1.0");
	json_put_key_cstr(out, "jurisdiction", r->region != NULL ? r->region : "unknown");
	json_put_key_i64(out, "consentTimestamp", r->time_ms / 1000);
	json_put_key_cstr(out, "collectionMethod", "hither");
	json_put_key_cstr(out, "consentReceiptID", r->id);
	json_put_key_cstr(out, "publicKey", NULL);
	json_put_key_cstr(out, "language", "en");
	json_put_key_cstr(out, "piiPrincipalId", r->subject);
	json_put_key(out, "piiControllers");
	buf_add_char(out, '[');
	begin(out, NULL);
	json_put_key_cstr(out, "piiController",
			  r->operator_name != NULL ? r->operator_name : r->destination);
	buf_add_str(out, "}]");
	json_put_key_cstr(out, "policyUrl", r->privacy_url);
	json_put_key(out, "services");
	buf_add_char(out, '[');
	begin(out, NULL);
	json_put_key_cstr(out, "service", r->destination);
	json_put_key(out, "purposes");
	buf_add_char(out, '[');
	begin(out, NULL);
	json_put_key_cstr(out, "purpose",
			  r->task != NULL && !text_empty(r->task) ? r->task
								  : "answering a prompt");
	json_put_key_cstr(out, "consentType", by_standing_rule(r) ? "IMPLICIT" : "EXPLICIT");
	json_put_key(out, "purposeCategory");
	buf_add_str(out, "[\"core function\"]");
	category_names(out, "piiCategory", r);
	json_put_key_bool(out, "primaryPurpose", true);
	json_put_key_cstr(out, "termination", "hither consent revoke");
	json_put_key_bool(out, "thirdPartyDisclosure", true);
	json_put_key_cstr(out, "thirdPartyName", r->operator_name);
	buf_add_str(out, "}]}]");
	json_put_key_bool(out, "sensitive", special);
	json_put_key(out, "spiCat");
	buf_add_str(out, special ? "[\"health\"]" : "[]");
	buf_add_char(out, '}');
}

void receipt_write(const struct record *r, const struct record *closed, const char *hash,
		   enum receipt_format format, struct buf *out)
{
	if (format == RECEIPT_27560)
		iso(r, hash, out);
	else if (format == RECEIPT_KANTARA)
		kantara(r, out);
	else
		own(r, closed, hash, out);
}
