/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names shared inside policy/: the parsed form of a file, the compiled form of a stack, and
 * the reader that the parse_*.c files have in common.
 *
 *   parse*.c   text -> struct policy_file (words still as written)
 *   build.c    files -> struct policy_set: leaves, expressions, one list of live rules per
 *              destination; merge.c: destinations and blocks
 *   decide.c   struct policy_set + request -> verdicts
 */
#ifndef HITHER_POLICY_POLICY_IMPL_H
#define HITHER_POLICY_POLICY_IMPL_H

#include "policy/policy.h"

#define LIST_MAX_ITEMS    256u
#define WORD_MAX_BYTES    1024u
#define TEXT_MAX_BYTES    4096u
#define BECAUSE_MAX_CHARS 400u
#define REGEX_MAX_BYTES   512u
#define TIERS             3u
#define SET_MAX_RULES     8192u
#define SET_MAX_DESTS     256u
#define FILE_BUDGET_BYTES ((size_t)32 << 20)
#define SET_BUDGET_BYTES  ((size_t)128 << 20)
#define UNSTATED          (-1) /* of a word's number, a mask, or what is never negative */
#define DURATION_UNSTATED UINT64_MAX

/* A closed list of words; the value is the index. */
struct vocabulary {
	const char *const *words;
	unsigned n;
};
extern const struct vocabulary vocab_layer, vocab_verdict, vocab_tier, vocab_api,
	vocab_identity, vocab_effect, vocab_strip, vocab_log, vocab_notify, vocab_power,
	vocab_network, vocab_thermal, vocab_day, vocab_scope, vocab_mode, vocab_otherwise,
	vocab_on_deny, vocab_via, vocab_budget_scope, vocab_exceed, vocab_content, vocab_check,
	vocab_draft, vocab_cascade, vocab_low_tier, vocab_condition_identity;
bool vocab_find(const struct vocabulary *v, const char *word, unsigned *ret);
/* The word nearest to a misspelt one, or NULL when none is near. */
const char *vocab_nearest(const struct vocabulary *v, const char *word);

struct words {
	const char **items; /* NULL: not stated */
	size_t n;
};

/* ---------------------------------------------------------------- parsed file */

struct number_test {  /* all stated bounds must hold */
	unsigned has; /* bits, 1 << enum number_op */
	double bound[5];
};
enum number_op { NUM_LT, NUM_LTE, NUM_GT, NUM_GTE, NUM_EQ };

enum cond_kind {
	COND_ALL,
	COND_ANY,
	COND_NOT,
	/* leaves on the request */
	COND_APP,
	COND_USER,
	COND_TASK,
	COND_GROUP,
	COND_MODALITY,
	COND_IDENTITY,
	COND_INTERACTIVE,
	COND_TOOLS,
	COND_SCORE,
	COND_CONFIDENCE,
	COND_INPUT_TOKENS,
	COND_DATA_ANY,
	COND_DATA_ALL,
	COND_DATA_NONE,
	COND_DATA_ONLY,
	COND_POWER,
	COND_NETWORK,
	COND_THERMAL,
	COND_LOCKED,
	COND_VPN,
	COND_BATTERY,
	COND_DAYS,
	COND_HOURS,
	/* leaves on the destination: constant once the set is built */
	COND_TIER,
	COND_DESTINATION,
	COND_REGION,
	COND_RETENTION,
	COND_TRAINS,
};
#define COND_FIRST_LEAF      COND_APP
#define COND_FIRST_DEST_LEAF COND_TIER

struct cond {
	enum cond_kind kind;
	struct cond *kids; /* of all, any, not */
	struct cond *next; /* sibling */
	struct words words;
	struct number_test number;
	unsigned mask; /* of tier, power, network, thermal, days; identity level */
	enum policy_tri flag;
	int16_t from, to; /* minutes of the day */
};

enum effect { EFFECT_ALLOW, EFFECT_ASK, EFFECT_DENY, EFFECT_LOCAL_ONLY, EFFECT_REQUIRE };

struct rule {
	const char *id;
	int effect;          /* enum effect */
	int max_tier;        /* UNSTATED when absent */
	struct cond *when;   /* COND_ALL */
	struct cond *unless; /* COND_ALL or NULL */
	const char *because;
	struct words redact;
	int strip; /* UNSTATED or bits */
	int64_t max_input_tokens;
	int64_t max_output_tokens;
	int log;    /* UNSTATED or enum policy_log - 1 */
	int notify; /* UNSTATED or enum policy_notify - 1 */
	bool has_with;
	uint32_t line, column;
};

struct group {
	const char *name;
	struct words apps;
};

