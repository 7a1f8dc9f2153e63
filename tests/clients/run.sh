#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Client libraries against the daemon at HITHER_SOCKET. Exit 77 (skipped) with the reason when
# something is missing. The libraries are fetched once, as the lock file pins them.
set -eu
cd "$(dirname "$0")"

skip() {
	echo "skipped: $1"
	exit 77
}

[ -n "${HITHER_SOCKET:-}" ] || skip 'HITHER_SOCKET is not set'
command -v node >/dev/null || skip 'node is not installed'
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 18 || (a == 18 && b >= 17) ? 0 : 1)' ||
	skip "node $(node --version) is too old; 18.17 is needed"
# shellcheck disable=SC3013 # dash and bash both have it
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
	command -v npm >/dev/null || skip 'npm is not installed'
	npm ci --ignore-scripts --no-audit --no-fund >&2 || skip 'npm could not fetch the client libraries'
	touch node_modules/.package-lock.json
fi
exec node --test
