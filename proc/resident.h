/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What starting needed and running does not: pages of program text and constants that were only
 * read on the way to READY (linking, building tables, reading configuration), and freed heap.
 */
#ifndef HITHER_PROC_RESIDENT_H
#define HITHER_PROC_RESIDENT_H

/*
 * Gives such pages back to the system. Nothing is lost: what is used again is mapped again from
 * the page cache at the next access, a minor fault for each 64 KiB. When the process is ready,
 * not before, as the pages would be needed again at once; and seldom enough that faults do not
 * count.
 */
void resident_give_back(void);

#endif
