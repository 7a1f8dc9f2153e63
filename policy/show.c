/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a set, and every value in force with the file it comes from. */
#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/text.h"
#include "policy/policy_impl.h"

static void source(struct buf *out, const struct policy_file *f)
{
	if (f == NULL)
		buf_add_str(out, "  (built in)\n");
	else
		buf_printf(out, "  (%s %s)\n", policy_layer_name(f->info.layer), f->info.name);
}

static void label(struct buf *out, const char *name)
{
	buf_printf(out, "  %-22s ", name);
}

static void put_file(const struct policy_file *f, int64_t now_ms, struct buf *out)
{
	const struct policy_file_info *i = &f->info;
	char when[CLOCK_RFC3339_BYTES];

	buf_printf(out, "%-17s %-26s %s", policy_layer_name(i->layer), i->name, i->id);
	if (i->serial > 0)
		buf_printf(out, " serial %" PRId64, i->serial);
	buf_printf(out, "  %u rules, %u tests", i->n_rules, i->n_tests);
	if (!text_empty(f->signer))
		buf_printf(out, "  signed by %s", f->signer);
	if (i->not_after_ms != INT64_MAX) {
		clock_rfc3339(i->not_after_ms, when);
		buf_printf(out, "  %s %.10s", i->not_after_ms > now_ms ? "until" : "EXPIRED",
			   when);
	}
	buf_add_char(out, '\n');
}

/* ---------------------------------------------------------------- consent */

static void put_bits(struct buf *out, const struct vocabulary *v, unsigned mask)
{
	describe_mask(v, mask, " ", "(none: nothing can be approved)", out);
}

static void put_duration(struct buf *out, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		char unit;
	} units[] = { { 86400000, 'd' }, { 3600000, 'h' }, { 60000, 'm' }, { 1000, 's' } };

	for (size_t i = 0; i < LEN(units); i++) {
		if (ms % units[i].ms == 0 && ms >= units[i].ms) {
			buf_printf(out, "%" PRIu64 "%c", ms / units[i].ms, units[i].unit);
			return;
		}
	}
	buf_printf(out, "%" PRIu64 "ms", ms);
}

