/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals. Every no is remembered for the exact bytes and, when the conversation is known,
 * for the conversation, so that a later turn cannot carry out what was refused. A no with a
 * longer scope covers the app at that destination. After PERMS_STREAK refusals in a row for
 * the same app and task we stop asking about them. All are listed, and revoking one lifts it.
 *
 * A taint is a no that the policy said: a conversation held data that it keeps from a tier, so
 * later turns do not go there either, where that data may be quoted in words that no detector
 * knows. It counts under the policy that said so.
 */
#include "consent/perms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "consent/peer.h"

#define STREAKS_MAX 256

struct streak {
	uint32_t uid;
	char app[129], task[33];
	unsigned refusals;
};

struct perms {
	struct perm *items;
	unsigned n, cap;
	struct streak streaks[STREAKS_MAX];
	unsigned n_streaks;
};

struct perms *perms_new(void)
{
	return calloc(1, sizeof(struct perms));
}

void perms_free(struct perms *p)
{
	if (p == NULL)
		return;
	free(p->items);
	free(p);
}

static void copy(char *out, size_t bytes, const char *text)
{
	/* What does not fit binds to nothing that could match: "" matches only "". */
	if (!span_copy(span_of(text), out, bytes))
		snprintf(out, bytes, "?");
}

/* --- the fold ------------------------------------------------------------------------ */

static struct perm *perm_add(struct perms *p)
{
	if (p->n == PERMS_MAX) {
		unsigned oldest = 0;

		for (unsigned i = 0; i < p->n; i++)
			if (!p->items[i].allow) {
				oldest = i;
				break;
			}
		memmove(&p->items[oldest], &p->items[oldest + 1],
			(p->n - oldest - 1) * sizeof *p->items);
		p->n--;
	}
	if (p->n == p->cap) {
		unsigned cap = p->cap == 0 ? 16 : p->cap * 2;
		struct perm *items = realloc(p->items, cap * sizeof *items);

		if (items == NULL)
			return NULL;
		p->items = items;
		p->cap = cap;
	}
	memset(&p->items[p->n], 0, sizeof p->items[0]);
	return &p->items[p->n++];
}

/* Names of [{name,…}] as ",a,b,"; false when they do not fit. */
static bool category_names(const char *json, char *out, size_t bytes)
{
	struct json_where where;
	cJSON *root = NULL;
	const cJSON *item;
	struct buf b;
	bool ok;

	buf_init(&b, bytes - 1);
	buf_add_char(&b, ',');
	if (json != NULL &&
	    json_parse(span_of(json), &json_limits_api, &root, &where) != ERR_OK)
		b.failed = true;
	cJSON_ArrayForEach (item, root) {
		buf_add_str(&b, json_get_string(item, "name") != NULL
					? json_get_string(item, "name")
					: "?");
		buf_add_char(&b, ',');
	}
	cJSON_Delete(root);
	ok = !b.failed;
	if (ok)
		memcpy(out, b.ptr, b.len); /* and zeros behind it */
	buf_free(&b);
	return ok;
}

static struct perm *from_record(struct perms *p, const struct record *r, bool allow)
{
	struct perm *g = perm_add(p);

	if (g == NULL)
		return NULL;
	snprintf(g->id, sizeof g->id, "%c-%" PRIu64, allow ? 'g' : 'n', r->seq);
	memcpy(g->record, r->id, sizeof g->record);
	g->allow = allow;
	g->uid = r->uid == RECORD_ABSENT ? UINT32_MAX : (uint32_t)r->uid;
	copy(g->app, sizeof g->app, r->app);
	copy(g->destination, sizeof g->destination, r->destination);
	copy(g->identity, sizeof g->identity, r->identity);
	copy(g->scope, sizeof g->scope, r->scope);
	g->created_ms = r->time_ms;
	g->until_ms =
		r->until_ms == RECORD_ABSENT ? r->time_ms + PERMS_SESSION_MS : r->until_ms;
	return g;
}

