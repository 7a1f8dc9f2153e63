/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger records: what can be read is written back in canonical form, and that is read the
 * same. */
#include <stdint.h>
#include <stdlib.h>

#include "consent/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new("fuzz", 1u << 22);
	struct record r, again;
	struct buf once, twice;

	if (a == NULL ||
	    record_read((struct span){ (const char *)data, size }, a, &r) != ERR_OK) {
		arena_free(a);
		return 0;
	}
	buf_init(&once, 1u << 20);
	buf_init(&twice, 1u << 20);
	record_write(&r, &once);
	if (!once.failed) {
		if (record_read(buf_span(&once), a, &again) != ERR_OK)
			abort();
		record_write(&again, &twice);
		if (!span_equal(buf_span(&once), buf_span(&twice)))
			abort();
	}
	buf_free(&once);
	buf_free(&twice);
	arena_free(a);
	return 0;
}
