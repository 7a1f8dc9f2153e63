/* SPDX-License-Identifier: Apache-2.0 */
/* What people said before, folded out of records: what a yes covers, and what people see. */
#include "tests/unit/perms_help.h"

/* --- a yes --------------------------------------------------------------------------- */

static void a_yes_covers_what_was_shown_and_nothing_else(void **state)
{
	struct record r = yes(9, "until");
	struct perms *p = after(&r, 1);
	struct perm_query q = wanted();

	(void)state;
	CHECK(allowed(p, q), "the same again");
	CHECK(!refused(p, q), "a yes is no no");
	assert_string_equal(perms_allowing(p, &q)->id, "g-9");
	assert_string_equal(perms_allowing(p, &q)->record, "R9");
	assert_int_equal(perms_allowing(p, &q)->created_ms, NOW);
#define NOT(field, value)                                                                      \
	q = wanted();                                                                          \
	q.field = value;                                                                       \
	CHECK(!allowed(p, q), #field " = " #value)
	NOT(uid, 8);
	NOT(app, "other");
	NOT(destination, "elsewhere");
	NOT(model, "small");
	NOT(task, "code");
	NOT(policy_sha256, "bb");
	NOT(identity, POLICY_IDENTITY_CLAIMED);
	NOT(modes, POLICY_MODE_AS_IS);
	NOT(modes, 0);
	NOT(found, &numbers);
	NOT(now_ms, NOW + HOUR);
#undef NOT
	q = wanted();
	q.now_ms = NOW + HOUR - 1;
	CHECK(allowed(p, q), "to its last moment");
	q.found = &nothing;
	CHECK(allowed(p, q), "less than was shown");
	struct inspected dark = nothing;
	dark.complete = false;
	q.found = &dark;
	CHECK(!allowed(p, q), "what nobody could look into");
	q = wanted();
	q.identity = POLICY_IDENTITY_ATTESTED;
	CHECK(allowed(p, q), "better known than then");
	q.session = "another#1/1";
	q.digest = "sha256:11";
	q.conversation = "of whatever";
	CHECK(allowed(p, q), "none of these bind a yes with a time");
	perms_free(p);
}

static void a_yes_for_once_is_over(void **state)
{
	struct record r[2] = { yes(1, "once"), yes(2, NULL) };
	struct perms *p = after(r, 2);

	(void)state;
	CHECK(!allowed(p, wanted()), "once, or no scope");
	assert_null(perms_find(p, "g-1"));
	assert_null(perms_find(p, "g-2"));
	perms_free(p);
}

static void a_yes_for_the_text_as_it_is_needs_that_form(void **state)
{
	struct record r = yes(1, "always");
	struct perm_query q = wanted();
	struct perms *p;

	(void)state;
	r.mode = "as_is";
	p = after(&r, 1);
	q.modes = POLICY_MODE_AS_IS;
	CHECK(allowed(p, q), "as it is");
	q.modes = POLICY_MODE_REDACTED;
	CHECK(!allowed(p, q), "policy offers it masked only");
	perms_free(p);
}

static void other_terms_are_another_yes(void **state)
{
	struct record r = yes(1, "always");
	struct perms *p;

	(void)state;
	r.notice_version = "0";
	p = after(&r, 1);
	CHECK(!allowed(p, wanted()), "another wording was read");
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "policy_changed");
	perms_free(p);
	r = yes(1, "always");
	r.identity = "from a later version";
	p = after(&r, 1);
	CHECK(!allowed(p, wanted()), "an identity that nobody knows is never enough");
	perms_free(p);
}

static void the_newest_yes_that_covers_counts(void **state)
{
	struct record r[3] = { yes(1, "always"), yes(2, "always"), yes(3, "always") };
	struct perm_query q = wanted();
	struct perms *p;

	(void)state;
	r[2].app = "other";
	p = after(r, 3);
	assert_string_equal(perms_allowing(p, &q)->id, "g-2");
	perms_used(p, perms_allowing(p, &q));
	perms_used(p, perms_allowing(p, &q));
	assert_int_equal(perms_find(p, "g-2")->uses, 2);
	assert_int_equal(perms_find(p, "g-1")->uses, 0);
	perms_free(p);
}

