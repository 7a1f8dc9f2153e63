/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role that has the network and the provider keys, and nothing else: it sends sealed
 * bodies that consent released, to destinations of the policy, and passes the reply on as
 * events through the pipe that came with the body.
 */
#ifndef HITHER_CLOUD_CLOUD_H
#define HITHER_CLOUD_CLOUD_H

/* The whole life of the process; returns its exit status (proc/service.h). */
int cloud_main(void);

#endif
