/* SPDX-License-Identifier: Apache-2.0 */
/* Every message of messages.def, expanded: round trips, each limit at its edge, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ipc/msg.h"

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void) /* xorshift64 */
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t number_up_to(uint64_t limit)
{
	return limit == 0 ? next_random() : next_random() % (limit + 1);
}

static void fill_bytes(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)next_random();
}

/* Printable ASCII and two-byte characters, any length up to the limit. */
static void fill_str(char *out, size_t limit)
{
	size_t n = next_random() % (limit + 1);
	size_t i = 0;

	while (i < n) {
		if (next_random() % 8 == 0 && i + 2 <= n) {
			memcpy(out + i, "\xc3\xa9", 2);
			i += 2;
		} else {
			out[i++] = (char)(' ' + next_random() % 95);
		}
	}
	out[n] = '\0';
}

#define FILL_u8(name, limit)    m.name = (uint8_t)number_up_to(limit);
#define FILL_u16(name, limit)   m.name = (uint16_t)number_up_to(limit);
#define FILL_u32(name, limit)   m.name = (uint32_t)number_up_to(limit);
#define FILL_u64(name, limit)   m.name = number_up_to(limit);
#define FILL_i64(name, limit)   m.name = (int64_t)next_random();
#define FILL_bytes(name, limit) fill_bytes(m.name, limit);
#define FILL_str(name, limit)   fill_str(m.name, limit);

#define SAME_u8(name)           assert_int_equal(m.name, back.name);
#define SAME_u16(name)          assert_int_equal(m.name, back.name);
#define SAME_u32(name)          assert_int_equal(m.name, back.name);
#define SAME_u64(name)          assert_true(m.name == back.name);
#define SAME_i64(name)          assert_true(m.name == back.name);
#define SAME_bytes(name)        assert_memory_equal(m.name, back.name, sizeof m.name);
#define SAME_str(name)          assert_string_equal(m.name, back.name);

/* fill_X and same_X, then round_trip_X for each message X. */
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	static struct msg_##NAME fill_##NAME(void) {                                           \
		struct msg_##NAME m = { 0 };
#define FIELD(kind, name, limit, text) FILL_##kind(name, limit)
#define END(NAME)                                                                              \
	return m;                                                                              \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

