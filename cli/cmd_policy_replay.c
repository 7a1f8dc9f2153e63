/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither policy diff` and `replay`: what changes between two policies, and what past requests
 * would have met. A request is taken from the ledger's record of it: who, task, score, sizes,
 * categories, time, the state of the device. The person's name and groups are those of the
 * recorded user now. A record of before hither wrote down the device is taken as ordinary
 * (mains, unmetered, unlocked), with VPN unknown.
 *
 * What was easy enough for this device was answered without a look at its data. Unknown data
 * tightens, so such a request would seem denied nearly everywhere; where a text without
 * findings would get another answer it is counted apart, as not looked at.
 */
#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/policy_stack.h"
#include "common/clock.h"
#include "common/text.h"
#include "consent/ledger.h"

/* ---------------------------------------------------------------- a record as a request */

static struct policy_number per_mille(int64_t pm)
{
	return (struct policy_number){ pm != RECORD_ABSENT, (double)pm / 1000 };
}

static void local_time(int64_t wall_ms, struct policy_request *q)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	q->time.known = localtime_r(&seconds, &tm) != NULL;
	if (!q->time.known)
		return;
	q->time.weekday = (uint8_t)((tm.tm_wday + 6) % 7);
	q->time.minute = (int16_t)(tm.tm_hour * 60 + tm.tm_min);
}

#define ITEMS_MAX  64
#define GROUPS_MAX 64
#define NAME_BYTES 64

struct request_room { /* what the spans of a request point into */
	struct span categories[ITEMS_MAX], modality[4], groups[GROUPS_MAX];
	char user[NAME_BYTES], group_names[GROUPS_MAX][NAME_BYTES];
	cJSON *tree;
};

static void take_categories(const struct record *r, struct policy_request *q,
			    struct request_room *room)
{
	struct json_where where;

	q->data = (struct policy_words){ 0 };
	if (r->categories == NULL || r->categories_known == 0 ||
	    json_parse(span_of(r->categories), &json_limits_api, &room->tree, &where) != ERR_OK)
		return;
	q->data.items = room->categories;
	q->data.known = true;
	for (const cJSON *c = room->tree->child; c != NULL; c = c->next) {
		const char *name = json_get_string(c, "name");

		if (name == NULL || q->data.n == ITEMS_MAX)
			q->data.known = false;
		else
			room->categories[q->data.n++] = span_of(name);
	}
}

static void take_modality(const struct record *r, struct policy_request *q,
			  struct request_room *room)
{
	static const char *const names[] = { "text", "image", "audio", "file" };

	q->modality = (struct policy_words){ r->modality != RECORD_ABSENT, room->modality, 0 };
	for (unsigned b = 0; q->modality.known && b < LEN(names); b++) {
		if (r->modality >> b & 1)
			room->modality[q->modality.n++] = span_of(names[b]);
	}
}

static enum policy_tri tri(int64_t n)
{
	if (n != 0 && n != 1)
		return POLICY_UNKNOWN;
	return n == 1 ? POLICY_TRUE : POLICY_FALSE;
}

static void take_device(const struct record *r, struct policy_request *q)
{
	struct arena *a = arena_new("device", 4096);
	struct policy_error error;
	struct json_where where;
	cJSON *tree = NULL;
	struct buf b;

	buf_init(&b, 1024);
	buf_printf(&b, "{\"device\":%s}", r->device);
	if (a == NULL || b.failed ||
	    json_parse(buf_span(&b), &json_limits_api, &tree, &where) != ERR_OK ||
	    policy_request_apply(q, tree, a, &error) != ERR_OK)
		memset(&q->device, 0, sizeof q->device); /* unknown */
	cJSON_Delete(tree);
	buf_free(&b);
	arena_free(a); /* it is words and numbers; nothing of it points there */
}

static void take_user(const struct record *r, struct policy_request *q,
		      struct request_room *room)
{
	const struct passwd *p = r->uid != RECORD_ABSENT ? getpwuid((uid_t)r->uid) : NULL;
	gid_t ids[GROUPS_MAX];
	int n = LEN(ids);

	q->user = (struct span){ NULL, 0 };
	q->groups = (struct policy_words){ false, room->groups, 0 };
	if (p == NULL || !span_copy(span_of(p->pw_name), room->user, sizeof room->user))
		return;
	q->user = span_of(room->user);
	q->groups.known = getgrouplist(p->pw_name, p->pw_gid, ids, &n) >= 0;
	for (int i = 0; q->groups.known && i < n; i++) {
		const struct group *g = getgrgid(ids[i]);
		char *name = room->group_names[q->groups.n];

		if (g != NULL && span_copy(span_of(g->gr_name), name, NAME_BYTES))
			room->groups[q->groups.n++] = span_of(name);
	}
}

static void request_of(const struct record *r, struct policy_request *q,
		       struct request_room *room)
{
	policy_request_base(q);
	q->app = span_of(r->app);
	q->task = span_of(r->task);
	take_user(r, q, room);
	if (r->device != NULL)
		take_device(r, q);
	if (r->identity == NULL || !policy_identity_from(span_of(r->identity), &q->identity))
		q->identity = POLICY_IDENTITY_UNKNOWN;
	q->score = per_mille(r->score_pm);
	q->confidence = per_mille(r->confidence_pm);
	q->input_tokens = (struct policy_number){ r->input_tokens != RECORD_ABSENT,
						  (double)r->input_tokens };
	q->interactive = tri(r->interactive);
	q->tools = tri(r->tools);
	q->restricted = r->max_tier >= POLICY_TIER_DEVICE && r->max_tier < POLICY_TIER_CLOUD;
	q->max_tier = q->restricted ? (enum policy_tier)r->max_tier : POLICY_TIER_CLOUD;
	take_categories(r, q, room);
	take_modality(r, q, room);
	local_time(r->time_ms, q);
}

/* ---------------------------------------------------------------- running over the ledger */

struct tally {
	uint64_t n[3];       /* by verdict */
	uint64_t not_looked; /* depends on data that nobody looked at */
};

struct replay {
	struct policy_set *set, *other; /* other: NULL, or the one to compare with */
	struct policy_decision *made, *other_made, *clean; /* clean: as if nothing was found */
	struct tally *tallies;                             /* per destination of `set` */
	uint64_t requests, differ, stayed;
	char last[40]; /* decision id: one request may leave several records */
};

static bool is_request(const struct record *r)
{
	return r->kind == RECORD_INTENT || r->kind == RECORD_DECIDED;
}

static bool answers_differ(const struct replay *p)
{
	for (size_t i = 0; i < policy_destinations(p->set); i++) {
		size_t k;

		if (policy_destination_find(p->other,
					    span_of(policy_destination(p->set, i)->name), &k) &&
		    p->made[i].verdict != p->other_made[k].verdict)
			return true;
	}
	return false;
}

/* Each request that the record stands for. */
static bool each_request(const struct record *r, record_fn *each, void *ctx)
{
	struct arena *a = is_request(r) ? arena_new("requests", (size_t)4 << 20) : NULL;
	bool fine = !is_request(r) || (a != NULL && record_each(r, a, each, ctx) == ERR_OK);

	arena_free(a);
	return fine;
}

static bool stayed(const struct record *r)
{
	return r->kind == RECORD_DECIDED && r->tier != NULL && strcmp(r->tier, "device") == 0;
}

static void count(struct replay *p, const struct policy_request *q, bool not_looked)
{
	struct policy_request clean = *q;

	clean.data = (struct policy_words){ .known = true };
	if (not_looked && p->clean != NULL)
		policy_decide_all(p->set, &clean, p->clean);
	for (size_t i = 0; i < policy_destinations(p->set); i++) {
		if (not_looked && p->clean != NULL && p->clean[i].verdict != p->made[i].verdict)
			p->tallies[i].not_looked++;
		else
			p->tallies[i].n[p->made[i].verdict]++;
	}
}

static bool on_request(void *ctx, const struct record *r)
{
	struct request_room room = { .tree = NULL };
	struct replay *p = ctx;
	struct policy_request q;

	if ((r->decision_id != NULL && strcmp(r->decision_id, p->last) == 0))
		return true;
	snprintf(p->last, sizeof p->last, "%s", r->decision_id != NULL ? r->decision_id : "");
	request_of(r, &q, &room);
	policy_decide_all(p->set, &q, p->made);
	p->requests++;
	p->stayed += stayed(r);
	count(p, &q, stayed(r) && !q.data.known);
	if (p->other != NULL) {
		policy_decide_all(p->other, &q, p->other_made);
		p->differ += answers_differ(p);
	}
	cJSON_Delete(room.tree);
	return true;
}

static bool on_record(void *ctx, const struct record *r, struct span body)
{
	(void)body;
	return each_request(r, on_request, ctx);
}

static int since_ms(struct cli *cli, int64_t *ret)
{
	const char *age = cli_option(cli, "since");
	uint64_t ms;

	if (text_duration_ms(age != NULL ? age : "30d", &ms) != ERR_OK)
		return cli_usage(cli, "--since wants an age such as 30d");
	*ret = clock_wall_ms() - (int64_t)ms;
	return CLI_OK;
}

static int open_ledger(struct cli *cli, struct ledger **ret)
{
	const char *dir = cli_option(cli, "state-dir");
	struct ledger_problem problem = { "the ledger cannot be opened", "" };

	if (crypto_init() == ERR_OK && ledger_open(dir != NULL ? dir : cli_state_dir(),
						   LEDGER_READ, ret, &problem) == ERR_OK)
		return CLI_OK;
	return cli_error(cli, CLI_FAILED, "invalid_request", problem.next, "%s", problem.text);
}

static int unreadable(struct cli *cli)
{
	return cli_error(cli, CLI_FAILED, "internal_error", "hither ledger verify",
			 "the ledger could not be read");
}

static int run_over(struct cli *cli, struct replay *p)
{
	struct ledger *l = NULL;
	int64_t from_ms = 0;
	int code = since_ms(cli, &from_ms);

	if (code == CLI_OK)
		code = open_ledger(cli, &l);
	if (code != CLI_OK)
		return code;
	if (ledger_since(l, from_ms, on_record, p) != ERR_OK)
		code = unreadable(cli);
	ledger_close(l);
	return code;
}

/* ---------------------------------------------------------------- one recorded request */

struct recorded {
	const char *id;
	struct buf request; /* as JSON; empty when not found */
};

static bool on_candidate(void *ctx, const struct record *r)
{
	struct request_room room = { .tree = NULL };
	struct recorded *w = ctx;
	struct policy_request q;

	if (r->decision_id == NULL || strcmp(r->decision_id, w->id) != 0)
		return true;
	request_of(r, &q, &room);
	policy_request_write(&q, &w->request);
	cJSON_Delete(room.tree);
	return false;
}

static bool on_wanted(void *ctx, const struct record *r, struct span body)
{
	const struct recorded *w = ctx;

	(void)body;
	return each_request(r, on_candidate, ctx) && w->request.len == 0;
}

int policy_request_recorded(struct cli *cli, const char *id, struct arena *arena,
			    struct policy_request *ret)
{
	struct recorded w = { .id = id };
	struct json_where where;
	struct policy_error error;
	struct ledger *l = NULL;
	cJSON *tree = NULL;
	int code = open_ledger(cli, &l);

	buf_init(&w.request, 1u << 20);
	if (code == CLI_OK && ledger_each(l, 1, 0, on_wanted, &w) != ERR_OK)
		code = unreadable(cli);
	if (code == CLI_OK && w.request.len == 0)
		code = cli_error(cli, CLI_FAILED, "not_found", "hither ledger query",
				 "the ledger holds no request %s", id);
	policy_request_base(ret);
	if (code == CLI_OK &&
	    (json_parse(buf_span(&w.request), &json_limits_api, &tree, &where) != ERR_OK ||
	     policy_request_apply(ret, tree, arena, &error) != ERR_OK))
		code = unreadable(cli);
	cJSON_Delete(tree);
	buf_free(&w.request);
	ledger_close(l);
	return code;
}

/* ---------------------------------------------------------------- replay */

static bool replay_room(struct replay *p, struct arena *a)
{
	size_t n = policy_destinations(p->set);

	p->made = policy_decisions_new(p->set, n, a);
	p->clean = policy_decisions_new(p->set, n, a);
	p->tallies = arena_array(a, n, sizeof *p->tallies);
	if (p->other != NULL)
		p->other_made =
			policy_decisions_new(p->other, policy_destinations(p->other), a);
	return p->made != NULL && p->clean != NULL && p->tallies != NULL &&
	       (p->other == NULL || p->other_made != NULL);
}

static uint64_t not_looked(const struct replay *p)
{
	uint64_t most = 0;

	for (size_t i = 0; i < policy_destinations(p->set); i++)
		if (p->tallies[i].not_looked > most)
			most = p->tallies[i].not_looked;
	return most;
}

static void print_replay(struct cli *cli, const struct replay *p)
{
	static const char *const headings[] = { "destination", "tier", "allow",
						"ask",         "deny", "not looked at" };
	struct cli_table *t = cli_table_new(cli, headings, LEN(headings));

	for (size_t i = 0; i < policy_destinations(p->set); i++) {
		const struct policy_destination *d = policy_destination(p->set, i);

		cli_table_cell(t, "%s", d->name);
		cli_table_cell(t, "%s", policy_tier_name(d->tier));
		for (int v = POLICY_ALLOW; v <= POLICY_DENY; v++)
			cli_table_cell(t, "%llu", (unsigned long long)p->tallies[i].n[v]);
		cli_table_cell(t, "%llu", (unsigned long long)p->tallies[i].not_looked);
	}
	cli_table_print(t);
	if (cli->quiet)
		return;
	fprintf(stderr, "%llu requests; nothing was sent\n", (unsigned long long)p->requests);
	if (p->stayed > 0)
		fprintf(stderr,
			"%llu of them stayed on this device; the table says what they would "
			"have met, not that they would have left\n",
			(unsigned long long)p->stayed);
	if (not_looked(p) > 0)
		fputs("not looked at: easy enough for this device, so nobody looked for "
		      "sensitive data, and the answer depends on it\n",
		      stderr);
}

static void print_replay_json(struct cli *cli, const struct replay *p)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	buf_add_str(&out, "{\"schema\":\"hither.policy_replay/1\"");
	json_put_key_i64(&out, "requests", (int64_t)p->requests);
	json_put_key_i64(&out, "stayed_here", (int64_t)p->stayed);
	json_put_key(&out, "destinations");
	buf_add_char(&out, '{');
	for (size_t i = 0; i < policy_destinations(p->set); i++) {
		json_put_key(&out, policy_destination(p->set, i)->name);
		buf_add_char(&out, '{');
		for (int v = POLICY_ALLOW; v <= POLICY_DENY; v++)
			json_put_key_i64(&out, policy_verdict_name((enum policy_verdict)v),
					 (int64_t)p->tallies[i].n[v]);
		json_put_key_i64(&out, "not_looked_at", (int64_t)p->tallies[i].not_looked);
		buf_add_char(&out, '}');
	}
	buf_add_str(&out, "}}");
	cli_print_json(cli, buf_span(&out));
	buf_free(&out);
}

/* FILE arguments and --policy FILE mean the same. */
static int open_tried(struct cli *cli, int argc, char **argv, struct policy_stack *ret)
{
	char *paths[POLICY_SET_MAX_FILES];
	int n = 0;

	for (int i = 0; i < argc && n < (int)LEN(paths); i++)
		paths[n++] = argv[i];
	for (unsigned i = 0; cli_option_nth(cli, "policy", i) != NULL && n < (int)LEN(paths);
	     i++)
		paths[n++] = (char *)cli_option_nth(cli, "policy", i);
	return policy_stack_open(cli, n, paths, ret);
}

int cmd_policy_replay(struct cli *cli, int argc, char **argv)
{
	struct arena *a = arena_new("cli.replay", (size_t)128 << 20);
	struct policy_stack s;
	struct replay p = { .set = NULL };
	int code = open_tried(cli, argc, argv, &s);

	p.set = s.set;
	if (code == CLI_OK && (a == NULL || !replay_room(&p, a)))
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	if (code == CLI_OK)
		code = run_over(cli, &p);
	if (code == CLI_OK && cli->json)
		print_replay_json(cli, &p);
	else if (code == CLI_OK)
		print_replay(cli, &p);
	policy_stack_free(&s);
	arena_free(a);
	return code;
}

/* ---------------------------------------------------------------- diff */

/* A folder stands for the policy files in it. */
static int open_side(struct cli *cli, char *path, struct policy_stack *ret)
{
	char *paths[POLICY_SET_MAX_FILES];
	struct dirent **names = NULL;
	struct stat st;
	int n = 0, code;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return policy_stack_files(cli, 1, &path, ret);
	int found = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		size_t length = strlen(names[i]->d_name);

		if (n < (int)LEN(paths) && length > 5 &&
		    strcmp(names[i]->d_name + length - 5, ".json") == 0 &&
		    asprintf(&paths[n], "%s/%s", path, names[i]->d_name) > 0)
			n++;
		free(names[i]);
	}
	free(names);
	code = policy_stack_files(cli, n, paths, ret);
	while (n > 0)
		free(paths[--n]);
	return code;
}

static int diff_history(struct cli *cli, struct policy_set *before, struct policy_set *after,
			struct arena *a, struct replay *ret)
{
	*ret = (struct replay){ .set = after, .other = before };
	if (a == NULL || !replay_room(ret, a))
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	return run_over(cli, ret);
}

static int diff_report(struct cli *cli, struct policy_set *before, struct policy_set *after)
{
	struct arena *a = arena_new("cli.diff", (size_t)128 << 20);
	bool history = cli_option(cli, "since") != NULL;
	struct replay p = { .set = NULL };
	struct buf text, json;
	int code = CLI_OK;

	buf_init(&text, 16u << 20);
	buf_init(&json, 32u << 20);
	size_t n = policy_diff(before, after, &text);
	if (history)
		code = diff_history(cli, before, after, a, &p);
	if (code == CLI_OK && cli->json) {
		buf_printf(&json, "{\"schema\":\"hither.policy_diff/1\",\"differences\":%zu",
			   n);
		json_put_key_string(&json, "text", buf_span(&text));
		if (history) {
			json_put_key_i64(&json, "requests", (int64_t)p.requests);
			json_put_key_i64(&json, "requests_that_differ", (int64_t)p.differ);
		}
		buf_add_char(&json, '}');
		cli_print_json(cli, buf_span(&json));
	} else if (code == CLI_OK) {
		cli_print_safe(stdout, buf_span(&text));
		if (history)
			printf("%llu of %llu past requests would have met another answer\n",
			       (unsigned long long)p.differ, (unsigned long long)p.requests);
	}
	buf_free(&text);
	buf_free(&json);
	arena_free(a);
	return code;
}

int cmd_policy_diff(struct cli *cli, int argc, char **argv)
{
	struct policy_stack before = { .n = 0 }, after = { .n = 0 };
	int code;

	if (argc != 2)
		return cli_usage(cli, "OLD and NEW are needed");
	code = open_side(cli, argv[0], &before);
	if (code == CLI_OK)
		code = open_side(cli, argv[1], &after);
	if (code == CLI_OK)
		code = diff_report(cli, before.set, after.set);
	policy_stack_free(&before);
	policy_stack_free(&after);
	return code;
}
