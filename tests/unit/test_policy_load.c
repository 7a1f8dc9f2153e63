/* SPDX-License-Identifier: Apache-2.0 */
/* The fail-closed table, a test for each row. */
#include "tests/unit/policy_help.h"

#include "crypto/crypto.h"

#define NOW_MS      INT64_C(1790000000000) /* September 2026 */
#define DAY_MS      INT64_C(86400000)
#define F(id, more) "{\"hither_policy\":1,\"id\":\"" id "\"" more "}"
#define CLOUD       ",\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"}}"
#define ALLOW       ",\"default\":{\"cloud\":\"allow\"}"
#define BROKEN      "{\"hither_policy\":1,\"id\":\"b\",\"ruels\":[]}"
#define FAILING                                                                                \
	F("t", ",\"tests\":[{\"name\":\"n\",\"request\":{},\"expect\":{\"local\":\"deny\"}}]")

static const struct policy_found good_mandatory = {
	.layer = POLICY_MANDATORY,
	.name = "10-m.json",
	.path = "/etc/m",
	.text = { F("m", CLOUD ",\"serial\":5,\"default\":{\"cloud\":\"ask\"}"),
		  sizeof F("m", CLOUD ",\"serial\":5,\"default\":{\"cloud\":\"ask\"}") - 1 },
};
static const struct policy_found good_user = {
	.layer = POLICY_USER,
	.name = "10-u.json",
	.path = "/home/u",
	.text = { F("u", ALLOW), sizeof F("u", ALLOW) - 1 },
};

static struct policy_found found(enum policy_layer layer, const char *name, const char *text)
{
	return (struct policy_found){
		.layer = layer, .name = name, .path = name, .text = span_of(text)
	};
}

static struct policy_load load_of(const struct policy_found *f, size_t n)
{
	return (struct policy_load){ .found = f,
				     .n_found = n,
				     .now_ms = NOW_MS,
				     .newest_record_ms = INT64_MIN,
				     .generation = 7 };
}

static struct policy_loaded run(const struct policy_load *in)
{
	struct policy_loaded l;

	assert_int_equal(policy_load(in, &l), ERR_OK);
	assert_non_null(l.set);
	return l;
}

static bool has_problem(const struct policy_loaded *l, enum policy_problem_kind kind,
			const char *file, const char *text)
{
	for (size_t i = 0; i < l->n_problems; i++) {
		if (l->problems[i].kind == kind &&
		    strcmp(l->problems[i].error.file, file) == 0 &&
		    contains(l->problems[i].error.problem, text))
			return true;
	}
	return false;
}

static bool says_somewhere(const struct policy_loaded *l, const char *text)
{
	bool found = false;

	for (size_t i = 0; i < l->n_problems; i++)
		found |= contains(l->problems[i].error.problem, text);
	return found;
}

static const char *verdict(struct policy_loaded *l)
{
	size_t i;

	if (!policy_destination_find(l->set, SPAN_LITERAL("x"), &i))
		return "no such destination";
	return answer(l->set, "{}", "x");
}

/* ---------------------------------------------------------------- nothing wrong */

static void all_good(void **state)
{
	const struct policy_found f[] = { good_user, good_mandatory };
	struct policy_load in = load_of(f, 2);
	struct policy_loaded l = run(&in);

	(void)state;
	assert_int_equal(l.state, POLICY_ACTIVE);
	assert_true(l.changed && l.persist && !l.from_last_good);
	assert_string_equal(l.reason, "");
	assert_int_equal(l.n_problems, 0);
	assert_true(policy_set_generation(l.set) == 7);
	assert_int_equal(policy_set_state(l.set), POLICY_ACTIVE);
	assert_true(contains(verdict(&l), "ask"));
	assert_true(l.bundle.len > 0);
	policy_loaded_free(&l);
	in = load_of(NULL, 0);
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	policy_loaded_free(&l);
}

static void keep_path(void *ctx, const char *path)
{
	snprintf((char *)ctx + strlen(ctx), 100 - strlen(ctx), "%s;", path);
}

