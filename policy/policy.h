/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy language: what may happen to a request, at which destination.
 *
 *   text --policy_file_parse--> policy_file --policy_set_build--> policy_set
 *   policy_set + policy_request --policy_decide--> policy_decision (one per destination)
 *
 * Pure: no I/O, no clock, no globals. Everything read from outside (policy text, requests as
 * JSON, signatures, bundles) comes in as a span and leaves as a struct or an error.
 *
 * Zero means unknown throughout `struct policy_request`, and unknown tightens: a request that
 * nobody filled in stays on the device.
 */
#ifndef HITHER_POLICY_POLICY_H
#define HITHER_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"
#include "common/span.h"

/* ---------------------------------------------------------------- words of the language */

/* In order of authority: the first may never be loosened by those after it. */
enum policy_layer {
	POLICY_VENDOR_MANDATORY, /* /usr/lib/hither/mandatory.d: ceiling */
	POLICY_MANDATORY,        /* /etc/hither/mandatory.d: ceiling */
	POLICY_VENDOR,           /* /usr/lib/hither/policy.d: default behaviour */
	POLICY_RECOMMENDED,      /* /etc/hither/recommended.d: overrides vendor */
	POLICY_USER,             /* the person's own files: preference */
	POLICY_LAYERS
};

enum policy_verdict { POLICY_ALLOW, POLICY_ASK, POLICY_DENY }; /* in order of strictness */
enum policy_tier { POLICY_TIER_DEVICE, POLICY_TIER_TRUSTED, POLICY_TIER_CLOUD };
enum policy_api { /* the words are names of dialects (dialect/dialect.h) */
		  POLICY_API_OPENAI,
		  POLICY_API_ANTHROPIC,
		  POLICY_API_OLLAMA,
		  POLICY_API_LLAMACPP,
		  POLICY_API_OPENAI_RESPONSES,
		  POLICY_API_GEMINI,
		  POLICY_API_AZURE_OPENAI,
		  POLICY_API_MISTRAL,
		  POLICY_API_OPENROUTER
};
enum policy_tri { POLICY_UNKNOWN, POLICY_FALSE, POLICY_TRUE };

enum policy_identity { /* 0 is unknown; "at least" comparisons use this order */
		       POLICY_IDENTITY_UNKNOWN,
		       POLICY_IDENTITY_ANONYMOUS,
		       POLICY_IDENTITY_CLAIMED,
		       POLICY_IDENTITY_SOCKET,
		       POLICY_IDENTITY_ATTESTED
};
enum policy_power { POLICY_POWER_UNKNOWN, POLICY_POWER_AC, POLICY_POWER_BATTERY };
enum policy_network {
	POLICY_NETWORK_UNKNOWN,
	POLICY_NETWORK_OFFLINE,
	POLICY_NETWORK_METERED,
	POLICY_NETWORK_UNMETERED
};
enum policy_thermal {
	POLICY_THERMAL_UNKNOWN,
	POLICY_THERMAL_NOMINAL,
	POLICY_THERMAL_FAIR,
	POLICY_THERMAL_SERIOUS,
	POLICY_THERMAL_CRITICAL
};

/* The words as the files spell them; never NULL for a valid value, "unknown" for 0 of the
 * enums that have an unknown. */
const char *policy_layer_name(enum policy_layer layer); /* "vendor_mandatory", … */
const char *policy_verdict_name(enum policy_verdict v);
const char *policy_tier_name(enum policy_tier t);
const char *policy_api_name(enum policy_api a);
const char *policy_identity_name(enum policy_identity i);
bool policy_layer_from(struct span name, enum policy_layer *ret);
bool policy_tier_from(struct span name, enum policy_tier *ret);
bool policy_identity_from(struct span name, enum policy_identity *ret);

/* ---------------------------------------------------------------- errors */

/* Where and why a file, a request or a stack was refused. line 0: no position. */
struct policy_error {
	char file[160];     /* name given by the caller */
	uint32_t line;      /* 1-based */
	uint32_t column;    /* 1-based, bytes */
	char problem[200];  /* English, one sentence without the final stop */
	char expected[160]; /* what would have been right; may be empty */
	char nearest[64];   /* known word nearest to a misspelt one; may be empty */
};

