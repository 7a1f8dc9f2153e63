/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: both directions with the openssl command, thresholds, rotation, and every byte of
 * a signed file and of its signature flipped in turn. */
#include "tests/unit/policy_help.h"

#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "crypto/crypto.h"

static const char text[] = HEAD "\"serial\": 3 // comments are covered too\n}\n";
static struct buf private_pem[3], public_pem[3];

static int keys_make(void **state)
{
	(void)state;
	assert_int_equal(crypto_init(), ERR_OK);
	for (int i = 0; i < 3; i++) {
		struct crypto_key *k;

		buf_init(&private_pem[i], 4096);
		buf_init(&public_pem[i], 4096);
		assert_int_equal(crypto_key_generate(&k), ERR_OK);
		assert_int_equal(crypto_key_to_pem(k, true, &private_pem[i]), ERR_OK);
		assert_int_equal(crypto_key_to_pem(k, false, &public_pem[i]), ERR_OK);
		crypto_key_free(k);
	}
	return 0;
}

static int keys_drop(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		buf_free(&private_pem[i]);
		buf_free(&public_pem[i]);
	}
	return 0;
}

static struct policy_trust *trust_of(size_t n, unsigned threshold)
{
	struct span pems[3];
	struct policy_trust *t = NULL;
	struct policy_error e;

	for (size_t i = 0; i < n; i++)
		pems[i] = buf_span(&public_pem[i]);
	assert_int_equal(policy_trust_new(pems, n, threshold, &t, &e), ERR_OK);
	return t;
}

static void sign_with(int key, struct span existing, struct buf *out)
{
	struct policy_error e;

	buf_init(out, 65536);
	assert_int_equal(
		policy_sign(buf_span(&private_pem[key]), span_of(text), existing, out, &e),
		ERR_OK);
}

static enum err verify(const struct policy_trust *t, struct span content, struct span signature)
{
	struct policy_error e;
	char id[CRYPTO_KEY_ID_BYTES];

	return policy_verify(t, content, signature, id, &e);
}

static void round_trip(void **state)
{
	struct policy_trust *t = trust_of(1, 1);
	char id[CRYPTO_KEY_ID_BYTES];
	struct policy_error e;
	struct buf sig;

	(void)state;
	sign_with(0, (struct span){ "", 0 }, &sig);
	assert_int_equal(sig.ptr[sig.len - 1], '\n');
	assert_null(memchr(sig.ptr, '\n', sig.len - 1));
	assert_int_equal(policy_verify(t, span_of(text), buf_span(&sig), id, &e), ERR_OK);
	assert_true(contains(buf_cstr(&sig), id));
	assert_int_equal(strlen(id), 16);
	buf_free(&sig);
	policy_trust_free(t);
	policy_trust_free(NULL);
}

static void every_byte_flipped(void **state)
{
	struct policy_trust *t = trust_of(1, 1);
	char copy[sizeof text];
	struct buf sig;

	(void)state;
	sign_with(0, (struct span){ "", 0 }, &sig);
	for (size_t i = 0; i < sizeof text - 1; i++) {
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, text, sizeof text);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			if (verify(t, span_of(copy), buf_span(&sig)) != ERR_MISMATCH &&
			    strlen(copy) == strlen(text))
				fail_msg("byte %zu bit %d is not covered", i, bit);
		}
	}
	assert_int_equal(verify(t, (struct span){ text, sizeof text - 2 }, buf_span(&sig)),
			 ERR_MISMATCH);
	assert_int_equal(verify(t, (struct span){ text, sizeof text }, buf_span(&sig)),
			 ERR_MISMATCH);
	for (size_t i = 0; i < sig.len - 1; i++) {
		sig.ptr[i] ^= 1;
		if (verify(t, span_of(text), buf_span(&sig)) == ERR_OK)
			fail_msg("byte %zu of the signature does not matter", i);
		sig.ptr[i] ^= 1;
	}
	buf_free(&sig);
	policy_trust_free(t);
}

static void strangers_do_not_count(void **state)
{
	struct policy_trust *t = trust_of(1, 1);
	struct buf sig;

	(void)state;
	sign_with(1, (struct span){ "", 0 }, &sig);
	assert_int_equal(verify(t, span_of(text), buf_span(&sig)), ERR_MISMATCH);
	buf_free(&sig);
	policy_trust_free(t);
}

