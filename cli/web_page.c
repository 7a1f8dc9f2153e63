/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question is one alert dialog in the fixed order who, where, why not here, what exactly,
 * what was found, cost, how long; then the answers. Focus starts on the first button of the
 * form, "Keep on this device", which Enter also means in any field. The two main answers look
 * alike. What remains is one disclosure away, so that the usual page is short.
 */
#include "cli/web_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/question.h"
#include "consent/visible.h"

static void escape(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.ptr[i]) {
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
			buf_add_char(out, text.ptr[i]);
		}
	}
}

void web_text(struct buf *out, struct span text)
{
	struct buf seen;

	buf_init(&seen, out->max);
	visible_write(text, &seen);
	if (seen.failed)
		out->failed = true;
	escape(out, buf_span(&seen));
	buf_free(&seen);
}

static void cstr(struct buf *out, const char *text)
{
	web_text(out, span_of(text));
}

/* `left_s`: of a question; below 0: none. */
static void head(struct buf *out, const char *title, double left_s)
{
	buf_add_str(out,
		    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		    "<title>");
	cstr(out, title);
	buf_add_str(out, " – hither</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n");
	if (left_s >= 0)
		buf_printf(out, "<link rel=\"stylesheet\" href=\"/time/%.0f.css\">\n", left_s);
	buf_add_str(out, "</head>\n<body>\n<main>\n");
}

static void foot(struct buf *out)
{
	buf_add_str(out, "</main>\n</body>\n</html>\n");
}

/* --- the facts ----------------------------------------------------------------------- */

static void fact(struct buf *out, const char *label, const char *text)
{
	buf_printf(out, "<div><dt>%s</dt><dd><bdi>", label);
	cstr(out, text);
	buf_add_str(out, "</bdi></dd></div>\n");
}

static void fact_who(struct buf *out, const cJSON *q)
{
	buf_add_str(out, "<div><dt>Who</dt><dd><bdi>");
	cstr(out, json_text_or(q, "app", "A program without a name"));
	buf_add_str(out, "</bdi><br><bdi>");
	cstr(out, json_text_or(q, "identity_words", "unknown"));
	buf_add_str(out, "</bdi></dd></div>\n");
}

static void fact_where(struct buf *out, const cJSON *q)
{
	const char *proxy = json_get_string(q, "proxy");
	char words[160];

	question_words_retention(q, words, sizeof words);
	buf_add_str(out, "<div><dt>Where to</dt><dd><bdi>");
	cstr(out, json_text_or(q, "operator", json_text_or(q, "destination", "unknown")));
	buf_add_str(out, "</bdi>, region <bdi>");
	cstr(out, json_text_or(q, "region", "unknown"));
	buf_add_str(out, "</bdi><br>destination <bdi>");
	cstr(out, json_text_or(q, "destination", "unknown"));
	buf_add_str(out, "</bdi>, model <bdi>");
	cstr(out, json_text_or(q, "model", "unknown"));
	buf_add_str(out, "</bdi><br>");
	cstr(out, words);
	if (proxy != NULL) {
		buf_add_str(out, "<br>through the proxy <bdi>");
		cstr(out, proxy);
		buf_add_str(out, "</bdi>, which sees the text");
	}
	buf_add_str(out, "</dd></div>\n");
}

static void fact_found(struct buf *out, const cJSON *q)
{
	const cJSON *c;
	bool any = false, complete = true;

	buf_add_str(out, "<div><dt>What was found</dt><dd>");
	cJSON_ArrayForEach (c, json_get_array(q, "categories")) {
		double count = 0;
		bool masked = false;

		json_get_number(c, "count", &count);
		json_get_bool(c, "masked", &masked);
		buf_add_str(out, any ? "<li><bdi>" : "<ul><li><bdi>");
		cstr(out, json_text_or(c, "name", "?"));
		buf_printf(out, "</bdi> (%.0f): %s</li>", count,
			   masked ? "masked" : "<strong>not masked</strong>");
		any = true;
	}
	buf_add_str(out, any ? "</ul>" : "Nothing that looks sensitive.");
	if (json_get_bool(q, "scan_complete", &complete) && !complete)
		buf_add_str(out, " <strong>Not all of the text could be checked.</strong>");
	buf_add_str(out, "</dd></div>\n");
}

/* --- the text ------------------------------------------------------------------------ */

/* A line feed right after <pre> is dropped by the reader (HTML, 13.2.6.4.7), so one is given.
 */
