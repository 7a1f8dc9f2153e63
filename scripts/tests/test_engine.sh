#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Only a whole, able engine is taken: a changed program, one without our options, one that does not
# run and a tarball with another hash are all refused.
set -eu
HERE=$(cd -- "$(dirname -- "$0")/.." && pwd)
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export HOME="$T" XDG_CACHE_HOME="$T/cache" XDG_DATA_HOME="$T/data"
unset HITHER_ENGINE
. "$HERE/lib.sh"
. "$HERE/engine.sh"
failures=0

refuse() {
	what=$1
	shift
	if "$@"; then
		printf '%s was accepted\n' "$what" >&2
		failures=$((failures + 1))
	fi
}
accept() {
	what=$1
	shift
	"$@" && return 0
	printf '%s was refused\n' "$what" >&2
	failures=$((failures + 1))
}

make_program() {
	mkdir -p "$1"
	printf '#!/bin/sh\necho "%s"\n' "$2" >"$1/llama-server"
	chmod +x "$1/llama-server"
	(cd "$1" && sha256sum llama-server >llama-server.sha256)
}

make_program "$T/good" "$ENGINE_NEEDS --no-ui path.sock"
accept 'a program with every option' engine_suits "$T/good/llama-server"
accept 'a whole program' engine_whole "$T/good"
make_program "$T/older" "$ENGINE_NEEDS --no-webui path.sock"
accept 'the older name of --no-ui' engine_suits "$T/older/llama-server"
make_program "$T/old" '--host --model --ctx-size --parallel --no-webui'
refuse 'a program without --offline' engine_suits "$T/old/llama-server"
refuse 'no program' engine_suits "$T/none/llama-server"
refuse 'an empty cache' engine_whole "$T/none"

echo '# changed' >>"$T/good/llama-server"
refuse 'a changed program' engine_whole "$T/good"

printf 'tarball' >"$T/tarball"
right="sha512-$(sha512sum "$T/tarball" | cut -d' ' -f1 | tr -d '\n' | sed 's/../\\x&/g' | xargs -0 printf '%b' | base64 -w0)"
accept 'the right integrity' matches_integrity "$T/tarball" "$right"
printf 'tarbalk' >"$T/tarball"
refuse 'another integrity' matches_integrity "$T/tarball" "$right"
refuse 'no integrity' matches_integrity "$T/tarball" ''

[ "$failures" -eq 0 ]
