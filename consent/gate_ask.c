/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What consent itself thinks of one ASK: the policy evaluated on the facts, with categories
 * from its own scan of the exact bytes; destination, model and obligations; price; then which
 * way it goes, and what that says of later turns (taint).
 *
 * Facts that only router can know (score, task, app, how the peer was identified) are taken
 * from the message: a lying router can pick among what the policy allows for some request, it
 * cannot make the policy allow these bytes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"
#include "consent/gate_impl.h"

#define OUTPUT_USUAL_TOKENS 500 /* for the estimate only */
#define SCRATCH_BYTES       (1u << 20)
#define BECAUSE_MAX_BYTES   150 /* of a rule's own words in an answer */

/* --- facts --------------------------------------------------------------------------- */

static void modality(uint32_t bits, struct span items[4], struct policy_words *ret)
{
	static const char *const names[] = { "text", "image", "audio", "file" };

	ret->items = items;
	ret->known = bits != 0;
	for (unsigned i = 0; i < LEN(names); i++)
		if ((bits >> i & 1) != 0)
			items[ret->n++] = span_of(names[i]);
}

static void categories(const struct inspected *in, struct span items[INSPECT_FOUND_MAX],
		       struct policy_words *ret)
{
	ret->items = items;
	ret->known = in->complete;
	for (unsigned i = 0; in->complete && i < in->n_found; i++)
		items[ret->n++] = span_of(in->found[i].name);
}

static void facts(struct gate *g, const struct ask *a, struct span data[INSPECT_FOUND_MAX],
		  struct span kinds[4], struct policy_request *q)
{
	const struct msg_ASK *m = &a->m;

	memset(q, 0, sizeof *q);
	q->app = span_of(text_or_null(m->app));
	q->identity = (enum policy_identity)m->identity;
	surroundings_fill(g->around, (uid_t)m->uid, g->io->wall_ms(g->ctx), q);
	q->interactive = m->interactive == 1   ? POLICY_TRUE
			 : m->interactive == 0 ? POLICY_FALSE
					       : POLICY_UNKNOWN;
	q->task = span_of(text_or_null(m->task));
	categories(&a->in, data, &q->data);
	if (m->score_pm <= 1000)
		q->score = (struct policy_number){ true, m->score_pm / 1000.0 };
	if (m->confidence_pm <= 1000)
		q->confidence = (struct policy_number){ true, m->confidence_pm / 1000.0 };
	q->input_tokens = (struct policy_number){ true, m->input_tokens };
	modality(m->modality, kinds, &q->modality);
	q->tools = m->tools || a->in.tools ? POLICY_TRUE : POLICY_FALSE;
	q->restricted = m->max_tier < POLICY_TIER_CLOUD;
	q->max_tier = (enum policy_tier)m->max_tier;
}

/* --- judgement ----------------------------------------------------------------------- */

