# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The first two prompts: one answered here, one only weighed.
#
# Read by quickstart after lib.sh.

SIMPLE_PROMPT='What is the capital of France?'
HARD_PROMPT='Prove that there are infinitely many primes congruent to 3 modulo 4, then give an algorithm that finds the n-th one and analyse its complexity.'

# hither says on stderr where the answer came from and why.
ask_simple() {
	say "\$ hither ask \"$SIMPLE_PROMPT\""
	timeout 300 "$HITHER" ask "$SIMPLE_PROMPT" </dev/null ||
		fail 'the question was not answered' "$HITHER doctor"
}

# `route` ends with 7 when a question would be asked, 5 when the policy says no: both are answers here.
route_hard() {
	say "\$ hither route \"$HARD_PROMPT\""
	route_status=0
	"$HITHER" route "$HARD_PROMPT" </dev/null || route_status=$?
	case $route_status in
	0 | 5 | 7) ;;
	*) fail 'the hard prompt could not be weighed' "$HITHER doctor" ;;
	esac
}

next_commands() {
	cat >&2 <<TEXT

Ready. Three things to try:
  $HITHER ask "Write a two-line reminder to water the plants."
  $HITHER status
  $HITHER doctor
TEXT
}
