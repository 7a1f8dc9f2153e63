/* SPDX-License-Identifier: Apache-2.0 */
/* What .flatpak-info, labels and control groups prove, and what they do not. The process
 * itself: tests/flow/identity.py. */
#include "tests/unit/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/span.h"
#include "proc/attest.h"

static char app[ATTEST_APP_BYTES];

static void flatpak_files(void **state)
{
	static const struct {
		const char *text, *id; /* NULL: none */
	} rows[] = {
		{ "[Application]\nname=org.example.Notes\nruntime=runtime/x/y/z\n\n[Instance]\n"
		  "instance-id=1\n",
		  "org.example.Notes" },
		{ "[Context]\nname=org.example.Wrong\n[Application]\n name=org.example.A-b_c "
		  "\n",
		  "org.example.A-b_c" },
		{ "[Application]\nname=org.example.A", "org.example.A" },
		{ "", NULL },
		{ "name=org.example.A\n", NULL },
		{ "[Runtime]\nname=org.example.A\n", NULL },
		{ "[Application]\n[Other]\nname=org.example.A\n", NULL },
		{ "[Application]\nname=\n", NULL },
		{ "[Application]\nname=nodot\n", NULL },
		{ "[Application]\nname=snap.firefox\n", NULL },
		{ "[Application]\nname=nginx.service\n", NULL },
		{ "[Application]\nname=org.example.service.A\n", "org.example.service.A" },
		{ "[Application]\nname=org.example.A/..\n", NULL },
		{ "[Application]\nname=org.example.\xc3\xa4\n", NULL },
		{ "[Application]\nname=org.example.A\nname=org.example.B\n", NULL },
		{ "[Application]\nname=org.example.A\n[Application]\nname=org.example.B\n",
		  NULL },
		{ "[Application]x\nname=org.example.A\n", NULL },
	};
	char longest[200] = "[Application]\nname=a.";

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		bool got = attest_flatpak_id(span_of(rows[i].text), app);

		if (got != (rows[i].id != NULL) || (got && strcmp(app, rows[i].id) != 0))
			fail_msg("row %zu gives %s", i, got ? app : "none");
	}
	memset(longest + strlen(longest), 'x', 126);
	CHECK(attest_flatpak_id(span_of(longest), app) && strlen(app) == 128, "128 bytes");
	longest[strlen(longest)] = 'x';
	CHECK(!attest_flatpak_id(span_of(longest), app), "129 bytes");
	CHECK(!attest_flatpak_id((struct span){ "[Application]\nname=a.b\0c\n", 24 }, app),
	      "a NUL is no part of an id");
}

static void snap_labels(void **state)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
		{ "snap.firefox.firefox (enforce)\n", "snap.firefox" },
		{ "snap.some-thing_key.app (enforce)", "snap.some-thing_key" },
		{ "snap.a.hook.configure (enforce)\n", "snap.a" },
		{ "snap.firefox.firefox (complain)\n", NULL },
		{ "snap.firefox.firefox\n", NULL },
		{ "snap.firefox (enforce)\n", NULL },
		{ "snap.firefox. (enforce)\n", NULL },
		{ "snap..x (enforce)\n", NULL },
		{ "unconfined\n", NULL },
		{ "/usr/bin/snap.a.b (enforce)\n", NULL },
		{ "docker-default (enforce)\n", NULL },
		{ "snap.a/b.c (enforce)", NULL },
		{ " (enforce)", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		bool got = attest_snap_id(span_of(rows[i].text), app);

		if (got != (rows[i].id != NULL) || (got && strcmp(app, rows[i].id) != 0))
			fail_msg("row %zu gives %s", i, got ? app : "none");
	}
}

