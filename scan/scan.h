/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sensitive in a text, masking it, and restoring what was masked in an answer. No I/O,
 * no globals; a scanner is immutable once built and may be shared by threads.
 *
 * The same text, scanner and budget always give the same result: budgets count bytes and
 * matching steps. Only regexes of the site are also held to a time; a text on which they run
 * over it is UNKNOWN.
 *
 * Categories are those of the policy language: "secret.api_key", "personal.name", … and
 * "company.*" or any other name that the site defines. Inside they are small numbers.
 */
#ifndef HITHER_SCAN_SCAN_H
#define HITHER_SCAN_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

/*            id                name                        placeholder   */
#define SCAN_CATEGORY_MAP(X)                                                                   \
	X(SECRET_API_KEY, "secret.api_key", "API_KEY")                                         \
	X(SECRET_PASSWORD, "secret.password", "PASSWORD")                                      \
	X(SECRET_PRIVATE_KEY, "secret.private_key", "PRIVATE_KEY")                             \
	X(SECRET_TOKEN, "secret.token", "TOKEN")                                               \
	X(PERSONAL_NAME, "personal.name", "NAME")                                              \
	X(PERSONAL_EMAIL, "personal.contact.email", "EMAIL")                                   \
	X(PERSONAL_PHONE, "personal.contact.phone", "PHONE")                                   \
	X(PERSONAL_ADDRESS, "personal.contact.address", "ADDRESS")                             \
	X(PERSONAL_NATIONAL, "personal.id.national", "ID")                                     \
	X(PERSONAL_PASSPORT, "personal.id.passport", "PASSPORT")                               \
	X(PERSONAL_BIRTHDATE, "personal.birthdate", "BIRTHDATE")                               \
	X(PERSONAL_LOCATION, "personal.location", "LOCATION")                                  \
	X(FINANCIAL_CARD, "financial.card", "CARD")                                            \
	X(FINANCIAL_IBAN, "financial.iban", "IBAN")                                            \
	X(FINANCIAL_ACCOUNT, "financial.account", "ACCOUNT")                                   \
	X(FINANCIAL_TAX, "financial.tax", "TAX_ID")                                            \
	X(HEALTH_CONDITION, "health.condition", "CONDITION")                                   \
	X(HEALTH_MEDICATION, "health.medication", "MEDICATION")                                \
	X(HEALTH_RECORD, "health.record", "RECORD")                                            \
	X(LEGAL_PRIVILEGED, "legal.privileged", "PRIVILEGED")                                  \
	X(SOURCE_CODE, "source_code", "CODE")                                                  \
	X(CREDENTIALS_URL, "credentials_url", "URL")                                           \
	X(MINOR, "minor", "MINOR")

enum scan_category {
#define X(id, name, placeholder) SCAN_##id,
	SCAN_CATEGORY_MAP(X)
#undef X
		SCAN_BUILTIN_CATEGORIES /* site-defined categories count on from here */
};

#define SCAN_CATEGORIES_MAX 128 /* built in and site-defined together */

/* ---- the scanner ---- */

enum scan_check { SCAN_CHECK_NONE, SCAN_CHECK_LUHN, SCAN_CHECK_MOD97 };

/*
 * One detector that the site adds. At least one of `regex`, `words` and `list` is
 * given. A name
 * that is built in adds to that category. Nothing of this is kept after scanner_new().
 */
struct scan_site_category {
	const char *name;         /* e.g. "company.project" */
	const char *regex;        /* PCRE2 with UTF and UCP, at most 1024 bytes; or NULL */
	const char *const *words; /* keywords: whole words or short phrases, case folded */
	size_t word_count;
	enum scan_check check; /* on the digits and letters of what matched */
	struct span list;      /* a dictionary: more of them, one a line; may be empty */
};

struct scanner; /* immutable once built */

struct scan_site_error {
	size_t index;  /* which site category */
	size_t offset; /* in its regex */
	char problem[120];
};

/*
 * Built-in detectors and the site's. Errors: ERR_SYNTAX (a bad regex or name; *reterr says
 * which), ERR_TOO_BIG (too many categories or words, a regex too long), ERR_NO_MEMORY.
 */
MUST_CHECK enum err scanner_new(const struct scan_site_category *site, size_t site_count,
				struct scanner **ret, struct scan_site_error *reterr);
void scanner_free(struct scanner *s); /* NULL is fine */

size_t scanner_categories(const struct scanner *s); /* how many, built in ones included */
const char *scanner_category_name(const struct scanner *s, unsigned category);
const char *scanner_detector_name(const struct scanner *s, unsigned detector);

/* ---- sets of categories ---- */

struct scan_set {
	uint64_t bits[SCAN_CATEGORIES_MAX / 64];
};

static inline void scan_set_add(struct scan_set *set, unsigned category)
{
	set->bits[category / 64] |= UINT64_C(1) << (category % 64);
}

static inline bool scan_set_has(const struct scan_set *set, unsigned category)
{
	return (set->bits[category / 64] >> (category % 64) & 1) != 0;
}

