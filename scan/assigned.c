/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials that have no format of their own, found by what stands around them, and those
 * whose shape has no literal at the start.
 */
#include "scan/secrets.h"

/* Bounds that keep hostile text from costing more than its length. */
#define BLOCK_MAX_BYTES 16384
#define VALUE_MAX_BYTES 400

/* Next position of `c` at or after `at`; text.len when there is none. */
static size_t find_char(struct span t, char c, size_t at)
{
	const char *p = at < t.len ? memchr(t.ptr + at, c, t.len - at) : NULL;

	return p != NULL ? (size_t)(p - t.ptr) : t.len;
}

static bool matches_nocase(struct span t, size_t at, const char *word)
{
	size_t n = strlen(word);

	if (at + n > t.len)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (to_lower(t.ptr[at + i]) != word[i])
			return false;
	}
	return true;
}

/* ---- private key blocks ---- */

static void scan_blocks(struct scan_view *v)
{
	struct span t = v->text;

	for (size_t at = find_char(t, '-', 0); at + 11 < t.len; at = find_char(t, '-', at)) {
		if (memcmp(t.ptr + at, "-----BEGIN", 10) != 0) {
			at++;
			continue;
		}
		size_t line_end = at + 10, limit = at + 120 < t.len ? at + 120 : t.len;

		while (line_end + 5 < limit && memcmp(t.ptr + line_end, "-----", 5) != 0)
			line_end++;
		struct span head = { t.ptr + at, line_end - at };
		if (memmem(head.ptr, head.len, "PRIVATE KEY", 11) == NULL ||
		    line_end + 5 >= limit) {
			at += 10;
			continue;
		}
		/* To "KEY-----" or "KEY BLOCK-----"; without an end, what looks like base64. */
		size_t body = line_end + 5, end = body;
		size_t reach = t.len - body < BLOCK_MAX_BYTES ? t.len - body : BLOCK_MAX_BYTES;
		const char *close = memmem(t.ptr + body, reach, "KEY-----", 8);
		const char *block = memmem(t.ptr + body, reach, "KEY BLOCK-----", 14);
		if (block != NULL && (close == NULL || block < close))
			end = (size_t)(block - t.ptr) + 14;
		else if (close != NULL)
			end = (size_t)(close - t.ptr) + 8;
		else
			while (end < body + reach &&
			       (is_alnum(t.ptr[end]) || is_space(t.ptr[end]) ||
				strchr("+/=\\:,-", t.ptr[end]) != NULL))
				end++;
		if (end - body >= 40)
			scan_found(v, at, end, SCAN_SECRET_PRIVATE_KEY, DETECTOR_PRIVATE_KEY,
				   STRENGTH_CHECKED + 2);
		at = end > at + 10 ? end : at + 10;
	}
}

/* ---- name = value ---- */

struct assigned_name {
	const char *word;
	bool password; /* else a key or token, which must look random */
};

static const struct assigned_name names[] = {
	{ "password", true },    { "passwd", true },       { "passphrase", true },
	{ "passwort", true },    { "contrasena", true },   { "motdepasse", true },
	{ "pwd", true },         { "secret", false },      { "token", false },
	{ "apikey", false },     { "api_key", false },     { "api-key", false },
	{ "api key", false },    { "key", false },         { "auth", false },
	{ "credential", false }, { "credentials", false }, { "access", false },
	{ "creds", false },      { "_password", true },    { "pass", true },
	{ "contraseña", true },  { "mot de passe", true }, { "kennwort", true },
};

/* The name that ends just before `at` ("DB_PASSWORD", "apiKey"); NULL when none does. */
static const struct assigned_name *name_before(struct span t, size_t at)
{
	for (size_t i = 0; i < LEN(names); i++) {
		size_t n = strlen(names[i].word);

		if (n > at || !matches_nocase(t, at - n, names[i].word))
			continue;
		char before = byte_at(t, at - n - 1), first = t.ptr[at - n];

		/* "monkey" is not a key; "my_key", "myKey", "SSHKEY" and "key" are. */
		if (!is_alnum(before) || is_upper(first) || n > 5)
			return &names[i];
	}
	return NULL;
}

/* One unbroken run of letters and digits, 16 or more: not words put together. */
static bool has_long_run(struct span v)
{
	size_t run = 0;
	bool digit = false;

	for (size_t i = 0; i < v.len; i++) {
		run = is_alnum(v.ptr[i]) ? run + 1 : 0;
		digit = run > 0 && (digit || is_digit(v.ptr[i]));
		if (run >= 16 && digit)
			return true;
	}
	return false;
}

