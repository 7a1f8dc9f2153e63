#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A job's exit status is passed on, an interrupt ends the whole job, progress says bytes, rate and time.
set -eu
HERE=$(cd -- "$(dirname -- "$0")/.." && pwd)
. "$HERE/lib.sh"
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failures=0

wrong() {
	printf '%s\n' "$1" >&2
	failures=$((failures + 1))
}

# progress_text only computes, so its time is an argument and nothing here waits for a clock.
text=$(progress_text 100000000 300000000 bytes 10)
[ "$text" = ' 33 % 100.0/300.0 MB, 10.0 MB/s, 20 s left' ] || wrong "bytes: $text"
text=$(progress_text 10 200 files 20)
[ "$text" = '  5 % 10/200 files, 0.5/s, 6 min 20 s left' ] || wrong "files: $text"

measure() { echo '1 2 files'; }
start_job "$T/log" sh -c 'echo said; exit 3'
status=0
follow 'job' measure 2>"$T/shown" || status=$?
[ "$status" -eq 3 ] || wrong "the job's status was $status"
grep -q said "$T/log" || wrong 'the job said nothing'

# The grandchild names itself, then would stay for long.
start_job "$T/log" sh -c 'sh -c "echo \$\$ >'"$T"'/pid; exec sleep 1000" & wait'
while [ ! -s "$T/pid" ]; do sleep 0.1; done
read -r grandchild <"$T/pid"
end_job
tries=0
while kill -0 "$grandchild" 2>/dev/null && [ "$tries" -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
if kill -0 "$grandchild" 2>/dev/null; then
	wrong 'a child of the job outlived it'
	kill "$grandchild"
fi

# The second one is refused and told who holds the lock; a job of the first holds it on.
export STEP_COUNT=1
(
	take_lock "$T/lock"
	sh -c 'echo $$ >'"$T"'/holder; exec sleep 1000' &
)
while [ ! -s "$T/holder" ]; do sleep 0.1; done
read -r holder <"$T/holder"
if said=$( (take_lock "$T/lock") 2>&1); then wrong 'a lock was given twice'; fi
case "$said " in *" $holder"[\ \;]*) ;; *) wrong "the lock's holder is not named: $said" ;; esac
kill "$holder"
tries=0
until (take_lock "$T/lock") 2>/dev/null || [ "$tries" -ge 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
[ "$tries" -lt 100 ] || wrong 'a lock outlived its holder'

# A reader that goes away ends the job too.
cat >"$T/talker" <<TALKER
STEP_COUNT=1
. "$HERE/lib.sh"
install_traps
start_job "$T/log" sh -c 'echo \$\$ >$T/job; exec sleep 1000'
while [ ! -s "$T/job" ]; do sleep 0.1; done
while :; do say talk; sleep 0.1; done
TALKER
sh "$T/talker" 2>&1 | head -n 1 >/dev/null
read -r job <"$T/job"
if kill -0 "$job" 2>/dev/null; then
	wrong 'a job outlived a quickstart whose reader went away'
	kill "$job"
fi

[ "$failures" -eq 0 ]
