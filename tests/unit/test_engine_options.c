/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's command line follows what the program says it understands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "local/endpoint.h"
#include "local/options.h"

#define ALL                                                                                    \
	"--host HOST\n--model, -m\n--offline\n--no-ui, --no-webui\n--no-slots\n--metrics\n"    \
	"--alias\n--ctx-size N\n--parallel N\n--sleep-idle-seconds S\n--cache-ram "            \
	"N\n--threads N\n--embedding, --embeddings\n--pooling TYPE"
#define OLD                                                                                    \
	"--host HOST\n--model FILE\n--no-webui\n--no-slots-extra\n--ctx-size N\n--xx--metrics"

static const struct {
	const char *name, *help;
	struct config_engine config;
	uint32_t model_context;
	const char *want;
} rows[] = {
	{ "everything",
	  ALL,
	  { .context_tokens = 4096,
	    .parallel = 1,
	    .idle_stop_s = 900,
	    .threads = 2,
	    .embeddings = "mean" },
	  2048,
	  "B --host S --offline --no-ui --no-slots --metrics --model M --alias A --ctx-size "
	  "2048 "
	  "--parallel 1 --sleep-idle-seconds 451 --cache-ram 0 --embeddings --pooling mean "
	  "--threads 2" },
	{ "configuration may ask for less than the model can",
	  ALL,
	  { .context_tokens = 1024, .parallel = 4, .embeddings = "model" },
	  2048,
	  "B --host S --offline --no-ui --no-slots --metrics --model M --alias A --ctx-size "
	  "1024 "
	  "--parallel 4 --cache-ram 0 --embeddings" },
	{ "a model that does not say how long its context is",
	  ALL,
	  { .context_tokens = 4096, .parallel = 1, .embeddings = "off" },
	  0,
	  "B --host S --offline --no-ui --no-slots --metrics --model M --alias A --ctx-size "
	  "4096 "
	  "--parallel 1 --cache-ram 0" },
	{ "an older program gets only what it knows, and parts of words do not count",
	  OLD,
	  { .context_tokens = 4096,
	    .parallel = 1,
	    .idle_stop_s = 10,
	    .threads = 3,
	    .embeddings = "mean" },
	  2048,
	  "B --host S --no-webui --model M --ctx-size 2048" },
	{ "one that cannot sleep may be of the time when embeddings took chats away",
	  OLD "\n--embeddings\n--pooling TYPE",
	  { .context_tokens = 4096, .parallel = 1, .embeddings = "mean" },
	  2048,
	  "B --host S --no-webui --model M --ctx-size 2048" },
};

static void each_program_gets_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct options o = { .binary = "B",
				     .known = options_in(span_of(rows[i].help)) };
		struct engine_model m = { .name = "A",
					  .path = "M",
					  .context_tokens = rows[i].model_context };
		struct options_argv line;
		char text[1024] = "";

		options_argv(&o, &rows[i].config, &m, rows[i].config.threads, "S", &line);
		for (unsigned k = 0; line.argv[k] != NULL; k++) {
			if (k > 0)
				strcat(text, " ");
			strcat(text, line.argv[k]);
		}
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%s:\n%s\n%s", rows[i].name, text, rows[i].want);
	}
}

static void a_projector_goes_to_who_knows_it(void **state)
{
	static const struct config_engine c = { .context_tokens = 1, .embeddings = "off" };
	const struct engine_model m = { .name = "A", .path = "M", .projector = "P" };
	const char *const helps[] = { ALL, ALL "\n--mmproj FILE" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct options o = { .binary = "B", .known = options_in(span_of(helps[i])) };
		struct options_argv line;
		int at = 0;

		options_argv(&o, &c, &m, 0, "S", &line);
		while (line.argv[at] != NULL && strcmp(line.argv[at], "--mmproj") != 0)
			at++;
		assert_int_equal(line.argv[at] != NULL, i);
		if (i > 0)
			assert_string_equal(line.argv[at + 1], "P");
	}
}

static void threads_make_room_for_others(void **state)
{
	(void)state;
	assert_int_equal(options_threads(3, 2, 9), 3); /* the person's word */
	assert_int_equal(options_threads(0, 2, 0), 0);
	assert_int_equal(options_threads(0, 2, 1), 1);
	assert_int_equal(options_threads(0, 2, 7), 1);
	assert_int_equal(options_threads(0, 8, 3),
			 0); /* still room for the engine's own choice */
	assert_int_equal(options_threads(0, 8, 5), 3);
	assert_int_equal(options_threads(0, 1, 1), 1);
}

static void nothing_is_in_nothing(void **state)
{
	(void)state;
	assert_int_equal(options_in((struct span){ NULL, 0 }), 0);
	assert_int_equal(options_in(span_of("--hos")), 0);
}

static const struct {
	const char *body;
	uint32_t want;
} props[] = {
	{ "{\"default_generation_settings\":{\"n_ctx\":2048}}", 2048 },
	{ "{\"default_generation_settings\":{\"n_ctx\":-1}}", 0 },
	{ "{\"default_generation_settings\":{\"n_ctx\":\"2048\"}}", 0 },
	{ "{\"n_ctx\":2048}", 0 },
	{ "", 0 },
	{ "{", 0 },
};

static void the_context_is_read_from_the_properties(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(props); i++)
		assert_int_equal(endpoint_context_of(span_of(props[i].body)), props[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_program_gets_its_line),
		cmocka_unit_test(a_projector_goes_to_who_knows_it),
		cmocka_unit_test(threads_make_room_for_others),
		cmocka_unit_test(nothing_is_in_nothing),
		cmocka_unit_test(the_context_is_read_from_the_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
