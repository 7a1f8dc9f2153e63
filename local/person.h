/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the person who answers who they say they are? Asked of polkit, which asks for a password,
 * a finger or a token: CheckAuthorization for one action, with the answering process as subject
 * (polkit(8), org.freedesktop.PolicyKit1.Authority). What it says is told by this process, not
 * by the one that answers, so that the answer cannot prove itself.
 *
 * One at a time: a person authenticates once, and a second dialog on top could not be told from
 * the first. Nothing about the question is shown by polkit: details may be given only by root.
 */
#ifndef HITHER_LOCAL_PERSON_H
#define HITHER_LOCAL_PERSON_H

#include <uv.h>

#include "ipc/msg.h"

/* config/polkit/org.hither.consent.policy */
#define PERSON_ACTION    "org.hither.consent.strong"
#define PERSON_SERVICE   "org.freedesktop.PolicyKit1"
#define PERSON_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define PERSON_INTERFACE "org.freedesktop.PolicyKit1.Authority"

struct person;

/* On the loop, once for each person_ask() that was not left. */
typedef void person_on_said(void *ctx, const struct msg_PERSON *m);

/* `root` as for device_bus_new, copied. NULL: no memory. Lives as long as the process. */
struct person *person_new(uv_loop_t *loop, const char *root, person_on_said *on_said,
			  void *ctx);

/* The process is looked up before and after polkit was asked: one that ended, or another one
 * with its number, proves nothing (PROOF_GONE). While another is under way: PROOF_REFUSED. */
void person_ask(struct person *p, const struct msg_PERSON_ASK *m);
/* Closes the dialog; nothing is told any more. */
void person_leave(struct person *p, uint64_t tag);
void person_stop(struct person *p); /* as person_leave, for good; NULL is fine */

#endif
