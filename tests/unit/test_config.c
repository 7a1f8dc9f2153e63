/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's configuration: the shipped file, round trip, and what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/log.h"
#include "proc/config.h"

static void the_shipped_file_is_the_default(void **state)
{
	struct buf printed, file;
	struct config c, d;
	struct json_where w;
	struct arena *a = arena_new("test", 1 << 20);

	(void)state;
	buf_init(&printed, 1 << 20);
	buf_init(&file, 1 << 20);
	config_print_default(&printed);
	assert_int_equal(file_read(HITHERD_JSON, 1 << 20, &file), ERR_OK);
	if (!span_equal(buf_span(&printed), buf_span(&file)))
		fail_msg("config/hitherd.json is out of date: run test_config --write");
	config_defaults(&c);
	config_defaults(&d);
	assert_int_equal(config_parse(buf_span(&file), a, &c, &w), ERR_OK);

	struct buf one, two;
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	config_write(&c, &one);
	config_write(&d, &two);
	assert_true(span_equal(buf_span(&one), buf_span(&two)));
	buf_free(&one);
	buf_free(&two);
	buf_free(&printed);
	buf_free(&file);
	arena_free(a);
}

static void what_was_written_reads_back_equal(void **state)
{
	static const char text[] =
		"{ /* some of each kind */ \"paths\": { \"state_dir\": \"/tmp/a \\\"b\\\"\" "
		"},\n"
		"\"limits\": { \"headers\": 8, \"body_bytes\": 67108864 },\n"
		"\"engine\": { \"model\": \"m\", \"idle_stop_s\": 0, \"endpoint\": "
		"\"unix:/e\", "
		"\"embeddings\": \"cls\" "
		"},\n"
		"\"listen\": { \"tcp\": \"[::1]:65535\" },\n"
		"\"cloud\": { \"allow_loopback\": true },\n"
		"\"routing\": { \"threshold_pm\": 1000 }, // one\n"
		"\"log\": { \"level\": \"debug\", \"format\": \"json\" },\n"
		"\"daemon\": { \"system\": true, \"apps\": [\"org.example.Notes\", \"x\"] } }";
	struct arena *a = arena_new("test", 1 << 20);
	struct config c, back;
	struct json_where w;
	struct buf one, two;

	(void)state;
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	config_defaults(&c);
	assert_int_equal(config_parse(span_of(text), a, &c, &w), ERR_OK);
	assert_string_equal(c.state_dir, "/tmp/a \"b\"");
	assert_int_equal(c.limits.headers, 8);
	assert_int_equal(c.limits.body_bytes, 67108864);
	assert_int_equal(c.limits.header_bytes, 16384); /* not named: default */
	assert_string_equal(c.engine.model, "m");
	assert_int_equal(c.engine.idle_stop_s, 0);
	assert_string_equal(c.engine.endpoint, "unix:/e");
	assert_string_equal(c.engine.embeddings, "cls");
	assert_string_equal(c.listen.tcp, "[::1]:65535");
	assert_true(c.cloud.allow_loopback);
	assert_int_equal(c.routing.threshold_pm, 1000);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_true(c.log_json);
	assert_true(c.system_mode);
	assert_int_equal(c.n_apps, 2);
	assert_string_equal(c.apps[0], "org.example.Notes");

	config_write(&c, &one);
	config_defaults(&back);
	assert_int_equal(config_parse(buf_span(&one), a, &back, &w), ERR_OK);
	config_write(&back, &two);
	assert_true(span_equal(buf_span(&one), buf_span(&two)));
	buf_free(&one);
	buf_free(&two);
	arena_free(a);
}

