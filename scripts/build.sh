# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# meson and ninja, and the installed copy when a prefix was asked for.
#
# Read by quickstart after lib.sh.

ninja_progress() {
	grep -a -o '^\[[0-9]*/[0-9]*\]' "$BUILD_LOG" 2>/dev/null | tail -n 1 |
		sed 's/^\[\([0-9]*\)\/\([0-9]*\)\]$/\1 \2 files/'
}

run_build() {
	BUILD_LOG=$1
	build_reason=$2
	shift 2
	start_job "$BUILD_LOG" "$@"
	follow 'building' ninja_progress || {
		show_log_end "$BUILD_LOG" 40
		fail "$build_reason" "see $BUILD_LOG; rm -rf $BUILD starts the build afresh"
	}
}

# Sets HITHER and HITHERD.
build_programs() {
	if [ ! -e "$BUILD/build.ninja" ]; then
		say "Configuring in $BUILD."
		run_build "$LOG_DIR/configure.log" 'meson could not configure the build' \
			meson setup "$BUILD" "$ROOT"
	fi
	run_build "$LOG_DIR/build.log" 'the build failed' ninja -C "$BUILD"
	HITHER=$BUILD/hither HITHERD=$BUILD/hitherd
	for built in "$HITHER" "$HITHERD" "$HITHERD-local" "$HITHERD-cloud"; do
		[ -x "$built" ] || fail "the build gave no $built" "see $LOG_DIR/build.log"
	done
	say "Built $HITHER and $HITHERD."
	[ -z "$PREFIX" ] || install_programs
}

install_programs() {
	run_build "$LOG_DIR/install.log" "could not be set up for $PREFIX" \
		meson configure "$BUILD" "-Dprefix=$PREFIX"
	run_build "$LOG_DIR/install.log" "could not be installed in $PREFIX" \
		meson install -C "$BUILD"
	HITHER=$PREFIX/bin/hither HITHERD=$PREFIX/sbin/hitherd
	say "Installed in $PREFIX."
}