static void bytes(struct buf *out, const char *label, const char *id, const char *text,
		  bool mark)
{
	buf_printf(out,
		   "<details><summary>%s (%zu)</summary>\n<pre id=\"%s\" tabindex=\"0\" "
		   "role=\"region\" aria-label=\"%s\" dir=\"auto\">\n",
		   label, strlen(text), id, label);
	if (mark)
		web_marked(out, span_of(text));
	else
		cstr(out, text);
	buf_add_str(out, "</pre>\n</details>\n");
}

static void what_exactly(struct buf *out, const cJSON *q)
{
	const char *original = json_get_string(q, "original");
	const char *body = json_text_or(q, "body", "");
	char words[160];

	question_words_size(q, words, sizeof words);
	buf_add_str(out, "<h2>What exactly</h2>\n<p>");
	cstr(out, words);
	buf_add_str(out, original != NULL ? ". What stands in [BRACKETS] replaces something "
					    "that stays here; the original stands beside it."
					  : ".");
	buf_add_str(out, "</p>\n");
	web_reading(out, body, original);
	bytes(out, "The exact bytes as they would be sent", "sent", body, original != NULL);
	if (original != NULL)
		bytes(out, "The original's bytes", "original", original, false);
}

/* --- the answers --------------------------------------------------------------------- */

static void button(struct buf *out, const char *value, const char *mode, const char *label,
		   bool first)
{
	buf_printf(out, "<button name=\"answer\" value=\"%s %s\"%s>%s</button>\n", value, mode,
		   first ? " autofocus" : "", label);
}

static void hidden(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	cstr(out, value);
	buf_add_str(out, "\">\n");
}

static void more_answers(struct buf *out, const cJSON *q, const char *mode)
{
	buf_add_str(out, "<details class=\"more\"><summary>More answers</summary>\n"
			 "<div class=\"buttons\">\n");
	button(out, "dismiss once", "-", "Not now", false);
	button(out, "deny always", "-", "Never for this program there", false);
	if (question_offers(q, "scopes", "session"))
		button(out, "approve session", mode, "Send, also later this session", false);
	if (question_offers(q, "scopes", "always"))
		button(out, "approve always", mode, "Send, always", false);
	if (question_offers(q, "modes", "as_is") && strcmp(mode, "as_is") != 0 &&
	    json_get_string(q, "original") != NULL)
		button(out, "approve once", "as_is", "Send the original, once", false);
	buf_add_str(out, "</div>\n");
	if (question_offers(q, "scopes", "until")) {
		buf_add_str(out, "<p><label>For how long <select name=\"until\">"
				 "<option value=\"1h\">1 hour</option>"
				 "<option value=\"1d\">1 day</option>"
				 "<option value=\"7d\">7 days</option></select></label></p>\n"
				 "<div class=\"buttons\">\n");
		button(out, "approve until", mode, "Send, for that long", false);
		buf_add_str(out, "</div>\n");
	}
	buf_add_str(out, "</details>\n");
}

static void answers(struct buf *out, const cJSON *q)
{
	const char *mode = question_offers(q, "modes", "redacted") ? "redacted" : "as_is";
	bool masked = cJSON_GetArraySize(json_get_array(q, "masked")) > 0;
	bool reason = false;

	buf_add_str(out, "<form method=\"post\" action=\"/q/");
	cstr(out, json_text_or(q, "id", ""));
	buf_add_str(out, "\">\n");
	hidden(out, "nonce", json_text_or(q, "nonce", ""));
	hidden(out, "digest", json_text_or(q, "digest", ""));
	if (json_get_bool(q, "reason_required", &reason) && reason)
		buf_add_str(out, "<p><label>Why it may be sent (your policy asks) <input "
				 "name=\"reason\" maxlength=\"250\" "
				 "autocomplete=\"off\"></label></p>\n");
	buf_add_str(out, "<div class=\"buttons\">\n");
	button(out, "deny once", "-", "Keep on this device", true);
	button(out, "approve once", mode,
	       masked ? "Send masked, once"
	       : strcmp(mode, "as_is") == 0 && json_get_string(q, "original") != NULL
		       ? "Send the original, once"
		       : "Send, once",
	       false);
	buf_add_str(out, "</div>\n");
	more_answers(out, q, mode);
	buf_add_str(out, "<div class=\"buttons time\">\n");
	button(out, "extend once", "-", "60 seconds more", false);
	buf_add_str(out, "</div>\n</form>\n");
}

/* --- pages --------------------------------------------------------------------------- */

static double seconds_left(const cJSON *q)
{
	double left = 0;

	json_get_number(q, "expires_in_ms", &left);
	return floor(left / 1000);
}

