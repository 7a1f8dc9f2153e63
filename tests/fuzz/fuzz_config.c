/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations: what is accepted is written so that it is read the same. */
#include <stdlib.h>

#include "proc/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new("fuzz", 4u << 20);
	struct json_where where = { 0 };
	struct config first, second;
	struct config_tcp tcp;
	struct buf once, twice;

	(void)config_is_tcp((struct span){ (const char *)data, size }, &tcp);
	config_defaults(&first);
	if (config_parse((struct span){ (const char *)data, size }, a, &first, &where) !=
	    ERR_OK) {
		if (where.problem == NULL)
			abort();
		arena_free(a);
		return 0;
	}
	buf_init(&once, 4u << 20);
	buf_init(&twice, 4u << 20);
	config_write(&first, &once);
	config_defaults(&second);
	if (once.failed || config_parse(buf_span(&once), a, &second, &where) != ERR_OK)
		abort();
	config_write(&second, &twice);
	if (!span_equal(buf_span(&once), buf_span(&twice)))
		abort();
	buf_free(&once);
	buf_free(&twice);
	arena_free(a);
	return 0;
}
