/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What router and consent say alike about the policy in force and about a price. One of them
 * shows it before a question, the other writes it down: the same numbers have to come out.
 */
#ifndef HITHER_PROC_POLICY_FACTS_H
#define HITHER_PROC_POLICY_FACTS_H

#include "crypto/crypto.h"
#include "policy/policy.h"

#define POLICY_OUTPUT_BOUND_TOKENS 32768 /* when neither body nor policy caps the answer */

/* Hex SHA-256 over layer and text of every file in force, in their order: the same files have
 * the same, however often they were read. */
void policy_facts_sha256(const struct policy_set *set, char hex[CRYPTO_SHA256_HEX_BYTES]);

/* tokens × price per million, in 10^-9 of the currency, rounded up; at most 9e15. */
int64_t policy_cost_nano(double per_mtok, int64_t tokens);

struct policy_bound {
	int64_t output_tokens; /* at most so many come back */
	int64_t tokens;        /* of both ways together */
	bool cost_known;       /* false: the policy states no price */
	int64_t cost_nano;
};

/*
 * The most a body costs there, whatever the tokenizer: no token is less than a byte of it.
 * `max_output_tokens` is what the body states, 0 none; `v` is the destination's verdict.
 */
struct policy_bound policy_bound(const struct policy_destination *d,
				 const struct policy_decision *v, size_t body_bytes,
				 int64_t max_output_tokens);

/* "0.001234 EUR"; empty when the price is not known. */
void policy_price_text(bool known, int64_t cost_nano, const char *currency, char *out,
		       size_t bytes);

#endif
