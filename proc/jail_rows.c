/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data, and one pure function that reads it. Each list says whom it serves; a row whose reason
 * its list does not give has its own. Rows that answer with an error are calls that a library
 * tries before an older one, or does without.
 *
 * A name the machine does not have (open(2) on arm64) is negative and drops out.
 */
#include "proc/jail_rows.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/fds.h"
#include "common/span.h"

#define INT 0xffffffffull

#define ROW(call)                                                                              \
	{                                                                                      \
		SCMP_SYS(call), #call, JAIL_ALLOW, 0,                                          \
		{                                                                              \
			{                                                                      \
				0                                                              \
			}                                                                      \
		}                                                                              \
	}
#define NOT(call, answer)                                                                      \
	{                                                                                      \
		SCMP_SYS(call), #call, (answer), 0,                                            \
		{                                                                              \
			{                                                                      \
				0                                                              \
			}                                                                      \
		}                                                                              \
	}
#define IF(call, n, ...)                                                                       \
	{                                                                                      \
		SCMP_SYS(call), #call, JAIL_ALLOW, (n),                                        \
		{                                                                              \
			__VA_ARGS__                                                            \
		}                                                                              \
	}
/* (argument & mask) == value; the second for arguments that the kernel reads as int */
#define BITS(arg, mask, value)                                                                 \
	{                                                                                      \
		(arg), (mask), (value)                                                         \
	}
#define IS(arg, value)                                                                         \
	{                                                                                      \
		(arg), INT, (uint32_t)(value)                                                  \
	}
#define NULL_AT(arg)                                                                           \
	{                                                                                      \
		(arg), UINT64_MAX, 0                                                           \
	}

/* A wire that is down or new, onto its number (proc/service.c). */
#define ONTO(wire) IF(dup3, 2, IS(1, wire), IS(2, O_CLOEXEC))
#define ONTO_ROUTERS                                                                           \
	ONTO(ROLE_FD_ROUTER), ONTO(ROLE_FD_ROUTER_2), ONTO(ROLE_FD_ROUTER_2 + 1),              \
		ONTO(ROLE_FD_ROUTER_2 + 2), ONTO(ROLE_FD_ROUTER_2 + 3),                        \
		ONTO(ROLE_FD_ROUTER_2 + 4)
_Static_assert(ROLE_FD_ROUTER_2 + ROLE_ROUTERS_MAX - 2 == ROLE_FD_ROUTER_2 + 4,
	       "ONTO_ROUTERS names every router");

#define NO_EXEC BITS(2, PROT_EXEC, 0)
#define NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |         \
	 CLONE_NEWPID | CLONE_NEWNET)
#define THREAD       (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define SOCKET_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)
#define SOCKET(domain, type)                                                                   \
	IF(socket, 2, IS(0, domain), BITS(1, INT & ~(uint64_t)SOCKET_FLAGS, (type)))

