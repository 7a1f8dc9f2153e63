/* SPDX-License-Identifier: Apache-2.0 */
/* What people said before, folded out of records: what a no keeps, and when it ends. */
#include "tests/unit/perms_help.h"

/* --- a no ---------------------------------------------------------------------------- */

static void a_no_is_for_these_bytes(void **state)
{
	struct record r = no(3, NULL);
	struct perms *p = after(&r, 1);
	struct perm_query q = wanted();

	(void)state;
	CHECK(refused(p, q), "the same");
	CHECK(!allowed(p, q), "a no is no yes");
	assert_string_equal(perms_refusing(p, &q)->id, "n-3");
#define NOT(field, value)                                                                      \
	q = wanted();                                                                          \
	q.field = value;                                                                       \
	CHECK(!refused(p, q), #field " = " #value)
	NOT(uid, 8);
	NOT(app, "other");
	NOT(destination, "elsewhere");
	NOT(digest, "sha256:11");
	NOT(now_ms, NOW + PERMS_SESSION_MS);
#undef NOT
	q = wanted();
	q.now_ms = NOW + PERMS_SESSION_MS - 1;
	q.model = "small";
	q.task = "code";
	CHECK(refused(p, q), "to its last moment, whatever the model");
	perms_free(p);
	r = no(3, "once");
	p = after(&r, 1);
	q = wanted();
	q.digest = "sha256:11";
	CHECK(!refused(p, q), "for once is no more than that");
	perms_free(p);
}

static void a_wide_no_is_for_the_app_there(void **state)
{
	struct record r = no(3, "until");
	struct perm_query q = wanted();

	(void)state;
	r.until_ms = NOW + HOUR;
	struct perms *p = after(&r, 1);
	q.digest = "sha256:11";
	q.task = "code";
	CHECK(refused(p, q), "other bytes");
	q.destination = "elsewhere";
	CHECK(!refused(p, q), "not elsewhere");
	q = wanted();
	q.now_ms = NOW + HOUR;
	CHECK(!refused(p, q), "until then");
	perms_free(p);
}

static void a_no_is_for_its_conversation(void **state)
{
	struct record r = no(3, "until");
	struct perm_query q = wanted();

	(void)state;
	r.until_ms = NOW + HOUR;
	r.conversation = "c1";
	struct perms *p = after(&r, 1);
	q.app = "other";
	q.destination = "elsewhere";
	q.digest = "sha256:11";
	q.conversation = "c1";
	q.now_ms = NOW + PERMS_SESSION_MS - 1;
	CHECK(refused(p, q), "whatever program quotes it, wherever to");
	q.conversation = "c2";
	CHECK(!refused(p, q), "not another one");
	perms_free(p);
	r.conversation = "";
	p = after(&r, 1);
	q.conversation = "";
	CHECK(!refused(p, q), "no name is no conversation");
	perms_free(p);
}

static void three_in_a_row_end_the_asking(void **state)
{
	struct record r[4] = { no(1, NULL), no(2, NULL), no(3, NULL), no(4, NULL) };
	struct perm_query q = wanted();
	struct perms *p;

	(void)state;
	q.digest = "sha256:11";
	q.destination = "elsewhere";
	p = after(r, 2);
	CHECK(!refused(p, q), "two");
	perms_free(p);
	p = after(r, 3);
	CHECK(refused(p, q), "three: this app and task, wherever to");
	assert_string_equal(perms_refusing(p, &q)->id, "n-3");
	q.now_ms = NOW + PERMS_SESSION_MS - 1;
	CHECK(refused(p, q), "for a while");
	q.now_ms++;
	CHECK(!refused(p, q), "no longer");
	q.now_ms = NOW;
	q.task = "code";
	CHECK(!refused(p, q), "another task");
	q.task = "";
	CHECK(!refused(p, q), "none");
	perms_free(p);
	/* Another's no, another task's, and a yes between them: no row. */
	r[1].app = "other";
	p = after(r, 3);
	q.task = "chat";
	CHECK(!refused(p, q), "two of this app");
	perms_free(p);
	r[1] = no(2, NULL);
	r[1].task = "code";
	p = after(r, 3);
	CHECK(!refused(p, q), "two of this task");
	perms_free(p);
	r[1] = no(2, NULL);
	r[1].uid = 8;
	p = after(r, 3);
	CHECK(!refused(p, q), "two of this user");
	perms_free(p);
	r[1] = no(2, NULL);
	r[2] = yes(3, "once");
	p = after(r, 4);
	assert_true(perms_note(p, &r[3]));
	CHECK(!refused(p, q), "a yes begins anew");
	assert_true(perms_note(p, &r[3]));
	CHECK(refused(p, q), "and three more are three");
	perms_free(p);
	/* It holds for a while, however short each of them was to hold; of any task's name. */
	for (unsigned i = 0; i < 3; i++) {
		r[i] = no(1 + i, "until");
		r[i].until_ms = NOW + 1;
		r[i].task = "x";
	}
	p = after(r, 3);
	q.task = "x";
	q.now_ms = NOW + PERMS_SESSION_MS - 1;
	CHECK(refused(p, q), "to its last moment");
	perms_free(p);
}

static void a_row_without_names(void **state)
{
	struct record r[3] = { no(1, NULL), no(2, NULL), no(3, NULL) };
	struct perm_query q = wanted();
	struct perms *p;

	(void)state;
	q.digest = "sha256:11";
	q.task = "";
	for (unsigned i = 0; i < 3; i++)
		r[i].task = NULL;
	p = after(r, 3);
	CHECK(refused(p, q), "three of no task: of none");
	q.task = "chat";
	CHECK(!refused(p, q), "not of one");
	perms_free(p);
	for (unsigned i = 0; i < 3; i++)
		r[i].app = NULL;
	p = after(r, 3);
	q.app = "";
	q.task = "";
	CHECK(!refused(p, q), "programs without a name cannot be told apart");
	perms_free(p);
}

/* Many apps: the row that began first is forgotten, at worst one more question is put. */
static void rows_are_bounded(void **state)
{
	struct perms *p = perms_new();
	struct perm_query q = wanted();
	char name[32];

	(void)state;
	q.digest = "sha256:11";
	for (unsigned i = 0; i < 2; i++) {
		struct record r = no(1 + i, NULL);
		assert_true(perms_note(p, &r));
	}
	for (unsigned i = 0; i < 255; i++) { /* with the first: as many as are kept */
		struct record r = yes(10 + i, "once");
		snprintf(name, sizeof name, "app%u", i);
		r.app = name;
		assert_true(perms_note(p, &r));
	}
	struct record r = no(500, NULL);
	assert_true(perms_note(p, &r));
	CHECK(refused(p, q), "still in the row: the third");
	perms_free(p);
	p = perms_new();
	for (unsigned i = 0; i < 2; i++) {
		r = no(1 + i, NULL);
		assert_true(perms_note(p, &r));
	}
	for (unsigned i = 0; i < 256; i++) {
		r = yes(10 + i, "once");
		snprintf(name, sizeof name, "app%u", i);
		r.app = name;
		assert_true(perms_note(p, &r));
	}
	r = no(500, NULL);
	assert_true(perms_note(p, &r));
	CHECK(!refused(p, q), "forgotten: the first of a new row");
	perms_free(p);
}

/* The oldest refusal makes room; what was permitted stays. */
static void what_is_remembered_is_bounded(void **state)
{
	struct perms *p = perms_new();
	struct record r = yes(1, "always");
	char id[24];

	(void)state;
	assert_true(perms_note(p, &r));
	for (unsigned i = 2; i <= PERMS_MAX; i++) {
		r = no(i, NULL);
		r.app = "";
		assert_true(perms_note(p, &r));
	}
	assert_non_null(perms_find(p, "n-2"));
	r = yes(9999, "always");
	r.app = "newest";
	assert_true(perms_note(p, &r));
	assert_non_null(perms_find(p, "g-1"));
	assert_null(perms_find(p, "n-2"));
	assert_non_null(perms_find(p, "n-3"));
	snprintf(id, sizeof id, "n-%u", PERMS_MAX);
	assert_non_null(perms_find(p, id));
	assert_string_equal(perms_find(p, "g-9999")->app, "newest");
	perms_free(p);
	/* Nothing but refusals: also the very first of them. */
	p = perms_new();
	for (unsigned i = 1; i <= PERMS_MAX + 1; i++) {
		r = no(i, NULL);
		r.app = "";
		assert_true(perms_note(p, &r));
	}
	assert_null(perms_find(p, "n-1"));
	assert_non_null(perms_find(p, "n-2"));
	perms_free(p);
	/* Nothing but permissions: the oldest of them. */
	p = perms_new();
	for (unsigned i = 1; i <= PERMS_MAX + 1; i++) {
		r = yes(i, "always");
		assert_true(perms_note(p, &r));
	}
	assert_null(perms_find(p, "g-1"));
	assert_non_null(perms_find(p, "g-2"));
	assert_non_null(perms_find(p, "g-4097"));
	perms_free(p);
}

static bool count_one(void *ctx, const struct perm *perm)
{
	(void)perm;
	++*(unsigned *)ctx;
	return true;
}

/* No more than there is room for, and each until its last moment. */
static void so_many_are_listed(void **state)
{
	struct perms *p = perms_new();
	unsigned n = 0;
	struct record r;

	(void)state;
	for (unsigned i = 1; i <= PERMS_MAX + 2; i++) {
		r = yes(i, "always");
		assert_true(perms_note(p, &r));
	}
	perms_each(p, 7, NOW + HOUR - 1, count_one, &n);
	assert_int_equal(n, PERMS_MAX);
	perms_each(p, 7, NOW + HOUR, count_one, &n);
	assert_int_equal(n, PERMS_MAX);
	perms_free(p);
}

/* A new streak begins with nothing, also where an old one was forgotten for it, and after a no
 * was taken back. */
static void a_streak_begins_with_nothing(void **state)
{
	struct perms *p = perms_new();
	struct perm_query q = wanted();
	struct record r, back;
	char app[16];

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(app, sizeof app, "app-%u", i);
		r = no(10 + i, NULL);
		r.app = app;
		assert_true(perms_note(p, &r));
	}
	assert_true(perms_note(p, &r)); /* the newest has two */
	r = no(999, NULL);
	assert_true(perms_note(p, &r));
	q.digest = "sha256:11";
	CHECK(!refused(p, q), "the first of its own");
	r.seq++;
	assert_true(perms_note(p, &r));
	CHECK(!refused(p, q), "the second");
	back = said(RECORD_REVOKED, 2000);
	back.permission = "n-1000";
	assert_true(perms_note(p, &back));
	r.seq = 2001;
	assert_true(perms_note(p, &r));
	r.seq++;
	assert_true(perms_note(p, &r));
	CHECK(!refused(p, q), "two since one was taken back");
	r.seq++;
	assert_true(perms_note(p, &r));
	CHECK(refused(p, q), "and the third");
	perms_free(p);
}

