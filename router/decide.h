/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a request should be answered: what the client's model name asks for, what the policy
 * permits, what suffices. Pure: everything comes in through struct decide_input.
 */
#ifndef HITHER_ROUTER_DECIDE_H
#define HITHER_ROUTER_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialect/chat.h"
#include "models/models.h"
#include "policy/policy.h"

#define DECIDE_LOCAL 0 /* index of the built-in destination `local` in every policy set */

enum want_kind {
	WANT_AUTO,        /* "auto": the cheapest that suffices and is permitted */
	WANT_LOCAL,       /* "local", "local/NAME": the device or nothing */
	WANT_CLOUD,       /* "cloud": the best destination above the device, or nothing */
	WANT_DESTINATION, /* "DEST", "DEST/MODEL": that one, or nothing */
};

struct want {
	enum want_kind kind;
	size_t destination; /* WANT_DESTINATION */
	struct span model;  /* NAME or MODEL; empty: whichever is usual there */
};

/*
 * What a model name means (contract of names: router/README.md). Only a destination of the
 * policy, or "cloud", can mean anything above the device. False: no such model.
 */
bool decide_want(const struct policy_set *set, const struct model_list *models,
		 struct span name, struct want *ret);

/* Whether prompt and answer fit the context of the on-device model. */
enum decide_fit {
	DECIDE_FIT_ESTIMATE, /* nobody counted: input_tokens and max_tokens against the context
			      */
	DECIDE_FIT_YES,
	DECIDE_FIT_NO,
};

struct decide_input {
	const struct policy_set *set;
	const struct want *want;
	const struct policy_decision *verdicts; /* one per destination of the set */
	double score;                           /* 0..1 */
	uint16_t threshold_pm;                  /* at or above: the device is not sufficient */
	uint32_t input_tokens;                  /* estimate, or counted */
	uint32_t max_tokens;                    /* 0: none stated */
	uint32_t context_tokens;                /* of the on-device model; 0 unknown */
	enum decide_fit fit;
	bool counted;     /* input_tokens is no estimate */
	bool beyond_text; /* images, audio or files, which the device does not read */
	bool goes_on;     /* a run of tool calls that began at `began`: it stays there */
	size_t began;
	bool unsure;             /* the model began to answer, and is not sure of it: */
	double certainty, floor; /* 0..1; how sure, and what would have been enough */
};

enum plan_kind { PLAN_REFUSE, PLAN_LOCAL, PLAN_ASK }; /* 0: what nobody planned goes nowhere */

#define PLAN_REASONS      4
#define PLAN_REASON_BYTES 200

struct plan {
	enum plan_kind kind;
	size_t destination; /* of PLAN_ASK; the denied one of PLAN_REFUSE */
	struct span
		model; /* of PLAN_ASK: as the destination calls it. PLAN_LOCAL: "" or NAME */
	bool local_possible; /* PLAN_ASK: the device may answer when this comes to nothing */
	char reasons[PLAN_REASONS][PLAN_REASON_BYTES]; /* for people; empty ones at the end */
};

/* May `local` answer at once, whatever the other destinations say? Needs only its verdict. */
bool decide_is_local(const struct decide_input *in, enum policy_verdict local);
/* Is the destination open to this request: not denied, within limits, with a model to ask? */
bool decide_possible(const struct decide_input *in, size_t destination);
/* Total: every input gets a plan. */
void decide_plan(const struct decide_input *in, struct plan *ret);
/* Where the next reason goes: PLAN_REASON_BYTES. NULL when there is no room. */
char *plan_reason_place(struct plan *p);
/* Adds a reason when there is room. */
void plan_reason(struct plan *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Upper bound of what a request costs there, in the destination's currency; -1 unknown. */
double decide_cost(const struct policy_destination *d, uint32_t input_tokens,
		   uint32_t max_tokens);

#endif