/* Memory, time, locks, signals, descriptors that are there: what every C program does. */
static const struct jail_row for_all[] = {
	ROW(read),
	ROW(readv),
	ROW(write),
	ROW(writev),
	ROW(close),
	ROW(fstat),
	ROW(lseek),
	/* nothing becomes code after the start */
	IF(mmap, 1, NO_EXEC),
	IF(mprotect, 1, NO_EXEC),
	ROW(munmap),
	ROW(mremap),
	ROW(madvise),
	ROW(brk),
	ROW(futex),
	ROW(restart_syscall),
	ROW(rt_sigaction),
	ROW(rt_sigprocmask),
	ROW(rt_sigreturn),
	ROW(getpid),
	ROW(getppid),
	ROW(gettid),
	ROW(getuid),
	ROW(geteuid),
	ROW(sched_yield),
	ROW(sysinfo), /* qsort(3): how much memory there is */
	ROW(getrandom),
	/* where the vDSO cannot answer */
	ROW(clock_gettime),
	ROW(clock_getres),
	ROW(gettimeofday),
	ROW(time),
	ROW(clock_nanosleep),
	ROW(nanosleep),
	ROW(exit),
	ROW(exit_group),
	/* its own end (abort(3)), nobody else's */
	IF(kill, 1, { 0, INT, JAIL_OWN_PID }),
	IF(tgkill, 2, { 0, INT, JAIL_OWN_PID }, IS(2, SIGABRT)),
	/* getrlimit(3) of itself, and no other use */
	IF(prlimit64, 2, IS(0, 0), NULL_AT(2)),
	IF(prctl, 1, IS(0, PR_SET_NAME)),
	IF(fcntl, 1, IS(1, F_GETFD)),
	IF(fcntl, 1, IS(1, F_SETFD)),
	IF(fcntl, 1, IS(1, F_GETFL)),
	IF(fcntl, 1, IS(1, F_SETFL)),
	IF(fcntl, 1, IS(1, F_DUPFD_CLOEXEC)),
	IF(fcntl, 1, IS(1, F_ADD_SEALS)),
	IF(fcntl, 1, IS(1, F_GET_SEALS)),
	IF(ioctl, 1, IS(1, FIONBIO)),
	IF(ioctl, 1, IS(1, FIOCLEX)),
	/* is standard error a terminal (isatty(3)): refused is no */
	NOT(ioctl, JAIL_EPERM),
	/* a filter sees nothing of what a ring does; libuv falls back to epoll */
	NOT(io_uring_setup, JAIL_ENOSYS),
	NOT(io_uring_enter, JAIL_ENOSYS),
	NOT(io_uring_register, JAIL_ENOSYS),
	/* libuv and glibc take the older call */
	NOT(statx, JAIL_ENOSYS),
	NOT(epoll_pwait2, JAIL_ENOSYS),
	NOT(close_range, JAIL_ENOSYS),
};

/* The main loop and the wires (libuv, ipc/channel.c, proc/service.c). */
static const struct jail_row for_loop[] = {
	ROW(epoll_create1),
	ROW(epoll_ctl),
	ROW(epoll_wait),
	ROW(epoll_pwait),
	ROW(eventfd2),
	ROW(pipe2),
	/* libuv asks for the kernel's version before it tries a ring */
	ROW(uname),
	ROW(sendmsg),
	ROW(shutdown),
	ROW(memfd_create),
	ROW(ftruncate),
	IF(getsockopt, 1, IS(1, SOL_SOCKET)),
	/* has the other side hung up */
	ROW(poll),
	ROW(ppoll),
};

/* Threads of this program and of its libraries; never a process, never a namespace. */
static const struct jail_row for_threads[] = {
	IF(clone, 1, BITS(0, (uint64_t)(NAMESPACES | CLONE_PTRACE | THREAD), THREAD)),
	/* its flags lie in memory, where a filter cannot look: the call before it is used */
	NOT(clone3, JAIL_ENOSYS),
	ROW(set_robust_list),
	ROW(rseq),
	ROW(sched_getaffinity),
};

/* Files: Landlock says which. The second name of a pair is for machines without the first. */
static const struct jail_row for_files[] = {
	ROW(openat),   ROW(newfstatat), ROW(access),   ROW(faccessat),  ROW(faccessat2),
	ROW(readlink), ROW(readlinkat), ROW(pread64),  ROW(getdents64), ROW(fsync),
	ROW(fchmod),   ROW(rename),     ROW(renameat), ROW(unlink),     ROW(unlinkat),
	ROW(mkdir),    ROW(mkdirat),
};

