/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation is known by what it repeats: which requests belong together, which do not. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "router/turns.h"

#define HOUR_MS UINT64_C(3600000)

static struct arena *arena;
static struct turns *turns;

struct said {
	enum chat_role role;
	const char *text, *calls; /* calls: the name of a tool, or NULL */
};

static struct chat chat_of(const struct said *said, uint32_t n)
{
	struct chat c = { .n_messages = n };

	c.messages = arena_array(arena, n, sizeof *c.messages);
	for (uint32_t i = 0; i < n; i++) {
		struct chat_message *m = &c.messages[i];

		m->role = said[i].role;
		m->parts = arena_array(arena, 1, sizeof *m->parts);
		m->parts[0].text = span_of(said[i].text);
		m->n_parts = 1;
		if (said[i].calls == NULL)
			continue;
		m->calls = arena_array(arena, 1, sizeof *m->calls);
		m->calls[0].name = span_of(said[i].calls);
		m->n_calls = 1;
	}
	return c;
}

static struct turn look(const char *caller, const struct said *said, uint32_t n, uint64_t now)
{
	struct chat c = chat_of(said, n);
	struct turn t;

	turns_find(turns, span_of(caller), &c, now, arena, &t);
	return t;
}

static void keep(const struct said *said, uint32_t n, const char *place, uint64_t now)
{
	struct turn t = look("me", said, n, now);

	turns_keep(turns, &t, place, now);
}

#define USER(text)                                                                             \
	{                                                                                      \
		CHAT_USER, text, NULL                                                          \
	}
#define ASSISTANT(text)                                                                        \
	{                                                                                      \
		CHAT_ASSISTANT, text, NULL                                                     \
	}
#define CALLS(text, name)                                                                      \
	{                                                                                      \
		CHAT_ASSISTANT, text, name                                                     \
	}
#define RESULT(text)                                                                           \
	{                                                                                      \
		CHAT_TOOL, text, NULL                                                          \
	}
#define SYSTEM(text)                                                                           \
	{                                                                                      \
		CHAT_SYSTEM, text, NULL                                                        \
	}

static const struct said first[] = { USER("Plan a trip to the lake.") };
static const struct said second[] = { USER("Plan a trip to the lake."), ASSISTANT("Gladly."),
				      USER("And for two days?") };

static int set_up(void **state)
{
	(void)state;
	arena = arena_new("test", (size_t)64 << 20);
	turns = turns_new(NULL);
	return arena == NULL || turns == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	turns_free(turns);
	return 0;
}

static void the_next_turn_is_known(void **state)
{
	(void)state;
	CHECK(look("me", second, 3, 1000).place[0] == '\0', "nothing was kept yet");
	keep(first, 1, "far", 1000);
	assert_string_equal(look("me", second, 3, 2000).place, "far");
	CHECK(!look("me", second, 3, 2000).goes_on, "there are no tool calls");
	CHECK(look("me", first, 1, 2000).place[0] == '\0',
	      "the same request again is no later turn");
}

static void others_are_not(void **state)
{
	const struct said other[] = { USER("Plan a trip to the sea."), ASSISTANT("Gladly."),
				      USER("And for two days?") };

	(void)state;
	keep(first, 1, "far", 1000);
	CHECK(look("you", second, 3, 1000).place[0] == '\0', "another caller");
	CHECK(look("me", other, 3, 1000).place[0] == '\0', "another beginning");
}

static void it_is_forgotten(void **state)
{
	(void)state;
	keep(first, 1, "far", 1000);
	assert_string_equal(look("me", second, 3, 999 + HOUR_MS).place, "far");
	CHECK(look("me", second, 3, 1000 + HOUR_MS).place[0] == '\0', "an hour later");
}

static void the_latest_place_counts(void **state)
{
	const struct said third[] = { USER("Plan a trip to the lake."), ASSISTANT("Gladly."),
				      USER("And for two days?"), ASSISTANT("Of course."),
				      USER("With a dog?") };

	(void)state;
	keep(first, 1, "far", 1000);
	keep(second, 3, "local", 2000);
	assert_string_equal(look("me", third, 5, 3000).place, "local");
	keep(second, 3, "far", 2500);
	assert_string_equal(look("me", third, 5, 3000).place, "far");
}

