#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Branch coverage of the policy library by its own tests, file by file.
# usage: scripts/coverage-policy.sh [-v]      -v lists the branches that were never taken
# Needs gcc and gcov. The files whose coverage must be whole are named first.
# shellcheck disable=SC2086 # lists of words
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
whole="parse parse_cond parse_rule parse_block reader request words merge set data glob decide"
rest="compile bundle load run_tests sign eval_line describe explain lint show format diff"
libs="$(pkg-config --libs libcjson mbedcrypto cmocka 2>/dev/null || echo -lcjson -lmbedcrypto -lcmocka) -lm"
flags="-O0 -g -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -I$root $(pkg-config --cflags libcjson mbedcrypto cmocka 2>/dev/null || true)"

cd "$work"
for name in $whole $rest; do
	gcc $flags --coverage -c "$root/policy/$name.c" -o "$name.o"
done
for source in "$root"/common/*.c "$root"/crypto/*.c; do
	gcc $flags -c "$source" -o "other_$(basename "$source" .c).o"
done
for test in "$root"/tests/unit/test_policy_*.c; do
	gcc $flags --coverage "$test" ./*.o $libs -o suite
	./suite >test.log 2>&1 || { cat test.log; exit 1; }
	rm -f suite*
done

# Branches of a file, counted from the annotated source. The failing side of an assertion is no
# branch of the program: lines that assert are left out.
total() {
	printf '%-14s %9s %9s %9s\n' file branches taken percent
	for name in "$@"; do
		gcov -b -c -o "$work" "$name.gcda" >/dev/null 2>&1
		awk -v name="$name" '
			/^ *[0-9#=-]+\*?: *[0-9]+:/ { skip = /assert\(/ }
			/^branch / && !skip { branches++; taken += !/never executed|taken 0( |$)/ }
			END { printf "%-14s %9d %9d %8.2f%%\n", name, branches, taken, 100 * taken / branches }
		' "$name.c.gcov"
	done | tee table
	awk '{ b += $2; t += $3 } END { printf "%-14s %9d %9d %8.2f%%\n\n", "together", b, t, 100 * t / b }' table
}

total $whole
total $rest
if [ "${1:-}" = -v ]; then
	for name in $whole; do
		awk -v name="$name" '
			/^ *[0-9#=-]+\*?: *[0-9]+:/ { line = $0; skip = /assert\(/ }
			/^branch .*(never executed|taken 0( |$))/ && !skip && line != last { print name ".c: " line; last = line }
		' "$name.c.gcov"
	done
fi