static void each_dictionary_is_asked_for(void **state)
{
	const struct policy_found f[] = {
		found(POLICY_USER, "a.json",
		      F("a",
			",\"categories\":{\"company.a\":{\"dictionary\":\"/a\"},\"company.b\":{"
			"\"keywords\":[\"k\"]},\"company.c\":{\"dictionary\":\"/c\"}}")),
		{ .layer = POLICY_USER, .name = "gone.json", .unreadable = "gone" },
		found(POLICY_USER, "bad.json", "{"),
		found(POLICY_USER, "b.json",
		      F("b", ",\"categories\":{\"company.d\":{\"dictionary\":\"/d\"}}")),
	};
	char paths[100] = "";

	(void)state;
	policy_load_dictionaries(f, LEN(f), keep_path, paths);
	assert_string_equal(paths, "/a;/c;/d;");
}

/* From its first millisecond on a file is in force. */
static void a_file_begins_when_it_says(void **state)
{
	static const struct {
		int64_t now_ms;
		const char *verdict;
	} rows[] = { { NOW_MS - 1, "ask" }, { NOW_MS, "deny" }, { NOW_MS + 1, "deny" } };
	const struct policy_found f[] = {
		good_mandatory,
		found(POLICY_USER, "later.json",
		      F("l",
			",\"not_before\":\"2026-09-21T14:13:20Z\",\"rules\":[{\"id\":\"r\","
			"\"effect\":\"deny\"}]")),
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_load in = load_of(f, 2);
		struct policy_loaded l;

		in.now_ms = rows[i].now_ms;
		l = run(&in);
		CHECK(contains(verdict(&l), rows[i].verdict), rows[i].verdict);
		policy_loaded_free(&l);
	}
}

/* One whose tests fail is left out; so is the next, and what they would have loosened. */
static void each_file_whose_tests_fail_is_left_out(void **state)
{
	static const char fails[] =
		",\"default\":{\"cloud\":\"allow\"},\"tests\":[{\"name\":\"n\",\"request\":{},"
		"\"expect\":{\"local\":\"deny\"}}]";
	char texts[3][300];
	struct policy_found f[4] = { good_mandatory };
	struct policy_load in = load_of(f, 4);
	struct policy_loaded l;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = { "a.json", "b.json", "c.json" };

		snprintf(texts[i], sizeof texts[i], "{\"hither_policy\":1,\"id\":\"f%u\"%s}", i,
			 i == 1 ? "" : fails);
		f[1 + i] = found(POLICY_USER, names[i], texts[i]);
	}
	l = run(&in);
	assert_true(has_problem(&l, POLICY_PROBLEM_TEST, "a.json", "its test \"n\" fails"));
	assert_true(has_problem(&l, POLICY_PROBLEM_TEST, "c.json", "its test \"n\" fails"));
	assert_int_equal(l.n_problems, 2);
	assert_true(contains(verdict(&l), "ask"));
	policy_loaded_free(&l);
}

/* ---------------------------------------------------------------- wrong at reload */

static const struct {
	const char *name, *text, *problem;
	enum policy_problem_kind kind;
} wrong[] = {
	{ "it does not parse", "{", "", POLICY_PROBLEM_FILE },
	{ "an unknown key", BROKEN, "unknown key", POLICY_PROBLEM_FILE },
	{ "a duplicate key", "{\"id\":\"a\",\"id\":\"a\"}", "twice", POLICY_PROBLEM_FILE },
	{ "its own tests fail", FAILING, "its test \"n\" fails", POLICY_PROBLEM_TEST },
	{ "not in force yet", F("b", ",\"not_before\":\"2030-01-01T00:00:00Z\""), "not_before",
	  POLICY_PROBLEM_FILE },
};