/* "FILE:LINE:COL: problem; expected …; did you mean "…"?", no newline. */
void policy_error_print(const struct policy_error *e, struct buf *out);

/* ---------------------------------------------------------------- one file */

#define POLICY_FILE_MAX_BYTES (1u << 20)
#define POLICY_FILE_MAX_RULES 512u
#define POLICY_SET_MAX_FILES  256u

struct policy_file; /* immutable, counted */

enum policy_flags {
	/* For evaluating stacks written inline (`policy eval`): `hither_policy`, `id` and a
	 * destination's `api` may be absent, a dictionary's path need not be absolute, the same
	 * rule id may appear in two files of a
	 * layer, a lower redefinition of a destination is ignored instead of refused, and
	 * only_destinations hides nothing. Never used for files that take effect. */
	POLICY_INLINE = 1,
};

/*
 * Parse one whole file. `name` is what errors and reasons call it (its base name), `path`
 * where it came from (may be NULL); both are copied, and so is `text`.
 * Success: *ret has one reference, give it back with policy_file_free().
 * Errors: ERR_SYNTAX (anything wrong with the content), ERR_TOO_BIG (over 1 MiB, 512 rules or
 * a list's limit), ERR_UNSUPPORTED (a newer hither_policy), ERR_NO_MEMORY; *reterr says where.
 */
MUST_CHECK enum err policy_file_parse(struct span text, enum policy_layer layer,
				      const char *name, const char *path, unsigned flags,
				      struct policy_file **ret, struct policy_error *reterr);
struct policy_file *policy_file_ref(struct policy_file *f);
void policy_file_free(struct policy_file *f); /* NULL is fine */

struct policy_file_info {
	const char *id;
	const char *title; /* NULL when absent, like contact */
	const char *contact;
	const char *name;
	const char *path; /* "" when none was given */
	enum policy_layer layer;
	int64_t serial;        /* 0: none */
	int64_t not_before_ms; /* Unix epoch, milliseconds; INT64_MIN when absent */
	int64_t not_after_ms;  /* INT64_MAX when absent */
	uint32_t n_rules;
	uint32_t n_tests;
	struct span text;      /* as given */
	const char *signer;    /* key id of a valid signature; "" when none was checked */
	struct span signature; /* content of FILE.sig; empty when there was none */
};
struct policy_file_info policy_file_info(const struct policy_file *f);
/* Notes who signed it (after policy_verify()) and keeps the signature, so that a bundle can
 * carry it. `key_id` is cut at 16 characters. ERR_NO_MEMORY changes nothing. */
MUST_CHECK enum err policy_file_set_signer(struct policy_file *f, const char *key_id,
					   struct span signature);

/* ---------------------------------------------------------------- the compiled stack */

enum policy_state { POLICY_ACTIVE, POLICY_DEGRADED, POLICY_LOCKDOWN };
const char *policy_state_name(enum policy_state s); /* "active", "degraded", "lockdown" */

struct policy_set; /* content immutable, counted; owns one scratch, so one thread at a time */

/*
 * Compile a stack. Files may come in any order; within a layer they are taken in byte order
 * of name. Takes a reference on each. `lockdown_reason` not NULL makes a set in which every
 * destination above the device tier is denied (reason `builtin:lockdown`), whatever the files
 * say. n = 0 gives the built-in defaults (device allow, trusted ask, cloud deny).
 * Errors: ERR_EXISTS (a rule id twice in one layer, a destination redefined), ERR_TOO_BIG,
 * ERR_NO_MEMORY; *reterr names the file that is at fault (the one of lower authority).
 */
MUST_CHECK enum err policy_set_build(struct policy_file *const *files, size_t n,
				     const char *lockdown_reason, unsigned flags,
				     struct policy_set **ret, struct policy_error *reterr);
struct policy_set *policy_set_ref(struct policy_set *s);
void policy_set_free(struct policy_set *s); /* NULL is fine */

