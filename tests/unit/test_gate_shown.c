/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs are shown, to the last byte. Names that are drawn, and times that
 * the ledger has from the real clock, are written ULID, HEX, KEYED and TIME. */
#include "tests/unit/gate_help.h"

#include "consent/gate_impl.h"

#define SPEND                                                                                  \
	FAR("\"default\":{\"cloud\":\"ask\"},\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"]," \
	    "\"window\":\"36h\",\"max_cost\":{\"amount\":2.5,\"currency\":\"EUR\"},"           \
	    "\"on_exceed\":\"ask\"}]")

static bool all_of(struct span s, const char *shape)
{
	for (size_t i = 0; i < s.len; i++)
		if (strchr(shape, s.ptr[i]) == NULL)
			return false;
	return true;
}

/* The text without what differs from run to run. */
static void settle(struct buf *b, bool times)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	for (size_t i = 0; i < b->len; i++) {
		struct span rest = { b->ptr + i + 1, b->len - i - 1 };
		const char *end = memchr(rest.ptr, '"', rest.len);
		struct span in = { rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : 0 };
		const char *instead = NULL;

		if (b->ptr[i] == '"' && in.len == 26 &&
		    all_of(in, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
			instead = "\"ULID\"";
		else if (b->ptr[i] == '"' && in.len == 32 && all_of(in, "0123456789abcdef"))
			instead = "\"HEX\"";
		else if (b->ptr[i] == '"' && in.len == 64 && all_of(in, "0123456789abcdef"))
			instead = "\"KEYED\"";
		else if (times && b->ptr[i] == '"' && in.len == 24 &&
			 all_of(in, "0123456789-:.TZ"))
			instead = "\"TIME\"";
		if (instead != NULL) {
			buf_add_str(&out, instead);
			i += in.len + 1;
		} else {
			buf_add_char(&out, b->ptr[i]);
		}
	}
	buf_free(b);
	*b = out;
}

static void shown(struct buf *b, bool times, const char *want)
{
	settle(b, times);
	assert_string_equal(buf_cstr(b), want);
	buf_clear(b);
}

static const char question_text[] =
	"{\"schema\":\"hither.consent/"
	"1\",\"id\":\"ULID\",\"nonce\":\"HEX\",\"digest\":\"sha256:"
	"1e388dea41ca45f41cbe747f4da84cfa238010c29aa26fc3e21c578ff1811104\",\"original_"
	"digest\":\"sha256:9411f1d0a2a6b7bdc9f168582b742438594c19bf83b84210df589e5a91c5137a\","
	"\"state\":\"open\",\"app\":\"org.example.App\","
	"\"identity\":\"claimed\",\"identity_words\":\"says it is this program; that was not "
	"checked\",\"uid\":1234,\"pid\":0,\"waiting\":1,"
	"\"destination\":\"far\",\"tier\":\"cloud\",\"operator\":\"Far "
	"Inc\",\"region\":\"eu\",\"model\":\"big-1\",\"retention_days\":30,\"trains\":false,"
	"\"proxy\":null,\"privacy_url\":null,"
	"\"why\":\"too hard for the model on this "
	"device\",\"score\":0.800,\"threshold\":0.500,\"task\":\"chat\",\"rules\":\"user:"
	"default\","
	"\"bytes\":88,\"messages\":1,\"attachments\":1,\"input_tokens\":20,"
	"\"body\":\"{\\\"model\\\":\\\"big-1\\\",\\\"messages\\\":[{\\\"role\\\":\\\"user\\\","
	"\\\"content\\\":\\\"to [EMAIL-1]\\\"}],\\\"max_tokens\\\":100}\","
	"\"original\":\"{\\\"model\\\":\\\"big-1\\\",\\\"messages\\\":[{\\\"role\\\":"
	"\\\"user\\\",\\\"content\\\":\\\"to "
	"anna.schmidt@example.org\\\"}],\\\"max_tokens\\\":100}\","
	"\"categories\":[{\"name\":\"personal.contact.email\",\"count\":1,\"masked\":true},{"
	"\"name\":\"secret.token\",\"count\":2,\"masked\":true}],\"scan_complete\":true,"
	"\"masked\":[{\"name\":\"personal.contact.email\",\"count\":1},{\"name\":\"secret."
	"token\",\"count\":2}],"
	"\"price\":{\"currency\":\"EUR\",\"estimate\":0.00022,\"upper_bound\":0.000303},"
	"\"budget_left\":{\"currency\":\"EUR\",\"amount\":2.5},\"over_budget\":null,\"scopes\":"
	"[\"once\",\"session\"],\"modes\":[\"redacted\"],"
	"\"reason_required\":false,\"strong_auth\":false,"
	"\"created\":\"2026-11-18T11:06:40.000Z\",\"expires\":\"2026-11-18T11:07:40.000Z\","
	"\"age_ms\":0,\"expires_in_ms\":60000,\"revoke_hint\":\"take a permission back with: "
	"hither consent grants, hither consent revoke GRANT\"}";

static const char list_text[] =
	"{\"schema\":\"hither.consents/1\",\"consents\":[{\"id\":\"ULID\","
	"\"state\":\"open\",\"app\":\"org.example.App\","
	"\"destination\":\"far\",\"model\":\"big-1\","
	"\"bytes\":88,\"waiting\":1,"
	"\"created\":\"2026-11-18T11:06:40.000Z\",\"expires\":\"2026-11-18T11:07:40.000Z\","
	"\"age_ms\":0,\"expires_in_ms\":60000},"
	"{\"id\":\"ULID\","
	"\"state\":\"open\",\"app\":\"org.example.Other\","
	"\"destination\":\"far\",\"model\":\"big-1\","
	"\"bytes\":81,\"waiting\":1,"
	"\"created\":\"2026-11-18T11:06:40.000Z\",\"expires\":\"2026-11-18T11:07:40.000Z\","
	"\"age_ms\":0,\"expires_in_ms\":60000}]}";

static const char budgets_text[] = "{\"schema\":\"hither.budgets/"
				   "1\",\"budgets\":[{\"id\":\"b\",\"window\":{\"count\":36,"
				   "\"unit\":\"hour\",\"since\":\"2026-11-16T23:06:40.000Z\"},"
				   "\"scope\":[\"user\"],\"on_exceed\":\"ask\",\"requests\":0,"
				   "\"tokens\":0,\"currency\":\"EUR\",\"cost\":0,"
				   "\"max_cost\":2.5}]}";

static const char grants_text[] =
	"{\"schema\":\"hither.grants/1\",\"grants\":[{\"id\":\"g-4\",\"effect\":\"allow\","
	"\"state\":\"active\",\"app\":\"org.example.App\","
	"\"identity\":\"claimed\","
	"\"destination\":\"far\",\"model\":\"big-1\",\"task\":\"chat\","
	"\"covers\":\"requests like the one that was "
	"shown\",\"conversation\":null,\"keeps_from_tier\":null,\"digest\":null,"
	"\"scope\":\"session\",\"mode\":\"redacted\","
	"\"created\":\"TIME\",\"until\":\"TIME\","
	"\"receipt\":\"ULID\",\"uses\":1},"
	"{\"id\":\"n-7\",\"effect\":\"refuse\","
	"\"state\":\"active\",\"app\":\"org.example.Other\","
	"\"identity\":\"claimed\","
	"\"destination\":\"far\",\"model\":null,\"task\":null,"
	"\"covers\":\"exactly these "
	"bytes\",\"conversation\":null,\"keeps_from_tier\":null,\"digest\":\"sha256:"
	"52fa2169bb11d4b2c049f5464308c4c4ac50cd8307c15725c4a2f8df9ca9d1b1\","
	"\"scope\":\"once\",\"mode\":null,"
	"\"created\":\"TIME\",\"until\":\"TIME\","
	"\"receipt\":\"ULID\",\"uses\":0},"
	"{\"id\":\"n-7\",\"effect\":\"refuse\","
	"\"state\":\"active\",\"app\":\"org.example.Other\","
	"\"identity\":\"claimed\","
	"\"destination\":\"far\",\"model\":null,\"task\":null,"
	"\"covers\":\"the "
	"conversation\",\"conversation\":\"KEYED\",\"keeps_from_tier\":null,\"digest\":null,"
	"\"scope\":\"once\",\"mode\":null,"
	"\"created\":\"TIME\",\"until\":\"TIME\","
	"\"receipt\":\"ULID\",\"uses\":0}]}";

static const char revoked_text[] =
	"{\"outcome\":\"revoked\",\"grant\":\"g-4\","
	"\"receipt\":\"ULID\",\"aborted\":[{\"receipt\":\"ULID\","
	"\"destination\":\"far\"}],\"sent_before\":1,\"note\":\"nothing more leaves under it; "
	"text that was already sent is with the operator\"}";

static const char spent_text[] = "{\"schema\":\"hither.budgets/"
				 "1\",\"budgets\":[{\"id\":\"b\",\"window\":{\"count\":36,"
				 "\"unit\":\"hour\",\"since\":\"2026-11-16T23:06:40.000Z\"},"
				 "\"scope\":[\"user\"],\"on_exceed\":\"ask\",\"requests\":1,"
				 "\"tokens\":177,\"currency\":\"EUR\",\"cost\":0.000277,"
				 "\"max_cost\":2.5}]}";

static void a_question(void **state)
{
	struct world *w = world_new(SPEND);
	struct msg_ASK m = world_ask(w), n = m;
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	strcpy(m.masked, "personal.contact.email=1,secret.token=2");
	m.attachments = 1;
	m.uid = n.uid = 1234;
	assert_int_equal(ask_masked(w, &m, "to [EMAIL-1]", "to anna.schmidt@example.org"),
			 ASK_PENDING);
	assert_true(gate_write_question(w->gate, 1234, last(w, &m)->question, &b));
	shown(&b, false, question_text);
	strcpy(n.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &n, "plain"), ASK_PENDING);
	gate_write_questions(w->gate, 1234, &b);
	shown(&b, false, list_text);
	gate_write_budgets(w->gate, &b);
	shown(&b, false, budgets_text);
	buf_free(&b);
	world_free(w);
}

