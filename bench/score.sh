#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Times of the classifier against a floor, see score.c. Builds optimised in a folder of its own.
# usage: bench/score.sh [BUILD_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(mktemp -d)}
mkdir -p "$build"
# shellcheck disable=SC2046 # words on purpose
${CC:-cc} -O2 -g -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -ffp-contract=off -I"$root" \
	-DCLASSIFIER_INSTALLED='""' $(pkg-config --cflags libcjson mbedcrypto 2>/dev/null) \
	"$root"/bench/score.c "$root"/router/classify/*.c "$root"/common/*.c "$root"/crypto/*.c \
	$(pkg-config --libs libcjson mbedcrypto 2>/dev/null || echo -lcjson -lmbedcrypto) -lm \
	-o "$build/bench_score"
"$build/bench_score" "$root/models/classifier.bin"
