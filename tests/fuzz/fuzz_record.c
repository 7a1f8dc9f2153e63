/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger records: what can be read is written back in canonical form, and that is read the
 * same. Its receipt is JSON in every format.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/json.h"
#include "consent/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void receipts(const struct record *r)
{
	const struct json_limits limits = { 64, 1000000, 64 << 20, false, false };
	struct json_where where;
	struct buf out;

	buf_init(&out, 1u << 22);
	for (int format = RECEIPT_OWN; format <= RECEIPT_KANTARA; format++) {
		buf_clear(&out);
		receipt_write(r, r, "00", (enum receipt_format)format, &out);
		if (!out.failed && json_check(buf_span(&out), &limits, &where) != ERR_OK)
			abort();
	}
	buf_clear(&out);
	receipt_write_line(r, &out);
	if (!out.failed && json_check(buf_span(&out), &limits, &where) != ERR_OK)
		abort();
	buf_free(&out);
}

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
		receipts(&r);
		if (!span_equal(buf_span(&once), buf_span(&twice)))
			abort();
	}
	buf_free(&once);
	buf_free(&twice);
	arena_free(a);
	return 0;
}
