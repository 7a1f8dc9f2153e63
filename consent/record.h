/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of the ledger: what happened, to whom, with which bytes; never the text itself.
 *
 * Canonical form: one JSON object without blanks. First `v`, `seq`, `time_ms`, `boot_ms`,
 * `kind`, `id`, `ref`, always in this order; then the fields of RECORD_FIELDS that have a
 * value, in the order of the table. Integers only, strings escaped as RFC 8259 section 7
 * (json_put_string). The hash of a record is SHA-256(hash of the one before || canonical form),
 * the first one's predecessor being 32 zero bytes: a dozen lines of any language verify it.
 *
 * Field names follow the sections of ISO/IEC TS 27560 as the DPV guide (2024-08-01) publishes
 * them, flattened; receipt.h puts them back into sections.
 */
#ifndef HITHER_CONSENT_RECORD_H
#define HITHER_CONSENT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/text.h"

#define RECORD_VERSION   1
#define RECORD_ABSENT    INT64_MIN /* a number that has no value */
#define RECORD_MAX_BYTES 32768     /* of one canonical form */

/* name in the file; what it says */
#define RECORD_KINDS(X)                                                                        \
	X(START, "start", "consent came up: which policy is in force, which key seals")        \
	X(INTENT, "intent", "a request asked to leave the device")                             \
	X(APPROVED, "approved", "the person said yes; scope and mode say how far")             \
	X(GRANTED, "granted", "exactly these bytes were released to that destination")         \
	X(CLOSED, "closed", "that release ended: outcome, bytes, tokens, cost")                \
	X(RETRIED, "retried", "an attempt came to nothing; the same bytes go there once more") \
	X(REFUSED, "refused", "the person said no")                                            \
	X(TIMED_OUT, "timed_out", "nobody answered in time")                                   \
	X(NO_AGENT, "no_agent", "nobody was there to be asked")                                \
	X(DISMISSED, "dismissed", "closed without an answer: not now")                         \
	X(WITHDRAWN, "withdrawn", "the question was taken back: policy, client gone, restart") \
	X(DENIED, "denied", "policy said no on consent's own evaluation")                      \
	X(LIMITED, "limited", "not asked: too many questions, or already answered no")         \
	X(OVER_BUDGET, "over_budget", "a budget would have been exceeded")                     \
	X(REVOKED, "revoked", "a permission or a remembered no was taken back")                \
	X(DECIDED, "decided", "a request was answered or refused without leaving the device")  \
	X(POLICY, "policy", "another policy came into force")                                  \
	X(PRUNED, "pruned", "older records were removed; the chain starts after `upto`")       \
	X(ACKNOWLEDGED, "acknowledged",                                                        \
	  "a person saw that the ledger was damaged and went on")                              \
	X(TAINTED, "tainted",                                                                  \
	  "a conversation held data that policy keeps here: its later turns stay")

enum record_kind {
#define X(name, text, meaning) RECORD_##name,
	RECORD_KINDS(X)
#undef X
		RECORD_KIND_COUNT
};

