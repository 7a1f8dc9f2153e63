/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llhttp turns bytes into callbacks; the callbacks fill one http_message. A callback that
 * finds fault stores status and problem through bad() and makes llhttp stop.
 *
 * llhttp refuses by itself (lenient flags off): bare CR or LF, obs-fold, space before the
 * colon, bad tokens, Content-Length twice or together with Transfer-Encoding, chunked not
 * last. Added here: every limit, `_` in names, Host exactly once in HTTP/1.1 and well
 * formed, any coding but "chunked", codings in HTTP/1.0, targets that are not origin-form,
 * absolute-form (http) or "*" with OPTIONS, versions other than 1.0 and 1.1, CONNECT, more than
 * one space in the request line, a lone CR or LF before it, empty chunk extensions.
 *
 * Invariants
 *   1. Trailer fields never become header slots.
 *   2. body.len never exceeds limits->body_bytes.
 *   3. After BAD the parser is not fed again.
 */
#include "http/parse.h"

#include <stdlib.h>
#include <strings.h>

#define KEEP_HEAD_BYTES  ((size_t)2048)
#define KEEP_BODY_BYTES  ((size_t)16384)
#define BODY_FIRST_BYTES ((size_t)2048)

/* ---------------------------------------------------------------- bytes */

bool http_bytes_reserve(struct http_bytes *b, size_t cap)
{
	if (b->ptr != NULL && cap <= b->cap)
		return true;
	char *p = realloc(b->ptr, cap);
	if (p == NULL)
		return false;
	b->ptr = p;
	b->cap = cap;
	return true;
}

bool http_bytes_grow(struct http_bytes *b, size_t n)
{
	size_t cap = b->cap < 512 ? 512 : b->cap * 2;

	if (b->ptr != NULL && b->cap - b->len >= n)
		return true;
	return http_bytes_reserve(b, cap < b->len + n ? b->len + n : cap);
}

bool http_bytes_add(struct http_bytes *b, const char *p, size_t n)
{
	if (!http_bytes_grow(b, n))
		return false;
	if (n > 0)
		memcpy(b->ptr + b->len, p, n);
	b->len += n;
	return true;
}

void http_bytes_reset(struct http_bytes *b, size_t keep)
{
	b->len = 0;
	if (b->cap > keep) {
		free(b->ptr);
		b->ptr = NULL;
		b->cap = 0;
	}
}

/* ---------------------------------------------------------------- message */

void http_message_init(struct http_message *m)
{
	memset(m, 0, sizeof *m);
	m->slots = m->inline_slots;
	m->cap_slots = HTTP_SLOTS_INLINE;
}

void http_message_reset(struct http_message *m)
{
	http_bytes_reset(&m->head, KEEP_HEAD_BYTES);
	http_bytes_reset(&m->body, KEEP_BODY_BYTES);
	if (m->slots != m->inline_slots)
		free(m->slots);
	m->slots = m->inline_slots;
	m->cap_slots = HTTP_SLOTS_INLINE;
	m->n_slots = 0;
	m->target_len = 0;
	m->http10 = m->keep_alive = m->expects_continue = m->head_done = false;
}

void http_message_free(struct http_message *m)
{
	http_message_reset(m);
	free(m->head.ptr);
	free(m->body.ptr);
	memset(m, 0, sizeof *m);
}

static struct span slot_name(const struct http_message *m, const struct http_slot *s)
{
	return (struct span){ m->head.ptr + s->name, s->name_len };
}

static struct span slot_value(const struct http_message *m, const struct http_slot *s)
{
	return (struct span){ m->head.ptr + s->value, s->value_len };
}

struct span http_message_header(const struct http_message *m, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; i < m->n_slots; i++) {
		const struct http_slot *s = &m->slots[i];

		if (s->name_len == len && strncasecmp(m->head.ptr + s->name, name, len) == 0)
			return slot_value(m, s);
	}
	return (struct span){ NULL, 0 };
}

unsigned http_message_header_count(const struct http_message *m, const char *name)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < m->n_slots; i++)
		n += span_is_nocase(slot_name(m, &m->slots[i]), name);
	return n;
}