/* A name that is only claimed is worth no more than the session it was claimed in. */
static void a_session_is_the_daemons_or_the_programs(void **state)
{
	struct record r = yes(1, "session");
	struct perm_query q = wanted();
	struct perms *p = after(&r, 1);

	(void)state;
	CHECK(allowed(p, q), "the same");
	q.session = "run#8/9";
	CHECK(allowed(p, q), "an identified app has one session, whoever leads it");
	q.session = "run";
	CHECK(allowed(p, q), "or nobody");
	q.session = "rum#5/6";
	CHECK(!allowed(p, q), "another run of the daemon");
	q.session = "run2#5/6";
	CHECK(!allowed(p, q), "of a longer name");
	q.session = "ru#5/6";
	CHECK(!allowed(p, q), "of a shorter one");
	perms_free(p);
	r.identity = "claimed";
	p = after(&r, 1);
	q = wanted();
	q.identity = POLICY_IDENTITY_CLAIMED;
	CHECK(allowed(p, q), "the same");
	q.session = "run#8/9";
	CHECK(!allowed(p, q), "from another terminal");
	perms_free(p);
}

static void what_a_yes_covers_must_be_readable(void **state)
{
	static const struct {
		const char *categories;
		bool kept;
	} rows[] = {
		{ "[]", true },
		{ NULL, true },
		{ "[{\"name\":\"personal.name\"},{\"name\":\"personal.id\"}]", true },
		{ "[{\"count\":1}]", true }, /* covers something without a name */
		{ "not json", false },
	};
	char many[4096] = "[";

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct record r = yes(1, "always");
		struct perm_query q = wanted();

		r.categories = rows[i].categories;
		struct perms *p = after(&r, 1);
		CHECK((perms_find(p, "g-1") != NULL) == rows[i].kept, "kept");
		q.found = &nothing;
		CHECK(allowed(p, q) == rows[i].kept, "where nothing is found");
		q.found = &numbers;
		CHECK(allowed(p, q) == (i == 2), "both names");
		perms_free(p);
	}
	/* More names than there is room for: it cannot say what it covers. */
	for (unsigned i = 0; i < 100; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many),
			 "%s{\"name\":\"category.%u\"}", i > 0 ? "," : "", i);
	strcat(many, "]");
	struct record r = yes(1, "always");
	r.categories = many;
	struct perms *p = after(&r, 1);
	assert_null(perms_find(p, "g-1"));
	perms_free(p);
}

/* Names are compared whole: neither a part of one nor two together are another. */
static void a_category_is_a_whole_name(void **state)
{
	struct record r = yes(1, "always");
	struct perms *p = after(&r, 1);
	struct inspected part = nothing;
	struct perm_query q = wanted();
	char longest[300];

	(void)state;
	q.found = &part;
	part.n_found = 1;
	part.found[0].name = "personal";
	CHECK(!allowed(p, q), "the beginning of it");
	part.found[0].name = "name";
	CHECK(!allowed(p, q), "its end");
	part.found[0].name = "personal.name";
	CHECK(allowed(p, q), "itself");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	part.found[0].name = longest;
	CHECK(!allowed(p, q), "none that is too long to compare");
	perms_free(p);
	longest[157] = '\0'; /* the longest that is compared */
	char json[400];
	snprintf(json, sizeof json, "[{\"name\":\"%s\"}]", longest);
	r.categories = json;
	p = after(&r, 1);
	CHECK(allowed(p, q), "but any that is not");
	perms_free(p);
	longest[157] = 'x';
	snprintf(json, sizeof json, "[{\"name\":\"%s\"}]", longest);
	longest[158] = '\0'; /* one more: only its beginning would be compared */
	p = after(&r, 1);
	CHECK(!allowed(p, q), "nor the beginning of a long one");
	perms_free(p);
}

/* What does not fit into its place binds to nothing that could match. */
static void what_is_too_long_matches_nothing(void **state)
{
	struct record r = yes(1, "always");
	char longest[200];
	struct perm_query q = wanted();

	(void)state;
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	r.app = longest;
	struct perms *p = after(&r, 1);
	q.app = longest;
	CHECK(!allowed(p, q), "not even itself");
	assert_string_equal(perms_find(p, "g-1")->app, "?");
	perms_free(p);
}

static void other_records_say_nothing(void **state)
{
	struct record r = said(RECORD_START, 1);
	struct perms *p = after(&r, 1);

	(void)state;
	CHECK(!allowed(p, wanted()) && !refused(p, wanted()), "neither yes nor no");
	perms_free(p);
}

/* --- for people ---------------------------------------------------------------------- */

static bool count(void *ctx, const struct perm *p)
{
	unsigned *n = ctx;

	assert_int_equal(p->uid, 7);
	return ++*n < 2;
}