struct expectation {
	const char *destination;
	int verdict;
	struct words by;
	struct words redact;
};

struct test {
	const char *name;
	struct policy_request request; /* base, test_base and the test's own, laid over */
	struct expectation *expect;
	size_t n_expect;
	uint32_t line;
};

struct consent_block { /* sentinels: UNSTATED, DURATION_UNSTATED */
	int scopes, modes, prefer, on_timeout, on_deny, no_agent;
	uint64_t max_until_ms, always_max_ms, timeout_ms, hold_max_ms;
	struct words strong_auth_for;
	int require_reason; /* UNSTATED, 0, 1 */
	int64_t max_prompts_per_hour;
	int ask_via[POLICY_VIAS];
	int n_ask_via;
};

struct ledger_block {
	int content;
	uint64_t retain_ms;
	const char *export_otlp;
	const char *export_json;
};

struct routing_block {
	double escalate_at; /* negative: not stated */
	int prefer[TIERS];
	int n_prefer;
	struct words fallback;
	int while_asking, cascade; /* UNSTATED */
};

struct policy_file {
	unsigned refs;
	struct arena *arena;
	struct policy_file_info info;
	char signer[17];
	bool only_destinations;
	int defaults[TIERS];
	struct policy_destination *destinations;
	size_t n_destinations;
	struct group *groups;
	size_t n_groups;
	struct policy_category *categories;
	size_t n_categories;
	struct rule *rules;
	size_t n_rules;
	struct consent_block consent;
	struct policy_budget *budgets;
	size_t n_budgets;
	struct routing_block routing;
	struct ledger_block ledger;
	struct test *tests;
	size_t n_tests;
};

/* ---------------------------------------------------------------- reader */

struct reader {
	struct span text; /* empty when the tree does not come from a file */
	const cJSON *root;
	struct arena *arena;
	const char *name;
	unsigned flags;
	struct policy_error *error;
	enum err e; /* why the last call gave false */
	const cJSON *test_base;
	struct policy_file *file;
};

struct key;
typedef bool key_fn(struct reader *r, const cJSON *value, void *field, const struct key *k);
struct key {
	const char *name;
	key_fn *read;
	size_t offset;   /* of the field in the struct being filled */
	const void *arg; /* a vocabulary, a limit: as the function says */
};
/* One whose function is given the struct and knows where it belongs. */
#define WHOLE(name, read)                                                                      \
	{                                                                                      \
		name, read, 0, NULL                                                            \
	}

/* Fills r->error, and is false. */
#define reader_fail(...) (reader_report(__VA_ARGS__), false)
void reader_report(struct reader *r, const cJSON *at, const char *expected, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));
/* All of these give false after reader_report() has filled r->error. */
bool reader_no_memory(struct reader *r);
/* Points at the key; `v` holds those that would have been right. */
bool reader_unknown_key(struct reader *r, const cJSON *node, const struct vocabulary *v);
bool read_object(struct reader *r, const cJSON *node, const struct key *keys, size_t n,
		 void *out);
bool read_is_object(struct reader *r, const cJSON *node);
bool read_is_array(struct reader *r, const cJSON *node, size_t max_items, size_t *ret_n);
bool read_word(struct reader *r, const cJSON *node, const struct vocabulary *v, int *ret);
bool read_copy(struct reader *r, const cJSON *node, size_t max_bytes, const char **ret);
bool name_is_id(const char *s);
/* Room for one element per key of an object, into the pointer at `ret`. */
bool reader_room(struct reader *r, const cJSON *v, size_t each_bytes, void *ret);
/* The node's key, kept as long as the file. */
bool reader_key_copy(struct reader *r, const cJSON *v, const char **ret);

/* Field readers; the field's type and k->arg in brackets. */
bool field_text(struct reader *r, const cJSON *v, void *field,
		const struct key *k); /* [const char *] */
bool field_id(struct reader *r, const cJSON *v, void *field,
	      const struct key *k); /* [const char *] */
bool field_words(struct reader *r, const cJSON *v, void *field,
		 const struct key *k); /* [struct words] */
bool field_word(struct reader *r, const cJSON *v, void *field,
		const struct key *k); /* [int; vocabulary] */
bool field_mask(struct reader *r, const cJSON *v, void *field,
		const struct key *k); /* [int; vocabulary] */
bool field_bool(struct reader *r, const cJSON *v, void *field,
		const struct key *k); /* [bool] */
bool field_flag(struct reader *r, const cJSON *v, void *field,
		const struct key *k); /* [int 0, 1] */
bool field_tri(struct reader *r, const cJSON *v, void *field,
	       const struct key *k); /* [enum policy_tri] */