static void thresholds(void **state)
{
	struct policy_trust *two = trust_of(3, 2);
	struct buf a, ab, aa, abx;

	(void)state;
	sign_with(0, (struct span){ "", 0 }, &a);
	sign_with(1, buf_span(&a), &ab);
	sign_with(0, buf_span(&a), &aa);
	sign_with(2, buf_span(&ab), &abx);
	assert_int_equal(verify(two, span_of(text), buf_span(&a)), ERR_MISMATCH);
	assert_int_equal(verify(two, span_of(text), buf_span(&ab)), ERR_OK);
	assert_int_equal(verify(two, span_of(text), buf_span(&abx)), ERR_OK);
	assert_int_equal(verify(two, span_of(text), buf_span(&aa)), ERR_MISMATCH);
	buf_free(&a);
	buf_free(&ab);
	buf_free(&aa);
	buf_free(&abx);
	policy_trust_free(two);
}

/* A stranger's signature beside enough good ones is passed over; a bad one of a trusted key is
 * not. */
static void mixed_lists(void **state)
{
	struct policy_trust *t = trust_of(2, 1);
	struct buf a, ac, ca, wrong;
	struct policy_error e;

	(void)state;
	sign_with(0, (struct span){ "", 0 }, &a);
	sign_with(2, buf_span(&a), &ac);
	assert_int_equal(verify(t, span_of(text), buf_span(&ac)), ERR_OK);
	/* Whoever else signed, and in whatever order, it is the trusted key that is named. */
	char alone[17], behind[17], before[17];
	assert_int_equal(policy_verify(t, span_of(text), buf_span(&a), alone, &e), ERR_OK);
	assert_int_equal(policy_verify(t, span_of(text), buf_span(&ac), behind, &e), ERR_OK);
	assert_string_equal(behind, alone);
	sign_with(2, (struct span){ "", 0 }, &wrong);
	sign_with(0, buf_span(&wrong), &ca);
	assert_int_equal(policy_verify(t, span_of(text), buf_span(&ca), before, &e), ERR_OK);
	assert_string_equal(before, alone);
	buf_free(&ca);
	buf_free(&wrong);
	buf_init(&wrong, 65536);
	assert_int_equal(policy_sign(buf_span(&private_pem[1]), SPAN_LITERAL("other"),
				     buf_span(&a), &wrong, &e),
			 ERR_OK);
	assert_int_equal(verify(t, span_of(text), buf_span(&wrong)), ERR_MISMATCH);
	buf_free(&a);
	buf_free(&ac);
	buf_free(&wrong);
	policy_trust_free(t);
}

/* The same key twice in the trust folder is one key. */
static void a_key_counts_once(void **state)
{
	struct span pems[2] = { buf_span(&public_pem[0]), buf_span(&public_pem[0]) };
	struct policy_trust *t = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(policy_trust_new(pems, 2, 2, &t, &e), ERR_SYNTAX);
	assert_int_equal(policy_trust_new(pems, 2, 0, &t, &e), ERR_SYNTAX);
	assert_int_equal(policy_trust_new(pems, 2, 1, &t, &e), ERR_OK);
	policy_trust_free(t);
	pems[1] = buf_span(&private_pem[1]);
	assert_int_equal(policy_trust_new(pems, 2, 1, &t, &e), ERR_SYNTAX);
	pems[1] = SPAN_LITERAL("no key");
	assert_int_equal(policy_trust_new(pems, 2, 1, &t, &e), ERR_SYNTAX);
}

