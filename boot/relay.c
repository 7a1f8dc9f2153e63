/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What boot passes on between roles that have no wire to each other.
 *
 *   local  --ENGINE-->       consent  ENGINE_HEALTH     kept for a consent that starts later
 *   local  --DEVICE-->       consent, router  DEVICE_STATE   kept for both
 *   consent --PROVE, PROVE_LEAVE--> local  PERSON_ASK, PERSON_LEAVE
 *   local  --PERSON-->       consent  PROOF
 *   (boot itself)            consent  HEALTH, RELOADED
 *
 * Fields are copied one by one into a message of its own type: what a role may say to boot and
 * what another hears from it are different rights.
 */
#include "boot/supervise_impl.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* Cuts at a character, so that the text stays UTF-8. */
static void copy_text(char *out, size_t out_bytes, const char *text)
{
	size_t n = strnlen(text, out_bytes - 1);

	while (n > 0 && !text_is_utf8((struct span){ text, n }))
		n--;
	memcpy(out, text, n);
	out[n] = '\0';
}

/* --- what consent is told of boot itself ------------------------------------------------ */

void relay_health(struct supervisor *s, const struct slot *about)
{
	struct msg_HEALTH m = { .role = (uint8_t)about->role,
				.pid = (uint32_t)about->pid,
				.sandbox = about->jail.sandbox,
				.landlock = about->jail.landlock,
				.restarts = about->restarts,
				.ready = about->state == READY };

	memcpy(m.filter, about->jail.filter, sizeof m.filter);
	memcpy(m.detail, about->jail.detail, sizeof m.detail);
	memcpy(m.helpers, about->jail.helpers, sizeof m.helpers);
	memcpy(m.judge, about->jail.judge, sizeof m.judge);
	memcpy(m.judge_problem, about->jail.judge_problem, sizeof m.judge_problem);
	if (alive(&s->slots[ROLE_CONSENT]))
		TELL(&s->slots[ROLE_CONSENT], HEALTH, &m, NULL, 0);
}

void relay_owed(struct supervisor *s)
{
	if (s->owes && alive(&s->slots[ROLE_CONSENT]))
		TELL(&s->slots[ROLE_CONSENT], RELOADED, &s->owed, NULL, 0);
	s->owes = false;
}

void supervisor_reloaded(struct supervisor *s, uint64_t tag, bool ok, const char *detail)
{
	struct msg_RELOADED m = { .tag = tag, .ok = ok };

	copy_text(m.detail, sizeof m.detail, detail);
	s->failed = !ok;
	s->failure = m;
	s->failure.tag = 0;
	relay_owed(s); /* one at a time */
	s->owed = m;
	s->owes = true;
	if (!s->renewing)
		relay_owed(s);
}

/* --- what local tells -------------------------------------------------------------------- */

const struct msg_DEVICE_STATE relay_device_unknown = { .battery_pct = 255 };

/* Who decides on it: router, and consent again. */
static void tell_device(struct supervisor *s, enum role to)
{
	if ((role_kind(to) == ROLE_ROUTER || to == ROLE_CONSENT) && alive(&s->slots[to]))
		TELL(&s->slots[to], DEVICE_STATE, &s->device, NULL, 0);
}

static void device_changed(struct supervisor *s, const struct msg_DEVICE_STATE *m)
{
	s->device = *m;
	tell_device(s, ROLE_CONSENT); /* first: where they differ, the later judge knows more */
	for (unsigned n = 0; n < s->routers; n++)
		tell_device(s, role_router(n));
}

static bool on_engine(struct slot *r, struct span frame)
{
	struct msg_ENGINE m;
	struct msg_ENGINE_HEALTH *h = &r->s->engine;

	if (msg_ENGINE_decode(frame, &m) != ERR_OK)
		return false;
	*h = (struct msg_ENGINE_HEALTH){ .state = m.state,
					 .pid = m.pid,
					 .context_tokens = m.context_tokens,
					 .restarts = m.restarts,
					 .queued = m.queued };
	memcpy(h->model, m.model, sizeof h->model);
	memcpy(h->detail, m.detail, sizeof h->detail);
	r->s->engine_known = true;
	if (alive(&r->s->slots[ROLE_CONSENT]))
		TELL(&r->s->slots[ROLE_CONSENT], ENGINE_HEALTH, h, NULL, 0);
	return true;
}

