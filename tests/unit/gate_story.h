/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a gate says to everybody, as one text to compare: each field of each answer,
 * send, record and result of a step. What differs from run to run has a name of its own in the
 * order of appearance, so that one that refers to another is seen to: U1, U2 (ULIDs), H1 (16,
 * 32 or 64 hex digits: digests, and what a ledger's own keys make). TIME is of the real clock.
 * " is written '.
 */
#ifndef HITHER_TESTS_UNIT_GATE_STORY_H
#define HITHER_TESTS_UNIT_GATE_STORY_H

#include <sys/mman.h>

#include "tests/unit/gate_help.h"

#define STORY_UID   1234
#define STORY_NAMES 200

/* A policy that has something to say in each field of a record. */
#define RICH                                                                                   \
	"{\"hither_policy\":1,\"id\":\"t\",\"serial\":1,\"destinations\":{\"far\":{\"tier\":"  \
	"\"cloud\",\"api\":\"openai\",\"operator\":\"Far Inc\",\"region\":\"eu\","             \
	"\"retention_days\":30,\"trains\":false,\"base_url\":\"https://far.example/v1\","      \
	"\"privacy_url\":\"https://far.example/privacy\",\"models\":[\"big-1\"],"              \
	"\"retry\":{\"attempts\":2},\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,"     \
	"\"cached_input_per_mtok\":0.1,\"output_per_mtok\":2}}}"
#define OFTEN ",\"consent\":{\"max_prompts_per_hour\":1000}"

struct story {
	struct world *w;
	struct buf out;
	struct arena *records; /* the one before, which the next is compared with */
	struct record before;
	unsigned n_answers, n_sends, n_told, n_agains, n_heads;
	bool aborted[64];
	uint64_t seq;
	char names[STORY_NAMES][66];
	unsigned n_names;
	int log, stderr_was; /* what is logged, from `log_at` on to be looked at */
	off_t log_at;
};

static inline void story_begin(struct story *s, const char *policy)
{
	memset(s, 0, sizeof *s);
	s->w = world_new(policy);
	s->records = arena_new("story", 8u << 20);
	assert_non_null(s->records);
	record_init(&s->before, RECORD_START);
	buf_init(&s->out, 1u << 20);
	s->log = memfd_create("log", MFD_CLOEXEC);
	s->stderr_was = dup(STDERR_FILENO);
	assert_true(dup2(s->log, STDERR_FILENO) >= 0 && s->stderr_was >= 0);
}

/* What an operator is to see: errors, warnings and notices. */
static inline void story_log(struct story *s)
{
	char text[65536];
	ssize_t n = pread(s->log, text, sizeof text - 1, s->log_at);

	assert_true(n >= 0);
	s->log_at += n;
	text[n] = '\0';
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (strncmp(line, "<3>", 3) == 0 || strncmp(line, "<4>", 3) == 0 ||
		    strncmp(line, "<5>", 3) == 0)
			buf_printf(&s->out, "LOG %s\n", line + 3);
}

/* The difference from the record before it, or all there is where that is shorter. */
static inline bool story_record(void *ctx, const struct record *row, struct span body)
{
	struct story *s = ctx;
	struct record r, none;
	struct buf more, all;
	const char *at;

	(void)row;
	assert_int_equal(record_read(body, s->records, &r), ERR_OK);
	s->seq = r.seq;
	buf_init(&more, RECORD_MAX_BYTES);
	buf_init(&all, RECORD_MAX_BYTES);
	record_init(&none, r.kind);
	record_write_difference(&s->before, &r, &more);
	record_write_difference(&none, &r, &all);
	at = strchr(buf_cstr(more.len < all.len ? &more : &all), ','); /* behind the time */
	buf_printf(&s->out, "RECORD %s %s ref=%s %s%s\n", record_kind_name(r.kind), r.id, r.ref,
		   more.len < all.len ? "as before but " : "", at != NULL ? at + 1 : "}");
	buf_free(&more);
	buf_free(&all);
	if (r.device != NULL) /* of a request */
		s->before = r;
	return true;
}

static inline void story_answers(struct story *s)
{
	struct world *w = s->w;

	for (; s->n_answers < w->n_answers; s->n_answers++) {
		const struct msg_ANSWER *m = &w->answers[s->n_answers];

		buf_printf(&s->out,
			   "ANSWER %" PRIu64 " %u fallback=%u question=%s digest=%02x%02x "
			   "receipt=%s rules=%s price=%s detail=%s\n",
			   m->request_id, m->outcome, m->fallback, m->question, m->digest[0],
			   m->digest[31], m->receipt, m->rules, m->price, m->detail);
	}
}

static inline void story_sends(struct story *s)
{
	struct world *w = s->w;

	for (; s->n_sends < w->n_sends; s->n_sends++) {
		const struct msg_SEND *m = &w->sends[s->n_sends].m;

		buf_printf(&s->out,
			   "SEND %" PRIu64 " ledger=%" PRIu64 " %s %s body=%02x%02x,%" PRIu64
			   " streaming=%u deadline=%u policy=%s\n",
			   m->request_id, m->ledger_seq, m->destination, m->model,
			   m->body_sha256[0], m->body_sha256[31], m->body_bytes, m->streaming,
			   m->deadline_ms,
			   m->generation == w->generation ? "in force" : "older");
	}
	for (unsigned i = 0; i < w->n_sends; i++) {
		if (w->sends[i].aborted && !s->aborted[i])
			buf_printf(&s->out, "ABORT %" PRIu64 "\n", w->sends[i].m.request_id);
		s->aborted[i] = w->sends[i].aborted;
	}
	for (; s->n_agains < w->n_agains; s->n_agains++)
		buf_printf(&s->out, "AGAIN %" PRIu64 " attempt %u\n", w->last_again.request_id,
			   w->last_again.attempt);
}

/* Everything since the step before. */
static inline void story_step(struct story *s, const char *what)
{
	struct world *w = s->w;

	buf_printf(&s->out, "-- %s\n", what);
	story_answers(s);
	story_sends(s);
	for (; s->n_told < w->n_told; s->n_told++)
		buf_printf(&s->out, "TELL %s %s\n", gate_news_name(w->told[s->n_told].news),
			   w->told[s->n_told].question);
	story_log(s);
	if (gate_ledger(w->gate) == NULL)
		return;
	assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	assert_int_equal(ledger_each(gate_ledger(w->gate), s->seq + 1, 0, story_record, s),
			 ERR_OK);
}

static inline void story_ask(struct story *s, struct msg_ASK *m, const char *text)
{
	m->uid = STORY_UID;
	m->request_id = s->w->next_request++;
	buf_printf(&s->out, world_put(s->w, m, text) ? "" : "BROKEN\n");
}

/* The question that the newest answer to `m` names is answered by `pid`. */
static inline void story_answer(struct story *s, const struct msg_ASK *m,
				struct gate_response r)
{
	struct json_where where;
	struct gate_result got;
	cJSON *q = NULL;
	struct buf b;

	buf_init(&b, 1u << 20);
	assert_true(gate_write_question(s->w->gate, STORY_UID, last(s->w, m)->question, &b));
	assert_int_equal(json_parse(buf_span(&b), &json_limits_file, &q, &where), ERR_OK);
	buf_free(&b);
	r.id = last(s->w, m)->question;
	r.nonce = json_get_string(q, "nonce") != NULL ? json_get_string(q, "nonce") : "";
	r.digest = json_get_string(q, "digest") != NULL ? json_get_string(q, "digest") : "";
	r.uid = STORY_UID;
	r.pid = 1;
	memset(&got, 'x', sizeof got); /* whoever calls clears nothing */
	gate_respond(s->w->gate, &r, &got);
	(void)gate_turn(s->w->gate);
	cJSON_Delete(q);
	buf_printf(&s->out,
		   "RESULT %d %s \"%s\" next=%s outcome=%s permission=%s receipt=%s "
		   "prove_ms=%u\n",
		   got.status, got.code != NULL ? got.code : "-", got.message,
		   got.next != NULL ? got.next : "-", got.outcome, got.permission, got.receipt,
		   got.prove_ms);
}

/* Time passes; when the gate wants to be called again is said, too. */
static inline void story_pass(struct story *s, uint64_t ms)
{
	uint64_t next;

	s->w->now_ms += ms;
	s->w->wall_ms += (int64_t)ms;
	next = gate_tick(s->w->gate);
	if (next == UINT64_MAX)
		buf_add_str(&s->out, "NEXT never\n");
	else
		buf_printf(&s->out, "NEXT in %" PRIu64 "\n", next - s->w->now_ms);
}

/* The name of what is different each time; NULL: it is not. */
static inline const char *story_name(struct story *s, struct span in, char ret[16])
{
	bool ulid = in.len == 26 && strspn(in.ptr, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") >= 26;
	bool hex = (in.len == 64 || in.len == 32 || in.len == 16) &&
		   strspn(in.ptr, "0123456789abcdef") >= in.len;
	unsigned i = 0, n = 1;

	if (!ulid && !hex)
		return NULL;
	for (; i < s->n_names && !span_is(in, s->names[i] + 1); i++)
		n += s->names[i][0] == (ulid ? 'U' : 'H');
	if (i == s->n_names) {
		assert_true(s->n_names++ < STORY_NAMES);
		snprintf(s->names[i], sizeof s->names[i], "%c%.*s", ulid ? 'U' : 'H',
			 (int)in.len, in.ptr);
	}
	snprintf(ret, 16, "%c%u", ulid ? 'U' : 'H', n);
	return ret;
}

/* What the ledger says of a time is by the real clock. */
static inline bool story_time(const char *from, const char *at)
{
	static const char *const behind[] = { "you said no in this conversation at ",
					      " at last at ",
					      "'created':'",
					      "'until':'",
					      "text at ",
					      "app at " };

	for (size_t i = 0; i < LEN(behind); i++) {
		size_t n = strlen(behind[i]);

		if ((size_t)(at - from) >= n && memcmp(at - n, behind[i], n) == 0)
			return true;
	}
	return false;
}

/* The lines of the whole text are those of `want`, behind which a NULL is. */
static inline void story_is(struct story *s, const char *const *want)
{
	const char *word = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char *text = (char *)(uintptr_t)buf_cstr(&s->out);
	char name[16];
	struct buf out;

	(void)dup2(s->stderr_was, STDERR_FILENO);
	close(s->stderr_was);
	close(s->log);
	buf_init(&out, 1u << 20);
	for (char *c = strchr(text, '"'); c != NULL; c = strchr(c, '"'))
		*c = '\'';
	for (const char *at = text; *at != '\0';) {
		struct span in = { at, strspn(at, word) };
		const char *instead = story_name(s, in, name);

		if (strlen(at) > 24 && at[23] == 'Z' && story_time(text, at)) {
			in.len = 24;
			instead = "TIME";
		}
		in.len += in.len == 0;
		if (instead != NULL)
			buf_add_str(&out, instead);
		else
			buf_add(&out, in);
		at += in.len;
	}
	if (getenv("STORY") != NULL)
		printf("%s", buf_cstr(&out));
	for (text = strtok((char *)(uintptr_t)buf_cstr(&out), "\n"); text != NULL;
	     text = strtok(NULL, "\n")) {
		assert_non_null(*want);
		assert_string_equal(text, *want++);
	}
	assert_null(*want);
	buf_free(&out);
	buf_free(&s->out);
	arena_free(s->records);
	world_free(s->w);
}

/* Everything of a message that has a value of its own. */
static inline struct msg_ASK whole_ask(struct world *w)
{
	struct msg_ASK m = world_ask(w);

	m.identity = POLICY_IDENTITY_SOCKET;
	m.confidence_pm = 1000;
	m.modality = 3;
	m.attachments = 2;
	m.tools = 1;
	strcpy(m.conversation, "c1");
	return m;
}

/* The newest send ended. */
static inline struct msg_SENT ended(const struct story *s, enum send_outcome outcome)
{
	return (struct msg_SENT){ .request_id = s->w->sends[s->w->n_sends - 1].m.request_id,
				  .outcome = (uint8_t)outcome,
				  .http_status = 201,
				  .bytes_out = 1001,
				  .bytes_in = 2002,
				  .input_tokens = 31,
				  .output_tokens = 17,
				  .cached_tokens = 5,
				  .detail = "a cause" };
}

#endif