static void malformed_signature_files(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"{}",
		"1",
		"[1]",
		"{\"alg\":\"ES256\",\"key_id\":\"0\",\"sig\":1}",
		"{\"alg\":\"ES256\",\"key_id\":\"0\"}",
		"{\"alg\":\"none\",\"key_id\":\"0\",\"sig\":\"\"}",
		"{\"alg\":\"ES256\",\"key_id\":\"0\",\"sig\":\"\",\"more\":1}",
		"{\"alg\":\"ES256\",\"alg\":\"ES256\",\"key_id\":\"0\",\"sig\":\"\"}",
	};
	struct policy_trust *t = trust_of(1, 1);
	struct crypto_key *k;
	char id[CRYPTO_KEY_ID_BYTES], sig[200];
	char *many = malloc(70000);

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		CHECK(verify(t, span_of(text), span_of(bad[i])) != ERR_OK, bad[i]);
	assert_int_equal(crypto_key_public(buf_span(&public_pem[0]), &k), ERR_OK);
	crypto_key_id(k, id);
	crypto_key_free(k);
	snprintf(sig, sizeof sig, "{\"alg\":\"ES256\",\"key_id\":\"%s\",\"sig\":\"!!\"}", id);
	assert_int_equal(verify(t, span_of(text), span_of(sig)), ERR_SYNTAX);
	snprintf(sig, sizeof sig, "{\"alg\":\"ES256\",\"key_id\":\"%s\",\"sig\":\"\"}", id);
	assert_int_equal(verify(t, span_of(text), span_of(sig)), ERR_MISMATCH);
	assert_non_null(many);
	memset(many, ' ', 70000);
	assert_int_equal(verify(t, span_of(text), (struct span){ many, 70000 }), ERR_TOO_BIG);
	strcpy(many, "[");
	for (int i = 0; i < 33; i++)
		strcat(many, i == 0 ? "1" : ",1");
	strcat(many, "]");
	assert_int_equal(verify(t, span_of(text), span_of(many)), ERR_TOO_BIG);
	free(many);
	policy_trust_free(t);
}

static void each_refusal_is_told_whole(void **state)
{
#define OF(id, sig) "{\"alg\":\"ES256\",\"key_id\":\"" id "\",\"sig\":\"" sig "\"}"
#define FORM        "{\"alg\", \"key_id\", \"sig\"}, or a list of them"
	static const struct {
		const char *signature; /* %s: the id of the trusted key */
		enum err e;
		const char *problem, *expected;
	} rows[] = {
		{ "x%s", ERR_SYNTAX, "the signature file is not JSON", FORM },
		{ "\"%s\"", ERR_SYNTAX, "the signature file is malformed", FORM },
		{ "[\"%s\"]", ERR_SYNTAX, "the signature file is malformed", FORM },
		{ "[[\"%s\",2,3]]", ERR_SYNTAX, "the signature file is malformed", FORM },
		{ "{\"alg\":\"ES256\",\"key_id\":\"%s\",\"sig\":\"\",\"more\":1}", ERR_SYNTAX,
		  "the signature file is malformed", FORM },
		{ "{\"key_id\":\"%s\",\"sig\":\"\",\"more\":1}", ERR_SYNTAX,
		  "the signature file is malformed", FORM },
		{ "{\"alg\":\"ES256\",\"id\":\"%s\",\"sig\":\"\"}", ERR_SYNTAX,
		  "the signature file is malformed", FORM },
		{ "{\"alg\":\"ES256\",\"key_id\":\"%s\",\"signature\":\"\"}", ERR_SYNTAX,
		  "the signature file is malformed", FORM },
		{ "{\"alg\":\"RS256\",\"key_id\":\"%s\",\"sig\":\"\"}", ERR_SYNTAX,
		  "unknown signature algorithm", "ES256" },
		{ OF("%s", "!!"), ERR_SYNTAX, "the signature is not base64", "base64 of DER" },
		{ OF("%s", "AAAA"), ERR_MISMATCH, "the signature does not match the file",
		  "the file as it was signed" },
		{ "[" OF("other", "") "," OF("%s", "AAAA") "]", ERR_MISMATCH,
		  "the signature does not match the file", "the file as it was signed" },
		{ "[" OF("no", "%s") "]", ERR_MISMATCH, "no trusted key signed the file",
		  "a signature by a key of the trust folder" },
	};
	struct policy_trust *t = trust_of(1, 1), *two = trust_of(2, 2);
	struct policy_error e;
	struct crypto_key *k;
	char id[CRYPTO_KEY_ID_BYTES], got[CRYPTO_KEY_ID_BYTES], sig[400];
	struct buf good;

	(void)state;
	assert_int_equal(crypto_key_public(buf_span(&public_pem[0]), &k), ERR_OK);
	crypto_key_id(k, id);
	crypto_key_free(k);
	for (size_t i = 0; i < LEN(rows); i++) {
		snprintf(sig, sizeof sig, rows[i].signature, id);
		CHECK(policy_verify(t, span_of(text), span_of(sig), got, &e) == rows[i].e, sig);
		assert_string_equal(e.problem, rows[i].problem);
		assert_string_equal(e.expected, rows[i].expected);
		assert_string_equal(e.file, "");
		assert_int_equal(e.line, 0);
	}
	sign_with(0, (struct span){ "", 0 }, &good);
	assert_int_equal(policy_verify(two, span_of(text), buf_span(&good), got, &e),
			 ERR_MISMATCH);
	assert_string_equal(e.problem, "too few trusted keys signed the file");
	assert_string_equal(e.expected, "as many as the threshold asks for");
	buf_free(&good);
	sign_with(1, (struct span){ "", 0 }, &good);
	assert_int_equal(policy_verify(two, span_of(text), buf_span(&good), got, &e),
			 ERR_MISMATCH);
	assert_string_equal(e.problem, "too few trusted keys signed the file");
	buf_free(&good);
	policy_trust_free(t);
	policy_trust_free(two);
}

