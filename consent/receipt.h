/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: the person's copy of a record, in sections. Modelled on ISO/IEC TS 27560:2023 as
 * the DPV guide (Final Community Group Report, 2024-08-01) publishes its field names, and on
 * the Kantara Consent Receipt 1.1; no conformance is claimed. Pure.
 */
#ifndef HITHER_CONSENT_RECEIPT_H
#define HITHER_CONSENT_RECEIPT_H

#include <stdbool.h>

#include "common/buf.h"
#include "consent/ledger.h"
#include "consent/record.h"

enum receipt_format { RECEIPT_OWN, RECEIPT_27560, RECEIPT_KANTARA };

/* "27560", "kantara"; NULL and "" are our own. False for any other word. */
bool receipt_format_from(const char *word, enum receipt_format *ret);

/* Does a record of this kind tell of a consent event? */
bool receipt_is_event(enum record_kind k);
/* "given", "refused", "timed_out", "withdrawn", … */
const char *receipt_decision(enum record_kind k);

/*
 * One receipt. `closed` is the record that ended the release and may be NULL; `hash` (hex) is
 * the record's place in the chain and may be NULL.
 */
void receipt_write(const struct record *r, const struct record *closed, const char *hash,
		   enum receipt_format format, struct buf *out);
/* The short form that lists show: id, time, app, destination, decision, bytes. */
void receipt_write_line(const struct record *r, struct buf *out);

#endif
