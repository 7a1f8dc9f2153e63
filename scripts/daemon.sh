# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The daemon for this user: under the user's service manager where there is one, else detached.
# A daemon that already runs this very program is left alone; an older one is replaced.
#
# Read by quickstart after lib.sh.

DAEMON_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/hither
DAEMON_LOG=$DAEMON_STATE/hitherd.log
DAEMON_PID=$DAEMON_STATE/quickstart.pid
DAEMON_MARK=$DAEMON_STATE/quickstart.program
DAEMON_UNIT=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/hitherd.service

# The answer counts, not the exit status: a daemon that works with warnings is ready.
daemon_ready() {
	"$HITHER" status --json >"$LOG_DIR/status.log" 2>&1 || :
	grep -q '"ready": *true' "$LOG_DIR/status.log"
}

user_manager() {
	have systemctl || return 1
	case $(systemctl --user is-system-running 2>/dev/null || :) in
	running | degraded | starting) return 0 ;;
	*) return 1 ;;
	esac
}

# The pid in the file is ours only while it still runs hitherd.
detached_pid() {
	[ -r "$DAEMON_PID" ] || return 1
	read -r daemon_pid <"$DAEMON_PID" || return 1
	case $(readlink "/proc/$daemon_pid/exe" 2>/dev/null) in
	*/hitherd | */hitherd' (deleted)') echo "$daemon_pid" ;;
	*) return 1 ;;
	esac
}

stop_detached() {
	old_pid=$(detached_pid) || return 0
	say "Stopping the older daemon (process $old_pid)."
	kill -TERM "$old_pid" 2>/dev/null || return 0
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 "$old_pid" 2>/dev/null || return 0
		sleep 0.5
	done
	fail "the older daemon (process $old_pid) does not stop" "kill $old_pid, then ./quickstart again"
}

start_under_manager() {
	mkdir -p "$(dirname "$DAEMON_UNIT")"
	cat >"$DAEMON_UNIT.new" <<UNIT
# Written by $ROOT/quickstart.
[Unit]
Description=hither, answers near before far

[Service]
Type=notify
NotifyAccess=all
ExecStart=$HITHERD --user
ExecReload=/bin/kill -HUP \$MAINPID
Restart=on-failure

[Install]
WantedBy=default.target
UNIT
	mv -f "$DAEMON_UNIT.new" "$DAEMON_UNIT"
	systemctl --user daemon-reload
	systemctl --user enable -q hitherd.service
	systemctl --user restart hitherd.service || fail 'the service did not start' \
		'systemctl --user status hitherd; journalctl --user -u hitherd'
	DAEMON_LOOK='journalctl --user -u hitherd'
}

start_detached() {
	stop_detached
	setsid "$HITHERD" --user </dev/null >>"$DAEMON_LOG" 2>&1 9>&- &
	echo $! >"$DAEMON_PID"
	DAEMON_LOOK="tail $DAEMON_LOG"
}

wait_ready() {
	wait_start=$(date +%s)
	progress_begin
	while ! daemon_ready; do
		wait_now=$(($(date +%s) - wait_start))
		if [ "$wait_now" -ge 60 ]; then
			end_progress
			show_log_end "$DAEMON_LOG"
			show_log_end "$LOG_DIR/status.log"
			fail 'the daemon is not ready after 60 s' "$DAEMON_LOOK"
		fi
		show_progress 'waiting for the daemon' "$wait_now s"
		sleep 0.3
	done
	end_progress
}

start_daemon() {
	mkdir -p "$DAEMON_STATE"
	chmod 700 "$DAEMON_STATE"
	daemon_program="$(cat "$HITHERD" "$HITHERD"-cloud | sha256sum | cut -d' ' -f1) $HITHERD"
	if daemon_ready && [ "$(cat "$DAEMON_MARK" 2>/dev/null)" = "$daemon_program" ]; then
		say 'Already running.'
		return 0
	fi
	if daemon_ready && ! user_manager && ! detached_pid >/dev/null; then
		say 'A daemon that quickstart did not start is running; it is left alone.'
		return 0
	fi
	if user_manager; then start_under_manager; else start_detached; fi
	wait_ready
	printf '%s\n' "$daemon_program" >"$DAEMON_MARK"
	say "Running and ready. Look into it with: $DAEMON_LOOK"
}
