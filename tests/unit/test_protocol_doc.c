/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PROTOCOL.md holds prose written by hand and one part that follows from messages.def. This
 * program fails when that part is out of date; with `--write` it brings it up to date.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/file.h"
#include "ipc/msg.h"

#define BEGIN_MARK   "<!-- messages: written from ipc/messages.def, do not edit below -->\n"
#define END_MARK     "<!-- end of messages -->\n"
#define ROLE_NAME(r) ((r) == ROLE_ANY ? "every role" : role_name(r))

static void limit_text(struct buf *b, const char *kind, unsigned long limit)
{
	if (strcmp(kind, "str") == 0)
		buf_printf(b, "at most %lu bytes", limit);
	else if (strcmp(kind, "bytes") == 0)
		buf_printf(b, "exactly %lu bytes", limit);
	else if (limit != 0)
		buf_printf(b, "0..%lu", limit);
}

static void message_table(struct buf *b)
{
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	buf_printf(b, "\n### %u %s\n\n%s to %s%s: %s.\n\n", (unsigned)MSG_##NAME, #NAME,       \
		   ROLE_NAME(ROLE_##from), ROLE_NAME(ROLE_##to),                               \
		   (fds) == 0   ? ""                                                           \
		   : (fds) == 1 ? ", with one descriptor at most"                              \
				: ", with two descriptors at most",                            \
		   text);                                                                      \
	buf_add_str(b, "| field | kind | limit | meaning |\n|---|---|---|---|\n");
#define FIELD(kind, name, limit, text)                                                         \
	buf_printf(b, "| `%s` | %s | ", #name, #kind);                                         \
	limit_text(b, #kind, limit);                                                           \
	buf_printf(b, " | %s |\n", text);
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
	buf_add_char(b, '\n');
}

/* The whole page with its generated part fresh; false when a mark is missing. */
static bool fresh_page(struct span page, struct buf *out)
{
	const char *begin = memmem(page.ptr, page.len, BEGIN_MARK, strlen(BEGIN_MARK));
	const char *end = memmem(page.ptr, page.len, END_MARK, strlen(END_MARK));

	if (begin == NULL || end == NULL || end < begin)
		return false;
	buf_add(out,
		(struct span){ page.ptr, (size_t)(begin - page.ptr) + strlen(BEGIN_MARK) });
	message_table(out);
	buf_add(out, (struct span){ end, (size_t)(page.ptr + page.len - end) });
	return !out->failed;
}

static void the_page_agrees_with_the_table(void **state)
{
	struct buf page, fresh;

	(void)state;
	buf_init(&page, 1 << 20);
	buf_init(&fresh, 1 << 20);
	assert_int_equal(file_read(PROTOCOL_MD, 1 << 20, &page), ERR_OK);
	assert_true(fresh_page(buf_span(&page), &fresh));
	if (!span_equal(buf_span(&page), buf_span(&fresh)))
		fail_msg("PROTOCOL.md is out of date: run test_protocol_doc --write");
	buf_free(&page);
	buf_free(&fresh);
}

static int write_page(void)
{
	struct buf page, fresh;

	buf_init(&page, 1 << 20);
	buf_init(&fresh, 1 << 20);
	bool ok = file_read(PROTOCOL_MD, 1 << 20, &page) == ERR_OK &&
		  fresh_page(buf_span(&page), &fresh) &&
		  file_write(PROTOCOL_MD, buf_span(&fresh), 0644) == ERR_OK;
	if (!ok)
		fprintf(stderr, "cannot bring %s up to date\n", PROTOCOL_MD);
	buf_free(&page);
	buf_free(&fresh);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_agrees_with_the_table),
	};

	if (argc == 2 && strcmp(argv[1], "--write") == 0)
		return write_page();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
