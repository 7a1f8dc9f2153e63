/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that count once the person has proved who they are (policy's strong_auth_for).
 *
 *   agent --yes--> consent --PROVE--> boot --> local --> polkit
 *         <-200--          <-PROOF--       <--
 *
 * The answering process only waits: what polkit said comes from another process, with the tag
 * and the question that it was asked about. A yes that was proved is taken through the gate
 * anew, which checks nonce, digest, terms and time once more.
 */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "consent/peer.h"
#include "consent/role.h"

#define TEXT_BYTES 8192

static const struct {
	const char *code, *message, *next;
} refusals[] = {
	[PROOF_REFUSED] = { "strong_auth_refused", "you did not prove who you are",
			    "approve again, and give your password when you are asked" },
	[PROOF_CANCELLED] = { "strong_auth_cancelled", "the proof of who you are was given up",
			      "approve again, or keep it here: hither consent deny ID" },
	[PROOF_UNAVAILABLE] = { "strong_auth_unavailable", "polkit cannot be asked who you are",
				"hither doctor" },
	[PROOF_GONE] = { "strong_auth_gone", "the program that answered has ended",
			 "approve again" },
};

/* Nothing was decided: the question stays open. */
static void refuse(struct http_exchange *x, enum proof_verdict why, const char *detail)
{
	char message[300];

	snprintf(message, sizeof message, "%s%s%s; nothing was sent", refusals[why].message,
		 detail[0] != '\0' ? ": " : "", detail);
	role_reply_error_next(x, 403, refusals[why].code, message, refusals[why].next);
}

static void forget(struct proof *p)
{
	arena_free(p->text);
	memset(p, 0, sizeof *p);
}

static const char *copy(struct proof *p, const char *text, bool *io_ok)
{
	const char *kept = text != NULL ? arena_strdup(p->text, span_of(text)) : NULL;

	*io_ok = *io_ok && (text == NULL || kept != NULL);
	return kept;
}

static bool keep(struct proof *p, const struct gate_response *r)
{
	bool ok = true;

	p->text = arena_new("proof", TEXT_BYTES);
	if (p->text == NULL)
		return false;
	p->r = *r;
	p->r.id = copy(p, r->id, &ok);
	p->r.nonce = copy(p, r->nonce, &ok);
	p->r.digest = copy(p, r->digest, &ok);
	p->r.scope = copy(p, r->scope, &ok);
	p->r.until = copy(p, r->until, &ok);
	p->r.mode = copy(p, r->mode, &ok);
	p->r.reason = copy(p, r->reason, &ok);
	return ok; /* `agent` is one of a fixed list */
}

static struct proof *slot(struct consent *c, uint64_t tag)
{
	for (unsigned i = 0; i < PROOFS_MAX; i++)
		if (c->proofs[i].tag == tag)
			return &c->proofs[i];
	return NULL;
}

/* Two dialogs at once could not be told from each other. */
static bool asks_already(const struct consent *c, uint32_t uid)
{
	for (unsigned i = 0; i < PROOFS_MAX; i++)
		if (c->proofs[i].tag != 0 && c->proofs[i].r.uid == uid)
			return true;
	return false;
}

void proofs_ask(struct consent *c, struct http_exchange *x, const struct gate_response *r,
		uint32_t deadline_ms)
{
	struct proof *p = slot(c, 0);
	struct peer who = peer_of(r->pid);
	struct msg_PROVE m = { .uid = r->uid,
			       .pid = (uint32_t)r->pid,
			       .start = who.start,
			       .deadline_ms = deadline_ms };

	if (who.start == 0) {
		refuse(x, PROOF_GONE, "");
	} else if (p == NULL || asks_already(c, r->uid)) {
		role_reply_error_next(x, 409, "strong_auth_busy",
				      "you are being asked for another answer already",
				      "finish or close that dialog, then approve again");
	} else if (!keep(p, r)) {
		forget(p);
		role_reply_error(x, 503, "no_memory", "memory is out, so nothing leaves");
	} else {
		p->tag = m.tag = ++c->next_proof;
		p->x = x;
		snprintf(m.question, sizeof m.question, "%s", r->id);
		log_info("consent.prove", "question=%s pid=%d", m.question, (int)r->pid);
		if (CHANNEL_SEND(service_channel(c->service, ROLE_BOOT), PROVE, &m, NULL, 0) !=
		    ERR_OK) {
			forget(p);
			refuse(x, PROOF_UNAVAILABLE, "");
		}
	}
}

void proofs_said(struct consent *c, const struct msg_PROOF *m)
{
	struct proof *p = m->tag != 0 ? slot(c, m->tag) : NULL;
	enum proof_verdict verdict = (enum proof_verdict)m->verdict;
	struct http_exchange *x;
	struct gate_result g;

	if (p == NULL)
		return; /* it was left meanwhile */
	x = p->x;
	p->x = NULL; /* replying may end the exchange at once: proofs_gone() */
	if (strcmp(m->question, p->r.id) != 0) {
		log_error("consent.proof", "question=%s problem=\"proof of another question\"",
			  p->r.id);
		verdict = PROOF_REFUSED;
	}
	if (verdict == PROOF_GIVEN) {
		p->r.proved = true;
		gate_respond(c->gate, &p->r, &g);
		routes_result(x, &g);
	} else {
		refuse(x, verdict, m->detail);
	}
	forget(p);
}

void proofs_unavailable(struct consent *c)
{
	for (unsigned i = 0; i < PROOFS_MAX; i++)
		if (c->proofs[i].tag != 0) {
			struct http_exchange *x = c->proofs[i].x;

			forget(&c->proofs[i]);
			refuse(x, PROOF_UNAVAILABLE, "");
		}
}

void proofs_gone(struct consent *c, struct http_exchange *x)
{
	for (unsigned i = 0; i < PROOFS_MAX; i++) {
		struct msg_PROVE_LEAVE m = { .tag = c->proofs[i].tag };

		if (m.tag == 0 || c->proofs[i].x != x)
			continue;
		forget(&c->proofs[i]);
		(void)!CHANNEL_SEND(service_channel(c->service, ROLE_BOOT), PROVE_LEAVE, &m,
				    NULL, 0);
	}
}