#define MESSAGE(NAME, from, to, fds, text)                                                     \
	static void same_##NAME(struct msg_##NAME m, struct msg_##NAME back)                   \
	{
#define FIELD(kind, name, limit, text) SAME_##kind(name)
#define END(NAME)                      }
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

/* Also: every shorter frame is refused, one more byte is refused, another type is refused. */
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	static void round_trip_##NAME(void)                                                    \
	{                                                                                      \
		struct msg_##NAME m = fill_##NAME(), back = m;                                 \
		uint8_t f[MSG_BYTES_MAX + 1];                                                  \
		size_t n = msg_##NAME##_encode(&m, f, MSG_BYTES_MAX);                          \
		assert_true(n > 2);                                                            \
		assert_int_equal(msg_type_of((struct span){ (char *)f, n }), MSG_##NAME);      \
		memset(&back, 0xa5, sizeof back);                                              \
		assert_int_equal(msg_##NAME##_decode((struct span){ (char *)f, n }, &back),    \
				 ERR_OK);                                                      \
		same_##NAME(m, back);                                                          \
		for (size_t cut = 0; cut < n; cut++)                                           \
			assert_int_equal(                                                      \
				msg_##NAME##_decode((struct span){ (char *)f, cut }, &back),   \
				ERR_TRUNCATED);                                                \
		for (size_t cap = 0; cap < n; cap++) {                                         \
			uint8_t small[MSG_BYTES_MAX];                                          \
			assert_int_equal(msg_##NAME##_encode(&m, small, cap), 0);              \
		}                                                                              \
		f[n] = 0;                                                                      \
		assert_int_equal(                                                              \
			msg_##NAME##_decode((struct span){ (char *)f, n + 1 }, &back),         \
			ERR_SYNTAX);                                                           \
		f[0] ^= 0x40;                                                                  \
		assert_int_equal(msg_##NAME##_decode((struct span){ (char *)f, n }, &back),    \
				 ERR_SYNTAX);                                                  \
	}
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

static void every_message_comes_back_as_it_was_sent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
#define MESSAGE(NAME, from, to, fds, text) round_trip_##NAME();
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
	}
}

/* --- limits: an all-zero frame with one field at its limit and one beyond ------------------
 */

/* Writes `value` into the number at `at`. */
static void poke(uint8_t *f, size_t at, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		f[at + i] = (uint8_t)(value >> (8 * i));
}

/* The zero frame of `n` bytes with a string of `chars` letters at `at`; gives the new length.
 */
static size_t splice(uint8_t *out, const uint8_t *zero, size_t n, size_t at, size_t chars)
{
	memcpy(out, zero, at);
	poke(out, at, chars, 2);
	memset(out + at + 2, 'a', chars);
	memcpy(out + at + 2 + chars, zero + at + 2, n - at - 2);
	return n + chars;
}

/* Inside edges_X below: `at` walks over the fields, `count` counts the limits that were tried.
 */
#define DECODES(bytes, want)                                                                   \
	assert_int_equal(decode((struct span){ (char *)f, (bytes) }, &back), want)

#define EDGE_NUMBER(name, limit, width)                                                        \
	if ((uint64_t)(limit) != 0 && (uint64_t)(limit) < UINT64_MAX >> (64 - 8 * (width))) {  \
		memcpy(f, zero, n);                                                            \
		poke(f, at, (limit), width);                                                   \
		DECODES(n, ERR_OK);                                                            \
		poke(f, at, (uint64_t)(limit) + 1, width);                                     \
		DECODES(n, ERR_TOO_BIG);                                                       \
		memset(&m, 0, sizeof m);                                                       \
		memset(&m.name, 0xff, sizeof m.name);                                          \
		assert_int_equal(encode(&m, f, sizeof f), 0);                                  \
		count++;                                                                       \
	}                                                                                      \
	at += (width);
#define EDGE_u8(name, limit)    EDGE_NUMBER(name, limit, 1)
#define EDGE_u16(name, limit)   EDGE_NUMBER(name, limit, 2)
#define EDGE_u32(name, limit)   EDGE_NUMBER(name, limit, 4)
#define EDGE_u64(name, limit)   EDGE_NUMBER(name, limit, 8)
#define EDGE_i64(name, limit)   at += 8;
#define EDGE_bytes(name, limit) at += (limit);
#define EDGE_str(name, limit)                                                                  \
	DECODES(splice(f, zero, n, at, limit), ERR_OK);                                        \
	DECODES(splice(f, zero, n, at, (limit) + 1), ERR_TOO_BIG);                             \
	splice(f, zero, n, at, 1);                                                             \
	f[at + 2] = 0;                                                                         \
	DECODES(n + 1, ERR_SYNTAX);                                                            \
	f[at + 2] = 0xff;                                                                      \
	DECODES(n + 1, ERR_SYNTAX);                                                            \
	memset(&m, 0, sizeof m);                                                               \
	memset(m.name, 'a', sizeof m.name);                                                    \
	assert_int_equal(encode(&m, f, sizeof f), 0);                                          \
	m.name[limit] = '\0';                                                                  \
	assert_int_equal(encode(&m, f, sizeof f), n + (limit));                                \
	memcpy(m.name, "\xff", 2);                                                             \
	assert_int_equal(encode(&m, f, sizeof f), 0);                                          \
	count++;                                                                               \
	at += 2;

#define MESSAGE(NAME, from, to, fds, text)                                                     \
	static unsigned edges_##NAME(void)                                                     \
	{                                                                                      \
		enum err (*decode)(struct span, struct msg_##NAME *) = msg_##NAME##_decode;    \
		size_t (*encode)(const struct msg_##NAME *, uint8_t *, size_t) =               \
			msg_##NAME##_encode;                                                   \
		struct msg_##NAME m = { 0 }, back;                                             \
		uint8_t zero[MSG_BYTES_MAX], f[MSG_BYTES_MAX + 2];                             \
		size_t n = encode(&m, zero, sizeof zero), at = 2;                              \
		unsigned count = 0;
#define FIELD(kind, name, limit, text) EDGE_##kind(name, limit)
#define END(NAME)                                                                              \
	assert_int_equal(at, n);                                                               \
	memcpy(f, zero, n);                                                                    \
	DECODES(n, ERR_OK);                                                                    \
	return count;                                                                          \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

static void every_limit_is_refused_one_beyond(void **state)
{
	unsigned count = 0;

	(void)state;
#define MESSAGE(NAME, from, to, fds, text) count += edges_##NAME();
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
	assert_true(count > 60);
}

/* --- damage ---------------------------------------------------------------------------- */

static enum err decode_as(enum msg_type t, struct span f)
{
	switch (t) {
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	case MSG_##NAME: {                                                                     \
		struct msg_##NAME m;                                                           \
		return msg_##NAME##_decode(f, &m);                                             \
	}
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
	case MSG_NONE:
	case MSG_TYPES:
		break;
	}
	return ERR_SYNTAX;
}

static void random_frames_are_refused_or_understood(void **state)
{
	uint8_t *f = malloc(600);
	unsigned understood = 0;

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 100000; i++) {
		size_t n = next_random() % 600;

		fill_bytes(f, n);
		if (n >= 2) {
			f[0] = (uint8_t)(next_random() % (MSG_TYPES + 2));
			f[1] = 0;
		}
		/* an exact copy, so that a read past the end is a finding under ASan */
		uint8_t *exact = malloc(n > 0 ? n : 1);
		assert_non_null(exact);
		memcpy(exact, f, n);
		struct span s = { (char *)exact, n };
		if (decode_as(msg_type_of(s), s) == ERR_OK)
			understood++;
		free(exact);
	}
	free(f);
	assert_true(understood < 100000);
}

static void unknown_types_have_no_meaning(void **state)
{
	const char high[] = { (char)MSG_TYPES, 0, 0 };

	(void)state;
	assert_int_equal(msg_type_of((struct span){ NULL, 0 }), MSG_NONE);
	assert_int_equal(msg_type_of(SPAN_LITERAL("\x01")), MSG_NONE);
	assert_int_equal(msg_type_of((struct span){ high, 3 }), MSG_NONE);
	assert_int_equal(msg_type_of(SPAN_LITERAL("\x01\x01")), MSG_NONE);
	assert_string_equal(msg_name(MSG_TYPES), "NONE");
	assert_int_equal(msg_fds_max(MSG_NONE), 0);
}

/* --- who may say what ------------------------------------------------------------------- */

static void only_the_tables_senders_and_receivers_are_permitted(void **state)
{
	(void)state;
	assert_true(msg_permitted(MSG_ASK, ROLE_ROUTER, ROLE_CONSENT));
	assert_false(msg_permitted(MSG_ASK, ROLE_CONSENT, ROLE_ROUTER));
	assert_false(msg_permitted(MSG_SEND, ROLE_ROUTER, ROLE_CLOUD));
	assert_false(msg_permitted(MSG_SEND, ROLE_ROUTER, ROLE_CONSENT));
	assert_true(msg_permitted(MSG_READY, ROLE_CLOUD, ROLE_BOOT));
	assert_false(msg_permitted(MSG_READY, ROLE_BOOT, ROLE_BOOT));
	assert_false(msg_permitted(MSG_PEER, ROLE_ROUTER, ROLE_CONSENT));
	assert_false(msg_permitted(MSG_NONE, ROLE_ROUTER, ROLE_CONSENT));
	assert_int_equal(msg_fds_max(MSG_ASK), 2);
	assert_int_equal(msg_fds_max(MSG_DECIDED), 0);
}

/* No message may travel between two roles that share no wire, nor carry too many descriptors.
 */
static void the_table_stays_within_the_wiring(void **state)
{
	(void)state;
	for (unsigned t = MSG_NONE + 1; t < MSG_TYPES; t++) {
		assert_true(msg_fds_max(t) <= MSG_FDS_MAX);
		for (unsigned a = ROLE_ROUTER; a < ROLE_COUNT; a++)
			for (unsigned b = ROLE_ROUTER; b < ROLE_COUNT; b++)
				if (role_channel_fd(a, b) < 0)
					assert_false(msg_permitted(t, a, b));
	}
}

static void some_wires_deliberately_do_not_exist(void **state)
{
	(void)state;
	assert_int_equal(role_channel_fd(ROLE_ROUTER, ROLE_CLOUD), -1);
	assert_int_equal(role_channel_fd(ROLE_CLOUD, ROLE_ROUTER), -1);
	assert_int_equal(role_channel_fd(ROLE_LOCAL, ROLE_CONSENT), -1);
	assert_int_equal(role_channel_fd(ROLE_CLOUD, ROLE_LOCAL), -1);
	assert_int_equal(role_channel_fd(ROLE_ROUTER, ROLE_ROUTER), -1);
	assert_int_equal(role_channel_fd(ROLE_ROUTER, ROLE_LOCAL), ROLE_FD_LOCAL);
	assert_int_equal(role_channel_fd(ROLE_LOCAL, ROLE_ROUTER), ROLE_FD_ROUTER);
	assert_int_equal(role_channel_fd(ROLE_CONSENT, ROLE_CLOUD), ROLE_FD_CLOUD);
	assert_int_equal(role_channel_fd(ROLE_CLOUD, ROLE_BOOT), ROLE_FD_CONTROL);
	for (unsigned r = 0; r < ROLE_COUNT; r++)
		assert_int_equal(role_from_name(role_name(r)), r);
	assert_int_equal(role_from_name("rooter"), ROLE_SEATS);
	assert_int_equal(role_from_name(NULL), ROLE_SEATS);
}

static void further_routers_are_wired_as_the_first(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (unsigned n = 0; n < ROLE_ROUTERS_MAX; n++) {
		enum role seat = role_router(n);
		int fd = role_channel_fd(ROLE_CONSENT, seat);

		assert_true(seat < ROLE_SEATS);
		assert_int_equal(role_kind(seat), ROLE_ROUTER);
		assert_int_equal(role_from_name(role_name(seat)), seat);
		assert_int_equal(role_channel_fd(seat, ROLE_CONSENT), ROLE_FD_CONSENT);
		assert_int_equal(role_channel_fd(seat, ROLE_LOCAL), ROLE_FD_LOCAL);
		assert_int_equal(role_channel_fd(ROLE_LOCAL, seat), fd);
		assert_int_equal(role_channel_fd(seat, ROLE_CLOUD), -1);
		assert_int_equal(role_channel_fd(ROLE_CLOUD, seat), -1);
		assert_int_equal(role_channel_fd(ROLE_ROUTER, seat), -1);
		assert_true(fd > ROLE_FD_CONTROL && fd < ROLE_FD_LISTEN);
		assert_int_equal(taken & (1u << fd), 0);
		taken |= 1u << fd;
		assert_true(msg_permitted(MSG_ASK, seat, ROLE_CONSENT));
		assert_false(msg_permitted(MSG_SEND, seat, ROLE_CLOUD));
		assert_false(msg_permitted(MSG_SHOW, seat, ROLE_ROUTER));
	}
}

/* One router's numbers can never be taken for another's. */
static void stamps(void **state)
{
	(void)state;
	for (unsigned n = 0; n < ROLE_ROUTERS_MAX; n++) {
		uint64_t number = 77, forged = UINT64_C(1) << ROLE_STAMP_SHIFT;

		assert_true(role_stamp(role_router(n), &number));
		assert_int_equal(role_stamped(number), role_router(n));
		assert_int_equal(role_unstamped(number), 77);
		assert_false(role_stamp(role_router(n), &forged));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back_as_it_was_sent),
		cmocka_unit_test(every_limit_is_refused_one_beyond),
		cmocka_unit_test(random_frames_are_refused_or_understood),
		cmocka_unit_test(unknown_types_have_no_meaning),
		cmocka_unit_test(only_the_tables_senders_and_receivers_are_permitted),
		cmocka_unit_test(the_table_stays_within_the_wiring),
		cmocka_unit_test(some_wires_deliberately_do_not_exist),
		cmocka_unit_test(further_routers_are_wired_as_the_first),
		cmocka_unit_test(stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
