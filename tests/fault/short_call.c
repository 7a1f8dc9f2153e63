/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one call of a process shorter than it asked for, as the kernel may: the N-th read or
 * write of a kind gets half of its bytes to do, by its third argument at the entry.
 *
 *   short_call PID CALL N
 *
 * CALL is read, write, pread64, pwrite64, recvfrom, sendto (bytes), readv or writev (pieces,
 * and only where there are two or more). Those of eight bytes or fewer are let be: a counter's
 * eventfd(2) takes eight or refuses. Says "attached" on standard error, writes INJECTED when it
 * did it, and leaves the process alone at SIGINT. Follows threads that begin meanwhile.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* The registers as PTRACE_GETREGSET gives them; which one holds the third argument. */
#if defined(__x86_64__)
typedef struct user_regs_struct regs;
#define THIRD(r) ((r)->rdx)
#elif defined(__aarch64__)
typedef struct user_regs_struct regs;
#define THIRD(r) ((r)->regs[2])
#endif

#define LEAST_BYTES  9
#define OPTIONS      (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)
#define SYSCALL_STOP (SIGTRAP | 0x80)

static const struct {
	const char *name;
	long number;
	bool pieces;
} calls[] = {
	{ "read", SYS_read, false },         { "write", SYS_write, false },
	{ "pread64", SYS_pread64, false },   { "pwrite64", SYS_pwrite64, false },
	{ "recvfrom", SYS_recvfrom, false }, { "sendto", SYS_sendto, false },
	{ "readv", SYS_readv, true },        { "writev", SYS_writev, true },
};

static volatile sig_atomic_t leave;

static void on_signal(int number)
{
	(void)number;
	leave = 1;
}

static int attach(pid_t pid)
{
	char path[64];
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *d = opendir(path);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		pid_t thread = atoi(e->d_name);

		if (thread > 0 && ptrace(PTRACE_SEIZE, thread, NULL, OPTIONS) == 0 &&
		    ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0)
			n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* True: the thread is at the entry of the call, which was made shorter. */
static bool shorten(pid_t thread, size_t call, long *left)
{
	struct __ptrace_syscall_info info;
	regs r;
	struct iovec io = { &r, sizeof r };

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY || (long)info.entry.nr != calls[call].number)
		return false;
	if (info.entry.args[2] < (calls[call].pieces ? 2 : LEAST_BYTES) || --*left != 0 ||
	    ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &io) != 0)
		return false;
	THIRD(&r) /= 2;
	return ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &io) == 0;
}

/* Lets a stopped thread go on, with the signal that it stopped for, if it was one. */
static void go_on(pid_t thread, int status)
{
	int stop = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_STOP && stop != SIGTRAP) {
		ptrace(PTRACE_LISTEN, thread, NULL, NULL); /* stopped by job control */
		return;
	}
	ptrace(leave ? PTRACE_DETACH : PTRACE_SYSCALL, thread, NULL,
	       (void *)(intptr_t)(event != 0 || stop == SYSCALL_STOP ? 0 : stop));
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	size_t call = 0;
	int status;

	while (argc == 4 && call < sizeof calls / sizeof calls[0] &&
	       strcmp(calls[call].name, argv[2]) != 0)
		call++;
	if (argc != 4 || call == sizeof calls / sizeof calls[0])
		return 2;
	pid_t pid = atoi(argv[1]);
	long left = atol(argv[3]);

	sigaction(SIGINT, &action, NULL);
	if (attach(pid) == 0) {
		perror("short_call");
		return 1;
	}
	fprintf(stderr, "attached\n");
	while (!leave) {
		pid_t thread = waitpid(-1, &status, __WALL);

		if (thread < 0 && errno == EINTR)
			continue;
		if (thread < 0)
			return 0; /* nobody is left */
		if (!WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == SYSCALL_STOP && left > 0 &&
		    shorten(thread, call, &left)) {
			printf("INJECTED\n");
			fflush(stdout);
		}
		go_on(thread, status);
	}
	return 0; /* the kernel lets go of whoever is traced */
}
