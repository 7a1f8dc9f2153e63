/* SPDX-License-Identifier: Apache-2.0 */
/* The closed word lists of the language. The index of a word is its value everywhere. */
#include <stdlib.h>

#include "common/text.h"
#include "policy/policy_impl.h"

#define VOCABULARY(name, ...)                                                                  \
	static const char *const name##_words[] = { __VA_ARGS__ };                             \
	const struct vocabulary vocab_##name = { name##_words, LEN(name##_words) }

VOCABULARY(layer, "vendor_mandatory", "mandatory", "vendor", "recommended", "user");
VOCABULARY(verdict, "allow", "ask", "deny");
VOCABULARY(tier, "device", "trusted", "cloud");
VOCABULARY(low_tier, "device", "trusted");
VOCABULARY(api, "openai", "anthropic", "ollama", "llamacpp", "openai-responses", "gemini",
	   "azure-openai", "mistral", "openrouter");
VOCABULARY(identity, "unknown", "anonymous", "claimed", "socket", "attested");
VOCABULARY(condition_identity, "claimed", "socket", "attested");
VOCABULARY(effect, "allow", "ask", "deny", "local_only", "require");
VOCABULARY(strip, "attachments", "images", "metadata", "system_prompt", "tools");
VOCABULARY(log, "full", "digest", "metadata");
VOCABULARY(notify, "none", "after");
VOCABULARY(power, "unknown", "ac", "battery");
VOCABULARY(network, "unknown", "offline", "metered", "unmetered");
VOCABULARY(thermal, "unknown", "nominal", "fair", "serious", "critical");
VOCABULARY(day, "mon", "tue", "wed", "thu", "fri", "sat", "sun");
VOCABULARY(scope, "once", "session", "until", "always");
VOCABULARY(mode, "redacted", "as_is");
VOCABULARY(otherwise, "hold", "local", "refuse");
VOCABULARY(on_deny, "local", "refuse");
VOCABULARY(via, "session-agent", "terminal", "notification", "web");
VOCABULARY(budget_scope, "user", "app", "destination", "host", "fleet");
VOCABULARY(exceed, "ask", "local", "refuse");
VOCABULARY(content, "full", "digest", "none");
VOCABULARY(draft, "wait", "hold", "thinking", "text");
VOCABULARY(cascade, "off", "offer", "on");
VOCABULARY(check, "none", "luhn", "mod97");

bool vocab_find(const struct vocabulary *v, const char *word, unsigned *ret)
{
	for (unsigned i = 0; i < v->n; i++) {
		if (strcmp(v->words[i], word) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool begins(const char *word, const char *start)
{
	size_t n = strlen(start);

	return n >= 3 && strncmp(word, start, n) == 0;
}

/* Near means: at most a third of the letters wrong (one always may), or one the start of the
 * other. */
const char *vocab_nearest(const struct vocabulary *v, const char *word)
{
	const char *best = NULL;
	size_t limit = strlen(word) < 6 ? 1 : strlen(word) / 3;

	for (unsigned i = 0; i < v->n; i++) {
		unsigned d = text_distance(v->words[i], word);

		if (d <= limit) {
			best = v->words[i];
			limit = d - 1; /* the word itself is not in the list: d > 0 */
		} else if (best == NULL &&
			   (begins(word, v->words[i]) || begins(v->words[i], word))) {
			best = v->words[i];
		}
	}
	return best;
}

const char *policy_layer_name(enum policy_layer layer)
{
	return layer_words[layer];
}

const char *policy_verdict_name(enum policy_verdict v)
{
	return verdict_words[v];
}

const char *policy_tier_name(enum policy_tier t)
{
	return tier_words[t];
}

const char *policy_draft_name(enum policy_draft d)
{
	return draft_words[d];
}

const char *policy_api_name(enum policy_api a)
{
	return api_words[a];
}

const char *policy_identity_name(enum policy_identity i)
{
	return identity_words[i];
}

const char *policy_strip_name(unsigned bit_index)
{
	return strip_words[bit_index];
}

const char *policy_state_name(enum policy_state s)
{
	static const char *const names[] = { "active", "degraded", "lockdown" };

	return names[s];
}

static bool from(const struct vocabulary *v, struct span name, unsigned first, unsigned *ret)
{
	for (unsigned i = first; i < v->n; i++) {
		if (span_is(name, v->words[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool policy_layer_from(struct span name, enum policy_layer *ret)
{
	unsigned i;

	if (!from(&vocab_layer, name, 0, &i))
		return false;
	*ret = (enum policy_layer)i;
	return true;
}

bool policy_tier_from(struct span name, enum policy_tier *ret)
{
	unsigned i;

	if (!from(&vocab_tier, name, 0, &i))
		return false;
	*ret = (enum policy_tier)i;
	return true;
}

bool policy_draft_from(struct span word, enum policy_draft *ret)
{
	unsigned i;

	if (!from(&vocab_draft, word, 0, &i))
		return false;
	*ret = (enum policy_draft)i;
	return true;
}

bool policy_cascade_from(struct span word, enum policy_cascade *ret)
{
	unsigned i;

	if (!from(&vocab_cascade, word, 0, &i))
		return false;
	*ret = (enum policy_cascade)i;
	return true;
}

bool policy_identity_from(struct span name, enum policy_identity *ret)
{
	unsigned i;

	if (!from(&vocab_identity, name, 1, &i))
		return false;
	*ret = (enum policy_identity)i;
	return true;
}
