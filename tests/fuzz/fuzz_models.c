/* SPDX-License-Identifier: Apache-2.0 */
/* What the index reader accepts, written and read again, gives the same text. */
#include <stdint.h>
#include <stdlib.h>

#include "models/models.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct arena *a = arena_new("fuzz", 64u << 20);
	struct model_list l, again;
	struct json_where at;
	struct buf first, second;

	buf_init(&first, 16u << 20);
	buf_init(&second, 16u << 20);
	(void)!models_catalogue_parse(text, a, &l, &at);
	(void)!models_message_parse(text, a, &l);
	if (models_index_parse(text, a, &l, &at) == ERR_OK) {
		models_index_write(&l, &first);
		if (models_index_parse(buf_span(&first), a, &again, &at) == ERR_OK) {
			models_index_write(&again, &second);
			if (!span_equal(buf_span(&first), buf_span(&second)))
				abort();
		} else if (first.len <= MODELS_TEXT_BYTES) {
			abort();
		}
	}
	buf_free(&first);
	buf_free(&second);
	arena_free(a);
	return 0;
}
