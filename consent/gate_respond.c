/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The person's answer, and taking a permission back.
 *
 * An answer counts when it echoes the nonce and the digest of an open question, comes from the
 * same user and not from the asking program, and stays within what policy offers. The first
 * one wins; everything else changes nothing and says why.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "consent/gate_impl.h"

#define APPROVAL_LIFE_MS 60000
#define EXTEND_MS        60000u
#define PROVE_MAX_MS     120000u

static void result(struct gate_result *ret, int status, const char *code, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));
static void result(struct gate_result *ret, int status, const char *code, const char *format,
		   ...)
{
	va_list ap;

	ret->status = status;
	ret->code = code;
	va_start(ap, format);
	vsnprintf(ret->message, sizeof ret->message, format, ap);
	va_end(ap);
}

/* --- may this answer count? ---------------------------------------------------------- */

static bool acceptable(struct question *q, const struct gate_response *r,
		       struct gate_result *ret)
{
	const struct ask *a = q->subject;

	if (q->state == QUESTION_CLOSED || q->state == QUESTION_APPROVED) {
		bool late = q->ending != NULL && strcmp(q->ending, "expired") == 0;

		result(ret, 409, late ? "expired" : "already_decided",
		       "question %s is over: %s", q->id,
		       q->ending != NULL ? q->ending : "approved");
		return false;
	}
	if (strcmp(r->nonce, q->nonce) != 0) {
		result(ret, 409, "stale_nonce",
		       "this answer belongs to another showing of the question; look at it "
		       "again");
		return false;
	}
	/* The original is pinned by the question, so its own digest names the same pair of
	 * texts. */
	if (strcmp(r->digest, a->body.digest) != 0 &&
	    (!ask_has_original(a) || strcmp(r->digest, a->original.digest) != 0)) {
		result(ret, 409, "digest_mismatch",
		       "this answer is about other bytes than the question; look at it again");
		return false;
	}
	if (a->m.tcp_at != 0 && a->asker.start == 0) {
		result(ret, 403, "unknown_program",
		       "which program asks over TCP cannot be told, so nobody can be shown to "
		       "be "
		       "another one");
		ret->next = "have it ask over hither.sock";
		return false;
	}
	if (peer_is_same_program(&a->asker, r->pid, limits_proven(a))) {
		result(ret, 403, "same_program",
		       "the program that asks cannot answer its own question");
		ret->next =
			"answer from another program: hither consent watch in a terminal, or "
			"hither consent approve ID from a shell that did not start the "
			"asking program";
		return false;
	}
	return true;
}

/* --- the terms of a yes or a no ------------------------------------------------------- */

struct terms {
	unsigned scope; /* enum policy_scope */
	const char *scope_word;
	enum policy_mode mode;
	int64_t until_ms;
};

static const struct {
	const char *word;
	unsigned bit;
} scopes[] = { { "once", POLICY_SCOPE_ONCE },
	       { "session", POLICY_SCOPE_SESSION },
	       { "until", POLICY_SCOPE_UNTIL },
	       { "always", POLICY_SCOPE_ALWAYS } };

static bool read_until(const char *text, int64_t now_ms, int64_t *ret)
{
	uint64_t span_ms;

	if (text_duration_ms(text, &span_ms) == ERR_OK) {
		*ret = now_ms + (int64_t)span_ms;
		return true;
	}
	return clock_parse_rfc3339(text, ret) == ERR_OK && *ret > now_ms;
}

static bool read_scope(struct gate *g, const struct gate_response *r, struct terms *t,
		       struct gate_result *ret)
{
	const struct policy_consent *c = policy_consent(g->set);
	int64_t now_ms = g->io->wall_ms(g->ctx);
	const char *word = r->scope != NULL ? r->scope : r->until != NULL ? "until" : "once";

