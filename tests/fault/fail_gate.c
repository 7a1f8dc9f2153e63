/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate with its ledger, each allocation of each of its steps failing: alone, and from there
 * on. A step is one thing that router, cloud, boot or a person makes it do, with what it needs
 * prepared before. After each try memory is back, the ledger is looked at again, what waits is
 * let go, and then:
 *
 *   - there is one `granted` record for each SEND, and no more sends than were asked for;
 *   - no request waits and no question is open;
 *   - the next request is served as if nothing had been.
 *
 * At the end of a step's tries the chain verifies and no byte stays allocated behind it.
 *
 *   fail_gate [STEP[:N:alone|onwards]]   (all of them)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/log.h"
#include "consent/gate_impl.h"
#include "tests/fake/gate_world.h"
#include "tests/fault/failing_malloc.h"

#define MAIL "anna.schmidt@example.org"
#define FAR(more)                                                                              \
	"{\"hither_policy\":1,\"id\":\"t\",\"serial\":3,\"destinations\":{\"far\":{\"tier\":"  \
	"\"cloud\",\"api\":\"openai\",\"operator\":\"Far Inc\",\"base_url\":"                  \
	"\"https://far.example/v1\",\"models\":[\"big-1\"],\"retry\":{\"attempts\":3},"        \
	"\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,\"output_per_mtok\":2}}},"       \
	"\"ledger\":{\"content\":\"full\",\"retain\":\"30d\"},\"budgets\":[{\"id\":\"b\","     \
	"\"scope\":[\"user\"],\"window\":\"1h\",\"max_cost\":{\"amount\":1000,\"currency\":"   \
	"\"EUR\"},\"on_exceed\":\"ask\"}]," more "}"
#define MANY   "\"consent\":{\"max_prompts_per_hour\":1000000}"
#define ASKS   FAR("\"default\":{\"cloud\":\"ask\"}," MANY)
#define ALLOWS FAR("\"default\":{\"cloud\":\"allow\"}," MANY)
#define STAYS                                                                                  \
	FAR("\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"mail\",\"effect\":"        \
	    "\"local_only\",\"when\":{\"data\":{\"any\":[\"personal.contact.email\"]}}}]"      \
	    "," MANY)

static unsigned long wrong, runs, points;
static const char *where;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	printf("WRONG: %s: %s\n", where, what);
	wrong++;
}

/* --- what does not fail ------------------------------------------------------------------ */

/*
 * Without memory for a digest or a random number the process ends (crypto.c): that is not tried
 * here. Nor is what opening a ledger and sealing it fail at, by the hundred: unit/ledger_faults
 * has that. The linker puts these in place of the real ones (--wrap).
 */
#define CALM(name, parameters, arguments)                                                      \
	void __real_##name parameters;                                                         \
	void __wrap_##name parameters;                                                         \
	void __wrap_##name parameters                                                          \
	{                                                                                      \
		bool was = failing.armed;                                                      \
                                                                                               \
		failing.armed = false;                                                         \
		__real_##name arguments;                                                       \
		failing.armed = was;                                                           \
	}

CALM(crypto_sha256, (struct span bytes, struct crypto_sha256 *ret), (bytes, ret))
CALM(crypto_hmac_sha256, (struct span key, struct span bytes, struct crypto_sha256 *ret),
     (key, bytes, ret))
CALM(crypto_random, (void *out, size_t n), (out, n))
CALM(crypto_hasher_add, (struct crypto_hasher * h, struct span bytes), (h, bytes))
CALM(crypto_hasher_end, (struct crypto_hasher * h, struct crypto_sha256 *ret), (h, ret))

#define CALM_ERR(name, parameters, arguments)                                                  \
	enum err __real_##name parameters;                                                     \
	enum err __wrap_##name parameters;                                                     \
	enum err __wrap_##name parameters                                                      \
	{                                                                                      \
		bool was = failing.armed;                                                      \
		enum err e;                                                                    \
                                                                                               \
		failing.armed = false;                                                         \
		e = __real_##name arguments;                                                   \
		failing.armed = was;                                                           \
		return e;                                                                      \
	}

CALM_ERR(crypto_sign, (const struct crypto_key *k, struct span message, struct buf *out),
	 (k, message, out))
