/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of the network: mail, URLs with credentials in them, hardware and IPv6 addresses,
 * wallets. Each is found from the one character it cannot do without.
 */
#include "scan/checks.h"
#include "scan/ids.h"
#include "scan/scan_impl.h"

#define EMAIL_LOCAL_MAX  64 /* RFC 5321 section 4.5.3.1.1 */
#define EMAIL_DOMAIN_MAX 255
#define URL_MAX          2048

static size_t find_char(struct span t, char c, size_t at)
{
	const char *p = at < t.len ? memchr(t.ptr + at, c, t.len - at) : NULL;

	return p != NULL ? (size_t)(p - t.ptr) : t.len;
}

/* ---- mail ---- */

static bool is_local_char(char c)
{
	return is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("._%+-'", c) != NULL);
}

static bool is_domain_char(char c)
{
	return is_alnum(c) || (unsigned char)c >= 0x80 || c == '.' || c == '-';
}

/* The end of a domain name that starts at `at` and ends in a top level of letters; 0: none. */
static size_t domain_end(struct span t, size_t at)
{
	size_t end = at, dot = 0;

	while (end < t.len && end - at < EMAIL_DOMAIN_MAX && is_domain_char(t.ptr[end]))
		end++;
	while (end > at && (t.ptr[end - 1] == '.' || t.ptr[end - 1] == '-'))
		end--;
	for (size_t i = at; i < end; i++) {
		if (t.ptr[i] == '.')
			dot = i;
	}
	if (dot <= at || end - dot < 3)
		return 0;
	for (size_t i = dot + 1; i < end; i++) {
		if (is_digit(t.ptr[i]) &&
		    !(end - dot > 4 && memcmp(t.ptr + dot + 1, "xn--", 4) == 0))
			return 0;
	}
	return end;
}

static void scan_email(struct scan_view *v, size_t at)
{
	struct span t = v->text;
	size_t start = at, end = domain_end(t, at + 1);

	if (end == 0)
		return;
	while (start > 0 && at - start < EMAIL_LOCAL_MAX && is_local_char(t.ptr[start - 1]))
		start--;
	while (start < at &&
	       (t.ptr[start] == '.' || t.ptr[start] == '\'' || t.ptr[start] == '-'))
		start++;
	/* The letter of an escape ("\nbob@…") is not part of the name. */
	if (start > 0 && t.ptr[start - 1] == '\\' && start + 1 < at &&
	    strchr("nrt", t.ptr[start]) != NULL)
		start++;
	if (start < at)
		scan_found(v, start, end, SCAN_PERSONAL_EMAIL, DETECTOR_EMAIL,
			   STRENGTH_CHECKED);
}

/* ---- URLs with a password: scheme://user:password@host ---- */

static void scan_url(struct scan_view *v, size_t colon)
{
	struct span t = v->text;
	size_t start = colon, at = colon + 3, password = 0, end;

	if (byte_at(t, colon + 1) != '/' || byte_at(t, colon + 2) != '/')
		return;
	while (start > 0 && (is_alnum(t.ptr[start - 1]) || t.ptr[start - 1] == '+'))
		start--;
	for (; at < t.len && at - colon < URL_MAX && t.ptr[at] != '@'; at++) {
		char c = t.ptr[at];

		if (is_space(c) || c == '/' || c == '?' || c == '#' || c == '"' || c == '<' ||
		    c == '\'')
			return;
		if (c == ':' && password == 0)
			password = at + 1;
	}
	if (byte_at(t, at) != '@' || password == 0 || password >= at || start == colon)
		return;
	struct span word = { t.ptr + password, at - password };
	if (word.ptr[0] == '$' || word.ptr[0] == '{' || word.ptr[0] == '<' ||
	    word.ptr[0] == '*')
		return;
	for (end = at + 1;
	     end < t.len && !is_space(t.ptr[end]) && strchr("\"'<>`,;)]}", t.ptr[end]) == NULL;
	     end++)
		;
	while (end > at + 1 && (t.ptr[end - 1] == '.' || t.ptr[end - 1] == '\\'))
		end--;
	if (end > at + 1)
		scan_found(v, start, end, SCAN_CREDENTIALS_URL, DETECTOR_CREDENTIALS_URL,
			   STRENGTH_CHECKED);
}

/* A query parameter that carries a credential: ?access_token=…, &sig=…, &X-Amz-Signature=… */
static void scan_query(struct scan_view *v, size_t equals)
{
	static const char *const names[] = { "access_token",    "sig",          "signature",
					     "x-amz-signature", "api_key",      "apikey",
					     "auth_token",      "client_secret" };
	struct span t = v->text;
	size_t start = equals, end = equals + 1;

	while (start > 0 && equals - start < 24 &&
	       (is_alnum(t.ptr[start - 1]) || t.ptr[start - 1] == '_' ||
		t.ptr[start - 1] == '-'))
		start--;
	if (byte_at(t, start - 1) != '?' && byte_at(t, start - 1) != '&')
		return;
	for (size_t i = 0; i < LEN(names); i++) {
		struct span name = { t.ptr + start, equals - start };

		if (!span_is_nocase(name, names[i]))
			continue;
		while (end < t.len && end - equals < 600 && !is_space(t.ptr[end]) &&
		       strchr("&\"'<>#", t.ptr[end]) == NULL)
			end++;
		if (end - equals > 16 && t.ptr[equals + 1] != '{' && t.ptr[equals + 1] != '$')
			scan_found(v, equals + 1, end, SCAN_CREDENTIALS_URL,
				   DETECTOR_CREDENTIALS_URL, STRENGTH_LIKELY);
	}
}

