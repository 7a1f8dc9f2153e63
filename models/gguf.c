/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GGUF: magic, version, counts; then key and value pairs; then one record per tensor; then, at
 * the next multiple of the alignment, the tensors' bytes. All numbers are little-endian.
 *
 * One cursor with a sticky error walks the head. Invariants
 *   1. Nothing is read past head.len; running out there is ERR_TRUNCATED.
 *   2. Loops run over counts from the file only after the count was held against the bytes that
 *      are left, so the work is linear in the size of the head.
 */
#include "models/gguf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TENSORS_MAX    65536u
#define PAIRS_MAX      65536u
#define KEY_BYTES      65535u
#define TENSOR_NAME    64u
#define DIMENSIONS_MAX 4u
#define ARRAY_DEPTH    4

enum value_type {
	U8,
	I8,
	U16,
	I16,
	U32,
	I32,
	F32,
	BOOL,
	STRING,
	ARRAY,
	U64,
	I64,
	F64,
	VALUE_TYPES
};

static const uint8_t value_bytes[VALUE_TYPES] = {
	[U8] = 1,  [I8] = 1,   [U16] = 2, [I16] = 2, [U32] = 4, [I32] = 4,
	[F32] = 4, [BOOL] = 1, [U64] = 8, [I64] = 8, [F64] = 8,
};

/* ggml's tensor types (ggml.h enum ggml_type): elements of a block and its bytes. */
static const struct {
	uint16_t elements, bytes;
} tensor_types[] = {
	[0] = { 1, 4 },      [1] = { 1, 2 },      [2] = { 32, 18 },    [3] = { 32, 20 },
	[6] = { 32, 22 },    [7] = { 32, 24 },    [8] = { 32, 34 },    [10] = { 256, 84 },
	[11] = { 256, 110 }, [12] = { 256, 144 }, [13] = { 256, 176 }, [14] = { 256, 210 },
	[15] = { 256, 292 }, [16] = { 256, 66 },  [17] = { 256, 74 },  [18] = { 256, 98 },
	[19] = { 256, 50 },  [20] = { 32, 18 },   [21] = { 256, 110 }, [22] = { 256, 82 },
	[23] = { 256, 136 }, [24] = { 1, 1 },     [25] = { 1, 2 },     [26] = { 1, 4 },
	[27] = { 1, 8 },     [28] = { 1, 8 },     [29] = { 256, 56 },  [30] = { 1, 2 },
	[34] = { 256, 54 },  [35] = { 256, 66 },  [39] = { 32, 17 },
};

struct cursor {
	struct span head;
	size_t at;
	enum err err;
	const char *problem;
};

static void fail(struct cursor *c, enum err e, const char *problem)
{
	if (c->err != ERR_OK)
		return;
	c->err = e;
	c->problem = problem;
}

static size_t left(const struct cursor *c)
{
	return c->head.len - c->at;
}

static const char *take(struct cursor *c, uint64_t n)
{
	if (c->err == ERR_OK && n > left(c))
		fail(c, ERR_TRUNCATED, "the file ends inside its head");
	if (c->err != ERR_OK)
		return NULL;
	const char *p = c->head.ptr + c->at;
	c->at += (size_t)n;
	return p;
}

static uint64_t number(struct cursor *c, unsigned bytes)
{
	const char *p = take(c, bytes);
	uint64_t n = 0;

	for (unsigned i = 0; p != NULL && i < bytes; i++)
		n |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return n;
}

static struct span text(struct cursor *c, uint64_t max)
{
	uint64_t n = number(c, 8);

	if (n > max)
		fail(c, ERR_TOO_BIG, "a name in the head is too long");
	const char *p = take(c, n);
	return (struct span){ p, p != NULL ? (size_t)n : 0 };
}

static void skip_value(struct cursor *c, uint64_t type, int depth)
{
	if (type >= VALUE_TYPES) {
		fail(c, ERR_SYNTAX, "the head holds a value of an unknown type");
	} else if (type == STRING) {
		(void)text(c, GGUF_HEAD_BYTES);
	} else if (type == ARRAY) {
		uint64_t of = number(c, 4), n = number(c, 8);
		bool fixed = of < VALUE_TYPES && value_bytes[of] > 0;

		if (depth == 0 || n > left(c) / (fixed ? value_bytes[of] : 8u))
			fail(c, ERR_SYNTAX, "an array in the head is larger than the file");
		else if (fixed)
			(void)take(c, n * value_bytes[of]);
		for (uint64_t i = 0; c->err == ERR_OK && !fixed && i < n; i++)
			skip_value(c, of, depth - 1);
	} else {
		(void)take(c, value_bytes[type]);
	}
}

/* A number that fits 32 bits is kept, anything else is skipped: 0 means "not stated". */
static uint32_t small_number(struct cursor *c, uint64_t type)
{
	uint64_t n;

	if (type != U32 && type != I32 && type != U64 && type != I64) {
		skip_value(c, type, ARRAY_DEPTH);
		return 0;
	}
	n = number(c, value_bytes[type]);
	return n <= INT32_MAX ? (uint32_t)n : 0;
}

/* Only printable ASCII: these words end up in tables and on command lines. */
static void plain_text(struct cursor *c, uint64_t type, char *out, size_t out_bytes)
{
	struct span s;

	if (type != STRING) {
		skip_value(c, type, ARRAY_DEPTH);
		return;
	}
	s = text(c, GGUF_HEAD_BYTES);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return;
	(void)span_copy(s, out, out_bytes);
}

static bool ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && memcmp(s.ptr + s.len - n, end, n) == 0;
}