static bool looks_random(struct span v)
{
	bool digit = false, upper = false, lower = false;

	if (v.len < 16 || !has_long_run(v))
		return false;
	for (size_t i = 0; i < v.len; i++) {
		digit = digit || is_digit(v.ptr[i]);
		upper = upper || is_upper(v.ptr[i]);
		lower = lower || is_lower(v.ptr[i]);
	}
	return digit && (upper || lower) && secret_entropy_x10(v) >= 32;
}

/* A password in prose or code: some variety, no call, no variable, no type name. */
static bool looks_like_password(struct span v, bool quoted)
{
	bool digit = false, letter = false, other = false;

	if (v.len < 6 || v.len > 100 || secret_entropy_x10(v) < 20)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		digit = digit || is_digit(v.ptr[i]);
		letter = letter || is_alpha(v.ptr[i]);
		other = other || (!is_alnum(v.ptr[i]) && v.ptr[i] != '_' && v.ptr[i] != '.');
	}
	if (memchr(v.ptr, '(', v.len) != NULL && (!quoted || v.ptr[v.len - 1] == ')'))
		return false;
	if (memchr(v.ptr, '+', v.len) != NULL && memchr(v.ptr, ' ', v.len) != NULL)
		return false; /* a string put together from parts */
	return digit ? letter || v.len >= 6 : other || quoted;
}

/* Whether another "name=" follows the '&' at `at`, as in a query. */
static bool next_parameter(struct span t, size_t at)
{
	size_t end = at + 1;

	while (end < t.len && end - at < 40 && is_word(t.ptr[end]))
		end++;
	return end > at + 1 && byte_at(t, end) == '=';
}

static bool ends_bare_value(struct span t, size_t at)
{
	char c = t.ptr[at];

	if (c == '&')
		return next_parameter(t, at);
	return is_space(c) || (c != '\0' && strchr(";,\"'`<>)}]", c) != NULL);
}

/* The value: inside quotes, or up to a space or separator. */
static struct span value_at(struct span t, size_t at, bool *ret_quoted)
{
	char quote = byte_at(t, at);
	size_t start = at;

	t.len = t.len - at < VALUE_MAX_BYTES ? t.len : at + VALUE_MAX_BYTES;
	*ret_quoted = quote == '"' || quote == '\'' || quote == '`';
	if (*ret_quoted) {
		start++;
		for (at = start; at < t.len && t.ptr[at] != quote && t.ptr[at] != '\n'; at++)
			;
	} else {
		while (at < t.len && !ends_bare_value(t, at))
			at++;
		while (at > start &&
		       (t.ptr[at - 1] == '.' || t.ptr[at - 1] == '?' || t.ptr[at - 1] == ':'))
			at--;
	}
	return (struct span){ t.ptr + start, at - start };
}

static void check_assignment(struct scan_view *v, size_t name_end, size_t at)
{
	struct span t = v->text;
	bool quoted = false;
	const struct assigned_name *name = name_before(t, name_end);

	if (name == NULL)
		return;
	for (size_t i = name_end > 20 ? name_end - 20 : 0; i < name_end; i++) {
		if (matches_nocase(t, i, "public"))
			return; /* public keys may be known */
	}
	while (at < t.len && (t.ptr[at] == ' ' || t.ptr[at] == '\t' || t.ptr[at] == '='))
		at++;
	struct span value = value_at(t, at, &quoted);
	if (value.len == 0 || secret_is_placeholder(value))
		return;
	size_t start = (size_t)(value.ptr - t.ptr);
	if (name->password && looks_like_password(value, quoted))
		scan_found(v, start, start + value.len, SCAN_SECRET_PASSWORD, DETECTOR_PASSWORD,
			   STRENGTH_LIKELY);
	else if (!name->password && looks_random(value))
		scan_found(v, start, start + value.len, SCAN_SECRET_API_KEY,
			   DETECTOR_ASSIGNED_SECRET, STRENGTH_LIKELY);
}

