/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything accepted, as bytes:
 *
 *   "hitherP1"  generation u64  state u8  reason
 *   n u32, then n times:  layer u8  name  path  signer  signature  text
 *   m u32, then m times:  path  content
 *
 * Integers are little endian; what has no size here is a u32 of bytes and that many bytes.
 * Each role parses the files again by itself: the bundle carries what was written, not what
 * somebody made of it.
 */
#include <stdio.h>

#include "policy/policy_impl.h"

static const char magic[8] = { 'h', 'i', 't', 'h', 'e', 'r', 'P', '1' };
#define MAX_ATTACHMENTS 64u

/* ---------------------------------------------------------------- writing */

static void put_int(struct buf *out, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_add_char(out, (char)(n >> (8 * i)));
}

static void put_bytes(struct buf *out, struct span s)
{
	put_int(out, s.len, 4);
	buf_add(out, s);
}

void policy_bundle_write(const struct policy_bundle *b, struct buf *out)
{
	buf_add(out, (struct span){ magic, sizeof magic });
	put_int(out, b->generation, 8);
	put_int(out, b->state, 1);
	put_bytes(out, span_of(b->reason));
	put_int(out, b->n_files, 4);
	for (size_t i = 0; i < b->n_files; i++) {
		struct policy_file_info f = policy_file_info(b->files[i]);

		put_int(out, f.layer, 1);
		put_bytes(out, span_of(f.name));
		put_bytes(out, span_of(f.path));
		put_bytes(out, span_of(f.signer));
		put_bytes(out, f.signature);
		put_bytes(out, f.text);
	}
	put_int(out, b->n_attachments, 4);
	for (size_t i = 0; i < b->n_attachments; i++) {
		put_bytes(out, span_of(b->attachments[i].path));
		put_bytes(out, b->attachments[i].content);
	}
}

/* ---------------------------------------------------------------- reading */

struct cursor {
	struct span left;
	bool broken; /* sticky */
};

static struct span take(struct cursor *c, size_t n)
{
	struct span s = { c->left.ptr, n };

	if (c->broken || n > c->left.len) {
		c->broken = true;
		return SPAN_LITERAL("");
	}
	c->left.ptr += n;
	c->left.len -= n;
	return s;
}

static uint64_t take_int(struct cursor *c, size_t bytes)
{
	struct span s = take(c, bytes);
	uint64_t n = 0;

	for (size_t i = s.len; i-- > 0;)
		n = n << 8 | (unsigned char)s.ptr[i];
	return n;
}

static struct span take_bytes(struct cursor *c)
{
	return take(c, take_int(c, 4));
}

struct unpacked {
	struct policy_file *files[POLICY_SET_MAX_FILES];
	size_t n_files;
	uint64_t generation;
	unsigned state;
	const char *reason;
};

static enum err corrupt(struct policy_error *reterr)
{
	*reterr = (struct policy_error){ .line = 0 };
	snprintf(reterr->problem, sizeof reterr->problem, "the policy bundle is damaged");
	return ERR_CORRUPT;
}

static enum err take_file(struct cursor *c, struct arena *a, struct unpacked *u,
			  struct policy_error *reterr)
{
	unsigned layer = (unsigned)take_int(c, 1);
	const char *name = arena_strdup(a, take_bytes(c));
	const char *path = arena_strdup(a, take_bytes(c));
	const char *signer = arena_strdup(a, take_bytes(c));
	struct span signature = take_bytes(c);
	struct span text = take_bytes(c);
	struct policy_file *f;
	enum err e;

	if (c->broken || layer >= POLICY_LAYERS)
		return corrupt(reterr);
	if (name == NULL || path == NULL || signer == NULL)
		return ERR_NO_MEMORY;
	e = policy_file_parse(text, (enum policy_layer)layer, name, path, 0, &f, reterr);
	if (e != ERR_OK)
		return e;
	u->files[u->n_files++] = f;
	return signature.len > 0 ? policy_file_set_signer(f, signer, signature) : ERR_OK;
}

static enum err unpack(struct cursor *c, struct arena *a, struct unpacked *u,
		       struct policy_error *reterr)
{
	struct span m = take(c, sizeof magic);

	if (c->broken || memcmp(m.ptr, magic, sizeof magic) != 0)
		return corrupt(reterr);
	u->generation = take_int(c, 8);
	u->state = (unsigned)take_int(c, 1);
	u->reason = arena_strdup(a, take_bytes(c));
	size_t n = take_int(c, 4);
	if (c->broken || u->state > POLICY_LOCKDOWN || n > POLICY_SET_MAX_FILES)
		return corrupt(reterr);
	if (u->reason == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		enum err e = take_file(c, a, u, reterr);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* What a category's dictionary file holds, for every category that names it. */
static enum err attach(struct cursor *c, struct policy_set *s, struct policy_error *reterr)
{
	size_t n = take_int(c, 4);

	if (c->broken || n > MAX_ATTACHMENTS)
		return corrupt(reterr);
	for (size_t i = 0; i < n; i++) {
		struct span path = take_bytes(c), content = take_bytes(c);

		if (c->broken)
			return corrupt(reterr);
		struct span copy = arena_span(s->arena, content);
		if (copy.ptr == NULL)
			return ERR_NO_MEMORY;
		for (size_t k = 0; k < s->n_categories; k++) {
			if (s->categories[k].dictionary != NULL &&
			    span_is(path, s->categories[k].dictionary))
				s->categories[k].words = copy;
		}
	}
	return c->left.len == 0 ? ERR_OK : corrupt(reterr);
}

static enum err set_from(struct cursor *c, const struct unpacked *u, struct policy_set **ret,
			 struct policy_error *reterr)
{
	const char *lockdown = u->state == POLICY_LOCKDOWN ? u->reason : NULL;
	struct policy_set *s;
	enum err e = policy_set_build(u->files, u->n_files, lockdown, 0, &s, reterr);

	if (e != ERR_OK)
		return e;
	s->generation = u->generation;
	s->state = (enum policy_state)u->state;
	s->reason = arena_strdup(s->arena, span_of(u->reason));
	e = s->reason != NULL ? attach(c, s, reterr) : ERR_NO_MEMORY;
	if (e == ERR_OK)
		*ret = s;
	else
		policy_set_free(s);
	return e;
}

enum err policy_bundle_read(struct span bytes, struct policy_set **ret,
			    struct policy_error *reterr)
{
	struct cursor c = { bytes, false };
	struct unpacked u = { .n_files = 0 };
	struct arena *a = arena_new("policy.bundle", POLICY_BUNDLE_MAX_BYTES);
	enum err e = ERR_NO_MEMORY;

	*reterr = (struct policy_error){ .line = 0 };
	if (a != NULL)
		e = unpack(&c, a, &u, reterr);
	if (e == ERR_OK)
		e = set_from(&c, &u, ret, reterr);
	for (size_t i = 0; i < u.n_files; i++)
		policy_file_free(u.files[i]);
	arena_free(a);
	return e;
}