static struct streak *streak_of(struct perms *p, const struct record *r)
{
	struct streak *s;
	const char *app = r->app != NULL ? r->app : "", *task = r->task != NULL ? r->task : "";

	for (unsigned i = 0; i < p->n_streaks; i++)
		if (p->streaks[i].uid == (uint32_t)r->uid &&
		    strcmp(p->streaks[i].app, app) == 0 &&
		    strcmp(p->streaks[i].task, task) == 0)
			return &p->streaks[i];
	if (p->n_streaks == STREAKS_MAX) /* forget the oldest: at worst we ask once more */
		memmove(&p->streaks[0], &p->streaks[1], sizeof p->streaks[0] * --p->n_streaks);
	s = &p->streaks[p->n_streaks++];
	*s = (struct streak){ .uid = (uint32_t)r->uid };
	copy(s->app, sizeof s->app, app);
	copy(s->task, sizeof s->task, task);
	return s;
}

static bool note_approved(struct perms *p, const struct record *r)
{
	struct perm *g;

	streak_of(p, r)->refusals = 0;
	if (r->scope == NULL || strcmp(r->scope, "once") == 0)
		return true;
	g = from_record(p, r, true);
	if (g == NULL)
		return false;
	copy(g->model, sizeof g->model, r->model);
	copy(g->task, sizeof g->task, r->task);
	copy(g->mode, sizeof g->mode, r->mode);
	copy(g->session, sizeof g->session, r->session);
	copy(g->policy_sha256, sizeof g->policy_sha256, r->policy_sha256);
	copy(g->notice_version, sizeof g->notice_version, r->notice_version);
	if (!category_names(r->categories, g->categories, sizeof g->categories))
		p->n--; /* cannot say what it covers: covers nothing */
	return true;
}

static bool refuse_bytes(struct perms *p, const struct record *r)
{
	bool wide = r->scope != NULL && strcmp(r->scope, "once") != 0;
	struct perm *g = from_record(p, r, false);

	if (g == NULL)
		return false;
	if (!wide)
		copy(g->digest, sizeof g->digest, r->digest);
	return true;
}

static bool refuse_conversation(struct perms *p, const struct record *r)
{
	struct perm *g = from_record(p, r, false);

	if (g == NULL)
		return false;
	copy(g->conversation, sizeof g->conversation, r->conversation);
	g->until_ms = r->time_ms + PERMS_SESSION_MS;
	return true;
}

static bool refuse_task(struct perms *p, const struct record *r, const char *task)
{
	struct perm *g = from_record(p, r, false);

	if (g == NULL)
		return false;
	g->destination[0] = '\0';
	copy(g->task, sizeof g->task, !text_empty(task) ? task : "?");
	g->until_ms = r->time_ms + PERMS_SESSION_MS;
	return true;
}

static bool note_refused(struct perms *p, const struct record *r)
{
	struct streak *s = streak_of(p, r);
	bool ok = refuse_bytes(p, r);

	if (r->conversation != NULL && !text_empty(r->conversation))
		ok &= refuse_conversation(p, r);
	/* Programs that do not say who they are cannot be told apart: no streak of theirs
	 * counts. */
	if (!text_empty(s->app) && ++s->refusals >= PERMS_STREAK)
		ok &= refuse_task(p, r, s->task);
	return ok;
}

static bool note_tainted(struct perms *p, const struct record *r)
{
	enum policy_tier tier;
	struct perm *g;

	if (r->tier == NULL || !policy_tier_from(span_of(r->tier), &tier) ||
	    r->conversation == NULL)
		return true; /* says nothing */
	g = from_record(p, r, false);
	if (g == NULL)
		return false;
	g->destination[0] = '\0';
	g->from_tier = tier;
	copy(g->conversation, sizeof g->conversation, r->conversation);
	copy(g->policy_sha256, sizeof g->policy_sha256, r->policy_sha256);
	return true;
}

