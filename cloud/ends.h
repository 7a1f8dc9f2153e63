/* SPDX-License-Identifier: Apache-2.0 */
/* How an exchange ended, in the words of the account and of the ERROR event. Pure. */
#ifndef HITHER_CLOUD_ENDS_H
#define HITHER_CLOUD_ENDS_H

#include "cloud/fetch.h"
#include "ipc/msg.h"

struct ending {
	enum send_outcome outcome; /* SEND_CUT instead where an answer had begun */
	int status;                /* as HTTP says it */
	const char *code, *text;
};

const struct ending *ending_of(enum fetch_end end);

#endif
