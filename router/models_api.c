/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/models: the names that can be asked for. Those of destinations are listed as the
 * policy names them; nothing is asked of a provider, which would be traffic.
 */
#include "common/json.h"
#include "router/impl.h"

static void put_model(struct buf *b, const char *owner, const char *format, const char *first,
		      const char *second)
{
	char id[256];

	snprintf(id, sizeof id, format, first, second);
	buf_add_char(b, '{');
	json_put_key_cstr(b, "id", id);
	json_put_key_cstr(b, "object", "model");
	json_put_key_i64(b, "created", 1);
	json_put_key_cstr(b, "owned_by", owner);
	buf_add_char(b, '}');
}

/* Calls put_model for each name; with `only` only for that one. Returns how many. */
static unsigned each(const struct router *r, struct span only, struct buf *b)
{
	unsigned n = 0;

#define GIVE(owner, format, first, second)                                                     \
	do {                                                                                   \
		char id_[256];                                                                 \
		snprintf(id_, sizeof id_, format, first, second);                              \
		if (only.ptr == NULL || span_is(only, id_)) {                                  \
			if (n++ > 0)                                                           \
				buf_add_char(b, ',');                                          \
			put_model(b, owner, format, first, second);                            \
		}                                                                              \
	} while (0)
	GIVE("hither", "%s%s", "auto", "");
	GIVE("device", "%s%s", "local", "");
	for (uint32_t i = 0; i < r->models.n; i++)
		GIVE("device", "%s%s", "local/", r->models.models[i].name);
	if (policy_destinations(r->set) > 1)
		GIVE("hither", "%s%s", "cloud", "");
	for (size_t i = 1; i < policy_destinations(r->set); i++) {
		const struct policy_destination *d = policy_destination(r->set, i);
		const char *owner = d->operator_name != NULL ? d->operator_name : d->name;

		GIVE(owner, "%s%s", d->name, "");
		for (size_t k = 0; k < d->n_models; k++)
			GIVE(owner, "%s/%s", d->name, d->models[k]);
	}
#undef GIVE
	return n;
}

void models_api_list(struct router *r, struct http_exchange *x)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	buf_add_str(&b, "{\"object\":\"list\",\"data\":[");
	each(r, (struct span){ NULL, 0 }, &b);
	buf_add_str(&b, "]}");
	reply_json(x, 200, buf_span(&b));
	buf_free(&b);
}

void models_api_get(struct router *r, struct http_exchange *x, struct span id)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	if (each(r, id, &b) == 0)
		reply_problem(x, 404, "model_not_found",
			      "There is no such model; GET /v1/models lists them.");
	else
		reply_json(x, 200, buf_span(&b));
	buf_free(&b);
}
