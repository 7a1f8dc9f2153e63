/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of jail_rows.h as a program for the kernel (seccomp(2), classic BPF). Made here and not
 * by libseccomp's rules, because what a call with several rows means has to be exactly
 * jail_judge(): the rows with tests in order, then the one without, then `otherwise`.
 * libseccomp gives the numbers of calls and the name of the machine.
 */
#ifndef HITHER_PROC_JAIL_FILTER_H
#define HITHER_PROC_JAIL_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "proc/jail_rows.h"

#define JAIL_STEPS_MAX 4096 /* BPF_MAXINSNS: the kernel takes no more */

struct jail_filter {
	struct sock_fprog program; /* points into steps: not to be copied */
	struct sock_filter steps[JAIL_STEPS_MAX];
};

/*
 * The program for this machine. Calls of another word size or call table (compat, x32) get
 * SECCOMP_RET_KILL_PROCESS. Allocates nothing. ERR_UNSUPPORTED: unknown machine; ERR_TOO_BIG.
 */
MUST_CHECK enum err jail_filter_make(const struct jail_list *lists, unsigned n,
				     uint32_t otherwise, uint32_t own_pid,
				     struct jail_filter *ret);
/*
 * Puts it on every thread of this process, for good; async-signal-safe. ERR_SYSTEM with errno.
 * No-new-privs must be set.
 */
MUST_CHECK enum err jail_filter_load(const struct jail_filter *f);
/* Both, for the process that calls; `work` is room for the program. Their errors. */
MUST_CHECK enum err jail_filter_enter(const struct jail_list *lists, unsigned n,
				      uint32_t otherwise, struct jail_filter *work);

#endif
