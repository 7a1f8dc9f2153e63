/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes over the same texts. The first finds and replaces, tools first and then message by
 * message, which is what keeps placeholders the same while a conversation grows. The second
 * replaces in the messages what the first one learned: a name that was recognized by "Dear …"
 * in one message is masked in another where it stands alone, and in the restored answer that
 * comes back as history.
 */
#include "router/mask.h"

/* One text, or the text of a JSON value. */
typedef bool text_change(struct masking *m, struct span *io, bool json);

static bool take(struct masking *m, struct buf *masked, bool ok, struct span *io)
{
	if (ok && !masked->failed && !span_equal(buf_span(masked), *io)) {
		*io = arena_span(m->arena, buf_span(masked));
		ok = io->ptr != NULL;
	}
	ok = ok && !masked->failed;
	if (masked->ptr != NULL)
		explicit_bzero(masked->ptr, masked->cap);
	buf_free(masked);
	return ok;
}

static bool find(struct masking *m, struct span *io, bool json)
{
	struct buf out;
	enum err e;

	if (io->len == 0)
		return true;
	buf_init(&out, io->len * 4 + 4096);
	e = json ? scan_mask_json(m->scanner, *io, &m->want, &scan_budget_default, m->map, &out)
		 : scan_mask(m->scanner, *io, &m->want, &scan_budget_default, m->map, &out);
	return take(m, &out, e == ERR_OK, io);
}

static bool repeat(struct masking *m, struct span *io, bool json)
{
	struct span before = *io;
	struct buf out;
	enum err e = ERR_OK;

	if (io->len == 0)
		return true;
	buf_init(&out, io->len * 8 + 4096);
	if (json)
		e = scan_mask_known_json(m->map, *io, &out);
	else
		scan_mask_known(m->map, *io, &out);
	if (!take(m, &out, e == ERR_OK, io))
		return false;
	return io->ptr == before.ptr || find(m, io, json);
}

/* ---------------------------------------------------------------- what there is */

static bool is_text(enum chat_part_kind kind)
{
	return kind == CHAT_PART_TEXT || kind == CHAT_PART_REASONING ||
	       kind == CHAT_PART_REFUSAL;
}

/* A signature holds for the text it was made over, and for no other. */
static bool each_part(struct masking *m, struct chat_part *p, text_change *change)
{
	const char *before = p->text.ptr;

	if (is_text(p->kind) && !change(m, &p->text, false))
		return false;
	if (p->text.ptr != before)
		p->signature = (struct span){ "", 0 };
	return change(m, &p->name, false);
}

static bool each_message(struct masking *m, const struct chat *c, text_change *change)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < c->n_messages; i++) {
		struct chat_message *one = &c->messages[i];

		for (uint32_t k = 0; ok && k < one->n_parts; k++)
			ok = each_part(m, &one->parts[k], change);
		for (uint32_t k = 0; ok && k < one->n_calls; k++)
			ok = change(m, &one->calls[k].arguments, true);
		ok = ok && change(m, &one->name, false);
	}
	return ok;
}

static bool find_in_the_rest(struct masking *m, struct chat *io)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < io->n_tools; i++)
		ok = find(m, &io->tools[i].description, false) &&
		     find(m, &io->tools[i].schema, true);
	ok = ok && find(m, &io->format_description, false) && find(m, &io->format_schema, true);
	for (uint32_t i = 0; ok && i < io->n_stop; i++)
		ok = find(m, &io->stop[i], false);
	return ok;
}

/* ---------------------------------------------------------------- the copy */

static bool copy(struct arena *a, void *list, size_t n, size_t bytes, void *ret)
{
	void *mine = arena_array(a, n, bytes);

	if (mine == NULL)
		return false;
	if (n > 0)
		memcpy(mine, list, n * bytes);
	memcpy(ret, &mine, sizeof mine);
	return true;
}

static bool copy_lists(struct arena *a, struct chat *io)
{
	bool ok = copy(a, io->messages, io->n_messages, sizeof *io->messages, &io->messages) &&
		  copy(a, io->tools, io->n_tools, sizeof *io->tools, &io->tools) &&
		  copy(a, io->stop, io->n_stop, sizeof *io->stop, &io->stop);

	for (uint32_t i = 0; ok && i < io->n_messages; i++) {
		struct chat_message *m = &io->messages[i];

		ok = copy(a, m->parts, m->n_parts, sizeof *m->parts, &m->parts) &&
		     copy(a, m->calls, m->n_calls, sizeof *m->calls, &m->calls);
	}
	return ok;
}

bool mask_chat(struct masking *m, struct chat *io, bool *ret_any)
{
	if (!copy_lists(m->arena, io))
		return false;
	if (!find_in_the_rest(m, io) || !each_message(m, io, find))
		return false;
	*ret_any = scan_map_count(m->map) > 0;
	return !*ret_any || each_message(m, io, repeat);
}
