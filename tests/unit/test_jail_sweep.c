/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every system call, tried under each filter: what the kernel does must be what the rows say.
 * Every number from 0 to LAST with two sets of arguments, every row at its edges, the other
 * call tables. Each try is a process of its own, because most of them end it.
 *
 * `--write` brings docs/system-calls.md up to date, which a test compares.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/span.h"
#include "proc/jail_filter.h"
#include "proc/jail_rows.h"

#define LAST 480 /* a few more than Linux 6.18 has */
#define X32  0x40000000
/* The kernel lets its own probes pass by every filter (since 6.14): what it answers to anybody
 * else is SIGILL and ENXIO (arch/x86/kernel/uprobes.c, kernel/seccomp.c). */
#define UPROBES     335
#define UPROBES_END 336
#define ENDED       -1
#define PATIENCE_US 200000 /* a call that was allowed and waits: it is allowed */

struct filter_case {
	const char *name;
	struct jail_list lists[JAIL_LISTS_MAX];
	unsigned n;
	uint32_t otherwise;
	enum jail_answer other; /* what JAIL_OTHER means here */
};

static struct filter_case cases[12];

static void make_cases(void)
{
	unsigned n = 0;

	for (unsigned r = ROLE_ROUTER; r < ROLE_COUNT; r++, n++) {
		cases[n] = (struct filter_case){ .name = role_name((enum role)r),
						 .otherwise = SECCOMP_RET_KILL_PROCESS,
						 .other = JAIL_KILL };
		cases[n].n = jail_lists((enum role)r, cases[n].lists);
	}
	cases[n] = (struct filter_case){ .name = "starter",
					 .otherwise = SECCOMP_RET_KILL_PROCESS,
					 .other = JAIL_KILL };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_STARTER, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "looker",
					 .otherwise = SECCOMP_RET_KILL_PROCESS,
					 .other = JAIL_KILL };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_LOOKER, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "dialer",
					 .otherwise = SECCOMP_RET_KILL_PROCESS,
					 .other = JAIL_KILL };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_DIALER, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "attester",
					 .otherwise = SECCOMP_RET_KILL_PROCESS,
					 .other = JAIL_KILL };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_ATTESTER, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "namer",
					 .otherwise = SECCOMP_RET_KILL_PROCESS,
					 .other = JAIL_KILL };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_NAMER, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "supervisor",
					 .otherwise = SECCOMP_RET_KILL_PROCESS,
					 .other = JAIL_KILL };
	cases[n].n = jail_lists(ROLE_BOOT, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "spawner and all below it",
					 .otherwise = SECCOMP_RET_ALLOW,
					 .other = JAIL_ALLOW };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_SPAWNER, cases[n].lists);
	n++;
	cases[n] = (struct filter_case){ .name = "engine",
					 .otherwise = SECCOMP_RET_ERRNO | EPERM,
					 .other = JAIL_EPERM };
	cases[n].n = jail_program_lists(JAIL_PROGRAM_ENGINE, cases[n].lists);
}

/* --- one try -------------------------------------------------------------------------------
 */

/* The errno (0: none) or ENDED when the filter ended the process; other ends are an answer of
 * the call. */
