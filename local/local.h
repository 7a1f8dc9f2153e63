/* SPDX-License-Identifier: Apache-2.0 */
/* The role `local`: runs the on-device engine and hands connected descriptors to the router. */
#ifndef HITHER_LOCAL_LOCAL_H
#define HITHER_LOCAL_LOCAL_H

/* The whole life of the process; the exit status. Descriptors as in ipc/role.h. */
int local_main(void);

#endif
