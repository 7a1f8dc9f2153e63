/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of model files, good and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "models/gguf.h"

static void put(struct buf *b, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_add_char(b, (char)(unsigned char)(n >> (8 * i)));
}

static void put_text(struct buf *b, const char *text)
{
	put(b, strlen(text), 8);
	buf_add_str(b, text);
}

/* What differs from a sound file. */
struct make {
	const char *name, *magic;
	uint64_t version, tensors, pairs, dimensions, width, type, offset;
	uint64_t array_length;
	size_t cut; /* bytes taken off the end */
	enum err want;
};

/* One tensor of 64 x 2 in Q8_0: 4 blocks of 34 bytes. */
static void build(const struct make *m, struct buf *b)
{
	buf_add_str(b, m->magic);
	put(b, m->version, 4);
	put(b, m->tensors, 8);
	put(b, m->pairs, 8);
	put_text(b, "general.architecture");
	put(b, 8, 4);
	put_text(b, "llama");
	put_text(b, "llama.context_length");
	put(b, 4, 4);
	put(b, 2048, 4);
	put_text(b, "tokenizer.ggml.tokens");
	put(b, 9, 4);
	put(b, 8, 4);
	put(b, m->array_length, 8);
	put_text(b, "a");
	put_text(b, "b");
	put_text(b, "blk.0.weight");
	put(b, m->dimensions, 4);
	put(b, m->width, 8);
	put(b, 2, 8);
	put(b, m->type, 4);
	put(b, m->offset, 8);
	while (b->len % 32 != 0)
		buf_add_char(b, 0);
	for (unsigned i = 0; i < 136; i++)
		buf_add_char(b, 'w');
	b->len -= m->cut;
}

#define SOUND                                                                                  \
	.magic = "GGUF", .version = 3, .tensors = 1, .pairs = 3, .dimensions = 2, .width = 64, \
	.type = 8, .array_length = 2
#define BIG UINT64_C(0xffffffffffffffff)

/* Later initialisers of a row replace those of SOUND, on purpose. */
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
static const struct make cases[] = {
	{ "a sound file is read", SOUND },
	{ "version 2 is read", SOUND, .version = 2 },
	{ "another magic is refused", SOUND, .magic = "GGML", .want = ERR_UNSUPPORTED },
	{ "version 1 is refused", SOUND, .version = 1, .want = ERR_UNSUPPORTED },
	{ "big-endian is refused", SOUND, .version = 0x03000000, .want = ERR_UNSUPPORTED },
	{ "no tensors", SOUND, .tensors = 0, .want = ERR_SYNTAX },
	{ "2^64-1 tensors", SOUND, .tensors = BIG, .want = ERR_SYNTAX },
	{ "2^64-1 pairs", SOUND, .pairs = BIG, .want = ERR_SYNTAX },
	{ "more pairs than there are", SOUND, .pairs = 60000, .want = ERR_TOO_BIG },
	{ "an array longer than the file", SOUND, .array_length = 1u << 30,
	  .want = ERR_SYNTAX },
	{ "an array whose bytes wrap", SOUND, .array_length = BIG, .want = ERR_SYNTAX },
	{ "five dimensions", SOUND, .dimensions = 5, .want = ERR_SYNTAX },
	{ "a dimension of 0", SOUND, .width = 0, .want = ERR_SYNTAX },
	{ "a size that wraps", SOUND, .width = BIG, .want = ERR_SYNTAX },
	{ "rows that do not fill a block", SOUND, .width = 33, .want = ERR_SYNTAX },
	{ "a tensor off its alignment", SOUND, .offset = 1, .want = ERR_SYNTAX },
	{ "a tensor past the end", SOUND, .offset = 64, .want = ERR_TRUNCATED },
	{ "one byte short", SOUND, .cut = 1, .want = ERR_TRUNCATED },
	{ "cut in the head", SOUND, .cut = 180, .want = ERR_TRUNCATED },
	{ "a type of the future is taken on trust", SOUND, .type = 77 },
};

static void each_file_gets_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		struct gguf g = { 0 };
		const char *problem = "";

		buf_init(&b, 65536);
		build(&cases[i], &b);
		enum err e = gguf_read(buf_span(&b), b.len, &g, &problem);
		if (e != cases[i].want)
			fail_msg("%s: got \"%s\" (%s)", cases[i].name, err_text(e), problem);
		if (e != ERR_OK && problem[0] == '\0')
			fail_msg("%s: no explanation", cases[i].name);
		buf_free(&b);
	}
}

static void the_head_is_told(void **state)
{
	struct buf b;
	struct gguf g = { 0 };
	const char *problem;

	(void)state;
	buf_init(&b, 65536);
	build(&cases[0], &b);
	assert_int_equal(gguf_read(buf_span(&b), b.len, &g, &problem), ERR_OK);
	assert_string_equal(g.architecture, "llama");
	assert_int_equal(g.context_tokens, 2048);
	assert_int_equal(g.parameters, 128);
	buf_free(&b);
}

/* Every prefix of a sound file is refused, the very short ones as well. */
static void every_cut_is_refused(void **state)
{
	struct buf b;
	struct gguf g;
	const char *problem;

	(void)state;
	buf_init(&b, 65536);
	build(&cases[0], &b);
	for (size_t n = 0; n < b.len; n++) {
		struct span cut = { b.ptr, n };

		if (gguf_read(cut, n, &g, &problem) == ERR_OK)
			fail_msg("%zu bytes of %zu were accepted", n, b.len);
	}
	buf_free(&b);
}

static void every_alignment_gets_its_verdict(void **state)
{
	static const struct {
		uint32_t alignment;
		enum err want;
	} rows[] = { { 0, ERR_SYNTAX },
		     { 8, ERR_OK },
		     { 12, ERR_SYNTAX },
		     { 4096, ERR_OK },
		     { 1u << 31, ERR_SYNTAX } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;
		struct gguf g;
		const char *problem;

		buf_init(&b, 65536);
		buf_add_str(&b, "GGUF");
		put(&b, 3, 4);
		put(&b, 1, 8);
		put(&b, 1, 8);
		put_text(&b, "general.alignment");
		put(&b, 4, 4);
		put(&b, rows[i].alignment, 4);
		put_text(&b, "w");
		put(&b, 1, 4);
		put(&b, 32, 8);
		put(&b, 24, 4);
		put(&b, 0, 8);
		while (b.len < 4096 + 32)
			buf_add_char(&b, 0);
		enum err e = gguf_read(buf_span(&b), b.len, &g, &problem);
		if (e != rows[i].want)
			fail_msg("alignment %u: %s", rows[i].alignment, err_text(e));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_gets_its_verdict),
		cmocka_unit_test(the_head_is_told),
		cmocka_unit_test(every_alignment_gets_its_verdict),
		cmocka_unit_test(every_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
