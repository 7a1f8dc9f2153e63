/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes get a score in its range, from the linear model and from the trained one. */
#include <math.h>
#include <stdlib.h>

#include "router/classify/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct classifier *c, const struct classify_input *in)
{
	struct classify_result r;

	classify(c, in, &r);
	if (!isfinite(r.score) || r.score < 0 || r.score > 1 || !isfinite(r.confidence) ||
	    r.confidence < 0 || r.confidence > 1 || r.n_reasons > CLASSIFY_REASONS_MAX ||
	    (unsigned)r.task >= CLASSIFY_TASK_COUNT || r.language == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct classifier *linear, *trained;
	char found[CLASSIFIER_PATH_BYTES];
	struct classify_input in = { .last_user = { (const char *)data, size }, .messages = 1 };

	if (trained == NULL) {
		if (classifier_open(NULL, &linear) != ERR_OK ||
		    classifier_open_default(&trained, found) != ERR_OK)
			abort();
	}
	if (size > 12) { /* the first bytes choose the rest of the request */
		in.history_bytes = (uint64_t)data[0] << (data[1] & 63);
		in.tools = data[2];
		in.attachments = data[3];
		in.tool_results = (data[4] & 1) != 0;
	}
	judge(linear, &in);
	judge(trained, &in);
	return 0;
}