	for (size_t i = 0; i < LEN(scopes); i++)
		if (strcmp(word, scopes[i].word) == 0) {
			t->scope = scopes[i].bit;
			t->scope_word = scopes[i].word;
		}
	if (t->scope == 0) {
		result(ret, 422, "bad_scope", "scope is once, session, until or always");
		return false;
	}
	t->until_ms = now_ms + PERMS_SESSION_MS;
	if (t->scope == POLICY_SCOPE_UNTIL &&
	    (r->until == NULL || !read_until(r->until, now_ms, &t->until_ms))) {
		result(ret, 422, "bad_until",
		       "until is a time to come (RFC 3339) or a duration such as 2h");
		return false;
	}
	if (t->scope == POLICY_SCOPE_UNTIL && t->until_ms > now_ms + (int64_t)c->max_until_ms)
		t->until_ms = now_ms + (int64_t)c->max_until_ms;
	if (t->scope == POLICY_SCOPE_ALWAYS)
		t->until_ms = now_ms + (int64_t)c->always_max_ms;
	return true;
}

static enum policy_mode preferred(const struct gate *g, unsigned modes)
{
	enum policy_mode want = policy_consent(g->set)->prefer;

	return (modes & (unsigned)want) != 0 ? want : (enum policy_mode)modes; /* the other */
}

static const char *mode_words(unsigned modes)
{
	return modes == POLICY_MODE_REDACTED ? "redacted"
	       : modes == POLICY_MODE_AS_IS  ? "as_is"
					     : "redacted, as_is";
}

static bool read_terms(struct gate *g, const struct ask *a, const struct gate_response *r,
		       struct terms *t, struct gate_result *ret)
{
	memset(t, 0, sizeof *t);
	if (!read_scope(g, r, t, ret))
		return false;
	if (r->word != GATE_APPROVE)
		return true; /* a no may last as long as the person likes */
	if (r->mode == NULL)
		t->mode = preferred(g, a->j.modes);
	else if (strcmp(r->mode, "redacted") == 0)
		t->mode = POLICY_MODE_REDACTED;
	else if (strcmp(r->mode, "as_is") == 0)
		t->mode = POLICY_MODE_AS_IS;
	if ((a->j.modes & (unsigned)t->mode) == 0)
		result(ret, 422, "bad_mode",
		       "this text cannot be sent in that form; the question offers: %s",
		       mode_words(a->j.modes));
	else if ((a->j.scopes & t->scope) == 0)
		result(ret, 422, "bad_scope",
		       "policy does not let a permission last that long");
	else if (policy_consent(g->set)->require_reason &&
		 (r->reason == NULL || text_empty(r->reason)))
		result(ret, 422, "reason_required", "policy wants a reason: say why");
	else
		return true;
	return false;
}

/* --- records ------------------------------------------------------------------------- */

static void fill_answer(struct gate *g, struct question *q, const struct gate_response *r,
			const struct terms *t, enum record_kind kind, struct buf *b,
			struct record *ret)
{
	gate_fill_record(g, q->subject, kind, t->mode, b, ret); /* a no has none: masked */
	text_ulid(ret->id);
	memcpy(ret->ref, q->intent, sizeof ret->ref);
	ret->question = q->id;
	ret->scope = t->scope_word;
	ret->until_ms = t->scope == POLICY_SCOPE_ONCE ? RECORD_ABSENT : t->until_ms;
	ret->agent = r->agent != NULL ? r->agent : "command";
	ret->agent_pid = r->pid;
	ret->reason = r->reason;
	ret->notice_version = PERMS_NOTICE_VERSION;
	ret->notice_sha256 = q->notice_sha256;
	if (r->proved)
		ret->basis = "strong_auth";
}

/* --- no ------------------------------------------------------------------------------ */

static void refuse(struct gate *g, struct question *q, const struct gate_response *r,
		   const struct terms *t, struct gate_result *ret)
{
	struct record rec;
	struct buf b;
	enum err e;

	buf_init(&b, RECORD_MAX_BYTES);
	fill_answer(g, q, r, t, RECORD_REFUSED, &b, &rec);
	e = b.failed ? ERR_NO_MEMORY : book_append(g, &rec, 1);
	buf_free(&b);
	result(ret, 200, NULL, "kept on this device");
	snprintf(ret->outcome, sizeof ret->outcome, "refused");
	if (e == ERR_OK) {
		memcpy(ret->receipt, rec.id, sizeof ret->receipt);
		snprintf(ret->permission, sizeof ret->permission, "n-%" PRIu64, rec.seq);
	}
	/* A no holds even when it cannot be written down. */
	question_close(g, q, ASK_REFUSED, ask_otherwise(policy_consent(g->set)->on_deny),
		       "denied", "the person said no");
	questions_recheck(g, false);
}

