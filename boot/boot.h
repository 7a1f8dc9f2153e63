/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's main program, without the roles themselves. */
#ifndef HITHER_BOOT_BOOT_H
#define HITHER_BOOT_BOOT_H

#include "ipc/role.h"

typedef int role_main_fn(void);

/*
 * With `--role NAME` (which only boot itself passes) runs that role; otherwise is boot. Exit
 * status: 0 stopped in order, 1 something failed, 2 wrong command line. `roles[r]` NULL: not in
 * this build.
 */
int boot_main(int argc, char **argv, role_main_fn *const roles[ROLE_COUNT]);

#endif
