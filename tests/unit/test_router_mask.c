/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat masked and its answer restored: whatever dialect says it, however it is cut; the same
 * placeholders turn after turn; and what would be sent scans clean for consent too.
 */
#include <stdio.h>

#include "tests/unit/dialect_trace.h"

#include "common/json.h"
#include "consent/inspect.h"
#include "router/mask.h"
#include "scan/map.h"

static struct scanner *scanner;
static struct inspector *inspector;
static struct policy_set *set;

static int build(void **state)
{
	struct scan_site_error bad;
	struct policy_file *f = NULL;
	struct policy_error e;

	(void)state;
	if (policy_file_parse(span_of("{\"hither_policy\":1,\"id\":\"t\"}"), POLICY_USER,
			      "t.json", NULL, 0, &f, &e) != ERR_OK) {
		print_error("%s\n", e.problem);
		return 1;
	}
	if (policy_set_build(&f, 1, NULL, 0, &set, &e) != ERR_OK)
		return 1;
	policy_file_free(f);
	inspector = inspector_new(set);
	return inspector == NULL || scanner_new(NULL, 0, &scanner, &bad) != ERR_OK;
}

static int drop_all(void **state)
{
	(void)state;
	inspector_free(inspector);
	scanner_free(scanner);
	policy_set_free(set);
	return 0;
}

/* ---------------------------------------------------------------- restoring */

static const char *const originals[] = { "ann@example.org", "O\"Brien \\ sons",
					 "two\nlines\tand\x01more",
					 "M\xc3\xbcller \xf0\x9f\x98\x80", "[EMAIL-2]" };

static struct scan_map *map_of_originals(void)
{
	struct scan_map *m = scan_map_new(16);

	for (size_t i = 0; i < LEN(originals); i++)
		assert_non_null(scan_map_placeholder(m, i == 0 ? "EMAIL" : "NAME",
						     span_of(originals[i]),
						     (struct span){ "", 0 })
					.ptr);
	return m;
}

static const char *const placeholders[] = { "[EMAIL-1]", "[NAME-1]", "[NAME-2]", "[NAME-3]",
					    "[NAME-4]" };

/* A text with placeholders and what only looks like them, and what it is once restored. */
static void make(struct buf *masked, struct buf *restored)
{
	static const char *const glue[] = { "[",  "]",  " ",        "[EMAIL-",
					    "\"", "\\", "[NAME-9]", "\xc3\xa9",
					    "[[", "x",  "\n",       "[NAME-1" };

	buf_clear(masked);
	buf_clear(restored);
	for (uint32_t i = 1 + dice(6); i > 0; i--) {
		const char *g = glue[dice(LEN(glue))];
		uint32_t k = dice(LEN(originals));

		/* What stands before must not be able to begin what follows. */
		buf_add_str(masked, g);
		buf_add_str(masked, "|");
		buf_add_str(masked, placeholders[k]);
		buf_add_str(restored, g);
		buf_add_str(restored, "|");
		buf_add_str(restored, originals[k]);
	}
}

#define MANY 4096

struct script {
	struct chat_event ev[MANY];
	char bytes[MANY][24];
	size_t n;
};

static void script_add(struct script *s, struct chat_event ev)
{
	assert_true(s->n < MANY);
	s->ev[s->n++] = ev;
}

/* `text` in pieces of `step` bytes (0: of any length), and a count of tokens here and there. */
static void script_text(struct script *s, enum chat_event_kind kind, uint32_t index,
			struct span text, uint32_t step)
{
	while (text.len > 0) {
		size_t n = step > 0 ? step : 1 + dice(20);

		n = n < text.len ? n : text.len;
		while (n < text.len && ((unsigned char)text.ptr[n] & 0xC0) == 0x80)
			n++; /* events hold whole characters */
		assert_true(n <= sizeof s->bytes[0] && s->n < MANY);
		memcpy(s->bytes[s->n], text.ptr, n);
		script_add(s, (struct chat_event){ .kind = kind,
						   .index = index,
						   .text = { s->bytes[s->n], n } });
		text = (struct span){ text.ptr + n, text.len - n };
		if (dice(4) == 0)
			script_add(s, (struct chat_event)EV(USAGE, TOKENS(9, 9, 9, 9)));
	}
}

