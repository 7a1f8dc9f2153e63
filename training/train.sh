#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Trains the classifier: training/train.sh DATA_DIR [options of train.py]
# DATA_DIR holds the JSON lines files listed in training/README.md. Without options it
# cross-validates, writes models/classifier.bin with its pin, docs/classifier.json with the
# figures, the tables and the plot of the model card, and the golden outputs of the tests.
set -eu

# In a function, so that the whole script is read before it runs.
main() {
	ROOT=$(cd "$(dirname "$0")/.." && pwd)
	PYTHON=${PYTHON:-/usr/bin/python3}
	[ $# -ge 1 ] || { echo "usage: $0 DATA_DIR [options of train.py]" >&2; exit 2; }
	DATA=$1
	shift
	TMP=$(mktemp -d)
	trap 'rm -rf "$TMP"' EXIT INT TERM

	cd "$ROOT"
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -DCLASSIFIER_INSTALLED='""' -O2 -ffp-contract=off -I. -shared \
		-fPIC router/classify/*.c crypto/crypto.c common/buf.c common/clock.c common/text.c common/err.c common/fault.c -lmbedcrypto -lm \
		-Wl,-z,defs -o "$TMP/classify.so"
	export HITHER_CLASSIFY_LIB="$TMP/classify.so"
	# One thread and one order of summation: the same figures on every run.
	export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
	if [ $# -eq 0 ]; then
		"$PYTHON" training/train.py --data "$DATA" --out models/classifier.bin \
			--pin router/classify/weights_pin.h --report docs/classifier.json
		"$PYTHON" training/plot.py docs/classifier.json docs/classifier.svg
		"$PYTHON" training/card.py docs/classifier.json docs/classifier.md
		"$PYTHON" training/golden.py models/classifier.bin > tests/unit/classify_golden.inc
	else
		"$PYTHON" training/train.py --data "$DATA" "$@"
	fi
}

main "$@"
