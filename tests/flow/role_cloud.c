/* SPDX-License-Identifier: Apache-2.0 */
/* The role cloud alone; cloud_role.py plays boot, consent and router to it. */
#include "cloud/cloud.h"

int main(void)
{
	return cloud_main();
}
