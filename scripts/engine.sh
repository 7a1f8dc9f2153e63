# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The engine: a llama-server that can do what the local role asks of it.
#
#   system's own, recent enough? --> link it
#   in the cache, hash right?    --> link it
#   else                             npm tarball (pinned) -> source bundle (pinned) -> build -> cache
#
# The build is for this processor and this C library, so both are part of the cache key. Each stage
# is made beside its place and renamed into it: an interrupted one leaves nothing that counts, and the
# fetched bundle and the objects already compiled are found again by the next run.
#
# The server gets no TLS client, no web page and no way to start processes: it only ever reads one
# model file and answers on one Unix socket.
#
# Read by quickstart after lib.sh and npm.sh.

ENGINE_PACKAGE='node-llama-cpp@3.22.1'
ENGINE_INTEGRITY='sha512-bltIipuWmc123H7tMIgDGKSsSrhmhlQYeVUC48XTjVW7XGJJiJJyCdlTMzQ/LiWoPkGDpcL4FviDpgw7qfTiDw=='
ENGINE_PACKAGE_BYTES=35735663
ENGINE_MEMBER='package/llama/gitRelease.bundle'
ENGINE_BUNDLE_SHA256=5f5d1105d5df040738d87b8290e5d17e7362131cdcfdb0831618e0ea528b4a51
# Without -g; one option per line, because one of them holds a space.
ENGINE_FLAGS='-DCMAKE_BUILD_TYPE=Release
-DBUILD_SHARED_LIBS=OFF
-DGGML_NATIVE=ON
-DGGML_OPENMP=OFF
-DGGML_CCACHE=OFF
-DLLAMA_OPENSSL=OFF
-DLLAMA_SUBPROCESS=OFF
-DLLAMA_BUILD_UI=OFF
-DLLAMA_USE_PREBUILT_UI=OFF
-DLLAMA_BUILD_TESTS=OFF
-DLLAMA_BUILD_EXAMPLES=OFF
-DLLAMA_BUILD_APP=OFF
-DCMAKE_EXE_LINKER_FLAGS=-static-libstdc++ -static-libgcc'
# What the local role passes on the command line; --no-webui is the older name of --no-ui.
ENGINE_NEEDS='--host --offline --no-slots --metrics --model --alias --ctx-size --parallel --sleep-idle-seconds'

ENGINE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/hither/engine
ENGINE_LINK=${XDG_DATA_HOME:-$HOME/.local/share}/hither/engine/llama-server

# engine_suits PROGRAM: does it run here and know every option we use?
engine_suits() {
	[ -x "$1" ] || return 1
	engine_help=$("$1" --help 2>/dev/null) || return 1
	for engine_option in $ENGINE_NEEDS; do
		case $engine_help in *"$engine_option"*) ;; *) return 1 ;; esac
	done
	case $engine_help in *--no-ui* | *--no-webui*) ;; *) return 1 ;; esac
	case $engine_help in *.sock*) ;; *) return 1 ;; esac
}

engine_key() {
	{
		printf '%s\n%s\n' "$ENGINE_BUNDLE_SHA256" "$ENGINE_FLAGS"
		uname -m
		getconf GNU_LIBC_VERSION
		grep -m1 -E '^(flags|Features)' /proc/cpuinfo || :
	} | sha256sum | cut -c1-16
}

# engine_whole DIR: the built program is there and is the one that was built.
engine_whole() {
	[ -x "$1/llama-server" ] && [ -r "$1/llama-server.sha256" ] &&
		(cd "$1" && sha256sum --status -c llama-server.sha256)
}

# Sets ENGINE_FOUND to a usable program, or to nothing. Cheap enough for every run.
find_engine() {
	ENGINE_FOUND=''
	ENGINE_DIR=$ENGINE_CACHE/$(engine_key)
	for engine_candidate in "${HITHER_ENGINE:-}" "$(command -v llama-server || :)" \
		/usr/lib/llama.cpp/llama-server; do
		if [ -n "$engine_candidate" ] && engine_suits "$engine_candidate"; then
			ENGINE_FOUND=$engine_candidate
			return 0
		fi
	done
	if engine_whole "$ENGINE_DIR"; then ENGINE_FOUND=$ENGINE_DIR/llama-server; fi
}

