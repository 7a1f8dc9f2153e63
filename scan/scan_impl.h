/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of scan/ share.
 *
 * A run is one call of scan_text(). It looks at one or more views: the text itself, the text
 * with invisible characters removed and look-alikes folded, URL-decoded, a decoded base64
 * piece. Detectors report in offsets of their view; scan_found() translates to the text.
 */
#ifndef HITHER_SCAN_SCAN_IMPL_H
#define HITHER_SCAN_SCAN_IMPL_H

#include "scan/scan.h"
#include "scan/trie.h"

struct lexicon;
struct secret_regexes;
struct site;

/* Kinds of context words: what stands near a number says what the number is. */
enum context {
	CONTEXT_PHONE = 1 << 0,
	CONTEXT_CARD = 1 << 1,
	CONTEXT_NATIONAL = 1 << 2,
	CONTEXT_PASSPORT = 1 << 3,
	CONTEXT_LICENCE = 1 << 4,
	CONTEXT_TAX = 1 << 5,
	CONTEXT_ACCOUNT = 1 << 6,
	CONTEXT_BIRTH = 1 << 7,
	CONTEXT_HEALTH = 1 << 8,
	CONTEXT_POSTCODE = 1 << 9,
	CONTEXT_VEHICLE = 1 << 10,
	CONTEXT_ADDRESS = 1 << 11,
	CONTEXT_CODE = 1 << 12, /* a PIN, one-time code, CVV */
};

/* Detectors that are not rows of secret_formats. */
#define SCAN_DETECTOR_MAP(X)                                                                   \
	X(EMAIL, "email")                                                                      \
	X(PHONE, "phone")                                                                      \
	X(CARD, "card")                                                                        \
	X(IBAN, "iban")                                                                        \
	X(ACCOUNT, "account")                                                                  \
	X(CRYPTO_WALLET, "crypto-wallet")                                                      \
	X(NATIONAL_ID, "national-id")                                                          \
	X(TAX_ID, "tax-id")                                                                    \
	X(HEALTH_ID, "health-id")                                                              \
	X(PASSPORT, "passport")                                                                \
	X(LICENCE, "driving-licence")                                                          \
	X(VEHICLE, "vehicle-registration")                                                     \
	X(BIRTHDATE, "birthdate")                                                              \
	X(IP_ADDRESS, "ip-address")                                                            \
	X(MAC_ADDRESS, "mac-address")                                                          \
	X(POSTCODE, "postcode")                                                                \
	X(STREET, "street-address")                                                            \
	X(PLACE, "place")                                                                      \
	X(PERSON, "person")                                                                    \
	X(CONDITION, "health-condition")                                                       \
	X(MEDICATION, "medication")                                                            \
	X(PRIVILEGED, "privileged")                                                            \
	X(MINOR, "minor")                                                                      \
	X(SOURCE_CODE, "source-code")                                                          \
	X(CREDENTIALS_URL, "credentials-url")                                                  \
	X(PRIVATE_KEY, "private-key")                                                          \
	X(PASSWORD, "password")                                                                \
	X(ASSIGNED_SECRET, "assigned-secret")                                                  \
	X(BEARER, "authorization-header")                                                      \
	X(CURL_USER, "curl-user")                                                              \
	X(JWT, "jwt")                                                                          \
	X(AZURE_SECRET, "azure-client-secret")                                                 \
	X(DOTTED_TOKEN, "dotted-token")                                                        \
	X(CODE_NUMBER, "pin-or-code")

enum scan_detector {
#define X(id, name) DETECTOR_##id,
	SCAN_DETECTOR_MAP(X)
#undef X
		DETECTOR_FORMATS /* + row of secret_formats */
};

#define DETECTOR_SITE 0xffff /* a detector that the site added */

/* What a trie value means: kind in the high byte, index below. */
enum literal_kind { LITERAL_FORMAT, LITERAL_CONTEXT, LITERAL_TERM, LITERAL_LEAD };

/* Words that lead to a credential without '=': "password is …", "Bearer …", "curl -u …". */
enum scan_lead { LEAD_PASSWORD, LEAD_BEARER, LEAD_BASIC, LEAD_CURL };
#define LITERAL(kind, index) ((uint32_t)(kind) << 24 | (uint32_t)(index))

/* Strengths for overlaps: the stronger finding wins, then the longer, then the earlier. */
enum { STRENGTH_WEAK = 10, STRENGTH_LIKELY = 20, STRENGTH_SURE = 30, STRENGTH_CHECKED = 40 };

struct finding {
	size_t start, end;
	uint16_t category, detector;
	uint8_t strength;
};

