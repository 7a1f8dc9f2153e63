/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   RESTING --ask--> ASKING (a thread waits for polkit) --> RESTING
 *
 * The thread looks five times a second whether it is left or late, and then takes the dialog
 * back. What it writes (`said`) is read on the loop after it ended; `left` is the one thing
 * that both touch.
 */
#include "local/person.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "local/bus.h"
#include "proc/process.h"

struct person {
	uv_loop_t *loop;
	uv_work_t work;
	char *root;
	bool asking;
	atomic_bool left;
	struct msg_PERSON_ASK ask;
	struct msg_PERSON said;
	person_on_said *on_said;
	void *ctx;
};

static void say(struct msg_PERSON *m, enum proof_verdict verdict, const char *detail)
{
	m->verdict = (uint8_t)verdict;
	snprintf(m->detail, sizeof m->detail, "%s", detail);
}

#ifdef HAVE_SYSTEMD

#define LOOK_US     200000u
#define CONNECT_MS  2000u
#define INTERACTIVE 1u /* AllowUserInteraction */
#define CANCEL_ID   "hither"
#define NO_POLKIT   "polkit does not answer on this machine; hither doctor"
#define NO_ACTION   "polkit does not know " PERSON_ACTION "; hither doctor"

static bool is_same(const struct msg_PERSON_ASK *m)
{
	struct process now;

	return process_look((pid_t)m->pid, &now) && now.start == m->start && now.uid == m->uid;
}

/* (bba{ss}): authorized, challenge, details */
static void read_result(sd_bus_message *reply, struct msg_PERSON *ret)
{
	int authorized = 0, challenge = 0;
	const char *key, *value;
	bool dismissed = false;

	if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") <= 0 ||
	    sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0) {
		say(ret, PROOF_UNAVAILABLE, NO_POLKIT);
		return;
	}
	if (sd_bus_message_enter_container(reply, 'a', "{ss}") > 0)
		while (sd_bus_message_read(reply, "{ss}", &key, &value) > 0)
			dismissed = dismissed || (strcmp(key, "polkit.dismissed") == 0 &&
						  strcmp(value, "true") == 0);
	if (authorized)
		say(ret, PROOF_GIVEN, "");
	else if (dismissed)
		say(ret, PROOF_CANCELLED, "the dialog was closed");
	else if (challenge)
		say(ret, PROOF_REFUSED,
		    "nothing here can ask for your password: start the desktop's "
		    "authentication agent, or pkttyagent in a terminal");
	else
		say(ret, PROOF_REFUSED, "you were not recognised, or polkit's rules say no");
}

static int on_reply(sd_bus_message *reply, void *ctx, sd_bus_error *unused)
{
	struct msg_PERSON *said = ctx;
	const sd_bus_error *e = sd_bus_message_get_error(reply);

	(void)unused;
	if (e == NULL)
		read_result(reply, said);
	else if (sd_bus_error_has_name(e, PERSON_SERVICE ".Error.Failed"))
		say(said, PROOF_UNAVAILABLE, NO_ACTION);
	else if (sd_bus_error_has_name(e, PERSON_SERVICE ".Error.Cancelled"))
		say(said, PROOF_CANCELLED, "the dialog was closed");
	else
		say(said, PROOF_UNAVAILABLE, NO_POLKIT);
	return 1;
}

/* pid and start time name the process; polkit compares the user as well. */
static int check(sd_bus *bus, struct person *p, sd_bus_slot **ret)
{
	const struct msg_PERSON_ASK *a = &p->ask;

	return sd_bus_call_method_async(
		bus, ret, PERSON_SERVICE, PERSON_PATH, PERSON_INTERFACE, "CheckAuthorization",
		on_reply, &p->said, "(sa{sv})sa{ss}us", "unix-process", 3, "pid", "u", a->pid,
		"start-time", "t", a->start, "uid", "i", (int32_t)a->uid, PERSON_ACTION, 0,
		INTERACTIVE, CANCEL_ID);
}

