/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each allocation of each scenario fails: alone, and from there on. malloc and its kin are this
 * program's own, so that those of the libraries fail too. A scenario says whether it came to
 * its end; then its result must be the one that it has when nothing fails. Whatever happens, no
 * byte stays allocated behind it.
 *
 *   fail_alloc ROOT [--seed S] [--of_1000 N] [--only SCENARIO[.VARIANT:N:alone|onwards]]
 *
 * ROOT: where the sources are. Every allocation of every scenario; with --of_1000 so many of a
 * thousand, drawn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json.h"
#include "consent/receipt.h"
#include "crypto/crypto.h"
#include "dialect/dialect.h"
#include "dialect/embed.h"
#include "http/parse.h"
#include "policy/policy.h"
#include "proc/config.h"
#include "scan/scan.h"
#include "tests/fault/failing_malloc.h"

/* --- scenarios ---------------------------------------------------------------------------- */

static struct crypto_sha256 result; /* of the last scenario that came to its end */

static bool came_to(struct buf *out)
{
	bool whole = !out->failed;

	failing.armed = false;
	if (whole)
		crypto_sha256(buf_span(out), &result);
	failing.armed = true;
	return whole;
}

static const char request_openai[] =
	"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":"
	"\"user\","
	"\"content\":[{\"type\":\"text\",\"text\":\"h\\u00e9llo\"}]},{\"role\":\"assistant\","
	"\"content\":"
	"null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	"\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"2\"}]"
	","
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
	"\"type\":"
	"\"object\"}}}],\"max_tokens\":9,\"stop\":[\"x\"]}";
static const char request_completion[] =
	"{\"model\":\"m\",\"prompt\":\"hello\",\"stop\":\"x\"}";
static const char request_responses[] = "{\"model\":\"m\",\"instructions\":\"s\",\"input\":[{"
					"\"role\":\"user\",\"content\":[{\"type\":"
					"\"input_text\",\"text\":\"hello\"}]}]}";
static const char request_anthropic[] = "{\"model\":\"m\",\"max_tokens\":9,\"system\":\"s\","
					"\"messages\":[{\"role\":\"user\",\"content\":"
					"[{\"type\":\"text\",\"text\":\"hello\"}]}]}";
static const char request_ollama[] =
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
static const char request_generate[] = "{\"model\":\"m\",\"prompt\":\"hello\"}";

static const struct client {
	const struct client_dialect *dialect;
	const char *request;
} clients[] = {
	{ &dialect_openai_chat, request_openai },
	{ &dialect_openai_completions, request_completion },
	{ &dialect_openai_responses, request_responses },
	{ &dialect_anthropic_messages, request_anthropic },
	{ &dialect_ollama_chat, request_ollama },
	{ &dialect_ollama_generate, request_generate },
};
static const char *const apis[] = { "openai",           "llamacpp",   "azure-openai",
				    "mistral",          "openrouter", "anthropic",
				    "openai-responses", "ollama",     "gemini" };
static const char *const streams[] = {
	"openai-chat-text.sse",      "openai-chat-calls.sse", "azure-text.sse",
	"mistral-text.sse",          "openrouter-text.sse",   "anthropic-thinking-tool.sse",
	"openai-responses-call.sse", "ollama-call.ndjson",    "gemini-call.sse"
};
#define STREAMS LEN(streams)
static struct buf recorded[STREAMS], policy_text, config_text;

static bool reads_request(unsigned i)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct chat_problem p;
	struct chat c;
	struct buf out;
	bool whole = false;

	buf_init(&out, 1 << 20);
	if (a != NULL &&
	    clients[i].dialect->read(span_of(clients[i].request), a, &c, &p) == ERR_OK) {
		for (unsigned u = 0; u < LEN(apis); u++)
			(void)!upstream_dialect_find(apis[u])->write(&c, "m", &out);
		whole = came_to(&out);
	}
	buf_free(&out);
	arena_free(a);
	return whole;
}

struct relay {
	const struct client_dialect *d;
	struct reply_writer *w;
	struct buf *out;
	bool ended, refused;
};

static bool relay(void *ctx, const struct chat_event *ev)
{
	struct relay *r = ctx;

	r->refused = !r->d->writer_event(r->w, ev, r->out) || r->refused;
	r->ended = ev->kind == CHAT_EV_END;
	return true;
}

