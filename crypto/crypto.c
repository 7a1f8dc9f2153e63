/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests, MACs and random bytes. The digests are the modules of Mbed TLS themselves: its PSA
 * interface copies what it hashes into memory that it has to allocate first. Random bytes come
 * straight from getrandom(2), because the kernel needs no seeding by us.
 *
 * Hashing cannot fail for a reason a caller could handle (no memory is allocated, the
 * algorithm is built in), so a failure is our own bug and ends the process.
 */
#include <errno.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/fault.h"
#include "common/text.h"
#include "crypto/crypto.h"

struct crypto_hasher {
	bool is_512;
	union {
		mbedtls_sha256_context sha256;
		mbedtls_sha512_context sha512;
	};
};

enum err crypto_init(void)
{
	return psa_crypto_init() == PSA_SUCCESS ? ERR_OK : ERR_SYSTEM;
}

static void must(int code)
{
	if (code != 0)
		abort();
}

/* The API wants a pointer even when there is nothing to read. */
static const uint8_t *bytes_of(struct span s)
{
	return s.len > 0 ? (const uint8_t *)s.ptr : (const uint8_t *)"";
}

void crypto_sha256(struct span bytes, struct crypto_sha256 *ret)
{
	must(mbedtls_sha256(bytes_of(bytes), bytes.len, ret->bytes, 0));
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

static struct crypto_hasher *begin(bool is_512)
{
	struct crypto_hasher *h = fault_here() ? NULL : calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->is_512 = is_512;
	if (is_512) {
		mbedtls_sha512_init(&h->sha512);
		must(mbedtls_sha512_starts(&h->sha512, 0));
	} else {
		mbedtls_sha256_init(&h->sha256);
		must(mbedtls_sha256_starts(&h->sha256, 0));
	}
	return h;
}

struct crypto_hasher *crypto_hasher_begin(void)
{
	return begin(false);
}

struct crypto_hasher *crypto_hasher_begin_sha512(void)
{
	return begin(true);
}

void crypto_hasher_add(struct crypto_hasher *h, struct span bytes)
{
	if (h->is_512)
		must(mbedtls_sha512_update(&h->sha512, bytes_of(bytes), bytes.len));
	else
		must(mbedtls_sha256_update(&h->sha256, bytes_of(bytes), bytes.len));
}

void crypto_hasher_end(struct crypto_hasher *h, struct crypto_sha256 *ret)
{
	must(mbedtls_sha256_finish(&h->sha256, ret->bytes));
	crypto_hasher_abandon(h);
}

void crypto_hasher_end_sha512(struct crypto_hasher *h, uint8_t ret[CRYPTO_SHA512_BYTES])
{
	must(mbedtls_sha512_finish(&h->sha512, ret));
	crypto_hasher_abandon(h);
}

void crypto_hasher_abandon(struct crypto_hasher *h)
{
	if (h == NULL)
		return;
	if (h->is_512)
		mbedtls_sha512_free(&h->sha512);
	else
		mbedtls_sha256_free(&h->sha256);
	free(h);
}

/* RFC 2104 by hand: a key slot for each MAC would be an allocation that can fail. */
void crypto_hmac_sha256(struct span key, struct span bytes, struct crypto_sha256 *ret)
{
	enum { BLOCK = 64 };
	uint8_t inner[BLOCK] = { 0 }, outer[BLOCK];
	struct crypto_sha256 digest;
	mbedtls_sha256_context h;

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
	mbedtls_sha256_init(&h);
	must(mbedtls_sha256_starts(&h, 0));
	must(mbedtls_sha256_update(&h, inner, BLOCK));
	must(mbedtls_sha256_update(&h, bytes_of(bytes), bytes.len));
	must(mbedtls_sha256_finish(&h, digest.bytes));
	must(mbedtls_sha256_starts(&h, 0));
	must(mbedtls_sha256_update(&h, outer, BLOCK));
	must(mbedtls_sha256_update(&h, digest.bytes, sizeof digest.bytes));
	must(mbedtls_sha256_finish(&h, ret->bytes));
	mbedtls_sha256_free(&h);
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
