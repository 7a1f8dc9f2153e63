/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   machine? call table? -> call == A? rows of A -> call == B? rows of B -> ... -> otherwise
 *
 * Calls whose rows have tests come first: the kernel runs the program for those only, the
 * answers to the others it remembers (since 5.11).
 */
#include "proc/jail_filter.h"

#include <endian.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MAX 512
#define X32_BIT   0x40000000u /* linux/asm-x86/unistd.h: numbers of the x32 table */
#define HALF      4u
#define ARG_LOW(arg)                                                                           \
	((uint32_t)(offsetof(struct seccomp_data, args) + 8u * (arg)) +                        \
	 (__BYTE_ORDER == __BIG_ENDIAN ? HALF : 0u))
#define ARG_HIGH(arg)                                                                          \
	((uint32_t)(offsetof(struct seccomp_data, args) + 8u * (arg)) +                        \
	 (__BYTE_ORDER == __BIG_ENDIAN ? 0u : HALF))
#define JUMP_MAX 255

struct maker {
	struct jail_filter *f;
	const struct jail_list *lists;
	unsigned n_lists;
	uint32_t otherwise, own_pid;
	unsigned at;
	bool full;
};

static void step(struct maker *m, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (m->at == JAIL_STEPS_MAX) {
		m->full = true;
		return;
	}
	m->f->steps[m->at++] = (struct sock_filter){ code, yes, no, k };
}

static uint32_t kernel_answer(const struct maker *m, enum jail_answer a)
{
	static const uint32_t answers[] = {
		[JAIL_ALLOW] = SECCOMP_RET_ALLOW,
		[JAIL_EPERM] = SECCOMP_RET_ERRNO | EPERM,
		[JAIL_EACCES] = SECCOMP_RET_ERRNO | EACCES,
		[JAIL_ENOSYS] = SECCOMP_RET_ERRNO | ENOSYS,
		[JAIL_EAFNOSUPPORT] = SECCOMP_RET_ERRNO | EAFNOSUPPORT,
		[JAIL_KILL] = SECCOMP_RET_KILL_PROCESS,
	};

	return a == JAIL_OTHER ? m->otherwise : answers[a];
}

/* One half of an argument; on inequality the jump is patched when the row's end is known. */
static void half(struct maker *m, uint32_t offset, uint32_t mask, uint32_t value)
{
	if (mask == 0)
		return;
	step(m, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
	if (mask != UINT32_MAX)
		step(m, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	step(m, BPF_JMP | BPF_JEQ | BPF_K, value, 0, JUMP_MAX);
}

/* Inequalities of the steps from `begin` on lead behind the last one. */
static void patch(struct maker *m, unsigned begin)
{
	for (unsigned i = begin; i < m->at; i++) {
		struct sock_filter *s = &m->f->steps[i];

		if (s->code != (BPF_JMP | BPF_JEQ | BPF_K) || s->jf != JUMP_MAX)
			continue;
		if (m->at - i - 1 >= JUMP_MAX)
			m->full = true;
		s->jf = (uint8_t)(m->at - i - 1);
	}
}

static void row(struct maker *m, const struct jail_row *r)
{
	unsigned begin = m->at;

	for (unsigned i = 0; i < r->n; i++) {
		const struct jail_test *t = &r->tests[i];
		uint64_t value = t->value == JAIL_OWN_PID ? m->own_pid : t->value;

		half(m, ARG_LOW(t->arg), (uint32_t)t->mask, (uint32_t)value);
		half(m, ARG_HIGH(t->arg), (uint32_t)(t->mask >> 32), (uint32_t)(value >> 32));
	}
	step(m, BPF_RET | BPF_K, kernel_answer(m, r->answer), 0, 0);
	patch(m, begin);
}

/* --- calls ---------------------------------------------------------------------------------
 */

struct calls {
	int of[CALLS_MAX];
	unsigned n;
};

static void note(struct calls *c, int call)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->of[i] == call)
			return;
	if (call >= 0 && c->n < CALLS_MAX)
		c->of[c->n++] = call;
}

static void note_all(const struct maker *m, bool tested, struct calls *ret)
{
	for (unsigned l = 0; l < m->n_lists; l++)
		for (size_t i = 0; i < m->lists[l].n; i++)
			if (!tested || m->lists[l].rows[i].n > 0)
				note(ret, m->lists[l].rows[i].call);
}

/* The rows with tests, then the last one without, then `otherwise`: as jail_judge() reads them.
 */
static void call(struct maker *m, int number)
{
	unsigned begin = m->at;
	uint32_t last = m->otherwise;

	step(m, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 0);
	for (unsigned l = 0; l < m->n_lists; l++)
		for (size_t i = 0; i < m->lists[l].n; i++) {
			const struct jail_row *r = &m->lists[l].rows[i];

			if (r->call != number)
				continue;
			if (r->n > 0)
				row(m, r);
			else
				last = kernel_answer(m, r->answer);
		}
	step(m, BPF_RET | BPF_K, last, 0, 0);
	if (m->at - begin - 1 >= JUMP_MAX)
		m->full = true;
	else
		m->f->steps[begin].jf = (uint8_t)(m->at - begin - 1);
}

static void head(struct maker *m, uint32_t machine)
{
	step(m, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	step(m, BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0);
	step(m, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	step(m, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (machine == SCMP_ARCH_X86_64) {
		step(m, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
		step(m, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	}
}

enum err jail_filter_make(const struct jail_list *lists, unsigned n, uint32_t otherwise,
			  uint32_t own_pid, struct jail_filter *ret)
{
	struct maker m = { ret, lists, n, otherwise, own_pid, 0, false };
	uint32_t machine = seccomp_arch_native();
	struct calls calls = { .n = 0 };

	if (machine == 0)
		return ERR_UNSUPPORTED;
	head(&m, machine);
	note_all(&m, true, &calls);
	note_all(&m, false, &calls);
	for (unsigned i = 0; i < calls.n; i++)
		call(&m, calls.of[i]);
	step(&m, BPF_RET | BPF_K, otherwise, 0, 0);
	if (m.full || calls.n == CALLS_MAX)
		return ERR_TOO_BIG;
	ret->program = (struct sock_fprog){ (unsigned short)m.at, ret->steps };
	return ERR_OK;
}

enum err jail_filter_load(const struct jail_filter *f)
{
	long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			  &f->program);

	return rc == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err jail_filter_enter(const struct jail_list *lists, unsigned n, uint32_t otherwise,
			   struct jail_filter *work)
{
	enum err e = jail_filter_make(lists, n, otherwise, (uint32_t)getpid(), work);

	return e == ERR_OK ? jail_filter_load(work) : e;
}