/* A refusal covers every question like it that waits. */
static void refuse_alike(struct gate *g, const struct ask *like)
{
	struct question *next;

	for (struct question *q = g->questions; q != NULL; q = next) {
		next = q->next;
		/* Those that are queued behind it are opened one by one as it is closed. */
		if (q->state == QUESTION_OPEN && question_alike(q->subject, like)) {
			question_close(g, q, ASK_REFUSED,
				       ask_otherwise(policy_consent(g->set)->on_deny), "denied",
				       "the person said no to a request like it");
			next = g->questions;
		}
	}
}

/* --- yes ----------------------------------------------------------------------------- */

/* Nobody waits: the yes is kept for the same request, for a while and for one use. */
static void keep_approval(struct gate *g, struct question *q, const struct terms *t,
			  struct record *rec, struct gate_result *ret)
{
	if (book_append(g, rec, 1) != ERR_OK) {
		result(ret, 503, "ledger", "the ledger cannot be written, so nothing leaves");
		question_over(g, q, "withdrawn");
		return;
	}
	snprintf(ret->outcome, sizeof ret->outcome, "approved");
	memcpy(ret->receipt, rec->id, sizeof ret->receipt);
	if (t->scope != POLICY_SCOPE_ONCE) {
		question_over(g, q, "approved");
		return;
	}
	q->state = QUESTION_APPROVED;
	q->mode = t->mode;
	memcpy(q->approval, rec->id, sizeof q->approval);
	if (q->expires_ms < gate_now(g) + APPROVAL_LIFE_MS)
		q->expires_ms = gate_now(g) + APPROVAL_LIFE_MS;
	g->io->tell(g->ctx, GATE_WITHDRAWN, q->uid, q->id);
	question_next(g, q->subject);
}

/* The same bytes asked for more than once: a yes is for one of them; the others ask anew, and
 * are covered where it made a permission. */
static void ask_again(struct gate *g, struct question *q)
{
	struct ask *a;

	while ((a = question_waiter(g, q)) != NULL) {
		a->question = NULL;
		a->again = true;
		ask_enter(a, ASK_STATE_NEW);
	}
}

static void decide_again(struct gate *g)
{
	struct ask *a = g->asks;

	while (a != NULL) {
		if (!a->again) {
			a = a->next;
			continue;
		}
		a->again = false;
		gate_ask_decide(g, a);
		a = g->asks; /* deciding may have ended any of them */
	}
}

/* The person said yes and it could not be done: both stand in the ledger. */
static void record_in_vain(struct gate *g, struct question *q, struct record *rec,
			   const char *why)
{
	struct record r[2];

	if (rec->seq != 0)
		return; /* on record already, with the release that failed */
	rec->outcome = why;
	r[0] = *rec;
	record_init(&r[1], RECORD_WITHDRAWN);
	memcpy(r[1].ref, q->intent, sizeof r[1].ref);
	r[1].uid = q->uid;
	r[1].question = q->id;
	r[1].reason = why;
	if (book_append(g, r, 2) == ERR_OK)
		rec->seq = r[0].seq;
}

/* The send that the permission was given with runs under it like every later one. */
static void bind_to_permission(struct gate *g, struct ask *a, uint64_t seq)
{
	const struct perm *p;

	snprintf(a->permission, sizeof a->permission, "g-%" PRIu64, seq);
	p = perms_find(g->perms, a->permission);
	if (p != NULL)
		perms_used(g->perms, p);
}

