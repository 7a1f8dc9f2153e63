/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: what the gate accepts, cJSON parses; what is then written passes the gate again
 * and is written the same way a second time. What it refuses names a place in the text.
 */
#include <stdlib.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void write_again(const cJSON *tree, struct buf *out)
{
	buf_init(out, 64 << 20);
	json_put_tree(out, tree);
	must(!out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct json_where at = { 0 };
	cJSON *first = NULL, *second = NULL;
	struct buf a, b;

	if (json_check(text, &json_limits_file, &at) != ERR_OK) {
		must(at.offset <= size && at.problem != NULL);
		(void)json_offset_of(text, "/a/0/b#");
		return 0;
	}
	must(json_parse(text, &json_limits_file, &first, &at) == ERR_OK);
	write_again(first, &a);
	must(json_parse(buf_span(&a), &json_limits_api, &second, &at) == ERR_OK);
	write_again(second, &b);
	must(span_equal(buf_span(&a), buf_span(&b)));
	must(json_offset_of(text, "") < size);
	buf_free(&a);
	buf_free(&b);
	cJSON_Delete(first);
	cJSON_Delete(second);
	return 0;
}
