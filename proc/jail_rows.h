/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls each role may make, as data. What no row names ends the process
 * (SECCOMP_RET_KILL_PROCESS); rows of one call are alternatives. Read by jail_linux.c, which
 * makes a filter of them, by child_jail.c, and by tests, which try every number against them.
 */
#ifndef HITHER_PROC_JAIL_ROWS_H
#define HITHER_PROC_JAIL_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/role.h"

enum jail_answer {
	JAIL_ALLOW,
	JAIL_EPERM,  /* a library asks and does without */
	JAIL_EACCES, /* likewise */
	JAIL_ENOSYS, /* likewise; its older way is taken */
	JAIL_EAFNOSUPPORT,
	JAIL_KILL,  /* ends the process, where what no row names does not */
	JAIL_OTHER, /* what no row names */
};

#define JAIL_ARGS_MAX 6
#define JAIL_TESTS    3

/* (argument & mask) == value. Arguments that the kernel takes as int have 32-bit masks: what
 * stands in the upper half of the register means nothing to it. */
struct jail_test {
	uint8_t arg;
	uint64_t mask, value;
};

struct jail_row {
	int call; /* of this machine; negative: it has none of that name */
	const char *name;
	enum jail_answer answer;
	uint8_t n; /* tests that must all hold */
	struct jail_test tests[JAIL_TESTS];
};

/* One of the lists that make up what a role may do. */
struct jail_list {
	const struct jail_row *rows;
	size_t n;
};

#define JAIL_LISTS_MAX 5

/* The processes that are no role. */
enum jail_program {
	JAIL_PROGRAM_STARTER, /* of engines (local/starter.h) */
	JAIL_PROGRAM_ENGINE,  /* proc/child_jail.h */
	JAIL_PROGRAM_LOOKER,  /* these four: enum jail_helper */
	JAIL_PROGRAM_DIALER,
	JAIL_PROGRAM_ATTESTER,
	JAIL_PROGRAM_NAMER,
	/* what neither it nor anything that it starts may do; the rest is allowed */
	JAIL_PROGRAM_SPAWNER,
	JAIL_PROGRAMS
};

/* The lists of a role, those it shares with others first; how many. Boot's are for when it
 * runs. */
unsigned jail_lists(enum role r, struct jail_list ret[JAIL_LISTS_MAX]);
unsigned jail_program_lists(enum jail_program p, struct jail_list ret[JAIL_LISTS_MAX]);

/*
 * The answer that the lists give: of the first row with tests that hold, else of the last row
 * without, else JAIL_OTHER. `own_pid` stands where a row says JAIL_OWN_PID. Pure.
 */
enum jail_answer jail_judge(const struct jail_list *lists, unsigned n, int call,
			    const uint64_t args[JAIL_ARGS_MAX], uint32_t own_pid);

/* As a test's value: the process that installs the filter. */
#define JAIL_OWN_PID UINT64_MAX

#endif