static void release_first(struct gate *g, struct question *q, struct ask *a,
			  const struct terms *t, struct record *rec, struct gate_result *ret)
{
	char intent[TEXT_ULID_BYTES], basis[48];
	enum err e;

	memcpy(intent, q->intent, sizeof intent);
	snprintf(basis, sizeof basis, "approval:%s", rec->id);
	e = send_release(g, a, t->mode, basis, NULL, intent, rec, 1);
	if (e == ERR_OK) {
		snprintf(ret->outcome, sizeof ret->outcome, "granted");
		memcpy(ret->receipt, a->granted, sizeof ret->receipt);
		if (t->scope != POLICY_SCOPE_ONCE)
			bind_to_permission(g, a, rec->seq);
	} else {
		snprintf(ret->outcome, sizeof ret->outcome, "%s",
			 e == ERR_DENIED   ? "over_budget"
			 : e == ERR_SYSTEM ? "ledger"
					   : "unreachable");
		record_in_vain(g, q, rec, ret->outcome);
		if (e == ERR_SYSTEM)
			result(ret, 503, "ledger",
			       "the ledger cannot be written, so nothing leaves");
	}
	ask_again(g, q);
	question_over(g, q, "approved");
	decide_again(g);
}

static void approve(struct gate *g, struct question *q, const struct gate_response *r,
		    const struct terms *t, struct gate_result *ret)
{
	struct ask *first = question_waiter(g, q);
	struct record rec;
	struct buf b;

	result(ret, 200, NULL, "approved");
	buf_init(&b, RECORD_MAX_BYTES);
	fill_answer(g, q, r, t, RECORD_APPROVED, &b, &rec);
	if (b.failed) {
		result(ret, 503, "no_memory", "memory is out, so nothing leaves; try again");
		buf_free(&b);
		return;
	}
	if (first == NULL)
		keep_approval(g, q, t, &rec, ret);
	else
		release_first(g, q, first, t, &rec, ret);
	if (t->scope != POLICY_SCOPE_ONCE && rec.seq != 0)
		snprintf(ret->permission, sizeof ret->permission, "g-%" PRIu64, rec.seq);
	buf_free(&b);
	questions_recheck(g, false);
}

/* --- not now ------------------------------------------------------------------------- */

static void put_off(struct gate *g, struct question *q, const struct gate_response *r,
		    struct gate_result *ret)
{
	const struct policy_consent *c = policy_consent(g->set);
	uint64_t latest_ms = q->opened_ms +
			     (c->hold_max_ms > c->timeout_ms ? c->hold_max_ms : c->timeout_ms);
	struct record rec;
	struct terms t = { .scope = POLICY_SCOPE_ONCE, .scope_word = "once" };
	struct buf b;

	if (r->word == GATE_EXTEND) {
		uint64_t until_ms = q->expires_ms + EXTEND_MS;

		if (until_ms > latest_ms)
			until_ms = latest_ms;
		q->expires_wall_ms += (int64_t)(until_ms - q->expires_ms);
		q->expires_ms = until_ms;
		result(ret, 200, NULL, "there is more time now");
		snprintf(ret->outcome, sizeof ret->outcome, "extended");
		return;
	}
	buf_init(&b, RECORD_MAX_BYTES);
	fill_answer(g, q, r, &t, RECORD_DISMISSED, &b, &rec);
	if (!b.failed && book_append(g, &rec, 1) == ERR_OK)
		memcpy(ret->receipt, rec.id, sizeof ret->receipt);
	buf_free(&b);
	result(ret, 200, NULL, "not now: kept on this device");
	snprintf(ret->outcome, sizeof ret->outcome, "dismissed");
	question_close(g, q, ASK_DISMISSED, ask_otherwise(c->on_timeout), "dismissed",
		       "the person said: not now");
}

static void ask_for_proof(struct gate *g, const struct question *q, struct gate_result *ret)
{
	uint64_t now = gate_now(g), left = q->expires_ms > now ? q->expires_ms - now : 1;

	ret->prove_ms = left < PROVE_MAX_MS ? (uint32_t)left : PROVE_MAX_MS;
}

