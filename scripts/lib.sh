# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What every quickstart step uses: messages, failure with a next step, progress, hashes.
#
# All messages go to stderr. A step that takes long is run in the background in its own
# process group and followed with follow(), so that an interrupt can end the whole group.
#
# Read by quickstart; expects STEP_COUNT to be set before the first step().

STEP_NUMBER=0
STEP_TITLE='starting'
JOB_PID=''
SCRATCH=''
SUITE_LINE=''

if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then ON_TTY=1; else ON_TTY=0; fi

say() { printf '%s\n' "    $*" >&2; }

step() {
	STEP_NUMBER=$((STEP_NUMBER + 1))
	STEP_TITLE=$1
	printf '[%d/%d] %s\n' "$STEP_NUMBER" "$STEP_COUNT" "$1" >&2
}

# fail REASON NEXT: name the step, the reason and what to do, then end.
fail() {
	printf '\nquickstart stopped in step %d (%s).\n  Reason: %s\n  Next:   %s\n' \
		"$STEP_NUMBER" "$STEP_TITLE" "$1" "$2" >&2
	exit 1
}

# The end of a log, for a failure message that should not send the reader away.
show_log_end() {
	[ -s "$1" ] || return 0
	printf '    --- end of %s ---\n' "$1" >&2
	tail -n "${2:-15}" "$1" | sed 's/^/    | /' >&2
}

scratch_dir() {
	[ -n "$SCRATCH" ] || SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/hither-quickstart.XXXXXX")
}

end_job() {
	[ -n "$JOB_PID" ] || return 0
	kill -s TERM -- "-$JOB_PID" 2>/dev/null || kill -TERM "$JOB_PID" 2>/dev/null || :
	wait "$JOB_PID" 2>/dev/null || :
	JOB_PID=''
}

on_exit() {
	status=$?
	trap - EXIT
	end_job
	# The last line of `quickstart test`, whatever ended it.
	[ -z "$SUITE_LINE" ] || printf '%s\n' "$SUITE_LINE" 2>/dev/null || :
	[ -z "$SCRATCH" ] || rm -rf -- "$SCRATCH" 2>/dev/null || :
	exit "$status"
}

# The reader of our messages may be gone too: that must not keep the job from being ended.
on_signal() {
	trap '' PIPE
	printf '\nInterrupted in step %d (%s). Nothing half-made is used; run ./quickstart again to go on.\n' \
		"$STEP_NUMBER" "$STEP_TITLE" >&2 2>/dev/null || :
	exit "$1"
}

install_traps() {
	trap on_exit EXIT
	trap 'on_signal 130' INT
	trap 'on_signal 143' TERM
	trap 'on_signal 129' HUP
	trap 'on_signal 141' PIPE
}

# take_lock FILE: one quickstart at a time. Descriptor 9 holds the lock; jobs inherit it, so that it
# is also held by a compiler that outlived a killed quickstart. What is to stay must close it.
take_lock() {
	exec 9>>"$1"
	flock -n 9 && return 0
	lock_holders=''
	for lock_fd in /proc/[0-9]*/fd/9; do
		# shellcheck disable=SC3013 # dash and bash both have it
		[ "$lock_fd" -ef "$1" ] || continue
		lock_pid=${lock_fd#/proc/} lock_pid=${lock_pid%%/*}
		[ "$lock_pid" = $$ ] || lock_holders="$lock_holders $lock_pid"
	done
	fail 'another quickstart, or a job that one left behind, is running' \
		"wait for it, or end it: kill$lock_holders; then ./quickstart again"
}

# start_job LOG COMMAND...: run in the background in a process group of its own.
start_job() {
	job_log=$1
	shift
	setsid "$@" </dev/null >"$job_log" 2>&1 &
	JOB_PID=$!
}

# progress_text DONE TOTAL UNIT SECONDS: "31 % 102.4/322.6 MB, 12.1 MB/s, 18 s left"
progress_text() {
	awk -v have="$1" -v total="$2" -v unit="$3" -v secs="$4" 'BEGIN {
		if (have > total && total > 0) have = total
		rate = secs > 0 ? have / secs : 0
		if (total > 0) printf "%3d %% ", 100 * have / total
		if (unit == "bytes") {
			printf "%.1f", have / 1e6
			if (total > 0) printf "/%.1f", total / 1e6
			printf " MB, %.1f MB/s", rate / 1e6
		} else {
			printf "%d/%d %s", have, total, unit
			if (rate > 0) printf ", %.1f/s", rate
		}
		if (rate > 0 && total > have) {
			left = (total - have) / rate
			if (left >= 60) printf ", %d min %02d s left", left / 60, left % 60
			else printf ", %d s left", left + 0.5
		}
	}'
}

# show_progress LABEL TEXT: a line rewritten in place on a terminal, else one line per ten seconds.
progress_begin() { PROGRESS_SHOWN=$(date +%s); }

show_progress() {
	if [ "$ON_TTY" = 1 ]; then
		printf '\r\033[K    %s %s' "$1" "$2" >&2
		return
	fi
	progress_now=$(date +%s)
	[ $((progress_now - PROGRESS_SHOWN)) -ge 10 ] || return 0
	PROGRESS_SHOWN=$progress_now
	printf '    %s %s\n' "$1" "$2" >&2
}

end_progress() {
	[ "$ON_TTY" = 0 ] || printf '\r\033[K' >&2
}

# follow LABEL MEASURE: wait for the job, showing what the function MEASURE prints: "DONE TOTAL UNIT".
# Returns the exit status of the job.
follow() {
	follow_label=$1 follow_measure=$2
	follow_start=$(date +%s)
	progress_begin
	while kill -0 "$JOB_PID" 2>/dev/null; do
		sleep 0.3
		# shellcheck disable=SC2046 # three words on purpose
		set -- $("$follow_measure")
		[ $# -eq 3 ] || continue
		show_progress "$follow_label" \
			"$(progress_text "$1" "$2" "$3" $(($(date +%s) - follow_start)))"
	done
	end_progress
	follow_status=0
	wait "$JOB_PID" || follow_status=$?
	JOB_PID=''
	return "$follow_status"
}

sha256_of() { sha256sum -- "$1" | cut -d' ' -f1; }

# matches_integrity FILE sha512-BASE64: as npm writes the hash of a tarball.
matches_integrity() {
	integrity_want=$(printf '%s' "${2#sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
	integrity_have=$(sha512sum -- "$1" | cut -d' ' -f1)
	[ -n "$integrity_want" ] && [ "$integrity_want" = "$integrity_have" ]
}

have() { command -v "$1" >/dev/null 2>&1; }

# Node keeps its own list of certificate authorities; a machine's own additions count too.
use_system_authorities() {
	if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r /etc/ssl/certs/ca-certificates.crt ]; then
		NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
		export NODE_EXTRA_CA_CERTS
	fi
}
