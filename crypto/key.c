/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-256 keys and signatures. mbedtls_pk_context reads and writes the PEM and DER forms that
 * openssl uses. Random numbers for key generation and for blinding come from the kernel through
 * rng().
 *
 * The private half stays as DER in memory that is neither dumped nor inherited nor swapped
 * (secret.h). The library takes its numbers from the heap and cannot be told otherwise where it
 * is the system's, so a context with the private number exists for one signature at a time, and
 * is wiped after it.
 */
#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <stdlib.h>

#include "common/fault.h"
#include "common/text.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

#define PEM_MAX_BYTES     8192
#define DER_MAX_BYTES     512 /* a P-256 SubjectPublicKeyInfo has 91 */
#define PRIVATE_MAX_BYTES 256 /* an ECPrivateKey (RFC 5915) of P-256 has 121 */

struct private_half { /* in memory of its own */
	unsigned char der[PRIVATE_MAX_BYTES];
	size_t bytes;
};

struct crypto_key {
	mbedtls_pk_context pk;  /* the public half */
	struct private_half *d; /* NULL: none */
	char id[CRYPTO_KEY_ID_BYTES];
};

static int rng(void *unused, unsigned char *out, size_t n)
{
	(void)unused;
	crypto_random(out, n);
	return 0;
}

/* A code is the sum of a module's (bits 7 and up) and of what that one was told (below). */
static enum err from_mbedtls(int code, enum err otherwise)
{
	int high = -(-code & 0xff80), low = -(-code & 0x7f);
	bool no_memory =
		high == MBEDTLS_ERR_PK_ALLOC_FAILED || high == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
		high == MBEDTLS_ERR_PEM_ALLOC_FAILED || low == MBEDTLS_ERR_MPI_ALLOC_FAILED ||
		low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;

	return no_memory ? ERR_NO_MEMORY : otherwise;
}

static struct crypto_key *key_new(void)
{
	struct crypto_key *k = fault_here() ? NULL : calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	mbedtls_pk_init(&k->pk);
	return k;
}

void crypto_key_free(struct crypto_key *k)
{
	if (k == NULL)
		return;
	mbedtls_pk_free(&k->pk);
	crypto_secret_free(k->d, sizeof *k->d);
	free(k);
}

/*
 * Keeps the public half and its id, which is made once and for all, because it takes memory. A
 * P-256 key always fits; the writers fill from the back and return how much.
 */
static enum err keep_public(struct crypto_key *k, const mbedtls_pk_context *of)
{
	unsigned char der[DER_MAX_BYTES];
	struct crypto_sha256 digest;
	int n = mbedtls_pk_write_pubkey_der(of, der, sizeof der);

	if (n <= 0 || mbedtls_pk_parse_public_key(&k->pk, der + sizeof der - n, (size_t)n) != 0)
		return ERR_NO_MEMORY;
	crypto_sha256((struct span){ (char *)der + sizeof der - n, (size_t)n }, &digest);
	text_hex(digest.bytes, (CRYPTO_KEY_ID_BYTES - 1) / 2, k->id);
	return ERR_OK;
}

static enum err keep_private(struct crypto_key *k, const mbedtls_pk_context *of)
{
	k->d = crypto_secret_new(sizeof *k->d, NULL);
	int n = k->d != NULL ? mbedtls_pk_write_key_der(of, k->d->der, sizeof k->d->der) : 0;

	if (n <= 0)
		return ERR_NO_MEMORY;
	k->d->bytes = (size_t)n;
	return ERR_OK;
}

/* A context that has both halves; ret is initialised in any case, to be freed. */
static enum err whole(const struct crypto_key *k, mbedtls_pk_context *ret)
{
	mbedtls_pk_init(ret);
	if (k->d == NULL)
		return ERR_NOT_FOUND;
	int code = mbedtls_pk_parse_key(ret, k->d->der + sizeof k->d->der - k->d->bytes,
					k->d->bytes, NULL, 0, rng, NULL);
	return code == 0 ? ERR_OK : ERR_NO_MEMORY;
}

/* Frees `of`, which is whole or, unless `private`, has the public half alone. */
static enum err keep(mbedtls_pk_context *of, bool private, struct crypto_key **ret)
{
	struct crypto_key *k = key_new();
	enum err e = k != NULL ? keep_public(k, of) : ERR_NO_MEMORY;

