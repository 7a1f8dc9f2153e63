/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who can put a question to the person. Of those that listen, one is told of a question: the
 * kind that policy prefers (ask_via), then the most recent; an agent that calls itself a
 * fallback comes after all others. When it leaves, the next one is told. News of the end of a
 * question go to everybody. A program that listed questions lately counts as somebody there.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "consent/role.h"

const char *agent_kind_name(enum agent_kind k)
{
	static const char *const names[] = { "desktop", "terminal", "notification", "web" };

	return names[k];
}

static bool listens(const struct agent *a, uint32_t uid)
{
	return a->id[0] != '\0' && a->uid == uid && a->stream != NULL;
}

/* Place of the agent's kind in ask_via; kinds that policy leaves out come last. */
static unsigned preference(struct consent *c, const struct agent *a)
{
	static const enum policy_via via[] = { POLICY_VIA_SESSION_AGENT, POLICY_VIA_TERMINAL,
					       POLICY_VIA_NOTIFICATION, POLICY_VIA_WEB };
	const struct policy_consent *p = policy_consent(gate_policy_set(c->gate));

	for (unsigned i = 0; i < p->n_ask_via; i++)
		if (p->ask_via[i] == via[a->kind])
			return i;
	return POLICY_VIAS;
}

static bool better(struct consent *c, const struct agent *a, const struct agent *b)
{
	unsigned x = preference(c, a), y = preference(c, b);

	if (a->fallback != b->fallback)
		return b->fallback;
	return x != y ? x < y : a->since_ms > b->since_ms;
}

static struct agent *best(struct consent *c, uint32_t uid)
{
	struct agent *found = NULL;

	for (unsigned i = 0; i < AGENTS_MAX; i++)
		if (listens(&c->agents[i], uid) &&
		    (found == NULL || better(c, &c->agents[i], found)))
			found = &c->agents[i];
	return found;
}

bool agents_anyone(struct consent *c, uint32_t uid)
{
	uint64_t now = clock_boot_ms();

	for (unsigned i = 0; i < LEN(c->readers); i++)
		if (c->readers[i].at_ms != 0 && c->readers[i].uid == uid &&
		    now - c->readers[i].at_ms < AGENT_READER_MS)
			return true;
	return best(c, uid) != NULL;
}

void agents_saw_reader(struct consent *c, uint32_t uid)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < LEN(c->readers); i++) {
		if (c->readers[i].at_ms != 0 && c->readers[i].uid == uid) {
			oldest = i;
			break;
		}
		if (c->readers[i].at_ms < c->readers[oldest].at_ms)
			oldest = i;
	}
	c->readers[oldest].uid = uid;
	c->readers[oldest].at_ms = clock_boot_ms();
}

/* --- telling ------------------------------------------------------------------------- */

static void send_event(struct agent *a, const char *event, const char *question)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_printf(&b, "event: %s\ndata: ", event);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "id", question);
	json_put_key_cstr(&b, "event", event);
	buf_add_str(&b, "}\n\n");
	(void)http_write(
		a->stream,
		buf_span(&b)); /* small; a reader that stalls is cut by the heartbeat */
	buf_free(&b);
}

static bool was_told(const struct agent *a, const char *question)
{
	for (unsigned i = 0; i < AGENT_TOLD_MAX; i++)
		if (strcmp(a->told[i], question) == 0)
			return true;
	return false;
}

unsigned agents_tell(struct consent *c, enum gate_news news, uint32_t uid, const char *question)
{
	unsigned told = 0;

	if (news == GATE_REQUEST || news == GATE_SENT) {
		struct agent *a = best(c, uid);

		if (a == NULL)
			return 0;
		if (!was_told(a, question)) {
			snprintf(a->told[a->told_at++ % AGENT_TOLD_MAX], TEXT_ULID_BYTES, "%s",
				 question);
			send_event(a, gate_news_name(news), question);
		}
		return 1;
	}
	for (unsigned i = 0; i < AGENTS_MAX; i++)
		if (listens(&c->agents[i], uid) && was_told(&c->agents[i], question)) {
			send_event(&c->agents[i], gate_news_name(news), question);
			told++;
		}
	return told;
}

/* --- coming and going ---------------------------------------------------------------- */

struct agent *agents_add(struct consent *c, uint32_t uid, pid_t pid, enum agent_kind kind,
			 const char *name, bool fallback)
{
	uint64_t now = clock_boot_ms();

	for (unsigned i = 0; i < AGENTS_MAX; i++) {
		struct agent *a = &c->agents[i];

		if (a->id[0] != '\0' &&
		    (a->stream != NULL || now - a->since_ms < AGENT_JOIN_MS))
			continue;
		memset(a, 0, sizeof *a);
		text_ulid(a->id);
		a->uid = uid;
		a->pid = pid;
		a->kind = kind;
		a->fallback = fallback;
		a->since_ms = now;
		snprintf(a->name, sizeof a->name, "%s", name != NULL ? name : "");
		return a;
	}
	return NULL;
}

struct agent *agents_find(struct consent *c, const char *id)
{
	for (unsigned i = 0; i < AGENTS_MAX; i++)
		if (c->agents[i].id[0] != '\0' && strcmp(c->agents[i].id, id) == 0)
			return &c->agents[i];
	return NULL;
}

struct agent *agents_of(struct consent *c, uint32_t uid, pid_t pid)
{
	for (unsigned i = 0; i < AGENTS_MAX; i++)
		if (listens(&c->agents[i], uid) && c->agents[i].pid == pid)
			return &c->agents[i];
	return NULL;
}

void agents_listen(struct consent *c, struct agent *a, struct http_exchange *x)
{
	static const struct http_field fields[] = { { "Cache-Control", "no-store" } };

	a->stream = x;
	a->since_ms = clock_boot_ms();
	http_set_user(x, a);
	http_begin(x, 200, "text/event-stream", fields, LEN(fields));
	(void)http_write(x, SPAN_LITERAL(": ready\n\n"));
	log_info("agent.joined", "agent=%s kind=%s pid=%d", a->id, agent_kind_name(a->kind),
		 (int)a->pid);
	gate_agents_changed(c->gate, a->uid);
}

void agents_gone(struct consent *c, struct http_exchange *x)
{
	for (unsigned i = 0; i < AGENTS_MAX; i++) {
		struct agent *a = &c->agents[i];

		if (a->id[0] == '\0' || a->stream != x)
			continue;
		uint32_t uid = a->uid;

		log_info("agent.left", "agent=%s", a->id);
		memset(a, 0, sizeof *a);
		if (!c->stopping)
			gate_agents_changed(c->gate, uid);
		return;
	}
}

void agents_heartbeat(struct consent *c)
{
	for (unsigned i = 0; i < AGENTS_MAX; i++) {
		struct agent *a = &c->agents[i];

		if (a->id[0] != '\0' && a->stream != NULL &&
		    !http_write(a->stream, SPAN_LITERAL(": \n\n")))
			http_abort(a->stream); /* it does not read */
	}
}

void agents_stop(struct consent *c)
{
	for (unsigned i = 0; i < AGENTS_MAX; i++)
		if (c->agents[i].id[0] != '\0' && c->agents[i].stream != NULL)
			http_end(c->agents[i].stream);
}