static void wrong_at_reload(void **state)
{
	const struct policy_found before[] = { good_mandatory, good_user };
	struct policy_load in = load_of(before, 2);
	struct policy_loaded first = run(&in);

	(void)state;
	for (size_t i = 0; i < LEN(wrong); i++) {
		for (int layer = 0; layer < POLICY_LAYERS; layer++) {
			const struct policy_found now[] = {
				good_mandatory, good_user,
				found((enum policy_layer)layer, "99-new.json", wrong[i].text)
			};
			in = load_of(now, 3);
			in.in_force = first.set;
			struct policy_loaded l = run(&in);

			CHECK(l.state == POLICY_DEGRADED && !l.changed && !l.persist,
			      wrong[i].name);
			CHECK(l.set == first.set, wrong[i].name);
			CHECK(has_problem(&l, wrong[i].kind, "99-new.json", wrong[i].problem),
			      wrong[i].name);
			CHECK(contains(l.reason, "99-new.json"), l.reason);
			policy_loaded_free(&l);
		}
	}
	assert_true(contains(verdict(&first), "ask"));
	policy_loaded_free(&first);
}

static void put_right_at_reload(void **state)
{
	const struct policy_found before[] = { good_mandatory };
	const struct policy_found now[] = { good_mandatory, good_user };
	struct policy_load in = load_of(before, 1);
	struct policy_loaded first = run(&in);

	(void)state;
	in = load_of(now, 2);
	in.in_force = first.set;
	struct policy_loaded l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	assert_true(l.changed && l.persist && l.set != first.set);
	policy_loaded_free(&l);
	policy_loaded_free(&first);
}

/* What stays in force because its successor is wrong must not outlive its own date. */
static void kept_set_expires(void **state)
{
	const struct policy_found before[] = { found(
		POLICY_MANDATORY, "10-m.json",
		F("m", CLOUD ",\"not_after\":\"2026-10-01T00:00:00Z\"")) };
	const struct policy_found now[] = { found(POLICY_MANDATORY, "10-m.json", BROKEN) };
	struct policy_load in = load_of(before, 1);
	struct policy_loaded first = run(&in);

	(void)state;
	in = load_of(now, 1);
	in.in_force = first.set;
	in.now_ms += 30 * DAY_MS;
	struct policy_loaded l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_EXPIRED, "10-m.json", "2026-10-01"));
	policy_loaded_free(&l);
	policy_loaded_free(&first);
}

/* A lockdown stays one when a reload finds something wrong. */
static void kept_lockdown(void **state)
{
	struct policy_set *locked = policy_set_lockdown("why");
	const struct policy_found now[] = { found(POLICY_USER, "u.json", BROKEN) };
	struct policy_load in = load_of(now, 1);

	(void)state;
	in.in_force = locked;
	struct policy_loaded l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_false(l.changed);
	policy_loaded_free(&l);
	policy_set_free(locked);
}

/* ---------------------------------------------------------------- wrong at start */

static void lower_layer_wrong_at_start(void **state)
{
	static const enum policy_layer lower[] = { POLICY_USER, POLICY_RECOMMENDED,
						   POLICY_VENDOR };

	(void)state;
	for (size_t i = 0; i < LEN(wrong); i++) {
		for (size_t k = 0; k < LEN(lower); k++) {
			const struct policy_found now[] = {
				good_mandatory, found(lower[k], "99.json", wrong[i].text)
			};
			struct policy_load in = load_of(now, 2);
			struct policy_loaded l = run(&in);

			CHECK(l.state == POLICY_DEGRADED && l.changed && !l.persist,
			      wrong[i].name);
			CHECK(l.remember, wrong[i].name); /* the mandatory file's serial */
			CHECK(policy_set_state(l.set) == POLICY_DEGRADED, wrong[i].name);
			CHECK(policy_set_n_files(l.set) == 1, wrong[i].name);
			CHECK(has_problem(&l, wrong[i].kind, "99.json", wrong[i].problem),
			      wrong[i].name);
			policy_loaded_free(&l);
		}
	}
}

