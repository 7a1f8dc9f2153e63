/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role `router`: reads what programs send, judges it, has it answered on the device, or
 * asks consent to let it leave. No network, no files, no descriptors from clients.
 */
#ifndef HITHER_ROUTER_ROUTER_H
#define HITHER_ROUTER_ROUTER_H

/* The whole life of the process; the exit status. Descriptors as in ipc/role.h. */
int router_main(void);

#endif
