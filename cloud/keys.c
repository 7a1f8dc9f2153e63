/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One anonymous mapping holds everything. A key is a line of printable ASCII without spaces,
 * because it becomes part of a header field; one newline after it is dropped, and nothing else
 * is repaired: what a key is must be plain from the file.
 */
#include "cloud/keys.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/log.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

#define KEYS_MAX     64u
#define KEY_BYTES    2048u
#define PEMS_MAX     8u
#define PEM_BYTES    16384u
#define KEY_NAME_MAX 64u

struct key {
	char name[KEY_NAME_MAX + 1];
	uint16_t bytes;
	char text[KEY_BYTES];
};

struct pem {
	char name[KEY_NAME_MAX + 1];
	uint16_t bytes;
	char text[PEM_BYTES];
};

struct store { /* mapped as one */
	struct key keys[KEYS_MAX];
	struct pem pems[PEMS_MAX];
};

struct keys {
	char *config_dir, *credentials_dir;
	struct store *all;
	unsigned n, n_pems;
};

struct keys *keys_new(const char *config_dir, const char *credentials_dir)
{
	struct keys *k = calloc(1, sizeof *k);
	size_t bytes = sizeof *k->all;
	bool locked = false;

	if (k == NULL)
		return NULL;
	k->config_dir = strdup(config_dir);
	k->credentials_dir = credentials_dir != NULL ? strdup(credentials_dir) : NULL;
	k->all = crypto_secret_new(bytes, &locked);
	if (k->config_dir == NULL || k->all == NULL ||
	    (credentials_dir != NULL && k->credentials_dir == NULL)) {
		keys_free(k);
		return NULL;
	}
	if (!locked)
		log_info("cloud.keys", "memory for keys cannot be locked; it may reach swap");
	return k;
}

static void forget(struct keys *k)
{
	crypto_wipe(k->all, sizeof *k->all);
	k->n = k->n_pems = 0;
}

void keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	crypto_secret_free(k->all, sizeof *k->all);
	free(k->config_dir);
	free(k->credentials_dir);
	free(k);
}

/* A plain file name: a policy must not reach other files through it. */
static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789._-");

	return n >= 1 && n <= KEY_NAME_MAX && name[n] == '\0' && name[0] != '.';
}

/* NULL when `s` may stand in a header field, else what is wrong with it. */
static const char *not_header_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\r')
			return "its file has a carriage return; write it again with Unix line "
			       "ends";
		if (s.ptr[i] == '\n')
			return "its file must hold one line, with one newline at most";
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return "its file must hold printable ASCII without spaces or control "
			       "characters";
	}
	if (s.len == 0)
		return "its file is empty";
	return s.len > KEY_BYTES ? "its file is too large to be a key" : NULL;
}

static struct span without_newline(struct span s)
{
	if (s.len > 0 && s.ptr[s.len - 1] == '\n')
		s.len--;
	return s;
}

static enum err read_one(const struct keys *k, const char *name, struct buf *out)
{
	char path[PATH_MAX];
	enum err e = ERR_NOT_FOUND;

	if (k->credentials_dir != NULL) {
		snprintf(path, sizeof path, "%s/%s", k->credentials_dir, name);
		e = file_read(path, out->max, out); /* the service manager guards the folder */
	}
	if (e == ERR_NOT_FOUND) {
		snprintf(path, sizeof path, "%s/secrets.d/%s", k->config_dir, name);
		e = file_read_secret(path, out->max, out);
	}
	return e;
}

static const char *advice(enum err e)
{
	switch (e) {
	case ERR_NOT_FOUND:
		return "there is no such file in secrets.d";
	case ERR_DENIED:
		return "its file must be no link, belong to this user or root, and be closed "
		       "to "
		       "others: chmod 600";
	case ERR_TOO_BIG:
		return "its file is too large to be a key";
	case ERR_UNSUPPORTED:
		return "its name must be a plain file name";
	default:
		return "its file cannot be read";
	}
}