static void built_in_defaults_remain(void **state)
{
	const struct policy_found now[] = { found(POLICY_USER, "a.json", F("u", CLOUD)),
					    found(POLICY_USER, "b.json", BROKEN) };
	struct policy_load in = load_of(now, 2);
	struct policy_loaded l = run(&in);

	(void)state;
	assert_true(contains(verdict(&l), "builtin:default"));
	assert_true(contains(verdict(&l), "deny"));
	policy_loaded_free(&l);
}

static void mandatory_wrong_at_start_without_last_good(void **state)
{
	static const enum policy_layer ceilings[] = { POLICY_VENDOR_MANDATORY,
						      POLICY_MANDATORY };

	(void)state;
	for (size_t i = 0; i < LEN(wrong); i++) {
		for (size_t k = 0; k < LEN(ceilings); k++) {
			const struct policy_found now[] = {
				found(ceilings[k], "00.json", wrong[i].text),
				found(POLICY_USER, "u.json",
				      F("u", ",\"destinations\":{\"x\":{\"tier\":\"cloud\","
					     "\"api\":\"openai\"}}" ALLOW))
			};
			struct policy_load in = load_of(now, 2);
			struct policy_loaded l = run(&in);

			CHECK(l.state == POLICY_LOCKDOWN && !l.persist, wrong[i].name);
			CHECK(has_problem(&l, POLICY_PROBLEM_LAST_GOOD, "", "no last good"),
			      wrong[i].name);
			if (strcmp(verdict(&l), "no such destination") != 0)
				CHECK(contains(verdict(&l), "builtin:lockdown"), wrong[i].name);
			CHECK(contains(answer(l.set, "{}", "local"), "allow"), wrong[i].name);
			policy_loaded_free(&l);
		}
	}
}

/* The last good policy of a run with `f`. */
static void last_good_of(const struct policy_found *f, size_t n,
			 const struct policy_trust *trust, struct buf *ret)
{
	struct policy_load in = load_of(f, n);

	in.trust = trust;
	struct policy_loaded l = run(&in);
	assert_true(l.persist);
	buf_init(ret, 1u << 20);
	buf_add(ret, buf_span(&l.bundle));
	policy_loaded_free(&l);
}

static void mandatory_wrong_at_start_with_last_good(void **state)
{
	const struct policy_found before[] = { good_mandatory, good_user };
	const struct policy_found now[] = { found(POLICY_MANDATORY, "10-m.json", BROKEN),
					    good_user };
	struct policy_load in = load_of(now, 2);
	struct buf last_good;

	(void)state;
	last_good_of(before, 2, NULL, &last_good);
	in.last_good = buf_span(&last_good);
	struct policy_loaded l = run(&in);
	assert_int_equal(l.state, POLICY_DEGRADED);
	assert_true(l.from_last_good && !l.persist);
	assert_int_equal(policy_set_n_files(l.set), 2);
	assert_true(policy_set_generation(l.set) == 7);
	assert_true(contains(verdict(&l), "ask"));
	policy_loaded_free(&l);

	/* its serial has been overtaken */
	const struct policy_serial seen[] = { { "other", 99 }, { "m", 6 } };
	in.serials = seen;
	in.n_serials = 2;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_LAST_GOOD, "10-m.json", "serial 5"));
	policy_loaded_free(&l);
	in.n_serials = 0;

	/* damaged */
	last_good.ptr[0] ^= 1;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_LAST_GOOD, "", "damaged"));
	policy_loaded_free(&l);
	buf_free(&last_good);
}

static void expired_last_good(void **state)
{
	const struct policy_found before[] = { found(
		POLICY_MANDATORY, "m.json",
		F("m", CLOUD ",\"not_after\":\"2026-10-01T00:00:00Z\"")) };
	const struct policy_found now[] = { found(POLICY_MANDATORY, "m.json", BROKEN) };
	struct policy_load in = load_of(now, 1);
	struct buf last_good;

	(void)state;
	last_good_of(before, 1, NULL, &last_good);
	in.last_good = buf_span(&last_good);
	in.now_ms += 60 * DAY_MS;
	struct policy_loaded l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_LAST_GOOD, "m.json", "expired"));
	policy_loaded_free(&l);
	buf_free(&last_good);
}

