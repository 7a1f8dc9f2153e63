/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-256 keys and signatures. A key lives in an mbedtls_pk_context: that layer reads and
 * writes the PEM and DER forms that openssl uses. Random numbers for key generation and for
 * blinding come from the kernel through rng().
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

#define PEM_MAX_BYTES 8192
#define DER_MAX_BYTES 512 /* a P-256 SubjectPublicKeyInfo has 91 */

struct crypto_key {
	mbedtls_pk_context pk;
	bool has_private;
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

static struct crypto_key *key_new(bool has_private)
{
	struct crypto_key *k = fault_here() ? NULL : calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	mbedtls_pk_init(&k->pk);
	k->has_private = has_private;
	return k;
}

void crypto_key_free(struct crypto_key *k)
{
	if (k == NULL)
		return;
	mbedtls_pk_free(&k->pk); /* wipes the private number */
	free(k);
}

/* Once and for all, because it takes memory. A P-256 key always fits. */
static enum err make_id(struct crypto_key *k)
{
	unsigned char der[DER_MAX_BYTES];
	struct crypto_sha256 digest;
	/* The writer fills from the back and returns how much. */
	int n = mbedtls_pk_write_pubkey_der(&k->pk, der, sizeof der);

	if (n <= 0)
		return ERR_NO_MEMORY;
	crypto_sha256((struct span){ (char *)der + sizeof der - n, (size_t)n }, &digest);
	text_hex(digest.bytes, (CRYPTO_KEY_ID_BYTES - 1) / 2, k->id);
	return ERR_OK;
}

enum err crypto_key_generate(struct crypto_key **ret)
{
	struct crypto_key *k = key_new(true);

	if (k == NULL)
		return ERR_NO_MEMORY;
	int code = mbedtls_pk_setup(&k->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (code == 0)
		code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(k->pk), rng,
					   NULL);
	enum err e = code == 0 ? make_id(k) : from_mbedtls(code, ERR_SYSTEM);
	if (e != ERR_OK) {
		crypto_key_free(k);
		return e;
	}
	*ret = k;
	return ERR_OK;
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
	struct crypto_key *k;
	enum err e = ERR_OK;
	int code;

	if (pem.len > PEM_MAX_BYTES)
		return ERR_TOO_BIG;
	if (!span_copy(pem, (char *)text, sizeof text))
		return ERR_SYNTAX;
	k = key_new(private);
	if (k == NULL) {
		e = ERR_NO_MEMORY;
		goto out;
	}
	/* The length counts the NUL: that is how the parser knows PEM from DER. */
	if (private)
		code = mbedtls_pk_parse_key(&k->pk, text, pem.len + 1, NULL, 0, rng, NULL);
	else
		code = mbedtls_pk_parse_public_key(&k->pk, text, pem.len + 1);
	if (code != 0)
		e = from_mbedtls(code, ERR_SYNTAX);
	else if (!is_p256(&k->pk))
		e = ERR_UNSUPPORTED;
	else
		e = make_id(k);
	if (e != ERR_OK) {
		crypto_key_free(k);
		goto out;
	}
	*ret = k;
out:
	crypto_wipe(text, sizeof text);
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
	int code;

	if (with_private && !k->has_private)
		return ERR_NOT_FOUND;
	if (with_private)
		code = mbedtls_pk_write_key_pem(&k->pk, text, sizeof text);
	else
		code = mbedtls_pk_write_pubkey_pem(&k->pk, text, sizeof text);
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
	size_t n;

	if (!k->has_private)
		return ERR_NOT_FOUND;
	crypto_sha256(message, &digest);
	/* The context is written to only for blinding state; the key itself stays. */
	int code = mbedtls_pk_sign((mbedtls_pk_context *)&k->pk, MBEDTLS_MD_SHA256,
				   digest.bytes, sizeof digest.bytes, signature,
				   sizeof signature, &n, rng, NULL);
	if (code != 0)
		return ERR_NO_MEMORY;
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
