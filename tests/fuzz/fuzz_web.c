/* SPDX-License-Identifier: Apache-2.0 */
/* What the loopback page reads from outside: forms, cookies, the kernel's table, texts. */
#include <stdlib.h>
#include <string.h>

#include "cli/web_guard.h"
#include "cli/web_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { (const char *)data, size }, cookie;
	struct web_refusal no;
	struct web_origin o = { .method = SPAN_LITERAL("POST"),
				.host = in,
				.origin = in,
				.site = in,
				.content_type = in };
	char value[32];
	struct buf b;

	if (web_form_value(in, "a", value, sizeof value) && strlen(value) >= sizeof value)
		abort();
	if (web_cookie(in, "a", &cookie) && cookie.len > size)
		abort();
	if (web_guard_allows(&o, 80, &no))
		abort(); /* nothing is a host and an origin at once */
	(void)web_owner_in(in, false, 1, 2, 3);
	(void)web_owner_in(in, true, 1, 2, 3);
	buf_init(&b, 1 << 24);
	web_text(&b, in);
	for (size_t i = 0; i < b.len; i++)
		if (b.ptr[i] == '<' || b.ptr[i] == '>' || b.ptr[i] == '"')
			abort();
	buf_free(&b);
	return 0;
}
