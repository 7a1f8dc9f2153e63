# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The on-device model: the best of models/catalogue.json that fits this machine and can be had.
# Fetching, checking and storing are `hither model pull`'s business; this chooses.
#
# Read by quickstart after lib.sh.

MODELS_DIR=${XDG_DATA_HOME:-$HOME/.local/share}/hither/models

# catalogue COMMAND [ARGUMENT]: questions about the catalogue, answered one line each.
#   fitting      NAME KIND URL of every model that fits memory, processors and disk, best first
#   installed    name of the best model whose whole file is here
#   default      name of the model that npm alone can bring
#   file NAME    its file, when it is here whole
CATALOGUE_PY='
import json, os, sys
catalogue = json.load(open(sys.argv[1]))
models_dir, command = sys.argv[2], sys.argv[3]
models = sorted(catalogue["models"], key=lambda m: -m["rank"])
def path(m): return os.path.join(models_dir, m["name"] + ".gguf")
def here(m): return os.path.isfile(path(m)) and os.path.getsize(path(m)) == m["bytes"]
if command == "fitting":
    memory = {l.split(":")[0]: int(l.split()[1]) * 1024 for l in open("/proc/meminfo")}
    probe = models_dir
    while not os.path.isdir(probe): probe = os.path.dirname(probe)
    disk = os.statvfs(probe)
    for m in models:
        # Half the memory is left to the rest of the machine; about a billion weights per processor is
        # what answers at reading speed without an accelerator.
        if (m["memory_bytes"] * 2 <= memory["MemTotal"]
                and m["memory_bytes"] <= memory.get("MemAvailable", memory["MemTotal"])
                and float(m["parameters"].rstrip("B")) * 1e9 <= len(os.sched_getaffinity(0)) * 1.1e9
                and (here(m) or m["bytes"] * 2 + 2**28 <= disk.f_bavail * disk.f_frsize)):
            s = m["sources"][0]
            print(m["name"], s["kind"], s.get("url", "-"))
elif command == "installed":
    print(next((m["name"] for m in models if here(m)), ""))
elif command == "default":
    print(catalogue["default"])
elif command == "file":
    print(next((path(m) for m in models if m["name"] == sys.argv[4] and here(m)), ""))
'

catalogue() {
	python3 -I -c "$CATALOGUE_PY" "$ROOT/models/catalogue.json" "$MODELS_DIR" "$@"
}

# Before python is known to be there: is the wanted model here, or any where none is named?
model_file_present() {
	for model_file in "$MODELS_DIR"/${WANT_MODEL:-*}.gguf; do
		[ -e "$model_file" ] && return 0
	done
	return 1
}

# A wrong name is told before the long steps, not after them.
check_wanted_model() {
	[ -n "$WANT_MODEL" ] || return 0
	model_file_present && return 0
	grep -qF "\"name\": \"$WANT_MODEL\"" "$ROOT/models/catalogue.json" && return 0
	usage_error "there is no model $WANT_MODEL; models/catalogue.json has: $(sed -n \
		's/^.*"name": "\([^"]*\)".*$/\1/p' "$ROOT/models/catalogue.json" | paste -sd ' ')"
}

source_answers() {
	case $1 in
	https) curl -fsIL --connect-timeout 5 --max-time 15 -o /dev/null "$2" 2>/dev/null ;;
	*) return 0 ;;
	esac
}

# pull NAME: true when the model is here, whole and checked.
pull_model() {
	use_system_authorities
	"$HITHER" model pull "$1" </dev/null
}

# Sets MODEL_NAME.
choose_and_pull() {
	MODEL_NAME=$(catalogue installed)
	if [ -n "$MODEL_NAME" ]; then
		say "$MODEL_NAME is already here."
		return 0
	fi
	catalogue fitting >"$LOG_DIR/models"
	while read -r candidate kind url <&3; do
		if ! source_answers "$kind" "$url"; then
			say "$candidate would fit, but its source does not answer."
			continue
		fi
		say "$candidate is the best model that fits this machine and can be had."
		if pull_model "$candidate"; then
			MODEL_NAME=$candidate
			return 0
		fi
		say "$candidate did not arrive; trying the next."
	done 3<"$LOG_DIR/models"
	MODEL_NAME=$(catalogue default)
	say "Falling back to the default model, $MODEL_NAME."
	pull_model "$MODEL_NAME"
}

provide_model() {
	if [ -n "$WANT_MODEL" ]; then
		MODEL_NAME=$WANT_MODEL
		[ -n "$(catalogue file "$MODEL_NAME")" ] || [ -e "$MODELS_DIR/$MODEL_NAME.gguf" ] ||
			pull_model "$MODEL_NAME" ||
			fail "the model $MODEL_NAME could not be had" 'build/hither model list shows the names'
	else
		choose_and_pull || fail "no model could be had, not even $MODEL_NAME" \
			'check the network and npm config get registry, then ./quickstart again'
	fi
	"$HITHER" model use "$MODEL_NAME" >"$LOG_DIR/model-use.log" 2>&1 || {
		show_log_end "$LOG_DIR/model-use.log"
		fail "the model $MODEL_NAME could not be selected" "build/hither model use $MODEL_NAME"
	}
	say "On-device model: $MODEL_NAME"
}
