/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: spans of any bytes are sorted, inside the text and apart; what is masked scans
 * clean; an answer restored in two pieces is the answer restored at once. Masked JSON is JSON.
 */
#include <stdlib.h>

#include "common/arena.h"
#include "common/json.h"
#include "scan/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void restored(const struct scan_map *m, struct span text, size_t cut, struct buf *out)
{
	struct scan_restore r;

	buf_init(out, 1 << 24);
	scan_restore_begin(&r, m);
	scan_restore_feed(&r, (struct span){ text.ptr, cut }, out);
	scan_restore_feed(&r, (struct span){ text.ptr + cut, text.len - cut }, out);
	scan_restore_end(&r, out);
	must(!out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scanner *s;
	struct scan_site_error bad;
	struct span text = { (const char *)data, size };
	struct scan_set all = { { 0 } };
	struct scan_result r;
	struct buf out, once, twice;
	size_t at = 0;

	if (s == NULL)
		must(scanner_new(NULL, 0, &s, &bad) == ERR_OK);
	scan_set_add_pattern(&all, s, "*");
	struct arena *a = arena_new("fuzz", 1 << 26);
	struct scan_map *m = scan_map_new(10000);
	must(scan_text(s, text, &scan_budget_default, a, &r) == ERR_OK);
	for (size_t i = 0; i < r.count; i++) {
		must(r.spans[i].start >= at && r.spans[i].start < r.spans[i].end);
		at = r.spans[i].end;
	}
	must(at <= size);
	buf_init(&out, 1 << 24);
	if (scan_mask(s, text, &all, &scan_budget_default, m, &out) == ERR_OK) {
		must(scan_text(s, buf_span(&out), &scan_budget_default, a, &r) == ERR_OK);
		must(r.count == 0);
		restored(m, buf_span(&out), 0, &once);
		restored(m, buf_span(&out), out.len / 2, &twice);
		must(span_equal(buf_span(&once), buf_span(&twice)));
		buf_free(&once);
		buf_free(&twice);
	} else {
		must(out.len == 0);
	}
	buf_clear(&out);
	struct json_where where;
	if (json_check(text, &json_limits_api, &where) == ERR_OK &&
	    scan_mask_json(s, text, &all, &scan_budget_default, m, &out) == ERR_OK) {
		/* A key that is a placeholder already may stand twice then: refused later on.
		 */
		must(json_check(buf_span(&out), &json_limits_api, &where) == ERR_OK ||
		     memchr(text.ptr, '[', text.len) != NULL);
		must(scan_text(s, buf_span(&out), &scan_budget_default, a, &r) == ERR_OK);
		must(r.count == 0);
	}
	buf_free(&out);
	scan_map_free(m);
	arena_free(a);
	return 0;
}
