/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One result type for the whole program. Born with its texts from one table, so that
 * neither drifts. A function that can fail returns `enum err`; outputs touched only on
 * success are named `ret`, outputs touched only on failure `reterr`.
 */
#ifndef HITHER_COMMON_ERR_H
#define HITHER_COMMON_ERR_H

#define ERR_MAP(X)                                                                             \
	X(OK, "ok")                                                                            \
	X(NO_MEMORY, "memory budget exhausted")                                                \
	X(TRUNCATED, "input ends early")                                                       \
	X(TOO_BIG, "input exceeds its limit")                                                  \
	X(SYNTAX, "input is malformed")                                                        \
	X(UNSUPPORTED, "not supported")                                                        \
	X(NOT_FOUND, "not found")                                                              \
	X(EXISTS, "already exists")                                                            \
	X(DENIED, "refused by policy or by the person")                                        \
	X(BUSY, "no room right now")                                                           \
	X(AGAIN, "would block")                                                                \
	X(PEER_GONE, "peer process has exited")                                                \
	X(PROTOCOL, "peer broke the protocol")                                                 \
	X(CORRUPT, "stored data is damaged")                                                   \
	X(MISMATCH, "digest or signature does not match")                                      \
	X(TIMEOUT, "took too long")                                                            \
	X(SYSTEM, "the operating system refused")

enum err {
#define X(name, text) ERR_##name,
	ERR_MAP(X)
#undef X
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* A short English phrase for `e`; never NULL, valid for the life of the program. */
const char *err_text(enum err e);

#endif
