#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Times and instructions of policy evaluation. Builds optimised in a folder of its own.
# usage: bench/policy.sh [BUILD_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(mktemp -d)}
mkdir -p "$build"
# shellcheck disable=SC2046 # words on purpose
${CC:-cc} -O2 -g -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -I"$root" \
	$(pkg-config --cflags libcjson mbedcrypto 2>/dev/null) \
	"$root"/bench/policy.c "$root"/policy/*.c "$root"/common/*.c "$root"/crypto/*.c \
	$(pkg-config --libs libcjson mbedcrypto 2>/dev/null || echo -lcjson -lmbedcrypto) -lm \
	-o "$build/bench_policy"

"$build/bench_policy"

# Instructions of one request at five destinations: the difference of two counts, so that
# start and loading drop out.
if command -v valgrind >/dev/null; then
	count() {
		valgrind --tool=callgrind --callgrind-out-file="$build/callgrind" \
			"$build/bench_policy" "$1" "$2" 2>&1 | sed -n 's/.*Collected : *\([0-9]*\).*/\1/p'
	}
	printf '\nrules\tinstructions_per_request\tinstructions_per_destination\n'
	for rules in 10 50 512; do
		few=$(count "$rules" 64)
		many=$(count "$rules" 320)
		each=$(((many - few) / 256))
		printf '%s\t%s\t%s\n' "$rules" "$each" "$((each / 5))"
	done
fi
