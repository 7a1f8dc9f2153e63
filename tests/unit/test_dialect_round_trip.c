/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every dialect there and back: random answers through the client's writer, read again by the
 * reader of the same dialect, say the same; and no reply that was cut looks whole.
 */
#include <stdio.h>

#include "tests/unit/dialect_trace.h"

static const struct pair {
	const struct client_dialect *client;
	const struct upstream_dialect *upstream;
	bool refusals_are_text, filter_is_stop, has_ids, refusal_filters;
} pairs[] = {
	{ &dialect_openai_chat, &upstream_openai_chat, .has_ids = true },
	{ &dialect_anthropic_messages, &upstream_anthropic, .has_ids = true,
	  .refusals_are_text = true, .refusal_filters = true },
	{ &dialect_openai_responses, &upstream_openai_responses, .has_ids = true },
	{ &dialect_ollama_chat, &upstream_ollama, .has_ids = true, .refusals_are_text = true,
	  .filter_is_stop = true },
};

/* What the reader should find: the events themselves, as far as the dialect can say them. */
static void expect(const struct pair *p, const struct chat_event *ev, size_t n, struct gist *g)
{
	for (size_t i = 0; i < n; i++)
		gist_sink(g, &ev[i]);
	bool refused = g->refusal.len > 0;
	if (p->refusals_are_text && refused) {
		buf_clear(&g->text);
		buf_clear(&g->refusal);
		for (size_t i = 0; i < n; i++)
			if (ev[i].kind == CHAT_EV_TEXT || ev[i].kind == CHAT_EV_REFUSAL)
				buf_add(&g->text, ev[i].text);
	}
	if (p->filter_is_stop && g->end[0] == '4')
		g->end[0] = '1';
	if (p->refusal_filters && refused && g->end[0] == '1')
		g->end[0] = '4';
}

static bool same(struct buf *a, struct buf *b)
{
	return span_equal(buf_span(a), buf_span(b));
}

/* No fragments at all mean an empty object. */
static void fill(struct gist *g)
{
	for (uint32_t i = 0; i < g->n_calls && i < LEN(g->calls); i++)
		if (g->calls[i].len == 0)
			buf_add_str(&g->calls[i], "{}");
}

static void compare(const char *name, struct gist *got, struct gist *want, struct buf *wire)
{
	bool ok = same(&got->text, &want->text) && same(&got->reasoning, &want->reasoning) &&
		  same(&got->refusal, &want->refusal) && same(&got->ids, &want->ids) &&
		  strcmp(got->end, want->end) == 0;

	for (uint32_t i = 0; i < want->n_calls; i++)
		ok = ok && same(&got->calls[i], &want->calls[i]);
	if (want->output >= 0)
		ok = ok && got->input == want->input && got->output == want->output;
	if (!ok)
		fail_msg("%s: ended '%s' not '%s', tokens %lld/%lld not %lld/%lld\n%s", name,
			 got->end, want->end, (long long)got->input, (long long)got->output,
			 (long long)want->input, (long long)want->output, buf_cstr(wire));
}

/* In a whole reply refusals and texts have joined, each kind in its order. */
static void join_kinds(const struct pair *p, const struct chat_event *ev, size_t n,
		       struct gist *want)
{
	if (!p->refusals_are_text)
		return;
	buf_clear(&want->text);
	for (int refusal = 0; refusal < 2; refusal++)
		for (size_t i = 0; i < n; i++)
			if (ev[i].kind == (refusal ? CHAT_EV_REFUSAL : CHAT_EV_TEXT))
				buf_add(&want->text, ev[i].text);
}

static void goes_there_and_back(void **state)
{
	(void)state;
	for (size_t k = 0; k < LEN(pairs); k++) {
		for (unsigned round = 0; round < 3000; round++) {
			struct chat_event ev[DICE_EVENTS];
			size_t n = dice_events(ev, true);
			bool stream = dice(2);
			struct buf wire;
			struct gist got, want;

			buf_init(&wire, 1 << 20);
			gist_init(&got);
			gist_init(&want);
			expect(&pairs[k], ev, n, &want);
			if (!stream)
				join_kinds(&pairs[k], ev, n, &want);
			CHECK(write_events(pairs[k].client, stream, true, ev, n, &wire),
			      pairs[k].client->name);
			gist_reply(pairs[k].upstream, stream, buf_span(&wire), 1 + dice(300),
				   &got);
			fill(&got);
			fill(&want);
			compare(pairs[k].client->name, &got, &want, &wire);
			gist_free(&got);
			gist_free(&want);
			buf_free(&wire);
		}
	}
	assert_int_equal(arenas_alive(), 0);
}

/* A stream cut anywhere never ends well; the markers' own line end is not needed. */
static void a_cut_is_never_an_end(void **state)
{
	size_t cuts = 0;

	(void)state;
	for (size_t k = 0; k < LEN(pairs); k++) {
		for (unsigned round = 0; round < 20; round++) {
			struct chat_event ev[DICE_EVENTS];
			size_t n = dice_events(ev, true);
			struct buf wire;
			const char *done = "data: [DONE]\n\n";

			buf_init(&wire, 1 << 20);
			assert_true(write_events(pairs[k].client, true, true, ev, n, &wire));
			size_t end = wire.len;
			if (pairs[k].client == &dialect_openai_responses)
				end -= strlen(done); /* says nothing in this dialect */
			for (size_t cut = 0; cut < end; cut++, cuts++) {
				struct gist g;

				gist_init(&g);
				gist_reply(pairs[k].upstream, true,
					   (struct span){ wire.ptr, cut }, SIZE_MAX, &g);
				if (strcmp(g.end, "error") != 0)
					fail_msg("%s, cut at %zu of %zu: %s",
						 pairs[k].client->name, cut, end, g.end);
				gist_free(&g);
			}
			buf_free(&wire);
		}
	}
	assert_true(cuts > 50000);
}

