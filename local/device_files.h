/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the kernel's files about the machine, below a root folder. Blocks for as long as
 * sensors take to answer (milliseconds, on some machines more): not for the loop. */
#ifndef HITHER_LOCAL_DEVICE_FILES_H
#define HITHER_LOCAL_DEVICE_FILES_H

#include "local/device_state.h"

/*
 * `root` is what stands before /sys and /proc: "" for the machine's own, or a folder that looks
 * like it. What cannot be read is unknown in *ret; there are no errors.
 */
void device_files_read(const char *root, struct device_files *ret);

#endif
