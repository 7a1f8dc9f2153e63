/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind a request without asking anything is left out; all else stays. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "router/classify/request_part.h"

#define CHAT                                                                                   \
	"The lift is out of order again. We had soup for lunch, and it was better than the "   \
	"one on Monday."
#define ASK "Prove that the square root of 3 is irrational."

static void expect(const char *text, const char *kept)
{
	struct span got = request_part(span_of(text));

	if (got.len != strlen(kept) || memcmp(got.ptr, kept, got.len) != 0)
		fail_msg("of \"%s\" it keeps \"%.*s\"", text, (int)got.len, got.ptr);
}

static void chat_behind_a_request_goes(void **state)
{
	(void)state;
	expect(ASK "\n\n" CHAT, ASK);
	expect(ASK "\r\n\r\n" CHAT "\r\n \t\r\n" CHAT "\n\n\n", ASK);
	expect("Summarize this mail:\n\n" CHAT, "Summarize this mail:");
	expect(ASK "\n\nThe soup was cold, which was a pity in the rain.", ASK);
	expect(CHAT "\n\n" ASK "\n\n" CHAT, CHAT "\n\n" ASK);
	expect("Beweise den Satz von Rolle.\n \n" CHAT, "Beweise den Satz von Rolle.");
	expect(ASK "\n\nI am in no hurry, as the train is late. Please take the time it needs.",
	       ASK);
}

static void what_asks_stays(void **state)
{
	static const char *const more[] = {
		"The lift is out of order again. Is there another one in the house?",
		"The text is for children and it was long. Then explain the second part.",
		"The text is for children. Please translate it to the language of the land.",
		"It is for a talk in the spring, and I need it to be short.",
		"It is a talk for the spring. Could you make it short for me.",
		"The proof must be by induction on the number of the nodes.",
		"- the lift is out of order in the house again.",
		"It is for a talk in the spring, list the best of it.",
		"The lift is out of order.\n2) the one in the hall is not.",
		"The value of x = 3 is known and the rest is not.",
		"The loop is for (i;i<n;i++) and it is slow.",
		"Der Aufzug ist leider schon wieder kaputt und wird erst am Freitag repariert.",
		"\u041b\u0438\u0444\u0442 is out of order. The one in the hall is not.",
		"The lift in the house", /* no sentence */
		"It is late.",           /* short */
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < LEN(more); i++) {
		snprintf(text, sizeof text, "%s\n\n%s", ASK, more[i]);
		expect(text, text);
	}
}

static void prose_alone_stays(void **state)
{
	(void)state;
	expect("", "");
	expect(CHAT, CHAT);
	expect(CHAT "\n\n" CHAT, CHAT "\n\n" CHAT);
	expect(CHAT "\n\n" ASK, CHAT "\n\n" ASK);
	expect(" \n\n \n", "");
}

static void bounded(void **state)
{
	static char text[4 * REQUEST_TAIL_BYTES];
	struct span got;
	size_t n = (size_t)snprintf(text, sizeof text, "%s", ASK);

	(void)state;
	while (n < 3 * REQUEST_TAIL_BYTES)
		n += (size_t)snprintf(text + n, sizeof text - n, "\n\n%s", CHAT);
	got = request_part((struct span){ text, n });
	assert_int_equal(got.len, n); /* more than is looked at */
	memset(text, '\n', sizeof text);
	got = request_part((struct span){ text, sizeof text });
	assert_true(got.len <= sizeof text);
}

static void expect_part(struct span got, const char *text, const char *kept)
{
	struct span blank;

	for (blank = got; blank.len > 0 && (*blank.ptr == ' ' || *blank.ptr == '\n');
	     blank.len--)
		blank.ptr++;
	if (blank.len != strlen(kept) || memcmp(blank.ptr, kept, blank.len) != 0)
		fail_msg("of \"%s\" stays \"%.*s\"", text, (int)got.len, got.ptr);
}

static void expect_core(const char *text, const char *kept)
{
	expect_part(request_core(span_of(text)), text, kept);
}

static void expect_cheerless(const char *text, const char *kept)
{
	expect_part(request_without_cheers(span_of(text)), text, kept);
}

static void cheers_go(void **state)
{
	(void)state;
	expect_cheerless(ASK " You rock!", ASK);
	expect_cheerless(ASK " Cheers mate, you are a star! Legend!", ASK);
	expect_cheerless("Nice one! " ASK, ASK);
	expect_cheerless("Yo superstar \xf0\x9f\x8c\x9f " ASK " Big hugs \xf0\x9f\xa4\x97",
			 ASK);
	expect_cheerless(ASK " My dog says hello \xe2\x9d\xa4\xef\xb8\x8f", ASK);
	expect_cheerless(ASK " Ur the best :)", ASK);
	expect_cheerless(ASK " Ur the best :-D", ASK);
	expect_cheerless(ASK " Gr\u00fc\u00dfe aus Hamburg!", ASK);
	expect_cheerless("Prove the lemma on chains Big hugs from Leeds!",
			 "Prove the lemma on chains ");
	expect_core(CHAT " " ASK " You rock!", ASK);
}

static void what_asks_is_no_cheer(void **state)
{
	static const char *const asking[] = {
		ASK " Write it in verse!",
		ASK " Keep it short, use a table!",
		ASK " No more than 40 words!",
		ASK " In Python!",
		ASK " Only where a < b!",
		ASK " Could you hurry!",
		ASK " Why me!",
		ASK " You rock.",
		ASK " You should know, my friend, that all of this has to be in the hands of "
		    "the court by noon!",
		ASK " \u041e\u0442\u0432\u0435\u0442\u044c "
		    "\u0441\u0442\u0438\u0445\u0430\u043c\u0438!",
		"You rock!",
	};

	(void)state;
	for (size_t i = 0; i < LEN(asking); i++)
		expect_cheerless(asking[i], asking[i]);
	expect_cheerless("", "");
}

static void core_is_what_asks(void **state)
{
	static char text[4 * REQUEST_TAIL_BYTES];
	struct span got;

	(void)state;
	expect_core(ASK " " CHAT, ASK);
	expect_core(CHAT " " ASK, ASK);
	expect_core(CHAT "\n" ASK "\n" CHAT "\n", ASK);
	expect_core("Prove the lemma of Zorn We had soup for lunch in the garden.",
		    "Prove the lemma of Zorn ");
	expect_core(ASK, ASK);
	expect_core(CHAT, CHAT);
	expect_core("", "");
	expect_core(ASK " We had 3 kinds of soup for lunch in the garden.",
		    ASK " We had 3 kinds of soup for lunch in the garden.");
	expect_core("Is the soup better than the one of Monday? Why?",
		    "Is the soup better than the one of Monday? Why?");
	memset(text, ' ', sizeof text);
	got = request_core((struct span){ text, sizeof text });
	assert_in_range(got.len, 0, sizeof text);
	memset(text, '.', sizeof text);
	got = request_core((struct span){ text, sizeof text });
	assert_int_equal(got.len, sizeof text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chat_behind_a_request_goes), cmocka_unit_test(what_asks_stays),
		cmocka_unit_test(prose_alone_stays),          cmocka_unit_test(bounded),
		cmocka_unit_test(core_is_what_asks),          cmocka_unit_test(cheers_go),
		cmocka_unit_test(what_asks_is_no_cheer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