static void note_revoked(struct perms *p, const struct record *r)
{
	unsigned kept = 0;

	for (unsigned i = 0; r->permission != NULL && i < p->n; i++) {
		if (strcmp(p->items[i].id, r->permission) == 0) {
			for (unsigned s = 0; !p->items[i].allow && s < p->n_streaks; s++)
				if (p->streaks[s].uid == p->items[i].uid &&
				    strcmp(p->streaks[s].app, p->items[i].app) == 0)
					p->streaks[s].refusals = 0;
			continue;
		}
		p->items[kept++] = p->items[i];
	}
	if (r->permission != NULL)
		p->n = kept;
}

bool perms_note(struct perms *p, const struct record *r)
{
	if (r->kind == RECORD_APPROVED)
		return note_approved(p, r);
	if (r->kind == RECORD_REFUSED)
		return note_refused(p, r);
	if (r->kind == RECORD_TAINTED)
		return note_tainted(p, r);
	if (r->kind == RECORD_REVOKED)
		note_revoked(p, r);
	return true;
}

/* --- questions to it ----------------------------------------------------------------- */

static bool covers_categories(const struct perm *g, const struct inspected *in)
{
	for (unsigned i = 0; i < in->n_found; i++) {
		char needle[160];
		int n = snprintf(needle, sizeof needle, ",%s,", in->found[i].name);

		if ((size_t)n >= sizeof needle || strstr(g->categories, needle) == NULL)
			return false;
	}
	return in->complete;
}

static bool identity_enough(const struct perm *g, enum policy_identity now)
{
	enum policy_identity then;

	return policy_identity_from(span_of(g->identity), &then) && now >= then;
}

static bool only_claimed(const struct perm *g)
{
	enum policy_identity then;

	return !policy_identity_from(span_of(g->identity), &then) ||
	       then < POLICY_IDENTITY_SOCKET;
}

/* "DAEMON#LEADER/START": the part before the # has to agree. */
static bool same_run(const char *a, const char *b)
{
	size_t n = strcspn(a, "#");

	return n == strcspn(b, "#") && memcmp(a, b, n) == 0;
}

static bool same_session(const struct perm *g, const char *session)
{
	return only_claimed(g) ? strcmp(g->session, session) == 0
			       : same_run(g->session, session);
}

static bool same_terms(const struct perm *g, const char *policy_sha256)
{
	return strcmp(g->policy_sha256, policy_sha256) == 0 &&
	       strcmp(g->notice_version, PERMS_NOTICE_VERSION) == 0;
}

static bool allows(const struct perm *g, const struct perm_query *q)
{
	unsigned mode =
		strcmp(g->mode, "as_is") == 0 ? POLICY_MODE_AS_IS : POLICY_MODE_REDACTED;

	return g->allow && g->uid == q->uid && g->until_ms > q->now_ms &&
	       strcmp(g->app, q->app) == 0 && strcmp(g->destination, q->destination) == 0 &&
	       strcmp(g->model, q->model) == 0 && strcmp(g->task, q->task) == 0 &&
	       identity_enough(g, q->identity) && (q->modes & mode) != 0 &&
	       same_terms(g, q->policy_sha256) &&
	       (strcmp(g->scope, "session") != 0 || same_session(g, q->session)) &&
	       covers_categories(g, q->found);
}

static bool refuses(const struct perm *g, const struct perm_query *q)
{
	if (g->allow || g->uid != q->uid || g->until_ms <= q->now_ms)
		return false;
	if (g->from_tier > 0 && ((unsigned)q->tier < g->from_tier ||
				 strcmp(g->policy_sha256, q->policy_sha256) != 0))
		return false;
	if (!text_empty(g->conversation))
		return strcmp(g->conversation, q->conversation) == 0;
	if (strcmp(g->app, q->app) != 0)
		return false;
	if (!text_empty(g->task))
		return strcmp(g->task, !text_empty(q->task) ? q->task : "?") == 0;
	if (strcmp(g->destination, q->destination) != 0)
		return false;
	return text_empty(g->digest) || strcmp(g->digest, q->digest) == 0;
}