/* --- a taint ------------------------------------------------------------------------- */

static void a_taint_keeps_the_conversation_from_a_tier(void **state)
{
	struct record r = tainted("cloud", "c1");
	struct perms *p = after(&r, 1);
	struct perm_query q = wanted();

	(void)state;
	CHECK(!refused(p, q), "another conversation");
	q.conversation = "c1";
	CHECK(refused(p, q), "the cloud");
	assert_int_equal(perms_refusing(p, &q)->from_tier, POLICY_TIER_CLOUD);
	q.tier = POLICY_TIER_TRUSTED;
	CHECK(!refused(p, q), "not what is trusted");
	q.tier = POLICY_TIER_CLOUD;
	q.policy_sha256 = "bb";
	CHECK(!refused(p, q), "under the policy that said so");
	perms_free(p);
	r = tainted("trusted", "c1");
	p = after(&r, 1);
	q.policy_sha256 = "aa";
	CHECK(refused(p, q), "and what is above it");
	q.tier = POLICY_TIER_TRUSTED;
	CHECK(refused(p, q), "itself");
	q.policy_sha256 = "bb";
	CHECK(!refused(p, q), "under another policy not");
	q.policy_sha256 = "aa";
	q.tier = POLICY_TIER_DEVICE;
	CHECK(!refused(p, q), "nor what is below it");
	perms_free(p);
}

