/* SPDX-License-Identifier: Apache-2.0 */
/* The role local alone; local_role.py plays boot and router to it. */
#include "local/local.h"

int main(void)
{
	return local_main();
}