static void instructions_may_change(void **state)
{
	const struct said before[] = { SYSTEM("It is nine."), USER("Plan a trip.") };
	const struct said after[] = { SYSTEM("It is ten."), USER("Plan a trip."),
				      ASSISTANT("Gladly."), USER("And then?") };

	(void)state;
	keep(before, 2, "far", 1000);
	assert_string_equal(look("me", after, 4, 2000).place, "far");
}

static void tool_calls_go_on(void **state)
{
	const struct said loop[] = { USER("Plan a trip to the lake."), CALLS("", "weather"),
				     RESULT("rain") };
	const struct said split[] = { USER("Plan a trip to the lake."),
				      ASSISTANT("Let me see."), CALLS("", "weather"),
				      RESULT("rain") };
	const struct said more[] = { USER("Plan a trip to the lake."), CALLS("", "weather"),
				     RESULT("rain"), CALLS("", "trains"), RESULT("none") };
	const struct said spoken[] = { USER("Plan a trip to the lake."), CALLS("", "weather"),
				       RESULT("rain"), USER("Hurry up.") };
	const struct said over[] = { USER("Plan a trip to the lake."), CALLS("", "weather"),
				     RESULT("rain"), ASSISTANT("It rains."), USER("And now?") };
	const struct said no_calls[] = { USER("Plan a trip to the lake."), ASSISTANT("Hm."),
					 RESULT("rain") };

	(void)state;
	CHECK(!look("me", loop, 3, 1000).goes_on, "calls of an unknown turn");
	keep(first, 1, "far", 1000);
	CHECK(look("me", loop, 3, 2000).goes_on && !look("me", loop, 3, 2000).spoke,
	      "the results of its calls");
	CHECK(look("me", split, 4, 2000).goes_on, "a text before the calls");
	CHECK(look("me", spoken, 4, 2000).goes_on && look("me", spoken, 4, 2000).spoke,
	      "a person's text with the results");
	CHECK(!look("me", over, 5, 2000).goes_on, "a turn after the answer");
	CHECK(!look("me", no_calls, 3, 2000).goes_on, "results that nobody asked for");
	CHECK(!look("me", more, 5, 2000).goes_on, "a round in between is not known");
	keep(loop, 3, "far", 2000);
	CHECK(look("me", more, 5, 2000).goes_on, "the next round");
}

static void long_texts_differ(void **state)
{
	char a[20000], b[20000];
	struct said one[] = { USER(a) };
	struct said two[] = { USER(b), ASSISTANT("Yes."), USER("And?") };

	(void)state;
	memset(a, 'a', sizeof a - 1);
	a[sizeof a - 1] = '\0';
	memcpy(b, a, sizeof b);
	keep(one, 1, "far", 1000);
	assert_string_equal(look("me", two, 3, 1000).place, "far");
	b[0] = 'b';
	CHECK(look("me", two, 3, 1000).place[0] == '\0', "another start");
	b[0] = 'a';
	b[sizeof b - 2] = 'b';
	CHECK(look("me", two, 3, 1000).place[0] == '\0', "another end");
	b[sizeof b - 2] = '\0';
	CHECK(look("me", two, 3, 1000).place[0] == '\0', "another length");
}

static void a_flood_has_a_bound(void **state)
{
	char text[32];
	unsigned known = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		struct said said[] = { USER(text) };

		snprintf(text, sizeof text, "prompt %u", i);
		keep(said, 1, "far", 1000 + i);
	}
	for (unsigned i = 0; i < 5000; i++) {
		struct said said[] = { USER(text), ASSISTANT("Yes."), USER("And?") };

		snprintf(text, sizeof text, "prompt %u", i);
		known += look("me", said, 3, 6000).place[0] != '\0';
	}
	CHECK(known > 500 && known <= 1024, "the table keeps as many as it has places");
	keep(first, 1, "far", 7000);
	assert_string_equal(look("me", second, 3, 7000).place, "far");
}

