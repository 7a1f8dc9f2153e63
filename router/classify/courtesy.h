/* SPDX-License-Identifier: Apache-2.0 */
/* Greetings, thanks and small talk around a request do not make it easier. */
#ifndef HITHER_ROUTER_CLASSIFY_COURTESY_H
#define HITHER_ROUTER_CLASSIFY_COURTESY_H

#include "common/span.h"

/* More words of courtesy than this at one end are left where they are. */
#define COURTESY_WORDS 64

/*
 * The part of `text` between the sentences of courtesy at its start and at its end; `text`
 * itself when nothing would remain. Any bytes; looks at no more than COURTESY_WORDS words and
 * 2 KB at each end.
 */
struct span without_courtesy(struct span text);

#endif
