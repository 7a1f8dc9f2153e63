/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request machine of the router (request.c, draft.c, cascade.c) with stand-ins for the
 * device, consent and the client. What the machine did is counted in `did`.
 */
#ifndef HITHER_TESTS_UNIT_ROUTER_STAGE_H
#define HITHER_TESTS_UNIT_ROUTER_STAGE_H

#include "tests/unit/check.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "router/cascade.c"
#include "router/draft.c"
#include "router/pool.c"
#include "router/request.c"

static struct router router;
static struct service service;
static struct config config;
static uv_loop_t loop;
static struct request *q;
static struct policy_set *set;

/* ---------------------------------------------------------------- stand-ins */

static struct {
	int others, wants, starts, stops, asks, reads, cancels, errors, questions, ends,
		records, told, keepalives, resumes, given_back, flushes, sunk, written, remarks,
		writers;
	bool kept, broken, want_fails, start_fails, ask_fails, read_fails, decide_fails,
		restrict_fails;
	enum plan_kind plan, plan_again;
	int decided_again;
	uint32_t tokens;
	bool local_possible, nowhere;
	const char *draft, *cascade; /* headers */
	struct model model;
	char text[400]; /* what went to the client, kinds as letters */
	char code[48];
} did;

bool device_resume(struct request *r)
{
	if (!did.kept)
		return false;
	did.kept = false;
	did.resumes++;
	r->wants_engine = r->slot_kept = true;
	return true;
}

const struct model *device_model(const struct request *r)
{
	(void)r;
	return &did.model;
}

struct span http_header(const struct http_exchange *x, const char *name)
{
	const char *value = strcmp(name, "Hither-Draft") == 0     ? did.draft
			    : strcmp(name, "Hither-Cascade") == 0 ? did.cascade
								  : NULL;

	(void)x;
	return value != NULL ? span_of(value) : (struct span){ NULL, 0 };
}

bool reply_begin_source(struct request *r)
{
	r->failed = r->over = false;
	did.writers += !r->draft.shown;
	return true;
}

bool reply_begin_draft(struct request *r)
{
	(void)r;
	did.writers++;
	return true;
}

bool reply_write(struct request *r, const struct chat_event *ev)
{
	size_t n = strlen(did.text);

	(void)r;
	snprintf(did.text + n, sizeof did.text - n, "%c%.*s ", "ATRXCCFUEX"[ev->kind],
		 ev -> text.len < 5 ? (int)ev->text.len : 5, ev->text.ptr);
	return true;
}

bool reply_sink(void *ctx, const struct chat_event *ev)
{
	struct request *r = ctx;

	cascade_see(r, ev);
	if (draft_keeps(r))
		return draft_take(r, ev);
	r->over = r->over || ev->kind == CHAT_EV_END;
	return reply_write(r, ev);
}

void reply_flush(struct request *r)
{
	(void)r;
	did.flushes++;
}

void reply_remark(struct request *r, const char *key, const char *value, const char *key2,
		  const char *value2)
{
	(void)r;
	(void)key;
	(void)value;
	(void)key2;
	(void)value2;
	did.remarks++;
}

bool facts_reconsider(struct request *r, struct plan *ret)
{
	(void)r;
	*ret = (struct plan){ .kind = did.nowhere ? PLAN_LOCAL : PLAN_ASK,
			      .destination = !did.nowhere,
			      .model = span_of("m"),
			      .local_possible = true,
			      .reasons = { "unsure" } };
	return true;
}

void lease_give_back(struct router *r)
{
	(void)r;
	did.given_back++;
}

void others_mark(const struct router *r, char *io_decision_id)
{
	(void)r;
	(void)io_decision_id;
}

void others_count(struct router *r)
{
	(void)r;
}

void lease_drop_all(struct router *r)
{
	lease_give_back(r);
}

bool lease_tick(struct router *r)
{
	(void)r;
	return false;
}

bool device_want(struct request *r)
{
	did.wants++;
	r->slot_kept = false;
	r->wants_engine = !did.want_fails;
	return r->wants_engine;
}

bool device_start(struct request *r, int fd)
{
	(void)fd;
	did.starts++;
	cascade_begin(r);
	return !did.start_fails;
}

void device_stop(struct request *r, bool broken)
{
	if (r->wants_engine) {
		did.stops++;
		did.broken = broken;
	}
	r->wants_engine = false;
}

void device_none_problem(uint8_t reason, const char *detail, struct chat_problem *ret)
{
	(void)reason;
	problem_set(ret, 503, "engine_missing", "%s", detail);
}

/* As many other destinations as a test says. */
bool fallback_next(struct request *r, const struct chat_problem *why)
{
	(void)why;
	if (r->answered || did.others == 0)
		return false;
	did.others--;
	did.asks++;
	r->held = true;
	return true;
}

void escalate_obstacle(const struct request *r, struct chat_problem *ret)
{
	(void)r;
	*ret = (struct chat_problem){ .status = 503, .code = "consent_unavailable" };
}

bool escalate_ask(struct request *r)
{
	did.asks++;
	r->held = r->asked = !did.ask_fails;
	return r->held;
}

bool escalate_read(struct request *r, int fd)
{
	(void)r;
	(void)fd;
	did.reads++;
	return !did.read_fails;
}

void escalate_stop(struct request *r)
{
	did.cancels += r->held;
	r->held = false;
}

