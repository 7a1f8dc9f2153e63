/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program sends the whole conversation with each request. So the messages of an earlier
 * request are the start of a later one, up to the answer that it got: the digest of a request
 * is looked up again as the digest of what stands before an assistant's message.
 *
 *   earlier:  user                          digest of 1 message, kept when it is answered
 *   later:    user | assistant user         the same digest before the assistant's message
 *
 * Instructions (system messages) are left out: many programs put the time of day there. Of long
 * texts both ends and the length are digested, so that a request of many megabytes costs
 * little.
 *
 * The table has BUCKETS of WAYS entries; a full bucket loses its oldest. Who floods it makes
 * others lose a preference, never a right: what may leave is decided elsewhere.
 *
 * Several routers have one table together, without a lock: what is read is copied and counts
 * only when its seal fits, so an entry that two wrote at once is none.
 */
#include "router/turns.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "crypto/crypto.h"

#define BUCKETS   256
#define WAYS      4
#define EXPIRE_MS (UINT64_C(60) * 60 * 1000)
#define END_BYTES 2048 /* of a long text, at each end */

struct fact {
	struct siphash digest;
	uint64_t at_ms; /* 0: free */
	char place[TURNS_DESTINATION_BYTES];
};

struct entry {
	struct fact fact;
	struct siphash seal; /* of `fact`, when others write here too */
};

struct table {
	struct entry entry[BUCKETS][WAYS];
};

_Static_assert(sizeof(struct table) <= BOARD_ROOM_BYTES, "the board is too small");

struct turns {
	struct siphash_key key;
	bool shared;
	struct table *table;
};

struct turns *turns_new(struct board *shared)
{
	struct turns *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->shared = shared != NULL;
	/* pages that nobody uses stay untouched */
	t->table = t->shared ? board_room(shared) : calloc(1, sizeof *t->table);
	if (t->table == NULL) {
		free(t);
		return NULL;
	}
	if (t->shared)
		t->key = *board_turns_key(shared);
	else
		crypto_random(t->key.bytes, sizeof t->key.bytes);
	return t;
}

void turns_free(struct turns *t)
{
	if (t != NULL && !t->shared)
		free(t->table);
	free(t);
}

/* ---------------------------------------------------------------- digests */

/* The digest so far and one more piece, with what sort of piece it is. */
static struct siphash add(const struct turns *t, struct siphash so_far, uint64_t sort,
			  struct span bytes)
{
	bool whole = bytes.len <= 2 * END_BYTES;
	struct span head = { bytes.ptr, whole ? bytes.len : END_BYTES };
	struct span tail = { bytes.ptr + bytes.len - (whole ? 0 : END_BYTES),
			     whole ? 0 : END_BYTES };
	struct siphash parts[2] = { siphash(&t->key, head), siphash(&t->key, tail) };
	uint64_t link[8] = { so_far.half[0],   so_far.half[1],   sort,
			     bytes.len,        parts[0].half[0], parts[0].half[1],
			     parts[1].half[0], parts[1].half[1] };

	return siphash(&t->key, (struct span){ (const char *)link, sizeof link });
}

static struct siphash add_message(const struct turns *t, struct siphash so_far,
				  const struct chat_message *m)
{
	so_far = add(t, so_far, m->role, m->tool_call_id);
	for (uint32_t i = 0; i < m->n_parts; i++)
		so_far = add(t, so_far, m->parts[i].kind, m->parts[i].text);
	for (uint32_t i = 0; i < m->n_calls; i++) {
		so_far = add(t, so_far, i, m->calls[i].name);
		so_far = add(t, so_far, i, m->calls[i].arguments);
	}
	return so_far;
}

/* ---------------------------------------------------------------- the table */

static struct siphash seal_of(const struct turns *t, const struct fact *f)
{
	return siphash(&t->key, (struct span){ (const char *)f, sizeof *f });
}