CALM_ERR(crypto_verify,
	 (const struct crypto_key *k, struct span message, struct span signature),
	 (k, message, signature))

CALM_ERR(ledger_open,
	 (const char *state_dir, enum ledger_mode mode, struct ledger **ret,
	  struct ledger_problem *reterr),
	 (state_dir, mode, ret, reterr))

struct crypto_hasher *__real_crypto_hasher_begin(void);
struct crypto_hasher *__wrap_crypto_hasher_begin(void);
struct crypto_hasher *__wrap_crypto_hasher_begin(void)
{
	bool was = failing.armed;
	struct crypto_hasher *h;

	failing.armed = false;
	h = __real_crypto_hasher_begin();
	failing.armed = was;
	return h;
}

/* --- what a step works with --------------------------------------------------------------- */

static struct prepared {
	struct msg_ASK m;
	int fds[2];
	unsigned n_fds;
	struct gate_response answer;
	char id[TEXT_ULID_BYTES], nonce[33], digest[80];
	struct policy_set *set;
	struct gate_result result;
	struct buf out;
	struct ledger_head seen;
} p;

static unsigned turn; /* other bytes and another app for each try */

static void prepare_ask(struct world *w, const char *text, const char *original)
{
	struct buf b;

	p.m = world_ask(w);
	snprintf(p.m.app, sizeof p.m.app, "app%u", turn);
	snprintf(p.m.conversation, sizeof p.m.conversation, "%064u", turn);
	world_body(text, &b);
	p.fds[0] = file_sealed("body", buf_span(&b));
	p.n_fds = 1;
	buf_free(&b);
	if (original != NULL) {
		p.m.has_original = 1;
		strcpy(p.m.masked, "personal.contact.email=1");
		world_body(original, &b);
		p.fds[p.n_fds++] = file_sealed("original", buf_span(&b));
		buf_free(&b);
	}
}

static void ask(struct world *w)
{
	check(gate_ask(w->gate, &p.m, p.fds, p.n_fds), "a good ASK broke the protocol");
	(void)gate_turn(w->gate);
}

/* Three that are released in one commit. */
static struct together {
	struct msg_ASK m;
	int fd;
} together[3];

static void ask_together(struct world *w)
{
	for (unsigned i = 0; i < LEN(together); i++)
		check(gate_ask(w->gate, &together[i].m, &together[i].fd, 1),
		      "a good ASK broke the protocol");
	(void)gate_turn(w->gate);
	for (unsigned i = 0; i < LEN(together); i++)
		check(failing.fired > 0 ||
			      world_last(w, together[i].m.request_id)->outcome == ASK_GRANTED,
		      "one of three was not released");
}

static void text_of_turn(char out[64], const char *more)
{
	snprintf(out, 64, "%u %s", turn, more);
}

/* One more request of this turn's app, with its text; it is asked. */
static void put(struct world *w, const char *text, const char *original)
{
	prepare_ask(w, text, original);
	ask(w);
}

static void prepare_answer(struct world *w, enum gate_word word, const char *scope)
{
	const struct msg_ANSWER *a = world_last(w, p.m.request_id);
	cJSON *q = a != NULL ? world_question(w, a->question) : NULL;

	if (q == NULL) {
		fprintf(stderr, "%s: no question\n", where);
		exit(2);
	}
	snprintf(p.id, sizeof p.id, "%s", json_get_string(q, "id"));
	snprintf(p.nonce, sizeof p.nonce, "%s", json_get_string(q, "nonce"));
	snprintf(p.digest, sizeof p.digest, "%s", json_get_string(q, "digest"));
	cJSON_Delete(q);
	p.answer = (struct gate_response){ .id = p.id,
					   .nonce = p.nonce,
					   .digest = p.digest,
					   .word = word,
					   .scope = scope,
					   .uid = (uint32_t)getuid(),
					   .pid = getpid() };
}

static void respond(struct world *w)
{
	gate_respond(w->gate, &p.answer, &p.result);
	(void)gate_turn(w->gate);
}

/* --- the steps ------------------------------------------------------------------------------
 */

static void before_masked(struct world *w)
{
	char text[64], original[64];

	text_of_turn(text, "to [EMAIL-1]");
	text_of_turn(original, "to " MAIL);
	prepare_ask(w, text, original);
}

