# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# `quickstart test`: every test, with the real engine and the default model, and one line at the end.
#
# Read by quickstart after lib.sh.

# Counts of meson's log (one JSON object per line) as "PASSED FAILED SKIPPED".
# An expected failure passed; anything that is neither OK nor skipped failed.
SUITE_COUNT_PY='
import json, sys
count = {"p": 0, "f": 0, "s": 0}
for line in open(sys.argv[1]):
    result = json.loads(line)["result"]
    count["p" if result in ("OK", "EXPECTEDFAIL") else "s" if result == "SKIP" else "f"] += 1
print(count["p"], count["f"], count["s"])
'

run_meson_tests() {
	rm -f "$BUILD/meson-logs/testlog.json"
	meson test -C "$BUILD" --no-rebuild --print-errorlogs --timeout-multiplier 3 \
		</dev/null >&2 9>&- || :
	# No log, no tests: that is a failure, not nothing.
	if [ -s "$BUILD/meson-logs/testlog.json" ]; then
		python3 -I -c "$SUITE_COUNT_PY" "$BUILD/meson-logs/testlog.json"
	else
		echo '0 1 0'
	fi
}

run_script_tests() {
	script_passed=0 script_failed=0
	for script in "$ROOT"/scripts/tests/test_*.sh; do
		if sh "$script" >&2 9>&-; then
			script_passed=$((script_passed + 1))
			printf 'ok   %s\n' "${script##*/}" >&2
		else
			script_failed=$((script_failed + 1))
			printf 'FAIL %s\n' "${script##*/}" >&2
		fi
	done
	echo "$script_passed $script_failed 0"
}

run_suite() {
	# shellcheck disable=SC2034 # read by step()
	STEP_COUNT=5
	SUITE_LINE='0 passed, 1 failed'
	prepare
	step 'Model'
	default_model=$(catalogue default)
	[ -n "$(catalogue file "$default_model")" ] || pull_model "$default_model" ||
		fail "the model $default_model could not be had" 'check the network, then ./quickstart test again'
	say "The tests use $default_model."
	HITHER_TEST_ENGINE=$ENGINE_FOUND
	HITHER_TEST_MODEL=$(catalogue file "$default_model")
	export HITHER_TEST_ENGINE HITHER_TEST_MODEL
	step 'Tests'
	suite_counts="$(run_meson_tests) $(run_script_tests)"
	# shellcheck disable=SC2086 # six numbers
	set -- $suite_counts
	SUITE_LINE="$(($1 + $4)) passed, $(($2 + $5)) failed"
	[ $(($3 + $6)) -eq 0 ] || SUITE_LINE="$SUITE_LINE, $(($3 + $6)) skipped"
	[ $(($2 + $5)) -eq 0 ] || exit 1
}