bool field_count(struct reader *r, const cJSON *v, void *field,
		 const struct key *k); /* [int64_t >= 0] */
bool field_amount(struct reader *r, const cJSON *v, void *field,
		  const struct key *k); /* [double >= 0] */
bool field_fraction(struct reader *r, const cJSON *v, void *field,
		    const struct key *k); /* [double 0..1] */
bool field_duration(struct reader *r, const cJSON *v, void *field,
		    const struct key *k); /* [uint64_t ms] */
bool field_currency(struct reader *r, const cJSON *v, void *field,
		    const struct key *k); /* [char[4]] */
bool field_ignored(struct reader *r, const cJSON *v, void *field, const struct key *k);

/* parse_cond.c: a condition object into a COND_ALL. */
bool cond_read(struct reader *r, const cJSON *node, struct cond **ret);
bool number_test_read(struct reader *r, const cJSON *node, struct number_test *ret);

/* parse_rule.c, parse_destination.c, parse_block.c: each reads one top-level value into
 * r->file. */
bool rules_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool tests_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool destinations_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool groups_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool categories_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool defaults_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool consent_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool budgets_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool routing_read(struct reader *r, const cJSON *v, void *field, const struct key *k);
bool ledger_read(struct reader *r, const cJSON *v, void *field, const struct key *k);

/* request.c: lay an object over *io. */
bool request_read(struct reader *r, const cJSON *object, struct policy_request *io);
/* Reports `v`, which was to be a time, and is false; says so when only the calendar lacks it.
 */
bool time_fail(struct reader *r, const cJSON *v, const char *expected);

/* ---------------------------------------------------------------- compiled set */

enum { /* indices of policy_set.consent_from[] */
       FROM_SCOPES,
       FROM_MODES,
       FROM_PREFER,
       FROM_MAX_UNTIL,
       FROM_ALWAYS_MAX,
       FROM_TIMEOUT,
       FROM_HOLD_MAX,
       FROM_ON_TIMEOUT,
       FROM_ON_DENY,
       FROM_NO_AGENT,
       FROM_STRONG_AUTH,
       FROM_REASON,
       FROM_PROMPTS,
       FROM_ASK_VIA,
};

/* Kleene logic on small numbers: AND is the minimum, OR the maximum, NOT 2 - x. */
enum { KL_FALSE, KL_UNKNOWN, KL_TRUE, KL_UNSET };

/* A reference to something with a Kleene value. */
typedef uint32_t term;
enum { TERM_REQUEST, TERM_DEST, TERM_EXPR };
#define TERM(kind, negated, index)                                                             \
	(((term)(index) << 3) | ((term)(negated) << 2) | (term)(kind))
#define TERM_KIND(t)    ((t)&3u)
#define TERM_NEGATED(t) (((t) >> 2) & 1u)
#define TERM_INDEX(t)   ((t) >> 3)

enum glob_kind { GLOB_EXACT, GLOB_PREFIX, GLOB_SUFFIX, GLOB_GENERAL };
struct glob {
	enum glob_kind kind;
	struct span text; /* the literal part; the whole pattern, and NUL, of a general one */
};
void glob_compile(const char *pattern, struct glob *ret);
bool glob_match(const struct glob *g, struct span value);

struct leaf {
	const struct cond *cond;  /* as written, for explain */
	struct glob *globs;       /* app (groups expanded), user, task, destination, region */
	const uint32_t *patterns; /* data: indices into the set's category patterns */
	uint32_t n;               /* of either */
};

struct expr {           /* over kids[first .. first + n) */
	uint8_t is_any; /* else all */
	uint32_t first, n;
};

/* A rule in the stack. */
struct crule {
	const struct rule *rule;
	const struct policy_file *file;
	uint32_t first_term, n_terms; /* when and not unless, in terms[] */
	const uint32_t *redact;       /* indices into redacts[] */
	uint32_t n_redact;
	uint8_t layer;
};

/* A rule that can still match at one destination, constants folded away. */
struct live {
	uint32_t rule;
	uint32_t first_term; /* in the list's terms[] */
	uint16_t n_terms;
	uint8_t start; /* KL_TRUE, or KL_UNKNOWN when a constant was unknown */
	int8_t effect; /* POLICY_ALLOW.., -1 for require */
};

struct live_list { /* one per destination and layer */
	const struct live *items;
	const term *terms; /* what first_term counts in */
	uint32_t n;
};

struct hit {
	uint32_t rule;
	int8_t effect;
	bool uncertain;
};

