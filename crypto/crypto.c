/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests, MACs and random bytes. SHA-256 and HMAC go through the PSA Crypto API; random
 * bytes come straight from getrandom(2), because the kernel needs no seeding by us.
 *
 * Hashing cannot fail for a reason a caller could handle (no memory is allocated, the
 * algorithm is built in), so a failure is our own bug and ends the process.
 */
#include <errno.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/fault.h"
#include "common/text.h"
#include "crypto/crypto.h"

struct crypto_hasher {
	psa_hash_operation_t op;
};

enum err crypto_init(void)
{
	return psa_crypto_init() == PSA_SUCCESS ? ERR_OK : ERR_SYSTEM;
}

static void must(psa_status_t status)
{
	if (status != PSA_SUCCESS)
		abort();
}

/* The API wants a pointer even when there is nothing to read. */
static const uint8_t *bytes_of(struct span s)
{
	return s.len > 0 ? (const uint8_t *)s.ptr : (const uint8_t *)"";
}

void crypto_sha256(struct span bytes, struct crypto_sha256 *ret)
{
	size_t n;

	must(psa_hash_compute(PSA_ALG_SHA_256, bytes_of(bytes), bytes.len, ret->bytes,
			      sizeof ret->bytes, &n));
}

void crypto_sha256_hex(const struct crypto_sha256 *digest, char out[CRYPTO_SHA256_HEX_BYTES])
{
	text_hex(digest->bytes, sizeof digest->bytes, out);
}

bool crypto_sha256_equal(const struct crypto_sha256 *a, const struct crypto_sha256 *b)
{
	return crypto_equal((struct span){ (const char *)a->bytes, sizeof a->bytes },
			    (struct span){ (const char *)b->bytes, sizeof b->bytes });
}

bool crypto_equal(struct span a, struct span b)
{
	unsigned difference = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		difference |= (unsigned)(a.ptr[i] ^ b.ptr[i]);
	return difference == 0;
}

static struct crypto_hasher *begin(psa_algorithm_t algorithm)
{
	struct crypto_hasher *h = fault_here() ? NULL : calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->op = psa_hash_operation_init();
	must(psa_hash_setup(&h->op, algorithm));
	return h;
}

struct crypto_hasher *crypto_hasher_begin(void)
{
	return begin(PSA_ALG_SHA_256);
}

struct crypto_hasher *crypto_hasher_begin_sha512(void)
{
	return begin(PSA_ALG_SHA_512);
}

void crypto_hasher_add(struct crypto_hasher *h, struct span bytes)
{
	must(psa_hash_update(&h->op, bytes_of(bytes), bytes.len));
}

void crypto_hasher_end(struct crypto_hasher *h, struct crypto_sha256 *ret)
{
	size_t n;

	must(psa_hash_finish(&h->op, ret->bytes, sizeof ret->bytes, &n));
	free(h);
}

void crypto_hasher_end_sha512(struct crypto_hasher *h, uint8_t ret[CRYPTO_SHA512_BYTES])
{
	size_t n;

	must(psa_hash_finish(&h->op, ret, CRYPTO_SHA512_BYTES, &n));
	free(h);
}

void crypto_hasher_abandon(struct crypto_hasher *h)
{
	if (h == NULL)
		return;
	psa_hash_abort(&h->op);
	free(h);
}

/* RFC 2104 by hand: a PSA key slot for each MAC would be an allocation that can fail. */
void crypto_hmac_sha256(struct span key, struct span bytes, struct crypto_sha256 *ret)
{
	enum { BLOCK = 64 };
	uint8_t inner[BLOCK] = { 0 }, outer[BLOCK];
	struct crypto_sha256 digest;
	psa_hash_operation_t op = psa_hash_operation_init();
	size_t n;

	if (key.len > BLOCK) {
		crypto_sha256(key, &digest);
		memcpy(inner, digest.bytes, sizeof digest.bytes);
	} else if (key.len > 0) {
		memcpy(inner, key.ptr, key.len);
	}
	for (size_t i = 0; i < BLOCK; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	must(psa_hash_setup(&op, PSA_ALG_SHA_256));
	must(psa_hash_update(&op, inner, BLOCK));
	must(psa_hash_update(&op, bytes_of(bytes), bytes.len));
	must(psa_hash_finish(&op, digest.bytes, sizeof digest.bytes, &n));
	op = psa_hash_operation_init();
	must(psa_hash_setup(&op, PSA_ALG_SHA_256));
	must(psa_hash_update(&op, outer, BLOCK));
	must(psa_hash_update(&op, digest.bytes, sizeof digest.bytes));
	must(psa_hash_finish(&op, ret->bytes, sizeof ret->bytes, &n));
	crypto_wipe(inner, sizeof inner);
	crypto_wipe(outer, sizeof outer);
}

void crypto_random(void *out, size_t n)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

void crypto_wipe(void *p, size_t n)
{
	mbedtls_platform_zeroize(p, n);
}