/* {"said":"…","[NAME-1]":["…"]} */
static void make_arguments(struct buf *masked, struct buf *restored)
{
	struct buf in, out;

	buf_init(&in, 1 << 12);
	buf_init(&out, 1 << 12);
	make(&in, &out);
	buf_clear(masked);
	buf_clear(restored);
	buf_add_str(masked, "{\"said\": ");
	json_put_string(masked, buf_span(&in));
	buf_add_str(masked, ",\"[NAME-1]\":[1,\"\\\\\\u0022[EMAIL-1]\"]}");
	buf_add_str(restored, "{\"said\": ");
	json_put_string(restored, buf_span(&out));
	buf_add_char(restored, ',');
	json_put_string(restored, span_of(originals[1]));
	buf_add_str(restored, ":[1,\"\\\\\\u0022ann@example.org\"]}");
	buf_free(&in);
	buf_free(&out);
}

struct told {
	const struct client_dialect *client;
	struct reply_writer *writer;
	struct restore *restore;
	struct buf scratch, wire;
};

static bool tell_client(void *ctx, const struct chat_event *ev)
{
	struct told *t = ctx;

	return t->client->writer_event(t->writer, ev, &t->wire);
}

static bool tell_restored(void *ctx, const struct chat_event *ev)
{
	struct told *t = ctx;
	bool full = false;

	return restore_event(t->restore, ev, &t->scratch, tell_client, t, &full);
}

static const struct pair {
	const struct client_dialect *client;
	const struct upstream_dialect *upstream;
	bool refusals_are_text;
} pairs[] = {
	{ &dialect_openai_chat, &upstream_openai_chat, false },
	{ &dialect_anthropic_messages, &upstream_anthropic, true },
	{ &dialect_openai_responses, &upstream_openai_responses, false },
	{ &dialect_ollama_chat, &upstream_ollama, true },
};

/* From the upstream's bytes to the client's, through restoring; then what the client reads. */
static void carry(const struct pair *up, const struct pair *down, bool stream, struct span wire,
		  size_t step, const struct scan_map *m, struct gist *g)
{
	const struct reply_head head = {
		.id = "chatcmpl-1", .created_s = 7, .model = "m", .stream = stream
	};
	struct arena *a = arena_new("test", 4 << 20);
	struct told t = { .client = down->client,
			  .writer = down->client->writer_new(a, &head),
			  .restore = restore_new(a, m, up->upstream->signs_reasoning) };
	struct upstream_reader *r = up->upstream->reader_new(a, stream, 1 << 16);

	buf_init(&t.scratch, 1 << 16);
	buf_init(&t.wire, 4 << 20);
	assert_int_equal(up->upstream->reader_status(r, 200, tell_restored, &t), ERR_OK);
	for (size_t at = 0; at < wire.len;) {
		size_t n = step > 0 ? step : 1 + dice(200);

		n = n < wire.len - at ? n : wire.len - at;
		assert_int_equal(up->upstream->reader_bytes(r,
							    (struct span){ wire.ptr + at, n },
							    tell_restored, &t),
				 ERR_OK);
		at += n;
	}
	assert_int_equal(up->upstream->reader_end(r, tell_restored, &t), ERR_OK);
	up->upstream->reader_free(r);
	gist_reply(down->upstream, stream, buf_span(&t.wire), 4096, g);
	buf_free(&t.scratch);
	buf_free(&t.wire);
	arena_free(a);
}

