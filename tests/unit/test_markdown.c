/* SPDX-License-Identifier: Apache-2.0 */
/* Markdown for a terminal: what it looks like, and that pieces do not matter. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/markdown.h"

/* Attributes are written as letters: B bold, I italic, C code, D dim, 0 none. */
static const struct {
	const char *in, *want;
} rows[] = {
	{ "plain text", "plain text0" },
	{ "two\nlines\n", "two\nlines\n" },
	{ "a **bold** word", "a 0Bbold0 word0" },
	{ "an *inner* and _outer_ word", "an 0Iinner0 and 0Iouter0 word0" },
	{ "***both***", "0B0BIboth0I00" },
	{ "`code *as is*` then", "0Ccode *as is*0 then0" },
	{ "2 * 3 * 4", "2 * 3 * 40" },
	{ "snake_case_name", "snake_case_name0" },
	{ "\\*no\\* \\x", "*no* \\x0" },
	{ "**open\nnext", "0Bopen\n0next0" },
	{ "# Title\ntext", "BTitle\n0text0" },
	{ "###### six\n", "Bsix\n0" },
	{ "####### seven\n", "####### seven\n" },
	{ "#tag", "#tag0" },
	{ "- one\n  * two\n+ three\n", "• one\n  • two\n• three\n" },
	{ "-5 degrees", "-5 degrees0" },
	{ "> said", "D│ 0said0" },
	{ "---\nx", "D────────────────0\nx0" },
	{ "---|---", "---|---0" },
	{ "**strong** start", "0Bstrong0 start0" },
	{ "```c\nint *a;\n# no *title*\n```\nafter *x*",
	  "D```c\n0Cint *a;\n0C# no *title*\n0D```\n0after 0Ix00" },
	{ "~~~\n```\n~~~\n", "D~~~\n0C```\n0D~~~\n0" },
	{ "ends *", "ends *0" },
	{ "ends **", "ends **0" },
	{ "ends \\", "ends \\0" },
	{ "-", "-0" },
	{ "", "" },
};

/* Escape sequences to letters. */
static void readable(const char *in, char *out)
{
	static const struct {
		const char *code;
		char letter;
	} codes[] = { { "\033[1m", 'B' },
		      { "\033[3m", 'I' },
		      { "\033[36m", 'C' },
		      { "\033[2m", 'D' },
		      { "\033[0m", '0' } };

	while (*in != '\0') {
		size_t i = 0;

		while (i < LEN(codes) && strncmp(in, codes[i].code, strlen(codes[i].code)) != 0)
			i++;
		*out++ = i < LEN(codes) ? codes[i].letter : *in;
		in += i < LEN(codes) ? strlen(codes[i].code) : 1;
	}
	*out = '\0';
}

static void render(struct span text, size_t step, char *out, size_t out_bytes)
{
	struct markdown m;
	struct buf b;

	markdown_init(&m);
	buf_init(&b, 1 << 20);
	for (size_t at = 0; at < text.len; at += step)
		markdown_write(&m,
			       (struct span){ text.ptr + at,
					      text.len - at < step ? text.len - at : step },
			       &b);
	markdown_end(&m, &b);
	assert_false(b.failed);
	assert_true(span_copy(buf_span(&b), out, out_bytes));
	buf_free(&b);
}

static void looks(void **state)
{
	char out[4096], letters[4096];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		for (size_t step = 1; step < 9; step++) {
			render(span_of(rows[i].in), step, out, sizeof out);
			readable(out, letters);
			if (strcmp(letters, rows[i].want) != 0)
				fail_msg("%s: %s, not %s", rows[i].in, letters, rows[i].want);
		}
	}
}

/* Whatever comes: pieces do not matter, letters are never lost, attributes end. */
static void any_text(void **state)
{
	static const char alphabet[] = "ab *_`#->~\\\n\n ";
	char text[64], whole[4096], pieces[4096], tail[4096];
	unsigned seed = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = 0, letters = 0, shown = 0;

		while (n < sizeof text - 1 && (n < 3 || rand_r(&seed) % 40 != 0))
			text[n++] = alphabet[(unsigned)rand_r(&seed) % (sizeof alphabet - 1)];
		render((struct span){ text, n }, n, whole, sizeof whole);
		render((struct span){ text, n }, 1 + (size_t)rand_r(&seed) % 5, pieces,
		       sizeof pieces);
		text[n] = '\0';
		CHECK(strcmp(whole, pieces) == 0, text);
		readable(whole, tail);
		for (size_t k = 0; k < n; k++)
			letters += text[k] == 'a' || text[k] == 'b';
		for (size_t k = 0; tail[k] != '\0'; k++)
			shown += tail[k] == 'a' || tail[k] == 'b';
		CHECK(letters == shown, text);
		const char *last = strrchr(whole, '\033');
		CHECK(last == NULL || strncmp(last, "\033[0m", 4) == 0, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(looks),
					    cmocka_unit_test(any_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
