/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The starter: a process of its own that starts, ends and reaps engines for local, so that
 * local itself can neither fork nor execute anything. It is made before local's jail closes and
 * is confined itself: what an engine may do (proc/jail_rows.c), and fork, wait, kill; the files
 * that any engine may need and no others; an empty network namespace where one is to be had. An
 * engine inherits that, and gets its own list and the files it needs (Landlock: libraries, its
 * folder, models; to write, its socket's folder). It dies with local, and its engines with it.
 */
#ifndef HITHER_LOCAL_STARTER_H
#define HITHER_LOCAL_STARTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "proc/config.h"

struct starter;

/*
 * Forks it; no thread may run yet. `without` (cap bytes) gets what could not be had for
 * engines, for people; "" nothing. NULL with errno.
 */
struct starter *starter_new(const struct config *config, char *without, unsigned cap);
/* Ends it with whatever it started. NULL is fine. */
void starter_free(struct starter *s);

/*
 * argv[0] is the path; standard output and error are `output`, which stays the caller's.
 * Waits until the process exists. -1 with errno; a file that cannot be executed shows as
 * exit status 127. argv and its words may have STARTER_WORDS_BYTES together.
 */
#define STARTER_WORDS_BYTES 32768
pid_t starter_start(struct starter *s, char *const argv[], int output);
/* Signal to the process's group. */
void starter_kill(struct starter *s, pid_t pid, int signal);
/* Readable when starter_ended() has something to tell. */
int starter_fd(const struct starter *s);
/* The next process that ended and its wait(2) status; false: none now, or the starter is gone
 * (*ret_pid is then -1). */
bool starter_ended(struct starter *s, pid_t *ret_pid, int *ret_status);

#endif