uint64_t policy_set_generation(const struct policy_set *s); /* 0 unless from a bundle */
enum policy_state policy_set_state(const struct policy_set *s);
const char *policy_set_reason(const struct policy_set *s); /* "" when active */
size_t policy_set_n_files(const struct policy_set *s);
const struct policy_file *policy_set_file(const struct policy_set *s, size_t i);
/* Identity shown to people: the file of highest authority that has a serial, else the first;
 * NULL when there are no files. */
const struct policy_file *policy_set_top(const struct policy_set *s);
bool policy_set_only_destinations(const struct policy_set *s);
/* Total rules, the capacity a list of reasons needs (plus a few built-in ones). */
size_t policy_set_n_rules(const struct policy_set *s);

/* ---------------------------------------------------------------- bundle */

/* A file a policy names and a jailed role cannot open (a category's dictionary). */
struct policy_attachment {
	const char *path;
	struct span content;
};

/*
 * One byte form of everything accepted, for a sealed memfd and for the persisted last-good:
 * magic, generation, state, reason, then each file (layer, name, path, signer, signature, text)
 * and each attachment, lengths in little endian, and nothing after. The same input gives the
 * same bytes, so that their SHA-256 names the policy.
 */
#define POLICY_BUNDLE_MAX_BYTES (64u << 20)
struct policy_bundle {
	uint64_t generation;
	enum policy_state state;
	const char *reason; /* "" when active */
	struct policy_file *const *files;
	size_t n_files;
	const struct policy_attachment *attachments;
	size_t n_attachments;
};
/* out->failed when it did not fit. */
void policy_bundle_write(const struct policy_bundle *b, struct buf *out);
/*
 * Parse, compile. `bytes` may be released afterwards. ERR_CORRUPT (not a bundle), else as
 * policy_file_parse() and policy_set_build(). On any error use policy_set_lockdown().
 */
MUST_CHECK enum err policy_bundle_read(struct span bytes, struct policy_set **ret,
				       struct policy_error *reterr);
/* A set that allows the device and denies the rest. NULL only when memory is out. */
struct policy_set *policy_set_lockdown(const char *reason);

/* ---------------------------------------------------------------- destinations */

struct policy_price {
	bool known;
	char currency[4]; /* ISO 4217 */
	double input_per_mtok;
	double cached_input_per_mtok; /* of tokens read from its cache; negative: not stated */
	double output_per_mtok;
};

/* Milliseconds, at most 600000; 0: not stated, the daemon's configuration decides. */
struct policy_timeouts {
	uint32_t connect_ms, first_byte_ms, gap_ms, total_ms;
};

#define POLICY_QUEUE_USUAL     64u
#define POLICY_RETRY_MAX       4u
#define POLICY_RETRY_WAIT_MS   10000u
#define POLICY_BREAKER_OPEN_MS 30000u
#define POLICY_CONCURRENT_MAX  64u
#define POLICY_DEST_QUEUE_MAX  64u
#define POLICY_BREAKER_MOST    1000u
#define POLICY_FALLBACKS_MAX   16u
#define POLICY_PINS_MAX        4u

struct policy_destination {
	const char *name;
	enum policy_tier tier;
	enum policy_api api;
	const char *operator_name; /* NULL unknown, like the other strings here */
	const char *region;
	const char *base_url; /* https:, loopback http:, or unix: */
	const char *const *models;
	size_t n_models;
	int64_t retention_days; /* -1 unknown */
	enum policy_tri trains;
	struct policy_price price;
	const char *api_version; /* Azure's api-version, Anthropic's anthropic-version */
	const char *pin_ca_file;
	const char *const *pins_sha256; /* base64 of SHA-256 over the SPKI (RFC 7469, 2.4) */
	size_t n_pins_sha256;           /* any of them will do; 0: none */
	const char *proxy;              /* "none", "env" or a URL */
	const char *auth_secret;
	const char *auth_mtls;
	const char *privacy_url;
	struct policy_timeouts timeouts;
	uint32_t concurrent;            /* sends at once; 0: only the daemon's limit */
	uint32_t queue;                 /* and this many may wait; counts with `concurrent` */
	uint32_t retries;               /* further attempts of one send; 0: none */
	uint32_t retry_wait_ms;         /* longest wait before one of them */
	uint32_t breaker_failures;      /* in a row, before it rests; 0: never */
	uint32_t breaker_open_ms;       /* how long */
	const struct policy_file *file; /* who defines it; NULL for the built-in `local` */
};

