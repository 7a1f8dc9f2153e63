/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's key and secret: made at the first start, never leaving STATE/ledger. The
 * secret keys digests of persons, so that a receipt handed on names nobody.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "consent/ledger_impl.h"

#define KEY_MAX_BYTES 8192

static enum err make_key(struct ledger *l, const char *private_path)
{
	struct buf pem;
	enum err e = crypto_key_generate(&l->key);

	buf_init(&pem, KEY_MAX_BYTES);
	if (e == ERR_OK)
		e = crypto_key_to_pem(l->key, true, &pem);
	if (e == ERR_OK)
		e = file_write(private_path, buf_span(&pem), 0600);
	if (pem.ptr != NULL)
		crypto_wipe(pem.ptr, pem.cap);
	buf_free(&pem);
	return e;
}

static enum err load_private(struct ledger *l, const char *private_path)
{
	struct buf pem;
	enum err e;

	buf_init(&pem, KEY_MAX_BYTES);
	e = file_read_secret(private_path, KEY_MAX_BYTES, &pem);
	if (e == ERR_OK)
		e = crypto_key_private(buf_span(&pem), &l->key);
	else if (e == ERR_NOT_FOUND)
		e = make_key(l, private_path);
	if (pem.ptr != NULL)
		crypto_wipe(pem.ptr, pem.cap);
	buf_free(&pem);
	return e;
}

/* A first start may have ended between the two halves; one that is there is never replaced. */
static enum err keep_public(const struct ledger *l, const char *path)
{
	struct buf pem;
	enum err e;

	if (access(path, F_OK) == 0)
		return ERR_OK;
	buf_init(&pem, KEY_MAX_BYTES);
	e = crypto_key_to_pem(l->key, false, &pem);
	if (e == ERR_OK)
		e = file_write(path, buf_span(&pem), 0644);
	buf_free(&pem);
	return e;
}

static enum err load_secret(struct ledger *l, const char *path)
{
	struct buf b;
	enum err e;

	buf_init(&b, 128);
	e = file_read_secret(path, sizeof l->secret, &b);
	if (e == ERR_OK && b.len != sizeof l->secret)
		e = ERR_SYNTAX; /* not ERR_CORRUPT: the records themselves may be fine */
	if (e == ERR_OK) {
		memcpy(l->secret, b.ptr, sizeof l->secret);
	} else if (e == ERR_NOT_FOUND) {
		crypto_random(l->secret, sizeof l->secret);
		e = file_write(path, (struct span){ (const char *)l->secret, sizeof l->secret },
			       0600);
	}
	buf_free(&b);
	return e;
}

/* Read once, while files can still be read; the secret alone still tells machines apart. */
static void load_machine(struct ledger *l)
{
	struct buf b;

	buf_init(&b, 256);
	if (file_read("/etc/machine-id", sizeof l->machine - 1, &b) != ERR_OK)
		buf_clear(&b);
	snprintf(l->machine, sizeof l->machine, "%s", b.len > 0 ? buf_cstr(&b) : "-");
	l->machine[strcspn(l->machine, "\n")] = '\0';
	buf_free(&b);
}

enum err ledger_keys_load(struct ledger *l, struct ledger_problem *reterr)
{
	char private_path[PATH_MAX], public_path[PATH_MAX], secret_path[PATH_MAX];
	enum err e = ERR_OK;

	snprintf(private_path, sizeof private_path, "%s/key.pem", l->dir);
	snprintf(public_path, sizeof public_path, "%s/key.pub", l->dir);
	snprintf(secret_path, sizeof secret_path, "%s/secret", l->dir);
	if (l->mode == LEDGER_WRITE) {
		load_machine(l);
		e = load_private(l, private_path);
		if (e == ERR_OK)
			e = keep_public(l, public_path);
		if (e == ERR_OK)
			e = load_secret(l, secret_path);
	} else {
		struct buf pem;

		buf_init(&pem, KEY_MAX_BYTES);
		e = file_read(public_path, KEY_MAX_BYTES, &pem);
		if (e == ERR_OK)
			e = crypto_key_public(buf_span(&pem), &l->key);
		/* Without it the chain can still be read; verify says that it is missing. */
		if (e != ERR_NO_MEMORY && e != ERR_SYSTEM)
			e = ERR_OK;
		buf_free(&pem);
	}
	if (e != ERR_OK)
		ledger_problem_set(reterr,
				   "check owner, mode 0600 and content of key.pem and secret",
				   "the keys in %s cannot be used: %s", l->dir, err_text(e));
	else if (l->key != NULL)
		crypto_key_id(l->key, l->key_id);
	return e;
}

/* As hex; the text has room on the stack, so that nothing can fail. */
static void keyed(const struct ledger *l, const char *text, char out[CRYPTO_SHA256_HEX_BYTES])
{
	struct crypto_sha256 mac;

	crypto_hmac_sha256((struct span){ (const char *)l->secret, sizeof l->secret },
			   span_of(text), &mac);
	crypto_sha256_hex(&mac, out);
}

void ledger_subject(const struct ledger *l, uint32_t uid, char *out)
{
	char text[128];

	snprintf(text, sizeof text, "subject %" PRIu32 " %s", uid, l->machine);
	keyed(l, text, out);
}

void ledger_key_name(const struct ledger *l, char name[CRYPTO_SHA256_HEX_BYTES])
{
	char text[CRYPTO_SHA256_HEX_BYTES + 16];

	if (text_empty(name))
		return;
	snprintf(text, sizeof text, "conversation %s", name);
	keyed(l, text, name);
}

void ledger_keyed_digest(const struct ledger *l, const struct crypto_sha256 *digest,
			 struct buf *out)
{
	struct crypto_sha256 mac;
	char hex[CRYPTO_SHA256_HEX_BYTES];

	crypto_hmac_sha256((struct span){ (const char *)l->secret, sizeof l->secret },
			   (struct span){ (const char *)digest->bytes, sizeof digest->bytes },
			   &mac);
	crypto_sha256_hex(&mac, hex);
	buf_printf(out, "hmac-sha256:%s", hex);
}
