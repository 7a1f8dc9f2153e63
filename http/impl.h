/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What server.c, conn.c and reply.c share. A connection is small while it idles: everything
 * a request needs hangs on its exchange, which comes from the server's pool and goes back.
 */
#ifndef HITHER_HTTP_IMPL_H
#define HITHER_HTTP_IMPL_H

#include "http/parse.h"
#include "http/server.h"

/* What a connection is doing; decides which silence is too long (see http_conn_enter). */
enum http_conn_state {
	HTTP_CONN_IDLE,    /* no byte of the next request yet: idle_timeout */
	HTTP_CONN_HEAD,    /* header_timeout */
	HTTP_CONN_BODY,    /* body_timeout */
	HTTP_CONN_BUSY,    /* the handler has it: no timeout here */
	HTTP_CONN_FLUSH,   /* reply complete, the client has not taken it all: idle_timeout */
	HTTP_CONN_LINGER,  /* nothing more is said; what still comes is thrown away */
	HTTP_CONN_CLOSING, /* uv_close is under way */
	HTTP_CONN_STATES
};

struct http_listener {
	struct http_listener *next;
	struct http_server *server;
	uv_poll_t poll;
	int fd;
	char name[72];
};

struct http_exchange {
	struct http_exchange *next_free;
	struct http_conn *conn;
	struct http_message msg;
	void *user;
	bool live;  /* the handler knows it: on_done is owed */
	bool begun; /* http_begin was called */
	bool ended; /* http_reply, http_end or http_abort was called */
	bool aborted;
	bool head_only;
	bool chunked;
	bool full; /* http_write said so; on_drain is owed */
	bool gone_told;
};

/* FIFO of connections in one timed state; as each state has one timeout, order is by deadline.
 */
struct http_queue {
	struct http_conn *first, *last;
};

struct http_conn {
	uv_pipe_t handle; /* Unix or TCP stream; first, so that casts are not needed */
	struct http_server *server;
	struct http_conn *q_prev, *q_next; /* in server->queues[state] */
	struct http_conn *dirty_next;
	struct http_exchange *x;
	struct http_parser parser;
	struct http_peer peer;
	void *kept; /* http_keep() */
	uint64_t deadline_ms;
	uv_write_t write;
	struct http_bytes out;     /* to be written; no memory while there is nothing */
	struct http_bytes sending; /* in libuv's hands while `writing` */
	struct http_bytes ahead;   /* bytes of the next request */
	enum http_conn_state state;
	bool dirty, writing, reading;
	bool broken; /* a write failed or memory is out: close when it is safe to call back */
	bool half_closed; /* the client will send no more, and may still read */
	bool last;        /* nothing more is said after what is in `out` */
	bool away;        /* there was no room for it: it takes none, but hears so */
};

#define HTTP_POOL_EXCHANGES 64
#define HTTP_READ_BYTES     ((size_t)65536)
#define HTTP_AHEAD_BYTES    ((size_t)65536)
#define HTTP_DIRTY_BATCH    16
#define HTTP_SPARE_OUT      16
#define HTTP_LINGER_MS      2000
#define HTTP_AWAY           32 /* turned away, and kept until they have read why */
#define HTTP_HANGUP_POLL_MS 40

struct http_uid_count {
	uid_t uid;
	uint32_t n;
};

struct http_server {
	uv_loop_t *loop;
	struct http_limits limits;
	const struct http_handler *handler;
	void *ctx;
	struct http_listener *listeners;
	struct http_queue queues[HTTP_CONN_STATES];
	struct http_conn *dirty;
	unsigned n_dirty, n_conns, n_away, n_half_closed;
	struct http_uid_count *uids;
	size_t n_uids, cap_uids;
	struct http_exchange *pool;
	unsigned n_pool;
	struct http_bytes spare_out[HTTP_SPARE_OUT]; /* the last one used is used next */
	unsigned n_spare_out;
	uv_timer_t timer;
	uv_timer_t hangup_timer;
	uv_prepare_t prepare; /* flushes what timers wrote */
	uv_check_t check;     /* flushes what this turn of the loop wrote */
	unsigned open_handles;
	bool stopping;
	http_uid_of *uid_of;      /* NULL: as the kernel says it here */
	http_count_shared *count; /* NULL: this server counts alone */
	void *count_ctx;
	void (*on_closed)(void *ctx);
	char date[40];
	uint64_t date_until_ms;
	char *read_buffer; /* HTTP_READ_BYTES, one for all: consumed within the read callback */
};

/* server.c */
bool http_conn_admit(
	struct http_conn *c); /* counts it and queues it as IDLE; false: no memory */
void http_half_closed(struct http_server *s, int change);
void http_server_conn_closed(struct http_server *s);
struct http_exchange *http_exchange_take(struct http_server *s);
void http_exchange_give(struct http_server *s, struct http_exchange *x);
void http_conn_enter(struct http_conn *c, enum http_conn_state next);
void http_conn_forget(struct http_conn *c); /* after the handle is closed */
const char *http_date(struct http_server *s);

/* What of `out` is empty goes back to the server. */
void http_out_give(struct http_server *s, struct http_bytes *out);

/* conn.c */
/* `refusal`: why there is no room for it, which is all that it is told; else NULL. */
void http_conn_accept(struct http_server *s, const struct http_peer *peer, int fd,
		      const char *refusal);
void http_conn_close(struct http_conn *c);
void http_conn_start_reading(struct http_conn *c);
void http_conn_deadline(struct http_conn *c);
void http_conn_check_hangup(struct http_conn *c);
/* The reply is complete and with the kernel: over to the next request or the close. */
void http_conn_reply_done(struct http_conn *c);

/* reply.c */
void http_conn_flush(struct http_conn *c);
void http_conn_touch(struct http_conn *c); /* has output: flush at the end of this turn */
void http_flush_dirty(struct http_server *s);
/* An error the server itself gives, then close. */
void http_reply_refusal(struct http_conn *c, int status, const char *problem);
/* The same for a connection that is not served at all: head and body. */
void http_refusal_write(struct http_server *s, struct span path, int status,
			const char *problem, struct buf *out);

static inline size_t http_conn_unsent(const struct http_conn *c)
{
	return c->out.len + c->sending.len;
}

#endif