/* Indices are stable for the life of the set; 0 is always `local`, tier device. */
size_t policy_destinations(const struct policy_set *s);
const struct policy_destination *policy_destination(const struct policy_set *s, size_t i);
bool policy_destination_find(const struct policy_set *s, struct span name, size_t *ret);

/* ---------------------------------------------------------------- the request */

struct policy_number {
	bool known;
	double value;
};

/* An any-order list; known with n 0 means "none", not known means nobody could say. */
struct policy_words {
	bool known;
	const struct span *items;
	size_t n;
};

/* All zero: everything unknown, no restriction by the app. Strings: ptr NULL is unknown. */
struct policy_request {
	struct span app;
	enum policy_identity identity;
	struct span user;
	struct policy_words groups;
	enum policy_tri interactive;
	struct span task;
	struct policy_words
		data; /* categories found; unknown when the scanner did not finish */
	struct policy_number score;      /* 0..1 */
	struct policy_number confidence; /* 0..1 */
	struct policy_number input_tokens;
	struct policy_words modality; /* "text", "image", "audio", … */
	enum policy_tri tools;
	struct {
		enum policy_power power;
		struct policy_number battery_pct;
		enum policy_network network;
		enum policy_thermal thermal;
		enum policy_tri locked;
		enum policy_tri vpn;
	} device;
	struct policy_time {
		bool known;
		uint8_t weekday; /* 0 Monday .. 6 Sunday, local time */
		int16_t minute;  /* of the day, 0..1439, local time */
	} time;
	bool restricted;           /* the app named a highest tier itself */
	enum policy_tier max_tier; /* only when restricted */
};

/* The benign base that tests, explain and eval start from: attested, interactive, text, no
 * tools, user alice, no groups, 500 tokens, score 0.7, confidence 0.9, Wednesday 2026-11-18
 * 10:00, unmetered, ac, nominal, unlocked; app, task, data, battery and VPN unknown. */
void policy_request_base(struct policy_request *ret);

/*
 * Lay the attributes of a JSON object over *io (null makes one unknown; "device" merges one
 * level). Strings and lists are copied into `arena`.
 * ERR_SYNTAX (unknown attribute, wrong type), ERR_NO_MEMORY; *reterr says what. *io may be
 * partly changed after an error.
 */
MUST_CHECK enum err policy_request_apply(struct policy_request *io, const cJSON *object,
					 struct arena *arena, struct policy_error *reterr);

/* The inverse: an object with every attribute, null where unknown (what a ledger keeps for
 * `policy replay`). */
void policy_request_write(const struct policy_request *q, struct buf *out);
/* Only what it holds of "device", as an object, null where unknown. */
void policy_device_write(const struct policy_request *q, struct buf *out);

/* ---------------------------------------------------------------- the decision */

enum policy_strip { /* bits; names sort in this order */
		    POLICY_STRIP_ATTACHMENTS = 1,
		    POLICY_STRIP_IMAGES = 2,
		    POLICY_STRIP_METADATA = 4,
		    POLICY_STRIP_SYSTEM_PROMPT = 8,
		    POLICY_STRIP_TOOLS = 16,
};
#define POLICY_STRIPS 5
const char *policy_strip_name(unsigned bit_index); /* 0..POLICY_STRIPS-1 */

enum policy_log { POLICY_LOG_UNSET, POLICY_LOG_FULL, POLICY_LOG_DIGEST, POLICY_LOG_METADATA };
enum policy_notify { POLICY_NOTIFY_UNSET, POLICY_NOTIFY_NONE, POLICY_NOTIFY_AFTER };

/* One destination's answer. Made once by policy_decisions_new(), filled any number of times. */
struct policy_decision {
	enum policy_verdict verdict;
	uint32_t *by; /* opaque; read with policy_decision_reason() */
	size_t n_by;
	const char **redact; /* category patterns, sorted, no duplicates; owned by the set */
	size_t n_redact;
	unsigned strip;            /* enum policy_strip bits */
	int64_t max_input_tokens;  /* INT64_MAX: no limit */
	int64_t max_output_tokens; /* INT64_MAX: no limit */
	enum policy_log log;
	enum policy_notify notify;
};

