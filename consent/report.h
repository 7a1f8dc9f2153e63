/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What left this device: releases of the ledger added up by day, app, destination and data
 * category, with bytes and cost. Unknown use is counted as unknown, never as zero.
 */
#ifndef HITHER_CONSENT_REPORT_H
#define HITHER_CONSENT_REPORT_H

#include "common/buf.h"
#include "common/err.h"
#include "consent/ledger.h"

/*
 * `since_ms`, `until_ms`: Unix milliseconds, until 0 for now. Appends
 * {"schema":"hither.report/1","since","until","totals":{…},"days":[…],"apps":[…],
 *  "destinations":[…],"categories":[…]}; each row has "name", "sends", "bytes" and "unknown"
 * (sends whose bytes are not known), days and destinations also "cost":[{"currency","amount",
 * "reserved"}]. Totals name requests answered on the device as "kept".
 * Errors as ledger_each(); ERR_NO_MEMORY.
 */
MUST_CHECK enum err report_write(struct ledger *l, int64_t since_ms, int64_t until_ms,
				 struct buf *out);

#endif
