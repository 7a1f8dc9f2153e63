/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world around one gate: stands in for router, cloud, agents and the clock. What the gate
 * says is kept for the test to look at.
 */
#ifndef HITHER_TESTS_FAKE_GATE_WORLD_H
#define HITHER_TESTS_FAKE_GATE_WORLD_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/file.h"
#include "common/json.h"
#include "consent/gate.h"
#include "crypto/crypto.h"
#include "tests/fake/memory_folder.h"

#define WORLD_MAX 4096

struct world_send {
	struct msg_SEND m;
	char body[4096]; /* as read from the descriptor that came along */
	size_t body_len;
	bool aborted;
};

struct world {
	struct msg_AGAIN_GRANTED last_again;
	unsigned n_agains;
	struct gate *gate;
	char state_dir[256];
	const char *session; /* what the next start calls this run of the daemon */
	uint64_t now_ms;
	int64_t wall_ms;
	bool cloud_up, somebody, send_fails;
	bool same_turn; /* what is put now is decided in one turn: gate_turn() is the test's */
	bool answer_fails, abort_fails, again_fails; /* it came, and the other side is gone */
	uint32_t patience_ms;                        /* of the next start */
	struct world_send sends[WORLD_MAX];
	unsigned n_sends;
	struct msg_ANSWER answers[WORLD_MAX];
	unsigned n_answers;
	int last_pipe; /* of the last GRANTED; -1 */
	struct {
		enum gate_news news;
		char question[TEXT_ULID_BYTES];
	} told[WORLD_MAX];
	unsigned n_told;
	struct ledger_head head;
	unsigned n_heads; /* one for each commit */
	uint64_t next_request;
	uint64_t generation; /* of the policy in force */
};

/* What holds of each answer, whatever it is about. */
static void world_look_at(const struct msg_ANSWER *m, int pipe_fd)
{
	bool granted = m->outcome == ASK_GRANTED;
	bool may_refuse = m->outcome == ASK_REFUSED || m->outcome == ASK_NO_AGENT ||
			  m->outcome == ASK_TIMEOUT || m->outcome == ASK_DISMISSED ||
			  m->outcome == ASK_BUDGET;

	if ((granted ? pipe_fd < 0 : pipe_fd != -1) || granted != (m->receipt[0] != '\0') ||
	    (m->fallback != 0 && !may_refuse)) {
		fprintf(stderr, "ANSWER %u: pipe %d receipt \"%s\" fallback %u\n", m->outcome,
			pipe_fd, m->receipt, m->fallback);
		abort();
	}
}

static enum err world_answer(void *ctx, const struct msg_ANSWER *m, int pipe_fd)
{
	struct world *w = ctx;

	world_look_at(m, pipe_fd);
	if (w->n_answers < WORLD_MAX)
		w->answers[w->n_answers++] = *m;
	if (pipe_fd >= 0) {
		if (w->last_pipe >= 0)
			close(w->last_pipe);
		w->last_pipe = dup(pipe_fd);
	}
	return w->answer_fails ? ERR_PEER_GONE : ERR_OK;
}

static enum err world_send(void *ctx, const struct msg_SEND *m, int body_fd, int pipe_fd)
{
	struct world *w = ctx;
	ssize_t n;

	(void)pipe_fd;
	if (w->send_fails)
		return ERR_PEER_GONE;
	if (w->n_sends == WORLD_MAX)
		abort();
	n = pread(body_fd, w->sends[w->n_sends].body, sizeof w->sends[0].body - 1, 0);
	w->sends[w->n_sends].body_len = n > 0 ? (size_t)n : 0;
	w->sends[w->n_sends].body[w->sends[w->n_sends].body_len] = '\0';
	w->sends[w->n_sends].aborted = false;
	w->sends[w->n_sends++].m = *m;
	return ERR_OK;
}

static enum err world_abort(void *ctx, uint64_t request_id)
{
	struct world *w = ctx;

	for (unsigned i = 0; i < w->n_sends; i++)
		if (w->sends[i].m.request_id == request_id)
			w->sends[i].aborted = true;
	return w->abort_fails ? ERR_PEER_GONE : ERR_OK;
}

static enum err world_again(void *ctx, const struct msg_AGAIN_GRANTED *m)
{
	struct world *w = ctx;

	w->last_again = *m;
	w->n_agains++;
	return w->again_fails ? ERR_PEER_GONE : ERR_OK;
}

static void world_head(void *ctx, const struct ledger_head *head)
{
	struct world *w = ctx;

	w->head = *head;
	w->n_heads++;
}

static bool world_cloud_up(void *ctx)
{
	return ((struct world *)ctx)->cloud_up;
}

static unsigned world_tell(void *ctx, enum gate_news news, uint32_t uid, const char *question)
{
	struct world *w = ctx;

	(void)uid;
	if (!w->somebody)
		return 0;
	if (w->n_told < WORLD_MAX) {
		w->told[w->n_told].news = news;
		snprintf(w->told[w->n_told++].question, TEXT_ULID_BYTES, "%s", question);
	}
	return 1;
}

