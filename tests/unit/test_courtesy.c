/* SPDX-License-Identifier: Apache-2.0 */
/* Courtesy around a request is left out; the request stays, and so does courtesy alone. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "router/classify/courtesy.h"
#include "router/classify/text_features.h"

#define ASK "Prove that the square root of 3 is irrational."

static void expect(const char *text, const char *kept)
{
	struct span got = without_courtesy(span_of(text));

	while (got.len > 0 && (got.ptr[got.len - 1] == ' ' || got.ptr[got.len - 1] == '\n'))
		got.len--;
	while (got.len > 0 && *got.ptr == ' ')
		got = (struct span){ got.ptr + 1, got.len - 1 };
	if (got.len != strlen(kept) || memcmp(got.ptr, kept, got.len) != 0)
		fail_msg("of \"%s\" it keeps \"%.*s\"", text, (int)got.len, got.ptr);
}

static void courtesy_goes(void **state)
{
	static const char *const before[] = {
		"Hi there! Hope you are well. Quick one for you: ",
		"Good morning, ",
		"hi ",
		"HELLO!!! ",
		"Thank you for your help.\n\n",
		"Hallo, wie geht es dir? ",
		"Bonjour, comment \u00e7a va ? ",
		"\u00a1Hola! \u00bfC\u00f3mo est\u00e1s? ",
		"Buongiorno! Come stai? ",
		"Ol\u00e1, tudo bem? ",
		"Hoi! Hoe gaat het? ",
		"Can you help me with this: ",
	};
	static const char *const behind[] = {
		" Thank you so much, I hope you have a lovely day and the weather is nice.",
		"\n\nHow are you today? I hope all is well.",
		" Thanks!",
		" thanks",
		" Have a great weekend.",
		" Vielen Dank im Voraus!",
		" Merci beaucoup et bonne journ\u00e9e !",
		" \u00a1Muchas gracias!",
		" Grazie mille e buona giornata.",
		" Muito obrigado!",
		" Alvast bedankt! \U0001F600",
		" Th\u0301a\u0301nks!",
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < LEN(before); i++) {
		snprintf(text, sizeof text, "%s" ASK, before[i]);
		expect(text, ASK);
	}
	for (size_t i = 0; i < LEN(behind); i++) {
		snprintf(text, sizeof text, ASK "%s", behind[i]);
		expect(text, ASK);
		snprintf(text, sizeof text, "Hi! " ASK "%s", behind[i]);
		expect(text, ASK);
	}
	expect("prove it by induction thank you so much", "prove it by induction");
	expect("prove it by induction I hope you are well", "prove it by induction");
}

static void what_asks_stays(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"Hi",
		"Thank you!",
		"How are you today?",
		"Hello! How are you? Thanks.",
		"What is the weather today",
		ASK,
		"Say \"thank you\"",
		"f(thanks)",
		"Is this good?",
		ASK " It is a lot of work for us.",
		ASK " How are these two related?",
		"How are you built? " ASK,
		"I have a day.",
		"\U0001F600",
		"Write a thank you note to my teacher",
	};

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		struct span got = without_courtesy(span_of(texts[i]));

		if (got.len != strlen(texts[i]))
			fail_msg("of \"%s\" it keeps \"%.*s\"", texts[i], (int)got.len,
				 got.ptr);
	}
}

static void bounded(void **state)
{
	static char text[1 << 20];
	struct span got;

	(void)state;
	for (size_t i = 0; i + 7 <= sizeof text; i += 7)
		memcpy(text + i, "thanks ", 7);
	got = without_courtesy((struct span){ text, sizeof text });
	assert_in_range(got.len, sizeof text - 4096, sizeof text);
	memset(text, 0xcc, sizeof text);
	got = without_courtesy((struct span){ text, sizeof text });
	assert_int_equal(got.len, sizeof text);
	memset(text, ' ', sizeof text);
	got = without_courtesy((struct span){ text, sizeof text });
	assert_int_equal(got.len, sizeof text);
}

/* Both give the very same features, but for the number of lines. */
static void same(const char *a, const char *b)
{
	static struct features f, g;

	features_read(span_of(a), &f);
	features_read(span_of(b), &g);
	f.count[COUNT_LINES] = g.count[COUNT_LINES];
	if (f.n != g.n || memcmp(f.piece, g.piece, f.n * sizeof f.piece[0]) != 0 ||
	    memcmp(f.count, g.count, sizeof f.count) != 0)
		fail_msg("\"%s\" and \"%s\" differ", a, b);
}

static void dress_changes_nothing(void **state)
{
	(void)state;
	same(ASK, "Prove\nthat\nthe\nsquare\nroot\nof\n3\nis\nirrational.");
	same(ASK, "Prove \t that\r\nthe square   root of 3 is irrational...");
	same(ASK, "Please prove that the square root of 3 is please irrational. please");
	same(ASK, "P r o v e   t h a t   t h e   s q u a r e   r o o t   o f   3   i s   "
		  "i r r a t i o n a l .");
	same("Erkl\u00e4re", "Erkla\u0308re");
	same("Explain entropy",
	     "E\u0301x\u0301p\u0301l\u0301a\u0301i\u0301n\u0301 \u00e9ntr\u00f3py");
	same("Explain entropy",
	     "\U0001D404\U0001D431\U0001D429\U0001D425\U0001D41A\U0001D422\U0001D427 entropy");
	same("Choose:\nA. one\nB. two\nC. three", "Choose: A. one B. two C. three");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(courtesy_goes),
		cmocka_unit_test(what_asks_stays),
		cmocka_unit_test(bounded),
		cmocka_unit_test(dress_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