static void one_answer(const struct pair *up, const struct pair *down, uint32_t step)
{
	struct script s = { .n = 0 };
	struct buf masked[4], plain[4], wire;
	struct scan_map *m = map_of_originals();
	bool stream = dice(4) > 0;
	struct gist g;

	gist_init(&g);
	buf_init(&wire, 4 << 20);
	for (size_t i = 0; i < LEN(masked); i++) {
		buf_init(&masked[i], 1 << 12);
		buf_init(&plain[i], 1 << 12);
	}
	script_add(&s, (struct chat_event)EV(START));
	for (uint32_t i = 0; i < 2; i++) {
		make(&masked[i], &plain[i]);
		script_text(&s, i == 0 ? CHAT_EV_REASONING : CHAT_EV_TEXT, 0,
			    buf_span(&masked[i]), step);
	}
	for (uint32_t i = 0; i < 2; i++) {
		script_add(&s, (struct chat_event)EV(TOOL, .index = i,
						     .id = { i == 0 ? "id0" : "id1", 3 },
						     .name = { "f", 1 }));
		make_arguments(&masked[2 + i], &plain[2 + i]);
		script_text(&s, CHAT_EV_TOOL_ARGS, i, buf_span(&masked[2 + i]), step);
	}
	script_add(&s, (struct chat_event)EV(FINISH, .finish = CHAT_FINISH_TOOLS));
	script_add(&s, (struct chat_event)EV(END));
	assert_true(write_events(up->client, stream, true, s.ev, s.n, &wire));
	carry(up, down, stream, buf_span(&wire), step, m, &g);
	const struct buf *thought = up->upstream->signs_reasoning ? &masked[0] : &plain[0];
	if (!span_equal(buf_span(&g.reasoning), buf_span(thought)) ||
	    !span_equal(buf_span(&g.text), buf_span(&plain[1])))
		fail_msg("%s to %s: '%s' not '%s'", up->client->name, down->client->name,
			 buf_cstr(&g.text), buf_cstr(&plain[1]));
	for (uint32_t i = 0; i < 2; i++)
		if (!span_equal(buf_span(&g.calls[i]), buf_span(&plain[2 + i])))
			fail_msg("%s to %s: '%s' not '%s'", up->client->name,
				 down->client->name, buf_cstr(&g.calls[i]),
				 buf_cstr(&plain[2 + i]));
	for (size_t i = 0; i < LEN(masked); i++) {
		buf_free(&masked[i]);
		buf_free(&plain[i]);
	}
	buf_free(&wire);
	gist_free(&g);
	scan_map_free(m);
}

static void every_dialect_however_cut(void **state)
{
	static const uint32_t steps[] = { 1, 2, 0 };

	(void)state;
	for (size_t up = 0; up < LEN(pairs); up++)
		for (size_t down = 0; down < LEN(pairs); down++)
			for (size_t step = 0; step < LEN(steps); step++)
				for (int round = 0; round < 60; round++)
					one_answer(&pairs[up], &pairs[down], steps[step]);
}

/* A trace of one answer after restoring. */
static void restored_is(bool signed_reasoning, const struct chat_event *ev, size_t n,
			const char *want)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct scan_map *m = map_of_originals();
	struct restore *r = restore_new(a, m, signed_reasoning);
	struct buf scratch, trace;
	bool full;

	buf_init(&scratch, 1 << 16);
	buf_init(&trace, 1 << 16);
	for (size_t i = 0; i < n; i++)
		assert_true(restore_event(r, &ev[i], &scratch, trace_sink, &trace, &full));
	assert_string_equal(buf_cstr(&trace), want);
	buf_free(&scratch);
	buf_free(&trace);
	scan_map_free(m);
	arena_free(a);
}
#define RESTORED_IS(is_signed, want, ...)                                                      \
	do {                                                                                   \
		const struct chat_event list[] = { __VA_ARGS__ };                              \
		restored_is(is_signed, list, LEN(list), want);                                 \
	} while (0)

