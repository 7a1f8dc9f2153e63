/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout. The order of a question is who, where to, why not here, what exactly, what was found,
 * cost, how long. Both answers weigh the same: same size, same colour; focus starts on keeping
 * it here. Time is told in words once, there is no countdown.
 */
#include "consent/page_view.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "consent/visible.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>";

const char page_style[] =
	":root{color-scheme:light dark}"
	"body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:46rem;"
	"color:#111;background:#fff;overflow-wrap:anywhere}"
	"h1{font-size:1.3rem}h2{font-size:1.05rem;margin:1.2rem 0 .3rem}"
	"pre{white-space:pre-wrap;border:1px solid "
	"#555;padding:.6rem;max-height:22rem;overflow:auto}"
	"dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.2rem "
	"1rem;margin:0}"
	"dt{font-weight:600}dd{margin:0}"
	"button,a.button{font:inherit;display:block;width:100%;padding:.7rem;margin:.4rem 0;"
	"border:2px solid "
	"#333;border-radius:.3rem;background:#eee;color:#111;text-align:center}"
	"button:focus,a:focus,pre:focus{outline:3px solid #0645ad;outline-offset:2px}"
	"a{color:#0645ad}"
	"@media(max-width:26rem){dl{grid-template-columns:1fr}}"
	"@media(prefers-color-scheme:dark){body{color:#eee;background:#111}"
	"button,a.button{background:#333;color:#eee;border-color:#ccc}a{color:#9cf}"
	"button:focus,a:focus,pre:focus{outline-color:#9cf}}"
	"@media(prefers-contrast:more){button,a.button,pre{border-width:3px;border-color:"
	"currentColor}}";

static const char head_end[] =
	"</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body>";

static const char foot[] = "</body></html>\n";

void page_put_text(struct buf *out, struct span text)
{
	struct buf plain;

	buf_init(&plain, out->max);
	visible_write(text, &plain);
	if (plain.failed)
		out->failed = true;
	for (size_t i = 0; i < plain.len; i++) {
		switch (plain.ptr[i]) {
		case '&':
			buf_add_str(out, "&amp;");
			break;
		case '<':
			buf_add_str(out, "&lt;");
			break;
		case '>':
			buf_add_str(out, "&gt;");
			break;
		case '"':
			buf_add_str(out, "&quot;");
			break;
		case '\'':
			buf_add_str(out, "&#39;");
			break;
		default:
			buf_add_char(out, plain.ptr[i]);
		}
	}
	buf_free(&plain);
}

static void put(struct buf *out, const char *text)
{
	page_put_text(out, span_of(text));
}

static const char *text_of(const cJSON *q, const char *key, const char *otherwise)
{
	const char *v = json_get_string(q, key);

	return v != NULL && v[0] != '\0' ? v : otherwise;
}

static void begin(struct buf *out, const char *title)
{
	buf_add_str(out, head);
	put(out, title);
	buf_add_str(out, head_end);
}

static void row(struct buf *out, const char *name, const char *value)
{
	buf_add_str(out, "<dt>");
	put(out, name);
	buf_add_str(out, "</dt><dd>");
	put(out, value);
	buf_add_str(out, "</dd>");
}

void page_write_note(const char *title, const char *text, const char *link,
		     const char *link_text, struct buf *out)
{
	begin(out, title);
	buf_add_str(out, "<main><h1>");
	put(out, title);
	buf_add_str(out, "</h1><p role=\"status\">");
	put(out, text);
	buf_add_str(out, "</p>");
	if (link[0] != '\0') {
		buf_add_str(out, "<p><a href=\"");
		put(out, link);
		buf_add_str(out, "\">");
		put(out, link_text);
		buf_add_str(out, "</a></p>");
	}
	buf_add_str(out, "</main>");
	buf_add_str(out, foot);
}

void page_write_start(const char *token, struct buf *out)
{
	begin(out, "hither: questions");
	buf_add_str(out, "<main><h1>Questions about what may leave this device</h1>"
			 "<p>This link works once, on this computer only.</p>"
			 "<form method=\"post\" action=\"/start\"><input type=\"hidden\" "
			 "name=\"t\" value=\"");
	put(out, token);
	buf_add_str(out, "\"><button autofocus>Show the questions</button></form></main>");
	buf_add_str(out, foot);
}

