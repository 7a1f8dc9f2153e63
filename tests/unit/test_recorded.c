/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams as eight vendors and more publish them (tests/recorded/), through our readers and
 * every client's writer: whole ones say what they say, and one that is cut, at every byte and
 * so at every event and inside every event, never looks complete. What "complete" means is
 * what a client goes by, not what we meant.
 *
 * Two ends after each cut: the body ends as if it were whole, and the connection breaks.
 *
 *   test_recorded              the tests; says how many cuts there were
 *   test_recorded --print      every reply that we emit, for tests/recorded/shapes.py
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/json.h"
#include "dialect/embed.h"
#include "dialect/lists.h"
#include "tests/unit/dialect_trace.h"

#define CLIENTS 6
static const struct client {
	const struct client_dialect *dialect;
	const char *whole[2]; /* either one tells a client that this is all */
	const char *error, *plain_whole, *plain_error;
} clients[CLIENTS] = {
	{ &dialect_openai_chat,
	  { "data: [DONE]", "\"finish_reason\":\"" },
	  "data: {\"error\":{",
	  "\"finish_reason\":\"",
	  "{\"error\":{" },
	{ &dialect_openai_completions,
	  { "data: [DONE]", "\"finish_reason\":\"" },
	  "data: {\"error\":{",
	  "\"finish_reason\":\"",
	  "{\"error\":{" },
	{ &dialect_openai_responses,
	  { "event: response.completed", "event: response.incomplete" },
	  "event: response.failed",
	  "\"object\":\"response\"",
	  "{\"error\":{" },
	{ &dialect_anthropic_messages,
	  { "message_stop", "\"stop_reason\":\"" },
	  "event: error",
	  "\"stop_reason\":\"",
	  "{\"type\":\"error\"" },
	{ &dialect_ollama_chat,
	  { "\"done\":true", "\"done_reason\"" },
	  "{\"error\":\"",
	  "\"done\":true",
	  "{\"error\":\"" },
	{ &dialect_ollama_generate,
	  { "\"done\":true", "\"done_reason\"" },
	  "{\"error\":\"",
	  "\"done\":true",
	  "{\"error\":\"" },
};