static bool world_anyone(void *ctx, uint32_t uid)
{
	(void)uid;
	return ((struct world *)ctx)->somebody;
}

static uint64_t world_now(void *ctx)
{
	return ((struct world *)ctx)->now_ms;
}

static int64_t world_wall(void *ctx)
{
	return ((struct world *)ctx)->wall_ms;
}

static const struct gate_io world_io = { world_answer, world_send,   world_abort,
					 world_again,  world_head,   world_cloud_up,
					 world_tell,   world_anyone, world_now,
					 world_wall };

/* One user file over the built-in defaults, and perhaps a mandatory one above it. */
static struct policy_set *world_policies(const char *text, const char *mandatory)
{
	struct policy_file *f[2] = { NULL, NULL };
	struct policy_set *set = NULL;
	struct policy_error e = { 0 };

	if (policy_file_parse(span_of(text), POLICY_USER, "10-test.json", NULL, 0, &f[0], &e) !=
		    ERR_OK ||
	    (mandatory != NULL &&
	     policy_file_parse(span_of(mandatory), POLICY_MANDATORY, "10-must.json", NULL, 0,
			       &f[1], &e) != ERR_OK) ||
	    policy_set_build(f, mandatory != NULL ? 2 : 1, NULL, 0, &set, &e) != ERR_OK) {
		fprintf(stderr, "policy: %u:%u %s; %s\n", e.line, e.column, e.problem,
			e.expected);
		abort();
	}
	policy_file_free(f[0]);
	policy_file_free(f[1]);
	return set;
}

/* Takes the set. False: its detectors cannot be built. */
static bool world_put_policy(struct world *w, struct policy_set *set)
{
	static uint64_t generation;
	bool ok;

	w->generation = ++generation;
	ok = gate_policy(w->gate, set, generation);
	policy_set_free(set);
	return ok;
}

static void world_set_policy(struct world *w, const char *text)
{
	if (!world_put_policy(w, world_policies(text, NULL)))
		abort();
}

static void world_start(struct world *w, const char *policy)
{
	struct gate_setup setup = { .state_dir = w->state_dir,
				    .session = w->session,
				    .patience_ms = w->patience_ms,
				    .io = &world_io,
				    .ctx = w };

	w->gate = gate_new(&setup);
	if (w->gate == NULL)
		abort();
	world_set_policy(w, policy);
}

static struct world *world_new(const char *policy)
{
	struct world *w = calloc(1, sizeof *w);

	if (w == NULL || crypto_init() != ERR_OK)
		abort();
	if (!memory_folder(w->state_dir, sizeof w->state_dir, "gate"))
		abort();
	w->now_ms = 1000000;
	w->wall_ms = 1795000000000; /* 2026-11-18 */
	w->cloud_up = w->somebody = true;
	w->session = "test";
	w->last_pipe = -1;
	w->next_request = 1;
	world_start(w, policy);
	return w;
}

static void world_free(struct world *w)
{
	char line[1024];

	gate_free(w->gate);
	if (w->last_pipe >= 0)
		close(w->last_pipe);
	snprintf(line, sizeof line, "rm -rf '%s' '%s.head'", w->state_dir, w->state_dir);
	if (system(line) != 0)
		fprintf(stderr, "cannot remove %s\n", w->state_dir);
	free(w);
}

/* A plain hard question of one app; change what the test is about. */
static struct msg_ASK world_ask(struct world *w)
{
	struct msg_ASK m = { .request_id = w->next_request++,
			     .identity = POLICY_IDENTITY_CLAIMED,
			     .uid = (uint32_t)getuid(),
			     .pid = 0,
			     .score_pm = 800,
			     .confidence_pm = 900,
			     .threshold_pm = 500,
			     .input_tokens = 20,
			     .modality = 1,
			     .messages = 1,
			     .interactive = 1,
			     .max_tier = POLICY_TIER_CLOUD,
			     .local_possible = 1 };

	text_ulid(m.decision_id);
	strcpy(m.destination, "far");
	strcpy(m.model, "big-1");
	strcpy(m.app, "org.example.App");
	strcpy(m.task, "chat");
	strcpy(m.why, "too hard for the model on this device");
	return m;
}

/* Body as a writer would make it; `text` goes in escaped. */
static void world_body(const char *text, struct buf *out)
{
	buf_init(out, 1 << 20);
	buf_add_str(out, "{\"model\":\"big-1\",\"messages\":[{\"role\":\"user\",\"content\":");
	json_put_string(out, span_of(text));
	buf_add_str(out, "}],\"max_tokens\":100}");
}

static bool world_put_raw(struct world *w, const struct msg_ASK *m, struct span body,
			  struct span original)
{
	int fds[2] = { file_sealed("body", body), -1 };
	unsigned n = 1;

