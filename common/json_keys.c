/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicate keys. Keys of all open objects lie on one stack; the caller remembers where each
 * object's own begin. The first PAIRWISE_KEYS keys of an object are compared as they come; an
 * object with more is sorted when it closes, so 100,000 keys cost n log n and never n
 * squared, whatever their bytes. Keys are compared unescaped and with ASCII letters folded.
 *
 * Invariant: a key's bytes stay where they are until json_keys_free(). They are the text
 * itself, or, for a key with escapes, a scratch area allocated once at full size.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/json_impl.h"

#define PAIRWISE_KEYS 16
#define EACH_BYTE     UINT64_C(0x0101010101010101)
#define HIGH_BITS     UINT64_C(0x8080808080808080)

void json_keys_init(struct json_keys *k, size_t text_bytes)
{
	k->all = k->inlined;
	k->len = 0;
	k->cap = LEN(k->inlined);
	k->scratch = NULL;
	k->scratch_len = 0;
	k->scratch_cap = text_bytes;
}

void json_keys_free(struct json_keys *k)
{
	if (k->all != k->inlined)
		free(k->all);
	free(k->scratch);
}

/* Lower-cases the ASCII letters among eight bytes, all of which must be below 0x80 or stay. */
static uint64_t fold_word(uint64_t w)
{
	uint64_t low = w & ~HIGH_BITS;
	uint64_t from_a = low + EACH_BYTE * (0x80 - 'A');
	uint64_t past_z = low + EACH_BYTE * (0x80 - 'Z' - 1);
	uint64_t upper = from_a & ~past_z & ~w & HIGH_BITS;

	return w | upper >> 2; /* 0x80 >> 2 is the 0x20 between cases */
}

/* Fewer than eight bytes, the first the lowest, zeros behind them. What both loads have of the
 * same bytes falls on the same bits. */
static uint64_t short_head(const char *p, size_t len)
{
	uint32_t low = 0, high = 0;
	uint16_t low16 = 0, high16 = 0;

	if (len >= sizeof low) {
		memcpy(&low, p, sizeof low);
		memcpy(&high, p + len - sizeof high, sizeof high);
		return le32toh(low) | (uint64_t)le32toh(high) << (8 * (len - sizeof high));
	}
	if (len >= sizeof low16) {
		memcpy(&low16, p, sizeof low16);
		memcpy(&high16, p + len - sizeof high16, sizeof high16);
		return le16toh(low16) | (uint64_t)le16toh(high16)
						<< (8 * (len - sizeof high16));
	}
	return len == 1 ? (unsigned char)p[0] : 0;
}

static uint64_t head_of(const char *p, size_t len)
{
	uint64_t w;

	if (len < sizeof w)
		return fold_word(short_head(p, len));
	memcpy(&w, p, sizeof w);
	return fold_word(le64toh(w));
}

static int compare_folded(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t x = head_of(a + i, len - i), y = head_of(b + i, len - i);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static bool same_key(const struct json_key *a, const struct json_key *b)
{
	return a->head == b->head && a->len == b->len &&
	       compare_folded(a->ptr, b->ptr, a->len) == 0;
}

static bool grow(struct json_keys *k)
{
	if (k->len < k->cap)
		return true;
	if (fault_here())
		return false;
	size_t cap = k->cap * 2;
	bool moving = k->all == k->inlined;
	struct json_key *all = realloc(moving ? NULL : k->all, cap * sizeof *all);

	if (all == NULL)
		return false;
	if (moving)
		memcpy(all, k->inlined, sizeof k->inlined);
	k->all = all;
	k->cap = cap;
	return true;
}

/* The bytes of a key with escapes; NULL when memory is out. */
static const char *unescape(struct json_keys *k, struct span raw)
{
	if (k->scratch == NULL) {
		k->scratch = fault_here() ? NULL : malloc(k->scratch_cap);
		if (k->scratch == NULL)
			return NULL;
	}
	char *key = k->scratch + k->scratch_len;
	const char *p = raw.ptr, *end = raw.ptr + raw.len;

	while (p < end) {
		char out[4];
		size_t n = json_unescape(&p, end, out);

		memcpy(k->scratch + k->scratch_len, out, n);
		k->scratch_len += n;
	}
	return key;
}

enum err json_keys_add(struct json_keys *k, size_t first, struct span raw, size_t saved,
		       const struct json_key **ret_twin)
{
	const char *bytes = saved == 0 ? raw.ptr : unescape(k, raw);

	if (bytes == NULL || !grow(k))
		return ERR_NO_MEMORY;
	struct json_key *key = &k->all[k->len++];
	key->at = raw.ptr - 1;
	key->ptr = bytes;
	key->len = (uint32_t)(raw.len - saved);
	key->head = head_of(bytes, key->len);

	if (k->len - first > PAIRWISE_KEYS)
		return ERR_OK;
	for (struct json_key *i = k->all + first; i < key; i++) {
		if (same_key(i, key)) {
			*ret_twin = i;
			return ERR_EXISTS;
		}
	}
	return ERR_OK;
}

static int compare_keys(const void *left, const void *right)
{
	const struct json_key *a = left, *b = right;

	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	int order = compare_folded(a->ptr, b->ptr, a->len);
	if (order != 0)
		return order;
	return a->at < b->at ? -1 : a->at > b->at;
}

bool json_keys_close(struct json_keys *k, size_t first, const struct json_key **ret_first,
		     const struct json_key **ret_second)
{
	size_t n = k->len - first;
	struct json_key *keys = k->all + first;

	k->len = first;
	if (n <= PAIRWISE_KEYS)
		return true;
	qsort(keys, n, sizeof *keys, compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (same_key(&keys[i - 1], &keys[i])) {
			*ret_first = &keys[i - 1];
			*ret_second = &keys[i];
			return false;
		}
	}
	return true;
}
