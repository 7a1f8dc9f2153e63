/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc and its kin as the program's own, so that those of the libraries fail too: the n-th
 * from now, alone or all from there on. To be included once in a program; not with a sanitizer,
 * which replaces malloc itself.
 *
 * A library that allocates thousands of times for one answer (big numbers) can be thinned out:
 * of its allocations one in FAILING_THIN counts.
 */
#ifndef HITHER_TESTS_FAULT_FAILING_MALLOC_H
#define HITHER_TESTS_FAULT_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAILING_THIN 41

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t each);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);

/* `asked`: allocations while armed; `fired`: failed ones; `alive`: blocks not given back. */
static struct {
	bool armed, onwards;
	unsigned countdown, asked, fired;
	long alive;
	uintptr_t thin_from, thin_to; /* where the library's code lies */
	unsigned thinned;
} failing;

/* n = 0 only counts. */
static inline void failing_arm(unsigned n, bool onwards)
{
	failing.onwards = onwards;
	failing.countdown = n;
	failing.asked = failing.fired = failing.thinned = 0;
	failing.armed = true;
}

static inline void failing_disarm(void)
{
	failing.armed = false;
}

static bool failing_now(const void *caller)
{
	if (!failing.armed)
		return false;
	if ((uintptr_t)caller >= failing.thin_from && (uintptr_t)caller < failing.thin_to &&
	    failing.thinned++ % FAILING_THIN != 0)
		return false;
	failing.asked++;
	if (failing.countdown == 0 || --failing.countdown > 0)
		return false;
	if (failing.onwards)
		failing.countdown = 1;
	failing.fired++;
	return true;
}

void *malloc(size_t n)
{
	void *p = failing_now(__builtin_return_address(0)) ? NULL : __libc_malloc(n);

	failing.alive += p != NULL;
	return p;
}

void *calloc(size_t n, size_t each)
{
	void *p = failing_now(__builtin_return_address(0)) ? NULL : __libc_calloc(n, each);

	failing.alive += p != NULL;
	return p;
}

void *realloc(void *old, size_t n)
{
	if (n > 0 && failing_now(__builtin_return_address(0)))
		return NULL;
	void *p = __libc_realloc(old, n);

	failing.alive += (p != NULL) - (old != NULL);
	return p;
}

void free(void *p)
{
	failing.alive -= p != NULL;
	__libc_free(p);
}

#endif