/* 64 KiB and 32 signatures fit, a byte and one more do not. */
static void signature_files_have_their_sizes(void **state)
{
	struct policy_trust *t = trust_of(1, 1);
	struct policy_error e;
	struct buf one, many;
	char id[CRYPTO_KEY_ID_BYTES];

	(void)state;
	sign_with(0, (struct span){ "", 0 }, &one);
	buf_init(&many, 1u << 20);
	buf_add(&many, buf_span(&one));
	while (many.len < (size_t)64 * 1024)
		buf_add_char(&many, ' ');
	assert_int_equal(policy_verify(t, span_of(text), buf_span(&many), id, &e), ERR_OK);
	buf_add_char(&many, ' ');
	assert_int_equal(policy_verify(t, span_of(text), buf_span(&many), id, &e), ERR_TOO_BIG);
	assert_string_equal(e.problem, "the signature file is too long");
	assert_string_equal(e.expected, "at most 64 KiB");
	for (size_t n = 32; n <= 33; n++) {
		buf_clear(&many);
		for (size_t i = 0; i < n; i++) {
			buf_add_char(&many, i == 0 ? '[' : ',');
			buf_add(&many, buf_span(&one));
		}
		buf_add_char(&many, ']');
		assert_int_equal(policy_verify(t, span_of(text), buf_span(&many), id, &e),
				 n == 32 ? ERR_OK : ERR_TOO_BIG);
	}
	assert_string_equal(e.problem, "too many signatures");
	assert_string_equal(e.expected, "at most 32");
	buf_clear(&many);
	assert_int_equal(policy_sign(buf_span(&private_pem[0]), span_of(text),
				     SPAN_LITERAL("1"), &many, &e),
			 ERR_SYNTAX);
	assert_string_equal(e.problem, "the signature file is malformed");
	assert_int_equal(policy_sign(buf_span(&private_pem[0]), span_of(text),
				     SPAN_LITERAL("["), &many, &e),
			 ERR_SYNTAX);
	assert_string_equal(e.problem, "the existing signature file is not JSON");
	assert_int_equal(policy_sign(SPAN_LITERAL("no"), span_of(text), (struct span){ "", 0 },
				     &many, &e),
			 ERR_SYNTAX);
	assert_string_equal(e.problem, "the key cannot be read");
	assert_string_equal(e.expected, "an unencrypted P-256 private key in PEM");
	buf_free(&one);
	buf_free(&many);
	policy_trust_free(t);
}

static void signing_needs_a_key(void **state)
{
	struct policy_error e;
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_not_equal(policy_sign(buf_span(&public_pem[0]), span_of(text),
					 (struct span){ "", 0 }, &out, &e),
			     ERR_OK);
	assert_true(contains(e.problem, "key"));
	assert_int_not_equal(policy_sign(buf_span(&private_pem[0]), span_of(text),
					 SPAN_LITERAL("x"), &out, &e),
			     ERR_OK);
	assert_int_not_equal(policy_sign(buf_span(&private_pem[0]), span_of(text),
					 SPAN_LITERAL("{}"), &out, &e),
			     ERR_OK);
	buf_free(&out);
}

/* ---------------------------------------------------------------- openssl */

static bool run(const char *format, const char *dir)
{
	char command[2000];

	snprintf(command, sizeof command, format, dir, dir, dir, dir);
	return system(command) == 0;
}