/* Written during evaluation only. */
struct scratch {
	uint8_t *values;  /* of request leaves */
	struct hit *hits; /* one per rule */
	uint64_t *found;  /* bit per category pattern: some category matches */
	uint64_t *rows;   /* the same per category, for the first CATEGORY_ROWS */
	uint64_t *redact; /* bit per redact pattern */
	bool *covered;    /* per rule: a test has hit it */
	bool cover;       /* note hits in covered[] */
};
#define CATEGORY_ROWS 32u

/* FNV-1a (Fowler, Noll, Vo), for tables with open addressing. */
static inline uint32_t table_hash(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 16777619u;
	return h;
}

/* Words of 64 bits for as many bits. */
static inline size_t bit_words(size_t n_bits)
{
	return (n_bits + 63) / 64;
}

struct set_default {
	int verdict;   /* UNSTATED */
	uint32_t file; /* who states it */
};

struct policy_set {
	unsigned refs;
	const struct policy_file *culprit; /* while building: whose fault a failure is */
	struct arena *arena;
	struct policy_file **files; /* by layer, then name */
	size_t n_files;
	unsigned flags;
	bool lockdown;
	uint64_t generation;
	enum policy_state state;
	const char *reason;
	bool only_destinations;
	unsigned layers; /* bits: layers that take part */
	struct set_default defaults[POLICY_LAYERS][TIERS];
	struct policy_destination *destinations;
	size_t n_destinations;
	struct crule *rules;
	size_t n_rules;
	struct leaf *req_leaves;
	size_t n_req_leaves;
	struct leaf *dest_leaves;
	size_t n_dest_leaves;
	struct expr *exprs;
	size_t n_exprs;
	term *terms; /* kids of exprs and rules */
	size_t n_terms;
	uint8_t *dest_values;   /* [destination][dest leaf] */
	struct live_list *live; /* [destination][layer] */
	struct span *patterns;  /* distinct category patterns of `data` */
	size_t n_patterns;
	uint32_t *pattern_slots; /* open addressing; index + 1, 0 empty */
	size_t n_pattern_slots;  /* power of two */
	const char **redacts;    /* distinct redact patterns, sorted */
	size_t n_redacts;
	struct policy_consent consent;
	const struct policy_file *consent_from[16]; /* per key, in the order of merge.c */
	struct policy_budget *budgets;
	size_t n_budgets;
	struct policy_routing routing;
	const struct policy_file *routing_from[5];
	struct policy_ledger ledger;
	const struct policy_file *ledger_from[3];
	struct policy_category *categories;
	size_t n_categories;
	struct scratch scratch;
};

/* set.c: policy_set_build() that also says which file is at fault, NULL when none is. */
MUST_CHECK enum err set_build(struct policy_file *const *files, size_t n,
			      const char *lockdown_reason, unsigned flags,
			      struct policy_set **ret, const struct policy_file **culprit,
			      struct policy_error *reterr);

/* merge.c */
MUST_CHECK enum err merge_destinations(struct policy_set *s, struct policy_error *reterr);
MUST_CHECK enum err merge_blocks(struct policy_set *s);

/* compile.c: rules, leaves and expressions; then the per-destination lists. */
MUST_CHECK enum err compile_rules(struct policy_set *s, struct policy_error *reterr);
MUST_CHECK enum err compile_destinations(struct policy_set *s);

/* data.c: interned category patterns and their use on a request. */
MUST_CHECK enum err data_index(struct policy_set *s);
/* One of those over the kinds of data in the text. */
bool cond_is_data(enum cond_kind kind);
void data_begin(struct policy_set *s, const struct policy_request *q);
int data_value(const struct policy_set *s, const struct policy_request *q,
	       const struct leaf *l);

/* decide.c */
int leaf_value(struct policy_set *s, const struct policy_request *q, const struct leaf *l);
int dest_leaf_value(const struct leaf *l, const struct policy_destination *d);
int term_value(struct policy_set *s, const struct policy_request *q, const uint8_t *dest,
	       term t);
void decide_begin(struct policy_set *s, const struct policy_request *q);
void decide_one(struct policy_set *s, const struct policy_request *q, size_t destination,
		unsigned layers, struct policy_decision *ret);

/* describe.c: a leaf or term in words, for explain, lint and diff. */
void describe_cond(const struct cond *c, struct buf *out);
/* The words whose bits are set, `none` when there are none. */
void describe_mask(const struct vocabulary *v, unsigned mask, const char *between,
		   const char *none, struct buf *out);
void describe_term(const struct policy_set *s, term t, struct buf *out);
void describe_request(const struct policy_request *q, struct buf *out);
void describe_obligations(const struct policy_decision *d, struct buf *out);

/* explain.c: which policy this is, one line. */
void explain_policy_line(const struct policy_set *s, int64_t now_ms, struct buf *out);

#endif