struct span http_message_method(const struct http_message *m)
{
	switch (m->method) {
	case HTTP_POST:
		return SPAN_LITERAL("POST");
	case HTTP_GET:
		return SPAN_LITERAL("GET");
	default:
		return span_of(llhttp_method_name((llhttp_method_t)m->method));
	}
}

void http_message_target(const struct http_message *m, struct span *ret_path,
			 struct span *ret_query)
{
	struct span t = { m->head.ptr, m->target_len };

	if (t.len > 0 && t.len < strlen("http://") && t.ptr[0] != '/' && t.ptr[0] != '*') {
		t.len = 0; /* of a request that is refused: CONNECT x:80 */
	} else if (t.len > 0 && t.ptr[0] != '/' && t.ptr[0] != '*') { /* absolute-form */
		const char *authority = t.ptr + strlen("http://");
		size_t left = t.len - strlen("http://");
		size_t n = 0;

		while (n < left && authority[n] != '/' && authority[n] != '?')
			n++;
		t = (struct span){ authority + n, left - n };
	}
	const char *mark = t.len > 0 ? memchr(t.ptr, '?', t.len) : NULL;

	*ret_path = t;
	*ret_query = (struct span){ t.ptr + t.len, 0 };
	if (mark != NULL) {
		ret_path->len = (size_t)(mark - t.ptr);
		*ret_query = (struct span){ mark + 1, t.len - ret_path->len - 1 };
	}
	if (ret_path->len == 0) /* "http://host" and "http://host?query" */
		*ret_path = SPAN_LITERAL("/");
}

/* ---------------------------------------------------------------- llhttp's callbacks */

static int bad(struct http_parser *p, int status, const char *problem)
{
	if (p->status == 0) {
		p->status = status;
		p->problem = problem;
	}
	return -1;
}

static int out_of_memory(struct http_parser *p)
{
	return bad(p, 503, "no memory for this request right now");
}

static int on_url(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;
	struct http_message *m = p->msg;

	/* "METHOD SP target SP HTTP/1.1", the longest method counted as it is. */
	size_t others = strlen(llhttp_method_name((llhttp_method_t)l->method)) + 10;
	if (m->head.len + n + others > p->limits->request_line_bytes)
		return bad(p, 414, "the request line is too long");
	for (size_t i = 0; i < n; i++) {
		if (at[i] <= ' ' || at[i] >= 0x7f || at[i] == '#')
			return bad(p, 400,
				   "the request target holds a character that is not allowed");
	}
	if (!http_bytes_add(&m->head, at, n))
		return out_of_memory(p);
	m->target_len = (uint32_t)m->head.len;
	return 0;
}

static bool count_header_bytes(struct http_parser *p, size_t n)
{
	if (n > p->limits->header_bytes - p->counted_header_bytes) {
		bad(p, 431, "the header fields are too large");
		return false;
	}
	p->counted_header_bytes += (uint32_t)n;
	return true;
}

static bool slot_begin(struct http_parser *p)
{
	struct http_message *m = p->msg;

	if (m->n_slots >= p->limits->headers) {
		bad(p, 431, "too many header fields");
		return false;
	}
	if (m->n_slots == m->cap_slots) {
		uint32_t cap = m->cap_slots * 2;
		struct http_slot *old = m->slots == m->inline_slots ? NULL : m->slots;
		struct http_slot *s = realloc(old, cap * sizeof *s);

		if (s == NULL) {
			out_of_memory(p);
			return false;
		}
		if (old == NULL)
			memcpy(s, m->inline_slots, sizeof m->inline_slots);
		m->slots = s;
		m->cap_slots = cap;
	}
	m->slots[m->n_slots++] = (struct http_slot){ .name = (uint32_t)m->head.len };
	p->slot_open = true;
	return count_header_bytes(p, 4); /* ": " and CRLF */
}