static int attempt(const struct filter_case *c, int call, const uint64_t a[JAIL_ARGS_MAX],
		   bool own_pid)
{
	static struct jail_filter f;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		uint64_t first = own_pid ? (uint64_t)getpid() : a[0];

		for (int s = 1; s < NSIG; s++)
			signal(s, SIG_DFL); /* cmocka has handlers of its own */
		ualarm(PATIENCE_US, 0);
		/* 0 is a descriptor, too: nothing that is tried may reach a file */
		if (close_range(0, ~0u, 0) != 0)
			_exit(255);
		if (jail_filter_make(c->lists, c->n, c->otherwise, (uint32_t)getpid(), &f) !=
			    ERR_OK ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    jail_filter_load(&f) != ERR_OK)
			_exit(255);
		errno = 0;
		long rc = syscall(call, first, a[1], a[2], a[3], a[4], a[5]);
		_exit(rc == -1 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? ENDED : 0;
	return WEXITSTATUS(status);
}

static bool agrees(enum jail_answer a, int got)
{
	switch (a) {
	case JAIL_ALLOW:
		return got != ENDED;
	case JAIL_EPERM:
		return got == EPERM;
	case JAIL_EACCES:
		return got == EACCES;
	case JAIL_ENOSYS:
		return got == ENOSYS;
	case JAIL_EAFNOSUPPORT:
		return got == EAFNOSUPPORT;
	default:
		return got == ENDED;
	}
}

static void check(const struct filter_case *c, int call, const uint64_t a[JAIL_ARGS_MAX],
		  bool own_pid)
{
	uint64_t judged[JAIL_ARGS_MAX];
	const uint32_t stand_in = 7; /* for the child's number, which is not known here */

	memcpy(judged, a, sizeof judged);
	if (own_pid)
		judged[0] = stand_in;
	enum jail_answer want = jail_judge(c->lists, c->n, call, judged, stand_in);
	int got = attempt(c, call, a, own_pid);

	if (!agrees(want == JAIL_OTHER ? c->other : want, got))
		fail_msg("%s: call %d (%#llx, %#llx, %#llx, …): rows say %d, the kernel %d",
			 c->name, call, (unsigned long long)judged[0],
			 (unsigned long long)judged[1], (unsigned long long)judged[2],
			 (int)want, got);
}

/* --- tests -----------------------------------------------------------------------------------
 */

/* No argument points anywhere, no descriptor is open, no flag is known. */
static const uint64_t wild[JAIL_ARGS_MAX] = { UINT64_MAX, UINT64_MAX, UINT64_MAX,
					      UINT64_MAX, UINT64_MAX, UINT64_MAX };
static const uint64_t zero[JAIL_ARGS_MAX] = { 0 };

static bool is_named(const struct filter_case *c, int call)
{
	for (unsigned l = 0; l < c->n; l++)
		for (size_t r = 0; r < c->lists[l].n; r++)
			if (c->lists[l].rows[r].call == call)
				return true;
	return false;
}

static void every_number_gets_what_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		for (int call = 0; call <= LAST; call++) {
			if (call >= UPROBES && call <= UPROBES_END)
				continue;
			/* what is not forbidden would be done: a host without a name, say */
			if (cases[i].other == JAIL_ALLOW && !is_named(&cases[i], call))
				continue;
			check(&cases[i], call, wild, false);
			if (call != SYS_select && call != SYS_exit)
				check(&cases[i], call, zero, false);
		}
}

/* The row's own values, then each bit that it looks at (and two that int arguments have not)
 * the other way round. */
static void check_row(const struct filter_case *c, const struct jail_row *row)
{
	uint64_t a[JAIL_ARGS_MAX];
	bool own_pid = false;

	memcpy(a, wild, sizeof a);
	for (unsigned i = 0; i < row->n; i++) {
		const struct jail_test *t = &row->tests[i];

		if (t->value == JAIL_OWN_PID)
			own_pid = true;
		else
			a[t->arg] = (a[t->arg] & ~t->mask) | t->value;
	}
	check(c, row->call, a, own_pid);
	for (unsigned i = 0; i < row->n; i++) {
		static const unsigned edges[] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
						  10, 11, 16, 17, 22, 28, 29, 31, 32, 63 };

		for (size_t b = 0; b < LEN(edges); b++) {
			uint64_t other[JAIL_ARGS_MAX];

			memcpy(other, a, sizeof other);
			other[row->tests[i].arg] ^= 1ull << edges[b];
			check(c, row->call, other,
			      own_pid && row->tests[i].value != JAIL_OWN_PID);
		}
	}
}

static void every_row_holds_at_its_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		for (unsigned l = 0; l < cases[i].n; l++)
			for (size_t r = 0; r < cases[i].lists[l].n; r++)
				if (cases[i].lists[l].rows[r].n > 0)
					check_row(&cases[i], &cases[i].lists[l].rows[r]);
}

static void other_call_tables_end_the_process(void **state)
{
	(void)state;
#ifdef __x86_64__
	for (size_t i = 0; i < LEN(cases); i++) {
		assert_int_equal(attempt(&cases[i], X32 | SYS_getpid, wild, false), ENDED);
		assert_int_equal(attempt(&cases[i], X32 | SYS_read, wild, false), ENDED);
	}
#else
	skip();
#endif
}

