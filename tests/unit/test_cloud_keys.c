/* SPDX-License-Identifier: Apache-2.0 */
/* Provider keys: which files count, and what is no key. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cloud/keys.h"
#include "common/file.h"
#include "crypto/crypto.h"
#include "tests/unit/check.h"

static char dir[] = "/tmp/hither-keys-XXXXXX";

static const char *at(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	assert_int_equal(file_write(at(name), span_of(text), mode), ERR_OK);
	assert_int_equal(chmod(at(name), mode), 0);
}

/* A policy with one destination for each secret. */
static struct policy_set *policy_with(const char *const *secrets, size_t n)
{
	struct policy_file *file;
	struct policy_set *set;
	struct policy_error why;
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text,
			   "%s\"d%zu\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":"
			   "\"https://d.example\",\"auth\":{\"secret\":\"%s\"}}",
			   i > 0 ? "," : "", i, secrets[i]);
	buf_add_str(&text, "}}");
	if (policy_file_parse(buf_span(&text), POLICY_USER, "t", NULL, 0, &file, &why) !=
	    ERR_OK)
		fail_msg("%s", why.problem);
	assert_int_equal(policy_set_build(&file, 1, NULL, 0, &set, &why), ERR_OK);
	policy_file_free(file);
	buf_free(&text);
	return set;
}

static void reads_keys(void **state)
{
	static const char *const secrets[] = { "good",   "line", "open",   "empty",
					       "spaces", "two",  "absent", "system",
					       "both",   "link", "crlf",   "bell" };
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "good", "sk-1" },     { "line", "sk-2" }, { "open", "" },
		{ "empty", "" },        { "spaces", "" },   { "two", "" },
		{ "absent", "" },       { "unasked", "" },  { "system", "sk-3" },
		{ "both", "sk-first" }, { "link", "" },     { "crlf", "" },
		{ "bell", "" },
	};
	struct policy_set *policy = policy_with(secrets, LEN(secrets));

	(void)state;
	put("secrets.d/good", "sk-1", 0600);
	put("secrets.d/line", "sk-2\n", 0400);
	put("secrets.d/open", "sk-x", 0644);
	put("secrets.d/empty", "\n", 0600);
	put("secrets.d/spaces", "sk x", 0600);
	put("secrets.d/two", "sk-x\r\nX-Other: y", 0600);
	put("secrets.d/crlf", "sk-x\r\n", 0600);
	put("secrets.d/bell", "sk-\ax", 0600);
	assert_int_equal(symlink("good", at("secrets.d/link")), 0);
	put("secrets.d/unasked", "sk-x", 0600);
	put("credentials/system", "sk-3", 0440);
	put("credentials/both", "sk-first", 0400);
	put("secrets.d/both", "sk-second", 0600);

	char credentials[200];
	snprintf(credentials, sizeof credentials, "%s", at("credentials"));
	struct keys *k = keys_new(dir, credentials);
	keys_read(k, policy);
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(span_is(keys_find(k, rows[i].name), rows[i].want), rows[i].name);

	put("secrets.d/good", "sk-new", 0600);
	unlink(at("secrets.d/line"));
	keys_read(k, policy);
	assert_true(span_is(keys_find(k, "good"), "sk-new"));
	assert_int_equal(keys_find(k, "line").len, 0);
	keys_free(k);
	policy_set_free(policy);
}

/* A name in a policy is no path. */
static void names_are_names(void **state)
{
	static const char *const secrets[] = { "../outside", "/etc/hostname", ".hidden",
					       "a/b" };
	struct policy_set *policy = policy_with(secrets, LEN(secrets));

	(void)state;
	put("outside", "sk-x", 0600);
	put("secrets.d/.hidden", "sk-x", 0600);
	struct keys *k = keys_new(dir, NULL);
	keys_read(k, policy);
	for (size_t i = 0; i < LEN(secrets); i++)
		CHECK(keys_find(k, secrets[i]).len == 0, secrets[i]);
	keys_free(k);
	policy_set_free(policy);
}

static int prepare(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || crypto_init() != ERR_OK ||
	       file_mkdirs(at("secrets.d"), 0700) != ERR_OK ||
	       file_mkdirs(at("credentials"), 0700) != ERR_OK;
}

static int clean(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_keys),
		cmocka_unit_test(names_are_names),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
