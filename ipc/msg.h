/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between processes: one struct, encoder and decoder per entry of messages.def.
 *
 * Frame: u16 type, then the fields in order, little-endian, `str` as u16 length and bytes.
 * One frame is one datagram of a SOCK_SEQPACKET pair, at most MSG_BYTES_MAX. Decoders are
 * pure, check every limit, and refuse trailing bytes.
 */
#ifndef HITHER_IPC_MSG_H
#define HITHER_IPC_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/span.h"
#include "ipc/role.h"

#define MSG_BYTES_MAX 8192
#define MSG_FDS_MAX   2
#define ROLE_ANY      ROLE_SEATS /* in the message table: any role but boot */

enum engine_state {
	ENGINE_STOPPED,
	ENGINE_STARTING,
	ENGINE_LOADING,
	ENGINE_READY,
	ENGINE_FAILED,
	ENGINE_MISSING
};
enum engine_none {
	ENGINE_NONE_NO_MODEL,
	ENGINE_NONE_NO_ENGINE,
	ENGINE_NONE_FAILED,
	ENGINE_NONE_QUEUE_FULL,
	ENGINE_NONE_UNKNOWN_MODEL,
	ENGINE_NONE_TIMEOUT,
	ENGINE_NONE_BAD_MODEL
};

enum ask_outcome {
	ASK_PENDING,       /* a question is open */
	ASK_GRANTED,       /* released to cloud; the reply pipe rides along */
	ASK_DENIED_POLICY, /* consent's own evaluation says deny */
	ASK_REFUSED,       /* the person said no */
	ASK_TIMEOUT,       /* nobody answered in time */
	ASK_NO_AGENT,      /* nobody there to ask */
	ASK_WITHDRAWN,     /* policy changed, grant revoked, or the question was withdrawn */
	ASK_DISMISSED,     /* closed without an answer: not now */
	ASK_BUDGET,        /* a budget would be exceeded */
	ASK_LEDGER,        /* the ledger cannot be written or does not verify: nothing leaves */
	ASK_LIMITED,       /* too many questions or sends at once */
	ASK_UNREACHABLE,   /* cloud is down, or refused the send before a byte left */
};

/* Did the person behind an answer prove who they are? 0 is the one that permits nothing. */
enum proof_verdict {
	PROOF_REFUSED, /* polkit says no */
	PROOF_GIVEN,
	PROOF_CANCELLED,   /* the person closed the dialog, or the time was over */
	PROOF_UNAVAILABLE, /* no polkit, or it does not know the action */
	PROOF_GONE         /* the answering process has ended or is another one */
};

enum send_outcome {
	SEND_COMPLETE,  /* terminal marker seen and the transfer ended well */
	SEND_FAILED,    /* connection, TLS, status or stream failed */
	SEND_CUT,       /* the stream ended without its terminal marker */
	SEND_CANCELLED, /* the reply pipe was closed by its reader */
	SEND_ABORTED,   /* ABORT was received */
	SEND_REFUSED,   /* not attempted: unknown destination, policy generation, digest, key,
			   address */
};

enum msg_type {
	MSG_NONE,
#define MESSAGE(NAME, from, to, fds, text) MSG_##NAME,
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
	MSG_TYPES
};

/* struct msg_READY, struct msg_ASK, … with the fields of messages.def. */
#define MSG_C_u8(name, limit)              uint8_t name;
#define MSG_C_u16(name, limit)             uint16_t name;
#define MSG_C_u32(name, limit)             uint32_t name;
#define MSG_C_u64(name, limit)             uint64_t name;
#define MSG_C_i64(name, limit)             int64_t name;
#define MSG_C_bytes(name, limit)           uint8_t name[limit];
#define MSG_C_str(name, limit)             char name[(limit) + 1];
#define MESSAGE(NAME, from, to, fds, text) struct msg_##NAME {
#define FIELD(kind, name, limit, text)     MSG_C_##kind(name, limit)
#define END(NAME)                                                                              \
	}                                                                                      \
	;
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

/*
 * msg_ASK_encode(&m, out, cap) gives the frame's length, 0 when a field breaks its limit or
 * `cap` is too small. msg_ASK_decode(frame, &m): ERR_OK, ERR_TRUNCATED, ERR_TOO_BIG (a limit),
 * ERR_SYNTAX (wrong type, trailing bytes, NUL or invalid UTF-8 in a string); *ret untouched
 * then.
 */
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	size_t msg_##NAME##_encode(const struct msg_##NAME *m, uint8_t *out, size_t cap);      \
	MUST_CHECK enum err msg_##NAME##_decode(struct span frame, struct msg_##NAME *ret);
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

/* MSG_NONE when the frame is too short or the type unknown. */
enum msg_type msg_type_of(struct span frame);
const char *msg_name(enum msg_type t);
/* May `from` say this to `to`? How many descriptors at most? */
bool msg_permitted(enum msg_type t, enum role from, enum role to);
unsigned msg_fds_max(enum msg_type t);

#endif
