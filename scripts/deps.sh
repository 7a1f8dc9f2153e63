# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Debian packages: what is missing is installed, nothing else is touched.
#
# Debian 12 lacks llhttp, Mbed TLS 3.6 and a current meson. Their Debian 13 packages need nothing
# newer than Debian 12's libc, so those are downloaded with a package state of our own: its source
# list names the machine's own mirror with the suite replaced, its signatures are checked with the
# machine's own keyring, and the system's sources, lists and pins are neither read for it nor changed.
#
# Read by quickstart after lib.sh.

BUILD_PACKAGES='build-essential pkg-config ninja-build meson python3 ca-certificates git curl
	libuv1-dev libcurl4-openssl-dev libcjson-dev libllhttp-dev libmbedtls-dev libsqlite3-dev
	libpcre2-dev libutf8proc-dev libseccomp-dev libsystemd-dev libedit-dev
	libcmocka-dev'
# Taken from Debian 13 on Debian 12, each with the least version that will do.
NEWER_PACKAGES='libllhttp-dev:9 libllhttp9.2:9 libmbedtls-dev:3.6 libmbedcrypto16:3.6
	libmbedtls21:3.6 libmbedx509-7:3.6 meson:1.2'
NEWER_SUITE=trixie
NPM_PACKAGES='nodejs npm'
CMAKE_PACKAGES='cmake'

# Sets DEBIAN_RELEASE (12, 13) and DEBIAN_SUITE, or fails.
detect_debian() {
	os_id='' os_version='' os_suite='' os_title=''
	if [ -r "${OS_RELEASE:-/etc/os-release}" ]; then
		# shellcheck disable=SC1090,SC1091 # the system's own description
		eval "$(. "${OS_RELEASE:-/etc/os-release}" && printf \
			"os_id='%s' os_version='%s' os_suite='%s' os_title='%s'" "${ID:-}" \
			"${VERSION_ID:-}" "${VERSION_CODENAME:-}" "${PRETTY_NAME:-}")"
	fi
	case $os_id:$os_version in
	debian:12 | debian:13) DEBIAN_RELEASE=$os_version DEBIAN_SUITE=$os_suite ;;
	*)
		fail "this machine runs ${os_title:-an unknown system}; packages are known for Debian 12 and 13 only" \
			"install the libraries that README.md lists, then: meson setup build && ninja -C build"
		;;
	esac
}

installed_version() {
	dpkg-query -W -f='${db:Status-Status} ${Version}\n' "$1" 2>/dev/null |
		awk '$1 == "installed" { print $2; exit }'
}

# Sets MISSING_HERE (from the machine's own sources) and MISSING_NEWER (from Debian 13).
find_missing() {
	MISSING_HERE='' MISSING_NEWER=''
	newer_names=''
	if [ "$DEBIAN_RELEASE" = 12 ]; then
		for pair in $NEWER_PACKAGES; do
			newer_names="$newer_names ${pair%%:*} "
			version=$(installed_version "${pair%%:*}")
			if [ -z "$version" ] || dpkg --compare-versions "$version" lt "${pair#*:}"; then
				MISSING_NEWER="$MISSING_NEWER ${pair%%:*}"
			fi
		done
	fi
	wanted=$BUILD_PACKAGES
	if [ "$NEED_ENGINE_BUILD" = 1 ] && ! have cmake; then wanted="$wanted $CMAKE_PACKAGES"; fi
	if [ "$NEED_NPM" = 1 ] && ! have npm; then wanted="$wanted $NPM_PACKAGES"; fi
	for package in $wanted; do
		case $newer_names in *" $package "*) continue ;; esac
		[ -n "$(installed_version "$package")" ] || MISSING_HERE="$MISSING_HERE $package"
	done
}

# What to ask of somebody who is root here.
without_root() {
	if [ -n "$MISSING_NEWER" ]; then
		echo 'as root, in a clone of its own: ./quickstart --yes --no-start (some come from Debian 13); then ./quickstart here again'
	else
		echo "as root: apt-get install$MISSING_HERE; then ./quickstart again"
	fi
}

# Sets AS_ROOT to the command prefix that gives root's rights.
find_root() {
	if [ "$(id -u)" -eq 0 ]; then
		AS_ROOT=''
	elif have sudo; then
		AS_ROOT='sudo'
		sudo -n true 2>/dev/null || sudo -v || fail 'sudo did not give root rights' "$(without_root)"
	else
		fail 'packages are missing, and this is neither root nor is there sudo' "$(without_root)"
	fi
}

# apt_bytes_of "126 MB of archives." or "729 kB/3051 kB of ...": the first size, in bytes.
apt_bytes_of() {
	echo "$1" | awk '{
		split($2, unit, "/")
		power["B"] = 1; power["kB"] = 1e3; power["MB"] = 1e6; power["GB"] = 1e9
		printf "%d", $1 * power[unit[1]]
	}'
}

