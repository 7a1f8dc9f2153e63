/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several routers know together: memory that boot makes and every router maps. So limits
 * hold over all of them, and it does not matter which of them a program's next connection
 * reaches.
 *
 *   connections, requests   each router writes the row of its own seat and reads the others'.
 *                           It announces first and looks at the sum afterwards, so what was
 *                           admitted is never over a limit; two that come for the last place
 *                           at once may both be sent away
 *   engine's slots          taken by compare-and-swap; what lies beside belongs to the holder
 *   room                    of the router folder, which says itself how it is shared
 *
 * Nothing here permits anything: a router that writes nonsense can make others refuse clients,
 * take more than its share, forget where a conversation was answered, or misjudge whose prompt
 * the engine holds. It could read every one of those prompts anyway, being a router.
 */
#ifndef HITHER_IPC_BOARD_H
#define HITHER_IPC_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/siphash.h"
#include "ipc/role.h"

#define BOARD_SLOTS_MAX  4096 /* engine.parallel */
#define BOARD_ROOM_BYTES (256u << 10)

struct board;

struct board_slot {
	_Atomic uint32_t holder; /* 0: free */
	_Atomic uint64_t used;   /* when, as a rising number; 0: nothing is known of it */
	struct siphash owner;    /* of what it holds; written by the holder */
};

struct board_slots {
	_Atomic uint64_t turn;
	struct board_slot slot[];
};

/* A memory file for it, whose length is sealed; the caller closes it. -1 with errno. */
int board_make(void);
/* For the life of the process. `seat`: whose row is written. ERR_SYSTEM, ERR_NO_MEMORY. */
MUST_CHECK enum err board_map(int fd, enum role seat, struct board **ret);
/* That process is gone: what it counted is over, the slots it held are free, and nothing is
 * known of what any slot holds. */
void board_clear(struct board *b, enum role seat);

/* The same two in every router. */
const struct siphash_key *board_caller_key(const struct board *b);
const struct siphash_key *board_turns_key(const struct board *b);

/* How many connections this router has, and how many of them are `uid`'s. False: its row has
 * no room for another user. */
MUST_CHECK bool board_connections(struct board *b, uint32_t uid, uint32_t of_uid, uint32_t all);
/* Over all routers. */
uint32_t board_sum(const struct board *b);
uint32_t board_sum_of(const struct board *b, uint32_t uid);
/* How many requests are in progress in this router; over all of them. */
void board_requests(struct board *b, uint32_t n);
uint32_t board_sum_requests(const struct board *b);

/* BOARD_SLOTS_MAX of them; `holder` of this router is board_holder(). */
struct board_slots *board_slots(struct board *b);
uint32_t board_holder(const struct board *b);
/* BOARD_ROOM_BYTES, zero at first, aligned for any number. */
void *board_room(struct board *b);

#endif
