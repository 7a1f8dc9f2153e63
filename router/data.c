/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensitive data: finding it for the facts, having it masked (mask.c) in what is to leave.
 * Attachments are not looked into, so a request that has any has unknown data.
 *
 * Invariant: data_known is true only when every text of the request was scanned to its end.
 */
#include "common/log.h"
#include "proc/detectors.h"
#include "router/impl.h"

#define MASKS_MAX 4096

static struct scanner *build(const struct policy_set *set)
{
	struct detectors_error error;
	struct scanner *s = NULL;
	bool whole = false;

	if (detectors_new(set, &s, &whole, &error) != ERR_OK)
		return NULL;
	if (whole)
		return s;
	scanner_free(s); /* without one of its detectors nothing is known */
	return NULL;
}

struct scanner *data_scanner(struct router *r)
{
	if (!r->scanner_due)
		return r->scanner;
	r->scanner_due = false;
	r->scanner = build(r->set);
	if (r->scanner == NULL)
		log_error("router.scanner", "not built: all data counts as unknown");
	return r->scanner;
}

/* ---------------------------------------------------------------- finding */

static bool scan_one(struct request *q, struct span text, uint32_t *counts)
{
	struct scan_result result;

	if (text.len == 0)
		return true;
	if (scan_text(q->router->scanner, text, &scan_budget_default, q->arena, &result) !=
		    ERR_OK ||
	    result.status != SCAN_COMPLETE)
		return false;
	uint32_t here[SCAN_CATEGORIES_MAX] = { 0 };
	for (size_t i = 0; i < result.count; i++)
		here[result.spans[i].category]++;
	for (unsigned i = 0; i < SCAN_CATEGORIES_MAX; i++) {
		if (here[i] == 0 && scan_set_has(&result.found, i))
			here[i] = 1; /* a site's finding lies over it */
		counts[i] += here[i];
	}
	return true;
}

static bool scan_message(struct request *q, const struct chat_message *m, uint32_t *counts)
{
	for (uint32_t i = 0; i < m->n_parts; i++) {
		if (!scan_one(q, m->parts[i].text, counts))
			return false;
	}
	for (uint32_t i = 0; i < m->n_calls; i++) {
		if (!scan_one(q, m->calls[i].arguments, counts))
			return false;
	}
	return scan_one(q, m->name, counts);
}

static bool scan_tools(struct request *q, uint32_t *counts)
{
	for (uint32_t i = 0; i < q->chat.n_tools; i++) {
		const struct chat_tool *t = &q->chat.tools[i];

		if (!scan_one(q, t->description, counts) || !scan_one(q, t->schema, counts))
			return false;
	}
	for (uint32_t i = 0; i < q->chat.n_stop; i++) {
		if (!scan_one(q, q->chat.stop[i], counts))
			return false;
	}
	return scan_one(q, q->chat.format_schema, counts) &&
	       scan_one(q, q->chat.format_description, counts);
}

/* The request keeps the name: the scanner may be replaced while a question is open. */
static bool note(struct request *q, const char *category, uint32_t count)
{
	struct facts *f = &q->facts;
	char *name = arena_strdup(q->arena, span_of(category));

	if (name == NULL)
		return false;
	f->categories[f->n_categories++] = (struct category_count){ name, count };
	return true;
}

void data_scan(struct request *q)
{
	const struct chat *c = &q->chat;
	struct facts *f = &q->facts;

	f->scanned = true;
	if (data_scanner(q->router) == NULL || c->images + c->audios + c->files > 0)
		return;
	uint32_t *counts = arena_array(q->arena, SCAN_CATEGORIES_MAX, sizeof *counts);
	f->categories = arena_array(q->arena, SCAN_CATEGORIES_MAX, sizeof *f->categories);
	if (counts == NULL || f->categories == NULL)
		return;
	for (uint32_t i = 0; i < c->n_messages; i++) {
		if (!scan_message(q, &c->messages[i], counts))
			return;
	}
	if (!scan_tools(q, counts))
		return;
	for (unsigned i = 0; i < scanner_categories(q->router->scanner); i++) {
		if (counts[i] > 0 &&
		    !note(q, scanner_category_name(q->router->scanner, i), counts[i]))
			return;
	}
	f->data_known = true;
}