# apt_download_text "dlstatus:FILE:PERCENT:TEXT": bytes, rate and time left; in lists, where apt does
# not know the size beforehand, what apt itself says.
apt_download_text() {
	rest=${1#*:} rest=${rest#*:}
	if [ "$apt_bytes" -gt 0 ]; then
		progress_text "$(awk -v p="${rest%%:*}" -v b="$apt_bytes" 'BEGIN { printf "%d", p * b / 100 }')" \
			"$apt_bytes" bytes $(($(date +%s) - apt_start))
	else
		printf '%s %% %s' "${rest%%.*}" "${rest#*:}"
	fi
}

# apt_run LABEL ARGUMENTS...: apt-get with its own progress shown as ours; its words go to the log.
# After an interrupt it ends when dpkg lets it; the next one waits for its lock (and not for ours).
apt_run() {
	apt_label=$1
	shift
	progress_begin
	printf '\n# apt-get %s\n' "$*" >>"$APT_LOG"
	{
		apt_status=0
		# shellcheck disable=SC2086 # AS_ROOT is a word or nothing
		$AS_ROOT env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -o APT::Status-Fd=1 \
			-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" \
			</dev/null 2>&1 9>&- || apt_status=$?
		echo "apt-status:$apt_status"
	} | {
		apt_status=1 apt_bytes=0 apt_start=$(date +%s)
		while IFS= read -r line; do
			case $line in
			dlstatus:*) show_progress "$apt_label" "$(apt_download_text "$line")" ;;
			pmstatus:*)
				rest=${line#*:} rest=${rest#*:}
				show_progress "$apt_label" "${rest%%.*} % ${rest#*:}"
				;;
			apt-status:*) apt_status=${line#*:} ;;
			*)
				printf '%s\n' "$line" >>"$APT_LOG"
				case $line in
				'Need to get '*) apt_bytes=$(apt_bytes_of "${line#Need to get }") ;;
				esac
				;;
			esac
		done
		end_progress
		exit "$apt_status"
	}
}

