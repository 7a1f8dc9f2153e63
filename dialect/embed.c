/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings (OpenAPI document 2.3.0, CreateEmbeddingRequest and -Response; Ollama API
 * documents of 2026). Token arrays are refused: tokens of another tokenizer mean nothing to
 * the model here. The two popular OpenAI clients ask for base64 unless told otherwise.
 */
#include "dialect/embed.h"

#include "common/text.h"
#include "dialect/impl.h"
#include "dialect/lists.h"

#define INPUTS_MAX     2048
#define DIMENSIONS_MAX 65536

static bool add_input(struct reading *r, const cJSON *input, const char *param,
		      struct embed_request *q)
{
	if (!cJSON_IsString(input) || input->valuestring[0] == '\0')
		return reading_fail_type(r, param,
					 "a text that is not empty, or an array of such");
	q->text_bytes += strlen(input->valuestring);
	return reading_copy(r, span_of(input->valuestring), &q->inputs[q->n_inputs++]);
}

static bool read_inputs(struct reading *r, const cJSON *body, const char *key, bool many,
			struct embed_request *q)
{
	const cJSON *input = reading_get(body, key);
	const cJSON *i;
	int n = many && cJSON_IsArray(input) ? cJSON_GetArraySize(input) : 1;

	if (input == NULL)
		return reading_fail(r, "missing_required_parameter", key,
				    "'%s' must be a text.", key);
	if (n == 0 || n > INPUTS_MAX)
		return reading_fail(r, "invalid_value", key, "'%s' must have 1 to %d texts.",
				    key, INPUTS_MAX);
	q->inputs = arena_array(r->arena, (size_t)n, sizeof *q->inputs);
	if (q->inputs == NULL)
		return reading_fail_memory(r);
	if (!many || !cJSON_IsArray(input))
		return add_input(r, input, key, q);
	cJSON_ArrayForEach (i, input)
		if (!add_input(r, i, key, q))
			return false;
	return true;
}

static bool read_encoding(struct reading *r, const cJSON *body, struct embed_request *q)
{
	const cJSON *format = reading_get(body, "encoding_format");
	struct span word = span_of(cJSON_GetStringValue(format));

	if (format == NULL || span_is(word, "float"))
		return true;
	q->base64 = true;
	return span_is(word, "base64") ||
	       reading_fail(r, "invalid_value", "encoding_format",
			    "'encoding_format' must be 'float' or 'base64'.");
}

static bool read_dimensions(struct reading *r, const cJSON *body, struct embed_request *q)
{
	int64_t n;

	if (reading_get(body, "dimensions") == NULL)
		return true;
	if (!json_get_int(body, "dimensions", 1, DIMENSIONS_MAX, &n))
		return reading_fail(r, "invalid_value", "dimensions",
				    "'dimensions' must be a whole number from 1 to %d.",
				    DIMENSIONS_MAX);
	q->dimensions = (uint32_t)n;
	return true;
}

/* An over-long input is an error here, never cut in silence. */
static bool read_truncate(struct reading *r, const cJSON *body)
{
	bool truncate;

	return reading_flag(r, body, "truncate", "truncate", &truncate);
}

static bool read_body(struct reading *r, const cJSON *body, struct embed_request *q)
{
	if (!reading_model_name(r, body, "model", &q->model))
		return false;
	if (q->shape != EMBED_OPENAI)
		q->model = ollama_plain_name(q->model);
	if (q->shape == EMBED_OLLAMA_OLD)
		return read_inputs(r, body, "prompt", false, q);
	return read_inputs(r, body, "input", true, q) && read_dimensions(r, body, q) &&
	       (q->shape == EMBED_OPENAI ? read_encoding(r, body, q) : read_truncate(r, body));
}

enum err embed_read(enum embed_shape shape, struct span body, struct arena *a,
		    struct embed_request *ret, struct chat_problem *reterr)
{
	struct chat chat = { .stream = false };
	struct chat_problem problem = { .status = 0 };
	struct reading r = { .arena = a, .chat = &chat, .problem = &problem };
	struct embed_request q = { .shape = shape };
	const cJSON *tree = reading_parse(&r, body);
	bool ok = tree != NULL && read_body(&r, tree, &q);

	reading_done(&r);
	if (!ok) {
		*reterr = problem;
		return r.no_memory ? ERR_NO_MEMORY : ERR_SYNTAX;
	}
	*ret = q;
	return ERR_OK;
}

/* --- replies ------------------------------------------------------------------------- */

static void put_floats(const struct embed_vector *v, struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < v->n; i++)
		buf_printf(out, "%s%.9g", i > 0 ? "," : "", (double)v->values[i]);
	buf_add_char(out, ']');
}

static void put_base64(const struct embed_vector *v, struct buf *out)
{
	struct buf bytes;

	buf_init(&bytes, SIZE_MAX);
	for (size_t i = 0; i < v->n; i++) {
		uint32_t bits;
		memcpy(&bits, &v->values[i], sizeof bits);
		for (unsigned k = 0; k < 4; k++)
			buf_add_char(&bytes, (char)(bits >> (8 * k) & 0xff));
	}
	buf_add_char(out, '"');
	if (bytes.failed)
		out->failed = true;
	else
		text_base64(out, buf_span(&bytes));
	buf_add_char(out, '"');
	buf_free(&bytes);
}

static void put_openai(const struct embed_request *q, const char *model,
		       const struct embed_vector *vectors, int64_t tokens, struct buf *out)
{
	buf_add_str(out, "{\"object\":\"list\",\"data\":[");
	for (uint32_t i = 0; i < q->n_inputs; i++) {
		buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":",
			   i > 0 ? "," : "", i);
		if (q->base64)
			put_base64(&vectors[i], out);
		else
			put_floats(&vectors[i], out);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	json_put_key_cstr(out, "model", model);
	buf_printf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
		   (long long)tokens, (long long)tokens);
}

void embed_put(const struct embed_request *q, const char *model,
	       const struct embed_vector *vectors, int64_t input_tokens, struct buf *out)
{
	if (q->shape == EMBED_OPENAI) {
		put_openai(q, model, vectors, input_tokens > 0 ? input_tokens : 0, out);
		return;
	}
	buf_add_char(out, '{');
	if (q->shape == EMBED_OLLAMA_OLD) {
		json_put_key(out, "embedding");
		put_floats(&vectors[0], out);
		buf_add_char(out, '}');
		return;
	}
	json_put_key_cstr(out, "model", model);
	json_put_key(out, "embeddings");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < q->n_inputs; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		put_floats(&vectors[i], out);
	}
	buf_add_char(out, ']');
	if (input_tokens >= 0)
		json_put_key_i64(out, "prompt_eval_count", input_tokens);
	buf_add_char(out, '}');
}