static void kinds_and_their_order(void **state)
{
	(void)state;
	RESTORED_IS(false, "S T\"ann@example.org\" U1/2/3/4 X\"ann@example.org\" Fstop E ",
		    EV(START), EV(TEXT, TXT("[EMAIL-1]")), EV(USAGE, TOKENS(1, 2, 3, 4)),
		    EV(REFUSAL, TXT("[EMA")), EV(REFUSAL, TXT("IL-1]")),
		    EV(FINISH, .finish = CHAT_FINISH_STOP), EV(END));
	/* What is held is let go before another kind, a call and the end, and before an error.
	 */
	RESTORED_IS(false,
		    "T\"a \" T\"[NA\" R\"[E\" C0 i f A0\"{\"a\":\"\" A0\"[NAME\" Flength ",
		    EV(TEXT, TXT("a [NA")), EV(REASONING, TXT("[E")), CALL(0, "i", "f"),
		    ARGS(0, "{\"a\":\"["), ARGS(0, "NAME"),
		    EV(FINISH, .finish = CHAT_FINISH_LENGTH));
}

static void signatures(void **state)
{
	(void)state;
	RESTORED_IS(true, "R\"[EMAIL-1] w\" R\"rites\" G\"sig\" T\"ann@example.org\" ",
		    EV(REASONING, TXT("[EMAIL-1] w")), EV(REASONING, TXT("rites")),
		    EV(REASONING, .id = { "sig", 3 }), EV(TEXT, TXT("[EMAIL-1]")));
	RESTORED_IS(false, "R\"ann@example.org\" T\"x\" ", EV(REASONING, TXT("[EMAIL-1]")),
		    EV(REASONING, .id = { "sig", 3 }), EV(TEXT, TXT("x")));
	RESTORED_IS(false, "R\"nothing\" G\"sig\" ", EV(REASONING, TXT("nothing")),
		    EV(REASONING, .id = { "sig", 3 }));
}

static void room_that_runs_out_is_said(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct scan_map *m = map_of_originals();
	struct restore *r = restore_new(a, m, false);
	struct chat_event ev = EV(TEXT, TXT("[EMAIL-1][EMAIL-1]"));
	struct buf scratch, trace;
	bool full = false;

	(void)state;
	buf_init(&scratch, 16);
	buf_init(&trace, 1 << 16);
	assert_false(restore_event(r, &ev, &scratch, trace_sink, &trace, &full));
	assert_true(full);
	assert_int_equal(trace.len, 0);
	buf_free(&scratch);
	buf_free(&trace);
	scan_map_free(m);
	arena_free(a);
}

/* ---------------------------------------------------------------- masking */

static void mask(struct arena *a, struct scan_map *map, struct chat *io)
{
	struct masking m = { .scanner = scanner, .arena = a, .map = map };
	bool any = false;

	scan_set_add_pattern(&m.want, scanner, "*");
	assert_true(mask_chat(&m, io, &any));
}

static void read_chat(struct arena *a, const char *body, struct chat *ret)
{
	struct chat_problem p;

	if (dialect_anthropic_messages.read(span_of(body), a, ret, &p) != ERR_OK)
		fail_msg("%s: %s", p.param, p.message);
}

#define TALK                                                                                   \
	"{\"model\":\"m\",\"max_tokens\":99,\"system\":\"You work for Ann Miller, "            \
	"ann@example.org, password: Tr0ub4dor&3x\",\"stop_sequences\":[\"bob@example.org\"],"  \
	"\"tools\":[{\"name\":\"mail\",\"description\":\"Mails to eve@example.org by "         \
	"default\","                                                                           \
	"\"input_schema\":{\"type\":\"object\",\"properties\":{\"to\":{\"type\":\"string\","   \
	"\"description\":\"such as eve\\u0040example.org\"}}}}],\"messages\":["                \
	"{\"role\":\"user\",\"content\":\"Write to bob@example.org. Dear Ann Miller\"},"       \
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"[EMAIL-1]" \
	" "                                                                                    \
	"wants mail\",\"signature\":\"c2ln\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":"  \
	"\"mail\",\"input\":{\"to\":\"bob\\u0040example.org\",\"card\":4111111111111111,"      \
	"\"password\":\"correct-Horse-7battery\",\"note\":\"4111 1111\\u00201111 1111\"}}]},"  \
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","    \
	"\"content\":\"sent to bob@example.org from 4111 1111 1111 1111\"}]}]}"