/* Whatever else changes, these stay out of every role. */
static void nobody_may(void **state)
{
	static const int never[] = { SYS_ptrace,
				     SYS_process_vm_readv,
				     SYS_pidfd_getfd,
				     SYS_process_vm_writev,
				     SYS_bpf,
				     SYS_userfaultfd,
				     SYS_keyctl,
				     SYS_mount,
				     SYS_unshare,
				     SYS_setns,
				     SYS_execveat,
				     SYS_pidfd_open,
				     SYS_open_by_handle_at,
				     SYS_perf_event_open };

	(void)state;
	for (unsigned r = ROLE_ROUTER; r < ROLE_COUNT; r++)
		for (size_t i = 0; i < LEN(never); i++)
			assert_int_equal(
				attempt(&cases[r - ROLE_ROUTER], never[i], wild, false), ENDED);
	for (size_t i = 0; i < LEN(cases); i++)
		for (int call = SYS_io_uring_setup; call <= SYS_io_uring_register; call++)
			assert_int_equal(attempt(&cases[i], call, wild, false), ENOSYS);
}

/* --- the page --------------------------------------------------------------------------------
 */

static const char *const answers[] = { [JAIL_ALLOW] = "",
				       [JAIL_EPERM] = " → EPERM",
				       [JAIL_EACCES] = " → EACCES",
				       [JAIL_ENOSYS] = " → ENOSYS",
				       [JAIL_EAFNOSUPPORT] = " → EAFNOSUPPORT",
				       [JAIL_KILL] = " → ends" };

static void write_row(const struct jail_row *row, struct buf *b)
{
	buf_printf(b, "- `%s`", row->name);
	for (unsigned i = 0; i < row->n; i++) {
		const struct jail_test *t = &row->tests[i];

		buf_printf(b, "%s argument %u", i == 0 ? " when" : " and", t->arg + 1);
		if (t->value == JAIL_OWN_PID)
			buf_add_str(b, " is its own process");
		else if (t->mask == UINT32_MAX || t->mask == UINT64_MAX)
			buf_printf(b, " is %#llx", (unsigned long long)t->value);
		else
			buf_printf(b, " & %#llx is %#llx", (unsigned long long)t->mask,
				   (unsigned long long)t->value);
	}
	buf_printf(b, "%s\n", answers[row->answer]);
}

static void write_lists(struct buf *b)
{
	buf_add_str(
		b,
		"# System calls\n\nWhat each process may ask of the kernel, printed from "
		"`proc/jail_rows.c` (numbers as on x86-64) by\n`test_jail_sweep --write`. "
		"What is not listed ends the process; in the engine it answers EPERM, and from "
		"the spawner it is allowed, because\neach process below has its own list on "
		"top. "
		"Why: [security.md](security.md).\n");
	for (size_t i = 0; i < LEN(cases); i++) {
		buf_printf(b, "\n## %s\n\n", cases[i].name);
		for (unsigned l = 0; l < cases[i].n; l++)
			for (size_t r = 0; r < cases[i].lists[l].n; r++)
				write_row(&cases[i].lists[l].rows[r], b);
	}
}

static void the_page_agrees_with_the_rows(void **state)
{
	struct buf page, fresh;

	(void)state;
#ifndef __x86_64__
	skip(); /* other numbers of flags */
#endif
	buf_init(&page, 1 << 20);
	buf_init(&fresh, 1 << 20);
	write_lists(&fresh);
	assert_int_equal(file_read(SYSTEM_CALLS_MD, 1 << 20, &page), ERR_OK);
	if (page.len != fresh.len || memcmp(page.ptr, fresh.ptr, page.len) != 0)
		fail_msg("%s is not up to date: test_jail_sweep --write", SYSTEM_CALLS_MD);
	buf_free(&page);
	buf_free(&fresh);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_gets_what_the_rows_say),
		cmocka_unit_test(every_row_holds_at_its_edges),
		cmocka_unit_test(other_call_tables_end_the_process),
		cmocka_unit_test(nobody_may),
		cmocka_unit_test(the_page_agrees_with_the_rows),
	};
	struct buf fresh;

	make_cases();
	if (argc == 2 && strcmp(argv[1], "--write") == 0) {
		buf_init(&fresh, 1 << 20);
		write_lists(&fresh);
		return file_write(SYSTEM_CALLS_MD, buf_span(&fresh), 0644) == ERR_OK ? 0 : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