/* ---------------------------------------------------------------- signatures */

struct signing {
	struct buf private_pem, public_pem, signature;
	struct policy_trust *trust;
};

static struct signing sign(const char *text)
{
	struct signing s = { .trust = NULL };
	struct crypto_key *k;
	struct policy_error e;
	struct span pem;

	buf_init(&s.private_pem, 4096);
	buf_init(&s.public_pem, 4096);
	buf_init(&s.signature, 4096);
	assert_int_equal(crypto_init(), ERR_OK);
	assert_int_equal(crypto_key_generate(&k), ERR_OK);
	assert_int_equal(crypto_key_to_pem(k, true, &s.private_pem), ERR_OK);
	assert_int_equal(crypto_key_to_pem(k, false, &s.public_pem), ERR_OK);
	crypto_key_free(k);
	pem = buf_span(&s.public_pem);
	assert_int_equal(policy_sign(buf_span(&s.private_pem), span_of(text),
				     (struct span){ "", 0 }, &s.signature, &e),
			 ERR_OK);
	assert_int_equal(policy_trust_new(&pem, 1, 1, &s.trust, &e), ERR_OK);
	return s;
}

static void signing_free(struct signing *s)
{
	buf_free(&s->private_pem);
	buf_free(&s->public_pem);
	buf_free(&s->signature);
	policy_trust_free(s->trust);
}

static void trust_anchors_want_signatures(void **state)
{
	struct signing s = sign(good_mandatory.text.ptr);
	struct policy_found f[] = { good_mandatory, good_user };
	struct policy_load in = load_of(f, 2);
	struct policy_loaded l;

	(void)state;
	in.trust = s.trust;
	l = run(&in); /* missing */
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "10-m.json", "signature is missing"));
	policy_loaded_free(&l);

	f[0].signature = SPAN_LITERAL("{}"); /* bad */
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "10-m.json", "malformed"));
	policy_loaded_free(&l);

	f[0].signature = buf_span(&s.signature); /* good; the person's file needs none */
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	assert_int_equal(strlen(policy_file_info(policy_set_file(l.set, 0)).signer), 16);
	assert_true(policy_file_info(policy_set_file(l.set, 0)).signature.len > 0);
	assert_string_equal(policy_file_info(policy_set_file(l.set, 1)).signer, "");
	assert_true(policy_file_info(policy_set_file(l.set, 1)).signature.len == 0);
	policy_loaded_free(&l);

	in.trust_unreadable = "permission denied";
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "10-m.json", "permission denied"));
	policy_loaded_free(&l);
	signing_free(&s);
}

/* A last-good is judged by the anchors of today. */
static void last_good_is_verified_again(void **state)
{
	struct signing s = sign(good_mandatory.text.ptr), other = sign("x");
	struct policy_found before[] = { good_mandatory };
	struct policy_found now[] = { found(POLICY_MANDATORY, "10-m.json", BROKEN) };
	struct policy_load in = load_of(now, 1);
	struct buf signed_good, unsigned_good;

	(void)state;
	last_good_of(before, 1, NULL, &unsigned_good);
	before[0].signature = buf_span(&s.signature);
	last_good_of(before, 1, s.trust, &signed_good);

	in.trust = s.trust;
	in.last_good = buf_span(&signed_good);
	struct policy_loaded l = run(&in);
	assert_true(l.from_last_good);
	policy_loaded_free(&l);

	in.last_good = buf_span(&unsigned_good);
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(says_somewhere(&l, "the signature is missing"));
	policy_loaded_free(&l);

	in.trust = other.trust;
	in.last_good = buf_span(&signed_good);
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	policy_loaded_free(&l);
	buf_free(&signed_good);
	buf_free(&unsigned_good);
	signing_free(&s);
	signing_free(&other);
}

/* ---------------------------------------------------------------- time and serials */