/* ---- hardware addresses and IPv6 ---- */

static bool is_hex(char c)
{
	return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

static void scan_mac(struct scan_view *v, size_t sep)
{
	struct span t = v->text;
	char c = t.ptr[sep];
	size_t start = sep - 2;
	bool zero = true;

	if (sep < 2 || word_before(t, start) || byte_at(t, start - 1) == c ||
	    start + 17 > t.len)
		return;
	for (size_t i = 0; i < 17; i++) {
		char here = t.ptr[start + i];

		if (i % 3 == 2 ? here != c : !is_hex(here))
			return;
		zero = zero && (here == '0' || here == c);
	}
	if (!zero && !word_at(t, start + 17) && byte_at(t, start + 17) != c)
		scan_found(v, start, start + 17, SCAN_PERSONAL_LOCATION, DETECTOR_MAC_ADDRESS,
			   STRENGTH_LIKELY);
}

/* Groups of up to four hex digits, eight of them or with one "::" (RFC 4291 section 2.2). */
static size_t scan_ipv6(struct scan_view *v, size_t colon)
{
	struct span t = v->text;
	size_t start = colon, end, groups = 0, digits = 0, doubled = 0;
	bool letters = false;

	while (start > 0 && colon - start < 4 && is_hex(t.ptr[start - 1]))
		start--;
	if (word_before(t, start) || byte_at(t, start - 1) == ':')
		return colon + 1;
	for (end = start; end < t.len && end - start < 40; end++) {
		char c = t.ptr[end];

		if (is_hex(c)) {
			letters = letters || !is_digit(c);
			groups += digits == 0;
			if (++digits > 4)
				return end;
		} else if (c == ':') {
			doubled += byte_at(t, end - 1) == ':' && end > start;
			digits = 0;
		} else {
			break;
		}
	}
	while (end > start + 2 && t.ptr[end - 1] == ':' && t.ptr[end - 2] != ':')
		end--;
	if (word_at(t, end))
		return end + 1;
	if ((groups == 8 && doubled == 0) || (doubled == 1 && groups >= 3 && groups < 8) ||
	    (doubled == 1 && groups >= 2 && letters && end - start >= 7))
		scan_found(v, start, end, SCAN_PERSONAL_LOCATION, DETECTOR_IP_ADDRESS,
			   STRENGTH_LIKELY);
	return end + 1;
}

/* ---- wallets ---- */

static bool is_base58(char c)
{
	return is_alnum(c) && c != '0' && c != 'O' && c != 'I' && c != 'l';
}

/* The words of a BIP 173 address, or base 58 with both cases and digits; 0x and 40 hex digits.
 */
void contact_at_digit(struct scan_view *v, size_t at)
{
	struct span t = v->text;
	size_t end = at;
	bool upper = false, lower = false;

	if (at >= 2 && t.ptr[at] == '1' && t.ptr[at - 1] == 'c')
		at -= 2;
	if (word_before(t, at))
		return;
	if (t.len - at > 4 && memcmp(t.ptr + at, "bc1", 3) == 0) {
		for (end = at + 3;
		     end < t.len && (is_lower(t.ptr[end]) || is_digit(t.ptr[end])); end++)
			;
		if ((end - at == 42 || end - at == 62) && !word_at(t, end))
			scan_found(v, at, end, SCAN_FINANCIAL_ACCOUNT, DETECTOR_CRYPTO_WALLET,
				   STRENGTH_SURE);
		return;
	}
	if (t.ptr[at] == '0' && byte_at(t, at + 1) == 'x') {
		for (end = at + 2; end < t.len && is_hex(t.ptr[end]); end++)
			;
		if (end - at == 42 && !word_at(t, end))
			scan_found(v, at, end, SCAN_FINANCIAL_ACCOUNT, DETECTOR_CRYPTO_WALLET,
				   STRENGTH_LIKELY);
		return;
	}
	if (t.ptr[at] != '1' && t.ptr[at] != '3')
		return;
	for (; end < t.len && is_base58(t.ptr[end]); end++) {
		upper = upper || is_upper(t.ptr[end]);
		lower = lower || is_lower(t.ptr[end]);
	}
	if (end - at >= 26 && end - at <= 34 && upper && lower && !word_at(t, end))
		scan_found(v, at, end, SCAN_FINANCIAL_ACCOUNT, DETECTOR_CRYPTO_WALLET,
			   STRENGTH_LIKELY);
}

static size_t first_char(const struct scan_view *v, char c)
{
	return v->present[(unsigned char)c] ? find_char(v->text, c, 0) : v->text.len;
}

void scan_contacts(struct scan_view *v)
{
	struct span t = v->text;

	for (size_t at = first_char(v, '@'); at < t.len; at = find_char(t, '@', at + 1))
		scan_email(v, at);
	for (size_t at = first_char(v, '='); at < t.len; at = find_char(t, '=', at + 1))
		scan_query(v, at);
	for (size_t at = first_char(v, ':'), v6 = 0; at < t.len;
	     at = find_char(t, ':', at + 1)) {
		scan_url(v, at);
		if (at >= 2)
			scan_mac(v, at);
		if (at >= v6)
			v6 = scan_ipv6(v, at);
	}
	for (size_t at = first_char(v, '-'); at < t.len; at = find_char(t, '-', at + 1)) {
		if (at >= 2 && is_hex(t.ptr[at - 1]) && is_hex(t.ptr[at - 2]))
			scan_mac(v, at);
	}
}
