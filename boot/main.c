/* SPDX-License-Identifier: Apache-2.0 */
/* hitherd: boot, or with `--role NAME` one of the roles. */
#include <stddef.h>

#include "boot/boot.h"

#ifdef HAVE_ROLE_ROUTER
#include "router/router.h"
#endif
#ifdef HAVE_ROLE_LOCAL
#include "local/local.h"
#endif
#ifdef HAVE_ROLE_CONSENT
#include "consent/consent.h"
#endif
#ifdef HAVE_ROLE_CLOUD
#include "cloud/cloud.h"
#endif

static role_main_fn *const roles[ROLE_COUNT] = {
	[ROLE_BOOT] = NULL,
#ifdef HAVE_ROLE_ROUTER
	[ROLE_ROUTER] = router_main,
#endif
#ifdef HAVE_ROLE_LOCAL
	[ROLE_LOCAL] = local_main,
#endif
#ifdef HAVE_ROLE_CONSENT
	[ROLE_CONSENT] = consent_main,
#endif
#ifdef HAVE_ROLE_CLOUD
	[ROLE_CLOUD] = cloud_main,
#endif
};

int main(int argc, char **argv)
{
	return boot_main(argc, argv, roles);
}
