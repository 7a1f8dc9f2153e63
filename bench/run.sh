#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hither beside a byte relay, nginx and HAProxy on Unix sockets, in the same run: table and TSV.
# usage: bench/run.sh HITHERD [OUT_FOLDER] [run.py's options]
# Needs cc, python3; nginx and haproxy where they are to be compared. As root everything runs in
# a network namespace that holds nothing but lo.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '3,6s/^# //p' "$0" >&2; exit 2; }
hitherd=$(realpath "$1")
shift
out=${1:-$(mktemp -d)}
[ $# -eq 0 ] || shift
mkdir -p "$out"
for program in engine relay load; do
	${CC:-cc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$root" "$root/bench/$program.c" "$root/bench/wire.c" \
		-o "$out/bench_$program"
done
# shellcheck disable=SC3045 # dash and bash both have it
ulimit -n "$(ulimit -H -n)"
if [ "$(id -u)" = 0 ]; then
	exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
		python3 "$root/bench/run.py" "$hitherd" "$out" "$@"
fi
exec python3 "$root/bench/run.py" "$hitherd" "$out" "$@"