static void services(void **state)
{
	static const struct {
		const char *text;
		uid_t uid;
		const char *id;
	} rows[] = {
		{ "0::/system.slice/cups.service\n", 7, "cups.service" },
		{ "0::/system.slice/cups.service/sub\n", 7, "cups.service" },
		{ "0::/system.slice/system-foo.slice/foo@a\\x2db.service\n", 999,
		  "foo@a\\x2db.service" },
		{ "12:cpu:/x\n1:name=systemd:/system.slice/a.service\n0::/\n", 61184,
		  "a.service" },
		{ "0::/system.slice/a.service\n", 65519, "a.service" },
		/* a service may name groups below its own as it likes */
		{ "3:cpu:/system.slice/a.service/:name=systemd:/system.slice/b.service\n"
		  "1:name=systemd:/system.slice/a.service\n",
		  7, "a.service" },
		{ "3:cpu:/x/0::/system.slice/b.service\n0::/system.slice/a.service\n", 7,
		  "a.service" },
		{ "3::/system.slice/a.service\n", 7, NULL },
		{ "0:", 7, NULL },
		{ "0::", 7, NULL },
		{ "0::x/system.slice/a.service\n", 7, NULL },
		/* whose uid is not a system user's */
		{ "0::/system.slice/a.service\n", 0, NULL },
		{ "0::/system.slice/a.service\n", 1000, NULL },
		{ "0::/system.slice/a.service\n", 61183, NULL },
		{ "0::/system.slice/a.service\n", 65520, NULL },
		{ "0::/system.slice/a.service\n", 65534, NULL },
		/* what a person's own manager may make */
		{ "0::/user.slice/user-7.slice/user@7.service/app.slice/a.service\n", 7, NULL },
		{ "0::/user.slice/system.slice/a.service\n", 7, NULL },
		{ "0::/a.slice/system.slice/a.service\n", 7, NULL },
		/* no service */
		{ "0::/system.slice/docker-1.scope\n", 7, NULL },
		{ "0::/system.slice/docker-1.scope/a.service\n", 7, NULL },
		{ "0::/system.slice\n", 7, NULL },
		{ "0::/system.slice/.service\n", 7, NULL },
		{ "0::/system.slice/a b.service\n", 7, NULL },
		{ "0::/../../system.slice/a.service\n", 7, NULL },
		{ "0::/\n", 7, NULL },
		{ "", 7, NULL },
		{ "garbage", 7, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		bool got = attest_service_id(span_of(rows[i].text), rows[i].uid, app);

		if (got != (rows[i].id != NULL) || (got && strcmp(app, rows[i].id) != 0))
			fail_msg("row %zu gives %s", i, got ? app : "none");
	}
}

static void a_process_that_ended_proves_nothing(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		skip();
	}
	CHECK(attest_look(pidfd, getuid(), app) == ATTEST_NONE && app[0] == '\0', "a program");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(attest_look(pidfd, getuid(), app) == ATTEST_NONE && app[0] == '\0', "none");
	close(pidfd);
	CHECK(attest_look(STDIN_FILENO, getuid(), app) == ATTEST_NONE, "no pidfd at all");
	CHECK(attest_look(-1, getuid(), app) == ATTEST_NONE, "no descriptor");
}

/* What the router believes of the other side of its wire. */
static void the_wire(void **state)
{
	static struct attest_answer a = { .id = 7, .kind = ATTEST_SNAP, .app = "snap.a" };
	struct attest_answer got;
	int pair[2], devnull[2];

	(void)state;
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0, "a pair");
	CHECK(pipe(devnull) == 0, "something to send along");
	CHECK(attest_read(pair[0], &got) == ERR_AGAIN, "nothing yet");
	CHECK(write(pair[1], &a, sizeof a) == sizeof a, "an answer");
	CHECK(attest_read(pair[0], &got) == ERR_OK && got.id == 7 && got.kind == ATTEST_SNAP &&
		      strcmp(got.app, "snap.a") == 0,
	      "as it was said");
	CHECK(write(pair[1], &a, sizeof a - 1) > 0, "a short one");
	CHECK(attest_read(pair[0], &got) == ERR_PROTOCOL, "short");
	memset(a.app, 'x', sizeof a.app);
	CHECK(write(pair[1], &a, sizeof a) == sizeof a, "one without an end");
	CHECK(attest_read(pair[0], &got) == ERR_PROTOCOL, "no end");
	a.app[1] = '\0';
	a.kind = (enum attest_kind)9;
	CHECK(write(pair[1], &a, sizeof a) == sizeof a, "one of no kind");
	CHECK(attest_read(pair[0], &got) == ERR_PROTOCOL, "no kind");
	CHECK(attest_ask(pair[0], 1, 2, devnull[0]) == ERR_OK, "a question");
	while (attest_ask(pair[0], 1, 2, devnull[0]) == ERR_OK)
		;
	CHECK(attest_ask(pair[0], 1, 2, devnull[0]) == ERR_AGAIN, "too many");
	close(pair[1]);
	CHECK(attest_ask(pair[0], 1, 2, devnull[0]) == ERR_PEER_GONE, "nobody to ask");
	CHECK(attest_read(pair[0], &got) == ERR_PEER_GONE, "nobody to answer");
	close(pair[0]);
	close(devnull[0]);
	close(devnull[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flatpak_files),
		cmocka_unit_test(snap_labels),
		cmocka_unit_test(services),
		cmocka_unit_test(a_process_that_ended_proves_nothing),
		cmocka_unit_test(the_wire),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