struct policy_reason {
	const char *id; /* rule id, "mandatory:default", "builtin:offline", "app:max_tier", … */
	bool uncertain;      /* an attribute was unknown; shown as "id?" */
	const char *file;    /* file name; NULL for built-in reasons and the app's own */
	const char *because; /* the author's words; NULL when there are none */
	uint32_t line;       /* of the rule in its file; 0 when built in */
};

/* Room for `n` decisions of this set, in `arena`; NULL when out of budget. */
struct policy_decision *policy_decisions_new(const struct policy_set *s, size_t n,
					     struct arena *arena);

/*
 * The verdict for one destination, with reasons and obligations. Total, no allocation. For
 * a verdict of deny the obligations are empty. `ret` comes from policy_decisions_new() of the
 * same set; its strings live as long as the set (hold a reference while you keep it).
 */
void policy_decide(struct policy_set *s, const struct policy_request *q, size_t destination,
		   struct policy_decision *ret);

/* All destinations, in order; cheaper than one by one. `ret` has policy_destinations(s). */
void policy_decide_all(struct policy_set *s, const struct policy_request *q,
		       struct policy_decision *ret);

struct policy_reason policy_decision_reason(const struct policy_set *s,
					    const struct policy_decision *d, size_t i);
/* {"verdict","by":[…],"redact":[…],"strip":[…]} */
void policy_decision_write(const struct policy_set *s, const struct policy_decision *d,
			   struct buf *out);

/*
 * One line of `policy eval --jsonl`: {"id","layers":{LAYER:[FILE,…]},"request":{…}} to
 * {"id","verdicts":{DEST:…}} in `out`, or {"id","error"} with false. Files are read with
 * POLICY_INLINE unless `strict`; the request lies over the benign base.
 */
bool policy_eval_line(struct span line, bool strict, struct buf *out);

/* ---------------------------------------------------------------- merged blocks */

enum policy_scope { /* bits */
		    POLICY_SCOPE_ONCE = 1,
		    POLICY_SCOPE_SESSION = 2,
		    POLICY_SCOPE_UNTIL = 4,
		    POLICY_SCOPE_ALWAYS = 8,
};
enum policy_mode { POLICY_MODE_REDACTED = 1, POLICY_MODE_AS_IS = 2 }; /* bits */
enum policy_otherwise { POLICY_HOLD, POLICY_LOCAL, POLICY_REFUSE };
enum policy_via {
	POLICY_VIA_SESSION_AGENT,
	POLICY_VIA_TERMINAL,
	POLICY_VIA_NOTIFICATION,
	POLICY_VIA_WEB
};
#define POLICY_VIAS 4

/* Every field has a value: stated ones merged as docs/policy.md says, else the built-in default
 * given here. */
struct policy_consent {
	unsigned scopes; /* intersection; once|session */
	unsigned modes;  /* intersection; redacted|as_is; may become 0: nothing can be sent */
	enum policy_mode prefer;            /* redacted */
	uint64_t max_until_ms;              /* 7 d */
	uint64_t always_max_ms;             /* 180 d */
	uint64_t timeout_ms;                /* 60 s */
	uint64_t hold_max_ms;               /* 10 min */
	enum policy_otherwise on_timeout;   /* local */
	enum policy_otherwise on_deny;      /* local */
	enum policy_otherwise no_agent;     /* local */
	const char *const *strong_auth_for; /* union of category patterns; none */
	size_t n_strong_auth_for;
	bool require_reason;                  /* false */
	int64_t max_prompts_per_hour;         /* 360: six a minute */
	enum policy_via ask_via[POLICY_VIAS]; /* in order of preference; all four */
	size_t n_ask_via;
};
const struct policy_consent *policy_consent(const struct policy_set *s);

