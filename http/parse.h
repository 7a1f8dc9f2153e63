/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 request out of bytes: llhttp with every lenient flag off, and the checks of
 * RFC 9112 that llhttp leaves to its caller. Pure: bytes in, a bounded message or a status
 * out; no loop, no descriptors, no logging. Inside http/ only.
 */
#ifndef HITHER_HTTP_PARSE_H
#define HITHER_HTTP_PARSE_H

#include <llhttp.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/span.h"
#include "http/server.h"

/* Growing bytes with exact reservation; ptr owned. */
struct http_bytes {
	char *ptr;
	size_t len, cap;
};
bool http_bytes_reserve(struct http_bytes *b, size_t cap);
/* Room for `n` more; what grows doubles. */
bool http_bytes_grow(struct http_bytes *b, size_t n);
bool http_bytes_add(struct http_bytes *b, const char *p, size_t n);
/* Empties it; memory beyond `keep` bytes is given back. */
void http_bytes_reset(struct http_bytes *b, size_t keep);

/* Offsets into `head`, so that it may move while it grows. */
struct http_slot {
	uint32_t name, value;
	uint16_t name_len, value_len;
};

#define HTTP_SLOTS_INLINE 24

/* Reused from request to request: what it allocated is kept within bounds. */
struct http_message {
	struct http_bytes head; /* target, then names and values one after another */
	struct http_bytes body;
	struct http_slot inline_slots[HTTP_SLOTS_INLINE];
	struct http_slot *slots; /* inline_slots, or owned */
	uint32_t n_slots, cap_slots;
	uint32_t target_len;
	uint8_t method; /* llhttp_method_t */
	bool http10;
	bool keep_alive;
	bool expects_continue;
	bool head_done;
};
void http_message_init(struct http_message *m);
/* Forgets the request; keeps small buffers. */
void http_message_reset(struct http_message *m);
void http_message_free(struct http_message *m);
/* First value, OWS trimmed; ptr NULL when absent. */
struct span http_message_header(const struct http_message *m, const char *name);
/* How many fields of that name there are. */
unsigned http_message_header_count(const struct http_message *m, const char *name);
struct span http_message_method(const struct http_message *m);
/* Origin-form parts of the target; the authority of an absolute-form is dropped. Also of what
 * was refused, as far as there is a target: "/" when it is none. */
void http_message_target(const struct http_message *m, struct span *ret_path,
			 struct span *ret_query);

enum http_parse { HTTP_PARSE_MORE, HTTP_PARSE_DONE, HTTP_PARSE_BAD };

/* How much of the request line was seen. */
enum http_line {
	HTTP_LINE_START,
	HTTP_LINE_CR, /* of an empty line before it */
	HTTP_LINE_METHOD,
	HTTP_LINE_SPACE1,
	HTTP_LINE_TARGET,
	HTTP_LINE_SPACE2,
	HTTP_LINE_SEEN, /* up to the version's first byte */
};

struct http_parser {
	llhttp_t llhttp;
	const struct http_limits *limits;
	struct http_message *msg;
	uint64_t raw_head_bytes;
	uint32_t counted_header_bytes;
	size_t extension_bytes; /* of the name or value at hand */
	enum http_line line;
	bool extension_quoted;
	bool slot_open, in_trailers, seen_host, seen_length, seen_coding;
	int status;          /* of a BAD result: 400, 413, 414, 417, 431, 505 */
	const char *problem; /* static English */
};
/* Ready for the first byte of a request that is to be built in `m`. */
void http_parser_start(struct http_parser *p, const struct http_limits *limits,
		       struct http_message *m);
/*
 * Feeds bytes. DONE: the request is whole, *ret_used bytes belonged to it, the rest to the
 * next one. MORE: all were used. BAD: p->status and p->problem. Bytes that already lie at
 * the end of the message's reserved body are not copied.
 */
enum http_parse http_parser_feed(struct http_parser *p, struct span bytes, size_t *ret_used);
/* The peer will send no more: what to call that. Always BAD. */
enum http_parse http_parser_eof(struct http_parser *p);
/* Room at the end of a body of known length: where the next read may go. Empty when there is
 * none. */
size_t http_parser_body_room(const struct http_parser *p, char **ret_at);

#endif