static void summary(struct buf *out, const cJSON *q, int64_t now_ms)
{
	double left = seconds_left(q), age = 0;
	time_t until = (time_t)(now_ms / 1000 + (int64_t)left);
	struct tm tm;
	char clock[16], words[160];

	json_get_number(q, "age_ms", &age);
	if (localtime_r(&until, &tm) == NULL ||
	    strftime(clock, sizeof clock, "%H:%M:%S", &tm) == 0)
		clock[0] = '\0';
	buf_printf(
		out,
		"<p id=\"summary\">Nothing has been sent. Asked %.0f seconds ago. Without an "
		"answer by <time>%s</time> (%.0f seconds from when this page was made) it "
		"stays on this device.</p>\n",
		floor(age / 1000), clock, left);
	if (question_words_waiting(q, words, sizeof words)) {
		buf_add_str(out, "<p>");
		cstr(out, words);
		buf_add_str(out, ".</p>\n");
	}
}

/*
 * Said when it is time, without a script: the style sheet of the seconds that are left shows
 * one line after the other, and what appears in a live region is read out.
 */
static void time_left(struct buf *out, const cJSON *q)
{
	double left = seconds_left(q);

	buf_add_str(out, "<div class=\"left\" role=\"status\" aria-live=\"polite\">\n");
	if (left > 30)
		buf_add_str(out, "<p class=\"at30\">30 seconds left.</p>\n");
	if (left > 10)
		buf_add_str(out, "<p class=\"at10\">10 seconds left.</p>\n");
	buf_add_str(out,
		    "<p class=\"at0\">The time is over. Without an answer nothing was sent; "
		    "load this page again to see what became of it.</p>\n</div>\n");
}

void web_time_style(struct buf *out, unsigned left_s)
{
	static const unsigned at_s[] = { 30, 10, 0 };

	for (size_t i = 0; i < LEN(at_s); i++)
		if (left_s > at_s[i] || at_s[i] == 0)
			buf_printf(out, ".left .at%u{animation-delay:%us}\n", at_s[i],
				   left_s - at_s[i]);
}

void web_page_question(struct buf *out, const cJSON *q, int64_t now_ms)
{
	const char *kind =
		strcmp(json_text_or(q, "tier", "cloud"), "trusted") == 0 ? "trusted" : "cloud";
	char words[160];
	bool strong = false;

	head(out, "A program asks to send text", seconds_left(q));
	buf_add_str(out, "<section role=\"alertdialog\" aria-labelledby=\"title\" "
			 "aria-describedby=\"summary\">\n<div class=\"question\" "
			 "tabindex=\"0\" role=\"group\" aria-labelledby=\"title\">\n"
			 "<h1 id=\"title\"><bdi>");
	cstr(out, json_text_or(q, "app", "A program without a name"));
	buf_printf(out, "</bdi> asks to use a %s model</h1>\n", kind);
	summary(out, q, now_ms);
	buf_add_str(out, "<dl>\n");
	fact_who(out, q);
	fact_where(out, q);
	fact(out, "Why not here", json_text_or(q, "why", "no reason given"));
	buf_add_str(out, "</dl>\n");
	what_exactly(out, q);
	buf_add_str(out, "<dl>\n");
	fact_found(out, q);
	question_words_price(q, words, sizeof words);
	fact(out, "Cost", words);
	json_get_bool(q, "strong_auth", &strong);
	fact(out, "How long",
	     strong ? "Once, unless you choose more. To send, this computer asks you who you "
		      "are."
		    : "Once, unless you choose more.");
	fact(out, "Later", json_text_or(q, "revoke_hint", "see: hither consent grants"));
	buf_add_str(out, "</dl>\n</div>\n");
	answers(out, q);
	time_left(out, q);
	buf_add_str(out, "</section>\n");
	foot(out);
}

void web_page_link(struct buf *out, const char *secret)
{
	head(out, "Open the question", -1);
	buf_add_str(out, "<h1>A program asks to send text</h1>\n"
			 "<p>Nothing has been sent. This link works once.</p>\n"
			 "<form method=\"post\" action=\"/open\">\n");
	hidden(out, "link", secret);
	buf_add_str(out,
		    "<div class=\"buttons\">\n<button autofocus>Show the question</button>\n"
		    "</div>\n</form>\n");
	foot(out);
}

void web_page_message(struct buf *out, const char *title, const char *message, const char *next)
{
	head(out, title, -1);
	buf_add_str(out, "<h1>");
	cstr(out, title);
	buf_add_str(out, "</h1>\n<p role=\"status\">");
	cstr(out, message);
	buf_add_str(out, "</p>\n");
	if (next != NULL) {
		buf_add_str(out, "<p><a href=\"/q/");
		cstr(out, next);
		buf_add_str(out, "\">Go to the open question</a></p>\n");
	}
	foot(out);
}