const struct perm *perms_allowing(struct perms *p, const struct perm_query *q)
{
	for (unsigned i = p->n; i > 0; i--)
		if (allows(&p->items[i - 1], q))
			return &p->items[i - 1];
	return NULL;
}

const struct perm *perms_refusing(struct perms *p, const struct perm_query *q)
{
	for (unsigned i = p->n; i > 0; i--)
		if (refuses(&p->items[i - 1], q))
			return &p->items[i - 1];
	return NULL;
}

const struct perm *perms_find(struct perms *p, const char *id)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->items[i].id, id) == 0)
			return &p->items[i];
	return NULL;
}

void perms_used(struct perms *p, const struct perm *perm)
{
	p->items[perm - p->items].uses++;
}

void perms_each(struct perms *p, uint32_t uid, int64_t now_ms,
		bool (*fn)(void *, const struct perm *), void *ctx)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->items[i].uid == uid && p->items[i].until_ms > now_ms &&
		    !fn(ctx, &p->items[i]))
			return;
}

/* Nobody can ask from a session any more whose leader is gone. */
static bool session_lives(const struct perm *g, const char *daemon_session)
{
	uint64_t start;
	int leader;

	if (!same_run(g->session, daemon_session))
		return false;
	if (!only_claimed(g))
		return true;
	return sscanf(g->session + strcspn(g->session, "#"), "#%d/%" SCNu64, &leader, &start) ==
		       2 &&
	       peer_of(leader).start == start;
}

const char *perm_state(const struct perm *g, const char *daemon_session,
		       const char *policy_sha256)
{
	if (!g->allow)
		return "active";
	if (strcmp(g->scope, "session") == 0 && !session_lives(g, daemon_session))
		return "ended";
	return same_terms(g, policy_sha256) ? "active" : "policy_changed";
}

/* What it is about, for people: a no makes more than one entry. */
static const char *covers(const struct perm *g)
{
	return g->allow                 ? "requests like the one that was shown"
	       : !text_empty(g->digest) ? "exactly these bytes"
	       : g->from_tier > 0       ? "a conversation that held what policy keeps here"
	       : !text_empty(g->conversation) ? "the conversation"
	       : !text_empty(g->task)         ? "this kind of request, after three refusals"
					      : "this app at this place";
}

void perm_write(const struct perm *g, const char *state, struct buf *out)
{
	char until[CLOCK_RFC3339_BYTES], created[CLOCK_RFC3339_BYTES];

	clock_rfc3339(g->until_ms, until);
	clock_rfc3339(g->created_ms, created);
	buf_add_char(out, '{');
	json_put_key_cstr(out, "id", g->id);
	json_put_key_cstr(out, "effect", g->allow ? "allow" : "refuse");
	json_put_key_cstr(out, "state", state);
	json_put_key_cstr(out, "app", g->app);
	json_put_key_cstr(out, "identity", g->identity);
	json_put_key_cstr(out, "destination", text_or_null(g->destination));
	json_put_key_cstr(out, "model", text_or_null(g->model));
	json_put_key_cstr(out, "task", text_or_null(g->task));
	json_put_key_cstr(out, "covers", covers(g));
	json_put_key_cstr(out, "conversation", text_or_null(g->conversation));
	json_put_key_cstr(out, "keeps_from_tier",
			  g->from_tier > 0 ? policy_tier_name((enum policy_tier)g->from_tier)
					   : NULL);
	json_put_key_cstr(out, "digest", text_or_null(g->digest));
	json_put_key_cstr(out, "scope", g->scope);
	json_put_key_cstr(out, "mode", text_or_null(g->mode));
	json_put_key_cstr(out, "created", created);
	json_put_key_cstr(out, "until", until);
	json_put_key_cstr(out, "receipt", g->record);
	json_put_key_i64(out, "uses", (int64_t)g->uses);
	buf_add_char(out, '}');
}
