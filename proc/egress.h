/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy makes the role cloud reach: TCP ports, files with certificates. cloud opens its
 * jail for them at the start, and the jail cannot be opened further; so boot, which reads the
 * same policy, starts cloud afresh when a new one needs more.
 */
#ifndef HITHER_PROC_EGRESS_H
#define HITHER_PROC_EGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "proc/landlock.h"

/* The port of a URL: stated, else of its scheme (https 443, http 80, socks 1080); 0 for unix:
 * and for what is no URL. Pure. */
uint16_t egress_port(const char *url);
/* Adds port 443 and what the destinations need. */
void egress_grants(const struct policy_set *set, struct landlock_grants *io);
/* Whether `had` allows all that `wanted` does, as far as this kernel keeps them apart. */
bool egress_covers(const struct landlock_grants *had, const struct landlock_grants *wanted);

#endif
