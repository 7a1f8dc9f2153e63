/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little cryptography the project needs, over Mbed TLS 3.6 (PSA Crypto API 1.x): SHA-256
 * and SHA-512 (FIPS 180-4), ECDSA P-256 with SHA-256 (FIPS 186-5), HMAC-SHA-256 (RFC 2104),
 * random bytes. crypto_init() must succeed once per process before anything else here.
 */
#ifndef HITHER_CRYPTO_CRYPTO_H
#define HITHER_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

#define CRYPTO_SHA256_BYTES     32
#define CRYPTO_SHA256_HEX_BYTES 65 /* with NUL */
#define CRYPTO_KEY_ID_BYTES     17 /* first 16 hex digits of SHA-256 over the SPKI, and NUL */

struct crypto_sha256 {
	uint8_t bytes[CRYPTO_SHA256_BYTES];
};

MUST_CHECK enum err crypto_init(void);

void crypto_sha256(struct span bytes, struct crypto_sha256 *ret);
void crypto_sha256_hex(const struct crypto_sha256 *digest, char out[CRYPTO_SHA256_HEX_BYTES]);
bool crypto_sha256_equal(const struct crypto_sha256 *a,
			 const struct crypto_sha256 *b); /* constant time */
bool crypto_equal(struct span a, struct span b); /* takes a time that only the lengths decide */

/* Incremental. crypto_hasher_end() or _abandon() exactly once for each successful _begin(). */
struct crypto_hasher;
struct crypto_hasher *crypto_hasher_begin(void); /* NULL when memory is out */
void crypto_hasher_add(struct crypto_hasher *h, struct span bytes);
void crypto_hasher_end(struct crypto_hasher *h, struct crypto_sha256 *ret); /* frees h */
void crypto_hasher_abandon(struct crypto_hasher *h);

/* The same for SHA-512: npm states the integrity of its packages with it. */
#define CRYPTO_SHA512_BYTES 64
struct crypto_hasher *crypto_hasher_begin_sha512(void); /* NULL when memory is out */
void crypto_hasher_end_sha512(struct crypto_hasher *h,
			      uint8_t ret[CRYPTO_SHA512_BYTES]); /* frees h */

void crypto_hmac_sha256(struct span key, struct span bytes, struct crypto_sha256 *ret);
void crypto_random(void *out,
		   size_t n); /* never fails: aborts the process when the kernel has none */
void crypto_wipe(void *p, size_t n); /* not optimised away */

/* A P-256 key; its private half lies in memory of crypto/secret.h. Private keys are PEM (SEC1
 * or PKCS#8, unencrypted), public keys PEM SubjectPublicKeyInfo. */
struct crypto_key;
MUST_CHECK enum err crypto_key_generate(struct crypto_key **ret);
MUST_CHECK enum err crypto_key_private(struct span pem, struct crypto_key **ret);
MUST_CHECK enum err crypto_key_public(struct span pem, struct crypto_key **ret);
MUST_CHECK enum err crypto_key_to_pem(const struct crypto_key *k, bool with_private,
				      struct buf *out);
void crypto_key_id(const struct crypto_key *k, char out[CRYPTO_KEY_ID_BYTES]);
void crypto_key_free(struct crypto_key *k); /* NULL is fine; wipes */

/* DER ECDSA-Sig-Value (RFC 3279 section 2.2.3) over SHA-256 of `message`, as
 * `openssl dgst -sha256 -sign` writes it. */
MUST_CHECK enum err crypto_sign(const struct crypto_key *k, struct span message,
				struct buf *out);
/* ERR_OK, ERR_MISMATCH or ERR_NO_MEMORY (nothing was found out). */
MUST_CHECK enum err crypto_verify(const struct crypto_key *k, struct span message,
				  struct span signature);

#endif
