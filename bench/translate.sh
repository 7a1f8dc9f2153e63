#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Times of a request's body against cJSON's parsing, see body.c, and of translation a chunk against cJSON's
# parsing and printing, see translate.c. Builds optimised in a folder of its own.
# usage: bench/translate.sh [BUILD_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(mktemp -d)}
mkdir -p "$build"
for program in body translate; do
	# shellcheck disable=SC2046 # words on purpose
	${CC:-cc} -O2 -g -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -I"$root" \
		$(pkg-config --cflags libcjson 2>/dev/null) \
		"$root/bench/$program.c" "$root"/dialect/*.c "$root"/common/*.c \
		$(pkg-config --libs libcjson 2>/dev/null || echo -lcjson) -lm -o "$build/bench_$program"
	"$build/bench_$program"
done
