/* SPDX-License-Identifier: Apache-2.0 */
/* The table of client dialects: a new one is a row here. */
#include "dialect/dialect.h"

static const struct {
	const char *path;
	bool below; /* also every path that begins with it */
	const struct client_dialect *dialect;
} table[] = {
	{ "/v1/chat/completions", false, &dialect_openai_chat },
	{ "/v1/completions", false, &dialect_openai_completions },
	{ "/v1/responses", true, &dialect_openai_responses },
	{ "/v1/embeddings", false, &dialect_openai_chat },
	{ "/v1/messages", true, &dialect_anthropic_messages },
	{ "/api/generate", false, &dialect_ollama_generate },
	{ "/api", true, &dialect_ollama_chat },
	{ "/", false, &dialect_ollama_chat },
};

static bool is_at(struct span path, const char *row, bool below)
{
	size_t n = strlen(row);

	return span_starts(path, row) && (path.len == n || (below && path.ptr[n] == '/'));
}

const struct client_dialect *client_dialect_find(struct span path, bool has_anthropic_version)
{
	if (is_at(path, "/v1/models", true))
		return has_anthropic_version ? &dialect_anthropic_messages
					     : &dialect_openai_chat;
	for (size_t i = 0; i < LEN(table); i++)
		if (is_at(path, table[i].path, table[i].below))
			return table[i].dialect;
	return NULL;
}