/* A recorded stream to one client. */
static bool relays(unsigned i)
{
	const struct upstream_dialect *up = upstream_dialect_find(apis[i % STREAMS]);
	const struct reply_head head = { .id = "x", .model = "m", .stream = true };
	struct span bytes = buf_span(&recorded[i % STREAMS]);
	struct arena *a = arena_new("test", 8 << 20);
	struct buf out;
	struct relay r = { .d = clients[i % LEN(clients)].dialect, .out = &out };
	bool whole = false;

	buf_init(&out, 8 << 20);
	r.w = a != NULL ? r.d->writer_new(a, &head) : NULL;
	struct upstream_reader *reader = r.w != NULL ? up->reader_new(a, true, 1 << 20) : NULL;
	if (reader != NULL) {
		enum err e = up->reader_status(reader, 200, relay, &r);

		if (e == ERR_OK)
			e = up->reader_bytes(reader, bytes, relay, &r);
		e = up->reader_end(reader, relay, &r);
		if (e == ERR_OK && r.ended && !r.refused)
			whole = came_to(&out);
		up->reader_free(reader);
	}
	buf_free(&out);
	arena_free(a);
	return whole;
}

static bool parses_json(unsigned i)
{
	struct json_where where;
	cJSON *tree = NULL;
	struct buf out;
	bool whole = false;

	(void)i;
	buf_init(&out, 1 << 20);
	if (json_parse(span_of(request_openai), &json_limits_api, &tree, &where) == ERR_OK) {
		json_put_tree(&out, tree);
		whole = came_to(&out);
		cJSON_Delete(tree);
	}
	buf_free(&out);
	return whole;
}

enum {
	POLICY_VERDICTS,
	POLICY_EXPLAINED,
	POLICY_SHOWN,
	POLICY_LINTED,
	POLICY_BUNDLED,
	POLICY_LAID_OUT,
	POLICY_WAYS
};

static bool uses(struct policy_set *s, struct policy_file *f, unsigned way, struct buf *out)
{
	const struct policy_bundle b = { 1, POLICY_ACTIVE, "", &f, 1, NULL, 0 };
	struct policy_request base;
	struct policy_error e;

	policy_request_base(&base);
	if (way == POLICY_VERDICTS) {
		struct arena *a = arena_new("test", 1 << 20);
		struct policy_decision *d =
			a != NULL ? policy_decisions_new(s, policy_destinations(s), a) : NULL;

		if (d != NULL) {
			policy_decide_all(s, &base, d);
			for (size_t i = 0; i < policy_destinations(s); i++)
				buf_add_u64(out, (uint64_t)d[i].verdict);
		}
		arena_free(a);
		return d != NULL;
	}
	if (way == POLICY_EXPLAINED)
		policy_explain(s, &base, 0, out);
	else if (way == POLICY_SHOWN)
		policy_show(s, true, 0, out);
	else if (way == POLICY_LINTED)
		buf_add_char(out, 'x'), policy_lints(s, NULL, NULL);
	else if (way == POLICY_BUNDLED)
		policy_bundle_write(&b, out);
	else if (policy_format(buf_span(&policy_text), "test", out, &e) != ERR_OK)
		return false;
	return true;
}

static bool reads_policy(unsigned way)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error e;
	struct buf out;
	bool whole = false;

	buf_init(&out, 4 << 20);
	if (policy_file_parse(buf_span(&policy_text), POLICY_USER, "test", NULL, 0, &f, &e) ==
		    ERR_OK &&
	    policy_set_build(&f, 1, NULL, 0, &s, &e) == ERR_OK)
		whole = uses(s, f, way, &out) && came_to(&out);
	policy_set_free(s);
	policy_file_free(f);
	buf_free(&out);
	return whole;
}

/* The place of what is wrong is found with memory that may be out: then it has none. */
static bool refuses_policy(unsigned i)
{
	static const char text[] =
		"{\"hither_policy\":1,\"id\":\"t\",\"rules\":[\n{\"id\":\"r\","
		"\"effect\":\"deny\",\"whne\":{}}]}";
	struct policy_file *f = NULL;
	struct policy_error e;
	struct buf out;
	bool whole = false;

	(void)i;
	buf_init(&out, 4096);
	if (policy_file_parse(span_of(text), POLICY_USER, "test", NULL, 0, &f, &e) ==
		    ERR_SYNTAX &&
	    e.line == 2) {
		buf_printf(&out, "%u:%u %s; %s", e.line, e.column, e.problem, e.expected);
		whole = came_to(&out);
	}
	policy_file_free(f);
	buf_free(&out);
	return whole;
}

static bool loads_policy(unsigned i)
{
	const struct policy_found found = { .layer = POLICY_USER,
					    .name = "a.json",
					    .path = "/a",
					    .text = buf_span(&policy_text) };
	const struct policy_load in = { .found = &found,
					.n_found = 1,
					.now_ms = 1,
					.newest_record_ms = INT64_MIN,
					.generation = 7 };
	struct policy_loaded l;
	bool whole = false;

	(void)i;
	if (policy_load(&in, &l) == ERR_OK) {
		if (l.state == POLICY_ACTIVE)
			whole = came_to(&l.bundle);
		policy_loaded_free(&l);
	}
	return whole;
}