static void before_plain(struct world *w)
{
	char text[64];

	text_of_turn(text, "plain");
	prepare_ask(w, text, NULL);
}

static void before_together(struct world *w)
{
	for (unsigned i = 0; i < LEN(together); i++) {
		before_plain(w);
		together[i] = (struct together){ p.m, p.fds[0] };
	}
}

static void before_mail(struct world *w)
{
	char text[64];

	text_of_turn(text, MAIL);
	prepare_ask(w, text, NULL);
}

static void before_alone(struct world *w)
{
	w->somebody = false;
	before_plain(w);
}

static void before_full(struct world *w) /* one more than policy lets it put in an hour */
{
	char text[64];

	text_of_turn(text, "first");
	put(w, text, NULL);
	before_plain(w);
}

static void question(struct world *w, enum gate_word word, const char *scope)
{
	char text[64], original[64];

	text_of_turn(text, "to [EMAIL-1]");
	text_of_turn(original, "to " MAIL);
	put(w, text, original);
	prepare_answer(w, word, scope);
}

static void before_yes(struct world *w)
{
	question(w, GATE_APPROVE, "session");
}

static void before_no(struct world *w)
{
	question(w, GATE_DENY, "session");
}

static void before_not_now(struct world *w)
{
	question(w, GATE_DISMISS, NULL);
}

static void before_kept(struct world *w)
{
	char text[64];

	text_of_turn(text, "kept");
	prepare_ask(w, text, NULL);
	p.m.on_question = 1;
	ask(w);
	prepare_answer(w, GATE_APPROVE, NULL);
}

static void before_redeem(struct world *w)
{
	char text[64];

	before_kept(w);
	respond(w);
	text_of_turn(text, "kept");
	prepare_ask(w, text, NULL);
}

static void before_sent(struct world *w)
{
	before_plain(w);
	ask(w);
}

static void sent(struct world *w)
{
	const struct msg_SEND *m = &w->sends[w->n_sends - 1].m;
	const struct msg_SENT s = { .request_id = m->request_id,
				    .ledger_seq = m->ledger_seq,
				    .bytes_out = 5,
				    .input_tokens = 5,
				    .output_tokens = 5,
				    .cached_tokens = -1 };

	check(gate_sent(w->gate, &s), "an end of a release was not taken");
}

static void ended(struct world *w)
{
	sent(w);
	w->now_ms += 1000;
	(void)gate_tick(w->gate);
}

static void after_ended(struct world *w) /* nobody asks for anything; it is on disk soon */
{
	w->now_ms += 1000;
	(void)gate_tick(w->gate);
	check(!w->gate->ledger_ok || ledger_queued(w->gate->ledger) == 0,
	      "an end stays in memory");
}

static void again(struct world *w)
{
	const struct msg_AGAIN m = { .request_id = w->sends[w->n_sends - 1].m.request_id,
				     .attempt = 1 };

	check(gate_again(w->gate, &m), "an attempt of a release was not taken");
}

static void cloud_gone(struct world *w)
{
	gate_cloud_gone(w->gate);
}

static void router_gone(struct world *w)
{
	gate_router_gone(w->gate, ROLE_ROUTER);
}

static void before_policy(struct world *w)
{
	before_yes(w);
	p.set = world_policies(turn % 2 == 0 ? ALLOWS : ASKS, NULL);
}

static void policy(struct world *w)
{
	(void)gate_policy(w->gate, p.set, 1000 + turn);
}

static void after_policy(struct world *w)
{
	policy_set_free(p.set);
	p.set = NULL;
	world_set_policy(w, ASKS);
}

static void device(struct world *w)
{
	struct msg_DEVICE_STATE m = { .battery_pct = (uint8_t)(turn % 100) };

	gate_device(w->gate, &m);
}

static void decided(struct world *w)
{
	struct msg_DECIDED m = { .uid = turn,
				 .tier = POLICY_TIER_DEVICE,
				 .kept = POLICY_TIER_CLOUD,
				 .categories = "a=1,b=2",
				 .outcome = "answered" };

	snprintf(m.conversation, sizeof m.conversation, "%064u", turn);
	for (unsigned i = 0; i < 40; i++)
		gate_decided(w->gate, &m);
	w->now_ms += 1000;
	(void)gate_tick(w->gate);
}

