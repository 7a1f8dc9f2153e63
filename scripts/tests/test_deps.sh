#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The machine's own mirror is found in both formats of package sources, and only for its own suite.
set -eu
HERE=$(cd -- "$(dirname -- "$0")/.." && pwd)
. "$HERE/lib.sh"
. "$HERE/deps.sh"
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failures=0

# expect WHAT WANTED GOT
expect() {
	[ "$2" = "$3" ] && return 0
	printf '%s: wanted "%s", got "%s"\n' "$1" "$2" "$3" >&2
	failures=$((failures + 1))
}

cat >"$T/a.list" <<'X'
# deb http://comment.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/keys/own.gpg] https://one.example/debian/ bookworm main contrib
X
expect 'one line' '/keys/own.gpg https://one.example/debian/' "$(own_mirror bookworm "$T/a.list")"

echo 'deb http://plain.example/debian bookworm main' >"$T/b.list"
expect 'no options' '- http://plain.example/debian' "$(own_mirror bookworm "$T/b.list")"
expect 'other suite' '' "$(own_mirror trixie "$T/b.list")"

cat >"$T/c.sources" <<'X'
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

# a comment between stanzas
Types: deb deb-src
URIs: http://two.example/debian
 http://spare.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://two.example/debian-security
Suites: bookworm-security
Components: main
X
expect 'deb822' '/usr/share/keyrings/debian-archive-keyring.gpg http://two.example/debian' \
	"$(own_mirror bookworm "$T/c.sources")"
expect 'first of several files' '- http://plain.example/debian' \
	"$(own_mirror bookworm "$T/none.list" "$T/b.list" "$T/c.sources")"

expect 'MB' 126000000 "$(apt_bytes_of '126 MB of archives.')"
expect 'part there already' 729000 "$(apt_bytes_of '729 kB/3051 kB of archives.')"

# dpkg's journal, as an interrupted run leaves it
mkdir -p "$T/dpkg/updates"
: >"$T/dpkg/updates/tmp.i"
if DPKG_STATE=$T/dpkg dpkg_was_interrupted; then expect 'dpkg at rest' 'nothing to finish' 'a journal'; fi
: >"$T/dpkg/updates/0000"
if ! DPKG_STATE=$T/dpkg dpkg_was_interrupted; then expect 'dpkg interrupted' 'a journal' 'nothing to finish'; fi

export STEP_COUNT=1
printf 'ID=other\nVERSION_ID=1\nPRETTY_NAME="Other 1"\n' >"$T/os-release"
if said=$(OS_RELEASE=$T/os-release detect_debian 2>&1); then
	expect 'another system' 'a failure' 'success'
fi
case $said in *'Other 1'*) ;; *) expect 'another system is named' 'Other 1' "$said" ;; esac

[ "$failures" -eq 0 ]