static void read_key(struct keys *k, const char *name, const char *destination)
{
	struct buf text;
	enum err e = ERR_UNSUPPORTED;
	const char *wrong = NULL;

	if (keys_find(k, name).len > 0)
		return;
	buf_init(&text, KEY_BYTES + 2);
	if (is_name(name))
		e = read_one(k, name, &text);
	struct span s = without_newline(buf_span(&text));
	if (e != ERR_OK)
		wrong = advice(e);
	else if (k->n == KEYS_MAX)
		wrong = "there are too many keys";
	else
		wrong = not_header_text(s);
	if (wrong == NULL) {
		struct key *key = &k->all->keys[k->n++];

		snprintf(key->name, sizeof key->name, "%s", name);
		memcpy(key->text, s.ptr, s.len);
		key->bytes = (uint16_t)s.len;
	} else {
		log_warning("cloud.key_missing", "destination=%s secret=%.64s: %s", destination,
			    name, wrong);
	}
	if (text.ptr != NULL)
		crypto_wipe(text.ptr, text.cap);
	buf_free(&text);
}

static bool holds(struct span s, const char *words)
{
	return memmem(s.ptr, s.len, words, strlen(words)) != NULL;
}

/* Whether key and certificate belong together is found out by the handshake. */
static void read_pem(struct keys *k, const char *name, const char *destination)
{
	struct buf text;
	const char *wrong = NULL;
	enum err e = ERR_UNSUPPORTED;

	if (keys_find_pem(k, name).len > 0)
		return;
	buf_init(&text, PEM_BYTES);
	if (is_name(name))
		e = read_one(k, name, &text);
	struct span s = buf_span(&text);
	if (e != ERR_OK)
		wrong = advice(e);
	else if (k->n_pems == PEMS_MAX)
		wrong = "there are too many client certificates";
	else if (holds(s, "ENCRYPTED"))
		wrong = "its private key must not be encrypted: nobody is here to ask";
	else if (!holds(s, "-----BEGIN CERTIFICATE-----") || !holds(s, "PRIVATE KEY-----"))
		wrong = "its file must hold the certificate and its private key, both as PEM";
	if (wrong == NULL) {
		struct pem *pem = &k->all->pems[k->n_pems++];

		snprintf(pem->name, sizeof pem->name, "%s", name);
		memcpy(pem->text, s.ptr, s.len);
		pem->bytes = (uint16_t)s.len;
	} else {
		log_warning("cloud.key_missing", "destination=%s mtls=%.64s: %s", destination,
			    name, wrong);
	}
	if (text.ptr != NULL)
		crypto_wipe(text.ptr, text.cap);
	buf_free(&text);
}

void keys_read(struct keys *k, const struct policy_set *policy)
{
	forget(k);
	for (size_t i = 0; i < policy_destinations(policy); i++) {
		const struct policy_destination *d = policy_destination(policy, i);

		if (d->tier == POLICY_TIER_DEVICE)
			continue;
		if (d->auth_secret != NULL)
			read_key(k, d->auth_secret, d->name);
		if (d->auth_mtls != NULL)
			read_pem(k, d->auth_mtls, d->name);
	}
}

struct span keys_find(const struct keys *k, const char *name)
{
	for (unsigned i = 0; i < k->n; i++)
		if (strcmp(k->all->keys[i].name, name) == 0)
			return (struct span){ k->all->keys[i].text, k->all->keys[i].bytes };
	return (struct span){ NULL, 0 };
}

struct span keys_find_pem(const struct keys *k, const char *name)
{
	for (unsigned i = 0; i < k->n_pems; i++)
		if (strcmp(k->all->pems[i].name, name) == 0)
			return (struct span){ k->all->pems[i].text, k->all->pems[i].bytes };
	return (struct span){ NULL, 0 };
}