static bool on_device(struct slot *r, struct span frame)
{
	struct msg_DEVICE m;

	if (msg_DEVICE_decode(frame, &m) != ERR_OK)
		return false;
	device_changed(r->s, &(struct msg_DEVICE_STATE){ .power = m.power,
							 .battery_pct = m.battery_pct,
							 .network = m.network,
							 .thermal = m.thermal,
							 .locked = m.locked,
							 .vpn = m.vpn,
							 .strong = m.strong });
	return true;
}

/* The engine dies with local, and local cannot say so any more. */
void relay_local_died(struct supervisor *s)
{
	s->engine.state = ENGINE_STOPPED;
	s->engine.pid = 0;
	s->engine.queued = 0;
	snprintf(s->engine.detail, sizeof s->engine.detail,
		 "its supervisor is being restarted");
	if (s->engine_known && alive(&s->slots[ROLE_CONSENT]))
		TELL(&s->slots[ROLE_CONSENT], ENGINE_HEALTH, &s->engine, NULL, 0);
	device_changed(s, &relay_device_unknown);
}

/* --- who proves to be there --------------------------------------------------------------- */

/* consent has no wire to local: what it wants polkit asked goes through here, both ways. */
static bool on_prove(struct slot *r, struct span frame)
{
	struct slot *local = &r->s->slots[ROLE_LOCAL];
	struct msg_PROVE m;
	struct msg_PERSON_ASK ask;
	struct msg_PROOF none = { .verdict = PROOF_UNAVAILABLE };

	if (msg_PROVE_decode(frame, &m) != ERR_OK)
		return false;
	if (!alive(local)) {
		none.tag = m.tag;
		memcpy(none.question, m.question, sizeof none.question);
		copy_text(none.detail, sizeof none.detail, "the role local is not running");
		TELL(r, PROOF, &none, NULL, 0);
		return true;
	}
	ask = (struct msg_PERSON_ASK){ .tag = m.tag,
				       .uid = m.uid,
				       .pid = m.pid,
				       .start = m.start,
				       .deadline_ms = m.deadline_ms };
	memcpy(ask.question, m.question, sizeof ask.question);
	TELL(local, PERSON_ASK, &ask, NULL, 0);
	return true;
}

static bool on_prove_leave(struct slot *r, struct span frame)
{
	struct slot *local = &r->s->slots[ROLE_LOCAL];
	struct msg_PROVE_LEAVE m;

	if (msg_PROVE_LEAVE_decode(frame, &m) != ERR_OK)
		return false;
	if (alive(local))
		TELL(local, PERSON_LEAVE, &(struct msg_PERSON_LEAVE){ .tag = m.tag }, NULL, 0);
	return true;
}

static bool on_person(struct slot *r, struct span frame)
{
	struct slot *consent = &r->s->slots[ROLE_CONSENT];
	struct msg_PERSON m;
	struct msg_PROOF proof;

	if (msg_PERSON_decode(frame, &m) != ERR_OK)
		return false;
	proof = (struct msg_PROOF){ .tag = m.tag, .verdict = m.verdict };
	memcpy(proof.question, m.question, sizeof proof.question);
	memcpy(proof.detail, m.detail, sizeof proof.detail);
	if (alive(consent))
		TELL(consent, PROOF, &proof, NULL, 0);
	return true;
}

/* --- the whole -------------------------------------------------------------------------- */

static void greet_consent(struct supervisor *s)
{
	struct slot *consent = &s->slots[ROLE_CONSENT];

	for (unsigned r = ROLE_BOOT; r < ROLE_SEATS; r++)
		if (seated(s, (enum role)r))
			relay_health(s, &s->slots[r]);
	if (s->engine_known)
		TELL(consent, ENGINE_HEALTH, &s->engine, NULL, 0);
	if (s->failed)
		TELL(consent, RELOADED, &s->failure, NULL, 0);
}

void relay_greet(struct slot *r)
{
	tell_device(r->s, r->role);
	if (r->role == ROLE_CONSENT && alive(r))
		greet_consent(r->s);
	else
		relay_health(r->s, r);
}

bool relay_frame(struct slot *r, enum msg_type type, struct span frame)
{
	switch (type) {
	case MSG_ENGINE:
		return on_engine(r, frame);
	case MSG_DEVICE:
		return on_device(r, frame);
	case MSG_PROVE:
		return on_prove(r, frame);
	case MSG_PROVE_LEAVE:
		return on_prove_leave(r, frame);
	case MSG_PERSON:
		return on_person(r, frame);
	default:
		return false;
	}
}
