/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detached signatures: ECDSA P-256 over SHA-256 of a file's raw bytes, comments and white
 * space included. FILE.sig is one JSON object, or a list of them when several people sign:
 *
 *   {"alg":"ES256","key_id":"<first 16 hex digits of SHA-256 of the SPKI>","sig":"<base64 of
 * DER>"}
 *
 * Invariants
 *   1. A key counts once, however often it stands in the trust folder or in the list.
 *   2. Anything unknown in a signature file refuses it; a key nobody trusts is passed over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/fault.h"
#include "common/text.h"
#include "crypto/crypto.h"
#include "policy/policy_impl.h"

#define MAX_KEYS       32u
#define MAX_SIGNATURES 32u
#define SIG_MAX_BYTES  ((size_t)64 * 1024)

struct policy_trust {
	struct crypto_key *keys[MAX_KEYS];
	char ids[MAX_KEYS][CRYPTO_KEY_ID_BYTES];
	size_t n;
	unsigned threshold;
};

static enum err fail(struct policy_error *e, enum err why, const char *problem,
		     const char *expected)
{
	*e = (struct policy_error){ .line = 0 };
	snprintf(e->problem, sizeof e->problem, "%s", problem);
	snprintf(e->expected, sizeof e->expected, "%s", expected);
	return why;
}

static bool trusted(const struct policy_trust *t, const char *id, size_t *ret)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->ids[i], id) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static enum err trust_add(struct policy_trust *t, struct span pem, struct policy_error *reterr)
{
	struct crypto_key *k = NULL;
	size_t known;

	if (t->n == MAX_KEYS)
		return fail(reterr, ERR_TOO_BIG, "too many trusted keys", "at most 32");
	enum err e = crypto_key_public(pem, &k);
	if (e == ERR_NO_MEMORY)
		return fail(reterr, e, "memory is out", "");
	if (e != ERR_OK)
		return fail(reterr, ERR_SYNTAX, "a trusted key cannot be read",
			    "a P-256 public key in PEM");
	crypto_key_id(k, t->ids[t->n]);
	if (trusted(t, t->ids[t->n], &known)) {
		crypto_key_free(k);
		return ERR_OK;
	}
	t->keys[t->n++] = k;
	return ERR_OK;
}

enum err policy_trust_new(const struct span *pems, size_t n, unsigned threshold,
			  struct policy_trust **ret, struct policy_error *reterr)
{
	struct policy_trust *t = fault_here() ? NULL : calloc(1, sizeof *t);
	enum err e = ERR_OK;

	if (t == NULL)
		return fail(reterr, ERR_NO_MEMORY, "memory is out", "");
	t->threshold = threshold;
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = trust_add(t, pems[i], reterr);
	if (e == ERR_OK && (threshold < 1 || threshold > t->n))
		e = fail(reterr, ERR_SYNTAX, "the threshold does not fit the trusted keys",
			 "a number from 1 to the number of different keys");
	if (e == ERR_OK)
		*ret = t;
	else
		policy_trust_free(t);
	return e;
}

void policy_trust_free(struct policy_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		crypto_key_free(t->keys[i]);
	free(t);
}

/* ---------------------------------------------------------------- verifying */

struct signature {
	const char *alg, *key_id, *sig;
};

static enum err signature_read(const cJSON *node, struct signature *ret,
			       struct policy_error *reterr)
{
	*ret = (struct signature){ json_get_string(node, "alg"),
				   json_get_string(node, "key_id"),
				   json_get_string(node, "sig") };
	if (!cJSON_IsObject(node) || cJSON_GetArraySize(node) != 3 || ret->alg == NULL ||
	    ret->key_id == NULL || ret->sig == NULL)
		return fail(reterr, ERR_SYNTAX, "the signature file is malformed",
			    "{\"alg\", \"key_id\", \"sig\"}, or a list of them");
	if (strcmp(ret->alg, "ES256") != 0)
		return fail(reterr, ERR_SYNTAX, "unknown signature algorithm", "ES256");
	return ERR_OK;
}

static enum err check(const struct policy_trust *t, const struct signature *s, struct span text,
		      uint32_t *agreed, struct policy_error *reterr)
{
	struct buf der;
	size_t key;
	enum err e;

	if (!trusted(t, s->key_id, &key))
		return ERR_OK;
	buf_init(&der, SIG_MAX_BYTES);
	e = text_unbase64(span_of(s->sig), &der);
	if (der.failed)
		e = fail(reterr, ERR_NO_MEMORY, "memory is out", "");
	else if (e != ERR_OK)
		e = fail(reterr, ERR_SYNTAX, "the signature is not base64", "base64 of DER");
	else if (crypto_verify(t->keys[key], text, buf_span(&der)) != ERR_OK)
		e = fail(reterr, ERR_MISMATCH, "the signature does not match the file",
			 "the file as it was signed");
	else
		*agreed |= UINT32_C(1) << key;
	buf_free(&der);
	return e;
}

