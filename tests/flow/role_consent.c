/* SPDX-License-Identifier: Apache-2.0 */
/* The role consent alone; consent_role.py plays boot, router, cloud and the agents to it. */
#include "consent/consent.h"

int main(void)
{
	return consent_main();
}