static bool evaluates_line(unsigned i)
{
	struct buf out;
	bool whole;

	(void)i;
	buf_init(&out, 1 << 20);
	/* It answers every line, with an error in words when it must: that is no success. */
	policy_eval_line(SPAN_LITERAL("{\"id\":\"a\",\"layers\":{\"user\":[{\"hither_policy\":"
				      "1,\"id\":\"x\"}]},"
				      "\"request\":{}}"),
			 false, &out);
	whole = !out.failed && memmem(out.ptr, out.len, "error", 5) == NULL && came_to(&out);
	buf_free(&out);
	return whole;
}

static bool scans(unsigned mask)
{
	static const char text[] =
		"Ann Smith, ann@example.org, 4111 1111 1111 1111, AKIAZ5GXK3QTV7W2RNBD";
	struct arena *a = arena_new("test", 1 << 20);
	struct scan_map *map = scan_map_new(64);
	struct scan_site_error problem;
	struct scanner *s = NULL;
	struct scan_result found;
	struct scan_set want = { { 0 } };
	struct buf out;
	bool whole = false;

	buf_init(&out, 1 << 20);
	if (a != NULL && map != NULL && scanner_new(NULL, 0, &s, &problem) == ERR_OK) {
		scan_set_add_pattern(&want, s, "personal.*");
		if (mask != 0) {
			whole = scan_mask(s, span_of(text), &want, &scan_budget_default, map,
					  &out) == ERR_OK &&
				came_to(&out);
		} else if (scan_text(s, span_of(text), &scan_budget_default, a, &found) ==
				   ERR_OK &&
			   found.status == SCAN_COMPLETE) {
			for (size_t i = 0; i < found.count; i++)
				buf_add_u64(&out, found.spans[i].start * 1000 +
							  found.spans[i].category);
			whole = came_to(&out);
		}
	}
	buf_free(&out);
	scanner_free(s);
	scan_map_free(map);
	arena_free(a);
	return whole;
}

static bool reads_config(unsigned i)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct json_where where;
	struct config c;
	struct buf out;
	bool whole = false;

	(void)i;
	buf_init(&out, 1 << 20);
	config_defaults(&c);
	if (a != NULL && config_parse(buf_span(&config_text), a, &c, &where) == ERR_OK) {
		config_write(&c, &out);
		whole = came_to(&out);
	}
	buf_free(&out);
	arena_free(a);
	return whole;
}

static bool reads_embedding(unsigned shape)
{
	static const char *const body[] = { "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
					    "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
					    "{\"model\":\"m\",\"prompt\":\"a\"}" };
	struct arena *a = arena_new("test", 1 << 20);
	struct chat_problem p;
	struct embed_request q;
	struct buf out;
	bool whole = false;

	buf_init(&out, 1 << 10);
	if (a != NULL &&
	    embed_read((enum embed_shape)shape, span_of(body[shape]), a, &q, &p) == ERR_OK) {
		buf_add_u64(&out, q.n_inputs);
		whole = came_to(&out);
	}
	buf_free(&out);
	arena_free(a);
	return whole;
}

static bool reads_record(unsigned format)
{
	static const char text[] =
		"{\"v\":1,\"seq\":3,\"time_ms\":5,\"boot_ms\":6,\"kind\":\"granted\",\"id\":"
		"\"01JD0000000000000000000000\",\"app\":\"a\",\"destination\":\"far\","
		"\"bytes\":7}";
	struct arena *a = arena_new("test", 1 << 20);
	struct record r;
	struct buf out;
	bool whole = false;

	buf_init(&out, 1 << 20);
	if (a != NULL && record_read(span_of(text), a, &r) == ERR_OK) {
		receipt_write(&r, NULL, "00", (enum receipt_format)format, &out);
		whole = came_to(&out);
	}
	buf_free(&out);
	arena_free(a);
	return whole;
}

static bool parses_http(unsigned i)
{
	static const char text[] =
		"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
		"Content-Type: application/json\r\nContent-Length: 5\r\n\r\nhello";
	const struct http_limits limits = { .request_line_bytes = 512,
					    .headers = 20,
					    .header_bytes = 1024,
					    .body_bytes = 512 };
	struct http_message m;
	struct http_parser p;
	struct buf out;
	size_t used;
	bool whole = false;

	(void)i;
	http_message_init(&m);
	http_parser_start(&p, &limits, &m);
	buf_init(&out, 1 << 10);
	if (http_parser_feed(&p, span_of(text), &used) == HTTP_PARSE_DONE) {
		buf_add(&out, (struct span){ m.body.ptr, m.body.len });
		whole = came_to(&out);
	}
	buf_free(&out);
	http_message_free(&m);
	return whole;
}

static bool note(void *ctx, struct span event, struct span data)
{
	buf_add(ctx, event);
	buf_add(ctx, data);
	return true;
}

