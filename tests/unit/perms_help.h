/* SPDX-License-Identifier: Apache-2.0 */
/* Records of what people said, and what is asked for afterwards. */
#ifndef HITHER_TESTS_UNIT_PERMS_HELP_H
#define HITHER_TESTS_UNIT_PERMS_HELP_H

#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "consent/peer.h"
#include "consent/perms.h"
#include "policy/policy.h"

#define NOW  1795012200000
#define HOUR 3600000LL

static struct inspected nothing, names, numbers;

static int found_something(void **state)
{
	(void)state;
	nothing.complete = names.complete = numbers.complete = true;
	names.found[0] = (struct inspect_found){ .name = "personal.name", .in_body = 1 };
	names.n_found = 1;
	numbers = names;
	numbers.found[1] = (struct inspect_found){ .name = "personal.id", .in_body = 1 };
	numbers.n_found = 2;
	return 0;
}

static struct record said(enum record_kind kind, uint64_t seq)
{
	struct record r;

	record_init(&r, kind);
	r.seq = seq;
	snprintf(r.id, sizeof r.id, "R%" PRIu64, seq);
	r.time_ms = NOW;
	r.uid = 7;
	r.app = "app";
	r.identity = "socket";
	r.destination = "far";
	r.model = "big";
	r.task = "chat";
	r.mode = "redacted";
	r.session = "run#5/6";
	r.policy_sha256 = "aa";
	r.notice_version = PERMS_NOTICE_VERSION;
	r.categories = "[{\"name\":\"personal.name\",\"count\":1,\"masked\":false}]";
	r.digest = "sha256:00";
	return r;
}

static inline struct record yes(uint64_t seq, const char *scope)
{
	struct record r = said(RECORD_APPROVED, seq);

	r.scope = scope;
	r.until_ms = NOW + HOUR;
	return r;
}

static inline struct record no(uint64_t seq, const char *scope)
{
	struct record r = said(RECORD_REFUSED, seq);

	r.scope = scope;
	return r;
}

static inline struct record tainted(const char *tier, const char *conversation)
{
	struct record r = said(RECORD_TAINTED, 4);

	r.tier = tier;
	r.conversation = conversation;
	return r;
}

static struct perm_query wanted(void)
{
	return (struct perm_query){ .uid = 7,
				    .app = "app",
				    .destination = "far",
				    .model = "big",
				    .task = "chat",
				    .conversation = "",
				    .digest = "sha256:00",
				    .session = "run#5/6",
				    .policy_sha256 = "aa",
				    .identity = POLICY_IDENTITY_SOCKET,
				    .tier = POLICY_TIER_CLOUD,
				    .found = &names,
				    .modes = POLICY_MODE_REDACTED | POLICY_MODE_AS_IS,
				    .now_ms = NOW };
}

static struct perms *after(const struct record *records, size_t n)
{
	struct perms *p = perms_new();

	for (size_t i = 0; i < n; i++)
		assert_true(perms_note(p, &records[i]));
	return p;
}

static inline bool allowed(struct perms *p, struct perm_query q)
{
	return perms_allowing(p, &q) != NULL;
}

static inline bool refused(struct perms *p, struct perm_query q)
{
	return perms_refusing(p, &q) != NULL;
}

#endif