/* From an operator back over spaces and quotes to the end of the name. */
static void scan_operator(struct scan_view *v, size_t at, size_t operator_len)
{
	size_t end = at;

	while (end > 0 &&
	       (is_space(v->text.ptr[end - 1]) || strchr("\"'`])", v->text.ptr[end - 1])))
		end--;
	/* <add key="Password" value="…"/>: the name is the attribute before. */
	if (end >= 6 && matches_nocase(v->text, end - 5, "value") &&
	    !is_alnum(v->text.ptr[end - 6])) {
		for (end -= 5;
		     end > 0 && (v->text.ptr[end - 1] == ' ' || v->text.ptr[end - 1] == '"');)
			end--;
		if (end > 0)
			check_assignment(v, end, at + operator_len);
		return;
	}
	if (end > 0 && at - end <= 4)
		check_assignment(v, end, at + operator_len);
}

static void scan_assignments(struct scan_view *v)
{
	struct span t = v->text;

	for (size_t at = find_char(t, '=', 0); at < t.len; at = find_char(t, '=', at + 1)) {
		size_t len = byte_at(t, at + 1) == '>' ? 2 : 1;
		char before = byte_at(t, at - 1);

		if (before == '=' || before == '!' || before == '<' || before == '>')
			continue;
		scan_operator(v, before == ':' || before == '?' ? at - 1 : at,
			      before == ':' || before == '?' ? len + 1 : len);
	}
	for (size_t at = find_char(t, ':', 0); at < t.len; at = find_char(t, ':', at + 1)) {
		if (byte_at(t, at + 1) != '=' && byte_at(t, at + 1) != '/')
			scan_operator(v, at, 1);
	}
}

/* "password is hunter22", "password was: …": prose instead of '='. */
static void scan_spoken(struct scan_view *v, size_t at)
{
	static const char *const verbs[] = { " is ", " was ", " to ",  " ist ",
					     " es ", " est ", " is: ", " was: " };
	struct span t = v->text;

	for (size_t i = 0; i < LEN(verbs); i++) {
		bool quoted, digit = false;

		if (!matches_nocase(t, at, verbs[i]))
			continue;
		struct span value = value_at(t, at + strlen(verbs[i]), &quoted);
		size_t start = (size_t)(value.ptr - t.ptr);
		for (size_t k = 0; k < value.len; k++)
			digit = digit || is_digit(value.ptr[k]);
		if ((digit || quoted) && !secret_is_placeholder(value) &&
		    looks_like_password(value, quoted))
			scan_found(v, start, start + value.len, SCAN_SECRET_PASSWORD,
				   DETECTOR_PASSWORD, STRENGTH_LIKELY);
	}
}

/* ---- headers and curl ---- */

static bool is_token_char(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("-._~+/=", c) != NULL);
}

static void scan_bearer(struct scan_view *v, size_t start, bool basic)
{
	struct span t = v->text;
	size_t end;

	for (end = start; end < t.len && is_token_char(t.ptr[end]); end++)
		;
	struct span value = { t.ptr + start, end - start };
	if (value.len < 12 || secret_is_placeholder(value) ||
	    secret_entropy_x10(value) < (basic ? 28 : 30))
		return;
	bool digit = false, upper = false;
	for (size_t i = 0; i < value.len; i++) {
		digit = digit || is_digit(value.ptr[i]);
		upper = upper || is_upper(value.ptr[i]);
	}
	if (digit || (basic && upper))
		scan_found(v, start, end, basic ? SCAN_SECRET_PASSWORD : SCAN_SECRET_TOKEN,
			   DETECTOR_BEARER, STRENGTH_LIKELY + 1);
}

static bool has_digit(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_digit(s.ptr[i]))
			return true;
	}
	return false;
}

