/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of this folder share: addresses, time, one processor each. They end with a
 * message when the machine refuses something; they are tools, not services.
 *
 * The prompt says what the engine is to answer: "@N,EVERY_US,BYTES@" anywhere in it asks for N
 * pieces, one each EVERY_US microseconds (0: all at once), of BYTES filler bytes. Each piece
 * begins with "t=" and CLOCK_MONOTONIC in 16 hex digits of nanoseconds, and a ';'.
 */
#ifndef HITHER_BENCH_WIRE_H
#define HITHER_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_STAMP_BYTES 19 /* t=0123456789abcdef; */

int64_t wire_now_ns(void);
void wire_stamp(char out[WIRE_STAMP_BYTES], int64_t ns);
/* The first stamp in `text`; -1: none. */
int64_t wire_stamp_in(const char *text, size_t n);
/* "unix:/path" or "tcp:PORT" on 127.0.0.1; non-blocking. */
int wire_listen(const char *address);
int wire_connect(const char *address);
int wire_accept(int listener); /* non-blocking, no delay; -1: none waits */
void wire_pin(int processor);  /* -1: anywhere */
void wire_many_descriptors(void);
__attribute__((noreturn)) void wire_die(const char *what);

#endif
