/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only in builds with coverage counters (-Db_coverage=true), never in one for use: gcov writes
 * its counters from exit(3) and the usual exec(3) alone. Here a process that leaves by _exit(2)
 * or execveat(2), or that SIGTERM or SIGINT ends, writes them too. The linker puts these before
 * those of libc (--wrap), for every caller in the program and its archives.
 *
 * Writing files in a signal's handler is not safe in general; the process has nothing else left
 * to do, and what a test counts is not what anybody relies on.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);
int __real_execveat(int fd, const char *path, char *const argv[], char *const envp[],
		    int flags);
int __wrap_execveat(int fd, const char *path, char *const argv[], char *const envp[],
		    int flags);

void __wrap__exit(int code)
{
	__gcov_dump();
	__real__exit(code);
}

int __wrap_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	__gcov_dump();
	return __real_execveat(fd, path, argv, envp, flags);
}

static void on_end(int number)
{
	__gcov_dump();
	raise(number); /* the handler is gone by now (SA_RESETHAND) */
}

/* Those that the process was started to ignore it goes on ignoring. */
__attribute__((constructor)) static void watch_ends(void)
{
	static const int ends[] = { SIGTERM, SIGINT };
	struct sigaction fresh = { .sa_handler = on_end, .sa_flags = (int)SA_RESETHAND };
	struct sigaction old;

	for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(ends[i], &fresh, NULL);
}
