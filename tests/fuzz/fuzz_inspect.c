/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies as consent looks into them, in the dialect of any destination (the first byte): what
 * can be read at all is read whole, so that a key which stands in it as a text is found.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "consent/inspect.h"

#define KEY "\n AKIAZ5GXK3QTV7W2RNBD \n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inspector *inspector_of_no_policy(void)
{
	static struct policy_file *f;
	static struct policy_set *set;
	struct policy_error e;

	if (policy_file_parse(SPAN_LITERAL("{\"hither_policy\":1,\"id\":\"x\"}"), POLICY_USER,
			      "fuzz", NULL, 0, &f, &e) != ERR_OK ||
	    policy_set_build(&f, 1, NULL, 0, &set, &e) != ERR_OK)
		abort();
	struct inspector *i = inspector_new(set);

	if (i == NULL)
		abort();
	return i;
}

static bool has_key(const struct inspected *in)
{
	for (unsigned i = 0; i < in->n_found; i++)
		if (strncmp(in->found[i].name, "secret.", 7) == 0 && in->found[i].in_body > 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct inspector *i;
	static struct inspected in;
	struct span text = { (const char *)data + 1, size - 1 };
	struct buf body, shown;

	if (size < 1)
		return 0;
	if (i == NULL)
		i = inspector_of_no_policy();
	struct arena *a = arena_new("fuzz", 64u << 20);
	enum policy_api api = (enum policy_api)(data[0] % (POLICY_API_OPENROUTER + 1));
	if (inspect_body(i, api, text, (struct span){ "", 0 }, "", a, &in) == ERR_OK) {
		buf_init(&shown, 1 << 20);
		inspect_write(&in, &shown);
		buf_free(&shown);
	}
	/* As the value of a member that we never write. */
	buf_init(&body, 1 << 24);
	buf_add_str(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"odd\":[");
	struct buf with_key;
	buf_init(&with_key, 1 << 24);
	buf_add(&with_key, text);
	buf_add_str(&with_key, KEY);
	json_put_string(&body, buf_span(&with_key));
	buf_add_str(&body, "]}]}");
	arena_free(a);
	a = arena_new("fuzz", 64u << 20);
	if (inspect_body(i, api, buf_span(&body), (struct span){ "", 0 }, "", a, &in) ==
		    ERR_OK &&
	    in.complete && !has_key(&in))
		abort();
	buf_free(&with_key);
	buf_free(&body);
	arena_free(a);
	return 0;
}