/* `last`: the event whose arrival ends the answer; from its end on a body may end. */
static const struct recording {
	const char *file;
	const struct upstream_dialect *upstream;
	const char *last;
	const char *want; /* the trace of the whole, without usage */
	const char
		*usage; /* what was counted in the end: in/out/cached/reasoning; -1 unknown */
} recordings[] = {
	{ "openai-chat-text.sse", &upstream_openai_chat, "data: [DONE]\n",
	  "S T\"The\" T\" capital\" T\" of France\" T\" is **Paris**\" T\", on the “Seine”.\" "
	  "Fstop "
	  "E ",
	  "1042/12/1024/0" },
	{ "openai-chat-calls.sse", &upstream_openai_chat, "data: [DONE]\n",
	  "S C0 call_S1aQ get_weather A0\"{\"\" A0\"city\" A0\"\":\"\" A0\"Paris\" A0\"\"}\" "
	  "C1 call_S2bR get_time A1\"{\"zone\":\" A1\"\"Europe/Paris\"}\" Ftools E ",
	  "88/40/0/0" },
	{ "openai-chat-length.sse", &upstream_openai_chat, "data: [DONE]\n",
	  "S T\"Once upon\" Flength E ", "9/2/-1/-1" },
	{ "openai-responses-call.sse", &upstream_openai_responses, "event: response.completed",
	  "S R\"A tool\" R\" is needed.\" T\"The weather\" T\" in Paris:\" C0 call_9Zy "
	  "get_weather "
	  "A0\"{\"city\"\" A0\":\"Paris\"}\" Ftools E ",
	  "81/35/64/16" },
	{ "openai-responses-incomplete.sse", &upstream_openai_responses,
	  "event: response.incomplete", "S T\"Once upon\" Flength E ", "81/35/64/16" },
	{ "anthropic-thinking-tool.sse", &upstream_anthropic, "event: message_stop",
	  "S R\"The user wants\" R\" the weather.\" G\"EqQBsynthetic==\" T\"I look\" "
	  "T\" that up.\" C0 toolu_01Syn get_weather A0\"{\"city\": \"Pa\" A0\"ris\"}\" Ftools "
	  "E ",
	  "2060/57/2048/-1" },
	{ "anthropic-text.sse", &upstream_anthropic, "event: message_stop",
	  "S T\"The capital\" T\"\nof France\" T\" is Paris ✓\" Fstop E ", "2060/57/2048/-1" },
	{ "anthropic-error.sse", &upstream_anthropic, NULL, "S T\"The\" !502 upstream_error ",
	  "2060/3/2048/-1" },
	{ "gemini-text.sse", &upstream_gemini, "\"finishReason\"",
	  "S R\"Capital of France.\" T\"The capital\" T\" of France is Paris.\" Fstop E ",
	  "7/41/-1/33" },
	{ "gemini-call.sse", &upstream_gemini, "\"finishReason\"",
	  "S C0 call_0 get_weather A0\"{\"city\":\"Paris\",\"days\":2}\" C1 call_1 get_time "
	  "A1\"{}\" Ftools E ",
	  "51/74/-1/60" },
	{ "gemini-safety.sse", &upstream_gemini, "\"finishReason\"", "S T\"I\" Ffilter E ",
	  "9/1/-1/-1" },
	{ "azure-text.sse", &upstream_azure_openai, "data: [DONE]\n",
	  "S T\"The capital\" T\" is Paris.\" Fstop E ", "14/6/0/0" },
	{ "azure-filtered.sse", &upstream_azure_openai, "data: [DONE]\n",
	  "S T\"First\" Ffilter E ", "" },
	{ "mistral-text.sse", &upstream_mistral, "data: [DONE]\n",
	  "S T\"La capitale\" T\" est Paris.\" Fstop E ", "8/6/0/-1" },
	{ "mistral-call.sse", &upstream_mistral, "data: [DONE]\n",
	  "S C0 D681PevKs get_weather A0\"{\"city\": \"Paris\"}\" Ftools E ", "95/22/-1/-1" },
	{ "openrouter-text.sse", &upstream_openrouter, "data: [DONE]\n",
	  "S T\"The capital\" T\" is Paris.\" Fstop E ", "14/6/0/0" },
	{ "openrouter-error.sse", &upstream_openrouter, NULL, "S T\"The\" !502 upstream_error ",
	  "" },
	{ "deepseek-reasoning.sse", &upstream_openai_chat, "data: [DONE]\n",
	  "S R\"Easy: \" R\"Paris.\" T\"Paris\" T\".\" Fstop E ", "12/9/0/5" },
	{ "xai-text.sse", &upstream_openai_chat, "data: [DONE]\n",
	  "S R\"Thinking\" T\"Par\" T\"is.\" Fstop E ", "11/139/4/137" },
	{ "xai-call.sse", &upstream_openai_chat, "data: [DONE]\n",
	  "S R\"Thinking\" C0 call_58 get_weather A0\"{\"city\":\"Paris\"}\" Ftools E ", "" },
	{ "ollama-text.ndjson", &upstream_ollama, "\"done\":true",
	  "S R\"France\" T\"The capital\" T\" is Paris.\" Fstop E ", "26/28/-1/-1" },
	{ "ollama-call.ndjson", &upstream_ollama, "\"done\":true",
	  "S C0 call_k1 get_weather A0\"{\"city\":\"Paris\"}\" Ftools E ", "26/28/-1/-1" },
};

static void load(const struct recording *r, struct buf *out)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/%s", RECORDED_DIR, r->file);
	buf_init(out, 1 << 20);
	if (file_read(path, 1 << 20, out) != ERR_OK)
		fail_msg("%s cannot be read", path);
}

/* --- one way through: upstream bytes to a client's bytes ------------------------------- */

struct way {
	const struct client_dialect *client;
	struct reply_writer *writer;
	struct buf out;
	bool over;
};

/* As router does: what the writer cannot say becomes an error, and nothing follows one. */
static bool way_sink(void *ctx, const struct chat_event *ev)
{
	static const struct chat_event unsayable = {
		.kind = CHAT_EV_ERROR,
		.status = 502,
		.name = { "unsayable", sizeof "unsayable" - 1 },
		.text = { "It cannot be said.", sizeof "It cannot be said." - 1 }
	};
	struct way *w = ctx;

	if (w->over)
		return false;
	bool ok = w->client->writer_event(w->writer, ev, &w->out);
	w->over = !ok || ev->kind == CHAT_EV_END || ev->kind == CHAT_EV_ERROR;
	if (!ok)
		(void)w->client->writer_event(w->writer, &unsayable, &w->out);
	return true;
}

