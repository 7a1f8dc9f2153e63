/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that can be asked for, in the shapes of three dialects. Those of destinations are
 * listed as the policy names them; nothing is asked of a provider, which would be traffic.
 *
 * What Ollama's clients may do to the models of a server (pull, push, create …) is not theirs
 * to do here: 403, and the command that a person can use.
 */
#include "dialect/lists.h"
#include "router/impl.h"

#define ID_BYTES    256
#define REPLY_BYTES ((size_t)1 << 20)

struct listing {
	struct model_card *cards;
	char (*ids)[ID_BYTES];
	size_t n, cap;
};

static struct model_card *add(struct listing *l, const char *owner, const char *first,
			      const char *between, const char *second)
{
	if (l->n == l->cap)
		return NULL;
	snprintf(l->ids[l->n], ID_BYTES, "%s%s%s", first, between, second);
	l->cards[l->n] = (struct model_card){
		.id = l->ids[l->n], .owner = owner, .created_s = 1, .tools = true
	};
	return &l->cards[l->n++];
}

/* The model in use does. */
static bool reads_pictures(const struct router *r)
{
	const struct model *m = models_chosen(&r->models);

	return m != NULL && m->vision;
}

static void add_device(const struct router *r, struct listing *l)
{
	struct model_card *c = add(l, "device", "local", "", "");

	if (c != NULL) {
		c->context_tokens = r->engine_context_tokens;
		c->loaded = r->engine_context_tokens > 0;
		c->vision = reads_pictures(r);
	}
	for (uint32_t i = 0; i < r->models.n; i++) {
		const struct model *m = &r->models.models[i];

		c = add(l, "device", "local", "/", m->name);
		if (c == NULL)
			return;
		c->size_bytes = m->bytes;
		c->digest = m->sha256;
		c->family = m->family;
		c->parameters = m->parameters;
		c->quantization = m->quantisation;
		c->context_tokens = m->context_tokens;
		c->vision = m->vision;
	}
}

static void add_destination(const struct policy_destination *d, struct listing *l)
{
	const char *owner = d->operator_name != NULL ? d->operator_name : d->name;

	add(l, owner, d->name, "", "");
	for (size_t k = 0; k < d->n_models; k++)
		add(l, owner, d->name, "/", d->models[k]);
}

static bool list_all(const struct router *r, struct listing *ret)
{
	size_t destinations = policy_destinations(r->set);
	struct listing l = { .cap = 3 + r->models.n };

	for (size_t i = 1; i < destinations; i++)
		l.cap += 1 + policy_destination(r->set, i)->n_models;
	l.cards = calloc(l.cap, sizeof *l.cards);
	l.ids = calloc(l.cap, sizeof *l.ids);
	*ret = l;
	if (l.cards == NULL || l.ids == NULL)
		return false;
	add(ret, "hither", "auto", "", "");
	add_device(r, ret);
	if (destinations > 1)
		add(ret, "hither", "cloud", "", "");
	for (size_t i = 1; i < destinations; i++)
		add_destination(policy_destination(r->set, i), ret);
	return true;
}

static void listing_free(struct listing *l)
{
	free(l->cards);
	free(l->ids);
}

static const struct model_card *find(const struct listing *l, struct span id)
{
	for (size_t i = 0; i < l->n; i++)
		if (span_is(id, l->cards[i].id))
			return &l->cards[i];
	return NULL;
}

/* An error in the shape of the path's dialect. */
static void refuse(struct http_exchange *x, const struct client_dialect *d, int status,
		   const char *code, const char *message)
{
	struct chat_problem p;

	problem_set(&p, status, code, "%s", message);
	reply_problem_in(x, d, &p, NULL);
}

static const struct client_dialect *asked_in(struct http_exchange *x)
{
	return client_dialect_find(SPAN_LITERAL("/v1/models"),
				   http_header(x, "anthropic-version").ptr != NULL);
}

void models_api_list(struct router *r, struct http_exchange *x)
{
	struct listing l;
	struct buf b;

	buf_init(&b, REPLY_BYTES);
	if (!list_all(r, &l))
		refuse(x, asked_in(x), 503, "overloaded", "There is no memory for the list.");
	else {
		(asked_in(x) == &dialect_anthropic_messages
			 ? anthropic_put_models
			 : openai_put_models)(l.cards, l.n, &b);
		reply_json(x, 200, buf_span(&b));
	}
	listing_free(&l);
	buf_free(&b);
}

void models_api_get(struct router *r, struct http_exchange *x, struct span id)
{
	const struct model_card *m;
	struct listing l;
	struct buf b;

	buf_init(&b, REPLY_BYTES);
	m = list_all(r, &l) ? find(&l, id) : NULL;
	if (m == NULL) {
		refuse(x, asked_in(x), 404, "model_not_found",
		       "There is no such model; GET /v1/models lists them.");
	} else {
		(asked_in(x) == &dialect_anthropic_messages ? anthropic_put_model
							    : openai_put_model)(m, &b);
		reply_json(x, 200, buf_span(&b));
	}
	listing_free(&l);
	buf_free(&b);
}

/* ---------------------------------------------------------------- Ollama's lists */

void models_api_ollama(struct router *r, struct http_exchange *x, enum ollama_list what)
{
	struct listing l;
	struct buf b;

	buf_init(&b, REPLY_BYTES);
	if (what == OLLAMA_VERSION) {
		ollama_put_version(HITHER_VERSION, &b);
		reply_json(x, 200, buf_span(&b));
	} else if (!list_all(r, &l)) {
		listing_free(&l);
		refuse(x, &dialect_ollama_chat, 503, "overloaded",
		       "There is no memory for the list.");
	} else {
		(what == OLLAMA_PS ? ollama_put_ps : ollama_put_tags)(l.cards, l.n, &b);
		reply_json(x, 200, buf_span(&b));
		listing_free(&l);
	}
	buf_free(&b);
}

void models_api_show(struct router *r, struct http_exchange *x, struct span body)
{
	struct arena *a = arena_new("show", (size_t)1 << 20);
	struct listing l = { .n = 0 };
	struct chat_problem p;
	struct span name;
	struct buf b;

	buf_init(&b, REPLY_BYTES);
	if (a == NULL) {
		refuse(x, &dialect_ollama_chat, 503, "overloaded", "There is no memory.");
	} else if (ollama_read_show(body, a, &name, &p) != ERR_OK) {
		refuse(x, &dialect_ollama_chat, p.status, p.code, p.message);
	} else {
		const struct model_card *m = list_all(r, &l) ? find(&l, name) : NULL;

		if (m == NULL) {
			refuse(x, &dialect_ollama_chat, 404, "model_not_found",
			       "There is no such model; GET /api/tags lists them.");
		} else {
			ollama_put_show(m, &b);
			reply_json(x, 200, buf_span(&b));
		}
	}
	listing_free(&l);
	arena_free(a);
	buf_free(&b);
}

void models_api_refuse(struct http_exchange *x)
{
	refuse(x, &dialect_ollama_chat, 403, "refused",
	       "Models are changed with `hither model`, not through this socket.");
}