struct context_hit {
	uint32_t start, end;
	uint32_t kinds;
};

struct scanner {
	struct trie *trie;
	struct lexicon *lexicon;
	struct secret_regexes *secrets;
	struct site *site; /* NULL without site categories */
};

struct scan_run {
	const struct scanner *scanner;
	const struct scan_budget *budget;
	struct span text;
	struct finding *findings;
	size_t count, cap;
	size_t view_bytes;   /* of all views but the text itself */
	uint64_t regex_us;   /* what the site's regexes took in all views */
	const char *unknown; /* why the result is not complete; NULL: it is */
	bool out_of_memory;
};

struct scan_view {
	struct scan_run *run;
	struct span text;
	const struct scan_view *parent; /* NULL: the text itself */
	const uint32_t *origin;         /* len + 1 offsets into the parent, or NULL: */
	size_t whole_start, whole_end;  /* everything is this part of the parent */
	bool folded;                    /* made by folding: nothing is left to fold */
	bool present[256];              /* which bytes occur at all */
	size_t trimmed_bytes;           /* without the white space around it */
	struct context_hit *contexts;   /* sorted by start */
	size_t context_count, context_cap;
};

/* What stands in the placeholder of a site category. */
const char *scanner_site_placeholder(const struct scanner *s, unsigned category);

/* As scan_text(); with `want` the spans are what must be masked for it: of those categories
 * only, and together where a site's finding overlaps a built-in one. */
enum err scan_wanted(const struct scanner *s, struct span text, const struct scan_set *want,
		     const struct scan_budget *budget, struct arena *a,
		     struct scan_result *ret);

void scan_found(struct scan_view *v, size_t start, size_t end, enum scan_category category,
		unsigned detector, unsigned strength);

/* The kinds of context words within `before` bytes before start and `after` bytes after end. */
uint32_t scan_context(const struct scan_view *v, size_t start, size_t end, size_t before,
		      size_t after);

/* Byte classes, ASCII only. */
static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool is_alpha(char c)
{
	return is_upper(c) || is_lower(c);
}

static inline bool is_alnum(char c)
{
	return is_alpha(c) || is_digit(c);
}

static inline bool is_word(char c)
{
	return is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline char to_lower(char c)
{
	return is_upper(c) ? (char)(c + 32) : c;
}

/* The byte at `i`, or NUL outside the text. i may be SIZE_MAX (one before the start). */
static inline char byte_at(struct span t, size_t i)
{
	return i < t.len ? t.ptr[i] : '\0';
}

/*
 * Whether a character of UTF-8 that begins with this byte belongs to a word beside it. Letters
 * up to U+1FFF do. Quotes, dashes, symbols and emoji do not, nor do Chinese, Japanese and
 * Korean signs: those scripts put no space between a word and a number or key.
 */
static inline bool is_word_lead(char c)
{
	return is_alnum(c) || c == '_' ||
	       ((unsigned char)c >= 0xc3 && (unsigned char)c <= 0xe1);
}

/* A word goes on with the character at `i`. */
static inline bool word_at(struct span t, size_t i)
{
	return is_word_lead(byte_at(t, i));
}

/* A word ends right before `i`. */
static inline bool word_before(struct span t, size_t i)
{
	size_t at = i - 1;

	for (unsigned n = 0; n < 3 && ((unsigned char)byte_at(t, at) & 0xc0) == 0x80; n++)
		at--;
	return is_word_lead(byte_at(t, at));
}

/* Past the character at `i`. */
static inline size_t next_char(struct span t, size_t i)
{
	for (i++; ((unsigned char)byte_at(t, i) & 0xc0) == 0x80;)
		i++;
	return i;
}

/* terms.c: the literals of context words and of terms; what happens at a hit. */
struct scan_term {
	const char *words;
	uint16_t category;
	uint16_t detector;
	uint8_t strength;
};
extern const struct scan_term scan_terms[];
extern const size_t scan_terms_count;

struct scan_context_words {
	uint32_t kinds;
	const char *words;
};
extern const struct scan_context_words scan_contexts[];
extern const size_t scan_contexts_count;

/* The detectors' entry points, each called once for a view. */
void scan_literals(struct scan_view *v); /* first: collects the contexts */
void scan_numbers(struct scan_view *v);
void scan_contacts(struct scan_view *v);
void scan_birthdays(struct scan_view *v);
void scan_prose(struct scan_view *v); /* people, addresses, places */
void scan_code(struct scan_view *v);
void scan_site(struct scan_view *v, const struct site *site);

#endif