/*
 * Adds what a policy pattern covers: a name covers itself and everything below it, "a.*"
 * everything below "a", "*" everything. Returns how many categories were covered.
 */
size_t scan_set_add_pattern(struct scan_set *set, const struct scanner *s, const char *pattern);

/* ---- scanning ---- */

struct scan_budget {
	size_t max_bytes;     /* longer texts are UNKNOWN without being looked at */
	uint32_t max_spans;   /* more findings than this: UNKNOWN */
	uint32_t match_steps; /* PCRE2 match limit of a site regex where a match may begin */
	uint32_t regex_ms;    /* of a site regex for one view; of all of them together as often
				 as there are any, for all views */
};

extern const struct scan_budget scan_budget_default; /* 8 MiB, 20,000 spans, 100,000
						       steps, 250 ms */

enum scan_status {
	SCAN_COMPLETE,
	SCAN_UNKNOWN, /* over budget: the spans are not all; treat `data` as unknown */
};

struct scan_span {
	size_t start, end; /* bytes, end exclusive; start < end */
	uint16_t category;
	uint16_t detector;
};

struct scan_result {
	enum scan_status status;
	const char *why;         /* English, static; "" when complete */
	struct scan_span *spans; /* sorted, not overlapping; in the arena */
	size_t count;
	struct scan_set found; /* their categories, and of what a site's span covers */
};

/*
 * Looks at `text` (any bytes; UTF-8 expected). The result lives in `a` and refers to text
 * by offset only. ERR_NO_MEMORY, also when the arena's budget is out: treat as SCAN_UNKNOWN.
 */
MUST_CHECK enum err scan_text(const struct scanner *s, struct span text,
			      const struct scan_budget *budget, struct arena *a,
			      struct scan_result *ret);

/* ---- masking and restoring ---- */

/*
 * The placeholders of one request: "[EMAIL-1]", "[NAME-2]". The same value gets the same
 * placeholder in every text masked with the map. Holds the original values: wiped when freed.
 */
struct scan_map;

struct scan_map *scan_map_new(size_t max_entries); /* NULL when memory is out */
void scan_map_free(struct scan_map *m);            /* NULL is fine */
size_t scan_map_count(const struct scan_map *m);

/*
 * Appends `text` to `out` with every finding of the categories in `want` replaced. Scans
 * again until nothing of `want` is left, so a scan of the output is clean.
 * Errors: ERR_TOO_BIG (map or budget exhausted, out too small), ERR_NO_MEMORY, ERR_MISMATCH
 * (the text did not come clean). After an error `out` is as it was: do not send the text.
 */
MUST_CHECK enum err scan_mask(const struct scanner *s, struct span text,
			      const struct scan_set *want, const struct scan_budget *budget,
			      struct scan_map *m, struct buf *out);

/*
 * The same for the text of one JSON value (RFC 8259) that passed the gate: every string is
 * masked as what it says, without its escapes, and then the text as it stands. A number that is
 * found becomes a string. The result is the text of one JSON value; its strings and itself scan
 * clean. Errors as scan_mask(), and ERR_SYNTAX (no JSON).
 */
MUST_CHECK enum err scan_mask_json(const struct scanner *s, struct span text,
				   const struct scan_set *want,
				   const struct scan_budget *budget, struct scan_map *m,
				   struct buf *out);

/*
 * Appends `text` with every value of the map replaced where it stands as a word of its own:
 * what was recognized once is masked where its surroundings do not give it away too. Values
 * under SCAN_KNOWN_MIN_BYTES are left to the detectors.
 */
#define SCAN_KNOWN_MIN_BYTES 4
void scan_mask_known(const struct scan_map *m, struct span text, struct buf *out);
/* The same in the strings of a JSON text. ERR_SYNTAX, ERR_TOO_BIG. */
MUST_CHECK enum err scan_mask_known_json(const struct scan_map *m, struct span text,
					 struct buf *out);

/*
 * Streaming restore: feeds an answer piece by piece. At most SCAN_HOLD_BYTES are held back,
 * while they could still become a placeholder of the map. What the map does not know passes
 * unchanged. The map must outlive the restorer.
 */
#define SCAN_HOLD_BYTES 40

struct scan_restore {
	const struct scan_map *map;
	char held[SCAN_HOLD_BYTES];
	size_t held_len;
	bool changed; /* a placeholder was replaced */
	bool json;    /* the text is JSON: only inside its strings, values escaped */
	bool in_string, escaped;
};

void scan_restore_begin(struct scan_restore *r, const struct scan_map *m);
/* For the text of a JSON value, as the arguments of a call are: what was JSON stays JSON. */
void scan_restore_begin_json(struct scan_restore *r, const struct scan_map *m);
void scan_restore_feed(struct scan_restore *r, struct span piece, struct buf *out);
void scan_restore_end(struct scan_restore *r, struct buf *out); /* lets go of what is held */

#endif
