/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the loopback page that need no socket: who may ask, forms, escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/notify.h"
#include "cli/web_guard.h"
#include "cli/web_page.h"
#include "common/json.h"

#define PORT 40123

static const struct {
	const char *method, *host, *origin, *site, *type;
	int status; /* 0: allowed */
} origins[] = {
	{ "GET", "127.0.0.1:40123", NULL, NULL, NULL, 0 },
	{ "HEAD", "[::1]:40123", NULL, "cross-site", NULL, 0 },
	{ "GET", "localhost:40123", "http://evil.example", NULL, NULL, 0 },
	{ "GET", "localhost:401234", NULL, NULL, NULL, 403 },
	{ "GET", "localhost:4012", NULL, NULL, NULL, 403 },
	{ "GET", "localhost", NULL, NULL, NULL, 403 },
	{ "GET", "evil.example:40123", NULL, NULL, NULL, 403 },
	{ "GET", NULL, NULL, NULL, NULL, 403 },
	{ "OPTIONS", "127.0.0.1:40123", NULL, NULL, NULL, 405 },
	{ "OPTIONS", "evil.example", NULL, NULL, NULL, 403 },
	{ "POST", "127.0.0.1:40123", "http://127.0.0.1:40123", "same-origin",
	  "application/x-www-form-urlencoded", 0 },
	{ "POST", "[::1]:40123", "http://[::1]:40123", "none",
	  "Application/X-WWW-Form-Urlencoded ; charset=utf-8", 0 },
	{ "POST", "127.0.0.1:40123", "http://localhost:40123", "same-origin",
	  "application/x-www-form-urlencoded", 403 },
	{ "POST", "127.0.0.1:40123", "null", "same-origin", "application/x-www-form-urlencoded",
	  403 },
	{ "POST", "127.0.0.1:40123", NULL, "same-origin", "application/x-www-form-urlencoded",
	  403 },
	{ "POST", "127.0.0.1:40123", "http://127.0.0.1:40123", NULL,
	  "application/x-www-form-urlencoded", 403 },
	{ "POST", "127.0.0.1:40123", "http://127.0.0.1:40123", "same-site",
	  "application/x-www-form-urlencoded", 403 },
	{ "POST", "127.0.0.1:40123", "http://127.0.0.1:40123", "same-origin", "text/plain",
	  415 },
	{ "POST", "127.0.0.1:40123", "http://127.0.0.1:40123", "same-origin", NULL, 415 },
};

static void test_guard(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(origins); i++) {
		struct web_origin o = { .method = span_of(origins[i].method),
					.host = span_of(origins[i].host),
					.origin = span_of(origins[i].origin),
					.site = span_of(origins[i].site),
					.content_type = span_of(origins[i].type) };
		struct web_refusal no = { 0, NULL };

		print_message("%zu\n", i);
		assert_int_equal(web_guard_allows(&o, PORT, &no), origins[i].status == 0);
		assert_int_equal(no.status, origins[i].status);
		o.twice = true;
		assert_false(web_guard_allows(&o, PORT, &no));
	}
}

static void test_secrets(void **state)
{
	struct web_secret a, b;
	char changed[WEB_SECRET_BYTES];

	(void)state;
	web_secret_new(&a, 1000);
	web_secret_new(&b, 1000);
	assert_int_equal(strlen(a.text), 32);
	assert_string_not_equal(a.text, b.text);
	assert_true(web_secret_is(&a, span_of(a.text), 1000));
	assert_true(web_secret_is(&a, span_of(a.text), 1000 + 299999));
	assert_false(web_secret_is(&a, span_of(a.text), 1000 + 300000));
	assert_false(web_secret_is(&a, span_of(b.text), 1000));
	for (size_t i = 0; i < 32; i++) {
		memcpy(changed, a.text, sizeof changed);
		changed[i] ^= 1;
		assert_false(web_secret_is(&a, span_of(changed), 1000));
	}
	assert_false(web_secret_is(&a, (struct span){ a.text, 31 }, 1000));
	web_secret_forget(&a);
	assert_false(web_secret_is(&a, (struct span){ "", 0 }, 0));
	assert_false(web_secret_is(&a, (struct span){ a.text, 32 }, 0));
}