void page_write_list(const cJSON *consents, struct buf *out)
{
	const cJSON *q;
	unsigned n = 0;

	begin(out, "hither: open questions");
	buf_add_str(out, "<main><h1>Open questions</h1><ul>");
	cJSON_ArrayForEach (q, json_get_array(consents, "consents")) {
		buf_add_str(out, "<li><a href=\"/q/");
		put(out, text_of(q, "id", ""));
		buf_add_str(out, "\">");
		put(out, text_of(q, "app", "A program that did not say its name"));
		buf_add_str(out, " asks to use ");
		put(out, text_of(q, "destination", "?"));
		buf_add_str(out, "</a></li>");
		n++;
	}
	buf_add_str(out, n == 0 ? "</ul><p>Nothing is asked at the moment.</p>" : "</ul>");
	buf_add_str(out, "<p><a href=\"/\">Look again</a></p></main>");
	buf_add_str(out, foot);
}

/* --- one question -------------------------------------------------------------------- */

static void write_where(const cJSON *q, struct buf *out)
{
	char keeps[120] = "how long it keeps text is unknown";
	double days;
	bool trains;

	if (json_get_number(q, "retention_days", &days))
		snprintf(keeps, sizeof keeps,
			 days <= 0 ? "keeps no text" : "keeps text %.0f days", days);
	buf_add_str(out, "<h2>Where to</h2><dl>");
	row(out, "Operator", text_of(q, "operator", "unknown"));
	row(out, "Region", text_of(q, "region", "unknown"));
	row(out, "Model", text_of(q, "model", "unknown"));
	row(out, "Retention", keeps);
	row(out, "Training",
	    !json_get_bool(q, "trains", &trains) ? "whether it trains on your text is unknown"
	    : trains                             ? "trains on your text"
						 : "does not train on your text");
	if (json_get_string(q, "proxy") != NULL)
		row(out, "Proxy", json_get_string(q, "proxy"));
	buf_add_str(out, "</dl>");
}

static void write_text(const char *title, const char *id, const char *text, struct buf *out)
{
	buf_add_str(out, "<h2 id=\"");
	put(out, id);
	buf_add_str(out, "\">");
	put(out, title);
	buf_add_str(out,
		    "</h2><pre tabindex=\"0\" role=\"region\" dir=\"auto\" aria-labelledby=\"");
	put(out, id);
	buf_add_str(out, "\">");
	put(out, text);
	buf_add_str(out, "</pre>");
}

static void write_what(const cJSON *q, struct buf *out)
{
	double messages = 0, attachments = 0, bytes = 0;
	char line[160];

	json_get_number(q, "messages", &messages);
	json_get_number(q, "attachments", &attachments);
	json_get_number(q, "bytes", &bytes);
	snprintf(line, sizeof line, "Messages: %.0f. Attachments: %.0f. Bytes in all: %.0f.",
		 messages, attachments, bytes);
	write_text("Exactly this would be sent", "sent", text_of(q, "body", ""), out);
	buf_add_str(out, "<p>");
	put(out, line);
	buf_add_str(out, "</p>");
	if (json_get_string(q, "original") != NULL)
		write_text("The original, before masking", "original",
			   json_get_string(q, "original"), out);
}

static void write_found(const cJSON *q, struct buf *out)
{
	const cJSON *c;
	unsigned n = 0;

	buf_add_str(out, "<h2>What was found in it</h2><ul>");
	cJSON_ArrayForEach (c, json_get_array(q, "categories")) {
		double count = 0;
		bool masked = false;
		char tail[80];

		json_get_number(c, "count", &count);
		json_get_bool(c, "masked", &masked);
		snprintf(tail, sizeof tail, ", %.0f time%s: %s", count, count == 1 ? "" : "s",
			 masked ? "masked" : "NOT masked");
		buf_add_str(out, "<li>");
		put(out, text_of(c, "name", "?"));
		put(out, tail);
		buf_add_str(out, "</li>");
		n++;
	}
	buf_add_str(out, n == 0 ? "<li>nothing that looks sensitive</li></ul>" : "</ul>");
}

static void write_cost(const cJSON *q, struct buf *out)
{
	const cJSON *price = json_get_object(q, "price"),
		    *left = json_get_object(q, "budget_left");
	double estimate = 0, bound = 0, amount = 0;
	char line[200] = "unknown";

	if (json_get_number(price, "estimate", &estimate) &&
	    json_get_number(price, "upper_bound", &bound))
		snprintf(line, sizeof line, "about %.4f, at most %.4f %s", estimate, bound,
			 text_of(price, "currency", ""));
	buf_add_str(out, "<h2>Cost</h2><p>");
	put(out, line);
	if (json_get_number(left, "amount", &amount)) {
		snprintf(line, sizeof line, "; %.2f %s left of the budget", amount,
			 text_of(left, "currency", ""));
		put(out, line);
	}
	buf_add_str(out, "</p>");
}