static const struct {
	const char *name, *text, *problem, *detail;
	unsigned line;
} refused[] = {
	{ "a misspelt setting names the right one", "{\n\"limits\": {\n\"heders\": 9 } }",
	  "unknown setting", "did you mean headers?", 3 },
	{ "a misspelt group names the right one", "{ \"limit\": {} }", "unknown group",
	  "did you mean limits?", 1 },
	{ "a strange setting is only named", "{ \"engine\": { \"warp_drive_factor\": 9 } }",
	  "unknown setting", "warp_drive_factor", 1 },
	{ "letter case counts", "{ \"limits\": { \"Headers\": 9 } }", "unknown setting",
	  "did you mean headers?", 1 },
	{ "one below the range", "{ \"limits\": { \"headers\": 7 } }", "value", "8 to 1000",
	  1 },
	{ "one above the range", "{ \"limits\": {\n\n \"headers\": 1001 } }", "value",
	  "8 to 1000", 3 },
	{ "a fraction", "{ \"limits\": { \"headers\": 8.5 } }", "value", "8 to 1000", 1 },
	{ "a number in quotes", "{ \"limits\": { \"headers\": \"9\" } }", "value", "8 to 1000",
	  1 },
	{ "a word for a switch", "{ \"cloud\": { \"allow_loopback\": 1 } }", "value",
	  "true or false", 1 },
	{ "an unknown log level", "{ \"log\": { \"level\": \"loud\" } }", "value",
	  "error, warning", 1 },
	{ "a relative folder", "{ \"paths\": { \"state_dir\": \"x\" } }", "path is relative",
	  "absolute", 1 },
	{ "an engine on a network", "{ \"engine\": { \"endpoint\": \"http://10.0.0.1\" } }",
	  "value", "unix:", 1 },
	{ "an engine at a relative place", "{ \"engine\": { \"endpoint\": \"unix:e\" } }",
	  "value", "absolute path", 1 },
	{ "every address of the machine", "{ \"listen\": { \"tcp\": \"0.0.0.0:1\" } }", "value",
	  "127.0.0.1:PORT", 1 },
	{ "a port alone", "{ \"listen\": { \"tcp\": \"11434\" } }", "value", "127.0.0.1:PORT",
	  1 },
	{ "an unknown way to pool", "{ \"engine\": { \"embeddings\": \"max\" } }", "value",
	  "mean, cls", 1 },
	{ "an app id that is a path", "{ \"daemon\": { \"apps\": [\"../x\"] } }", "value",
	  "ids", 1 },
	{ "a group that is a list", "{ \"limits\": [] }", "not an object", "limits", 1 },
	{ "a list for a file", "[]", "not an object", "", 1 },
	{ "the same setting twice", "{ \"limits\": { \"headers\": 9, \"headers\": 10 } }", "",
	  "", 1 },
	{ "an unfinished file", "{ \"limits\": {", "", "", 1 },
};

static void what_is_wrong_is_refused_with_its_place(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);

	(void)state;
	for (size_t i = 0; i < LEN(refused); i++) {
		struct json_where w = { 0 };
		struct config c;

		config_defaults(&c);
		enum err e = config_parse(span_of(refused[i].text), a, &c, &w);
		if (e == ERR_OK || strstr(w.problem, refused[i].problem) == NULL ||
		    strstr(w.detail, refused[i].detail) == NULL || w.line != refused[i].line)
			fail_msg("%s: %s, line %u: %s (%s)", refused[i].name, err_text(e),
				 w.line, w.problem != NULL ? w.problem : "", w.detail);
		assert_int_equal(c.limits.headers, 100); /* untouched */
	}
	arena_free(a);
}

static void app_ids_are_file_names(void **state)
{
	char long_id[66];

	(void)state;
	memset(long_id, 'a', 65);
	long_id[65] = '\0';
	assert_true(config_is_app_id(SPAN_LITERAL("org.example.Notes-2_x")));
	assert_true(config_is_app_id((struct span){ long_id, 64 }));
	assert_false(config_is_app_id((struct span){ long_id, 65 }));
	assert_false(config_is_app_id(SPAN_LITERAL("")));
	assert_false(config_is_app_id(SPAN_LITERAL(".hidden")));
	assert_false(config_is_app_id(SPAN_LITERAL("a/b")));
	assert_false(config_is_app_id(SPAN_LITERAL("a:b")));
	assert_false(config_is_app_id(SPAN_LITERAL("a\0b")));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_file_is_the_default),
		cmocka_unit_test(what_was_written_reads_back_equal),
		cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
		cmocka_unit_test(app_ids_are_file_names),
	};

	if (argc == 2 && strcmp(argv[1], "--write") == 0) {
		struct buf b;

		buf_init(&b, 1 << 20);
		config_print_default(&b);
		int rc = file_write(HITHERD_JSON, buf_span(&b), 0644) == ERR_OK ? 0 : 1;
		buf_free(&b);
		return rc;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
