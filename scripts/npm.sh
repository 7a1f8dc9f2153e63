# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Tarballs from the npm registry, through the npm client as this machine configures it (registry,
# proxy, credentials, authorities), each checked against a pinned integrity before it is used.
#
# Read by quickstart after lib.sh.

# Bytes that npm has brought so far: into its cache first, then the tarball itself.
npm_progress() {
	npm_have=$(du -sb "$NPM_WORK" 2>/dev/null | cut -f1)
	printf '%s %s bytes\n' "${npm_have:-0}" "$NPM_BYTES"
}

# npm_fetch NAME@VERSION INTEGRITY BYTES LABEL: sets NPM_TARBALL; the caller removes it.
npm_fetch() {
	have npm || fail 'there is no npm client' 'apt-get install npm, then ./quickstart again'
	use_system_authorities
	scratch_dir
	NPM_WORK=$(mktemp -d "$SCRATCH/npm.XXXXXX")
	NPM_BYTES=$3
	say "Fetching $1 ($(($3 / 1000000)) MB) with npm."
	start_job "$LOG_DIR/npm.log" npm pack "$1" --pack-destination "$NPM_WORK" \
		--cache "$NPM_WORK/cache" --no-progress --no-update-notifier
	follow "$4" npm_progress || {
		show_log_end "$LOG_DIR/npm.log"
		fail "npm could not fetch $1" 'check the network and npm config get registry, then ./quickstart again'
	}
	for NPM_TARBALL in "$NPM_WORK"/*.tgz; do :; done
	matches_integrity "$NPM_TARBALL" "$2" ||
		fail "$1 is not the file that was pinned" 'check which registry npm uses: npm config get registry'
	rm -rf "$NPM_WORK/cache"
}