void gate_respond(struct gate *g, const struct gate_response *r, struct gate_result *ret)
{
	struct question *q;
	struct ask *like;
	struct terms t;

	(void)gate_turn(g); /* a no that was heard is before nothing that leaves */
	memset(ret, 0, sizeof *ret);
	if (r->word == GATE_APPROVE)
		gate_look_again(g); /* a yes counts under what the policy says now */
	q = question_find(g, r->id);
	if (q == NULL || q->uid != r->uid) {
		result(ret, 404, "not_found",
		       "there is no such question; see: hither consent list");
		return;
	}
	if (!acceptable(q, r, ret))
		return;
	if (r->word == GATE_DISMISS || r->word == GATE_EXTEND) {
		put_off(g, q, r, ret);
		return;
	}
	if (!read_terms(g, q->subject, r, &t, ret))
		return;
	if (r->word == GATE_APPROVE && q->subject->j.strong_auth && !r->proved) {
		ask_for_proof(g, q, ret);
		return;
	}
	log_info("gate.answer", "id=%s decision=%s scope=%s agent=%s", q->id,
		 r->word == GATE_APPROVE ? "approve" : "deny", t.scope_word,
		 r->agent != NULL ? r->agent : "command");
	if (r->word == GATE_APPROVE) {
		approve(g, q, r, &t, ret);
		return;
	}
	like = q->subject;
	like->refs++;
	refuse(g, q, r, &t, ret);
	refuse_alike(g, like);
	ask_unref(like);
}

/* --- taking back --------------------------------------------------------------------- */

static void write_sent(const struct ask *a, struct buf *out, unsigned *n)
{
	if ((*n)++ > 0)
		buf_add_char(out, ',');
	buf_add_char(out, '{');
	json_put_key_cstr(out, "receipt", a->granted);
	json_put_key_cstr(out, "destination", a->m.destination);
	buf_add_char(out, '}');
}

void gate_revoke(struct gate *g, uint32_t uid, const char *permission, struct gate_result *ret,
		 struct buf *out)
{
	const struct perm *p;
	struct record r;
	struct perm was;
	unsigned cut = 0;

	(void)gate_turn(g); /* what it let go before is cut like the rest */
	p = g->perms != NULL ? perms_find(g->perms, permission) : NULL;
	memset(ret, 0, sizeof *ret);
	if (p == NULL || p->uid != uid) {
		result(ret, 404, "not_found",
		       "there is no such permission; see: hither consent grants");
		return;
	}
	was = *p; /* the record takes it out of the list */
	record_init(&r, RECORD_REVOKED);
	r.uid = uid;
	r.permission = permission;
	memcpy(r.ref, was.record, sizeof r.ref);
	r.app = was.app;
	r.identity = was.identity;
	r.destination = was.destination;
	r.model = was.model;
	r.task = was.task;
	if (book_append(g, &r, 1) != ERR_OK) {
		result(ret, 503, "ledger",
		       "it could not be written down; stop the daemon to be sure");
		return;
	}
	result(ret, 200, NULL, "revoked");
	snprintf(ret->outcome, sizeof ret->outcome, "revoked");
	buf_add_char(out, '{');
	json_put_key_cstr(out, "outcome", "revoked");
	json_put_key_cstr(out, "grant", permission);
	json_put_key_cstr(out, "receipt", r.id);
	json_put_key(out, "aborted");
	buf_add_char(out, '[');
	for (struct ask *a = g->asks; a != NULL; a = a->next)
		if (a->state == ASK_STATE_SENDING && strcmp(a->permission, permission) == 0 &&
		    !a->aborted) {
			write_sent(a, out, &cut);
			send_abort(g, a, "its permission was revoked");
		}
	buf_add_char(out, ']');
	json_put_key_i64(out, "sent_before", (int64_t)was.uses);
	json_put_key_cstr(out, "note",
			  was.allow ? "nothing more leaves under it; text that was already "
				      "sent is with the operator"
				    : "this refusal counts no more; you may be asked again");
	buf_add_char(out, '}');
}