/* Calls check() for each signature; the first key that agrees goes to ret_key_id. */
static enum err check_all(const struct policy_trust *t, const cJSON *root, struct span text,
			  char *ret_key_id, struct policy_error *reterr)
{
	const cJSON *node = cJSON_IsArray(root) ? root->child : root;
	uint32_t agreed = 0;

	if (cJSON_IsArray(root) && cJSON_GetArraySize(root) > (int)MAX_SIGNATURES)
		return fail(reterr, ERR_TOO_BIG, "too many signatures", "at most 32");
	for (; node != NULL; node = node->next) {
		struct signature s;
		bool first = agreed == 0;
		enum err e = signature_read(node, &s, reterr);

		if (e == ERR_OK)
			e = check(t, &s, text, &agreed, reterr);
		if (e != ERR_OK)
			return e;
		if (first && agreed != 0)
			memcpy(ret_key_id, s.key_id, CRYPTO_KEY_ID_BYTES);
	}
	if ((unsigned)__builtin_popcount(agreed) >= t->threshold)
		return ERR_OK;
	if (agreed == 0)
		return fail(reterr, ERR_MISMATCH, "no trusted key signed the file",
			    "a signature by a key of the trust folder");
	return fail(reterr, ERR_MISMATCH, "too few trusted keys signed the file",
		    "as many as the threshold asks for");
}

enum err policy_verify(const struct policy_trust *t, struct span text, struct span signature,
		       char *ret_key_id, struct policy_error *reterr)
{
	struct json_where where;
	cJSON *root = NULL;
	enum err e;

	if (signature.len > SIG_MAX_BYTES)
		return fail(reterr, ERR_TOO_BIG, "the signature file is too long",
			    "at most 64 KiB");
	e = json_parse(signature, &json_limits_api, &root, &where);
	if (e == ERR_NO_MEMORY)
		return fail(reterr, e, "memory is out", "");
	if (e != ERR_OK)
		return fail(reterr, ERR_SYNTAX, "the signature file is not JSON",
			    "{\"alg\", \"key_id\", \"sig\"}, or a list of them");
	e = check_all(t, root, text, ret_key_id, reterr);
	cJSON_Delete(root);
	return e;
}

/* ---------------------------------------------------------------- signing */

static enum err put_signature(const struct crypto_key *k, struct span text, struct buf *out)
{
	char id[CRYPTO_KEY_ID_BYTES];
	struct buf der;
	enum err e;

	crypto_key_id(k, id);
	buf_init(&der, 256);
	e = crypto_sign(k, text, &der);
	if (e == ERR_OK) {
		buf_printf(out, "{\"alg\":\"ES256\",\"key_id\":\"%s\",\"sig\":\"", id);
		text_base64(out, buf_span(&der));
		buf_add_str(out, "\"}");
	}
	if (der.failed) /* a signature always fits */
		e = ERR_NO_MEMORY;
	buf_free(&der);
	return e;
}

/* The signatures there are, each followed by a comma; "[" in front. */
static enum err put_existing(struct span existing, struct buf *out, struct policy_error *reterr)
{
	struct json_where where;
	cJSON *root = NULL;
	enum err e = json_parse(existing, &json_limits_api, &root, &where);

	if (e != ERR_OK)
		return fail(reterr, e, "the existing signature file is not JSON", "");
	buf_add_char(out, '[');
	for (const cJSON *n = cJSON_IsArray(root) ? root->child : root;
	     n != NULL && e == ERR_OK; n = n->next) {
		struct signature s;

		e = signature_read(n, &s, reterr);
		json_put_tree(out, n);
		buf_add_char(out, ',');
	}
	cJSON_Delete(root);
	return e;
}

enum err policy_sign(struct span private_pem, struct span text, struct span existing,
		     struct buf *out, struct policy_error *reterr)
{
	struct crypto_key *k = NULL;
	bool joins = existing.len > 0;
	enum err e = crypto_key_private(private_pem, &k);

	if (e != ERR_OK)
		return fail(reterr, e, "the key cannot be read",
			    "an unencrypted P-256 private key in PEM");
	if (joins)
		e = put_existing(existing, out, reterr);
	if (e == ERR_OK) {
		e = put_signature(k, text, out);
		buf_add_str(out, joins ? "]\n" : "\n");
		if (e == ERR_OK && out->failed)
			e = ERR_NO_MEMORY;
		if (e != ERR_OK)
			fail(reterr, e, "the signature could not be made", "");
	}
	crypto_key_free(k);
	return e;
}