static void not_after_has_passed(void **state)
{
	for (int layer = 0; layer < POLICY_LAYERS; layer++) {
		const struct policy_found f[] = { found(
			(enum policy_layer)layer, "e.json",
			F("e", CLOUD ALLOW ",\"not_after\":\"2026-01-01T00:00:00Z\"")) };
		struct policy_load in = load_of(f, 1);
		struct policy_loaded l = run(&in);

		assert_int_equal(l.state, POLICY_LOCKDOWN);
		assert_true(contains(l.reason, "e.json"));
		assert_true(contains(policy_set_reason(l.set), "valid until"));
		assert_true(contains(verdict(&l), "builtin:lockdown"));
		policy_loaded_free(&l);
	}
	(void)state;
}

static void clock_went_back(void **state)
{
	const struct policy_found f[] = { good_mandatory };
	struct policy_load in = load_of(f, 1);
	struct policy_loaded l;

	(void)state;
	in.newest_record_ms = NOW_MS + DAY_MS;
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	policy_loaded_free(&l);
	in.newest_record_ms = NOW_MS + DAY_MS + 1;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_CLOCK, "", "behind"));
	policy_loaded_free(&l);
}

static void serial_went_down(void **state)
{
	const struct policy_found m[] = { good_mandatory };
	const struct policy_found u[] = { found(POLICY_USER, "u.json", F("m", CLOUD)) };
	struct policy_serial seen[] = { { "m", 5 } };
	struct policy_load in = load_of(m, 1);
	struct policy_loaded l;
	char key[80];

	(void)state;
	in.serials = seen;
	in.n_serials = 1;
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	policy_loaded_free(&l);
	seen[0].serial = 6;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "10-m.json",
				"serial 5 of \"m\" is lower than 6"));
	policy_loaded_free(&l);

	/* A person's file of the same id is counted apart. */
	in.found = u;
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	policy_serial_key(policy_set_file(l.set, 0), key, sizeof key);
	assert_string_equal(key, "user/m");
	policy_loaded_free(&l);
	seen[0].key = "user/m";
	l = run(&in);
	assert_int_equal(l.state, POLICY_DEGRADED);
	policy_loaded_free(&l);
}

/* ---------------------------------------------------------------- what is gone, masks */

static void mandatory_file_gone(void **state)
{
	const struct policy_mandatory was[] = { { POLICY_MANDATORY, "10-m.json" },
						{ POLICY_MANDATORY, "20-n.json" } };
	const struct policy_found f[] = { good_mandatory, good_user };
	const struct policy_found emptied[] = { good_mandatory,
						found(POLICY_MANDATORY, "20-n.json", "  \n") };
	struct policy_load in = load_of(f, 2);
	struct policy_loaded l;

	(void)state;
	in.mandatory = was;
	in.n_mandatory = 2;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_REMOVED, "20-n.json", "gone"));
	assert_true(contains(verdict(&l), "builtin:lockdown"));
	policy_loaded_free(&l);
	in.n_mandatory = 1; /* accepted */
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	policy_loaded_free(&l);
	in = load_of(emptied, 2); /* emptying is removing */
	in.mandatory = was;
	in.n_mandatory = 2;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	policy_loaded_free(&l);
}

static void masks(void **state)
{
	const struct policy_found f[] = {
		found(POLICY_VENDOR_MANDATORY, "00.json",
		      F("vm", CLOUD ",\"default\":{\"cloud\":\"deny\"}")),
		found(POLICY_MANDATORY, "00.json", ""),
		found(POLICY_VENDOR, "50.json", F("v", ",\"default\":{\"cloud\":\"deny\"}")),
		found(POLICY_RECOMMENDED, "50.json", F("r", ALLOW CLOUD)),
	};
	struct policy_load in = load_of(f, 4);
	struct policy_loaded l = run(&in);

	(void)state;
	assert_int_equal(l.state, POLICY_ACTIVE);
	assert_int_equal(policy_set_n_files(l.set), 1);
	assert_true(has_problem(&l, POLICY_PROBLEM_MASKED, "00.json", "masked"));
	assert_int_equal(l.n_problems, 1);
	assert_true(contains(verdict(&l), "recommended:default"));
	policy_loaded_free(&l);
}