static void go(const struct recording *r, struct span bytes, bool breaks, size_t step,
	       struct way *w, struct arena *a)
{
	static const struct chat_event broke = {
		.kind = CHAT_EV_ERROR,
		.status = 502,
		.name = { "stream_cut", sizeof "stream_cut" - 1 },
		.text = { "It broke off.", sizeof "It broke off." - 1 }
	};
	struct upstream_reader *reader = r->upstream->reader_new(a, true, 1 << 16);
	enum err e = r->upstream->reader_status(reader, 200, way_sink, w);

	for (size_t at = 0; e == ERR_OK && at < bytes.len; at += step) {
		size_t n = bytes.len - at < step ? bytes.len - at : step;

		e = r->upstream->reader_bytes(reader, (struct span){ bytes.ptr + at, n },
					      way_sink, w);
	}
	if (e == ERR_OK && !breaks)
		e = r->upstream->reader_end(reader, way_sink, w);
	else if (e == ERR_OK)
		way_sink(w, &broke); /* as cloud/call.c says it */
	r->upstream->reader_free(reader);
}

static void reply(const struct recording *r, const struct client *c, struct span bytes,
		  bool breaks, bool stream, size_t step, struct way *w)
{
	static struct arena *a;
	const struct reply_head head = { .id = "chatcmpl-1",
					 .created_s = 1795000000,
					 .model = "far/m",
					 .stream = stream,
					 .include_usage = true };

	if (a == NULL)
		a = arena_new("recorded", 4 << 20);
	arena_reset(a);
	*w = (struct way){ .client = c->dialect };
	buf_init(&w->out, 1 << 20);
	w->writer = c->dialect->writer_new(a, &head);
	go(r, bytes, breaks, step, w, a);
}

static bool says(const struct way *w, const char *what)
{
	return strstr(buf_cstr((struct buf *)&w->out), what) != NULL;
}

static bool looks_complete(const struct client *c, const struct way *w, bool stream)
{
	if (!stream)
		return says(w, c->plain_whole) && !says(w, c->plain_error);
	return says(w, c->whole[0]) || says(w, c->whole[1]);
}

static bool looks_broken(const struct client *c, const struct way *w, bool stream)
{
	return says(w, stream ? c->error : c->plain_error);
}

/* --- the tests ------------------------------------------------------------------------- */

struct gist_and_usage {
	struct buf gist;
	char usage[100];
};

static bool gist_of(void *ctx, const struct chat_event *ev)
{
	struct gist_and_usage *g = ctx;

	if (ev->kind == CHAT_EV_USAGE)
		snprintf(g->usage, sizeof g->usage, "%lld/%lld/%lld/%lld",
			 (long long)ev->input_tokens, (long long)ev->output_tokens,
			 (long long)ev->cached_tokens, (long long)ev->reasoning_tokens);
	else
		trace_event(&g->gist, ev);
	return true;
}

static void says_what_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(recordings); i++) {
		const struct recording *r = &recordings[i];
		struct arena *a = arena_new("recorded", 1 << 20);
		struct upstream_reader *reader = r->upstream->reader_new(a, true, 1 << 16);
		struct gist_and_usage t = { .usage = "" };
		struct buf file;

		load(r, &file);
		buf_init(&t.gist, 1 << 16);
		enum err e = r->upstream->reader_status(reader, 200, gist_of, &t);
		if (e == ERR_OK)
			e = r->upstream->reader_bytes(reader, buf_span(&file), gist_of, &t);
		if (e == ERR_OK)
			e = r->upstream->reader_end(reader, gist_of, &t);
		CHECK((e == ERR_OK) == (r->last != NULL), r->file);
		if (strcmp(buf_cstr(&t.gist), r->want) != 0)
			fail_msg("%s:\n  %s\nnot\n  %s", r->file, buf_cstr(&t.gist), r->want);
		if (strcmp(t.usage, r->usage) != 0)
			fail_msg("%s: %s, not %s", r->file, t.usage, r->usage);
		r->upstream->reader_free(reader);
		arena_free(a);
		buf_free(&file);
		buf_free(&t.gist);
	}
}