static void a_person_sees_what_is_theirs_and_lives(void **state)
{
	struct record r[6] = { yes(1, "always"), yes(2, "always"), yes(3, "always"),
			       yes(4, "always"), yes(5, "always"), no(6, NULL) };
	unsigned n = 1;
	struct perms *p;

	(void)state;
	r[0].uid = 8;
	r[1].until_ms = NOW + 1;
	r[2].until_ms = NOW;
	r[5].uid = RECORD_ABSENT; /* nobody's */
	p = after(r, 6);
	perms_each(p, 7, NOW, count, &n);
	assert_int_equal(n, 2); /* the second; then `count` had enough */
	n = 0;
	perms_each(p, 7, NOW + 1, count, &n);
	assert_int_equal(n, 2); /* the fourth and the fifth */
	assert_int_equal(perms_find(p, "n-6")->uid, UINT32_MAX);
	perms_free(p);
	perms_free(NULL);
}

static void a_session_lives_as_long_as_its_leader(void **state)
{
	struct record r = yes(1, "session");
	struct perms *p = after(&r, 1);
	char session[80];

	(void)state;
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "active");
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run2", "aa"), "ended");
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "bb"), "policy_changed");
	perms_free(p);
	r.identity = "claimed"; /* whose leader is of no such process */
	p = after(&r, 1);
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "ended");
	perms_free(p);
	struct peer me = peer_of(getpid());
	snprintf(session, sizeof session, "run#%d/%" PRIu64, (int)getpid(), me.start);
	r.session = session;
	p = after(&r, 1);
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "active");
	perms_free(p);
	snprintf(session, sizeof session, "run#%d/%" PRIu64, (int)getpid(), me.start + 1);
	p = after(&r, 1);
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "ended");
	perms_free(p);
	r.session = "run#nobody";
	p = after(&r, 1);
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "ended");
	perms_free(p);
	r.identity = "from a later version"; /* counts as one that is only claimed */
	p = after(&r, 1);
	assert_string_equal(perm_state(perms_find(p, "g-1"), "run", "aa"), "ended");
	perms_free(p);
	r = no(1, NULL);
	p = after(&r, 1);
	assert_string_equal(perm_state(perms_find(p, "n-1"), "other", "bb"), "active");
	perms_free(p);
}

static void written(const struct perm *g, const char *wanted_text)
{
	struct buf out;

	buf_init(&out, 4096);
	perm_write(g, "active", &out);
	assert_string_equal(buf_cstr(&out), wanted_text);
	buf_free(&out);
}

struct last {
	const struct perm *p;
};

static bool keep_last(void *ctx, const struct perm *p)
{
	((struct last *)ctx)->p = p;
	return true;
}

