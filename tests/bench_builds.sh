#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs that bench/*.sh put together from folders' sources still compile and link; they are
# not run: a script stands where the linker wrote. usage: bench_builds.sh ROOT
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cat >"$work/cc" <<'EOF'
#!/bin/sh
set -eu
cc "$@" -O0
for last; do :; done
printf '#!/bin/sh\necho 1\n' >"$last"
EOF
chmod +x "$work/cc"
mkdir "$work/out"
for name in scan score translate; do
	CC="$work/cc" "$root/bench/$name.sh" "$work/out" >"$work/log" 2>&1 || {
		cat "$work/log"
		exit 1
	}
	[ -x "$work/out/bench_$name" ] || { echo "bench/$name.sh built nothing"; exit 1; }
done