static void whole_ones_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(recordings); i++) {
		struct buf file;

		load(&recordings[i], &file);
		for (size_t c = 0; c < 2 * CLIENTS; c++) {
			const struct client *client = &clients[c / 2];
			struct way w;

			reply(&recordings[i], client, buf_span(&file), false, c % 2, SIZE_MAX,
			      &w);
			bool complete = looks_complete(client, &w, c % 2);
			bool calls = strstr(recordings[i].want, "Ftools") != NULL;
			bool sayable =
				!calls || (client->dialect != &dialect_ollama_generate &&
					   client->dialect != &dialect_openai_completions);
			if (complete == looks_broken(client, &w, c % 2) ||
			    (sayable && complete != (recordings[i].last != NULL)))
				fail_msg("%s to %s, %s:\n%s", recordings[i].file,
					 client->dialect->name, c % 2 ? "streamed" : "whole",
					 buf_cstr(&w.out));
			buf_free(&w.out);
		}
		buf_free(&file);
	}
}

/* From here on the body holds the whole answer: its end is no cut. */
static size_t whole_from(const struct recording *r, struct span file)
{
	const char *at =
		r->last != NULL ? memmem(file.ptr, file.len, r->last, strlen(r->last)) : NULL;

	if (at == NULL)
		return file.len + 1;
	size_t from = (size_t)(at - file.ptr);
	bool lines = strstr(r->file, ".ndjson") != NULL;

	/* to the end of its event: an empty line, which a CR ends as well; or of its line */
	for (size_t i = from; i < file.len; i++) {
		bool end = file.ptr[i] == '\n' || file.ptr[i] == '\r';

		if (end && (lines || file.ptr[i - 1] == '\n'))
			return i + 1;
	}
	return file.len;
}

static void check_cut(const struct recording *r, const struct client *c, struct span cut,
		      bool breaks, bool stream)
{
	struct way w;

	reply(r, c, cut, breaks, stream, cut.len % 8 == 0 ? 1 + cut.len % 7 : SIZE_MAX, &w);
	if (looks_complete(c, &w, stream) || !looks_broken(c, &w, stream))
		fail_msg("%s to %s, cut at %zu, %s, %s:\n%s", r->file, c->dialect->name,
			 cut.len, breaks ? "connection broken" : "ended clean",
			 stream ? "streamed" : "whole", buf_cstr(&w.out));
	buf_free(&w.out);
}

static void a_cut_never_looks_complete(void **state)
{
	size_t cuts = 0, replies = 0;

	(void)state;
	for (size_t i = 0; i < LEN(recordings); i++) {
		struct buf file;

		load(&recordings[i], &file);
		size_t whole = whole_from(&recordings[i], buf_span(&file));
		for (size_t cut = 0; cut <= file.len; cut++) {
			struct span part = { file.ptr, cut };

			for (size_t k = 0; k < 2 * CLIENTS; k++) {
				bool breaks = k % 2 != 0;

				if (!breaks && cut >= whole)
					continue;
				check_cut(&recordings[i], &clients[k / 2], part, breaks, true);
				replies++;
				if (cut % 16 != 0)
					continue;
				check_cut(&recordings[i], &clients[k / 2], part, breaks, false);
				replies++;
			}
			cuts++;
		}
		buf_free(&file);
	}
	printf("%zu recordings, %zu cuts, %zu replies to %d client dialects: 0 look complete\n",
	       LEN(recordings), cuts, replies, CLIENTS);
	assert_true(cuts >= 10000);
}

/* --- what we emit, for the check of its shape ------------------------------------------- */

static void print(const char *what, const char *client, bool stream, const char *name,
		  struct span body)
{
	struct buf line;

	buf_init(&line, 4 << 20);
	buf_add_char(&line, '{');
	json_put_key_cstr(&line, "what", what);
	json_put_key_cstr(&line, "client", client);
	json_put_key_bool(&line, "stream", stream);
	json_put_key_cstr(&line, "name", name);
	json_put_key_string(&line, "body", body);
	buf_add_char(&line, '}');
	puts(buf_cstr(&line));
	buf_free(&line);
}