	if (e == ERR_OK && private)
		e = keep_private(k, of);
	mbedtls_pk_free(of); /* wipes the private number */
	if (e != ERR_OK) {
		crypto_key_free(k);
		return e;
	}
	*ret = k;
	return ERR_OK;
}

enum err crypto_key_generate(struct crypto_key **ret)
{
	mbedtls_pk_context pk;

	mbedtls_pk_init(&pk);
	int code = mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (code == 0)
		code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), rng,
					   NULL);
	if (code == 0)
		return keep(&pk, true, ret);
	mbedtls_pk_free(&pk);
	return from_mbedtls(code, ERR_SYSTEM);
}

static bool is_p256(const mbedtls_pk_context *pk)
{
	if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
		return false;
	return mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*pk)) == MBEDTLS_ECP_DP_SECP256R1;
}

static enum err parse(struct span pem, bool private, struct crypto_key **ret)
{
	unsigned char text[PEM_MAX_BYTES + 1];
	mbedtls_pk_context pk;
	enum err e;
	int code;

	if (pem.len > PEM_MAX_BYTES)
		return ERR_TOO_BIG;
	if (!span_copy(pem, (char *)text, sizeof text))
		return ERR_SYNTAX;
	mbedtls_pk_init(&pk);
	/* The length counts the NUL: that is how the parser knows PEM from DER. */
	if (private)
		code = mbedtls_pk_parse_key(&pk, text, pem.len + 1, NULL, 0, rng, NULL);
	else
		code = mbedtls_pk_parse_public_key(&pk, text, pem.len + 1);
	crypto_wipe(text, sizeof text);
	if (code == 0 && is_p256(&pk))
		return keep(&pk, private, ret);
	e = code != 0 ? from_mbedtls(code, ERR_SYNTAX) : ERR_UNSUPPORTED;
	mbedtls_pk_free(&pk);
	return e;
}

enum err crypto_key_private(struct span pem, struct crypto_key **ret)
{
	return parse(pem, true, ret);
}

enum err crypto_key_public(struct span pem, struct crypto_key **ret)
{
	return parse(pem, false, ret);
}

enum err crypto_key_to_pem(const struct crypto_key *k, bool with_private, struct buf *out)
{
	unsigned char text[PEM_MAX_BYTES];
	mbedtls_pk_context pk;
	int code;

	if (with_private) {
		enum err e = whole(k, &pk);

		code = e == ERR_OK ? mbedtls_pk_write_key_pem(&pk, text, sizeof text) : 0;
		mbedtls_pk_free(&pk);
		if (e != ERR_OK)
			return e;
	} else {
		code = mbedtls_pk_write_pubkey_pem(&k->pk, text, sizeof text);
	}
	if (code == 0)
		buf_add_str(out, (const char *)text);
	crypto_wipe(text, sizeof text);
	return code == 0 && !out->failed ? ERR_OK : ERR_NO_MEMORY;
}

void crypto_key_id(const struct crypto_key *k, char out[CRYPTO_KEY_ID_BYTES])
{
	memcpy(out, k->id, sizeof k->id);
}

enum err crypto_sign(const struct crypto_key *k, struct span message, struct buf *out)
{
	unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	struct crypto_sha256 digest;
	mbedtls_pk_context pk;
	enum err e = whole(k, &pk);
	size_t n = 0;

	crypto_sha256(message, &digest);
	if (e == ERR_OK &&
	    mbedtls_pk_sign(&pk, MBEDTLS_MD_SHA256, digest.bytes, sizeof digest.bytes,
			    signature, sizeof signature, &n, rng, NULL) != 0)
		e = ERR_NO_MEMORY;
	mbedtls_pk_free(&pk);
	if (e != ERR_OK)
		return e;
	buf_add(out, (struct span){ (const char *)signature, n });
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}

enum err crypto_verify(const struct crypto_key *k, struct span message, struct span signature)
{
	struct crypto_sha256 digest;

	crypto_sha256(message, &digest);
	int code = mbedtls_pk_verify((mbedtls_pk_context *)&k->pk, MBEDTLS_MD_SHA256,
				     digest.bytes, sizeof digest.bytes,
				     (const unsigned char *)signature.ptr, signature.len);
	return code == 0 ? ERR_OK : from_mbedtls(code, ERR_MISMATCH);
}