static const struct jail_row for_router[] = {
	ROW(accept4),
	/* who is there, and a TCP connection's other end */
	ROW(getpeername),
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	/* recv(3) and send(3): streams, no address */
	IF(recvfrom, 1, NULL_AT(4)),
	IF(sendto, 1, NULL_AT(4)),
	/* descriptors come over the wires and from nowhere else */
	IF(recvmsg, 1, IS(0, ROLE_FD_CONTROL)),
	IF(recvmsg, 1, IS(0, ROLE_FD_LOCAL)),
	IF(recvmsg, 1, IS(0, ROLE_FD_CONSENT)),
	ONTO(ROLE_FD_LOCAL),
	ONTO(ROLE_FD_CONSENT),
	/* fstat(3) is this call with an empty path since glibc 2.33 */
	IF(newfstatat, 1, BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
	NOT(newfstatat, JAIL_EACCES),
	/* libuv's spare descriptor at the first stream, the time zone at a stat: without */
	NOT(openat, JAIL_EACCES),
	NOT(open, JAIL_EACCES),
};

static const struct jail_row for_consent[] = {
	ROW(accept4),
	ROW(getpeername),
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	IF(recvfrom, 1, NULL_AT(4)),
	IF(sendto, 1, NULL_AT(4)),
	/* sealed bodies from the router, frames from boot and cloud */
	ROW(recvmsg),
	ONTO_ROUTERS,
	ONTO(ROLE_FD_CLOUD),
	/* the ledger's key, when the ledger was mended meanwhile (crypto/secret.c) */
	ROW(mlock),
	/* the ledger (SQLite) */
	ROW(pwrite64),
	ROW(fdatasync),
	ROW(fallocate),
	ROW(fchown),
	ROW(umask),
	ROW(flock),
	IF(fcntl, 1, IS(1, F_SETLK)),
	IF(fcntl, 1, IS(1, F_GETLK)),
};

static const struct jail_row for_cloud[] = {
	SOCKET(AF_INET, SOCK_STREAM),
	SOCKET(AF_INET6, SOCK_STREAM),
	/* names: DNS, the order of addresses, the name service's sockets */
	SOCKET(AF_INET, SOCK_DGRAM),
	SOCKET(AF_INET6, SOCK_DGRAM),
	IF(socket, 3, IS(0, AF_NETLINK), BITS(1, INT & ~(uint64_t)SOCKET_FLAGS, SOCK_RAW),
	   IS(2, 0)),
	SOCKET(AF_UNIX, SOCK_STREAM),
	/* libcurl wakes itself up over one */
	IF(socketpair, 2, IS(0, AF_UNIX), BITS(1, INT & ~(uint64_t)SOCKET_FLAGS, SOCK_STREAM)),
	/* libcurl asks whether there is IPv6 at all in this way */
	NOT(socket, JAIL_EPERM),
	ROW(connect),
	ROW(bind),
	ROW(getsockname),
	ROW(getpeername),
	ROW(recvfrom),
	ROW(recvmsg),
	ONTO(ROLE_FD_CONSENT),
	ROW(sendto),
	ROW(sendmmsg),
	IF(ioctl, 1, IS(1, FIONREAD)),
	IF(getsockopt, 1, IS(1, IPPROTO_TCP)),
	/* libcurl: no delay, and signs of life */
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_KEEPIDLE)),
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_KEEPINTVL)),
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_KEEPCNT)),
	/* the resolver: to hear that nobody answers, and how it splits */
	IF(setsockopt, 2, IS(1, IPPROTO_IP), IS(2, IP_RECVERR)),
	IF(setsockopt, 2, IS(1, IPPROTO_IP), IS(2, IP_MTU_DISCOVER)),
	IF(setsockopt, 2, IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR)),
	IF(setsockopt, 2, IS(1, IPPROTO_IPV6), IS(2, IPV6_MTU_DISCOVER)),
	IF(setsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)),
	IF(setsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_BROADCAST)),
	/* modules of the name service try more, and do without */
	NOT(setsockopt, JAIL_EPERM),
	NOT(sched_setaffinity, JAIL_EPERM),
};

static const struct jail_row for_local[] = {
	/* the engine's socket, engine.endpoint, the system bus */
	SOCKET(AF_UNIX, SOCK_STREAM),
	ROW(connect),
	/* libsystemd from 254 names its end of the bus after the program */
	IF(prctl, 1, IS(0, PR_GET_NAME)),
	ROW(bind),
	ROW(getsockname),
	ROW(getpeername),
	ROW(recvfrom),
	ROW(recvmsg),
	ONTO_ROUTERS,
	IF(sendto, 1, NULL_AT(4)),
	/* no engine hands the router a descriptor (local/endpoint.c) */
	IF(setsockopt, 2, IS(1, SOL_SOCKET), IS(2, FDS_SO_PASSRIGHTS)),
	IF(setsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_RCVBUF)),
	IF(setsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)),
	IF(setsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_PASSCRED)),
	NOT(setsockopt, JAIL_EPERM), /* sd-bus: SO_RCVBUFFORCE and the like */
	/* models and the folder they lie in */
	ROW(fadvise64),
	ROW(fstatfs),
	ROW(inotify_init1),
	ROW(inotify_add_watch),
	ROW(inotify_rm_watch),
	/* who the bus is to think we are */
	ROW(getgid),
	ROW(getegid),
	ROW(getgroups),
	ROW(getrlimit),
};

