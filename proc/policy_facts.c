/* SPDX-License-Identifier: Apache-2.0 */
/* Pure functions of a policy; the header says why they are here. */
#include "proc/policy_facts.h"

#include <math.h>
#include <stdio.h>

void policy_facts_sha256(const struct policy_set *set, char hex[CRYPTO_SHA256_HEX_BYTES])
{
	struct crypto_hasher *h = crypto_hasher_begin();
	struct crypto_sha256 digest = { { 0 } };

	for (size_t i = 0; h != NULL && i < policy_set_n_files(set); i++) {
		struct policy_file_info f = policy_file_info(policy_set_file(set, i));
		char head[64];
		int n = snprintf(head, sizeof head, "%s %zu\n", policy_layer_name(f.layer),
				 f.text.len);

		crypto_hasher_add(h, (struct span){ head, (size_t)n });
		crypto_hasher_add(h, f.text);
	}
	if (h != NULL)
		crypto_hasher_end(h, &digest);
	crypto_sha256_hex(&digest, hex);
}

int64_t policy_cost_nano(double per_mtok, int64_t tokens)
{
	double nano =
		ceil(per_mtok * (double)tokens * 1e3 - 1e-6); /* not up for a rounding error */

	return nano < 0 ? 0 : nano > 9e15 ? (int64_t)9e15 : (int64_t)nano;
}

struct policy_bound policy_bound(const struct policy_destination *d,
				 const struct policy_decision *v, size_t body_bytes,
				 int64_t max_output_tokens)
{
	struct policy_bound b = { .cost_known = d->price.known };

	b.output_tokens = max_output_tokens > 0               ? max_output_tokens
			  : v->max_output_tokens != INT64_MAX ? v->max_output_tokens
							      : POLICY_OUTPUT_BOUND_TOKENS;
	b.tokens = (int64_t)body_bytes + b.output_tokens;
	if (b.cost_known)
		b.cost_nano = policy_cost_nano(d->price.input_per_mtok, (int64_t)body_bytes) +
			      policy_cost_nano(d->price.output_per_mtok, b.output_tokens);
	return b;
}

void policy_price_text(bool known, int64_t cost_nano, const char *currency, char *out,
		       size_t bytes)
{
	if (known)
		snprintf(out, bytes, "%.6f %s", (double)cost_nano / 1e9, currency);
	else
		out[0] = '\0';
}
