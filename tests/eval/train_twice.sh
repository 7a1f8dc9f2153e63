#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Training twice gives the same file: train_twice.sh ROOT. On every 20th row of the data in
# HITHER_TRAINING_DATA, so that it takes seconds; EVERY=1 for all of it. Exit 77 without the data
# or the libraries.
set -eu
[ -n "${HITHER_TRAINING_DATA:-}" ] || { echo "HITHER_TRAINING_DATA is not set"; exit 77; }
PYTHON=${PYTHON:-/usr/bin/python3}
"$PYTHON" -c 'import numpy, scipy, sklearn' 2>/dev/null || { echo "no NumPy, SciPy, scikit-learn"; exit 77; }
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT INT TERM
for i in 1 2; do
	PYTHON=$PYTHON "$1/training/train.sh" "$HITHER_TRAINING_DATA" --folds 0 --every "${EVERY:-20}" --out "$D/$i" > "$D/log" 2>&1 || {
		cat "$D/log"
		exit 1
	}
done
cmp "$D/1" "$D/2"
sha256sum "$D/1" "$D/2"