enum policy_budget_scope { /* bits */
			   POLICY_BUDGET_USER = 1,
			   POLICY_BUDGET_APP = 2,
			   POLICY_BUDGET_DESTINATION = 4,
			   POLICY_BUDGET_HOST = 8,
			   POLICY_BUDGET_FLEET = 16,
};
enum policy_window {
	POLICY_WINDOW_HOURS,
	POLICY_WINDOW_DAYS,
	POLICY_WINDOW_WEEKS,
	POLICY_WINDOW_MONTHS
};
enum policy_exceed { POLICY_EXCEED_ASK, POLICY_EXCEED_LOCAL, POLICY_EXCEED_REFUSE };

/* All budgets of all layers apply; the tightest binds. */
struct policy_budget {
	const char *id;
	const struct policy_file *file;
	unsigned scope;
	enum policy_window window_unit; /* "hour", "day", "week", "month", "36h", "10d" */
	uint32_t window_count;
	bool has_cost;
	double max_cost;
	char currency[4];
	int64_t max_tokens;   /* INT64_MAX: no limit */
	int64_t max_requests; /* INT64_MAX: no limit */
	double share_of_host; /* 0..1 of a fleet budget; 1 when absent */
	enum policy_exceed on_exceed;
};
size_t policy_budgets(const struct policy_set *s);
const struct policy_budget *policy_budget(const struct policy_set *s, size_t i);

/* What this device does with a request while somebody is asked whether it may leave; each does
 * what the one before does, and shows more. */
enum policy_draft {
	POLICY_DRAFT_WAIT,     /* nothing: an answer of its own begins when it is needed */
	POLICY_DRAFT_HOLD,     /* answers, and keeps the answer until it is needed */
	POLICY_DRAFT_THINKING, /* streams it as thoughts */
	POLICY_DRAFT_TEXT,     /* streams it as text; a better answer follows after a divider */
};
/* What becomes of an answer of this device about which its model is unsure. */
enum policy_cascade {
	POLICY_CASCADE_OFF,   /* it stays */
	POLICY_CASCADE_OFFER, /* it stays, with word of who could answer better */
	POLICY_CASCADE_ON,    /* another destination is asked for, as if the prompt were hard */
};
/* "wait", "hold" ...; false: no such word. */
bool policy_draft_from(struct span word, enum policy_draft *ret);
bool policy_cascade_from(struct span word, enum policy_cascade *ret);
const char *policy_draft_name(enum policy_draft d);

struct policy_routing {
	bool has_escalate_at;
	double escalate_at;         /* 0..1 */
	enum policy_tier prefer[3]; /* in order of want */
	size_t n_prefer;            /* 0: nothing stated */
	/* Destinations to try, in this order, when one fails; it may name some that no file
	 * defines. */
	const char *const *fallback;
	size_t n_fallback;              /* 0: none */
	enum policy_draft while_asking; /* hold */
	enum policy_cascade cascade;    /* offer */
};
const struct policy_routing *policy_routing(const struct policy_set *s);

enum policy_content { POLICY_CONTENT_FULL, POLICY_CONTENT_DIGEST, POLICY_CONTENT_NONE };
struct policy_ledger {
	enum policy_content content; /* default digest */
	uint64_t retain_ms;          /* 0: keep */
	const char *export_otlp;     /* NULL when not stated */
	const char *export_json; /* the whole `export` object, compact; NULL when not stated */
};
const struct policy_ledger *policy_ledger(const struct policy_set *s);

/* A site-defined detector, for the scanner. Definitions of all layers add up. */
enum policy_check { POLICY_CHECK_NONE, POLICY_CHECK_LUHN, POLICY_CHECK_MOD97 };
struct policy_category {
	const char *name;
	const struct policy_file *file;
	const char *regex;           /* NULL when absent */
	const char *const *keywords; /* with n_keywords */
	size_t n_keywords;
	const char *dictionary; /* path; NULL when absent */
	struct span words;      /* that file's content, when the bundle carried it */
	enum policy_check check;
};
size_t policy_categories(const struct policy_set *s);
const struct policy_category *policy_category(const struct policy_set *s, size_t i);

/* "personal.*" covers personal and everything below; anything else is exact. */
bool policy_category_matches(struct span pattern, struct span category);

/* ---------------------------------------------------------------- tests inside the files */