/*
 * An engine is another program, of many makers and versions: its own dynamic linker, threads,
 * its one socket, files to read. What is not here is refused with EPERM and does not end it;
 * what nobody honest tries does.
 */
static const struct jail_row for_engine[] = {
	ROW(execve),
	ROW(arch_prctl),
	ROW(set_tid_address),
	ROW(set_robust_list),
	ROW(rseq),
	IF(clone, 1, BITS(0, (uint64_t)(NAMESPACES | CLONE_PTRACE | THREAD), THREAD)),
	NOT(clone3, JAIL_ENOSYS),
	ROW(mmap),
	ROW(mprotect),
	ROW(mlock),
	ROW(munlock),
	ROW(mlock2),
	ROW(mbind),
	ROW(get_mempolicy),
	ROW(set_mempolicy),
	ROW(membarrier),
	ROW(sched_getaffinity),
	ROW(sched_setaffinity),
	ROW(sched_getparam),
	ROW(sched_setscheduler),
	ROW(sched_getscheduler),
	ROW(setpriority),
	ROW(getpriority),
	ROW(getcpu),
	ROW(sysinfo),
	ROW(uname),
	ROW(times),
	ROW(getrusage),
	ROW(prlimit64),
	ROW(getrlimit),
	ROW(prctl),
	ROW(sigaltstack),
	ROW(rt_sigsuspend),
	ROW(rt_sigtimedwait),
	ROW(getgid),
	ROW(getegid),
	ROW(getpgrp),
	ROW(getpgid),
	ROW(setpgid),
	/* its own end, and its own threads */
	IF(kill, 1, { 0, INT, JAIL_OWN_PID }),
	IF(tgkill, 1, { 0, INT, JAIL_OWN_PID }),
	ROW(umask),
	ROW(getcwd),
	ROW(openat),
	ROW(open),
	ROW(newfstatat),
	ROW(stat),
	ROW(lstat),
	ROW(access),
	ROW(faccessat),
	ROW(faccessat2),
	ROW(readlink),
	ROW(readlinkat),
	ROW(getdents64),
	ROW(pread64),
	ROW(preadv),
	ROW(pwrite64),
	ROW(fadvise64),
	ROW(readahead),
	ROW(statfs),
	ROW(fstatfs),
	ROW(unlink),
	ROW(unlinkat),
	/* GPU drivers speak to their nodes in ioctl(2) and nothing else */
	ROW(ioctl),
	ROW(fcntl),
	ROW(dup),
	ROW(dup2),
	ROW(close_range),
	ROW(pipe),
	ROW(poll),
	ROW(ppoll),
	ROW(select),
	ROW(pselect6),
	ROW(timerfd_create),
	ROW(timerfd_settime),
	ROW(signalfd4),
	/* one Unix socket to listen on; a stream that is connected has no address to send to */
	IF(socket, 1, IS(0, AF_UNIX)),
	IF(socketpair, 1, IS(0, AF_UNIX)),
	ROW(shutdown),
	ROW(epoll_create1),
	ROW(epoll_ctl),
	ROW(epoll_wait),
	ROW(epoll_pwait),
	ROW(eventfd2),
	ROW(pipe2),
	ROW(dup3),
	ROW(memfd_create),
	ROW(ftruncate),
	ROW(bind),
	ROW(listen),
	ROW(accept),
	ROW(accept4),
	ROW(getsockname),
	ROW(getpeername),
	ROW(getsockopt),
	ROW(setsockopt),
	ROW(recvfrom),
	IF(sendto, 1, NULL_AT(4)),
	NOT(sendto, JAIL_EACCES),
	NOT(socket, JAIL_EAFNOSUPPORT),
	NOT(socketpair, JAIL_EAFNOSUPPORT),
	NOT(connect, JAIL_EACCES),
	NOT(ptrace, JAIL_KILL),
	NOT(process_vm_readv, JAIL_KILL),
	NOT(process_vm_writev, JAIL_KILL),
	NOT(pidfd_getfd, JAIL_KILL),
	NOT(bpf, JAIL_KILL),
	NOT(userfaultfd, JAIL_KILL),
	NOT(keyctl, JAIL_KILL),
	NOT(mount, JAIL_KILL),
	NOT(unshare, JAIL_KILL),
	NOT(setns, JAIL_KILL),
};