static void test_forms(void **state)
{
	struct span body =
		SPAN_LITERAL("a=1&bb=x+y%2Bz%C3%A4&empty=&a=2&bad=%4&bad2=%zz&nul=%00x");
	char out[8];

	(void)state;
	assert_true(web_form_value(body, "a", out, sizeof out));
	assert_string_equal(out, "1");
	assert_true(web_form_value(body, "bb", out, sizeof out));
	assert_string_equal(out, "x y+z\xC3\xA4");
	assert_true(web_form_value(body, "empty", out, sizeof out));
	assert_string_equal(out, "");
	assert_false(web_form_value(body, "b", out, sizeof out));
	assert_false(web_form_value(body, "bad", out, sizeof out));
	assert_false(web_form_value(body, "bad2", out, sizeof out));
	assert_false(web_form_value(body, "nul", out, sizeof out));
	assert_string_equal(out, "");
	assert_false(web_form_value(body, "bb", out, 7));
	assert_false(web_form_value(SPAN_LITERAL(""), "a", out, sizeof out));
}

static void test_cookies(void **state)
{
	struct span field = SPAN_LITERAL("xa=0; a=1;b=2 ; aa=3"), v;

	(void)state;
	assert_true(web_cookie(field, "a", &v) && span_is(v, "1"));
	assert_true(web_cookie(field, "b", &v) && span_is(v, "2"));
	assert_true(web_cookie(field, "aa", &v) && span_is(v, "3"));
	assert_false(web_cookie(field, "c", &v));
	assert_false(web_cookie(SPAN_LITERAL("a"), "a", &v));
	assert_false(web_cookie((struct span){ NULL, 0 }, "a", &v));
}

