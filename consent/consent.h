/* SPDX-License-Identifier: Apache-2.0 */
/* The consent role, as hitherd runs it. Returns the exit status (proc/service.h). */
#ifndef HITHER_CONSENT_CONSENT_H
#define HITHER_CONSENT_CONSENT_H

int consent_main(void);

#endif