static bool reads_events(unsigned i)
{
	struct sse_reader r;
	struct buf out;
	bool whole;

	(void)i;
	buf_init(&out, 1 << 20);
	sse_reader_init(&r, 1 << 20);
	whole = sse_read(&r, buf_span(&recorded[0]), note, &out) == ERR_OK && came_to(&out);
	sse_reader_free(&r);
	buf_free(&out);
	return whole;
}

static const struct scenario {
	const char *name;
	bool (*run)(unsigned i);
	unsigned variants;
} scenarios[] = {
	{ "request", reads_request, LEN(clients) },
	{ "relay", relays, 3 * STREAMS },
	{ "json", parses_json, 1 },
	{ "policy", reads_policy, POLICY_WAYS },
	{ "policy_bad", refuses_policy, 1 },
	{ "policy_load", loads_policy, 1 },
	{ "policy_line", evaluates_line, 1 },
	{ "scan", scans, 2 },
	{ "config", reads_config, 1 },
	{ "embedding", reads_embedding, 3 },
	{ "receipt", reads_record, 3 },
	{ "http", parses_http, 1 },
	{ "sse", reads_events, 1 },
};

/* --- the campaign ------------------------------------------------------------------------- */

struct outcome {
	bool whole;
	unsigned allocations;
};

static struct outcome attempt(const struct scenario *s, unsigned variant, unsigned at, bool on)
{
	struct outcome o;

	failing_arm(at, on);
	o.whole = s->run(variant);
	failing_disarm();
	o.allocations = failing.asked;
	return o;
}

static unsigned long runs, wrong;

static void one(const struct scenario *s, unsigned v, unsigned at, bool on,
		const struct crypto_sha256 *wanted)
{
	long before = failing.alive;

	fprintf(stderr, "\r%s.%u:%u:%s", s->name, v, at,
		on ? "onwards" : "alone"); /* where it died */
	struct outcome o = attempt(s, v, at, on);

	runs++;
	if (failing.alive != before) {
		printf("WRONG: %s.%u:%u:%s leaves %ld blocks behind\n", s->name, v, at,
		       on ? "onwards" : "alone", failing.alive - before);
		wrong++;
	}
	if (o.whole && (wanted == NULL || memcmp(&result, wanted, sizeof result) != 0)) {
		printf("WRONG: %s.%u:%u:%s came to another result\n", s->name, v, at,
		       on ? "onwards" : "alone");
		wrong++;
	}
}

static void read_into(struct buf *out, const char *root, const char *name)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", root, name);
	buf_init(out, 1 << 20);
	if (file_read(path, 1 << 20, out) != ERR_OK) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(2);
	}
}

static uint64_t dice;

static unsigned roll(unsigned n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 11) % n;
}

int main(int argc, char **argv)
{
	unsigned long of_1000 = 0;
	unsigned scenes = 0, points = 0, refusals = 0;
	const char *only = NULL, *root = argc > 1 ? argv[1] : ".";
	char name[64];

	dice = 88172645463325252u;
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			dice ^= strtoull(argv[i + 1], NULL, 10) * 2654435761u;
		else if (strcmp(argv[i], "--of_1000") == 0)
			of_1000 = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--only") == 0)
			only = argv[i + 1];
	}
	if (crypto_init() != ERR_OK)
		return 2;
	for (size_t i = 0; i < STREAMS; i++) {
		snprintf(name, sizeof name, "tests/recorded/%s", streams[i]);
		read_into(&recorded[i], root, name);
	}
	read_into(&policy_text, root, "config/policies/person.user.json");
	read_into(&config_text, root, "config/hitherd.json");
	for (size_t i = 0; i < LEN(scenarios); i++) {
		const struct scenario *s = &scenarios[i];

		for (unsigned v = 0; v < s->variants; v++) {
			attempt(s, v, 0, false); /* what is made once is made now */
			struct outcome o = attempt(s, v, 0, false);
			struct crypto_sha256 whole = result;

			refusals += !o.whole; /* a call that this client's dialect cannot say */
			scenes++;
			points += o.allocations;
			for (unsigned at = 1; at <= o.allocations; at++)
				for (unsigned on = 0; on < 2; on++) {
					snprintf(name, sizeof name, "%s.%u:%u:%s", s->name, v,
						 at, on ? "onwards" : "alone");
					if (only != NULL ? strcmp(only, name) == 0 ||
								   strcmp(only, s->name) == 0
							 : of_1000 == 0 || roll(1000) < of_1000)
						one(s, v, at, on, o.whole ? &whole : NULL);
				}
		}
	}
	fprintf(stderr, "\n");
	printf("%u scenarios, %u allocations, %lu runs, %lu wrong\n", scenes, points, runs,
	       wrong);
	return wrong > 0 || runs == 0;
}