/* Lines as /proc/net/tcp and tcp6 print them on a little-endian machine. */
static const char table[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
	"   0: 0100007F:9CBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 "
	"1\n"
	"   1: 0100007F:C001 0100007F:9CBB 01 00000000:00000000 00:00000000 00000000  1000 0 "
	"2\n"
	"   2: 0100007F:C002 0100007F:9CBB 01 00000000:00000000 02:00000000 00000000  1001 0 "
	"3\n"
	"   3: 0200007F:C003 0100007F:9CBB 01 00000000:00000000 00:00000000 00000000  1000 0 "
	"4\n"
	"   4: 0000000000000000FFFF00000100007F:C004 0000000000000000FFFF00000100007F:9CBB 01 "
	"00000000:00000000 00:00000000 00000000  1000 0 5\n"
	"   5: 00000000000000000000000001000000:C005 00000000000000000000000001000000:9CBB 01 "
	"00000000:00000000 00:00000000 00000000  1000 0 6";

static void test_owner(void **state)
{
	struct span t = SPAN_LITERAL(table);

	(void)state;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	assert_true(web_owner_in(t, false, 0xC001, PORT, 1000));
	assert_false(web_owner_in(t, false, 0xC001, PORT, 1001));
	assert_false(web_owner_in(t, false, 0xC002, PORT, 1000));
	assert_true(web_owner_in(t, false, 0xC004, PORT, 1000));
	assert_true(web_owner_in(t, true, 0xC005, PORT, 1000));
	assert_false(web_owner_in(t, true, 0xC005, PORT, 0));
#endif
	assert_false(web_owner_in(t, false, 0xC001, PORT + 1, 1000));
	assert_false(web_owner_in(t, true, 0xC001, PORT, 1000));
	assert_false(web_owner_in(t, false, 0xC003, PORT, 1000)); /* another loopback address */
	assert_false(web_owner_in(t, false, 0xC005, PORT, 1000));
	assert_false(web_owner_in(t, false, 0xC009, PORT, 1000));
	assert_false(web_owner_in(SPAN_LITERAL("what\nis this: 1 2\n"), false, 1, 2, 3));
}

static void test_escaping(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	web_text(&b, SPAN_LITERAL("<a href=\"x\">'&amp;\xE2\x80\xAE\x1b[1m\xff"));
	assert_string_equal(buf_cstr(&b),
			    "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;"
			    "&lt;U+202E RIGHT-TO-LEFT OVERRIDE&gt;&lt;U+001B ESCAPE&gt;[1m"
			    "&lt;0xFF&gt;");
	buf_free(&b);
}

/* Every text of a question is hostile; no tag or attribute of theirs may come out. */
static void test_a_hostile_question(void **state)
{
#define EVIL "</pre></title>\\\"'><script>x</script>[EMAIL-1]\\u202e"
	static const char question[] =
		"{\"id\":\"" EVIL "\",\"nonce\":\"" EVIL "\",\"digest\":\"" EVIL
		"\",\"app\":\"" EVIL "\",\"identity_words\":\"" EVIL "\",\"operator\":\"" EVIL
		"\",\"region\":\"" EVIL "\",\"destination\":\"" EVIL "\",\"model\":\"" EVIL
		"\",\"proxy\":\"" EVIL "\",\"why\":\"" EVIL "\",\"body\":\"" EVIL
		"\",\"original\":\"" EVIL "\",\"revoke_hint\":\"" EVIL
		"\",\"categories\":[{\"name\":\"" EVIL "\",\"count\":1,\"masked\":true}],"
		"\"price\":{\"currency\":\"" EVIL "\",\"upper_bound\":1},"
		"\"budget_left\":{\"currency\":\"" EVIL "\",\"amount\":1},"
		"\"modes\":[\"redacted\",\"as_is\"],\"scopes\":[\"once\"],\"masked\":[{}]}";
	struct json_where where;
	cJSON *q = NULL;
	struct buf b;

	(void)state;
	assert_int_equal(json_parse(SPAN_LITERAL(question), &json_limits_api, &q, &where),
			 ERR_OK);
	buf_init(&b, 1 << 20);
	web_page_question(&b, q, 0);
	assert_non_null(buf_cstr(&b));
	assert_null(strstr(b.ptr, "<script"));
	assert_null(strstr(b.ptr, "'>"));
	assert_null(strstr(b.ptr, "\xE2\x80\xAE"));
	assert_non_null(strstr(b.ptr, "&lt;script&gt;x&lt;/script&gt;<mark>[EMAIL-1]</mark>"));
	buf_free(&b);
	web_page_question(&b, NULL, 0); /* a question that says nothing is still a page */
	assert_non_null(strstr(buf_cstr(&b), "Keep on this device"));
	buf_free(&b);
	cJSON_Delete(q);
}

static void test_notification(void **state)
{
	struct notify_text t = { .app = "<b>A&B</b>\xE2\x80\x8B", .operator_name = "C>D" };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	notify_body(&b, &t, true);
	assert_string_equal(
		buf_cstr(&b),
		"&lt;b&gt;A&amp;B&lt;/b&gt;&lt;U+200B ZERO WIDTH SPACE&gt; wants to "
		"use C&gt;D.");
	buf_clear(&b);
	notify_body(&b, &t, false);
	assert_string_equal(buf_cstr(&b), "bAB/bU+200B ZERO WIDTH SPACE wants to use CD.");
	buf_clear(&b);
	notify_body(&b, &(struct notify_text){ NULL, NULL, NULL, NULL }, true);
	assert_string_equal(buf_cstr(&b),
			    "A program without a name wants to use a cloud model.");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_a_hostile_question),
		cmocka_unit_test(test_notification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