static void show_consent_lists(const struct policy_set *s, struct buf *out)
{
	const struct policy_consent *c = &s->consent;
	const struct policy_file *const *from = s->consent_from;

	label(out, "strong_auth_for");
	for (size_t i = 0; i < c->n_strong_auth_for; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", c->strong_auth_for[i]);
	buf_add_str(out, c->n_strong_auth_for == 0 ? "(none)" : "");
	source(out, from[FROM_STRONG_AUTH]);
	label(out, "ask_via");
	for (size_t i = 0; i < c->n_ask_via; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", vocab_via.words[c->ask_via[i]]);
	source(out, from[FROM_ASK_VIA]);
}

static void show_consent(const struct policy_set *s, struct buf *out)
{
	const struct policy_consent *c = &s->consent;
	const struct policy_file *const *from = s->consent_from;
	const struct {
		const char *name;
		uint64_t ms;
		int from;
	} durations[] = { { "max_until", c->max_until_ms, FROM_MAX_UNTIL },
			  { "always_max", c->always_max_ms, FROM_ALWAYS_MAX },
			  { "timeout", c->timeout_ms, FROM_TIMEOUT },
			  { "hold_max", c->hold_max_ms, FROM_HOLD_MAX } };
	const struct {
		const char *name, *word;
		int from;
	} words[] = { { "prefer", vocab_mode.words[c->prefer >> 1], FROM_PREFER },
		      { "on_timeout", vocab_otherwise.words[c->on_timeout], FROM_ON_TIMEOUT },
		      { "on_deny", vocab_otherwise.words[c->on_deny], FROM_ON_DENY },
		      { "no_agent", vocab_otherwise.words[c->no_agent], FROM_NO_AGENT },
		      { "require_reason", c->require_reason ? "true" : "false", FROM_REASON } };

	buf_add_str(out, "consent\n");
	label(out, "scopes");
	put_bits(out, &vocab_scope, c->scopes);
	source(out, from[FROM_SCOPES]);
	label(out, "modes");
	put_bits(out, &vocab_mode, c->modes);
	source(out, from[FROM_MODES]);
	for (size_t i = 0; i < LEN(words); i++) {
		label(out, words[i].name);
		buf_add_str(out, words[i].word);
		source(out, from[words[i].from]);
	}
	for (size_t i = 0; i < LEN(durations); i++) {
		label(out, durations[i].name);
		put_duration(out, durations[i].ms);
		source(out, from[durations[i].from]);
	}
	label(out, "max_prompts_per_hour");
	buf_printf(out, "%" PRId64, c->max_prompts_per_hour);
	source(out, from[FROM_PROMPTS]);
	show_consent_lists(s, out);
}

/* ---------------------------------------------------------------- the rest */

static void show_destinations(const struct policy_set *s, struct buf *out)
{
	buf_add_str(out, "destinations\n");
	for (size_t i = 0; i < s->n_destinations; i++) {
		const struct policy_destination *d = &s->destinations[i];

		label(out, d->name);
		buf_printf(out, "%s, %s, %s", policy_tier_name(d->tier),
			   policy_api_name(d->api),
			   d->operator_name != NULL ? d->operator_name : "operator unknown");
		if (d->region != NULL)
			buf_printf(out, ", %s", d->region);
		if (d->base_url != NULL)
			buf_printf(out, ", %s", d->base_url);
		if (d->retention_days >= 0)
			buf_printf(out, ", keeps text %" PRId64 " days", d->retention_days);
		if (d->trains != POLICY_UNKNOWN)
			buf_add_str(out, d->trains == POLICY_TRUE ? ", trains on it"
								  : ", does not train on it");
		source(out, d->file);
	}
	if (s->only_destinations)
		buf_add_str(out, "  no others: a mandatory file says only_destinations\n");
}

static void show_defaults(const struct policy_set *s, struct buf *out)
{
	buf_add_str(out, "default\n");
	for (size_t l = 0; l < POLICY_LAYERS; l++) {
		for (size_t t = 0; t < TIERS; t++) {
			const struct set_default *d = &s->defaults[l][t];

			if (d->verdict == UNSTATED)
				continue;
			label(out, vocab_tier.words[t]);
			buf_add_str(out, vocab_verdict.words[d->verdict]);
			source(out, s->files[d->file]);
		}
	}
	label(out, "otherwise");
	buf_add_str(out, "device allow, trusted ask, cloud deny  (built in)\n");
}

static void show_rules(const struct policy_set *s, struct buf *out)
{
	buf_add_str(out, "rules\n");
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct crule *r = &s->rules[i];

		label(out, r->rule->id);
		buf_printf(out, "%s when ", vocab_effect.words[r->rule->effect]);
		describe_cond(r->rule->when, out);
		if (r->rule->unless != NULL) {
			buf_add_str(out, " unless ");
			describe_cond(r->rule->unless, out);
		}
		source(out, r->file);
	}
}

static void put_budget(const struct policy_budget *b, struct buf *out)
{
	static const char *const units[] = { "hours", "days", "weeks", "months" };

	label(out, b->id);
	put_bits(out, &vocab_budget_scope, b->scope);
	buf_printf(out, ", per %u %s:", b->window_count, units[b->window_unit]);
	if (b->has_cost)
		buf_printf(out, " %.2f %s", b->max_cost, b->currency);
	if (b->max_tokens != INT64_MAX)
		buf_printf(out, " %" PRId64 " tokens", b->max_tokens);
	if (b->max_requests != INT64_MAX)
		buf_printf(out, " %" PRId64 " requests", b->max_requests);
	buf_printf(out, ", then %s", vocab_exceed.words[b->on_exceed]);
	source(out, b->file);
}

static void show_wishes(const struct policy_set *s, struct buf *out)
{
	const struct policy_routing *r = &s->routing;
	const struct policy_ledger *l = &s->ledger;

	buf_add_str(out, "routing\n");
	label(out, "escalate_at");
	if (r->has_escalate_at)
		buf_printf(out, "%g", r->escalate_at);
	else
		buf_add_str(out, "(the router's own)");
	source(out, s->routing_from[0]);
	label(out, "prefer");
	for (size_t i = 0; i < r->n_prefer; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", policy_tier_name(r->prefer[i]));
	buf_add_str(out, r->n_prefer == 0 ? "(the nearest that suffices)" : "");
	source(out, s->routing_from[1]);
	label(out, "fallback");
	for (size_t i = 0; i < r->n_fallback; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", r->fallback[i]);
	buf_add_str(out, r->n_fallback == 0 ? "(none but this device)" : "");
	source(out, s->routing_from[2]);
	label(out, "while_asking");
	buf_add_str(out, vocab_draft.words[r->while_asking]);
	source(out, s->routing_from[3]);
	label(out, "cascade");
	buf_add_str(out, vocab_cascade.words[r->cascade]);
	source(out, s->routing_from[4]);
	buf_add_str(out, "ledger\n");
	label(out, "content");
	buf_add_str(out, vocab_content.words[l->content]);
	source(out, s->ledger_from[0]);
	label(out, "retain");
	if (l->retain_ms > 0)
		put_duration(out, l->retain_ms);
	else
		buf_add_str(out, "for good");
	source(out, s->ledger_from[1]);
	label(out, "export");
	buf_add_str(out, l->export_json != NULL ? l->export_json : "(none)");
	if (l->export_json != NULL)
		buf_add_str(out, ", which hitherd does not do: hither ledger export");
	source(out, s->ledger_from[2]);
}

static void show_detectors(const struct policy_set *s, struct buf *out)
{
	if (s->n_categories > 0)
		buf_add_str(out, "categories\n");
	for (size_t i = 0; i < s->n_categories; i++) {
		const struct policy_category *c = &s->categories[i];

		label(out, c->name);
		if (c->regex != NULL)
			buf_printf(out, "regex %s ", c->regex);
		if (c->n_keywords > 0)
			buf_printf(out, "%zu keywords ", c->n_keywords);
		if (c->dictionary != NULL)
			buf_printf(out, "dictionary %s ", c->dictionary);
		buf_printf(out, "check %s", vocab_check.words[c->check]);
		source(out, c->file);
	}
}

void policy_show(const struct policy_set *s, bool effective, int64_t now_ms, struct buf *out)
{
	explain_policy_line(s, now_ms, out);
	for (size_t i = 0; i < s->n_files; i++)
		put_file(s->files[i], now_ms, out);
	if (!effective)
		return;
	show_destinations(s, out);
	show_defaults(s, out);
	show_rules(s, out);
	show_consent(s, out);
	if (s->n_budgets > 0)
		buf_add_str(out, "budgets\n");
	for (size_t i = 0; i < s->n_budgets; i++)
		put_budget(&s->budgets[i], out);
	show_wishes(s, out);
	show_detectors(s, out);
}