static void print_recording(const struct recording *r)
{
	struct buf file;
	struct way w;

	load(r, &file);
	for (size_t k = 0; k < 2 * CLIENTS; k++) {
		const struct client *c = &clients[k / 2];

		reply(r, c, buf_span(&file), false, k % 2, SIZE_MAX, &w);
		print(looks_complete(c, &w, k % 2) ? "whole" : "error", c->dialect->name, k % 2,
		      r->file, buf_span(&w.out));
		buf_free(&w.out);
		reply(r, c, (struct span){ file.ptr, file.len / 2 }, true, k % 2, SIZE_MAX, &w);
		print("error", c->dialect->name, k % 2, r->file, buf_span(&w.out));
		buf_free(&w.out);
	}
	buf_free(&file);
}

static void print_list(const char *name, struct buf *b)
{
	print("list", name, false, name, buf_span(b));
	buf_clear(b);
}

static void print_lists(void)
{
	static const struct model_card cards[] = {
		{ .id = "local", .owner = "local", .created_s = 7 },
		{ .id = "local/tiny:q4",
		  .owner = "local",
		  .created_s = 8,
		  .size_bytes = 9,
		  .digest = "ab",
		  .family = "llama",
		  .parameters = "1.1B",
		  .quantization = "Q4_K_M",
		  .context_tokens = 2048,
		  .tools = true,
		  .loaded = true },
	};
	const struct reply_head head = { .model = "local", .created_s = 7 };
	struct buf b;

	buf_init(&b, 1 << 16);
	openai_put_models(cards, LEN(cards), &b);
	print_list("openai.models", &b);
	openai_put_model(&cards[1], &b);
	print_list("openai.model", &b);
	anthropic_put_models(cards, LEN(cards), &b);
	print_list("anthropic.models", &b);
	anthropic_put_model(&cards[1], &b);
	print_list("anthropic.model", &b);
	anthropic_put_count(9, &b);
	print_list("anthropic.count", &b);
	ollama_put_tags(cards, LEN(cards), &b);
	print_list("ollama.tags", &b);
	ollama_put_ps(cards, LEN(cards), &b);
	print_list("ollama.ps", &b);
	ollama_put_show(&cards[1], &b);
	print_list("ollama.show", &b);
	ollama_put_version("0.1.0", &b);
	print_list("ollama.version", &b);
	ollama_put_loaded(&head, true, false, &b);
	print_list("ollama.loaded.generate", &b);
	ollama_put_loaded(&head, false, true, &b);
	print_list("ollama.loaded.chat", &b);
	buf_free(&b);
}

static void print_embeddings(void)
{
	static const float values[] = { 0.5f, -0.25f };
	static const struct {
		const char *name;
		enum embed_shape kind;
		const char *body;
	} asked[] = {
		{ "openai.embeddings", EMBED_OPENAI,
		  "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}" },
		{ "openai.embeddings.base64", EMBED_OPENAI,
		  "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\"}" },
		{ "ollama.embed", EMBED_OLLAMA, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}" },
		{ "ollama.embeddings", EMBED_OLLAMA_OLD, "{\"model\":\"m\",\"prompt\":\"a\"}" },
	};

	for (size_t i = 0; i < LEN(asked); i++) {
		struct arena *a = arena_new("recorded", 1 << 20);
		struct embed_request q;
		struct chat_problem p;
		struct buf b;
		const struct embed_vector vectors[] = { { values, 2 }, { values, 2 } };

		buf_init(&b, 1 << 16);
		if (embed_read(asked[i].kind, span_of(asked[i].body), a, &q, &p) != ERR_OK)
			exit(1);
		embed_put(&q, "m", vectors, 4, &b);
		print_list(asked[i].name, &b);
		buf_free(&b);
		arena_free(a);
	}
}

static void print_all(void)
{
	static const int statuses[] = { 400, 401, 403, 404, 413, 415,
					424, 429, 500, 502, 503, 504 };

	for (size_t i = 0; i < LEN(recordings); i++)
		print_recording(&recordings[i]);
	print_lists();
	print_embeddings();
	for (size_t k = 0; k < CLIENTS; k++) {
		for (size_t i = 0; i < LEN(statuses); i++) {
			struct chat_problem p = { .status = statuses[i],
						  .code = "some_code",
						  .message = "A \"sentence\"." };
			struct buf b;

			buf_init(&b, 4096);
			clients[k].dialect->error_body(&p, &b);
			print("error", clients[k].dialect->name, false, "error_body",
			      buf_span(&b));
			buf_free(&b);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_says),
		cmocka_unit_test(whole_ones_are_complete),
		cmocka_unit_test(a_cut_never_looks_complete),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		print_all();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
