/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may talk to the loopback page. Any web site can make a browser send requests to
 * 127.0.0.1, any name can be made to resolve to it (DNS rebinding), and every user of the
 * machine can connect; so each request proves where it comes from before it is looked at.
 * Pure but for web_secret_new, web_owner_is and web_owner_look.
 */
#ifndef HITHER_CLI_WEB_GUARD_H
#define HITHER_CLI_WEB_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/span.h"

/* 128 bits in hex: 32 digits and NUL. */
#define WEB_SECRET_BYTES   33
#define WEB_SECRET_LIFE_MS (5u * 60 * 1000)

struct web_secret {
	char text[WEB_SECRET_BYTES]; /* empty: none */
	uint64_t until_ms;           /* clock_boot_ms */
};

/* A new secret that lives WEB_SECRET_LIFE_MS from `now_ms`. */
void web_secret_new(struct web_secret *s, uint64_t now_ms);
/* Is `given` this secret, and is it still alive? Takes the same time wherever they differ. */
bool web_secret_is(const struct web_secret *s, struct span given, uint64_t now_ms);
void web_secret_forget(struct web_secret *s);

/* What of a request says where it comes from; spans with ptr NULL are absent headers. */
struct web_origin {
	struct span method, host, origin, site, content_type;
	bool twice; /* one of these headers stands there more than once */
};

struct web_refusal {
	int status;
	const char *why; /* English, for the page */
};

/*
 * True when the request may go on; else *reterr. Host (RFC 9110 section 7.2) is exactly
 * 127.0.0.1:PORT, [::1]:PORT or localhost:PORT; methods are GET, HEAD and POST; a POST has an
 * Origin (RFC 6454) equal to http://HOST, Sec-Fetch-Site same-origin or none, and a form as
 * application/x-www-form-urlencoded. None of these headers stands there twice.
 */
bool web_guard_allows(const struct web_origin *o, uint16_t port, struct web_refusal *reterr);

/* The value of cookie `name` in a Cookie field (RFC 6265 section 4.2.1); false when absent. */
bool web_cookie(struct span field, const char *name, struct span *ret);

/*
 * The value of `name` in a form body (application/x-www-form-urlencoded), decoded into `out`.
 * False, with `out` empty, when it is absent, malformed, holds a NUL or does not fit.
 */
bool web_form_value(struct span body, const char *name, char *out, size_t out_bytes);

/* Whose socket it is: the kernel's number of it and the uid that made it. */
struct web_owner {
	uid_t uid;
	uint64_t inode; /* 0: no process holds it any more */
};

/*
 * The other end (`peer_port`) of a connection to our `port` on 127.0.0.1, or ::1 when `v6`, in
 * `table`, the text of /proc/net/tcp or tcp6 (proc_net_tcp(5)). False: it is not there.
 */
bool web_owner_find(struct span table, bool v6, uint16_t peer_port, uint16_t port,
		    struct web_owner *ret);
/* Does it belong to `uid`? */
bool web_owner_in(struct span table, bool v6, uint16_t peer_port, uint16_t port, uid_t uid);
/* The same with the kernel's tables; true also where there are none to read. */
bool web_owner_is(bool v6, uint16_t peer_port, uint16_t port, uid_t uid);
/* web_owner_find in the kernel's tables; false also where there are none to read. */
bool web_owner_look(bool v6, uint16_t peer_port, uint16_t port, struct web_owner *ret);

#endif