void escalate_problem(const struct request *r, const struct msg_ANSWER *a,
		      struct chat_problem *ret)
{
	(void)r;
	problem_set(ret, a->outcome == ASK_UNREACHABLE ? 503 : 403, "from_consent", "%s",
		    a->detail);
}

bool facts_restrict(struct request *r)
{
	if (did.restrict_fails)
		problem_set(&r->problem, 400, "invalid_value", "none");
	return !did.restrict_fails;
}

bool facts_decide(struct request *r)
{
	r->set = policy_set_ref(set);
	r->plan.kind = did.plan;
	r->plan.destination = did.plan == PLAN_ASK ? 1 : 0;
	r->plan.local_possible = did.local_possible;
	problem_set(&r->problem, 404, "model_not_found", "none");
	r->decided = !did.decide_fails;
	return r->decided;
}

bool facts_decide_again(struct request *r, uint32_t tokens)
{
	did.decided_again++;
	did.tokens = tokens;
	r->plan.kind = did.plan_again;
	r->plan.destination = did.plan_again == PLAN_ASK ? 1 : 0;
	r->plan.local_possible = true;
	return !did.decide_fails;
}

void facts_answered(struct request *r)
{
	(void)r;
}

void problem_set(struct chat_problem *p, int status, const char *code, const char *format, ...)
{
	(void)format;
	memset(p, 0, sizeof *p);
	p->status = status;
	snprintf(p->code, sizeof p->code, "%s", code);
}

void plan_reason(struct plan *p, const char *format, ...)
{
	(void)format;
	memcpy(p->reasons[0], "why", 4);
}

void chat_api_counted(struct request *r, uint32_t tokens)
{
	(void)r;
	(void)tokens;
}

void reply_error(struct request *r, const struct chat_problem *p)
{
	(void)r;
	did.errors++;
	snprintf(did.code, sizeof did.code, "%s", p->code);
}

void reply_question(struct request *r, const struct msg_ANSWER *a)
{
	(void)r;
	(void)a;
	did.questions++;
}

void reply_keepalive(struct request *r)
{
	(void)r;
	did.keepalives++;
}

struct decision *decision_record(const struct request *r)
{
	(void)r;
	did.records++;
	return NULL;
}

void decision_tell(const struct request *r, const struct decision *d)
{
	(void)r;
	(void)d;
	did.told++;
}

bool later_keep(struct request *r, struct decision *d)
{
	(void)r;
	(void)d;
	return false;
}

void later_settle(struct router *r, bool look)
{
	(void)r;
	(void)look;
}

void http_end(struct http_exchange *x)
{
	(void)x;
	did.ends++;
}

/* ---------------------------------------------------------------- helpers */

static void begin(enum plan_kind plan, bool local_possible)
{
	memset(&did, 0, sizeof did);
	did.plan = plan;
	did.plan_again = PLAN_LOCAL;
	did.local_possible = local_possible;
	q = request_new(&router, (struct http_exchange *)&did);
	assert_non_null(q);
	q->parsed = true;
	q->chat.model = span_of("auto");
	q->chat.stream = true;
	q->dialect = &dialect_openai_chat;
}

static void event(enum event_kind kind)
{
	struct chat_problem p = { .status = 502, .code = "stream_cut" };

	request_event(q, &(struct event){
				 .kind = kind, .fd = -1, .problem = &p, .detail = "run this" });
}

static void answer(enum ask_outcome outcome, uint8_t fallback, int fd)
{
	struct msg_ANSWER a = { .outcome = (uint8_t)outcome, .fallback = fallback };

	request_event(q, &(struct event){ .kind = EV_ANSWER, .fd = fd, .answer = &a });
}

static void lost(enum role peer)
{
	request_event(q, &(struct event){ .kind = EV_PEER_LOST, .fd = -1, .peer = peer });
}

static void over(void)
{
	event(EV_REPLY_DONE);
	CHECK(router.n_requests == 0 && router.all == NULL, "released");
	CHECK(did.stops <= did.wants + did.resumes, "never more stops than slots");
}

static void is(enum request_state state, const char *sentence)
{
	if (q->state != state)
		fail_msg("%s: state %d, wanted %d", sentence, (int)q->state, (int)state);
}

static int run_all(const struct CMUnitTest *tests, size_t n)
{
	static const char policy[] =
		"{\"hither_policy\":1,\"id\":\"u\",\"destinations\":{\"far\":{\"tier\":"
		"\"cloud\","
		"\"api\":\"openai\",\"base_url\":\"https://far.example\",\"models\":[\"m\"]}},"
		"\"routing\":{\"cascade\":\"on\"},\"rules\":[]}";
	struct policy_file *file = NULL;
	struct policy_error error;

	assert_int_equal(policy_file_parse(SPAN_LITERAL(policy), POLICY_USER, "u", NULL, 0,
					   &file, &error),
			 ERR_OK);
	assert_int_equal(policy_set_build(&file, 1, NULL, 0, &set, &error), ERR_OK);
	policy_file_free(file);
	uv_loop_init(&loop);
	config.limits.total_timeout_ms = 600000;
	config.limits.keepalive_ms = 10000;
	service.loop = &loop;
	service.config = &config;
	router.service = &service;
	uv_timer_init(&loop, &router.tick);
	router.tick.data = &router;
	int failed = _cmocka_run_group_tests("router", tests, n, NULL, NULL);
	request_free_pool(&router);
	policy_set_free(set);
	return failed != 0 || arenas_alive() != 0;
}

#endif
