/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What local says to boot and to the router. Nothing fails: a message that cannot be queued is
 * logged, one to a router that is gone is dropped.
 */
#ifndef HITHER_LOCAL_TELL_H
#define HITHER_LOCAL_TELL_H

#include "ipc/msg.h"
#include "local/device_state.h"
#include "local/shelf.h"
#include "proc/service.h"

/* Only what differs from the last one, byte by byte: padding is to be zero. */
void tell_boot_engine(struct service *s, const struct msg_ENGINE *m);
/* As handlers of device_watch.h and person.h; `service` is the struct service. */
void tell_boot_device(void *service, const struct device_state *d);
void tell_boot_person(void *service, const struct msg_PERSON *m);

/* The whole list in a sealed memfd, to each router that is there. */
void tell_router_models(struct service *s, const struct model_list *list);
/* ENGINE_CROWDED to all of them. */
void tell_router_crowded(struct service *s, bool crowded);
/* To the router whose stamp the request's number bears (ipc/role.h). `fd` stays the caller's.
 */
void tell_router_give(struct service *s, const struct msg_ENGINE_GIVE *m, int fd);
void tell_router_wait(struct service *s, uint64_t request_id, enum engine_state state,
		      uint32_t position);
/* `detail` is cut at the message's limit. */
void tell_router_none(struct service *s, uint64_t request_id, enum engine_none reason,
		      const char *detail);

#endif