fetch_bundle() {
	ENGINE_BUNDLE=$ENGINE_CACHE/gitRelease-$ENGINE_BUNDLE_SHA256.bundle
	if [ -r "$ENGINE_BUNDLE" ] && [ "$(sha256_of "$ENGINE_BUNDLE")" = "$ENGINE_BUNDLE_SHA256" ]; then
		return 0
	fi
	npm_fetch "$ENGINE_PACKAGE" "$ENGINE_INTEGRITY" "$ENGINE_PACKAGE_BYTES" 'llama.cpp source'
	mkdir -p "$ENGINE_CACHE"
	tar -xzOf "$NPM_TARBALL" "$ENGINE_MEMBER" >"$ENGINE_BUNDLE.part" ||
		fail "no $ENGINE_MEMBER in $ENGINE_PACKAGE" 'report this; the pinned package should hold it'
	[ "$(sha256_of "$ENGINE_BUNDLE.part")" = "$ENGINE_BUNDLE_SHA256" ] ||
		fail 'the llama.cpp source bundle has the wrong hash' 'report this; nothing was built from it'
	mv -f "$ENGINE_BUNDLE.part" "$ENGINE_BUNDLE"
	rm -f "$NPM_TARBALL"
}

# Run as a job: configure, compile, and only then put the result into its place.
# shellcheck disable=SC2016 # expanded by the inner shell
ENGINE_BUILD='
set -eu
bundle=$1 work=$2 target=$3 jobs=$4
shift 4
if [ ! -e "$work/source.done" ]; then
	rm -rf "$work"
	mkdir -p "$work"
	git clone -q "$bundle" "$work/source"
	: >"$work/source.done"
fi
[ -e "$work/build/build.ninja" ] || cmake -S "$work/source" -B "$work/build" -G Ninja "$@"
ninja -C "$work/build" -j "$jobs" llama-server
rm -rf "$work/made"
mkdir "$work/made"
strip -o "$work/made/llama-server" "$work/build/bin/llama-server"
"$work/made/llama-server" --version
(cd "$work/made" && sha256sum llama-server >llama-server.sha256)
rm -rf "$target"
mv "$work/made" "$target"
rm -rf "$work"
'

engine_build_progress() {
	grep -a -o '^\[[0-9]*/[0-9]*\]' "$ENGINE_LOG" 2>/dev/null | tail -n 1 |
		sed 's/^\[\([0-9]*\)\/\([0-9]*\)\]$/\1 \2 files/'
}

# One compiler takes up to 1 GB on the largest files.
engine_jobs() {
	awk -v cores="$(nproc)" '/^MemAvailable:/ {
		fit = int($2 / 1000000)
		print fit < 1 ? 1 : (fit < cores ? fit : cores)
	}' /proc/meminfo
}

build_engine() {
	engine_free=$(df -Pk "$ENGINE_CACHE" | awk 'NR == 2 { print $4 }')
	[ "$engine_free" -gt 1500000 ] || fail "the engine build needs 1.5 GB in $ENGINE_CACHE" \
		'free some space there, or set XDG_CACHE_HOME to a larger disk'
	ENGINE_LOG=$LOG_DIR/engine-build.log
	say "Building llama-server for this processor: once, about 4 minutes on 2 cores."
	old_ifs=$IFS
	IFS='
'
	# shellcheck disable=SC2086 # one word per line
	set -- $ENGINE_FLAGS
	IFS=$old_ifs
	start_job "$ENGINE_LOG" sh -c "$ENGINE_BUILD" engine-build "$ENGINE_BUNDLE" \
		"$ENGINE_DIR.work" "$ENGINE_DIR" "$(engine_jobs)" "$@"
	follow 'compiling' engine_build_progress || {
		show_log_end "$ENGINE_LOG"
		fail 'the engine did not build' "see $ENGINE_LOG; ./quickstart again goes on where it stopped"
	}
}

# Leaves a checked llama-server at ENGINE_LINK.
provide_engine() {
	if [ -z "$ENGINE_FOUND" ]; then
		mkdir -p "$ENGINE_CACHE"
		fetch_bundle
		build_engine
		if ! engine_whole "$ENGINE_DIR" || ! engine_suits "$ENGINE_DIR/llama-server"; then
			fail 'the engine that was built does not run' "see $LOG_DIR/engine-build.log"
		fi
		ENGINE_FOUND=$ENGINE_DIR/llama-server
	fi
	mkdir -p "$(dirname "$ENGINE_LINK")"
	ln -sfn "$ENGINE_FOUND" "$ENGINE_LINK.new" && mv -fT "$ENGINE_LINK.new" "$ENGINE_LINK"
	say "$("$ENGINE_FOUND" --version 2>&1 | sed -n 's/^version: /llama-server /p') at $ENGINE_FOUND"
}