	if (m->has_original)
		fds[n++] = file_sealed("original", original);
	bool ok = gate_ask(w->gate, m, fds, n);
	if (!w->same_turn)
		(void)gate_turn(w->gate);
	return ok;
}

static inline bool world_put(struct world *w, const struct msg_ASK *m, const char *text)
{
	struct buf b;
	bool ok;

	world_body(text, &b);
	ok = world_put_raw(w, m, buf_span(&b), (struct span){ NULL, 0 });
	buf_free(&b);
	return ok;
}

/* The last answer to this request; NULL when there was none. */
static const struct msg_ANSWER *world_last(const struct world *w, uint64_t request_id)
{
	for (unsigned i = w->n_answers; i > 0; i--)
		if (w->answers[i - 1].request_id == request_id)
			return &w->answers[i - 1];
	return NULL;
}

static cJSON *world_question(struct world *w, const char *id)
{
	struct json_where where;
	struct buf b;
	cJSON *root = NULL;

	buf_init(&b, 64u << 20);
	if (gate_write_question(w->gate, (uint32_t)getuid(), id, &b) &&
	    json_parse(buf_span(&b), &json_limits_file, &root, &where) != ERR_OK)
		abort();
	buf_free(&b);
	return root;
}

/* Answers as an agent does: nonce and digest from the question. */
static inline struct gate_result world_respond(struct world *w, const char *id, bool approve,
					       const char *scope)
{
	cJSON *q = world_question(w, id);
	struct gate_response r = { .id = id,
				   .nonce = q != NULL ? json_get_string(q, "nonce") : "",
				   .digest = q != NULL ? json_get_string(q, "digest") : "",
				   .word = approve ? GATE_APPROVE : GATE_DENY,
				   .scope = scope,
				   .uid = (uint32_t)getuid(),
				   .pid = getpid() };
	struct gate_result result;

	if (r.nonce == NULL)
		r.nonce = r.digest = "";
	memset(&result, 'x', sizeof result); /* whoever calls clears nothing */
	gate_respond(w->gate, &r, &result);
	(void)gate_turn(w->gate);
	cJSON_Delete(q);
	return result;
}

/* As world_respond() with yes, for when faults are armed: the question is read before. */
__attribute__((unused)) /* not every test arms faults */
static struct gate_result
world_respond_armed(struct world *w, const char *id)
{
	unsigned armed = fault_armed;
	struct gate_result result;
	cJSON *q;

	fault_armed = 0;
	q = world_question(w, id);
	fault_armed = armed;
	struct gate_response r = { .id = id,
				   .nonce = json_get_string(q, "nonce"),
				   .digest = json_get_string(q, "digest"),
				   .word = GATE_APPROVE,
				   .uid = (uint32_t)getuid(),
				   .pid = getpid() };
	if (r.nonce == NULL || r.digest == NULL)
		r.nonce = r.digest = "";
	gate_respond(w->gate, &r, &result);
	(void)gate_turn(w->gate);
	cJSON_Delete(q);
	return result;
}

__attribute__((unused)) static void
world_sent(struct world *w, unsigned i, enum send_outcome outcome, int64_t in, int64_t out)
{
	struct msg_SENT m = { .request_id = w->sends[i].m.request_id,
			      .ledger_seq = w->sends[i].m.ledger_seq,
			      .outcome = (uint8_t)outcome,
			      .http_status = 200,
			      .bytes_out = w->sends[i].body_len,
			      .bytes_in = 100,
			      .input_tokens = in,
			      .output_tokens = out,
			      .cached_tokens = -1 };

	if (!gate_sent(w->gate, &m))
		abort();
}

static inline void world_pass(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	w->wall_ms += (int64_t)ms;
	gate_tick(w->gate);
}

/* Forgets the process's memory, keeps the ledger: as after kill -9 (records queued are lost).
 */
__attribute__((unused)) static void world_restart(struct world *w, const char *policy)
{
	gate_free(w->gate);
	world_start(w, policy);
}

struct world_count {
	enum record_kind kind;
	const char *outcome; /* NULL: any */
	unsigned n;
};

static bool world_count_one(void *ctx, const struct record *r, struct span body)
{
	struct world_count *c = ctx;

	(void)body;
	if (r->kind == c->kind &&
	    (c->outcome == NULL || (r->outcome != NULL && strcmp(r->outcome, c->outcome) == 0)))
		c->n++;
	return true;
}

static inline unsigned world_records(struct world *w, enum record_kind kind,
				     const char *outcome)
{
	struct world_count c = { kind, outcome, 0 };

	enum err e = ledger_flush(gate_ledger(w->gate));
	if (e == ERR_OK)
		e = ledger_each(gate_ledger(w->gate), 0, 0, world_count_one, &c);
	if (e != ERR_OK) {
		fprintf(stderr, "ledger: %s\n", err_text(e));
		abort();
	}
	return c.n;
}

#endif
