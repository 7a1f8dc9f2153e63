/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row has one writer. A place in it belongs to a user while the user has connections of that
 * router; the number of the user is written before the count, and a place is given to another
 * user only when its count is 0.
 *
 * Invariants
 *   1. The memory has its whole length from the start and cannot change it: no reader meets
 *      its end.
 *   2. Pages that nobody uses are never touched; clearing a seat reads, and writes what is set.
 *   3. The count of all is written before that of a user, and is 0 only where there is no
 *      connection. So whoever reads 0 there has announced its own before that router announces
 *      one, which will then see it.
 */
#include "ipc/board.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define USERS 512 /* with connections to one router at a time */

struct row {
	_Atomic uint32_t connections, requests;
	struct {
		_Atomic uint32_t uid, n;
	} users[USERS];
};

struct page {
	struct siphash_key caller, turns;
	struct row rows[ROLE_ROUTERS_MAX];
	_Alignas(16) uint8_t room[BOARD_ROOM_BYTES];
	/* behind it: struct board_slots with BOARD_SLOTS_MAX of them */
};

#define PAGE_BYTES                                                                             \
	(sizeof(struct page) + sizeof(struct board_slots) +                                    \
	 BOARD_SLOTS_MAX * sizeof(struct board_slot))

struct board {
	struct page *page;
	struct row *own;
	uint32_t holder;
};

/* 0 stands for nobody. */
static uint32_t holder_of(enum role seat)
{
	return role_router_number(seat) + 1;
}

static bool fill_keys(int fd)
{
	struct siphash_key keys[2];

	return getrandom(keys, sizeof keys, 0) == (ssize_t)sizeof keys &&
	       pwrite(fd, keys, sizeof keys, 0) == (ssize_t)sizeof keys;
}

int board_make(void)
{
	int fd = memfd_create("board", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, (off_t)PAGE_BYTES) == 0 && fill_keys(fd) &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

enum err board_map(int fd, enum role seat, struct board **ret)
{
	struct board *b;

	if (lseek(fd, 0, SEEK_END) != (off_t)PAGE_BYTES)
		return ERR_SYSTEM;
	b = malloc(sizeof *b);
	if (b == NULL)
		return ERR_NO_MEMORY;
	b->page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b->page == MAP_FAILED) {
		free(b);
		return ERR_SYSTEM;
	}
	b->own = &b->page->rows[role_router_number(seat)];
	b->holder = holder_of(seat);
	*ret = b;
	return ERR_OK;
}

static void clear_row(struct row *row)
{
	atomic_store(&row->connections, 0);
	atomic_store(&row->requests, 0);
	for (unsigned i = 0; i < USERS; i++)
		if (atomic_load(&row->users[i].n) != 0)
			atomic_store(&row->users[i].n, 0);
}

void board_clear(struct board *b, enum role seat)
{
	uint32_t gone = holder_of(seat);

	clear_row(&b->page->rows[role_router_number(seat)]);
	for (unsigned i = 0; i < BOARD_SLOTS_MAX; i++) {
		struct board_slot *s = &board_slots(b)->slot[i];

		if (atomic_load(&s->used) != 0)
			atomic_store(&s->used, 0);
		if (atomic_load(&s->holder) == gone)
			atomic_store(&s->holder, 0);
	}
}

const struct siphash_key *board_caller_key(const struct board *b)
{
	return &b->page->caller;
}

const struct siphash_key *board_turns_key(const struct board *b)
{
	return &b->page->turns;
}

bool board_connections(struct board *b, uint32_t uid, uint32_t of_uid, uint32_t all)
{
	unsigned at = USERS;

	for (unsigned i = 0; i < USERS; i++) {
		uint32_t n = atomic_load(&b->own->users[i].n);

		if (n > 0 && atomic_load(&b->own->users[i].uid) == uid) {
			at = i;
			break;
		}
		if (n == 0 && at == USERS)
			at = i;
	}
	if (at == USERS)
		return false;
	atomic_store(&b->own->connections, all);
	atomic_store(&b->own->users[at].uid, uid);
	atomic_store(&b->own->users[at].n, of_uid);
	return true;
}

uint32_t board_sum(const struct board *b)
{
	uint32_t sum = 0;

	for (unsigned r = 0; r < ROLE_ROUTERS_MAX; r++)
		sum += atomic_load(&b->page->rows[r].connections);
	return sum;
}

uint32_t board_sum_of(const struct board *b, uint32_t uid)
{
	uint32_t sum = 0;

	for (unsigned r = 0; r < ROLE_ROUTERS_MAX; r++) {
		const struct row *row = &b->page->rows[r];

		if (atomic_load(&row->connections) == 0)
			continue; /* most seats are empty; invariant 3 */
		for (unsigned i = 0; i < USERS; i++) {
			uint32_t n = atomic_load(&row->users[i].n);

			if (n > 0 && atomic_load(&row->users[i].uid) == uid)
				sum += n;
		}
	}
	return sum;
}

void board_requests(struct board *b, uint32_t n)
{
	atomic_store(&b->own->requests, n);
}

uint32_t board_sum_requests(const struct board *b)
{
	uint32_t sum = 0;

	for (unsigned r = 0; r < ROLE_ROUTERS_MAX; r++)
		sum += atomic_load(&b->page->rows[r].requests);
	return sum;
}

struct board_slots *board_slots(struct board *b)
{
	return (struct board_slots *)(b->page + 1);
}

uint32_t board_holder(const struct board *b)
{
	return b->holder;
}

void *board_room(struct board *b)
{
	return b->page->room;
}