/* What leaves is scanned as consent scans it: parsed again, every string, keys included. */
static void what_leaves_scans_clean(void **state)
{
	static const struct upstream_dialect *const ups[] = {
		&upstream_openai_chat, &upstream_openai_responses, &upstream_anthropic,
		&upstream_ollama, &upstream_gemini
	};
	static const char *const everything[] = { "*" };

	(void)state;
	for (size_t i = 0; i < LEN(ups); i++) {
		struct arena *a = arena_new("test", 4 << 20);
		struct scan_map *map = scan_map_new(100);
		struct chat whole, masked;
		struct inspected in;
		struct buf out;

		buf_init(&out, 1 << 20);
		read_chat(a, TALK, &whole);
		if (ups[i] == &upstream_openai_responses)
			whole.n_stop = 0; /* it has none */
		masked = whole;
		mask(a, map, &masked);
		CHECK(ups[i]->write(&masked, "m", &out) == ERR_OK, ups[i]->name);
		assert_int_equal(inspect_body(inspector, POLICY_API_OPENAI, buf_span(&out),
					      (struct span){ NULL, 0 }, "", a, &in),
				 ERR_OK);
		assert_true(in.complete);
		const char *left = inspect_unmasked(&in, everything, 1);
		if (left != NULL)
			fail_msg("%s: %s is left in %s", ups[i]->name, left, buf_cstr(&out));
		assert_null(strstr(buf_cstr(&out), "bob"));
		assert_null(strstr(buf_cstr(&out), "eve"));
		assert_null(strstr(buf_cstr(&out), "4111"));
		assert_null(strstr(buf_cstr(&out), "Horse"));
		/* The chat itself stays as it was: it is what the person is shown beside. */
		buf_clear(&out);
		assert_int_equal(ups[i]->write(&whole, "m", &out), ERR_OK);
		assert_non_null(strstr(buf_cstr(&out), "4111111111111111"));
		buf_free(&out);
		scan_map_free(map);
		arena_free(a);
	}
}

static void one_value_one_placeholder(void **state)
{
	struct arena *a = arena_new("test", 4 << 20);
	struct scan_map *map = scan_map_new(100);
	struct chat c;

	(void)state;
	read_chat(a, TALK, &c);
	mask(a, map, &c);
	/* As plain text, with an escape in a call's arguments, in a result; as words and
	 * number. */
	assert_true(span_is(c.stop[0], "[EMAIL-2]"));
	assert_non_null(memmem(c.messages[1].parts[0].text.ptr, c.messages[1].parts[0].text.len,
			       "[EMAIL-2]", 9));
	struct span args = c.messages[2].calls[0].arguments;
	struct json_where where;
	assert_int_equal(json_check(args, &json_limits_api, &where), ERR_OK);
	assert_non_null(memmem(args.ptr, args.len, "\"to\":\"[EMAIL-2]\"", 16));
	assert_non_null(memmem(args.ptr, args.len, "\"card\":\"[CARD-", 14));
	/* A signature over text that was not touched is kept. */
	assert_true(span_is(c.messages[2].parts[0].signature, "c2ln"));
	scan_map_free(map);
	arena_free(a);
}