static void before_first(struct world *w)
{
	decided_free(w->gate); /* nothing was decided yet */
	w->gate->decided = NULL;
}

static void
before_lost(struct world *w) /* a permission, a refusal, a send, a question; no disk */
{
	before_yes(w);
	respond(w);
	turn++;
	before_no(w);
	respond(w);
	turn++;
	before_yes(w);
	w->gate->ledger_ok = false;
	w->gate->ledger_problem[0] = '\0';
}

static void reopen(struct world *w)
{
	gate_ledger_retry(w->gate);
}

static void before_long_lost(struct world *w) /* more than fits where little was */
{
	char path[sizeof w->state_dir + 16];
	int lock;

	for (unsigned i = 0; i < 70; i++, turn++) {
		char text[64];

		text_of_turn(text, "open");
		put(w, text, NULL);
	}
	/* The process ends without a ledger, so no end is in it; a new one may not write yet.
	 */
	w->gate->ledger_ok = false;
	gate_free(w->gate);
	snprintf(path, sizeof path, "%s/ledger/lock", w->state_dir);
	lock = open(path, O_RDWR | O_CLOEXEC);
	check(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0, "the ledger is not let go of");
	world_start(w, ASKS);
	check(!gate_status(w->gate).ledger_ok, "two write to one ledger");
	close(lock);
}

static void before_views(struct world *w)
{
	before_yes(w);
	respond(w);
	turn++;
	before_yes(w);
	buf_init(&p.out, 1 << 20);
}

static void views(struct world *w)
{
	gate_write_questions(w->gate, (uint32_t)getuid(), &p.out);
	(void)gate_write_question(w->gate, (uint32_t)getuid(), p.id, &p.out);
	gate_write_grants(w->gate, (uint32_t)getuid(), &p.out);
	gate_write_budgets(w->gate, &p.out);
	gate_write_metrics(w->gate, &p.out);
}

static void after_views(struct world *w)
{
	(void)w;
	buf_free(&p.out);
}

static void before_revoke(struct world *w)
{
	before_yes(w);
	respond(w);
	buf_init(&p.out, 1 << 20);
}

static void take_back(struct world *w)
{
	struct gate_result r;

	gate_revoke(w->gate, (uint32_t)getuid(), p.result.permission, &r, &p.out);
	check(r.status == 200 || r.status == 503, "a permission was not found");
}

static void before_head(struct world *w) /* cloud has seen one that is not the newest */
{
	p.seen = w->head;
	before_yes(w);
}

static void head(struct world *w)
{
	struct msg_HEAD_KNOWN m = { .seq = p.seen.seq };

	memcpy(m.hash, p.seen.hash.bytes, sizeof m.hash);
	gate_head_known(w->gate, &m);
}

static void after_head(struct world *w)
{
	struct msg_HEAD_KNOWN none = { 0 };

	gate_head_known(w->gate, &none);
}

static void expire(struct world *w)
{
	w->now_ms += 61000;
	(void)gate_tick(w->gate);
}

static void before_start(struct world *w)
{
	before_yes(w);
	respond(w);
	world_restart(w, ASKS);
	gate_free(w->gate);
	w->gate = NULL;
}

static void start(struct world *w)
{
	const struct gate_setup setup = {
		.state_dir = w->state_dir, .session = "test", .io = &world_io, .ctx = w
	};

	w->gate = gate_new(&setup);
}

static void after_start(struct world *w)
{
	if (w->gate == NULL)
		world_start(w, ASKS);
	else
		world_set_policy(w, ASKS);
}