struct policy_test_result {
	const struct policy_file *file;
	uint32_t line;
	const char *test;
	const char *destination;
	bool ok;
	bool invariant;     /* the second run of a mandatory test: full stack, "not looser" */
	const char *wanted; /* "deny by R1-mnpi", … */
	const char *got;    /* the same form; why it could not run when it could not */
};
typedef void policy_test_fn(void *ctx, const struct policy_test_result *r);

/*
 * Run the tests of every file (or of `only_file` when it is not NULL) under the scope rule: a
 * file's tests see its own layer and those of higher authority; tests of mandatory files run
 * again on the full stack, where the verdict may be stricter but not looser. `fn` may be NULL.
 * Returns the number that failed; *ret_run (may be NULL) how many ran.
 * ERR_NO_MEMORY is counted as a failure.
 */
size_t policy_tests_run(struct policy_set *s, const struct policy_file *only_file,
			policy_test_fn *fn, void *ctx, size_t *ret_run);

/* After policy_tests_run(): rules that no test has hit, one call of `fn` each. */
typedef void policy_rule_fn(void *ctx, const struct policy_file *file, const char *id,
			    uint32_t line);
size_t policy_coverage(const struct policy_set *s, policy_rule_fn *fn, void *ctx);

/* ---------------------------------------------------------------- for people */

/* The answer for each destination, near misses and rules without effect, as text. `now_ms`
 * (Unix epoch) is used to say when a file expires. */
void policy_explain(struct policy_set *s, const struct policy_request *q, int64_t now_ms,
		    struct buf *out);

struct policy_lint {
	const struct policy_file *file;
	uint32_t line;
	uint32_t column;
	const char *code; /* "never-matches", "shadowed", … stable */
	char message[240];
};
typedef void policy_lint_fn(void *ctx, const struct policy_lint *l);
size_t policy_lints(struct policy_set *s, policy_lint_fn *fn, void *ctx); /* how many */

/* Layout settled, comments kept; the result parses to the same value. Errors as
 * policy_file_parse() for text that is not JSON; keys are not looked at. */
MUST_CHECK enum err policy_format(struct span text, const char *name, struct buf *out,
				  struct policy_error *reterr);

/* What changed between two sets, in words: files, destinations, rules, defaults, blocks, then
 * verdicts that differ on the tests of both. Returns the number of differences. */
size_t policy_diff(struct policy_set *before, struct policy_set *after, struct buf *out);

/* Every value in force and the file it comes from. */
void policy_show(const struct policy_set *s, bool effective, int64_t now_ms, struct buf *out);

/* ---------------------------------------------------------------- signatures */

struct policy_trust; /* public keys a host believes, and how many must agree */

/* crypto_init() must have succeeded before any of these. */

/* `pems` each hold one P-256 public key (PEM SubjectPublicKeyInfo). threshold 1..n.
 * ERR_SYNTAX (a key is not one, threshold out of range), ERR_TOO_BIG (over 32), ERR_NO_MEMORY.
 */
MUST_CHECK enum err policy_trust_new(const struct span *pems, size_t n, unsigned threshold,
				     struct policy_trust **ret, struct policy_error *reterr);
void policy_trust_free(struct policy_trust *t); /* NULL is fine */

/*
 * `signature` is the content of FILE.sig: one object {"alg","key_id","sig"} or an array of
 * them, over the raw bytes `text`. ERR_OK when at least the threshold of distinct trusted
 * keys signed; ret_key_id (17 bytes) names the first. Else ERR_SYNTAX, ERR_MISMATCH,
 * ERR_TOO_BIG (32 signatures and 64 KiB fit), ERR_NO_MEMORY.
 */
MUST_CHECK enum err policy_verify(const struct policy_trust *t, struct span text,
				  struct span signature, char *ret_key_id,
				  struct policy_error *reterr);

/* Writes FILE.sig for `text` (one line). With `existing` not empty the new signature joins the
 * ones there. Errors: ERR_SYNTAX (key or existing unreadable), ERR_NO_MEMORY. */
MUST_CHECK enum err policy_sign(struct span private_pem, struct span text, struct span existing,
				struct buf *out, struct policy_error *reterr);

/* ---------------------------------------------------------------- what to load */

