# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The first two prompts: one answered here, one only weighed.
#
# Read by quickstart after lib.sh.

POLICY_DIR=${XDG_CONFIG_HOME:-$HOME/.config}/hither/policy.d
SIMPLE_PROMPT='What is the capital of France?'
HARD_PROMPT='Prove that there are infinitely many primes congruent to 3 modulo 4, then give an algorithm that finds the n-th one and analyse its complexity.'

# hither says on stderr where the answer came from and why.
ask_simple() {
	say "\$ hither ask \"$SIMPLE_PROMPT\""
	timeout 300 "$HITHER" ask "$SIMPLE_PROMPT" </dev/null ||
		fail 'the question was not answered' "$HITHER doctor"
}

# `route` ends with 7 when a question would be asked, 5 when the policy says no: both are answers here.
weigh_hard() {
	route_status=0
	timeout 60 "$HITHER" route "$@" "$HARD_PROMPT" </dev/null || route_status=$?
	case $route_status in
	0 | 5 | 7) ;;
	*) fail 'the hard prompt could not be weighed' "$HITHER doctor" ;;
	esac
}

route_hard() {
	say "\$ hither route \"$HARD_PROMPT\""
	weigh_hard
	if ! "$HITHER" route --json "$HARD_PROMPT" </dev/null 2>/dev/null |
		grep -q '"tier": *"cloud"'; then
		route_hard_example
	fi
}

# The user has no cloud destination, so there is no question to show. A second daemon of a few
# seconds, all of whose folders are scratch, has one that does not exist; `route` sends nothing, and
# that name could not be reached anyway (RFC 2606).
route_hard_example() {
	say "With a cloud destination in the policy, such as this file in $POLICY_DIR, you would be asked:"
	scratch_dir
	example=$SCRATCH/example
	mkdir -p "$example/config/policy.d"
	cat >"$example/config/policy.d/10-example.json" <<'POLICY'
{
  "hither_policy": 1,
  "id": "quickstart-example",
  "destinations": {
    "example-cloud": {
      "tier": "cloud", "api": "openai", "operator": "Example Cloud", "region": "eu",
      "base_url": "https://cloud.example/v1", "models": ["large-model"],
      "retention_days": 30, "trains": false,
      "price": { "currency": "EUR", "input_per_mtok": 2, "output_per_mtok": 8 }
    }
  },
  "default": { "device": "allow", "cloud": "ask" }
}
POLICY
	sed 's/^/    | /' "$example/config/policy.d/10-example.json" >&2
	start_job "$LOG_DIR/example.log" "$HITHERD" --user --runtime-dir "$example/run" \
		--state-dir "$example/state" --config-dir "$example/config" --models-dir "$MODELS_DIR"
	example_tries=0
	until "$HITHER" status --json --host "unix:$example/run/hither.sock" 2>/dev/null |
		grep -q '"ready": *true'; do
		example_tries=$((example_tries + 1))
		if [ "$example_tries" -gt 100 ] || ! kill -0 "$JOB_PID" 2>/dev/null; then
			show_log_end "$LOG_DIR/example.log"
			fail 'the example daemon did not become ready' "$HITHER doctor"
		fi
		sleep 0.1
	done
	weigh_hard --host "unix:$example/run/hither.sock"
	end_job
}

next_commands() {
	cat >&2 <<TEXT

Ready. Three things to try:
  $HITHER ask "Summarise in one sentence: The library is closed on Monday because the heating is being repaired. It opens again on Tuesday at nine."
  $HITHER status
  $HITHER doctor
TEXT
}
