/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings as llama-server makes them (its tools/server/README.md, POST /v1/embeddings).
 *
 * What it refuses with is not uniform: 501 when it was started without embeddings, 400 for a
 * model that has no pooling, 500 when a text is longer than its batch. Its words are only
 * looked at to tell these apart, never passed on.
 */
#include <math.h>
#include <stdio.h>

#include "common/text.h"
#include "dialect/embed.h"
#include "dialect/impl.h"

#define VALUES_MAX 262144u /* numbers of one vector */

static const struct json_limits reply_limits = { .max_depth = 16,
						 .max_values = 4u << 20,
						 .max_string_bytes = 4u << 20 };

void embed_send(const struct embed_request *q, struct buf *out)
{
	buf_add_str(out, "{\"encoding_format\":\"base64\",\"input\":[");
	for (uint32_t i = 0; i < q->n_inputs; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_put_string(out, q->inputs[i]);
	}
	buf_add_str(out, "]}");
}

static enum err fail(struct chat_problem *reterr, enum err e, int status, const char *code,
		     const char *param, const char *message)
{
	memset(reterr, 0, sizeof *reterr);
	reterr->status = status;
	snprintf(reterr->code, sizeof reterr->code, "%s", code);
	snprintf(reterr->param, sizeof reterr->param, "%s", param);
	snprintf(reterr->message, sizeof reterr->message, "%s", message);
	return e;
}

static enum err fail_shape(struct chat_problem *reterr)
{
	return fail(reterr, ERR_SYNTAX, 502, "engine_failed", "",
		    "The on-device engine did not answer with embeddings.");
}

static enum err refused(int status, const cJSON *tree, struct chat_problem *reterr)
{
	const cJSON *error = json_get_object(tree, "error");
	const char *words = error != NULL ? json_get_string(error, "message") : NULL;

	if (words == NULL)
		words = "";
	if (strstr(words, "too large to process") != NULL ||
	    strstr(words, "context size") != NULL)
		return fail(reterr, ERR_TOO_BIG, 400, "context_length_exceeded", "input",
			    "A text is too long for the model on this device. Send it in "
			    "shorter pieces.");
	if (status == 501 || strstr(words, "ooling type") != NULL)
		return fail(reterr, ERR_UNSUPPORTED, 400, "unsupported_model", "model",
			    "The engine on this device does not make embeddings. Set "
			    "engine.embeddings in hitherd.json to mean, or to model for one "
			    "that was made for them, and use a llama-server of 2026.");
	if (status == 503)
		return fail(reterr, ERR_DENIED, 503, "engine_busy", "",
			    "The on-device engine is busy or still loading. Try again in a "
			    "moment.");
	return fail(reterr, ERR_DENIED, 502, "engine_failed", "",
		    "The on-device engine failed to make embeddings.");
}

/* --- vectors --------------------------------------------------------------------------- */

static bool read_base64(const char *text, struct arena *a, struct embed_vector *ret)
{
	struct buf bytes;
	bool ok;

	buf_init(&bytes, VALUES_MAX * sizeof(float));
	ok = text_unbase64(span_of(text), &bytes) == ERR_OK && bytes.len > 0 &&
	     bytes.len % 4 == 0;
	size_t n = bytes.len / 4;
	float *values = ok ? arena_array(a, n, sizeof *values) : NULL;
	for (size_t i = 0; values != NULL && i < n; i++) {
		uint32_t bits = 0;

		for (unsigned k = 0; k < 4; k++)
			bits |= (uint32_t)(uint8_t)bytes.ptr[4 * i + k] << (8 * k);
		memcpy(&values[i], &bits, sizeof bits);
	}
	buf_free(&bytes);
	*ret = (struct embed_vector){ values, n };
	return values != NULL;
}

static bool read_numbers(const cJSON *list, struct arena *a, struct embed_vector *ret)
{
	int n = cJSON_GetArraySize(list);
	float *values = n > 0 && n <= (int)VALUES_MAX
				? arena_array(a, (size_t)n, sizeof *values)
				: NULL;
	const cJSON *v;
	size_t i = 0;

	if (values == NULL)
		return false;
	cJSON_ArrayForEach (v, list) {
		if (!cJSON_IsNumber(v))
			return false;
		values[i++] = (float)v->valuedouble;
	}
	*ret = (struct embed_vector){ values, i };
	return true;
}

static bool is_finite(const struct embed_vector *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (!isfinite(v->values[i]))
			return false;
	return true;
}

static bool read_entry(const cJSON *entry, struct arena *a, uint32_t n, struct embed_vector *io)
{
	const cJSON *value = json_get(entry, "embedding");
	struct embed_vector v;
	int64_t index;

	if (!json_get_int(entry, "index", 0, (int64_t)n - 1, &index) ||
	    io[index].values != NULL)
		return false;
	if (cJSON_IsString(value) ? !read_base64(value->valuestring, a, &v)
				  : !cJSON_IsArray(value) || !read_numbers(value, a, &v))
		return false;
	io[index] = v;
	return is_finite(&v);
}

static bool read_all(const cJSON *tree, struct arena *a, uint32_t n, struct embed_vector *io)
{
	const cJSON *data = json_get_array(tree, "data");
	const cJSON *entry;

	if (data == NULL || cJSON_GetArraySize(data) != (int)n)
		return false;
	cJSON_ArrayForEach (entry, data)
		if (!read_entry(entry, a, n, io))
			return false;
	for (uint32_t i = 1; i < n; i++)
		if (io[i].n != io[0].n)
			return false;
	return true;
}

static enum err wrong_size(uint32_t wanted, size_t made, struct chat_problem *reterr)
{
	enum err e = fail(reterr, ERR_UNSUPPORTED, 400, "unsupported_value", "dimensions", "");

	snprintf(reterr->message, sizeof reterr->message,
		 "The model on this device makes embeddings of %zu dimensions, not %u.", made,
		 wanted);
	return e;
}

enum err embed_recv(int status, struct span body, const struct embed_request *q,
		    struct arena *a, struct embed_vector **ret, int64_t *ret_tokens,
		    struct chat_problem *reterr)
{
	struct embed_vector *vectors = arena_array(a, q->n_inputs, sizeof *vectors);
	struct json_where where;
	cJSON *tree = NULL;
	int64_t tokens = -1;
	enum err e = ERR_OK;

	if (vectors == NULL)
		return fail(reterr, ERR_NO_MEMORY, 503, "overloaded", "",
			    "There is no memory.");
	memset(vectors, 0, q->n_inputs * sizeof *vectors);
	if (json_parse(body, &reply_limits, &tree, &where) != ERR_OK)
		e = status >= 400 ? refused(status, NULL, reterr) : fail_shape(reterr);
	else if (status != 200)
		e = refused(status, tree, reterr);
	else if (!read_all(tree, a, q->n_inputs, vectors))
		e = fail_shape(reterr);
	else if (q->dimensions != 0 && q->dimensions != vectors[0].n)
		e = wrong_size(q->dimensions, vectors[0].n, reterr);
	const cJSON *usage = e == ERR_OK ? json_get_object(tree, "usage") : NULL;
	if (usage != NULL && !json_get_int(usage, "prompt_tokens", 0, INT64_MAX, &tokens))
		tokens = -1;
	cJSON_Delete(tree);
	if (e != ERR_OK)
		return e;
	*ret = vectors;
	*ret_tokens = tokens;
	return ERR_OK;
}