static void read_pair(struct cursor *c, struct gguf *g, uint64_t *alignment)
{
	struct span key = text(c, KEY_BYTES);
	uint64_t type = number(c, 4);

	if (c->err != ERR_OK)
		return;
	if (span_is(key, "general.architecture"))
		plain_text(c, type, g->architecture, sizeof g->architecture);
	else if (span_is(key, "general.name"))
		plain_text(c, type, g->name, sizeof g->name);
	else if (span_is(key, "general.alignment"))
		*alignment = small_number(c, type);
	else if (ends_with(key, ".context_length"))
		g->context_tokens = small_number(c, type);
	else if (ends_with(key, ".block_count"))
		g->layers = small_number(c, type);
	else if (ends_with(key, ".embedding_length"))
		g->embedding = small_number(c, type);
	else if (ends_with(key, ".attention.head_count"))
		g->heads = small_number(c, type);
	else if (ends_with(key, ".attention.head_count_kv"))
		g->heads_kv = small_number(c, type);
	else
		skip_value(c, type, ARRAY_DEPTH);
}

/* Returns the end of the tensor, counted from the start of the tensors' bytes. */
static uint64_t read_tensor(struct cursor *c, uint64_t alignment, uint64_t *io_parameters)
{
	(void)text(c, TENSOR_NAME);
	uint64_t dimensions = number(c, 4), elements = 1, row = 1;

	if (dimensions > DIMENSIONS_MAX)
		fail(c, ERR_SYNTAX, "a tensor has too many dimensions");
	for (uint64_t i = 0; c->err == ERR_OK && i < dimensions; i++) {
		uint64_t n = number(c, 8);

		if (c->err == ERR_OK && (n == 0 || n > (UINT64_C(1) << 48) / elements))
			fail(c, ERR_SYNTAX, "a tensor has an impossible size");
		elements *= n;
		row = i == 0 ? n : row;
	}
	uint64_t type = number(c, 4), offset = number(c, 8);
	if (c->err != ERR_OK)
		return 0;
	if (offset % alignment != 0 || offset > UINT64_C(1) << 50) {
		fail(c, ERR_SYNTAX, "a tensor stands at an impossible place");
		return 0;
	}
	*io_parameters += elements;
	/* Of a type that came after this table only the start is known. */
	if (type >= LEN(tensor_types) || tensor_types[type].elements == 0)
		return offset + 1;
	if (row % tensor_types[type].elements != 0) {
		fail(c, ERR_SYNTAX, "a tensor's rows do not fill its blocks");
		return 0;
	}
	return offset + elements / tensor_types[type].elements * tensor_types[type].bytes;
}

static void read_body(struct cursor *c, uint64_t file_bytes, struct gguf *g)
{
	uint64_t alignment = 32, end = 0, pairs, start;

	g->tensors = number(c, 8);
	pairs = number(c, 8);
	if (g->tensors == 0 || g->tensors > TENSORS_MAX || pairs > PAIRS_MAX)
		fail(c, ERR_SYNTAX, "the head counts no tensors, or too many");
	for (uint64_t i = 0; c->err == ERR_OK && i < pairs; i++)
		read_pair(c, g, &alignment);
	if (alignment == 0 || alignment % 8 != 0 || alignment > 1u << 20)
		fail(c, ERR_SYNTAX, "the head states an impossible alignment");
	for (uint64_t i = 0; c->err == ERR_OK && i < g->tensors; i++) {
		uint64_t e = read_tensor(c, alignment, &g->parameters);

		end = e > end ? e : end;
	}
	if (c->err != ERR_OK)
		return; /* the alignment may be 0 */
	start = (c->at + alignment - 1) / alignment * alignment;
	if (start > file_bytes || end > file_bytes - start)
		fail(c, ERR_TRUNCATED,
		     "the file ends before its tensors do: an interrupted download?");
}

enum err gguf_read(struct span head, uint64_t file_bytes, struct gguf *ret,
		   const char **ret_problem)
{
	struct cursor c = { .head = head, .problem = "" };
	struct gguf g = { 0 };
	const char *magic = take(&c, 4);

	if (magic == NULL || memcmp(magic, "GGUF", 4) != 0) {
		*ret_problem = "this is not a GGUF file";
		return ERR_UNSUPPORTED;
	}
	g.version = (uint32_t)number(&c, 4);
	if (c.err == ERR_OK && g.version != 2 && g.version != 3)
		fail(&c, ERR_UNSUPPORTED, "GGUF version is neither 2 nor 3");
	if (c.err == ERR_OK)
		read_body(&c, file_bytes, &g);
	*ret_problem = c.problem;
	if (c.err == ERR_OK)
		*ret = g;
	return c.err;
}

uint64_t gguf_memory_bytes(const struct gguf *g, uint64_t file_bytes, uint32_t context_tokens)
{
	/* The cache holds a key and a value, 16 bits each, per layer and token; grouped heads
	 * share. */
	uint64_t width = g->heads > 0 && g->heads_kv > 0 && g->heads_kv <= g->heads
				 ? (uint64_t)g->embedding * g->heads_kv / g->heads
				 : g->embedding;
	/* Hostile numbers must not wrap: each factor is below 2^31, and capped further here. */
	uint64_t layers = g->layers < 4096 ? g->layers : 4096;
	uint64_t tokens = context_tokens < 1u << 24 ? context_tokens : 1u << 24;
	uint64_t cache = (width < 1u << 20 ? width : 1u << 20) * layers * 4u * tokens;

	return file_bytes + cache + (UINT64_C(150) << 20);
}