/* The argument of curl's -u: user:password, quotes and all. */
static void scan_curl_user(struct scan_view *v, size_t at)
{
	struct span t = v->text;
	size_t limit = at + 500 < t.len ? at + 500 : t.len, end;

	for (; at + 3 < limit; at++) {
		if (t.ptr[at] != '-' || !is_space(t.ptr[at - 1]))
			continue;
		size_t arg = 0;
		if (matches_nocase(t, at, "--user"))
			arg = at + 6;
		else if (t.ptr[at + 1] == 'u')
			arg = at + 2;
		if (arg == 0 || (byte_at(t, arg) != '=' && byte_at(t, arg) != ' '))
			continue;
		arg++;
		while (byte_at(t, arg) == ' ')
			arg++;
		char quote = '\0';
		for (end = arg; end < limit; end++) {
			char c = t.ptr[end];

			if (quote == '\0' && (is_space(c) || c == ';' || c == '|'))
				break;
			if (c == '\n')
				break;
			if (quote != '\0' ? c == quote : c == '\'' || c == '"')
				quote = quote != '\0' ? '\0' : c;
		}
		struct span value = { t.ptr + arg, end - arg };
		const char *colon = value.len > 0 ? memchr(value.ptr, ':', value.len) : NULL;
		if (colon == NULL || memchr(value.ptr, '$', value.len) != NULL ||
		    memchr(value.ptr, '<', value.len) != NULL ||
		    memchr(value.ptr, '{', value.len) != NULL || value.len < 6)
			continue;
		struct span user = { value.ptr, (size_t)(colon - value.ptr) };
		struct span pass = { colon + 1, value.len - user.len - 1 };
		while (user.len > 0 && (*user.ptr == '"' || *user.ptr == '\''))
			user.ptr++, user.len--;
		while (pass.len > 0 && strchr("'\"", pass.ptr[pass.len - 1]) != NULL)
			pass.len--;
		if (span_equal(user, pass) && !span_is(user, "xxx"))
			continue;
		/* "user:password" stands for what somebody is to put there; "Passw0rd!" does
		 * not. */
		if ((matches_nocase(pass, 0, "pass") && !has_digit(pass)) ||
		    matches_nocase(user, 0, "user"))
			continue;
		scan_found(v, arg, end, SCAN_SECRET_PASSWORD, DETECTOR_CURL_USER,
			   STRENGTH_SURE);
		return;
	}
}

void secret_after_lead(struct scan_view *v, enum scan_lead lead, size_t end)
{
	if (!is_space(byte_at(v->text, end)))
		return;
	switch (lead) {
	case LEAD_PASSWORD:
		scan_spoken(v, end);
		break;
	case LEAD_BEARER:
		scan_bearer(v, end + 1, false);
		break;
	case LEAD_BASIC:
		scan_bearer(v, end + 1, true);
		break;
	case LEAD_CURL:
		scan_curl_user(v, end);
		break;
	}
}

/* ---- shapes ---- */

static bool is_base64url(char c)
{
	return is_alnum(c) || c == '-' || c == '_';
}

/* header.payload.signature, the first two being base64 of JSON objects ("eyJ" is '{"'). */
static void check_jwt(struct scan_view *v, size_t at)
{
	struct span t = v->text;
	size_t part[3] = { 0 }, end = at;
	int n = 0;

	for (; n < 3; n++) {
		size_t start = end;

		while (end < t.len && is_base64url(t.ptr[end]))
			end++;
		while (end < t.len && t.ptr[end] == '=' && end - start < 8)
			end++;
		part[n] = end - start;
		if (n < 2 && byte_at(t, end) == '.')
			end++;
		else
			break;
	}
	if (n < 1 || part[0] < 15 || part[1] < 15 || part[0] % 4 == 1 || part[1] % 4 == 1)
		return;
	if (byte_at(t, at + part[0] + 1) != 'e' && byte_at(t, at + part[0] + 1) != 'w')
		return;
	scan_found(v, at, end, SCAN_SECRET_TOKEN, DETECTOR_JWT, STRENGTH_CHECKED + 1);
}

/* A client secret of Microsoft Entra: three characters, a digit, "Q~", 31 to 34 more. */
static void check_azure(struct scan_view *v, size_t tilde)
{
	struct span t = v->text;
	size_t end = tilde + 1;

	if (tilde < 5 || t.ptr[tilde - 1] != 'Q' || !is_digit(t.ptr[tilde - 2]))
		return;
	while (end < t.len &&
	       (is_base64url(t.ptr[end]) || t.ptr[end] == '~' || t.ptr[end] == '.'))
		end++;
	while (end > tilde && t.ptr[end - 1] == '.')
		end--;
	if (secret_is_placeholder((struct span){ t.ptr + tilde, end - tilde }))
		return;
	if (end - tilde - 1 >= 31 && end - tilde - 1 <= 34 && !is_alnum(byte_at(t, tilde - 6)))
		scan_found(v, tilde - 5, end, SCAN_SECRET_API_KEY, DETECTOR_AZURE_SECRET,
			   STRENGTH_CHECKED);
}

