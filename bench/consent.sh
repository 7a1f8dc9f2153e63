#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ledger beside what its disk and SHA-256 can do (ledger.c), then the role consent with its neighbours played
# (consent.py): question to agent, answer to release, memory with open questions. Wants a build.
# usage: bench/consent.sh [BUILD_FOLDER] [COMMITS] [RECORDS]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages="sqlite3 libcjson mbedcrypto"
# shellcheck disable=SC2046,SC2086 # words on purpose
${CC:-cc} -O2 -g -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -I"$root" \
	$(pkg-config --cflags $packages 2>/dev/null || true) "$root/bench/ledger.c" \
	"$build/consent/libconsent_ledger.a" "$build/crypto/libcrypto.a" "$build/common/libcommon.a" \
	$(pkg-config --libs $packages 2>/dev/null || echo -lsqlite3 -lcjson -lmbedcrypto) -lm -o "$work/bench_ledger"
"$work/bench_ledger" "$work" "${2:-500}" "${3:-100000}"
python3 "$root/bench/consent.py" "$build/tests/flow/role_consent"
