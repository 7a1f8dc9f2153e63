/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors, round trips, and both directions with the openssl command. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

static void sha256(void **state)
{
	/* FIPS 180-4 example values. */
	static const struct {
		const char *text, *want;
	} vectors[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	struct crypto_sha256 d, again;
	char text[CRYPTO_SHA256_HEX_BYTES];

	(void)state;
	for (size_t i = 0; i < LEN(vectors); i++) {
		crypto_sha256(span_of(vectors[i].text), &d);
		crypto_sha256_hex(&d, text);
		assert_string_equal(text, vectors[i].want);
	}
	struct crypto_hasher *h = crypto_hasher_begin();
	assert_non_null(h);
	for (int i = 0; i < 1000; i++) {
		static char a[1000];

		memset(a, 'a', sizeof a);
		crypto_hasher_add(h, (struct span){ a, sizeof a });
	}
	crypto_hasher_add(h, (struct span){ NULL, 0 });
	crypto_hasher_end(h, &again);
	crypto_sha256_hex(&again, text);
	assert_string_equal(text,
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	crypto_hasher_abandon(crypto_hasher_begin());

	assert_false(crypto_sha256_equal(&d, &again));
	again = d;
	assert_true(crypto_sha256_equal(&d, &again));
	again.bytes[31] ^= 1;
	assert_false(crypto_sha256_equal(&d, &again));
}

static void hmac(void **state)
{
	/* RFC 4231 cases 1, 2 and 6. */
	char key[131], text[CRYPTO_SHA256_HEX_BYTES];
	struct crypto_sha256 mac;

	(void)state;
	memset(key, 0x0b, 20);
	crypto_hmac_sha256((struct span){ key, 20 }, SPAN_LITERAL("Hi There"), &mac);
	crypto_sha256_hex(&mac, text);
	assert_string_equal(text,
			    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	crypto_hmac_sha256(SPAN_LITERAL("Jefe"), SPAN_LITERAL("what do ya want for nothing?"),
			   &mac);
	crypto_sha256_hex(&mac, text);
	assert_string_equal(text,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	crypto_hmac_sha256(
		(struct span){ key, sizeof key },
		SPAN_LITERAL("Test Using Larger Than Block-Size Key - Hash Key First"), &mac);
	crypto_sha256_hex(&mac, text);
	assert_string_equal(text,
			    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void keys_sign_and_verify(void **state)
{
	struct crypto_key *k = NULL, *private = NULL, *public = NULL, *other = NULL;
	struct buf pem, pub, sig;
	char id[CRYPTO_KEY_ID_BYTES], id2[CRYPTO_KEY_ID_BYTES];

	(void)state;
	buf_init(&pem, 8192);
	buf_init(&pub, 8192);
	buf_init(&sig, 200);
	assert_int_equal(crypto_key_generate(&k), ERR_OK);
	assert_int_equal(crypto_key_generate(&other), ERR_OK);
	assert_int_equal(crypto_key_to_pem(k, true, &pem), ERR_OK);
	assert_int_equal(crypto_key_to_pem(k, false, &pub), ERR_OK);
	assert_int_equal(crypto_key_private(buf_span(&pem), &private), ERR_OK);
	assert_int_equal(crypto_key_public(buf_span(&pub), &public), ERR_OK);
	crypto_key_id(k, id);
	crypto_key_id(public, id2);
	assert_string_equal(id, id2);
	assert_int_equal(strlen(id), 16);
	crypto_key_id(other, id2);
	assert_string_not_equal(id, id2);

	struct span message = SPAN_LITERAL("bytes to sign");
	assert_int_equal(crypto_sign(private, message, &sig), ERR_OK);
	assert_int_equal(crypto_verify(public, message, buf_span(&sig)), ERR_OK);
	assert_int_equal(crypto_verify(k, message, buf_span(&sig)), ERR_OK);
	assert_int_equal(crypto_verify(other, message, buf_span(&sig)), ERR_MISMATCH);
	assert_int_equal(crypto_verify(public, SPAN_LITERAL("bytes to sigm"), buf_span(&sig)),
			 ERR_MISMATCH);
	assert_int_equal(crypto_verify(public, message, (struct span){ NULL, 0 }),
			 ERR_MISMATCH);
	for (size_t i = 0; i < sig.len; i++) {
		sig.ptr[i] ^= 1;
		CHECK(crypto_verify(public, message, buf_span(&sig)) == ERR_MISMATCH,
		      "a signature with one bit changed");
		sig.ptr[i] ^= 1;
	}
	buf_add_char(&sig, 0);
	CHECK(crypto_verify(public, message, buf_span(&sig)) == ERR_MISMATCH,
	      "a signature with a byte too many");
	assert_int_equal(crypto_sign(public, message, &sig), ERR_NOT_FOUND);
	assert_int_equal(crypto_key_to_pem(public, true, &pem), ERR_NOT_FOUND);
	crypto_key_free(k);
	crypto_key_free(private);
	crypto_key_free(public);
	crypto_key_free(other);
	crypto_key_free(NULL);
	buf_free(&pem);
	buf_free(&pub);
	buf_free(&sig);
}

/* Made once with OpenSSL: a P-256 key and its signature over "the exact bytes". */
static const char fixed_public[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsnpgyxALJSn0NFY1YC7Ekgn6NyW5\n"
	"78FSjxdimoqae8wRGCK1sJ+S1RudPya9yzTn+Z8vL5txUHY1wV8VW9AP3g==\n"
	"-----END PUBLIC KEY-----\n";
static const char fixed_signature[] =
	"MEUCIHbKJxmUR3KVBJGxAz3e5Zv/"
	"LALtV+1ZbIag6J8VdQLqAiEAj26MtapxjxaHQ3++L0IZ7Mt7LWnsdVPs1URJ1xIoDJM=";
static const char fixed_id[] = "3f1abebea780a397";
static const char p384_public[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEJoPE/20mLRhxA/tl4/jCj3dlzFlZAM6f\n"
	"jh8vNMDinUbcyOW9ssd2LsYZz1C8l8vVYwf7Py3gDwEtah7AqwHFKSIWzhBbu8VI\n"
	"GEM4cpjIc9WaFyRbUQciqUet6W0LUArP\n"
	"-----END PUBLIC KEY-----\n";

static void verifies_what_openssl_signed(void **state)
{
	struct crypto_key *k = NULL;
	struct buf sig;
	char id[CRYPTO_KEY_ID_BYTES];

	(void)state;
	buf_init(&sig, 200);
	assert_int_equal(text_unbase64(span_of(fixed_signature), &sig), ERR_OK);
	assert_int_equal(crypto_key_public(span_of(fixed_public), &k), ERR_OK);
	crypto_key_id(k, id);
	assert_string_equal(id, fixed_id);
	assert_int_equal(crypto_verify(k, SPAN_LITERAL("the exact bytes"), buf_span(&sig)),
			 ERR_OK);
	assert_int_equal(crypto_verify(k, SPAN_LITERAL("other bytes"), buf_span(&sig)),
			 ERR_MISMATCH);
	crypto_key_free(k);
	buf_free(&sig);
}

static void refuses_other_keys(void **state)
{
	struct crypto_key *k = NULL;
	char big[9000];

	(void)state;
	memset(big, 'A', sizeof big);
	assert_int_equal(crypto_key_public(span_of(p384_public), &k), ERR_UNSUPPORTED);
	assert_int_equal(crypto_key_private(span_of(fixed_public), &k), ERR_SYNTAX);
	assert_int_equal(crypto_key_public(SPAN_LITERAL(""), &k), ERR_SYNTAX);
	assert_int_equal(
		crypto_key_public(SPAN_LITERAL("-----BEGIN PUBLIC KEY-----\nAAAA\n"), &k),
		ERR_SYNTAX);
	assert_int_equal(crypto_key_public((struct span){ big, sizeof big }, &k), ERR_TOO_BIG);
	assert_null(k);
}

static void openssl_command_agrees(void **state)
{
	char folder[] = "/tmp/hither_test_crypto_XXXXXX", command[900], path[100];
	struct crypto_key *theirs = NULL, *ours = NULL;
	struct buf b, sig;

	(void)state;
	if (system("openssl version >/dev/null 2>&1") != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	buf_init(&b, 8192);
	buf_init(&sig, 200);
	snprintf(command, sizeof command,
		 "cd %s && openssl ecparam -name prime256v1 -genkey -noout -out sec1.pem && "
		 "openssl pkcs8 -topk8 -nocrypt -in sec1.pem -out pkcs8.pem && "
		 "openssl ec -in sec1.pem -pubout -out pub.pem 2>/dev/null && printf abc >m && "
		 "openssl dgst -sha256 -sign sec1.pem -out m.sig m",
		 folder);
	assert_int_equal(system(command), 0);

	snprintf(path, sizeof path, "%s/pub.pem", folder);
	assert_int_equal(file_read(path, 8000, &b), ERR_OK);
	assert_int_equal(crypto_key_public(buf_span(&b), &theirs), ERR_OK);
	snprintf(path, sizeof path, "%s/m.sig", folder);
	assert_int_equal(file_read(path, 200, &sig), ERR_OK);
	assert_int_equal(crypto_verify(theirs, SPAN_LITERAL("abc"), buf_span(&sig)), ERR_OK);

	static const char *const forms[] = { "sec1.pem", "pkcs8.pem" };
	for (size_t i = 0; i < LEN(forms); i++) {
		buf_clear(&b);
		buf_clear(&sig);
		snprintf(path, sizeof path, "%s/%s", folder, forms[i]);
		assert_int_equal(file_read(path, 8000, &b), ERR_OK);
		assert_int_equal(crypto_key_private(buf_span(&b), &ours), ERR_OK);
		assert_int_equal(crypto_sign(ours, SPAN_LITERAL("abc"), &sig), ERR_OK);
		snprintf(path, sizeof path, "%s/ours.sig", folder);
		assert_int_equal(file_write(path, buf_span(&sig), 0600), ERR_OK);
		snprintf(command, sizeof command,
			 "cd %s && openssl dgst -sha256 -verify pub.pem -signature ours.sig m "
			 ">/dev/null",
			 folder);
		assert_int_equal(system(command), 0);
		crypto_key_free(ours);
	}
	crypto_key_free(theirs);
	buf_free(&b);
	buf_free(&sig);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* The flags of the mapping that begins there (proc_pid_smaps(5)); "" when there is none. */
static void flags_of(const void *p, char ret[200])
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[300], begin[32];
	bool here = false;

	assert_non_null(f);
	ret[0] = '\0';
	snprintf(begin, sizeof begin, "%lx-", (unsigned long)(uintptr_t)p);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strchr("0123456789abcdef", line[0]) != NULL)
			here = strncmp(line, begin, strlen(begin)) == 0;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(ret, 200, "%.190s", line + 8);
	}
	fclose(f);
}

/* A sanitizer puts a mlock(2) in place of the kernel's that locks nothing and refuses nothing.
 */
static bool locks(void)
{
	return mlock((void *)(uintptr_t)4096, 1) != 0; /* nothing is mapped there */
}

static void child_without_the_secret(const char *secret, const struct crypto_key *key)
{
	struct buf signature;

	buf_init(&signature, 200);
	bool gone = secret[0] == '\0' &&
		    crypto_sign(key, span_of("a"), &signature) == ERR_NO_MEMORY &&
		    crypto_key_to_pem(key, true, &signature) == ERR_NO_MEMORY &&
		    signature.len == 0;
	_exit(gone ? 0 : 1);
}

static void secrets_are_not_dumped_not_inherited_and_locked_where_they_may_be(void **state)
{
	struct crypto_key *key = NULL;
	struct rlimit none = { 0, 0 };
	char flags[200];
	int status = 0;
	bool locked = false;

	(void)state;
	assert_int_equal(crypto_key_generate(&key), ERR_OK);
	char *secret = crypto_secret_new(10, &locked);
	assert_non_null(secret);
	snprintf(secret, 10, "secret");
	flags_of(secret, flags);
	assert_non_null(strstr(flags, " dd"));
	assert_non_null(strstr(flags, " wf"));
	assert_true(!locks() || (strstr(flags, " lo") != NULL) == locked);
	pid_t pid = fork();
	if (pid == 0)
		child_without_the_secret(secret, key);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(secret, "secret");
	crypto_secret_free(secret, 10);
	flags_of(secret, flags);
	assert_string_equal(flags, "");
	crypto_key_free(key);

	/* where nothing may be locked, it works all the same */
	pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
		    (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
			_exit(2);
		secret = crypto_secret_new(10, &locked);
		_exit(secret == NULL || (locks() && locked) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	crypto_secret_free(NULL, 0);
}

static void random_bytes_differ(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	crypto_random(a, sizeof a);
	crypto_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	crypto_wipe(a, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		assert_int_equal(a[i], 0);
}

/* FIPS 180-4 example: the three letters. */
static void sha512_of_abc(void **state)
{
	struct crypto_hasher *h = crypto_hasher_begin_sha512();
	uint8_t digest[CRYPTO_SHA512_BYTES];
	char hex[2 * CRYPTO_SHA512_BYTES + 1];

	(void)state;
	assert_non_null(h);
	crypto_hasher_add(h, SPAN_LITERAL("ab"));
	crypto_hasher_add(h, SPAN_LITERAL("c"));
	crypto_hasher_end_sha512(h, digest);
	text_hex(digest, sizeof digest, hex);
	assert_string_equal(hex,
			    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha512_of_abc),
		cmocka_unit_test(sha256),
		cmocka_unit_test(hmac),
		cmocka_unit_test(keys_sign_and_verify),
		cmocka_unit_test(verifies_what_openssl_signed),
		cmocka_unit_test(refuses_other_keys),
		cmocka_unit_test(openssl_command_agrees),
		cmocka_unit_test(
			secrets_are_not_dumped_not_inherited_and_locked_where_they_may_be),
		cmocka_unit_test(random_bytes_differ),
	};

	if (crypto_init() != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