#define LIST(rows)                                                                             \
	{                                                                                      \
		(rows), LEN(rows)                                                              \
	}

/* Makes engines (local/starter): forks, confines, executes, reaps and ends them. */
static const struct jail_row for_starter[] = {
	ROW(clone),
	NOT(clone3, JAIL_ENOSYS),
	ROW(wait4),
	/* of its children; Landlock keeps signals inside where the kernel can */
	ROW(kill),
	ROW(sendmsg),
	ROW(recvmsg),
	/* child_jail_enter() */
	ROW(seccomp),
	ROW(landlock_create_ruleset),
	ROW(landlock_add_rule),
	ROW(landlock_restrict_self),
};

/* Looks for the process behind a connection, in /proc (consent/peer_tcp.c). */
static const struct jail_row for_looker[] = {
	IF(openat, 1, BITS(2, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND, O_RDONLY)),
	ROW(newfstatat),
	ROW(getdents64),
	ROW(readlink),
};

/* Says who is behind a connection, from /proc and root folders (proc/attest.c). */
static const struct jail_row for_attester[] = {
	IF(openat, 1, BITS(2, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND, O_RDONLY)),
	ROW(newfstatat),
	/* questions, each with the descriptor of a process */
	ROW(recvmsg),
	/* has that process ended */
	ROW(poll),
	ROW(ppoll),
	/* its own time limit */
	ROW(alarm),
	ROW(setitimer),
};

/* Says which user is at the other end of a connection (proc/namer.c). */
static const struct jail_row for_namer[] = {
	ROW(recvmsg),
	IF(getsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_PEERCRED)),
};

/*
 * Starts nothing by itself (proc/spawner.c does), connects to nothing but the service manager's
 * socket of datagrams, and listens on nothing new: sockets are bound before.
 */
static const struct jail_row for_supervisor[] = {
	ROW(recvmsg),
	/* new wires */
	IF(socketpair, 2, IS(0, AF_UNIX),
	   BITS(1, INT & ~(uint64_t)SOCKET_FLAGS, SOCK_SEQPACKET)),
	/* the service manager (sd_notify(3)) */
	SOCKET(AF_UNIX, SOCK_DGRAM),
	ROW(sendto),
	/* deaths, and ends that it wants */
	ROW(kill),
	ROW(wait4),
	ROW(waitid),
	/* what several routers count together (ipc/board.c) */
	ROW(pwrite64),
	/* files that change */
	ROW(inotify_init1),
	ROW(inotify_add_watch),
	ROW(inotify_rm_watch),
};

/* Everything below the spawner inherits these, also engines of other makers. */
static const struct jail_row for_spawner[] = {
	NOT(ptrace, JAIL_KILL),
	NOT(process_vm_readv, JAIL_KILL),
	NOT(process_vm_writev, JAIL_KILL),
	NOT(pidfd_getfd, JAIL_KILL),
	NOT(bpf, JAIL_KILL),
	NOT(userfaultfd, JAIL_KILL),
	NOT(perf_event_open, JAIL_KILL),
	NOT(open_by_handle_at, JAIL_KILL),
	NOT(add_key, JAIL_KILL),
	NOT(request_key, JAIL_KILL),
	NOT(keyctl, JAIL_KILL),
	NOT(mount, JAIL_KILL),
	NOT(umount2, JAIL_KILL),
	NOT(move_mount, JAIL_KILL),
	NOT(open_tree, JAIL_KILL),
	NOT(fsopen, JAIL_KILL),
	NOT(pivot_root, JAIL_KILL),
	NOT(chroot, JAIL_KILL),
	NOT(swapon, JAIL_KILL),
	NOT(swapoff, JAIL_KILL),
	NOT(reboot, JAIL_KILL),
	NOT(kexec_load, JAIL_KILL),
	NOT(kexec_file_load, JAIL_KILL),
	NOT(init_module, JAIL_KILL),
	NOT(finit_module, JAIL_KILL),
	NOT(delete_module, JAIL_KILL),
	NOT(io_uring_setup, JAIL_ENOSYS),
	NOT(io_uring_enter, JAIL_ENOSYS),
	NOT(io_uring_register, JAIL_ENOSYS),
};

