/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoders and decoders, expanded from messages.def.
 *
 * A writer and a reader with a sticky error carry the whole work; each message is only a list
 * of calls to them. What an encoder accepts its decoder accepts: both check the same limits,
 * so a role cannot get itself declared broken by a long file name.
 */
#include "ipc/msg.h"

#include <string.h>

#include "common/text.h"

struct writer {
	uint8_t *out;
	size_t cap, len;
	bool failed;
};

struct reader {
	const uint8_t *at;
	size_t left;
	enum err e; /* the first thing that went wrong */
};

static void put_number(struct writer *w, uint64_t n, unsigned width, uint64_t limit)
{
	if (w->failed || (limit != 0 && n > limit) || w->cap - w->len < width) {
		w->failed = true;
		return;
	}
	for (unsigned i = 0; i < width; i++)
		w->out[w->len++] = (uint8_t)(n >> (8 * i));
}

static void put_bytes(struct writer *w, const void *bytes, size_t n)
{
	if (w->failed || w->cap - w->len < n) {
		w->failed = true;
		return;
	}
	memcpy(w->out + w->len, bytes, n);
	w->len += n;
}

static void put_str(struct writer *w, const char *text, size_t limit)
{
	size_t n = strnlen(text, limit + 1);

	if (n > limit || !text_is_utf8((struct span){ text, n })) {
		w->failed = true;
		return;
	}
	put_number(w, n, 2, 0);
	put_bytes(w, text, n);
}

static uint64_t get_number(struct reader *r, unsigned width, uint64_t limit)
{
	uint64_t n = 0;

	if (r->e != ERR_OK)
		return 0;
	if (r->left < width) {
		r->e = ERR_TRUNCATED;
		return 0;
	}
	for (unsigned i = 0; i < width; i++)
		n |= (uint64_t)r->at[i] << (8 * i);
	r->at += width;
	r->left -= width;
	if (limit != 0 && n > limit)
		r->e = ERR_TOO_BIG;
	return n;
}

static void get_bytes(struct reader *r, void *out, size_t n)
{
	if (r->e != ERR_OK)
		return;
	if (r->left < n) {
		r->e = ERR_TRUNCATED;
		return;
	}
	memcpy(out, r->at, n);
	r->at += n;
	r->left -= n;
}

static void get_str(struct reader *r, char *out, size_t limit)
{
	size_t n = (size_t)get_number(r, 2, 0);

	if (r->e == ERR_OK && n > limit)
		r->e = ERR_TOO_BIG;
	get_bytes(r, out, n);
	if (r->e != ERR_OK)
		return;
	out[n] = '\0';
	if (memchr(out, '\0', n) != NULL || !text_is_utf8((struct span){ out, n }))
		r->e = ERR_SYNTAX;
}

static struct reader reader_of(struct span frame, enum msg_type want)
{
	struct reader r = { (const uint8_t *)frame.ptr, frame.len, ERR_OK };
	uint64_t type = get_number(&r, 2, 0);

	if (r.e == ERR_OK && type != (uint64_t)want)
		r.e = ERR_SYNTAX;
	return r;
}

static enum err reader_end(const struct reader *r)
{
	if (r->e != ERR_OK)
		return r->e;
	return r->left == 0 ? ERR_OK : ERR_SYNTAX;
}

#define PUT_u8(name, limit)    put_number(&w, m->name, 1, limit);
#define PUT_u16(name, limit)   put_number(&w, m->name, 2, limit);
#define PUT_u32(name, limit)   put_number(&w, m->name, 4, limit);
#define PUT_u64(name, limit)   put_number(&w, m->name, 8, limit);
#define PUT_i64(name, limit)   put_number(&w, (uint64_t)m->name, 8, limit);
#define PUT_bytes(name, limit) put_bytes(&w, m->name, limit);
#define PUT_str(name, limit)   put_str(&w, m->name, limit);

#define MESSAGE(NAME, from, to, fds, text)                                                     \
	size_t msg_##NAME##_encode(const struct msg_##NAME *m, uint8_t *out, size_t cap)       \
	{                                                                                      \
		struct writer w = { out, cap, 0, false };                                      \
		put_number(&w, MSG_##NAME, 2, 0);
#define FIELD(kind, name, limit, text) PUT_##kind(name, limit)
#define END(NAME)                                                                              \
	(void)m;                                                                               \
	return w.failed ? 0 : w.len;                                                           \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

#define GET_u8(name, limit)    m.name = (uint8_t)get_number(&r, 1, limit);
#define GET_u16(name, limit)   m.name = (uint16_t)get_number(&r, 2, limit);
#define GET_u32(name, limit)   m.name = (uint32_t)get_number(&r, 4, limit);
#define GET_u64(name, limit)   m.name = get_number(&r, 8, limit);
#define GET_i64(name, limit)   m.name = (int64_t)get_number(&r, 8, limit);
#define GET_bytes(name, limit) get_bytes(&r, m.name, limit);
#define GET_str(name, limit)   get_str(&r, m.name, limit);

#define MESSAGE(NAME, from, to, fds, text)                                                     \
	enum err msg_##NAME##_decode(struct span frame, struct msg_##NAME *ret)                \
	{                                                                                      \
		struct msg_##NAME m = { 0 };                                                   \
		struct reader r = reader_of(frame, MSG_##NAME);
#define FIELD(kind, name, limit, text) GET_##kind(name, limit)
#define END(NAME)                                                                              \
	enum err e = reader_end(&r);                                                           \
	if (e == ERR_OK)                                                                       \
		*ret = m;                                                                      \
	return e;                                                                              \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

static const struct {
	const char *name;
	enum role from, to;
	unsigned fds;
} about[MSG_TYPES] = {
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	[MSG_##NAME] = { #NAME, ROLE_##from, ROLE_##to, fds },
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
};

enum msg_type msg_type_of(struct span frame)
{
	struct reader r = { (const uint8_t *)frame.ptr, frame.len, ERR_OK };
	uint64_t type = get_number(&r, 2, 0);

	return r.e == ERR_OK && type < MSG_TYPES ? (enum msg_type)type : MSG_NONE;
}

static bool is_type(enum msg_type t)
{
	return t > MSG_NONE && t < MSG_TYPES;
}

const char *msg_name(enum msg_type t)
{
	return is_type(t) ? about[t].name : "NONE";
}

static bool covers(enum role pattern, enum role r)
{
	return pattern == r || (pattern == ROLE_ANY && r != ROLE_BOOT && r < ROLE_COUNT);
}

bool msg_permitted(enum msg_type t, enum role from, enum role to)
{
	return is_type(t) && covers(about[t].from, role_kind(from)) &&
	       covers(about[t].to, role_kind(to));
}

unsigned msg_fds_max(enum msg_type t)
{
	return is_type(t) ? about[t].fds : 0;
}