static void a_taint_that_says_nothing_is_none(void **state)
{
	struct record rows[] = { tainted(NULL, "c1"), tainted("stratosphere", "c1"),
				 tainted("cloud", NULL) };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct perms *p = after(&rows[i], 1);

		assert_null(perms_find(p, "n-4"));
		perms_free(p);
	}
}

/* --- taken back ---------------------------------------------------------------------- */

static struct record taken_back(const char *permission)
{
	struct record r = said(RECORD_REVOKED, 90);

	r.permission = permission;
	return r;
}

static void taking_back_takes_that_one(void **state)
{
	struct record r[5] = { yes(1, "always"), no(2, NULL), yes(3, "always"),
			       taken_back("n-2"), taken_back(NULL) };
	struct perms *p;

	(void)state;
	r[2].app = "other";
	p = after(r, 5);
	assert_non_null(perms_find(p, "g-1"));
	assert_null(perms_find(p, "n-2"));
	assert_string_equal(perms_find(p, "g-3")->app, "other");
	r[0] = taken_back("g-1");
	assert_true(perms_note(p, &r[0]));
	assert_null(perms_find(p, "g-1"));
	assert_string_equal(perms_find(p, "g-3")->app, "other");
	r[0] = taken_back("g-77");
	assert_true(perms_note(p, &r[0]));
	assert_non_null(perms_find(p, "g-3"));
	perms_free(p);
}