apt_lists_present() {
	for list in /var/lib/apt/lists/*_Packages*; do
		[ -e "$list" ] && return 0
	done
	return 1
}

# apt refuses to work on what an interrupted dpkg has left in its journal.
dpkg_was_interrupted() {
	for entry in "${DPKG_STATE:-/var/lib/dpkg}"/updates/[0-9]*; do
		[ -e "$entry" ] && return 0
	done
	return 1
}

# What cannot be configured yet is half-unpacked; the installation that follows does it again.
finish_interrupted() {
	dpkg_was_interrupted || return 0
	say 'An installation was interrupted before; finishing it (dpkg --configure -a).'
	printf '\n# dpkg --configure -a\n' >>"$APT_LOG"
	# shellcheck disable=SC2086 # AS_ROOT is a word or nothing
	$AS_ROOT env DEBIAN_FRONTEND=noninteractive LC_ALL=C dpkg --configure -a \
		</dev/null >>"$APT_LOG" 2>&1 9>&- || :
}

install_here() {
	finish_interrupted
	if apt_lists_present &&
		apt_run 'installing' install -y --no-install-recommends "$@"; then
		return 0
	fi
	say 'Refreshing the package lists (apt-get update).'
	apt_run 'package lists' update || {
		show_log_end "$APT_LOG"
		fail 'apt-get update failed' 'check the network and /etc/apt/sources.list*, then ./quickstart again'
	}
	finish_interrupted # again: the interrupted one may have held its lock until now
	apt_run 'installing' install -y --no-install-recommends "$@" || {
		show_log_end "$APT_LOG"
		fail "apt-get could not install: $*" "apt-get install $* shows why; then ./quickstart again"
	}
}

# own_mirror SUITE [FILE...]: print "KEYRING URI" of the first archive entry for SUITE in the machine's
# own configuration, in either format; KEYRING is "-" where the entry names none.
own_mirror() {
	mirror_suite=$1
	shift
	[ $# -gt 0 ] || set -- /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
		/etc/apt/sources.list.d/*.sources
	for source_file do
		[ -r "$source_file" ] || continue
		case $source_file in
		*.sources) mirror_deb822 "$mirror_suite" "$source_file" ;;
		*) mirror_one_line "$mirror_suite" "$source_file" ;;
		esac
	done | head -n 1
}

mirror_one_line() {
	awk -v suite="$1" '
		$1 != "deb" { next }
		{
			key = "-"; uri = ""; at = 2
			if ($2 ~ /^\[/) {
				for (at = 2; at <= NF; at++) {
					word = $at
					gsub(/[][]/, "", word)
					if (word ~ /^signed-by=\//) key = substr(word, 11)
					if ($at ~ /\]$/) { at++; break }
				}
			}
			uri = $at
			if ($(at + 1) == suite && uri !~ /^cdrom:/) print key, uri
		}' "$2"
}

mirror_deb822() {
	awk -v suite="$1" '
		function stanza_end(   n, i, words) {
			n = split(suites, words, /[ \t]+/)
			for (i = 1; i <= n; i++)
				if (words[i] == suite && types ~ /(^|[ \t])deb([ \t]|$)/ && enabled != "no") {
					split(uris, words, /[ \t]+/)
					print (key ~ /^\// ? key : "-"), words[1]
					break
				}
			suites = types = uris = key = enabled = field = ""
		}
		/^[ \t]*$/ { stanza_end(); next }
		/^#/ { next }
		{
			value = $0
			if ($0 !~ /^[ \t]/) {
				field = tolower(substr($0, 1, index($0, ":") - 1))
				value = substr($0, index($0, ":") + 1)
			}
			sub(/^[ \t]+/, "", value)
			sub(/[ \t]+$/, "", value)
			if (field == "suites") suites = suites (suites == "" ? "" : " ") value
			if (field == "types") types = types (types == "" ? "" : " ") value
			if (field == "uris") uris = uris (uris == "" ? "" : " ") value
			if (field == "signed-by") key = value
			if (field == "enabled") enabled = tolower(value)
		}
		END { stanza_end() }' "$2"
}

# A package state of our own that knows Debian 13 and nothing else; sets NEWER_OPTIONS.
prepare_newer() {
	mirror=$(own_mirror "$DEBIAN_SUITE")
	[ -n "$mirror" ] || fail "no source for $DEBIAN_SUITE in /etc/apt/sources.list*" \
		'add the Debian mirror that this machine should use, then ./quickstart again'
	keyring=${mirror%% *} uri=${mirror#* }
	[ "$keyring" != - ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	scratch_dir
	newer=$SCRATCH/$NEWER_SUITE
	mkdir -p "$newer/state/lists/partial" "$newer/cache/archives/partial" "$newer/parts" "$newer/debs"
	chmod -R a+rX "$SCRATCH"
	printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$NEWER_SUITE" >"$newer/sources.list"
	NEWER_OPTIONS="-o Dir::Etc::sourcelist=$newer/sources.list -o Dir::Etc::sourceparts=$newer/parts
		-o Dir::Etc::preferencesparts=$newer/parts -o Dir::Etc::preferences=/dev/null
		-o Dir::State=$newer/state -o Dir::State::status=/var/lib/dpkg/status
		-o Dir::Cache=$newer/cache -o APT::Sandbox::User=root"
	say "Debian 12 has no current $(echo "$MISSING_NEWER" | sed 's/^ //; s/ /, /g')."
	say "Taking them from Debian 13 at $uri; this machine's package sources stay as they are."
}

install_newer() {
	prepare_newer
	# shellcheck disable=SC2086 # options and package names are words on purpose
	apt_run 'Debian 13 list' $NEWER_OPTIONS update || {
		show_log_end "$APT_LOG"
		fail "the Debian 13 package list could not be read from $uri" \
			'check that this mirror carries trixie and that debian-archive-keyring is up to date'
	}
	# shellcheck disable=SC2086
	(cd "$newer/debs" && apt_run 'downloading' $NEWER_OPTIONS download $MISSING_NEWER) || {
		show_log_end "$APT_LOG"
		fail 'the Debian 13 packages could not be downloaded' 'check the network, then ./quickstart again'
	}
	install_here "$newer"/debs/*.deb
	for package in $MISSING_NEWER; do
		say "installed $package $(installed_version "$package") (Debian 13)"
	done
}

confirm_packages() {
	[ "$ASSUME_YES" = 1 ] && return 0
	if [ ! -r /dev/tty ] || ! { : </dev/tty; } 2>/dev/null; then
		fail 'packages are missing and there is no terminal to ask on' './quickstart --yes'
	fi
	printf '    Install these packages? [Y/n] ' >&2
	read -r answer </dev/tty || answer=n
	case $answer in
	'' | y* | Y*) ;;
	*) fail 'you said no to the packages' "install them your own way, then ./quickstart again" ;;
	esac
}

install_packages() {
	detect_debian
	find_missing
	if [ -z "$MISSING_HERE$MISSING_NEWER" ]; then
		say "Debian $DEBIAN_RELEASE; nothing is missing."
		return 0
	fi
	say "Debian $DEBIAN_RELEASE; missing:$MISSING_HERE$MISSING_NEWER"
	find_root
	confirm_packages
	APT_LOG=$LOG_DIR/packages.log
	: >"$APT_LOG"
	# shellcheck disable=SC2086 # package names are words on purpose
	[ -z "$MISSING_HERE" ] || install_here $MISSING_HERE
	[ -z "$MISSING_NEWER" ] || install_newer
	find_missing
	[ -z "$MISSING_HERE$MISSING_NEWER" ] || fail "still missing:$MISSING_HERE$MISSING_NEWER" \
		"look into $APT_LOG"
}
