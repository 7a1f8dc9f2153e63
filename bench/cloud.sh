#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sends by a standing rule beside the syncs of the ledger's disk: cloud.py says how.
# usage: bench/cloud.sh HITHERD[,OTHER_BUILD...] [FOLDER_ON_THAT_DISK] [ROUNDS]
# Needs cc, python3; strace to count the syncs. As root in a network namespace that holds nothing but lo.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '3,5s/^# //p' "$0" >&2; exit 2; }
out=${2:-$(mktemp -d)}
mkdir -p "$out"
for program in engine load; do
	${CC:-cc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$root" "$root/bench/$program.c" "$root/bench/wire.c" \
		-o "$out/bench_$program"
done
if [ "$(id -u)" = 0 ]; then
	exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh python3 "$root/bench/cloud.py" "$1" "$out" "${3:-5}"
fi
exec python3 "$root/bench/cloud.py" "$1" "$out" "${3:-5}"
