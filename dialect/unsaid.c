/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which field of a chat an upstream's API has no words for. Writers only say that something is
 * in the way (ERR_UNSUPPORTED); here one field after another is left out until they can write,
 * so that there is no second list of what each vendor lacks.
 */
#include "dialect/dialect.h"

static void no_stop(struct chat *c)
{
	c->n_stop = 0;
}

static void no_frequency_penalty(struct chat *c)
{
	c->has_frequency_penalty = false;
}

static void no_presence_penalty(struct chat *c)
{
	c->has_presence_penalty = false;
}

static void no_format(struct chat *c)
{
	c->format = CHAT_FORMAT_TEXT;
}

static void no_tool_choice(struct chat *c)
{
	c->tool_choice = CHAT_TOOLS_AUTO;
}

static void no_parallel_tools(struct chat *c)
{
	c->has_parallel_tools = false;
}

static void no_max_tokens(struct chat *c)
{
	c->max_tokens = 0;
}

static const struct {
	const char *name;
	void (*leave_out)(struct chat *c);
} fields[] = {
	{ "stop", no_stop },
	{ "frequency_penalty", no_frequency_penalty },
	{ "presence_penalty", no_presence_penalty },
	{ "response_format", no_format },
	{ "tool_choice", no_tool_choice },
	{ "parallel_tool_calls", no_parallel_tools },
	{ "max_tokens", no_max_tokens },
};

static bool can_say(const struct upstream_dialect *d, const struct chat *c, const char *model)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	bool can = d->write(c, model, &out) != ERR_UNSUPPORTED;
	buf_free(&out);
	return can;
}

const char *upstream_unsaid(const struct upstream_dialect *d, const struct chat *c,
			    const char *model)
{
	struct chat less = *c;

	if (can_say(d, c, model))
		return NULL;
	/* Several may be in the way: the one whose absence ends it is named, then the next. */
	for (size_t i = 0; i < LEN(fields); i++) {
		fields[i].leave_out(&less);
		if (can_say(d, &less, model))
			return fields[i].name;
	}
	return "messages";
}