static void an_entry_says_what_it_is_about(void **state)
{
	struct record r[3] = { yes(1, "always"), no(2, NULL), no(3, NULL) };
	struct perms *p = after(r, 1);
	struct last last;

	(void)state;
	perms_used(p, perms_find(p, "g-1"));
	written(perms_find(p, "g-1"),
		"{\"id\":\"g-1\",\"effect\":\"allow\",\"state\":\"active\",\"app\":\"app\","
		"\"identity\":\"socket\",\"destination\":\"far\",\"model\":\"big\",\"task\":"
		"\"chat\",\"covers\":\"requests like the one that was shown\","
		"\"conversation\":null,\"keeps_from_tier\":null,\"digest\":null,\"scope\":"
		"\"always\",\"mode\":\"redacted\",\"created\":\"2026-11-18T14:30:00.000Z\","
		"\"until\":\"2026-11-18T15:30:00.000Z\",\"receipt\":\"R1\",\"uses\":1}");
	perms_free(p);
	r[0] = no(1, NULL);
	p = after(r, 1);
	written(perms_find(p, "n-1"),
		"{\"id\":\"n-1\",\"effect\":\"refuse\",\"state\":\"active\",\"app\":\"app\","
		"\"identity\":\"socket\",\"destination\":\"far\",\"model\":null,\"task\":null,"
		"\"covers\":\"exactly these bytes\",\"conversation\":null,"
		"\"keeps_from_tier\":null,\"digest\":\"sha256:00\",\"scope\":\"\",\"mode\":"
		"null,\"created\":\"2026-11-18T14:30:00.000Z\",\"until\":"
		"\"2026-11-19T02:30:00.000Z\",\"receipt\":\"R1\",\"uses\":0}");
	perms_free(p);
	p = after(r, 3);
	perms_each(p, 7, NOW, keep_last, &last);
	written(last.p,
		"{\"id\":\"n-3\",\"effect\":\"refuse\",\"state\":\"active\",\"app\":\"app\","
		"\"identity\":\"socket\",\"destination\":null,\"model\":null,\"task\":\"chat\","
		"\"covers\":\"this kind of request, after three refusals\",\"conversation\":"
		"null,\"keeps_from_tier\":null,\"digest\":null,\"scope\":\"\",\"mode\":null,"
		"\"created\":\"2026-11-18T14:30:00.000Z\",\"until\":"
		"\"2026-11-19T02:30:00.000Z\",\"receipt\":\"R3\",\"uses\":0}");
	perms_free(p);
	r[0].conversation = "c1";
	p = after(r, 1);
	perms_each(p, 7, NOW, keep_last, &last);
	written(last.p,
		"{\"id\":\"n-1\",\"effect\":\"refuse\",\"state\":\"active\",\"app\":\"app\","
		"\"identity\":\"socket\",\"destination\":\"far\",\"model\":null,\"task\":null,"
		"\"covers\":\"the conversation\",\"conversation\":\"c1\",\"keeps_from_tier\":"
		"null,\"digest\":null,\"scope\":\"\",\"mode\":null,\"created\":"
		"\"2026-11-18T14:30:00.000Z\",\"until\":\"2026-11-19T02:30:00.000Z\","
		"\"receipt\":\"R1\",\"uses\":0}");
	perms_free(p);
	r[0] = tainted("trusted", "c1");
	p = after(r, 1);
	written(perms_find(p, "n-4"),
		"{\"id\":\"n-4\",\"effect\":\"refuse\",\"state\":\"active\",\"app\":\"app\","
		"\"identity\":\"socket\",\"destination\":null,\"model\":null,\"task\":null,"
		"\"covers\":\"a conversation that held what policy keeps here\","
		"\"conversation\":\"c1\",\"keeps_from_tier\":\"trusted\",\"digest\":null,"
		"\"scope\":\"\",\"mode\":null,\"created\":\"2026-11-18T14:30:00.000Z\","
		"\"until\":\"2026-11-19T02:30:00.000Z\",\"receipt\":\"R4\",\"uses\":0}");
	perms_free(p);
	r[0] = no(1, "until");
	r[0].until_ms = NOW + HOUR;
	p = after(r, 1);
	written(perms_find(p, "n-1"),
		"{\"id\":\"n-1\",\"effect\":\"refuse\",\"state\":\"active\",\"app\":\"app\","
		"\"identity\":\"socket\",\"destination\":\"far\",\"model\":null,\"task\":null,"
		"\"covers\":\"this app at this place\",\"conversation\":null,"
		"\"keeps_from_tier\":null,\"digest\":null,\"scope\":\"until\",\"mode\":null,"
		"\"created\":\"2026-11-18T14:30:00.000Z\",\"until\":"
		"\"2026-11-18T15:30:00.000Z\",\"receipt\":\"R1\",\"uses\":0}");
	perms_free(p);
}

/* What cannot say what it covers covers nothing: 1,023 bytes of names, each between commas. */
static void names_fit_exactly(void **state)
{
	(void)state;
	for (int n = 1021; n <= 1022; n++) {
		struct perms *p = perms_new();
		struct record r = yes(3, "always");
		char json[1100];

		snprintf(json, sizeof json, "[{\"name\":\"%0*d\"}]", n, 0);
		r.categories = json;
		assert_true(perms_note(p, &r));
		assert_int_equal(perms_find(p, "g-3") != NULL, n == 1021);
		perms_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_covers_what_was_shown_and_nothing_else),
		cmocka_unit_test(a_yes_for_once_is_over),
		cmocka_unit_test(a_yes_for_the_text_as_it_is_needs_that_form),
		cmocka_unit_test(other_terms_are_another_yes),
		cmocka_unit_test(the_newest_yes_that_covers_counts),
		cmocka_unit_test(a_session_is_the_daemons_or_the_programs),
		cmocka_unit_test(what_a_yes_covers_must_be_readable),
		cmocka_unit_test(a_category_is_a_whole_name),
		cmocka_unit_test(what_is_too_long_matches_nothing),
		cmocka_unit_test(other_records_say_nothing),
		cmocka_unit_test(a_person_sees_what_is_theirs_and_lives),
		cmocka_unit_test(a_session_lives_as_long_as_its_leader),
		cmocka_unit_test(an_entry_says_what_it_is_about),
		cmocka_unit_test(names_fit_exactly),
	};

	return cmocka_run_group_tests(tests, found_something, NULL);
}