/* Folds alone: more records than fit where little was. */
static void folds(struct world *w)
{
	struct perms *perms = perms_new();
	struct budgets *budgets = budgets_new();
	struct record r;
	bool ok = perms != NULL && budgets != NULL;

	(void)w;
	for (unsigned i = 0; ok && i < 40; i++) {
		record_init(&r, i % 4 == 0 ? RECORD_APPROVED : RECORD_REFUSED);
		r.seq = i + 1;
		r.app = "app";
		r.scope = i % 4 == 0 ? "session" : NULL;
		r.categories = "[{\"name\":\"a\"}]";
		r.conversation = "c";
		ok = perms_note(perms, &r);
		/* What is said to be remembered is. */
		struct perm_query q = { .uid = UINT32_MAX,
					.app = "app",
					.destination = "",
					.task = "",
					.conversation = "c",
					.digest = "",
					.policy_sha256 = "",
					.now_ms = 0 };
		check(!ok || i == 0 || perms_refusing(perms, &q) != NULL,
		      "a refusal was forgotten");
	}
	for (unsigned i = 0; ok && i < 400; i++) {
		record_init(&r, i % 2 == 0 ? RECORD_GRANTED : RECORD_TAINTED);
		r.time_ms = i;
		r.app = "app";
		r.tier = "cloud";
		r.conversation = "c";
		ok = perms_note(perms, &r) && budgets_note(budgets, &r);
	}
	if (ok) { /* most of them, then the rest */
		budgets_forget(budgets, 240);
		budgets_forget(budgets, INT64_MAX);
	}
	perms_free(perms);
	budgets_free(budgets);
}

static const struct step {
	const char *name, *policy;
	void (*before)(struct world *w);
	void (*run)(struct world *w);
	void (*after)(struct world *w);
	bool anew; /* reads the whole chain: a short one for each try */
} steps[] = {
	{ "ask", ASKS, before_masked, ask, NULL, false },
	{ "allow", ALLOWS, before_plain, ask, NULL, false },
	{ "together", ALLOWS, before_together, ask_together, NULL, false },
	{ "deny", STAYS, before_mail, ask, NULL, false },
	{ "nobody", ASKS, before_alone, ask, NULL, false },
	{ "limited",
	  FAR("\"default\":{\"cloud\":\"ask\"},\"consent\":{\"max_prompts_per_hour\":1}"),
	  before_full, ask, NULL, false },
	{ "yes", ASKS, before_yes, respond, NULL, false },
	{ "no", ASKS, before_no, respond, NULL, false },
	{ "not_now", ASKS, before_not_now, respond, NULL, false },
	{ "kept", ASKS, before_kept, respond, NULL, false },
	{ "redeem", ASKS, before_redeem, ask, NULL, false },
	{ "sent", ALLOWS, before_sent, sent, NULL, false },
	{ "ended", ALLOWS, before_sent, ended, after_ended, false },
	{ "again", ALLOWS, before_sent, again, NULL, false },
	{ "cloud_gone", ALLOWS, before_sent, cloud_gone, NULL, false },
	{ "router_gone", ASKS, before_yes, router_gone, NULL, false },
	{ "policy", ASKS, before_policy, policy, after_policy, false },
	{ "device", ASKS, before_yes, device, NULL, false },
	{ "decided", ASKS, before_first, decided, NULL, false },
	{ "reopen", ASKS, before_lost, reopen, NULL, true },
	{ "reopen_long", ALLOWS, before_long_lost, reopen, NULL, true },
	{ "views", ASKS, before_views, views, after_views, false },
	{ "revoke", ASKS, before_revoke, take_back, after_views, false },
	{ "head", ASKS, before_head, head, after_head, true },
	{ "expire", ASKS, before_yes, expire, NULL, false },
	{ "start", ASKS, before_start, start, after_start, true },
	/* Each try has lists of its own, which are begun. */
	{ "first_yes", ASKS, before_yes, respond, NULL, true },
	{ "first_allow", ALLOWS, before_plain, ask, NULL, true },
	{ "folds", ASKS, NULL, folds, NULL, false },
};

/* --- the campaign ---------------------------------------------------------------------------
 */

/* True when no allocation failed: the step has no more of them. */
static bool attempt(struct world *w, const struct step *s, unsigned at, bool on)
{
	bool came;

	turn++;
	runs++;
	memset(&p, 0, sizeof p);
	p.fds[0] = p.fds[1] = -1;
	w->n_answers = 0;
	if (s->before != NULL)
		s->before(w);
	failing_arm(at, on);
	s->run(w);
	failing_disarm();
	came = failing.fired > 0;
	points += came && !on;
	if (s->after != NULL)
		s->after(w);
	return !came;
}