/* ---------------------------------------------------------------- clashes, dictionaries */

static void lower_redefinition_is_dropped(void **state)
{
	const struct policy_found f[] = { good_mandatory,
					  found(POLICY_USER, "u.json", F("u", CLOUD ALLOW)) };
	struct policy_load in = load_of(f, 2);
	struct policy_loaded l = run(&in);

	(void)state;
	assert_int_equal(l.state, POLICY_DEGRADED);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "u.json", "already defined"));
	assert_true(contains(verdict(&l), "ask"));
	policy_loaded_free(&l);
}

static void unreadable(void **state)
{
	struct policy_found f[] = { { .layer = POLICY_USER,
				      .name = "u.json",
				      .path = "u",
				      .unreadable = "permission denied" },
				    { .layer = POLICY_MANDATORY,
				      .name = "m.json",
				      .path = "m",
				      .unreadable = "input/output error" } };
	struct policy_load in = load_of(f, 1);
	struct policy_loaded l = run(&in);

	(void)state;
	assert_int_equal(l.state, POLICY_DEGRADED);
	policy_loaded_free(&l);
	in.n_found = 2;
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "m.json", "input/output"));
	policy_loaded_free(&l);
}

static void note_path(void *ctx, const char *path)
{
	snprintf(ctx, 100, "%s", path);
}

static void dictionaries(void **state)
{
	const struct policy_found f[] = {
		found(POLICY_USER, "b.json", BROKEN),
		found(POLICY_MANDATORY, "m.json",
		      F("m", ",\"categories\":{\"company.a\":{\"dictionary\":\"/"
			     "w\"},\"company.b\":{\"regex\":\"x\"}}"))
	};
	const struct policy_attachment words = { "/w", SPAN_LITERAL("alpha") };
	struct policy_load in = load_of(f + 1, 1);
	struct policy_loaded l = run(&in);
	struct buf last_good;
	char path[100] = "";

	(void)state;
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_true(has_problem(&l, POLICY_PROBLEM_FILE, "m.json", "dictionary of company.a"));
	policy_loaded_free(&l);
	policy_load_dictionaries(f, 2, note_path, path);
	assert_string_equal(path, "/w");
	in.attachments = &words;
	in.n_attachments = 1;
	l = run(&in);
	assert_int_equal(l.state, POLICY_ACTIVE);
	assert_true(span_is(policy_category(l.set, 0)->words, "alpha"));
	buf_init(&last_good, 1u << 20);
	buf_add(&last_good, buf_span(&l.bundle));
	policy_loaded_free(&l);

	/* The last-good brings its words along. */
	const struct policy_found now[] = { found(POLICY_MANDATORY, "m.json", BROKEN) };
	in = load_of(now, 1);
	in.last_good = buf_span(&last_good);
	l = run(&in);
	assert_true(l.from_last_good);
	assert_true(span_is(policy_category(l.set, 0)->words, "alpha"));
	policy_loaded_free(&l);
	buf_free(&last_good);
}

static void too_many_files(void **state)
{
	static struct policy_found f[POLICY_SET_MAX_FILES + 1];
	static char names[POLICY_SET_MAX_FILES + 1][8];
	struct policy_load in = load_of(f, LEN(f));
	struct policy_loaded l;

	(void)state;
	for (size_t i = 0; i < LEN(f); i++) {
		snprintf(names[i], sizeof names[i], "%zu", i);
		f[i] = found(POLICY_MANDATORY, names[i], F("m", ""));
	}
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	policy_loaded_free(&l);
}