static void take_back(sd_bus *bus, struct person *p, const char *why)
{
	say(&p->said, PROOF_CANCELLED, why);
	(void)sd_bus_call_method(bus, PERSON_SERVICE, PERSON_PATH, PERSON_INTERFACE,
				 "CancelCheckAuthorization", NULL, NULL, "s", CANCEL_ID);
}

static void wait_for_polkit(sd_bus *bus, struct person *p)
{
	uint64_t until_ms = clock_mono_ms() + p->ask.deadline_ms;
	const enum proof_verdict open = PROOF_GONE + 1;
	sd_bus_slot *slot = NULL;
	int r;

	p->said.verdict = open;
	r = check(bus, p, &slot);
	while (r >= 0 && p->said.verdict == open) {
		if (atomic_load(&p->left) || bus_left_us(until_ms) == 0) {
			slot = sd_bus_slot_unref(slot);
			take_back(bus, p, "it took too long");
			break;
		}
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, LOOK_US);
	}
	sd_bus_slot_unref(slot);
	if (p->said.verdict == open)
		say(&p->said, PROOF_UNAVAILABLE, NO_POLKIT);
}

static void on_work(uv_work_t *work)
{
	struct person *p = work->data;
	char address[PATH_MAX];
	sd_bus *bus;

	bus_address(p->root, address);
	if (!is_same(&p->ask)) {
		say(&p->said, PROOF_GONE, "the answering program has ended");
		return;
	}
	bus = bus_connect(address, clock_mono_ms() + CONNECT_MS);
	if (bus == NULL) {
		say(&p->said, PROOF_UNAVAILABLE, NO_POLKIT);
		return;
	}
	/* sd-bus gives up a call after 25 s unless told otherwise; people need longer. */
	(void)sd_bus_set_method_call_timeout(bus,
					     UINT64_C(1000) * p->ask.deadline_ms + LOOK_US);
	wait_for_polkit(bus, p);
	sd_bus_close_unref(bus);
	if (p->said.verdict == PROOF_GIVEN && !is_same(&p->ask))
		say(&p->said, PROOF_GONE, "the answering program has ended");
}

#else /* no libsystemd: nobody can be asked */

static void on_work(uv_work_t *work)
{
	struct person *p = work->data;

	say(&p->said, PROOF_UNAVAILABLE, "this hither was built without libsystemd");
}

#endif

static void on_after(uv_work_t *work, int status)
{
	struct person *p = work->data;

	p->asking = false;
	if (status != 0)
		say(&p->said, PROOF_UNAVAILABLE, "this process is out of threads");
	log_info("local.person", "question=%s verdict=%u", p->said.question, p->said.verdict);
	if (!atomic_load(&p->left))
		p->on_said(p->ctx, &p->said);
}

struct person *person_new(uv_loop_t *loop, const char *root, person_on_said *on_said, void *ctx)
{
	struct person *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->loop = loop;
	p->root = strdup(root);
	p->on_said = on_said;
	p->ctx = ctx;
	p->work.data = p;
	if (p->root == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void person_ask(struct person *p, const struct msg_PERSON_ASK *m)
{
	struct msg_PERSON said = { .tag = m->tag };

	memcpy(said.question, m->question, sizeof said.question);
	if (p->asking) {
		say(&said, PROOF_REFUSED, "another dialog is open; close it first");
		p->on_said(p->ctx, &said);
		return;
	}
	p->asking = true;
	p->ask = *m;
	p->said = said;
	atomic_store(&p->left, false);
	if (uv_queue_work(p->loop, &p->work, on_work, on_after) != 0)
		on_after(&p->work, UV_ENOMEM);
}

void person_leave(struct person *p, uint64_t tag)
{
	if (p->asking && p->ask.tag == tag)
		atomic_store(&p->left, true);
}

void person_stop(struct person *p)
{
	if (p != NULL && p->asking)
		atomic_store(&p->left, true);
}