/* Another router's clock was read a moment earlier or later than ours. */
static bool fresh(const struct fact *f, uint64_t now_ms)
{
	return f->at_ms != 0 && (now_ms <= f->at_ms || now_ms - f->at_ms < EXPIRE_MS);
}

static bool find(const struct turns *t, struct siphash digest, uint64_t now_ms,
		 struct fact *ret)
{
	const struct entry *bucket = t->table->entry[digest.half[0] % BUCKETS];

	for (int i = 0; i < WAYS; i++) {
		struct entry e = bucket[i]; /* it may change meanwhile */

		if (!fresh(&e.fact, now_ms) || !siphash_equal(e.fact.digest, digest))
			continue;
		/* whoever has the key can seal anything, also a name without an end */
		if (t->shared && (!siphash_equal(e.seal, seal_of(t, &e.fact)) ||
				  memchr(e.fact.place, '\0', sizeof e.fact.place) == NULL))
			continue;
		*ret = e.fact;
		return true;
	}
	return false;
}

void turns_keep(struct turns *t, const struct turn *turn, const char *place, uint64_t now_ms)
{
	if (t == NULL || !turn->hashed)
		return;
	struct entry *bucket = t->table->entry[turn->digest.half[0] % BUCKETS];
	struct entry *to = &bucket[0];
	struct entry fresh_one = { .fact = { turn->digest, now_ms > 0 ? now_ms : 1, "" } };

	for (int i = 0; i < WAYS; i++) {
		struct entry *e = &bucket[i];

		if (siphash_equal(e->fact.digest, turn->digest)) {
			to = e;
			break;
		}
		if (e->fact.at_ms < to->fact.at_ms)
			to = e;
	}
	text_append(fresh_one.fact.place, sizeof fresh_one.fact.place, 0, place);
	if (t->shared)
		fresh_one.seal = seal_of(t, &fresh_one.fact);
	*to = fresh_one;
}

/* ---------------------------------------------------------------- what came before */

/* Some dialects give an answer's text and its calls as messages of their own. */
static bool answer_begins(const struct chat *c, uint32_t i)
{
	return c->messages[i].role == CHAT_ASSISTANT &&
	       (i == 0 || c->messages[i - 1].role != CHAT_ASSISTANT);
}

/* Whether the last answer called tools and results stand behind it. */
static void look_at_the_end(const struct chat *c, struct turn *ret)
{
	bool results = false;

	for (uint32_t i = c->n_messages; i > 0; i--) {
		const struct chat_message *m = &c->messages[i - 1];

		results |= m->role == CHAT_TOOL;
		if (m->role == CHAT_USER)
			ret->spoke = true;
		if (m->role == CHAT_ASSISTANT && m->n_calls > 0)
			ret->goes_on = results;
		if (answer_begins(c, i - 1))
			break;
	}
}

void turns_find(const struct turns *t, struct span caller, const struct chat *c,
		uint64_t now_ms, struct arena *a, struct turn *ret)
{
	struct siphash *before = NULL; /* the digest in front of each message */
	struct siphash d;

	*ret = (struct turn){ .place = "" };
	if (t != NULL)
		before = arena_array(a, c->n_messages, sizeof *before);
	if (before == NULL)
		return;
	d = siphash(&t->key, caller);
	for (uint32_t i = 0; i < c->n_messages; i++) {
		before[i] = d;
		if (c->messages[i].role != CHAT_SYSTEM)
			d = add_message(t, d, &c->messages[i]);
	}
	ret->digest = d;
	ret->hashed = true;
	look_at_the_end(c, ret);
	for (uint32_t i = c->n_messages; i > 0; i--) {
		struct fact f;

		if (!answer_begins(c, i - 1))
			continue;
		if (find(t, before[i - 1], now_ms, &f)) {
			memcpy(ret->place, f.place, sizeof ret->place);
			break;
		}
		ret->goes_on = false; /* those calls were somebody else's, or are forgotten */
	}
	ret->goes_on = ret->goes_on && ret->place[0] != '\0';
}
