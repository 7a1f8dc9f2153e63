/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wire.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096

void wire_die(const char *what)
{
	perror(what);
	exit(1);
}

int64_t wire_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void wire_stamp(char out[WIRE_STAMP_BYTES], int64_t ns)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = 't';
	out[1] = '=';
	for (int i = 0; i < 16; i++)
		out[2 + i] = digits[ns >> (60 - 4 * i) & 15];
	out[18] = ';';
}

int64_t wire_stamp_in(const char *text, size_t n)
{
	const char *at = memmem(text, n, "\"t=", 3);
	int64_t ns = 0;

	if (at == NULL || (size_t)(text + n - at) < 20)
		return -1;
	for (int i = 3; i < 19; i++) {
		char c = at[i];

		ns = ns << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return ns;
}

/* The length of the address; *ret_family says of which kind. */
static socklen_t address_of(const char *text, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	if (strncmp(text, "unix:", 5) == 0) {
		struct sockaddr_un *u = (struct sockaddr_un *)ret;

		u->sun_family = AF_UNIX;
		snprintf(u->sun_path, sizeof u->sun_path, "%s", text + 5);
		return sizeof *u;
	}
	if (strncmp(text, "tcp:", 4) == 0) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)atoi(text + 4));
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof *in;
	}
	fprintf(stderr, "%s is neither unix:PATH nor tcp:PORT\n", text);
	exit(2);
}

static void at_once(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			 sizeof on); /* not on Unix sockets */
}

int wire_listen(const char *address)
{
	struct sockaddr_storage a;
	socklen_t n = address_of(address, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		wire_die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a.ss_family == AF_UNIX)
		unlink(address + 5);
	if (bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, BACKLOG) != 0)
		wire_die(address);
	return fd;
}

int wire_connect(const char *address)
{
	struct sockaddr_storage a;
	socklen_t n = address_of(address, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		wire_die("socket");
	if (connect(fd, (struct sockaddr *)&a, n) != 0)
		wire_die(address);
	at_once(fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int wire_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		at_once(fd);
	return fd;
}

void wire_pin(int processor)
{
	cpu_set_t set;

	if (processor < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(processor % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof set, &set);
}

void wire_many_descriptors(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}