/* More rules in all than a set holds: nobody in particular is at fault, so nothing widens. */
static void too_many_rules(void **state)
{
	static struct policy_found f[17];
	static char names[17][8];
	struct buf text;
	struct policy_load in = load_of(f, LEN(f));
	struct policy_loaded l;

	(void)state;
	buf_init(&text, 1u << 20);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\",\"rules\":[");
	for (int i = 0; i < 512; i++)
		buf_printf(&text, "%s{\"id\":\"r%d\",\"effect\":\"ask\"}", i > 0 ? "," : "", i);
	buf_add_str(&text, "]}");
	for (size_t i = 0; i < LEN(f); i++) {
		snprintf(names[i], sizeof names[i], "%zu", i);
		f[i] = found((enum policy_layer)(i % POLICY_LAYERS), names[i], buf_cstr(&text));
	}
	l = run(&in);
	assert_int_equal(l.state, POLICY_LOCKDOWN);
	assert_int_equal(policy_set_n_files(l.set), 0); /* none is better than another */
	policy_loaded_free(&l);
	buf_free(&text);
}

static void survives_lack_of_memory(void **state)
{
	const struct policy_found f[] = { good_mandatory, good_user,
					  found(POLICY_USER, "b.json", BROKEN) };
	struct policy_load in = load_of(f, 3);
	size_t before = arenas_alive();

	(void)state;
	for (unsigned n = 1;; n++) {
		struct policy_loaded l;

		fault_arm(n, false);
		enum err got = policy_load(&in, &l);
		bool fired = fault_fired();

		fault_arm(0, false);
		if (got == ERR_OK) {
			assert_int_equal(l.state, POLICY_DEGRADED);
			policy_loaded_free(&l);
		}
		assert_true(arenas_alive() == before);
		if (!fired)
			break;
	}
}

/* What a stack that is only evaluated may lack, a file that takes effect may not. */
static void a_file_that_takes_effect_is_whole(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "{\"id\":\"v\"}", "no \"hither_policy\"" },
		{ "{\"hither_policy\":1}", "no \"id\"" },
		{ "{\"hither_policy\":1,\"id\":\"v\",\"destinations\":{\"z\":{\"tier\":"
		  "\"cloud\"}}}",
		  "api" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct policy_found f[] = { good_mandatory,
						  found(POLICY_USER, "u", rows[i].text) };
		struct policy_load in = load_of(f, 2);
		struct policy_loaded l = run(&in);

		CHECK(has_problem(&l, POLICY_PROBLEM_FILE, "u", rows[i].problem), rows[i].text);
		assert_int_equal(policy_set_n_files(l.set), 1);
		policy_loaded_free(&l);
	}
}

/* After all the others: a file that was refused is kept by nobody. */
static void all_was_given_back(void **state)
{
	(void)state;
	assert_int_equal(arenas_alive(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_good),
		cmocka_unit_test(each_dictionary_is_asked_for),
		cmocka_unit_test(a_file_begins_when_it_says),
		cmocka_unit_test(each_file_whose_tests_fail_is_left_out),
		cmocka_unit_test(wrong_at_reload),
		cmocka_unit_test(put_right_at_reload),
		cmocka_unit_test(kept_set_expires),
		cmocka_unit_test(kept_lockdown),
		cmocka_unit_test(lower_layer_wrong_at_start),
		cmocka_unit_test(built_in_defaults_remain),
		cmocka_unit_test(mandatory_wrong_at_start_without_last_good),
		cmocka_unit_test(mandatory_wrong_at_start_with_last_good),
		cmocka_unit_test(expired_last_good),
		cmocka_unit_test(trust_anchors_want_signatures),
		cmocka_unit_test(last_good_is_verified_again),
		cmocka_unit_test(not_after_has_passed),
		cmocka_unit_test(clock_went_back),
		cmocka_unit_test(serial_went_down),
		cmocka_unit_test(mandatory_file_gone),
		cmocka_unit_test(masks),
		cmocka_unit_test(lower_redefinition_is_dropped),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(dictionaries),
		cmocka_unit_test(too_many_files),
		cmocka_unit_test(too_many_rules),
		cmocka_unit_test(survives_lack_of_memory),
		cmocka_unit_test(a_file_that_takes_effect_is_whole),
		cmocka_unit_test(all_was_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
