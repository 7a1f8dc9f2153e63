/* SPDX-License-Identifier: Apache-2.0 */
/* The table of upstream dialects: a new one is a row here. */
#include "dialect/dialect.h"

const struct upstream_dialect *upstream_dialect_find(const char *api)
{
	static const struct upstream_dialect *const table[] = {
		&upstream_openai_chat,      &upstream_llamacpp_chat, &upstream_anthropic,
		&upstream_ollama,           &upstream_gemini,        &upstream_azure_openai,
		&upstream_openai_responses, &upstream_mistral,       &upstream_openrouter,
	};

	for (size_t i = 0; i < LEN(table); i++)
		if (strcmp(table[i]->name, api) == 0)
			return table[i];
	return NULL;
}
