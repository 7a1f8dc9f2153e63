/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: one line per event, whatever the values hold. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"

static char line[8192];

/* Runs log_event with stderr going into `line`. */
#define CAPTURE(call)                                                                          \
	do {                                                                                   \
		int ends[2], saved = dup(STDERR_FILENO);                                       \
		assert_int_equal(pipe(ends), 0);                                               \
		dup2(ends[1], STDERR_FILENO);                                                  \
		close(ends[1]);                                                                \
		call;                                                                          \
		dup2(saved, STDERR_FILENO);                                                    \
		close(saved);                                                                  \
		ssize_t n = read(ends[0], line, sizeof line - 1);                              \
		line[n > 0 ? n : 0] = '\0';                                                    \
		close(ends[0]);                                                                \
	} while (0)

static void text_lines(void **state)
{
	(void)state;
	log_setup("router", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	CAPTURE(log_info("cloud.sent", "id=%d bytes=%zu", 7, (size_t)42));
	assert_string_equal(line, "<6>router cloud.sent id=7 bytes=42\n");
	CAPTURE(log_error("x", "%s", ""));
	assert_string_equal(line, "<3>router x\n");
	CAPTURE(log_debug("hidden", "a=%d", 1));
	assert_string_equal(line, "");
	CAPTURE(log_info("x", "v=%s", "a\nb\x1b[2J"));
	assert_string_equal(line, "<6>router x v=a\\x0ab\\x1b[2J\n");
}

static void json_lines(void **state)
{
	char big[3000];
	struct json_where at;
	cJSON *tree = NULL;

	(void)state;
	log_setup("cloud", LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
	CAPTURE(log_debug("x.y", "v=%s", "\"quoted\" \\ \n"));
	assert_int_equal(json_parse(span_of(line), &json_limits_api, &tree, &at), ERR_OK);
	assert_string_equal(json_get_string(tree, "level"), "debug");
	assert_string_equal(json_get_string(tree, "role"), "cloud");
	assert_string_equal(json_get_string(tree, "event"), "x.y");
	assert_string_equal(json_get_string(tree, "text"), "v=\"quoted\" \\ \n");
	cJSON_Delete(tree);

	/* However it is cut, a line stays one line of valid JSON. */
	static const char *const fillings[] = { "a", "\"", "\n", "\xe2\x82\xac", "\\" };
	for (size_t i = 0; i < LEN(fillings); i++) {
		big[0] = '\0';
		while (strlen(big) + 3 < sizeof big)
			strcat(big, fillings[i]);
		for (int skip = 0; skip < 3; skip++) {
			CAPTURE(log_error("big", "%.*s%s", skip, "xyz", big));
			CHECK(json_check(span_of(line), &json_limits_api, &at) == ERR_OK,
			      "a cut line is valid JSON");
			CHECK(strchr(line, '\n') == line + strlen(line) - 1, "and one line");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines),
		cmocka_unit_test(json_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