/* As a client sees it: without END there is no marker of an end, with ERROR there is one. */
static const struct {
	const struct client_dialect *d;
	const char *end, *error;
} marks[] = {
	{ &dialect_openai_chat, "data: [DONE]", "data: {\"error\":{" },
	{ &dialect_openai_completions, "data: [DONE]", "data: {\"error\":{" },
	{ &dialect_anthropic_messages, "event: message_stop",
	  "event: error\ndata: {\"type\":\"error\"" },
	{ &dialect_openai_responses, "event: response.completed", "event: response.failed" },
	{ &dialect_ollama_chat, "\"done\":true", "{\"error\":\"It broke.\"}\n" },
	{ &dialect_ollama_generate, "\"done\":true", "{\"error\":\"It broke.\"}\n" },
};

static void no_marker_without_an_end(void **state)
{
	const struct chat_event broke =
		EV(ERROR, .status = 502, .name = { "stream_cut", 10 }, TXT("It broke."));

	(void)state;
	for (size_t k = 0; k < LEN(marks); k++) {
		for (unsigned round = 0; round < 200; round++) {
			struct chat_event ev[DICE_EVENTS];
			bool calls = marks[k].d != &dialect_ollama_generate &&
				     marks[k].d != &dialect_openai_completions;
			size_t n = dice_events(ev, calls);
			size_t keep = 1 + dice((uint32_t)n - 1); /* never END */
			struct buf out;

			/* The marks themselves may not be in the text of the answer. */
			for (size_t i = 0; i < n; i++)
				if (ev[i].kind <= CHAT_EV_REFUSAL && ev[i].text.len > 0)
					ev[i].text = span_of("x");
			buf_init(&out, 1 << 20);
			ev[keep] = broke;
			CHECK(write_events(marks[k].d, true, true, ev, keep, &out),
			      marks[k].d->name);
			if (strstr(out.len > 0 ? buf_cstr(&out) : "", marks[k].end) != NULL)
				fail_msg("%s: %s", marks[k].d->name, buf_cstr(&out));
			buf_clear(&out);
			CHECK(write_events(marks[k].d, true, true, ev, keep + 1, &out),
			      marks[k].d->name);
			if (strstr(buf_cstr(&out), marks[k].error) == NULL ||
			    strstr(buf_cstr(&out), marks[k].end) != NULL)
				fail_msg("%s: %s", marks[k].d->name, buf_cstr(&out));
			buf_free(&out);
		}
	}
}

/* Nothing is promised before there is content, in any dialect. */
static void start_promises_nothing(void **state)
{
	const struct chat_event ev[] = { EV(START), EV(TEXT, TXT("")),
					 EV(USAGE, TOKENS(1, 1, 1, 1)) };

	(void)state;
	for (size_t k = 0; k < LEN(marks); k++) {
		for (int stream = 0; stream < 2; stream++) {
			struct buf out;

			buf_init(&out, 100);
			CHECK(write_events(marks[k].d, stream, true, ev, LEN(ev), &out),
			      marks[k].d->name);
			CHECK(out.len == 0 && !out.failed, marks[k].d->name);
			buf_free(&out);
		}
	}
}

static const struct {
	const char *name;
	struct chat_event events[5];
	size_t n;
} disorder[] = {
	{ "text before the start", { EV(TEXT, TXT("a")) }, 1 },
	{ "two starts", { EV(START), EV(START) }, 2 },
	{ "an end without a finish", { EV(START), EV(END) }, 2 },
	{ "a finish without a reason", { EV(START), EV(FINISH) }, 2 },
	{ "text after the finish",
	  { EV(START), EV(FINISH, .finish = CHAT_FINISH_STOP), EV(TEXT, TXT("a")) },
	  3 },
	{ "anything after an error", { EV(START), EV(ERROR, .status = 500), EV(END) }, 3 },
	{ "a call out of turn", { EV(START), CALL(1, "a", "b") }, 2 },
	{ "arguments for no call", { EV(START), ARGS(0, "a") }, 2 },
};

static void refuses_disorder(void **state)
{
	(void)state;
	for (size_t k = 0; k < LEN(marks); k++) {
		for (size_t i = 0; i < LEN(disorder) * 2; i++) {
			struct buf out;
			size_t row = i / 2;

			buf_init(&out, 1 << 16);
			CHECK(!write_events(marks[k].d, i & 1, false, disorder[row].events,
					    disorder[row].n, &out),
			      disorder[row].name);
			buf_clear(&out);
			CHECK(write_events(marks[k].d, i & 1, false, disorder[row].events,
					   disorder[row].n - 1, &out),
			      disorder[row].name);
			buf_free(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_there_and_back),
		cmocka_unit_test(a_cut_is_never_an_end),
		cmocka_unit_test(no_marker_without_an_end),
		cmocka_unit_test(start_promises_nothing),
		cmocka_unit_test(refuses_disorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