static void read_into(const char *dir, const char *name, struct buf *out)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	buf_init(out, 65536);
	assert_int_equal(file_read(path, 65536, out), ERR_OK);
}

/* What a person does by hand, as the documentation says it. */
static void openssl_signs(void **state)
{
	char dir[] = "/tmp/hither-sign-XXXXXX", path[300], id[CRYPTO_KEY_ID_BYTES];
	struct buf pem, b64, sig;
	struct policy_trust *t = NULL;
	struct policy_error e;
	struct crypto_key *k;
	struct span one;

	(void)state;
	if (system("command -v openssl >/dev/null") != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/f.json", dir);
	assert_int_equal(file_write(path, span_of(text), 0600), ERR_OK);
	assert_true(
		run("cd %s && openssl ecparam -name prime256v1 -genkey -noout -out key.pem && "
		    "openssl ec -in key.pem -pubout -out pub.pem 2>/dev/null && "
		    "openssl dgst -sha256 -sign key.pem f.json | base64 -w0 > sig.b64",
		    dir));
	read_into(dir, "pub.pem", &pem);
	read_into(dir, "sig.b64", &b64);
	assert_int_equal(crypto_key_public(buf_span(&pem), &k), ERR_OK);
	crypto_key_id(k, id);
	crypto_key_free(k);
	buf_init(&sig, 4096);
	buf_printf(&sig, "{\"alg\":\"ES256\",\"key_id\":\"%s\",\"sig\":\"%.*s\"}", id,
		   (int)b64.len, b64.ptr);
	one = buf_span(&pem);
	assert_int_equal(policy_trust_new(&one, 1, 1, &t, &e), ERR_OK);
	assert_int_equal(verify(t, span_of(text), buf_span(&sig)), ERR_OK);
	assert_int_equal(verify(t, SPAN_LITERAL("other"), buf_span(&sig)), ERR_MISMATCH);
	policy_trust_free(t);
	buf_free(&pem);
	buf_free(&b64);
	buf_free(&sig);
	assert_true(run("rm -r %s", dir));
}

static void openssl_verifies(void **state)
{
	char dir[] = "/tmp/hither-sign-XXXXXX", path[300];
	struct buf key, sig, der;
	struct policy_error e;
	struct json_where where;
	cJSON *tree = NULL;

	(void)state;
	if (system("command -v openssl >/dev/null") != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	assert_true(
		run("cd %s && openssl ecparam -name prime256v1 -genkey -noout -out key.pem && "
		    "openssl ec -in key.pem -pubout -out pub.pem 2>/dev/null",
		    dir));
	read_into(dir, "key.pem", &key);
	buf_init(&sig, 4096);
	buf_init(&der, 4096);
	assert_int_equal(
		policy_sign(buf_span(&key), span_of(text), (struct span){ "", 0 }, &sig, &e),
		ERR_OK);
	assert_int_equal(json_parse(buf_span(&sig), &json_limits_api, &tree, &where), ERR_OK);
	assert_int_equal(text_unbase64(span_of(json_get_string(tree, "sig")), &der), ERR_OK);
	cJSON_Delete(tree);
	snprintf(path, sizeof path, "%s/f.sig", dir);
	assert_int_equal(file_write(path, buf_span(&der), 0600), ERR_OK);
	snprintf(path, sizeof path, "%s/f.json", dir);
	assert_int_equal(file_write(path, span_of(text), 0600), ERR_OK);
	assert_true(run("cd %s && openssl dgst -sha256 -verify pub.pem -signature f.sig f.json "
			">/dev/null",
			dir));
	buf_free(&key);
	buf_free(&sig);
	buf_free(&der);
	assert_true(run("rm -r %s", dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_byte_flipped),
		cmocka_unit_test(strangers_do_not_count),
		cmocka_unit_test(thresholds),
		cmocka_unit_test(mixed_lists),
		cmocka_unit_test(a_key_counts_once),
		cmocka_unit_test(malformed_signature_files),
		cmocka_unit_test(each_refusal_is_told_whole),
		cmocka_unit_test(signature_files_have_their_sizes),
		cmocka_unit_test(signing_needs_a_key),
		cmocka_unit_test(openssl_signs),
		cmocka_unit_test(openssl_verifies),
	};

	return cmocka_run_group_tests(tests, keys_make, keys_drop);
}