static void permissions(void **state)
{
	struct world *w = world_new(SPEND);
	struct msg_ASK m = world_ask(w);
	struct gate_result r;
	char permission[sizeof r.permission];
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	strcpy(m.conversation, "conversation");
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	r = world_respond(w, last(w, &m)->question, true, "session");
	memcpy(permission, r.permission, sizeof permission);
	strcpy(m.app, "org.example.Other");
	assert_int_equal(ask_outcome_of(w, &m, "y"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	gate_write_grants(w->gate, (uint32_t)getuid(), &b);
	shown(&b, true, grants_text);
	gate_revoke(w->gate, (uint32_t)getuid(), permission, &r, &b);
	assert_int_equal(r.status, 200);
	shown(&b, true, revoked_text);
	gate_write_budgets(w->gate, &b);
	shown(&b, false, spent_text);
	buf_free(&b);
	world_free(w);
}

/* Why somebody is not asked again, with the time of the no. */
static void an_earlier_no(void **state)
{
	static const char before[] = "you said no to exactly this text at ";
	static const char after[] = "; to be asked again: hither consent revoke n-";
	struct world *w = world_new(ASKS);
	struct msg_ASK m = world_ask(w);
	const char *said;

	(void)state;
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_PENDING);
	assert_int_equal(world_respond(w, last(w, &m)->question, false, NULL).status, 200);
	assert_int_equal(ask_outcome_of(w, &m, "x"), ASK_REFUSED);
	said = last(w, &m)->detail;
	assert_int_equal(strncmp(said, before, strlen(before)), 0);
	said += strlen(before);
	assert_true(all_of((struct span){ said, 24 }, "0123456789-:.TZ"));
	assert_int_equal(strncmp(said + 24, after, strlen(after)), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question),
		cmocka_unit_test(permissions),
		cmocka_unit_test(an_earlier_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
