/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine that somebody else runs says of itself: lines, one for each question. A model
 * whose entry says that it runs elsewhere is never taken for one on this device. The table of
 * the kernel's sockets and routes is read along.
 */
#include <stdlib.h>
#include <string.h>

#include "consent/peer_tcp.h"
#include "dialect/engines.h"
#include "local/device_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool none(void *ctx, struct span name)
{
	(void)ctx;
	return name.len == 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct engine_facts f;
	struct engine_answer answers[ENGINE_ASK_COUNT] = { 0 };
	struct span all = { (const char *)data, size }, rest = all;
	struct device_supply supply;
	bool v6;
	uint16_t port;

	for (unsigned i = 0; i < ENGINE_ASK_COUNT && rest.len > 0; i++) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t n = end != NULL ? (size_t)(end - rest.ptr) : rest.len;

		answers[i] = (struct engine_answer){ n > 0 ? 200 : 0, { rest.ptr, n } };
		n += end != NULL;
		rest = (struct span){ rest.ptr + n, rest.len - n };
	}
	engine_read(answers, &f);
	if (f.n_models > ENGINE_MODELS_MAX || f.kind >= ENGINE_KIND_COUNT)
		abort();
	for (uint32_t i = 0; i < f.n_models; i++)
		if (f.models[i].elsewhere &&
		    engine_locality(&f, &f.models[i]) != ENGINE_ELSEWHERE)
			abort();
	(void)engine_choose(&f, "llama");
	(void)engine_tool_leaves(f.kind, all);
	char *text = strndup((const char *)data, size);
	if (text == NULL)
		abort();
	if (engine_address(text, &v6, &port) == ERR_OK && port == 0)
		abort();
	free(text);
	(void)peer_tcp_inode(all, false, 0x50, 0x51, 1000);
	(void)peer_tcp_inode(all, true, 0x50, 0x51, 1000);
	(void)device_route4(all, none, NULL);
	(void)device_route6(all, none, NULL);
	device_supply_read(SPAN_LITERAL("Battery"), all, &supply);
	return 0;
}