/* 24 to 26 characters, dot, 6, dot, 27 to 38: what chat bots log in with. */
static void check_dotted(struct scan_view *v, size_t dot)
{
	struct span t = v->text;
	size_t start = dot, end = dot + 8;

	if (byte_at(t, dot + 7) != '.')
		return;
	for (size_t i = dot + 1; i < dot + 7; i++) {
		if (!is_base64url(t.ptr[i]))
			return;
	}
	while (start > 0 && is_base64url(t.ptr[start - 1]))
		start--;
	while (end < t.len && is_base64url(t.ptr[end]))
		end++;
	size_t head = dot - start, tail = end - dot - 8;
	char first = t.ptr[start];
	if (head >= 24 && head <= 26 && tail >= 27 && tail <= 38 &&
	    (first == 'M' || first == 'N' || first == 'O') &&
	    secret_entropy_x10((struct span){ t.ptr + start, end - start }) >= 35)
		scan_found(v, start, end, SCAN_SECRET_TOKEN, DETECTOR_DOTTED_TOKEN,
			   STRENGTH_SURE);
}

/* digits:AA…: the tokens of another kind of bots. */
static void check_numbered(struct scan_view *v, size_t colon)
{
	struct span t = v->text;
	size_t start = colon, end = colon + 1;

	if (byte_at(t, colon + 1) != 'A' || byte_at(t, colon + 2) != 'A')
		return;
	while (start > 0 && is_digit(t.ptr[start - 1]))
		start--;
	while (end < t.len && is_base64url(t.ptr[end]))
		end++;
	if (colon - start >= 8 && colon - start <= 10 && end - colon == 36 &&
	    !word_before(t, start))
		scan_found(v, start, end, SCAN_SECRET_TOKEN, DETECTOR_DOTTED_TOKEN,
			   STRENGTH_SURE);
}

/* 15 or 16 digits, '|' or '%', 27 to 40 characters: what applications of a network log in with.
 */
static void check_app_token(struct scan_view *v, size_t bar)
{
	struct span t = v->text;
	size_t start = bar, end = bar + 1;

	while (start > 0 && is_digit(t.ptr[start - 1]))
		start--;
	while (end < t.len && is_base64url(t.ptr[end]))
		end++;
	if (bar - start >= 15 && bar - start <= 16 && end - bar >= 28 && end - bar <= 41 &&
	    !word_before(t, start))
		scan_found(v, start, end, SCAN_SECRET_TOKEN, DETECTOR_DOTTED_TOKEN,
			   STRENGTH_SURE);
}

/* Six characters, '_', 29 more, "_mmk". */
static void check_mmk(struct scan_view *v)
{
	struct span t = v->text;
	const char *p = memmem(t.ptr, t.len, "_mmk", 4);

	while (p != NULL) {
		size_t at = (size_t)(p - t.ptr), start = at >= 36 ? at - 36 : at;
		bool fits = at >= 36 && !word_at(t, at + 4) && !word_before(t, start);

		for (size_t i = start; i < at; i++)
			fits = fits && (i - start == 6 ? t.ptr[i] == '_' : is_alnum(t.ptr[i]));
		if (fits)
			scan_found(v, start, at + 4, SCAN_SECRET_API_KEY, DETECTOR_DOTTED_TOKEN,
				   STRENGTH_SURE);
		p = memmem(p + 4, t.len - at - 4, "_mmk", 4);
	}
}

static void scan_shapes(struct scan_view *v)
{
	struct span t = v->text;

	for (size_t at = v->present['|'] ? find_char(t, '|', 0) : t.len; at < t.len;
	     at = find_char(t, '|', at + 1))
		check_app_token(v, at);
	for (size_t at = v->present['%'] ? find_char(t, '%', 0) : t.len; at < t.len;
	     at = find_char(t, '%', at + 1))
		check_app_token(v, at);
	if (v->present['_'])
		check_mmk(v);

	for (size_t at = v->present['~'] ? find_char(t, '~', 0) : t.len; at < t.len;
	     at = find_char(t, '~', at + 1))
		check_azure(v, at);
	for (size_t at = find_char(t, '.', 0); at < t.len; at = find_char(t, '.', at + 1)) {
		check_dotted(v, at);
		if (byte_at(t, at + 1) == 'e' || byte_at(t, at + 1) == 'w') {
			size_t start = at;

			while (start > 0 &&
			       (is_base64url(t.ptr[start - 1]) || t.ptr[start - 1] == '='))
				start--;
			if (at - start >= 15 && t.ptr[start] == 'e' && t.ptr[start + 1] == 'y')
				check_jwt(v, start);
		}
	}
	for (size_t at = find_char(t, ':', 0); at < t.len; at = find_char(t, ':', at + 1))
		check_numbered(v, at);
}

void secret_scan(struct scan_view *v)
{
	scan_blocks(v);
	scan_assignments(v);
	scan_shapes(v);
}
