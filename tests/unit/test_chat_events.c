/* SPDX-License-Identifier: Apache-2.0 */
/* Events survive the reply pipe, however it cuts them; what is no event breaks it. */
#include <stdlib.h>

#include "dialect/chat.h"
#include "tests/unit/check.h"

static const struct chat_event sample[] = {
	{ .kind = CHAT_EV_START },
	{ .kind = CHAT_EV_TEXT,
	  .text = { "Gr\xc3\xbc\xc3\x9f\0e", 8 },
	  .logprob = -0.25,
	  .has_logprob = true },
	{ .kind = CHAT_EV_TOOL, .index = 7, .id = { "call_7", 6 }, .name = { "f", 1 } },
	{ .kind = CHAT_EV_TOOL_ARGS, .index = 7, .text = { "{\"a\":1}", 7 } },
	{ .kind = CHAT_EV_USAGE,
	  .input_tokens = 12,
	  .output_tokens = 1LL << 40,
	  .cached_tokens = -1,
	  .reasoning_tokens = 0 },
	{ .kind = CHAT_EV_FINISH, .finish = CHAT_FINISH_LENGTH },
	{ .kind = CHAT_EV_ERROR,
	  .status = 502,
	  .name = { "stream_cut", 10 },
	  .text = { "x", 1 } },
};

struct seen {
	size_t n;
	size_t stop_after;
	bool wrong;
};

static bool compare(void *ctx, const struct chat_event *got)
{
	struct seen *s = ctx;
	const struct chat_event *want = &sample[s->n++ % LEN(sample)];

	s->wrong = s->wrong || got->kind != want->kind || got->index != want->index ||
		   got->finish != want->finish || got->status != want->status ||
		   got->input_tokens != want->input_tokens ||
		   got->output_tokens != want->output_tokens ||
		   got->cached_tokens != want->cached_tokens ||
		   got->reasoning_tokens != want->reasoning_tokens ||
		   got->has_logprob != want->has_logprob || got->logprob != want->logprob ||
		   !span_equal(got->text, want->text) || !span_equal(got->id, want->id) ||
		   !span_equal(got->name, want->name);
	return s->n != s->stop_after;
}

static void encode_all(struct buf *out)
{
	buf_init(out, 4096);
	for (size_t i = 0; i < LEN(sample); i++)
		chat_event_encode(&sample[i], out);
	assert_false(out->failed);
}

static enum err feed(struct chat_event_reader *r, struct span bytes, size_t step,
		     struct seen *s)
{
	enum err e = ERR_OK;

	while (bytes.len > 0 && e == ERR_OK) {
		size_t n = bytes.len < step ? bytes.len : step;
		char *copy = malloc(n);

		memcpy(copy, bytes.ptr, n);
		e = chat_event_read(r, (struct span){ copy, n }, compare, s);
		free(copy);
		bytes = (struct span){ bytes.ptr + n, bytes.len - n };
	}
	return e;
}

static void survive_any_cut(void **state)
{
	struct buf wire;

	(void)state;
	encode_all(&wire);
	for (size_t step = 1; step <= wire.len; step++) {
		struct chat_event_reader r;
		struct seen s = { .n = 0 };

		chat_event_reader_init(&r, 1000);
		assert_int_equal(feed(&r, buf_span(&wire), step, &s), ERR_OK);
		if (s.n != LEN(sample) || s.wrong)
			fail_msg("in steps of %zu: %zu events, wrong: %d", step, s.n, s.wrong);
		chat_event_reader_free(&r);
	}
	buf_free(&wire);
}

static void prefixes_hold_no_extra_event(void **state)
{
	struct buf wire;

	(void)state;
	encode_all(&wire);
	for (size_t cut = 0; cut < wire.len; cut++) {
		struct chat_event_reader r;
		struct seen s = { .n = 0 };

		chat_event_reader_init(&r, 1000);
		assert_int_equal(
			chat_event_read(&r, (struct span){ wire.ptr, cut }, compare, &s),
			ERR_OK);
		assert_true(s.n < LEN(sample) && !s.wrong);
		chat_event_reader_free(&r);
	}
	buf_free(&wire);
}

static void the_sink_can_stop(void **state)
{
	struct chat_event_reader r;
	struct seen s = { .stop_after = 2 };
	struct buf wire;

	(void)state;
	encode_all(&wire);
	chat_event_reader_init(&r, 1000);
	assert_int_equal(chat_event_read(&r, buf_span(&wire), compare, &s), ERR_OK);
	assert_int_equal(chat_event_read(&r, buf_span(&wire), compare, &s), ERR_OK);
	assert_int_equal(s.n, 2);
	chat_event_reader_free(&r);
	buf_free(&wire);
}

/* One byte of a good event changed to what it may not be. */
static void breaks_on_nonsense(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned char byte;
		enum err want;
	} rows[] = {
		{ "an unknown kind", 4, 99, ERR_SYNTAX },
		{ "an unknown finish", 5, 9, ERR_SYNTAX },
		{ "an unknown flag", 6, 2, ERR_SYNTAX },
		{ "a reserved byte", 7, 1, ERR_SYNTAX },
		{ "a status beyond 999", 14, 1, ERR_SYNTAX },
		{ "a negative count", 23, 0x80, ERR_SYNTAX },
		{ "an event shorter than its fields", 0, 5, ERR_SYNTAX },
		{ "an event longer than the cap", 2, 1, ERR_TOO_BIG },
		{ "a text longer than the event", 56, 200, ERR_SYNTAX },
	};
	struct buf wire;

	(void)state;
	buf_init(&wire, 4096);
	chat_event_encode(&sample[1], &wire);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct chat_event_reader r;
		struct seen s = { .n = 0 };
		char saved = wire.ptr[rows[i].at];

		wire.ptr[rows[i].at] = (char)rows[i].byte;
		chat_event_reader_init(&r, 1000);
		CHECK(feed(&r, buf_span(&wire), 3, &s) == rows[i].want, rows[i].name);
		CHECK(s.n == 0, rows[i].name);
		CHECK(chat_event_read(&r, span_of("x"), compare, &s) == ERR_SYNTAX,
		      "a broken pipe stays broken");
		chat_event_reader_free(&r);
		wire.ptr[rows[i].at] = saved;
	}
	buf_free(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survive_any_cut),
		cmocka_unit_test(prefixes_hold_no_extra_event),
		cmocka_unit_test(the_sink_can_stop),
		cmocka_unit_test(breaks_on_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