/* ---------------------------------------------------------------- stripping, masking */

static bool stripped_part(enum chat_part_kind kind, unsigned strip)
{
	if (kind == CHAT_PART_IMAGE)
		return (strip & (POLICY_STRIP_IMAGES | POLICY_STRIP_ATTACHMENTS)) != 0;
	return (kind == CHAT_PART_AUDIO || kind == CHAT_PART_FILE) &&
	       (strip & POLICY_STRIP_ATTACHMENTS) != 0;
}

static bool strip_all(struct request *q, unsigned strip, struct chat *io)
{
	uint32_t n = 0;

	if ((strip & POLICY_STRIP_TOOLS) != 0) {
		io->n_tools = 0;
		io->tool_choice = CHAT_TOOLS_AUTO;
	}
	for (uint32_t i = 0; i < io->n_messages; i++) {
		struct chat_message m = io->messages[i];
		struct chat_part *parts = arena_array(q->arena, m.n_parts, sizeof *parts);
		uint32_t kept = 0;

		if (parts == NULL)
			return false;
		if (m.role == CHAT_SYSTEM && (strip & POLICY_STRIP_SYSTEM_PROMPT) != 0)
			continue;
		for (uint32_t k = 0; k < m.n_parts; k++) {
			if (!stripped_part(m.parts[k].kind, strip))
				parts[kept++] = m.parts[k];
		}
		if ((strip & POLICY_STRIP_METADATA) != 0)
			m.name = (struct span){ "", 0 };
		m.parts = parts;
		m.n_parts = kept;
		io->messages[n++] = m;
	}
	io->n_messages = n;
	return true;
}

bool data_mask(struct request *q, const struct policy_decision *d, struct chat *ret,
	       bool *ret_masked)
{
	struct masking m = { .scanner = data_scanner(q->router), .arena = q->arena };
	struct chat_message *messages =
		arena_array(q->arena, q->chat.n_messages, sizeof *messages);

	if (messages == NULL)
		return false;
	*ret = q->chat;
	for (uint32_t i = 0; i < q->chat.n_messages; i++)
		messages[i] = q->chat.messages[i];
	ret->messages = messages;
	*ret_masked = false;
	if (d->strip != 0 && !strip_all(q, d->strip, ret))
		return false;
	if (d->n_redact == 0)
		return true;
	if (data_scanner(q->router) == NULL)
		return false; /* an obligation that cannot be carried out forbids the sending */
	for (size_t i = 0; i < d->n_redact; i++)
		scan_set_add_pattern(&m.want, q->router->scanner, d->redact[i]);
	if (q->masks == NULL && (q->masks = scan_map_new(MASKS_MAX)) == NULL)
		return false;
	m.map = q->masks;
	return mask_chat(&m, ret, ret_masked);
}

/* "personal.name=2,personal.contact.email=1": what of the found data the policy masks. */
void data_masked_list(const struct request *q, const struct policy_decision *d, char *out,
		      size_t cap)
{
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < q->facts.n_categories; i++) {
		const struct category_count *c = &q->facts.categories[i];

		for (size_t k = 0; k < d->n_redact; k++) {
			if (!policy_category_matches(span_of(d->redact[k]), span_of(c->name)))
				continue;
			int n = snprintf(out + len, cap - len, "%s%s=%u", len > 0 ? "," : "",
					 c->name, c->count);
			if (n < 0 || (size_t)n >= cap - len) {
				out[len] = '\0';
				return;
			}
			len += (size_t)n;
			break;
		}
	}
}