/* Memory is back: all is well within a moment. */
static void recover(struct world *w, unsigned *closed)
{
	w->somebody = true;
	world_pass(w, 1500);
	check(gate_status(w->gate).ledger_ok, "the ledger stays out of use");
	gate_router_gone(w->gate, ROLE_ROUTER);
	gate_cloud_gone(w->gate);
	world_pass(w, 11 * 60000);
	world_pass(w, 3600000);
	check(w->gate->n_asks == 0 && w->gate->asks == NULL, "a request stays behind");
	check(gate_pending(w->gate) == 0, "a question stays open");
	check(w->gate->n_sending == 0, "a send stays under way");
	*closed += w->n_sends;
	w->n_sends = w->n_told = 0;
}

static void served(struct world *w)
{
	const struct msg_ANSWER *a;
	char text[64];

	turn++;
	text_of_turn(text, "well again");
	w->n_answers = 0;
	put(w, text, NULL);
	a = world_last(w, p.m.request_id);
	check(a != NULL && (a->outcome == ASK_PENDING || a->outcome == ASK_GRANTED),
	      "the next request was not served");
}

/* What must hold of a chain, whatever failed while it was written. */
static void look_back(struct world *w, unsigned closed)
{
	struct ledger_report report;

	world_restart(w,
		      ASKS); /* an end that could not be written is written at the next start */
	check(world_records(w, RECORD_GRANTED, NULL) >= closed, "a send without a record");
	check(world_records(w, RECORD_GRANTED, NULL) == world_records(w, RECORD_CLOSED, NULL),
	      "a release without one end");
	check(ledger_verify(gate_ledger(w->gate), 0, 0, NULL, 0, &report, NULL, NULL) ==
			      ERR_OK &&
		      report.ok,
	      "the chain is broken");
}

static bool one(struct world *w, const struct step *s, unsigned at, bool on, unsigned *closed)
{
	bool over = attempt(w, s, at, on);

	recover(w, closed);
	served(w);
	recover(w, closed);
	return over;
}

/* The longest start has ten thousand allocations: behind the first hundred one in 89 fails. */
static unsigned stride(const struct step *s, unsigned at, unsigned only_at)
{
	return s->before == before_long_lost && at > 100 && only_at == 0 ? 89 : 1;
}

static void step(const struct step *s, unsigned only_at, const char *only_how)
{
	struct world *w = s->anew ? NULL : world_new(s->policy);
	unsigned closed = 0;
	static char name[64]; /* `where` outlives this call */

	for (unsigned on = 0; on < 2; on++) {
		bool over = false;

		for (unsigned at = 1; !over; at += stride(s, at, only_at)) {
			snprintf(name, sizeof name, "%s:%u:%s", s->name, at,
				 on ? "onwards" : "alone");
			where = name;
			if (only_at != 0 && (at != only_at ||
					     strcmp(only_how, on ? "onwards" : "alone") != 0)) {
				over = at > only_at;
				continue;
			}
			if (s->anew) {
				w = world_new(s->policy);
				closed = 0;
			}
			over = one(w, s, at, on, &closed);
			if (s->anew) {
				look_back(w, closed);
				world_free(w);
			}
		}
	}
	if (!s->anew) {
		look_back(w, closed);
		world_free(w);
	}
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	size_t length = only != NULL ? strcspn(only, ":") : 0;
	unsigned at = 0;
	char how[16] = "";

	if (only != NULL)
		(void)!sscanf(only + length, ":%u:%15s", &at, how);
	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT); /* each failure is logged */
	for (size_t i = 0; i < LEN(steps); i++) {
		if (only != NULL && (strlen(steps[i].name) != length ||
				     strncmp(steps[i].name, only, length) != 0))
			continue;
		unsigned long before_points = points, before_runs = runs;
		long before;

		world_free(world_new(steps[i].policy)); /* what is made once is made now */
		before = failing.alive;
		step(&steps[i], at, how);
		where = steps[i].name;
		check(failing.alive == before, "something stays allocated");
		printf("%s: %lu allocations, %lu runs\n", steps[i].name, points - before_points,
		       runs - before_runs);
		fflush(stdout);
	}
	printf("%lu allocations, %lu runs, %lu wrong\n", points, runs, wrong);
	return wrong > 0 || runs == 0;
}