static bool offers(const cJSON *q, const char *list, const char *word)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_get_array(q, list))
		if (cJSON_GetStringValue(item) != NULL &&
		    strcmp(cJSON_GetStringValue(item), word) == 0)
			return true;
	return false;
}

static void button(struct buf *out, const char *value, const char *text, bool focus)
{
	buf_printf(out, "<button name=\"choice\" value=\"%s\"%s>", value,
		   focus ? " autofocus" : "");
	put(out, text);
	buf_add_str(out, "</button>");
}

static void write_form(const cJSON *q, struct buf *out)
{
	bool masked = json_get_string(q, "original") != NULL;

	buf_add_str(out, "<h2>Your answer</h2><form method=\"post\" action=\"/q/");
	put(out, text_of(q, "id", ""));
	buf_add_str(out, "\"><input type=\"hidden\" name=\"nonce\" value=\"");
	put(out, text_of(q, "nonce", ""));
	buf_add_str(out, "\"><input type=\"hidden\" name=\"digest\" value=\"");
	put(out, text_of(q, "digest", ""));
	buf_add_str(out, "\">");
	button(out, "keep", "Keep it on this device", true);
	if (offers(q, "modes", "redacted"))
		button(out, "once", masked ? "Send it masked, once" : "Send it, once", false);
	if (offers(q, "modes", "redacted") && offers(q, "scopes", "session"))
		button(out, "session",
		       masked ? "Send masked, for this session" : "Send, for this session",
		       false);
	if (offers(q, "modes", "as_is"))
		button(out, "as_is", "Send it as it is, once", false);
	button(out, "later", "Not now", false);
	button(out, "more_time", "I need more time", false);
	buf_add_str(out, "</form>");
}

void page_write_question(const cJSON *q, struct buf *out)
{
	const char *app = text_of(q, "app", "A program that did not say its name");

	begin(out, "hither: may this leave the device?");
	buf_add_str(
		out,
		"<main role=\"alertdialog\" aria-labelledby=\"who\" aria-describedby=\"why\">"
		"<h1 id=\"who\">");
	put(out, app);
	buf_add_str(out, " (");
	put(out, text_of(q, "identity_words", "unknown"));
	buf_add_str(out, ") asks to use a model outside this device</h1>");
	write_where(q, out);
	buf_add_str(out, "<h2>Why not here</h2><p id=\"why\">");
	put(out, text_of(q, "why", "no reason was given"));
	buf_add_str(out, "</p>");
	write_what(q, out);
	write_found(q, out);
	write_cost(q, out);
	buf_add_str(out, "<h2>How long</h2><p>A permission can be taken back at any time. ");
	put(out, text_of(q, "revoke_hint", ""));
	buf_add_str(out, ". Without an answer by ");
	put(out, text_of(q, "expires", "the end of its time"));
	buf_add_str(out, " it stays on this device.</p>");
	write_form(q, out);
	buf_add_str(out, "<p><a href=\"/\">All open questions</a></p></main>");
	buf_add_str(out, foot);
}

/* --- forms --------------------------------------------------------------------------- */

bool page_form_value(struct span body, const char *name, char *out, size_t out_bytes)
{
	size_t n = strlen(name), len = 0;

	while (body.len > 0) {
		const char *amp = memchr(body.ptr, '&', body.len);
		struct span one = { body.ptr,
				    amp != NULL ? (size_t)(amp - body.ptr) : body.len };

		body.ptr += one.len + (amp != NULL);
		body.len -= one.len + (amp != NULL);
		if (!span_starts(one, name) || one.len <= n || one.ptr[n] != '=')
			continue;
		for (size_t i = n + 1; i < one.len; i++) {
			uint8_t byte = (uint8_t)one.ptr[i];

			if (byte == '%') {
				if (i + 2 >= one.len ||
				    text_unhex((struct span){ one.ptr + i + 1, 2 }, &byte, 1) !=
					    ERR_OK)
					return false;
				i += 2;
			} else if (byte == '+') {
				byte = ' ';
			}
			if (len + 1 >= out_bytes || byte == 0)
				return false;
			out[len++] = (char)byte;
		}
		out[len] = '\0';
		return true;
	}
	return false;
}