static void deny(struct ask *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void deny(struct ask *a, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(a->j.problem, sizeof a->j.problem, format, ap);
	va_end(ap);
	a->j.possible = false;
}

static void list_rules(const struct policy_set *set, const struct policy_decision *d, char *out,
		       size_t bytes)
{
	struct buf b;

	buf_init(&b, bytes - 1);
	for (size_t i = 0; i < d->n_by; i++) {
		struct policy_reason r = policy_decision_reason(set, d, i);

		if (b.len + strlen(r.id) + 2 >= b.max)
			break;
		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_str(&b, r.id);
		if (r.uncertain)
			buf_add_char(&b, '?');
	}
	snprintf(out, bytes, "%s", b.failed ? "" : buf_cstr(&b));
	buf_free(&b);
}

static bool model_listed(const struct policy_destination *d, const char *model)
{
	for (size_t i = 0; i < d->n_models; i++)
		if (strcmp(d->models[i], model) == 0)
			return true;
	return d->n_models == 0;
}

static void price(struct ask *a, const struct policy_destination *d,
		  const struct policy_decision *v)
{
	size_t longest =
		a->original.map.len > a->body.map.len ? a->original.map.len : a->body.map.len;
	struct policy_bound most = policy_bound(d, v, longest, a->in.max_output_tokens);
	int64_t usual = most.output_tokens;

	if (usual > OUTPUT_USUAL_TOKENS)
		usual = OUTPUT_USUAL_TOKENS;
	a->j.bound.tokens = most.tokens;
	if (!d->price.known)
		return;
	a->j.bound.cost_known = true;
	memcpy(a->j.bound.currency, d->price.currency, sizeof a->j.bound.currency);
	a->j.estimate_nano = policy_cost_nano(d->price.input_per_mtok, a->m.input_tokens) +
			     policy_cost_nano(d->price.output_per_mtok, usual);
	a->j.bound.cost_nano = most.cost_nano;
}

static void check_budgets(struct gate *g, struct ask *a)
{
	struct budget_query q = { .uid = a->m.uid,
				  .app = a->m.app,
				  .destination = a->m.destination,
				  .bound = a->j.bound,
				  .now_ms = g->io->wall_ms(g->ctx) };

	a->j.budget = budgets_check(g->budgets, g->set, &q, &a->j.budget_id);
	if (a->j.budget == BUDGET_NO_PRICE)
		deny(a, "budget %s counts cost, and the price of %s is unknown", a->j.budget_id,
		     a->m.destination);
	if (a->j.budget == BUDGET_ASK)
		a->j.must_ask = true;
}

/* Which forms of the text could be sent, of those that policy offers. */
static unsigned possible_modes(const struct gate *g, const struct ask *a)
{
	unsigned modes = policy_consent(g->set)->modes;

	if (!ask_has_original(a)) /* nothing was masked: both words mean the same bytes */
		return modes == 0                            ? 0
		       : (modes & POLICY_MODE_REDACTED) != 0 ? POLICY_MODE_REDACTED
							     : POLICY_MODE_AS_IS;
	for (unsigned i = 0; i < a->in.n_found; i++)
		if (policy_category_matches(SPAN_LITERAL("secret.*"),
					    span_of(a->in.found[i].name)))
			modes &= ~(unsigned)POLICY_MODE_AS_IS;
	return modes;
}

static bool needs_strong_auth(const struct gate *g, const struct ask *a)
{
	const struct policy_consent *c = policy_consent(g->set);

	for (unsigned i = 0; i < a->in.n_found; i++)
		for (size_t p = 0; p < c->n_strong_auth_for; p++)
			if (policy_category_matches(span_of(c->strong_auth_for[p]),
						    span_of(a->in.found[i].name)))
				return true;
	return false;
}

static enum policy_content content_of(const struct gate *g, enum policy_log log)
{
	static const enum policy_content kept[] = { [POLICY_LOG_UNSET] = POLICY_CONTENT_FULL,
						    [POLICY_LOG_FULL] = POLICY_CONTENT_FULL,
						    [POLICY_LOG_DIGEST] = POLICY_CONTENT_DIGEST,
						    [POLICY_LOG_METADATA] =
							    POLICY_CONTENT_NONE };
	enum policy_content set = policy_ledger(g->set)->content;

	return kept[log] > set ? kept[log] : set;
}

static void obligations(struct gate *g, struct ask *a, const struct policy_decision *d)
{
	const char *unmasked =
		inspect_unmasked(&a->in, (const char *const *)d->redact, d->n_redact);
	const char *unmet = inspect_unmet(&a->in, d);

	a->j.content = content_of(g, d->log);
	a->j.notify = d->notify == POLICY_NOTIFY_AFTER;
	a->j.modes = possible_modes(g, a);
	a->j.scopes = policy_consent(g->set)->scopes;
	a->j.must_ask = d->verdict == POLICY_ASK;
	a->j.strong_auth = needs_strong_auth(g, a);
	if (unmet != NULL)
		deny(a, "the request does not meet an obligation: %s", unmet);
	else if (unmasked != NULL)
		deny(a, "%s must be masked and is still in the text", unmasked);
	else if (a->j.modes == 0)
		deny(a, "policy allows no form in which this text could be sent");
	else if (d->verdict == POLICY_ALLOW && (a->j.modes & POLICY_MODE_REDACTED) == 0 &&
		 ask_has_original(a))
		deny(a, "without a question only the masked text may be sent, and policy "
			"excludes that");
	else if (a->j.notify && !a->j.must_ask && !g->io->anyone(g->ctx, a->m.uid))
		deny(a, "policy wants you to be told afterwards, and nobody is there to tell: "
			"hither consent watch");
	else if (a->j.must_ask && a->j.strong_auth && !g->strong)
		deny(a, "policy wants you to prove who you are for this data "
			"(strong_auth_for), and polkit cannot be asked here; hither doctor");
}

static void why_not(struct gate *g, const struct policy_decision *d, struct ask *a)
{
	struct policy_reason first = policy_decision_reason(g->set, d, 0); /* a no has one */
	struct span because = span_of(first.because);

	if (because.len > BECAUSE_MAX_BYTES)
		because.len = BECAUSE_MAX_BYTES;
	while (!text_is_utf8(because)) /* cut inside a character */
		because.len--;
	snprintf(a->j.problem, sizeof a->j.problem, "policy says no (%.120s%s%.*s)", a->j.rules,
		 because.len > 0 ? ": " : "", (int)because.len, because.ptr);
}

static void judge_policy(struct gate *g, struct ask *a)
{
	struct arena *scratch = arena_new("judgement", SCRATCH_BYTES);
	struct policy_decision *d =
		scratch != NULL ? policy_decisions_new(g->set, 1, scratch) : NULL;
	const struct policy_destination *to = policy_destination(g->set, a->j.destination);
	struct span data[INSPECT_FOUND_MAX], kinds[4];
	struct policy_request q;

	if (d == NULL) {
		deny(a, "memory is out");
		arena_free(scratch);
		return;
	}
	facts(g, a, data, kinds, &q);
	policy_decide(g->set, &q, a->j.destination, d);
	a->j.verdict = d->verdict;
	list_rules(g->set, d, a->j.rules, sizeof a->j.rules);
	price(a, to, d);
	a->j.possible = d->verdict != POLICY_DENY;
	a->j.content = policy_ledger(g->set)->content;
	if (!a->j.possible)
		why_not(g, d, a);
	else
		obligations(g, a, d);
	if (a->j.possible)
		check_budgets(g, a);
	arena_free(scratch);
}

void gate_judge_again(struct gate *g, struct ask *a)
{
	if (a->readable)
		judge_policy(g, a);
}

/* Where the model stands in the address, cloud makes that of the model of the SEND, which is
 * the one asked about; a body that names one all the same is not one of ours. */
static bool names_model(const struct ask *a)
{
	if (a->in.in_path)
		return a->in.model == NULL;
	return a->in.model != NULL && strcmp(a->in.model, a->m.model) == 0;
}

void gate_judge(struct gate *g, struct ask *a)
{
	const struct policy_destination *to;

	memset(&a->j, 0, sizeof a->j);
	a->j.content = g->set != NULL ? policy_ledger(g->set)->content : POLICY_CONTENT_NONE;
	a->readable = false;
	if (g->set != NULL && g->inspector == NULL)
		g->inspector = inspector_new(g->set);
	if (g->set == NULL || g->inspector == NULL) {
		deny(a, "no policy is in force");
		return;
	}
	if (g->budgets == NULL) /* there never was a ledger: gate_ask_decide() says so */
		return;
	if (!policy_destination_find(g->set, span_of(a->m.destination), &a->j.destination)) {
		deny(a, "there is no destination %s", a->m.destination);
		return;
	}
	to = policy_destination(g->set, a->j.destination);
	enum err e = inspect_body(g->inspector, to->api, a->body.map, a->original.map,
				  a->m.masked, a->arena, &a->in);
	if (e != ERR_OK)
		deny(a, "the outgoing body cannot be read: %s", err_text(e));
	else if (to->tier == POLICY_TIER_DEVICE)
		deny(a, "%s is on this device and needs no consent", a->m.destination);
	else if (!model_listed(to, a->m.model))
		deny(a, "%s is not a model that policy names for %s", a->m.model,
		     a->m.destination);
	else if (!names_model(a))
		deny(a, "the body names another model than the request");
	else if (!a->in.in_path && a->in.stream != (a->m.streaming != 0))
		deny(a, "the body disagrees with the request about streaming");
	else
		a->readable = true;
	gate_judge_again(g, a);
}

/* --- taint --------------------------------------------------------------------------- */

void gate_taint(struct gate *g, const struct msg_DECIDED *m)
{
	struct perm_query q = { .uid = m->uid,
				.app = m->app,
				.destination = "",
				.task = m->task,
				.conversation = m->conversation,
				.digest = "",
				.policy_sha256 = g->policy_sha256,
				.tier = (enum policy_tier)m->kept,
				.now_ms = g->io->wall_ms(g->ctx) };
	const struct perm *no;
	struct record r;

	if (!book_usable(g))
		return;
	no = perms_refusing(g->perms, &q);
	if (no != NULL && !text_empty(no->conversation))
		return; /* it is known */
	/* What was decided without it goes before it. */
	(void)gate_turn(g);
	record_init(&r, RECORD_TAINTED);
	r.uid = m->uid;
	r.app = m->app;
	r.identity = policy_identity_name((enum policy_identity)m->identity);
	r.decision_id = m->decision_id;
	r.conversation = m->conversation;
	r.tier = policy_tier_name((enum policy_tier)m->kept);
	r.policy_sha256 = g->policy_sha256;
	(void)!book_append(g, &r, 1); /* a ledger that fails keeps everything here anyway */
}

/* Would it be possible had nothing been found? Then the data is what keeps it here. */
static bool kept_for_data(struct gate *g, const struct ask *a)
{
	struct arena *scratch = a->readable && a->in.complete && a->in.n_found > 0
					? arena_new("taint", SCRATCH_BYTES)
					: NULL;
	struct policy_decision *d =
		scratch != NULL ? policy_decisions_new(g->set, 1, scratch) : NULL;
	struct span data[INSPECT_FOUND_MAX], kinds[4];
	struct policy_request q;
	bool kept = false;

	if (d != NULL) {
		facts(g, a, data, kinds, &q);
		policy_decide(g->set, &q, a->j.destination, d);
		kept = d->verdict == POLICY_DENY;
		q.data = (struct policy_words){ .known = true };
		policy_decide(g->set, &q, a->j.destination, d);
		kept = kept && d->verdict != POLICY_DENY;
	}
	arena_free(scratch);
	return kept;
}

static void taint_when_kept(struct gate *g, const struct ask *a)
{
	struct msg_DECIDED m = { .uid = a->m.uid, .identity = a->m.identity };

	if (text_empty(a->m.conversation) || !kept_for_data(g, a))
		return;
	m.kept = (uint8_t)policy_destination(g->set, a->j.destination)->tier;
	memcpy(m.app, a->m.app, sizeof m.app);
	memcpy(m.task, a->m.task, sizeof m.task);
	memcpy(m.decision_id, a->m.decision_id, sizeof m.decision_id);
	memcpy(m.conversation, a->m.conversation, sizeof m.conversation);
	gate_taint(g, &m);
}

/* --- which way ----------------------------------------------------------------------- */

void gate_perm_query(struct gate *g, const struct ask *a, struct perm_query *ret)
{
	*ret = (struct perm_query){ .uid = a->m.uid,
				    .app = a->m.app,
				    .destination = a->m.destination,
				    .model = a->m.model,
				    .task = a->m.task,
				    .conversation = a->m.conversation,
				    .digest = a->body.digest,
				    .session = a->session,
				    .policy_sha256 = g->policy_sha256,
				    .identity = (enum policy_identity)a->m.identity,
				    .tier = policy_destination(g->set, a->j.destination)->tier,
				    .found = &a->in,
				    .modes = a->j.modes,
				    .now_ms = g->io->wall_ms(g->ctx) };
}

static void refuse_again(struct gate *g, struct ask *a, const struct perm *no)
{
	char detail[400], when[CLOCK_RFC3339_BYTES];

	clock_rfc3339(no->created_ms, when);
	if (no->from_tier > 0) {
		/* Short: programs show the beginning of it, and the entry must be in that. */
		snprintf(detail, sizeof detail,
			 "an earlier turn held data that your policy keeps here; to lift it: "
			 "hither consent revoke %s",
			 no->id);
		gate_record_no(g, a, RECORD_LIMITED, no->id);
		ask_finish(g, a, ASK_DENIED_POLICY, false, detail);
		return;
	}
	snprintf(
		detail, sizeof detail,
		!text_empty(no->digest)
			? "you said no to exactly this text at %s; to be asked again: hither "
			  "consent revoke %s"
		: !text_empty(no->conversation)
			? "you said no in this conversation at %s; to lift it: hither consent "
			  "revoke %s"
		: !text_empty(no->task)
			? "you said no three times to this kind of request, at last at %s; "
			  "make a policy rule of it, or: hither consent revoke %s"
			: "you said no to this app at %s; to lift it: hither consent revoke %s",
		when, no->id);
	gate_record_no(g, a, RECORD_LIMITED, no->id);
	ask_finish(g, a, ASK_REFUSED, ask_otherwise(policy_consent(g->set)->on_deny), detail);
}

static void over_budget(struct gate *g, struct ask *a)
{
	char detail[300];

	snprintf(detail, sizeof detail,
		 "budget %s would be exceeded; what was spent: hither ledger left",
		 a->j.budget_id);
	gate_record_no(g, a, RECORD_OVER_BUDGET, a->j.budget_id);
	ask_finish(g, a, ASK_BUDGET, a->j.budget == BUDGET_REFUSE, detail);
}

static enum policy_mode standing_mode(const struct ask *a)
{
	return (a->j.modes & POLICY_MODE_REDACTED) != 0 ? POLICY_MODE_REDACTED
							: POLICY_MODE_AS_IS;
}

void gate_ask_decide(struct gate *g, struct ask *a)
{
	const struct perm *perm;
	struct perm_query q;

	if (g->budgets == NULL) {
		ask_finish(g, a, ASK_LEDGER, false, g->ledger_problem);
		return;
	}
	if (!a->j.possible) {
		gate_record_no(g, a, RECORD_DENIED, a->j.problem);
		taint_when_kept(g, a);
		ask_finish(g, a, ASK_DENIED_POLICY, false, a->j.problem);
		return;
	}
	if (!book_usable(g)) {
		ask_finish(g, a, ASK_LEDGER, false, g->ledger_problem);
		return;
	}
	if (g->n_asks > GATE_ASKS_MAX || g->n_sending >= GATE_SENDS_MAX) {
		ask_finish(g, a, ASK_LIMITED, false,
			   "too many requests want to leave at once; try again");
		return;
	}
	if (a->j.budget == BUDGET_LOCAL || a->j.budget == BUDGET_REFUSE) {
		over_budget(g, a);
		return;
	}
	gate_perm_query(g, a, &q);
	if ((perm = perms_refusing(g->perms, &q)) != NULL) {
		refuse_again(g, a, perm);
	} else if (!a->j.must_ask) {
		turn_join(g, a, standing_mode(a), "rule", NULL);
	} else if (a->j.budget == BUDGET_FITS &&
		   (perm = perms_allowing(g->perms, &q)) != NULL) {
		enum policy_mode mode = strcmp(perm->mode, "as_is") == 0 ? POLICY_MODE_AS_IS
									 : POLICY_MODE_REDACTED;
		char id[24];

		memcpy(id, perm->id, sizeof id);
		perms_used(g->perms, perm);
		turn_join(g, a, mode, "permission", id);
	} else if (!question_redeem(g, a)) {
		question_ask(g, a);
	}
}