/*
 * The fail-closed table: from what was found on disk to what takes effect. Pure; the caller
 * reads the files, the ledger and the clock, and carries out what the result says.
 *
 *   found                                   at start                     at reload
 *   user, recommended, vendor file wrong    skipped, degraded            set in force stays,
 *   mandatory file wrong (also: signature   last-good if it still        degraded
 *     missing, bad; serial went down;       holds, degraded; else
 *     not in force yet)                     lockdown
 *   a file's not_after has passed, clock    lockdown                     lockdown
 *     over 24 h before the newest record
 *   a mandatory file is gone                lockdown until accepted      the same
 *   an empty file                           nothing; it masks            the same
 *
 * "Wrong" is: does not parse, its own tests fail, clashes with a file of higher authority or
 * another of its layer. A file in /etc masks one of the same name in /usr/lib: mandatory masks
 * vendor_mandatory (said in the problems), recommended masks vendor.
 */
struct policy_found { /* one file on disk */
	enum policy_layer layer;
	const char *name;
	const char *path;
	struct span text;
	struct span signature;  /* content of FILE.sig; ptr NULL when there is none */
	const char *unreadable; /* why it could not be read; NULL when it could */
};

struct policy_serial { /* the highest seen; key as policy_serial_key() makes it */
	const char *key;
	int64_t serial;
};

struct policy_mandatory { /* a mandatory file that took effect */
	enum policy_layer layer;
	const char *name;
};

struct policy_load {
	const struct policy_found *found;
	size_t n_found;
	const struct policy_attachment *attachments;
	size_t n_attachments;
	struct policy_set *in_force;      /* NULL at start */
	struct span last_good;            /* persisted bundle; empty when there is none */
	const struct policy_trust *trust; /* NULL: no trust anchors */
	const char *trust_unreadable;     /* why the anchors could not be read */
	const struct policy_serial *serials;
	size_t n_serials;
	const struct policy_mandatory *mandatory; /* in effect at the last run */
	size_t n_mandatory;
	int64_t now_ms;
	int64_t newest_record_ms; /* INT64_MIN when there is none */
	uint64_t generation;      /* to give to the result */
};

enum policy_problem_kind {
	POLICY_PROBLEM_FILE,    /* a file was refused: error.file, error.problem */
	POLICY_PROBLEM_TEST,    /* a file's own test failed */
	POLICY_PROBLEM_EXPIRED, /* not_after */
	POLICY_PROBLEM_CLOCK,   /* the clock went back */
	POLICY_PROBLEM_REMOVED, /* a mandatory file is gone: an audit event */
	POLICY_PROBLEM_MASKED, /* a vendor's mandatory file is masked: said, not held against */
	POLICY_PROBLEM_LAST_GOOD, /* the persisted last-good could not be used */
};
struct policy_problem {
	enum policy_problem_kind kind;
	enum policy_layer layer;
	struct policy_error error;
};

struct policy_loaded {
	struct policy_set *set;  /* what takes effect; the caller's reference */
	enum policy_state state; /* also of the set, but for a set that stays in force */
	bool changed; /* false: the set in force stays (set is a new reference to it) */
	bool from_last_good;
	bool persist;      /* write `bundle` as the new last-good */
	bool remember;     /* serials and mandatory files of `set` are seen from now on */
	struct buf bundle; /* of `set`; release with policy_loaded_free() */
	char reason[200];  /* one line for status; "" when active */
	struct policy_problem *problems;
	size_t n_problems;
	struct arena *arena;
};

/* ERR_OK, or ERR_NO_MEMORY (then keep what is in force, or policy_set_lockdown()). */
MUST_CHECK enum err policy_load(const struct policy_load *in, struct policy_loaded *ret);
void policy_loaded_free(struct policy_loaded *l);

/* Calls `fn` for each dictionary that the files name, so that the caller can read them and
 * give them as attachments. A file that does not parse names none. */
typedef void policy_path_fn(void *ctx, const char *path);
void policy_load_dictionaries(const struct policy_found *found, size_t n, policy_path_fn *fn,
			      void *ctx);

/* The key under which a file's serial is remembered: its id, and "user/ID" for a person's own
 * file, so that nobody can push up a number that an administrator's file must then beat. */
void policy_serial_key(const struct policy_file *f, char *out, size_t out_bytes);

#endif