static int on_field(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;
	struct http_message *m = p->msg;

	if (!count_header_bytes(p, n))
		return -1;
	if (p->in_trailers)
		return 0;
	if (!p->slot_open && !slot_begin(p))
		return -1;
	if (memchr(at, '_', n) != NULL)
		return bad(p, 400, "a header name holds an underscore");
	struct http_slot *s = &m->slots[m->n_slots - 1];
	if (s->name_len + n > UINT16_MAX)
		return bad(p, 431, "a header name is too long");
	if (!http_bytes_add(&m->head, at, n))
		return out_of_memory(p);
	s->name_len = (uint16_t)(s->name_len + n);
	s->value = (uint32_t)m->head.len;
	return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;
	struct http_message *m = p->msg;

	if (!count_header_bytes(p, n))
		return -1;
	if (p->in_trailers)
		return 0;
	struct http_slot *s = &m->slots[m->n_slots - 1];
	if (s->value_len + n > UINT16_MAX)
		return bad(p, 431, "a header value is too long");
	if (!http_bytes_add(&m->head, at, n))
		return out_of_memory(p);
	s->value_len = (uint16_t)(s->value_len + n);
	return 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What stands between brackets: an IPv6 address, digit by digit only. The number of bytes. */
static size_t literal_bytes(struct span v)
{
	size_t n = 0;

	while (n < v.len && (is_hex(v.ptr[n]) || v.ptr[n] == ':' || v.ptr[n] == '.'))
		n++;
	return n;
}

/* A registered name (RFC 3986 section 3.2.2) without the comma, which would be a list. */
static size_t name_bytes(struct span v)
{
	size_t n = 0;

	while (n < v.len) {
		char c = v.ptr[n];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9');

		if (c == '%' && v.len - n > 2 && is_hex(v.ptr[n + 1]) && is_hex(v.ptr[n + 2]))
			n += 2;
		else if (!letter && (c == '\0' || strchr("-._~!$&'()*+;=", c) == NULL))
			break;
		n++;
	}
	return n;
}

/* RFC 3986 section 3.2.2 and 3.2.3: host and optional port, no user information. */
static bool host_ok(struct span v)
{
	size_t n;

	if (v.len > 0 && v.ptr[0] == '[') {
		n = 1 + literal_bytes((struct span){ v.ptr + 1, v.len - 1 });
		if (n == 1 || n == v.len || v.ptr[n++] != ']')
			return false;
	} else {
		n = name_bytes(v);
	}
	if (n == v.len)
		return true;
	if (v.ptr[n++] != ':')
		return false;
	while (n < v.len && v.ptr[n] >= '0' && v.ptr[n] <= '9')
		n++;
	return n == v.len;
}

/* The fields that framing and routing depend on, as each is complete. */
static int check_field(struct http_parser *p, struct span name, struct span value)
{
	switch (name.len) {
	case 4:
		if (!span_is_nocase(name, "host"))
			return 0;
		if (p->seen_host)
			return bad(p, 400, "more than one Host");
		p->seen_host = true;
		return host_ok(value) ? 0 : bad(p, 400, "Host is not a host name");
	case 6:
		if (!span_is_nocase(name, "expect"))
			return 0;
		if (!span_is_nocase(value, "100-continue"))
			return bad(p, 417, "only 100-continue can be expected");
		p->msg->expects_continue = true;
		return 0;
	case 14:
		if (!span_is_nocase(name, "content-length"))
			return 0;
		if (p->seen_length)
			return bad(p, 400, "more than one Content-Length");
		p->seen_length = true;
		return 0;
	case 17:
		if (!span_is_nocase(name, "transfer-encoding"))
			return 0;
		if (p->seen_coding || !span_is_nocase(value, "chunked"))
			return bad(p, 400,
				   "the only transfer coding served is one \"chunked\"");
		p->seen_coding = true;
		return 0;
	default:
		return 0;
	}
}

static int on_value_complete(llhttp_t *l)
{
	struct http_parser *p = l->data;
	struct http_message *m = p->msg;

	if (p->in_trailers)
		return 0;
	if (!p->slot_open)
		return bad(p, 400, "a header value without a name");
	p->slot_open = false;
	struct http_slot *s = &m->slots[m->n_slots - 1];
	struct span trimmed = span_trim(slot_value(m, s));

	if (trimmed.len > 0)
		s->value = (uint32_t)(trimmed.ptr - m->head.ptr);
	s->value_len = (uint16_t)trimmed.len;
	return check_field(p, slot_name(m, s), trimmed);
}

static int check_target(struct http_parser *p)
{
	const struct http_message *m = p->msg;
	struct span t = { m->head.ptr, m->target_len };

	if (t.len == 0)
		return bad(p, 400, "no request target");
	if (t.ptr[0] == '/')
		return 0;
	if (t.len == 1 && t.ptr[0] == '*')
		return m->method == HTTP_OPTIONS ? 0
						 : bad(p, 400, "only OPTIONS may ask for *");
	if (t.len > 7 && strncasecmp(t.ptr, "http://", 7) == 0 &&
	    strchr("/?:", t.ptr[7]) == NULL) { /* http has a host: RFC 9110 section 4.2.1 */
		size_t n = 7;

		while (n < t.len && t.ptr[n] != '/' && t.ptr[n] != '?')
			n++;
		if (host_ok((struct span){ t.ptr + 7, n - 7 }))
			return 0;
	}
	return bad(p, 400, "the request target is not a path");
}

static int on_headers_complete(llhttp_t *l)
{
	struct http_parser *p = l->data;
	struct http_message *m = p->msg;

	m->method = l->method;
	m->head_done = true;
	if (l->http_major != 1 || l->http_minor > 1)
		return bad(p, l->http_major == 0 ? 400 : 505,
			   "only HTTP/1.1 and HTTP/1.0 are served");
	m->http10 = l->http_minor == 0;
	if (m->method == HTTP_CONNECT)
		return bad(p, 400, "CONNECT is not served");
	if (check_target(p) != 0)
		return -1;
	if (!p->seen_host && !m->http10)
		return bad(p, 400, "Host is missing");
	if (p->seen_coding && (m->http10 || p->seen_length))
		return bad(p, 400, "the length of the body is stated in two ways");
	if (m->http10)
		m->expects_continue = false; /* RFC 9110 section 10.1.1 */
	l->upgrade = 0;                      /* upgrades are declined by carrying on */
	if (p->seen_length && l->content_length > p->limits->body_bytes)
		return bad(p, 413, "the body is too large");
	if (p->seen_length && l->content_length > 0 &&
	    !http_bytes_reserve(&m->body, (size_t)l->content_length))
		return out_of_memory(p);
	p->in_trailers = true; /* fields from here on stand behind the body */
	return 0;
}

static int on_body(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;
	struct http_bytes *b = &p->msg->body;

	if (n > p->limits->body_bytes - b->len)
		return bad(p, 413, "the body is too large");
	if (b->ptr != NULL && at == b->ptr + b->len && n <= b->cap - b->len) {
		b->len += n; /* was read into its place */
		return 0;
	}
	if (b->cap == 0 && !http_bytes_reserve(b, n > BODY_FIRST_BYTES ? n : BODY_FIRST_BYTES))
		return out_of_memory(p);
	return http_bytes_add(b, at, n) ? 0 : out_of_memory(p);
}

/*
 * Extensions of a chunk (RFC 9112 section 7.1.1) are read over, but they are well formed and
 * the bytes of all of them count as header fields do: else a body could go on for ever without
 * growing.
 */
static int on_extension(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;

	(void)at;
	p->extension_bytes += n;
	return count_header_bytes(p, n) ? 0 : -1;
}

static int on_extension_value(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;

	if (n > 0 && p->extension_bytes == 0)
		p->extension_quoted = at[0] == '"';
	if ((!p->extension_quoted && memchr(at, '"', n) != NULL) || memchr(at, 0x7f, n) != NULL)
		return bad(p, 400, "a chunk extension is neither token nor string");
	return on_extension(l, at, n);
}

static int on_extension_complete(llhttp_t *l)
{
	struct http_parser *p = l->data;

	if (p->extension_bytes == 0)
		return bad(p, 400, "a chunk extension is empty");
	p->extension_bytes = 0;
	return 0;
}

static int on_complete(llhttp_t *l)
{
	struct http_parser *p = l->data;

	p->msg->keep_alive = llhttp_should_keep_alive(l) != 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_chunk_extension_name = on_extension,
	.on_chunk_extension_name_complete = on_extension_complete,
	.on_chunk_extension_value = on_extension_value,
	.on_chunk_extension_value_complete = on_extension_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* ---------------------------------------------------------------- feeding */

void http_parser_start(struct http_parser *p, const struct http_limits *limits,
		       struct http_message *m)
{
	memset(p, 0, sizeof *p);
	llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
	p->llhttp.data = p;
	p->limits = limits;
	p->msg = m;
}

/*
 * RFC 9112 section 3: one space each between method, target and version, and before them whole
 * empty lines only. llhttp skips any run of spaces, and a lone CR or LF at the start. False:
 * bad.
 */
static bool check_line(struct http_parser *p, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && p->line != HTTP_LINE_SEEN; i++) {
		char c = bytes.ptr[i];

		if (p->line == HTTP_LINE_CR) {
			if (c != '\n')
				return bad(p, 400, "a line ends in CR without LF"), false;
			p->line = HTTP_LINE_START;
		} else if (p->line == HTTP_LINE_START && c == '\r') {
			p->line = HTTP_LINE_CR;
		} else if (p->line == HTTP_LINE_START && c == '\n') {
			return bad(p, 400, "a line ends in LF without CR"), false;
		} else if (c == ' ') {
			if (p->line == HTTP_LINE_SPACE1 || p->line == HTTP_LINE_SPACE2)
				return bad(p, 400, "two spaces in the request line"), false;
			p->line = p->line == HTTP_LINE_TARGET ? HTTP_LINE_SPACE2
							      : HTTP_LINE_SPACE1;
		} else if (p->line == HTTP_LINE_START) {
			p->line = HTTP_LINE_METHOD;
		} else if (p->line == HTTP_LINE_SPACE1) {
			p->line = HTTP_LINE_TARGET;
		} else if (p->line == HTTP_LINE_SPACE2) {
			p->line = HTTP_LINE_SEEN;
		}
	}
	return true;
}

static enum http_parse refuse(struct http_parser *p, llhttp_errno_t e)
{
	if (p->status == 0) {
		const char *reason = llhttp_get_error_reason(&p->llhttp);

		bool other_version = p->llhttp.http_major != 1 || p->llhttp.http_minor > 1;

		p->status = e == HPE_INVALID_VERSION && other_version ? 505 : 400;
		p->problem = reason != NULL && *reason != '\0' ? reason : llhttp_errno_name(e);
	}
	return HTTP_PARSE_BAD;
}

enum http_parse http_parser_feed(struct http_parser *p, struct span bytes, size_t *ret_used)
{
	bool in_head = !p->msg->head_done;

	if (p->line != HTTP_LINE_SEEN && !check_line(p, bytes)) {
		*ret_used = bytes.len;
		return HTTP_PARSE_BAD;
	}
	llhttp_errno_t e = llhttp_execute(&p->llhttp, bytes.ptr, bytes.len);

	if (e == HPE_PAUSED && p->status == 0) {
		*ret_used = (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes.ptr);
		return HTTP_PARSE_DONE;
	}
	*ret_used = bytes.len;
	if (e != HPE_OK)
		return refuse(p, e);
	if (in_head && !p->msg->head_done) {
		/* Empty lines before the request line are skipped, but not for ever. */
		p->raw_head_bytes += bytes.len;
		if (p->raw_head_bytes >
		    (uint64_t)p->limits->request_line_bytes + p->limits->header_bytes + 1024)
			return bad(p, 431, "the head of the request is too large"),
			       HTTP_PARSE_BAD;
	}
	return HTTP_PARSE_MORE;
}

enum http_parse http_parser_eof(struct http_parser *p)
{
	bad(p, 400, "the request ends early");
	return HTTP_PARSE_BAD;
}

size_t http_parser_body_room(const struct http_parser *p, char **ret_at)
{
	const struct http_bytes *b = &p->msg->body;

	if (!p->msg->head_done || !p->seen_length || b->len >= b->cap)
		return 0;
	*ret_at = b->ptr + b->len;
	/* Of llhttp's count only: never past the end of this body. */
	size_t left = (size_t)p->llhttp.content_length;
	return left < b->cap - b->len ? left : b->cap - b->len;
}