/* Connects to an engine on a loopback port (local/dialer.c). */
static const struct jail_row for_dialer[] = {
	SOCKET(AF_INET, SOCK_STREAM),
	SOCKET(AF_INET6, SOCK_STREAM),
	ROW(connect),
	ROW(poll),
	ROW(ppoll),
	ROW(sendmsg),
	IF(getsockopt, 2, IS(1, SOL_SOCKET), IS(2, SO_ERROR)),
	IF(setsockopt, 2, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
};

static const struct jail_list of_roles[ROLE_COUNT][JAIL_LISTS_MAX] = {
	[ROLE_BOOT] = { LIST(for_all), LIST(for_loop), LIST(for_files), LIST(for_supervisor) },
	[ROLE_ROUTER] = { LIST(for_all), LIST(for_loop), LIST(for_router) },
	[ROLE_LOCAL] = { LIST(for_all), LIST(for_loop), LIST(for_threads), LIST(for_files),
			 LIST(for_local) },
	[ROLE_CONSENT] = { LIST(for_all), LIST(for_loop), LIST(for_files), LIST(for_consent) },
	[ROLE_CLOUD] = { LIST(for_all), LIST(for_loop), LIST(for_threads), LIST(for_files),
			 LIST(for_cloud) },
};

static const struct jail_list of_programs[JAIL_PROGRAMS][JAIL_LISTS_MAX] = {
	[JAIL_PROGRAM_STARTER] = { LIST(for_all), LIST(for_engine), LIST(for_starter) },
	[JAIL_PROGRAM_ENGINE] = { LIST(for_all), LIST(for_engine) },
	[JAIL_PROGRAM_LOOKER] = { LIST(for_all), LIST(for_looker) },
	[JAIL_PROGRAM_DIALER] = { LIST(for_all), LIST(for_dialer) },
	[JAIL_PROGRAM_ATTESTER] = { LIST(for_all), LIST(for_attester) },
	[JAIL_PROGRAM_NAMER] = { LIST(for_all), LIST(for_namer) },
	[JAIL_PROGRAM_SPAWNER] = { LIST(for_spawner) },
};

static unsigned copy(const struct jail_list from[JAIL_LISTS_MAX],
		     struct jail_list ret[JAIL_LISTS_MAX])
{
	unsigned n = 0;

	while (n < JAIL_LISTS_MAX && from[n].rows != NULL) {
		ret[n] = from[n];
		n++;
	}
	return n;
}

unsigned jail_lists(enum role r, struct jail_list ret[JAIL_LISTS_MAX])
{
	return r < ROLE_COUNT ? copy(of_roles[r], ret) : 0;
}

unsigned jail_program_lists(enum jail_program p, struct jail_list ret[JAIL_LISTS_MAX])
{
	return copy(of_programs[p], ret);
}

static bool row_holds(const struct jail_row *row, const uint64_t args[JAIL_ARGS_MAX],
		      uint32_t own_pid)
{
	for (unsigned i = 0; i < row->n; i++) {
		const struct jail_test *t = &row->tests[i];
		uint64_t want = t->value == JAIL_OWN_PID ? own_pid : t->value;

		if ((args[t->arg] & t->mask) != want)
			return false;
	}
	return true;
}

enum jail_answer jail_judge(const struct jail_list *in, unsigned n, int call,
			    const uint64_t args[JAIL_ARGS_MAX], uint32_t own_pid)
{
	enum jail_answer answer = JAIL_OTHER;

	for (unsigned l = 0; l < n; l++)
		for (size_t i = 0; i < in[l].n; i++) {
			const struct jail_row *row = &in[l].rows[i];

			if (row->call != call || !row_holds(row, args, own_pid))
				continue;
			if (row->n > 0)
				return row->answer;
			answer = row->answer;
		}
	return answer;
}
