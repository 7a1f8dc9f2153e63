#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Times of the scanner against a floor, see scan.c. Builds optimised in a folder of its own.
# usage: bench/scan.sh [BUILD_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(mktemp -d)}
mkdir -p "$build"
packages="libcjson libpcre2-8 libutf8proc"
# shellcheck disable=SC2046,SC2086 # words on purpose
${CC:-cc} -O2 -g -std=gnu11 -D_GNU_SOURCE -DPCRE2_CODE_UNIT_WIDTH=8 -fno-strict-aliasing \
	-ffp-contract=off -I"$root" $(pkg-config --cflags $packages) \
	"$root"/bench/scan.c "$root"/scan/*.c "$root"/common/*.c \
	$(pkg-config --libs $packages) -lm -o "$build/bench_scan"
"$build/bench_scan"