/* A no makes several entries of one name: all go, and the row begins anew. */
static void taking_a_no_back_ends_its_row(void **state)
{
	struct record r[5] = { no(1, NULL), no(2, NULL), no(3, NULL), taken_back("n-3"),
			       no(4, NULL) };
	struct perm_query q = wanted();
	struct perms *p;

	(void)state;
	q.digest = "sha256:11";
	q.conversation = "c1";
	r[2].conversation = "c1";
	p = after(r, 3);
	CHECK(refused(p, q), "three in a row, in this conversation");
	perms_free(p);
	p = after(r, 5);
	CHECK(!refused(p, q), "taken back; the next is the first again");
	perms_free(p);
	/* Others' rows go on: another app's, another user's, and taking back a yes ends none.
	 */
	r[3] = taken_back("n-9");
	struct record others[] = { no(1, NULL), no(2, NULL), no(9, NULL), yes(10, "always") };
	q.conversation = "";
	others[2].app = "other";
	others[3].app = "third";
	for (unsigned i = 0; i < 3; i++) {
		if (i == 1) {
			others[2].app = "app";
			others[2].uid = 8;
		}
		p = after(others, 4);
		r[3] = i < 2 ? taken_back("n-9") : taken_back("g-10");
		assert_true(perms_note(p, &r[3]));
		assert_true(perms_note(p, &r[4]));
		CHECK(refused(p, q), "the third in a row");
		perms_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_no_is_for_these_bytes),
		cmocka_unit_test(a_wide_no_is_for_the_app_there),
		cmocka_unit_test(a_no_is_for_its_conversation),
		cmocka_unit_test(three_in_a_row_end_the_asking),
		cmocka_unit_test(a_row_without_names),
		cmocka_unit_test(rows_are_bounded),
		cmocka_unit_test(what_is_remembered_is_bounded),
		cmocka_unit_test(a_taint_keeps_the_conversation_from_a_tier),
		cmocka_unit_test(a_taint_that_says_nothing_is_none),
		cmocka_unit_test(taking_back_takes_that_one),
		cmocka_unit_test(taking_a_no_back_ends_its_row),
		cmocka_unit_test(so_many_are_listed),
		cmocka_unit_test(a_streak_begins_with_nothing),
	};

	return cmocka_run_group_tests(tests, found_something, NULL);
}
