/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate: what one chunk of a stream costs on its way from an upstream's dialect to a
 * client's: framing, the strict gate, reading, one event, writing. Nanoseconds a chunk, and the
 * ratio to a reference measured in the same run: cJSON parsing the chunk's JSON to a tree and
 * printing it, which is what a proxy does that keeps the dialect.
 *
 * Ways take turns in shuffled rounds, each right after its reference, so that what else the
 * machine does hits both: the ratio is the median of such pairs, the times are the quickest.
 * Streams have CHUNKS chunks of a few letters, as models send them; their head and tail are in
 * the figure and weigh nothing.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rounds.h"
#include "dialect/dialect.h"

#define CHUNKS 2000
#define ROUNDS 61

static const struct upstream {
	const struct upstream_dialect *dialect;
	const char *before, *json, *after; /* of one chunk, framing around its JSON */
	const char *head, *tail;
} upstreams[] = {
	{ &upstream_openai_chat, "data: ",
	  "{\"id\":\"chatcmpl-CqT1syntheticA\",\"object\":\"chat.completion.chunk\","
	  "\"created\":"
	  "1795000001,\"model\":\"gpt-5.4-mini\",\"service_tier\":\"default\","
	  "\"system_fingerprint\":\"fp_0a1b2c3d4e\",\"choices\":[{\"index\":0,\"delta\":{"
	  "\"content\":"
	  "\" of France\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}",
	  "\n\n", "",
	  "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	  "data: [DONE]\n\n" },
	{ &upstream_openai_responses, "event: response.output_text.delta\ndata: ",
	  "{\"type\":\"response.output_text.delta\",\"sequence_number\":7,\"item_id\":\"msg_"
	  "0b\","
	  "\"output_index\":1,\"content_index\":0,\"delta\":\" of France\",\"logprobs\":[],"
	  "\"obfuscation\":\"b\"}",
	  "\n\n", "",
	  "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{"
	  "\"status\":\"completed\"}}\n\n" },
	{ &upstream_anthropic, "event: content_block_delta\ndata: ",
	  "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
	  "\"text\":\" of France\"}}",
	  "\n\n",
	  "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":4,"
	  "\"output_tokens\":1}}}\n\ndata: {\"type\":\"content_block_start\",\"index\":0,"
	  "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
	  "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	  "data: "
	  "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
	  "\"output_tokens\":5}}\n\ndata: {\"type\":\"message_stop\"}\n\n" },
	{ &upstream_gemini, "data: ",
	  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" of "
	  "France\"}],\"role\":\"model\"},"
	  "\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":2,"
	  "\"totalTokenCount\":42,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
	  "\"tokenCount\":7}],"
	  "\"thoughtsTokenCount\":33},\"modelVersion\":\"gemini-3.1-flash\",\"responseId\":"
	  "\"r\"}",
	  "\r\n\r\n", "", "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n" },
	{ &upstream_ollama, "",
	  "{\"model\":\"gpt-oss:20b\",\"created_at\":\"2026-11-18T09:00:00.123456Z\","
	  "\"message\":{"
	  "\"role\":\"assistant\",\"content\":\" of France\"},\"done\":false}",
	  "\n", "",
	  "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n" },
};

static const struct client_dialect *const clients[] = {
	&dialect_openai_chat,        &dialect_openai_completions, &dialect_openai_responses,
	&dialect_anthropic_messages, &dialect_ollama_chat,        &dialect_ollama_generate,
};

#define WAYS (LEN(upstreams) * LEN(clients))
static double ratio[WAYS][ROUNDS], least_ns[WAYS], least_reference_ns[WAYS];

static double now_ns(void)
{
	return rounds_now_us(CLOCK_MONOTONIC) * 1e3;
}

static void stream_of(const struct upstream *u, struct buf *out)
{
	buf_init(out, (size_t)8 << 20);
	buf_add_str(out, u->head);
	for (int i = 0; i < CHUNKS; i++)
		buf_printf(out, "%s%s%s", u->before, u->json, u->after);
	buf_add_str(out, u->tail);
}

struct way {
	const struct client_dialect *client;
	struct reply_writer *writer;
	struct buf out;
	size_t bytes;
};

static bool pass_on(void *ctx, const struct chat_event *ev)
{
	struct way *w = ctx;

	if (!w->client->writer_event(w->writer, ev, &w->out) || w->out.failed) {
		fprintf(stderr, "%s cannot say it\n", w->client->name);
		exit(1);
	}
	w->bytes += w->out.len;
	buf_clear(&w->out); /* as a socket takes it */
	return true;
}

/* In pieces of the size of a read. */
static void translate(const struct upstream *u, const struct client_dialect *c,
		      struct span stream)
{
	const struct reply_head head = {
		.id = "chatcmpl-1", .created_s = 1795000000, .model = "far/m", .stream = true
	};
	struct arena *a = arena_new("translate", (size_t)64 << 20);
	struct way w = { .client = c, .writer = c->writer_new(a, &head) };
	struct upstream_reader *r = u->dialect->reader_new(a, true, 1 << 20);
	enum err e = u->dialect->reader_status(r, 200, pass_on, &w);

	buf_init(&w.out, 1 << 20);
	for (size_t at = 0; e == ERR_OK && at < stream.len; at += 16384) {
		size_t n = stream.len - at < 16384 ? stream.len - at : 16384;

		e = u->dialect->reader_bytes(r, (struct span){ stream.ptr + at, n }, pass_on,
					     &w);
	}
	if (e == ERR_OK)
		e = u->dialect->reader_end(r, pass_on, &w);
	if (e != ERR_OK || w.bytes < CHUNKS * 10) {
		fprintf(stderr, "%s to %s: %s\n", u->dialect->name, c->name, err_text(e));
		exit(1);
	}
	u->dialect->reader_free(r);
	buf_free(&w.out);
	arena_free(a);
}

static void reference(const struct upstream *u)
{
	for (int i = 0; i < CHUNKS; i++) {
		cJSON *tree = cJSON_Parse(u->json);
		char *text = tree != NULL ? cJSON_PrintUnformatted(tree) : NULL;

		if (text == NULL)
			exit(1);
		free(text);
		cJSON_Delete(tree);
	}
}

static double median(double *values)
{
	rounds_sort(values, ROUNDS);
	return values[ROUNDS / 2];
}

static double lesser(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

static void measure(size_t way, int round, struct span stream)
{
	const struct upstream *u = &upstreams[way / LEN(clients)];
	double began = now_ns();

	reference(u);
	double between = now_ns();
	translate(u, clients[way % LEN(clients)], stream);
	double ended = now_ns();

	ratio[way][round] = (ended - between) / (between - began);
	least_ns[way] = lesser(least_ns[way], (ended - between) / CHUNKS);
	least_reference_ns[way] = lesser(least_reference_ns[way], (between - began) / CHUNKS);
}

int main(void)
{
	static struct buf streams[LEN(upstreams)];
	static size_t order[WAYS];

	for (size_t u = 0; u < LEN(upstreams); u++)
		stream_of(&upstreams[u], &streams[u]);
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		rounds_shuffle(order, WAYS);
		for (size_t i = 0; i < WAYS; i++)
			measure(order[i], round, buf_span(&streams[order[i] / LEN(clients)]));
	}
	printf("upstream\tclient\tns_per_chunk\treference_ns\tratio\n");
	for (size_t i = 0; i < WAYS; i++)
		printf("%s\t%s\t%.0f\t%.0f\t%.2f\n", upstreams[i / LEN(clients)].dialect->name,
		       clients[i % LEN(clients)]->name, least_ns[i], least_reference_ns[i],
		       median(ratio[i]));
	for (size_t u = 0; u < LEN(upstreams); u++)
		buf_free(&streams[u]);
	return 0;
}