static void a_signature_over_other_text_goes(void **state)
{
	struct arena *a = arena_new("test", 4 << 20);
	struct scan_map *map = scan_map_new(100);
	struct chat c;

	(void)state;
	read_chat(a,
		  "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
		  "\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":"
		  "\"thinking\",\"thinking\":\"bob@example.org\",\"signature\":\"c2ln\"}]}]}",
		  &c);
	mask(a, map, &c);
	assert_true(span_is(c.messages[1].parts[0].text, "[EMAIL-1]"));
	assert_int_equal(c.messages[1].parts[0].signature.len, 0);
	scan_map_free(map);
	arena_free(a);
}

/* ---------------------------------------------------------------- turn after turn */

#define TURNS 8

struct talk {
	struct chat_message messages[2 * TURNS];
	struct chat_part parts[2 * TURNS];
	struct span masked[2 * TURNS]; /* as the turn before sent or got it */
	uint32_t n;
};

static void say(struct talk *t, enum chat_role role, struct span text)
{
	t->parts[t->n] = (struct chat_part){ .kind = CHAT_PART_TEXT, .text = text };
	t->messages[t->n] =
		(struct chat_message){ .role = role, .parts = &t->parts[t->n], .n_parts = 1 };
	t->n++;
}

static struct span a_question(struct arena *a)
{
	static const char *const said[] = { "Dear Ann Miller, ",
					    "please write to u%u@example.org ",
					    "my card is 4111 1111 1111 1111 ",
					    "and what of Ann Miller? ",
					    "call +49 30 901820 ",
					    "tell u%u@example.org that " };
	struct buf b;

	buf_init(&b, 4096);
	for (uint32_t i = 1 + dice(4); i > 0; i--)
		buf_printf(&b, said[dice(LEN(said))], dice(6));
	struct span text = arena_span(a, buf_span(&b));
	buf_free(&b);
	return text;
}

/* One turn: mask, check what was there before, answer with placeholders, restore. */
static void turn(struct talk *t, struct arena *a)
{
	struct scan_map *map = scan_map_new(100);
	struct scan_restore r;
	struct buf answer, restored;

	say(t, CHAT_USER, a_question(a));
	struct chat c = { .messages = t->messages, .n_messages = t->n };
	mask(a, map, &c);
	for (uint32_t i = 0; i < t->n; i++) {
		struct span now = c.messages[i].parts[0].text;

		if (i + 1 < t->n && !span_equal(now, t->masked[i]))
			fail_msg("message %u: '%.*s' was '%.*s'", i, (int)now.len, now.ptr,
				 (int)t->masked[i].len, t->masked[i].ptr);
		t->masked[i] = now;
	}
	buf_init(&answer, 4096);
	buf_init(&restored, 8192);
	buf_printf(&answer, "I read: %.*s.", (int)t->masked[t->n - 1].len,
		   t->masked[t->n - 1].ptr);
	t->masked[t->n] = arena_span(a, buf_span(&answer));
	scan_restore_begin(&r, map);
	scan_restore_feed(&r, buf_span(&answer), &restored);
	scan_restore_end(&r, &restored);
	say(t, CHAT_ASSISTANT, arena_span(a, buf_span(&restored)));
	buf_free(&answer);
	buf_free(&restored);
	scan_map_free(map);
}

static void a_conversation_keeps_its_placeholders(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++) {
		struct arena *a = arena_new("test", 16 << 20);
		struct talk t = { .n = 0 };

		for (int i = 0; i < TURNS; i++)
			turn(&t, a);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialect_however_cut),
		cmocka_unit_test(kinds_and_their_order),
		cmocka_unit_test(signatures),
		cmocka_unit_test(room_that_runs_out_is_said),
		cmocka_unit_test(what_leaves_scans_clean),
		cmocka_unit_test(one_value_one_placeholder),
		cmocka_unit_test(a_signature_over_other_text_goes),
		cmocka_unit_test(a_conversation_keeps_its_placeholders),
	};

	return cmocka_run_group_tests(tests, build, drop_all);
}
