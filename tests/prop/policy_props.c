/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Six properties of the evaluator on random stacks:
 *
 *   order     the order of rules and files does not change a verdict
 *   ceiling   nothing below the mandatory layers makes an answer looser than they alone give
 *             beside a person who allows everything
 *   unknown   making attributes unknown never loosens, against any value they could have had
 *   prohibit  adding a deny or local_only to a mandatory layer never loosens
 *   app       an application's own limit never loosens
 *   redact    what mandatory layers mask is masked whatever the lower layers say
 *
 * usage: policy_props [--stacks N] [--seed S]     prints the figures; exit 1 on a violation
 *
 * Files are made as text and read by the real parser. The generator is xorshift64* (Vigna,
 * 2014), so that a seed means the same everywhere.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy.h"

#define FILES_MAX 3
#define RULES_MAX 5

static uint64_t state;

static uint32_t below(uint32_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static const char *pick(const char *const *words, uint32_t n)
{
	return words[below(n)];
}

#define PICK(...)                                                                              \
	pick((const char *const[]){ __VA_ARGS__ }, LEN(((const char *const[]){ __VA_ARGS__ })))

/* ---------------------------------------------------------------- stacks */

/* A file as the texts of its rules and of its other members, so that it can be shuffled. */
struct draft {
	char rules[RULES_MAX][900];
	unsigned n_rules;
	char rest[300];
};

struct stack {
	struct draft files[POLICY_LAYERS][FILES_MAX];
	unsigned n[POLICY_LAYERS];
	unsigned next_id;
	const char *tier; /* of destination x */
};

static void put_condition(struct buf *out, unsigned depth);

static void put_leaf(struct buf *out)
{
	switch (below(14)) {
	case 0:
		buf_printf(out, "\"app\":[\"%s\"]", PICK("a", "b", "org.*", "@g", "?"));
		break;
	case 1:
		buf_printf(out, "\"interactive\":%s", PICK("true", "false"));
		break;
	case 2:
		buf_printf(out, "\"task\":[\"%s\"]", PICK("chat", "code*", "*"));
		break;
	case 3:
		buf_printf(out, "\"score\":{\"%s\":0.5}", PICK("gte", "lt", "eq"));
		break;
	case 4:
	case 5:
		buf_printf(out, "\"data\":{\"%s\":[\"%s\"]}",
			   PICK("any", "all", "none", "only"),
			   PICK("secret.*", "health.*", "health.c"));
		break;
	case 6:
		buf_printf(out, "\"identity\":\"%s\"", PICK("claimed", "socket", "attested"));
		break;
	case 7:
	case 8:
		buf_printf(out, "\"tier\":[\"%s\"]", PICK("device", "trusted", "cloud"));
		break;
	case 9:
		buf_printf(out, "\"device\":{\"%s}",
			   PICK("locked\":true", "locked\":false", "network\":\"metered\"",
				"network\":[\"metered\",\"unmetered\"]", "vpn\":true"));
		break;
	case 10:
		buf_printf(out, "\"time\":{%s}",
			   PICK("\"hours\":\"22:00-07:00\"", "\"days\":[\"sat\",\"sun\"]", ""));
		break;
	case 11:
		buf_printf(out, "\"group\":[\"%s\"]", PICK("staff", "dev"));
		break;
	case 12:
		buf_printf(out, "\"modality\":[\"%s\"]", PICK("image", "text"));
		break;
	default:
		buf_printf(out, "\"%s",
			   PICK("trains\":true", "region\":[\"eu\"]", "tools\":true",
				"retention_days\":{\"gt\":0}", "user\":[\"al*\"]"));
		break;
	}
}

/* Keys of one object must differ: an object takes one leaf and one composition at most. */
static void put_condition(struct buf *out, unsigned depth)
{
	uint32_t kind = below(depth < 3 ? 8 : 4);

	buf_add_char(out, '{');
	if (below(8) > 0)
		put_leaf(out);
	if (kind >= 4) {
		if (out->ptr[out->len - 1] != '{')
			buf_add_char(out, ',');
		buf_printf(out, "\"%s\":", kind < 6 ? "not" : kind == 6 ? "any" : "all");
		if (kind >= 6)
			buf_add_char(out, '[');
		put_condition(out, depth + 1);
		for (uint32_t more = kind >= 6 ? below(3) : 0; more > 0; more--) {
			buf_add_char(out, ',');
			put_condition(out, depth + 1);
		}
		if (kind >= 6)
			buf_add_char(out, ']');
	}
	buf_add_char(out, '}');
}

static void draft_rule(struct stack *s, struct draft *d, bool prohibition)
{
	const char *effect = prohibition
				     ? PICK("deny", "local_only")
				     : PICK("allow", "ask", "deny", "local_only", "require");
	struct buf out;

	buf_init(&out, 1 << 16);
	do {
		buf_clear(&out);
		buf_printf(&out, "{\"id\":\"r%u\",\"effect\":\"%s\"", s->next_id++, effect);
		if (below(8) > 0) {
			buf_add_str(&out, ",\"when\":");
			put_condition(&out, 0);
		}
		if (below(4) == 0) {
			buf_add_str(&out, ",\"unless\":");
			put_condition(&out, 1);
		}
		if (effect[0] == 'l')
			buf_printf(&out, ",\"max_tier\":\"%s\"", PICK("device", "trusted"));
		if (below(2) == 0)
			buf_printf(&out, ",\"with\":{\"redact\":[\"%s\"]}",
				   PICK("secret.*", "health.*", "minor"));
		buf_add_char(&out, '}');
	} while (out.len >= sizeof d->rules[0]);
	snprintf(d->rules[d->n_rules++], sizeof d->rules[0], "%s", buf_cstr(&out));
	buf_free(&out);
}

static void draft_file(struct stack *s, enum policy_layer layer)
{
	struct draft *d = &s->files[layer][s->n[layer]++];

	d->n_rules = 0;
	for (uint32_t n = below(RULES_MAX); n > 0; n--)
		draft_rule(s, d, false);
	d->rest[0] = '\0';
	if (below(2) == 0)
		snprintf(d->rest, sizeof d->rest,
			 ",\"default\":{\"%s\":\"%s\",\"device\":\"%s\"}",
			 PICK("trusted", "cloud"), PICK("allow", "ask", "deny"),
			 PICK("allow", "ask", "deny"));
	/* One file of a layer defines the group: two would be settled by their names. */
	if (s->n[layer] == 1 && below(2) == 0)
		strcat(d->rest, ",\"groups\":{\"g\":[\"b\",\"org.*\"]}");
}

static void draft_stack(struct stack *s)
{
	s->next_id = 1;
	s->tier = PICK("device", "trusted", "cloud");
	for (int l = 0; l < POLICY_LAYERS; l++) {
		s->n[l] = 0;
		for (uint32_t n = below(3); n > 0; n--)
			draft_file(s, (enum policy_layer)l);
	}
}

static void shuffle(void *items, size_t each, uint32_t n)
{
	static char swap[sizeof(struct draft)];

	for (uint32_t i = n; i > 1; i--) {
		char *a = (char *)items + (i - 1) * each, *b = (char *)items + below(i) * each;

		memcpy(swap, a, each);
		memmove(a, b, each);
		memcpy(b, swap, each);
	}
}

static struct policy_file *file_make(enum policy_layer layer, const char *name,
				     const char *text)
{
	struct policy_file *f = NULL;
	struct policy_error e;

	if (policy_file_parse(span_of(text), layer, name, NULL, 0, &f, &e) == ERR_OK)
		return f;
	fprintf(stderr, "%s: %u: %s\n%s\n", name, e.line, e.problem, text);
	exit(2);
}

static struct policy_set *set_make(const struct stack *s, unsigned layers,
				   const char *user_text)
{
	struct policy_file *files[POLICY_LAYERS * FILES_MAX + 2];
	struct policy_set *set = NULL;
	struct policy_error e;
	char text[8192], name[32];
	size_t n = 0;

	for (int l = 0; l < POLICY_LAYERS; l++) {
		for (unsigned f = 0; f < s->n[l] && (layers >> l & 1); f++) {
			const struct draft *d = &s->files[l][f];
			size_t used = (size_t)snprintf(
				text, sizeof text,
				"{\"hither_policy\":1,\"id\":\"f\",\"rules\":[");
			for (unsigned r = 0; r < d->n_rules; r++)
				used += (size_t)snprintf(text + used, sizeof text - used,
							 "%s%s", r > 0 ? "," : "", d->rules[r]);
			snprintf(text + used, sizeof text - used, "]%s}", d->rest);
			snprintf(name, sizeof name, "%d-%u", l, f);
			files[n++] = file_make((enum policy_layer)l, name, text);
		}
	}
	if (user_text != NULL)
		files[n++] = file_make(POLICY_USER, "u", user_text);
	snprintf(text, sizeof text,
		 "{\"hither_policy\":1,\"id\":\"d\",\"destinations\":{\"x\":{\"tier\":\"%s\","
		 "\"api\":\"openai\"}}}",
		 s->tier);
	files[n++] = file_make(POLICY_VENDOR, "d", text);
	if (policy_set_build(files, n, NULL, 0, &set, &e) != ERR_OK) {
		fprintf(stderr, "%s\n", e.problem);
		exit(2);
	}
	while (n > 0)
		policy_file_free(files[--n]);
	return set;
}

/* ---------------------------------------------------------------- requests */

enum attribute {
	APP,
	INTERACTIVE,
	TASK,
	SCORE,
	DATA,
	IDENTITY,
	LOCKED,
	NETWORK,
	VPN,
	TIME,
	GROUPS,
	MODALITY,
	TOOLS,
	USER,
	ATTRIBUTES
};

static const struct span data_words[] = { { "secret.k", 8 }, { "health.c", 8 } };
static const struct span group_words[] = { { "staff", 5 } };
static const struct span modality_words[] = { { "text", 4 }, { "image", 5 } };

/* How many values an attribute can take here, and the i-th; -1 makes it unknown. */
static int set_value(struct policy_request *q, enum attribute a, int i)
{
	static const char *const apps[] = { "a", "b", "org.x" }, *const tasks[] = {
		"chat", "code.fix"
	};
	const bool known = i >= 0;
	const enum policy_tri tri = !known   ? POLICY_UNKNOWN
				    : i == 0 ? POLICY_FALSE
					     : POLICY_TRUE;

	switch (a) {
	case APP:
		q->app = known ? span_of(apps[i]) : (struct span){ NULL, 0 };
		return 3;
	case TASK:
		q->task = known ? span_of(tasks[i]) : (struct span){ NULL, 0 };
		return 2;
	case USER:
		q->user = known ? span_of(i == 0 ? "alice" : "bob") : (struct span){ NULL, 0 };
		return 2;
	case INTERACTIVE:
		q->interactive = tri;
		return 2;
	case TOOLS:
		q->tools = tri;
		return 2;
	case LOCKED:
		q->device.locked = tri;
		return 2;
	case VPN:
		q->device.vpn = tri;
		return 2;
	case SCORE:
		q->score = (struct policy_number){ known, i == 0 ? 0.2 : i == 1 ? 0.5 : 0.8 };
		return 3;
	case DATA: /* none, the first, the second, both */
		q->data = (struct policy_words){ known, data_words + (i == 2),
						 i == 3 ? 2 : i > 0 };
		return 4;
	case GROUPS:
		q->groups = (struct policy_words){ known, group_words, known ? (size_t)i : 0 };
		return 2;
	case MODALITY:
		q->modality =
			(struct policy_words){ known, modality_words, known ? (size_t)i : 0 };
		return 3;
	case IDENTITY:
		q->identity = known ? (enum policy_identity)(POLICY_IDENTITY_ANONYMOUS + i)
				    : POLICY_IDENTITY_UNKNOWN;
		return 4;
	case NETWORK: /* offline decides by itself and is left out */
		q->device.network = known ? (enum policy_network)(POLICY_NETWORK_METERED + i)
					  : POLICY_NETWORK_UNKNOWN;
		return 2;
	default: /* time: a Saturday night, a Wednesday noon */
		q->time.known = known;
		q->time.weekday = i == 0 ? 5 : 2;
		q->time.minute = i == 0 ? 23 * 60 : 12 * 60;
		return 2;
	}
}

static struct policy_request draft_request(void)
{
	struct policy_request q = { .restricted = false };

	for (int a = 0; a < ATTRIBUTES; a++) {
		struct policy_request scratch = q;
		int values = set_value(&scratch, (enum attribute)a, -1);

		set_value(&q, (enum attribute)a,
			  below(5) == 0 ? -1 : (int)below((uint32_t)values));
	}
	return q;
}

/* ---------------------------------------------------------------- properties */

enum property { ORDER, CEILING, UNKNOWN, PROHIBIT, APPLICATION, REDACT, PROPERTIES };
static const char *const property_names[PROPERTIES] = { "order",    "ceiling", "unknown",
							"prohibit", "app",     "redact" };

struct outcome {
	struct arena *arena;
	struct policy_decision *d;
	int verdict;
};

static struct outcome decide(struct policy_set *s, const struct policy_request *q)
{
	struct outcome o = { .arena = arena_new("props", 1 << 22) };
	size_t x;

	o.d = policy_decisions_new(s, 1, o.arena);
	if (o.d == NULL || !policy_destination_find(s, SPAN_LITERAL("x"), &x))
		abort();
	policy_decide(s, q, x, o.d);
	o.verdict = (int)o.d->verdict;
	return o;
}

static int verdict_of(struct policy_set *s, const struct policy_request *q)
{
	struct outcome o = decide(s, q);

	arena_free(o.arena);
	return o.verdict;
}

static bool includes(const struct policy_decision *all, const struct policy_decision *some)
{
	for (size_t i = 0; i < some->n_redact; i++) {
		bool found = false;

		for (size_t k = 0; k < all->n_redact; k++)
			found |= strcmp(all->redact[k], some->redact[i]) == 0;
		if (!found)
			return false;
	}
	return true;
}

#define CEILINGS (1u << POLICY_VENDOR_MANDATORY | 1u << POLICY_MANDATORY)
#define ALL      ((1u << POLICY_LAYERS) - 1)
static const char permissive[] =
	"{\"hither_policy\":1,\"id\":\"u\",\"default\":{\"device\":\"allow\","
	"\"trusted\":\"allow\",\"cloud\":\"allow\"}}";

static void check_ceilings(const struct stack *s, const struct policy_request *q,
			   const struct outcome *full, bool *bad)
{
	struct policy_set *alone = set_make(s, CEILINGS, permissive);
	struct outcome o = decide(alone, q);

	bad[CEILING] = full->verdict < o.verdict;
	bad[REDACT] = full->verdict < POLICY_DENY && o.verdict < POLICY_DENY &&
		      !includes(full->d, o.d);
	arena_free(o.arena);
	policy_set_free(alone);
}

/* One or two attributes unknown, against every pair of values. */
static bool unknown_loosens(struct policy_set *set, const struct policy_request *q)
{
	enum attribute a = (enum attribute)below(ATTRIBUTES),
		       b = (enum attribute)below(ATTRIBUTES);
	struct policy_request dark = *q;
	int na = set_value(&dark, a, -1), nb = set_value(&dark, b, -1);
	int dim = verdict_of(set, &dark);

	for (int i = 0; i < na; i++) {
		for (int k = 0; k < nb; k++) {
			struct policy_request lit = *q;

			set_value(&lit, a, i);
			set_value(&lit, b, k);
			if (dim < verdict_of(set, &lit))
				return true;
		}
	}
	return false;
}

static bool prohibition_loosens(struct stack *s, const struct policy_request *q, int verdict)
{
	enum policy_layer layer = below(2) == 0 ? POLICY_VENDOR_MANDATORY : POLICY_MANDATORY;
	struct draft *d = &s->files[layer][s->n[layer]++];

	d->n_rules = 0;
	d->rest[0] = '\0';
	draft_rule(s, d, true);
	struct policy_set *more = set_make(s, ALL, NULL);
	bool looser = verdict_of(more, q) < verdict;

	policy_set_free(more);
	return looser;
}

static void check(struct stack *s, const struct policy_request *q, bool *bad)
{
	struct policy_set *set = set_make(s, ALL, NULL);
	struct outcome full = decide(set, q);
	struct policy_request limited = *q;

	check_ceilings(s, q, &full, bad);
	bad[UNKNOWN] = unknown_loosens(set, q);
	limited.restricted = true;
	limited.max_tier = (enum policy_tier)below(3);
	bad[APPLICATION] = verdict_of(set, &limited) < full.verdict;
	for (int l = 0; l < POLICY_LAYERS; l++) {
		shuffle(s->files[l], sizeof s->files[l][0], s->n[l]);
		for (unsigned f = 0; f < s->n[l]; f++)
			shuffle(s->files[l][f].rules, sizeof s->files[l][f].rules[0],
				s->files[l][f].n_rules);
	}
	struct policy_set *shuffled = set_make(s, ALL, NULL);
	bad[ORDER] = verdict_of(shuffled, q) != full.verdict;
	bad[PROHIBIT] = prohibition_loosens(s, q, full.verdict);
	policy_set_free(shuffled);
	arena_free(full.arena);
	policy_set_free(set);
}

int main(int argc, char **argv)
{
	uint64_t stacks = 2000, seed = 1, violations[PROPERTIES] = { 0 }, sum = 0;
	static struct stack s;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--stacks") == 0)
			stacks = strtoull(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
	}
	for (uint64_t n = 0; n < stacks; n++) {
		bool bad[PROPERTIES] = { false };

		state = (seed + n) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		draft_stack(&s);
		struct policy_request q = draft_request();
		check(&s, &q, bad);
		for (int p = 0; p < PROPERTIES; p++) {
			violations[p] += bad[p];
			if (bad[p])
				printf("seed %" PRIu64 " violates %s\n", seed + n,
				       property_names[p]);
		}
	}
	printf("%" PRIu64 " stacks, seeds %" PRIu64 "..%" PRIu64 ", violations:", stacks, seed,
	       seed + stacks - 1);
	for (int p = 0; p < PROPERTIES; p++) {
		printf(" %s %" PRIu64, property_names[p], violations[p]);
		sum += violations[p];
	}
	putchar('\n');
	return sum == 0 ? 0 : 1;
}
