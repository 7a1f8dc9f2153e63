/* SPDX-License-Identifier: Apache-2.0 */
/* Token probabilities: what a server sends is written anew, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialect/reply_impl.h"

#define A "{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97]"

static const struct {
	const char *raw;
	uint32_t top;
	const char *want; /* NULL: refused */
} rows[] = {
	{ "[" A ",\"id\":7,\"top_logprobs\":[" A "},{\"token\":\"b\",\"logprob\":-1}]}]", 2,
	  A ",\"top_logprobs\":[" A "},{\"token\":\"b\",\"logprob\":-1,\"bytes\":null}]}" },
	{ "[" A ",\"top_logprobs\":[" A "},{\"token\":\"b\",\"logprob\":-1}]}]", 1,
	  A ",\"top_logprobs\":[" A "}]}" },
	{ "[" A ",\"top_logprobs\":[" A "}]}," A "}]", 0,
	  A ",\"top_logprobs\":[]}," A ",\"top_logprobs\":[]}" },
	{ "[{\"token\":\"\\u0022\\n\",\"logprob\":-1e300,\"evil\":{\"x\":1}}]", 0,
	  "{\"token\":\"\\\"\\n\",\"logprob\":-9999,\"bytes\":null,\"top_logprobs\":[]}" },
	{ "[{\"token\":\"x\",\"logprob\":3,\"bytes\":[256,-1,\"y\"]}]", 0,
	  "{\"token\":\"x\",\"logprob\":0,\"bytes\":[0,0,0],\"top_logprobs\":[]}" },
	{ "[]", 0, NULL },
	{ "", 0, NULL },
	{ "{}", 0, NULL },
	{ "[1]", 0, NULL },
	{ "[" A "},{\"token\":\"b\"}]", 0, NULL },
	{ "[" A ",\"top_logprobs\":[{\"logprob\":-1}]}]", 1, NULL },
	{ "[" A "}],\"choices\":[{}]", 0, NULL },
	{ "[" A "}]\n\ndata: [DONE]", 0, NULL },
};

static void each_list_is_written_anew(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf out;

		buf_init(&out, 4096);
		buf_add_str(&out, "before ");
		bool ok = logprobs_put(span_of(rows[i].raw), rows[i].top, &out);
		struct span got = { out.ptr + 7, out.len - 7 };
		if (ok != (rows[i].want != NULL) ||
		    !span_is(got, rows[i].want != NULL ? rows[i].want : ""))
			fail_msg("%s: %s", rows[i].raw, buf_cstr(&out));
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_list_is_written_anew) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