static void without_a_table(void **state)
{
	struct chat c = chat_of(second, 3);
	struct turn t;

	(void)state;
	turns_find(NULL, SPAN_LITERAL("me"), &c, 1, arena, &t);
	CHECK(!t.hashed && t.place[0] == '\0' && !t.goes_on, "nothing is known");
	turns_keep(NULL, &t, "far", 1);
	turns_keep(turns, &t, "far", 1);
	turns_free(NULL);
}

/* What one router keeps another finds; what is not whole does not count. */
static void routers_share_one_table(void **state)
{
	static const struct said opening[] = { USER("hi") };
	static const struct said next[] = { USER("hi"),
					    { CHAT_ASSISTANT, "hello", NULL },
					    USER("and?") };
	struct turns *alone = turns;
	struct turns *two[2];
	struct board *board;
	int fd = board_make();

	(void)state;
	assert_int_equal(board_map(fd, ROLE_ROUTER, &board), ERR_OK);
	close(fd);
	two[0] = turns_new(board);
	two[1] = turns_new(board);
	turns = two[0];
	keep(opening, 1, "far", 1000);
	turns = two[1];
	assert_string_equal(look("me", next, 3, 1001).place, "far");
	assert_string_equal(look("me", next, 3, 999).place, "far"); /* clocks differ a bit */
	assert_string_equal(look("me", next, 3, 1000 + HOUR_MS).place, "");
	assert_string_equal(look("you", next, 3, 1001).place, "");
	char *room = board_room(board);
	for (size_t i = 0; i + 4 <= BOARD_ROOM_BYTES; i++)
		if (memcmp(room + i, "far", 4) == 0)
			room[i] = 'b'; /* as if two had written at once */
	assert_string_equal(look("me", next, 3, 1001).place, "");
	keep(opening, 1, "near", 2000);
	turns = two[0];
	assert_string_equal(look("me", next, 3, 2001).place, "near");
	turns_free(two[0]);
	turns_free(two[1]);
	free(board);
	turns = alone;
}

/* Every router has the key: a hostile one can seal what it likes, so also a name without end.
 */
static void a_hostile_router_seals_what_it_likes(void **state)
{
	static const struct said opening[] = { USER("hi") };
	static const struct said next[] = { USER("hi"),
					    { CHAT_ASSISTANT, "hello", NULL },
					    USER("and?") };
	const size_t fact_bytes =
		sizeof(struct siphash) + sizeof(uint64_t) + TURNS_DESTINATION_BYTES;
	struct turns *alone = turns;
	struct board *board;
	int fd = board_make();
	unsigned sealed = 0;

	(void)state;
	assert_int_equal(board_map(fd, ROLE_ROUTER, &board), ERR_OK);
	close(fd);
	turns = turns_new(board);
	keep(opening, 1, "far", 1000);
	char *room = board_room(board);
	for (size_t i = 0; i + 4 <= BOARD_ROOM_BYTES; i++) {
		if (memcmp(room + i, "far", 4) != 0)
			continue;
		for (unsigned full = 0; full < 2; full++) {
			char *fact = room + i + TURNS_DESTINATION_BYTES - fact_bytes;

			memset(room + i, 'x', TURNS_DESTINATION_BYTES);
			room[i + TURNS_DESTINATION_BYTES - 1] = full ? 'x' : '\0';
			struct siphash seal = siphash(board_turns_key(board),
						      (struct span){ fact, fact_bytes });
			memcpy(fact + fact_bytes, &seal, sizeof seal);
			assert_int_equal(strlen(look("me", next, 3, 1001).place),
					 full ? 0 : TURNS_DESTINATION_BYTES - 1);
			sealed++;
		}
		break;
	}
	assert_int_equal(sealed, 2);
	turns_free(turns);
	free(board);
	turns = alone;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_next_turn_is_known),
		CASE(others_are_not),
		CASE(it_is_forgotten),
		CASE(the_latest_place_counts),
		CASE(instructions_may_change),
		CASE(tool_calls_go_on),
		CASE(long_texts_differ),
		CASE(a_flood_has_a_bound),
		CASE(without_a_table),
		CASE(routers_share_one_table),
		CASE(a_hostile_router_seals_what_it_likes),
	};

	if (crypto_init() != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
