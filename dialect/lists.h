/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that are no chat: lists of models in three shapes, Ollama's tags, show, ps and
 * version, and token counts. Pure writers: whoever calls them knows the facts.
 */
#ifndef HITHER_DIALECT_LISTS_H
#define HITHER_DIALECT_LISTS_H

#include "dialect/dialect.h"

/* One model as clients see it. Texts may be empty and numbers 0 where they are not known. */
struct model_card {
	const char *id;    /* "local", "local/NAME", "DESTINATION/MODEL"; never empty */
	const char *owner; /* "local" or the destination's operator */
	int64_t created_s;
	uint64_t size_bytes;      /* of the file */
	const char *digest;       /* hex SHA-256 of the file */
	const char *family;       /* "llama" */
	const char *parameters;   /* "1.1B" */
	const char *quantization; /* "Q4_K_M" */
	uint32_t context_tokens;
	bool tools, vision, thinking, embedding; /* what it can do */
	bool loaded;                             /* in memory now */
};

/* {"object":"list","data":[…]} and one of its entries (OpenAI document 2.3.0, Model). */
void openai_put_models(const struct model_card *list, size_t n, struct buf *out);
void openai_put_model(const struct model_card *m, struct buf *out);

/* {"data":[…],"has_more":false,…} and one of its entries. */
void anthropic_put_models(const struct model_card *list, size_t n, struct buf *out);
void anthropic_put_model(const struct model_card *m, struct buf *out);

/* /api/tags, /api/ps (only loaded ones), /api/show, /api/version. Names get ":latest". */
void ollama_put_tags(const struct model_card *list, size_t n, struct buf *out);
void ollama_put_ps(const struct model_card *list, size_t n, struct buf *out);
void ollama_put_show(const struct model_card *m, struct buf *out);
void ollama_put_version(const char *version, struct buf *out);
/* Body of /api/show: the model's name, without ":latest". Errors as client_dialect.read. */
MUST_CHECK enum err ollama_read_show(struct span body, struct arena *a, struct span *ret,
				     struct chat_problem *reterr);
/* The reply to a body that only loads or unloads (chat.only_load, only_unload). */
void ollama_put_loaded(const struct reply_head *head, bool generate, bool unload,
		       struct buf *out);
/* A name as Ollama's clients write it, without ":latest"; other tags stay. */
struct span ollama_plain_name(struct span name);

/* Body of /v1/messages/count_tokens: as a message without max_tokens. */
MUST_CHECK enum err anthropic_read_count(struct span body, struct arena *a, struct chat *ret,
					 struct chat_problem *reterr);
void anthropic_put_count(int64_t tokens, struct buf *out);

#endif