/* X(TEXT | NUMBER | JSON, name, what it says). JSON: compact text of one value. */
#define RECORD_FIELDS(X)                                                                       \
	X(TEXT, subject, "the person: keyed digest of user and machine, not a name")           \
	X(NUMBER, uid, "user id of the asking program")                                        \
	X(TEXT, session, "login session the permission is bound to")                           \
	X(TEXT, app, "who asked")                                                              \
	X(TEXT, identity, "how well that is known: claimed, socket, attested, …")              \
	X(TEXT, decision_id, "x-hither-decision of the request")                               \
	X(TEXT, question, "the question put to the person")                                    \
	X(TEXT, conversation, "digest that names the conversation")                            \
	X(TEXT, destination, "name in the policy")                                             \
	X(TEXT, tier, "device, trusted, cloud")                                                \
	X(TEXT, operator_name, "recipient")                                                    \
	X(TEXT, region, "where it is processed")                                               \
	X(TEXT, address, "base_url: where it is sent")                                         \
	X(TEXT, model, "model asked for")                                                      \
	X(NUMBER, retention_days, "how long the recipient keeps text; absent: unknown")        \
	X(TEXT, trains, "does the recipient train on it: yes, no, unknown")                    \
	X(TEXT, privacy_url, "the recipient's notice")                                         \
	X(TEXT, task, "purpose, from the classifier")                                          \
	X(NUMBER, score_pm, "difficulty, per mille")                                           \
	X(NUMBER, confidence_pm, "of the score, per mille")                                    \
	X(NUMBER, threshold_pm, "limit the score was held against")                            \
	X(NUMBER, input_tokens, "estimate before sending")                                     \
	X(NUMBER, max_output_tokens, "cap in the body")                                        \
	X(NUMBER, modality, "bit set: 1 text, 2 image, 4 audio, 8 file")                       \
	X(NUMBER, tools, "1: the request declared tools")                                      \
	X(NUMBER, interactive, "0 no, 1 yes, 2 unknown")                                       \
	X(NUMBER, max_tier, "the app's own ceiling")                                           \
	X(JSON, device,                                                                        \
	  "{power,battery_pct,network,thermal,locked,vpn} as the policy saw them")             \
	X(NUMBER, messages, "how many messages")                                               \
	X(NUMBER, attachments, "how many attachments")                                         \
	X(JSON, categories, "[{name,count,masked}] of what was found")                         \
	X(NUMBER, categories_known, "0: the scan did not finish")                              \
	X(TEXT, digest, "sha256:HEX of the bytes (hmac-sha256:HEX when content is `none`)")    \
	X(NUMBER, bytes, "their length")                                                       \
	X(TEXT, mode, "redacted or as_is")                                                     \
	X(TEXT, scope, "once, session, until, always")                                         \
	X(NUMBER, until_ms, "end of the permission, Unix milliseconds")                        \
	X(TEXT, basis, "what permits it: approval ID, grant ID, rules")                        \
	X(TEXT, permission, "the permission or remembered no concerned: g-SEQ, n-SEQ")         \
	X(TEXT, rules, "rule ids that decided, comma separated")                               \
	X(TEXT, policy_id, "of the file of highest authority")                                 \
	X(NUMBER, policy_serial, "its serial")                                                 \
	X(TEXT, policy_sha256, "of the whole policy in force")                                 \
	X(JSON, serials, "{id: serial} of every file that has one")                            \
	X(TEXT, agent, "who carried the answer: terminal, desktop, web, …")                    \
	X(NUMBER, agent_pid, "its process")                                                    \
	X(TEXT, notice_version, "of the screen's wording")                                     \
	X(TEXT, notice_sha256, "of the question as it was given to the agent")                 \
	X(TEXT, reason, "the person's words, or the cause")                                    \
	X(TEXT, currency, "ISO 4217")                                                          \
	X(NUMBER, cost_estimate_nano, "10^-9 of the currency")                                 \
	X(NUMBER, cost_bound_nano, "reserved: upper bound")                                    \
	X(NUMBER, cost_nano, "settled; absent: unknown, the bound stays reserved")             \
	X(NUMBER, tokens_bound, "reserved: upper bound of input and output together")          \
	X(TEXT, outcome, "how it ended")                                                       \
	X(NUMBER, http_status, "of the recipient's reply")                                     \
	X(NUMBER, bytes_out, "request bytes written")                                          \
	X(NUMBER, bytes_in, "reply bytes read")                                                \
	X(NUMBER, tokens_in, "as the recipient counted")                                       \
	X(NUMBER, tokens_out, "as the recipient counted")                                      \
	X(NUMBER, tokens_cached, "as the recipient counted")                                   \
	X(NUMBER, elapsed_ms, "from release to end")                                           \
	X(NUMBER, count, "how many events this record stands for")                             \
	X(JSON, decisions, "[{…}] of as many requests: what each has differently from here")   \
	X(TEXT, key_id, "of the sealing key")                                                  \
	X(NUMBER, upto, "last record concerned")                                               \
	X(TEXT, hash, "hex, of the record or content concerned")                               \
	X(TEXT, detail, "for people")

#define RECORD_C_TEXT   const char *
#define RECORD_C_JSON   const char *
#define RECORD_C_NUMBER int64_t

/* Strings are borrowed; NULL or RECORD_ABSENT: no value. Start from record_init(). */
struct record {
	uint64_t seq;     /* set by the ledger */
	int64_t time_ms;  /* Unix; set by the ledger when 0 */
	uint64_t boot_ms; /* CLOCK_BOOTTIME; set by the ledger when 0 */
	enum record_kind kind;
	char id[TEXT_ULID_BYTES];  /* made by the ledger when empty */
	char ref[TEXT_ULID_BYTES]; /* the record this one belongs to; may be empty */
#define X(type, name, text) RECORD_C_##type name;
	RECORD_FIELDS(X)
#undef X
};

void record_init(struct record *r, enum record_kind kind);
const char *record_kind_name(enum record_kind k);
bool record_kind_from(struct span name, enum record_kind *ret);

/* The fixed beginning of the canonical form, without the closing brace. */
void record_write_head(const struct record *r, struct buf *out);
/* The rest: `,"name":value` for each field that has a value, and the closing brace. */
void record_write_fields(const struct record *r, struct buf *out);
/* Head and fields. out->failed when it is over the buffer's cap. */
void record_write(const struct record *r, struct buf *out);

/* {"time_ms":…} and each field in which `r` differs from `base`; null: it has none. */
void record_write_difference(const struct record *base, const struct record *r,
			     struct buf *out);
/*
 * A `decided` record may stand for several requests. Calls `each` for every one, as if it had a
 * record of its own, or once with `r` itself; ends early when `each` says false. Strings live
 * in `a`. ERR_SYNTAX, ERR_NO_MEMORY.
 */
typedef bool record_fn(void *ctx, const struct record *r);
MUST_CHECK enum err record_each(const struct record *r, struct arena *a, record_fn *each,
				void *ctx);

/*
 * Canonical form (or any JSON object with these keys) to struct; strings live in `a`, unknown
 * keys are skipped. ERR_SYNTAX, ERR_UNSUPPORTED (a newer version), ERR_NO_MEMORY.
 */
MUST_CHECK enum err record_read(struct span body, struct arena *a, struct record *ret);

#endif
