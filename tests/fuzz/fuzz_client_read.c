/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in every client dialect: one that is accepted can be said to every upstream or is
 * refused there, and what is said is JSON; one that is not accepted says why, with a 4xx. The
 * first byte picks the dialect.
 */
#include <stdlib.h>

#include "common/json.h"
#include "dialect/embed.h"
#include "dialect/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(const struct chat *c, struct buf *out)
{
	static const char *const apis[] = { "openai", "llamacpp",         "anthropic", "ollama",
					    "gemini", "openai-responses", "mistral" };
	struct json_where where;

	for (size_t i = 0; i < LEN(apis); i++) {
		buf_clear(out);
		enum err e = upstream_dialect_find(apis[i])->write(c, "m", out);
		if (e != ERR_OK && e != ERR_UNSUPPORTED)
			abort();
		const struct json_limits deep = { 70, 1000000, 64 << 20, false, false };
		if (e == ERR_OK && json_check(buf_span(out), &deep, &where) != ERR_OK)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static enum err (*const readers[])(struct span, struct arena *, struct chat *,
					   struct chat_problem *) = { anthropic_read_count };
	const struct client_dialect *const dialects[] = {
		&dialect_openai_responses,   &dialect_openai_completions,
		&dialect_anthropic_messages, &dialect_ollama_chat,
		&dialect_ollama_generate,    &dialect_openai_chat
	};
	struct chat c;
	struct chat_problem p = { .status = 0 };
	struct buf out;

	if (size < 1)
		return 0;
	struct span body = { (const char *)data + 1, size - 1 };
	struct arena *a = arena_new("fuzz", 8 << 20);
	unsigned pick = data[0] % (LEN(dialects) + LEN(readers) + 3);
	enum err e;
	buf_init(&out, 64 << 20);
	if (pick >= LEN(dialects) + LEN(readers)) {
		struct embed_request q;

		e = embed_read((enum embed_shape)(pick - LEN(dialects) - LEN(readers)), body, a,
			       &q, &p);
		if (e == ERR_OK && q.n_inputs == 0)
			abort();
	} else {
		e = pick < LEN(dialects) ? dialects[pick]->read(body, a, &c, &p)
					 : readers[pick - LEN(dialects)](body, a, &c, &p);
		if (e == ERR_OK)
			say(&c, &out);
	}
	if (e != ERR_OK && (p.status < 400 || p.status > 499 || p.message[0] == '\0'))
		abort();
	buf_free(&out);
	arena_free(a);
	return 0;
}
