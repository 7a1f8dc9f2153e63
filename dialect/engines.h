/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engines that somebody else runs: which one answers, what it has, and whether what it is sent
 * stays on this machine. Pure: the answers to a few GETs go in, a bounded struct comes out.
 *
 * Sources: llama.cpp tools/server/README.md; Ollama docs/api.md and api/types.go (0.12.6 and
 * later: remote_host, truncate); LM Studio REST API v0 and v1; vLLM api_server (max_model_len);
 * Lemonade server_spec.md; Foundry Local REST reference; MLC LLM and LiteRT-LM: /v1/models.
 */
#ifndef HITHER_DIALECT_ENGINES_H
#define HITHER_DIALECT_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/span.h"

/* kind, name for people */
#define ENGINE_KINDS(X)                                                                        \
	X(UNKNOWN, "unknown")                                                                  \
	X(LLAMA_SERVER, "llama-server")                                                        \
	X(OLLAMA, "Ollama")                                                                    \
	X(LM_STUDIO, "LM Studio")                                                              \
	X(LEMONADE, "Lemonade")                                                                \
	X(VLLM, "vLLM")                                                                        \
	X(MLC, "MLC LLM")                                                                      \
	X(LITERT, "LiteRT-LM")                                                                 \
	X(FOUNDRY, "Foundry Local")                                                            \
	X(OPENAI, "OpenAI-compatible server")

enum engine_kind {
#define X(name, text) ENGINE_KIND_##name,
	ENGINE_KINDS(X)
#undef X
		ENGINE_KIND_COUNT
};
const char *engine_kind_name(enum engine_kind k);

/*
 * What is asked, in this order; all are GETs without side effects. An engine that does not know
 * one says 404, or anything else: only a 200 (and a 503 of ENGINE_ASK_HEALTH) counts.
 */
#define ENGINE_ASKS(X)                                                                         \
	X(HEALTH, "/health")    /* llama-server, vLLM */                                       \
	X(MODELS, "/v1/models") /* everybody */                                                \
	X(PROPS, "/props")      /* llama-server: context of one slot */                        \
	X(OLLAMA_VERSION, "/api/version")                                                      \
	X(OLLAMA_STATUS, "/api/status")   /* is its cloud switched off? */                     \
	X(OLLAMA_TAGS, "/api/tags")       /* models, remote ones marked */                     \
	X(OLLAMA_PS, "/api/ps")           /* loaded ones, with their context */                \
	X(LM_STUDIO_V0, "/api/v0/models") /* with state and context */                         \
	X(LEMONADE_HEALTH, "/api/v1/health")                                                   \
	X(VLLM_VERSION, "/version")                                                            \
	X(FOUNDRY_STATUS, "/openai/status")

enum engine_ask {
#define X(name, path) ENGINE_ASK_##name,
	ENGINE_ASKS(X)
#undef X
		ENGINE_ASK_COUNT
};
const char *engine_ask_path(enum engine_ask a);
/* Bit set of asks that are enough to see that an engine of this kind is still what it was. */
uint32_t engine_watch_asks(enum engine_kind k);

struct engine_answer {
	int status; /* 0: no answer */
	struct span body;
};

#define ENGINE_MODELS_MAX 64

struct engine_model_facts {
	char name[129];
	uint32_t context_tokens; /* of it as it is loaded, else what it can have; 0: not said */
	bool loaded;             /* said to be */
	bool embeddings;         /* said to be made for them */
	bool elsewhere; /* its name or its entry says that prompts for it go to a server */
};

struct engine_facts {
	enum engine_kind kind;
	char version[48];
	bool loading;                   /* it says: not yet */
	bool cloud_known, cloud_off;    /* Ollama's word about its own cloud */
	uint32_t n_models, models_left; /* left: beyond ENGINE_MODELS_MAX */
	struct engine_model_facts models[ENGINE_MODELS_MAX];
};

/* `answers` has ENGINE_ASK_COUNT elements. Always fills *ret; UNKNOWN when nobody we know. */
void engine_read(const struct engine_answer *answers, struct engine_facts *ret);

/*
 * Does a prompt for this model stay on the machine that the engine runs on?
 *   PROVEN     Ollama with its cloud off, or a model of its own without any sign of another
 * host CLAIMED    nothing says that it does not, and nothing shows that it does ELSEWHERE  it
 * goes to a server
 */
enum engine_locality { ENGINE_PROVEN, ENGINE_CLAIMED, ENGINE_ELSEWHERE };
enum engine_locality engine_locality(const struct engine_facts *f,
				     const struct engine_model_facts *m);

/*
 * The model to use: `wanted` if it is there ("name" is "name:latest" at Ollama), "" the first
 * that is loaded, else the first, neither made for embeddings nor elsewhere. NULL: none.
 */
const struct engine_model_facts *engine_choose(const struct engine_facts *f,
					       const char *wanted);

/* A tool that Ollama would run itself, away from this machine (its names begin so). */
bool engine_tool_leaves(enum engine_kind k, struct span tool_name);

/*
 * http://127.0.0.1:PORT, http://localhost:PORT or http://[::1]:PORT, with or without a slash at
 * the end. ERR_SYNTAX: anything else. *ret_v6: it is [::1].
 */
MUST_CHECK enum err engine_address(const char *url, bool *ret_v6, uint16_t *ret_port);

#endif
